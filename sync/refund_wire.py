"""What was undone of a leg, as a TMF676 Refund_Create body: for any server of the standard, with all that our own needs.

Account, method, channel and payer are taken over from the leg's own frozen body. What a server of another kind has no use
for stands in attributes of ours. Moved money is one refund that says where it went to our central, and to a server of
another kind two linked messages: a refund of the one payment and a payment of the other.
Source: tmf.md section 3 and the mapping of deeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pos.domain.correction import CorrectionKind
from pos.domain.leg import LegTarget
from pos.domain.payment_mode import Purpose
from pos.store.approvals import ApprovalFacts
from pos.store.corrections import PlacedFacts, RefundFacts
from pos.store.moved import MovedFacts
from pos.store.refunds_across import AcrossFacts, AcrossPart
from sync.wire_json import dumps, loads, money_json

ANNOUNCED = "refunds"
"""How a central says that it takes moves, too."""
NAMES: Mapping[CorrectionKind, str] = {
    CorrectionKind.VOID: "Void",
    CorrectionKind.REVERSAL: "Reversal",
    CorrectionKind.TENDER_CANCELLATION: "Cancelled tender",
    CorrectionKind.REFUND: "Refund",
    CorrectionKind.TRANSFER: "Payment transfer",
    CorrectionKind.REALLOCATION: "Re-allocation",
    CorrectionKind.DISHONOUR: "Returned cheque",
    CorrectionKind.REINSTATEMENT: "Cheque counts again",
}
FROM_THE_LEG = ("paymentEventId", "epoch", "leg")
"""What ties a refund to its payment beside the server's id."""


def refund_body(facts: RefundFacts) -> bytes:
    """The body, frozen before the first send."""
    leg = loads(facts.payment_body)
    body: dict[str, object] = {
        "correlatorId": facts.correlator_id,
        "name": NAMES[facts.kind],
        "description": _description(facts, leg),
        "account": leg["account"],
        "totalAmount": money_json(facts.amount),
        "refundDate": facts.corrected_at.isoformat(),
        "payment": {
            "id": facts.server_id,
            "@referredType": "Payment",
            "correlatorId": facts.leg_correlator_id,
        },
        "paymentMethod": _method(facts, loads(facts.method_body)),
    }
    if "channel" in leg:
        body["channel"] = leg["channel"]
    if "payer" in leg:
        body["requestor"] = leg["payer"]
    body["@type"] = "Refund"
    return dumps(body | _own_attributes(facts, leg))


def across_body(facts: AcrossFacts, *, terminal: str, epoch: int) -> bytes:
    """The same of a leg that another terminal took: by central's id of it, and with what central holds for this refund."""
    cash = facts.method_type == "Cash"
    method: dict[str, object] = {"@type": "Cash", "@baseType": "PaymentMethod", "name": facts.mode}
    if not cash:
        method = {
            "@type": "PaymentMethodRef",
            "id": facts.payment_id,
            "@referredType": facts.method_type,
            "name": facts.mode,
        }
    bills = [part for part in facts.parts if part.bill_id is not None]
    kept = [part for part in facts.parts if part.bill_id is None]
    body: dict[str, object] = {
        "correlatorId": facts.correlator_id,
        "name": NAMES[CorrectionKind.REFUND],
        "description": f"Refund of receipt {facts.of_receipt}: {facts.reason_code}",
        "account": {"id": facts.account, "@referredType": "BillingAccount"},
        "totalAmount": money_json(facts.amount),
        "refundDate": facts.refunded_at.isoformat(),
        "payment": {"id": facts.payment_id, "@referredType": "Payment"},
        "paymentMethod": method,
        "requestor": {"id": facts.payer_account, "role": facts.payer_kind, "@referredType": "BillingAccount"},
        "@type": "Refund",
        "kind": str(CorrectionKind.REFUND),
        "reasonCode": facts.reason_code,
        "receiptNumber": facts.receipt_number,
        "terminal": terminal,
        "epoch": epoch,
        "paymentEventId": facts.payment_event_id,
        "leg": facts.leg,
        "refundHold": facts.hold_id,
        "operator": facts.operator,
    }
    if facts.taken_by:
        body["takenBy"] = facts.taken_by
    if facts.approval is not None:
        body["approval"] = approval_json(facts.approval)
    if facts.reason is not None:
        body["reason"] = facts.reason
    if facts.shift_id is not None:
        body["shiftId"] = facts.shift_id
    if bills:
        body["bills"] = [{"bill": part.bill_id, "amount": money_json(part.amount)} for part in bills]
    if kept:
        body["kept"] = [_placed(part) for part in kept]
    return dumps(body)


def moved_body(facts: MovedFacts) -> bytes:
    """Moved money where it went, as a Payment_Create body: what a server without moves is told behind the refund."""
    leg = loads(facts.leg_body)
    body: dict[str, object] = {
        "correlatorId": facts.correlator_id,
        "name": NAMES[facts.kind],
        "description": f"{NAMES[facts.kind]} of receipt {leg.get('receiptNumber')}: {facts.reason_code}",
        "account": {"id": facts.account, "@referredType": "BillingAccount"},
        "totalAmount": money_json(facts.amount),
        "paymentMethod": moving(facts.correlator_id, facts.kind),
        **{name: leg[name] for name in ("channel", "payer") if name in leg},
    }
    if facts.bills:
        body["paymentItem"] = [
            {
                "item": {"id": bill_id, "@referredType": str(LegTarget.BILL)},
                "totalAmount": money_json(amount),
                "chosenBy": str(chosen_by),
            }
            for bill_id, amount, chosen_by in facts.bills
        ]
    body["@type"] = "Payment"
    attributes: dict[str, object] = {
        "kind": str(facts.kind),
        "reasonCode": facts.reason_code,
        "receiptNumber": facts.receipt_number,
        "paymentDate": facts.moved_at.isoformat(),
        "operator": facts.operator,
        "movedFrom": list(facts.from_correlators),
        **{name: leg[name] for name in ("terminal", *FROM_THE_LEG) if name in leg},
    }
    if facts.reason is not None:
        attributes["reason"] = facts.reason
    if facts.kept_apart:
        attributes["keptApart"] = [
            {"as": str(purpose), "amount": money_json(amount)} for purpose, amount in facts.kept_apart
        ]
    return dumps(body | attributes)


def _description(facts: RefundFacts, leg: Mapping[str, Any]) -> str:
    """What every server keeps, whatever it makes of the rest."""
    said = f"{NAMES[facts.kind]} of receipt {leg.get('receiptNumber')}: {facts.reason_code}"
    instead = facts.replaced_by
    if instead is None:
        return said
    return f"{said}; receipt {instead.receipt} stands in place of cheque {instead.serial}"


def is_move(body: bytes) -> bool:
    """Whether a body tells of money that was only put elsewhere, or counts again."""
    return "placed" in loads(body)


def _method(facts: RefundFacts, leg: Mapping[str, Any]) -> object:
    """Back by the way it came, a cheque by the same cheque; what is moved goes by no way to pay at all."""
    return moving(facts.correlator_id, facts.kind) if facts.kind.moves else leg["paymentMethod"]


def moving(correlator_id: str, kind: CorrectionKind) -> dict[str, object]:
    """The way that money goes which only changes its place."""
    return {
        "@type": "PaymentMethodRef",
        "id": correlator_id,
        "@referredType": "AccountTransfer",
        "name": str(kind),
    }


def _own_attributes(facts: RefundFacts, leg: Mapping[str, Any]) -> dict[str, object]:
    # A move by two messages is a plain refund first: nobody looks in it for where the money went.
    attributes: dict[str, object] = {} if facts.moved_to is not None else {"kind": str(facts.kind)}
    attributes |= {
        "reasonCode": facts.reason_code,
        "receiptNumber": facts.receipt_number,
        "terminal": facts.terminal,
        "operator": facts.operator,
        "takenBy": facts.taken_by,
        **{name: leg[name] for name in FROM_THE_LEG if name in leg},
    }
    if facts.approval is not None:
        attributes["approval"] = approval_json(facts.approval)
    if facts.reason is not None:
        attributes["reason"] = facts.reason
    if facts.shift_id is not None:
        attributes["shiftId"] = facts.shift_id
    if facts.cheque_state is not None:
        attributes["chequeState"] = facts.cheque_state
    if facts.replaced_by is not None:
        attributes["replacedBy"] = list(facts.replaced_by.correlators)
    if facts.hold_id is not None:
        attributes["refundHold"] = facts.hold_id
    if facts.bills:
        attributes["bills"] = [
            {"bill": bill_id, "amount": money_json(amount)} for bill_id, amount in facts.bills.items()
        ]
    if facts.kept:
        attributes["kept"] = [_placed(part) for part in facts.kept]
    if facts.write_offs:
        attributes["writeOff"] = [
            {"bill": bill_id, "amount": money_json(amount)} for bill_id, amount in facts.write_offs.items()
        ]
    if facts.recovered:
        attributes["recovered"] = money_json(facts.recovered)
    if facts.moved_to is not None:
        attributes["movedTo"] = facts.moved_to
    if facts.placed:
        attributes["placed"] = [_placed(part) for part in facts.placed]
    return attributes


def approval_json(approval: ApprovalFacts) -> dict[str, object]:
    """Who let it be done, so that central can see two people in it."""
    return {
        "request": approval.request_id,
        "requester": approval.requester,
        "approver": approval.approver,
        "terminal": approval.terminal,
        "approvedAt": approval.at.isoformat(),
        "offline": approval.offline,
    }


def _placed(part: PlacedFacts | AcrossPart) -> dict[str, object]:
    where: dict[str, object] = {"account": part.account}
    if part.kept_as is Purpose.BILLS and part.bill_id is not None:
        where["bill"] = part.bill_id
    else:
        where["as"] = str(Purpose.ACCOUNT if part.kept_as is Purpose.BILLS else part.kept_as)
    return where | {"amount": money_json(part.amount)}
