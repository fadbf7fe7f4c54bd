"""The acts of a script: the published schema of each, and reading one. Source: interface.md section 2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from pos.domain.arrival import field_named
from pos.domain.bank_receipt import RejectReason
from pos.domain.correction import CorrectionReason
from pos.domain.errors import Refused
from pos.domain.payment_mode import Purpose

ACTS = frozenset(
    "open_shift pay sell void reverse refund approve transfer reallocate swap_tender deposit_cheques lodge_deposit "
    "pay_post_dated withdraw_post_dated bag_cash open_bag undo_bounce "
    "cancel_deposit confirm_deposit clear_cheque bounce_cheque represent_cheque replace_cheque return_cheque "
    "verify_bank_receipt reject_bank_receipt unblock_dealer settle_commission resolve_suspense resolve_card "
    "resolve_conflict confirm_match issue_voucher mandate paid_in paid_out pickup loan no_sale hand_over "
    "accept_hand_over count close_shift close_day sign_in change_pin lock note decline ask_elsewhere confirm_refund "
    "add_user change_user reset_pin confirm_clock".split()
)
"""The names that are fixed; those this version cannot do yet answer ``act_not_yet_available``."""

AmountText = Annotated[str, Field(max_length=24, description="Decimal text, such as 41.750, with a point.")]

IdText = Annotated[str, Field(max_length=160)]

CurrencyCode = Annotated[
    str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217; the shop's own where left out.")
]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class AmountIn(Strict):
    """An amount; ``currency`` defaults to the shop's."""

    amount: AmountText
    currency: CurrencyCode | None = None


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


class ChequeCount(Strict):
    """How many cheques were counted and what they sum to."""

    count: Annotated[int, Field(ge=0, le=100_000)]
    amount: AmountText


Ref = Annotated[
    str, Field(min_length=1, max_length=200, description="Chosen by the caller; carried out once for ever.")
]


class ForeignCount(Strict):
    """Cash of another currency, counted in that currency."""

    amount: AmountText
    currency: CurrencyCode


class DeclaredLine(Strict):
    """Cash that is no good, in the shop's currency; ``kind`` is one of those in the settings."""

    kind: Annotated[str, Field(max_length=40)]
    amount: AmountText


class OpenShift(Strict):
    """Open the signed-in person's shift with a float."""

    ref: Ref
    act: Literal["open_shift"]
    float: AmountIn


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


class Count(Strict):
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


class CloseShift(Strict):
    """Close the shift with its last count; ``reason`` where it differs."""

    ref: Ref
    act: Literal["close_shift"]
    reason: Annotated[str, Field(max_length=400)] | None = None


class ConfirmClock(Strict):
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


class VerifyBankReceipt(Strict):
    """The bank has the money of a dealer's bank receipt. ``tender``: which, where a payment had several, from 1."""

    ref: Ref
    act: Literal["verify_bank_receipt"]
    receipt: IdText
    tender: Annotated[int | None, Field(ge=1, le=20)] = None


class RejectBankReceipt(Strict):
    """The bank does not bear a dealer's bank receipt out: its money is the dealer's debt."""

    ref: Ref
    act: Literal["reject_bank_receipt"]
    receipt: IdText
    tender: Annotated[int | None, Field(ge=1, le=20)] = None
    reason: Annotated[str, Field(max_length=40, description=", ".join(RejectReason))]


class UnblockDealer(Strict):
    """Settle a dealer's rejected bank receipts, so that others are taken again."""

    ref: Ref
    act: Literal["unblock_dealer"]
    dealer: IdText
    reason: Annotated[str, Field(max_length=400)]


class ConfirmMatch(Strict):
    """A record of a bank's file and the slip that differs from it are one payment; ``record`` as ``pos import`` told it."""

    ref: Ref
    act: Literal["confirm_match"]
    record: Annotated[str, Field(max_length=64)]
    reason: Annotated[str, Field(max_length=400)] | None = None


class SignIn(Strict):
    """Change who is signed in. The PIN is never stored or echoed."""

    ref: Ref
    act: Literal["sign_in"]
    user: Annotated[str, Field(max_length=12)]
    pin: Annotated[str, Field(max_length=40)]


class ChangePin(Strict):
    """Choose another PIN for oneself; neither is stored or echoed. A first PIN opens nothing else."""

    ref: Ref
    act: Literal["change_pin"]
    pin: Annotated[str, Field(max_length=40, description="The PIN that there is.")]
    new_pin: Annotated[str, Field(max_length=40)]


class Approve(Strict):
    """Approve what another asked for: the signed-in person does, or at the seat whoever gives ``user`` and ``pin``.

    What another terminal asks for (T2:1:R-7) only the signed-in person does.
    """

    ref: Ref
    act: Literal["approve"]
    request: Annotated[str, Field(max_length=100)]
    user: Annotated[str, Field(max_length=12)] | None = None
    pin: Annotated[str, Field(max_length=40)] | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Approve:
        if (self.user is None) is not (self.pin is None):
            raise ValueError("user and pin go together")
        if self.user is not None and ":" in self.request:
            raise ValueError("sign in to answer another terminal")
        return self


class AskElsewhere(Strict):
    """Show the own request at other terminals too, and hear how it stands."""

    ref: Ref
    act: Literal["ask_elsewhere"]
    request: Annotated[str, Field(max_length=20)]


class Decline(Strict):
    """Say no to what another asked for, with a reason."""

    ref: Ref
    act: Literal["decline"]
    request: Annotated[str, Field(max_length=100)]
    reason: Annotated[str, Field(max_length=400)]


class Lock(Strict):
    """Lock the session: nothing more is done before ``sign_in``."""

    ref: Ref
    act: Literal["lock"]


class Note(Strict):
    """Keep a note among the audit rows; ``about``: a receipt, an account, a bill."""

    ref: Ref
    act: Literal["note"]
    text: Annotated[str, Field(max_length=400)]
    about: IdText | None = None


RoleIn = Literal["cashier", "supervisor", "dealer", "back_office", "admin", "auditor"]
UserIn = Annotated[str, Field(pattern=r"^[0-9]{3,12}$")]


class AddUser(Strict):
    """Add a person to this terminal's roster. The answer tells the first PIN once; a repeated ref tells it no more."""

    ref: Ref
    act: Literal["add_user"]
    user: UserIn
    name: Annotated[str, Field(max_length=200)]
    roles: Annotated[list[RoleIn], Field(min_length=1, max_length=6)]
    dealer: IdText | None = None
    accounts: Annotated[list[IdText], Field(max_length=20)] = []


class ChangeUser(Strict):
    """Change a person of the roster: what is left out stays. ``active`` false: nothing more is done by them."""

    ref: Ref
    act: Literal["change_user"]
    user: UserIn
    name: Annotated[str, Field(max_length=200)] | None = None
    roles: Annotated[list[RoleIn], Field(min_length=1, max_length=6)] | None = None
    accounts: Annotated[list[IdText], Field(max_length=20)] | None = None
    active: bool | None = None


class ResetPin(Strict):
    """Give a person a first PIN again, told once in the answer; it opens nothing but the choice of another."""

    ref: Ref
    act: Literal["reset_pin"]
    user: UserIn


class SettleCommission(Strict):
    """Credit a dealer's account with the commission that is owed, of payments whose money is sure."""

    ref: Ref
    act: Literal["settle_commission"]
    dealer: IdText


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


class BagCash(Strict):
    """Seal cash of the safe into a bag; ``bag`` is the number printed on it."""

    ref: Ref
    act: Literal["bag_cash"]
    bag: IdText
    amount: AmountText


class OpenBag(Strict):
    """Open a bag that is on no deposit slip: its cash is loose in the safe again."""

    ref: Ref
    act: Literal["open_bag"]
    bag: IdText
    reason: Annotated[str, Field(max_length=400)]


class DepositCheques(Strict):
    """Put cheques and bags of cash on a deposit slip; without ``cheques`` and ``bags`` all that may go, the oldest first."""

    ref: Ref
    act: Literal["deposit_cheques"]
    cheques: Annotated[
        list[IdText] | None,
        Field(min_length=1, max_length=200, description="Ids of v_cheque, or receipts of their payments."),
    ] = None
    bags: Annotated[
        list[IdText] | None, Field(min_length=1, max_length=50, description="Numbers of sealed bags of cash.")
    ] = None
    bank_account: Annotated[
        str | None,
        Field(max_length=40, description="A code of [deposits] accounts; the first where left out."),
    ] = None


class LodgeDeposit(Strict):
    """The bank took a deposit slip: its reference, and its day where that is not today."""

    ref: Ref
    act: Literal["lodge_deposit"]
    slip: IdText
    reference: IdText
    date: Annotated[str, Field(max_length=10)] | None = None


class CreditedChequeIn(Strict):
    """A cheque that the bank credited, by its id or serial number; or a bag, by its number, as it was counted there."""

    cheque: IdText
    amount: AmountText


class ConfirmDeposit(Strict):
    """The bank credited a deposit slip: ``amount`` in one sum, or cheque by cheque (all of them, or some)."""

    ref: Ref
    act: Literal["confirm_deposit"]
    slip: IdText
    amount: AmountText | None = None
    cheques: Annotated[list[CreditedChequeIn], Field(max_length=250)] = []
    date: Annotated[str, Field(max_length=10)] | None = None
    reason: Annotated[
        str,
        Field(
            max_length=400, description="What the bank says of a bag or cheque that it credited otherwise."
        ),
    ] = ""
    cause: Annotated[
        Literal["", "bank_charge", "bank_error"],
        Field(description="Why it credited a cheque with another sum than it is over."),
    ] = ""

    @model_validator(mode="after")
    def _says_one_thing(self) -> ConfirmDeposit:
        if (self.amount is None) is not bool(self.cheques):
            raise ValueError("either amount or cheques")
        return self


class CancelDeposit(Strict):
    """Take a deposit slip back that the bank has not got; its cheques may go on another."""

    ref: Ref
    act: Literal["cancel_deposit"]
    slip: IdText
    reason: Annotated[str, Field(max_length=400)]


class Void(Strict):
    """Undo a payment of the own open shift as if it had never been; ``text`` is needed where the reason is "other"."""

    ref: Ref
    act: Literal["void"]
    receipt: IdText
    reason: Annotated[str, Field(max_length=40, description=", ".join(CorrectionReason))]
    text: Annotated[str, Field(max_length=400)] = ""


class Reverse(Strict):
    """Undo a payment of an earlier shift, or with ``tender`` (from 1) what one bad instrument of a payment paid."""

    ref: Ref
    act: Literal["reverse"]
    receipt: IdText
    reason: Annotated[str, Field(max_length=40, description=", ".join(CorrectionReason))]
    text: Annotated[str, Field(max_length=400)] = ""
    tender: Annotated[int | None, Field(ge=1, le=20)] = None


class Refund(Strict):
    """Pay a payment back, or ``amount`` of it; cash goes out of the own drawer, the rest waits for ``confirm_refund``."""

    ref: Ref
    act: Literal["refund"]
    receipt: IdText
    amount: AmountText | None = None
    reason: Annotated[str, Field(max_length=40, description=", ".join(CorrectionReason))]
    text: Annotated[str, Field(max_length=400)] = ""


class ConfirmRefund(Strict):
    """The bank or card company has paid a refund: its paper, and their reference."""

    ref: Ref
    act: Literal["confirm_refund"]
    refund: IdText
    reference: IdText


class MovedBill(Strict):
    """A bill that moved money is meant for."""

    bill: IdText
    amount: AmountText


class Transfer(Strict):
    """Move a payment, or ``amount`` of it, to another account: to ``bills`` there, else to the oldest due."""

    ref: Ref
    act: Literal["transfer"]
    receipt: IdText
    account: IdText
    amount: AmountText | None = None
    bills: Annotated[list[MovedBill], Field(max_length=50)] = []
    reason: Annotated[str, Field(max_length=40, description=", ".join(CorrectionReason))]
    text: Annotated[str, Field(max_length=400)] = ""


class Reallocate(Strict):
    """Set a payment, or a part, against other bills of its account; without ``bills`` it is credit there."""

    ref: Ref
    act: Literal["reallocate"]
    receipt: IdText
    account: IdText | None = None
    amount: AmountText | None = None
    bills: Annotated[list[MovedBill], Field(max_length=50)] = []
    reason: Annotated[str, Field(max_length=40, description=", ".join(CorrectionReason))]
    text: Annotated[str, Field(max_length=400)] = ""


class ClearCheque(Strict):
    """Cheques whose money is sure: those named, or all that the bank credited so many days ago, but those in ``except``."""

    ref: Ref
    act: Literal["clear_cheque"]
    cheques: Annotated[
        list[IdText] | None,
        Field(max_length=500, description="By their ids, or the receipts they came with."),
    ] = None
    older_than_days: Annotated[
        int | None, Field(ge=0, le=3650, description="[cheques] clear_after_days where left out.")
    ] = None
    left_out: Annotated[list[IdText], Field(alias="except", max_length=500)] = []


class PayPostDated(Strict):
    """The date of a registered cheque has come: it is a payment now, of the own open shift."""

    ref: Ref
    act: Literal["pay_post_dated"]
    note: Annotated[IdText, Field(description="The number of its note, as receipt_number in v_post_dated.")]


class WithdrawPostDated(Strict):
    """Give a registered cheque back before it is a payment, with a slip."""

    ref: Ref
    act: Literal["withdraw_post_dated"]
    note: Annotated[IdText, Field(description="The number of its note, as receipt_number in v_post_dated.")]
    reason: Annotated[str, Field(max_length=400)]


class ReturnCheque(Strict):
    """Give a cheque back that lies in the shop: its id, its receipt, or the note of a post-dated one."""

    ref: Ref
    act: Literal["return_cheque"]
    cheque: IdText
    reason: Annotated[str, Field(max_length=40, description=", ".join(CorrectionReason))] = (
        CorrectionReason.CUSTOMER_WISH
    )
    text: Annotated[str, Field(max_length=400)] = ""


class BounceCheque(Strict):
    """The bank did not pay a cheque: what it paid is owed again, and its payor owes the fee."""

    ref: Ref
    act: Literal["bounce_cheque"]
    cheque: Annotated[IdText, Field(description="Its id, its serial number, or the receipt it came with.")]
    reason: Annotated[
        str, Field(max_length=40, description="A code of [cheques.dishonour] reasons in till.toml.")
    ]
    on: Annotated[str | None, Field(max_length=10, description="The bank's day; today where left out.")] = (
        None
    )
    fee: Annotated[Literal["none"] | None, Field(description="none: no fee is charged; text says why.")] = (
        None
    )
    text: Annotated[str, Field(max_length=400)] = ""


class ReplaceCheque(Strict):
    """Give a cheque back and take ``tenders`` in its place, for just what it had paid or was to pay."""

    ref: Ref
    act: Literal["replace_cheque"]
    cheque: IdText
    tenders: Annotated[list[TenderLine], Field(min_length=1, max_length=20)]
    reason: Annotated[str, Field(max_length=40, description=", ".join(CorrectionReason))] = (
        CorrectionReason.CUSTOMER_WISH
    )
    text: Annotated[str, Field(max_length=400)] = ""


class RepresentCheque(Strict):
    """Send a bounced cheque to the bank once more, on the next deposit slip; its money counts until then."""

    ref: Ref
    act: Literal["represent_cheque"]
    cheque: Annotated[IdText, Field(description="Its id, its serial number, or the receipt it came with.")]
    text: Annotated[str, Field(max_length=400)] = ""


class UndoBounce(Strict):
    """The bank had sent a cheque back by mistake: all that its bounce did is undone."""

    ref: Ref
    act: Literal["undo_bounce"]
    cheque: Annotated[IdText, Field(description="Its id, its serial number, or the receipt it came with.")]
    text: Annotated[str, Field(max_length=400)] = ""


class SwapTender(Strict):
    """A payment of the open shift was keyed as paid another way: ``tenders`` are all that it was really paid by."""

    ref: Ref
    act: Literal["swap_tender"]
    receipt: IdText
    tenders: Annotated[list[TenderLine], Field(min_length=1, max_length=20)]
    reason: Annotated[str, Field(max_length=40, description=", ".join(CorrectionReason))] = (
        CorrectionReason.WRONG_WAY
    )
    text: Annotated[str, Field(max_length=400)] = ""


DeedAct = (
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
    | Approve
    | AskElsewhere
    | Decline
    | Note
    | AddUser
    | ChangeUser
    | ResetPin
    | BagCash
    | OpenBag
    | DepositCheques
    | LodgeDeposit
    | ConfirmDeposit
    | CancelDeposit
    | Void
    | Reverse
    | Refund
    | ConfirmRefund
    | Transfer
    | Reallocate
    | SwapTender
    | ClearCheque
    | PayPostDated
    | WithdrawPostDated
    | ReturnCheque
    | ReplaceCheque
    | BounceCheque
    | RepresentCheque
    | UndoBounce
)
Act = Annotated[DeedAct | SignIn | ChangePin | Lock, Field(discriminator="act")]
_ACT: TypeAdapter[DeedAct | SignIn | ChangePin | Lock] = TypeAdapter(Act)
AVAILABLE = frozenset(
    get_args(model.model_fields["act"].annotation)[0]
    for model in get_args(DeedAct | SignIn | ChangePin | Lock)
)
"""What this version can do of ``ACTS``."""


def act_schema() -> dict[str, Any]:
    """The JSON schema of every act, from the models that parse them."""
    return _ACT.json_schema(ref_template="#/$defs/{model}")


def read_act(raw: Mapping[str, Any]) -> DeedAct | SignIn | ChangePin | Lock:
    """The act that a line says. Raises Refused ``bad_line`` or ``act_not_yet_available``."""
    name = raw.get("act")
    if isinstance(name, str) and name in ACTS and name not in AVAILABLE:
        raise Refused("act_not_yet_available", "This version cannot do this act yet.")
    try:
        act = _ACT.validate_python(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(field_named(part) for part in first["loc"][1:]) or "act"
        wrong = "this program knows no such act" if first["type"] == "union_tag_invalid" else first["msg"]
        raise Refused("bad_line", f"{where}: {wrong}", field=where) from None
    if act.ref != act.ref.strip() or not act.ref.isprintable():
        raise Refused("bad_line", "ref: plain printable text without blanks at its ends.", field="ref")
    return act
