"""What a terminal may pay back of a payment that another took: asked for by its receipt, held, then used or let go.

A hold is the answer to one asking for ever: asked again under the same id nothing is held twice. It never lapses, for the
money may be out of a drawer already; it goes by the refund that names it, or when the terminal or a person lets it go.
Source: domain.md 3.6 and rule 32; reliability.md invariant 37.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from pos.domain.cheque import ChequeState
from pos.domain.money import Currency, Money, currency, total, zero
from sync.central.refunds.incoming_refund import IncomingRefund
from sync.central.refunds.positions import FIND_PAID, Part, StoodAs, part_to_hold, positions_of
from sync.central.wire.callers import require_own_terminal
from sync.central.wire.dealer_view import is_of_own_till, is_own_payment, shown_key
from sync.central.wire.errors import ApiError
from sync.central.wire.query import Resource
from sync.tmf676.method import VOUCHER
from sync.wire_json import dumps, loads, money_json

LEGS_MAX = 50
_MAY_GO_BACK = (StoodAs.CREDIT, StoodAs.BILL)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundHoldAsked:
    """A hold as it is asked for: so much of each leg, by the payment's id here.

    ``own``: the terminal has the payment in its own books, and knows itself which of its money is sure.
    """

    hold_id: str
    terminal: str
    operator: str
    receipt_number: str
    legs: tuple[tuple[str, Money], ...]
    own: bool = False

    def sha256(self) -> str:
        """What tells two askings apart."""
        legs = [[payment_id, amount.plain(), amount.currency.code] for payment_id, amount in self.legs]
        return hashlib.sha256(
            dumps([self.terminal, self.operator, self.receipt_number, legs, self.own])
        ).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLeg:
    """An open leg of a hold, as the refund that names it finds it."""

    hold_id: str
    payment_id: str
    amount: Money


# --- by the receipt --------------------------------------------------------------------------------------------------


def refundable_receipt(connection: Connection, receipt_number: str) -> Resource | None:
    """The payment of a receipt, leg by leg: what may be paid back of each now, and where its money stands.

    None where no till has told of it. Raises ApiError 422 ``receipt_not_unique`` where several payments say that they are.
    """
    legs = _legs_of(connection, receipt_number)
    if not legs:
        return None
    first = loads(legs[0].body)
    payer = first.get("payer")
    return {
        "receiptNumber": receipt_number,
        "paymentEventId": first["paymentEventId"],
        "terminal": legs[0].terminal,
        "takenAt": first.get("paymentDate"),
        "operator": first.get("operator"),
        "payer": None if payer is None else {"id": payer["id"], "role": payer.get("role")},
        "legs": [_leg_json(connection, paid) for paid in legs],
        "@type": "CounterfoilRefundableReceipt",
    }


def _legs_of(connection: Connection, receipt_number: str) -> list[Row[Any]]:
    """The legs of a till's payment, in their order; a payment that is of no event is no till's."""
    found = connection.execute(FIND_BY_RECEIPT, {"number": receipt_number, "most": LEGS_MAX + 1}).scalars()
    own = [payment_id for payment_id in found.all() if is_own_payment(connection, payment_id)]
    legs = [connection.execute(FIND_PAID, {"id": payment_id}).one() for payment_id in own]
    legs = [paid for paid in legs if "paymentEventId" in loads(paid.body)]
    if len({loads(paid.body)["paymentEventId"] for paid in legs}) > 1 or len(legs) > LEGS_MAX:
        raise ApiError(
            422,
            "receipt_not_unique",
            "Several payments have this receipt. Pay it back where it was taken.",
            field="receiptNumber",
        )
    return sorted(legs, key=lambda paid: int(loads(paid.body).get("leg", 0)))


def _leg_json(connection: Connection, paid: Row[Any]) -> Resource:
    body, in_currency = loads(paid.body), currency(paid.currency)
    method = body["paymentMethod"]
    return {
        "payment": {"id": paid.id, "correlatorId": shown_key(paid.correlator_id)},
        "leg": body.get("leg", 0),
        "account": {"id": paid.account_id},
        "paymentMethod": {"@type": _method_type(method), "name": method.get("name")},
        "totalAmount": money_json(Money(paid.amount_minor, in_currency)),
        "refundedAmount": money_json(Money(paid.refunded_minor, in_currency)),
        "heldAmount": money_json(Money(paid.held_minor, in_currency)),
        "refundableAmount": money_json(_may_go_back(connection, paid)),
        "provisional": body.get("provisional") is True,
        **({"clearedAt": body["outcomeDate"]} if body.get("outcome") == ChequeState.CLEARED else {}),
        "stands": [
            _place_json(
                connection, place.stands_as, place.account_id, place.bill_id, Money(minor, in_currency)
            )
            for place, minor in positions_of(connection, paid).items()
        ],
    }


def _may_go_back(connection: Connection, paid: Row[Any]) -> Money:
    """Sure money that stands on bills or accounts. A voucher is never money."""
    body, in_currency = loads(paid.body), currency(paid.currency)
    is_voucher = _method_type(body["paymentMethod"]) == VOUCHER or "voucherHold" in body
    if body.get("provisional") is True or is_voucher or paid.outcome_minor < 0:
        return zero(in_currency)
    return _left_of(connection, paid)


def _left_of(connection: Connection, paid: Row[Any]) -> Money:
    """What stands on bills or accounts, and is not held."""
    in_currency = currency(paid.currency)
    places = positions_of(connection, paid).items()
    return Money(sum(minor for place, minor in places if place.stands_as in _MAY_GO_BACK), in_currency)


def _method_type(method: Mapping[str, Any]) -> str:
    """The class of a way to pay, by value or by reference."""
    kind = method.get("@type")
    return str(method.get("@referredType") if kind == "PaymentMethodRef" else kind)


def _place_json(
    connection: Connection, stood_as: StoodAs, account_id: str, bill_id: str | None, amount: Money
) -> dict[str, object]:
    told: dict[str, object] = {"as": str(stood_as), "account": account_id, "amount": money_json(amount)}
    if bill_id is not None:
        told |= {
            "bill": bill_id,
            "billNo": connection.execute(FIND_BILL_NO, {"id": bill_id}).scalar_one(),
        }
    return told


# --- holding ---------------------------------------------------------------------------------------------------------


def hold_refund(connection: Connection, asked: RefundHoldAsked, *, at: datetime) -> tuple[Resource, bool]:
    """Hold it, in the caller's transaction; the answer, and whether it was held before.

    Raises ApiError 422 ``key_reused`` where the id was used for another asking, 409 ``refund_hold_released``,
    ``refund_unknown_receipt``, ``refund_other_currency`` or ``refund_more_than_left`` (``left`` beside it).
    """
    before = connection.execute(FIND_HOLD, {"id": asked.hold_id}).one_or_none()
    if before is not None:
        if before.released_at is not None:
            raise _not_held("refund_hold_released", "This was given up before. Do it once more.")
        if before.asked_sha256 != asked.sha256() or not is_of_own_till(connection, before.terminal):
            raise ApiError(
                422, "key_reused", "This hold's id was used for another asking. Nothing was changed."
            )
        return _hold_json(connection, asked.hold_id), True
    legs = {paid.id: paid for paid in _legs_of(connection, asked.receipt_number)}
    if any(payment_id not in legs for payment_id, _ in asked.legs):
        raise _not_held("refund_unknown_receipt", "Central has no payment of this receipt.")
    connection.execute(
        INSERT_HOLD,
        {
            "id": asked.hold_id,
            "terminal": asked.terminal,
            "operator": asked.operator,
            "receipt_number": asked.receipt_number,
            "asked_sha256": asked.sha256(),
            "made_at": _utc(at),
        },
    )
    for payment_id, amount in asked.legs:
        _hold_leg(connection, asked, legs[payment_id], amount)
    return _hold_json(connection, asked.hold_id), False


def _hold_leg(connection: Connection, asked: RefundHoldAsked, paid: Row[Any], amount: Money) -> None:
    in_currency = currency(paid.currency)
    if amount.currency != in_currency:
        raise _not_held("refund_other_currency", f"The payment is in {in_currency}.")
    own = asked.own and asked.terminal == paid.terminal
    left = _left_of(connection, paid) if own else _may_go_back(connection, paid)
    if amount > left:
        raise _not_held(
            "refund_more_than_left",
            f"Only {left} of this way to pay may be paid back now: the rest was, or is not sure yet.",
            more={"left": money_json(left)},
        )
    parts = part_to_hold(connection, paid, amount)
    assert total((part.amount for part in parts), in_currency) == amount, "no more is held than is there"
    row = {"hold_id": asked.hold_id, "payment_id": paid.id}
    connection.execute(INSERT_LEG, {**row, "amount_minor": amount.minor})
    for number, part in enumerate(parts, start=1):
        connection.execute(INSERT_PART, {**row, **_part_row(number, part)})
    connection.execute(ADD_HELD, {"id": paid.id, "minor": amount.minor})


def _part_row(number: int, part: Part) -> dict[str, object]:
    return {
        "part_no": number,
        "stood_as": str(part.stood_as),
        "account_id": part.account_id,
        "bill_id": part.bill_id,
        "amount_minor": part.amount.minor,
    }


def _hold_json(connection: Connection, hold_id: str) -> Resource:
    legs = []
    for leg in connection.execute(READ_LEGS, {"id": hold_id}).all():
        in_currency = currency(leg.currency)
        parts = connection.execute(READ_PARTS, {"id": hold_id, "payment_id": leg.payment_id})
        legs.append(
            {
                "payment": {"id": leg.payment_id},
                "amount": money_json(Money(leg.amount_minor, in_currency)),
                "parts": [_part_json(connection, part, in_currency) for part in parts.all()],
            }
        )
    return {"id": hold_id, "state": "reserved", "legs": legs, "@type": "CounterfoilRefundHold"}


def _part_json(connection: Connection, part: Row[Any], in_currency: Currency) -> dict[str, object]:
    amount = Money(part.amount_minor, in_currency)
    return _place_json(connection, StoodAs(part.stood_as), part.account_id, part.bill_id, amount)


def _not_held(code: str, message: str, *, more: Mapping[str, object] | None = None) -> ApiError:
    return ApiError(409, code, message, more=more)


def release_refund_hold(connection: Connection, hold_id: str, *, at: datetime) -> None:
    """Let go of a hold. One that never came leaves a mark, so that it is refused if it comes late.

    Another dealer's is answered as one that is not here, and stays. Raises ApiError 403 ``other_terminal`` where another
    terminal holds it, 409 ``refund_hold_used`` where a refund has used it.
    """
    hold = connection.execute(FIND_HOLD, {"id": hold_id}).one_or_none()
    if hold is None:
        connection.execute(INSERT_MARK, {"id": hold_id, "at": _utc(at)})
        return
    if not is_of_own_till(connection, hold.terminal):
        return
    require_own_terminal({"terminal": hold.terminal})
    if hold.released_at is not None:
        return
    legs = connection.execute(READ_LEGS, {"id": hold_id}).all()
    if any(leg.refund_id is not None for leg in legs):
        raise ApiError(409, "refund_hold_used", "A refund has used this.")
    for leg in legs:
        connection.execute(ADD_HELD, {"id": leg.payment_id, "minor": -leg.amount_minor})
    connection.execute(RELEASE_HOLD, {"id": hold_id, "at": _utc(at)})


# --- using -----------------------------------------------------------------------------------------------------------


def held_for(connection: Connection, told: IncomingRefund) -> HeldLeg | None:
    """What was held for a refund. None where it names no hold, or one that is not kept here any more: it is weighed like
    any other, for the money is out.

    Raises ApiError 422 ``refund_hold_used`` or ``not_as_held``.
    """
    if told.hold_id is None:
        return None
    leg = connection.execute(FIND_LEG, {"id": told.hold_id, "payment_id": told.payment_id}).one_or_none()
    if leg is None or leg.released_at is not None:
        return None
    if leg.refund_id is not None:
        raise ApiError(422, "refund_hold_used", "Another refund has used this hold.", field="refundHold")
    held = Money(leg.amount_minor, currency(leg.currency))
    if told.terminal != leg.terminal or told.amount != held or told.kind.moves or told.kind.frees_papers:
        message = f"Terminal {leg.terminal} holds {held} for one refund, and this is another."
        raise ApiError(422, "not_as_held", message, field="refundHold")
    return HeldLeg(hold_id=told.hold_id, payment_id=told.payment_id, amount=held)


def use_hold(connection: Connection, held: HeldLeg, refund_id: str) -> None:
    """The refund, which is stored already, takes the place of what was held for it."""
    connection.execute(USE_LEG, {"id": held.hold_id, "payment_id": held.payment_id, "refund_id": refund_id})
    connection.execute(ADD_HELD, {"id": held.payment_id, "minor": -held.amount.minor})


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenHold:
    """A hold that waits for its refund, or to be let go."""

    hold_id: str
    terminal: str
    operator: str
    receipt_number: str
    amount: Money
    made_at: str


def open_refund_holds(connection: Connection) -> Sequence[OpenHold]:
    """The oldest first."""
    return [
        OpenHold(
            hold_id=row.id,
            terminal=row.terminal,
            operator=row.operator,
            receipt_number=row.receipt_number,
            amount=Money(int(row.minor), currency(row.currency)),
            made_at=row.made_at,
        )
        for row in connection.execute(READ_OPEN)
    ]


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


FIND_BY_RECEIPT = text(
    "SELECT id FROM payment WHERE receipt_number = :number ORDER BY change_number LIMIT :most"
)
FIND_BILL_NO = text("SELECT bill_no FROM bill WHERE id = :id")
FIND_HOLD = text("SELECT id, terminal, asked_sha256, released_at FROM refund_hold WHERE id = :id")
INSERT_HOLD = text(
    "INSERT INTO refund_hold (id, terminal, operator, receipt_number, asked_sha256, made_at)"
    " VALUES (:id, :terminal, :operator, :receipt_number, :asked_sha256, :made_at)"
)
INSERT_MARK = text("INSERT INTO refund_hold (id, made_at, released_at) VALUES (:id, :at, :at)")
INSERT_LEG = text(
    "INSERT INTO refund_hold_leg (hold_id, payment_id, amount_minor) VALUES (:hold_id, :payment_id, :amount_minor)"
)
INSERT_PART = text(
    "INSERT INTO refund_hold_part (hold_id, payment_id, part_no, stood_as, account_id, bill_id, amount_minor)"
    " VALUES (:hold_id, :payment_id, :part_no, :stood_as, :account_id, :bill_id, :amount_minor)"
)
ADD_HELD = text("UPDATE payment SET held_minor = held_minor + :minor WHERE id = :id")
READ_LEGS = text(
    "SELECT payment_id, leg.amount_minor, leg.refund_id, payment.currency FROM refund_hold_leg AS leg"
    " JOIN payment ON payment.id = leg.payment_id WHERE hold_id = :id ORDER BY payment.change_number"
)
READ_PARTS = text(
    "SELECT stood_as, account_id, bill_id, amount_minor FROM refund_hold_part"
    " WHERE hold_id = :id AND payment_id = :payment_id ORDER BY part_no"
)
RELEASE_HOLD = text("UPDATE refund_hold SET released_at = :at WHERE id = :id")
FIND_LEG = text(
    "SELECT leg.amount_minor, leg.refund_id, hold.terminal, hold.released_at, payment.currency FROM refund_hold_leg AS leg"
    " JOIN refund_hold AS hold ON hold.id = leg.hold_id JOIN payment ON payment.id = leg.payment_id"
    " WHERE leg.hold_id = :id AND leg.payment_id = :payment_id"
)
USE_LEG = text(
    "UPDATE refund_hold_leg SET refund_id = :refund_id WHERE hold_id = :id AND payment_id = :payment_id"
)
READ_OPEN = text(
    "SELECT hold.id, hold.terminal, hold.operator, hold.receipt_number, hold.made_at, sum(leg.amount_minor) AS minor,"
    " min(payment.currency) AS currency FROM refund_hold AS hold JOIN refund_hold_leg AS leg ON leg.hold_id = hold.id"
    " JOIN payment ON payment.id = leg.payment_id WHERE hold.released_at IS NULL AND leg.refund_id IS NULL"
    " GROUP BY hold.id, hold.terminal, hold.operator, hold.receipt_number, hold.made_at ORDER BY hold.made_at, hold.id"
)
