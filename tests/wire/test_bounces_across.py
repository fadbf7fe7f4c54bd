"""A cheque bounces of which another till has paid money back: its payor owes that too, whether central could be asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from pos.bootstrap.wire import compare_with_central
from pos.machine import InlineRunner
from pos.till.bounce_across import with_told
from pos.till.dishonour_plan import BounceOrder
from pos.till.dishonours import Bounced, bounce_cheque, preview_bounce
from sync.central.operating.verify import verify_central
from sync.refunds_elsewhere import CentralRefunds
from tests.builders.across import Shop, make_shop
from tests.builders.bounces import by_mistake, cleared, count_of_cash, days_later, sent_again, with_fee
from tests.builders.tills import BACK_OFFICE, cash, cheque, closed, count, findings, opened, pay, wish
from tests.builders.undoing import approved, balances, credits, open_bills

NOTICE = "S014-T1-A-DN-000001"
HOUR_S = 3_600


async def shop_of_two() -> tuple[Shop, str]:
    """Two tills, and the receipt of a cheque of 10 of the first that has cleared: 6 for BA-1's bill, 4 for BA-2's."""
    shop = await make_shop("T1", "T2")
    desk = shop["T1"].desk
    desk.policy = replace(desk.policy, cheques=with_fee("5"))
    parts = [wish("N1-1", "6"), wish("N2-1", "4")]
    receipt = pay(desk, cheque("10"), account="BA-1", allocate=parts).receipt.receipt_number
    count(desk, count_of_cash(desk), cheques="10", cheque_count=1)
    closed(desk)
    opened(desk)
    cleared(desk, receipt, "10")
    days_later(desk, 60)
    await shop.drain()
    return shop, receipt


async def bounced_here(shop: Shop, receipt: str, *, asked: bool = True) -> Bounced:
    """It bounces at the first till, which asks central before, or cannot."""
    wire = shop["T1"]
    order = BounceOrder(cheque=receipt, reason="insufficient_funds")
    central = CentralRefunds(wire.client) if asked else None
    order = await with_told(wire.desk, BACK_OFFICE, order, central, InlineRunner())
    seen = preview_bounce(wire.desk, BACK_OFFICE, order)
    return approved(wire.desk, lambda: bounce_cheque(wire.desk, BACK_OFFICE, order, seen=seen))


async def agree(shop: Shop) -> None:
    """Everything is told, and all books hold, each alone and together."""
    await shop.drain()
    assert verify_central(shop["T1"].central) == []
    for wire in shop.tills.values():
        assert findings(wire.desk) == []
        assert set(wire.states()) == {"acknowledged"}
        assert await compare_with_central(wire.desk, wire.client) == []


def owed(shop: Shop) -> tuple[int, int]:
    """What BA-1 and BA-2 owe altogether by central's books, credit off it."""
    with shop["T1"].central.read() as connection:
        found = connection.execute(
            text(
                "SELECT account.id, coalesce(sum(remaining_minor), 0) - credit_minor FROM account LEFT JOIN bill"
                " ON bill.account_id = account.id WHERE account.id IN ('BA-1', 'BA-2')"
                " GROUP BY account.id, credit_minor ORDER BY account.id"
            )
        ).all()
    return int(found[0][1]), int(found[1][1])


async def test_what_another_till_paid_back_is_recovered_from_the_payor() -> None:
    shop, receipt = await shop_of_two()
    await shop.pay_back("T2", receipt, "3")
    await shop["T2"].engine.drain(timeout_s=HOUR_S)

    done = await bounced_here(shop, receipt)

    assert "3.000 KWD was paid back already: BA-1 owes it." in done.words
    assert (done.bounce.paid_back.minor, done.correction.amount.minor) == (3_000, 7_000)
    await agree(shop)
    here = open_bills(shop["T1"].desk)
    assert (here["N1-1"], here["N2-1"], here[NOTICE]) == (10_000, 10_000, 8_000)
    assert owed(shop) == (18_000, 10_000)


@pytest.mark.parametrize("back", ["3", "5", "10"])
async def test_a_till_that_cannot_ask_bounces_all_and_the_rest_is_owed_on_the_account(back: str) -> None:
    shop, receipt = await shop_of_two()
    await shop.pay_back("T2", receipt, back)
    await shop["T2"].engine.drain(timeout_s=HOUR_S)

    done = await bounced_here(shop, receipt, asked=False)

    assert done.correction.amount.minor == 10_000
    await agree(shop)
    here = open_bills(shop["T1"].desk)
    assert (here["N1-1"], here["N2-1"], here[NOTICE]) == (10_000, 10_000, 5_000)
    assert credits(shop["T1"].desk)["BA-1"] == -int(back) * 1_000
    assert owed(shop) == (15_000 + int(back) * 1_000, 10_000)


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("back", ["3", "10"])
async def test_money_that_counts_again_pays_once_what_was_paid_back_elsewhere(asked: bool, back: str) -> None:
    shop, receipt = await shop_of_two()
    await shop.pay_back("T2", receipt, back)
    await shop["T2"].engine.drain(timeout_s=HOUR_S)
    await bounced_here(shop, receipt, asked=asked)
    await agree(shop)
    before = sum(owed(shop))

    sent_again(shop["T1"].desk, receipt)
    await agree(shop)
    assert sum(owed(shop)) == before - 10_000

    cleared(shop["T1"].desk, receipt, "10")
    await agree(shop)
    done = await bounced_here(shop, receipt)
    assert done.bounce.paid_back.minor == 0
    await agree(shop)
    assert sum(owed(shop)) == before


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("back", ["3", "10"])
async def test_after_a_mistake_of_the_bank_only_what_went_back_is_owed(asked: bool, back: str) -> None:
    shop, receipt = await shop_of_two()
    await shop.pay_back("T2", receipt, back)
    await shop.drain()
    before, held = sum(owed(shop)), balances(shop["T1"].desk)
    await bounced_here(shop, receipt, asked=asked)
    await agree(shop)

    by_mistake(shop["T1"].desk, receipt)

    await agree(shop)
    assert sum(owed(shop)) == before
    assert balances(shop["T1"].desk) == held


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("back", ["3", "10"])
async def test_a_cheque_bounces_anew_after_a_mistake_of_the_bank_and_what_went_back_is_recovered(
    asked: bool, back: str
) -> None:
    """Rules 14 and 35: what the first bounce had found to be paid back elsewhere is owed by the second as well."""
    shop, receipt = await shop_of_two()
    await shop.pay_back("T2", receipt, back)
    await shop.drain()
    before = sum(owed(shop))
    await bounced_here(shop, receipt)
    by_mistake(shop["T1"].desk, receipt)
    await agree(shop)

    done = await bounced_here(shop, receipt, asked=asked)

    assert done.bounce.paid_back.minor == int(back) * 1_000
    await agree(shop)
    assert sum(owed(shop)) == before + 15_000
    sent_again(shop["T1"].desk, receipt)
    await agree(shop)
    assert sum(owed(shop)) == before + 5_000
    cleared(shop["T1"].desk, receipt, "10")
    assert (await bounced_here(shop, receipt)).bounce.paid_back.minor == 0
    await agree(shop)
    assert sum(owed(shop)) == before + 15_000


async def test_a_bill_that_two_tills_paid_is_open_as_central_says_when_the_cheque_of_one_bounces() -> None:
    """The cheque's money was credit at central, for the bill was paid: its bounce leaves the bill as it is there."""
    shop = await make_shop("T1", "T2")
    first, second = shop["T1"], shop["T2"]
    paid = pay(second.desk, cash("10"), account="BA-1", allocate=[wish("N1-1")]).receipt.receipt_number
    await second.engine.drain(timeout_s=HOUR_S)
    receipt = pay(
        first.desk, cheque("4"), account="BA-1", allocate=[wish("N1-1", "4")]
    ).receipt.receipt_number
    count(first.desk, count_of_cash(first.desk), cheques="4", cheque_count=1)
    closed(first.desk)
    opened(first.desk)
    cleared(first.desk, receipt, "4")
    await first.engine.drain(timeout_s=HOUR_S)
    await shop.pay_back("T2", paid, "7")
    await shop.drain()

    await bounced_here(shop, receipt)

    await agree(shop)
    assert open_bills(first.desk)["N1-1"] == 7_000
    assert sum(owed(shop)) == 17_000
