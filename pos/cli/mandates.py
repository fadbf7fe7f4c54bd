"""``pos mandates``: by which bank accounts are collected from, and what became of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pos.cli.output import Invocation
from pos.cli.person import PinOption, UserOption, reading

if TYPE_CHECKING:
    from pos.domain.mandate import Mandate


def mandates(
    context: typer.Context,
    account: Annotated[
        str, typer.Option("--account", help="All of this account, those that are ended too.")
    ] = "",
    life: Annotated[str, typer.Option("--life", help="The mandate of this reference, step by step.")] = "",
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> None:
    """Direct-debit mandates that are not ended, the suspended ones first."""
    from pos.till import mandates as kept

    call: Invocation = context.obj
    if account and life:
        raise typer.BadParameter("Give --account or --life, not both.")
    with reading(call, user, pin_fd) as (opened, person):
        if not life:
            found = kept.mandates(opened.desk, person, account=account or None)
            for mandate in found:
                call.line(_json(mandate), _text(mandate))
            if not found:
                call.note("There is no such mandate.")
            return
        mandate, steps = kept.mandate_life(opened.desk, person, life)
        call.line(
            {
                **_json(mandate),
                "steps": [
                    {
                        "number": step.number,
                        "state": str(step.state),
                        "reason": step.reason,
                        "at": step.at_utc,
                        "operator": step.operator,
                        "elsewhere": step.elsewhere,
                    }
                    for step in steps
                ],
            },
            "\n".join(
                [
                    _text(mandate),
                    *(
                        f"  {step.number} {step.at_utc[:19]}Z {step.state} by {step.operator}"
                        + (f" at {step.elsewhere}" if step.elsewhere else "")
                        + (f": {step.reason}" if step.reason else "")
                        for step in steps
                    ),
                ]
            ),
        )


def _json(mandate: Mandate) -> dict[str, object]:
    return {
        "ok": True,
        "mandate": mandate.mandate,
        "account": mandate.account,
        "state": str(mandate.state),
        "holder": mandate.bank.holder,
        "bank_account": mandate.bank.ending,
        "signed_on": mandate.signed_on.isoformat(),
        "reason": mandate.reason,
    }


def _text(mandate: Mandate) -> str:
    why = f": {mandate.reason}" if mandate.reason else ""
    return (
        f"{mandate.mandate} of {mandate.account}, {mandate.bank.holder} {mandate.bank.ending}, "
        f"signed on {mandate.signed_on}, {mandate.state}{why}"
    )
