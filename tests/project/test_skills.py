"""Skills of ModelKits: what is read, what it is called, where it goes; and what hostile ones cannot do."""

import gzip
from pathlib import Path

import pytest

from orchard.errors import OrchardError, UsageError
from orchard.formats import Filters, Kitfile, Layer, LayerKind, ModelKit
from orchard.oci import Descriptor, Digest, Manifest, Reference
from orchard.project import AGENTS, SkillFiles, Version, choose_agents, find_skills, install_skill
from orchard.store import Bytes, MemoryStore
from support.archive_tars import block, member, tar

TAR = "application/vnd.kitops.modelkit.code.v1.tar"
NAME = Reference.parse("registry.example.com/team/kit:v1")
SKILL = b"---\nname: Polite Greeting\ndescription: Greets.\n---\n# Hello\n"


def _version(store: MemoryStore, *layers: tuple[str, str, bytes]) -> Version:
    """Give a version with a prompt for each name, path and tar."""
    found = []
    for name, path, data in layers:
        kind = TAR + ("+gzip" if data[:2] == b"\x1f\x8b" else "")
        descriptor = Descriptor(media_type=kind, digest=Digest.of(data), size=len(data))
        store.push(descriptor, Bytes(data))
        found.append(Layer(kind=LayerKind.PROMPT, path=path, descriptor=descriptor, name=name))
    config = Descriptor(media_type="x", digest=Digest.of(b"c"), size=1)
    manifest = Manifest(b"{}", "x", config, tuple(layer.descriptor for layer in found))
    return Version(config, manifest, ModelKit(Kitfile(manifest_version="1.0.0"), tuple(found)))


def _tar(files: dict[str, bytes], mode: int = 0o644) -> bytes:
    return _bytes(*(member(name, content, mode=mode) for name, content in files.items()))


def _bytes(*members: bytes) -> bytes:
    return tar(*members).getvalue()


def _found(*layers: tuple[str, str, bytes]) -> list[SkillFiles | OrchardError]:
    store = MemoryStore()
    return list(find_skills(_version(store, *layers), store, filters=Filters(), reference=NAME))


def _one(name: str, path: str, data: bytes) -> SkillFiles:
    (found,) = _found((name, path, data))
    assert isinstance(found, SkillFiles), found
    return found


@pytest.mark.parametrize(
    ("name", "path", "skill", "expected"),
    [
        ("kitfile", "skills/hi/", SKILL, "polite-greeting"),
        ("From Kitfile", "skills/hi/", b"# no front matter", "from-kitfile"),
        ("", "skills/hi/", b"---\nname: ''\n---\n", "hi"),
        ("", "skills/hi/SKILL.md", b"x", "hi"),
        ("", "SKILL.md", b"x", "kit"),
        ("", "./", b"---\nname: '../../etc/passwd'\n---\n", "etc-passwd"),
        ("..", "skills/hi/", b"x", "unnamed-skill"),
        ("", "skills/hi/", b"---\nname: .ssh\n---\n", "ssh"),
        ("", "skills/hi/", b"---\nname: " + b"A" * 5000 + b"\n---\n", "a" * 128),
        ("", "skills/hi/", "---\nname: ümläut /\\ x\n---\n".encode(), "ml-ut-x"),
        ("", "skills/hi/", b"---\nname: {a: b}\n---\n", "hi"),
        ("", "skills/hi/", b"---\nname: " + b"[" * 9000 + b"\n---\n", "hi"),
    ],
)
def test_skill_gets_a_harmless_name(name: str, path: str, skill: bytes, expected: str) -> None:
    file = path if path.endswith(".md") else f"{path}SKILL.md".removeprefix("./")
    assert _one(name, path, _tar({file: skill})).name == expected


def test_files_stand_below_the_skill_and_others_are_left_out() -> None:
    data = _tar({"s/hi/SKILL.md": SKILL, "s/hi/scripts/run.sh": b"#!/bin/sh\n", "s/other": b"x"}, 0o755)
    skill = _one("", "s/hi/", data)
    assert dict(skill.files) == {"SKILL.md": SKILL, "scripts/run.sh": b"#!/bin/sh\n"}
    assert skill.executable == {"SKILL.md", "scripts/run.sh"}
    assert _found(("", "s/hi/", _tar({"s/hi/readme.md": b"x"}))) == []


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (_tar({"s/SKILL.md": SKILL, "s/big": b"\0" * (11 << 20)}), "exceeds maximum size"),
        (gzip.compress(_tar({"s/SKILL.md": SKILL, "s/big": b"\0" * (30 << 20)})), "more than 20971520 in all"),
        (_bytes(member("s/SKILL.md", SKILL), block("s/x", kind=b"2", link=b"/etc/passwd")), "link"),
        (_bytes(member("s/../../x", SKILL)), "plain relative path"),
        (_bytes(member("/etc/x", SKILL)), "plain relative path"),
        (_bytes(member("s/SKILL.md", SKILL), member("s/SKILL.md", b"other")), "twice"),
        (b"no tar at all" * 100, "."),
    ],
    ids=["large", "bomb", "link", "dots", "absolute", "twice", "garbage"],
)
def test_layer_that_is_hostile_is_an_error_and_hides_no_other(data: bytes, problem: str) -> None:
    bad, good = _found(("", "s/", data), ("", "ok/", _tar({"ok/SKILL.md": SKILL})))
    assert isinstance(good, SkillFiles)
    assert isinstance(bad, OrchardError)
    with pytest.raises(OrchardError, match=problem):
        raise bad


def test_layer_that_is_damaged_is_an_error() -> None:
    store = MemoryStore()
    version = _version(store, ("", "s/", _tar({"s/SKILL.md": SKILL})))
    for digest in list(store._content):  # noqa: SLF001 -- nothing else damages it
        store._content[digest] = store._content[digest].replace(b"Hello", b"Hullo")  # noqa: SLF001
    (bad,) = find_skills(version, store, filters=Filters(), reference=NAME)
    assert isinstance(bad, OrchardError)
    with pytest.raises(OrchardError, match="does not match"):
        raise bad


def test_skill_is_installed_once_for_agents_that_share_a_directory(tmp_path: Path) -> None:
    skill = SkillFiles("hi", {"SKILL.md": SKILL, "run.sh": b"x"}, frozenset({"run.sh"}))
    environ = {"HOME": str(tmp_path / "home")}
    done = install_skill(skill, ["cursor", "codex", "claude-code"], environ, project=tmp_path, replace=False)
    assert [one.state for one in done] == ["installed"] * 3
    assert [one.path for one in done] == [tmp_path / ".agents/skills/hi"] * 2 + [tmp_path / ".claude/skills/hi"]
    assert (tmp_path / ".agents/skills/hi/run.sh").stat().st_mode & 0o111
    assert not (tmp_path / ".agents/skills/hi/SKILL.md").stat().st_mode & 0o111
    assert sorted(path.name for path in (tmp_path / ".agents/skills").iterdir()) == ["hi"]


def test_skill_that_is_there_is_kept_unless_it_is_replaced_whole(tmp_path: Path) -> None:
    there = tmp_path / ".claude/skills/hi"
    there.mkdir(parents=True)
    (there / "mine").write_text("mine")
    skill = SkillFiles("hi", {"SKILL.md": SKILL})
    (kept,) = install_skill(skill, ["claude-code"], {"HOME": "/h"}, project=tmp_path, replace=False)
    assert (kept.state, [path.name for path in there.iterdir()]) == ("skipped", ["mine"])
    (done,) = install_skill(skill, ["claude-code"], {"HOME": "/h"}, project=tmp_path, replace=True)
    assert (done.state, [path.name for path in there.iterdir()]) == ("installed", ["SKILL.md"])


def test_link_in_the_place_of_a_skill_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").write_text("keep")
    base = tmp_path / ".claude/skills"
    base.mkdir(parents=True)
    (base / "hi").symlink_to(tmp_path / "precious")
    skill = SkillFiles("hi", {"SKILL.md": SKILL})
    (kept,) = install_skill(skill, ["claude-code"], {"HOME": "/h"}, project=tmp_path, replace=False)
    assert kept.state == "skipped"
    install_skill(skill, ["claude-code"], {"HOME": "/h"}, project=tmp_path, replace=True)
    assert (tmp_path / "precious/file").read_text() == "keep"
    assert not (base / "hi").is_symlink()


def test_directory_that_cannot_be_written_fails_for_its_agent_only(tmp_path: Path) -> None:
    (tmp_path / ".claude").write_text("a file")
    skill = SkillFiles("hi", {"SKILL.md": SKILL})
    done = install_skill(skill, ["claude-code", "codex"], {"HOME": "/h"}, project=tmp_path, replace=False)
    assert [one.state for one in done] == ["failed", "installed"]
    assert done[0].problem


def test_agents_are_found_by_their_directories(tmp_path: Path) -> None:
    for name in (".cursor", ".config/goose", "claude"):
        (tmp_path / name).mkdir(parents=True)
    environ = {"HOME": str(tmp_path), "CLAUDE_CONFIG_DIR": str(tmp_path / "claude")}
    assert choose_agents("auto", environ) == ["claude-code", "cursor", "goose"]
    assert choose_agents("codex, auto,codex", environ) == ["codex", "claude-code", "cursor", "goose"]
    skill = SkillFiles("hi", {"SKILL.md": SKILL})
    done = install_skill(skill, choose_agents("auto", environ), environ, project=None, replace=False)
    assert [one.path.relative_to(tmp_path).as_posix() for one in done] == [
        "claude/skills/hi",
        ".cursor/skills/hi",
        ".config/goose/skills/hi",
    ]
    assert len(AGENTS) >= 45
    with pytest.raises(UsageError, match="unknown agent nobody; there are auto"):
        choose_agents("nobody", environ)


def test_page_lists_every_agent_and_its_directories() -> None:
    page = (Path(__file__).parents[2] / "docs/skills.md").read_text()
    for name, agent in AGENTS.items():
        assert f"| `{name}` | `{agent.project}` | `{agent.home}` |" in page
