"""Collecting by direct debit: what is open on accounts with a mandate is asked of the bank, each bill once until it answers.

Asking moves no money: the bill stays open until a file of the bank says that it is paid. Source: domain.md 3.10.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from pos.domain.errors import Refused
from pos.domain.mandate import Mandate
from pos.domain.money import Money, total
from pos.domain.role import Person
from pos.domain.tender import plain_reference, read_date
from pos.store import cache as cached
from pos.store.bank_files import DebitItem, bills_at_the_bank, items_of, mandates_used
from pos.store.mandates import active_mandates, mandate_at
from pos.store.times import local, offset_minutes, utc_text
from pos.till.desk import Deed, Desk, perform
from pos.till.gate import require_look
from pos.till.open_bills import open_bills

ACT = "collect_debits"
ITEMS_MAX = 99_999
TILL_AT_BANKS = r"[A-Za-z0-9.-]{1,20}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A bill that is collected, with the mandate by which it is."""

    item: DebitItem
    mandate: Mandate


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What a bank is asked for in one message. ``message_id`` empty: nothing is written yet."""

    message_id: str
    collect_on: date
    at: datetime
    items: tuple[Asked, ...]
    amount: Money


def preview_collection(desk: Desk, person: Person, collect_on: str) -> Collection:
    """What ``collect`` would ask for now. Raises NotAuthorised, or Refused for the day."""
    require_look(desk, ACT, person)
    day = _day(desk, collect_on)
    return _collection(desk, "", day, desk.clock.now(), list(_to_collect(desk, "preview", day)))


def collect(desk: Desk, person: Person, collect_on: str) -> Collection:
    """Ask for every bill that is due by ``collect_on`` of the accounts with a mandate.

    By the mandates that were registered here; where the settings name this terminal, by all that central tells of.
    Disputed parts, bills on hold and those that a bank was asked for and has not answered are left out.
    Raises NotAuthorised, or Refused ``training``, ``bad_date``, ``date_in_past``, ``nothing_to_collect`` or
    ``too_many_items``.
    """

    def work(deed: Deed) -> Collection:
        desk.identity.refuse_training("no bank is asked for anything")
        day = _day(desk, collect_on)
        number = deed.unit.next_number("debit_collection")
        message_id = deed.subject = f"{_till_called(desk)}-C{number:06d}"
        asked = list(_to_collect(desk, message_id, day))
        if not asked:
            raise Refused("nothing_to_collect", f"No bill with a mandate is open and due by {day}.")
        if len(asked) > ITEMS_MAX:
            raise Refused("too_many_items", f"More than {ITEMS_MAX} bills. Take an earlier day first.")
        made = _collection(desk, message_id, day, deed.at, asked)
        collection_id = deed.new_id()
        deed.unit.insert_all("debit_item", [_row(one.item, collection_id) for one in asked])
        deed.unit.insert(
            "debit_collection",
            {
                "collection_id": collection_id,
                "number": number,
                "message_id": message_id,
                "collect_on": day.isoformat(),
                "currency": made.amount.currency.code,
                "items": len(asked),
                "total_minor": made.amount.minor,
                "at_utc": utc_text(deed.at),
                "utc_offset_min": offset_minutes(deed.at),
                "operator": person.user,
            },
        )
        return made

    return perform(desk, person, ACT, work)


def collected(desk: Desk, person: Person, message_id: str) -> Collection:
    """What was asked for before, to write its file again. Raises NotAuthorised or Refused ``unknown_collection``."""
    require_look(desk, ACT, person)
    with desk.till.read() as connection:
        row = connection.exec_driver_sql(
            "SELECT collection_id, collect_on, at_utc, utc_offset_min FROM debit_collection WHERE message_id = ?",
            (message_id,),
        ).first()
        if row is None:
            raise Refused("unknown_collection", f"Nothing was collected as {message_id[:40]} here.")
        asked = []
        for item in items_of(connection, str(row[0])):
            asked.append(Asked(item=item, mandate=mandate_at(connection, item.mandate, item.mandate_number)))
    return _collection(desk, message_id, date.fromisoformat(str(row[1])), local(row[2], row[3]), asked)


def _till_called(desk: Desk) -> str:
    """This till and series, as banks take it: with the places behind it a reference has at most 35 signs."""
    identity = desk.identity
    named = f"{identity.shop.shop}-{identity.terminal}-{identity.series}"
    if re.fullmatch(TILL_AT_BANKS, named):
        return named
    return hashlib.sha256(named.encode()).hexdigest()[:20].upper()


def _collection(desk: Desk, message_id: str, day: date, at: datetime, asked: list[Asked]) -> Collection:
    return Collection(
        message_id=message_id,
        collect_on=day,
        at=at.replace(microsecond=0),
        items=tuple(asked),
        amount=total((one.item.amount for one in asked), desk.identity.currency),
    )


def _day(desk: Desk, text: str) -> date:
    """Raises Refused ``not_collected_here`` too: two terminals never ask for one bill."""
    collects = desk.policy.debits.collected_by
    if collects and collects != desk.identity.terminal:
        raise Refused(
            "not_collected_here",
            f"Terminal {collects} collects for all shops (collected_by in [direct_debit] of till.toml).",
            terminal=collects,
        )
    day, today = read_date(text, field="Collect on"), desk.clock.now().date()
    if day < today:
        raise Refused("date_in_past", f"Collect on: {day} is over.", field="collect_on")
    return day


def _to_collect(desk: Desk, message_id: str, day: date) -> Iterator[Asked]:
    with desk.till.read() as books:
        at_the_bank, used = bills_at_the_bank(books), mandates_used(books)
        here = desk.identity.terminal
        everybodys = desk.policy.debits.collected_by == here
        mandates = list(active_mandates(books, registered_at=None if everybodys else here))
    place = 0
    for mandate in mandates:
        with desk.cache.read() as connection:
            told = cached.bills_of_account(connection, mandate.account, open_only=True)
        bills = [
            bill
            for bill in told
            if bill.remaining.currency == desk.identity.currency
            and bill.due_date <= day
            and bill.bill_no not in at_the_bank
        ]
        with desk.till.read() as books:
            owed = open_bills(books, bills)
        first = mandate.mandate not in used
        for bill in sorted(owed, key=lambda one: (one.bill.due_date, one.bill.bill_no)):
            if not bill.payable:
                continue
            place += 1
            yield Asked(
                mandate=mandate,
                item=DebitItem(
                    reference=f"{message_id}P{place:05d}",
                    collection_id="",
                    place=place,
                    mandate=mandate.mandate,
                    mandate_number=mandate.number,
                    first=first,
                    account=mandate.account,
                    bill_no=bill.bill.bill_no,
                    bill_id=bill.bill.bill_id,
                    amount=bill.payable,
                ),
            )
            first = False


def _row(item: DebitItem, collection_id: str) -> dict[str, object]:
    return {
        "reference": item.reference,
        "plain": plain_reference(item.reference),
        "collection_id": collection_id,
        "place": item.place,
        "mandate": item.mandate,
        "mandate_number": item.mandate_number,
        "first": int(item.first),
        "account": item.account,
        "bill_no": item.bill_no,
        "bill_id": item.bill_id,
        "amount_minor": item.amount.minor,
        "currency": item.amount.currency.code,
    }
