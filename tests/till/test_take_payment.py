"""A payment is one transaction: all of its rows, its audit row and its receipt number together (invariants 3, 13-15, 24)."""

import json
from datetime import date, timedelta
from typing import Any

import pytest

from pos.domain.errors import NotAuthorised, Refused
from pos.domain.payment_event import Overpayment
from pos.domain.role import Person
from pos.till.desk import Desk, Memo
from pos.till.take_payment import take_payment
from tests.builders.tills import (
    AUDITOR,
    CASHIER,
    DEALER,
    SUPERVISOR,
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
    rows,
    tell,
    wish,
)


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    opened(desk)
    return desk


def test_a_payment_books_every_row_of_it(desk: Desk) -> None:
    taken = pay(desk, cash("50"), cheque("10", drawer="Lina Al-Sabah", date="2026-11-20"))
    event_id = taken.payment_event_id

    (event,) = rows(desk, "payment_event")
    assert {
        name: event[name] for name in event if name not in ("shift_id", "payer_digest", "order_mark")
    } == {
        "payment_event_id": event_id,
        "receipt_number": "S014-T1-A-000001",
        "terminal": "T1",
        "epoch": 1,
        "sequence": 1,
        "business_date": "2026-11-21",
        "taken_at_utc": "2026-11-21T07:15:00.000000Z",
        "utc_offset_min": 180,
        "operator": "1001",
        "payer_kind": "subscriber",
        "payer_account": "BA-1",
        "amount_minor": 54_250,
        "currency": "KWD",
    }
    assert event["shift_id"] == rows(desk, "shift")[0]["shift_id"]
    assert [
        (
            row["number"],
            row["mode"],
            row["amount_minor"],
            row["change_minor"],
            json.loads(str(row["details_json"])),
        )
        for row in rows(desk, "tender")
    ] == [
        (1, "cheque", 10_000, 0, {"serial": "000123", "bank": "001", "date": "2026-11-20"}),
        (2, "cash", 50_000, 5_750, {}),
    ]
    assert [(row["account"], row["amount_minor"]) for row in rows(desk, "payment")] == [("BA-1", 54_250)]
    assert [
        (row["number"], row["leg"], row["bill_no"], row["bill_id"], row["amount_minor"])
        for row in rows(desk, "allocation")
    ] == [
        (1, 1, "7781", "CB-7781", 10_000),
        (2, 2, "7781", "CB-7781", 31_750),
        (3, 2, "7782", "CB-7782", 12_500),
    ]
    assert [(row["leg"], row["account"], row["amount_minor"]) for row in rows(desk, "leg")] == [
        (1, "BA-1", 10_000),
        (2, "BA-1", 44_250),
    ]
    entry = next(row for row in rows(desk, "journal_entry") if row["source_id"] == event_id)
    assert (entry["source_kind"], entry["business_date"]) == ("payment", "2026-11-21")
    assert [
        (row["line_no"], row["ledger_account"], row["account"], row["debit_minor"], row["credit_minor"])
        for row in rows(desk, "journal_line")
        if row["entry_id"] == entry["entry_id"]
    ] == [
        (1, "cheques_in_hand", None, 10_000, 0),
        (2, "cash_in_till", None, 44_250, 0),
        (3, "receivable", "BA-1", 0, 54_250),
    ]
    (receipt,) = rows(desk, "receipt")
    assert (receipt["receipt_number"], receipt["series"], receipt["counter"], receipt["kind"]) == (
        "S014-T1-A-000001",
        "A",
        1,
        "payment",
    )
    assert [(row["receipt_number"], row["copy_number"], row["state"]) for row in rows(desk, "print_job")] == [
        ("S014-T1-A-000001", 0, "waiting")
    ]
    (cheque_row,) = rows(desk, "cheque")
    assert (
        cheque_row["bank"],
        cheque_row["serial"],
        cheque_row["amount_minor"],
        cheque_row["cheque_date"],
    ) == (
        "001",
        "000123",
        10_000,
        "2026-11-20",
    )
    assert [(row["number"], row["state"]) for row in rows(desk, "cheque_event")] == [(1, "received")]
    assert [
        (row["leg"], row["correlator_id"], row["kind"], row["account"], row["state"], row["body"])
        for row in rows(desk, "outbox")
    ] == [
        (1, f"{event_id}-1", "payment", "BA-1", "waiting", None),
        (2, f"{event_id}-2", "payment", "BA-1", "waiting", None),
    ]
    audit = rows(desk, "audit")[-1]
    assert (audit["act"], audit["result"], audit["reason_code"], audit["operator"], audit["subject"]) == (
        "pay",
        "ok",
        None,
        "1001",
        event_id,
    )
    assert findings(desk) == []


def test_every_row_of_a_payment_is_listed_in_its_link(desk: Desk) -> None:
    before = dump(desk)

    pay(desk, cash("50"), cheque("10"))

    link = json.loads(str(rows(desk, "chain_link")[-1]["rows"]))
    assert (link["payment_event"].keys(), link["tender"].keys()) == (
        {row["payment_event_id"] for row in rows(desk, "payment_event")},
        {row["tender_id"] for row in rows(desk, "tender")},
    )
    changed = {table for table, kept in dump(desk).items() if kept != before[table]}
    assert set(link) == changed - {"chain_link"}
    assert {"outbox", "counter", "payer_person", "cheque_event"} <= set(link)


def test_the_receipt_states_what_was_paid_and_what_stays_open(desk: Desk) -> None:
    receipt = pay(desk, cash("45")).receipt

    assert receipt.receipt_number == "S014-T1-A-000001"
    assert (receipt.total, receipt.change, receipt.credit) == (money("45"), money("0"), money("0"))
    assert [(part.bill_no, part.open_before, part.open_after) for part in receipt.allocations] == [
        ("7781", money("41.750"), money("0")),
        ("7782", money("12.500"), money("9.250")),
    ]
    assert (receipt.payer_name, receipt.operator_name) == ("Zoë O'Brien", "A. Kumar")
    assert receipt.taken_at == clock_of(desk).now()
    assert receipt.chain_mark.count("-") == 2


def test_receipt_numbers_gapless_per_series(desk: Desk) -> None:
    """Rule 19: the number is taken in the payment's own transaction; a refused payment uses none."""
    numbers = []
    for amount in ("1", "2", "3"):
        numbers.append(pay(desk, cash(amount)).receipt.receipt_number)
        with pytest.raises(Exception, match="not known"):
            pay(desk, cash("1"), allocate=[wish("404")])
        clock_of(desk).advance(days=-1)

    assert numbers == ["S014-T1-A-000001", "S014-T1-A-000002", "S014-T1-A-000003"]
    assert [row["sequence"] for row in rows(desk, "payment_event")] == [1, 2, 3]


def test_cash_opens_the_drawer(desk: Desk) -> None:
    assert pay(desk, cash("1")).opens_drawer


def test_the_same_event_again_is_told_again_and_booked_once(desk: Desk) -> None:
    """Rule 23: a double Enter or a retry reuses the key."""
    asked = order(desk, cash("50"))
    first = take_payment(desk, CASHIER, asked)
    before = dump(desk)

    again = take_payment(desk, CASHIER, asked)

    assert dump(desk) == before
    assert again.replayed
    assert not again.opens_drawer
    assert again.receipt == first.receipt


@pytest.mark.parametrize(
    "other",
    [
        {"tenders": (cash("51"),)},
        {"tenders": (cash("50"), cheque("1"))},
        {"tenders": (cash("50"),), "account": "BA-3"},
    ],
)
def test_another_payment_under_a_booked_id_is_refused(desk: Desk, other: dict[str, Any]) -> None:
    """Rule 23: the same key with another body is an error."""
    asked = order(desk, cash("50"))
    take_payment(desk, CASHIER, asked)
    before = dump(desk)

    with pytest.raises(Refused) as refusal:
        take_payment(
            desk,
            CASHIER,
            order(
                desk,
                *other["tenders"],
                account=other.get("account", "BA-1"),
                event_id=asked.payment_event_id,
            ),
        )

    assert refusal.value.code == "key_reused"
    assert dump(desk) == before


def test_a_booked_id_tells_nothing_to_who_may_not_take_payments(desk: Desk) -> None:
    asked = order(desk, cash("50"))
    take_payment(desk, CASHIER, asked)

    with pytest.raises(NotAuthorised):
        take_payment(desk, AUDITOR, asked)


def test_a_dealers_people_pay_for_their_own_dealer_only() -> None:
    desk = make_till()
    opened(desk, person=DEALER)

    assert pay(desk, cash("10"), account="D-1", person=DEALER).receipt.credit == money("10")
    for account in ("D-2", "BA-1"):
        with pytest.raises(Refused) as refusal:
            pay(desk, cash("10"), account=account, person=DEALER)
        assert refusal.value.code == "unknown_account"
    with pytest.raises(Refused) as refusal:
        pay(desk, cash("10"), account="D-1", allocate=[wish(amount="5", account="D-2")], person=DEALER)
    assert refusal.value.code == "unknown_account"


def test_the_same_event_is_told_again_after_the_shift_was_closed(desk: Desk) -> None:
    asked = order(desk, cash("54.250"))
    first = take_payment(desk, CASHIER, asked)
    count(desk, "74.250")
    closed(desk)

    assert take_payment(desk, CASHIER, asked).receipt == first.receipt


def test_a_refused_event_may_be_sent_again_under_its_id() -> None:
    desk = make_till()
    asked = order(desk, cash("50"))
    with pytest.raises(Exception, match="Open a shift"):
        take_payment(desk, CASHIER, asked)
    opened(desk)

    assert not take_payment(desk, CASHIER, asked).replayed


def test_credit_on_account_is_kept_by_choice(desk: Desk) -> None:
    receipt = pay(desk, cash("60"), overpayment=Overpayment.CREDIT).receipt

    assert receipt.credit == money("5.750")
    assert receipt.change == money("0")
    assert [(row["bill_no"], row["amount_minor"]) for row in rows(desk, "allocation")][-1] == (None, 5_750)


def test_one_payment_may_pay_bills_of_several_accounts(desk: Desk) -> None:
    receipt = pay(desk, cash("20"), allocate=[wish("7798"), wish("7796"), wish(None, "1", "BA-2")]).receipt

    assert [(part.account, part.bill_no, part.amount.plain()) for part in receipt.allocations] == [
        ("BA-5", "7798", "5.005"),
        ("BA-4", "7796", "9.000"),
        ("BA-2", None, "1.000"),
    ]
    assert {row["account"]: row["amount_minor"] for row in rows(desk, "payment")} == {
        "BA-5": 5_005,
        "BA-4": 9_000,
        "BA-2": 1_000,
    }
    assert len(rows(desk, "outbox")) == 3
    assert findings(desk) == []


def test_a_dealer_tops_up_its_account(desk: Desk) -> None:
    receipt = pay(desk, cash("100"), account="D-1").receipt

    assert receipt.payer_kind == "dealer"
    assert receipt.credit == money("100")
    assert "dealer_account" in {row["ledger_account"] for row in rows(desk, "journal_line")}


@pytest.mark.parametrize(("person", "account"), [(CASHIER, "BA-1"), (SUPERVISOR, "BA-1"), (DEALER, "D-1")])
def test_who_may_take_payments_takes_one_in_an_own_shift(person: Person, account: str) -> None:
    desk = make_till()
    opened(desk, person=person)

    pay(desk, cash("10"), account=account, person=person)

    assert rows(desk, "payment_event")[0]["operator"] == person.user


def test_the_business_date_is_the_shifts_whatever_the_clock_says(desk: Desk) -> None:
    """Rule 25: the business date comes from the shift."""
    for by in (timedelta(days=1), timedelta(days=-3)):
        clock_of(desk).set(clock_of(desk).now() + by)
        pay(desk, cash("1"))

    assert {row["business_date"] for row in rows(desk, "payment_event")} == {"2026-11-21"}
    assert {row["business_date"] for row in rows(desk, "journal_entry")} == {"2026-11-21"}


@pytest.mark.parametrize(
    ("code", "amount", "change"),
    [("KWD", "60.000", "5.750"), ("EUR", "60.00", "5.75"), ("JPY", "60000", "5750")],
)
def test_a_payment_is_right_in_currencies_of_0_2_and_3_digits(code: str, amount: str, change: str) -> None:
    desk = make_till(currency=code)
    opened(desk)

    receipt = pay(desk, cash(amount)).receipt

    assert receipt.change.plain() == change
    assert findings(desk) == []


def test_a_line_of_a_script_is_remembered_with_the_deed(desk: Desk) -> None:
    memo = Memo(ref="a1", digest="abc", encode=lambda outcome: {"receipt": outcome.receipt.receipt_number})  # type: ignore[attr-defined]

    take_payment(desk, CASHIER, order(desk, cash("5")), memo=memo)

    (remembered,) = rows(desk, "script_ref")
    assert (remembered["ref"], remembered["body_digest"], remembered["result_json"]) == (
        "a1",
        "abc",
        '{"receipt": "S014-T1-A-000001"}',
    )


def test_the_bills_touched_are_named_for_the_cache_once_they_are_booked(desk: Desk) -> None:
    with pytest.raises(Exception, match="not known"):
        pay(desk, cash("5"), allocate=[wish("7781"), wish("404")])
    assert not desk.touched_bills

    pay(desk, cash("45"))

    assert list(desk.touched_bills) == ["7781", "7782"]
    assert list(desk.touched_accounts) == ["BA-1"]


def test_cash_in_coins_that_exist_pays_the_bill_and_counts_as_what_lies_in_the_drawer() -> None:
    """Rule 2: 10.002 is asked for as 10.000, the bill shows paid, and the close expects what came in."""
    desk = make_till()
    tell(desk, bills=[bill("8801", money("10.002"), of="BA-1", due=date(2020, 1, 1))])
    opened(desk)

    taken = pay(desk, cash("10"), allocate=[wish("8801")])

    (tender,) = rows(desk, "v_tender")
    assert (tender["amount_minor"], tender["change_minor"], tender["rounding_minor"]) == (10_000, 0, 2)
    assert [(row["bill_no"], row["amount_minor"]) for row in rows(desk, "v_allocation")] == [("8801", 10_002)]
    assert taken.receipt.rounding == money("0.002")
    assert taken.receipt.total == money("10.002")
    assert findings(desk) == []
    count(desk, "30")
    assert closed(desk).over_short == money("0")
    assert findings(desk) == []
