"""The machine's own commands: what checks a home and what keeps it. They name nobody and show no personal data."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from sqlalchemy.exc import DBAPIError

from pos.bootstrap.homes import OpenTill, open_till, real_machine
from pos.bootstrap.store_check import store_findings
from pos.bootstrap.wire import compare_with_central, make_client
from pos.cli.output import Invocation
from pos.domain.errors import Refused
from pos.store.database import StoreError

FINDINGS = 6

UNREADABLE = (Refused, StoreError, DBAPIError, ValueError, KeyError, TypeError)
"""What an altered store may do to whoever opens it; it is passed over only where the alteration itself was named."""


def verify(
    context: typer.Context,
    central: Annotated[bool, typer.Option("--central", help="Compare with central as well.")] = False,
    receipt: Annotated[
        str | None, typer.Option("--receipt", metavar="TEXT", help="A receipt's number and mark, as printed.")
    ] = None,
) -> int:
    """Check the books from scratch; exit 6 with a list of findings."""
    from pos.till.verify import verify_books
    from pos.till.verify_paper import paper_findings

    call: Invocation = context.obj
    machine = real_machine()
    found = store_findings(call.home, machine)
    findings = [(finding.check, finding.where) for finding in found]
    try:
        with open_till(call.home, machine=machine, config=call.config, read_only=True) as till:
            books = verify_books(till.desk, caught_up=False, rows=False)
            if receipt is not None:
                books += paper_findings(till.desk, receipt)
            findings += [(finding.check, finding.where) for finding in books]
            if central:
                findings += asyncio.run(_compare(till))
    except UNREADABLE as error:
        if not findings:
            raise
        call.note(f"The other checks could not be made on this store: {type(error).__name__}.")
    for check, where in findings:
        call.line({"ok": False, "check": check, "where": where}, f"{check}: {where}")
    call.line(
        {"ok": not findings, "findings": len(findings)},
        "The books are sound." if not findings else f"{len(findings)} findings.",
    )
    return FINDINGS if findings else 0


async def _compare(till: OpenTill) -> list[tuple[str, str]]:
    async with make_client(till) as client:
        return [(finding.check, finding.where) for finding in await compare_with_central(till.desk, client)]
