"""The end of a day at the shop's cash office: what is known of the other tills, and what is not (domain.md 3.9, rule 55)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pos.domain.till_standing import OtherTill, TillStanding
from pos.store.other_tills import put_other_tills
from pos.till.day import DayState, close_day, day_state
from pos.till.desk import Desk
from tests.builders.tills import (
    NOW,
    SUPERVISOR,
    TODAY,
    clock_of,
    closed,
    count,
    make_till,
    money,
    opened,
    rows,
)
from tests.till.books import refused

SELLING = TillStanding(shift=7, operator="1001")


@pytest.fixture
def desk() -> Desk:
    """The cash office T1, with a closed shift."""
    desk = make_till()
    desk.policy = replace(desk.policy, cash_office="T1")
    opened(desk)
    count(desk, "20")
    closed(desk)
    return desk


def told(desk: Desk, *tills: OtherTill) -> None:
    with desk.cache.write() as connection:
        put_other_tills(connection, tills, at=clock_of(desk).now())


def till(terminal: str = "T2", standing: TillStanding | None = None, *, minutes_ago: int = 1) -> OtherTill:
    return OtherTill(
        terminal=terminal,
        standing=standing or TillStanding(),
        heard_at=NOW - timedelta(minutes=minutes_ago),
    )


def of_others(desk: Desk) -> list[tuple[str, str, bool]]:
    state = day_state(desk, SUPERVISOR)
    assert isinstance(state, DayState)
    return [(one.code, one.said, one.stops) for one in state.items if one.code.startswith("other")]


def test_nothing_is_said_of_other_tills_where_the_shop_has_no_cash_office(desk: Desk) -> None:
    told(desk, till("T2", SELLING))
    desk.policy = replace(desk.policy, cash_office="")

    assert of_others(desk) == []


def test_the_list_tells_what_the_other_tills_have_not_done(desk: Desk) -> None:
    told(
        desk,
        till("T2", replace(SELLING, waiting=2, parked=1)),
        till("T3", TillStanding(open_days=(TODAY,), bags=1, bags_amount=money("80"))),
        till("T4"),
    )

    assert of_others(desk) == [
        ("other_shift_open", "Till T2: shift 7 of 1001 is open", False),
        ("other_unsent", "Till T2: not at central", False),
        ("other_day_open", f"Till T3: day {TODAY} is open", False),
        ("other_bags", "Till T3: bags on the way", False),
    ]
    assert close_day(desk, SUPERVISOR).left


def test_a_setting_has_an_open_shift_elsewhere_stop_the_close(desk: Desk) -> None:
    desk.policy = replace(desk.policy, other_tills_stop=True)
    told(desk, till("T2", SELLING))

    refusal = refused(desk, lambda: close_day(desk, SUPERVISOR))

    assert (refusal.code, refusal.details["stopped_by"]) == ("day_not_ready", ["other_shift_open"])
    assert refusal.message == "Till T2: shift 7 of 1001 is open. The day is closed after that."
    told(desk, till())
    assert close_day(desk, SUPERVISOR).shifts == 1


def test_what_was_not_heard_of_lately_stops_nothing_and_is_said(desk: Desk) -> None:
    desk.policy = replace(desk.policy, other_tills_stop=True)
    told(desk, till("T2", SELLING, minutes_ago=40))

    assert of_others(desk) == [
        ("other_not_known", "Till T2: last heard of 21 Nov 09:35", False),
        ("other_shift_open", "Till T2: shift 7 of 1001 was open", False),
    ]
    assert close_day(desk, SUPERVISOR).shifts == 1


def test_without_a_network_the_day_is_closed_and_that_is_said(desk: Desk) -> None:
    desk.policy = replace(desk.policy, other_tills_stop=True)
    assert of_others(desk) == [("others_not_known", "Other tills: no network", False)]

    told(desk, till("T2", SELLING))
    clock_of(desk).advance(minutes=30)

    assert of_others(desk)[0] == ("others_not_known", "Other tills: no network since 21 Nov 10:15", False)
    assert not any(stops for _, _, stops in of_others(desk))
    assert close_day(desk, SUPERVISOR).shifts == 1
    assert len(rows(desk, "v_day")) == 1


def test_a_clock_that_was_set_back_makes_nothing_fresh(desk: Desk) -> None:
    desk.policy = replace(desk.policy, other_tills_stop=True)
    told(desk, till("T2", SELLING))
    clock_of(desk).set(NOW - timedelta(hours=3))

    assert [code for code, _, _ in of_others(desk)] == [
        "others_not_known",
        "other_not_known",
        "other_shift_open",
    ]
    assert not any(stops for _, _, stops in of_others(desk))
