"""A dealer's commission and the tax withheld of it: at the sale or at settlement, net or gross, frozen as it was figured."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest

from pos.domain.commission import CommissionAt, CommissionRule, CommissionTerms, Settlement
from pos.domain.dealer import DealerPolicy, DealerTerms
from pos.domain.errors import NotAuthorised
from pos.domain.money import Money
from pos.domain.payment_event import Overpayment
from pos.domain.payment_mode import ModeKind
from pos.domain.receipt import Copy
from pos.store.leg_facts import leg_facts
from pos.store.outbox import mark_parked, retry_parked, unsent
from pos.store.receipts import receipt_facts
from pos.till.bank_receipts import reject_bank_receipt, unblock_dealer, verify_bank_receipt
from pos.till.basket import account_basket, add_item, give, order_of, quote
from pos.till.commissions import commissions_owed, settle_commission
from pos.till.desk import Desk
from pos.till.enquiries import PayPlan, account_view
from pos.till.imports import RecordOrder, begin_run, import_record
from pos.till.open_bills import catch_up
from pos.till.script import Script
from pos.till.take_payment import take_payment
from pos.till.unsent import unsent as waiting
from receipts.compose import compose
from receipts.text import render_text
from sync.tmf676.payment import payment_body
from sync.wire_json import loads
from tests.builders.tills import (
    ADMIN,
    BACK_OFFICE,
    CASHIER,
    DEALER,
    SUPERVISOR,
    atm,
    bank_cash,
    card,
    cash,
    cheque,
    findings,
    grant_limit,
    make_till,
    money,
    opened,
    pay,
    rows,
    sale,
    stock,
)
from tests.till.books import refused, spoil

FOUR = [sale("SERVICE", 4)]  # 20.000 without tax


def selling(
    at: CommissionAt = CommissionAt.SALE, settlement: Settlement = Settlement.NET, withheld: str = "10"
) -> Desk:
    """A till where dealers earn 5 per cent on services and 2.5 on anything else but SIM cards."""
    desk = make_till()
    terms = CommissionTerms(
        rules=[
            CommissionRule(percent=Decimal(5), items=("SERVICE",)),
            CommissionRule(percent=Decimal(0), items=("SIM-*",)),
            CommissionRule(percent=Decimal("2.5")),
        ],
        withholding_percent=Decimal(withheld),
        at=at,
        settlement=settlement,
    )
    dealers = DealerPolicy(standard=DealerTerms(commission=terms), classes={})
    desk = replace(desk, policy=replace(desk.policy, dealers=dealers))
    stock(desk)
    grant_limit(desk, "1000")
    opened(desk)
    return desk


def balances(desk: Desk) -> dict[str, int]:
    found: Counter[str] = Counter()
    for line in rows(desk, "v_journal"):
        found[str(line["ledger_account"])] += int(str(line["debit_minor"])) - int(str(line["credit_minor"]))
    return {name: minor for name, minor in found.items() if minor and name not in ("safe", "cash_in_till")}


def test_a_net_commission_at_the_sale_is_paid_less_and_the_sale_stays_gross() -> None:
    """Rule 59: net settlement still shows gross."""
    desk = selling()
    taken = pay(desk, cash("19.100"), account="D-1", lines=FOUR)

    assert taken.receipt.total == money("19.100")
    earned = taken.receipt.commission
    assert earned is not None
    assert (earned.gross, earned.commission, earned.withheld, earned.deducted) == (
        money("20"),
        money("1"),
        money("0.100"),
        money("0.900"),
    )
    assert balances(desk) == {
        "commission_expense": 1_000, "withholding_payable": -100, "item_revenue": -20_000,
    }  # fmt: skip
    assert findings(desk) == []


def test_too_little_for_the_net_price_is_refused_and_more_is_change() -> None:
    desk = selling()
    refusal = refused(desk, lambda: pay(desk, card("19.099"), account="D-1", lines=FOUR))

    assert (refusal.code, refusal.details["asked"]) == ("not_enough_tendered", "19.100")
    taken = pay(desk, cash("20"), account="D-1", lines=FOUR, overpayment=Overpayment.CHANGE)
    assert taken.receipt.change == money("0.900")


def test_a_gross_commission_goes_to_the_dealers_account() -> None:
    desk = selling(settlement=Settlement.GROSS)
    taken = pay(desk, cash("20"), account="D-1", lines=FOUR)

    assert taken.receipt.total == money("20")
    assert balances(desk) == {
        "commission_expense": 1_000,
        "withholding_payable": -100,
        "dealer_account": -900,
        "item_revenue": -20_000,
    }
    assert findings(desk) == []


def credit_of(desk: Desk, account: str = "D-1") -> Money:
    catch_up(desk)
    return account_view(desk, CASHIER, account).credit


def test_what_was_put_on_the_dealers_account_is_there() -> None:
    """Rule 59: the account says what the ledger says, at once and before central hears of it."""
    desk = selling(settlement=Settlement.GROSS)
    pay(desk, cash("20"), account="D-1", lines=FOUR)
    assert credit_of(desk) == money("0.900")
    later = selling(CommissionAt.SETTLEMENT)
    pay(later, cash("20"), account="D-1", lines=FOUR)
    pay(later, card("5"), cash("3"), account="D-1", lines=[sale("SERVICE")], overpayment=Overpayment.CREDIT)
    assert credit_of(later) == money("3")

    settle_commission(later, BACK_OFFICE, "D-1")

    assert credit_of(later) == money("4.125")
    assert balances(later)["dealer_account"] == -4_125
    told = [row for row in rows(later, "outbox") if row["kind"] == "commission"]
    assert [(row["account"], row["state"]) for row in told] == [("D-1", "waiting"), ("D-1", "waiting")]
    assert [row["amount_minor"] for row in rows(later, "account_credit")] == [900, 225]
    for books in (desk, later):
        assert findings(books) == []


def test_net_commission_and_a_commission_that_is_all_withheld_credit_nothing() -> None:
    for desk in (selling(), selling(settlement=Settlement.GROSS, withheld="100")):
        pay(desk, cash("20"), account="D-1", lines=FOUR, overpayment=Overpayment.CHANGE)

        assert rows(desk, "account_credit") == []
        assert {row["kind"] for row in rows(desk, "outbox")} == {"payment"}
        assert credit_of(desk) == money("0")
        assert findings(desk) == []


def test_commission_is_listed_among_what_waits_for_central() -> None:
    desk = selling(settlement=Settlement.GROSS)
    pay(desk, cash("20"), account="D-1", lines=FOUR)

    assert [(one.outcome, one.amount) for one in waiting(desk, SUPERVISOR)] == [
        (None, money("20")),
        ("commission", money("0.900")),
    ]


@pytest.mark.parametrize(
    ("altered", "check"),
    [
        ("UPDATE account_credit SET amount_minor = 901", "dealer_account_is_what_was_put_there"),
        ("UPDATE account_credit SET amount_minor = 901", "commission_is_credited"),
        ("UPDATE account_credit SET account = 'D-2'", "dealer_account_is_what_was_put_there"),
        ("UPDATE account_credit SET account = 'D-2'", "account_credit_is_in_the_outbox"),
        ("DELETE FROM account_credit", "outbox_commission_has_its_deed"),
        (
            "UPDATE allocation SET amount_minor = 2 WHERE sale_line IS NULL",
            "dealer_account_is_what_was_put_there",
        ),
    ],
)
def test_a_dealers_account_that_is_not_what_was_put_there_is_found(altered: str, check: str) -> None:
    desk = selling(settlement=Settlement.GROSS)
    pay(desk, cash("21"), account="D-1", lines=FOUR, overpayment=Overpayment.CREDIT)
    assert findings(desk) == []

    spoil(desk, altered)

    assert check in {finding.check for finding in findings(desk)}


def test_a_commission_at_settlement_is_owed_until_the_back_office_settles_it_once() -> None:
    desk = selling(CommissionAt.SETTLEMENT)
    pay(desk, cash("20"), account="D-1", lines=FOUR)
    pay(desk, cash("5"), account="D-1", lines=[sale("SERVICE")])
    assert balances(desk) == {"item_revenue": -25_000}
    assert [row["state"] for row in rows(desk, "v_commission")] == ["owed", "owed"]

    done = settle_commission(desk, BACK_OFFICE, "D-1")

    assert (done.lines, done.commission, done.withheld) == (2, money("1.250"), money("0.125"))
    assert balances(desk) == {
        "commission_expense": 1_250,
        "withholding_payable": -125,
        "dealer_account": -1_125,
        "item_revenue": -25_000,
    }
    assert [row["state"] for row in rows(desk, "v_commission")] == ["settled", "settled"]
    assert refused(desk, lambda: settle_commission(desk, BACK_OFFICE, "D-1")).code == "nothing_owed"
    assert findings(desk) == []


def test_nothing_is_settled_before_the_money_is_sure() -> None:
    desk = selling(CommissionAt.SETTLEMENT)
    number = pay(desk, bank_cash("20"), account="D-1", lines=FOUR).receipt.receipt_number
    pay(desk, cheque("5"), account="D-1", lines=[sale("SERVICE")])

    assert refused(desk, lambda: settle_commission(desk, BACK_OFFICE, "D-1")).code == "nothing_owed"
    verify_bank_receipt(desk, BACK_OFFICE, number)
    assert settle_commission(desk, BACK_OFFICE, "D-1").commission == money("1")
    assert refused(desk, lambda: settle_commission(desk, BACK_OFFICE, "D-1")).code == "nothing_owed"


def test_nothing_is_settled_of_a_payment_at_an_atm_before_the_bank_tells_of_it() -> None:
    desk = selling(CommissionAt.SETTLEMENT)
    pay(desk, atm("20"), account="D-1", lines=FOUR)
    assert refused(desk, lambda: settle_commission(desk, BACK_OFFICE, "D-1")).code == "nothing_owed"
    assert commissions_owed(desk, BACK_OFFICE)[0].owed.kept_back == money("1")

    run = begin_run(desk, BACK_OFFICE, ModeKind.ATM, profile="records", file_digest="x")
    told = RecordOrder(mode="atm", amount="20", account="D-1", details=atm("20").details)
    import_record(desk, BACK_OFFICE, run, told)

    assert settle_commission(desk, BACK_OFFICE, "D-1").commission == money("1")


def test_what_is_owed_is_listed_by_dealer_with_what_is_kept_back() -> None:
    desk = selling(CommissionAt.SETTLEMENT)
    grant_limit(desk, "1000", "D-2")
    pay(desk, cash("20"), account="D-1", lines=FOUR)
    pay(desk, cash("10"), account="D-1", lines=[sale("SERVICE"), sale("SERVICE")])
    number = pay(desk, bank_cash("5"), account="D-1", lines=[sale("SERVICE")]).receipt.receipt_number
    pay(desk, cheque("5"), account="D-2", lines=[sale("SERVICE")])

    first, second = [dealer.owed for dealer in commissions_owed(desk, BACK_OFFICE)]

    assert (first.dealer, first.sales, first.lines) == ("D-1", 2, 3)
    assert (first.commission, first.withheld, first.net) == (money("1.500"), money("0.150"), money("1.350"))
    assert first.kept_back == second.kept_back == money("0.250")
    assert (second.dealer, second.sales, second.commission) == ("D-2", 0, money("0"))
    assert [dealer.owed for dealer in commissions_owed(desk, DEALER)] == [first]
    with pytest.raises(NotAuthorised):
        commissions_owed(desk, ADMIN)

    verify_bank_receipt(desk, BACK_OFFICE, number)
    now = commissions_owed(desk, BACK_OFFICE)[0].owed
    done = settle_commission(desk, BACK_OFFICE, "D-1")
    assert (done.lines, done.commission, done.credited) == (now.lines, now.commission, now.net)
    assert [dealer.owed for dealer in commissions_owed(desk, BACK_OFFICE)] == [second]


def test_a_settled_receipt_pays_its_commission_and_a_rejected_one_none() -> None:
    desk = selling(CommissionAt.SETTLEMENT)
    number = pay(desk, bank_cash("20"), account="D-1", lines=FOUR).receipt.receipt_number
    reject_bank_receipt(desk, BACK_OFFICE, number, "not_found")
    assert refused(desk, lambda: settle_commission(desk, BACK_OFFICE, "D-1")).code == "nothing_owed"

    unblock_dealer(desk, BACK_OFFICE, "D-1", "Paid in cash")

    assert settle_commission(desk, BACK_OFFICE, "D-1").commission == money("1")
    verify_bank_receipt(desk, BACK_OFFICE, number)
    assert refused(desk, lambda: settle_commission(desk, BACK_OFFICE, "D-1")).code == "nothing_owed"
    assert findings(desk) == []


def test_nothing_is_settled_of_a_payment_that_central_refused() -> None:
    desk = selling(CommissionAt.SETTLEMENT)
    pay(desk, cash("20"), account="D-1", lines=FOUR)
    pay(desk, cash("5"), account="D-1", lines=[sale("SERVICE")])
    with desk.till.transaction() as unit:
        first = unsent(unit.connection)[0]
        mark_parked(unit.connection, first.outbox_id, reason="409 instrument_used", at=desk.clock.now())

    assert settle_commission(desk, BACK_OFFICE, "D-1").commission == money("0.250")
    with desk.till.transaction() as unit:
        retry_parked(unit.connection, at=desk.clock.now())
    assert settle_commission(desk, BACK_OFFICE, "D-1").commission == money("1")


def test_only_the_back_office_settles_and_never_for_its_own_dealer() -> None:
    desk = selling(CommissionAt.SETTLEMENT)
    pay(desk, cash("20"), account="D-1", lines=FOUR)

    linked = replace(BACK_OFFICE, accounts=frozenset({"D-1"}))
    for person in (CASHIER, SUPERVISOR, replace(BACK_OFFICE, dealer="D-1"), linked):
        assert isinstance(refused(desk, lambda: settle_commission(desk, person, "D-1")), NotAuthorised)  # noqa: B023


def test_items_without_a_rule_of_theirs_earn_what_is_left_for_all() -> None:
    desk = selling(withheld="0")
    taken = pay(desk, cash("100"), account="D-1", lines=[sale("CHARGER", 2), sale("GIFT"), sale("SERVICE")],
                overpayment=Overpayment.CHANGE)  # fmt: skip

    # 2.5 % of 2.500 is 0.0625, half up 0.063; 5 % of 5.000.
    assert [
        (row["line"], row["percent"], row["commission_minor"]) for row in rows(desk, "commission_line")
    ] == [
        (1, "2.5", 63),
        (3, "5", 250),
    ]
    assert taken.receipt.total == money("7.187")


@pytest.mark.parametrize("account", ["BA-1", None])
def test_nobody_but_a_dealer_earns(account: str | None) -> None:
    desk = selling()
    taken = pay(desk, cash("20"), account=account, lines=FOUR)

    assert (taken.receipt.total, taken.receipt.commission) == (money("20"), None)
    assert rows(desk, "commission_line") == []


def test_terms_that_change_change_nothing_that_was_sold() -> None:
    desk = selling()
    number = pay(desk, cash("19.100"), account="D-1", lines=FOUR).receipt.receipt_number
    changed = replace(
        desk, policy=replace(desk.policy, dealers=DealerPolicy(standard=DealerTerms(), classes={}))
    )

    with changed.till.read() as connection:
        facts = receipt_facts(connection, number)
    assert facts is not None
    assert facts.commission is not None
    assert facts.commission.deducted == money("0.900")
    assert findings(changed) == []


def test_the_receipt_says_gross_commission_tax_and_net() -> None:
    desk = selling()
    facts = pay(desk, cash("19.100"), account="D-1", lines=FOUR).receipt

    text = render_text(compose(facts, Copy()), 42)

    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "Gross 20.000" in lines
    assert "Your commission -1.000" in lines
    assert "Tax withheld of it 0.100" in lines
    assert any(line.startswith("TOTAL KWD") and line.endswith("19.100") for line in lines)


@pytest.mark.parametrize("settlement", Settlement)
@pytest.mark.parametrize("at", CommissionAt)
def test_a_script_is_told_what_the_dealer_earns(at: CommissionAt, settlement: Settlement) -> None:
    """Rule 59: by a script as on the receipt."""
    desk = selling(at, settlement)
    kept = at is CommissionAt.SALE and settlement is Settlement.NET
    line = {
        "ref": "d1",
        "act": "sell",
        "payer": {"kind": "dealer", "account": "D-1"},
        "lines": [{"item": "SERVICE", "quantity": 4}],
        "tenders": [{"mode": "cash", "amount": "19.100" if kept else "20.000"}],
    }

    answer = Script(desk, CASHIER).run_line(json.dumps(line))

    assert answer["commission"] == {
        "gross": "20.000",
        "commission": "1.000",
        "withheld": "0.100",
        "deducted": "0.900" if kept else "0.000",
        "at": str(at),
        "settlement": str(settlement),
    }
    assert Script(desk, CASHIER).run_line(json.dumps(line)) == {**answer, "replayed": True}


def test_a_script_is_told_no_commission_where_none_is_earned() -> None:
    line = {
        "ref": "d1",
        "act": "sell",
        "payer": {"kind": "subscriber", "account": "BA-1"},
        "lines": [{"item": "SERVICE", "quantity": 1}],
        "tenders": [{"mode": "cash", "amount": "5.000"}],
    }

    assert "commission" not in Script(selling(), CASHIER).run_line(json.dumps(line))


def test_central_is_told_the_money_and_beside_it_what_the_sale_was() -> None:
    desk = selling()
    pay(desk, card("10"), cash("9.100"), account="D-1", lines=FOUR)

    with desk.till.read() as connection:
        legs = [
            leg_facts(connection, row, desk.identity, desk.modes, "Operator") for row in unsent(connection)
        ]
    bodies = [loads(payment_body(leg)) for leg in sorted(legs, key=lambda leg: leg.leg)]
    assert [float(body["totalAmount"]["value"]) for body in bodies] == [10, 9.1]
    assert bodies[0]["commission"] == {
        "gross": {"unit": "KWD", "value": 20},
        "commission": {"unit": "KWD", "value": 1},
        "withheld": {"unit": "KWD", "value": Decimal("0.100")},
        "deducted": {"unit": "KWD", "value": Decimal("0.900")},
    }
    assert "commission" not in bodies[1], "told once for the sale"


def test_the_basket_asks_for_the_net_price() -> None:
    desk = selling()
    view = account_view(desk, CASHIER, "D-1")
    plan = PayPlan(parts=(), to_pay=money("0"))
    basket = account_basket(desk, view, plan, "01a1fd8c-70d0-7e9e-b870-a3187c0b8988")
    basket = add_item(desk, basket, "SERVICE")

    assert (basket.sale, basket.commission_kept, basket.to_pay) == (
        money("5"),
        money("0.225"),
        money("4.775"),
    )
    told = quote(desk, basket, cash("5"), keep=False, decimal_marks=".")
    assert told.change == money("0.225")
    basket = give(desk, CASHIER, basket, cash("4.775"), decimal_marks=".")
    assert take_payment(desk, CASHIER, order_of(basket, keep=False)).receipt.total == money("4.775")
