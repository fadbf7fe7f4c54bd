"""Cheques from the command line: all of them, one with its life, and the post-dated ones that are due."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from pos.cli.output import Invocation
from pos.cli.person import PinOption, UserOption, reading

if TYPE_CHECKING:
    from pos.domain.cheque_register import ChequeLine
    from pos.domain.post_dated import PostDatedCheque
    from pos.till.cheque_register import ChequeLife
    from pos.till.desk import Desk


def cheques(
    context: typer.Context,
    query: Annotated[
        str,
        typer.Argument(help="A serial, account, receipt, note or slip number, or the name of who drew it."),
    ] = "",
    due: Annotated[
        bool, typer.Option("--due", help="Only post-dated ones that may be paid in today.")
    ] = False,
    over: Annotated[
        bool, typer.Option("--all", help="Also those that are cleared or were given back.")
    ] = False,
    life: Annotated[str | None, typer.Option("--life", help="Every step of the cheque with this id.")] = None,
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> None:
    """Cheques, the oldest first: post-dated ones, and those that were taken, with where they are."""
    from pos.till.cheque_register import all_cheques, cheque_life
    from pos.till.post_dated import post_dated_cheques

    call: Invocation = context.obj
    if due and (query or over or life):
        raise typer.BadParameter("--due stands alone.")
    with reading(call, user, pin_fd) as (opened, person):
        if due:
            found = post_dated_cheques(opened.desk, person, due_only=True)
            for cheque in found:
                _due(call, cheque)
            if not found:
                call.note("No post-dated cheque is due.")
        elif life is not None:
            _life(call, opened.desk, cheque_life(opened.desk, person, life))
        else:
            lines = all_cheques(opened.desk, person, query, over=over)
            cheque_lines(call, opened.desk, lines)
            if not lines:
                call.note("No such cheque is here." if query else "Nothing is expected of any cheque.")


def cheque_lines(call: Invocation, desk: Desk, lines: Iterable[ChequeLine]) -> None:
    """A line for each cheque."""
    for line in lines:
        data, text = _line(desk, line)
        call.line(data, text)


def _line(desk: Desk, line: ChequeLine) -> tuple[dict[str, object], str]:
    today = desk.clock.now().date()
    warning = line.warning(desk.policy.cheques, today=today)
    data = {
        "cheque": line.key,
        "paper": line.paper,
        "account": line.account,
        "bank": line.bank,
        "branch": line.branch,
        "serial": line.serial,
        "drawer": line.drawer,
        "date": line.dated.isoformat(),
        "age_days": line.age(today=today),
        "amount": line.amount.plain(),
        "currency": line.amount.currency.code,
        "state": line.state,
        "slip": line.slip,
        "warning": warning,
    }
    text = (
        f"{line.dated}  {line.state:11} {line.serial} {line.bank}  {line.amount!s:>16}  {line.paper}  "
        f"{line.account:12} {line.slip or ''}  {warning}"
    )
    return data, text.rstrip()


def _life(call: Invocation, desk: Desk, life: ChequeLife) -> None:
    data, text = _line(desk, life.cheque)
    steps = [
        {
            "state": step.state,
            "at": step.at.isoformat(timespec="seconds"),
            "operator": step.operator,
            "said": step.said,
        }
        for step in life.steps
    ]
    told = [
        f"    {step.at:%Y-%m-%d %H:%M}Z  {step.state:11} user {step.operator}  {step.said}".rstrip()
        for step in life.steps
    ]
    call.line({**data, "steps": steps}, "\n".join([text, *told]))


def _due(call: Invocation, cheque: PostDatedCheque) -> None:
    data = {
        "note": cheque.note,
        "account": cheque.payer_account,
        "name": cheque.payer_name,
        "bank": cheque.bank,
        "serial": cheque.serial,
        "date": cheque.dated.isoformat(),
        "amount": cheque.amount.plain(),
        "currency": cheque.amount.currency.code,
        "state": str(cheque.state),
    }
    call.line(
        data,
        f"{cheque.dated}  {cheque.note}  {cheque.payer_account:12} {cheque.bank} {cheque.serial}  {cheque.amount}",
    )
