"""Walking the chain: every row that was altered, removed, added or exchanged is named by its table and key.

After a broken mark the walk goes on from the stored one, so that each further fault is named on its own.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection

from pos.store.chain import GENESIS, GONE, SEAL, link_mark, printed_mark, row_mark
from pos.store.shape import CHAIN, StoreShape, name_parts, quoted, row_name, shape_of
from pos.store.till_keys import TillKeys, fingerprint_of

FIRST_FORM: Mapping[str, tuple[str, ...]] = {
    table: tuple(columns.split())
    for table, columns in {
        "shift": "shift_id number terminal operator business_date opened_at_utc utc_offset_min currency float_minor",
        "shift_count": "count_id shift_id number counted_at_utc operator cash_minor cheque_count cheque_minor "
        "payments_before",
        "shift_close": "shift_id closed_at_utc operator count_id expected_cash_minor counted_cash_minor "
        "over_short_minor expected_cheque_count expected_cheque_minor reason totals_json",
        "shift_count_foreign": "count_id currency counted_minor",
        "shift_count_declared": "count_id kind ledger_account amount_minor",
        "shift_close_foreign": "shift_id currency expected_minor counted_minor booked_minor rate rate_source "
        "value_minor over_short_minor exchange_minor",
        "large_cash": "payment_event_id business_date cash_minor day_minor currency document person_digest",
        "journal_entry": "entry_id source_kind source_id business_date booked_at_utc",
        "journal_line": "entry_id line_no ledger_account account debit_minor credit_minor currency",
        "moved_entry": "entry_id original_date",
        "receipt": "receipt_number series counter kind payment_event_id issued_at_utc facts_json",
        "receipt_copy": "receipt_number number asked_at_utc utc_offset_min operator reason",
        "audit": "audit_id deed_id at_utc utc_offset_min terminal operator act result reason_code shift_id subject",
        "deposit_slip_event": "step_id slip_id number state at_utc operator bank_date reference amount_minor credited_by "
        "reason",
        "deposit_credit": "slip_id cheque_id step_id",
    }.items()
}
"""The tables that links of the first form cover, with the columns that their marks stand for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFinding:
    """What is wrong with the chain, by table and row."""

    kind: str
    source: str
    row_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Link:
    """One link as stored. ``rows`` None: of the first form."""

    number: int
    source: str
    name: str
    mark: str
    rows: str | None


def verify_chain(connection: Connection, keys: TillKeys) -> Iterator[ChainFinding]:
    """Walk the whole chain, and look at every row of every table."""
    raw = connection.connection.dbapi_connection
    assert isinstance(raw, sqlite3.Connection)
    with _any_text(raw):
        yield from _Walk(raw, keys).findings()


def marks_in_force(connection: Connection, keys: TillKeys) -> dict[tuple[str, str], tuple[str | None, bytes]]:
    """The last mark of every row that the chain knows, by (table, row), with its key.

    The mark is None for a row that a link of the first form stands for.
    """
    raw = connection.connection.dbapi_connection
    assert isinstance(raw, sqlite3.Connection)
    with _any_text(raw):
        return _Walk(raw, keys).marks_in_force()


def next_mark(key: bytes, previous: str, source: str, row_key: str, row: Mapping[str, object]) -> str:
    """The mark of a link of the first form, which stands for one row."""
    head = "\x1f".join(("1", previous, source, row_key)).encode("utf-8", "surrogateescape")
    text = json.dumps(dict(row), sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=repr)
    return hmac.new(key, head + b"\x1f" + text.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()


@contextmanager
def _any_text(raw: sqlite3.Connection) -> Iterator[None]:
    """Bytes that are no text must not end the walk: they are what it looks for."""
    usual, raw.text_factory = raw.text_factory, _lenient
    try:
        yield
    finally:
        raw.text_factory = usual


def _lenient(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


class _Walk:
    """One walk over a store: what the links say of each row, against the row."""

    def __init__(self, raw: sqlite3.Connection, keys: TillKeys) -> None:
        self._raw = raw
        self._shape: StoreShape = shape_of(raw)
        self._living = frozenset(self._shape.living)
        # A store of an older program has no lists yet.
        columns = {row[1] for row in raw.execute(f"PRAGMA table_info({CHAIN})")}
        self._rows_column = "rows" if "rows" in columns else "NULL"
        self._keys = KeyRing(raw, keys)
        self._sealed_again: dict[tuple[str, str], int] = {}
        self._latest: dict[str, dict[str, tuple[str, bytes]]] = {}
        self._present: dict[str, int] = {}
        self._first_form: dict[str, set[str]] = {}

    def findings(self) -> Iterator[ChainFinding]:
        """Every fault, in the order of the chain; then what the chain does not know of."""
        yield from self._keys.findings()
        self._read_seals()
        previous, expected_no = GENESIS, 1
        for link in self._links():
            if link.number != expected_no:
                yield ChainFinding(kind="link_missing", source=CHAIN, row_key=str(expected_no))
            expected_no = link.number + 1
            key = self._keys.of(link.number)
            if key is not None:
                yield from self._of_link(link, previous, key)
            previous = link.mark
        yield from self._living_rows()
        yield from self._added_rows()

    def marks_in_force(self) -> dict[tuple[str, str], tuple[str | None, bytes]]:
        """What the links say of each row, the last word of each."""
        said: dict[tuple[str, str], tuple[str | None, bytes]] = {}
        for link in self._links():
            key = self._keys.of(link.number) or b""
            if link.rows is None:
                said[(link.source, link.name)] = (None, key)
            for table, name, mark in _listed(link) or ():
                said[(table, name)] = (mark, key)
        return said

    def _links(self, condition: str = "") -> Iterator[_Link]:
        found = self._raw.execute(
            f"SELECT chain_no, source, row_key, mark, {self._rows_column} FROM {CHAIN} {condition} ORDER BY chain_no"
        )
        for number, source, name, mark, rows in found:
            yield _Link(number=number, source=source, name=name, mark=mark, rows=rows)

    def _read_seals(self) -> None:
        """What was sealed again, because a later schema keeps it in another form, counts from there on."""
        for link in self._links(f"WHERE source = '{SEAL}'"):
            for table, name, _ in _listed(link) or ():
                self._sealed_again[(table, name)] = link.number

    def _of_link(self, link: _Link, previous: str, key: bytes) -> Iterator[ChainFinding]:
        if link.rows is None:
            yield from self._of_first_form(link, previous, key)
            return
        listed = _listed(link)
        fits = link_mark(key, previous, link.number, link.source, link.rows) == link.mark
        if not fits or listed is None or link.name != str(link.number):
            yield ChainFinding(kind="link_altered", source=CHAIN, row_key=str(link.number))
        for table, name, mark in listed or ():
            if table in self._living or mark == GONE:
                self._latest.setdefault(table, {})[name] = (mark, key)
            elif self._sealed_again.get((table, name), 0) <= link.number:
                row = self._row(table, name)
                if row is None:
                    yield ChainFinding(kind="row_missing", source=table, row_key=name)
                elif row_mark(key, table, name, row) != mark:
                    yield ChainFinding(kind="row_altered", source=table, row_key=name)
                elif table == "receipt" and not _prints(row, previous):
                    yield ChainFinding(kind="printed_mark_differs", source=table, row_key=name)

    def _of_first_form(self, link: _Link, previous: str, key: bytes) -> Iterator[ChainFinding]:
        columns = FIRST_FORM.get(link.source)
        if columns is None:
            yield ChainFinding(kind="link_altered", source=CHAIN, row_key=str(link.number))
            return
        if (link.source, link.name) in self._sealed_again:
            return
        if link.source in self._living:
            # Its walls were taken away; the schema's check says so.
            self._first_form.setdefault(link.source, set()).add(link.name)
        row = self._row(link.source, link.name)
        if row is None:
            yield ChainFinding(kind="row_missing", source=link.source, row_key=link.name)
        elif (
            next_mark(key, previous, link.source, link.name, {name: row.get(name) for name in columns})
            != link.mark
        ):
            yield ChainFinding(kind="row_altered", source=link.source, row_key=link.name)

    def _row(self, table: str, name: str) -> dict[str, object] | None:
        """The row of this name, counted as one that the chain knows."""
        columns = self._shape.keys.get(table)
        parts = None if columns is None else name_parts(name, len(columns))
        if columns is None or parts is None:
            return None
        # Integer columns compare a text by its number, so the name's text finds the row by its index.
        condition = " AND ".join(f"{quoted(column)} = ?" for column in columns)
        row = self._as_dict(self._raw.execute(f"SELECT * FROM {quoted(table)} WHERE {condition}", parts))
        found = next(row, None)
        if found is not None:
            self._present[table] = self._present.get(table, 0) + 1
        return found

    @staticmethod
    def _as_dict(cursor: sqlite3.Cursor) -> Iterator[dict[str, object]]:
        names = [column[0] for column in cursor.description]
        for row in cursor:
            yield dict(zip(names, row, strict=True))

    def _living_rows(self) -> Iterator[ChainFinding]:
        """Rows that may change are what their last link says."""
        for table in self._shape.living:
            told = self._latest.pop(table, {})
            for row in self._as_dict(self._raw.execute(f"SELECT * FROM {quoted(table)}")):
                name = self._shape.name_of(table, row)
                mark, key = told.pop(name, (GONE, b""))
                if mark == GONE:
                    # Before there were lists, these tables were not covered.
                    if self._rows_column == "rows" and name not in self._first_form.get(table, ()):
                        yield ChainFinding(kind="row_added", source=table, row_key=name)
                elif row_mark(key, table, name, row) != mark:
                    yield ChainFinding(kind="row_altered", source=table, row_key=name)
            yield from self._missing(table, told)
        for table, told in self._latest.items():
            if table not in self._shape.keys:
                yield from self._missing(table, told)

    @staticmethod
    def _missing(table: str, told: Mapping[str, tuple[str, bytes]]) -> Iterator[ChainFinding]:
        for name, (mark, _) in told.items():
            if mark != GONE:
                yield ChainFinding(kind="row_missing", source=table, row_key=name)

    def _added_rows(self) -> Iterator[ChainFinding]:
        """Posted rows that no link knows; the names are only gathered where the counts differ."""
        suspicious = []
        for table in self._shape.keys:
            if table in self._living or (self._rows_column == "NULL" and table not in FIRST_FORM):
                continue
            (count,) = self._raw.execute(f"SELECT count(*) FROM {quoted(table)}").fetchone()
            if count != self._present.get(table, 0):
                suspicious.append(table)
        known = self._names(frozenset(suspicious)) if suspicious else {}
        for table in suspicious:
            columns = ", ".join(map(quoted, self._shape.keys[table]))
            for parts in self._raw.execute(f"SELECT {columns} FROM {quoted(table)}"):
                name = row_name(parts)
                if name not in known[table]:
                    yield ChainFinding(kind="row_added", source=table, row_key=name)

    def _names(self, tables: frozenset[str]) -> dict[str, set[str]]:
        names: dict[str, set[str]] = {table: set() for table in tables}
        for link in self._links():
            if link.rows is None and link.source in tables:
                names[link.source].add(link.name)
            for table, name, mark in _listed(link) or ():
                if table in tables and mark != GONE:
                    names[table].add(name)
        return names


def _prints(receipt: Mapping[str, object], previous: str) -> bool:
    """Whether the paper carries the head of the chain as it was then: who has both can show that neither was made anew."""
    try:
        printed = json.loads(str(receipt["facts_json"]))["chain_mark"]
    except (ValueError, KeyError, TypeError):
        return False
    return bool(printed == printed_mark(previous))


class KeyRing:
    """The key of each stretch of the chain, by the number of its first link."""

    def __init__(self, raw: sqlite3.Connection, keys: TillKeys) -> None:
        known = raw.execute("SELECT 1 FROM sqlite_schema WHERE name = 'chain_key'").fetchone()
        told = (
            raw.execute("SELECT number, from_chain_no, fingerprint FROM chain_key ORDER BY number").fetchall()
            if known
            else []
        )
        last = told[-1][0] if told else 1
        self._stretches: list[tuple[int, bytes | None]] = []
        self._findings: list[ChainFinding] = []
        for number, from_no, fingerprint in told:
            key = keys.chain if number == last else keys.former.get(number)
            self._stretches.append((from_no, key))
            if key is None:
                self._findings.append(
                    ChainFinding(kind="key_missing", source="chain_key", row_key=str(number))
                )
            elif fingerprint_of(key) != fingerprint:
                self._findings.append(ChainFinding(kind="key_wrong", source="chain_key", row_key=str(number)))
        self._first = keys.chain if not told else self._stretches[0][1]

    def findings(self) -> list[ChainFinding]:
        return self._findings

    def of(self, chain_no: int) -> bytes | None:
        """The key that link ``chain_no`` was made under; None where it is not there to be asked."""
        key = self._first
        for from_no, of_stretch in self._stretches:
            if from_no <= chain_no:
                key = of_stretch
        return key


def _listed(link: _Link) -> list[tuple[str, str, str]] | None:
    """(table, row name, mark) of every row that ``link`` lists; None where the list is no list."""
    try:
        told = json.loads(link.rows or "{}")
        return [
            (str(table), str(name), str(mark)) for table, rows in told.items() for name, mark in rows.items()
        ]
    except (ValueError, AttributeError, RecursionError):
        return None
