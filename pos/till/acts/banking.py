"""A script's acts that bring cash and cheques to the bank, and say what it credited."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pos.domain.carrier import Carrier
from pos.till.acts.fields import AmountText, IdText, Ref, Strict
from pos.till.acts.seat import Answer, Seat
from pos.till.cash_bags import bag_cash, open_bag
from pos.till.clearing import ClearOrder, clear_cheques
from pos.till.deposit_credits import CreditOrder, confirm_deposit
from pos.till.deposits import cancel_deposit, deposit_cheques, lodge_deposit
from pos.till.desk import Memo
from pos.till.script_answers import encode


class BagCash(Strict):
    """Seal cash of the safe into a bag; ``bag`` is the number printed on it."""

    ref: Ref
    act: Literal["bag_cash"]
    bag: IdText
    amount: AmountText


class OpenBag(Strict):
    """Open a bag that is on no deposit slip: its cash is loose in the safe again."""

    ref: Ref
    act: Literal["open_bag"]
    bag: IdText
    reason: Annotated[str, Field(max_length=400)]


class DepositCheques(Strict):
    """Put cheques and bags of cash on a deposit slip; without ``cheques`` and ``bags`` all that may go, the oldest first."""

    ref: Ref
    act: Literal["deposit_cheques"]
    cheques: Annotated[
        list[IdText] | None,
        Field(min_length=1, max_length=200, description="Ids of v_cheque, or receipts of their payments."),
    ] = None
    bags: Annotated[
        list[IdText] | None, Field(min_length=1, max_length=50, description="Numbers of sealed bags of cash.")
    ] = None
    bank_account: Annotated[
        str | None,
        Field(max_length=40, description="A code of [deposits] accounts; the first where left out."),
    ] = None


class CarrierIn(Strict):
    """Who fetched it for the bank; ``person`` is a name or the number of a badge."""

    company: Annotated[str, Field(max_length=120)]
    person: Annotated[str, Field(max_length=120)]
    seal: Annotated[str, Field(max_length=80, description="The seal on what was handed over.")] = ""


class LodgeDeposit(Strict):
    """The bank took a deposit slip, or its carrier: the reference of either, and the day where that is not today."""

    ref: Ref
    act: Literal["lodge_deposit"]
    slip: IdText
    reference: IdText
    date: Annotated[str, Field(max_length=10)] | None = None
    carrier: CarrierIn | None = None


class CreditedChequeIn(Strict):
    """A cheque that the bank credited, by its id or serial number; or a bag, by its number, as it was counted there."""

    cheque: IdText
    amount: AmountText


class ConfirmDeposit(Strict):
    """The bank credited a deposit slip: ``amount`` in one sum, or cheque by cheque (all of them, or some)."""

    ref: Ref
    act: Literal["confirm_deposit"]
    slip: IdText
    amount: AmountText | None = None
    cheques: Annotated[list[CreditedChequeIn], Field(max_length=250)] = []
    date: Annotated[str, Field(max_length=10)] | None = None
    reason: Annotated[
        str,
        Field(
            max_length=400, description="What the bank says of a bag or cheque that it credited otherwise."
        ),
    ] = ""
    cause: Annotated[
        Literal["", "bank_charge", "bank_error"],
        Field(description="Why it credited a cheque with another sum than it is over."),
    ] = ""

    @model_validator(mode="after")
    def _says_one_thing(self) -> ConfirmDeposit:
        if (self.amount is None) is not bool(self.cheques):
            raise ValueError("either amount or cheques")
        return self


class CancelDeposit(Strict):
    """Take a deposit slip back that the bank has not got; its cheques may go on another."""

    ref: Ref
    act: Literal["cancel_deposit"]
    slip: IdText
    reason: Annotated[str, Field(max_length=400)]


class ClearCheque(Strict):
    """Cheques whose money is sure: those named, or all that the bank credited so many days ago, but those in ``except``."""

    ref: Ref
    act: Literal["clear_cheque"]
    cheques: Annotated[
        list[IdText] | None,
        Field(max_length=500, description="By their ids, or the receipts they came with."),
    ] = None
    older_than_days: Annotated[
        int | None, Field(ge=0, le=3650, description="[cheques] clear_after_days where left out.")
    ] = None
    left_out: Annotated[list[IdText], Field(alias="except", max_length=500)] = []


BankingAct = BagCash | OpenBag | DepositCheques | LodgeDeposit | ConfirmDeposit | CancelDeposit | ClearCheque


def carry_out_banking(seat: Seat, act: BankingAct, memo: Memo) -> Answer:
    """The answer to one of them. Raises DomainError."""
    desk, person = seat.desk, seat.person
    match act:
        case BagCash():
            return encode(bag_cash(desk, person, act.bag, act.amount, memo=memo))
        case OpenBag():
            return encode(open_bag(desk, person, act.bag, act.reason, memo=memo))
        case DepositCheques():
            return encode(
                deposit_cheques(
                    desk, person, act.cheques, bags=act.bags, bank_account=act.bank_account, memo=memo
                )
            )
        case LodgeDeposit():
            by = act.carrier
            carrier = None if by is None else Carrier(company=by.company, person=by.person, seal=by.seal)
            return encode(
                lodge_deposit(desk, person, act.slip, act.reference, on=act.date, carrier=carrier, memo=memo)
            )
        case ConfirmDeposit():
            told = CreditOrder(
                amount=act.amount,
                cheques=[(line.cheque, line.amount) for line in act.cheques],
                on=act.date,
                reason=act.reason,
                cause=act.cause,
            )
            return encode(confirm_deposit(desk, person, act.slip, told, memo=memo))
        case CancelDeposit():
            return encode(cancel_deposit(desk, person, act.slip, act.reason, memo=memo))
        case ClearCheque():
            cleared = ClearOrder(
                cheques=act.cheques, older_than_days=act.older_than_days, left_out=act.left_out
            )
            return encode(clear_cheques(desk, person, cleared, memo=memo))
