"""What debits cost that a bank refused or took back: told once, known by the till's key; each is a bill of its account."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, text
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pos.domain.money import Money, currency, zero
from sync.central.bills.charge_bills import ChargeBill, put_charge_bill
from sync.central.http.answers import answer_list, answer_one, json_answer
from sync.central.http.desk import CentralDesk
from sync.central.http.idempotency import read_told
from sync.central.payments.accounts import account_currency
from sync.central.store.database import next_change
from sync.central.wire.errors import ApiError, refuse_other_body
from sync.central.wire.fields import as_mapping, needed_text, plain_text
from sync.central.wire.links import CHARGE_PATH, RESOURCE_ID, Links
from sync.central.wire.query import Collection, Column, ColumnKind, Resource
from sync.wire_json import BadField, money_json, read_money


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingCharge:
    """A valid message. ``returned`` is what the bank took back with no payment to undo; ``tax`` is within ``fee``."""

    charge_id: str
    bill_no: str
    account_id: str
    reference: str
    reason_code: str | None
    returned: Money
    fee: Money
    tax: Money
    on: date
    terminal: str | None


def debit_charge_routes(desk: CentralDesk) -> list[Route]:
    """The routes that take charges and list them."""

    async def told(request: Request) -> Response:
        raw, body = await read_told(request, key="correlatorId")
        sha256 = hashlib.sha256(raw).hexdigest()
        charge = read_charge(body)
        with desk.store.write() as connection:
            row = connection.execute(FIND, {"id": charge.charge_id}).one_or_none()
            if row is not None:
                refuse_other_body(row.received_sha256, sha256)
            else:
                _receive(connection, charge, desk, sha256)
            found = connection.execute(FIND, {"id": charge.charge_id}).one()
            (resource,) = _compose(connection, [found], desk.links)
        if row is not None:
            return json_answer(resource, headers={"X-Idempotent-Replay": "true"})
        return json_answer(resource, status=201)

    async def listed(request: Request) -> Response:
        return await answer_list(desk, request, CHARGES)

    async def one(request: Request) -> Response:
        return answer_one(desk, request, CHARGES)

    return [
        Route(CHARGE_PATH, told, methods=["POST"]),
        Route(CHARGE_PATH, listed, methods=["GET"]),
        Route(f"{CHARGE_PATH}/{{id}}", one, methods=["GET"]),
    ]


def read_charge(body: Mapping[str, object]) -> IncomingCharge:
    """Raises BadField with what is missing, of a wrong type or impossible."""
    charge_id = needed_text(body, "id")
    if RESOURCE_ID.fullmatch(charge_id) is None or charge_id != needed_text(body, "correlatorId"):
        raise BadField("id", "must be the correlatorId, of plain letters, digits, dots and dashes")
    returned, fee, tax = (
        read_money(body.get(name), field=name) for name in ("returnedAmount", "feeAmount", "feeTaxAmount")
    )
    if len({returned.currency, fee.currency, tax.currency}) > 1:
        raise BadField("feeAmount", "mixes currencies")
    if min(returned.minor, fee.minor, tax.minor) < 0 or tax > fee or not returned + fee:
        raise BadField("feeAmount", "must be of more than zero, and its tax within it")
    try:
        on = date.fromisoformat(needed_text(body, "date"))
    except ValueError:
        raise BadField("date", "must be a day, as 2026-11-21") from None
    return IncomingCharge(
        charge_id=charge_id,
        bill_no=needed_text(body, "billNo"),
        account_id=needed_text(as_mapping(body.get("account"), field="account"), "id", field="account.id"),
        reference=needed_text(body, "reference"),
        reason_code=plain_text(body, "reasonCode"),
        returned=returned,
        fee=fee,
        tax=tax,
        on=on,
        terminal=plain_text(body, "terminal"),
    )


def _receive(connection: Connection, told: IncomingCharge, desk: CentralDesk, sha256: str) -> None:
    """Raises ApiError 422 ``account_other_currency`` or ``bill_is_there``."""
    kept_in, amount = account_currency(connection, told.account_id), told.returned + told.fee
    if kept_in not in (None, amount.currency.code):
        raise ApiError(422, "account_other_currency", f"The account is in {kept_in}.", field="account.id")
    now, change = desk.clock.now(), next_change(connection)
    put_charge_bill(
        connection,
        ChargeBill(
            bill_id=told.charge_id,
            bill_no=told.bill_no,
            account_id=told.account_id,
            on=told.on,
            lines=(
                (f"Returned direct debit {told.reference}", told.returned, zero(amount.currency)),
                (f"Fee for returned direct debit {told.reference}", told.fee, told.tax),
            ),
            of={"charge": told.charge_id},
        ),
        change=change,
        at=now,
    )
    connection.execute(
        INSERT,
        {
            "id": told.charge_id,
            "bill_no": told.bill_no,
            "account_id": told.account_id,
            "reference": told.reference,
            "reason_code": told.reason_code,
            "amount_minor": amount.minor,
            "fee_minor": told.fee.minor,
            "currency": amount.currency.code,
            "charged_on": told.on.isoformat(),
            "terminal": told.terminal,
            "change_number": change,
            "received_at": now.isoformat(),
            "received_sha256": sha256,
        },
    )


def _compose(_connection: Connection, rows: Sequence[Row[Any]], links: Links) -> list[Resource]:
    return [
        {
            "id": row.id,
            "href": links.of(CHARGE_PATH, row.id),
            "correlatorId": row.id,
            "billNo": row.bill_no,
            "account": {"id": row.account_id},
            "reference": row.reference,
            "reasonCode": row.reason_code,
            "totalAmount": money_json(Money(row.amount_minor, currency(row.currency))),
            "feeAmount": money_json(Money(row.fee_minor, currency(row.currency))),
            "date": row.charged_on,
            "terminal": row.terminal,
            "changeNumber": row.change_number,
            "@type": "CounterfoilCharge",
        }
        for row in rows
    ]


_COLUMNS = (
    "id, bill_no, account_id, reference, reason_code, amount_minor, fee_minor, currency, charged_on, terminal,"
    " change_number, received_sha256"
)
FIND = text(f"SELECT {_COLUMNS} FROM debit_charge WHERE id = :id")
INSERT = text(
    "INSERT INTO debit_charge (id, bill_no, account_id, reference, reason_code, amount_minor, fee_minor, currency,"
    " charged_on, terminal, change_number, received_at, received_sha256) VALUES (:id, :bill_no, :account_id, :reference,"
    " :reason_code, :amount_minor, :fee_minor, :currency, :charged_on, :terminal, :change_number, :received_at,"
    " :received_sha256)"
)

CHARGES = Collection(
    path=CHARGE_PATH,
    table="debit_charge",
    select=f"SELECT {_COLUMNS} FROM debit_charge",
    attributes=frozenset(
        {
            "id", "href", "correlatorId", "billNo", "account", "reference", "reasonCode", "totalAmount", "feeAmount",
            "date", "terminal", "changeNumber", "@type",
        }
    ),
    columns={
        "id": Column("id"),
        "account.id": Column("account_id"),
        "reference": Column("reference"),
        "changeNumber": Column("change_number", ColumnKind.INTEGER),
    },
    sorts={"id": "id", "date": "charged_on", "changeNumber": "change_number"},
    default_order="change_number",
    compose=_compose,
)  # fmt: skip
