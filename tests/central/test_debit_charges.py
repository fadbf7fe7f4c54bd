"""What a refused or returned debit costs, at central: checked, and a bill once."""

from __future__ import annotations

from typing import Any

import pytest

from sync.central.refunds.debit_charges import read_charge
from sync.wire_json import BadField, loads

TOLD: dict[str, Any] = loads(
    b'{"correlatorId": "CH-1", "id": "CH-1", "billNo": "S014-T1-A-DF-000001", "account": {"id": "BA-1"},'
    b' "reference": "R-1", "reasonCode": "AM04", "returnedAmount": {"unit": "KWD", "value": 0},'
    b' "feeAmount": {"unit": "KWD", "value": 5.000}, "feeTaxAmount": {"unit": "KWD", "value": 0.238},'
    b' "date": "2026-11-21", "terminal": "T1"}'
)


def test_what_a_till_tells_is_read() -> None:
    told = read_charge(TOLD)

    assert (told.account_id, told.bill_no, told.fee.plain(), told.tax.plain()) == (
        "BA-1",
        "S014-T1-A-DF-000001",
        "5.000",
        "0.238",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", "../x"),
        ("id", "CH-2"),
        ("billNo", ""),
        ("account", {"id": ""}),
        ("account", []),
        ("reference", None),
        ("reasonCode", "a\x1b[0m"),
        ("returnedAmount", {"unit": "EUR", "value": 0}),
        ("feeAmount", {"unit": "KWD", "value": 0}),
        ("feeAmount", {"unit": "KWD", "value": -5}),
        ("feeTaxAmount", {"unit": "KWD", "value": 6}),
        ("date", "soon"),
    ],
)
def test_what_is_wrong_is_refused_by_its_field(name: str, value: object) -> None:
    with pytest.raises(BadField):
        read_charge({**TOLD, name: value})
