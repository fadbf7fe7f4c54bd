"""Shifts: opened with a float, counted blind, closed with over or short booked (invariants 30 to 33)."""

import json

import pytest

from pos.domain.errors import NotAuthorised, Refused
from pos.till.balances import ledger_balances
from pos.till.cash_office import current_shift
from pos.till.desk import Desk
from tests.builders.tills import (
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    OTHER_CASHIER,
    SUPERVISOR,
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
    rows,
)


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    opened(desk)
    return desk


def balances(desk: Desk) -> dict[str, str]:
    return {row.ledger_account: row.balance.plain() for row in ledger_balances(desk, BACK_OFFICE)}


def code_of(deed: object) -> str:
    with pytest.raises(Refused) as refusal:
        deed()  # type: ignore[operator]
    return refusal.value.code


def test_a_shift_is_opened_on_today_with_its_float() -> None:
    desk = make_till()

    shift = opened(desk, "20.500")

    assert (shift.number, shift.business_date.isoformat(), shift.float_) == (1, "2026-11-21", money("20.500"))
    assert current_shift(desk) is not None
    assert balances(desk) == {"cash_in_till": "20.500", "safe": "-20.500"}


@pytest.mark.parametrize("code", ["EUR", "JPY"])
def test_a_float_is_in_the_shops_currency(code: str) -> None:
    desk = make_till(currency=code)

    assert opened(desk, "20").float_ == money("20", code)


def test_a_shift_without_a_float_posts_nothing() -> None:
    desk = make_till()
    opened(desk, "0")

    assert balances(desk) == {}
    assert findings(desk) == []


def test_expected_cash_is_float_and_cash_less_change(desk: Desk) -> None:
    pay(desk, cash("50"), cheque("10"))
    pay(desk, cash("5"), account="D-1")
    count(desk, "69.250", cheques="10", cheque_count=1)

    done = closed(desk)

    assert (done.expected_cash, done.counted_cash, done.over_short) == (
        money("69.250"),
        money("69.250"),
        money("0"),
    )
    assert [(part.mode, part.count, part.amount.plain()) for part in done.taken] == [
        ("cash", 2, "49.250"),
        ("cheque", 1, "10.000"),
    ]
    assert done.payments == 2
    assert current_shift(desk) is None


@pytest.mark.parametrize(("counted", "over_short"), [("69", "-1"), ("71.005", "1.005"), ("0", "-70")])
def test_over_short_booked(desk: Desk, counted: str, over_short: str) -> None:
    pay(desk, cash("50"))
    count(desk, counted)

    done = closed(desk, "miscounted a note")

    assert done.over_short == money(over_short)
    book = balances(desk)
    assert book["cash_in_till"] == "0.000"
    assert (
        book["cash_over_short"] == money("-" + over_short if over_short[0] != "-" else over_short[1:]).plain()
    )
    assert book["safe"] == (money(counted) - money("20")).plain()
    (row,) = rows(desk, "shift_close")
    assert row["reason"] == "miscounted a note"
    assert findings(desk) == []


def test_the_closing_states_the_sum_of_its_receipts(desk: Desk) -> None:
    receipts = [pay(desk, cash("50")).receipt, pay(desk, cheque("5"), account="D-1").receipt]
    count(desk, "70", cheques="5", cheque_count=1)
    closed(desk)

    (row,) = rows(desk, "shift_close")
    totals = json.loads(str(row["totals_json"]))
    assert sum(minor for _, minor in totals.values()) == sum(receipt.total.minor for receipt in receipts)


@pytest.mark.parametrize(
    ("counted", "cheques", "cheque_count"),
    [("69.999", "10", 1), ("70", "9", 1), ("70", "10", 2), ("70", "0", 0), ("70", "10", 0)],
)
def test_a_count_that_differs_needs_a_reason(
    desk: Desk, counted: str, cheques: str, cheque_count: int
) -> None:
    pay(desk, cheque("10"), cash("40"))
    pay(desk, cash("10"), account="D-1")
    count(desk, counted, cheques=cheques, cheque_count=cheque_count)

    for reason in (None, "", "   "):
        assert code_of(lambda reason=reason: closed(desk, reason)) == "count_differs"

    assert closed(desk, "found").number == 1


def test_the_refusal_of_a_count_does_not_tell_what_was_expected(desk: Desk) -> None:
    pay(desk, cash("50"))
    count(desk, "69")

    with pytest.raises(Refused) as refusal:
        closed(desk)

    assert refusal.value.details == {}
    assert not [sign for sign in refusal.value.message if sign.isdigit()]


def test_blind_close_a_count_tells_only_its_number(desk: Desk) -> None:
    pay(desk, cash("50"))

    told = count(desk, "1")

    assert {name for name in dir(told) if not name.startswith("_")} == {"shift_id", "number"}


@pytest.mark.parametrize("person", [CASHIER, SUPERVISOR])
def test_blind_close_the_ledger_is_not_shown_to_who_counts(desk: Desk, person: object) -> None:
    with pytest.raises(NotAuthorised):
        ledger_balances(desk, person)  # type: ignore[arg-type]


def test_who_does_not_count_may_see_the_ledger(desk: Desk) -> None:
    for person in (BACK_OFFICE, AUDITOR):
        assert {row.ledger_account for row in ledger_balances(desk, person)} == {"cash_in_till", "safe"}


def test_at_most_one_recount_and_both_are_kept(desk: Desk) -> None:
    assert [count(desk, "1").number, count(desk, "2").number] == [1, 2]

    assert code_of(lambda: count(desk, "20")) == "recounted_already"

    assert [(row["number"], row["cash_minor"]) for row in rows(desk, "shift_count")] == [
        (1, 1_000),
        (2, 2_000),
    ]
    assert closed(desk, "cannot say").counted_cash == money("2")


def test_after_further_payments_it_is_counted_once_more_and_closed_with_a_reason(desk: Desk) -> None:
    count(desk, "1")
    count(desk, "2")
    pay(desk, cash("5"))

    assert count(desk, "25").number == 3
    assert code_of(lambda: count(desk, "25")) == "recounted_already"
    assert code_of(lambda: closed(desk)) == "recounted_already"
    assert closed(desk, "A customer came back").over_short == money("0")


@pytest.mark.parametrize("counted", ["21.500", "24"])
def test_whatever_moves_in_between_tells_nothing_more_of_what_is_expected(desk: Desk, counted: str) -> None:
    """As money comes in again and again, the drawer is not counted until it happens to agree: the answer is the same."""
    for guess in ("1", "2"):
        count(desk, guess)
        assert code_of(lambda: closed(desk)) == "count_differs"
    for _ in range(3):
        pay(desk, cash("0.500"))
    count(desk, counted)

    assert code_of(lambda: closed(desk)) == "recounted_already"


def test_an_old_count_closes_nothing(desk: Desk) -> None:
    count(desk, "20")
    pay(desk, cash("5"))

    assert code_of(lambda: closed(desk, "why not")) == "count_is_old"


def test_a_shift_that_was_not_counted_is_not_closed(desk: Desk) -> None:
    assert code_of(lambda: closed(desk, "in a hurry")) == "not_counted"


def test_an_empty_drawer_is_a_count() -> None:
    desk = make_till()
    opened(desk, "0")
    count(desk, "0")

    assert closed(desk).over_short == money("0")
    assert findings(desk) == []


def test_a_late_close_keeps_the_business_date(desk: Desk) -> None:
    """Rule 25: late close keeps it."""
    clock_of(desk).advance(days=2)
    count(desk, "20")

    assert closed(desk).business_date.isoformat() == "2026-11-21"
    assert {row["business_date"] for row in rows(desk, "journal_entry")} == {"2026-11-21"}


def test_closing_never_depends_on_what_is_unsent(desk: Desk) -> None:
    """Rule 55: closing never depends on the network, and drops no unsent row."""
    pay(desk, cash("50"))
    count(desk, "70")
    closed(desk)

    assert [row["state"] for row in rows(desk, "outbox")] == ["waiting"]


def test_the_next_shift_is_anybodys_and_has_the_next_number(desk: Desk) -> None:
    count(desk, "20")
    closed(desk)

    assert opened(desk, "5", person=OTHER_CASHIER).number == 2
    pay(desk, cash("1"), person=OTHER_CASHIER)
    count(desk, "6", person=OTHER_CASHIER)
    assert closed(desk, person=OTHER_CASHIER).expected_cash == money("6")
    assert findings(desk) == []


def test_each_deed_of_a_shift_is_one_audit_row(desk: Desk) -> None:
    count(desk, "20")
    closed(desk)

    shift_id = rows(desk, "shift")[0]["shift_id"]
    assert [(row["act"], row["result"], row["shift_id"], row["subject"]) for row in rows(desk, "audit")] == [
        ("open_shift", "ok", shift_id, shift_id),
        ("count", "ok", shift_id, shift_id),
        ("close_shift", "ok", shift_id, shift_id),
    ]
