"""Making central's store from a backup, in either kind of store: all of it in one transaction, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, column, inspect, table, text
from sqlalchemy.exc import DBAPIError

from pos.domain.errors import Refused
from pos.domain.ports import Clock
from sync.central.operating.backup import BackedUp, Lines, read_backup, tables_in_order
from sync.central.operating.let_in import LetIn, let_in
from sync.central.schema.migrate import HEAD, bring_to, ensure_schema
from sync.central.schema.opening import open_engine
from sync.central.store.promises import StoreUnavailable

BEYOND = 1_000_000
"""How far the change number goes on: numbers that were given out after the backup are not given out for other changes."""

PULLED = ("account", "bill", "item", "cheque")
"""What tills keep copies of. They fetch it all anew: what they heard since the backup central knows nothing of."""


def restore(
    path: Path, db_url: str, *, clock: Clock, who: LetIn = LetIn.NOBODY, replaced: str | None = None
) -> BackedUp:
    """Make the store at ``db_url``, which must be empty, from the backup; ``who`` is let in by it.

    ``replaced``: the URL of the store that it takes the place of, where that says who is let in.

    Raises Refused ``backup_damaged``, ``backup_unreadable``, ``backup_is_newer``, ``store_not_empty`` and
    ``restore_failed``, what ``let_in`` raises, and StoreUnavailable; the store is as empty as before then.
    """
    found = read_backup(path)
    if found.version > HEAD:
        raise Refused(
            "backup_is_newer", f"A newer program made this backup (version {found.version}, not {HEAD})."
        )
    engine = open_engine(db_url)
    try:
        with engine.begin() as connection:
            if inspect(connection).get_table_names():
                raise Refused(
                    "store_not_empty", "There is something in this database. Restore into an empty one."
                )
            bring_to(connection, found.version)
            _load(connection, path, found)
            ensure_schema(connection, refuse=StoreUnavailable)
            let_in(connection, who, replaced=replaced, at=clock.now())
    except DBAPIError as error:
        raise Refused("restore_failed", f"The backup does not go into this store: {error.orig}.") from error
    finally:
        engine.dispose()
    return found


def _load(connection: Connection, path: Path, found: BackedUp) -> None:
    names = tables_in_order(connection)
    if set(names) != set(found.rows):
        raise Refused("restore_failed", "The backup has other tables than its version.")
    listeners_from = names.index("hub") if "hub" in names else len(names)
    for name, columns, parts in Lines(path).tables_after_head():
        if name == "hub":
            _go_beyond(connection, found)
        # What a step put there when it made the table is in the backup as it became.
        if connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one():
            connection.execute(text(f"DELETE FROM {name}"))
        statement = table(name, *map(column, columns)).insert().inline()
        for some in parts:
            rows: list[dict[str, Any]] = [dict(zip(columns, row, strict=True)) for row in some]
            connection.execute(statement, rows)
    if listeners_from == len(names):
        _go_beyond(connection, found)
    there = {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in names}
    if there != found.rows:
        raise Refused("restore_failed", "Not every row of the backup came into the store.")


def _go_beyond(connection: Connection, found: BackedUp) -> None:
    change = {"change": found.change + BEYOND}
    connection.execute(text("UPDATE change_counter SET value = :change WHERE one = 1"), change)
    for name in PULLED:
        connection.execute(text(f"UPDATE {name} SET change_number = :change"), change)
