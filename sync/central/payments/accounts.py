"""Accounts in central's store: who owes or deals, and the credit that payments left there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from pos.domain.money import Money, currency
from pos.domain.payment_mode import PayerKind
from pos.domain.standing_bounces import StandingBounce, cash_only_by
from sync.bounces_wire import bounces_json
from sync.central.payments.standing_bounces import standing_bounces
from sync.central.wire.links import ACCOUNT_PATH, Links
from sync.central.wire.query import Collection, Column, ColumnKind, Resource
from sync.wire_json import loads, money_json


def account_currency(connection: Connection, account_id: str) -> str | None:
    """The currency code of a known account, None for an unknown one."""
    row = connection.execute(FIND_ACCOUNT, {"id": account_id}).one_or_none()
    return None if row is None else str(row.currency)


def account_kind(connection: Connection, account_id: str) -> PayerKind | None:
    """Whether a known account is a subscriber's or a dealer's, None for an unknown one."""
    row = connection.execute(FIND_ACCOUNT, {"id": account_id}).one_or_none()
    return None if row is None else PayerKind(row.kind)


def add_credit(connection: Connection, account_id: str, credit: Money, *, change: int) -> None:
    """Leave ``credit`` (of the account's own currency) on a known account."""
    connection.execute(ADD_CREDIT, {"id": account_id, "credit_minor": credit.minor, "change_number": change})


def compose_accounts(connection: Connection, rows: Sequence[Row[Any]], links: Links) -> list[Resource]:
    """The account resources, as only our own API tells them."""
    bounces = standing_bounces(connection, [row.id for row in rows])
    return [_compose_account(row, links, bounces.get(row.id, ())) for row in rows]


def _compose_account(row: Row[Any], links: Links, bounces: Sequence[StandingBounce]) -> Resource:
    in_currency = currency(row.currency)
    resource: Resource = {
        "id": row.id,
        "href": links.of(ACCOUNT_PATH, row.id),
        "kind": row.kind,
        "name": row.name,
        "phone": row.phone,
        "currency": row.currency,
        "customer": row.customer,
        "status": row.status,
        "cashOnly": bool(row.cash_only),
        "dunningStage": row.dunning_stage,
        "creditAmount": money_json(Money(row.credit_minor, in_currency)),
        "advanceAmount": money_json(Money(row.advance_minor, in_currency)),
        "depositAmount": money_json(Money(row.deposit_minor, in_currency)),
        "writtenOffAmount": money_json(Money(row.written_off_minor, in_currency)),
        "change": row.change_number,
        "@type": "CounterfoilAccount",
    }
    former = loads(row.loaded).get("former")
    if former:
        resource["formerAccounts"] = former
    if row.kind == PayerKind.DEALER:
        resource["unverifiedAmount"] = money_json(Money(int(row.unverified_minor), in_currency))
        resource["blocked"] = bool(row.rejected)
    if row.dealer_class is not None:
        resource["dealerClass"] = row.dealer_class
    if bounces:
        resource["bounces"] = bounces_json(bounces)
    until = cash_only_by(bounces)
    if until is not None:
        resource["cashOnlyUntil"] = until.isoformat()
    if row.credit_limit_minor is not None:
        resource["creditLimit"] = money_json(Money(row.credit_limit_minor, in_currency))
    return resource


FIND_ACCOUNT = text("SELECT currency, kind FROM account WHERE id = :id")
ADD_CREDIT = text(
    "UPDATE account SET credit_minor = credit_minor + :credit_minor, change_number = :change_number"
    " WHERE id = :id"
)

ACCOUNTS = Collection(
    path=ACCOUNT_PATH,
    table="account",
    select=(
        "SELECT id, kind, name, phone, currency, customer, status, cash_only, dunning_stage, credit_minor,"
        " advance_minor, deposit_minor, written_off_minor, dealer_class, credit_limit_minor, loaded,"
        " (SELECT coalesce(sum(amount_minor), 0) FROM bank_receipt WHERE dealer_id = account.id"
        " AND state = 'presented' AND bank_receipt.currency = account.currency) AS unverified_minor,"
        " (SELECT count(*) FROM bank_receipt WHERE dealer_id = account.id AND state = 'rejected') AS rejected,"
        " change_number FROM account"
    ),
    attributes=frozenset(
        {
            "id", "href", "kind", "name", "phone", "currency", "customer", "status", "cashOnly",
            "dunningStage", "creditAmount", "advanceAmount", "depositAmount", "writtenOffAmount", "change",
            "dealerClass", "creditLimit", "formerAccounts", "unverifiedAmount", "blocked",
            "cashOnlyUntil", "bounces", "@type",
        }
    ),
    columns={
        "id": Column("id"),
        "kind": Column("kind"),
        "phone": Column("phone"),
        "status": Column("status"),
        "change": Column("change_number", ColumnKind.INTEGER),
    },
    sorts={"id": "id", "name": "name", "change": "change_number"},
    default_order="id",
    compose=compose_accounts,
    for_dealer="(kind <> 'dealer' OR id = :of_dealer)",
)  # fmt: skip
