"""Checking the books from scratch: each broken promise is named, and sound books have none."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from pos.domain.commission import CommissionAt, CommissionRule, CommissionTerms
from pos.domain.dealer import DealerPolicy, DealerTerms
from pos.domain.payment_event import Overpayment
from pos.till.bank_receipts import reject_bank_receipt, verify_bank_receipt
from pos.till.commissions import settle_commission
from pos.till.desk import Desk
from pos.till.open_bills import catch_up
from pos.till.papers import reprint
from pos.till.take_payment import take_payment
from pos.till.verify import verify_books
from tests.builders.cards import FakeCards, approved, ask, by_terminal
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    SUPERVISOR,
    bank_cash,
    bill,
    cash,
    cheque,
    close_stores,
    closed,
    count,
    findings,
    iccid,
    make_till,
    money,
    opened,
    order,
    pay,
    reserved_order,
    sale,
    stock,
    tell,
    voucher,
    wish,
)
from tests.till.books import spoil


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A till with a closed shift, an open one, and payments of every kind in both."""
    desk = make_till(tmp_path)
    opened(desk)
    pay(desk, cash("50"), cheque("10", drawer="Lina"))
    count(desk, "60", cheques="10", cheque_count=1)
    closed(desk, "short")
    opened(desk, "5")
    pay(desk, cash("100"), account="D-1")
    pay(desk, cash("20"), allocate=[wish("7798"), wish("7796"), wish(None, "1", "BA-2")])
    pay(desk, cash("7"), account="BA-3", overpayment=Overpayment.CREDIT)
    reprint(desk, SUPERVISOR, "S014-T1-A-000001")
    stock(desk)
    lines = [sale("SIM-01", 2, iccid(1), iccid(2)), sale("CHARGER", 3), sale("SERVICE")]
    asked = order(desk, voucher("2"), by_terminal("7"), cash("20"), allocate=[wish("7790", "3")], lines=lines)
    take_payment(
        desk, CASHIER, ask(desk, reserved_order(desk, asked), FakeCards(approved(money("7"), 123456789)))
    )
    pay(desk, cash("5"), account=None, lines=[sale("SERVICE"), sale("GIFT")])
    earns = CommissionTerms(rules=[CommissionRule(percent=Decimal(5))], withholding_percent=Decimal(10))
    desk.policy = replace(
        desk.policy, dealers=DealerPolicy(standard=DealerTerms(commission=earns), classes={})
    )
    pay(desk, cash("4.775"), account="D-1", lines=[sale("SERVICE")])
    later = replace(earns, at=CommissionAt.SETTLEMENT)
    desk.policy = replace(
        desk.policy, dealers=DealerPolicy(standard=DealerTerms(commission=later), classes={})
    )
    pay(desk, cash("5"), account="D-1", lines=[sale("SERVICE")])
    settle_commission(desk, BACK_OFFICE, "D-1")
    paid_in = pay(desk, bank_cash("9", "K1"), bank_cash("8", "M22"), account="D-2").receipt.receipt_number
    verify_bank_receipt(desk, BACK_OFFICE, paid_in, tender=1)
    reject_bank_receipt(desk, BACK_OFFICE, paid_in, "forged", tender=2)
    catch_up(desk)
    yield desk
    close_stores(desk)


def checks(desk: Desk) -> set[str]:
    return {found.check for found in verify_books(desk)}


def test_sound_books_have_no_finding(desk: Desk) -> None:
    assert verify_books(desk) == []


EVENT = "(SELECT payment_event_id FROM payment_event ORDER BY sequence LIMIT 1)"
CASH = "SELECT tender_id FROM tender WHERE mode = 'cash' LIMIT 1"
KEYED = "(SELECT instrument FROM instrument JOIN tender USING (tender_id) WHERE card_attempt IS NULL LIMIT 1)"
SALE = "(SELECT payment_event_id FROM sale_serial LIMIT 1)"


@pytest.mark.sweep(5)
@pytest.mark.parametrize(
    ("check", "statement"),
    [
        ("journal_entry_balances", "UPDATE journal_line SET debit_minor = debit_minor + 1 WHERE debit_minor > 0"),
        ("journal_line_has_entry", "DELETE FROM journal_entry WHERE source_kind = 'payment'"),
        ("journal_entry_has_lines", "DELETE FROM journal_line WHERE entry_id = (SELECT min(entry_id) FROM journal_line)"),
        ("tenders_make_the_amount", "UPDATE tender SET amount_minor = amount_minor + 1"),
        ("tenders_make_the_amount", "UPDATE tender SET change_minor = 1 WHERE mode = 'cheque'"),
        ("tenders_make_the_amount", "UPDATE tender SET currency = 'EUR'"),
        ("tenders_make_the_amount", f"DELETE FROM tender WHERE payment_event_id = {EVENT}"),
        ("tenders_make_the_amount", "UPDATE payment_event SET amount_minor = amount_minor + 1"),
        ("allocations_make_the_amount", "UPDATE allocation SET amount_minor = amount_minor - 1 WHERE amount_minor > 1"),
        ("allocations_make_the_amount", f"DELETE FROM allocation WHERE payment_event_id = {EVENT}"),
        ("tender_funds_what_it_brought", "UPDATE allocation SET tender_id = (SELECT min(tender_id) FROM tender)"),
        ("payments_make_the_amount", "UPDATE payment SET amount_minor = amount_minor + 1"),
        ("legs_make_the_amount", "DELETE FROM leg WHERE leg = 1"),
        ("event_is_in_the_journal", "UPDATE journal_entry SET source_id = 'x' WHERE source_kind = 'payment'"),
        ("event_has_its_receipt", "DELETE FROM receipt WHERE counter = 2"),
        ("receipt_has_its_event", "DELETE FROM payment_event WHERE sequence = 1"),
        ("receipt_numbers_have_no_gap", "DELETE FROM receipt WHERE counter = 2"),
        ("receipt_numbers_have_no_gap", "DELETE FROM receipt WHERE series = 'A' AND counter = 1"),
        ("sequence_has_no_gap", "UPDATE payment_event SET sequence = 99 WHERE sequence = 2"),
        ("leg_is_in_the_outbox", "DELETE FROM outbox WHERE leg = 1"),
        ("outbox_row_has_its_leg", "DELETE FROM leg WHERE leg = 1"),
        ("bank_receipt_is_presented", "DELETE FROM bank_receipt_event WHERE number = 1"),
        ("bank_receipt_goes_its_steps", "DELETE FROM bank_receipt_event WHERE number = 1"),
        ("bank_receipt_goes_its_steps", "UPDATE bank_receipt_event SET state = 'settled' WHERE state = 'verified'"),
        ("bank_receipt_outcome_is_posted", "UPDATE journal_entry SET source_id = 'x' WHERE source_kind = 'bank_receipt'"),
        ("bank_receipt_outcome_is_posted", "UPDATE bank_receipt_event SET outcome_id = 'x' WHERE state = 'verified'"),
        ("bank_receipt_outcome_is_in_the_outbox", "DELETE FROM outbox WHERE kind = 'outcome'"),
        ("outbox_outcome_has_its_deed", "UPDATE outbox SET source_id = 'x' WHERE kind = 'outcome'"),
        ("commission_is_posted", "UPDATE commission_line SET commission_minor = commission_minor + 1"),
        ("commission_is_posted", "UPDATE commission_line SET at = 'sale'"),
        ("commission_is_settled_as_it_was_earned", "DELETE FROM commission_settled"),
        ("commission_is_settled_as_it_was_earned", "UPDATE commission_settlement SET withheld_minor = 0"),
        ("sale_line_is_paid_whole", "UPDATE commission_line SET deducted_minor = 0"),
        ("receipt_commission_equals_store", "UPDATE commission_line SET withheld_minor = 0"),
        ("trust_money_is_counted_apart", f"INSERT INTO trust_tender {CASH}"),
        ("trust_money_is_posted_apart", f"INSERT INTO trust_tender {CASH}"),
        ("cheque_tender_is_registered", "DELETE FROM cheque"),
        ("event_is_in_a_shift", "UPDATE payment_event SET shift_id = 'x'"),
        ("one_shift_is_open", "DELETE FROM shift_close"),
        ("expected_cash", "UPDATE shift_close SET expected_cash_minor = expected_cash_minor + 1"),
        ("expected_cash", "UPDATE shift SET float_minor = float_minor + 1"),
        ("over_short_is_booked", "UPDATE shift_close SET over_short_minor = 0"),
        ("receipt_totals_equal_store", "UPDATE receipt SET facts_json = replace(facts_json, ':54250', ':54251')"),
        ("receipt_totals_equal_store", "UPDATE receipt SET facts_json = replace(facts_json, 'KWD', 'EUR')"),
        ("receipt_allocations_equal_store", "UPDATE allocation SET bill_no = '7790' WHERE bill_no = '7782'"),
        ("receipt_allocations_equal_store", "UPDATE allocation SET account = 'BA-9' WHERE account = 'BA-5'"),
        ("chain_row_altered", "UPDATE audit SET operator = '1002' WHERE act = 'pay'"),
        ("chain_row_missing", "DELETE FROM audit WHERE audit_id = 3"),
        ("chain_row_added", "INSERT INTO receipt_copy VALUES ('S014-T1-A-000001', 9, 't', 0, '1', NULL)"),
        ("chain_link_missing", "DELETE FROM chain_link WHERE chain_no = 5"),
        ("receipt_tenders_equal_store", "UPDATE tender SET mode = 'cash' WHERE mode = 'cheque'"),
        ("receipt_tenders_equal_store", "UPDATE tender SET mode = 'credit_card' WHERE mode = 'debit_card'"),
        ("instrument_has_its_tender", "UPDATE instrument SET tender_id = 'x' WHERE instrument LIKE 'card|%'"),
        ("tender_is_known_by_its_paper", "DELETE FROM instrument WHERE instrument LIKE 'card|%'"),
        ("tender_is_known_by_its_paper", "DELETE FROM instrument WHERE instrument LIKE 'voucher|%'"),
        ("tender_is_known_by_its_paper", "UPDATE instrument SET instrument = 'card|x' WHERE instrument LIKE 'card|%'"),
        ("tender_is_known_by_its_paper", "UPDATE tender SET details_json = replace(details_json, '000123456789', '1')"),
        ("sale_line_is_paid_whole", "UPDATE allocation SET sale_line = 2 WHERE sale_line = 3"),
        ("sale_line_is_paid_whole", "UPDATE allocation SET sale_line = NULL WHERE sale_line = 1"),
        ("sale_line_is_paid_whole", "UPDATE sale_line SET amount_minor = amount_minor + 1"),
        ("sale_line_is_paid_whole", "UPDATE allocation SET sale_line = 9 WHERE sale_line = 1"),
        ("sale_is_posted", "UPDATE journal_line SET ledger_account = 'receivable' WHERE ledger_account = 'item_revenue'"),
        ("sale_is_posted", "UPDATE journal_line SET ledger_account = 'receivable' WHERE ledger_account = 'output_tax'"),
        ("sale_is_posted", "DELETE FROM sale_line WHERE item = 'CHARGER'"),
        ("serials_match_the_quantity", f"DELETE FROM sale_serial WHERE serial = '{iccid(1)}'"),
        ("serials_match_the_quantity", f"INSERT INTO sale_serial SELECT 'imei', '1', '1', {SALE}, 1"),
        ("serials_match_the_quantity", f"UPDATE sale_serial SET line = 2 WHERE serial = '{iccid(1)}'"),
        ("voucher_is_held_for_its_payment", "UPDATE voucher_hold SET state = 'released'"),
        ("voucher_is_held_for_its_payment", "UPDATE voucher_hold SET payment_event_id = 'x'"),
        ("card_is_approved_for_its_payment", "UPDATE card_attempt SET state = 'reversed'"),
        ("card_is_approved_for_its_payment", "UPDATE card_attempt SET payment_event_id = 'x'"),
        ("card_is_approved_for_its_payment", "UPDATE card_attempt SET amount_minor = amount_minor + 1"),
        ("card_is_approved_for_its_payment", "UPDATE card_attempt SET mode = 'credit_card'"),
        ("used_card_has_its_tender", "UPDATE tender SET card_attempt = 'x' WHERE card_attempt IS NOT NULL"),
        ("card_that_was_given_back_pays_nothing", f"UPDATE card_attempt SET state = 'reversed', instrument = {KEYED}"),
        ("receipt_sale_equals_store", "UPDATE sale_line SET item = 'PHONE-01' WHERE item = 'CHARGER'"),
        ("receipt_sale_equals_store", "UPDATE sale_line SET name = 'x' WHERE item = 'CHARGER'"),
        ("receipt_sale_equals_store", "UPDATE sale_line SET tax_rate = '6' WHERE item = 'CHARGER'"),
        ("receipt_sale_equals_store", "UPDATE sale_line SET tax_minor = tax_minor + 1 WHERE item = 'CHARGER'"),
        ("receipt_sale_equals_store", "UPDATE sale_line SET quantity = 1, unit_price_minor = 3750 WHERE item = 'CHARGER'"),
        ("receipt_sale_equals_store", f"UPDATE sale_serial SET serial = '{iccid(9)}' WHERE serial = '{iccid(1)}'"),
        ("receipt_sale_equals_store", "DELETE FROM sale_serial"),
        ("receipt_sale_equals_store", """UPDATE receipt SET facts_json = replace(facts_json, '"SIM-01"', '"SIM-02"')"""),
        ("receipt_sale_equals_store", """UPDATE receipt SET facts_json = replace(facts_json, '["VAT","5"', '["V","5"')"""),
        ("receipt_totals_equal_store", "UPDATE receipt SET facts_json = replace(facts_json, ',3750,', ',3751,')"),
        ("receipt_allocations_equal_store", "UPDATE allocation SET sale_line = 1 WHERE bill_no IS NULL AND leg = 3"),
    ],
)  # fmt: skip
def test_a_broken_promise_is_named(desk: Desk, check: str, statement: str) -> None:
    spoil(desk, statement)

    assert check in checks(desk)


ANY_TENDER = "tender_id = (SELECT min(tender_id) FROM tender WHERE mode = 'cheque')"
FIRST_RECEIPT = "series = 'A' AND counter = 1"


@pytest.mark.parametrize(
    ("check", "named", "statement"),
    [
        ("tender_can_be_read", ANY_TENDER, f"UPDATE tender SET currency = 'x' WHERE {ANY_TENDER}"),
        ("tender_can_be_read", ANY_TENDER, f"UPDATE tender SET details_json = '[' WHERE {ANY_TENDER}"),
        ("tender_can_be_read", ANY_TENDER, f"UPDATE tender SET foreign_minor = 5 WHERE {ANY_TENDER}"),
        ("receipt_can_be_read", FIRST_RECEIPT, f"UPDATE receipt SET facts_json = '{{' WHERE {FIRST_RECEIPT}"),
        ("receipt_can_be_read", FIRST_RECEIPT, f"UPDATE receipt SET facts_json = '{{}}' WHERE {FIRST_RECEIPT}"),
        ("receipt_can_be_read", FIRST_RECEIPT, f"UPDATE receipt SET facts_json = '5' WHERE {FIRST_RECEIPT}"),
        ("receipt_can_be_read", FIRST_RECEIPT, "UPDATE payment_event SET currency = 'x' WHERE sequence = 1"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_read_is_named(desk: Desk, check: str, named: str, statement: str) -> None:
    table, key = ("tender", "tender_id") if "tender_id" in named else ("receipt", "receipt_number")
    with desk.till.read() as connection:
        where = connection.exec_driver_sql(f"SELECT {key} FROM {table} WHERE {named}").scalar_one()
    spoil(desk, statement)

    assert (check, where) in [(found.check, found.where) for found in verify_books(desk)]


def test_a_finding_says_where(desk: Desk) -> None:
    spoil(desk, "DELETE FROM audit WHERE audit_id = 3")

    assert [(found.check, found.where) for found in verify_books(desk)] == [("chain_row_missing", "audit 3")]


def test_bill_balance_is_fold_of_events(desk: Desk) -> None:
    with desk.cache.write() as connection:
        connection.exec_driver_sql("UPDATE bill SET open_minor = open_minor + 1 WHERE bill_no = '7798'")

    assert [(found.check, found.where) for found in verify_books(desk)] == [
        ("open_amount_follows_the_books", "7798")
    ]


def test_a_bill_that_central_tells_no_more_is_no_finding(desk: Desk) -> None:
    with desk.cache.write() as connection:
        connection.exec_driver_sql("DELETE FROM bill WHERE bill_no = '7798'")

    assert verify_books(desk) == []


def test_a_pull_after_the_payments_is_no_finding(desk: Desk) -> None:
    tell(desk, bills=[bill("7781", money("41.750"), remaining=money("1"))])

    assert findings(desk) == []


def test_empty_books_have_no_finding() -> None:
    assert verify_books(make_till()) == []
