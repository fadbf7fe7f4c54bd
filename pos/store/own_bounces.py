"""The bounces of this till's own books, as each concerns an account: whether it counts, and how that is collected from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

from sqlalchemy import Connection

from pos.domain.standing_bounces import OwnBounce
from pos.store.dishonours import DISHONOUR, TOLD
from pos.store.moved import PARTS

STAGES_PUT_BACK = (
    "SELECT bounce.correction_id, stood.account, stood.status, stood.dunning_stage FROM dishonour AS bounce "
    "JOIN correction USING (correction_id) JOIN payment_dunning AS stood USING (payment_event_id) "
    f"WHERE EXISTS (SELECT 1 FROM correction_part AS undone JOIN {PARTS} AS part USING (part_id) "
    "WHERE undone.correction_id = bounce.correction_id AND part.account = stood.account AND purpose = 'bills')"
)
"""The accounts whose bills a bounce opened again, with the stage that each was collected from before it was paid."""

_CONCERNED = (
    f"WITH stage AS ({STAGES_PUT_BACK}), concerned AS (SELECT correction_id, payor AS account FROM dishonour "
    "WHERE payor IS NOT NULL UNION SELECT correction_id, account FROM stage) "
    "SELECT concerned.account, correction_id, bank_date, "
    "iif(payor IS concerned.account AND payors_fault AND payer_kind <> 'walk_in', cash_only_rule, NULL), dunning_stage, "
    "EXISTS (SELECT 1 FROM reinstatement WHERE of_correction = concerned.correction_id AND undoes), told.applied_change "
    "FROM concerned JOIN dishonour USING (correction_id) JOIN correction USING (correction_id) "
    "JOIN payment_event USING (payment_event_id) LEFT JOIN stage USING (correction_id, account) "
    f"JOIN outbox AS told ON told.source_id = correction_id || '{TOLD}' AND told.kind = '{DISHONOUR}' "
    "ORDER BY correction.rowid"
)


def own_bounces(connection: Connection, accounts: Collection[str]) -> Mapping[str, list[OwnBounce]]:
    """The bounces that concern any of ``accounts``, by account, the oldest first; accounts without any are left out.

    Walk-in buyers share one account and have nothing to do with one another: against it nothing counts.
    """
    found: dict[str, list[OwnBounce]] = {}
    for account, bounce_id, on, rule, stage, undone, change in connection.exec_driver_sql(_CONCERNED):
        if account in accounts:
            found.setdefault(account, []).append(
                OwnBounce(
                    bounce_id=bounce_id,
                    on=date.fromisoformat(on),
                    rule=None if rule is None else read_rule(rule),
                    to=stage,
                    undone=bool(undone),
                    applied_change=change,
                )
            )
    return found


def accounts_of_bounce(connection: Connection, bounce_id: str) -> list[str]:
    """The accounts that a bounce concerns: the payor's, and those whose bills it opened again in collection."""
    rows = connection.exec_driver_sql(
        "SELECT payor FROM dishonour WHERE correction_id = ?1 AND payor IS NOT NULL "
        f"UNION SELECT account FROM ({STAGES_PUT_BACK}) WHERE correction_id = ?1 ORDER BY 1",
        (bounce_id,),
    )
    return [str(account) for (account,) in rows]


def read_rule(kept: str) -> tuple[int, int, int]:
    """The rule that makes an account cash-only, as a bounce keeps it."""
    after, within_months, for_months = (int(number) for number in kept.split())
    return after, within_months, for_months
