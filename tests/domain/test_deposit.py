"""A deposit slip is the sum of its cheques, and what the bank credits is that sum or these cheques (rule 42)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.cheque import ChequePolicy, ChequeState
from pos.domain.deposit import (
    USUAL_ACCOUNT,
    BankedCheque,
    CreditedCheque,
    DepositPolicy,
    DepositSlip,
    SlipState,
    by_age,
    credited_by_cheque,
    credited_in_one,
    credited_lines,
    lodged_lines,
    state_after,
)
from pos.domain.errors import Refused
from pos.domain.money import Money, currency
from pos.domain.posting import is_balanced, sum_of

KWD = currency("KWD")
TODAY = date(2026, 11, 21)
POLICY = ChequePolicy(stale_after_days=180, max_amount=None)


def cheque(minor: int, place: int = 1, **more: object) -> BankedCheque:
    usual = BankedCheque(
        cheque_id=f"C-{place}",
        receipt=f"S014-T1-A-{place:06d}",
        bank="001",
        branch="",
        serial=f"{place:06d}",
        drawer="Lina",
        dated=TODAY,
        amount=Money(minor, KWD),
        ledger_account="cheques_in_hand",
        state=ChequeState.LODGED,
    )
    return replace(usual, **more)  # type: ignore[arg-type]


def slip(*minors: int, state: SlipState = SlipState.LODGED) -> DepositSlip:
    cheques = tuple(cheque(minor, place) for place, minor in enumerate(minors, start=1))
    return DepositSlip(
        slip_id="D-1",
        number="S014-T1-A-DS-000001",
        account=USUAL_ACCOUNT,
        made_on=TODAY,
        made_by="4001",
        cheques=cheques,
        state=state,
    )


def code_of(refusal: pytest.ExceptionInfo[Refused]) -> str:
    return refusal.value.code


minors = st.lists(st.integers(1, 10**9), min_size=1, max_size=12)


@given(minors, st.integers(1, 13 * 10**9))
def test_one_sum_is_confirmed_only_where_it_is_the_sum_of_the_cheques(cheques: list[int], told: int) -> None:
    """Rule 42: one credit for the slip is its total to the minor unit; else the difference is named."""
    lodged = slip(*cheques)
    assert lodged.total.minor == sum(cheques)

    assert credited_in_one(lodged, Money(sum(cheques), KWD)).cheques == lodged.cheques

    if told != sum(cheques):
        with pytest.raises(Refused) as refusal:
            credited_in_one(lodged, Money(told, KWD))
        assert code_of(refusal) == "deposit_differs"
        assert refusal.value.details["difference"] == Money(told - sum(cheques), KWD).plain()


@given(minors, st.data())
def test_credits_by_cheque_add_up_to_the_slip_whatever_order_they_come_in(
    cheques: list[int], data: st.DataObject
) -> None:
    """Rule 42: the credits of the cheques make the slip, no cheque twice and none left out."""
    lodged, posted = slip(*cheques), 0
    for number in data.draw(st.permutations(range(1, len(cheques) + 1))):
        named = cheque(cheques[number - 1], number)
        credited = credited_by_cheque(lodged, [CreditedCheque(cheque=named.serial, amount=named.amount)])
        lines = credited_lines(lodged, credited)
        assert is_balanced(lines)
        posted += sum_of(lines, KWD).minor
        lodged = replace(
            lodged,
            state=state_after(lodged, credited),
            cheques=tuple(
                replace(one, state=ChequeState.CREDITED) if one in credited.cheques else one
                for one in lodged.cheques
            ),
        )
        assert lodged.still_to_come.minor == (
            0 if lodged.state is SlipState.CONFIRMED else sum(cheques) - posted
        )

    assert (lodged.state, posted) == (SlipState.CONFIRMED, lodged.total.minor)


@given(minors)
def test_what_is_lodged_is_posted_whole(cheques: list[int]) -> None:
    lines = lodged_lines(slip(*cheques))

    assert is_balanced(lines)
    assert sum_of(lines, KWD).minor == sum(cheques)


def test_cheques_of_two_ways_to_pay_leave_the_account_that_each_lies_in() -> None:
    two = replace(slip(500, 700), cheques=(cheque(500, 1), cheque(700, 2, ledger_account="trade_cheques")))

    assert [(line.ledger_account, line.debit.minor, line.credit.minor) for line in lodged_lines(two)] == [
        ("cheques_in_clearing", 1200, 0),
        ("cheques_in_hand", 0, 500),
        ("trade_cheques", 0, 700),
    ]


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([("000001", 500)], None),
        ([("C-1", 500), ("000002", 700)], None),
        ([("000001", 499)], "deposit_differs"),
        ([("000001", 501)], "deposit_differs"),
        ([("000001", 500), ("000002", 500)], "deposit_differs"),
        ([("000009", 500)], "cheque_not_on_slip"),
        ([("000001", 500), ("C-1", 500)], "cheque_named_twice"),
    ],
)
def test_a_credit_names_a_cheque_of_the_slip_with_its_very_amount(
    lines: list[tuple[str, int]], code: str | None
) -> None:
    """Rule 42: a cheque is credited with exactly what it is, or not at all."""
    told = [CreditedCheque(cheque=name, amount=Money(minor, KWD)) for name, minor in lines]
    if code is None:
        assert len(credited_by_cheque(slip(500, 700), told).cheques) == len(lines)
        return

    with pytest.raises(Refused) as refusal:
        credited_by_cheque(slip(500, 700), told)

    assert code_of(refusal) == code


def test_two_cheques_with_one_serial_are_told_apart_by_their_ids() -> None:
    twins = replace(slip(500, 500), cheques=(cheque(500, 1), cheque(500, 2, serial="000001", bank="002")))

    with pytest.raises(Refused) as refusal:
        credited_by_cheque(twins, [CreditedCheque(cheque="000001", amount=Money(500, KWD))])
    assert (code_of(refusal), refusal.value.details["cheques"]) == ("which_cheque", ["C-1", "C-2"])
    (found,) = credited_by_cheque(twins, [CreditedCheque(cheque="C-2", amount=Money(500, KWD))]).cheques
    assert found.bank == "002"


@pytest.mark.parametrize("state", [SlipState.MADE, SlipState.CONFIRMED, SlipState.CANCELLED])
def test_only_a_slip_that_the_bank_has_is_confirmed(state: SlipState) -> None:
    with pytest.raises(Refused) as refusal:
        credited_in_one(slip(500, state=state), Money(500, KWD))

    assert (code_of(refusal), refusal.value.details["state"]) == ("deposit_state", str(state))


def test_a_slip_has_each_cheque_once_and_at_least_one() -> None:
    with pytest.raises(AssertionError):
        slip()
    with pytest.raises(AssertionError):
        replace(slip(500), cheques=(cheque(500), cheque(500)))


def test_the_oldest_cheque_comes_first_and_one_near_its_limit_is_told() -> None:
    """Rule 38: a cheque that is nearly too old must reach the bank in time."""
    old, older, new = (
        cheque(1, place, dated=TODAY - timedelta(days=days)) for place, days in ((1, 179), (2, 181), (3, 0))
    )

    assert by_age([new, old, older]) == [older, old, new]
    assert [one.warning(POLICY, today=TODAY) for one in (older, old, new)] == [
        "Cheque 000002 is too old by 1 day: the bank may not pay it.",
        "Cheque 000001: 1 day until it is too old.",
        "",
    ]


def test_an_unknown_bank_account_names_those_that_there_are() -> None:
    policy = DepositPolicy(accounts=(USUAL_ACCOUNT, replace(USUAL_ACCOUNT, code="second")))

    assert policy.account(None) == USUAL_ACCOUNT
    assert policy.account("second").code == "second"
    with pytest.raises(Refused) as refusal:
        policy.account("third")
    assert refusal.value.details["allowed"] == ["main", "second"]
