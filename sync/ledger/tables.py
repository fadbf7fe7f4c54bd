"""CSV in the column names of accounting systems. They are layouts to start from: none is certified by its maker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pos.domain.encode import csv_cell, csv_line, csv_texts
from pos.domain.iso_currencies import EXPONENT_BY_CODE
from pos.domain.ledger_entry import FeedEntry, FeedKind
from pos.domain.ledger_feed import LedgerBatch, amount_or_empty, decimal_or_empty

ORACLE = (
    "STATUS",
    "LEDGER_ID",
    "ACCOUNTING_DATE",
    "CURRENCY_CODE",
    "DATE_CREATED",
    "ACTUAL_FLAG",
    "USER_JE_CATEGORY_NAME",
    "USER_JE_SOURCE_NAME",
    "SEGMENT1",
    "SEGMENT2",
    "SEGMENT3",
    "ENTERED_DR",
    "ENTERED_CR",
    "REFERENCE1",
    "REFERENCE4",
    "REFERENCE5",
    "REFERENCE10",
    "REFERENCE21",
    "REFERENCE22",
    "REFERENCE23",
    "GROUP_ID",
)
"""Of GL_INTERFACE: batch, journal and line names in REFERENCE1, 4 and 10, ours in 21 and on; segments are company, cost
centre and account."""

SAP = (
    "DOCUMENT",
    "ITEM",
    "COMPANY_CODE",
    "DOCUMENT_DATE",
    "POSTING_DATE",
    "CURRENCY",
    "REFERENCE",
    "HEADER_TEXT",
    "DEBIT_CREDIT",
    "GL_ACCOUNT",
    "AMOUNT",
    "COST_CENTER",
    "ASSIGNMENT",
    "ITEM_TEXT",
)
"""A document of one kind of deed with its lines; S is a debit, H a credit, as SAP writes them."""

SOURCE = "Counterfoil"
NO_TEXT = '""'


def oracle_csv(batches: Iterable[LedgerBatch]) -> Iterator[str]:
    """The column names of Oracle's GL_INTERFACE."""
    yield csv_line(ORACLE)
    for batch in batches:
        for line in batch.lines:
            of_day = line.original_date or batch.business_date
            yield csv_line(
                [
                    "NEW",
                    batch.terms.get("ledger", ""),
                    batch.accounting_date.isoformat(),
                    line.debit.currency.code,
                    of_day.isoformat(),
                    "A",
                    line.category,
                    SOURCE,
                    batch.terms.get("company", ""),
                    batch.terms.get("cost_centre") or batch.shop,
                    line.code,
                    amount_or_empty(line.debit),
                    amount_or_empty(line.credit),
                    batch.number,
                    f"{batch.number} {line.event}",
                    f"{batch.shop} {batch.terminal} {of_day.isoformat()}",
                    line.name,
                    batch.number,
                    line.number,
                    line.postings,
                    batch.sequence,
                ]
            )


def sap_csv(batches: Iterable[LedgerBatch]) -> Iterator[str]:
    """Documents and lines: a new document for each kind of deed, day that it was moved from, and currency."""
    yield csv_line(SAP)
    for batch in batches:
        document, item, before = 0, 0, None
        for line in batch.lines:
            of_day = line.original_date or batch.business_date
            group = (line.event, of_day, line.debit.currency.code)
            if group != before:
                document, item, before = document + 1, 0, group
            item += 1
            is_debit = bool(line.debit.minor)
            yield csv_line(
                [
                    document,
                    item,
                    batch.terms.get("company", ""),
                    of_day.strftime("%Y%m%d"),
                    batch.accounting_date.strftime("%Y%m%d"),
                    line.debit.currency.code,
                    batch.number,
                    line.category,
                    "S" if is_debit else "H",
                    line.code,
                    (line.debit if is_debit else line.credit).plain(),
                    batch.terms.get("cost_centre") or batch.shop,
                    line.number,
                    line.name,
                ]
            )


JOURNAL = (
    "number",
    "date",
    "event",
    "category",
    "entry",
    "batch",
    "booked_at_utc",
    "original_date",
    "line",
    "account",
    "account_name",
    "ledger_account",
    "customer",
    "currency",
    "debit",
    "credit",
)
"""Of the journal, a line a row; ``number`` is the receipt or slip that it was booked with."""


def journal_csv(entries: Iterable[FeedEntry]) -> Iterator[str]:
    """Every line of every entry, an entry at a time."""
    yield csv_line(JOURNAL)
    made: dict[FeedKind, tuple[str, Mapping[str, str]]] = {}
    for number, kind, tags, lines in entries:
        if kind not in made:
            made[kind] = kind.on.isoformat(), _account_cells(kind)
        on, accounts = made[kind]
        tag = tags.get
        head = csv_texts(
            [
                *(number, on, kind.event, kind.said),
                *(tag("entry", ""), tag("batch", ""), tag("booked", ""), tag("original-date", "")),
            ]
        )
        yield "".join(
            [
                f"{head},{place},{accounts[account]},{csv_cell(note) if note else NO_TEXT},"
                f"{_amounts(code, debit, credit)}\r\n"
                for place, (account, note, debit, credit, code) in enumerate(lines, start=1)
            ]
        )


def _account_cells(kind: FeedKind) -> Mapping[str, str]:
    return {
        called: csv_texts([account.code, account.name, account.key])
        for called, account in kind.accounts.items()
    }


def _amounts(code: str, debit: int, credit: int) -> str:
    exponent = EXPONENT_BY_CODE[code]
    return f'"{code}","{decimal_or_empty(debit, exponent)}","{decimal_or_empty(credit, exponent)}"'
