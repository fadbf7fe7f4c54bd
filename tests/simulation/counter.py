"""The cashier at one terminal: deed after deed, and after each death a look at what became of the last one."""

from __future__ import annotations

import asyncio

from pos.till.cash_office import current_shift
from tests.simulation import invariants
from tests.simulation.deeds import DEEDS
from tests.simulation.drawer import open_with_float
from tests.simulation.paying import give_up, pay
from tests.simulation.terminals import Terminal


async def keep_counter(terminal: Terminal) -> None:
    """Deed after deed, with time to think, until none is left."""
    first_look(terminal)
    while terminal.deeds_left > 0:
        await asyncio.sleep(terminal.drawn.expovariate(1 / terminal.world.plan.think_s))
        terminal.deeds_left -= 1
        await do_one(terminal)
    await asyncio.sleep(terminal.drawn.uniform(0, 20))


def first_look(terminal: Terminal) -> None:
    """After a start: what was acknowledged is there, what was in doubt is sent again or looked up."""
    invariants.check_books(terminal)
    for order, outcome in list(terminal.memory.in_doubt.values()):
        if terminal.drawn.random() < 0.8:
            pay(terminal, order, before=outcome)
        else:
            give_up(terminal, order, outcome)


async def do_one(terminal: Terminal) -> None:
    """The next deed of this terminal."""
    desk = terminal.till.desk
    shift = current_shift(desk)
    if shift is None:
        open_with_float(terminal)
    else:
        (kind,) = terminal.drawn.choices(DEEDS, weights=terminal.world.deed_weights)
        terminal.world.trace.met("deed", kind.name)
        terminal.world.trace.note(terminal.name, f"deed: {kind.name}")
        under_way = kind.do(terminal, shift)
        if under_way is not None:
            await under_way
    invariants.check_books(terminal)
