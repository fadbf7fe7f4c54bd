"""Rules of signals over plain rows: their order says nothing, and a day on which nothing was undone shows nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.conduct_signals import ABANDON, WATCHED, walk
from pos.domain.correction import CorrectionKind
from pos.domain.money import Money, currency
from pos.domain.signal_rules import signals_in
from pos.domain.signals import (
    SHOWN_FROM,
    Asked,
    Looked,
    Paid,
    Reprint,
    ShiftEnd,
    Signal,
    SignalCode,
    SignalPolicy,
    Step,
    Takings,
    Undone,
)

Row = TypeVar("Row")
KWD = currency("KWD")
MORNING = datetime(2026, 11, 21, 8, tzinfo=UTC)
USERS = ("1001", "1002", "2002")
ACCOUNTS = ("BA-1", "BA-2", "D-1")
RECEIPTS = tuple(f"R-{number}" for number in range(6))
ALL_OF_THEM = SignalPolicy(shown_from=dict.fromkeys(SignalCode, 1))

users, accounts, receipts = st.sampled_from(USERS), st.sampled_from(ACCOUNTS), st.sampled_from(RECEIPTS)
moments = st.integers(0, 14 * 60 * 60).map(lambda seconds: MORNING + timedelta(seconds=seconds))
amounts = st.integers(1, 60_000).map(lambda minor: Money(minor, KWD))
kinds = st.sampled_from(CorrectionKind)


@st.composite
def corrections(draw: st.DrawFn) -> Undone:
    kind, amount, at = draw(kinds), draw(amounts), draw(moments)
    return Undone(
        receipt=f"V-{draw(st.integers(0, 999))}",
        of_receipt=draw(receipts),
        kind=kind,
        user=draw(users),
        at=at,
        account=draw(accounts),
        amount=amount,
        cash=draw(st.sampled_from([amount, Money(0, KWD)])),
        taken_at=at - timedelta(minutes=draw(st.integers(0, 60))),
        alone=draw(st.booleans()),
        cap_minor=5_000,
        to_account=draw(accounts) if kind.moves else None,
        late=draw(st.booleans()),
        commission=draw(st.none() | amounts),
        nobody=draw(st.booleans()),
        swapped=kind is CorrectionKind.VOID and draw(st.booleans()),
    )


payments = st.builds(
    Paid,
    receipt=receipts,
    user=users,
    at=moments,
    day=st.just(MORNING.date()),
    account=accounts,
    amount=amounts,
    by_cheque=st.booleans(),
    nobody=st.booleans(),
)
steps = st.builds(
    Step,
    number=st.integers(1, 10_000),
    at=moments,
    user=users,
    act=st.sampled_from(["pay", "sign_in", ABANDON]),
    result=st.sampled_from(["ok", "refused", "denied"]),
    code=st.sampled_from([*sorted(WATCHED), "wrong_pin", "pay 5.000 KWD: cash", "void 5.000 KWD", None]),
    subject=st.sampled_from([*ACCOUNTS, *RECEIPTS]),
)


@st.composite
def requests(draw: st.DrawFn) -> Asked:
    at, approver = draw(moments), draw(st.none() | users)
    return Asked(
        request=f"R-{draw(st.integers(1, 99))}",
        act="refund",
        subject=draw(receipts),
        user=draw(users),
        at=at,
        approver=approver,
        approved_at=None if approver is None else at + timedelta(seconds=draw(st.integers(0, 60))),
        done=approver is not None and draw(st.booleans()),
        declined=draw(st.booleans()),
        waits=draw(st.booleans()),
    )


@st.composite
def days(draw: st.DrawFn) -> Looked:
    """Any rows at all."""
    return Looked(
        takings=[
            Takings(
                user=user, count=draw(st.integers(1, 50)), amount=draw(amounts), late=draw(st.integers(0, 3))
            )
            for user in draw(st.sets(users))
        ],
        undone=draw(st.lists(corrections(), max_size=8)),
        paid=draw(st.lists(payments, max_size=8)),
        reprints=draw(st.lists(st.builds(Reprint, receipt=receipts, user=users, at=moments), max_size=4)),
        asked=draw(st.lists(requests(), max_size=6)),
        shifts=draw(
            st.lists(
                st.builds(
                    ShiftEnd,
                    number=st.integers(1, 99),
                    user=users,
                    at=moments,
                    over_short=st.integers(-2_000, 2_000).map(lambda minor: Money(minor, KWD)),
                ),
                max_size=6,
            )
        ),
        steps=draw(st.lists(steps, max_size=12)),
        approvers=draw(st.integers(0, 3)),
    )


@given(days(), st.randoms(use_true_random=False))
def test_the_order_in_which_the_books_were_read_says_nothing(day: Looked, chance: Random) -> None:
    def mixed(rows: Sequence[Row]) -> list[Row]:
        return chance.sample(list(rows), len(rows))

    again = replace(
        day,
        takings=mixed(day.takings),
        undone=mixed(day.undone),
        paid=mixed(day.paid),
        reprints=mixed(day.reprints),
        asked=mixed(day.asked),
        shifts=mixed(day.shifts),
        steps=mixed(day.steps),
    )

    assert signals_in(again, ALL_OF_THEM) == signals_in(day, ALL_OF_THEM)


@given(days())
def test_a_signal_counts_what_it_shows_and_names_who_did_it(day: Looked) -> None:
    for signal in signals_in(day, ALL_OF_THEM):
        assert 1 <= signal.count <= len(signal.rows)
        assert signal.people
        assert set(signal.people) & {row.user for row in signal.rows} or signal.code is SignalCode.AT_ONCE
        assert set(signal.people) <= set(USERS)


@given(days(), st.integers(1, 5))
def test_a_higher_threshold_never_shows_more(day: Looked, least: int) -> None:
    def found(from_: int) -> set[tuple[SignalCode, tuple[str, ...], str]]:
        policy = SignalPolicy(shown_from=dict.fromkeys(SignalCode, from_))
        return {(one.code, one.people, one.said) for one in signals_in(day, policy)}

    assert found(least + 1) <= found(least)
    assert found(0) == set()


@given(
    st.lists(payments, max_size=5),
    st.dictionaries(users, st.integers(1, 500), max_size=3),
    st.lists(users, max_size=10),
)
def test_a_day_on_which_nothing_was_undone_shows_nothing(
    paid: list[Paid], taken: dict[str, int], closed: list[str]
) -> None:
    """Customers pay, are approved for nothing, and every drawer is right."""
    day = Looked(
        paid=paid,
        takings=[
            Takings(user=user, count=count, amount=Money(count * 1_000, KWD), late=count // 2)
            for user, count in taken.items()
        ],
        reprints=[Reprint(receipt=one.receipt, user=one.user, at=one.at) for one in paid],
        shifts=[
            ShiftEnd(number=number, user=user, at=MORNING, over_short=Money(0, KWD))
            for number, user in enumerate(closed)
        ],
        approvers=2,
    )

    assert signals_in(day, SignalPolicy()) == []


# --- the edges of single rules -------------------------------------------------------------------------------------


def undone(number: int, **more: object) -> Undone:
    values: dict[str, object] = {
        "receipt": f"V-{number}",
        "of_receipt": f"P-{number}",
        "kind": CorrectionKind.VOID,
        "user": "1001",
        "at": MORNING + timedelta(hours=number),
        "account": f"BA-{number}",
        "amount": Money(1_000, KWD),
        "cash": Money(0, KWD),
        "taken_at": MORNING - timedelta(hours=3),
        "alone": True,
    }
    return Undone(**{**values, **more})  # type: ignore[arg-type]


def shown(day: Looked, code: SignalCode, policy: SignalPolicy = ALL_OF_THEM) -> list[Signal]:
    return [one for one in signals_in(day, policy) if one.code is code]


@pytest.mark.parametrize(("minor", "is_near"), [(4_499, False), (4_500, True), (5_000, True), (5_001, False)])
def test_just_under_the_cap_is_within_so_many_per_cent_of_it(minor: int, is_near: bool) -> None:
    day = Looked(undone=[undone(1, amount=Money(minor, KWD), cap_minor=5_000)])

    assert bool(shown(day, SignalCode.UNDER_CAP)) is is_near
    with_another = Looked(undone=[replace(day.undone[0], alone=False)])
    assert shown(with_another, SignalCode.UNDER_CAP) == []


@pytest.mark.parametrize(("minutes", "is_soon"), [(0, True), (5, True), (6, False)])
def test_soon_is_within_so_many_minutes(minutes: int, is_soon: bool) -> None:
    day = Looked(undone=[undone(1, taken_at=MORNING + timedelta(hours=1) - timedelta(minutes=minutes))])

    assert bool(shown(day, SignalCode.SOON_AFTER)) is is_soon


@pytest.mark.parametrize(
    ("own", "others", "is_above"),
    [
        (3, [0, 0], True),
        (3, [1, 1], False),
        (4, [1, 1], True),
        (4, [1, 9], False),
        (3, [], True),
        (1, [], False),
    ],
)
def test_a_share_is_held_against_the_median_of_the_others(
    own: int, others: list[int], is_above: bool
) -> None:
    """Of a hundred payments each; 2 per cent at least, three times the others at least."""
    people = {"1001": own, **{f"10{10 + place}": count for place, count in enumerate(others)}}
    day = Looked(
        takings=[Takings(user=user, count=100, amount=Money(100_000, KWD)) for user in people],
        undone=[undone(number, user=user) for user, count in people.items() for number in range(count)],
    )

    found = {one.people for one in shown(day, SignalCode.ABOVE_PEERS)}

    assert (("1001",) in found) is is_above


def test_one_large_payment_undone_is_a_share_of_the_money() -> None:
    day = Looked(
        takings=[
            Takings(user=user, count=100, amount=Money(100_000, KWD)) for user in ("1001", "1002", "1003")
        ],
        undone=[undone(1, amount=Money(50_000, KWD))],
    )

    (found,) = shown(day, SignalCode.ABOVE_PEERS)

    assert found.said == (
        "1.00 % of the payments and 50.00 % of the money in KWD; the others 0.00 % and 0.00 %"
    )


def test_where_one_person_alone_can_approve_it_is_always_that_one() -> None:
    asked = [
        Asked(
            request=f"R-{number}",
            act="void",
            subject=None,
            user="1001",
            at=MORNING,
            approver="2002",
            approved_at=MORNING + timedelta(minutes=1),
            done=True,
        )
        for number in range(9)
    ]

    assert shown(Looked(asked=asked, approvers=1), SignalCode.ONE_APPROVER) == []
    (found,) = shown(Looked(asked=asked, approvers=2), SignalCode.ONE_APPROVER)
    assert (found.people, found.count) == (("1001", "2002"), 9)


@pytest.mark.parametrize(
    ("hours", "hour", "is_out"),
    [
        ((8, 22), 8, False),
        ((8, 22), 22, True),
        ((8, 22), 3, True),
        ((18, 2), 23, False),
        ((18, 2), 1, False),
        ((18, 2), 2, True),
        ((18, 2), 12, True),
    ],
)
def test_the_hours_of_a_shop_may_go_over_midnight(hours: tuple[int, int], hour: int, is_out: bool) -> None:
    opens, closes = hours
    step = Step(number=1, at=MORNING.replace(hour=hour), user="1001", act="pay", result="ok")

    walked = walk([step], SignalPolicy(hours=(time(opens), time(closes))))

    assert bool(walked.late_hours) is is_out
    assert walk([step], SignalPolicy()).late_hours == []


def test_who_was_never_seen_to_come_is_not_away() -> None:
    """A script or a command may have signed in before the period began."""
    step = Step(number=1, at=MORNING, user="1001", act="pay", result="ok")

    assert walk([step], SignalPolicy()).away == []


def test_every_refusal_that_is_counted_is_one_of_the_program() -> None:
    code = "".join(path.read_text("utf-8") for path in (Path(__file__).parents[2] / "pos").rglob("*.py"))
    assert [
        name for name in sorted(WATCHED) if code.count(f'"{name}"') + code.count(f'= "{name}"') == 0
    ] == []
    assert set(SHOWN_FROM) == set(SignalCode)
