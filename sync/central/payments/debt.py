"""What a payment at central does beside the money: kept apart, rests of bills cleared, written-off debt that comes back.

Each by a table of its own, so that bill, account and payment can be reckoned from scratch.
Source: domain.md rules 6, 15 and 18, section 3.11.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from pos.domain.errors import Refused
from pos.domain.money import Currency, Money, currency, parse_count, zero
from pos.domain.payment_mode import Purpose
from sync.central.bills.bills import StoredBill, find_bill, reduce_bill, set_against_bill

KEPT = (Purpose.ADVANCE, Purpose.DEPOSIT)
"""How money on an account may be kept apart from plain credit, the first asked for first."""


def keep_apart(
    connection: Connection,
    payment_id: str,
    account_id: str,
    on_account: Money,
    asked: Mapping[Purpose, Money],
) -> Money:
    """Note how much of ``on_account`` is an advance or a deposit; the rest, which is plain credit."""
    left = on_account
    for purpose in KEPT:
        part = min(left, asked.get(purpose, zero(left.currency)))
        if part.minor > 0:
            connection.execute(
                INSERT_KEPT, {"payment_id": payment_id, "kept_as": str(purpose), "amount_minor": part.minor}
            )
            connection.execute(
                ADD_ADVANCE if purpose is Purpose.ADVANCE else ADD_DEPOSIT,
                {"id": account_id, "minor": part.minor},
            )
            left = left - part
    return left


def clear_rests(
    connection: Connection,
    payment_id: str,
    asked: Mapping[str, Money],
    paid: Iterable[StoredBill],
    *,
    tolerance: str,
    change: int,
    at: str,
) -> None:
    """Clear what is left of the bills just ``paid`` (as they stand now), where the till says so.

    Our own tolerance is the most: whoever posts a payment must not be able to write debts off.
    """
    for bill in paid:
        told = asked.get(bill.bill_id)
        rest = bill.remaining
        if told is None or rest.minor <= 0 or rest > min(told, tolerated(tolerance, rest.currency)):
            continue
        reduce_bill(connection, bill, rest, change=change, at=at)
        connection.execute(
            INSERT_WRITE_OFF,
            {"payment_id": payment_id, "bill_id": bill.bill_id, "amount_minor": rest.minor},
        )


def tolerated(tolerance: str, in_currency: Currency) -> Money:
    """The most that is cleared of a bill in this currency; nothing where the setting is none of its amounts."""
    try:
        return parse_count(tolerance or "0", in_currency)
    except Refused:
        return zero(in_currency)


def recover(
    connection: Connection, payment_id: str, paid: Iterable[tuple[StoredBill, Money]], *, change: int
) -> None:
    """What is paid on the bills of a written-off account brings back what was given up of its debt, first of all."""
    by_account: dict[str, Money] = {}
    for bill, amount in paid:
        if not bill.account_owes_more:
            continue
        before = by_account.get(bill.account_id)
        by_account[bill.account_id] = amount if before is None else before + amount
    for account_id, amount in by_account.items():
        row = connection.execute(FIND_WRITTEN_OFF, {"id": account_id}).one_or_none()
        if row is None or currency(row.currency) != amount.currency:
            continue
        back = min(int(row.written_off_minor), amount.minor)
        connection.execute(
            INSERT_RECOVERY, {"payment_id": payment_id, "account_id": account_id, "amount_minor": back}
        )
        _bring_back(
            connection,
            account_id,
            Money(back, amount.currency),
            of_minor=row.written_off_minor,
            change=change,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RestOwed:
    """The rest of a bill that was cleared with a payment, and is owed again."""

    account_id: str
    bill_id: str
    amount: Money


def owe_rests_again(
    connection: Connection, payment_id: str, asked: Mapping[str, Money], *, change: int, at: str
) -> Iterator[RestOwed]:
    """What was cleared with the payment is open again, as far as central cleared it and the till says so (``asked``)."""
    for row in connection.execute(READ_CLEARED, {"id": payment_id}).all():
        told = asked.get(row.bill_id)
        cleared = Money(int(row.left_minor), currency(row.currency))
        if told is None or told.currency != cleared.currency or cleared.minor <= 0:
            continue
        rest = min(told, cleared)
        set_against_bill(connection, row.bill_id, -rest, change=change, at=at)
        yield RestOwed(account_id=row.account_id, bill_id=row.bill_id, amount=rest)


def give_up_again(
    connection: Connection, payment_id: str, asked: Money, *, change: int
) -> Iterator[tuple[str, Money]]:
    """Written-off debt that the payment brought back is given up again, no more than it brought: account and amount."""
    left = asked
    for row in connection.execute(READ_BROUGHT_BACK, {"id": payment_id}).all():
        back = min(left, Money(max(0, int(row.left_minor)), currency(row.currency)))
        if back:
            left = left - back
            values = {"id": row.account_id, "minor": back.minor, "change_number": change}
            connection.execute(GIVE_UP, values)
            yield row.account_id, back


def clear_rests_again(
    connection: Connection, payment_id: str, asked: Mapping[str, Money], *, change: int, at: str
) -> Iterator[RestOwed]:
    """Rests that were owed again since the cheque bounced are cleared again, no more than that, where the till says so."""
    for row in connection.execute(READ_CLEARED, {"id": payment_id}).all():
        told = asked.get(row.bill_id)
        bill = find_bill(connection, row.bill_id)
        if told is None or bill is None or told.currency != bill.remaining.currency:
            continue
        rest = min(told, Money(row.amount_minor - row.left_minor, told.currency), bill.remaining)
        if rest.minor > 0:
            set_against_bill(connection, row.bill_id, rest, change=change, at=at)
            yield RestOwed(account_id=row.account_id, bill_id=row.bill_id, amount=rest)


def recover_again(
    connection: Connection, payment_id: str, asked: Money, *, change: int
) -> Iterator[tuple[str, Money]]:
    """Debt that was given up again since the cheque bounced comes back again, no more than that: account and amount."""
    left = asked
    for row in connection.execute(READ_BROUGHT_BACK, {"id": payment_id}).all():
        if currency(row.currency) != asked.currency:
            continue
        undone = Money(row.amount_minor - row.left_minor, asked.currency)
        back = min(left, undone, Money(row.written_off_minor, asked.currency))
        if back.minor > 0:
            left = left - back
            _bring_back(connection, row.account_id, back, of_minor=row.written_off_minor, change=change)
            yield row.account_id, back


def _bring_back(connection: Connection, account_id: str, back: Money, *, of_minor: int, change: int) -> None:
    values = {
        "id": account_id,
        "minor": back.minor,
        "status": "written_off" if back.minor < of_minor else "recovered",
        "change_number": change,
    }
    connection.execute(TAKE_BACK, values)


INSERT_KEPT = text(
    "INSERT INTO kept_apart (payment_id, kept_as, amount_minor) VALUES (:payment_id, :kept_as, :amount_minor)"
)
ADD_ADVANCE = text("UPDATE account SET advance_minor = advance_minor + :minor WHERE id = :id")
ADD_DEPOSIT = text("UPDATE account SET deposit_minor = deposit_minor + :minor WHERE id = :id")
INSERT_WRITE_OFF = text(
    "INSERT INTO bill_write_off (payment_id, bill_id, amount_minor) VALUES (:payment_id, :bill_id, :amount_minor)"
)
FIND_WRITTEN_OFF = text(
    "SELECT currency, written_off_minor FROM account WHERE id = :id AND written_off_minor > 0"
)
INSERT_RECOVERY = text(
    "INSERT INTO recovery (payment_id, account_id, amount_minor) VALUES (:payment_id, :account_id, :amount_minor)"
)
TAKE_BACK = text(
    "UPDATE account SET written_off_minor = written_off_minor - :minor, status = :status,"
    " change_number = :change_number WHERE id = :id"
)
_UNDONE = (
    "(SELECT coalesce(sum(part.amount_minor), 0) FROM refund_part AS part JOIN refund ON refund.id = part.refund_id"
    " WHERE refund.payment_id = :id AND part.stood_as = '{stood_as}' AND part.{key} = {table}.{key})"
)
READ_CLEARED = text(
    "SELECT bill_write_off.bill_id, bill.account_id, bill.currency, bill_write_off.amount_minor,"
    " bill_write_off.amount_minor + "
    + _UNDONE.format(stood_as="write_off", key="bill_id", table="bill_write_off")
    + " AS left_minor FROM bill_write_off JOIN bill ON bill.id = bill_write_off.bill_id"
    " WHERE bill_write_off.payment_id = :id ORDER BY bill_write_off.bill_id"
)
READ_BROUGHT_BACK = text(
    "SELECT recovery.account_id, account.currency, account.written_off_minor, recovery.amount_minor,"
    " recovery.amount_minor + "
    + _UNDONE.format(stood_as="recovery", key="account_id", table="recovery")
    + " AS left_minor FROM recovery JOIN account ON account.id = recovery.account_id"
    " WHERE recovery.payment_id = :id ORDER BY recovery.account_id"
)
GIVE_UP = text(
    "UPDATE account SET written_off_minor = written_off_minor + :minor, status = 'written_off',"
    " change_number = :change_number WHERE id = :id"
)
