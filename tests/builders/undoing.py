"""Arranging corrections: asked for, approved by another, done; and the figures that they must put right."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

from pos.domain.approval import ApprovalNeeded
from pos.domain.errors import DomainError
from pos.domain.role import Person
from pos.till.approvals import approve
from pos.till.correction_entry import CorrectionOrder
from pos.till.desk import Desk
from pos.till.open_bills import catch_up
from tests.builders.tills import SUPERVISOR, rows

WRONG = "wrong_account"
Done = TypeVar("Done")


def order(receipt: str, *, reason: str = WRONG, text: str = "", tender: int | None = None) -> CorrectionOrder:
    return CorrectionOrder(receipt=receipt, reason=reason, text=text, tender=tender)


def approved(desk: Desk, deed: Callable[[], Done], approver: Person = SUPERVISOR) -> Done:
    """The deed, asked for, approved by another, done."""
    with pytest.raises(ApprovalNeeded) as refusal:
        deed()
    approve(desk, approver, str(refusal.value.details["request"]))
    done = deed()
    catch_up(desk)
    return done


def code_of(call: Callable[[], object]) -> str:
    try:
        call()
    except DomainError as refusal:
        return refusal.code
    return "ok"


def open_bills(desk: Desk) -> dict[str, int]:
    with desk.cache.read() as connection:
        return {
            str(row[0]): int(row[1])
            for row in connection.exec_driver_sql("SELECT bill_no, open_minor FROM v_bill")
        }


def credits(desk: Desk) -> dict[str, int]:
    with desk.cache.read() as connection:
        return {
            str(row[0]): int(row[1])
            for row in connection.exec_driver_sql("SELECT account, credit_minor FROM v_account")
        }


def balances(desk: Desk) -> dict[tuple[object, object], int]:
    found: dict[tuple[object, object], int] = {}
    for row in rows(desk, "journal_line"):
        key = (row["ledger_account"], row["account"])
        found[key] = found.get(key, 0) + int(str(row["debit_minor"])) - int(str(row["credit_minor"]))
    return {key: amount for key, amount in found.items() if amount}
