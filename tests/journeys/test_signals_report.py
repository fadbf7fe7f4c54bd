"""``pos report signals`` over real processes: who answers for the shop reads it, as text and as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.builders.homes import CASHIER, CASHIER_PIN, ForkingPos
from tests.builders.tills import put_settings

CASHIERS = ("--user", CASHIER, "--pin-fd", "3")
BACK_OFFICES = ("--user", "4001", "--pin-fd", "3")
BACK_OFFICE_PIN = "619405"
RECEIPT = "S014-T1-A-000001"
OPEN: dict[str, Any] = {"ref": "a1", "act": "open_shift", "float": {"amount": "20.000", "currency": "KWD"}}
PAY: dict[str, Any] = {
    "ref": "a2",
    "act": "pay",
    "payer": {"kind": "subscriber", "account": "BA-1001"},
    "allocate": [{"bill": "7781", "amount": "3.000"}],
    "tenders": [{"mode": "cash", "amount": "3.000"}],
}
VOID: dict[str, Any] = {"ref": "a3", "act": "void", "receipt": RECEIPT, "reason": "wrong_account"}


def printed_again_then_undone(pos: ForkingPos, home: Path) -> None:
    """One person may undo five alone here."""
    shipped = (Path(__file__).resolve().parents[2] / "config" / "till.toml").read_text(encoding="utf-8")
    put_settings(home, "till.toml", shipped.replace('void_alone_up_to = ""', 'void_alone_up_to = "5"', 1))
    assert pos.script(home, [OPEN, PAY]).status == 0
    assert pos.run("--home", str(home), "receipt", RECEIPT, *CASHIERS).status == 0
    assert pos.script(home, [VOID]).status == 0


def test_the_back_office_reads_what_is_worth_a_second_look(pos: ForkingPos, home: Path) -> None:
    printed_again_then_undone(pos, home)

    told = pos.run("--home", str(home), "--json", "report", "signals", *BACK_OFFICES, pin=BACK_OFFICE_PIN)

    assert told.status == 0
    (signal,) = told.lines
    assert (signal["signal"], signal["people"], signal["count"], signal["shown_from"]) == (
        "reprinted_then_undone",
        ["1001"],
        1,
        1,
    )
    (row,) = signal["rows"]
    assert (row["what"], row["user"], row["account"], row["amount"], row["currency"]) == (
        "S014-T1-A-VS-000001",
        "1001",
        "BA-1001",
        "3.000",
        "KWD",
    )
    assert row["note"].startswith(f"void of {RECEIPT}")
    assert "A signal is no finding." in told.err


def test_a_person_reads_it_as_text(pos: ForkingPos, home: Path) -> None:
    printed_again_then_undone(pos, home)

    told = pos.run("--home", str(home), "report", "signals", *BACK_OFFICES, pin=BACK_OFFICE_PIN)

    heading, row = told.out.splitlines()
    assert heading == (
        "reprinted_then_undone: user 1001, 1 of: receipts printed again, then the payment undone"
    )
    assert "S014-T1-A-VS-000001" in row
    assert "3.000 KWD" in row


def test_other_days_show_nothing_and_a_cashier_reads_nothing(pos: ForkingPos, home: Path) -> None:
    printed_again_then_undone(pos, home)
    report = ("--home", str(home), "--json", "report", "signals")

    past = pos.run(*report, "--business-date", "2001-01-01", *BACK_OFFICES, pin=BACK_OFFICE_PIN)
    period = pos.run(
        *report, "--from", "2001-01-01", "--to", "2001-03-01", *BACK_OFFICES, pin=BACK_OFFICE_PIN
    )
    backwards = pos.run(
        *report, "--from", "2001-03-01", "--to", "2001-01-01", *BACK_OFFICES, pin=BACK_OFFICE_PIN
    )
    refused = pos.run(*report, *CASHIERS, pin=CASHIER_PIN)

    assert (past.status, past.lines, period.status, period.lines) == (0, [], 0, [])
    assert (backwards.status, backwards.last["error"]["code"]) == (3, "bad_period")
    assert (refused.status, refused.last["error"]["code"]) == (4, "not_allowed")


def test_days_that_no_report_can_have_are_told_before_anybody_signs_in(pos: ForkingPos, home: Path) -> None:
    for days in (
        ["signals", "--business-date", "2001-01-01", "--from", "2001-01-01"],
        ["large-cash", "--from", "2001-01-01"],
    ):
        told = pos.run("--home", str(home), "report", *days, *BACK_OFFICES, pin=BACK_OFFICE_PIN)
        assert told.status == 2
