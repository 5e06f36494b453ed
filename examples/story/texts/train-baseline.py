"""Trains the baseline: averaged word embeddings and one linear layer."""

import csv
import json
import random
from pathlib import Path

import torch
from safetensors.torch import save_file

from features import LABELS, vectorise

PARAMETERS = {"learning_rate": 0.01, "epochs": 12, "batch_size": 64, "embedding": 64, "vocabulary": 2048, "seed": 7}


class Baseline(torch.nn.Module):
    def __init__(self, vocabulary: int, embedding: int, labels: int) -> None:
        super().__init__()
        self.embedding = torch.nn.EmbeddingBag(vocabulary, embedding, mode="mean")
        self.classifier = torch.nn.Linear(embedding, labels)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.embedding(words))


def main() -> None:
    random.seed(PARAMETERS["seed"])
    torch.manual_seed(PARAMETERS["seed"])
    with Path("data/train.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    model = Baseline(PARAMETERS["vocabulary"], PARAMETERS["embedding"], len(LABELS))
    optimizer = torch.optim.Adam(model.parameters(), PARAMETERS["learning_rate"])
    for _ in range(PARAMETERS["epochs"]):
        random.shuffle(rows)
        for start in range(0, len(rows), PARAMETERS["batch_size"]):
            words, wanted = vectorise(rows[start : start + PARAMETERS["batch_size"]])
            loss = torch.nn.functional.cross_entropy(model(words), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    save_file(model.state_dict(), "model/model.safetensors")
    Path("model/parameters.json").write_text(json.dumps(PARAMETERS))


if __name__ == "__main__":
    main()
