"""The tables of who may come in, and what they may do there.

    users ─┬─ team_members ── teams        what everybody may do follows from these, and is thought out anew when
           ├─ namespaces ─────┤            ``access_state.epoch`` has changed
           ├─ grants ─────────┘
           ├─ tokens, browser_sessions, identities, invitations
    signing_keys, login_failures, trusts

A namespace is the first component of repositories' names. Grants and robots name it without a foreign key: one that has
no row belongs to nobody but the site's administrators.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from orchard.hub.db.columns import BYTEWISE, KEY, metadata


def _user(*, nullable: bool = False) -> Column[str]:
    return Column("user_name", BYTEWISE, ForeignKey("users.name", ondelete="CASCADE"), nullable=nullable)


def _team(*, nullable: bool = False) -> Column[str]:
    return Column("team_name", BYTEWISE, ForeignKey("teams.name", ondelete="CASCADE"), nullable=nullable)


users: Final = Table(
    "users",
    metadata,
    Column("name", BYTEWISE, primary_key=True),
    Column("password_hash", String),  # null: comes in by other ways, or not at all
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),  # of the password
    Column("site_admin", Boolean, nullable=False),
    Column("disabled", Boolean, nullable=False),
)

teams: Final = Table(
    "teams",
    metadata,
    Column("name", BYTEWISE, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
)

team_members: Final = Table(
    "team_members",
    metadata,
    _team(),
    _user(),
    Column("role", String, nullable=False),
    PrimaryKeyConstraint("team_name", "user_name"),
    Index("team_members_by_user", "user_name"),
)

namespaces: Final = Table(
    "namespaces",
    metadata,
    Column("name", BYTEWISE, primary_key=True),
    Column("owner_user", BYTEWISE, ForeignKey("users.name")),
    Column("owner_team", BYTEWISE, ForeignKey("teams.name")),
    Column("visibility", String, nullable=False),  # of repositories that have none of their own
    Column("created_at", BigInteger, nullable=False),
    CheckConstraint("owner_user IS NULL OR owner_team IS NULL", name="namespaces_have_one_owner"),
    Index("namespaces_by_user", "owner_user"),
    Index("namespaces_by_team", "owner_team"),
)

grants: Final = Table(
    "grants",
    metadata,
    Column("id", KEY, primary_key=True),
    _user(nullable=True),
    _team(nullable=True),
    Column("namespace", BYTEWISE, nullable=False),
    Column("repository", BYTEWISE),  # whole name; null: all of the namespace
    Column("role", String, nullable=False),
    Column("granted_at", BigInteger, nullable=False),
    CheckConstraint("(user_name IS NULL) <> (team_name IS NULL)", name="grants_have_one_grantee"),
    Index("grants_by_user", "user_name"),
    Index("grants_by_team", "team_name"),
    Index("grants_by_namespace", "namespace"),
)

tokens: Final = Table(
    "tokens",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("secret_hash", String(64), nullable=False, unique=True),
    Column("name", BYTEWISE, nullable=False),
    _user(nullable=True),
    Column("namespace", BYTEWISE),  # of a robot
    Column("actions", String, nullable=False),  # separated by commas
    Column("patterns", Text, nullable=False),  # separated by commas
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", BYTEWISE, nullable=False),
    Column("expires_at", BigInteger),
    Column("used_at", BigInteger),
    Column("revoked_at", BigInteger),
    CheckConstraint("(user_name IS NULL) <> (namespace IS NULL)", name="tokens_have_one_owner"),
    Index("tokens_by_user", "user_name"),
    Index("tokens_by_namespace", "namespace"),
)

browser_sessions: Final = Table(
    "browser_sessions",
    metadata,
    Column("secret_hash", String(64), primary_key=True),
    _user(),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Index("browser_sessions_by_user", "user_name"),
    Index("browser_sessions_by_time", "created_at"),
)

invitations: Final = Table(
    "invitations",
    metadata,
    Column("secret_hash", String(64), primary_key=True),
    _user(),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("invitations_by_user", "user_name"),
)

identities: Final = Table(
    "identities",
    metadata,
    Column("issuer", BYTEWISE, nullable=False),
    Column("subject", BYTEWISE, nullable=False),
    _user(),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("issuer", "subject"),
    Index("identities_by_user", "user_name"),
)

trusts: Final = Table(
    "trusts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("namespace", BYTEWISE, nullable=False),
    Column("name", BYTEWISE, nullable=False),
    Column("issuer", BYTEWISE, nullable=False),
    Column("claims", Text, nullable=False),  # JSON: claim -> pattern of its value
    Column("actions", String, nullable=False),  # separated by commas
    Column("patterns", Text, nullable=False),  # of repositories, separated by commas
    Column("lifetime", Integer, nullable=False),  # seconds that a token lives that is made by it
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", BYTEWISE, nullable=False),
    UniqueConstraint("namespace", "name", name="trusts_have_one_name"),
    Index("trusts_by_issuer", "issuer"),
)

login_failures: Final = Table(
    "login_failures",
    metadata,
    Column("key", BYTEWISE, primary_key=True),  # an account or an address
    Column("free", Float, nullable=False),  # failures that are still free, at this time
    Column("at", BigInteger, nullable=False),
    Index("login_failures_by_time", "at"),
)

signing_keys: Final = Table(
    "signing_keys",
    metadata,
    Column("kid", String(32), primary_key=True),
    Column("jwk", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("retired_at", BigInteger),  # signs no more; what it signed is good until it ends
)

access_state: Final = Table(
    "access_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),  # goes up by one with every change of the above
)
