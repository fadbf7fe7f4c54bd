"""How accounts stood in collection when they were paid, for the wire and for the day on which the money bounces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from pos.domain.dunning import SUSPENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class DunningBefore:
    """``stage`` and ``status`` of an account before a payment: what a bounce puts back, not the start."""

    account: str
    status: str
    stage: int

    @property
    def back_there(self) -> str:
        """What the paper says where the payment is undone."""
        if self.status == SUSPENDED:
            return f"Account {self.account}: what is open again may keep service suspended."
        return f"Account {self.account}: what is open again is collected from stage {self.stage} on."


def dunning_before(connection: Connection, payment_event_id: str) -> list[DunningBefore]:
    """The accounts in collection that a payment event paid; none where all were in order."""
    rows = connection.exec_driver_sql(
        "SELECT account, status, dunning_stage FROM payment_dunning WHERE payment_event_id = ? ORDER BY account",
        (payment_event_id,),
    )
    return [DunningBefore(account=row[0], status=row[1], stage=int(row[2])) for row in rows]


def legs_not_final(connection: Connection, account: str, modes: Sequence[str]) -> list[tuple[str, str]]:
    """Legs in ``modes`` that paid bills of an account while it was in collection: correlator id and mode.

    A cheque that was cleared is final; what was voided or has bounced pays nothing any more.
    """
    if not modes:
        return []
    places = ", ".join("?" for _ in modes)
    rows = connection.exec_driver_sql(
        "SELECT outbox.correlator_id, v_tender.mode FROM payment_dunning "
        "JOIN leg USING (payment_event_id, account) JOIN outbox USING (payment_event_id, leg) "
        "JOIN v_tender ON v_tender.tender_id = leg.tender_id LEFT JOIN v_cheque ON v_cheque.tender_id = leg.tender_id "
        f"WHERE payment_dunning.account = ? AND outbox.kind = 'payment' AND v_tender.mode IN ({places}) "
        "AND v_tender.state = 'taken' "
        "AND coalesce(v_cheque.state, '') NOT IN ('cleared', 'dishonoured', 'returned', 'replaced') "
        "AND EXISTS (SELECT 1 FROM allocation WHERE allocation.payment_event_id = leg.payment_event_id "
        "AND allocation.leg = leg.leg AND allocation.bill_no IS NOT NULL) ORDER BY outbox.outbox_id",
        (account, *modes),
    )
    return [(str(row[0]), str(row[1])) for row in rows]
