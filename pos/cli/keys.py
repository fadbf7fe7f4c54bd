"""The keys of a home: their fingerprints, changed by two admins, sealed; and an auditor's check by the public one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pos.bootstrap.homes import open_till, real_machine
from pos.cli.output import Invocation
from pos.cli.person import PassphraseOption, PinOption, UserOption, read_secret, writing
from pos.store.database import Database

FINDINGS = 6

app = typer.Typer(help="The keys of the chain and of the terminal's signature.", no_args_is_help=True)


@app.callback()
def keys() -> None:
    """The keys of a home. None of them is ever shown; a public key is for everybody."""


@app.command("show")
def show_keys(context: typer.Context) -> None:
    """Each key's number, the first link under it, its fingerprint and the terminal's public key."""
    call: Invocation = context.obj
    with open_till(call.home, machine=real_machine(), config=call.config, read_only=True) as till:
        with till.desk.till.read() as connection:
            found = connection.exec_driver_sql("SELECT * FROM chain_key ORDER BY number").mappings().all()
        for row in found:
            shown = f"Key {row['number']} from link {row['from_chain_no']}, made {row['at_utc']}: "
            call.line(dict(row), f"{shown}{row['fingerprint'][:16]}\n  public key {row['public_key']}")


@app.command("check")
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


@app.command("rotate")
def rotate(
    context: typer.Context,
    reason: Annotated[str | None, typer.Option("--reason", help="Why; it is kept in the audit.")] = None,
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> None:
    """Go on under new keys, by two admins: the first call names a request, which the other approves, then once more."""
    from pos.bootstrap.key_change import rotate_keys

    call: Invocation = context.obj
    with writing(call, user, pin_fd) as (opened, person):
        named = rotate_keys(opened, person, reason=reason)
    call.line(
        {
            "ok": True,
            "number": named.number,
            "from_chain_no": named.from_chain_no,
            "fingerprint": named.fingerprint,
            "public_key": named.public_key,
        },
        f"Key {named.number} from link {named.from_chain_no}: {named.fingerprint[:16]}\n"
        f"  public key {named.public_key}\nMake a backup now: the keys of the last one are not these.",
    )


@app.command("backup")
def back_up(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    passphrase_fd: PassphraseOption = None,
) -> None:
    """Seal the keys of this home under a passphrase, as they lie beside a backup."""
    from pos.bootstrap.backups import back_up_keys

    call: Invocation = context.obj
    passphrase = read_secret(passphrase_fd, "Passphrase: ")
    count = back_up_keys(call.home, file.absolute(), passphrase, real_machine())
    call.line({"ok": True, "file": str(file), "keys": count}, f"{count} keys, sealed: {file}")
