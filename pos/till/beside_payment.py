"""What a payment does beside the money it moves: a residue is cleared, written-off debt comes back, suspense is registered.

Each has a register of its own, and its own entry in the journal. Source: domain.md rules 6 and 18, section 1 (suspense).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pos.domain.payment_event import PaymentEvent
from pos.domain.payment_mode import Purpose
from pos.domain.posting import SourceKind, recovery_lines, write_off_lines
from pos.domain.write_off import FundedAllocation
from pos.till.desk import Deed
from pos.till.journal import book_entry


def write_beside(
    deed: Deed,
    event_id: str,
    event: PaymentEvent,
    allocation_ids: Sequence[str],
    legs: Mapping[tuple[int, str], int],
) -> None:
    """Write the registers; ``legs`` are the leg numbers by tender and account."""
    code = event.currency.code
    deed.unit.insert_all(
        "bill_write_off",
        [
            {
                "payment_event_id": event_id,
                "leg": legs[(part.tender, part.account)],
                "account": part.account,
                "bill_no": part.bill_no,
                "bill_id": part.bill_id,
                "amount_minor": part.amount.minor,
                "currency": code,
            }
            for part in event.write_offs
        ],
    )
    deed.unit.insert_all(
        "recovery",
        [
            {
                "payment_event_id": event_id,
                "leg": legs[(part.tender, part.account)],
                "account": part.account,
                "amount_minor": part.amount.minor,
                "currency": code,
            }
            for part in event.recoveries
        ],
    )
    deed.unit.insert_all(
        "suspense",
        [
            {
                "suspense_id": allocation_id,
                "payment_event_id": event_id,
                "leg": legs[(part.tender, part.allocation.account)],
                "amount_minor": part.amount.minor,
                "currency": code,
                "reference": part.allocation.reference,
            }
            for allocation_id, part in zip(allocation_ids, event.funded, strict=True)
            if part.allocation.purpose is Purpose.SUSPENSE
        ],
    )


def book_recoveries(deed: Deed, event_id: str, event: PaymentEvent) -> None:
    """Before the payment: what was given up is owed again (rule 18)."""
    lines = recovery_lines((part.account, part.amount) for part in event.recoveries)
    book_entry(deed, SourceKind.WRITE_OFF_RECOVERY, event_id, lines)


def book_write_offs(deed: Deed, event_id: str, event: PaymentEvent) -> None:
    """After the payment: the rests that it leaves within the tolerance are given up."""
    lines = write_off_lines((part.account, part.amount) for part in event.write_offs)
    book_entry(deed, SourceKind.BILL_WRITE_OFF, event_id, lines)


def kept_as_of(part: FundedAllocation) -> str | None:
    """How money on account is kept, where not as plain credit."""
    purpose = part.allocation.purpose
    return None if purpose in (Purpose.BILLS, Purpose.ITEMS, Purpose.ACCOUNT) else str(purpose)


def said_beside(event: PaymentEvent) -> Iterator[str]:
    """What the receipt says of bills and debt beside the amounts."""
    for out in event.left_out:
        word = "is on hold" if out.reason == "on_hold" else "is disputed"
        yield f"Bill {out.bill_no}: {out.amount.plain()} {word}, left out."
    for cleared in event.write_offs:
        yield f"Bill {cleared.bill_no}: the last {cleared.amount.plain()} is written off."
    for back in event.recoveries:
        yield f"Account {back.account}: {back.amount.plain()} of written-off debt is owed again and paid."
    for part in event.allocations:
        if part.purpose is Purpose.SUSPENSE:
            yield f"In suspense until its account is known: {part.reference}"
