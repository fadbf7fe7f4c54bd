"""Who beside the one who asks a correction needs, by sum, age, ways, role and silence (rule 33)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.correction import CorrectionCase, CorrectionPolicy, SecondPerson
from pos.domain.role import Role

ACTS = ("void", "refund", "transfer")
MODES = ("cash", "cheque", "debit_card")

sums = st.integers(0, 200)
caps = st.dictionaries(st.sampled_from(ACTS), sums)
policies = st.builds(
    CorrectionPolicy,
    alone_minor=caps,
    role_alone_minor=st.dictionaries(st.sampled_from(list(Role)), caps),
    alone_days=st.none() | st.integers(0, 10),
    never_alone=st.frozensets(st.sampled_from(MODES)),
    offline_alone_minor=sums,
    elsewhere_minor=caps,
)
cases = st.builds(
    CorrectionCase,
    act=st.sampled_from(ACTS),
    amount_minor=sums,
    days=st.integers(0, 20),
    modes=st.frozensets(st.sampled_from(MODES)),
    roles=st.frozensets(st.sampled_from(list(Role)), min_size=1),
    offline=st.booleans(),
)


@given(
    policy=policies,
    case=cases,
    more=sums,
    older=st.integers(0, 20),
    ways=st.frozensets(st.sampled_from(MODES)),
)
def test_more_money_an_older_payment_a_further_way_or_silence_never_wants_fewer_people(
    policy: CorrectionPolicy, case: CorrectionCase, more: int, older: int, ways: frozenset[str]
) -> None:
    """Rule 33: four eyes, stricter with sum, age and silence."""
    wanted = policy.wants(case)

    assert policy.wants(replace(case, amount_minor=case.amount_minor + more)) >= wanted
    assert policy.wants(replace(case, days=case.days + older)) >= wanted
    assert policy.wants(replace(case, modes=frozenset(case.modes) | ways)) >= wanted
    assert policy.wants(replace(case, offline=True)) >= wanted


@given(policy=policies, case=cases)
def test_up_to_the_cap_of_a_fresh_payment_nobody_is_asked_and_above_it_somebody_always(
    policy: CorrectionPolicy, case: CorrectionCase
) -> None:
    fresh = replace(case, days=0, modes=(), offline=False)
    cap = policy.alone_up_to(case.act, case.roles)

    assert policy.wants(replace(fresh, amount_minor=cap)) is SecondPerson.NOBODY
    assert policy.wants(replace(case, amount_minor=cap + 1)) is not SecondPerson.NOBODY


POLICY = CorrectionPolicy(
    alone_minor={"refund": 100},
    role_alone_minor={Role.SUPERVISOR: {"refund": 500}, Role.DEALER: {"refund": 0}},
    alone_days=7,
    never_alone=frozenset({"cheque"}),
    offline_alone_minor=20,
    elsewhere_minor={"refund": 1_000},
)
CASE = CorrectionCase(act="refund", amount_minor=100, days=7, modes={"cash"}, roles={Role.CASHIER})


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({}, SecondPerson.NOBODY),
        ({"amount_minor": 101}, SecondPerson.ANYWHERE),
        ({"amount_minor": 999}, SecondPerson.ANYWHERE),
        ({"amount_minor": 1_000}, SecondPerson.ELSEWHERE),
        ({"days": 8}, SecondPerson.ANYWHERE),
        ({"modes": {"cash", "cheque"}}, SecondPerson.ANYWHERE),
        ({"offline": True}, SecondPerson.ANYWHERE),
        ({"offline": True, "amount_minor": 20}, SecondPerson.NOBODY),
        ({"act": "void", "amount_minor": 1}, SecondPerson.ANYWHERE),
        ({"roles": {Role.SUPERVISOR}, "amount_minor": 500}, SecondPerson.NOBODY),
        ({"roles": {Role.SUPERVISOR}, "amount_minor": 501}, SecondPerson.ANYWHERE),
        ({"roles": {Role.CASHIER, Role.SUPERVISOR}, "amount_minor": 500}, SecondPerson.NOBODY),
        ({"roles": {Role.DEALER}, "amount_minor": 1}, SecondPerson.ANYWHERE),
    ],
)
def test_a_case_on_each_side_of_each_rule(changed: dict[str, object], wanted: SecondPerson) -> None:
    """Rule 33: by amount, age, way to pay, role and whether central answers."""
    assert POLICY.wants(replace(CASE, **changed)) is wanted  # type: ignore[arg-type]


def test_as_shipped_every_correction_wants_a_second_person() -> None:
    assert CorrectionPolicy().wants(replace(CASE, days=0, amount_minor=1)) is SecondPerson.ANYWHERE
