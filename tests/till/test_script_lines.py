"""What a script's line may say, and what it leaves behind (interface.md section 2)."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pos.domain.role import Grant, PermissionTable, Role
from pos.till.desk import Desk
from pos.till.script import Script
from tests.builders.tills import CASHIER, DEALER, PINS, clock_of, dump, make_till, opened, rows

CARD = "4111111111111111"


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    opened(desk)
    return desk


def say(desk: Desk, line: Mapping[str, Any], script: Script | None = None) -> dict[str, Any]:
    return (script or Script(desk, CASHIER)).run_line(json.dumps(line))


def pay_line(ref: str = "p1", **more: Any) -> dict[str, Any]:
    tenders = [{"mode": "cash", "amount": "1"}]
    return {
        "ref": ref,
        "act": "pay",
        "payer": {"kind": "subscriber", "account": "BA-1"},
        "tenders": tenders,
    } | more


def test_a_ref_that_looks_like_a_card_number_is_neither_kept_nor_repeated(desk: Desk) -> None:
    answer = say(desk, pay_line(CARD))

    assert answer["error"]["code"] == "card_number_refused"
    assert CARD not in json.dumps(answer)
    assert CARD not in json.dumps(dump(desk))


def test_a_mode_that_looks_like_a_card_number_is_not_repeated(desk: Desk) -> None:
    answer = say(desk, pay_line(tenders=[{"mode": CARD, "amount": "1"}]))

    assert answer["error"]["code"] == "unknown_mode"
    assert CARD not in json.dumps(answer)


def test_a_sign_in_does_not_take_the_ref_of_another_act(desk: Desk) -> None:
    script = Script(desk, CASHIER)
    assert say(desk, pay_line("a1"), script)["ok"]

    answer = say(desk, {"ref": "a1", "act": "sign_in", "user": "2002", "pin": PINS["2002"]}, script)

    assert answer["error"]["code"] == "ref_reused"
    assert script.person == CASHIER


@pytest.mark.parametrize(
    "wish",
    [{"bill": "7781", "amount": "99999"}, {"bill": "7781", "account": "D-1"}, {"bill": "no such bill"}],
)
def test_a_dealers_people_learn_nothing_of_other_peoples_bills(wish: dict[str, str]) -> None:
    desk = make_till()
    opened(desk, person=DEALER)
    line = pay_line(payer={"kind": "dealer", "account": "D-1"}, allocate=[wish])

    answer = say(desk, line, Script(desk, DEALER))

    assert answer["error"]["code"] == "unknown_bill"
    assert "BA-" not in json.dumps(answer)


@pytest.mark.parametrize(
    ("grant", "code"),
    [(Grant.READ, "not_allowed"), (Grant.SECOND, "approval_required"), (Grant.REASON, "approval_required")],
)
def test_a_right_that_wants_more_than_the_person_does_not_suffice(
    desk: Desk, grant: Grant, code: str
) -> None:
    table = PermissionTable({**desk.permissions.grants, "pay": {Role.CASHIER: grant}})

    answer = say(replace(desk, permissions=table), pay_line())

    assert answer["error"]["code"] == code
    assert rows(desk, "payment_event") == []


def test_a_cheque_of_the_day_is_taken_in_a_shift_that_runs_past_midnight(desk: Desk) -> None:
    clock_of(desk).advance(days=1)
    today = clock_of(desk).now().date()
    cheque = {"mode": "cheque", "amount": "1", "serial": "000777", "bank": "001"}

    assert say(desk, pay_line("today", tenders=[cheque | {"date": today.isoformat()}]))["ok"]
    tomorrow = (today + timedelta(days=1)).isoformat()
    refused = say(desk, pay_line("tomorrow", tenders=[cheque | {"serial": "000778", "date": tomorrow}]))
    assert refused["error"]["code"] == "cheque_post_dated"
