"""One leg as a TMF676 Payment_Create body, and a server's payment as the till sees it.

The body is frozen here, before the first send, and resent byte for byte. paymentDate and status cannot be set in v4's
Payment_Create; the date travels all the same, as an attribute more. Source: tmf.md sections 3 and 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pos.domain.leg import LegFacts, LegTarget
from pos.domain.money import Money
from pos.domain.payment_mode import PayerKind, Purpose
from sync.tmf676.method import VOUCHER, authorization_code, payment_method
from sync.told import clean_told
from sync.wire_json import BadField, BadResource, dumps, money_json, read_money

MAX_ID = 255
MAX_HREF = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentSeen:
    """A payment as a server told it.

    ``account`` and ``amount`` are None where a foreign server's answer lacks them; ``applied_change`` is our central's
    change number at which the money was applied, None elsewhere.
    """

    id: str
    href: str | None
    correlator_id: str | None
    account: str | None
    amount: Money | None
    applied_change: int | None


def payment_body(leg: LegFacts) -> bytes:
    """The Payment_Create body of ``leg``: deterministic, with the amounts in exactly the currency's digits."""
    body: dict[str, object] = {
        "correlatorId": leg.correlator_id,
        "name": _name(leg),
        "description": _description(leg),
        "account": {"id": leg.account, "@referredType": "BillingAccount"},
        "channel": {"id": leg.channel, "name": leg.shop_name, "@referredType": "Channel"},
    }
    # The till knows who paid by an account, so that is what the reference names; a walk-in by the account of the sale.
    payer = leg.payer_account
    if payer is not None and payer == leg.account and Purpose.SUSPENSE in leg.kept_apart:
        # Nobody knows who paid; that account is only where such money stands.
        payer = None
    elif payer is None and leg.payer_kind == PayerKind.WALK_IN:
        payer = leg.account
    if payer is not None:
        body["payer"] = {"id": payer, "role": leg.payer_kind, "@referredType": "BillingAccount"}
    code = authorization_code(leg)
    if code is not None:
        body["authorizationCode"] = code
    body["totalAmount"] = money_json(leg.amount)
    body["paymentMethod"] = payment_method(leg)
    if leg.items:
        body["paymentItem"] = [
            {
                "item": {"id": item.target_id, "@referredType": str(item.target)},
                "totalAmount": money_json(item.amount),
                **({"chosenBy": str(item.chosen_by)} if item.target is LegTarget.BILL else {}),
            }
            for item in leg.items
        ]
    body["@type"] = "Payment"
    return dumps(body | _own_attributes(leg))


def read_payment(obj: object) -> PaymentSeen:
    """What a server says of a payment, its id and href made harmless; unknown attributes and a missing href are fine.

    Raises BadResource where the id is missing or an attribute that is there cannot be read.
    """
    if not isinstance(obj, Mapping):
        raise BadResource("payment", None, BadField("payment", "is not an object"))
    payment_id = obj.get("id")
    if not isinstance(payment_id, str) or not 0 < len(payment_id) <= MAX_ID:
        raise BadResource("payment", None, BadField("id", "is missing or not text"))
    account = obj.get("account")
    try:
        href = _optional_text(obj, "href", limit=MAX_HREF)
        return PaymentSeen(
            id=clean_told(payment_id, limit=MAX_ID),
            href=None if href is None else clean_told(href, limit=MAX_HREF),
            correlator_id=_optional_text(obj, "correlatorId", limit=MAX_ID),
            account=_optional_text(account, "id", limit=MAX_ID) if isinstance(account, Mapping) else None,
            amount=read_money(obj["totalAmount"], field="totalAmount") if "totalAmount" in obj else None,
            applied_change=_optional_change(obj.get("changeNumber")),
        )
    except BadField as error:
        raise BadResource("payment", clean_told(payment_id, limit=MAX_ID), error) from None


def _name(leg: LegFacts) -> str:
    targets = {item.target for item in leg.items}
    if targets == {LegTarget.OFFERING}:
        return "Sale"
    if LegTarget.OFFERING in targets:
        return "Bill payment and sale"
    return "Bill payment" if targets else "Payment on account"


def _description(leg: LegFacts) -> str:
    parts = [leg.mode.replace("_", " ")]
    for target, word in ((LegTarget.OFFERING, "item"), (LegTarget.BILL, "bill")):
        count = sum(item.target is target for item in leg.items)
        if count:
            parts.insert(0, f"{count} {word if count == 1 else word + 's'}")
    if leg.charges:
        parts.insert(-1, "charge for a returned cheque")
    if leg.replaced_cheque:
        parts.append(f"in place of cheque {leg.replaced_cheque}")
    return ", ".join(parts)


def _own_attributes(leg: LegFacts) -> dict[str, object]:
    """What the standard has no place for; a plain server keeps or ignores it."""
    attributes: dict[str, object] = {
        "paymentEventId": leg.payment_event_id,
        "receiptNumber": leg.receipt_number,
        "terminal": leg.terminal,
        "epoch": leg.epoch,
        "sequence": leg.sequence,
        "leg": leg.leg,
        **({} if leg.shift_id is None else {"shiftId": leg.shift_id}),
        "businessDate": leg.business_date.isoformat(),
        "paymentDate": leg.taken_at.isoformat(),
        # Whoever pays it back at another terminal, or approves that, is somebody else.
        "operator": leg.operator,
    }
    if leg.by_file:
        attributes["byFile"] = True
    if leg.charges:
        attributes["charges"] = [
            {"billNo": bill_no, "amount": money_json(amount)} for bill_no, amount in leg.charges.items()
        ]
    if leg.provisional is not None:
        attributes |= {"provisional": True, "provisionalReason": leg.provisional}
    # A voucher is taken once by its hold; what identifies it comes from its code, which is never sent again.
    if leg.instrument is not None and leg.tmf_type != VOUCHER:
        attributes["instrument"] = leg.instrument
    if leg.voucher_hold is not None:
        attributes["voucherHold"] = leg.voucher_hold
    if leg.clears_overdue:
        # Central asks for reconnection once all of them are final; the shop may trust a cheque of a good customer.
        attributes["clearsOverdue"] = list(leg.clears_overdue)
        attributes["reconnect"] = "now" if leg.reconnects_now else "whenFinal"
    if leg.foreign is not None:
        # What the whole tender was; the payment's own amounts are in the shop's currency.
        attributes["foreignCash"] = {
            "tendered": money_json(leg.foreign.amount),
            "rate": leg.foreign.rate,
            "rateSource": leg.foreign.source,
        }
    if leg.commission is not None:
        # The leg is the money that came; what the sale was before the dealer's part is told once for the event.
        attributes["commission"] = {
            "gross": money_json(leg.commission.gross),
            "commission": money_json(leg.commission.commission),
            "withheld": money_json(leg.commission.withheld),
            "deducted": money_json(leg.commission.deducted),
        }
    if leg.voucher_taken is not None:
        taken: dict[str, object] = {"digest": leg.voucher_taken.digest}
        if leg.voucher_taken.issuer is not None:
            taken["issuer"] = leg.voucher_taken.issuer
        attributes["voucherTaken"] = taken | {"amount": money_json(leg.voucher_taken.amount)}
    if leg.kept_apart:
        attributes["keptApart"] = [
            {"as": str(purpose), "amount": money_json(amount)} for purpose, amount in leg.kept_apart.items()
        ]
    if leg.write_offs:
        attributes["writeOff"] = [
            {"bill": bill_id, "amount": money_json(amount)} for bill_id, amount in leg.write_offs.items()
        ]
    if leg.replaces:
        attributes["replaces"] = list(leg.replaces)
    return attributes


def _optional_text(obj: Mapping[str, object], name: str, *, limit: int) -> str | None:
    value = obj.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > limit:
        raise BadField(name, "is not text of a fair length")
    return value


def _optional_change(value: object) -> int | None:
    """A foreign server may have an attribute of that name with another meaning."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
