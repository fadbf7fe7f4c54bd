"""Files for others: the general ledger's, the auditor's, and what can be read of a damaged store."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pos.cli import collections, ledger
from pos.cli.output import Invocation
from pos.cli.person import PinOption, UserOption, reading

app = typer.Typer(
    help="Write files for others: the general ledger's, the auditor's, and what a damaged store still tells.",
    no_args_is_help=True,
)
app.command("gl")(ledger.export_gl)
app.command("journal")(ledger.export_journal)
app.command("direct-debit")(collections.export_direct_debit)

DAMAGED = 6


@app.callback()
def exports() -> None:
    """Write files for others; none is written over."""


class AuditFormat(StrEnum):
    """The forms of the audit's file."""

    CSV = "csv"
    JSONL = "jsonl"


@app.command("audit")
def audit(
    context: typer.Context,
    format: Annotated[AuditFormat, typer.Option("--format")],
    out: Annotated[Path, typer.Option("--out", help="The file to write; it must not exist yet.")],
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> None:
    """Who did what, when and why, with the number of the chain's link of each row."""
    from pos.till.audit_export import audit_rows, csv_text, jsonl_text

    call: Invocation = context.obj
    if out.exists() or not out.parent.is_dir():
        raise typer.BadParameter(f"{out} exists already, or its folder does not.")
    form = csv_text if format is AuditFormat.CSV else jsonl_text
    with reading(call, user, pin_fd) as (opened, person):
        lines = list(form(audit_rows(opened.desk, person)))
    rows = max(len(lines) - (format is AuditFormat.CSV), 0)
    _write(out, "".join(lines).encode("utf-8"))
    call.line({"ok": True, "rows": rows, "file": str(out)}, f"{rows} rows of the audit: {out}")


@app.command("support")
def support(
    context: typer.Context,
    out: Annotated[
        Path, typer.Option("--out", help="The file to write, which must not exist yet, or a folder for it.")
    ],
) -> int:
    """Everything that can still be read of a damaged store; 6 where something could not. It is the machine's own."""
    from pos.bootstrap.homes import real_machine
    from pos.bootstrap.support_export import export_support

    call: Invocation = context.obj
    try:
        done = export_support(call.home, out.absolute(), real_machine())
    except OSError as error:
        raise typer.BadParameter(f"{out} cannot be written: {error.strerror}.") from None
    skipped = f"not whole: {', '.join(done.skipped)}" if done.skipped else "nothing was skipped"
    call.line(
        {
            "ok": not done.skipped,
            "file": str(done.file),
            "tables": done.tables,
            "rows": done.rows,
            "skipped": list(done.skipped),
        },
        f"{done.rows} rows of {done.tables} tables, {skipped}: {done.file}",
    )
    return DAMAGED if done.skipped else 0


def _write(out: Path, content: bytes) -> None:
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise typer.BadParameter(f"{out} cannot be written: {error.strerror}.") from None
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
