"""Tags, rules, trash, retention, garbage and counts together: any order of what people do keeps what was promised.

``ORCHARD_SOAK=1`` (``make soak``) tries many more of them.
"""

import os
from contextlib import ExitStack

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from orchard.errors import DeniedError, NotFoundError, UnsupportedError
from orchard.hub import catalog
from orchard.hub.db import Database
from orchard.hub.db.postgresql import open_postgresql
from orchard.hub.registry import (
    Collector,
    DeletableRepository,
    KeepRule,
    Kind,
)
from orchard.oci import Digest
from support.hubinside import Inside, quick_directory
from support.hubs import index, kind_of, manifest, subject
from support.postgres import Postgres, fresh_catalog_of

FULL = os.environ.get("ORCHARD_SOAK") == "1"
NAMES = ("team/a", "team/b")
TAGS = ("v1", "v2", "dev")
DAY = 24 * 3600.0
EMPTY = Digest.of(b"{}")
NUMBERS = st.integers(0, 3)


class Everything(RuleBasedStateMachine):  # noqa: PLR0904 -- one for each thing that people do
    """A hub, and what must be in it."""

    def __init__(self, postgres: Postgres | None = None) -> None:
        super().__init__()
        self.stack = ExitStack()
        database = None
        if postgres is not None:
            database = open_postgresql(self.stack.enter_context(fresh_catalog_of(postgres)))
        self.hub = Inside(self.stack.enter_context(quick_directory()), database=database)
        self.stack.callback(self.hub.database.close)
        self.stack.enter_context(self.hub.threads)
        self.tags: dict[tuple[str, str], Digest] = {}
        self.raws: dict[tuple[str, Digest], bytes] = {}
        self.frozen: dict[str, int] = {}

    @property
    def database(self) -> Database:
        return self.hub.database

    def teardown(self) -> None:
        self.stack.close()

    # What people do

    @initialize()
    def begin(self) -> None:
        for name in NAMES:
            self.push(name, 0, "dev", kind="image")

    @rule(
        name=st.sampled_from(NAMES),
        number=NUMBERS,
        tag=st.sampled_from(TAGS),
        kind=st.sampled_from(["image", "index", "signature"]),
    )
    def push(self, name: str, number: int, tag: str, *, kind: str) -> None:
        raw = self.made(name, number, kind)
        target = tag if kind != "signature" else str(Digest.of(raw))
        answer = self.hub.request("PUT", f"/v2/{name}/manifests/{target}", raw, {"content-type": kind_of(raw)})
        current = self.tags.get((name, tag))
        if target == tag and self.lasts(name, tag) and current not in {None, Digest.of(raw)}:
            assert (answer.status, answer.code) == (403, "DENIED")
            return
        assert answer.status == 201
        self.raws[name, Digest.of(raw)] = raw
        if target == tag:
            self.tags[name, tag] = Digest.of(raw)
        self.hub.clock.time += 3600

    @rule(name=st.sampled_from(NAMES), tag=st.sampled_from(TAGS))
    def delete_tag(self, name: str, tag: str) -> None:
        status = self.hub.request("DELETE", f"/v2/{name}/manifests/{tag}").status
        if (name, tag) not in self.tags:
            assert status == 404
        elif self.lasts(name, tag):
            assert status == 403
        else:
            assert status == 202
            del self.tags[name, tag]

    @rule(name=st.sampled_from(NAMES), choice=st.randoms(use_true_random=False))
    def delete_manifest(self, name: str, choice: object) -> None:
        here = sorted(digest for where, digest in self.raws if where == name)
        if not here:
            return
        digest = choice.choice(here)  # type: ignore[attr-defined] # a Random
        try:
            self.deletable(name).delete_manifest(digest)
        except DeniedError:
            assert any(self.lasts(name, tag) for tag in self.tags_of(name, digest))
        except UnsupportedError:
            assert any(str(digest).encode() in raw for (where, _), raw in self.raws.items() if where == name)
        else:
            self.forget(name, digest)

    @rule(name=st.sampled_from(NAMES))
    def delete_repository(self, name: str) -> None:
        try:
            self.deletable(name).delete_repository()
        except DeniedError:
            assert any(self.lasts(name, tag) for where, tag in self.tags if where == name)
        except NotFoundError:
            assert not any(where == name for where, _ in self.raws)
        else:
            for digest in [digest for where, digest in self.raws if where == name]:
                self.forget(name, digest)

    @rule(name=st.sampled_from(NAMES), which=st.integers(0, 5))
    def restore(self, name: str, which: int) -> None:
        entries = self.deletable(name).trash()
        if not entries:
            return
        entry = entries[which % len(entries)]
        restored = self.deletable(name).restore(entry.id)
        wanted = dict(entry.tags)
        for digest in restored.manifests:
            self.raws[name, digest] = self.hub.get(f"/v2/{name}/manifests/{digest}").body
            assert Digest.of(self.raws[name, digest]) == digest
        for tag in restored.tags:
            assert self.tags.get((name, tag)) in {None, wanted[tag]}
            self.tags[name, tag] = wanted[tag]
        for tag in restored.taken:
            assert self.tags[name, tag] != wanted[tag]
        assert {*restored.tags, *restored.taken} == set(wanted)

    @rule(name=st.sampled_from(NAMES), pattern=st.sampled_from(["v*", "dev"]))
    def freeze(self, name: str, pattern: str) -> None:
        if name not in self.frozen:
            scope = self.hub.registry.governed(self.hub.who, name)
            self.frozen[name] = scope.add_tag_rule(Kind.IMMUTABLE, pattern).id

    @precondition(lambda self: self.frozen)
    @rule()
    def thaw(self) -> None:
        name, number = self.frozen.popitem()
        self.hub.registry.governed(self.hub.who, name).remove_tag_rule(number)

    # What the hub does

    @rule(name=st.sampled_from(NAMES), last=st.integers(1, 3))
    def retain(self, name: str, last: int) -> None:
        if not any(where == name for where, _ in self.raws):
            return
        scope = self.hub.registry.governed(self.hub.who, name)
        scope.set_retention([KeepRule(last=last)])
        thought = scope.plan()
        outcome = scope.retain(mark=thought.mark)
        assert outcome == thought
        for decision in outcome.goes:
            assert not any(self.lasts(name, tag) for tag in self.tags_of(name, decision.digest))
            self.forget(name, decision.digest)
        assert scope.plan().goes == ()

    @rule(days=st.integers(0, 2))
    def collect(self, days: int) -> None:
        self.hub.clock.time += days * DAY
        Collector(self.hub.premises, lambda *_: None, keep=DAY).collect()
        for name, digest in list(self.raws):  # signatures of nothing go
            if self.hub.get(f"/v2/{name}/manifests/{digest}").status == 404:
                assert b'"subject"' in self.raws[name, digest]
                assert not self.tags_of(name, digest)
                del self.raws[name, digest]

    # What was promised

    @invariant()
    def tags_point_where_they_were_set(self) -> None:
        for (name, tag), digest in self.tags.items():
            assert self.hub.get(f"/v2/{name}/manifests/{tag}").body == self.raws[name, digest]

    @invariant()
    def what_is_there_is_whole_and_what_is_gone_is_gone(self) -> None:
        for name in NAMES:
            with self.database.read() as connection:
                repository = catalog.repositories.find(connection, name)
                found = [] if repository is None else catalog.manifests.all_of(connection, repository)
            assert {digest for _, digest in found} == {digest for where, digest in self.raws if where == name}
            for (where, _), raw in self.raws.items():
                if where == name and b'"layers"' in raw:
                    assert self.hub.get(f"/v2/{name}/blobs/{EMPTY}").status == 200

    @invariant()
    def counts_are_right(self) -> None:
        with self.database.read() as connection:
            assert catalog.usage.current(connection, "team") == catalog.usage.recount(connection, "team")

    @invariant()
    def bytes_that_trash_names_are_kept(self) -> None:
        with self.database.read() as connection:
            named = catalog.trash.referenced(connection, [EMPTY])
            entries = [entry for name in NAMES for entry in catalog.trash.entries(connection, name, limit=1000)]
        if any(entry.manifests for entry in entries):
            assert named <= set(self.hub.files.digests())

    # Words

    def deletable(self, name: str) -> DeletableRepository:
        return self.hub.registry.deletable(self.hub.who, name)

    def lasts(self, name: str, tag: str) -> bool:
        with self.database.read() as connection:
            return any(one.pattern.matches(tag) for one in catalog.rules.for_tags(connection, name))

    def tags_of(self, name: str, digest: Digest) -> list[str]:
        return [tag for (where, tag), target in self.tags.items() if (where, target) == (name, digest)]

    def forget(self, name: str, digest: Digest) -> None:
        for tag in self.tags_of(name, digest):
            del self.tags[name, tag]
        del self.raws[name, digest]

    def made(self, name: str, number: int, kind: str) -> bytes:
        """Make a manifest, with all that it needs."""
        self.hub.push_blob(name, b"{}")
        image = manifest(b"{}", annotations={"n": str(number)})
        if kind == "signature":
            return manifest(b"{}", annotations={"s": str(number)}, subject=subject(image))
        if kind == "index":
            self.hub.push_manifest(name, image)
            self.raws[name, Digest.of(image)] = image
            return index(image)
        return image


@pytest.mark.parametrize(("engine", "examples"), [("sqlite", 60 if FULL else 8), ("postgresql", 20 if FULL else 3)])
def test_whatever_is_done_in_any_order_keeps_what_was_promised(
    engine: str, examples: int, request: pytest.FixtureRequest
) -> None:
    postgres = request.getfixturevalue("postgres") if engine == "postgresql" else None
    run_state_machine_as_test(
        lambda: Everything(postgres),  # type: ignore[arg-type, return-value, unused-ignore] # what makes one will do
        settings=settings(max_examples=examples, stateful_step_count=25, deadline=None),
    )
