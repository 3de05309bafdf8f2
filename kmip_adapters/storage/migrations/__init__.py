"""The schema's history, for Alembic: one module a step in `versions`."""
