"""Selling items: by code or bar code, piece by piece, beside bills; what was sold stays as it was sold (rules 8, 9, 58)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from pos.domain.errors import NotAuthorised, Refused
from pos.domain.money import Money, currency
from pos.domain.payment_event import Overpayment
from pos.domain.payment_mode import PayerKind
from pos.domain.receipt import SaleLine, TaxLine
from pos.domain.role import PermissionTable
from pos.store.leg_facts import leg_facts
from pos.store.outbox import due, unsent
from pos.store.receipts import receipt_facts
from pos.store.times import utc_text
from pos.till.desk import Desk
from pos.till.enquiries import account_view
from pos.till.payment_order import TenderOrder
from pos.till.selling import SaleOrder
from pos.till.take_payment import take_payment
from tests.builders.tills import (
    AUDITOR,
    CASHIER,
    CHARGER_EAN,
    DEALER,
    PRICES,
    SUPERVISOR,
    FakeVouchers,
    bank_cash,
    bank_cheque,
    card,
    cash,
    cheque,
    findings,
    grant_limit,
    iccid,
    imei,
    items_of,
    make_till,
    money,
    opened,
    order,
    pay,
    reserve,
    reserved_order,
    rows,
    sale,
    stock,
    tell,
    voucher,
    wish,
    with_check_digit,
)
from tests.builders.tills import account as told_account
from tests.till.books import refused

SIM = sale("SIM-01", 1, iccid(1))


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    stock(desk)
    grant_limit(desk, "1000")
    opened(desk)
    return desk


def sold(desk: Desk) -> list[tuple[object, ...]]:
    return [
        (row["item"], row["quantity"], row["amount_minor"], row["tax_minor"])
        for row in rows(desk, "sale_line")
    ]


def journal(desk: Desk) -> dict[str, int]:
    sums: dict[str, int] = {}
    for row in rows(desk, "v_journal"):
        if row["source_kind"] == "payment":
            ledger = str(row["ledger_account"])
            sums[ledger] = sums.get(ledger, 0) + int(str(row["debit_minor"])) - int(str(row["credit_minor"]))
    return sums


# --- what is sold --------------------------------------------------------------------------------------------------


def test_a_walk_in_buyer_pays_in_cash_and_gets_change(desk: Desk) -> None:
    taken = pay(desk, cash("10"), account=None, lines=[SIM])

    receipt = taken.receipt
    assert (receipt.payer_kind, receipt.payer_account, receipt.payer_name) == ("walk_in", "WALK-IN", "")
    assert (receipt.total, receipt.change, receipt.credit) == (money("5"), money("5"), money("0"))
    assert receipt.allocations == ()
    assert receipt.sale == (
        SaleLine(
            item="SIM-01",
            name="Prepaid SIM",
            quantity=1,
            unit_price=money("5"),
            amount=money("5"),
            tax_category="VAT",
            tax_rate="5",
            tax=money("0.238"),
            serials=(iccid(1),),
            serial_kind="iccid",
        ),
    )
    assert receipt.taxes == (TaxLine(category="VAT", rate="5", net=money("4.762"), tax=money("0.238")),)
    assert journal(desk) == {"cash_in_till": 5_000, "item_revenue": -4_762, "output_tax": -238}
    assert sold(desk) == [("SIM-01", 1, 5_000, 238)]
    assert [(row["kind"], row["serial"], row["line"]) for row in rows(desk, "sale_serial")] == [
        ("iccid", iccid(1), 1)
    ]
    assert taken.opens_drawer
    assert rows(desk, "audit")[-1]["act"] == "sell"
    assert findings(desk) == []


@pytest.mark.parametrize("typed", ["CHARGER", "charger", " CHARGER ", CHARGER_EAN])
def test_an_item_is_found_by_its_code_or_its_bar_code(desk: Desk, typed: str) -> None:
    receipt = pay(desk, cash("2.500"), account=None, lines=[sale(typed, 2)]).receipt

    assert [(line.item, line.quantity, line.amount) for line in receipt.sale] == [
        ("CHARGER", 2, money("2.500"))
    ]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("NOTHING", "unknown_item"),
        ("4006381333948", "unknown_item"),
        ("CHARG", "unknown_item"),
        ("%", "unknown_item"),
        ("' OR 1=1 --", "unknown_item"),
        ("", "bad_reference"),
        ("李", "bad_reference"),
        ("CHARGER\x00", "bad_reference"),
        ("x" * 41, "text_too_long"),
        ("4111111111111111", "card_number_refused"),
    ],
)
def test_what_is_not_on_sale_is_not_sold(desk: Desk, code: str, error: str) -> None:
    assert refused(desk, lambda: pay(desk, cash("5"), account=None, lines=[sale(code)])).code == error


def test_an_item_priced_in_another_currency_is_not_on_sale_here(desk: Desk) -> None:
    stock(desk, [replace(items_of("EUR")[3], item="ABROAD")])

    refusal = refused(desk, lambda: pay(desk, cash("5"), account=None, lines=[sale("ABROAD")]))

    assert refusal.code == "unknown_item"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (sale("CHARGER", 0), "bad_quantity"),
        (sale("CHARGER", -1), "bad_quantity"),
        (sale("CHARGER", 1000), "bad_quantity"),
        (sale("CHARGER", 1, iccid(1)), "serial_not_needed"),
        (sale("SIM-01", 1), "serials_needed"),
        (sale("SIM-01", 2, iccid(1)), "serials_needed"),
        (sale("SIM-01", 2, iccid(1), iccid(1)), "serial_named_twice"),
        (sale("SIM-01", 1, imei(1)), "bad_serial"),
        (sale("PHONE-01", 1, iccid(1)), "bad_serial"),
        (sale("PHONE-01", 1, "378282246310005"), "card_number_refused"),
    ],
)
def test_a_line_that_cannot_be_sold_books_nothing(desk: Desk, line: SaleOrder, code: str) -> None:
    assert refused(desk, lambda: pay(desk, cash("999999"), account=None, lines=[line])).code == code


def test_a_serial_in_two_lines_of_one_sale_is_refused(desk: Desk) -> None:
    refusal = refused(desk, lambda: pay(desk, cash("10"), account=None, lines=[SIM, SIM]))

    assert (refusal.code, refusal.details["serial"]) == ("serial_named_twice", iccid(1))


@pytest.mark.parametrize("buyer", [None, "BA-1", "D-1"])
def test_a_serial_is_sold_once_for_ever(desk: Desk, buyer: str | None) -> None:
    number = pay(desk, cash("5"), account=None, lines=[SIM]).receipt.receipt_number

    again = [sale("SIM-01", 2, iccid(2), " ".join(iccid(1)))]
    refusal = refused(desk, lambda: pay(desk, cash("10"), account=buyer, lines=again))

    assert (refusal.code, refusal.details["receipt"]) == ("serial_sold_before", number)
    pay(desk, cash("5"), account=buyer, lines=[sale("SIM-01", 1, iccid(2))])
    assert findings(desk) == []


def test_a_serial_of_a_refused_sale_is_still_to_be_sold(desk: Desk) -> None:
    refused(desk, lambda: pay(desk, cash("4.999"), account=None, lines=[SIM]))

    assert pay(desk, cash("5"), account=None, lines=[SIM]).receipt.sale[0].serials == (iccid(1),)


def test_lines_of_several_rates_and_a_gift(desk: Desk) -> None:
    lines = [sale("PHONE-01", 2, imei(1), imei(2)), sale("GIFT", 3), sale("CHARGER"), sale("SERVICE"), SIM]

    receipt = pay(desk, cash("200"), account=None, lines=lines).receipt

    assert receipt.total == money("191.050")
    assert [(part.category, part.rate, part.net.plain(), part.tax.plain()) for part in receipt.taxes] == [
        ("VAT", "15.5", "155.671", "24.129"),
        ("VAT", "5", "5.952", "0.298"),
        ("exempt", "0", "5.000", "0.000"),
    ]
    assert sum(line.amount.minor for line in receipt.sale) == receipt.total.minor
    assert journal(desk) == {"cash_in_till": 191_050, "item_revenue": -166_623, "output_tax": -24_427}
    assert [row["sale_line"] for row in rows(desk, "v_allocation")] == [1, 3, 4, 5], "a gift needs no money"
    assert findings(desk) == []


@pytest.mark.parametrize("code", ["KWD", "EUR", "JPY"])
def test_a_sale_is_right_in_currencies_of_0_2_and_3_digits(code: str) -> None:
    desk = make_till(currency=code)
    stock(desk)
    opened(desk)
    sim, charger, _ = (money(text, code) for text in PRICES[code])

    receipt = pay(desk, cash("1000"), account=None, lines=[SIM, sale("CHARGER", 3)]).receipt

    assert receipt.total.minor == sim.minor + 3 * charger.minor
    assert receipt.change == money("1000", code) - receipt.total
    assert findings(desk) == []


# --- beside bills, split over tenders ------------------------------------------------------------------------------


def test_a_sale_pays_no_bills_by_itself(desk: Desk) -> None:
    receipt = pay(desk, cash("50"), account="BA-1", lines=[SIM]).receipt

    assert (receipt.allocations, receipt.change) == ((), money("45"))
    assert account_view(desk, CASHIER, "BA-1").balance == money("54.250")


def test_what_is_over_is_credit_where_the_buyer_wants_it(desk: Desk) -> None:
    receipt = pay(desk, cash("7"), account="BA-1", lines=[SIM], overpayment=Overpayment.CREDIT).receipt

    assert (receipt.total, receipt.change, receipt.credit) == (money("7"), money("0"), money("2"))
    assert account_view(desk, CASHIER, "BA-1").credit == money("2")
    assert findings(desk) == []


def test_an_item_sold_is_no_credit_of_its_buyer(desk: Desk) -> None:
    pay(desk, cash("5"), account="BA-1", lines=[SIM])
    pay(desk, cash("5"), account="D-1", lines=[sale("SERVICE")])

    assert account_view(desk, CASHIER, "BA-1").credit == money("0")
    assert account_view(desk, CASHIER, "D-1").credit == money("0")


def test_items_and_bills_of_two_accounts_are_one_event(desk: Desk) -> None:
    taken = pay(
        desk, cash("30"), account="BA-1", allocate=[wish("7782"), wish("7798")], lines=[SIM, sale("CHARGER")]
    )

    assert taken.receipt.total == money("23.755")
    assert taken.receipt.change == money("6.245")
    assert {(row["account"], row["amount_minor"]) for row in rows(desk, "leg")} == {
        ("BA-1", 18_750),
        ("BA-5", 5_005),
    }
    assert rows(desk, "audit")[-1]["act"] == "pay"
    assert findings(desk) == []


def test_vouchers_pay_the_bill_cash_pays_the_items_and_the_change(desk: Desk) -> None:
    asked = order(
        desk,
        cash("10"),
        voucher("2"),
        voucher("3.005", code="GIFT 77", issuer="SODEXO"),
        account="BA-5",
        allocate=[wish("7798")],
        lines=[SIM],
    )

    receipt = take_payment(desk, CASHIER, reserved_order(desk, asked)).receipt

    assert receipt.change == money("5")
    by_tender = {row["tender_id"]: row["mode"] for row in rows(desk, "tender")}
    assert [
        (by_tender[row["tender_id"]], row["bill_no"], row["sale_line"], row["item"], row["amount_minor"])
        for row in rows(desk, "v_allocation")
    ] == [
        ("internal_voucher", "7798", None, None, 2_000),
        ("external_voucher", "7798", None, None, 3_005),
        ("cash", None, 1, "SIM-01", 5_000),
    ]
    assert journal(desk) == {
        "loyalty_liability": 2_000,
        "issuer_receivable": 3_005,
        "cash_in_till": 5_000,
        "receivable": -5_005,
        "item_revenue": -4_762,
        "output_tax": -238,
    }
    assert findings(desk) == []


def test_one_line_may_be_paid_by_several_tenders(desk: Desk) -> None:
    lines = [sale("PHONE-01", 1, imei(1)), SIM]
    receipt = pay(desk, card("50"), cheque("40"), cash("10"), account=None, lines=lines).receipt

    assert receipt.change == money("5.100")
    assert [(row["sale_line"], row["amount_minor"]) for row in rows(desk, "allocation")] == [
        (1, 50_000),
        (1, 39_900),
        (2, 100),
        (2, 4_900),
    ]
    assert findings(desk) == []


@pytest.mark.parametrize("tender", [card("5.001"), cheque("5.001")])
@pytest.mark.parametrize("choice", [None, Overpayment.CREDIT, Overpayment.CHANGE])
def test_a_walk_in_buyer_has_nowhere_to_leave_what_is_over(
    desk: Desk, tender: TenderOrder, choice: Overpayment | None
) -> None:
    refusal = refused(desk, lambda: pay(desk, tender, account=None, lines=[SIM], overpayment=choice))

    assert (refusal.code, refusal.details["over"]) == ("change_not_possible", "0.001")
    assert pay(desk, card("5"), account=None, lines=[SIM]).receipt.total == money("5")


def test_a_dealer_buys_by_bank_receipt_and_the_rest_tops_up_its_account(desk: Desk) -> None:
    receipt = pay(desk, bank_cash("20"), account="D-1", lines=[sale("SIM-01", 2, iccid(1), iccid(2))]).receipt

    assert (receipt.total, receipt.credit) == (money("20"), money("10"))
    assert journal(desk) == {
        "bank_receipts_unverified": 20_000,
        "dealer_account": -10_000,
        "item_revenue": -9_524,
        "output_tax": -476,
    }
    view = account_view(desk, CASHIER, "D-1")
    assert (view.credit, view.unverified) == (money("10"), money("20"))
    assert receipt.provisional == ("Paid at bank, cash 20.000: final when the bank confirms it",)
    assert findings(desk) == []


def test_a_dealers_cash_over_the_items_comes_back(desk: Desk) -> None:
    assert pay(desk, cash("20"), account="D-1", lines=[SIM]).receipt.change == money("15")


def test_a_dealers_people_buy_for_their_dealer_and_not_for_walk_in_buyers() -> None:
    desk = make_till()
    stock(desk)
    opened(desk, person=DEALER)

    assert pay(desk, cash("5"), account="D-1", lines=[SIM], person=DEALER).receipt.payer_account == "D-1"
    for buyer, kind in ((None, None), ("WALK-IN", PayerKind.WALK_IN), ("D-2", None)):
        refusal = refused(
            desk,
            lambda buyer=buyer, kind=kind: pay(  # type: ignore[misc]
                desk, cash("5"), account=buyer, payer=kind, lines=[sale("SERVICE")], person=DEALER
            ),
        )
        assert refusal.code == "unknown_account"


# --- who, and under which account ----------------------------------------------------------------------------------


def test_a_walk_in_buyer_may_be_named_by_the_shops_own_account(desk: Desk) -> None:
    receipt = pay(desk, cash("5"), account="WALK-IN", payer=PayerKind.WALK_IN, lines=[SIM]).receipt

    assert (receipt.payer_kind, receipt.payer_account) == ("walk_in", "WALK-IN")


@pytest.mark.parametrize("kind", [PayerKind.SUBSCRIBER, PayerKind.DEALER])
def test_only_a_walk_in_buyer_needs_no_account(desk: Desk, kind: PayerKind) -> None:
    assert refused(desk, lambda: pay(desk, cash("5"), account=None, payer=kind, lines=[SIM])).code == (
        "unknown_account"
    )


@pytest.mark.parametrize(
    ("account", "kind", "code"),
    [
        ("BA-1", PayerKind.WALK_IN, "wrong_payer_kind"),
        ("D-1", PayerKind.WALK_IN, "wrong_payer_kind"),
        ("WALK-IN", PayerKind.SUBSCRIBER, "unknown_account"),
        ("WALK-IN", PayerKind.DEALER, "unknown_account"),
        ("walk-in", PayerKind.WALK_IN, "unknown_account"),
        ("BA-404", PayerKind.WALK_IN, "unknown_account"),
        ("BA-6", PayerKind.SUBSCRIBER, "account_other_currency"),
    ],
)
def test_a_buyer_is_what_the_account_says(desk: Desk, account: str, kind: PayerKind, code: str) -> None:
    assert refused(desk, lambda: pay(desk, cash("5"), account=account, payer=kind, lines=[SIM])).code == code


@pytest.mark.parametrize(
    ("allocate", "code"),
    [
        ([wish("7781")], "mode_not_for_purpose"),
        ([wish(None, "1", "BA-1")], "wrong_payer_kind"),
        ([wish(None, "1")], "mode_not_for_purpose"),
    ],
)
def test_a_walk_in_buyer_pays_nobodys_bills_or_account(
    desk: Desk, allocate: Sequence[object], code: str
) -> None:
    refusal = refused(
        desk,
        lambda: pay(desk, cash("10"), account=None, allocate=allocate, lines=[SIM]),  # type: ignore[arg-type]
    )

    assert refusal.code in (code, "mode_not_for_purpose")


def test_nobodys_money_goes_to_the_walk_in_account(desk: Desk) -> None:
    refusal = refused(desk, lambda: pay(desk, cash("10"), allocate=[wish(None, "5", "WALK-IN")]))

    assert refusal.code == "unknown_account"


def test_a_walk_in_buyer_without_items_pays_nothing(desk: Desk) -> None:
    assert refused(desk, lambda: pay(desk, cash("10"), account=None)).code == "nothing_to_pay"


def test_an_account_that_is_cash_only_buys_by_card_and_not_by_cheque(desk: Desk) -> None:
    assert refused(desk, lambda: pay(desk, cheque("5"), account="BA-2", lines=[SIM])).code == (
        "cheque_account_cash_only"
    )
    assert pay(desk, card("5"), account="BA-2", lines=[SIM]).receipt.total == money("5")


def test_who_may_not_sell_sells_nothing_beside_bills_either(desk: Desk) -> None:
    grants = {act: row for act, row in desk.permissions.grants.items() if act != "sell"}
    shop = replace(desk, permissions=PermissionTable(grants))

    alone = refused(shop, lambda: pay(shop, cash("50"), lines=[SIM]))
    beside_a_bill = refused(shop, lambda: pay(shop, cash("50"), allocate=[wish("7781")], lines=[SIM]))

    assert isinstance(alone, NotAuthorised)
    assert isinstance(beside_a_bill, NotAuthorised)
    assert pay(shop, cash("5")).receipt.total == money("5")
    with pytest.raises(NotAuthorised):
        pay(desk, cash("5"), account=None, lines=[SIM], person=AUDITOR)
    with pytest.raises(Refused, match="belongs to user 1001"):
        pay(desk, cash("5"), account=None, lines=[SIM], person=SUPERVISOR)


# --- frozen at the sale --------------------------------------------------------------------------------------------


def test_price_and_tax_stay_as_they_were_sold(desk: Desk) -> None:
    receipt = pay(desk, cash("5"), account=None, lines=[SIM]).receipt
    (sim, *_) = items_of("KWD")
    stock(
        desk, [replace(sim, name="SIM (new)", price=money("9"), tax_rate=Decimal("20"), tax_category="LUX")]
    )

    with desk.till.read() as connection:
        assert receipt_facts(connection, receipt.receipt_number) == receipt
    assert findings(desk) == []
    later = pay(desk, cash("9"), account=None, lines=[sale("SIM-01", 1, iccid(2))]).receipt
    assert [(line.name, line.amount, line.tax_rate, line.tax) for line in later.sale] == [
        ("SIM (new)", money("9"), "20", money("1.500"))
    ]


def test_every_fact_of_a_receipt_is_read_back_as_it_was(desk: Desk) -> None:
    asked = order(
        desk,
        voucher("2"),
        cheque("1", drawer="محمد العنزي"),
        card("5"),
        cash("95"),
        account="BA-5",
        allocate=[wish("7798", "2"), wish(None, "1", "BA-3")],
        lines=[SIM, sale("PHONE-01", 1, imei(3)), sale("GIFT")],
        overpayment=Overpayment.CHANGE,
    )
    reserve(desk, asked, FakeVouchers(value=money("3")))

    receipt = take_payment(desk, CASHIER, asked).receipt

    assert receipt.sale
    assert receipt.taxes
    assert receipt.provisional
    assert receipt.notes
    with desk.till.read() as connection:
        assert receipt_facts(connection, receipt.receipt_number) == receipt


def test_a_receipt_of_before_the_first_sale_is_still_read(desk: Desk) -> None:
    receipt = pay(desk, cash("5"), account="BA-1").receipt
    (row,) = rows(desk, "receipt")
    facts = json.loads(str(row["facts_json"]))
    for name in ("sale", "taxes", "provisional"):
        assert facts.pop(name) == []

    with desk.till.database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER receipt_never_changes")
        connection.exec_driver_sql("UPDATE receipt SET facts_json = ?", (json.dumps(facts),))
    with desk.till.read() as connection:
        assert receipt_facts(connection, receipt.receipt_number) == receipt


@pytest.mark.parametrize("name", ["O'Brien's SIM", "شريحة", "数据卡", "AT&T [NL] {x}", "=HYPERLINK()"])
def test_the_name_of_an_item_is_kept_in_any_script(desk: Desk, name: str) -> None:
    stock(desk, [replace(items_of("KWD")[3], name=name)])

    receipt = pay(desk, cash("5"), account=None, lines=[sale("SERVICE")]).receipt

    assert receipt.sale[0].name == name
    with desk.till.read() as connection:
        assert receipt_facts(connection, receipt.receipt_number) == receipt


# --- goods on bank receipts ----------------------------------------------------------------------------------------


def test_goods_leave_on_bank_receipts_up_to_the_dealers_limit(desk: Desk) -> None:
    grant_limit(desk, "12")
    buy = [sale("SERVICE")]
    pay(desk, bank_cash("5", "K1"), account="D-1", lines=buy)
    pay(desk, bank_cheque("7", "K2"), account="D-1", lines=buy)

    refusal = refused(desk, lambda: pay(desk, bank_cash("5", "K33"), account="D-1", lines=buy))

    assert refusal.code == "over_unverified_cap"
    assert (refusal.details["unverified"], refusal.details["cap"]) == ("17.000", "12.000")
    pay(desk, bank_cash("5", "K33"), account="D-1")
    pay(desk, cash("5"), account="D-1", lines=buy)
    split = [bank_cash("0.001", "K4"), cash("5")]
    assert refused(desk, lambda: pay(desk, *split, account="D-1", lines=buy)).code == "over_unverified_cap"
    assert findings(desk) == []


def test_a_dealer_without_a_limit_gets_no_goods_on_a_bank_receipt(desk: Desk) -> None:
    refusal = refused(desk, lambda: pay(desk, bank_cash("5"), account="D-2", lines=[sale("SERVICE")]))

    assert refusal.code == "over_unverified_cap"
    assert pay(desk, bank_cash("5"), account="D-2").receipt.credit == money("5")


def test_one_dealers_receipts_do_not_count_against_another(desk: Desk) -> None:
    grant_limit(desk, "5")
    pay(desk, bank_cash("100", "K1"), account="D-2")

    assert pay(desk, bank_cash("5", "K2"), account="D-1", lines=[sale("SERVICE")]).receipt.total == money("5")


# --- a price that was told -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("price", ["4.999", "5.001", "0", "9"])
def test_at_another_price_than_was_told_nothing_is_sold(desk: Desk, price: str) -> None:
    line = replace(sale("SERVICE"), price=price)

    refusal = refused(desk, lambda: pay(desk, cash("10"), account=None, lines=[line]))

    assert (refusal.code, refusal.details["price"]) == ("price_changed", "5.000")


@pytest.mark.parametrize("price", ["5", "5.0", "5.000", None])
def test_at_the_price_that_was_told_it_is_sold(desk: Desk, price: str | None) -> None:
    line = replace(sale("SERVICE"), price=price)

    assert pay(desk, cash("5"), account=None, lines=[line]).receipt.total == money("5")


# --- one serial number, with or without its check digit ------------------------------------------------------------


def test_an_iccid_is_the_same_with_and_without_its_check_digit(desk: Desk) -> None:
    """19 digits are printed on the card; some scanners read a 20th, the check digit of the 19."""
    short = iccid(7)
    long = with_check_digit(short)
    assert len(long) == 20

    both = [sale("SIM-01", 1, short), sale("SIM-01", 1, long)]
    assert refused(desk, lambda: pay(desk, cash("10"), account=None, lines=both)).code == "serial_named_twice"
    pay(desk, cash("5"), account=None, lines=[sale("SIM-01", 1, long)])
    refusal = refused(desk, lambda: pay(desk, cash("5"), account=None, lines=[sale("SIM-01", 1, short)]))
    assert refusal.code == "serial_sold_before"
    assert pay(desk, cash("5"), account=None, lines=[sale("SIM-01", 1, iccid(8))]).receipt.sale[
        0
    ].serials == (iccid(8),)


# --- once more, and what goes to central ---------------------------------------------------------------------------


def test_a_double_enter_sells_once(desk: Desk) -> None:
    asked = order(desk, cash("10"), account=None, lines=[SIM])
    first = take_payment(desk, CASHIER, asked)

    again = take_payment(desk, CASHIER, asked)

    assert (again.replayed, again.opens_drawer, again.receipt) == (True, False, first.receipt)
    assert len(rows(desk, "sale_line")) == 1


def test_another_sale_under_the_same_key_is_refused(desk: Desk) -> None:
    asked = order(desk, cash("10"), account=None, lines=[SIM])
    take_payment(desk, CASHIER, asked)

    with pytest.raises(Refused) as refusal:
        take_payment(desk, CASHIER, replace(asked, payer_account="D-1", payer_kind=PayerKind.DEALER))

    assert refusal.value.code == "key_reused"
    with pytest.raises(Refused) as refusal:
        take_payment(desk, CASHIER, replace(asked, lines=[sale("SERVICE")]))
    assert refusal.value.code == "key_reused", "other goods of the same price are another sale"


def test_central_is_told_items_and_bills_and_what_is_provisional(desk: Desk) -> None:
    pay(
        desk, cheque("8"), card("2"), account="BA-5", allocate=[wish("7798")], overpayment=None,
        lines=[sale("CHARGER", 2)],
    )  # fmt: skip

    with desk.till.read() as connection:
        legs = [
            leg_facts(connection, row, desk.identity, desk.modes, "Counterfoil Telecom")
            for row in unsent(connection, 10)
        ]
    by_mode = {leg.mode: leg for leg in legs}
    told: dict[tuple[str, str], int] = {}
    for item in (item for leg in legs for item in leg.items):
        key = (str(item.target), item.target_id)
        told[key] = told.get(key, 0) + item.amount.minor
    assert told == {("CustomerBill", "CB-7798"): 5_005, ("ProductOffering", "CHARGER"): 2_500}
    assert by_mode["cheque"].provisional == "when the cheque is cleared"
    assert by_mode["debit_card"].provisional is None
    assert by_mode["debit_card"].instrument == "card|T7|123456789|A1B2C3"
    assert by_mode["cheque"].instrument == "cheque|001|||000123"
    assert sum(leg.amount.minor for leg in legs) == 10_000


def test_one_walk_in_buyers_sale_does_not_wait_for_anothers(desk: Desk) -> None:
    """They share an account at central, and nothing else: a leg that must wait holds up its own event only."""
    for _ in range(2):
        pay(desk, cash("5"), account=None, lines=[sale("SERVICE")])
        pay(desk, cash("5"), account="D-1", lines=[sale("SERVICE")])
    with desk.till.database.write() as connection:
        connection.exec_driver_sql(
            "UPDATE outbox SET next_attempt_at_utc = ? WHERE outbox_id <= 2",
            (utc_text(desk.clock.now() + timedelta(minutes=5)),),
        )

    with desk.till.read() as connection:
        ready = due(connection, now=desk.clock.now(), limit=10)

    assert [(row.outbox_id, row.account) for row in ready] == [(3, "WALK-IN")]


def test_an_account_that_is_unknown_in_the_cache_may_not_buy(desk: Desk) -> None:
    tell(desk, accounts=[told_account("BA-77", code="EUR")])

    assert refused(desk, lambda: pay(desk, cash("5"), account="BA-77", lines=[SIM])).code == (
        "account_other_currency"
    )
    assert refused(desk, lambda: pay(desk, cash("5"), account="BA-78", lines=[SIM])).code == "unknown_account"


def test_a_price_of_nothing_beside_a_bill_is_a_gift(desk: Desk) -> None:
    receipt = pay(
        desk, cash("5.005"), account="BA-5", allocate=[wish("7798")], lines=[sale("GIFT", 2)]
    ).receipt

    assert [(line.item, line.amount) for line in receipt.sale] == [("GIFT", Money(0, currency("KWD")))]
    assert receipt.total == money("5.005")
    assert findings(desk) == []
