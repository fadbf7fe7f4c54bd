"""The bounces that stand against accounts at central, and how far each put collection back.

What they make of an account is reckoned from them each time it is told. Source: domain.md rules 17, 35, 41.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

from sqlalchemy import Connection, Text, bindparam, text

from pos.domain.standing_bounces import (
    Collected,
    StagePutBack,
    StandingBounce,
    with_bounce,
    without_bounce,
)


def standing_bounces(
    connection: Connection, accounts: Collection[str]
) -> Mapping[str, tuple[StandingBounce, ...]]:
    """The bounces that concern each of ``accounts`` and that no bank has taken back, the oldest first."""
    found: dict[str, tuple[StandingBounce, ...]] = {}
    for row in connection.execute(READ_STANDING, {"accounts": list(accounts)}):
        after, within_months, for_months = (int(number) for number in row.cash_only_rule.split())
        bounce = StandingBounce(
            bounce_id=row.id,
            on=date.fromisoformat(row.bank_date),
            rule=(after, within_months, for_months) if row.counts else None,
            stage=None
            if row.stage_before is None
            else StagePutBack(before=row.stage_before, to=row.stage_to),
        )
        found[row.concerned] = (*found.get(row.concerned, ()), bounce)
    return found


def put_back(connection: Connection, dishonour_id: str, account_id: str, to: int, *, change: int) -> None:
    """A bounce opened bills of an account again: it is collected from where it was, or further (rule 17)."""
    stood = _collected(connection, account_id)
    if stood is None:
        return
    bounce = StandingBounce(bounce_id=dishonour_id, on=date.min, rule=None)
    after = with_bounce(stood, bounce, to)
    values = {"dishonour_id": dishonour_id, "account_id": account_id}
    connection.execute(INSERT_STAGE, {**values, "before": stood.stage, "to": to})
    connection.execute(SET_STAGE, {"id": account_id, "stage": after.stage, "change_number": change})


def take_back_stages(connection: Connection, dishonour_id: str, *, change: int) -> None:
    """A bounce that still stands is to be undone: collection is where it would be without it.

    A stage that moved on since is left, and the bounce says so.
    """
    for account_id in connection.execute(STAGES_OF, {"id": dishonour_id}).scalars().all():
        stood = _collected(connection, account_id)
        assert stood is not None, "an account that is collected from is there"
        left = without_bounce(stood, dishonour_id)
        for bounce in left.bounces:
            if bounce.stage is not None:
                values = {"dishonour_id": bounce.bounce_id, "account_id": account_id}
                connection.execute(MOVE_STAGE, {**values, "before": bounce.stage.before})
        values = {"dishonour_id": dishonour_id, "account_id": account_id}
        connection.execute(LEAVE_STAGE, {**values, "put_back": int(left.put_back)})
        connection.execute(SET_STAGE, {"id": account_id, "stage": left.stage, "change_number": change})


def _collected(connection: Connection, account_id: str) -> Collected | None:
    stage = connection.execute(FIND_STAGE, {"id": account_id}).scalar_one_or_none()
    if stage is None:
        return None
    return Collected(stage=stage, bounces=standing_bounces(connection, [account_id]).get(account_id, ()))


READ_STANDING = text(
    "SELECT concerned, id, bank_date, cash_only_rule, counts, stage_before, stage_to FROM ("
    "SELECT dishonour.account_id AS concerned, dishonour.* FROM dishonour WHERE counts = 1"
    " AND dishonour.account_id IN :accounts UNION SELECT stage.account_id, dishonour.*"
    " FROM dishonour_stage AS stage JOIN dishonour ON dishonour.id = stage.dishonour_id"
    " WHERE stage.account_id IN :accounts) AS bounce LEFT JOIN dishonour_stage AS stage"
    " ON stage.dishonour_id = bounce.id AND stage.account_id = concerned"
    " WHERE undone_at IS NULL ORDER BY concerned, change_number"
).bindparams(bindparam("accounts", type_=Text, expanding=True))
FIND_STAGE = text("SELECT dunning_stage FROM account WHERE id = :id")
SET_STAGE = text("UPDATE account SET dunning_stage = :stage, change_number = :change_number WHERE id = :id")
INSERT_STAGE = text(
    "INSERT INTO dishonour_stage (dishonour_id, account_id, stage_before, stage_to)"
    " VALUES (:dishonour_id, :account_id, :before, :to)"
)
STAGES_OF = text("SELECT account_id FROM dishonour_stage WHERE dishonour_id = :id ORDER BY account_id")
MOVE_STAGE = text(
    "UPDATE dishonour_stage SET stage_before = :before"
    " WHERE dishonour_id = :dishonour_id AND account_id = :account_id"
)
LEAVE_STAGE = text(
    "UPDATE dishonour_stage SET put_back = :put_back"
    " WHERE dishonour_id = :dishonour_id AND account_id = :account_id"
)
