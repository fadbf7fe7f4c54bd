"""A posted refund, checked and taken apart: of which payment, how much, and what of it the money stood as.

What the standard has no place for is ours alone and may be missing: then it is a plain refund, and central decides what it
takes the money from. Source: tmf.md section 3 and the mapping of deeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pos.domain.correction import CorrectionKind
from pos.domain.money import Money, total
from pos.domain.payment_mode import Purpose
from sync.central.payments.incoming import (
    SET_BY_SERVER,
    check_method,
    read_bill_parts,
    read_correlator,
    require_mandatory,
)
from sync.central.wire.fields import (
    as_mapping,
    needed_text,
    own_amounts,
    plain_text,
    positive,
    read_correlators,
)
from sync.tmf676.shape import REFUND_CREATE, check_shape
from sync.wire_json import BadField

ON_ACCOUNT = (Purpose.ACCOUNT, Purpose.ADVANCE, Purpose.DEPOSIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldPart:
    """Money of a payment as a till tells where it stood, or where it was put: ``bill_id`` only for bills."""

    account_id: str
    purpose: Purpose
    amount: Money
    bill_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldApproval:
    """Who asked for it and who let it be done. ``offline``: nobody could ask us then."""

    requester: str
    approver: str
    offline: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingRefund:
    """A valid Refund_Create. ``kept`` is the body without what the server sets.

    ``bills`` and ``on_account`` say what the money stood as, ``write_offs`` which rests of bills are owed again,
    ``recovered`` how much debt is given up again, ``placed`` where moved money went instead. ``is_ours``: a till tells all
    of it; else nothing is known but the sum. ``hold_id`` names what was held for it before. ``taken_by`` took the payment,
    as the till says. ``cheque_state`` is what the cheque behind it is by this.
    """

    payment_id: str
    leg_correlator_id: str | None
    account_id: str
    amount: Money
    correlator_id: str | None
    kind: CorrectionKind
    is_ours: bool
    receipt_number: str | None
    terminal: str | None
    refund_date: str | None
    bills: Mapping[str, Money]
    on_account: tuple[ToldPart, ...]
    write_offs: Mapping[str, Money]
    recovered: Money | None
    placed: tuple[ToldPart, ...]
    kept: Mapping[str, object]
    hold_id: str | None = None
    taken_by: str | None = None
    approval: ToldApproval | None = None
    cheque_state: str | None = None
    replaced_by: tuple[str, ...] = ()


def read_refund(body: Mapping[str, object]) -> IncomingRefund:
    """Raises BadField with the dotted path of what is missing, of a wrong type or impossible."""
    kept = {name: value for name, value in body.items() if name not in SET_BY_SERVER}
    require_mandatory(kept)
    check_shape(kept, REFUND_CREATE, path="")
    check_method(as_mapping(kept["paymentMethod"], field="paymentMethod"))
    amount = positive(kept["totalAmount"], field="totalAmount")
    paid = as_mapping(kept.get("payment"), field="payment")
    account_id = needed_text(as_mapping(kept["account"], field="account"), "id", field="account.id")
    kind, refund_date = _read_kind(kept), kept.get("refundDate")
    bills = read_bill_parts(kept.get("bills"), "bills", amount)
    on_account = _read_on_account(kept.get("kept"), amount)
    if total([*bills.values(), *(part.amount for part in on_account)], amount.currency) > amount:
        raise BadField("kept" if on_account else "bills", "adds up to more than totalAmount")
    return IncomingRefund(
        payment_id=needed_text(paid, "id", field="payment.id"),
        leg_correlator_id=plain_text(paid, "correlatorId", field="payment.correlatorId"),
        account_id=account_id,
        amount=amount,
        correlator_id=read_correlator(kept),
        kind=kind or CorrectionKind.REFUND,
        is_ours=kind is not None,
        receipt_number=plain_text(kept, "receiptNumber"),
        terminal=plain_text(kept, "terminal"),
        refund_date=refund_date if isinstance(refund_date, str) else None,
        bills=bills,
        on_account=on_account,
        write_offs=read_bill_parts(kept.get("writeOff"), "writeOff", amount),
        recovered=_read_recovered(kept.get("recovered"), amount),
        placed=_read_placed(kept.get("placed"), kind, amount),
        kept=kept,
        hold_id=plain_text(kept, "refundHold"),
        taken_by=plain_text(kept, "takenBy"),
        approval=_read_approval(kept.get("approval")),
        cheque_state=plain_text(kept, "chequeState"),
        replaced_by=read_correlators(kept, "replacedBy"),
    )


def _read_approval(value: object) -> ToldApproval | None:
    if value is None:
        return None
    told = as_mapping(value, field="approval")
    offline = told.get("offline", False)
    if not isinstance(offline, bool):
        raise BadField("approval.offline", "must be true or false")
    return ToldApproval(
        requester=needed_text(told, "requester", field="approval.requester"),
        approver=needed_text(told, "approver", field="approval.approver"),
        offline=offline,
    )


def _read_kind(body: Mapping[str, object]) -> CorrectionKind | None:
    told = plain_text(body, "kind")
    if told is None:
        return None
    try:
        return CorrectionKind(told)
    except ValueError:
        raise BadField("kind", "is none that a refund has") from None


def _read_on_account(value: object, amount: Money) -> tuple[ToldPart, ...]:
    found = []
    for index, (entry, part) in enumerate(own_amounts(value, "kept", amount)):
        found.append(
            ToldPart(
                account_id=needed_text(entry, "account", field=f"kept[{index}].account"),
                purpose=_read_purpose(entry, f"kept[{index}].as", (*ON_ACCOUNT, Purpose.SUSPENSE)),
                amount=part,
            )
        )
    return tuple(found)


def _read_recovered(value: object, amount: Money) -> Money | None:
    if value is None:
        return None
    recovered = positive(value, field="recovered")
    if recovered.currency != amount.currency:
        raise BadField("recovered.unit", f"is not {amount.currency}")
    return recovered


def _read_placed(value: object, kind: CorrectionKind | None, amount: Money) -> tuple[ToldPart, ...]:
    """Money that is moved is placed whole, and other money nowhere."""
    found = []
    for index, (entry, part) in enumerate(own_amounts(value, "placed", amount)):
        bill_id = plain_text(entry, "bill", field=f"placed[{index}].bill")
        purpose = (
            _read_purpose(entry, f"placed[{index}].as", (*ON_ACCOUNT, Purpose.ITEMS))
            if bill_id is None
            else Purpose.BILLS
        )
        account_id = needed_text(entry, "account", field=f"placed[{index}].account")
        found.append(ToldPart(account_id=account_id, purpose=purpose, amount=part, bill_id=bill_id))
    moves = kind is not None and kind.places
    if total((part.amount for part in found), amount.currency) != (amount if moves else amount - amount):
        raise BadField(
            "placed",
            "must make up totalAmount where money is moved or counts again, and be missing where it is not",
        )
    return tuple(found)


def _read_purpose(entry: Mapping[str, object], field: str, allowed: tuple[Purpose, ...]) -> Purpose:
    purpose = next((one for one in allowed if one == entry.get("as")), None)
    if purpose is None:
        raise BadField(field, f"must be one of {', '.join(allowed)}")
    return purpose
