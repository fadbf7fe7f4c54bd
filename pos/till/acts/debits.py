"""A script's acts about direct debit: the mandates behind it, and the entries of files that were parked."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pos.domain.parked_entry import Settled
from pos.till.acts.fields import IdText, Ref, Strict
from pos.till.acts.seat import Answer, Seat
from pos.till.desk import Memo
from pos.till.mandates import MandateDeed, MandateOrder, keep_mandate
from pos.till.parked_entries import SettleEntryOrder, settle_entry
from pos.till.script_answers import encode


class MandateLine(Strict):
    """Register, change, activate again or end a mandate. Of a change, what is left out stays as it was."""

    ref: Ref
    act: Literal["mandate"]
    deed: Annotated[
        Literal["register", "change", "activate", "end"], Field(description="What is done with it.")
    ]
    mandate: IdText
    account: IdText = ""
    holder: Annotated[str, Field(max_length=280, description="Whose bank account it is.")] = ""
    bank_account: Annotated[str, Field(max_length=80, description="An IBAN, or the bank's own number.")] = ""
    bic: Annotated[str, Field(max_length=20)] = ""
    signed_on: Annotated[str, Field(max_length=10, description="As 2026-11-21; today where left out.")] = ""
    reason: Annotated[str, Field(max_length=400)] = ""


class SettleBankEntry(Strict):
    """Settle an entry of a bank's file that was parked, or undo that."""

    ref: Ref
    act: Literal["settle_bank_entry"]
    run: IdText
    number: Annotated[int, Field(ge=1, description="The entry's number in its file.")]
    how: Annotated[
        Literal["paid", "suspense", "charged", "sent_back", "written_off", "withdrawn", "noted", "undone"],
        Field(description="What is made of it; undone: it is parked again."),
    ]
    account: Annotated[IdText, Field(description="Of what is paid or charged.")] = ""
    reason: Annotated[str, Field(max_length=400)]


DebitAct = MandateLine | SettleBankEntry


def carry_out_of_debit(seat: Seat, act: DebitAct, memo: Memo) -> Answer:
    """The answer to one of them. Raises DomainError."""
    if isinstance(act, SettleBankEntry):
        settling = SettleEntryOrder(
            run=act.run, number=act.number, how=Settled(act.how), account=act.account, reason=act.reason
        )
        return encode(settle_entry(seat.desk, seat.person, settling, memo=memo))
    order = MandateOrder(
        deed=MandateDeed(act.deed),
        mandate=act.mandate,
        account=act.account,
        holder=act.holder,
        number=act.bank_account,
        bic=act.bic,
        signed_on=act.signed_on,
        reason=act.reason,
    )
    return encode(keep_mandate(seat.desk, seat.person, order, memo=memo))
