"""The machine's own commands: what checks a home and what keeps it. They name nobody and show no personal data."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from pos.bootstrap.homes import OpenTill, open_till, real_machine
from pos.bootstrap.wire import compare_with_central, make_client
from pos.cli.output import Invocation
from pos.cli.person import PinOption, UserOption, read_pin, read_secret, read_user
from pos.store.database import Database
from pos.till.verify_rows import Finding

FINDINGS = 6


def verify(
    context: typer.Context,
    central: Annotated[bool, typer.Option("--central", help="Compare with central as well.")] = False,
    receipt: Annotated[
        str | None, typer.Option("--receipt", metavar="TEXT", help="A receipt's number and mark, as printed.")
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


keys_app = typer.Typer(help="The keys of the chain and of the terminal's signature.", no_args_is_help=True)


@keys_app.callback()
def keys() -> None:
    """The keys of a home. None of them is ever shown; a public key is for everybody."""


@keys_app.command("show")
def show_keys(context: typer.Context) -> None:
    """Each key's number, the first link under it, its fingerprint and the terminal's public key."""
    call: Invocation = context.obj
    with open_till(call.home, machine=real_machine(), config=call.config, read_only=True) as till:
        with till.desk.till.read() as connection:
            found = connection.exec_driver_sql("SELECT * FROM chain_key ORDER BY number").mappings().all()
        for row in found:
            shown = f"Key {row['number']} from link {row['from_chain_no']}, made {row['at_utc']}: "
            call.line(dict(row), f"{shown}{row['fingerprint'][:16]}\n  public key {row['public_key']}")


@keys_app.command("check")
def check_signatures(
    context: typer.Context,
    store: Annotated[Path, typer.Argument(help="A till.db, or a copy of one.")],
    public_key: Annotated[
        list[str], typer.Option("--public-key", help="The terminal's public key, as pos keys show prints it.")
    ],
) -> int:
    """For an auditor: each closed shift of a store against the terminal's signature. It needs no key of the till."""
    from pos.store.shift_signatures import signature_faults, unsigned_closes

    call: Invocation = context.obj
    if not store.is_file():
        raise typer.BadParameter(f"There is no file {store}.")
    database = Database(store, read_only=True)
    try:
        database.quick_check()
        with database.read() as connection:
            known = frozenset(key.strip().lower() for key in public_key)
            findings = list(signature_faults(connection, public_keys=known))
            findings += [("closed_shift_is_signed", shift) for shift in unsigned_closes(connection)]
            signed = connection.exec_driver_sql("SELECT count(*) FROM shift_signature").scalar_one()
    finally:
        database.close()
    for check, where in findings:
        call.line({"ok": False, "check": check, "where": where}, f"{check}: {where}")
    call.line(
        {"ok": not findings, "signed_shifts": signed, "findings": len(findings)},
        f"{signed} signed shifts, {len(findings)} findings.",
    )
    return FINDINGS if findings else 0


PassphraseOption = Annotated[
    int | None,
    typer.Option(
        "--passphrase-fd", help="File descriptor to read the passphrase from; never on the command line."
    ),
]


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
    code: Annotated[
        str | None, typer.Option("--code", help="One-time code from pos central terminal.")
    ] = None,
    passphrase_fd: PassphraseOption = None,
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> None:
    """Make the home anew from a backup; it goes on in a new receipt series."""
    from pos.bootstrap.backups import Wish, restore
    from pos.bootstrap.wire import enrol
    from pos.till.sign_in import sign_in

    call: Invocation = context.obj
    passphrase = read_secret(passphrase_fd, "Passphrase: ")
    number, pin = read_user(user), read_pin(pin_fd)
    wish = Wish(
        home=call.home,
        backup=file.absolute(),
        passphrase=passphrase,
        enrol=None if code is None else lambda url, terminal: asyncio.run(enrol(url, terminal, code)),
    )
    done = restore(wish, lambda desk: sign_in(desk, number, pin), real_machine())
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
