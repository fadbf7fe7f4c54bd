"""The machine's own commands: sync and outbox. They show no personal data and act for nobody."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from pos.bootstrap.homes import open_till, real_machine
from pos.bootstrap.wire import CentralUnreachable, NotEnrolled, make_client, make_engine
from pos.cli.output import Invocation
from pos.cli.person import PinOption, UserOption, writing
from pos.machine import InlineRunner
from pos.store import outbox as rows
from pos.till.unsent import send_again
from sync.engine import PushReport
from sync.inbound import PullReport

__all__ = ["CentralUnreachable", "outbox", "sync"]

REFUSED = 3


def sync(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Send what is due and pull, once.")] = False,
    drain: Annotated[bool, typer.Option("--drain", help="Send until nothing waits.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Keep syncing until stopped.")] = False,
    timeout_s: Annotated[int, typer.Option("--timeout", min=1, help="Seconds that --drain may take.")] = 60,
) -> int:
    """Run the sync engine."""
    if [once, drain, watch].count(True) != 1:
        raise typer.BadParameter("Choose one of --once, --drain and --watch.")
    call: Invocation = context.obj
    return asyncio.run(_sync(call, drain=drain, watch=watch, timeout_s=timeout_s))


async def _sync(call: Invocation, *, drain: bool, watch: bool, timeout_s: int) -> int:
    with open_till(call.home, machine=real_machine(), config=call.config) as till:
        async with make_client(till) as client:
            engine = make_engine(till, client, runner=InlineRunner())
            if watch:
                await engine.keep_syncing()
            pushed = await (engine.drain(timeout_s=timeout_s) if drain else engine.push())
            stuck = pushed.unreachable is not None or (drain and pushed.waiting > 0)
            pulled = None if stuck else await engine.pull()
            answered, barred = engine.state.online is True, engine.state.barred
        with till.desk.till.read() as connection:
            parked = rows.queue(connection).parked
    _say(call, pushed, pulled, parked)
    if barred is not None:
        raise NotEnrolled(barred)
    silent = pushed.unreachable or (None if pulled is None else pulled.problem)
    if silent is None and pushed.waiting and not answered:
        silent = "no answer came in time"
    if silent is not None:
        raise CentralUnreachable(silent)
    return REFUSED if parked or pushed.waiting else 0


def _say(call: Invocation, pushed: PushReport, pulled: PullReport | None, parked: int) -> None:
    data: dict[str, object] = {
        "ok": pushed.waiting == 0 and parked == 0 and (pulled is None or pulled.problem is None),
        "acknowledged": pushed.acknowledged,
        "parked": parked,
        "waiting": pushed.waiting,
    }
    if pulled is not None:
        data["pulled"] = {
            "accounts": pulled.accounts,
            "bills": pulled.bills,
            "rates": pulled.rates,
            "skipped": pulled.skipped,
            "problem": pulled.problem,
        }
    text = f"Sent {pushed.acknowledged}, parked {parked}, waiting {pushed.waiting}."
    if pulled is not None:
        text += f" Pulled {pulled.accounts} accounts, {pulled.bills} bills, {pulled.rates} rates."
    call.line(data, text)


def outbox(
    context: typer.Context,
    retry: Annotated[
        bool, typer.Option("--retry", help="Let parked rows be sent again; asks who says so.")
    ] = False,
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> None:
    """What waits for central, and what is parked and why."""
    call: Invocation = context.obj
    if retry:
        with writing(call, user, pin_fd) as (opened, person):
            again = send_again(opened.desk, person)
        call.note(f"{again} parked rows will be sent again.")
    with (
        open_till(call.home, machine=real_machine(), config=call.config, read_only=True) as till,
        till.desk.till.read() as connection,
    ):
        waiting = rows.unsent(connection)
    for row in waiting:
        data = {
            "outbox_id": row.outbox_id,
            "payment_event": row.payment_event_id,
            "leg": row.leg,
            "correlator_id": row.correlator_id,
            "kind": row.kind,
            "state": row.state,
            "attempts": row.attempts,
            "reason": row.reason,
            "next_attempt_at": None if row.next_attempt_at is None else row.next_attempt_at.isoformat(),
        }
        call.line(data, f"{row.outbox_id:6} {row.state:8} tries {row.attempts:3}  {row.reason or ''}")
    if not waiting:
        call.note("Nothing waits.")
