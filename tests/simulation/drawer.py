"""Shifts as the cashier sees them: a float, what was put into the drawer since, and a count of it at the end."""

from __future__ import annotations

from dataclasses import dataclass

from pos.store.shifts import Shift
from pos.till.cash_office import CountOrder, close_shift, count_shift, open_shift
from tests.simulation.expectation import minor_of, text_of
from tests.simulation.terminals import Terminal
from tests.simulation.violation import require

FLOAT = "20.000"


def open_with_float(terminal: Terminal) -> None:
    """The day begins."""
    open_shift(terminal.till.desk, terminal.person, FLOAT)
    terminal.world.trace.met("deed", "open shift")
    terminal.world.trace.note(terminal.name, "opens a shift")


def close_with_count(terminal: Terminal, shift: Shift, *, miscounted: int = 0) -> None:
    """Count what lies in the drawer, and close. ``miscounted``: minor units that the cashier counts too many."""
    desk = terminal.till.desk
    drawer = drawer_of(terminal, shift)
    count = CountOrder(
        cash=text_of(drawer.cash_minor + miscounted),
        cheque_count=drawer.cheques,
        cheques=text_of(drawer.cheques_minor),
    )
    count_shift(desk, terminal.person, count)
    closed = close_shift(desk, terminal.person, "Counted twice" if miscounted else None)
    terminal.world.trace.note(terminal.name, f"closes shift {shift.number}, {closed.over_short.minor} over")
    require(
        (closed.expected_cash.minor, closed.over_short.minor) == (drawer.cash_minor, miscounted),
        "30 expected_cash",
        f"{terminal.name}: {closed.expected_cash} expected, {closed.over_short} over; in it are {drawer}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawer:
    """What lies in it."""

    cash_minor: int
    cheques: int
    cheques_minor: int


def drawer_of(terminal: Terminal, shift: Shift) -> Drawer:
    """What the cashier has put into the drawer in this shift."""
    of_shift = [booked for booked in terminal.memory.booked.values() if booked.shift_number == shift.number]
    handed = [tender for booked in of_shift for tender in booked.order.tenders]
    cheques = [minor_of(tender.amount) for tender in handed if tender.mode == "cheque"]
    cash = sum(minor_of(tender.amount) for tender in handed if tender.mode == "cash")
    change = sum(booked.outcome.change_minor for booked in of_shift)
    return Drawer(
        cash_minor=minor_of(FLOAT) + cash - change, cheques=len(cheques), cheques_minor=sum(cheques)
    )
