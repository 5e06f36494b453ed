"""Defaults: what is typed beats the environment, that beats the file, that beats the program."""

import os
from pathlib import Path

import click
import pytest

from orchard.cli import program as root
from orchard.cli.settings import KEYS, variable_of
from support.cli import HubProgram, Program
from support.projects import write_files


def _with(program: Program, text: str, **environ: str) -> Program:
    write_files(program.home, {"config.toml": text})
    return Program(program.home, environ=environ)


def _media_type(program: Program, project: Path, *flags: str) -> str:
    layer = program.ok("pack", project, *flags, "--output", "json").document["layers"][0]
    return str(layer["mediaType"]).partition("+")[2]


def test_typed_beats_environment_beats_file_beats_default(program: Program, project: Path) -> None:
    assert _media_type(program, project) == ""
    file = _with(program, '[pack]\ncompression = "gzip"\n')
    assert _media_type(file, project) == "gzip"
    environ = Program(program.home, environ={"ORCHARD_PACK_COMPRESSION": "zstd"})
    assert _media_type(environ, project) == "zstd"
    assert _media_type(environ, project, "--compression", "none") == ""


def test_switches_can_be_turned_off_and_typed_on_again(program: Program, shelf: Program) -> None:
    file = _with(program, 'output = "json"\nquiet = true\n')
    assert file.ok("version").document["version"]
    assert file.ok("version", "--output", "text").stdout.count("\n") == 1
    assert Program(program.home, environ={"ORCHARD_OUTPUT": "text"}).ok("version").stdout.count("\n") == 1
    assert Program(program.home, environ={"ORCHARD_OUTPUT": "text"}).ok("version", "--quiet=false").lines[1:]
    assert shelf.ok("version").lines[1:]


def test_registry_has_defaults_of_its_own(program: Program, shelf: Program, hub: HubProgram) -> None:
    shelf.ok("push", "tiny:v1", f"{hub.host}/config/tiny:v1")
    reference = f"{hub.host}/config/tiny:v1"
    tls = _with(program, f'[registry."{hub.host}"]\ntls-verify = true\n')
    assert tls("inspect", "-r", reference).code == 5  # whoever speaks of certificates asks for https
    tls.ok("inspect", "-r", reference, "--plain-http")
    both = _with(program, f'[network]\ntls-verify = true\n[registry."{hub.host}"]\nplain-http = true\n')
    both.ok("inspect", "-r", reference)
    assert both("inspect", "-r", reference, "--plain-http=false").code == 5
    other = _with(program, '[registry."elsewhere.example"]\ntls-verify = true\n')
    other.ok("inspect", "-r", reference)


def test_file_of_the_user_is_read_where_the_home_has_none(program: Program, tmp_path: Path, project: Path) -> None:
    write_files(tmp_path / "xdg/orchard", {"config.toml": '[pack]\ncompression = "zstd"\n'})
    user = Program(program.home, environ={"XDG_CONFIG_HOME": str(tmp_path / "xdg")})
    assert _media_type(user, project) == "zstd"
    assert user.ok("config", "path").stdout == f"{tmp_path}/xdg/orchard/config.toml\n"
    home = _with(user, "")
    assert _media_type(Program(home.home, environ=user.environ), project) == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[pack]\ncompresion = 'zstd'\n", "unknown key 'pack.compresion'; did you mean 'pack.compression'?"),
        ("nonsense = 1\n", "unknown key 'nonsense'"),
        ("[packs]\ncompression = 'zstd'\n", "did you mean 'pack.compression'?"),
        ("[pack]\ncompression = 'lzma'\n", "pack.compression: must be none or gzip or gzip-fastest or zstd"),
        ("[pack]\nprovenance = 'yes'\n", "pack.provenance: must be true or false"),
        ("[network]\nconcurrency = 0\n", "network.concurrency: must be a whole number above 0"),
        ("[network]\nconcurrency = true\n", "network.concurrency: must be a whole number"),
        ("[network]\ntls-cert = 'x'\n", "network.tls-cert: must be a list of texts"),
        ('[network]\nproxy = "a\\u001bb"\n', "network.proxy: must be a text"),
        ("[registry.x]\nproxi = 'x'\n", "did you mean 'registry.x.proxy'?"),
        ("registry = {x = 3}\n", "[registry] holds tables"),
        ("[pack.deeper]\nx = 1\n", "unknown key 'pack.deeper'"),
        ("[pack\n", "not TOML"),
        ("x = " + "[" * 5000, "not TOML"),
        ("#" * 2_000_000, "over 1048576 bytes"),
    ],
)
def test_file_that_is_wrong_is_one_error_that_names_file_and_key(program: Program, text: str, problem: str) -> None:
    ran = _with(program, text)("list")
    assert ran.code == 7
    assert problem in ran.complaint
    assert "config.toml" in ran.complaint


def test_pipe_in_the_place_of_the_file_is_not_waited_for(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "xdg/orchard/config.toml"
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    user = Program(program.home, environ={"XDG_CONFIG_HOME": str(tmp_path / "xdg")})
    assert user("list").complaint == f"{path}: is a pipe, which may never end"


def test_variable_that_is_wrong_is_a_usage_error(program: Program) -> None:
    ran = Program(program.home, environ={"ORCHARD_NETWORK_CONCURRENCY": "many"})("list")
    assert (ran.code, "$ORCHARD_NETWORK_CONCURRENCY" in ran.complaint) == (2, True)


def test_set_get_list_unset_and_reset(program: Program) -> None:
    (program.home).mkdir()
    (program.home / "config.toml").touch()
    program.ok("config", "set", "pack.compression", "zstd")
    program.ok("config", "set", "registry.ghcr.io.concurrency", "2")
    program.ok("config", "set", "registry.localhost:5000.plain-http", "yes")
    program.ok("config", "set", "network.tls-cert", "/a.pem,/b.pem")
    assert program.ok("config", "get", "pack.compression").stdout == "zstd\n"
    assert program.ok("config", "list", "-q").lines == [
        "pack.compression=zstd",
        "registry.ghcr.io.concurrency=2",
        "registry.localhost:5000.plain-http=true",
        "network.tls-cert=/a.pem,/b.pem",
    ]
    assert program.ok("config", "list", "--output", "json").document[3]["value"] == ["/a.pem", "/b.pem"]
    assert len(program.ok("config", "list", "--all").lines) == len(KEYS) + 3
    program.ok("config", "unset", "pack.compression")
    assert program("config", "get", "pack.compression").code == 3
    assert program("config", "unset", "pack.compression").code == 3
    assert len(program.ok("config", "reset", "--output", "json").document["unset"]) == 3
    assert program.ok("config", "list", "-q").stdout == ""


def test_set_keeps_comments_order_and_links(program: Program, tmp_path: Path) -> None:
    text = '# mine\noutput = "text"  # no\n\n[pack] # how\n# no zstd\nprovenance = false\n\n\n[network]\n'
    write_files(tmp_path, {"dotfiles/orchard.toml": text})
    program.home.mkdir()
    (program.home / "config.toml").symlink_to(tmp_path / "dotfiles/orchard.toml")
    program.ok("config", "set", "pack.compression", "gzip")
    program.ok("config", "set", "network.concurrency", "3")
    program.ok("config", "set", "log-level", "warn")
    assert (program.home / "config.toml").is_symlink()
    assert (tmp_path / "dotfiles/orchard.toml").read_text() == (
        '# mine\noutput = "text"  # no\nlog-level = "warn"\n\n[pack] # how\n# no zstd\nprovenance = false\n'
        'compression = "gzip"\n\n\n[network]\nconcurrency = 3\n'
    )


@pytest.mark.parametrize(
    "text", ["pack = {compression = 'none'}\n", "pack.compression = 'none'\n", "[network]\ntls-cert = [\n 'a',\n]\n"]
)
def test_set_leaves_what_it_cannot_change_to_an_editor(program: Program, text: str) -> None:
    file = _with(program, text)
    key, value = ("network.tls-cert", "b") if "tls" in text else ("pack.compression", "zstd")
    ran = file("config", "set", key, value)
    assert ran.code == 7
    assert "only an editor can change" in ran.complaint
    assert (program.home / "config.toml").read_text() == text


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["set", "pack.compresion", "zstd"], "did you mean 'pack.compression'?"),
        (["set", "pack.compression", "lzma"], "must be none or gzip"),
        (["get", "nonsense"], "unknown key"),
        (["set", 'registry.a"]\nx.proxy', "x"], "unknown key"),
        (["set", "network.proxy", "a\nb"], "must be a text"),
    ],
)
def test_set_of_nonsense_is_refused(program: Program, words: list[str], problem: str) -> None:
    (program.home).mkdir()
    (program.home / "config.toml").touch()
    ran = program("config", *words)
    assert ran.code in {2, 7}
    assert problem in ran.complaint
    assert (program.home / "config.toml").read_text() == ""


def test_set_warns_where_a_variable_beats_it(program: Program) -> None:
    environ = {"ORCHARD_PACK_COMPRESSION": "none", "XDG_CONFIG_HOME": str(program.home)}
    ran = Program(program.home, environ=environ).ok("config", "set", "pack.compression", "zstd")
    assert "$ORCHARD_PACK_COMPRESSION is set and beats it" in ran.stderr


def test_every_key_of_a_command_is_an_option_of_it() -> None:
    for name in KEYS:
        section, _, key = name.rpartition(".")
        command = root.get_command(click.Context(root), {"network": "pull", "": "list"}.get(section, section))
        assert command is not None
        assert any(f"--{key}" in parameter.opts for parameter in command.params), name


def test_page_names_every_key_and_its_example_is_valid(program: Program) -> None:
    page = (Path(__file__).parents[2] / "docs/configuration.md").read_text()
    text = page.partition("```toml\n")[2].partition("```")[0]
    said = _with(program, text).ok("config", "list", "-q").stdout
    assert [name for name in KEYS if f"{name}=" not in said] == []
    assert variable_of("pack.compression") in page


def test_host_may_be_typed_with_the_quotes_of_the_file(program: Program) -> None:
    program.ok("config", "set", 'registry."localhost:5000".plain-http', "true")
    assert program.ok("config", "get", "registry.localhost:5000.plain-http").lines == ["true"]
