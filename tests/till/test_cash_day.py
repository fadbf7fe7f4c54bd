"""Any day of cash, against a notebook of plain dicts: own coins, foreign notes, rates that move, notes that are no good.

Invariants 14 (``tenders_sum_to_payment_plus_change``), 20 (``currency_never_mixed``), 30 (``expected_cash``) and 33
(``over_short_booked``): whatever is taken, counted and declared, books and notebook agree.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pos.domain.errors import Refused
from pos.domain.money import Money, currency
from pos.domain.payment_event import Overpayment
from pos.domain.receipt import ReceiptFacts
from pos.till.balances import ledger_balances
from pos.till.desk import Desk
from pos.till.payment_order import TenderOrder
from pos.till.selling import SaleOrder
from tests.builders.tills import (
    BACK_OFFICE,
    ask_for_documents,
    cash,
    closed,
    count,
    findings,
    make_till,
    notes,
    opened,
    passport,
    pay,
    rows,
    sale,
    stock,
    take_currencies,
)
from tests.builders.tries import examples

KWD = currency("KWD")
EXPONENTS = {"USD": 2, "JPY": 0, "BHD": 3}
THRESHOLD = 40_000
KINDS = {"counterfeit": "counterfeit_cash", "damaged": "damaged_cash", "foreign_coins": "foreign_coins"}

NOTHING_TO_TAKE = {
    "tender_not_needed",
    "nothing_to_pay",
    "not_enough_tendered",
    "change_not_possible",
    "mode_not_for_purpose",
}

rates = st.fixed_dictionaries(
    {
        "USD": st.sampled_from(["0.30675", "0.31", "0.2999", "1.00001"]),
        "JPY": st.sampled_from(["0.002058", "0.0021", "0.5"]),
        "BHD": st.sampled_from(["0.8135", "1.0", "0.81499"]),
    }
)
whole_notes = st.tuples(st.sampled_from(sorted(EXPONENTS)), st.integers(1, 60))
payers = st.sampled_from(["BA-1", "BA-3", "D-1", "D-2", None])


def typed(minor: int) -> str:
    return Money(minor, KWD).plain()


def value(units: int, rate: str) -> int:
    """In fils, halves up; by fractions, not as the till figures it."""
    return int(units * Fraction(rate) * 1000 + Fraction(1, 2))


class CashDay(RuleBasedStateMachine):
    """One shift of a cashier, closed and opened again now and then."""

    @initialize(told=rates, threshold=st.booleans())
    def begin(self, told: dict[str, str], threshold: bool) -> None:
        self.desk: Desk = make_till()
        stock(self.desk)
        self.ledger: Counter[str] = Counter()
        self.by_payer: Counter[str] = Counter()
        self.threshold = threshold
        if threshold:
            ask_for_documents(self.desk, typed(THRESHOLD))
        self.rates = told
        take_currencies(self.desk, told)
        self._open()

    def _open(self) -> None:
        opened(self.desk, "20")
        self.ledger.update({"cash_in_till": 20_000, "safe": -20_000})
        self.notes: Counter[str] = Counter()
        self.booked: Counter[str] = Counter()

    # --- what happens at the counter -----------------------------------------------------------------------------

    @rule(told=rates)
    def the_rates_change(self, told: dict[str, str]) -> None:
        self.rates = told
        take_currencies(self.desk, told)

    @rule(
        payer=payers,
        foreign=st.lists(whole_notes, max_size=2),
        coins=st.integers(0, 9_000),
        keep=st.sampled_from([None, *Overpayment]),
    )
    def cash_is_taken(
        self, payer: str | None, foreign: list[tuple[str, int]], coins: int, keep: Overpayment | None
    ) -> None:
        tenders = [notes(str(units), code) for code, units in foreign]
        if coins:
            tenders.append(cash(typed(5 * coins)))
        if not tenders:
            return
        lines = [sale("SERVICE")] if payer is None else []
        try:
            taken = self._pay(payer, tenders, lines, keep)
        except Refused as refusal:
            if refusal.code not in NOTHING_TO_TAKE:
                raise
            return
        self._write_down(payer, foreign, 5 * coins, taken)

    def _pay(
        self, payer: str | None, tenders: list[TenderOrder], lines: list[SaleOrder], keep: Overpayment | None
    ) -> ReceiptFacts:
        def once(shown: bool) -> ReceiptFacts:
            return pay(
                self.desk,
                *tenders,
                account=payer,
                lines=lines,
                overpayment=keep,
                identity=passport() if shown else None,
            ).receipt

        before = len(rows(self.desk, "payment_event"))
        try:
            taken = once(shown=False)
            self.asked = False
        except Refused as refusal:
            assert len(rows(self.desk, "payment_event")) == before
            if refusal.code != "identity_needed":
                raise
            self.asked = True
            taken = once(shown=True)
        return taken

    def _write_down(
        self, payer: str | None, foreign: list[tuple[str, int]], coins: int, taken: ReceiptFacts
    ) -> None:
        worth = [value(units, self.rates[code]) for code, units in foreign]
        rounding = 0 if taken.rounding is None else taken.rounding.minor
        assert taken.total.minor == sum(worth) + coins - taken.change.minor + rounding
        assert 0 <= taken.change.minor < sum(worth) + coins
        assert taken.change.minor % 5 == 0
        assert abs(rounding) <= 5
        for (code, units), one in zip(foreign, worth, strict=True):
            self.notes[code] += units
            self.booked[code] += one
            self.ledger["foreign_cash_in_till"] += one
        self.ledger["cash_in_till"] += coins - taken.change.minor
        self.ledger["cash_rounding"] += rounding
        self._credit(taken)
        kept = sum(worth) + coins - taken.change.minor
        day = kept + (0 if payer is None else self.by_payer[payer])
        assert self.asked is (self.threshold and day >= THRESHOLD)
        if payer is not None:
            self.by_payer[payer] = day

    def _credit(self, taken: ReceiptFacts) -> None:
        on_account = "dealer_account" if taken.payer_kind == "dealer" else "customer_credit"
        for part in taken.allocations:
            self.ledger[on_account if part.bill_no is None else "receivable"] -= part.amount.minor
        tax = sum(line.tax.minor for line in taken.sale)
        self.ledger["output_tax"] -= tax
        self.ledger["item_revenue"] -= sum(line.amount.minor for line in taken.sale) - tax

    # --- the close -----------------------------------------------------------------------------------------------

    @precondition(lambda self: self.ledger["cash_in_till"] >= 0)
    @rule(
        missing=st.integers(-3_000, 3_000),
        declared=st.dictionaries(st.sampled_from(sorted(KINDS)), st.integers(1, 2_000)),
        off=st.dictionaries(st.sampled_from(sorted(EXPONENTS)), st.integers(-3, 3)),
    )
    def the_shift_is_closed(self, missing: int, declared: dict[str, int], off: dict[str, int]) -> None:
        expected = self.ledger["cash_in_till"]
        counted = max(0, expected - sum(declared.values()) - missing)
        found = {code: max(0, self.notes[code] + off.get(code, 0)) for code in {*self.notes, *off}}
        count(
            self.desk,
            typed(counted),
            foreign={code: str(units) for code, units in found.items()},
            declared={kind: typed(minor) for kind, minor in declared.items()},
        )
        even = counted + sum(declared.values()) == expected and all(
            units == self.notes[code] for code, units in found.items()
        )
        if not even:
            with pytest.raises(Refused) as differs:
                closed(self.desk)
            assert (differs.value.code, differs.value.details) == ("count_differs", {})
        done = closed(self.desk, None if even else "differs")
        assert done.expected_cash.minor == expected
        assert done.over_short.minor == counted + sum(declared.values()) - expected
        self._close_ledger(counted, declared, found)
        for one in done.foreign:
            code = one.expected.currency.code
            assert (one.expected.minor, one.booked.minor) == (
                self.notes[code] * 10 ** EXPONENTS[code],
                self.booked[code],
            )
            assert one.value.minor == value(found[code], self.rates[code])
        assert findings(self.desk) == []
        self._open()

    def _close_ledger(self, counted: int, declared: dict[str, int], found: dict[str, int]) -> None:
        expected = self.ledger["cash_in_till"]
        self.ledger["safe"] += counted
        self.ledger["cash_in_till"] = 0
        for kind, minor in declared.items():
            self.ledger[KINDS[kind]] += minor
        self.ledger["cash_over_short"] += expected - counted - sum(declared.values())
        for code, units in found.items():
            rate = self.rates[code]
            safe, would_be = value(units, rate), value(self.notes[code], rate)
            self.ledger["foreign_cash_safe"] += safe
            self.ledger["cash_over_short"] += would_be - safe
            self.ledger["exchange_difference"] += self.booked[code] - would_be
        self.ledger["foreign_cash_in_till"] = 0

    # --- what must hold ------------------------------------------------------------------------------------------

    @invariant()
    def the_ledger_is_the_notebook_and_knows_one_currency(self) -> None:
        if not hasattr(self, "ledger"):
            return
        booked = ledger_balances(self.desk, BACK_OFFICE)
        assert {row.balance.currency for row in booked} <= {KWD}
        assert {row.ledger_account: row.balance.minor for row in booked if row.balance} == {
            name: minor for name, minor in self.ledger.items() if minor
        }

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            assert findings(self.desk) == []


CashDay.TestCase.settings = settings(
    max_examples=examples(0.3),
    stateful_step_count=20,
)
TestCashDay = CashDay.TestCase
