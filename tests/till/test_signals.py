"""Signals: for each a day that shows it and an honest one beside it that does not; and who is shown what."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import time, timedelta

import pytest

from pos.domain.approval import ApprovalNeeded
from pos.domain.cash_move import MoveKind
from pos.domain.correction import CorrectionPolicy
from pos.domain.errors import DomainError, NotAuthorised, Refused
from pos.domain.ids import new_id
from pos.domain.payment_event import Overpayment
from pos.domain.role import Person, Role
from pos.domain.signals import SHOWN_FROM, WHAT, Signal, SignalCode, SignalPolicy
from pos.domain.unfinished import Unfinished
from pos.till.approvals import approve, decline
from pos.till.cash_bags import bag_cash
from pos.till.cash_moves import CashMoveOrder, move_cash
from pos.till.corrections import void
from pos.till.deposit_credits import CreditOrder, confirm_deposit
from pos.till.deposits import deposit_cheques, lodge_deposit
from pos.till.desk import Desk, note_refusals
from pos.till.papers import reprint
from pos.till.refunds import RefundOrder, refund
from pos.till.safe import count_safe
from pos.till.shop_clock import confirm_clock
from pos.till.sign_in import end_session, lock, sign_in, sign_out, unlock
from pos.till.signals import SignalReport, signals_of
from pos.till.swaps import SwapOrder, swap_tender
from pos.till.transfers import MoveOrder, transfer
from pos.till.unfinished import abandon
from tests.builders.tills import (
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    NOW,
    OTHER_CASHIER,
    PINS,
    SUPERVISOR,
    TODAY,
    acknowledge_all,
    card,
    cash,
    cheque,
    clock_of,
    closed,
    count,
    findings,
    leave_commission_for_settlement,
    make_till,
    money,
    opened,
    pay,
    rows,
    sale,
    stock,
)
from tests.builders.undoing import order

Day = Callable[[Desk], object]


@pytest.fixture
def desk() -> Desk:
    """Five can be corrected by one person alone."""
    desk = make_till()
    caps = dict.fromkeys(["void", "reverse", "refund", "transfer", "swap_tender"], 5_000)
    desk.policy = replace(desk.policy, corrections=CorrectionPolicy(alone_minor=caps))
    opened(desk, "50")
    return desk


def report(desk: Desk, person: Person = AUDITOR) -> SignalReport:
    return signals_of(desk, person)


def signals(desk: Desk, code: SignalCode, person: Person = AUDITOR) -> list[Signal]:
    return [signal for signal in report(desk, person).signals if signal.code is code]


# --- parts of a day ----------------------------------------------------------------------------------------------


def later(desk: Desk, **by: float) -> None:
    clock_of(desk).advance(**(by or {"minutes": 1}))


def paid(desk: Desk, amount: str = "1", account: str = "BA-1", person: Person = CASHIER) -> str:
    """A payment in cash; its receipt."""
    later(desk)
    taken = pay(desk, cash(amount), account=account, person=person, overpayment=Overpayment.CREDIT)
    return taken.receipt.receipt_number


def by_cheque(desk: Desk, serial: str) -> None:
    later(desk)
    pay(desk, cheque("1", serial), overpayment=Overpayment.CREDIT)


def voided(desk: Desk, receipt: str, person: Person = CASHIER, *, after: float = 20) -> str:
    """The payment is undone by one person; the receipt of the void."""
    later(desk, minutes=after)
    return void(desk, person, order(receipt)).receipt_number


def paid_back(desk: Desk, receipt: str, amount: str, person: Person = CASHIER) -> None:
    later(desk, minutes=20)
    refund(desk, person, RefundOrder(receipt=receipt, amount=amount, reason="billed_twice"))


def in_parts(desk: Desk, receipt: str, *amounts: str) -> None:
    for amount in amounts:
        paid_back(desk, receipt, amount)


def moved(desk: Desk, receipt: str, account: str) -> None:
    later(desk)
    transfer(desk, CASHIER, MoveOrder(receipt=receipt, account=account, reason="wrong_account"))


def asked(desk: Desk, receipt: str, amount: str = "20") -> str:
    """A refund that wants a second person; the request."""
    with pytest.raises(ApprovalNeeded) as refusal:
        paid_back(desk, receipt, amount)
    return str(refusal.value.details["request"])


def safe_counted(desk: Desk, *counts: str) -> None:
    """The safe is counted by a supervisor; what differs has its reason."""
    for counted in counts:
        later(desk)
        count_safe(desk, SUPERVISOR, counted, "Cannot say")


def drawer_opened(desk: Desk) -> None:
    later(desk)
    move_cash(desk, CASHIER, CashMoveOrder(kind=MoveKind.NO_SALE, text="Change for the bus"))


def paid_out(desk: Desk, *amounts: str) -> None:
    """A cashier who may pay out 5 alone."""
    desk.policy = replace(desk.policy, cash_moves=replace(desk.policy.cash_moves, paid_alone_minor=5_000))
    for amount in amounts:
        later(desk)
        move_cash(desk, CASHIER, CashMoveOrder(kind=MoveKind.PAID_OUT, amount=amount, reason="postage"))


def approved(desk: Desk, *, by: Person = SUPERVISOR, after_s: float = 20) -> None:
    """A refund that a second person agrees to."""
    receipt = paid(desk, "20")
    request = asked(desk, receipt)
    later(desk, seconds=after_s)
    approve(desk, by, request)
    refund(desk, CASHIER, RefundOrder(receipt=receipt, amount="20", reason="billed_twice"))


def left(desk: Desk, what: str = "pay", subject: str = "BA-1") -> None:
    later(desk)
    abandon(desk, CASHIER, Unfinished(what=what, subject=subject, shown=money("1"), ways=("cash 60.000",)))


def shift_over(desk: Desk, counted: str, person: Person = CASHIER) -> None:
    """The open shift is counted and closed, and the next one opened, with a float of 50."""
    later(desk)
    count(desk, counted, person=person)
    closed(desk, "as counted", person=person)
    opened(desk, "50", person)


def bag_counted(desk: Desk, counted: str) -> None:
    """A bag of 20 goes to the bank, which counts so much in it."""
    pay(desk, cash("20"), account="BA-3", overpayment=Overpayment.CREDIT)
    count(desk, "70")
    closed(desk)
    bag_cash(desk, SUPERVISOR, "B-77", "20")
    slip = deposit_cheques(desk, BACK_OFFICE).slip.number
    lodge_deposit(desk, BACK_OFFICE, slip, "NBK 9")
    told = CreditOrder(cheques=[("B-77", counted)], reason="as the bank counted")
    confirm_deposit(desk, BACK_OFFICE, slip, told)


def refused(desk: Desk, deed: Callable[[], object], times: int) -> None:
    for _ in range(times):
        later(desk)
        with pytest.raises(DomainError):
            deed()


def times(number: int, deed: Day) -> Day:
    def day(desk: Desk) -> None:
        for _ in range(number):
            deed(desk)

    return day


def changing_places(desk: Desk, undone_by_other: int) -> None:
    """Both cashiers take twenty payments; the first undoes three, the other so many."""
    for person, undone in ((CASHIER, 3), (OTHER_CASHIER, undone_by_other)):
        receipts = [paid(desk, person=person) for _ in range(20)]
        for receipt in receipts[:undone]:
            voided(desk, receipt, person)
        if person is CASHIER:
            count(desk, "67")
            closed(desk)
            opened(desk, "50", OTHER_CASHIER)


def out_of_hours(desk: Desk, hour: int) -> None:
    desk.policy = replace(desk.policy, signals=SignalPolicy(hours=(time(8), time(22))))
    clock_of(desk).set(NOW.replace(hour=hour))
    paid(desk)


def clock_set_back(desk: Desk, by: timedelta) -> None:
    paid(desk)
    clock_of(desk).set(desk.clock.now() - by)
    pay(desk, cash("1"))


def of_a_dealer(desk: Desk) -> str:
    later(desk)
    taken = pay(desk, cash("5"), account="D-1", lines=[sale("SERVICE")])
    return taken.receipt.receipt_number


def while_central_is(desk: Desk, *, silent: bool) -> None:
    """Ten payments that central hears of at once, then two that are undone."""
    receipts = [paid(desk, account="BA-3") for _ in range(12)]
    acknowledge_all(desk)
    for receipt in receipts[:2]:
        voided(desk, receipt)
        if not silent:
            acknowledge_all(desk)
    later(desk, minutes=30)
    acknowledge_all(desk)


def sold_by_dealers(desk: Desk, *, commission: bool) -> None:
    stock(desk)
    if commission:
        leave_commission_for_settlement(desk)
    for receipt in [of_a_dealer(desk), of_a_dealer(desk)]:
        voided(desk, receipt)


def swapped(desk: Desk, *, by_cheque: bool = False) -> None:
    """Cash that was really something else."""
    receipt = paid(desk)
    serial = f"{len(rows(desk, 'tender')):06}"
    really = cheque("1", serial) if by_cheque else card("1", f"000000{serial}")
    event_id = new_id(desk.clock, desk.randomness)
    swap_tender(desk, SUPERVISOR, SwapOrder(receipt=receipt, payment_event_id=event_id, tenders=[really]))


def wrong_pins(desk: Desk, number: int) -> None:
    for _ in range(number):
        later(desk, minutes=31)
        with suppress(NotAuthorised):
            sign_in(desk, "1001", "000000")


def away(desk: Desk, back: bool, goes: Callable[[Desk, Person], None] = lock) -> None:
    sign_in(desk, "1001", PINS["1001"])
    goes(desk, CASHIER)
    if back:
        unlock(desk, CASHIER, PINS["1001"])
    desk.sessions.clear()
    paid(desk)


def one_by_one(*deeds: Day) -> Day:
    """One deed after another."""

    def day(desk: Desk) -> None:
        for deed in deeds:
            deed(desk)

    return day


def asked_then_paid_back(desk: Desk, *, of_another: bool) -> None:
    receipt = paid(desk, "20")
    asked(desk, receipt)
    paid_back(desk, paid(desk, "20") if of_another else receipt, "4")


def printed_then_voided(desk: Desk, *, of_another: bool) -> None:
    receipt = paid(desk)
    reprint(desk, CASHIER, receipt)
    voided(desk, paid(desk) if of_another else receipt)


def cash_out(desk: Desk) -> None:
    voided(desk, paid(desk))


def back_again(desk: Desk, *receipts: str) -> None:
    for receipt in receipts:
        voided(desk, receipt)


def left_then_voided(desk: Desk) -> None:
    receipt = paid(desk)
    left(desk, "void", receipt)
    voided(desk, receipt)


DAYS: dict[SignalCode, tuple[Day, Day]] = {
    SignalCode.ABOVE_PEERS: (lambda d: changing_places(d, 0), lambda d: changing_places(d, 3)),
    SignalCode.SOON_AFTER: (
        times(3, lambda d: voided(d, paid(d), after=4)),
        times(3, lambda d: voided(d, paid(d), after=6)),
    ),
    SignalCode.UNDER_CAP: (
        times(3, lambda d: voided(d, paid(d, "4.900"))),
        times(3, lambda d: voided(d, paid(d, "4"))),
    ),
    SignalCode.SPLIT: (
        lambda d: in_parts(d, paid(d, "20"), "4", "4"),
        lambda d: in_parts(d, paid(d, "20"), "2", "2"),
    ),
    SignalCode.ASKED_THEN_SMALLER: (
        lambda d: asked_then_paid_back(d, of_another=False),
        lambda d: asked_then_paid_back(d, of_another=True),
    ),
    SignalCode.ONE_ACCOUNT: (
        times(3, lambda d: voided(d, paid(d))),
        lambda d: back_again(d, *(paid(d, account=account) for account in ("BA-1", "BA-4", "BA-5"))),
    ),
    SignalCode.MOVED_TO_ONE: (
        one_by_one(
            lambda d: moved(d, paid(d, account="BA-1"), "BA-3"),
            lambda d: moved(d, paid(d, account="BA-4"), "BA-3"),
            lambda d: moved(d, paid(d, account="BA-5"), "BA-3"),
        ),
        times(3, lambda d: moved(d, paid(d), "BA-3")),
    ),
    SignalCode.REPRINTED: (
        lambda d: printed_then_voided(d, of_another=False),
        lambda d: printed_then_voided(d, of_another=True),
    ),
    SignalCode.CASH_THEN_CHEQUE: (
        one_by_one(cash_out, lambda d: by_cheque(d, "1"), cash_out, lambda d: by_cheque(d, "2")),
        one_by_one(lambda d: by_cheque(d, "1"), lambda d: by_cheque(d, "2"), cash_out, cash_out),
    ),
    SignalCode.COMMISSION: (
        lambda d: sold_by_dealers(d, commission=True),
        lambda d: sold_by_dealers(d, commission=False),
    ),
    SignalCode.OFFLINE: (
        lambda d: while_central_is(d, silent=True),
        lambda d: while_central_is(d, silent=False),
    ),
    SignalCode.SWAPPED: (times(5, swapped), times(4, swapped)),
    SignalCode.LEFT: (times(5, left), times(5, one_by_one(left, paid))),
    SignalCode.CORRECTION_LEFT: (
        times(5, lambda d: left(d, "void", paid(d))),
        times(5, left_then_voided),
    ),
    SignalCode.REFUSED: (
        lambda d: refused(d, lambda: pay(d, cash("1"), person=OTHER_CASHIER), 3),
        lambda d: refused(d, lambda: pay(d, cash("1"), person=OTHER_CASHIER), 2),
    ),
    SignalCode.WRONG_PIN: (lambda d: wrong_pins(d, 10), lambda d: wrong_pins(d, 4)),
    SignalCode.NOT_APPROVED: (
        one_by_one(times(3, lambda d: asked(d, paid(d, "20"))), lambda d: later(d, days=2)),
        times(3, lambda d: asked(d, paid(d, "20"))),
    ),
    SignalCode.ONE_APPROVER: (
        times(5, approved),
        one_by_one(times(5, approved), times(5, lambda d: approved(d, by=BACK_OFFICE))),
    ),
    SignalCode.AT_ONCE: (times(3, lambda d: approved(d, after_s=3)), times(3, approved)),
    SignalCode.AWAY: (lambda d: away(d, back=False), lambda d: away(d, back=True)),
    SignalCode.OUT_OF_HOURS: (lambda d: out_of_hours(d, 22), lambda d: out_of_hours(d, 21)),
    SignalCode.CLOCK: (
        lambda d: clock_set_back(d, timedelta(minutes=30)),
        lambda d: clock_set_back(d, timedelta(seconds=50)),
    ),
    SignalCode.MANY_PAYMENTS: (
        times(6, paid),
        one_by_one(times(5, paid), times(5, lambda d: paid(d, account="BA-3"))),
    ),
    SignalCode.OVER_SHORT: (
        times(5, lambda d: shift_over(d, "50.005")),
        times(4, lambda d: shift_over(d, "50.005")),
    ),
    SignalCode.ONE_WAY: (
        times(3, lambda d: shift_over(d, "49.755")),
        one_by_one(
            times(2, lambda d: shift_over(d, "49.755")),
            lambda d: shift_over(d, "50.005"),
            lambda d: shift_over(d, "50"),
        ),
    ),
    SignalCode.ROUND: (times(2, lambda d: shift_over(d, "49")), times(2, lambda d: shift_over(d, "49.005"))),
    SignalCode.BAGS: (lambda d: bag_counted(d, "19"), lambda d: bag_counted(d, "20")),
    SignalCode.SAFE: (
        lambda d: safe_counted(d, "500", "499", "498.500", "498.500"),
        lambda d: safe_counted(d, "500", "499", "499", "499"),
    ),
    SignalCode.NO_SALES: (times(5, drawer_opened), times(4, drawer_opened)),
    SignalCode.PAID_OUT: (
        lambda d: paid_out(d, "4.500", "5", "4.995"),
        lambda d: paid_out(d, "4.495", "5", "4.995", "1"),
    ),
}


def test_every_signal_has_its_words_a_threshold_and_two_days() -> None:
    assert set(SignalCode) == WHAT.keys() == SHOWN_FROM.keys() == DAYS.keys()
    assert all(least > 0 for least in SHOWN_FROM.values())


@pytest.mark.sweep(1)
@pytest.mark.parametrize("code", SignalCode)
def test_a_day_like_this_shows_the_signal(desk: Desk, code: SignalCode) -> None:
    DAYS[code][0](desk)

    found = signals(desk, code)

    assert found, [str(signal.code) for signal in report(desk).signals]
    for signal in found:
        assert signal.count >= SHOWN_FROM[code]
        assert signal.rows
        assert list(signal.rows) == sorted(signal.rows, key=lambda row: row.at)
    assert findings(desk) == []


@pytest.mark.sweep(1)
@pytest.mark.parametrize("code", SignalCode)
def test_an_honest_day_beside_it_does_not(desk: Desk, code: SignalCode) -> None:
    DAYS[code][1](desk)

    assert signals(desk, code) == []


@pytest.mark.parametrize("code", SignalCode)
def test_a_signal_that_is_switched_off_is_never_shown(desk: Desk, code: SignalCode) -> None:
    DAYS[code][0](desk)
    desk.policy = replace(
        desk.policy, signals=replace(desk.policy.signals, shown_from={**SHOWN_FROM, code: 0})
    )

    assert signals(desk, code) == []


def test_a_whole_honest_day_shows_nothing(desk: Desk) -> None:
    """People come and go, one payment was keyed wrong and undone by two, and the drawer is right."""
    sign_in(desk, "1001", PINS["1001"])
    for account in ("BA-1", "BA-3", "BA-4", "BA-5") * 3:
        paid(desk, account=account)
        later(desk, minutes=7)
    receipt = paid(desk, "20")
    request = asked(desk, receipt)
    later(desk, seconds=40)
    approve(desk, SUPERVISOR, request)
    refund(desk, CASHIER, RefundOrder(receipt=receipt, amount="20", reason="billed_twice"))
    lock(desk, CASHIER)
    later(desk, minutes=20)
    unlock(desk, CASHIER, PINS["1001"])
    left(desk)
    paid(desk)
    shift_over(desk, "63")
    sign_out(desk, CASHIER)

    assert report(desk).signals == ()


def test_a_till_without_a_payment_shows_nothing() -> None:
    assert report(make_till()).signals == ()


def test_what_a_signal_shows_leads_to_the_rows(desk: Desk) -> None:
    receipt = paid(desk, "3")
    reprint(desk, CASHIER, receipt)
    slip = voided(desk, receipt)

    (found,) = signals(desk, SignalCode.REPRINTED)

    (row,) = found.rows
    assert (found.people, row.what, row.user, row.account, row.amount) == (
        ("1001",),
        slip,
        "1001",
        "BA-1",
        money("3"),
    )
    assert row.note.startswith(f"void of {receipt}, taken 2026-11-21 10:16")


def test_just_under_the_cap_is_under_the_cap_of_the_persons_role(desk: Desk) -> None:
    caps = CorrectionPolicy(role_alone_minor={Role.CASHIER: {"void": 2_000}}, alone_minor={"void": 5_000})
    desk.policy = replace(desk.policy, corrections=caps)
    times(3, lambda d: voided(d, paid(d, "1.900")))(desk)

    (found,) = signals(desk, SignalCode.UNDER_CAP)

    assert (found.people, found.count) == (("1001",), 3)


def test_cash_that_becomes_a_cheque_in_one_deed_is_the_same_pattern(desk: Desk) -> None:
    """Whether the payment is voided and taken anew or keyed anew, cash leaves the drawer and a cheque lies in it."""
    for _ in range(2):
        swapped(desk, by_cheque=True)

    (found,) = signals(desk, SignalCode.CASH_THEN_CHEQUE)

    assert found.count == 2
    times(3, swapped)(desk)
    (changed,) = signals(desk, SignalCode.SWAPPED)
    assert (changed.people, changed.count) == (("2002",), 5)
    assert signals(desk, SignalCode.SOON_AFTER) == signals(desk, SignalCode.ONE_ACCOUNT) == []


def test_a_deed_in_the_name_of_somebody_who_left_is_told_by_its_receipt(desk: Desk) -> None:
    for goes in (lock, sign_out):
        away(desk, back=False, goes=goes)
    sign_in(desk, "1001", PINS["1001"])
    end_session(desk, CASHIER, why="their time was over")
    desk.sessions.clear()
    receipt = paid(desk, "2")

    (found,) = signals(desk, SignalCode.AWAY)

    assert found.count == 3
    assert (found.rows[-1].note, found.rows[-1].amount) == (receipt, money("2"))


def test_what_a_second_person_declined_and_was_done_in_parts_alone_shows_both(desk: Desk) -> None:
    receipt = paid(desk, "20")
    decline(desk, SUPERVISOR, asked(desk, receipt), "The customer knows nothing of it")
    for _ in range(3):
        paid_back(desk, receipt, "4.950")

    codes = {signal.code for signal in report(desk).signals}

    assert {SignalCode.SPLIT, SignalCode.ASKED_THEN_SMALLER, SignalCode.UNDER_CAP} <= codes


def test_a_payment_that_was_left_and_then_taken_for_less_is_counted(desk: Desk) -> None:
    """The payer was shown one amount, and another is in the books."""
    for _ in range(5):
        later(desk)
        abandon(desk, CASHIER, Unfinished(what="pay", subject="BA-1", shown=money("2"), ways=("cash 2.000",)))
        paid(desk, "1")

    (found,) = signals(desk, SignalCode.LEFT)

    assert found.count == 5
    assert {row.note for row in found.rows} == {"cash 2.000"}


def test_a_clock_that_a_supervisor_confirmed_goes_on_from_there(desk: Desk) -> None:
    paid(desk)
    clock_of(desk).set(desk.clock.now() - timedelta(hours=3))
    confirm_clock(desk, SUPERVISOR)
    paid(desk)

    assert signals(desk, SignalCode.CLOCK) == []


# --- for whom ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", [SUPERVISOR, BACK_OFFICE, AUDITOR])
def test_who_answers_for_the_shop_reads_it(desk: Desk, person: Person) -> None:
    voided(desk, paid(desk), after=1)
    reprint(desk, CASHIER, receipt := paid(desk))
    voided(desk, receipt)

    assert [signal.code for signal in report(desk, person).signals] == [SignalCode.REPRINTED]
    assert findings(desk) == []


def test_a_cashier_reads_nothing_of_it_and_the_try_is_audited(desk: Desk) -> None:
    with pytest.raises(NotAuthorised):
        report(desk, CASHIER)
    note_refusals(desk)

    last = rows(desk, "v_audit")[-1]
    assert (last["operator"], last["act"], last["result"]) == ("1001", "report_signals", "denied")


def test_nobody_is_shown_what_is_about_themselves(desk: Desk) -> None:
    """Neither as who did it nor as who approved it."""
    times(5, lambda d: approved(d, after_s=3))(desk)

    pairs = {SignalCode.ONE_APPROVER, SignalCode.AT_ONCE}
    assert pairs <= {signal.code for signal in report(desk, AUDITOR).signals}
    assert pairs <= {signal.code for signal in report(desk, BACK_OFFICE).signals}
    assert not [signal for signal in report(desk, SUPERVISOR).signals if "2002" in signal.people]
    assert pairs.isdisjoint(signal.code for signal in report(desk, SUPERVISOR).signals)


# --- which days ----------------------------------------------------------------------------------------------------


def test_only_the_days_asked_for_are_looked_at(desk: Desk) -> None:
    times(6, paid)(desk)
    clock_of(desk).advance(days=1)
    tomorrow = TODAY + timedelta(days=1)

    def many(**days: object) -> int:
        found = signals_of(desk, AUDITOR, **days)  # type: ignore[arg-type]
        return sum(signal.code is SignalCode.MANY_PAYMENTS for signal in found.signals)

    assert many() == many(first=TODAY) == many(first=TODAY, last=TODAY) == many(last=TODAY) == 1
    assert many(first=tomorrow) == many(last=TODAY - timedelta(days=1)) == 0
    clock_of(desk).advance(days=40)
    assert many() == 0


def test_a_day_begins_when_the_shop_says(desk: Desk) -> None:
    desk.policy = replace(desk.policy, day_starts=time(11))
    times(6, paid)(desk)

    found = report(desk)

    assert found.last == TODAY - timedelta(days=1)
    assert SignalCode.MANY_PAYMENTS in {signal.code for signal in found.signals}


def test_a_period_that_ends_before_it_begins_is_refused(desk: Desk) -> None:
    with pytest.raises(Refused) as refusal:
        signals_of(desk, AUDITOR, first=TODAY, last=TODAY - timedelta(days=1))

    assert refusal.value.code == "bad_period"
