"""CSV in the column names of accounting systems. They are layouts to start from: none is certified by its maker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pos.domain.encode import csv_cells, csv_line
from pos.domain.ledger_entry import FeedAccount, FeedEntry
from pos.domain.ledger_feed import LedgerBatch, amount_or_empty

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
    """Every line of every entry."""
    yield csv_line(JOURNAL)
    named: dict[FeedAccount, str] = {}
    for entry in entries:
        tags = entry.tags
        head = csv_cells(
            [
                entry.number,
                entry.on.isoformat(),
                tags["event"],
                entry.said,
                *[tags.get(name, "") for name in ("entry", "batch", "booked", "original-date")],
            ]
        )
        for place, line in enumerate(entry.lines, start=1):
            account = line.account
            cells = named.get(account)
            if cells is None:
                cells = named[account] = csv_cells([account.code, account.name, account.key])
            note = csv_cells([line.note])
            debit, credit = amount_or_empty(line.debit), amount_or_empty(line.credit)
            yield f'{head},{place},{cells},{note},"{line.debit.currency.code}","{debit}","{credit}"\r\n'
