"""hledger and Beancount journals: a second program that adds the books up again.

Account names are made of the operator's code and our key alone, so that no name somebody typed can break a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from pos.domain.iso_currencies import EXPONENT_BY_CODE
from pos.domain.ledger_entry import FeedAccount, FeedEntry, FeedKind
from pos.domain.ledger_feed import AccountKind
from pos.domain.money import Currency, Money, decimal_text
from pos.domain.text_guard import clean_foreign

_HLEDGER_ROOT = {
    AccountKind.ASSET: "assets",
    AccountKind.LIABILITY: "liabilities",
    AccountKind.INCOME: "revenues",
    AccountKind.EXPENSE: "expenses",
}
_HLEDGER_TYPE = {
    AccountKind.ASSET: "A",
    AccountKind.LIABILITY: "L",
    AccountKind.INCOME: "R",
    AccountKind.EXPENSE: "X",
}
_BEANCOUNT_ROOT = {
    AccountKind.ASSET: "Assets",
    AccountKind.LIABILITY: "Liabilities",
    AccountKind.INCOME: "Income",
    AccountKind.EXPENSE: "Expenses",
}
FIRST_DAY = "1970-01-01"
"""Accounts are open since ever: the books do not know when the operator opened them."""
TEXT_MAX = 200
_is_harmless = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 .:_+-]{0,150}[A-Za-z0-9])?").fullmatch
"""Nearly every text: it needs no look at each sign."""


def hledger_head(accounts: Iterable[FeedAccount], currencies: Iterable[Currency]) -> Iterator[str]:
    """The accounts and currencies, declared, so that ``hledger check --strict`` knows a wrong one."""
    yield "decimal-mark .\n"
    for known in currencies:
        yield f"commodity {_sample(known)} {known.code}\n"
    for account in accounts:
        kind = _HLEDGER_TYPE[account.kind]
        yield f"account {hledger_account(account)}  ; type: {kind}, name: {_hledger_text(account.name)}\n"


def hledger_entries(entries: Iterable[FeedEntry]) -> Iterator[str]:
    """One transaction an entry, cleared, with its number as code."""
    made: dict[FeedKind, tuple[str, str, Mapping[str, str]]] = {}
    for number, kind, tags, lines in entries:
        if kind not in made:
            named = {called: hledger_account(account) for called, account in kind.accounts.items()}
            made[kind] = kind.on.isoformat(), _hledger_text(kind.said), named
        on, said, accounts = made[kind]
        texts = [f"\n{on} * ({_hledger_text(number)}) {said}\n"]
        texts += [f"    ; {name}: {_hledger_text(value)}\n" for name, value in tags.items()]
        for account, note, debit, credit, code in lines:
            noted = f"  ; {_hledger_note(note)}" if note else ""
            texts.append(f"    {accounts[account]}  {_signed(debit, credit, code)}{noted}\n")
        yield "".join(texts)


def hledger_account(account: FeedAccount) -> str:
    """Its name in the journal, such as ``assets:1010-cash-in-till``."""
    return f"{_HLEDGER_ROOT[account.kind]}:{_component(account)}"


def beancount_head(accounts: Iterable[FeedAccount], currencies: Iterable[Currency]) -> Iterator[str]:
    """The accounts and currencies, opened: an account that is not is an error."""
    for known in currencies:
        yield f"{FIRST_DAY} commodity {known.code}\n"
    for account in accounts:
        yield f"{FIRST_DAY} open {beancount_account(account)}\n  name: {_quoted(account.name)}\n"


def beancount_entries(entries: Iterable[FeedEntry]) -> Iterator[str]:
    """One transaction an entry; number and tags are its metadata."""
    made: dict[FeedKind, tuple[str, Mapping[str, str]]] = {}
    for number, kind, tags, lines in entries:
        if kind not in made:
            named = {called: beancount_account(account) for called, account in kind.accounts.items()}
            made[kind] = f"\n{kind.on.isoformat()} * {_quoted(kind.said)}\n", named
        head, accounts = made[kind]
        texts = [f"{head}  number: {_quoted(number)}\n"]
        texts += [f"  {name}: {_quoted(value)}\n" for name, value in tags.items()]
        for account, note, debit, credit, code in lines:
            noted = f"    note: {_quoted(note)}\n" if note else ""
            texts.append(f"  {accounts[account]}  {_signed(debit, credit, code)}\n{noted}")
        yield "".join(texts)


def beancount_account(account: FeedAccount) -> str:
    """Its name in the journal, such as ``Assets:1010-cash-in-till``."""
    return f"{_BEANCOUNT_ROOT[account.kind]}:{_component(account)}"


def _signed(debit: int, credit: int, code: str) -> str:
    """An amount with its currency: debits positive, credits negative."""
    return f"{decimal_text(debit or -credit, EXPONENT_BY_CODE[code])} {code}"


def _component(account: FeedAccount) -> str:
    """Code and key, of letters, digits and dashes; what Beancount wants at the beginning, a digit or a capital, is there."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", f"{account.code}-{account.key}").strip("-")
    return plain[:1].upper() + plain[1:]


def _sample(known: Currency) -> str:
    """A number with the currency's digits; a decimal mark stands there in any case."""
    return f"{Money(0, known).plain()}." if known.exponent == 0 else Money(0, known).plain()


def _hledger_text(text: str) -> str:
    """On one line, and without the marks that begin a comment, a second tag, a code or another part of the description."""
    if _is_harmless(text):
        return text
    return re.sub(r"[;|,()\s]+", " ", clean_foreign(text, limit=TEXT_MAX)).strip()


def _hledger_note(text: str) -> str:
    """Of one posting: a tag ``date``, or a day in brackets, would be the day that it is posted on; no tag's value is."""
    plain = text if _is_harmless(text) else _hledger_text(re.sub(r"[\[\]]+", " ", text))
    return f"note: {plain}" if ":" in plain else plain


def _quoted(text: str) -> str:
    if _is_harmless(text):
        return f'"{text}"'
    cleaned = clean_foreign(text, limit=TEXT_MAX).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{cleaned}"'
