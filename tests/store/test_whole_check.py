"""The whole store checked beside the selling: what is found is kept, told, and stops selling where the file is damaged."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from pos.bootstrap.backups import make_backup
from pos.bootstrap.homes import Machine, open_till
from pos.bootstrap.last_done import LastCheck, last_backup, last_check, note_check
from pos.bootstrap.whole_check import check_whole, keep_checking
from pos.store import migrate
from pos.store.database import StoreError
from tests.builders.tills import NOW, SettableClock, cash, machine, open_home, opened, pay


class Enough(Exception):
    """The test has seen what it wants."""


@pytest.fixture(scope="module")
def first_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one receipt, closed. It is copied, for to make one takes longer than most of these tests."""
    folder = tmp_path_factory.mktemp("first") / "home"
    till = open_home(folder)
    opened(till.desk)
    pay(till.desk, cash("5"), account="BA-1001")
    till.close()
    return folder


@pytest.fixture
def home(first_home: Path, tmp_path: Path) -> Path:
    """A copy of the first home."""
    return Path(shutil.copytree(first_home, tmp_path / "home"))


def later(**by: float) -> Machine:
    return machine(SettableClock(NOW + timedelta(**(by or {"minutes": 1}))))


def change(home: Path, statement: str) -> None:
    """Somebody writes to the file, past the program and its references."""
    raw = sqlite3.connect(home / "till.db")
    raw.execute("PRAGMA writable_schema=ON")
    raw.execute(statement)
    raw.commit()
    raw.close()


ORPHAN = "INSERT INTO approval_use (approval_id, deed_id, at_utc) VALUES ('none', 'none', 'never')"
OTHER_INDEX = (
    "UPDATE sqlite_schema SET sql = replace(sql, '(at_utc)', '(operator)') WHERE name = 'audit_by_time'"
)
"""An index that differs from its table: a quick look at the file does not see it."""
ALTERED = "UPDATE person SET name = 'x' WHERE user = '1001'"


def test_a_sound_store_is_found_sound_and_that_is_kept(home: Path) -> None:
    assert check_whole(home, later()) == []

    found = last_check(home / "last-check")
    assert found == LastCheck(at=NOW + timedelta(minutes=1), findings=0)
    assert found.is_sound
    assert (home / "last-check").stat().st_mode & 0o777 == 0o600
    with open_till(home, machine=later(minutes=2)):
        pass


def test_an_altered_row_is_counted_and_named_and_does_not_stop_selling(home: Path) -> None:
    change(home, ALTERED)

    assert [finding.where for finding in check_whole(home, later())] == ["person 1001"]

    found = last_check(home / "last-check")
    assert found is not None
    assert (found.findings, found.named, found.damage) == (1, ("chain_row_altered: person 1001",), None)
    with open_till(home, machine=later(minutes=2)) as till:
        pay(till.desk, cash("6"), account="BA-1001")


def test_a_reference_to_nothing_is_named(home: Path) -> None:
    change(home, ORPHAN)

    named = {(finding.check, finding.where) for finding in check_whole(home, later())}

    assert ("reference_leads_to_a_row", "approval_use approval") in named


def test_damage_that_a_quick_look_does_not_see_stops_selling_from_then_on(home: Path) -> None:
    change(home, OTHER_INDEX)
    with open_till(home, machine=later()):
        pass

    with pytest.raises(StoreError, match="index"):
        check_whole(home, later(minutes=2))

    found = last_check(home / "last-check")
    assert found is not None
    assert found.damage is not None
    assert not found.is_sound
    with pytest.raises(StoreError) as stop, open_till(home, machine=later(minutes=3)):
        pass
    assert (stop.value.code, stop.value.exit_code) == ("store_damaged", 6)
    assert "pos export support" in stop.value.message


def test_a_store_that_was_mended_sells_again(home: Path) -> None:
    """What stops selling is the damage, not the note of it."""
    note_check(home / "last-check", LastCheck(at=NOW, findings=0, damage="a page"))

    with open_till(home, machine=later()) as till:
        pay(till.desk, cash("6"), account="BA-1001")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"at_utc": 5, "findings": 1}', b"\xff" * 50])
def test_a_note_that_cannot_be_read_is_none(home: Path, content: bytes) -> None:
    (home / "last-check").write_bytes(content)
    (home / "last-check").chmod(0o600)

    assert last_check(home / "last-check") is None
    with open_till(home, machine=later()):
        pass


def checked_for(home: Path, told_wanted: int, check: Callable[[], None], **after: float) -> list[int]:
    """The findings that are told while the screen is open, and the minute of each."""
    told: list[int] = []

    async def run() -> None:
        with open_till(home, machine=later(**after)) as till:
            began = till.desk.clock.monotonic_s()

            async def once() -> None:
                check()

            def tell(found: object) -> None:
                told.append(round(till.desk.clock.monotonic_s() - began) // 60)
                if len(told) == told_wanted:
                    raise Enough

            await keep_checking(till, tell, check=once)

    with pytest.raises(Enough):
        asyncio.run(run())
    return told


def test_a_till_that_was_closed_at_night_is_checked_soon_after_it_was_opened(home: Path) -> None:
    moments = iter(range(1, 10))

    def check() -> None:
        check_whole(home, later(hours=next(moments)))

    # 10:15 in the morning; the next one is at three in the night.
    assert checked_for(home, 2, check) == [5, 16 * 60 + 45 - 1]


def test_what_was_found_before_the_start_is_told_at_once(home: Path) -> None:
    check_whole(home, later())

    def check() -> None:
        raise AssertionError("it is not due")

    assert checked_for(home, 1, check, minutes=2) == [0]


def test_a_check_that_cannot_be_made_is_tried_again_after_an_hour(home: Path) -> None:
    tries = []

    def check() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("no process to be had")
        if len(tries) == 3:
            check_whole(home, later(hours=3))

    assert checked_for(home, 1, check) == [125]


def test_a_backup_is_noted_with_its_time(home: Path, tmp_path: Path) -> None:
    assert last_backup(home / "last-backup") is None

    make_backup(home, tmp_path / "backup", "correct horse battery", later(hours=1))

    made = last_backup(home / "last-backup")
    assert made is not None
    assert (made.at, made.findings) == (NOW + timedelta(hours=1), 0)


def test_a_store_is_brought_up_to_date_only_with_a_sound_copy_to_go_back_to(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new form is another number here; the damage is one that a quick look does not see."""
    change(home, OTHER_INDEX)
    monkeypatch.setattr(migrate, "HEAD", "9999")

    with pytest.raises(StoreError) as stop, open_till(home, machine=later()):
        pass

    assert stop.value.code == "store_damaged"
    assert list((home / "backups").iterdir()) == []
