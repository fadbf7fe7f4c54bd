"""A limit of time sees what it bounds as ``await`` would."""

from __future__ import annotations

import asyncio

import pytest

from sync.central.http.patience import within

LONG_S = 60


async def test_what_need_not_wait_is_done_though_there_is_no_time_at_all() -> None:
    async def at_once() -> str:
        return "done"

    assert await within(0, at_once()) == "done"


async def test_what_waits_goes_on_as_often_as_it_has_to() -> None:
    async def three_turns() -> list[int]:
        turns = []
        for turn in range(3):
            await asyncio.sleep(0)
            turns.append(turn)
        return turns

    assert await within(LONG_S, three_turns()) == [0, 1, 2]


async def test_what_waits_longer_is_ended_and_hears_so() -> None:
    heard: list[str] = []

    async def for_ever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            heard.append("ended")

    with pytest.raises(TimeoutError):
        await within(0, for_ever())
    assert heard == ["ended"]


async def test_an_error_comes_out_whether_or_not_it_waited() -> None:
    async def fail(*, first: bool) -> None:
        if not first:
            await asyncio.sleep(0)
        raise ValueError(first)

    for first in (True, False):
        with pytest.raises(ValueError, match=str(first)):
            await within(LONG_S, fail(first=first))


async def test_what_it_waits_for_may_fail_and_be_caught_inside() -> None:
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(failed.set_exception, ValueError("no"))

    async def catch() -> str:
        try:
            await failed
        except ValueError as error:
            await asyncio.sleep(0)
            return str(error)
        return ""

    assert await within(LONG_S, catch()) == "no"


async def test_who_hangs_up_ends_the_work() -> None:
    begun, heard = asyncio.Event(), asyncio.Event()

    async def for_ever() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            heard.set()
            raise

    asked = asyncio.ensure_future(within(LONG_S, for_ever()))
    await begun.wait()
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert heard.is_set()
