"""The end of the program at the screen: what is still on its way meets no screen any more, and that is no fault."""

from __future__ import annotations

from tests.builders.tills import make_till, opened
from tests.tui.counter import counter


async def test_a_second_that_passes_while_the_screens_go_is_no_fault() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        stack = seat.app._screen_stacks[seat.app._current_mode]
        screens = list(stack)
        stack.clear()

        seat.app._each_second()
        seat.app.type_ahead.settle()

        stack.extend(screens)
        assert seat.screen == "FindScreen"
