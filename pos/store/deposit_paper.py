"""What a deposit slip's paper keeps: its cheques by place; the drawers' names stand in the rows that can be purged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import Connection

from pos.domain.money import Currency, Money
from pos.domain.receipt import DepositFacts, DepositLine

DRAWER = (
    "coalesce((SELECT details_json ->> 'drawer' FROM tender_person WHERE tender_person.tender_id = cheque.tender_id), "
    "(SELECT name FROM payer_person JOIN tender USING (payment_event_id) WHERE tender.tender_id = cheque.tender_id))"
)
"""Who drew ``cheque``: as its tender says, else whoever paid with it; NULL after a purge."""


def deposit_stored(deposit: DepositFacts | None) -> dict[str, object]:
    """Only a deposit slip has this key. No names: they are not for a row that can never change."""
    if deposit is None:
        return {}
    return {
        "deposit": {
            "holder": deposit.holder,
            "bank": deposit.bank,
            "account_number": deposit.account_number,
            "cheques": [
                [line.serial, line.bank, line.branch, line.dated.isoformat(), line.amount.minor]
                for line in deposit.cheques
            ],
            **({"bags": [[number, amount.minor] for number, amount in deposit.bags]} if deposit.bags else {}),
        }
    }


def deposit_read(stored: Mapping[str, Any] | None, in_currency: Currency) -> DepositFacts | None:
    """As stored, without the drawers."""
    if stored is None:
        return None
    return DepositFacts(
        holder=stored["holder"],
        bank=stored["bank"],
        account_number=stored["account_number"],
        cheques=tuple(
            DepositLine(
                serial=serial,
                bank=bank,
                branch=branch,
                dated=date.fromisoformat(dated),
                amount=Money(minor, in_currency),
                drawer=None,
            )
            for serial, bank, branch, dated, minor in stored["cheques"]
        ),
        bags=tuple((number, Money(minor, in_currency)) for number, minor in stored.get("bags", ())),
    )


def with_drawers(connection: Connection, receipt_number: str, deposit: DepositFacts) -> DepositFacts:
    """With the names that are still kept."""
    drawers = {
        int(place): None if name is None else str(name)
        for place, name in connection.exec_driver_sql(
            f"SELECT place, {DRAWER} FROM deposit_slip JOIN deposit_cheque USING (slip_id) JOIN cheque USING (cheque_id) "
            "WHERE receipt_number = ?",
            (receipt_number,),
        )
    }
    named = (replace(line, drawer=drawers.get(place)) for place, line in enumerate(deposit.cheques, start=1))
    return replace(deposit, cheques=tuple(named))
