"""``pos doctor`` and ``pos config show``: how a home is, and by which settings it works, without naming anybody."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pos.bootstrap.doctor import Health, Sign, examine
from pos.bootstrap.homes import open_till, real_machine
from pos.bootstrap.last_done import LastCheck, last_check, note_check
from pos.bootstrap.settings_shown import MASKED, shown_settings
from pos.bootstrap.whole_check import check_in_background, check_whole
from pos.settings import read_settings
from pos.till.cash_office import open_shift
from tests.builders.homes import ROOT, ForkingPos
from tests.builders.tills import SUPERVISOR, put_settings

SIGNS = [
    "program",
    "files",
    "keys",
    "store",
    "chain",
    "clock",
    "outbox",
    "ledger",
    "settings",
    "check",
    "disk",
    "log",
]
SIGNS += ["backup", "printer", "central"]


def signs(home: Path) -> dict[str, Sign]:
    return {sign.about: sign for sign in examine(home, real_machine())}


def change(home: Path, statement: str) -> None:
    raw = sqlite3.connect(home / "till.db")
    with raw:
        raw.execute(statement)
    raw.close()


def test_a_new_home_is_sound_and_says_what_was_never_done(pos: ForkingPos, home: Path) -> None:
    ended = pos.run("--home", str(home), "--json", "doctor")

    assert (ended.status, ended.last) == (0, {"ok": True, "bad": 0, "look": 3})
    told = {line["about"]: line for line in ended.lines[:-1]}
    assert list(told) == SIGNS
    assert {about for about, line in told.items() if line["state"] == "look"} == {
        "check",
        "backup",
        "central",
    }
    assert all(line["do"] for line in told.values() if line["state"] == "look")
    assert not {"A. Kumar", "1001", "BA-1001"} & set(ended.out.replace('"', " ").split())


def test_it_works_beside_an_open_till(pos: ForkingPos, home: Path) -> None:
    with pos.start(
        "--home", str(home), "script", "-", "--user", "1001", "--pin-fd", "3", pin="135790"
    ) as till:
        till.tell('{"ref":"a1","act":"open_shift","float":{"amount":"20.000"}}')
        assert till.answer()["ok"]

        ended = pos.run("--home", str(home), "doctor")

    assert ended.status == 0
    assert "0 bad, 3 to look at." in ended.out


def key_away(home: Path) -> None:
    (home / "keys" / "chain.key").unlink()


def other_key(home: Path) -> None:
    (home / "keys" / "chain.key").write_text("11" * 32)


def wide(home: Path) -> None:
    (home / "till.db").chmod(0o644)


def no_database(home: Path) -> None:
    (home / "till.db").write_bytes(b"not a database.." * 512)


def altered(home: Path) -> None:
    change(home, "UPDATE person SET name = 'x' WHERE user = '1001'")
    check_whole(home, real_machine())


def found_damaged(home: Path) -> None:
    at = real_machine().clock_of("UTC").now()
    note_check(home / "last-check", LastCheck(at=at, findings=0, damage="The store is damaged: page 7."))


def bad_settings(home: Path) -> None:
    put_settings(home, "till.toml", "[checks]\nnight_hour = 24\n")


def newer(home: Path) -> None:
    change(home, "UPDATE alembic_version SET version_num = '9999'")


@pytest.mark.parametrize(
    ("harm", "bad", "exit_code"),
    [
        (key_away, {"keys", "chain"}, 6),
        (other_key, {"chain"}, 6),
        (wide, {"files"}, 1),
        (no_database, {"store", "chain", "clock", "outbox", "ledger", "central"}, 6),
        (altered, {"check"}, 6),
        (found_damaged, {"check"}, 6),
        (bad_settings, {"settings"}, 3),
        (newer, {"store", "chain", "outbox", "ledger"}, 3),
    ],
)
def test_each_harm_is_told_where_it_is_and_hides_no_other(
    home: Path, harm: Callable[[Path], None], bad: set[str], exit_code: int
) -> None:
    harm(home)

    seen = signs(home)

    found = {about: sign for about, sign in seen.items() if sign.health is Health.BAD}
    assert set(found) == bad
    assert max(sign.exit_code for sign in found.values()) == exit_code
    assert [about for about in SIGNS if about in seen] == list(seen)
    if harm is not bad_settings:
        assert list(seen) == SIGNS


def test_where_there_is_no_home_it_says_so(pos: ForkingPos, tmp_path: Path) -> None:
    ended = pos.run("--home", str(tmp_path / "none"), "--json", "doctor")

    assert (ended.status, ended.last["error"]["code"]) == (3, "no_home")


def test_a_check_and_a_backup_are_told_with_their_age(pos: ForkingPos, home: Path, tmp_path: Path) -> None:
    assert pos.run("--home", str(home), "verify", "--background").status == 0
    made = pos.run(
        "--home",
        str(home),
        "backup",
        str(tmp_path / "b"),
        "--passphrase-fd",
        "3",
        pin="correct horse battery",
    )
    assert made.status == 0

    seen = signs(home)

    assert seen["check"].health is seen["backup"].health is Health.OK
    assert "0 hours ago" in seen["check"].says
    assert "0 hours ago" in seen["backup"].says


def test_the_nightly_check_is_a_process_of_its_own_beside_the_open_till(home: Path) -> None:
    """Invariant 31: it reads only, so the owner's lock does not keep it out, nor does it keep the owner from selling."""
    change(home, "UPDATE person SET name = 'x' WHERE user = '1001'")
    with open_till(home, machine=real_machine()) as till:

        async def beside() -> None:
            checking = asyncio.create_task(check_in_background(till, None))
            await asyncio.sleep(0)
            open_shift(till.desk, SUPERVISOR, "20")
            await checking

        asyncio.run(beside())
        with till.desk.till.read() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM shift").scalar_one() == 1

    found = last_check(home / "last-check")
    assert found is not None
    assert (found.findings, found.named) == (1, ("chain_row_altered: person 1001",))


def test_a_printer_that_does_not_answer_is_to_be_looked_at(home: Path) -> None:
    put_settings(home, "till.toml", '[printer]\nnetwork = "127.0.0.1:1"\n')

    printer = signs(home)["printer"]

    assert (printer.health, printer.says) == (
        Health.LOOK,
        "127.0.0.1:1: The printer cannot be reached.",
    )


def test_the_settings_that_hold_are_told_with_their_files(pos: ForkingPos, home: Path) -> None:
    own = put_settings(home, "till.toml", "[payments]\ndouble_minutes = 7\n")

    ended = pos.run("--home", str(home), "--json", "config", "show")

    assert ended.status == 0
    told: dict[tuple[str, str], dict[str, Any]] = {(line["file"], line["key"]): line for line in ended.lines}
    double = told["till.toml", "payments.double_minutes"]
    assert (double["value"], double["source"]) == (7, str(own))
    tolerance = told["till.toml", "payments.tolerance"]
    assert (tolerance["value"], tolerance["source"]) == ("", None)
    assert told["roles.toml", "acts.keys.admin"]["value"] == "second"
    assert {file for file, _ in told} == {path.name for path in (ROOT / "config").glob("*.toml")}


def test_who_may_do_what_is_told_with_the_trusted_file(home: Path, tmp_path: Path) -> None:
    """A folder that is named at the start says nothing of rights; what it leaves out comes from the home."""
    own = put_settings(home, "till.toml", "[sign_in]\nsession_hours = 8\n[payments]\ndouble_minutes = 7\n")
    named = tmp_path / "named"
    named.mkdir(mode=0o700)
    (named / "till.toml").write_text("[payments]\ndouble_minutes = 9\n")

    told = {one.key: one for one in shown_settings(read_settings(option=named, home=home))}

    assert (told["sign_in.session_hours"].value, told["sign_in.session_hours"].source) == (8, own)
    assert (told["payments.double_minutes"].value, told["payments.double_minutes"].source) == (
        9,
        named / "till.toml",
    )


def test_no_secret_is_among_the_settings_that_are_shown(home: Path) -> None:
    shutil.rmtree(home / "config", ignore_errors=True)
    put_settings(
        home,
        "till.toml",
        '[sync]\npayment_url = "https://pay.example/v4?token=abcdef"\n'
        '[vouchers]\npreauthorised = [{ issuer = "City Gifts", first = "CG-0001-A", last = "CG-0999-Z", '
        'value = "5.000", expires = "2027-01-31" }]\n',
    )

    told = {one.key: one.value for one in shown_settings(read_settings(home=home))}

    assert told["sync.payment_url"] == f"https://pay.example/v4?{MASKED}"
    masked = {
        "issuer": "City Gifts",
        "first": MASKED,
        "last": MASKED,
        "value": "5.000",
        "expires": "2027-01-31",
    }
    assert told["vouchers.preauthorised"] == [masked]
    assert told["sign_in.min_pin_digits"] == 6
