"""Facts become a document: which lines a receipt has, and in which order.

Nothing is figured here: every amount is one that the facts hold, but for the sum of the tenders. A duplicate has the
lines of its original, and two notices more. Source: domain.md rules 6, 9, 19, 22, 34.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pos.domain.catalogue import AdvanceTax, SerialKind
from pos.domain.money import Money, total
from pos.domain.payment_mode import PayerKind, Purpose
from pos.domain.receipt import Copy, ReceiptFacts, ReceiptKind, SaleLine, TenderLine
from pos.domain.sale_policy import reason_text
from receipts.correction import correction_elements
from receipts.deposit_slip import deposit_elements
from receipts.document import (
    Align,
    Banner,
    Blank,
    Code,
    Document,
    Element,
    Emphasis,
    Field,
    NotPrintable,
    Row,
    Rule,
    Text,
)
from receipts.labels import ENGLISH, Labels
from receipts.sheet import sheet_elements

NAME_LINES_MAX = 2
"""A longer name ends in an ellipsis; the account number that stands beside it says who is meant."""

CODE_SIDE_MM = 25
"""Of the code with number and mark: a telephone reads it, and it takes no more paper than five lines."""

SIGNATURE_LINES = 2

HELD_UNTIL = "held_until"
"""The tender detail that says until which day a post-dated cheque is kept (ISO date)."""


def compose(facts: ReceiptFacts, copy: Copy, labels: Labels = ENGLISH) -> Document:
    """The paper for ``facts``; ``copy`` says whether it is the original or DUPLICATE n.

    Raises NotPrintable if the facts mix currencies, sum cheques to another total, value foreign notes other than by their
    own rate or hold a time without its offset, or if a duplicate does not say who printed it, when and why (rule 34).
    """
    _refuse_contradictions(facts, copy)
    return Document(
        title=facts.receipt_number if not copy.is_duplicate else f"{facts.receipt_number} / {copy.number}",
        elements=tuple(_elements(facts, copy, labels)),
    )


def _elements(facts: ReceiptFacts, copy: Copy, labels: Labels) -> Iterator[Element]:
    if labels.in_training:
        yield Banner(headline=labels.training, lines=(labels.training_not_real,))
        yield Blank()
    if copy.is_duplicate:
        yield from _duplicate_banner(copy, labels)
    if facts.undone_by is not None:
        yield Banner(headline=labels.undone, lines=(labels.undone_by.format(paper=facts.undone_by),))
        yield Blank()
    yield from _heading(facts, labels)
    if facts.deposit is not None:
        yield from deposit_elements(facts, facts.deposit, labels)
    elif facts.correction is not None:
        yield from _circumstances(facts, labels)
        yield from correction_elements(facts, facts.correction, labels)
    elif facts.sheet is not None:
        yield from _circumstances(facts, labels)
        yield from sheet_elements(facts, facts.sheet, labels)
    else:
        yield from _circumstances(facts, labels)
        yield from _allocations(facts, labels)
        yield from _sale(facts, labels)
        yield from _commission(facts, labels)
        yield from _total(facts, labels)
        yield from _tenders(facts, labels)
    yield from _foot(facts, labels)
    if copy.is_duplicate:
        # Whoever cuts the banner off the top still holds a duplicate.
        yield _centred(labels.duplicate.format(number=copy.number), Emphasis.BOLD)
    if labels.in_training:
        yield Banner(headline=labels.training, lines=(labels.training_not_real,))


def _duplicate_banner(copy: Copy, labels: Labels) -> Iterator[Element]:
    assert copy.printed_at is not None
    yield Banner(
        headline=labels.duplicate.format(number=copy.number),
        lines=(
            labels.duplicate_printed_at.format(time=_local_time(copy.printed_at)),
            labels.duplicate_operator.format(operator=copy.operator),
            labels.duplicate_reason.format(reason=copy.reason),
        ),
    )
    yield Blank()


def _heading(facts: ReceiptFacts, labels: Labels) -> Iterator[Element]:
    yield _centred(facts.shop.name, Emphasis.BOLD)
    for line in facts.shop.address:
        yield _centred(line)
    if facts.shop.tax_number:
        yield _centred(labels.tax_number.format(number=facts.shop.tax_number))
    yield Blank()
    match facts.kind:
        case ReceiptKind.PAYMENT:
            yield from _receipt_heading(facts, labels)
        case ReceiptKind.POST_DATED_NOTE:
            yield Banner(headline=labels.not_a_receipt, lines=(_held_until(facts, labels),))
            yield Blank()
        case ReceiptKind.CHEQUE_GIVEN_BACK:
            yield _centred(labels.cheque_given_back, Emphasis.LARGE)
        case ReceiptKind.DEPOSIT_SLIP:
            yield _centred(labels.deposit_slip, Emphasis.LARGE)
        case office if facts.sheet is not None:
            yield _centred(labels.sheet_heading[office], Emphasis.LARGE)
        case correction:
            yield _centred(labels.correction_heading[correction], Emphasis.LARGE)
    yield _centred(facts.receipt_number, Emphasis.LARGE, lines_max=None)
    yield Blank()


def _receipt_heading(facts: ReceiptFacts, labels: Labels) -> Iterator[Element]:
    heading = labels.sales_receipt if facts.sale and not facts.allocations else labels.receipt
    if facts.provisional:
        waits = tuple(_said(facts, line, labels) for line in facts.provisional)
        yield Banner(headline=labels.provisional.format(heading=heading), lines=waits)
        yield Blank()
    else:
        yield _centred(heading, Emphasis.LARGE)


def _held_until(facts: ReceiptFacts, labels: Labels) -> str:
    dates = {value for tender in facts.tenders for code, value in tender.details if code == HELD_UNTIL}
    if len(dates) == 1:
        return labels.held_until.format(date=dates.pop())
    return labels.held_until_its_date


def _circumstances(facts: ReceiptFacts, labels: Labels) -> Iterator[Element]:
    yield Field(label=labels.business_date, value=facts.business_date.isoformat())
    yield Field(label=labels.taken_at, value=_local_time(facts.taken_at))
    place = facts.terminal
    if facts.shift_number:
        place = labels.terminal_and_shift.format(terminal=facts.terminal, shift=facts.shift_number)
    yield Field(label=labels.terminal, value=place)
    operator = f"{facts.operator_name} ({facts.operator})" if facts.operator_name else facts.operator
    yield Field(label=labels.operator, value=operator, lines_max=NAME_LINES_MAX)
    if facts.payer_kind == PayerKind.WALK_IN:
        # Nobody in particular; the account that the books keep such sales under is not the buyer's.
        return
    if facts.payer_account:
        account = labels.account_by_payer_kind.get(facts.payer_kind, labels.account)
        yield Field(label=account, value=facts.payer_account)
    if facts.payer_name:
        yield Field(label=labels.name, value=facts.payer_name, lines_max=NAME_LINES_MAX)


def _allocations(facts: ReceiptFacts, labels: Labels) -> Iterator[Element]:
    is_receipt = facts.kind is ReceiptKind.PAYMENT
    yield Rule()
    yield Text(text=labels.all_amounts_in.format(currency=facts.total.currency.code), align=Align.RIGHT)
    account = facts.payer_account
    credit_unsaid = facts.credit
    for line in facts.allocations:
        if line.account != account and line.kept_as != Purpose.SUSPENSE:
            account = line.account
            yield Text(text=labels.for_account.format(account=account), emphasis=Emphasis.BOLD)
        if line.bill_no is None:
            kept_as = labels.kept_as.get(line.kept_as)
            yield Row(label=kept_as or labels.credit_on_account, amount=labels.numbers.shown(line.amount))
            if kept_as is None:
                credit_unsaid = credit_unsaid - line.amount
            continue
        yield Row(label=labels.bill.format(number=line.bill_no), amount=labels.numbers.shown(line.amount))
        # On a note no bill has been paid yet, so there is no rest to speak of.
        if is_receipt and line.open_after is not None and line.open_after.minor > 0:
            # It stands left of the column: a figure in the column belongs to the sum.
            yield Text(text=labels.still_open.format(amount=labels.numbers.shown(line.open_after)), indent=2)
    if credit_unsaid.minor > 0:
        yield Row(label=labels.credit_on_account, amount=labels.numbers.shown(credit_unsaid))


def _sale(facts: ReceiptFacts, labels: Labels) -> Iterator[Element]:
    if facts.sale and facts.allocations:
        yield Text(text=labels.items, emphasis=Emphasis.BOLD)
    for line in facts.sale:
        yield from _item(line, labels)


def _item(line: SaleLine, labels: Labels) -> Iterator[Element]:
    yield Row(label=line.name, amount=labels.numbers.shown(line.amount))
    said = labels.item if line.quantity == 1 else labels.items_at
    price = labels.numbers.shown(line.unit_price)
    yield Text(text=said.format(item=line.item, quantity=line.quantity, price=price), indent=2)
    if line.list_price is not None:
        reason = reason_text(line.reason or "")
        yield Text(
            text=labels.list_price.format(price=labels.numbers.shown(line.list_price), reason=reason),
            indent=2,
        )
    if line.advance == AdvanceTax.ON_USE:
        yield Text(text=labels.advance_on_use, indent=2)
    # Each on a line of its own and never cut: a serial is what a warranty is claimed with.
    named = labels.item_pin if line.serial_kind == SerialKind.VOUCHER_PIN else labels.item_serial
    for serial in line.serials:
        yield Text(text=named.format(serial=serial), indent=2)


def _commission(facts: ReceiptFacts, labels: Labels) -> Iterator[Element]:
    """What a dealer paid less than the price stands in the column; what comes later only beside it."""
    earned = facts.commission
    if earned is None:
        return
    if earned.deducted:
        yield Rule()
        yield Text(text=f"{labels.gross} {labels.numbers.shown(earned.gross)}")
        yield Row(label=labels.commission, amount=labels.numbers.shown(-earned.commission))
        if earned.withheld:
            yield Row(label=labels.withheld, amount=labels.numbers.shown(earned.withheld))
        return
    said = labels.commission_owed if earned.at == "settlement" else labels.commission_credited
    paid = earned.commission - earned.withheld
    yield Text(
        text=said.format(
            commission=labels.numbers.shown(earned.commission),
            withheld=labels.numbers.shown(earned.withheld),
            paid=labels.numbers.shown(paid),
        )
    )


def _total(facts: ReceiptFacts, labels: Labels) -> Iterator[Element]:
    named = labels.total_held if facts.kind is ReceiptKind.POST_DATED_NOTE else labels.total
    label = named.format(currency=facts.total.currency.code)
    yield Rule(heavy=True)
    yield Row(label=label, amount=labels.numbers.shown(facts.total), emphasis=Emphasis.LARGE)
    yield Rule(heavy=True)
    if facts.taxes:
        # Left of the column, as it is a part of the sum already.
        bills = any(line.bill_no is not None for line in facts.allocations)
        yield Text(text=labels.tax_in_items if facts.allocations else labels.tax_included)
        for line in facts.taxes:
            net, tax = labels.numbers.shown(line.net), labels.numbers.shown(line.tax)
            yield Text(
                text=labels.tax.format(category=line.category, rate=line.rate, net=net, tax=tax), indent=2
            )
        if bills:
            yield Text(text=labels.tax_on_bills)
        yield Rule()


def _tenders(facts: ReceiptFacts, labels: Labels) -> Iterator[Element]:
    for tender in facts.tenders:
        yield from _tender(tender, labels)
    if facts.kind is ReceiptKind.PAYMENT:
        # Said even when nothing came back: what a receipt leaves out is what is argued about.
        tendered = total((tender.amount for tender in facts.tenders), facts.total.currency)
        yield Rule()
        yield Row(label=labels.tendered, amount=labels.numbers.shown(tendered))
        if facts.rounding is not None:
            yield Row(label=labels.cash_rounding, amount=labels.numbers.shown(facts.rounding))
        emphasis = Emphasis.LARGE if facts.change else Emphasis.PLAIN
        yield Row(label=labels.change, amount=labels.numbers.shown(facts.change), emphasis=emphasis)


def _tender(tender: TenderLine, labels: Labels) -> Iterator[Element]:
    yield Row(label=tender.label, amount=labels.numbers.shown(tender.amount))
    if tender.foreign is not None:
        # Left of the column: only its value belongs to the sum.
        notes, worth = str(tender.foreign), labels.numbers.shown(tender.amount)
        notes = labels.numbers.in_text(notes, tender.amount.currency)
        yield Text(text=f"{notes} = {worth}", indent=2, lines_max=NAME_LINES_MAX)
    for code, value in tender.details:
        name = labels.tender_detail.get(code, code)
        yield Text(text=f"{name} {value}", indent=2, lines_max=NAME_LINES_MAX)


def _foot(facts: ReceiptFacts, labels: Labels) -> Iterator[Element]:
    yield Rule()
    for note in facts.notes:
        yield Text(text=_said(facts, note, labels))
    if facts.notes:
        yield Blank()
    if facts.kind is ReceiptKind.CHEQUE_GIVEN_BACK:
        yield Text(text=labels.cheque_signature)
        yield from (Blank() for _ in range(SIGNATURE_LINES))
    if facts.chain_mark:
        yield _centred(labels.mark.format(mark=facts.chain_mark))
        if labels.mark_as_code:
            # Capitals take the least room, and whoever checks it minds no case.
            yield Code(text=f"{facts.receipt_number} {facts.chain_mark}".upper(), side_mm=CODE_SIDE_MM)
    if facts.kind is ReceiptKind.PAYMENT:
        yield _centred(labels.closing)


def _said(facts: ReceiptFacts, text: str, labels: Labels) -> str:
    """What the till wrote down as text, with its amounts written as the others."""
    return labels.numbers.in_text(text, facts.total.currency)


def _centred(text: str, emphasis: Emphasis = Emphasis.PLAIN, lines_max: int | None = NAME_LINES_MAX) -> Text:
    return Text(text=text, align=Align.CENTRE, emphasis=emphasis, lines_max=lines_max)


def _local_time(at: datetime) -> str:
    """``2026-03-04 11:20:31 +03:00``: the shop's own time, and how far it is from UTC."""
    text = at.isoformat(sep=" ", timespec="seconds")
    return f"{text[:19]} {text[19:]}"


def _refuse_contradictions(facts: ReceiptFacts, copy: Copy) -> None:
    amounts: list[Money] = [facts.change, facts.credit]
    amounts += [tender.amount for tender in facts.tenders]
    amounts += [] if facts.rounding is None else [facts.rounding]
    if facts.commission is not None:
        earned = facts.commission
        amounts += [earned.gross, earned.commission, earned.withheld, earned.deducted]
    for line in facts.allocations:
        amounts += [
            amount for amount in (line.amount, line.open_before, line.open_after) if amount is not None
        ]
    if facts.correction is not None:
        amounts += [line.amount for line in facts.correction.lines]
        amounts += [amount for _, amount, _ in facts.correction.given_back]
    if facts.deposit is not None:
        amounts += [cheque.amount for cheque in facts.deposit.cheques]
    for sold in facts.sale:
        amounts += [sold.unit_price, sold.amount, *([sold.list_price] if sold.list_price else [])]
    for rate in facts.taxes:
        amounts += [rate.net, rate.tax]
    if any(amount.currency != facts.total.currency for amount in amounts):
        raise NotPrintable("two currencies on one receipt")
    if facts.deposit is not None:
        listed = [cheque.amount for cheque in facts.deposit.cheques]
        listed += [amount for _, amount in facts.deposit.bags]
        if facts.total != total(listed, facts.total.currency):
            raise NotPrintable("the cheques and bags do not make the deposit slip")
    for tender in facts.tenders:
        # Foreign notes are the one other currency a receipt may name; what it sums is their value.
        if tender.foreign is not None and (
            tender.foreign.amount.currency == facts.total.currency
            or tender.foreign.worth(facts.total.currency) != tender.amount
        ):
            raise NotPrintable("foreign notes are not worth what the receipt says")
    if facts.taken_at.utcoffset() is None:
        raise NotPrintable("the time of the payment has no offset")
    if copy.is_duplicate:
        if copy.printed_at is None or copy.printed_at.utcoffset() is None:
            raise NotPrintable("a duplicate must say when it was printed, with the offset")
        if not copy.operator or not copy.reason:
            raise NotPrintable("a duplicate must say who printed it and why")
