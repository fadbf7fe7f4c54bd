"""The part of a correction's paper that is its own, as stored; and which paper undid another."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from pos.domain.money import Currency, Money
from pos.domain.receipt import CorrectionFacts, CorrectionLine


def correction_stored(facts: CorrectionFacts | None) -> dict[str, object]:
    """As the receipt's facts keep it; nothing for other papers."""
    if facts is None:
        return {}
    return {
        "correction": {
            "of_receipt": facts.of_receipt,
            "of_taken_at": facts.of_taken_at.isoformat(),
            "reason": facts.reason,
            "lines": [
                [line.account, line.bill_no, line.kept_as, line.amount.minor, line.placed]
                for line in facts.lines
            ],
            "given_back": [[label, amount.minor, how] for label, amount, how in facts.given_back],
            "cash": facts.cash.minor,
            "approver": facts.approver,
        }
    }


def correction_read(raw: dict[str, Any] | None, in_currency: Currency) -> CorrectionFacts | None:
    """The other way."""
    if raw is None:
        return None
    return CorrectionFacts(
        of_receipt=raw["of_receipt"],
        of_taken_at=datetime.fromisoformat(raw["of_taken_at"]),
        reason=raw["reason"],
        lines=tuple(
            CorrectionLine(
                account=account,
                bill_no=bill_no,
                kept_as=kept_as,
                amount=Money(minor, in_currency),
                placed=placed,
            )
            for account, bill_no, kept_as, minor, placed in raw["lines"]
        ),
        given_back=tuple((label, Money(minor, in_currency), how) for label, minor, how in raw["given_back"]),
        cash=Money(raw["cash"], in_currency),
        approver=raw["approver"],
    )


def undone_by(connection: Connection, receipt_number: str) -> str | None:
    """The paper of the void or reversal of a receipt's payment, the slip of a registered cheque that was given back, or the
    paper by which cash that was moved was taken back.
    """
    found = connection.exec_driver_sql(
        "SELECT correction.receipt_number FROM correction JOIN payment_event USING (payment_event_id) "
        "WHERE payment_event.receipt_number = ?1 AND kind IN ('void', 'reversal') UNION ALL "
        "SELECT step.receipt_number FROM post_dated_event AS step JOIN post_dated_cheque USING (post_dated_id) "
        "WHERE post_dated_cheque.receipt_number = ?1 AND step.state = 'withdrawn' UNION ALL "
        "SELECT back.receipt_number FROM cash_move AS back JOIN cash_move AS first ON first.move_id = back.undoes "
        "WHERE first.receipt_number = ?1",
        (receipt_number,),
    ).scalar()
    return None if found is None else str(found)
