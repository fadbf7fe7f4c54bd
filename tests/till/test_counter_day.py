"""Any day at the counter, against a model of plain dicts (invariants 3, 13, 14, 15, 17, 24, 30, 32, 33, 48).

Whatever is done in whatever order, the books hold what the model holds, every check of the books passes, and a refusal
changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pos.domain.allocation import PaymentPolicy
from pos.domain.errors import Refused
from pos.domain.money import Money, currency
from pos.domain.payment_event import Overpayment
from pos.domain.payment_mode import PayerKind, Purpose
from pos.till.balances import ledger_balances
from pos.till.cash_office import current_shift
from pos.till.enquiries import account_view
from pos.till.payment_order import AllocateOrder
from pos.till.shop_clock import confirm_clock
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    OTHER_CASHIER,
    SUPERVISOR,
    bill,
    bills_of,
    cash,
    cheque,
    clock_of,
    closed,
    count,
    findings,
    in_suspense,
    make_till,
    money,
    opened,
    pay,
    rows,
    tell,
    wish,
)
from tests.builders.tries import examples

KWD = currency("KWD")
HELD = {"7795"}
COIN = 5
TOLERANCE = 3
LEDGER = {"advance": "customer_advance", "deposit": "security_deposit"}

minors = st.integers(min_value=1, max_value=60_000)
choices = st.sampled_from([None, Overpayment.CHANGE, Overpayment.CREDIT])


def typed(minor: int) -> str:
    return Money(minor, KWD).plain()


class CounterDay(RuleBasedStateMachine):
    """One till over some days; ``open`` and the other dicts are what a clerk with a notebook would know."""

    @initialize()
    def begin(self) -> None:
        self.desk = make_till(payments=PaymentPolicy(tolerance_minor=TOLERANCE))
        told = [snapshot for snapshot in bills_of("KWD") if snapshot.remaining.currency == KWD]
        self.account_of = {snapshot.bill_no: snapshot.account for snapshot in told}
        self.due = {snapshot.bill_no: (snapshot.due_date, snapshot.bill_no) for snapshot in told}
        self.open = {snapshot.bill_no: snapshot.remaining.minor for snapshot in told}
        self.kept: Counter[tuple[str, str]] = Counter()
        self.in_suspense = 0
        self.ledger: Counter[str] = Counter()
        self.receipts = 0
        self.closed_shifts = 0
        self.deeds = 0
        self.refusals = 0
        self.tenders = 0
        self.shift: dict[str, int] | None = None

    # --- what the model does ---------------------------------------------------------------------------------------

    def _settle(
        self,
        tendered: list[tuple[str, int]],
        event: dict[tuple[str, str | None, str], int],
        *,
        change: int,
        rounding: int,
    ) -> None:
        """Write a payment into the notebook: ``event`` is what went to each account, for which bill, or kept as what."""
        assert self.shift is not None
        brought = sum(minor for _, minor in tendered) - change
        assert sum(event.values()) == brought + rounding, (
            "a payment is worth what it brought, in coins that exist"
        )
        self.ledger["cash_rounding"] += rounding
        for (account, bill_no, kept_as), minor in event.items():
            if bill_no is not None:
                self.open[bill_no] -= minor
                self.ledger["receivable"] -= minor
                assert self.open[bill_no] >= 0
                self._clear_the_rest(bill_no)
            elif kept_as == "suspense":
                self.in_suspense += minor
                self.ledger["suspense"] -= minor
            else:
                self.kept[account, kept_as] += minor
                on_account = "dealer_account" if account.startswith("D") else "customer_credit"
                self.ledger[LEDGER.get(kept_as, on_account)] -= minor
        for mode, minor in tendered:
            self.tenders += 1
            self.ledger["cash_in_till" if mode == "cash" else "cheques_in_hand"] += minor
            self.shift[mode] += minor
            self.shift[f"{mode} tenders"] += 1
        self.ledger["cash_in_till"] -= change
        self.shift["cash"] -= change
        self.receipts += 1
        self.shift["payments"] += 1

    def _clear_the_rest(self, bill_no: str) -> None:
        """A rest within the tolerance is given up."""
        rest = self.open[bill_no]
        if 0 < rest <= TOLERANCE:
            self.open[bill_no] = 0
            self.ledger["tolerance_write_off"] += rest
            self.ledger["receivable"] -= rest

    def _refused(self, code: str, *expected: str) -> None:
        assert code in expected, code
        self.refusals += 1

    def _take(
        self,
        account: str | None,
        tendered: list[tuple[str, int]],
        choice: Overpayment | None,
        named: list[tuple[str, int | None]],
        expected: tuple[str, ...],
        on_purpose: Sequence[AllocateOrder] = (),
    ) -> None:
        tenders = [
            cash(typed(minor))
            if mode == "cash"
            else cheque(typed(minor), serial=f"{self.tenders + place:06d}")
            for place, (mode, minor) in enumerate(tendered)
        ]
        wishes = [wish(bill_no, None if minor is None else typed(minor)) for bill_no, minor in named]
        wishes += on_purpose
        payer = PayerKind.SUBSCRIBER if account is None else None
        try:
            taken = pay(
                self.desk, *tenders, account=account, payer=payer, allocate=wishes, overpayment=choice
            )
        except Refused as refusal:
            by_cheque = any(mode == "cheque" for mode, _ in tendered)
            more = ("change_not_possible",) if choice is Overpayment.CHANGE and by_cheque else ()
            self._refused(refusal.code, *expected, *more)
            return
        self.deeds += 1
        receipt = taken.receipt
        assert receipt.receipt_number == f"S014-T1-A-{self.receipts + 1:06d}"
        handed_over_in_cash = sum(minor for mode, minor in tendered if mode == "cash")
        assert 0 <= receipt.change.minor <= handed_over_in_cash
        event: dict[tuple[str, str | None, str], int] = {}
        for part in receipt.allocations:
            key = (part.account, part.bill_no, part.kept_as)
            event[key] = event.get(key, 0) + part.amount.minor
            if part.bill_no is not None:
                assert part.account == self.account_of[part.bill_no]
                assert part.open_before is not None
                assert part.open_before.minor == self.open[part.bill_no]
                assert part.bill_no not in HELD
        if not wishes and account is not None and account.startswith("BA"):
            by_bill = {bill_no: minor for (_, bill_no, _), minor in event.items() if bill_no is not None}
            self._check_default_order(account, by_bill)
        rounding = 0 if receipt.rounding is None else receipt.rounding.minor
        self._check_rounding(handed_over_in_cash, receipt.change.minor, rounding)
        self._settle(tendered, event, change=receipt.change.minor, rounding=rounding)

    def _check_rounding(self, handed_over_in_cash: int, change: int, rounding: int) -> None:
        """Change is given in coins that exist, and no more is rounded than they ask for."""
        assert change % COIN == 0
        by_coins = handed_over_in_cash % COIN == 0
        assert abs(rounding) <= (COIN // 2 if by_coins else COIN - 1)
        assert not rounding or handed_over_in_cash

    def _check_default_order(self, account: str, event: dict[str, int]) -> None:
        """Oldest due first: a later bill is touched only when every earlier one is paid whole."""
        payable = sorted(
            (
                bill_no
                for bill_no, owner in self.account_of.items()
                if owner == account and self.open[bill_no]
            ),
            key=self.due.__getitem__,
        )
        payable = [bill_no for bill_no in payable if bill_no not in HELD]
        left = sum(event.values())
        for bill_no in payable:
            part = min(left, self.open[bill_no])
            assert event.get(bill_no, 0) == part
            left -= part
        assert left == 0

    # --- what happens at the counter -------------------------------------------------------------------------------

    @rule(float_minor=st.integers(0, 50_000), person=st.sampled_from([CASHIER, OTHER_CASHIER]))
    def open_a_shift(self, float_minor: int, person: object) -> None:
        if self.shift is not None:
            try:
                opened(self.desk, typed(float_minor), person=person)  # type: ignore[arg-type]
            except Refused as refusal:
                self._refused(refusal.code, "shift_is_open")
                return
            raise AssertionError("a second shift was opened")
        try:
            opened(self.desk, typed(float_minor))
        except Refused as refusal:
            # The clock was moved back: a supervisor looks at it, and then the shift is opened.
            self._refused(refusal.code, "clock_behind")
            confirm_clock(self.desk, SUPERVISOR)
            self.deeds += 1
            opened(self.desk, typed(float_minor))
        self.deeds += 1
        self.ledger["cash_in_till"] += float_minor
        self.ledger["safe"] -= float_minor
        self.shift = {
            "float": float_minor,
            "cash": 0,
            "cheque": 0,
            "cash tenders": 0,
            "cheque tenders": 0,
            "payments": 0,
            "counts of this drawer": 0,
        }

    @precondition(lambda self: self.shift is None)
    @rule()
    def pay_without_a_shift(self) -> None:
        try:
            pay(self.desk, cash("1"))
        except Refused as refusal:
            self._refused(refusal.code, "no_open_shift")
            return
        raise AssertionError("money was taken without a shift")

    @precondition(lambda self: self.shift is not None)
    @rule(account=st.sampled_from(["BA-1", "BA-2", "BA-3", "BA-4", "BA-5"]), minor=minors, choice=choices)
    def pay_in_cash(self, account: str, minor: int, choice: Overpayment | None) -> None:
        self._take(account, [("cash", minor)], choice, [], ("nothing_to_pay", "tender_not_needed"))

    @precondition(lambda self: self.shift is not None)
    @rule(
        account=st.sampled_from(["BA-1", "BA-4", "BA-5", "D-1"]),
        parts=st.lists(st.tuples(st.sampled_from(["cash", "cheque"]), minors), min_size=1, max_size=4),
        choice=choices,
    )
    def pay_with_several_tenders(
        self, account: str, parts: list[tuple[str, int]], choice: Overpayment | None
    ) -> None:
        self._take(account, parts, choice, [], ("nothing_to_pay", "tender_not_needed"))

    @precondition(lambda self: self.shift is not None)
    @rule(
        wishes=st.lists(
            st.tuples(st.sampled_from(["7780", "7781", "7782", "7790", "7795", "7796"]), st.none() | minors),
            min_size=1,
            max_size=3,
        ),
        minor=minors,
        choice=choices,
    )
    def pay_named_bills(
        self, wishes: list[tuple[str, int | None]], minor: int, choice: Overpayment | None
    ) -> None:
        self._take(
            "BA-1",
            [("cash", minor)],
            choice,
            wishes,
            (
                "bill_named_twice",
                "bill_on_hold",
                "bill_settled",
                "more_than_open",
                "not_enough_tendered",
                "nothing_to_pay",
                "tender_not_needed",
            ),
        )

    @precondition(lambda self: self.shift is not None)
    @rule(
        account=st.sampled_from(["BA-1", "BA-3", "D-1"]),
        sums=st.lists(
            st.tuples(st.sampled_from([Purpose.ACCOUNT, Purpose.ADVANCE, Purpose.DEPOSIT]), minors),
            min_size=1,
            max_size=3,
        ),
        more=st.integers(-10, 10),
        choice=choices,
    )
    def pay_on_purpose(
        self, account: str, sums: list[tuple[Purpose, int]], more: int, choice: Overpayment | None
    ) -> None:
        wishes = [wish(None, typed(minor), account, keep_as=purpose) for purpose, minor in sums]
        tendered = max(1, sum(minor for _, minor in sums) + more)
        expected = ("not_enough_tendered", "tender_not_needed")
        self._take(account, [("cash", tendered)], choice, [], expected, wishes)

    @precondition(lambda self: self.shift is not None)
    @rule(minor=minors, mode=st.sampled_from(["cash", "cheque"]), by_whom=st.sampled_from([None, "BA-1"]))
    def pay_into_suspense(self, minor: int, mode: str, by_whom: str | None) -> None:
        self._take(by_whom, [(mode, minor)], None, [], (), [in_suspense(f"envelope {minor}")])

    @precondition(lambda self: self.shift is not None)
    @rule(bill_no=st.sampled_from(["7781", "7782", "7796"]), short=st.integers(1, TOLERANCE + 2))
    def pay_nearly_all_of_a_bill(self, bill_no: str, short: int) -> None:
        """By cheque, which is not rounded: the rest is cleared or stays."""
        minor = max(1, self.open[bill_no] - short)
        expected = ("bill_settled", "more_than_open")
        self._take("BA-1", [("cheque", minor)], None, [(bill_no, minor)], expected)

    def _is_recounted(self) -> bool:
        assert self.shift is not None
        return self.shift.get("counts", 0) >= 2 and self.shift["counted at"] == self.shift["payments"]

    @precondition(lambda self: self.shift is not None)
    @rule(off=st.sampled_from([0, 0, 0, -1, 5, -2_000]), cheques_off=st.sampled_from([0, 0, 1]))
    def count_the_drawer(self, off: int, cheques_off: int) -> None:
        assert self.shift is not None
        counted = max(0, self.shift["float"] + self.shift["cash"] + off)
        recounted = self._is_recounted()
        try:
            count(
                self.desk,
                typed(counted),
                cheques=typed(self.shift["cheque"]),
                cheque_count=self.shift["cheque tenders"] + cheques_off,
            )
        except Refused as refusal:
            assert recounted
            self._refused(refusal.code, "recounted_already")
            return
        assert not recounted
        self.deeds += 1
        self.shift["counts"] = self.shift.get("counts", 0) + 1
        self.shift["counted at"] = self.shift["payments"]
        self.shift["counted"] = counted
        self.shift["cheques off"] = cheques_off

    @precondition(lambda self: self.shift is not None)
    @rule(reason=st.sampled_from([None, "found"]))
    def close_the_shift(self, reason: str | None) -> None:
        assert self.shift is not None
        expected = self.shift["float"] + self.shift["cash"]
        try:
            done = closed(self.desk, reason)
        except Refused as refusal:
            if "counted" not in self.shift:
                self._refused(refusal.code, "not_counted")
            elif self.shift["counted at"] != self.shift["payments"]:
                self._refused(refusal.code, "count_is_old")
            elif self.shift["counts"] > 2:
                assert reason is None
                self._refused(refusal.code, "recounted_already")
            else:
                assert reason is None
                assert self.shift["counted"] != expected or self.shift["cheques off"]
                self._refused(refusal.code, "count_differs")
            return
        self.deeds += 1
        assert self.shift["counted at"] == self.shift["payments"]
        over_short = self.shift["counted"] - expected
        assert (done.expected_cash.minor, done.over_short.minor, done.payments) == (
            expected,
            over_short,
            self.shift["payments"],
        )
        self.ledger["cash_in_till"] -= expected
        self.ledger["safe"] += self.shift["counted"]
        self.ledger["cash_over_short"] -= over_short
        self.shift = None
        self.closed_shifts += 1

    @precondition(lambda self: bool(self.due))
    @rule(number=st.integers(0, 99), minor=minors)
    def central_tells_a_new_bill(self, number: int, minor: int) -> None:
        bill_no = f"88{number:02d}"
        if bill_no in self.open:
            return
        told = bill(bill_no, Money(minor, KWD), of="BA-1")
        tell(self.desk, bills=[told])
        self.account_of[bill_no], self.open[bill_no] = "BA-1", minor
        self.due[bill_no] = (told.due_date, bill_no)

    @rule(by=st.sampled_from([-3_600, 1, 86_400]))
    def the_clock_moves(self, by: int) -> None:
        clock_of(self.desk).advance(seconds=by)

    # --- what must hold after each step ----------------------------------------------------------------------------

    @invariant()
    def the_books_pass_every_check(self) -> None:
        assert findings(self.desk) == []

    @invariant()
    def the_ledger_is_the_models(self) -> None:
        booked = {row.ledger_account: row.balance.minor for row in ledger_balances(self.desk, BACK_OFFICE)}
        assert {name: minor for name, minor in booked.items() if minor} == {
            name: minor for name, minor in self.ledger.items() if minor
        }

    @invariant()
    def what_is_open_is_the_models(self) -> None:
        for account in ("BA-1", "BA-3", "BA-4"):
            view = account_view(self.desk, CASHIER, account)
            assert {entry.bill.bill_no: entry.open.minor for entry in view.bills} == {
                bill_no: minor
                for bill_no, minor in self.open.items()
                if minor and self.account_of[bill_no] == account
            }
            assert view.credit.minor == self.kept[account, "account"]
            assert view.advance.minor == self.kept[account, "advance"]
            assert view.deposit.minor == self.kept[account, "deposit"]

    @invariant()
    def what_is_in_suspense_is_the_models(self) -> None:
        assert sum(int(str(row["amount_minor"])) for row in rows(self.desk, "suspense")) == self.in_suspense

    @invariant()
    def receipts_are_numbered_without_a_gap(self) -> None:
        counters: dict[object, list[object]] = {"A": [], "A-Z": []}
        for row in rows(self.desk, "receipt"):
            counters[row["series"]].append(row["counter"])
        assert counters == {
            "A": list(range(1, self.receipts + 1)),
            "A-Z": list(range(1, self.closed_shifts + 1)),
        }

    @invariant()
    def a_shift_is_open_exactly_when_the_model_says_so(self) -> None:
        shift = current_shift(self.desk)
        assert (shift is None) is (self.shift is None)
        assert shift is None or shift.float_ == money(typed(self.shift["float"] if self.shift else 0))

    @invariant()
    def every_deed_and_every_refusal_is_one_audit_row(self) -> None:
        results = Counter(row["result"] for row in rows(self.desk, "audit"))
        assert (results["ok"], results["refused"]) == (self.deeds, self.refusals)

    @invariant()
    def every_leg_waits_for_central(self) -> None:
        legs = {(row["payment_event_id"], row["leg"]) for row in rows(self.desk, "leg")}
        assert {(row["payment_event_id"], row["leg"]) for row in rows(self.desk, "outbox")} == legs


CounterDay.TestCase.settings = settings(
    max_examples=examples(0.3),
    stateful_step_count=25,
)
TestCounterDay = CounterDay.TestCase
