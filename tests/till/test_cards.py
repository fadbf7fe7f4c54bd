"""Cards by a connected terminal: written down before it is asked, used by their payment or reversed (rules 44 and 45; 7)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pos.domain.card import (
    CardApproved,
    CardOutcome,
    CardReversed,
    CardUnknown,
    ReversalOutcome,
    ReversalRefused,
)
from pos.domain.errors import DomainError, NotAuthorised, Refused
from pos.store.leg_facts import leg_facts
from pos.store.outbox import unsent
from pos.till.cards import abandon_all_cards, open_card_attempts
from pos.till.desk import Desk
from pos.till.enquiries import till_state
from pos.till.payment_order import PaymentOrder, TenderOrder
from pos.till.settle_card import SettleOrder, Verdict, settle_by_hand
from pos.till.take_payment import take_payment
from tests.builders.cards import (
    NO_ANSWER,
    NOT_THERE,
    REFUSED,
    FakeCards,
    again,
    approved,
    ask,
    by_terminal,
    card_states,
    leave,
    look_after,
)
from tests.builders.tills import (
    AUDITOR,
    CASHIER,
    DEALER,
    OTHER_CASHIER,
    card,
    cash,
    clock_of,
    close_stores,
    closed,
    count,
    findings,
    make_till,
    money,
    opened,
    order,
    pay,
    reopened,
    rows,
    sale,
    stock,
    wish,
)
from tests.till.books import refused

SLIP = {"auth_code": "A1B2C3", "last4": "1111", "brand": "VISA", "rrn": "000123456789"}


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    stock(desk)
    opened(desk)
    return desk


@pytest.fixture
def on_disk(tmp_path: Path) -> Desk:
    desk = make_till(tmp_path)
    opened(desk)
    return desk


def bill_order(desk: Desk, *tenders: TenderOrder, amount: str = "10") -> PaymentOrder:
    return order(desk, *(tenders or (by_terminal(amount),)), allocate=[wish("7781", amount)])


def attempt_of(desk: Desk, place: int = -1) -> dict[str, object]:
    return rows(desk, "card_attempt")[place]


def attempt_id(desk: Desk, place: int = -1) -> str:
    return str(attempt_of(desk, place)["attempt_id"])


def refusal_of(desk: Desk, asked: PaymentOrder, terminal: FakeCards) -> DomainError:
    with pytest.raises(DomainError) as refusal:
        ask(desk, asked, terminal)
    return refusal.value


# --- asked, then used ------------------------------------------------------------------------------------------------


def test_the_terminal_is_asked_and_what_it_approved_pays_the_bill(desk: Desk) -> None:
    """Rule 44: what a slip holds is kept, the last four digits of the card and never more."""
    terminal = FakeCards()
    asked = ask(desk, bill_order(desk), terminal)

    assert card_states(desk) == ["approved"]
    (told,) = terminal.asked
    assert (told.attempt_id, told.amount) == (attempt_id(desk), money("10"))
    assert rows(desk, "payment_event") == []

    receipt = take_payment(desk, CASHIER, asked).receipt

    (tender,) = rows(desk, "tender")
    assert tender["card_attempt"] == attempt_id(desk)
    details = {
        **SLIP,
        "auth_code": "A00001",
        "rrn": "000000000001",
        "card_terminal": "POI-1",
        "expires": "09/29",
    }
    assert json.loads(str(tender["details_json"])) == details
    assert dict(receipt.tenders[0].details) == details
    assert card_states(desk) == ["used"]
    assert findings(desk) == []
    with desk.till.read() as connection:
        (row,) = unsent(connection, 10)
        leg = leg_facts(connection, row, desk.identity, desk.modes, "x")
    assert leg.tender_details == details


def test_it_is_written_down_before_the_terminal_hears_of_it(desk: Desk) -> None:
    seen: list[list[str]] = []
    terminal = FakeCards(meanwhile=lambda: seen.append(card_states(desk)))

    ask(desk, bill_order(desk), terminal)

    assert seen == [["asked"]]


def test_a_card_beside_cash_and_two_cards_in_one_payment(desk: Desk) -> None:
    terminal = FakeCards()
    asked = bill_order(
        desk, by_terminal("5"), cash("6"), by_terminal("5", "credit_card"), card("1"), amount="17"
    )

    taken = take_payment(desk, CASHIER, ask(desk, asked, terminal))

    assert taken.receipt.total == money("17")
    assert card_states(desk) == ["used", "used"]
    assert [row["card_attempt"] is not None for row in rows(desk, "tender")].count(True) == 2
    assert findings(desk) == []


def test_the_same_order_again_charges_nobody_twice(desk: Desk) -> None:
    """Rule 45: an approval that was not used yet is used, not asked for once more."""
    terminal, wanted = FakeCards(), bill_order(desk)

    first, second = ask(desk, wanted, terminal), ask(desk, wanted, terminal)

    assert first == second
    assert len(terminal.asked) == 1
    booked = take_payment(desk, CASHIER, first)
    assert take_payment(desk, CASHIER, first).replayed
    assert take_payment(desk, CASHIER, first).receipt == booked.receipt


def test_an_approval_is_not_taken_for_another_amount(desk: Desk) -> None:
    terminal, wanted = FakeCards(), bill_order(desk)
    ask(desk, wanted, terminal)

    refusal = refusal_of(desk, replace(wanted, tenders=[by_terminal("11")]), terminal)

    assert (refusal.code, refusal.details["amount"]) == ("card_approved_otherwise", "10.000")
    assert len(terminal.asked) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tender: replace(tender, amount="9.999"),
        lambda tender: replace(tender, amount="10.001"),
        lambda tender: replace(tender, mode="credit_card"),
        lambda tender: replace(tender, attempt="00000000-0000-7000-8000-000000000000"),
    ],
)
def test_an_approval_serves_the_very_amount_and_way_it_was_asked_for(desk: Desk, spoil: object) -> None:
    asked = ask(desk, bill_order(desk), FakeCards())
    spoilt = replace(asked, tenders=[spoil(asked.tenders[0])])  # type: ignore[operator]

    assert refused(desk, lambda: take_payment(desk, CASHIER, spoilt)).code == "card_not_approved"
    assert card_states(desk) == ["approved"]


def test_an_approval_serves_no_other_payment(desk: Desk) -> None:
    asked = ask(desk, bill_order(desk), FakeCards())
    other = replace(bill_order(desk), tenders=asked.tenders)

    assert refused(desk, lambda: take_payment(desk, CASHIER, other)).code == "card_not_approved"


def test_whoever_names_an_approval_says_nothing_of_its_slip(desk: Desk) -> None:
    asked = ask(desk, bill_order(desk), FakeCards())
    spoilt = replace(asked, tenders=[replace(asked.tenders[0], details={"auth_code": "MINE00"})])

    assert refused(desk, lambda: take_payment(desk, CASHIER, spoilt)).code == "details_not_needed"


def test_a_slip_that_lacks_what_the_terminal_did_not_say_is_booked_with_what_it_said(desk: Desk) -> None:
    told = approved(money("10"))
    bare = replace(told, slip=replace(told.slip, auth_code=None, last4=None, brand=None, expires=None))

    take_payment(desk, CASHIER, ask(desk, bill_order(desk), FakeCards(bare)))

    assert json.loads(str(rows(desk, "tender")[0]["details_json"])) == {
        "rrn": "000000000001",
        "card_terminal": "POI-1",
    }
    assert findings(desk) == []


def test_the_same_slip_keyed_by_hand_is_refused(desk: Desk) -> None:
    take_payment(desk, CASHIER, ask(desk, bill_order(desk), FakeCards()))

    again_by_hand = card("10", "000000000001", auth_code="A00001", card_terminal="POI-1")
    assert (
        refused(desk, lambda: pay(desk, again_by_hand, allocate=[wish("7782", "10")])).code == "taken_before"
    )


# --- its slip keyed by hand ------------------------------------------------------------------------------------------


def slip_of(desk: Desk, place: int = -1) -> dict[str, str]:
    slip: dict[str, str] = json.loads(str(attempt_of(desk, place)["slip_json"]))
    return slip


def keyed(desk: Desk, wanted: PaymentOrder, *, amount: str = "10", mode: str = "debit_card") -> PaymentOrder:
    """The same payment with the slip of the last attempt keyed instead."""
    return replace(wanted, tenders=[TenderOrder(mode=mode, amount=amount, details=slip_of(desk))])


def test_the_slip_of_its_own_approval_keyed_by_hand_is_that_approval(desk: Desk) -> None:
    """Rule 44: one charge is one tender, and what paid is not given back."""
    terminal, wanted = FakeCards(), bill_order(desk)
    ask(desk, wanted, terminal)

    take_payment(desk, CASHIER, keyed(desk, wanted))
    look_after(desk, terminal)

    assert rows(desk, "tender")[0]["card_attempt"] == attempt_id(desk)
    assert (card_states(desk), terminal.reversed, findings(desk)) == (["used"], [], [])


@pytest.mark.parametrize(("amount", "mode"), [("9.999", "debit_card"), ("10", "credit_card")])
def test_the_slip_of_its_own_approval_is_taken_for_exactly_what_was_approved(
    desk: Desk, amount: str, mode: str
) -> None:
    wanted = bill_order(desk)
    ask(desk, wanted, FakeCards())

    refusal = refused(
        desk, lambda: take_payment(desk, CASHIER, keyed(desk, wanted, amount=amount, mode=mode))
    )

    assert (refusal.code, refusal.details["amount"]) == ("card_approved_otherwise", "10.000")
    assert card_states(desk) == ["approved"]


@pytest.mark.parametrize("answers", [[], [NO_ANSWER]], ids=["reversed", "reversing"])
def test_the_slip_of_a_charge_that_went_back_pays_nothing(desk: Desk, answers: list[ReversalOutcome]) -> None:
    """Rule 47: the paper is still in the customer's hand, the money is not in the till."""
    terminal, wanted = FakeCards(reversals=answers), bill_order(desk)
    ask(desk, wanted, terminal)
    leave(desk, wanted.payment_event_id, terminal)

    refusal = refused(desk, lambda: take_payment(desk, CASHIER, keyed(desk, bill_order(desk))))

    assert (refusal.code, refusal.details["attempt"]) == ("slip_reversed", attempt_id(desk))
    assert rows(desk, "payment_event") == []
    take_payment(desk, CASHIER, bill_order(desk, card("10", "000000000001", auth_code="A00002")))


def test_the_slip_of_a_charge_that_went_back_settles_no_other(desk: Desk) -> None:
    wanted = bill_order(desk)
    ask(desk, wanted, FakeCards())
    slip = slip_of(desk)
    leave(desk, wanted.payment_event_id, FakeCards())
    refusal_of(desk, bill_order(desk), FakeCards(NO_ANSWER))

    settling = SettleOrder(attempt_id=attempt_id(desk), verdict=Verdict.APPROVED, details=slip)

    assert refused(desk, lambda: settle_by_hand(desk, CASHIER, settling)).code == "slip_reversed"
    assert card_states(desk) == ["reversed", "unknown"]


def test_an_approval_whose_slip_paid_another_payment_is_not_given_back(desk: Desk) -> None:
    terminal, left = FakeCards(), bill_order(desk)
    ask(desk, left, terminal)

    take_payment(desk, CASHIER, keyed(desk, bill_order(desk)))
    leave(desk, left.payment_event_id, terminal)

    assert (card_states(desk), terminal.reversed, findings(desk)) == (["used"], [], [])


def test_what_was_told_declined_and_keyed_from_its_slip_is_not_given_back(desk: Desk) -> None:
    """Rule 45: "rejected" may turn into success after the slip was booked."""
    told = approved(money("10"))
    terminal, wanted = FakeCards(REFUSED, statuses=[told]), bill_order(desk)
    refusal_of(desk, wanted, terminal)
    by_hand = TenderOrder(mode="debit_card", amount="10", details=told.slip.details())
    take_payment(desk, CASHIER, replace(wanted, tenders=[by_hand]))

    clock_of(desk).advance(minutes=3)
    look_after(desk, terminal)

    assert (card_states(desk), terminal.reversed, findings(desk)) == (["used"], [], [])


def test_a_crash_does_not_give_back_what_a_keyed_slip_has_paid(on_disk: Desk) -> None:
    told = approved(money("10"))
    terminal, left = FakeCards(NO_ANSWER, statuses=[told]), bill_order(on_disk)
    refusal_of(on_disk, left, terminal)
    by_hand = TenderOrder(mode="debit_card", amount="10", details=told.slip.details())
    take_payment(on_disk, CASHIER, bill_order(on_disk, by_hand))

    back = restarted(on_disk)
    look_after(back, terminal)

    assert (card_states(back), terminal.reversed, findings(back)) == (["used"], [], [])
    close_stores(back)


def test_another_slip_is_no_approval(desk: Desk) -> None:
    wanted, terminal = bill_order(desk), FakeCards()
    ask(desk, wanted, terminal)

    take_payment(desk, CASHIER, replace(wanted, tenders=[card("10", "000000000077")]))

    assert card_states(desk) == ["reversing"]


def test_a_card_number_in_an_answer_was_wiped_and_that_is_noted(desk: Desk) -> None:
    """Rule 44: the note stays with the attempt, the number nowhere."""
    ask(desk, bill_order(desk), FakeCards(approved(money("10"), wiped=True)))
    assert attempt_of(desk)["card_number_wiped"] == 1

    ask(desk, bill_order(desk), FakeCards())
    assert attempt_of(desk)["card_number_wiped"] == 0


# --- not charged -----------------------------------------------------------------------------------------------------


def test_a_refusal_is_told_and_another_card_may_be_tried(desk: Desk) -> None:
    terminal, wanted = FakeCards(REFUSED), bill_order(desk)

    refusal = refusal_of(desk, wanted, terminal)
    assert (refusal.code, refusal.details["terminal_code"]) == ("card_declined", "Refusal")
    assert card_states(desk) == ["declined"]

    take_payment(desk, CASHIER, ask(desk, wanted, terminal))
    assert card_states(desk) == ["declined", "used"]


def test_a_terminal_that_is_not_there_was_sent_nothing(desk: Desk) -> None:
    refusal = refusal_of(desk, bill_order(desk), FakeCards(NOT_THERE))

    assert refusal.code == "card_not_reached"
    assert card_states(desk) == ["declined"]
    assert attempt_of(desk)["looked_again"] == 1


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda one: replace(one, payer_account="BA-404"), "unknown_account"),
        (lambda one: replace(one, tenders=[by_terminal("0")]), "amount_not_positive"),
        (lambda one: replace(one, tenders=[by_terminal("ten")]), "bad_amount"),
        (lambda one: replace(one, allocate=[wish("404", "10")]), "unknown_bill"),
        (lambda one: replace(one, lines=[sale("NOTHING")]), "unknown_item"),
        (
            lambda one: replace(one, tenders=[by_terminal("5"), by_terminal("5"), cash("0")]),
            "amount_not_positive",
        ),
    ],
)
def test_what_the_payment_would_be_refused_for_is_told_before_a_card_is_charged(
    desk: Desk, spoil: object, code: str
) -> None:
    terminal = FakeCards()
    wanted: PaymentOrder = spoil(bill_order(desk))  # type: ignore[operator]

    refusal = refused(desk, lambda: ask(desk, wanted, terminal))

    assert refusal.code == code
    assert terminal.asked == []
    assert card_states(desk) == []


def test_a_warning_stops_before_a_card_is_charged_and_once_confirmed_it_goes_on(desk: Desk) -> None:
    desk.policy = replace(desk.policy, double_within=timedelta(minutes=10))
    pay(desk, card("10"), allocate=[wish("7782", "10")])
    terminal, wanted = FakeCards(), bill_order(desk)

    warning = refusal_of(desk, wanted, terminal)
    assert (warning.code, terminal.asked) == ("possible_double", [])

    confirmed = replace(wanted, confirmed=("possible_double",))
    take_payment(desk, CASHIER, ask(desk, confirmed, terminal))
    assert card_states(desk) == ["used"]


def test_what_is_rehearsed_leaves_nothing_behind(desk: Desk) -> None:
    before = [rows(desk, table) for table in ("counter", "chain_link", "receipt", "tender", "outbox")]

    refusal_of(desk, bill_order(desk), FakeCards(NOT_THERE))

    after = [rows(desk, table) for table in ("receipt", "tender", "outbox")]
    assert after == before[2:]
    assert take_payment(desk, CASHIER, bill_order(desk, cash("10"))).receipt.receipt_number.endswith("000001")
    assert findings(desk) == []


def test_who_may_not_take_payments_asks_no_terminal(desk: Desk) -> None:
    terminal = FakeCards()

    assert isinstance(refused(desk, lambda: ask(desk, bill_order(desk), terminal, AUDITOR)), NotAuthorised)
    assert (
        refused(desk, lambda: ask(desk, bill_order(desk), terminal, OTHER_CASHIER)).code == "shift_of_other"
    )
    assert terminal.asked == []


def test_a_charge_of_another_amount_is_reversed_at_once(desk: Desk) -> None:
    terminal = FakeCards(approved(money("7.500")))

    refusal = refusal_of(desk, bill_order(desk), terminal)

    assert refusal.code == "card_amount_differs"
    assert "7.500" in refusal.message
    assert card_states(desk) == ["reversed"]
    assert terminal.reversed == [(attempt_id(desk), 1)]


# --- not known -------------------------------------------------------------------------------------------------------


def test_without_an_answer_it_is_unknown_and_never_declined(desk: Desk) -> None:
    """Rule 45: the outcome unknown is a state of its own."""
    refusal = refusal_of(desk, bill_order(desk), FakeCards(NO_ANSWER))

    assert (refusal.code, refusal.details["attempt"]) == ("card_outcome_unknown", attempt_id(desk))
    assert card_states(desk) == ["unknown"]
    assert till_state(desk).open_cards == 1
    assert findings(desk) == []


def test_while_it_is_unknown_no_second_card_is_asked_for(desk: Desk) -> None:
    """Rule 45: no second card attempt for the event, at the terminal or by a keyed slip."""
    terminal, wanted = FakeCards(NO_ANSWER, statuses=[NO_ANSWER] * 5), bill_order(desk)
    refusal_of(desk, wanted, terminal)

    assert refusal_of(desk, wanted, terminal).code == "card_outcome_unknown"
    keyed = replace(wanted, tenders=[card("10")])
    assert refused(desk, lambda: take_payment(desk, CASHIER, keyed)).code == "card_outcome_unknown"
    named = replace(wanted, tenders=[replace(wanted.tenders[0], attempt=attempt_id(desk))])
    assert refused(desk, lambda: take_payment(desk, CASHIER, named)).code == "card_outcome_unknown"
    assert len(terminal.asked) == 1
    assert card_states(desk) == ["unknown"]


def test_another_payment_may_have_its_card_meanwhile(desk: Desk) -> None:
    refusal_of(desk, bill_order(desk), FakeCards(NO_ANSWER))

    take_payment(desk, CASHIER, ask(desk, bill_order(desk), FakeCards(approved(money("10"), 2))))

    assert card_states(desk) == ["unknown", "used"]


def test_the_terminal_is_asked_what_became_of_it_before_anything_else(desk: Desk) -> None:
    """Rule 45: query before retry."""
    terminal, wanted = FakeCards(NO_ANSWER, statuses=[approved(money("10"))]), bill_order(desk)
    refusal_of(desk, wanted, terminal)

    asked = ask(desk, wanted, terminal)

    assert len(terminal.asked) == 1
    assert take_payment(desk, CASHIER, asked).receipt.total == money("10")
    assert card_states(desk) == ["used"]


def test_what_turns_out_declined_may_be_tried_once_more(desk: Desk) -> None:
    terminal, wanted = FakeCards(NO_ANSWER, statuses=[REFUSED]), bill_order(desk)
    refusal_of(desk, wanted, terminal)

    take_payment(desk, CASHIER, ask(desk, wanted, terminal))

    assert card_states(desk) == ["declined", "used"]


@pytest.mark.parametrize(
    "told", [NO_ANSWER, NOT_THERE, CardUnknown(reason="The card terminal has no record of it.")]
)
def test_no_answer_to_the_question_leaves_it_unknown(desk: Desk, told: CardOutcome) -> None:
    terminal = FakeCards(NO_ANSWER, statuses=[told])
    refusal_of(desk, bill_order(desk), terminal)

    with pytest.raises(Refused) as refusal:
        again(desk, attempt_id(desk), terminal)

    assert refusal.value.code == "card_outcome_unknown"
    assert (card_states(desk), attempt_of(desk)["reason"]) == (["unknown"], told.reason)  # type: ignore[union-attr]


def test_declined_may_turn_into_approved_and_then_serves_or_goes_back(desk: Desk) -> None:
    """Rule 45: "rejected" may turn into success."""
    terminal = FakeCards(REFUSED, statuses=[approved(money("10"))])
    wanted = bill_order(desk)
    refusal_of(desk, wanted, terminal)

    assert again(desk, attempt_id(desk), terminal).state == "approved"
    take_payment(desk, CASHIER, ask(desk, wanted, terminal))
    assert card_states(desk) == ["used"]

    other, late = bill_order(desk), FakeCards(REFUSED, statuses=[approved(money("10"), 7)])
    refusal_of(desk, other, late)
    take_payment(desk, CASHIER, replace(other, tenders=[cash("10")]))
    assert again(desk, attempt_id(desk), late).state == "reversed"
    assert findings(desk) == []


def test_a_refusal_is_looked_at_once_more_after_a_while(desk: Desk) -> None:
    """Rule 45: nobody may come to ask about a refusal that the bank overruled."""
    terminal, wanted = FakeCards(REFUSED, statuses=[approved(money("10"))]), bill_order(desk)
    refusal_of(desk, wanted, terminal)
    leave(desk, wanted.payment_event_id, terminal)

    look_after(desk, terminal)
    assert terminal.looked_up == []
    clock_of(desk).advance(minutes=3)
    look_after(desk, terminal)

    assert card_states(desk) == ["reversed"]


def test_a_refusal_that_stays_one_is_looked_at_once(desk: Desk) -> None:
    terminal = FakeCards(REFUSED)
    refusal_of(desk, bill_order(desk), terminal)
    clock_of(desk).advance(minutes=3)

    look_after(desk, terminal)
    look_after(desk, terminal)

    assert len(terminal.looked_up) == 1
    assert card_states(desk) == ["declined"]


def test_what_was_paid_otherwise_meanwhile_is_reversed_when_it_turns_out_charged(desk: Desk) -> None:
    terminal = FakeCards(NO_ANSWER, statuses=[NO_ANSWER, approved(money("10"))])
    wanted = bill_order(desk)
    refusal_of(desk, wanted, terminal)

    take_payment(desk, CASHIER, replace(wanted, tenders=[cash("10")]))
    look_after(desk, terminal)
    assert card_states(desk) == ["unknown"]
    look_after(desk, terminal)

    assert card_states(desk) == ["reversed"]
    assert terminal.reversed == [(attempt_id(desk), 1)]
    assert findings(desk) == []


# --- no payment comes ------------------------------------------------------------------------------------------------


def test_an_approval_without_a_payment_goes_back(desk: Desk) -> None:
    terminal, wanted = FakeCards(), bill_order(desk)
    ask(desk, wanted, terminal)

    leave(desk, wanted.payment_event_id, terminal)

    assert card_states(desk) == ["reversed"]
    with pytest.raises(Refused) as refusal:
        take_payment(
            desk, CASHIER, replace(wanted, tenders=[replace(wanted.tenders[0], attempt=attempt_id(desk))])
        )
    assert refusal.value.code == "card_not_approved"


def test_a_reversal_is_tried_until_the_terminal_says_yes_and_shown_until_then(desk: Desk) -> None:
    terminal = FakeCards(reversals=[NOT_THERE, ReversalRefused(reason="Busy"), NO_ANSWER])
    wanted = bill_order(desk)
    ask(desk, wanted, terminal)
    leave(desk, wanted.payment_event_id, terminal)
    shown = []
    for _ in range(4):
        shown.append((till_state(desk).open_cards, attempt_of(desk)["reason"]))
        look_after(desk, terminal)

    assert [reason for _, reason in shown] == [NOT_THERE.reason, "Busy", NO_ANSWER.reason, NO_ANSWER.reason]
    assert [number for number, _ in shown] == [1, 1, 1, 0]
    assert [number for _, number in terminal.reversed] == [1, 1, 2, 3]
    assert card_states(desk) == ["reversed"]


@pytest.mark.parametrize(
    "lost",
    [NO_ANSWER, NOT_THERE, CardUnknown(reason="The card terminal's answer cannot be read.")],
    ids=["silent", "not there", "unreadable"],
)
def test_a_reversal_of_which_nothing_is_known_is_not_sent_again(desk: Desk, lost: ReversalOutcome) -> None:
    """Rule 45: a reversal may be done though its answer was lost, however often it cannot be asked about."""
    terminal, wanted = FakeCards(reversals=[NO_ANSWER]), bill_order(desk)
    ask(desk, wanted, terminal)
    leave(desk, wanted.payment_event_id, terminal)
    terminal.reversal_statuses = [lost, lost, CardReversed()]

    for state in ("reversing", "reversing", "reversed"):
        look_after(desk, terminal)
        assert card_states(desk) == [state]

    assert terminal.reversed == [(attempt_id(desk), 1)]
    assert terminal.reversals_looked_up == [1, 1, 1]


def test_another_terminal_is_not_asked_to_reverse(desk: Desk) -> None:
    wanted, other = bill_order(desk), FakeCards(terminal_id="POI-2")
    ask(desk, wanted, FakeCards())

    leave(desk, wanted.payment_event_id, other)
    look_after(desk, other)
    leave(desk, wanted.payment_event_id, None)

    assert other.reversed == []
    assert card_states(desk) == ["reversing"]
    with pytest.raises(Refused) as refusal:
        settle_by_hand(desk, CASHIER, SettleOrder(attempt_id=attempt_id(desk), verdict=Verdict.DECLINED))
    assert refusal.value.code == "reason_missing"
    found = SettleOrder(
        attempt_id=attempt_id(desk), verdict=Verdict.DECLINED, reason="Voided at POI-1, slip 17"
    )
    assert settle_by_hand(desk, CASHIER, found).state == "reversed"


def test_an_answer_that_comes_after_the_customer_left_goes_back(desk: Desk) -> None:
    wanted = bill_order(desk)
    terminal = FakeCards(meanwhile=lambda: abandon_all_cards(desk))

    refusal = refusal_of(desk, wanted, terminal)

    assert refusal.code == "card_payment_left"
    assert card_states(desk) == ["reversed"]


def test_what_is_used_is_never_reversed(desk: Desk) -> None:
    terminal = FakeCards()
    asked = ask(desk, bill_order(desk), terminal)
    take_payment(desk, CASHIER, asked)

    leave(desk, asked.payment_event_id, terminal)
    abandon_all_cards(desk)
    clock_of(desk).advance(minutes=5)
    look_after(desk, terminal)

    assert terminal.reversed == []
    assert card_states(desk) == ["used"]


def test_a_card_taken_out_of_a_payment_that_goes_on_is_reversed_with_it(desk: Desk) -> None:
    terminal, wanted = FakeCards(), bill_order(desk)
    ask(desk, wanted, terminal)

    take_payment(desk, CASHIER, replace(wanted, tenders=[cash("10")]))

    assert card_states(desk) == ["reversing"]
    look_after(desk, terminal)
    assert card_states(desk) == ["reversed"]


# --- the power goes --------------------------------------------------------------------------------------------------


class Power(BaseException):
    """The power goes."""


def crash() -> None:
    raise Power


def restarted(desk: Desk) -> Desk:
    """The same till after a crash, opened as a start opens it."""
    back = reopened(desk)
    abandon_all_cards(back)
    return back


def test_a_crash_while_the_terminal_is_asked_leaves_it_unknown_and_its_money_goes_back(on_disk: Desk) -> None:
    terminal = FakeCards(meanwhile=crash)
    with pytest.raises(Power):
        ask(on_disk, bill_order(on_disk), terminal)
    assert card_states(on_disk) == ["asked"]

    back = restarted(on_disk)
    assert card_states(back) == ["unknown"]
    terminal.statuses = [approved(money("10"))]
    look_after(back, terminal)

    assert card_states(back) == ["reversed"]
    assert rows(back, "payment_event") == []
    assert findings(back) == []
    close_stores(back)


def test_a_crash_between_the_answer_and_the_payment_gives_the_money_back(on_disk: Desk) -> None:
    terminal = FakeCards()
    ask(on_disk, bill_order(on_disk), terminal)

    back = restarted(on_disk)
    assert card_states(back) == ["reversing"]
    look_after(back, terminal)

    assert card_states(back) == ["reversed"]
    close_stores(back)


def test_a_crash_after_the_payment_changes_nothing(on_disk: Desk) -> None:
    terminal = FakeCards()
    asked = ask(on_disk, bill_order(on_disk), terminal)
    take_payment(on_disk, CASHIER, asked)

    back = restarted(on_disk)
    look_after(back, terminal)

    assert card_states(back) == ["used"]
    assert take_payment(back, CASHIER, asked).replayed
    close_stores(back)


def test_a_crash_while_it_is_reversed_asks_again_with_the_next_try(on_disk: Desk) -> None:
    class Dying(FakeCards):
        async def reverse(self, *_: object, number: int) -> CardApproved:  # type: ignore[override]
            raise Power

    wanted = bill_order(on_disk)
    ask(on_disk, wanted, FakeCards())
    with pytest.raises(Power):
        leave(on_disk, wanted.payment_event_id, Dying())

    back, terminal = restarted(on_disk), FakeCards()
    assert card_states(back) == ["reversing"]
    look_after(back, terminal)

    assert terminal.reversed == [(attempt_id(back), 2)]
    assert card_states(back) == ["reversed"]
    close_stores(back)


def test_a_second_start_finds_the_same(on_disk: Desk) -> None:
    ask(on_disk, bill_order(on_disk), FakeCards())
    refusal_of(on_disk, bill_order(on_disk), FakeCards(NO_ANSWER))

    once = restarted(on_disk)
    first = rows(once, "card_attempt")
    twice = restarted(once)

    assert rows(twice, "card_attempt") == first
    assert card_states(twice) == ["reversing", "unknown"]
    close_stores(twice)


# --- settled by a person ---------------------------------------------------------------------------------------------


def test_a_person_settles_by_the_slip_what_the_terminal_cannot_tell(desk: Desk) -> None:
    wanted, terminal = bill_order(desk), FakeCards(NO_ANSWER)
    refusal_of(desk, wanted, terminal)

    found = SettleOrder(attempt_id=attempt_id(desk), verdict=Verdict.APPROVED, details=SLIP)
    assert settle_by_hand(desk, CASHIER, found).state == "approved"
    assert attempt_of(desk)["settled_by"] == "1001"

    receipt = take_payment(desk, CASHIER, ask(desk, wanted, terminal)).receipt
    assert dict(receipt.tenders[0].details) == {**SLIP, "card_terminal": "POI-1"}
    assert len(terminal.asked) == 1
    assert findings(desk) == []


def test_a_person_says_that_it_was_not_charged_and_why(desk: Desk) -> None:
    refusal_of(desk, bill_order(desk), FakeCards(NO_ANSWER))
    found = SettleOrder(attempt_id=attempt_id(desk), verdict=Verdict.DECLINED, reason="Not in its journal")

    assert settle_by_hand(desk, CASHIER, found).state == "declined"
    assert attempt_of(desk)["reason"] == "Not in its journal"
    with pytest.raises(Refused) as refusal:
        settle_by_hand(desk, CASHIER, found)
    assert refusal.value.code == "card_settled_already"


@pytest.mark.parametrize(
    ("details", "code"),
    [
        ({}, "field_missing"),
        ({**SLIP, "last4": "411111"}, "text_too_long"),
        ({**SLIP, "rrn": "4111111111111111"}, "text_too_long"),
        ({**SLIP, "brand": "4111 1111 1111 1111"}, "card_number_refused"),
        ({**SLIP, "auth_code": "1"}, "bad_field"),
        ({**SLIP, "cvv": "123"}, "unknown_field"),
    ],
)
def test_a_slip_that_is_typed_is_read_as_every_slip(desk: Desk, details: dict[str, str], code: str) -> None:
    """Rule 44: no card number and no verification number comes in by this door."""
    refusal_of(desk, bill_order(desk), FakeCards(NO_ANSWER))
    found = SettleOrder(attempt_id=attempt_id(desk), verdict=Verdict.APPROVED, details=details)

    assert refused(desk, lambda: settle_by_hand(desk, CASHIER, found)).code == code
    assert card_states(desk) == ["unknown"]


def test_a_slip_of_another_payment_settles_nothing(desk: Desk) -> None:
    pay(desk, card("5", **{**SLIP, "card_terminal": "POI-1"}), allocate=[wish("7782", "5")])
    refusal_of(desk, bill_order(desk), FakeCards(NO_ANSWER))
    found = SettleOrder(attempt_id=attempt_id(desk), verdict=Verdict.APPROVED, details=SLIP)

    assert refused(desk, lambda: settle_by_hand(desk, CASHIER, found)).code == "taken_before"


def test_what_is_settled_as_approved_without_a_payment_goes_back(desk: Desk) -> None:
    wanted = bill_order(desk)
    refusal_of(desk, wanted, FakeCards(NO_ANSWER))
    leave(desk, wanted.payment_event_id, None)
    found = SettleOrder(attempt_id=attempt_id(desk), verdict=Verdict.APPROVED, details=SLIP)

    assert settle_by_hand(desk, CASHIER, found).state == "reversing"


def test_only_who_may_settles_and_a_dealer_sees_only_its_own(desk: Desk) -> None:
    refusal_of(desk, bill_order(desk), FakeCards(NO_ANSWER))
    found = SettleOrder(attempt_id=attempt_id(desk), verdict=Verdict.DECLINED, reason="x")

    assert isinstance(refused(desk, lambda: settle_by_hand(desk, AUDITOR, found)), NotAuthorised)
    with pytest.raises(Refused) as refusal:
        settle_by_hand(desk, DEALER, found)
    assert refusal.value.code == "unknown_card_attempt"
    assert open_card_attempts(desk, DEALER) == []
    assert [one.attempt_id for one in open_card_attempts(desk, CASHIER)] == [attempt_id(desk)]


def test_without_a_terminal_a_person_must_say_it(desk: Desk) -> None:
    refusal_of(desk, bill_order(desk), FakeCards(NO_ANSWER))
    for terminal in (None, FakeCards(terminal_id="POI-2")):
        with pytest.raises(Refused) as refusal:
            again(desk, attempt_id(desk), terminal)
        assert refusal.value.code == "card_terminal_not_connected"


# --- the shift -------------------------------------------------------------------------------------------------------


def test_a_shift_with_a_card_that_is_not_known_is_not_closed(desk: Desk) -> None:
    """Rule 45: the outcome is settled by those who were there. A person can always do it, without the network (rule 55)."""
    refusal_of(desk, bill_order(desk), FakeCards(NO_ANSWER))
    count(desk, "20")

    refusal = refused(desk, lambda: closed(desk))
    assert (refusal.code, refusal.details["attempts"]) == ("card_outcome_open", 1)

    settle_by_hand(
        desk, CASHIER, SettleOrder(attempt_id=attempt_id(desk), verdict=Verdict.DECLINED, reason="no slip")
    )
    assert closed(desk).number == 1


def test_money_that_is_on_its_way_back_holds_up_no_shift(desk: Desk) -> None:
    wanted = bill_order(desk)
    ask(desk, wanted, FakeCards())
    leave(desk, wanted.payment_event_id, None)
    count(desk, "20")

    assert closed(desk).number == 1
