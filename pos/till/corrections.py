"""Undoing what a payment did: void in its open shift, reversal later, cancellation of one bad tender.

A correction is one transaction: a new entry linked to the payment, balanced, with its own numbered paper, and a message to
central for each leg. The payment's own rows stay as they are. Source: domain.md 3.6 and rules 29 to 31, 34.
"""

from __future__ import annotations

from collections.abc import Sequence

from pos.domain.correction import CorrectionKind, TakenPart, TakenPayment, TakenTender
from pos.domain.errors import Refused
from pos.domain.money import total
from pos.domain.payment_mode import ModeKind, Purpose
from pos.domain.posting import JournalLine, credit, inverse
from pos.domain.role import Person
from pos.domain.text_guard import clean_reference
from pos.store.corrections import lines_booked, taken_payment
from pos.store.debt_beside import standing_beside
from pos.till.correction_entry import (
    CashOut,
    Corrected,
    CorrectionOrder,
    Entry,
    corrected,
    find_taken,
    how_it_goes_back,
    leave_others_shift,
    off_the_accounts,
    require_approval,
    unknown_receipt,
    write_correction,
)
from pos.till.correction_paper import GivenBack
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.enquiries import require_enquiry
from pos.till.voucher_tender import is_own_voucher

VOID, REVERSE = "void", "reverse"


def find_payment(desk: Desk, person: Person, receipt_number: str) -> TakenPayment:
    """What a payment still stands for, before it is corrected. Raises NotAuthorised or Refused ``unknown_receipt``."""
    require_enquiry(desk, person)
    number = clean_reference(receipt_number, field="Receipt", limit=40).upper()
    with desk.till.read() as connection:
        taken = taken_payment(connection, number)
    if taken is None or not person.may_see(taken.payer_account):
        raise unknown_receipt(number)
    return taken


def void(desk: Desk, person: Person, order: CorrectionOrder, *, memo: Memo | None = None) -> Corrected:
    """Undo a payment of the person's own open shift, as if it had never been; the number stays, marked VOID.

    Raises NotAuthorised, ApprovalNeeded, or Refused ``unknown_receipt``, ``not_this_shift``, ``payment_corrected``,
    ``payment_moved``, ``cheque_on_its_way``, ``bank_receipt_decided``, ``voucher_not_undone``, ``pin_was_sold``,
    ``commission_credited``, ``drawer_short``, ``bad_reason`` or ``reason_required``.
    """

    def work(deed: Deed) -> Corrected:
        taken = find_taken(deed, order)
        shift = deed.require_shift()
        if taken.shift_id != shift.shift_id:
            raise Refused(
                "not_this_shift",
                f"Receipt {taken.receipt_number} is of another shift: reverse it instead.",
                receipt=taken.receipt_number,
            )
        return _undo(deed, VOID, CorrectionKind.VOID, taken, order)

    return corrected(desk, perform(desk, person, VOID, work, memo=memo, alone=True))


def reverse(desk: Desk, person: Person, order: CorrectionOrder, *, memo: Memo | None = None) -> Corrected:
    """Undo a payment of an earlier shift, or with ``tender`` what one bad instrument of it paid; with a number of its own.

    Cash goes back out of the person's own open drawer. Raises as ``void``, and Refused ``void_it`` (it is of the open
    shift), ``unknown_tender``, ``cash_is_no_instrument``, ``tender_paid_items`` or ``foreign_notes``.
    """

    def work(deed: Deed) -> Corrected:
        taken = find_taken(deed, order)
        if order.tender is not None:
            leave_others_shift(deed)
            return cancel_tender(deed, REVERSE, taken, order)
        if deed.shift is not None and taken.shift_id == deed.shift.shift_id:
            raise Refused(
                "void_it",
                f"Receipt {taken.receipt_number} is of the open shift: void it instead.",
                receipt=taken.receipt_number,
            )
        if any(tender.foreign is not None for tender in taken.tenders):
            raise Refused(
                "foreign_notes", "Notes of another currency are not in this drawer. Refund it instead."
            )
        if any(deed.desk.modes[tender.mode].kind is ModeKind.CASH for tender in taken.tenders):
            deed.require_shift()
        leave_others_shift(deed)
        return _undo(deed, REVERSE, CorrectionKind.REVERSAL, taken, order)

    return corrected(desk, perform(desk, person, REVERSE, work, memo=memo, alone=True))


def _undo(
    deed: Deed, act: str, kind: CorrectionKind, taken: TakenPayment, order: CorrectionOrder
) -> Corrected:
    require_untouched(deed, taken)
    what = f"{act} receipt {taken.receipt_number}: {taken.amount} of {taken.payer_account}"
    require_approval(deed, act, taken, {"receipt": taken.receipt_number}, what, taken.amount)
    return undo_all(deed, kind, taken, order, [how_it_goes_back(deed.desk, one) for one in taken.tenders])


def require_untouched(deed: Deed, taken: TakenPayment) -> None:
    """All of the payment still stands as it was taken, and can be handed back. Raises Refused as ``void`` does."""
    if taken.corrected:
        raise Refused(
            "payment_corrected",
            f"A part of receipt {taken.receipt_number} was undone or moved already. Refund what is left.",
            receipt=taken.receipt_number,
        )
    if taken.left != taken.amount:
        raise Refused(
            "payment_moved",
            "Money of this payment left suspense for its owner. Transfer it back first.",
            receipt=taken.receipt_number,
        )
    if taken.has_secrets:
        raise Refused("pin_was_sold", "The PINs of this sale are printed: they can't be taken back.")
    if taken.commission_credited:
        raise Refused("commission_credited", "Its commission is on the dealer's account already.")
    for tender in taken.tenders:
        _require_returnable(deed, tender)


def undo_all(
    deed: Deed,
    kind: CorrectionKind,
    taken: TakenPayment,
    order: CorrectionOrder,
    given_back: Sequence[GivenBack],
    *,
    paid_anew: bool = False,
) -> Corrected:
    """Write that all of an untouched payment is undone, exactly as it was booked; ``paid_anew``: as another is booked."""
    lines = [inverse(line) for line in lines_booked(deed.unit.connection, taken.payment_event_id)]
    undone = [(part, part.left) for part in taken.parts if part.left]
    cash = [
        CashOut(tender=one, amount=one.kept)
        if one.foreign is None
        else CashOut(tender=one, amount=-one.change, foreign=one.foreign)
        for one in taken.tenders
        if deed.desk.modes[one.mode].kind is ModeKind.CASH
    ]
    return write_correction(
        deed,
        Entry(
            kind=kind,
            taken=taken,
            order=order,
            undone=undone,
            lines=lines,
            whole=taken.tenders,
            cash=cash,
            given_back=given_back,
            paid_anew=paid_anew,
        ),
    )


def cancel_tender(
    deed: Deed,
    act: str,
    taken: TakenPayment,
    order: CorrectionOrder,
    *,
    how: str | None = None,
    paid_anew: bool = False,
) -> Corrected:
    """Undo, as ``act``, exactly what one tender funded, the newest first; the other tenders of the event stay.

    ``how`` is what its paper says of the instrument, in place of what it says of any of that kind.
    """
    tender = next((one for one in taken.tenders if one.number == order.tender), None)
    if tender is None or tender.undone:
        raise Refused(
            "unknown_tender", f"Receipt {taken.receipt_number} has no such tender.", tender=order.tender
        )
    mode = deed.desk.modes[tender.mode]
    if mode.kind is ModeKind.CASH:
        raise Refused(
            "cash_is_no_instrument", "Cash can't be bad later. Void, reverse or refund the payment."
        )
    parts = parts_of_one(taken, tender)
    _require_returnable(deed, tender)
    what = f"cancel {mode.label} {tender.paid} of receipt {taken.receipt_number}"
    content = {"receipt": taken.receipt_number, "tender": tender.number}
    require_approval(deed, act, taken, content, what, tender.paid)
    undone = [(part, part.left) for part in parts]
    lines = [
        *off_the_accounts(taken, undone),
        credit(_debited(deed, taken, tender) or mode.ledger_account, tender.kept),
        *lines_beside(deed, taken, tender),
    ]
    return write_correction(
        deed,
        Entry(
            kind=CorrectionKind.TENDER_CANCELLATION,
            taken=taken,
            order=order,
            undone=undone,
            lines=lines,
            whole=[tender],
            given_back=[
                how_it_goes_back(deed.desk, tender)
                if how is None
                else GivenBack(label=mode.label, amount=tender.kept, how=how)
            ],
            paid_anew=paid_anew,
        ),
    )


def _debited(deed: Deed, taken: TakenPayment, tender: TakenTender) -> str | None:
    """The account that a tender was posted to when it was taken, which today's settings may not say any more.

    The tenders come first in an event's lines, in their order; one of which nothing was kept has no line.
    """
    kept = [one for one in taken.tenders if one.kept.minor > 0 or one.foreign is not None]
    lines = lines_booked(deed.unit.connection, taken.payment_event_id)[: len(kept)]
    found = [line for one, line in zip(kept, lines, strict=False) if one.tender_id == tender.tender_id]
    return found[0].ledger_account if found and found[0].debit == tender.kept else None


def parts_of_one(taken: TakenPayment, tender: TakenTender) -> Sequence[TakenPart]:
    """What one tender funded, the newest first. Raises Refused ``tender_paid_items`` or ``payment_corrected``."""
    parts = taken.parts_of(tender.tender_id)
    if any(part.purpose is Purpose.ITEMS for part in parts):
        raise Refused("tender_paid_items", "This tender paid for items: reverse the whole payment.")
    if total((part.left for part in parts), taken.amount.currency) != tender.paid:
        raise Refused(
            "payment_corrected",
            "A part of what this tender paid was undone or moved already. Refund what is left.",
        )
    return parts


def _require_returnable(deed: Deed, tender: TakenTender) -> None:
    """What can still be handed back, or be told that it is not taken after all."""
    mode = deed.desk.modes[tender.mode]
    label = mode.label
    if tender.cheque not in (None, "received"):
        raise Refused(
            "cheque_on_its_way", f"{label}: the cheque is {tender.cheque} already, it can't be handed back."
        )
    if tender.bank_receipt not in (None, "presented"):
        raise Refused("bank_receipt_decided", f"{label}: the bank receipt is {tender.bank_receipt} already.")
    if tender.is_voucher and not (tender.voucher_is_whole and is_own_voucher(mode)):
        raise Refused(
            "voucher_not_undone",
            f"{label}: central cannot make it good again (another was given for its rest, its issuer is outside, or it was "
            "taken offline). Give the buyer back what is due another way.",
        )


def lines_beside(deed: Deed, taken: TakenPayment, tender: TakenTender) -> list[JournalLine]:
    """What the legs of the tender wrote off or brought back of written-off debt beside their money, undone."""
    beside = standing_beside(deed.unit.connection, tender.tender_id, taken.amount.currency)
    return [inverse(line) for line in beside.lines()]
