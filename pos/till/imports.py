"""Records of bank files: each is matched with the slip that the counter took, or waits to be posted by its file's run.

One record, one deed: what was read stays when a later record is refused. Source: domain.md 3.10 and rules 49 and 50.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pos.domain.errors import Refused
from pos.domain.imported_record import (
    FILE_KINDS,
    BankRecord,
    RecordState,
    TakenSlip,
    differences,
    require_payer,
)
from pos.domain.money import Money, currency, parse_amount
from pos.domain.payment_mode import FieldKind, ModeKind, PaymentMode
from pos.domain.role import Person
from pos.domain.tender import instrument_of, read_details
from pos.domain.text_guard import clean_entry, clean_reference
from pos.store import cache as cached
from pos.store.imports import (
    BookedSlip,
    KnownRecord,
    ToldRecord,
    record_by_id,
    record_of_instrument,
    records_in,
    slip_of_instrument,
    slip_of_tender,
    told_by_id,
)
from pos.store.times import offset_minutes, utc_text
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.gate import require_look
from pos.till.own_accounts import refuse_own_accounts
from pos.till.record_states import state_row
from pos.till.tendered import refuse_future

ACT = "import"
REASON_MAX = 200
LISTED_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOrder:
    """A record as the file has it, as texts. ``details`` are the mode's own fields; ``currency`` None: the shop's."""

    mode: str
    amount: str
    account: str
    details: Mapping[str, str]
    currency: str | None = None
    bill: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOutcome:
    """What became of a record. ``known``: it was imported before, and nothing happened now.

    ``receipt`` names the slip's receipt; ``differs_in`` says in what the slip is another.
    """

    record_id: str | None
    state: RecordState
    amount: Money
    account: str
    known: bool = False
    receipt: str | None = None
    differs_in: tuple[str, ...] = ()


def begin_run(desk: Desk, person: Person, kind: ModeKind, *, profile: str, file_digest: str) -> str:
    """A run over one file; answers its id. The same file may be run again: its records are known.

    Raises NotAuthorised.
    """

    def work(deed: Deed) -> str:
        run_id = deed.subject = deed.new_id()
        deed.unit.insert(
            "import_run",
            {
                "run_id": run_id,
                "kind": str(kind),
                "profile": profile,
                "file_digest": file_digest,
                "started_at_utc": utc_text(deed.at),
                "utc_offset_min": offset_minutes(deed.at),
                "operator": person.user,
            },
        )
        return run_id

    return perform(desk, person, ACT, work)


def import_record(desk: Desk, person: Person, run_id: str, order: RecordOrder) -> RecordOutcome:
    """Match a record with its slip, or keep it to be posted by its run; the counter takes its slip only as the bank told it.

    Raises NotAuthorised, or Refused ``not_in_files``, ``unknown_mode``, ``record_differs``, ``date_in_future``,
    ``mode_not_for_payer``, ``mode_not_for_purpose``, ``account_other_currency`` and what the cleaning of its fields raises.
    """

    def work(deed: Deed) -> RecordOutcome:
        record = read_record(desk, order)
        known = record_of_instrument(deed.unit.connection, record.instrument)
        if known is not None:
            deed.subject = known.record_id
            return _known_already(known, record)
        deed.subject = deed.new_id()
        slip = slip_of_instrument(deed.unit.connection, record.instrument)
        outcome = _compared(record, slip, deed.subject)
        deed.unit.insert("imported_record", _record_row(record, deed.subject, run_id))
        deed.unit.insert(
            "imported_record_state",
            state_row(
                deed,
                deed.subject,
                1,
                outcome.state,
                tender_id=None if slip is None else slip.tender_id,
                reason=",".join(outcome.differs_in) or None,
            ),
        )
        return outcome

    return perform(desk, person, ACT, work)


def preview_record(desk: Desk, person: Person, order: RecordOrder) -> RecordOutcome:
    """As ``import_record``, but nothing is written; who may only look at imports may do this."""
    require_look(desk, ACT, person)
    record = read_record(desk, order)
    with desk.till.read() as connection:
        known = record_of_instrument(connection, record.instrument)
        if known is not None:
            return _known_already(known, record)
        return _compared(record, slip_of_instrument(connection, record.instrument), None)


def open_records(desk: Desk, person: Person, *, limit: int = LISTED_MAX) -> list[ToldRecord]:
    """Records that wait for a person, because their slip differs, then those that are kept for their file's run.

    The oldest first. Raises NotAuthorised for who may not look at imports.
    """
    require_look(desk, ACT, person)
    with desk.till.read() as connection:
        return records_in(connection, (RecordState.DIFFERS, RecordState.WAITING), limit=limit)


def record_beside_slip(desk: Desk, person: Person, record_id: str) -> tuple[ToldRecord, BookedSlip | None]:
    """What the bank told and what the counter booked; None: no slip is known.

    Raises NotAuthorised or Refused ``unknown_record``.
    """
    require_look(desk, ACT, person)
    cleaned = clean_reference(record_id, field="Record", limit=64)
    with desk.till.read() as connection:
        told = told_by_id(connection, cleaned)
        if told is None:
            raise unknown_record(cleaned)
        tender_id = told.known.tender_id
        return told, None if tender_id is None else slip_of_tender(connection, tender_id)


def unknown_record(record_id: str) -> Refused:
    """No file that was imported here told of it."""
    return Refused("unknown_record", "There is no such record of a bank's file here.", record=record_id)


def confirm_match(
    desk: Desk, person: Person, record_id: str, reason: str | None, *, memo: Memo | None = None
) -> RecordOutcome:
    """The bank's record and the slip that differs from it are one payment after all: the slip stands as it was booked.

    Raises NotAuthorised, or Refused ``unknown_record`` or ``record_does_not_differ``.
    """

    def work(deed: Deed) -> RecordOutcome:
        deed.subject = clean_reference(record_id, field="Record", limit=64)
        known = record_by_id(deed.unit.connection, deed.subject)
        if known is None:
            raise unknown_record(deed.subject)
        if known.state is not RecordState.DIFFERS:
            raise Refused(
                "record_does_not_differ",
                f"This record is {known.state}: there is nothing to confirm.",
                record=known.record_id,
                state=str(known.state),
            )
        _refuse_own_account(deed, known.account, deed.subject)
        told = None if reason is None else clean_entry(reason, field="Reason", limit=REASON_MAX) or None
        deed.reason_code = told
        deed.unit.insert(
            "imported_record_state",
            state_row(
                deed,
                known.record_id,
                known.number + 1,
                RecordState.MATCHED,
                tender_id=known.tender_id,
                reason=told,
            ),
        )
        return RecordOutcome(
            record_id=known.record_id,
            state=RecordState.MATCHED,
            amount=known.amount,
            account=known.account,
            receipt=known.receipt,
        )

    return perform(desk, person, "confirm_match", work, memo=memo)


def _refuse_own_account(deed: Deed, account: str, record_id: str) -> None:
    with deed.desk.cache.read() as connection:
        cached_account = cached.account_by_id(connection, account)
    found = [] if cached_account is None else [cached_account]
    refuse_own_accounts(
        deed, "confirm_match", {"record": record_id}, "a bank record and a slip are one payment", found
    )


def read_record(desk: Desk, order: RecordOrder) -> BankRecord:
    """The record, cleaned and held against the acceptance matrix. An account that is not known here is left to the run."""
    mode = desk.modes[order.mode]
    if mode.kind not in FILE_KINDS:
        raise Refused("not_in_files", f"{mode.label} does not come in a bank's file.", mode=mode.code)
    in_currency = currency(order.currency or desk.identity.currency.code)
    amount = parse_amount(order.amount, in_currency)
    details = read_details(mode, order.details)
    refuse_future(mode, details, today=desk.clock.now().date())
    account_id = clean_reference(order.account, field="Account", limit=40)
    bill_no = None if order.bill is None else clean_reference(order.bill, field="Bill", limit=40)
    with desk.cache.read() as connection:
        account = cached.account_by_id(connection, account_id)
    if account is not None:
        require_payer(mode, account.kind, bill_no)
        if account.currency != in_currency:
            raise Refused(
                "account_other_currency",
                f"Account {account_id} is kept in {account.currency}.",
                account=account_id,
            )
    instrument = instrument_of(mode, details, amount)
    assert instrument is not None, "every mode of a file's kind has a paper by which it is known"
    return BankRecord(
        mode=mode,
        instrument=instrument,
        details=details,
        amount=amount,
        account=account_id,
        bill_no=bill_no,
    )


def _compared(record: BankRecord, slip: TakenSlip | None, record_id: str | None) -> RecordOutcome:
    differs_in = () if slip is None else differences(record, slip)
    state = (
        RecordState.WAITING if slip is None else RecordState.DIFFERS if differs_in else RecordState.MATCHED
    )
    return RecordOutcome(
        record_id=record_id,
        state=state,
        amount=record.amount,
        account=record.account,
        receipt=None if slip is None else slip.receipt_number,
        differs_in=differs_in,
    )


def _known_already(known: KnownRecord, record: BankRecord) -> RecordOutcome:
    """Raises Refused ``record_differs``: a bank does not tell of one paper in two ways."""
    if (known.amount, known.account, known.bill_no) != (record.amount, record.account, record.bill_no):
        raise Refused(
            "record_differs",
            f"A file told of this paper before as {known.amount} for account {known.account}. Ask the bank which is right.",
            record=known.record_id,
            amount=known.amount.plain(),
            currency=known.amount.currency.code,
            account=known.account,
        )
    return RecordOutcome(
        record_id=known.record_id,
        state=known.state,
        amount=known.amount,
        account=known.account,
        known=True,
        receipt=known.receipt,
    )


def _record_row(record: BankRecord, record_id: str, run_id: str) -> dict[str, object]:
    return {
        "record_id": record_id,
        "run_id": run_id,
        "mode": record.mode.code,
        "instrument": record.instrument,
        "amount_minor": record.amount.minor,
        "currency": record.amount.currency.code,
        "record_date": _date_of(record.mode, record.details),
        "account": record.account,
        "bill_no": record.bill_no,
        "details_json": json.dumps(dict(record.details), ensure_ascii=False),
    }


def _date_of(mode: PaymentMode, details: Mapping[str, str]) -> str | None:
    return next((details[field.name] for field in mode.fields if field.kind is FieldKind.DATE), None)
