"""The feed to the general ledger: ``pos export gl``, ``pos export journal`` and ``pos gl``."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from datetime import date
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pos.cli.output import Invocation
from pos.cli.person import PinOption, UserOption, reading, writing
from pos.domain.ledger_delivery import Delivery, DeliveryState, DeliveryWay
from pos.domain.ledger_feed import Deliverer
from sync.ledger.files import BatchForm, JournalForm, batch_file, batch_head, journal_file

if TYPE_CHECKING:
    from pos.domain.ledger_feed import LedgerBatch

UNREACHABLE = 7
TEXTS_AT_ONCE = 200
"""So many entries are encoded, summed and written together: some 100 kB."""

app = typer.Typer(help="The batches for the general ledger, and what lies behind them.", no_args_is_help=True)

DayOption = Annotated[
    str | None, typer.Option("--business-date", help="Of this day, as 2026-11-21; else of every day.")
]
OutOption = Annotated[Path, typer.Option("--out", help="The file to write; it must not exist yet.")]
BatchArgument = Annotated[str, typer.Argument(help="The batch's number, as S014-T1-A-20261121-01.")]


@app.callback()
def gl() -> None:
    """A batch is what this terminal booked on one business date; it is made by pos export gl and never changes."""


def export_gl(
    context: typer.Context,
    format: Annotated[BatchForm, typer.Option("--format")],
    out: OutOption,
    business_date: DayOption = None,
    batch: Annotated[
        str | None, typer.Option("--batch", help="This batch alone, made before, the same bytes again.")
    ] = None,
    accounts: Annotated[
        bool, typer.Option(help="hledger, beancount: declare the accounts; --no-accounts for a later file.")
    ] = True,
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> None:
    """The batches for the general ledger. Those that are still to be made are made first; what was made never changes.

    Without --business-date those of every day that is over or closed.
    """
    from pos.till.ledger_batches import ledger_batch, ledger_batches, make_batches

    call: Invocation = context.obj
    if batch is not None and business_date is not None:
        raise typer.BadParameter("Give --batch or --business-date, not both.")
    day = read_day(business_date)
    require_new(out)
    if batch is not None:
        with reading(call, user, pin_fd) as (till, person):
            batches = [ledger_batch(till.desk, person, batch)]
    else:
        with writing(call, user, pin_fd) as (till, person):
            make_batches(till.desk, person, day)
            batches = ledger_batches(till.desk, person, day)
    digest = write_new(out, batch_file(format, batches, accounts=accounts))
    data = {
        "ok": True,
        "file": str(out),
        "format": str(format),
        "sha256": digest,
        "batches": [batch_head(one) for one in batches],
    }
    call.line(data, f"{out}: batches {len(batches)}\nsha256 {digest}")
    for one in batches:
        call.note(batch_text(one))


def export_journal(
    context: typer.Context,
    format: Annotated[JournalForm, typer.Option("--format")],
    out: OutOption,
    business_date: DayOption = None,
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> None:
    """Every entry of the journal, with the receipt that it was booked with."""
    from pos.till.ledger_entries import journal

    call: Invocation = context.obj
    day = read_day(business_date)
    require_new(out)
    with reading(call, user, pin_fd) as (till, person), journal(till.desk, person, day) as told:
        digest = write_new(out, journal_file(format, told.accounts, told.currencies, told.entries))
    data = {"ok": True, "file": str(out), "format": str(format), "sha256": digest}
    call.line(data, f"{out}\nsha256 {digest}")


@app.command("list")
def batches(
    context: typer.Context,
    business_date: DayOption = None,
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> None:
    """The batches that were made, with their control totals."""
    from pos.till.ledger_batches import ledger_batches
    from pos.till.ledger_delivery import delivery_of, refused_by_central

    call: Invocation = context.obj
    day = read_day(business_date)
    with reading(call, user, pin_fd) as (till, person):
        found = ledger_batches(till.desk, person, day)
        aside = refused_by_central(till.desk, person)
        states = {one.number: delivery_of(till.desk, person, one.number) for one in found}
    for one in found:
        state, words = state_of(one, states[one.number], here=Deliverer.TILL)
        why = aside.get(one.number)
        said = f"{batch_text(one)}, {words}" + ("" if why is None else f"; central did not take it: {why}")
        call.line({**batch_head(one), "state": state, "central_refusal": why}, said)
    if not found:
        call.note("No batch was made yet.")


@app.command("show")
def show(
    context: typer.Context,
    batch: BatchArgument,
    line: Annotated[
        int | None, typer.Option("--line", help="The postings behind this line, with their receipts.")
    ] = None,
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> None:
    """The lines of a batch, or what lies behind one of them."""
    from pos.till.ledger_batches import ledger_batch
    from pos.till.ledger_entries import PAGE_MAX, behind

    call: Invocation = context.obj
    with reading(call, user, pin_fd) as (till, person):
        if line is None:
            _lines(call, ledger_batch(till.desk, person, batch))
            return
        after = (0, 0)
        while page := behind(till.desk, person, batch, line, after=after, limit=PAGE_MAX):
            for posting in page:
                data = {
                    "entry": posting.entry_id,
                    "event": posting.event,
                    "receipt": posting.paper,
                    "booked_at": posting.booked_at_utc,
                    "account": posting.account,
                    "amount": posting.amount.plain(),
                    "currency": posting.amount.currency.code,
                }
                text = f"{posting.booked_at_utc}  {posting.paper or posting.entry_id:26} {posting.account or '':12}"
                call.line(data, f"{text} {posting.amount!s:>16}")
            after = page[-1].place


@app.command("deliver")
def deliver(
    context: typer.Context,
    batch: Annotated[
        str | None, typer.Argument(help="This batch alone, also where it was refused; else all that wait.")
    ] = None,
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> int:
    """Bring the batches to the accounting system and take in what it answers; 7 where it cannot be reached.

    Batches of days that are over or closed and still to be made are made first.
    """
    from pos.bootstrap.ledger import deliver_batches
    from pos.till.ledger_batches import make_batches

    call: Invocation = context.obj
    left = 0
    with writing(call, user, pin_fd) as (till, person):
        make_batches(till.desk, person)
        for number, outcome in deliver_batches(till, person, batch):
            if isinstance(outcome, str):
                left += 1
                call.failure("ledger_unreachable", f"{number}: {outcome}")
            else:
                _delivery(call, number, outcome)
    return UNREACHABLE if left else 0


@app.command("acknowledged")
def acknowledged(
    context: typer.Context,
    batch: BatchArgument,
    reference: Annotated[str, typer.Option("--reference", help="The accounting system's own number.")] = "",
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> None:
    """Say that the accounting system has a batch, where it does not say so itself."""
    step = Delivery(state=DeliveryState.ACKNOWLEDGED, way=DeliveryWay.BY_HAND, reference=reference)
    _by_hand(context.obj, batch, step, user, pin_fd)


@app.command("refused")
def refused(
    context: typer.Context,
    batch: BatchArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> None:
    """Say that the accounting system took a batch not, where it does not say so itself."""
    step = Delivery(state=DeliveryState.REFUSED, way=DeliveryWay.BY_HAND, reason=reason)
    _by_hand(context.obj, batch, step, user, pin_fd)


def _by_hand(call: Invocation, batch: str, step: Delivery, user: str | None, pin_fd: int | None) -> None:
    from pos.till.ledger_delivery import note_delivery, said_by_hand

    with writing(call, user, pin_fd) as (till, person):
        _delivery(call, batch, note_delivery(till.desk, person, batch, said_by_hand(step)))


def _delivery(call: Invocation, number: str, step: Delivery) -> None:
    data = {
        "ok": True,
        "batch": number,
        "state": str(step.state),
        "way": str(step.way),
        "reference": step.reference,
        "reason": step.reason,
        "file_sha256": step.file_digest,
    }
    said = step.reason or (f"as {step.reference}" if step.reference else "")
    call.line(data, f"{number}: {step.state} {said}".rstrip())


def _lines(call: Invocation, batch: LedgerBatch) -> None:
    call.note(batch_text(batch))
    for line in batch.lines:
        amount = line.debit if line.debit.minor else line.credit
        side = "debit" if line.debit.minor else "credit"
        data = {
            "line": line.number,
            "event": line.event,
            "account": line.code,
            "name": line.name,
            "ledger_account": line.ledger_account,
            side: amount.plain(),
            "currency": amount.currency.code,
            "postings": line.postings,
            "original_date": None if line.original_date is None else line.original_date.isoformat(),
        }
        shown = f"{line.number:>4}  {line.event:20} {line.code:10} {line.name:32} {side:6} {amount!s:>16}"
        call.line(data, f"{shown}  of {line.postings}")


def state_of(batch: LedgerBatch, step: Delivery | None, *, here: Deliverer) -> tuple[str, str]:
    """As a program and a person are told it. What others than ``here`` bring, or nobody, does not wait here."""
    if step is None and batch.delivered_by is not here:
        who = {Deliverer.TILL: "its till", Deliverer.CENTRAL: "central", Deliverer.NOBODY: "nobody"}
        return f"brought_by_{batch.delivered_by}", f"{who[batch.delivered_by]} brings it"
    state = "waiting" if step is None else str(step.state)
    return state, state


def batch_text(batch: LedgerBatch) -> str:
    """A batch on a line, for a person."""
    totals = ", ".join(str(total.debit) for total in batch.totals)
    posted = "" if batch.accounting_date == batch.business_date else f", posted on {batch.accounting_date}"
    return f"{batch.number}  {batch.business_date}{posted}: {batch.entries} entries, {totals} on either side"


def read_day(text: str | None) -> date | None:
    """The business date that was typed. Raises Refused."""
    from pos.domain.tender import read_date

    return None if text is None else read_date(text, field="Business date")


def require_new(out: Path) -> None:
    """Raises BadParameter where the file is there already, or its folder is not."""
    if out.exists() or not out.parent.is_dir():
        raise typer.BadParameter(f"{out} exists already, or its folder does not.")


def write_new(out: Path, texts: Iterable[str]) -> str:
    """Write a new file of mode 0600, on the disk when this returns; its SHA-256. Raises BadParameter and leaves none."""
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise typer.BadParameter(f"{out} cannot be written: {error.strerror}.") from None
    digest = hashlib.sha256()
    try:
        with os.fdopen(handle, "wb", buffering=1 << 20) as file:
            rest = iter(texts)
            while block := "".join(islice(rest, TEXTS_AT_ONCE)):
                piece = block.encode("utf-8")
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
    except BaseException as error:
        out.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise typer.BadParameter(f"{out} cannot be written: {error.strerror}.") from None
        raise
    return digest.hexdigest()
