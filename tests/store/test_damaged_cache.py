"""A damaged cache is fetched again; it stops no till for good and damns no book."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from pos.bootstrap.homes import open_till
from pos.bootstrap.paper import print_receipts
from pos.store import cache as cached
from pos.store.database import StoreError
from tests.builders.tills import CASHIER, cash, findings, machine, open_home, opened, pay, wish


def spoil(path: Path, table: str) -> None:
    """Overwrite the first page of a table, as a bad disk does."""
    connection = sqlite3.connect(path)
    (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xa5" * size)


def test_a_cache_damaged_inside_is_made_anew_when_the_till_is_opened(tmp_path: Path) -> None:
    with open_home(tmp_path / "home") as till:
        opened(till.desk)
        pay(till.desk, cash("1"), account="BA-1001")
    spoil(tmp_path / "home" / "cache.db", "bill")

    with open_till(tmp_path / "home", machine=machine()) as again:
        with again.desk.cache.read() as connection:
            assert cached.all_bill_numbers(connection) == [], "to be pulled again"
        assert findings(again.desk) == []


def test_damage_met_while_open_is_told_of_the_cache_and_not_of_the_books(tmp_path: Path) -> None:
    with open_home(tmp_path / "home") as till:
        opened(till.desk)
        copy = tmp_path / "copy.db"
        till.desk.cache.database.close()
        shutil.copy(tmp_path / "home" / "cache.db", copy)
        spoil(copy, "account")
        copy.chmod(0o600)
        till.desk.cache = cached.open_cache(copy)

        with pytest.raises(StoreError) as fault:
            pay(till.desk, cash("1"), account="BA-1001")

        assert fault.value.code == "cache_damaged"
        assert fault.value.exit_code == 6


def test_every_waiting_receipt_is_printed_however_many(tmp_path: Path) -> None:
    with open_home(tmp_path / "home") as till:
        opened(till.desk)
        for number in range(1, 54):
            amount = f"{number}.000"
            pay(till.desk, cash(amount), account="BA-1001", allocate=[wish(amount=amount)], person=CASHIER)

        report = print_receipts(till)

        assert report.printed == 53
        assert len(list(till.paths.receipts.glob("*.txt"))) == 53
