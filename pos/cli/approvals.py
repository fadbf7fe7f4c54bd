"""What waits for a second person, from the command line: the list, and a yes or a no."""

from __future__ import annotations

from typing import Annotated

import typer

from pos.cli.output import Invocation
from pos.cli.person import PinOption, UserOption, reading, writing

RequestArgument = Annotated[
    str, typer.Argument(help="Its number, such as R-7, or T2:1:R-7 of another terminal.")
]


def approvals(context: typer.Context, user: UserOption = None, pin_fd: PinOption = None) -> None:
    """List what was asked for within a day: your own requests, and those that you may approve, of other terminals too."""
    from pos.bootstrap.approvals_now import ApprovalsNow
    from pos.till.approvals import requests_now

    call: Invocation = context.obj
    with reading(call, user, pin_fd) as (opened, person):
        found = requests_now(opened.desk, person)
        there = ApprovalsNow(opened).requests(person)
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
            "elsewhere": one.elsewhere,
        }
        why = "" if one.reason is None else f" ({one.reason})"
        call.line(told, f"{one.request_id}  {one.state}  user {one.requester}: {one.what or one.act}{why}")

    if there is None:
        call.note("Central does not answer: what other terminals ask for is not shown.")
    for other in there or ():
        told = {
            "request": other.central_id,
            "act": other.act,
            "what": other.what,
            "by": other.requester,
            "reason": other.reason,
            "at": other.at.isoformat(timespec="seconds"),
            "terminal": other.terminal,
            "state": str(other.state),
            "answered_by": None if other.answer is None else other.answer.user,
        }
        why = "" if other.reason is None else f" ({other.reason})"
        call.line(told, f"{other.central_id}  {other.state}  user {other.requester}: {other.what}{why}")


def approve(
    context: typer.Context, request: RequestArgument, user: UserOption = None, pin_fd: PinOption = None
) -> None:
    """Approve exactly what another asked for; it can be done once, within five minutes."""
    from pos.till.approvals import approve as deed

    call: Invocation = context.obj
    if _is_of_another(request):
        _answer(call, request, user, pin_fd)
        return
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
    if _is_of_another(request):
        _answer(call, request, user, pin_fd, declined=reason)
        return
    with writing(call, user, pin_fd) as (opened, person):
        done = deed(opened.desk, person, request, reason)
    call.line(
        {"ok": True, "request": done.request_id, "act": done.act, "for": done.requester},
        f"{done.request_id} is declined; it would have to be asked for anew.",
    )


def _is_of_another(request: str) -> bool:
    """Requests of other terminals go by the id that central knows them by."""
    return ":" in request


def _answer(
    call: Invocation, request: str, user: str | None, pin_fd: int | None, *, declined: str | None = None
) -> None:
    from pos.bootstrap.approvals_now import ApprovalsNow

    with writing(call, user, pin_fd) as (opened, person):
        done = ApprovalsNow(opened).answer(person, request, declined=declined)
    said = "approved" if done.approved else "declined"
    sure = "" if done.kept else " Central did not answer: it is told again for as long as it is good."
    told = {
        "ok": True,
        "request": done.request.central_id,
        "act": done.request.act,
        "for": done.request.requester,
        "kept": done.kept,
    }
    call.line(told, f"{done.request.central_id} is {said}.{sure}")
