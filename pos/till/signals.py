"""The report of signals: what of a period is worth a second look, for who answers for the shop and for the auditor.

Nobody is shown a signal about the own person: whoever learns what is counted of them learns how to stay below it.
Source: reliability.md 5.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from pos.domain.business_day import business_date
from pos.domain.cash_move import MoveKind
from pos.domain.conduct_signals import ABANDON, walk
from pos.domain.errors import Refused
from pos.domain.payment_mode import ModeKind
from pos.domain.role import Grant, Person, Role
from pos.domain.signal_rules import signals_in
from pos.domain.signals import Looked, Signal, SignalCode, Step
from pos.domain.unfinished import read_unfinished
from pos.store.people import roster
from pos.store.signals import (
    Span,
    asked_in,
    at_drawer_in,
    bags_in,
    paid_in,
    reprints_of,
    safe_counts_in,
    shifts_in,
    span,
    steps_in,
    takings_in,
    undone_in,
    walk_of,
    with_receipts,
)
from pos.till.desk import Desk
from pos.till.gate import require_look

ACT = "report_signals"
DAYS_MAX = 3_700


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalReport:
    """The signals of this till's books from ``first`` to ``last``, both included."""

    first: date
    last: date
    signals: tuple[Signal, ...]


def signals_of(
    desk: Desk, person: Person, *, first: date | None = None, last: date | None = None
) -> SignalReport:
    """The signals of a period, else of the last days that the shop looks at, without those about ``person``.

    Raises NotAuthorised, or Refused ``bad_period``.
    """
    require_look(desk, ACT, person)
    policy, now = desk.policy.signals, desk.clock.now()
    until = last or business_date(now, desk.policy.day_starts)
    since = first or until - timedelta(days=policy.period_days - 1)
    if not 0 <= (until - since).days < DAYS_MAX:
        raise Refused("bad_period", "The first day comes before the last, by ten years at most.")
    within = _span(desk, since, until)
    with desk.till.read() as connection:
        found = signals_in(_looked(desk, connection, within), policy)
    shown = tuple(signal for signal in found if person.user not in signal.people)
    return SignalReport(first=since, last=until, signals=shown)


def _span(desk: Desk, first: date, last: date) -> Span:
    """Business days begin when the shop says; rows are taken by their own time."""
    now, starts = desk.clock.now(), desk.policy.day_starts
    return span(
        datetime.combine(first, starts, now.tzinfo),
        datetime.combine(last + timedelta(days=1), starts, now.tzinfo),
        now=now,
        late=desk.policy.offline.after,
        shared=desk.policy.suspense_account,
    )


def _looked(desk: Desk, connection: Connection, within: Span) -> Looked:
    policy = desk.policy.signals
    roles = {entry.person.user: entry.person.roles for entry in roster(connection)}
    undone = undone_in(connection, within, partial(_alone_sum, desk, roles))
    steps = steps_in(connection, within, [ABANDON])
    accounts = {one.account for one in undone if one.cash.minor > 0} | _accounts_left(steps)
    walked = walk(walk_of(connection, within), policy)
    many = policy.shown_from.get(SignalCode.MANY_PAYMENTS, 0)
    return Looked(
        takings=takings_in(connection, within),
        undone=undone,
        paid=paid_in(
            connection,
            within,
            accounts=accounts,
            cheques=[mode.code for mode in desk.modes.of_kind(ModeKind.CHEQUE)],
            small_minor=policy.small_minor,
            # Switched off, no account is paid so often.
            many=many or 10**9,
        ),
        reprints=reprints_of(connection, {one.of_receipt for one in undone}),
        asked=asked_in(connection, within),
        shifts=shifts_in(connection, within),
        bags=bags_in(connection, within),
        safe=safe_counts_in(connection, within),
        opened=at_drawer_in(connection, within, MoveKind.NO_SALE, lambda _user: 0),
        paid_out=at_drawer_in(connection, within, MoveKind.PAID_OUT, partial(_paid_alone, desk, roles)),
        steps=steps,
        away=with_receipts(connection, walked.away),
        behind=with_receipts(connection, walked.behind),
        late_hours=with_receipts(connection, walked.late_hours),
        approvers=_approvers(desk, connection),
    )


def _alone_sum(desk: Desk, roles: Mapping[str, frozenset[Role]], user: str, act: str) -> int:
    """Up to which sum a person corrects alone; who has gone from the roster had no role's own cap."""
    return desk.policy.corrections.alone_up_to(act, roles.get(user, frozenset()))


def _paid_alone(desk: Desk, roles: Mapping[str, frozenset[Role]], user: str) -> int:
    """Up to which sum a person pays out alone; 0 for who may without a limit, and for who has gone from the roster."""
    limited = desk.permissions.grant(str(MoveKind.PAID_OUT), roles.get(user, frozenset())) is Grant.LIMIT
    return desk.policy.cash_moves.alone_minor(MoveKind.PAID_OUT) if limited else 0


def _accounts_left(steps: list[Step]) -> set[str]:
    """The accounts whose payments were left: what they paid afterwards matters."""
    left = (read_unfinished(one.code or "", one.subject or "") for one in steps if one.act == ABANDON)
    return {one.subject for one in left if one is not None}


def _approvers(desk: Desk, connection: Connection) -> int:
    """How many people may approve a deed of money here."""
    return sum(
        entry.active and desk.permissions.grant("approve", entry.person.roles).allows_deed
        for entry in roster(connection)
    )
