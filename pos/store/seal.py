"""Bringing rows under the chain that no deed put there: a new home's first rows, and what a change of the schema wrote.

A row that was found altered before the change is left as it is: sealing it would hide what the chain has to tell.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection

from pos.domain.signature import public_key_of
from pos.store import migrate
from pos.store.chain import GONE, SEAL, SEALED_AT_ONCE, ChainWriter, row_mark
from pos.store.database import store_altered
from pos.store.shape import quoted, shape_of
from pos.store.till_keys import TillKeys, fingerprint_of
from pos.store.times import utc_text
from pos.store.verify_chain import marks_in_force, verify_chain


def bring_up_to_date(connection: Connection, keys: TillKeys, *, at: datetime) -> None:
    """Run the missing steps of the schema, and cover what they wrote; all in the caller's transaction.

    Raises StoreError ``store_altered`` where the number of the schema itself is not what the program wrote.
    """
    new = migrate.schema_version(connection) is None
    wrong = set() if new else {(found.source, found.row_key) for found in verify_chain(connection, keys)}
    if any(table == "alembic_version" for table, _ in wrong):
        raise store_altered("alembic_version")
    migrate.upgrade(connection)
    seal(connection, keys, at=at, found_before=wrong)


def seal(
    connection: Connection,
    keys: TillKeys,
    *,
    at: datetime,
    found_before: Collection[tuple[str, str]] = (),
) -> None:
    """Cover every row that the chain does not cover as it stands, but those ``found_before`` (table, row) to be wrong."""
    raw = connection.connection.dbapi_connection
    assert isinstance(raw, sqlite3.Connection)
    if raw.execute("SELECT 1 FROM chain_key").fetchone() is None:
        row = (1, 1, fingerprint_of(keys.chain), public_key_of(keys.sign).hex(), utc_text(at))
        raw.execute(
            "INSERT INTO chain_key (number, from_chain_no, fingerprint, public_key, at_utc) VALUES (?, ?, ?, ?, ?)",
            row,
        )
    shape, wrong = shape_of(raw), frozenset(found_before)
    told = marks_in_force(connection, keys)
    writer, listed = ChainWriter(connection, keys.chain, shape), 0
    for table in shape.keys:
        rows = connection.exec_driver_sql(f"SELECT * FROM {quoted(table)}").mappings()
        for row in rows.fetchall():
            name = shape.name_of(table, row)
            mark, key = told.pop((table, name), (GONE, keys.chain))
            fits = mark is None or (mark != GONE and row_mark(key, table, name, row) == mark)
            if fits or (table, name) in wrong:
                continue
            writer.add(table, row)
            listed += 1
            if listed % SEALED_AT_ONCE == 0:
                writer.flush(SEAL)
    for (table, name), (mark, _) in told.items():
        if mark not in (None, GONE) and (table, name) not in wrong:
            writer.add_gone(table, name)
    writer.flush(SEAL)
