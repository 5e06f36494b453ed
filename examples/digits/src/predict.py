"""Read a digit: the trained network with nothing but NumPy.

Holds what a reader of the model needs: the CSV format, the safetensors format as far as
the model uses it, and the forward pass. Training and export are elsewhere.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SIDE = 8
BRIGHTEST = 16
COLUMNS = tuple(f"pixel_{row}_{column}" for row in range(SIDE) for column in range(SIDE))
LABEL = "label"
NUMBERS = frozenset(map(str, range(BRIGHTEST + 1)))
SHADES = " .:-=+*#@"


@dataclass(frozen=True)
class Digits:
    """The rows of one CSV file.

    Attributes:
        pixels: float32, one row an image, 64 values of 0 to 16 in reading order.
        labels: int64, one digit an image; absent where the file has no labels.
    """

    pixels: np.ndarray
    labels: np.ndarray | None

    @classmethod
    def read(cls, path: Path) -> Digits:
        """Read a CSV file of digits, with or without its label column.

        Raises:
            OSError: If the file cannot be read.
            ValueError: If it is not such a file; the message names the line.
        """
        with path.open(newline="", encoding="ascii") as file:
            rows = list(csv.reader(file))
        header = tuple(rows[0]) if rows else ()
        if header not in {COLUMNS, (*COLUMNS, LABEL)}:
            raise ValueError(f"{path}: the columns are not {COLUMNS[0]} to {COLUMNS[-1]}, and perhaps {LABEL}")
        for line, row in enumerate(rows[1:], start=2):
            if len(row) != len(header) or not NUMBERS.issuperset(row):
                raise ValueError(f"{path}:{line}: not {len(header)} whole numbers of 0 to {BRIGHTEST}")
        values = np.array(rows[1:], dtype=np.int64).reshape(-1, len(header))
        pixels = values[:, : len(COLUMNS)]
        labels = values[:, -1] if header[-1] == LABEL else None
        return cls(pixels.astype(np.float32), labels)


@dataclass(frozen=True)
class Layer:
    """One fully connected layer.

    Attributes:
        weight: float32 of shape (out, in).
        bias: float32 of shape (out,).
    """

    weight: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class Network:
    """A multi-layer perceptron: ReLU between its layers, softmax after the last."""

    layers: tuple[Layer, ...]
    scale: float
    classes: tuple[int, ...]

    @classmethod
    def parse(cls, config: dict[str, Any], weights: bytes) -> Network:
        """Build a network from the content of `config.json` and `digits.safetensors`.

        Raises:
            ValueError: If the weights are not the ones that the configuration names.
        """
        tensors = read_safetensors(weights)
        names = [f"layers.{index}" for index in range(len(config["hidden_sizes"]) + 1)]
        wanted = {f"{name}.{end}" for name in names for end in ("weight", "bias")}
        if set(tensors) != wanted:
            raise ValueError(f"tensors are {sorted(tensors)}, not {sorted(wanted)}")
        layers = (Layer(tensors[f"{name}.weight"], tensors[f"{name}.bias"]) for name in names)
        classes = (int(label) for label in config["id2label"].values())
        return cls(tuple(layers), config["preprocessing"]["scale"], tuple(classes))

    @classmethod
    def load(cls, folder: Path) -> Network:
        """Load the network of a model folder.

        Raises:
            OSError: If a file cannot be read.
            ValueError: If a file is not what its name says.
        """
        config = json.loads((folder / "config.json").read_bytes())
        weights = (folder / "digits.safetensors").read_bytes()
        try:
            return cls.parse(config, weights)
        except KeyError as error:
            raise ValueError(f"{folder / 'config.json'}: no {error}") from error

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        """Return one row an image, one probability a class.

        Args:
            pixels: float32, one row an image, 64 values of 0 to 16.
        """
        *hidden, last = self.layers
        values = pixels * np.float32(self.scale)
        for layer in hidden:
            values = np.maximum(values @ layer.weight.T + layer.bias, 0)
        scores = values @ last.weight.T + last.bias
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)


def read_safetensors(content: bytes) -> dict[str, np.ndarray]:
    """Return the float32 tensors of a safetensors file by name.

    The format is an eight-byte little-endian length, that much JSON, then the numbers.

    Raises:
        ValueError: If the content is not such a file or holds another type of number.
    """
    start = 8 + int.from_bytes(content[:8], "little")
    if start > len(content):
        raise ValueError(f"safetensors: header of {start - 8} bytes in {len(content)}")
    entries = json.loads(content[8:start])
    entries.pop("__metadata__", None)
    tensors = {}
    for name, entry in entries.items():
        if entry["dtype"] != "F32":
            raise ValueError(f"safetensors: {name} is {entry['dtype']}, not F32")
        first, end = entry["data_offsets"]
        numbers = np.frombuffer(content[start + first : start + end], dtype="<f4")
        tensors[name] = numbers.reshape(entry["shape"])
    return tensors


@dataclass(frozen=True)
class Reading:
    """What the network makes of one image."""

    row: int
    pixels: np.ndarray
    label: int | None
    probabilities: dict[int, float]

    @property
    def predicted(self) -> int:
        """The class with the highest probability."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    def as_json(self) -> str:
        """Render one JSON object, which `prompts/explain.system.md` describes."""
        return json.dumps(
            {
                "row": self.row,
                "predicted": self.predicted,
                "label": self.label,
                "probabilities": {str(digit): round(share, 4) for digit, share in self.probabilities.items()},
                "pixels": self.pixels.astype(int).tolist(),
            }
        )

    def as_text(self) -> str:
        """Draw the image and list the three likeliest digits."""
        likeliest = sorted(self.probabilities.items(), key=lambda item: -item[1])[:3]
        labelled = "" if self.label is None else f", labelled {self.label}"
        return "\n".join(
            [
                f"row {self.row}{labelled}",
                "",
                draw(self.pixels),
                "",
                f"predicted {self.predicted}",
                *(f"  {digit}  {share:7.2%}" for digit, share in likeliest),
            ]
        )


def draw(pixels: np.ndarray) -> str:
    """Draw an image of 8 x 8 values of 0 to 16 as eight lines of text."""
    shades = (pixels.astype(int) * (len(SHADES) - 1)) // BRIGHTEST
    return "\n".join("".join(SHADES[shade] * 2 for shade in line) for line in shades)


def read_digit(network: Network, digits: Digits, row: int) -> Reading:
    """Let the network read one row.

    Raises:
        ValueError: If there is no such row.
    """
    if not 0 <= row < len(digits.pixels):
        raise ValueError(f"no row {row}: they are 0 to {len(digits.pixels) - 1}")
    [shares] = network.probabilities(digits.pixels[row : row + 1])
    return Reading(
        row=row,
        pixels=digits.pixels[row].reshape(SIDE, SIDE),
        label=None if digits.labels is None else int(digits.labels[row]),
        probabilities=dict(zip(network.classes, map(float, shares), strict=True)),
    )


def main() -> int:
    """Predict one row of a CSV file and print it."""
    project = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description="Read one handwritten digit.")
    parser.add_argument("csv", type=Path, help="the file, as data/test.csv is")
    parser.add_argument("--row", type=int, default=0, help="from 0, header not counted")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--model", type=Path, default=project / "model", help="its folder")
    options = parser.parse_args()
    try:
        network = Network.load(options.model)
        reading = read_digit(network, Digits.read(options.csv), options.row)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"predict: {error}\n")
        return 1
    print(reading.as_json() if options.json else reading.as_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
