"""What can still be read of a damaged store is read, past what cannot; and nothing secret is among it."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.bootstrap.backups import Wish, restore
from pos.bootstrap.homes import open_till
from pos.bootstrap.support_export import export_support, is_support_file
from pos.domain.errors import Refused
from pos.store.database import StoreError, open_damaged
from pos.store.salvage import SalvagedTable, salvage, tables_of
from tests.builders.tills import ADMIN, cash, machine, open_home, opened, pay

PAGE = 4096
ROWS = 600
CARD = "4111111111111111"
WITH_NUMBERS = "CREATE TABLE kept (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT"
WITHOUT = "CREATE TABLE kept (id TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT, WITHOUT ROWID"
FOUR_PLACES = "CREATE TABLE kept (id TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT"


def store_of(create: str) -> bytes:
    """A store of one table that fills some sixty pages."""
    with closing(sqlite3.connect(":memory:")) as raw:
        raw.execute(create)
        raw.executemany(
            "INSERT INTO kept VALUES (?, ?)", [(f"{n:04d}", f"row {n} " + "x" * 300) for n in range(ROWS)]
        )
        raw.commit()
        return bytes(raw.serialize())


STORES = {create: store_of(create) for create in (WITH_NUMBERS, WITHOUT, FOUR_PLACES)}


def read(path: Path) -> tuple[list[int], SalvagedTable]:
    """The numbers of the rows that can be read, each with the text that it had."""
    table = SalvagedTable(name="kept")
    with closing(open_damaged(path)) as raw:
        found = []
        for row in salvage(raw, table):
            number = int(str(row["id"]))
            assert row["text"] == f"row {number} " + "x" * 300
            found.append(number)
    assert table.rows == len(found)
    return found, table


@pytest.mark.parametrize("create", STORES)
def test_of_a_sound_store_every_row_is_read(create: str, tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(STORES[create])

    found, table = read(tmp_path / "x.db")

    assert found == list(range(ROWS))
    assert table.is_whole


@pytest.mark.parametrize("junk", [b"\xa5", b"\x00", b"\xff"])
def test_rows_before_and_behind_a_damaged_page_are_read_and_the_gap_is_told(
    junk: bytes, tmp_path: Path
) -> None:
    content = bytearray(STORES[WITH_NUMBERS])
    content[20 * PAGE : 22 * PAGE] = junk * (2 * PAGE)
    (tmp_path / "x.db").write_bytes(content)

    found, table = read(tmp_path / "x.db")

    lost = sorted(set(range(ROWS)) - set(found))
    assert 0 < len(lost) < 50
    assert found == sorted(set(found))
    told = [number for first, last in table.gaps for number in range(first, (last or ROWS) + 1)]
    assert told == lost


def test_a_table_without_row_numbers_is_read_from_both_ends(tmp_path: Path) -> None:
    content = bytearray(STORES[WITHOUT])
    content[20 * PAGE : 21 * PAGE] = b"\xa5" * PAGE
    (tmp_path / "x.db").write_bytes(content)

    found, table = read(tmp_path / "x.db")

    assert len(found) == len(set(found)) > ROWS - 50
    assert {0, ROWS - 1} < set(found)
    assert table.unread is not None


@given(
    create=st.sampled_from(sorted(STORES)),
    pages=st.sets(st.integers(1, len(STORES[WITH_NUMBERS]) // PAGE - 1), min_size=1, max_size=8),
    junk=st.binary(min_size=1, max_size=16),
)
def test_whatever_pages_are_damaged_it_comes_to_an_end_and_makes_up_no_row(
    create: str, pages: set[int], junk: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bytearray(STORES[create])
    for page in pages:
        content[page * PAGE : (page + 1) * PAGE] = (junk * PAGE)[:PAGE]
    path = tmp_path_factory.mktemp("damaged") / "x.db"
    path.write_bytes(content[: len(STORES[create])])
    table = SalvagedTable(name="kept")

    with closing(open_damaged(path)) as raw:
        for _ in salvage(raw, table):
            assert table.rows < 10 * ROWS

    assert table.rows <= ROWS + 10 * PAGE


# --- a home --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def first_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two receipts, closed. It is copied, for to make one takes longer than most of these tests."""
    folder = tmp_path_factory.mktemp("first") / "home"
    till = open_home(folder)
    opened(till.desk)
    pay(till.desk, cash("5"), account="BA-1001")
    pay(till.desk, cash("6"), account="BA-1001")
    till.close()
    return folder


@pytest.fixture
def home(first_home: Path, tmp_path: Path) -> Path:
    """A copy of the first home."""
    return Path(shutil.copytree(first_home, tmp_path / "home"))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("ascii").splitlines()]


def of_table(told: list[dict[str, Any]], table: str) -> list[dict[str, Any]]:
    return [line["row"] for line in told if line.get("table") == table and "row" in line]


def test_a_sound_home_is_written_whole_without_its_secrets(home: Path, tmp_path: Path) -> None:
    done = export_support(home, tmp_path / "out.jsonl", machine())

    told = lines(done.file)
    assert done.skipped == ()
    assert done.file.stat().st_mode & 0o777 == 0o600
    assert told[0]["counterfoil"] == "support"
    assert told[-1] == {"end": True, "rows": done.rows, "not_whole": []}
    tables = {table: count_of(home, table) for table in names_of(home)}
    assert {"payment_event", "journal_line", "chain_link"} < tables.keys()
    assert {table: len(of_table(told, table)) for table in tables} == tables
    assert [row["receipt_number"] for row in of_table(told, "receipt")] == [
        "S014-T1-A-000001",
        "S014-T1-A-000002",
    ]
    people = of_table(told, "person")
    assert {"user", "name"} < people[0].keys()
    assert "pin_hash" not in people[0]
    text = done.file.read_text("ascii")
    assert "cheap:" not in text
    for key in (home / "keys").glob("*.key"):
        assert key.read_text() not in text


def names_of(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / "till.db")) as raw:
        return [table.name for table in tables_of(raw) if table.name != "sqlite_schema"]


def count_of(home: Path, table: str) -> int:
    with closing(sqlite3.connect(home / "till.db")) as raw:
        return int(raw.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_a_card_number_that_somebody_put_into_the_file_does_not_leave_it(home: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(home / "till.db")) as raw:
        raw.execute("UPDATE person SET name = ? WHERE user = '1001'", (CARD,))
        raw.execute(
            "UPDATE home SET value = ? WHERE name = 'shop'", (json.dumps({"name": CARD, "n": 41750}),)
        )
        raw.commit()

    done = export_support(home, tmp_path / "out.jsonl", machine())

    text = done.file.read_text("ascii")
    assert CARD not in text
    assert "41750" in text


def damaged(home: Path) -> None:
    store = home / "till.db"
    content = bytearray(store.read_bytes())
    content[60 * PAGE : 120 * PAGE] = b"\xa5" * (60 * PAGE)
    store.write_bytes(content)


def test_of_a_damaged_home_what_is_left_is_written_into_a_folder_by_its_name(
    home: Path, tmp_path: Path
) -> None:
    damaged(home)
    with pytest.raises(StoreError) as stop, open_till(home, machine=machine()):
        pass
    assert "pos export support" in stop.value.message

    done = export_support(home, tmp_path, machine())

    assert done.skipped
    assert done.file.name == "support-T1-2026-11-21-1015.jsonl"
    told = lines(done.file)
    assert told[-1]["not_whole"] == list(done.skipped)
    assert of_table(told, "home")
    assert list(tmp_path.glob("*.part")) == []


@pytest.mark.parametrize("content", [b"", b"not a database.." * 512])
def test_where_nothing_can_be_read_it_says_so_and_leaves_no_file(
    home: Path, tmp_path: Path, content: bytes
) -> None:
    (home / "till.db").write_bytes(content)
    (home / "till.db-wal").unlink(missing_ok=True)

    with pytest.raises(Refused) as refusal:
        export_support(home, tmp_path / "out.jsonl", machine())

    assert refusal.value.code == "nothing_readable"
    assert {path.name for path in tmp_path.iterdir()} == {"home"}


def no_home(home: Path, out: Path) -> None:
    export_support(home.parent / "none", out, machine())


def twice(home: Path, out: Path) -> None:
    export_support(home, out, machine())
    export_support(home, out, machine())


@pytest.mark.parametrize(("attempt", "code"), [(no_home, "no_home"), (twice, "file_exists")])
def test_it_writes_a_new_file_of_a_home_alone(
    attempt: Callable[[Path, Path], None], code: str, home: Path, tmp_path: Path
) -> None:
    with pytest.raises(Refused) as refusal:
        attempt(home, tmp_path / "out.jsonl")

    assert refusal.value.code == code


def test_such_a_file_is_told_from_a_backup(home: Path, tmp_path: Path) -> None:
    done = export_support(home, tmp_path / "out.jsonl", machine())

    assert is_support_file(done.file)
    assert not is_support_file(home / "till.db")
    with pytest.raises(Refused, match="damaged store"):
        restore(
            Wish(home=home, backup=done.file, passphrase="correct horse battery"), lambda _: ADMIN, machine()
        )
