"""`orchard dev` with a model that really runs."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from orchard.project import Workspace
from support import modelpacks
from support.cli import HubProgram, Program
from support.projects import write_files
from support.tinymodel import make_broken_gguf

DIGITS = Path(__file__).parents[2] / "examples/digits"


def _post(url: str, value: object, **headers: str) -> Any:  # noqa: ANN401 -- whatever JSON comes back
    request = Request(url, json.dumps(value).encode(), {"Content-Type": "application/json", **headers})  # noqa: S310
    with urlopen(request, timeout=30) as answer:  # noqa: S310 -- an address of ours
        return json.load(answer)


def _start(program: Program, *words: str | Path) -> dict[str, Any]:
    started = program.ok("dev", "start", *words, "--output", "json").document
    assert isinstance(started, dict)
    return started


def test_start_serves_a_chat_that_answers_at_once(program: Program, chat: Path) -> None:
    started = _start(program, chat)
    assert started["engine"] == "xllamacpp"
    wanted = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 8, "temperature": 0}
    first = _post(f"{started['api']}/chat/completions", wanted)
    again = _post(f"{started['api']}/chat/completions", wanted)
    assert first["usage"]["completion_tokens"] == 8
    assert first["model"] == "tiny-chat"
    assert first["choices"][0]["message"] == again["choices"][0]["message"]


def test_start_prints_what_scripts_of_kit_read(program: Program, chat: Path) -> None:
    ran = program.ok("dev", "start", chat, "--host", "127.0.0.1")
    assert ran.lines == [
        f"Development server started at {program.ok('dev', 'status', '--output', 'json').document['running']['url']}"
    ]


def test_start_then_pages_of_other_sites_are_not_let_in(program: Program, chat: Path) -> None:
    started = _start(program, chat)
    request = Request(f"{started['api']}/models", headers={"Origin": "http://evil.example"})  # noqa: S310
    with urlopen(request, timeout=30) as answer:  # noqa: S310
        assert answer.headers["Access-Control-Allow-Origin"] not in {"*", "http://evil.example"}


def test_start_when_one_runs_says_where(program: Program, chat: Path) -> None:
    started = _start(program, chat)
    refused = program("dev", "start", chat)
    assert refused.code == 8
    assert f"runs already at {started['url']}" in refused.complaint
    assert "orchard dev stop" in refused.complaint


def test_stop_ends_the_server_and_then_there_is_none(program: Program, chat: Path) -> None:
    started = _start(program, chat)
    assert program.ok("dev", "stop").lines == [f"Development server at {started['url']} stopped"]
    with pytest.raises(URLError, match="refused"):
        urlopen(started["url"], timeout=5)  # noqa: S310
    assert program("dev", "stop").code == 3
    assert program.ok("dev", "status").lines == ["No development server runs"]


def test_status_after_the_engine_was_killed_says_that_none_runs(program: Program, chat: Path) -> None:
    started = _start(program, chat)
    os.kill(started["pid"], signal.SIGKILL)
    assert _start(program, chat)["pid"] != started["pid"]


def test_start_of_a_broken_model_shows_what_the_engine_said(program: Program, chat: Path) -> None:
    make_broken_gguf(chat / "tiny.gguf")
    failed = program("dev", "start", chat)
    assert failed.code == 1
    assert "the server ended at once; it said:" in failed.complaint
    assert "Traceback" not in failed.complaint
    assert program.ok("dev", "status").lines == ["No development server runs"]


def test_start_of_a_version_whose_archive_has_another_name_than_its_files(program: Program, chat: Path) -> None:
    data = modelpacks.tar({"models/chat.gguf": (chat / "tiny.gguf").read_bytes()})
    layer = modelpacks.Blob(data, f"{modelpacks.CNCF}.weight.v1.tar", {modelpacks.TITLE: "chat.gguf"})
    with Workspace(program.home, environ={}) as workspace:
        modelpacks.artifact([layer], {}).push(workspace.layout.repository("localhost/x"))
    assert _start(program, "x:v1")["model"].endswith("/models/chat.gguf")


def test_start_of_a_file_says_how_to_name_it(program: Program, chat: Path) -> None:
    failed = program("dev", "start", chat / "tiny.gguf")
    assert failed.code == 2
    assert "give its directory, with a Kitfile in it, and --model tiny.gguf" in failed.complaint


def test_logs_follow_until_the_server_ends(program: Program, chat: Path) -> None:
    _start(program, chat)
    with subprocess.Popen(
        [program.path, "dev", "logs", "--follow"], env=program.variables, stdout=subprocess.PIPE, text=True
    ) as following:
        assert following.stdout is not None
        first = following.stdout.readline()
        program.ok("dev", "stop")
        rest = following.stdout.read()
        assert following.wait(30) == 0
    assert "listening on http://127.0.0.1" in first + rest
    assert program.ok("dev", "logs").stdout == first + rest


def test_logs_as_json_are_one_document(program: Program, chat: Path) -> None:
    _start(program, chat)
    assert "listening on" in program.ok("dev", "logs", "--output", "json").document["log"]
    assert program("dev", "logs", "--follow", "--output", "json").code == 2


def test_logs_when_nothing_ran_says_so(program: Program) -> None:
    assert "no server has run yet" in program("dev", "logs").complaint


def test_start_of_a_reference_serves_what_the_registry_has(program: Program, chat: Path, tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    with HubProgram(tmp_path / "registry") as hub:
        other = Program(tmp_path / "other")
        other.ok("pack", chat, "-t", f"{hub.host}/team/chat:v1")
        other.ok("push", f"{hub.host}/team/chat:v1")
        started = _start(program, f"{hub.host}/team/chat:v1")
    assert started["source"].endswith("/team/chat:v1")
    assert Path(started["model"]).is_relative_to(program.home)
    assert _post(f"{started['api']}/completions", {"prompt": "a", "max_tokens": 2})["choices"]
    program.ok("dev", "stop")
    assert not Path(started["model"]).exists()
    assert program.ok("list").lines == ["REPOSITORY   TAG   MAINTAINER   NAME   SIZE   DIGEST"]


def test_start_of_a_directory_whose_model_is_another_kit_serves_that(
    program: Program, chat: Path, tmp_path: Path
) -> None:
    program.ok("pack", chat, "-t", "base:v1")
    text = "manifestVersion: 1.0.0\npackage:\n  name: child\nmodel:\n  path: base:v1\n"
    started = _start(program, write_files(tmp_path / "child", {"Kitfile": text}))
    assert started["name"] == "tiny-chat"


def test_start_of_a_kit_whose_model_is_two_kits_away_serves_what_its_lock_pins(
    program: Program, chat: Path, tmp_path: Path
) -> None:
    program.ok("pack", chat, "-t", "base:v1")
    for name, parent in (("mid", "base:v1"), ("top", "mid:v1")):
        text = f"manifestVersion: 1.0.0\npackage:\n  name: {name}\nmodel:\n  path: {parent}\n"
        program.ok("pack", write_files(tmp_path / name, {"Kitfile": text}), "-t", f"{name}:v1")
    other = {"Kitfile": "manifestVersion: 1.0.0\nmodel:\n  path: none.bin\n", "none.bin": "x"}
    program.ok("pack", write_files(tmp_path / "other", other), "-t", "base:v1")
    program.ok("tag", "base:v1", "mid:v1")
    for project in ("top:v1", str(tmp_path / "top")):
        assert Path(_start(program, project)["model"]).suffix == ".gguf"
        program.ok("dev", "stop")


def test_start_of_onnx_runs_the_model_of_the_example(program: Program) -> None:
    started = _start(program, DIGITS)
    assert started["engine"] == "onnxruntime"
    address = f"{started['api']}/models/{started['name']}"
    with urlopen(address, timeout=30) as answer:  # noqa: S310
        (wanted,) = json.load(answer)["inputs"]
    shape = [1, *wanted["shape"][1:]]
    row = (DIGITS / "data/test.csv").read_text().splitlines()[1].split(",")
    count = 1
    for size in shape:
        count *= size
    numbers = [float(cell) for cell in row[:count]]
    asked = {"inputs": [{"name": wanted["name"], "datatype": wanted["datatype"], "shape": shape, "data": numbers}]}
    outputs = _post(f"{address}/infer", asked)["outputs"]
    assert all(output["data"] for output in outputs)


def test_start_on_a_port_that_is_taken_says_so(program: Program, chat: Path, tmp_path: Path) -> None:
    other = Program(tmp_path / "other")
    started = _start(other, chat)
    try:
        refused = program("dev", "start", chat, "--port", started["url"].rpartition(":")[2])
        assert refused.code == 2
        assert "cannot listen on" in refused.complaint
    finally:
        other.ok("dev", "stop")


def test_engine_that_does_not_run_the_model_is_refused(program: Program, chat: Path) -> None:
    refused = program("dev", "start", chat, "--engine", "onnxruntime")
    assert refused.code == 2
    assert "does not run .gguf files" in refused.complaint


def test_inference_on_what_the_model_does_not_take_says_why(program: Program) -> None:
    started = _start(program, DIGITS)
    url = f"{started['api']}/models/{started['name']}/infer"
    with pytest.raises(HTTPError, match="400") as caught:
        _post(url, {"inputs": [{"name": "nonsense", "data": [1]}]})
    assert "there is no input 'nonsense'" in json.load(caught.value)["error"]
    with pytest.raises(HTTPError, match="403"):
        _post(url, {}, Origin="http://evil.example")
    with pytest.raises(HTTPError, match="403"):
        _post(url, {}, Host="evil.example")
    with pytest.raises(HTTPError, match="404"):
        _post(f"{started['api']}/models/other/infer", {})
