"""One operator at two tills: the last sign-in wins, and the other till hears of it (domain.md rule 27)."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from sync.sessions import ASK_EVERY_S, Sessions
from tests.builders.wire import Fault, Wire, make_wire


def other_till(wire: Wire) -> Sessions:
    """A second till at the same central."""
    return Sessions(wire.client, wire.clock, "T2")


async def asked_again(wire: Wire, *tills: Sessions) -> None:
    wire.clock.advance(seconds=ASK_EVERY_S)
    for till in tills:
        await till.exchange()


async def test_a_later_sign_in_at_another_till_is_heard_of() -> None:
    """Rule 27: last login wins, the other locks at once."""
    wire = await make_wire()
    here, there = wire.engine.sessions, other_till(wire)
    here.seated("1001")
    await here.exchange()
    assert here.taken_by() is None

    there.seated("1001")
    await asked_again(wire, there, here)

    assert (here.taken_by(), there.taken_by()) == ("T2", None)


async def test_whoever_takes_the_seat_back_locks_the_other() -> None:
    """Rule 27: the PIN here is a sign-in of its own."""
    wire = await make_wire()
    here, there = wire.engine.sessions, other_till(wire)
    here.seated("1001")
    await here.exchange()
    there.seated("1001")
    await asked_again(wire, there, here)

    here.seated("1001")
    await asked_again(wire, here, there)

    assert (here.taken_by(), there.taken_by()) == (None, "T1")


async def test_another_operator_and_the_same_till_lock_nobody() -> None:
    """Rule 27, the good neighbours."""
    wire = await make_wire()
    here, there = wire.engine.sessions, other_till(wire)
    here.seated("1001")
    await here.exchange()
    there.seated("1002")
    here.seated("1001")

    await asked_again(wire, there, here)

    assert (here.taken_by(), there.taken_by()) == (None, None)


async def test_a_sign_in_that_was_earlier_and_told_later_locks_itself_only() -> None:
    """Rule 27: offline at eight, told at nine: who signed in at half past eight stays."""
    wire = await make_wire()
    here, there = wire.engine.sessions, other_till(wire)
    here.seated("1001")
    wire.clock.advance(minutes=30)
    there.seated("1001")
    await there.exchange()
    wire.clock.advance(minutes=30)

    await asked_again(wire, here, there)

    assert (here.taken_by(), there.taken_by()) == ("T2", None)


async def test_offline_nothing_happens() -> None:
    """Rule 27: no answer locks nobody, and the sign-in is told when central answers."""
    wire = await make_wire()
    here, there = wire.engine.sessions, other_till(wire)
    for fault in (Fault.LOST_REQUEST, Fault.LOST_ANSWER, Fault.FAILED, Fault.GARBAGE):
        wire.network.script(fault)
        here.seated("1001")
        await here.exchange()
        assert here.taken_by() is None

    await asked_again(wire, here)
    there.seated("1001")
    await asked_again(wire, there, here)
    assert here.taken_by() == "T2"


async def test_nobody_who_sits_here_is_asked_for() -> None:
    wire = await make_wire()
    wire.engine.sessions.seated(None)

    await wire.engine.sessions.exchange()

    assert wire.network.requests == []


@pytest.mark.parametrize("own", [True, False])
async def test_the_engine_tells_in_the_background_and_asks_no_foreign_central(own: bool) -> None:
    """Rule 27: announced by our own central; another has none."""
    wire = await make_wire(own=own)
    wire.engine.sessions.seated("1001")
    began_s = wire.clock.monotonic_s()
    syncing = asyncio.create_task(wire.engine.keep_syncing())
    await wire.clock.reached(began_s + 25)
    syncing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await syncing

    asked = [request.method for request in wire.network.requests if "/session/" in request.path]
    assert asked == (["PUT", "GET", "GET"] if own else [])
