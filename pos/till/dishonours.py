"""Cheques that the bank sends back: bounced, sent to the bank once more, or sent back by the bank's own mistake.

Each is one correction of the payment: a bounce takes off exactly what the cheque still paid, the others put its money on
again. The back office does it, beside whatever shift is open. Source: domain.md 3.3, 3.9 and rules 14, 17, 35, 37, 41.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pos.domain.cheque import ChequeState
from pos.domain.correction import CorrectionKind, TakenPayment, TakenTender
from pos.domain.dishonour import Bounce
from pos.domain.errors import Refused
from pos.domain.money import Money
from pos.domain.payment_mode import PayerKind
from pos.domain.posting import JournalLine, Ledger, credit, debit, inverse
from pos.domain.role import Person
from pos.domain.text_guard import clean_entry
from pos.store.corrections import took_it
from pos.store.dishonours import (
    DISHONOUR,
    TOLD,
    TOLD_LEG,
    awaiting_slip,
    legs_without_part,
)
from pos.store.outbox import queue_of_leg
from pos.store.times import utc_text
from pos.till.approvals import use_or_ask
from pos.till.correction_entry import (
    Corrected,
    CorrectionOrder,
    Entry,
    Why,
    corrected,
    off_the_accounts,
    write_correction,
)
from pos.till.correction_paper import GivenBack
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.dishonour_plan import TEXT_MAX, BounceOrder, Found, plan_bounce
from pos.till.enquiries import require_enquiry

BOUNCE = "bounce_cheque"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounced:
    """A bounce as it was booked, in money and words, with its paper. ``charged``: what its payor owes by it."""

    bounce: Bounce
    words: tuple[str, ...]
    correction: Corrected
    bill_no: str | None
    charged: Money | None


def preview_bounce(desk: Desk, person: Person, order: BounceOrder) -> Bounce:
    """What ``bounce_cheque`` would do now; nothing is booked. Raises as it does, but for approval."""
    require_enquiry(desk, person)
    with desk.till.read() as connection:
        bounce, found = plan_bounce(desk, connection, order)
    if not person.may_see(found.taken.payer_account):
        raise Refused("unknown_cheque", "There is no such cheque, and no receipt with one.")
    return bounce


def bounce_cheque(
    desk: Desk, person: Person, order: BounceOrder, *, seen: Bounce | None = None, memo: Memo | None = None
) -> Bounced:
    """The bank did not pay a cheque: what it paid is owed again, as old as before, and the payor owes the fee.

    ``seen`` is what the person was shown of it and said yes to; another than that is not booked.

    Raises NotAuthorised, ApprovalNeeded (it had cleared, or it is about the person's own account), or Refused
    ``unknown_cheque``, ``cheque_state``, ``which_cheque``, ``bad_reason``, ``reason_required``, ``bank_date_impossible``,
    ``whose_cheque`` or ``changed_meanwhile``.
    """

    def work(deed: Deed) -> Bounced:
        deed.shift = None
        bounce, found = plan_bounce(desk, deed.unit.connection, order)
        deed.subject = found.cheque.receipt
        if seen is not None and bounce != seen:
            raise Refused(
                "changed_meanwhile",
                "Something changed since this was shown: nothing was booked. Read it again.",
                words=list(bounce.words()),
            )
        text = clean_entry(order.text, field="Reason", limit=TEXT_MAX)
        deed.reason_code = f"{bounce.reason.code}: {text}" if text else bounce.reason.code
        _require_second(deed, bounce, found)
        return _book_bounce(deed, bounce, found, text)

    done = perform(desk, person, BOUNCE, work, memo=memo)
    corrected(desk, done.correction)
    if done.bill_no is not None:
        desk.touched_bills.append(done.bill_no)
    if done.bounce.payor is not None:
        desk.touched_accounts.append(done.bounce.payor)
    return done


def _require_second(deed: Deed, bounce: Bounce, found: Found) -> None:
    """Money that was sure is taken back, or the own account is concerned: another person looks at it."""
    about = {found.taken.payer_account, *found.taken.accounts, *(part.account for part, _ in bounce.undone)}
    if bounce.payor is not None:
        about.add(bounce.payor)
    own = bool(deed.person.accounts & about)
    if bounce.was is not ChequeState.CLEARED and not own:
        return
    said = (
        "This is about your own account: it needs a second person."
        if own
        else "The cheque had cleared: taking its money back needs a second person."
    )
    use_or_ask(
        deed,
        BOUNCE,
        {"step": found.tender.cheque_events, **_content(bounce)},
        _in_short(bounce),
        said,
        accounts=sorted(about) if own else (),
        not_by=took_it(deed.unit.connection, found.taken),
    )


def _in_short(bounce: Bounce) -> str:
    """What is to be approved, for whoever is asked."""
    what = f"bounce cheque {bounce.serial}, {bounce.amount} of receipt {bounce.receipt}"
    charge = bounce.charge
    return what if charge is None else f"{what}, and charge {charge.account} {charge.amount}"


def _content(bounce: Bounce) -> Mapping[str, object]:
    """What is approved: of which part how much is undone, which refunds are cancelled, what is charged to whom."""
    charge = bounce.charge
    return {
        "cheque": bounce.cheque_id,
        "reason": bounce.reason.code,
        "on": bounce.on.isoformat(),
        "undone": [[part.part_id, amount.minor] for part, amount in bounce.undone],
        "elsewhere": [[part.part_id, amount.minor] for part, amount in bounce.elsewhere],
        "cancelled": [[refund.refund_id, refund.amount.minor] for refund in bounce.cancelled],
        "beside": [*bounce.beside.undone_words()],
        "charge": None
        if charge is None
        else [charge.account, charge.recovered.minor, charge.fee.minor, charge.tax.minor],
    }


def _book_bounce(deed: Deed, bounce: Bounce, found: Found, text: str) -> Bounced:
    taken, tender = found.taken, found.tender
    charge = bounce.charge
    words = bounce.words()
    bills: list[str] = []

    def write_beside(correction_id: str, paper: str) -> None:
        _write_dishonour(deed, bounce, correction_id)
        step_cheque(deed, bounce.cheque_id, tender.cheque_events, ChequeState.DISHONOURED, bounce.reason.code)
        if charge is not None:
            bills.extend([paper] if charge.is_bill else [])
            _write_charge(deed, bounce, correction_id, paper)

    label = deed.desk.modes[tender.mode].label
    done = write_correction(
        deed,
        Entry(
            kind=CorrectionKind.DISHONOUR,
            taken=taken,
            order=CorrectionOrder(receipt=taken.receipt_number, reason=bounce.reason.code),
            undone=bounce.undone,
            lines=bounce_lines(bounce, taken),
            tender=tender,
            given_back=[
                GivenBack(
                    label=f"{label} {bounce.serial}",
                    amount=bounce.amount,
                    how=f"not paid by the bank on {bounce.on.isoformat()}",
                )
            ],
            why=Why(code=bounce.reason.code, label=bounce.reason.label, text=text),
            notes=words,
            write_beside=write_beside,
        ),
    )
    tell_beside(deed, taken, tender, done.correction_id, bounce.payor)
    return Bounced(
        bounce=bounce,
        words=words,
        correction=done,
        bill_no=next(iter(bills), None),
        charged=None if charge is None else charge.amount,
    )


def bounce_lines(bounce: Bounce, taken: TakenPayment) -> list[JournalLine]:
    """Bills and accounts have the money no more, and neither has the bank; the payor owes what had left, and the fee."""
    lines = [
        *off_the_accounts(taken, bounce.taken_off),
        *(debit(Ledger.REFUNDS_PAYABLE, one.amount, taken.payer_account) for one in bounce.cancelled),
        credit(bounce.lay_in, bounce.amount),
        *(inverse(line) for line in bounce.beside.lines()),
    ]
    charge = bounce.charge
    if charge is None:
        return lines
    lines.append(debit(owed_ledger(taken), charge.amount, charge.account))
    return lines + fee_lines(charge.fee, charge.tax, tax_account=charge.tax_account)


def fee_lines(fee: Money, tax: Money, *, tax_account: str) -> list[JournalLine]:
    """A fee is income, and its tax the state's; no line for nothing."""
    posted = ((Ledger.FEE_INCOME, fee - tax), (tax_account, tax))
    return [credit(ledger, amount) for ledger, amount in posted if amount]


def step_cheque(deed: Deed, cheque_id: str, steps: int, to: ChequeState, reason: str | None) -> None:
    """One more step of a cheque that has gone ``steps``."""
    deed.unit.insert(
        "cheque_event",
        {
            "cheque_id": cheque_id,
            "number": steps + 1,
            "state": str(to),
            "at_utc": utc_text(deed.at),
            "operator": deed.person.user,
            "reason": reason,
        },
    )


def _write_dishonour(deed: Deed, bounce: Bounce, correction_id: str) -> None:
    until = bounce.cash_only_until
    awaited = awaiting_slip(deed.unit.connection, bounce.cheque_id)
    deed.unit.insert(
        "dishonour",
        {
            "correction_id": correction_id,
            "cheque_id": bounce.cheque_id,
            "was": str(bounce.was),
            "bank_date": bounce.on.isoformat(),
            "lay_in": bounce.lay_in,
            "payor": bounce.payor,
            "payors_fault": int(bounce.reason.payors_fault),
            "cash_only_until": None if until is None else until.isoformat(),
            "cash_only_rule": " ".join(
                str(number) for number in deed.desk.policy.cheques.dishonour.cash_only_rule
            ),
        },
    )
    if awaited is not None:
        deed.unit.insert(
            "deposit_return",
            {"slip_id": awaited[0], "cheque_id": bounce.cheque_id, "correction_id": correction_id},
        )
    deed.unit.insert_all(
        "paid_back_elsewhere",
        [
            {
                "part_id": part.part_id,
                "correction_id": correction_id,
                "amount_minor": amount.minor,
                "currency": amount.currency.code,
            }
            for part, amount in bounce.elsewhere
        ],
    )
    deed.unit.insert_all(
        "refund_cancelled",
        [
            {
                "refund_id": refund.refund_id,
                "correction_id": correction_id,
                "amount_minor": refund.amount.minor,
                "currency": refund.amount.currency.code,
            }
            for refund in bounce.cancelled
        ],
    )


def _write_charge(deed: Deed, bounce: Bounce, correction_id: str, paper: str) -> None:
    charge = bounce.charge
    assert charge is not None, "it charges something"
    deed.unit.insert(
        "dishonour_charge",
        {
            "charge_id": deed.new_id(),
            "correction_id": correction_id,
            "account": charge.account,
            "bill_no": paper if charge.is_bill else None,
            "recovered_minor": charge.recovered.minor,
            "fee_minor": charge.fee.minor,
            "tax_minor": charge.tax.minor,
            "amount_minor": charge.amount.minor,
            "currency": charge.amount.currency.code,
            "charged_on": bounce.on.isoformat(),
        },
    )


def tell_beside(
    deed: Deed,
    taken: TakenPayment,
    tender: TakenTender,
    correction_id: str,
    payor: str | None,
    *,
    of_bounce: str | None = None,
) -> None:
    """Our own central hears what a refund has no place for: charge, collection, cash-only. Behind the cheque's leg, and
    where the payor has one, in the queue of what the payor pays next. Of a leg that lost nothing by the bounce (this
    correction, or ``of_bounce`` which it undoes) it hears apart that its cheque bounced.
    """
    legs = _legs(taken, tender)
    leg = next((number for number, account in legs.items() if account == payor), min(legs))
    event_id, connection = taken.payment_event_id, deed.unit.connection
    told = [(leg, payor or legs[leg], f"{correction_id}{TOLD}", f"{correction_id}{TOLD}")]
    told += [
        (other, account, f"{correction_id}{TOLD_LEG}", f"{correction_id}-{other}{TOLD_LEG}")
        for other, account in legs_without_part(connection, tender.tender_id, of_bounce or correction_id)
    ]
    deed.unit.insert_all(
        "outbox",
        [
            {
                "payment_event_id": event_id,
                "leg": number,
                "correlator_id": correlator_id,
                "kind": DISHONOUR,
                "source_id": source_id,
                "account": account,
                "queue": queue_of_leg(connection, event_id, number),
                "state": "waiting",
                "changed_at_utc": utc_text(deed.at),
            }
            for number, account, source_id, correlator_id in told
        ],
    )


def _legs(taken: TakenPayment, tender: TakenTender) -> Mapping[int, str]:
    """The legs that a tender paid, with the account of each."""
    return {
        part.leg: part.account
        for part in taken.parts
        if part.tender_id == tender.tender_id and not part.placed
    }


def owed_ledger(taken: TakenPayment) -> Ledger:
    """Where what a payor owes by a bounce stands: a dealer, who has no bills, owes it on the account."""
    return Ledger.DEALER_ACCOUNT if taken.payer_kind == PayerKind.DEALER else Ledger.RECEIVABLE
