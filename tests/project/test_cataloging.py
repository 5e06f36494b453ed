"""Reading many versions at a time: in order, each once, and no further than somebody asks."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from threading import Barrier, Lock

import pytest

from orchard.errors import DeniedError, NotFoundError, UsageError
from orchard.formats import CONFIG_TYPE
from orchard.oci import Descriptor, Readable, dumps, mediatype
from orchard.project import RegistryPart, concurrently, read_tags
from orchard.project.cataloging import read_registry
from orchard.store import MemoryStore
from support.stores import describe, manifest_of, put


def test_results_keep_the_order_of_the_items() -> None:
    def work(number: int) -> int:
        time.sleep(0.002 * (number % 3))  # noqa: TID251 -- so that later ones end first
        return number

    assert list(concurrently(work, range(50), workers=7)) == list(range(50))


def test_as_many_run_at_a_time_as_allowed() -> None:
    together = Barrier(6, timeout=60)
    assert list(concurrently(lambda _: together.wait() >= 0, range(12), workers=6)) == [True] * 12


def test_endless_items_are_taken_only_as_far_as_results_are() -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        number = 0
        while True:
            taken.append(number)
            yield number
            number += 1

    results = concurrently(str, endless(), workers=2)
    assert [next(results) for _ in range(3)] == ["0", "1", "2"]
    results.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(taken) < 12


def test_first_failure_is_raised_and_the_rest_given_up() -> None:
    done: list[int] = []

    def work(number: int) -> int:
        if number == 3:
            raise NotFoundError("three")
        done.append(number)
        return number

    with pytest.raises(NotFoundError, match="three"):
        list(concurrently(work, range(1000), workers=3))
    assert len(done) < 30


class Repository:
    """A repository that counts what is asked of it."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.asked: list[str] = []
        self.documents = self
        self._lock = Lock()

    def get(self, target: str) -> tuple[Descriptor, bytes]:
        with self._lock:
            self.asked.append(target)
        found = self.store.resolve(target)
        with self.store.open(found) as body:
            return found, body.read(found.size + 1)

    def open(self, content: Descriptor, offset: int = 0) -> AbstractContextManager[Readable]:
        with self._lock:
            self.asked.append(content.digest.short)
        return self.store.open(content, offset)

    def kit(self, name: str, *tags: str, kind: str = CONFIG_TYPE) -> Descriptor:
        config = put(self.store, dumps({"manifestVersion": "1.0.0", "package": {"name": name}}), kind)
        document = put(self.store, manifest_of([], config), mediatype.OCI_MANIFEST)
        for tag in tags:
            self.store.tag(document, tag)
        return document


def test_tags_cost_a_request_each_and_versions_one_more() -> None:
    repository = Repository()
    one, two = repository.kit("one", "a", "b"), repository.kit("two", "c")
    repository.kit("image", "image", kind="application/vnd.oci.image.config.v1+json")
    about = f"sha256-{one.digest.hex}.sig"

    found = list(read_tags(repository, ["a", "b", about, "gone", "image", "c"], workers=1))  # type: ignore[arg-type]

    assert [(one.tag, one.descriptor.digest) for one in found] == [
        ("a", one.digest), ("b", one.digest), ("c", two.digest)
    ]  # fmt: skip
    assert about not in repository.asked
    assert len(repository.asked) == 5 + 2


def test_tag_of_something_broken_is_listed_without_details() -> None:
    repository = Repository()
    config = put(repository.store, b"[]", CONFIG_TYPE)
    missing = describe(b"not there", CONFIG_TYPE)
    for tag, content in (("broken", config), ("lost", missing)):
        repository.store.tag(put(repository.store, manifest_of([], content), mediatype.OCI_MANIFEST), tag)
    found = list(read_tags(repository, ["broken", "lost"], workers=2))  # type: ignore[arg-type]
    assert [(one.tag, one.version) for one in found] == [("broken", None), ("lost", None)]


class Shelf:
    """A registry of many repositories, where nobody gets tags before five have asked for some."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._together = Barrier(5, timeout=60)

    def catalog(self) -> list[str]:
        return self._names

    def repository(self, name: str) -> Repository:
        together = self._together

        class Waiting(Repository):
            def tags(self) -> list[str]:
                together.wait()
                if name.endswith("3"):
                    raise DeniedError("not yours")
                return ["v1", "v2"]

        repository = Waiting()
        repository.kit(name, "v1", "v2")
        return repository


def test_repositories_are_read_at_the_same_time_and_in_order() -> None:
    names = [f"team/r{number}" for number in range(10)]
    part = RegistryPart("host.io", "team")
    found = list(read_registry(Shelf([*names, "other/x"]), part, workers=5))  # type: ignore[arg-type]
    assert [(name, one.tag) for name, one in found] == [
        (name, tag) for name in names if name != "team/r3" for tag in ("v1", "v2")
    ]


@pytest.mark.parametrize(
    ("text", "place", "inside", "outside"),
    [
        ("host.io", RegistryPart("host.io"), ["a", "a/b"], []),
        ("localhost:8080/", RegistryPart("localhost:8080"), ["a"], []),
        ("host.io/team", RegistryPart("host.io", "team"), ["team", "team/a"], ["teams", "a/team"]),
        ("host.io/team/", RegistryPart("host.io", "team"), ["team/a/b"], ["tea"]),
    ],
)
def test_place_holds_what_its_prefix_begins(
    text: str, place: RegistryPart, inside: list[str], outside: list[str]
) -> None:
    assert RegistryPart.parse(text) == place
    assert list(map(place.holds, inside)) == [True] * len(inside)
    assert list(map(place.holds, outside)) == [False] * len(outside)


@pytest.mark.parametrize("text", ["", "team", "team/model", "localhost/model"])
def test_place_without_a_registry_says_what_is_needed(text: str) -> None:
    with pytest.raises(UsageError, match="a registry is needed here"):
        RegistryPart.parse(text)
