"""Disputes, promises, residues, written-off debt, advances, deposits and suspense, as the counter books them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pos.domain.allocation import PaymentPolicy
from pos.domain.bill import BillState, Promise
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.payment_event import Overpayment
from pos.domain.payment_mode import PayerKind, PaymentModes, Purpose
from pos.till.desk import Desk
from pos.till.enquiries import account_view
from pos.till.open_bills import catch_up
from pos.till.payment_order import TenderOrder
from pos.till.suspense import suspense_items
from tests.builders.tills import (
    CASHIER,
    DEALER,
    SUPERVISOR,
    TODAY,
    account,
    bill,
    card,
    cash,
    cheque,
    findings,
    in_suspense,
    make_till,
    money,
    opened,
    pay,
    resolved,
    rows,
    tell,
    wish,
)

SOON = TODAY + timedelta(days=3)


def till(**policy: object) -> Desk:
    desk = make_till(payments=PaymentPolicy(**policy))  # type: ignore[arg-type]
    opened(desk)
    return desk


def ledger(desk: Desk, *kinds: str) -> list[tuple[str, str, str | None, int]]:
    """Source, ledger account, account and debit less credit of each line, in the order of booking."""
    entries = {row["entry_id"]: row["source_kind"] for row in rows(desk, "journal_entry")}
    order = list(entries)
    lines = sorted(rows(desk, "journal_line"), key=lambda row: (order.index(row["entry_id"]), row["line_no"]))
    return [
        (
            str(entries[row["entry_id"]]),
            str(row["ledger_account"]),
            row["account"],  # type: ignore[misc]
            int(str(row["debit_minor"])) - int(str(row["credit_minor"])),
        )
        for row in lines
        if entries[row["entry_id"]] in kinds
    ]


def code_of(desk: Desk, *tenders: object, **asked: object) -> str:
    with pytest.raises(Refused) as refusal:
        pay(desk, *tenders, **asked)  # type: ignore[arg-type]
    return refusal.value.code


# --- in which order, and who chose ---------------------------------------------------------------------------------


def test_a_promised_instalment_is_paid_before_what_is_overdue() -> None:
    """Rule 11: the instalment of 7782 first, then 7781 which is overdue."""
    desk = till()
    tell(desk, bills=[bill("7782", money("12.500"), promise=Promise(on=SOON, amount=money("5")))])
    taken = pay(desk, cash("6"))
    assert [(part.bill_no, part.amount.plain()) for part in taken.receipt.allocations] == [
        ("7782", "5.000"),
        ("7781", "1.000"),
    ]
    second = pay(desk, cash("2"))
    assert [part.bill_no for part in second.receipt.allocations] == ["7781"], "the promise is kept"
    assert findings(desk) == []


def test_a_disputed_part_is_never_paid_by_default_and_is_said() -> None:
    """Rule 11: 5.000 of bill 7781 is contested; the money goes on to the next bill."""
    desk = till()
    tell(desk, bills=[bill("7781", money("41.750"), due=TODAY - timedelta(days=20), disputed=money("5"))])
    taken = pay(desk, cash("40"))
    assert [(part.bill_no, part.amount.plain()) for part in taken.receipt.allocations] == [
        ("7781", "36.750"),
        ("7782", "3.250"),
    ]
    assert [(out.bill_no, out.reason, out.amount.plain()) for out in taken.receipt.left_out] == [
        ("7781", "disputed", "5.000")
    ]
    assert "Bill 7781: 5.000 is disputed, left out." in taken.receipt.notes
    assert code_of(desk, cash("1"), allocate=[wish("7781", "1")]) == "bill_disputed"
    assert code_of(desk, cash("1"), allocate=[wish("7781")]) == "bill_disputed"
    assert findings(desk) == []


def test_a_payer_may_pay_what_is_disputed_where_the_shop_lets_it() -> None:
    desk = till(pay_disputed=True)
    tell(desk, bills=[bill("7781", money("41.750"), disputed=money("5"))])
    taken = pay(desk, cash("40"), allocate=[wish("7781", "40")])
    assert taken.receipt.allocations[0].open_after == money("1.750")
    assert taken.receipt.left_out[0].amount == money("1.750")
    assert code_of(desk, cash("9"), allocate=[wish("7781", "9")]) == "more_than_open"


def test_a_bill_on_hold_is_left_out_and_said() -> None:
    """Rule 11: 7795 of BA-4 is on hold, 7796 is paid."""
    desk = till()
    taken = pay(desk, cash("9"), account="BA-4")
    assert [part.bill_no for part in taken.receipt.allocations] == ["7796"]
    assert [(out.bill_no, out.reason) for out in taken.receipt.left_out] == [("7795", "on_hold")]


def test_who_chose_a_bill_is_kept_with_it() -> None:
    """Rule 12: the payer's explicit choice wins, and the books tell it from the shop's own order."""
    desk = till()
    pay(desk, cash("5"))
    pay(desk, cash("13"), allocate=[wish("7782", "12.500")], overpayment=Overpayment.CREDIT)
    assert [(row["bill_no"], row["chosen_by"]) for row in rows(desk, "v_allocation")] == [
        ("7781", "default"),
        ("7782", "payer"),
        (None, "payer"),
    ]


def test_an_allocation_is_a_record_of_its_own_with_the_tender_that_funded_it() -> None:
    """Rule 13: append-only (the store's walls refuse change); rule 14: each part names its one tender."""
    desk = till()
    pay(desk, card("20"), cash("34.250"))
    tenders = {row["tender_id"]: row["mode"] for row in rows(desk, "tender")}
    assert [
        (row["bill_no"], tenders[row["tender_id"]], row["amount_minor"]) for row in rows(desk, "v_allocation")
    ] == [("7781", "debit_card", 20_000), ("7781", "cash", 21_750), ("7782", "cash", 12_500)]


def test_which_tender_funded_what_is_remembered() -> None:
    """Rule 14: what a card paid and what cash paid can be told apart for every bill, and sums to each tender."""
    desk = till()
    pay(desk, card("20"), cash("34.250"))
    by_tender: dict[str, int] = {}
    for row in rows(desk, "allocation"):
        by_tender[str(row["tender_id"])] = by_tender.get(str(row["tender_id"]), 0) + int(
            str(row["amount_minor"])
        )
    assert sorted(by_tender.values()) == [20_000, 34_250]


# --- one event for several accounts --------------------------------------------------------------------------------


def test_one_payment_credits_several_accounts_each_by_its_own_leg() -> None:
    desk = till()
    taken = pay(desk, cash("35"), allocate=[wish("7782", "5"), wish("7796", "9"), wish(None, "21", "BA-3")])
    assert [(row["account"], row["amount_minor"]) for row in rows(desk, "leg")] == [
        ("BA-1", 5_000),
        ("BA-4", 9_000),
        ("BA-3", 21_000),
    ]
    assert len(rows(desk, "receipt")) == 1
    assert sum(part.amount.minor for part in taken.receipt.allocations) == 35_000
    assert findings(desk) == []


# --- advances and deposits -----------------------------------------------------------------------------------------


def test_an_advance_and_a_deposit_are_kept_apart_from_credit() -> None:
    """Rule 15: each has its own ledger account and balance; a deposit is no credit."""
    desk = till()
    pay(
        desk,
        cash("30"),
        allocate=[
            wish(None, "5", "BA-1"),
            wish(None, "10", "BA-1", keep_as=Purpose.ADVANCE),
            wish(None, "15", "BA-1", keep_as=Purpose.DEPOSIT),
        ],
    )
    catch_up(desk)
    view = account_view(desk, CASHIER, "BA-1")
    assert (view.credit, view.advance, view.deposit) == (money("5"), money("10"), money("15"))
    assert ledger(desk, "payment") == [
        ("payment", "cash_in_till", None, 30_000),
        ("payment", "customer_credit", "BA-1", -5_000),
        ("payment", "customer_advance", "BA-1", -10_000),
        ("payment", "security_deposit", "BA-1", -15_000),
    ]
    assert [row["kept_as"] for row in rows(desk, "v_allocation")] == [None, "advance", "deposit"]
    assert findings(desk) == []


def test_a_way_to_pay_that_is_no_deposit_pays_none() -> None:
    """A shop may take money into an account by cheque, but not as a deposit (``on_account`` of payment_modes.toml)."""
    desk = till()
    mode = desk.modes["cheque"]
    accepts = {payer: uses - {Purpose.DEPOSIT} for payer, uses in mode.accepts.items()}
    desk.modes = PaymentModes({**desk.modes.by_code, "cheque": replace(mode, accepts=accepts)})
    deposit = [wish(None, "5", "BA-1", keep_as=Purpose.DEPOSIT)]
    assert code_of(desk, cheque("5"), allocate=deposit) == "mode_not_for_purpose"
    both = pay(desk, cheque("12.500"), cash("5"), allocate=[*deposit, wish("7782")])
    funded = {row["tender_id"]: row["kept_as"] for row in rows(desk, "v_allocation")}
    modes = {row["tender_id"]: row["mode"] for row in rows(desk, "tender")}
    assert {modes[tender]: kept for tender, kept in funded.items()} == {"cheque": None, "cash": "deposit"}
    assert both.receipt.total == money("17.500")


# --- residues ------------------------------------------------------------------------------------------------------


def test_a_rest_within_the_tolerance_is_cleared_and_posted() -> None:
    """Rule 6: 0.005 of bill 7782 stays unpaid and is written off; the bill shows paid."""
    desk = till(tolerance_minor=5)
    taken = pay(desk, card("12.495"), allocate=[wish("7782", "12.495")])
    (part,) = taken.receipt.allocations
    assert (part.open_after, part.written_off) == (money("0"), money("0.005"))
    assert "Bill 7782: the last 0.005 is written off." in taken.receipt.notes
    assert ledger(desk, "bill_write_off") == [
        ("bill_write_off", "tolerance_write_off", None, 5),
        ("bill_write_off", "receivable", "BA-1", -5),
    ]
    catch_up(desk)
    assert [entry.bill.bill_no for entry in account_view(desk, CASHIER, "BA-1").bills] == ["7781"]
    assert findings(desk) == []


@pytest.mark.parametrize(("tolerance", "paid"), [(5, "12.494"), (0, "12.499")])
def test_a_rest_beyond_the_tolerance_stays_open(tolerance: int, paid: str) -> None:
    """Rule 6: underpayment leaves the bill part-paid unless within tolerance."""
    desk = till(tolerance_minor=tolerance)
    taken = pay(desk, card(paid), allocate=[wish("7782", paid)])
    assert taken.receipt.allocations[0].open_after == money("12.500") - money(paid)
    assert rows(desk, "bill_write_off") == []


def test_the_rest_of_a_disputed_bill_is_not_forgotten() -> None:
    desk = till(tolerance_minor=5)
    tell(desk, bills=[bill("7781", money("41.750"), disputed=money("0.005"))])
    taken = pay(desk, card("41.745"), allocate=[wish("7781")])
    assert taken.receipt.allocations[0].open_after == money("0.005")


# --- written-off debt ----------------------------------------------------------------------------------------------


def test_paying_a_written_off_account_reverses_the_write_off_first() -> None:
    """Rule 18: 10 of the debt was given up; what is paid on its bills is owed again first, then paid."""
    desk = till()
    tell(
        desk,
        accounts=[account("BA-7", written_off=money("10"))],
        bills=[bill("8801", money("8"), of="BA-7"), bill("8802", money("6"), of="BA-7", due=SOON)],
    )
    taken = pay(desk, cash("9"), account="BA-7")
    assert "Account BA-7: 9.000 of written-off debt is owed again and paid." in taken.receipt.notes
    assert ledger(desk, "write_off_recovery", "payment") == [
        ("write_off_recovery", "receivable", "BA-7", 9_000),
        ("write_off_recovery", "write_off_recovery", None, -9_000),
        ("payment", "cash_in_till", None, 9_000),
        ("payment", "receivable", "BA-7", -9_000),
    ]
    assert account_view(desk, CASHIER, "BA-7").written_off == money("1")
    pay(desk, cash("5"), account="BA-7")
    assert [row["amount_minor"] for row in rows(desk, "recovery")] == [9_000, 1_000], (
        "no more than was given up"
    )
    assert account_view(desk, CASHIER, "BA-7").written_off == money("0")
    assert findings(desk) == []


# --- suspense ------------------------------------------------------------------------------------------------------


def test_money_of_an_unknown_owner_waits_in_suspense_under_its_reference() -> None:
    desk = till()
    taken = pay(
        desk,
        cash("20"),
        account=None,
        payer=PayerKind.SUBSCRIBER,
        allocate=[in_suspense("Letter of 3 March")],
    )
    (kept,) = rows(desk, "suspense")
    assert (kept["amount_minor"], kept["reference"]) == (20_000, "Letter of 3 March")
    assert taken.receipt.payer_account is None
    assert ledger(desk, "payment") == [
        ("payment", "cash_in_till", None, 20_000),
        ("payment", "suspense", "SUSPENSE", -20_000),
    ]
    assert [row["account"] for row in rows(desk, "outbox")] == ["SUSPENSE"]
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("", "reference_needed"),
        ("a\x1b[2Jb", "bad_text"),
        ("x" * 121, "text_too_long"),
        ("4111 1111 1111 1111", "card_number_refused"),
    ],
)
def test_what_is_known_of_money_in_suspense_is_cleaned(reference: str, code: str) -> None:
    desk = till()
    asked = {"account": None, "payer": PayerKind.SUBSCRIBER, "allocate": [in_suspense(reference)]}
    assert code_of(desk, cash("20"), **asked) == code
    assert rows(desk, "payment_event") == []


def test_a_known_payer_may_leave_a_part_in_suspense() -> None:
    desk = till()
    pay(desk, cash("20"), allocate=[wish("7782"), in_suspense("for the neighbour")])
    assert [(row["account"], row["amount_minor"]) for row in rows(desk, "leg")] == [
        ("BA-1", 12_500),
        ("SUSPENSE", 7_500),
    ]
    assert findings(desk) == []


def test_nobody_credits_the_account_that_stands_for_suspense() -> None:
    desk = till()
    assert code_of(desk, cash("5"), allocate=[wish(None, "5", "SUSPENSE")]) == "unknown_account"


def test_a_payment_without_an_account_and_not_for_suspense_is_refused() -> None:
    desk = till()
    assert code_of(desk, cash("5"), account=None, payer=PayerKind.SUBSCRIBER) == "unknown_account"


def test_a_dealers_person_takes_nothing_into_suspense() -> None:
    desk = make_till()
    opened(desk, person=DEALER)
    asked = {"account": None, "payer": PayerKind.SUBSCRIBER, "allocate": [in_suspense()], "person": DEALER}
    assert code_of(desk, cash("5"), **asked) == "unknown_account"


def test_a_held_bill_stays_refused_by_name() -> None:
    desk = till()
    assert bill("1", money("1"), state=BillState.ON_HOLD).state is BillState.ON_HOLD
    assert code_of(desk, cash("9"), account="BA-4", allocate=[wish("7795")]) == "bill_on_hold"


# --- out of suspense -----------------------------------------------------------------------------------------------


def unknown_money(desk: Desk, *amounts: str) -> str:
    """Cash of an unknown owner; the number of its receipt."""
    wishes = [in_suspense(f"part {place}", amount) for place, amount in enumerate(amounts)]
    tendered = cash(sum((money(amount) for amount in amounts), money("0")).plain())
    taken = pay(desk, tendered, account=None, payer=PayerKind.SUBSCRIBER, allocate=wishes)
    return taken.receipt.receipt_number


def test_money_out_of_suspense_pays_the_oldest_bills_and_the_rest_is_credit() -> None:
    desk = till(resolve_alone_up_to_minor=100_000)
    number = unknown_money(desk, "60")
    done = resolved(desk, number, "BA-1", reason="letter found")
    assert [(part.bill_no, part.amount.plain()) for part in done.parts] == [
        ("7781", "41.750"),
        ("7782", "12.500"),
        (None, "5.750"),
    ]
    assert ledger(desk, "suspense_resolved") == [
        ("suspense_resolved", "suspense", "SUSPENSE", 60_000),
        ("suspense_resolved", "receivable", "BA-1", -54_250),
        ("suspense_resolved", "customer_credit", "BA-1", -5_750),
    ]
    view = account_view(desk, CASHIER, "BA-1")
    assert (view.bills, view.credit) == ((), money("5.750"))
    assert suspense_items(desk, CASHIER) == []
    (moved,) = rows(desk, "v_transfer")
    assert (moved["from_account"], moved["to_account"], moved["amount_minor"]) == ("SUSPENSE", "BA-1", 60_000)
    assert findings(desk) == []


def test_money_leaves_suspense_in_parts_and_no_more_than_is_there() -> None:
    desk = till(resolve_alone_up_to_minor=100_000)
    number = unknown_money(desk, "10")
    done = resolved(desk, number, "BA-1", "4", allocate=[wish("7782", "3")])
    assert (done.left, [part.amount.plain() for part in done.parts]) == (money("6"), ["3.000", "1.000"])
    with pytest.raises(Refused) as refusal:
        resolved(desk, number, "BA-3", "6.001")
    assert refusal.value.code == "more_than_suspense"
    resolved(desk, number, "BA-3")
    with pytest.raises(Refused) as refusal:
        resolved(desk, number, "BA-3")
    assert refusal.value.code == "suspense_resolved"
    assert sum(int(str(row["amount_minor"])) for row in rows(desk, "suspense_transfer")) == 10_000
    assert account_view(desk, CASHIER, "BA-3").credit == money("6")
    assert findings(desk) == []


def test_several_sums_of_one_receipt_are_told_apart() -> None:
    desk = till(resolve_alone_up_to_minor=100_000)
    number = unknown_money(desk, "10", "5")
    with pytest.raises(Refused) as refusal:
        resolved(desk, number)
    assert (refusal.value.code, refusal.value.details["items"]) == ("which_suspense", [1, 2])
    assert resolved(desk, number, "BA-3", item=2).amount == money("5")
    assert [item.left for item in suspense_items(desk, CASHIER)] == [money("10")]


@pytest.mark.parametrize(
    ("limit", "amount", "may"),
    [(0, "1", False), (20_000, "5", True), (20_000, "20", True), (19_999, "5", False)],
)
def test_a_second_person_is_needed_beyond_what_the_shop_lets_one_do(
    limit: int, amount: str, may: bool
) -> None:
    """The whole sum counts: it is not moved alone part by part."""
    desk = till(resolve_alone_up_to_minor=limit)
    number = unknown_money(desk, "20")
    if may:
        assert resolved(desk, number, "BA-3", amount).amount == money(amount)
        return
    with pytest.raises(Refused) as refusal:
        resolved(desk, number, "BA-3", amount)
    assert refusal.value.code == "approval_required"
    assert rows(desk, "suspense_transfer") == []


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"receipt": "S014-T1-A-000099"}, "unknown_suspense"),
        ({"account": "BA-404"}, "unknown_account"),
        ({"account": "BA-6"}, "account_other_currency"),
        ({"allocate": [wish("7796", "1")]}, "unknown_bill"),
        ({"allocate": [wish(None, "1", "BA-3")]}, "one_account_only"),
        ({"allocate": [in_suspense()]}, "one_account_only"),
        ({"reason": "a\x07b"}, "bad_text"),
    ],
)
def test_a_wrong_way_out_of_suspense_books_nothing(asked: dict[str, Any], code: str) -> None:
    desk = till(resolve_alone_up_to_minor=100_000)
    number = unknown_money(desk, "20")
    with pytest.raises(Refused) as refusal:
        resolved(desk, **{"receipt": number, **asked})
    assert refusal.value.code == code
    assert rows(desk, "suspense_transfer") == []
    assert findings(desk) == []


def test_nobody_sends_money_in_suspense_to_the_own_account() -> None:
    """Rule 64: nor to one that is linked to it."""
    desk = till(resolve_alone_up_to_minor=100_000)
    number = unknown_money(desk, "20")
    own = replace(SUPERVISOR, accounts=frozenset({"BA-1"}))

    with pytest.raises(Refused) as refusal:
        resolved(desk, number, "BA-1", person=own)
    assert refusal.value.code == "approval_required"
    assert resolved(desk, number, "BA-3", person=own).amount == money("20")


@pytest.mark.parametrize("brought", [card("15"), cash("15")])
def test_what_an_unknown_payer_brings_too_much_is_in_suspense_as_well(brought: TenderOrder) -> None:
    """Invariant 21: an overpayment is never lost, and an account that is nobody's has no credit."""
    desk = till(resolve_alone_up_to_minor=100_000)
    letter = [in_suspense("letter", "10")]
    taken = pay(
        desk,
        brought,
        account=None,
        payer=PayerKind.SUBSCRIBER,
        allocate=letter,
        overpayment=Overpayment.CREDIT,
    )

    assert [item.left for item in suspense_items(desk, CASHIER)] == [money("10"), money("5")]
    assert {line["ledger_account"] for line in rows(desk, "v_journal")} >= {"suspense"}
    assert "customer_credit" not in {line["ledger_account"] for line in rows(desk, "v_journal")}
    for item, amount in ((1, "10"), (2, "5")):
        assert resolved(desk, taken.receipt.receipt_number, "BA-3", item=item).amount == money(amount)
    balance = [
        (line["debit_minor"], line["credit_minor"])
        for line in rows(desk, "v_journal")
        if (line["ledger_account"], line["account"]) == ("suspense", "SUSPENSE")
    ]
    assert sum(int(str(debit)) for debit, _ in balance) == sum(int(str(credit)) for _, credit in balance)
    assert findings(desk) == []


def test_a_cashier_takes_nothing_out_of_suspense() -> None:
    desk = till(resolve_alone_up_to_minor=100_000)
    number = unknown_money(desk, "20")
    with pytest.raises(NotAuthorised):
        resolved(desk, number, person=CASHIER)
