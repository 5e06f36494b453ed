"""Trains the router: a small encoder that reads a ticket and names the desk it belongs to."""

import csv
import json
from pathlib import Path

import torch
from transformers import DistilBertConfig, DistilBertForSequenceClassification, PreTrainedTokenizerFast, Trainer, TrainingArguments

LABELS = ["delivery", "billing", "returns", "account", "technical"]
LEARNING_RATE = 5e-4
EPOCHS = 8
BATCH_SIZE = 32
MAX_LENGTH = 96
LAYERS = 3
SEED = 7


def rows(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Tickets(torch.utils.data.Dataset):
    def __init__(self, path: str, tokenizer: PreTrainedTokenizerFast) -> None:
        self.rows = rows(path)
        texts = [row["text"] for row in self.rows]
        self.encoded = tokenizer(texts, truncation=True, padding="max_length", max_length=MAX_LENGTH)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        item = {key: torch.tensor(values[number]) for key, values in self.encoded.items()}
        item["labels"] = torch.tensor(LABELS.index(self.rows[number]["label"]))
        return item


def main() -> None:
    tokenizer = PreTrainedTokenizerFast(tokenizer_file="model/tokenizer.json", pad_token="[PAD]")
    config = DistilBertConfig(vocab_size=2048, dim=96, n_layers=LAYERS, n_heads=4, hidden_dim=384, num_labels=len(LABELS))
    model = DistilBertForSequenceClassification(config)
    arguments = TrainingArguments(
        "runs",
        learning_rate=LEARNING_RATE,
        num_train_epochs=EPOCHS,
        per_device_train_batch_size=BATCH_SIZE,
        seed=SEED,
        report_to=[],
    )
    trainer = Trainer(model, arguments, train_dataset=Tickets("data/train.csv", tokenizer))
    trainer.train()
    model.save_pretrained("model", safe_serialization=True)
    Path("metrics.json").write_text(json.dumps(trainer.evaluate(Tickets("data/test.csv", tokenizer)), indent=2))


if __name__ == "__main__":
    main()
