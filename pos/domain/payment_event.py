"""The payment event: a payer hands over 1..n tenders, and 1..n accounts are credited; it must balance.

``compose`` is the whole money rule of taking a payment, as a function of values. Source: domain.md 3.1, 3.2 and rules 2 to
6, 11 to 14; tmf.md section 6 for the legs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from pos.domain.allocation import (
    NO_TOLERANCE,
    Allocation,
    Chooser,
    LeftOut,
    PaymentPolicy,
    Source,
    Wish,
    allocate_as_asked,
    allocate_oldest_first,
    due_parts,
    fund,
    left_out,
)
from pos.domain.bill import OpenBill
from pos.domain.cash_rounding import NO_ROUNDING, CashRounding, Difference
from pos.domain.catalogue import LINES_MAX, LineOfSale, sale_due
from pos.domain.errors import Refused
from pos.domain.foreign_cash import ForeignNotes
from pos.domain.money import Currency, Money, total, zero
from pos.domain.payment_mode import PayerKind, PaymentMode, Purpose, as_judged
from pos.domain.posting import JournalLine, Ledger, payment_lines
from pos.domain.write_off import (
    FundedAllocation,
    Recovery,
    WriteOff,
    clear_residues,
    recoveries_of,
    write_offs_of,
)

MAX_TENDERS = 20
MAX_ALLOCATIONS = 200


class Overpayment(StrEnum):
    """What the payer wants of money beyond the bills: kept as credit, or given back as far as it is cash."""

    CREDIT = "credit"
    CHANGE = "change"


@dataclass(frozen=True, slots=True, kw_only=True)
class TenderOffered:
    """One instrument as handed over; ``details`` are its own fields, already cleaned.

    ``instrument`` names the one paper or slip behind it; None: it has none. ``foreign`` are the notes of another currency
    whose value ``amount`` is; None: it came in the shop's own. ``rest`` is the part of ``amount`` that pays nothing and
    stays on the payer's account by the tender's own rule: what is left of a voucher that leaves credit.
    """

    mode: PaymentMode
    amount: Money
    details: Mapping[str, str]
    instrument: str | None = None
    foreign: ForeignNotes | None = None
    rest: Money | None = None

    @property
    def usable(self) -> Money:
        """What it can pay with."""
        return self.amount if self.rest is None else self.amount - self.rest


@dataclass(frozen=True, slots=True, kw_only=True)
class TenderTaken:
    """A tender of the event. ``rounding`` is what the smallest coin adds to what it pays; negative: takes from it.

    ``rest`` of it is credit by its own rule.
    """

    mode: PaymentMode
    amount: Money
    change: Money
    rounding: Money
    details: Mapping[str, str]
    instrument: str | None = None
    foreign: ForeignNotes | None = None
    rest: Money | None = None

    @property
    def kept(self) -> Money:
        """What stays in the drawer or behind the counter of it."""
        return self.amount - self.change

    @property
    def net(self) -> Money:
        """What it pays."""
        return self.kept + self.rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """What one tender gave one account."""

    tender: int
    account: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentEvent:
    """A balanced event: sum(tenders) - change + rounding = sum(allocations) = sum(legs).

    ``write_offs`` and ``recoveries`` move no money: they are posted beside it. ``left_out`` is what nobody was asked for.
    """

    payer_kind: PayerKind
    payer_account: str
    tenders: tuple[TenderTaken, ...]
    sale: tuple[LineOfSale, ...]
    allocations: tuple[Allocation, ...]
    funded: tuple[FundedAllocation, ...]
    legs: tuple[Leg, ...]
    lines: tuple[JournalLine, ...]
    write_offs: tuple[WriteOff, ...] = ()
    recoveries: tuple[Recovery, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @property
    def currency(self) -> Currency:
        return self.tenders[0].amount.currency

    @property
    def amount(self) -> Money:
        """What the event paid: what was kept, and what cash rounding added."""
        return total((tender.net for tender in self.tenders), self.currency)

    @property
    def change(self) -> Money:
        return total((tender.change for tender in self.tenders), self.currency)

    @property
    def rounding(self) -> Money:
        """What cash rounding added to the cash that was kept; negative: the payer gave that much more."""
        return total((tender.rounding for tender in self.tenders), self.currency)

    @property
    def credit(self) -> Money:
        """What was kept on account."""
        kept = (part.amount for part in self.allocations if part.purpose is Purpose.ACCOUNT)
        return total(kept, self.currency)

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts credited, in order of first sight."""
        return tuple(dict.fromkeys(part.account for part in self.allocations))


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentAsked:
    """What the counter asks for. ``bills`` holds the payer's open bills and every bill that a wish names, by number.

    With a ``sale`` and no wishes no bill is paid: what is over is change, or credit where the payer wants it.
    ``written_off`` is what was given up of an account's debt, by account.
    """

    payer_kind: PayerKind
    payer_account: str
    tenders: Sequence[TenderOffered]
    wishes: Sequence[Wish]
    overpayment: Overpayment | None
    bills: Mapping[str, OpenBill]
    sale: Sequence[LineOfSale] = ()
    cash_rounding: CashRounding = NO_ROUNDING
    policy: PaymentPolicy = NO_TOLERANCE
    written_off: Mapping[str, Money] = field(default_factory=dict)


def compose(asked: PaymentAsked) -> PaymentEvent:
    """Balance the event: pay the bills and the sale, give change from cash only, keep the rest as credit, post.

    Raises Refused: ``no_tender``, ``too_many_tenders``, ``too_many_allocations``, ``too_many_lines``, ``mode_*`` (the
    acceptance matrix), ``nothing_to_pay``, ``tender_not_needed``, ``change_not_possible``, ``not_enough_tendered`` and
    what ``allocate_as_asked`` raises.
    """
    offered = _in_order(asked.tenders)
    in_currency = offered[0].amount.currency
    tendered = total((tender.usable for tender in offered), in_currency)
    tendered = tendered + _lacking_in_coins(asked, offered, tendered)
    sold = _sell(asked, tendered)
    for_sale = total((part.amount for part in sold), in_currency)
    allocations, left = _allocate(asked, tendered - for_sale)
    allocations = [*allocations, *sold]
    if asked.sale and not allocations:
        raise Refused("nothing_to_pay", "These items cost nothing: there is nothing to take.")
    if not allocations and (asked.payer_kind is PayerKind.SUBSCRIBER and asked.overpayment is None):
        raise Refused(
            "nothing_to_pay", "Nothing is open on this account. Take it as credit, or give it back."
        )
    back = _change(asked, offered, left)
    if left > back:
        allocations = [*allocations, _on_account(asked, left - back)]
    if not allocations:
        raise Refused("nothing_to_pay", "All of it would be change. Choose a bill, or take it as credit.")
    tenders, allocations = _settle_cash(asked, offered, allocations)
    allocations = clear_residues(allocations, asked.policy.tolerance_minor)
    funded = _fund(asked, tenders, allocations)
    for part in _rests(asked, tenders):
        allocations = [*allocations, part.allocation]
        funded.append(part)
    return PaymentEvent(
        payer_kind=asked.payer_kind,
        payer_account=asked.payer_account,
        tenders=tuple(tenders),
        sale=tuple(asked.sale),
        allocations=tuple(allocations),
        funded=tuple(funded),
        legs=tuple(_legs(funded)),
        lines=tuple(
            payment_lines(
                [_posted(tender) for tender in tenders],
                allocations,
                asked.sale,
                asked.payer_kind,
                payer_account=asked.payer_account,
                rounding=total((tender.rounding for tender in tenders), in_currency),
                change_for_foreign=total(
                    (tender.change for tender in tenders if tender.foreign is not None), in_currency
                ),
                tax_parts=asked.policy.tax_parts,
            )
        ),
        write_offs=tuple(write_offs_of(funded)),
        recoveries=tuple(recoveries_of(funded, asked.written_off)),
        left_out=tuple(left_out(_looked_at(asked), allocations)),
    )


def _posted(tender: TenderTaken) -> tuple[str, Money]:
    """Foreign notes stay whole, for their change comes out of the shop's own coins."""
    if tender.foreign is not None:
        return Ledger.FOREIGN_CASH_IN_TILL, tender.amount
    return tender.mode.ledger_account, tender.kept


def _looked_at(asked: PaymentAsked) -> list[OpenBill]:
    """The bills that were in question: those named, and the payer's own where the default order chose."""
    named = {wish.bill_no for wish in asked.wishes}
    by_default = not (asked.wishes or asked.sale) or any(
        wish.chosen_by is Chooser.DEFAULT for wish in asked.wishes
    )
    return [
        bill
        for bill in asked.bills.values()
        if bill.bill.bill_no in named or (by_default and bill.bill.account == asked.payer_account)
    ]


def _sell(asked: PaymentAsked, tendered: Money) -> list[Allocation]:
    """A sale is paid whole: no line of it is bought in part."""
    if len(asked.sale) > LINES_MAX:
        raise Refused("too_many_lines", f"More than {LINES_MAX} lines in one sale.")
    price = sale_due(asked.sale, tendered.currency)
    if price > tendered:
        raise Refused(
            "not_enough_tendered",
            f"The items cost {price.plain()}, {tendered.plain()} was handed over. Add a tender.",
            asked=price.plain(),
            tendered=tendered.plain(),
            currency=price.currency.code,
        )
    return [
        Allocation(account=asked.payer_account, bill_no=None, bill_id=None, amount=line.due, sale_line=place)
        for place, line in enumerate(asked.sale)
        if line.due.minor > 0
    ]


def _fund(
    asked: PaymentAsked, tenders: Sequence[TenderTaken], allocations: Sequence[Allocation]
) -> list[FundedAllocation]:
    """Which tender paid what, each only what the acceptance matrix lets it pay."""
    sources = [
        Source(
            amount=tender.net if tender.rest is None else tender.net - tender.rest,
            purposes=_serves(asked.payer_kind, tender.mode),
        )
        for tender in tenders
    ]
    funded = [
        FundedAllocation(tender=part.tender, allocation=allocations[part.allocation], amount=part.amount)
        for part in fund(sources, allocations)
    ]
    for part in funded:
        own = part.allocation.account == asked.payer_account
        purpose = as_judged(asked.payer_kind, part.allocation.purpose, own=own)
        tenders[part.tender].mode.require_payer(asked.payer_kind, purpose)
    return funded


def _serves(payer: PayerKind, mode: PaymentMode) -> frozenset[Purpose]:
    """What a tender may be set against; whose bill it is, is looked at then."""
    found = mode.accepts.get(payer, frozenset())
    return found | {purpose for purpose in Purpose if as_judged(payer, purpose, own=True) in found}


def _rests(asked: PaymentAsked, tenders: Sequence[TenderTaken]) -> Iterator[FundedAllocation]:
    """What tenders leave on the payer's account by their own rule, whatever their mode may pay for otherwise."""
    for place, tender in enumerate(tenders):
        if tender.rest is not None:
            yield FundedAllocation(
                tender=place, allocation=_on_account(asked, tender.rest), amount=tender.rest
            )


def _in_order(tenders: Sequence[TenderOffered]) -> list[TenderOffered]:
    """Non-cash first, then foreign notes, the shop's own cash last: change comes out of that (domain.md 3.2)."""
    if not tenders:
        raise Refused("no_tender", "Nothing was handed over.")
    if len(tenders) > MAX_TENDERS:
        raise Refused("too_many_tenders", f"More than {MAX_TENDERS} tenders in one payment.")
    return sorted(tenders, key=lambda tender: (tender.mode.gives_change, tender.foreign is None))


def _allocate(asked: PaymentAsked, left: Money) -> tuple[list[Allocation], Money]:
    """Bills and credit out of what the sale leaves; the second value is what is over."""
    if len(asked.wishes) > MAX_ALLOCATIONS:
        raise Refused("too_many_allocations", f"More than {MAX_ALLOCATIONS} bills in one payment.")
    if asked.wishes:
        return allocate_as_asked(
            left,
            asked.wishes,
            payer_account=asked.payer_account,
            bills=asked.bills,
            pay_disputed=asked.policy.pay_disputed,
        )
    if asked.sale:
        return [], left
    if asked.payer_kind is PayerKind.DEALER:
        # A dealer has no bills: money without a purchase tops up the dealer account.
        return [Allocation(account=asked.payer_account, bill_no=None, bill_id=None, amount=left)], zero(
            left.currency
        )
    return allocate_oldest_first(left, _own_bills(asked))


def _own_bills(asked: PaymentAsked) -> list[OpenBill]:
    return [bill for bill in asked.bills.values() if bill.bill.account == asked.payer_account]


def _change(asked: PaymentAsked, offered: Sequence[TenderOffered], left: Money) -> Money:
    if asked.overpayment is Overpayment.CREDIT and asked.payer_kind is not PayerKind.WALK_IN:
        return zero(left.currency)
    cash = _cash(offered, left.currency)
    nowhere_to_keep = asked.payer_kind is PayerKind.WALK_IN
    if (asked.overpayment is Overpayment.CHANGE or nowhere_to_keep) and left > cash:
        raise Refused(
            "change_not_possible",
            f"{(left - cash).plain()} more than needed did not come in cash and cannot be given back. "
            + ("Take the exact amount." if nowhere_to_keep else "Take it as credit."),
            over=(left - cash).plain(),
            currency=left.currency.code,
        )
    return min(left, cash)


def _on_account(asked: PaymentAsked, amount: Money) -> Allocation:
    """What is over stays with the payer; of a payer whom nobody knows it is in suspense with the rest."""
    chosen_by = Chooser.DEFAULT if asked.overpayment is None else Chooser.PAYER
    part = Allocation(
        account=asked.payer_account, bill_no=None, bill_id=None, amount=amount, chosen_by=chosen_by
    )
    unknown = [
        wish for wish in asked.wishes if wish.keep is Purpose.SUSPENSE and wish.account == asked.payer_account
    ]
    return replace(part, keep=Purpose.SUSPENSE, reference=unknown[-1].reference) if unknown else part


def _cash(offered: Sequence[TenderOffered], in_currency: Currency) -> Money:
    return total((tender.amount for tender in offered if tender.mode.gives_change), in_currency)


def _foreign(offered: Sequence[TenderOffered], in_currency: Currency) -> Money:
    """The value of the foreign notes."""
    return total((tender.amount for tender in offered if tender.foreign is not None), in_currency)


def _lacking_in_coins(asked: PaymentAsked, offered: Sequence[TenderOffered], tendered: Money) -> Money:
    """What is missing of something to pay because no coin is small enough; zero where enough, or too little, was given."""
    cash, foreign = _cash(offered, tendered.currency), _foreign(offered, tendered.currency)
    for wanted in _wanted(asked, tendered.currency):
        missing = wanted - tendered
        completes = asked.cash_rounding.completes(cash - foreign, cash + missing, foreign=foreign)
        if missing.minor > 0 and completes:
            return missing
    return zero(tendered.currency)


def _wanted(asked: PaymentAsked, in_currency: Currency) -> Iterator[Money]:
    """What would pay the sale, and then one wish, or one bill in its order, after the other."""
    wanted = sale_due(asked.sale, in_currency)
    if asked.sale:
        yield wanted
    if asked.wishes:
        parts = [_wished(wish, asked.bills, in_currency) for wish in asked.wishes]
    elif asked.sale or asked.payer_kind is PayerKind.DEALER:
        parts = []
    else:
        parts = [part for _, part in due_parts(_own_bills(asked))]
    for part in parts:
        wanted = wanted + part
        yield wanted


def _wished(wish: Wish, bills: Mapping[str, OpenBill], in_currency: Currency) -> Money:
    if wish.amount is not None:
        return wish.amount
    bill = bills.get(wish.bill_no or "")
    return zero(in_currency) if bill is None else bill.payable


def _settle_cash(
    asked: PaymentAsked, offered: Sequence[TenderOffered], allocations: Sequence[Allocation]
) -> tuple[list[TenderTaken], list[Allocation]]:
    """Give change in coins that exist; the difference has its own account, or stays with the customer (rules 2 to 4)."""
    in_currency = allocations[0].amount.currency
    cash, foreign = _cash(offered, in_currency), _foreign(offered, in_currency)
    others = total((tender.usable for tender in offered), in_currency) - cash
    wanted = total((part.amount for part in allocations), in_currency) - others
    change = asked.cash_rounding.change(cash - foreign, wanted, foreign=foreign)
    rounding = wanted - (cash - change)
    if rounding.minor and asked.cash_rounding.difference is Difference.CUSTOMER:
        settled = _with_the_customer(asked, allocations, rounding)
        if settled is not None:
            return _give_change(offered, change, zero(in_currency)), settled
    return _give_change(offered, change, rounding), list(allocations)


def _with_the_customer(
    asked: PaymentAsked, allocations: Sequence[Allocation], rounding: Money
) -> list[Allocation] | None:
    """The allocations by what coins made: the rest stays open, or is credit. None: neither is possible here."""
    if rounding.minor < 0:
        return (
            None if asked.payer_kind is PayerKind.WALK_IN else [*allocations, _on_account(asked, -rounding)]
        )
    for place, part in reversed(list(enumerate(allocations))):
        if part.purpose is not Purpose.ITEMS and part.amount > rounding:
            less = replace(part, amount=part.amount - rounding)
            return [*allocations[:place], less, *allocations[place + 1 :]]
    return None


def _give_change(offered: Sequence[TenderOffered], change: Money, rounding: Money) -> list[TenderTaken]:
    """Change out of the last cash tender first; a cash tender that comes back whole was not needed."""
    taken: list[TenderTaken] = []
    left = change
    for tender in reversed(offered):
        part = min(left, tender.amount) if tender.mode.gives_change else zero(left.currency)
        if part == tender.amount:
            raise Refused(
                "tender_not_needed",
                f"{tender.amount.plain()} in cash is not needed. Give it back, or take it as credit.",
                amount=tender.amount.plain(),
            )
        left = left - part
        taken.append(
            TenderTaken(
                mode=tender.mode,
                amount=tender.amount,
                change=part,
                rounding=zero(left.currency),
                details=tender.details,
                instrument=tender.instrument,
                foreign=tender.foreign,
                rest=tender.rest,
            )
        )
    return _rounded(taken[::-1], rounding)


def _rounded(taken: list[TenderTaken], rounding: Money) -> list[TenderTaken]:
    """Rounding belongs to the cash tender that keeps most; what it takes leaves every one of them something to pay."""
    by_kept = sorted(
        (place for place, tender in enumerate(taken) if tender.mode.gives_change),
        key=lambda place: -taken[place].kept.minor,
    )
    left = rounding.minor
    rounded = list(taken)
    for place in by_kept:
        part = max(left, 1 - taken[place].kept.minor)
        rounded[place] = replace(taken[place], rounding=Money(part, rounding.currency))
        left -= part
    return rounded


def _legs(funded: Sequence[FundedAllocation]) -> list[Leg]:
    sums: dict[tuple[int, str], Money] = {}
    for part in funded:
        key = (part.tender, part.allocation.account)
        sums[key] = sums.get(key, zero(part.amount.currency)) + part.amount
    return [Leg(tender=tender, account=account, amount=amount) for (tender, account), amount in sums.items()]
