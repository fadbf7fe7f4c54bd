"""A script's acts about dealers' bank receipts and commission, and what banks send."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pos.domain.bank_receipt import RejectReason
from pos.till.acts.fields import IdText, Ref, Strict
from pos.till.acts.seat import Answer, Seat
from pos.till.bank_receipts import reject_bank_receipt, unblock_dealer, verify_bank_receipt
from pos.till.commissions import settle_commission
from pos.till.desk import Memo
from pos.till.imports import confirm_match
from pos.till.script_answers import encode


class VerifyBankReceipt(Strict):
    """The bank has the money of a dealer's bank receipt. ``tender``: which, where a payment had several, from 1."""

    ref: Ref
    act: Literal["verify_bank_receipt"]
    receipt: IdText
    tender: Annotated[int | None, Field(ge=1, le=20)] = None


class RejectBankReceipt(Strict):
    """The bank does not bear a dealer's bank receipt out: its money is the dealer's debt."""

    ref: Ref
    act: Literal["reject_bank_receipt"]
    receipt: IdText
    tender: Annotated[int | None, Field(ge=1, le=20)] = None
    reason: Annotated[str, Field(max_length=40, description=", ".join(RejectReason))]


class UnblockDealer(Strict):
    """Settle a dealer's rejected bank receipts, so that others are taken again."""

    ref: Ref
    act: Literal["unblock_dealer"]
    dealer: IdText
    reason: Annotated[str, Field(max_length=400)]


class SettleCommission(Strict):
    """Credit a dealer's account with the commission that is owed, of payments whose money is sure."""

    ref: Ref
    act: Literal["settle_commission"]
    dealer: IdText


class ConfirmMatch(Strict):
    """A record of a bank's file and the slip that differs from it are one payment; ``record`` as ``pos import`` told it."""

    ref: Ref
    act: Literal["confirm_match"]
    record: Annotated[str, Field(max_length=64)]
    reason: Annotated[str, Field(max_length=400)] | None = None


DealerAct = VerifyBankReceipt | RejectBankReceipt | UnblockDealer | SettleCommission | ConfirmMatch


def carry_out_of_dealer(seat: Seat, act: DealerAct, memo: Memo) -> Answer:
    """The answer to one of them. Raises DomainError."""
    desk, person = seat.desk, seat.person
    match act:
        case VerifyBankReceipt():
            return encode(verify_bank_receipt(desk, person, act.receipt, tender=act.tender, memo=memo))
        case RejectBankReceipt():
            return encode(
                reject_bank_receipt(desk, person, act.receipt, act.reason, tender=act.tender, memo=memo)
            )
        case UnblockDealer():
            return encode(unblock_dealer(desk, person, act.dealer, act.reason, memo=memo))
        case SettleCommission():
            return encode(settle_commission(desk, person, act.dealer, memo=memo))
        case ConfirmMatch():
            return encode(confirm_match(desk, person, act.record, act.reason, memo=memo))
