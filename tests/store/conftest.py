"""Books with a row in every table, made once; each test spoils a copy of its own."""

from pathlib import Path

import pytest

from pos.till.cash_office import open_shift
from pos.till.desk import Memo
from pos.till.papers import reprint
from tests.builders.tills import (
    CASHIER,
    cash,
    cheque,
    clock_of,
    close_stores,
    closed,
    count,
    make_till,
    opened,
    pay,
)


@pytest.fixture(scope="session")
def full_books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed shift and an open one, payments in cash and by cheque, a reprint, a remembered line of a script."""
    folder = tmp_path_factory.mktemp("books")
    desk = make_till(folder)
    opened(desk)
    pay(desk, cash("1"), account="BA-1")
    count(desk, "21")
    closed(desk)
    memo = Memo(ref="a1", digest="d", encode=lambda _outcome: {})
    clock_of(desk).advance(hours=1)
    open_shift(desk, CASHIER, "30", memo=memo)
    taken = pay(desk, cheque("10", drawer="Lina"), cash("50"))
    reprint(desk, CASHIER, taken.receipt.receipt_number)
    close_stores(desk)
    return folder / "till.db"


@pytest.fixture
def books(full_books: Path, tmp_path: Path) -> Path:
    """A copy of the books, to be spoiled."""
    copy = tmp_path / "till.db"
    copy.write_bytes(full_books.read_bytes())
    copy.chmod(0o600)
    return copy
