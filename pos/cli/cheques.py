"""The register of post-dated cheques from the command line."""

from __future__ import annotations

from typing import Annotated

import typer

from pos.cli.output import Invocation
from pos.cli.person import PinOption, UserOption, reading


def cheques(
    context: typer.Context,
    due: Annotated[bool, typer.Option("--due", help="Only those that may go to the bank today.")] = False,
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> None:
    """Post-dated cheques in the register, what is due first. They are no payments yet."""
    from pos.till.post_dated import post_dated_cheques

    call: Invocation = context.obj
    with reading(call, user, pin_fd) as (opened, person):
        found = post_dated_cheques(opened.desk, person, due_only=due)
    for cheque in found:
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
    if not found:
        call.note("No post-dated cheque is due." if due else "No post-dated cheque is in the register.")
