"""Signals in payments and cash: one account paid many times in a day, shifts and bags that are over or short."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date

from pos.domain.signals import BagEnd, Looked, Paid, ShiftEnd, Signal, SignalCode, SignalPolicy, SignalRow


def drawer_signals(seen: Looked, policy: SignalPolicy) -> Iterator[Signal]:
    """Every signal that payments and counts give, however few rows it stands on."""
    yield from _many_payments(seen.paid, policy)
    yield from _over_short(seen.shifts, policy)
    yield from _bags(seen.bags)


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


def _signal(code: SignalCode, user: str, shifts: Iterable[ShiftEnd], said: str) -> Signal:
    rows = tuple(
        SignalRow(at=one.at, user=one.user, what=f"shift {one.number}", amount=one.over_short)
        for one in shifts
    )
    return Signal(code=code, people=(user,), count=len(rows), rows=rows, said=said)
