"""The hub as people start it passes the official conformance program, 1.1 and the draft, completely."""

from pathlib import Path

import pytest

from support.cli import HubProgram
from support.conformance import PROGRAM, conform

ENOUGH = 600  # cases that pass; fewer mean that the program did not do its work


@pytest.mark.peer(PROGRAM)
@pytest.mark.parametrize("version", ["1.1", "dev"])
def test_hub_conforms(hub: HubProgram, tmp_path: Path, version: str) -> None:
    outcomes = conform(hub.host, tmp_path, version)
    assert outcomes["passed"] > ENOUGH


@pytest.mark.peer(PROGRAM)
def test_what_does_not_conform_would_be_seen(hub: HubProgram, tmp_path: Path) -> None:
    # Indexes whose parts are missing are refused here: every manifest that the hub has acknowledged can be pulled.
    with pytest.raises(AssertionError, match="sparse/push/manifest-by-digest"):
        conform(hub.host, tmp_path, "dev", OCI_DATA_SPARSE="true", OCI_REPO1="sparse/one", OCI_REPO2="sparse/two")
