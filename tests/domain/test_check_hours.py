"""When the whole store is checked beside the selling."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from pos.domain.check_hours import CheckHours

KUWAIT = ZoneInfo("Asia/Kuwait")
HOURS = CheckHours(night_hour=3, every=timedelta(hours=24))


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=KUWAIT)


@pytest.mark.parametrize(
    ("last", "now", "open_minutes", "due"),
    [
        (at(20, 3), at(21, 3), 600, True),
        (at(20, 3), at(21, 2, 59), 600, False),
        (at(21, 3), at(21, 3, 30), 600, False),
        (at(21, 2), at(21, 3, 30), 600, True),
        # It was closed at night: what was missed waits until the first customers are served.
        (at(20, 9), at(21, 10), 4, False),
        (at(20, 9), at(21, 10), 5, True),
        (at(20, 9), at(21, 8, 59), 60, False),
        (None, at(21, 10), 4, False),
        (None, at(21, 10), 5, True),
        (None, at(21, 3), 0, True),
        # The same moment in another zone is the same moment.
        (at(21, 3).astimezone(UTC), at(21, 3, 30), 600, False),
        # A check of tomorrow was dated by a clock that was wrong.
        (at(25, 3), at(21, 10), 60, True),
    ],
)
def test_the_store_is_checked_at_night_and_at_the_latest_after_a_day(
    last: datetime | None, now: datetime, open_minutes: int, due: bool
) -> None:
    assert HOURS.is_due(last, now, open_for=timedelta(minutes=open_minutes)) is due
