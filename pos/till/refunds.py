"""Paying back: never more than what was paid, is sure and still stands; by the way it came in; cash only from this drawer.

What did not come in as cash is a debt to the payer until the back office says that it was paid back.
Source: domain.md 3.6 and rules 12, 32, 33.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Connection

from pos.domain.correction import CorrectionKind, TakenPart, TakenPayment, TakenTender
from pos.domain.errors import Refused
from pos.domain.money import Currency, Money, parse_amount, total, zero
from pos.domain.payment_mode import ModeKind, Purpose
from pos.domain.posting import JournalLine, Ledger, SourceKind, credit, refund_settled_lines
from pos.domain.refund_across import RefundAsked
from pos.domain.role import Person
from pos.domain.text_guard import clean_reference
from pos.store.corrections import OpenRefund, open_refunds, refund_by_paper, sure_tenders
from pos.store.refunds_across import legs_to_hold, told_legs, untold_of_legs, use_hold
from pos.store.times import utc_text
from pos.till.correction_entry import (
    CashOut,
    Corrected,
    CorrectionOrder,
    Entry,
    corrected,
    find_taken,
    leave_others_shift,
    off_the_accounts,
    require_approval,
    require_in_drawer,
    write_correction,
)
from pos.till.correction_paper import GivenBack
from pos.till.corrections import find_payment
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.enquiries import require_enquiry
from pos.till.journal import book_entry

ACT, CONFIRM = "refund", "confirm_refund"
HOW = {False: "will be paid back this way", True: "will be paid back by the bank"}
"""How what does not go out of the drawer comes back, by whether it came in as cash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOrder:
    """What is to be paid back of a payment: ``amount`` as typed, None for all that may be; why, by code and in words."""

    receipt: str
    reason: str
    amount: str | None = None
    text: str = ""
    decimal_marks: str = "."


@dataclass(frozen=True, slots=True, kw_only=True)
class Refundable:
    """What of one tender may be paid back now, and the parts that it comes off, in the order in which they are undone."""

    tender: TakenTender
    parts: tuple[TakenPart, ...]
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """A refund of an own payment that may be booked: how much of each tender."""

    taken: TakenPayment
    order: CorrectionOrder
    shares: tuple[tuple[Refundable, Money], ...]

    @property
    def undone(self) -> list[tuple[TakenPart, Money]]:
        """How much of which part."""
        return [part for one, share in self.shares for part in take_off(one.parts, share)]

    def legs_at(self, ids: Mapping[int, str]) -> dict[str, Money]:
        """How much of each leg that central has, by its id there (``ids``)."""
        sums: dict[str, Money] = {}
        for part, amount in self.undone:
            if part.leg in ids:
                before = sums.get(ids[part.leg], zero(amount.currency))
                sums[ids[part.leg]] = before + amount
        return sums


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundConfirmed:
    """A refund that the bank or card company has paid."""

    paper: str
    amount: Money
    reference: str


def refund(
    desk: Desk,
    person: Person,
    order: RefundOrder,
    *,
    held: RefundAsked | None = None,
    left: Mapping[str, Money] | None = None,
    memo: Memo | None = None,
) -> Corrected:
    """Pay back a payment that was taken here, or a part of it; ``held`` is what central holds for that.

    ``left`` is what of each leg that central has is left there, by its id.

    Raises NotAuthorised, ApprovalNeeded, or Refused ``unknown_receipt``, ``payment_corrected``, ``nothing_refundable``,
    ``more_than_refundable`` (``ceiling`` in its details), ``not_in_coins``, ``drawer_short``, ``no_open_shift``,
    ``shift_of_other``, ``refund_given_up`` (central holds it no more, or something else), or what reading amounts and
    reasons raises.
    """

    def work(deed: Deed) -> Corrected:
        weighed = weigh(deed, order, left=left)
        at_central = legs_to_hold(deed.unit.connection, weighed.taken.payment_event_id)
        if held is not None and weighed.legs_at(at_central) != dict(held.legs):
            raise given_up()
        done = _pay_back(deed, weighed)
        if held is not None and not use_hold(
            deed.unit.connection, held.hold_id, done.correction_id, at=deed.at
        ):
            raise given_up()
        return done

    return corrected(desk, perform(desk, person, ACT, work, memo=memo, alone=True))


def weigh(
    deed: Deed, order: RefundOrder, *, left: Mapping[str, Money] | None = None, use: bool = True
) -> Weighed:
    """What of which tender goes back. ``use`` False: nothing is booked yet, so the approval stays. Raises as ``refund``."""
    asked = CorrectionOrder(receipt=order.receipt, reason=order.reason, text=order.text)
    taken = find_taken(deed, asked)
    open_ = refundable(deed.unit.connection, deed.desk, taken)
    if left is not None:
        at_central = told_legs(deed.unit.connection, taken.payment_event_id)
        untold = untold_of_legs(deed.unit.connection, taken.payment_event_id)
        open_ = _as_left(
            open_,
            {leg: _less(left[key], untold.get(leg, 0)) for leg, key in at_central.items() if key in left},
        )
    ceiling = total((one.amount for one in open_), taken.amount.currency)
    amount = wanted_of(order, taken.receipt_number, ceiling)
    shares = _shares(open_, amount)
    require_approval_of(deed, taken, amount, use=use)
    cash = [share for one, share in shares if deed.desk.modes[one.tender.mode].kind is ModeKind.CASH]
    require_cash(deed, cash, amount.currency)
    return Weighed(taken=taken, order=asked, shares=tuple(shares))


def require_cash(deed: Deed, shares: Sequence[Money], in_currency: Currency) -> Money:
    """What of ``shares`` that came in as cash goes out of the drawer: there, in an own shift and in coins that there are.

    Raises Refused ``drawer_short``, ``not_in_coins``, ``no_open_shift`` or ``shift_of_other``.
    """
    out = total(shares, in_currency)
    if not out or not deed.desk.policy.corrections.pays_in_cash(out.minor):
        return zero(in_currency)
    deed.require_shift()
    for share in shares:
        require_coins(deed, share)
    require_in_drawer(deed, out)
    return out


def given_up() -> Refused:
    """Central's hold is not kept any more, or is of something else."""
    return Refused("refund_given_up", "This refund was given up meanwhile. Begin it anew.")


def require_approval_of(deed: Deed, taken: TakenPayment, amount: Money, *, use: bool = True) -> None:
    """As ``require_approval``, of exactly this refund."""
    what = f"refund {amount} of receipt {taken.receipt_number} to {taken.payer_account}"
    content = {"receipt": taken.receipt_number, "amount": amount.minor}
    require_approval(deed, ACT, taken, content, what, amount, use=use)


def wanted_of(order: RefundOrder, receipt_number: str, ceiling: Money) -> Money:
    """How much of a receipt is to go back, where ``ceiling`` may. Raises Refused as ``refund``."""
    if not ceiling:
        raise Refused(
            "nothing_refundable",
            f"Nothing of receipt {receipt_number} may be paid back now: it was, or its money is not sure yet.",
            receipt=receipt_number,
        )
    amount = ceiling
    if order.amount is not None:
        amount = parse_amount(order.amount, ceiling.currency, decimal_marks=order.decimal_marks)
    if amount > ceiling:
        raise Refused(
            "more_than_refundable",
            f"At most {ceiling} of receipt {receipt_number} may be paid back now.",
            ceiling=ceiling.plain(),
            field="amount",
        )
    return amount


def confirm_refund(
    desk: Desk, person: Person, paper: str, reference: str, *, memo: Memo | None = None
) -> RefundConfirmed:
    """The bank or card company has paid a refund that was no cash; ``reference`` is theirs.

    Raises NotAuthorised, or Refused ``unknown_refund`` or ``refund_paid``.
    """

    def work(deed: Deed) -> RefundConfirmed:
        number = deed.subject = clean_reference(paper, field="Refund", limit=40).upper()
        given = clean_reference(reference, field="Reference", limit=40)
        found = refund_by_paper(deed.unit.connection, number)
        if found is None:
            raise Refused(
                "unknown_refund", f"There is no refund {number} that waits to be paid.", refund=number
            )
        if found.settled:
            raise Refused("refund_paid", f"Refund {number} was confirmed already.", refund=number)
        leave_others_shift(deed)
        deed.unit.insert(
            "refund_settled",
            {
                "correction_id": found.correction_id,
                "amount_minor": found.amount.minor,
                "currency": found.amount.currency.code,
                "reference": given,
                "operator": person.user,
                "at_utc": utc_text(deed.at),
            },
        )
        lines = refund_settled_lines(found.amount, found.account)
        book_entry(deed, SourceKind.REFUND_SETTLED, found.correction_id, lines)
        return RefundConfirmed(paper=number, amount=found.amount, reference=given)

    return perform(desk, person, CONFIRM, work, memo=memo)


def refunds_to_pay(desk: Desk, person: Person, *, limit: int = 200) -> list[OpenRefund]:
    """The refunds that wait for the bank or card company, the oldest first. Raises NotAuthorised."""
    require_enquiry(desk, person)
    with desk.till.read() as connection:
        found = open_refunds(connection, limit=limit)
    return [one for one in found if person.may_see(one.account)]


def what_may_go_back(desk: Desk, person: Person, receipt_number: str) -> tuple[TakenPayment, Money]:
    """A payment, and how much of it may be paid back now. Raises NotAuthorised or Refused ``unknown_receipt``."""
    taken = find_payment(desk, person, receipt_number)
    with desk.till.read() as connection:
        open_ = refundable(connection, desk, taken)
    return taken, total((one.amount for one in open_), taken.amount.currency)


def refundable(connection: Connection, desk: Desk, taken: TakenPayment) -> list[Refundable]:
    """What may be paid back of each tender now: sure money that stands on bills or accounts; the last tender first.

    Items come back by a reversal; what is in suspense belongs to nobody known; a voucher is never money; a cheque's is held
    some days after it cleared (rule 32).
    """
    held = timedelta(days=desk.policy.cheques.refund_hold_days)
    sure = sure_tenders(connection, taken.payment_event_id, desk.modes, cleared_by=desk.clock.now() - held)
    found: list[Refundable] = []
    for tender in reversed(taken.tenders):
        if tender.undone or tender.is_voucher or tender.tender_id not in sure:
            continue
        parts = [
            part
            for part in taken.parts_of(tender.tender_id)
            if part.purpose not in (Purpose.ITEMS, Purpose.SUSPENSE)
        ]
        # What is on account comes off first: nobody's bill opens again for it.
        parts.sort(key=lambda part: part.bill_no is not None)
        amount = total((part.left for part in parts), taken.amount.currency)
        if amount:
            found.append(Refundable(tender=tender, parts=tuple(parts), amount=amount))
    return found


def _less(left: Money, minor: int) -> Money:
    return Money(max(left.minor - minor, 0), left.currency)


def _as_left(open_: Sequence[Refundable], left: Mapping[int, Money]) -> list[Refundable]:
    """No more of each leg than is ``left`` of it by all that other terminals did."""
    rest, found = dict(left), []
    for one in open_:
        parts = []
        for part in one.parts:
            share = min(part.left, rest.get(part.leg, part.left))
            if part.leg in rest:
                rest[part.leg] = rest[part.leg] - share
            parts.append(replace(part, left=share))
        amount = total((part.left for part in parts), one.amount.currency)
        if amount:
            found.append(replace(one, parts=tuple(parts), amount=amount))
    return found


def _shares(open_: Sequence[Refundable], amount: Money) -> list[tuple[Refundable, Money]]:
    left, shares = amount, []
    for one in open_:
        share = min(left, one.amount)
        if share:
            shares.append((one, share))
            left = left - share
    return shares


def take_off(parts: Sequence[TakenPart], amount: Money) -> list[tuple[TakenPart, Money]]:
    """So much of each of ``parts``, in their order, as makes ``amount``."""
    left, undone = amount, []
    for part in parts:
        share = min(left, part.left)
        if share:
            undone.append((part, share))
            left = left - share
    return undone


def _pay_back(deed: Deed, weighed: Weighed) -> Corrected:
    taken = weighed.taken
    in_cash = [
        share for one, share in weighed.shares if deed.desk.modes[one.tender.mode].kind is ModeKind.CASH
    ]
    out = require_cash(deed, in_cash, taken.amount.currency)
    cash: list[CashOut] = []
    lines: list[JournalLine] = []
    given_back: list[GivenBack] = []
    to_be_paid = zero(taken.amount.currency)
    for one, share in weighed.shares:
        mode = deed.desk.modes[one.tender.mode]
        if mode.kind is ModeKind.CASH and out:
            cash.append(CashOut(tender=one.tender, amount=share))
            lines.append(credit(Ledger.CASH_IN_TILL, share))
            given_back.append(GivenBack(label=mode.label, amount=share, how=""))
        else:
            to_be_paid = to_be_paid + share
            given_back.append(GivenBack(label=mode.label, amount=share, how=HOW[mode.kind is ModeKind.CASH]))
    if to_be_paid:
        lines.append(credit(Ledger.REFUNDS_PAYABLE, to_be_paid, taken.payer_account))
    leave_others_shift(deed)
    undone = weighed.undone
    return write_correction(
        deed,
        Entry(
            kind=CorrectionKind.REFUND,
            taken=taken,
            order=weighed.order,
            undone=undone,
            lines=[*off_the_accounts(taken, undone), *lines],
            cash=cash,
            given_back=given_back,
        ),
    )


def require_coins(deed: Deed, amount: Money) -> None:
    """There are coins for it. Raises Refused ``not_in_coins``."""
    coin = deed.desk.policy.cash_rounding.coin_minor
    if amount.minor % coin:
        smallest = Money(coin, amount.currency)
        raise Refused(
            "not_in_coins",
            f"{amount} cannot be paid in cash: the smallest coin is {smallest}.",
            field="amount",
        )
