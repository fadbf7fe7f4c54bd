"""Bringing ``till.db`` to this program's schema: backup first, then every step in one transaction.

A killed migration leaves the old schema, never something between. A store of a newer program is refused.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from pos.domain.errors import Refused

HEAD = "0062"
"""The newest revision; a test compares it with the scripts, so that a start need not load them."""


def schema_version(connection: Connection) -> str | None:
    """The revision of the open store; None for an empty file."""
    found = connection.exec_driver_sql(
        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'alembic_version'"
    ).first()
    if found is None:
        return None
    row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
    return None if row is None else str(row[0])


def refuse_newer(version: str | None) -> None:
    """Raises Refused ``store_is_newer`` where ``version`` is none of ours."""
    if version is not None and version > HEAD:
        raise Refused(
            "store_is_newer",
            "This home was used by a newer version of the program. Start that version.",
            found=version,
        )


def upgrade(connection: Connection) -> None:
    """Run the missing steps on ``connection``, which is inside a transaction that the caller commits."""
    # Alembic takes longer to load than a sale takes; it is needed once per upgrade only.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
