"""Records of bank files: matched with the slip once, or kept for their run; nothing is posted twice."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pos.domain.errors import NotAuthorised, Refused
from pos.domain.imported_record import RecordState
from pos.domain.payment_mode import ModeKind
from pos.domain.role import Person
from pos.till.desk import Desk
from pos.till.imports import (
    RecordOrder,
    RecordOutcome,
    begin_run,
    confirm_match,
    import_record,
    open_records,
    preview_record,
    record_beside_slip,
)
from pos.till.script import Script
from tests.builders.tills import (
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    SUPERVISOR,
    TODAY,
    atm,
    direct_debit,
    findings,
    make_till,
    money,
    opened,
    pay,
    raw_connection,
    rows,
    wish,
)
from tests.builders.tries import examples
from tests.till.books import refused


def atm_record(
    amount: str = "7", account: str = "BA-1", trace: str = "004711", date: str | None = None, **more: Any
) -> RecordOrder:
    slip = atm(amount, trace, **({} if date is None else {"date": date}))
    return RecordOrder(
        **{"mode": "atm", "amount": amount, "account": account, "details": slip.details, **more}
    )


def debit_record(
    amount: str = "7", account: str = "BA-1", reference: str = "R-1", **more: Any
) -> RecordOrder:
    slip = direct_debit(amount, reference)
    return RecordOrder(
        **{"mode": "direct_debit", "amount": amount, "account": account, "details": slip.details, **more}
    )


@pytest.fixture
def desk() -> Desk:
    """A supervisor's shift, who may key a direct debit too."""
    desk = make_till()
    opened(desk, person=SUPERVISOR)
    return desk


def imported(desk: Desk, order: RecordOrder, person: Person = BACK_OFFICE) -> RecordOutcome:
    kind = desk.modes[order.mode].kind
    run = begin_run(desk, person, kind, profile="records", file_digest="0" * 64)
    return import_record(desk, person, run, order)


def slip(desk: Desk, amount: str = "7", trace: str = "004711") -> str:
    taken = pay(desk, atm(amount, trace), allocate=[wish("7796", amount)], person=SUPERVISOR)
    return taken.receipt.receipt_number


def states(desk: Desk) -> list[tuple[object, object]]:
    return [(row["number"], row["state"]) for row in rows(desk, "imported_record_state")]


# --- matching --------------------------------------------------------------------------------------------------------


def test_a_record_that_comes_after_its_slip_is_matched_and_posts_nothing(desk: Desk) -> None:
    """Rule 49: the file arrives later than the slip: match, do not post twice."""
    number = slip(desk)
    before = [dict(row) for row in rows(desk, "v_journal")]

    outcome = imported(desk, atm_record())

    assert (outcome.state, outcome.receipt, outcome.differs_in) == (RecordState.MATCHED, number, ())
    assert rows(desk, "v_journal") == before
    assert states(desk) == [(1, "matched")]
    assert findings(desk) == []


@pytest.mark.parametrize("trace", ["004711", "4711", " 004711 ", "0004711"])
def test_a_record_is_its_slip_however_its_numbers_are_written(desk: Desk, trace: str) -> None:
    """Rule 49: trace number, terminal and date are the identity."""
    number = slip(desk)

    assert imported(desk, atm_record(trace=trace)).receipt == number


@pytest.mark.parametrize("change", [{"trace": "004712"}, {"atm": "A-OTHER"}, {"date": "2026-11-01"}])
def test_a_record_with_another_trace_machine_or_date_is_another_payment(
    desk: Desk, change: dict[str, str]
) -> None:
    slip(desk)
    order = atm_record()

    assert imported(desk, replace(order, details={**order.details, **change})).state is RecordState.WAITING


def test_a_slip_that_comes_after_its_record_is_that_record(desk: Desk) -> None:
    """Rule 49: whichever comes first, it is posted once; the run of the file has nothing left to post."""
    record = imported(desk, atm_record())
    assert record.state is RecordState.WAITING

    number = slip(desk)

    assert states(desk) == [(1, "waiting"), (2, "matched")]
    again = imported(desk, atm_record())
    assert (again.known, again.state, again.receipt) == (True, RecordState.MATCHED, number)
    assert findings(desk) == []


@pytest.mark.parametrize("told", [{"amount": "6.500"}, {"account": "BA-3"}])
def test_a_slip_that_is_not_as_the_bank_told_it_is_refused(desk: Desk, told: dict[str, Any]) -> None:
    """Rule 49: the bank's word is there already; what differs is not a matter of the counter."""
    record = imported(desk, atm_record(**told))

    refusal = refused(desk, lambda: slip(desk))

    assert (refusal.code, refusal.details["record"]) == ("record_differs", record.record_id)
    slip(desk, trace="9999")
    assert findings(desk) == []


@pytest.mark.parametrize("told", [{"amount": "200"}, {"account": "BA-3"}, {"bill": "7781"}])
def test_a_bank_that_tells_of_one_paper_in_two_ways_is_asked(desk: Desk, told: dict[str, Any]) -> None:
    first = imported(desk, atm_record())

    with pytest.raises(Refused) as refusal:
        imported(desk, atm_record(**told))

    assert (refusal.value.code, refusal.value.details["record"]) == ("record_differs", first.record_id)
    assert states(desk) == [(1, "waiting")]


def test_a_record_of_a_day_to_come_is_refused(desk: Desk) -> None:
    tomorrow = (TODAY + timedelta(days=1)).isoformat()

    with pytest.raises(Refused) as refusal:
        imported(desk, atm_record(date=tomorrow))
    assert refusal.value.code == "date_in_future"
    assert imported(desk, atm_record()).state is RecordState.WAITING


def test_the_database_too_bars_the_slip_of_a_waiting_record(desk: Desk) -> None:
    imported(desk, atm_record())
    slip(desk, trace="9999")
    raw = raw_connection(desk.till.database)
    instrument, tender = raw.execute(
        "SELECT imported_record.instrument, tender_id FROM imported_record, instrument"
    ).fetchone()

    with pytest.raises(sqlite3.IntegrityError, match="came by a file of the bank"):
        raw.execute("INSERT INTO instrument VALUES (?, ?)", (instrument, tender))


@pytest.mark.parametrize("slip_first", [True, False])
def test_a_record_imported_again_is_known_and_nothing_happens(desk: Desk, *, slip_first: bool) -> None:
    if slip_first:
        slip(desk)
    first = imported(desk, atm_record())

    again = imported(desk, atm_record(trace="4711"))

    assert (again.record_id, again.state, again.known) == (first.record_id, first.state, True)
    assert len(rows(desk, "imported_record")) == len(rows(desk, "imported_record_state")) == 1


def test_a_direct_debit_that_was_keyed_is_matched_with_its_record(desk: Desk) -> None:
    number = pay(
        desk, direct_debit("7"), allocate=[wish("7796", "7")], person=SUPERVISOR
    ).receipt.receipt_number

    assert imported(desk, debit_record()).receipt == number
    assert findings(desk) == []


# --- what differs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "differs_in"),
    [
        (atm_record("7.001"), ("amount",)),
        (atm_record("6.999"), ("amount",)),
        (atm_record(account="BA-2"), ("account",)),
        (atm_record("70", account="BA-2"), ("amount", "account")),
    ],
)
def test_a_record_that_differs_from_its_slip_waits_for_somebody_to_confirm_it(
    desk: Desk, order: RecordOrder, differs_in: tuple[str, ...]
) -> None:
    number = slip(desk)

    outcome = imported(desk, order)
    assert (outcome.state, outcome.receipt, outcome.differs_in) == (RecordState.DIFFERS, number, differs_in)
    assert outcome.record_id is not None
    confirmed = confirm_match(desk, BACK_OFFICE, outcome.record_id, "bank's fee")

    assert (confirmed.state, confirmed.receipt) == (RecordState.MATCHED, number)
    assert states(desk) == [(1, "differs"), (2, "matched")]
    assert rows(desk, "imported_record_state")[-1]["reason"] == "bank's fee"
    assert rows(desk, "audit")[-1]["act"] == "confirm_match"
    again = refused(desk, lambda: confirm_match(desk, BACK_OFFICE, str(outcome.record_id), None))
    assert again.code == "record_does_not_differ"


@pytest.mark.parametrize("person", [CASHIER, SUPERVISOR, AUDITOR])
def test_only_the_back_office_confirms_a_match(desk: Desk, person: Person) -> None:
    slip(desk)
    record = str(imported(desk, atm_record("8")).record_id)

    assert isinstance(refused(desk, lambda: confirm_match(desk, person, record, None)), NotAuthorised)
    assert states(desk) == [(1, "differs")]


def test_a_record_that_waits_or_is_unknown_cannot_be_confirmed(desk: Desk) -> None:
    record = str(imported(desk, atm_record()).record_id)

    assert (
        refused(desk, lambda: confirm_match(desk, BACK_OFFICE, record, None)).code == "record_does_not_differ"
    )
    assert refused(desk, lambda: confirm_match(desk, BACK_OFFICE, "nothing", None)).code == "unknown_record"


def test_a_script_confirms_a_match_once(desk: Desk) -> None:
    number = slip(desk)
    record = imported(desk, atm_record("8")).record_id
    line = json.dumps({"ref": "m1", "act": "confirm_match", "record": record, "reason": "fee"})
    script = Script(desk, BACK_OFFICE)

    answer, again = script.run_line(line), script.run_line(line)

    assert answer == {
        "ref": "m1", "ok": True, "act": "confirm_match", "record": record, "state": "matched", "receipt": number,
        "amount": "8.000", "currency": "KWD",
    }  # fmt: skip
    assert again == {**answer, "replayed": True}


# --- looking ---------------------------------------------------------------------------------------------------------


def test_what_differs_is_listed_before_what_is_kept_and_what_agrees_not_at_all(desk: Desk) -> None:
    number = slip(desk)
    slip(desk, "2", "5")
    kept = imported(desk, atm_record("9", trace="77")).record_id
    differs = imported(desk, atm_record("8", account="BA-2")).record_id
    imported(desk, atm_record("2", trace="5"))

    found = open_records(desk, AUDITOR)

    assert [(told.known.record_id, told.known.receipt, told.reason) for told in found] == [
        (differs, number, "amount,account"),
        (kept, None, None),
    ]
    assert [told.known.record_id for told in open_records(desk, BACK_OFFICE, limit=1)] == [differs]
    confirm_match(desk, BACK_OFFICE, str(differs), None)
    assert [told.known.record_id for told in open_records(desk, BACK_OFFICE)] == [kept]


def test_a_record_is_shown_beside_what_the_counter_booked(desk: Desk) -> None:
    number = slip(desk)
    differs = str(imported(desk, atm_record("8")).record_id)
    kept = str(imported(desk, atm_record(trace="77")).record_id)

    told, booked = record_beside_slip(desk, AUDITOR, differs)
    assert (told.known.amount, told.imported_by, told.details["trace"]) == (
        money("8"),
        BACK_OFFICE.user,
        "004711",
    )
    assert booked is not None
    assert (booked.receipt_number, booked.amount, booked.taken_by) == (number, money("7"), SUPERVISOR.user)
    assert (booked.payer, booked.accounts, booked.bills) == ("BA-1", ["BA-4"], ["7796"])
    assert booked.details["trace"] == "004711"
    assert record_beside_slip(desk, BACK_OFFICE, kept)[1] is None


@pytest.mark.parametrize("record", ["nothing", "x" * 65, ""])
def test_a_record_of_no_file_is_not_shown(desk: Desk, record: str) -> None:
    with pytest.raises(Refused):
        record_beside_slip(desk, BACK_OFFICE, record)


@pytest.mark.parametrize("person", [CASHIER, SUPERVISOR])
def test_who_takes_slips_does_not_see_the_records(desk: Desk, person: Person) -> None:
    record = str(imported(desk, atm_record()).record_id)

    with pytest.raises(NotAuthorised):
        open_records(desk, person)
    with pytest.raises(NotAuthorised):
        record_beside_slip(desk, person, record)


# --- who and what ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", [CASHIER, SUPERVISOR, AUDITOR])
def test_only_the_back_office_imports(desk: Desk, person: Person) -> None:
    with pytest.raises(NotAuthorised):
        imported(desk, atm_record(), person)
    assert rows(desk, "imported_record") == rows(desk, "import_run") == []


@pytest.mark.parametrize("person", [BACK_OFFICE, AUDITOR])
def test_a_dry_run_tells_and_writes_nothing(desk: Desk, person: Person) -> None:
    number = slip(desk)
    before = len(rows(desk, "audit"))

    found = preview_record(desk, person, atm_record("8"))

    assert (found.record_id, found.state, found.receipt) == (None, RecordState.DIFFERS, number)
    assert preview_record(desk, person, atm_record(trace="1")).state is RecordState.WAITING
    assert rows(desk, "imported_record") == []
    assert len(rows(desk, "audit")) == before
    with pytest.raises(NotAuthorised):
        preview_record(desk, CASHIER, atm_record())


@pytest.mark.parametrize("account", ["D-1", "BA-1"])
def test_a_direct_debit_is_a_subscribers_also_in_a_file(desk: Desk, account: str) -> None:
    """Rule 50: direct debit is for subscribers only, in domain, script, central and imports."""
    if account == "BA-1":
        assert imported(desk, debit_record(account=account)).state is RecordState.WAITING
    else:
        assert (
            refused(desk, lambda: _record(desk, debit_record(account=account))).code == "mode_not_for_payer"
        )


def test_a_cashier_cannot_key_a_direct_debit(desk: Desk) -> None:
    """Rule 50: nor is it a way to pay for whoever stands at the counter."""
    desk = make_till()
    opened(desk)

    refusal = refused(desk, lambda: pay(desk, direct_debit("7"), allocate=[wish("7796", "7")]))

    assert isinstance(refusal, NotAuthorised)


def _record(desk: Desk, order: RecordOrder) -> RecordOutcome:
    with desk.till.read() as connection:
        run = connection.exec_driver_sql("SELECT run_id FROM import_run").scalar()
    return import_record(desk, BACK_OFFICE, str(run), order)


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (atm_record(mode="cash"), "not_in_files"),
        (atm_record(mode="cheque"), "not_in_files"),
        (atm_record(mode="gold"), "unknown_mode"),
        (atm_record(amount="7.0001"), "amount_too_precise"),
        (atm_record(amount="0"), "amount_not_positive"),
        (atm_record(amount="-7"), "bad_amount"),
        (atm_record(amount="7,000"), "bad_amount"),
        (atm_record(currency="EUR"), "account_other_currency"),
        (atm_record(currency="XXQ"), "unknown_currency"),
        (atm_record(account=""), "bad_reference"),
        (atm_record(account="BA-1\x1b[2J"), "bad_reference"),
        (atm_record(account="4111111111111111"), "card_number_refused"),
        (atm_record(bill="x" * 41), "text_too_long"),
        (atm_record(details={"trace": "1", "atm": "A"}), "field_missing"),
        (atm_record(details={"trace": "1", "atm": "A", "date": "yesterday"}), "bad_date"),
        (
            atm_record(details={"trace": "4111 1111 1111 1111", "atm": "A", "date": "2026-11-20"}),
            "card_number_refused",
        ),
        (atm_record(details={"trace": "--", "atm": "A", "date": "2026-11-20"}), "bad_field"),
        (atm_record(details={"trace": "1", "atm": "A", "date": "2026-11-20", "pan": "1"}), "unknown_field"),
        (atm_record(bill="7781", account="D-1"), "mode_not_for_purpose"),
    ],
)
def test_a_record_that_cannot_be_read_leaves_nothing(desk: Desk, order: RecordOrder, code: str) -> None:
    begin_run(desk, BACK_OFFICE, ModeKind.ATM, profile="records", file_digest="0" * 64)

    assert refused(desk, lambda: _record(desk, order)).code == code


def test_a_dealers_atm_record_and_an_unknown_accounts_wait_for_the_run(desk: Desk) -> None:
    assert imported(desk, atm_record(account="D-1")).state is RecordState.WAITING
    assert imported(desk, atm_record(account="BA-NOBODY", trace="5")).state is RecordState.WAITING


@pytest.mark.parametrize(
    "states_asked", [("waiting", "matched"), ("matched", "waiting"), ("matched", "matched")]
)
def test_the_database_lets_no_record_go_where_it_does_not(desk: Desk, states_asked: tuple[str, str]) -> None:
    first, then = states_asked
    if first == "matched":
        slip(desk)
    record = str(imported(desk, atm_record()).record_id)
    raw = raw_connection(desk.till.database)
    tender = (
        None if then == "waiting" else rows(desk, "tender")[0]["tender_id"] if rows(desk, "tender") else "t"
    )

    with pytest.raises(sqlite3.IntegrityError):
        raw.execute(
            "INSERT INTO imported_record_state VALUES (?, 2, ?, ?, 't', 'u', NULL)", (record, then, tender)
        )


# --- any order -------------------------------------------------------------------------------------------------------

steps = st.lists(
    st.tuples(st.sampled_from(["slip", "record"]), st.integers(1, 3), st.sampled_from(["1", "2"])),
    min_size=1,
    max_size=8,
)


@settings(max_examples=examples(0.5))
@given(steps=steps)
def test_each_paper_is_posted_once_in_whatever_order_slips_and_records_come(
    steps: list[tuple[str, int, str]],
) -> None:
    """Rule 49: each trace is one slip or one record that waits, never both, never twice."""
    desk = make_till()
    opened(desk, person=SUPERVISOR)
    taken: dict[int, str] = {}
    told: dict[int, str] = {}
    for what, trace, amount in steps:
        if what == "slip":
            paying = partial(
                pay, desk, atm(amount, str(trace)), allocate=[wish("7781", amount)], person=SUPERVISOR
            )
            if trace in taken:
                assert refused(desk, paying).code == "taken_before"
            elif told.get(trace, amount) != amount:
                assert refused(desk, paying).code == "record_differs"
            else:
                paying()
                taken[trace] = amount
        elif told.setdefault(trace, amount) != amount:
            with pytest.raises(Refused, match="told of this paper before"):
                imported(desk, atm_record(amount, trace=str(trace)))
        else:
            expected = (
                RecordState.WAITING
                if trace not in taken
                else RecordState.MATCHED
                if taken[trace] == amount
                else RecordState.DIFFERS
            )
            assert imported(desk, atm_record(amount, trace=str(trace))).state is expected
    posted = [row["instrument"] for row in rows(desk, "instrument")]
    waiting = [row["record_id"] for row in rows(desk, "v_imported_record") if row["state"] == "waiting"]
    assert len(posted) == len(set(posted)) == len(taken)
    assert len(waiting) == len(told.keys() - taken.keys())
    assert findings(desk) == []
