"""``pos import direct-debit``: a bank's file told in money, carried out once, and its result."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.builders.homes import Ended, ForkingPos
from tests.builders.tills import put_settings

BACK_OFFICE = ("--user", "4001", "--pin-fd", "3")
TEXT = (
    "H;F-1;2026-11-20;KWD\n"
    "D;paid;E-1;M-1;BA-1001;7781;41.750;2026-11-20;\n"
    "D;paid;E-2;M-2;BA-NOBODY;;5.000;2026-11-20;\n"
    "T;2;46.750\n"
)


def bring_in(pos: ForkingPos, home: Path, text: str, *more: str, profile: str = "csv") -> Ended:
    file = home.parent / "bank.csv"
    file.write_text(text, encoding="utf-8")
    command = ("--home", str(home), "--json", "import", "direct-debit", str(file), "--profile", profile)
    return pos.run(*command, *BACK_OFFICE, *more, pin="619405")


def test_a_dry_run_tells_in_money_and_writes_nothing(pos: ForkingPos, home: Path) -> None:
    ended = bring_in(pos, home, TEXT, "--dry-run")

    (told,) = ended.lines
    assert ended.status == 0
    assert told["outcomes"] == {
        "posted": {"count": 1, "amount": "41.750"},
        "suspense": {"count": 1, "amount": "5.000"},
    }
    assert (told["entries"], told["paid_in"], told["problems"]) == (2, "46.750", 1)
    assert bring_in(pos, home, TEXT, "--dry-run").lines == ended.lines


def test_a_file_is_carried_out_without_a_shift_once_with_its_result(pos: ForkingPos, home: Path) -> None:
    result = home.parent / "result.csv"

    ended = bring_in(pos, home, TEXT, "--result", str(result))

    assert ended.status == 0, ended
    assert [line["outcome"] for line in ended.lines[1:]] == ["posted", "suspense"]
    with result.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["reference"], row["outcome"], row["receipt"][-9:]) for row in rows] == [
        ("E-1", "posted", "DD-000001"),
        ("E-2", "suspense", "DD-000002"),
    ]
    assert result.stat().st_mode & 0o077 == 0
    (told,) = pos.run("--home", str(home), "--json", "import", "files", *BACK_OFFICE, pin="619405").lines
    assert (told["bank_file_id"], told["entries"], told["ended"]) == ("F-1", 2, True)
    more = ("--run", told["run"], "--outcome", "suspense", *BACK_OFFICE)
    (entry,) = pos.run("--home", str(home), "--json", "import", "files", *more, pin="619405").lines
    assert (entry["reference"], entry["amount"]) == ("E-2", "5.000")
    again = bring_in(pos, home, TEXT)
    assert (again.status, again.lines[-1]["error"]["code"]) == (3, "file_known")
    assert pos.run("--home", str(home), "--json", "verify").status == 0


@pytest.mark.parametrize(
    ("text", "profile", "code"),
    [
        (TEXT.replace("T;2", "T;3"), "csv", "sums_differ"),
        (TEXT.replace("T;2;46.750\n", ""), "csv", "bad_file"),
        (TEXT, "iso20022", "bad_file"),
        (TEXT, "unheard", "unknown_profile"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><Document>&b;</Document>", "iso20022", "bad_file"),
    ],
)
def test_a_file_that_is_not_whole_does_nothing(
    pos: ForkingPos, home: Path, text: str, profile: str, code: str
) -> None:
    ended = bring_in(pos, home, text, profile=profile)

    assert (ended.status, ended.lines[-1]["error"]["code"]) == (3, code)
    assert not [path for path in home.iterdir() if path.name.startswith("tmp")]


def test_what_waits_is_posted_by_its_own_command(pos: ForkingPos, home: Path) -> None:
    """A payment at an ATM that no slip was brought for, and a direct debit of the plain form."""
    file = home.parent / "records.jsonl"
    file.write_text(
        '{"amount":"2.000","account":"BA-1001","trace":"4711","atm":"A7","date":"2026-11-20"}\n',
        encoding="utf-8",
    )
    kept = pos.run(
        "--home",
        str(home),
        "--json",
        "import",
        "atm",
        str(file),
        "--profile",
        "records",
        *BACK_OFFICE,
        pin="619405",
    )
    assert kept.lines[0]["state"] == "waiting"

    ended = pos.run("--home", str(home), "--json", "import", "due", *BACK_OFFICE, pin="619405")

    assert (ended.status, ended.lines[0]["receipt"][-9:]) == (0, "AT-000001")
    assert pos.run("--home", str(home), "--json", "verify").status == 0


SETTINGS = '[direct_debit]\ncreditor_name = "Counterfoil Telecom"\ncreditor_account = "NL91ABNA0417164300"\n'


def collected(pos: ForkingPos, home: Path, *more: str) -> Ended:
    return pos.run("--home", str(home), "--json", "export", "direct-debit", *more, *BACK_OFFICE, pin="619405")


def test_open_bills_with_a_mandate_become_a_file_for_the_bank(pos: ForkingPos, home: Path) -> None:
    registered = pos.script(
        home,
        [
            {
                "ref": "m",
                "act": "mandate",
                "deed": "register",
                "mandate": "M-1",
                "account": "BA-1001",
                "holder": "Lina <Haddad>",
                "bank_account": "DE89370400440532013000",
            }
        ],
        user="4001",
        pin="619405",
    )
    assert registered.status == 0, registered
    kept = pos.run("--home", str(home), "--json", "mandates", "--life", "m 1", *BACK_OFFICE, pin="619405")
    (told,) = kept.lines
    assert (told["account"], told["bank_account"], [step["state"] for step in told["steps"]]) == (
        "BA-1001",
        "...3000",
        ["active"],
    )
    out, again = home.parent / "asked.xml", home.parent / "again.xml"
    on = "2099-01-04"
    assert (
        collected(pos, home, "--collect-on", on, "--out", str(out)).lines[-1]["error"]["code"]
        == "creditor_missing"
    )
    put_settings(home, "till.toml", SETTINGS)

    would = collected(pos, home, "--collect-on", on, "--dry-run")
    asked = collected(pos, home, "--collect-on", on, "--out", str(out))

    assert (asked.status, asked.lines[0]["items"]) == (0, would.lines[0]["items"])
    assert asked.lines[0]["amount"] == would.lines[0]["amount"]
    text = out.read_text(encoding="utf-8")
    assert "<MndtId>M-1</MndtId>" in text
    assert "Lina &lt;Haddad&gt;" in text
    assert out.stat().st_mode & 0o077 == 0
    written = collected(pos, home, "--again", asked.lines[0]["collection"], "--out", str(again))
    assert (written.status, again.read_bytes()) == (0, out.read_bytes())
    assert collected(pos, home, "--collect-on", on, "--out", str(out)).status == 2
