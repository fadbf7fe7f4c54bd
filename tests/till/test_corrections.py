"""Void, reversal and cancelled tenders: the exact inverse, once, by another person, and nothing else touched."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy.exc import IntegrityError

from pos.domain.approval import ApprovalNeeded
from pos.domain.correction import CorrectionPolicy, CorrectionReason
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.payment_mode import PayerKind
from pos.domain.role import Person
from pos.domain.voucher import Residual, VoucherTerms
from pos.till.approvals import approve
from pos.till.correction_entry import Corrected, CorrectionOrder
from pos.till.corrections import reverse, void
from pos.till.deposits import deposit_cheques
from pos.till.desk import Desk
from pos.till.open_bills import catch_up
from pos.till.papers import show_receipt
from pos.till.payment_order import TenderOrder
from pos.till.take_payment import take_payment
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    DEALER,
    OTHER_CASHIER,
    SUPERVISOR,
    FakeVouchers,
    bank_cash,
    card,
    cash,
    cheque,
    closed,
    count,
    findings,
    in_suspense,
    make_till,
    money,
    notes,
    opened,
    pay,
    reserve,
    resolved,
    rows,
    sale,
    stock,
    take_currencies,
    voucher,
)
from tests.builders.tills import order as pay_order
from tests.builders.undoing import WRONG, approved, balances, code_of, credits, open_bills, order

SIM = "8996500000000000019"


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    stock(desk)
    opened(desk)
    return desk


def voided(
    desk: Desk, receipt: str, person: Person = CASHIER, *, reason: str = WRONG, text: str = ""
) -> Corrected:
    return approved(desk, lambda: void(desk, person, order(receipt, reason=reason, text=text)))


def reversed_(desk: Desk, receipt: str, person: Person = CASHIER, *, tender: int | None = None) -> Corrected:
    return approved(desk, lambda: reverse(desk, person, order(receipt, tender=tender)))


# --- void ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tenders",
    [
        [cash("50")],
        [cheque("41.750")],
        [card("20"), cash("30")],
        [card("10"), cheque("10"), cash("5")],
    ],
)
def test_a_void_is_the_exact_inverse(desk: Desk, tenders: list[TenderOrder]) -> None:
    """Rule 29: bills, credit, ledger and drawer are as before; the payment's own rows stay."""
    before = (open_bills(desk), credits(desk), balances(desk))
    taken = pay(desk, *tenders)
    catch_up(desk)
    kept = rows(desk, "payment_event"), rows(desk, "allocation"), rows(desk, "tender")

    done = voided(desk, taken.receipt.receipt_number)

    assert (open_bills(desk), credits(desk), balances(desk)) == before
    assert (rows(desk, "payment_event"), rows(desk, "allocation"), rows(desk, "tender")) == kept
    assert [row["state"] for row in rows(desk, "v_payment")] == ["voided"]
    assert done.receipt_number == "S014-T1-A-VS-000001"
    assert findings(desk) == []
    count(desk, "20")
    closed(desk)
    assert rows(desk, "shift_close")[0]["over_short_minor"] == 0
    assert findings(desk) == []


def test_the_voided_receipt_keeps_its_number_and_says_that_it_is_void(desk: Desk) -> None:
    """Rule 34."""
    taken = pay(desk, cash("5"))
    done = voided(desk, taken.receipt.receipt_number, reason="other", text="Keyed for the neighbour")

    facts = show_receipt(desk, CASHIER, taken.receipt.receipt_number)
    assert facts.undone_by == done.receipt_number
    slip = show_receipt(desk, CASHIER, done.receipt_number)
    assert slip.correction is not None
    assert (slip.correction.of_receipt, slip.correction.reason) == (
        taken.receipt.receipt_number,
        "Keyed for the neighbour",
    )
    assert (slip.correction.cash, slip.correction.approver) == (money("5"), "2002")
    assert [job["receipt_number"] for job in rows(desk, "print_job")][-1] == done.receipt_number
    assert pay(desk, cash("5")).receipt.receipt_number.endswith("-A-000002")


def test_what_was_voided_can_be_taken_again(desk: Desk) -> None:
    """The same cheque, slip and piece come in once they were given back, and are alive once."""
    tenders = [cheque("1"), card("1"), cash("3")]
    for _ in range(3):
        taken = pay(desk, *tenders, lines=[sale("SIM-01", 1, SIM)])
        assert code_of(lambda: pay(desk, cheque("1"))) == "cheque_taken_before"
        assert code_of(lambda: pay(desk, card("1"))) == "taken_before"
        voided(desk, taken.receipt.receipt_number)
    assert [row["state"] for row in rows(desk, "v_cheque")] == ["returned"] * 3
    assert findings(desk) == []


def test_notes_of_another_currency_go_back_as_they_came(desk: Desk) -> None:
    take_currencies(desk, {"USD": "0.30675"})
    taken = pay(desk, notes("20"), account="BA-2")

    done = voided(desk, taken.receipt.receipt_number)

    (out,) = rows(desk, "correction_cash")
    assert (out["foreign_minor"], out["foreign_currency"]) == (2000, "USD")
    assert int(str(out["amount_minor"])) == -taken.receipt.change.minor
    assert done.cash == -taken.receipt.change
    assert balances(desk) == {("cash_in_till", None): 20_000, ("safe", None): -20_000}
    assert findings(desk) == []


def test_a_void_is_of_the_own_open_shift(desk: Desk) -> None:
    """Rule 30: same shift, same till."""
    receipt = pay(desk, cash("5")).receipt.receipt_number
    assert code_of(lambda: void(desk, OTHER_CASHIER, order(receipt))) == "shift_of_other"
    count(desk, "25")
    closed(desk)
    assert code_of(lambda: void(desk, CASHIER, order(receipt))) == "no_open_shift"
    opened(desk)
    assert code_of(lambda: void(desk, CASHIER, order(receipt))) == "not_this_shift"
    assert rows(desk, "correction") == []


def test_a_payment_is_undone_once(desk: Desk) -> None:
    receipt = pay(desk, cash("5")).receipt.receipt_number
    voided(desk, receipt)

    assert code_of(lambda: void(desk, CASHIER, order(receipt))) == "payment_corrected"
    assert code_of(lambda: reverse(desk, CASHIER, order(receipt))) == "payment_corrected"
    assert len(rows(desk, "correction")) == 1


@pytest.mark.parametrize(
    ("order_", "code"),
    [
        (order("S014-T1-A-000099"), "unknown_receipt"),
        (order("4111111111111111"), "card_number_refused"),
        (order("S014-T1-A-000001", reason="because"), "bad_reason"),
        (order("S014-T1-A-000001", reason="other"), "reason_required"),
        (order("S014-T1-A-000001", reason="other", text="card 4111 1111 1111 1111"), "card_number_refused"),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_an_audit_row_only(
    desk: Desk, order_: CorrectionOrder, code: str
) -> None:
    pay(desk, cash("5"))
    before = len(rows(desk, "audit"))

    assert code_of(lambda: void(desk, CASHIER, order_)) == code
    assert len(rows(desk, "audit")) == before + 1
    assert rows(desk, "correction") == rows(desk, "approval_request") == []


def test_a_cheque_on_a_slip_for_the_bank_is_not_given_back(desk: Desk) -> None:
    """Rule 31: a lodged item can never be deleted."""
    receipt = pay(desk, cheque("10")).receipt.receipt_number
    count(desk, "20", cheques="10", cheque_count=1)
    closed(desk)
    deposit_cheques(desk, BACK_OFFICE, None)
    opened(desk)

    assert code_of(lambda: reverse(desk, CASHIER, order(receipt))) == "cheque_on_its_way"


def by_voucher(desk: Desk, *tenders: TenderOrder, worth: str, residual: Residual = Residual.CREDIT) -> str:
    """A payment of BA-1 with a voucher that is worth so much; its receipt."""
    asked = pay_order(desk, *tenders, account="BA-1")
    terms = VoucherTerms(value=money(worth), expires=date(2027, 12, 31), residual=residual)
    reserve(desk, asked, FakeVouchers(terms=terms))
    return take_payment(desk, CASHIER, asked).receipt.receipt_number


@pytest.mark.parametrize(
    ("worth", "residual"),
    [
        ("4", Residual.NEW_VOUCHER),
        ("6", Residual.CREDIT),
        ("6", Residual.FORFEIT),
    ],
)
def test_what_a_voucher_paid_is_undone_and_its_slip_says_when_it_is_good_again(
    desk: Desk, worth: str, residual: Residual
) -> None:
    before = (open_bills(desk), credits(desk), balances(desk))
    receipt = by_voucher(desk, voucher("4"), cash("3"), worth=worth, residual=residual)

    done = voided(desk, receipt)

    assert (open_bills(desk), credits(desk), balances(desk)) == before
    assert done.paper.correction is not None
    assert "good again once central knows" in [how for _, _, how in done.paper.correction.given_back]
    assert findings(desk) == []
    again = by_voucher(desk, voucher("4"), cash("3"), worth=worth, residual=residual)
    assert again != receipt
    assert findings(desk) == []


def test_a_voucher_that_central_cannot_make_good_is_not_undone(desk: Desk) -> None:
    """Its rest is in somebody's hands as another one, or it is an outside issuer's."""
    rest_given = by_voucher(desk, voucher("4"), worth="6", residual=Residual.NEW_VOUCHER)
    outside = by_voucher(desk, voucher("3", "EXT-VM7T-XT9W", issuer="City Gifts"), worth="3")
    for receipt in (rest_given, outside):
        assert code_of(lambda receipt=receipt: void(desk, CASHIER, order(receipt))) == "voucher_not_undone"  # type: ignore[misc]


def test_money_that_left_suspense_is_not_voided_under_its_owner(desk: Desk) -> None:
    """Rule 30: not used by a transfer."""
    receipt = pay(desk, cash("5"), allocate=[in_suspense("Envelope", "5")]).receipt.receipt_number
    desk.policy = replace(
        desk.policy, payments=replace(desk.policy.payments, resolve_alone_up_to_minor=5_000)
    )
    resolved(desk, receipt, "BA-1")

    assert code_of(lambda: void(desk, CASHIER, order(receipt))) == "payment_moved"
    with pytest.raises(IntegrityError):
        _force_part(desk)


def _force_part(desk: Desk) -> None:
    (part,) = rows(desk, "allocation")
    with desk.till.transaction() as unit:
        unit.insert(
            "correction_part",
            {
                "correction_id": "x",
                "number": 1,
                "part_id": part["allocation_id"],
                "amount_minor": 5000,
                "currency": "KWD",
            },
        )


def test_money_in_suspense_that_was_voided_has_no_owner_any_more(desk: Desk) -> None:
    receipt = pay(desk, cash("5"), allocate=[in_suspense("Envelope", "5")]).receipt.receipt_number
    voided(desk, receipt)

    assert code_of(lambda: resolved(desk, receipt, "BA-1")) == "suspense_resolved"
    assert findings(desk) == []


# --- who ------------------------------------------------------------------------------------------------------------------


def test_neither_who_asks_nor_who_took_it_approves(desk: Desk) -> None:
    """Rule 33: approver, requester and original cashier are three people, or the approver is another."""
    count(desk, "20")
    closed(desk)
    opened(desk, person=SUPERVISOR)
    receipt = pay(desk, cash("5"), person=SUPERVISOR).receipt.receipt_number
    count(desk, "25", person=SUPERVISOR)
    closed(desk, person=SUPERVISOR)
    opened(desk)
    with pytest.raises(ApprovalNeeded) as refusal:
        reverse(desk, CASHIER, order(receipt))
    request = str(refusal.value.details["request"])

    with pytest.raises(NotAuthorised) as told:
        approve(desk, SUPERVISOR, request)
    assert told.value.code == "own_deed"
    approve(desk, BACK_OFFICE, request)
    reverse(desk, CASHIER, order(receipt))
    assert findings(desk) == []


def test_up_to_the_cap_nobody_else_is_asked(desk: Desk) -> None:
    desk.policy = replace(desk.policy, corrections=CorrectionPolicy(alone_minor={"void": 5_000}))
    small, large = (pay(desk, cash(amount)).receipt.receipt_number for amount in ("5", "5.005"))

    assert void(desk, CASHIER, order(small)).paper.correction is not None
    assert code_of(lambda: void(desk, CASHIER, order(large))) == "approval_required"


def test_a_dealer_voids_at_the_own_till_and_sees_nobody_elses(desk: Desk) -> None:
    receipt = pay(desk, cash("5")).receipt.receipt_number

    assert code_of(lambda: void(desk, DEALER, order(receipt))) == "unknown_receipt"
    assert code_of(lambda: reverse(desk, DEALER, order(receipt))) == "not_allowed"


# --- reversal -------------------------------------------------------------------------------------------------------------


def later_shift(desk: Desk, cash_: str, **more: object) -> None:
    count(desk, cash_, **more)  # type: ignore[arg-type]
    closed(desk)
    opened(desk)


def test_a_reversal_has_its_own_number_and_takes_cash_out_of_this_drawer(desk: Desk) -> None:
    """Rule 30: after its shift a payment is reversed; the original shift's figures stay."""
    receipt = pay(desk, cash("5")).receipt.receipt_number
    later_shift(desk, "25")
    first_close = rows(desk, "shift_close")

    done = reversed_(desk, receipt)

    assert done.receipt_number == "S014-T1-A-RV-000001"
    assert [row["state"] for row in rows(desk, "v_payment")] == ["reversed"]
    assert rows(desk, "shift_close") == first_close
    count(desk, "15")
    closed(desk)
    assert rows(desk, "shift_close")[1]["over_short_minor"] == 0
    assert findings(desk) == []


def test_a_drawer_that_lacks_the_cash_gives_none(desk: Desk) -> None:
    receipt = pay(desk, cash("41.750")).receipt.receipt_number
    later_shift(desk, "61.750")
    with pytest.raises(ApprovalNeeded) as asked:
        reverse(desk, CASHIER, order(receipt))
    approve(desk, SUPERVISOR, str(asked.value.details["request"]))

    with pytest.raises(Refused) as refusal:
        reverse(desk, CASHIER, order(receipt))

    assert refusal.value.code == "drawer_short"
    assert "20.000" not in refusal.value.message
    assert rows(desk, "correction") == []


def test_a_payment_of_the_open_shift_is_voided_and_not_reversed(desk: Desk) -> None:
    receipt = pay(desk, cash("5")).receipt.receipt_number

    assert code_of(lambda: reverse(desk, CASHIER, order(receipt))) == "void_it"


def test_the_back_office_reverses_a_card_without_a_shift(desk: Desk) -> None:
    receipt = pay(desk, card("5")).receipt.receipt_number
    catch_up(desk)
    before = open_bills(desk)
    count(desk, "20")
    closed(desk)

    reversed_(desk, receipt, BACK_OFFICE)

    assert open_bills(desk) != before
    assert findings(desk) == []


# --- one bad tender ----


def test_a_cancelled_tender_undoes_what_it_funded_and_nothing_else(desk: Desk) -> None:
    before = open_bills(desk)
    taken = pay(desk, cheque("10"), cash("5"))
    catch_up(desk)

    done = reversed_(desk, taken.receipt.receipt_number, tender=1)

    assert (done.receipt_number, done.amount, done.cash.minor) == ("S014-T1-A-TC-000001", money("10"), 0)
    assert sum(before.values()) - sum(open_bills(desk).values()) == 5_000
    assert [row["state"] for row in rows(desk, "v_tender")] == ["cancelled", "taken"]
    assert [row["state"] for row in rows(desk, "v_payment")] == ["cancelled"]
    assert findings(desk) == []
    count(desk, "25")
    closed(desk)
    assert rows(desk, "shift_close")[0]["over_short_minor"] == 0


@pytest.mark.parametrize(
    ("tender", "code"), [(2, "cash_is_no_instrument"), (3, "unknown_tender"), (0, "unknown_tender")]
)
def test_only_an_instrument_is_bad(desk: Desk, tender: int, code: str) -> None:
    receipt = pay(desk, cheque("10"), cash("5")).receipt.receipt_number

    assert code_of(lambda: reverse(desk, CASHIER, order(receipt, tender=tender))) == code


def test_a_tender_that_paid_for_items_is_not_cancelled_alone(desk: Desk) -> None:
    receipt = pay(desk, card("5"), cash("5"), lines=[sale("SERVICE", 2)]).receipt.receipt_number

    assert code_of(lambda: reverse(desk, CASHIER, order(receipt, tender=1))) == "tender_paid_items"


# --- bank receipts, the wire ----


def test_a_voided_bank_receipt_waits_for_no_bank(desk: Desk) -> None:
    taken = pay(desk, bank_cash("15", "K7-20991"), account="D-1")

    voided(desk, taken.receipt.receipt_number)

    assert rows(desk, "v_tender")[0]["state"] == "voided"
    pay(desk, bank_cash("15", "K7-20991"), account="D-1")
    assert findings(desk) == []


def test_central_hears_of_each_leg_behind_the_leg(desk: Desk) -> None:
    taken = pay(desk, cheque("10"), cash("5"))
    voided(desk, taken.receipt.receipt_number)

    told = [(row["kind"], row["leg"], row["state"]) for row in rows(desk, "outbox")]
    assert told == [
        ("payment", 1, "waiting"),
        ("payment", 2, "waiting"),
        ("refund", 1, "waiting"),
        ("refund", 2, "waiting"),
    ]


@pytest.mark.parametrize("reason", [one for one in CorrectionReason if one is not CorrectionReason.OTHER])
def test_every_reason_is_kept_by_its_code(desk: Desk, reason: CorrectionReason) -> None:
    receipt = pay(desk, cash("5")).receipt.receipt_number

    voided(desk, receipt, reason=str(reason))

    assert [row["reason_code"] for row in rows(desk, "v_correction")] == [str(reason)]


def test_walk_in_sales_are_voided_with_their_pieces(desk: Desk) -> None:
    taken = pay(desk, cash("5"), lines=[sale("SIM-01", 1, SIM)], payer=PayerKind.WALK_IN, account=None)
    voided(desk, taken.receipt.receipt_number)

    assert balances(desk) == {("cash_in_till", None): 20_000, ("safe", None): -20_000}
    assert findings(desk) == []
