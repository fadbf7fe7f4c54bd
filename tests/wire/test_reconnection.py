"""From the counter to central: service that was suspended comes back once all money is final (domain.md rule 16)."""

from __future__ import annotations

from sqlalchemy import text

from pos.till.clearing import ClearOrder, clear_cheques
from pos.till.deposit_credits import CreditOrder, confirm_deposit
from pos.till.deposits import deposit_cheques, lodge_deposit
from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.central.payments.reconnections import money_is_final
from sync.central.store.database import next_change
from sync.wire_json import loads
from tests.builders.tills import BACK_OFFICE, cash, cheque, closed, count, findings
from tests.builders.wire import Wire, make_wire
from tests.central.central_builders import account


async def suspended_wire() -> Wire:
    """BA-1 is suspended and owes bill N1-1, which is overdue."""
    wire = await make_wire()
    load_fixture(wire.central, {"accounts": [account("BA-1", status="suspended", dunning_stage=3)]})
    await wire.engine.pull()
    return wire


def reconnected(wire: Wire) -> list[tuple[str, str]]:
    with wire.central.read() as connection:
        rows = connection.execute(text("SELECT account_id, payment_event_id FROM reconnection"))
        return [(row.account_id, row.payment_event_id) for row in rows]


async def test_cash_that_clears_what_is_overdue_is_told_to_central() -> None:
    """Rule 16: cash at once."""
    wire = await suspended_wire()
    event = wire.pay("BA-1", "10.000", "N1-1")

    await wire.engine.drain(timeout_s=60)

    assert reconnected(wire) == [("BA-1", event)]


async def test_a_cheque_and_the_last_coin_wait_at_central_until_the_cheque_is_cleared() -> None:
    """Rule 16: also where the cheque was told before, in another payment."""
    wire = await suspended_wire()
    first = wire.pay("BA-1", "9.750", "N1-1", tender=cheque("9.750"), each="9.750")
    last = wire.pay("BA-1", "0.250", "N1-1", tender=cash("0.250"))
    await wire.engine.drain(timeout_s=60)
    assert reconnected(wire) == []

    with wire.central.write() as connection:
        money_is_final(connection, f"{first}-1", change=next_change(connection), at=wire.clock.now())

    assert reconnected(wire) == [("BA-1", last)]


async def test_a_cheque_that_the_back_office_clears_is_final_at_central() -> None:
    """Rule 16: a cheque on clearing; what waited for it at central goes on, once."""
    wire = await suspended_wire()
    event = wire.pay("BA-1", "10.000", "N1-1", tender=cheque("10.000"), each="10.000")
    await wire.engine.drain(timeout_s=60)
    count(wire.desk, "20", cheques="10", cheque_count=1)
    closed(wire.desk)
    slip = deposit_cheques(wire.desk, BACK_OFFICE, None).slip.number
    lodge_deposit(wire.desk, BACK_OFFICE, slip, "NBK 1")
    confirm_deposit(wire.desk, BACK_OFFICE, slip, CreditOrder(amount="10"))
    clear_cheques(wire.desk, BACK_OFFICE, ClearOrder(older_than_days=0))
    assert reconnected(wire) == []

    await wire.engine.drain(timeout_s=60)

    assert reconnected(wire) == [("BA-1", event)]
    with wire.central.read() as connection:
        (body,) = connection.execute(text("SELECT body FROM payment")).scalars()
    assert (loads(body)["provisional"], loads(body)["outcome"]) == (False, "cleared")
    assert set(wire.states()) == {"acknowledged"}
    assert verify_central(wire.central) == []
    assert findings(wire.desk) == []
