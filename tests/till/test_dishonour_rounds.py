"""Any order and number of lodgements, credits, clearings, bounces, re-presentments and mistakes of the bank."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from pos.domain.allocation import PaymentPolicy
from pos.domain.errors import Refused
from pos.domain.money import Money, currency
from pos.store import cache as cached
from pos.till.clearing import ClearOrder, clear_cheques
from pos.till.deposit_credits import CreditOrder, confirm_deposit
from pos.till.deposits import cancel_deposit, deposit_cheques, deposit_slips, lodge_deposit
from pos.till.desk import Desk
from pos.till.enquiries import account_view
from tests.builders.bounces import bounced, bounced_by_two, by_mistake, sent_again, taken, with_fee
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    accounts_of,
    cash,
    cheque,
    findings,
    make_till,
    rows,
    tell,
    wish,
)
from tests.builders.tries import examples
from tests.builders.undoing import balances, open_bills

STEPS = {
    "batch": ("received", "represented"),
    "cancel": ("batched",),
    "lodge": ("batched",),
    "credit": ("lodged",),
    "clear": ("credited",),
    "bounce": ("lodged", "credited", "cleared"),
    "represent": ("dishonoured",),
    "mistake": ("dishonoured",),
}
FEE = 5_000


@dataclass
class Model:
    """What must be so, in plain words: the cheque's state, and of each bounce what it was before and what fee it charged."""

    state: str = "received"
    bounces: list[tuple[str, int]] = field(default_factory=list)
    again: bool = False

    @property
    def fee(self) -> int:
        return sum(fee for _, fee in self.bounces)

    def apply(self, step: str) -> None:
        if step == "bounce":
            self.bounces.append((self.state, 0 if self.fee else FEE))
            self.state = "dishonoured"
        elif step == "mistake":
            self.state, _ = self.bounces.pop()
        elif step == "cancel":
            self.state = "represented" if self.again else "received"
        else:
            self.again = self.again or step == "represent"
            words = {"batch": "batched", "lodge": "lodged", "credit": "credited", "clear": "cleared"}
            self.state = words.get(step, "represented")


def do(desk: Desk, receipt: str, step: str, state: str, amount: str = "20") -> None:
    slip = next((one.number for one in deposit_slips(desk, BACK_OFFICE)), "")
    if step == "batch":
        deposit_cheques(desk, BACK_OFFICE, [receipt])
    elif step == "cancel":
        cancel_deposit(desk, BACK_OFFICE, slip, "wrong bank")
    elif step == "lodge":
        lodge_deposit(desk, BACK_OFFICE, slip, "NBK 1")
    elif step == "credit":
        confirm_deposit(desk, BACK_OFFICE, slip, CreditOrder(amount=amount))
    elif step == "clear":
        clear_cheques(desk, BACK_OFFICE, ClearOrder(cheques=[receipt]))
    elif step == "bounce":
        (bounced_by_two if state == "cleared" else bounced)(desk, receipt)
    elif step == "represent":
        sent_again(desk, receipt)
    else:
        by_mistake(desk, receipt)


@dataclass(frozen=True)
class Case:
    """What a cheque paid of the bill of 41.750 beside cash, the rest that it wrote off, the debt that there was to bring
    back.
    """

    cheque: int = 20_000
    cash: int = 0
    rest: int = 0
    debt: int = 0


CASES = (
    Case(cash=21_750),
    Case(cheque=41_745, rest=5),
    Case(cash=21_750, debt=50_000),
    Case(cheque=41_745, rest=5, debt=30_000),
    Case(cash=21_750, debt=10_000),
)


def desk_of(case: Case) -> tuple[Desk, str]:
    """A till that took such a cheque, and the receipt."""
    desk = make_till(cheques=with_fee("5", represent_max=99, cash_only_after=0))
    desk.policy = replace(desk.policy, payments=PaymentPolicy(tolerance_minor=5))
    if case.debt:
        known = {one.account: one for one in accounts_of("KWD")}
        tell(desk, accounts=[replace(known["BA-1"], status="written_off", written_off_told=kwd(case.debt))])
    tenders = [cheque(kwd(case.cheque).plain()), *([cash(kwd(case.cash).plain())] if case.cash else [])]
    wanted = [wish("7781", kwd(case.cheque + case.cash).plain())]
    return desk, taken(desk, *tenders, cheques=kwd(case.cheque).plain(), allocate=wanted)


def kwd(minor: int) -> Money:
    return Money(minor, currency("KWD"))


@settings(max_examples=examples(8), deadline=None)
@given(case=st.sampled_from(CASES), data=st.data())
def test_a_bounced_cheque_restores_the_bill_and_its_age_whatever_happens_to_it(
    case: Case, data: st.DataObject
) -> None:
    """Rule 14: bill balance and age as before the payment whenever the cheque is dishonoured, plus the fee once; what the
    payment wrote off and brought back of written-off debt likewise.
    """
    desk, receipt = desk_of(case)
    model, paid = Model(), 41_750 - case.rest
    for _ in range(data.draw(st.integers(1, 14))):
        step = data.draw(st.sampled_from([one for one, states in STEPS.items() if model.state in states]))
        do(desk, receipt, step, model.state, kwd(case.cheque).plain())
        model.apply(step)
        held = balances(desk)
        bounced_now = model.state == "dishonoured"
        unpaid = case.cheque if bounced_now else 0
        rest = 0 if bounced_now else case.rest
        # What the cash beside it brought back stays.
        by_cash = max(0, min(case.debt, paid) - case.cheque)
        back = by_cash if bounced_now else min(case.debt, paid)
        assert open_bills(desk)["7781"] == unpaid + case.rest - rest
        assert account_view(desk, CASHIER, "BA-1").written_off.minor == case.debt - back
        fees = sum(minor for number, minor in open_bills(desk).items() if "-DN-" in number)
        assert fees == model.fee
        assert held.get(("receivable", "BA-1"), 0) == unpaid - paid - rest + back + model.fee
        assert held.get(("tolerance_write_off", None), 0) == rest
        assert held.get(("write_off_recovery", None), 0) == -back
        assert held.get(("fee_income", None), 0) == -model.fee
        at_bank = case.cheque if model.state in ("credited", "cleared") else 0
        in_clearing = case.cheque if model.state == "lodged" else 0
        in_hand = case.cheque if model.state in ("received", "batched", "represented") else 0
        assert held.get(("bank", None), 0) == at_bank
        assert held.get(("cheques_in_clearing", None), 0) == in_clearing
        assert held.get(("cheques_in_hand", None), 0) == in_hand
        assert [row["state"] for row in rows(desk, "v_cheque")] == [model.state]
    assert findings(desk) == []
    with desk.cache.read() as connection:
        bill = cached.bill_by_number(connection, "7781")
    assert bill is not None
    assert bill.due_date == date(2026, 11, 1)


def test_every_step_that_is_not_listed_is_refused() -> None:
    """Rule 37: a cheque goes no other way, whatever is asked of it."""
    desk = make_till(cheques=with_fee("5"))
    receipt = taken(desk, cheque("20"), cash("21.750"), cheques="20")
    for state, way in (("received", []), ("lodged", ["batch", "lodge"]), ("dishonoured", ["bounce"])):
        for step in way:
            do(desk, receipt, step, state)
        for step in ("bounce", "represent", "mistake", "clear"):
            if state in STEPS[step]:
                continue
            try:
                do(desk, receipt, step, state)
            except (Refused, AssertionError):
                continue
            raise AssertionError(f"{step} from {state}")
