"""Bills of several accounts in one payment, advances and deposits, disputes and residues, at the screen."""

from __future__ import annotations

from pos.domain.allocation import PaymentPolicy
from pos.domain.payment_mode import PayerKind
from pos.till.enquiries import account_view
from tests.builders.tills import (
    CASHIER,
    bill,
    cash,
    findings,
    in_suspense,
    make_till,
    money,
    opened,
    pay,
    rows,
    tell,
)
from tests.tui.counter import counter


async def test_another_accounts_bills_are_paid_with_the_same_receipt() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("a")
        await seat.write("BA-4")
        await seat.press("enter")
        assert "BA-4" in seat.text
        await seat.press("space", "f5", "enter")
    legs = [(row["account"], row["amount_minor"]) for row in rows(desk, "leg")]
    assert legs == [("BA-1", 41_750), ("BA-4", 9_000)]
    assert len(rows(desk, "receipt")) == 1
    assert findings(desk) == []


async def test_a_cash_only_account_among_them_takes_no_cheque() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("a")
        await seat.write("BA-2")
        await seat.press("enter", "space", "f7")
        assert "cash" in seat.message.lower()
        assert seat.screen == "AccountScreen"
    assert rows(desk, "payment_event") == []


async def test_an_account_is_added_once_and_esc_takes_it_out_again() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        for _ in range(2):
            await seat.press("a")
            await seat.write("BA-4")
            await seat.press("enter")
        assert "in this payment already" in seat.message
        await seat.press("escape", "escape")
        assert "7796" not in seat.text
        await seat.press("f5", "enter")
    assert [row["bill_no"] for row in rows(desk, "allocation")] == ["7781"]


async def test_a_typed_amount_becomes_an_advance_and_then_a_deposit() -> None:
    """Rule 15: taken on purpose, and kept apart from credit."""
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.write("10")
        await seat.press("d")
        assert "ADVANCE 10.000" in seat.text
        await seat.press("d")
        assert "DEPOSIT 10.000" in seat.text
        await seat.press("f5", "enter")
        await seat.open("BA-1")
        assert "Deposit 10.000" in seat.text
    view = account_view(desk, CASHIER, "BA-1")
    assert (view.deposit, view.advance, view.credit) == (money("10"), money("0"), money("0"))
    assert len(view.bills) == 2, "no bill was paid"


async def test_what_is_disputed_is_shown_and_not_asked_for() -> None:
    """Rule 11: 5.000 of bill 7781 is left out of what is asked for, and said."""
    desk = make_till()
    tell(desk, bills=[bill("7781", money("41.750"), disputed=money("5"))])
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("7781")
        assert "5.000 disputed" in seat.text
        await seat.press("f5", "enter")
    assert [row["amount_minor"] for row in rows(desk, "allocation")] == [36_750]


async def test_the_rest_that_is_cleared_is_shown_before_enter() -> None:
    """Rule 6: nothing is written off behind anybody's back."""
    desk = make_till(payments=PaymentPolicy(tolerance_minor=50))
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.write("41.700")
        await seat.press("minus", "f5")
        assert "Bill 7781: the last 0.050 is written off." in seat.text
        await seat.press("enter")
    assert [row["amount_minor"] for row in rows(desk, "bill_write_off")] == [50]


async def test_money_in_suspense_is_listed_and_sent_to_its_owner() -> None:
    desk = make_till(payments=PaymentPolicy(resolve_alone_up_to_minor=50_000))
    opened(desk)
    pay(
        desk,
        cash("20"),
        account=None,
        payer=PayerKind.SUBSCRIBER,
        allocate=[in_suspense("Letter of 3 March")],
    )
    async with counter(desk, user="2002") as seat:
        await seat.press(".", ".", "3")
        assert seat.screen == "SuspenseScreen"
        assert "Letter of 3 March" in seat.text
        await seat.press("enter")
        await seat.fill("BA-404", "", "")
        assert "not known here" in seat.text
        await seat.press("backspace")
        await seat.fill("BA-3", "letter found", "5")
        assert seat.screen == "SuspenseScreen"
        assert "15.000" in seat.text
        await seat.press("escape", ".", "9")
        assert "2 waiting, 0 parked" in seat.text
        (told,) = (line for line in seat.text.splitlines() if "from susp" in line)
        assert told.split()[:3] == ["S014-T1-A-000001", "BA-3", "5.000"]
    assert [(row["account"], row["amount_minor"]) for row in rows(desk, "suspense_transfer")] == [
        ("BA-3", 5_000)
    ]
    assert findings(desk) == []
