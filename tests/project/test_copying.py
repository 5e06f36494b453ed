from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from orchard.errors import InvalidReferenceError, NotFoundError, UsageError
from orchard.oci import Descriptor, Reference
from orchard.project import Copied, CopyTerms, Place, copy_versions
from orchard.store import Layout, MemoryStore
from support.stores import get, put_index, put_manifest

HERE, THERE = "old.example.com/team/model", "new.example.com/ai/model"


@dataclass
class World:
    """Registries in memory, and a local store."""

    layout: Layout
    remotes: dict[str, MemoryStore] = field(default_factory=dict)

    def remote(self, reference: Reference) -> MemoryStore:
        return self.remotes.setdefault(reference.name, MemoryStore())

    def copy(self, source: str, destination: str, **terms: bool) -> Copied:
        return copy_versions(self, Place.parse(source), Place.parse(destination), terms=CopyTerms(**terms))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(Layout(tmp_path / "layout"))


@pytest.fixture
def here(world: World) -> MemoryStore:
    return world.remote(Reference.parse(HERE))


@pytest.fixture
def there(world: World) -> MemoryStore:
    return world.remote(Reference.parse(THERE))


@pytest.fixture
def model(here: MemoryStore) -> Descriptor:
    """A version with a signature of each kind, one of which is signed itself."""
    model = put_manifest(here, b"model")
    here.tag(model, "v1")
    here.tag(put_manifest(here, b"cosign"), f"sha256-{model.digest.hex}.sig")
    signature = put_manifest(here, b"signature", subject=model.to_json())
    put_manifest(here, b"countersignature", subject=signature.to_json())
    return model


def everything(store: MemoryStore) -> Iterator[tuple[str, bytes]]:
    for tag in sorted(store.tags()):
        yield tag, get(store, store.resolve(tag))


def test_copy_brings_the_version_its_tag_and_what_is_about_it(
    world: World, here: MemoryStore, there: MemoryStore, model: Descriptor
) -> None:
    copied = world.copy(f"{HERE}:v1", THERE)

    (version,) = copied.versions
    assert (version.root.digest, version.tags, len(version.related)) == (model.digest, ("v1",), 3)
    assert list(everything(there)) == list(everything(here))
    (signature,) = there.referrers(model.digest)
    assert len(list(there.referrers(signature.digest))) == 1


def test_copy_without_referrers_brings_the_version_alone(world: World, there: MemoryStore, model: Descriptor) -> None:
    copied = world.copy(f"{HERE}:v1", THERE, referrers=False)

    assert copied.versions[0].related == ()
    assert list(there.tags()) == ["v1"]
    assert list(there.referrers(model.digest)) == []


@pytest.mark.parametrize(
    ("source", "destination", "tags"),
    [
        (":v1", "", ["v1"]),
        (":v1", ":v2,latest", ["latest", "v2"]),
        ("@{digest}", "", []),
        ("@{digest}", ":v3", ["v3"]),
        (":v1", "@{digest}", []),
    ],
)
def test_copy_is_called_as_asked_for(
    world: World, there: MemoryStore, model: Descriptor, *, source: str, destination: str, tags: list[str]
) -> None:
    source, destination = (end.format(digest=model.digest) for end in (source, destination))

    world.copy(HERE + source, THERE + destination, referrers=False)

    assert sorted(there.tags()) == tags
    assert there.exists(model)


def test_copy_without_a_tag_means_latest(world: World, here: MemoryStore, model: Descriptor) -> None:
    with pytest.raises(NotFoundError, match="latest"):
        world.copy(HERE, THERE)

    here.tag(model, "latest")
    assert world.copy(HERE, THERE).versions[0].tags == ("latest",)


def test_copy_again_sends_nothing(world: World, model: Descriptor) -> None:
    first = world.copy(f"{HERE}:v1", THERE)
    again = world.copy(f"{HERE}:v1", THERE)

    assert first.contents == 9  # four manifests, four layers, and the config that they share
    assert (again.contents, again.size, again.skipped) == (0, 0, 4)
    assert again.versions[0].root == model


def test_dry_run_tells_what_a_copy_would_do_and_does_nothing(
    world: World, there: MemoryStore, model: Descriptor
) -> None:
    rehearsed = world.copy(f"{HERE}:v1", THERE, dry_run=True)

    assert list(there.tags()) == []
    assert not there.exists(model)
    assert world.copy(f"{HERE}:v1", THERE) == rehearsed


def test_index_is_copied_whole(world: World, here: MemoryStore, there: MemoryStore) -> None:
    parts = [put_manifest(here, b"one"), put_manifest(here, b"two")]
    index = put_index(here, *parts)
    here.tag(index, "all")
    signature = put_manifest(here, b"signature", subject=parts[1].to_json())

    copied = world.copy(f"{HERE}:all", THERE)

    assert there.resolve("all").digest == index.digest
    assert all(there.exists(part) for part in parts)
    assert [related.descriptor.digest for related in copied.versions[0].related] == [signature.digest]


def test_all_tags_are_copied_each_version_once(
    world: World, here: MemoryStore, there: MemoryStore, model: Descriptor
) -> None:
    here.tag(model, "latest")
    here.tag(put_manifest(here, b"second"), "v2")

    copied = world.copy(HERE, THERE, every_tag=True)

    assert [version.tags for version in copied.versions] == [("latest", "v1"), ("v2",)]
    assert list(everything(there)) == list(everything(here))


def test_all_tags_of_nothing_is_an_error(world: World) -> None:
    with pytest.raises(NotFoundError, match=r"old\.example\.com/team/model has no tags"):
        world.copy(HERE, THERE, every_tag=True)


@pytest.mark.parametrize(
    ("source", "destination", "every_tag", "message"),
    [
        (f"{HERE}:v1", THERE, True, "without a tag or a digest"),
        (HERE, f"{THERE}:v1", True, "without a tag or a digest"),
        (f"{HERE}:v1,v2", THERE, False, "one tag is needed here; copy all with --all-tags"),
        (f"{HERE}:v1", f"{THERE}@sha256:{'0' * 64}", False, "a copy keeps its digest"),
        ("remote://model:v1", THERE, False, "names no registry"),
    ],
)
def test_copy_that_makes_no_sense_is_refused(
    world: World, there: MemoryStore, model: Descriptor, *, source: str, destination: str, every_tag: bool, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        world.copy(source, destination, every_tag=every_tag)

    assert not there.exists(model)


def test_place_that_is_no_reference_is_refused() -> None:
    with pytest.raises(InvalidReferenceError, match="lower case"):
        Place.parse("remote://example.com/Team/model")


def test_local_store_is_a_place_too(world: World, there: MemoryStore, model: Descriptor) -> None:
    world.copy(f"{HERE}:v1", f"local://{HERE}")
    world.copy(f"local://{HERE}:v1", "mine:v9")
    world.copy("mine:v9", f"remote://{THERE}")

    assert there.resolve("v9").digest == model.digest
    assert f"sha256-{model.digest.hex}.sig" in there.tags()
    (signature,) = there.referrers(model.digest)
    assert [found.digest for found in world.layout.repository(HERE).referrers(model.digest)] == [signature.digest]
