"""Central's own books, added up from scratch: every stored balance against the rows that made it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, TextClause, text

from pos.domain.cheque import ChequeIdentity
from pos.domain.cheque_digest import ChequeDigest
from pos.domain.money import Money, currency
from pos.domain.payment_mode import ModeKind, PaymentModes
from sync.central.bills.loading import bill_sum_faults
from sync.central.hub.figures import hub_faults
from sync.central.hub.set_aside import list_set_aside
from sync.central.ledger.batches import ledger_faults
from sync.central.operating.verify_refunds import refund_faults
from sync.central.payments.cheques import cheque_of
from sync.central.payments.commissions import earned_with
from sync.central.store.database import CentralStore, current_change
from sync.central.tills.heads import head_faults
from sync.central.tills.shift_totals import shift_total_faults
from sync.central.tills.shop_bags import bag_faults
from sync.central.vouchers.offline import hold_id_of
from sync.wire_json import WireJsonError, loads, read_money


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that does not add up: ``subject`` is payment, refund, bill, account, voucher, transfer, terminal, listener,
    ledger batch, store.
    """

    subject: str
    subject_id: str
    message: str


def verify_central(
    store: CentralStore, modes: PaymentModes | None = None, *, at: datetime | None = None
) -> list[Finding]:
    """Everything that does not hold, in one consistent view; an empty list means that all of it does.

    With ``modes`` also payments in a voucher's mode that redeemed no voucher, with ``at`` (now) also shifts whose payments
    did not arrive within a day.
    """
    by_voucher = (
        set() if modes is None else {m.code for m in modes.by_code.values() if m.kind is ModeKind.VOUCHER}
    )
    with store.read() as connection:
        return [
            *_bills(connection),
            *(
                Finding(subject="bill", subject_id=bill_id, message=what)
                for bill_id, what in bill_sum_faults(connection)
            ),
            *_payments(connection),
            *_bodies(connection, by_voucher),
            *_accounts(connection),
            *_doubled(connection),
            *_changes(connection),
            *_vouchers(connection),
            *_bank_receipts(connection),
            *_transfers(connection),
            *_commissions(connection),
            *(
                Finding(subject="listener", subject_id=hub_id, message=what)
                for hub_id, what in hub_faults(connection)
            ),
            *(
                Finding(
                    subject=kind, subject_id=subject_id, message=f"No event could be made of it ({fault})."
                )
                for kind, subject_id, fault in list_set_aside(connection)
            ),
            *(
                Finding(subject="terminal", subject_id=terminal, message=what)
                for terminal, what in head_faults(connection)
            ),
            *(
                Finding(subject="terminal", subject_id=terminal, message=what)
                for terminal, what in ([] if at is None else shift_total_faults(connection, at=at))
            ),
            *(
                Finding(subject="bag", subject_id=paper, message=what)
                for paper, what in ([] if at is None else bag_faults(connection, at=at))
            ),
            *(
                Finding(subject="ledger batch", subject_id=number, message=what)
                for number, what in ledger_faults(connection)
            ),
            *(
                Finding(subject=subject, subject_id=subject_id, message=what)
                for subject, subject_id, what in refund_faults(connection)
            ),
        ]


def _bills(connection: Connection) -> Iterator[Finding]:
    for row in connection.execute(BILLS_THAT_DIFFER):
        in_currency = currency(row.currency)
        expected = Money(row.loaded_open_minor - row.applied_minor, in_currency)
        stored = Money(row.remaining_minor, in_currency)
        yield Finding(
            subject="bill",
            subject_id=row.id,
            message=f"{stored} remains, but loaded less applied and cleared is {expected}",
        )


def _payments(connection: Connection) -> Iterator[Finding]:
    for row in connection.execute(PAYMENTS_THAT_DIFFER):
        yield Finding(
            subject="payment",
            subject_id=row.id,
            message="its amount is not what was applied, credited, suspended and paid for other things",
        )


def _bodies(connection: Connection, voucher_modes: Set[str]) -> Iterator[Finding]:
    """The figures of the table against the body that is answered, and what the body claims."""
    redeemed = {row.payment_id: row for row in connection.execute(READ_VOUCHERS_PAID)}
    for row in connection.execute(READ_BODIES):
        stored = Money(row.amount_minor, currency(row.currency))
        try:
            body = loads(row.body)
            told = read_money(body["totalAmount"], field="totalAmount")
            same = told == stored and body["id"] == row.id and body["account"]["id"] == row.account_id
        except (WireJsonError, KeyError, TypeError):
            same = False
        if not same:
            yield Finding(subject="payment", subject_id=row.id, message=f"its body does not say {stored}")
            continue
        yield from _claims(connection, row, body, redeemed.get(row.id))
        method = body.get("paymentMethod")
        if isinstance(method, Mapping) and method.get("name") in voucher_modes and row.id not in redeemed:
            yield Finding(subject="payment", subject_id=row.id, message="it is by voucher, but redeemed none")


def _claims(
    connection: Connection, payment: Row[Any], body: Mapping[str, Any], redeemed: Row[Any] | None
) -> Iterator[Finding]:
    """The paper and the voucher that a body names are noted as used by its payment, and for nothing else."""
    event = body.get("paymentEventId")
    cheque = cheque_of(body.get("instrument")) if isinstance(body.get("instrument"), str) else None
    if cheque is not None:
        yield from _cheque(connection, payment, body, cheque)
    elif "instrument" in body:
        noted = connection.execute(FIND_INSTRUMENT, {"instrument": body["instrument"]}).scalar_one_or_none()
        if noted != (event or payment.id) and not payment.undone:
            yield Finding(
                subject="payment", subject_id=payment.id, message="the paper behind it is noted for another"
            )
    told = (_voucher_of(body, event), event, payment.amount_minor) if _VOUCHERS & body.keys() else None
    # What was undone is kept beside: the voucher may be another payment's by now.
    if told != (None if redeemed is None else (redeemed.hold_id, redeemed.event_id, redeemed.amount_minor)):
        yield Finding(
            subject="payment",
            subject_id=payment.id,
            message="its voucher was not redeemed by it, or for another sum",
        )


def _cheque(
    connection: Connection, payment: Row[Any], body: Mapping[str, Any], cheque: ChequeIdentity
) -> Iterator[Finding]:
    """The cheque that a body names is noted for its payment, and held if its body says so."""
    digest = ChequeDigest.of(cheque)
    told = (
        body.get("paymentEventId") or payment.id,
        digest.identity,
        digest.branch,
        digest.account,
        int(body.get("held") is True),
    )
    noted = connection.execute(FIND_CHEQUE, {"payment_id": payment.id}).one_or_none()
    if noted is None or tuple(noted) != told:
        yield Finding(
            subject="payment",
            subject_id=payment.id,
            message="the cheque behind it is not noted as it is told",
        )


_VOUCHERS = frozenset(("voucherHold", "voucherTaken"))


def _voucher_of(body: Mapping[str, Any], event: object) -> object:
    """The hold that a body names, or the one that was written for the voucher which it brought."""
    taken = body.get("voucherTaken")
    if not isinstance(taken, Mapping):
        return body.get("voucherHold")
    return hold_id_of(str(event), taken.get("issuer"), str(taken.get("digest")))


def _vouchers(connection: Connection) -> Iterator[Finding]:
    for message, statement in VOUCHERS_THAT_DIFFER.items():
        for row in connection.execute(statement):
            yield Finding(subject="voucher", subject_id=row.hold_id, message=message)


def _bank_receipts(connection: Connection) -> Iterator[Finding]:
    for row in connection.execute(BANK_RECEIPTS_THAT_DIFFER):
        yield Finding(
            subject="payment", subject_id=row.id, message="its bank receipt is not where its outcomes left it"
        )


def _transfers(connection: Connection) -> Iterator[Finding]:
    for row in connection.execute(TRANSFERS_THAT_DIFFER):
        yield Finding(
            subject="transfer",
            subject_id=row.id,
            message="its amount is not what its bills had and its account was credited",
        )
    for row in connection.execute(SUSPENSE_OVERDRAWN):
        yield Finding(subject="payment", subject_id=row.id, message="more of it left suspense than was there")


def _commissions(connection: Connection) -> Iterator[Finding]:
    for row in connection.execute(COMMISSIONS_CREDITED):
        earned = earned_with(loads(row.body), row.currency)
        credited = Money(int(row.credited_minor), currency(row.currency))
        if credited > earned:
            yield Finding(
                subject="payment",
                subject_id=row.id,
                message=f"{credited} was credited, but {earned} was earned",
            )


def _accounts(connection: Connection) -> Iterator[Finding]:
    for figure, statement in ACCOUNTS_THAT_DIFFER.items():
        for row in connection.execute(statement):
            in_currency = currency(row.currency)
            stored, expected = Money(row.stored_minor, in_currency), Money(row.expected_minor, in_currency)
            yield Finding(
                subject="account",
                subject_id=row.id,
                message=f"its {figure} is {stored}, but should be {expected}",
            )
    for row in connection.execute(KEPT_APART_BEYOND):
        yield Finding(
            subject="payment",
            subject_id=row.id,
            message="more of it is kept apart than it left on the account",
        )


def _doubled(connection: Connection) -> Iterator[Finding]:
    for name, statement in DOUBLED.items():
        for row in connection.execute(statement):
            yield Finding(
                subject="payment", subject_id=row.id, message=f"{row.times} payments have its {name}"
            )


def _changes(connection: Connection) -> Iterator[Finding]:
    newest = int(connection.execute(NEWEST_CHANGE).scalar_one())
    counter = current_change(connection)
    if newest > counter:
        yield Finding(
            subject="store",
            subject_id="change_counter",
            message=f"the counter is at {counter}, but a row was changed at {newest}",
        )


BILLS_THAT_DIFFER = text(
    "SELECT b.id, b.currency, b.loaded_open_minor, b.remaining_minor, coalesce(sum(p.amount_minor), 0) AS applied_minor"
    " FROM bill b LEFT JOIN (SELECT bill_id, amount_minor FROM applied_payment"
    " UNION ALL SELECT bill_id, amount_minor FROM bill_write_off"
    " UNION ALL SELECT bill_id, amount_minor FROM applied_transfer"
    " UNION ALL SELECT bill_id, amount_minor FROM refund_part WHERE bill_id IS NOT NULL"
    " UNION ALL SELECT charge_id, off_minor FROM dishonour WHERE is_bill = 1"
    " UNION ALL SELECT bill_id, amount_minor FROM credit_use) AS p ON p.bill_id = b.id"
    " GROUP BY b.id, b.currency, b.loaded_open_minor, b.remaining_minor"
    " HAVING b.remaining_minor <> b.loaded_open_minor - coalesce(sum(p.amount_minor), 0)"
    " ORDER BY b.id"
)
PAYMENTS_THAT_DIFFER = text(
    "SELECT p.id FROM payment p LEFT JOIN applied_payment a ON a.payment_id = p.id"
    " GROUP BY p.id, p.amount_minor, p.applied_minor, p.credit_minor, p.suspense_minor, p.other_minor"
    " HAVING p.applied_minor <> coalesce(sum(a.amount_minor), 0)"
    " OR p.amount_minor <> p.applied_minor + p.credit_minor + p.suspense_minor + p.other_minor"
    " ORDER BY p.id"
)
READ_BODIES = text(
    "SELECT id, account_id, currency, amount_minor, body, EXISTS (SELECT 1 FROM refund WHERE refund.payment_id ="
    " payment.id AND kind IN ('void', 'reversal', 'tender_cancellation')) AS undone FROM payment ORDER BY change_number"
)
_KEPT = "SELECT p.account_id, k.amount_minor FROM kept_apart k JOIN payment p ON p.id = k.payment_id WHERE k.kept_as = "
_REFUNDED = "SELECT account_id, amount_minor FROM refund_part WHERE stood_as ="
_USED = "SELECT account_id, -amount_minor FROM credit_use WHERE kept_as = "


def _differ(figure: str, moved: str) -> TextClause:
    """Accounts whose ``figure`` is not as loaded with what ``moved`` it since (rows of account and amount)."""
    return text(
        f"SELECT c.id, c.currency, c.{figure}_minor AS stored_minor,"
        f" c.loaded_{figure}_minor + coalesce(sum(m.amount_minor), 0) AS expected_minor"
        f" FROM account c LEFT JOIN ({moved}) AS m ON m.account_id = c.id"
        f" GROUP BY c.id, c.currency, c.{figure}_minor, c.loaded_{figure}_minor"
        f" HAVING c.{figure}_minor <> c.loaded_{figure}_minor + coalesce(sum(m.amount_minor), 0) ORDER BY c.id"
    )


ACCOUNTS_THAT_DIFFER = {
    "credit": _differ(
        "credit",
        "SELECT account_id, credit_minor AS amount_minor FROM payment UNION ALL"
        " SELECT account_id, credited_minor FROM outcome UNION ALL"
        " SELECT account_id, credit_minor FROM suspense_transfer UNION ALL"
        " SELECT account_id, amount_minor FROM commission UNION ALL"
        " SELECT charged_account, credit_minor - CASE WHEN is_bill = 1 THEN 0 ELSE charged_minor END FROM dishonour"
        " WHERE charge_id IS NOT NULL UNION ALL SELECT p.account_id, -k.amount_minor"
        f" FROM kept_apart k JOIN payment p ON p.id = k.payment_id UNION ALL {_USED} 'credit'"
        f" UNION ALL {_REFUNDED} 'credit' UNION ALL SELECT account_id, -amount_minor FROM refund_beyond",
    ),
    "advance": _differ(
        "advance", f"{_KEPT} 'advance' UNION ALL {_USED} 'advance' UNION ALL {_REFUNDED} 'advance'"
    ),
    "deposit": _differ("deposit", f"{_KEPT} 'deposit' UNION ALL {_REFUNDED} 'deposit'"),
    "written-off debt": _differ(
        "written_off",
        "SELECT account_id, -amount_minor AS amount_minor FROM recovery UNION ALL"
        " SELECT account_id, -amount_minor FROM refund_part WHERE stood_as = 'recovery'",
    ),
}
KEPT_APART_BEYOND = text(
    "SELECT p.id FROM payment p JOIN kept_apart k ON k.payment_id = p.id GROUP BY p.id, p.credit_minor"
    " HAVING sum(k.amount_minor) > p.credit_minor ORDER BY p.id"
)
DOUBLED = {
    "correlatorId": text(
        "SELECT min(id) AS id, count(*) AS times FROM payment WHERE correlator_id IS NOT NULL"
        " GROUP BY correlator_id HAVING count(*) > 1"
    ),
    "Idempotency-Key": text(
        "SELECT min(id) AS id, count(*) AS times FROM payment WHERE idempotency_key IS NOT NULL"
        " GROUP BY idempotency_key HAVING count(*) > 1"
    ),
    "terminal, epoch, sequence and leg": text(
        "SELECT min(id) AS id, count(*) AS times FROM payment WHERE leg IS NOT NULL"
        " GROUP BY terminal, epoch, sequence, leg HAVING count(*) > 1"
    ),
}
NEWEST_CHANGE = text(
    "SELECT max(newest) FROM (SELECT 0 AS newest UNION ALL SELECT coalesce(max(change_number), 0) FROM payment"
    " UNION ALL SELECT coalesce(max(change_number), 0) FROM bill"
    " UNION ALL SELECT coalesce(max(change_number), 0) FROM item"
    " UNION ALL SELECT coalesce(max(change_number), 0) FROM cheque"
    " UNION ALL SELECT coalesce(max(change_number), 0) FROM outcome"
    " UNION ALL SELECT coalesce(max(change_number), 0) FROM cleared_cheque"
    " UNION ALL SELECT coalesce(max(change_number), 0) FROM returned_cheque"
    " UNION ALL SELECT coalesce(max(change_number), 0) FROM dishonour"
    " UNION ALL SELECT coalesce(max(change_number), 0) FROM dishonour_leg"
    " UNION ALL SELECT coalesce(max(change_number), 0) FROM debit_charge"
    " UNION ALL SELECT coalesce(max(change_number), 0) FROM mandate"
    " UNION ALL SELECT coalesce(max(change_number), 0) FROM suspense_transfer"
    " UNION ALL SELECT coalesce(max(change_number), 0) FROM commission"
    " UNION ALL SELECT coalesce(max(change_number), 0) FROM refund"
    " UNION ALL SELECT coalesce(max(change_number), 0) FROM account) AS changes"
)
BANK_RECEIPTS_THAT_DIFFER = text(
    "SELECT p.id FROM payment p LEFT JOIN bank_receipt r ON r.payment_id = p.id LEFT JOIN outcome o"
    " ON o.payment_id = p.id AND o.change_number = (SELECT max(change_number) FROM outcome WHERE payment_id = p.id)"
    " LEFT JOIN instrument i ON i.payment_id = p.id"
    " WHERE coalesce(r.state, '-') <> CASE WHEN o.state IS NOT NULL THEN o.state"
    " WHEN r.state = 'undone' AND EXISTS (SELECT 1 FROM refund WHERE refund.payment_id = p.id"
    " AND refund.kind IN ('void', 'reversal', 'tender_cancellation')) THEN 'undone'"
    " WHEN r.payment_id IS NOT NULL OR i.instrument LIKE 'bank\\_receipt|%' ESCAPE '\\' THEN 'presented' ELSE '-' END"
    " OR (r.payment_id IS NOT NULL AND (r.amount_minor <> p.amount_minor OR r.currency <> p.currency))"
    " ORDER BY p.id"
)
TRANSFERS_THAT_DIFFER = text(
    "SELECT t.id FROM suspense_transfer t LEFT JOIN applied_transfer a ON a.transfer_id = t.id"
    " GROUP BY t.id, t.amount_minor, t.applied_minor, t.credit_minor"
    " HAVING t.applied_minor <> coalesce(sum(a.amount_minor), 0) OR t.amount_minor <> t.applied_minor + t.credit_minor"
    " ORDER BY t.id"
)
SUSPENSE_OVERDRAWN = text(
    "SELECT p.id FROM payment p JOIN suspense_transfer t ON t.payment_id = p.id"
    " GROUP BY p.id, p.suspense_minor, p.currency"
    " HAVING sum(t.amount_minor) > p.suspense_minor OR min(t.currency) <> p.currency OR max(t.currency) <> p.currency"
    " ORDER BY p.id"
)
COMMISSIONS_CREDITED = text(
    "SELECT p.id, p.currency, p.body, sum(c.amount_minor) AS credited_minor FROM commission c"
    " JOIN payment p ON p.id = c.payment_id GROUP BY p.id, p.currency, p.body ORDER BY p.id"
)
FIND_CHEQUE = text(
    "SELECT payment_event_id, identity, branch, account, held FROM cheque WHERE payment_id = :payment_id"
)
FIND_INSTRUMENT = text("SELECT payment_event_id FROM instrument WHERE instrument = :instrument")
READ_VOUCHERS_PAID = text(
    "SELECT part.payment_id, part.hold_id, part.amount_minor, hold.payment_event_id AS event_id"
    " FROM (SELECT payment_id, hold_id, amount_minor FROM voucher_payment"
    " UNION ALL SELECT payment_id, hold_id, amount_minor FROM voucher_returned) AS part"
    " JOIN voucher_hold AS hold ON hold.id = part.hold_id"
)
VOUCHERS_THAT_DIFFER = {
    "it was redeemed, but by no payment": text(
        "SELECT hold_id FROM voucher_redemption"
        " WHERE hold_id NOT IN (SELECT hold_id FROM voucher_payment) ORDER BY hold_id"
    ),
    "more was paid with it than it was held for": text(
        "SELECT redeemed.hold_id FROM voucher_redemption AS redeemed JOIN voucher_payment AS part"
        " ON part.hold_id = redeemed.hold_id GROUP BY redeemed.hold_id, redeemed.amount_minor"
        " HAVING sum(part.amount_minor) > redeemed.amount_minor ORDER BY redeemed.hold_id"
    ),
    "it was held for more than it is worth, or what was left is not its rest": text(
        "SELECT redeemed.hold_id FROM voucher_redemption AS redeemed"
        " JOIN voucher_hold AS hold ON hold.id = redeemed.hold_id JOIN voucher ON voucher.id = redeemed.voucher_id"
        " WHERE redeemed.amount_minor + redeemed.forfeited_minor + coalesce((SELECT rest.value_minor"
        " FROM voucher_terms AS terms JOIN voucher AS rest ON rest.id = terms.voucher_id"
        " WHERE terms.promised_by = redeemed.hold_id), 0) <> hold.value_minor"
        " OR redeemed.amount_minor <> hold.amount_minor OR redeemed.voucher_id <> hold.voucher_id"
        " OR hold.value_minor <> voucher.value_minor OR hold.currency <> voucher.currency"
        " ORDER BY redeemed.hold_id"
    ),
    "it is the rest of a voucher that was not redeemed": text(
        "SELECT redeemed.hold_id FROM voucher_redemption AS redeemed"
        " JOIN voucher_terms AS terms ON terms.voucher_id = redeemed.voucher_id"
        " WHERE terms.promised_by IS NOT NULL"
        " AND terms.promised_by NOT IN (SELECT hold_id FROM voucher_redemption)"
        " ORDER BY redeemed.hold_id"
    ),
    "it was redeemed after it was let go": text(
        "SELECT redeemed.hold_id FROM voucher_redemption AS redeemed"
        " JOIN voucher_hold AS hold ON hold.id = redeemed.hold_id"
        " WHERE hold.released_at IS NOT NULL AND hold.replaced_by IS NULL"
        " ORDER BY redeemed.hold_id"
    ),
}
