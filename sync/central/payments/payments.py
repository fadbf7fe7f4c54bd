"""Payments in central's store: received once, applied to bills, the rest kept as credit or in suspense.

Cash and printed receipts are facts: an unknown bill or account never refuses money, it only decides where it stands.
The keys against doing it twice are constraints of the payment table itself and never expire.
Source: domain.md 3.11; reliability.md sections 0.6 and 2 (1 to 6, 11).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, TextClause, text

from pos.domain.cheque import ChequeIdentity
from pos.domain.money import Money, currency, total
from pos.domain.payment_mode import PayerKind
from sync.central.bills.bills import StoredBill, reduce_bill
from sync.central.payments.accounts import add_credit
from sync.central.payments.bank_receipts import note_bank_receipt
from sync.central.payments.cheques import cheque_of, note_cheque, note_replacement, presented_before
from sync.central.payments.debt import clear_rests, keep_apart, recover
from sync.central.payments.doubles import flag_double
from sync.central.payments.incoming import IncomingPayment
from sync.central.payments.instruments import claim_instrument
from sync.central.payments.known import Known
from sync.central.payments.placement import Placement, place
from sync.central.payments.reconnections import claim_reconnection, money_is_final
from sync.central.store.database import CentralStore, next_change
from sync.central.vouchers.issuers import VoucherIssuer
from sync.central.vouchers.offline import hold_taken
from sync.central.vouchers.vouchers import PaidByVoucher, redeem_hold
from sync.central.wire.dealer_view import BETWEEN, dealer_asking, shown_key
from sync.central.wire.errors import ApiError
from sync.central.wire.links import PAYMENT_PATH, Links
from sync.central.wire.query import Collection, Column, ColumnKind, Resource
from sync.wire_json import dumps, loads, money_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """How a payment reached us: the client's key, what identifies the body's bytes, our id for it and our time."""

    idempotency_key: str | None
    body_sha256: str
    payment_id: str
    received_at: datetime


def find_twin(
    connection: Connection,
    *,
    idempotency_key: str | None,
    correlator_id: str | None,
    body_sha256: str,
    among: tuple[TextClause, TextClause] | None = None,
) -> Row[Any] | None:
    """The payment that was posted under the same key or correlator before, None if there is none.

    ``among`` are the statements that find by each of them; None: payments. Raises ApiError 422 where it had another body.
    """
    by_key, by_correlator = among or (FIND_BY_KEY, FIND_BY_CORRELATOR)
    for statement, key in ((by_key, idempotency_key), (by_correlator, correlator_id)):
        if key is None:
            continue
        row = connection.execute(statement, {"key": key}).one_or_none()
        if row is None:
            continue
        if row.received_sha256 != body_sha256:
            raise ApiError(
                422, "key_reused", "This key or correlatorId was used for another body. Nothing was changed."
            )
        return row
    return (
        None
        if correlator_id is None
        else _twin_of_nobody(connection, by_correlator, correlator_id, body_sha256)
    )


def _twin_of_nobody(
    connection: Connection, by_correlator: TextClause, correlator_id: str, body_sha256: str
) -> Row[Any] | None:
    """What was kept before it was noted whose key it is, and so is its sender's: only that one knows its bytes."""
    if not correlator_id.startswith(BETWEEN):
        return None
    row = connection.execute(by_correlator, {"key": shown_key(correlator_id)}).one_or_none()
    return row if row is not None and row.received_sha256 == body_sha256 else None


def receive(
    connection: Connection,
    incoming: IncomingPayment,
    receipt: Receipt,
    issuers: Mapping[str, VoucherIssuer],
    *,
    known: Known,
    tolerance: str = "",
) -> str:
    """Store the payment, set its money against bills and account, in the caller's transaction.

    ``known`` was read in this transaction.
    A rest of a bill up to ``tolerance`` (decimal text; empty: none) is cleared where the till cleared it.

    Returns the body as it is kept, for ``answer_kept``. Raises ApiError 409 where the terminal's number, the paper or the
    voucher was used for another payment, 503 where a voucher's issuer does not answer.
    """
    if known.number_used:
        raise ApiError(
            409,
            NUMBER_TAKEN,
            "This terminal used this epoch, sequence and leg for another payment. Is there a copy of the till?",
            field="sequence",
        )
    change = next_change(connection)
    at = receipt.received_at.isoformat()
    placement = place(connection, incoming, account_currency=known.account_currency)
    added = _added(incoming, receipt, change=change, suspense=placement.suspense)
    cheque = cheque_of(incoming.instrument)
    if cheque is not None:
        _hold_second(connection, cheque, incoming, added)
    body: Resource = {"id": receipt.payment_id, **incoming.kept, **added}
    row = _row(incoming, receipt, placement, body, change)
    row["body"] = _kept_text(incoming, body, added)
    connection.execute(INSERT_PAYMENT, {**row, "dealer": _dealer_of(incoming, known)})
    if cheque is not None:
        event_id = incoming.payment_event_id
        note_cheque(connection, cheque, payment=body, payment_event_id=event_id, change=change)
    note_replacement(connection, incoming.replaces, by=receipt.payment_id, terminal=incoming.terminal)
    _claim_paper(connection, incoming, receipt)
    note_bank_receipt(connection, incoming, receipt.payment_id, change=change)
    touched: dict[str, StoredBill] = {}
    for item_no, bill, paid in placement.applied:
        current = touched.get(bill.bill_id, bill)
        touched[bill.bill_id] = reduce_bill(connection, current, paid, change=change, at=at)
        connection.execute(
            INSERT_APPLIED,
            {
                "payment_id": receipt.payment_id,
                "item_no": item_no,
                "bill_id": bill.bill_id,
                "amount_minor": paid.minor,
            },
        )
    recover(
        connection,
        receipt.payment_id,
        [(bill, paid) for _, bill, paid in placement.applied],
        change=change,
    )
    clear_rests(
        connection,
        receipt.payment_id,
        incoming.write_offs,
        touched.values(),
        tolerance=tolerance,
        change=change,
        at=at,
    )
    if placement.credit:
        credit = keep_apart(
            connection, receipt.payment_id, incoming.account_id, placement.credit, incoming.kept_apart
        )
        add_credit(connection, incoming.account_id, credit, change=change)
    if known.account_currency is not None:
        flag_double(
            connection, incoming, receipt.payment_id, paid_at_utc=str(row["paid_at_utc"]), change=change
        )
    claim_reconnection(connection, incoming, known, change=change, at=receipt.received_at)
    # Last, for an outside issuer that was told so is not told otherwise.
    _redeem(connection, incoming, receipt, issuers)
    if incoming.voucher_taken is not None and incoming.correlator_id is not None:
        # It waited for nothing but this.
        money_is_final(connection, incoming.correlator_id, change=change, at=receipt.received_at)
    return str(row["body"])


def _dealer_of(incoming: IncomingPayment, known: Known) -> str | None:
    """Whose payment it is beside its account's: the dealer's whose client told it, or that paid it at a till."""
    dealer, payer = dealer_asking(), incoming.payer_id
    if dealer is not None or payer is None or payer == incoming.account_id:
        return dealer
    return payer if known.payer_kind is PayerKind.DEALER else None


def _hold_second(
    connection: Connection, cheque: ChequeIdentity, incoming: IncomingPayment, added: Resource
) -> None:
    """A cheque that came before by another event: the payment is kept, provisional, and held for a person."""
    first = presented_before(connection, cheque, payment_event_id=incoming.payment_event_id)
    if first is not None:
        told = first.receipt_number and dealer_asking() is None
        by = f"receipt {first.receipt_number}" if told else "another payment"
        added["held"] = True
        added["provisional"] = True
        added["provisionalReason"] = f"This cheque was presented before, by {by}. Compare both papers."


def _claim_paper(connection: Connection, incoming: IncomingPayment, receipt: Receipt) -> None:
    """The paper behind the money is used by this payment, or was by another."""
    if incoming.instrument is not None and cheque_of(incoming.instrument) is None:
        claim_instrument(
            connection,
            incoming.instrument,
            payment_event_id=incoming.payment_event_id,
            payment_id=receipt.payment_id,
        )


def _redeem(
    connection: Connection,
    incoming: IncomingPayment,
    receipt: Receipt,
    issuers: Mapping[str, VoucherIssuer],
) -> None:
    """The voucher behind the money, held before or taken without us, is used by this payment, or was by another."""
    hold_id, event_id, at = incoming.voucher_hold, incoming.payment_event_id, receipt.received_at
    if incoming.voucher_taken is not None:
        assert event_id is not None, "a voucher without an event was refused before"
        hold_id = hold_taken(
            connection,
            incoming.voucher_taken,
            payment_event_id=event_id,
            terminal=incoming.terminal,
            mode=incoming.method_name,
            account_id=incoming.payer_id or incoming.account_id,
            at=at,
            issuers=issuers,
        )
    if hold_id is not None:
        assert event_id is not None, "a held voucher without an event was refused before"
        paid = PaidByVoucher(
            hold_id=hold_id,
            payment_event_id=event_id,
            terminal=incoming.terminal,
            mode=incoming.method_name,
            payer_id=incoming.payer_id,
            amount=incoming.amount,
        )
        redeem_hold(connection, paid, payment_id=receipt.payment_id, at=at, issuers=issuers)


def stored_resource(row: Row[Any], links: Links) -> Resource:
    """A stored payment as it is answered: the body as kept, with its address and what of it was refunded."""
    body = loads(row.body)
    if row.refunded_minor:
        body["refundedAmount"] = money_json(Money(row.refunded_minor, currency(row.currency)))
    return with_href(body, links)


def answer_kept(kept: str, links: Links) -> bytes:
    """As ``with_href``, of the body as ``receive`` keeps it: its text is told, with the address after its id."""
    own_id, _, rest = kept.partition(",")
    payment_id = own_id.removeprefix('{"id":"').removesuffix('"')
    return f'{own_id},"href":{dumps(links.payment(payment_id)).decode()},{rest}'.encode()


def with_href(body: Resource, links: Links) -> Resource:
    """``id`` and ``href`` first, then the rest of the body."""
    return {"id": body["id"], "href": links.payment(body["id"]), **body}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPayment:
    """One row a leg, as ``pos central payments`` shows them; ``suspense`` is what of it is there still."""

    payment_id: str
    terminal: str | None
    epoch: int | None
    sequence: int | None
    leg: int | None
    receipt_number: str | None
    correlator_id: str | None
    account: str
    amount: Money
    suspense: Money
    held: bool


def list_payments(store: CentralStore) -> Iterator[ListedPayment]:
    """Every payment, in the order of arrival; read in slices, so that any number fits."""
    after = 0
    while True:
        with store.read() as connection:
            rows = connection.execute(LIST_SLICE, {"after": after, "slice": 1000}).all()
        if not rows:
            return
        for row in rows:
            in_currency = currency(row.currency)
            yield ListedPayment(
                payment_id=row.id,
                terminal=row.terminal,
                epoch=row.epoch,
                sequence=row.sequence,
                leg=row.leg,
                receipt_number=row.receipt_number,
                correlator_id=shown_key(row.correlator_id),
                account=row.account_id,
                amount=Money(row.amount_minor, in_currency),
                suspense=Money(row.suspense_minor, in_currency),
                held=bool(row.held),
            )
        after = rows[-1].change_number


def _added(incoming: IncomingPayment, receipt: Receipt, *, change: int, suspense: Money) -> Resource:
    """What the server says of the payment beside what the client said."""
    at = receipt.received_at.isoformat()
    added: Resource = {"status": "done", "statusDate": at}
    if "paymentDate" not in incoming.kept:
        added["paymentDate"] = at
    if "@type" not in incoming.kept:
        added["@type"] = "Payment"
    added["changeNumber"] = change
    if suspense:
        added["suspense"] = True
    return added


def _kept_text(incoming: IncomingPayment, body: Resource, added: Resource) -> str:
    """``body`` as it is stored. Most clients wrote their part of it already, and it is not put together again."""
    if incoming.kept_text is None or not added.keys().isdisjoint(incoming.kept):
        return dumps(body).decode()
    return f'{{"id":"{body["id"]}",{incoming.kept_text[1:-1]},{dumps(added)[1:].decode()}'


def _row(
    incoming: IncomingPayment, receipt: Receipt, placement: Placement, body: Resource, change: int
) -> dict[str, object]:
    key = incoming.key
    applied = total((paid for _, _, paid in placement.applied), incoming.amount.currency)
    return {
        "id": receipt.payment_id,
        "change_number": change,
        "correlator_id": incoming.correlator_id,
        "idempotency_key": receipt.idempotency_key,
        "terminal": incoming.terminal,
        "epoch": key.epoch if key else None,
        "sequence": key.sequence if key else None,
        "leg": key.leg if key else None,
        "receipt_number": incoming.receipt_number,
        "account_id": incoming.account_id,
        "currency": incoming.amount.currency.code,
        "amount_minor": incoming.amount.minor,
        "applied_minor": applied.minor,
        "credit_minor": placement.credit.minor,
        "suspense_minor": placement.suspense.minor,
        "other_minor": placement.other.minor,
        "status": "done",
        "paid_at_utc": utc_written(body["paymentDate"], receipt.received_at),
        "received_sha256": receipt.body_sha256,
    }


def utc_written(written: str, received_at: datetime) -> str:
    """A date-time as UTC text that sorts by time; one at the edge of the calendar counts as received now."""
    try:
        moment = datetime.fromisoformat(written.upper()).astimezone(UTC)
    except OverflowError:
        moment = received_at.astimezone(UTC)
    return moment.isoformat(timespec="microseconds")


def compose_payments(_connection: Connection, rows: Sequence[Row[Any]], links: Links) -> list[Resource]:
    """The resources of payment rows."""
    return [stored_resource(row, links) for row in rows]


NUMBER_TAKEN = "sequence_conflict"
"""The refusal of a second payment of one number: two stores book under one enrolment."""

_COLUMNS = "id, body, received_sha256, change_number, refunded_minor, currency"
FIND_BY_KEY = text(f"SELECT {_COLUMNS} FROM payment WHERE idempotency_key = :key")
FIND_BY_CORRELATOR = text(f"SELECT {_COLUMNS} FROM payment WHERE correlator_id = :key")
INSERT_PAYMENT = text(
    "INSERT INTO payment (id, change_number, correlator_id, idempotency_key, terminal, epoch, sequence, leg,"
    " receipt_number, account_id, currency, amount_minor, applied_minor, credit_minor, suspense_minor,"
    " other_minor, status, paid_at_utc, body, received_sha256, dealer)"
    " VALUES (:id, :change_number, :correlator_id, :idempotency_key, :terminal, :epoch, :sequence, :leg,"
    " :receipt_number, :account_id, :currency, :amount_minor, :applied_minor, :credit_minor, :suspense_minor,"
    " :other_minor, :status, :paid_at_utc, :body, :received_sha256, :dealer)"
)
INSERT_APPLIED = text(
    "INSERT INTO applied_payment (payment_id, item_no, bill_id, amount_minor)"
    " VALUES (:payment_id, :item_no, :bill_id, :amount_minor)"
)
LIST_SLICE = text(
    "SELECT id, payment.change_number, payment.terminal, payment.epoch, sequence, leg, receipt_number, correlator_id,"
    " account_id, currency, amount_minor, suspense_minor - (SELECT coalesce(sum(moved.amount_minor), 0)"
    " FROM suspense_transfer AS moved WHERE moved.payment_id = payment.id)"
    " + (SELECT coalesce(sum(part.amount_minor), 0) FROM refund_part AS part JOIN refund ON refund.id = part.refund_id"
    " WHERE refund.payment_id = payment.id AND stood_as = 'suspense') AS suspense_minor,"
    " coalesce(held, 0) AS held FROM payment"
    " LEFT JOIN cheque ON cheque.payment_id = payment.id WHERE payment.change_number > :after"
    " ORDER BY payment.change_number LIMIT :slice"
)

PAYMENTS = Collection(
    path=PAYMENT_PATH,
    table="payment",
    select=f"SELECT {_COLUMNS} FROM payment",
    attributes=frozenset(
        {
            "id", "href", "authorizationCode", "correlatorId", "description", "name", "paymentDate", "status",
            "statusDate", "account", "amount", "channel", "payer", "paymentItem", "paymentMethod",
            "taxAmount", "totalAmount", "@type", "@baseType", "@schemaLocation",
            "paymentEventId", "receiptNumber", "terminal", "epoch", "sequence", "leg", "shiftId",
            "businessDate", "operator", "changeNumber", "suspense", "provisional", "provisionalReason", "instrument",
            "voucherHold", "voucherTaken", "clearsOverdue", "reconnect", "foreignCash", "held", "keptApart", "writeOff",
            "outcome", "outcomeDate", "outcomeReason", "commission", "refundedAmount",
            "replaces", "replacedBy",
        }
    ),
    columns={
        "id": Column("id"),
        "correlatorId": Column("correlator_id"),
        "receiptNumber": Column("receipt_number"),
        "terminal": Column("terminal"),
        "account.id": Column("account_id"),
        "status": Column("status"),
        "paymentDate": Column("paid_at_utc", ColumnKind.MOMENT),
        "totalAmount.unit": Column("currency"),
        "changeNumber": Column("change_number", ColumnKind.INTEGER),
    },
    sorts={
        "id": "id",
        "correlatorId": "correlator_id",
        "receiptNumber": "receipt_number",
        "terminal": "terminal",
        "epoch": "epoch",
        "sequence": "sequence",
        "leg": "leg",
        "account.id": "account_id",
        "status": "status",
        "paymentDate": "paid_at_utc",
        "changeNumber": "change_number",
    },
    default_order="change_number",
    compose=compose_payments,
    for_dealer="(payment.dealer = :of_dealer OR payment.account_id = :of_dealer)",
)  # fmt: skip
