"""Nobody takes payments on the own or a linked account (domain.md rule 64)."""

from dataclasses import replace

import pytest

from pos.domain.role import Person
from pos.store.people import RosterEntry, put_person, roster_entry
from pos.till.desk import Desk
from tests.builders.tills import (
    CASHIER,
    DEALER,
    account,
    cash,
    findings,
    make_till,
    opened,
    pay,
    rows,
    tell,
    wish,
)
from tests.till.books import refused

KUMAR = replace(CASHIER, accounts=frozenset({"BA-1"}))
"""The cashier, who has account BA-1; BA-1 is held by customer C-1."""


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    opened(desk)
    return desk


def test_a_payment_on_the_own_account_needs_a_second_person(desk: Desk) -> None:
    """Rule 64: staff cannot take payments on their own or linked accounts."""
    refusal = refused(desk, lambda: pay(desk, cash("5"), person=KUMAR))

    assert (refusal.code, refusal.details["why"], refusal.details["request"]) == (
        "approval_required",
        "own_account",
        "R-1",
    )
    assert "needs a second person" in refusal.message
    assert rows(desk, "v_audit")[-1]["operator"] == KUMAR.user


def test_another_pays_for_the_own_account_and_is_refused_too(desk: Desk) -> None:
    """Rule 64: the payee counts as well as the payer."""
    refusal = refused(
        desk, lambda: pay(desk, cash("50"), account="BA-3", allocate=[wish("7781", "41.750")], person=KUMAR)
    )

    assert (refusal.code, refusal.details["account"]) == ("approval_required", "BA-1")


def test_an_account_of_the_same_customer_is_linked(desk: Desk) -> None:
    """Rule 64."""
    tell(desk, accounts=[replace(account("BA-9"), customer="C-1")])

    refusal = refused(
        desk, lambda: pay(desk, cash("5"), account="BA-3", allocate=[wish(None, "5", "BA-9")], person=KUMAR)
    )

    assert (refusal.code, refusal.details["account"]) == ("approval_required", "BA-9")


@pytest.mark.parametrize("number", ["BA-2", "BA-4", "BA-5"])
def test_any_other_account_is_taken(desk: Desk, number: str) -> None:
    """Rule 64, the good neighbour."""
    pay(desk, cash("5"), account=number, person=KUMAR)

    assert findings(desk) == []


def test_accounts_without_a_customer_are_not_linked(desk: Desk) -> None:
    """Rule 64: what nobody holds links nobody."""
    tell(desk, accounts=[replace(account("BA-1"), customer=""), replace(account("BA-3"), customer="")])

    pay(desk, cash("5"), account="D-1", person=KUMAR)
    pay(desk, cash("5"), account="BA-4", person=KUMAR)


def test_a_dealer_who_pays_for_its_own_purchases_is_the_normal_case() -> None:
    """Rule 64: a dealer who enters payments for its own purchases is not meant."""
    desk = make_till()
    owner = replace(DEALER, accounts=frozenset({"D-1"}))
    opened(desk, person=owner)

    taken = pay(desk, cash("5"), account="D-1", person=owner)

    assert taken.receipt.payer_account == "D-1"


def test_the_roster_keeps_whose_accounts_are_whose() -> None:
    desk = make_till()
    person = Person(user="1077", name="Mia", roles=CASHIER.roles, accounts=frozenset({"BA-7", "BA-1"}))
    with desk.till.transaction() as unit:
        put_person(
            unit.connection, RosterEntry(person=person, pin_hash="x", active=True), at=desk.clock.now()
        )

    with desk.till.read() as connection:
        entry = roster_entry(connection, "1077")
        others = roster_entry(connection, "1001")
    assert entry is not None
    assert others is not None
    assert (entry.person, others.person.accounts) == (person, frozenset())
