"""What bounces make of accounts, as this till knows it: by those that central has told of every terminal, and its own.

Source: domain.md rules 17, 35, 41.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from pos.domain.standing_bounces import Collected, StandingBounce, cash_only_by, counted, without_bounce
from pos.store.cached_bounces import collected
from pos.store.own_bounces import accounts_of_bounce, own_bounces
from pos.till.desk import Desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The how-many-eth bounce of an account one more would be, and until when the account would be cash-only then."""

    counted: int
    cash_only_until: date | None


def score_with(desk: Desk, connection: Connection, payor: str, day: date) -> Score:
    """With one more bounce of ``day``, by the shop's rule."""
    (stood,) = _standing(desk, connection, [payor]).values()
    rule = desk.policy.cheques.dishonour.cash_only_rule
    bounces = (*stood.bounces, StandingBounce(bounce_id="", on=day, rule=rule))
    return Score(counted=len(counted(bounces)), cash_only_until=cash_only_by(bounces))


def words_without(desk: Desk, connection: Connection, bounce_id: str) -> Iterator[str]:
    """What undoing a bounce does to the accounts that it concerned: collection and cash-only as the others make them."""
    accounts = accounts_of_bounce(connection, bounce_id)
    for account, stood in _standing(desk, connection, accounts).items():
        if all(bounce.bounce_id != bounce_id for bounce in stood.bounces):
            continue
        left = without_bounce(stood, bounce_id)
        if not left.put_back:
            yield f"Account {account}: collection has moved on since, and stays at stage {left.stage}."
        elif left.stage != stood.stage:
            yield f"Account {account}: collection is back at stage {left.stage}."
        before, after = cash_only_by(stood.bounces), cash_only_by(left.bounces)
        if after is not None:
            yield f"Account {account} stays cash-only until {after.isoformat()}, by its other bounces."
        elif before is not None:
            yield f"Account {account} is cash-only by bounced cheques no more."


def _standing(desk: Desk, connection: Connection, accounts: Sequence[str]) -> dict[str, Collected]:
    own = own_bounces(connection, accounts)
    with desk.cache.read() as told:
        return {account: collected(told, account, own.get(account, [])) for account in accounts}
