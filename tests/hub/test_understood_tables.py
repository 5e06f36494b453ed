"""Datasets of versions: read in the task of their version, and again once they can be."""

from dataclasses import replace
from typing import Any

import pytest

from orchard.formats import LayerKind
from orchard.hub.jobs.understanding import finding_versions, understanding
from orchard.insight import NO_PREVIEW, TableInsight, TableReader
from support.archive_tars import member, tar
from support.hubinside import Inside
from support.queues import Bench
from support.versions import bring, kit

NAME = "team/data"
KITFILE = "package: {name: rows}\ndatasets: [{name: train, path: data}, {name: eval, path: eval.csv}]\n"
ROWS = b"id,label\n1,cat\n2,dog\n"


class Ran:
    """One run of a task, as its handler sees it."""

    attempt = 1
    last = False

    def __init__(self, **payload: Any) -> None:  # noqa: ANN401 -- JSON
        self.payload = payload
        self.notes: list[str] = []

    def progress(self, done: int, total: int | None = None, note: str = "", *, unit: str = "") -> None:  # noqa: ARG002 -- notes only
        self.notes.append(note)

    def log(self, line: str) -> None:
        assert line


def test_datasets_are_understood_and_once_a_preview_is_installed_the_old_ones_too(
    hub: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = tar(member("data/train.csv", ROWS), member("data/broken.parquet", b"no such thing")).read()
    alone = tar(member("eval.csv", ROWS)).read()
    made = kit(KITFILE, (LayerKind.DATASET, "data", packed, "tar"), (LayerKind.DATASET, "eval.csv", alone, "tar"))
    digest = str(bring(hub, NAME, "v1", made))
    premises = replace(hub.premises, queue=Bench(hub.database).process())
    task, finder = understanding(premises, tables=TableReader), finding_versions(premises)

    def insights() -> dict[str, Any]:
        return hub.registry.readable(hub.who, NAME).contents("v1").insights()

    with monkeypatch.context() as without:
        without.setattr("importlib.util.find_spec", lambda _name: None)
        task.handler(Ran(repository=NAME, digest=digest))
        assert set(insights().values()) == {NO_PREVIEW}
        finder.handler(nothing := Ran())
        assert nothing.notes[-1] == "asked for 0 versions to be understood"

    finder.handler(found := Ran())
    assert found.notes[-1] == "asked for 1 versions to be understood"
    task.handler(Ran(repository=NAME, digest=digest))
    table = insights()["data/train.csv"]
    assert isinstance(table, TableInsight)
    assert (table.rows, table.first[0]) == (2, ("1", "cat"))
    assert insights()["eval.csv"].rows == 2
    assert insights()["data/broken.parquet"].why
