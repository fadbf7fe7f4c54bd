"""What is collected: every bill that is due and has a mandate, once until the bank has answered."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from pos.domain.bank_file import BankEntry, EntryKind, EntryOutcome, part_called
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.role import Person
from pos.till.bank_runs import post_due
from pos.till.collections import collect, collected, preview_collection
from pos.till.desk import Desk
from pos.till.mandates import MandateDeed, MandateOrder, keep_mandate
from tests.builders.bank_files import OTHER_IBAN, mandated, paid, rejected, returned, run, with_debits
from tests.builders.tills import (
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    SUPERVISOR,
    TODAY,
    bill,
    cash,
    clock_of,
    findings,
    make_till,
    money,
    opened,
    pay,
    rows,
    tell,
    wish,
)

SOON = (TODAY + timedelta(days=12)).isoformat()


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    mandated(desk)
    return desk


def bills(desk: Desk, on: str = SOON) -> list[tuple[str, str]]:
    return [
        (one.item.bill_no, one.item.amount.plain()) for one in preview_collection(desk, AUDITOR, on).items
    ]


def test_every_bill_due_by_the_day_is_asked_for(desk: Desk) -> None:
    assert bills(desk) == [("7781", "41.750"), ("7782", "12.500")]
    assert bills(desk, TODAY.isoformat()) == [("7781", "41.750")]

    made = collect(desk, BACK_OFFICE, SOON)

    assert (made.message_id, made.amount) == ("S014-T1-A-C000001", money("54.250"))
    assert [one.item.reference for one in made.items] == [
        "S014-T1-A-C000001P00001",
        "S014-T1-A-C000001P00002",
    ]
    assert [one.item.first for one in made.items] == [True, False]
    assert rows(desk, "v_journal") == []
    assert findings(desk) == []


def test_what_a_bank_was_asked_for_is_not_asked_again_before_it_answers(desk: Desk) -> None:
    first, second = collect(desk, BACK_OFFICE, SOON).items
    assert bills(desk) == []
    with pytest.raises(Refused) as refusal:
        collect(desk, BACK_OFFICE, SOON)
    assert refusal.value.code == "nothing_to_collect"

    run(desk, rejected(first.item.reference, "AM04"), paid(second.item.reference, "12.500", account=""))

    assert bills(desk) == [("7781", "41.750")]


def test_only_what_is_still_open_is_asked_for(desk: Desk) -> None:
    tell(desk, bills=[bill("7782", money("12.500"), disputed=money("2.500"))])
    opened(desk)
    pay(desk, cash("40"), allocate=[wish("7781", "40")])

    assert bills(desk) == [("7781", "1.750"), ("7782", "10.000")]


@pytest.mark.parametrize("deed", [MandateDeed.END])
def test_nothing_is_asked_for_by_a_mandate_that_does_not_hold(desk: Desk, deed: MandateDeed) -> None:
    keep_mandate(desk, BACK_OFFICE, MandateOrder(deed=deed, mandate="M-1", reason="over"))

    assert bills(desk) == []


def test_a_collection_is_the_same_when_it_is_written_again(desk: Desk) -> None:
    made = collect(desk, BACK_OFFICE, SOON)
    keep_mandate(desk, BACK_OFFICE, MandateOrder(deed=MandateDeed.CHANGE, mandate="M-1", number=OTHER_IBAN))

    again = collected(desk, BACK_OFFICE, made.message_id)

    assert [(one.item.reference, one.mandate.bank) for one in again.items] == [
        (one.item.reference, one.mandate.bank) for one in made.items
    ]
    assert (again.collect_on, again.at, again.amount) == (made.collect_on, made.at, made.amount)
    with pytest.raises(Refused):
        collected(desk, BACK_OFFICE, "S014-T1-A-C000009")


@pytest.mark.parametrize(
    ("day", "code"), [("2026-11-20", "date_in_past"), ("tomorrow", "bad_date"), ("", "bad_reference")]
)
def test_a_day_that_is_none_or_over_is_refused(desk: Desk, day: str, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        collect(desk, BACK_OFFICE, day)
    assert refusal.value.code == code


@pytest.mark.parametrize("person", [CASHIER, SUPERVISOR, AUDITOR])
def test_only_the_back_office_collects(desk: Desk, person: Person) -> None:
    with pytest.raises(NotAuthorised):
        collect(desk, person, SOON)
    assert rows(desk, "debit_item") == []


def test_many_collections_never_share_a_reference(desk: Desk) -> None:
    """References are compared without signs and zeros in front."""
    tell(
        desk,
        bills=[bill(f"8{number:03}", money("1.000"), due=TODAY) for number in range(12)],
    )
    for number in range(12):
        asked = collect(desk, BACK_OFFICE, TODAY.isoformat()).items
        run(desk, *(rejected(one.item.reference, "SL01") for one in asked), name=str(number))

    assert len(rows(desk, "debit_item")) == 12 * 13


def test_a_part_that_a_bank_refused_leaves_the_other_part_with_it(desk: Desk) -> None:
    """What is collected for the first time stands in a part of its own."""
    made = collect(desk, BACK_OFFICE, SOON)
    first = [one.item.reference for one in made.items if one.item.first]
    further = [one.item.reference for one in made.items if not one.item.first]
    assert first
    assert further
    refused = BankEntry(
        number=1,
        kind=EntryKind.REJECTED,
        reference="",
        reason="DT01",
        whole=made.message_id,
        part=f"{made.message_id}-RCUR",
    )

    plans = run(desk, refused)

    assert [plan.entry.reference for plan in plans] == further


def test_a_mandate_is_new_to_the_bank_until_a_debit_of_it_was_asked_for_and_not_refused(desk: Desk) -> None:
    """A bank refuses a second first debit."""
    only = TODAY.isoformat()
    (asked,) = collect(desk, BACK_OFFICE, only).items
    assert asked.item.first
    tell(desk, bills=[bill("7790", money("2.000"), due=TODAY)])
    (beside,) = preview_collection(desk, AUDITOR, only).items
    assert not beside.item.first

    run(desk, rejected(asked.item.reference, "SL01"))

    assert [one.item.first for one in preview_collection(desk, AUDITOR, only).items] == [True, False]


def test_a_debit_that_waits_for_its_value_date_was_the_first(desk: Desk) -> None:
    tomorrow = (TODAY + timedelta(days=1)).isoformat()
    run(desk, paid("R-1", "1.000", mandate="M-1", value_date=tomorrow))

    assert [one.item.first for one in preview_collection(desk, AUDITOR, SOON).items] == [False, False]


def test_what_a_late_value_date_left_open_is_asked_for_again(desk: Desk) -> None:
    (item, *_) = [one.item for one in collect(desk, BACK_OFFICE, SOON).items]
    tomorrow = (TODAY + timedelta(days=1)).isoformat()
    run(desk, paid(item.reference, "1.000", account="", value_date=tomorrow))
    assert bills(desk) == []

    clock_of(desk).advance(days=1)
    (_,) = post_due(desk, BACK_OFFICE)

    assert bills(desk) == [(item.bill_no, (item.amount - money("1.000")).plain())]


def test_money_of_another_account_than_it_was_collected_for_waits_for_a_person(desk: Desk) -> None:
    (item, *_) = [one.item for one in collect(desk, BACK_OFFICE, SOON).items]

    (plan,) = run(desk, paid(item.reference, item.amount.plain(), account="BA-2"))

    assert (plan.outcome, plan.problem) == (EntryOutcome.PARKED, "account_differs")
    assert rows(desk, "v_payment") == []


def test_one_debit_that_fails_costs_the_payer_one_fee(desk: Desk) -> None:
    """A bank may refuse it, book it all the same, and take it back."""
    with_debits(desk, fee=money("2.000"))
    (item, *_) = [one.item for one in collect(desk, BACK_OFFICE, SOON).items]
    run(desk, rejected(item.reference))

    run(
        desk,
        paid(item.reference, item.amount.plain()),
        returned(item.reference, item.amount.plain(), reason="AM04"),
        name="b.xml",
    )

    fees = {row["outcome"]: row["fee_minor"] for row in rows(desk, "bank_entry")}
    assert fees == {"rejected": 2000, "posted": 0, "returned": 0}
    assert findings(desk) == []


@pytest.mark.parametrize("terminal", ["T" * 64, "T_1"])
def test_a_reference_is_one_that_banks_take_whatever_the_till_is_called(desk: Desk, terminal: str) -> None:
    """At most 35 letters, digits and few signs (EndToEndId, PmtInfId)."""
    desk.identity = replace(desk.identity, terminal=terminal)

    made = collect(desk, BACK_OFFICE, SOON)

    for told in (*(one.item.reference for one in made.items), part_called(made.message_id, first=True)):
        assert re.fullmatch(r"[A-Za-z0-9.-]{1,35}", told), told
