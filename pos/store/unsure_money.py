"""Money that was taken and is not sure yet: what waits for a bank's word, by what the books know of that word."""

from __future__ import annotations

import json
from collections.abc import Collection

from sqlalchemy import Connection

from pos.domain.money import Currency, Money

CONFIRMED = (
    "EXISTS (SELECT 1 FROM imported_record_state AS told WHERE told.tender_id = tender.tender_id "
    "AND told.state IN ('matched', 'posted'))"
)
"""The bank's own file has the paper of ``tender``."""
CHEQUE_STATE = (
    "coalesce((SELECT state FROM cheque JOIN cheque_event USING (cheque_id) WHERE cheque.tender_id = tender.tender_id "
    "ORDER BY cheque_event.number DESC LIMIT 1), '')"
)
RECEIPT_STATE = (
    "coalesce((SELECT state FROM bank_receipt_event AS event WHERE event.tender_id = tender.tender_id "
    "ORDER BY number DESC LIMIT 1), '')"
)
UNSURE = (
    f"tender.mode IN (SELECT value FROM json_each(?)) AND {RECEIPT_STATE} NOT IN ('verified', 'settled') "
    f"AND {CHEQUE_STATE} <> 'cleared' AND NOT {CONFIRMED}"
)
"""Whether ``tender`` waits still; its parameter is ``modes_waiting``. What was settled was paid by other means."""


def modes_waiting(modes: Collection[str]) -> str:
    """The codes of the modes whose money waits for something, as ``UNSURE`` takes them."""
    return json.dumps(sorted(modes))


def goods_on_unsure_money(
    connection: Connection, dealer: str, in_currency: Currency, modes: Collection[str]
) -> Money:
    """What a dealer bought here with money in ``modes`` of which no bank has said yes or no.

    Bank receipts are counted whole elsewhere; a cheque that was sent back is a debt, and no open order.
    """
    minor = connection.exec_driver_sql(
        "SELECT coalesce(sum(allocation.amount_minor), 0) FROM payment_event AS event "
        "JOIN allocation USING (payment_event_id) JOIN tender ON tender.tender_id = allocation.tender_id "
        "WHERE event.payer_account = ? AND allocation.currency = ? AND allocation.sale_line IS NOT NULL "
        f"AND {UNSURE} AND {RECEIPT_STATE} = '' AND {CHEQUE_STATE} NOT IN ('dishonoured', 'replaced', 'returned')",
        (dealer, in_currency.code, modes_waiting(modes)),
    ).scalar_one()
    return Money(int(minor), in_currency)
