"""Books of the first version come over whole: every row, the chain, the numbers; or they stay as they were.

``store_0001.sql`` was written by that version: two shifts, cash, a cheque, a dealer's top-up, a reprint, a script's line.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from pos.bootstrap.homes import open_till
from pos.store import migrate
from pos.store.database import Database
from pos.store.migrations import run_sql
from pos.store.receipts import receipt_facts
from pos.store.seal import bring_up_to_date
from pos.store.unit_of_work import TillStore
from pos.till.desk import Desk
from pos.till.open_bills import catch_up_all
from pos.till.papers import reprint
from pos.till.take_payment import take_payment
from tests.builders.tills import (
    CASHIER,
    CHAIN_KEY,
    KEYS,
    NOW,
    SUPERVISOR,
    card,
    cash,
    cheque,
    clock_of,
    closed,
    count,
    findings,
    iccid,
    machine,
    make_till,
    money,
    open_home,
    order,
    pay,
    reserved_order,
    rows,
    sale,
    stock,
    voucher,
    wish,
)
from tests.till.books import refused

ROOT = Path(__file__).resolve().parents[2]
FIRST_BOOKS = Path(__file__).with_name("store_0001.sql").read_text(encoding="utf-8")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file of the first version."""
    path = tmp_path / "till.db"
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA journal_mode=WAL")
    raw.executescript(FIRST_BOOKS)
    raw.close()
    path.chmod(0o600)
    return path


def upgrade_to(connection: Connection, revision: str) -> None:
    """The steps up to one of them."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def upgrade(path: Path) -> None:
    database = Database(path)
    with database.write() as connection:
        bring_up_to_date(connection, KEYS, at=NOW)
    database.close()


def schema(path: Path) -> dict[tuple[str, str], str | None]:
    raw = sqlite3.connect(path)
    found = {(row[0], row[1]): row[2] for row in raw.execute("SELECT type, name, sql FROM sqlite_schema")}
    raw.close()
    return found


def content(path: Path) -> dict[str, list[str]]:
    """All rows of all tables that the first version had, by its own columns."""
    raw = sqlite3.connect(path)
    model = sqlite3.connect(":memory:")
    model.executescript(FIRST_BOOKS)
    tables = [row[0] for row in model.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    found = {}
    for table in tables:
        columns = ", ".join(str(row[1]) for row in model.execute(f"PRAGMA table_info({table})"))
        found[table] = sorted(repr(row) for row in raw.execute(f"SELECT {columns} FROM {table}"))
    raw.close()
    model.close()
    return found


def desk_over(path: Path) -> Desk:
    """The till over its migrated books, with what central told."""
    desk = replace(make_till(), till=TillStore(Database(path), KEYS))
    clock_of(desk).advance(days=1)
    stock(desk)
    catch_up_all(desk)
    return desk


def test_the_first_step_still_makes_the_first_versions_schema(tmp_path: Path, old: Path) -> None:
    """What the step runs was moved about since; a store made by it must not differ."""
    fresh = tmp_path / "fresh.db"
    database = Database(fresh)
    with database.write() as connection:
        upgrade_to(connection, "0001")
    database.close()

    assert schema(fresh) == schema(old)


def test_a_migrated_store_has_the_schema_of_a_fresh_one(tmp_path: Path, old: Path) -> None:
    fresh = tmp_path / "fresh.db"
    upgrade(fresh)
    upgrade(old)

    def plain(path: Path) -> dict[tuple[str, str], str]:
        return {key: " ".join((sql or "").split()) for key, sql in schema(path).items()}

    assert plain(old) == plain(fresh)


def test_every_row_comes_over(old: Path) -> None:
    before = content(old)
    assert len(before["payment_event"]) == 4

    upgrade(old)

    after = content(old)
    assert before.pop("alembic_version") == ["('0001',)"]
    assert after.pop("alembic_version") == [f"('{migrate.HEAD}',)"]
    assert set(before.pop("chain_link")) < set(after.pop("chain_link"))
    assert after == before


def test_the_chain_and_every_check_hold_after_the_upgrade(old: Path) -> None:
    upgrade(old)

    assert findings(desk_over(old)) == []


def test_a_second_start_does_nothing(old: Path) -> None:
    upgrade(old)
    before, whole = schema(old), content(old)

    upgrade(old)

    assert (schema(old), content(old)) == (before, whole)


def test_the_views_work_on_old_rows(old: Path) -> None:
    upgrade(old)
    desk = desk_over(old)

    assert [(row["bill_no"], row["sale_line"], row["item"]) for row in rows(desk, "v_allocation")] == [
        ("7781", None, None),
        ("7781", None, None),
        ("7782", None, None),
        (None, None, None),
        ("7798", None, None),
        ("7796", None, None),
        (None, None, None),
        (None, None, None),
    ]
    for view in (
        "v_payment",
        "v_tender",
        "v_journal",
        "v_receipt",
        "v_shift",
        "v_cheque",
        "v_outbox",
        "v_audit",
    ):
        assert rows(desk, view)
    assert rows(desk, "v_sale_line") == []


def test_old_receipts_are_read_and_reprinted(old: Path) -> None:
    upgrade(old)
    desk = desk_over(old)

    with desk.till.read() as connection:
        facts = receipt_facts(connection, "S014-T1-A-000001")
    assert facts is not None
    assert (facts.total, facts.sale, facts.taxes, facts.provisional) == (money("54.250"), (), (), ())
    assert ("drawer", "محمد العنزي") in facts.tenders[0].details
    assert reprint(desk, SUPERVISOR, "S014-T1-A-000001").copy.number == 2


def test_a_bank_receipt_of_before_waits_for_the_bank(old: Path) -> None:
    database = Database(old)
    with database.write() as connection:
        upgrade_to(connection, "0002")
        tender_id = connection.exec_driver_sql(
            "SELECT tender_id FROM tender ORDER BY number LIMIT 1"
        ).scalar_one()
        connection.exec_driver_sql(
            "INSERT INTO instrument VALUES ('bank_receipt|1|42|K1|2026-11-21|5.000', ?)", (tender_id,)
        )
        sent = connection.exec_driver_sql("SELECT * FROM outbox ORDER BY outbox_id").mappings().all()
    with database.write() as connection:
        migrate.upgrade(connection)
        states = connection.exec_driver_sql("SELECT tender_id, state FROM v_bank_receipt").all()
        kept = connection.exec_driver_sql("SELECT * FROM outbox ORDER BY outbox_id").mappings().all()
    database.close()

    assert states == [(tender_id, "presented")]
    assert [dict(row) for row in kept] == [{**row, "source_id": ""} for row in sent]


def test_the_open_shift_goes_on_selling(old: Path) -> None:
    upgrade(old)
    desk = desk_over(old)

    assert pay(desk, cash("5"), account=None, lines=[sale("SIM-01", 1, iccid(1))]).receipt.receipt_number == (
        "S014-T1-A-000005"
    )
    asked = order(desk, voucher("2"), card("1"), account="BA-2", allocate=[wish("7790", "3")])
    take_payment(desk, CASHIER, reserved_order(desk, asked))
    assert refused(desk, lambda: pay(desk, cheque("1"), account="D-1")).code == "cheque_taken_before"
    count(desk, "36.005")
    closed(desk, "told by the notebook")
    assert findings(desk) == []


def test_a_home_of_the_first_version_is_backed_up_and_opened(tmp_path: Path, old: Path) -> None:
    home = tmp_path / "home"
    open_home(home).close()
    for path in home.glob("till.db*"):
        path.unlink()
    old.rename(home / "till.db")
    (home / "keys" / "chain.key").write_text(CHAIN_KEY.hex())

    till = open_till(home, machine=machine())

    assert findings(till.desk) == []
    assert len(rows(till.desk, "payment_event")) == 4
    till.close()
    (backup,) = home.glob("backups/*.db")
    assert schema(backup)[("table", "tender")] is not None
    assert ("table", "sale_line") not in schema(backup)
    assert "CHECK" in str(schema(backup)[("table", "journal_line")])


def test_the_walls_stand_round_the_old_rows(old: Path) -> None:
    upgrade(old)
    raw = sqlite3.connect(old)

    for statement in (
        "UPDATE tender SET voucher_hold = NULL",
        "UPDATE allocation SET sale_line = 1",
        "DELETE FROM tender",
        "INSERT OR REPLACE INTO tender SELECT * FROM tender",
        "INSERT OR REPLACE INTO allocation SELECT * FROM allocation",
        "INSERT INTO sale_line SELECT payment_event_id, 1, 'X', 'X', 1, 0, 0, 'V', '5', 0, 'KWD' FROM payment_event",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            raw.execute(statement)
    raw.close()


class Killed(BaseException):
    """Stands for the end of the process at this very statement."""


def statements_of_the_upgrade(old: Path) -> int:
    run: list[str] = []
    copy = old.with_name("copy.db")
    copy.write_bytes(old.read_bytes())
    copy.chmod(0o600)
    database = Database(copy)
    with database.write() as connection:
        raw = connection.connection.dbapi_connection
        assert isinstance(raw, sqlite3.Connection)
        raw.set_trace_callback(run.append)
        migrate.upgrade(connection)
        raw.set_trace_callback(None)
    database.close()
    return len([one for one in run if one.startswith(("CREATE", "ALTER", "DROP"))])


@pytest.mark.sweep(4)
@pytest.mark.parametrize("part", [0, 13, 29, 37, 50, 66, 75, 88, 99])
def test_an_upgrade_that_ends_halfway_leaves_the_first_version(
    old: Path, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    last, run = statements_of_the_upgrade(old) * part // 100, 0
    before, whole = schema(old), content(old)
    every = run_sql.statements

    def cut_short(text: str):  # type: ignore[no-untyped-def]
        nonlocal run
        for statement in every(text):
            if run >= last:
                raise Killed
            run += 1
            yield statement

    monkeypatch.setattr(run_sql, "statements", cut_short)
    with pytest.raises(Killed):
        upgrade(old)
    monkeypatch.undo()

    assert (schema(old), content(old)) == (before, whole)
    upgrade(old)
    assert findings(desk_over(old)) == []


KILLED_AT = """
    import os, sys
    from pathlib import Path
    from pos.store import migrate
    from pos.store.database import Database

    seen = 0

    def count(statement):
        global seen
        seen += statement.startswith(("CREATE", "ALTER", "DROP"))
        if seen > int(sys.argv[2]):
            os._exit(9)

    with Database(Path(sys.argv[1])).write() as connection:
        connection.connection.dbapi_connection.set_trace_callback(count)
        migrate.upgrade(connection)
"""


@pytest.mark.parametrize("statement", [1, 12])
def test_an_upgrade_that_is_killed_leaves_the_first_version(old: Path, statement: int) -> None:
    before, whole = schema(old), content(old)

    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED_AT), str(old), str(statement)], cwd=ROOT, timeout=60
    )

    assert killed.returncode == 9
    assert (schema(old), content(old)) == (before, whole)
    upgrade(old)
    assert findings(desk_over(old)) == []
