"""Backing up central's store, and making one from a backup."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pos.cli.output import Invocation

DbOption = Annotated[
    str, typer.Option("--db", help="Database URL: sqlite:///central.db or postgresql://user@host/central.")
]
FINDINGS = 6
LET_IN = {
    "nobody": "It lets nobody in: give each client a new secret (client NAME --renew), each terminal a new code.",
    "as in the backup": "It lets in whom the backup does: revoke who was put out since.",
    "as in the store replaced": "It lets in whom the store that it replaces did.",
}


def backup(
    context: typer.Context,
    db: DbOption,
    to: Annotated[Path, typer.Option("--to", dir_okay=False, help="A new file.")],
) -> None:
    """Write central's whole store to one file, while it serves; either kind of store is made from it again."""
    from pos.machine import MachineClock
    from sync.central.operating.backup import back_up
    from sync.central.schema.opening import open_central

    call: Invocation = context.obj
    store = open_central(db)
    try:
        found = back_up(store, to, clock=MachineClock("UTC"))
    finally:
        store.close()
    rows = sum(found.rows.values())
    data = {"ok": True, "file": str(to), "version": found.version, "change": found.change, "rows": rows}
    call.line(data, f"{rows} rows in {to}, read back whole. Whoever has it has central's keys: keep it safe.")


def restore(
    context: typer.Context,
    db: DbOption,
    file: Annotated[Path, typer.Option("--from", dir_okay=False, help="A backup of central's.")],
    replaces: Annotated[
        str | None,
        typer.Option(
            "--replaces", metavar="URL", help="The store it takes the place of: it lets in whom that did."
        ),
    ] = None,
    keep_clients: Annotated[
        bool, typer.Option("--keep-clients", help="Let in whom the backup does, also who was put out since.")
    ] = False,
) -> int:
    """Make a store from a backup in an empty database of either kind, and check its books; exit 6 with findings.

    Unless told otherwise it lets nobody in: each client waits for a new secret, each terminal for a new code.
    """
    from pos.machine import MachineClock
    from pos.settings import read_settings
    from sync.central.operating.let_in import LetIn
    from sync.central.operating.restore import restore as restore_central
    from sync.central.operating.verify import verify_central
    from sync.central.schema.opening import open_central

    if keep_clients and replaces is not None:
        raise typer.BadParameter("Say --replaces or --keep-clients, not both.")
    call: Invocation = context.obj
    who = LetIn.AS_REPLACED if replaces else LetIn.AS_IN_BACKUP if keep_clients else LetIn.NOBODY
    found = restore_central(file, db, clock=MachineClock("UTC"), who=who, replaced=replaces)
    store = open_central(db)
    try:
        findings = verify_central(store, modes=read_settings(option=call.config).modes)
    finally:
        store.close()
    for finding in findings:
        data = {"ok": False, "subject": finding.subject, "id": finding.subject_id, "message": finding.message}
        call.line(data, f"{finding.subject} {finding.subject_id}: {finding.message}")
    rows = sum(found.rows.values())
    call.line(
        {
            "ok": not findings,
            "rows": rows,
            "made_at": found.made_at,
            "findings": len(findings),
            "let_in": str(who),
        },
        f"{rows} rows of {found.made_at} are in the store. {LET_IN[who]} "
        + ("Central's books are sound." if not findings else f"{len(findings)} findings."),
    )
    return FINDINGS if findings else 0
