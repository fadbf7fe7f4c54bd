"""Mandates at the screen: number 8 of the cash office."""

from __future__ import annotations

import pytest

from pos.till.desk import Desk
from pos.till.mandates import mandates
from tests.builders.bank_files import IBAN, OTHER_IBAN, mandated, paid, returned, run
from tests.builders.tills import BACK_OFFICE, findings, make_till, opened, rows
from tests.tui.counter import counter


@pytest.fixture
def desk() -> Desk:
    return make_till()


async def test_a_cashier_registers_a_mandate_in_the_own_shift(desk: Desk) -> None:
    opened(desk)
    async with counter(desk) as seat:
        await seat.press(".", "k", "8", "a")
        assert seat.screen == "MandateScreen"
        await seat.fill("M-1", "BA-1", "Zoë O'Brien", IBAN, "", "2026-01-05")

        assert seat.screen == "MandatesScreen"
        assert seat.message == "Mandate M-1 is registered."
        assert "...4300" in seat.text
        assert IBAN not in seat.text
    (mandate,) = mandates(desk, BACK_OFFICE, account="BA-1")
    assert (mandate.bank.number, mandate.signed_on.isoformat()) == (IBAN, "2026-01-05")
    assert findings(desk) == []


async def test_a_mistyped_account_is_told_beside_its_field(desk: Desk) -> None:
    opened(desk)
    async with counter(desk) as seat:
        await seat.press(".", "k", "8", "a")
        await seat.fill("M-1", "BA-1", "Zoë", IBAN[:-1] + "1", "", "")

        assert seat.screen == "MandateScreen"
        assert "this IBAN is mistyped" in seat.text
    assert rows(desk, "mandate") == []


async def test_a_mandate_without_a_shift_is_not_a_cashiers(desk: Desk) -> None:
    async with counter(desk) as seat:
        await seat.press("escape", ".", "k", "8", "a")
        await seat.fill("M-1", "BA-1", "Zoë", IBAN, "", "")

        assert "Open a shift first" in seat.text
    assert rows(desk, "mandate") == []


async def test_the_back_office_changes_and_ends_a_mandate(desk: Desk) -> None:
    mandated(desk)
    async with counter(desk, user="4001") as seat:
        await seat.press(".", "k", "8", "c", "enter")
        await seat.press("ctrl+u")
        await seat.fill(OTHER_IBAN, "", "", "another bank")
        assert seat.message == "Mandate M-1 is changed."
        await seat.press("e")
        await seat.fill("pays in cash")
        assert seat.message == "Mandate M-1 is ended."
        assert "There is no mandate" in seat.text
    (mandate,) = mandates(desk, BACK_OFFICE, account="BA-1")
    assert (mandate.state, mandate.bank.number, mandate.bank.holder) == ("ended", OTHER_IBAN, "Zoë O'Brien")


async def test_enter_shows_what_became_of_a_mandate(desk: Desk) -> None:
    mandated(desk)
    run(desk, paid("R-1", "1.000", mandate="M-1"), returned("R-1", "1.000", "AC04"))
    async with counter(desk, user="4001") as seat:
        await seat.press(".", "k", "8", "enter")
        assert seat.screen == "MandateLifeScreen"
        assert "Mandate M-1 of BA-1: suspended" in seat.text
        assert "...4300, signed on 2026-01-05" in seat.text

        await seat.press("down")
        assert "AC04 The account is closed" in seat.text


async def test_a_suspended_mandate_collects_again(desk: Desk) -> None:
    mandated(desk)
    run(desk, paid("R-1", "1.000", mandate="M-1"), returned("R-1", "1.000", "AC04"))
    async with counter(desk, user="4001") as seat:
        await seat.press(".", "k", "8")
        assert "SUSPENDED" in seat.text
        assert "AC04 The account is closed" in seat.text
        await seat.press("y", "enter", "enter", "enter", "enter", "enter")

        assert seat.message == "Mandate M-1 collects again."
    assert mandates(desk, BACK_OFFICE, account="BA-1")[0].may_collect


@pytest.mark.parametrize("user", ["5001", "6001", "3001"])
async def test_nobody_else_sees_mandates(desk: Desk, user: str) -> None:
    mandated(desk)
    async with counter(desk, user=user) as seat:
        if user == "3001":
            await seat.press("escape")
        await seat.press(".", "k", "8")

        assert "Brien" not in seat.text
    assert ("mandate", "denied") in [(row["act"], row["result"]) for row in rows(desk, "audit")]
