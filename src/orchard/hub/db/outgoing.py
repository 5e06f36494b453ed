"""Tables of what leaves the hub and what it fetches: webhooks and their deliveries, mirrors, proxied registries.

events ── outbox            what nobody has been told yet; written with the event, read and emptied by ``jobs``
webhooks ── deliveries      what was sent, or is to be; kept for a while to be looked at and sent again
mirrors
proxies                     repositories that stand for those of another registry
proxied_tags                when a tag was last compared with the other registry's
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from orchard.hub.db.columns import BYTEWISE, KEY, metadata, repository_column

outbox: Final = Table(
    "outbox",
    metadata,
    Column("event_id", KEY, ForeignKey("events.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
)

webhooks: Final = Table(
    "webhooks",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("scope", BYTEWISE, nullable=False),  # a repository or what its name begins with; empty: the whole hub
    Column("url", Text, nullable=False),
    Column("events", Text, nullable=False),  # names and patterns, separated by spaces
    Column("secret", Text, nullable=False),  # sealed
    Column("active", Boolean, nullable=False),
    Column("reason", Text),  # why it was switched off, if the hub did it
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String, nullable=False),
    Column("failing_since", BigInteger),
    Column("failures", Integer, nullable=False),  # since the last success
    Column("due_at", BigInteger, nullable=False),  # when it may be tried again
    Column("lease", String(32)),
    Column("leased_until", BigInteger, nullable=False),
    Index("webhooks_by_scope", "scope"),
    sqlite_autoincrement=True,
)

deliveries: Final = Table(
    "deliveries",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("webhook_id", KEY, ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("message", String(40), nullable=False),  # how receivers know it again, however often it is sent
    Column("event", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String, nullable=False),  # pending, delivered, failed
    Column("attempts", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("tried_at", BigInteger),
    Column("status", Integer),  # of the last answer, as the other columns
    Column("milliseconds", BigInteger),
    Column("answer", Text),
    Column("error", Text),
    Index("deliveries_by_webhook", "webhook_id", "state", "id"),
    Index("deliveries_by_time", "created_at"),
    sqlite_autoincrement=True,
)

mirrors: Final = Table(
    "mirrors",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("direction", String, nullable=False),  # pull, push
    Column("repository", BYTEWISE, nullable=False),
    Column("remote", Text, nullable=False),
    Column("tags", Text, nullable=False),  # a pattern
    Column("every", BigInteger),  # seconds
    Column("on_push", Boolean, nullable=False),
    Column("referrers", Boolean, nullable=False),
    Column("deletions", Boolean, nullable=False),
    Column("username", Text),
    Column("password", Text),  # sealed
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String, nullable=False),
    Column("due_at", BigInteger),
    Column("began_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("state", String),  # of the last run: running, done, failed
    Column("report", Text),
    Column("known", Text, nullable=False),  # tags that it has copied: those alone it may take away again
    Index("mirrors_by_repository", "repository"),
    Index("mirrors_by_time", "due_at"),
    sqlite_autoincrement=True,
)

proxies: Final = Table(
    "proxies",
    metadata,
    Column("namespace", BYTEWISE, primary_key=True),
    Column("remote", Text, nullable=False),
    Column("username", Text),
    Column("password", Text),  # sealed
    Column("ttl", BigInteger, nullable=False),  # seconds
    Column("largest", BigInteger),  # bytes of a blob
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String, nullable=False),
)

proxied_tags: Final = Table(
    "proxied_tags",
    metadata,
    repository_column(),
    Column("name", BYTEWISE, nullable=False),
    Column("checked_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("repository_id", "name"),
    sqlite_with_rowid=False,
)
