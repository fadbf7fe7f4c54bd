"""The end of a business day: what stops its close, what is merely left over, and the close itself.

A day is of this terminal: shop, terminal and business date name it. Its close depends on no network. What is booked on the
day afterwards is told as a supplement, and a shift that is opened afterwards belongs to the next day. Source: domain.md 3.9.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection

from pos.domain.business_day import business_date
from pos.domain.errors import Refused
from pos.domain.money import Currency, Money, total
from pos.domain.receipt import ReceiptKind
from pos.domain.role import Person
from pos.domain.sheet import SheetFacts, SheetLine, SheetPart
from pos.store.cards import count_open
from pos.store.cash_bags import loose_in_safe
from pos.store.days import (
    ShiftOfDay,
    bags_in_hand,
    cheques_in_hand,
    days_to_close,
    entries_booked,
    last_closed_day,
    safe_counted_since,
    shifts_of_day,
    waiting_papers,
)
from pos.store.outbox import queue
from pos.store.shop_bags import bags_on_the_way, came_back_wrongly, refused_bags
from pos.store.times import offset_minutes, utc_text
from pos.till.day_item import DayItem
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.gate import require_look
from pos.till.office_paper import next_paper, write_sheet
from pos.till.other_tills import items_of_other_tills

ACT = "close_day"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayState:
    """A business day that is not closed yet, its shifts, and what is not done."""

    day: date
    shifts: tuple[ShiftOfDay, ...]
    items: tuple[DayItem, ...]

    @property
    def stopped_by(self) -> tuple[DayItem, ...]:
        """What must be done first."""
        return tuple(item for item in self.items if item.stops)

    @property
    def gross(self) -> Money:
        """What all its shifts took."""
        return total((one.gross for one in self.shifts), self.shifts[0].gross.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayClosed:
    """The day that was closed, by the number of its report; ``left`` is what was not done and does not stop it."""

    day: date
    number: str
    shifts: int
    gross: Money
    left: tuple[DayItem, ...]


def day_state(desk: Desk, person: Person) -> DayState | None:
    """The oldest business day that nobody has closed; None: there is none. Raises NotAuthorised."""
    require_look(desk, ACT, person)
    with desk.till.read() as connection:
        return _state(desk, connection)


def _state(desk: Desk, connection: Connection) -> DayState | None:
    open_days = days_to_close(connection)
    if not open_days:
        return None
    day, own = open_days[0], desk.identity.currency
    shifts = shifts_of_day(connection, day, own)
    return DayState(
        day=day,
        shifts=tuple(shifts),
        items=_stopping_first(
            (
                *_stopping(connection, shifts),
                *_left_over(desk, connection, day),
                *items_of_other_tills(desk, day),
            )
        ),
    )


def _stopping_first(items: Sequence[DayItem]) -> tuple[DayItem, ...]:
    return tuple(sorted(items, key=lambda item: not item.stops))


def _stopping(connection: Connection, shifts: Sequence[ShiftOfDay]) -> Iterator[DayItem]:
    for shift in shifts:
        if shift.offered_to is not None:
            said = f"Shift {shift.number} of user {shift.operator} waits for user {shift.offered_to}"
            yield DayItem(code="shift_offered", said=said, stops=True, where=". K . 1")
        elif shift.is_open:
            said = f"Shift {shift.number} of user {shift.operator} is open"
            yield DayItem(code="shift_open", said=said, stops=True, where=". C")
        elif shift.waits:
            said = f"Shift {shift.number}: difference not signed for"
            yield DayItem(
                code="difference_open", said=said, stops=True, where=". K 7", amount=shift.difference
            )
    cards = count_open(connection)
    if cards:
        yield DayItem(
            code="cards_open", said="Cards that are not settled", stops=True, where=". . 1", count=cards
        )


def _left_over(desk: Desk, connection: Connection, day: date) -> Iterator[DayItem]:
    """What is told and stops nothing: the close waits for no printer, no network and no bank."""
    own = desk.identity.currency
    if not safe_counted_since(connection, day):
        yield DayItem(
            code="safe_not_counted", said="The safe was not counted since", stops=False, where=". K 9"
        )
    papers = waiting_papers(connection)
    if papers:
        yield DayItem(code="papers", said="Papers that are not printed", stops=False, count=papers)
    waiting = queue(connection)
    if waiting.waiting:
        yield DayItem(
            code="unsent", said="Not at central yet", stops=False, where=". 9", count=waiting.waiting
        )
    if waiting.parked:
        yield DayItem(
            code="parked", said="Refused by central", stops=False, where=". 9", count=waiting.parked
        )
    cheques, amount = cheques_in_hand(connection, own)
    if cheques:
        yield DayItem(
            code="cheques",
            said="Cheques not banked",
            stops=False,
            where=". . 7",
            count=cheques,
            amount=amount,
        )
    bags = bags_in_hand(connection, own)
    if bags:
        yield DayItem(
            code="bags",
            said="Bags in the safe",
            stops=False,
            where=". . 7",
            count=len(bags),
            amount=total((one for _, one in bags), own),
        )
    yield from _between_tills(connection, own, today=desk.clock.now().date())
    loose = loose_in_safe(connection, own)
    if loose.minor > 0:
        yield DayItem(
            code="loose_cash", said="Cash of the safe in no bag", stops=False, where=". . 7", amount=loose
        )


def _between_tills(connection: Connection, own: Currency, *, today: date) -> Iterator[DayItem]:
    """Bags of this till that nobody has accepted as far as it is known here, and those that central refused it."""
    sent = bags_on_the_way(connection)
    if sent:
        days = max(one.days(today) for one in sent)
        yield DayItem(
            code="bags_on_the_way",
            said="Bags on the way to another till" + (f", the oldest for {days} d" if days else ""),
            stops=False,
            where=". K .3",
            count=len(sent),
            amount=total((one.paper.amount for one in sent), own),
        )
    refused = refused_bags(connection)
    doubtful = came_back_wrongly(connection)
    if doubtful:
        yield DayItem(
            code="bags_in_doubt",
            said="Bags back here that another till has",
            stops=False,
            where=". K .3",
            count=len(doubtful),
            amount=total((one.paper.amount for one in doubtful), own),
        )
    if refused:
        yield DayItem(
            code="bags_refused",
            said="Accepted bags that central refused",
            stops=False,
            where=". K .3",
            count=len(refused),
            amount=total((one.counted for one in refused), own),
        )


def close_day(
    desk: Desk, person: Person, business_day: date | None = None, *, memo: Memo | None = None
) -> DayClosed:
    """Close the oldest business day that is open, and print its report. ``business_day``: the day that is meant.

    Raises NotAuthorised, Refused ``no_day_to_close``, ``earlier_day_open``, ``day_is_closed`` or ``day_not_ready``.
    """

    def work(deed: Deed) -> DayClosed:
        deed.shift, connection = None, deed.unit.connection
        state = _required(desk, connection, business_day)
        deed.subject = state.day.isoformat()
        if state.stopped_by:
            first = state.stopped_by[0]
            raise Refused(
                "day_not_ready",
                first.first,
                stopped_by=[item.code for item in state.stopped_by],
                business_date=state.day.isoformat(),
            )
        numbered = next_paper(deed, f"{desk.identity.series}-D")
        payments = sum(one.payments for one in state.shifts)
        deed.unit.insert(
            "day_close",
            {
                "business_date": state.day.isoformat(),
                "shop": desk.identity.shop.shop,
                "terminal": desk.identity.terminal,
                "receipt_number": numbered.number,
                "shifts": len(state.shifts),
                "payments": payments,
                "gross_minor": state.gross.minor,
                "currency": state.gross.currency.code,
                "entries_through": entries_booked(connection),
                "closed_at_utc": utc_text(deed.at),
                "utc_offset_min": offset_minutes(deed.at),
                "operator": person.user,
            },
        )
        sheet = SheetFacts(parts=tuple(_parts(state, payments)), signatures=("closed_by",))
        write_sheet(deed, numbered, ReceiptKind.DAY_REPORT, sheet, total=state.gross, business_day=state.day)
        return DayClosed(
            day=state.day,
            number=numbered.number,
            shifts=len(state.shifts),
            gross=state.gross,
            left=tuple(item for item in state.items if not item.stops),
        )

    return perform(desk, person, ACT, work, memo=memo)


def _required(desk: Desk, connection: Connection, wanted: date | None) -> DayState:
    state, closed = _state(desk, connection), last_closed_day(connection)
    if wanted is not None and closed is not None and wanted <= closed:
        raise Refused("day_is_closed", f"Business day {wanted} is closed already.")
    if state is None or (wanted is not None and wanted not in days_to_close(connection)):
        raise Refused("no_day_to_close", "There is no business day with a shift that is not closed.")
    if wanted is not None and wanted != state.day:
        raise Refused(
            "earlier_day_open",
            f"Business day {state.day} is closed first.",
            business_date=state.day.isoformat(),
        )
    return state


def _parts(state: DayState, payments: int) -> Iterator[SheetPart]:
    lines: list[SheetLine] = []
    for one in state.shifts:
        lines.append(SheetLine(code="shift_of_day", said=one.report or f"{one.number}", amount=one.gross))
        if one.difference:
            lines.append(SheetLine(code="over_short_of_shift", said=one.operator, amount=one.difference))
    lines.append(SheetLine(code="payments", count=payments, amount=state.gross, strong=True))
    over = total((one.difference for one in state.shifts), state.gross.currency)
    lines.append(SheetLine(code="over_short", amount=over, strong=True))
    yield SheetPart(code="shifts_of_day", lines=tuple(lines))
    left = [
        SheetLine(
            code="left_over",
            said=item.said,
            count=item.count or (None if item.amount else 1),
            amount=item.amount,
        )
        for item in state.items
    ]
    if left:
        yield SheetPart(code="left_of_day", lines=tuple(left))


def next_business_date(desk: Desk) -> date:
    """The business date that a shift opened now would have: today's, or the one after the last closed day."""
    with desk.till.read() as connection:
        return open_business_date(desk, connection)


def open_business_date(desk: Desk, connection: Connection) -> date:
    """The same in a transaction under way."""
    today = business_date(desk.clock.now(), desk.policy.day_starts)
    closed = last_closed_day(connection)
    return today if closed is None or today > closed else closed + timedelta(days=1)
