"""What central has not acknowledged: who may look at it, and who may send again what central refused."""

import json
from collections.abc import Callable

import pytest

from pos.domain.errors import NotAuthorised
from pos.domain.role import Person
from pos.till.desk import Desk, Memo
from pos.till.unsent import send_again, unsent
from tests.builders.tills import (
    ADMIN,
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    DEALER,
    SUPERVISOR,
    card,
    cash,
    cheque,
    clock_of,
    make_till,
    money,
    opened,
    pay,
    rows,
    sale,
    stock,
    wish,
)
from tests.till.books import refused


@pytest.fixture
def desk() -> Desk:
    """Five legs: a card and a cheque for two accounts (three legs), a dealer's cash, a sale."""
    desk = make_till()
    stock(desk)
    opened(desk)
    pay(desk, card("3"), cheque("5.005"), allocate=[wish("7798", "4"), wish("7796", "4.005")])
    clock_of(desk).advance(minutes=5)
    pay(desk, cash("9"), account="D-1")
    pay(desk, cash("5"), account=None, lines=[sale("SERVICE")])
    return desk


def spoil(desk: Desk, statement: str) -> None:
    with desk.till.transaction() as unit:
        unit.connection.exec_driver_sql(statement)


def shown(desk: Desk, person: Person = CASHIER) -> list[tuple[str, str, str, str]]:
    return [(leg.account, leg.mode, leg.amount.plain(), leg.state) for leg in unsent(desk, person)]


def test_every_leg_that_waits_is_shown_in_order(desk: Desk) -> None:
    assert shown(desk) == [
        ("BA-5", "debit_card", "3.000", "waiting"),
        ("BA-5", "cheque", "1.000", "waiting"),
        ("BA-4", "cheque", "4.005", "waiting"),
        ("D-1", "cash", "9.000", "waiting"),
        ("WALK-IN", "cash", "5.000", "waiting"),
    ]
    first, *_, last = unsent(desk, CASHIER)
    assert (first.receipt_number, last.receipt_number) == ("S014-T1-A-000001", "S014-T1-A-000003")
    assert (last.taken_at - first.taken_at).total_seconds() == 300
    assert (first.attempts, first.next_attempt_at, first.reason, first.amount) == (0, None, None, money("3"))
    assert len(unsent(desk, CASHIER, limit=2)) == 2


def test_what_central_has_is_shown_no_more_and_what_it_refused_comes_first(desk: Desk) -> None:
    spoil(
        desk,
        "UPDATE outbox SET state = 'acknowledged', body = x'7b7d', server_id = 'P-1' WHERE outbox_id = 1",
    )
    spoil(desk, "UPDATE outbox SET state = 'parked', reason = 'unknown account' WHERE outbox_id = 4")

    legs = unsent(desk, CASHIER)

    assert [leg.state for leg in legs] == ["parked", "waiting", "waiting", "waiting"]
    assert (legs[0].account, legs[0].reason) == ("D-1", "unknown account")


def test_a_dealers_people_see_their_own(desk: Desk) -> None:
    assert shown(desk, DEALER) == [("D-1", "cash", "9.000", "waiting")]


@pytest.mark.parametrize("person", [ADMIN])
def test_who_may_not_look_at_customers_sees_none(desk: Desk, person: Person) -> None:
    with pytest.raises(NotAuthorised):
        unsent(desk, person)


@pytest.mark.parametrize("person", [SUPERVISOR, BACK_OFFICE])
def test_what_central_refused_is_sent_again(desk: Desk, person: Person) -> None:
    spoil(desk, "UPDATE outbox SET state = 'parked', reason = 'x', body = x'7b7d' WHERE outbox_id = 2")
    spoil(desk, "UPDATE outbox SET state = 'parked', reason = 'x' WHERE outbox_id = 4")

    assert send_again(desk, person) == 2

    assert [row["state"] for row in rows(desk, "outbox")] == [
        "waiting",
        "unknown",
        "waiting",
        "waiting",
        "waiting",
    ]
    assert rows(desk, "audit")[-1]["act"] == "resolve_conflict"
    assert send_again(desk, person) == 0


@pytest.mark.parametrize("person", [CASHIER, DEALER, ADMIN, AUDITOR])
def test_others_may_not_send_again(desk: Desk, person: Person) -> None:
    spoil(desk, "UPDATE outbox SET state = 'parked', reason = 'x' WHERE outbox_id = 4")

    assert isinstance(refused(desk, lambda: send_again(desk, person)), NotAuthorised)


def test_a_script_may_remember_it(desk: Desk) -> None:
    encode: Callable[[object], dict[str, object]] = lambda many: {"again": many}  # noqa: E731

    send_again(desk, SUPERVISOR, memo=Memo(ref="u1", digest="d", encode=encode))

    assert json.loads(str(rows(desk, "script_ref")[0]["result_json"])) == {"again": 0}
