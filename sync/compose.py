"""The body of an outbox row, by its kind."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from pos.domain.payment_mode import PaymentModes
from pos.store import outbox
from pos.store.behind_bounce import waits_for_bounce
from pos.store.corrections import refund_facts
from pos.store.home import Identity
from pos.store.leg_facts import leg_facts
from pos.store.moved import Kept, moved_facts, waits_for_the_rest
from pos.store.outbox import OutboxRow
from pos.store.refunds_across import across_facts
from sync.messages import MESSAGES
from sync.refund_wire import across_body, moved_body, refund_body
from sync.tmf676.payment import payment_body


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """Who tells central: the terminal, the ways to pay that it knows, and the company it takes money for."""

    identity: Identity
    modes: PaymentModes
    company: str


def compose(
    connection: Connection, row: OutboxRow, speaker: Speaker, *, by_standard: bool
) -> bytes | Kept | None:
    """What ``row`` tells; None while what it is about or builds on is not at central, a Kept where there is nothing to tell.

    ``by_standard``: as a server is told that has no moves. Raises Refused where a way to pay is gone from the settings.
    """
    match row.kind:
        case outbox.PAYMENT | outbox.REFUND | outbox.MOVED if waits_for_bounce(connection, row.outbox_id):
            return None
        case outbox.PAYMENT:
            return payment_body(leg_facts(connection, row, speaker.identity, speaker.modes, speaker.company))
        case outbox.REFUND if by_standard and waits_for_the_rest(connection, row.outbox_id):
            return None
        case outbox.REFUND | outbox.MOVED_REFUND:
            told = refund_facts(connection, row.outbox_id, by_standard=by_standard)
            return told if told is None or isinstance(told, Kept) else refund_body(told)
        case outbox.MOVED:
            moved = moved_facts(connection, row.outbox_id)
            return moved if moved is None or isinstance(moved, Kept) else moved_body(moved)
        case kind if kind in MESSAGES:
            return MESSAGES[kind].compose(connection, row.outbox_id)
    own = speaker.identity
    return across_body(across_facts(connection, row.outbox_id), terminal=own.terminal, epoch=own.epoch)
