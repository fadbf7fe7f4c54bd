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
from pos.till.gate import may_do
from pos.till.script import Script
from pos.till.script_acts import AVAILABLE
from pos.tui.screens.find import FindScreen
from tests.builders.tills import (
    ADMIN,
    BACK_OFFICE,
    CASHIER,
    PINS,
    ask_for_documents,
    dump,
    make_till,
    opened,
    stock,
)
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
    {
        "ref": "ref",
        "act": "mandate",
        "deed": "register",
        "mandate": "M-1",
        "account": "BA-1",
        "holder": "holder",
        "bank_account": "1234",
        "bic": "BANKKWKW",
        "signed_on": "2026-01-05",
        "reason": "reason",
    },
    {
        "ref": "ref",
        "act": "settle_bank_entry",
        "run": "1",
        "number": 1,
        "how": "paid",
        "account": "BA-1",
        "reason": "reason",
    },
    {"ref": "ref", "act": "close_shift", "reason": "reason"},
    {"ref": "ref", "act": "open_shift", "float": {"amount": "1", "currency": "KWD"}},
    {"ref": "ref", "act": "count", "cash": {"amount": "1"}, "declared": [{"kind": "torn", "amount": "1"}]},
    {"ref": "ref", "act": "confirm_clock"},
    {"ref": "ref", "act": "void", "receipt": "1", "reason": "other", "text": "text"},
    {"ref": "ref", "act": "reverse", "receipt": "1", "reason": "other", "text": "text", "tender": 1},
    {"ref": "ref", "act": "refund", "receipt": "1", "reason": "other", "text": "text", "amount": "1"},
    {"ref": "ref", "act": "confirm_refund", "refund": "1", "reference": "reference"},
    {"ref": "ref", "act": "transfer", "receipt": "1", "account": "BA-1", "reason": "other", "text": "text"},
    {"ref": "ref", "act": "reallocate", "receipt": "1", "reason": "other", "text": "text"},
    {"ref": "ref", "act": "pay_post_dated", "note": "1"},
    {"ref": "ref", "act": "return_cheque", "cheque": "1", "reason": "other", "text": "text"},
    {"ref": "ref", "act": "replace_cheque", "cheque": "1", "tenders": [{"mode": "cash", "amount": "1"}]},
    {"ref": "ref", "act": "withdraw_post_dated", "note": "1", "reason": "reason"},
    {"ref": "ref", "act": "clear_cheque", "cheques": ["1"], "except": ["2"]},
    {
        "ref": "ref",
        "act": "bounce_cheque",
        "cheque": "1",
        "reason": "reason",
        "text": "text",
        "on": "2026-11-21",
    },
    {"ref": "ref", "act": "represent_cheque", "cheque": "1", "text": "text"},
    {"ref": "ref", "act": "undo_bounce", "cheque": "1", "text": "text"},
    {"ref": "ref", "act": "ask_elsewhere", "request": "R-1"},
    {
        "ref": "ref",
        "act": "swap_tender",
        "receipt": "1",
        "reason": "other",
        "text": "text",
        "tenders": [{"mode": "cheque", "amount": "1", "serial": "1", "bank": "1", "drawer": "x"}],
    },
    {"ref": "ref", "act": "verify_bank_receipt", "receipt": "1"},
    {"ref": "ref", "act": "settle_commission", "dealer": "D-1"},
    {"ref": "ref", "act": "demand_bill", "account": "BA-1"},
    {
        "ref": "ref",
        "act": "issue_voucher",
        "value": {"amount": "1"},
        "expires": "2027-01-31",
        "account": "BA-1",
    },
    {"ref": "ref", "act": "approve", "request": "R-1", "user": "2002", "pin": "pin"},
    {"ref": "ref", "act": "decline", "request": "R-1", "reason": "reason"},
    {"ref": "ref", "act": "note", "text": "text", "about": "about"},
    {
        "ref": "ref",
        "act": "add_user",
        "user": "1088",
        "name": "name",
        "roles": ["cashier"],
        "accounts": ["BA-1"],
    },
    {"ref": "ref", "act": "change_user", "user": "1001", "name": "name", "accounts": ["BA-1"]},
    {"ref": "ref", "act": "reset_pin", "user": "1001"},
    {"ref": "ref", "act": "change_pin", "pin": "pin", "new_pin": "pin"},
    {"ref": "ref", "act": "deposit_cheques", "cheques": ["1"], "bank_account": "main"},
    {
        "ref": "ref",
        "act": "lodge_deposit",
        "slip": "1",
        "reference": "reference",
        "date": "2026-11-22",
        "carrier": {"company": "company", "person": "person", "seal": "seal"},
    },
    {"ref": "ref", "act": "confirm_deposit", "slip": "1", "cheques": [{"cheque": "1", "amount": "1"}]},
    {"ref": "ref", "act": "bag_cash", "bag": "B-1", "amount": "1"},
    {"ref": "ref", "act": "open_bag", "bag": "B-1", "reason": "reason"},
    {"ref": "ref", "act": "send_bag", "bag": "B-1", "amount": "1", "contents": "contents"},
    {"ref": "ref", "act": "recall_bag", "paper": "1", "reason": "reason"},
    {
        "ref": "ref",
        "act": "accept_bag",
        "paper": "1",
        "bag": "B-1",
        "amount": "1",
        "check": "AAAAA",
        "counted": "1",
        "reason": "reason",
    },
    {"ref": "ref", "act": "undo_accept_bag", "paper": "1", "reason": "reason"},
    {"ref": "ref", "act": "cancel_deposit", "slip": "1", "reason": "reason"},
    {"ref": "ref", "act": "pickup", "amount": "1", "text": "text"},
    {"ref": "ref", "act": "loan", "amount": "1", "text": "text"},
    {"ref": "ref", "act": "paid_in", "amount": "1", "reason": "found", "text": "text"},
    {"ref": "ref", "act": "paid_out", "amount": "1", "reason": "other", "text": "text"},
    {"ref": "ref", "act": "no_sale", "reason": "reason"},
    {"ref": "ref", "act": "accept_over_short", "shift": 1, "reason": "reason"},
    {"ref": "ref", "act": "safe_count", "cash": {"amount": "1", "currency": "KWD"}, "reason": "reason"},
    {"ref": "ref", "act": "close_day", "business_date": "2026-11-21"},
    {"ref": "ref", "act": "count_sheet"},
    {"ref": "ref", "act": "hand_over", "to": "1002", "reason": "reason"},
    {"ref": "ref", "act": "accept_hand_over", "cash": {"amount": "1", "currency": "KWD"}},
    {"ref": "ref", "act": "undo_hand_over", "reason": "reason"},
    {"ref": "ref", "act": "ledger_batch", "deed": "make", "business_date": "2026-11-21"},
    {"ref": "ref", "act": "ledger_batch", "deed": "deliver", "batch": "batch"},
    {
        "ref": "ref",
        "act": "ledger_batch",
        "deed": "refused",
        "batch": "batch",
        "reference": "reference",
        "reason": "reason",
    },
    {"ref": "ref", "act": "undo_cash_move", "move": "1", "reason": "reason"},
    {"ref": "ref", "act": "lock"},
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
    Script(desk, CASHIER).run_line(json.dumps({**PAID, "ref": "taken"}))
    taken = len(dump(desk)["payment_event"])
    for act in ACTS:
        who = next(person for person in (CASHIER, BACK_OFFICE, ADMIN) if may_do(desk, act["act"], person))
        for line in with_canary(act):
            Script(desk, who).run_line(json.dumps(line))
    find(desk, CASHIER, CANARY)
    find(desk, CASHIER, PHONE)

    logged = as_logged(caplog.records)
    assert taken == 1
    assert {act["act"] for act in ACTS} == AVAILABLE
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
