"""What the check of the whole store found is told at the screen, whoever sits there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from pos.tui.ports import CheckFound
from tests.builders.tills import make_till, opened, rows
from tests.tui.counter import counter


@dataclass(frozen=True, kw_only=True)
class Found:
    findings: int = 0
    damage: str | None = None


@dataclass
class Checks:
    """The check that runs beside the screen, with what the test lets it find."""

    found: asyncio.Queue[Found] = field(default_factory=asyncio.Queue)

    async def keep(self, tell: Callable[[CheckFound], None]) -> None:
        while True:
            tell(await self.found.get())


async def test_findings_stand_in_the_status_line_and_selling_goes_on() -> None:
    desk, checks = make_till(), Checks()
    opened(desk)
    async with counter(desk, keep_checking=checks.keep) as seat:
        checks.found.put_nowait(Found(findings=3))
        await seat.settle()
        assert "3 faults" in seat.message
        assert "CHECK 3" in seat.text

        await seat.open("BA-1")
        await seat.press("f5", "enter")
        assert len(rows(desk, "payment_event")) == 1
        assert "CHECK 3" in seat.text

        checks.found.put_nowait(Found())
        await seat.settle()
        assert "CHECK" not in seat.text


async def test_damage_stops_the_selling_at_once() -> None:
    desk, checks = make_till(), Checks()
    opened(desk)
    async with counter(desk, keep_checking=checks.keep) as seat:
        await seat.open("BA-1")
        checks.found.put_nowait(Found(damage="The store is damaged: page 7."))
        await seat.settle()

        assert seat.screen == "StopScreen"
        assert "page 7" in seat.text
        assert "pos export support" in seat.text
        await seat.press("f5", "enter", "q")
        assert seat.app.return_code == 6


async def test_a_sound_store_is_not_talked_of() -> None:
    desk, checks = make_till(), Checks()
    async with counter(desk, keep_checking=checks.keep) as seat:
        before = seat.text
        checks.found.put_nowait(Found())
        await seat.settle()

        assert seat.text == before
