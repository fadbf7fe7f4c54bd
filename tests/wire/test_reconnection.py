"""From the counter to central: service that was suspended comes back once all money is final (domain.md rule 16)."""

from __future__ import annotations

from sqlalchemy import text

from sync.central.database import next_change
from sync.central.fixture import load_fixture
from sync.central.reconnections import money_is_final
from tests.builders.tills import cash, cheque
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
