"""A step of a release to come, for tests: rebuilds the biggest table, which is what steps do worst on SQLite."""

import sqlalchemy as sa
from alembic import op

from kmip_adapters.storage.sql.migration import HISTORY

revision = "9000"
down_revision = HISTORY.revision


def upgrade() -> None:
    """Add a column that is never empty, and a table that refers to the rebuilt one."""
    with op.batch_alter_table("managed_objects", recreate="always") as table:
        table.add_column(sa.Column("shelf", sa.Text, nullable=False, server_default="top"))
    op.create_table(
        "shelves",
        sa.Column("sequence", sa.Integer, sa.ForeignKey("managed_objects.sequence"), primary_key=True),
    )
    op.execute("INSERT INTO shelves SELECT sequence FROM managed_objects")
