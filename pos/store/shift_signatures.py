"""A closed shift as bytes that are signed: its count and close, what it took, its receipts and their journal.

The chain's marks need its key; a signature needs the terminal's public key alone. So an auditor who has it can show that
a shift's rows are what the terminal closed. Source: reliability.md section 5.5.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from sqlalchemy import Connection

from pos.domain.signature import is_signed
from pos.store.chain import canonical

_EVENTS = "(SELECT payment_event_id FROM payment_event WHERE shift_id = ?1)"
_ENTRIES = (
    f"((source_kind IN ('payment', 'bill_write_off', 'write_off_recovery') AND source_id IN {_EVENTS}) "
    "OR (source_kind = 'shift_closed' AND source_id = ?1))"
)
_OF_A_SHIFT = (
    "SELECT * FROM shift WHERE shift_id = ?1",
    "SELECT * FROM shift_count WHERE shift_id = ?1 ORDER BY number",
    "SELECT * FROM shift_close WHERE shift_id = ?1",
    "SELECT * FROM payment_event WHERE shift_id = ?1 ORDER BY sequence",
    f"SELECT * FROM tender WHERE payment_event_id IN {_EVENTS} ORDER BY tender_id",
    f"SELECT * FROM allocation WHERE payment_event_id IN {_EVENTS} ORDER BY allocation_id",
    f"SELECT * FROM receipt WHERE payment_event_id IN {_EVENTS} ORDER BY receipt_number",
    f"SELECT * FROM journal_entry WHERE {_ENTRIES} ORDER BY entry_id",
    f"SELECT journal_line.* FROM journal_line JOIN journal_entry USING (entry_id) WHERE {_ENTRIES} "
    "ORDER BY entry_id, line_no",
)


_SINCE = {
    "cash_move": (
        "SELECT * FROM cash_move WHERE shift_id = ?1 ORDER BY move_id",
        "SELECT journal_line.* FROM journal_line JOIN journal_entry USING (entry_id) WHERE source_kind = 'cash_move' "
        "AND source_id IN (SELECT move_id FROM cash_move WHERE shift_id = ?1) ORDER BY entry_id, line_no",
    ),
    "z_report": (
        "SELECT * FROM z_report WHERE shift_id = ?1",
        "SELECT * FROM receipt WHERE receipt_number IN (SELECT receipt_number FROM z_report WHERE shift_id = ?1)",
    ),
}
"""What later forms of the store have besides, by table: a shift without such rows is signed as it was before."""


def _statements(connection: Connection) -> Iterator[str]:
    yield from _OF_A_SHIFT
    for table, statements in _SINCE.items():
        known = connection.exec_driver_sql(
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", (table,)
        ).first()
        yield from statements if known else ()


def rows_digest(connection: Connection, shift_id: str) -> str:
    """SHA-256 over the rows of a shift that no later deed adds to."""
    digest = hashlib.sha256()
    for statement in _statements(connection):
        for row in connection.exec_driver_sql(statement, (shift_id,)).mappings():
            digest.update(canonical(dict(row)) + b"\n")
    return digest.hexdigest()


def signed_message(shift_id: str, chain_no: int, mark: str, rows_sha256: str) -> bytes:
    """The bytes under the signature."""
    return json.dumps(["counterfoil shift", 1, shift_id, chain_no, mark, rows_sha256]).encode()


def signature_faults(
    connection: Connection, *, public_keys: frozenset[str] | None = None
) -> Iterator[tuple[str, str]]:
    """(check, shift) of every signed shift whose signature, rows or link do not hold.

    ``public_keys`` (hex) are the terminal's as the auditor knows them; None: those that the store itself names.
    """
    rows = connection.exec_driver_sql(
        "SELECT shift_id, shift_signature.chain_no, shift_signature.mark, rows_sha256, signature, public_key, "
        "chain_link.mark AS linked FROM shift_signature JOIN chain_key ON chain_key.number = key_number "
        "LEFT JOIN chain_link USING (chain_no) ORDER BY shift_signature.chain_no"
    )
    for row in rows.fetchall():
        message = signed_message(row.shift_id, row.chain_no, row.mark, row.rows_sha256)
        if public_keys is not None and row.public_key not in public_keys:
            yield "shift_is_signed_by_this_terminal", row.shift_id
        elif not is_signed(_bytes(row.public_key), _bytes(row.signature), message):
            yield "shift_signature_holds", row.shift_id
        elif rows_digest(connection, row.shift_id) != row.rows_sha256:
            yield "shift_is_as_it_was_signed", row.shift_id
        elif row.linked != row.mark:
            yield "shift_signature_is_on_the_chain", row.shift_id


def heads_since(connection: Connection, number: int) -> dict[int, str]:
    """The mark of link ``number``, if the chain has come so far, and of each later one that a closed shift was signed on."""
    rows = connection.exec_driver_sql(
        "SELECT chain_no, mark FROM chain_link WHERE chain_no = ?1 "
        "OR (chain_no > ?1 AND chain_no IN (SELECT chain_no FROM shift_signature))",
        (number,),
    )
    return {int(row[0]): str(row[1]) for row in rows}


def unsigned_closes(connection: Connection) -> Iterator[str]:
    """Closed shifts without a signature, though an earlier one has it."""
    rows = connection.exec_driver_sql(
        "SELECT shift_id FROM shift_close WHERE shift_id NOT IN (SELECT shift_id FROM shift_signature) "
        "AND closed_at_utc > (SELECT min(closed_at_utc) FROM shift_close JOIN shift_signature USING (shift_id)) "
        "ORDER BY closed_at_utc"
    )
    return (str(row[0]) for row in rows.fetchall())


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
