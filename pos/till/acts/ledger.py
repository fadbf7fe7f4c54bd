"""A script's act about the batches for the general ledger: make them, deliver them, say what became of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from pos.domain.errors import Refused
from pos.domain.ledger_delivery import Delivery, DeliveryState, DeliveryWay
from pos.domain.ledger_feed import LedgerBatch
from pos.domain.tender import read_date
from pos.till.acts.fields import Ref, Strict
from pos.till.acts.seat import Answer, Seat
from pos.till.desk import Memo
from pos.till.ledger_batches import make_batches
from pos.till.ledger_delivery import Noted, note_all, said_by_hand


class LedgerBatchLine(Strict):
    """Make the batches of a day or of all that are due, deliver those that wait, or say by hand what became of one."""

    ref: Ref
    act: Literal["ledger_batch"]
    deed: Annotated[
        Literal["make", "deliver", "acknowledged", "refused"], Field(description="What is done with it.")
    ]
    business_date: Annotated[
        str | None, Field(max_length=10, description="make: of this day alone, as 2026-11-21.")
    ] = None
    batch: Annotated[
        str | None,
        Field(max_length=200, description="Its number; deliver: this one alone, also where it was refused."),
    ] = None
    reference: Annotated[
        str, Field(max_length=400, description="acknowledged: the accounting system's own number.")
    ] = ""
    reason: Annotated[str, Field(max_length=400, description="refused: why.")] = ""


LedgerAct = LedgerBatchLine


def carry_out_of_ledger(seat: Seat, act: LedgerAct, memo: Memo) -> Answer:
    """The answer to one of them. Raises DomainError."""
    desk, person, kept = seat.desk, seat.person, replace(memo, encode=_told)
    match act.deed:
        case "make":
            day = None if act.business_date is None else read_date(act.business_date, field="Business date")
            return dict(_told(make_batches(desk, person, day, memo=kept)))
        case "deliver":
            brought = seat.ledger_now().bring(person, act.batch)
            noted = Noted(
                steps={number: one for number, one in brought if isinstance(one, Delivery)},
                not_yet={number: one for number, one in brought if isinstance(one, str)},
            )
            return dict(_told(note_all(desk, person, noted, memo=kept)))
        case "acknowledged":
            step = Delivery(
                state=DeliveryState.ACKNOWLEDGED, way=DeliveryWay.BY_HAND, reference=act.reference
            )
        case "refused":
            step = Delivery(state=DeliveryState.REFUSED, way=DeliveryWay.BY_HAND, reason=act.reason)
    if act.batch is None:
        raise Refused("bad_line", "batch: which one?", field="batch")
    noted = Noted(steps={act.batch: said_by_hand(step)}, not_yet={})
    return dict(_told(note_all(desk, person, noted, memo=kept)))


def _told(outcome: object) -> Mapping[str, object]:
    if isinstance(outcome, Noted):
        brought: list[Answer] = [
            {
                "batch": number,
                "state": str(step.state),
                "reference": step.reference,
                "reason": step.reason,
                "file_sha256": step.file_digest,
            }
            for number, step in outcome.steps.items()
        ]
        waiting: list[Answer] = [
            {"batch": number, "state": "waiting", "reason": why} for number, why in outcome.not_yet.items()
        ]
        return {"batches": [*brought, *waiting]}
    assert isinstance(outcome, tuple)
    return {"batches": [_made(batch) for batch in outcome]}


def _made(batch: LedgerBatch) -> Answer:
    return {
        "batch": batch.number,
        "business_date": batch.business_date.isoformat(),
        "accounting_date": batch.accounting_date.isoformat(),
        "entries": batch.entries,
        "totals": [
            {"amount": total.debit.plain(), "currency": total.debit.currency.code} for total in batch.totals
        ],
    }
