"""Bills on demand: an account's unbilled rates become a bill at once, or the answer says why not.

What was asked for is kept as it was answered, whether a bill came of it or not. Source: tmf.md section 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from pos.domain.errors import Refused
from sync.central.bills.credit_use import use_credit
from sync.central.bills.interim_bill import BilledAccount, billed_rate, interim_bill
from sync.central.bills.loading import write_bill
from sync.central.store.database import next_change
from sync.central.wire.dealer_view import OF_SEEN_ACCOUNT
from sync.central.wire.fields import plain_text
from sync.central.wire.links import BILL_ON_DEMAND_PATH, Links
from sync.central.wire.query import Collection, Column, ColumnKind, Resource
from sync.tmf676.shape import check_shape
from sync.tmf678.shape import ON_DEMAND_CREATE
from sync.wire_json import BadField, dumps, loads

RATES_MAX = 5_000
"""On one bill; what is more waits for the next."""

SET_BY_SERVER = ("id", "href", "state", "customerBill", "lastUpdate", "stateReason", "changeNumber")


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedBill:
    """A valid CustomerBillOnDemand_Create; account or party is there. ``kept`` is it without what the server sets."""

    account_id: str | None
    party_id: str | None
    kept: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandReceipt:
    """What the server adds to what was asked for."""

    idempotency_key: str | None
    correlator_id: str | None
    body_sha256: str
    demand_id: str
    received_at: datetime


class NoBill(Refused):
    """Why no bill came of it: ``code`` is stable, the message is for whoever asked."""


def read_asked(body: Mapping[str, object]) -> AskedBill:
    """Raises BadField with the dotted path of what is missing or of a wrong type."""
    kept = {name: value for name, value in body.items() if name not in SET_BY_SERVER}
    check_shape(kept, ON_DEMAND_CREATE, path="")
    account_id, party_id = _id_of(kept, "billingAccount"), _id_of(kept, "relatedParty")
    if account_id is None and party_id is None:
        raise BadField("billingAccount", "is missing, and no relatedParty stands for it")
    return AskedBill(account_id=account_id, party_id=party_id, kept=kept)


def make_on_demand(connection: Connection, asked: AskedBill, receipt: DemandReceipt) -> Resource:
    """Make the bill and keep what came of it, in the caller's transaction. Returns the resource without addresses."""
    change = next_change(connection)
    account, reason, bill_id = None, None, None
    try:
        account = _find_account(connection, asked)
        bill_id = _make_bill(connection, account, f"IB-{receipt.demand_id}", receipt.received_at, change)
    except NoBill as refusal:
        reason = refusal
    at = receipt.received_at.isoformat()
    body: Resource = {"id": receipt.demand_id, **asked.kept, "lastUpdate": at}
    if account is not None:
        body.setdefault("billingAccount", {"id": account.account_id, "@referredType": "BillingAccount"})
    body["state"] = "rejected" if reason else "done"
    if bill_id is not None:
        body["customerBill"] = {"id": bill_id, "@referredType": "CustomerBill"}
    if reason is not None:
        body["stateReason"] = {"code": reason.code, "label": reason.message}
    body["changeNumber"] = change
    body.setdefault("@type", "CustomerBillOnDemand")
    connection.execute(
        INSERT_DEMAND,
        {
            "id": receipt.demand_id,
            "idempotency_key": receipt.idempotency_key,
            "correlator_id": receipt.correlator_id,
            "received_sha256": receipt.body_sha256,
            "account_id": asked.account_id if account is None else account.account_id,
            "state": body["state"],
            "bill_id": bill_id,
            "last_update": at,
            "body": dumps(body).decode(),
            "change_number": change,
        },
    )
    return body


def demand_with_addresses(body: Resource, links: Links) -> Resource:
    """``id`` and ``href`` first, then the rest of the body, its bill's address with it."""
    resource = {"id": body["id"], "href": links.of(BILL_ON_DEMAND_PATH, body["id"]), **body}
    bill = body.get("customerBill")
    if bill is not None:
        resource["customerBill"] = {**bill, "href": links.bill(bill["id"])}
    return resource


def stored_demand(row: Row[Any], links: Links) -> Resource:
    """What was asked for, as it was answered."""
    return demand_with_addresses(loads(row.body), links)


def compose_demands(_connection: Connection, rows: Sequence[Row[Any]], links: Links) -> list[Resource]:
    """The resources of rows."""
    return [stored_demand(row, links) for row in rows]


def _id_of(body: Mapping[str, object], name: str) -> str | None:
    reference = body.get(name)
    return plain_text(reference, "id", field=f"{name}.id") if isinstance(reference, Mapping) else None


def _find_account(connection: Connection, asked: AskedBill) -> BilledAccount:
    """The account that is named, or the only one of the party that is."""
    if asked.account_id is not None:
        rows = connection.execute(FIND_ACCOUNT, {"id": asked.account_id}).all()
    else:
        rows = connection.execute(FIND_ACCOUNTS_OF, {"customer": asked.party_id}).all()
    if not rows:
        raise NoBill("unknown_account", "There is no such account.")
    if len(rows) > 1:
        raise NoBill("which_account", "This party has several accounts: name one.")
    [row] = rows
    if row.kind != "subscriber":
        raise NoBill("account_without_bills", "A dealer's account has no bills.")
    if asked.party_id is not None and row.customer is not None and row.customer != asked.party_id:
        raise NoBill("account_of_another_party", "This account is of another party.")
    return BilledAccount(
        account_id=row.id, name=row.name, currency_code=row.currency, customer=row.customer or None
    )


def _make_bill(
    connection: Connection, account: BilledAccount, bill_id: str, at: datetime, change: int
) -> str:
    found = connection.execute(FIND_UNBILLED, {"account_id": account.account_id, "most": RATES_MAX}).all()
    rates = [
        made
        for row in found
        if (made := billed_rate(loads(row.body), bill_id=bill_id, currency_code=account.currency_code))
    ]
    if not rates:
        raise NoBill("nothing_to_bill", "Nothing of this account is left to be billed.")
    if sum(rate.tax_included.minor for _, rate in rates) <= 0:
        raise NoBill("nothing_to_pay", "What is not billed yet comes to nothing that is to be paid.")
    bill = interim_bill(account, rates, bill_id=bill_id, bill_no=f"I{change:07}", at=at)
    new = write_bill(connection, bill, [rate for _, rate in rates], change=change)
    assert new is not None, "its id was made for it"
    connection.execute(
        SET_BILLED,
        [{"id": rate["id"], "bill_id": bill_id, "body": dumps(rate).decode()} for rate, _ in rates],
    )
    use_credit(connection, [new], change=change)
    return bill_id


_COLUMNS = "id, body, received_sha256"
FIND_BY_KEY = text(f"SELECT {_COLUMNS} FROM bill_on_demand WHERE idempotency_key = :key")
FIND_BY_CORRELATOR = text(f"SELECT {_COLUMNS} FROM bill_on_demand WHERE correlator_id = :key")
TWINS = (FIND_BY_KEY, FIND_BY_CORRELATOR)
"""By what a bill that was asked for before is known."""
INSERT_DEMAND = text(
    "INSERT INTO bill_on_demand (id, idempotency_key, correlator_id, received_sha256, account_id, state, bill_id,"
    " last_update, body, change_number)"
    " VALUES (:id, :idempotency_key, :correlator_id, :received_sha256, :account_id, :state, :bill_id,"
    " :last_update, :body, :change_number)"
)
FIND_ACCOUNT = text("SELECT id, kind, name, currency, customer FROM account WHERE id = :id")
FIND_ACCOUNTS_OF = text(
    "SELECT id, kind, name, currency, customer FROM account"
    " WHERE customer = :customer AND kind = 'subscriber' ORDER BY id LIMIT 2"
)
FIND_UNBILLED = text(
    "SELECT body FROM rate WHERE account_id = :account_id AND is_billed = 0 ORDER BY id LIMIT :most"
)
SET_BILLED = text("UPDATE rate SET bill_id = :bill_id, is_billed = 1, body = :body WHERE id = :id")

BILLS_ON_DEMAND = Collection(
    path=BILL_ON_DEMAND_PATH,
    table="bill_on_demand",
    select=f"SELECT {_COLUMNS} FROM bill_on_demand",
    attributes=frozenset(
        {
            "id", "href", "description", "lastUpdate", "name", "billingAccount", "customerBill", "relatedParty", "state",
            "@type", "@baseType", "@schemaLocation", "correlatorId", "stateReason", "changeNumber",
        }
    ),
    columns={
        "id": Column("id"),
        "correlatorId": Column("correlator_id"),
        "customerBill.id": Column("bill_id"),
        "state": Column("state"),
        "changeNumber": Column("change_number", ColumnKind.INTEGER),
    },
    sorts={
        "id": "id",
        "correlatorId": "correlator_id",
        "customerBill.id": "bill_id",
        "state": "state",
        "lastUpdate": "last_update",
        "changeNumber": "change_number",
    },
    default_order="change_number",
    compose=compose_demands,
    for_dealer=f"(account_id IS NULL OR {OF_SEEN_ACCOUNT})",
)  # fmt: skip
