"""Where rows are kept: tables, transactions, migrations. What the rows mean is the catalog's business."""

from orchard.hub.db import copying, drawn, folding, fulltext, outgoing, people, rules, schema, stored, understood, work
from orchard.hub.db.columns import metadata, moment
from orchard.hub.db.database import Database, Driver, Transaction, after_commit
from orchard.hub.db.migrate import HEAD, migrate, revision, upgrade
from orchard.hub.db.skipping import insert_new

__all__ = [
    "HEAD",
    "Database",
    "Driver",
    "Transaction",
    "after_commit",
    "copying",
    "drawn",
    "folding",
    "fulltext",
    "insert_new",
    "metadata",
    "migrate",
    "moment",
    "outgoing",
    "people",
    "revision",
    "rules",
    "schema",
    "stored",
    "understood",
    "upgrade",
    "work",
]
