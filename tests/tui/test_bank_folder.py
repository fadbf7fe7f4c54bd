"""A bank's file carried out at the screen: chosen in its folder, told in money, booked, and its result laid beside it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from pos.bootstrap.bank_files import BankFileWays, FilesFolder
from pos.settings import read_settings
from pos.till.desk import Desk
from pos.till_settings import DirectDebitSettings
from tests.builders.bank_files import mandated, with_debits
from tests.builders.tills import BACK_OFFICE, PINS, TODAY, findings, make_till, rows
from tests.tui.counter import counter

DAY = TODAY.isoformat()


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    mandated(desk)
    return desk


@pytest.fixture
def laid(tmp_path: Path) -> Path:
    """The folder of the bank's files."""
    folder = tmp_path / "from bank"
    folder.mkdir()
    return folder


def folder_of(desk: Desk, laid: Path) -> FilesFolder:
    settings = DirectDebitSettings(folder=str(laid))
    profiles = read_settings().bank_profiles
    return FilesFolder(BankFileWays(desk=desk, settings=settings, profiles=profiles, home=laid.parent))


def lay_down(laid: Path, *details: str, total: str, name: str = "may.csv") -> None:
    """A file of the usual profile with these details."""
    text = [f"H;{name};{DAY};KWD", *(f"D;{detail}" for detail in details), f"T;{len(details)};{total}", ""]
    (laid / name).write_text("\n".join(text), encoding="utf-8")


PAID = f"paid;R-1;M-1;BA-1;7781;41.750;{DAY};"


async def test_a_file_is_told_in_money_then_carried_out_with_its_result(desk: Desk, laid: Path) -> None:
    lay_down(laid, PAID, f"paid;R-2;M-9;BA-NOBODY;;5.000;{DAY};", total="46.750")
    async with counter(desk, user="4001", bank_folder=folder_of(desk, laid)) as seat:
        await seat.press(".", "k", ".", "4", "n")
        assert seat.screen == "FolderScreen"
        assert "may.csv" in seat.text
        await seat.press("enter")

        assert seat.screen == "DryRunScreen"
        assert "2 entries, 46.750 KWD paid in, 0.000 KWD taken back" in seat.text
        assert "Into suspense: nobody knows whose it is" in seat.text
        assert rows(desk, "bank_file") == []
        await seat.press("y")

        assert seat.screen == "BankFilesScreen"
        assert seat.message == "may.csv is carried out, 2 entries. The result is in may.csv.result.csv."
    with (laid / "may.csv.result.csv").open(encoding="utf-8", newline="") as file:
        assert [row["outcome"] for row in csv.DictReader(file)] == ["posted", "suspense"]
    assert len(rows(desk, "v_payment")) == 2
    assert findings(desk) == []


async def test_looking_at_a_file_does_nothing(desk: Desk, laid: Path) -> None:
    lay_down(laid, PAID, total="41.750")
    async with counter(desk, user="6001", bank_folder=folder_of(desk, laid)) as seat:
        await seat.press(".", "k", ".", "4", "n", "enter")
        assert seat.screen == "DryRunScreen"
        await seat.press("y")
        assert "You may look at this, not do it." in seat.message
        await seat.press("escape", "escape")
        assert seat.screen == "BankFilesScreen"
    assert rows(desk, "bank_file") == []
    assert [path.name for path in laid.iterdir()] == ["may.csv"]


async def test_a_file_with_too_many_problems_wants_a_second_person(desk: Desk, laid: Path) -> None:
    with_debits(desk, stop_from=1, stop_above_percent=0)
    lay_down(laid, f"paid;R-2;M-9;BA-NOBODY;;5.000;{DAY};", total="5.000")
    async with counter(desk, user="4001", bank_folder=folder_of(desk, laid)) as seat:
        await seat.press(".", "k", ".", "4", "n", "enter")
        assert "STOPPED: 1 of 1 entries have problems" in seat.message
        await seat.press("y")
        assert seat.screen == "SecondPersonScreen"
        assert rows(desk, "bank_file") == []
        await seat.fill("2002", PINS["2002"])

        assert "is carried out" in seat.message
    assert len(rows(desk, "v_payment")) == 1


async def test_a_file_that_is_not_whole_says_why(desk: Desk, laid: Path) -> None:
    lay_down(laid, PAID, total="41.750")
    (laid / "may.csv").write_text((laid / "may.csv").read_text().replace("T;1", "T;2"))
    async with counter(desk, user="4001", bank_folder=folder_of(desk, laid)) as seat:
        await seat.press(".", "k", ".", "4", "n", "enter")

        assert seat.screen == "FolderScreen"
        assert seat.message.startswith("! ")
        await seat.press("tab")
        assert "fixed" in seat.text


async def test_only_plain_files_of_the_folder_are_offered(desk: Desk, laid: Path) -> None:
    (laid.parent / "secret.csv").write_text("x")
    (laid / "link.csv").symlink_to(laid.parent / "secret.csv")
    (laid / "sub").mkdir()
    lay_down(laid, PAID, total="41.750")
    (laid / "old.csv.result.csv").write_text("x")
    async with counter(desk, user="4001", bank_folder=folder_of(desk, laid)) as seat:
        await seat.press(".", "k", ".", "4", "n")

        assert "Files of banks that are laid down: 1" in seat.text


async def test_a_till_without_a_folder_says_where_to_name_one(desk: Desk) -> None:
    ways = BankFileWays(desk=desk, settings=DirectDebitSettings(), profiles={}, home=Path())
    async with counter(desk, user="4001", bank_folder=FilesFolder(ways)) as seat:
        await seat.press(".", "k", ".", "4", "n")

        assert "folder in [direct_debit] of till.toml" in seat.message


async def test_a_run_that_was_cut_short_goes_on_where_it_was(desk: Desk, laid: Path) -> None:
    lay_down(laid, *(f"paid;R-{place};M-1;BA-1;;1.000;{DAY};" for place in range(30)), total="30.000")
    folder = folder_of(desk, laid)
    async with counter(desk, user="4001", bank_folder=folder) as seat:
        opened = folder.open(seat.app.seat.person, "may.csv", "csv")
        opened.begin(above_threshold=False)
        assert len(opened.carry_on(7)) == 7
        opened.close()
        await seat.press(".", "k", ".", "4")
        assert "CUT SHORT" in seat.text
        await seat.press("n", "enter", "y")

        assert "is carried out, 30 entries" in seat.message
        assert "CUT SHORT" not in seat.text
    assert len(rows(desk, "v_payment")) == 30
    assert findings(desk) == []


async def test_a_run_that_a_full_disk_stopped_goes_on_at_the_same_screen(desk: Desk, laid: Path) -> None:
    lay_down(laid, PAID, f"paid;R-2;M-9;BA-NOBODY;;5.000;{DAY};", total="46.750")
    opened = folder_of(desk, laid).open(BACK_OFFICE, "may.csv", "csv")
    try:
        opened.begin(above_threshold=False)
        assert len(opened.carry_on(1)) == 1

        run = opened.begin(above_threshold=False)

        assert (run.done, run.entries) == (1, 2)
        assert len(opened.carry_on(20)) == 1
    finally:
        opened.close()
    assert [row["reference"] for row in rows(desk, "v_bank_entry")] == ["R-1", "R-2"]
    assert findings(desk) == []
