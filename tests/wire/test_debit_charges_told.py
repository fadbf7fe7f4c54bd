"""What a refused or returned debit costs, told to central: a bill at both ends, once, before what is paid on it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import text

from pos.till.open_bills import catch_up, catch_up_all
from sync.central.operating.verify import verify_central
from tests.builders.bank_files import mandated, paid, returned, run, with_debits
from tests.builders.tills import findings, money
from tests.builders.wire import Fault, Wire, make_wire

HOUR_S = 3_600
FEE_BILL = "S014-T1-A-DF-000001"


async def charged(*, own: bool = True) -> Wire:
    """A till whose bank took a debit of BA-1 back, which costs 5.000; nothing is told yet."""
    wire = await make_wire(own=own)
    with_debits(wire.desk, fee=money("5.000"))
    mandated(wire.desk)
    run(wire.desk, paid("R-1", "10.000", mandate="M-1"), returned("R-1", "10.000", "AM04"))
    catch_up(wire.desk)
    return wire


def bills_at(wire: Wire) -> dict[str, int]:
    """What remains at central of the bills of BA-1."""
    with wire.central.read() as connection:
        found = connection.execute(
            text("SELECT bill_no, remaining_minor FROM bill WHERE account_id = 'BA-1' ORDER BY bill_no")
        )
        return {str(number): int(minor) for number, minor in found}


async def agree(wire: Wire) -> None:
    await wire.engine.drain(timeout_s=HOUR_S)
    assert (await wire.engine.pull()).problem is None
    catch_up_all(wire.desk)
    assert set(wire.states()) == {"acknowledged"}
    assert findings(wire.desk) == []
    assert verify_central(wire.central) == []


@pytest.mark.parametrize(
    "faults",
    [
        (),
        (Fault.LOST_ANSWER,) * 8,
        (Fault.FAILED_AFTER, Fault.AWAY, Fault.LOST_ANSWER, Fault.NONE, Fault.TWICE),
    ],
)
async def test_a_fee_is_one_bill_at_central_whatever_becomes_of_the_answers(faults: Sequence[Fault]) -> None:
    wire = await charged()
    wire.network.script(*faults)

    await agree(wire)

    assert bills_at(wire) == {"N1-1": 10_000, FEE_BILL: 5_000}
    with wire.desk.cache.read() as connection:
        (known,) = connection.exec_driver_sql(
            "SELECT open_minor FROM bill WHERE bill_no = ?", (FEE_BILL,)
        ).all()
    assert int(known[0]) == 5_000


async def test_the_fee_is_told_before_what_is_paid_on_it() -> None:
    """Somebody else's account may pay it, in a queue of its own."""
    wire = await charged()
    wire.pay("BA-2", "5", FEE_BILL)

    await agree(wire)

    assert bills_at(wire)[FEE_BILL] == 0


async def test_a_server_of_the_standard_alone_is_told_of_no_fee_and_takes_its_money_on_the_account() -> None:
    wire = await charged(own=False)
    wire.pay("BA-1", "5", FEE_BILL)

    await wire.engine.drain(timeout_s=HOUR_S)

    assert set(wire.states()) == {"acknowledged"}
    assert FEE_BILL not in bills_at(wire)
    assert findings(wire.desk) == []
