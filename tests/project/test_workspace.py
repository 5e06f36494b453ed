import json
from pathlib import Path

import pytest

from orchard.errors import ConflictError, NotFoundError, StorageError, UsageError
from orchard.formats import Package, parse_kitfile
from orchard.oci import Reference
from orchard.project import Workspace, find_home, list_local, propose_kitfile, remove, write_kitfile

HOMES = [
    pytest.param({"ORCHARD_HOME": "/o", "KITOPS_HOME": "/k", "HOME": "/h"}, "/e", "/e", id="explicit"),
    pytest.param({"ORCHARD_HOME": "/o", "KITOPS_HOME": "/k", "HOME": "/h"}, None, "/o", id="orchard"),
    pytest.param({"KITOPS_HOME": "/k", "XDG_DATA_HOME": "/x", "HOME": "/h"}, None, "/k", id="kit"),
    pytest.param({"XDG_DATA_HOME": "/x", "HOME": "/h"}, None, "/x/orchard", id="xdg"),
    pytest.param({"HOME": "/h"}, None, "/h/.local/share/orchard", id="home"),
    pytest.param({"ORCHARD_HOME": "", "HOME": "/h"}, None, "/h/.local/share/orchard", id="empty-is-absent"),
]


@pytest.mark.parametrize(("environ", "explicit", "expected"), HOMES)
def test_find_home_then_the_first_that_is_given_wins(
    environ: dict[str, str], explicit: str | None, expected: str
) -> None:
    assert find_home(environ, explicit) == Path(expected)


def test_find_home_without_any_then_it_says_what_to_set() -> None:
    with pytest.raises(UsageError, match="ORCHARD_HOME"):
        find_home({})


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    project = tmp_path / "project"
    project.mkdir()
    (project / "a").write_text("a")
    (project / "Kitfile").write_text(
        "manifestVersion: 1.0.0\npackage:\n  name: x\n  authors: [Ada]\ncode:\n  - path: a\n"
    )
    made = Workspace(tmp_path / "home", environ={})
    made.pack(project, tag="x:one")
    return made


def test_workspace_before_its_first_use_then_nothing_is_made(tmp_path: Path) -> None:
    with Workspace(tmp_path / "home", environ={}) as made:
        assert list_local(made.layout) == []
    assert not (tmp_path / "home").exists()


def test_tag_then_both_names_are_one_version(workspace: Workspace) -> None:
    digest = workspace.tag(Reference.parse("x:one"), Reference.parse("reg.io/y:two"), ("three",))
    listed = {(one.repository, one.tags) for one in list_local(workspace.layout)}
    assert listed == {("x", ("one",)), ("reg.io/y", ("three", "two"))}
    assert {one.descriptor.digest for one in list_local(workspace.layout)} == {digest}


def test_tag_of_what_is_not_there_then_it_is_named(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError, match="x:gone: not in the local store"):
        workspace.tag(Reference.parse("x:gone"), Reference.parse("y:v"))


def test_tag_with_a_digest_as_the_target_then_it_is_refused(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="a digest is not a tag"):
        workspace.tag(Reference.parse("x:one"), Reference.parse("y@sha256:" + "a" * 64))


def test_remove_one_of_two_tags_then_the_version_stays(workspace: Workspace) -> None:
    workspace.tag(Reference.parse("x:one"), Reference.parse("x:two"))
    assert remove(workspace.layout, Reference.parse("x:one")).kept
    assert [one.tags for one in list_local(workspace.layout)] == [("two",)]


def test_remove_the_last_tag_then_the_version_goes_and_its_bytes_are_freed(workspace: Workspace) -> None:
    assert not remove(workspace.layout, Reference.parse("x:one")).kept
    assert list_local(workspace.layout) == []
    assert workspace.layout.sweep().blobs == 3


def test_remove_by_force_then_all_tags_go(workspace: Workspace) -> None:
    workspace.tag(Reference.parse("x:one"), Reference.parse("x:two"))
    assert sorted(remove(workspace.layout, Reference.parse("x:one"), force=True).tags) == ["one", "two"]


def test_list_with_a_damaged_version_then_the_others_are_listed_too(workspace: Workspace) -> None:
    (listed,) = list_local(workspace.layout)
    assert listed.version is not None
    path = workspace.layout.path_of(listed.version.manifest.config)
    assert path is not None
    path.unlink()
    (again,) = list_local(workspace.layout, "localhost/x")
    assert (again.version, again.descriptor) == (None, listed.descriptor)


def test_propose_kitfile_then_it_is_one_that_parses(tmp_path: Path) -> None:
    for name in ("model.safetensors", "train.csv", "README.md", "src/a.py", "src/deep/b.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "LICENSE").write_text("MIT License\n\nPermission is hereby granted, free of charge, to any person")
    (tmp_path / "broken").symlink_to("nowhere")
    written = write_kitfile(tmp_path, propose_kitfile(tmp_path, package=Package(name="n", authors=("a",))))
    kitfile = parse_kitfile(written.read_bytes())
    assert (kitfile.package.name, kitfile.package.authors) == ("n", ("a",))
    assert kitfile.model is not None
    assert kitfile.model.path == "model.safetensors"


def test_propose_kitfile_of_a_missing_directory_then_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nowhere: no such directory"):
        propose_kitfile(tmp_path / "nowhere")


def test_write_kitfile_over_another_then_it_is_refused_unless_told(tmp_path: Path) -> None:
    (tmp_path / "kitfile").write_text("mine")
    kitfile = propose_kitfile(tmp_path)
    with pytest.raises(ConflictError, match="kitfile already exists; use --force"):
        write_kitfile(tmp_path, kitfile)
    assert write_kitfile(tmp_path, kitfile, replace=True) == tmp_path / "kitfile"
    assert (tmp_path / "kitfile").read_text() != "mine"


def test_write_kitfile_where_it_cannot_then_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "Kitfile").mkdir()
    with pytest.raises(StorageError, match="Kitfile: cannot be written"):
        write_kitfile(tmp_path, propose_kitfile(tmp_path), replace=True)
    assert [path.name for path in tmp_path.iterdir()] == ["Kitfile"]


def test_options_then_they_are_made_only_when_a_registry_is_asked_for(tmp_path: Path) -> None:
    def never() -> None:
        raise AssertionError("asked for options")

    with Workspace(tmp_path, environ={}, options=never) as made:  # type: ignore[arg-type]  # it is never called
        assert list_local(made.layout) == []


def test_credentials_of_a_kit_home_then_they_are_shared(tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_text(json.dumps({"auths": {"reg.io": {"auth": "YTpi"}}}))
    found = Workspace(environ={"KITOPS_HOME": str(tmp_path), "HOME": "/nowhere"}).credentials.find("reg.io")
    assert found is not None
    assert (found.username, found.password) == ("a", "b")
