"""Taking a cheque: its own fields, as the settings list them, then the amount."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Label

from pos.domain.errors import DomainError
from pos.domain.payment_event import Overpayment
from pos.domain.payment_mode import DetailField, FieldKind
from pos.till.enquiries import AccountView, PayPlan, plan_payment
from pos.till.take_payment import PaymentTaken, TenderOrder, take_payment
from pos.tui.errands import Errands
from pos.tui.screens.form import FormScreen
from pos.tui.seat import Seat
from pos.tui.widgets.entry import AMOUNT, Field
from pos.tui.widgets.paying import order_of, summary

MODE = "cheque"
AMOUNT_MAX = 24


class ChequeScreen(FormScreen[PaymentTaken | dict[str, str]]):
    """Answers the payment taken; on Esc what was typed, to be opened again."""

    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "lock")

    def __init__(
        self,
        seat: Seat,
        errands: Errands,
        view: AccountView,
        plan: PayPlan,
        *,
        amount: str,
        draft: Mapping[str, str],
    ) -> None:
        super().__init__(seat, errands)
        self._view = view
        self._plan = plan
        self._draft = dict(draft)
        if amount:
            self._draft["amount"] = amount
        self._mode = seat.desk.modes[MODE]
        self._event_id = seat.new_id()

    def body(self) -> ComposeResult:
        yield Label(summary(self._view, self._plan), id="paying", markup=False)
        with VerticalScroll(id="form", can_focus=False):
            for field in self._mode.fields:
                yield Field(
                    field.label,
                    id=f"field-{field.name}",
                    value=self._draft.get(field.name, self._default(field)),
                    limit=field.limit,
                    note="" if field.required else "may stay empty",
                )
            yield Field(
                f"Amount, {self._view.account.currency}",
                id="field-amount",
                value=self._draft.get("amount", self.seat.as_typed(self._plan.to_pay)),
                pattern=AMOUNT,
                limit=AMOUNT_MAX,
                note="Enter takes it",
            )

    def on_mount(self) -> None:
        self.say("Type what is on the cheque; Enter goes on.")

    def _default(self, field: DetailField) -> str:
        if field.kind is FieldKind.DATE:
            shift = self.seat.shift
            return "" if shift is None else shift.business_date.isoformat()
        if field.kind is FieldKind.NAME:
            return self._view.account.name
        return ""

    def _typed(self) -> dict[str, str]:
        return {str(field.id).removeprefix("field-"): field.value for field in self.fields}

    def send(self) -> None:
        if self.begin_sending():
            self.say("Taking ...")
            self.errand(self._take(self._typed()))

    async def _take(self, typed: dict[str, str]) -> None:
        seat, person = self.seat, self.seat.person
        amount = typed.pop("amount")
        plan = self._plan_for(amount)
        order = order_of(
            self._view,
            plan,
            event_id=self._event_id,
            tender=TenderOrder(mode=MODE, amount=amount, details=typed),
            overpayment=Overpayment.CREDIT,
            decimal_marks=seat.decimal_marks,
        )
        taken = await seat.deed(lambda: take_payment(seat.desk, person, order))
        self.errands.paper_waits()
        self.dismiss(taken)

    def _plan_for(self, amount: str) -> PayPlan:
        """A cheque over less than was chosen pays a part of it; over more, the rest is credit: no change is given."""
        marked = [part.bill_no for part in self._plan.parts if part.bill_no is not None]
        if not marked:
            return self._plan
        try:
            smaller = plan_payment(
                self._view, marked=marked, part=amount, decimal_marks=self.seat.decimal_marks
            )
        except DomainError as refusal:
            if refusal.code == "more_than_open":
                return self._plan
            raise
        return smaller if smaller.to_pay < self._plan.to_pay else self._plan

    def field_of(self, refusal: DomainError) -> Field | None:
        if "amount" in refusal.code or refusal.code == "cheque_over_cap":
            return self.query_one("#field-amount", Field)
        if refusal.code in {"cheque_post_dated", "cheque_stale"}:
            return self.query_one("#field-date", Field)
        if refusal.code == "cheque_taken_before":
            return self.query_one("#field-serial", Field)
        told = refusal.details.get("field")
        for field in self._mode.fields:
            if told in (field.name, field.label):
                return self.query_one(f"#field-{field.name}", Field)
        return None

    def action_back(self) -> None:
        if not self._sending:
            self.dismiss(self._typed())
