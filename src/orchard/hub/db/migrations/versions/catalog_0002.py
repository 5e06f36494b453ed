"""Accounts, teams, namespaces, roles, tokens, sessions."""

from typing import Final

revision: Final = "0002"
down_revision: Final = "0001"


def upgrade() -> None:
    """Change nothing yet."""
