"""Another price than the item's: by whoever may change one, for a reason, told on the receipt and in the audit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.catalogue import LineOfSale, PriceOverride, override_price
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.money import Money, currency
from pos.domain.receipt import TaxLine
from pos.domain.role import Grant, Role
from pos.store.receipts import receipt_facts
from pos.till.desk import Desk
from pos.till.script import Script
from receipts.compose import compose
from receipts.text import render_text
from tests.builders.receipts import ORIGINAL
from tests.builders.tills import (
    SUPERVISOR,
    cash,
    findings,
    iccid,
    items_of,
    let_change_prices,
    make_till,
    marked_down,
    money,
    opened,
    pay,
    rows,
    sale,
    stock,
)
from tests.till.books import refused


@pytest.fixture
def desk() -> Desk:
    """A supervisor's shift."""
    desk = make_till()
    stock(desk)
    opened(desk, person=SUPERVISOR)
    return desk


@pytest.mark.parametrize("price", ["1", "1.750", "0.005"])
def test_a_supervisor_takes_another_price_with_a_reason(desk: Desk, price: str) -> None:
    """Rule 8: the tax is that of the price taken."""
    taken = money(price)
    receipt = pay(
        desk, cash("20"), account=None, person=SUPERVISOR, lines=[marked_down("CHARGER", price, quantity=2)]
    ).receipt

    [line] = receipt.sale
    assert (line.unit_price, line.list_price, line.reason) == (taken, money("1.250"), "display_piece")
    assert line.amount == receipt.total == Money(2 * taken.minor, taken.currency)
    tax = (2 * line.amount.minor * 5 + 105) // 210
    assert receipt.taxes == (
        TaxLine(
            category="VAT",
            rate="5",
            net=Money(line.amount.minor - tax, taken.currency),
            tax=Money(tax, taken.currency),
        ),
    )
    assert [(row["list_price_minor"], row["reason"]) for row in rows(desk, "sale_price_override")] == [
        (1_250, "display_piece")
    ]
    [told] = rows(desk, "v_sale_line")
    assert (told["unit_price_minor"], told["list_price_minor"]) == (taken.minor, 1_250)
    assert told["override_reason"] == "display_piece"
    assert findings(desk) == []


def test_the_audit_names_who_changed_a_price_and_why(desk: Desk) -> None:
    lines = [marked_down("CHARGER", "1"), marked_down("SERVICE", "4", "goodwill"), sale("CHARGER")]
    pay(desk, cash("10"), account=None, person=SUPERVISOR, lines=lines)

    audit = rows(desk, "audit")[-1]
    assert (audit["operator"], audit["act"], audit["result"]) == (SUPERVISOR.user, "sell", "ok")
    assert audit["reason_code"] == "display_piece,goodwill"


def test_a_sale_at_its_list_price_names_no_reason(desk: Desk) -> None:
    receipt = pay(desk, cash("10"), account=None, person=SUPERVISOR, lines=[sale("CHARGER")]).receipt

    assert (receipt.sale[0].list_price, receipt.sale[0].reason) == (None, None)
    assert rows(desk, "audit")[-1]["reason_code"] is None
    assert rows(desk, "sale_price_override") == []


def test_a_reprint_states_the_list_price_and_the_reason_after_the_price_has_changed(desk: Desk) -> None:
    number = pay(
        desk, cash("10"), account=None, person=SUPERVISOR, lines=[marked_down("CHARGER", "1")]
    ).receipt.receipt_number
    stock(desk, [replace(items_of("KWD")[2], price=money("9"))])

    with desk.till.read() as connection:
        facts = receipt_facts(connection, number)

    assert facts is not None
    text = render_text(compose(facts, ORIGINAL), 42)
    assert (
        "Charger [USB-C]                      1.000\n  Item CHARGER\n  List price 1.250: display piece\n"
        in text
    )


def test_a_cashier_may_not_change_a_price() -> None:
    desk = make_till()
    stock(desk)
    opened(desk)

    refusal = refused(desk, lambda: pay(desk, cash("5"), account=None, lines=[marked_down("CHARGER", "1")]))

    assert isinstance(refusal, NotAuthorised)
    assert refusal.details["allowed"] == ["supervisor"]
    assert pay(desk, cash("5"), account=None, lines=[sale("CHARGER")]).receipt.total == money("1.250")


@pytest.mark.parametrize(
    ("price", "allowed"), [("1.125", True), ("1.124", False), ("1.375", True), ("1.376", False), ("0", False)]
)
def test_a_cashier_who_may_changes_a_price_only_as_far_as_the_shop_lets_him(
    price: str, *, allowed: bool
) -> None:
    desk = make_till()
    stock(desk)
    opened(desk)
    let_change_prices(desk, Role.CASHIER, percent=10)
    lines = [marked_down("CHARGER", price), sale("SERVICE")]

    if allowed:
        assert pay(desk, cash("50"), account=None, lines=lines).receipt.sale[0].unit_price == money(price)
    else:
        refusal = refused(desk, lambda: pay(desk, cash("50"), account=None, lines=lines))
        assert (refusal.code, refusal.details["max_percent"]) == ("override_over_limit", 10)


def test_a_second_person_for_a_price_is_asked_for_where_the_shop_says_so() -> None:
    desk = make_till()
    stock(desk)
    opened(desk)
    let_change_prices(desk, Role.CASHIER, percent=50, grant=Grant.SECOND)

    refusal = refused(desk, lambda: pay(desk, cash("5"), account=None, lines=[marked_down("CHARGER", "1")]))

    assert refusal.code == "approval_required"


@pytest.mark.parametrize(
    ("price", "reason", "code"),
    [
        ("1", "because", "unknown_reason"),
        ("1", "", "unknown_reason"),
        ("1", "4111111111111111", "unknown_reason"),
        ("1.250", "goodwill", "override_same_price"),
        ("2.501", "goodwill", "override_over_limit"),
        ("1.0005", "goodwill", "amount_too_precise"),
        ("-1", "goodwill", "bad_amount"),
        ("1e3", "goodwill", "bad_amount"),
        ("١", "goodwill", "bad_amount"),
        ("", "goodwill", "bad_amount"),
    ],
)
def test_a_price_or_reason_that_is_none_books_nothing(desk: Desk, price: str, reason: str, code: str) -> None:
    lines = [marked_down("CHARGER", price, reason)]

    refusal = refused(desk, lambda: pay(desk, cash("5"), account=None, person=SUPERVISOR, lines=lines))

    assert refusal.code == code
    assert reason == "goodwill" or reason not in refusal.message or not reason


def test_a_price_brought_down_to_nothing_is_sold_beside_others_only(desk: Desk) -> None:
    free = marked_down("CHARGER", "0", "goodwill")

    alone = refused(desk, lambda: pay(desk, cash("5"), account=None, person=SUPERVISOR, lines=[free]))
    receipt = pay(
        desk, cash("5"), account=None, person=SUPERVISOR, lines=[free, sale("SIM-01", 1, iccid(1))]
    ).receipt

    assert alone.code == "nothing_to_pay"
    assert [line.amount for line in receipt.sale] == [money("0"), money("5")]
    assert findings(desk) == []


def test_a_script_changes_a_price(desk: Desk) -> None:
    line = (
        '{"ref":"o1","act":"sell","payer":{"kind":"walk_in"},"lines":[{"item":"CHARGER","price":"1.250",'
        '"override":{"price":"0.900","reason":"damaged"}}],"tenders":[{"mode":"cash","amount":"1"}]}'
    )
    script = Script(desk, SUPERVISOR)

    answer, again = script.run_line(line), script.run_line(line)

    assert answer["lines"] == [
        {
            "item": "CHARGER", "quantity": 1, "price": "0.900", "amount": "0.900", "tax": "0.043", "serials": [],
            "list_price": "1.250", "reason": "damaged",
        }
    ]  # fmt: skip
    assert answer["change"] == "0.100"
    assert again == {**answer, "replayed": True}
    assert len(rows(desk, "v_payment")) == 1


def test_a_changed_list_price_is_told_before_another_one_is_taken(desk: Desk) -> None:
    told = replace(marked_down("CHARGER", "1"), price="1.100")

    refusal = refused(desk, lambda: pay(desk, cash("5"), account=None, person=SUPERVISOR, lines=[told]))

    assert refusal.code == "price_changed"


@given(
    listed=st.integers(0, 10**9),
    taken=st.integers(0, 10**9),
    percent=st.integers(0, 1000),
    quantity=st.integers(1, 999),
)
def test_a_line_costs_the_quantity_of_the_price_taken_and_its_tax_is_within(
    listed: int, taken: int, percent: int, quantity: int
) -> None:
    kwd = currency("KWD")
    line = LineOfSale(item=replace(items_of("KWD")[2], price=Money(listed, kwd)), quantity=quantity)
    override = PriceOverride(price=Money(taken, kwd), reason="goodwill")
    within = listed != taken and abs(listed - taken) * 100 <= percent * listed
    if not within:
        with pytest.raises(Refused):
            override_price(line, override, max_percent=percent)
        return

    changed = override_price(line, override, max_percent=percent)

    assert changed.amount.minor == quantity * taken
    assert 0 <= changed.tax.minor <= changed.amount.minor
    assert abs(105 * changed.tax.minor - 5 * changed.amount.minor) <= 53
    assert changed.item.price.minor == listed
