"""``pos export gl``, ``pos export journal`` and ``pos gl``: the feed to the general ledger from the command line."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.builders.homes import Ended, ForkingPos
from tests.builders.ledger_peers import PEERS, said_of
from tests.builders.tills import put_settings

ROOT = Path(__file__).resolve().parents[2]
BACK_OFFICE = ("--user", "4001", "--pin-fd", "3")
BACK_OFFICE_PIN, CASHIER_PIN = "619405", "135790"


def run(pos: ForkingPos, home: Path, *command: str) -> Ended:
    return pos.run("--home", str(home), "--json", *command, *BACK_OFFICE, pin=BACK_OFFICE_PIN)


def export(pos: ForkingPos, home: Path, form: str, out: Path, what: str = "gl") -> Ended:
    """The file of the day of the last shift."""
    with closing(sqlite3.connect(home / "till.db")) as store:
        (day,) = store.execute("SELECT max(business_date) FROM shift").fetchone()
    return run(pos, home, "export", what, "--format", form, "--business-date", day, "--out", str(out))


def sell_and_count(pos: ForkingPos, home: Path, ref: str, *, counted: bool = True) -> None:
    lines: list[dict[str, object]] = [
        {"ref": f"{ref}-o", "act": "open_shift", "float": {"amount": "20.000"}},
        {
            "ref": f"{ref}-p",
            "act": "pay",
            "payer": {"kind": "subscriber", "account": "BA-1001"},
            "allocate": [{"bill": "7781", "amount": "5.000"}],
            "tenders": [{"mode": "cash", "amount": "5.000"}],
            "confirm": ["possible_double"],
        },
    ]
    if counted:
        lines += [
            {"ref": f"{ref}-c", "act": "count", "cash": {"amount": "25.000"}},
            {"ref": f"{ref}-z", "act": "close_shift"},
        ]
    ended = pos.script(home, lines)
    assert ended.status == 0, ended


@pytest.fixture
def counted_home(pos: ForkingPos, home: Path) -> Path:
    """A home with a shift that took 5.000 in cash and was counted."""
    sell_and_count(pos, home, "one")
    return home


def test_the_feed_is_written_with_its_control_totals_and_digest(pos: ForkingPos, counted_home: Path) -> None:
    out = counted_home.parent / "feed.csv"

    ended = export(pos, counted_home, "csv", out)

    assert ended.status == 0, ended
    (told,) = ended.lines
    (batch,) = told["batches"]
    assert told["sha256"] == batch["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert batch["totals"] == [{"currency": "KWD", "debit": "50.000", "credit": "50.000"}]
    assert re.fullmatch(r"S014-T1-A-\d{8}-01", batch["batch"])
    assert out.stat().st_mode & 0o777 == 0o600


def test_a_batch_is_exported_again_byte_for_byte_beside_its_supplement(
    pos: ForkingPos, counted_home: Path
) -> None:
    folder = counted_home.parent
    first = export(pos, counted_home, "oracle", folder / "first")
    (batch,) = first.lines[0]["batches"]
    sell_and_count(pos, counted_home, "two")

    both = export(pos, counted_home, "oracle", folder / "both")
    again = run(
        pos,
        counted_home,
        *("export", "gl", "--format", "oracle", "--batch", batch["batch"], "--out", str(folder / "again")),
    )

    assert [one["part"] for one in both.lines[0]["batches"]] == [1, 2]
    assert again.status == 0, again
    assert (folder / "again").read_bytes() == (folder / "first").read_bytes()
    assert (folder / "both").read_bytes().startswith((folder / "first").read_bytes())


@pytest.mark.parametrize("peer", PEERS)
def test_feed_and_journal_are_clean_in_another_program(
    peer: str, pos: ForkingPos, counted_home: Path
) -> None:
    folder = counted_home.parent
    for what in ("gl", "journal"):
        out = folder / what
        ended = export(pos, counted_home, peer, out, what)
        assert ended.status == 0, ended
        assert said_of(peer, folder, out.read_text(encoding="utf-8")) == ""


def test_a_figure_of_a_batch_is_told_with_its_receipts(pos: ForkingPos, counted_home: Path) -> None:
    export(pos, counted_home, "csv", counted_home.parent / "feed")
    (batch,) = run(pos, counted_home, "gl", "list").lines
    lines = run(pos, counted_home, "gl", "show", batch["batch"]).lines
    taken = next(row for row in lines if row["event"] == "payment" and "debit" in row)
    assert (taken["debit"], taken["postings"]) == ("5.000", 1)

    behind = run(pos, counted_home, "gl", "show", batch["batch"], "--line", str(taken["line"]))

    assert [(row["receipt"], row["amount"]) for row in behind.lines] == [("S014-T1-A-000001", "5.000")]


def test_no_file_is_written_over_and_none_is_left_by_a_refusal(pos: ForkingPos, counted_home: Path) -> None:
    out = counted_home.parent / "feed"
    sell_and_count(pos, counted_home, "two", counted=False)
    day = run(pos, counted_home, "export", "gl", "--format", "csv", "--out", str(out))
    assert (day.status, day.lines[0]["batches"]) == (0, [])

    over = run(pos, counted_home, "export", "gl", "--format", "csv", "--out", str(out))
    absent = run(
        pos, counted_home, *("export", "gl", "--format", "csv", "--batch", "X-1", "--out", f"{out}.2")
    )

    assert over.status == 2
    assert (absent.status, absent.lines[0]["error"]["code"]) == (3, "unknown_batch")
    assert not Path(f"{out}.2").exists()


def test_a_cashier_neither_makes_nor_sees_batches(pos: ForkingPos, counted_home: Path) -> None:
    out = counted_home.parent / "feed"
    cashier = ("--user", "1001", "--pin-fd", "3")

    for command in (("gl", "list"), ("export", "gl", "--format", "csv", "--out", str(out))):
        ended = pos.run("--home", str(counted_home), "--json", *command, *cashier, pin=CASHIER_PIN)
        assert (ended.status, ended.lines[0]["error"]["code"]) == (4, "not_allowed")
    assert not out.exists()


# --- delivery -------------------------------------------------------------------------------------------------------


def delivers(home: Path, section: str) -> None:
    text = (ROOT / "config" / "till.toml").read_text(encoding="utf-8")
    before, heading, ledger = text.partition("\n[ledger]\n")
    changed = ledger.replace('delivered_by = "nobody"', 'delivered_by = "till"').replace(
        'folder = ""', section, 1
    )
    assert changed != ledger
    put_settings(home, "till.toml", before + heading + changed)


def test_batches_are_laid_into_a_folder_and_its_answer_is_taken_in(
    pos: ForkingPos, counted_home: Path
) -> None:
    folder = counted_home.parent / "ledger"
    folder.mkdir()
    delivers(counted_home, f'folder = "{folder}"')

    export(pos, counted_home, "csv", counted_home.parent / "made")
    first = run(pos, counted_home, "gl", "deliver")
    (row,) = first.lines
    (folder / f"{row['batch']}.ack").write_text("GL-7")
    second = run(pos, counted_home, "gl", "deliver")

    assert (first.status, row["state"], row["way"]) == (0, "delivered", "folder")
    assert row["file_sha256"] == hashlib.sha256((folder / f"{row['batch']}.csv").read_bytes()).hexdigest()
    assert [(one["state"], one["reference"]) for one in second.lines] == [("acknowledged", "GL-7")]
    assert run(pos, counted_home, "gl", "deliver").lines == []
    assert [one["state"] for one in run(pos, counted_home, "gl", "list").lines] == ["acknowledged"]


def test_a_file_that_was_taken_out_of_the_folder_is_laid_there_again_only_by_name(
    pos: ForkingPos, counted_home: Path
) -> None:
    """The accounting system takes it to read it, and may answer a day later."""
    folder = counted_home.parent / "ledger"
    folder.mkdir()
    delivers(counted_home, f'folder = "{folder}"')
    export(pos, counted_home, "csv", counted_home.parent / "made")
    (first,) = run(pos, counted_home, "gl", "deliver").lines
    for path in folder.iterdir():
        path.unlink()

    (again,) = run(pos, counted_home, "gl", "deliver").lines
    assert (again["state"], list(folder.iterdir())) == ("delivered", [])
    run(pos, counted_home, "gl", "deliver", first["batch"])
    assert (folder / f"{first['batch']}.csv").exists()


def test_a_batch_that_is_acknowledged_is_not_brought_again(pos: ForkingPos, counted_home: Path) -> None:
    folder = counted_home.parent / "ledger"
    folder.mkdir()
    delivers(counted_home, f'folder = "{folder}"')
    export(pos, counted_home, "csv", counted_home.parent / "made")
    (batch,) = run(pos, counted_home, "gl", "list").lines
    run(pos, counted_home, "gl", "acknowledged", batch["batch"])

    ended = run(pos, counted_home, "gl", "deliver", batch["batch"])

    assert (ended.status, ended.lines[0]["error"]["code"]) == (3, "batch_acknowledged")
    assert list(folder.iterdir()) == []


def test_an_accounting_system_that_is_away_ends_with_7_and_is_tried_again(
    pos: ForkingPos, counted_home: Path
) -> None:
    delivers(counted_home, 'url = "http://127.0.0.1:9/batches"\nfolder = ""')
    text = (counted_home / "config" / "till.toml").read_text(encoding="utf-8")
    head, _, rest = text.partition('\nurl = ""')
    put_settings(counted_home, "till.toml", head + rest)

    export(pos, counted_home, "csv", counted_home.parent / "made")
    ended = run(pos, counted_home, "gl", "deliver")

    assert (ended.status, ended.lines[0]["error"]["code"]) == (7, "ledger_unreachable")
    assert [one["state"] for one in run(pos, counted_home, "gl", "list").lines] == ["waiting"]


def test_a_till_that_does_not_deliver_says_who_does(pos: ForkingPos, counted_home: Path) -> None:
    export(pos, counted_home, "csv", counted_home.parent / "made")
    ended = run(pos, counted_home, "gl", "deliver")

    assert (ended.status, ended.lines[0]["error"]["code"]) == (3, "not_delivered_here")
    (batch,) = run(pos, counted_home, "gl", "list").lines
    assert batch["state"] == "brought_by_nobody"
    by_hand = run(pos, counted_home, "gl", "refused", batch["batch"], "--reason", "Period closed")
    assert (by_hand.status, by_hand.lines[0]["state"]) == (0, "refused")
    (sign,) = (line for line in doctor(pos, counted_home) if line.get("about") == "ledger")
    assert (sign["state"], sign["says"]) == (
        "ok",
        "1 batches, 0 wait for the accounting system, 0 were refused by it",
    )
    taken = run(pos, counted_home, "gl", "acknowledged", batch["batch"], "--reference", "GL-8")
    assert (taken.status, taken.lines[0]["reference"]) == (0, "GL-8")


def doctor(pos: ForkingPos, home: Path) -> list[dict[str, str]]:
    return pos.run("--home", str(home), "--json", "doctor").lines


def test_a_till_brings_what_was_left_to_it_after_central_delivers_what_is_made_since(
    pos: ForkingPos, counted_home: Path
) -> None:
    folder = counted_home.parent / "ledger"
    folder.mkdir()
    delivers(counted_home, f'folder = "{folder}"')
    export(pos, counted_home, "csv", counted_home.parent / "made")
    text = (counted_home / "config" / "till.toml").read_text(encoding="utf-8")
    put_settings(counted_home, "till.toml", text.replace('delivered_by = "till"', 'delivered_by = "central"'))

    ended = run(pos, counted_home, "gl", "deliver")

    assert (ended.status, [row["state"] for row in ended.lines]) == (0, ["delivered"])


def test_a_till_that_lost_its_way_to_the_accounting_system_says_so(
    pos: ForkingPos, counted_home: Path
) -> None:
    delivers(counted_home, f'folder = "{counted_home.parent}"')
    export(pos, counted_home, "csv", counted_home.parent / "made")
    (batch,) = run(pos, counted_home, "gl", "list").lines
    text = (counted_home / "config" / "till.toml").read_text(encoding="utf-8")
    without = text.replace('delivered_by = "till"', 'delivered_by = "nobody"')
    put_settings(
        counted_home, "till.toml", without.replace(f'folder = "{counted_home.parent}"', 'folder = ""')
    )

    for named in ((), (batch["batch"],)):
        ended = run(pos, counted_home, "gl", "deliver", *named)

        assert (ended.status, ended.lines[0]["error"]["code"]) == (3, "not_delivered_here")
        assert ended.lines[0]["error"]["message"] == (
            "This till brings what was left to it, but [ledger] in till.toml names neither folder nor url any more."
        )


def test_a_refused_batch_is_to_be_looked_at(pos: ForkingPos, counted_home: Path) -> None:
    folder = counted_home.parent / "ledger"
    folder.mkdir()
    delivers(counted_home, f'folder = "{folder}"')
    export(pos, counted_home, "csv", counted_home.parent / "made")
    (row,) = run(pos, counted_home, "gl", "deliver").lines
    run(pos, counted_home, "gl", "refused", row["batch"], "--reason", "Period closed")

    (sign,) = (line for line in doctor(pos, counted_home) if line.get("about") == "ledger")

    assert (sign["state"], sign["says"]) == (
        "look",
        "1 batches, 0 wait for the accounting system, 1 were refused by it",
    )


def test_a_script_delivers_batches_and_hears_what_became_of_each(pos: ForkingPos, counted_home: Path) -> None:
    folder = counted_home.parent / "ledger"
    delivers(counted_home, f'folder = "{folder}"')
    export(pos, counted_home, "csv", counted_home.parent / "made")

    away = deliver_by_line(pos, counted_home, "d1")
    folder.mkdir()
    delivered = deliver_by_line(pos, counted_home, "d2")
    (folder / f"{delivered['batch']}.refused").write_text("Period closed")
    refused = deliver_by_line(pos, counted_home, "d3")

    assert (away["state"], away["reason"]) == (
        "waiting",
        "The folder cannot be used: No such file or directory.",
    )
    assert delivered["state"] == "delivered"
    assert (refused["state"], refused["reason"]) == ("refused", "Period closed")
    assert deliver_by_line(pos, counted_home, "d2") == delivered


def deliver_by_line(pos: ForkingPos, home: Path, ref: str) -> dict[str, str]:
    line = {"ref": ref, "act": "ledger_batch", "deed": "deliver"}
    ended = pos.script(home, [line], user="4001", pin=BACK_OFFICE_PIN)
    assert ended.status == 0, ended
    (batch,) = ended.lines[0]["batches"]
    return dict(batch)
