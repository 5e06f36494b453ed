"""`orchard hub` as people start and stop it."""

import http.client
import re
import signal
import socket
from pathlib import Path

from support.cli import HubProgram, Program

PASSWORD = "only for this test"


def test_hub_serves_pages_and_a_registry_until_it_is_told_to_stop(
    program: Program, project: Path, hub_to_kill: HubProgram
) -> None:
    reference = f"{hub_to_kill.host}/hub/tiny:v1"
    digest = program.digest("pack", project, "-t", reference)
    program.ok("push", reference)
    assert "hub/tiny" in _page(hub_to_kill.host, "/")
    assert hub_to_kill.end(signal.SIGTERM) == 0
    hub_to_kill.start()
    assert program.ok("inspect", "--remote", reference).document["digest"] == digest
    assert hub_to_kill.end(signal.SIGINT) == 0
    hub_to_kill.start()


def test_hub_whose_data_another_one_uses_refuses_to_start(program: Program, hub: HubProgram) -> None:
    ran = program("hub", "--port", "0", "--data", hub.data)
    assert ran.code == 8
    assert str(hub.data) in ran.complaint


def test_hub_whose_port_is_taken_refuses_to_start(program: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ran = program("hub", "--port", port)
    assert ran.code == 2
    assert port in ran.complaint


def test_hub_whose_data_is_a_file_refuses_to_start(program: Program, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ran = program("hub", "--port", "0", "--data", tmp_path / "file")
    assert ran.code == 9
    assert str(tmp_path / "file") in ran.complaint


def test_hub_that_others_reach_asks_for_a_login(program: Program, project: Path, tmp_path: Path) -> None:
    with HubProgram(tmp_path, "--host", "0.0.0.0", environ={"ORCHARD_ADMIN_PASSWORD": PASSWORD}) as hub:  # noqa: S104
        host = hub.host.replace("0.0.0.0", "127.0.0.1")  # noqa: S104 -- every address is what the test is about
        program.ok("pack", project, "-t", f"{host}/x/tiny:v1")
        assert program("push", f"{host}/x/tiny:v1").code == 4
        assert program("login", host, "-u", "admin", "--password-stdin", stdin="wrong").code == 4
        program.ok("login", host, "-u", "admin", "--password-stdin", stdin=PASSWORD)
        program.ok("push", f"{host}/x/tiny:v1")
        program.ok("list", f"{host}/x/tiny")


def test_hub_tells_address_and_password_whatever_the_log_level(tmp_path: Path) -> None:
    with HubProgram(tmp_path, "--host", "0.0.0.0", "--log-level", "error"):  # noqa: S104 -- a login needs it
        said = (tmp_path / "log").read_text()
    assert "listening on http://0.0.0.0:" in said
    assert re.search("account 'admin' with the password [^ ]{20,} ", said)


def _page(host: str, path: str) -> str:
    connection = http.client.HTTPConnection(host)
    connection.request("GET", path, headers={"Accept": "text/html"})
    text = connection.getresponse().read().decode()
    connection.close()
    return text
