"""Files of a bank as tests need them: entries, and a run over them; mandates behind them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pos.domain.bank_file import BankEntry, EntryKind, EntryPlan, FileHead, Forecast
from pos.domain.debit_policy import DebitPolicy
from pos.domain.mandate import Mandate
from pos.domain.money import Money
from pos.domain.role import Person
from pos.till.bank_runs import FileToRun, begin_file, carry_out, forecast
from pos.till.desk import Desk
from pos.till.mandates import MandateDeed, MandateOrder, keep_mandate
from tests.builders.tills import BACK_OFFICE, TODAY, money

IBAN = "NL91ABNA0417164300"
OTHER_IBAN = "DE89370400440532013000"


def paid(reference: str, amount: str = "41.750", **more: Any) -> BankEntry:
    """The bank has the money of a debit; of BA-1 where nothing else is said."""
    told = {"value_date": TODAY.isoformat(), "account": "BA-1", "currency": "KWD", **more}
    return BankEntry(number=0, kind=EntryKind.PAID, reference=reference, amount=amount, **told)


def rejected(reference: str, reason: str = "AM04", **more: Any) -> BankEntry:
    """The bank refused it before it came."""
    return BankEntry(number=0, kind=EntryKind.REJECTED, reference=reference, reason=reason, **more)


def returned(reference: str, amount: str = "41.750", reason: str = "MD06", **more: Any) -> BankEntry:
    """The bank took it back after it had come."""
    return BankEntry(
        number=0,
        kind=EntryKind.RETURNED,
        reference=reference,
        amount=amount,
        currency=more.pop("currency", "KWD"),
        reason=reason,
        value_date=TODAY.isoformat(),
        **more,
    )


def file_of(name: str = "a.xml", **head: Any) -> FileToRun:
    """A file of this name, whose bytes and number go by it."""
    return FileToRun(
        digest=hashlib.sha256(name.encode()).hexdigest(),
        name=name,
        profile="iso20022",
        head=FileHead(**{"message": "camt.054", "bank_file_id": name, "currency": "KWD", **head}),
    )


def run(
    desk: Desk, *entries: BankEntry, name: str = "a.xml", person: Person = BACK_OFFICE
) -> list[EntryPlan]:
    """Carry out a file of these entries."""
    file = file_of(name)
    told = numbered(entries)
    found = forecast(desk, person, file, told)
    sums = (_sum(desk, told, EntryKind.PAID), _sum(desk, told, EntryKind.RETURNED))
    known = begin_file(desk, person, file, found, paid=sums[0], back=sums[1])
    return list(carry_out(desk, person, known, told))


def dry_run(
    desk: Desk, *entries: BankEntry, name: str = "a.xml", person: Person = BACK_OFFICE, **head: Any
) -> Forecast:
    """What such a file would do."""
    return forecast(desk, person, file_of(name, **head), numbered(entries))


def numbered(entries: Sequence[BankEntry]) -> list[BankEntry]:
    return [replace(entry, number=number) for number, entry in enumerate(entries, start=1)]


def _sum(desk: Desk, entries: Sequence[BankEntry], kind: EntryKind) -> Money:
    shop = desk.identity.currency
    return Money(
        sum(
            money(entry.amount).minor
            for entry in entries
            if entry.kind is kind and entry.currency == shop.code
        ),
        shop,
    )


def mandated(desk: Desk, mandate: str = "M-1", account: str = "BA-1", **more: Any) -> Mandate:
    """A mandate that the back office registered."""
    order = MandateOrder(
        **{
            "deed": MandateDeed.REGISTER,
            "mandate": mandate,
            "account": account,
            "holder": "Zoë O'Brien",
            "number": IBAN,
            "signed_on": "2026-01-05",
            **more,
        }
    )
    return keep_mandate(desk, BACK_OFFICE, order)


def with_debits(desk: Desk, **rules: Any) -> Desk:
    """The shop's rules of direct debit are these."""
    desk.policy = replace(desk.policy, debits=replace(DebitPolicy(), **rules))
    return desk
