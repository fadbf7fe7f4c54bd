"""What an act did, as the answer of a script: money as decimal text beside its currency. Source: interface.md section 2."""

from __future__ import annotations

from collections.abc import Mapping

from pos.domain.cash_bag import CashBag
from pos.domain.demanded_bill import BillDemanded
from pos.domain.foreign_cash import ForeignClosing
from pos.domain.mandate import Mandate
from pos.domain.payment_mode import Purpose
from pos.domain.receipt import AllocationLine, CommissionFacts, ReceiptFacts, SaleLine
from pos.domain.receipt import TenderLine as PaidTender
from pos.domain.voucher import VoucherIssued
from pos.store.approvals import Request
from pos.store.cards import CardAttempt
from pos.till.approvals import Approved, Declined
from pos.till.approvals_elsewhere import Answered
from pos.till.bank_receipts import (
    BankReceiptDecided,
    DealerUnblocked,
)
from pos.till.cash_office import Counted, ShiftOpened
from pos.till.cheques_back import ChequeReplaced, ChequeReturned, HandedBack
from pos.till.clearing import ChequesCleared
from pos.till.commissions import CommissionSettled
from pos.till.correction_entry import Corrected
from pos.till.deposits import DepositDone
from pos.till.dishonours import Bounced
from pos.till.due_cheques import ChequeWithdrawn
from pos.till.imports import RecordOutcome
from pos.till.notes import Noted
from pos.till.parked_entries import EntrySettled
from pos.till.people import PersonChanged
from pos.till.post_dated import ChequeRegistered
from pos.till.refunds import RefundConfirmed
from pos.till.representments import CountsAgain
from pos.till.shift_closed import ShiftClosed, TrustClosed
from pos.till.shop_clock import ClockConfirmed
from pos.till.suspense import SuspenseResolved
from pos.till.swaps import Swapped
from pos.till.take_payment import PaymentTaken


def encode(outcome: object) -> Mapping[str, object]:
    """An outcome as the script's answer: money as decimal text beside its currency."""
    match outcome:
        case ShiftOpened():
            return {
                "shift": outcome.shift_id,
                "number": outcome.number,
                "business_date": outcome.business_date.isoformat(),
                "float": outcome.float_.plain(),
                "currency": outcome.float_.currency.code,
            }
        case PaymentTaken():
            return _encode_payment(outcome)
        case BillDemanded():
            return {"account": outcome.account, "demand": outcome.demand_id, "bill": outcome.bill_id}
        case RecordOutcome():
            return _encode_record(outcome)
        case Mandate():
            return {
                "mandate": outcome.mandate,
                "account": outcome.account,
                "state": str(outcome.state),
                "bank_account": outcome.bank.ending,
                "signed_on": outcome.signed_on.isoformat(),
            }
        case EntrySettled():
            return {
                "run": outcome.run_id,
                "number": outcome.number,
                "reference": outcome.reference,
                "how": str(outcome.how),
                "amount": outcome.amount.plain(),
                "currency": outcome.amount.currency.code,
                "account": outcome.account,
                "receipt": outcome.receipt,
                "bill": outcome.bill_no,
            }
        case Approved():
            return {
                "request": outcome.request_id,
                "approved": outcome.act,
                "for": outcome.requester,
                "until": outcome.expires.isoformat(timespec="seconds"),
            }
        case Answered():
            return {
                "request": outcome.request.central_id,
                "approved" if outcome.approved else "declined": outcome.request.act,
                "for": outcome.request.requester,
                "kept": outcome.kept,
            }
        case Request():
            return {
                "request": outcome.request_id,
                "state": str(outcome.state),
                "answered_by": outcome.answered_by,
            }
        case Corrected():
            return {
                "correction": outcome.correction_id,
                "kind": str(outcome.kind),
                "paper": outcome.receipt_number,
                "of": "" if outcome.paper.correction is None else outcome.paper.correction.of_receipt,
                "amount": outcome.amount.plain(),
                "cash": outcome.cash.plain(),
                "currency": outcome.amount.currency.code,
                "bills": list(outcome.bills),
                "accounts": list(outcome.accounts),
            }
        case ChequesCleared():
            return {
                "cleared": [
                    {
                        "cheque": cheque.cheque_id,
                        "receipt": cheque.receipt,
                        "serial": cheque.serial,
                        "amount": cheque.amount.plain(),
                    }
                    for cheque in outcome.cheques
                ],
                "amount": outcome.amount.plain(),
                "currency": outcome.amount.currency.code,
            }
        case ChequeReturned():
            return {"serial": outcome.serial, "back": encode(outcome.deed)}
        case ChequeReplaced():
            return {
                **encode(outcome.instead),
                "back": encode(outcome.back.deed),
            }
        case HandedBack():
            return {"paper": outcome.slip.receipt_number, "amount": outcome.slip.total.plain()}
        case ChequeWithdrawn():
            return {
                "note": outcome.cheque.note,
                "paper": outcome.slip.receipt_number,
                "serial": outcome.cheque.serial,
                "amount": outcome.cheque.amount.plain(),
                "currency": outcome.cheque.amount.currency.code,
            }
        case Bounced():
            return _encode_bounced(outcome)
        case CountsAgain():
            return {
                **encode(outcome.correction),
                "cheque": outcome.cheque_id,
                "serial": outcome.serial,
                "state": str(outcome.state),
            }
        case Swapped():
            return {**_encode_payment(outcome.taken), "voided": encode(outcome.voided)}
        case RefundConfirmed():
            return {
                "refund": outcome.paper,
                "amount": outcome.amount.plain(),
                "currency": outcome.amount.currency.code,
                "reference": outcome.reference,
            }
        case Declined():
            return {"request": outcome.request_id, "declined": outcome.act, "for": outcome.requester}
        case Noted():
            return {"at": outcome.at.isoformat(timespec="seconds"), "about": outcome.about}
        case PersonChanged():
            # Never the first PIN: this is what is remembered.
            return {
                "user": outcome.person.user,
                "roles": sorted(outcome.person.roles),
                "active": outcome.active,
                **(
                    {}
                    if outcome.expires is None
                    else {"expires": outcome.expires.isoformat(timespec="seconds")}
                ),
            }
        case ClockConfirmed():
            return {"clock": outcome.at.isoformat(timespec="seconds")}
        case CardAttempt():
            return _encode_attempt(outcome)
        case ChequeRegistered():
            return _encode_registered(outcome)
        case Counted():
            return {"shift": outcome.shift_id, "count": outcome.number}
        case SuspenseResolved():
            return {
                "transfer": outcome.transfer_id,
                "receipt": outcome.receipt_number,
                "account": outcome.account,
                "amount": outcome.amount.plain(),
                "left": outcome.left.plain(),
                "currency": outcome.amount.currency.code,
                "allocations": [
                    {"account": part.account, "bill": part.bill_no, "amount": part.amount.plain()}
                    for part in outcome.parts
                ],
            }
        case ShiftClosed():
            return {
                "shift": outcome.shift_id,
                "number": outcome.number,
                "business_date": outcome.business_date.isoformat(),
                "payments": outcome.payments,
                "float": outcome.float_.plain(),
                "expected_cash": outcome.expected_cash.plain(),
                "counted_cash": outcome.counted_cash.plain(),
                "over_short": outcome.over_short.plain(),
                "currency": outcome.float_.currency.code,
                "z_report": outcome.z_number,
                "needs_acceptance": outcome.needs_acceptance,
                "declared": [{"kind": line.kind, "amount": line.amount.plain()} for line in outcome.declared],
                "foreign": [_encode_foreign(one) for one in outcome.foreign],
                "taken": [
                    {"mode": part.mode, "count": part.count, "amount": part.amount.plain()}
                    for part in outcome.taken
                ],
                **({} if outcome.trust is None else {"trust": _encode_trust(outcome.trust)}),
            }
        case VoucherIssued():
            terms = outcome.terms
            return {
                "serial": outcome.serial,
                "value": terms.value.plain(),
                "currency": terms.value.currency.code,
                "expires": terms.expires.isoformat(),
                "minimum": None if terms.minimum is None else terms.minimum.plain(),
                "combinable": terms.combinable,
                "residual": str(terms.residual),
            }
        case BankReceiptDecided(receipt=decided):
            return {
                "receipt": decided.receipt_number,
                "tender": decided.place,
                "dealer": decided.dealer,
                "state": str(decided.state),
                "amount": decided.amount.plain(),
                "currency": decided.amount.currency.code,
            }
        case DealerUnblocked():
            return {"dealer": outcome.dealer, "settled": outcome.settled}
        case DepositDone():
            return _encode_deposit(outcome)
        case CashBag():
            return {
                "bag": outcome.number,
                "amount": outcome.amount.plain(),
                "currency": outcome.amount.currency.code,
                "state": str(outcome.state),
            }
        case CommissionSettled():
            return {
                "settlement": outcome.settlement_id,
                "dealer": outcome.dealer,
                "lines": outcome.lines,
                "commission": outcome.commission.plain(),
                "withheld": outcome.withheld.plain(),
                "currency": outcome.commission.currency.code,
            }
        case _:
            raise AssertionError("every outcome of a script's act is written above")


def _encode_deposit(outcome: DepositDone) -> Mapping[str, object]:
    slip = outcome.slip
    return {
        "slip": slip.number,
        "bank_account": slip.account.code,
        "state": str(slip.state),
        "count": len(slip.cheques),
        "amount": slip.total.plain(),
        "still_to_come": slip.still_to_come.plain(),
        "currency": slip.total.currency.code,
        "cheques": [
            {
                "cheque": cheque.cheque_id,
                "receipt": cheque.receipt,
                "bank": cheque.bank,
                "serial": cheque.serial,
                "date": cheque.dated.isoformat(),
                "amount": cheque.amount.plain(),
                "state": str(cheque.state),
            }
            for cheque in slip.cheques
        ],
        **(
            {
                "bags": [
                    {"bag": bag.number, "amount": bag.amount.plain(), "state": str(bag.state)}
                    for bag in slip.bags
                ]
            }
            if slip.bags
            else {}
        ),
        **(
            {
                "carrier": {
                    "company": slip.carrier.company,
                    "person": slip.carrier.person,
                    "seal": slip.carrier.seal,
                    "receipt": slip.carrier.receipt,
                }
            }
            if slip.carrier is not None
            else {}
        ),
        **({"warnings": list(outcome.warnings)} if outcome.warnings else {}),
    }


def _encode_trust(trust: TrustClosed) -> Mapping[str, object]:
    return {
        "expected": trust.expected.plain(),
        "counted": trust.counted.plain(),
        "over_short": trust.over_short.plain(),
    }


def _encode_foreign(closing: ForeignClosing) -> Mapping[str, object]:
    """``expected`` and ``counted`` in the currency itself, the rest in the shop's."""
    return {
        "currency": closing.expected.currency.code,
        "expected": closing.expected.plain(),
        "counted": closing.counted.plain(),
        "rate": closing.rate,
        "rate_source": closing.source,
        "value": closing.value.plain(),
        "over_short": closing.over_short.plain(),
        "exchange_difference": closing.exchange.plain(),
    }


def _encode_tender(tender: PaidTender) -> Mapping[str, object]:
    told: dict[str, object] = {"mode": tender.mode, "amount": tender.amount.plain()}
    if tender.foreign is not None:
        told["foreign"] = {
            "amount": tender.foreign.amount.plain(),
            "currency": tender.foreign.amount.currency.code,
            "rate": tender.foreign.rate,
            "rate_source": tender.foreign.source,
        }
    return told


def _encode_registered(outcome: ChequeRegistered) -> Mapping[str, object]:
    facts = outcome.note
    return {
        "post_dated": True,
        "receipt": facts.receipt_number,
        "date": outcome.dated.isoformat(),
        "amount": facts.total.plain(),
        "currency": facts.total.currency.code,
        "allocations": [
            {"account": part.account, "bill": part.bill_no, "amount": part.amount.plain()}
            for part in facts.allocations
        ],
    }


def _encode_apart(part: AllocationLine) -> Mapping[str, object]:
    """How money on account is kept, and what was cleared with a bill."""
    found: dict[str, object] = {}
    if part.bill_no is None and part.kept_as != Purpose.ACCOUNT:
        found["as"] = part.kept_as
    if part.written_off is not None:
        found["written_off"] = part.written_off.plain()
    return found


def _encode_left_out(facts: ReceiptFacts) -> Mapping[str, object]:
    """What was open and was not asked for, where something was."""
    rows = [
        {"bill": part.bill_no, "reason": part.reason, "amount": part.amount.plain()}
        for part in facts.left_out
    ]
    return {"left_out": rows} if rows else {}


def _encode_record(outcome: RecordOutcome) -> Mapping[str, object]:
    return {
        "record": outcome.record_id,
        "state": str(outcome.state),
        "receipt": outcome.receipt,
        "amount": outcome.amount.plain(),
        "currency": outcome.amount.currency.code,
    }


def _encode_payment(outcome: PaymentTaken) -> Mapping[str, object]:
    facts = outcome.receipt
    return {
        "payment_event": outcome.payment_event_id,
        "receipt": facts.receipt_number,
        "amount": facts.total.plain(),
        "change": facts.change.plain(),
        "credit": facts.credit.plain(),
        "currency": facts.total.currency.code,
        "allocations": [
            {
                "account": part.account,
                "bill": part.bill_no,
                "amount": part.amount.plain(),
                "open": None if part.open_after is None else part.open_after.plain(),
                **_encode_apart(part),
            }
            for part in facts.allocations
        ],
        **_encode_left_out(facts),
        "tenders": [_encode_tender(tender) for tender in facts.tenders],
        "lines": [
            {
                "item": line.item,
                "quantity": line.quantity,
                "price": line.unit_price.plain(),
                "amount": line.amount.plain(),
                "tax": line.tax.plain(),
                "serials": list(line.serials),
                **_overridden(line),
            }
            for line in facts.sale
        ],
        **_encode_commission(facts.commission),
        "provisional": bool(facts.provisional),
        **({"warnings": list(outcome.warnings)} if outcome.warnings else {}),
    }


def _encode_commission(earned: CommissionFacts | None) -> Mapping[str, object]:
    if earned is None:
        return {}
    return {
        "commission": {
            "gross": earned.gross.plain(),
            "commission": earned.commission.plain(),
            "withheld": earned.withheld.plain(),
            "deducted": earned.deducted.plain(),
            "at": earned.at,
            "settlement": earned.settlement,
        }
    }


def _overridden(line: SaleLine) -> Mapping[str, object]:
    if line.list_price is None:
        return {}
    return {"list_price": line.list_price.plain(), "reason": line.reason}


def _encode_attempt(attempt: CardAttempt) -> Mapping[str, object]:
    return {
        "attempt": attempt.attempt_id,
        "payment_event": attempt.payment_event_id,
        "state": str(attempt.state),
        "mode": attempt.mode,
        "amount": attempt.amount.plain(),
        "currency": attempt.amount.currency.code,
        "card_terminal": attempt.card_terminal,
        "reason": attempt.reason or None,
    }


def _encode_bounced(outcome: Bounced) -> Mapping[str, object]:
    """A bounce: what it did in words, and its figures."""
    bounce = outcome.bounce
    until = bounce.cash_only_until
    return {
        **encode(outcome.correction),
        "cheque": bounce.cheque_id,
        "serial": bounce.serial,
        "reason": bounce.reason.code,
        "says": list(outcome.words),
        "charged": "0" if outcome.charged is None else outcome.charged.plain(),
        "fee": "0" if bounce.charge is None else bounce.charge.fee.plain(),
        "charge_bill": outcome.bill_no,
        "refunds_cancelled": [refund.paper for refund in bounce.cancelled],
        "bounces_counted": bounce.counted,
        "cash_only_until": None if until is None else until.isoformat(),
    }
