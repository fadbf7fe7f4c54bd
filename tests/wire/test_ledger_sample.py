"""The files of one batch and of one journal, byte for byte: what was sent must come out the same for ever.

The texts in ``ledger_sample.json`` never change; a new form adds its own.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from pos.domain.ledger_entry import FeedAccount, FeedEntry, FeedKind
from pos.domain.ledger_feed import AccountKind, BatchLine, Deliverer, LedgerBatch
from pos.domain.money import Money, currency
from sync.ledger.files import BatchForm, JournalForm, batch_file, journal_file

SAMPLE: dict[str, str] = json.loads(
    Path(__file__).with_name("ledger_sample.json").read_text(encoding="utf-8")
)
DAY, NEXT_MONTH = date(2026, 10, 31), date(2026, 11, 1)
HOSTILE = '=HYPERLINK("http://x.example","1")\n; account assets:x\n"} \\'
CASH = FeedAccount(key="cash_in_till", code="1010", name="Cash in till", kind=AccountKind.ASSET)
OWED = FeedAccount(key="receivable", code="-12", name=HOSTILE, kind=AccountKind.ASSET)
TAX = FeedAccount(key="output_tax:5", code="2205", name='Sales tax, "5 %"', kind=AccountKind.LIABILITY)
NOTES = (
    "BA-1",
    None,
    "",
    "x",
    "x ",
    " x",
    '"',
    'a","b',
    "date:2020-01-01",
    "[2020-01-01] x",
    "Ünal; =1+1",
    "-7",
)


def line(number: int, account: FeedAccount, minor: int, code: str, *, moved: bool = False) -> BatchLine:
    """Of the batch: a debit above nothing, a credit below it."""
    return BatchLine(
        number=number,
        event="payment" if number < 4 else "shift_closed",
        category="Payment" if number < 4 else HOSTILE,
        ledger_account=account.key,
        code=account.code,
        name=account.name,
        kind=account.kind,
        debit=Money(max(minor, 0), currency(code)),
        credit=Money(max(-minor, 0), currency(code)),
        postings=number,
        original_date=DAY if moved else None,
    )


BATCH = LedgerBatch(
    number="S014-T1-A-20261031-01",
    sequence=7,
    shop="S014",
    terminal="T1",
    business_date=DAY,
    part=1,
    accounting_date=NEXT_MONTH,
    entries=9,
    delivered_by=Deliverer.TILL,
    terms={"ledger": "1001", "company": "KW01", "cost_centre": "=1"},
    lines=(
        line(1, CASH, 1_234_567, "KWD"),
        line(2, OWED, -1_234_562, "KWD"),
        line(3, TAX, -5, "KWD"),
        line(4, CASH, 1200, "JPY"),
        line(5, OWED, -1200, "JPY"),
        line(6, CASH, 50, "EUR", moved=True),
        line(7, OWED, -50, "EUR", moved=True),
    ),
)


def entries() -> list[FeedEntry]:
    """Of two kinds by turns, one with nothing to clean; a line for each note, with few and with many digits."""
    kinds = [
        FeedKind(event="payment", on=DAY, said="Payment", accounts={"cash": CASH, "owed": OWED}),
        FeedKind(event="refund", on=NEXT_MONTH, said=HOSTILE, accounts={"cash": TAX, "owed": CASH}),
    ]
    found = []
    for place, number in enumerate(["S014-T1-A-000001", "shift 1; x", '=A1","B1', "S014-T1-A-000002"]):
        tags = {
            "event": kinds[place % 2].event,
            "entry": f"E-{place}",
            "booked": "2026-10-31T09:00:00.000000Z",
        }
        if place:
            tags |= {"batch": BATCH.number, "original-date": DAY.isoformat()}
        code = ("KWD", "JPY", "EUR", "KWD")[place]
        minors = [place + 10**digits for digits, _ in enumerate(NOTES)]
        owed = [("owed", note, 0, minor, code) for note, minor in zip(NOTES, minors, strict=True)]
        found.append(FeedEntry(number, kinds[place % 2], tags, [("cash", None, sum(minors), 0, code), *owed]))
    return found


@pytest.mark.parametrize("form", BatchForm)
def test_a_batch_is_the_same_bytes_in_every_form_for_ever(form: BatchForm) -> None:
    assert "".join(batch_file(form, [BATCH])) == SAMPLE[f"batch.{form}"]


@pytest.mark.parametrize("form", JournalForm)
def test_a_journal_is_the_same_bytes_in_every_form_for_ever(form: JournalForm) -> None:
    currencies = [currency(code) for code in ("EUR", "JPY", "KWD")]

    assert "".join(journal_file(form, [CASH, OWED, TAX], currencies, entries())) == SAMPLE[f"journal.{form}"]
