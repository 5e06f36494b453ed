"""Where coverage is measured: it doubles the time of what it watches, so it looks where there may be something new.

Programs that tests start are measured where tests name them. Of a test with many cases, or many examples, so many are
measured as take a second and a half: all where they are quick, and the first of those that are long.
"""

import base64
import json
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Mapping
from functools import cache, wraps
from pathlib import Path
from typing import Any, Final

import pytest

_CONFIG: Final = "COVERAGE_PROCESS_CONFIG"
_WORDS: Final = (_CONFIG, "COVERAGE_PROCESS_START")
_TOP: Final = Path(__file__).parents[2]
_ENOUGH: Final = 1.5  # seconds of one thread's CPU
_kept: dict[str, str] = {}
_spent: defaultdict[object, float] = defaultdict(float)


def forget() -> None:
    """Let programs run unmeasured from now on."""
    _kept.update({word: os.environ.pop(word) for word in _WORDS if word in os.environ})


@cache
def measured() -> Mapping[str, str]:
    """Give what the environment of a program must hold so that it is measured; nothing where nobody measures."""
    return {word: _lean(value) if word == _CONFIG else value for word, value in _kept.items()}


def _lean(config: str) -> str:
    """Let a program write down what it ran, and not the thousand files that it did not: 0.1 s each time.

    Whoever runs the tests knows those files anyway.
    """
    settings = json.loads(base64.b64decode(config))
    settings |= {"source": None, "run_include": [f"{_TOP}/src/orchard/*", f"{_TOP}/tests/*"]}
    return base64.b64encode(json.dumps(settings).encode()).decode()


# Coverage keeps a stack of the frames that it saw begin. Whatever switches it off must switch it on again in the same
# frame, and see that frame end: so no context manager is of use here.


def one_case(item: pytest.Item) -> Generator[None, object, object]:
    """Run a test, measured as long as it has not been enough: a part of pytest's hook around the call."""
    key = (item.path, getattr(item, "originalname", item.name))
    if _spent[key] < _ENOUGH and item.get_closest_marker("unmeasured") is None:
        before = time.thread_time()
        try:
            return (yield)
        finally:
            _spent[key] += time.thread_time() - before
    ours, others = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        return (yield)
    finally:
        threading.settrace(others)
        sys.settrace(ours)


def watch_examples(items: Iterable[pytest.Item]) -> None:
    """Let Hypothesis' examples be measured as long as it has not been enough, test by test."""
    handles = {id(handle): handle for item in items if (handle := getattr(_function(item), "hypothesis", None))}
    for handle in handles.values():
        handle.inner_test = _examples(handle.inner_test)


def _function(item: pytest.Item) -> object:
    return getattr(item, "obj", None)


def _examples(inner: Callable[..., Any]) -> Callable[..., Any]:
    spent = 0.0

    @wraps(inner)  # Hypothesis looks at its text and its parameters
    def run(*args: object, **named: object) -> object:
        nonlocal spent
        if spent < _ENOUGH:
            before = time.thread_time()
            try:
                return inner(*args, **named)
            finally:
                spent += time.thread_time() - before
        ours = sys.gettrace()
        sys.settrace(None)
        try:
            return inner(*args, **named)
        finally:
            sys.settrace(ours)

    return run
