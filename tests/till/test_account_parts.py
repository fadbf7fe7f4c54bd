"""The tax at one rate, or one card mode, posted to an account of its own: with all that undoes it, and in the feed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from pos.domain.correction import CorrectionPolicy
from pos.domain.ledger_feed import AccountKind, PostingAccount
from pos.domain.payment_mode import PaymentModes
from pos.till.corrections import reverse, void
from pos.till.desk import Desk
from pos.till.ledger_batches import make_batches
from tests.builders.bounces import bounced, by_mistake, credited, taken, terms, with_fee
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    TODAY,
    card,
    cash,
    cheque,
    closed,
    count,
    findings,
    items_of,
    make_till,
    opened,
    pay,
    sale,
    stock,
)
from tests.builders.undoing import approved, balances, order

CREDIT_CARDS = "card_receivable:credit_card"


def with_parts(desk: Desk, *rates: str) -> Desk:
    """Credit cards, and the tax at ``rates``, have accounts of their own from now on."""
    credit_card = replace(desk.modes["credit_card"], ledger_account=CREDIT_CARDS)
    desk.modes = PaymentModes({**desk.modes.by_code, "credit_card": credit_card})
    own = {f"output_tax:{rate}": (f"22{place:02}", "liability") for place, rate in enumerate(rates, 5)}
    accounts = {
        key: PostingAccount(key=key, code=code, name=key, kind=AccountKind(kind))
        for key, (code, kind) in {**own, CREDIT_CARDS: ("1111", "asset")}.items()
    }
    desk.policy = replace(
        desk.policy,
        payments=replace(desk.policy.payments, tax_parts=frozenset(rates)),
        ledger=replace(desk.policy.ledger, accounts={**desk.policy.ledger.accounts, **accounts}),
    )
    return desk


@pytest.fixture
def desk() -> Desk:
    desk = make_till(cheques=with_fee("5"))
    alone = CorrectionPolicy(alone_minor=dict.fromkeys(("refund", "transfer", "reverse"), 10**9))
    desk.policy = replace(desk.policy, corrections=alone)
    items = items_of("KWD")
    other = [replace(one, tax_rate=Decimal("7.50")) if one.item == "SERVICE" else one for one in items]
    stock(desk, other)
    return desk


def posted_to(desk: Desk, *keys: str) -> Mapping[str, int]:
    found = balances(desk)
    return {key: found.get((key, None), 0) for key in keys}


TAXES = ("output_tax", "output_tax:5", "output_tax:7.5")


def test_the_tax_of_each_rate_goes_to_its_own_account_and_the_rest_stays(desk: Desk) -> None:
    with_parts(desk, "7.5")
    opened(desk)

    pay(desk, cash("20"), account=None, lines=[sale("CHARGER", 2), sale("SERVICE", 1)])

    found = posted_to(desk, *TAXES)
    assert found["output_tax"] == -119
    assert found["output_tax:5"] == 0
    assert found["output_tax:7.5"] < 0
    assert findings(desk) == []


def test_undoing_a_sale_empties_the_account_that_it_was_posted_to_whatever_the_settings_say_now(
    desk: Desk,
) -> None:
    with_parts(desk, "5", "7.5")
    opened(desk)
    receipt = pay(desk, cash("20"), account=None, lines=[sale("CHARGER", 2), sale("SERVICE", 1)]).receipt
    assert posted_to(desk, "output_tax:5") == {"output_tax:5": -119}
    desk.policy = replace(desk.policy, payments=replace(desk.policy.payments, tax_parts=frozenset()))

    approved(desk, lambda: void(desk, CASHIER, order(receipt.receipt_number, reason="wrong_account")))

    assert posted_to(desk, *TAXES) == dict.fromkeys(TAXES, 0)
    assert findings(desk) == []


def test_the_fee_of_a_bounce_is_taxed_at_its_rates_account_until_the_bank_takes_it_back(desk: Desk) -> None:
    with_parts(desk, "5")
    terms(desk, fee_tax_rate=Decimal("5.0"))
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    credited(desk, receipt, "41.750")

    bounced(desk, receipt)
    assert posted_to(desk, "output_tax", "output_tax:5") == {"output_tax": 0, "output_tax:5": -238}
    desk.policy = replace(desk.policy, payments=replace(desk.policy.payments, tax_parts=frozenset()))
    by_mistake(desk, receipt)

    assert posted_to(desk, "output_tax", "output_tax:5") == {"output_tax": 0, "output_tax:5": 0}
    assert findings(desk) == []


def test_credit_cards_are_told_apart_from_debit_cards(desk: Desk) -> None:
    with_parts(desk)
    opened(desk)

    pay(desk, card("7", "000123456789"), account="BA-1")
    pay(desk, card("3", "000123456790", mode="credit_card"), account="BA-1")

    assert posted_to(desk, "card_receivable", CREDIT_CARDS) == {
        "card_receivable": 7_000,
        CREDIT_CARDS: 3_000,
    }


def test_a_cancelled_card_leaves_the_account_that_it_was_posted_to(desk: Desk) -> None:
    opened(desk)
    receipt = pay(desk, card("3", "000123456790", mode="credit_card"), cash("2"), account="BA-1").receipt
    with_parts(desk)

    reverse(desk, CASHIER, order(receipt.receipt_number, tender=1))

    assert posted_to(desk, "card_receivable", CREDIT_CARDS) == {"card_receivable": 0, CREDIT_CARDS: 0}
    assert findings(desk) == []


def test_the_feed_tells_parts_by_their_own_codes(desk: Desk) -> None:
    with_parts(desk, "5")
    opened(desk)
    pay(desk, card("3", "000123456790", mode="credit_card"), account="BA-1")
    pay(desk, cash("1.25"), account=None, lines=[sale("CHARGER")])
    count(desk, "21.250")
    closed(desk)

    (batch,) = make_batches(desk, BACK_OFFICE, TODAY)

    codes = {(line.ledger_account, line.code) for line in batch.lines if ":" in line.ledger_account}
    assert codes == {("output_tax:5", "2205"), (CREDIT_CARDS, "1111")}
    assert findings(desk) == []
