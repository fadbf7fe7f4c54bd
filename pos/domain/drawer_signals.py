"""Signals in payments and cash: one account paid many times in a day, shifts, bags and the safe
that are over or short, and what is done at an open drawer beside payments.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date

from pos.domain.signals import (
    AtDrawer,
    BagEnd,
    Looked,
    Paid,
    SafeEnd,
    ShiftEnd,
    Signal,
    SignalCode,
    SignalPolicy,
    SignalRow,
)


def drawer_signals(seen: Looked, policy: SignalPolicy) -> Iterator[Signal]:
    """Every signal that payments and counts give, however few rows it stands on."""
    yield from _many_payments(seen.paid, policy)
    yield from _over_short(seen.shifts, policy)
    yield from _bags(seen.bags)
    yield from _safe(seen.safe)
    yield from _at_drawer(SignalCode.NO_SALES, seen.opened)
    under = (one for one in seen.paid_out if _is_just_under(one, policy))
    yield from _at_drawer(SignalCode.PAID_OUT, under)


def _many_payments(paid: Iterable[Paid], policy: SignalPolicy) -> Iterator[Signal]:
    of_day: dict[tuple[str, str, date], list[Paid]] = defaultdict(list)
    for one in paid:
        if not one.nobody and (policy.small_minor == 0 or one.amount.minor <= policy.small_minor):
            of_day[(one.user, one.account, one.day)].append(one)
    for (user, account, day), found in of_day.items():
        yield Signal(
            code=SignalCode.MANY_PAYMENTS,
            people=(user,),
            count=len(found),
            rows=tuple(one.row for one in found),
            said=f"account {account} on {day}",
        )


def _over_short(shifts: Iterable[ShiftEnd], policy: SignalPolicy) -> Iterator[Signal]:
    of_user: dict[str, list[ShiftEnd]] = defaultdict(list)
    closed: dict[str, int] = defaultdict(int)
    for shift in shifts:
        closed[shift.user] += 1
        if shift.over_short:
            of_user[shift.user].append(shift)
    for user, found in of_user.items():
        said = f"{len(found)} of {closed[user]} shifts"
        yield _signal(SignalCode.OVER_SHORT, user, found, said)
        signs = {shift.over_short.minor > 0 for shift in found}
        if len(signs) == 1:
            yield _signal(
                SignalCode.ONE_WAY, user, found, "always over" if signs == {True} else "always short"
            )
        if policy.round_minor > 0:
            rounded = [one for one in found if one.over_short.minor % policy.round_minor == 0]
            yield _signal(SignalCode.ROUND, user, rounded, said)


def _bags(bags: Iterable[BagEnd]) -> Iterator[Signal]:
    of_user: dict[str, list[BagEnd]] = defaultdict(list)
    sealed: dict[str, int] = defaultdict(int)
    for bag in bags:
        sealed[bag.user] += 1
        if bag.over_short:
            of_user[bag.user].append(bag)
    for user, found in of_user.items():
        rows = tuple(
            SignalRow(
                at=bag.at,
                user=user,
                what=f"bag {bag.number} on {bag.slip}",
                amount=bag.over_short,
                note=bag.reason,
            )
            for bag in found
        )
        yield Signal(
            code=SignalCode.BAGS,
            people=(user,),
            count=len(rows),
            rows=rows,
            said=f"{len(found)} of {sealed[user]} bags",
        )


def _safe(counts: Iterable[SafeEnd]) -> Iterator[Signal]:
    """Of whoever counted, with how many counts they made: a shop counts each day, and now and then it differs."""
    of_user: dict[str, list[SafeEnd]] = defaultdict(list)
    for count in counts:
        of_user[count.user].append(count)
    for user, made in of_user.items():
        rows = tuple(
            SignalRow(at=one.at, user=user, what=one.number, amount=one.over_short, note=one.reason)
            for one in made
            if one.over_short
        )
        said = f"{len(rows)} of {len(made)} counts"
        yield Signal(code=SignalCode.SAFE, people=(user,), count=len(rows), rows=rows, said=said)


def _at_drawer(code: SignalCode, found: Iterable[AtDrawer]) -> Iterator[Signal]:
    of_user: dict[str, list[AtDrawer]] = defaultdict(list)
    for one in found:
        of_user[one.user].append(one)
    for user, own in of_user.items():
        yield Signal(code=code, people=(user,), count=len(own), rows=tuple(one.row for one in own))


def _is_just_under(one: AtDrawer, policy: SignalPolicy) -> bool:
    least = one.cap_minor * (100 - policy.under_cap_percent)
    return one.cap_minor > 0 and least <= one.amount.minor * 100 <= one.cap_minor * 100


def _signal(code: SignalCode, user: str, shifts: Iterable[ShiftEnd], said: str) -> Signal:
    rows = tuple(
        SignalRow(at=one.at, user=one.user, what=f"shift {one.number}", amount=one.over_short)
        for one in shifts
    )
    return Signal(code=code, people=(user,), count=len(rows), rows=rows, said=said)
