"""How an attack must end."""

from pathlib import Path

import pytest

from orchard.archive import Extractor
from orchard.errors import InvalidError
from orchard.oci import Readable


def refuse(destination: Path, body: Readable, error: type[InvalidError], match: str) -> None:
    """Unpack a layer and expect that it is refused, with its name in the message."""
    with pytest.raises(error, match=match):
        Extractor(destination).extract_tar(body, what="layer 1")
