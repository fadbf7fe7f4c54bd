"""Commands for the connected card terminal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from pos.cli.output import Invocation
from pos.cli.person import PinOption, UserOption, writing
from pos.domain.errors import Refused

if TYPE_CHECKING:
    from pos.till.card_totals import BrandCompared, CardReconciliation

app = typer.Typer(help="The connected card terminal.", no_args_is_help=True)

DIFFERS = 3


@app.callback()
def cards() -> None:
    """The connected card terminal."""


@app.command("reconcile")
def reconcile(
    context: typer.Context,
    previous: Annotated[
        bool,
        typer.Option("--previous", help="The terminal's last answer was lost: ask for that period again."),
    ] = False,
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> int:
    """Close the terminal's period and lay its totals beside the till's; 3 where they differ."""
    from pos.bootstrap.cards import card_terminal_of
    from pos.machine import InlineRunner
    from pos.till.card_totals import reconcile_cards

    call: Invocation = context.obj
    with writing(call, user, pin_fd) as (opened, person):
        terminal = card_terminal_of(opened)
        if terminal is None:
            raise Refused("card_terminal_not_connected", "No card terminal is connected. See till.toml.")
        found = asyncio.run(reconcile_cards(opened.desk, person, terminal, InlineRunner(), previous=previous))
    call.line(_json(found), "\n".join(_text(found)))
    return 0 if found.agrees else DIFFERS


def _json(found: CardReconciliation) -> dict[str, object]:
    return {
        "ok": found.agrees,
        "card_terminal": found.card_terminal,
        "number": found.number,
        "period": found.period,
        "since": None if found.since is None else found.since.isoformat(),
        "told": [
            {"kind": line.kind, "brand": line.brand, "count": line.count, "amount": line.amount.plain()}
            for line in found.told
        ],
        "compared": [_compared_json(one) for one in found.compared],
        "open_attempts": found.open_attempts,
    }


def _compared_json(one: BrandCompared) -> dict[str, object]:
    return {
        "brand": one.brand,
        "terminal": {"count": one.told_count, "amount": one.told.plain()},
        "till": {"count": one.own_count, "amount": one.own.plain()},
        "currency": one.own.currency.code,
        "agrees": one.agrees,
    }


def _text(found: CardReconciliation) -> list[str]:
    since = "the beginning" if found.since is None else f"{found.since:%Y-%m-%d %H:%M} UTC"
    lines = [f"Card terminal {found.card_terminal}, reconciliation {found.number}, since {since}"]
    lines += [f"  it told {line.kind:14} {line.brand:12} {line.count:5} {line.amount}" for line in found.told]
    for one in found.compared:
        verdict = "agree" if one.agrees else "DIFFER"
        lines.append(
            f"  {one.brand or 'all':12} terminal {one.told_count:5} {one.told.plain():>14}   "
            f"till {one.own_count:5} {one.own.plain():>14}   {verdict}"
        )
    if found.open_attempts:
        lines.append(f"  {found.open_attempts} card payments are not settled yet; see the till's menu, . . 1")
    return [*lines, "They agree." if found.agrees else "They differ."]
