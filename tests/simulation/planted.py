"""Bugs on purpose, to see whether the simulation sees them. Each is put into the product of this process only.

A simulation that finds nothing says little unless it is known to find such things: every one of these must break an
invariant within fifty seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, text

from pos.domain import allocation, payment_event
from pos.domain.money import Money, zero
from pos.domain.payment_event import PaymentEvent
from pos.store import outbox
from pos.store.outbox import OutboxRow
from pos.store.unit_of_work import UnitOfWork
from pos.till import booking, desk, take_payment
from pos.till.desk import Deed, Desk
from sync import delivery, engine
from sync.central.api import payments as payment_api
from sync.central.hub import delivery as hub_delivery
from sync.central.hub import events as hub_events
from sync.central.hub.listener_client import Acknowledged
from sync.central.payments import known, payments
from sync.central.payments.incoming import IncomingPayment
from sync.central.payments.known import Known
from sync.central.schema.migrations import forms
from sync.central.vouchers import vouchers
from sync.client import CentralClient
from sync.inbound import Inbound
from sync.outcomes import Accepted, Page, RefusedForGood, SendOutcome, Unknown
from sync.tmf676.payment import read_payment
from sync.wire_json import dumps, loads
from tests.simulation import central
from tests.simulation.swapped import swapped


def _both(*plants: AbstractContextManager[None]) -> AbstractContextManager[None]:
    @contextmanager
    def planted() -> Iterator[None]:
        with ExitStack() as stack:
            for plant in plants:
                stack.enter_context(plant)
            yield

    return planted()


# --- at central ----------------------------------------------------------------------------------------------


def _central_forgets_keys() -> AbstractContextManager[None]:
    """Central does not know a payment again: neither by its keys nor by the constraints of its table."""
    tables = tuple(
        table.replace("TEXT UNIQUE", "TEXT").replace("UNIQUE (terminal, epoch, sequence, leg),", "")
        for table in forms.TABLES
    )
    read = known.read_known

    def planted(connection: Connection, incoming: IncomingPayment) -> Known:
        return replace(read(connection, incoming), number_used=False)

    return _both(
        swapped(payment_api, "find_twin", lambda *_arguments, **_named: None),
        swapped(payment_api, "read_known", planted),
        swapped(forms, "TABLES", tables),
        swapped(central, "loaded_store", central.loaded_store.__wrapped__),
    )


def _credit_is_lost() -> AbstractContextManager[None]:
    """What no bill wants any more is booked as credit in the payment, and never reaches the account."""
    return swapped(payments, "add_credit", lambda *_arguments, **_named: None)


def _voucher_held_for_two() -> AbstractContextManager[None]:
    """Central holds a voucher for every payment that asks, whoever holds or has used it."""

    def planted(_connection: Connection, voucher: object, *_asked: object) -> str | None:
        return "unknown" if voucher is None else None

    return swapped(vouchers, "_why_not_valid", planted)


def _sent_counts_as_acknowledged() -> AbstractContextManager[None]:
    """An event that was sent is not told again, whatever the listener answered."""
    return swapped(hub_delivery, "_outcome_of", lambda _task: Acknowledged())


def _taken_for_ever() -> AbstractContextManager[None]:
    """What was on its way when central died belongs to the dead."""
    return swapped(hub_delivery, "TAKEN_S", 10_000_000)


def _no_event_waits_for_another() -> AbstractContextManager[None]:
    """All events of a payment are sent at once, and one that must be sent again comes after its follower."""
    at_once = text(
        "INSERT INTO event_delivery (hub_id, event_number, resource, state)"
        " VALUES (:hub_id, :number, :resource, 'waiting')"
    )
    return swapped(hub_events, "INSERT_DELIVERY", at_once)


def _commits_without_their_events() -> AbstractContextManager[None]:
    """Every other commit makes no events of what it touched."""
    make, before = hub_events.EventRecorder.__call__, dict[int, bool]()

    def planted(self: hub_events.EventRecorder, connection: Connection) -> None:
        silent = before[id(self)] = not before.get(id(self), False)
        if silent:
            connection.execute(text("DELETE FROM event_due"))
        else:
            make(self, connection)

    return swapped(hub_events.EventRecorder, "__call__", planted)


# --- at the wire ---------------------------------------------------------------------------------------------


def _tries_counted() -> Callable[[str], int]:
    tries: dict[str, int] = {}

    def count(key: str) -> int:
        tries[key] = tries.get(key, 0) + 1
        return tries[key]

    return count


def _new_key_at_each_try() -> AbstractContextManager[None]:
    """A retry looks to central like another payment."""
    send, count = CentralClient.send_payment, _tries_counted()

    async def planted(self: CentralClient, correlator_id: str, body: bytes) -> SendOutcome:
        number = count(correlator_id)
        if number > 1:
            correlator_id = f"{correlator_id}-{number}"
            body = dumps({**loads(body), "correlatorId": correlator_id})
        return await send(self, correlator_id, body)

    return swapped(CentralClient, "send_payment", planted)


def _body_composed_anew() -> AbstractContextManager[None]:
    """A retry has the same key, but not the same bytes."""
    send, count = CentralClient.send_payment, _tries_counted()

    async def planted(self: CentralClient, correlator_id: str, body: bytes) -> SendOutcome:
        again = count(correlator_id) > 1
        return await send(self, correlator_id, body + b" " if again else body)

    return swapped(CentralClient, "send_payment", planted)


def _acknowledged_before_the_answer() -> AbstractContextManager[None]:
    """The row counts as delivered when its request leaves."""

    def planted(connection: Connection, outbox_id: int, *, at: Any) -> None:
        outbox.mark_acknowledged(
            connection, outbox_id, server_id="?", server_href=None, applied_change=None, at=at
        )

    return swapped(outbox, "mark_sent", planted)


def _unknown_counts_as_never_sent() -> AbstractContextManager[None]:
    """After a time-out the row waits as if it had never left, and is sent again without being looked for."""
    again = outbox.mark_again

    def planted(connection: Connection, outbox_id: int, **named: Any) -> None:
        again(connection, outbox_id, **{**named, "unknown": False})

    return swapped(outbox, "mark_again", planted)


def _time_out_parks() -> AbstractContextManager[None]:
    """No answer is taken for a refusal."""
    settle = delivery.Delivery._settle

    async def planted(self: Any, row: OutboxRow, outcome: Any, this_round: Any) -> bool:
        if isinstance(outcome, Unknown):
            outcome = RefusedForGood(outcome.reason)
        return await settle(self, row, outcome, this_round)

    return swapped(delivery.Delivery, "_settle", planted)


def _retry_after_ignored() -> AbstractContextManager[None]:
    """Central's wish to be left alone is heard for the one row only."""
    return swapped(engine.SyncEngine, "_keep_quiet", lambda _self, _retry_after_s: None)


def _answer_of_another_payment() -> AbstractContextManager[None]:
    """Any payment in the answer is taken for ours."""

    def planted(_self: CentralClient, answer: Any, _correlator_id: str) -> Accepted | Unknown:
        try:
            return Accepted(read_payment(loads(answer.content)))
        except ValueError as error:
            return Unknown(str(error))

    return swapped(CentralClient, "_read_accepted", planted)


def _last_account_is_dropped() -> AbstractContextManager[None]:
    """A round forgets the last of its accounts."""
    due = engine.SyncEngine._due

    def planted(self: Any, now: Any) -> dict[str, list[OutboxRow]]:
        chains = due(self, now)
        return dict(list(chains.items())[:-1])

    return swapped(engine.SyncEngine, "_due", planted)


def _marker_before_the_rows() -> AbstractContextManager[None]:
    """A pull that is broken off is remembered as whole."""
    take_bills, take_accounts = Inbound._take_bills, Inbound._take_accounts

    def bills(self: Inbound, page: Page, tally: Any, **named: Any) -> None:
        if named["counts_changes"] and page.change is not None:
            self._set_marker("bills", page.change)
        take_bills(self, page, tally, **named)

    def accounts(self: Inbound, page: Page, tally: Any) -> bool:
        if page.change is not None:
            self._set_marker("accounts", page.change)
        return take_accounts(self, page, tally)

    return _both(swapped(Inbound, "_take_bills", bills), swapped(Inbound, "_take_accounts", accounts))


# --- at the till ---------------------------------------------------------------------------------------------


def _outbox_in_a_second_transaction() -> AbstractContextManager[None]:
    """The payment is committed first, what central must hear of it afterwards."""
    write, perform = booking._write_outbox, desk.perform
    waiting: list[tuple[Deed, str, PaymentEvent]] = []

    def planted(at: Desk, *arguments: Any, **named: Any) -> Any:
        waiting.clear()
        outcome = perform(at, *arguments, **named)
        with at.till.transaction() as unit:
            for deed, event_id, event in waiting:
                write(replace(deed, unit=unit), event_id, event)
        return outcome

    return _both(
        swapped(booking, "_write_outbox", lambda *row: waiting.append(row)),
        swapped(take_payment, "perform", planted),
    )


def _receipt_number_taken_first() -> AbstractContextManager[None]:
    """The receipt's number is taken before the payment's own transaction, so that a refusal leaves a gap."""
    perform, next_number = desk.perform, UnitOfWork.next_number
    taken: list[int] = []

    def planted(at: Desk, *arguments: Any, **named: Any) -> Any:
        with at.till.transaction() as unit:
            taken[:] = [next_number(unit, f"receipt:{at.identity.series}")]
        return perform(at, *arguments, **named)

    def number(self: UnitOfWork, counter: str) -> int:
        return taken.pop() if counter.startswith("receipt:") and taken else next_number(self, counter)

    return _both(swapped(take_payment, "perform", planted), swapped(UnitOfWork, "next_number", number))


def _change_is_kept() -> AbstractContextManager[None]:
    """Change that was given back stays in the legs, as if the customer had wanted it as credit."""
    return swapped(payment_event, "_change", lambda _asked, _offered, left: zero(left.currency))


def _money_on_another_bill() -> AbstractContextManager[None]:
    """The number on the receipt is right, the bill that central is told is another."""
    of_bill = allocation._of_bill

    def planted(bill: Any, amount: Money, chosen_by: allocation.Chooser) -> allocation.Allocation:
        return replace(of_bill(bill, amount, chosen_by), bill_id="CB-1-1")

    return swapped(allocation, "_of_bill", planted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """A bug, and the invariants that may be the first to see it (by the beginnings of their names).

    ``from_seed``: a rare one shows in none of the seeds before.
    """

    plant: Callable[[], AbstractContextManager[None]]
    seen_by: Sequence[str]
    from_seed: int = 1


PLANTS: Mapping[str, Plant] = {
    "central-forgets-keys": Plant(plant=_central_forgets_keys, seen_by=("1 ", "5 ")),
    "credit-is-lost": Plant(plant=_credit_is_lost, seen_by=("17 ", "21 ")),
    "voucher-held-for-two": Plant(plant=_voucher_held_for_two, seen_by=("1 ", "14 ", "39 "), from_seed=30),
    "sent-counts-as-acknowledged": Plant(plant=_sent_counts_as_acknowledged, seen_by=("60 ",)),
    "taken-for-ever": Plant(plant=_taken_for_ever, seen_by=("60 ",)),
    "no-event-waits-for-another": Plant(plant=_no_event_waits_for_another, seen_by=("63 ",)),
    "commits-without-their-events": Plant(plant=_commits_without_their_events, seen_by=("60 ",)),
    "new-key-at-each-try": Plant(plant=_new_key_at_each_try, seen_by=("4 ",)),
    "body-composed-anew": Plant(plant=_body_composed_anew, seen_by=("4 ",)),
    "acknowledged-before-the-answer": Plant(plant=_acknowledged_before_the_answer, seen_by=("7 ",)),
    "unknown-counts-as-never-sent": Plant(plant=_unknown_counts_as_never_sent, seen_by=("7 ",)),
    "time-out-parks": Plant(plant=_time_out_parks, seen_by=("7 ",)),
    "retry-after-ignored": Plant(plant=_retry_after_ignored, seen_by=("10 ",)),
    "answer-of-another-payment": Plant(plant=_answer_of_another_payment, seen_by=("7 ",)),
    "last-account-is-dropped": Plant(plant=_last_account_is_dropped, seen_by=("1 ",)),
    "marker-before-the-rows": Plant(plant=_marker_before_the_rows, seen_by=("17 ", "21 ")),
    "outbox-in-a-second-transaction": Plant(plant=_outbox_in_a_second_transaction, seen_by=("3 ",)),
    "receipt-number-taken-first": Plant(plant=_receipt_number_taken_first, seen_by=("24 ", "14 ")),
    "change-is-kept": Plant(plant=_change_is_kept, seen_by=("14 ",)),
    "money-on-another-bill": Plant(plant=_money_on_another_bill, seen_by=("13 ",)),
}
"""Every bug by its name."""
