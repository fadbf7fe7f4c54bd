"""What bounces make of accounts in ``cache.db``: as central told it, with this till's own that it cannot hold yet."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import Connection

from pos.domain.standing_bounces import (
    Collected,
    OwnBounce,
    StagePutBack,
    StandingBounce,
    cash_only_by,
    with_own,
)


def bounces_text(bounces: Sequence[StandingBounce]) -> str | None:
    """As a row of the cache keeps them; None for none."""
    if not bounces:
        return None
    return json.dumps(
        [
            [one.bounce_id, one.on.isoformat(), one.rule, one.stage and [one.stage.before, one.stage.to]]
            for one in bounces
        ]
    )


def _read(kept: str | None) -> tuple[StandingBounce, ...]:
    return tuple(
        StandingBounce(
            bounce_id=bounce_id,
            on=date.fromisoformat(on),
            rule=None if rule is None else (rule[0], rule[1], rule[2]),
            stage=None if stage is None else StagePutBack(before=stage[0], to=stage[1]),
        )
        for bounce_id, on, rule, stage in json.loads(kept or "[]")
    )


def collected(connection: Connection, account: str, own: Sequence[OwnBounce]) -> Collected:
    """How an account stands, by central and by this till's own bounces. One that is not known is in no collection."""
    row = connection.exec_driver_sql(
        "SELECT dunning_told, bounces, seen_change FROM account WHERE account = ?", (account,)
    ).first()
    if row is None:
        return with_own(Collected(stage=0), own, None)
    return with_own(Collected(stage=row[0], bounces=_read(row[1])), own, row[2])


def settle_bounces(
    connection: Connection, own_by_account: Mapping[str, Sequence[OwnBounce]], today: date
) -> None:
    """Bring these accounts up to this till's own bounces: their stage, and whether they are cash-only.

    What is cash-only for another reason, which has no end, stays so.
    """
    for account, own in own_by_account.items():
        stood = collected(connection, account, own)
        until = cash_only_by(stood.bounces)
        is_bounced = until is not None and until >= today
        connection.exec_driver_sql(
            "UPDATE account SET dunning_stage = ?1, "
            "cash_only = iif(cash_only AND cash_only_until IS NULL, 1, ?2), "
            "cash_only_until = iif(cash_only AND cash_only_until IS NULL, NULL, ?3) WHERE account = ?4",
            (
                stood.stage,
                int(is_bounced),
                until.isoformat() if is_bounced and until is not None else None,
                account,
            ),
        )
