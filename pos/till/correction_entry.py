"""How a correction is written: its parts, its entry, its paper and its messages, in one transaction with whoever approved.

Posted rows stay as they are. What is corrected, and by which rule, is decided by ``corrections``, ``refunds`` and
``transfers``. Source: domain.md 3.6, 3.7 and rules 29 to 33.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pos.domain.business_day import business_date
from pos.domain.cheque import ChequeState
from pos.domain.correction import (
    REASON_LABELS,
    CorrectionCase,
    CorrectionKind,
    CorrectionReason,
    SecondPerson,
    TakenPart,
    TakenPayment,
    TakenTender,
)
from pos.domain.errors import Refused
from pos.domain.money import Money, total, zero
from pos.domain.payment_mode import ModeKind, PayerKind
from pos.domain.posting import JournalLine, SourceKind, debit, ledger_of
from pos.domain.receipt import CorrectionLine, ReceiptFacts
from pos.domain.role import Grant
from pos.domain.text_guard import clean_entry, clean_reference
from pos.store.approvals import note_approved_entry
from pos.store.cards import reverse_used
from pos.store.corrections import taken_payment, took_it
from pos.store.moved import messages_of
from pos.store.times import offset_minutes, utc_text
from pos.till.approvals import require_second, use_or_ask
from pos.till.closing import cash_in_drawer
from pos.till.correction_paper import GivenBack, correction_paper, series_of
from pos.till.desk import Deed, Desk
from pos.till.gate import require_right
from pos.till.journal import book_entry
from pos.till.offline_limits import is_offline
from pos.till.receipt_paper import with_mark, write_paper

REASON_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionOrder:
    """What is to be undone: the payment's receipt, why (a code of ``CorrectionReason``), and in words."""

    receipt: str
    reason: str
    text: str = ""
    tender: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CashOut:
    """What goes out of the drawer for a tender: the shop's money, and notes of another currency as they had come in."""

    tender: TakenTender
    amount: Money
    foreign: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why something is corrected, where the reasons are others than those of ``CorrectionReason``: code, label, words."""

    code: str
    label: str
    text: str = ""


def _nothing_beside(_correction_id: str, _paper: str) -> None:
    """Most corrections have no rows of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A correction that was decided on. ``undone`` is how much of which part, ``whole`` the tenders undone altogether,
    ``placed`` the rows of where the money goes instead. ``paid_anew``: the same is paid in the same moment, so that nothing
    goes over the counter.

    ``tender`` is the one that it is about, where that is not undone altogether; ``why`` stands in for the order's reason,
    ``notes`` for the paper's own. ``write_beside`` writes the rows of its kind, by its id and paper, before the database
    weighs it.
    """

    kind: CorrectionKind
    taken: TakenPayment
    order: CorrectionOrder
    undone: Sequence[tuple[TakenPart, Money]]
    lines: Sequence[JournalLine]
    given_back: Sequence[GivenBack] = ()
    whole: Sequence[TakenTender] = ()
    cash: Sequence[CashOut] = ()
    placed: Sequence[Mapping[str, object]] = ()
    paid_anew: bool = False
    tender: TakenTender | None = None
    why: Why | None = None
    notes: Sequence[str] | None = None
    write_beside: Callable[[str, str], None] = _nothing_beside


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """A correction that was booked, with its paper; ``cash`` goes back out of the drawer."""

    correction_id: str
    kind: CorrectionKind
    payment_event_id: str
    receipt_number: str
    paper: ReceiptFacts
    amount: Money
    cash: Money
    bills: tuple[str, ...]
    accounts: tuple[str, ...]

    @property
    def opens_drawer(self) -> bool:
        return self.cash.minor > 0


def corrected(desk: Desk, done: Corrected) -> Corrected:
    """Have the lists catch up with it, once it is booked: the cache's lane would read books that lack the deed before."""
    desk.touched_bills.extend(done.bills)
    desk.touched_accounts.extend(done.accounts)
    return done


def find_taken(deed: Deed, order: CorrectionOrder) -> TakenPayment:
    """The payment to be corrected. Raises Refused ``unknown_receipt``, ``payment_corrected``, or for the reason."""
    number = read_order(deed, order)
    taken = taken_payment(deed.unit.connection, number)
    if taken is None or not deed.person.may_see(taken.payer_account):
        raise unknown_receipt(number)
    if taken.voided:
        raise Refused("payment_corrected", f"Receipt {number} is undone already.", receipt=number)
    return taken


def read_order(deed: Deed, order: CorrectionOrder) -> str:
    """The number of the receipt; it and the reason go into the audit row. Raises Refused for either."""
    number = deed.subject = clean_reference(order.receipt, field="Receipt", limit=40).upper()
    reason = read_reason(order)
    text = clean_entry(order.text, field="Reason", limit=REASON_MAX)
    deed.reason_code = f"{reason}: {text}" if text else str(reason)
    return number


def unknown_receipt(number: str) -> Refused:
    """For a number that is of no payment here, or of none that the person may see."""
    return Refused("unknown_receipt", f"There is no payment with receipt {number} here.", receipt=number)


def read_reason(order: CorrectionOrder) -> CorrectionReason:
    """Raises Refused ``bad_reason``, or ``reason_required`` where "other" says no more."""
    try:
        reason = CorrectionReason(order.reason)
    except ValueError:
        raise Refused(
            "bad_reason",
            "Say why: choose one of the reasons.",
            allowed=[str(one) for one in CorrectionReason],
            field="reason",
        ) from None
    if reason is CorrectionReason.OTHER and not order.text.strip():
        raise Refused("reason_required", "Say why in words; it is kept with your name.", field="reason")
    return reason


def reason_in_words(order: CorrectionOrder) -> str:
    """Why, as the paper says it."""
    reason = read_reason(order)
    return order.text.strip() if reason is CorrectionReason.OTHER else REASON_LABELS[reason]


def reason_row(order: CorrectionOrder) -> dict[str, object]:
    """Why, as the row of a correction keeps it."""
    text = clean_entry(order.text, field="Reason", limit=REASON_MAX)
    return {"reason_code": str(read_reason(order)), "reason": text or None}


def when_row(deed: Deed) -> dict[str, object]:
    """When, by whom and in which shift, as the row of a correction keeps it."""
    shift, policy = deed.shift, deed.desk.policy
    day = business_date(deed.at, policy.day_starts) if shift is None else shift.business_date
    return {
        "shift_id": None if shift is None else shift.shift_id,
        "business_date": day.isoformat(),
        "at_utc": utc_text(deed.at),
        "utc_offset_min": offset_minutes(deed.at),
        "operator": deed.person.user,
    }


def require_approval(
    deed: Deed,
    act: str,
    taken: TakenPayment,
    content: Mapping[str, object],
    what: str,
    amount: Money,
    *,
    accounts: Collection[str] = (),
    modes: Collection[str] = (),
    use: bool = True,
) -> None:
    """The shop's policy for this case: alone, or another person than who took the payment approves.

    ``accounts`` and ``modes``: others that it is about, beside the payment's own. ``use`` False: the approval must be
    there, and stays.

    Raises NotAuthorised, ApprovalNeeded, or Refused ``approval_needs_central``.
    """
    found = require_right(deed.desk, act, deed.person)
    about = {taken.payer_account, *taken.accounts, *accounts}
    beside = _who_beside(deed, act, taken, amount, modes)
    not_by = took_it(deed.unit.connection, taken)
    elsewhere = beside is SecondPerson.ELSEWHERE
    if deed.person.accounts & about:
        said = "This is about your own account: it needs a second person."
        use_or_ask(
            deed,
            act,
            content,
            what,
            said,
            accounts=sorted(about),
            not_by=not_by,
            use=use,
            elsewhere=elsewhere,
        )
    elif found is not Grant.SECOND or beside is not SecondPerson.NOBODY:
        require_second(deed, act, content, what, not_by=not_by, use=use, elsewhere=elsewhere)


def _who_beside(
    deed: Deed, act: str, taken: TakenPayment, amount: Money, modes: Collection[str]
) -> SecondPerson:
    policy = deed.desk.policy.corrections
    case = CorrectionCase(
        act=act,
        amount_minor=amount.minor,
        days=(deed.at - taken.taken_at).days,
        modes={*(tender.mode for tender in taken.tenders), *modes},
        roles=deed.person.roles,
        offline=is_offline(deed.desk, deed.unit.connection),
    )
    return policy.wants(case)


def off_the_accounts(taken: TakenPayment, undone: Iterable[tuple[TakenPart, Money]]) -> list[JournalLine]:
    """What was credited to customers is owed again, or is no credit any more."""
    sums: dict[tuple[str, str], Money] = {}
    for part, amount in undone:
        key = (ledger_of(part.purpose, PayerKind(taken.payer_kind)), part.account)
        sums[key] = sums.get(key, zero(amount.currency)) + amount
    return [debit(ledger, amount, account) for (ledger, account), amount in sums.items()]


def leave_others_shift(deed: Deed) -> None:
    """Who works beside somebody's open shift does nothing in it."""
    if deed.shift is not None and deed.shift.operator != deed.person.user:
        deed.shift = None


def require_in_drawer(deed: Deed, out: Money) -> None:
    """The drawer holds what is to go out of it. Raises Refused ``drawer_short``."""
    if out.minor > 0 and cash_in_drawer(deed) < out:
        # Never how much is there: whoever counts blind must not learn it here.
        raise Refused("drawer_short", f"The drawer does not hold {out}. Ask for more cash first.")


def write_correction(deed: Deed, entry: Entry) -> Corrected:
    """Write it: the parts first, so that the database can weigh the correction itself. Raises Refused ``drawer_short``."""
    taken, kind, correction_id = entry.taken, entry.kind, deed.new_id()
    out = Money(sum(one.amount.minor for one in entry.cash), taken.amount.currency)
    require_in_drawer(deed, out)
    series = series_of(deed, kind)
    counter = deed.unit.next_number(f"receipt:{series}")
    number = deed.desk.identity.receipt_number(counter, series)
    _write_parts(deed, entry, correction_id)
    for tender in entry.whole:
        instead = entry.paid_anew and entry.kind is CorrectionKind.TENDER_CANCELLATION
        _hand_back(deed, tender, ChequeState.REPLACED if instead else ChequeState.RETURNED)
        reverse_used(deed.unit.connection, tender.tender_id, at=deed.at)
    entry.write_beside(correction_id, number)
    _write_head(deed, entry, correction_id, number)
    if deed.approval_id is not None:
        note_approved_entry(deed.unit, correction_id, deed.approval_id)
    book_entry(deed, SourceKind(str(kind)), correction_id, entry.lines)
    back = zero(out.currency) if entry.paid_anew else out
    paper = correction_paper(
        deed,
        number,
        kind,
        taken,
        reason=reason_in_words(entry.order) if entry.why is None else entry.why.label,
        undone=entry.undone,
        given_back=entry.given_back,
        cash=back,
        approver=deed.approver,
        placed=[_placed_line(row, taken.amount) for row in entry.placed],
        paid_anew=entry.paid_anew,
        notes=entry.notes,
    )
    paper = with_mark(paper, deed.unit.chain.head)
    write_paper(deed, paper, counter, series=series, event_id=None)
    # Central hears of it leg by leg, each behind the leg itself.
    deed.unit.insert_all("outbox", list(messages_of(deed.unit.connection, correction_id, at=deed.at)))
    placed_bills = [str(row["bill_no"]) for row in entry.placed if row["bill_no"] is not None]
    undone_bills = [part.bill_no for part, _ in entry.undone if part.bill_no is not None]
    accounts = [*(part.account for part, _ in entry.undone), *(str(row["account"]) for row in entry.placed)]
    return Corrected(
        correction_id=correction_id,
        kind=kind,
        payment_event_id=taken.payment_event_id,
        receipt_number=number,
        paper=paper,
        amount=paper.total,
        cash=back,
        bills=tuple(dict.fromkeys([*undone_bills, *placed_bills])),
        accounts=tuple(dict.fromkeys(accounts)),
    )


def _write_parts(deed: Deed, entry: Entry, correction_id: str) -> None:
    deed.unit.insert_all(
        "correction_part",
        [
            {
                "correction_id": correction_id,
                "number": place,
                "part_id": part.part_id,
                "amount_minor": amount.minor,
                "currency": amount.currency.code,
            }
            for place, (part, amount) in enumerate(entry.undone, start=1)
        ],
    )
    deed.unit.insert_all(
        "placed_part",
        [
            {"part_id": deed.new_id(), "correction_id": correction_id, "number": place, **row}
            for place, row in enumerate(entry.placed, start=1)
        ],
    )
    deed.unit.insert_all(
        "tender_undone",
        [{"tender_id": tender.tender_id, "correction_id": correction_id} for tender in entry.whole],
    )
    deed.unit.insert_all(
        "correction_cash",
        [
            {
                "correction_id": correction_id,
                "number": place,
                "tender_id": one.tender.tender_id,
                "amount_minor": one.amount.minor,
                "currency": one.amount.currency.code,
                "foreign_minor": None if one.foreign is None else one.foreign.minor,
                "foreign_currency": None if one.foreign is None else one.foreign.currency.code,
            }
            for place, one in enumerate(entry.cash, start=1)
        ],
    )


def _write_head(deed: Deed, entry: Entry, correction_id: str, number: str) -> None:
    about = entry.tender or entry.whole[0] if entry.kind.is_of_one_tender else None
    why = entry.why
    deed.unit.insert(
        "correction",
        {
            "correction_id": correction_id,
            "kind": str(entry.kind),
            "payment_event_id": entry.taken.payment_event_id,
            "tender_id": None if about is None else about.tender_id,
            "receipt_number": number,
            **when_row(deed),
            **(
                reason_row(entry.order)
                if why is None
                else {"reason_code": why.code, "reason": why.text or None}
            ),
            "amount_minor": _amount_of(entry).minor,
            "currency": entry.taken.amount.currency.code,
        },
    )


def _amount_of(entry: Entry) -> Money:
    """What is undone; of money that counts again, what is placed."""
    nothing = zero(entry.taken.amount.currency)
    if entry.kind is CorrectionKind.REINSTATEMENT:
        return Money(sum(int(str(row["amount_minor"])) for row in entry.placed), nothing.currency)
    return total((amount for _, amount in entry.undone), nothing.currency)


def _hand_back(deed: Deed, tender: TakenTender, to: ChequeState) -> None:
    if tender.cheque_id is not None:
        deed.unit.insert(
            "cheque_event",
            {
                "cheque_id": tender.cheque_id,
                "number": tender.cheque_events + 1,
                "state": str(to),
                "at_utc": utc_text(deed.at),
                "operator": deed.person.user,
                "reason": deed.subject,
            },
        )


def how_it_goes_back(desk: Desk, tender: TakenTender) -> GivenBack:
    """What a person does with a tender that is undone altogether."""
    mode = desk.modes[tender.mode]
    match mode.kind:
        case ModeKind.CASH if tender.foreign is not None:
            how = f"give {tender.foreign} back, take {tender.change} change back"
        case ModeKind.CASH:
            how = ""
        case ModeKind.CARD if tender.at_terminal:
            how = "the card terminal is told to reverse it"
        case ModeKind.CARD:
            how = "cancel it on the card terminal"
        case ModeKind.VOUCHER:
            how = "good again once central knows"
        case _:
            how = "hand the paper back"
    return GivenBack(label=mode.label, amount=tender.kept, how=how)


def _placed_line(row: Mapping[str, object], like: Money) -> CorrectionLine:
    bill_no, kept_as = row["bill_no"], row["kept_as"]
    return CorrectionLine(
        account=str(row["account"]),
        bill_no=None if bill_no is None else str(bill_no),
        kept_as=str(kept_as or "account"),
        amount=Money(int(str(row["amount_minor"])), like.currency),
        placed=True,
    )
