"""What every test may rely on: real peers where they are installed, and a loud word where they are not."""

import gc
import itertools
import os
import re
import shutil
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from support import slowest
from support.measuring import forget, one_case, watch_examples

# A deadline for one example measures how busy the machine is. ORCHARD_SOAK=1 tries many more.
_FULL = os.environ.get("ORCHARD_SOAK") == "1"
settings.register_profile("orchard", deadline=None, max_examples=500 if _FULL else 60)
settings.load_profile("orchard")

_MISSING = "MISSING PEER: "
_PRIVATE = [
    "ORCHARD_HOME",
    "KITOPS_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "DOCKER_CONFIG",
    "REGISTRY_AUTH_FILE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
]


def pytest_configure(config: pytest.Config) -> None:
    # Those that run tests; whoever only deals them out hands the word on to them.
    if "PYTEST_XDIST_WORKER" in os.environ or not config.getoption("numprocesses", None):
        forget()
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            # Whoever starts the tests in the background lets them ignore it; programs that they interrupt must not.
            signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("peer"):
        for program in marker.args:
            if shutil.which(program) is None:
                pytest.skip(f"{_MISSING}{program} is not installed; .ci/run says how to install it")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    return (yield from one_case(item))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    slowest.note(report)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    missing = sorted({reason.split(_MISSING)[1].split()[0] for reason in reasons if _MISSING in reason})
    if missing:
        terminalreporter.section("real peers that were missing", sep="!", red=True)
        terminalreporter.line(f"not tested against: {', '.join(missing)}. Install them as .ci/run does.")
    slowest.tell(terminalreporter)


def pytest_collection_finish(session: pytest.Session) -> None:
    watch_examples(session.items)
    # Ten thousand tests are there to stay: nobody need look through them again and again for what can go.
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 10, 10)


@pytest.fixture(scope="session")
def _numbers() -> Iterator[int]:
    return itertools.count()


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, _numbers: Iterator[int]) -> Path:
    """A directory of the test alone. pytest finds a free name by a look at all there are, thousands in the end."""
    name = re.sub(r"\W", "_", request.node.name)[:20]
    path = tmp_path_factory.getbasetemp() / "own" / f"{name}{next(_numbers)}"
    path.mkdir(mode=0o700, parents=True)
    return path


@pytest.fixture(autouse=True)
def _clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, _numbers: Iterator[int]
) -> Iterator[None]:
    """Keep the developer's own home, credentials and proxies out of every test."""
    home = tmp_path_factory.getbasetemp() / "homes" / f"home{next(_numbers)}"
    home.mkdir(mode=0o700, parents=True)
    for name in _PRIVATE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    yield
    assert Path.home() == home
