"""`orchard preview`: the datasets of a version, where it lies."""

from pathlib import Path

import pytest

from support.cli import HubProgram, Program
from support.projects import write_files

KITFILE = """\
manifestVersion: 1.0.0
package: {name: rows}
datasets:
  - {name: data, path: data}
docs:
  - {path: notes.txt}
"""
TRAIN = b"id,label,score\n1,cat,0.5\n2,dog,1.5\n3,cat,\n"
WIDE = (",".join(f"c{number}" for number in range(130)) + "\n" + ",".join("7" for _ in range(130)) + "\n").encode()
HOSTILE = "name\n\u001b[31mred\u001b[0m\n=1+1\n".encode()


@pytest.fixture
def packed(program: Program, tmp_path: Path) -> Program:
    files = {
        "data/train.csv": TRAIN,
        "data/wide.csv": WIDE,
        "data/hostile.csv": HOSTILE,
        "data/no.parquet": b"no such thing",
        "notes.txt": b"none",
    }
    write_files(tmp_path / "rows", {"Kitfile": KITFILE, **files})
    program.ok("pack", tmp_path / "rows", "-t", "rows:v1")
    return program


def test_a_dataset_is_shown_with_its_columns_and_its_first_rows(packed: Program) -> None:
    shown = packed.ok("preview", "rows:v1", "data/train.csv", "--rows", "2").stdout

    assert shown.startswith(f"data/train.csv: csv, 3 rows, 3 columns, {len(TRAIN)} B\nCOLUMN   TYPE      MISSING")
    assert "label    VARCHAR   0         2           cat     dog        -      cat (2), dog (1)\n" in shown
    assert packed.ok("preview", "rows:v1", "data/train.csv", "-q").lines == ["data/train.csv"]
    assert shown.endswith("\n\nid   label   score\n1    cat     0.5\n2    dog     1.5\n")


def test_all_datasets_of_a_version_are_shown_the_unreadable_with_the_reason(packed: Program) -> None:
    text = packed.ok("preview", "rows:v1").stdout

    assert "\x1b" not in text
    assert "\\x1b[31mred" in text
    assert "and 30 more columns; all of them: --output json" in text
    assert "data/no.parquet: " in text


def test_json_gives_everything_and_a_registry_is_read_in_parts(
    hub: HubProgram, packed: Program, tmp_path: Path
) -> None:
    name = f"{hub.host}/reading/rows:v1"
    packed.ok("tag", "rows:v1", name)
    packed.ok("push", name)
    other = Program(tmp_path / "other")

    tables = other.ok("preview", name, "data", "--output", "json").document["tables"]

    assert [table["path"] for table in tables][1:3] == ["data/no.parquet", "data/train.csv"]
    assert "unreadable" in tables[1]
    assert tables[2]["first"][2] == ["3", "cat", None]
    assert len(tables[3]["columns"]) == 130
    assert not (other.home / "layout").exists()


def test_what_is_no_dataset_is_one_clear_error(packed: Program) -> None:
    for path, code, why in (
        ("data/no.parquet", 7, "data/no.parquet: not a sound Parquet file"),
        ("notes.txt", 5, "not a dataset that Orchard reads"),
        ("nowhere", 3, "'nowhere' is not in this version"),
    ):
        failed = packed("preview", "rows:v1", path)
        assert (failed.code, failed.stdout) == (code, "")
        assert why in failed.stderr
