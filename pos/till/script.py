"""Every act without a screen: one JSON object a line in, one answer a line out, each ref carried out once for ever.

The same functions as the screen's. The models here are the published schema of the acts. Source: interface.md section 2.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from pos.domain.bank_receipt import RejectReason
from pos.domain.errors import DomainError, NeedsConfirmation, Refused
from pos.domain.foreign_cash import ForeignClosing
from pos.domain.ids import new_id
from pos.domain.pan_guard import holds_card_number, refuse_card_number
from pos.domain.payment_event import Overpayment
from pos.domain.payment_mode import PayerKind, Purpose
from pos.domain.receipt import AllocationLine, CommissionFacts, ReceiptFacts, SaleLine
from pos.domain.receipt import TenderLine as PaidTender
from pos.domain.role import Person
from pos.domain.voucher import Residual, VoucherIssued
from pos.store.cards import CardAttempt, event_of_ref
from pos.till.bank_receipts import (
    BankReceiptDecided,
    DealerUnblocked,
    reject_bank_receipt,
    unblock_dealer,
    verify_bank_receipt,
)
from pos.till.cards import attempt_for, has_cards
from pos.till.cash_office import (
    Counted,
    CountOrder,
    ShiftClosed,
    ShiftOpened,
    TrustClosed,
    close_shift,
    count_shift,
    open_shift,
)
from pos.till.commissions import CommissionSettled, settle_commission
from pos.till.desk import Desk, Memo
from pos.till.drawer_count import DeclaredOrder, ForeignCountOrder
from pos.till.imports import RecordOutcome, confirm_match
from pos.till.large_cash import IdentityOrder
from pos.till.open_bills import catch_up
from pos.till.post_dated import ChequeRegistered, is_post_dated, register_cheque
from pos.till.selling import OverrideOrder, SaleOrder
from pos.till.settle_card import SettleOrder, Verdict, settle_by_hand
from pos.till.shop_clock import ClockConfirmed, confirm_clock
from pos.till.sign_in import sign_in
from pos.till.suspense import ResolveOrder, SuspenseResolved, resolve_suspense
from pos.till.take_payment import (
    AllocateOrder,
    PaymentOrder,
    PaymentTaken,
    TenderOrder,
    take_payment,
)
from pos.till.voucher_issue import IssueOrder
from pos.till.vouchers import has_vouchers

LINE_MAX = 1_000_000

ACTS = frozenset(
    "open_shift pay sell void reverse refund approve transfer reallocate swap_tender deposit_cheques lodge_deposit "
    "confirm_deposit clear_cheque bounce_cheque represent_cheque replace_cheque return_cheque verify_bank_receipt "
    "reject_bank_receipt unblock_dealer settle_commission resolve_suspense resolve_card resolve_conflict confirm_match "
    "issue_voucher mandate paid_in paid_out pickup loan no_sale hand_over accept_hand_over count close_shift close_day "
    "sign_in lock note add_user change_user reset_pin confirm_clock".split()
)
"""The names that are fixed; those this version cannot do yet answer ``act_not_yet_available``."""

AmountText = Annotated[str, Field(max_length=24, description="Decimal text, such as 41.750, with a point.")]
IdText = Annotated[str, Field(max_length=160)]
CurrencyCode = Annotated[
    str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217; the shop's own where left out.")
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class AmountIn(_Strict):
    """An amount; ``currency`` defaults to the shop's."""

    amount: AmountText
    currency: CurrencyCode | None = None


class Payer(_Strict):
    """Who hands over the money."""

    kind: Literal["subscriber", "dealer", "walk_in"]
    account: Annotated[IdText | None, Field(description="Left out for a walk-in buyer.")] = None


class AllocateLine(_Strict):
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


class OverrideIn(_Strict):
    """Another unit price than the item's, by whoever may change one, and why (a code of ``[items] override_reasons``)."""

    price: AmountText
    reason: Annotated[str, Field(max_length=40)]


class SaleLineIn(_Strict):
    """An item on sale, by its code or bar code; one serial number for each piece where the item has them."""

    item: IdText
    quantity: Annotated[int, Field(ge=1, le=999)] = 1
    serials: Annotated[list[IdText], Field(max_length=999)] = []
    price: Annotated[
        AmountText | None,
        Field(description="The unit price that the buyer was told; refused where it changed."),
    ] = None
    override: OverrideIn | None = None


class TenderLine(BaseModel):
    """One instrument. Beside mode and amount it holds the mode's own fields (config/payment_modes.toml), as texts.

    A card without any of them is asked for at the connected card terminal.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    __pydantic_extra__: dict[str, Annotated[str, Field(max_length=400)]] = Field(init=False)

    mode: Annotated[str, Field(max_length=40)]
    amount: AmountText
    currency: CurrencyCode | None = None
    rate: Annotated[
        str | None,
        Field(
            max_length=24,
            description="What the payer was told that one unit of another currency is worth; refused where it changed.",
        ),
    ] = None
    attempt: Annotated[
        IdText | None, Field(description="A card payment that the connected terminal approved before.")
    ] = None
    micr: Annotated[
        str, Field(max_length=400, description="A cheque's MICR line as its reader sent it, for its fields.")
    ] = ""
    ticks: Annotated[
        list[Annotated[str, Field(max_length=40)]],
        Field(max_length=20, description="What was looked at on a third party's cheque."),
    ] = []


class ChequeCount(_Strict):
    """How many cheques were counted and what they sum to."""

    count: Annotated[int, Field(ge=0, le=100_000)]
    amount: AmountText


Ref = Annotated[
    str, Field(min_length=1, max_length=200, description="Chosen by the caller; carried out once for ever.")
]


class ForeignCount(_Strict):
    """Cash of another currency, counted in that currency."""

    amount: AmountText
    currency: CurrencyCode


class DeclaredLine(_Strict):
    """Cash that is no good, in the shop's currency; ``kind`` is one of those in the settings."""

    kind: Annotated[str, Field(max_length=40)]
    amount: AmountText


class OpenShift(_Strict):
    """Open the signed-in person's shift with a float."""

    ref: Ref
    act: Literal["open_shift"]
    float: AmountIn


class IdentityIn(_Strict):
    """The document of somebody who pays much in cash; ``kind`` is one of those in the settings."""

    kind: Annotated[str, Field(max_length=40)]
    number: IdText
    name: Annotated[str, Field(max_length=400)] = ""


class _PayParts(_Strict):
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


class ResolveSuspense(_Strict):
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


class Count(_Strict):
    """Count the drawer, blind. The answer never tells what was expected."""

    ref: Ref
    act: Literal["count"]
    cash: AmountIn
    cheques: ChequeCount = ChequeCount(count=0, amount="0")
    foreign: Annotated[list[ForeignCount], Field(max_length=50)] = []
    declared: Annotated[
        list[DeclaredLine], Field(max_length=50, description="Counted apart, beside cash: no shortage.")
    ] = []
    trust: Annotated[
        AmountIn | None, Field(description="Bill money in a dealer's own till, counted apart from cash.")
    ] = None


class CloseShift(_Strict):
    """Close the shift with its last count; ``reason`` where it differs."""

    ref: Ref
    act: Literal["close_shift"]
    reason: Annotated[str, Field(max_length=400)] | None = None


class ConfirmClock(_Strict):
    """Confirm that the till's clock is right though the last deed was later by it; a supervisor or the back office."""

    ref: Ref
    act: Literal["confirm_clock"]


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


class VerifyBankReceipt(_Strict):
    """The bank has the money of a dealer's bank receipt. ``tender``: which, where a payment had several, from 1."""

    ref: Ref
    act: Literal["verify_bank_receipt"]
    receipt: IdText
    tender: Annotated[int | None, Field(ge=1, le=20)] = None


class RejectBankReceipt(_Strict):
    """The bank does not bear a dealer's bank receipt out: its money is the dealer's debt."""

    ref: Ref
    act: Literal["reject_bank_receipt"]
    receipt: IdText
    tender: Annotated[int | None, Field(ge=1, le=20)] = None
    reason: Annotated[str, Field(max_length=40, description=", ".join(RejectReason))]


class UnblockDealer(_Strict):
    """Settle a dealer's rejected bank receipts, so that others are taken again."""

    ref: Ref
    act: Literal["unblock_dealer"]
    dealer: IdText
    reason: Annotated[str, Field(max_length=400)]


class ConfirmMatch(_Strict):
    """A record of a bank's file and the slip that differs from it are one payment; ``record`` as ``pos import`` told it."""

    ref: Ref
    act: Literal["confirm_match"]
    record: Annotated[str, Field(max_length=64)]
    reason: Annotated[str, Field(max_length=400)] | None = None


class SignIn(_Strict):
    """Change who is signed in. The PIN is never stored or echoed."""

    ref: Ref
    act: Literal["sign_in"]
    user: Annotated[str, Field(max_length=12)]
    pin: Annotated[str, Field(max_length=40)]


class SettleCommission(_Strict):
    """Credit a dealer's account with the commission that is owed, of payments whose money is sure."""

    ref: Ref
    act: Literal["settle_commission"]
    dealer: IdText


class IssueVoucher(_Strict):
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


_Deed = (
    OpenShift
    | Pay
    | Sell
    | ResolveCard
    | ResolveSuspense
    | Count
    | CloseShift
    | ConfirmClock
    | VerifyBankReceipt
    | RejectBankReceipt
    | UnblockDealer
    | SettleCommission
    | IssueVoucher
    | ConfirmMatch
)
Act = Annotated[_Deed | SignIn, Field(discriminator="act")]
_ACT: TypeAdapter[_Deed | SignIn] = TypeAdapter(Act)

Answer = dict[str, object]


def act_schema() -> dict[str, Any]:
    """The JSON schema of every act, from the models that parse them."""
    return _ACT.json_schema(ref_template="#/$defs/{model}")


class VouchersNow(Protocol):
    """Has vouchers held at central, and waits for the answer: a script takes one line after the other."""

    def reserve(self, person: Person, order: PaymentOrder) -> None:
        """As ``reserve_vouchers``."""
        ...

    def let_go(self, payment_event_id: str) -> None:
        """As ``let_go``."""
        ...

    def issue(self, person: Person, order: IssueOrder, *, asked_by: str, memo: Memo) -> VoucherIssued:
        """As ``issue_voucher``."""
        ...


class CardsNow(Protocol):
    """Asks the connected card terminal, and waits for its answer."""

    def ask(self, person: Person, order: PaymentOrder, ref: str) -> PaymentOrder:
        """As ``ask_cards``."""
        ...

    def ask_again(self, person: Person, attempt_id: str) -> CardAttempt:
        """As ``ask_again``."""
        ...

    def let_go(self, payment_event_id: str) -> None:
        """As ``let_go_cards``."""
        ...


class Script:
    """Carries out lines for whoever is signed in.

    ``vouchers`` None: this till has no central to check them with. ``cards`` None: no card terminal is connected.
    """

    def __init__(
        self,
        desk: Desk,
        person: Person,
        *,
        vouchers: VouchersNow | None = None,
        cards: CardsNow | None = None,
    ) -> None:
        self._desk = desk
        self._vouchers = vouchers
        self._cards = cards
        self.person = person

    def run_line(self, line: str) -> Answer:
        """The answer to one line. Raises StoreError only (a damaged store ends the script)."""
        raw: Any = None
        try:
            raw = _parse(line)
            return self._answer(raw)
        except DomainError as refusal:
            answer: Answer = {"ref": _text(raw, "ref"), "ok": False}
            act = _text(raw, "act")
            if act in ACTS:
                answer["act"] = act
            return {**answer, "error": refusal.as_json()}

    def _answer(self, raw: Mapping[str, Any]) -> Answer:
        act = _read_act(raw)
        head: Answer = {"ref": act.ref, "ok": True, "act": act.act}
        if isinstance(act, SignIn):
            self._remembered(act.ref, {"a sign-in is not remembered"})
            self.person = sign_in(self._desk, act.user, act.pin)
            return {**head, "user": self.person.user}
        digest = _digest(raw, self._desk.till.chain_key)
        known = self._remembered(act.ref, {digest, _plain_digest(raw)})
        if known is not None:
            return {**head, **known, "replayed": True}
        result = self._carry_out(act, digest)
        catch_up(self._desk)
        return {**head, **result}

    def _remembered(self, ref: str, digests: Collection[str]) -> Answer | None:
        with self._desk.till.read() as connection:
            row = connection.exec_driver_sql(
                "SELECT body_digest, result_json FROM script_ref WHERE ref = ?", (ref,)
            ).first()
        if row is None:
            return None
        if row[0] not in digests:
            raise Refused("ref_reused", "This ref was used for another act. Choose a new one.")
        found: Answer = json.loads(row[1])
        return found

    def _carry_out(self, act: _Deed, digest: str) -> Mapping[str, object]:
        desk, person = self._desk, self.person
        memo = Memo(ref=act.ref, digest=digest, encode=_encode)
        match act:
            case OpenShift():
                _require_shop_currency(desk, act.float.currency)
                return _encode(open_shift(desk, person, act.float.amount, memo=memo))
            case Pay() | Sell():
                return _encode(self._pay(self._payment_order(act), memo))
            case ResolveCard():
                return _encode(self._resolve_card(act, memo))
            case Count():
                _require_shop_currency(desk, act.cash.currency)
                if act.trust is not None:
                    _require_shop_currency(desk, act.trust.currency)
                order = CountOrder(
                    cash=act.cash.amount,
                    cheque_count=act.cheques.count,
                    cheques=act.cheques.amount,
                    foreign=[
                        ForeignCountOrder(currency=one.currency, amount=one.amount) for one in act.foreign
                    ],
                    declared=[DeclaredOrder(kind=one.kind, amount=one.amount) for one in act.declared],
                    trust=None if act.trust is None else act.trust.amount,
                )
                return _encode(count_shift(desk, person, order, memo=memo))
            case ResolveSuspense():
                return _encode(resolve_suspense(desk, person, _resolve_order(act), memo=memo))
            case CloseShift():
                return _encode(close_shift(desk, person, act.reason, memo=memo))
            case ConfirmClock():
                return _encode(confirm_clock(desk, person, memo=memo))
            case VerifyBankReceipt():
                return _encode(verify_bank_receipt(desk, person, act.receipt, tender=act.tender, memo=memo))
            case RejectBankReceipt():
                return _encode(
                    reject_bank_receipt(desk, person, act.receipt, act.reason, tender=act.tender, memo=memo)
                )
            case UnblockDealer():
                return _encode(unblock_dealer(desk, person, act.dealer, act.reason, memo=memo))
            case SettleCommission():
                return _encode(settle_commission(desk, person, act.dealer, memo=memo))
            case IssueVoucher():
                return self._issue(act, digest)
            case ConfirmMatch():
                return _encode(confirm_match(desk, person, act.record, act.reason, memo=memo))

    def _issue(self, act: IssueVoucher, digest: str) -> Answer:
        _require_shop_currency(self._desk, act.value.currency)
        if self._vouchers is None:
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
        memo = Memo(ref=act.ref, digest=digest, encode=_encode)
        issued = self._vouchers.issue(self.person, order, asked_by=act.ref, memo=memo)
        return {**_encode(issued), "code": issued.code}

    def _pay(self, order: PaymentOrder, memo: Memo) -> PaymentTaken | ChequeRegistered:
        desk, person = self._desk, self.person
        if is_post_dated(desk, order):
            return register_cheque(desk, person, order, memo=memo)
        vouchers = self._vouchers if has_vouchers(desk, order) else None
        cards = self._cards if has_cards(desk, order) else None
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

    def _resolve_card(self, act: ResolveCard, memo: Memo) -> CardAttempt:
        desk, person, slip = self._desk, self.person, dict(act.__pydantic_extra__ or {})
        if act.outcome is None:
            if self._cards is None:
                raise Refused(
                    "card_terminal_not_connected", "No card terminal is connected. Say its outcome."
                )
            return self._cards.ask_again(person, act.attempt)
        order = SettleOrder(
            attempt_id=act.attempt, verdict=Verdict(act.outcome), details=slip, reason=act.reason
        )
        return settle_by_hand(desk, person, order, memo=memo)

    def _event_of(self, act: Pay | Sell) -> str | None:
        """The payment for which this very line, or the attempt that it names, asked the card terminal before."""
        named = [tender.attempt for tender in act.tenders if tender.attempt is not None]
        if named:
            return attempt_for(self._desk, self.person, named[0]).payment_event_id
        with self._desk.till.read() as connection:
            return event_of_ref(connection, act.ref)

    def _payment_order(self, act: Pay | Sell) -> PaymentOrder:
        return PaymentOrder(
            payment_event_id=self._event_of(act) or new_id(self._desk.clock, self._desk.randomness),
            payer_kind=PayerKind(act.payer.kind),
            payer_account=act.payer.account,
            tenders=[
                TenderOrder(
                    mode=tender.mode,
                    amount=tender.amount,
                    details=dict(tender.__pydantic_extra__ or {}),
                    currency=tender.currency,
                    rate=tender.rate,
                    attempt=tender.attempt,
                    micr=tender.micr,
                    ticks=tender.ticks,
                )
                for tender in act.tenders
            ],
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


def _require_shop_currency(desk: Desk, code: str | None) -> None:
    if code is not None and code != desk.identity.currency.code:
        raise Refused("currency_not_taken", f"This till takes {desk.identity.currency} only.", currency=code)


def _parse(line: str) -> Any:
    if len(line) > LINE_MAX:
        raise Refused("bad_line", "The line is too long.")
    try:
        raw = json.loads(line, object_pairs_hook=_no_doubles, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refused("bad_line", "This line is not one JSON object.") from None
    if not isinstance(raw, dict):
        raise Refused("bad_line", "This line is not one JSON object.")
    return raw


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(text)


def _read_act(raw: Mapping[str, Any]) -> _Deed | SignIn:
    name = raw.get("act")
    if isinstance(name, str) and name in ACTS and name not in _DONE:
        raise Refused("act_not_yet_available", "This version cannot do this act yet.")
    try:
        act = _ACT.validate_python(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "act"
        wrong = "this program knows no such act" if first["type"] == "union_tag_invalid" else first["msg"]
        raise Refused("bad_line", f"{where}: {wrong}", field=where) from None
    refuse_card_number(act.ref, field="ref")
    if act.ref != act.ref.strip() or not act.ref.isprintable():
        raise Refused("bad_line", "ref: plain printable text without blanks at its ends.", field="ref")
    return act


_DONE = frozenset(
    (
        "open_shift",
        "pay",
        "sell",
        "resolve_card",
        "resolve_suspense",
        "count",
        "close_shift",
        "confirm_clock",
        "confirm_match",
        "issue_voucher",
        "verify_bank_receipt",
        "reject_bank_receipt",
        "unblock_dealer",
        "settle_commission",
        "sign_in",
    )
)


def _digest(raw: Mapping[str, Any], key: bytes) -> str:
    """What makes two lines the same act, keyed: a line may hold a card's PIN, which must not be found by trying."""
    return hmac.new(key, _canonical(raw), hashlib.sha256).hexdigest()


def _plain_digest(raw: Mapping[str, Any]) -> str:
    """As lines were remembered before their digests were keyed."""
    return hashlib.sha256(_canonical(raw)).hexdigest()


def _canonical(raw: Mapping[str, Any]) -> bytes:
    """A person's PIN is no part of it: not even its digest is kept."""
    shown = {name: value for name, value in raw.items() if name != "pin"}
    canonical = json.dumps(shown, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return canonical.encode("utf-8", "surrogatepass")


def _text(raw: Any, name: str) -> str | None:
    value = raw.get(name) if isinstance(raw, dict) else None
    if not isinstance(value, str) or not value.isprintable() or holds_card_number(value):
        return None
    return value[:200]


def _encode(outcome: object) -> Mapping[str, object]:
    """An outcome as the script's answer: money as decimal text beside its currency."""
    match outcome:
        case ShiftOpened():
            return {
                "shift": outcome.shift_id,
                "number": outcome.number,
                "business_date": outcome.business_date.isoformat(),
                "float": outcome.float_.plain(),
                "currency": outcome.float_.currency.code,
            }
        case PaymentTaken():
            return _encode_payment(outcome)
        case RecordOutcome():
            return _encode_record(outcome)
        case ClockConfirmed():
            return {"clock": outcome.at.isoformat(timespec="seconds")}
        case CardAttempt():
            return _encode_attempt(outcome)
        case ChequeRegistered():
            return _encode_registered(outcome)
        case Counted():
            return {"shift": outcome.shift_id, "count": outcome.number}
        case SuspenseResolved():
            return {
                "transfer": outcome.transfer_id,
                "receipt": outcome.receipt_number,
                "account": outcome.account,
                "amount": outcome.amount.plain(),
                "left": outcome.left.plain(),
                "currency": outcome.amount.currency.code,
                "allocations": [
                    {"account": part.account, "bill": part.bill_no, "amount": part.amount.plain()}
                    for part in outcome.parts
                ],
            }
        case ShiftClosed():
            return {
                "shift": outcome.shift_id,
                "number": outcome.number,
                "business_date": outcome.business_date.isoformat(),
                "payments": outcome.payments,
                "float": outcome.float_.plain(),
                "expected_cash": outcome.expected_cash.plain(),
                "counted_cash": outcome.counted_cash.plain(),
                "over_short": outcome.over_short.plain(),
                "currency": outcome.float_.currency.code,
                "declared": [{"kind": line.kind, "amount": line.amount.plain()} for line in outcome.declared],
                "foreign": [_encode_foreign(one) for one in outcome.foreign],
                "taken": [
                    {"mode": part.mode, "count": part.count, "amount": part.amount.plain()}
                    for part in outcome.taken
                ],
                **({} if outcome.trust is None else {"trust": _encode_trust(outcome.trust)}),
            }
        case VoucherIssued():
            terms = outcome.terms
            return {
                "serial": outcome.serial,
                "value": terms.value.plain(),
                "currency": terms.value.currency.code,
                "expires": terms.expires.isoformat(),
                "minimum": None if terms.minimum is None else terms.minimum.plain(),
                "combinable": terms.combinable,
                "residual": str(terms.residual),
            }
        case BankReceiptDecided(receipt=decided):
            return {
                "receipt": decided.receipt_number,
                "tender": decided.place,
                "dealer": decided.dealer,
                "state": str(decided.state),
                "amount": decided.amount.plain(),
                "currency": decided.amount.currency.code,
            }
        case DealerUnblocked():
            return {"dealer": outcome.dealer, "settled": outcome.settled}
        case CommissionSettled():
            return {
                "settlement": outcome.settlement_id,
                "dealer": outcome.dealer,
                "lines": outcome.lines,
                "commission": outcome.commission.plain(),
                "withheld": outcome.withheld.plain(),
                "currency": outcome.commission.currency.code,
            }
        case _:
            raise AssertionError("every outcome of a script's act is written above")


def _encode_commission(earned: CommissionFacts) -> Mapping[str, object]:
    return {
        "gross": earned.gross.plain(),
        "commission": earned.commission.plain(),
        "withheld": earned.withheld.plain(),
        "deducted": earned.deducted.plain(),
        "at": earned.at,
        "paid": earned.settlement,
    }


def _encode_trust(trust: TrustClosed) -> Mapping[str, object]:
    return {
        "expected": trust.expected.plain(),
        "counted": trust.counted.plain(),
        "over_short": trust.over_short.plain(),
    }


def _encode_foreign(closing: ForeignClosing) -> Mapping[str, object]:
    """``expected`` and ``counted`` in the currency itself, the rest in the shop's."""
    return {
        "currency": closing.expected.currency.code,
        "expected": closing.expected.plain(),
        "counted": closing.counted.plain(),
        "rate": closing.rate,
        "rate_source": closing.source,
        "value": closing.value.plain(),
        "over_short": closing.over_short.plain(),
        "exchange_difference": closing.exchange.plain(),
    }


def _encode_tender(tender: PaidTender) -> Mapping[str, object]:
    told: dict[str, object] = {"mode": tender.mode, "amount": tender.amount.plain()}
    if tender.foreign is not None:
        told["foreign"] = {
            "amount": tender.foreign.amount.plain(),
            "currency": tender.foreign.amount.currency.code,
            "rate": tender.foreign.rate,
            "rate_source": tender.foreign.source,
        }
    return told


def _encode_registered(outcome: ChequeRegistered) -> Mapping[str, object]:
    facts = outcome.note
    return {
        "post_dated": True,
        "receipt": facts.receipt_number,
        "date": outcome.dated.isoformat(),
        "amount": facts.total.plain(),
        "currency": facts.total.currency.code,
        "allocations": [
            {"account": part.account, "bill": part.bill_no, "amount": part.amount.plain()}
            for part in facts.allocations
        ],
    }


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


def _encode_apart(part: AllocationLine) -> Mapping[str, object]:
    """How money on account is kept, and what was cleared with a bill."""
    found: dict[str, object] = {}
    if part.bill_no is None and part.kept_as != Purpose.ACCOUNT:
        found["as"] = part.kept_as
    if part.written_off is not None:
        found["written_off"] = part.written_off.plain()
    return found


def _encode_left_out(facts: ReceiptFacts) -> Mapping[str, object]:
    """What was open and was not asked for, where something was."""
    rows = [
        {"bill": part.bill_no, "reason": part.reason, "amount": part.amount.plain()}
        for part in facts.left_out
    ]
    return {"left_out": rows} if rows else {}


def _encode_record(outcome: RecordOutcome) -> Mapping[str, object]:
    return {
        "record": outcome.record_id,
        "state": str(outcome.state),
        "receipt": outcome.receipt,
        "amount": outcome.amount.plain(),
        "currency": outcome.amount.currency.code,
    }


def _encode_payment(outcome: PaymentTaken) -> Mapping[str, object]:
    facts = outcome.receipt
    return {
        "payment_event": outcome.payment_event_id,
        "receipt": facts.receipt_number,
        "amount": facts.total.plain(),
        "change": facts.change.plain(),
        "credit": facts.credit.plain(),
        "currency": facts.total.currency.code,
        "allocations": [
            {
                "account": part.account,
                "bill": part.bill_no,
                "amount": part.amount.plain(),
                "open": None if part.open_after is None else part.open_after.plain(),
                **_encode_apart(part),
            }
            for part in facts.allocations
        ],
        **_encode_left_out(facts),
        "tenders": [_encode_tender(tender) for tender in facts.tenders],
        "lines": [
            {
                "item": line.item,
                "quantity": line.quantity,
                "price": line.unit_price.plain(),
                "amount": line.amount.plain(),
                "tax": line.tax.plain(),
                "serials": list(line.serials),
                **_overridden(line),
            }
            for line in facts.sale
        ],
        "provisional": bool(facts.provisional),
        **({"warnings": list(outcome.warnings)} if outcome.warnings else {}),
    }


def _overridden(line: SaleLine) -> Mapping[str, object]:
    if line.list_price is None:
        return {}
    return {"list_price": line.list_price.plain(), "reason": line.reason}


def _encode_attempt(attempt: CardAttempt) -> Mapping[str, object]:
    return {
        "attempt": attempt.attempt_id,
        "payment_event": attempt.payment_event_id,
        "state": str(attempt.state),
        "mode": attempt.mode,
        "amount": attempt.amount.plain(),
        "currency": attempt.amount.currency.code,
        "card_terminal": attempt.card_terminal,
        "reason": attempt.reason or None,
    }
