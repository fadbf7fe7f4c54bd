"""One home, one owner; and a home that is not as it was left: reliability.md invariants 50 to 52."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.builders.homes import (
    CASHIER,
    Ended,
    ForkingPos,
    Running,
    script_arguments,
)
from tests.faults.four_payments import ACTS, LINES, OPEN_SHIFT, PAYMENTS, booked, raw

PERSON = ("--user", CASHIER, "--pin-fd", "3")
LOCKED = "This till is open in another window or program. Close it first."


@contextmanager
def held_script(pos: ForkingPos, home: Path) -> Iterator[Running]:
    """A script that has opened a shift and taken a payment, and waits for the next line."""
    with pos.start(*script_arguments(home, CASHIER, "--hold")) as held:
        for act in (OPEN_SHIFT, PAYMENTS[0]):
            held.tell(json.dumps(act))
            assert held.answer()["ok"] is True
        yield held


@pytest.fixture
def owned(pos: ForkingPos, home: Path) -> Iterator[Running]:
    """The home while a script holds it."""
    with held_script(pos, home) as held:
        yield held


# --- two processes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        ("script", "-", *PERSON),
        ("sync", "--once"),
        ("sync", "--drain"),
        ("receipt", "S014-T1-A-000001", "--format", "text", *PERSON),
    ],
    ids=" ".join,
)
def test_a_second_process_that_would_write_ends_with_5_and_its_text(
    command: tuple[str, ...], pos: ForkingPos, owned: Running, home: Path
) -> None:
    before = (home / "till.db").read_bytes()
    ended = pos.run("--home", str(home), "--json", *command, stdin=LINES)
    assert (ended.status, ended.lines) == (
        5,
        [{"ok": False, "error": {"code": "store_locked", "message": LOCKED}}],
    )
    for_people = pos.run("--home", str(home), *command, stdin=LINES)
    assert (for_people.status, for_people.out, for_people.err) == (5, "", f"{LOCKED} [store_locked]\n")
    assert (home / "till.db").read_bytes() == before
    owned.tell(json.dumps(PAYMENTS[1]))
    assert owned.answer()["ok"] is True, "the owner was not disturbed"


@pytest.mark.parametrize(
    ("command", "shows"),
    [
        (("find", "BA-1001", *PERSON), "BA-1001"),
        (("account", "BA-1002", *PERSON), "12.575"),
        (("bill", "7790", "--rates", *PERSON), "12.575"),
        (("receipt", "S014-T1-A-000001", "--format", "json", *PERSON), "S014-T1-A-000001"),
        (("outbox",), "waiting"),
        (("verify",), '"findings": 0'),
    ],
    ids=lambda part: part[0] if isinstance(part, tuple) else "",
)
def test_what_only_reads_works_beside_the_owner_and_sees_its_payment(
    command: tuple[str, ...], shows: str, pos: ForkingPos, owned: Running, home: Path
) -> None:
    ended = pos.run("--home", str(home), "--json", *command)
    assert (ended.status, ended.err) == (0, "")
    assert shows in ended.out


def test_a_wrong_pin_beside_the_owner_is_refused_and_counts_nothing(
    pos: ForkingPos, owned: Running, home: Path
) -> None:
    for _ in range(2):
        ended = pos.run("--home", str(home), "--json", "find", "BA-1001", *PERSON, pin="000000")
        assert (ended.status, ended.last["error"]["code"]) == (4, "wrong_pin")
    with raw(home) as books:
        assert books.execute("SELECT failures FROM pin_try WHERE failures > 0").fetchall() == []


def test_after_kill_9_the_home_is_free_and_all_that_was_answered_is_there(
    pos: ForkingPos, home: Path
) -> None:
    with held_script(pos, home) as held:
        held.kill()
        assert pos.status_of(held.pid) == -signal.SIGKILL
    ended = pos.script(home, ACTS)
    assert ended.status == 0
    assert [line["ref"] for line in ended.lines if line.get("replayed")] == ["f0", "f1"]
    assert len(booked(home)) == 4


# --- a home that is not as it was left -----------------------------------------------------------------------


@pytest.fixture(scope="session")
def home_with_payments(pos: ForkingPos, first_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("paid") / "home"
    shutil.copytree(first_home, home)
    assert pos.script(home, ACTS).status == 0
    return home


@pytest.fixture
def paid(home_with_payments: Path, tmp_path: Path) -> Path:
    """A copy of a home with four payments, closed in order."""
    home = tmp_path / "paid"
    shutil.copytree(home_with_payments, home)
    return home


def zero_a_page(home: Path) -> None:
    """The root page of the receipts is lost."""
    with raw(home) as books:
        (page,) = books.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'receipt'").fetchone()
        (size,) = books.execute("PRAGMA page_size").fetchone()
    with (home / "till.db").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(bytes(size))


def break_the_header(home: Path) -> None:
    with (home / "till.db").open("r+b") as file:
        file.write(b"not a database..")


def cut_the_tail(home: Path) -> None:
    with (home / "till.db").open("r+b") as file:
        file.truncate((home / "till.db").stat().st_size // 2)


DAMAGES = [zero_a_page, break_the_header, cut_the_tail]


@pytest.mark.parametrize("damage", DAMAGES)
def test_on_a_damaged_store_nothing_is_sold(
    damage: Callable[[Path], None], pos: ForkingPos, paid: Path
) -> None:
    damage(paid)
    before = (paid / "till.db").read_bytes()
    ended = pos.run("--home", str(paid), "--json", *script_arguments(paid)[2:], stdin=LINES)
    assert (ended.status, [line["error"]["code"] for line in ended.lines]) == (6, ["store_damaged"])
    assert (paid / "till.db").read_bytes() == before


@pytest.mark.parametrize("damage", DAMAGES)
def test_verify_and_sync_say_that_the_store_is_damaged(
    damage: Callable[[Path], None], pos: ForkingPos, paid: Path
) -> None:
    damage(paid)
    for command in (("verify",), ("sync", "--once"), ("outbox",)):
        ended = pos.run("--home", str(paid), "--json", *command)
        assert (ended.status, ended.last["error"]["code"], ended.err) == (6, "store_damaged", "")


def edit_behind_the_triggers(home: Path, *statements: str) -> None:
    """As somebody who may write the file can: the triggers of a table are dropped and made again."""
    books = sqlite3.connect(home / "till.db")
    with books:
        triggers = books.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            books.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert books.execute(statement).rowcount == 1
        for _, sql in triggers:
            books.execute(sql)
    books.close()


EDITS = {
    "a receipt's facts": "UPDATE receipt SET facts_json = replace(facts_json, 'BA-1001', 'BA-1004') WHERE counter = 2",
    "a journal entry's account": "UPDATE journal_line SET ledger_account = 'receivable' WHERE line_no = 1 "
    "AND ledger_account = 'cheques_in_hand' AND debit_minor = 34075",
    "who took the money": "UPDATE audit SET operator = '2002' WHERE act = 'pay' AND subject IS NOT NULL "
    "AND audit_id = (SELECT max(audit_id) FROM audit WHERE act = 'pay')",
    "the shift's float": "UPDATE shift SET float_minor = 10000",
    "the last receipt": "DELETE FROM receipt WHERE counter = 4",
    "the last link": "DELETE FROM chain_link WHERE chain_no = (SELECT max(chain_no) FROM chain_link)",
    "the outbox row": "DELETE FROM outbox WHERE outbox_id = 1",
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_that_keeps_the_file_sound_is_found_by_verify(edit: str, pos: ForkingPos, paid: Path) -> None:
    assert pos.run("--home", str(paid), "verify", "--json").status == 0
    edit_behind_the_triggers(paid, EDITS[edit])
    ended = pos.run("--home", str(paid), "verify", "--json")
    assert ended.status == 6
    assert ended.last == {"ok": False, "findings": len(ended.lines) - 1}
    assert all(finding["check"] and finding["where"] for finding in ended.lines[:-1])


@pytest.mark.parametrize(
    "table", ["payment_event", "tender", "allocation", "journal_line", "receipt", "audit", "chain_link"]
)
def test_over_any_connection_the_books_refuse_change_and_removal(table: str, paid: Path) -> None:
    books = sqlite3.connect(paid / "till.db")
    (column,) = books.execute(f"SELECT name FROM pragma_table_info('{table}') LIMIT 1").fetchone()
    for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            books.execute(statement)
    books.close()


def test_a_store_of_a_newer_program_is_refused_and_not_touched(pos: ForkingPos, paid: Path) -> None:
    books = sqlite3.connect(paid / "till.db")
    with books:
        books.execute("UPDATE alembic_version SET version_num = '9999'")
    books.close()
    before = (paid / "till.db").read_bytes()
    for command in (script_arguments(paid)[2:], ["verify"], ["sync", "--once"]):
        ended = pos.run("--home", str(paid), "--json", *command, stdin=LINES)
        assert (ended.status, ended.last["error"]["code"]) == (3, "store_is_newer")
    assert (paid / "till.db").read_bytes() == before


def refused_start(pos: ForkingPos, home: Path) -> tuple[int, str]:
    """Exit code and error code of a script on this home; nothing more is said."""
    ended: Ended = pos.run("--home", str(home), "--json", *script_arguments(home)[2:], stdin=LINES)
    (line,) = ended.lines
    assert ended.err == ""
    return ended.status, line["error"]["code"]


def test_without_its_key_the_home_is_not_opened(pos: ForkingPos, paid: Path) -> None:
    (paid / "keys" / "chain.key").unlink()
    assert refused_start(pos, paid) == (6, "key_missing")


def test_without_its_pepper_nobody_signs_in(pos: ForkingPos, paid: Path) -> None:
    (paid / "keys" / "pepper.key").unlink()
    assert refused_start(pos, paid) == (6, "key_missing")


def test_a_damaged_key_is_refused(pos: ForkingPos, paid: Path) -> None:
    (paid / "keys" / "chain.key").write_text("short")
    assert refused_start(pos, paid) == (6, "key_damaged")


def test_another_key_than_the_books_were_written_with_is_found_by_verify(pos: ForkingPos, paid: Path) -> None:
    (paid / "keys" / "chain.key").write_text("00" * 32)
    ended = pos.run("--home", str(paid), "verify", "--json")
    assert ended.status == 6
    assert {finding["check"] for finding in ended.lines[:-1]} == {
        "chain_key_wrong",
        "chain_link_altered",
        "chain_row_altered",
    }


@pytest.mark.parametrize(
    ("part", "mode", "code"),
    [
        (".", 0o755, "home_mode_too_wide"),
        ("till.db", 0o644, "store_mode_too_wide"),
        ("keys/chain.key", 0o640, "key_mode_too_wide"),
    ],
)
def test_a_home_that_others_can_read_is_not_opened(
    part: str, mode: int, code: str, pos: ForkingPos, paid: Path
) -> None:
    (paid / part).chmod(mode)
    assert refused_start(pos, paid) == (1, code)


def test_a_folder_that_is_no_home_is_refused_and_stays_empty(pos: ForkingPos, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    assert refused_start(pos, nothing) == (3, "no_home")
    assert not nothing.exists()


def test_all_that_a_till_writes_is_for_its_own_user_alone(paid: Path) -> None:
    modes = {path: path.stat().st_mode & 0o777 for path in [paid, *paid.rglob("*")]}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}


@pytest.mark.parametrize("lost", ["removed", "damaged", "emptied"])
def test_the_cache_may_be_lost_and_the_books_go_on(lost: str, pos: ForkingPos, paid: Path) -> None:
    cache = paid / "cache.db"
    for suffix in ("-wal", "-shm"):
        cache.with_name(cache.name + suffix).unlink(missing_ok=True)
    match lost:
        case "removed":
            cache.unlink()
        case "damaged":
            cache.write_bytes(b"not a database.." * 512)
        case _:
            cache.write_bytes(b"")
    payment = {**PAYMENTS[0], "ref": "new", "allocate": []}
    ended = pos.script(paid, [*ACTS, payment])
    assert [line["ok"] for line in ended.lines] == [True] * 5 + [False]
    assert ended.last["error"]["code"] == "unknown_account"
    assert pos.run("--home", str(paid), "verify").status == 0


def test_a_home_that_was_half_made_is_refused(pos: ForkingPos, paid: Path) -> None:
    books = sqlite3.connect(paid / "till.db")
    with books:
        books.execute("DELETE FROM home")
    books.close()
    assert refused_start(pos, paid) == (3, "no_home")
