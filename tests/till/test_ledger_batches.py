"""What a day booked goes to the general ledger in batches that balance, are numbered, and never change (domain.md 3.9)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from pos.domain.errors import NotAuthorised, Refused
from pos.domain.ledger_feed import Deliverer, LedgerBatch, digest_of, plain_csv
from pos.store.home import renew_identity
from pos.till.cash_bags import bag_cash
from pos.till.day import close_day
from pos.till.deposits import deposit_cheques, lodge_deposit
from pos.till.desk import Desk
from pos.till.ledger_batches import ledger_batch, ledger_batches, make_batches
from tests.builders.ledger import counted_day, posted, sell_and_count
from tests.builders.tills import (
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    TODAY,
    cash,
    clock_of,
    closed,
    count,
    findings,
    make_till,
    opened,
    pay,
    rows,
)
from tests.till.books import refused, spoil


def bank(desk: Desk) -> None:
    """The cheques and the cash of the safe go to the bank, after the close."""
    bag_cash(desk, BACK_OFFICE, "B-1", "14")
    lodge_deposit(desk, BACK_OFFICE, deposit_cheques(desk, BACK_OFFICE).slip.number, "NBK 1/7")


def sides(batch: LedgerBatch) -> dict[tuple[str, str], tuple[str, str, int]]:
    """Each line by the deed and the account: debit, credit, and how many postings it sums."""
    return {
        (line.event, line.ledger_account): (line.debit.plain(), line.credit.plain(), line.postings)
        for line in batch.lines
    }


def fed(batches: list[LedgerBatch]) -> dict[tuple[str, str, str], int]:
    """What the batches hold, as ``posted`` tells it of the journal."""
    sums: dict[tuple[str, str, str], int] = {}
    for batch in batches:
        for line in batch.lines:
            for side, minor in (("debit", line.debit.minor), ("credit", line.credit.minor)):
                key = (batch.business_date.isoformat(), line.ledger_account, side)
                sums[key] = sums.get(key, 0) + minor
    return {key: minor for key, minor in sums.items() if minor}


def text(batch: LedgerBatch) -> str:
    return "".join(plain_csv([batch]))


def test_a_day_is_one_batch_of_sums_by_deed_and_account() -> None:
    desk = counted_day()

    (batch,) = make_batches(desk, BACK_OFFICE, TODAY)

    assert batch.number == f"S014-T1-A-{TODAY:%Y%m%d}-01"
    assert (batch.sequence, batch.part, batch.business_date, batch.accounting_date) == (1, 1, TODAY, TODAY)
    assert batch.entries == len(rows(desk, "journal_entry")) == 6
    assert sides(batch) == {
        ("shift_opened", "cash_in_till"): ("20.000", "0.000", 1),
        ("shift_opened", "safe"): ("0.000", "20.000", 1),
        ("payment", "cash_in_till"): ("14.250", "0.000", 3),
        ("payment", "card_receivable"): ("7.000", "0.000", 1),
        ("payment", "cheques_in_hand"): ("5.000", "0.000", 1),
        ("payment", "receivable"): ("0.000", "25.000", 3),
        ("payment", "item_revenue"): ("0.000", "1.190", 1),
        ("payment", "output_tax"): ("0.000", "0.060", 1),
        ("shift_closed", "safe"): ("34.250", "0.000", 1),
        ("shift_closed", "cash_in_till"): ("0.000", "34.250", 1),
    }
    assert findings(desk) == []


def test_the_control_totals_of_a_batch_balance_and_are_the_journals() -> None:
    desk = counted_day()

    (batch,) = make_batches(desk, BACK_OFFICE, TODAY)

    (of_currency,) = batch.totals
    assert of_currency.debit == of_currency.credit
    assert of_currency.debit.minor == sum(int(str(row["debit_minor"])) for row in rows(desk, "v_journal"))
    assert fed([batch]) == posted(desk)


def test_a_batch_has_the_tenders_of_the_shifts_it_sums() -> None:
    desk = counted_day()

    (batch,) = make_batches(desk, BACK_OFFICE, TODAY)

    (close,) = rows(desk, "shift_close")
    taken = {mode: minor for mode, (_, minor) in json.loads(str(close["totals_json"])).items()}
    debits = {line.ledger_account: line.debit.minor for line in batch.lines if line.event == "payment"}
    assert taken == {
        "cash": debits["cash_in_till"],
        "debit_card": debits["card_receivable"],
        "cheque": debits["cheques_in_hand"],
    }


def test_the_digest_of_a_batch_is_that_of_its_file() -> None:
    desk = counted_day()

    (batch,) = make_batches(desk, BACK_OFFICE, TODAY)

    assert rows(desk, "ledger_batch")[0]["digest"] == hashlib.sha256(text(batch).encode()).hexdigest()
    assert digest_of(batch) == rows(desk, "v_ledger_batch")[0]["digest"]


def test_asking_again_makes_no_second_batch_and_tells_the_same_bytes() -> None:
    desk = counted_day()
    (batch,) = make_batches(desk, BACK_OFFICE, TODAY)
    told = text(batch)

    assert make_batches(desk, BACK_OFFICE, TODAY) == ()

    (again,) = ledger_batches(desk, BACK_OFFICE, TODAY)
    assert text(again) == told


def test_what_is_booked_on_a_batched_day_is_a_supplement_and_the_first_batch_stays() -> None:
    desk = counted_day()
    (first,) = make_batches(desk, BACK_OFFICE, TODAY)
    told = text(first)
    bank(desk)

    (supplement,) = make_batches(desk, BACK_OFFICE, TODAY)

    assert (supplement.number, supplement.sequence, supplement.part) == (
        f"S014-T1-A-{TODAY:%Y%m%d}-02",
        2,
        2,
    )
    assert {line.event for line in supplement.lines} == {"deposit_lodged"}
    assert [text(batch) for batch in ledger_batches(desk, BACK_OFFICE)] == [told, text(supplement)]
    assert fed([first, supplement]) == posted(desk)
    assert findings(desk) == []


def test_codes_that_change_later_change_no_batch_that_was_made() -> None:
    desk = counted_day()
    (batch,) = make_batches(desk, BACK_OFFICE, TODAY)
    told, rules = text(batch), desk.policy.ledger
    renamed = {key: replace(one, code=f"9{one.code}", name="Other") for key, one in rules.accounts.items()}
    desk.policy = replace(desk.policy, ledger=replace(rules, accounts=renamed, delivered_by=Deliverer.TILL))

    assert text(ledger_batch(desk, BACK_OFFICE, batch.number)) == told


def test_a_day_whose_shift_is_open_waits_until_it_is_counted() -> None:
    desk = counted_day()
    opened(desk)
    pay(desk, cash("1"), account="BA-1")

    refusal = refused(desk, lambda: make_batches(desk, BACK_OFFICE, TODAY))

    assert refusal.code == "shift_open"
    assert make_batches(desk, BACK_OFFICE) == ()
    assert ledger_batches(desk, BACK_OFFICE) == []


def test_all_days_that_are_counted_are_batched_at_once_each_by_itself() -> None:
    desk = counted_day()
    clock_of(desk).advance(days=1)
    sell_and_count(desk, rrn="000123456790", serial="000124")
    clock_of(desk).advance(days=1)
    opened(desk)

    batches = make_batches(desk, BACK_OFFICE)

    assert [batch.business_date for batch in batches] == [TODAY, TODAY + timedelta(days=1)]
    assert [(batch.sequence, batch.part) for batch in batches] == [(1, 1), (2, 1)]


def test_a_day_that_is_not_over_is_batched_when_it_is_closed_or_named() -> None:
    desk = counted_day()
    assert make_batches(desk, BACK_OFFICE) == ()

    close_day(desk, BACK_OFFICE)

    (batch,) = make_batches(desk, BACK_OFFICE)
    assert batch.business_date == TODAY


def test_a_day_to_come_has_no_batch() -> None:
    desk = counted_day()

    refusal = refused(desk, lambda: make_batches(desk, BACK_OFFICE, TODAY + timedelta(days=1)))

    assert refusal.code == "day_to_come"


def test_a_day_that_was_closed_before_it_began_has_its_batch_by_name_too() -> None:
    """A shift that is opened after the day was closed is of the next one."""
    desk = counted_day()
    close_day(desk, BACK_OFFICE)
    sell_and_count(desk, rrn="000123456780", serial="000124")
    tomorrow = TODAY + timedelta(days=1)
    close_day(desk, BACK_OFFICE)

    (batch,) = make_batches(desk, BACK_OFFICE, tomorrow)

    assert batch.business_date == tomorrow


def test_a_day_without_entries_has_no_batch() -> None:
    assert make_batches(make_till(), BACK_OFFICE, TODAY) == ()


def test_a_batch_made_after_its_period_was_closed_is_posted_on_the_next_open_day() -> None:
    """Rule 25: a closed period moves the posting, with the original date as reference."""
    desk = counted_day()
    clock_of(desk).advance(days=3)
    desk.policy = replace(desk.policy, closed_through=TODAY + timedelta(days=1))

    (batch,) = make_batches(desk, BACK_OFFICE)

    assert (batch.business_date, batch.accounting_date) == (TODAY, TODAY + timedelta(days=2))


def test_what_the_closed_period_moved_says_the_day_it_is_from() -> None:
    desk = make_till()
    desk.policy = replace(desk.policy, closed_through=TODAY)
    counted_day(desk)
    clock_of(desk).advance(days=1)

    (batch,) = make_batches(desk, BACK_OFFICE, TODAY + timedelta(days=1))

    assert batch.business_date == batch.accounting_date == TODAY + timedelta(days=1)
    assert {line.original_date for line in batch.lines} == {TODAY}
    assert findings(desk) == []


def test_what_a_closed_period_moved_out_of_an_open_shift_waits_for_its_count() -> None:
    """Else the rest of the shift would all be supplements of a day on which nobody worked."""
    desk = make_till()
    opened(desk)
    desk.policy = replace(desk.policy, closed_through=TODAY)
    pay(desk, cash("10"), account="BA-1")
    moved_to = TODAY + timedelta(days=1)
    clock_of(desk).advance(days=2)

    assert make_batches(desk, BACK_OFFICE) == ()
    assert refused(desk, lambda: make_batches(desk, BACK_OFFICE, moved_to)).code == "shift_open"

    count(desk, "30")
    closed(desk)
    made = make_batches(desk, BACK_OFFICE)
    assert [(batch.business_date, batch.part) for batch in made] == [(TODAY, 1), (moved_to, 1)]
    assert fed(list(made)) == posted(desk)
    assert findings(desk) == []


def test_one_kind_of_deed_may_have_a_code_of_its_own() -> None:
    desk = counted_day()
    rules = desk.policy.ledger
    safe = replace(rules.accounts["safe"], by_event={"shift_opened": "1029"})
    desk.policy = replace(
        desk.policy,
        ledger=replace(
            rules, accounts={**rules.accounts, "safe": safe}, categories={"shift_opened": "Floats"}
        ),
    )

    (batch,) = make_batches(desk, BACK_OFFICE, TODAY)

    of_safe = {
        line.event: (line.code, line.category) for line in batch.lines if line.ledger_account == "safe"
    }
    assert of_safe == {"shift_opened": ("1029", "Floats"), "shift_closed": ("1020", "Shift closed")}


def test_an_account_that_left_the_settings_is_named_before_anything_is_made() -> None:
    desk = counted_day()
    rules = desk.policy.ledger
    left = {key: one for key, one in rules.accounts.items() if key != "safe"}
    desk.policy = replace(desk.policy, ledger=replace(rules, accounts=left))

    refusal = refused(desk, lambda: make_batches(desk, BACK_OFFICE, TODAY))

    assert (refusal.code, refusal.details["ledger_account"]) == ("ledger_account_missing", "safe")


def test_what_was_booked_before_a_restore_keeps_the_number_that_it_may_have_gone_out_under() -> None:
    desk = counted_day()
    with desk.till.transaction() as unit:
        renew_identity(unit, epoch=2, series="B")
    desk.identity = replace(desk.identity, epoch=2, series="B")
    bank(desk)

    batches = make_batches(desk, BACK_OFFICE, TODAY)

    assert [batch.number for batch in batches] == [
        f"S014-T1-A-{TODAY:%Y%m%d}-01",
        f"S014-T1-B-{TODAY:%Y%m%d}-02",
    ]
    assert fed(list(batches)) == posted(desk)
    assert findings(desk) == []


def test_only_the_back_office_makes_batches_and_the_auditor_looks() -> None:
    desk = counted_day()
    with pytest.raises(NotAuthorised):
        make_batches(desk, CASHIER)
    with pytest.raises(NotAuthorised):
        make_batches(desk, AUDITOR)
    with pytest.raises(NotAuthorised):
        ledger_batches(desk, CASHIER)

    (batch,) = make_batches(desk, BACK_OFFICE, TODAY)

    assert ledger_batches(desk, AUDITOR) == [batch]
    assert [(row["act"], row["subject"]) for row in rows(desk, "audit") if row["result"] == "ok"][-1] == (
        "ledger_batch",
        batch.number,
    )


def test_a_batch_that_nobody_made_is_not_told() -> None:
    with pytest.raises(Refused) as refusal:
        ledger_batch(counted_day(), BACK_OFFICE, "S014-T1-A-20261121-01")

    assert refusal.value.code == "unknown_batch"


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        (
            "UPDATE ledger_batch_line SET debit_minor = debit_minor + 1 WHERE number = 1",
            "ledger_batch_is_its_entries",
        ),
        (
            "UPDATE ledger_batch_line SET postings = postings + 1 WHERE number = 1",
            "ledger_batch_is_its_entries",
        ),
        ("DELETE FROM ledger_batch_line WHERE number = 1", "ledger_batch_is_its_entries"),
        (
            "UPDATE ledger_batch_line SET code = '9999' WHERE number = 1",
            "ledger_batch_has_its_digest",
        ),
        ("UPDATE ledger_batch SET accounting_date = '2027-01-01'", "ledger_batch_has_its_digest"),
        ("UPDATE ledger_batch SET entries = entries - 1", "ledger_batch_counts_its_entries"),
        ("UPDATE ledger_batch SET sequence = 2", "ledger_batches_have_no_gap"),
    ],
)
def test_a_batch_that_is_not_its_entries_is_found(statement: str, check: str) -> None:
    desk = counted_day()
    make_batches(desk, BACK_OFFICE, TODAY)

    spoil(desk, statement)

    assert check in {finding.check for finding in findings(desk)}
