"""The facts a receipt states, as values: what was paid, by what, for what, and what came back.

Paper (text, PDF, ESC/POS) is made from these facts alone, so a reprint years later says the same. Names stand apart
(``payer_name``, ``drawer``): they are kept in side rows that can be purged, and a purged receipt still prints.
Source: domain.md rules 6, 9, 19, 22, 34.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from pos.domain.allocation import LeftOut
from pos.domain.foreign_cash import ForeignNotes
from pos.domain.money import Money
from pos.domain.payment_mode import Purpose
from pos.domain.sheet import SheetFacts


class ReceiptKind(StrEnum):
    """Which paper this is; each kind of non-receipt has a series of its own (rule 22)."""

    PAYMENT = "payment"
    POST_DATED_NOTE = "post_dated_note"
    DEPOSIT_SLIP = "deposit_slip"
    CHEQUE_GIVEN_BACK = "cheque_given_back"
    VOID = "void"
    REVERSAL = "reversal"
    TENDER_CANCELLATION = "tender_cancellation"
    REFUND = "refund"
    TRANSFER = "transfer"
    REALLOCATION = "reallocation"
    DISHONOUR = "dishonour"
    REINSTATEMENT = "reinstatement"
    PICKUP = "pickup"
    LOAN = "loan"
    PAID_IN = "paid_in"
    PAID_OUT = "paid_out"
    MOVE_UNDONE = "move_undone"
    HAND_OVER = "hand_over"
    COUNT_SHEET = "count_sheet"
    X_REPORT = "x_report"
    Z_REPORT = "z_report"
    SAFE_COUNT = "safe_count"
    DAY_REPORT = "day_report"
    CARRIER_RECEIPT = "carrier_receipt"
    BAG_SENT = "bag_sent"
    BAG_RECALLED = "bag_recalled"
    BAG_ACCEPTED = "bag_accepted"
    BAG_UNDONE = "bag_undone"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopHeading:
    """What stands on top of every paper of a shop."""

    shop: str
    name: str
    address: tuple[str, ...] = ()
    tax_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TenderLine:
    """One tender as printed. ``amount`` is what was handed over (before change); ``details`` are (field, value).

    ``foreign`` are the notes of another currency whose value ``amount`` is, with the rate as it was then.
    """

    mode: str
    label: str
    amount: Money
    details: tuple[tuple[str, str], ...] = ()
    foreign: ForeignNotes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationLine:
    """What a part of the money was set against. ``bill_no`` None: it is on the account, as ``kept_as`` (a purpose) says.

    ``open_before`` and ``open_after`` are the bill's open amounts round this event, None on account; ``written_off`` is the
    rest of the bill that was cleared with it.
    """

    account: str
    bill_no: str | None
    amount: Money
    open_before: Money | None = None
    open_after: Money | None = None
    kept_as: str = str(Purpose.ACCOUNT)
    written_off: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleLine:
    """One line of a sale as printed. ``unit_price`` and ``amount`` include tax; ``tax_rate`` is in per cent, as text.

    ``list_price`` and ``reason`` where another price was taken than the item's; ``serial_kind`` and ``advance`` as the
    catalogue has them. Of a secret serial number the end alone is a fact; only the first paper is given all of it.
    """

    item: str
    name: str
    quantity: int
    unit_price: Money
    amount: Money
    tax_category: str
    tax_rate: str
    tax: Money
    serials: tuple[str, ...] = ()
    list_price: Money | None = None
    reason: str | None = None
    serial_kind: str | None = None
    advance: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxLine:
    """The tax of one rate in a sale: sums of its lines, never figured again (rule 9)."""

    category: str
    rate: str
    net: Money
    tax: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class CommissionFacts:
    """What a dealer earns by a sale of ``gross``; ``deducted`` is what was paid less for it (rule 59).

    ``at`` and ``settlement`` say when and how, by the codes of the terms.
    """

    gross: Money
    commission: Money
    withheld: Money
    deducted: Money
    at: str
    settlement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositLine:
    """A cheque as a deposit slip lists it; ``drawer`` None: the name is not kept any more."""

    serial: str
    bank: str
    branch: str
    dated: date
    amount: Money
    drawer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositFacts:
    """Whose account at which bank a deposit slip pays into, its cheques, the oldest first, and its bags of cash (number and
    amount).
    """

    holder: str
    bank: str
    account_number: str
    cheques: tuple[DepositLine, ...]
    bags: tuple[tuple[str, Money], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionLine:
    """What a correction takes off an account or bill again, or (``placed``) puts there instead.

    ``bill_no`` None: it is on the account, as ``kept_as`` (a purpose) says.
    """

    account: str
    bill_no: str | None
    kept_as: str
    amount: Money
    placed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionFacts:
    """What a correction says of the payment that it is about (``of_receipt``), and why it was done.

    ``given_back`` is what goes back of each tender, as (label, amount, how); ``cash`` what went out of the drawer;
    ``approver`` the second person.
    """

    of_receipt: str
    of_taken_at: datetime
    reason: str
    lines: tuple[CorrectionLine, ...]
    given_back: tuple[tuple[str, Money, str], ...]
    cash: Money
    approver: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFacts:
    """One receipt. All money but foreign notes is in ``total``'s currency. ``taken_at`` is aware, in the shop's own offset.

    ``sale`` and ``taxes`` are the items sold; money for bills and accounts is in ``allocations``. ``provisional`` says for
    each tender that is not final yet what it waits for; a receipt with such a line is a provisional one.
    ``rounding`` is what the smallest coin added to the cash that was kept (negative: took from it); None: nothing was.
    ``left_out`` is what of the bills is disputed or on hold and was not asked for. A deposit slip has ``deposit`` and is of
    no shift (``shift_number`` 0) and no payer. A correction's paper has ``correction``, one of the cash office ``sheet``;
    ``undone_by`` is the paper that
    undid this one, looked up when it is read.
    """

    receipt_number: str
    kind: ReceiptKind
    shop: ShopHeading
    terminal: str
    shift_number: int
    business_date: date
    taken_at: datetime
    operator: str
    operator_name: str
    payer_kind: str
    payer_account: str | None
    payer_name: str | None
    total: Money
    change: Money
    credit: Money
    tenders: tuple[TenderLine, ...]
    allocations: tuple[AllocationLine, ...]
    chain_mark: str
    sale: tuple[SaleLine, ...] = ()
    taxes: tuple[TaxLine, ...] = ()
    provisional: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    rounding: Money | None = None
    left_out: tuple[LeftOut, ...] = ()
    commission: CommissionFacts | None = None
    deposit: DepositFacts | None = None
    correction: CorrectionFacts | None = None
    sheet: SheetFacts | None = None
    undone_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """Which copy of a receipt is printed: 0 is the original, n is DUPLICATE n (rule 34)."""

    number: int = 0
    printed_at: datetime | None = None
    operator: str | None = None
    reason: str | None = None

    @property
    def is_duplicate(self) -> bool:
        return self.number > 0
