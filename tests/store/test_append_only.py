"""Posted means immutable: the database itself refuses, over any connection (invariants 13, 15, 24, 32, 42)."""

import sqlite3
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from pos.store.migrations import versions

APPEND_ONLY = tuple(
    table
    for step in sorted(module.name for module in iter_modules(versions.__path__))
    for table in getattr(import_module(f"{versions.__name__}.{step}"), "APPEND_ONLY", ())
)
"""What any step of the schema's history has made so."""

TENDER = (
    "INSERT INTO tender (tender_id, payment_event_id, number, mode, amount_minor, change_minor, currency, "
    "details_json, person_digest, voucher_hold) "
)


@pytest.fixture
def raw(books: Path) -> Iterator[sqlite3.Connection]:
    """Any program's connection to the books, with the driver's own settings."""
    connection = sqlite3.connect(books, isolation_level=None)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def _held(full_books: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    copy = tmp_path_factory.mktemp("posted") / "till.db"
    copy.write_bytes(full_books.read_bytes())
    connection = sqlite3.connect(copy, isolation_level=None)
    yield connection
    connection.close()


@pytest.fixture
def posted(_held: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """As ``raw``, but the same books for all of these tests, whose every statement is refused, and taken back if it is not.

    To open books takes longer than to be refused by them.
    """
    _held.execute("BEGIN")
    yield _held
    _held.execute("ROLLBACK")
    _held.execute("PRAGMA ignore_check_constraints=OFF")


def refused(raw: sqlite3.Connection, statement: str, *values: object) -> str:
    with pytest.raises(sqlite3.IntegrityError) as refusal:
        raw.execute(statement, values)
    return str(refusal.value)


def columns(raw: sqlite3.Connection, table: str) -> list[str]:
    return [str(row[1]) for row in raw.execute(f"PRAGMA table_info({table})")]


def test_every_table_is_append_only_but_those_that_live(raw: sqlite3.Connection) -> None:
    tables = {
        str(row[0])
        for row in raw.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
            "AND name <> 'alembic_version'"
        )
    }

    assert tables - set(APPEND_ONLY) == {
        "home",
        "counter",
        "person",
        "pin_try",
        "payer_person",
        "tender_person",
        "large_cash_person",
        "post_dated_person",
        "mandate_person",
        "print_job",
        "outbox",
        "voucher_hold",
        "refund_hold",
        "pin_to_print",
        "card_attempt",
        "voucher_issue",
        "voucher_slip",
    }


@pytest.mark.sweep(1)
@pytest.mark.parametrize("table", APPEND_ONLY)
def test_the_books_of_these_tests_have_a_row_in_every_table(posted: sqlite3.Connection, table: str) -> None:
    assert posted.execute(f"SELECT count(*) FROM {table}").fetchone()[0] > 0


@pytest.mark.sweep(1)
@pytest.mark.parametrize("table", APPEND_ONLY)
def test_append_only_no_row_changes(posted: sqlite3.Connection, table: str) -> None:
    """Rule 29: posted means immutable; database constraints, not only code, forbid change."""
    for column in columns(posted, table):
        told = refused(posted, f"UPDATE {table} SET {column} = {column}")
        assert told == f"{table} rows never change"


@pytest.mark.sweep(1)
@pytest.mark.parametrize("table", APPEND_ONLY)
def test_append_only_no_row_goes(posted: sqlite3.Connection, table: str) -> None:
    """Rule 31: what is posted can never be deleted."""
    assert refused(posted, f"DELETE FROM {table}") == f"{table} rows are never removed"


@pytest.mark.sweep(1)
@pytest.mark.parametrize("table", APPEND_ONLY)
def test_append_only_no_row_is_replaced(posted: sqlite3.Connection, table: str) -> None:
    before = posted.execute(f"SELECT * FROM {table}").fetchall()

    # The driver's default leaves delete triggers out when a row is replaced.
    told = refused(posted, f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")

    assert told.endswith(
        (
            "rows are never replaced",
            "is open already",
            "is closed",
            "is complete",
            "leaves a gap",
            "is there already",
            "was given back",
            "was taken",
            "was sold",
            "than there is",
            "is still owed of it",
            "undoes the whole payment, once",
        )
    )
    assert posted.execute(f"SELECT * FROM {table}").fetchall() == before


@pytest.mark.sweep(1)
@pytest.mark.parametrize("table", APPEND_ONLY)
def test_append_only_no_row_is_replaced_by_another_that_shares_a_key(
    posted: sqlite3.Connection, table: str
) -> None:
    """Each unique key on its own, and the hidden row number: a new row that has all the rest different."""
    before = posted.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
    posted.execute("PRAGMA ignore_check_constraints=ON")
    names = columns(posted, table)
    keys = [
        {str(part[2]) for part in posted.execute(f"PRAGMA index_info({index[1]})")}
        for index in posted.execute(f"PRAGMA index_list({table})").fetchall()
        if index[2]
    ]
    with_row_number = not posted.execute("SELECT wr FROM pragma_table_list(?)", (table,)).fetchone()[0]
    if with_row_number:
        keys.append({"rowid"})
    assert keys
    number = next((name for name in names if is_row_number(posted, table, name)), None)
    for key in keys:
        kept = {number if name == "rowid" and number else name for name in key}
        given = names if number or "rowid" not in kept else ["rowid", *names]
        values = [name if name in kept else another(name) for name in given]

        known = " AND ".join(f"{name} IS NOT NULL" for name in key)
        refused(
            posted,
            f"INSERT OR REPLACE INTO {table} ({', '.join(given)}) SELECT {', '.join(values)} FROM {table} "
            f"WHERE {known} LIMIT 1",
        )

    assert posted.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() == before


@pytest.mark.sweep(1)
@pytest.mark.parametrize("table", APPEND_ONLY)
def test_append_only_no_row_is_upserted(posted: sqlite3.Connection, table: str) -> None:
    column = columns(posted, table)[-1]

    told = refused(
        posted,
        f"INSERT INTO {table} SELECT * FROM {table} WHERE true "
        f"ON CONFLICT DO UPDATE SET {column} = excluded.{column}",
    )

    assert told


def is_row_number(raw: sqlite3.Connection, table: str, column: str) -> bool:
    """Whether the column is another name of the row number, as an INTEGER PRIMARY KEY is."""
    return any(
        row[1] == column and row[2] == "INTEGER" and row[5] == 1
        for row in raw.execute(f"PRAGMA table_info({table})").fetchall()
    )


def another(column: str) -> str:
    return f"CASE typeof({column}) WHEN 'integer' THEN {column} + 70 ELSE {column} || 'x' END"


# --- what does not balance ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [("safe", 5, 0, "KWD")],
        [("safe", 5, 0, "KWD"), ("cash_in_till", 0, 4, "KWD")],
        [("safe", 5, 0, "KWD"), ("cash_in_till", 0, 5, "EUR")],
        [("safe", 5, 0, "KWD"), ("cash_in_till", 0, 5, "KWD"), ("safe", 1, 0, "EUR")],
    ],
)
def test_an_unbalanced_entry_is_refused(
    raw: sqlite3.Connection, lines: list[tuple[str, int, int, str]]
) -> None:
    raw.execute("BEGIN")
    for number, (ledger, debit, credit, code) in enumerate(lines, start=1):
        raw.execute(
            "INSERT INTO journal_line VALUES ('e', ?, ?, NULL, ?, ?, ?)",
            (number, ledger, debit, credit, code),
        )

    told = refused(raw, "INSERT INTO journal_entry VALUES ('e', 'payment', 'p', '2026-11-21', 't')")

    assert told == "the entry does not balance"


@pytest.mark.parametrize(("debit", "credit"), [(0, 0), (5, 5), (-5, 0), (0, -5)])
def test_a_line_is_of_one_side(raw: sqlite3.Connection, debit: int, credit: int) -> None:
    told = refused(raw, "INSERT INTO journal_line VALUES ('e', 1, 'safe', NULL, ?, ?, 'KWD')", debit, credit)

    assert "CHECK" in told


@pytest.mark.parametrize("amount", [1.5, "5.5", "many", None])
def test_an_amount_is_a_whole_number(raw: sqlite3.Connection, amount: object) -> None:
    refused(raw, "INSERT INTO journal_line VALUES ('e', 1, 'safe', NULL, ?, 0, 'KWD')", amount)


def test_no_line_is_added_to_a_booked_entry(raw: sqlite3.Connection) -> None:
    entry = raw.execute("SELECT entry_id FROM journal_entry LIMIT 1").fetchone()[0]

    told = refused(raw, "INSERT INTO journal_line VALUES (?, 9, 'safe', NULL, 5, 0, 'KWD')", entry)

    assert told == "the entry is complete"


EVENT = (
    "INSERT INTO payment_event VALUES ('p', 'S014-T1-A-000099', 'T1', 1, 99, ?, '2026-11-21', 't', 180, '1001', "
    "'subscriber', 'BA-1', NULL, ?, 'KWD', NULL)"
)


def lay_parts(
    raw: sqlite3.Connection, *, tender: int, change: int, payment: int, allocation: int, leg: int
) -> None:
    raw.execute("BEGIN")
    raw.execute(TENDER + "VALUES ('t', 'p', 1, 'cash', ?, ?, 'KWD', '{}', NULL, NULL)", (tender, change))
    raw.execute("INSERT INTO payment VALUES ('y', 'p', 'BA-1', ?, 'KWD')", (payment,))
    raw.execute(
        "INSERT INTO allocation (allocation_id, payment_event_id, payment_id, tender_id, leg, number, account, bill_no, "
        "bill_id, amount_minor, currency) VALUES ('a', 'p', 'y', 't', 1, 1, 'BA-1', '7782', 'CB-7782', ?, 'KWD')",
        (allocation,),
    )
    raw.execute("INSERT INTO leg VALUES ('p', 1, 't', 'BA-1', ?, 'KWD')", (leg,))


def shift(raw: sqlite3.Connection, state: str) -> str:
    return str(raw.execute("SELECT shift_id FROM v_shift WHERE state = ?", (state,)).fetchone()[0])


def test_a_balanced_event_is_let_in(raw: sqlite3.Connection) -> None:
    lay_parts(raw, tender=6, change=1, payment=5, allocation=5, leg=5)

    assert raw.execute(EVENT, (shift(raw, "open"), 5)).rowcount == 1


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ((7, 1, 5, 5, 5), "the tenders do not make the amount"),
        ((6, 0, 5, 5, 5), "the tenders do not make the amount"),
        ((6, 1, 5, 4, 5), "the allocations do not make the amount"),
        ((6, 1, 4, 5, 5), "the payments do not make the amount"),
        ((6, 1, 5, 5, 6), "the legs do not make the amount"),
    ],
)
def test_an_event_that_does_not_balance_is_refused(
    raw: sqlite3.Connection, parts: tuple[int, int, int, int, int], told: str
) -> None:
    tender, change, payment, allocation, leg = parts
    lay_parts(raw, tender=tender, change=change, payment=payment, allocation=allocation, leg=leg)

    assert refused(raw, EVENT, shift(raw, "open"), 5) == told


def test_no_money_in_a_closed_shift(raw: sqlite3.Connection) -> None:
    lay_parts(raw, tender=6, change=1, payment=5, allocation=5, leg=5)

    assert refused(raw, EVENT, shift(raw, "closed"), 5) == "the shift is closed"


@pytest.mark.parametrize(
    ("mode", "amount", "change"),
    [("cash", 5, 5), ("cash", 5, 6), ("cash", 5, -1), ("cheque", 5, 1), ("cash", 0, 0)],
)
def test_change_only_from_cash_and_less_than_was_tendered(
    raw: sqlite3.Connection, mode: str, amount: int, change: int
) -> None:
    told = refused(
        raw, TENDER + "VALUES ('t', 'p', 1, ?, ?, ?, 'KWD', '{}', NULL, NULL)", mode, amount, change
    )

    assert "CHECK" in told


@pytest.mark.parametrize("table", ["tender", "payment", "allocation", "leg"])
def test_nothing_is_added_to_a_booked_event(raw: sqlite3.Connection, table: str) -> None:
    raw.execute("CREATE TEMP TABLE another AS SELECT * FROM main." + table + " LIMIT 1")
    own = {
        "tender": "tender_id = 't', number = 77",
        "payment": "payment_id = 'p', account = 'BA-77'",
        "allocation": "allocation_id = 'a', number = 77",
        "leg": "leg = 77",
    }
    raw.execute(f"UPDATE another SET {own[table]}")

    assert refused(raw, f"INSERT INTO {table} SELECT * FROM another") == "the payment event is complete"


# --- numbers and shifts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("counter", [1, 2, 3, 12, 13, 15, 16, 99])
def test_a_receipt_number_that_repeats_or_leaves_a_gap_is_refused(
    raw: sqlite3.Connection, counter: int
) -> None:
    """Rule 20: one number source only, and never recycled."""
    event = raw.execute("SELECT payment_event_id FROM payment_event LIMIT 1").fetchone()[0]
    assert raw.execute("SELECT max(counter) FROM receipt WHERE series = 'A'").fetchone()[0] == 13

    told = refused(
        raw, "INSERT INTO receipt VALUES (?, 'A', ?, 'payment', ?, 't', '{}')", f"X-{counter}", counter, event
    )

    assert told == ("receipt rows are never replaced" if counter <= 13 else "the receipt number leaves a gap")


def test_the_next_receipt_number_is_let_in(raw: sqlite3.Connection) -> None:
    event = raw.execute("SELECT payment_event_id FROM payment_event LIMIT 1").fetchone()[0]

    done = raw.execute("INSERT INTO receipt VALUES ('X-14', 'A', 14, 'payment', ?, 't', '{}')", (event,))

    assert done.rowcount == 1


def test_a_second_open_shift_is_refused(raw: sqlite3.Connection) -> None:
    told = refused(raw, "INSERT INTO shift VALUES ('s', 4, 'T1', '1002', '2026-11-23', 't', 180, 'KWD', 0)")

    assert told == "a shift is open already"


def test_a_closed_shift_is_not_counted_again(raw: sqlite3.Connection) -> None:
    told = refused(
        raw, "INSERT INTO shift_count VALUES ('c', ?, 2, 't', '1001', 5, 0, 0, 1)", shift(raw, "closed")
    )

    assert told == "the shift is closed"


def test_a_closing_states_the_difference_it_has(raw: sqlite3.Connection) -> None:
    raw.execute("INSERT INTO shift_count VALUES ('c', ?, 1, 't', '1001', 5, 0, 0, 1)", (shift(raw, "open"),))

    told = refused(
        raw,
        "INSERT INTO shift_close VALUES (?, 't', '1001', 'c', 10, 5, 0, 0, 0, NULL, '{}')",
        shift(raw, "open"),
    )

    assert "CHECK" in told


def test_one_cheque_is_taken_once(raw: sqlite3.Connection) -> None:
    raw.execute("CREATE TEMP TABLE another AS SELECT * FROM main.cheque")
    raw.execute("UPDATE another SET cheque_id = 'c', tender_id = 't'")

    assert refused(raw, "INSERT INTO cheque SELECT * FROM another") == "this cheque was taken"


# --- the outbox --------------------------------------------------------------------------------------------------


def test_outbox_never_shrinks(raw: sqlite3.Connection) -> None:
    assert refused(raw, "DELETE FROM outbox") == "outbox rows stay"
    refused(raw, "INSERT OR REPLACE INTO outbox SELECT * FROM outbox")


@pytest.mark.parametrize(
    "column", ["outbox_id", "correlator_id", "payment_event_id", "leg", "kind", "account"]
)
def test_retry_same_key(raw: sqlite3.Connection, column: str) -> None:
    assert refused(raw, f"UPDATE outbox SET {column} = {column}") == "an outbox row keeps its key"


def test_retry_same_bytes(raw: sqlite3.Connection) -> None:
    raw.execute("UPDATE outbox SET body = x'7b7d'")

    for other in ("x'7b207d'", "x''", "NULL"):
        assert (
            refused(raw, f"UPDATE outbox SET body = {other}") == "the body was frozen before the first send"
        )


@pytest.mark.parametrize("state", ["sent", "unknown", "acknowledged"])
def test_nothing_is_sent_without_a_frozen_body(raw: sqlite3.Connection, state: str) -> None:
    assert "CHECK" in refused(raw, "UPDATE outbox SET state = ?, server_id = 'x'", state)


def test_what_central_acknowledged_stays_so(raw: sqlite3.Connection) -> None:
    raw.execute("UPDATE outbox SET state = 'acknowledged', body = x'7b7d', server_id = 'P-1'")

    for state in ("waiting", "sent", "unknown", "parked"):
        refused(raw, "UPDATE outbox SET state = ?, server_id = NULL", state)
