"""Receipts again: each reprint is counted, marked and audited, and moves no money (domain.md rule 34)."""

from __future__ import annotations

from dataclasses import dataclass

from pos.domain.errors import NotAuthorised, Refused
from pos.domain.receipt import Copy, ReceiptFacts
from pos.domain.role import Grant, Person
from pos.domain.text_guard import clean_entry, clean_reference
from pos.store.deposits import is_cancelled_slip
from pos.store.receipts import copies_of, last_payment, last_receipt, receipt_facts
from pos.store.times import offset_minutes, utc_text
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.gate import require_look, require_right

ACT = "reprint"
COPIES_MAX = 99
USUAL_REASON = "Customer asked for a copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reprint:
    """A counted duplicate and the facts it states."""

    facts: ReceiptFacts
    copy: Copy


def show_receipt(desk: Desk, person: Person, receipt_number: str) -> ReceiptFacts:
    """The stored facts, to look at; counts nothing. Raises NotAuthorised or Refused ``unknown_receipt``."""
    require_look(desk, ACT, person)
    number = clean_reference(receipt_number, field="Receipt", limit=40)
    with desk.till.read() as connection:
        facts = receipt_facts(connection, number)
    if facts is None or not person.may_see(facts.payer_account):
        raise Refused("unknown_receipt", f"There is no receipt {number} at this terminal.", receipt=number)
    return facts


def last_receipt_of(desk: Desk, person: Person) -> str | None:
    """The number of the last receipt that ``person`` issued here."""
    with desk.till.read() as connection:
        return last_receipt(connection, person.user)


def last_payment_of(desk: Desk, person: Person) -> str | None:
    """The number of the receipt of the last payment that ``person`` took here and that stands."""
    with desk.till.read() as connection:
        return last_payment(connection, person.user)


def reprint(
    desk: Desk,
    person: Person,
    receipt_number: str,
    *,
    reason: str | None = None,
    queue: bool = True,
    memo: Memo | None = None,
) -> Reprint:
    """Count a duplicate, mark it, and (``queue``) send it to the printer.

    Raises NotAuthorised, Refused ``unknown_receipt``, ``deposit_state`` (a cancelled slip) or ``too_many_copies``.
    Raises NotAuthorised (``not_your_shift``: who may only reprint what the own open shift issued), Refused
    ``unknown_receipt`` or ``too_many_copies``.
    """

    def work(deed: Deed) -> Reprint:
        number = clean_reference(receipt_number, field="Receipt", limit=40)
        deed.subject = number
        facts = receipt_facts(deed.unit.connection, number)
        if facts is None or not person.may_see(facts.payer_account):
            raise Refused(
                "unknown_receipt", f"There is no receipt {number} at this terminal.", receipt=number
            )
        if is_cancelled_slip(deed.unit.connection, number):
            raise Refused(
                "deposit_state", f"Deposit slip {number} is cancelled: it is not printed again.", slip=number
            )
        _require_own_shift(deed, facts)
        copy_number = copies_of(deed.unit.connection, number) + 1
        if copy_number > COPIES_MAX:
            raise Refused(
                "too_many_copies", f"Receipt {number} was printed {COPIES_MAX} times.", receipt=number
            )
        told = deed.reason_code = clean_entry(reason or USUAL_REASON, field="Reason", limit=200)
        deed.unit.insert(
            "receipt_copy",
            {
                "receipt_number": number,
                "number": copy_number,
                "asked_at_utc": utc_text(deed.at),
                "utc_offset_min": offset_minutes(deed.at),
                "operator": person.user,
                "reason": told,
            },
        )
        if queue:
            deed.unit.insert(
                "print_job",
                {
                    "receipt_number": number,
                    "copy_number": copy_number,
                    "state": "waiting",
                    "changed_at_utc": utc_text(deed.at),
                },
            )
        copy = Copy(
            number=copy_number, printed_at=deed.at.replace(microsecond=0), operator=person.user, reason=told
        )
        return Reprint(facts=facts, copy=copy)

    return perform(desk, person, ACT, work, memo=memo)


def _require_own_shift(deed: Deed, facts: ReceiptFacts) -> None:
    """A right within limits reaches as far as the person's own shift, as long as it is open."""
    if require_right(deed.desk, ACT, deed.person) is not Grant.LIMIT:
        return
    shift, user = deed.shift, deed.person.user
    if (
        shift is None
        or shift.operator != user
        or (shift.number, user) != (facts.shift_number, facts.operator)
    ):
        raise NotAuthorised(
            "not_your_shift",
            "You may reprint receipts of your own open shift only. A supervisor reprints the others.",
            receipt=facts.receipt_number,
        )
