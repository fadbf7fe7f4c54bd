"""A voucher's hold as our central is asked for it, and its answers as the till reads them.

What a server says is made harmless before a cashier sees it. Source: domain.md 3.5; tmf.md section 6.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from pos.domain.money import Money
from pos.domain.voucher import VoucherAsked, VoucherRefused, VoucherReserved
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
    value = read_money(hold.get("value"), field="value")
    if value.currency != asked.amount.currency or value < asked.amount:
        raise BadField("value", "is not worth what was asked for")
    approval = hold.get("approval")
    if approval is not None and not isinstance(approval, str):
        raise BadField("approval", "is no text")
    return VoucherReserved(
        value=value,
        expires=_read_day(hold.get("expires")),
        approval=None if approval is None else clean_told(approval, limit=APPROVAL_MAX) or None,
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


def _read_day(value: object) -> date:
    if not isinstance(value, str) or re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value) is None:
        raise BadField("expires", "is no date")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise BadField("expires", "is no date") from None
