"""A hub inside the test for everything that needs no process of its own."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from support.hubs import Inside, MakeHub, quick_directory


@pytest.fixture
def make_hub() -> Iterator[MakeHub]:
    """Make hubs inside the test, as it likes them."""
    with ExitStack() as stack:

        def make(**options: Any) -> Inside:  # noqa: ANN401 -- as above
            inside = Inside(stack.enter_context(quick_directory()), **options)
            stack.callback(inside.database.close)
            stack.enter_context(inside.threads)
            return inside

        yield make


@pytest.fixture
def hub(make_hub: MakeHub) -> Inside:
    return make_hub()
