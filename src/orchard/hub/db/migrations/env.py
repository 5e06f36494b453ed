"""Alembic runs this file. It uses the connection, and so the transaction, of whoever called ``migrate``."""

from alembic import context

from orchard.hub.db import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
