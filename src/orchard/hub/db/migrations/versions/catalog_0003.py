"""Rules for tags, retention, quotas; what was deleted and can be restored."""

from typing import Final

revision: Final = "0003"
down_revision: Final = "0002"


def upgrade() -> None:
    """Change nothing yet."""
