"""What is altered behind the program's back is named, by table and row (invariant 41)."""

import json
import os
import random
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Connection

from pos.store.chain import DEED, GENESIS, SEAL, canonical, head, link_mark, row_mark
from pos.store.database import Database
from pos.store.schema_check import schema_faults
from pos.store.shape import name_parts, row_name, shape_of
from pos.store.till_keys import TillKeys
from pos.store.verify_chain import verify_chain
from tests.builders.tills import CHAIN_KEY, KEYS

MANIPULATIONS = int(os.environ.get("MANIPULATIONS", "60"))

Named = tuple[str, str, str]


class Insider:
    """Somebody who has the file and knows SQL: the walls are down while he works, and up again when he has finished."""

    def __init__(self, file: Path) -> None:
        self.raw = sqlite3.connect(file, isolation_level=None)
        self.shape = shape_of(self.raw)
        self.raw.execute("PRAGMA ignore_check_constraints=ON")
        self.walls = self.raw.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        self.raw.execute("BEGIN")
        for name, _ in self.walls:
            self.raw.execute(f"DROP TRIGGER {name}")
        self.raw.execute("SAVEPOINT before")

    def undo(self) -> None:
        """Everything as it was before the last manipulation."""
        self.raw.execute("ROLLBACK TO before")

    def leave(self) -> None:
        """The walls are up again, and the file is written."""
        for _, sql in self.walls:
            self.raw.execute(sql)
        self.raw.execute("COMMIT")
        self.raw.close()

    def tables(self) -> list[str]:
        return [table for table in self.shape.keys if self.rows(table)]

    def rows(self, table: str) -> list[dict[str, object]]:
        key = ("chain_no",) if table == "chain_link" else self.shape.keys[table]
        found = self.raw.execute(f"SELECT * FROM {table} ORDER BY {', '.join(key)}")
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found]

    def name(self, table: str, row: dict[str, object]) -> str:
        return str(row["chain_no"]) if table == "chain_link" else self.shape.name_of(table, row)

    def change(self, table: str, row: dict[str, object], changed: dict[str, object]) -> None:
        key = ("chain_no",) if table == "chain_link" else self.shape.keys[table]
        self.raw.execute(
            f"UPDATE {table} SET {', '.join(f'{column} = ?' for column in changed)} "
            f"WHERE {' AND '.join(f'{column} = ?' for column in key)}",
            (*changed.values(), *(row[column] for column in key)),
        )

    def remove(self, table: str, row: dict[str, object]) -> None:
        key = ("chain_no",) if table == "chain_link" else self.shape.keys[table]
        self.raw.execute(
            f"DELETE FROM {table} WHERE {' AND '.join(f'{column} = ?' for column in key)}",
            tuple(row[column] for column in key),
        )

    def add(self, table: str, row: dict[str, object]) -> None:
        self.raw.execute(
            f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
            tuple(row.values()),
        )


@pytest.fixture(scope="module")
def copied(full_books: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Insider]:
    copy = tmp_path_factory.mktemp("copied") / "till.db"
    copy.write_bytes(full_books.read_bytes())
    there = Insider(copy)
    yield there
    there.raw.close()


@pytest.fixture
def insider(copied: Insider) -> Iterator[Insider]:
    """At work on one copy; what he did is undone after each test."""
    yield copied
    copied.undo()


class _Connected:
    """What ``verify_chain`` asks a connection for, over the insider's own, before he has written anything."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self.connection = self
        self.dbapi_connection = raw


def findings(insider: Insider, keys: TillKeys = KEYS) -> list[Named]:
    found = verify_chain(_Connected(insider.raw), keys)  # type: ignore[arg-type]
    return [(one.kind, one.source, one.row_key) for one in found]


def other_key(key: bytes) -> TillKeys:
    return TillKeys(chain=key, marks=key, sign=KEYS.sign)


def spoiled(value: object) -> object:
    match value:
        case int():
            return value + 1_000
        case bytes():
            return value + b"x"
        case None:
            return "x"
        case _:
            return f"{value}x"


def spoil(insider: Insider, table: str, row: dict[str, object], column: str) -> bool:
    """Write another value into one cell; False where even the type of the column allows none of ours."""
    for value in (spoiled(row[column]), 7):
        try:
            insider.change(table, row, {column: value})
        except sqlite3.IntegrityError:
            continue
        return value != row[column]
    return False


TABLES = sorted(
    "account_credit alembic_version allocation approval approval_answer approval_answer_told approval_declined "
    "approval_request approval_shared approval_use approved_entry audit bag_acceptance bag_acceptance_refused "
    "bag_acceptance_undone bag_arrival bag_recall bag_sending bank_entry bank_entry_step bank_file bank_file_end "
    "bank_receipt_event bill_write_off card_attempt card_reconciliation cash_bag cash_bag_event cash_move "
    "cash_move_piece chain_key charge_undone cheque cheque_event cheque_replacement commission_line "
    "commission_settled commission_settlement correction correction_cash correction_part counter day_close "
    "debit_charge debit_collection debit_item deposit_bag deposit_bag_credit deposit_carrier deposit_cheque "
    "deposit_credit deposit_difference deposit_return deposit_slip deposit_slip_event difference_accepted dishonour "
    "dishonour_charge hand_over hand_over_accepted hand_over_undone home import_run imported_record "
    "imported_record_state instrument instrument_again journal_entry journal_line large_cash large_cash_person "
    "ledger_batch ledger_batch_line ledger_delivery ledger_series ledger_set_aside leg mandate mandate_heard mandate_person "
    "mandate_step moved_entry outbox paid_back_elsewhere payer_person payment payment_dunning payment_event person "
    "person_change pin_try placed_part post_dated_cheque post_dated_event post_dated_person post_dated_wish print_job "
    "receipt receipt_copy recovery recovery_again refund_across refund_across_leg refund_across_part refund_cancelled "
    "refund_hold refund_settled reinstatement run_payment safe_count sale_line sale_price_override sale_serial "
    "sale_serial_again script_ref shift shift_close shift_close_foreign shift_count shift_count_declared "
    "shift_count_foreign shift_count_piece shift_count_slip shift_float_piece shift_signature suspense "
    "suspense_transfer suspense_transfer_part tender tender_person tender_swap tender_undone trust_close trust_count "
    "trust_tender voucher_hold voucher_offline write_off_again z_report".split()
)
"""Every table that has a row in the books of these tests; another one is asked for as soon as it has."""


def test_untouched_books_pass(insider: Insider) -> None:
    assert findings(insider) == []
    assert sorted(insider.tables()) == TABLES


@pytest.mark.sweep(4)
@pytest.mark.parametrize("table", TABLES)
def test_every_edit_of_a_single_cell_is_named(insider: Insider, table: str) -> None:
    edited = 0
    for row in insider.rows(table)[:1]:
        for column in row:
            if spoil(insider, table, row, column):
                kind = "row_missing" if column in insider.shape.keys[table] else "row_altered"
                assert (kind, table, insider.name(table, row)) in findings(insider), column
                edited += 1
            insider.undo()
    assert edited > 0


@pytest.mark.parametrize("table", TABLES)
def test_every_removed_row_is_named(insider: Insider, table: str) -> None:
    for row in insider.rows(table)[:1]:
        insider.remove(table, row)

        expected = [("row_missing", table, insider.name(table, row))]
        if table == "chain_key":
            # Without it nothing says which key is meant; the only one there is fits.
            assert findings(insider) == expected
        assert expected[0] in findings(insider)
        assert len(findings(insider)) == 1
        insider.undo()


@pytest.mark.parametrize("table", sorted({*TABLES} - {"chain_key"}))
def test_every_added_row_is_named(insider: Insider, table: str) -> None:
    row = insider.rows(table)[0]
    added = {column: spoiled(value) for column, value in row.items() if value is not None}
    insider.add(table, added)

    assert findings(insider) == [("row_added", table, insider.name(table, added))]


@pytest.mark.parametrize(
    "table", ["journal_line", "audit", "journal_entry", "receipt", "shift", "person", "outbox"]
)
def test_two_rows_that_changed_places_are_named(insider: Insider, table: str) -> None:
    one, other = insider.rows(table)[:2]
    swap(insider, table, one, other)

    assert findings(insider) == [
        ("row_altered", table, insider.name(table, one)),
        ("row_altered", table, insider.name(table, other)),
    ]


def swap(insider: Insider, table: str, one: dict[str, object], other: dict[str, object]) -> None:
    """Exchange the contents of two rows, but their keys and what must be unique."""
    key = insider.shape.keys[table]
    unique = {
        row[0]
        for (name,) in insider.raw.execute(
            'SELECT name FROM pragma_index_list(?) WHERE "unique"', (table,)
        ).fetchall()
        for row in insider.raw.execute("SELECT name FROM pragma_index_info(?)", (name,)).fetchall()
    }
    for row, content in ((one, other), (other, one)):
        swapped = {
            column: value for column, value in content.items() if column not in key and column not in unique
        }
        if swapped:
            insider.change(table, row, swapped)


def test_every_edit_of_a_link_is_noticed(insider: Insider) -> None:
    for link in insider.rows("chain_link")[::5]:
        for column in ("chain_no", "source", "row_key", "mark", "rows"):
            insider.change("chain_link", link, {column: spoiled(link[column])})

            assert findings(insider), (link, column)
            insider.undo()


@pytest.mark.parametrize("rows", [None, "[]", '{"audit":7}', "{", "9" * 5000, "[" * 100_000])
def test_a_list_that_is_no_list_is_named(insider: Insider, rows: str | None) -> None:
    insider.change("chain_link", insider.rows("chain_link")[3], {"rows": rows})

    assert ("link_altered", "chain_link", "4") in findings(insider)


def test_a_link_that_was_taken_out_with_its_rows_is_noticed(insider: Insider) -> None:
    links = insider.rows("chain_link")
    for link, after in pairwise(links):
        for table, names in json.loads(str(link["rows"])).items():
            for row in insider.rows(table):
                if insider.name(table, row) in names:
                    insider.remove(table, row)
        insider.remove("chain_link", link)

        found = findings(insider)

        assert ("link_missing", "chain_link", str(link["chain_no"])) in found
        assert ("link_altered", "chain_link", str(after["chain_no"])) in found
        insider.undo()


def test_links_in_another_order_are_noticed(insider: Insider) -> None:
    one, other = insider.rows("chain_link")[3:5]
    insider.change("chain_link", one, {"chain_no": -1})
    insider.change("chain_link", other, {"chain_no": one["chain_no"]})
    insider.change("chain_link", {"chain_no": -1}, {"chain_no": other["chain_no"]})

    found = findings(insider)
    assert {("link_altered", "chain_link", "4"), ("link_altered", "chain_link", "5")} <= set(found)


def test_a_chain_made_anew_without_the_key_does_not_fit(insider: Insider) -> None:
    """Who can write the file cannot make a chain that fits: every mark of it is wrong."""
    forged, previous = b"a guess", GENESIS
    insider.raw.execute("UPDATE journal_line SET debit_minor = debit_minor + 1 WHERE debit_minor > 0")
    for link in insider.rows("chain_link"):
        number, rows = link["chain_no"], str(link["rows"])
        assert isinstance(number, int)
        previous = link_mark(forged, previous, number, str(link["source"]), rows)
        insider.change("chain_link", link, {"mark": previous})

    altered = {name for kind, _, name in findings(insider) if kind == "link_altered"}
    assert altered == {str(link["chain_no"]) for link in insider.rows("chain_link")}


def test_without_the_right_key_nothing_fits(insider: Insider) -> None:
    found = findings(insider, other_key(b"another key"))

    assert found[0] == ("key_wrong", "chain_key", "1")
    assert len([one for one in found if one[0] == "link_altered"]) == len(insider.rows("chain_link"))


def test_a_cut_tail_shows_in_the_head(books: Path) -> None:
    """The chain alone cannot tell a cut tail; its length and last mark are what an anchor elsewhere compares."""
    insider = Insider(books)
    last = insider.rows("chain_link")[-1]
    insider.remove("chain_link", last)
    insider.leave()

    database = Database(books)
    with database.read() as connection:
        assert head(connection) == (int(str(last["chain_no"])) - 1, connection_mark(connection))
        assert head(connection)[1] != last["mark"]
    database.close()


def connection_mark(connection: Connection) -> str:
    return str(
        connection.exec_driver_sql("SELECT mark FROM chain_link ORDER BY chain_no DESC LIMIT 1").scalar_one()
    )


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("DROP TRIGGER tender_never_changes", ("schema_missing", "trigger tender_never_changes")),
        ("DROP INDEX account_credit_by_event", ("schema_missing", "index account_credit_by_event")),
        ("CREATE TABLE mine (x)", ("schema_added", "table mine")),
        ('CREATE TABLE "a b; --" (x)', ("schema_added", "table a b; --")),
        ("DROP VIEW v_payment", ("schema_missing", "view v_payment")),
    ],
)
def test_a_changed_schema_is_named(books: Path, statement: str, named: tuple[str, str]) -> None:
    raw = sqlite3.connect(books)
    raw.execute(statement)
    raw.close()

    database = Database(books)
    with database.read() as connection:
        assert list(schema_faults(connection)) == [named]
    database.close()


def test_a_wall_that_was_weakened_is_named(books: Path) -> None:
    raw = sqlite3.connect(books)
    (sql,) = raw.execute("SELECT sql FROM sqlite_schema WHERE name = 'tender_never_changes'").fetchone()
    raw.execute("DROP TRIGGER tender_never_changes")
    raw.execute(sql.replace("BEGIN", "WHEN 0 BEGIN"))
    raw.close()

    database = Database(books)
    with database.read() as connection:
        assert list(schema_faults(connection)) == [("schema_altered", "trigger tender_never_changes")]
    database.close()


def test_how_a_statement_is_broken_into_lines_is_no_fault(books: Path) -> None:
    raw = sqlite3.connect(books)
    (sql,) = raw.execute("SELECT sql FROM sqlite_schema WHERE name = 'tender_never_changes'").fetchone()
    raw.execute("DROP TRIGGER tender_never_changes")
    raw.execute(sql.replace("BEGIN", "\n  BEGIN\n  "))
    raw.close()

    database = Database(books)
    with database.read() as connection:
        assert list(schema_faults(connection)) == []
    database.close()


def test_text_that_is_no_text_is_named_and_ends_no_walk(insider: Insider) -> None:
    insider.raw.execute("UPDATE audit SET operator = CAST(x'ff' AS TEXT) WHERE audit_id = 2")
    insider.raw.execute("UPDATE person SET name = CAST(x'c328' AS TEXT) WHERE user = '1001'")

    assert findings(insider) == [("row_altered", "audit", "2"), ("row_altered", "person", "1001")]


# --- many at random ------------------------------------------------------------------------------------------------


def manipulated(insider: Insider, chance: random.Random) -> Sequence[tuple[str, str]]:
    """One manipulation; the (table, row) pairs of which at least one must be named. None: nothing could be changed."""
    tables = [*insider.tables(), "chain_link"]
    table = chance.choice(tables)
    rows = insider.rows(table)
    row = chance.choice(rows)
    name = insider.name(table, row)
    match chance.choice(("edit", "remove", "add", "swap", "roll back")):
        case "edit":
            column = chance.choice(list(row))
            return [(table, name)] if spoil(insider, table, row, column) else []
        case "remove" if table != "chain_link" or row != rows[-1]:
            insider.remove(table, row)
            return [(table, name)]
        case "add":
            added = {column: spoiled(value) for column, value in row.items() if value is not None}
            insider.add(table, added)
            return [(table, insider.name(table, added))]
        case "swap" if len(rows) > 1 and table != "chain_link":
            other = chance.choice([one for one in rows if one != row])
            swap(insider, table, row, other)
            now = [insider.rows(table)[place] for place in (rows.index(row), rows.index(other))]
            named = [(row, now[0]), (other, now[1])]
            return [(table, insider.name(table, was)) for was, is_now in named if was != is_now]
        case "roll back" if table == "outbox":
            insider.change(table, row, {"state": "parked", "reason": None})
            return [(table, name)]
        case _:
            return []


def test_whatever_is_manipulated_is_named(insider: Insider) -> None:
    """MANIPULATIONS (60) of many random ones: each time the row that was meant is named, and an untouched store passes.

    A link that was touched shows by its own mark, or by that of the one behind it.
    """
    tried = 0
    for seed in range(MANIPULATIONS * 4):
        insider.undo()
        try:
            expected = manipulated(insider, random.Random(seed))
        except sqlite3.IntegrityError:
            continue
        if not expected:
            continue

        found = {(table, name) for _, table, name in findings(insider)}

        if expected[0][0] == "chain_link":
            assert "chain_link" in {table for table, _ in found}, seed
        else:
            assert set(expected) <= found, seed
        tried += 1
        if tried == MANIPULATIONS:
            break
    assert tried == MANIPULATIONS
    insider.undo()
    assert findings(insider) == []


# --- the forms -----------------------------------------------------------------------------------------------------


def test_an_empty_chain_has_a_head_too() -> None:
    database = Database(None)
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE chain_link (chain_no INTEGER PRIMARY KEY, mark TEXT)")

        assert head(connection) == (0, GENESIS)


def test_a_row_has_one_form_whatever_the_order_of_its_columns() -> None:
    assert canonical({"b": 1, "a": "محمد"}) == canonical({"a": "محمد", "b": 1})
    assert canonical({"a": 1}) != canonical({"a": "1"})
    assert canonical({"a": None}) != canonical({"a": ""})
    assert canonical({"a": b"x"}) != canonical({"a": "x"})
    assert canonical({"a": True}) == canonical({"a": 1})


def test_a_new_column_that_is_empty_alters_no_old_row() -> None:
    assert canonical({"a": 1, "b": None}) == canonical({"a": 1})


@pytest.mark.parametrize("changed", [{"key": b"other"}, {"table": "audit"}, {"name": "2"}, {"row": {"a": 2}}])
def test_the_mark_of_a_row_depends_on_all_that_it_stands_for(changed: dict[str, object]) -> None:
    given: dict[str, object] = {"key": CHAIN_KEY, "table": "receipt", "name": "1", "row": {"a": 1}}

    assert row_mark(**given) != row_mark(**{**given, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed", [{"key": b"other"}, {"previous": "1" * 64}, {"number": 3}, {"source": SEAL}, {"rows": "{ }"}]
)
def test_the_mark_of_a_link_depends_on_all_that_it_stands_for(changed: dict[str, object]) -> None:
    given: dict[str, object] = {
        "key": CHAIN_KEY,
        "previous": GENESIS,
        "number": 2,
        "source": DEED,
        "rows": "{}",
    }

    assert link_mark(**given) != link_mark(**{**given, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "parts", [("a",), ("a/b",), ("a", "b"), ("a/b", "c"), ("a", "b/c"), ("%2F", "/"), ("", "")]
)
def test_a_row_is_found_again_by_its_name(parts: tuple[str, ...]) -> None:
    assert name_parts(row_name(parts), len(parts)) == parts
