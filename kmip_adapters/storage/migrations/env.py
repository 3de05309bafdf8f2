"""Runs the steps on the connection that `sql.migration` hands over, inside its transaction."""

from alembic import context

from kmip_adapters.storage.sql.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
