"""A store is opened with its promises, by one process, and not at all where they cannot be kept (invariants 51, 52)."""

import sqlite3
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from pos.bootstrap.homes import open_till
from pos.store.database import Database, StoreError, StoreLock
from pos.till.sign_in import sign_in
from pos.till.verify import verify_books
from tests.builders.tills import (
    cash,
    close_stores,
    machine,
    make_till,
    open_home,
    opened,
    pay,
    rows,
)

ROOT = Path(__file__).resolve().parents[2]


def pragma(database: Database, name: str, *, write: bool) -> object:
    with database.write() if write else database.read() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("recursive_triggers", 1),
        ("trusted_schema", 0),
    ],
)
def test_the_writer_keeps_its_promises(tmp_path: Path, name: str, value: object) -> None:
    database = Database(tmp_path / "till.db")

    assert pragma(database, name, write=True) == value
    database.reopen()
    assert pragma(database, name, write=True) == value
    database.close()


def test_a_write_transaction_holds_the_writers_lock_from_its_beginning(tmp_path: Path) -> None:
    """A deferred one let two processes take the same receipt number."""
    database = Database(tmp_path / "till.db")
    another = sqlite3.connect(tmp_path / "till.db", timeout=0, isolation_level=None)

    with database.write(), pytest.raises(sqlite3.OperationalError, match="locked"):
        another.execute("BEGIN IMMEDIATE")

    another.execute("BEGIN IMMEDIATE")
    another.close()
    database.close()


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    database = Database(tmp_path / "till.db")
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a INTEGER)")

    with database.read() as connection, pytest.raises(Exception, match="readonly"):
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
    database.close()


def test_an_error_rolls_the_whole_transaction_back(tmp_path: Path) -> None:
    database = Database(tmp_path / "till.db")
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a INTEGER)")

    def spoiled() -> None:
        with database.write() as connection:
            connection.exec_driver_sql("INSERT INTO t VALUES (1)")
            raise LookupError

    with pytest.raises(LookupError):
        spoiled()

    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM t").scalar_one() == 0
    database.close()


def test_a_reader_sees_what_is_committed_and_no_more(tmp_path: Path) -> None:
    database = Database(tmp_path / "till.db")
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a INTEGER)")

    with database.write() as writer:
        writer.exec_driver_sql("INSERT INTO t VALUES (1)")
        with database.read() as reader:
            assert reader.exec_driver_sql("SELECT count(*) FROM t").scalar_one() == 0

    with database.read() as reader:
        assert reader.exec_driver_sql("SELECT count(*) FROM t").scalar_one() == 1
    database.close()


def test_a_new_store_is_for_its_owner_alone(tmp_path: Path) -> None:
    Database(tmp_path / "till.db").close()

    assert (tmp_path / "till.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601, 0o777])
def test_a_store_that_others_can_read_is_not_opened(tmp_path: Path, mode: int) -> None:
    Database(tmp_path / "till.db").close()
    (tmp_path / "till.db").chmod(mode)

    with pytest.raises(StoreError) as refusal:
        Database(tmp_path / "till.db")

    assert refusal.value.code == "store_mode_too_wide"


EVERY_PART = [
    (".", "home"),
    ("keys", "file"),
    ("receipts", "file"),
    ("backups", "file"),
    ("till.db", "store"),
    ("cache.db", "store"),
    ("keys/chain.key", "key"),
    ("keys/pepper.key", "key"),
    ("keys/sign.key", "key"),
    ("till.lock", "file"),
    ("high-water", "file"),
    ("receipts/S014-T1-A-000001.txt", "file"),
    ("backups/before-0001.db", "store"),
]


@pytest.mark.parametrize("read_only", [False, True])
def test_a_home_that_others_can_read_is_not_opened(tmp_path: Path, read_only: bool) -> None:
    home = tmp_path / "home"
    open_home(home).close()
    for name, part in EVERY_PART:
        path = home / name
        if not path.exists():
            path.touch(mode=0o600)
        usual = path.stat().st_mode
        path.chmod(0o777 if path.is_dir() else 0o604)

        with pytest.raises(StoreError) as refusal:
            open_till(home, machine=machine(), read_only=read_only)

        assert refusal.value.code == f"{part}_mode_too_wide", name
        path.chmod(usual)
    open_till(home, machine=machine(), read_only=read_only).close()


def test_nothing_in_a_home_leads_elsewhere(tmp_path: Path) -> None:
    home = tmp_path / "home"
    open_home(home).close()
    (home / "receipts" / "elsewhere").symlink_to(tmp_path)

    with pytest.raises(StoreError) as refusal:
        open_till(home, machine=machine())

    assert refusal.value.code == "link_in_home"


def test_a_pepper_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    home = tmp_path / "home"
    open_home(home).close()

    with open_till(home, machine=replace(machine(), pin_hasher=None)) as till:
        (home / "keys" / "pepper.key").chmod(0o644)
        with pytest.raises(StoreError) as refusal:
            sign_in(till.desk, "1001", "135790")

    assert refusal.value.code == "key_mode_too_wide"


def test_a_link_is_not_followed_to_a_new_store(tmp_path: Path) -> None:
    (tmp_path / "till.db").symlink_to(tmp_path / "elsewhere.db")

    with pytest.raises(OSError):
        Database(tmp_path / "till.db")

    assert not (tmp_path / "elsewhere.db").exists()


# --- one owner -----------------------------------------------------------------------------------------------------

OWNER_WANTED = """
    import sys
    from pathlib import Path
    from pos.store.database import StoreError, StoreLock
    try:
        StoreLock(Path(sys.argv[1]))
    except StoreError as error:
        print(error.code)
        sys.exit(error.exit_code)
"""


def another_process_wants(lock: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(OWNER_WANTED), str(lock)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_second_process_refused(tmp_path: Path) -> None:
    lock = StoreLock(tmp_path / "till.lock")

    told = another_process_wants(tmp_path / "till.lock")

    assert (told.returncode, told.stdout) == (5, "store_locked\n")
    lock.close()
    assert another_process_wants(tmp_path / "till.lock").returncode == 0


def test_the_next_process_comes_in_when_the_owner_is_gone(tmp_path: Path) -> None:
    assert another_process_wants(tmp_path / "till.lock").returncode == 0

    StoreLock(tmp_path / "till.lock").close()


def test_a_home_is_read_beside_its_owner_and_opened_by_no_second(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with open_home(home) as owner:
        with pytest.raises(StoreError) as refusal:
            open_till(home, machine=machine())
        assert (refusal.value.code, refusal.value.exit_code) == ("store_locked", 5)

        with open_till(home, machine=machine(), read_only=True) as beside:
            assert verify_books(beside.desk) == []
            assert beside.desk.identity == owner.desk.identity


# --- damage --------------------------------------------------------------------------------------------------------


def damaged(path: Path) -> None:
    """A page of the file is overwritten with noise."""
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 4] = b"\xa5" * 4096
    path.write_bytes(bytes(content))


def test_damage_stops_selling(tmp_path: Path) -> None:
    desk = make_till(tmp_path)
    opened(desk)
    pay(desk, cash("50"))
    close_stores(desk)
    damaged(tmp_path / "till.db")

    database = Database(tmp_path / "till.db")
    with pytest.raises(StoreError) as refusal:
        database.quick_check()

    assert (refusal.value.code, refusal.value.exit_code) == ("store_damaged", 6)
    database.close()


def test_a_file_that_is_no_store_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "till.db"
    path.write_bytes(b"this is a letter, not a database" * 200)
    path.chmod(0o600)

    with pytest.raises(StoreError) as refusal:
        Database(path)

    assert (refusal.value.code, refusal.value.exit_code) == ("store_damaged", 6)


def test_a_sound_store_passes_the_check(tmp_path: Path) -> None:
    desk = make_till(tmp_path)

    desk.till.database.quick_check()

    close_stores(desk)


def test_a_backup_is_whole_private_and_never_over_another(tmp_path: Path) -> None:
    desk = make_till(tmp_path)
    opened(desk)
    taken = pay(desk, cash("50"))

    desk.till.database.backup_into(tmp_path / "copy.db")

    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    copy = Database(tmp_path / "copy.db")
    with copy.read() as connection:
        found = connection.exec_driver_sql("SELECT receipt_number FROM receipt").scalars().all()
    assert found == [taken.receipt.receipt_number]
    copy.close()
    with pytest.raises(FileExistsError):
        desk.till.database.backup_into(tmp_path / "copy.db")
    close_stores(desk)


def test_a_checkpoint_changes_nothing_that_is_read(tmp_path: Path) -> None:
    desk = make_till(tmp_path)
    opened(desk)
    before = rows(desk, "journal_line")

    desk.till.database.checkpoint()

    assert rows(desk, "journal_line") == before
    pay(desk, cash("50"))
    close_stores(desk)
