"""The same person signs in at another till: this screen locks by itself and says where (domain.md rule 27)."""

from __future__ import annotations

from tests.builders.tills import clock_of, make_till, opened
from tests.tui.counter import counter


class OtherTill:
    """What this till hears of sign-ins elsewhere; ``told`` is what it said of its own."""

    def __init__(self) -> None:
        self.told: list[str | None] = []
        self.terminal: str | None = None
        self.other = False

    def seated(self, operator: str | None) -> None:
        self.told.append(operator)
        self.terminal, self.other = None, False

    def taken_by(self) -> str | None:
        return self.terminal

    def is_another(self) -> bool:
        return self.other


async def test_a_later_sign_in_elsewhere_locks_this_screen_and_the_pin_takes_it_back() -> None:
    """Rule 27: last login wins, the other locks at once."""
    desk = make_till()
    opened(desk)
    other = OtherTill()
    async with counter(desk, sessions=other) as seat:
        assert other.told[-1] == "1001"
        await seat.open("BA-1")
        other.terminal = "T2"
        clock_of(desk).advance(seconds=1)
        seat.app._each_second()
        await seat.settle()

        assert seat.screen == "LockScreen"
        assert "You signed in at terminal T2" in seat.message
        assert "BA-1" not in seat.text
        await seat.at_once(*"135790", "enter")
        assert seat.screen == "AccountScreen"
        assert other.told[-1] == "1001"
        assert len(other.told) >= 3


async def test_nothing_is_locked_while_nothing_is_heard() -> None:
    """Rule 27: offline nothing happens."""
    desk = make_till()
    opened(desk)
    async with counter(desk, sessions=OtherTill()) as seat:
        for _ in range(3):
            seat.app._each_second()
        await seat.settle()

        assert seat.screen == "FindScreen"


async def test_who_was_disabled_or_changed_by_central_is_locked_out_of_the_screen() -> None:
    """What is open on it stays there for whoever comes back to it."""
    desk = make_till()
    opened(desk)
    other = OtherTill()
    async with counter(desk, sessions=other) as seat:
        await seat.open("BA-1")
        other.other = True
        seat.app._each_second()
        await seat.settle()

        assert seat.screen == "LockScreen"
        assert "You were disabled, or your rights were changed" in seat.message
        await seat.at_once(*"135790", "enter")
        assert seat.screen == "AccountScreen"
