"""Accounts, teams, namespaces, roles, tokens, sessions."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"

_BYTEWISE: Final = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_KEY: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _user(*, nullable: bool = False) -> sa.Column[str]:
    return sa.Column("user_name", _BYTEWISE, sa.ForeignKey("users.name", ondelete="CASCADE"), nullable=nullable)


def _team(*, nullable: bool = False) -> sa.Column[str]:
    return sa.Column("team_name", _BYTEWISE, sa.ForeignKey("teams.name", ondelete="CASCADE"), nullable=nullable)


def upgrade() -> None:
    """Make the tables; whoever has an account administers the site, as before, and gets a namespace."""
    _users()
    _teams()
    _namespaces()
    _grants()
    _tokens()
    _browsers()
    _trusts()
    _state()
    op.add_column("repositories", sa.Column("visibility", sa.String))
    op.add_column("events", sa.Column("subject", _BYTEWISE))
    op.add_column("events", sa.Column("detail", sa.Text))


def _users() -> None:
    with op.batch_alter_table("users") as table:
        table.alter_column("password_hash", existing_type=sa.String(), nullable=True)
        table.add_column(sa.Column("site_admin", sa.Boolean, nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("disabled", sa.Boolean, nullable=False, server_default=sa.false()))
    op.execute(sa.update(sa.table("users", sa.column("site_admin", sa.Boolean))).values(site_admin=sa.true()))


def _teams() -> None:
    op.create_table(
        "teams",
        sa.Column("name", _BYTEWISE, primary_key=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "team_members",
        _team(),
        _user(),
        sa.Column("role", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("team_name", "user_name"),
    )
    op.create_index("team_members_by_user", "team_members", ["user_name"])


def _namespaces() -> None:
    op.create_table(
        "namespaces",
        sa.Column("name", _BYTEWISE, primary_key=True),
        sa.Column("owner_user", _BYTEWISE, sa.ForeignKey("users.name")),
        sa.Column("owner_team", _BYTEWISE, sa.ForeignKey("teams.name")),
        sa.Column("visibility", sa.String, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.CheckConstraint("owner_user IS NULL OR owner_team IS NULL", name="namespaces_have_one_owner"),
    )
    op.create_index("namespaces_by_user", "namespaces", ["owner_user"])
    op.create_index("namespaces_by_team", "namespaces", ["owner_team"])
    op.execute(
        "INSERT INTO namespaces (name, owner_user, visibility, created_at)"
        " SELECT name, name, 'private', created_at FROM users"
    )


def _grants() -> None:
    op.create_table(
        "grants",
        sa.Column("id", _KEY, primary_key=True),
        _user(nullable=True),
        _team(nullable=True),
        sa.Column("namespace", _BYTEWISE, nullable=False),
        sa.Column("repository", _BYTEWISE),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("granted_at", sa.BigInteger, nullable=False),
        sa.CheckConstraint("(user_name IS NULL) <> (team_name IS NULL)", name="grants_have_one_grantee"),
    )
    op.create_index("grants_by_user", "grants", ["user_name"])
    op.create_index("grants_by_team", "grants", ["team_name"])
    op.create_index("grants_by_namespace", "grants", ["namespace"])


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("secret_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("name", _BYTEWISE, nullable=False),
        _user(nullable=True),
        sa.Column("namespace", _BYTEWISE),
        sa.Column("actions", sa.String, nullable=False),
        sa.Column("patterns", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", _BYTEWISE, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("used_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
        sa.CheckConstraint("(user_name IS NULL) <> (namespace IS NULL)", name="tokens_have_one_owner"),
    )
    op.create_index("tokens_by_user", "tokens", ["user_name"])
    op.create_index("tokens_by_namespace", "tokens", ["namespace"])


def _browsers() -> None:
    op.create_table(
        "browser_sessions",
        sa.Column("secret_hash", sa.String(64), primary_key=True),
        _user(),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
    )
    op.create_index("browser_sessions_by_user", "browser_sessions", ["user_name"])
    op.create_index("browser_sessions_by_time", "browser_sessions", ["created_at"])
    op.create_table(
        "invitations",
        sa.Column("secret_hash", sa.String(64), primary_key=True),
        _user(),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("invitations_by_user", "invitations", ["user_name"])
    op.create_table(
        "identities",
        sa.Column("issuer", _BYTEWISE, nullable=False),
        sa.Column("subject", _BYTEWISE, nullable=False),
        _user(),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject"),
    )
    op.create_index("identities_by_user", "identities", ["user_name"])


def _trusts() -> None:
    op.create_table(
        "trusts",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("namespace", _BYTEWISE, nullable=False),
        sa.Column("name", _BYTEWISE, nullable=False),
        sa.Column("issuer", _BYTEWISE, nullable=False),
        sa.Column("claims", sa.Text, nullable=False),
        sa.Column("actions", sa.String, nullable=False),
        sa.Column("patterns", sa.Text, nullable=False),
        sa.Column("lifetime", sa.Integer, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", _BYTEWISE, nullable=False),
        sa.UniqueConstraint("namespace", "name", name="trusts_have_one_name"),
    )
    op.create_index("trusts_by_issuer", "trusts", ["issuer"])


def _state() -> None:
    op.create_table(
        "login_failures",
        sa.Column("key", _BYTEWISE, primary_key=True),
        sa.Column("free", sa.Float, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("login_failures_by_time", "login_failures", ["at"])
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.String(32), primary_key=True),
        sa.Column("jwk", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("retired_at", sa.BigInteger),
    )
    op.create_table(
        "access_state",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
    )
    op.execute("INSERT INTO access_state (id, epoch) VALUES (1, 1)")
