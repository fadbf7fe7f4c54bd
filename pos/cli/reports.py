"""Reports: figures for who answers for the shop."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from pos.cli.output import Invocation
from pos.cli.person import PinOption, UserOption, reading


class ReportName(StrEnum):
    """The reports there are."""

    LARGE_CASH = "large-cash"


def report(
    context: typer.Context,
    name: Annotated[ReportName, typer.Argument(help="Which figures.")],
    business_date: Annotated[
        str | None, typer.Option("--business-date", help="Of this day, as 2026-11-21; else of every day.")
    ] = None,
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> None:
    """Figures for the back office: large-cash lists who paid large amounts in cash, by day."""
    from pos.domain.tender import read_date
    from pos.till.large_cash import large_cash_of

    call: Invocation = context.obj
    assert name is ReportName.LARGE_CASH
    day = None if business_date is None else read_date(business_date, field="Business date")
    with reading(call, user, pin_fd) as (opened, person):
        lines = large_cash_of(opened.desk, person, day)
    for line in lines:
        data = {
            "business_date": line.business_date.isoformat(),
            "receipt": line.receipt_number,
            "taken_at": line.taken_at_utc,
            "operator": line.operator,
            "payer": line.payer_kind,
            "account": line.payer_account,
            "cash": line.cash.plain(),
            "cash_of_the_day": line.day.plain(),
            "currency": line.cash.currency.code,
            "document": line.document,
            "number": line.number,
            "name": line.name,
        }
        shown = f"{line.document} {line.number or '(purged)'}  {line.name or ''}"
        text = f"{line.business_date}  {line.receipt_number}  {line.cash.plain():>14} {line.cash.currency}"
        call.line(data, f"{text}  {line.payer_account:12} {shown}")
    if not lines:
        call.note("No payment reached the threshold.")
