"""Cheques that the bank credited and that cleared: their money is sure, and after the hold days may be paid back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pos.domain.correction import CorrectionPolicy
from pos.domain.errors import NotAuthorised, Refused
from pos.till.clearing import ClearOrder, cheques_to_clear, clear_cheques
from pos.till.correction_entry import CorrectionOrder
from pos.till.corrections import reverse
from pos.till.deposit_credits import CreditOrder, confirm_deposit
from pos.till.deposits import deposit_cheques, lodge_deposit
from pos.till.desk import Desk
from pos.till.refunds import RefundOrder, refund, what_may_go_back
from pos.till.script import Script
from pos.till.transfers import MoveOrder, transfer
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    DEALER,
    cheque,
    clock_of,
    closed,
    count,
    findings,
    make_till,
    opened,
    pay,
    rows,
)
from tests.builders.undoing import code_of
from tests.till.books import refused

SERIALS = ("000123", "000124", "000125")
RECEIPTS = tuple(f"S014-T1-A-00000{number}" for number in (1, 2, 3))


def days_later(desk: Desk, days: float) -> None:
    clock_of(desk).advance(seconds=timedelta(days=days).total_seconds())


@pytest.fixture
def desk() -> Desk:
    """Three cheques of a counted shift: two were credited today, the third one four days later."""
    desk = make_till()
    alone = CorrectionPolicy(alone_minor=dict.fromkeys(("refund", "transfer", "reverse"), 10**9))
    desk.policy = replace(desk.policy, corrections=alone)
    opened(desk)
    for place, (amount, account) in enumerate((("10", "BA-1"), ("12", "BA-1"), ("5", "BA-5"))):
        pay(desk, cheque(amount, SERIALS[place]), account=account)
    count(desk, "20", cheques="27", cheque_count=3)
    closed(desk)
    slip = deposit_cheques(desk, BACK_OFFICE, None).slip.number
    lodge_deposit(desk, BACK_OFFICE, slip, "NBK 7781/3")
    credited = [("000123", "10"), ("000124", "12")]
    confirm_deposit(desk, BACK_OFFICE, slip, CreditOrder(cheques=credited))
    days_later(desk, 4)
    confirm_deposit(desk, BACK_OFFICE, slip, CreditOrder(amount="5"))
    return desk


def states(desk: Desk) -> list[object]:
    return [row["state"] for row in rows(desk, "v_cheque")]


def say(desk: Desk, **told: object) -> dict[str, Any]:
    return Script(desk, BACK_OFFICE).run_line(json.dumps({"ref": "k1", "act": "clear_cheque", **told}))


def test_all_that_are_old_enough_clear_and_the_others_wait(desk: Desk) -> None:
    assert [one.cheque.serial for one in cheques_to_clear(desk, BACK_OFFICE)] == list(SERIALS)
    assert code_of(lambda: clear_cheques(desk, BACK_OFFICE, ClearOrder())) == "no_cheques_to_clear"
    days_later(desk, 1)

    done = clear_cheques(desk, BACK_OFFICE, ClearOrder())

    assert [one.serial for one in done.cheques] == ["000123", "000124"]
    assert done.amount.plain() == "22.000"
    assert states(desk) == ["cleared", "cleared", "credited"]
    assert [one.cheque.serial for one in cheques_to_clear(desk, BACK_OFFICE)] == ["000125"]
    assert findings(desk) == []


def test_one_is_left_out_and_another_cleared_before_its_time(desk: Desk) -> None:
    days_later(desk, 1)
    clear_cheques(desk, BACK_OFFICE, ClearOrder(left_out=[RECEIPTS[1]]))
    assert states(desk) == ["cleared", "credited", "credited"]

    clear_cheques(desk, BACK_OFFICE, ClearOrder(cheques=[RECEIPTS[2]]))

    assert states(desk) == ["cleared", "credited", "cleared"]
    assert findings(desk) == []


def test_money_of_a_cheque_moves_once_it_cleared_and_goes_back_after_the_hold_days(desk: Desk) -> None:
    """Rule 32: not before clearing, and the hold days."""
    opened(desk)
    order = RefundOrder(receipt=RECEIPTS[0], reason="billed_twice", amount="4")
    assert code_of(lambda: refund(desk, CASHIER, order)) == "nothing_refundable"
    move = MoveOrder(receipt=RECEIPTS[1], account="BA-3", reason="wrong_account", amount="1")
    assert code_of(lambda: transfer(desk, CASHIER, move)) == "nothing_to_move"
    clear_cheques(desk, BACK_OFFICE, ClearOrder(cheques=[RECEIPTS[0], RECEIPTS[1]]))

    transfer(desk, CASHIER, move)
    assert code_of(lambda: refund(desk, CASHIER, order)) == "nothing_refundable"
    days_later(desk, 7.1)
    assert what_may_go_back(desk, CASHIER, RECEIPTS[0])[1].plain() == "10.000"
    done = refund(desk, CASHIER, order)

    assert (done.amount.plain(), done.cash.minor) == ("4.000", 0)
    assert findings(desk) == []


def test_a_cheque_that_cleared_is_not_handed_back(desk: Desk) -> None:
    """Rule 31."""
    clear_cheques(desk, BACK_OFFICE, ClearOrder(cheques=[RECEIPTS[0]]))
    undo = CorrectionOrder(receipt=RECEIPTS[0], reason="wrong_account")
    assert code_of(lambda: reverse(desk, CASHIER, undo)) == "cheque_on_its_way"


def test_who_may_not_is_told_and_a_dealer_sees_none(desk: Desk) -> None:
    with pytest.raises(NotAuthorised):
        clear_cheques(desk, CASHIER, ClearOrder())
    assert cheques_to_clear(desk, DEALER) == []


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (ClearOrder(cheques=["S014-T1-A-000099"]), "unknown_cheque"),
        (ClearOrder(cheques=[RECEIPTS[0], RECEIPTS[0]]), "cheque_named_twice"),
        (ClearOrder(cheques=[]), "no_cheques_to_clear"),
        (ClearOrder(older_than_days=-1), "bad_days"),
        (ClearOrder(older_than_days=0, left_out=["S014-T1-A-000099"]), "unknown_cheque"),
        (ClearOrder(older_than_days=30), "no_cheques_to_clear"),
    ],
)
def test_what_did_not_clear_is_refused_and_leaves_an_audit_row(
    desk: Desk, order: ClearOrder, code: str
) -> None:
    assert refused(desk, lambda: clear_cheques(desk, BACK_OFFICE, order)).code == code


def test_a_cheque_that_the_bank_has_not_credited_does_not_clear() -> None:
    desk = make_till()
    opened(desk)
    receipt = pay(desk, cheque("10")).receipt.receipt_number
    with pytest.raises(Refused, match="the bank has to credit it first"):
        clear_cheques(desk, BACK_OFFICE, ClearOrder(cheques=[receipt]))
    assert states(desk) == ["received"]


def test_a_script_clears_once(desk: Desk) -> None:
    days_later(desk, 1)
    done = say(desk, **{"except": [RECEIPTS[1]]})
    assert ([one["serial"] for one in done["cleared"]], done["amount"]) == (["000123"], "10.000")
    assert say(desk, **{"except": [RECEIPTS[1]]})["replayed"]
    assert states(desk) == ["cleared", "credited", "credited"]
    told = [str(row["correlator_id"]) for row in rows(desk, "v_outbox") if row["kind"] == "outcome"]
    assert [one.rpartition("-")[2] for one in told] == ["cleared"]
