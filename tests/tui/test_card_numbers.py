"""A card number in any box of the screen is wiped: typed, scanned or pasted, shown or hidden, whole or cut by the box."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from pos.till.desk import Desk
from pos.tui.screens.find import FindScreen
from pos.tui.widgets.entry import Field
from tests.builders.tills import dump, make_till, opened
from tests.tui.counter import Counter, counter

CARD = "4111111111111111"


def boxes_hold(seat: Counter, part: str = "4111") -> bool:
    """Whether any box of any screen holds ``part``, shown or not."""
    return any(part in box.value for screen in seat.app.screen_stack for box in screen.query(Input))


@pytest.mark.parametrize("field", ["user", "pin"])
@pytest.mark.parametrize("how", ["typed", "scanned", "pasted"])
async def test_nobody_signs_in_with_a_card(field: str, how: str) -> None:
    """Rule 44: the box for the user number takes 12 digits, and twelve of a card's are too many to keep."""
    desk = make_till()
    opened(desk)
    async with counter(desk, user=None) as seat:
        if field == "pin":
            await seat.fill("1001")
        if how == "typed":
            await seat.write(CARD)
            await seat.press("enter")
        elif how == "scanned":
            await seat.scan(CARD)
        else:
            await seat.paste(CARD)

        assert not boxes_hold(seat)
        assert seat.screen == "SignInScreen"
        assert "4111" not in seat.text
        assert CARD not in str(dump(desk))

        await seat.press("escape", "escape")
        await seat.sign_in()
        assert seat.screen == "FindScreen"


async def test_the_number_of_a_user_is_taken_where_a_card_number_was_wiped() -> None:
    async with counter(make_till(), user=None) as seat:
        await seat.write(CARD)
        assert "card number" in seat.text

        await seat.write("1001")
        assert seat.app.screen.query_one("#user", Field).value == "1001"
        assert "card number" not in str(seat.app.screen.query_one("#user-fault").render())


async def test_a_locked_screen_keeps_no_card_number() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.press("ctrl+l")
        await seat.write(CARD)
        await seat.press("enter")

        assert (seat.screen, boxes_hold(seat)) == ("LockScreen", False)
        assert "card number" in seat.message


@pytest.mark.parametrize("how", ["typed", "scanned", "pasted"])
async def test_the_find_box_and_the_cash_box_keep_no_card_number(how: str) -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        for at in ("FindScreen", "CashScreen"):
            if at == "CashScreen":
                await seat.press("escape")
                await seat.open("BA-1")
                await seat.press("f5")
            assert seat.screen == at
            if how == "typed":
                await seat.write(CARD)
                await seat.press("enter")
            elif how == "scanned":
                await seat.scan(CARD)
            else:
                await seat.paste(CARD)

            assert not boxes_hold(seat)
            assert "4111" not in seat.text
        assert CARD not in str(dump(desk))


async def test_neither_a_pin_nor_a_card_number_is_put_on_the_clipboard() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk, user=None) as seat:
        await seat.fill("1001")
        await seat.write("135790")
        await seat.press("home", "shift+end", "ctrl+x")
        assert (seat.app.clipboard, boxes_hold(seat, "135790")) == ("", False)

        await seat.press("escape", "escape")
        await seat.sign_in()
        await seat.press("f5", "escape")
        await seat.write("Ali")
        await seat.press("home", "shift+end", "ctrl+x")
        assert seat.app.clipboard == "Ali"


async def test_the_test_of_keys_keeps_no_card_number() -> None:
    async with counter(make_till()) as seat:
        seat.app.action_test_keys()
        await seat.settle()
        await seat.write("ab" + CARD)

        assert (seat.screen, "card number" in seat.message) == ("KeyTestScreen", True)
        # What came before its last digit is gone from the list with it.
        assert seat.app.screen._arrived == []  # type: ignore[attr-defined]


async def typed_until_it_crashes(desk: Desk, monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    async with counter(desk) as seat:
        monkeypatch.setattr(seat.app, "_print_error_renderables", lambda: None)
        try:
            await seat.write(CARD)
        finally:
            told += [str(shown) for shown in seat.app._exit_renderables]


async def test_a_crash_while_a_card_number_is_typed_tells_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 44: the framework would print the values of every variable on its way out."""

    def fail(_screen: FindScreen, event: Input.Changed) -> None:
        query = event.value
        if len(query) >= 15:
            raise RuntimeError(f"a bug with {query}")

    monkeypatch.setattr(FindScreen, "on_input_changed", fail)
    desk = make_till()
    opened(desk)
    told: list[str] = []
    crashed = typed_until_it_crashes(desk, monkeypatch, told)
    with pytest.raises(RuntimeError):
        await crashed

    assert told[0].startswith("The program failed: RuntimeError, at")
    assert "4111" not in "".join(told)
