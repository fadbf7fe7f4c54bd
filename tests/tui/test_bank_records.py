"""The back office at the records of bank files: lays each beside its slip, confirms that they are one payment."""

from __future__ import annotations

import pytest

from pos.till.desk import Desk
from tests.builders.tills import (
    SUPERVISOR,
    atm,
    bank_tells,
    clock_of,
    make_till,
    opened,
    pay,
    rows,
    wish,
)
from tests.tui.counter import counter


@pytest.fixture
def desk() -> Desk:
    """One record differs in its amount from its slip, one in both, one has no slip, one agrees."""
    desk = make_till()
    opened(desk, person=SUPERVISOR)
    for amount, trace in (("7", "004711"), ("3", "004712"), ("2", "004713")):
        clock_of(desk).advance(minutes=1)
        pay(desk, atm(amount, trace), allocate=[wish("7781", amount)], person=SUPERVISOR)
    bank_tells(desk, atm("4", "9"), account="BA-2")
    clock_of(desk).advance(minutes=1)
    bank_tells(desk, atm("8", "004711"))
    clock_of(desk).advance(minutes=1)
    bank_tells(desk, atm("1234.500", "004712"), account="BA-3")
    bank_tells(desk, atm("2", "004713"))
    return desk


def states(desk: Desk) -> list[str]:
    return sorted(str(row["state"]) for row in rows(desk, "v_imported_record"))


BEFORE = ["differs", "differs", "matched", "waiting"]


async def test_what_differs_stands_first_and_then_what_has_no_slip(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.press("escape", ".", ".", "4")

        assert seat.screen == "BankRecordsScreen"
        assert "2 differ from their slips" in seat.text
        assert "1 without a slip" in seat.text
        lines = seat.text.splitlines()
        first = next(place for place, line in enumerate(lines) if "Differs in" in line) + 1
        assert [line.split()[-1] for line in lines[first : first + 3]] == ["AMOUNT", "BOTH", "none"]
        assert "8.000" in lines[first]
        assert "S014-T1-A-000001" in lines[first]


async def test_the_back_office_sees_both_sides_and_says_that_they_are_one_payment(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.press("escape", ".", ".", "4", "enter")
        assert seat.screen == "BothSidesScreen"
        amount = next(line for line in seat.text.splitlines() if "Amount" in line)
        assert amount.split() == ["*", "Amount", "8.000", "KWD", "7.000", "KWD"]
        assert "They differ in amount (*)." in seat.message
        await seat.press("y")
        assert seat.screen == "SamePaymentScreen"
        assert "as it was booked, for BA-1; nothing more is posted." in " ".join(seat.text.split())
        assert states(desk) == BEFORE
        await seat.write("The bank's fee")
        await seat.press("enter")

        assert seat.screen == "BankRecordsScreen"
        assert seat.message == "8.000 KWD of the bank and receipt S014-T1-A-000001 are one payment now."
        assert "1 differ from their slips" in seat.text
        assert states(desk) == ["differs", "matched", "matched", "waiting"]
        assert "The bank's fee" in {row["reason"] for row in rows(desk, "imported_record_state")}


async def test_no_reason_need_be_typed(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.press("escape", ".", ".", "4", "down", "enter")
        assert "They differ in amount and account (*)." in seat.message
        await seat.press("y", "enter")

        assert states(desk) == ["differs", "matched", "matched", "waiting"]


@pytest.mark.parametrize("keys", [("escape",), ("y", "escape"), ("y", "escape", "escape"), ("enter", "s")])
async def test_leaving_confirms_nothing(desk: Desk, keys: tuple[str, ...]) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.press("escape", ".", ".", "4", "enter", *keys)

    assert states(desk) == BEFORE


async def test_a_record_without_a_slip_has_nothing_to_be_confirmed(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.press("escape", ".", ".", "4", "down", "down", "enter")
        assert "No slip of it was taken here." in seat.message
        await seat.press("y")

        assert seat.message == "! There is no slip that it could be one payment with. Esc goes back."
        assert seat.screen == "BothSidesScreen"
    assert states(desk) == BEFORE


async def test_a_card_number_as_the_reason_is_wiped(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.press("escape", ".", ".", "4", "enter", "y")
        await seat.write("4111111111111111")
        await seat.press("enter")

        assert seat.message.startswith("! Reason looks like a card number.")
        assert "4111" not in seat.text
    assert states(desk) == BEFORE


async def test_the_auditor_sees_both_sides_and_confirms_nothing(desk: Desk) -> None:
    async with counter(desk, user="6001") as seat:
        await seat.press("escape", ".", ".", "4", "enter", "y", "enter")

        assert seat.message == "! You may not do this. Who may: back office."
    assert states(desk) == BEFORE


@pytest.mark.parametrize("user", ["1001", "2002", "3001"])
async def test_who_takes_slips_is_told_who_may_see_the_records(desk: Desk, user: str) -> None:
    async with counter(desk, user=user) as seat:
        await seat.press("escape", ".", ".", "4")
        assert seat.message == "! You may not do this. Who may: back office, auditor."
        await seat.press("enter")

        assert seat.message == "! There is no record to show. Esc goes back."
        assert "1234" not in seat.text


async def test_nothing_waits() -> None:
    async with counter(make_till(), user="4001") as seat:
        await seat.press("escape", ".", ".", "4")
        assert seat.message == "No record waits."
        await seat.press("enter", "escape")
        assert seat.screen == "FindScreen"
