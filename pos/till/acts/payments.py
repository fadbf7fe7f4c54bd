"""A script's acts that take money: paying, selling, the card in doubt, money in suspense, vouchers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pos.domain.errors import DomainError, NeedsConfirmation, Refused
from pos.domain.ids import new_id
from pos.domain.payment_event import Overpayment
from pos.domain.payment_mode import PayerKind, Purpose
from pos.domain.voucher import Residual
from pos.store.cards import CardAttempt, event_of_ref
from pos.till.acts.fields import (
    AmountIn,
    AmountText,
    IdText,
    Ref,
    Strict,
    TenderLine,
    require_shop_currency,
    tender_order,
)
from pos.till.acts.seat import Answer, Seat
from pos.till.cards import attempt_for, has_cards
from pos.till.desk import Memo
from pos.till.large_cash import IdentityOrder
from pos.till.payment_order import AllocateOrder, PaymentOrder
from pos.till.post_dated import ChequeRegistered, is_post_dated, register_cheque
from pos.till.script_answers import encode
from pos.till.selling import OverrideOrder, SaleOrder
from pos.till.settle_card import SettleOrder, Verdict, settle_by_hand
from pos.till.suspense import ResolveOrder, resolve_suspense
from pos.till.take_payment import PaymentTaken, take_payment
from pos.till.voucher_issue import IssueOrder
from pos.till.vouchers import has_vouchers


class Payer(Strict):
    """Who hands over the money."""

    kind: Literal["subscriber", "dealer", "walk_in"]
    account: Annotated[IdText | None, Field(description="Left out for a walk-in buyer.")] = None


class AllocateLine(Strict):
    """A bill, or (without one) money on an account or in suspense, and how much."""

    bill: IdText | None = None
    amount: AmountText | None = None
    account: IdText | None = None
    keep_as: Annotated[
        Literal["credit", "advance", "deposit"] | None,
        Field(alias="as", description="As what money on an account is kept; credit where left out."),
    ] = None
    suspense: Annotated[
        Literal[True] | None,
        Field(description="Nobody knows whose it is; without an amount all that is left."),
    ] = None
    reference: Annotated[
        Annotated[str, Field(max_length=400)] | None,
        Field(description="What is known of money in suspense."),
    ] = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> AllocateLine:
        if self.bill is not None and self.keep_as is not None:
            raise ValueError("a bill is paid; as is for money on an account")
        if self.suspense and (self.bill or self.account or self.keep_as):
            raise ValueError("money in suspense has no bill, account or as")
        if self.reference is not None and not self.suspense:
            raise ValueError("reference is for money in suspense")
        return self

    @property
    def purpose(self) -> Purpose:
        """As what money on account is kept."""
        if self.suspense:
            return Purpose.SUSPENSE
        return Purpose.ACCOUNT if self.keep_as in (None, "credit") else Purpose(self.keep_as)


class OverrideIn(Strict):
    """Another unit price than the item's, by whoever may change one, and why (a code of ``[items] override_reasons``)."""

    price: AmountText
    reason: Annotated[str, Field(max_length=40)]


class SaleLineIn(Strict):
    """An item on sale, by its code or bar code; one serial number for each piece where the item has them."""

    item: IdText
    quantity: Annotated[int, Field(ge=1, le=999)] = 1
    serials: Annotated[list[IdText], Field(max_length=999)] = []
    price: Annotated[
        AmountText | None,
        Field(description="The unit price that the buyer was told; refused where it changed."),
    ] = None
    override: OverrideIn | None = None


class IdentityIn(Strict):
    """The document of somebody who pays much in cash; ``kind`` is one of those in the settings."""

    kind: Annotated[str, Field(max_length=40)]
    number: IdText
    name: Annotated[str, Field(max_length=400)] = ""


class _PayParts(Strict):
    ref: Ref
    payer: Payer
    allocate: Annotated[list[AllocateLine], Field(max_length=200)] = []
    tenders: Annotated[list[TenderLine], Field(min_length=1, max_length=20)]
    overpayment: Literal["credit", "change"] | None = None
    confirm: Annotated[
        list[Annotated[str, Field(max_length=40)]],
        Field(max_length=20, description="Codes of warnings that somebody has read and overruled."),
    ] = []
    reason: Annotated[
        str | None, Field(max_length=400, description="Why a warning is overruled, where it asks for that.")
    ] = None
    identity: Annotated[
        IdentityIn | None,
        Field(description="Kept only where the cash of the day reaches the shop's threshold."),
    ] = None


class Pay(_PayParts):
    """Take a payment. Without ``allocate`` and ``lines`` the oldest due bills are paid first."""

    act: Literal["pay"]
    lines: Annotated[list[SaleLineIn], Field(max_length=100)] = []


class Sell(_PayParts):
    """Sell items and services, with bills in the same payment where ``allocate`` names some."""

    act: Literal["sell"]
    lines: Annotated[list[SaleLineIn], Field(min_length=1, max_length=100)]


class ResolveSuspense(Strict):
    """Take money out of suspense for an account: its bills in their order, or those of ``allocate``; the rest is credit."""

    ref: Ref
    act: Literal["resolve_suspense"]
    receipt: Annotated[IdText, Field(description="The receipt that the money came with.")]
    item: Annotated[
        int | None, Field(ge=1, le=999, description="Which sum, where a receipt left several.")
    ] = None
    account: IdText
    amount: Annotated[AmountText | None, Field(description="All that is left where left out.")] = None
    allocate: Annotated[list[AllocateLine], Field(max_length=200)] = []
    reason: Annotated[str, Field(max_length=400)] | None = None


class ResolveCard(BaseModel):
    """Settle a card payment of which the outcome is not known, or money that is on its way back.

    Without ``outcome`` the card terminal is asked. ``approved`` has the slip's fields beside it (those of a card tender),
    ``declined`` a ``reason``.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    __pydantic_extra__: dict[str, Annotated[str, Field(max_length=400)]] = Field(init=False)

    ref: Ref
    act: Literal["resolve_card"]
    attempt: IdText
    outcome: Literal["approved", "declined"] | None = None
    reason: Annotated[str, Field(max_length=400)] = ""


class IssueVoucher(Strict):
    """Have central issue a signed voucher. Its code is in the first answer alone; a repeated ref tells it no more."""

    ref: Ref
    act: Literal["issue_voucher"]
    value: AmountIn
    expires: Annotated[
        str, Field(max_length=10, description="Its last day in shop time, such as 2027-01-31.")
    ]
    account: Annotated[IdText | None, Field(description="The only account that may use it.")] = None
    minimum: Annotated[AmountText | None, Field(description="The least that a payment with it pays.")] = None
    combinable: Annotated[bool, Field(description="false: the only voucher of its payment.")] = True
    residual: Literal["forfeit", "credit", "new_voucher"] = "forfeit"


class DemandBill(Strict):
    """Have central make a bill of what is not billed yet on an account; it comes with the bills that central tells."""

    ref: Ref
    act: Literal["demand_bill"]
    account: IdText


PaymentAct = Pay | Sell | ResolveSuspense | ResolveCard | IssueVoucher | DemandBill


def carry_out_payment(seat: Seat, act: PaymentAct, memo: Memo) -> Answer:
    """The answer to one of them. Raises DomainError."""
    match act:
        case Pay() | Sell():
            return encode(_pay(seat, _payment_order(seat, act), memo))
        case ResolveSuspense():
            return encode(resolve_suspense(seat.desk, seat.person, _resolve_order(act), memo=memo))
        case ResolveCard():
            return encode(_resolve_card(seat, act, memo))
        case IssueVoucher():
            return _issue(seat, act, memo)
        case DemandBill():
            return encode(seat.bills_now().demand(seat.person, act.account, asked_by=act.ref, memo=memo))


def _pay(seat: Seat, order: PaymentOrder, memo: Memo) -> PaymentTaken | ChequeRegistered:
    desk, person = seat.desk, seat.person
    if is_post_dated(desk, order):
        return register_cheque(desk, person, order, memo=memo)
    vouchers = seat.vouchers if has_vouchers(desk, order) else None
    cards = seat.cards if has_cards(desk, order) else None
    try:
        if vouchers is not None:
            vouchers.reserve(person, order)
        if cards is not None:
            order = cards.ask(person, order, memo.ref)
        return take_payment(desk, person, order, memo=memo)
    except DomainError as refusal:
        if vouchers is not None:
            vouchers.let_go(order.payment_event_id)
        # What is not known yet, and what only waits for a confirmation, is wanted when the line is sent again.
        may_go_on = refusal.code == "card_outcome_unknown" or isinstance(refusal, NeedsConfirmation)
        if cards is not None and not may_go_on:
            cards.let_go(order.payment_event_id)
        raise


def _resolve_card(seat: Seat, act: ResolveCard, memo: Memo) -> CardAttempt:
    desk, person, slip = seat.desk, seat.person, dict(act.__pydantic_extra__ or {})
    if act.outcome is None:
        if seat.cards is None:
            raise Refused("card_terminal_not_connected", "No card terminal is connected. Say its outcome.")
        return seat.cards.ask_again(person, act.attempt)
    order = SettleOrder(attempt_id=act.attempt, verdict=Verdict(act.outcome), details=slip, reason=act.reason)
    return settle_by_hand(desk, person, order, memo=memo)


def _issue(seat: Seat, act: IssueVoucher, memo: Memo) -> Answer:
    require_shop_currency(seat.desk, act.value.currency)
    if seat.vouchers is None:
        raise Refused("voucher_needs_central", "Vouchers are issued by central, and this till has none.")
    order = IssueOrder(
        value=act.value.amount,
        expires=act.expires,
        account=act.account,
        minimum=act.minimum,
        combinable=act.combinable,
        residual=Residual(act.residual),
    )
    # What is remembered lacks the code: it is told once and kept nowhere.
    issued = seat.vouchers.issue(seat.person, order, asked_by=act.ref, memo=memo)
    return {**encode(issued), "code": issued.code}


def _event_of(seat: Seat, act: Pay | Sell) -> str | None:
    """The payment for which this very line, or the attempt that it names, asked the card terminal before."""
    named = [tender.attempt for tender in act.tenders if tender.attempt is not None]
    if named:
        return attempt_for(seat.desk, seat.person, named[0]).payment_event_id
    with seat.desk.till.read() as connection:
        return event_of_ref(connection, act.ref)


def _payment_order(seat: Seat, act: Pay | Sell) -> PaymentOrder:
    return PaymentOrder(
        payment_event_id=_event_of(seat, act) or new_id(seat.desk.clock, seat.desk.randomness),
        payer_kind=PayerKind(act.payer.kind),
        payer_account=act.payer.account,
        tenders=[tender_order(tender) for tender in act.tenders],
        allocate=[_wish_order(wish) for wish in act.allocate],
        lines=[_sale_order(line) for line in act.lines],
        overpayment=None if act.overpayment is None else Overpayment(act.overpayment),
        confirmed=act.confirm,
        reason=act.reason,
        identity=None
        if act.identity is None
        else IdentityOrder(kind=act.identity.kind, number=act.identity.number, name=act.identity.name),
    )


def _sale_order(line: SaleLineIn) -> SaleOrder:
    asked = line.override
    return SaleOrder(
        item=line.item,
        quantity=line.quantity,
        serials=line.serials,
        price=line.price,
        override=None if asked is None else OverrideOrder(price=asked.price, reason=asked.reason),
    )


def _wish_order(wish: AllocateLine) -> AllocateOrder:
    return AllocateOrder(
        bill=wish.bill,
        amount=wish.amount,
        account=wish.account,
        keep_as=wish.purpose,
        reference=wish.reference,
    )


def _resolve_order(act: ResolveSuspense) -> ResolveOrder:
    return ResolveOrder(
        receipt=act.receipt,
        item=act.item,
        account=act.account,
        amount=act.amount,
        allocate=[_wish_order(wish) for wish in act.allocate],
        reason=act.reason,
    )
