"""Refunds in central's store: what of a payment was undone, paid back or moved; received once, never more than is left.

A payment is never edited: what it did to bills and accounts is taken back by rows of its own. Moved money (a transfer, a
re-allocation) is one row that says where it went; it counts in no ceiling.
Source: domain.md 3.6, 3.7 and rules 29 to 32; tmf.md, mapping of deeds; reliability.md invariants 22, 23 and 37.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from pos.domain.cheque import ChequeState
from pos.domain.correction import CorrectionKind
from pos.domain.money import Money, currency, zero
from pos.domain.payment_mode import Purpose
from sync.central.bills.bills import count_as_told, find_bill, set_against_bill
from sync.central.payments.accounts import account_currency, add_credit
from sync.central.payments.debt import clear_rests_again, give_up_again, owe_rests_again, recover_again
from sync.central.payments.payments import utc_written
from sync.central.payments.reconnections import (
    BOUNCED,
    ask_reconnection_again,
    bounced,
    take_reconnection_back,
)
from sync.central.refunds.holds import held_for, use_hold
from sync.central.refunds.incoming_refund import IncomingRefund, ToldPart
from sync.central.refunds.positions import FIGURE_OF, FIND_PAID, KEPT_APART, Part, StoodAs, positions_of, take
from sync.central.refunds.undone_papers import free_papers
from sync.central.store.database import next_change
from sync.central.vouchers.issuers import VoucherIssuer
from sync.central.wire.dealer_view import (
    is_own_payment,
    require_not_anothers,
    require_own_payment,
    require_seen_account,
    shown_key,
)
from sync.central.wire.errors import ApiError
from sync.central.wire.links import REFUND_PATH, Links
from sync.central.wire.query import Collection, Column, ColumnKind, Resource
from sync.wire_json import dumps, loads, money_json


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundReceipt:
    """How a refund reached us: the client's key, what identifies the body's bytes, our id for it and our time."""

    idempotency_key: str | None
    body_sha256: str
    refund_id: str
    received_at: datetime


def receive_refund(
    connection: Connection,
    told: IncomingRefund,
    receipt: RefundReceipt,
    issuers: Mapping[str, VoucherIssuer],
) -> Resource:
    """Store the refund and take back what its payment did, in the caller's transaction; the resource without its href.

    Raises ApiError 422 ``unknown_payment``, ``other_currency``, ``other_account``, ``bank_receipt_rejected``,
    ``not_two_people``, ``more_than_paid``, ``not_the_whole``, ``unknown_account``, ``account_other_currency``,
    ``refund_hold_used``, ``not_as_held``, ``voucher_rest_given``, ``not_dishonoured`` or ``voucher_not_given_back``,
    425 ``refund_held`` while another terminal may pay back what this wants, 503 where a voucher's issuer does not answer.
    Never 409, by which a gateway says that it may have the request already.
    """
    paid = _find_paid(connection, told)
    _require_two_people(paid, told)
    held, beyond = held_for(connection, told), zero(told.amount.currency)
    if told.kind is CorrectionKind.REINSTATEMENT:
        _require_bounced(connection, paid, told)
    else:
        beyond = _beyond(connection, paid, told)
    _require_accounts(connection, told)
    change, at = next_change(connection), receipt.received_at
    body = _kept_body(told, receipt, beyond, change=change)
    connection.execute(INSERT_REFUND, _row(told, receipt, body, change))
    if beyond:
        _owe(connection, told, receipt.refund_id, beyond, change=change)
    # The parts come off what is left beside the hold, so the hold is used up behind them.
    again = told.kind is CorrectionKind.REINSTATEMENT
    taken = [] if again else take(connection, paid, told, told.amount - beyond)
    if held is not None:
        use_hold(connection, held, receipt.refund_id)
    if not told.kind.moves:
        minor = -told.amount.minor if again else (told.amount - beyond).minor
        connection.execute(ADD_REFUNDED, {"id": paid.id, "minor": minor})
    for part in taken:
        apply_part(connection, part, change=change, at=at)
    parts = [*taken] if again else [*taken, *_beside(connection, told, change=change, at=at)]
    for placed in told.placed:
        # Only now: it may go where it was taken from.
        parts += _place(connection, placed, change=change, at=at)
    if again:
        parts += _beside_again(connection, told, change=change, at=at)
    for number, part in enumerate(parts, start=1):
        connection.execute(INSERT_PART, _part_row(receipt.refund_id, number, part))
    named = {*told.bills, *(placed.bill_id for placed in told.placed if placed.bill_id is not None)}
    # Where another till paid the bill first, this money was credit: the till that tells us had it on the bill.
    count_as_told(connection, sorted(named), change=change)
    _settle_body(connection, paid, told)
    if paid.correlator_id is not None and any(part.stood_as is StoodAs.BILL for part in taken):
        take_reconnection_back(connection, paid.correlator_id, change=change, at=at)
    _settle_reconnection(connection, paid, told, change=change, at=at)
    if told.kind.frees_papers:
        # Last, for an outside issuer that was told so is not told otherwise.
        free_papers(connection, paid, issuers, change=change, at=at)
    return body


def refundable(connection: Connection, payment_id: str) -> Resource | None:
    """What is left of a payment, and where it stands; None where there is no such payment."""
    paid = connection.execute(FIND_PAID, {"id": payment_id}).one_or_none()
    if paid is None or not is_own_payment(connection, payment_id):
        return None
    in_currency = currency(paid.currency)
    positions = positions_of(connection, paid)
    kept = sum(minor for place, minor in positions.items() if place.stands_as is not StoodAs.SUSPENSE)
    return {
        "payment": {"id": paid.id, "correlatorId": shown_key(paid.correlator_id)},
        "account": {"id": paid.account_id},
        "totalAmount": money_json(Money(paid.amount_minor, in_currency)),
        "refundedAmount": money_json(Money(paid.refunded_minor, in_currency)),
        "heldAmount": money_json(Money(paid.held_minor, in_currency)),
        # Money whose owner is unknown is nobody's to be paid back to.
        "refundableAmount": money_json(Money(0 if paid.outcome_minor < 0 else kept, in_currency)),
        "provisional": loads(paid.body).get("provisional") is True,
        "stands": [
            {
                "as": str(place.stands_as),
                "account": place.account_id,
                **({} if place.bill_id is None else {"bill": place.bill_id}),
                "amount": money_json(Money(minor, in_currency)),
            }
            for place, minor in positions.items()
        ],
        "@type": "CounterfoilRefundable",
    }


def _find_paid(connection: Connection, told: IncomingRefund) -> Row[Any]:
    require_own_payment(connection, told.payment_id)
    paid = connection.execute(FIND_PAID, {"id": told.payment_id}).one_or_none()
    if paid is None or told.leg_correlator_id not in (None, shown_key(paid.correlator_id)):
        raise ApiError(422, "unknown_payment", "No payment has this id.", field="payment.id")
    if told.amount.currency.code != paid.currency:
        raise ApiError(422, "other_currency", f"The payment is in {paid.currency}.", field="totalAmount.unit")
    if told.account_id != paid.account_id:
        raise ApiError(422, "other_account", "The payment is another account's.", field="account.id")
    if paid.outcome_minor < 0:
        raise ApiError(
            422,
            "bank_receipt_rejected",
            "The bank did not pay this: it was taken back already.",
            field="payment.id",
        )
    return paid


def _require_two_people(paid: Row[Any], told: IncomingRefund) -> None:
    """Who let it be done is neither who asked nor who took the payment.

    What was approved while nobody could ask us is kept all the same: its money has moved. The check of the books names it.
    """
    said = told.approval
    if said is None or said.offline:
        return
    if said.approver in (said.requester, told.taken_by, loads(paid.body).get("operator")):
        raise ApiError(
            422,
            "not_two_people",
            f"User {said.approver} approved it, and asked for it or took the payment.",
            field="approval.approver",
        )


def _beyond(connection: Connection, paid: Row[Any], told: IncomingRefund) -> Money:
    """How much more it is than what is left, which only a bounce may be: its cheque paid nothing, whatever went back before.

    Raises ApiError 422 ``more_than_paid`` or ``not_the_whole``, 425 ``refund_held``.
    """
    left = Money(sum(positions_of(connection, paid, but_hold=told.hold_id).values()), told.amount.currency)
    with_held = Money(sum(positions_of(connection, paid, held_too=True).values()), told.amount.currency)
    bounces = told.kind is CorrectionKind.DISHONOUR
    waits = told.kind.frees_papers or left < told.amount <= with_held or (bounces and left < told.amount)
    if left < with_held and waits:
        # Whether it is paid back there is not known yet.
        raise ApiError(
            425,
            "refund_held",
            "Another terminal is paying this back. This is taken when it has done so, or let go.",
            field="totalAmount",
        )
    if told.amount > left:
        if bounces and told.is_ours:
            return told.amount - left
        raise ApiError(
            422,
            "more_than_paid",
            f"Only {left.plain()} of this payment is left. Was it paid back before?",
            field="totalAmount",
        )
    if told.kind.frees_papers and told.amount != left:
        raise ApiError(
            422,
            "not_the_whole",
            f"What undoes a payment undoes all that is left of it: {left.plain()}.",
            field="totalAmount",
        )
    return zero(told.amount.currency)


def _owe(connection: Connection, told: IncomingRefund, refund_id: str, beyond: Money, *, change: int) -> None:
    """What another terminal had paid back of a cheque that bounced is owed on the account of who paid with it.

    The till charges what it knows of; of this it had not heard. A payor without an account here owes it on the payment's.
    """
    requestor = told.kept.get("requestor")
    payor = requestor.get("id") if isinstance(requestor, Mapping) else None
    accounts = [one for one in (payor, told.account_id) if isinstance(one, str)]
    fitting = [one for one in accounts if account_currency(connection, one) == beyond.currency.code]
    account_id = next(iter(fitting), told.account_id)
    row = {"refund_id": refund_id, "account_id": account_id, "amount_minor": beyond.minor}
    connection.execute(INSERT_BEYOND, row)
    if fitting:
        add_credit(connection, account_id, -beyond, change=change)


def _require_bounced(connection: Connection, paid: Row[Any], told: IncomingRefund) -> None:
    """Only what a bounce took off counts again, no more than was taken off."""
    if not connection.execute(FIND_BOUNCED, {"id": paid.id}).scalar_one():
        raise ApiError(422, "not_dishonoured", "The cheque behind this payment did not bounce.", field="kind")
    if told.amount.minor > paid.refunded_minor:
        off = Money(paid.refunded_minor, told.amount.currency)
        raise ApiError(422, "more_than_paid", f"Only {off.plain()} of it was undone.", field="totalAmount")


def _settle_reconnection(
    connection: Connection, paid: Row[Any], told: IncomingRefund, *, change: int, at: datetime
) -> None:
    """Service waits for a cheque that bounced, and comes back where that was the bank's mistake."""
    if paid.correlator_id is None:
        return
    if told.kind is CorrectionKind.DISHONOUR:
        bounced(connection, paid.correlator_id)
    elif told.kind is CorrectionKind.REINSTATEMENT and told.cheque_state == ChequeState.CLEARED:
        ask_reconnection_again(connection, paid.correlator_id, change=change, at=at)


def _require_accounts(connection: Connection, told: IncomingRefund) -> None:
    """Money is moved to accounts that are there, and can hold it. What counts again stands where it stood: what walk-in
    buyers bought, and what they owe for a cheque, is on no account here.
    """
    for index, placed in enumerate(told.placed):
        if told.kind is CorrectionKind.REINSTATEMENT and _needs_no_account(connection, placed):
            require_not_anothers(connection, placed.account_id, field=f"placed[{index}].account")
            continue
        require_seen_account(connection, placed.account_id, field=f"placed[{index}].account")
        kept_in = account_currency(connection, placed.account_id)
        if kept_in is None:
            raise ApiError(
                422, "unknown_account", "There is no such account.", field=f"placed[{index}].account"
            )
        if kept_in != told.amount.currency.code:
            message = f"The account is in {kept_in}."
            raise ApiError(422, "account_other_currency", message, field=f"placed[{index}].account")


def _needs_no_account(connection: Connection, placed: ToldPart) -> bool:
    if placed.bill_id is None:
        return placed.purpose is Purpose.ITEMS
    bill = find_bill(connection, placed.bill_id)
    return bill is not None and bill.account_id == placed.account_id


def _beside(connection: Connection, told: IncomingRefund, *, change: int, at: datetime) -> Iterator[Part]:
    """Rests of bills that are owed again and debt that is given up again, no more than the payment did of either."""
    for rest in owe_rests_again(
        connection, told.payment_id, told.write_offs, change=change, at=at.isoformat()
    ):
        yield Part(
            stood_as=StoodAs.WRITE_OFF, account_id=rest.account_id, bill_id=rest.bill_id, amount=-rest.amount
        )
    if told.recovered is not None:
        for account_id, amount in give_up_again(connection, told.payment_id, told.recovered, change=change):
            yield Part(stood_as=StoodAs.RECOVERY, account_id=account_id, bill_id=None, amount=-amount)


def _beside_again(
    connection: Connection, told: IncomingRefund, *, change: int, at: datetime
) -> Iterator[Part]:
    """What the bounce had undone of both is done anew, behind the money that counts again."""
    for rest in clear_rests_again(
        connection, told.payment_id, told.write_offs, change=change, at=at.isoformat()
    ):
        yield Part(
            stood_as=StoodAs.WRITE_OFF, account_id=rest.account_id, bill_id=rest.bill_id, amount=rest.amount
        )
    if told.recovered is not None:
        for account_id, amount in recover_again(connection, told.payment_id, told.recovered, change=change):
            yield Part(stood_as=StoodAs.RECOVERY, account_id=account_id, bill_id=None, amount=amount)


def _place(connection: Connection, placed: ToldPart, *, change: int, at: datetime) -> Iterator[Part]:
    """A bill takes what it still wants, as of money that comes in; the rest is its account's credit."""
    rest = placed.amount
    parts: list[Part] = []
    bill = None if placed.bill_id is None else find_bill(connection, placed.bill_id)
    if bill is not None and bill.remaining.currency == rest.currency and bill.remaining.minor > 0:
        paid = min(rest, bill.remaining)
        rest = rest - paid
        parts.append(
            Part(stood_as=StoodAs.BILL, account_id=bill.account_id, bill_id=bill.bill_id, amount=paid)
        )
    if rest:
        figure = FIGURE_OF.get(placed.purpose, StoodAs.CREDIT)
        if figure is StoodAs.CREDIT and account_currency(connection, placed.account_id) is None:
            figure = StoodAs.SUSPENSE
        parts.append(Part(stood_as=figure, account_id=placed.account_id, bill_id=None, amount=rest))
    for part in parts:
        apply_part(connection, part, change=change, at=at)
        yield part


def apply_part(connection: Connection, part: Part, *, change: int, at: datetime) -> None:
    """What a part of money does to its bill or account; of money in suspense or paid for other things nothing."""
    if part.stood_as is StoodAs.BILL:
        assert part.bill_id is not None, "a bill's part names it"
        set_against_bill(connection, part.bill_id, part.amount, change=change, at=at.isoformat())
    elif part.stood_as is StoodAs.CREDIT:
        add_credit(connection, part.account_id, part.amount, change=change)
    elif part.stood_as in KEPT_APART:
        statement = ADD_ADVANCE if part.stood_as is StoodAs.ADVANCE else ADD_DEPOSIT
        values = {"id": part.account_id, "minor": part.amount.minor, "change_number": change}
        connection.execute(statement, values)


def _settle_body(connection: Connection, paid: Row[Any], told: IncomingRefund) -> None:
    """The payment as it is answered from now on: in suspense no more, and undone it waits for nothing."""
    before: Resource = loads(paid.body)
    after = dict(before)
    if not any(place.stands_as is StoodAs.SUSPENSE for place in positions_of(connection, paid)):
        after.pop("suspense", None)
    if told.kind.frees_papers and after.get("provisional") is True:
        after.pop("provisionalReason", None)
        after |= {"provisional": False, "outcome": str(told.kind)}
    if told.cheque_state is not None and told.kind in (
        CorrectionKind.DISHONOUR,
        CorrectionKind.REINSTATEMENT,
    ):
        sure = told.cheque_state in (ChequeState.CLEARED, ChequeState.DISHONOURED)
        after |= {"provisional": not sure, "outcome": told.cheque_state}
    if after != before:
        connection.execute(SET_BODY, {"id": paid.id, "body": dumps(after).decode()})


def _kept_body(told: IncomingRefund, receipt: RefundReceipt, beyond: Money, *, change: int) -> Resource:
    at = receipt.received_at.isoformat()
    body: Resource = {"id": receipt.refund_id, **told.kept, "status": "done", "statusDate": at}
    body.setdefault("refundDate", at)
    body.setdefault("@type", "Refund")
    if beyond:
        body["paidBackBefore"] = money_json(beyond)
    return body | {"changeNumber": change}


def _row(told: IncomingRefund, receipt: RefundReceipt, body: Resource, change: int) -> dict[str, object]:
    return {
        "id": receipt.refund_id,
        "change_number": change,
        "correlator_id": told.correlator_id,
        "idempotency_key": receipt.idempotency_key,
        "payment_id": told.payment_id,
        "kind": str(told.kind),
        "account_id": told.account_id,
        "currency": told.amount.currency.code,
        "amount_minor": told.amount.minor,
        "receipt_number": told.receipt_number,
        "terminal": told.terminal,
        "status": "done",
        "refunded_at_utc": utc_written(body["refundDate"], receipt.received_at),
        "body": dumps(body).decode(),
        "received_sha256": receipt.body_sha256,
    }


def _part_row(refund_id: str, number: int, part: Part) -> dict[str, object]:
    return {
        "refund_id": refund_id,
        "part_no": number,
        "stood_as": str(part.stood_as),
        "account_id": part.account_id,
        "bill_id": part.bill_id,
        "amount_minor": part.amount.minor,
    }


def stored_refund(row: Row[Any], links: Links) -> Resource:
    """A stored refund as it is answered: the body as kept, with its address."""
    return refund_with_href(loads(row.body), links)


def refund_with_href(body: Resource, links: Links) -> Resource:
    """``id`` and ``href`` first, then the rest of the body."""
    return {"id": body["id"], "href": links.of(REFUND_PATH, body["id"]), **body}


def compose_refunds(_connection: Connection, rows: Sequence[Row[Any]], links: Links) -> list[Resource]:
    """The resources of refund rows."""
    return [stored_refund(row, links) for row in rows]


_COLUMNS = "id, body, received_sha256, change_number"
FIND_BY_KEY = text(f"SELECT {_COLUMNS} FROM refund WHERE idempotency_key = :key")
FIND_BY_CORRELATOR = text(f"SELECT {_COLUMNS} FROM refund WHERE correlator_id = :key")
TWINS = (FIND_BY_KEY, FIND_BY_CORRELATOR)
"""By what a refund that was posted before is known."""
INSERT_REFUND = text(
    "INSERT INTO refund (id, change_number, correlator_id, idempotency_key, payment_id, kind, account_id, currency,"
    " amount_minor, receipt_number, terminal, status, refunded_at_utc, body, received_sha256)"
    " VALUES (:id, :change_number, :correlator_id, :idempotency_key, :payment_id, :kind, :account_id, :currency,"
    " :amount_minor, :receipt_number, :terminal, :status, :refunded_at_utc, :body, :received_sha256)"
)
FIND_BOUNCED = text(f"SELECT {BOUNCED} FROM payment WHERE id = :id")
INSERT_BEYOND = text(
    "INSERT INTO refund_beyond (refund_id, account_id, amount_minor) VALUES (:refund_id, :account_id, :amount_minor)"
)
INSERT_PART = text(
    "INSERT INTO refund_part (refund_id, part_no, stood_as, account_id, bill_id, amount_minor)"
    " VALUES (:refund_id, :part_no, :stood_as, :account_id, :bill_id, :amount_minor)"
)
ADD_REFUNDED = text("UPDATE payment SET refunded_minor = refunded_minor + :minor WHERE id = :id")
ADD_ADVANCE = text(
    "UPDATE account SET advance_minor = advance_minor + :minor, change_number = :change_number WHERE id = :id"
)
ADD_DEPOSIT = text(
    "UPDATE account SET deposit_minor = deposit_minor + :minor, change_number = :change_number WHERE id = :id"
)
SET_BODY = text("UPDATE payment SET body = :body WHERE id = :id")

REFUNDS = Collection(
    path=REFUND_PATH,
    table="refund",
    select=f"SELECT {_COLUMNS} FROM refund",
    for_dealer=(
        "payment_id IN (SELECT payment.id FROM payment"
        " WHERE payment.dealer = :of_dealer OR payment.account_id = :of_dealer)"
    ),
    attributes=frozenset(
        {
            "id", "href", "authorizationCode", "correlatorId", "description", "name", "refundDate", "status",
            "statusDate", "account", "amount", "channel", "payment", "paymentMethod", "requestor", "taxAmount",
            "totalAmount", "@type", "@baseType", "@schemaLocation",
            "kind", "reasonCode", "reason", "receiptNumber", "terminal", "epoch", "paymentEventId", "leg", "shiftId",
            "bills", "kept", "writeOff", "recovered", "placed", "refundHold", "operator", "takenBy", "approval",
            "chequeState", "replacedBy", "paidBackBefore", "changeNumber",
        }
    ),
    columns={
        "id": Column("id"),
        "correlatorId": Column("correlator_id"),
        "receiptNumber": Column("receipt_number"),
        "terminal": Column("terminal"),
        "account.id": Column("account_id"),
        "payment.id": Column("payment_id"),
        "status": Column("status"),
        "refundDate": Column("refunded_at_utc", ColumnKind.MOMENT),
        "totalAmount.unit": Column("currency"),
        "changeNumber": Column("change_number", ColumnKind.INTEGER),
    },
    sorts={
        "id": "id",
        "correlatorId": "correlator_id",
        "receiptNumber": "receipt_number",
        "terminal": "terminal",
        "account.id": "account_id",
        "payment.id": "payment_id",
        "status": "status",
        "refundDate": "refunded_at_utc",
        "changeNumber": "change_number",
    },
    default_order="change_number",
    compose=compose_refunds,
)  # fmt: skip
