"""``pos import``: what banks send, record by record, for a person who may import."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pos.bootstrap.bank_files import flat_layout
from pos.bootstrap.homes import OpenTill
from pos.cli.bank_files import import_file, list_files, post_what_is_due
from pos.cli.output import Invocation
from pos.cli.person import PinOption, UserOption, reading, writing
from pos.domain.arrival import field_named, refuse_cards_in
from pos.domain.bank_file import BankEntry, EntryKind
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.payment_mode import ModeKind
from pos.domain.role import Person
from pos.till.imports import RecordOrder, RecordOutcome, begin_run, import_record, preview_record
from sync.files.bank_file import open_bank_file

LINE_MAX = 10_000
FILE_MAX = 100_000_000
REFUSED = 3

app = typer.Typer(help="Bring in what banks send.", no_args_is_help=True)


RECORDS = "records"
"""The plain profile: one JSON object a line."""


class _Record(BaseModel):
    """One line of the plain profile; beside these keys the mode's own fields (config/payment_modes.toml), as texts."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    __pydantic_extra__: dict[str, Annotated[str, Field(max_length=400)]] = Field(init=False)

    mode: Annotated[str, Field(max_length=40)] | None = None
    amount: Annotated[str, Field(max_length=24)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    account: Annotated[str, Field(max_length=160)]
    bill: Annotated[str, Field(max_length=160)] | None = None


FileArgument = Annotated[Path, typer.Argument(help="The file.", exists=True, dir_okay=False)]
ProfileOption = Annotated[
    str, typer.Option("--profile", help="The form of the file: records, or a profile of bank_files.toml.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Tell what would become of it; write nothing.")]


@app.command("atm")
def atm(
    context: typer.Context,
    file: FileArgument,
    profile: ProfileOption = RECORDS,
    dry_run: DryRunOption = False,
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> int:
    """Payments at ATMs: each is matched with the slip that the counter took, or waits to be posted."""
    who = (user, pin_fd)
    if profile == RECORDS:
        return _import(context.obj, ModeKind.ATM, file, dry_run=dry_run, who=who)
    return _import_atm_file(context.obj, file, profile, dry_run=dry_run, who=who)


@app.command("direct-debit")
def direct_debit(
    context: typer.Context,
    file: FileArgument,
    profile: Annotated[
        str,
        typer.Option(
            "--profile",
            help="The form: iso20022 (pain.002, camt.053 or .054, pacs.004), a profile of bank_files.toml, or records.",
        ),
    ] = "iso20022",
    dry_run: DryRunOption = False,
    result: Annotated[
        Path | None,
        typer.Option("--result", help="A CSV of what was made of each entry; it must not exist yet."),
    ] = None,
    above_threshold: Annotated[
        bool,
        typer.Option("--above-threshold", help="Carry out a file that is stopped; a second person approves."),
    ] = False,
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> int:
    """Direct debits: told in money, then each is posted, matched with the one that was keyed, refused or taken back.

    With --profile records each is only matched, or waits for pos import due.
    """
    if profile == RECORDS:
        return _import(context.obj, ModeKind.DIRECT_DEBIT, file, dry_run=dry_run, who=(user, pin_fd))
    return import_file(
        context.obj,
        file,
        profile,
        dry_run=dry_run,
        above_threshold=above_threshold,
        result=result,
        who=(user, pin_fd),
    )


@app.command("files")
def files(
    context: typer.Context,
    run: Annotated[str, typer.Option("--run", help="The entries of this run, in place of the files.")] = "",
    outcome: Annotated[str, typer.Option("--outcome", help="Only entries with it, such as parked.")] = "",
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> None:
    """The files of banks that were carried out here, the newest first, or what was made of each entry of one."""
    list_files(context.obj, run, outcome, (user, pin_fd))


@app.command("due")
def due(context: typer.Context, user: UserOption = None, pin_fd: PinOption = None) -> int:
    """Post what came by a file and waited, and whose value date has come: direct debits, and ATM payments without a slip."""
    return post_what_is_due(context.obj, (user, pin_fd))


def _import(
    call: Invocation,
    kind: ModeKind,
    file: Path,
    *,
    dry_run: bool,
    who: tuple[str | None, int | None],
) -> int:
    if file.stat().st_size > FILE_MAX:
        raise Refused("file_too_large", f"The file has more than {FILE_MAX} bytes. Split it.")
    content = file.read_bytes()
    with (reading if dry_run else writing)(call, *who) as (till, person):
        digest = hashlib.sha256(content).hexdigest()
        one = _previewing(till, person) if dry_run else _importing(till, person, kind, RECORDS, digest)
        orders = ((number, partial(_order, till, kind, line)) for number, line in _lines(content))
        return _every_order(call, orders, one, place="line")


def _import_atm_file(
    call: Invocation, file: Path, profile: str, *, dry_run: bool, who: tuple[str | None, int | None]
) -> int:
    """A file of a profile: all of it is looked at first, and one whose sums do not hold does nothing."""
    with (reading if dry_run else writing)(call, *who) as (till, person):
        layout = flat_layout(till.settings.bank_profiles, profile, ModeKind.ATM)
        told = till.settings.till.direct_debit
        shop = till.desk.identity.currency
        with open_bank_file(
            file,
            layout=layout,
            shop=shop,
            bytes_max=told.bytes_max,
            entries_max=told.entries_max,
            folder=till.paths.home,
        ) as found:
            call.note(f"{found.name}: {found.entries} entries, {found.paid}")
            one = (
                _previewing(till, person)
                if dry_run
                else _importing(till, person, ModeKind.ATM, profile, found.digest)
            )
            orders = ((entry.number, partial(_atm_order, till, entry)) for entry in found.read())
            return _every_order(call, orders, one, place="entry")


def _previewing(till: OpenTill, person: Person) -> Callable[[RecordOrder], RecordOutcome]:
    return lambda order: preview_record(till.desk, person, order)


def _importing(
    till: OpenTill, person: Person, kind: ModeKind, profile: str, digest: str
) -> Callable[[RecordOrder], RecordOutcome]:
    run_id = begin_run(till.desk, person, kind, profile=profile, file_digest=digest)
    return lambda order: import_record(till.desk, person, run_id, order)


def _every_order(
    call: Invocation,
    orders: Iterable[tuple[int, Callable[[], RecordOrder]]],
    one: Callable[[RecordOrder], RecordOutcome],
    *,
    place: str,
) -> int:
    """One that is refused does not stop the others; what is wrong with it is told with its number."""
    tally: Counter[str] = Counter()
    for number, read in orders:
        try:
            outcome = one(read())
        except NotAuthorised:
            raise
        except Refused as refusal:
            tally["refused"] += 1
            told = {place: number, "ok": False, "error": refusal.as_json()}
            call.line(told, f"{place} {number}: {refusal.message} [{refusal.code}]")
            continue
        tally["known" if outcome.known else str(outcome.state)] += 1
        call.line({place: number, "ok": True, **_told(outcome)}, f"{place} {number}: {_said(outcome)}")
    call.note(", ".join(f"{count} {what}" for what, count in sorted(tally.items())) or "The file is empty.")
    return REFUSED if tally["refused"] else 0


def _atm_order(till: OpenTill, entry: BankEntry) -> RecordOrder:
    """Raises Refused ``not_paid`` for an entry that tells of no payment, or ``mode_not_available``."""
    if entry.kind is not EntryKind.PAID:
        raise Refused("not_paid", "No money came by this entry.", kind=str(entry.kind))
    modes = till.desk.modes.of_kind(ModeKind.ATM)
    if len(modes) != 1:
        raise Refused("mode_not_available", "There is not one way to pay at an ATM here.")
    return RecordOrder(
        mode=modes[0].code,
        amount=entry.amount,
        currency=entry.currency or None,
        account=entry.account,
        bill=entry.bill or None,
        details={"trace": entry.reference, "atm": entry.atm, "date": entry.value_date},
    )


def _lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            yield number, line


def _order(till: OpenTill, kind: ModeKind, line: bytes) -> RecordOrder:
    if len(line) > LINE_MAX:
        raise Refused("bad_line", "The line is too long.")
    try:
        told = json.loads(line, object_pairs_hook=_no_doubles)
        refuse_cards_in(told, whole="line")
        record = _Record.model_validate(told)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(field_named(part) for part in first["loc"]) or "line"
        raise Refused("bad_line", f"{where}: {first['msg']}", field=where) from None
    except (ValueError, RecursionError):
        raise Refused("bad_line", "This line is not one JSON object.") from None
    modes = till.desk.modes.of_kind(kind)
    mode = record.mode or (modes[0].code if len(modes) == 1 else "")
    if mode not in {known.code for known in modes}:
        raise Refused("bad_line", f"mode: one of {', '.join(known.code for known in modes)}", field="mode")
    return RecordOrder(
        mode=mode,
        amount=record.amount,
        currency=record.currency,
        account=record.account,
        bill=record.bill,
        details=dict(record.__pydantic_extra__ or {}),
    )


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _told(outcome: RecordOutcome) -> dict[str, object]:
    return {
        "record": outcome.record_id,
        "state": str(outcome.state),
        "known": outcome.known,
        "account": outcome.account,
        "amount": outcome.amount.plain(),
        "currency": outcome.amount.currency.code,
        "receipt": outcome.receipt,
        "differs_in": list(outcome.differs_in),
    }


def _said(outcome: RecordOutcome) -> str:
    slip = f", slip of receipt {outcome.receipt}" if outcome.receipt else ""
    differs = f", differs in {' and '.join(outcome.differs_in)}" if outcome.differs_in else ""
    before = ", imported before" if outcome.known else ""
    named = f" [{outcome.record_id}]" if outcome.record_id else ""
    return f"{outcome.account} {outcome.amount}: {outcome.state}{slip}{differs}{before}{named}"
