"""What must hold of the batches for the general ledger: each sums its entries, and every entry is in one of them."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from pos.domain.ledger_feed import digest_of
from pos.store.ledger_batches import ENTRIES_OF_BATCH, batch_by_number
from pos.till.verify_cash import UNREADABLE
from pos.till.verify_rows import Finding

_KEY = "batch_id, source_kind, original_date, currency, is_credit, ledger_account"

LEDGER_CHECKS: tuple[tuple[str, str], ...] = (
    (
        "ledger_batch_is_its_entries",
        f"SELECT DISTINCT batch_id FROM (SELECT {_KEY}, debit_minor, credit_minor, postings FROM "
        "(SELECT *, debit_minor = 0 AS is_credit FROM ledger_batch_line) UNION ALL "
        f"SELECT {_KEY}, -sum(debit_minor), -sum(credit_minor), -count(*) FROM (SELECT batch.batch_id, entry.source_kind, "
        "original_date, currency, debit_minor = 0 AS is_credit, ledger_account, debit_minor, credit_minor "
        f"{ENTRIES_OF_BATCH} JOIN journal_line USING (entry_id) LEFT JOIN moved_entry USING (entry_id)) GROUP BY {_KEY}) "
        f"GROUP BY {_KEY} HAVING sum(debit_minor) <> 0 OR sum(credit_minor) <> 0 OR sum(postings) <> 0",
    ),
    (
        "ledger_batch_counts_its_entries",
        "SELECT batch_number FROM ledger_batch AS stored WHERE entries <> (SELECT count(*) "
        f"{ENTRIES_OF_BATCH} WHERE batch.batch_id = stored.batch_id) "
        "OR lines <> (SELECT count(*) FROM ledger_batch_line WHERE ledger_batch_line.batch_id = stored.batch_id)",
    ),
    (
        "ledger_batches_have_no_gap",
        "SELECT batch_number FROM (SELECT *, row_number() OVER (ORDER BY sequence) AS place, "
        "row_number() OVER (PARTITION BY business_date ORDER BY part) AS place_of_day, "
        "lag(entries_through, 1, 0) OVER (PARTITION BY business_date ORDER BY part) AS before FROM ledger_batch) "
        "WHERE sequence <> place OR part <> place_of_day OR entries_after <> before",
    ),
    (
        "ledger_line_has_its_batch",
        "SELECT DISTINCT batch_id FROM ledger_batch_line WHERE batch_id NOT IN (SELECT batch_id FROM ledger_batch)",
    ),
)


def altered_batches(connection: Connection) -> Iterator[Finding]:
    """The batches that are not what was told under their digest."""
    for number, digest in connection.exec_driver_sql("SELECT batch_number, digest FROM ledger_batch").all():
        try:
            batch = batch_by_number(connection, number)
            fits = batch is not None and digest_of(batch) == digest
        except UNREADABLE:
            fits = False
        if not fits:
            yield Finding(check="ledger_batch_has_its_digest", where=str(number))
