"""The views that other programs rely on have at least the documented columns (interface.md section 3)."""

import pytest
from sqlalchemy import Connection

from pos.domain.payment_event import Overpayment
from pos.till.desk import Desk
from pos.till.open_bills import catch_up
from tests.builders.tills import cash, cheque, closed, count, make_till, opened, pay, rows

DOCUMENTED = {
    "v_payment": "payment_event_id receipt_number terminal epoch sequence shift_id business_date taken_at_utc operator "
    "payer_kind payer_account amount_minor currency state",
    "v_tender": "tender_id payment_event_id mode amount_minor change_minor currency state",
    "v_allocation": "allocation_id payment_event_id tender_id account bill_no amount_minor currency",
    "v_sale_line": "payment_event_id number item name quantity unit_price_minor amount_minor tax_category tax_rate "
    "tax_minor currency",
    "v_journal": "entry_id line_no business_date source_kind source_id ledger_account debit_minor credit_minor currency",
    "v_receipt": "receipt_number series counter kind payment_event_id copies_printed",
    "v_shift": "shift_id operator business_date state currency float_minor expected_cash_minor counted_cash_minor "
    "over_short_minor",
    "v_cheque": "cheque_id tender_id bank serial amount_minor currency cheque_date state",
    "v_post_dated": "post_dated_id receipt_number payer_account bank serial cheque_date amount_minor currency state",
    "v_deposit_slip": "slip_id receipt_number bank_account business_date operator cheques amount_minor currency state "
    "credited_minor reference lodged_on bank_date reason",
    "v_deposit_cheque": "receipt_number place cheque_id serial bank cheque_date amount_minor currency credited_on",
    "v_refund": "refund_id payment_event_id amount_minor currency state",
    "v_transfer": "transfer_id payment_event_id amount_minor currency state from_account to_account",
    "v_outbox": "outbox_id payment_event_id leg correlator_id kind state attempts",
    "v_bank_receipt": "tender_id payment_event_id receipt_number number mode dealer amount_minor currency state reason",
    "v_commission": "payment_event_id line dealer gross_minor percent commission_minor withholding_percent "
    "withheld_minor deducted_minor currency at settlement state",
    "v_audit": "audit_id at_utc operator act result reason_code shift_id",
}
IN_CACHE = {
    "v_bill": "bill_no account currency amount_due_minor open_minor due_date state",
    "v_account": "account kind name currency credit_minor",
}


def columns(connection: Connection, view: str) -> set[str]:
    return set(connection.exec_driver_sql(f"SELECT * FROM {view} LIMIT 0").keys())


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    opened(desk)
    return desk


@pytest.mark.parametrize(("view", "documented"), DOCUMENTED.items())
def test_a_view_of_the_books_has_its_columns(desk: Desk, view: str, documented: str) -> None:
    with desk.till.read() as connection:
        assert set(documented.split()) <= columns(connection, view)


@pytest.mark.parametrize(("view", "documented"), IN_CACHE.items())
def test_a_view_of_the_cache_has_its_columns(desk: Desk, view: str, documented: str) -> None:
    with desk.cache.read() as connection:
        assert set(documented.split()) <= columns(connection, view)


def test_the_views_tell_a_payment(desk: Desk) -> None:
    taken = pay(desk, cheque("10"), cash("50"))
    event_id = taken.payment_event_id

    (payment,) = rows(desk, "v_payment")
    assert (payment["receipt_number"], payment["amount_minor"], payment["sequence"], payment["state"]) == (
        taken.receipt.receipt_number,
        54_250,
        1,
        "taken",
    )
    assert [(row["mode"], row["amount_minor"], row["change_minor"]) for row in rows(desk, "v_tender")] == [
        ("cheque", 10_000, 0),
        ("cash", 50_000, 5_750),
    ]
    assert sum(int(str(row["amount_minor"])) for row in rows(desk, "v_allocation")) == 54_250
    assert {row["bill_no"] for row in rows(desk, "v_allocation")} == {"7781", "7782"}
    journal = [row for row in rows(desk, "v_journal") if row["source_id"] == event_id]
    assert {(row["ledger_account"], row["debit_minor"], row["credit_minor"]) for row in journal} == {
        ("cheques_in_hand", 10_000, 0),
        ("cash_in_till", 44_250, 0),
        ("receivable", 0, 54_250),
    }
    (cheque_row,) = rows(desk, "v_cheque")
    assert (cheque_row["serial"], cheque_row["state"]) == ("000123", "received")
    assert [(row["leg"], row["state"], row["correlator_id"]) for row in rows(desk, "v_outbox")] == [
        (1, "waiting", f"{event_id}-1"),
        (2, "waiting", f"{event_id}-2"),
    ]
    assert [row["copies_printed"] for row in rows(desk, "v_receipt")] == [0]


def test_credit_on_account_has_no_bill(desk: Desk) -> None:
    pay(desk, cash("5"), account="BA-3", overpayment=Overpayment.CREDIT)

    assert [row["bill_no"] for row in rows(desk, "v_allocation")] == [None]


def test_blind_close_no_view_tells_what_is_expected_before_the_count(desk: Desk) -> None:
    pay(desk, cash("50"))

    (shift,) = rows(desk, "v_shift")
    assert (shift["state"], shift["expected_cash_minor"], shift["over_short_minor"]) == ("open", None, None)

    count(desk, "61.750")
    assert rows(desk, "v_shift")[0]["expected_cash_minor"] is None
    closed(desk, "short")

    (shift,) = rows(desk, "v_shift")
    assert (
        shift["state"],
        shift["expected_cash_minor"],
        shift["counted_cash_minor"],
        shift["over_short_minor"],
    ) == (
        "closed",
        70_000,
        61_750,
        -8_250,
    )


def test_bill_balance_is_told_after_this_tills_own_deeds(desk: Desk) -> None:
    pay(desk, cash("45"))
    catch_up(desk)

    with desk.cache.read() as connection:
        found = {
            row[0]: (row[1], row[2])
            for row in connection.exec_driver_sql(
                "SELECT bill_no, open_minor, state FROM v_bill WHERE account = 'BA-1'"
            )
        }
    assert found == {"7780": (0, "settled"), "7781": (0, "settled"), "7782": (9_250, "partiallyPaid")}


def test_credit_is_told_after_this_tills_own_deeds(desk: Desk) -> None:
    pay(desk, cash("5"), account="D-1")
    catch_up(desk)

    with desk.cache.read() as connection:
        told = connection.exec_driver_sql(
            "SELECT credit_minor FROM v_account WHERE account = 'D-1'"
        ).scalar_one()
    assert told == 5_000
