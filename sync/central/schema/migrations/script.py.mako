"""${message}"""

from sync.central.schema.migrations.run_sql import run_sql

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}

SCHEMA = """
"""


def upgrade() -> None:
    run_sql(SCHEMA)
