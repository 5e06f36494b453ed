"""Which versions a policy lets go, and which stay because a kept one needs them."""

import os
from pathlib import Path

import pytest

from orchard.errors import UsageError
from orchard.formats import CONFIG_TYPE, parse_kitfile
from orchard.oci import dumps, mediatype
from orchard.project import Policy, Workspace, parse_age, stale
from orchard.store import Layout
from support.projects import write_files
from support.stores import manifest_of, put, put_index, put_manifest

NAME = "example.com/team/model"
DAY = 86400


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.time = 1_000_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def layout(tmp_path: Path, clock: Clock) -> Layout:
    """Four versions of one repository, a day between each: v0, an untagged one, v2 and v3."""
    layout = Layout(tmp_path / "layout", now=clock)
    repository = layout.repository(NAME)
    for number in range(4):
        document = put_manifest(repository, b"%d" % number)
        if number != 1:
            repository.tag(document, f"v{number}")
        clock.time += DAY
    return layout


def gone(layout: Layout, policy: Policy, clock: Clock) -> list[str]:
    return [",".join(one.tags) or "-" for one in stale(layout, policy, now=clock.time)]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Policy(), ["-"]),
        (Policy(tagged=True), ["v0", "-", "v2", "v3"]),
        (Policy(tagged=True, keep=("*:v2", "example.com/*:v3")), ["v0", "-"]),
        (Policy(tagged=True, keep=("example.com/team/*",)), []),
        (Policy(keep=("example.com/team/model@sha256:*",)), []),
        (Policy(keep_last=0), ["v0", "-", "v2", "v3"]),
        (Policy(keep_last=1), ["v0", "-", "v2"]),
        (Policy(keep_last=3), ["v0"]),
        (Policy(keep_last=9), []),
        (Policy(older_than=3 * DAY + 1), []),
        (Policy(older_than=2 * DAY), ["-"]),
        (Policy(tagged=True, older_than=2 * DAY), ["v0", "-", "v2"]),
        (Policy(keep_last=1, older_than=3 * DAY), ["v0", "-"]),
        (Policy(keep_last=1, older_than=3 * DAY, keep=("*:v0",)), ["-"]),
    ],
    ids=lambda value: "" if isinstance(value, list) else str(value).removeprefix("Policy"),
)
def test_stale_gives_what_the_policy_lets_go(layout: Layout, clock: Clock, policy: Policy, expected: list[str]) -> None:
    assert gone(layout, policy, clock) == expected


def test_keep_last_counts_each_repository_alone(layout: Layout, clock: Clock) -> None:
    other = layout.repository("localhost/other")
    other.tag(put_manifest(other, b"other"), "old")
    assert gone(layout, Policy(keep_last=1), clock) == ["v0", "-", "v2"]


def test_version_whose_tag_was_moved_today_is_young(layout: Layout, clock: Clock) -> None:
    repository = layout.repository(NAME)
    repository.tag(repository.resolve("v0"), "again")
    assert gone(layout, Policy(tagged=True, older_than=DAY // 2), clock) == ["-", "v2", "v3"]


def test_entry_without_a_time_is_as_old_as_its_file(layout: Layout, clock: Clock) -> None:
    index = layout.path / "index.json"
    index.write_text(index.read_text().replace('"ml.orchard.added"', '"their.own"'))
    for entry in layout.entries():
        path = layout.path_of(entry.descriptor)
        assert path is not None
        os.utime(path, (clock.time - 5 * DAY, clock.time - (5 if entry.tag == "v3" else 1) * DAY))
    assert gone(layout, Policy(tagged=True, older_than=3 * DAY), clock) == ["v3"]


def test_what_is_about_a_version_goes_and_stays_with_it(layout: Layout, clock: Clock) -> None:
    repository = layout.repository(NAME)
    kept, old = repository.resolve("v3"), repository.resolve("v0")
    signatures = [
        put_manifest(repository, b"signature %d" % number, subject=subject.to_json())
        for number, subject in enumerate((kept, old))
    ]
    about = put_manifest(repository, b"about the signature", subject=signatures[0].to_json())
    repository.tag(put_manifest(repository, b"an older signature"), f"sha256-{old.digest.hex}.sig")

    found = {one.descriptor.digest for one in stale(layout, Policy(keep_last=1), now=clock.time)}

    assert signatures[1].digest in found
    assert {kept.digest, signatures[0].digest, about.digest}.isdisjoint(found)
    assert repository.resolve(f"sha256-{old.digest.hex}.sig").digest in found


def test_manifests_of_a_kept_index_stay(layout: Layout, clock: Clock) -> None:
    repository = layout.repository(NAME)
    inner = put_manifest(repository, b"inner")
    repository.tag(put_index(repository, inner, repository.resolve("v0")), "index")
    assert gone(layout, Policy(keep_last=0, keep=("*:index",)), clock) == ["-", "v2", "v3"]


def test_version_that_holds_the_model_of_a_kept_one_stays(tmp_path: Path) -> None:
    project = write_files(tmp_path / "project", {"w.bin": "weights", "a.md": "docs"})
    workspace = Workspace(tmp_path / "home", environ={})
    head = "manifestVersion: 1.0.0\npackage: {name: x}\n"
    base = parse_kitfile(f"{head}model: {{name: m, path: w.bin}}\n".encode(), what="Kitfile")
    docs = parse_kitfile(f"{head}docs: [{{path: a.md}}]\n".encode(), what="Kitfile")
    workspace.pack(project, tag="base:v1", kitfile=base)
    workspace.pack(project, tag="docs:v1", kitfile=docs)
    _refer(workspace, "base:v1")

    assert gone(workspace.layout, Policy(tagged=True, keep=("tuned:*",)), Clock()) == ["v1"]
    (one,) = stale(workspace.layout, Policy(tagged=True, keep=("tuned:*",)), now=0)
    assert one.repository == "localhost/docs"


def _refer(workspace: Workspace, model: str) -> None:
    """Store a kit whose model is in another one."""
    repository = workspace.layout.repository("localhost/tuned")
    config = dumps({"manifestVersion": "1.0.0", "package": {"name": "tuned"}, "model": {"path": model}})
    described = put(repository, config, CONFIG_TYPE)
    repository.tag(put(repository, manifest_of([], described), mediatype.OCI_MANIFEST), "v1")


@pytest.mark.parametrize(
    ("text", "seconds"), [("0s", 0), ("90m", 5400), ("12h", 43200), ("30d", 30 * DAY), ("8w", 56 * DAY)]
)
def test_parse_age_gives_seconds(text: str, seconds: int) -> None:
    assert parse_age(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5h", "1y", "1d ", "٣d", "1000000000d"])
def test_parse_age_when_it_is_none_says_how(text: str) -> None:
    with pytest.raises(UsageError, match="as in 30d"):
        parse_age(text)
