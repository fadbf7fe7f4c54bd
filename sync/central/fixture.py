"""Loading accounts, bills, rates, items and vouchers from a fixture: all of it in one transaction or none.

Loading again updates what differs and leaves the rest, so that tills need not pull everything anew. What payments did
stays: a bill's remainder is what was loaded less what was applied, an account's credit what was loaded plus what was
credited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from pos.domain.arrival import refuse_cards_in
from pos.domain.bill import AppliedRate, BillSnapshot
from pos.domain.errors import Refused
from pos.domain.money import Money, currency, parse_count, total
from sync.central.bill_sums import check_bill_sums, lines_with_rates
from sync.central.bills import paid_state
from sync.central.credit_use import use_credit
from sync.central.database import CentralStore, next_change
from sync.central.items import load_items
from sync.central.links import RESOURCE_ID
from sync.central.voucher_keys import load_keys
from sync.central.voucher_loading import load_vouchers
from sync.tmf678.bill import read_bill, read_line
from sync.tmf678.rate import read_rate
from sync.wire_json import BadField, BadResource, dumps, money_json, read_money

TABLES_OF_THEIR_OWN = ("accounts", "dealers", "bills", "rates", "items", "vouchers", "voucher_keys")

FIGURES = ("credit", "advance", "deposit", "written_off")
"""What an account may have, as loaded and as it stands."""

Loaded = Mapping[str, Any]


def load_fixture(store: CentralStore, fixture: Loaded) -> dict[str, int]:
    """Upsert a fixture (a JSON object read by ``wire_json.loads``: no floats). Returns the number of rows by key.

    Raises Refused: ``card_number_refused``, ``fixture_bad`` naming the row, or ``bill_sums_differ`` naming bill and
    difference; nothing is changed then.
    """
    refuse_cards_in(fixture, whole="fixture")
    counts = {key: _count(value) for key, value in fixture.items()}
    try:
        with store.write() as connection:
            change = next_change(connection)
            _load_accounts(connection, _rows(fixture, "accounts"), "accounts", change)
            dealers = [{"kind": "dealer", **row} for row in _rows(fixture, "dealers")]
            _load_accounts(connection, dealers, "dealers", change)
            rates = _load_rates(connection, _rows(fixture, "rates"))
            new_bills = _load_bills(connection, _rows(fixture, "bills"), rates, change)
            use_credit(connection, new_bills, change=change)
            load_items(connection, _rows(fixture, "items"), change=change)
            load_vouchers(connection, _rows(fixture, "vouchers"))
            load_keys(connection, _rows(fixture, "voucher_keys"), at="from a fixture")
            for key, value in fixture.items():
                if key not in TABLES_OF_THEIR_OWN:
                    _keep_as_json(connection, key, value)
    except (BadResource, BadField) as error:
        raise Refused("fixture_bad", f"The fixture cannot be loaded: {error}.") from None
    return counts


def _count(value: object) -> int:
    return len(value) if isinstance(value, list) else 1


def _rows(fixture: Loaded, key: str) -> list[Loaded]:
    rows = fixture.get(key, [])
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise BadField(key, "must be an array of objects")
    return rows


def _load_accounts(connection: Connection, accounts: Sequence[Loaded], key: str, change: int) -> None:
    for index, account in enumerate(accounts):
        values = _account_values(account, f"{key}[{index}]")
        known = connection.execute(FIND_ACCOUNT, {"id": values["id"]}).one_or_none()
        if known is None:
            statement, since = INSERT_ACCOUNT, dict.fromkeys(FIGURES, 0)
        elif known.loaded == values["loaded"]:
            continue
        else:
            statement = UPDATE_ACCOUNT
            since = {
                name: getattr(known, f"{name}_minor") - getattr(known, f"loaded_{name}_minor")
                for name in FIGURES
            }
            if any(since.values()) and known.currency != values["currency"]:
                raise BadField(f"{key}[{index}].currency", "differs from the credit that is there")
        figures = {f"{name}_minor": values[f"loaded_{name}_minor"] + since[name] for name in FIGURES}
        if figures["written_off_minor"] < 0:
            raise BadField(f"{key}[{index}].written_off", "is less than payments have brought back")
        connection.execute(statement, {**values, **figures, "change_number": change})


def _account_values(account: Loaded, path: str) -> dict[str, Any]:
    def text_of(name: str, *, default: str | None = None) -> str | None:
        value = account.get(name)
        value = default if value is None else value
        if value is not None and not isinstance(value, str):
            raise BadField(f"{path}.{name}", "must be text")
        return value

    account_id = text_of("account")
    if account_id is None or RESOURCE_ID.fullmatch(account_id) is None:
        raise BadField(f"{path}.account", "must be plain letters, digits, dots and dashes")
    kind = text_of("kind")
    if kind not in ("subscriber", "dealer"):
        raise BadField(f"{path}.kind", "must be subscriber or dealer")
    try:
        in_currency = currency(text_of("currency") or "")
        figures = {
            f"loaded_{name}_minor": parse_count(text_of(name) or "0", in_currency).minor for name in FIGURES
        }
        limit_text = text_of("credit_limit")
        credit_limit = None if limit_text is None else parse_count(limit_text, in_currency)
    except Refused as refusal:
        raise BadField(
            f"{path}.currency, credit, advance, deposit, written_off or credit_limit", refusal.message
        ) from None
    stage = account.get("dunning_stage", 0)
    if not isinstance(stage, int):
        raise BadField(f"{path}.dunning_stage", "must be a whole number")
    former = account.get("former", [])
    if not isinstance(former, list) or not all(
        isinstance(one, str) and RESOURCE_ID.fullmatch(one) for one in former
    ):
        raise BadField(f"{path}.former", "must be a list of account numbers")
    return {
        "id": account_id,
        "kind": kind,
        "name": text_of("name", default="") or "",
        "phone": text_of("phone"),
        "currency": in_currency.code,
        "customer": text_of("customer"),
        "status": text_of("status", default="active"),
        "cash_only": int(account.get("cash_only") is True),
        "dunning_stage": int(stage),
        **figures,
        "dealer_class": text_of("class"),
        "credit_limit_minor": None if credit_limit is None else credit_limit.minor,
        "loaded": dumps(account).decode(),
    }


def _load_rates(connection: Connection, rates: Sequence[Loaded]) -> dict[str, list[AppliedRate]]:
    """Write the rates; returns the billed ones by bill."""
    by_bill: dict[str, list[AppliedRate]] = {}
    rows: list[dict[str, object]] = []
    for rate in rates:
        billed = rate.get("isBilled", "bill" in rate) is True
        if billed:
            read = read_rate(rate)
            by_bill.setdefault(read.bill_id, []).append(read)
        rate_id = rate.get("id")
        if not isinstance(rate_id, str) or RESOURCE_ID.fullmatch(rate_id) is None:
            raise BadField("rates.id", "must be plain letters, digits, dots and dashes")
        rows.append(
            {
                "id": rate_id,
                "bill_id": _ref_id(rate, "bill"),
                "account_id": _ref_id(rate, "billingAccount"),
                "is_billed": int(billed),
                "body": dumps(rate).decode(),
            }
        )
    if rows:
        connection.execute(UPSERT_RATE, rows)
    return by_bill


def _ref_id(row: Loaded, name: str) -> str | None:
    reference = row.get(name)
    found = reference.get("id") if isinstance(reference, Mapping) else None
    return found if isinstance(found, str) else None


def _load_bills(
    connection: Connection,
    bills: Sequence[Loaded],
    rates: Mapping[str, list[AppliedRate]],
    change: int,
) -> list[BillSnapshot]:
    """Write the bills; returns those that are new."""
    new: list[BillSnapshot] = []
    for told in bills:
        bill = _with_disputes(told, rates)
        snapshot = _read_strictly(bill)
        check_bill_sums(snapshot, rates.get(snapshot.bill_id, []))
        body = dumps(bill).decode()
        known = connection.execute(FIND_BILL, {"id": snapshot.bill_id}).one_or_none()
        if known is not None and known.body == body:
            continue
        applied_minor = _applied_minor(connection, snapshot, known.currency if known is not None else None)
        values = _bill_values(snapshot, bill, body, applied_minor=applied_minor, change=change)
        connection.execute(INSERT_BILL if known is None else UPDATE_BILL, values)
        connection.execute(FORGET_LINES, {"bill_id": snapshot.bill_id})
        pairs = [
            {"bill_id": snapshot.bill_id, "line_id": line_id, "rate_id": rate_id}
            for line_id, rate_id in dict.fromkeys(lines_with_rates(snapshot))
        ]
        if pairs:
            connection.execute(INSERT_LINE_RATE, pairs)
        if known is None:
            new.append(snapshot)
    return new


def _with_disputes(bill: Loaded, rates: Mapping[str, list[AppliedRate]]) -> Loaded:
    """The disputed part of a bill is what its disputed rates sum up to, where there are some."""
    bill_id = bill.get("id")
    disputed = [rate.tax_included for rate in rates.get(str(bill_id), []) if rate.disputed]
    if not disputed:
        return bill
    whole = money_json(total(disputed, disputed[0].currency))
    if "disputedAmount" in bill and read_money(bill["disputedAmount"], field="disputedAmount") != total(
        disputed, disputed[0].currency
    ):
        raise BadField(f"bill {bill_id}: disputedAmount", "is not the sum of its disputed rates")
    return {**bill, "disputedAmount": whole}


def _read_strictly(bill: Loaded) -> BillSnapshot:
    """As any bill is read, but an id that no path could name, or a line of another shape, is refused."""
    snapshot = read_bill(bill, seen_change=None)
    if RESOURCE_ID.fullmatch(snapshot.bill_id) is None:
        raise BadField("bills.id", "must be plain letters, digits, dots and dashes")
    for index, line in enumerate(bill.get("billSummaryLine", [])):
        read_line(line, field=f"bill {snapshot.bill_id}: billSummaryLine[{index}]")
    return snapshot


def _applied_minor(connection: Connection, snapshot: BillSnapshot, known_currency: str | None) -> int:
    """What payments have set against the bill so far, in its minor units."""
    if known_currency is None:
        return 0
    applied = int(connection.execute(SUM_APPLIED, {"bill_id": snapshot.bill_id}).scalar_one())
    if applied and known_currency != snapshot.remaining.currency.code:
        raise BadField(f"bill {snapshot.bill_id}", f"has payments in {known_currency}")
    if applied > snapshot.remaining.minor:
        raise BadField(
            f"bill {snapshot.bill_id}",
            f"has had {Money(applied, snapshot.remaining.currency)} paid, more than it is now for",
        )
    return applied


def _bill_values(
    snapshot: BillSnapshot, bill: Loaded, body: str, *, applied_minor: int, change: int
) -> dict[str, object]:
    remaining = snapshot.remaining - Money(applied_minor, snapshot.remaining.currency)
    return {
        "id": snapshot.bill_id,
        "bill_no": snapshot.bill_no,
        "account_id": snapshot.account,
        "state": (paid_state(snapshot.state, remaining) if applied_minor else snapshot.state).value,
        "currency": remaining.currency.code,
        "loaded_open_minor": snapshot.remaining.minor,
        "remaining_minor": remaining.minor,
        "bill_date": snapshot.bill_date.isoformat(),
        "due_date": snapshot.due_date.isoformat(),
        "last_update": bill.get("lastUpdate") or f"{snapshot.bill_date.isoformat()}T00:00:00Z",
        "body": body,
        "change_number": change,
    }


def _keep_as_json(connection: Connection, kind: str, value: object) -> None:
    """Parts of a fixture that central has no use for yet are kept, but no PIN in clear."""
    connection.execute(FORGET_ROWS, {"kind": kind})
    for position, row in enumerate(value if isinstance(value, list) else [value]):
        kept = (
            {name: part for name, part in row.items() if name != "pin"} if isinstance(row, Mapping) else row
        )
        connection.execute(INSERT_ROW, {"kind": kind, "position": position, "body": dumps(kept).decode()})


_FIGURES = tuple(f"{prefix}{name}_minor" for name in FIGURES for prefix in ("", "loaded_"))
FIND_ACCOUNT = text(f"SELECT loaded, currency, {', '.join(_FIGURES)} FROM account WHERE id = :id")
INSERT_ACCOUNT = text(
    "INSERT INTO account (id, kind, name, phone, currency, customer, status, cash_only, dunning_stage,"
    f" {', '.join(_FIGURES)}, dealer_class, credit_limit_minor, loaded, change_number)"
    " VALUES (:id, :kind, :name, :phone, :currency, :customer, :status, :cash_only, :dunning_stage,"
    f" {', '.join(f':{name}' for name in _FIGURES)}, :dealer_class, :credit_limit_minor, :loaded, :change_number)"
)
UPDATE_ACCOUNT = text(
    "UPDATE account SET kind = :kind, name = :name, phone = :phone, currency = :currency, customer = :customer,"
    " status = :status, cash_only = :cash_only, dunning_stage = :dunning_stage,"
    f" {', '.join(f'{name} = :{name}' for name in _FIGURES)},"
    " dealer_class = :dealer_class, credit_limit_minor = :credit_limit_minor, loaded = :loaded,"
    " change_number = :change_number WHERE id = :id"
)
UPSERT_RATE = text(
    "INSERT INTO rate (id, bill_id, account_id, is_billed, body)"
    " VALUES (:id, :bill_id, :account_id, :is_billed, :body)"
    " ON CONFLICT (id) DO UPDATE SET bill_id = excluded.bill_id, account_id = excluded.account_id,"
    " is_billed = excluded.is_billed, body = excluded.body"
)
FIND_BILL = text("SELECT body, currency FROM bill WHERE id = :id")
SUM_APPLIED = text(
    "SELECT coalesce(sum(amount_minor), 0) FROM (SELECT amount_minor FROM applied_payment WHERE bill_id = :bill_id"
    " UNION ALL SELECT amount_minor FROM bill_write_off WHERE bill_id = :bill_id"
    " UNION ALL SELECT amount_minor FROM credit_use WHERE bill_id = :bill_id"
    " UNION ALL SELECT amount_minor FROM refund_part WHERE bill_id = :bill_id"
    " UNION ALL SELECT amount_minor FROM applied_transfer WHERE bill_id = :bill_id) AS parts"
)
INSERT_BILL = text(
    "INSERT INTO bill (id, bill_no, account_id, state, currency, loaded_open_minor, remaining_minor, bill_date,"
    " due_date, last_update, body, change_number)"
    " VALUES (:id, :bill_no, :account_id, :state, :currency, :loaded_open_minor, :remaining_minor, :bill_date,"
    " :due_date, :last_update, :body, :change_number)"
)
UPDATE_BILL = text(
    "UPDATE bill SET bill_no = :bill_no, account_id = :account_id, state = :state, currency = :currency,"
    " loaded_open_minor = :loaded_open_minor, remaining_minor = :remaining_minor, bill_date = :bill_date,"
    " due_date = :due_date, last_update = :last_update, body = :body, change_number = :change_number"
    " WHERE id = :id"
)
FORGET_LINES = text("DELETE FROM line_rate WHERE bill_id = :bill_id")
INSERT_LINE_RATE = text(
    "INSERT INTO line_rate (bill_id, line_id, rate_id) VALUES (:bill_id, :line_id, :rate_id)"
)
FORGET_ROWS = text("DELETE FROM fixture_row WHERE kind = :kind")
INSERT_ROW = text("INSERT INTO fixture_row (kind, position, body) VALUES (:kind, :position, :body)")
