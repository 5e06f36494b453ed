"""Where rows are kept: tables, transactions, migrations. What the rows mean is the catalog's business."""

from orchard.hub.db import schema, stored
from orchard.hub.db.columns import metadata
from orchard.hub.db.database import Database, Transaction
from orchard.hub.db.migrate import HEAD, migrate, revision

__all__ = ["HEAD", "Database", "Transaction", "metadata", "migrate", "revision", "schema", "stored"]
