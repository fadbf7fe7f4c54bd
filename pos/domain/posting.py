"""Journal lines: what each deed does to the ledger accounts, balanced in itself.

Ledger accounts are named by the keys of ``config/gl_accounts.toml``; the operator's own codes stand there.
Source: the posting map of domain.md 3.9.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pos.domain.allocation import Allocation
from pos.domain.catalogue import LineOfSale
from pos.domain.commission import CommissionAt
from pos.domain.foreign_cash import ForeignClosing
from pos.domain.money import Currency, Money, total, zero
from pos.domain.payment_mode import PayerKind, Purpose


class Ledger(StrEnum):
    """Ledger accounts that rules name; a mode's own account comes from its configuration."""

    CASH_IN_TILL = "cash_in_till"
    TRUST_MONEY = "trust_money"
    CHEQUES_IN_HAND = "cheques_in_hand"
    CHEQUES_IN_CLEARING = "cheques_in_clearing"
    SAFE = "safe"
    CASH_IN_TRANSIT = "cash_in_transit"
    BAGS_IN_TRANSIT = "bags_in_transit"
    BANK_CHARGES = "bank_charges"
    BANK_DIFFERENCES = "bank_differences"
    BANK = "bank"
    RECEIVABLE = "receivable"
    CUSTOMER_CREDIT = "customer_credit"
    CUSTOMER_ADVANCE = "customer_advance"
    SECURITY_DEPOSIT = "security_deposit"
    SUSPENSE = "suspense"
    DEALER_ACCOUNT = "dealer_account"
    ITEM_REVENUE = "item_revenue"
    ADVANCES = "advances_received"
    OUTPUT_TAX = "output_tax"
    COMMISSION_EXPENSE = "commission_expense"
    WITHHOLDING_PAYABLE = "withholding_payable"
    OVER_SHORT = "cash_over_short"
    CASH_ROUNDING = "cash_rounding"
    FOREIGN_CASH_IN_TILL = "foreign_cash_in_till"
    FOREIGN_CASH_SAFE = "foreign_cash_safe"
    EXCHANGE_DIFFERENCE = "exchange_difference"
    TOLERANCE_WRITE_OFF = "tolerance_write_off"
    WRITE_OFF_RECOVERY = "write_off_recovery"
    REFUNDS_PAYABLE = "refunds_payable"
    FEE_INCOME = "fee_income"


def part_of(ledger_account: str, part: str) -> str:
    """The account that is a part of another by itself, as the output tax at one rate."""
    return f"{ledger_account}:{part}"


def tax_account(rate_text: str, parts: Collection[str]) -> str:
    """Where the tax at this rate is posted; ``parts``: the rates that have an account of their own."""
    return part_of(Ledger.OUTPUT_TAX, rate_text) if rate_text in parts else Ledger.OUTPUT_TAX


class SourceKind(StrEnum):
    """Which deed an entry comes from."""

    PAYMENT = "payment"
    BILL_WRITE_OFF = "bill_write_off"
    SUSPENSE_RESOLVED = "suspense_resolved"
    WRITE_OFF_RECOVERY = "write_off_recovery"
    SHIFT_OPENED = "shift_opened"
    SHIFT_CLOSED = "shift_closed"
    TRUST_COUNTED = "trust_counted"
    COMMISSION = "commission"
    BANK_RECEIPT = "bank_receipt"
    DEPOSIT_LODGED = "deposit_lodged"
    DEPOSIT_CREDITED = "deposit_credited"
    VOID = "void"
    REVERSAL = "reversal"
    TENDER_CANCELLATION = "tender_cancellation"
    REFUND = "refund"
    REFUND_SETTLED = "refund_settled"
    TRANSFER = "transfer"
    REALLOCATION = "reallocation"
    DISHONOUR = "dishonour"
    REINSTATEMENT = "reinstatement"
    CASH_MOVE = "cash_move"
    DEBIT_FEE = "debit_fee"
    BANK_ENTRY = "bank_entry"
    SAFE_COUNT = "safe_count"
    BAG_SENT = "bag_sent"
    BAG_RECALLED = "bag_recalled"
    BAG_ACCEPTED = "bag_accepted"
    BAG_UNDONE = "bag_undone"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """One side of one ledger account. Exactly one of ``debit`` and ``credit`` is positive, the other zero.

    ``account`` is the customer's or dealer's account behind a sub-ledger line, else None.
    """

    ledger_account: str
    debit: Money
    credit: Money
    account: str | None = None


def debit(ledger_account: str, amount: Money, account: str | None = None) -> JournalLine:
    """``amount`` (positive) to the debit of ``ledger_account``."""
    return JournalLine(
        ledger_account=ledger_account, debit=amount, credit=zero(amount.currency), account=account
    )


def credit(ledger_account: str, amount: Money, account: str | None = None) -> JournalLine:
    """``amount`` (positive) to the credit of ``ledger_account``."""
    return JournalLine(
        ledger_account=ledger_account, debit=zero(amount.currency), credit=amount, account=account
    )


def inverse(line: JournalLine) -> JournalLine:
    """What undoes ``line``."""
    return JournalLine(
        ledger_account=line.ledger_account, account=line.account, debit=line.credit, credit=line.debit
    )


def is_balanced(lines: Iterable[JournalLine]) -> bool:
    """Whether debits equal credits in each currency."""
    sums: dict[Currency, int] = {}
    for line in lines:
        sums[line.debit.currency] = sums.get(line.debit.currency, 0) + line.debit.minor - line.credit.minor
    return not any(sums.values())


def payment_lines(
    tenders: Sequence[tuple[str, Money]],
    allocations: Sequence[Allocation],
    sale: Sequence[LineOfSale],
    payer: PayerKind,
    *,
    payer_account: str = "",
    rounding: Money,
    change_for_foreign: Money | None = None,
    tax_parts: Collection[str] = (),
) -> list[JournalLine]:
    """A payment event: what was kept of each tender, and what cash rounding added, against what it paid.

    Bills go to the receivable and money on account to the ledger account of its kind, by account; a sale to revenue and
    output tax. ``tenders`` are (ledger account, amount less change); tenders of one ledger account stay lines of their own.
    ``change_for_foreign`` went out of the till's own cash for notes that are in ``tenders`` whole. A dealer's commission at
    the sale is posted with it, so that revenue and tax stay gross. ``tax_parts``: the rates whose tax has an account of its
    own.
    """
    lines = [debit(ledger_account, amount) for ledger_account, amount in tenders if amount.minor > 0]
    if change_for_foreign:
        lines.append(credit(Ledger.CASH_IN_TILL, change_for_foreign))
    if rounding.minor > 0:
        lines.append(debit(Ledger.CASH_ROUNDING, rounding))
    if rounding.minor < 0:
        lines.append(credit(Ledger.CASH_ROUNDING, -rounding))
    sums: dict[tuple[str, str], Money] = {}
    for part in allocations:
        if part.purpose is not Purpose.ITEMS:
            key = (ledger_of(part.purpose, payer), part.account)
            sums[key] = sums.get(key, zero(part.amount.currency)) + part.amount
    lines.extend(
        credit(ledger_account, amount, account) for (ledger_account, account), amount in sums.items()
    )
    lines.extend(_sale_lines(sale, tax_parts))
    lines.extend(_commission_of(sale, payer_account))
    assert is_balanced(lines), "a payment event must balance"
    return lines


_LEDGER: Mapping[Purpose, Ledger] = {
    Purpose.BILLS: Ledger.RECEIVABLE,
    Purpose.ADVANCE: Ledger.CUSTOMER_ADVANCE,
    Purpose.DEPOSIT: Ledger.SECURITY_DEPOSIT,
    Purpose.SUSPENSE: Ledger.SUSPENSE,
}


def ledger_of(purpose: Purpose, payer: PayerKind) -> Ledger:
    """Where money for bills or on an account is posted."""
    on_account = Ledger.DEALER_ACCOUNT if payer is PayerKind.DEALER else Ledger.CUSTOMER_CREDIT
    return _LEDGER.get(purpose, on_account)


def write_off_lines(cleared: Iterable[tuple[str, Money]]) -> list[JournalLine]:
    """The rest of bills, by (account, amount), is given up: it is a loss and owed no longer."""
    lines: list[JournalLine] = []
    for account, amount in cleared:
        lines += [debit(Ledger.TOLERANCE_WRITE_OFF, amount), credit(Ledger.RECEIVABLE, amount, account)]
    return lines


def recovery_lines(back: Iterable[tuple[str, Money]]) -> list[JournalLine]:
    """Debt that was given up, by (account, amount), is owed again, so that a payment can pay it."""
    lines: list[JournalLine] = []
    for account, amount in back:
        lines += [debit(Ledger.RECEIVABLE, amount, account), credit(Ledger.WRITE_OFF_RECOVERY, amount)]
    return lines


def _sale_lines(sale: Sequence[LineOfSale], tax_parts: Collection[str]) -> list[JournalLine]:
    """Revenue without tax, advances without tax (a debt until they are used), and the output tax: a line an account."""
    if not sale:
        return []
    in_currency = sale[0].amount.currency
    earned = total((line.amount - line.tax for line in sale if line.item.advance is None), in_currency)
    owed = total((line.amount - line.tax for line in sale if line.item.advance is not None), in_currency)
    taxes: dict[str, Money] = {}
    for line in sale:
        posted_to = tax_account(line.rate_text, tax_parts)
        taxes[posted_to] = taxes.get(posted_to, zero(in_currency)) + line.tax
    posted = ((Ledger.ITEM_REVENUE, earned), (Ledger.ADVANCES, owed), *taxes.items())
    return [credit(ledger_account, amount) for ledger_account, amount in posted if amount.minor > 0]


def _commission_of(sale: Sequence[LineOfSale], dealer: str) -> list[JournalLine]:
    """What a dealer earns at the sale: kept of the price, or credited to the dealer's account."""
    earned = [line.commission for line in sale if line.commission is not None]
    at_sale = [one for one in earned if one.terms.at is CommissionAt.SALE]
    if not at_sale:
        return []
    in_currency = at_sale[0].gross.currency
    return commission_lines(
        total((one.commission for one in at_sale), in_currency),
        withheld=total((one.withheld for one in at_sale), in_currency),
        credited=commission_on_account(sale, in_currency),
        dealer=dealer,
    )


def commission_on_account(sale: Sequence[LineOfSale], in_currency: Currency) -> Money:
    """What a sale puts on its dealer's account at once: what was earned with it and not kept of the price."""
    earned = [line.commission for line in sale if line.commission is not None]
    at_sale = [one for one in earned if one.terms.at is CommissionAt.SALE]
    return total((one.paid_out - one.deducted for one in at_sale), in_currency)


def commission_lines(
    commission: Money, *, withheld: Money, credited: Money, dealer: str
) -> list[JournalLine]:
    """The expense, the tax that is withheld for the state, and what the dealer's account gets; no line for nothing."""
    lines = [debit(Ledger.COMMISSION_EXPENSE, commission)] if commission else []
    if withheld:
        lines.append(credit(Ledger.WITHHOLDING_PAYABLE, withheld))
    if credited:
        lines.append(credit(Ledger.DEALER_ACCOUNT, credited, dealer))
    return lines


def refund_settled_lines(amount: Money, account: str) -> list[JournalLine]:
    """A refund that was no cash has left the bank: nothing is owed to the payer any more."""
    return [debit(Ledger.REFUNDS_PAYABLE, amount, account), credit(Ledger.BANK, amount)]


def shift_opened_lines(float_: Money) -> list[JournalLine]:
    """The float comes from the safe into the till; a shift without a float posts nothing."""
    if float_.minor == 0:
        return []
    return [debit(Ledger.CASH_IN_TILL, float_), credit(Ledger.SAFE, float_)]


def shift_closed_lines(
    *,
    expected: Money,
    counted: Money,
    declared: Sequence[tuple[str, Money]] = (),
    foreign: Sequence[ForeignClosing] = (),
) -> list[JournalLine]:
    """The counted cash goes to the safe, the till's account goes to zero, the difference is over or short.

    ``declared`` is cash that was counted apart, as (ledger account, amount): no shortage. ``foreign`` is each
    other currency's count: what its rate made of it is no shortage either.
    """
    apart = total((amount for _, amount in declared), counted.currency)
    lines = [debit(Ledger.SAFE, counted)] if counted.minor > 0 else []
    lines += [debit(ledger_account, amount) for ledger_account, amount in declared]
    lines += _gained(Ledger.OVER_SHORT, counted + apart - expected)
    lines += _gained(Ledger.CASH_IN_TILL, expected)
    for closing in foreign:
        lines += [debit(Ledger.FOREIGN_CASH_SAFE, closing.value)] if closing.value.minor > 0 else []
        lines += _gained(Ledger.OVER_SHORT, closing.over_short)
        lines += _gained(Ledger.EXCHANGE_DIFFERENCE, closing.exchange)
        lines += _gained(Ledger.FOREIGN_CASH_IN_TILL, closing.booked)
    assert is_balanced(lines), "a closing must balance"
    return lines


def _gained(ledger_account: str, amount: Money) -> list[JournalLine]:
    """``amount`` to the credit, or where it is negative to the debit; no line for nothing."""
    if amount.minor == 0:
        return []
    return [credit(ledger_account, amount) if amount.minor > 0 else debit(ledger_account, -amount)]


def trust_counted_lines(over_short: Money) -> list[JournalLine]:
    """What the count of the operator's purse makes of it: the money stays there until it has a deposit of its own."""
    if over_short.minor > 0:
        return [debit(Ledger.TRUST_MONEY, over_short), credit(Ledger.OVER_SHORT, over_short)]
    if over_short.minor < 0:
        return [debit(Ledger.OVER_SHORT, -over_short), credit(Ledger.TRUST_MONEY, -over_short)]
    return []


def sum_of(lines: Iterable[JournalLine], in_currency: Currency) -> Money:
    """The debits of ``lines``: the size of an entry."""
    return total((line.debit for line in lines), in_currency)
