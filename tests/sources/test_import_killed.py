"""An import that is killed in the middle of a large file: the next run goes on where it was."""

import re
import signal
import time
from pathlib import Path
from threading import Event

import pytest

from support.cli import PATIENCE, Program
from support.hfserver import Exchange, HubServer

MIB = 1 << 20
DATA = bytes(range(251)) * (12 * MIB // 251)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_import_goes_on_where_it_was(hub: HubServer, tmp_path: Path, number: signal.Signals) -> None:
    hub.model("org/big", {"model.safetensors": DATA})
    killed = Event()

    def stall(exchange: Exchange) -> None:
        exchange.reply(200, {}, DATA[: 9 * MIB], length=len(DATA))
        exchange.wfile.flush()
        killed.wait(PATIENCE)
        exchange.close_connection = True

    hub.on("/store/", stall)
    program = Program(tmp_path / "home", environ={"HF_ENDPOINT": hub.url})
    running = program.start("import", "org/big")
    partial = _partial(program.home)
    running.send_signal(number)
    if number is not signal.SIGKILL:
        time.sleep(0.3)  # noqa: TID251 -- it is waiting for bytes that never come; then the line breaks
        killed.set()
        assert running.wait(PATIENCE) == 130
    else:
        assert running.wait(PATIENCE) == -number
        killed.set()
    assert (
        not (program.home / "layout/index.json").exists()
        or "big" not in (program.home / "layout/index.json").read_text()
    )
    assert partial.stat().st_size >= 8 * MIB
    hub.seen.clear()
    program.ok("import", "org/big")
    (start,) = [seen.headers.get("range", "") for seen in hub.seen if seen.origin == "storage"]
    assert int(re.sub(r"\D", "", start)) >= 7 * MIB
    program.ok("unpack", "org/big", "-d", tmp_path / "there")
    assert (tmp_path / "there/model.safetensors").read_bytes() == DATA
    assert not partial.exists()


def _partial(home: Path) -> Path:
    """Wait until most of what the server sends has reached the disk."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        for path in (home / "layout/ingest").glob("import-*.partial"):
            if path.stat().st_size >= 8 * MIB:
                return path
        Event().wait(0.01)
    raise AssertionError("nothing was fetched")
