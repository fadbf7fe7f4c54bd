"""The bounces that stand against an account, as our own central tells them with it: a till reckons as central does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from pos.domain.standing_bounces import StagePutBack, StandingBounce
from sync.tmf678.foreign import as_object, read_id
from sync.wire_json import BadField

BOUNCES_MAX = 100
"""How many of an account are told, the newest."""
STAGE_MAX, COUNT_MAX = 99, 999
_RULE = ("after", "withinMonths", "forMonths")


def bounces_json(bounces: Sequence[StandingBounce]) -> list[dict[str, object]]:
    """The newest of an account's bounces, the oldest of them first."""
    return [
        {
            "id": one.bounce_id,
            "bankDate": one.on.isoformat(),
            **({} if one.rule is None else {"cashOnly": dict(zip(_RULE, one.rule, strict=True))}),
            **({} if one.stage is None else {"stage": {"before": one.stage.before, "to": one.stage.to}}),
        }
        for one in bounces[-BOUNCES_MAX:]
    ]


def read_bounces(value: object) -> tuple[StandingBounce, ...]:
    """Raises BadField, or ValueError for a day that is none."""
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > BOUNCES_MAX:
        raise BadField("bounces", f"must be an array of at most {BOUNCES_MAX}")
    return tuple(_read(as_object(one, field="bounces")) for one in value)


def _read(told: Mapping[str, object]) -> StandingBounce:
    rule, stage = told.get("cashOnly"), told.get("stage")
    return StandingBounce(
        bounce_id=read_id(told, "id", field="bounces.id"),
        on=date.fromisoformat(read_id(told, "bankDate", field="bounces.bankDate")),
        rule=None
        if rule is None
        else read_rule(as_object(rule, field="bounces.cashOnly"), "bounces.cashOnly"),
        stage=None if stage is None else _read_stage(as_object(stage, field="bounces.stage")),
    )


def _read_stage(told: Mapping[str, object]) -> StagePutBack:
    before, to = (whole(told, name, "bounces.stage", STAGE_MAX) for name in ("before", "to"))
    return StagePutBack(before=before, to=to)


def read_rule(told: Mapping[str, object], field: str) -> tuple[int, int, int]:
    """What makes an account cash-only: the how-many-eth bounce, within and for how many months. Raises BadField."""
    after, within_months, for_months = (whole(told, name, field, COUNT_MAX) for name in _RULE)
    return after, within_months, for_months


def whole(told: Mapping[str, object], name: str, field: str, most: int) -> int:
    """Raises BadField for what is no whole number up to ``most``."""
    value = told.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise BadField(f"{field}.{name}", f"must be a whole number up to {most}")
    return value
