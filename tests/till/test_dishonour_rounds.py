"""Any order and number of lodgements, credits, clearings, bounces, re-presentments and mistakes of the bank."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from pos.domain.errors import Refused
from pos.store import cache as cached
from pos.till.clearing import ClearOrder, clear_cheques
from pos.till.deposit_credits import CreditOrder, confirm_deposit
from pos.till.deposits import cancel_deposit, deposit_cheques, deposit_slips, lodge_deposit
from pos.till.desk import Desk
from tests.builders.bounces import bounced, bounced_by_two, by_mistake, sent_again, taken, with_fee
from tests.builders.tills import BACK_OFFICE, cash, cheque, findings, make_till, rows
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
PAID, FEE = 41_750, 5_000


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


def do(desk: Desk, receipt: str, step: str, state: str) -> None:
    slip = next((one.number for one in deposit_slips(desk, BACK_OFFICE)), "")
    if step == "batch":
        deposit_cheques(desk, BACK_OFFICE, [receipt])
    elif step == "cancel":
        cancel_deposit(desk, BACK_OFFICE, slip, "wrong bank")
    elif step == "lodge":
        lodge_deposit(desk, BACK_OFFICE, slip, "NBK 1")
    elif step == "credit":
        confirm_deposit(desk, BACK_OFFICE, slip, CreditOrder(amount="20"))
    elif step == "clear":
        clear_cheques(desk, BACK_OFFICE, ClearOrder(cheques=[receipt]))
    elif step == "bounce":
        (bounced_by_two if state == "cleared" else bounced)(desk, receipt)
    elif step == "represent":
        sent_again(desk, receipt)
    else:
        by_mistake(desk, receipt)


@settings(max_examples=examples(8), deadline=None)
@given(data=st.data())
def test_a_bounced_cheque_restores_the_bill_and_its_age_whatever_happens_to_it(data: st.DataObject) -> None:
    """Rule 14: bill balance and age as before the payment whenever the cheque is dishonoured, plus the fee once."""
    desk = make_till(cheques=with_fee("5", represent_max=99, cash_only_after=0))
    receipt = taken(desk, cheque("20"), cash("21.750"), cheques="20")
    model = Model()
    for _ in range(data.draw(st.integers(1, 14))):
        step = data.draw(st.sampled_from([one for one, states in STEPS.items() if model.state in states]))
        do(desk, receipt, step, model.state)
        model.apply(step)
        held = balances(desk)
        unpaid = 20_000 if model.state == "dishonoured" else 0
        assert open_bills(desk)["7781"] == unpaid
        fees = sum(minor for number, minor in open_bills(desk).items() if "-DN-" in number)
        assert fees == model.fee
        assert held.get(("receivable", "BA-1"), 0) == unpaid - PAID + model.fee
        assert held.get(("fee_income", None), 0) == -model.fee
        at_bank = 20_000 if model.state in ("credited", "cleared") else 0
        in_clearing = 20_000 if model.state == "lodged" else 0
        in_hand = 20_000 if model.state in ("received", "batched", "represented") else 0
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
