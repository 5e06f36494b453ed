"""Where the bytes of blobs are, when they are seen to be sound, when somebody last asked for them."""

from typing import Final

revision: Final = "0005"
down_revision: Final = "0004"


def upgrade() -> None:
    """Change nothing yet."""
