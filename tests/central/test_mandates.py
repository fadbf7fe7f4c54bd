"""Direct-debit mandates at central: what a till tells is checked."""

from __future__ import annotations

from typing import Any

import pytest

from sync.central.payments.mandates import read_mandate
from sync.wire_json import BadField

TOLD: dict[str, Any] = {
    "correlatorId": "ab" * 32,
    "mandate": "m-1 ",
    "account": {"id": "BA-1"},
    "state": "active",
    "signedOn": "2026-01-05",
    "registeredAt": "2026-01-05T07:15:00+00:00",
    "holder": "Zoë O'Brien",
    "bankAccount": "NL91ABNA0417164300",
    "bic": "",
    "terminal": "T1",
    "operator": "4001",
    "decidedAt": "2026-11-21T10:15:00+03:00",
}


def test_a_mandate_is_known_by_its_reference_however_it_is_written() -> None:
    told = read_mandate(TOLD)

    assert (told.mandate_id, told.account_id, told.bic) == ("M1", "BA-1", "")


def test_bank_details_that_were_purged_are_nothing() -> None:
    told = read_mandate({**TOLD, "holder": "", "bankAccount": ""})

    assert (told.holder, told.bank_account) == ("", "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("correlatorId", "../x"),
        ("mandate", "--"),
        ("mandate", "M" * 401),
        ("account", {"id": ""}),
        ("state", "asleep"),
        ("signedOn", "soon"),
        ("registeredAt", "2026-01-05T07:15:00"),
        ("decidedAt", "now"),
        ("terminal", ""),
        ("holder", "a\x1b[0m"),
    ],
)
def test_what_is_wrong_is_refused_by_its_field(name: str, value: object) -> None:
    with pytest.raises(BadField):
        read_mandate({**TOLD, name: value})
