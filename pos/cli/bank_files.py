"""Bank files at the command line: told in money first, then carried out entry by entry, with a result file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pos.bootstrap.homes import OpenTill
from pos.cli.output import Invocation
from pos.cli.person import reading, writing
from pos.domain.bank_file import EntryOutcome, EntryPlan, Forecast, Tally
from pos.domain.encode import csv_line
from pos.domain.errors import Refused
from pos.domain.flat_profile import FlatProfile
from pos.domain.payment_mode import ModeKind
from pos.domain.role import Person
from pos.store.bank_files import ToldEntry
from pos.till.bank_runs import (
    Due,
    FileToRun,
    bank_files,
    begin_file,
    carry_out,
    entries_of,
    forecast,
    post_due,
    require_below_threshold,
)
from pos.till.open_bills import catch_up
from sync.files.bank_file import ISO20022, BankFile, open_bank_file

REFUSED = 3
CAUGHT_UP_AFTER = 500
RESULT_COLUMNS = (
    "number", "kind", "reference", "mandate", "account", "bill", "amount", "currency", "value_date", "reason",
    "outcome", "remarks", "problem", "receipt", "paper", "fee", "settled",
)  # fmt: skip


def import_file(
    call: Invocation,
    file: Path,
    profile: str,
    *,
    dry_run: bool,
    result: Path | None,
    who: tuple[str | None, int | None],
) -> int:
    """Look at all of ``file``, then carry it out; ``dry_run`` only tells. 3 where an entry is parked."""
    with (reading if dry_run else writing)(call, *who) as (till, person):
        layout = _layout(till, profile)
        told = till.settings.till.direct_debit
        with open_bank_file(
            file,
            layout=layout,
            shop=till.desk.identity.currency,
            bytes_max=told.bytes_max,
            entries_max=told.entries_max,
            folder=till.paths.home,
        ) as found:
            to_run = FileToRun(digest=found.digest, name=found.name, profile=found.profile, head=found.head)
            would = forecast(till.desk, person, to_run, found.read())
            _tell(call, found, would)
            if dry_run:
                require_below_threshold(till.desk, would)
                return 0
            return _carry_out(call, till, person, found, to_run, would, result)


def _layout(till: OpenTill, profile: str) -> FlatProfile | None:
    """The profile of this name; None: ISO 20022. Raises Refused ``unknown_profile``."""
    return (
        None if profile == ISO20022 else flat_layout(till, profile, ModeKind.DIRECT_DEBIT, besides=[ISO20022])
    )


def flat_layout(till: OpenTill, profile: str, of: ModeKind, *, besides: Sequence[str] = ()) -> FlatProfile:
    """The profile of this name for payments ``of`` a kind. Raises Refused ``unknown_profile``."""
    known = {name: one for name, one in till.settings.bank_profiles.items() if one.of is of}
    if profile not in known:
        raise Refused(
            "unknown_profile",
            "There is no such profile of bank_files.toml.",
            allowed=[*besides, "records", *known],
        )
    return known[profile]


def _carry_out(
    call: Invocation,
    till: OpenTill,
    person: Person,
    found: BankFile,
    to_run: FileToRun,
    would: Forecast,
    result: Path | None,
) -> int:
    known = begin_file(till.desk, person, to_run, would, paid=found.paid, back=found.back)
    if known.done:
        call.note(f"The run was cut short behind entry {known.done}; it goes on there.")
    parked = 0
    for place, plan in enumerate(carry_out(till.desk, person, known, found.read()), start=1):
        parked += plan.outcome is EntryOutcome.PARKED
        call.line(_entry_json(plan), _entry_text(plan))
        if place % CAUGHT_UP_AFTER == 0:
            catch_up(till.desk)
    catch_up(till.desk)
    if result is not None:
        _write(result, result_text(entries_of(till.desk, person, known.run_id)))
        call.note(f"Result: {result}")
    return REFUSED if parked else 0


def post_what_is_due(call: Invocation, who: tuple[str | None, int | None]) -> int:
    """Post the records whose value date has come. 3 where one was refused."""
    refused = 0
    with writing(call, *who) as (till, person):
        for due in post_due(till.desk, person):
            refused += due.problem is not None
            call.line(_due_json(due), _due_text(due))
        catch_up(till.desk)
    return REFUSED if refused else 0


def _due_json(due: Due) -> dict[str, object]:
    return {
        "ok": due.problem is None,
        "record": due.record.record_id,
        "mode": due.record.mode,
        "account": due.record.account,
        "amount": due.record.amount.plain(),
        "currency": due.record.amount.currency.code,
        "receipt": due.receipt,
        "problem": due.problem,
    }


def _due_text(due: Due) -> str:
    what = f"receipt {due.receipt}" if due.problem is None else f"waits still: {due.problem}"
    return f"{due.record.account} {due.record.amount}: {what}"


def list_files(call: Invocation, run: str, outcome: str, who: tuple[str | None, int | None]) -> None:
    """The files, or the entries of one of them."""
    with reading(call, *who) as (till, person):
        if run:
            for entry in entries_of(till.desk, person, run):
                if outcome in ("", entry.outcome):
                    row = dict(zip(RESULT_COLUMNS, _result_row(entry), strict=True))
                    call.line({"ok": True, **row}, " ".join(str(cell) for cell in row.values() if cell))
            return
        for file in bank_files(till.desk, person):
            told = {
                "ok": True,
                "run": file.run_id,
                "file": file.name,
                "message": file.message,
                "bank_file_id": file.bank_file_id,
                "business_date": file.business_date.isoformat(),
                "entries": file.entries,
                "done": file.done,
                "ended": file.ended,
                "operator": file.operator,
            }
            state = "ended" if file.ended else f"cut short behind {file.done}"
            call.line(
                told,
                f"{file.business_date} {file.name}: {file.message} {file.bank_file_id}, {file.entries} entries, {state} "
                f"[{file.run_id}]",
            )


# --- telling ----------------------------------------------------------------------------------------------------------


def _tell(call: Invocation, found: BankFile, would: Forecast) -> None:
    """What the file would do, one line of JSON or one line for each sum."""
    told = forecast_json(found, would)
    call.line(told, "\n".join(forecast_text(found, would)))


def forecast_json(found: BankFile, would: Forecast) -> dict[str, object]:
    """The dry run: by outcome, by reason, by remark, each with its count and sum."""

    def sums(tallies: dict[str, Tally]) -> dict[str, object]:
        return {name: {"count": one.count, "amount": one.amount.plain()} for name, one in tallies.items()}

    return {
        "ok": True,
        "file": found.name,
        "message": found.head.message,
        "bank_file_id": found.head.bank_file_id,
        "currency": would.in_currency.code,
        "entries": would.entries,
        "left_out": found.left_out,
        "paid_in": found.paid.plain(),
        "taken_back": found.back.plain(),
        "charges": found.charges.plain(),
        "problems": would.problems,
        "outcomes": sums({str(name): tally for name, tally in would.outcomes.items()}),
        "reasons": sums(would.reasons),
        "remarks": sums({str(name): tally for name, tally in would.remarks.items()}),
        "fees": sums(would.fees),
    }


def forecast_text(found: BankFile, would: Forecast) -> Iterator[str]:
    """The same for a person."""
    yield (
        f"{found.name}: {found.head.message} {found.head.bank_file_id}, {would.entries} entries, "
        f"{found.paid} paid in, {found.back} taken back"
    )
    for outcome, tally in would.outcomes.items():
        yield f"  {tally.count} {outcome} ({tally.amount})"
    for reason, tally in would.reasons.items():
        yield f"    {tally.count} {reason} ({tally.amount})"
    for remark, tally in would.remarks.items():
        yield f"  of these {tally.count} {remark.replace('_', ' ')} ({tally.amount})"
    for tally in would.fees.values():
        yield f"  {tally.count} fees ({tally.amount})"
    if found.charges:
        yield f"  {found.charges} are charges of the bank, which nothing here posts"
    if found.left_out:
        yield f"  {found.left_out} are no payments to us, and left out"
    yield f"  {would.problems} problems"


def _entry_json(plan: EntryPlan) -> dict[str, object]:
    return {
        "ok": plan.problem is None,
        "number": plan.entry.number,
        "kind": str(plan.entry.kind),
        "reference": plan.entry.reference,
        "account": plan.account,
        "amount": plan.amount.plain(),
        "currency": plan.amount.currency.code,
        "outcome": str(plan.outcome),
        "remarks": [str(remark) for remark in plan.remarks],
        "problem": plan.problem,
        "receipt": plan.receipt,
        "fee": None if plan.fee is None else plan.fee.plain(),
        "mandate_suspended": plan.suspends,
    }


def _entry_text(plan: EntryPlan) -> str:
    parts = [f"{plan.entry.number}: {plan.entry.reference} {plan.amount} {plan.outcome}"]
    parts += [str(remark).replace("_", " ") for remark in plan.remarks]
    if plan.problem is not None:
        parts.append(f"[{plan.problem}]")
    if plan.suspends:
        parts.append(f"mandate {plan.mandate} suspended")
    return ", ".join(parts)


def result_text(entries: list[ToldEntry]) -> str:
    """The result file: what was made of each entry, as CSV in which no cell is a formula."""
    rows = [RESULT_COLUMNS, *(_result_row(entry) for entry in entries)]
    return "".join(csv_line(["" if cell is None else cell for cell in row]) for row in rows)


def _result_row(entry: ToldEntry) -> tuple[str | int | None, ...]:
    return (
        entry.number, entry.kind, entry.reference, entry.mandate, entry.account, entry.bill_no, entry.amount.plain(),
        entry.amount.currency.code, entry.value_date, entry.reason_code, entry.outcome, entry.remarks, entry.problem,
        entry.receipt, entry.paper, entry.fee.plain() if entry.fee else "", entry.settled,
    )  # fmt: skip


def _write(path: Path, text: str) -> None:
    """A new file that nobody else may read. Raises Refused ``file_exists``."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise Refused("not_written", f"{path} cannot be written: {error.strerror}.") from error
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
