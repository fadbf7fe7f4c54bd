"""How far a till is with its day, as it travels to central and back. Raises BadField."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from pos.domain.till_standing import TillStanding
from sync.wire_json import BadField, money_json, read_money

NUMBER_MAX = 2**53
DAYS_MAX = 40
USER_MAX = 40


def standing_json(standing: TillStanding) -> dict[str, object]:
    """Without who it is and when."""
    shift = (
        {} if standing.shift is None else {"shift": {"number": standing.shift, "operator": standing.operator}}
    )
    bags: dict[str, object] = {"count": standing.bags}
    if standing.bags_amount is not None:
        bags["amount"] = money_json(standing.bags_amount)
    return {
        **shift,
        "openDays": [day.isoformat() for day in standing.open_days],
        "waiting": standing.waiting,
        "parked": standing.parked,
        "bagsOnTheWay": bags,
    }


def read_standing(told: Mapping[str, object]) -> TillStanding:
    """What a till told."""
    shift = told.get("shift")
    bags = told.get("bagsOnTheWay")
    days = told.get("openDays")
    if not isinstance(bags, Mapping):
        raise BadField("bagsOnTheWay", "must be an object")
    if not isinstance(days, list) or len(days) > DAYS_MAX:
        raise BadField("openDays", f"must be a list of up to {DAYS_MAX} days")
    number, operator = None, ""
    if shift is not None:
        if not isinstance(shift, Mapping) or not isinstance(shift.get("operator"), str):
            raise BadField("shift", "must have a number and an operator")
        number, operator = _number(shift, "number", within="shift."), str(shift["operator"])
        if len(operator) > USER_MAX or not operator.isprintable():
            raise BadField("shift.operator", "must be a user's number")
    return TillStanding(
        shift=number,
        operator=operator,
        open_days=tuple(_day(day) for day in days),
        waiting=_number(told, "waiting"),
        parked=_number(told, "parked"),
        bags=_number(bags, "count", within="bagsOnTheWay."),
        bags_amount=read_money(bags["amount"], field="bagsOnTheWay.amount") if "amount" in bags else None,
    )


def _number(told: Mapping[str, object], name: str, *, within: str = "") -> int:
    value = told.get(name)
    if type(value) is not int or not 0 <= value <= NUMBER_MAX:
        raise BadField(within + name, "must be a whole number")
    return value


def _day(told: object) -> date:
    try:
        return date.fromisoformat(told if isinstance(told, str) else "")
    except ValueError:
        raise BadField("openDays", "must be days, as 2026-11-21") from None
