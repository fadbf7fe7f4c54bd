"""What the back office does with dealers' bank receipts: verify by the bank's statement, reject, let a dealer go on.

No shift is needed: the entry is of the day on which the bank's word was heard. Source: domain.md 3.4 and rules 47, 48;
reliability.md 5.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pos.domain.bank_receipt import (
    BankReceipt,
    BankReceiptState,
    RejectReason,
    outcome_lines,
    require_cleared,
    require_step,
)
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.posting import SourceKind
from pos.domain.role import Person
from pos.domain.text_guard import clean_entry, clean_reference
from pos.store.bank_receipts import parked_reason, receipts_in, receipts_of
from pos.store.outbox import OUTCOME
from pos.store.times import utc_text
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.enquiries import require_enquiry
from pos.till.journal import book_entry
from pos.till.own_accounts import refuse_own_dealer

LISTED_MAX = 500
SETTLED_AT_ONCE_MAX = 200
PAPER_USED = "instrument_used"
"""Central's code for a paper that it credited before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BankReceiptDecided:
    """The receipt as it stands now."""

    receipt: BankReceipt


@dataclass(frozen=True, slots=True, kw_only=True)
class DealerUnblocked:
    """A dealer whose rejected receipts are settled; how many there were."""

    dealer: str
    settled: int


def bank_receipts(
    desk: Desk,
    person: Person,
    *,
    states: Sequence[BankReceiptState] = (BankReceiptState.PRESENTED, BankReceiptState.REJECTED),
    limit: int = LISTED_MAX,
) -> list[BankReceipt]:
    """The receipts in ``states``, oldest first; a dealer's own people see theirs only. Raises NotAuthorised."""
    require_enquiry(desk, person)
    with desk.till.read() as connection:
        found = receipts_in(connection, states, limit=limit, dealer=person.only_account)
    return [receipt for receipt in found if person.may_see(receipt.dealer)]


def verify_bank_receipt(
    desk: Desk, person: Person, receipt_number: str, *, tender: int | None = None, memo: Memo | None = None
) -> BankReceiptDecided:
    """The bank has the money. ``tender`` names one of several bank receipts of one payment, counted from 1.

    Raises NotAuthorised (``own_deed``: who took it does not verify it), Refused ``unknown_receipt``,
    ``which_bank_receipt``, ``receipt_decided``, ``not_cleared_yet`` or ``refused_by_central``.
    """

    def work(deed: Deed) -> BankReceiptDecided:
        receipt = _find(deed, receipt_number, tender)
        require_step(receipt, BankReceiptState.VERIFIED)
        require_cleared(receipt, desk.modes[receipt.mode], today=deed.at.date())
        _require_taken_by_central(deed, receipt)
        return _decide(deed, receipt, BankReceiptState.VERIFIED)

    return _decided(desk, perform(desk, person, "verify_bank_receipt", work, memo=memo))


def reject_bank_receipt(
    desk: Desk,
    person: Person,
    receipt_number: str,
    reason: str,
    *,
    tender: int | None = None,
    memo: Memo | None = None,
) -> BankReceiptDecided:
    """The bank does not bear it out: the money is the dealer's debt. ``reason`` is a code of ``RejectReason``.

    Raises as ``verify_bank_receipt``, and Refused ``bad_reason``.
    """

    def work(deed: Deed) -> BankReceiptDecided:
        why = _reason(reason)
        receipt = _find(deed, receipt_number, tender)
        require_step(receipt, BankReceiptState.REJECTED)
        deed.reason_code = str(why)
        return _decide(deed, receipt, BankReceiptState.REJECTED, reason=str(why))

    return _decided(desk, perform(desk, person, "reject_bank_receipt", work, memo=memo))


def unblock_dealer(
    desk: Desk, person: Person, dealer: str, reason: str, *, memo: Memo | None = None
) -> DealerUnblocked:
    """Settle every rejected receipt of a dealer at this till, so that bank receipts are taken again.

    Raises NotAuthorised, Refused ``reason_missing`` or ``not_blocked``.
    """

    def work(deed: Deed) -> DealerUnblocked:
        account = clean_reference(dealer, field="Dealer", limit=40)
        why = clean_entry(reason, field="Reason", limit=200)
        if not why:
            raise Refused("reason_missing", "Say why the dealer may go on.")
        deed.shift, deed.subject, deed.reason_code = None, account, why
        rejected = receipts_in(
            deed.unit.connection, (BankReceiptState.REJECTED,), limit=SETTLED_AT_ONCE_MAX, dealer=account
        )
        refuse_own_dealer(desk, person, [account])
        if not rejected:
            raise Refused(
                "not_blocked", f"No bank receipt of {account} stands rejected here.", account=account
            )
        for receipt in rejected:
            _decide(deed, receipt, BankReceiptState.SETTLED, reason=why)
        return DealerUnblocked(dealer=account, settled=len(rejected))

    return perform(desk, person, "unblock_dealer", work, memo=memo)


def _reason(text: str) -> RejectReason:
    try:
        return RejectReason(text)
    except ValueError:
        raise Refused(
            "bad_reason",
            "Say why: choose one of the reasons.",
            allowed=[str(reason) for reason in RejectReason],
        ) from None


def _find(deed: Deed, receipt_number: str, tender: int | None) -> BankReceipt:
    """The receipt to decide on, by another person than who took it."""
    number = clean_reference(receipt_number, field="Receipt", limit=40).upper()
    # The back office works beside whatever shift is open: its deed is no part of that.
    deed.shift, deed.subject = None, number
    found = [
        receipt
        for receipt in receipts_of(deed.unit.connection, number)
        if tender in (None, receipt.place) and deed.person.may_see(receipt.dealer)
    ]
    if not found:
        raise Refused("unknown_receipt", f"No bank receipt was taken with receipt {number}.", receipt=number)
    if len(found) > 1:
        raise Refused(
            "which_bank_receipt",
            f"{len(found)} bank receipts were taken with receipt {number}. Say which tender.",
            receipt=number,
            tenders=[receipt.place for receipt in found],
        )
    (receipt,) = found
    if receipt.taken_by == deed.person.user:
        raise NotAuthorised(
            "own_deed", "You took this bank receipt yourself. Another person decides on it.", receipt=number
        )
    refuse_own_dealer(deed.desk, deed.person, [receipt.dealer, *(part.account for part in receipt.parts)])
    return receipt


def _require_taken_by_central(deed: Deed, receipt: BankReceipt) -> None:
    """What the bank has is credited once: not here, where central has it under another receipt or not at all."""
    reason = parked_reason(deed.unit.connection, receipt)
    if reason is None:
        return
    if PAPER_USED in reason:
        message = "Central has this paper under another receipt. Reject it."
    else:
        message = "Central has refused this payment. Mend that and send it again, or reject the receipt."
    raise Refused("refused_by_central", message, receipt=receipt.receipt_number, reason=reason)


def _decide(
    deed: Deed, receipt: BankReceipt, to: BankReceiptState, *, reason: str | None = None
) -> BankReceiptDecided:
    outcome_id = deed.new_id()
    deed.unit.insert(
        "bank_receipt_event",
        {
            "outcome_id": outcome_id,
            "tender_id": receipt.tender_id,
            "number": receipt.number + 1,
            "state": str(to),
            "at_utc": utc_text(deed.at),
            "operator": deed.person.user,
            "reason": reason,
        },
    )
    waits_in = deed.desk.modes[receipt.mode].ledger_account
    book_entry(deed, SourceKind.BANK_RECEIPT, outcome_id, outcome_lines(receipt, to, waits_in))
    deed.unit.insert_all("outbox", list(_messages(deed, receipt, to, outcome_id)))
    return BankReceiptDecided(receipt=replace(receipt, state=to, number=receipt.number + 1, reason=reason))


def _messages(
    deed: Deed, receipt: BankReceipt, to: BankReceiptState, outcome_id: str
) -> Iterable[dict[str, object]]:
    """Central is told of each leg, behind the leg itself."""
    for part in receipt.parts:
        yield {
            "payment_event_id": receipt.payment_event_id,
            "leg": part.leg,
            "correlator_id": f"{receipt.payment_event_id}-{part.leg}-{to}",
            "kind": OUTCOME,
            "source_id": outcome_id,
            "account": part.account,
            "state": "waiting",
            "changed_at_utc": utc_text(deed.at),
        }


def _decided(desk: Desk, decided: BankReceiptDecided) -> BankReceiptDecided:
    # Only now: the cache's lane would read books that do not hold the deed yet.
    desk.touched_accounts.extend(dict.fromkeys(part.account for part in decided.receipt.parts))
    return decided
