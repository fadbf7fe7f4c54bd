"""What becomes of cheques at the counter, told to central: a due one is paid there once, a replaced one is paid anew."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from pos.domain.ids import new_id
from pos.domain.payment_event import Overpayment
from pos.till.cheques_back import ReplaceOrder, ReturnOrder, replace_cheque, return_cheque
from pos.till.due_cheques import pay_post_dated
from pos.till.open_bills import catch_up_all
from pos.till.post_dated import register_cheque
from sync.central.operating.verify import verify_central
from sync.central.payments.cheques import CHEQUES, note_replacement
from sync.central.wire.links import Links
from sync.outcomes import OwnAnswer
from sync.wire_json import loads
from tests.builders.bounces import bounced, count_of_cash, lodged
from tests.builders.tills import (
    CASHIER,
    SUPERVISOR,
    card,
    cash,
    cheque,
    closed,
    count,
    findings,
    opened,
    order,
    pay,
    rows,
)
from tests.builders.wire import Wire, make_wire

HOUR_S = 3_600


def bodies(wire: Wire, table: str) -> list[dict[str, Any]]:
    with wire.central.read() as connection:
        found = connection.execute(text(f"SELECT body FROM {table} ORDER BY change_number"))
        return [loads(row.body) for row in found]


def payments_at(wire: Wire) -> list[dict[str, Any]]:
    return bodies(wire, "payment")


def cheques_at(wire: Wire) -> list[dict[str, Any]]:
    with wire.central.read() as connection:
        rows = connection.execute(text(CHEQUES.select)).all()
        return CHEQUES.compose(connection, rows, Links("https://central.test"))


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
        tenders=[card("1"), cash("3")],
    )
    replace_cheque(wire.desk, CASHIER, replaced)
    await agree(wire)

    assert [row["kind"] for row in rows(wire.desk, "v_outbox")] == ["payment", "refund", "payment", "payment"]
    assert wire.open_minor("N1-1") == paid
    (gone, *others) = payments_at(wire)
    (refund,) = bodies(wire, "refund")
    assert refund["replacedBy"] == [one["correlatorId"] for one in others]
    assert {tuple(one["replaces"]) for one in others} == {(gone["correlatorId"],)}
    assert gone["replacedBy"] == [one["id"] for one in others]
    assert others[0]["description"] == f"1 bill, debit card, in place of cheque 000777 of {taken}"
    assert refund["description"].endswith("; receipt S014-T1-A-000002 stands in place of cheque 000777")
    (known,) = cheques_at(wire)
    assert (known["undone"], known["replacedBy"]) == (True, gone["replacedBy"])
    # The paper is free again, at every till.
    pay(wire.desk, cheque("1", "000777"), account="BA-1")
    await agree(wire)


async def sent_back(wire: Wire) -> str:
    """The receipt of a cheque that bounced, as central knows."""
    taken = pay(wire.desk, cheque("4", "000777"), account="BA-1").receipt.receipt_number
    count(wire.desk, count_of_cash(wire.desk), cheques="4", cheque_count=1)
    closed(wire.desk)
    opened(wire.desk)
    lodged(wire.desk, taken)
    bounced(wire.desk, taken)
    await agree(wire)
    return taken


async def test_a_bounced_cheque_that_is_replaced_is_named_by_what_stands_in_its_place() -> None:
    """It was undone when it bounced: only the payment in its place tells of the two."""
    wire = await make_wire()
    taken = await sent_back(wire)

    replaced = ReplaceOrder(
        back=ReturnOrder(cheque=taken),
        payment_event_id=new_id(wire.desk.clock, wire.desk.randomness),
        tenders=[cash("4")],
    )
    replace_cheque(wire.desk, CASHIER, replaced)
    await agree(wire)

    gone, instead = payments_at(wire)
    assert (instead["replaces"], gone["replacedBy"]) == ([gone["correlatorId"]], [instead["id"]])
    assert cheques_at(wire)[0]["replacedBy"] == [instead["id"]]
    assert cheques_at(wire)[0]["undone"]


async def test_a_bounced_cheque_that_went_back_may_come_again_at_every_till() -> None:
    """Rule 37: while it lies in the shop nobody else can have it; the paper in its payor's hand is as good as new."""
    wire = await make_wire()
    taken = await sent_back(wire)
    assert "undone" not in cheques_at(wire)[0]

    return_cheque(wire.desk, SUPERVISOR, ReturnOrder(cheque=taken))
    await agree(wire)

    assert cheques_at(wire)[0]["undone"]
    pay(wire.desk, cheque("4", "000777"), account="BA-1")
    await agree(wire)
    assert [paid.get("held", False) for paid in payments_at(wire)] == [False, False]


@pytest.mark.parametrize("terminal", ["T9", "T1"])
async def test_a_cheque_that_lies_in_the_shop_is_freed_by_nobodys_word(terminal: str) -> None:
    """Another terminal has not got it, and one that has not bounced goes back as a tender that is cancelled."""
    wire = await make_wire()
    pay(wire.desk, cheque("4", "000777"), account="BA-1")
    await agree(wire)
    (paid,) = payments_at(wire)
    told = {"payment": {"id": paid["id"]}, "state": "returned", "decidedAt": "2026-11-23T10:00:00Z"}

    answer = await wire.client.ask_own(
        "POST", "outcome", body={"correlatorId": "k-1", "terminal": terminal, **told}
    )

    assert isinstance(answer, OwnAnswer)
    code = "outcome_conflict" if terminal == "T1" else "unknown_payment"
    assert (answer.status, answer.told["code"]) == (422, code)
    assert "undone" not in cheques_at(wire)[0]


async def test_another_terminals_word_names_no_cheque_as_replaced() -> None:
    """A till gives back only what it took itself."""
    wire = await make_wire()
    pay(wire.desk, cheque("4", "000777"), account="BA-1")
    await agree(wire)
    (taken,) = payments_at(wire)

    for terminal, named in (("T9", []), (taken["terminal"], ["P-2"])):
        with wire.central.write() as connection:
            note_replacement(connection, [taken["correlatorId"], "nobody's"], by="P-2", terminal=terminal)
        assert payments_at(wire)[0].get("replacedBy", []) == named
