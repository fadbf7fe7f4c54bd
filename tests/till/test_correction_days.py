"""Any days of payments and corrections, against a notebook of plain numbers (invariants 13, 14, 22, 23; rules 29 to 33).

Whatever is voided, reversed, cancelled, paid back, moved or refused: each payment stands for what the notebook says, the
money on bills and accounts is what stands, the drawer holds what the notebook holds, and the books are sound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pos.domain.cash_rounding import NO_ROUNDING
from pos.domain.correction import CorrectionPolicy
from pos.domain.errors import Refused
from pos.domain.ids import new_id
from pos.domain.payment_event import Overpayment
from pos.till.correction_entry import Corrected, CorrectionOrder
from pos.till.corrections import reverse, void
from pos.till.open_bills import catch_up_all
from pos.till.payment_order import TenderOrder
from pos.till.refunds import RefundOrder, refund
from pos.till.swaps import SwapOrder, swap_tender
from pos.till.transfers import MoveOrder, reallocate, transfer
from tests.builders.tills import (
    CASHIER,
    SUPERVISOR,
    card,
    cash,
    cheque,
    closed,
    count,
    findings,
    make_till,
    opened,
    pay,
    rows,
)
from tests.builders.tries import examples
from tests.builders.undoing import Done, balances, credits, open_bills

FLOAT = 20_000
ACCOUNTS = ("BA-1", "BA-2", "BA-3")
ACTS = ("void", "reverse", "refund", "transfer", "reallocate", "swap_tender")


@dataclass
class Noted:
    """What the notebook says of a payment: by tender what of it still stands; whose shift; whether it is undone."""

    receipt: str
    shift: int
    stands: dict[str, int]
    taken: dict[str, int]
    touched: bool = False
    moves: int = 0

    @property
    def left(self) -> int:
        return sum(self.stands.values())

    @property
    def sure(self) -> int:
        """A cheque is not, before it is cleared."""
        return self.stands["cash"] + self.stands["card"]


class CorrectionDays(RuleBasedStateMachine):
    @initialize()
    def open(self) -> None:
        self.desk = make_till()
        self.desk.policy = replace(
            self.desk.policy,
            cash_rounding=NO_ROUNDING,
            corrections=CorrectionPolicy(alone_minor=dict.fromkeys(ACTS, 10**9), transfers_max=2),
        )
        opened(self.desk)
        self.shift = 1
        self.cash = FLOAT
        self.in_safe = -FLOAT
        self.cheques = (0, 0)
        self.owed = 0
        self.papers = 0
        self.notebook: list[Noted] = []
        self.bills, self.credits = open_bills(self.desk), credits(self.desk)

    @rule(
        parts=st.fixed_dictionaries(
            {"cash": st.integers(0, 9_000), "card": st.integers(0, 9_000), "cheque": st.integers(0, 9_000)}
        ).filter(lambda parts: sum(parts.values()) > 0),
        account=st.sampled_from(ACCOUNTS),
    )
    def a_payment_is_taken(self, parts: dict[str, int], account: str) -> None:
        if account == "BA-2":
            # Nobody takes a cheque of an account that pays cash only.
            parts = {**parts, "cash": parts["cash"] + parts["cheque"], "cheque": 0}
        self.papers += 1
        makers: dict[str, Callable[[str], TenderOrder]] = {
            "cash": cash,
            "card": lambda amount: card(amount, f"{self.papers:012d}"),
            "cheque": lambda amount: cheque(amount, f"{self.papers:06d}"),
        }
        tenders = [makers[kind](f"{minor / 1000:.3f}") for kind, minor in parts.items() if minor]
        receipt = pay(self.desk, *tenders, account=account, overpayment=Overpayment.CREDIT).receipt
        self.notebook.append(
            Noted(receipt=receipt.receipt_number, shift=self.shift, stands=dict(parts), taken=dict(parts))
        )
        self.cash += parts["cash"]
        if parts["cheque"]:
            self.cheques = (self.cheques[0] + 1, self.cheques[1] + parts["cheque"])

    def _tried(self, deed: Callable[[], Done]) -> tuple[str, Done | None]:
        try:
            return "", deed()
        except Refused as refusal:
            return refusal.code, None

    def _refused(self, deed: Callable[[], Corrected]) -> str:
        return self._tried(deed)[0]

    @precondition(lambda self: self.notebook)
    @rule(data=st.data())
    def it_is_undone(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.notebook))
        order = CorrectionOrder(receipt=one.receipt, reason="wrong_amount")
        here = one.shift == self.shift
        if one.touched:
            assert self._refused(lambda: (void if here else reverse)(self.desk, CASHIER, order))
            return
        if one.taken["cash"] > self.cash:
            assert (
                self._refused(lambda: (void if here else reverse)(self.desk, CASHIER, order))
                == "drawer_short"
            )
            return
        done = (void if here else reverse)(self.desk, CASHIER, order)
        assert (done.amount.minor, done.cash.minor) == (one.left, one.taken["cash"])
        self.cash -= one.taken["cash"]
        if here and one.taken["cheque"]:
            self.cheques = (self.cheques[0] - 1, self.cheques[1] - one.taken["cheque"])
        one.stands, one.touched = dict.fromkeys(one.stands, 0), True

    @precondition(lambda self: self.notebook)
    @rule(data=st.data(), minor=st.integers(0, 12_000))
    def it_was_really_paid_another_way(self, data: st.DataObject, minor: int) -> None:
        one = data.draw(st.sampled_from(self.notebook))
        paid = sum(one.taken.values())
        parts = {"cash": min(minor, paid), "card": paid - min(minor, paid)}
        self.papers += 1
        makers: dict[str, Callable[[str], TenderOrder]] = {
            "cash": cash,
            "card": lambda amount: card(amount, f"{self.papers:012d}"),
        }
        order = SwapOrder(
            receipt=one.receipt,
            payment_event_id=new_id(self.desk.clock, self.desk.randomness),
            tenders=[makers[kind](f"{part / 1000:.3f}") for kind, part in parts.items() if part],
        )
        code, done = self._tried(lambda: swap_tender(self.desk, SUPERVISOR, order))
        if done is None:
            expected = "not_this_shift" if one.shift != self.shift else "drawer_short"
            assert code == ("payment_corrected" if one.touched else expected) or code == "not_this_shift"
            assert code != "drawer_short" or one.taken["cash"] > self.cash
            return
        assert (one.touched, one.shift) == (False, self.shift)
        assert done.taken.receipt.total.minor == paid
        self.cash += parts["cash"] - one.taken["cash"]
        if one.taken["cheque"]:
            self.cheques = (self.cheques[0] - 1, self.cheques[1] - one.taken["cheque"])
        one.stands, one.touched = dict.fromkeys(one.stands, 0), True
        really = {**parts, "cheque": 0}
        receipt = done.taken.receipt.receipt_number
        self.notebook.append(Noted(receipt=receipt, shift=self.shift, stands=dict(really), taken=really))

    @precondition(lambda self: any(one.stands["cheque"] for one in self.notebook))
    @rule(data=st.data())
    def a_cheque_is_no_good(self, data: st.DataObject) -> None:
        """Exactly what it funded is undone; the other tenders stay."""
        one = data.draw(st.sampled_from([one for one in self.notebook if one.stands["cheque"]]))
        tender = next(
            row["number"]
            for row in rows(self.desk, "tender")
            if row["mode"] == "cheque" and self._receipt_of(row["payment_event_id"]) == one.receipt
        )
        order = CorrectionOrder(receipt=one.receipt, reason="bad_instrument", tender=int(str(tender)))
        done = reverse(self.desk, CASHIER, order)
        assert (done.amount.minor, done.cash.minor) == (one.stands["cheque"], 0)
        if one.shift == self.shift:
            self.cheques = (self.cheques[0] - 1, self.cheques[1] - one.taken["cheque"])
        one.stands["cheque"], one.touched = 0, True

    def _receipt_of(self, event_id: object) -> object:
        return next(
            row["receipt_number"]
            for row in rows(self.desk, "payment_event")
            if row["payment_event_id"] == event_id
        )

    @precondition(lambda self: self.notebook)
    @rule(data=st.data(), minor=st.integers(1, 12_000))
    def some_of_it_is_paid_back(self, data: st.DataObject, minor: int) -> None:
        one = data.draw(st.sampled_from(self.notebook))
        order = RefundOrder(receipt=one.receipt, reason="billed_twice", amount=f"{minor / 1000:.3f}")
        if minor > one.sure:
            assert self._refused(lambda: refund(self.desk, CASHIER, order)) in (
                "more_than_refundable",
                "nothing_refundable",
                "payment_corrected",
            )
            return
        # The tender that was given last goes back first, and cash is always given last.
        in_cash = min(minor, one.stands["cash"])
        if in_cash > self.cash:
            assert self._refused(lambda: refund(self.desk, CASHIER, order)) == "drawer_short"
            return
        done = refund(self.desk, CASHIER, order)
        assert (done.amount.minor, done.cash.minor) == (minor, in_cash)
        one.stands["cash"] -= in_cash
        one.stands["card"] -= minor - in_cash
        one.touched = True
        self.cash -= in_cash
        self.owed += minor - in_cash

    @precondition(lambda self: self.notebook)
    @rule(data=st.data(), minor=st.integers(1, 12_000), account=st.sampled_from(ACCOUNTS))
    def some_of_it_is_moved(self, data: st.DataObject, minor: int, account: str) -> None:
        one = data.draw(st.sampled_from(self.notebook))
        order = MoveOrder(
            receipt=one.receipt, reason="wrong_account", account=account, amount=f"{minor / 1000:.3f}"
        )
        code, done = self._tried(lambda: transfer(self.desk, CASHIER, order))
        if done is None:
            assert code in {
                "same_account",
                "more_than_movable",
                "nothing_to_move",
                "transfer_chain",
                "payment_corrected",
            }
            assert (code == "transfer_chain") <= (one.moves == 2)
            return
        assert one.moves < 2
        assert minor <= one.sure
        assert (done.amount.minor, done.cash.minor) == (minor, 0)
        one.touched, one.moves = True, one.moves + 1

    @precondition(lambda self: self.notebook)
    @rule(data=st.data())
    def it_is_kept_as_credit_instead(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.notebook))
        if not self._refused(
            lambda: reallocate(self.desk, CASHIER, MoveOrder(receipt=one.receipt, reason="customer_wish"))
        ):
            one.touched = True

    @rule()
    def the_shift_is_closed_and_another_opened(self) -> None:
        number, minor = self.cheques
        count(self.desk, f"{self.cash / 1000:.3f}", cheques=f"{minor / 1000:.3f}", cheque_count=number)
        done = closed(self.desk)
        assert done.over_short.minor == 0
        self.in_safe += self.cash - FLOAT
        opened(self.desk)
        self.cash, self.cheques, self.shift = FLOAT, (0, 0), self.shift + 1

    @invariant()
    def the_books_hold_what_the_notebook_holds(self) -> None:
        if not hasattr(self, "notebook"):
            return
        stands = sum(one.left for one in self.notebook)
        catch_up_all(self.desk)
        paid = sum(self.bills.values()) - sum(open_bills(self.desk).values())
        kept = sum(credits(self.desk).values()) - sum(self.credits.values())
        assert paid + kept == stands
        ledger = balances(self.desk)
        assert ledger.get(("cash_in_till", None), 0) == self.cash
        assert ledger.get(("safe", None), 0) == self.in_safe
        cards = sum(one.stands["card"] for one in self.notebook)
        at_card = ledger.get(("card_receivable", None), 0)
        owed = -sum(minor for (account, _), minor in ledger.items() if account == "refunds_payable")
        assert (at_card - owed, owed) == (cards, self.owed)
        left = {
            row["receipt_number"]: (row["amount_minor"], row["undone_minor"])
            for row in rows(self.desk, "v_payment")
        }
        for one in self.notebook:
            amount, undone = left[one.receipt]
            assert int(str(amount)) - int(str(undone)) == one.left

    def teardown(self) -> None:
        if hasattr(self, "notebook"):
            assert findings(self.desk) == []


TestCorrectionDays = CorrectionDays.TestCase
TestCorrectionDays.settings = settings(max_examples=examples(0.5), stateful_step_count=20, deadline=None)
