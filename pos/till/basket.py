"""The basket: what a payer is about to pay, what was handed over for it so far, and what is still missing.

A value that screens pass on: nothing is booked here, and no money is figured anywhere else on the way to ``take_payment``.
Source: domain.md 3.1 to 3.5; tui.md section 6.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from pos.domain.allocation import NO_TOLERANCE, PaymentPolicy, Wish, may_be_paid
from pos.domain.bill import OpenBill
from pos.domain.cash_rounding import NO_ROUNDING, CashRounding
from pos.domain.catalogue import (
    Item,
    LineOfSale,
    read_line,
    read_serial,
    sale_due,
    sale_total,
    serial_body,
    shown_serial,
)
from pos.domain.cheque import check_cheque, check_post_dated, refuse_cash_only
from pos.domain.errors import Refused
from pos.domain.foreign_cash import ForeignNotes
from pos.domain.money import Money, parse_amount, total, zero
from pos.domain.payment_event import Overpayment, PaymentAsked, PaymentEvent, TenderOffered, compose
from pos.domain.payment_mode import ModeKind, PayerKind, PaymentMode, Purpose, as_judged
from pos.domain.role import Person
from pos.domain.tender import instrument_of, read_details
from pos.domain.write_off import WriteOff
from pos.store.cache import CachedAccount
from pos.store.items import item_by_code, items_by_words
from pos.till.cheque_intake import payer_of_cheque, read_cheque_tender
from pos.till.commissions import with_commission
from pos.till.dealers import refuse_beyond_terms
from pos.till.desk import Desk
from pos.till.enquiries import AccountView, PayPlan, plan_payment
from pos.till.gate import may_do, may_do_alone
from pos.till.large_cash import IdentityOrder
from pos.till.offline_limits import OVERRIDE, room_refusal
from pos.till.payer import walk_in_buyer
from pos.till.payment_order import AllocateOrder, PaymentOrder, TenderOrder
from pos.till.selling import OverrideOrder, SaleOrder, find_item, read_override
from pos.till.tendered import paper_day, plain_fields, read_tendered, require_mode
from pos.till.trust_money import refuse_foreign

ITEMS_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A tender that was handed over and waits for the others. ``order`` is as typed; a voucher's code is in it.

    ``foreign`` are the notes of another currency whose value ``amount`` is.
    """

    mode: PaymentMode
    amount: Money
    order: TenderOrder
    foreign: ForeignNotes | None = None

    @property
    def what(self) -> str:
        """What lies on the counter: the way to pay and how much of it, in its own currency."""
        if self.foreign is None:
            return f"{self.mode.label} {self.amount.plain()}"
        return f"{self.mode.label} {self.foreign.amount.currency} {self.foreign.amount.plain()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Money put on the payer's account on purpose: as an advance or a security deposit."""

    purpose: Purpose
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class InPlaceOf:
    """The payment that a basket is, keyed anew: its receipt, for what it was, and why (a code, and words).

    With ``cheque`` it is in place of that one alone, ``receipt`` is its receipt or note, and ``serial`` its number.
    """

    receipt: str
    purposes: frozenset[Purpose]
    reason: str
    text: str = ""
    cheque: str = ""
    serial: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basket:
    """What is to be paid in one event, and what was given. ``view`` None: a walk-in buyer.

    ``others`` are further accounts whose bills the payer pays too. ``confirmed`` are the codes of the warnings that the
    cashier has overruled, ``reason`` why, where it was asked for; ``identity`` is the document that was shown.
    ``shown`` is the most that the payer was asked for, None before a way to pay was opened; ``ways`` are those opened.
    """

    payment_event_id: str
    payer: CachedAccount
    view: AccountView | None
    plan: PayPlan
    lines: tuple[LineOfSale, ...] = ()
    given: tuple[Given, ...] = ()
    confirmed: tuple[str, ...] = ()
    identity: IdentityOrder | None = None
    cash_rounding: CashRounding = NO_ROUNDING
    reason: str | None = None
    policy: PaymentPolicy = NO_TOLERANCE
    others: tuple[AccountView, ...] = ()
    kept: tuple[Kept, ...] = ()
    in_place_of: InPlaceOf | None = None
    shown: Money | None = None
    ways: tuple[str, ...] = ()

    @property
    def to_pay(self) -> Money:
        """Bills and items together, and what is kept on purpose."""
        return self.plan.to_pay + self.sale - self.commission_kept + self.kept_total

    @property
    def kept_total(self) -> Money:
        """What is kept on purpose."""
        return total((one.amount for one in self.kept), self.payer.currency)

    @property
    def views(self) -> tuple[AccountView, ...]:
        """The payer's account and the others."""
        return self.others if self.view is None else (self.view, *self.others)

    @property
    def bills(self) -> tuple[OpenBill, ...]:
        """The open bills of all these accounts, account by account."""
        return tuple(bill for view in self.views for bill in view.bills)

    @property
    def cash_only(self) -> bool:
        """Whether an account that is paid takes no cheques."""
        paid = {part.account for part in self.plan.parts}
        return self.payer.cash_only or any(
            view.account.cash_only for view in self.others if view.account.account in paid
        )

    @property
    def sale(self) -> Money:
        """The items, tax included."""
        return sale_total(self.lines, self.payer.currency)

    @property
    def commission_kept(self) -> Money:
        """What a dealer keeps of ``sale`` at once, as commission less the tax withheld."""
        return self.sale - sale_due(self.lines, self.payer.currency)

    @property
    def tax(self) -> Money:
        """The tax within ``sale``."""
        return total((line.tax for line in self.lines), self.payer.currency)

    @property
    def handed_over(self) -> Money:
        return total((one.amount for one in self.given), self.payer.currency)

    @property
    def rest(self) -> Money:
        """What is still missing; zero where enough was given, or all that coins can make of it."""
        none = zero(self.payer.currency)
        missing = self.to_pay - self.handed_over
        foreign = total((one.amount for one in self.given if one.foreign is not None), none.currency)
        cash = total((one.amount for one in self.given if one.mode.gives_change), none.currency)
        if missing <= none or self.cash_rounding.completes(cash - foreign, cash + missing, foreign=foreign):
            return none
        return missing

    @property
    def cash_due(self) -> Money:
        """What to ask for in cash: the rest, in coins that exist."""
        return self.cash_rounding.due(self.rest)

    @property
    def is_empty(self) -> bool:
        """Nothing to pay was chosen: money given goes on account."""
        return not self.plan.parts and not self.lines and not self.kept

    @property
    def has_no_use(self) -> bool:
        """Nothing was chosen, and money on account is not what anybody meant: bills are open, or there is no account."""
        return self.is_empty and (self.keeps_nothing or (self.view is not None and bool(self.view.bills)))

    @property
    def purposes(self) -> frozenset[Purpose]:
        """What the money is for."""
        if self.in_place_of is not None:
            return self.in_place_of.purposes
        of_bills = as_judged(self.payer.kind, Purpose.BILLS, own=True)
        wanted = {of_bills} if self.plan.parts else set()
        if self.lines:
            wanted.add(Purpose.ITEMS)
        wanted.update(one.purpose for one in self.kept)
        return frozenset(wanted or {Purpose.ACCOUNT})

    @property
    def closed(self) -> Mapping[str, str]:
        """The modes that are not taken of this payer until central answers, with the reason."""
        return {} if self.view is None else self.view.closed

    @property
    def is_for_one_cheque(self) -> bool:
        """Whether a cheque of a later date may be registered for it: no sale, no payment anew, and nothing given yet."""
        instead_of_one = self.in_place_of is not None and bool(self.in_place_of.cheque)
        return (self.view is not None or instead_of_one) and not self.lines and not self.given

    @property
    def keeps_nothing(self) -> bool:
        """A walk-in buyer has no account to leave money on."""
        return self.payer.kind is PayerKind.WALK_IN


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What one more tender would do. ``rest`` above zero: it is not enough, and the others may follow.

    ``rounding`` is what the smallest coin adds to the cash, or (negative) takes from it. ``foreign`` are the notes of
    another currency whose value ``tendered`` is; ``written_off`` are the rests of bills that it clears.
    """

    tendered: Money
    rest: Money
    change: Money
    credit: Money
    rounding: Money
    foreign: ForeignNotes | None = None
    written_off: tuple[WriteOff, ...] = ()


def account_basket(desk: Desk, view: AccountView, plan: PayPlan, payment_event_id: str) -> Basket:
    """A customer's basket: what was chosen on the account."""
    return Basket(
        payment_event_id=payment_event_id,
        payer=view.account,
        view=view,
        plan=plan,
        cash_rounding=desk.policy.cash_rounding,
        policy=desk.policy.payments,
    )


def walk_in_basket(desk: Desk, payment_event_id: str) -> Basket:
    """The basket of somebody who buys without being a customer."""
    none = zero(desk.identity.currency)
    return Basket(
        payment_event_id=payment_event_id,
        payer=walk_in_buyer(desk.policy.walk_in_account, none.currency),
        view=None,
        plan=PayPlan(parts=(), to_pay=none),
        cash_rounding=desk.policy.cash_rounding,
    )


def choose_bills(
    basket: Basket,
    *,
    marked: Collection[str] = (),
    part: str | None = None,
    decimal_marks: str = ".",
    view: AccountView | None = None,
    beside_items: bool = False,
) -> Basket:
    """The basket with these bills, as ``plan_payment`` chooses them; beside items none but the marked ones.

    ``view``: the account as looked at anew. Raises what ``plan_payment`` raises.
    """
    seen = view or basket.view
    if seen is None or ((basket.lines or basket.kept or beside_items) and not marked and part is None):
        plan = PayPlan(parts=(), to_pay=zero(basket.payer.currency))
    else:
        plan = plan_payment(seen, marked=marked, part=part, decimal_marks=decimal_marks, others=basket.others)
    return replace(basket, payer=basket.payer if seen is None else seen.account, view=seen, plan=plan)


def add_payee(basket: Basket, view: AccountView) -> Basket:
    """Pay bills of this account in the same payment.

    Raises Refused ``account_is_here``, ``wrong_payer_kind``, ``account_other_currency`` or ``nothing_open``.
    """
    account = view.account
    if account.account in {known.account.account for known in basket.views}:
        raise Refused("account_is_here", f"Account {account.account} is in this payment already.")
    if account.kind is not basket.payer.kind:
        raise Refused("wrong_payer_kind", f"Account {account.account} is a {account.kind}'s.")
    if account.currency != basket.payer.currency:
        raise Refused("account_other_currency", f"Account {account.account} is kept in {account.currency}.")
    if not any(may_be_paid(bill) for bill in view.bills):
        raise Refused("nothing_open", f"Nothing is open on account {account.account} that can be paid now.")
    return replace(basket, others=(*basket.others, view))


def keep_on_account(basket: Basket, amount: str, *, decimal_marks: str) -> Basket:
    """Put ``amount`` on the payer's account as an advance. Raises what ``parse_amount`` raises."""
    advance = Kept(
        purpose=Purpose.ADVANCE,
        amount=parse_amount(amount, basket.payer.currency, decimal_marks=decimal_marks),
    )
    return replace(basket, kept=(*basket.kept, advance))


def keep_otherwise(basket: Basket) -> Basket:
    """The last sum kept on purpose: an advance becomes a security deposit, and that is left out again."""
    *before, last = basket.kept
    if last.purpose is Purpose.ADVANCE:
        before.append(replace(last, purpose=Purpose.DEPOSIT))
    return replace(basket, kept=tuple(before))


def items_on_sale(desk: Desk, text: str, *, limit: int = ITEMS_MAX) -> list[Item]:
    """Items by code, bar code or words of the name; all of them for an empty text. For the shop's currency only."""
    with desk.cache.read() as connection:
        exact = item_by_code(connection, text)
        found = [exact] if exact is not None else items_by_words(connection, text, limit)
    return [item for item in found if item.price.currency == desk.identity.currency]


def ways_to_pay(
    desk: Desk, person: Person, basket: Basket, modes: Sequence[PaymentMode]
) -> list[PaymentMode]:
    """Those of ``modes`` by which this basket may be paid. Where none may: raises why not, as ``require_mode`` says it."""
    allowed = [mode for mode in modes_for(desk, person, basket) if mode in modes]
    if allowed:
        return allowed
    for mode in modes:
        require_mode(desk, person, mode, basket.payer.kind)
        for purpose in sorted(basket.purposes):
            mode.require_payer(basket.payer.kind, purpose)
        if mode.kind is ModeKind.CHEQUE:
            refuse_cash_only(basket.cash_only)
        if mode.code in basket.closed:
            raise Refused("offline_limit", basket.closed[mode.code], mode=mode.code)
    raise Refused("mode_not_available", "This is not taken here. Choose another way to pay.")


def modes_for(desk: Desk, person: Person, basket: Basket) -> list[PaymentMode]:
    """The ways to pay this basket, in the order of the configuration."""
    shut = shut_modes(desk, person, basket)
    return [
        mode
        for mode in desk.modes.by_code.values()
        if any(mode.takes(basket.payer.kind, purpose) for purpose in basket.purposes)
        and (not mode.act or may_do(desk, mode.act, person))
        and not (basket.cash_only and mode.kind is ModeKind.CHEQUE)
        and mode.code not in shut
        and not (basket.in_place_of is not None and mode.kind is ModeKind.VOUCHER)
    ]


def shut_modes(desk: Desk, person: Person, basket: Basket) -> dict[str, str]:
    """The ways to pay this basket that wait for central, with the reason; none for who may pass the limits."""
    if may_do_alone(desk, OVERRIDE, person):
        return {}
    return {
        code: reason
        for code, reason in basket.closed.items()
        if any(desk.modes[code].takes(basket.payer.kind, purpose) for purpose in basket.purposes)
    }


def require_room_for(desk: Desk, person: Person, basket: Basket) -> None:
    """What was laid aside so far is within the limits of a till that is offline, as far as it can be told by now.

    Raises Refused or NeedsConfirmation ``offline_limit``.
    """
    given = [(one.mode, one.amount) for one in basket.given]
    with desk.till.read() as books:
        refusal = room_refusal(desk, books, person, basket.payer, given)
    if refusal is not None and refusal.code not in basket.confirmed:
        raise refusal


def add_item(desk: Desk, basket: Basket, code: str) -> Basket:
    """One more of an item, by code or bar code; a line of its own for the first, and beside a changed price.

    Raises Refused ``unknown_item``.
    """
    item = find_item(desk, code, basket.payer.currency)
    for place, line in enumerate(basket.lines):
        if line.item == item and line.override is None:
            return set_quantity(basket, place, line.quantity + 1)
    line = with_commission(desk, basket.payer, LineOfSale(item=item))
    return replace(basket, lines=(*basket.lines, line))


def set_quantity(basket: Basket, place: int, quantity: int) -> Basket:
    """Raises Refused ``bad_quantity``. Fewer pieces than serials scanned: the last ones are left out."""
    line = basket.lines[place]
    read_line(replace(line.item, serial=None), quantity, [])
    return _with_line(basket, place, replace(line, quantity=quantity, serials=line.serials[:quantity]))


def set_override(
    desk: Desk, person: Person, basket: Basket, place: int, order: OverrideOrder, *, decimal_marks: str
) -> Basket:
    """The line at ``place`` at another price. Raises what ``read_override`` raises."""
    line = read_override(desk, person, basket.lines[place], order, decimal_marks=decimal_marks)
    return _with_line(basket, place, line)


def add_serial(basket: Basket, place: int, text: str) -> Basket:
    """A serial number for the line at ``place``.

    Raises Refused ``serial_not_needed``, ``serials_enough``, ``serial_named_twice`` or what ``read_serial`` raises.
    """
    line = basket.lines[place]
    if line.item.serial is None:
        raise Refused("serial_not_needed", f"{line.item.name} is sold without serial numbers.")
    serial = read_serial(line.item.serial, text)
    body = serial_body(line.item.serial, serial)
    known = [other for one in basket.lines for other in one.serials]
    if any(serial_body(line.item.serial, other) == body for other in known):
        told = shown_serial(line.item.serial, serial)
        raise Refused("serial_named_twice", f"Serial {told} is in this sale already.", serial=told)
    if line.missing == 0:
        raise Refused(
            "serials_enough", f"{line.item.name}: every piece has its number. Raise the quantity first."
        )
    return _with_line(basket, place, replace(line, serials=(*line.serials, serial)))


def remove_line(basket: Basket, place: int) -> Basket:
    """Leave a line out."""
    return replace(basket, lines=(*basket.lines[:place], *basket.lines[place + 1 :]))


def _with_line(basket: Basket, place: int, line: LineOfSale) -> Basket:
    return replace(basket, lines=(*basket.lines[:place], line, *basket.lines[place + 1 :]))


def require_complete(basket: Basket) -> None:
    """Raises Refused ``serials_needed`` where a piece has no serial number yet."""
    for line in basket.lines:
        read_line(line.item, line.quantity, line.serials)


def quote(desk: Desk, basket: Basket, tender: TenderOrder, *, keep: bool, decimal_marks: str) -> Quote:
    """What ``tender`` beside what was given would do, by the very rule that books it; its own fields are not looked at.

    ``keep`` True: what is over stays on account. Raises Refused with the codes of ``read_tendered`` and ``compose``, and of
    ``refuse_beyond_terms`` where a dealer's goods would leave on money that is not sure.
    """
    tendered, foreign = read_tendered(
        desk, tender, basket.payer.currency, today=paper_day(desk), decimal_marks=decimal_marks
    )
    none = zero(tendered.currency)
    last = Given(mode=desk.modes[tender.mode], amount=tendered, order=tender, foreign=foreign)
    given = replace(basket, given=(*basket.given, last))
    if given.rest:
        return Quote(
            tendered=tendered, rest=given.rest, change=none, credit=none, rounding=none, foreign=foreign
        )
    event = _composed(basket, given.given, keep=keep)
    if basket.view is not None and basket.view.dealer is not None:
        refuse_beyond_terms(desk, event, basket.payer, basket.view.dealer)
    return Quote(
        tendered=tendered,
        rest=none,
        change=event.change,
        # What is kept anew is no more than was kept before.
        credit=event.credit if basket.in_place_of is None else none,
        rounding=event.rounding,
        foreign=foreign,
        written_off=event.write_offs,
    )


def _composed(basket: Basket, given: Sequence[Given], *, keep: bool) -> PaymentEvent:
    return compose(
        PaymentAsked(
            payer_kind=basket.payer.kind,
            payer_account=basket.payer.account,
            tenders=[
                TenderOffered(mode=one.mode, amount=one.amount, details={}, foreign=one.foreign)
                for one in given
            ],
            wishes=[
                *(Wish(bill_no=part.bill_no, amount=part.amount) for part in basket.plan.parts),
                *(Wish(amount=one.amount, keep=one.purpose) for one in basket.kept),
            ],
            overpayment=_overpayment(basket, keep=keep),
            bills={
                bill.bill.bill_no: bill
                for bill in basket.bills
                if bill.open.currency == basket.payer.currency
            },
            sale=basket.lines,
            cash_rounding=basket.cash_rounding,
            policy=basket.policy,
        )
    )


def _overpayment(basket: Basket, *, keep: bool) -> Overpayment:
    fixed = basket.keeps_nothing or basket.in_place_of is not None
    return Overpayment.CREDIT if keep and not fixed else Overpayment.CHANGE


def give(desk: Desk, person: Person, basket: Basket, tender: TenderOrder, *, decimal_marks: str) -> Basket:
    """Lay a tender into the basket, checked as far as it can be without booking.

    A cheque of a later date takes the basket for itself: with it ``order_of`` is what is registered.
    Raises Refused with the codes of ``require_mode``, ``parse_amount``, ``read_details`` and ``check_cheque``,
    ``trust_money_foreign``, ``named_twice`` where the same paper was given before, or ``tender_not_needed`` where enough
    was; NotAuthorised where the person may not take this mode.
    """
    mode = desk.modes[tender.mode]
    require_mode(desk, person, mode, basket.payer.kind)
    today = paper_day(desk)
    amount, foreign = read_tendered(
        desk, tender, basket.payer.currency, today=today, decimal_marks=decimal_marks
    )
    if foreign is not None:
        refuse_foreign(desk, person, basket.payer.kind, mode, sells=bool(basket.lines))
    details: Mapping[str, str] = {}
    if mode.kind is ModeKind.CHEQUE:
        details, cheque = read_cheque_tender(desk, mode, tender.as_cheque, amount, today=today)
        payer = payer_of_cheque(basket.payer, cash_only=basket.cash_only)
        if cheque.dated > today and basket.is_for_one_cheque:
            check_post_dated(cheque, desk.policy.cheques, payer, today=today)
            return _for_its_date(
                basket, Given(mode=mode, amount=amount, order=replace(tender, amount=amount.plain()))
            )
        check_cheque(cheque, desk.policy.cheques, payer, today=today)
    elif tender.attempt is None:
        details = read_details(mode, plain_fields(mode, tender))
    # What the card terminal approved has its slip in the books.
    if tender.attempt is None:
        _refuse_twin(basket, mode, details, amount)
    if basket.given and basket.rest.minor == 0:
        raise Refused("tender_not_needed", "Enough was given. Enter takes it.")
    return replace(basket, given=(*basket.given, _laid_aside(mode, tender, amount, foreign)))


def _laid_aside(mode: PaymentMode, tender: TenderOrder, amount: Money, foreign: ForeignNotes | None) -> Given:
    """As it was understood: plain, and with the rate that the payer was told just now."""
    if foreign is None:
        order = replace(tender, amount=amount.plain())
    else:
        order = replace(tender, amount=foreign.amount.plain(), rate=foreign.rate)
    return Given(mode=mode, amount=amount, order=order, foreign=foreign)


def _for_its_date(basket: Basket, one: Given) -> Basket:
    """A cheque for a later day pays what it can of what was chosen; nothing else is given beside it."""
    alone = replace(basket, given=(one,))
    if alone.rest and basket.in_place_of is not None:
        raise Refused(
            "not_enough_tendered",
            f"A cheque of a later date is registered alone: it has to be over all of {basket.to_pay.plain()}.",
            asked=basket.to_pay.plain(),
            tendered=one.amount.plain(),
        )
    return pay_only_given(alone) if alone.rest else alone


def _refuse_twin(basket: Basket, mode: PaymentMode, details: Mapping[str, str], amount: Money) -> None:
    """The same slip twice in one payment is told now, not when all of it is booked."""
    paper = instrument_of(mode, details, amount)
    if paper is None:
        return
    for one in basket.given:
        if one.order.attempt is not None:
            continue
        before = instrument_of(one.mode, read_details(one.mode, one.order.details), one.amount)
        if paper == before:
            raise Refused(
                "named_twice", f"{mode.label}: the same one is in this payment already.", mode=mode.code
            )


def confirm(basket: Basket, code: str, reason: str | None = None) -> Basket:
    """The cashier has read the warning ``code`` and goes on all the same, for ``reason`` where one was asked for."""
    return replace(basket, confirmed=(*basket.confirmed, code), reason=reason or basket.reason)


def identified(basket: Basket, identity: IdentityOrder) -> Basket:
    """The payer has shown a document."""
    return replace(basket, identity=identity)


def take_back(basket: Basket) -> Basket:
    """Take the last tender out of the basket again."""
    return replace(basket, given=basket.given[:-1])


def pay_only_given(basket: Basket) -> Basket:
    """Pay of the bills only what was given: the rest of them stays open.

    Raises Refused ``items_are_paid_whole`` where it does not cover the items, ``paid_anew_whole`` where it is in place of
    another, or what ``plan_payment`` raises.
    """
    if basket.in_place_of is not None:
        raise Refused("paid_anew_whole", "This is paid anew as a whole. Add what is missing by another way.")
    for_bills = basket.handed_over - (basket.to_pay - basket.plan.to_pay)
    if basket.view is None or for_bills.minor <= 0:
        raise Refused("items_are_paid_whole", "Items are paid whole. Add a tender, or leave a line out.")
    marked = [part.bill_no for part in basket.plan.parts if part.bill_no is not None]
    plan = plan_payment(basket.view, marked=marked, part=for_bills.plain(), others=basket.others)
    return replace(basket, plan=replace(plan, by_default=basket.plan.by_default))


def _override_order(line: LineOfSale) -> OverrideOrder | None:
    changed = line.override
    return None if changed is None else OverrideOrder(price=changed.price.plain(), reason=changed.reason)


def order_of(basket: Basket, *, keep: bool) -> PaymentOrder:
    """The payment as the till is asked for it: exactly what was shown. ``keep``: what is over stays on account."""
    walk_in = basket.payer.kind is PayerKind.WALK_IN
    return PaymentOrder(
        payment_event_id=basket.payment_event_id,
        payer_kind=basket.payer.kind,
        payer_account=None if walk_in else basket.payer.account,
        tenders=[one.order for one in basket.given],
        allocate=[
            *(
                AllocateOrder(
                    bill=part.bill_no, amount=part.amount.plain(), by_default=basket.plan.by_default
                )
                for part in basket.plan.parts
            ),
            *(AllocateOrder(amount=one.amount.plain(), keep_as=one.purpose) for one in basket.kept),
        ],
        lines=[
            SaleOrder(
                item=line.item.item,
                quantity=line.quantity,
                serials=line.serials,
                price=line.item.price.plain(),
                override=_override_order(line),
            )
            for line in basket.lines
        ],
        overpayment=_overpayment(basket, keep=keep),
        confirmed=basket.confirmed,
        reason=basket.reason,
        identity=basket.identity,
    )
