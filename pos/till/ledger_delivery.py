"""What becomes of a batch at the accounting system, kept beside it: the batch itself never changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pos.domain.errors import Refused
from pos.domain.ledger_delivery import Delivery, DeliveryState, steps_after
from pos.domain.ledger_feed import LedgerBatch
from pos.domain.role import Person
from pos.domain.text_guard import clean_entry, clean_foreign
from pos.store.ledger_batches import batch_by_number
from pos.store.ledger_deliveries import last_delivery, set_aside, undelivered, write_delivery
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.gate import admit, require_look
from pos.till.ledger_batches import ACT, LOOK, unknown_batch

AT_ONCE_MAX = 500
"""So many batches are delivered by one command; the next one goes on."""
TEXT_MAX = 200
SUBJECT_MAX = 200


def batches_to_deliver(desk: Desk, person: Person) -> list[LedgerBatch]:
    """Those that this till delivers and nobody acknowledged or refused yet, the oldest first. Raises NotAuthorised."""
    admit(desk, ACT, person)
    with desk.till.read() as connection:
        found = (batch_by_number(connection, number) for number in undelivered(connection, limit=AT_ONCE_MAX))
        return [batch for batch in found if batch is not None]


def delivery_of(desk: Desk, person: Person, number: str) -> Delivery | None:
    """The last that is known of a batch there. Raises NotAuthorised."""
    require_look(desk, LOOK, person)
    with desk.till.read() as connection:
        return last_delivery(connection, number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """What became of batches, by their numbers; ``not_yet``: why one could not be brought."""

    steps: Mapping[str, Delivery]
    not_yet: Mapping[str, str]


def refused_by_central(desk: Desk, person: Person) -> Mapping[str, str]:
    """The batches that central did not take, by number, each with its reason. Raises NotAuthorised."""
    require_look(desk, LOOK, person)
    with desk.till.read() as connection:
        return set_aside(connection)


def note_delivery(
    desk: Desk, person: Person, number: str, step: Delivery, *, memo: Memo | None = None
) -> Delivery:
    """Keep what became of the batch of this number. What is known already is not written again. Raises as ``note_all``."""
    return note_all(desk, person, Noted(steps={number: step}, not_yet={}), memo=memo).steps[number]


def note_all(desk: Desk, person: Person, noted: Noted, *, memo: Memo | None = None) -> Noted:
    """Keep what became of several at once; what could not be brought is told again, and nothing is written of it.

    Raises NotAuthorised, or Refused ``unknown_batch`` or ``batch_acknowledged``.
    """

    def work(deed: Deed) -> Noted:
        deed.shift = None
        deed.subject = ", ".join(noted.steps)[:SUBJECT_MAX] or None
        for number, step in noted.steps.items():
            _note(deed, number, step)
        deed.reason_code = ", ".join(sorted({str(step.state) for step in noted.steps.values()})) or None
        return noted

    return perform(desk, person, ACT, work, memo=memo)


def _note(deed: Deed, number: str, step: Delivery) -> None:
    connection = deed.unit.connection
    if batch_by_number(connection, number) is None:
        raise unknown_batch(number)
    before = last_delivery(connection, number)
    steps = steps_after(before, step)
    if steps is None:
        assert before is not None
        raise _already(number, before)
    for one in steps:
        write_delivery(deed.unit, number, one, operator=deed.person.user, at=deed.at)


def said_by_hand(step: Delivery) -> Delivery:
    """A step that a person typed. Raises Refused ``reason_missing``, or what reading a text raises."""
    typed = replace(
        step,
        reference=clean_entry(step.reference or "", field="Reference", limit=TEXT_MAX) or None,
        reason=None
        if step.reason is None
        else clean_entry(step.reason, field="Reason", limit=TEXT_MAX) or None,
    )
    if step.reason is not None and typed.reason is None:
        raise Refused("reason_missing", "Say why the accounting system refused it.", field="reason")
    return typed


def told(step: Delivery) -> Delivery:
    """A step that the accounting system told, its texts made harmless."""
    return replace(
        step,
        reference=None if not step.reference else clean_foreign(step.reference, limit=TEXT_MAX) or None,
        reason=None
        if step.reason is None
        else clean_foreign(step.reason, limit=TEXT_MAX) or "it gave no reason",
    )


def require_not_acknowledged(desk: Desk, person: Person, number: str) -> None:
    """The batch of this number may be brought once more. Raises NotAuthorised, or Refused ``batch_acknowledged``."""
    known = delivery_of(desk, person, number)
    if known is not None and known.state is DeliveryState.ACKNOWLEDGED:
        raise _already(number, known)


def _already(number: str, known: Delivery) -> Refused:
    named = f" as {known.reference}" if known.reference else ""
    return Refused(
        "batch_acknowledged",
        f"Batch {number} is {known.state} already{named}.",
        batch=number,
        state=str(known.state),
    )
