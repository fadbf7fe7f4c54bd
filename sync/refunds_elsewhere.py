"""Refunds of payments that another terminal took, behind the wire: central tells the payment, holds the money and lets go.

What central says is made harmless before it is kept or shown; whatever is no plain yes or no is no answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pos.domain.correction import TakenPart, TakenPayment, TakenTender
from pos.domain.money import Money, total, zero
from pos.domain.payment_mode import PayerKind, Purpose
from pos.domain.refund_across import (
    HeldPart,
    HoldOutcome,
    LegElsewhere,
    LookUpOutcome,
    RefundAsked,
    RefundDenied,
    RefundHeld,
    RefundUnanswered,
    TakenElsewhere,
)
from sync.client import CentralClient
from sync.outcomes import OwnAnswer, Unknown, Unreachable
from sync.tmf678.foreign import as_object, read_id
from sync.told import clean_told
from sync.voucher_wire import NO_CHECKER_STATUS
from sync.wire_json import BadField, WireJsonError, money_json, read_money

MESSAGE_MAX = 200
LEGS_MAX = 50
NO_PLACE = RefundDenied(
    code="refund_only_there",
    message="This central knows no payments of other terminals. Pay it back where it was taken.",
)
PURPOSES: Mapping[str, Purpose] = {
    "bill": Purpose.BILLS,
    "credit": Purpose.ACCOUNT,
    "advance": Purpose.ADVANCE,
    "deposit": Purpose.DEPOSIT,
    "suspense": Purpose.SUSPENSE,
    "other": Purpose.ITEMS,
}
MAY_BE_HELD = (Purpose.BILLS, Purpose.ACCOUNT, Purpose.ADVANCE, Purpose.DEPOSIT)
_CODE = re.compile(r"(refund|receipt)_[a-z_]{1,40}|key_reused")


@dataclass(frozen=True, slots=True)
class CentralRefunds:
    """A ``RefundDesk`` over the client of central."""

    client: CentralClient

    async def find(self, receipt_number: str) -> LookUpOutcome:
        """The payment of a receipt; never raises for the network."""
        answer = await self.client.ask_own("GET", "refundable", query={"receiptNumber": receipt_number})
        if isinstance(answer, OwnAnswer) and answer.status == 200:
            try:
                return read_taken(answer.told, receipt_number)
            except WireJsonError as error:
                return RefundUnanswered(reason=clean_told(str(error), limit=MESSAGE_MAX))
        return _denied(answer)

    async def hold(self, asked: RefundAsked) -> HoldOutcome:
        """Hold it, or be told again what is held under this id; never raises for the network."""
        answer = await self.client.ask_own("POST", "refundHold", body=hold_body(asked))
        if isinstance(answer, OwnAnswer) and answer.status in (200, 201):
            try:
                return read_hold(answer.told, asked)
            except WireJsonError as error:
                return RefundUnanswered(reason=clean_told(str(error), limit=MESSAGE_MAX))
        return _denied(answer)

    async def release(self, hold_id: str) -> bool:
        """Let go of a hold; False: no answer, so it must be asked again. What a refund has used needs no release."""
        answer = await self.client.ask_own("DELETE", f"refundHold/{quote(hold_id, safe='')}")
        if not isinstance(answer, OwnAnswer):
            return False
        if answer.status == 409:
            return isinstance(answer.told, Mapping) and answer.told.get("code") == "refund_hold_used"
        return answer.status in NO_CHECKER_STATUS | {200, 204}


def _denied(answer: OwnAnswer | Unknown | Unreachable) -> RefundDenied | RefundUnanswered:
    """A no of our central says why by its own code; without one a gateway speaks, and it may be held all the same."""
    if not isinstance(answer, OwnAnswer):
        return RefundUnanswered(reason=answer.reason)
    told = answer.told if isinstance(answer.told, Mapping) else {}
    code, message = told.get("code"), told.get("message")
    if (
        400 <= answer.status < 500
        and isinstance(code, str)
        and isinstance(message, str)
        and _CODE.fullmatch(code)
    ):
        return RefundDenied(code=code, message=clean_told(message, limit=MESSAGE_MAX))
    if answer.status in NO_CHECKER_STATUS:
        return NO_PLACE
    return RefundUnanswered(reason=f"status {answer.status}")


# --- asked -----------------------------------------------------------------------------------------------------------


def hold_body(asked: RefundAsked) -> dict[str, object]:
    """The body that asks for a hold."""
    own = {"own": True} if asked.own else {}
    return own | {
        "id": asked.hold_id,
        "terminal": asked.terminal,
        "operator": asked.operator,
        "receiptNumber": asked.receipt_number,
        "legs": [
            {"payment": {"id": payment_id}, "amount": money_json(amount)} for payment_id, amount in asked.legs
        ],
    }


def read_hold(told: object, asked: RefundAsked) -> RefundHeld:
    """The hold that was asked for, whole and off known places. Raises BadField."""
    held = as_object(told, field="hold")
    if held.get("id") != asked.hold_id or held.get("state") != "reserved":
        raise BadField("id or state", "is not that of the hold which was asked for")
    wanted, parts = dict(asked.legs), list[HeldPart]()
    for number, leg in enumerate(_objects(held, "legs")):
        payment_id = read_id(
            as_object(leg.get("payment"), field="payment"), "id", field=f"legs[{number}].payment.id"
        )
        places = [_read_place(place, f"legs[{number}].parts") for place in _objects(leg, "parts")]
        for place in places:
            parts.append(
                HeldPart(
                    payment_id=payment_id,
                    account=place.account,
                    bill_no=place.bill_no,
                    bill_id=place.bill_id,
                    purpose=place.purpose,
                    amount=place.amount,
                )
            )
    sums: dict[str, Money] = {}
    for part in parts:
        if part.amount.currency != asked.amount.currency:
            raise BadField("parts.amount", "is in another currency")
        if part.purpose not in MAY_BE_HELD:
            raise BadField("parts.as", "is nothing that may be paid back")
        before = sums.get(part.payment_id)
        sums[part.payment_id] = part.amount if before is None else before + part.amount
    if sums != wanted:
        raise BadField("legs", "are not what was asked for")
    return RefundHeld(parts=tuple(parts))


# --- told ------------------------------------------------------------------------------------------------------------


def read_taken(told: object, receipt_number: str) -> TakenElsewhere:
    """A payment as central tells it by its receipt. Raises BadField for what is not whole."""
    found = as_object(told, field="receipt")
    if found.get("receiptNumber") != receipt_number:
        raise BadField("receiptNumber", "is another")
    rows = _objects(found, "legs")
    if not 0 < len(rows) <= LEGS_MAX:
        raise BadField("legs", "are none, or too many")
    legs = [_read_leg(leg, f"legs[{number}]") for number, leg in enumerate(rows)]
    in_currency = legs[0].amount.currency
    if any(leg.amount.currency != in_currency for leg in legs) or len({leg.leg for leg in legs}) != len(legs):
        raise BadField("legs", "are of several currencies, or stand there twice")
    payer = found.get("payer")
    payer = as_object(payer, field="payer") if payer is not None else None
    return TakenElsewhere(
        taken=TakenPayment(
            payment_event_id=read_id(found, "paymentEventId", field="paymentEventId"),
            receipt_number=receipt_number,
            shift_id="",
            taken_at=_read_moment(found.get("takenAt")),
            taken_by="" if found.get("operator") is None else read_id(found, "operator", field="operator"),
            payer_kind=_read_kind(payer),
            payer_account=legs[0].account if payer is None else read_id(payer, "id", field="payer.id"),
            amount=total((leg.amount for leg in legs), in_currency),
            tenders=tuple(map(_tender, legs)),
            parts=tuple(_read_parts(rows, legs)),
            corrected=False,
            voided=False,
            has_secrets=False,
            commission_credited=False,
        ),
        terminal="" if found.get("terminal") is None else read_id(found, "terminal", field="terminal"),
        legs=tuple(legs),
    )


def _read_leg(leg: Mapping[str, Any], path: str) -> LegElsewhere:
    number = leg.get("leg")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 10_000:
        raise BadField(f"{path}.leg", "is no number of a leg")
    method = as_object(leg.get("paymentMethod"), field=f"{path}.paymentMethod")
    amount = read_money(leg.get("totalAmount"), field=f"{path}.totalAmount")
    may_go_back = read_money(leg.get("refundableAmount"), field=f"{path}.refundableAmount")
    if may_go_back.currency != amount.currency or not 0 <= may_go_back.minor <= amount.minor:
        raise BadField(f"{path}.refundableAmount", "is more than was paid")
    cleared_at, refunded = leg.get("clearedAt"), None
    if leg.get("refundedAmount") is not None:
        refunded = read_money(leg.get("refundedAmount"), field=f"{path}.refundedAmount")
    return LegElsewhere(
        leg=number,
        payment_id=read_id(as_object(leg.get("payment"), field=path), "id", field=f"{path}.payment.id"),
        account=read_id(as_object(leg.get("account"), field=path), "id", field=f"{path}.account.id"),
        mode=read_id(method, "name", field=f"{path}.paymentMethod.name"),
        method_type=read_id(method, "@type", field=f"{path}.paymentMethod.@type"),
        amount=amount,
        may_go_back=may_go_back,
        refunded=refunded,
        cleared_at=None if cleared_at is None else _read_moment(cleared_at, f"{path}.clearedAt"),
    )


def _tender(leg: LegElsewhere) -> TakenTender:
    """A leg as the tender that brought it, as far as anybody here has to know."""
    nothing = zero(leg.amount.currency)
    return TakenTender(
        tender_id=leg.payment_id,
        number=leg.leg,
        mode=leg.mode,
        kept=leg.amount,
        change=nothing,
        paid=leg.amount,
        foreign=None,
        cheque=None,
        cheque_id=None,
        cheque_events=0,
        bank_receipt=None,
        is_voucher=False,
        voucher_is_whole=False,
        at_terminal=False,
        undone=False,
    )


def _read_parts(rows: list[Mapping[str, Any]], legs: list[LegElsewhere]) -> Iterator[TakenPart]:
    """Where the money stands now: whoever may not pay back for an account is kept from all of these."""
    for row, leg in zip(rows, legs, strict=True):
        for number, told in enumerate(_objects(row, "stands"), start=1):
            place = _read_place(told, "stands")
            yield TakenPart(
                part_id=f"{leg.leg}-{number}",
                number=number,
                tender_id=leg.payment_id,
                leg=leg.leg,
                account=place.account,
                bill_no=place.bill_no,
                bill_id=place.bill_id,
                purpose=place.purpose,
                amount=place.amount,
                left=place.amount,
                placed=False,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    purpose: Purpose
    account: str
    bill_id: str | None
    bill_no: str | None
    amount: Money


def _read_place(told: Mapping[str, Any], path: str) -> _Place:
    purpose = PURPOSES.get(str(told.get("as")))
    if purpose is None:
        raise BadField(f"{path}.as", "is nothing that is known")
    is_bill = purpose is Purpose.BILLS
    amount = read_money(told.get("amount"), field=f"{path}.amount")
    if amount.minor <= 0:
        raise BadField(f"{path}.amount", "must be more than zero")
    return _Place(
        purpose=purpose,
        account=read_id(told, "account", field=f"{path}.account"),
        bill_id=read_id(told, "bill", field=f"{path}.bill") if is_bill else None,
        bill_no=read_id(told, "billNo", field=f"{path}.billNo") if is_bill else None,
        amount=amount,
    )


def _objects(parent: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = parent.get(name)
    if not isinstance(rows, list):
        raise BadField(name, "is no list")
    return [as_object(row, field=name) for row in rows]


def _read_kind(payer: Mapping[str, object] | None) -> str:
    """Who paid, as the books post it; a server that does not say means a subscriber."""
    told = None if payer is None else payer.get("role")
    if told is None:
        return str(PayerKind.SUBSCRIBER)
    if told not in set(PayerKind):
        raise BadField("payer.role", "is no payer that is known")
    return str(told)


def _read_moment(told: object, field: str = "takenAt") -> datetime:
    try:
        moment = datetime.fromisoformat(str(told))
    except ValueError:
        raise BadField(field, "is no date") from None
    if moment.tzinfo is None:
        raise BadField(field, "has no offset")
    return moment
