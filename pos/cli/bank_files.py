"""Bank files at the command line: told in money first, then carried out entry by entry, with a result file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pos.bootstrap.bank_files import (
    RESULT_COLUMNS,
    BankFileWays,
    result_row,
    result_text,
    to_be_run,
    write_result,
)
from pos.bootstrap.homes import OpenTill
from pos.cli.output import Invocation
from pos.cli.person import reading, writing
from pos.domain.bank_file import EntryOutcome, EntryPlan, Forecast, Tally
from pos.domain.role import Person
from pos.till.bank_runs import (
    Due,
    bank_files,
    begin_file,
    carry_out,
    entries_of,
    forecast,
    post_due,
    require_below_threshold,
)
from pos.till.open_bills import catch_up
from sync.files.bank_file import BankFile

REFUSED = 3
CAUGHT_UP_AFTER = 500


def import_file(
    call: Invocation,
    file: Path,
    profile: str,
    *,
    dry_run: bool,
    above_threshold: bool,
    result: Path | None,
    who: tuple[str | None, int | None],
) -> int:
    """Look at all of ``file``, then carry it out; ``dry_run`` only tells. 3 where an entry is parked."""
    with (
        (reading if dry_run else writing)(call, *who) as (till, person),
        BankFileWays.of(till).opened(file, profile) as found,
    ):
        to_run = to_be_run(found)
        would = forecast(till.desk, person, to_run, found.read())
        _tell(call, found, would)
        if dry_run:
            require_below_threshold(till.desk, would)
            return 0
        return _carry_out(call, till, person, found, would, result, above_threshold=above_threshold)


def _carry_out(
    call: Invocation,
    till: OpenTill,
    person: Person,
    found: BankFile,
    would: Forecast,
    result: Path | None,
    *,
    above_threshold: bool,
) -> int:
    known = begin_file(
        till.desk,
        person,
        to_be_run(found),
        would,
        paid=found.paid,
        back=found.back,
        above_threshold=above_threshold,
    )
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
        write_result(result, result_text(entries_of(till.desk, person, known.run_id)))
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
                    row = dict(zip(RESULT_COLUMNS, result_row(entry), strict=True))
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
