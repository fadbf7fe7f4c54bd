"""What is told of a payment behind the payment itself: by kind, where our central takes it and what the body is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from pos.store.account_credits import credit_facts
from pos.store.bank_receipts import outcome_facts
from pos.store.debit_charges import CHARGE, charge_told
from pos.store.dishonour_told import bounced_leg, dishonour_facts
from pos.store.dishonours import DISHONOUR
from pos.store.outbox import COMMISSION, OUTCOME, TRANSFER
from pos.store.suspense import transfer_facts
from sync.charge_wire import charge_body
from sync.commission_wire import commission_body
from sync.dishonour_wire import bounced_leg_body, dishonour_body
from sync.outcome_wire import outcome_body
from sync.transfer_wire import transfer_body


@dataclass(frozen=True, slots=True)
class Message:
    """``announced``: how a central says that it has a place for it; ``resource``: where it is posted.

    ``compose`` gives the body of an outbox row; None while central has not acknowledged the leg that it is about.
    """

    announced: str
    resource: str
    compose: Callable[[Connection, int], bytes | None]


def _outcome(connection: Connection, outbox_id: int) -> bytes | None:
    facts = outcome_facts(connection, outbox_id)
    return None if facts is None else outcome_body(facts)


def _transfer(connection: Connection, outbox_id: int) -> bytes | None:
    facts = transfer_facts(connection, outbox_id)
    return None if facts is None else transfer_body(facts)


def _commission(connection: Connection, outbox_id: int) -> bytes | None:
    facts = credit_facts(connection, outbox_id)
    return None if facts is None else commission_body(facts)


def _dishonour(connection: Connection, outbox_id: int) -> bytes | None:
    facts = dishonour_facts(connection, outbox_id)
    if facts is not None:
        return dishonour_body(facts)
    leg = bounced_leg(connection, outbox_id)
    return None if leg is None else bounced_leg_body(leg)


def _charge(connection: Connection, outbox_id: int) -> bytes:
    return charge_body(charge_told(connection, outbox_id))


MESSAGES: Mapping[str, Message] = {
    OUTCOME: Message("outcomes", "outcome", _outcome),
    TRANSFER: Message("transfers", "transfer", _transfer),
    COMMISSION: Message("commissions", "commission", _commission),
    DISHONOUR: Message("dishonours", "dishonour", _dishonour),
    CHARGE: Message("charges", "charge", _charge),
}
"""By the outbox's kind; payments and refunds are none of them: the standard has a place for these."""
