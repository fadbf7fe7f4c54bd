"""What a walk-in buyer owes for a cheque that bounced at a dealer's till is taken at central, and is that dealer's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from pos.domain.payment_mode import PayerKind
from pos.till.open_bills import catch_up_all
from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from tests.builders.bounces import bounced, by_mistake, count_of_cash, lodged, terms, with_fee
from tests.builders.tills import cash, cheque, closed, count, findings, opened, pay, rows, sale, stock, wish
from tests.builders.undoing import open_bills
from tests.builders.wire import Wire
from tests.wire.test_outcomes import DEALER
from tests.wire.test_tokens_at_central import enrolled, guarded_wire, signs

NOTICE = "S014-T1-A-DN-000001"
HOUR_S = 3_600


async def bounced_at_a_till(*, dealer: str | None) -> tuple[Wire, str]:
    """The receipt of a walk-in buyer's cheque of 2.500 that came back, and nothing of it is told yet."""
    wire = await guarded_wire()
    load_fixture(wire.central, {"accounts": [DEALER]})
    signs(wire, enrolled(wire, dealer=dealer))
    wire.desk.policy = replace(wire.desk.policy, cheques=with_fee("5"))
    terms(wire.desk, cash_only_after=1)
    stock(wire.desk)
    receipt = pay(
        wire.desk, cheque("2.500"), account=None, payer=PayerKind.WALK_IN, lines=[sale("CHARGER", 2)]
    ).receipt.receipt_number
    count(wire.desk, count_of_cash(wire.desk), cheques="2.500", cheque_count=1)
    closed(wire.desk)
    lodged(wire.desk, receipt)
    bounced(wire.desk, receipt)
    opened(wire.desk)
    return wire, receipt


async def all_told(wire: Wire) -> None:
    await wire.engine.drain(timeout_s=HOUR_S)
    assert [row for row in rows(wire.desk, "outbox") if row["state"] != "acknowledged"] == []
    assert (await wire.engine.pull()).problem is None
    catch_up_all(wire.desk)
    assert verify_central(wire.central) == []
    assert findings(wire.desk) == []


def charge_at_central(wire: Wire) -> tuple[object, ...]:
    with wire.central.read() as connection:
        row = connection.execute(
            text("SELECT remaining_minor, dealer FROM bill WHERE bill_no = :bill_no"), {"bill_no": NOTICE}
        )
        return tuple(row.one())


async def test_a_walk_in_buyers_bounced_cheque_and_its_charge_are_taken_from_a_dealers_till() -> None:
    wire, _ = await bounced_at_a_till(dealer="D-1")
    await all_told(wire)
    assert charge_at_central(wire) == (7_500, "D-1")

    pay(wire.desk, cash("3"), account=None, payer=PayerKind.WALK_IN, allocate=[wish(NOTICE, "3")])
    await all_told(wire)
    assert (charge_at_central(wire), open_bills(wire.desk)[NOTICE]) == ((4_500, "D-1"), 4_500)
    pay(wire.desk, cash("4.500"), account=None, payer=PayerKind.WALK_IN, allocate=[wish(NOTICE)])
    await all_told(wire)
    assert charge_at_central(wire) == (0, "D-1")


@pytest.mark.parametrize("dealer", ["D-1", None])
async def test_the_banks_mistake_takes_the_charge_back(dealer: str | None) -> None:
    """The cheque counts again for what was bought, which is on no account here."""
    wire, receipt = await bounced_at_a_till(dealer=dealer)
    await all_told(wire)
    by_mistake(wire.desk, receipt)
    await all_told(wire)
    assert charge_at_central(wire) == (0, dealer)
