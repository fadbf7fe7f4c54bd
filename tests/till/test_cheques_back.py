"""A cheque in the shop goes back: alone, or for another way to pay in the same moment (domain.md 3.3, rules 37 and 39)."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from pos.domain.errors import Refused
from pos.domain.ids import new_id
from pos.domain.money import Money
from pos.domain.payment_event import Overpayment
from pos.domain.receipt import ReceiptKind
from pos.domain.role import Person
from pos.till.cheque_register import all_cheques, cheque_life, clearing_accounts
from pos.till.cheques_back import (
    ChequeReplaced,
    ChequeReturned,
    ReplaceOrder,
    ReturnOrder,
    replace_cheque,
    return_cheque,
)
from pos.till.deposits import deposit_cheques
from pos.till.desk import Desk
from pos.till.due_cheques import pay_post_dated
from pos.till.open_bills import catch_up
from pos.till.payment_order import TenderOrder
from pos.till.post_dated import ChequeRegistered, register_cheque
from pos.till.script import Script
from pos.till.take_payment import PaymentTaken
from tests.builders.across import AskedFirst, FakeRefunds, elsewhere
from tests.builders.tills import (
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    DEALER,
    OTHER_CASHIER,
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
    make_till,
    money,
    opened,
    order,
    pay,
    rows,
    sale,
    stock,
    voucher,
    wish,
)
from tests.builders.undoing import balances, credits, open_bills
from tests.till.books import refused, spoil

RECEIPT, NOTE = "S014-T1-A-000001", "S014-T1-A-PD-000001"


@pytest.fixture
def desk() -> Desk:
    """BA-1 paid bill 7781 (41.750) by cheque 000123 and 7782 (12.500) in cash, in one payment of the open shift."""
    desk = make_till()
    opened(desk)
    pay(
        desk,
        cheque("41.750", "000123"),
        cash("12.500"),
        allocate=[wish("7781", "41.750"), wish("7782", "12.500")],
    )
    catch_up(desk)
    return desk


def back(desk: Desk, name: str = RECEIPT, person: Person = CASHIER) -> ChequeReturned:
    done = return_cheque(desk, person, ReturnOrder(cheque=name))
    catch_up(desk)
    return done


def replaced(
    desk: Desk, *tenders: TenderOrder, name: str = RECEIPT, person: Person = CASHIER
) -> ChequeReplaced:
    asked = ReplaceOrder(
        back=ReturnOrder(cheque=name),
        payment_event_id=new_id(desk.clock, desk.randomness),
        tenders=tenders,
    )
    done = replace_cheque(desk, person, asked)
    catch_up(desk)
    return done


def registered(desk: Desk, amount: str = "12.500", serial: str = "000777", bill_no: str | None = None) -> str:
    dated = (TODAY + timedelta(days=30)).isoformat()
    wishes = [] if bill_no is None else [wish(bill_no, amount)]
    asked = order(desk, cheque(amount, serial, date=dated), allocate=wishes, overpayment=Overpayment.CREDIT)
    return register_cheque(desk, CASHIER, asked).note.receipt_number


def say(desk: Desk, ref: str, act: str, **told: object) -> dict[str, Any]:
    return Script(desk, CASHIER).run_line(json.dumps({"ref": ref, "act": act, **told}))


def in_hand(desk: Desk) -> int:
    return balances(desk).get(("cheques_in_hand", None), 0)


# --- it goes back ----------------------------------------------------------------------------------------------------


def test_a_cheque_that_goes_back_opens_just_what_it_had_paid(desk: Desk) -> None:
    """Rule 37: given back its identity is free, and the same paper may come in again."""
    done = back(desk)

    assert (done.paper.kind, done.paper.total) == (ReceiptKind.TENDER_CANCELLATION, money("41.750"))
    assert done.paper.correction is not None
    assert done.paper.correction.given_back == (
        ("Cheque", money("41.750"), "number 000123 of bank 001 is handed back"),
    )
    assert (open_bills(desk)["7781"], open_bills(desk)["7782"], in_hand(desk)) == (41_750, 0, 0)
    assert [row["state"] for row in rows(desk, "v_cheque")] == ["returned"]
    assert [row["kind"] for row in rows(desk, "v_outbox")].count("refund") == 1
    pay(desk, cheque("41.750", "000123"))
    count(desk, "32.500", cheques="41.750", cheque_count=1)
    assert closed(desk).over_short == money("0")
    assert findings(desk) == []


def test_one_of_the_register_goes_back_by_its_note(desk: Desk) -> None:
    registered(desk)
    done = back(desk, NOTE.lower())
    assert (done.paper.kind, done.serial) == (ReceiptKind.CHEQUE_GIVEN_BACK, "000777")
    assert [row["state"] for row in rows(desk, "v_post_dated")] == ["withdrawn"]
    assert findings(desk) == []


def test_one_on_a_slip_does_not_go_back(desk: Desk) -> None:
    count(desk, "32.500", cheques="41.750", cheque_count=1)
    closed(desk)
    deposit_cheques(desk, BACK_OFFICE)
    late = refused(desk, lambda: back(desk, person=BACK_OFFICE))
    assert (late.code, late.details["state"]) == ("cheque_on_its_way", "batched")
    opened(desk)
    assert refused(desk, lambda: replaced(desk, cash("41.750"), person=CASHIER)).code == "cheque_on_its_way"


def test_it_goes_back_once(desk: Desk) -> None:
    back(desk)
    assert refused(desk, lambda: back(desk)).details["state"] == "returned"
    for none in ("000123", "S014-T1-A-000009"):
        assert refused(desk, lambda none=none: back(desk, none)).code == "unknown_cheque"  # type: ignore[misc]


def test_of_several_cheques_one_is_named_by_its_id(desk: Desk) -> None:
    two = pay(desk, cheque("1", "000124"), cheque("2", "000125"), account="BA-5").receipt.receipt_number
    several = refused(desk, lambda: back(desk, two))
    assert several.code == "which_cheque"
    (one,) = [row for row in rows(desk, "v_cheque") if row["serial"] == "000125"]
    assert one["cheque_id"] in several.details["cheques"]  # type: ignore[operator]
    assert back(desk, str(one["cheque_id"])).paper.total == money("2")
    again = refused(desk, lambda: back(desk, two))
    assert again.code == "which_cheque", "the same said again never means the other one"
    assert findings(desk) == []


def test_whoever_gives_it_back_the_shift_does_not_expect_it_any_more(desk: Desk) -> None:
    back(desk, person=SUPERVISOR)

    count(desk, "32.500", cheque_count=0)
    assert closed(desk).over_short == money("0")
    assert findings(desk) == []


@pytest.mark.parametrize(("given", "code"), [("1", "not_enough_tendered"), ("99.995", "not_enough_tendered")])
def test_what_was_to_come_is_replaced_by_as_much(desk: Desk, given: str, code: str) -> None:
    registered(desk, "100")
    assert refused(desk, lambda: replaced(desk, cash(given), name=NOTE)).code == code


def test_cash_above_a_cheque_that_it_replaces_is_change(desk: Desk) -> None:
    registered(desk, "50")
    done = replaced(desk, cash("200"), name=NOTE)
    assert isinstance(done.instead, PaymentTaken)
    assert (done.instead.receipt.change, done.instead.receipt.total) == (money("150"), money("50"))
    assert findings(desk) == []


def test_ones_own_cheque_goes_back_by_two_people(desk: Desk) -> None:
    """Rule 64: also one of the register, which was no payment yet."""
    registered(desk)
    own = replace(CASHIER, accounts=frozenset({"BA-1"}))
    assert refused(desk, lambda: back(desk, NOTE, person=own)).code == "approval_required"


def test_a_key_of_a_payment_registers_no_cheque(desk: Desk) -> None:
    """Rule 23: one key, one deed."""
    dated = (TODAY + timedelta(days=30)).isoformat()
    later = order(desk, cheque("1", "000778", date=dated), overpayment=Overpayment.CREDIT)
    taken = rows(desk, "payment_event")[0]["payment_event_id"]
    used = replace(later, payment_event_id=str(taken))

    assert refused(desk, lambda: register_cheque(desk, CASHIER, used)).code == "key_reused"


@pytest.mark.parametrize(
    ("person", "code"),
    [
        (CASHIER, None),
        (OTHER_CASHIER, "shift_of_other"),
        (SUPERVISOR, None),
        (BACK_OFFICE, None),
        (DEALER, "not_allowed"),
        (AUDITOR, "not_allowed"),
    ],
)
def test_who_gives_a_cheque_back(desk: Desk, person: Person, code: str | None) -> None:
    if code is None:
        assert back(desk, person=person).paper.total == money("41.750")
        assert findings(desk) == []
    else:
        assert refused(desk, lambda: back(desk, person=person)).code == code


def test_a_cashier_gives_back_what_the_own_shift_took_and_a_supervisor_more(desk: Desk) -> None:
    count(desk, "32.500", cheques="41.750", cheque_count=1)
    closed(desk)
    opened(desk)
    assert refused(desk, lambda: back(desk)).code == "not_this_shift"
    assert back(desk, person=SUPERVISOR).paper.shift_number == 0
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("told", "code"), [({"reason": "why not"}, "bad_reason"), ({"reason": "other"}, "reason_required")]
)
def test_the_reason_is_one_of_the_list(desk: Desk, told: dict[str, str], code: str) -> None:
    order_ = ReturnOrder(cheque=RECEIPT, **told)
    assert refused(desk, lambda: return_cheque(desk, CASHIER, order_)).code == code


# --- something else in its place -------------------------------------------------------------------------------------


def test_another_way_to_pay_takes_the_place_of_a_cheque_and_pays_the_same(desk: Desk) -> None:
    done = replaced(desk, card("20"), cash("22"))

    assert isinstance(done.instead, PaymentTaken)
    assert done.instead.receipt.change == money("0.250")
    assert [(part.bill_no, part.amount) for part in done.instead.receipt.allocations] == [
        ("7781", money("41.750"))
    ]
    assert (open_bills(desk)["7781"], in_hand(desk), credits(desk)["BA-1"]) == (0, 0, 0)
    paper = done.back.paper.receipt_number
    assert done.instead.receipt.notes == (f"In place of cheque 000123, {paper}.",)
    (cheque_row,) = rows(desk, "v_cheque")
    assert [(row["cheque_id"], row["receipt_number"]) for row in rows(desk, "v_cheque_replacement")] == [
        (cheque_row["cheque_id"], "S014-T1-A-000002")
    ]
    count(desk, "54.250")
    assert closed(desk).over_short == money("0")
    assert findings(desk) == []


def test_another_cheque_takes_the_place_of_one_of_an_earlier_shift(desk: Desk) -> None:
    count(desk, "32.500", cheques="41.750", cheque_count=1)
    closed(desk)
    opened(desk, person=SUPERVISOR)

    replaced(desk, cheque("41.750", "000999"), person=SUPERVISOR)

    assert {row["serial"]: row["state"] for row in rows(desk, "v_cheque")} == {
        "000123": "replaced",
        "000999": "received",
    }
    (account,) = clearing_accounts(desk, BACK_OFFICE, "cheques_in_hand")
    assert ([line.serial for line in account.cheques], account.unexplained) == (["000999"], money("0"))
    assert findings(desk) == []


def test_a_replaced_cheque_is_none_that_was_only_given_back(desk: Desk) -> None:
    """Domain.md 3.3: replaced, or returned to its payor; the register says which, and what came in its place."""
    pay(desk, cheque("5", "000124"), account="BA-5")
    registered(desk, "10", "000777")
    registered(desk, "11", "000778")
    replaced(desk, cash("41.750"))
    replaced(desk, cash("10"), name=NOTE)
    back(desk, "S014-T1-A-000002")
    back(desk, "S014-T1-A-PD-000002")

    assert all_cheques(desk, BACK_OFFICE) == []
    ended = {line.serial: line for line in all_cheques(desk, BACK_OFFICE, over=True)}

    assert {serial: line.state for serial, line in ended.items()} == {
        "000123": "replaced",
        "000777": "replaced",
        "000124": "returned",
        "000778": "withdrawn",
    }
    for serial, said in (("000123", ", now S014-T1-A-000003"), ("000777", ", now S014-T1-A-000004")):
        last = cheque_life(desk, BACK_OFFICE, ended[serial].key).steps[-1]
        assert (last.state, last.said.endswith(said)) == ("replaced", True), last.said
    for serial in ("000124", "000778"):
        assert "now" not in cheque_life(desk, BACK_OFFICE, ended[serial].key).steps[-1].said
    pay(desk, cheque("41.750", "000123"), account="BA-5", overpayment=Overpayment.CREDIT)
    assert findings(desk) == []


@pytest.mark.parametrize("unlinked", [False, True])
def test_replaced_without_anything_in_its_place_is_named(desk: Desk, *, unlinked: bool) -> None:
    replaced(desk, cash("41.750"))
    spoil(
        desk, "DELETE FROM cheque_replacement" if unlinked else "UPDATE cheque_event SET state = 'received'"
    )
    assert "replaced_cheque_went_back" in {finding.check for finding in findings(desk)}


def test_a_post_dated_cheque_is_swapped_for_another_or_for_money(desk: Desk) -> None:
    """Rule 39: it may be swapped before it is lodged."""
    opened_before = open_bills(desk)
    pay(desk, cheque("5", "000555"), allocate=[wish("7798", "5")], account="BA-5")
    registered(desk, "10", "000777")
    later = (TODAY + timedelta(days=60)).isoformat()

    swapped = replaced(desk, cheque("10", "000778", date=later), name=NOTE)

    assert isinstance(swapped.instead, ChequeRegistered)
    assert swapped.instead.dated == TODAY + timedelta(days=60)
    assert [(row["serial"], row["state"]) for row in rows(desk, "v_post_dated")] == [
        ("000777", "withdrawn"),
        ("000778", "registered"),
    ]
    assert open_bills(desk)["7781"] == opened_before["7781"]

    paid = replaced(desk, cash("10"), name="S014-T1-A-PD-000002")

    assert isinstance(paid.instead, PaymentTaken)
    assert [row["state"] for row in rows(desk, "v_post_dated")] == ["withdrawn", "withdrawn"]
    assert [row["receipt_number"] for row in rows(desk, "v_cheque_replacement")] == [
        "S014-T1-A-PD-000002",
        "S014-T1-A-000003",
    ]
    assert findings(desk) == []


def test_cash_over_a_post_dated_cheque_is_change_and_what_is_due_is_paid_first(desk: Desk) -> None:
    """Nobody chose a bill for it: the oldest due is paid, as on its date."""
    back(desk)
    registered(desk, "10")

    done = replaced(desk, cash("50"), name=NOTE)

    assert isinstance(done.instead, PaymentTaken)
    receipt = done.instead.receipt
    assert (receipt.total, receipt.change) == (money("10"), money("40"))
    assert [(part.bill_no, part.amount) for part in receipt.allocations] == [("7781", money("10"))]
    assert (open_bills(desk)["7781"], credits(desk)["BA-1"]) == (31_750, 0)
    assert findings(desk) == []


def test_what_a_post_dated_cheque_has_over_its_bill_by_now_is_credit(desk: Desk) -> None:
    back(desk)
    registered(desk, "41.750", bill_no="7781")
    pay(desk, cash("30"), allocate=[wish("7781", "30")])
    catch_up(desk)

    done = replaced(desk, cash("50"), name=NOTE)

    assert isinstance(done.instead, PaymentTaken)
    assert done.instead.receipt.change == money("8.250")
    assert (open_bills(desk)["7781"], credits(desk)["BA-1"]) == (0, 30_000)
    assert findings(desk) == []


def test_what_nobody_chose_for_a_post_dated_cheque_nobody_chooses_for_the_next_one(desk: Desk) -> None:
    """Rule 39: a swapped one pays what is due on its own day."""
    registered(desk, "10")
    later = TODAY + timedelta(days=60)
    replaced(desk, cheque("10", "000778", date=later.isoformat()), name=NOTE)
    back(desk)
    clock_of(desk).advance(days=60)

    paid = pay_post_dated(desk, CASHIER, "S014-T1-A-PD-000002")

    assert [part.bill_no for part in paid.receipt.allocations] == ["7781"]
    assert findings(desk) == []


@pytest.mark.parametrize("amount", ["9.995", "10.005"])
def test_a_post_dated_cheque_is_swapped_for_its_own_amount_alone(desk: Desk, amount: str) -> None:
    registered(desk, "10")
    later = (TODAY + timedelta(days=60)).isoformat()
    told = "not_enough_tendered" if amount == "9.995" else "change_not_possible"
    for tender in (card(amount), cheque(amount, "000778", date=later)):
        code = refused(desk, lambda tender=tender: replaced(desk, tender, name=NOTE)).code  # type: ignore[misc]
        assert code == told
    assert [row["state"] for row in rows(desk, "v_post_dated")] == ["registered"]
    assert isinstance(replaced(desk, card("10"), name=NOTE).instead, PaymentTaken)
    assert findings(desk) == []


def test_a_cheque_for_a_later_day_may_take_the_place_of_a_taken_one(desk: Desk) -> None:
    """Then nothing is paid any more until its date."""
    later = (TODAY + timedelta(days=60)).isoformat()
    done = replaced(desk, cheque("41.750", "000778", date=later))
    assert isinstance(done.instead, ChequeRegistered)
    assert (open_bills(desk)["7781"], in_hand(desk)) == (41_750, 0)
    assert [row["bill_no"] for row in rows(desk, "post_dated_wish")] == ["7781"]
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("tenders", "code"),
    [
        ([cash("41.745")], "not_enough_tendered"),
        ([card("41.755")], "change_not_possible"),
        ([voucher("41.750")], "cheque_not_replaced"),
        ([TenderOrder(mode="debit_card", amount="41.750", details={}, attempt="x")], "cheque_not_replaced"),
        ([cheque("41.750", "000123", date="2020-01-01")], "cheque_stale"),
    ],
)
def test_what_does_not_fit_leaves_the_cheque_where_it_is(
    desk: Desk, tenders: list[TenderOrder], code: str
) -> None:
    with pytest.raises(Refused) as refusal:
        replaced(desk, *tenders)
    assert refusal.value.code == code
    assert ([row["state"] for row in rows(desk, "v_cheque")], in_hand(desk)) == (["received"], 41_750)
    assert findings(desk) == []


def test_a_cheque_that_paid_items_is_undone_with_its_sale(desk: Desk) -> None:
    stock(desk)
    sold = pay(desk, cheque("5", "000888"), account=None, lines=[sale("SERVICE")]).receipt
    refusal = refused(desk, lambda: back(desk, sold.receipt_number))
    assert refusal.code == "tender_paid_items"


def test_nobody_replaces_without_an_own_shift(desk: Desk) -> None:
    for person, code in ((SUPERVISOR, "shift_of_other"), (BACK_OFFICE, "shift_of_other")):
        assert refused(desk, lambda person=person: replaced(desk, cash("41.750"), person=person)).code == code  # type: ignore[misc]


@given(st.integers(1, 41_750), st.integers(0, 2))
def test_no_money_is_lost_when_a_cheque_is_replaced(minor: int, how: int) -> None:
    """Rule 14: what the cheque had paid is paid by what is given for it, to the last minor unit."""
    minor -= minor % 5 if how == 2 else 0
    minor = max(minor, 5)
    desk = make_till()
    opened(desk)
    amount = Money(minor, desk.identity.currency).plain()
    taken = pay(desk, cheque(amount, "000123"), allocate=[wish("7781", amount)]).receipt.receipt_number
    catch_up(desk)
    before = open_bills(desk)
    tender = (card(amount), cheque(amount, "000124"), cash(amount))[how]

    replaced(desk, tender, name=taken)

    assert open_bills(desk) == before
    assert in_hand(desk) == (minor if how == 1 else 0)
    assert findings(desk) == []


@given(st.integers(1, 60_000), st.integers(0, 20_000))
def test_a_post_dated_cheque_in_cash_pays_its_amount_and_gives_the_rest_back(minor: int, over: int) -> None:
    """Rule 14: bills and credit grow by what the cheque was to pay, whatever note is handed over."""
    desk = make_till()
    opened(desk)
    minor, over = minor * 5, over * 5
    due, credit = sum(open_bills(desk).values()), credits(desk)["BA-1"]
    registered(desk, Money(minor, desk.identity.currency).plain())

    done = replaced(desk, cash(Money(minor + over, desk.identity.currency).plain()), name=NOTE)

    assert isinstance(done.instead, PaymentTaken)
    assert done.instead.receipt.change.minor == over
    assert due - sum(open_bills(desk).values()) + credits(desk)["BA-1"] - credit == minor
    assert findings(desk) == []


# --- by script, and over any connection -------------------------------------------------------------------------------


def test_a_script_returns_and_replaces_each_once(desk: Desk) -> None:
    answer = say(desk, "r1", "replace_cheque", cheque=RECEIPT, tenders=[{"mode": "cash", "amount": "41.750"}])
    assert (answer["ok"], answer["receipt"], answer["change"]) == (True, "S014-T1-A-000002", "0.000")
    assert (answer["back"]["kind"], answer["back"]["amount"]) == ("tender_cancellation", "41.750")
    again = say(desk, "r1", "replace_cheque", cheque=RECEIPT, tenders=[{"mode": "cash", "amount": "41.750"}])
    assert again == {**answer, "replayed": True}
    assert len(rows(desk, "v_payment")) == 2
    pay(desk, cheque("5", "000124"), account="BA-5")
    told = say(desk, "r2", "return_cheque", cheque="S014-T1-A-000003", reason="other", text="Torn")
    assert (told["serial"], told["back"]["of"]) == ("000124", "S014-T1-A-000003")
    registered(desk, "5", "000125")
    told = say(desk, "r3", "return_cheque", cheque=NOTE)
    assert (told["serial"], told["back"]["paper"]) == ("000125", "S014-T1-A-CB-000001")
    assert findings(desk) == []


def test_the_books_link_only_a_cheque_that_went_back(desk: Desk) -> None:
    (row,) = rows(desk, "v_cheque")
    (event,) = rows(desk, "v_payment")
    with pytest.raises(IntegrityError), desk.till.transaction() as unit:
        unit.insert(
            "cheque_replacement",
            {
                "replaced_id": row["cheque_id"],
                "cheque_id": row["cheque_id"],
                "post_dated_id": None,
                "payment_event_id": event["payment_event_id"],
                "registered_id": None,
            },
        )
    assert clock_of(desk).now().date() == TODAY


@pytest.mark.parametrize("named", ["receipt", "id"])
@pytest.mark.parametrize(
    ("act", "told"),
    [
        ("return_cheque", {"reason": "customer_wish"}),
        ("replace_cheque", {"tenders": [{"mode": "cash", "amount": "41.750"}]}),
    ],
)
def test_a_script_asks_central_first_whether_a_cheque_was_paid_back_elsewhere(
    desk: Desk, act: str, told: dict[str, Any], named: str
) -> None:
    """Rule 32: the same at the screen and in a script."""
    acknowledge_all(desk, applied_change=1)
    known = elsewhere(number=RECEIPT, cheque="41.750", cash="12.500")
    central = FakeRefunds(replace(known, legs=(replace(known.legs[0], refunded=money("5")), known.legs[1])))
    name = RECEIPT if named == "receipt" else rows(desk, "v_cheque")[0]["cheque_id"]
    line = json.dumps({"ref": "r1", "act": act, "cheque": name, **told})

    answer = Script(desk, CASHIER, refunds=AskedFirst(desk, central)).run_line(line)

    assert answer["error"]["code"] == "paid_back_elsewhere"  # type: ignore[index]
    assert (rows(desk, "v_cheque")[0]["state"], central.looked) == ("received", [RECEIPT])
