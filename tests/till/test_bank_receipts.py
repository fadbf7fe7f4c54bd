"""Dealers' bank receipts after the counter: verified, rejected, settled; and what a dealer may take meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from pos.domain.bank_receipt import BankReceiptState
from pos.domain.dealer import DealerPolicy, DealerTerms, Release
from pos.domain.errors import DomainError, NeedsConfirmation, NotAuthorised
from pos.domain.imported_record import RecordState
from pos.domain.payment_event import Overpayment
from pos.domain.payment_mode import ModeKind, Purpose
from pos.domain.role import Person, Role
from pos.store import outbox
from pos.till.bank_receipts import (
    bank_receipts,
    reject_bank_receipt,
    unblock_dealer,
    verify_bank_receipt,
)
from pos.till.desk import Desk
from pos.till.enquiries import account_view
from pos.till.imports import RecordOrder, begin_run, import_record
from pos.till.payment_order import TenderOrder
from pos.till.take_payment import take_payment
from tests.builders.tills import (
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    DEALER,
    SUPERVISOR,
    TODAY,
    account,
    acknowledge_all,
    atm,
    bank_cash,
    bank_cheque,
    card,
    cash,
    cheque,
    clock_of,
    closed,
    count,
    findings,
    grant_limit,
    iccid,
    in_suspense,
    make_till,
    money,
    opened,
    order,
    pay,
    rows,
    sale,
    stock,
    tell,
    wish,
)
from tests.till.books import refused

SERVICE = [sale("SERVICE")]


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    stock(desk)
    grant_limit(desk, "20")
    opened(desk)
    return desk


def balances(desk: Desk) -> dict[str, int]:
    """Each ledger account's debit balance, where it is not zero."""
    found: Counter[str] = Counter()
    for line in rows(desk, "v_journal"):
        found[str(line["ledger_account"])] += int(str(line["debit_minor"])) - int(str(line["credit_minor"]))
    return {name: minor for name, minor in found.items() if minor}


def presented(desk: Desk, amount: str = "5", reference: str = "K7-20991", **named: object) -> str:
    """A bank receipt is taken; our receipt's number."""
    taken = pay(desk, bank_cash(amount, reference), account="D-1", **named)  # type: ignore[arg-type]
    return taken.receipt.receipt_number


def verify(desk: Desk, number: str, person: Person = BACK_OFFICE) -> None:
    verify_bank_receipt(desk, person, number)


def reject(desk: Desk, number: str, reason: str = "not_found", person: Person = BACK_OFFICE) -> None:
    reject_bank_receipt(desk, person, number, reason)


# --- verified --------------------------------------------------------------------------------------------------------


def test_a_verified_receipt_is_the_banks_money_and_frees_the_dealers_limit(desk: Desk) -> None:
    """Rule 58: the limit counts what no bank has confirmed, and nothing else."""
    number = presented(desk, "20", lines=[sale("SERVICE", 4)])
    assert account_view(desk, CASHIER, "D-1").dealer.left == money("0")  # type: ignore[union-attr]
    assert refused(desk, lambda: presented(desk, "5", "M9", lines=SERVICE)).code == "over_unverified_cap"

    verify(desk, number)

    assert balances(desk)["bank"] == 20_000
    assert "bank_receipts_unverified" not in balances(desk)
    assert account_view(desk, CASHIER, "D-1").unverified == money("0")
    presented(desk, "20", "M9", lines=SERVICE)
    assert findings(desk) == []


def test_a_verified_receipt_needs_no_shift_and_belongs_to_the_day_of_the_banks_word(desk: Desk) -> None:
    number = presented(desk)
    count(desk, "20")
    closed(desk)
    clock_of(desk).advance(days=2)

    verify(desk, number)

    (entry,) = [row for row in rows(desk, "journal_entry") if row["source_kind"] == "bank_receipt"]
    assert entry["business_date"] == (TODAY + timedelta(days=2)).isoformat()
    audit = rows(desk, "v_audit")[-1]
    assert (audit["act"], audit["result"], audit["shift_id"], audit["subject"]) == (
        "verify_bank_receipt",
        "ok",
        None,
        number,
    )
    assert findings(desk) == []


def test_a_receipt_verified_beside_a_late_shift_is_of_today(desk: Desk) -> None:
    number = presented(desk)
    clock_of(desk).advance(days=1)

    verify(desk, number)

    (entry,) = [row for row in rows(desk, "journal_entry") if row["source_kind"] == "bank_receipt"]
    assert entry["business_date"] == (TODAY + timedelta(days=1)).isoformat()
    count(desk, "20")
    assert closed(desk).over_short == money("0")


def test_the_views_tell_where_a_receipt_stands(desk: Desk) -> None:
    first, second = presented(desk, "5", "K1"), presented(desk, "6", "M9")
    pay(desk, cash("1"), account="D-1")
    verify(desk, first)
    reject(desk, second, "forged")

    assert [row["state"] for row in rows(desk, "v_tender")] == ["verified", "rejected", "taken"]
    assert [row["state"] for row in rows(desk, "v_payment")] == ["verified", "rejected", "taken"]
    assert {(row["receipt_number"], row["state"], row["reason"]) for row in rows(desk, "v_bank_receipt")} == {
        (first, "verified", None),
        (second, "rejected", "forged"),
    }


def test_who_took_a_receipt_does_not_verify_it(desk: Desk) -> None:
    both = Person(user="1001", name="A. Kumar", roles=frozenset({Role.CASHIER, Role.BACK_OFFICE}))
    number = presented(desk)

    for deed in (lambda: verify(desk, number, both), lambda: reject(desk, number, person=both)):
        refusal = refused(desk, deed)
        assert isinstance(refusal, NotAuthorised)
        assert refusal.code == "own_deed"
    verify(desk, number)


def test_a_dealers_person_does_not_verify_the_dealers_receipt(desk: Desk) -> None:
    own = Person(user="3009", name="R. H.", roles=frozenset({Role.DEALER, Role.BACK_OFFICE}), dealer="D-1")
    number = presented(desk)

    assert refused(desk, lambda: verify(desk, number, own)).code == "own_deed"
    verify(desk, number, replace(own, dealer="D-2"))


@pytest.mark.parametrize("own", ["D-1", "BA-9"])
def test_whose_own_or_linked_account_a_dealers_is_decides_on_none_of_its_receipts(
    desk: Desk, own: str
) -> None:
    """Rule 64: linked by the customer as well; BA-9 is held by the customer who holds D-1."""
    tell(desk, accounts=[replace(dealer_told(), customer="C-9"), account("BA-9")])
    linked = replace(BACK_OFFICE, accounts=frozenset({own}))
    number = presented(desk)

    assert refused(desk, lambda: verify(desk, number, linked)).code == "own_deed"
    assert refused(desk, lambda: reject(desk, number, person=linked)).code == "own_deed"
    reject(desk, number)
    assert refused(desk, lambda: unblock_dealer(desk, linked, "D-1", "paid")).code == "own_deed"
    unblock_dealer(desk, replace(linked, accounts=frozenset({"BA-1", "D-2"})), "D-1", "paid")


def test_who_has_an_account_that_a_receipt_paid_into_does_not_verify_it(desk: Desk) -> None:
    into_d2 = [wish(None, "5", "D-2")]
    number = pay(desk, bank_cash("5"), account="D-1", allocate=into_d2).receipt.receipt_number
    linked = replace(BACK_OFFICE, accounts=frozenset({"D-2"}))

    assert refused(desk, lambda: verify(desk, number, linked)).code == "own_deed"
    verify(desk, number)


@pytest.mark.parametrize("person", [CASHIER, SUPERVISOR, DEALER, AUDITOR])
def test_only_the_back_office_decides_on_receipts(desk: Desk, person: Person) -> None:
    number = presented(desk, person=CASHIER)

    for deed in (
        lambda: verify(desk, number, person),
        lambda: reject(desk, number, person=person),
        lambda: unblock_dealer(desk, person, "D-1", "paid"),
    ):
        assert isinstance(refused(desk, deed), NotAuthorised)


def test_a_receipt_is_decided_once(desk: Desk) -> None:
    number = presented(desk)
    verify(desk, number)

    assert refused(desk, lambda: verify(desk, number)).code == "receipt_decided"
    assert refused(desk, lambda: reject(desk, number)).code == "receipt_decided"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("S014-T1-A-000099", "unknown_receipt"),
        ("é", "bad_reference"),
        ("4111111111111111", "card_number_refused"),
    ],
)
def test_a_receipt_that_is_none_is_refused(desk: Desk, number: str, code: str) -> None:
    presented(desk)

    assert refused(desk, lambda: verify(desk, number)).code == code


def test_a_payment_without_a_bank_receipt_has_nothing_to_verify(desk: Desk) -> None:
    number = pay(desk, cash("5"), account="D-1").receipt.receipt_number

    assert refused(desk, lambda: verify(desk, number)).code == "unknown_receipt"


def test_of_several_receipts_in_one_payment_the_tender_says_which(desk: Desk) -> None:
    split = [bank_cash("5", "K1"), bank_cash("7", "M22")]
    number = pay(desk, *split, account="D-1").receipt.receipt_number

    refusal = refused(desk, lambda: verify(desk, number))
    assert (refusal.code, refusal.details["tenders"]) == ("which_bank_receipt", [1, 2])
    verify_bank_receipt(desk, BACK_OFFICE, number, tender=2)
    assert balances(desk)["bank"] == 7_000
    assert rows(desk, "v_payment")[0]["state"] == "presented"
    verify_bank_receipt(desk, BACK_OFFICE, number, tender=1)
    assert rows(desk, "v_payment")[0]["state"] == "verified"
    assert findings(desk) == []


# --- refused by central ------------------------------------------------------------------------------------------------


def parked(desk: Desk, reason: str) -> None:
    """Central has refused every leg that it was sent."""
    with desk.till.transaction() as unit:
        for row in outbox.unsent(unit.connection):
            if row.kind == outbox.PAYMENT:
                outbox.freeze_body(unit.connection, row.outbox_id, b"{}")
                outbox.mark_sent(unit.connection, row.outbox_id, at=desk.clock.now())
                outbox.mark_parked(unit.connection, row.outbox_id, reason=reason, at=desk.clock.now())


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (
            "409 instrument_used Credited before, by receipt R-1.",
            "Central has this paper under another receipt",
        ),
        ("400 mode_not_for_purpose No.", "Central has refused this payment"),
    ],
)
def test_a_receipt_that_central_refused_is_not_verified(desk: Desk, reason: str, told: str) -> None:
    """The bank has the money once: another receipt, of whichever shop, brought it already."""
    number = presented(desk, "15", lines=SERVICE)
    parked(desk, reason)

    refusal = refused(desk, lambda: verify(desk, number))

    assert (refusal.code, refusal.details["reason"]) == ("refused_by_central", reason)
    assert refusal.message.startswith(told)
    reject(desk, number, "not_found")
    assert refused(desk, lambda: verify(desk, number)).code == "refused_by_central"
    view = account_view(desk, CASHIER, "D-1")
    assert (view.credit, view.unverified) == (money("-5"), money("0")), "the service was sold for nothing"
    assert [row["state"] for row in rows(desk, "outbox")] == ["parked", "waiting"]
    assert balances(desk)["dealer_account"] == 5_000
    assert unblock_dealer(desk, BACK_OFFICE, "D-1", "Paid in cash").settled == 1
    assert findings(desk) == []


def test_one_refused_leg_of_several_is_enough(desk: Desk) -> None:
    into_both = [wish(account="D-1", amount="4"), wish(account="D-2", amount="5")]
    number = pay(desk, bank_cash("9"), account="D-1", allocate=into_both).receipt.receipt_number
    with desk.till.transaction() as unit:
        last = outbox.unsent(unit.connection)[-1]
        outbox.mark_parked(unit.connection, last.outbox_id, reason="409 instrument_used", at=desk.clock.now())

    assert refused(desk, lambda: verify(desk, number)).code == "refused_by_central"


def test_a_receipt_that_central_took_after_all_is_verified(desk: Desk) -> None:
    number = presented(desk)
    parked(desk, "409 instrument_used")
    with desk.till.transaction() as unit:
        assert outbox.retry_parked(unit.connection, at=desk.clock.now()) == 1

    acknowledge_all(desk)

    verify(desk, number)
    assert balances(desk)["bank"] == 5_000


# --- a cheque at the bank ----------------------------------------------------------------------------------------------


def test_a_receipt_for_a_cheque_is_uncleared_until_its_value_date(desk: Desk) -> None:
    """Rule 48: the paper says received; the bank counts the money from the value date on."""
    dated = (TODAY + timedelta(days=3)).isoformat()
    taken = pay(desk, bank_cheque("5", date=dated), account="D-1")
    number = taken.receipt.receipt_number

    assert taken.receipt.provisional == (
        f"Paid at bank, cheque 5.000: uncleared until {dated}, final when the bank confirms it",
    )
    refusal = refused(desk, lambda: verify(desk, number))
    assert (refusal.code, refusal.details["value_date"]) == ("not_cleared_yet", dated)
    clock_of(desk).advance(days=2)
    assert refused(desk, lambda: verify(desk, number)).code == "not_cleared_yet"
    clock_of(desk).advance(days=1)
    verify(desk, number)


def test_a_receipt_for_a_cheque_that_the_bank_refuses_is_rejected_before_its_value_date(desk: Desk) -> None:
    dated = (TODAY + timedelta(days=3)).isoformat()
    number = pay(desk, bank_cheque("5", date=dated), account="D-1").receipt.receipt_number

    reject(desk, number, "cheque_unpaid")

    assert rows(desk, "v_tender")[0]["state"] == "rejected"


@pytest.mark.parametrize("days", [0, 1, 14])
def test_a_value_date_within_a_fortnight_is_taken(desk: Desk, days: int) -> None:
    dated = (TODAY + timedelta(days=days)).isoformat()

    provisional = pay(desk, bank_cheque("5", date=dated), account="D-1").receipt.provisional

    assert ("uncleared" in provisional[0]) is (days > 0)


def test_cash_paid_in_has_no_value_date_to_come(desk: Desk) -> None:
    tomorrow = (TODAY + timedelta(days=1)).isoformat()

    assert (
        refused(desk, lambda: pay(desk, bank_cash("5", date=tomorrow), account="D-1")).code
        == "date_in_future"
    )


# --- rejected ----------------------------------------------------------------------------------------------------------


def test_a_rejected_receipt_is_the_dealers_debt_and_blocks_the_next(desk: Desk) -> None:
    number = presented(desk, "15", lines=SERVICE)

    reject(desk, number, "amount_differs")

    view = account_view(desk, CASHIER, "D-1")
    assert view.dealer is not None
    assert (view.credit, view.dealer.owed, view.dealer.left) == (money("-5"), money("5"), money("15"))
    assert (view.unverified, view.dealer.blocked) == (money("0"), True)
    # The goods went to revenue when they were sold; the dealer had 10 on account, and owes all 15 now.
    assert balances(desk) == {
        "cash_in_till": 20_000, "safe": -20_000, "dealer_account": 5_000, "item_revenue": -5_000,
    }  # fmt: skip
    refusal = refused(desk, lambda: presented(desk, "5", "M9"))
    assert refusal.code == "dealer_blocked"
    pay(desk, cash("5"), account="D-1")
    pay(desk, bank_cash("5", "M9"), account="D-2")
    assert findings(desk) == []


def test_money_found_after_all_clears_debt_and_block(desk: Desk) -> None:
    number = presented(desk, "15", lines=SERVICE)
    reject(desk, number)

    verify(desk, number)

    view = account_view(desk, CASHIER, "D-1")
    assert view.dealer is not None
    assert (view.credit, view.dealer.owed, view.dealer.blocked) == (money("10"), money("0"), False)
    assert balances(desk)["bank"] == 15_000
    assert balances(desk)["dealer_account"] == -10_000
    presented(desk, "5", "M9")
    assert findings(desk) == []


def test_a_dealer_goes_on_when_the_back_office_has_settled_it(desk: Desk) -> None:
    number = presented(desk, "15")
    reject(desk, number, "forged")

    done = unblock_dealer(desk, BACK_OFFICE, "D-1", "Paid in cash at the head office")

    assert (done.dealer, done.settled) == ("D-1", 1)
    presented(desk, "5", "M9")
    assert refused(desk, lambda: reject(desk, number)).code == "receipt_decided"
    assert refused(desk, lambda: unblock_dealer(desk, BACK_OFFICE, "D-1", "again")).code == "not_blocked"
    assert account_view(desk, CASHIER, "D-1").credit == money("5")
    assert findings(desk) == []


def test_the_bank_may_find_the_money_of_a_settled_receipt_too(desk: Desk) -> None:
    """The dealer paid meanwhile by other means: now the money of the receipt is the dealer's credit."""
    number = presented(desk, "15")
    reject(desk, number)
    pay(desk, cash("15"), account="D-1")
    unblock_dealer(desk, BACK_OFFICE, "D-1", "Paid in cash")
    assert account_view(desk, CASHIER, "D-1").credit == money("15")

    verify(desk, number)

    assert account_view(desk, CASHIER, "D-1").credit == money("30")
    assert (balances(desk)["bank"], balances(desk)["dealer_account"]) == (15_000, -30_000)
    assert rows(desk, "v_bank_receipt")[0]["state"] == "verified"
    assert refused(desk, lambda: verify(desk, number)).code == "receipt_decided"
    assert refused(desk, lambda: reject(desk, number)).code == "receipt_decided"
    assert findings(desk) == []


def test_a_dealer_let_go_on_is_not_blocked_by_what_central_said_before(desk: Desk) -> None:
    reject(desk, presented(desk, "15"))
    tell(desk, accounts=[replace(dealer_told(), blocked=True, seen_change=7)])

    unblock_dealer(desk, BACK_OFFICE, "D-1", "Paid in cash")

    assert account_view(desk, CASHIER, "D-1").dealer.blocked is False  # type: ignore[union-attr]
    presented(desk, "5", "M9")
    with desk.till.transaction() as unit:
        for number, row in enumerate(outbox.unsent(unit.connection), start=8):
            outbox.freeze_body(unit.connection, row.outbox_id, b"{}")
            outbox.mark_acknowledged(
                unit.connection, row.outbox_id, server_id=f"P-{number}", server_href=None, applied_change=number,
                at=desk.clock.now(),
            )  # fmt: skip
    presented(desk, "5", "X22")
    # Once central has told what it says since then, its word counts: the dealer has a rejected one elsewhere.
    tell(desk, accounts=[replace(dealer_told(), blocked=True, seen_change=20)])
    assert refused(desk, lambda: presented(desk, "5", "Y333")).code == "dealer_blocked"


@pytest.mark.parametrize("reason", ["", "FORGED", "because", "not found", "\x1b[2J"])
def test_a_rejection_says_why_by_a_code(desk: Desk, reason: str) -> None:
    number = presented(desk)

    assert refused(desk, lambda: reject(desk, number, reason)).code == "bad_reason"


@pytest.mark.parametrize("reason", ["not_found", "amount_differs", "cheque_unpaid", "forged"])
def test_each_reason_is_kept_with_the_receipt_and_in_the_audit(desk: Desk, reason: str) -> None:
    number = presented(desk)

    reject(desk, number, reason)

    assert rows(desk, "v_bank_receipt")[0]["reason"] == reason
    assert rows(desk, "v_audit")[-1]["reason_code"] == reason


@pytest.mark.parametrize(
    ("reason", "code"), [(" ", "reason_missing"), ("\x1b]0;x\x07", "bad_text"), ("x" * 201, "text_too_long")]
)
def test_unblocking_needs_an_honest_reason(desk: Desk, reason: str, code: str) -> None:
    reject(desk, presented(desk))

    assert refused(desk, lambda: unblock_dealer(desk, BACK_OFFICE, "D-1", reason)).code == code


def test_a_shop_may_leave_dealers_unblocked(desk: Desk) -> None:
    desk = with_dealers(desk, DealerPolicy(standard=DealerTerms(), classes={}, block_after_rejection=False))
    reject(desk, presented(desk))

    presented(desk, "5", "M9")


def test_central_blocks_a_dealer_for_what_happened_at_another_till(desk: Desk) -> None:
    tell(desk, accounts=[replace(dealer_told(), blocked=True)])

    assert refused(desk, lambda: presented(desk)).code == "dealer_blocked"
    pay(desk, cash("5"), account="D-1")


def test_money_for_another_dealers_account_is_that_accounts_debt(desk: Desk) -> None:
    taken = pay(
        desk,
        bank_cash("9"),
        account="D-1",
        allocate=[wish(account="D-1", amount="4"), wish(account="D-2", amount="5")],
    )

    reject(desk, taken.receipt.receipt_number)

    for number in ("D-1", "D-2"):
        assert account_view(desk, CASHIER, number).credit == money("0")
    assert balances(desk) == {"cash_in_till": 20_000, "safe": -20_000}
    assert [row["kind"] for row in rows(desk, "outbox")] == ["payment", "payment", "outcome", "outcome"]
    assert findings(desk) == []


@pytest.mark.parametrize("keep_as", [Purpose.DEPOSIT, Purpose.ADVANCE, Purpose.SUSPENSE])
@pytest.mark.parametrize("tender", [bank_cash("9"), bank_cheque("9")])
def test_money_that_a_bank_may_deny_lies_on_the_dealers_account_alone(
    desk: Desk, keep_as: Purpose, tender: TenderOrder
) -> None:
    """A rejected receipt takes its money back from there: as a deposit it could be given back all the same."""
    allocate = [wish(None, "9", "D-1", keep_as=keep_as)]
    if keep_as is Purpose.SUSPENSE:
        allocate = [in_suspense(amount="9")]

    refusal = refused(desk, lambda: pay(desk, tender, account="D-1", allocate=allocate))

    assert (refusal.code, refusal.details["purpose"]) == ("mode_not_for_purpose", str(keep_as))
    pay(desk, cash("9"), account="D-1", allocate=allocate)
    pay(desk, tender, account="D-1", allocate=[wish(None, "9", "D-1")])


# --- what a dealer may take ------------------------------------------------------------------------------------------


def dealer_told(limit: str = "20"):  # type: ignore[no-untyped-def]
    return replace(
        account("D-1", "Gulf Mobile Corner", kind=SERVICE_DEALER, credit_limit=money(limit)),
        dealer_class="gold",
    )


SERVICE_DEALER = order(make_till(), cash("1"), account="D-1").payer_kind


def with_dealers(desk: Desk, policy: DealerPolicy) -> Desk:
    return replace(desk, policy=replace(desk.policy, dealers=policy))


def test_goods_bought_by_cheque_are_open_orders_until_it_clears(desk: Desk) -> None:
    """Rule 58: the limit counts goods that left on money which is not sure yet, too."""
    pay(desk, cheque("15"), account="D-1", lines=[sale("SERVICE", 3)])

    view = account_view(desk, CASHIER, "D-1")
    assert view.dealer is not None
    assert (view.dealer.open_orders, view.dealer.left) == (money("15"), money("5"))
    assert refused(desk, lambda: presented(desk, "10", lines=SERVICE)).code == "over_unverified_cap"
    presented(desk, "5", lines=SERVICE)


def matched_with_its_record(desk: Desk, amount: str, trace: str) -> None:
    """The bank's file has the slip of an ATM."""
    run = begin_run(desk, BACK_OFFICE, ModeKind.ATM, profile="records", file_digest=trace)
    details = atm(amount, trace).details
    record = import_record(
        desk, BACK_OFFICE, run, RecordOrder(mode="atm", amount=amount, account="D-1", details=details)
    )
    assert record.state is RecordState.MATCHED


def test_goods_bought_at_an_atm_are_open_orders_until_the_bank_tells_of_it(desk: Desk) -> None:
    """Rule 58: money that waits for anything is not sure, whatever the way to pay."""
    pay(desk, atm("17", "004711"), account="D-1", lines=[sale("SERVICE", 3)], overpayment=Overpayment.CREDIT)
    view = account_view(desk, CASHIER, "D-1")
    assert view.dealer is not None
    assert (view.dealer.open_orders, view.dealer.left) == (money("15"), money("5"))
    assert refused(desk, lambda: presented(desk, "10", lines=SERVICE)).code == "over_unverified_cap"

    matched_with_its_record(desk, "17", "004711")

    assert account_view(desk, CASHIER, "D-1").dealer.open_orders == money("0")  # type: ignore[union-attr]
    presented(desk, "20", lines=SERVICE)


@pytest.mark.parametrize("tender", [cheque("25"), atm("25")])
def test_goods_leave_on_any_money_that_is_not_sure_only_as_far_as_the_limit(
    desk: Desk, tender: TenderOrder
) -> None:
    refusal = refused(desk, lambda: pay(desk, tender, account="D-1", lines=[sale("SERVICE", 5)]))

    assert refusal.code == "over_unverified_cap"
    assert (refusal.details["unverified"], refusal.details["cap"]) == ("25.000", "20.000")
    pay(desk, cheque("25", "000777"), account="BA-1", lines=[sale("SERVICE", 5)])
    # Only the goods count: the rest is the dealer's own credit once it is sure.
    four = [sale("SERVICE", 4)]
    pay(desk, tender, account="D-1", lines=four, overpayment=Overpayment.CREDIT)
    assert account_view(desk, CASHIER, "D-1").dealer.left == money("0")  # type: ignore[union-attr]
    pay(desk, cash("5"), account="D-1", lines=SERVICE)
    pay(desk, card("5"), account="D-1", lines=SERVICE)
    pay(desk, cheque("30", "000999"), account="D-1")


def test_what_other_tills_have_taken_counts_against_the_limit(desk: Desk) -> None:
    tell(desk, accounts=[replace(dealer_told(), unverified_told=money("12"), seen_change=7)])

    view = account_view(desk, CASHIER, "D-1")
    assert view.dealer is not None
    assert (view.unverified, view.dealer.left) == (money("12"), money("8"))
    assert refused(desk, lambda: presented(desk, "10", lines=SERVICE)).code == "over_unverified_cap"
    presented(desk, "5", lines=SERVICE)


def test_a_class_has_a_cap_of_its_own(desk: Desk) -> None:
    gold = {"gold": DealerTerms(unverified_cap=money("5"))}
    desk = with_dealers(desk, DealerPolicy(standard=DealerTerms(), classes=gold))
    tell(desk, accounts=[dealer_told("1000")])

    presented(desk, "5", lines=SERVICE)
    refusal = refused(desk, lambda: presented(desk, "5", "M9", lines=SERVICE))
    assert (refusal.code, refusal.details["cap"]) == ("over_unverified_cap", "5.000")


def test_pieces_with_serials_wait_for_the_bank_where_the_class_says_so(desk: Desk) -> None:
    """Rule 58: items by serial are released only after the payment state allows."""
    gold = {"gold": DealerTerms(release=Release.HOLD)}
    desk = with_dealers(desk, DealerPolicy(standard=DealerTerms(), classes=gold))
    tell(desk, accounts=[dealer_told("1000")])
    sim = [sale("SIM-01", 1, iccid(1))]

    assert refused(desk, lambda: presented(desk, "5", lines=sim)).code == "goods_held"
    pay(desk, cash("5"), account="D-1", lines=sim)
    presented(desk, "5", lines=SERVICE)
    pay(desk, bank_cash("5", "M9"), account="D-2")


# --- nearly the same paper -------------------------------------------------------------------------------------------


def near(desk: Desk, make: Callable[[], object]) -> DomainError:
    refusal = refused(desk, make)
    assert isinstance(refusal, NeedsConfirmation)
    return refusal


def test_a_receipt_nearly_the_same_as_another_asks_to_compare_the_papers(desk: Desk) -> None:
    """Rule 47: the same amount and date, a number beside: a warning that a person confirms."""
    number = presented(desk, "5", "K7-20991")
    asked = order(desk, bank_cash("5", "K7-20992"), account="D-1")

    refusal = near(desk, lambda: take_payment(desk, CASHIER, asked))

    assert (refusal.code, refusal.details["receipt"]) == ("near_duplicate", number)
    assert refusal.as_json()["confirm"] == "near_duplicate"
    taken = take_payment(desk, CASHIER, replace(asked, confirmed=("near_duplicate",)))
    assert taken.receipt.total == money("5")


def test_two_receipts_nearly_the_same_in_one_payment_are_compared_too(desk: Desk) -> None:
    split = [bank_cash("5", "K7-20991"), bank_cash("5", "K7-20992")]

    assert near(desk, lambda: pay(desk, *split, account="D-1")).code == "near_duplicate"


@pytest.mark.parametrize(
    ("reference", "more"),
    [
        ("k7 20992", {}),
        ("K7-20981", {}),
        ("K7-20991", {"branch": "43"}),
        ("K7-20991", {"bank": "002"}),
        ("K7-20992", {"bank": "002"}),
    ],
)
def test_another_paper_of_the_same_dealer_is_near_by_its_number_alone(
    desk: Desk, reference: str, more: dict[str, str]
) -> None:
    presented(desk, "5", "K7-20991")
    tender = bank_cash("5", reference, **more)

    assert near(desk, lambda: pay(desk, tender, account="D-1")).code == "near_duplicate"


SAME_NUMBER = [
    bank_cash("5", branch="42B"),
    bank_cash("500"),
    bank_cash("5", "k7 20991", date=(TODAY - timedelta(days=1)).isoformat()),
    bank_cheque("5.005", branch="9"),
]


@pytest.mark.parametrize("tender", SAME_NUMBER)
@pytest.mark.parametrize("dealer", ["D-1", "D-2"])
def test_a_number_of_the_same_bank_is_met_whatever_else_the_paper_says(
    desk: Desk, tender: TenderOrder, dealer: str
) -> None:
    """Rule 47: the branch, the amount and the date of a paper are keyed wrongly, or altered; the bank's number stays."""
    number = presented(desk, "5", "K7-20991")

    refusal = near(desk, lambda: pay(desk, tender, account=dealer))

    assert (refusal.code, refusal.details["receipt"]) == ("near_duplicate", number)
    asked = replace(order(desk, tender, account=dealer), confirmed=("near_duplicate",))
    assert not take_payment(desk, CASHIER, asked).replayed


@pytest.mark.parametrize("tender", SAME_NUMBER)
def test_one_number_of_a_bank_twice_in_one_payment_is_met_too(desk: Desk, tender: TenderOrder) -> None:
    assert near(desk, lambda: pay(desk, bank_cash("5"), tender, account="D-1")).code == "near_duplicate"


@pytest.mark.parametrize(
    "tender",
    [bank_cash("6", bank="002"), bank_cash("6", "K7-20992"), bank_cash("6", "K7"), bank_cash("6", "20991")],
)
def test_another_banks_number_or_another_number_over_another_amount_is_another_paper(
    desk: Desk, tender: TenderOrder
) -> None:
    presented(desk, "5", "K7-20991")

    pay(desk, tender, account="D-1")


@pytest.mark.parametrize(
    "tender",
    [
        bank_cash("5.005", "K7-20992"),
        bank_cash("5", "K7-20995"[:-2] + "50"),
        bank_cash("5", "K7-20992", date=(TODAY - timedelta(days=1)).isoformat()),
    ],
)
def test_another_amount_date_or_number_is_no_near_duplicate(desk: Desk, tender: object) -> None:
    presented(desk, "5", "K7-20991")

    pay(desk, tender, account="D-1")  # type: ignore[arg-type]


# --- looking -----------------------------------------------------------------------------------------------------------


def test_the_list_shows_what_waits_for_the_bank_and_a_dealer_sees_only_his(desk: Desk) -> None:
    first, second = presented(desk, "5", "K1"), presented(desk, "6", "M9")
    other = pay(desk, bank_cash("7", "X3"), account="D-2").receipt.receipt_number
    verify(desk, first)

    assert [found.receipt_number for found in bank_receipts(desk, BACK_OFFICE)] == [second, other]
    assert [found.receipt_number for found in bank_receipts(desk, DEALER)] == [second]
    assert [found.state for found in bank_receipts(desk, DEALER, states=[BankReceiptState.VERIFIED])] == [
        BankReceiptState.VERIFIED
    ]
    with pytest.raises(NotAuthorised):
        bank_receipts(desk, Person(user="9", name="X", roles=frozenset({Role.ADMIN})))
