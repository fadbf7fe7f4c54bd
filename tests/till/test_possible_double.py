"""The same payment again within minutes is asked about (domain.md rule 24)."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from pos.domain.errors import NeedsConfirmation, Refused
from pos.domain.payment_event import Overpayment
from pos.domain.payment_mode import PayerKind
from pos.till.desk import Desk
from pos.till.payment_order import TenderOrder
from pos.till.script import Script
from pos.till.take_payment import PaymentTaken, take_payment
from tests.builders.tills import (
    CASHIER,
    card,
    cash,
    clock_of,
    findings,
    in_suspense,
    make_till,
    opened,
    order,
    pay,
    rows,
    sale,
    stock,
)
from tests.till.books import refused


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    desk.policy = replace(desk.policy, double_within=timedelta(minutes=10))
    opened(desk)
    return desk


def paid(
    desk: Desk, *tenders: TenderOrder, account: str = "BA-1", confirmed: tuple[str, ...] = ()
) -> PaymentTaken:
    asked = order(desk, *tenders, account=account, overpayment=Overpayment.CREDIT, confirmed=confirmed)
    return take_payment(desk, CASHIER, asked)


def test_the_same_amount_in_the_same_way_within_minutes_is_asked_about(desk: Desk) -> None:
    """Rule 24: soft warning on same account + amount + mode within n minutes."""
    first = paid(desk, card("20"))
    clock_of(desk).advance(minutes=9)

    warning = refused(desk, lambda: paid(desk, card("20", rrn="000000000002")))

    assert isinstance(warning, NeedsConfirmation)
    assert warning.as_json()["confirm"] == "possible_double"
    assert first.receipt.receipt_number in warning.message
    assert "at 10:15" in warning.message
    again = paid(desk, card("20", rrn="000000000002"), confirmed=("possible_double",))
    assert again.receipt.receipt_number != first.receipt.receipt_number
    assert len(rows(desk, "payment_event")) == 2
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("tender", "account", "minutes"),
    [
        (cash("20.005"), "BA-1", 0),
        (card("20"), "BA-1", 0),
        (cash("20"), "BA-5", 0),
        (cash("20"), "BA-1", 11),
    ],
    ids=["another amount", "another way", "another account", "later"],
)
def test_what_differs_is_taken_without_a_word(
    desk: Desk, tender: TenderOrder, account: str, minutes: int
) -> None:
    """Rule 24, the good neighbours."""
    paid(desk, cash("20"))
    clock_of(desk).advance(minutes=minutes)

    paid(desk, tender, account=account)

    assert len(rows(desk, "payment_event")) == 2


def test_what_counts_is_what_was_kept_not_the_note(desk: Desk) -> None:
    """Rule 24: 50 given for 20 is 20."""
    pay(desk, cash("50"), lines=[], allocate=())

    with pytest.raises(Refused) as refusal:
        paid(desk, cash("50"))
    assert refusal.value.code == "possible_double"


def test_walk_in_buyers_may_buy_the_same_all_day(desk: Desk) -> None:
    """Rule 24: they share one account."""
    stock(desk)
    for _ in range(2):
        pay(desk, cash("1.250"), account=None, lines=[sale("CHARGER")])

    assert len(rows(desk, "payment_event")) == 2


def test_payers_whom_nobody_knows_may_bring_the_same(desk: Desk) -> None:
    for letter in ("first", "second"):
        pay(desk, cash("5"), account=None, payer=PayerKind.SUBSCRIBER, allocate=[in_suspense(letter)])

    assert len(rows(desk, "payment_event")) == 2


def test_a_shop_may_turn_the_question_off(desk: Desk) -> None:
    """Rule 24: n is a setting."""
    desk.policy = replace(desk.policy, double_within=timedelta(0))
    for rrn in ("1", "2"):
        paid(desk, card("20", rrn=rrn))

    assert len(rows(desk, "payment_event")) == 2


def test_a_double_enter_is_still_answered_with_the_first_receipt(desk: Desk) -> None:
    """Rules 23 and 24: the key comes first, the question is beside it."""
    asked = order(desk, cash("20"))
    first = take_payment(desk, CASHIER, asked)

    second = take_payment(desk, CASHIER, asked)

    assert (second.receipt, second.replayed) == (first.receipt, True)


def test_a_script_confirms_it_in_the_line(desk: Desk) -> None:
    """Rule 24: without a screen too."""

    def line(ref: str, **more: object) -> str:
        tenders = [{"mode": "cash", "amount": "20"}]
        payer = {"kind": "subscriber", "account": "BA-1"}
        return json.dumps({"ref": ref, "act": "pay", "payer": payer, "tenders": tenders, **more})

    script = Script(desk, CASHIER)
    first, warned = script.run_line(line("a")), script.run_line(line("b"))
    told = script.run_line(line("b", confirm=["possible_double"]))

    assert first["ok"] is True
    error = warned["error"]
    assert isinstance(error, dict)
    assert (error["code"], error["confirm"]) == ("possible_double", "possible_double")
    assert told["ok"] is True
