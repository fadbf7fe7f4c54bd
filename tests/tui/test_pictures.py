"""What each screen looks like at 80x24, as text. After a wanted change: ``./run pytest tests/tui --snapshot-update``."""

from __future__ import annotations

from syrupy.assertion import SnapshotAssertion

from tests.builders.tills import cash, make_till, opened, pay
from tests.tui.counter import counter


async def test_the_way_of_a_cash_payment(snapshot: SnapshotAssertion) -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        assert seat.text == snapshot(name="main")
        await seat.write("Zoë")
        assert seat.text == snapshot(name="found")
        await seat.press("enter")
        assert seat.text == snapshot(name="account")
        await seat.press("space", "space", "f5")
        await seat.write("100")
        assert seat.text == snapshot(name="cash")
        await seat.press("enter")
        assert seat.text == snapshot(name="paid")


async def test_the_other_screens(snapshot: SnapshotAssertion) -> None:
    desk = make_till()
    opened(desk)
    pay(desk, cash("41.750"))
    async with counter(desk) as seat:
        await seat.open("7781")
        await seat.press("f3")
        assert seat.text == snapshot(name="bill")
        await seat.press("enter")
        assert seat.text == snapshot(name="rates")
        await seat.press("f2")
        await seat.open("BA-2")
        await seat.press("f7", *["enter"] * 7)
        assert seat.text == snapshot(name="cheque with a missing field")
        await seat.press("escape", "f2", ".")
        assert seat.text == snapshot(name="menu")
        await seat.press("escape", "f1")
        assert seat.text == snapshot(name="help")
        await seat.press("escape", "ctrl+l")
        assert seat.text == snapshot(name="locked")
        await seat.write("135790")
        await seat.press("enter", ".", "2")
        await seat.write("61.750")
        assert seat.text == snapshot(name="count")
        await seat.press("enter", "enter", "enter")
        assert seat.text == snapshot(name="shift closed")
        await seat.press("enter")
        assert seat.text == snapshot(name="sign in")
