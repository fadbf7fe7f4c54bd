"""What is altered behind the program's back is named by the chain (invariant 41)."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Connection

from pos.store.chain import CHAINED, GENESIS, canonical, head, next_mark, row_key, verify_chain
from pos.store.database import Database
from tests.builders.tills import CHAIN_KEY

TABLES = sorted(CHAINED)


@pytest.fixture
def insider(books: Path) -> Iterator[Connection]:
    """Somebody who has the file and knows SQL: the triggers, checks and references are gone."""
    database = Database(books)
    with database.read() as connection:
        triggers = (
            connection.exec_driver_sql("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
            .scalars()
            .all()
        )
    with database.write() as connection:
        for trigger in triggers:
            connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        connection.exec_driver_sql("PRAGMA ignore_check_constraints=ON")
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        yield connection
        connection.rollback()
    database.close()


def findings(connection: Connection, key: bytes = CHAIN_KEY) -> list[tuple[str, str, str]]:
    return [(found.kind, found.source, found.row_key) for found in verify_chain(connection, key)]


def table_rows(connection: Connection, table: str) -> list[dict[str, object]]:
    return [dict(row) for row in connection.exec_driver_sql(f"SELECT * FROM {table}").mappings()]


def where(table: str, row: dict[str, object]) -> tuple[str, tuple[object, ...]]:
    columns = CHAINED[table]
    return " AND ".join(f"{column} = ?" for column in columns), tuple(row[column] for column in columns)


def spoiled(value: object) -> object:
    if isinstance(value, int):
        return value + 1_000
    return "x" if value is None else f"{value}x"


def test_untouched_books_pass(insider: Connection) -> None:
    assert findings(insider) == []
    assert head(insider)[0] == sum(len(table_rows(insider, table)) for table in TABLES)


@pytest.mark.sweep(4)
@pytest.mark.parametrize("table", TABLES)
def test_every_edit_of_a_single_cell_is_named(insider: Connection, table: str) -> None:
    edited = 0
    for row in table_rows(insider, table):
        for column, value in row.items():
            insider.exec_driver_sql("SAVEPOINT before")
            condition, values = where(table, row)
            insider.exec_driver_sql(
                f"UPDATE {table} SET {column} = ? WHERE {condition}", (spoiled(value), *values)
            )

            found = findings(insider)

            kind = "row_missing" if column in CHAINED[table] else "row_altered"
            assert (kind, table, row_key(table, row)) in found, column
            edited += 1
            insider.exec_driver_sql("ROLLBACK TO before")
    assert edited >= 3


@pytest.mark.parametrize("table", TABLES)
def test_every_removed_row_is_named(insider: Connection, table: str) -> None:
    for row in table_rows(insider, table):
        insider.exec_driver_sql("SAVEPOINT before")
        condition, values = where(table, row)
        insider.exec_driver_sql(f"DELETE FROM {table} WHERE {condition}", values)

        assert findings(insider) == [("row_missing", table, row_key(table, row))]
        insider.exec_driver_sql("ROLLBACK TO before")


@pytest.mark.parametrize("table", TABLES)
def test_every_added_row_is_named(insider: Connection, table: str) -> None:
    row = table_rows(insider, table)[0]
    added = {column: spoiled(value) for column, value in row.items()}
    insider.exec_driver_sql(
        f"INSERT INTO {table} ({', '.join(added)}) VALUES ({', '.join('?' * len(added))})",
        tuple(added.values()),
    )

    assert findings(insider) == [("row_added", table, row_key(table, added))]


@pytest.mark.parametrize("table", ["journal_line", "audit", "journal_entry", "receipt", "shift"])
def test_two_rows_that_changed_places_are_named(insider: Connection, table: str) -> None:
    one, other = table_rows(insider, table)[:2]
    for row, content in ((one, other), (other, one)):
        condition, values = where(table, row)
        for column in row:
            if column in CHAINED[table] or column in ("number", "counter", "deed_id"):
                continue
            insider.exec_driver_sql(
                f"UPDATE {table} SET {column} = ? WHERE {condition}", (content[column], *values)
            )

    assert findings(insider) == [
        ("row_altered", table, row_key(table, one)),
        ("row_altered", table, row_key(table, other)),
    ]


def test_every_edit_of_a_link_is_noticed(insider: Connection) -> None:
    for link in table_rows(insider, "chain_link"):
        for column in ("chain_no", "source", "row_key", "mark"):
            insider.exec_driver_sql("SAVEPOINT before")
            insider.exec_driver_sql(
                f"UPDATE chain_link SET {column} = ? WHERE chain_no = ?",
                (spoiled(link[column]), link["chain_no"]),
            )

            assert findings(insider), (link, column)
            insider.exec_driver_sql("ROLLBACK TO before")


def test_a_link_that_was_taken_out_with_its_row_is_noticed(insider: Connection) -> None:
    links = table_rows(insider, "chain_link")
    for link, after in pairwise(links):
        insider.exec_driver_sql("SAVEPOINT before")
        table = str(link["source"])
        row = next(row for row in table_rows(insider, table) if row_key(table, row) == link["row_key"])
        condition, values = where(table, row)
        insider.exec_driver_sql(f"DELETE FROM {table} WHERE {condition}", values)
        insider.exec_driver_sql("DELETE FROM chain_link WHERE chain_no = ?", (link["chain_no"],))

        found = findings(insider)

        assert ("link_missing", "chain_link", str(link["chain_no"])) in found
        assert ("row_altered", after["source"], after["row_key"]) in found
        insider.exec_driver_sql("ROLLBACK TO before")


def test_links_in_another_order_are_noticed(insider: Connection) -> None:
    one, other = table_rows(insider, "chain_link")[3:5]
    for number, link in ((-1, one), (one["chain_no"], other), (other["chain_no"], {**one, "chain_no": -1})):
        insider.exec_driver_sql(
            "UPDATE chain_link SET chain_no = ? WHERE chain_no = ?", (number, link["chain_no"])
        )

    altered = {name for kind, _, name in findings(insider) if kind == "row_altered"}
    assert {one["row_key"], other["row_key"]} <= altered


def test_a_chain_made_anew_without_the_key_does_not_fit(insider: Connection) -> None:
    """Who can write the file cannot make a chain that fits: every mark of it is wrong."""
    forged, mark = b"a guess", GENESIS
    insider.exec_driver_sql("UPDATE journal_line SET debit_minor = debit_minor + 1 WHERE debit_minor > 0")
    for link in table_rows(insider, "chain_link"):
        table = str(link["source"])
        row = next(row for row in table_rows(insider, table) if row_key(table, row) == link["row_key"])
        mark = next_mark(forged, mark, table, str(link["row_key"]), row)
        insider.exec_driver_sql("UPDATE chain_link SET mark = ? WHERE chain_no = ?", (mark, link["chain_no"]))

    assert findings(insider, forged) == []
    assert len(findings(insider)) == head(insider)[0]


def test_without_the_right_key_nothing_fits(insider: Connection) -> None:
    assert len(findings(insider, b"another key")) == head(insider)[0]


def test_a_cut_tail_shows_in_the_head(insider: Connection) -> None:
    """The chain alone cannot tell a cut tail; its length and last mark are what an anchor elsewhere compares."""
    before = head(insider)
    last = table_rows(insider, "chain_link")[-1]
    table = str(last["source"])
    row = next(row for row in table_rows(insider, table) if row_key(table, row) == last["row_key"])
    condition, values = where(table, row)
    insider.exec_driver_sql(f"DELETE FROM {table} WHERE {condition}", values)
    insider.exec_driver_sql("DELETE FROM chain_link WHERE chain_no = ?", (last["chain_no"],))

    assert findings(insider) == []
    assert head(insider)[0] == before[0] - 1
    assert head(insider)[1] != before[1]


def test_an_empty_chain_has_a_head_too() -> None:
    database = Database(None)
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE chain_link (chain_no INTEGER PRIMARY KEY, mark TEXT)")

        assert head(connection) == (0, GENESIS)


def test_a_row_has_one_form_whatever_the_order_of_its_columns() -> None:
    assert canonical({"b": 1, "a": "محمد"}) == canonical({"a": "محمد", "b": 1})
    assert canonical({"a": 1}) != canonical({"a": "1"})
    assert canonical({"a": None}) != canonical({"a": ""})


@pytest.mark.parametrize(
    "changed",
    [
        {"key": b"other"},
        {"previous": "1" * 64},
        {"source": "audit"},
        {"row_key": "2"},
        {"row": {"a": 2}},
        {"row": {"a": 1, "b": None}},
    ],
)
def test_the_mark_depends_on_everything_it_stands_for(changed: dict[str, object]) -> None:
    given: dict[str, object] = {
        "key": CHAIN_KEY,
        "previous": GENESIS,
        "source": "receipt",
        "row_key": "1",
        "row": {"a": 1},
    }

    assert next_mark(**given) != next_mark(**{**given, **changed})  # type: ignore[arg-type]
