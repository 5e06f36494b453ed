"""A llama-server on PATH, as people build it for their own accelerator: it wins over the Python package.

The stand-in takes the flags that llama.cpp's server documents and no others, and runs the same engine.
"""

import sys
from pathlib import Path

from support.cli import Program

STAND_IN = """\
#!{python}
import argparse, json, os, sys
parser = argparse.ArgumentParser(allow_abbrev=False)
for flag in ("--model", "--alias", "--path", "--host", "--port", "--ctx-size", "--mmproj"):
    parser.add_argument(flag)
parser.add_argument("--lora", action="append", default=[])
given = parser.parse_args()
settings = dict(model=given.model, alias=given.alias, pages=given.path, host=given.host, port=int(given.port))
settings |= dict(context=int(given.ctx_size), projector=given.mmproj, adapters=given.lora, origin="http://localhost")
os.execv(sys.executable, [sys.executable, "-P", "-m", "orchard.deploy.llama", json.dumps(settings)])
"""


def test_llama_server_on_path_wins_and_gets_the_flags_it_knows(program: Program, chat: Path, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "llama-server").write_text(STAND_IN.format(python=sys.executable))
    (programs / "llama-server").chmod(0o755)
    mine = Program(program.home, environ={"PATH": f"{programs}:/usr/bin:/bin"})
    started = mine.ok("dev", "start", chat, "--context", "128", "--output", "json").document
    assert started["engine"] == "llama-server"
    other = mine("dev", "stop")
    assert other.code == 0


def test_engine_that_is_wanted_and_missing_says_how_to_get_it(program: Program, chat: Path) -> None:
    bare = Program(program.home, environ={"PATH": "/nowhere"})
    refused = bare("dev", "start", chat, "--engine", "llama-server")
    assert refused.code == 5
    assert "llama-server, which is not installed" in refused.complaint
