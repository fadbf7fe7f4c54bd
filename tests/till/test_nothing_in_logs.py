"""What a person is called, which number they have and what they typed never reaches a log, whatever becomes of the act."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from pos.cli.faults import PrivateFormatter
from pos.domain.cheque import TICKS
from pos.till.desk import Desk
from pos.till.enquiries import find
from pos.till.script import Script
from pos.tui.screens.find import FindScreen
from tests.builders.tills import CASHIER, PINS, ask_for_documents, dump, make_till, opened, stock
from tests.tui.counter import counter

CANARY = "Zq9xCanary"
PHONE, NAME = "55510001", "Zoë O'Brien"

PAID: dict[str, Any] = {
    "ref": "ref",
    "act": "pay",
    "payer": {"kind": "subscriber", "account": "BA-1"},
    "allocate": [{"bill": "7781", "amount": "1.000"}],
    "overpayment": "credit",
    "reason": "reason",
    "identity": {"kind": "passport", "number": "P1234567", "name": "name"},
    "tenders": [
        {"mode": "cheque", "amount": "1.000", "serial": "000501", "bank": "001", "drawer": "drawer", "ticks": [*TICKS]},
        {"mode": "debit_card", "amount": "1.000", "auth_code": "A1B2C3", "last4": "1111", "rrn": "000123456789",
         "card_terminal": "T7", "brand": "VISA"},
        {"mode": "cash", "amount": "500.000"},
    ],
}  # fmt: skip
ACTS: list[dict[str, Any]] = [
    PAID,
    {
        "ref": "ref",
        "act": "sell",
        "lines": [{"item": "SIM-01", "serials": ["serial"]}],
        "tenders": PAID["tenders"],
    },
    {"ref": "ref", "act": "sign_in", "user": "1001", "pin": "pin"},
    {"ref": "ref", "act": "resolve_suspense", "receipt": "1", "account": "BA-1", "reason": "reason"},
    {"ref": "ref", "act": "reject_bank_receipt", "receipt": "1", "reason": "forged"},
    {"ref": "ref", "act": "unblock_dealer", "dealer": "D-1", "reason": "reason"},
    {
        "ref": "ref",
        "act": "resolve_card",
        "attempt": "1",
        "outcome": "approved",
        "reason": "reason",
        "rrn": "1",
    },
    {"ref": "ref", "act": "confirm_match", "record": "1", "reason": "reason"},
    {"ref": "ref", "act": "close_shift", "reason": "reason"},
]


def with_canary(told: Any) -> Iterator[Any]:
    """``told`` again and again, another of its texts the canary each time."""
    if isinstance(told, str):
        yield CANARY
    elif isinstance(told, dict):
        for name, value in told.items():
            if name != "act":
                yield from ({**told, name: other} for other in with_canary(value))
    elif isinstance(told, list):
        for index, value in enumerate(told):
            yield from ([*told[:index], other, *told[index + 1 :]] for other in with_canary(value))


def as_logged(records: list[logging.LogRecord]) -> str:
    return "\n".join(PrivateFormatter().format(record) for record in records)


@pytest.fixture
def desk(caplog: pytest.LogCaptureFixture) -> Desk:
    for name in ("pos", "sync", "receipts"):
        caplog.set_level(logging.DEBUG, logger=name)
    # Its rows would stand in a log of DEBUG; the program logs warnings, and no setting asks for more.
    caplog.set_level(logging.INFO, logger="sqlalchemy")
    desk = make_till()
    opened(desk)
    stock(desk)
    ask_for_documents(desk, "400")
    return desk


def test_no_field_of_an_act_reaches_a_log(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """Reliability.md section 2 (49): names, numbers and PINs are in no log; an id tells which deed it was."""
    script = Script(desk, CASHIER)
    script.run_line(json.dumps({**PAID, "ref": "taken"}))
    taken = len(dump(desk)["payment_event"])
    for act in ACTS:
        for line in with_canary(act):
            script.run_line(json.dumps(line))
    find(desk, CASHIER, CANARY)
    find(desk, CASHIER, PHONE)

    logged = as_logged(caplog.records)
    assert taken == 1
    assert CANARY in str(dump(desk)), "the canary has been somewhere"
    for value in (CANARY, NAME, PHONE, "P1234567", *PINS.values()):
        assert value not in logged


async def test_a_bug_behind_a_screen_is_logged_without_what_was_typed(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_screen: FindScreen, query: str) -> None:
        raise RuntimeError(f"cannot find {query}")

    async with counter(desk) as seat:
        seat.app.screen.errand(fail(seat.app.screen, CANARY))  # type: ignore[attr-defined,arg-type]
        await seat.settle()

        assert seat.screen == "StopScreen"
        assert CANARY not in seat.text
    logged = as_logged(caplog.records)
    assert "The program failed: RuntimeError, at" in logged
    assert CANARY not in logged
