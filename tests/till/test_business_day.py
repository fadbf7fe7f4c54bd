"""Which day a shift belongs to, and where a posting of a closed period goes (domain.md rule 25)."""

from dataclasses import replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from pos.domain.business_day import business_date, open_date
from pos.till.desk import Desk
from tests.builders.tills import (
    TODAY,
    ZONE,
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

NIGHT = datetime(2026, 11, 22, 1, 30, tzinfo=ZoneInfo(ZONE))


def dates(desk: Desk) -> set[object]:
    return {row["business_date"] for row in rows(desk, "v_journal")}


@pytest.mark.parametrize(
    ("hour", "day_starts", "expected"),
    [
        (time(0), time(0), date(2026, 11, 22)),
        (time(23, 59), time(0), date(2026, 11, 22)),
        (time(3, 59), time(4), date(2026, 11, 21)),
        (time(4), time(4), date(2026, 11, 22)),
    ],
)
def test_a_shift_opened_before_the_day_starts_belongs_to_yesterday(
    hour: time, day_starts: time, expected: date
) -> None:
    """Rule 25."""
    assert business_date(datetime.combine(date(2026, 11, 22), hour), day_starts) == expected


def test_a_till_that_opens_at_night_books_on_yesterday() -> None:
    """Rule 25."""
    desk = make_till(clock=SettableClock(NIGHT))
    desk.policy = replace(desk.policy, day_starts=time(4))

    shift = opened(desk)
    taken = pay(desk, cash("5"))

    assert shift.business_date == taken.receipt.business_date == date(2026, 11, 21)
    assert dates(desk) == {"2026-11-21"}


def test_a_shift_that_runs_past_midnight_keeps_its_date_and_so_does_its_late_close() -> None:
    """Rule 25: business date comes from the shift; late close keeps it."""
    desk = make_till()
    opened(desk)
    clock_of(desk).advance(hours=20)
    taken = pay(desk, cash("5"))
    clock_of(desk).advance(days=2)
    count(desk, "24")

    done = closed(desk, "a coin is missing")

    assert taken.receipt.taken_at.date() > TODAY
    assert taken.receipt.business_date == done.business_date == TODAY
    assert dates(desk) == {TODAY.isoformat()}


@pytest.mark.parametrize(
    ("closed_through", "expected"),
    [
        (None, "2026-11-21"),
        ("2026-11-20", "2026-11-21"),
        ("2026-11-21", "2026-11-22"),
        ("2026-11-30", "2026-12-01"),
    ],
)
def test_a_posting_in_a_closed_period_moves_to_the_next_open_date(
    closed_through: str | None, expected: str
) -> None:
    """Rule 25: a closed GL period moves posting to the next open date with the original date as reference."""
    last = None if closed_through is None else date.fromisoformat(closed_through)
    desk = make_till()
    desk.policy = replace(desk.policy, closed_through=last)
    opened(desk)

    taken = pay(desk, cash("5"))

    assert open_date(TODAY, last).isoformat() == expected
    assert dates(desk) == {expected}
    moved = expected != TODAY.isoformat()
    assert {row["original_date"] for row in rows(desk, "v_journal")} == {TODAY.isoformat() if moved else None}
    assert taken.receipt.business_date == TODAY
    assert findings(desk) == []
