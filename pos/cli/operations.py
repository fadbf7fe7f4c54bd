"""The machine's own commands: what checks a home and what keeps it. They name nobody and show no personal data."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from pos.bootstrap.central_key import CentralKey
from pos.bootstrap.homes import OpenTill, real_machine
from pos.bootstrap.wire import compare_with_central, make_client
from pos.cli.output import Invocation
from pos.cli.person import (
    CodeOption,
    PassphraseOption,
    PinOption,
    UserOption,
    read_code,
    read_pin,
    read_secret,
    read_user,
)
from pos.till.verify_rows import Finding

FINDINGS = 6


def verify(
    context: typer.Context,
    central: Annotated[bool, typer.Option("--central", help="Compare with central as well.")] = False,
    receipt: Annotated[
        str | None,
        typer.Option(
            "--receipt", metavar="TEXT", help="Number and mark of a receipt, as its QR code says them."
        ),
    ] = None,
    background: Annotated[
        bool, typer.Option("--background", help="Give way to everything else, as the nightly check does.")
    ] = False,
) -> int:
    """Check the books from scratch; exit 6 with a list of findings."""
    from pos.bootstrap.whole_check import check_whole, go_behind_everything
    from pos.till.verify_paper import paper_findings

    call: Invocation = context.obj
    if background:
        go_behind_everything()

    def further(till: OpenTill) -> list[Finding]:
        paper = [] if receipt is None else paper_findings(till.desk, receipt)
        return paper + (asyncio.run(_compare(till)) if central else [])

    findings = check_whole(call.home, real_machine(), config=call.config, further=further, note=call.note)
    for finding in findings:
        call.line(
            {"ok": False, "check": finding.check, "where": finding.where}, f"{finding.check}: {finding.where}"
        )
    call.line(
        {"ok": not findings, "findings": len(findings)},
        "The books are sound." if not findings else f"{len(findings)} findings.",
    )
    return FINDINGS if findings else 0


async def _compare(till: OpenTill) -> list[Finding]:
    async with make_client(till) as client:
        differing = await compare_with_central(till.desk, client)
    return [Finding(check=finding.check, where=finding.where) for finding in differing]


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The file to write; the sealed keys go to FILE.keys.")],
    passphrase_fd: PassphraseOption = None,
) -> int:
    """Back the home up, also while it sells; the copy is checked whole."""
    from pos.bootstrap.backups import make_backup

    call: Invocation = context.obj
    made = make_backup(call.home, file.absolute(), read_secret(passphrase_fd, "Passphrase: "), real_machine())
    for finding in made.findings:
        call.line(
            {"ok": False, "check": finding.check, "where": finding.where}, f"{finding.check}: {finding.where}"
        )
    call.line(
        {
            "ok": not made.findings,
            "file": str(made.store),
            "keys": str(made.keys),
            "findings": len(made.findings),
        },
        f"Backup {made.store}, keys {made.keys}, {len(made.findings)} findings.",
    )
    return FINDINGS if made.findings else 0


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A backup; its keys lie beside it in FILE.keys.")],
    code: CodeOption = None,
    passphrase_fd: PassphraseOption = None,
    user: UserOption = None,
    pin_fd: PinOption = None,
    second: Annotated[
        str | None, typer.Option("--second", help="User number of another admin, who signs in as well.")
    ] = None,
    second_pin_fd: Annotated[
        int | None, typer.Option("--second-pin-fd", help="File descriptor to read that admin's PIN from.")
    ] = None,
) -> None:
    """Make the home anew from a backup, by two admins of it; it goes on in a new receipt series."""
    from pos.bootstrap.backups import Wish, restore
    from pos.bootstrap.wire import enrol, tls_of
    from pos.settings import read_settings
    from pos.till.sign_in import sign_in

    call: Invocation = context.obj
    one_time, passphrase = read_code(code), read_secret(passphrase_fd, "Passphrase: ")
    number, pin = read_user(user), read_pin(pin_fd)
    second_pin = None if second is None else read_pin(second_pin_fd, "PIN of the other admin: ")
    tls = tls_of(read_settings(option=call.config, home=call.home))
    machine = real_machine()

    def enrolled(url: str, terminal: str, above: int) -> CentralKey:
        assert one_time is not None
        return asyncio.run(
            enrol(url, terminal, one_time, randomness=machine.randomness, epoch_above=above, tls=tls)
        )

    wish = Wish(
        home=call.home,
        backup=file.absolute(),
        passphrase=passphrase,
        enrol=None if one_time is None else enrolled,
        second=None
        if second is None or second_pin is None
        else lambda desk: sign_in(desk, second, second_pin),
    )
    done = restore(wish, lambda desk: sign_in(desk, number, pin), machine)
    call.line(
        {
            "ok": True,
            "home": str(call.home),
            "terminal": done.terminal,
            "epoch": done.epoch,
            "series": done.series,
            "kept": None if done.kept is None else str(done.kept),
        },
        f"Terminal {done.terminal} goes on in series {done.series}. What was here before: {done.kept or 'nothing'}.",
    )
