"""A script's acts of the safe and the business day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from pos.domain.tender import read_date
from pos.till.acts.fields import AmountIn, Ref, Strict, require_shop_currency
from pos.till.acts.seat import Answer, Seat
from pos.till.day import DayClosed, close_day
from pos.till.day_item import DayItem
from pos.till.desk import Memo
from pos.till.safe import SafeCounted, count_safe


class SafeCount(Strict):
    """Count the safe's loose cash, blind, beside its sealed bags; ``reason`` where it differs from the books."""

    ref: Ref
    act: Literal["safe_count"]
    cash: AmountIn
    reason: Annotated[str, Field(max_length=400)] | None = None


class CloseDay(Strict):
    """Close the oldest business day of this terminal that is open; ``business_date``: the day that is meant."""

    ref: Ref
    act: Literal["close_day"]
    business_date: Annotated[str | None, Field(max_length=10, description="As 2026-11-21.")] = None


DayAct = SafeCount | CloseDay


def carry_out_of_day(seat: Seat, act: DayAct, memo: Memo) -> Answer:
    """The answer to one of them. Raises DomainError."""
    desk, person, kept = seat.desk, seat.person, replace(memo, encode=_told)
    match act:
        case SafeCount():
            require_shop_currency(desk, act.cash.currency)
            return dict(_told(count_safe(desk, person, act.cash.amount, act.reason, memo=kept)))
        case CloseDay():
            day = None if act.business_date is None else read_date(act.business_date, field="Business date")
            return dict(_told(close_day(desk, person, day, memo=kept)))


def _told(outcome: object) -> Mapping[str, object]:
    match outcome:
        case SafeCounted():
            return {
                "paper": outcome.number,
                "counted": outcome.counted.plain(),
                "over_short": outcome.difference.plain(),
                "currency": outcome.counted.currency.code,
                "bags": [{"bag": number, "amount": amount.plain()} for number, amount in outcome.bags],
            }
        case DayClosed():
            return {
                "business_date": outcome.day.isoformat(),
                "paper": outcome.number,
                "shifts": outcome.shifts,
                "gross": outcome.gross.plain(),
                "currency": outcome.gross.currency.code,
                "left": [_item(item) for item in outcome.left],
            }
    raise AssertionError(f"no answer for {outcome.__class__.__name__}")


def _item(item: DayItem) -> Answer:
    amount = None if item.amount is None else item.amount.plain()
    return {"what": item.code, "count": item.count, "amount": amount}
