"""A script makes batches for the general ledger and says what became of them, each line once for ever."""

from __future__ import annotations

import json
from typing import Any

from pos.domain.role import Person
from pos.till.desk import Desk
from pos.till.script import Script
from tests.builders.ledger import counted_day
from tests.builders.tills import AUDITOR, BACK_OFFICE, CASHIER, TODAY, findings, rows

NUMBER = "S014-T1-A-20261121-01"


def say(desk: Desk, ref: str, deed: str, *, by: Person = BACK_OFFICE, **told: object) -> dict[str, Any]:
    return Script(desk, by).run_line(json.dumps({"ref": ref, "act": "ledger_batch", "deed": deed, **told}))


def test_a_line_makes_the_batches_of_a_day_once() -> None:
    desk = counted_day()

    first = say(desk, "g1", "make", business_date=TODAY.isoformat())
    again = say(desk, "g1", "make", business_date=TODAY.isoformat())
    nothing_new = say(desk, "g2", "make", business_date=TODAY.isoformat())

    assert first == {
        "ref": "g1",
        "ok": True,
        "act": "ledger_batch",
        "batches": [
            {
                "batch": NUMBER,
                "business_date": TODAY.isoformat(),
                "accounting_date": TODAY.isoformat(),
                "entries": 6,
                "totals": [{"amount": "80.500", "currency": "KWD"}],
            }
        ],
    }
    assert again == {**first, "replayed": True}
    assert nothing_new["batches"] == []
    assert len(rows(desk, "ledger_batch")) == 1


def test_a_line_says_that_a_batch_was_refused_and_then_taken() -> None:
    desk = counted_day()
    say(desk, "g1", "make", business_date=TODAY.isoformat())

    refused = say(desk, "g2", "refused", batch=NUMBER, reason="Period closed")
    taken = say(desk, "g3", "acknowledged", batch=NUMBER, reference="GL-7")
    too_late = say(desk, "g4", "refused", batch=NUMBER, reason="Never mind")

    (one,) = refused["batches"]
    assert (one["state"], one["reason"]) == ("refused", "Period closed")
    (one,) = taken["batches"]
    assert (one["state"], one["reference"]) == ("acknowledged", "GL-7")
    assert too_late["error"]["code"] == "batch_acknowledged"
    assert [row["reason"] for row in rows(desk, "ledger_delivery")] == ["Period closed", None]
    assert findings(desk) == []


def test_a_line_names_its_batch_and_a_refusal_its_reason() -> None:
    desk = counted_day()
    say(desk, "g1", "make", business_date=TODAY.isoformat())

    assert say(desk, "g2", "acknowledged")["error"]["code"] == "bad_line"
    assert say(desk, "g3", "refused", batch=NUMBER)["error"]["code"] == "reason_missing"
    assert say(desk, "g4", "acknowledged", batch="S014-T1-A-20990101-01")["error"]["code"] == "unknown_batch"
    assert say(desk, "g5", "deliver")["error"]["code"] == "not_delivered_here"
    assert rows(desk, "ledger_delivery") == []


def test_only_the_back_office_says_any_of_it() -> None:
    desk = counted_day()

    for person in (CASHIER, AUDITOR):
        assert say(desk, f"g-{person.user}", "make", by=person)["error"]["code"] == "not_allowed"
    assert rows(desk, "ledger_batch") == []
