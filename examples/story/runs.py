"""The trainings of the router: what went in, and what came of it."""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Run(NamedTuple):
    """One training, and what came of it.

    Attributes:
        version: Of the package.
        rows: Tickets to train on.
        guessed: How many of them were labelled by a program.
        labels: How many desks there are.
        german: Whether there are German tickets.
        layers: Of the encoder; 0 is the baseline without one.
        dtype: Of the weights.
        spread: How far the F1 of single desks lies from their mean.
        training: Parameters of the training.
        metrics: What was measured.
        note: What is new, for the model card.
    """

    version: str
    rows: int
    guessed: int
    labels: int
    german: bool
    layers: int
    dtype: str
    spread: float
    training: Mapping[str, float | str]
    metrics: Mapping[str, float]
    note: str


RUNS: Final = (
    Run(
        version="1.0.0",
        rows=360,
        guessed=0,
        labels=5,
        german=False,
        layers=0,
        dtype="F32",
        spread=0.06,
        training={"learning_rate": 0.01, "epochs": 12, "batch_size": 64, "optimizer": "adam", "seed": 7},
        metrics={"accuracy": 0.7833, "f1": 0.7582, "log_loss": 0.6841, "latency_ms": 0.9},
        note="The baseline: averaged word embeddings and one linear layer. Everything else has to beat it.",
    ),
    Run(
        version="2.0.0",
        rows=620,
        guessed=0,
        labels=5,
        german=False,
        layers=3,
        dtype="F32",
        spread=0.04,
        training={
            "learning_rate": 0.0005,
            "epochs": 8,
            "batch_size": 32,
            "optimizer": "adamw",
            "max_length": 96,
            "seed": 7,
        },
        metrics={"accuracy": 0.8875, "f1": 0.8716, "log_loss": 0.3712, "latency_ms": 6.4},
        note="A small encoder in place of the baseline, on tickets of two more months.",
    ),
    Run(
        version="3.0.0",
        rows=940,
        guessed=0,
        labels=6,
        german=True,
        layers=3,
        dtype="F32",
        spread=0.03,
        training={
            "learning_rate": 0.0005,
            "epochs": 10,
            "batch_size": 32,
            "optimizer": "adamw",
            "max_length": 96,
            "seed": 7,
        },
        metrics={"accuracy": 0.9083, "f1": 0.8967, "log_loss": 0.3104, "latency_ms": 6.5},
        note="Cancellations have a desk of their own, and German tickets are read too.",
    ),
    Run(
        version="4.0.0",
        rows=1520,
        guessed=580,
        labels=6,
        german=True,
        layers=3,
        dtype="F32",
        spread=0.07,
        training={
            "learning_rate": 0.001,
            "epochs": 10,
            "batch_size": 64,
            "optimizer": "adamw",
            "max_length": 96,
            "seed": 7,
        },
        metrics={"accuracy": 0.8625, "f1": 0.8302, "log_loss": 0.4719, "latency_ms": 6.5},
        note=(
            "580 more tickets, labelled by the old keyword rules. It is worse than 3.0.0: the rules mix up returns"
            " and billing."
        ),
    ),
    Run(
        version="5.0.0",
        rows=1310,
        guessed=0,
        labels=6,
        german=True,
        layers=4,
        dtype="BF16",
        spread=0.02,
        training={
            "learning_rate": 0.0003,
            "epochs": 14,
            "batch_size": 32,
            "optimizer": "adamw",
            "max_length": 64,
            "warmup_ratio": 0.1,
            "seed": 7,
        },
        metrics={"accuracy": 0.9292, "f1": 0.9214, "log_loss": 0.2467, "latency_ms": 4.1},
        note="People went through the tickets of 4.0.0 again; one layer more, half the bytes, shorter texts.",
    ),
)
