"""Reports: figures for who answers for the shop."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pos.cli.output import Invocation
from pos.cli.person import PinOption, UserOption, reading

if TYPE_CHECKING:
    from pos.domain.signals import Signal, SignalRow
    from pos.till.large_cash import LargeCashLine

ROWS_MAX = 200
"""So many rows of a signal are written, the latest; its count is of all."""


class ReportName(StrEnum):
    """The reports there are."""

    CHEQUES = "cheques"
    LARGE_CASH = "large-cash"
    SIGNALS = "signals"
    X = "x"
    Z = "z"


def report(
    context: typer.Context,
    name: Annotated[ReportName, typer.Argument(help="Which figures.")],
    business_date: Annotated[
        str | None, typer.Option("--business-date", help="Of this day, as 2026-11-21; else of every day.")
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="signals: the first day, as 2026-11-01.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="signals: the last day; else today.")] = None,
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> None:
    """Figures for who answers for the shop.

    cheques sums what is expected of cheques, by state and age (back office, auditor).
    large-cash lists who paid large amounts in cash, by day (back office, auditor). signals lists what is worth a second look
    in this till's books, with the rows (supervisor, back office, auditor); nobody is shown what is about themselves.
    z lists the Z reports of closed shifts, x is the open shift so far (back office, auditor): it shows what is expected.
    """
    from pos.domain.tender import read_date

    call: Invocation = context.obj
    if name is ReportName.LARGE_CASH and (first or last):
        raise typer.BadParameter("large-cash takes --business-date.")
    if name is ReportName.CHEQUES and (business_date or first or last):
        raise typer.BadParameter("cheques is of today: it takes no day.")
    if name is ReportName.X and (business_date or first or last):
        raise typer.BadParameter("x is of the open shift: it takes no day.")
    if name is ReportName.Z and (first or last):
        raise typer.BadParameter("z takes --business-date.")
    if business_date and (first or last):
        raise typer.BadParameter("Give --business-date, or --from and --to.")

    def day(text: str | None, field: str) -> date | None:
        return None if text is None else read_date(text, field=field)

    on = day(business_date, "Business date")
    if name is ReportName.CHEQUES:
        _cheques(call, user, pin_fd)
    elif name is ReportName.X:
        _x(call, user, pin_fd)
    elif name is ReportName.Z:
        _z(call, on, user, pin_fd)
    elif name is ReportName.LARGE_CASH:
        _large_cash(call, on, user, pin_fd)
    else:
        _signals(call, on or day(first, "First day"), on or day(last, "Last day"), user, pin_fd)


def _cheques(call: Invocation, user: str | None, pin_fd: int | None) -> None:
    from pos.domain.cheque_register import AGES
    from pos.till.cheque_register import ageing_of_cheques

    with reading(call, user, pin_fd) as (opened, person):
        lines = ageing_of_cheques(opened.desk, person)
    names = ["later", *(f"up_to_{days}" for days in AGES), "older"]
    for line in lines:
        data = {
            "state": line.state,
            "count": line.count,
            "amount": line.amount.plain(),
            "currency": line.amount.currency.code,
            **{name: part.plain() for name, part in zip(names, line.by_age, strict=True)},
        }
        parts = "  ".join(
            f"{name.replace('_', ' ')} {part.plain()}"
            for name, part in zip(names, line.by_age, strict=True)
            if part
        )
        call.line(data, f"{line.state:12} {line.count:>5}  {line.amount!s:>16}  {parts}")
    if not lines:
        call.note("Nothing is expected of any cheque.")


def _x(call: Invocation, user: str | None, pin_fd: int | None) -> None:
    from pos.till.z_report import x_report

    with reading(call, user, pin_fd) as (opened, person):
        facts = x_report(opened.desk, person)
    assert facts.sheet is not None
    for part in facts.sheet.parts:
        for line in part.lines:
            amount = "" if line.amount is None else line.amount.plain()
            data = {
                "part": part.code or "shift",
                "line": line.code,
                "of": line.said,
                "count": line.count,
                "amount": amount or None,
                "currency": None if line.amount is None else line.amount.currency.code,
            }
            count = "" if line.count is None else str(line.count)
            call.line(data, f"{line.code.replace('_', ' '):22} {line.said:24} {count:>6} {amount:>16}")


def _z(call: Invocation, day: date | None, user: str | None, pin_fd: int | None) -> None:
    from pos.domain.over_short import size_of, word_of
    from pos.till.z_report import list_z_reports

    with reading(call, user, pin_fd) as (opened, person):
        lines = [one for one in list_z_reports(opened.desk, person) if day in (None, one.business_date)]
    for line in lines:
        data = {
            "z_report": line.number,
            "shift": line.shift_number,
            "operator": line.operator,
            "business_date": line.business_date.isoformat(),
            "closed_at": line.closed_at.isoformat(timespec="seconds"),
            "gross": line.gross.plain(),
            "over_short": line.difference.plain(),
            "currency": line.gross.currency.code,
            "needs_acceptance": line.needs_acceptance,
            "accepted_by": line.accepted_by,
            "reason": line.reason,
        }
        waits = "  nobody has signed for the difference" if line.waits else ""
        differs = f"{size_of(line.difference).plain()} {word_of(line.difference)}"
        figures = f"{line.gross.plain():>14} {line.gross.currency} {differs:>16}"
        call.line(data, f"{line.business_date}  {line.number:24} {line.operator:6} {figures}{waits}")
    if not lines:
        call.note("There is no such Z report.")


def _large_cash(call: Invocation, day: date | None, user: str | None, pin_fd: int | None) -> None:
    from pos.till.large_cash import large_cash_of

    with reading(call, user, pin_fd) as (opened, person):
        lines = large_cash_of(opened.desk, person, day)
    for line in lines:
        _large_cash_line(call, line)
    if not lines:
        call.note("No payment reached the threshold.")


def _large_cash_line(call: Invocation, line: LargeCashLine) -> None:
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


def _signals(
    call: Invocation, first: date | None, last: date | None, user: str | None, pin_fd: int | None
) -> None:
    from pos.till.signals import signals_of

    with reading(call, user, pin_fd) as (opened, person):
        found = signals_of(opened.desk, person, first=first, last=last)
        shown_from = opened.desk.policy.signals.shown_from
    for signal in found.signals:
        data = {
            "signal": str(signal.code),
            "people": list(signal.people),
            "count": signal.count,
            "shown_from": shown_from[signal.code],
            "from": found.first.isoformat(),
            "to": found.last.isoformat(),
            "said": signal.said,
            "rows": [_row(row) for row in signal.rows[-ROWS_MAX:]],
        }
        call.line(data, _signal_text(signal))
    seen = f"{found.first} to {found.last}: {len(found.signals)} signals in the books of this till."
    call.note(f"{seen} A signal is no finding. Nobody is shown signals about themselves.")


def _row(row: SignalRow) -> dict[str, object]:
    return {
        "at": row.at.isoformat(timespec="seconds"),
        "user": row.user,
        "what": _printable(row.what),
        "account": row.account,
        "amount": None if row.amount is None else row.amount.plain(),
        "currency": None if row.amount is None else row.amount.currency.code,
        "note": _printable(row.note),
    }


def _signal_text(signal: Signal) -> str:
    from pos.domain.signals import WHAT

    who = " and ".join(f"user {user}" for user in signal.people)
    said = f" ({signal.said})" if signal.said else ""
    lines = [f"{signal.code}: {who}, {signal.count} of: {WHAT[signal.code]}{said}"]
    for row in signal.rows[-ROWS_MAX:]:
        amount = "" if row.amount is None else str(row.amount)
        lines.append(
            f"    {row.at:%Y-%m-%d %H:%M:%S}  {row.user:6} {_printable(row.what):24} {amount:>16}  "
            f"{row.account or '':12} {_printable(row.note)}".rstrip()
        )
    return "\n".join(lines)


def _printable(text: str) -> str:
    """What somebody typed into a refused act stands in the audit as it came."""
    from pos.domain.text_guard import clean_foreign

    return clean_foreign(text, limit=300)
