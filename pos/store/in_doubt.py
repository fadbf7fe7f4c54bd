"""Bills and accounts that central may have changed by what this till sent, without our knowing yet."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from pos.store.outbox import OutboxRow


def bills_paid(connection: Connection, rows: Iterable[OutboxRow]) -> list[str]:
    """The numbers of the bills that the legs of ``rows`` pay, also those that their money was moved to."""
    statement = (
        "SELECT bill_no FROM allocation WHERE payment_event_id = ?1 AND leg = ?2 AND bill_no IS NOT NULL UNION "
        "SELECT bill_no FROM placed_part WHERE payment_event_id = ?1 AND leg = ?2 AND bill_no IS NOT NULL"
    )
    found: dict[str, None] = {}
    for row in rows:
        for (bill_no,) in connection.exec_driver_sql(statement, (row.payment_event_id, row.leg)):
            found[bill_no] = None
    return list(found)


def bills_in_doubt(connection: Connection) -> set[str]:
    """Bills that a correction touched which a server without change numbers may have without our knowing."""
    rows = connection.exec_driver_sql(
        "SELECT bill_no FROM outbox JOIN allocation USING (payment_event_id, leg) WHERE outbox.state <> 'acknowledged' "
        "AND outbox.state IN ('sent', 'unknown') AND kind IN ('refund', 'moved', 'moved_refund') AND bill_no IS NOT NULL "
        "UNION SELECT bill_no FROM outbox JOIN placed_part USING (payment_event_id, leg) "
        "WHERE outbox.state <> 'acknowledged' AND outbox.state IN ('sent', 'unknown') "
        "AND kind IN ('refund', 'moved', 'moved_refund') AND bill_no IS NOT NULL"
    )
    return {str(row[0]) for row in rows}


def accounts_in_doubt(connection: Connection) -> set[str]:
    """Accounts that this till credited, or brought a bank receipt for, by what central may have without our knowing."""
    rows = connection.exec_driver_sql(
        "SELECT allocation.account FROM outbox JOIN allocation USING (payment_event_id, leg) "
        "WHERE state <> 'acknowledged' AND state IN ('sent', 'unknown') AND allocation.bill_no IS NULL "
        "AND allocation.sale_line IS NULL UNION SELECT account FROM outbox "
        "WHERE state <> 'acknowledged' AND state IN ('sent', 'unknown') "
        "AND kind IN ('transfer', 'commission', 'moved', 'moved_refund', 'dishonour') "
        "UNION SELECT placed_part.account FROM outbox JOIN placed_part USING (payment_event_id, leg) "
        "WHERE state <> 'acknowledged' AND state IN ('sent', 'unknown') AND kind = 'refund' "
        "UNION SELECT part.account FROM outbox JOIN refund_across_part AS part ON part.refund_id = source_id "
        "AND part.leg = outbox.leg WHERE state <> 'acknowledged' AND state IN ('sent', 'unknown') "
        "AND kind = 'refund_across' UNION SELECT recovery.account FROM outbox "
        "JOIN recovery USING (payment_event_id, leg) WHERE state <> 'acknowledged' AND state IN ('sent', 'unknown') UNION "
        "SELECT outbox.account FROM outbox JOIN leg USING (payment_event_id, leg) "
        "JOIN bank_receipt_event USING (tender_id) "
        "WHERE outbox.state <> 'acknowledged' AND outbox.state IN ('sent', 'unknown')"
    )
    return {str(row[0]) for row in rows}
