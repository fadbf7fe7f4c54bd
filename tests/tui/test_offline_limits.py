"""What the screen takes while central is silent: the ways that are closed, the reason, and a supervisor's own word."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pos.domain.offline import OfflineLimits
from tests.builders.tills import (
    NOW,
    SUPERVISOR,
    cheque,
    clock_of,
    go_offline,
    make_till,
    money,
    opened,
    pay,
    rows,
)
from tests.tui.counter import counter


@dataclass(frozen=True)
class Silent:
    """Central has not answered since NOW."""

    online: bool | None = False
    since: datetime | None = NOW
    barred: str | None = None


def key_bar(text: str) -> str:
    return text.splitlines()[-1]


async def test_a_way_that_is_used_up_leaves_the_key_bar_and_says_why() -> None:
    """Rule 51: when exceeded the mode greys out, cash last."""
    desk = make_till()
    opened(desk)
    go_offline(desk, cheque=OfflineLimits(count=1))
    pay(desk, cheque("1"), account="BA-5")
    clock_of(desk).advance(minutes=5)
    async with counter(desk, sync_state=Silent) as seat:
        assert "OFFLINE 00:16" in seat.text
        assert "Q 1 1.000" in seat.text
        await seat.open("BA-1")
        assert "F7 Cheque" not in key_bar(seat.text)
        assert "F5 Cash" in key_bar(seat.text)
        await seat.press("f7")
        assert "Cheque: 1 at most, 0 left, while central is silent (since 10:15)." in seat.message
        await seat.press("w")
        assert "1 at most, 0 left, while central is silent" in seat.text
        await seat.press("2")
        assert "There is no way 2" in seat.message
        await seat.press("escape", "f5", "enter")
    assert len(rows(desk, "v_payment")) == 2


async def test_a_supervisor_passes_a_limit_with_a_reason() -> None:
    """Rule 52: overrides name a person."""
    desk = make_till()
    opened(desk, person=SUPERVISOR)
    go_offline(desk, cheque=OfflineLimits(item=money("5")))
    async with counter(desk, user="2002", sync_state=Silent) as seat:
        await seat.open("BA-1")
        assert "F7 Cheque" in key_bar(seat.text)
        await seat.press("f7")
        await seat.fill("000777", "001")
        await seat.press("enter")
        assert seat.screen == "ReasonScreen"
        assert "up to 5.000 each" in seat.text
        await seat.press("enter")
        assert "Type the reason first" in seat.message
        await seat.write("Known customer")
        await seat.press("enter")
        assert "41.750 KWD taken" in seat.message
    assert rows(desk, "v_audit")[-1]["reason_code"] == "offline_limit: Known customer"


async def test_a_cheque_beyond_its_limit_is_refused_before_the_rest_is_asked_for() -> None:
    """Rule 51."""
    desk = make_till()
    opened(desk)
    go_offline(desk, cheque=OfflineLimits(item=money("5")))
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.write("10")
        await seat.press("f7")
        await seat.fill("000777", "001")
        await seat.press("enter")
        assert seat.screen == "ChequeScreen"
        assert "up to 5.000 each" in seat.message
    assert rows(desk, "v_payment") == []
