"""The whole store as it was when its changes began to be numbered one by one."""

from alembic import op

from sync.central.schema.migrations import forms

revision = "0001"
down_revision = None


def upgrade() -> None:
    for statement in (*forms.TABLES, "INSERT INTO change_counter (one, value) VALUES (1, 0)"):
        op.execute(statement)
