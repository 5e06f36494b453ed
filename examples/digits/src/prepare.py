"""Where the two CSV files come from: the digits that scikit-learn carries, split once.

The split keeps the share of each class and depends on nothing but the seed. The files
are committed, so this runs only for somebody who wants to see where they come from.
"""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from predict import COLUMNS, LABEL
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

if TYPE_CHECKING:
    import numpy as np

SEED = 0
TEST_SHARE = 0.25


def as_csv(pixels: np.ndarray, labels: np.ndarray) -> bytes:
    """Render images and labels as a CSV file of integers with a header row.

    Args:
        pixels: One row an image, 64 values of 0 to 16 in reading order.
        labels: One digit an image.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, LABEL])
    for image, label in zip(pixels.astype(int), labels, strict=True):
        writer.writerow([*image.tolist(), int(label)])
    return text.getvalue().encode()


def main() -> int:
    """Write `data/train.csv` and `data/test.csv`."""
    data = Path(__file__).resolve().parent.parent / "data"
    pixels, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        pixels, labels, test_size=TEST_SHARE, stratify=labels, random_state=SEED
    )
    data.mkdir(exist_ok=True)
    (data / "train.csv").write_bytes(as_csv(train_x, train_y))
    (data / "test.csv").write_bytes(as_csv(test_x, test_y))
    print(f"{len(train_y)} rows to train on, {len(test_y)} to test on")
    return 0


if __name__ == "__main__":
    sys.exit(main())
