"""On its date a registered cheque is a payment of its own; before, it may be given back (domain.md 3.3, rule 39)."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.cheque import ChequePolicy
from pos.domain.errors import DomainError, NotAuthorised
from pos.domain.money import Money
from pos.domain.payment_event import Overpayment
from pos.domain.receipt import ReceiptKind
from pos.domain.role import Person
from pos.store.cache import account_by_id
from pos.till.cheques_back import ReturnOrder, return_cheque
from pos.till.deposits import deposit_cheques
from pos.till.desk import Desk
from pos.till.due_cheques import pay_post_dated, withdraw_post_dated
from pos.till.open_bills import catch_up
from pos.till.papers import last_receipt_of, show_receipt
from pos.till.payment_order import AllocateOrder
from pos.till.post_dated import post_dated_cheques, register_cheque
from pos.till.script import Script
from pos.till.take_payment import PaymentTaken
from pos.till.what_to_bank import cheques_to_deposit
from tests.builders.tills import (
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    DEALER,
    OTHER_CASHIER,
    SUPERVISOR,
    TODAY,
    account,
    bill,
    cash,
    cheque,
    clock_of,
    closed,
    count,
    dump,
    findings,
    make_till,
    money,
    opened,
    order,
    pay,
    raw_connection,
    rows,
    tell,
    wish,
)
from tests.builders.undoing import balances, credits, open_bills
from tests.till.books import refused, spoil

NOTE = "S014-T1-A-PD-000001"
POLICY = ChequePolicy(stale_after_days=180, max_amount=money("500"))


def ahead(days: int) -> str:
    return (TODAY + timedelta(days=days)).isoformat()


@pytest.fixture
def desk() -> Desk:
    desk = make_till(cheques=POLICY)
    opened(desk)
    return desk


def registered(
    desk: Desk,
    amount: str = "41.750",
    serial: str = "000123",
    *,
    allocate: Sequence[AllocateOrder] = (),
    account: str = "BA-1",
    days: int = 30,
    person: Person = CASHIER,
) -> str:
    """A cheque of BA-1 for in thirty days; the number of its note."""
    tender = cheque(amount, serial, date=ahead(days), branch="042", account="77")
    asked = order(desk, tender, account=account, allocate=allocate)
    return register_cheque(desk, person, asked).note.receipt_number


def comes_due(desk: Desk, days: int = 30) -> None:
    """The shift of today is closed, and one of the day that the cheque bears is opened."""
    count(desk, "20")
    closed(desk)
    clock_of(desk).advance(days=days)
    opened(desk)


def paid(desk: Desk, note: str = NOTE, person: Person = CASHIER) -> PaymentTaken:
    done = pay_post_dated(desk, person, note)
    catch_up(desk)
    return done


def say(desk: Desk, ref: str, act: str, person: Person = CASHIER, **told: object) -> dict[str, Any]:
    return Script(desk, person).run_line(json.dumps({"ref": ref, "act": act, **told}))


def states(desk: Desk) -> list[object]:
    return [row["state"] for row in rows(desk, "v_post_dated")]


# --- it becomes a payment ----------------------------------------------------------------------------------------


def test_on_its_date_a_registered_cheque_is_a_payment_of_its_own(desk: Desk) -> None:
    """Rule 39: posted and numbered then, with a receipt of the receipts' own series, and told to central."""
    registered(desk)
    comes_due(desk)

    done = paid(desk)

    receipt = done.receipt
    assert (receipt.receipt_number, receipt.kind) == ("S014-T1-A-000001", ReceiptKind.PAYMENT)
    assert receipt.business_date == TODAY + timedelta(days=30)
    assert [(part.bill_no, part.amount) for part in receipt.allocations] == [("7781", money("41.750"))]
    assert receipt.notes == (f"Registered before with note {NOTE}.",)
    assert dict(receipt.tenders[0].details)["serial"] == "000123"
    assert (open_bills(desk)["7781"], balances(desk)[("cheques_in_hand", None)]) == (0, 41_750)
    (row,) = rows(desk, "v_cheque")
    assert (row["state"], row["serial"], row["branch"], row["cheque_date"]) == (
        "received",
        "000123",
        "042",
        ahead(30),
    )
    (held,) = rows(desk, "v_post_dated")
    assert (held["state"], held["payment_event_id"]) == ("credited", done.payment_event_id)
    (leg,) = rows(desk, "v_outbox")
    assert (leg["payment_event_id"], leg["kind"], leg["state"]) == (
        done.payment_event_id,
        "payment",
        "waiting",
    )
    assert post_dated_cheques(desk, CASHIER) == []
    assert findings(desk) == []


def test_it_is_paid_in_once_however_often_it_is_asked_for(desk: Desk) -> None:
    registered(desk)
    comes_due(desk)
    first = paid(desk)
    before = dump(desk)

    again = paid(desk)

    assert (again.replayed, again.receipt, again.opens_drawer) == (True, first.receipt, False)
    assert dump(desk) == before


def test_it_lies_in_the_drawer_of_the_shift_that_paid_it_in(desk: Desk) -> None:
    """What was registered is not counted; what is paid in is, and goes to the bank once the shift is counted."""
    registered(desk)
    comes_due(desk)
    paid(desk)
    assert cheques_to_deposit(desk, BACK_OFFICE).in_open_shift == 1

    count(desk, "20", cheques="41.750", cheque_count=1)
    assert closed(desk).over_short == money("0")

    slip = deposit_cheques(desk, BACK_OFFICE).slip
    assert [(one.serial, one.amount) for one in slip.cheques] == [("000123", money("41.750"))]
    assert findings(desk) == []


def test_what_its_payer_chose_is_paid_as_far_as_it_is_open_and_the_rest_is_credit(desk: Desk) -> None:
    registered(desk, "50", allocate=[wish("7782", "12.500"), wish("7781", "37.500")])
    pay(desk, cash("31.750"), allocate=[wish("7781", "31.750")])
    count(desk, "51.750")
    closed(desk)
    clock_of(desk).advance(days=30)
    opened(desk)

    receipt = paid(desk).receipt

    assert [(part.bill_no, part.amount) for part in receipt.allocations] == [
        ("7782", money("12.500")),
        ("7781", money("10.000")),
        (None, money("27.500")),
    ]
    assert (open_bills(desk)["7781"], open_bills(desk)["7782"]) == (0, 0)
    assert findings(desk) == []


def test_of_bills_that_are_gone_all_of_it_is_credit(desk: Desk) -> None:
    registered(desk, "12.500", allocate=[wish("7782", "12.500")])
    pay(desk, cash("12.500"), allocate=[wish("7782", "12.500")])
    count(desk, "32.500")
    closed(desk)
    clock_of(desk).advance(days=30)
    opened(desk)
    before = credits(desk)["BA-1"]

    receipt = paid(desk).receipt

    assert [(part.bill_no, part.amount) for part in receipt.allocations] == [(None, money("12.500"))]
    assert open_bills(desk)["7781"] == 41_750
    assert credits(desk)["BA-1"] == before + 12_500


def test_where_nobody_chose_the_oldest_due_of_that_day_is_paid(desk: Desk) -> None:
    by_default = replace(wish("7781", "41.750"), by_default=True)
    registered(desk, allocate=[by_default])
    comes_due(desk)
    older = bill("7700", money("30"), due=TODAY - timedelta(days=90))
    tell(desk, bills=[older])

    receipt = paid(desk).receipt

    assert [(part.bill_no, part.amount) for part in receipt.allocations] == [
        ("7700", money("30")),
        ("7781", money("11.750")),
    ]


def test_a_cap_or_a_cash_only_mark_of_later_does_not_send_it_back(desk: Desk) -> None:
    """It was asked when the cheque was accepted, and the paper has been in the house since."""
    registered(desk)
    comes_due(desk)
    with desk.cache.read() as connection:
        known = account_by_id(connection, "BA-1")
    assert known is not None
    tell(desk, accounts=[replace(known, cash_only=True)])
    desk.policy = replace(desk.policy, cheques=replace(POLICY, max_amount=money("1")))
    assert refused(desk, lambda: pay(desk, cheque("5", "9"))).code == "cheque_account_cash_only"

    assert paid(desk).receipt.total == money("41.750")


@given(st.integers(1, 60_000), st.integers(0, 41_750), st.booleans())
def test_no_money_is_lost_between_the_register_and_the_accounts(
    minor: int, paid_meanwhile: int, chosen: bool
) -> None:
    """Rule 39: a due cheque credits just what it is worth, whatever became of the bills that it was meant for."""
    desk = make_till(cheques=POLICY)
    opened(desk)
    amount = Money(minor, desk.identity.currency)
    wishes = [wish("7781", Money(min(minor, 41_750), amount.currency).plain())] if chosen else []
    asked = order(
        desk, cheque(amount.plain(), date=ahead(30)), allocate=wishes, overpayment=Overpayment.CREDIT
    )
    note = register_cheque(desk, CASHIER, asked).note.receipt_number
    if paid_meanwhile:
        given_now = Money(paid_meanwhile, amount.currency).plain()
        pay(desk, cash(given_now), allocate=[wish("7781", given_now)])
    clock_of(desk).advance(days=31)

    receipt = paid(desk, note).receipt

    put = sum(part.amount.minor for part in receipt.allocations)
    assert (put, receipt.change.minor) == (minor, 0)
    assert balances(desk)[("cheques_in_hand", None)] == minor
    assert findings(desk) == []


# --- and when it is not ---------------------------------------------------------------------------------------------


def test_a_day_early_it_is_no_payment(desk: Desk) -> None:
    registered(desk)
    clock_of(desk).advance(days=29)
    early = refused(desk, lambda: paid(desk))
    assert (early.code, early.details["date"]) == ("cheque_not_due", ahead(30))
    clock_of(desk).advance(days=1)
    assert paid(desk).receipt.total == money("41.750")


def test_one_that_lay_too_long_is_refused_and_may_be_given_back(desk: Desk) -> None:
    registered(desk)
    clock_of(desk).advance(days=30 + 181)
    assert refused(desk, lambda: paid(desk)).code == "cheque_stale"
    clock_of(desk).advance(days=-1)
    assert paid(desk).receipt.total == money("41.750")


@pytest.mark.parametrize(
    ("person", "code"),
    [
        (SUPERVISOR, "shift_of_other"),
        (OTHER_CASHIER, "shift_of_other"),
        (BACK_OFFICE, "not_allowed"),
        (AUDITOR, "not_allowed"),
        (DEALER, "shift_of_other"),
    ],
)
def test_only_whoever_has_the_open_shift_pays_it_in(desk: Desk, person: Person, code: str) -> None:
    registered(desk)
    clock_of(desk).advance(days=30)
    assert refused(desk, lambda: paid(desk, person=person)).code == code
    assert paid(desk).receipt.operator == "1001"


def test_what_is_no_note_is_refused(desk: Desk) -> None:
    registered(desk)
    clock_of(desk).advance(days=30)
    for none in ("S014-T1-A-PD-000002", "S014-T1-A-000001", "'; drop"):
        assert refused(desk, lambda none=none: paid(desk, none)).code == "unknown_post_dated"  # type: ignore[misc]
    assert refused(desk, lambda: paid(desk, "4111 1111 1111 1111")).code == "card_number_refused"
    assert paid(desk, NOTE.lower()).receipt.total == money("41.750")


def test_an_account_that_is_gone_leaves_the_cheque_in_the_register(desk: Desk) -> None:
    tell(desk, accounts=[account("BA-9", "Short Lived")], bills=[bill("7709", money("50"), of="BA-9")])
    registered(desk, account="BA-9")
    clock_of(desk).advance(days=30)
    with desk.cache.write() as connection:
        connection.exec_driver_sql("DELETE FROM account WHERE account = 'BA-9'")

    assert refused(desk, lambda: paid(desk)).code == "unknown_account"
    assert states(desk) == ["registered"]


def test_one_that_was_given_back_is_no_payment_any_more(desk: Desk) -> None:
    registered(desk)
    withdraw_post_dated(desk, CASHIER, NOTE, "Pays in cash")
    clock_of(desk).advance(days=30)

    gone = refused(desk, lambda: paid(desk))

    assert (gone.code, gone.message) == (
        "post_dated_state",
        "This cheque is withdrawn: it cannot be credited.",
    )


# --- given back before ------------------------------------------------------------------------------------------------


def test_a_cheque_is_given_back_with_a_slip_and_may_come_again(desk: Desk) -> None:
    """Rule 39: it may be withdrawn before it is lodged."""
    registered(desk)

    done = withdraw_post_dated(desk, CASHIER, NOTE, "Pays in cash")

    slip = done.slip
    assert (slip.kind, slip.receipt_number) == (ReceiptKind.CHEQUE_GIVEN_BACK, "S014-T1-A-CB-000001")
    assert (slip.total, slip.payer_account, slip.payer_name) == (money("41.750"), "BA-1", "Zoë O'Brien")
    assert slip.notes[0] == f"Note {NOTE} is void. Nothing was paid with this cheque."
    shown = show_receipt(desk, CASHIER, slip.receipt_number)
    assert shown == slip
    assert show_receipt(desk, CASHIER, NOTE).undone_by == slip.receipt_number
    assert last_receipt_of(desk, CASHIER) == slip.receipt_number
    assert [row["receipt_number"] for row in rows(desk, "print_job")] == [NOTE, slip.receipt_number]
    assert (states(desk), rows(desk, "v_payment"), rows(desk, "outbox")) == (["withdrawn"], [], [])
    assert registered(desk) == "S014-T1-A-PD-000002"
    withdraw_post_dated(desk, CASHIER, "S014-T1-A-PD-000002", "Again")
    pay(desk, cheque("5", "000123", branch="042", account="77"))
    assert findings(desk) == []


def test_a_cheque_is_given_back_once(desk: Desk) -> None:
    registered(desk)
    first = withdraw_post_dated(desk, CASHIER, NOTE, "Pays in cash")
    before = dump(desk)
    again = withdraw_post_dated(desk, CASHIER, NOTE, "Pays in cash")
    assert (again.slip, again.replayed) == (first.slip, True)
    assert dump(desk) == before


def test_what_is_paid_in_is_not_given_back_from_the_register(desk: Desk) -> None:
    registered(desk)
    clock_of(desk).advance(days=30)
    paid(desk)
    late = refused(desk, lambda: withdraw_post_dated(desk, CASHIER, NOTE, "Changed her mind"))
    assert late.code == "post_dated_state"


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
def test_a_cashier_gives_back_in_the_own_shift_and_the_back_office_at_any_time(
    desk: Desk, person: Person, code: str | None
) -> None:
    registered(desk)

    def deed() -> object:
        return withdraw_post_dated(desk, person, NOTE, "Asked for it")

    if code is not None:
        assert refused(desk, deed).code == code
        return
    deed()
    (audit,) = [row for row in rows(desk, "v_audit") if row["act"] == "withdraw_post_dated"]
    assert (audit["operator"], audit["subject"], audit["reason_code"]) == (person.user, NOTE, "Asked for it")
    assert findings(desk) == []


@pytest.mark.parametrize("reason", ["", "  ", "\u200b"])
def test_whoever_gives_it_back_says_why(desk: Desk, reason: str) -> None:
    registered(desk)
    with pytest.raises(DomainError) as refusal:
        withdraw_post_dated(desk, CASHIER, NOTE, reason)
    assert refusal.value.code in ("reason_missing", "bad_text")
    assert states(desk) == ["registered"]


def test_names_on_the_slip_are_purged_with_those_of_the_note(desk: Desk) -> None:
    registered(desk)
    slip = withdraw_post_dated(desk, CASHIER, NOTE, "Pays in cash").slip
    assert "Zoë" not in json.dumps(rows(desk, "receipt"))
    with desk.till.transaction() as unit:
        unit.connection.exec_driver_sql("DELETE FROM post_dated_person")
    assert show_receipt(desk, CASHIER, slip.receipt_number).payer_name is None
    assert findings(desk) == []


# --- by script, and over any connection ---------------------------------------------------------------------------


def test_a_script_registers_pays_in_and_gives_back_each_once(desk: Desk) -> None:
    registered(desk)
    registered(desk, "5", "000124")
    clock_of(desk).advance(days=30)

    answer = say(desk, "d1", "pay_post_dated", note=NOTE)

    assert (answer["ok"], answer["receipt"], answer["change"]) == (True, "S014-T1-A-000001", "0.000")
    assert say(desk, "d1", "pay_post_dated", note=NOTE) == {**answer, "replayed": True}
    assert say(desk, "d2", "pay_post_dated", note=NOTE)["receipt"] == "S014-T1-A-000001"
    back = say(desk, "d3", "withdraw_post_dated", note="S014-T1-A-PD-000002", reason="Paid by card")
    assert back == {
        "ref": "d3",
        "ok": True,
        "act": "withdraw_post_dated",
        "note": "S014-T1-A-PD-000002",
        "paper": "S014-T1-A-CB-000001",
        "serial": "000124",
        "amount": "5.000",
        "currency": "KWD",
    }
    refusal = say(desk, "d4", "pay_post_dated", note="S014-T1-A-PD-000002")
    assert refusal["error"]["code"] == "post_dated_state"
    assert len(rows(desk, "v_payment")) == 1
    assert findings(desk) == []


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO post_dated_event SELECT post_dated_id, 2, 'credited', at_utc, operator, NULL, 'other', NULL "
        "FROM post_dated_event",
        "INSERT INTO post_dated_event SELECT post_dated_id, 2, 'withdrawn', at_utc, operator, 'why', NULL, NULL "
        "FROM post_dated_event",
        "INSERT INTO payment_event SELECT post_dated_id, 'X', 'T1', 'A', 9, shift_id, business_date, registered_at_utc, 0, "
        "'1', payer_kind, payer_account, 'd', amount_minor, currency, 'm' FROM post_dated_cheque",
    ],
)
def test_the_books_let_a_registered_cheque_go_no_other_way(desk: Desk, statement: str) -> None:
    registered(desk)
    raw = raw_connection(desk.till.database)
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute(statement)
    raw.rollback()


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("UPDATE post_dated_cheque SET amount_minor = 41749", "credited_cheque_is_its_payment"),
        ("UPDATE cheque SET serial = '000999'", "credited_cheque_is_its_payment"),
        ("DELETE FROM post_dated_event WHERE state = 'credited'", "post_dated_cheque_is_no_payment"),
        (
            "UPDATE receipt SET kind = 'payment' WHERE kind = 'cheque_given_back'",
            "slip_has_its_cheque_given_back",
        ),
        (
            "UPDATE receipt SET facts_json = json_set(facts_json, '$.total', 1) WHERE kind = 'cheque_given_back'",
            "slip_has_its_cheque_given_back",
        ),
    ],
)
def test_what_somebody_altered_of_the_register_is_found(desk: Desk, statement: str, kind: str) -> None:
    registered(desk)
    registered(desk, "5", "000124")
    withdraw_post_dated(desk, CASHIER, "S014-T1-A-PD-000002", "why")
    clock_of(desk).advance(days=30)
    paid(desk)
    assert findings(desk) == []

    spoil(desk, statement)

    assert kind in {finding.check for finding in findings(desk)}


def test_nobody_without_the_right_learns_whether_it_was_paid_in(desk: Desk) -> None:
    registered(desk)
    clock_of(desk).advance(days=30)
    paid(desk)
    with pytest.raises(NotAuthorised):
        paid(desk, person=AUDITOR)


def test_a_paper_that_was_paid_in_and_went_back_comes_in_again_for_another_day(desk: Desk) -> None:
    """Rule 37: returned it is no living paper any more; and what went back is paid in no second time."""
    registered(desk)
    comes_due(desk)
    paid(desk)
    return_cheque(desk, CASHIER, ReturnOrder(cheque=NOTE.replace("-PD-", "-")))

    assert refused(desk, lambda: paid(desk)).code == "post_dated_state"
    assert registered(desk, days=60).endswith("000002")
    assert findings(desk) == []
