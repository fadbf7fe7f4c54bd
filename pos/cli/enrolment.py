"""Enrolling a home at central again: after it was lost or retired, copied, or made before tills had keys."""

from __future__ import annotations

import asyncio

import typer

from pos.cli.output import Invocation
from pos.cli.person import CodeOption, PinOption, UserOption, read_code, writing


def enrol(
    context: typer.Context, code: CodeOption = None, user: UserOption = None, pin_fd: PinOption = None
) -> None:
    """Enrol this home at central anew, by an admin and a one-time code of central's; it goes on in a new receipt series."""
    from pos.bootstrap.central_key import CentralKey
    from pos.bootstrap.enrolling import enrol_anew
    from pos.bootstrap.wire import enrol as redeem_at
    from pos.bootstrap.wire import tls_of

    call: Invocation = context.obj
    one_time = read_code(code)
    if one_time is None:
        raise typer.BadParameter("Give the one-time code of pos central terminal code with --code.")
    with writing(call, user, pin_fd) as (till, person):

        def redeem(url: str, terminal: str, above: int) -> CentralKey:
            return asyncio.run(
                redeem_at(
                    url,
                    terminal,
                    one_time,
                    randomness=till.machine.randomness,
                    epoch_above=above,
                    tls=tls_of(till.settings),
                )
            )

        done = enrol_anew(till, person, redeem)
    call.line(
        {
            "ok": True,
            "terminal": done.terminal,
            "epoch": done.epoch,
            "series": done.series,
            "sent_again": done.again,
        },
        f"Terminal {done.terminal} goes on in epoch {done.epoch}, series {done.series}.",
    )
