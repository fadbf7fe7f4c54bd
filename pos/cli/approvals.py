"""What waits for a second person, from the command line: the list, and a yes or a no."""

from __future__ import annotations

from typing import Annotated

import typer

from pos.cli.output import Invocation
from pos.cli.person import PinOption, UserOption, reading, writing

RequestArgument = Annotated[str, typer.Argument(help="Its number, such as R-7.")]


def approvals(context: typer.Context, user: UserOption = None, pin_fd: PinOption = None) -> None:
    """List what was asked for within a day: your own requests, and those that you may approve."""
    from pos.till.approvals import requests_now

    call: Invocation = context.obj
    with reading(call, user, pin_fd) as (opened, person):
        found = requests_now(opened.desk, person)
    for one in found:
        told = {
            "request": one.request_id,
            "act": one.act,
            "what": one.what,
            "by": one.requester,
            "reason": one.reason,
            "at": one.at.isoformat(timespec="seconds"),
            "terminal": one.terminal,
            "state": str(one.state),
            "answered_by": one.answered_by,
            "offline": one.offline,
        }
        why = "" if one.reason is None else f" ({one.reason})"
        call.line(told, f"{one.request_id}  {one.state}  user {one.requester}: {one.what or one.act}{why}")


def approve(
    context: typer.Context, request: RequestArgument, user: UserOption = None, pin_fd: PinOption = None
) -> None:
    """Approve exactly what another asked for; it can be done once, within five minutes."""
    from pos.till.approvals import approve as deed

    call: Invocation = context.obj
    with writing(call, user, pin_fd) as (opened, person):
        done = deed(opened.desk, person, request)
    until = done.expires.isoformat(timespec="seconds")
    call.line(
        {"ok": True, "request": done.request_id, "act": done.act, "for": done.requester, "until": until},
        f"{done.request_id} is approved until {until}: user {done.requester} does the same again.",
    )


def decline(
    context: typer.Context,
    request: RequestArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why not.")],
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> None:
    """Say no to what another asked for."""
    from pos.till.approvals import decline as deed

    call: Invocation = context.obj
    with writing(call, user, pin_fd) as (opened, person):
        done = deed(opened.desk, person, request, reason)
    call.line(
        {"ok": True, "request": done.request_id, "act": done.act, "for": done.requester},
        f"{done.request_id} is declined; it would have to be asked for anew.",
    )
