"""What each screen looks like at 80x24, as text. After a wanted change: ``./run pytest tests/tui --snapshot-update``."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from syrupy.assertion import SnapshotAssertion

from pos.domain.voucher import VoucherIssued
from pos.store import outbox
from pos.till.bank_receipts import reject_bank_receipt
from pos.tui.ports import VoucherIssue
from tests.builders.across import RECEIPT, FakeRefunds, elsewhere
from tests.builders.cards import NO_ANSWER, FakeCards
from tests.builders.signed import FakePress, issues_alone
from tests.builders.tills import (
    BACK_OFFICE,
    NOW,
    SUPERVISOR,
    atm,
    bank_cash,
    bank_cheque,
    bank_tells,
    cash,
    clock_of,
    direct_debit,
    grant_limit,
    imei,
    leave_commission_for_settlement,
    make_till,
    opened,
    pay,
    sale,
    wish,
)
from tests.tui.counter import counter
from tests.tui.shelf import CHARGER_EAN, PHONE_EAN, make_shop, vouchers


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
        await seat.open("BA-1")
        await seat.press("f7", "up", "enter")
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


async def test_a_card_and_cash_in_one_payment(snapshot: SnapshotAssertion) -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f8")
        assert seat.text == snapshot(name="account with a way that is not taken")
        await seat.write("20")
        await seat.press("f6")
        await seat.fill("A1B2C3", "42")
        assert seat.text == snapshot(name="card with a bad field")
        await seat.fill("4242", "VISA", "RRN001", "T-77")
        await seat.press("enter")
        assert seat.text == snapshot(name="account with a card given")
        await seat.press("escape")
        assert seat.text == snapshot(name="take a card back")
        await seat.press("escape", "w")
        assert seat.text == snapshot(name="ways to pay")
        await seat.press("5")
        assert seat.text == snapshot(name="ways to pay refused")
        await seat.press("escape", "f5")
        await seat.write("10")
        assert seat.text == snapshot(name="cash that is not enough")


async def test_vouchers(snapshot: SnapshotAssertion) -> None:
    desk, central = make_shop(), vouchers(LOY1="5", LOY2="50")
    async with counter(desk, vouchers=central) as seat:
        await seat.open("BA-1")
        await seat.press("v")
        await seat.fill("LOY1")
        await seat.press("enter")
        assert seat.text == snapshot(name="voucher worth less")
        await seat.press("up")
        await seat.fill("LOY2")
        await seat.write("41.750")
        await seat.press("enter")
        assert seat.text == snapshot(name="voucher worth more")
        clock_of(desk).advance(seconds=1)
        await seat.press("enter")
        assert seat.text == snapshot(name="paid by voucher")


async def test_a_card_by_the_terminal(snapshot: SnapshotAssertion) -> None:
    desk, terminal = make_shop(), FakeCards(NO_ANSWER)
    terminal.hangs = asyncio.Event()
    async with counter(desk, card_terminal=terminal) as seat:
        await seat.open("BA-1")
        await seat.press("f6")
        assert seat.text == snapshot(name="card for the terminal")
        await seat.press("enter")
        # The status line reads the books once a second; the picture is of after that.
        seat.app._each_second()
        await seat.settle()
        assert seat.text == snapshot(name="card at the terminal")
        terminal.hangs.set()
        await seat.settle()
        assert seat.text == snapshot(name="card not known")
        await seat.press("y")
        assert seat.text == snapshot(name="slip of a card")
        await seat.press("escape", "n")
        assert seat.text == snapshot(name="card not charged")
        await seat.press("escape", "escape", ".", ".", "1")
        assert seat.text == snapshot(name="cards not settled")


@dataclass(frozen=True)
class Offline:
    online: bool | None = False
    since: datetime | None = NOW - timedelta(minutes=42)
    barred: str | None = None


async def test_a_till_without_central(snapshot: SnapshotAssertion) -> None:
    desk = make_shop()
    pay(desk, cash("41.750"))
    pay(desk, cash("30"), account="BA-2")
    reason = (
        "accountNotFound: the account BA-2 was closed on 2026-11-20 and its debt was sold to another company"
    )
    with desk.till.transaction() as unit:
        outbox.mark_parked(unit.connection, 2, reason=reason, at=desk.clock.now())
    async with counter(desk, sync_state=Offline) as seat:
        await seat.press(".", "9")
        assert seat.text == snapshot(name="outbox offline")
        await seat.press("s")
        assert seat.text == snapshot(name="outbox not allowed")
        await seat.press("escape")
        await seat.open("BA-1")
        await seat.press("v")
        assert seat.text == snapshot(name="voucher offline")


async def test_bank_receipts(snapshot: SnapshotAssertion) -> None:
    desk = make_shop()
    pay(desk, bank_cash("150", "DEP-1"), account="D-1")
    pay(desk, bank_cheque("12345.678", "DEP-7", date="2026-11-24"), account="D-1")
    reject_bank_receipt(desk, BACK_OFFICE, "S014-T1-A-000001", "not_found")
    async with counter(desk, user="4001") as seat:
        await seat.press("escape", ".", ".", "2")
        assert seat.text == snapshot(name="bank receipts")
        await seat.press("down", "y")
        assert seat.text == snapshot(name="bank receipt to verify")
        await seat.press("escape", "n")
        assert seat.text == snapshot(name="reasons to reject")
        await seat.press("escape", "up", "u")
        assert seat.text == snapshot(name="dealer to unblock")
        await seat.press("escape", "escape")
        await seat.open("D-1")
        assert seat.text == snapshot(name="blocked dealer")


async def test_records_of_bank_files(snapshot: SnapshotAssertion) -> None:
    desk = make_till()
    opened(desk, person=SUPERVISOR)
    pay(desk, atm("41.750", "004711"), allocate=[wish("7781")], person=SUPERVISOR)
    pay(desk, direct_debit("3", "R-2"), allocate=[wish("7796", "3")], person=SUPERVISOR)
    bank_tells(desk, atm("1234.500", "9"), account="BA-2")
    bank_tells(desk, atm("12345.678", "004711"), account="BA-1")
    bank_tells(desk, direct_debit("4", "R-2"), account="BA-3")
    async with counter(desk, user="4001") as seat:
        await seat.press("escape", ".", ".", "4")
        assert seat.text == snapshot(name="records of bank files")
        await seat.press("down", "enter")
        assert seat.text == snapshot(name="both sides of a record")
        await seat.press("y")
        assert seat.text == snapshot(name="one payment after all")
        await seat.press("escape", "escape", "down", "enter")
        assert seat.text == snapshot(name="record without a slip")


async def test_commission_of_dealers(snapshot: SnapshotAssertion) -> None:
    desk = make_shop()
    leave_commission_for_settlement(desk)
    grant_limit(desk, "99999")
    pay(desk, cash("65"), account="D-1", lines=[sale("ACC-01", 10), sale("ACC-02", 2)])
    pay(desk, bank_cash("650"), account="D-1", lines=[sale("PHN-01", 10, *map(imei, range(10)))])
    async with counter(desk, user="4001") as seat:
        await seat.press("escape", ".", ".", "5")
        assert seat.text == snapshot(name="commission of dealers")
        await seat.press("s")
        assert seat.text == snapshot(name="commission to settle")
        await seat.press("enter")
        assert seat.text == snapshot(name="commission settled")


async def test_issuing_a_voucher(snapshot: SnapshotAssertion) -> None:
    desk = make_till()
    issues_alone(desk, "100")

    async def no_paper(_voucher: VoucherIssued) -> str | None:
        return "The printer has no paper."

    issuing = VoucherIssue(
        press=FakePress(),
        slip_text=lambda voucher: f"VOUCHER {voucher.serial}\n{voucher.terms.value}",
        print_slip=no_paper,
    )
    async with counter(desk, user="4001", issuing=issuing) as seat:
        await seat.press("escape", ".", ".", "6")
        assert seat.text == snapshot(name="voucher to issue")
        await seat.fill("25", "2027-01-31", "NOBODY", "30", "n", "2")
        assert seat.text == snapshot(name="voucher for an unknown account")
        await seat.press(*"BA-1", *["enter"] * 4)
        assert seat.text == snapshot(name="voucher that is not printed")


async def test_sales_and_dealers(snapshot: SnapshotAssertion) -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.press("f4")
        assert seat.text == snapshot(name="sale begun")
        await seat.press("f4")
        assert seat.text == snapshot(name="items")
        await seat.write("nothing")
        assert seat.text == snapshot(name="items not found")
        await seat.press("escape")
        await seat.scan(CHARGER_EAN)
        await seat.write("12")
        assert seat.text == snapshot(name="sale with a number typed")
        await seat.press("*")
        await seat.scan(PHONE_EAN)
        await seat.press("f5")
        assert seat.text == snapshot(name="sale without its serials")
        await seat.press("delete", "f5", "enter")
        assert seat.text == snapshot(name="paid items")
        await seat.press("f9")
        assert seat.text == snapshot(name="dealers")
        await seat.write("gulf")
        await seat.press("enter")
        assert seat.text == snapshot(name="dealer")
        await seat.press("f8", "tab")
        assert seat.text == snapshot(name="bank receipt")
        await seat.press("up", "enter")
        assert seat.text == snapshot(name="bank receipt with nothing filled in")
        await seat.press("down")
        await seat.fill("NBK", "014", "DEP-1", "000777")
        await seat.write("250")
        await seat.press("enter")
        assert seat.text == snapshot(name="paid by bank receipt")
        await seat.open("7781")
        await seat.scan(CHARGER_EAN)
        assert seat.text == snapshot(name="items beside a bill")
        await seat.press("escape")
        assert seat.text == snapshot(name="bill beside items")
        await seat.press("f2")
        assert seat.text == snapshot(name="leave items")


async def test_a_receipt_of_another_terminal(snapshot: SnapshotAssertion) -> None:
    desk = make_till()
    opened(desk)
    central = FakeRefunds(elsewhere(cash="10", debit_card="2.500"))
    async with counter(desk, refunds=central) as seat:
        await seat.open(RECEIPT)
        assert seat.text == snapshot(name="receipt of another terminal")
