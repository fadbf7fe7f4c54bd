"""A clock that stands before the last deed (domain.md rule 26)."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from pos.domain.errors import NotAuthorised, Refused
from pos.till.cash_office import current_shift
from pos.till.desk import Desk
from pos.till.enquiries import till_state
from pos.till.shop_clock import SLACK, confirm_clock
from tests.builders.tills import (
    ADMIN,
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    DEALER,
    NOW,
    SUPERVISOR,
    SettableClock,
    cash,
    clock_of,
    closed,
    count,
    findings,
    make_till,
    opened,
    pay,
    rows,
)
from tests.till.books import refused


@pytest.fixture
def desk() -> Desk:
    """A till whose last shift was closed at NOW."""
    desk = make_till()
    opened(desk)
    pay(desk, cash("5"))
    count(desk, "25")
    closed(desk)
    return desk


@pytest.mark.parametrize("back", [SLACK + timedelta(seconds=1), timedelta(hours=3), timedelta(days=400)])
def test_a_clock_before_the_last_deed_opens_no_shift_until_a_supervisor_confirms_it(
    desk: Desk, back: timedelta
) -> None:
    """Rule 26: clock earlier than the last receipt: no shift is opened until a supervisor confirms the clock."""
    clock_of(desk).set(NOW - back)

    refusal = refused(desk, lambda: opened(desk))

    assert refusal.code == "clock_behind"
    assert refusal.details["last_deed"] == NOW.isoformat(timespec="seconds")
    assert till_state(desk).clock_behind
    confirm_clock(desk, SUPERVISOR)
    assert not till_state(desk).clock_behind
    assert opened(desk).business_date == (NOW - back).date()
    pay(desk, cash("1"))
    assert findings(desk) == []


@pytest.mark.parametrize("ahead", [-SLACK, timedelta(0), timedelta(seconds=1), timedelta(days=400)])
def test_a_clock_that_goes_on_opens_a_shift(desk: Desk, ahead: timedelta) -> None:
    """Rule 26, the good neighbour: set right by a moment, or standing still, or later."""
    clock_of(desk).set(NOW + ahead)

    assert not till_state(desk).clock_behind
    assert opened(desk).number == 2


def test_a_clock_that_was_once_years_ahead_does_not_stop_the_till() -> None:
    """Rule 26: else a clock once wrong ahead stops the till for years."""
    desk = make_till(clock=SettableClock(datetime(2031, 2, 28, 9, tzinfo=ZoneInfo("Asia/Kuwait"))))
    opened(desk)
    count(desk, "20")
    closed(desk)
    clock_of(desk).set(NOW)
    with pytest.raises(Refused):
        opened(desk)

    confirm_clock(desk, BACK_OFFICE)

    opened(desk)
    clock_of(desk).set(NOW - timedelta(hours=1))
    count(desk, "20")
    closed(desk)
    with pytest.raises(Refused) as refusal:
        opened(desk)
    assert refusal.value.code == "clock_behind", "the confirmation was for the clock of then"


def test_an_open_shift_goes_on_selling_and_the_audit_says_so_once() -> None:
    """Rule 26: an open shift goes on selling, with a warning and an audit entry."""
    desk = make_till()
    opened(desk)
    pay(desk, cash("1"))
    clock_of(desk).advance(hours=-2)

    for amount in ("2", "3"):
        pay(desk, cash(amount))

    warned = [row for row in rows(desk, "v_audit") if row["act"] == "clock_behind"]
    assert [row["result"] for row in warned] == ["warned"]
    assert till_state(desk).clock_behind
    assert len(rows(desk, "receipt")) == 3
    assert findings(desk) == []


def test_numbers_go_on_whatever_the_clock_says() -> None:
    """Rule 26: the sequence, not the clock, orders the deeds; the UTC offset is kept beside UTC."""
    desk = make_till()
    opened(desk)
    for hours in (0, -5, 9):
        clock_of(desk).advance(hours=hours)
        pay(desk, cash("1"))

    events = rows(desk, "payment_event")
    assert [row["sequence"] for row in events] == [1, 2, 3]
    assert {row["utc_offset_min"] for row in events} == {180}
    assert all(str(row["taken_at_utc"]).endswith("Z") for row in events)


@pytest.mark.parametrize("person", [CASHIER, DEALER, ADMIN, AUDITOR])
def test_who_may_not_confirm_the_clock(desk: Desk, person) -> None:  # type: ignore[no-untyped-def]
    clock_of(desk).advance(hours=-1)

    refusal = refused(desk, lambda: confirm_clock(desk, person))

    assert isinstance(refusal, NotAuthorised)
    with pytest.raises(Refused):
        opened(desk)
    assert current_shift(desk) is None
