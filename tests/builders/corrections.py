"""Corrections as rows of the books, for what comes after them: the wire, central, and the comparison of both.

undone(wire.desk, "S014-T1-A-000001")                                      # a void of all of it
undone(wire.desk, number, CorrectionKind.REFUND, amount=3_000)             # a part, the newest first
undone(wire.desk, number, CorrectionKind.TRANSFER, placed=[on("BA-2", 3_000), on("BA-2", 2_000, bill="N2-1")])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pos.domain.correction import CorrectionKind, TakenPart
from pos.store.corrections import taken_payment
from pos.store.moved import messages_of
from pos.store.times import utc_text
from pos.store.unit_of_work import UnitOfWork
from pos.till.desk import Desk


@dataclass(frozen=True, slots=True, kw_only=True)
class PutOn:
    """Where moved money goes. ``bill``: the number, whose id at central is the number without its N."""

    account: str
    minor: int
    bill: str | None
    kept_as: str | None


def on(account: str, minor: int, *, bill: str | None = None, kept_as: str | None = None) -> PutOn:
    return PutOn(account=account, minor=minor, bill=bill, kept_as=kept_as)


def undone(
    desk: Desk,
    receipt_number: str,
    kind: CorrectionKind = CorrectionKind.VOID,
    *,
    amount: int | None = None,
    placed: Sequence[PutOn] = (),
    account: str | None = None,
) -> str:
    """The id of a correction of so much of a payment: all that is left (of ``account``), unless ``amount`` or ``placed``."""
    wanted = sum(put.minor for put in placed) or amount
    with desk.till.transaction() as unit:
        taken = taken_payment(unit.connection, receipt_number)
        assert taken is not None, "there is such a payment"
        number = len(unit.connection.exec_driver_sql("SELECT 1 FROM correction").all()) + 1
        correction_id = f"C-{number}"
        parts: list[tuple[TakenPart, int]] = []
        left = taken.left.minor if wanted is None else wanted
        for part in reversed(taken.parts):
            minor = min(left, part.left.minor) if account in (None, part.account) else 0
            if minor:
                parts.append((part, minor))
                left -= minor
        assert left == 0, "that much is left of it"
        _write_parts(unit, correction_id, parts)
        _write_placed(unit, correction_id, parts, placed)
        if kind.undoes_all:
            for tender in taken.tenders:
                unit.insert("tender_undone", {"tender_id": tender.tender_id, "correction_id": correction_id})
                if tender.cheque_id is not None:
                    _hand_back(unit, desk, tender.cheque_id, tender.cheque_events + 1)
        paper = f"{receipt_number}-{kind}-{number}"
        _write_correction(unit, desk, correction_id, kind, paper, parts)
        unit.insert_all("outbox", list(messages_of(unit.connection, correction_id, at=desk.clock.now())))
    return correction_id


def _write_parts(unit: UnitOfWork, correction_id: str, parts: Sequence[tuple[TakenPart, int]]) -> None:
    for place, (part, minor) in enumerate(parts, start=1):
        unit.insert(
            "correction_part",
            {
                "correction_id": correction_id,
                "number": place,
                "part_id": part.part_id,
                "amount_minor": minor,
                "currency": part.amount.currency.code,
            },
        )


def _write_placed(
    unit: UnitOfWork, correction_id: str, parts: Sequence[tuple[TakenPart, int]], placed: Sequence[PutOn]
) -> None:
    moved, _ = parts[0]
    for place, put in enumerate(placed, start=1):
        unit.insert(
            "placed_part",
            {
                "part_id": f"{correction_id}-{place}",
                "correction_id": correction_id,
                "number": place,
                "payment_event_id": _event_of(unit, moved),
                "leg": moved.leg,
                "tender_id": moved.tender_id,
                "account": put.account,
                "bill_no": put.bill,
                "bill_id": None if put.bill is None else put.bill.removeprefix("N"),
                "kept_as": put.kept_as,
                "amount_minor": put.minor,
                "currency": moved.amount.currency.code,
                "chosen_by": "payer",
            },
        )


def _hand_back(unit: UnitOfWork, desk: Desk, cheque_id: str, number: int) -> None:
    unit.insert(
        "cheque_event",
        {
            "cheque_id": cheque_id,
            "number": number,
            "state": "returned",
            "at_utc": utc_text(desk.clock.now()),
            "operator": "1001",
            "reason": "given back",
        },
    )


def _write_correction(
    unit: UnitOfWork,
    desk: Desk,
    correction_id: str,
    kind: CorrectionKind,
    paper: str,
    parts: Sequence[tuple[TakenPart, int]],
) -> None:
    event_id = _event_of(unit, parts[0][0])
    shift_id, business_date = unit.connection.exec_driver_sql(
        "SELECT shift_id, business_date FROM payment_event WHERE payment_event_id = ?", (event_id,)
    ).one()
    at = utc_text(desk.clock.now())
    unit.insert(
        "receipt",
        {
            "receipt_number": paper,
            "series": paper,
            "counter": 1,
            "kind": str(kind),
            "payment_event_id": event_id,
            "issued_at_utc": at,
            "facts_json": "{}",
        },
    )
    unit.insert(
        "correction",
        {
            "correction_id": correction_id,
            "kind": str(kind),
            "payment_event_id": event_id,
            "tender_id": None,
            "receipt_number": paper,
            "shift_id": shift_id,
            "business_date": business_date,
            "at_utc": at,
            "utc_offset_min": 180,
            "operator": "1001",
            "reason_code": "wrong_amount",
            "reason": "typed twice",
            "amount_minor": sum(minor for _, minor in parts),
            "currency": parts[0][0].amount.currency.code,
        },
    )


def _event_of(unit: UnitOfWork, part: TakenPart) -> str:
    return str(
        unit.connection.exec_driver_sql(
            "SELECT payment_event_id FROM tender WHERE tender_id = ?", (part.tender_id,)
        ).scalar_one()
    )
