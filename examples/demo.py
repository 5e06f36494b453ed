"""The first look at Orchard: a real project goes to a hub and comes back, byte for byte; then a story fills the hub.

The first part happens through the command line, as a user would type it, the story through the library; everything in
``.demo`` inside the checkout.
``python examples/demo.py --oneshot`` stops the hub at the end; without it the hub serves until Ctrl-C.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import story

ROOT = Path(__file__).resolve().parent.parent
PROJECT = ROOT / "examples" / "digits"
DEMO = ROOT / ".demo"
ORCHARD = Path(sys.executable).parent / "orchard"
FAVOURITE_PORT = 8080
START_SECONDS = 20.0
NEVER_PACKED = {"Kitfile", ".kitignore"}


def main() -> int:
    """Run the demo; 0 if every byte came back."""
    started = time.perf_counter()
    shutil.rmtree(DEMO, ignore_errors=True)
    DEMO.mkdir()
    print("Orchard demo: one real project, to a hub and back; then a year of a team, to look around in.\n")
    hub, host = start_hub()
    try:
        good = go_and_come_back(host) and fill(host)
        print(f"\nAll of it took {time.perf_counter() - started:.1f} s.")
        if good:
            show_around(host)
        if good and "--oneshot" not in sys.argv:
            serve(hub, host)
    finally:
        stop(hub)
    return 0 if good else 1


def go_and_come_back(host: str) -> bool:
    """Pack, push, list, pull, unpack and compare, saying what happens."""
    reference = f"{host}/demo/digits:v1"
    here, there = DEMO / "home", DEMO / "second-home"

    packed, seconds = timed(lambda: orchard(here, "pack", PROJECT, "-t", reference))
    files = sum(layer["files"] for layer in packed["layers"])
    step("Packed", f"examples/digits: {files} files in {len(packed['layers'])} layers, {size(packed['size'])}", seconds)
    say(f"This version is called {packed['digest']} from now on, everywhere.")

    pushed, seconds = timed(lambda: orchard(here, "push", reference))
    step("Pushed", f"it to the hub as {reference}", seconds)

    listed, seconds = timed(lambda: orchard(here, "list", reference.rpartition(":")[0]))
    names = ", ".join(f"{one['modelName']} ({', '.join(one['tags'])})" for one in listed)
    step("Listed", f"what the hub has: {names}", seconds)

    pulled, seconds = timed(lambda: orchard(there, "pull", reference))
    step("Pulled", "it into a second, empty home", seconds)

    unpacked, seconds = timed(lambda: orchard(there, "unpack", reference, "-d", DEMO / "unpacked"))
    step("Unpacked", f"{len(unpacked['files'])} files to .demo/unpacked", seconds)

    digests = {packed["digest"], pushed["digest"], pulled["digest"], unpacked["digest"]}
    return len(digests) == 1 and compare(packed)


def compare(packed: dict[str, Any]) -> bool:
    """Compare every byte of every file that was packed with what came back."""
    began = time.perf_counter()
    before, after = fingerprints(PROJECT), fingerprints(DEMO / "unpacked")
    claimed = {name for name in before if any(within(name, layer["path"]) for layer in packed["layers"])}
    wrong = sorted(name for name in claimed | set(after) if before.get(name) != after.get(name))
    if wrong:
        print(f"  ! These differ: {', '.join(wrong)}")
        return False
    total = sum((PROJECT / name).stat().st_size for name in claimed)
    step("Compared", f"{len(claimed)} files, {total:,} bytes: every byte is the same", time.perf_counter() - began)
    return True


def fill(host: str) -> bool:
    """Publish the story, and wait until the hub has looked into all of it."""
    print("\n  And now a year of a team that sorts support tickets, by the library:\n")
    place = story.Place(host, DEMO / "story")
    for project in story.PROJECTS:
        versions, seconds = timed(partial(story.publish, project, place))
        tags = ", ".join(release.tags[0] for release in project.releases)
        step("Published", f"{project.repository} ({tags}), {size(sum(one.size for one in versions))}", seconds)
    understood, seconds = timed(lambda: story.wait_until_understood(story.PROJECTS, place))
    if not understood:
        print("  ! The hub has not looked into all of it.")
        return False
    step("Waited", "until the hub had looked into every version", seconds)
    return True


def show_around(host: str) -> None:
    """Say what there is, and what to try first."""
    router = f"{host}/{story.ROUTER.repository}"
    compare = f"http://{host}/r/{story.ROUTER.repository}/-/compare?base=v3&head=v4"
    orchard_ = ORCHARD.relative_to(ROOT) if ORCHARD.is_relative_to(ROOT) else ORCHARD
    print(f"""
In the hub now:
  support/ticket-router       a classifier through five versions; the fourth is worse than the third
  support/reply-drafter-lora  a LoRA adapter for Qwen3 0.6B
  support/reply-drafter-mini  a small language model for laptops (GGUF, 8 and 4 bits)
  support/tickets             the data they were made from, as a kit of its own
  demo/digits                 the real project from above

Three things to try while it runs:
  1. The table that replaces the spreadsheet: http://{router.replace("/", "/r/", 1)}
     Filter it: metric.accuracy>=0.9, or param.training.batch_size:64
  2. Why is version 4 worse? {compare}
     The same here:  {orchard_} diff {router}:v3 {router}:v4
  3. Find what is good enough, anywhere: http://{host}/search?q=metric.accuracy%3E%3D0.9
     {orchard_} search --hub {host} 'metric.accuracy>=0.9 dataset:train'""")


def fingerprints(directory: Path) -> dict[str, str]:
    """Hash every file below a directory that a kit may hold."""
    hidden = {".venv", "__pycache__"}
    files = (path for path in directory.rglob("*") if path.is_file() and not hidden & set(path.parts))
    names = {path.relative_to(directory).as_posix(): path for path in files}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in names.items() if name not in NEVER_PACKED
    }


def within(name: str, path: str) -> bool:
    """Tell whether a file belongs to a layer's path."""
    return name == path or name.startswith(path.rstrip("/") + "/") or path == "."


def orchard(home: Path, *arguments: str | Path) -> Any:  # noqa: ANN401 -- whatever JSON the command gives
    """Run the command line, show what was typed, and give its JSON result."""
    command = [str(argument) for argument in arguments]
    shown = [word.replace(f"{ROOT}{os.sep}", "") for word in command]
    print(f"\n  $ orchard {' '.join(shown)}")
    environment = {**os.environ, "ORCHARD_HOME": str(home)}
    done = subprocess.run(
        [ORCHARD, *command, "--output", "json", "--log-level", "warn"],
        env=environment,
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        sys.exit(f"orchard {command[0]} failed with exit code {done.returncode}")
    return json.loads(done.stdout)


def start_hub() -> tuple[subprocess.Popen[str], str]:
    """Start a hub on loopback and wait until it says where it listens."""
    began = time.perf_counter()
    port = FAVOURITE_PORT if is_free(FAVOURITE_PORT) else 0
    print(f"  $ orchard hub --port {port} --data .demo/hub")
    log = (DEMO / "hub.log").open("w+")
    command = [str(ORCHARD), "hub", "--port", str(port), "--data", str(DEMO / "hub")]
    hub = subprocess.Popen(command, stdout=log, stderr=log, text=True, env={**os.environ, "ORCHARD_HOME": str(DEMO)})
    while time.perf_counter() - began < START_SECONDS and hub.poll() is None:
        found = re.search(r"http://([\w.\-:]+)", (DEMO / "hub.log").read_text())
        if found:
            step(
                "Started",
                f"a hub at http://{found[1]} (SQLite and files, no other service)",
                time.perf_counter() - began,
            )
            return hub, found[1]
        time.sleep(0.05)  # noqa: TID251 -- waiting for another process
    hub.kill()
    sys.exit(f"the hub did not start:\n{(DEMO / 'hub.log').read_text()}")


def serve(hub: subprocess.Popen[str], host: str) -> None:
    """Leave the hub running until Ctrl-C."""
    print(f"\nThe hub is still serving, without a login on this machine: http://{host}/\nCtrl-C stops it.", flush=True)
    try:
        hub.wait()
    except KeyboardInterrupt:
        print()


def stop(hub: subprocess.Popen[str]) -> None:
    """Stop the hub politely."""
    if hub.poll() is None:
        hub.send_signal(signal.SIGTERM)
    code = hub.wait(timeout=30)
    print(f"The hub has stopped{'' if code in {0, -signal.SIGINT} else f' with exit code {code}'}.")


def is_free(port: int) -> bool:
    """Tell whether nobody listens on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Run some work and measure how long it takes, in seconds."""
    began = time.perf_counter()
    return work(), time.perf_counter() - began


def step(verb: str, what: str, seconds: float) -> None:
    """Say what was done, and how long it took."""
    print(f"  {verb} {what}. [{seconds:.2f} s]", flush=True)


def say(text: str) -> None:
    """Say something more."""
    print(f"  {text}", flush=True)


def size(count: int) -> str:
    """Write a number of bytes for people."""
    return f"{count / 1024:.0f} KiB" if count < 1 << 20 else f"{count / (1 << 20):.1f} MiB"


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
