"""Importing from Git: one commit of a real repository, its large files as far as they are claimed, and nothing left."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchard.errors import NotFoundError, OrchardError, UnauthenticatedError, UnsafePathError, UsageError
from orchard.formats import parse_kitfile
from orchard.project import Packed, Silent, Workspace
from orchard.remote import Options
from orchard.sources import Order, Tool, Wanted, check_tag, open_project
from support.gitserver import GitHost, git_host
from support.hfserver import sha256
from support.projects import write_files

pytestmark = [pytest.mark.peer("git"), pytest.mark.peer("git-lfs")]

KITFILE = "manifestVersion: 1.0.0\npackage: {name: tiny}\nmodel: {path: model.onnx}\ncode: [{path: src}]\n"
TOKEN = "secret-of-mine"


class Repo:
    """A repository that a test makes."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")
        for name, value in {
            "user.name": "T",
            "user.email": "t@example.com",
            "uploadpack.allowAnySHA1InWant": "true",
        }.items():
            self.git("config", name, value)

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", "-C", str(self.directory), *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, files: dict[str, str | bytes], *names: str) -> str:
        for name, data in files.items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data if isinstance(data, bytes) else data.encode())
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "x")
        for name in names:
            self.git("tag", name)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "team" / "project")


def imported(
    text: str,
    home: Path,
    *,
    ref: str | None = None,
    token: str | None = None,
    kitfile: str | None = None,
    environ: dict[str, str] | None = None,
    tool: Tool | None = None,
) -> Packed:
    known = {"PATH": os.environ["PATH"], "HOME": str(home), **(environ or {})}
    wanted = Wanted(text, tool=tool, ref=ref, token=token)
    scratch = home / "cache/import"
    try:
        with (
            Workspace(home, environ=known) as workspace,
            open_project(wanted, environ=known, options=Options(), scratch=scratch) as project,
        ):
            given = parse_kitfile(kitfile.encode(), what="Kitfile") if kitfile else None
            return project.pack(
                given or project.own_kitfile() or project.propose(),
                workspace,
                order=Order(tag=check_tag("tiny:v1", project)),
                observer=Silent(),
                note=lambda _: None,
            )
    finally:
        assert not scratch.exists() or list(scratch.iterdir()) == []


def unpacked(home: Path, to: Path) -> dict[str, bytes]:
    from orchard.formats import parse_filters  # noqa: PLC0415
    from orchard.oci import Reference  # noqa: PLC0415
    from orchard.project import Terms  # noqa: PLC0415

    with Workspace(home, environ={}) as workspace:
        workspace.unpack(Reference.parse("tiny:v1"), to, filters=parse_filters([]), terms=Terms())
    paths = (path for path in to.rglob("*") if path.is_file() and path.name != "Kitfile")
    return {path.relative_to(to).as_posix(): path.read_bytes() for path in paths}


def test_a_repository_is_packed_without_what_only_git_needs(repo: Repo, tmp_path: Path) -> None:
    files = {"model.onnx": "m", "src/a.py": "a", ".gitignore": "x", "src/.gitattributes": "* text", "Kitfile": KITFILE}
    commit = repo.commit({**files, "notes.md": "n"})
    packed = imported(str(repo.directory), tmp_path / "home")
    said = packed.manifest.annotations
    assert said["org.opencontainers.image.revision"] == commit
    assert said["org.opencontainers.image.source"] == str(repo.directory)
    assert packed.kitfile.package.name == "tiny"
    assert unpacked(tmp_path / "home", tmp_path / "there") == {"model.onnx": b"m", "src/a.py": b"a"}


@pytest.mark.parametrize("how", ["branch", "tag", "commit", "short commit", "file URL"])
def test_a_ref_is_a_branch_a_tag_or_a_commit(repo: Repo, tmp_path: Path, how: str) -> None:
    old = repo.commit({"model.onnx": "old", "src/a.py": "a", "Kitfile": KITFILE}, "v1")
    repo.git("branch", "feature/x")
    repo.commit({"model.onnx": "new"})
    ref = {"branch": "feature/x", "tag": "v1", "commit": old, "short commit": old[:9], "file URL": "v1"}[how]
    text = f"file://{repo.directory}" if how == "file URL" else str(repo.directory)
    packed = imported(text, tmp_path / "home", ref=ref)
    assert packed.manifest.annotations["org.opencontainers.image.revision"] == old
    assert unpacked(tmp_path / "home", tmp_path / "there")["model.onnx"] == b"old"


def test_only_the_large_files_that_are_claimed_are_fetched(repo: Repo, tmp_path: Path) -> None:
    repo.git("lfs", "install", "--local")
    repo.git("lfs", "track", "*.onnx")
    large = {"model.onnx": b"m" * 50_000, "other [1].onnx": b"o" * 50_000, "src/copy.onnx": b"m" * 50_000}
    repo.commit({**large, "src/a.py": "a", "Kitfile": KITFILE})
    gone = next(
        path
        for path in (repo.directory / ".git/lfs/objects").rglob("*")
        if path.is_file() and path.read_bytes()[:1] == b"o"
    )
    gone.unlink()
    imported(str(repo.directory), tmp_path / "home")
    there = unpacked(tmp_path / "home", tmp_path / "there")
    assert there == {"model.onnx": large["model.onnx"], "src/copy.onnx": large["src/copy.onnx"], "src/a.py": b"a"}


def test_names_with_signs_of_patterns_are_fetched(repo: Repo, tmp_path: Path) -> None:
    repo.git("lfs", "install", "--local")
    repo.git("lfs", "track", "*.onnx")
    large = {"a [1].onnx": b"a" * 2000, "b*.onnx": b"b" * 2000, "c,d.onnx": b"c" * 2000, "skip.onnx": b"s" * 2000}
    repo.commit(dict(large))
    for names in (("a [1].onnx", "b*.onnx"), ("a [1].onnx", "c,d.onnx")):
        listed = ", ".join(f"{{path: '{name}'}}" for name in names)
        kitfile = f"manifestVersion: 1.0.0\ncode: [{listed}]\n"
        imported(str(repo.directory), tmp_path / names[1], kitfile=kitfile)
        there = unpacked(tmp_path / names[1], tmp_path / f"there {names[1]}")
        assert there == {name: large[name] for name in names}


def test_a_large_file_that_does_not_come_is_an_error(repo: Repo, tmp_path: Path) -> None:
    repo.git("lfs", "install", "--local")
    repo.git("lfs", "track", "*.onnx")
    repo.commit({"model.onnx": b"m" * 5000, "src/a.py": "a", "Kitfile": KITFILE})
    for path in (repo.directory / ".git/lfs/objects").rglob("*"):
        if path.is_file():
            path.unlink()
    with pytest.raises(OrchardError, match=r"model\.onnx|[Oo]bject|lfs"):
        imported(str(repo.directory), tmp_path / "home")


def test_a_guess_knows_the_sizes_of_large_files(repo: Repo, tmp_path: Path) -> None:
    repo.git("lfs", "install", "--local")
    repo.git("lfs", "track", "*.onnx")
    repo.commit({"a.onnx": b"a" * 3000, "b.onnx": b"b" * 90_000, "c.onnx": b"c" * 3000})
    packed = imported(str(repo.directory), tmp_path / "home")
    assert packed.kitfile.model is not None
    assert packed.kitfile.model.path == "b.onnx"
    assert packed.kitfile.package.authors == ("team",)


def test_links_are_followed_inside_and_refused_outside(repo: Repo, tmp_path: Path) -> None:
    (repo.directory / "src").mkdir()
    (repo.directory / "src/link.py").symlink_to("../real.py")
    repo.commit({"real.py": "r", "model.onnx": "m", "Kitfile": KITFILE})
    imported(str(repo.directory), tmp_path / "home")
    assert unpacked(tmp_path / "home", tmp_path / "there")["src/link.py"] == b"r"
    (repo.directory / "src/out.py").symlink_to("/etc/passwd")
    repo.commit({})
    with pytest.raises(UnsafePathError, match="leads out of the project"):
        imported(str(repo.directory), tmp_path / "home")


@pytest.mark.parametrize("ref", ["none", "0" * 40, "abcdef1"])
def test_a_ref_that_does_not_exist_is_said(repo: Repo, tmp_path: Path, ref: str) -> None:
    repo.commit({"a": "a"})
    with pytest.raises(NotFoundError):
        imported(str(repo.directory), tmp_path / "home", ref=ref)


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("--upload-pack=touch /tmp/x", None),
        ("ext::sh -c touch% /tmp/x", None),
        ("ext::sh", None),
        ("fd::17/foo", None),
        ("ftp://host/x", None),
        ("https://me:pass@example.com/x.git", None),
        ("{repo}", "--upload-pack=touch x"),
        ("{repo}", "-x"),
        ("{repo}", "a..b"),
        ("{repo}", "main:refs/heads/x"),
    ],
)
def test_what_git_would_take_for_something_else_is_refused(
    repo: Repo, tmp_path: Path, text: str, ref: str | None
) -> None:
    repo.commit({"a": "a"})
    with pytest.raises(UsageError):
        imported(text.replace("{repo}", str(repo.directory)), tmp_path / "home", ref=ref)


def test_hooks_filters_and_submodules_of_the_repository_do_not_run(repo: Repo, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    hook = repo.directory / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {marker}\n")
    hook.chmod(0o755)
    modules = f'[submodule "s"]\n\tpath = s\n\turl = ext::sh -c touch% {marker}\n'
    repo.commit({".gitmodules": modules, ".gitattributes": "* filter=evil\n", "a.py": "a"})
    sha = repo.git("rev-parse", "HEAD")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{sha},s")
    repo.git("commit", "--quiet", "--message", "a submodule")
    template = write_files(tmp_path / "template", {"hooks/post-checkout": f"#!/bin/sh\ntouch {marker}\n"})
    (template / "hooks/post-checkout").chmod(0o755)
    imported(str(repo.directory), tmp_path / "home", environ={"GIT_TEMPLATE_DIR": str(template)})
    assert not marker.exists()


@pytest.fixture
def private(repo: Repo, tmp_path: Path) -> Iterator[GitHost]:
    """A host with a private repository, a part of which is in Git LFS."""
    repo.git("lfs", "install", "--local")
    repo.git("lfs", "track", "*.onnx")
    repo.commit({"model.onnx": b"m" * 5000, "other.onnx": b"o" * 5000, "src/a.py": "a", "Kitfile": KITFILE})
    with git_host(tmp_path, TOKEN) as host:
        yield host


def test_a_private_repository_and_its_large_files_come_with_a_token_that_nobody_sees(
    private: GitHost, tmp_path: Path
) -> None:
    url = f"{private.url}/team/project/.git"
    packed = imported(url, tmp_path / "home", token=TOKEN)
    assert packed.manifest.annotations["org.opencontainers.image.source"] == url
    assert unpacked(tmp_path / "home", tmp_path / "there") == {"model.onnx": b"m" * 5000, "src/a.py": b"a"}
    assert private.fetched == [sha256(b"m" * 5000)]
    assert private.seen
    assert not any(TOKEN.encode() in line for line in private.seen)
    for path in (tmp_path / "home").rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes()


@pytest.mark.parametrize("token", [None, "wrong-" + TOKEN], ids=["none", "wrong"])
def test_a_private_repository_without_its_token_says_so(private: GitHost, tmp_path: Path, token: str | None) -> None:
    with pytest.raises(UnauthenticatedError, match="give a token") as caught:
        imported(f"{private.url}/team/project/.git", tmp_path / "home", token=token)
    assert TOKEN not in str(caught.value)


def test_a_token_of_hugging_face_is_not_shown_to_other_hosts(private: GitHost, tmp_path: Path) -> None:
    with pytest.raises(UnauthenticatedError, match="give a token"):
        imported(f"{private.url}/team/project/.git", tmp_path / "home", environ={"HF_TOKEN": TOKEN})
    assert set(private.shown) == {None}


def test_a_token_of_hugging_face_is_shown_to_its_hub(private: GitHost, tmp_path: Path) -> None:
    environ = {"HF_TOKEN": TOKEN, "HF_ENDPOINT": private.url}
    with pytest.raises(NotFoundError):  # it is a login that works, for a repository that is not there
        imported(f"{private.url}/team/nothing", tmp_path / "home", environ=environ, tool="git")
    assert any(private.shown)
