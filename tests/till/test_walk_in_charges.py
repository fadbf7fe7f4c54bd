"""A walk-in buyer pays at the counter for a cheque that bounced: found by its charge, its number or its drawer's name."""

from __future__ import annotations

import pytest

from pos.domain.errors import Refused
from pos.domain.payment_mode import PayerKind
from pos.till.desk import Desk
from pos.till.enquiries import find
from pos.till.open_bills import catch_up
from pos.till.payment_order import TenderOrder
from pos.till.walk_in_charges import charge_basket
from tests.builders.bounces import bounced, lodged, taken, with_fee
from tests.builders.tills import (
    CASHIER,
    DEALER,
    card,
    cash,
    cheque,
    findings,
    make_till,
    money,
    opened,
    pay,
    sale,
    stock,
    wish,
)
from tests.builders.undoing import open_bills
from tests.till.books import refused

NOTICE = "S014-T1-A-DN-000001"


@pytest.fixture
def desk() -> Desk:
    """A walk-in buyer's cheque of 2.500 came back, and the fee is 5.000; a shift is open."""
    desk = make_till(cheques=with_fee("5"))
    stock(desk)
    receipt = taken(
        desk,
        cheque("2.500", drawer="Sara O'Neill"),
        account=None,
        payer=PayerKind.WALK_IN,
        lines=[sale("CHARGER", 2)],
        cheques="2.500",
    )
    lodged(desk, receipt)
    bounced(desk, receipt)
    opened(desk)
    return desk


@pytest.mark.parametrize("asked", [NOTICE, NOTICE.lower(), "000123", "sara o", "O'Neill"])
def test_the_charge_is_found_by_its_number_the_cheques_and_the_drawers_name(desk: Desk, asked: str) -> None:
    assert NOTICE in {hit.key for hit in find(desk, CASHIER, asked)}


@pytest.mark.parametrize("asked", ["000124", "sarah", "S014-T1-A-DN-000002"])
def test_another_name_or_number_finds_no_charge(desk: Desk, asked: str) -> None:
    assert find(desk, CASHIER, asked) == []


def test_a_charge_that_is_paid_is_found_by_its_own_number_alone(desk: Desk) -> None:
    pay(desk, cash("7.500"), account=None, payer=PayerKind.WALK_IN, allocate=[wish(NOTICE)])

    assert [str(hit.kind) for hit in find(desk, CASHIER, "000123")] == ["cheque"]
    with pytest.raises(Refused, match="Nothing is open of"):
        charge_basket(desk, NOTICE, "E-1")


@pytest.mark.parametrize("tender", [cash("7.500"), card("7.500"), cheque("7.500", "000200")])
def test_whatever_pays_for_items_pays_the_charge(desk: Desk, tender: TenderOrder) -> None:
    basket = charge_basket(desk, NOTICE, "E-1")
    assert (basket.to_pay, [part.bill_no for part in basket.plan.parts]) == (money("7.500"), [NOTICE])

    done = pay(desk, tender, account=None, payer=PayerKind.WALK_IN, allocate=[wish(NOTICE)])

    catch_up(desk)
    assert open_bills(desk)[NOTICE] == 0
    assert [(part.bill_no, part.amount) for part in done.receipt.allocations] == [(NOTICE, money("7.500"))]
    assert findings(desk) == []


def test_a_part_of_the_charge_may_be_paid_beside_items(desk: Desk) -> None:
    pay(
        desk,
        cash("4.250"),
        account=None,
        payer=PayerKind.WALK_IN,
        lines=[sale("CHARGER", 1)],
        allocate=[wish(NOTICE, "3")],
    )

    catch_up(desk)
    assert open_bills(desk)[NOTICE] == 4_500
    assert findings(desk) == []


def test_a_walk_in_buyer_pays_no_customers_bill(desk: Desk) -> None:
    """Bills are paid on their account: who pays them is looked for."""
    refusal = refused(
        desk,
        lambda: pay(desk, cash("1"), account=None, payer=PayerKind.WALK_IN, allocate=[wish("N1-1", "1")]),
    )

    assert refusal.code == "unknown_bill"


def test_what_serves_no_walk_in_buyer_pays_no_charge(desk: Desk) -> None:
    refusal = refused(
        desk,
        lambda: pay(
            desk,
            TenderOrder(
                mode="atm", amount="7.500", details={"trace": "000123", "atm": "A7", "date": "2026-11-20"}
            ),
            account=None,
            payer=PayerKind.WALK_IN,
            allocate=[wish(NOTICE)],
        ),
    )

    assert refusal.code == "mode_not_for_payer"


def test_a_dealers_own_person_finds_no_walk_in_buyers_charge(desk: Desk) -> None:
    assert find(desk, DEALER, "000123") == []
