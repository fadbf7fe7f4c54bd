"""A run over a bank's file: told first what it will do, in money; then carried out entry by entry, each its own deed.

A file is new, or its run was cut short and goes on behind the last entry that was carried out. The run is its own tender
control, with a business date, control totals and a receipt series; it needs no shift. Source: domain.md section 1 and 3.10.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

from sqlalchemy import Connection

from pos.domain.bank_file import (
    BankEntry,
    EntryOutcome,
    EntryPlan,
    FileHead,
    Forecast,
    Remark,
)
from pos.domain.business_day import business_date
from pos.domain.errors import Refused
from pos.domain.imported_record import RecordState
from pos.domain.money import Money
from pos.domain.payment_mode import ModeKind
from pos.domain.role import Person
from pos.domain.tender import instrument_of
from pos.domain.text_guard import clean_entry, clean_reference
from pos.store.bank_files import (
    FileRun,
    KnownFile,
    OutcomeSum,
    ToldEntry,
    file_of_digest,
    file_of_id,
    files,
    outcome_sums,
    taken_back_early,
    told_entries,
)
from pos.store.imports import DueRecord, due_records
from pos.store.times import offset_minutes, utc_text
from pos.store.told_before import Rehearsal, next_place
from pos.till.approvals import use_or_ask
from pos.till.debit_returns import charge_fee, suspend, take_back
from pos.till.desk import Deed, Desk, perform
from pos.till.entry_books import EntryBooks, details_of_entry, mode_of_entry, rehearse
from pos.till.entry_plans import every_entry, plan_entry
from pos.till.gate import require_look
from pos.till.record_states import state_row
from pos.till.run_payment import post_record
from pos.till.shop_clock import require_clock

ACT = "import"
SERIES = {ModeKind.DIRECT_DEBIT: "DD", ModeKind.ATM: "AT"}
LISTED_MAX = 500
NAME_MAX = 100
DUE_AT_ONCE_MAX = 100_000
REPEATING = frozenset({"camt.053"})
"""Messages that tell again what notifications told before."""
STOPS_THE_RUN = frozenset({"store_write_failed", "outcome_unknown"})
"""What a refusal of one entry says of the disk: no other entry fares better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileToRun:
    """A file whose form and sums hold: its bytes' digest, its name, the profile it was read by, what it says of itself."""

    digest: str
    name: str
    profile: str
    head: FileHead


def forecast(desk: Desk, person: Person, file: FileToRun, entries: Iterable[BankEntry]) -> Forecast:
    """What carrying out the file would do now, in money; nothing is written.

    Raises NotAuthorised, or Refused ``file_known``, ``file_id_known``, ``other_account``, ``other_currency`` or
    ``too_many_entries``.
    """
    require_look(desk, ACT, person)
    with desk.till.read() as connection:
        known = _known(desk, connection, file)
        return _forecast(desk, connection, file, entries, known)


def _forecast(
    desk: Desk, connection: Connection, file: FileToRun, entries: Iterable[BankEntry], known: KnownFile | None
) -> Forecast:
    """Of the entries that are not carried out yet. Each finds what those before it in the file would have done."""
    shop = desk.identity.currency
    found = Forecast(in_currency=shop, repeats=file.head.message in REPEATING)
    today = desk.clock.now().date()
    done, run_id = (0, None) if known is None else (known.done, known.run_id)
    with Rehearsal(shop) as so_far:
        books = EntryBooks(desk=desk, connection=connection, run_id=run_id, so_far=so_far)
        for entry in _numbered(desk, connection, entries):
            if entry.number <= done:
                continue
            plan = plan_entry(books, entry, today=today)
            rehearse(books, plan)
            found.add(plan, desk.policy.debits.reason(plan.entry.reason).label)
    return found


def _numbered(desk: Desk, connection: Connection, entries: Iterable[BankEntry]) -> Iterator[BankEntry]:
    """Each entry by its place in the run: one that stands for a whole message is many."""
    number = 0
    for entry in entries:
        for one in every_entry(connection, entry, number + 1):
            number = one.number
            if number > desk.policy.debits.entries_max:
                raise Refused(
                    "too_many_entries",
                    f"The file has more than {desk.policy.debits.entries_max} entries. Ask the bank to split it.",
                )
            yield one


def require_below_threshold(desk: Desk, found: Forecast) -> None:
    """Raises Refused ``too_many_problems``: nothing of such a file is carried out."""
    problem = threshold_problem(desk, found)
    if problem is not None:
        raise Refused("too_many_problems", problem, problems=found.problems, entries=found.entries)


def threshold_problem(desk: Desk, found: Forecast) -> str | None:
    """Why such a file is stopped, in words; None: it is not."""
    if not desk.policy.debits.stops(found.problems, found.entries):
        return None
    return (
        f"{found.problems} of {found.entries} entries have problems: the file is stopped, nothing was done. "
        "Look at the dry run and ask the bank."
    )


# --- carrying out -----------------------------------------------------------------------------------------------------


def begin_file(
    desk: Desk,
    person: Person,
    file: FileToRun,
    found: Forecast,
    *,
    paid: Money,
    back: Money,
    above_threshold: bool = False,
) -> KnownFile:
    """Write that the run over the file begins, or find where it was cut short.

    ``found`` is the forecast of what is left, ``paid`` and ``back`` the file's own sums. ``above_threshold``: where the file
    is stopped for its problems a second person is asked, who says that they are as they should be.
    Raises as ``forecast``, and Refused ``too_many_problems`` or ``clock_behind``; ``file_read_otherwise`` for a run that was
    cut short.
    """
    resumed = _resumable(desk, person, file)
    if resumed is not None:
        if found.entries != resumed.entries - resumed.done:
            raise _read_otherwise(resumed)
        return resumed
    stopped = threshold_problem(desk, found)
    if not above_threshold:
        require_below_threshold(desk, found)

    def work(deed: Deed) -> KnownFile:
        require_clock(deed)
        if stopped is not None:
            content = {"file": file.digest, "problems": found.problems, "entries": found.entries}
            what = f"carry out {file.name}, of whose {found.entries} entries {found.problems} have problems"
            use_or_ask(deed, ACT, content, what, "So many problems need a second person.")
        known = _known(desk, deed.unit.connection, file)
        assert known is None, "it was looked for before"
        run_id = deed.subject = deed.new_id()
        deed.unit.insert(
            "import_run",
            {
                "run_id": run_id,
                "kind": str(ModeKind.DIRECT_DEBIT),
                "profile": file.profile,
                "file_digest": file.digest,
                "started_at_utc": utc_text(deed.at),
                "utc_offset_min": offset_minutes(deed.at),
                "operator": person.user,
            },
        )
        day = business_date(deed.at, desk.policy.day_starts)
        deed.unit.insert(
            "bank_file",
            {
                "run_id": run_id,
                "file_digest": file.digest,
                "message": file.head.message,
                "bank_file_id": file.head.bank_file_id,
                "name": clean_entry(file.name, field="File", limit=NAME_MAX),
                "currency": paid.currency.code,
                "business_date": day.isoformat(),
                "entries": found.entries,
                "paid_minor": paid.minor,
                "back_minor": back.minor,
            },
        )
        made = file_of_digest(deed.unit.connection, file.digest)
        assert made is not None, "it was written just now"
        return made

    return perform(desk, person, ACT, work)


def _resumable(desk: Desk, person: Person, file: FileToRun) -> KnownFile | None:
    require_look(desk, ACT, person)
    with desk.till.read() as connection:
        return _known(desk, connection, file)


def _known(desk: Desk, connection: Connection, file: FileToRun) -> KnownFile | None:
    """The run over the same bytes that was cut short; None for a new file. Raises Refused for one that may not be run."""
    policy, head = desk.policy.debits, file.head
    if (
        head.creditor
        and policy.creditor_account
        and head.creditor
        not in (
            policy.creditor_account,
            policy.creditor_id,
        )
    ):
        raise Refused(
            "other_account", "The file is about another account than ours.", creditor=head.creditor[:40]
        )
    if head.currency and head.currency != desk.identity.currency.code:
        raise Refused(
            "other_currency", f"This till takes money in {desk.identity.currency}.", currency=head.currency
        )
    known = file_of_digest(connection, file.digest)
    if known is not None:
        if known.ended:
            raise Refused(
                "file_known",
                f"This very file was carried out already, as {known.name}.",
                run=known.run_id,
                operator=known.operator,
            )
        if known.profile != file.profile:
            raise _read_otherwise(known)
        return known
    clean_reference(head.bank_file_id, field="Number of the file", limit=80)
    twin = file_of_id(connection, head.message, head.bank_file_id)
    if twin is not None:
        raise Refused(
            "file_id_known",
            f"A file that the bank numbered {head.bank_file_id} was carried out, as {twin.name}; this is another "
            "with the same number. Ask the bank.",
            run=twin.run_id,
            bank_file_id=head.bank_file_id,
        )
    return None


def _read_otherwise(known: KnownFile) -> Refused:
    return Refused(
        "file_read_otherwise",
        f"The run over this file began with the profile {known.profile}, and the file has other entries now. Go on "
        "with the profile as it was.",
        run=known.run_id,
        profile=known.profile,
    )


def carry_out(
    desk: Desk, person: Person, run: KnownFile, entries: Iterable[BankEntry]
) -> Generator[EntryPlan, None, None]:
    """Carry out what is left of the file, one deed an entry, and end the run. Tells each entry once it is booked.

    An entry that the books refuse leaves nothing behind, and is parked with the reason; the others go on.
    Raises NotAuthorised, or Refused ``store_write_failed`` or ``outcome_unknown``: the run goes on there another time.
    """
    for entry in _from_files(desk, entries):
        if entry.number > run.done:
            yield _one_entry(desk, person, run, entry)
    perform(desk, person, ACT, lambda deed: _end(deed, run))


def _one_entry(desk: Desk, person: Person, run: KnownFile, entry: BankEntry) -> EntryPlan:
    try:
        return perform(desk, person, ACT, partial(_carry_out, run=run, entry=entry))
    except Refused as refusal:
        if refusal.code in STOPS_THE_RUN:
            raise
        return perform(desk, person, ACT, partial(_park, run=run, entry=entry, problem=refusal.code))


def _park(deed: Deed, *, run: KnownFile, entry: BankEntry, problem: str) -> EntryPlan:
    deed.subject = f"{run.run_id}/{entry.number}"
    deed.shift = None
    plan = plan_entry(_books(deed, run), entry, today=deed.at.date())
    what_it_is = tuple(remark for remark in plan.remarks if remark is Remark.CREDIT_TRANSFER)
    parked = replace(
        plan, outcome=EntryOutcome.PARKED, problem=problem, remarks=what_it_is, fee=None, suspends=False
    )
    _write_entry(deed, run, parked, record_id=None, correction_id=None, fee=(0, 0))
    return parked


def _from_files(desk: Desk, entries: Iterable[BankEntry]) -> Iterator[BankEntry]:
    """Numbered as they were forecast; what was asked of the bank does not change meanwhile."""
    number = 0
    for entry in entries:
        with desk.till.read() as connection:
            several = list(every_entry(connection, entry, number + 1))
        for one in several:
            number = one.number
            yield one


def _end(deed: Deed, run: KnownFile) -> None:
    deed.subject = run.run_id
    deed.unit.insert(
        "bank_file_end",
        {"run_id": run.run_id, "at_utc": utc_text(deed.at), "operator": deed.person.user},
    )


def _carry_out(deed: Deed, *, run: KnownFile, entry: BankEntry) -> EntryPlan:
    deed.subject = f"{run.run_id}/{entry.number}"
    deed.shift, deed.run = None, run_of(deed.desk, run.run_id, run.business_date, ModeKind.DIRECT_DEBIT)
    plan = plan_entry(_books(deed, run), entry, today=deed.at.date())
    record_id, correction_id, owed = None, None, None
    match plan.outcome:
        case EntryOutcome.POSTED | EntryOutcome.SUSPENSE | EntryOutcome.WAITING:
            record_id = _record(deed, run, plan)
        case EntryOutcome.MATCHED | EntryOutcome.DIFFERS:
            record_id = _record(deed, run, plan)
        case EntryOutcome.RETURNED:
            correction_id = take_back(deed, plan).correction_id
        case _:
            pass
    if plan.outcome in (EntryOutcome.RETURNED, EntryOutcome.REJECTED):
        owed = charge_fee(deed, plan, run.run_id)
    fee = (0, 0) if owed is None else (owed.fee.minor, owed.tax.minor)
    _write_entry(deed, run, plan, record_id=record_id, correction_id=correction_id, fee=fee)
    suspend(deed, plan)
    return plan


def _books(deed: Deed, run: KnownFile) -> EntryBooks:
    return EntryBooks(desk=deed.desk, connection=deed.unit.connection, run_id=run.run_id)


def run_of(desk: Desk, run_id: str, day: date, kind: ModeKind) -> FileRun:
    """What the money of a file of this kind is counted in, on business date ``day``."""
    return FileRun(
        run_id=run_id,
        business_date=day,
        currency=desk.identity.currency,
        series=f"{desk.identity.series}-{SERIES[kind]}",
    )


def _record(deed: Deed, run: KnownFile, plan: EntryPlan) -> str:
    """Keep the bank's record, and post it where it is due; answers its id."""
    mode = mode_of_entry(deed.desk, plan)
    details = details_of_entry(mode, plan)
    instrument = instrument_of(mode, details, plan.amount)
    assert instrument is not None
    assert plan.value_date is not None
    record_id = deed.new_id()
    deed.unit.insert(
        "imported_record",
        {
            "record_id": record_id,
            "run_id": run.run_id,
            "mode": mode.code,
            "instrument": instrument,
            "amount_minor": plan.amount.minor,
            "currency": plan.amount.currency.code,
            "record_date": plan.value_date.isoformat(),
            "account": plan.account or deed.desk.policy.suspense_account,
            "bill_no": plan.bill_no,
            "details_json": json.dumps(details, ensure_ascii=False),
        },
    )
    state = {
        EntryOutcome.MATCHED: RecordState.MATCHED,
        EntryOutcome.DIFFERS: RecordState.DIFFERS,
    }.get(plan.outcome, RecordState.WAITING)
    deed.unit.insert("imported_record_state", state_row(deed, record_id, 1, state, tender_id=plan.tender_id))
    if plan.outcome in (EntryOutcome.POSTED, EntryOutcome.SUSPENSE):
        post_record(
            deed,
            record_id,
            mode,
            plan.amount,
            details,
            account=plan.account,
            bill_no=plan.bill_no,
            known_as=_known_as(mode.label, details),
        )
    return record_id


def _known_as(label: str, details: dict[str, str]) -> str:
    """What is known of money in suspense."""
    return f"{label} {' '.join(details.values())}"[:120]


def _write_entry(
    deed: Deed,
    run: KnownFile,
    plan: EntryPlan,
    *,
    record_id: str | None,
    correction_id: str | None,
    fee: tuple[int, int],
) -> None:
    deed.unit.insert(
        "bank_entry",
        {
            "run_id": run.run_id,
            "number": plan.entry.number,
            "kind": str(plan.entry.kind),
            "reference": plan.entry.reference,
            "plain": plan.plain,
            "mandate": plan.mandate,
            "account": plan.account,
            "bill_no": plan.bill_no,
            "amount_minor": plan.amount.minor,
            "currency": plan.amount.currency.code,
            "value_date": None if plan.value_date is None else plan.value_date.isoformat(),
            "reason_code": plan.entry.reason or None,
            "outcome": str(plan.outcome),
            "remarks": " ".join(plan.remarks),
            "problem": plan.problem,
            "record_id": record_id,
            "correction_id": correction_id,
            "fee_minor": fee[0],
            "fee_tax_minor": fee[1],
            "at_utc": utc_text(deed.at),
            "operator": deed.person.user,
            "place": next_place(deed.unit.connection),
            "bank_reference": plan.entry.bank_reference or None,
        },
    )


# --- what waits -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A record whose day has come, and the receipt that it was posted with; ``problem``: why it was not."""

    record: DueRecord
    receipt: str | None
    problem: str | None = None


def post_due(desk: Desk, person: Person) -> Iterator[Due]:
    """Post every record that waits for its run, and whose value date has come; each is a deed of its own.

    Raises NotAuthorised. What is refused goes on waiting, and is told with its reason.
    """
    require_look(desk, ACT, person)
    with desk.till.read() as connection:
        waiting = due_records(connection, desk.clock.now().date(), limit=DUE_AT_ONCE_MAX)
    for record in waiting:
        try:
            receipt = perform(desk, person, ACT, partial(_post_due, record=record))
        except Refused as refusal:
            yield Due(record=record, receipt=None, problem=refusal.code)
            continue
        yield Due(record=record, receipt=receipt)


def _post_due(deed: Deed, *, record: DueRecord) -> str:
    deed.subject = record.record_id
    if taken_back_early(deed.unit.connection, record.record_id):
        raise Refused("taken_back", "The bank took it back, or refused it, before its value date.")
    mode = deed.desk.modes[record.mode]
    deed.shift = None
    deed.run = run_of(
        deed.desk, record.run_id, business_date(deed.at, deed.desk.policy.day_starts), mode.kind
    )
    taken = post_record(
        deed,
        record.record_id,
        mode,
        record.amount,
        record.details,
        account=record.account if record.account != deed.desk.policy.suspense_account else None,
        bill_no=record.bill_no,
        known_as=_known_as(mode.label, dict(record.details)),
    )
    return taken.receipt.receipt_number


# --- looking ----------------------------------------------------------------------------------------------------------


def bank_files(desk: Desk, person: Person) -> list[KnownFile]:
    """The files that were carried out here, the newest first. Raises NotAuthorised."""
    require_look(desk, ACT, person)
    with desk.till.read() as connection:
        return files(connection, limit=LISTED_MAX)


def entries_of(desk: Desk, person: Person, run_id: str, *, limit: int | None = None) -> list[ToldEntry]:
    """What was made of each entry of a file: the result file's lines. Raises NotAuthorised.

    ``limit``: only so many, what was parked before the others.
    """
    require_look(desk, ACT, person)
    with desk.till.read() as connection:
        return told_entries(connection, clean_reference(run_id, field="Run", limit=64), limit=limit)


def outcomes_of(desk: Desk, person: Person, run_id: str) -> list[OutcomeSum]:
    """What was made of a file's entries, in money. Raises NotAuthorised."""
    require_look(desk, ACT, person)
    with desk.till.read() as connection:
        return outcome_sums(
            connection, clean_reference(run_id, field="Run", limit=64), desk.identity.currency
        )
