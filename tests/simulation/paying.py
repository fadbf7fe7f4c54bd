"""Enter is pressed on a payment: what must come of it is known from the screen, and is compared with what does."""

from __future__ import annotations

from collections import Counter

from pos.domain.errors import Refused
from pos.till.desk import Desk
from pos.till.open_bills import catch_up
from pos.till.payment_order import PaymentOrder
from pos.till.take_payment import PaymentTaken, take_payment
from tests.simulation import invariants
from tests.simulation.expectation import Refusal, Screen, ShownBill, Taken, expected
from tests.simulation.terminals import Booked, Terminal
from tests.simulation.violation import require


def screen_of(desk: Desk) -> Screen:
    """Every bill as the screen shows it."""
    with desk.cache.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT bill_no, account, open_minor, state, due_date FROM v_bill ORDER BY bill_no"
        )
        return {
            row[0]: ShownBill(
                bill_no=row[0], account=row[1], open_minor=row[2], state=row[3], due_date=row[4]
            )
            for row in rows
        }


def pay(terminal: Terminal, order: PaymentOrder, *, before: Taken | Refusal | None = None) -> bool:
    """Press Enter on ``order``, and compare; whether it was booked. ``before``: what was due before a death."""
    desk, memory = terminal.till.desk, terminal.memory
    event_id = order.payment_event_id
    booked_before = before is not None and invariants.is_booked(desk, event_id)
    if booked_before and before is not None:
        outcome = before
    else:
        # What was held for a payment that a death broke off was let go at the start.
        outcome = expected(
            order,
            screen_of(desk),
            vouchers_held=before is None,
            blocked=_is_blocked(desk, order.payer_account),
        )
    memory.in_doubt[event_id] = (order, outcome)
    try:
        taken = take_payment(desk, terminal.person, order)
        terminal.world.trace.note(terminal.name, f"books {event_id} {taken.receipt.receipt_number}")
        for tender in order.tenders:
            terminal.world.trace.met("tender", tender.mode)
    except Refused as refusal:
        terminal.world.trace.note(terminal.name, f"refuses {event_id}: {refusal.code}")
        terminal.world.trace.met("refusal", refusal.code)
        del memory.in_doubt[event_id]
        memory.refused.add(event_id)
        require(
            outcome == Refusal(refusal.code),
            "14 tenders_sum_to_payment_plus_change",
            f"{terminal.name}: {refusal.code} for an order that should come out as {outcome}: {order}",
        )
        return False
    require(taken.replayed == booked_before, "26 crashed_sale_complete_or_absent", f"{event_id}: replayed?")
    _remember(terminal, order, taken, outcome)
    catch_up(desk)
    return True


def _is_blocked(desk: Desk, dealer: str | None) -> bool:
    """Whether a bank receipt of this dealer stands rejected, here or by what central told."""
    with desk.till.read() as books, desk.cache.read() as told:
        here = books.exec_driver_sql(
            "SELECT count(*) FROM v_bank_receipt WHERE dealer = ? AND state = 'rejected'", (dealer,)
        ).scalar_one()
        elsewhere = told.exec_driver_sql(
            "SELECT coalesce(sum(blocked), 0) FROM account WHERE account = ?", (dealer,)
        ).scalar_one()
    return bool(here or elsewhere)


def _remember(terminal: Terminal, order: PaymentOrder, taken: PaymentTaken, outcome: Taken | Refusal) -> None:
    """The cashier has the receipt: from now on the payment must be found, whatever happens."""
    memory, event_id = terminal.memory, order.payment_event_id
    facts = taken.receipt
    if isinstance(outcome, Refusal):
        require(False, "14 tenders_sum_to_payment_plus_change", f"{event_id} was booked, not {outcome.code}")
        return
    memory.in_doubt.pop(event_id, None)
    memory.refused.discard(event_id)
    booked = Booked(
        order=order, receipt_number=facts.receipt_number, shift_number=facts.shift_number, outcome=outcome
    )
    memory.booked[event_id] = booked
    memory.vouchers_used += [tender.details["code"] for tender in order.tenders if "code" in tender.details]
    stated: dict[tuple[str, str | None], int] = {}
    for part in facts.allocations:
        place = (part.account, part.bill_no)
        stated[place] = stated.get(place, 0) + part.amount.minor
    sold = Counter[str]()
    for line in facts.sale:
        sold[line.item] += line.amount.minor
    require(
        (stated, sold, facts.change.minor) == (outcome.allocations, outcome.sold, outcome.change_minor),
        "14 tenders_sum_to_payment_plus_change",
        f"{facts.receipt_number} states {stated}, {sold}, change {facts.change.minor}; due were {outcome}",
    )
    invariants.check_booked(terminal, event_id, booked)


def give_up(terminal: Terminal, order: PaymentOrder, outcome: Taken | Refusal) -> None:
    """The customer has gone: the cashier looks whether the payment was booked, and leaves it at that."""
    event_id = order.payment_event_id
    if invariants.is_booked(terminal.till.desk, event_id):
        pay(terminal, order, before=outcome)
    else:
        del terminal.memory.in_doubt[event_id]
        terminal.memory.refused.add(event_id)
