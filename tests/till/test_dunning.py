"""A payment that clears what is overdue: service comes back only for final money (domain.md rules 16 and 17)."""

from dataclasses import replace

import pytest

from pos.store.dunning import DunningBefore, dunning_before
from pos.till.corrections import void
from pos.till.desk import Desk
from pos.till.payment_order import TenderOrder
from pos.till.take_payment import PaymentTaken, take_payment
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    SUPERVISOR,
    account,
    atm,
    card,
    cash,
    cheque,
    clock_of,
    direct_debit,
    findings,
    make_till,
    opened,
    order,
    pay,
    reserved_order,
    rows,
    tell,
    voucher,
    wish,
)
from tests.builders.undoing import approved
from tests.builders.undoing import order as to_undo

RESTORED = "Account BA-1: service is restored"


def make_suspended(*, stage: int = 3, status: str = "suspended", of_class: str = "") -> Desk:
    """BA-1 owes 41.750 that is overdue (7781) and 12.500 that isn't (7782)."""
    desk = make_till()
    opened(desk, person=SUPERVISOR)
    told = replace(account("BA-1", "Zoë O'Brien"), status=status, dunning_stage=stage, dealer_class=of_class)
    tell(desk, accounts=[told])
    return desk


def paid(desk: Desk, *tenders: TenderOrder, bill: str = "7781", amount: str | None = None) -> PaymentTaken:
    asked = order(desk, *tenders, allocate=[wish(bill, amount)])
    return take_payment(desk, SUPERVISOR, reserved_order(desk, asked, SUPERVISOR))


def clears(desk: Desk) -> list[tuple[object, object]]:
    return [(row["clearing_legs"], row["final_now"]) for row in rows(desk, "payment_dunning")]


@pytest.mark.parametrize(
    ("tender", "when", "now"),
    [
        (cash("41.750"), "now", 1),
        (card("41.750"), "now", 1),
        (voucher("41.750"), "now", 1),
        (cheque("41.750"), "when the cheque is cleared", 0),
        (atm("41.750"), "when the bank confirms it", 0),
        (direct_debit("41.750"), "when the bank confirms it", 0),
    ],
)
def test_service_is_restored_only_by_final_money(tender: TenderOrder, when: str, now: int) -> None:
    """Rule 16: reconnection only when final: cash and card at once, cheque on clearing, voucher online."""
    desk = make_suspended()

    taken = paid(desk, tender)

    assert taken.receipt.notes == (f"{RESTORED} {when}.",)
    assert clears(desk) == [(f"{taken.payment_event_id}-1", now)]
    assert findings(desk) == []


def test_a_part_of_what_is_overdue_restores_nothing() -> None:
    """Rule 16, the good neighbour."""
    desk = make_suspended()

    taken = paid(desk, cash("41.745"), amount="41.745")

    assert taken.receipt.notes == ()
    assert clears(desk) == [("", None)]


def test_what_is_not_overdue_restores_nothing() -> None:
    """Rule 16: the bill of this month may stay open, and paying it alone clears nothing."""
    desk = make_suspended()

    assert paid(desk, cash("12.500"), bill="7782").receipt.notes == ()
    assert paid(desk, cash("41.750")).receipt.notes == (f"{RESTORED} now.",)


def test_cash_and_a_cheque_together_wait_for_the_cheque() -> None:
    """Rule 16."""
    desk = make_suspended()

    taken = paid(desk, cash("20"), cheque("21.750"))

    event = taken.payment_event_id
    assert taken.receipt.notes == (f"{RESTORED} when the cheque is cleared.",)
    assert clears(desk) == [(f"{event}-1 {event}-2", 0)]


def test_a_cheque_before_and_the_last_coin_in_cash_wait_for_the_cheque() -> None:
    """Rule 16: else a bad cheque and a coin bring the service back at once."""
    desk = make_suspended()
    first = paid(desk, cheque("41.500"), amount="41.500")

    last = paid(desk, cash("0.250"))

    assert last.receipt.notes == (f"{RESTORED} when the cheque is cleared.",)
    assert (f"{last.payment_event_id}-1 {first.payment_event_id}-1", 0) in clears(desk)


@pytest.mark.parametrize(("of_class", "when"), [("gold", "now"), ("silver", "when the cheque is cleared")])
def test_the_cheque_of_a_trusted_class_restores_at_once(of_class: str, when: str) -> None:
    """Rule 16: cheque on clearing or trusted class."""
    desk = make_suspended(of_class=of_class)
    desk.policy = replace(desk.policy, trusted_classes=frozenset({"gold"}))

    assert paid(desk, cheque("41.750")).receipt.notes == (f"{RESTORED} {when}.",)


def test_an_account_in_collection_whose_service_runs_is_told_so() -> None:
    """Rule 16: nothing is to be reconnected."""
    desk = make_suspended(status="active", stage=2)

    note = "Account BA-1: nothing is overdue any more; collection ends now."
    assert paid(desk, cash("41.750")).receipt.notes == (note,)


@pytest.mark.parametrize(("status", "stage"), [("active", 0), ("closed", 4)])
def test_an_account_in_order_and_a_closed_one_have_nothing_to_restore(status: str, stage: int) -> None:
    """Rule 16, the good neighbour."""
    desk = make_suspended(status=status, stage=stage)

    assert paid(desk, cash("41.750")).receipt.notes == ()
    assert clears(desk) == []


def test_somebody_else_who_pays_restores_it_too() -> None:
    """Rule 16: the account that is paid counts, not the payer's."""
    desk = make_suspended()
    asked = order(desk, cash("41.750"), account="BA-3", allocate=[wish("7781")])

    assert take_payment(desk, SUPERVISOR, asked).receipt.notes == (f"{RESTORED} now.",)


def test_the_stage_that_an_account_had_is_kept_with_the_payment() -> None:
    """Rule 17: a bounce puts dunning back to the stage it had, not to the start."""
    desk = make_suspended(stage=3)
    first = paid(desk, cheque("10"), amount="10")
    tell(desk, accounts=[replace(account("BA-1"), status="active", dunning_stage=1)])
    clock_of(desk).advance(days=1)
    second = paid(desk, cheque("5", "000777"), amount="5")

    with desk.till.read() as connection:
        before = [dunning_before(connection, taken.payment_event_id) for taken in (first, second)]
    assert before == [
        [DunningBefore(account="BA-1", status="suspended", stage=3)],
        [DunningBefore(account="BA-1", status="active", stage=1)],
    ]


def test_a_payment_on_an_account_in_order_remembers_nothing() -> None:
    """Rule 17, the good neighbour."""
    desk = make_till()
    opened(desk)

    taken = pay(desk, cash("5"), person=CASHIER)

    with desk.till.read() as connection:
        assert dunning_before(connection, taken.payment_event_id) == []


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("suspended", ("Account BA-1: what is open again may keep service suspended.",)),
        ("active", ("Account BA-1: what is open again is collected from stage 3 on.",)),
    ],
)
def test_the_paper_of_a_void_says_that_collection_goes_on(status: str, said: tuple[str, ...]) -> None:
    """Rule 17: back to the stage it had."""
    desk = make_suspended(status=status)
    receipt = paid(desk, cash("41.750")).receipt.receipt_number
    done = approved(desk, lambda: void(desk, SUPERVISOR, to_undo(receipt)), BACK_OFFICE)
    assert done.paper.notes == said


def test_the_paper_of_a_void_says_nothing_of_an_account_in_order() -> None:
    desk = make_till()
    opened(desk)
    receipt = pay(desk, cash("10"), account="BA-1").receipt.receipt_number
    assert approved(desk, lambda: void(desk, CASHIER, to_undo(receipt))).paper.notes == ()
