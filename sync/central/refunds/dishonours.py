"""Bounced cheques at central: what each charged, whom it counts against, and where collection stands again.

What it took off bills and accounts comes as refunds of its legs. A till tells the rest once, and once more where the bank
had been wrong. Source: domain.md 3.3 and rules 17, 35, 41; tmf.md section 6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from pos.domain.money import Money, currency, zero
from pos.domain.standing_bounces import until_by
from sync.bounces_wire import STAGE_MAX, read_rule, whole
from sync.central.bills.bills import find_bill, set_against_bill
from sync.central.bills.charge_bills import ChargeBill, put_charge_bill
from sync.central.payments.accounts import account_currency, add_credit
from sync.central.payments.standing_bounces import put_back, standing_bounces, take_back_stages
from sync.central.wire.dealer_view import (
    OF_OWN_PAYMENTS,
    dealer_asking,
    is_own_payment,
    require_not_anothers,
    require_own_payment,
    shown_key,
    stored_key,
)
from sync.central.wire.errors import ApiError, refuse_other_body
from sync.central.wire.fields import as_mapping, needed_text, plain_text
from sync.central.wire.links import DISHONOUR_PATH, RESOURCE_ID, Links
from sync.central.wire.query import Collection, Column, ColumnKind, Resource
from sync.wire_json import BadField, money_json, read_money

DISHONOURED, UNDONE = "dishonoured", "undone"
COLLECTED_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingCharge:
    """What a bounce charged. ``bill_no`` None: on the account, for a dealer has no bills."""

    charge_id: str
    bill_no: str | None
    account_id: str
    recovered: Money
    fee: Money
    tax: Money
    on: date

    @property
    def amount(self) -> Money:
        return self.recovered + self.fee


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingDishonour:
    """A valid message. ``undone``: the bank was wrong about the bounce of this id, and the rest is not told again."""

    correlator_id: str
    dishonour_id: str
    undone: bool
    payment_id: str
    leg_correlator_id: str | None
    account_id: str | None
    payors_fault: bool
    reason_code: str
    on: date
    receipt_number: str | None
    of_receipt: str | None
    terminal: str | None
    rule: tuple[int, int, int]
    stages: tuple[tuple[str, int], ...]
    charge: IncomingCharge | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DishonourReceipt:
    """How it reached us: what identifies its bytes, our time and change number."""

    body_sha256: str
    received_at: datetime
    change: int


def read_dishonour(body: Mapping[str, object]) -> IncomingDishonour:
    """Raises BadField with what is missing, of a wrong type or impossible."""
    paid = as_mapping(body.get("payment"), field="payment")
    state, fault = body.get("state"), body.get("payorsFault")
    if state not in (DISHONOURED, UNDONE):
        raise BadField("state", f"must be {DISHONOURED} or {UNDONE}")
    if not isinstance(fault, bool):
        raise BadField("payorsFault", "must be true or false")
    account = body.get("account")
    return IncomingDishonour(
        correlator_id=str(stored_key(needed_text(body, "correlatorId"))),
        dishonour_id=_id(needed_text(body, "dishonour"), "dishonour"),
        undone=state == UNDONE,
        payment_id=needed_text(paid, "id", field="payment.id"),
        leg_correlator_id=plain_text(paid, "correlatorId", field="payment.correlatorId"),
        account_id=None
        if account is None
        else needed_text(as_mapping(account, field="account"), "id", field="account.id"),
        payors_fault=fault,
        reason_code=needed_text(body, "reasonCode"),
        on=_day(body, "bankDate"),
        receipt_number=plain_text(body, "receiptNumber"),
        of_receipt=plain_text(body, "ofReceipt"),
        terminal=plain_text(body, "terminal"),
        rule=_rule(body.get("cashOnly")),
        stages=_stages(body.get("collection")),
        charge=_charge(body.get("charge")),
    )


def _id(told: str, field: str) -> str:
    if RESOURCE_ID.fullmatch(told) is None:
        raise BadField(field, "must be plain letters, digits, dots and dashes")
    return told


def _day(body: Mapping[str, object], name: str, *, field: str | None = None) -> date:
    try:
        return date.fromisoformat(needed_text(body, name, field=field))
    except ValueError:
        raise BadField(field or name, "must be a day, as 2026-11-21") from None


def _rule(value: object) -> tuple[int, int, int]:
    if value is None:
        return 0, 0, 0
    return read_rule(as_mapping(value, field="cashOnly"), "cashOnly")


def _stages(value: object) -> tuple[tuple[str, int], ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > COLLECTED_MAX:
        raise BadField("collection", f"must be an array of at most {COLLECTED_MAX}")
    found = []
    for index, entry in enumerate(value):
        told = as_mapping(entry, field=f"collection[{index}]")
        account = needed_text(told, "account", field=f"collection[{index}].account")
        found.append((account, whole(told, "stage", f"collection[{index}]", STAGE_MAX)))
    return tuple(found)


def _charge(value: object) -> IncomingCharge | None:
    if value is None:
        return None
    told = as_mapping(value, field="charge")
    recovered, fee, tax = (
        read_money(told.get(name), field=f"charge.{name}")
        for name in ("recoveredAmount", "feeAmount", "feeTaxAmount")
    )
    if len({recovered.currency, fee.currency, tax.currency}) > 1:
        raise BadField("charge", "mixes currencies")
    if min(recovered.minor, fee.minor, tax.minor) < 0 or tax > fee or not recovered + fee:
        raise BadField("charge", "must be of more than zero, and its tax within the fee")
    return IncomingCharge(
        charge_id=_id(needed_text(told, "id", field="charge.id"), "charge.id"),
        bill_no=plain_text(told, "billNo", field="charge.billNo"),
        account_id=needed_text(told, "account", field="charge.account"),
        recovered=recovered,
        fee=fee,
        tax=tax,
        on=_day(told, "date", field="charge.date"),
    )


def find_told(connection: Connection, correlator_id: str, *, body_sha256: str) -> Resource | None:
    """What was told under this key before. Raises ApiError 422 where it had another body."""
    row = connection.execute(FIND_TOLD, {"key": correlator_id}).one_or_none()
    if row is None:
        return None
    first = row.correlator_id == correlator_id
    refuse_other_body(row.received_sha256 if first else row.undone_sha256, body_sha256)
    return _resource(connection, row) | {"correlatorId": shown_key(correlator_id)}


def receive_dishonour(connection: Connection, told: IncomingDishonour, receipt: DishonourReceipt) -> Resource:
    """Note the bounce, or that the bank was wrong, in the caller's transaction.

    Raises ApiError 422 ``unknown_payment``, ``unknown_account``, ``account_other_currency``, ``bill_is_there``,
    ``unknown_dishonour`` or ``dishonour_conflict``. Never 409, by which a gateway says that it may have the request already.
    """
    require_own_payment(connection, told.payment_id)
    paid = connection.execute(FIND_PAYMENT, {"id": told.payment_id}).one_or_none()
    if paid is None or told.leg_correlator_id not in (None, shown_key(paid.correlator_id)):
        raise ApiError(422, "unknown_payment", "No payment has this id.", field="payment.id")
    if told.undone:
        _undo(connection, told, receipt)
    else:
        _note(connection, told, receipt)
    # Whoever told it knows its own key again, of the bounce or of its being undone.
    row = connection.execute(FIND_DISHONOUR, {"id": told.dishonour_id}).one()
    resource = _resource(connection, row)
    return resource | {"correlatorId": shown_key(told.correlator_id)}


def _note(connection: Connection, told: IncomingDishonour, receipt: DishonourReceipt) -> None:
    if connection.execute(FIND_DISHONOUR, {"id": told.dishonour_id}).first() is not None:
        raise ApiError(422, "dishonour_conflict", "This bounce was told before.", field="dishonour")
    charge = told.charge
    if told.account_id is not None:
        require_not_anothers(connection, told.account_id, field="account.id")
    if charge is not None:
        require_not_anothers(connection, charge.account_id, field="charge.account")
    for account_id, _ in told.stages:
        require_not_anothers(connection, account_id, field="collection.account")
    if charge is not None:
        _put_charge(connection, told, charge, receipt)
    counts = told.payors_fault and told.account_id is not None
    connection.execute(
        INSERT_DISHONOUR,
        {
            "id": told.dishonour_id,
            "correlator_id": told.correlator_id,
            "payment_id": told.payment_id,
            "account_id": told.account_id,
            "counts": int(counts),
            "cash_only_rule": " ".join(str(number) for number in told.rule),
            "reason_code": told.reason_code,
            "bank_date": told.on.isoformat(),
            "receipt_number": told.receipt_number,
            "of_receipt": told.of_receipt,
            "terminal": told.terminal,
            "charge_id": None if charge is None else charge.charge_id,
            "charged_account": None if charge is None else charge.account_id,
            "is_bill": int(charge is not None and charge.bill_no is not None),
            "charged_minor": 0 if charge is None else charge.amount.minor,
            "currency": None if charge is None else charge.amount.currency.code,
            "change_number": receipt.change,
            "received_at": receipt.received_at.isoformat(),
            "received_sha256": receipt.body_sha256,
        },
    )
    for account_id, stage in dict(told.stages).items():
        put_back(connection, told.dishonour_id, account_id, stage, change=receipt.change)
    if counts:
        connection.execute(TOUCH_ACCOUNT, {"id": told.account_id, "change_number": receipt.change})


def _put_charge(
    connection: Connection, told: IncomingDishonour, charge: IncomingCharge, receipt: DishonourReceipt
) -> None:
    """A bill of its own, outside any cycle; a dealer's account has so much less. Where nobody keeps the account, as for a
    walk-in buyer, the bill is its till's dealer's.
    """
    kept_in = account_currency(connection, charge.account_id)
    if charge.bill_no is None:
        if kept_in is None:
            raise ApiError(422, "unknown_account", "There is no such account.", field="charge.account")
        if kept_in != charge.amount.currency.code:
            raise ApiError(
                422, "account_other_currency", f"The account is in {kept_in}.", field="charge.account"
            )
        add_credit(connection, charge.account_id, -charge.amount, change=receipt.change)
        return
    of = f" of receipt {told.of_receipt}" if told.of_receipt else ""
    put_charge_bill(
        connection,
        ChargeBill(
            bill_id=charge.charge_id,
            bill_no=charge.bill_no,
            account_id=charge.account_id,
            dealer=dealer_asking() if kept_in is None else None,
            on=charge.on,
            lines=(
                (f"Returned cheque{of}", charge.recovered, zero(charge.fee.currency)),
                ("Fee for a returned cheque", charge.fee, charge.tax),
            ),
            of={"dishonour": told.dishonour_id},
        ),
        change=receipt.change,
        at=receipt.received_at,
    )


def _undo(connection: Connection, told: IncomingDishonour, receipt: DishonourReceipt) -> None:
    """Nothing of it holds any more: what is open of its charge goes, what was paid of it is the account's credit."""
    row = connection.execute(FIND_DISHONOUR, {"id": told.dishonour_id}).one_or_none()
    if row is None or not is_own_payment(connection, row.payment_id):
        raise ApiError(422, "unknown_dishonour", "No bounce has this id.", field="dishonour")
    if row.undone_at is not None:
        raise ApiError(422, "dishonour_conflict", "This bounce was undone before.", field="dishonour")
    at, off, back = receipt.received_at.isoformat(), 0, 0
    if row.charge_id is not None:
        charged = Money(row.charged_minor, currency(row.currency))
        back = charged.minor
        if row.is_bill:
            bill = find_bill(connection, row.charge_id)
            assert bill is not None, "a charge has its bill"
            off = max(0, bill.remaining.minor)
            back -= off
            if off:
                taken = Money(off, charged.currency)
                set_against_bill(connection, row.charge_id, taken, change=receipt.change, at=at)
        if back and account_currency(connection, row.charged_account) == row.currency:
            add_credit(connection, row.charged_account, Money(back, charged.currency), change=receipt.change)
        elif back:
            # Whom it belongs to is not known here: it stays with the bill.
            back = 0
    take_back_stages(connection, told.dishonour_id, change=receipt.change)
    values = {"id": told.dishonour_id, "key": told.correlator_id, "sha256": receipt.body_sha256, "at": at}
    connection.execute(
        SET_UNDONE, {**values, "off_minor": off, "credit_minor": back, "change_number": receipt.change}
    )
    if row.account_id is not None:
        connection.execute(TOUCH_ACCOUNT, {"id": row.account_id, "change_number": receipt.change})


def _resource(connection: Connection, row: Row[Any]) -> Resource:
    told_or_not = {
        "receiptNumber": row.receipt_number,
        "ofReceipt": row.of_receipt,
        "terminal": row.terminal,
    }
    resource: Resource = {
        "id": row.id,
        "correlatorId": shown_key(row.correlator_id),
        "state": DISHONOURED if row.undone_at is None else UNDONE,
        "payment": {"id": row.payment_id},
        "reasonCode": row.reason_code,
        "bankDate": row.bank_date,
        **{name: told for name, told in told_or_not.items() if told is not None},
        "counts": bool(row.counts),
        "changeNumber": row.change_number,
        "@type": "CounterfoilDishonour",
    }
    if row.account_id is not None:
        resource["account"] = {"id": row.account_id}
        beside = standing_bounces(connection, [row.account_id]).get(row.account_id, ())
        until = next((until_by(one, beside) for one in beside if one.bounce_id == row.id), None)
        if until is not None:
            resource["cashOnlyUntil"] = until.isoformat()
    stages = connection.execute(READ_STAGES, {"id": row.id}).all()
    if stages:
        resource["collection"] = [_stage(one) for one in stages]
    if row.charge_id is not None:
        resource["charge"] = {
            "account": row.charged_account,
            "totalAmount": money_json(Money(row.charged_minor, currency(row.currency))),
            **({"bill": row.charge_id} if row.is_bill else {}),
        }
    return resource


def _stage(row: Row[Any]) -> Resource:
    """``putBack`` false: the bounce was undone, but the stage had moved on, and was left as it is."""
    told = {"account": row.account_id, "stageBefore": row.stage_before, "stage": row.stage_to}
    return told if row.put_back is None else {**told, "putBack": bool(row.put_back)}


def compose_dishonours(connection: Connection, rows: Sequence[Row[Any]], links: Links) -> list[Resource]:
    """The bounces as collections reads them."""
    return [{**_resource(connection, row), "href": links.of(DISHONOUR_PATH, row.id)} for row in rows]


_COLUMNS = (
    "id, correlator_id, payment_id, account_id, counts, cash_only_rule, reason_code, bank_date, receipt_number,"
    " of_receipt, terminal, charge_id, charged_account, is_bill, charged_minor, currency, change_number,"
    " received_sha256, undone_at, undone_sha256"
)
FIND_PAYMENT = text("SELECT id, correlator_id FROM payment WHERE id = :id")
FIND_TOLD = text(
    f"SELECT {_COLUMNS} FROM dishonour WHERE correlator_id = :key OR undone_correlator_id = :key"
)
FIND_DISHONOUR = text(f"SELECT {_COLUMNS} FROM dishonour WHERE id = :id")
INSERT_DISHONOUR = text(
    "INSERT INTO dishonour (id, correlator_id, payment_id, account_id, counts, cash_only_rule, reason_code, bank_date,"
    " receipt_number, of_receipt, terminal, charge_id, charged_account, is_bill, charged_minor, currency, change_number,"
    " received_at, received_sha256)"
    " VALUES (:id, :correlator_id, :payment_id, :account_id, :counts, :cash_only_rule, :reason_code, :bank_date,"
    " :receipt_number, :of_receipt, :terminal, :charge_id, :charged_account, :is_bill, :charged_minor, :currency,"
    " :change_number, :received_at, :received_sha256)"
)
SET_UNDONE = text(
    "UPDATE dishonour SET undone_correlator_id = :key, undone_sha256 = :sha256, undone_at = :at, off_minor = :off_minor,"
    " credit_minor = :credit_minor, change_number = :change_number WHERE id = :id AND undone_at IS NULL"
)
READ_STAGES = text(
    "SELECT account_id, stage_before, stage_to, put_back FROM dishonour_stage WHERE dishonour_id = :id ORDER BY account_id"
)
TOUCH_ACCOUNT = text("UPDATE account SET change_number = :change_number WHERE id = :id")

DISHONOURS = Collection(
    path=DISHONOUR_PATH,
    table="dishonour",
    select=f"SELECT {_COLUMNS} FROM dishonour",
    attributes=frozenset(
        {
            "id", "href", "correlatorId", "state", "payment", "account", "reasonCode", "bankDate", "receiptNumber",
            "ofReceipt", "terminal", "counts", "cashOnlyUntil", "collection", "charge", "changeNumber", "@type",
        }
    ),
    columns={
        "id": Column("id"),
        "account.id": Column("account_id"),
        "bankDate": Column("bank_date"),
        "changeNumber": Column("change_number", ColumnKind.INTEGER),
    },
    sorts={"id": "id", "bankDate": "bank_date", "changeNumber": "change_number"},
    default_order="change_number",
    compose=compose_dishonours,
    for_dealer=OF_OWN_PAYMENTS,
)  # fmt: skip
