"""Times as the store writes them: UTC as text that sorts, with the shop's offset in minutes beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone


def utc_text(at: datetime) -> str:
    """``at`` (aware) as UTC with microseconds; sorts as it passes."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_utc_text(text: str) -> datetime:
    """The aware UTC datetime of a stored text."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def offset_minutes(at: datetime) -> int:
    """The UTC offset of ``at`` (aware) in whole minutes."""
    offset = at.utcoffset() or timedelta(0)
    return int(offset.total_seconds() // 60)


def local(utc: str, offset_min: int) -> datetime:
    """A stored time in the offset it was taken in."""
    return from_utc_text(utc).astimezone(timezone(timedelta(minutes=offset_min)))
