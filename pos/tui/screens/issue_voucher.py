"""Issuing a voucher: what it is worth and on what terms, then its slip, whose code is shown this once."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Label

from pos.domain.errors import DomainError, Refused
from pos.domain.money import parse_amount
from pos.domain.tender import read_date
from pos.domain.voucher import Residual, VoucherIssued
from pos.till.gate import audited_later, require_right
from pos.till.voucher_issue import ACT, IssueOrder, issue_voucher
from pos.tui.errands import Errands
from pos.tui.ports import VoucherIssue
from pos.tui.screens.form import FormScreen
from pos.tui.screens.till_screen import TillScreen
from pos.tui.seat import Seat
from pos.tui.widgets.entry import AMOUNT, AMOUNT_MAX, DIGITS, Field

RESTS = {
    Residual.FORFEIT: "is lost",
    Residual.CREDIT: "is credit on the account",
    Residual.NEW_VOUCHER: "is a new voucher",
}
"""What becomes of a voucher's rest, by the numbers 1, 2, 3."""

UNANSWERED = "Central does not answer, and may have issued it: Enter asks for the same one again."


class IssueVoucherScreen(FormScreen[VoucherIssued]):
    """Answers what central issued after the last Enter; what it did not answer is asked under the same reference again."""

    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, seat: Seat, errands: Errands) -> None:
        super().__init__(seat, errands)
        self._asked_by: dict[str, str] = {}
        """For each order that was sent, the reference that it was sent under."""
        self._unanswered = False
        self._leaving = False

    def body(self) -> ComposeResult:
        currency = self.seat.desk.identity.currency
        yield Label("Issue a voucher", classes="title", markup=False)
        yield Field(f"Value, {currency}", id="value", pattern=AMOUNT, limit=AMOUNT_MAX)
        yield Field("Last day", id="expires", limit=10, note="such as 2027-01-31")
        yield Field("Account", id="account", limit=40, note="empty: anybody's")
        yield Field(
            f"Minimum bill, {currency}", id="minimum", pattern=AMOUNT, limit=AMOUNT_MAX, note="may stay empty"
        )
        yield Field(
            "With other vouchers", id="combinable", value="y", pattern="[yYnN]?", limit=1, note="y or n"
        )
        yield Field("What is left", id="residual", value="1", pattern=DIGITS, limit=1, note="its number")
        numbered = (f"{number} {said}" for number, said in enumerate(RESTS.values(), start=1))
        yield Label(f"What is left of it: {', '.join(numbered)}", id="rests", markup=False)

    def on_mount(self) -> None:
        self.errand(self._begin())

    async def _begin(self) -> None:
        """Who may not issue, or cannot now, is told so before anything is typed."""
        await self.seat.look(self._require_right)
        self._require_central()
        self.say("The last Enter issues it at central. Its code is shown once. Esc goes back.")

    def _require_right(self) -> None:
        with audited_later(self.seat.desk, ACT, self.seat.person):
            require_right(self.seat.desk, ACT, self.seat.person)

    def _require_central(self) -> VoucherIssue:
        if self.seat.issuing is None:
            raise Refused("voucher_needs_central", "Vouchers are issued by central, and this till has none.")
        offline = self.seat.offline
        if offline:
            raise Refused(
                "voucher_needs_central", f"{offline}: vouchers are issued by central. Try again later."
            )
        return self.seat.issuing

    def on_input_changed(self) -> None:
        self._leaving = False

    # --- what was typed ---------------------------------------------------------------------------------------------

    def problem_of(self, field: Field) -> DomainError | None:
        """What is wrong with what was typed here; an empty field is so only where something must stand."""
        typed, currency = field.value.strip(), self.seat.desk.identity.currency
        try:
            if field.is_amount and (typed or field.id == "value"):
                parse_amount(typed, currency, decimal_marks=self.seat.decimal_marks)
            elif field.id == "expires":
                read_date(typed, field=field.label)
            elif field.id == "combinable" and not typed:
                raise Refused("bad_choice", "Type y if it is taken together with others, n if not.")
            elif field.id == "residual" and typed not in _numbers():
                raise Refused("bad_choice", f"Type a number from 1 to {len(RESTS)}.")
        except DomainError as refusal:
            return Refused(refusal.code, refusal.message, **{**refusal.details, "at": field.id})
        return None

    def _order(self) -> IssueOrder:
        typed = {str(field.id): field.value.strip() for field in self.fields}
        return IssueOrder(
            value=typed["value"],
            expires=typed["expires"],
            account=typed["account"] or None,
            minimum=typed["minimum"] or None,
            combinable=typed["combinable"].lower() == "y",
            residual=_numbers()[typed["residual"]],
            decimal_marks=self.seat.decimal_marks,
        )

    # --- issuing ----------------------------------------------------------------------------------------------------

    def send(self) -> None:
        problem = next((found for found in map(self.problem_of, self.fields) if found is not None), None)
        if problem is not None:
            self.refused(problem)
        elif self.begin_sending():
            self.say("Asking central ...")
            self.errand(self._issue(self._order()))

    async def _issue(self, order: IssueOrder) -> None:
        seat, press = self.seat, self._require_central().press
        asked_by = self._asked_by.setdefault(order.digest, seat.new_id())
        try:
            self.dismiss(
                await issue_voucher(seat.desk, seat.person, order, press, seat.runner, asked_by=asked_by)
            )
        except Refused as refusal:
            if refusal.code != "voucher_needs_central":
                raise
            self._unanswered = True
            raise Refused(refusal.code, UNANSWERED) from refusal

    def field_of(self, refusal: DomainError) -> Field | None:
        at = {"bad_expiry": "expires", "unknown_account": "account", "approval_required": "value"}
        found = at.get(refusal.code) or refusal.details.get("at")
        return None if found is None else self.query_one(f"#{found}", Field)

    def action_back(self) -> None:
        if self._sending:
            return
        typed = any(
            self.query_one(f"#{name}", Field).value for name in ("value", "expires", "account", "minimum")
        )
        if self._leaving or not typed:
            self.dismiss(None)
            return
        self._leaving = True
        self.refuse(
            "Central may have issued it, and nobody would know its code: Enter asks again, Esc again leaves."
            if self._unanswered
            else "Esc again leaves; what you typed is dropped and nothing is issued."
        )


class VoucherScreen(TillScreen[None]):
    """The slip of a new voucher. Its code stands here and on the paper, and nowhere after that."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "turn(-1)", "Up"),
        Binding("down", "turn(1)", "Down"),
        Binding("pageup", "turn(-15)", "Page up"),
        Binding("pagedown", "turn(15)", "Page down"),
    ]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "back", "reprint", "scroll")
    HAS_DRAFT: ClassVar[bool] = True

    def __init__(self, seat: Seat, errands: Errands, issuing: VoucherIssue, issued: VoucherIssued) -> None:
        super().__init__(seat, errands)
        self._issuing = issuing
        self._issued = issued
        self._printing = self._printed = self._leaving = False

    def body(self) -> ComposeResult:
        with VerticalScroll(id="receipt", can_focus=False):
            yield Label(Text(self._issuing.slip_text(self._issued)), id="paper", markup=False)

    def on_mount(self) -> None:
        self._print()

    def _print(self) -> None:
        if not self._printing:
            self._printing, self._leaving = True, False
            self.say(f"Voucher {self._issued.serial} is issued. Its slip is being printed ...")
            self.errands.beside(self, self._put_on_paper())

    async def _put_on_paper(self) -> None:
        try:
            fault = await self._issuing.print_slip(self._issued)
        finally:
            self._printing = False
        if fault is None:
            self._printed = True
            self.say(
                f"Voucher {self._issued.serial} is issued and its slip printed. Its code is not shown again."
            )
        else:
            self.refuse(f"The slip did not come out. {fault} Ctrl-R prints it; its code is not shown again.")

    def action_turn(self, by: int) -> None:
        self.query_one("#receipt", VerticalScroll).scroll_relative(y=by, animate=False)

    def action_reprint(self) -> None:
        if self._printed:
            self.ask("Print the slip again? It has the same code: tear the other one up.", self._print)
        else:
            self._print()

    def action_back(self) -> None:
        if self._printing:
            self.refuse("The slip is being printed. Wait for it.")
        elif self._printed or self._leaving:
            self.dismiss(None)
        else:
            self._leaving = True
            self.refuse("The slip is not printed, and its code is shown nowhere again. Esc again leaves.")


def _numbers() -> dict[str, Residual]:
    return {str(number): residual for number, residual in enumerate(RESTS, start=1)}
