"""Answers one question over HTTP: which desk does this ticket belong to, and how sure is the model?"""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast

UNSURE = 0.6  # below this, a person looks at the ticket


def route(text: str, directory: Path = Path("model")) -> dict[str, object]:
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(directory / "tokenizer.json"), pad_token="[PAD]")
    model = AutoModelForSequenceClassification.from_pretrained(directory).eval()
    with torch.no_grad():
        scores = model(**tokenizer(text, return_tensors="pt", truncation=True)).logits.softmax(-1)[0]
    best = int(scores.argmax())
    sure = float(scores[best])
    return {"desk": model.config.id2label[best], "sure": round(sure, 3), "ask_a_person": sure < UNSURE}


if __name__ == "__main__":
    print(json.dumps(route(sys.stdin.read())))
