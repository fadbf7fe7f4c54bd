"""Every act without a screen: one JSON object a line in, one answer a line out, each ref carried out once for ever.

The same functions as the screen's. Source: interface.md section 2.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol, TypeVar

from pos.domain.arrival import refuse_cards_in
from pos.domain.errors import DomainError, NeedsConfirmation, NotAuthorised, Refused
from pos.domain.ids import new_id
from pos.domain.pan_guard import holds_card_number
from pos.domain.payment_event import Overpayment
from pos.domain.payment_mode import PayerKind
from pos.domain.role import Person, Role
from pos.domain.voucher import Residual, VoucherIssued
from pos.store.cards import CardAttempt, event_of_ref
from pos.till.approvals import Approved, approve, approve_at_the_seat, decline
from pos.till.approvals_elsewhere import Answered, ask_elsewhere, remember_asked
from pos.till.bank_receipts import (
    reject_bank_receipt,
    unblock_dealer,
    verify_bank_receipt,
)
from pos.till.cards import attempt_for, has_cards
from pos.till.cash_bags import bag_cash, open_bag
from pos.till.cash_office import (
    CountOrder,
    close_shift,
    count_shift,
    open_shift,
)
from pos.till.cheques_back import (
    REPLACE,
    RETURN,
    ReplaceOrder,
    ReturnOrder,
    receipt_of_cheque,
    replace_cheque,
    return_cheque,
)
from pos.till.clearing import ClearOrder, clear_cheques
from pos.till.commissions import settle_commission
from pos.till.correction_entry import Corrected, CorrectionOrder
from pos.till.corrections import reverse, void
from pos.till.deposit_credits import CreditOrder, confirm_deposit
from pos.till.deposits import DepositDone, cancel_deposit, deposit_cheques, lodge_deposit
from pos.till.desk import Desk, Memo, audit_refusal, note_refusals
from pos.till.dishonour_plan import BounceOrder
from pos.till.dishonours import Bounced, bounce_cheque
from pos.till.drawer_count import DeclaredOrder, ForeignCountOrder
from pos.till.due_cheques import pay_post_dated, withdraw_post_dated
from pos.till.gate import require_right
from pos.till.imports import confirm_match
from pos.till.large_cash import IdentityOrder
from pos.till.notes import write_note
from pos.till.open_bills import catch_up
from pos.till.payment_order import AllocateOrder, PaymentOrder, TenderOrder
from pos.till.people import Changes, NewPerson, add_user, change_pin, change_user, reset_pin
from pos.till.pin_tries import take_in
from pos.till.post_dated import ChequeRegistered, is_post_dated, register_cheque
from pos.till.refunds import RefundOrder, confirm_refund, refund
from pos.till.representments import CountsAgain, represent_cheque, undo_bounce
from pos.till.script_acts import (
    ACTS,
    AddUser,
    AllocateLine,
    Approve,
    AskElsewhere,
    BagCash,
    BounceCheque,
    CancelDeposit,
    ChangePin,
    ChangeUser,
    ClearCheque,
    CloseShift,
    ConfirmClock,
    ConfirmDeposit,
    ConfirmMatch,
    ConfirmRefund,
    Count,
    Decline,
    DeedAct,
    DepositCheques,
    IssueVoucher,
    Lock,
    LodgeDeposit,
    Note,
    OpenBag,
    OpenShift,
    Pay,
    PayPostDated,
    Reallocate,
    Refund,
    RejectBankReceipt,
    ReplaceCheque,
    RepresentCheque,
    ResetPin,
    ResolveCard,
    ResolveSuspense,
    ReturnCheque,
    Reverse,
    SaleLineIn,
    Sell,
    SettleCommission,
    SignIn,
    SwapTender,
    TenderLine,
    Transfer,
    UnblockDealer,
    UndoBounce,
    VerifyBankReceipt,
    Void,
    WithdrawPostDated,
    read_act,
)
from pos.till.script_answers import encode
from pos.till.selling import OverrideOrder, SaleOrder
from pos.till.settle_card import SettleOrder, Verdict, settle_by_hand
from pos.till.shop_clock import confirm_clock
from pos.till.sign_in import lock, sign_in
from pos.till.suspense import ResolveOrder, resolve_suspense
from pos.till.swaps import SwapOrder, swap_tender
from pos.till.take_payment import PaymentTaken, take_payment
from pos.till.transfers import MoveOrder, reallocate, transfer
from pos.till.voucher_issue import IssueOrder
from pos.till.vouchers import has_vouchers

LINE_MAX = 1_000_000
NO_ACT = "script"
"""As what a line is audited that names no act."""

Answer = dict[str, object]


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


Done = TypeVar("Done")


class RefundsNow(Protocol):
    """Pays back what was taken here or at another terminal, and waits for central's answer."""

    def pay_back(self, person: Person, order: RefundOrder, *, memo: Memo) -> Corrected:
        """As ``pay_back``."""
        ...

    def correct(self, person: Person, act: str, receipt: str, deed: Callable[[], Done]) -> Done:
        """As ``paid_back_elsewhere.undo``."""
        ...

    def knows_more(self, person: Person, order: BounceOrder) -> BounceOrder:
        """As ``bounce_across.with_told``."""
        ...


class ApprovalsElsewhere(Protocol):
    """Asks and answers second persons at other terminals, and waits for central's answer."""

    def answer(
        self, person: Person, central_id: str, *, declined: str | None = None, memo: Memo | None = None
    ) -> Answered:
        """As ``answer_elsewhere``."""
        ...

    def bring(self) -> None:
        """Tell central what is asked, and hear what was answered."""
        ...


class Script:
    """Carries out lines for whoever is signed in.

    ``vouchers`` None: this till has no central to check them with. ``cards`` None: no card terminal is connected.
    ``refunds`` None: only what was taken here is paid back.
    ``elsewhere`` None: no other terminal can be asked.
    """

    def __init__(
        self,
        desk: Desk,
        person: Person,
        *,
        vouchers: VouchersNow | None = None,
        cards: CardsNow | None = None,
        refunds: RefundsNow | None = None,
        elsewhere: ApprovalsElsewhere | None = None,
    ) -> None:
        self._desk = desk
        self._refunds = refunds
        self._approvals = elsewhere
        self._vouchers = vouchers
        self._cards = cards
        self.person = person
        self._locked = False

    def run_line(self, line: str) -> Answer:
        """The answer to one line. Raises StoreError only (a damaged store ends the script)."""
        raw: Any = None
        take_in(self._desk)
        try:
            raw = _parse(line)
            refuse_cards_in(raw, whole="line")
            return self._answer(raw)
        except DomainError as refusal:
            self._write_refusal(raw, refusal)
            answer: Answer = {"ref": _text(raw, "ref"), "ok": False}
            act = _text(raw, "act")
            if act in ACTS:
                answer["act"] = act
            return {**answer, "error": refusal.as_json()}

    def _write_refusal(self, raw: Any, refusal: DomainError) -> None:
        """What was refused before any deed began is one audit row too; a line that is no act is one of ``script``."""
        note_refusals(self._desk)
        if not refusal.audited:
            act = _text(raw, "act")
            deed_id = new_id(self._desk.clock, self._desk.randomness)
            named = act if act in ACTS else NO_ACT
            audit_refusal(self._desk, self.person, named, deed_id, refusal, subject=_text(raw, "ref"))

    def _answer(self, raw: Mapping[str, Any]) -> Answer:
        self._require_right(raw)
        act = read_act(raw)
        head: Answer = {"ref": act.ref, "ok": True, "act": act.act}
        if isinstance(act, Lock):
            self._remembered(act.ref, {"a lock is not remembered"})
            lock(self._desk, self.person)
            self._locked = True
            return {**head, "user": self.person.user}
        if isinstance(act, SignIn):
            self._remembered(act.ref, {"a sign-in is not remembered"})
            self.person = sign_in(self._desk, act.user, act.pin)
            self._locked = False
            must = self._desk.sessions[self.person.user].pin_is_first
            return {**head, "user": self.person.user, **({"change_pin": True} if must else {})}
        if isinstance(act, ChangePin):
            self._remembered(act.ref, {"a PIN is not remembered"})
            change_pin(self._desk, self.person, act.pin, act.new_pin)
            return {**head, "user": self.person.user}
        digest = _digest(raw, self._desk.till.keys.marks)
        known = self._remembered(act.ref, {digest, _plain_digest(raw)})
        if known is not None:
            return {**head, **known, "replayed": True}
        result = self._carry_out(act, digest)
        catch_up(self._desk)
        return {**head, **result}

    def _require_right(self, raw: Mapping[str, Any]) -> None:
        """Who may not do an act learns that first, and nothing of what it would want; whoever may sign in may try to."""
        act = raw.get("act")
        if self._locked and act != "sign_in":
            raise NotAuthorised("locked", "This session is locked. Sign in first.")
        at_the_seat = act == "approve" and "user" in raw
        if isinstance(act, str) and act in ACTS and act != "sign_in" and not at_the_seat:
            require_right(self._desk, act, self.person)

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

    def _carry_out(self, act: DeedAct, digest: str) -> Mapping[str, object]:
        desk, person = self._desk, self.person
        memo = Memo(ref=act.ref, digest=digest, encode=encode)
        match act:
            case OpenShift():
                _require_shop_currency(desk, act.float.currency)
                return encode(open_shift(desk, person, act.float.amount, memo=memo))
            case Pay() | Sell():
                return encode(self._pay(self._payment_order(act), memo))
            case ResolveCard():
                return encode(self._resolve_card(act, memo))
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
                return encode(count_shift(desk, person, order, memo=memo))
            case ResolveSuspense():
                return encode(resolve_suspense(desk, person, _resolve_order(act), memo=memo))
            case CloseShift():
                return encode(close_shift(desk, person, act.reason, memo=memo))
            case ConfirmClock():
                return encode(confirm_clock(desk, person, memo=memo))
            case VerifyBankReceipt():
                return encode(verify_bank_receipt(desk, person, act.receipt, tender=act.tender, memo=memo))
            case RejectBankReceipt():
                return encode(
                    reject_bank_receipt(desk, person, act.receipt, act.reason, tender=act.tender, memo=memo)
                )
            case UnblockDealer():
                return encode(unblock_dealer(desk, person, act.dealer, act.reason, memo=memo))
            case SettleCommission():
                return encode(settle_commission(desk, person, act.dealer, memo=memo))
            case Approve():
                return encode(self._approve(act, memo))
            case Decline() if ":" in act.request:
                return encode(self._elsewhere.answer(person, act.request, declined=act.reason, memo=memo))
            case Decline():
                return encode(decline(desk, person, act.request, act.reason, memo=memo))
            case AskElsewhere():
                asked = ask_elsewhere(desk, person, act.request)
                self._elsewhere.bring()
                return encode(remember_asked(desk, asked.request_id, memo))
            case Note():
                return encode(write_note(desk, person, act.text, about=act.about, memo=memo))
            case AddUser() | ChangeUser() | ResetPin():
                return self._person_changed(act, memo)
            case IssueVoucher():
                return self._issue(act, digest)
            case ConfirmMatch():
                return encode(confirm_match(desk, person, act.record, act.reason, memo=memo))
            case BagCash():
                return encode(bag_cash(desk, person, act.bag, act.amount, memo=memo))
            case OpenBag():
                return encode(open_bag(desk, person, act.bag, act.reason, memo=memo))
            case DepositCheques() | LodgeDeposit() | ConfirmDeposit() | CancelDeposit():
                return encode(self._bank(act, memo))
            case Void():
                undo = CorrectionOrder(receipt=act.receipt, reason=act.reason, text=act.text)
                return encode(self._undone("void", act.receipt, lambda: void(desk, person, undo, memo=memo)))
            case Reverse():
                undo = CorrectionOrder(
                    receipt=act.receipt, reason=act.reason, text=act.text, tender=act.tender
                )
                return encode(
                    self._undone("reverse", act.receipt, lambda: reverse(desk, person, undo, memo=memo))
                )
            case Refund():
                back = RefundOrder(receipt=act.receipt, amount=act.amount, reason=act.reason, text=act.text)
                if self._refunds is None:
                    return encode(refund(desk, person, back, memo=memo))
                return encode(self._refunds.pay_back(person, back, memo=memo))
            case ConfirmRefund():
                return encode(confirm_refund(desk, person, act.refund, act.reference, memo=memo))
            case Transfer():
                move = _move_order(act)
                return encode(
                    self._undone("transfer", act.receipt, lambda: transfer(desk, person, move, memo=memo))
                )
            case Reallocate():
                move = _move_order(act)
                return encode(
                    self._undone("reallocate", act.receipt, lambda: reallocate(desk, person, move, memo=memo))
                )
            case ClearCheque():
                cleared = ClearOrder(
                    cheques=act.cheques, older_than_days=act.older_than_days, left_out=act.left_out
                )
                return encode(clear_cheques(desk, person, cleared, memo=memo))
            case PayPostDated():
                return encode(pay_post_dated(desk, person, act.note, memo=memo))
            case WithdrawPostDated():
                return encode(withdraw_post_dated(desk, person, act.note, act.reason, memo=memo))
            case ReturnCheque():
                given = ReturnOrder(cheque=act.cheque, reason=act.reason, text=act.text)
                paid = receipt_of_cheque(desk, act.cheque)
                return encode(
                    self._undone(RETURN, paid, lambda: return_cheque(desk, person, given, memo=memo))
                )
            case ReplaceCheque():
                instead = ReplaceOrder(
                    back=ReturnOrder(cheque=act.cheque, reason=act.reason, text=act.text),
                    payment_event_id=new_id(desk.clock, desk.randomness),
                    tenders=[_tender_order(tender) for tender in act.tenders],
                )
                paid = receipt_of_cheque(desk, act.cheque)
                return encode(
                    self._undone(REPLACE, paid, lambda: replace_cheque(desk, person, instead, memo=memo))
                )
            case BounceCheque() | RepresentCheque() | UndoBounce():
                return encode(self._sent_back(act, memo))
            case SwapTender():
                paid_by = SwapOrder(
                    receipt=act.receipt,
                    payment_event_id=new_id(desk.clock, desk.randomness),
                    tenders=[_tender_order(tender) for tender in act.tenders],
                    reason=act.reason,
                    text=act.text,
                )
                return encode(
                    self._undone(
                        "swap_tender", act.receipt, lambda: swap_tender(desk, person, paid_by, memo=memo)
                    )
                )

    def _undone(self, act: str, receipt: str, deed: Callable[[], Done]) -> Done:
        return deed() if self._refunds is None else self._refunds.correct(self.person, act, receipt, deed)

    @property
    def _elsewhere(self) -> ApprovalsElsewhere:
        if self._approvals is None:
            raise Refused("no_central", "This till has no central: nobody at another terminal can be asked.")
        return self._approvals

    def _approve(self, act: Approve, memo: Memo) -> Approved | Answered:
        if ":" in act.request:
            return self._elsewhere.answer(self.person, act.request, memo=memo)
        if act.user is None or act.pin is None:
            return approve(self._desk, self.person, act.request, memo=memo)
        return approve_at_the_seat(self._desk, act.user, act.pin, act.request, memo=memo)

    def _person_changed(self, act: AddUser | ChangeUser | ResetPin, memo: Memo) -> Answer:
        desk, person = self._desk, self.person
        match act:
            case AddUser():
                order = NewPerson(
                    user=act.user,
                    name=act.name,
                    roles=frozenset(map(Role, act.roles)),
                    dealer=act.dealer,
                    accounts=frozenset(act.accounts),
                )
                changed = add_user(desk, person, order, memo=memo)
            case ChangeUser():
                changed = change_user(
                    desk,
                    person,
                    act.user,
                    Changes(
                        name=act.name,
                        roles=None if act.roles is None else frozenset(map(Role, act.roles)),
                        accounts=None if act.accounts is None else frozenset(act.accounts),
                        active=act.active,
                    ),
                    memo=memo,
                )
            case ResetPin():
                changed = reset_pin(desk, person, act.user, memo=memo)
        # What is remembered lacks the first PIN: it is told once and kept nowhere.
        told = {} if changed.first_pin is None else {"first_pin": changed.first_pin}
        return {**encode(changed), **told}

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
        memo = Memo(ref=act.ref, digest=digest, encode=encode)
        issued = self._vouchers.issue(self.person, order, asked_by=act.ref, memo=memo)
        return {**encode(issued), "code": issued.code}

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

    def _bank(
        self, act: DepositCheques | LodgeDeposit | ConfirmDeposit | CancelDeposit, memo: Memo
    ) -> DepositDone:
        desk, person = self._desk, self.person
        match act:
            case DepositCheques():
                return deposit_cheques(
                    desk, person, act.cheques, bags=act.bags, bank_account=act.bank_account, memo=memo
                )
            case LodgeDeposit():
                return lodge_deposit(desk, person, act.slip, act.reference, on=act.date, memo=memo)
            case ConfirmDeposit():
                told = CreditOrder(
                    amount=act.amount,
                    cheques=[(line.cheque, line.amount) for line in act.cheques],
                    on=act.date,
                    reason=act.reason,
                    cause=act.cause,
                )
                return confirm_deposit(desk, person, act.slip, told, memo=memo)
            case CancelDeposit():
                return cancel_deposit(desk, person, act.slip, act.reason, memo=memo)

    def _sent_back(
        self, act: BounceCheque | RepresentCheque | UndoBounce, memo: Memo
    ) -> Bounced | CountsAgain:
        desk, person = self._desk, self.person
        match act:
            case BounceCheque():
                order = BounceOrder(
                    cheque=act.cheque, reason=act.reason, on=act.on, text=act.text, fee=act.fee
                )
                if self._refunds is not None:
                    order = self._refunds.knows_more(person, order)
                return bounce_cheque(desk, person, order, memo=memo)
            case RepresentCheque():
                return represent_cheque(desk, person, act.cheque, text=act.text, memo=memo)
            case UndoBounce():
                return undo_bounce(desk, person, act.cheque, text=act.text, memo=memo)

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
            tenders=[_tender_order(tender) for tender in act.tenders],
            allocate=[_wish_order(wish) for wish in act.allocate],
            lines=[_sale_order(line) for line in act.lines],
            overpayment=None if act.overpayment is None else Overpayment(act.overpayment),
            confirmed=act.confirm,
            reason=act.reason,
            identity=None
            if act.identity is None
            else IdentityOrder(kind=act.identity.kind, number=act.identity.number, name=act.identity.name),
        )


def _tender_order(tender: TenderLine) -> TenderOrder:
    return TenderOrder(
        mode=tender.mode,
        amount=tender.amount,
        details=dict(tender.__pydantic_extra__ or {}),
        currency=tender.currency,
        rate=tender.rate,
        attempt=tender.attempt,
        micr=tender.micr,
        ticks=tender.ticks,
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


def _move_order(act: Transfer | Reallocate) -> MoveOrder:
    return MoveOrder(
        receipt=act.receipt,
        account=act.account,
        amount=act.amount,
        bills=[(line.bill, line.amount) for line in act.bills],
        reason=act.reason,
        text=act.text,
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


def _digest(raw: Mapping[str, Any], key: bytes) -> str:
    """What makes two lines the same act, keyed: a line may hold a card's PIN, which must not be found by trying."""
    return hmac.new(key, _canonical(raw), hashlib.sha256).hexdigest()


def _plain_digest(raw: Mapping[str, Any]) -> str:
    """As lines were remembered before their digests were keyed."""
    return hashlib.sha256(_canonical(raw)).hexdigest()


def _canonical(raw: Mapping[str, Any]) -> bytes:
    """A person's PIN is no part of it: not even its digest is kept."""
    shown = {name: value for name, value in raw.items() if name not in ("pin", "new_pin")}
    canonical = json.dumps(shown, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return canonical.encode("utf-8", "surrogatepass")


def _text(raw: Any, name: str) -> str | None:
    value = raw.get(name) if isinstance(raw, dict) else None
    if not isinstance(value, str) or not value.isprintable() or holds_card_number(value):
        return None
    return value[:200]


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
