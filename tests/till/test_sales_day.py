"""Any day of payments and sales in all modes, against a notebook of plain dicts (invariants 13 to 15, 17, 19 to 21, 24).

Whatever is taken, split, sold, put on account, refused or sent twice, whatever the bank says of a receipt, and whether
central answers or not: the books hold what the notebook holds, and the shift closes even.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pos.domain.errors import Refused
from pos.domain.money import Money, currency
from pos.domain.offline import OfflineLimits
from pos.domain.payment_event import Overpayment
from pos.domain.receipt import ReceiptFacts
from pos.till.balances import ledger_balances
from pos.till.bank_receipts import reject_bank_receipt, unblock_dealer, verify_bank_receipt
from pos.till.enquiries import account_view
from pos.till.payment_order import PaymentOrder, TenderOrder
from pos.till.selling import SaleOrder
from pos.till.take_payment import take_payment
from tests.builders.tills import (
    BACK_OFFICE,
    SUPERVISOR,
    FakeVouchers,
    acknowledge_all,
    atm,
    bank_cash,
    bank_cheque,
    bills_of,
    card,
    cash,
    cheque,
    closed,
    count,
    direct_debit,
    findings,
    go_offline,
    grant_limit,
    iccid,
    items_of,
    make_till,
    money,
    opened,
    order,
    release,
    reserve,
    rows,
    sale,
    stock,
    voucher,
    wish,
)
from tests.builders.tries import examples

KWD = currency("KWD")
FLOAT = 20_000
LEDGERS = {
    "cash": "cash_in_till",
    "cheque": "cheques_in_hand",
    "debit_card": "card_receivable",
    "credit_card": "card_receivable",
    "bank_cash": "bank_receipts_unverified",
    "bank_cheque": "bank_receipts_unverified",
    "direct_debit": "direct_debit_clearing",
    "internal_voucher": "loyalty_liability",
    "external_voucher": "issuer_receivable",
    "atm": "atm_clearing",
}
MAKERS: dict[str, Callable[[str, int], TenderOrder]] = {
    "cash": lambda amount, _: cash(amount),
    "cheque": lambda amount, number: cheque(amount, serial=f"{number:06d}"),
    "debit_card": lambda amount, number: card(amount, rrn=f"R{number}"),
    "credit_card": lambda amount, number: card(amount, rrn=f"R{number}", mode="credit_card"),
    "bank_cash": lambda amount, number: bank_cash(amount, reference=f"{number}K{number}"),
    "bank_cheque": lambda amount, number: bank_cheque(amount, reference=f"{number}K{number}"),
    "direct_debit": lambda amount, number: direct_debit(amount, reference=f"D{number}"),
    "internal_voucher": lambda amount, number: voucher(amount, f"LOYAL-{number}"),
    "external_voucher": lambda amount, number: voucher(amount, f"GIFT-{number}", issuer="SODEXO"),
    "atm": lambda amount, number: atm(amount, trace=f"T{number}"),
}
OF_SUBSCRIBERS = [mode for mode in MAKERS if not mode.startswith("bank")]
OF_DEALERS = [mode for mode in MAKERS if mode != "direct_debit"]
BY_BANK = {"bank_cash", "bank_cheque"}
ALONE = {
    "cheque": OfflineLimits(shift_total=money("12"), count=3),
    "atm": OfflineLimits(item=money("10")),
    "debit_card": OfflineLimits(customer=money("12")),
    "bank_cash": OfflineLimits(count=2),
}
"""What is taken of each mode while central is silent; cash has no limit."""
PRICES = {item.item: item.price.minor for item in items_of("KWD")}

minors = st.integers(1, 30_000)
choices = st.sampled_from([None, Overpayment.CHANGE, Overpayment.CREDIT])
baskets = st.lists(st.sampled_from(["CHARGER", "SERVICE", "GIFT", "SIM-01"]), min_size=1, max_size=3)
payers = st.sampled_from([None, "BA-1", "BA-3", "BA-4", "D-1"])


def typed(minor: int) -> str:
    return Money(minor, KWD).plain()


class SalesDay(RuleBasedStateMachine):
    """One shift of a supervisor, who may take every mode."""

    @initialize()
    def begin(self) -> None:
        self.desk = make_till()
        stock(self.desk)
        grant_limit(self.desk, "1000000")
        opened(self.desk, typed(FLOAT), person=SUPERVISOR)
        told = [snapshot for snapshot in bills_of("KWD") if snapshot.remaining.currency == KWD]
        self.open = {snapshot.bill_no: snapshot.remaining.minor for snapshot in told}
        self.credit: Counter[str] = Counter()
        self.ledger: Counter[str] = Counter({"cash_in_till": FLOAT, "safe": -FLOAT})
        self.modes: Counter[str] = Counter()
        self.papers = 0
        self.sold: list[str] = []
        self.taken: list[tuple[PaymentOrder, ReceiptFacts]] = []
        self.presented: dict[str, tuple[str, int]] = {}
        self.rejected = False
        self.silent: list[tuple[str, str | None, int]] | None = None

    # --- doing ---------------------------------------------------------------------------------------------------

    def _tender(self, mode: str, minor: int) -> TenderOrder:
        self.papers += 1
        return MAKERS[mode](typed(minor), self.papers)

    def _lines(self, items: Sequence[str]) -> list[SaleOrder]:
        lines = []
        for place, item in enumerate(items):
            serial = [iccid(len(self.sold) * 10 + place)] if item == "SIM-01" else []
            lines.append(sale(item, 1, *serial))
        return lines

    def _take(self, asked: PaymentOrder, *codes: str) -> bool:
        """Take it, or see it refused as one of ``codes`` with nothing changed."""
        before = len(rows(self.desk, "payment_event")), len(rows(self.desk, "instrument"))
        blocked = self.rejected and any(tender.mode in BY_BANK for tender in asked.tenders)
        beyond = self._is_beyond_what_is_taken_alone(asked)
        codes += ("dealer_blocked",) * blocked + ("offline_limit",) * beyond
        try:
            reserve(self.desk, asked, FakeVouchers(), SUPERVISOR)
            taken = take_payment(self.desk, SUPERVISOR, asked)
        except Refused as refusal:
            self._see_refused(asked, refusal.code, codes, before)
            return False
        assert (taken.replayed, blocked, beyond) == (False, False, False)
        self._write_down(asked, taken.receipt)
        return True

    def _is_beyond_what_is_taken_alone(self, asked: PaymentOrder) -> bool:
        """Whether a tender passes what its mode may bring until central answers again."""
        if self.silent is None:
            return False
        for mode, limits in ALONE.items():
            brought = [money(tender.amount).minor for tender in asked.tenders if tender.mode == mode]
            before = [one for one in self.silent if one[0] == mode]
            of_payer = sum(minor for _, payer, minor in before if payer == asked.payer_account)
            caps = [
                (limits.item, max(brought, default=0)),
                (limits.customer, of_payer + sum(brought)),
                (limits.shift_total, sum(minor for _, _, minor in before) + sum(brought)),
            ]
            too_many = bool(limits.count) and len(before) + len(brought) > limits.count
            if brought and (too_many or any(cap is not None and sum_ > cap.minor for cap, sum_ in caps)):
                return True
        return False

    def _see_refused(
        self, asked: PaymentOrder, code: str, codes: Sequence[str], before: tuple[int, int]
    ) -> None:
        assert code in codes, code
        release(self.desk, asked.payment_event_id, FakeVouchers())
        assert (len(rows(self.desk, "payment_event")), len(rows(self.desk, "instrument"))) == before

    def _write_down(self, asked: PaymentOrder, receipt: ReceiptFacts) -> None:
        assert receipt.receipt_number == f"S014-T1-A-{len(self.taken) + 1:06d}"
        handed_over = {"cash": 0}
        for tender in receipt.tenders:
            handed_over[tender.mode] = handed_over.get(tender.mode, 0) + tender.amount.minor
            self.modes[tender.mode] += 1
        assert 0 <= receipt.change.minor <= handed_over["cash"]
        rounding = 0 if receipt.rounding is None else receipt.rounding.minor
        brought = sum(handed_over.values()) - receipt.change.minor + rounding
        self.ledger["cash_rounding"] += rounding
        sold = sum(line.amount.minor for line in receipt.sale)
        assert brought == receipt.total.minor == sold + sum(part.amount.minor for part in receipt.allocations)
        for mode, minor in handed_over.items():
            self.ledger[LEDGERS[mode]] += minor
        if self.silent is not None:
            self.silent += [
                (tender.mode, asked.payer_account, tender.amount.minor) for tender in receipt.tenders
            ]
        by_bank = sum(tender.amount.minor for tender in receipt.tenders if tender.mode in BY_BANK)
        if len(receipt.tenders) == 1 and by_bank and receipt.payer_account == "D-1":
            self.presented[receipt.receipt_number] = (receipt.tenders[0].mode, by_bank)
        self.ledger["cash_in_till"] -= receipt.change.minor
        dealer = receipt.payer_kind == "dealer"
        for part in receipt.allocations:
            if part.bill_no is None:
                self.credit[part.account] += part.amount.minor
                self.ledger["dealer_account" if dealer else "customer_credit"] -= part.amount.minor
            else:
                assert part.open_before is not None
                assert part.open_before.minor == self.open[part.bill_no] >= part.amount.minor
                self.open[part.bill_no] -= part.amount.minor
                self.ledger["receivable"] -= part.amount.minor
        tax = sum(line.tax.minor for line in receipt.sale)
        self.ledger["item_revenue"] -= sold - tax
        self.ledger["output_tax"] -= tax
        assert [line.item for line in receipt.sale] == [line.item for line in asked.lines]
        assert sum(PRICES[line.item] * line.quantity for line in asked.lines) == sold
        self.sold += [serial for line in receipt.sale for serial in line.serials]
        if receipt.payer_kind == "walk_in":
            assert receipt.credit.minor == 0
        self.taken.append((asked, receipt))

    # --- what happens at the counter -------------------------------------------------------------------------------

    @rule(
        account=st.sampled_from(["BA-1", "BA-3", "BA-4"]),
        parts=st.lists(st.tuples(st.sampled_from(OF_SUBSCRIBERS), minors), min_size=1, max_size=3),
        choice=choices,
    )
    def a_subscriber_pays(
        self, account: str, parts: list[tuple[str, int]], choice: Overpayment | None
    ) -> None:
        tenders = [self._tender(mode, minor) for mode, minor in parts]
        self._take(
            order(self.desk, *tenders, account=account, overpayment=choice),
            "nothing_to_pay",
            "tender_not_needed",
            "change_not_possible",
            "mode_not_for_purpose",
        )

    @rule(parts=st.lists(st.tuples(st.sampled_from(OF_DEALERS), minors), min_size=1, max_size=3))
    def a_dealer_tops_up(self, parts: list[tuple[str, int]]) -> None:
        tenders = [self._tender(mode, minor) for mode, minor in parts]
        asked = order(self.desk, *tenders, account="D-1", overpayment=Overpayment.CREDIT)
        taken = self._take(asked)
        assert taken or self.rejected or self.silent is not None, "all of it is credit"

    @rule(
        buyer=payers,
        items=baskets,
        first=st.none() | st.tuples(st.sampled_from(["debit_card", "cheque"]), st.integers(1, 4_000)),
        over=st.sampled_from([-1, 0, 0, 1, 5_000]),
        choice=choices,
    )
    def somebody_buys(
        self,
        buyer: str | None,
        items: list[str],
        first: tuple[str, int] | None,
        over: int,
        choice: Overpayment | None,
    ) -> None:
        price = sum(PRICES[item] for item in items)
        tenders = [self._tender(*first)] if first else []
        left = price - (first[1] if first else 0) + over
        if left > 0:
            tenders.append(self._tender("cash", left))
        if not tenders:
            return
        asked = order(self.desk, *tenders, account=buyer, lines=self._lines(items), overpayment=choice)
        self._take(asked, "not_enough_tendered", "nothing_to_pay", "change_not_possible", "tender_not_needed")

    @precondition(lambda self: self.open["7782"] > 1_000)
    @rule(items=baskets, minor=st.integers(1, 1_000), mode=st.sampled_from(["internal_voucher", "atm"]))
    def bills_and_items_by_voucher_and_cash(self, items: list[str], minor: int, mode: str) -> None:
        price = sum(PRICES[item] for item in items)
        tenders = [self._tender(mode, minor)] + ([self._tender("cash", price)] if price else [])
        asked = order(
            self.desk,
            *tenders,
            account="BA-1",
            allocate=[wish("7782", typed(minor))],
            lines=self._lines(items),
        )
        assert self._take(asked) or self.silent is not None

    @precondition(lambda self: bool(self.sold))
    @rule(data=st.data())
    def a_serial_that_was_sold_comes_again(self, data: st.DataObject) -> None:
        serial = data.draw(st.sampled_from(self.sold))
        asked = order(self.desk, cash("5"), account=None, lines=[sale("SIM-01", 1, serial)])
        assert not self._take(asked, "serial_sold_before")

    @precondition(lambda self: bool(self.taken))
    @rule(data=st.data())
    def a_paper_that_was_taken_comes_again(self, data: st.DataObject) -> None:
        asked, _ = data.draw(st.sampled_from(self.taken))
        paper = next((one for one in asked.tenders if one.mode != "cash"), None)
        if paper is None:
            return
        again = order(
            self.desk, paper, account=asked.payer_account, lines=asked.lines, allocate=asked.allocate
        )
        assert not self._take(
            again,
            "taken_before",
            "cheque_taken_before",
            "serial_sold_before",
            "not_enough_tendered",
            "change_not_possible",
            "nothing_to_pay",
            "mode_not_for_purpose",
            "more_than_open",
        )

    @precondition(lambda self: bool(self.taken))
    @rule(data=st.data())
    def enter_is_pressed_twice(self, data: st.DataObject) -> None:
        asked, receipt = data.draw(st.sampled_from(self.taken))

        again = take_payment(self.desk, SUPERVISOR, asked)

        assert (again.replayed, again.opens_drawer, again.receipt) == (True, False, receipt)

    @precondition(lambda self: bool(self.taken))
    @rule(data=st.data())
    def another_payment_comes_under_a_used_key(self, data: st.DataObject) -> None:
        asked, _ = data.draw(st.sampled_from(self.taken))
        other = order(self.desk, cash("999"), account=asked.payer_account, event_id=asked.payment_event_id)
        assert not self._take(other, "key_reused")

    @rule(
        bad=st.sampled_from(
            [
                ("unknown_bill", {"allocate": [wish("404")]}),
                ("bill_on_hold", {"allocate": [wish("7795")]}),
                ("unknown_item", {"lines": [sale("NOTHING")]}),
                ("serials_needed", {"lines": [sale("SIM-01", 2, iccid(999_999))]}),
                ("bad_serial", {"lines": [sale("SIM-01", 1, "1")]}),
                ("unknown_account", {"account": "BA-404"}),
            ]
        )
    )
    def something_is_wrong(self, bad: tuple[str, dict[str, object]]) -> None:
        code, parts = bad
        asked = order(self.desk, self._tender("debit_card", 900), **parts)  # type: ignore[arg-type]
        assert not self._take(asked, code)

    @rule()
    def central_falls_silent(self) -> None:
        if self.silent is None:
            go_offline(self.desk, minutes=11, **ALONE)
            self.silent = []

    @precondition(lambda self: self.silent is not None)
    @rule(mode=st.sampled_from(sorted(ALONE)), sums=st.lists(st.integers(1, 9_000), min_size=2, max_size=5))
    def money_comes_while_central_is_silent(self, mode: str, sums: list[int]) -> None:
        for minor in sums:
            tender = self._tender(mode, minor)
            self._take(order(self.desk, tender, account="D-1", overpayment=Overpayment.CREDIT))

    @rule()
    def central_answers_and_has_all(self) -> None:
        acknowledge_all(self.desk)
        if rows(self.desk, "outbox"):
            self.silent = None

    @precondition(lambda self: bool(self.presented))
    @rule(data=st.data())
    def the_bank_has_the_money(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.presented)))
        mode, minor = self.presented.pop(number)
        verify_bank_receipt(self.desk, BACK_OFFICE, number)
        self.ledger[LEDGERS[mode]] -= minor
        self.ledger["bank"] += minor

    @precondition(lambda self: bool(self.presented))
    @rule(data=st.data())
    def the_bank_knows_nothing_of_it(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.presented)))
        mode, minor = self.presented.pop(number)
        reject_bank_receipt(self.desk, BACK_OFFICE, number, "not_found")
        self.ledger[LEDGERS[mode]] -= minor
        self.ledger["dealer_account"] += minor
        self.credit["D-1"] -= minor
        self.rejected = True

    @precondition(lambda self: self.rejected)
    @rule()
    def the_back_office_lets_the_dealer_go_on(self) -> None:
        unblock_dealer(self.desk, BACK_OFFICE, "D-1", "paid in cash at the bank")
        self.rejected = False

    # --- what must hold ----------------------------------------------------------------------------------------------

    @invariant()
    def numbers_have_no_gap_and_every_event_balances(self) -> None:
        assert [row["counter"] for row in rows(self.desk, "receipt")] == list(range(1, len(self.taken) + 1))
        with self.desk.till.read() as connection:
            for table, column in (
                ("tender", "amount_minor - change_minor + rounding_minor"),
                ("allocation", "amount_minor"),
            ):
                sums = connection.exec_driver_sql(
                    f"SELECT sum({column}), (SELECT amount_minor FROM payment_event AS event "
                    f"WHERE event.payment_event_id = {table}.payment_event_id) FROM {table} GROUP BY payment_event_id"
                ).all()
                assert all(found == stated for found, stated in sums)

    def teardown(self) -> None:
        if not hasattr(self, "taken"):
            return
        assert findings(self.desk) == []
        booked = {row.ledger_account: row.balance.minor for row in ledger_balances(self.desk, BACK_OFFICE)}
        assert {name: minor for name, minor in booked.items() if minor} == {
            name: minor for name, minor in self.ledger.items() if minor
        }
        for account in ("BA-1", "BA-3", "BA-4", "D-1"):
            assert account_view(self.desk, SUPERVISOR, account).credit.minor == self.credit[account]
        assert Counter(row["mode"] for row in rows(self.desk, "tender")) == self.modes
        legs = {(row["payment_event_id"], row["leg"]) for row in rows(self.desk, "leg")}
        assert {
            (row["payment_event_id"], row["leg"])
            for row in rows(self.desk, "outbox")
            if row["kind"] == "payment"
        } == legs
        assert {row["state"] for row in rows(self.desk, "voucher_hold")} <= {"used", "released"}
        vouchers = sum(self.modes[mode] for mode in ("internal_voucher", "external_voucher"))
        assert sum(row["state"] == "used" for row in rows(self.desk, "voucher_hold")) == vouchers
        cheques = [row for row in rows(self.desk, "tender") if row["mode"] == "cheque"]
        count(
            self.desk,
            typed(self.ledger["cash_in_till"]),
            cheques=typed(sum(int(str(row["amount_minor"])) for row in cheques)),
            cheque_count=len(cheques),
            person=SUPERVISOR,
        )
        assert closed(self.desk, person=SUPERVISOR).over_short.minor == 0
        assert findings(self.desk) == []


SalesDay.TestCase.settings = settings(
    max_examples=examples(0.3),
    stateful_step_count=25,
)
TestSalesDay = SalesDay.TestCase
