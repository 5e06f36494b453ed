"""Pushes and pulls that are killed at 90 per cent, and what the next one sends."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import HubProgram, Program
from support.registries import Running
from support.wire import Wire

MIB = 1 << 20
SIZE = 192 * MIB
KITFILE = "manifestVersion: 1.0.0\npackage:\n  name: large\nmodel:\n  name: large\n  path: weights.bin\n"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """A home that holds a kit of one large layer."""
    tree = tmp_path_factory.mktemp("large")
    (tree / "weights.bin").write_bytes(os.urandom(SIZE))
    (tree / "Kitfile").write_text(KITFILE)
    program = Program(tmp_path_factory.mktemp("home"))
    program.ok("pack", tree, "-t", "large:v1")
    (tree / "weights.bin").unlink()
    return program


def kill_at_90_percent(program: Program, wire: Wire, *words: str) -> None:
    process = program.start(*words)
    wire.alarm, wire.limit = process.kill, SIZE * 9 // 10
    assert process.wait() == -9
    wire.reset()


@pytest.fixture
def wire(hub: HubProgram) -> Iterator[Wire]:
    with Wire(hub.host) as wire:
        yield wire


def notes(program: Program) -> list[Path]:
    return sorted((program.home / "cache/uploads").glob("*"))


def test_push_that_was_killed_goes_on_where_it_was(large: Program, wire: Wire) -> None:
    there = f"{wire.address}/resume/push:v1"
    kill_at_90_percent(large, wire, "push", "large:v1", there)
    (note,) = notes(large)
    assert stat.S_IMODE(note.stat().st_mode) == 0o600
    assert stat.S_IMODE(note.parent.stat().st_mode) == 0o700

    large.ok("push", "large:v1", there)

    assert wire.sent < SIZE // 10 + 32 * MIB
    assert notes(large) == []


def test_push_that_was_killed_when_nothing_is_left_of_it_starts_anew(large: Program, wire: Wire) -> None:
    there = f"{wire.address}/resume/lost:v1"
    kill_at_90_percent(large, wire, "push", "large:v1", there)
    (note,) = notes(large)
    note.write_text(note.read_text().replace("/uploads/", "/uploads/00000000"))

    large.ok("push", "large:v1", there)

    assert SIZE < wire.sent < SIZE + 32 * MIB  # the rest of what the killed one had sent is counted too
    assert notes(large) == []


def test_pull_that_was_killed_goes_on_where_it_was(
    large: Program, program: Program, hub: HubProgram, wire: Wire
) -> None:
    large.ok("push", "large:v1", f"{hub.host}/resume/pull:v1")
    there = f"{wire.address}/resume/pull:v1"
    kill_at_90_percent(program, wire, "pull", there)

    program.ok("pull", there)

    assert wire.received < SIZE // 10 + 32 * MIB


@pytest.mark.peer("docker-registry")
def test_push_to_a_registry_that_loses_what_was_cut_off_starts_anew(large: Program, registry: Running) -> None:
    """Debian's docker-registry 2.8 forgets an upload whose last request did not end, so all is sent again."""
    with Wire(registry.host) as wire:
        there = f"{wire.address}/resume/push:v1"
        kill_at_90_percent(large, wire, "push", "large:v1", there)

        large.ok("push", "large:v1", there)

        assert wire.sent < SIZE + 32 * MIB
        assert notes(large) == []


@pytest.mark.peer("docker-registry")
def test_pull_from_another_registry_that_was_killed_goes_on_where_it_was(
    large: Program, program: Program, registry: Running
) -> None:
    large.ok("push", "large:v1", f"{registry.host}/resume/pull:v1")
    with Wire(registry.host) as wire:
        there = f"{wire.address}/resume/pull:v1"
        kill_at_90_percent(program, wire, "pull", there)

        program.ok("pull", there)

        assert wire.received < SIZE // 10 + 32 * MIB
