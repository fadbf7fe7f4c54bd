"""The other tills of the shop at its cash office: how far each is with its day, as central heard of it last.

The close of a day never depends on it: what was not heard of lately is told plainly and stops nothing. Source: domain.md 3.9
and rule 55.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

from pos.domain.role import Person
from pos.domain.shop_bag import AcceptedState, BagPaper
from pos.domain.till_standing import OtherTill, OtherTills
from pos.store.other_tills import bags_to_come, other_tills
from pos.store.shop_bags import accepted_bag
from pos.till.day_item import DayItem
from pos.till.desk import Desk
from pos.till.enquiries import require_enquiry


def is_cash_office(desk: Desk) -> bool:
    """Whether the shop has set this till to be its cash office."""
    return desk.policy.cash_office == desk.identity.terminal


def items_of_other_tills(desk: Desk, day: date) -> Iterator[DayItem]:
    """What of the other tills is not done, at the cash office alone; ``day`` is the one that is to be closed."""
    if not is_cash_office(desk):
        return
    with desk.cache.read() as connection:
        told = other_tills(connection)
    now, zone = desk.clock.now(), ZoneInfo(desk.identity.time_zone)
    if not told.is_fresh(now):
        since = "" if told.asked_at is None else f" since {_moment(told.asked_at, zone)}"
        yield DayItem(code="others_not_known", said=f"Other tills: no network{since}", stops=False)
    for till in told.tills:
        yield from _of_till(desk, till, told, day, zone)


def _of_till(desk: Desk, till: OtherTill, told: OtherTills, day: date, zone: ZoneInfo) -> Iterator[DayItem]:
    now, standing = desk.clock.now(), till.standing
    known, named = told.is_fresh(now) and till.is_fresh(now), f"Till {till.terminal}"
    if not known:
        yield DayItem(
            code="other_not_known", said=f"{named}: last heard of {_moment(till.heard_at, zone)}", stops=False
        )
    if standing.shift is not None:
        said = f"{named}: shift {standing.shift} of {standing.operator} {'is' if known else 'was'} open"
        stops = known and desk.policy.other_tills_stop
        yield DayItem(code="other_shift_open", said=said, stops=stops)
    elif standing.open_days and standing.open_days[0] <= day:
        said = f"{named}: day {standing.open_days[0]} {'is' if known else 'was'} open"
        yield DayItem(code="other_day_open", said=said, stops=False)
    if standing.waiting + standing.parked:
        rows = standing.waiting + standing.parked
        yield DayItem(code="other_unsent", said=f"{named}: not at central", stops=False, count=rows)
    if standing.bags:
        yield DayItem(
            code="other_bags",
            said=f"{named}: bags on the way",
            stops=False,
            where=". K .3",
            count=standing.bags,
            amount=standing.bags_amount,
        )


def _moment(at: datetime, zone: ZoneInfo) -> str:
    """As it stands in a list: the shop's own day and time."""
    return at.astimezone(zone).strftime("%d %b %H:%M")


def bags_on_the_way_here(desk: Desk, person: Person) -> list[BagPaper]:
    """Bags of other tills that central knows of and nobody has accepted. Raises NotAuthorised."""
    require_enquiry(desk, person)
    if person.only_account is not None or (desk.policy.cash_office and not is_cash_office(desk)):
        return []
    with desk.cache.read() as connection:
        found = bags_to_come(connection)
    with desk.till.read() as connection:
        here = {paper.number: accepted_bag(connection, paper.number) for paper in found}
    return [
        paper for paper in found if (bag := here[paper.number]) is None or bag.state is AcceptedState.UNDONE
    ]
