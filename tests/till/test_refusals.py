"""A refused deed leaves nothing behind but its audit row (reliability.md section 4; invariants 32, 48)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from pos.domain.cheque import ChequePolicy
from pos.domain.errors import NeedsConfirmation, Refused
from pos.domain.payment_event import Overpayment
from pos.domain.payment_mode import PayerKind
from pos.domain.role import Person
from pos.till.cash_office import CountOrder, close_shift, count_shift, open_shift
from pos.till.desk import Desk
from pos.till.papers import reprint
from pos.till.payment_order import AllocateOrder, PaymentOrder, TenderOrder, warn
from pos.till.take_payment import take_payment
from tests.builders.tills import (
    ADMIN,
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    OTHER_CASHIER,
    TODAY,
    account,
    bill,
    card,
    cash,
    cheque,
    count,
    dump,
    findings,
    make_till,
    money,
    opened,
    order,
    pay,
    rows,
    tell,
    wish,
)
from tests.till.books import refused


@pytest.fixture
def desk() -> Desk:
    desk = make_till(cheques=ChequePolicy(stale_after_days=180, max_amount=money("500")))
    opened(desk)
    pay(desk, cheque("1", serial="000777"), cash("1"))
    tell(
        desk,
        accounts=[account("BA-9", "Ledger of others", cash_only=True)],
        bills=[bill("7791", money("5"), of="BA-9")],
    )
    return desk


def dated(days_ago: int) -> str:
    return (TODAY - timedelta(days=days_ago)).isoformat()


BAD_AMOUNTS = [
    ("", "bad_amount"),
    ("0", "amount_not_positive"),
    ("-5", "bad_amount"),
    ("+5", "bad_amount"),
    ("5 ", "bad_amount"),
    ("1\n", "bad_amount"),
    ("1e5", "bad_amount"),
    ("NaN", "bad_amount"),
    ("Infinity", "bad_amount"),
    ("1_000", "bad_amount"),
    ("1,5", "bad_amount"),
    ("1,234.5", "bad_amount"),
    ("²", "bad_amount"),
    ("٥", "bad_amount"),
    ("５", "bad_amount"),
    ("5.0001", "amount_too_precise"),
    ("1000000000000", "amount_too_large"),
    ("6271001000014", "amount_too_large"),
    ("9" * 1_000, "amount_too_large"),
]


@pytest.mark.parametrize(("amount", "code"), BAD_AMOUNTS)
def test_a_bad_amount_of_a_tender_books_nothing(desk: Desk, amount: str, code: str) -> None:
    assert refused(desk, lambda: pay(desk, cash(amount))).code == code


@pytest.mark.parametrize(("amount", "code"), BAD_AMOUNTS)
def test_a_bad_amount_of_a_wish_books_nothing(desk: Desk, amount: str, code: str) -> None:
    assert refused(desk, lambda: pay(desk, cash("5"), allocate=[wish("7781", amount)])).code == code


@pytest.mark.parametrize(
    ("tenders", "allocate", "code"),
    [
        ([], [], "no_tender"),
        ([cash("1")] * 21, [], "too_many_tenders"),
        ([cash("5")], [wish("404")], "unknown_bill"),
        ([cash("5")], [wish("7799")], "unknown_bill"),
        ([cash("5")], [wish("x\n")], "bad_reference"),
        ([cash("5")], [wish("'; drop table receipt; --")], "unknown_bill"),
        ([cash("5")], [wish("4111111111111111")], "card_number_refused"),
        ([cash("5")], [wish("7" * 41)], "text_too_long"),
        ([cash("5")], [wish("7780")], "bill_settled"),
        ([cash("5")], [wish("7795")], "bill_on_hold"),
        ([cash("5")], [wish("7781"), wish("7781")], "bill_named_twice"),
        ([cash("50")], [wish("7781", "40.751")], "more_than_open"),
        ([cash("5")], [wish("7781", "6")], "not_enough_tendered"),
        ([cash("5")], [wish("7790", None, "BA-1")], "bill_of_other_account"),
        ([cash("5")], [wish(None, None)], "amount_missing"),
        ([cash("5")], [wish(None, "5", "BA-404")], "unknown_account"),
        ([cash("5")], [wish(None, "5", "D-1")], "wrong_payer_kind"),
        ([cash("5")], [wish(None, "5", "BA-6")], "account_other_currency"),
        ([cash("5")], [wish(None, "5", "李")], "bad_reference"),
        ([cash("100")] * 2, [], "tender_not_needed"),
        ([cash("30"), cheque("60")], [], "tender_not_needed"),
        ([TenderOrder(mode="cash", amount="5", details={"serial": "1"})], [], "unknown_field"),
        ([TenderOrder(mode="gold", amount="5", details={})], [], "unknown_mode"),
        ([TenderOrder(mode="cheque", amount="5", details={})], [], "field_missing"),
        ([TenderOrder(mode="debit_card", amount="5", details={})], [], "field_missing"),
        ([TenderOrder(mode="bank_cash", amount="5", details={})], [], "mode_not_for_payer"),
        ([cheque("5", date=dated(181))], [], "cheque_stale"),
        ([cheque("5", date=dated(-1))], [], "cheque_post_dated"),
        ([cheque("500.001")], [], "cheque_over_cap"),
        ([cheque("5", serial="000777")], [], "cheque_taken_before"),
        ([cheque("5", serial="1"), cheque("6", serial="1")], [], "cheque_named_twice"),
        ([cheque("5", date="yesterday")], [], "bad_date"),
        ([cheque("5", drawer="Lina\x1b]0;x\x07")], [], "bad_text"),
        ([cheque("5", drawer="4111 1111 1111 1111")], [], "card_number_refused"),
        ([cheque("5", serial="4111-1111-1111-1111")], [], "card_number_refused"),
        ([cheque("5", account="４１１１１１１１１１１１１１１１")], [], "bad_reference"),
        ([cheque("5", drawer="٤١١١١١١١١١١١١١١١")], [], "card_number_refused"),
        ([cheque("5", drawer=";4111111111111111=25121010000000000000?")], [], "card_number_refused"),
        ([cheque("5")], [wish("7791")], "cheque_account_cash_only"),
        ([cheque("5")], [wish(None, "5", "BA-2")], "cheque_account_cash_only"),
    ],
)
def test_what_a_rule_refuses_books_nothing(
    desk: Desk, tenders: Sequence[TenderOrder], allocate: Sequence[AllocateOrder], code: str
) -> None:
    refusal = refused(desk, lambda: pay(desk, *tenders, allocate=allocate))

    assert refusal.code == code
    assert "4111" not in str(refusal.as_json())


CARD_IN_RRN = card("5", rrn="4111111111111111")
BANK = {"bank": "1", "branch": "2", "reference": "3", "date": "2026-11-21"}
MANDATE = {"mandate": "M1", "reference": "R1", "date": "2026-11-21"}


@pytest.mark.parametrize(
    ("payer", "tender", "allocate", "code"),
    [
        ("BA-404", cash("5"), [], "unknown_account"),
        ("ba-1", cash("5"), [], "unknown_account"),
        ("", cash("5"), [], "bad_reference"),
        ("BA-6", cash("5"), [], "account_other_currency"),
        ("BA-3", cash("5"), [], "nothing_to_pay"),
        ("BA-2", cheque("5"), [], "cheque_account_cash_only"),
        ("D-1", cash("5"), [wish("7781")], "mode_not_for_purpose"),
        ("D-1", TenderOrder(mode="direct_debit", amount="5", details=MANDATE), [], "mode_not_for_payer"),
        ("BA-1", TenderOrder(mode="bank_cash", amount="5", details=BANK), [], "mode_not_for_payer"),
        ("BA-1", CARD_IN_RRN, [], "text_too_long"),
    ],
)  # fmt: skip
def test_the_wrong_payer_or_mode_books_nothing(
    desk: Desk, payer: str, tender: TenderOrder, allocate: Sequence[AllocateOrder], code: str
) -> None:
    assert refused(desk, lambda: pay(desk, tender, account=payer, allocate=allocate)).code == code


@pytest.mark.parametrize(
    ("account_id", "kind"),
    [("BA-1", PayerKind.DEALER), ("D-1", PayerKind.SUBSCRIBER), ("BA-1", PayerKind.WALK_IN)],
)
def test_an_account_pays_as_what_it_is(desk: Desk, account_id: str, kind: PayerKind) -> None:
    refusal = refused(desk, lambda: pay(desk, cash("5"), account=account_id, payer=kind))

    assert refusal.code in ("wrong_payer_kind", "mode_not_for_purpose")


def test_all_of_it_as_change_books_nothing(desk: Desk) -> None:
    refusal = refused(desk, lambda: pay(desk, cash("5"), account="BA-3", overpayment=Overpayment.CHANGE))

    assert refusal.code == "nothing_to_pay"


@pytest.mark.parametrize(
    "event_id", ["", "1", "x" * 10_000, "\x1b[2J", "4111111111111111", "../../etc/passwd"]
)
def test_an_event_id_that_is_none_books_nothing(desk: Desk, event_id: str) -> None:
    asked = order(desk, cash("5"), event_id="019aa3d0-0000-7000-8000-000000000000")
    object.__setattr__(asked, "payment_event_id", event_id)

    refusal = refused(desk, lambda: take_payment(desk, CASHIER, asked))

    assert refusal.code == "bad_reference"
    assert rows(desk, "audit")[-1]["subject"] is None


def test_no_money_without_open_shift() -> None:
    desk = make_till()

    assert refused(desk, lambda: pay(desk, cash("5"))).code == "no_open_shift"
    assert refused(desk, lambda: count(desk, "5")).code == "no_open_shift"
    assert refused(desk, lambda: close_shift(desk, CASHIER)).code == "no_open_shift"


def test_nobody_works_in_anothers_shift(desk: Desk) -> None:
    for deed in (
        lambda: pay(desk, cash("5"), person=OTHER_CASHIER),
        lambda: count(desk, "5", person=OTHER_CASHIER),
        lambda: close_shift(desk, OTHER_CASHIER, "mine"),
    ):
        refusal = refused(desk, deed)
        assert (refusal.code, refusal.details["operator"]) == ("shift_of_other", "1001")


@pytest.mark.parametrize("person", [CASHIER, OTHER_CASHIER])
def test_a_second_open_shift_is_refused(desk: Desk, person: Person) -> None:
    assert refused(desk, lambda: open_shift(desk, person, "0")).code == "shift_is_open"


@pytest.mark.parametrize("person", [BACK_OFFICE, ADMIN, AUDITOR])
def test_who_has_no_right_books_nothing_and_is_told_who_has(desk: Desk, person: Person) -> None:
    for deed in (
        lambda: pay(desk, cash("5"), person=person),
        lambda: open_shift(desk, person, "0"),
        lambda: count(desk, "5", person=person),
        lambda: close_shift(desk, person),
    ):
        refusal = refused(desk, deed)
        assert (refusal.code, refusal.exit_code) == ("not_allowed", 4)
        assert "cashier" in refusal.message


@pytest.mark.parametrize(
    ("counted", "code"),
    [
        (CountOrder(cash="-1"), "bad_amount"),
        (CountOrder(cash=""), "bad_amount"),
        (CountOrder(cash="1.0001"), "amount_too_precise"),
        (CountOrder(cash="1", cheques="x"), "bad_amount"),
        (CountOrder(cash="1", cheque_count=-1), "bad_count"),
        (CountOrder(cash="1", cheque_count=100_001), "bad_count"),
    ],
)
def test_a_bad_count_is_not_kept(desk: Desk, counted: CountOrder, code: str) -> None:
    assert refused(desk, lambda: count_shift(desk, CASHIER, counted)).code == code


@pytest.mark.parametrize(
    ("amount", "code"), [("-1", "bad_amount"), ("", "bad_amount"), ("0.0001", "amount_too_precise")]
)
def test_a_bad_float_opens_no_shift(amount: str, code: str) -> None:
    desk = make_till()

    assert refused(desk, lambda: open_shift(desk, CASHIER, amount)).code == code


@pytest.mark.parametrize(
    ("number", "reason", "code"),
    [
        ("S014-T1-A-000404", None, "unknown_receipt"),
        ("", None, "bad_reference"),
        ("x" * 41, None, "text_too_long"),
        ("S014-T1-A-000001", "\x1bp\x00", "bad_text"),
        ("S014-T1-A-000001", "x" * 201, "text_too_long"),
        ("S014-T1-A-000001", "card 4111111111111111", "card_number_refused"),
    ],
)
def test_a_bad_reprint_counts_nothing(desk: Desk, number: str, reason: str | None, code: str) -> None:
    assert refused(desk, lambda: reprint(desk, CASHIER, number, reason=reason)).code == code


def test_the_books_themselves_are_the_last_wall(desk: Desk) -> None:
    """Whatever a program fault sends there, the database refuses, and the refusal is told as one."""
    with desk.till.transaction() as unit:
        unit.next_number("receipt:A")

    before = dump(desk, without=["audit", "chain_link", "counter"])

    with pytest.raises(Refused) as refusal:
        pay(desk, cash("5"))

    assert refusal.value.code == "store_rule_broken"
    assert dump(desk, without=["audit", "chain_link", "counter"]) == before
    assert [finding.check for finding in findings(desk)] == ["no_number_was_lost"], (
        "and verify names the fault"
    )


def test_a_warning_stops_a_payment_until_its_code_is_confirmed() -> None:
    order = PaymentOrder(
        payment_event_id="EV-1", payer_kind=PayerKind.SUBSCRIBER, payer_account="BA-1", tenders=()
    )
    with pytest.raises(NeedsConfirmation) as warning:
        warn(order, "seen_before", "The same was taken a minute ago.", receipt="R-1")
    assert warning.value.as_json() == {
        "code": "seen_before",
        "message": "The same was taken a minute ago.",
        "receipt": "R-1",
        "confirm": "seen_before",
    }
    warn(replace(order, confirmed=("seen_before",)), "seen_before", "The same was taken a minute ago.")
