"""The paper behind a bill: what stands on it, and the request that reads it.

It shows the bill as issued, so its bytes never change with what is paid. Who draws it is handed in, for central knows no
printing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, text
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pos.domain.bill import AppliedRate, SummaryLine, group_rates
from pos.domain.bill_paper import BillPaper, PaperEntry, PaperTax
from sync.central.bills.bills import BILLS
from sync.central.bills.loading import FIND_BILL, rates_of
from sync.central.http.desk import CentralDesk
from sync.central.wire.errors import ApiError
from sync.central.wire.links import BILL_DOCUMENT_PATH, RESOURCE_ID
from sync.central.wire.listing import may_see
from sync.tmf678.bill import read_bill
from sync.tmf678.foreign import read_day, read_name, read_optional_money
from sync.wire_json import BadField, loads, read_money

ENTRIES_MAX = 3_000
"""A paper of some fifty pages; who wants to see more asks for the rates."""

_TITLES = {
    "interim": "Interim bill",
    "last": "Last bill",
    "duplicate": "Bill (duplicate)",
    "credit note": "Credit note",
    "trial customer": "Trial bill",
}

DrawBill = Callable[[BillPaper], Awaitable[bytes]]
"""It must not hold up the loop: drawing takes as long as many payments."""


def document_routes(desk: CentralDesk, draw: DrawBill | None) -> list[Route]:
    """The route of the papers; without ``draw`` there is no paper of any bill."""
    one_at_a_time = asyncio.Lock()

    async def document(request: Request) -> Response:
        bill_id = request.path_params["id"]
        paper = None
        if draw is not None and RESOURCE_ID.fullmatch(bill_id) is not None:
            with desk.store.read() as connection:
                paper = find_paper(connection, bill_id)
        if draw is None or paper is None:
            raise ApiError(404, "not_found", "There is no resource of this id.")
        async with one_at_a_time:
            drawn = await draw(paper)
        headers = {"Content-Disposition": f'inline; filename="bill-{bill_id.replace(":", "-")}.pdf"'}
        return Response(drawn, media_type="application/pdf", headers=headers)

    return [Route(f"{BILL_DOCUMENT_PATH}/{{id}}", document, methods=["GET"])]


def find_paper(connection: Connection, bill_id: str) -> BillPaper | None:
    """What stands on the bill's paper, None where there is no such bill, or none for whoever asks."""
    row = connection.execute(FIND_BILL, {"id": bill_id}).one_or_none()
    if row is None or not may_see(connection, BILLS, bill_id):
        return None
    [(_, rates)] = rates_of(connection, [bill_id])
    shop = connection.execute(FIND_SHOP).scalar_one_or_none()
    return bill_paper(loads(row.body), rates, loads(shop) if shop is not None else {})


def bill_paper(stored: Mapping[str, Any], rates: Sequence[AppliedRate], shop: Mapping[str, Any]) -> BillPaper:
    """The paper of a bill as it was told and is kept, with ``shop`` (of the fixture) as its issuer."""
    issued = read_bill(stored, seen_change=None)
    entries = list(_entries(issued.lines or group_rates(rates), rates))
    return BillPaper(
        title=_TITLES.get(str(stored.get("category")), "Bill"),
        issuer=tuple(_issuer(shop)),
        bill_no=issued.bill_no,
        bill_date=issued.bill_date,
        due_date=issued.due_date,
        period=_period(stored.get("billingPeriod")),
        account=issued.account,
        account_name=issued.account_name,
        entries=tuple(entries[:ENTRIES_MAX]),
        left_out=max(0, len(entries) - ENTRIES_MAX),
        tax_excluded=read_optional_money(stored, "taxExcludedAmount"),
        taxes=tuple(_taxes(stored.get("taxItem"))),
        tax_included=issued.tax_included,
        amount_due=issued.amount_due,
        remaining=issued.remaining,
    )


def _entries(lines: Sequence[SummaryLine], rates: Sequence[AppliedRate]) -> Iterator[PaperEntry]:
    """Each line, what is below it, and its rates; then the rates that no line holds."""
    by_id = {rate.rate_id: rate for rate in rates}
    parents = {line.parent_id for line in lines}
    shown: set[str] = set()

    def below(parent_id: str | None, level: int) -> Iterator[PaperEntry]:
        for line in lines:
            if line.parent_id != parent_id:
                continue
            yield PaperEntry(
                text=line.name or line.line_id,
                level=level,
                is_rate=False,
                on=None,
                tax_excluded=line.tax_excluded,
                tax=line.tax,
                tax_included=line.tax_included,
            )
            if line.line_id in parents:
                yield from below(line.line_id, level + 1)
                continue
            for rate_id in line.rate_ids:
                if rate_id in by_id:
                    shown.add(rate_id)
                    yield _rate_entry(by_id[rate_id], level + 1)

    yield from below(None, 0)
    yield from (_rate_entry(rate, 0) for rate in rates if rate.rate_id not in shown)


def _rate_entry(rate: AppliedRate, level: int) -> PaperEntry:
    return PaperEntry(
        text=rate.name,
        level=level,
        is_rate=True,
        on=rate.on,
        tax_excluded=rate.tax_excluded,
        tax=rate.tax,
        tax_included=rate.tax_included,
    )


def _issuer(shop: Mapping[str, Any]) -> Iterator[str]:
    address = shop.get("address")
    for part in (shop.get("name"), *(address if isinstance(address, list) else ())):
        if (line := read_name(part)) is not None:
            yield line
    if (number := read_name(shop.get("tax_number"))) is not None:
        yield f"Tax number {number}"


def _period(value: object) -> tuple[date, date] | None:
    if not isinstance(value, Mapping):
        return None
    begin, end = read_day(value, "startDateTime"), read_day(value, "endDateTime")
    return None if begin is None or end is None else (begin, end)


def _taxes(value: object) -> Iterator[PaperTax]:
    for item in value if isinstance(value, list) else ():
        try:
            amount = read_money(item.get("taxAmount"), field="taxAmount")
        except BadField:
            continue
        rate = f" {item['taxRate']} %" if "taxRate" in item else ""
        yield PaperTax(name=f"{read_name(item.get('taxCategory')) or 'Tax'}{rate}", amount=amount)


FIND_SHOP = text("SELECT body FROM fixture_row WHERE kind = 'shop' ORDER BY position LIMIT 1")
