"""The whole main job without a screen, as ``pos demo --headless`` shows it: what must hold is checked, not assumed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from pos.bootstrap.homes import OpenTill, open_till, real_machine
from pos.bootstrap.paper import print_receipts
from pos.bootstrap.wire import compare_with_central, make_client, make_engine
from pos.cli.output import Invocation
from pos.domain.money import Money, currency, parse_amount, parse_count, total
from pos.domain.payment_mode import PayerKind, PaymentMode
from pos.domain.role import Person
from pos.fixture import Fixture
from pos.machine import InlineRunner
from pos.till.enquiries import AccountView, account_view
from pos.till.script import Script
from pos.till.sign_in import sign_in
from pos.till.verify import verify_books

FLOAT = "20.000"
DRAIN_TIMEOUT_S = 60

EXAMPLES: Mapping[str, dict[str, str]] = {
    "cheque": {"serial": "004711", "bank": "001", "branch": "042", "account": "7788990011", "date": ""},
    "debit_card": {"auth_code": "A1B2C3", "last4": "1111", "brand": "VISA", "rrn": "000123456789", "card_terminal": "C7"},
    "credit_card": {"auth_code": "D4E5F6", "last4": "4444", "brand": "MC", "rrn": "000123456790", "card_terminal": "C7"},
    "bank_cash": {"bank": "001", "branch": "042", "reference": "K7-20991", "date": "2026-11-20"},
    "bank_cheque": {
        "bank": "001", "branch": "042", "reference": "K7-20992", "date": "2026-11-20", "serial": "000815",
    },
    "direct_debit": {"mandate": "M-1001", "reference": "DD-1", "date": "2026-11-20"},
    "internal_voucher": {"code": "LOYAL-1"},
    "external_voucher": {"code": "GIFT-1", "issuer": "MALL"},
    "atm": {"trace": "000321", "atm": "ATM-9", "date": "2026-11-20"},
}  # fmt: skip
"""A tender's own fields for each mode, as a cashier would key them."""


class MainJob:
    """Opens a shift, takes payments, prints, syncs, counts, closes and verifies; remembers what did not hold."""

    def __init__(self, call: Invocation, *, central_db: str, cashier: str, shop: Fixture) -> None:
        self._call = call
        self._central_db = central_db
        self._cashier = cashier
        self._pin = next(user.pin for user in shop.users if user.user == cashier)
        self._subscribers = [row.account for row in shop.accounts if row.status == "active"]
        self._dealers = [row.account for row in shop.dealers if row.status == "active"]
        self._faults: list[str] = []
        self._number = 0
        self._cash = Money(0, currency(shop.shop.currency))
        self._cheques: list[Money] = []
        self._payments = 0

    def run(self) -> int:
        """Do it all; 0 only if all of it held."""
        with open_till(self._call.home, machine=real_machine(), config=self._call.config) as till:
            person = sign_in(till.desk, self._cashier, self._pin)
            self._script = Script(till.desk, person)
            self._act({"act": "open_shift", "float": {"amount": FLOAT}})
            self._cash = self._cash + parse_count(FLOAT, self._cash.currency)
            self._take_payments(till, person)
            self._check_refusals(till, person)
            printed = print_receipts(till)
            self._hold(printed.printed == self._payments, "every receipt was printed")
            self._step("printed", receipts=printed.printed, folder=str(till.paths.receipts))
            asyncio.run(self._sync(till))
            self._close()
            self._verify(till)
        self._verify_central()
        ok = not self._faults
        for fault in self._faults:
            self._step("did_not_hold", what=fault)
        self._call.line(
            {"ok": ok, "step": "done", "payments": self._payments, "home": str(self._call.home)},
            f"{'All held' if ok else 'NOT all held'}: {self._payments} payments in {self._call.home}.",
        )
        return 0 if ok else 1

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

    def _pay(self, **parts: Any) -> None:
        """A payment that must be taken; keeps the drawer's own tally."""
        answer = self._act({"act": "pay", **parts})
        self._hold(answer["ok"] is True, f"a payment was taken: {answer.get('error')}")
        if answer["ok"] is not True:
            return
        self._payments += 1
        self._cash = self._cash - parse_count(str(answer["change"]), self._cash.currency)
        for tender in answer["tenders"]:
            amount = parse_amount(tender["amount"], self._cash.currency)
            if tender["mode"] == "cash":
                self._cash = self._cash + amount
            else:
                self._cheques.append(amount)

    def _take_payments(self, till: OpenTill, person: Person) -> None:
        """Every mode that is taken, from every payer the matrix allows; one bill, many bills, part, split, credit."""
        owing = [
            view
            for account in self._subscribers[:60]
            if (view := account_view(till.desk, person, account)).bills and not view.account.cash_only
        ]
        one, many, part, split, credit, by_cheque = [owing.pop(_most(owing)) for _ in range(6)]

        def payer(account: str) -> dict[str, str]:
            return {"kind": "subscriber", "account": account}

        first = one.bills[0]
        self._pay(
            payer=payer(one.account.account),
            allocate=[{"bill": first.bill.bill_no}],
            tenders=[{"mode": "cash", "amount": first.open.plain()}],
        )
        self._pay(
            payer=payer(many.account.account), tenders=[{"mode": "cash", "amount": many.balance.plain()}]
        )
        self._pay(
            payer=payer(part.account.account),
            allocate=[{"bill": part.bills[0].bill.bill_no, "amount": "1.000"}],
            tenders=[{"mode": "cash", "amount": "5.000"}],
        )
        cheque = {"mode": "cheque", **_example("cheque", "000501")}
        self._pay(
            payer=payer(split.account.account),
            tenders=[{**cheque, "amount": "0.500"}, {"mode": "cash", "amount": split.balance.plain()}],
        )
        self._pay(
            payer=payer(credit.account.account),
            overpayment="credit",
            tenders=[{"mode": "cash", "amount": (credit.balance + credit.balance).plain()}],
        )
        cheque = {"mode": "cheque", **_example("cheque", "000502")}
        self._pay(
            payer=payer(by_cheque.account.account), tenders=[{**cheque, "amount": by_cheque.balance.plain()}]
        )
        dealer = {"kind": "dealer", "account": self._dealers[0]}
        self._pay(payer=dealer, tenders=[{"mode": "cash", "amount": "100.000"}])
        cheque = {"mode": "cheque", **_example("cheque", "000503")}
        self._pay(payer=dealer, tenders=[{**cheque, "amount": "250.000"}])

    def _check_refusals(self, till: OpenTill, person: Person) -> None:
        """Every other mode is refused from every payer, by its code, and leaves nothing behind."""
        account = next(row for row in self._subscribers if account_view(till.desk, person, row).bills)
        for kind, payer in ((PayerKind.SUBSCRIBER, account), (PayerKind.DEALER, self._dealers[1])):
            for mode in till.desk.modes.by_code.values():
                if mode.available:
                    continue
                self._refused(mode, kind, payer)

    def _refused(self, mode: PaymentMode, kind: PayerKind, payer: str) -> None:
        answer = self._act(
            {
                "act": "pay",
                "payer": {"kind": str(kind), "account": payer},
                "tenders": [{"mode": mode.code, "amount": "1.000", **EXAMPLES[mode.code]}],
            }
        )
        expected = "mode_not_yet_available" if kind in mode.accepts else "mode_not_for_payer"
        error = answer.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        self._hold(code == expected, f"{mode.code} from a {kind} was refused with {expected}, not {code}")

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

    def _close(self) -> None:
        cheques = total(self._cheques, self._cash.currency)
        self._act(
            {
                "act": "count",
                "cash": {"amount": self._cash.plain()},
                "cheques": {"count": len(self._cheques), "amount": cheques.plain()},
            }
        )
        answer = self._act({"act": "close_shift"})
        self._hold(answer["ok"] is True, f"the shift closed: {answer.get('error')}")
        self._hold(
            answer.get("over_short") == Money(0, self._cash.currency).plain(), "nothing was over or short"
        )

    def _verify(self, till: OpenTill) -> None:
        findings = verify_books(till.desk)
        self._hold(not findings, f"the till's books are sound: {findings[:3]}")
        self._step("till_verified", findings=len(findings))

    def _verify_central(self) -> None:
        from sync.central.database import open_central
        from sync.central.verify import verify_central

        store = open_central(self._central_db)
        try:
            findings = verify_central(store)
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


def _most(owing: list[AccountView]) -> int:
    """The account with the most open bills, so that several bills are paid at once."""
    return max(range(len(owing)), key=lambda place: len(owing[place].bills))


def _example(mode: str, serial: str) -> dict[str, str]:
    return {**{name: value for name, value in EXAMPLES[mode].items() if value}, "serial": serial}
