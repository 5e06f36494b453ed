from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from orchard.remote import ANONYMOUS, Credentials, Registry, RemoteRepository
from support.clients import SMALL, Connect, FakeTime
from support.faultserver import FaultServer


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture
def clock() -> FakeTime:
    return FakeTime()


@pytest.fixture
def connect(server: FaultServer, clock: FakeTime) -> Iterator[Connect]:
    """Make clients, of the server if no host is given; options are given by name."""
    with ExitStack() as stack:

        def make(
            host: str | None = None,
            *,
            credentials: Credentials = ANONYMOUS,
            **options: Any,  # noqa: ANN401 -- fields of Options
        ) -> Registry:
            timing = options.pop("timing", clock.timing)
            chosen = replace(SMALL, **options)
            registry = Registry(host or server.host, options=chosen, credentials=credentials, timing=timing)
            return stack.enter_context(registry)

        yield make


@pytest.fixture
def repo(connect: Connect) -> RemoteRepository:
    return connect().repository("team/model")
