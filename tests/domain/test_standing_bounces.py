"""What the bounces that stand make of an account, whichever of them is undone, and in whatever order."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.standing_bounces import (
    Collected,
    OwnBounce,
    StandingBounce,
    cash_only_by,
    with_bounce,
    with_own,
    without_bounce,
)

RULE = (3, 12, 12)


def bounce(name: str, on: str = "2026-11-21", rule: tuple[int, int, int] | None = RULE) -> StandingBounce:
    return StandingBounce(bounce_id=name, on=date.fromisoformat(on), rule=rule)


def stood(stage: int, *bounces: tuple[str, int | None]) -> Collected:
    """An account at ``stage``, after these bounces, each with the stage that it put collection back to."""
    found = Collected(stage=stage)
    for name, to in bounces:
        found = with_bounce(found, bounce(name), to)
    return found


def own(name: str, *, undone: bool = False, to: int | None = 2, change: int | None = None) -> OwnBounce:
    known = bounce(name)
    return OwnBounce(bounce_id=name, on=known.on, rule=RULE, to=to, undone=undone, applied_change=change)


@pytest.mark.parametrize(
    ("days", "until"),
    [
        (["2026-01-10", "2026-02-10"], None),
        (["2026-01-10", "2026-02-10", "2026-03-10"], "2027-03-10"),
        (["2026-03-10", "2026-02-10", "2026-01-10"], "2027-03-10"),
        (["2026-01-10", "2026-02-10", "2026-03-10", "2026-04-10"], "2027-04-10"),
        (["2025-03-10", "2026-02-10", "2026-03-10"], None),
        (["2026-03-10"] * 3, "2027-03-10"),
    ],
)
def test_the_third_bounce_within_twelve_months_makes_an_account_cash_only(
    days: list[str], until: str | None
) -> None:
    """Rule 41, in whatever order they were heard of."""
    found = cash_only_by([bounce(str(place), day) for place, day in enumerate(days)])
    assert (None if found is None else found.isoformat()) == until


def test_what_is_not_the_payors_fault_does_not_count() -> None:
    bounces = [bounce("1"), bounce("2"), bounce("3", rule=None)]
    assert cash_only_by(bounces) is None
    assert cash_only_by([bounce("1", rule=(0, 0, 0))]) is None


def test_a_stage_that_moved_on_since_the_bounce_is_left() -> None:
    raised = Collected(stage=3, bounces=stood(0, ("1", 2)).bounces)
    assert without_bounce(raised, "1") == Collected(stage=3, put_back=False)
    paid_off = Collected(stage=0, bounces=stood(1, ("1", 2)).bounces)
    assert without_bounce(paid_off, "1") == Collected(stage=0, put_back=False)


def test_a_later_bounce_keeps_the_stage_that_it_wants_itself() -> None:
    once = without_bounce(stood(0, ("1", 2), ("2", 1)), "1")
    assert (once.stage, once.put_back) == (1, True)
    assert without_bounce(once, "2").stage == 0


def test_a_stage_that_moved_between_two_bounces_is_not_the_first_ones_any_more() -> None:
    between = with_bounce(Collected(stage=1, bounces=stood(0, ("1", 2)).bounces), bounce("2"), 3)
    once = without_bounce(between, "1")
    assert (once.stage, once.put_back) == (3, False)
    assert without_bounce(once, "2").stage == 1


@given(
    st.integers(0, 5),
    st.lists(st.one_of(st.none(), st.integers(0, 5)), min_size=1, max_size=6).flatmap(
        lambda to: st.tuples(st.just(to), st.permutations(range(len(to))))
    ),
)
def test_undone_in_any_order_they_leave_collection_where_it_was(
    stage: int, drawn: tuple[list[int | None], list[int]]
) -> None:
    to, order = drawn
    now = stood(stage, *((str(place), wanted) for place, wanted in enumerate(to)))
    left = set(range(len(to)))
    for place in order:
        now = without_bounce(now, str(place))
        left.discard(place)
        assert now.put_back
        assert now.stage == max([stage, *(wanted for at in left if (wanted := to[at]) is not None)])
    assert now == Collected(stage=stage)


def test_what_central_has_told_is_not_counted_twice() -> None:
    told = stood(0, ("1", 2))
    assert with_own(told, [own("1")], 7) == told
    assert with_own(told, [own("1", undone=True)], 7) == Collected(stage=0)
    assert with_own(Collected(stage=0), [own("1", undone=True)], 7) == Collected(stage=0)
    assert with_own(Collected(stage=0), [own("1", change=6)], 7) == Collected(stage=0)
    assert with_own(Collected(stage=0), [own("1", change=8)], 7) == told
