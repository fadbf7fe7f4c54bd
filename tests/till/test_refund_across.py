"""Paying back what another terminal took: held at central first, then booked as any other refund; else nothing goes out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pos.domain.approval import ApprovalNeeded
from pos.domain.cash_rounding import CashRounding
from pos.domain.errors import DomainError, Refused
from pos.domain.money import Money, currency
from pos.domain.refund_across import HoldOutcome, RefundAsked
from pos.domain.role import Person
from pos.machine import InlineRunner
from pos.store.outbox import queue
from pos.store.refunds_across import abandon_stale_holds, holds_to_release
from pos.store.signals import span, undone_in
from pos.till.approvals import approve
from pos.till.correction_entry import Corrected
from pos.till.desk import Desk
from pos.till.refund_across import abandon_all, find_elsewhere, give_up, is_whole_number, pay_back
from pos.till.refunds import confirm_refund, refunds_to_pay
from pos.till.script import Script
from pos.till.unsent import unsent
from tests.builders.across import (
    ALONE,
    DENIED,
    RECEIPT,
    UNANSWERED,
    AskedFirst,
    FakeRefunds,
    asked_back,
    elsewhere,
    paid_back,
)
from tests.builders.tills import (
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    DEALER,
    NOW,
    OTHER_CASHIER,
    SUPERVISOR,
    cash,
    clock_of,
    closed,
    count,
    findings,
    make_till,
    money,
    opened,
    pay,
    rows,
    stock,
)
from tests.builders.undoing import balances, code_of, credits, open_bills

TEN = elsewhere(cash="10")


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    stock(desk)
    opened(desk)
    desk.policy = replace(desk.policy, corrections=ALONE)
    return desk


def states(desk: Desk) -> list[str]:
    return [str(row["state"]) for row in rows(desk, "refund_hold")]


def audited(desk: Desk) -> list[tuple[object, ...]]:
    return [(row["act"], row["result"], row["reason_code"]) for row in rows(desk, "audit")]


def refused(desk: Desk, central: FakeRefunds | None, amount: str | None = None, **more: object) -> str:
    """The code of a refusal that leaves one audit row and nothing else booked."""
    before = len(rows(desk, "audit"))
    code = code_of(lambda: paid_back(desk, central, amount, **more))  # type: ignore[arg-type]
    assert len(rows(desk, "audit")) == before + (1 if code != "ok" else 2), code
    assert audited(desk)[-1][1:] == (
        "denied" if code == "not_allowed" else "refused",
        code,
    )
    assert rows(desk, "refund_across") == []
    return code


# --- booked ----------------------------------------------------------------------------------------------------------


def test_cash_of_another_terminal_goes_out_of_this_drawer_and_is_counted(desk: Desk) -> None:
    """Rule 32: paid back here by the way it came in; the drawer, the books and the list of refunds know it."""
    central = FakeRefunds(TEN)

    done = paid_back(desk, central, "4")

    assert (done.receipt_number, done.amount, done.cash) == ("S014-T1-A-RF-000001", money("4"), money("4"))
    correction = done.paper.correction
    assert correction is not None
    assert (correction.of_receipt, done.paper.payer_account) == (RECEIPT, "BA-1")
    assert balances(desk) == {
        ("cash_in_till", None): 16_000,
        ("safe", None): -20_000,
        ("customer_credit", "BA-1"): 4_000,
    }
    (told,) = rows(desk, "v_refund")
    assert (told["amount_minor"], told["cash_minor"], told["state"]) == (4_000, 4_000, "paid")
    assert (told["payment_event_id"], told["of_terminal"]) == ("E-9", "T9")
    assert [row["kind"] for row in rows(desk, "v_correction")] == ["refund"]
    assert states(desk) == ["used"]
    assert audited(desk)[-2:] == [("hold_refund", "ok", "billed_twice"), ("refund", "ok", "billed_twice")]
    count(desk, "16")
    closed(desk)
    assert rows(desk, "shift_close")[0]["over_short_minor"] == 0
    assert findings(desk) == []


def test_cash_of_another_terminal_above_the_cap_goes_back_by_the_bank(desk: Desk) -> None:
    """Rule 32: one cap for every payment, wherever it was taken."""
    policy = replace(desk.policy.corrections, cash_refund_minor=999)
    desk.policy = replace(desk.policy, corrections=policy)

    done = paid_back(desk, FakeRefunds(TEN), "4")

    assert (done.cash.minor, done.opens_drawer) == (0, False)
    assert [one.amount for one in refunds_to_pay(desk, BACK_OFFICE)] == [done.amount]
    assert findings(desk) == []


def test_a_card_of_another_terminal_is_owed_until_the_card_company_has_paid(desk: Desk) -> None:
    done = paid_back(desk, FakeRefunds(elsewhere(debit_card="5")))

    assert done.cash.minor == 0
    assert balances(desk)[("refunds_payable", "BA-1")] == -5_000
    (waits,) = refunds_to_pay(desk, BACK_OFFICE)
    assert (waits.paper, waits.amount, waits.account) == (done.receipt_number, money("5"), "BA-1")
    assert [row["state"] for row in rows(desk, "v_refund")] == ["approved"]

    confirm_refund(desk, BACK_OFFICE, done.receipt_number, "CARD-1")

    assert [row["state"] for row in rows(desk, "v_refund")] == ["confirmed"]
    assert ("refunds_payable", "BA-1") not in balances(desk)
    assert code_of(lambda: confirm_refund(desk, BACK_OFFICE, done.receipt_number, "X-1")) == "refund_paid"
    assert findings(desk) == []


def test_of_several_ways_to_pay_each_goes_back_its_own_way(desk: Desk) -> None:
    """Rules 12 and 32: cash only for what came in as cash; the last tender first."""
    central = FakeRefunds(elsewhere(debit_card="10", cash="5"))

    done = paid_back(desk, central, "7")

    assert [(payment, amount) for payment, amount in central.asked[0].legs] == [
        ("P-2", money("5")),
        ("P-1", money("2")),
    ]
    assert done.cash == money("5")
    assert balances(desk)[("refunds_payable", "BA-1")] == -2_000
    assert [row["leg"] for row in rows(desk, "v_outbox")] == [2, 1]
    assert findings(desk) == []


def test_a_way_to_pay_that_this_till_does_not_know_is_never_cash(desk: Desk) -> None:
    done = paid_back(desk, FakeRefunds(elsewhere(mobile_wallet="5")))

    assert done.cash.minor == 0
    assert done.paper.correction is not None
    assert [label for label, _, _ in done.paper.correction.given_back] == ["mobile wallet"]
    assert findings(desk) == []


def test_the_bill_that_it_paid_is_open_again_here_too(desk: Desk) -> None:
    before = open_bills(desk)

    done = paid_back(desk, FakeRefunds(elsewhere(cash="10", bill="7781")), "4")

    after = open_bills(desk)
    assert done.bills == ("7781",)
    assert {bill: after[bill] - before[bill] for bill in after if after[bill] != before[bill]} == {
        "7781": 4_000
    }
    assert findings(desk) == []


def test_credit_of_the_account_is_less_here_too(desk: Desk) -> None:
    before = credits(desk)["BA-1"]
    paid_back(desk, FakeRefunds(TEN), "4")
    assert credits(desk)["BA-1"] == before - 4_000


def test_a_dealers_money_leaves_the_dealers_account(desk: Desk) -> None:
    paid_back(desk, FakeRefunds(elsewhere(cash="10", payer="D-1", kind="dealer")), "4")
    assert balances(desk)[("dealer_account", "D-1")] == 4_000
    assert findings(desk) == []


def test_what_is_told_waits_with_all_else_and_is_shown(desk: Desk) -> None:
    pay(desk, cash("5"))
    paid_back(desk, FakeRefunds(TEN), "4")
    waiting = unsent(desk, SUPERVISOR)
    assert [(one.receipt_number, one.amount, one.outcome) for one in waiting][1:] == [
        ("S014-T1-A-RF-000001", money("4"), "refund")
    ]
    with desk.till.read() as connection:
        assert queue(connection).waiting == 2


def test_an_own_payment_that_central_has_not_got_is_paid_back_without_asking(desk: Desk) -> None:
    central = FakeRefunds(TEN, silent=True)
    receipt = pay(desk, cash("5")).receipt.receipt_number

    paid_back(desk, central, receipt=receipt)

    assert (central.looked, central.asked) == ([], [])
    assert len(rows(desk, "correction")) == 1


# --- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("central", [None, FakeRefunds(TEN, silent=True)], ids=["no central", "no answer"])
def test_without_central_nothing_of_another_terminal_is_paid_back(
    desk: Desk, central: FakeRefunds | None
) -> None:
    """Rule 32: the ceiling is central's to know; offline it is refused, and leaves its audit row alone."""
    with pytest.raises(Refused) as refusal:
        paid_back(desk, central)
    assert refusal.value.message == (
        f"Receipt {RECEIPT} was taken at another terminal: it can be refunded while central answers."
    )
    assert refused(desk, central) == "online_only"
    assert states(desk) == []


@pytest.mark.parametrize(
    "receipt",
    [
        "S014-T9-A-000008",
        "7781",
        "S014",
        "S014-T9-A-7",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "'; --",
    ],
)
def test_a_number_that_is_no_payments_is_unknown(desk: Desk, receipt: str) -> None:
    central = FakeRefunds(TEN)
    code = refused(desk, central, receipt=receipt)
    assert code == ("card_number_refused" if receipt.startswith("4111") else "unknown_receipt")
    assert central.looked == ([receipt] if is_whole_number(receipt) else [])
    assert not any("1111" in str(row["subject"]) for row in rows(desk, "audit"))


@pytest.mark.parametrize(
    ("amount", "code"),
    [("10.001", "more_than_refundable"), ("0", "bad_amount"), ("-1", "bad_amount"), ("1e3", "bad_amount")],
)
def test_never_more_than_central_says_is_left(desk: Desk, amount: str, code: str) -> None:
    """Rule 32."""
    central = FakeRefunds(TEN)
    found = refused(desk, central, amount)
    assert found == code or (code == "bad_amount" and "amount" in found)
    assert central.asked == []
    paid_back(desk, central, "10")


def test_where_nothing_is_left_it_is_said(desk: Desk) -> None:
    nothing = replace(TEN, legs=tuple(replace(leg, may_go_back=money("0")) for leg in TEN.legs))
    assert refused(desk, FakeRefunds(nothing)) == "nothing_refundable"


def test_what_central_denies_is_not_paid_back(desk: Desk) -> None:
    central = FakeRefunds(TEN, DENIED)
    with pytest.raises(Refused, match=r"Only 1\.000 KWD"):
        paid_back(desk, central)
    assert (states(desk), rows(desk, "refund_across")) == (["refused"], [])
    assert audited(desk)[-1] == ("refund", "refused", "refund_more_than_left")
    assert findings(desk) == []


def test_the_drawer_must_hold_it_before_central_is_asked(desk: Desk) -> None:
    """Rule 32: cash only if the drawer holds it, and never how much is there."""
    central = FakeRefunds(elsewhere(cash="100"))
    assert refused(desk, central, "20.005") == "drawer_short"
    assert central.asked == []
    paid_back(desk, central, "20")


def test_cash_goes_out_in_coins_that_there_are(desk: Desk) -> None:
    """Rule 2."""
    desk.policy = replace(desk.policy, cash_rounding=CashRounding(coin_minor=5))
    central = FakeRefunds(TEN)
    assert refused(desk, central, "1.003") == "not_in_coins"
    paid_back(desk, central, "1.005")


def test_cash_goes_out_of_an_own_shift_only(desk: Desk) -> None:
    central = FakeRefunds(elsewhere(debit_card="5", cash="5"))
    assert refused(desk, central, person=OTHER_CASHIER) == "shift_of_other"
    done = paid_back(desk, FakeRefunds(elsewhere(debit_card="5")), person=OTHER_CASHIER)
    assert (done.cash.minor, rows(desk, "refund_across")[0]["shift_id"]) == (0, None)
    assert findings(desk) == []


def test_who_may_not_pay_back_learns_nothing_of_the_payment(desk: Desk) -> None:
    central = FakeRefunds(TEN)
    assert refused(desk, central, person=AUDITOR) == "not_allowed"
    assert central.looked == []


def test_another_currency_is_paid_back_where_it_is_the_shops(desk: Desk) -> None:
    euros = Money(1_000, currency("EUR"))
    leg = replace(TEN.legs[0], amount=euros, may_go_back=euros)
    found = replace(TEN, taken=replace(TEN.taken, amount=euros), legs=(leg,))
    assert refused(desk, FakeRefunds(found)) == "other_currency"


@pytest.mark.parametrize(("reason", "code"), [("because", "bad_reason"), ("other", "reason_required")])
def test_a_reason_is_needed(desk: Desk, reason: str, code: str) -> None:
    central = FakeRefunds(TEN)
    assert refused(desk, central, reason=reason) == code
    assert central.asked == []


# --- four eyes -------------------------------------------------------------------------------------------------------


def wanting(desk: Desk, central: FakeRefunds, amount: str | None = None, person: Person = CASHIER) -> str:
    """The request for a second person that it was refused with."""
    with pytest.raises(ApprovalNeeded) as refusal:
        paid_back(desk, central, amount, person=person)
    return str(refusal.value.details["request"])


def test_a_second_person_approves_exactly_this_before_anything_is_held(desk: Desk) -> None:
    """Rules 32 and 33: approved for that amount, used once."""
    desk.policy = replace(desk.policy, corrections=replace(ALONE, alone_minor={}))
    central = FakeRefunds(TEN)
    request = wanting(desk, central, "4")
    assert central.asked == []
    approve(desk, SUPERVISOR, request)
    wanting(desk, central, "4.005")

    done: Corrected = paid_back(desk, central, "4")

    assert done.paper.correction is not None
    assert done.paper.correction.approver == SUPERVISOR.user
    assert len(rows(desk, "approval_use")) == 1
    wanting(desk, central, "4")
    assert findings(desk) == []


def test_an_approval_outlives_an_answer_that_was_lost(desk: Desk) -> None:
    desk.policy = replace(desk.policy, corrections=replace(ALONE, alone_minor={}))
    central = FakeRefunds(TEN, UNANSWERED)
    approve(desk, SUPERVISOR, wanting(desk, central, "4"))
    assert code_of(lambda: paid_back(desk, central, "4")) == "refund_unanswered"
    assert rows(desk, "approval_use") == []
    paid_back(desk, central, "4")
    assert len(rows(desk, "approval_use")) == 1


def test_who_took_the_payment_at_the_other_terminal_does_not_approve_it(desk: Desk) -> None:
    """Rule 33: approver, requester and the original cashier are three."""
    desk.policy = replace(desk.policy, corrections=replace(ALONE, alone_minor={}))
    request = wanting(desk, FakeRefunds(elsewhere(cash="10", taken_by=SUPERVISOR.user)))
    assert code_of(lambda: approve(desk, SUPERVISOR, request)) == "own_deed"


def test_an_own_account_needs_another_whatever_the_sum(desk: Desk) -> None:
    """Rule 64."""
    clerk = replace(CASHIER, accounts=frozenset({"BA-1"}))
    with pytest.raises(ApprovalNeeded, match="your own account"):
        paid_back(desk, FakeRefunds(TEN), "1", person=clerk)


# --- no answer, and giving up ----------------------------------------------------------------------------------------


def test_without_an_answer_nothing_goes_out_and_the_same_again_asks_under_the_same_key(desk: Desk) -> None:
    """Invariant 7: unknown is never failed, and never paid."""
    central = FakeRefunds(TEN, UNANSWERED, UNANSWERED)
    for _ in range(2):
        assert code_of(lambda: paid_back(desk, central, "4")) == "refund_unanswered"
        assert (states(desk), rows(desk, "journal_entry")[1:]) == (["asked"], [])

    paid_back(desk, central, "4")

    assert len({asked.hold_id for asked in central.asked}) == 1
    assert (states(desk), central.released) == (["used"], [])
    assert findings(desk) == []


@pytest.mark.parametrize("what", ["another amount", "another person", "later"])
def test_anything_else_gives_the_asking_up_and_begins_anew(desk: Desk, what: str) -> None:
    central = FakeRefunds(TEN, UNANSWERED)
    assert code_of(lambda: paid_back(desk, central, "4")) == "refund_unanswered"
    if what == "later":
        clock_of(desk).advance(minutes=6)
    if what == "another person":
        assert refused(desk, central, "4", person=OTHER_CASHIER) == "shift_of_other"
    else:
        paid_back(desk, central, "5" if what == "another amount" else "4")
        assert states(desk) == ["released", "used"]
    assert central.released == [central.asked[0].hold_id]


async def test_leaving_gives_it_up_and_what_cannot_be_let_go_now_is_later(desk: Desk) -> None:
    central = FakeRefunds(TEN, UNANSWERED, releases=False)
    with pytest.raises(Refused):
        await pay_back(desk, CASHIER, asked_back("4"), central, InlineRunner())
    await give_up(desk, RECEIPT, central, InlineRunner())
    assert states(desk) == ["abandoned"]
    with desk.till.read() as connection:
        assert holds_to_release(connection) == [central.asked[0].hold_id]


def test_what_a_crash_left_is_given_up_at_the_next_start(desk: Desk) -> None:
    central = FakeRefunds(TEN, UNANSWERED)
    assert code_of(lambda: paid_back(desk, central, "4")) == "refund_unanswered"
    with desk.till.transaction() as unit:
        unit.connection.exec_driver_sql("UPDATE refund_hold SET state = 'reserved'")
    for _ in range(2):
        abandon_all(desk)
        assert states(desk) == ["abandoned"]
    paid_back(desk, central, "4")
    assert states(desk) == ["released", "used"]


def test_what_nobody_waits_for_any_more_is_given_up_by_itself(desk: Desk) -> None:
    central = FakeRefunds(TEN, UNANSWERED)
    assert code_of(lambda: paid_back(desk, central, "4")) == "refund_unanswered"
    for later, state in ((timedelta(minutes=9), "asked"), (timedelta(minutes=11), "abandoned")):
        with desk.till.transaction() as unit:
            abandon_stale_holds(unit.connection, at=desk.clock.now() + later)
        assert states(desk) == [state]


def test_a_hold_that_was_given_up_meanwhile_pays_nothing_back(desk: Desk) -> None:
    class GivenUp(FakeRefunds):
        """While central is asked, somebody gives it up."""

        async def hold(self, asked: RefundAsked) -> HoldOutcome:
            told = await super().hold(asked)
            with desk.till.transaction() as unit:
                unit.connection.exec_driver_sql("UPDATE refund_hold SET state = 'abandoned'")
            return told

    central = GivenUp(TEN)
    assert code_of(lambda: paid_back(desk, central, "4")) == "refund_given_up"
    assert rows(desk, "refund_across") == []
    assert states(desk) == ["released"]


def test_a_booking_that_is_refused_lets_the_hold_go(desk: Desk) -> None:
    class Drained(FakeRefunds):
        """While central is asked, the drawer is emptied by another refund."""

        async def hold(self, asked: RefundAsked) -> HoldOutcome:
            told = await super().hold(asked)
            if len(self.asked) == 1:
                paying = FakeRefunds(elsewhere(cash="18", number="S014-T9-A-000008"))
                await pay_back(desk, CASHIER, asked_back(receipt="S014-T9-A-000008"), paying, InlineRunner())
            return told

    central = Drained(TEN)
    assert code_of(lambda: paid_back(desk, central, "4")) == "drawer_short"
    assert central.released == [central.asked[0].hold_id]
    assert sorted(states(desk)) == ["released", "used"]
    assert findings(desk) == []


# --- looking ---------------------------------------------------------------------------------------------------------


async def test_a_payment_of_another_terminal_can_be_looked_at(desk: Desk) -> None:
    found = await find_elsewhere(desk, CASHIER, RECEIPT.lower(), FakeRefunds(TEN), InlineRunner())
    assert (found.terminal, found.may_go_back, found.taken.taken_at) == ("T9", money("10"), NOW)


async def test_a_dealers_person_sees_no_payment_of_others(desk: Desk) -> None:
    """Rule 58; invariant 47: another's receipt is told as one that is not there."""
    refusals: list[DomainError] = []
    for found in (TEN, None):
        with pytest.raises(Refused) as refusal:
            await find_elsewhere(desk, DEALER, RECEIPT, FakeRefunds(found), InlineRunner())
        refusals.append(refusal.value)
    assert refusals[0].as_json() == refusals[1].as_json()
    own = elsewhere(cash="10", payer="D-1", kind="dealer")
    assert (await find_elsewhere(desk, DEALER, RECEIPT, FakeRefunds(own), InlineRunner())).terminal == "T9"


@pytest.mark.parametrize(
    ("typed", "whole"),
    [
        (RECEIPT, True),
        (" s014-t9-a-000007 ", True),
        ("S014-T9-A-RF-000007", True),
        ("S014-T9-A-7", False),
        ("S014-000007", False),
        ("BA-1", False),
        ("S014-T9-A-000007; --", False),
        ("S014-T9-A-0000078888888", False),
        ("", False),
    ],
)
def test_only_a_whole_number_is_asked_for(typed: str, *, whole: bool) -> None:
    assert is_whole_number(typed) is whole


# --- a script ------------------------------------------------------------------------------------------------------------


def test_the_act_refund_just_works_for_such_a_receipt_once_for_a_ref(desk: Desk) -> None:
    central = FakeRefunds(TEN, UNANSWERED)
    script = Script(desk, CASHIER, refunds=AskedFirst(desk, central))
    line = f'{{"ref":"r1","act":"refund","receipt":"{RECEIPT}","amount":"4","reason":"billed_twice"}}'

    lost, done, again = (script.run_line(line) for _ in range(3))

    assert lost["error"]["code"] == "refund_unanswered"  # type: ignore[index]
    assert (done["ok"], done["paper"]) == (True, "S014-T1-A-RF-000001")
    assert again == {**done, "replayed": True}
    assert len(rows(desk, "refund_across")) == 1


def test_the_signals_of_a_till_count_what_another_terminal_took(desk: Desk) -> None:
    """Nobody hides refunds by paying them back at another counter."""
    paid_back(desk, FakeRefunds(elsewhere(cash="10", debit_card="2")), "11")
    now = desk.clock.now()
    within = span(
        now - timedelta(days=1), now + timedelta(days=1), now=now, late=timedelta(days=2), shared="WALK-IN"
    )
    with desk.till.read() as connection:
        (seen,) = undone_in(connection, within, lambda _user, _act: 0)
    assert (seen.of_receipt, seen.kind, seen.user, seen.account) == (RECEIPT, "refund", CASHIER.user, "BA-1")
    assert (seen.amount, seen.cash, seen.taken_at, seen.alone) == (money("11"), money("9"), NOW, True)


def test_who_asks_for_all_after_an_unanswered_part_is_paid_all(desk: Desk) -> None:
    central = FakeRefunds(TEN, UNANSWERED)
    with pytest.raises(Refused, match="did not say"):
        paid_back(desk, central, "2")

    assert paid_back(desk, central).amount == money("10")
    assert len({asked.hold_id for asked in central.asked}) == 2
