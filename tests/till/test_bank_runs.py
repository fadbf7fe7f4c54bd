"""Files of a bank carried out: what came is posted in the run's own control, what went back is reversed, nothing twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from pos.domain.bank_file import EntryOutcome, Remark
from pos.domain.errors import NotAuthorised, Refused
from pos.store.bank_files import KnownFile
from pos.store.shift_totals import totals_after
from pos.till.bank_runs import bank_files, begin_file, carry_out, entries_of, forecast, post_due
from pos.till.collections import collect
from pos.till.desk import Desk
from pos.till.enquiries import account_view
from pos.till.mandates import MandateDeed, MandateOrder, keep_mandate, mandates
from pos.till.open_bills import catch_up
from tests.builders.bank_files import (
    dry_run,
    file_of,
    mandated,
    numbered,
    paid,
    rejected,
    returned,
    run,
    with_debits,
)
from tests.builders.tills import (
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    SUPERVISOR,
    TODAY,
    cash,
    clock_of,
    closed,
    count,
    direct_debit,
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
    """A till in which nobody has opened a shift."""
    return make_till()


def outcomes(desk: Desk) -> list[object]:
    return [row["outcome"] for row in rows(desk, "bank_entry")]


def balance(desk: Desk, ledger: str) -> int:
    return sum(
        int(str(row["debit_minor"])) - int(str(row["credit_minor"]))
        for row in rows(desk, "v_journal")
        if row["ledger_account"] == ledger
    )


# --- what came -------------------------------------------------------------------------------------------------------


def test_what_the_bank_collected_pays_the_oldest_bill_without_a_shift(desk: Desk) -> None:
    mandated(desk)

    (plan,) = run(desk, paid("R-1", "41.750", mandate="M-1", account=""))

    assert (plan.outcome, plan.account, plan.remarks) == (EntryOutcome.POSTED, "BA-1", ())
    (payment,) = rows(desk, "v_payment")
    assert (payment["shift_id"], payment["amount_minor"], payment["receipt_number"]) == (
        None,
        41750,
        "S014-T1-A-DD-000001",
    )
    assert [(part["bill_no"], part["amount_minor"]) for part in rows(desk, "v_allocation")] == [
        ("7781", 41750)
    ]
    assert (balance(desk, "direct_debit_clearing"), balance(desk, "receivable")) == (41750, -41750)
    assert findings(desk) == []


def test_the_receipts_of_a_run_are_numbered_apart_and_not_printed(desk: Desk) -> None:
    opened(desk)

    run(desk, paid("R-1", "1.000"), paid("R-2", "2.000"))

    assert [row["receipt_number"] for row in rows(desk, "v_receipt")] == [
        "S014-T1-A-DD-000001",
        "S014-T1-A-DD-000002",
    ]
    assert rows(desk, "print_job") == []
    assert findings(desk) == []


def test_a_run_beside_an_open_shift_is_no_part_of_its_close(desk: Desk) -> None:
    opened(desk)
    pay(desk, cash("1"), allocate=[wish("7781", "1")])

    run(desk, paid("R-1", "2.000"))
    pay(desk, cash("3"), allocate=[wish("7781", "3")])

    count(desk, "24.000")
    shift = closed(desk)
    assert shift.over_short == money("0")
    assert [row["business_date"] for row in rows(desk, "v_payment")] == [TODAY.isoformat()] * 3
    assert findings(desk) == []


def test_what_a_shift_tells_of_its_payments_has_those_of_a_run_between_them(desk: Desk) -> None:
    """Central adds up a range of sequence numbers: what lies in it is told, whoever took it."""
    opened(desk)
    pay(desk, cash("1"), allocate=[wish("7781", "1")])
    run(desk, paid("R-1", "2.000"))
    pay(desk, cash("3"), allocate=[wish("7781", "3")])
    run(desk, paid("R-2", "4.000"), name="b.xml")
    count(desk, "24.000")
    closed(desk)

    with desk.till.read() as connection:
        (told,) = totals_after(connection, 0, 0)
    assert (told.first, told.last, told.payments) == (1, 3, ((3, money("6.000")),))


def test_more_than_the_bill_named_pays_the_next_and_the_rest_is_credit(desk: Desk) -> None:
    (plan,) = run(desk, paid("R-1", "60.000", bill="7782"))

    assert plan.remarks == (Remark.MANDATE_UNKNOWN, Remark.ALREADY_PAID)
    assert [(part["bill_no"], part["amount_minor"]) for part in rows(desk, "v_allocation")] == [
        ("7782", 12500),
        ("7781", 41750),
        (None, 5750),
    ]
    assert findings(desk) == []


def test_money_of_an_unknown_account_is_in_suspense(desk: Desk) -> None:
    (plan,) = run(desk, paid("R-1", "7.000", account="BA-NOBODY"))

    assert plan.outcome is EntryOutcome.SUSPENSE
    assert balance(desk, "suspense") == -7000
    (row,) = rows(desk, "suspense")
    assert "R-1" in str(row["reference"])
    assert findings(desk) == []


def test_a_dealer_pays_by_no_direct_debit_in_a_file_either(desk: Desk) -> None:
    """Rule 50: direct debit is for subscribers only."""
    (plan,) = run(desk, paid("R-1", "7.000", account="D-1"))

    assert (plan.outcome, plan.problem) == (EntryOutcome.PARKED, "mode_not_for_payer")
    assert rows(desk, "v_payment") == []


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (paid("R-1", "7.001", currency="EUR"), "amount_too_precise"),
        (paid("R-1", "7.00", currency="EUR"), "other_currency"),
        (paid("R-1", "-7.000"), "bad_amount"),
        (paid("R-1", "0"), "amount_missing"),
        (paid("4111111111111111", "7.000"), "card_number_refused"),
        (paid("R-\x1b[2J", "7.000"), "bad_reference"),
        (paid("R-1", "7.000", value_date="2026-13-01"), "bad_date"),
        (paid("R-1", "7.000", account="BA-6"), "account_other_currency"),
        (paid("", "7.000"), "bad_reference"),
        (paid("NOTPROVIDED", "7.000"), "no_reference"),
        (returned("NOTPROVIDED"), "no_reference"),
        (rejected("R-9"), "unknown_reference"),
        (returned("R-9"), "unknown_reference"),
    ],
)
def test_a_bad_entry_is_parked_and_the_others_are_carried_out(desk: Desk, entry, problem) -> None:  # type: ignore[no-untyped-def]
    bad, good = run(desk, entry, paid("R-2", "7.000"))

    assert (bad.outcome, bad.problem, good.outcome) == (EntryOutcome.PARKED, problem, EntryOutcome.POSTED)
    assert outcomes(desk) == ["parked", "posted"]
    assert findings(desk) == []


def test_an_entry_that_the_books_refuse_is_parked_and_the_run_goes_on(desk: Desk) -> None:
    """Nothing of it is half applied: no receipt, no number of one, no record."""
    with desk.till.database.write() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER no_two BEFORE INSERT ON payment_event WHEN NEW.amount_minor = 2000 "
            "BEGIN SELECT RAISE(ABORT, 'no two'); END"
        )

    _, plan, _ = run(desk, paid("R-1", "1.000"), paid("R-2", "2.000"), paid("R-3", "3.000"))

    assert (plan.outcome, plan.problem) == (EntryOutcome.PARKED, "store_rule_broken")
    assert outcomes(desk) == ["posted", "parked", "posted"]
    assert [row["receipt_number"] for row in rows(desk, "v_receipt")] == [
        "S014-T1-A-DD-000001",
        "S014-T1-A-DD-000002",
    ]
    assert len(rows(desk, "imported_record")) == 2
    assert [(one.done, one.ended) for one in bank_files(desk, BACK_OFFICE)] == [(3, True)]


def test_a_disk_that_is_full_stops_the_run_where_it_was(desk: Desk) -> None:
    entries = numbered([paid(f"R-{place}", "1.000") for place in range(400)])
    file = file_of()
    known = begin_file(
        desk, BACK_OFFICE, file, dry_run(desk, *entries), paid=money("400.000"), back=money("0")
    )
    carried = carry_out(desk, BACK_OFFICE, known, entries)
    next(carried)
    with desk.till.database.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 1}")

    with pytest.raises(Refused) as refusal:
        list(carried)

    assert refusal.value.code == "store_write_failed"
    assert set(outcomes(desk)) == {"posted"}


@pytest.mark.parametrize(
    "words",
    ["closed\non 3 May", "الحساب \u200fمغلق", "\x1b[2J", "z\u0334" * 500, "card 4111 1111 1111 1111"],
)
def test_whatever_a_bank_says_of_a_return_the_payment_goes_back(desk: Desk, words: str) -> None:
    run(desk, paid("R-1"), name="a.xml")

    (plan,) = run(desk, returned("R-1", reason_text=words), name="b.xml")

    assert plan.outcome is EntryOutcome.RETURNED
    assert "\x1b" not in plan.entry.reason_text
    assert "4111" not in str([rows(desk, table) for table in ("bank_entry", "v_correction")])
    assert findings(desk) == []


def test_no_card_number_of_a_bad_entry_is_kept(desk: Desk) -> None:
    run(desk, paid("4111111111111111", "7.000"))

    assert not [row for row in rows(desk, "bank_entry") if "4111" in str(row)]


def test_what_was_keyed_at_the_counter_is_matched_and_posted_once(desk: Desk) -> None:
    opened(desk, person=SUPERVISOR)
    number = pay(
        desk, direct_debit("7"), allocate=[wish("7796", "7")], person=SUPERVISOR
    ).receipt.receipt_number

    (plan,) = run(desk, paid("R-1", "7.000", mandate="M-1", account="BA-4"))

    assert (plan.outcome, plan.receipt) == (EntryOutcome.MATCHED, number)
    assert len(rows(desk, "v_payment")) == 1
    assert findings(desk) == []


def test_what_a_file_posted_is_not_keyed_again(desk: Desk) -> None:
    mandated(desk)
    run(desk, paid("R-1", "7.000", mandate="M-1"))
    opened(desk, person=SUPERVISOR)

    with pytest.raises(Refused) as refusal:
        pay(desk, direct_debit("7"), allocate=[wish("7782", "7")], person=SUPERVISOR)
    assert refusal.value.code == "taken_before"


def test_the_same_debit_is_posted_once_however_many_files_tell_of_it(desk: Desk) -> None:
    run(desk, paid("R-1", "7.000"), paid("R-1", "7.000"), name="a.xml")
    run(desk, paid("r 1", "7.000"), name="b.xml")

    assert outcomes(desk) == ["posted", "duplicate", "duplicate"]
    assert len(rows(desk, "v_payment")) == 1


def test_another_amount_under_a_reference_that_was_paid_waits_for_a_person(desk: Desk) -> None:
    run(desk, paid("R-1", "7.000"))

    (plan,) = run(desk, paid("R-1", "9.000"), name="b.xml")

    assert (plan.outcome, plan.problem) == (EntryOutcome.PARKED, "paid_otherwise")


def test_another_amount_taken_back_under_a_reference_waits_for_a_person(desk: Desk) -> None:
    """Of a payment that the bank takes back in parts neither is told before."""
    run(desk, paid("R-1", "7.000"))
    run(desk, returned("R-1", "7.000"), name="b.xml")

    again, other = run(desk, returned("R-1", "7.000"), returned("R-1", "3.000"), name="c.xml")

    assert again.outcome is EntryOutcome.DUPLICATE
    assert (other.outcome, other.problem) == (EntryOutcome.PARKED, "returned_otherwise")


def test_what_a_bank_took_back_before_its_value_date_is_not_posted(desk: Desk) -> None:
    tomorrow = (TODAY + timedelta(days=1)).isoformat()
    run(desk, paid("R-1", "7.000", value_date=tomorrow))
    (plan,) = run(desk, returned("R-1", "7.000"), name="b.xml")
    assert (plan.outcome, plan.problem) == (EntryOutcome.PARKED, "value_date_to_come")

    clock_of(desk).advance(days=1)
    (due,) = post_due(desk, BACK_OFFICE)

    assert (due.receipt, due.problem) == (None, "taken_back")
    assert rows(desk, "v_payment") == []


def test_a_value_date_to_come_waits_and_is_posted_on_its_day(desk: Desk) -> None:
    tomorrow = (TODAY + timedelta(days=1)).isoformat()
    (plan,) = run(desk, paid("R-1", "7.000", value_date=tomorrow))
    assert (plan.outcome, rows(desk, "v_payment")) == (EntryOutcome.WAITING, [])
    assert list(post_due(desk, BACK_OFFICE)) == []

    clock_of(desk).advance(days=1)
    (due,) = post_due(desk, BACK_OFFICE)

    assert due.receipt == "S014-T1-A-DD-000001"
    assert len(rows(desk, "v_payment")) == 1
    assert list(post_due(desk, BACK_OFFICE)) == []
    assert findings(desk) == []


# --- what went back --------------------------------------------------------------------------------------------------


def test_a_late_return_reverses_by_reference_and_opens_the_bill_again(desk: Desk) -> None:
    mandated(desk)
    run(desk, paid("R-1", mandate="M-1"), name="a.xml")

    (plan,) = run(desk, returned("R-1"), name="b.xml")

    assert plan.outcome is EntryOutcome.RETURNED
    (entry,) = [row for row in rows(desk, "v_correction")]
    assert (entry["kind"], entry["amount_minor"], entry["reason_code"]) == (
        "tender_cancellation",
        41750,
        "MD06",
    )
    assert (balance(desk, "direct_debit_clearing"), balance(desk, "receivable")) == (0, 0)
    assert [row["kind"] for row in rows(desk, "v_outbox")] == ["payment", "refund"]
    assert findings(desk) == []


def test_what_was_paid_again_goes_back_again(desk: Desk) -> None:
    """The second return is of the second payment, also where all of it was carried out in one moment."""
    before = (TODAY - timedelta(days=1)).isoformat()

    run(desk, paid("R-1"), returned("R-1"), paid("R-1", value_date=before), returned("R-1"))

    assert outcomes(desk) == ["posted", "returned", "posted", "returned"]
    assert findings(desk) == []


def test_a_later_file_has_the_last_word_also_within_one_moment(desk: Desk) -> None:
    for number in range(8):
        day = (TODAY - timedelta(days=number)).isoformat()
        run(desk, paid("R-1", value_date=day), name=f"p{number}.xml")
        run(desk, returned("R-1"), name=f"r{number}.xml")

    assert sorted(map(str, outcomes(desk))) == ["posted"] * 8 + ["returned"] * 8
    assert findings(desk) == []


def test_a_return_that_is_told_twice_reverses_once(desk: Desk) -> None:
    """A pacs.004 and the debit of a camt.054 tell of the same return."""
    run(desk, paid("R-1"), name="a.xml")

    run(desk, returned("R-1"), name="b.xml")
    (again,) = run(desk, returned("R-1"), name="c.xml")

    assert again.outcome is EntryOutcome.DUPLICATE
    assert len(rows(desk, "v_correction")) == 1


def test_a_return_of_another_amount_waits_for_a_person(desk: Desk) -> None:
    run(desk, paid("R-1"), name="a.xml")

    (plan,) = run(desk, returned("R-1", "40.000"), name="b.xml")

    assert (plan.outcome, plan.problem) == (EntryOutcome.PARKED, "return_differs")


def test_what_was_keyed_goes_back_by_its_reference_too(desk: Desk) -> None:
    opened(desk, person=SUPERVISOR)
    pay(desk, direct_debit("7"), allocate=[wish("7796", "7")], person=SUPERVISOR)

    (plan,) = run(desk, returned("R-1", "7.000", mandate="M-1"))

    assert plan.outcome is EntryOutcome.RETURNED
    assert findings(desk) == []


def test_a_refusal_costs_the_payer_a_fee_where_it_is_the_payers_fault(desk: Desk) -> None:
    with_debits(desk, fee=money("5.000"))
    mandated(desk)
    run(desk, paid("R-1", mandate="M-1"), paid("R-2", "5.000", mandate="M-1"), name="a.xml")

    fault, choice = run(desk, returned("R-1", reason="AM04"), returned("R-2", "5.000", "MD06"), name="b.xml")

    assert (fault.fee, choice.fee) == (money("5.000"), None)
    assert balance(desk, "fee_income") == -5000
    assert findings(desk) == []


def test_the_fee_is_a_bill_that_the_counter_takes(desk: Desk) -> None:
    with_debits(desk, fee=money("5.000"), fee_tax_rate=Decimal(5))
    mandated(desk)
    asked, *_ = collect(desk, BACK_OFFICE, (TODAY + timedelta(days=12)).isoformat()).items
    run(desk, rejected(asked.item.reference))
    catch_up(desk)

    view = account_view(desk, SUPERVISOR, "BA-1")
    (bill,) = [bill for bill in view.bills if bill.bill.bill_no == "S014-T1-A-DF-000001"]
    assert (bill.open, bill.bill.due_date) == (money("5.000"), TODAY)
    assert [(line.name, line.tax) for line in bill.bill.lines] == [
        ("Fee for a returned direct debit", money("0.238"))
    ]
    opened(desk)
    pay(desk, cash("5"), allocate=[wish("S014-T1-A-DF-000001", "5")])
    assert balance(desk, "receivable") == 0
    assert findings(desk) == []


def test_what_was_charged_once_is_told_once(desk: Desk) -> None:
    with_debits(desk, fee=money("5.000"))
    mandated(desk)
    run(desk, paid("R-1", mandate="M-1"), returned("R-1", reason="AM04"), returned("R-1", reason="AM04"))

    assert [(row["kind"], row["account"]) for row in rows(desk, "v_outbox")] == [
        ("payment", "BA-1"),
        ("refund", "BA-1"),
        ("charge", "BA-1"),
    ]


def test_the_third_refusal_suspends_the_mandate(desk: Desk) -> None:
    mandated(desk)
    for number in (1, 2, 3):
        assert mandates(desk, BACK_OFFICE, account="BA-1")[0].state == "active"
        run(
            desk,
            paid(f"R-{number}", "1.000", mandate="M-1"),
            returned(f"R-{number}", "1.000", "AM04"),
            name=str(number),
        )

    (mandate,) = mandates(desk, BACK_OFFICE, account="BA-1")
    assert (mandate.state, mandate.reason) == ("suspended", "AM04 Not enough money on the account")
    keep_mandate(desk, BACK_OFFICE, MandateOrder(deed=MandateDeed.ACTIVATE, mandate="M-1"))
    assert mandates(desk, BACK_OFFICE, account="BA-1")[0].state == "active"
    assert findings(desk) == []


def test_several_bills_refused_of_one_collection_are_one_refusal(desk: Desk) -> None:
    """The payer had no money that day, however many bills were collected then."""
    with_debits(desk, suspend_after=2)
    mandated(desk)
    soon = (TODAY + timedelta(days=12)).isoformat()
    for state in ("active", "suspended"):
        asked = collect(desk, BACK_OFFICE, soon)
        assert len(asked.items) == 2
        run(desk, *(rejected(one.item.reference) for one in asked.items), name=asked.message_id)
        assert mandates(desk, BACK_OFFICE, account="BA-1")[0].state == state
    assert findings(desk) == []


def test_a_closed_account_suspends_the_mandate_at_once(desk: Desk) -> None:
    mandated(desk)

    run(desk, paid("R-1", "1.000", mandate="M-1"), returned("R-1", "1.000", "AC04"))

    assert mandates(desk, BACK_OFFICE, account="BA-1")[0].state == "suspended"


# --- the file as a whole ---------------------------------------------------------------------------------------------


def test_a_dry_run_tells_in_money_what_would_happen_and_writes_nothing(desk: Desk) -> None:
    tomorrow = (TODAY + timedelta(days=1)).isoformat()
    audit = len(rows(desk, "audit"))

    found = dry_run(
        desk,
        paid("R-1", "7.000"),
        paid("R-1", "7.000"),
        paid("R-2", "2.000", account="BA-NOBODY"),
        paid("R-3", "3.000", value_date=tomorrow),
        paid("R-4", "4.000", account="D-1"),
        person=AUDITOR,
    )

    assert {
        str(outcome): (tally.count, tally.amount.plain()) for outcome, tally in found.outcomes.items()
    } == {
        "posted": (1, "7.000"),
        "duplicate": (1, "7.000"),
        "suspense": (1, "2.000"),
        "waiting": (1, "3.000"),
        "parked": (1, "4.000"),
    }
    assert (found.entries, found.problems) == (5, 3)
    assert rows(desk, "bank_file") == rows(desk, "v_payment") == []
    assert len(rows(desk, "audit")) == audit


def test_too_many_problems_stop_the_whole_file(desk: Desk) -> None:
    with_debits(desk, stop_from=2, stop_above_percent=40)

    with pytest.raises(Refused) as refusal:
        run(desk, paid("R-1", account="X"), paid("R-2", account="X"), paid("R-3"), paid("R-4", "1.000"))

    assert (refusal.value.code, refusal.value.details["problems"]) == ("too_many_problems", 2)
    assert rows(desk, "bank_file") == rows(desk, "v_payment") == []


def test_two_people_carry_a_file_out_whose_problems_are_as_they_should_be(desk: Desk) -> None:
    with_debits(desk, stop_from=2, stop_above_percent=20)
    entries = numbered([paid(f"R-{place}", "1.000", account="BA-NOBODY") for place in range(3)])

    def begun() -> KnownFile:
        return begin_file(
            desk,
            BACK_OFFICE,
            file_of(),
            dry_run(desk, *entries),
            paid=money("3.000"),
            back=money("0"),
            above_threshold=True,
        )

    known = approved(desk, begun)

    assert {plan.outcome for plan in carry_out(desk, BACK_OFFICE, known, entries)} == {EntryOutcome.SUSPENSE}
    assert findings(desk) == []


def test_the_same_file_is_carried_out_once(desk: Desk) -> None:
    run(desk, paid("R-1", "7.000"))

    with pytest.raises(Refused) as refusal:
        run(desk, paid("R-1", "7.000"))
    assert refusal.value.code == "file_known"


def test_another_file_with_the_banks_own_number_is_refused(desk: Desk) -> None:
    run(desk, paid("R-1", "7.000"), name="a.xml")
    entries = numbered([paid("R-2", "8.000")])
    twin = file_of("b.xml", bank_file_id="a.xml")

    with pytest.raises(Refused) as refusal:
        begin_file(
            desk, BACK_OFFICE, twin, dry_run(desk, *entries, name="b.xml"), paid=money("8"), back=money("0")
        )
    assert refusal.value.code == "file_id_known"


def test_a_run_that_was_cut_short_goes_on_behind_its_last_entry(desk: Desk) -> None:
    entries = numbered([paid("R-1", "7.000"), paid("R-2", "2.000"), paid("R-3", "3.000")])
    file, sums = file_of(), {"paid": money("12.000"), "back": money("0")}
    known = begin_file(desk, BACK_OFFICE, file, dry_run(desk, *entries), paid=sums["paid"], back=sums["back"])
    cut = carry_out(desk, BACK_OFFICE, known, entries)
    next(cut)
    cut.close()
    assert [(one.done, one.ended) for one in bank_files(desk, BACK_OFFICE)] == [(1, False)]

    again = begin_file(desk, BACK_OFFICE, file, dry_run(desk, *entries), paid=sums["paid"], back=sums["back"])
    left = list(carry_out(desk, BACK_OFFICE, again, entries))

    assert [plan.entry.reference for plan in left] == ["R-2", "R-3"]
    assert [row["amount_minor"] for row in rows(desk, "v_payment")] == [7000, 2000, 3000]
    assert [(one.done, one.ended) for one in bank_files(desk, BACK_OFFICE)] == [(3, True)]
    assert [entry.receipt for entry in entries_of(desk, BACK_OFFICE, known.run_id)] == [
        "S014-T1-A-DD-000001",
        "S014-T1-A-DD-000002",
        "S014-T1-A-DD-000003",
    ]


def test_a_run_goes_on_only_with_the_entries_it_began_with(desk: Desk) -> None:
    """Another profile makes other entries of the same bytes: some would be carried out twice, some never."""
    entries = numbered([paid("R-1", "7.000"), paid("R-2", "2.000"), paid("R-3", "3.000")])
    file, sums = file_of(), {"paid": money("12.000"), "back": money("0")}
    cut = carry_out(
        desk,
        BACK_OFFICE,
        begin_file(desk, BACK_OFFICE, file, dry_run(desk, *entries), paid=sums["paid"], back=sums["back"]),
        entries,
    )
    next(cut)
    cut.close()

    with pytest.raises(Refused) as other_profile:
        forecast(desk, BACK_OFFICE, replace(file, profile="csv"), entries)
    with pytest.raises(Refused) as other_entries:
        begin_file(desk, BACK_OFFICE, file, dry_run(desk, *entries[:2]), paid=sums["paid"], back=sums["back"])

    assert (other_profile.value.code, other_entries.value.code) == (
        "file_read_otherwise",
        "file_read_otherwise",
    )
    assert len(rows(desk, "v_payment")) == 1


@pytest.mark.parametrize("person", [CASHIER, SUPERVISOR, AUDITOR])
def test_only_the_back_office_carries_files_out(desk: Desk, person) -> None:  # type: ignore[no-untyped-def]
    found = dry_run(desk, paid("R-1", "7.000"))

    with pytest.raises(NotAuthorised):
        begin_file(desk, person, file_of(), found, paid=money("7"), back=money("0"))
    assert rows(desk, "bank_file") == []


def test_a_file_about_another_account_is_refused(desk: Desk) -> None:
    with_debits(desk, creditor_account="NL91ABNA0417164300")
    found = dry_run(desk, paid("R-1", "7.000"))

    with pytest.raises(Refused) as refusal:
        begin_file(
            desk,
            BACK_OFFICE,
            file_of(creditor="DE89370400440532013000"),
            found,
            paid=money("7"),
            back=money("0"),
        )
    assert refusal.value.code == "other_account"
