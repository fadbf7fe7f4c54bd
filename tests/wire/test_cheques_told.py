"""What becomes of cheques at the counter, told to central: a due one is paid there once, a replaced one is paid anew."""

from __future__ import annotations

from datetime import date, timedelta

from pos.domain.ids import new_id
from pos.domain.payment_event import Overpayment
from pos.till.cheques_back import ReplaceOrder, ReturnOrder, replace_cheque
from pos.till.due_cheques import pay_post_dated
from pos.till.open_bills import catch_up_all
from pos.till.post_dated import register_cheque
from sync.central.verify import verify_central
from tests.builders.tills import CASHIER, cash, cheque, findings, order, pay, rows
from tests.builders.wire import Wire, make_wire

HOUR_S = 3_600


async def agree(wire: Wire) -> None:
    """Everything is told, and nothing differs between the books, the cache and central."""
    await wire.engine.drain(timeout_s=HOUR_S)
    assert (await wire.engine.pull()).problem is None
    catch_up_all(wire.desk)
    assert set(wire.states()) <= {"acknowledged"}
    assert findings(wire.desk) == []
    assert verify_central(wire.central) == []


async def test_a_due_cheque_reaches_central_on_its_date_and_not_before() -> None:
    """Rule 39: nothing is sent while it is in the register; then its payment is, once."""
    wire = await make_wire()
    today: date = wire.desk.clock.now().date()
    later = cheque("4", "000777", date=(today + timedelta(days=1)).isoformat())
    asked = order(wire.desk, later, account="BA-1", overpayment=Overpayment.CREDIT)
    note = register_cheque(wire.desk, CASHIER, asked).note.receipt_number
    before = wire.open_minor("N1-1")
    await agree(wire)
    assert (wire.states(), wire.open_minor("N1-1")) == ([], before)

    wire.clock.advance(days=1)
    pay_post_dated(wire.desk, CASHIER, note)
    pay_post_dated(wire.desk, CASHIER, note)
    await agree(wire)

    assert wire.states() == ["acknowledged"]
    assert wire.open_minor("N1-1") == before - 4_000


async def test_a_replaced_cheque_is_told_as_a_refund_and_a_payment() -> None:
    wire = await make_wire()
    taken = pay(wire.desk, cheque("4", "000777"), account="BA-1").receipt.receipt_number
    await agree(wire)
    paid = wire.open_minor("N1-1")

    replaced = ReplaceOrder(
        back=ReturnOrder(cheque=taken),
        payment_event_id=new_id(wire.desk.clock, wire.desk.randomness),
        tenders=[cash("4")],
    )
    replace_cheque(wire.desk, CASHIER, replaced)
    await agree(wire)

    assert [row["kind"] for row in rows(wire.desk, "v_outbox")] == ["payment", "refund", "payment"]
    assert wire.open_minor("N1-1") == paid
    # The paper is free again, at every till.
    pay(wire.desk, cheque("1", "000777"), account="BA-1")
    await agree(wire)
