"""What a payer asks for of bills that are disputed or promised, and the order in which money finds them otherwise."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pos.domain.allocation import (
    Allocation,
    Chooser,
    Wish,
    allocate_as_asked,
    allocate_oldest_first,
    due_parts,
)
from pos.domain.bill import OpenBill
from pos.domain.errors import Refused
from pos.domain.payment_mode import Purpose
from tests.builders.owed import owed, wish
from tests.builders.refusals import refused
from tests.builders.tills import money


def given(
    paid: str, *wishes: Wish, bills: Sequence[OpenBill] = (), pay_disputed: bool = False
) -> list[tuple[str | None, str]]:
    made, _ = allocate_as_asked(
        money(paid),
        wishes,
        payer_account="BA-1",
        bills={entry.bill.bill_no: entry for entry in bills},
        pay_disputed=pay_disputed,
    )
    return [(part.bill_no, part.amount.plain()) for part in made]


# --- disputed parts ------------------------------------------------------------------------------------------------

CONTESTED = owed("2", "20", disputed="5")


@pytest.mark.parametrize(
    ("asked", "pay_disputed", "paid"),
    [
        (None, False, "15.000"),
        (None, True, "15.000"),
        ("15", False, "15.000"),
        ("14.999", False, "14.999"),
        ("15.001", True, "15.001"),
        ("20", True, "20.000"),
    ],
)
def test_a_disputed_part_is_paid_only_by_who_asks_for_it_where_the_shop_allows_it(
    asked: str | None, pay_disputed: bool, paid: str
) -> None:
    """Rule 11: 5 of 20 are disputed."""
    assert given("50", wish("2", asked), bills=[CONTESTED], pay_disputed=pay_disputed) == [("2", paid)]


@pytest.mark.parametrize(
    ("disputed", "told"), [("5", "15.000 may be paid"), ("20", "nothing of it may be paid")]
)
def test_who_asks_for_a_disputed_part_is_told_how_much_may_be_paid(disputed: str, told: str) -> None:
    with pytest.raises(Refused, match=told):
        given("50", wish("2", "20"), bills=[owed("2", "20", disputed=disputed)])


@pytest.mark.parametrize("asked", ["15.001", "20"])
def test_a_disputed_part_is_not_paid_by_mistake(asked: str) -> None:
    with refused("bill_disputed", bill="2", disputed="5.000", payable="15.000", currency="KWD"):
        given("50", wish("2", asked), bills=[CONTESTED])


def test_a_bill_disputed_as_a_whole_is_paid_only_by_an_amount_that_is_named() -> None:
    whole = owed("3", "30", disputed="30")

    with refused("bill_disputed", bill="3", disputed="30.000", payable="0.000", currency="KWD"):
        given("50", wish("3"), bills=[whole], pay_disputed=True)
    assert given("50", wish("3", "30"), bills=[whole], pay_disputed=True) == [("3", "30.000")]


def test_the_last_minor_unit_that_is_not_disputed_is_paid() -> None:
    assert given("50", wish("1"), bills=[owed("1", "10", disputed="9.999")]) == [("1", "0.001")]


def test_more_than_a_disputed_bill_owes_is_too_much_and_not_disputed() -> None:
    with refused("more_than_open", bill="2", open="20.000", currency="KWD"):
        given("50", wish("2", "20.001"), bills=[CONTESTED])


def test_the_last_minor_unit_of_the_money_is_set_against_a_bill() -> None:
    assert given("10.001", wish("1"), wish("4"), bills=[owed("1", "10"), owed("4", "10")]) == [
        ("1", "10.000"),
        ("4", "0.001"),
    ]


def test_a_wish_may_name_the_account_that_the_bill_has() -> None:
    assert given("10", wish("1", account="BA-1"), bills=[owed("1", "10")]) == [("1", "10.000")]


def test_all_that_is_left_goes_into_suspense_unless_an_amount_is_named() -> None:
    kept = {"keep": Purpose.SUSPENSE, "reference": "Envelope"}

    assert given("12", wish("1"), wish(**kept), bills=[owed("1", "10")]) == [("1", "10.000"), (None, "2.000")]
    assert given("12", wish(None, "1.5", **kept)) == [(None, "1.500")]


@pytest.mark.parametrize("keep", [Purpose.ACCOUNT, Purpose.ADVANCE, Purpose.DEPOSIT, Purpose.SUSPENSE])
@pytest.mark.parametrize("chosen_by", list(Chooser))
def test_money_on_an_account_is_kept_as_was_asked_for(keep: Purpose, chosen_by: Chooser) -> None:
    [part], left = allocate_as_asked(
        money("12"),
        [wish(None, "2", keep=keep, reference="Envelope", chosen_by=chosen_by)],
        payer_account="BA-1",
        bills={},
    )

    assert part == Allocation(
        account="BA-1",
        bill_no=None,
        bill_id=None,
        amount=money("2"),
        keep=keep,
        reference="Envelope",
        chosen_by=chosen_by,
    )
    assert part.purpose is keep
    assert left == money("10")


def test_what_the_payer_chose_is_told_from_what_the_order_chose() -> None:
    """Rule 12."""
    made, _ = allocate_as_asked(
        money("12"),
        [wish("1"), wish(None, "2", chosen_by=Chooser.DEFAULT)],
        payer_account="BA-1",
        bills={"1": owed("1", "10")},
    )

    assert [part.chosen_by for part in made] == [Chooser.PAYER, Chooser.DEFAULT]


def test_a_part_names_its_bill_as_central_does_and_what_of_it_is_disputed() -> None:
    """Rule 12 and rule 11: also where the order chose."""
    plain = owed("1", "10", due=-1)
    by_order, _ = allocate_oldest_first(money("30"), [plain, CONTESTED])
    by_wish, _ = allocate_as_asked(
        money("30"), [wish("1"), wish("2")], payer_account="BA-1", bills={"1": plain, "2": CONTESTED}
    )

    for made, chosen_by in ((by_order, Chooser.DEFAULT), (by_wish, Chooser.PAYER)):
        assert made == [
            Allocation(
                account="BA-1",
                bill_no=number,
                bill_id=entry.bill.bill_id,
                amount=money(amount),
                open_before=entry.open,
                chosen_by=chosen_by,
                disputed=disputed,
            )
            for number, entry, amount, disputed in (
                ("1", plain, "10", None),
                ("2", CONTESTED, "15", money("5")),
            )
        ]
    assert plain.bill.bill_id != plain.bill.bill_no


# --- promises ------------------------------------------------------------------------------------------------------


def parts(*bills: OpenBill) -> list[tuple[str, str]]:
    return [(entry.bill.bill_no, amount.plain()) for entry, amount in due_parts(bills)]


def test_promised_instalments_come_first_by_their_day_and_then_the_rests_by_due_date() -> None:
    """Rule 11."""
    assert parts(
        owed("1", "10", due=-9),
        owed("2", "20", due=5, promised=(3, "4")),
        owed("3", "30", due=9, promised=(1, "6")),
    ) == [("3", "6.000"), ("2", "4.000"), ("1", "10.000"), ("2", "16.000"), ("3", "24.000")]


def test_instalments_of_one_day_come_in_the_order_of_the_bills() -> None:
    first, second = owed("1", "10", due=-1, promised=(2, "4")), owed("2", "10", due=1, promised=(2, "5"))

    assert parts(second, first)[:2] == [("1", "4.000"), ("2", "5.000")]


@pytest.mark.parametrize(
    ("promised", "expected"),
    [
        ("10", [("1", "10.000")]),
        ("12", [("1", "10.000")]),
        ("9.999", [("1", "9.999"), ("1", "0.001")]),
        ("0.001", [("1", "0.001"), ("1", "9.999")]),
        ("0", [("1", "10.000")]),
    ],
)
def test_an_instalment_is_never_more_than_the_bill_and_one_that_is_kept_is_no_more(
    promised: str, expected: list[tuple[str, str]]
) -> None:
    assert parts(owed("1", "10", promised=(1, promised))) == expected


def test_a_promise_on_a_bill_that_is_disputed_as_a_whole_asks_for_nothing() -> None:
    assert parts(owed("1", "10", disputed="10", promised=(1, "4")), owed("2", "5")) == [("2", "5.000")]
