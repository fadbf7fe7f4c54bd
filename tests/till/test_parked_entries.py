"""What a bank's file told and its run could not carry out, settled by a person: balanced, with a reason."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event

from pos.domain.approval import ApprovalNeeded
from pos.domain.bank_file import BankEntry, EntryOutcome
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.parked_entry import Settled
from pos.domain.role import Person
from pos.store.parked_entries import parked_entry
from pos.till.bank_runs import entries_of, post_due
from pos.till.correction_entry import CorrectionOrder
from pos.till.corrections import reverse
from pos.till.desk import Desk
from pos.till.enquiries import account_view
from pos.till.imports import open_records
from pos.till.open_bills import catch_up
from pos.till.parked_entries import (
    EntrySettled,
    SettleEntryOrder,
    entry_life,
    settle_entry,
    waiting_entries,
)
from pos.till.script import Script
from tests.builders.bank_files import mandated, paid, rejected, returned, run
from tests.builders.tills import (
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    SUPERVISOR,
    TODAY,
    cash,
    clock_of,
    findings,
    make_till,
    money,
    opened,
    pay,
    rows,
    wish,
)
from tests.builders.undoing import approved


@pytest.fixture
def desk() -> Desk:
    return make_till()


def parked(desk: Desk, entry: BankEntry) -> None:
    """A file of this one entry, which is parked."""
    (plan,) = run(desk, entry, name="parked.xml")
    assert plan.outcome is EntryOutcome.PARKED


def order(desk: Desk, how: Settled, **more: str) -> SettleEntryOrder:
    """The one entry that was parked is settled so."""
    (row,) = [row for row in rows(desk, "v_bank_entry") if row["outcome"] == "parked"]
    told = {"reason": "Asked the bank", **more}
    return SettleEntryOrder(run=str(row["run_id"]), number=int(str(row["number"])), how=how, **told)


def settled(desk: Desk, how: Settled, **more: str) -> EntrySettled:
    return settle_entry(desk, BACK_OFFICE, order(desk, how, **more))


def by_two(desk: Desk, how: Settled, **more: str) -> EntrySettled:
    """With the supervisor's approval."""
    return approved(desk, lambda: settled(desk, how, **more))


def balance(desk: Desk, ledger: str) -> tuple[int, int]:
    """Debits and credits of a ledger account."""
    lines = [row for row in rows(desk, "v_journal") if row["ledger_account"] == ledger]
    return (
        sum(int(str(row["debit_minor"])) for row in lines),
        sum(int(str(row["credit_minor"])) for row in lines),
    )


CLEARING = "direct_debit_clearing"


def test_money_that_came_is_paid_to_the_account_that_is_named(desk: Desk) -> None:
    parked(desk, paid("R-1", "7.000", account="D-1"))

    done = settled(desk, Settled.PAID, account="BA-1")

    assert done.receipt == "S014-T1-A-DD-000001"
    assert [(part["bill_no"], part["amount_minor"]) for part in rows(desk, "v_allocation")] == [
        ("7781", 7000)
    ]
    assert balance(desk, CLEARING) == (7000, 0)
    assert waiting_entries(desk, BACK_OFFICE) == []
    assert findings(desk) == []


def test_what_nobody_knows_yet_is_kept_in_suspense(desk: Desk) -> None:
    parked(desk, paid("R-1", "7.000", account="D-1"))

    settled(desk, Settled.SUSPENSE)

    assert balance(desk, "suspense") == (0, 7000)
    assert findings(desk) == []


def test_what_is_sent_back_goes_through_suspense_and_leaves_nothing_there(desk: Desk) -> None:
    parked(desk, paid("R-1", "7.000", account="D-1"))

    settled(desk, Settled.SENT_BACK)

    assert balance(desk, "suspense") == (7000, 7000)
    assert balance(desk, CLEARING) == (7000, 7000)
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("entry", "differences", "clearing"),
    [
        (paid("R-1", "7.000", account="D-1"), (0, 7000), (7000, 0)),
        (returned("R-9", "7.000"), (7000, 0), (0, 7000)),
    ],
)
def test_two_people_write_off_what_nobody_will_claim(
    desk: Desk, entry: BankEntry, differences: tuple[int, int], clearing: tuple[int, int]
) -> None:
    parked(desk, entry)

    by_two(desk, Settled.WRITTEN_OFF)

    assert balance(desk, "bank_differences") == differences
    assert balance(desk, CLEARING) == clearing
    assert balance(desk, "suspense") == (7000, 7000)
    assert findings(desk) == []


def test_what_the_bank_took_back_is_owed_by_the_account_again_as_a_bill(desk: Desk) -> None:
    """Its payment was moved meanwhile, so that there is none to undo."""
    parked(desk, returned("R-9", "7.000"))

    done = settled(desk, Settled.CHARGED, account="BA-1")
    catch_up(desk)

    assert done.bill_no == "S014-T1-A-DF-000001"
    (bill,) = [
        one for one in account_view(desk, SUPERVISOR, "BA-1").bills if one.bill.bill_no == done.bill_no
    ]
    assert (bill.open, [line.name for line in bill.bill.lines]) == (money("7"), ["Returned direct debit"])
    assert [row["kind"] for row in rows(desk, "v_outbox")] == ["charge"]
    opened(desk)
    pay(desk, cash("7"), allocate=[wish("S014-T1-A-DF-000001", "7")])
    assert balance(desk, "receivable") == (7000, 7000)
    assert findings(desk) == []


def test_what_waits_and_was_taken_back_before_its_day_is_withdrawn(desk: Desk) -> None:
    tomorrow = (TODAY + timedelta(days=1)).isoformat()
    run(desk, paid("R-1", "7.000", value_date=tomorrow))
    parked(desk, returned("R-1", "7.000"))
    clock_of(desk).advance(days=1)
    (due,) = post_due(desk, BACK_OFFICE)
    assert due.problem == "taken_back"

    settled(desk, Settled.WITHDRAWN)

    assert list(post_due(desk, BACK_OFFICE)) == []
    assert open_records(desk, BACK_OFFICE) == []
    assert rows(desk, "v_journal") == []
    assert findings(desk) == []


def test_what_the_bank_took_back_by_mistake_is_posted_on_its_day(desk: Desk) -> None:
    tomorrow = (TODAY + timedelta(days=1)).isoformat()
    run(desk, paid("R-1", "7.000", value_date=tomorrow))
    parked(desk, returned("R-1", "7.000"))

    by_two(desk, Settled.NOTED)
    clock_of(desk).advance(days=1)

    (due,) = post_due(desk, BACK_OFFICE)
    assert due.receipt == "S014-T1-A-DD-000001"


def test_a_refusal_of_what_nobody_collected_needs_no_posting(desk: Desk) -> None:
    parked(desk, rejected("R-9"))

    settled(desk, Settled.NOTED)

    assert waiting_entries(desk, BACK_OFFICE) == []
    assert rows(desk, "v_journal") == []


@pytest.mark.parametrize(
    ("entry", "how"),
    [
        (paid("R-1", "7.000", account="D-1"), Settled.CHARGED),
        (paid("R-1", "7.000", account="D-1"), Settled.WITHDRAWN),
        (paid("R-1", "7.00", currency="EUR"), Settled.PAID),
        (returned("R-9", "7.000"), Settled.PAID),
        (rejected("R-9"), Settled.WRITTEN_OFF),
    ],
)
def test_an_entry_is_settled_only_as_its_money_went(desk: Desk, entry: BankEntry, how: Settled) -> None:
    parked(desk, entry)

    with pytest.raises(Refused) as refusal:
        settled(desk, how, account="BA-1")

    assert refusal.value.code == "not_settled_so"
    assert rows(desk, "v_journal") == []


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"account": ""}, "bad_reference"),
        ({"account": "BA-404"}, "unknown_account"),
        ({"account": "D-1"}, "mode_not_for_payer"),
        ({"account": "BA-6"}, "account_other_currency"),
        ({"account": "BA-1", "reason": " "}, "reason_missing"),
    ],
)
def test_what_cannot_be_booked_leaves_the_entry_parked(desk: Desk, more: dict[str, str], code: str) -> None:
    parked(desk, paid("R-1", "7.000", account="D-1"))

    with pytest.raises(Refused) as refusal:
        settled(desk, Settled.PAID, **more)

    assert refusal.value.code == code
    assert len(waiting_entries(desk, BACK_OFFICE)) == 1
    assert rows(desk, "imported_record") == []


def test_an_entry_is_settled_once(desk: Desk) -> None:
    parked(desk, paid("R-1", "7.000", account="D-1"))
    settled(desk, Settled.PAID, account="BA-1")

    with pytest.raises(Refused) as refusal:
        settled(desk, Settled.SENT_BACK)

    assert refusal.value.code == "entry_settled"
    assert len(rows(desk, "v_payment")) == 1


@pytest.mark.parametrize("how", [Settled.SENT_BACK, Settled.NOTED])
def test_what_moved_no_customers_money_is_undone_and_settled_anew(desk: Desk, how: Settled) -> None:
    parked(desk, paid("R-1", "7.000", account="D-1"))
    _ = by_two(desk, how) if how is Settled.NOTED else settled(desk, how)

    settled(desk, Settled.UNDONE, reason="The wrong line")

    debits, credits = balance(desk, CLEARING)
    assert debits == credits
    assert len(waiting_entries(desk, BACK_OFFICE)) == 1
    settled(desk, Settled.PAID, account="BA-1")
    assert balance(desk, CLEARING)[0] - balance(desk, CLEARING)[1] == 7000
    assert findings(desk) == []


def test_an_entry_waits_again_once_its_payment_is_undone(desk: Desk) -> None:
    parked(desk, paid("R-1", "7.000", account="D-1"))
    receipt = settled(desk, Settled.PAID, account="BA-2").receipt
    with pytest.raises(Refused) as refusal:
        settled(desk, Settled.UNDONE)
    assert (refusal.value.code, refusal.value.details["receipt"]) == ("not_undone_so", receipt)
    cancelled = CorrectionOrder(receipt=str(receipt), reason="wrong_account", tender=1)
    approved(desk, lambda: reverse(desk, BACK_OFFICE, cancelled))

    settled(desk, Settled.PAID, account="BA-1")

    (entry, steps) = entry_life(desk, AUDITOR, order(desk, Settled.PAID).run, 1)
    assert [step.how for step in steps] == [Settled.PAID, Settled.UNDONE, Settled.PAID]
    assert entry.receipt == "S014-T1-A-DD-000002"
    assert balance(desk, CLEARING)[0] - balance(desk, CLEARING)[1] == 7000
    assert findings(desk) == []


def test_what_was_settled_is_told_with_its_file(desk: Desk) -> None:
    parked(desk, paid("R-1", "7.000", account="D-1"))
    done = settled(desk, Settled.PAID, account="BA-1")

    (told,) = entries_of(desk, AUDITOR, done.run_id)

    assert (told.outcome, told.settled, told.receipt) == ("parked", "paid", done.receipt)


def test_what_was_settled_is_taken_back_by_its_reference_and_told_twice_is_a_duplicate(desk: Desk) -> None:
    mandated(desk)
    parked(desk, paid("R-1", "7.000", account="D-1", mandate="M-1"))
    settled(desk, Settled.PAID, account="BA-1")

    again, back = run(
        desk, paid("R-1", "7.000", mandate="M-1"), returned("R-1", "7.000", mandate="M-1"), name="b.xml"
    )

    assert (again.outcome, back.outcome) == (EntryOutcome.DUPLICATE, EntryOutcome.RETURNED)
    assert balance(desk, CLEARING) == (7000, 7000)
    assert findings(desk) == []


def test_what_the_bank_took_back_of_a_settled_payment_waits_for_nobody(desk: Desk) -> None:
    """Paid once more it would be money that is not there."""
    parked(desk, paid("R-1", "7.000", account="D-1"))
    settled(desk, Settled.PAID, account="BA-1")
    run(desk, returned("R-1", "7.000"), name="b.xml")

    assert waiting_entries(desk, BACK_OFFICE) == []
    with pytest.raises(Refused) as refusal:
        settled(desk, Settled.PAID, account="BA-1")
    assert refusal.value.code == "entry_settled"
    assert balance(desk, CLEARING) == (7000, 7000)


def test_what_was_sent_back_and_comes_again_another_day_is_money(desk: Desk) -> None:
    parked(desk, paid("R-1", "7.000", account="D-1"))
    settled(desk, Settled.SENT_BACK)
    clock_of(desk).advance(days=1)
    tomorrow = (TODAY + timedelta(days=1)).isoformat()

    (again,) = run(desk, paid("R-1", "7.000", value_date=tomorrow), name="b.xml")

    assert again.outcome is EntryOutcome.POSTED
    assert findings(desk) == []


@pytest.mark.parametrize("entry", [paid("R-1", "7.000"), returned("R-1", "7.000")])
def test_what_was_sent_back_is_told_again_for_nothing(desk: Desk, entry: BankEntry) -> None:
    parked(desk, paid("R-1", "7.000", account="D-1"))
    settled(desk, Settled.SENT_BACK)

    (again,) = run(desk, entry, name="b.xml")

    assert again.outcome is EntryOutcome.DUPLICATE


def test_a_return_that_the_bank_gave_back_hides_none_that_comes_later(desk: Desk) -> None:
    run(desk, paid("R-1", "7.000"))
    parked(desk, returned("R-1", "6.000"))
    settled(desk, Settled.SENT_BACK)

    (back,) = run(desk, returned("R-1", "7.000"), name="b.xml")

    assert back.outcome is EntryOutcome.RETURNED
    assert balance(desk, CLEARING) == (13000, 13000)
    assert findings(desk) == []


def test_what_comes_again_after_it_was_withdrawn_is_posted_on_its_day(desk: Desk) -> None:
    days = [(TODAY + timedelta(days=days)).isoformat() for days in (1, 2)]
    run(desk, paid("R-1", "7.000", value_date=days[0]))
    parked(desk, returned("R-1", "7.000"))
    settled(desk, Settled.WITHDRAWN)
    (again,) = run(desk, paid("R-1", "7.000", value_date=days[1]), name="b.xml")
    assert again.outcome is EntryOutcome.WAITING

    clock_of(desk).advance(days=2)
    (due,) = post_due(desk, BACK_OFFICE)

    assert (due.receipt, due.problem) == ("S014-T1-A-DD-000001", None)
    assert findings(desk) == []


def test_what_comes_again_is_not_withdrawn_for_what_went_before(desk: Desk) -> None:
    days = [(TODAY + timedelta(days=days)).isoformat() for days in (1, 2)]
    run(desk, paid("R-1", "7.000", value_date=days[0]))
    parked(desk, returned("R-1", "7.000"))
    settled(desk, Settled.WITHDRAWN)
    run(desk, paid("R-1", "7.000", value_date=days[1]), name="b.xml")
    (first, second) = [row["record_id"] for row in rows(desk, "imported_record")]
    settled(desk, Settled.UNDONE)

    settled(desk, Settled.WITHDRAWN)

    assert [row["record_id"] for row in rows(desk, "bank_entry_settled")] == [first] != [second]


def test_money_that_is_parked_keeps_the_day_that_the_bank_gives_it(desk: Desk) -> None:
    parked(desk, paid("R-1", "7.000", account="D-1"))
    clock_of(desk).advance(days=3)

    settled(desk, Settled.PAID, account="BA-1")

    (record,) = rows(desk, "imported_record")
    assert record["record_date"] == TODAY.isoformat()


def test_the_own_account_wants_a_second_person(desk: Desk) -> None:
    parked(desk, paid("R-1", "7.000", account="D-1"))
    clerk = replace(BACK_OFFICE, accounts=frozenset({"BA-1"}))

    with pytest.raises(ApprovalNeeded):
        settle_entry(desk, clerk, order(desk, Settled.PAID, account="BA-1"))
    assert rows(desk, "v_payment") == []


@pytest.mark.parametrize("person", [CASHIER, SUPERVISOR, AUDITOR])
def test_only_the_back_office_settles(desk: Desk, person: Person) -> None:
    parked(desk, paid("R-1", "7.000", account="D-1"))

    with pytest.raises(NotAuthorised):
        settle_entry(desk, person, order(desk, Settled.SENT_BACK))


def test_a_script_settles_an_entry_once(desk: Desk) -> None:
    parked(desk, paid("R-1", "7.000", account="D-1"))
    asked = order(desk, Settled.PAID)
    line = json.dumps(
        {
            "ref": "s1",
            "act": "settle_bank_entry",
            "run": asked.run,
            "number": asked.number,
            "how": "paid",
            "account": "BA-1",
            "reason": "Asked the bank",
        }
    )
    script = Script(desk, BACK_OFFICE)

    answer, again = script.run_line(line), script.run_line(line)

    assert (answer["ok"], answer["receipt"], answer["amount"]) == (True, "S014-T1-A-DD-000001", "7.000")
    assert again == {**answer, "replayed": True}
    assert len(rows(desk, "v_payment")) == 1


def test_one_entry_is_found_among_however_many_records(desk: Desk) -> None:
    """It is looked up within the deed that settles it."""
    plans: list[str] = []
    parked(desk, paid("R-1", "7.000", account="D-1"))
    asked = order(desk, Settled.PAID)

    with desk.till.read() as connection:

        def note(
            _connection: object, _cursor: object, statement: str, values: object, *_more: object
        ) -> None:
            if not statement.startswith("EXPLAIN"):
                steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)  # type: ignore[arg-type]
                plans.extend(str(step[3]) for step in steps)

        event.listen(connection, "before_cursor_execute", note)
        assert parked_entry(connection, asked.run, asked.number) is not None
        event.remove(connection, "before_cursor_execute", note)

    assert plans
    assert [step for step in plans if step.startswith(("SCAN", "MATERIALIZE"))] == []
