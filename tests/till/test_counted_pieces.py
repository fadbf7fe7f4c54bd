"""Floats and counts told by notes and coins, and by slip (domain.md 3.8; invariants 31 and 33)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from pos.domain.approval import ApprovalNeeded
from pos.till.cash_office import CountOrder, count_shift, open_shift
from pos.till.count_sheet import print_count_sheet
from pos.till.counted import SlipOrder
from pos.till.desk import Desk
from pos.till.papers import show_receipt
from pos.till.script import Script
from receipts.compose import compose
from receipts.text import render_text
from tests.builders.receipts import ORIGINAL
from tests.builders.tills import (
    AUDITOR,
    CASHIER,
    OTHER_CASHIER,
    SUPERVISOR,
    card,
    cash,
    closed,
    findings,
    make_till,
    money,
    opened,
    pay,
    raw_connection,
    rows,
)
from tests.builders.undoing import approved
from tests.till.books import refused

KWD = (20_000, 10_000, 5_000, 1_000, 500, 250, 100, 50, 20, 10, 5)


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    desk.policy = replace(desk.policy, shift=replace(desk.policy.shift, denominations=KWD))
    return desk


def counted(
    desk: Desk,
    amount: str,
    pieces: Sequence[tuple[str, int]] = (),
    slips: Sequence[SlipOrder] | None = None,
) -> None:
    count_shift(desk, CASHIER, CountOrder(cash=amount, pieces=pieces, slips=slips))


def paper(desk: Desk, number: str) -> list[list[str]]:
    text = render_text(compose(show_receipt(desk, SUPERVISOR, number), ORIGINAL), width=42)
    return [line.split() for line in text.splitlines()]


def test_a_float_is_told_by_its_notes_and_coins(desk: Desk) -> None:
    opened_ = open_shift(desk, CASHIER, "20.500", pieces=[("10", 1), ("5", 2), ("0.250", 2)])

    assert opened_.float_ == money("20.500")
    assert [(row["value_minor"], row["pieces"]) for row in rows(desk, "shift_float_piece")] == [
        (250, 2),
        (5_000, 2),
        (10_000, 1),
    ]
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("pieces", "code"),
    [
        ([("10", 1)], "pieces_differ"),
        ([("10", 1), ("10", 1)], "named_twice"),
        ([("7", 1)], "unknown_denomination"),
        ([("10", -1)], "bad_pieces"),
        ([("0", 1)], "amount_not_positive"),
    ],
)
def test_notes_and_coins_that_do_not_make_the_float_open_nothing(
    desk: Desk, pieces: list[tuple[str, int]], code: str
) -> None:
    assert refused(desk, lambda: open_shift(desk, CASHIER, "20", pieces=pieces)).code == code


def test_a_shop_that_counts_by_denomination_takes_no_bare_sum(desk: Desk) -> None:
    desk.policy = replace(desk.policy, shift=replace(desk.policy.shift, by_denomination=True))

    assert refused(desk, lambda: open_shift(desk, CASHIER, "20")).code == "pieces_missing"
    open_shift(desk, CASHIER, "20", pieces=[("20", 1)])
    assert refused(desk, lambda: counted(desk, "20")).code == "pieces_missing"
    counted(desk, "0")


def test_a_count_by_notes_and_coins_stands_on_the_z_report(desk: Desk) -> None:
    opened(desk)
    pay(desk, cash("41.750"))
    counted(desk, "61.750", [("20", 3), ("1", 1), ("0.25", 3)])

    said = paper(desk, closed(desk).z_number)

    assert ["3", "x", "20.000", "60.000"] in said
    assert ["3", "x", "0.250", "0.750"] in said
    assert findings(desk) == []


def test_no_connection_writes_a_count_that_its_notes_do_not_make(desk: Desk) -> None:
    opened(desk)
    raw = raw_connection(desk.till.database)
    raw.execute("BEGIN")
    raw.execute("INSERT INTO shift_count_piece VALUES ('c', 5000, 3)")

    with pytest.raises(sqlite3.IntegrityError, match="do not make the count"):
        raw.execute(
            "INSERT INTO shift_count (count_id, shift_id, number, counted_at_utc, operator, cash_minor, cheque_count, "
            "cheque_minor, payments_before) SELECT 'c', shift_id, 1, 't', '1001', 20000, 0, 0, 0 FROM shift"
        )
    raw.execute("ROLLBACK")


# --- a second person for a large float --------------------------------------------------------------------------------


def test_a_float_above_the_shops_cap_is_opened_by_two_people(desk: Desk) -> None:
    desk.policy = replace(desk.policy, shift=replace(desk.policy.shift, float_alone_minor=50_000))

    with pytest.raises(ApprovalNeeded):
        open_shift(desk, CASHIER, "50.005")
    assert rows(desk, "shift") == []
    assert approved(desk, lambda: open_shift(desk, CASHIER, "80")).float_ == money("80")


def test_an_approved_float_is_that_ones_and_no_other(desk: Desk) -> None:
    desk.policy = replace(desk.policy, shift=replace(desk.policy.shift, float_alone_minor=50_000))
    approved(desk, lambda: open_shift(desk, CASHIER, "80"))
    counted(desk, "80")
    closed(desk)

    with pytest.raises(ApprovalNeeded):
        open_shift(desk, CASHIER, "80")
    with pytest.raises(ApprovalNeeded):
        open_shift(desk, OTHER_CASHIER, "80")
    assert open_shift(desk, CASHIER, "50").float_ == money("50")


# --- slips ------------------------------------------------------------------------------------------------------------


def test_slips_that_agree_close_without_a_word(desk: Desk) -> None:
    opened(desk)
    pay(desk, card("10"), card("4", "000000000902"))
    counted(desk, "20", slips=[SlipOrder(mode="debit_card", count=2, amount="14")])

    done = closed(desk)

    assert not done.needs_acceptance
    assert ["Slips", "counted,", "Debit", "card:", "2", "14.000"] in paper(desk, done.z_number)


def test_a_missing_slip_is_named_and_signed_for_and_is_no_missing_money(desk: Desk) -> None:
    """Features 7: nothing is posted for a paper that is gone."""
    opened(desk)
    pay(desk, card("10"), card("4", "000000000902"))
    counted(desk, "20", slips=[SlipOrder(mode="debit_card", count=1, amount="10")])

    assert refused(desk, lambda: closed(desk)).code == "count_differs"
    done = closed(desk, "One slip was left in the terminal")

    assert (done.needs_acceptance, done.difference) == (True, money("0"))
    assert ["Slips", "expected,", "Debit", "card:", "2", "14.000"] in paper(desk, done.z_number)
    assert not [row for row in rows(desk, "v_journal") if row["ledger_account"] == "cash_over_short"]
    assert findings(desk) == []


def test_a_way_that_was_taken_and_is_not_named_has_no_slips(desk: Desk) -> None:
    opened(desk)
    pay(desk, card("10"))
    counted(desk, "20", slips=[])

    assert refused(desk, lambda: closed(desk)).code == "count_differs"


@pytest.mark.parametrize("mode", ["cash", "cheque", "barter"])
def test_cash_and_cheques_are_no_slips(desk: Desk, mode: str) -> None:
    opened(desk)

    refusal = refused(desk, lambda: counted(desk, "20", slips=[SlipOrder(mode=mode, count=1, amount="1")]))

    assert refusal.code == "unknown_mode"


def run(script: Script, **line: Any) -> dict[str, Any]:
    return script.run_line(json.dumps(line))


def test_a_script_tells_pieces_and_slips(desk: Desk) -> None:
    script = Script(desk, CASHIER)
    assert run(
        script, ref="o", act="open_shift", float={"amount": "20"}, pieces=[{"value": "20", "pieces": 1}]
    )["ok"]
    pay(desk, card("10"))

    answer = run(
        script,
        ref="c",
        act="count",
        cash={"amount": "20"},
        pieces=[{"value": "10", "pieces": 2}],
        slips=[{"mode": "debit_card", "count": 1, "amount": "10"}],
    )

    assert answer["ok"]
    assert run(script, ref="z", act="close_shift")["needs_acceptance"] is False
    assert [row["slips"] for row in rows(desk, "shift_count_slip")] == [1]


# --- a sheet to count on --------------------------------------------------------------------------------------------


def test_a_blank_sheet_lists_what_is_to_be_counted_and_no_figure_of_the_books(desk: Desk) -> None:
    opened(desk, "20")
    pay(desk, cash("30"))
    pay(desk, card("7"), account="BA-2")

    sheet = print_count_sheet(desk, CASHIER)

    text = render_text(compose(show_receipt(desk, SUPERVISOR, sheet.number), ORIGINAL), width=42)
    assert sheet.number == "S014-T1-A-CS-000001"
    for said in (
        "COUNT SHEET",
        "........ x 20.000",
        "........ x 0.005",
        "Cheques: ........",
        "Debit card: ........",
        "counterfeit",
    ):
        assert said in text
    for figure in ("30.000", "50.000", "7.000"):
        assert figure not in text
    assert findings(desk) == []


def test_a_sheet_for_somebody_elses_drawer_does_not_tell_what_it_took(desk: Desk) -> None:
    opened(desk, "20")
    pay(desk, card("7"), account="BA-2")

    sheet = print_count_sheet(desk, SUPERVISOR)

    assert "Debit card" not in render_text(compose(show_receipt(desk, SUPERVISOR, sheet.number), ORIGINAL))
    assert refused(desk, lambda: print_count_sheet(desk, AUDITOR)).code == "not_allowed"


def test_a_script_prints_one(desk: Desk) -> None:
    told = Script(desk, CASHIER).run_line(json.dumps({"ref": "s1", "act": "count_sheet"}))

    assert told["paper"] == "S014-T1-A-CS-000001"
