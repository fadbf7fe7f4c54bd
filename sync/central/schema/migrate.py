"""Bringing central's store to this program's schema: every step in the caller's one transaction.

A killed migration leaves the old schema, never something between. A store of a newer program is refused, so that an old
program never writes into a form it does not know.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, inspect, text

HEAD = "0024"
"""The newest revision; a test compares it with the scripts, so that a start need not load them."""

VERSION_TABLE = "central_version"
"""Alembic's note of the revision. By its own name: a till's store, which has such a note too, is not taken for central's."""

FIRST = "0001"
"""The revision that the last of the old forms, which were counted in ``central_schema``, is the same as."""


def ensure_schema(connection: Connection, *, refuse: Callable[[str], Exception]) -> None:
    """Make the tables in an empty store, bring an older one forward; all in the caller's transaction.

    Raises ``refuse(message)`` for a store that is newer or none of ours.
    """
    tables = set(inspect(connection).get_table_names())
    if VERSION_TABLE in tables:
        version = connection.execute(READ_VERSION).scalar_one()
        if version > HEAD:
            raise refuse(
                f"The central store is of version {version}, which a newer program made; this one knows {HEAD}."
            )
        if version < HEAD:
            _run(connection)
    elif "central_schema" in tables:
        # Loaded when needed: no store is brought forward twice.
        from sync.central.schema.migrations.forms import bring_to_first

        bring_to_first(connection, refuse=refuse)
        _run(connection, stamp=FIRST)
    elif tables:
        raise refuse("This database is not a central store.")
    else:
        _run(connection)


def bring_to(connection: Connection, version: str) -> None:
    """Make the tables in an empty store as they were in ``version``, in the caller's transaction."""
    _run(connection, to=version)


def _run(connection: Connection, *, stamp: str | None = None, to: str = "head") -> None:
    """Run the missing steps; those up to ``stamp`` are taken for done."""
    # Alembic takes long to load; it is needed once per upgrade only.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["version_table"] = VERSION_TABLE
    if stamp is not None:
        command.stamp(config, stamp)
    command.upgrade(config, to)


READ_VERSION = text(f"SELECT version_num FROM {VERSION_TABLE}")
