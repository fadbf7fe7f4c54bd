"""Whose money a credit transfer is: by the bill or account that its payer names.

A structured reference is believed as it stands. In free words a number may stand for anything: it is believed where it is
long, or where the amount is what is open of the bill that it names; and words that name several accounts name none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pos.domain.bank_file import BankEntry
from pos.domain.check_digit import is_mistyped
from pos.domain.creditor_reference import is_creditor_reference, own_part
from pos.domain.money import Money
from pos.domain.text_guard import clean_foreign
from pos.store import cache as cached
from pos.till.entry_books import EntryBooks

WORDS_MAX = 40
"""So many words of what a payer writes are looked at."""
LONG = 6
"""A number of so many signs stands in no text by chance."""
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9./_-]{1,38}[A-Za-z0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """An account that a payer names, and the bill of it, where it is one."""

    account: str
    bill_no: str | None = None


def payee_named(books: EntryBooks, entry: BankEntry, amount: Money) -> Named | None:
    """The account, and the bill, that the payer of ``entry`` names; None where nobody can tell."""
    for text in entry.structured:
        found = _called(books, clean_foreign(text, limit=40))
        if found is not None:
            return found
    return _one_of(list(_in_words(books, entry.remittance, amount)))


def _called(books: EntryBooks, text: str) -> Named | None:
    """What is called just so. A structured reference with wrong check digits names nothing."""
    if is_creditor_reference(text):
        own = own_part(text)
        return None if own is None else _exactly(books, own)
    return _exactly(books, text)


def _exactly(books: EntryBooks, text: str) -> Named | None:
    with books.desk.cache.read() as connection:
        for written in dict.fromkeys((text, text.replace(" ", ""), text.upper())):
            bill = cached.bill_by_number(connection, written)
            if bill is not None:
                return Named(account=bill.account, bill_no=bill.bill_no)
            account = cached.account_by_id(connection, written)
            if account is not None and not is_mistyped(written, books.desk.policy.check_digit):
                return Named(account=account.account)
    return None


def _in_words(books: EntryBooks, texts: Sequence[str], amount: Money) -> Iterator[Named]:
    words = [word for text in texts for word in _WORD.findall(clean_foreign(text, limit=200))]
    for word in dict.fromkeys(words[:WORDS_MAX]):
        found = _called(books, word)
        if found is None:
            continue
        if len(word) >= LONG:
            yield found
        elif found.bill_no is not None:
            bill = books.bill(found.bill_no)
            if bill is not None and bill.payable == amount:
                yield found


def _one_of(found: Sequence[Named]) -> Named | None:
    if len({one.account for one in found}) != 1:
        return None
    bills = {one.bill_no for one in found if one.bill_no is not None}
    return Named(account=found[0].account, bill_no=bills.pop() if len(bills) == 1 else None)
