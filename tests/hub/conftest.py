"""A hub inside the test for everything that needs no process of its own."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from support.hubinside import Inside, MakeHub, quick_directory
from support.hubs import Nursery, nursery


@pytest.fixture
def make_hub() -> Iterator[MakeHub]:
    """Make hubs inside the test, as it likes them."""
    with ExitStack() as stack:

        def make(**options: Any) -> Inside:  # noqa: ANN401 -- those of Inside, which checks them
            inside = Inside(stack.enter_context(quick_directory()), **options)
            stack.callback(inside.database.close)
            stack.enter_context(inside.threads)
            return inside

        yield make


@pytest.fixture
def hub(make_hub: MakeHub) -> Inside:
    return make_hub()


@pytest.fixture(scope="module")
def hubs() -> Iterator[Nursery]:
    """A place where hubs come quickly to life, each as a process of its own."""
    with nursery() as running:
        yield running
