"""A step of a cheque that central is told of apart from its money: it cleared, or went back after it had bounced."""

from __future__ import annotations

from pos.store.cheque_clearing import legs_of_cheque, outcome_of_cheque
from pos.store.outbox import OUTCOME, queue_of_leg
from pos.store.times import utc_text
from pos.till.desk import Deed


def tell_of_cheque(deed: Deed, cheque_id: str, number: int, key: str) -> None:
    """Central is told of step ``number`` by each leg, behind the leg itself; ``key`` ends the message's name."""
    connection = deed.unit.connection
    deed.unit.insert_all(
        "outbox",
        [
            {
                "payment_event_id": event_id,
                "leg": leg,
                "correlator_id": f"{event_id}-{leg}-{key}",
                "kind": OUTCOME,
                "source_id": outcome_of_cheque(cheque_id, number),
                "account": account,
                "queue": queue_of_leg(connection, event_id, leg),
                "state": "waiting",
                "changed_at_utc": utc_text(deed.at),
            }
            for event_id, leg, account in legs_of_cheque(connection, cheque_id)
        ],
    )
