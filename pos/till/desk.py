"""The desk: what every deed stands on (ports, stores, rules), and the one way a deed is carried out.

``perform`` is the gate, the audit and the transaction in one: nobody goes around it. A refused deed leaves nothing behind
but its audit row. Source: style.md 11; reliability.md sections 2 (48) and 3.4.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError

from pos.domain.allocation import NO_TOLERANCE, PaymentPolicy
from pos.domain.approval import ApprovalNeeded
from pos.domain.cash_move import CashMovePolicy
from pos.domain.cash_rounding import CashRounding
from pos.domain.check_digit import CheckDigit
from pos.domain.cheque import ChequePolicy
from pos.domain.correction import CorrectionPolicy
from pos.domain.dealer import DealerPolicy
from pos.domain.debit_policy import DebitPolicy
from pos.domain.deposit import DepositPolicy
from pos.domain.errors import DomainError, NotAuthorised, Refused
from pos.domain.foreign_cash import NO_FOREIGN_CASH, ForeignCash
from pos.domain.ids import new_id
from pos.domain.large_cash import NO_THRESHOLDS, LargeCash
from pos.domain.ledger_feed import LedgerRules
from pos.domain.lock_out import Moment
from pos.domain.money import Money
from pos.domain.number_format import PLAIN, NumberFormat
from pos.domain.offline import OfflinePolicy
from pos.domain.payment_mode import PayerKind, PaymentModes
from pos.domain.ports import Clock, PinHasher, Randomness
from pos.domain.role import PermissionTable, Person, named_roles
from pos.domain.sale_policy import ItemPolicy
from pos.domain.session import Session, SessionPolicy
from pos.domain.shift_policy import ShiftPolicy
from pos.domain.signals import SignalPolicy
from pos.domain.text_guard import clean_entry
from pos.domain.voucher_policy import VoucherPolicy
from pos.store.approvals import request_approval
from pos.store.bank_files import FileRun
from pos.store.beside import Beside
from pos.store.cache import CacheStore
from pos.store.database import StoreError
from pos.store.home import Identity
from pos.store.people import roster_entry
from pos.store.shifts import Shift, open_shift
from pos.store.times import offset_minutes, utc_text
from pos.store.unit_of_work import CommitFailed, TillStore, UnitOfWork, WriteFailed
from pos.till.gate import ALWAYS, Unwritten, require_alone, require_right, require_session
from pos.till.whose_till import require_whose_till

Outcome = TypeVar("Outcome")

REASON_MAX = 200
NEVER_WRITTEN = ("SQLITE_FULL", "SQLITE_IOERR_WRITE")
"""A commit that ended so lacks its last page in the write-ahead log: it is never taken for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinPolicy:
    """How PINs are guarded: lock-outs in minutes after the 5th, 6th and each further wrong try, and the most at all.

    ``terminal_failures``: so many wrong tries at one terminal, whosever, lock it as the fifth locks a user.
    """

    lock_minutes: tuple[int, ...]
    max_failures: int
    terminal_failures: int = 20
    min_digits: int = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopPolicy:
    """The shop's rules, read from the settings.

    A shift opened before ``day_starts`` belongs to yesterday; nothing is posted up to and on ``closed_through``.
    The cheques of ``trusted_classes`` restore service at once. The same payment again within
    ``double_within`` is asked about.
    ``cash_office`` is the terminal of the shop that others send their bags to (empty: each is its own), and
    ``other_tills_stop``: an open shift of another till stops the close of a day there.
    ``declared`` are the kinds of cash that a count may declare apart, with the ledger account of each. Where at least
    ``check_note_from`` is handed over in cash the screen asks to look at the notes.
    """

    cheques: ChequePolicy
    cash_rounding: CashRounding
    dealers: DealerPolicy
    pins: PinPolicy
    decimal_marks: str
    operator_company: str
    walk_in_account: str
    day_starts: time = time(0)
    closed_through: date | None = None
    items: ItemPolicy = field(default_factory=ItemPolicy)
    double_within: timedelta = timedelta(0)
    offline: OfflinePolicy = field(default_factory=OfflinePolicy)
    trusted_classes: frozenset[str] = frozenset()
    check_digit: CheckDigit = CheckDigit.NONE
    foreign_cash: ForeignCash = NO_FOREIGN_CASH
    declared: Mapping[str, str] = field(default_factory=dict)
    check_note_from: Money | None = None
    large_cash: LargeCash = NO_THRESHOLDS
    vouchers: VoucherPolicy = field(default_factory=VoucherPolicy)
    suspense_account: str = "SUSPENSE"
    payments: PaymentPolicy = NO_TOLERANCE
    numbers: NumberFormat = PLAIN
    sessions: SessionPolicy = field(default_factory=SessionPolicy)
    deposits: DepositPolicy = field(default_factory=DepositPolicy)
    corrections: CorrectionPolicy = field(default_factory=CorrectionPolicy)
    signals: SignalPolicy = field(default_factory=SignalPolicy)
    cash_moves: CashMovePolicy = field(default_factory=CashMovePolicy)
    ledger: LedgerRules = field(default_factory=LedgerRules)
    shift: ShiftPolicy = field(default_factory=ShiftPolicy)
    debits: DebitPolicy = field(default_factory=DebitPolicy)
    cash_office: str = ""
    other_tills_stop: bool = False

    def is_anybody(self, kind: PayerKind, account: str) -> bool:
        """Walk-in buyers, and payers whom nobody knows, share an account: what it paid before was not of the same person."""
        return kind is PayerKind.WALK_IN or account == self.suspense_account


@dataclass(slots=True, kw_only=True)
class Desk:
    """Everything a deed needs, handed in once by ``bootstrap``.

    ``boot`` names the machine's run in which the monotonic clock counts. ``beside`` is where a process that may only read
    writes what must not be lost; None: nobody works beside this one. ``sessions`` are those begun here, by user.

    The touched bills and accounts go from the till's lane to the cache's, and refusals without an audit row from any lane to
    the till's: a deque may be filled and emptied at once.
    """

    clock: Clock
    randomness: Randomness
    till: TillStore
    cache: CacheStore
    identity: Identity
    modes: PaymentModes
    permissions: PermissionTable
    policy: ShopPolicy
    pin_hasher: PinHasher
    touched_bills: deque[str] = field(default_factory=deque)
    touched_accounts: deque[str] = field(default_factory=deque)
    unwritten: deque[Unwritten] = field(default_factory=deque)
    boot: str = ""
    beside: Beside | None = None
    sessions: dict[str, Session] = field(default_factory=dict)

    @property
    def moment(self) -> Moment:
        """Now, by both clocks."""
        return Moment(wall=self.clock.now(), monotonic_s=self.clock.monotonic_s(), boot=self.boot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memo:
    """A script's line to remember with the deed: its ref, the digest of its body, and how its result is written."""

    ref: str
    digest: str
    encode: Callable[[object], Mapping[str, object]]


@dataclass(slots=True, kw_only=True)
class Said:
    """What the audit row says of a deed: what it is about, and why it is done. It outlives the deed that is refused."""

    subject: str | None = None
    reason: str | None = None


@dataclass(slots=True, kw_only=True)
class Deed:
    """One deed under way: its unit of work, its moment, who does it, in which shift."""

    desk: Desk
    unit: UnitOfWork
    person: Person
    deed_id: str
    at: datetime
    shift: Shift | None
    said: Said = field(default_factory=Said)
    approver: str | None = None
    """The second person whose approval the deed has used."""
    approval_id: str | None = None
    """That approval."""
    beside_owner: bool = False
    """Whether it is booked into the open shift whoever owns that."""
    run: FileRun | None = None
    """The run over a bank's file that its money is counted in, in place of a shift."""
    touched_bills: list[str] = field(default_factory=list)
    touched_accounts: list[str] = field(default_factory=list)
    """What the lists catch up with once it is booked: the cache's lane would read books that lack the deed before."""

    @property
    def subject(self) -> str | None:
        """What the deed is about, as its audit row names it, also where it is refused later."""
        return self.said.subject

    @subject.setter
    def subject(self, subject: str | None) -> None:
        self.said.subject = subject

    @property
    def reason_code(self) -> str | None:
        """Why it is done."""
        return self.said.reason

    @reason_code.setter
    def reason_code(self, reason: str | None) -> None:
        self.said.reason = reason

    def require_shift(self) -> Shift:
        """The open shift of this person. Raises Refused ``no_open_shift``, ``shift_of_other`` or ``shift_is_offered``."""
        if self.shift is None:
            raise Refused("no_open_shift", "Open a shift first.")
        if self.shift.operator != self.person.user and not self.beside_owner:
            raise Refused(
                "shift_of_other",
                f"The open shift belongs to user {self.shift.operator}.",
                operator=self.shift.operator,
            )
        if self.shift.offered_to is not None:
            raise Refused(
                "shift_is_offered",
                f"Shift {self.shift.number} is handed over: nothing is done in it until user "
                f"{self.shift.offered_to} accepts it, or it is taken back.",
                to=self.shift.offered_to,
            )
        return self.shift

    @property
    def control(self) -> Shift | FileRun:
        """What its money is counted in: a run over a file, or the person's open shift. Raises as ``require_shift``."""
        return self.require_shift() if self.run is None else self.run

    @property
    def series(self) -> str:
        """The series that its receipts are numbered in."""
        return self.desk.identity.series if self.run is None else self.run.series

    def new_id(self) -> str:
        """A time-ordered id."""
        return new_id(self.desk.clock, self.desk.randomness)


def perform(
    desk: Desk,
    person: Person,
    act: str,
    work: Callable[[Deed], Outcome],
    *,
    memo: Memo | None = None,
    alone: bool = False,
    proved: bool = False,
    subject: str | None = None,
    reason: str | None = None,
    deed_id: str | None = None,
) -> Outcome:
    """Carry out ``work`` as ``act``: the right is checked, everything is one transaction, the audit row is part of it.

    ``alone``: the shop's policy asks for no second person in this case, whatever the act's right says of one.
    ``proved``: the person has just given the PIN at another's seat, and has no session there.
    ``subject`` and ``reason``: what it is about and why, for the audit row; ``work`` may say it better.

    Raises NotAuthorised or Refused by rule (audited, nothing booked), Refused ``store_write_failed`` where the disk said
    no before or at the commit and nothing was booked, and Refused ``outcome_unknown`` where that cannot be told.
    """
    note_refusals(desk)
    deed_id = deed_id or new_id(desk.clock, desk.randomness)
    said = Said(subject=subject)
    try:
        if reason is not None:
            said.reason = clean_entry(reason, field="Reason", limit=REASON_MAX) or None
        if not proved:
            require_session(desk, act, person)
        if alone:
            require_right(desk, act, person)
        else:
            require_alone(desk, act, person, reason=said.reason)
        require_whose_till(desk.cache, act)
        return _in_one_transaction(desk, person, act, deed_id, work, memo, said)
    except DomainError as refusal:
        if not refusal.audited:
            audit_refusal(desk, person, act, deed_id, refusal, subject=said.subject, why=said.reason)
        raise
    except WriteFailed as failure:
        full = nothing_booked(failure.reason)
        audit_refusal(desk, person, act, deed_id, full, subject=said.subject)
        raise full from failure
    except CommitFailed as failure:
        failing = nothing_booked(failure.reason)
        audited = audit_refusal(desk, person, act, deed_id, failing, subject=said.subject)
        # What was written but could not be flushed lies whole in the write-ahead log and is found at the next start. Only
        # a later commit, which takes its place there, makes sure that nothing was booked.
        if not audited and failure.reason not in NEVER_WRITTEN:
            raise outcome_unknown() from failure
        raise failing from failure


def nothing_booked(reason: str) -> Refused:
    """The disk refused: the deed left nothing behind."""
    full = "full" if "FULL" in reason else "failing"
    return Refused(
        "store_write_failed", f"The disk is {full}: nothing was booked. Tell a supervisor.", reason=reason
    )


def outcome_unknown() -> Refused:
    """The disk failed at the commit, and cannot be asked what it kept."""
    return Refused(
        "outcome_unknown", "The disk failed while booking. Send it again to learn whether it was booked."
    )


def _in_one_transaction(
    desk: Desk,
    person: Person,
    act: str,
    deed_id: str,
    work: Callable[[Deed], Outcome],
    memo: Memo | None,
    said: Said,
) -> Outcome:
    outcome: Outcome | None = None
    finished = False
    try:
        with desk.till.transaction() as unit:
            deed = Deed(
                desk=desk,
                unit=unit,
                person=person,
                deed_id=deed_id,
                at=desk.clock.now(),
                shift=open_shift(unit.connection),
                said=said,
            )
            _require_still_there(deed, act)
            outcome = work(deed)
            _audit(deed, act, "ok")
            if memo is not None:
                remember(unit, memo, outcome, at=deed.at)
            finished = True
    except CommitFailed:
        if not _was_booked(desk, deed_id):
            raise
    except IntegrityError as broken:
        # The database's own rules are the last wall: a deed that meets them had a fault, or met a twin.
        raise Refused(
            "store_rule_broken", "The books refuse this. Tell a supervisor.", reason=str(broken.orig)
        ) from broken
    assert finished
    desk.touched_bills.extend(deed.touched_bills)
    desk.touched_accounts.extend(deed.touched_accounts)
    return outcome  # type: ignore[return-value]


def _require_still_there(deed: Deed, act: str) -> None:
    """The roster as it is now still has who sits here, with the same rights. Raises NotAuthorised ``person_changed``."""
    if act in ALWAYS or deed.person.user not in deed.desk.sessions:
        return
    entry = roster_entry(deed.unit.connection, deed.person.user)
    if entry is None or not entry.active or entry.person != deed.person:
        raise NotAuthorised(
            "person_changed", "You were disabled, or your rights were changed. Sign in again."
        )


def _was_booked(desk: Desk, deed_id: str) -> bool:
    """After a failed commit: open the store anew and look for the deed. Raises Refused ``outcome_unknown``."""
    try:
        desk.till.database.reopen()
        with desk.till.read() as connection:
            found = connection.exec_driver_sql("SELECT 1 FROM audit WHERE deed_id = ?", (deed_id,)).first()
    except (StoreError, DBAPIError) as error:
        raise outcome_unknown() from error
    return found is not None


def audit_beside(deed: Deed, act: str, result: str) -> None:
    """One more audit row of the deed's transaction, for something that happened with it."""
    _audit(replace(deed, deed_id=deed.new_id()), act, result)


def audit_program(desk: Desk, act: str, result: str, *, subject: str | None) -> None:
    """One audit row of what the program itself has seen, in a transaction of its own. Raises WriteFailed, CommitFailed."""
    with desk.till.transaction() as unit:
        deed_id = new_id(desk.clock, desk.randomness)
        terminal = desk.identity.terminal
        note_program(
            unit,
            desk.clock.now(),
            terminal=terminal,
            deed_id=deed_id,
            act=act,
            result=result,
            subject=subject,
        )


def note_program(
    unit: UnitOfWork,
    at: datetime,
    *,
    terminal: str,
    deed_id: str,
    act: str,
    result: str,
    subject: str | None,
    reason_code: str | None = None,
) -> None:
    """One audit row of what no person did, in a transaction under way."""
    _write_audit(
        unit,
        at,
        deed_id=deed_id,
        terminal=terminal,
        operator=None,
        act=act,
        result=result,
        reason_code=reason_code,
        shift_id=None,
        subject=subject,
    )


def _audit(deed: Deed, act: str, result: str) -> None:
    """One row: who, where, in which shift of the own, what, why, and what came of it."""
    shift = deed.shift if deed.shift is not None and deed.shift.operator == deed.person.user else None
    _write_audit(
        deed.unit,
        deed.at,
        deed_id=deed.deed_id,
        terminal=deed.desk.identity.terminal,
        operator=deed.person.user,
        act=act,
        result=result,
        reason_code=deed.reason_code,
        shift_id=None if shift is None else shift.shift_id,
        subject=deed.subject,
    )


def _write_audit(unit: UnitOfWork, at: datetime, **said: str | None) -> None:
    number = unit.next_number("audit")
    row = {"audit_id": number, "at_utc": utc_text(at), "utc_offset_min": offset_minutes(at), **said}
    unit.insert("audit", row)


def note_refusals(desk: Desk) -> None:
    """Write the audit rows of what the gate refused outside of deeds. On the till's lane; a full disk loses them."""
    while desk.unwritten:
        one = desk.unwritten.popleft()
        deed_id = new_id(desk.clock, desk.randomness)
        audit_refusal(desk, one.person, one.act, deed_id, one.refusal, subject=one.subject)


def audit_refusal(
    desk: Desk,
    person: Person,
    act: str,
    deed_id: str,
    refusal: DomainError,
    *,
    subject: str | None = None,
    why: str | None = None,
) -> bool:
    """A refusal is an event too. False where even this could not be written; the refusal must be told all the same.

    ``why``: the reason that the person gave, for whoever is asked to approve it.
    """
    refusal.audited = True
    kind = "denied" if isinstance(refusal, NotAuthorised) else "refused"
    try:
        with desk.till.transaction() as unit:
            deed = Deed(
                desk=desk,
                unit=unit,
                person=person,
                deed_id=deed_id,
                at=desk.clock.now(),
                shift=open_shift(unit.connection),
                said=Said(subject=subject, reason=refusal.code),
            )
            _audit(deed, act, kind)
            if isinstance(refusal, ApprovalNeeded):
                _write_request(deed, refusal, why)
    except (WriteFailed, CommitFailed, IntegrityError, StoreError):
        return False
    return True


def _write_request(deed: Deed, refusal: ApprovalNeeded, reason: str | None) -> None:
    """The request is written with the refusal that asks for it, and told by its id."""
    request_id = request_approval(
        deed.unit,
        refusal.wanted,
        requester=deed.person.user,
        reason=reason,
        terminal=deed.desk.identity.terminal,
        at=deed.at,
    )
    refusal.details["request"] = request_id
    who = named_roles(refusal.approvers)
    refusal.who = f"{refusal.message} Who may approve {request_id}: {who}."
    refusal.message = f"{refusal.who} Then do the same again."


def audit_in(
    desk: Desk,
    unit: UnitOfWork,
    person: Person,
    act: str,
    deed_id: str,
    refusal: DomainError | None,
    *,
    at: datetime,
) -> None:
    """The audit row, in a transaction under way, of what happened ``at`` another time or in another process."""
    deed = Deed(
        desk=desk, unit=unit, person=person, deed_id=deed_id, at=at, shift=open_shift(unit.connection)
    )
    deed.reason_code = None if refusal is None else refusal.code
    kind = "denied" if isinstance(refusal, NotAuthorised) else "refused"
    _audit(deed, act, "ok" if refusal is None else kind)


def remember(unit: UnitOfWork, memo: Memo, outcome: object, *, at: datetime) -> None:
    """Keep a script's line with what came of it, so that the line sent again is answered from here."""
    unit.insert(
        "script_ref",
        {
            "ref": memo.ref,
            "body_digest": memo.digest,
            "result_json": json.dumps(memo.encode(outcome), ensure_ascii=False),
            "at_utc": utc_text(at),
        },
    )
