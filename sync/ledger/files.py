"""The files of the feed, a line at a time: batches in one of the forms, or the whole journal in one of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

from pos.domain.ledger_entry import FeedAccount, FeedEntry, accounts_of, batch_entries
from pos.domain.ledger_feed import LedgerBatch, digest_of, plain_csv
from pos.domain.money import Currency
from sync.ledger.plain_text import (
    beancount_entries,
    beancount_head,
    hledger_entries,
    hledger_head,
)
from sync.ledger.tables import journal_csv, oracle_csv, sap_csv


class BatchForm(StrEnum):
    """The forms of a batch's file."""

    CSV = "csv"
    JSON = "json"
    ORACLE = "oracle"
    SAP = "sap"
    HLEDGER = "hledger"
    BEANCOUNT = "beancount"

    @property
    def suffix(self) -> str:
        """How the names of such files end."""
        return _SUFFIX.get(self, ".csv")

    @property
    def media_type(self) -> str:
        """What it is on the wire."""
        return {
            BatchForm.JSON: "application/json",
            BatchForm.HLEDGER: "text/plain; charset=utf-8",
            BatchForm.BEANCOUNT: "text/plain; charset=utf-8",
        }.get(self, "text/csv; charset=utf-8")


class JournalForm(StrEnum):
    """The forms of the journal's file."""

    CSV = "csv"
    HLEDGER = "hledger"
    BEANCOUNT = "beancount"


_SUFFIX = {BatchForm.JSON: ".json", BatchForm.HLEDGER: ".journal", BatchForm.BEANCOUNT: ".beancount"}


def batch_file(form: BatchForm, batches: Sequence[LedgerBatch], *, accounts: bool = True) -> Iterator[str]:
    """``batches`` in ``form``: the same batches give the same bytes for ever.

    ``accounts`` False leaves the declarations out, for a file that is read after another with them.
    """
    match form:
        case BatchForm.CSV:
            yield from plain_csv(batches)
        case BatchForm.JSON:
            yield from (json.dumps(batch_json(batch), ensure_ascii=False) + "\n" for batch in batches)
        case BatchForm.ORACLE:
            yield from oracle_csv(batches)
        case BatchForm.SAP:
            yield from sap_csv(batches)
        case BatchForm.HLEDGER | BatchForm.BEANCOUNT:
            known = {total.debit.currency for batch in batches for total in batch.totals}
            entries = (entry for batch in batches for entry in batch_entries(batch))
            yield from _journal(JournalForm(form), accounts_of(batches) if accounts else None, known, entries)


def journal_file(
    form: JournalForm,
    accounts: Iterable[FeedAccount],
    currencies: Iterable[Currency],
    entries: Iterable[FeedEntry],
) -> Iterator[str]:
    """Every entry in ``form``; none of them is held longer than it takes to write it."""
    if form is JournalForm.CSV:
        yield from journal_csv(entries)
    else:
        yield from _journal(form, accounts, currencies, entries)


_Head = Callable[[Iterable[FeedAccount], Iterable[Currency]], Iterator[str]]
_Body = Callable[[Iterable[FeedEntry]], Iterator[str]]
_PLAIN_TEXT: Mapping[JournalForm, tuple[_Head, _Body]] = {
    JournalForm.HLEDGER: (hledger_head, hledger_entries),
    JournalForm.BEANCOUNT: (beancount_head, beancount_entries),
}


def _journal(
    form: JournalForm,
    accounts: Iterable[FeedAccount] | None,
    currencies: Iterable[Currency],
    entries: Iterable[FeedEntry],
) -> Iterator[str]:
    head, body = _PLAIN_TEXT[form]
    if accounts is not None:
        yield from head(accounts, sorted(currencies, key=lambda one: one.code))
    yield from body(entries)


def batch_json(batch: LedgerBatch) -> dict[str, object]:
    """A batch with its control totals and digest, for a program."""
    return {
        **batch_head(batch),
        "terms": dict(sorted(batch.terms.items())),
        "lines": [
            {
                "line": line.number,
                "event": line.event,
                "category": line.category,
                "account": line.code,
                "accountName": line.name,
                "ledgerAccount": line.ledger_account,
                "kind": str(line.kind),
                "currency": line.debit.currency.code,
                "debit": line.debit.plain(),
                "credit": line.credit.plain(),
                "postings": line.postings,
                "originalDate": None if line.original_date is None else line.original_date.isoformat(),
            }
            for line in batch.lines
        ],
    }


def batch_head(batch: LedgerBatch) -> dict[str, object]:
    """What a batch is, and by which figures it is checked, without its lines."""
    return {
        "batch": batch.number,
        "sequence": batch.sequence,
        "shop": batch.shop,
        "terminal": batch.terminal,
        "businessDate": batch.business_date.isoformat(),
        "part": batch.part,
        "accountingDate": batch.accounting_date.isoformat(),
        "deliveredBy": str(batch.delivered_by),
        "entries": batch.entries,
        "lineCount": len(batch.lines),
        "totals": [
            {
                "currency": total.debit.currency.code,
                "debit": total.debit.plain(),
                "credit": total.credit.plain(),
            }
            for total in batch.totals
        ],
        "sha256": digest_of(batch),
    }
