"""Registering a post-dated cheque: a numbered note, and nothing else. No payment, no journal, nothing to central.

Source: domain.md 3.3 and rules 22 and 39.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date

from pos.domain.allocation import Chooser
from pos.domain.cheque import Cheque, check_post_dated
from pos.domain.errors import Refused
from pos.domain.ids import check_id
from pos.domain.money import zero
from pos.domain.payment_event import TenderTaken
from pos.domain.payment_mode import ModeKind, Purpose
from pos.domain.post_dated import PostDatedCheque, PostDatedState, note_series
from pos.domain.receipt import AllocationLine, ReceiptFacts, ReceiptKind, TenderLine
from pos.domain.role import Person
from pos.store.payments import event_receipt
from pos.store.post_dated import note_of, register
from pos.store.receipts import receipt_facts
from pos.store.times import offset_minutes, utc_text
from pos.till.booking import new_salt, personal_digest, split_personal
from pos.till.cheque_intake import refuse_taken_cheque
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.enquiries import require_enquiry
from pos.till.gate import may_do
from pos.till.payment_order import PaymentOrder, order_mark
from pos.till.receipt_paper import tender_line, with_mark, write_paper
from pos.till.take_payment import Weighed, read_wish, weigh
from pos.till.tendered import paper_day, today_of

REGISTER_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ChequeRegistered:
    """What was registered. ``replayed`` True: this very order was registered before, nothing happened now."""

    note: ReceiptFacts
    dated: date
    opens_drawer: bool
    replayed: bool = False


def is_post_dated(desk: Desk, order: PaymentOrder) -> bool:
    """Whether ``order`` is one cheque dated after today and nothing else, in a shop that registers such."""
    if len(order.tenders) != 1 or order.lines or not desk.policy.cheques.post_dated_max_days:
        return False
    (tender,) = order.tenders
    mode = desk.modes.by_code.get(tender.mode)
    if mode is None or mode.kind is not ModeKind.CHEQUE:
        return False
    try:
        dated = date.fromisoformat(tender.details.get("date", "").strip())
    except ValueError:
        return False
    return dated > paper_day(desk)


def register_cheque(
    desk: Desk, person: Person, order: PaymentOrder, *, memo: Memo | None = None
) -> ChequeRegistered:
    """Register the one post-dated cheque of ``order``; the account stays owing.

    Raises NotAuthorised, or Refused with the codes of ``check_post_dated``, ``compose`` and ``read_details``,
    ``cheque_taken_before``, ``no_open_shift``, ``shift_of_other`` or ``key_reused``.
    """
    return _registered_before(desk, person, order) or perform(
        desk, person, "pay", lambda deed: register_within(deed, order), memo=memo
    )


def _registered_before(desk: Desk, person: Person, order: PaymentOrder) -> ChequeRegistered | None:
    """A double Enter or a retry meets what it registered itself; another order under its key is refused."""
    if not may_do(desk, "pay", person):
        return None
    with desk.till.read() as connection:
        known = note_of(connection, order.payment_event_id)
        facts = None if known is None else receipt_facts(connection, known[0])
    if known is None or facts is None:
        return None
    if known[1] != order_mark(desk, order):
        raise Refused("key_reused", f"A cheque was registered with note {known[0]}. Begin anew.")
    dated = next(value for name, value in facts.tenders[0].details if name == "date")
    return ChequeRegistered(note=facts, dated=date.fromisoformat(dated), opens_drawer=False, replayed=True)


def register_within(deed: Deed, order: PaymentOrder) -> ChequeRegistered:
    """Register ``order``, which is post-dated, in a transaction that has begun. Raises as ``register_cheque``."""
    deed.subject = deed.subject or check_id(order.payment_event_id, field="Payment")
    taken = event_receipt(deed.unit.connection, order.payment_event_id)
    if taken is not None or note_of(deed.unit.connection, order.payment_event_id) is not None:
        raise Refused("key_reused", "Something was taken under this key already. Begin anew.")
    weighed = weigh(deed, order)
    cheque = weighed.tenders[0].cheque
    assert cheque is not None, "is_post_dated is asked first"
    check_post_dated(cheque, deed.desk.policy.cheques, weighed.payer(), today=today_of(deed))
    refuse_taken_cheque(deed, cheque)
    (tender,) = weighed.event.tenders
    series = note_series(deed.desk.identity.series)
    counter = deed.unit.next_number(f"receipt:{series}")
    facts = _note(deed, order, weighed, deed.desk.identity.receipt_number(counter, series))
    _write_cheque(deed, order, weighed, cheque, facts.receipt_number)
    _write_wishes(deed, order)
    deed.unit.insert(
        "post_dated_event",
        {
            "post_dated_id": order.payment_event_id,
            "number": 1,
            "state": str(PostDatedState.REGISTERED),
            "at_utc": utc_text(deed.at),
            "operator": deed.person.user,
        },
    )
    facts = with_mark(facts, deed.unit.chain.head)
    write_paper(deed, facts, counter, series=series, event_id=None)
    return ChequeRegistered(note=facts, dated=cheque.dated, opens_drawer=tender.mode.opens_drawer)


def _note(deed: Deed, order: PaymentOrder, weighed: Weighed, number: str) -> ReceiptFacts:
    """The paper: whose cheque, for what, and that nothing is paid yet. Without a wish it says no bill."""
    shift, identity = deed.require_shift(), deed.desk.identity
    (tender,) = weighed.event.tenders
    until = tender.details["date"]
    return ReceiptFacts(
        receipt_number=number,
        kind=ReceiptKind.POST_DATED_NOTE,
        shop=identity.shop,
        terminal=identity.terminal,
        shift_number=shift.number,
        business_date=shift.business_date,
        taken_at=deed.at.replace(microsecond=0),
        operator=deed.person.user,
        operator_name=deed.person.name,
        payer_kind=str(order.payer_kind),
        payer_account=weighed.account.account,
        payer_name=weighed.account.name,
        total=tender.amount,
        change=zero(tender.amount.currency),
        credit=zero(tender.amount.currency),
        tenders=(_held(tender, until),),
        allocations=tuple(
            AllocationLine(account=part.account, bill_no=part.bill_no, amount=part.amount)
            for part in (weighed.event.allocations if order.allocate else ())
        ),
        notes=(f"Not a payment until {until}. Until then the account stays owing.",),
        chain_mark="",
    )


def _held(tender: TenderTaken, until: str) -> TenderLine:
    line = tender_line(tender)
    return TenderLine(
        mode=line.mode,
        label=line.label,
        amount=line.amount,
        details=(*line.details, ("held_until", until)),
    )


def _write_cheque(deed: Deed, order: PaymentOrder, weighed: Weighed, cheque: Cheque, note: str) -> None:
    shift, salt = deed.require_shift(), new_salt(deed)
    (tender,) = weighed.event.tenders
    plain, personal = split_personal(tender)
    names = json.dumps(personal, ensure_ascii=False, sort_keys=True)
    deed.unit.insert(
        "post_dated_cheque",
        {
            "post_dated_id": order.payment_event_id,
            "receipt_number": note,
            "shift_id": shift.shift_id,
            "business_date": shift.business_date.isoformat(),
            "registered_at_utc": utc_text(deed.at),
            "utc_offset_min": offset_minutes(deed.at),
            "operator": deed.person.user,
            "payer_kind": str(order.payer_kind),
            "payer_account": weighed.account.account,
            "payer_digest": personal_digest(salt, weighed.account.name),
            "overpayment": None if order.overpayment is None else str(order.overpayment),
            "mode": tender.mode.code,
            "bank": cheque.identity.bank,
            "branch": cheque.identity.branch,
            "bank_account": cheque.identity.account,
            "serial": cheque.identity.serial,
            "cheque_date": cheque.dated.isoformat(),
            "amount_minor": cheque.amount.minor,
            "currency": cheque.amount.currency.code,
            "kind": str(cheque.kind),
            "entered": str(cheque.entered),
            "micr": cheque.micr or None,
            "third_party": int(cheque.is_third_partys(weighed.account.name)),
            "ticks": " ".join(cheque.ticks),
            "details_json": json.dumps(plain, ensure_ascii=False),
            "person_digest": personal_digest(salt, names),
            "order_mark": order_mark(deed.desk, order),
        },
    )
    deed.unit.insert(
        "post_dated_person",
        {
            "post_dated_id": order.payment_event_id,
            "salt": salt,
            "name": weighed.account.name,
            "details_json": names,
        },
    )


def _write_wishes(deed: Deed, order: PaymentOrder) -> None:
    wishes = [read_wish(deed.desk, wish, order.decimal_marks) for wish in order.allocate]
    if any(wish.keep is not Purpose.ACCOUNT for wish in wishes):
        raise Refused(
            "not_by_later_cheque",
            "A cheque of a later date pays bills or leaves credit. Take an advance, a deposit or suspense another way.",
        )
    deed.unit.insert_all(
        "post_dated_wish",
        [
            {
                "post_dated_id": order.payment_event_id,
                "number": number,
                "account": wish.account,
                "bill_no": wish.bill_no,
                "amount_minor": None if wish.amount is None else wish.amount.minor,
                "by_default": int(wish.chosen_by is Chooser.DEFAULT),
            }
            for number, wish in enumerate(wishes, start=1)
        ],
    )


def post_dated_cheques(
    desk: Desk, person: Person, *, due_only: bool = False, limit: int = REGISTER_MAX
) -> list[PostDatedCheque]:
    """The register, what is due first; ``due_only``: only what may go to the bank today. Raises NotAuthorised."""
    require_enquiry(desk, person)
    due_by = desk.clock.now().date() if due_only else None
    with desk.till.read() as connection:
        return register(connection, due_by=due_by, account=person.only_account, limit=limit)
