"""A posted payment, checked and taken apart: what of it decides money, and the body as it will be kept.

Unknown attributes are kept as they came; known ones must be of the standard's types. What the server sets (id, href,
status, statusDate, changeNumber, suspense) is never taken from a client. Source: tmf.md sections 3 and 4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from pos.domain.money import Money, total
from pos.domain.payment_mode import KEPT_APART, Purpose
from sync.central.vouchers.offline import TakenOffline
from sync.central.wire.fields import (
    MAX_ITEMS,
    own_amounts,
    plain_text,
    positive,
    read_correlators,
)
from sync.tmf676.shape import PAYMENT_CREATE, check_shape
from sync.wire_json import BadField

MAX_NUMBER = 10**15

SET_BY_SERVER = ("id", "href", "status", "statusDate", "changeNumber", "suspense", "held", "refundedAmount")
SET_BY_OTHERS = ("replacedBy",)
"""What stands in a payment by the word of another one."""
NOT_THE_CLIENTS = frozenset((*SET_BY_SERVER, *SET_BY_OTHERS))
MANDATORY = tuple(
    (path, path.split("."))
    for path in ("account.id", "paymentMethod", "totalAmount.unit", "totalAmount.value")
)
"""Of the conformance profile."""
BILL_TYPES = (None, "CustomerBill", "BillRef", "Bill")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidItem:
    """A part of a payment meant for one thing. ``amount`` None: as much as is left and wanted."""

    target_id: str
    is_bill: bool
    amount: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalKey:
    """A till's own identity of a leg: never used twice."""

    terminal: str
    epoch: int
    sequence: int
    leg: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingPayment:
    """A valid Payment_Create. ``kept`` is the body without what the server sets, ``kept_text`` its text where it is known.

    ``method_name``, ``payer_id`` and ``payer_role`` are as the client wrote them; ``instrument`` names the paper behind the
    money, ``voucher_hold`` the voucher held for it, ``voucher_taken`` one that was taken
    without us. ``clears_overdue`` are the correlators of the legs that clear what was
    overdue, ``reconnects_now`` whether the shop takes this one for final, ``by_file`` whether a bank's file told of it.
    money, ``voucher_hold`` the voucher held for it. ``kept_apart`` is what of it is no plain credit on the account,
    ``write_offs`` are the rests of bills, by id, that the till cleared with it. ``replaces`` are the correlators of what a
    cheque had paid that went back for it.
    """

    account_id: str
    amount: Money
    correlator_id: str | None
    receipt_number: str | None
    terminal: str | None
    key: TerminalKey | None
    payment_date: str | None
    payment_event_id: str | None
    instrument: str | None
    voucher_hold: str | None
    clears_overdue: tuple[str, ...]
    reconnects_now: bool
    by_file: bool
    voucher_taken: TakenOffline | None
    method_name: str | None
    payer_id: str | None
    payer_role: str | None
    items: tuple[PaidItem, ...]
    kept: Mapping[str, object]
    kept_text: str | None = None
    kept_apart: Mapping[Purpose, Money] = field(default_factory=dict)
    write_offs: Mapping[str, Money] = field(default_factory=dict)
    replaces: tuple[str, ...] = ()


def read_correlator(body: Mapping[str, object]) -> str | None:
    """The client's own id of the payment; asked for before anything else, since a replay is answered unchecked."""
    return plain_text(body, "correlatorId")


def read_incoming(
    body: Mapping[str, object], *, correlator_id: str | None, written: str | None = None
) -> IncomingPayment:
    """Raises BadField with the dotted path of what is missing, of a wrong type or impossible.

    ``correlator_id`` is the body's own as it will be stored, ``written`` its text where that is as ``dumps`` writes it.
    """
    kept = body
    if not NOT_THE_CLIENTS.isdisjoint(body):
        kept = {name: value for name, value in body.items() if name not in NOT_THE_CLIENTS}
    require_mandatory(kept)
    check_shape(kept, PAYMENT_CREATE, path="")
    amount = positive(kept["totalAmount"], field="totalAmount")
    account_id = plain_text(_as_mapping(kept["account"]), "id", field="account.id")
    if not account_id:
        raise BadField("account.id", "is missing")
    payment_date = kept.get("paymentDate")
    method = _as_mapping(kept["paymentMethod"])
    check_method(method)
    payer = _as_mapping(kept.get("payer", {}))
    event_id, voucher_hold = plain_text(kept, "paymentEventId"), plain_text(kept, "voucherHold")
    voucher_taken = _read_taken(kept)
    if (voucher_hold is not None or voucher_taken is not None) and event_id is None:
        raise BadField("paymentEventId", "is missing, and a held voucher needs it")
    return IncomingPayment(
        account_id=account_id,
        amount=amount,
        correlator_id=correlator_id,
        receipt_number=plain_text(kept, "receiptNumber"),
        terminal=plain_text(kept, "terminal"),
        key=_read_key(kept),
        payment_date=payment_date if isinstance(payment_date, str) else None,
        payment_event_id=event_id,
        instrument=plain_text(kept, "instrument"),
        voucher_hold=voucher_hold,
        clears_overdue=read_correlators(kept, "clearsOverdue"),
        reconnects_now=kept.get("reconnect") == "now",
        by_file=kept.get("byFile") is True,
        voucher_taken=voucher_taken,
        method_name=_text_or_none(method.get("name")),
        payer_id=_text_or_none(payer.get("id")),
        payer_role=_text_or_none(payer.get("role")),
        items=(items := _read_items(kept.get("paymentItem"), amount)),
        kept=kept,
        kept_text=written if len(kept) == len(body) else None,
        kept_apart=_read_kept_apart(kept.get("keptApart"), amount, items),
        write_offs=read_bill_parts(kept.get("writeOff"), "writeOff", amount),
        replaces=read_correlators(kept, "replaces"),
    )


def _read_kept_apart(value: object, amount: Money, items: Sequence[PaidItem]) -> dict[Purpose, Money]:
    """Raises BadField where it is not ours in shape, or is more than the items leave."""
    found: dict[Purpose, Money] = {}
    if value is None:
        return found
    for index, (entry, part) in enumerate(own_amounts(value, "keptApart", amount)):
        name = entry.get("as")
        purpose = next((one for one in KEPT_APART if one == name), None)
        if purpose is None or purpose in found:
            raise BadField(f"keptApart[{index}].as", "must be advance, deposit or suspense, each once")
        found[purpose] = part
    named = total((item.amount for item in items if item.amount is not None), amount.currency)
    if named + total(found.values(), amount.currency) > amount:
        raise BadField("keptApart", "is more than the items leave of totalAmount")
    return found


def read_bill_parts(value: object, name: str, amount: Money) -> dict[str, Money]:
    """Amounts by bill id, in the currency of ``amount``; none where there is no ``value``. Raises BadField."""
    found: dict[str, Money] = {}
    for index, (entry, part) in enumerate(own_amounts(value, name, amount)):
        bill_id = plain_text(entry, "bill", field=f"{name}[{index}].bill")
        if bill_id is None or bill_id in found:
            raise BadField(f"{name}[{index}].bill", "must name a bill, each once")
        found[bill_id] = part
    return found


def require_mandatory(body: Mapping[str, object]) -> None:
    """``MANDATORY`` attributes, each named by its own path: not blank, not null. Raises BadField."""
    for path, (first, *rest) in MANDATORY:
        value = body.get(first)
        for name in rest:
            if value is None:
                break
            if not isinstance(value, dict):
                raise BadField(first, "must be an object")
            value = value.get(name)
        if value is None or value == "" or value == {}:
            raise BadField(path, "is missing")


def _as_mapping(value: object) -> Mapping[str, object]:
    assert isinstance(value, dict), "its shape was checked before"
    return value


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _read_taken(body: Mapping[str, object]) -> TakenOffline | None:
    """A voucher that a till took on its own word, with the day in the shop when it did so."""
    taken = body.get("voucherTaken")
    if taken is None:
        return None
    if not isinstance(taken, Mapping) or "voucherHold" in body:
        raise BadField("voucherTaken", "must be an object, and stands for a voucher that was not held")
    digest, paid_at = plain_text(taken, "digest", field="voucherTaken.digest"), body.get("paymentDate")
    if digest is None or re.fullmatch(r"[0-9a-f]{64}", digest) is None:
        raise BadField("voucherTaken.digest", "must be a SHA-256 in hexadecimal")
    try:
        # The day by the till's own clock and zone, which is the shop's.
        on = date.fromisoformat(str(paid_at)[:10])
    except ValueError:
        raise BadField("paymentDate", "is missing or no date, and such a voucher needs it") from None
    return TakenOffline(
        digest=digest,
        issuer=plain_text(taken, "issuer", field="voucherTaken.issuer"),
        amount=positive(taken.get("amount"), field="voucherTaken.amount"),
        on=on,
    )


def check_method(method: Mapping[str, object]) -> None:
    """A method by reference names what it refers to. Raises BadField."""
    if method.get("@type") == "PaymentMethodRef":
        for name in ("id", "@referredType"):
            if not method.get(name):
                raise BadField(f"paymentMethod.{name}", "is missing, and a method by reference needs it")


def _read_key(body: Mapping[str, object]) -> TerminalKey | None:
    """All four of a till's numbers, or no key; each that is there must be of its type."""
    terminal = plain_text(body, "terminal")
    numbers: dict[str, int] = {}
    for name in ("epoch", "sequence", "leg"):
        value = body.get(name)
        if name not in body:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < MAX_NUMBER:
            raise BadField(name, "must be a whole number that is not negative")
        numbers[name] = value
    if terminal is None or len(numbers) < 3:
        return None
    return TerminalKey(terminal=terminal, **numbers)


def _read_items(value: object, amount: Money) -> tuple[PaidItem, ...]:
    if not isinstance(value, list):
        return ()
    if len(value) > MAX_ITEMS:
        raise BadField("paymentItem", f"has more than {MAX_ITEMS} items")
    items = tuple(_read_item(_as_mapping(entry), f"paymentItem[{i}]") for i, entry in enumerate(value))
    named = [item.amount for item in items if item.amount is not None]
    for index, item in enumerate(items):
        if item.amount is not None and item.amount.currency != amount.currency:
            raise BadField(f"paymentItem[{index}].totalAmount.unit", f"is not {amount.currency}")
    if total(named, amount.currency) > amount:
        raise BadField("paymentItem", "adds up to more than totalAmount")
    return items


def _read_item(entry: Mapping[str, object], path: str) -> PaidItem:
    reference = _as_mapping(entry["item"])
    target_id = plain_text(reference, "id", field=f"{path}.item.id")
    assert target_id is not None, "the shape requires it"
    name = "totalAmount" if "totalAmount" in entry else "amount"
    return PaidItem(
        target_id=target_id,
        is_bill=reference.get("@referredType") in BILL_TYPES,
        amount=positive(entry[name], field=f"{path}.{name}") if name in entry else None,
    )
