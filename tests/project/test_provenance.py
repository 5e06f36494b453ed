"""What a version says about where it comes from, and what looking at a stranger's repository must not do."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from orchard.oci import Digest
from orchard.project import Packed, Recipe, Workspace, read_origin
from orchard.project.provenance import Inquiry, clean_url

KITFILE = "manifestVersion: 1.0.0\npackage:\n  name: x\ncode:\n  - path: src\n"
USER = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "A"}
WHEN = {"GIT_COMMITTER_EMAIL": "a@example.com", "GIT_AUTHOR_DATE": "2020-01-01T00:00:00Z"}

pytestmark = pytest.mark.peer("git")


def git(where: Path, *words: str, **environ: str) -> str:
    done = subprocess.run(
        ["git", "-C", where, *words],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **USER, **WHEN, **environ},
    )
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "src").mkdir(parents=True)
    (root / "src" / "a.py").write_text("a")
    (root / "Kitfile").write_text(KITFILE)
    git(tmp_path, "init", "-q", "-b", "trunk", str(root))
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "one")
    git(root, "remote", "add", "origin", "https://ada:secret@git.example.com:8443/team/x.git?private_token=t0")
    return root


def pack(root: Path, tmp_path: Path, environ: Mapping[str, str] = os.environ, **recipe: object) -> Packed:
    with Workspace(tmp_path / "home", environ=environ) as workspace:
        return workspace.pack(root, recipe=Recipe(**recipe))  # type: ignore[arg-type]  # as the test says


def layers(packed: Packed) -> list[Digest]:
    return [packed.manifest.config.digest, *(layer.digest for layer in packed.manifest.layers)]


def test_pack_in_git_then_the_manifest_says_where_it_comes_from_without_secrets(project: Path, tmp_path: Path) -> None:
    packed = pack(project, tmp_path)
    assert packed.manifest.annotations == {
        "org.opencontainers.image.source": "https://git.example.com:8443/team/x.git",
        "org.opencontainers.image.revision": git(project, "rev-parse", "HEAD"),
        "ml.orchard.git.branch": "trunk",
        "ml.orchard.git.dirty": "false",
    }
    assert read_origin(packed.manifest.annotations)["dirty"] is False
    assert not packed.warnings


def test_pack_in_git_then_layers_and_config_are_those_of_a_pack_without_provenance(
    project: Path, tmp_path: Path
) -> None:
    with_it, without = pack(project, tmp_path), pack(project, tmp_path, provenance=False)
    assert layers(with_it) == layers(without)
    assert not without.manifest.annotations
    assert pack(project, tmp_path).descriptor == with_it.descriptor  # within one commit it stays the same


@pytest.mark.parametrize("change", ["edited", "staged", "untracked", "outside"])
def test_pack_of_a_changed_context_then_it_is_called_dirty(project: Path, tmp_path: Path, change: str) -> None:
    context = project / "inner"
    context.mkdir()
    (context / "Kitfile").write_text("manifestVersion: 1.0.0\npackage:\n  name: x\n")
    (context / "b").write_text("b")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "two")
    changed = {"edited": context / "b", "staged": context / "b", "untracked": context / "c", "outside": project / "z"}
    changed[change].write_text("new")
    if change == "staged":
        git(project, "add", ".")
    assert pack(context, tmp_path).manifest.annotations["ml.orchard.git.dirty"] == str(change != "outside").lower()


def test_pack_a_detached_commit_then_no_branch_is_named(project: Path, tmp_path: Path) -> None:
    git(project, "checkout", "-q", "--detach")
    assert "ml.orchard.git.branch" not in pack(project, tmp_path).manifest.annotations


@pytest.mark.parametrize("case", ["no git", "ignored", "unborn"])
def test_pack_where_no_commit_holds_the_context_then_nothing_is_recorded_or_said(
    project: Path, tmp_path: Path, case: str
) -> None:
    root = {"no git": tmp_path / "plain", "ignored": project / "out", "unborn": tmp_path / "new"}[case]
    (root / "src").mkdir(parents=True)
    (root / "Kitfile").write_text(KITFILE)
    if case == "ignored":
        (project / ".gitignore").write_text("out\n")
    if case == "unborn":
        git(root, "init", "-q")
    packed = pack(root, tmp_path)
    assert (packed.manifest.annotations, packed.warnings) == ({}, ())


def test_pack_without_git_installed_then_it_says_so(project: Path, tmp_path: Path) -> None:
    packed = pack(project, tmp_path, {"PATH": str(tmp_path)})
    assert packed.warnings == ("git is not installed: remote, commit and branch are not recorded",)


def test_pack_with_a_broken_repository_then_it_warns_and_packs(project: Path, tmp_path: Path) -> None:
    (project / ".git" / "HEAD").write_text("nonsense")
    packed = pack(project, tmp_path)
    assert not packed.manifest.annotations
    assert "git does not say where this comes from: fatal:" in packed.warnings[0]


def test_pack_from_a_hook_of_another_repository_then_the_context_counts(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git(tmp_path, "init", "-q", str(other))
    environ = {**os.environ, "GIT_DIR": str(other / ".git"), "GIT_INDEX_FILE": str(other / "index")}
    assert pack(project, tmp_path, environ).manifest.annotations["ml.orchard.git.branch"] == "trunk"


def test_pack_in_a_hostile_repository_then_nothing_of_it_runs_and_nothing_changes(
    project: Path, tmp_path: Path
) -> None:
    trap, sprung = tmp_path / "trap", tmp_path / "sprung"
    trap.write_text(f"#!/bin/sh\ntouch {sprung}\ncat\n")
    trap.chmod(0o755)
    hooks = project / ".git" / "hooks"
    for name in ("post-index-change", "fsmonitor-watchman"):
        (hooks / name).write_text(trap.read_text())
        (hooks / name).chmod(0o755)
    (project / ".gitattributes").write_text("* filter=evil diff=evil\n")
    for key in ("core.fsmonitor", "filter.evil.clean", "filter.evil.process", "diff.evil.textconv", "core.pager"):
        git(project, "config", key, str(trap))
    git(project, "config", "filter.evil.required", "true")
    (project / "src" / "a.py").write_text("b")  # so that the filter is asked for
    before = (project / ".git" / "index").stat()
    found = Inquiry(project, os.environ).answer()
    assert (found.annotations["ml.orchard.git.dirty"], found.warnings) == ("true", ())
    assert not sprung.exists()
    assert (project / ".git" / "index").stat() == before


def test_pack_with_a_filter_of_the_user_then_it_counts_as_in_git_itself(project: Path, tmp_path: Path) -> None:
    settings = tmp_path / "gitconfig"
    settings.write_text('[filter "same"]\n\tclean = "tr b a"\n')
    (project / ".gitattributes").write_text("*.py filter=same\n")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "attributes")
    (project / "src" / "a.py").write_text("b")  # what the filter makes an "a" of
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": str(settings)}
    assert pack(project, tmp_path, environ).manifest.annotations["ml.orchard.git.dirty"] == "false"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://git.example.com/a/b.git", "https://git.example.com/a/b.git"),
        ("https://token@git.example.com/a/b", "https://git.example.com/a/b"),
        ("https://u:p@[::1]:8443/a?token=x#y", "https://[::1]:8443/a"),
        ("ssh://git@git.example.com:22/a/b", "ssh://git.example.com:22/a/b"),
        ("git@git.example.com:a/b.git", "ssh://git.example.com/a/b.git"),
        ("git.example.com:a/b", "ssh://git.example.com/a/b"),
        ("/home/ada/repositories/b.git", None),
        ("../b", None),
        ("file:///home/ada/b", None),
        ("ext::sh -c touch%20x", None),
        ("ext::x", None),
        ("https://git.example.com/a\nb", None),
        ("https://git.example.com:99999999/a", None),
        ("https://" + "a" * 2000, None),
        ("https://[broken/a", None),
        ("", None),
    ],
)
def test_clean_url_then_only_what_may_be_shown_is_left(url: str, expected: str | None) -> None:
    assert clean_url(url) == expected
