"""The screen of a home where people practise says so, whatever is shown."""

from __future__ import annotations

from dataclasses import replace

from tests.builders.tills import make_till, opened
from tests.tui.counter import counter


async def test_the_status_line_says_training_on_every_screen() -> None:
    desk = make_till()
    desk.identity = replace(desk.identity, training=True)
    opened(desk)
    async with counter(desk) as seat:
        for keys in ((), (".",), ("k",), ("1",)):
            await seat.press(*keys)
            first = seat.text.splitlines()[0]
            assert first.startswith(" TRAINING TILL T1")
            assert "NOT REAL" in first


async def test_the_till_itself_does_not() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        assert "TRAINING" not in seat.text
