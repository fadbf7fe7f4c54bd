"""The whole main job without a screen, as ``pos demo --headless`` shows it: what must hold is checked, not assumed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from pos.bootstrap.homes import OpenTill, open_till, real_machine
from pos.bootstrap.paper import PaperDevices, print_receipts
from pos.bootstrap.wire import compare_with_central, make_client, make_engine, make_vouchers
from pos.cli.ledger import write_new
from pos.cli.output import Invocation
from pos.cli.sample_debits import bring_in, collect_all, mandate_act, paid_by_the_bank
from pos.cli.sample_tenders import SampleTenders
from pos.domain.bank_file import EntryOutcome
from pos.domain.business_day import business_date
from pos.domain.encode import file_name
from pos.domain.ledger_feed import digest_of
from pos.domain.money import Money, currency, parse_amount, parse_count, total
from pos.domain.payment_mode import ModeKind, PayerKind, PaymentMode, Purpose
from pos.domain.role import Role
from pos.fixture import Fixture
from pos.machine import InlineRunner
from pos.sample import iccid
from pos.till.balances import ledger_balances
from pos.till.enquiries import AccountView, account_view
from pos.till.ledger_batches import make_batches
from pos.till.script import Script
from pos.till.sign_in import sign_in
from pos.till.verify import verify_books
from receipts.printer import NoDrawer
from sync.ledger.files import BatchForm, batch_file

FLOAT = "20.000"
DRAIN_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawer:
    """What a shift should count: its float, and what came in since."""

    cash: Money
    cheques: tuple[Money, ...]


class MainJob:
    """Opens shifts, takes payments, prints, syncs, counts, closes and verifies; remembers what did not hold."""

    def __init__(self, call: Invocation, *, central_db: str, cashier: str, shop: Fixture) -> None:
        self._call = call
        self._central_db = central_db
        self._cashier = cashier
        self._back_office = next(user.user for user in shop.users if Role.BACK_OFFICE in user.roles)
        self._pins = {user.user: user.pin for user in shop.users}
        self._shop = shop
        self._faults: list[str] = []
        self._number = 0
        self._none = Money(0, currency(shop.shop.currency))
        self._drawer = _Drawer(cash=self._none, cheques=())
        self._payments = 0
        self._by_file = 0
        self._closed = 0

    def run(self) -> int:
        """Do it all; 0 only if all of it held."""
        with open_till(self._call.home, machine=real_machine(), config=self._call.config) as till:
            person = sign_in(till.desk, self._cashier, self._pins[self._cashier])
            self._script = Script(till.desk, person, vouchers=make_vouchers(till))
            self._till = till
            self._tenders = SampleTenders(self._shop, till.desk.clock.now().date())
            self._customers = self._owing()
            self._dealers = [row.account for row in self._shop.dealers if row.status == "active"]
            self._serials = self._sample_serials()

            self._open()
            self._take_every_mode()
            self._take_the_rest()
            self._refuse_what_the_matrix_refuses()
            self._close()
            self._change_person(self._back_office)
            self._collect_by_direct_debit()

            self._print()
            asyncio.run(self._sync(till))
            self._feed_the_ledger(till)
            self._verify(till)
        self._verify_central()
        ok, taken = not self._faults, self._payments + self._by_file
        for fault in self._faults:
            self._step("did_not_hold", what=fault)
        self._call.line(
            {"ok": ok, "step": "done", "payments": taken, "home": str(self._call.home)},
            f"{'All held' if ok else 'NOT all held'}: {taken} payments in {self._call.home}.",
        )
        return 0 if ok else 1

    # --- the sample shop ----------------------------------------------------------------------------------------

    def _owing(self) -> Iterator[AccountView]:
        """Customers with open bills, each of them once."""
        desk, person = self._till.desk, self._script.person
        for row in self._shop.accounts:
            if row.status == "active" and not row.cash_only:
                view = account_view(desk, person, row.account)
                if view.bills and view.bills[0].open.currency == self._none.currency:
                    yield view

    def _sample_serials(self) -> Iterator[str]:
        """ICCIDs as on sample SIM cards."""
        return (iccid(number, calling_code="965") for number in count(1))

    def _item(self, *, serial: str | None) -> str:
        return next(row.item for row in self._shop.items if row.serial == serial)

    def _price(self, item: str) -> Money:
        return next(row.price_money for row in self._shop.items if row.item == item)

    # --- taking money -------------------------------------------------------------------------------------------

    def _act(self, act: Mapping[str, Any]) -> Mapping[str, Any]:
        """One line of a script, shown with its answer."""
        self._number += 1
        answer = self._script.run_line(json.dumps({"ref": f"demo-{self._number}", **act}))
        text = ", ".join(
            f"{name} {value}"
            for name, value in answer.items()
            if isinstance(value, str | int) and name != "ref"
        )
        self._call.line(answer, text)
        return answer

    def _pay(self, what: str, **parts: Any) -> None:
        """A payment that must be taken; keeps the drawer's own tally."""
        answer = self._act({"act": "sell" if "lines" in parts else "pay", **parts})
        self._hold(answer["ok"] is True, f"{what}: {answer.get('error')}")
        if answer["ok"] is not True:
            return
        self._payments += 1
        cash = self._drawer.cash - parse_count(str(answer["change"]), self._none.currency)
        cheques = list(self._drawer.cheques)
        for tender in answer["tenders"]:
            amount = parse_amount(tender["amount"], self._none.currency)
            match self._till.desk.modes[tender["mode"]].kind:
                case ModeKind.CASH:
                    cash = cash + amount
                case ModeKind.CHEQUE:
                    cheques.append(amount)
        self._drawer = _Drawer(cash=cash, cheques=tuple(cheques))

    def _modes(self, kind: PayerKind) -> list[PaymentMode]:
        return [mode for mode in self._till.desk.modes.by_code.values() if kind in mode.accepts]

    def _take_every_mode(self) -> None:
        """One payment of every mode from every payer that the matrix allows; a direct debit comes by the bank's file."""
        for kind in PayerKind:
            for mode in self._modes(kind):
                if mode.kind is not ModeKind.DIRECT_DEBIT:
                    self._take_mode(mode, kind)

    def _take_mode(self, mode: PaymentMode, kind: PayerKind) -> None:
        what = f"{mode.code} from a {kind}"
        if Purpose.BILLS in mode.accepts[kind]:
            view = next(self._customers)
            bill = view.bills[0]
            tender = self._tenders.take(mode, bill.open)
            self._pay(
                what,
                payer={"kind": str(kind), "account": view.account.account},
                allocate=[{"bill": bill.bill.bill_no, "amount": tender["amount"]}],
                tenders=[tender],
            )
            return
        payer = {"kind": str(kind)}
        if kind is PayerKind.DEALER:
            payer["account"] = self._dealers[0]
        item = self._item(serial=None)
        price = self._price(item)
        tender = self._tenders.take(mode, price)
        rest = price - parse_amount(tender["amount"], price.currency)
        cash = [self._cash_of(rest)] if rest.minor > 0 else []
        self._pay(what, payer=payer, lines=[{"item": item}], tenders=[tender, *cash])

    def _cash_of(self, amount: Money) -> Mapping[str, str]:
        return {"mode": "cash", "amount": amount.plain()}

    def _take_the_rest(self) -> None:
        """Many bills, a part, a split, credit, a sale beside a bill, a dealer's top-up, change for a walk-in."""
        modes = self._till.desk.modes
        many, part, split, credit, buys = [next(self._customers) for _ in range(5)]

        def of(view: AccountView) -> dict[str, str]:
            return {"kind": "subscriber", "account": view.account.account}

        self._pay("all bills of an account", payer=of(many), tenders=[self._cash_of(many.balance)])
        self._pay(
            "a part of a bill, with change",
            payer=of(part),
            allocate=[{"bill": part.bills[0].bill.bill_no, "amount": "1.000"}],
            tenders=[{"mode": "cash", "amount": "5.000"}],
        )
        half = Money(split.balance.minor // 3, self._none.currency)
        self._pay(
            "a card, a voucher and cash",
            payer=of(split),
            tenders=[
                self._tenders.take(modes["debit_card"], half),
                self._tenders.take(modes["internal_voucher"], half),
                self._cash_of(split.balance),
            ],
        )
        self._pay(
            "more than is open, kept as credit",
            payer=of(credit),
            overpayment="credit",
            tenders=[self._cash_of(credit.balance + credit.balance)],
        )
        bill, sim = buys.bills[0], self._item(serial="iccid")
        price = self._price(sim)
        self._pay(
            "two SIM cards beside a bill",
            payer=of(buys),
            allocate=[{"bill": bill.bill.bill_no}],
            lines=[{"item": sim, "quantity": 2, "serials": [next(self._serials), next(self._serials)]}],
            tenders=[
                self._tenders.take(modes["credit_card"], price + price),
                self._cash_of(bill.open),
            ],
        )
        dealer = {"kind": "dealer", "account": self._dealers[0]}
        for mode in self._modes(PayerKind.DEALER):
            if Purpose.ACCOUNT in mode.accepts[PayerKind.DEALER] and mode.kind is not ModeKind.VOUCHER:
                top_up = self._tenders.take(mode, parse_amount("100.000", self._none.currency))
                self._pay(f"a dealer's top-up by {mode.code}", payer=dealer, tenders=[top_up])
        self._pay(
            "a SIM card for a walk-in, with change",
            payer={"kind": "walk_in"},
            lines=[{"item": sim, "serials": [next(self._serials)]}],
            tenders=[self._cash_of(price + price)],
        )

    def _collect_by_direct_debit(self) -> None:
        """A mandate, a collection of what is due, and the bank's file that says it is paid: without a shift."""
        person = self._script.person
        customer = next(self._customers)
        self._act(mandate_act(customer.account.account, customer.account.name))
        by = max(bill.bill.due_date for bill in customer.bills)
        today = self._till.desk.clock.now().date()
        made = collect_all(self._till, person, max(by, today).isoformat())
        file = paid_by_the_bank(self._till, made, self._till.paths.home.parent)
        done = bring_in(self._till, person, file)
        self._hold(
            bool(done) and all(plan.outcome is EntryOutcome.POSTED for plan in done),
            "every direct debit of the bank's file was posted",
        )
        self._by_file = len(done)
        self._step("direct_debits", file=str(file), posted=len(done), amount=made.amount.plain())

    # --- what must be refused -----------------------------------------------------------------------------------

    def _refuse_what_the_matrix_refuses(self) -> None:
        """Every other mode from every payer, and every mode for what it may not pay, by its code."""
        customer = next(self._customers)
        item = self._item(serial=None)
        for kind in PayerKind:
            payer = {"kind": str(kind)}
            if kind is not PayerKind.WALK_IN:
                payer["account"] = (
                    customer.account.account if kind is PayerKind.SUBSCRIBER else self._dealers[1]
                )
            for mode in self._till.desk.modes.by_code.values():
                purposes = mode.accepts.get(kind, frozenset())
                tenders = [self._tenders.example(mode, self._price(item))]
                if not purposes:
                    self._refused(f"{mode.code} from a {kind}", "mode_not_for_payer", payer, tenders, {})
                elif mode.act:
                    self._refused(f"{mode.code} by a cashier", "not_allowed", payer, tenders, {})
                elif Purpose.ITEMS not in purposes and mode.kind is not ModeKind.VOUCHER:
                    lines = {"lines": [{"item": item}]}
                    self._refused(f"{mode.code} for items", "mode_not_for_purpose", payer, tenders, lines)

    def _refused(
        self, what: str, expected: str, payer: dict[str, str], tenders: list[Any], parts: dict[str, Any]
    ) -> None:
        act = "sell" if parts else "pay"
        answer = self._act({"act": act, "payer": payer, "tenders": tenders, **parts})
        error = answer.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        self._hold(code == expected, f"{what} was refused with {expected}, not {code}")

    # --- shifts -------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        self._act({"act": "open_shift", "float": {"amount": FLOAT}})
        self._drawer = _Drawer(cash=parse_count(FLOAT, self._none.currency), cheques=())

    def _close(self) -> None:
        cheques = total(self._drawer.cheques, self._none.currency)
        self._act(
            {
                "act": "count",
                "cash": {"amount": self._drawer.cash.plain()},
                "cheques": {"count": len(self._drawer.cheques), "amount": cheques.plain()},
            }
        )
        answer = self._act({"act": "close_shift"})
        self._closed += answer["ok"] is True
        self._hold(answer["ok"] is True, f"the shift closed: {answer.get('error')}")
        self._hold(answer.get("over_short") == self._none.plain(), "nothing was over or short")

    def _change_person(self, user: str) -> None:
        answer = self._act({"act": "sign_in", "user": user, "pin": self._pins[user]})
        self._hold(answer["ok"] is True, f"user {user} signed in")

    # --- paper, wire, checks ------------------------------------------------------------------------------------

    def _print(self) -> None:
        folder = self._till.paths.receipts
        # The sample shop's receipt printer writes what it is sent beside the other forms.
        devices = PaperDevices(printer=self._till.machine.printer_of(folder), drawer=NoDrawer())
        printed = print_receipts(self._till, devices_of=lambda _settings: devices)
        self._hold(printed.printed == self._payments + self._closed, "every receipt and Z report was printed")
        self._step("printed", receipts=printed.printed, folder=str(folder))

    async def _sync(self, till: OpenTill) -> None:
        async with make_client(till) as client:
            engine = make_engine(till, client, runner=InlineRunner())
            pushed = await engine.drain(timeout_s=DRAIN_TIMEOUT_S)
            pulled = await engine.pull()
            differences = await compare_with_central(till.desk, client)
        self._hold(pushed.waiting == 0 and pushed.parked == 0, "every leg reached central")
        self._hold(pulled.problem is None and pulled.skipped == 0, f"the pull went well: {pulled.problem}")
        self._hold(not differences, f"central agrees: {differences}")
        self._step(
            "synced",
            acknowledged=pushed.acknowledged,
            waiting=pushed.waiting,
            parked=pushed.parked,
            bills=pulled.bills,
            accounts=pulled.accounts,
        )

    def _feed_the_ledger(self, till: OpenTill) -> None:
        person = sign_in(till.desk, self._back_office, self._pins[self._back_office])
        days = (None, business_date(till.desk.clock.now(), till.desk.policy.day_starts))
        batches = [batch for day in days for batch in make_batches(till.desk, person, day)]
        till.paths.ledger.mkdir(mode=0o700, exist_ok=True)
        for batch in batches:
            out = till.paths.ledger / file_name([batch.number], suffix=".csv")
            digest = write_new(out, batch_file(BatchForm.CSV, [batch]))
            self._hold(digest == digest_of(batch), f"the file of {batch.number} is what its digest says")
        fed = sum(one.debit.minor for batch in batches for one in batch.totals)
        booked = sum(row.debit.minor for row in ledger_balances(till.desk, person))
        self._hold(fed == booked > 0, "the general ledger is told what the journal holds, once")
        self._step("ledger_fed", batches=[batch.number for batch in batches], folder=str(till.paths.ledger))

    def _verify(self, till: OpenTill) -> None:
        findings = verify_books(till.desk)
        self._hold(not findings, f"the till's books are sound: {findings[:3]}")
        self._step("till_verified", findings=len(findings))

    def _verify_central(self) -> None:
        from sync.central.operating.verify import verify_central
        from sync.central.schema.opening import open_central

        store = open_central(self._central_db)
        try:
            findings = verify_central(store, modes=self._till.settings.modes)
        finally:
            store.close()
        self._hold(not findings, f"central's books are sound: {findings[:3]}")
        self._step("central_verified", findings=len(findings))

    def _step(self, step: str, **facts: object) -> None:
        text = ", ".join(f"{name} {value}" for name, value in facts.items())
        self._call.line({"ok": True, "step": step, **facts}, f"{step.replace('_', ' ')}: {text}")

    def _hold(self, held: bool, what: str) -> None:
        if not held:
            self._faults.append(what)
