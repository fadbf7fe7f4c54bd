"""Taking any tender but cash: the mode's own fields, as the settings list them, then the amount."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widgets import Label

from pos.domain.errors import DomainError, NeedsConfirmation, Refused
from pos.domain.payment_mode import DetailField, FieldKind, ModeKind, PaymentMode
from pos.domain.tender import read_details
from pos.domain.voucher import Residual
from pos.store.vouchers import Hold
from pos.till.basket import Basket, confirm, give, identified, quote, require_room_for
from pos.till.large_cash import IdentityOrder
from pos.till.payment_order import TenderOrder
from pos.till.post_dated import ChequeRegistered
from pos.till.take_payment import PaymentTaken
from pos.till.voucher_tender import said_of_itself
from pos.tui.errands import Errands
from pos.tui.handover import hold_vouchers, keep_only, take
from pos.tui.keys import bindings
from pos.tui.screens.form import FormScreen
from pos.tui.screens.identity import ask_identity
from pos.tui.seat import Seat
from pos.tui.widgets.entry import AMOUNT, AMOUNT_MAX, Field
from pos.tui.widgets.paying import summary

SAME_EACH_TIME = frozenset({"brand", "card_terminal", "atm"})
"""Fields that mostly hold what they held last time, and are offered so."""


CARD_WRITTEN_MAX = 32
"""Room for a card number with its blanks and what stands beside it."""

READ_S = 0.5
"""An Enter that comes sooner after a question was not an answer to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A tender that was left half typed, by field; ``amount`` among them where it was typed."""

    kind: ModeKind
    mode: str
    label: str
    typed: Mapping[str, str]


def _fields_of(modes: Sequence[PaymentMode]) -> dict[str, DetailField]:
    """Every field of a family by name; what two modes call the same has room for the longer one."""
    found: dict[str, DetailField] = {}
    for field in (field for mode in modes for field in mode.fields):
        if field.name not in found or field.limit > found[field.name].limit:
            found[field.name] = field
    return found


def what_becomes_of_the_rest(held: Hold) -> str:
    """What the cashier says before a voucher is taken that is worth more than is taken of it."""
    match held.terms.residual:
        case Residual.FORFEIT:
            return f"{held.left} of this voucher will be lost: it is worth more."
        case Residual.CREDIT:
            return f"{held.left} of this voucher stays as credit on the account: it is worth more."
        case Residual.NEW_VOUCHER:
            return f"A new voucher of {held.left} is printed for the rest: this one is worth more."


class TenderScreen(FormScreen[PaymentTaken | ChequeRegistered | Basket | Draft]):
    """One form for the modes of a family, Tab goes from one to the other.

    Enter goes to the next field that must be filled and is not, at last to the amount; Enter there takes it. Answers the
    payment taken, the basket where more is to come, or on Esc what was typed.
    """

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["switch"])]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "lock")

    def __init__(
        self,
        seat: Seat,
        errands: Errands,
        basket: Basket,
        modes: Sequence[PaymentMode],
        *,
        amount: str,
        draft: Draft | None,
    ) -> None:
        super().__init__(seat, errands)
        self._basket = basket
        self._modes = tuple(modes)
        self._kind = modes[0].kind
        wanted = draft.mode if draft is not None else seat.habits.mode.get(self._kind)
        self._mode = next((mode for mode in modes if mode.code == wanted), modes[0])
        self._asked = _fields_of(modes)
        self._offered = {name: self._default(field) for name, field in self._asked.items()}
        self._offered["amount"] = seat.as_typed(basket.rest) if basket.rest else ""
        self._begun = dict(draft.typed) if draft is not None else {}
        if amount:
            self._begun["amount"] = amount
        self._held: TenderOrder | None = None
        """A voucher that central holds for this form and that isn't in the basket yet."""
        self._agreed: TenderOrder | None = None
        """The tender of which something had to be known first; Enter on the very same takes it."""
        self._asked_at_s: float | None = None

    def body(self) -> ComposeResult:
        yield Label(summary(self.seat, self._basket), id="paying", markup=False)
        yield Label("", id="mode", markup=False)
        begun = {**self._offered, **self._begun}
        with VerticalScroll(id="form", can_focus=False):
            for field in self._asked.values():
                yield Field(
                    field.label,
                    id=f"field-{field.name}",
                    value=begun[field.name],
                    # A card number cut off at a short field's end would not be known for one; the rules tell the limit.
                    limit=max(field.limit, CARD_WRITTEN_MAX),
                    note="" if field.required else "may stay empty",
                )
            yield Field(
                f"Amount, {self._basket.payer.currency}",
                id="field-amount",
                value=begun["amount"],
                pattern=AMOUNT,
                limit=AMOUNT_MAX,
                note="Enter takes it",
            )

    def on_mount(self) -> None:
        self._show_mode()
        self._next_missing().box.focus()
        offline = self.seat.offline if self._kind is ModeKind.VOUCHER else ""
        if offline and self.seat.desk.policy.vouchers.takes_offline:
            self.refuse(
                f"{offline}: only a signed voucher may be taken, as PROVISIONAL. Scan it, Enter takes it."
            )
        elif offline:
            self.refuse(f"{offline}: central must hold a voucher first. Esc, then F5 takes cash.")
        elif self._kind is ModeKind.VOUCHER:
            self.say("Scan or type the voucher, Enter takes it.")
        else:
            self.say("Enter goes on to what is missing, Up and Down to every field.")

    def _default(self, field: DetailField) -> str:
        if field.kind is FieldKind.DATE:
            shift = self.seat.shift
            return "" if shift is None else shift.business_date.isoformat()
        if field.kind is FieldKind.NAME:
            return self._basket.payer.name
        return self.seat.habits.field.get(field.name, "") if field.name in SAME_EACH_TIME else ""

    # --- which mode of the family -------------------------------------------------------------------------------

    def _show_mode(self) -> None:
        own = {field.name for field in self._mode.fields}
        for name in self._asked:
            self.query_one(f"#field-{name}", Field).display = name in own
        text = Text(f" {self._mode.label.upper()}", style="bold", no_wrap=True, overflow="crop")
        others = ", ".join(mode.label for mode in self._modes if mode is not self._mode)
        if others:
            text.append(f"   Tab: {others}", "not bold")
        if self._mode.final_when:
            text.append(f"\n   final {self._mode.final_when}", "not bold")
        said = said_of_itself(self._typed()) if self._kind is ModeKind.VOUCHER else ()
        for line in said:
            text.append(f"\n   {line}", "not bold")
        self.query_one("#mode", Label).update(text)
        self.keys_are(("help", "accept", "back", "switch") if others else self.KEYS)

    def action_switch(self) -> None:
        if len(self._modes) == 1 or self._sending:
            self.refuse("There is no other kind of this. Esc goes back, W shows every way to pay.")
            return
        self.wipe_card_numbers()
        place = (self._modes.index(self._mode) + 1) % len(self._modes)
        self._mode = self._modes[place]
        self.seat.habits.mode[self._kind] = self._mode.code
        self._show_mode()
        self._next_missing().box.focus()

    def action_card(self) -> None:
        self._same_key(ModeKind.CARD, "card")

    def action_bank(self) -> None:
        self._same_key(ModeKind.BANK_RECEIPT, "bank")

    def _same_key(self, kind: ModeKind, key_id: str) -> None:
        """The key that opened the form, pressed again, is the other kind of the same."""
        if kind is self._kind:
            self.action_switch()
        else:
            self._does_nothing(key_id)

    # --- from field to field ------------------------------------------------------------------------------------

    def _next_missing(self, after: Field | None = None) -> Field:
        """The next field that must be filled and is not; else the amount."""
        fields = list(self.fields)
        rest = fields if after is None else fields[fields.index(after) + 1 :]
        needed = {f"field-{field.name}" for field in self._mode.fields if field.required}
        return next((field for field in rest if field.id in needed and not field.value.strip()), fields[-1])

    def following(self, field: Field) -> Field | None:
        if field.is_amount:
            return None
        if self._kind is ModeKind.VOUCHER:
            self._show_mode()
        return self._next_missing(after=field)

    def problem_of(self, field: Field) -> DomainError | None:
        """What the rules say of this field alone; what is missing elsewhere is told when all is sent."""
        if field.is_amount or not field.value.strip():
            return None
        try:
            read_details(self._mode, self._typed())
        except DomainError as refusal:
            return refusal if self.field_of(refusal) is field else None
        return None

    def _typed(self) -> dict[str, str]:
        return {
            str(field.id).removeprefix("field-"): field.value for field in self.fields if not field.is_amount
        }

    @property
    def _amount(self) -> Field:
        return self.query_one("#field-amount", Field)

    def _order(self) -> TenderOrder:
        return TenderOrder(mode=self._mode.code, amount=self._amount.value, details=self._typed())

    # --- taking it ----------------------------------------------------------------------------------------------

    def send(self) -> None:
        now_s = self.seat.desk.clock.monotonic_s()
        if self._asked_at_s is not None and now_s - self._asked_at_s < READ_S:
            return
        if self.begin_sending():
            self.say("Asking central ..." if self._kind is ModeKind.VOUCHER else "Taking ...")
            self.errand(self._take(self._order()))

    def _send_confirmed(self, code: str, reason: str | None) -> None:
        self._basket = confirm(self._basket, code, reason)
        self.send()

    def _send_identified(self, identity: IdentityOrder) -> None:
        self._basket = identified(self._basket, identity)
        self.send()

    async def _take(self, tender: TenderOrder) -> None:
        seat = self.seat
        given = give(seat.desk, seat.person, self._basket, tender, decimal_marks=seat.decimal_marks)
        question = await self._question(given, tender)
        if question and self._agreed != tender:
            self._agreed, self._sending = tender, False
            self._asked_at_s = seat.desk.clock.monotonic_s()
            self.refuse(f"{question} Enter takes it so.")
            return
        if given.rest:
            self._held = None
            await seat.look(partial(require_room_for, seat.desk, seat.person, given))
            answer: PaymentTaken | ChequeRegistered | Basket = given
        else:
            answer = await take(seat, self.errands, given, keep=True)
        self._remember(tender)
        self.dismiss(answer)

    async def _question(self, given: Basket, tender: TenderOrder) -> str:
        """What is to be known before ``tender`` is taken, if anything; if it is a voucher, central holds it then."""
        seat, found = self.seat, []
        if not self._basket.is_empty:
            marks = seat.decimal_marks
            would = quote(seat.desk, self._basket, tender, keep=True, decimal_marks=marks)
            if would.credit:
                found.append(f"{would.credit} is more than is missing: it stays as credit on the account.")
            found += [
                f"The last {one.amount} of bill {one.bill_no} is written off." for one in would.written_off
            ]
        if self._kind is ModeKind.VOUCHER and self._held != tender:
            if self._held is not None:
                self._held = None
                await keep_only(seat, self._basket)
            held = (await hold_vouchers(seat, given))[-1]
            self._held = tender
            if held.offline is not None:
                found.append("PROVISIONAL: central does not answer, it redeems this voucher later.")
            if held.left:
                found.append(what_becomes_of_the_rest(held))
        return " ".join(found)

    def _remember(self, tender: TenderOrder) -> None:
        for name in SAME_EACH_TIME & set(tender.details):
            self.seat.habits.field[name] = tender.details[name].strip()

    # --- refusals -----------------------------------------------------------------------------------------------

    def refused(self, refusal: DomainError) -> None:
        if isinstance(refusal, NeedsConfirmation):
            self._sending = False
            self.ask_all_the_same(refusal, partial(self._send_confirmed, refusal.code))
            return
        if refusal.code == "identity_needed":
            self._sending = False
            ask_identity(self, refusal, self._send_identified)
            return
        if self._held is not None:
            self._held = None
            self.errand(keep_only(self.seat, self._basket))
        super().refused(self._with_next_key(refusal))

    def _with_next_key(self, refusal: DomainError) -> DomainError:
        """What central said of a voucher, and what may be pressed now."""
        worth = refusal.details.get("value")
        if refusal.code == "voucher_value_exceeded" and isinstance(worth, str):
            self._amount.box.value = self.seat.as_typed_text(worth)
            text = f"This voucher is worth {worth}: Enter takes it, the rest another way."
        elif refusal.code == "voucher_needs_central":
            text = f"{refusal.message} Esc, then F5 takes cash."
        else:
            return refusal
        return Refused(refusal.code, text, **refusal.details)

    def field_of(self, refusal: DomainError) -> Field | None:
        code, details = refusal.code, refusal.details
        if details.get("mode", self._mode.code) != self._mode.code:
            return None
        if "amount" in code or code in {"cheque_over_cap", "voucher_value_exceeded", "change_not_possible"}:
            return self._amount
        by_code = {
            "cheque_post_dated": "date",
            "cheque_not_post_dated": "date",
            "cheque_stale": "date",
            "cheque_taken_before": "serial",
        }
        told = by_code.get(code, details.get("field"))
        if told is None and code.startswith("voucher_"):
            told = "code"
        for field in self._mode.fields:
            if told in (field.name, field.label):
                return self.query_one(f"#field-{field.name}", Field)
        return None

    # --- leaving ------------------------------------------------------------------------------------------------

    def action_back(self) -> None:
        if self._sending:
            return
        self.wipe_card_numbers()
        if self._held is not None:
            self._held = None
            self.errand(self._let_go())
        else:
            self.dismiss(self._draft())

    async def _let_go(self) -> None:
        await keep_only(self.seat, self._basket)
        self.dismiss(self._draft())

    def _draft(self) -> Draft | None:
        typed = {**self._typed(), "amount": self._amount.value}
        changed = {name: text for name, text in typed.items() if text != self._offered[name]}
        if not changed:
            return None
        return Draft(kind=self._kind, mode=self._mode.code, label=self._mode.label, typed=changed)
