"""The part of a deposit slip that is its own: whose account, each cheque, their sum, and room for the bank's stamp.

Source: domain.md 3.3 and rule 42.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pos.domain.receipt import DepositFacts, DepositLine, ReceiptFacts
from receipts.document import Align, Blank, Element, Emphasis, Field, Row, Rule, Text
from receipts.labels import Labels

STAMP_LINES = 4
SIGNATURE_LINES = 2
NAME_LINES_MAX = 2
IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


def deposit_elements(facts: ReceiptFacts, deposit: DepositFacts, labels: Labels) -> Iterator[Element]:
    """Everything between the number of the slip and its foot."""
    yield Field(label=labels.deposit_day, value=facts.business_date.isoformat())
    yield Field(label=labels.deposit_holder, value=deposit.holder, lines_max=NAME_LINES_MAX)
    if deposit.bank:
        yield Field(label=labels.deposit_bank, value=deposit.bank, lines_max=NAME_LINES_MAX)
    if deposit.account_number:
        yield Field(label=labels.deposit_account, value=_grouped(deposit.account_number))
    operator = f"{facts.operator_name} ({facts.operator})" if facts.operator_name else facts.operator
    yield Field(label=labels.deposit_made_by, value=operator, lines_max=NAME_LINES_MAX)
    yield Rule()
    yield Text(text=labels.all_amounts_in.format(currency=facts.total.currency.code), align=Align.RIGHT)
    for place, cheque in enumerate(deposit.cheques, start=1):
        yield from _cheque(place, cheque, labels)
    for number, amount in deposit.bags:
        yield Row(label=labels.deposit_bag.format(number=number), amount=labels.numbers.shown(amount))
    yield Rule(heavy=True)
    if deposit.cheques or not deposit.bags:
        yield Text(text=labels.deposit_count.format(count=len(deposit.cheques)), emphasis=Emphasis.BOLD)
    if deposit.bags:
        yield Text(text=labels.deposit_bags.format(count=len(deposit.bags)), emphasis=Emphasis.BOLD)
    yield Row(
        label=labels.total.format(currency=facts.total.currency.code),
        amount=labels.numbers.shown(facts.total),
        emphasis=Emphasis.LARGE,
    )
    yield Rule(heavy=True)
    for named, lines in (
        (labels.deposit_stamp, STAMP_LINES),
        (labels.deposit_reference, SIGNATURE_LINES),
        (labels.deposit_signature, SIGNATURE_LINES),
    ):
        yield Text(text=named)
        yield from (Blank() for _ in range(lines))
        if named != labels.deposit_signature:
            yield Rule()


def _grouped(account_number: str) -> str:
    """An IBAN in fours, as banks print it, so that it breaks at a blank; any other number as it is."""
    if not IBAN.fullmatch(account_number):
        return account_number
    return " ".join(account_number[at : at + 4] for at in range(0, len(account_number), 4))


def _cheque(place: int, cheque: DepositLine, labels: Labels) -> Iterator[Element]:
    yield Row(
        label=labels.deposit_cheque.format(place=place, serial=cheque.serial),
        amount=labels.numbers.shown(cheque.amount),
    )
    bank = f"{cheque.bank} / {cheque.branch}" if cheque.branch else cheque.bank
    yield Text(text=labels.deposit_of.format(bank=bank, date=cheque.dated.isoformat()), indent=3)
    if cheque.drawer is not None:
        yield Text(text=cheque.drawer, indent=3, lines_max=NAME_LINES_MAX)
