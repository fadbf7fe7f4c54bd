"""Mandates: whose bank account is debited for which account, registered, changed, activated again and ended."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.domain.errors import DomainError
from pos.domain.mandate import Mandate, MandateState
from pos.till.mandates import (
    HOLDER_MAX,
    REASON_MAX,
    REFERENCE_MAX,
    MandateDeed,
    MandateOrder,
    keep_mandate,
    mandates,
)
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.form import FormScreen
from pos.tui.screens.lines import RegisterScreen
from pos.tui.screens.mandate_life import MandateLifeScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.entry import Field
from pos.tui.widgets.listing import Row

DONE = {
    MandateDeed.REGISTER: "is registered",
    MandateDeed.CHANGE: "is changed",
    MandateDeed.ACTIVATE: "collects again",
    MandateDeed.END: "is ended",
}
TITLES = {
    MandateDeed.REGISTER: "Register a mandate",
    MandateDeed.CHANGE: "Change mandate",
    MandateDeed.ACTIVATE: "Collect again by mandate",
    MandateDeed.END: "End mandate",
}
FIELDS = {"mandate_known": "mandate", "unknown_mandate": "mandate", "unknown_account": "account"}
FIELDS |= {"mode_not_for_payer": "account", "bad_bank_account": "number", "bad_bic": "bic"}
FIELDS |= {"reason_missing": "reason", "bad_date": "signed_on", "date_in_future": "signed_on"}


class MandatesScreen(RegisterScreen[None, Mandate]):
    """Those that hold or are suspended: A registers, C changes, Y activates again, E ends one; Enter shows its life."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(["add_mandate", "change_mandate", "activate_mandate", "end_mandate"]),
        Binding("enter", "accept", "OK"),
    ]
    KEYS: ClassVar[tuple[str, ...]] = (
        "accept", "back", "add_mandate", "change_mandate", "activate_mandate", "end_mandate",
    )  # fmt: skip
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Mandate", width=20),
        Column(title="Account", width=12),
        Column(title="Holder", flexible=True),
        Column(title="Bank", width=8),
        Column(title="State", width=10),
    )

    async def found(self) -> Sequence[Mandate]:
        desk, person = self.seat.desk, self.seat.person
        return await self.seat.look(lambda: mandates(desk, person))

    def heading(self) -> str:
        suspended = sum(one.state is MandateState.SUSPENDED for one in self.entries)
        return (
            f"Direct-debit mandates: {len(self.entries)}\n{suspended} suspended, nothing is collected by them"
        )

    def row(self, entry: Mandate) -> Row:
        suspended = entry.state is MandateState.SUSPENDED
        return Row(
            key=entry.mandate,
            cells=(
                entry.mandate,
                entry.account,
                entry.bank.holder,
                entry.bank.ending,
                "SUSPENDED" if suspended else "",
            ),
            strong=suspended,
        )

    def facts(self, entry: Mandate | None) -> str:
        if entry is None:
            return "There is no mandate. A registers one."
        why = f"{entry.state}: {shown(entry.reason)}" if entry.reason else str(entry.state)
        return f"Signed on {entry.signed_on}, {why}"

    def action_add_mandate(self) -> None:
        self._open(MandateDeed.REGISTER, None)

    def action_change_mandate(self) -> None:
        self._of_selected(MandateDeed.CHANGE)

    def action_activate_mandate(self) -> None:
        self._of_selected(MandateDeed.ACTIVATE)

    def action_end_mandate(self) -> None:
        self._of_selected(MandateDeed.END)

    def action_accept(self) -> None:
        if self.selected is None:
            self.refuse("There is no mandate to look into. A registers one.")
        else:
            self.app.push_screen(MandateLifeScreen(self.seat, self.errands, self.selected))

    def _of_selected(self, deed: MandateDeed) -> None:
        if self.selected is None:
            self.refuse("There is no mandate to choose. A registers one.")
        else:
            self._open(deed, self.selected)

    def _open(self, deed: MandateDeed, mandate: Mandate | None) -> None:
        def after(done: Mandate | None) -> None:
            if done is not None:
                self.errand(self.load(f"Mandate {done.mandate} {DONE[deed]}."))

        self.app.push_screen(MandateScreen(self.seat, self.errands, deed, mandate), after)


class MandateScreen(FormScreen[Mandate]):
    """What is typed of a mandate; of a change, what there is stands in the fields."""

    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "lock")

    def __init__(self, seat: Seat, errands: Errands, deed: MandateDeed, mandate: Mandate | None) -> None:
        super().__init__(seat, errands)
        self._deed = deed
        self._mandate = mandate

    def body(self) -> ComposeResult:
        known = self._mandate
        named = "" if known is None else f" {known.mandate} of {known.account}"
        yield Label(f"{TITLES[self._deed]}{named}", classes="title", markup=False)
        if known is None:
            yield Field("Mandate", id="mandate-mandate", limit=REFERENCE_MAX, note="its reference")
            yield Field("Account", id="mandate-account", limit=40, note="that is paid for")
        if self._deed is not MandateDeed.END:
            bank = None if known is None else known.bank
            yield Field(
                "Account holder",
                id="mandate-holder",
                limit=HOLDER_MAX,
                value="" if bank is None else bank.holder,
            )
            yield Field(
                "Bank account",
                id="mandate-number",
                limit=42,
                value="" if bank is None else bank.number,
                note="IBAN",
            )
            yield Field(
                "BIC",
                id="mandate-bic",
                limit=11,
                value="" if bank is None else bank.bic,
                note="may stay empty",
            )
            yield Field("Signed on", id="mandate-signed_on", limit=10, note="empty: today, or as it was")
        if known is not None:
            yield Field("Reason", id="mandate-reason", limit=REASON_MAX)

    def on_mount(self) -> None:
        self.say("Enter on the last line does it. Esc leaves it as it is.")

    def _typed(self, name: str) -> str:
        found = self.query(f"#mandate-{name}")
        return found.first(Field).value.strip() if found else ""

    def send(self) -> None:
        if self.begin_sending():
            self.errand(self._send())

    async def _send(self) -> None:
        known, (desk, person) = self._mandate, (self.seat.desk, self.seat.person)
        number = self._typed("number")
        order = MandateOrder(
            deed=self._deed,
            mandate=self._typed("mandate") if known is None else known.mandate,
            account=self._typed("account"),
            holder=self._typed("holder"),
            number="" if known is not None and number == known.bank.number else number,
            bic=self._typed("bic"),
            signed_on=self._typed("signed_on"),
            reason=self._typed("reason"),
        )
        self.dismiss(await self.seat.deed(partial(keep_mandate, desk, person, order)))

    def field_of(self, refusal: DomainError) -> Field | None:
        told = FIELDS.get(refusal.code, str(refusal.details.get("field", "")))
        return next((field for field in self.fields if field.id == f"mandate-{told}"), None)
