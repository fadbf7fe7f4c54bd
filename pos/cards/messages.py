"""The nexo Sale-to-POI messages as JSON: requests made, answers read. What cannot be read for certain is unknown.

Amounts travel as JSON numbers with the currency's digits and never pass through a binary fraction. Every answer is freed of
card numbers before anything else looks at it. Source: nexo Retailer Protocol 3.x; domain.md rules 44 and 45.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

from pos.domain.card import (
    CardApproved,
    CardAsked,
    CardDeclined,
    CardOutcome,
    CardReversed,
    CardUnknown,
    ReversalOutcome,
    ReversalRefused,
    TerminalReference,
    TerminalTotals,
    TotalsLine,
    TotalsOutcome,
    slip_told,
    told_reason,
)
from pos.domain.money import MAX_MINOR, Currency, Money
from pos.domain.pan_guard import wipe_card_number

VERSION = "3.0"
NUMBER_MAX = 40
REFERENCE_MAX = 200
LINES_MAX = 200

NOTHING_CHARGED: Mapping[str, str] = {
    "Aborted": "It was cancelled.",
    "Busy": "The card terminal is busy.",
    "Cancel": "The customer cancelled it.",
    "DeviceOut": "The card terminal is out of order.",
    "InsertedCard": "A card is still in the terminal.",
    "InvalidCard": "This card is not taken.",
    "LoggedOut": "The card terminal is not logged in.",
    "MessageFormat": "The card terminal does not understand the till.",
    "NotAllowed": "The card terminal does not allow it.",
    "PaymentRestriction": "This card may not pay for this.",
    "Refusal": "The card was refused.",
    "UnavailableDevice": "The card terminal is out of order.",
    "UnavailableService": "The card terminal cannot do this.",
    "UnreachableHost": "The card terminal has no connection to the bank.",
    "WrongPIN": "The PIN was wrong.",
}
"""Error conditions by which a terminal says that nothing was charged. Any other (InProgress, NotFound) leaves it open."""

NO_RECORD = "The card terminal has no record of it."
IN_PROGRESS = "The card terminal is still at it."
UNREADABLE = "The card terminal's answer cannot be read."

Json = dict[str, Any]


class Unreadable(ValueError):
    """An answer that is not what the protocol says. Holds nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressed:
    """Between whom messages go: the till's and the terminal's ids."""

    sale_id: str
    poi_id: str

    def request(self, category: str, service_id: str, body: Json) -> bytes:
        """A whole request, ready to be posted."""
        header = {
            "ProtocolVersion": VERSION,
            "MessageClass": "Service",
            "MessageCategory": category,
            "MessageType": "Request",
            "ServiceID": service_id,
            "SaleID": self.sale_id,
            "POIID": self.poi_id,
        }
        return _encode({"SaleToPOIRequest": {"MessageHeader": header, f"{category}Request": body}})

    def about(self, category: str, service_id: str) -> Json:
        """A message named in another."""
        return {
            "MessageReference": {
                "MessageCategory": category,
                "SaleID": self.sale_id,
                "ServiceID": service_id,
            }
        }


def payment_body(asked: CardAsked) -> Json:
    """What a PaymentRequest says."""
    amount = {"Currency": asked.amount.currency.code, "RequestedAmount": asked.amount.plain()}
    return {"SaleData": _sale(asked), "PaymentTransaction": {"AmountsReq": amount}}


def reversal_body(asked: CardAsked, reference: TerminalReference) -> Json:
    """What a ReversalRequest says: all of the payment is undone.

    Without an amount it is what was charged, also where that is not what was asked for.
    """
    original = {"TransactionID": reference.transaction, "TimeStamp": reference.at}
    return {
        "SaleData": _sale(asked),
        "OriginalPOITransaction": {"POITransactionID": original},
        "ReversalReason": "MerchantCancel",
    }


def _sale(asked: CardAsked) -> Json:
    at = asked.asked_at.isoformat(timespec="seconds")
    return {"SaleTransactionID": {"TransactionID": asked.attempt_id, "TimeStamp": at}}


def _encode(message: Json) -> bytes:
    """An amount stands as text in the body; here its quotes go, so that it is a number with all its digits."""
    text = json.dumps(message, ensure_ascii=True)
    return re.sub(r'("RequestedAmount": )"([0-9.]+)"', r"\1\2", text).encode("ascii")


# --- reading ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The body of a response, without card numbers. ``wiped``: there were some."""

    body: Json
    wiped: bool


def read_answer(data: bytes, category: str, service_id: str) -> Answer:
    """The body of the response to our message. Raises Unreadable where it is none, or another message's."""
    message, wiped = _without_card_numbers(_decode(data))
    response = _object(message, "SaleToPOIResponse")
    header = _object(response, "MessageHeader")
    told = (header.get("MessageCategory"), header.get("MessageType"), header.get("ServiceID"))
    if told != (category, "Response", service_id):
        raise Unreadable("the answer to another message")
    return Answer(body=_object(response, f"{category}Response"), wiped=wiped)


def read_payment(answer: Answer, asked: CardAsked, *, card_terminal: str) -> CardOutcome:
    """What a PaymentResponse says of ``asked``."""
    result, condition, words = _result(answer.body)
    sale = _text(_maybe(_maybe(answer.body, "SaleData"), "SaleTransactionID"), "TransactionID")
    if sale not in ("", asked.attempt_id):
        return CardUnknown(reason=NO_RECORD, wiped=answer.wiped)
    if result in ("Success", "Partial"):
        return _approved(answer, asked, card_terminal, partial=result == "Partial")
    if result == "Failure" and condition in NOTHING_CHARGED:
        reason = " ".join(part for part in (NOTHING_CHARGED[condition], words) if part)
        return CardDeclined(code=condition, reason=told_reason(reason), wiped=answer.wiped)
    return CardUnknown(reason=_left_open(condition), wiped=answer.wiped)


def read_status(answer: Answer, asked: CardAsked, *, card_terminal: str, service_id: str) -> CardOutcome:
    """What a TransactionStatusResponse says of the payment with ``service_id``."""
    repeated = _repeated(answer, "Payment", service_id)
    if isinstance(repeated, str):
        return CardUnknown(reason=repeated, wiped=answer.wiped)
    return read_payment(repeated, asked, card_terminal=card_terminal)


def read_reversal(answer: Answer) -> ReversalOutcome:
    """What a ReversalResponse says; part of it undone is not undone."""
    result, condition, words = _result(answer.body)
    if result == "Success":
        return CardReversed()
    if result == "Failure" and condition in NOTHING_CHARGED:
        return ReversalRefused(reason=told_reason(f"{condition} {words}".strip()))
    return CardUnknown(reason=_left_open(condition))


def read_reversal_status(answer: Answer, service_id: str) -> ReversalOutcome:
    """What a TransactionStatusResponse says of the reversal with ``service_id``.

    One that the terminal never heard of may be sent; one that it cannot tell of may have been done.
    """
    result, condition, _ = _result(answer.body)
    if (result, condition) == ("Failure", "NotFound"):
        return ReversalRefused(reason=NO_RECORD)
    repeated = _repeated(answer, "Reversal", service_id)
    return CardUnknown(reason=repeated) if isinstance(repeated, str) else read_reversal(repeated)


def read_totals(answer: Answer, in_currency: Currency) -> TotalsOutcome:
    """What a ReconciliationResponse counts, in the shop's currency. Raises Unreadable."""
    result, condition, words = _result(answer.body)
    if result != "Success":
        reason = told_reason(f"{condition} {words}".strip())
        return CardDeclined(code=condition, reason=reason or UNREADABLE, wiped=answer.wiped)
    named = answer.body.get("POIReconciliationID", "")
    lines = tuple(_totals_lines(answer.body, in_currency))
    return TerminalTotals(reconciliation=str(named)[:NUMBER_MAX], lines=lines)


def _totals_lines(body: Json, in_currency: Currency) -> Iterator[TotalsLine]:
    groups = body.get("TransactionTotals", [])
    if not isinstance(groups, list) or len(groups) > LINES_MAX:
        raise Unreadable("totals that are no list")
    for group in groups:
        if _text(group, "PaymentCurrency") not in ("", in_currency.code):
            continue
        totals = group.get("PaymentTotals", []) if isinstance(group, dict) else []
        if not isinstance(totals, list) or len(totals) > LINES_MAX:
            raise Unreadable("totals that are no list")
        for line in totals:
            count = line.get("TransactionCount") if isinstance(line, dict) else None
            if type(count) is not int or not 0 <= count <= 1_000_000:
                raise Unreadable("a count that is no number")
            yield TotalsLine(
                kind=_snake(_text(line, "TransactionType")),
                brand=_text(group, "CardBrand").upper()[:NUMBER_MAX],
                count=count,
                amount=_amount(line.get("TransactionAmount"), in_currency),
            )


def _approved(answer: Answer, asked: CardAsked, card_terminal: str, *, partial: bool) -> CardOutcome:
    try:
        result = _object(answer.body, "PaymentResult")
        amounts = result.get("AmountsResp")
        if amounts is None and not partial:
            charged = asked.amount
        elif _text(amounts, "Currency") in ("", asked.amount.currency.code):
            charged = _amount(_object(result, "AmountsResp").get("AuthorizedAmount"), asked.amount.currency)
        else:
            raise Unreadable("charged in another currency")
        told = dict(_slip_fields(answer.body, result))
    except Unreadable:
        return CardUnknown(reason=UNREADABLE, wiped=answer.wiped)
    return CardApproved(
        slip=slip_told(told, card_terminal=card_terminal, attempt_id=asked.attempt_id),
        amount=charged,
        reference=_reference(answer.body),
        wiped=answer.wiped,
    )


def _slip_fields(body: Json, result: Json) -> Iterator[tuple[str, str]]:
    acquirer = _maybe(result, "PaymentAcquirerData")
    card = _maybe(_maybe(result, "PaymentInstrumentData"), "CardData")
    poi = _maybe(_maybe(body, "POIData"), "POITransactionID")
    rrn = _text(_maybe(acquirer, "AcquirerTransactionID"), "TransactionID") or _text(poi, "TransactionID")
    yield "rrn", rrn
    yield "auth_code", _text(acquirer, "ApprovalCode")
    yield "brand", _text(card, "PaymentBrand")
    yield "last4", _text(card, "MaskedPan") or _text(card, "MaskedPAN")
    yield "expires", _text(_maybe(card, "SensitiveCardData"), "ExpiryDate")


def _reference(body: Json) -> TerminalReference | None:
    poi = _maybe(_maybe(body, "POIData"), "POITransactionID")
    transaction, at = _text(poi, "TransactionID"), _text(poi, "TimeStamp")
    if not transaction or "*" in transaction:
        return None
    return TerminalReference(transaction=transaction, at=at)


def _repeated(answer: Answer, category: str, service_id: str) -> Answer | str:
    """The repeated answer to the message asked about, or why there is none."""
    result, condition, _ = _result(answer.body)
    if result != "Success":
        return _left_open(condition)
    try:
        repeated = _object(answer.body, "RepeatedMessageResponse")
        header = _object(repeated, "MessageHeader")
        body = _object(_object(repeated, "RepeatedResponseMessageBody"), f"{category}Response")
    except Unreadable:
        return UNREADABLE
    if (header.get("MessageCategory"), header.get("ServiceID")) != (category, service_id):
        # Some tell of their last transaction, whatever was asked for.
        return NO_RECORD
    return Answer(body=body, wiped=answer.wiped)


def _left_open(condition: str) -> str:
    return {"NotFound": NO_RECORD, "InProgress": IN_PROGRESS}.get(condition, UNREADABLE)


def _result(body: Json) -> tuple[str, str, str]:
    response = _maybe(body, "Response")
    words = _text(response, "AdditionalResponse")
    # Some vendors put a whole form of their own there, which is for machines.
    return (
        _text(response, "Result"),
        _text(response, "ErrorCondition"),
        "" if "=" in words else words,
    )


def _object(value: object, name: str) -> Json:
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, dict):
        raise Unreadable(f"{name} is missing")
    return found


def _maybe(value: object, name: str) -> Json:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _text(value: object, name: str) -> str:
    found = value.get(name) if isinstance(value, dict) else None
    return found[:REFERENCE_MAX] if isinstance(found, str) else ""


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", re.sub(r"[^A-Za-z]", "", name)).lower()[:NUMBER_MAX] or "other"


def _amount(value: object, in_currency: Currency) -> Money:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Unreadable("an amount that is no number")
    exact = Decimal(value)
    if not 0 <= exact <= MAX_MINOR:
        raise Unreadable("an amount out of bounds")
    minor = exact.scaleb(in_currency.exponent)
    if minor != minor.to_integral_value() or minor > MAX_MINOR:
        raise Unreadable("an amount with more digits than its currency has")
    return Money(int(minor), in_currency)


def _decode(data: bytes) -> object:
    try:
        return json.loads(
            data.decode("utf-8"),
            parse_float=_number,
            parse_int=lambda text: int(_number(text)),
            parse_constant=_refuse,
            object_pairs_hook=_unique,
        )
    except (ValueError, RecursionError):
        raise Unreadable("not JSON") from None


def _number(text: str) -> Decimal:
    _, _, exponent = text.lower().partition("e")
    if len(text) > NUMBER_MAX or abs(int(exponent or "0")) > NUMBER_MAX:
        raise Unreadable("a number out of bounds")
    return Decimal(text)


def _refuse(_text: str) -> NoReturn:
    raise Unreadable("NaN and Infinity are not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("an object with the same key twice")
    return found


def _without_card_numbers(value: object) -> tuple[object, bool]:
    """``value`` with each card number wiped to its last four digits, also where it stands as a number or a key."""
    if isinstance(value, dict):
        members = [
            (wipe_card_number(key), key, _without_card_numbers(member)) for key, member in value.items()
        ]
        wiped = any(clean != key or there for clean, key, (_, there) in members)
        return {clean: member for clean, _, (member, _) in members}, wiped
    if isinstance(value, list):
        found = [_without_card_numbers(member) for member in value]
        return [member for member, _ in found], any(there for _, there in found)
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return value, False
    text = str(value)
    clean = wipe_card_number(text)
    return (value, False) if clean == text else (clean, True)
