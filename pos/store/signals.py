"""What the books hold of a period for its signals, as plain rows: sums of all payments, else only what leads somewhere.

Times are those of the rows themselves, from ``begin`` up to ``end``, both as stored. Source: reliability.md 5.4.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone

from sqlalchemy import Connection

from pos.domain.approval import OPEN_FOR
from pos.domain.cash_move import MoveKind
from pos.domain.conduct_signals import COMES, DEEDS, GOES
from pos.domain.correction import CorrectionKind
from pos.domain.money import Money, currency
from pos.domain.signals import (
    Asked,
    AtDrawer,
    BagEnd,
    Paid,
    Reprint,
    SafeEnd,
    ShiftEnd,
    Step,
    Takings,
    Undone,
)
from pos.store.audit import CONFIRM_CLOCK
from pos.store.times import from_utc_text, utc_text

_ACT_OF = {
    CorrectionKind.VOID: "void",
    CorrectionKind.REVERSAL: "reverse",
    CorrectionKind.TENDER_CANCELLATION: "reverse",
    CorrectionKind.REFUND: "refund",
    CorrectionKind.TRANSFER: "transfer",
    CorrectionKind.REALLOCATION: "reallocate",
}
SWAP = "swap_tender"
_WALKED = sorted({*GOES, *COMES, *DEEDS, CONFIRM_CLOCK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A period as stored. ``late_s``: what central hears of only after so many seconds happened while it was silent.

    ``shared`` is the account beside those of walk-in buyers that payers share.
    """

    begin: str
    end: str
    now: datetime
    late_s: int
    shared: str

    def of(self, column: str) -> str:
        """The condition that a time is in it."""
        return f"{column} >= :begin AND {column} < :end"

    def values(self, **more: object) -> dict[str, object]:
        """What its conditions are about."""
        own = {"begin": self.begin, "end": self.end, "now": utc_text(self.now), "late_s": self.late_s}
        return {**own, "shared": self.shared, **more}


def span(begin: datetime, end: datetime, *, now: datetime, late: timedelta, shared: str) -> Span:
    """From ``begin`` up to ``end``."""
    return Span(
        begin=utc_text(begin),
        end=utc_text(end),
        now=now,
        late_s=int(late.total_seconds()),
        shared=shared,
    )


def _late(happened: str) -> str:
    """Whether central acknowledged a message only after it had been silent, or has not to this day."""
    heard = "iif(state = 'acknowledged', changed_at_utc, :now)"
    return f"unixepoch({heard}) - unixepoch({happened}) > :late_s"


def takings_in(connection: Connection, within: Span) -> list[Takings]:
    """What each person took, by currency."""
    late = (
        "EXISTS (SELECT 1 FROM outbox WHERE outbox.payment_event_id = event.payment_event_id "
        f"AND outbox.kind = 'payment' AND {_late('taken_at_utc')})"
    )
    found = connection.exec_driver_sql(
        f"SELECT operator, currency, count(*), sum(amount_minor), sum({late}) FROM payment_event AS event "
        f"WHERE {within.of('taken_at_utc')} GROUP BY operator, currency",
        within.values(),
    )
    return [
        Takings(user=user, count=count, amount=Money(minor, currency(code)), late=late_count)
        for user, code, count, minor, late_count in found
    ]


_UNDONE = """
    SELECT correction.receipt_number, event.receipt_number, correction.kind, correction.operator, correction.at_utc,
        correction.utc_offset_min, event.payer_account, correction.amount_minor, correction.currency,
        (SELECT coalesce(sum(amount_minor), 0) FROM correction_cash AS cash
         WHERE cash.correction_id = correction.correction_id),
        event.taken_at_utc,
        EXISTS (SELECT 1 FROM audit JOIN approval_use USING (deed_id) WHERE audit.at_utc = correction.at_utc
            AND audit.operator = correction.operator AND audit.subject = event.receipt_number),
        (SELECT account FROM placed_part WHERE placed_part.correction_id = correction.correction_id
         ORDER BY number LIMIT 1),
        EXISTS (SELECT 1 FROM outbox WHERE source_id = correction.correction_id AND source_id <> '' AND {late}),
        (SELECT coalesce(sum(commission_minor), 0) FROM v_commission
         WHERE v_commission.payment_event_id = event.payment_event_id),
        event.payer_kind = 'walk_in' OR event.payer_account = :shared,
        EXISTS (SELECT 1 FROM tender_swap WHERE tender_swap.correction_id = correction.correction_id)
    FROM correction JOIN payment_event AS event USING (payment_event_id) WHERE {within}
    UNION ALL
    SELECT receipt_number, of_receipt, 'refund', across.operator, across.at_utc, across.utc_offset_min, payer_account,
        across.amount_minor, across.currency, cash_minor, taken_at_utc,
        EXISTS (SELECT 1 FROM approved_entry WHERE entry_id = refund_id), NULL,
        EXISTS (SELECT 1 FROM outbox WHERE source_id = refund_id AND {across_late}), 0,
        payer_kind = 'walk_in' OR payer_account = :shared, 0
    FROM (SELECT refund_across.*, cash_minor FROM refund_across JOIN refund_made USING (refund_id)) AS across
    WHERE {across_within}
    """
"""What another terminal took and was paid back here counts like all else."""


def undone_in(connection: Connection, within: Span, cap_of: Callable[[str, str], int]) -> list[Undone]:
    """The corrections; ``cap_of`` a user and an act is the sum up to which that person does it alone."""
    text = _UNDONE.format(
        late=_late("correction.at_utc"),
        within=within.of("correction.at_utc"),
        across_late=_late("across.at_utc"),
        across_within=within.of("across.at_utc"),
    )
    found = []
    for row in connection.exec_driver_sql(text, within.values()):
        kind, in_currency = CorrectionKind(row[2]), currency(row[8])
        found.append(
            Undone(
                receipt=row[0],
                of_receipt=row[1],
                kind=kind,
                user=row[3],
                at=_local(row[4], row[5]),
                account=row[6],
                amount=Money(row[7], in_currency),
                cash=Money(row[9], in_currency),
                taken_at=_local(row[10], row[5]),
                alone=not row[11],
                cap_minor=cap_of(row[3], SWAP if row[16] else _ACT_OF[kind]),
                to_account=row[12],
                late=bool(row[13]),
                commission=Money(row[14], in_currency) if row[14] else None,
                nobody=bool(row[15]),
                swapped=bool(row[16]),
            )
        )
    return found


def reprints_of(connection: Connection, receipts: Collection[str]) -> list[Reprint]:
    """The duplicates of these receipts, whenever they were asked for."""
    found = connection.exec_driver_sql(
        "SELECT receipt_number, operator, asked_at_utc, utc_offset_min FROM receipt_copy "
        "WHERE receipt_number IN (SELECT value FROM json_each(?))",
        (json.dumps(sorted(receipts)),),
    )
    return [Reprint(receipt=number, user=user, at=_local(at, offset)) for number, user, at, offset in found]


_PAID = """
    SELECT receipt_number, operator, taken_at_utc, utc_offset_min, business_date, payer_account, amount_minor, currency,
        EXISTS (SELECT 1 FROM tender WHERE tender.payment_event_id = event.payment_event_id
            AND mode IN (SELECT value FROM json_each(:cheques)))
    FROM payment_event AS event
    WHERE {within} AND payer_kind <> 'walk_in' AND payer_account <> :shared AND (
        payer_account IN (SELECT value FROM json_each(:accounts))
        OR (operator, payer_account, business_date) IN (
            SELECT operator, payer_account, business_date FROM payment_event
            WHERE {within} AND (:small = 0 OR amount_minor <= :small)
            GROUP BY operator, payer_account, business_date HAVING count(*) >= :many))
    """


def paid_in(
    connection: Connection,
    within: Span,
    *,
    accounts: Collection[str],
    cheques: Collection[str],
    small_minor: int,
    many: int,
) -> list[Paid]:
    """The payments of ``accounts``, and those of an account that somebody took ``many`` of in one day.

    ``cheques`` are the modes that are cheques. What payers without an account of their own pay leads nowhere.
    """
    values = within.values(
        accounts=json.dumps(sorted(accounts)),
        cheques=json.dumps(sorted(cheques)),
        small=small_minor,
        many=many,
    )
    return [
        Paid(
            receipt=row[0],
            user=row[1],
            at=_local(row[2], row[3]),
            day=date.fromisoformat(row[4]),
            account=row[5],
            amount=Money(row[6], currency(row[7])),
            by_cheque=bool(row[8]),
        )
        for row in connection.exec_driver_sql(_PAID.format(within=within.of("taken_at_utc")), values)
    ]


_ASKED = """
    SELECT asked.request_id, act, requester, asked.at_utc, approver, approval.at_utc, approval_use.deed_id IS NOT NULL,
        decliner IS NOT NULL,
        (SELECT subject FROM audit WHERE audit.at_utc = asked.at_utc AND audit.operator = requester
         AND audit.act = asked.act AND reason_code = 'approval_required' LIMIT 1)
    FROM approval_request AS asked
    LEFT JOIN approval_declined USING (request_id)
    LEFT JOIN approval ON approval.rowid = (
        SELECT given.rowid FROM approval AS given LEFT JOIN approval_use AS used USING (approval_id)
        WHERE given.request_id = asked.request_id ORDER BY used.deed_id IS NULL, given.rowid DESC LIMIT 1)
    LEFT JOIN approval_use ON approval_use.approval_id = approval.approval_id
    WHERE {within}
    """


def asked_in(connection: Connection, within: Span) -> list[Asked]:
    """The requests for a second person, and what came of each."""
    found = []
    zone = within.now.tzinfo
    for row in connection.exec_driver_sql(_ASKED.format(within=within.of("asked.at_utc")), within.values()):
        at = from_utc_text(row[3])
        done, declined = bool(row[6]), bool(row[7])
        found.append(
            Asked(
                request=row[0],
                act=row[1],
                subject=row[8],
                user=row[2],
                at=at.astimezone(zone),
                approver=row[4],
                approved_at=None if row[5] is None else from_utc_text(row[5]),
                done=done,
                declined=declined,
                waits=not done and not declined and within.now - at < OPEN_FOR,
            )
        )
    return found


def shifts_in(connection: Connection, within: Span) -> list[ShiftEnd]:
    """The shifts that were closed, with what they were over or short."""
    found = connection.exec_driver_sql(
        "SELECT number, shift.operator, closed_at_utc, utc_offset_min, over_short_minor, currency "
        f"FROM shift JOIN shift_close USING (shift_id) WHERE {within.of('closed_at_utc')}",
        within.values(),
    )
    return [
        ShiftEnd(number=number, user=user, at=_local(at, offset), over_short=Money(minor, currency(code)))
        for number, user, at, offset, minor, code in found
    ]


def bags_in(connection: Connection, within: Span) -> list[BagEnd]:
    """The bags that the bank or another till counted, of who sealed them, and those that were counted here, of who did."""
    found = connection.exec_driver_sql(
        "SELECT bag.number, slip.receipt_number, bag.operator, at_utc AS at, bag.utc_offset_min, "
        "credited_minor - bag.amount_minor, bag.currency, counted.reason FROM deposit_bag_credit AS counted "
        "JOIN cash_bag AS bag USING (bag_id) JOIN deposit_slip AS slip USING (slip_id) "
        f"JOIN deposit_slip_event USING (step_id) WHERE {within.of('at_utc')} UNION ALL "
        "SELECT bag.number, sent.receipt_number, bag.operator, heard_at_utc, bag.utc_offset_min, "
        "sent.counted_minor - bag.amount_minor, bag.currency, 'at till ' || arrived_at FROM v_sent_bag AS sent "
        "JOIN cash_bag AS bag USING (bag_id) JOIN bag_arrival AS heard ON heard.sending_id = sent.sending_id "
        f"AND heard.number = (SELECT max(number) FROM bag_arrival AS last WHERE last.sending_id = sent.sending_id) "
        f"WHERE sent.state = 'arrived' AND {within.of('heard_at_utc')} UNION ALL "
        "SELECT bag, sent_paper, operator, at_utc, utc_offset_min, counted_minor - amount_minor, currency, reason "
        "FROM bag_acceptance WHERE acceptance_id NOT IN (SELECT acceptance_id FROM bag_acceptance_undone) "
        f"AND {within.of('at_utc')} ORDER BY at",
        within.values(),
    )
    return [
        BagEnd(
            number=number,
            slip=slip,
            user=user,
            at=_local(at, offset),
            over_short=Money(minor, currency(code)),
            reason=reason or "",
        )
        for number, slip, user, at, offset, minor, code, reason in found
    ]


def safe_counts_in(connection: Connection, within: Span) -> list[SafeEnd]:
    """The counts of the safe, with what they found over or short."""
    found = connection.exec_driver_sql(
        "SELECT receipt_number, operator, at_utc, utc_offset_min, difference_minor, currency, reason FROM safe_count "
        f"WHERE {within.of('at_utc')}",
        within.values(),
    )
    return [
        SafeEnd(
            number=number,
            user=user,
            at=_local(at, offset),
            over_short=Money(minor, currency(code)),
            reason=reason or "",
        )
        for number, user, at, offset, minor, code, reason in found
    ]


def at_drawer_in(
    connection: Connection, within: Span, kind: MoveKind, cap_of: Callable[[str], int]
) -> list[AtDrawer]:
    """What was done of ``kind`` at a drawer by one person; ``cap_of`` a user is the sum up to which that is done alone."""
    found = connection.exec_driver_sql(
        "SELECT receipt_number, operator, at_utc, utc_offset_min, amount_minor, currency, "
        "trim(coalesce(reason, '') || ' ' || coalesce(text, '')) FROM cash_move "
        f"WHERE kind = :kind AND undoes IS NULL AND approver IS NULL AND {within.of('at_utc')}",
        within.values(kind=str(kind)),
    )
    return [
        AtDrawer(
            number=number or "",
            user=user,
            at=_local(at, offset),
            amount=Money(minor, currency(code)),
            cap_minor=cap_of(user),
            reason=said,
        )
        for number, user, at, offset, minor, code, said in found
    ]


_STEP = "audit_id, at_utc, utc_offset_min, operator, act, result, reason_code, subject"


def steps_in(connection: Connection, within: Span, acts: Collection[str]) -> list[Step]:
    """The audit rows of what was refused, and of ``acts``."""
    found = connection.exec_driver_sql(
        f"SELECT {_STEP} FROM audit WHERE {within.of('at_utc')} AND operator IS NOT NULL "
        "AND (result IN ('refused', 'denied') OR act IN (SELECT value FROM json_each(:acts)))",
        within.values(acts=json.dumps(sorted(acts))),
    )
    return list(_steps(found))


def walk_of(connection: Connection, within: Span) -> Iterator[Step]:
    """The audit rows that say who was there and who moved money, one after another in the order of their numbers.

    A clock that was set back may stand before the period: between its first and last row all count.
    """
    edges = f"SELECT {{edge}}(audit_id) FROM audit WHERE {within.of('at_utc')}"
    found = connection.exec_driver_sql(
        f"SELECT {_STEP} FROM audit WHERE audit_id BETWEEN ({edges.format(edge='min')}) "
        f"AND ({edges.format(edge='max')}) AND operator IS NOT NULL AND result = 'ok' "
        "AND act IN (SELECT value FROM json_each(:acts)) ORDER BY audit_id",
        within.values(acts=json.dumps(_WALKED)),
    )
    yield from _steps(found)


def _steps(rows: Iterable[Iterable[object]]) -> Iterator[Step]:
    for number, at, offset, user, act, result, code, subject in rows:
        yield Step(
            number=int(str(number)),
            at=_local(str(at), int(str(offset))),
            user=str(user),
            act=str(act),
            result=str(result),
            code=None if code is None else str(code),
            subject=None if subject is None else str(subject),
        )


def with_receipts(connection: Connection, steps: Sequence[Step]) -> list[Step]:
    """The deeds with receipt, account and amount of the payment that they are about, where it is one."""
    subjects = json.dumps(sorted({step.subject for step in steps if step.subject is not None}))
    found = connection.exec_driver_sql(
        "SELECT value, receipt_number, payer_account, amount_minor, currency FROM json_each(?) "
        "JOIN payment_event ON payment_event_id = value OR receipt_number = value",
        (subjects,),
    )
    paid = {row[0]: (row[1], row[2], Money(row[3], currency(row[4]))) for row in found}
    named = []
    for step in steps:
        receipt, account, amount = paid.get(step.subject or "", (step.subject, None, None))
        named.append(replace(step, subject=receipt, account=account, amount=amount))
    return named


def _local(utc: str, offset_min: int) -> datetime:
    """As ``local``, in a third of the time: a year has hundreds of thousands of rows."""
    return datetime.fromisoformat(utc).astimezone(timezone(timedelta(minutes=offset_min)))
