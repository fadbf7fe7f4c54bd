"""A cheque of a later date is registered: a note of its own series, no payment (domain.md rules 22 and 39)."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pos.domain.cheque import ChequePolicy
from pos.domain.errors import Refused
from pos.domain.post_dated import PostDatedState, note_series, step
from pos.domain.receipt import ReceiptKind
from pos.settings import read_settings
from pos.till.desk import Desk
from pos.till.due_cheques import withdraw_post_dated
from pos.till.enquiries import HitKind, find
from pos.till.papers import last_receipt_of, reprint, show_receipt
from pos.till.payment_order import PaymentOrder, TenderOrder
from pos.till.post_dated import ChequeRegistered, is_post_dated, post_dated_cheques, register_cheque
from pos.till.script import Script
from tests.builders.tills import (
    CASHIER,
    DEALER,
    SUPERVISOR,
    TODAY,
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
    sale,
    stock,
    wish,
)
from tests.till.books import refused

MONEY = ("payment_event", "tender", "payment", "allocation", "leg", "outbox", "cheque", "instrument")
POLICY = ChequePolicy(stale_after_days=180, max_amount=money("500"), layouts=read_settings().micr)


def ahead(days: int) -> str:
    return (TODAY + timedelta(days=days)).isoformat()


@pytest.fixture
def desk() -> Desk:
    desk = make_till(cheques=POLICY)
    opened(desk)
    return desk


def asked(desk: Desk, amount: str = "40", serial: str = "000123", **details: str) -> PaymentOrder:
    return order(desk, cheque(amount, serial, **{"date": ahead(30), **details}))


def registered(desk: Desk, amount: str = "40", serial: str = "000123", **details: str) -> ChequeRegistered:
    return register_cheque(desk, CASHIER, asked(desk, amount, serial, **details))


def say(desk: Desk, ref: str, *tenders: Mapping[str, object], **more: object) -> dict[str, Any]:
    line = {
        "ref": ref,
        "act": "pay",
        "payer": {"kind": "subscriber", "account": "BA-1"},
        "tenders": list(tenders),
        **more,
    }
    return Script(desk, CASHIER).run_line(json.dumps(line))


def later(days: int = 30, amount: str = "40", serial: str = "000123") -> dict[str, object]:
    return {"mode": "cheque", "amount": amount, "serial": serial, "bank": "001", "date": ahead(days)}


# --- what it is, and what it is not ----------------------------------------------------------------------------


def test_a_cheque_of_a_later_date_is_no_payment(desk: Desk) -> None:
    """Rule 39: no credit, no receipt-as-payment, nothing sent to central; the account stays owing."""
    before = dump(desk)

    done = registered(desk, drawer="Zoë O'Brien")

    after = dump(desk)
    for table in (*MONEY, "payer_person", "tender_person"):
        assert after[table] == before[table] == [], table
    for table in ("journal_entry", "journal_line"):
        assert after[table] == before[table], f"{table}: only the float stands there"
    (held,) = rows(desk, "v_post_dated")
    assert (held["state"], held["payer_account"], held["amount_minor"]) == ("registered", "BA-1", 40_000)
    assert (held["bank"], held["serial"], held["cheque_date"]) == ("001", "000123", ahead(30))
    assert held["payment_event_id"] is None
    assert done.dated == TODAY + timedelta(days=30)
    assert findings(desk) == []


def test_its_note_is_of_a_series_of_its_own(desk: Desk) -> None:
    """Rule 22: papers that are no receipts have numbers of their own, and neither series has a gap."""
    pay(desk, cash("1"))
    first = registered(desk).note
    pay(desk, cash("1"))
    second = registered(desk, serial="000124").note

    assert [row["receipt_number"] for row in rows(desk, "v_receipt")] == [
        "S014-T1-A-000001",
        "S014-T1-A-PD-000001",
        "S014-T1-A-000002",
        "S014-T1-A-PD-000002",
    ]
    assert (first.receipt_number, second.receipt_number) == ("S014-T1-A-PD-000001", "S014-T1-A-PD-000002")
    assert {row["series"] for row in rows(desk, "receipt")} == {"A", note_series("A")}
    assert [row["kind"] for row in rows(desk, "receipt")].count("post_dated_note") == 2
    assert findings(desk) == []


def test_the_note_says_that_it_is_no_payment_until_its_date(desk: Desk) -> None:
    note = registered(desk, drawer="Z. O'Brien").note

    assert note.kind is ReceiptKind.POST_DATED_NOTE
    assert note.notes == (f"Not a payment until {ahead(30)}. Until then the account stays owing.",)
    assert dict(note.tenders[0].details)["held_until"] == ahead(30)
    assert (note.total, note.change, note.credit, note.allocations) == (
        money("40"),
        money("0"),
        money("0"),
        (),
    )
    assert show_receipt(desk, CASHIER, note.receipt_number) == note
    assert [row["receipt_number"] for row in rows(desk, "print_job")] == [note.receipt_number]


def test_the_note_names_the_bills_that_it_is_to_pay(desk: Desk) -> None:
    wished = replace(asked(desk, "50"), allocate=[wish("7782", "12.500"), wish("7781", "37.500")])

    note = register_cheque(desk, CASHIER, wished).note

    assert [(line.bill_no, line.amount) for line in note.allocations] == [
        ("7782", money("12.5")),
        ("7781", money("37.5")),
    ]
    assert [(row["bill_no"], row["amount_minor"]) for row in rows(desk, "post_dated_wish")] == [
        ("7782", 12_500),
        ("7781", 37_500),
    ]


def test_a_note_is_found_reprinted_and_counted_like_a_receipt(desk: Desk) -> None:
    pay(desk, cash("1"))
    note = registered(desk, drawer="Zoë O'Brien").note

    assert [(hit.kind, hit.key) for hit in find(desk, CASHIER, note.receipt_number.lower())] == [
        (HitKind.RECEIPT, note.receipt_number)
    ]
    assert last_receipt_of(desk, CASHIER) == note.receipt_number
    again = reprint(desk, CASHIER, note.receipt_number)
    assert (again.facts, again.copy.number) == (note, 1)
    assert rows(desk, "v_receipt")[-1]["copies_printed"] == 1
    pay(desk, cash("1"))
    assert last_receipt_of(desk, CASHIER) == "S014-T1-A-000002"
    assert findings(desk) == []


def test_names_stand_in_a_row_that_can_be_purged(desk: Desk) -> None:
    note = registered(desk, drawer="Lina Haddad").note
    assert "Lina" not in json.dumps([rows(desk, "post_dated_cheque"), rows(desk, "receipt")])

    with desk.till.transaction() as unit:
        unit.connection.exec_driver_sql("DELETE FROM post_dated_person")

    after = show_receipt(desk, CASHIER, note.receipt_number)
    assert (after.payer_name, "drawer" in dict(after.tenders[0].details)) == (None, False)
    assert findings(desk) == []


def test_a_post_dated_cheque_is_not_counted_with_the_drawers_cheques(desk: Desk) -> None:
    registered(desk)
    pay(desk, cheque("5", "000999"))

    count(desk, "20", cheque_count=1, cheques="5")

    assert closed(desk).over_short == money("0")


# --- once ------------------------------------------------------------------------------------------------------


def test_a_double_enter_registers_once(desk: Desk) -> None:
    once = asked(desk)
    first = register_cheque(desk, CASHIER, once)
    before = dump(desk)

    again = register_cheque(desk, CASHIER, once)

    assert (again.note, again.replayed, again.opens_drawer) == (first.note, True, False)
    assert dump(desk) == before
    other = replace(asked(desk, serial="000124"), payment_event_id=once.payment_event_id)
    with pytest.raises(Refused) as refusal:
        register_cheque(desk, CASHIER, other)
    assert refusal.value.code == "key_reused"


@pytest.mark.parametrize("spelled", [{}, {"branch": "07"}, {"account": "77"}])
def test_one_paper_is_registered_or_taken_once(desk: Desk, spelled: dict[str, str]) -> None:
    """Rule 37: a cheque is one over the register and what was taken."""
    registered(desk, **spelled)
    assert refused(desk, lambda: registered(desk)).code == "cheque_taken_before"
    taken = refused(desk, lambda: pay(desk, cheque("5")))
    assert (taken.code, taken.details["receipt"]) == ("cheque_taken_before", "S014-T1-A-PD-000001")

    pay(desk, cheque("5", "000777", **spelled))
    assert refused(desk, lambda: registered(desk, serial="000777")).code == "cheque_taken_before"


def held_back(desk: Desk) -> None:
    (held,) = rows(desk, "post_dated_cheque")
    with desk.till.transaction() as unit:
        unit.insert(
            "post_dated_event",
            {
                "post_dated_id": held["post_dated_id"],
                "number": 2,
                "state": "held",
                "at_utc": "2026-11-22T00:00:00.000000Z",
                "operator": "1001",
            },
        )


def test_a_withdrawn_cheque_may_come_again(desk: Desk) -> None:
    registered(desk)
    with pytest.raises(Refused, match="with note S014-T1-A-PD-000001"):
        registered(desk)

    withdraw_post_dated(desk, CASHIER, "S014-T1-A-PD-000001", "Pays in cash")

    assert post_dated_cheques(desk, CASHIER) == []
    registered(desk)
    assert [cheque.note for cheque in post_dated_cheques(desk, CASHIER)] == ["S014-T1-A-PD-000002"]


def test_a_held_cheque_is_still_in_the_register(desk: Desk) -> None:
    registered(desk)
    held_back(desk)

    assert [cheque.state for cheque in post_dated_cheques(desk, CASHIER)] == [PostDatedState.HELD]
    assert refused(desk, lambda: registered(desk)).code == "cheque_taken_before"


# --- states ----------------------------------------------------------------------------------------------------


ALLOWED = {
    ("registered", "held"),
    ("registered", "withdrawn"),
    ("registered", "credited"),
    ("held", "withdrawn"),
    ("held", "credited"),
}


@pytest.mark.parametrize("now", list(PostDatedState))
@pytest.mark.parametrize("to", list(PostDatedState))
def test_only_these_steps_of_the_register_are_taken(now: PostDatedState, to: PostDatedState) -> None:
    if (str(now), str(to)) in ALLOWED:
        assert step(now, to) is to
        return
    with pytest.raises(Refused) as refusal:
        step(now, to)
    assert refusal.value.code == "post_dated_state"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE post_dated_cheque SET amount_minor = 1",
        "DELETE FROM post_dated_cheque",
        "INSERT OR REPLACE INTO post_dated_cheque SELECT * FROM post_dated_cheque",
        "UPDATE post_dated_event SET state = 'credited'",
        "DELETE FROM post_dated_event",
        "INSERT INTO post_dated_event SELECT post_dated_id, 3, 'held', at_utc, operator, NULL, NULL, NULL "
        "FROM post_dated_event",
        "INSERT INTO post_dated_event SELECT post_dated_id, 2, 'sold', at_utc, operator, NULL, NULL, NULL "
        "FROM post_dated_event",
        "INSERT INTO post_dated_event SELECT post_dated_id, 2, 'registered', at_utc, operator, NULL, NULL, NULL "
        "FROM post_dated_event",
        "INSERT INTO post_dated_event SELECT post_dated_id, 2, 'credited', at_utc, operator, NULL, NULL, NULL "
        "FROM post_dated_event",
        "INSERT INTO cheque (cheque_id, tender_id, bank, branch, bank_account, serial, amount_minor, currency, cheque_date) "
        "SELECT 'c', 't', bank, branch, bank_account, serial, 1, 'KWD', cheque_date FROM post_dated_cheque",
        "INSERT INTO receipt SELECT 'X', 'A', 1, 'payment', NULL, issued_at_utc, facts_json FROM receipt",
    ],
)
def test_the_books_refuse_over_any_connection(desk: Desk, statement: str) -> None:
    registered(desk)
    raw = raw_connection(desk.till.database)

    with pytest.raises(sqlite3.IntegrityError):
        raw.execute(statement)
    raw.rollback()


def test_what_left_the_register_does_not_come_back(desk: Desk) -> None:
    registered(desk)
    withdraw_post_dated(desk, CASHIER, "S014-T1-A-PD-000001", "Pays in cash")
    raw = raw_connection(desk.till.database)

    with pytest.raises(sqlite3.IntegrityError, match="left the register"):
        raw.execute(
            "INSERT INTO post_dated_event SELECT post_dated_id, 3, 'held', at_utc, operator, NULL, NULL, NULL "
            "FROM post_dated_event WHERE number = 1"
        )
    raw.rollback()


# --- what is refused, and its neighbours -----------------------------------------------------------------------


@pytest.mark.parametrize(("days", "is_one"), [(-1, False), (0, False), (1, True), (90, True), (400, True)])
def test_only_a_date_after_today_is_post_dated(desk: Desk, days: int, is_one: bool) -> None:
    assert is_post_dated(desk, asked(desk, date=ahead(days))) is is_one


def test_while_a_clock_stands_behind_the_shift_its_business_date_counts(desk: Desk) -> None:
    clock_of(desk).advance(days=-1)
    of_today = cheque("5", date=TODAY.isoformat())

    assert not is_post_dated(desk, order(desk, of_today, account="BA-1"))


def test_a_cheque_too_far_ahead_is_refused(desk: Desk) -> None:
    assert registered(desk, date=ahead(90)).dated == TODAY + timedelta(days=90)
    far = refused(desk, lambda: registered(desk, serial="000124", date=ahead(91)))
    assert (far.code, "more than 90 days ahead" in far.message) == ("cheque_post_dated", True)


@pytest.mark.parametrize(
    ("details", "code"),
    [
        ({"drawer": "Lina Haddad"}, "cheque_ticks_missing"),
        ({"serial": ""}, "field_missing"),
        ({"drawer": "4111 1111 1111 1111"}, "card_number_refused"),
        ({"kind": "gift"}, "bad_field"),
    ],
)
def test_what_is_wrong_with_a_cheque_is_wrong_with_a_later_one(
    desk: Desk, details: dict[str, str], code: str
) -> None:
    tender = TenderOrder(
        mode="cheque", amount="40", details={"serial": "1", "bank": "1", "date": ahead(30), **details}
    )
    assert refused(desk, lambda: register_cheque(desk, CASHIER, order(desk, tender))).code == code


@pytest.mark.parametrize(
    ("asked_for", "code"),
    [
        ({"amount": "500.001"}, "cheque_over_cap"),
        ({"account": "BA-2", "amount": "5"}, "cheque_account_cash_only"),
        ({"account": "BA-77", "amount": "5"}, "unknown_account"),
        ({"amount": "0"}, "bad_amount"),
    ],
)
def test_an_unfit_payer_or_amount_is_refused(desk: Desk, asked_for: dict[str, str], code: str) -> None:
    tender = cheque(asked_for["amount"], date=ahead(30))
    wanted = order(desk, tender, account=asked_for.get("account", "BA-1"))

    refusal = refused(desk, lambda: register_cheque(desk, CASHIER, wanted))

    assert refusal.code in (code, "amount_not_positive")


def test_nobody_registers_without_a_shift_or_the_right(desk: Desk) -> None:
    assert refused(desk, lambda: register_cheque(desk, SUPERVISOR, asked(desk))).code == "shift_of_other"
    count(desk, "20")
    closed(desk)
    assert refused(desk, lambda: registered(desk)).code == "no_open_shift"


def test_a_dealer_sees_only_its_own_cheques(desk: Desk) -> None:
    registered(desk)
    dealers = order(desk, cheque("5", "000777", date=ahead(10)), account="D-1")
    register_cheque(desk, CASHIER, dealers)

    assert [held.payer_account for held in post_dated_cheques(desk, CASHIER)] == ["D-1", "BA-1"]
    assert [held.payer_account for held in post_dated_cheques(desk, DEALER)] == ["D-1"]


def test_the_due_list_has_what_may_go_to_the_bank(desk: Desk) -> None:
    """Rule 39: there is a daily due list."""
    for days, serial in ((2, "000001"), (1, "000002"), (40, "000003")):
        registered(desk, serial=serial, date=ahead(days))
    assert post_dated_cheques(desk, CASHIER, due_only=True) == []

    clock_of(desk).advance(days=2)

    due = post_dated_cheques(desk, CASHIER, due_only=True)
    assert [held.serial for held in due] == ["000002", "000001"]
    assert len(post_dated_cheques(desk, CASHIER)) == 3


# --- the script ------------------------------------------------------------------------------------------------


def test_a_script_registers_by_pay(desk: Desk) -> None:
    line = later()
    answer = say(desk, "p1", line, allocate=[{"bill": "7781", "amount": "40"}])

    assert answer == {
        "ref": "p1",
        "ok": True,
        "act": "pay",
        "post_dated": True,
        "receipt": "S014-T1-A-PD-000001",
        "date": ahead(30),
        "amount": "40.000",
        "currency": "KWD",
        "allocations": [{"account": "BA-1", "bill": "7781", "amount": "40.000"}],
    }
    again = say(desk, "p1", line, allocate=[{"bill": "7781", "amount": "40"}])
    assert again == {**answer, "replayed": True}
    assert len(rows(desk, "post_dated_cheque")) == 1


def test_with_other_tenders_or_items_it_is_refused(desk: Desk) -> None:
    stock(desk)
    beside = say(desk, "p1", later(), {"mode": "cash", "amount": "1"})
    items = say(desk, "p2", later(), lines=[{"item": "SERVICE"}])
    twice = say(desk, "p3", later(), later(serial="000124"))

    for answer in (beside, items, twice):
        assert answer["error"]["code"] == "cheque_post_dated"
        assert "registered alone, without other tenders or items" in answer["error"]["message"]
    assert rows(desk, "post_dated_cheque") == []
    assert say(desk, "p4", later())["post_dated"]


def test_a_shop_may_register_none() -> None:
    desk = make_till(cheques=replace(POLICY, post_dated_max_days=0))
    opened(desk)

    answer = say(desk, "p1", later(1))

    assert answer["error"]["code"] == "cheque_post_dated"
    assert "none is registered here" in answer["error"]["message"]
    assert say(desk, "p2", later(0))["receipt"] == "S014-T1-A-000001"


def test_nobody_without_an_account_has_a_cheque_registered(desk: Desk) -> None:
    wanted = order(desk, cheque("5", date=ahead(5)), account=None)

    assert refused(desk, lambda: register_cheque(desk, CASHIER, wanted)).code == "change_not_possible"
    stock(desk)
    sold = order(desk, cheque("5", date=ahead(5)), account=None, lines=[sale("SERVICE")])
    assert not is_post_dated(desk, sold)
