"""The end of a business day and the count of the safe (domain.md 3.9; rules 25 and 55)."""

from __future__ import annotations

import json
import sqlite3
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from pos.domain.errors import NotAuthorised
from pos.domain.payment_event import Overpayment
from pos.domain.role import Person
from pos.till.balances import ledger_balances
from pos.till.cash_bags import bag_cash
from pos.till.day import DayState, close_day, day_state, next_business_date
from pos.till.desk import Desk
from pos.till.papers import reprint, show_receipt
from pos.till.safe import SafeCounted, count_safe
from pos.till.script import Script
from pos.till.z_report import accept_difference
from receipts.compose import compose
from receipts.text import render_text
from tests.builders.receipts import ORIGINAL
from tests.builders.tills import (
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    SUPERVISOR,
    TODAY,
    cash,
    cheque,
    clock_of,
    closed,
    count,
    findings,
    make_till,
    money,
    opened,
    pay,
    raw_connection,
    rows,
)
from tests.builders.undoing import approved
from tests.till.books import refused


@pytest.fixture
def desk() -> Desk:
    return make_till()


def a_shift(desk: Desk, amount: str = "30", over: int = 0, person: Person = CASHIER) -> None:
    opened(desk, person=person)
    pay(desk, cash(amount), account="BA-3", overpayment=Overpayment.CREDIT, person=person)
    count(desk, str(20 + int(amount) + over), person=person)
    closed(desk, "Counted twice" if over else None, person=person)


def codes(state: DayState | None, *, stops: bool) -> list[str]:
    assert state is not None
    return [item.code for item in state.items if item.stops is stops]


def safe(desk: Desk, amount: str, reason: str | None = None, person: Person = SUPERVISOR) -> SafeCounted:
    return count_safe(desk, person, amount, reason)


def in_ledger(desk: Desk, name: str) -> str:
    found = {row.ledger_account: row.balance.plain() for row in ledger_balances(desk, BACK_OFFICE)}
    return found.get(name, "0.000")


def test_an_open_shift_and_an_unsigned_difference_stop_a_day(desk: Desk) -> None:
    a_shift(desk, over=1)
    opened(desk)

    assert codes(day_state(desk, SUPERVISOR), stops=True) == ["difference_open", "shift_open"]
    refusal = refused(desk, lambda: close_day(desk, SUPERVISOR))
    assert (refusal.code, refusal.details["stopped_by"]) == (
        "day_not_ready",
        ["difference_open", "shift_open"],
    )
    count(desk, "20")
    closed(desk)
    accept_difference(desk, SUPERVISOR, 1, "Found")
    assert close_day(desk, SUPERVISOR).shifts == 2
    assert findings(desk) == []


def test_a_drawer_that_is_still_to_be_counted_tells_nothing_of_what_it_took(desk: Desk) -> None:
    """Invariant 31: whoever closes days counts drawers blind as well."""
    a_shift(desk)
    opened(desk, person=SUPERVISOR)
    pay(desk, cash("7"), account="BA-3", person=SUPERVISOR, overpayment=Overpayment.CREDIT)

    state = day_state(desk, SUPERVISOR)

    assert state is not None
    assert [(one.is_open, one.payments, one.gross) for one in state.shifts] == [
        (False, 1, money("30")),
        (True, 0, money("0")),
    ]
    assert state.gross == money("30")


def test_rows_that_central_has_not_got_are_told_and_stop_nothing(desk: Desk) -> None:
    """Rule 55: no close depends on the network, and none drops unsent rows."""
    opened(desk)
    pay(desk, cheque("10"), cash("20"), account="BA-3", overpayment=Overpayment.CREDIT)
    count(desk, "40", cheques="10", cheque_count=1)
    closed(desk)
    unsent = rows(desk, "outbox")

    done = close_day(desk, SUPERVISOR)

    assert [item.code for item in done.left] == [
        "safe_not_counted",
        "papers",
        "unsent",
        "cheques",
        "loose_cash",
    ]
    assert rows(desk, "outbox") == unsent
    said = render_text(compose(show_receipt(desk, SUPERVISOR, done.number), ORIGINAL), width=42)
    assert "END OF DAY" in said
    assert [line.split() for line in said.splitlines() if line.startswith("Cheques not")] == [
        ["Cheques", "not", "banked", "10.000"]
    ]


def test_a_closed_day_names_shop_terminal_and_date_and_where_its_entries_end(desk: Desk) -> None:
    a_shift(desk)
    a_shift(desk, "12")

    done = close_day(desk, SUPERVISOR, TODAY)

    (row,) = rows(desk, "v_day")
    assert (row["shop"], row["terminal"], row["business_date"]) == ("S014", "T1", TODAY.isoformat())
    assert (row["shifts"], row["payments"], row["gross_minor"]) == (2, 2, 42_000)
    assert (row["entries_through"], row["entries_since"]) == (len(rows(desk, "journal_entry")), 0)
    assert (done.number, done.gross) == ("S014-T1-A-D-000001", money("42"))


def test_what_is_booked_on_a_closed_day_later_shows_as_since(desk: Desk) -> None:
    a_shift(desk)
    safe(desk, "500")
    close_day(desk, SUPERVISOR)
    safe(desk, "499", "A note is missing")

    assert [row["entries_since"] for row in rows(desk, "v_day")] == [1]
    assert [row["gross_minor"] for row in rows(desk, "v_day")] == [30_000]
    assert findings(desk) == []


def test_a_shift_after_the_close_belongs_to_the_next_day_and_so_does_tomorrows(desk: Desk) -> None:
    """Domain.md rule 25: the business date is apart from the calendar."""
    a_shift(desk)
    close_day(desk, SUPERVISOR)
    tomorrow = TODAY + timedelta(days=1)

    assert next_business_date(desk) == tomorrow
    assert opened(desk).business_date == tomorrow
    count(desk, "20")
    closed(desk)
    clock_of(desk).advance(days=1)
    assert opened(desk).business_date == tomorrow
    clock_of(desk).advance(days=1)
    count(desk, "20")
    assert closed(desk).business_date == tomorrow


def test_days_are_closed_in_their_order_and_once(desk: Desk) -> None:
    a_shift(desk)
    clock_of(desk).advance(days=1)
    a_shift(desk)
    tomorrow = TODAY + timedelta(days=1)

    assert refused(desk, lambda: close_day(desk, SUPERVISOR, tomorrow)).code == "earlier_day_open"
    close_day(desk, SUPERVISOR, TODAY)
    assert refused(desk, lambda: close_day(desk, SUPERVISOR, TODAY)).code == "day_is_closed"
    close_day(desk, SUPERVISOR)
    assert refused(desk, lambda: close_day(desk, SUPERVISOR)).code == "no_day_to_close"
    assert refused(desk, lambda: close_day(desk, SUPERVISOR, date(2026, 12, 24))).code == "no_day_to_close"
    assert [row["business_date"] for row in rows(desk, "v_day")] == [TODAY.isoformat(), tomorrow.isoformat()]


def test_no_connection_opens_a_shift_on_a_closed_day(desk: Desk) -> None:
    a_shift(desk)
    close_day(desk, SUPERVISOR)
    raw = raw_connection(desk.till.database)

    with pytest.raises(sqlite3.IntegrityError, match="the day is closed"):
        raw.execute(
            "INSERT INTO shift SELECT 'X', 99, terminal, operator, business_date, opened_at_utc, utc_offset_min, "
            "currency, 0 FROM shift"
        )
    for statement in ("UPDATE day_close SET shifts = 9", "DELETE FROM day_close"):
        with pytest.raises(sqlite3.IntegrityError):
            raw.execute(statement)


@pytest.mark.parametrize("person", [CASHIER, AUDITOR])
def test_a_day_is_closed_by_who_answers_for_the_shop(desk: Desk, person: Person) -> None:
    a_shift(desk)

    with pytest.raises(NotAuthorised):
        close_day(desk, person)


def test_the_report_of_a_day_is_printed_again_as_a_duplicate(desk: Desk) -> None:
    a_shift(desk)
    number = close_day(desk, SUPERVISOR).number

    assert reprint(desk, SUPERVISOR, number).copy.number == 1


# --- the safe -------------------------------------------------------------------------------------------------------


def test_the_first_count_of_the_safe_is_what_its_books_begin_with(desk: Desk) -> None:
    a_shift(desk)

    first = safe(desk, "500")

    assert (first.is_first, first.difference) == (True, money("0"))
    a_shift(desk, "10")
    assert safe(desk, "510").difference == money("0")
    assert findings(desk) == []


def test_what_differs_in_the_safe_wants_a_reason_and_is_over_or_short(desk: Desk) -> None:
    a_shift(desk)
    safe(desk, "500")
    before = in_ledger(desk, "safe")

    refusal = refused(desk, lambda: safe(desk, "495"))
    short = safe(desk, "495", "A note of 5 is missing")

    assert (refusal.code, "5" in refusal.message) == ("safe_differs", False)
    assert short.difference == money("-5")
    assert (in_ledger(desk, "safe"), in_ledger(desk, "cash_over_short")) == (
        (money(before) - money("5")).plain(),
        "5.000",
    )
    assert safe(desk, "495").difference == money("0")
    assert findings(desk) == []


def test_the_safe_is_recounted_once_and_then_counted_with_a_reason_whether_it_differs_or_not(
    desk: Desk,
) -> None:
    a_shift(desk)
    safe(desk, "500")
    for guess in ("495", "496"):
        assert refused(desk, partial(safe, desk, guess)).code == "safe_differs"
    bag_cash(desk, SUPERVISOR, "B-1", "80")

    for guess in ("419", "420"):
        assert refused(desk, partial(safe, desk, guess)).code == "safe_recounted"
    assert safe(desk, "420", "Counted twice before").difference == money("0")
    assert refused(desk, lambda: safe(desk, "421")).code == "safe_differs"
    assert safe(desk, "420").difference == money("0")


def test_a_cashier_who_tries_one_sum_after_the_other_asks_a_second_person_for_each(desk: Desk) -> None:
    a_shift(desk)
    safe(desk, "500")
    for guess in ("495", "496", "500"):
        refusal = refused(desk, partial(safe, desk, guess, "Counted", CASHIER))
        assert refusal.code == "approval_required"


def test_sealed_bags_are_counted_by_their_numbers_and_not_again_as_cash(desk: Desk) -> None:
    a_shift(desk)
    safe(desk, "500")
    bag_cash(desk, SUPERVISOR, "B-1", "80")

    counted = safe(desk, "420")

    assert (counted.difference, counted.bags) == (money("0"), (("B-1", money("80")),))
    assert refused(desk, lambda: bag_cash(desk, SUPERVISOR, "B-2", "420.005")).code == "bag_over_safe"
    assert bag_cash(desk, SUPERVISOR, "B-2", "420").amount == money("420")


def test_a_cashier_who_counts_the_safe_otherwise_needs_a_second_person(desk: Desk) -> None:
    a_shift(desk)
    assert safe(desk, "500", person=CASHIER).is_first

    short = approved(desk, lambda: safe(desk, "499", "A coin roll", CASHIER))

    assert short.difference == money("-1")
    assert [row["approver"] for row in rows(desk, "safe_count")] == [None, "2002"]


# --- without a screen -----------------------------------------------------------------------------------------------


def run(script: Script, **line: Any) -> dict[str, Any]:
    return script.run_line(json.dumps(line))


def test_a_script_counts_the_safe_and_closes_the_day(desk: Desk) -> None:
    a_shift(desk)
    script = Script(desk, SUPERVISOR)

    counted = run(script, ref="d1", act="safe_count", cash={"amount": "500"})
    done = run(script, ref="d2", act="close_day", business_date=TODAY.isoformat())

    assert (counted["paper"], counted["over_short"]) == ("S014-T1-A-SC-000001", "0.000")
    assert (done["paper"], done["shifts"], done["gross"]) == ("S014-T1-A-D-000001", 1, "30.000")
    assert {item["what"] for item in done["left"]} == {"papers", "unsent", "loose_cash"}
    assert run(script, ref="d2", act="close_day", business_date=TODAY.isoformat())["replayed"] is True
    assert run(script, ref="d3", act="close_day", business_date="someday")["error"]["code"] == "bad_date"
