"""What is made of a hub's answers to a search, whatever they are."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

import pytest

from orchard.errors import NotFoundError, OrchardError, RemoteError, UsageError
from orchard.project import HubQuery, search_hub
from orchard.remote import Answer, Origin, Registry, Url

VERSION = {"tags": [], "digest": "sha256:0", "pushedAt": "2026-01-01T00:00:00Z", "pushedBy": "ana", "sizeBytes": 5}
ITEM = {
    "repository": "a/b",
    "version": VERSION,
    "facts": {"params": [7, "x"]},
    "passage": [{"text": "hi", "isMatch": True}],
}


@dataclass
class Canned:
    """A registry that gives the same parts of a list to everybody."""

    answers: list[tuple[int, object]]
    host: str = "h"
    asked: list[Mapping[str, str]] = field(default_factory=list)

    def beside(self, path: str, parameters: Mapping[str, str], *, wanted: frozenset[int]) -> Iterator[Answer]:
        self.asked.append(parameters)
        for status, value in self.answers:
            assert status in wanted
            body = value if isinstance(value, bytes) else json.dumps(value).encode()
            yield Answer(status, {}, Url(Origin("https", "h", 443), path), body)


def found(*answers: tuple[int, object], text: str = "a prams>3", limit: int = 10) -> list[str]:
    registry = cast("Registry", Canned(list(answers)))
    return [hit.repository for hit in search_hub(registry, HubQuery(text=text), limit)]


def test_versions_are_read_part_by_part_and_no_more_than_wanted() -> None:
    part = (200, {"items": [ITEM, ITEM], "next": None})
    assert found(part, part) == ["h/a/b"] * 4
    assert found(part, part, limit=3) == ["h/a/b"] * 3
    assert found(part, part, limit=2) == ["h/a/b"] * 2
    canned = Canned([part])
    (hit, _) = search_hub(cast("Registry", canned), HubQuery(text="x", sort="-params", latest=True), 500)
    assert (hit.facts, hit.passage, hit.tags) == ({"params": (7, "x")}, "hi", ())
    assert canned.asked == [{"q": "x", "limit": "100", "sort": "-params", "latest": "true"}]


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        ((404, b"<html>"), NotFoundError, "h is no hub of Orchard that can search"),
        ((200, b"<html>"), RemoteError, "something else than versions"),
        ((200, [1]), RemoteError, "something else than versions"),
        ((200, {"items": 5}), RemoteError, "something else than versions"),
        ((200, {"items": [5]}), RemoteError, "something else than versions"),
        ((200, {"items": [{**ITEM, "facts": 3}]}), RemoteError, "something else than versions"),
        ((200, {"items": [{**ITEM, "version": {}}]}), RemoteError, "something else than versions"),
        ((400, b"<html>"), UsageError, "does not understand the query"),
        ((400, {"detail": "no (at character 3 of the query)"}), UsageError, r"no\n  a prams>3\n    \^"),
        ((400, {"detail": "no (at character 99999 of the query)"}), UsageError, "no"),
    ],
)
def test_answer_that_is_no_list_of_versions_is_an_error(
    answer: tuple[int, object], kind: type[OrchardError], said: str
) -> None:
    with pytest.raises(kind, match=said):
        found(answer)
