"""Signals in what people do beside the money: what they leave, are refused, approve, and what is done when they are away."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from pos.domain.signals import Asked, Looked, Paid, Signal, SignalCode, SignalPolicy, SignalRow, Step, Undone
from pos.domain.unfinished import PAY, Unfinished, read_unfinished

ABANDON = "abandon"
DEEDS = frozenset(
    "pay sell void reverse refund transfer reallocate swap_tender resolve_suspense issue_voucher no_sale paid_in paid_out "
    "pickup loan".split()
)
"""What moves money, or opens the drawer, at somebody's own wish."""
WATCHED = frozenset(
    "not_allowed not_your_shift shift_of_other not_yours_to_approve own_request own_deed own_person own_tries "
    "person_changed roles_apart drawer_short over_limit offline_limit cash_over_cap".split()
)
"""The refusals that are counted: what somebody may not do. What was only typed wrong is none of them."""
PINS = frozenset({"wrong_pin", "locked_out"})
GOES = frozenset({"lock", "sign_out", "session_end"})
COMES = frozenset({"sign_in", "unlock", "confirm_pin", "change_pin"})
CLOCK_SLACK = timedelta(minutes=1)

Row = TypeVar("Row")


def conduct_signals(seen: Looked, policy: SignalPolicy) -> Iterator[Signal]:
    """Every signal that attempts, approvals and absences give, however few rows it stands on."""
    steps = list(seen.steps)
    yield from _left(steps, seen, policy)
    refused = [one for one in steps if one.result in ("refused", "denied")]
    for code in sorted(WATCHED):
        found = (one for one in refused if one.code == code)
        yield from _steps(SignalCode.REFUSED, found, code)
    yield from _steps(SignalCode.WRONG_PIN, (one for one in refused if one.code in PINS))
    asked = list(seen.asked)
    yield from _not_approved(asked)
    yield from _one_approver(asked, seen.approvers, policy)
    yield from _at_once(asked, policy)
    yield from _steps(SignalCode.AWAY, seen.away)
    yield from _steps(SignalCode.CLOCK, seen.behind)
    yield from _steps(SignalCode.OUT_OF_HOURS, seen.late_hours)


def _by(rows: Iterable[Row], key: Callable[[Row], tuple[str, ...]]) -> dict[tuple[str, ...], list[Row]]:
    found: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found


def _steps(code: SignalCode, steps: Iterable[Step], said: str = "") -> Iterator[Signal]:
    for people, found in _by(steps, lambda one: (one.user,)).items():
        rows = tuple(one.row for one in found)
        yield Signal(code=code, people=people, count=len(found), rows=rows, said=said)


# --- left ---------------------------------------------------------------------------------------------------------


def _left(steps: Iterable[Step], seen: Looked, policy: SignalPolicy) -> Iterator[Signal]:
    """What was finished after all is not counted: the customer came back with more money, the second person came."""
    paid = _by(seen.paid, lambda one: (one.account,))
    undone = _by(seen.undone, lambda one: (one.of_receipt,))
    within = timedelta(minutes=policy.finished_minutes)
    payments: list[tuple[Step, Unfinished]] = []
    corrections: list[tuple[Step, Unfinished]] = []
    for step in steps:
        left = None if step.act != ABANDON else read_unfinished(step.code or "", step.subject or "")
        if left is None:
            continue
        if left.what == PAY:
            if not _was_paid(step, left, paid.get((left.subject,), ()), within):
                payments.append((step, left))
        elif not _was_corrected(step, undone.get((left.subject,), ())):
            corrections.append((step, left))
    for code, unfinished in ((SignalCode.LEFT, payments), (SignalCode.CORRECTION_LEFT, corrections)):
        for people, found in _by(unfinished, lambda one: (one[0].user,)).items():
            rows = tuple(_left_row(step, left) for step, left in found)
            yield Signal(code=code, people=people, count=len(found), rows=rows)


def _was_paid(step: Step, left: Unfinished, paid: Iterable[Paid], within: timedelta) -> bool:
    return any(
        timedelta(0) <= one.at - step.at <= within
        and one.amount.currency == left.shown.currency
        and one.amount >= left.shown
        for one in paid
    )


def _was_corrected(step: Step, undone: Iterable[Undone]) -> bool:
    return any(timedelta(0) <= one.at - step.at <= timedelta(days=1) for one in undone)


def _left_row(step: Step, left: Unfinished) -> SignalRow:
    is_payment = left.what == PAY
    return SignalRow(
        at=step.at,
        user=step.user,
        what=left.what if is_payment else left.subject,
        account=left.subject if is_payment else None,
        amount=left.shown,
        note=", ".join(left.ways) if is_payment else left.what,
    )


# --- a second person ----------------------------------------------------------------------------------------------


def _request_row(one: Asked, note: str) -> SignalRow:
    what = f"{one.act} {one.subject}" if one.subject else one.act
    return SignalRow(at=one.at, user=one.user, what=one.request, note=f"{what}, {note}")


def _not_approved(asked: Iterable[Asked]) -> Iterator[Signal]:
    left = [one for one in asked if not one.done and not one.waits]
    for people, found in _by(left, lambda one: (one.user,)).items():
        rows = tuple(_request_row(one, "declined" if one.declined else "not followed up") for one in found)
        yield Signal(code=SignalCode.NOT_APPROVED, people=people, count=len(found), rows=rows)


def _one_approver(asked: Iterable[Asked], approvers: int, policy: SignalPolicy) -> Iterator[Signal]:
    """Where only one person can approve, nothing else is to be expected."""
    if approvers < 2:
        return
    for (user,), own in _by((one for one in asked if one.done), lambda one: (one.user,)).items():
        for (approver,), found in _by(own, lambda one: (one.approver or "",)).items():
            if approver and len(found) * 100 >= policy.one_approver_percent * len(own):
                yield Signal(
                    code=SignalCode.ONE_APPROVER,
                    people=(user, approver),
                    count=len(found),
                    rows=tuple(_request_row(one, f"approved by {approver}") for one in found),
                    said=f"{len(found)} of {len(own)} by user {approver}",
                )


def _at_once(asked: Iterable[Asked], policy: SignalPolicy) -> Iterator[Signal]:
    within = timedelta(seconds=policy.at_once_seconds)
    quick = [
        one
        for one in asked
        if one.approver and one.approved_at is not None and one.approved_at - one.at <= within
    ]
    for people, found in _by(quick, lambda one: (one.approver or "", one.user)).items():
        rows = tuple(_request_row(one, f"approved by {one.approver}") for one in found)
        yield Signal(
            code=SignalCode.AT_ONCE, people=people, count=len(found), rows=rows, said=f"within {within}"
        )


# --- there or not -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Walked:
    """Deeds of people who had gone, deeds by a clock that stood behind, and deeds outside the shop's hours."""

    away: list[Step] = field(default_factory=list)
    behind: list[Step] = field(default_factory=list)
    late_hours: list[Step] = field(default_factory=list)


def walk(steps: Iterable[Step], policy: SignalPolicy) -> Walked:
    """Go through the audit once, in the order of its numbers: what came before what is told by that, not by the clock."""
    found, gone, latest = Walked(), set[str](), None
    for step in steps:
        if step.result != "ok":
            continue
        if step.act in GOES:
            gone.add(step.user)
        elif step.act in COMES:
            gone.discard(step.user)
        elif step.act == "confirm_clock":
            latest = None
        elif step.act in DEEDS:
            if step.user in gone:
                found.away.append(step)
            if latest is not None and step.at < latest - CLOCK_SLACK:
                found.behind.append(step)
            if _is_out_of_hours(step.at, policy):
                found.late_hours.append(step)
        if latest is None or latest < step.at:
            latest = step.at
    return found


def _is_out_of_hours(at: datetime, policy: SignalPolicy) -> bool:
    """The hours may go over midnight."""
    if policy.hours is None:
        return False
    begins, ends = policy.hours
    now = at.time()
    return not (begins <= now < ends) if begins < ends else ends <= now < begins
