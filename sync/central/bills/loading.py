"""Writing bills and their applied rates as the biller issued them; what payments did to a bill stays.

A bill is kept only while its lines, its rates and its total agree, whichever of them was written last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Text, bindparam, text

from pos.domain.bill import AppliedRate, BillSnapshot
from pos.domain.errors import Refused
from pos.domain.money import Money, total
from sync.central.bills.bills import paid_state
from sync.central.bills.credit_use import use_credit
from sync.central.bills.sums import check_bill_sums, lines_with_rates
from sync.central.wire.links import RESOURCE_ID
from sync.tmf676.shape import check_shape
from sync.tmf678.bill import read_bill, read_line
from sync.tmf678.rate import read_rate
from sync.tmf678.shape import APPLIED_RATE, CUSTOMER_BILL
from sync.wire_json import BadField, BadResource, WireJsonError, dumps, loads, money_json, read_money

AT_ONCE = 500

Loaded = Mapping[str, Any]


def load_bills(
    connection: Connection, bills: Sequence[Loaded], rates: Sequence[Loaded], *, change: int
) -> None:
    """Write rates and bills, and use the accounts' credit on the bills that are new; in the caller's transaction.

    Raises BadField or BadResource naming the row, Refused ``bill_sums_differ`` or ``bill_lines_bad`` naming the bill.
    """
    read: dict[str, AppliedRate] = {}
    touched = _write_rates(connection, rates, read)
    of_bill = dict(rates_of(connection, [str(bill.get("id")) for bill in bills], read))
    new = [
        snapshot
        for bill in bills
        if (snapshot := write_bill(connection, bill, of_bill[str(bill.get("id"))], change=change))
    ]
    _check_kept(connection, sorted(touched - of_bill.keys()), read)
    use_credit(connection, new, change=change)


def write_bill(
    connection: Connection, told: Loaded, rates: Sequence[AppliedRate], *, change: int
) -> BillSnapshot | None:
    """Write a bill with all its rates checked against it; returns it if it was not there before.

    Raises as ``load_bills`` does.
    """
    bill = _with_disputes(told, rates)
    snapshot = _read_strictly(bill)
    check_bill_sums(snapshot, rates)
    body = dumps(bill).decode()
    known = connection.execute(FIND_BILL, {"id": snapshot.bill_id}).one_or_none()
    if known is not None and known.body == body:
        return None
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
    return snapshot if known is None else None


def bill_sum_faults(connection: Connection) -> Iterator[tuple[str, str]]:
    """(bill, what is wrong) for each whose lines, rates and total do not agree; read in slices, so that any number fits."""
    after = ""
    while bills := connection.execute(NEXT_BILLS, {"after": after, "most": AT_ONCE}).all():
        stored: dict[str, list[str]] = {bill.id: [] for bill in bills}
        for row in connection.execute(READ_RATES, {"bill_ids": list(stored)}):
            stored[row.bill_id].append(row.body)
        for bill in bills:
            try:
                rates = [read_rate(loads(body)) for body in stored[bill.id]]
                check_bill_sums(read_bill(loads(bill.body), seen_change=None), rates)
            except Refused as refusal:
                yield bill.id, refusal.message
            except (WireJsonError, BadField, BadResource):
                yield bill.id, "its body, or one of its rates, cannot be read"
        after = bills[-1].id


def _write_rates(connection: Connection, rates: Sequence[Loaded], read: dict[str, AppliedRate]) -> set[str]:
    """Write the rates; returns the bills that one was put on or taken from. ``read`` gets the billed ones, by their body."""
    rows = [_rate_row(rate, read) for rate in rates]
    touched: set[str] = set()
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        known = {row.id: row for row in connection.execute(FIND_RATES, {"ids": [row["id"] for row in some]})}
        changed = [row for row in some if _is_news(row, known.get(row["id"]))]
        if changed:
            connection.execute(UPSERT_RATE, changed)
        for row in changed:
            before = known[row["id"]].bill_id if row["id"] in known else None
            touched |= {bill_id for bill_id in (before, row["bill_id"]) if bill_id is not None}
    return touched


def _is_news(row: Mapping[str, Any], known: Row[Any] | None) -> bool:
    """Whether a rate is new or differs. One that an interim bill has taken stays on it, whatever the biller knows of that.

    Raises BadField if the biller has put it on a bill of its own: it would be billed twice.
    """
    if known is None:
        return True
    if known.on_interim_bill and row["bill_id"] != known.bill_id:
        if row["is_billed"]:
            raise BadField(f"rate {row['id']}: bill.id", f"is not {known.bill_id}, which has billed it")
        return False
    return bool(known.body != row["body"])


def _rate_row(rate: Loaded, read: dict[str, AppliedRate]) -> dict[str, Any]:
    rate_id = rate.get("id")
    if not isinstance(rate_id, str) or RESOURCE_ID.fullmatch(rate_id) is None:
        raise BadField("rates.id", "must be plain letters, digits, dots and dashes")
    billed = rate.get("isBilled", "bill" in rate) is True
    body = dumps(rate).decode()
    if billed:
        read[body] = read_rate(rate)
    check_shape(rate, APPLIED_RATE, path=f"rate {rate_id}: ")
    return {
        "id": rate_id,
        "bill_id": _ref_id(rate, "bill"),
        "account_id": _ref_id(rate, "billingAccount"),
        "is_billed": int(billed),
        "body": body,
    }


def _ref_id(row: Loaded, name: str) -> str | None:
    reference = row.get(name)
    found = reference.get("id") if isinstance(reference, Mapping) else None
    return found if isinstance(found, str) else None


def rates_of(
    connection: Connection, bill_ids: Sequence[str], read: Mapping[str, AppliedRate] | None = None
) -> Iterator[tuple[str, list[AppliedRate]]]:
    """Each bill with the billed rates that are stored for it; ``read`` are those, by their body, that were just read."""
    read = read or {}
    for start in range(0, len(bill_ids), AT_ONCE):
        found: dict[str, list[AppliedRate]] = {bill_id: [] for bill_id in bill_ids[start : start + AT_ONCE]}
        for row in connection.execute(READ_RATES, {"bill_ids": list(found)}):
            found[row.bill_id].append(read.get(row.body) or read_rate(loads(row.body)))
        yield from found.items()


def _check_kept(connection: Connection, bill_ids: Sequence[str], read: Mapping[str, AppliedRate]) -> None:
    """Bills that are kept as they were still agree with the rates that came."""
    for bill_id, rates in rates_of(connection, bill_ids, read):
        kept = connection.execute(FIND_BILL, {"id": bill_id}).one_or_none()
        if kept is not None:
            check_bill_sums(read_bill(loads(kept.body), seen_change=None), rates)


def _with_disputes(bill: Loaded, rates: Sequence[AppliedRate]) -> Loaded:
    """The disputed part of a bill is what its disputed rates sum up to, where there are some."""
    bill_id = bill.get("id")
    disputed = [rate.tax_included for rate in rates if rate.disputed]
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
    check_shape(bill, CUSTOMER_BILL, path=f"bill {snapshot.bill_id}: ")
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
    "UPDATE bill SET bill_no = :bill_no, account_id = :account_id, state = :state, told_state = NULL, currency = :currency,"
    " loaded_open_minor = :loaded_open_minor, remaining_minor = :remaining_minor, bill_date = :bill_date,"
    " due_date = :due_date, last_update = :last_update, body = :body, change_number = :change_number"
    " WHERE id = :id"
)
FORGET_LINES = text("DELETE FROM line_rate WHERE bill_id = :bill_id")
INSERT_LINE_RATE = text(
    "INSERT INTO line_rate (bill_id, line_id, rate_id) VALUES (:bill_id, :line_id, :rate_id)"
)
FIND_RATES = text(
    "SELECT id, bill_id, body,"
    " EXISTS (SELECT 1 FROM bill_on_demand AS asked WHERE asked.bill_id = rate.bill_id) AS on_interim_bill"
    " FROM rate WHERE id IN :ids"
).bindparams(bindparam("ids", type_=Text, expanding=True))
NEXT_BILLS = text("SELECT id, body FROM bill WHERE id > :after ORDER BY id LIMIT :most")
READ_RATES = text(
    "SELECT bill_id, body FROM rate WHERE bill_id IN :bill_ids AND is_billed = 1 ORDER BY id"
).bindparams(bindparam("bill_ids", type_=Text, expanding=True))
