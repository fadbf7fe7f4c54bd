"""``pos export direct-debit``: what is open and due of accounts with a mandate, as the file that a bank collects by."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pos.bootstrap.homes import OpenTill
from pos.cli.output import Invocation
from pos.cli.person import PinOption, UserOption, reading, writing
from pos.domain.errors import Refused
from pos.till.collections import Collection, collect, collected, preview_collection
from sync.files.pain008 import Asking, Creditor, ToCollect, collection_csv, joined, pain008


class CollectionFormat(StrEnum):
    """The forms of a collection's file."""

    PAIN008 = "pain008"
    CSV = "csv"


def export_direct_debit(
    context: typer.Context,
    out: Annotated[
        Path | None, typer.Option("--out", help="The file to write; it must not exist yet.")
    ] = None,
    collect_on: Annotated[
        str, typer.Option("--collect-on", help="The day on which the bank is to collect, as 2026-11-25.")
    ] = "",
    again: Annotated[
        str,
        typer.Option("--again", help="Write the file of this collection once more; nothing is asked anew."),
    ] = "",
    format: Annotated[CollectionFormat, typer.Option("--format")] = CollectionFormat.PAIN008,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would be collected; write nothing.")
    ] = False,
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> None:
    """Ask a bank to collect the bills that are due by a day, each once until the bank has answered."""
    call: Invocation = context.obj
    if bool(collect_on) == bool(again):
        raise typer.BadParameter("Give --collect-on, or --again with the number of a collection.")
    if not dry_run and (out is None or out.exists() or not out.parent.is_dir()):
        raise typer.BadParameter("Give --out with a file that does not exist yet, in a folder that does.")
    with (reading if dry_run or again else writing)(call, user, pin_fd) as (till, person):
        if dry_run:
            would = (
                collected(till.desk, person, again)
                if again
                else preview_collection(till.desk, person, collect_on)
            )
            call.line(_json(would, None), _text(would))
            return
        assert out is not None
        till.desk.identity.refuse_training("no bank is asked for anything")
        creditor = _creditor(till)
        made = collected(till.desk, person, again) if again else collect(till.desk, person, collect_on)
        asking = _asking(made)
        _write(
            out,
            joined(
                pain008(asking, creditor) if format is CollectionFormat.PAIN008 else collection_csv(asking)
            ),
        )
        call.line(_json(made, out), f"{_text(made)}: {out}")


def _creditor(till: OpenTill) -> Creditor:
    """Who collects. Raises Refused ``creditor_missing``."""
    policy = till.desk.policy.debits
    if not policy.creditor_name or not policy.creditor_account:
        raise Refused(
            "creditor_missing", "Set creditor_name and creditor_account in [direct_debit] of till.toml first."
        )
    return Creditor(
        name=policy.creditor_name,
        identifier=policy.creditor_id,
        account=policy.creditor_account,
        bic=policy.creditor_bic,
    )


def _asking(made: Collection) -> Asking:
    return Asking(
        message_id=made.message_id,
        at=made.at,
        collect_on=made.collect_on,
        items=[
            ToCollect(
                reference=one.item.reference,
                mandate=one.mandate.mandate,
                signed_on=one.mandate.signed_on,
                first=one.item.first,
                holder=one.mandate.bank.holder,
                number=one.mandate.bank.number,
                bic=one.mandate.bank.bic,
                amount=one.item.amount,
                account=one.item.account,
                bill_no=one.item.bill_no,
            )
            for one in made.items
        ],
    )


def _json(made: Collection, out: Path | None) -> dict[str, object]:
    return {
        "ok": True,
        "collection": made.message_id or None,
        "collect_on": made.collect_on.isoformat(),
        "items": len(made.items),
        "amount": made.amount.plain(),
        "currency": made.amount.currency.code,
        "file": None if out is None else str(out),
    }


def _text(made: Collection) -> str:
    named = f"{made.message_id}: " if made.message_id else "Would collect "
    return f"{named}{len(made.items)} bills, {made.amount}, on {made.collect_on}"


def _write(path: Path, content: bytes) -> None:
    """A new file that nobody else may read: it has bank accounts. Raises Refused ``not_written``."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Refused(
            "not_written",
            f"{path} cannot be written: {error.strerror}. The collection is kept: write it with --again.",
        ) from error
