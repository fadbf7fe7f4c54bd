"""What debits cost their payers, as stored: each is a bill of its account, and central is told of it once."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from pos.domain.money import Money, currency

CHARGE = "charge"
"""The outbox's kind of what our own central is told of a charge; its source is the charge's id, which is its key too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DebitCharge:
    """A charge. ``reference`` is the debit's, ``reason_code`` the bank's, None where it named none.

    ``returned`` is what the bank took back of money that no payment stands for any more.
    """

    charge_id: str
    bill_no: str
    account: str
    reference: str
    reason_code: str | None
    returned: Money
    fee: Money
    tax: Money
    charged_on: str
    at_utc: str
    utc_offset_min: int
    operator: str
    terminal: str


_CHARGES = (
    "SELECT charge_id, charge.bill_no, charge.account, reference, reason_code, returned_minor, charge.fee_minor, tax_minor, "
    "charge.currency, charged_on, charge.at_utc, utc_offset_min, charge.operator, "
    "(SELECT value FROM home WHERE name = 'terminal') FROM debit_charge AS charge "
    "JOIN bank_entry USING (run_id, number) "
)


def charge_told(connection: Connection, outbox_id: int) -> DebitCharge:
    """The charge that the row ``outbox_id`` tells of."""
    row = connection.exec_driver_sql(
        _CHARGES + "WHERE charge_id = (SELECT source_id FROM outbox WHERE outbox_id = ?)", (outbox_id,)
    ).one()
    return _charge(tuple(row))


def charges_of_entry(connection: Connection, run_id: str, number: int) -> list[DebitCharge]:
    """What an entry of a bank's file charged."""
    rows = connection.exec_driver_sql(
        _CHARGES + "WHERE charge.run_id = ? AND charge.number = ? ORDER BY charge_id", (run_id, number)
    )
    return [_charge(tuple(row)) for row in rows]


def _charge(row: tuple[object, ...]) -> DebitCharge:
    (
        charge_id,
        bill_no,
        account,
        reference,
        reason,
        returned,
        fee,
        tax,
        code,
        on,
        at,
        offset,
        operator,
        home,
    ) = row
    in_currency = currency(str(code))
    assert isinstance(returned, int)
    assert isinstance(fee, int)
    assert isinstance(tax, int)
    assert isinstance(offset, int)
    return DebitCharge(
        charge_id=str(charge_id),
        bill_no=str(bill_no),
        account=str(account),
        reference=str(reference),
        reason_code=None if reason is None else str(reason),
        returned=Money(returned, in_currency),
        fee=Money(fee, in_currency),
        tax=Money(tax, in_currency),
        charged_on=str(on),
        at_utc=str(at),
        utc_offset_min=offset,
        operator=str(operator),
        terminal=str(home),
    )
