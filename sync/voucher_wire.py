"""A voucher's hold as our central is asked for it, and its answers as the till reads them.

What a server says is made harmless before a cashier sees it. Source: domain.md 3.5; tmf.md section 6.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from pos.domain.errors import Refused
from pos.domain.money import Money
from pos.domain.signature import key_id_of
from pos.domain.signed_voucher import VoucherKey, read_code, read_public_key
from pos.domain.voucher import (
    Residual,
    VoucherAsked,
    VoucherIssued,
    VoucherRefused,
    VoucherReserved,
    VoucherTerms,
    VoucherWanted,
)
from sync.tmf678.foreign import as_object
from sync.told import clean_told
from sync.wire_json import BadField, money_json, read_money

RESERVED = "reserved"
APPROVAL_MAX = 40
MESSAGE_MAX = 200

NO_CHECKER_STATUS = frozenset((404, 405, 410, 501))
"""How a server says that it has no such resource."""

NO_CHECKER = VoucherRefused(
    code="voucher_no_checker",
    message="This central cannot check vouchers. Choose another way to pay.",
)
TOO_MANY = VoucherRefused(
    code="voucher_too_many_tries",
    message="Too many wrong vouchers were tried here. Wait some minutes, or choose another way to pay.",
)

_CODE = re.compile(r"voucher_[a-z_]{1,40}")


def hold_body(asked: VoucherAsked) -> dict[str, object]:
    """The body that asks for a hold. It carries the code, so it is neither kept nor logged."""
    body: dict[str, object] = {
        "id": asked.hold_id,
        "terminal": asked.terminal,
        "paymentEventId": asked.payment_event_id,
        "mode": asked.mode,
        "code": asked.code,
        "account": asked.account,
        "amount": money_json(asked.amount),
    }
    if asked.issuer is not None:
        body["issuer"] = asked.issuer
    return body


def read_hold(told: object, asked: VoucherAsked) -> VoucherReserved:
    """The hold that was asked for. Raises BadField for an answer that does not say so without doubt."""
    hold = as_object(told, field="hold")
    if hold.get("id") != asked.hold_id or hold.get("state") != RESERVED:
        raise BadField("id or state", "is not that of the hold which was asked for")
    terms = read_terms(hold)
    if terms.value.currency != asked.amount.currency or terms.value < asked.amount:
        raise BadField("value", "is not worth what was asked for")
    approval = hold.get("approval")
    if approval is not None and not isinstance(approval, str):
        raise BadField("approval", "is no text")
    return VoucherReserved(
        terms=terms,
        approval=None if approval is None else clean_told(approval, limit=APPROVAL_MAX) or None,
    )


def read_terms(told: Mapping[str, object]) -> VoucherTerms:
    """What a voucher says of itself. A server that says nothing of its rules has the plainest. Raises BadField."""
    value = read_money(told.get("value"), field="value")
    minimum = told.get("minimumBill")
    least = None if minimum is None else read_money(minimum, field="minimumBill")
    if least is not None and least.currency != value.currency:
        raise BadField("minimumBill", "is in another currency than the value")
    return VoucherTerms(
        value=value,
        expires=_read_day(told.get("expires")),
        residual=_read_residual(told.get("residual", Residual.FORFEIT)),
        combinable=_read_flag(told.get("combinable", True), "combinable"),
        minimum=least,
    )


def issue_body(wanted: VoucherWanted) -> dict[str, object]:
    """The body that asks for a voucher to be issued."""
    terms = wanted.terms
    body: dict[str, object] = {
        "id": wanted.issue_id,
        "terminal": wanted.terminal,
        "value": money_json(terms.value),
        "expires": terms.expires.isoformat(),
        "combinable": terms.combinable,
        "residual": str(terms.residual),
    }
    if terms.minimum is not None:
        body["minimumBill"] = money_json(terms.minimum)
    if wanted.account is not None:
        body["account"] = wanted.account
    return body


def read_issued(told: object, own_id: str) -> VoucherIssued:
    """A voucher that was issued under our id. Its code says the same as the answer, or it is none. Raises BadField."""
    issued = as_object(told, field="voucher")
    code, serial = issued.get("code"), issued.get("serial")
    if issued.get("id") != own_id or not isinstance(code, str) or not isinstance(serial, str):
        raise BadField("id, code or serial", "is not that of the voucher which was asked for")
    terms = read_terms(issued)
    try:
        signed = read_code(code)
    except Refused:
        raise BadField("code", "is no code of a voucher") from None
    if (signed.serial, signed.terms) != (serial, terms):
        raise BadField("code", "says otherwise than the answer")
    return VoucherIssued(serial=serial, code=code, terms=terms)


def read_voucher_key(told: object) -> VoucherKey:
    """A public key of the operator's. Raises BadField."""
    row = as_object(told, field="voucher key")
    letters, key_id = row.get("publicKey"), row.get("id")
    public_key = read_public_key(letters) if isinstance(letters, str) else None
    if public_key is None or key_id != key_id_of(public_key):
        raise BadField("publicKey", "is no public key, or not that of its id")
    return VoucherKey(
        key_id=key_id,
        public_key=public_key,
        withdrawn=_read_flag(row.get("withdrawn", False), "withdrawn"),
    )


def hold_refusal(status: int, told: object) -> VoucherRefused | None:
    """What a refusal with ``status`` means to the cashier; None where a gateway speaks: it may be held all the same."""
    body = told if isinstance(told, Mapping) else {}
    code, message = body.get("code"), body.get("message")
    if isinstance(code, str) and isinstance(message, str) and _CODE.fullmatch(code):
        return VoucherRefused(
            code=code,
            message=clean_told(message, limit=MESSAGE_MAX),
            value=_optional_money(body.get("value")),
        )
    if status in NO_CHECKER_STATUS:
        return NO_CHECKER
    return TOO_MANY if status == 429 else None


def is_redeemed(told: object) -> bool:
    """Whether our central says that a payment has used the hold, so that nothing is left to release."""
    return isinstance(told, Mapping) and told.get("code") == "voucher_hold_redeemed"


def _optional_money(value: object) -> Money | None:
    """A figure beside a refusal; the refusal stands without it too."""
    try:
        return None if value is None else read_money(value, field="value")
    except BadField:
        return None


def _read_residual(value: object) -> Residual:
    """What becomes of the rest is money: a rule that is not known is no answer."""
    if not isinstance(value, str) or value not in set(Residual):
        raise BadField("residual", "is no rule that is known")
    return Residual(value)


def _read_flag(value: object, field: str) -> bool:
    if not isinstance(value, bool):
        raise BadField(field, "is neither true nor false")
    return value


def _read_day(value: object) -> date:
    if not isinstance(value, str) or re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value) is None:
        raise BadField("expires", "is no date")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise BadField("expires", "is no date") from None
