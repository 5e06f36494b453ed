"""Differences of texts: true, the smallest where that is cheap, and found in bounded time whatever the texts are."""

import os
import random
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchard.project import Line, LineKind, TextDiff, diff_texts, patch_lines
from orchard.project.comparing.lines import shared_runs
from orchard.project.comparing.notebooks import notebook_text
from orchard.project.comparing.texts import read_text, split_lines

LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "", "dd\n", "a\r\n"]), max_size=30)
TEXTS = LINES.map("".join) | st.text(max_size=60)


def applied(old: str, diff: TextDiff) -> str:
    """Make the second text out of the first and what differs."""
    lines = split_lines(old)
    made: list[str] = []
    at = 0
    for hunk in diff.hunks:
        start = hunk.old_start - 1 if hunk.old_lines else hunk.old_start
        made += lines[at:start]
        assert len(made) == (hunk.new_start - 1 if hunk.new_lines else hunk.new_start)
        for line in hunk.lines:
            text = line.text + ("" if line.unfinished else "\n")
            if line.kind is not LineKind.ADDED:
                assert lines[(line.old or 0) - 1] == text
            if line.kind is not LineKind.REMOVED:
                made.append(text)
                assert line.new == len(made)
        at = start + hunk.old_lines
    return "".join(made + lines[at:])


def longest(one: Sequence[str], two: Sequence[str]) -> int:
    """Give the length of the longest common subsequence, the slow way."""
    row = [0] * (len(two) + 1)
    for line in one:
        before = row
        row = [0]
        for at, other in enumerate(two):
            row.append(before[at] + 1 if line == other else max(before[at + 1], row[at]))
    return row[-1]


@settings(max_examples=50)
@given(TEXTS, TEXTS)
def test_diff_applied_to_the_first_text_gives_the_second(old: str, new: str) -> None:
    diff = diff_texts(old, new)
    assert applied(old, diff) == new
    assert diff.added == sum(line.kind is LineKind.ADDED for hunk in diff.hunks for line in hunk.lines)
    assert (diff.added, diff.removed, diff.hunks) == (0, 0, ()) or old != new


@settings(max_examples=50)
@given(TEXTS, TEXTS)
def test_swapped_texts_give_the_swapped_diff(old: str, new: str) -> None:
    there, back = diff_texts(old, new), diff_texts(new, old)
    assert (there.added, there.removed) == (back.removed, back.added)
    assert [(hunk.old_start, hunk.old_lines, hunk.new_start, hunk.new_lines) for hunk in there.hunks] == [
        (hunk.new_start, hunk.new_lines, hunk.old_start, hunk.old_lines) for hunk in back.hunks
    ]


@settings(max_examples=50)
@given(st.lists(st.sampled_from("abcde"), max_size=20), st.lists(st.sampled_from("abcde"), max_size=20))
def test_small_texts_share_as_many_lines_as_they_can(one: list[str], two: list[str]) -> None:
    runs, exact = shared_runs(one, two)
    assert exact
    assert sum(run.size for run in runs) == longest(one, two)


@settings(max_examples=50)
@given(LINES, LINES, st.integers(0, 12))
def test_without_time_the_diff_is_larger_but_true(one: list[str], two: list[str], steps: int) -> None:
    runs, _ = shared_runs(one, two, steps=steps)
    at = (0, 0)
    for run in runs:
        assert run.size
        assert (run.old >= at[0], run.new >= at[1]) == (True, True)
        assert one[run.old : run.old + run.size] == two[run.new : run.new + run.size]
        at = (run.old + run.size, run.new + run.size)


N = 5_000
DICE = random.Random(7)  # noqa: S311 -- the same texts each time
NUMBERS = [str(number) for number in range(N)]
HOSTILE = {
    "100,000 equal lines": (["x"] * 100_000, ["x"] * 99_999),
    "nothing in common": (NUMBERS, [f"{number}!" for number in NUMBERS]),
    "two words": (["a", "b"] * (N // 2), ["b", "b", "a"] * (N // 3)),
    "coin flips": ([DICE.choice("ab") for _ in range(100_000)], [DICE.choice("ab") for _ in range(100_000)]),
    "shuffled": (NUMBERS, DICE.sample(NUMBERS, N)),
    "reversed": (NUMBERS, NUMBERS[::-1]),
    "blank lines between": ([*"xy"] * N, [*"zy"] * N),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_take_bounded_time(name: str) -> None:
    old, new = HOSTILE[name]
    start = time.process_time()
    runs, _ = shared_runs(old, new)
    assert time.process_time() - start < 20  # 0.3 at most; ten times that under coverage on a busy machine
    assert all(old[run.old] == new[run.new] for run in runs)


def test_moved_blocks_of_large_texts_are_found_by_the_lines_that_are_there_once() -> None:
    new = [*NUMBERS[:2000], *(f"new {number}" for number in range(1500)), *NUMBERS[2500:], *NUMBERS[2000:2500]]
    runs, _ = shared_runs(NUMBERS, new)
    assert sum(run.size for run in runs) == N - 500


def test_hunks_have_context_and_touching_ones_are_one() -> None:
    old = "".join(f"{number}\n" for number in range(40))
    new = old.replace("5\n6\n", "five\n6\n", 1).replace("12\n", "twelve\n", 1).replace("30\n", "", 1)
    diff = diff_texts(old, new)
    assert [(hunk.old_start, hunk.old_lines, hunk.new_start, hunk.new_lines) for hunk in diff.hunks] == [
        (3, 14, 3, 14), (28, 7, 28, 6)
    ]  # fmt: skip


def test_lines_stand_side_by_side() -> None:
    (hunk,) = diff_texts("same\nold\nolder\n", "same\nnew\n").hunks
    same, removed, older, added = hunk.lines
    assert list(hunk.pairs()) == [(same, same), (removed, added), (older, None)]
    assert added == Line(LineKind.ADDED, "new", new=2)


def mode(text: str) -> str | None:
    return "644" if text else None


TRICKY = [
    ("a\nb\nc\n", "a\nB\nc\n"),
    ("", "new\n"),
    ("gone\n", ""),
    ("no end", "no end\n"),
    ("a\nb", "a\nc"),
    ("a\r\nb\x0cc\u2028d\n", "a\nb\x0cc\u2028d\n"),
    ("x\n" * 30 + "y\n", "z\n" + "x\n" * 30),
    ("-- a\n++ b\n", "@@ c\n\\ d\n"),
]


@pytest.mark.parametrize(("old", "new"), TRICKY)
def test_git_applies_the_patch(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "a file.txt"
    if old:
        path.write_bytes(old.encode())
    patch = "\n".join(patch_lines("a file.txt", diff_texts(old, new), old=mode(old), new=mode(new))) + "\n"
    command = ["git", "apply", "--unidiff-zero", "-"]
    alone = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}  # the checkout around it is none of ours
    subprocess.run(command, cwd=tmp_path, input=patch.encode(), check=True, capture_output=True, env=alone)
    assert (path.read_bytes().decode() if path.exists() else "") == new


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"plain\n", "plain\n"), (b"", ""), ("gr\u00fcn".encode(), "grün"), (b"\xff\xfe", None), (b"a\0b", None)],
    ids=repr,
)
def test_text_is_utf8_without_nul(data: bytes, text: str | None) -> None:
    assert read_text(data) == text


NOTEBOOK = """{"nbformat": 4, "cells": [
 {"cell_type": "markdown", "source": ["# T\\n", "x"]},
 {"cell_type": "code", "source": "print(1)\\n", "outputs": [{"data": "long"}], "execution_count": 7},
 {"cell_type": "odd", "source": [1, "ok"]}, 5]}"""


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (NOTEBOOK, "# %% [markdown]\n# T\nx\n# %% [code]\nprint(1)\n# %% [?]\nok\n# %% ?\n"),
        ("not json", "not json"),
        ('{"cells": 3}', '{"cells": 3}'),
        ("[" * 5000, "[" * 5000),
        ("", ""),
    ],
    ids=["cells", "no JSON", "no cells", "deep", "empty"],
)
def test_notebook_is_compared_by_what_people_wrote(raw: str, text: str) -> None:
    assert notebook_text(raw) == text
