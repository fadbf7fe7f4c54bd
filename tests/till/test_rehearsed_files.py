"""A dry run says what the run will do, entry for entry; a payment is known again by the bank's references, day and order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pos.domain.bank_file import BankEntry, EntryOutcome, Forecast, Remark
from pos.domain.errors import Refused
from pos.till.bank_runs import bank_files
from pos.till.desk import Desk
from pos.till.shop_clock import confirm_clock
from tests.builders.bank_files import dry_run, mandated, paid, rejected, returned, run, with_debits
from tests.builders.tills import (
    BACK_OFFICE,
    SUPERVISOR,
    TODAY,
    clock_of,
    direct_debit,
    findings,
    make_till,
    money,
    opened,
    pay,
    rows,
    wish,
)
from tests.builders.tries import examples


@pytest.fixture
def desk() -> Desk:
    """A till in which nobody has opened a shift."""
    return make_till()


def outcomes(desk: Desk) -> list[str]:
    return [
        str(row["outcome"])
        for row in sorted(rows(desk, "bank_entry"), key=lambda row: int(str(row["place"])))
    ]


def day(days: int) -> str:
    return (TODAY + timedelta(days=days)).isoformat()


def carried_out(desk: Desk, *entries: BankEntry, name: str) -> tuple[Forecast, Forecast]:
    """What the dry run said of a file, and what the run then did, added up in the same way."""
    with_debits(desk, fee=money("5.000"), suspend_after=2, stop_from=10_000)
    said = dry_run(desk, *entries, name=name)
    did = Forecast(in_currency=desk.identity.currency)
    for plan in run(desk, *entries, name=name):
        did.add(plan, desk.policy.debits.reason(plan.entry.reason).label)
    return said, did


# --- the dry run ------------------------------------------------------------------------------------------------------


def test_a_return_of_what_the_same_file_brings_is_a_return_in_the_dry_run_too(desk: Desk) -> None:
    said, did = carried_out(desk, paid("R-1"), returned("R-1"), name="a.xml")

    assert {*said.outcomes} == {EntryOutcome.POSTED, EntryOutcome.RETURNED}
    assert said == did


def test_a_bill_that_an_entry_before_pays_is_paid_already_in_the_dry_run_too(desk: Desk) -> None:
    said, did = carried_out(desk, paid("R-1", bill="7781"), paid("R-2", bill="7781"), name="a.xml")

    assert said.remarks[Remark.ALREADY_PAID].count == 1
    assert said == did


def test_a_mandate_that_an_entry_before_suspends_is_suspended_in_the_dry_run_too(desk: Desk) -> None:
    mandated(desk)

    said, did = carried_out(
        desk,
        paid("R-1", "1.000", mandate="M-1"),
        returned("R-1", "1.000", "AC04"),
        paid("R-2", "2.000", mandate="M-1"),
        name="a.xml",
    )

    assert said.remarks[Remark.MANDATE_INACTIVE].count == 1
    assert said == did


def test_what_was_paid_before_a_return_pays_no_bill_that_the_return_opens(desk: Desk) -> None:
    between = (paid("R-2"), returned("R-1"), paid("R-3", bill="7781"))

    said, did = carried_out(desk, paid("R-1", bill="7781"), *between, name="a.xml")

    assert (said.outcomes[EntryOutcome.RETURNED].count, dict(said.remarks).get(Remark.ALREADY_PAID)) == (
        1,
        None,
    )
    assert said == did


def test_the_same_holds_of_a_return_of_what_an_earlier_file_brought(desk: Desk) -> None:
    run(desk, paid("R-1", bill="7781"), name="a.xml")
    between = (paid("R-2"), returned("R-1"), paid("R-3", bill="7781"))

    said, did = carried_out(desk, *between, name="b.xml")

    assert (said.outcomes[EntryOutcome.RETURNED].count, dict(said.remarks).get(Remark.ALREADY_PAID)) == (
        1,
        None,
    )
    assert said == did


REFERENCES = ("R-1", "R-2", "R-3")
AMOUNTS = ("12.500", "41.750", "3.000")


@st.composite
def bank_entries(draw: st.DrawFn) -> BankEntry:
    """An entry of any kind, of few references, accounts and days, so that entries meet each other."""
    kind = draw(st.sampled_from(["paid", "paid", "returned", "rejected"]))
    more: dict[str, Any] = {
        "mandate": draw(st.sampled_from(["M-1", "M-4", ""])),
        "bank_reference": draw(st.sampled_from(["", "", "B-1", "B-2"])),
    }
    reference = draw(st.sampled_from(REFERENCES))
    if kind == "rejected":
        return rejected(reference, draw(st.sampled_from(["AM04", "AC04", "MD06"])), **more)
    amount = draw(st.sampled_from(("3.000", *AMOUNTS)))
    when = draw(st.sampled_from([0, 0, 0, -1, 1]))
    if kind == "returned":
        reason = draw(st.sampled_from(["AM04", "AC04", "MD06"]))
        return replace(returned(reference, amount, reason, **more), value_date=day(min(when, 0)))
    more["account"] = draw(st.sampled_from(["BA-1", "BA-1", "BA-4", "BA-NOBODY", "D-1"]))
    more["bill"] = draw(st.sampled_from(["", "", "7781", "7782", "7796"]))
    return paid(reference, amount, value_date=day(when), **more)


@settings(
    max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    files=st.lists(st.lists(bank_entries(), min_size=1, max_size=8), min_size=1, max_size=3),
    keyed=st.booleans(),
)
def test_the_dry_run_of_any_file_says_what_the_run_does(
    files: Sequence[Sequence[BankEntry]], keyed: bool
) -> None:
    desk = make_till()
    mandated(desk, "M-1", "BA-1")
    mandated(desk, "M-4", "BA-4")
    if keyed:
        opened(desk, person=SUPERVISOR)
        pay(desk, direct_debit("3"), allocate=[wish("7796", "3")], person=SUPERVISOR)

    for number, entries in enumerate(files):
        said, did = carried_out(desk, *entries, name=f"{number}.xml")
        assert said == did
    assert findings(desk) == []


# --- paid, back, paid again ----------------------------------------------------------------------------------------------


def test_what_went_back_is_paid_again_on_the_same_day_where_one_file_tells_of_it_in_this_order(
    desk: Desk,
) -> None:
    run(desk, paid("R-1"), returned("R-1"), paid("R-1"), returned("R-1"), paid("R-1"))

    assert outcomes(desk) == ["posted", "returned", "posted", "returned", "posted"]
    assert [part["bill_no"] for part in rows(desk, "v_allocation")] == ["7781"] * 3
    assert findings(desk) == []


def test_what_went_back_is_paid_again_on_the_same_day_where_the_bank_calls_it_otherwise(desk: Desk) -> None:
    run(desk, paid("R-1", bank_reference="B-1"), name="a.xml")
    run(desk, returned("R-1", bank_reference="B-2"), name="b.xml")

    run(desk, paid("R-1", bank_reference="B-1"), paid("R-1", bank_reference="B-3"), name="c.xml")

    assert outcomes(desk) == ["posted", "returned", "duplicate", "posted"]
    assert findings(desk) == []


def test_a_payment_that_went_back_and_is_told_again_by_another_file_is_not_posted_again(desk: Desk) -> None:
    """The statement of the day repeats what the notifications told."""
    run(desk, paid("R-1"), name="a.xml")
    run(desk, returned("R-1"), name="b.xml")

    run(desk, paid("R-1"), returned("R-1"), name="c.xml")

    assert outcomes(desk) == ["posted", "returned", "duplicate", "duplicate"]


def test_an_old_return_that_is_told_again_leaves_the_later_payment_alone(desk: Desk) -> None:
    run(desk, paid("R-1", value_date=day(-2)), name="a.xml")
    run(desk, replace(returned("R-1"), value_date=day(-1)), name="b.xml")
    run(desk, paid("R-1"), name="c.xml")

    run(desk, replace(returned("R-1"), value_date=day(-1)), name="d.xml")

    assert outcomes(desk) == ["posted", "returned", "posted", "duplicate"]


def test_two_payments_that_the_bank_tells_apart_under_one_reference_wait_for_a_person(desk: Desk) -> None:
    (_, plan) = run(desk, paid("R-1", bank_reference="B-1"), paid("R-1", bank_reference="B-2"))

    assert (plan.outcome, plan.problem) == (EntryOutcome.PARKED, "paid_twice")


def test_what_was_keyed_and_went_back_is_paid_again_by_the_next_file(desk: Desk) -> None:
    opened(desk, person=SUPERVISOR)
    pay(desk, direct_debit("7"), allocate=[wish("7796", "7")], person=SUPERVISOR)
    run(desk, returned("R-1", "7.000", mandate="M-1"), name="a.xml")

    (plan,) = run(desk, paid("R-1", "7.000", mandate="M-1", account="BA-4"), name="b.xml")

    assert plan.outcome is EntryOutcome.POSTED
    assert findings(desk) == []


def test_a_bank_reference_that_cannot_be_kept_is_met_again_all_the_same(desk: Desk) -> None:
    card = "4111111111111111"
    run(desk, paid("R-1", bank_reference=card), returned("R-1"), paid("R-1", bank_reference=card))

    assert outcomes(desk) == ["posted", "returned", "duplicate"]
    assert not [row for row in rows(desk, "bank_entry") if card in str(row)]


def test_a_statement_that_repeats_what_was_told_is_not_stopped_for_it(desk: Desk) -> None:
    with_debits(desk, stop_from=1, stop_above_percent=0)
    entries = [replace(paid(f"R-{number}", "1.000"), number=number) for number in (1, 2, 3)]
    mandated(desk)
    told = [replace(one, mandate="M-1") for one in entries]
    run(desk, *told, name="a.xml")

    found = dry_run(desk, *told, name="b.xml", message="camt.053")

    assert (found.outcomes[EntryOutcome.DUPLICATE].count, found.problems) == (3, 0)


# --- the clock ------------------------------------------------------------------------------------------------------------


def test_no_file_is_begun_by_a_clock_that_stands_behind_the_last_deed(desk: Desk) -> None:
    run(desk, paid("R-1"), name="a.xml")
    clock_of(desk).advance(days=-3)

    with pytest.raises(Refused) as refusal:
        run(desk, returned("R-1"), name="b.xml")
    assert (refusal.value.code, len(bank_files(desk, BACK_OFFICE))) == ("clock_behind", 1)

    confirm_clock(desk, SUPERVISOR)
    (plan,) = run(desk, returned("R-1"), name="b.xml")
    assert plan.outcome is EntryOutcome.RETURNED


def test_the_file_that_was_carried_out_later_has_the_last_word_whatever_the_clock_said(desk: Desk) -> None:
    run(desk, paid("R-1"), name="a.xml")
    for number in range(1, 4):
        clock_of(desk).advance(days=-1)
        confirm_clock(desk, SUPERVISOR)
        run(desk, returned("R-1"), name=f"r{number}.xml")
        run(desk, paid("R-1", value_date=day(-number)), name=f"p{number}.xml")

    assert outcomes(desk) == ["posted", *["returned", "posted"] * 3]
    assert [file.name for file in bank_files(desk, BACK_OFFICE)][:2] == ["p3.xml", "r3.xml"]
    assert findings(desk) == []
