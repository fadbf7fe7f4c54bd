"""Deposit slips: lodged with the bank's reference, then confirmed by what the bank credited, in one sum or by cheque."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.domain.carrier import Carrier
from pos.domain.cash_bag import CashBag
from pos.domain.deposit import Cause, DepositSlip, SlipState, so_much
from pos.domain.errors import DomainError
from pos.domain.money import Money, total
from pos.till.deposit_credits import CreditOrder, confirm_deposit
from pos.till.deposits import ENDED, LIVING, DepositDone, cancel_deposit, deposit_slips, lodge_deposit
from pos.till.papers import show_receipt
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.form import FormScreen
from pos.tui.screens.lines import LinesScreen, RegisterScreen
from pos.tui.screens.reason import ReasonScreen
from pos.tui.screens.receipt import ReceiptScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.entry import AMOUNT, AMOUNT_MAX, Field
from pos.tui.widgets.listing import Listing, Row

LIVING_MAX = 200
ENDED_MAX = 20

Credited = tuple[tuple[str, Money], ...]
"""Cheques and bags that the bank's list has, by their ids and numbers, each with its amount."""


class DepositSlipsScreen(RegisterScreen[None, DepositSlip]):
    """Those that the bank still has to do with first. Enter shows the paper; L, Y, C and N say what became of a slip."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(["lodge", "credited", "by_cheque", "cancel_slip"]),
        Binding("enter", "accept", "OK"),
    ]
    KEYS: ClassVar[tuple[str, ...]] = ("accept", "lodge", "credited", "by_cheque", "cancel_slip", "back")
    HEADING = "Deposit slips"
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Made", width=10),
        Column(title="Slip", flexible=True),
        Column(title="Cheques", width=7, right=True),
        Column(title="Amount", width=12, right=True),
        Column(title="To come", width=12, right=True),
        Column(title="State", width=9),
    )

    async def found(self) -> Sequence[DepositSlip]:
        desk, person = self.seat.desk, self.seat.person
        living = await self.seat.look(lambda: deposit_slips(desk, person, states=LIVING, limit=LIVING_MAX))
        ended = await self.seat.look(lambda: deposit_slips(desk, person, states=ENDED, limit=ENDED_MAX))
        return living + ended

    def row(self, entry: DepositSlip) -> Row:
        state = "PART" if entry.state is SlipState.PART_CONFIRMED else str(entry.state)
        return Row(
            key=entry.number,
            cells=(
                entry.made_on.isoformat(),
                entry.number,
                f"{len(entry.cheques)}+{len(entry.bags)}" if entry.bags else str(len(entry.cheques)),
                self.seat.shown(entry.total),
                self.seat.shown(entry.still_to_come),
                state,
            ),
            strong=entry.state.is_alive,
        )

    def facts(self, entry: DepositSlip | None) -> str:
        if entry is None:
            return "There is no deposit slip yet."
        text = f"Into {entry.account.code}, made by {entry.made_by}"
        if entry.reference is not None:
            text += f"; lodged on {entry.lodged_on}, reference {shown(entry.reference)}"
        if entry.carrier is not None:
            by, seal = entry.carrier, f", seal {entry.carrier.seal}" if entry.carrier.seal else ""
            text += f"\n{by.receipt}: fetched by {shown(f'{by.company}, {by.person}{seal}')}"
        return text

    def _ready(self, to: SlipState) -> DepositSlip | None:
        """The selected slip, if this may be done with it; else it is said why not."""
        slip = self.selected
        if slip is None:
            self.refuse("There is no deposit slip yet. Esc goes back to the cheques.")
            return None
        try:
            slip.require_step(to)
        except DomainError as refusal:
            self.refused(refusal)
            return None
        return slip

    def action_accept(self) -> None:
        if self.selected is not None:
            self.errand(self._paper(self.selected.number))

    async def _paper(self, number: str) -> None:
        seat = self.seat
        facts = await seat.look(lambda: show_receipt(seat.desk, seat.person, number))
        self.app.push_screen(ReceiptScreen(seat, self.errands, facts))

    def action_lodge(self) -> None:
        slip = self._ready(SlipState.LODGED)
        if slip is not None:
            self.app.push_screen(LodgeScreen(self.seat, self.errands, slip), self._done)

    def action_credited(self) -> None:
        slip = self._ready(SlipState.CONFIRMED)
        if slip is not None:
            self.app.push_screen(CreditedScreen(self.seat, self.errands, slip), self._done)

    def action_by_cheque(self) -> None:
        slip = self._ready(SlipState.CONFIRMED)
        if slip is None:
            return

        def ticked(cheques: Credited | None) -> None:
            if cheques:
                form = CreditedScreen(self.seat, self.errands, slip, cheques)
                self.app.push_screen(form, self._done)

        self.app.push_screen(CreditedChequesScreen(self.seat, self.errands, slip), ticked)

    def action_cancel_slip(self) -> None:
        slip = self._ready(SlipState.CANCELLED)
        if slip is None:
            return

        def answered(reason: str | None) -> None:
            if reason:
                self.errand(self._cancel(slip.number, reason))

        warning = f"Take {slip.number} back: the bank has not got it, and its cheques may go on another."
        self.app.push_screen(ReasonScreen(self.seat, self.errands, warning), answered)

    async def _cancel(self, number: str, reason: str) -> None:
        desk, person = self.seat.desk, self.seat.person
        await self.seat.deed(partial(cancel_deposit, desk, person, number, reason))
        await self.load(f"{number} is cancelled. Tear its paper up; Esc goes back to the cheques.")

    def _done(self, done: DepositDone | None) -> None:
        if done is not None:
            self.errand(self._tell(done.slip))

    async def _tell(self, slip: DepositSlip) -> None:
        await self.load()
        if slip.state is SlipState.LODGED:
            self.say(f"{slip.number} is lodged: {_on_its_way(self.seat, slip)}.")
        elif slip.state is SlipState.CONFIRMED:
            self.say(f"{slip.number} is confirmed: the bank has all of {self.seat.shown(slip.total)}.")
        else:
            waiting = so_much(len(slip.outstanding), len(slip.outstanding_bags))
            left = f"{waiting}, {self.seat.shown(slip.still_to_come)}"
            self.say(f"Of {slip.number} still to come: {left}.")


def _on_its_way(seat: Seat, slip: DepositSlip) -> str:
    """Where its money is once the bank took it: cheques wait to be paid, cash to be counted."""
    in_currency = slip.total.currency
    cash = total((bag.amount for bag in slip.bags), in_currency)
    cheques = total((cheque.amount for cheque in slip.cheques), in_currency)
    said = [f"{seat.shown(cheques)} in clearing"] if slip.cheques else []
    said += [f"{seat.shown(cash)} of cash in transit"] if slip.bags else []
    return ", ".join(said)


class _BankDayScreen(FormScreen[DepositDone]):
    """A form about a slip that ends with the bank's day."""

    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back")

    def __init__(self, seat: Seat, errands: Errands, slip: DepositSlip) -> None:
        super().__init__(seat, errands)
        self._slip = slip

    def _day(self) -> Field:
        today = self.seat.desk.clock.now().date().isoformat()
        return Field("The bank's day", id="bank-day", value=today, limit=10)

    def typed(self, name: str) -> str:
        """What stands in a field."""
        return self.query_one(f"#{name}", Field).value.strip()

    def field_of(self, refusal: DomainError) -> Field | None:
        if refusal.code in ("bad_date", "bank_date_impossible"):
            return self.query_one("#bank-day", Field)
        return next(iter(self.fields), None)

    def send(self) -> None:
        if self.begin_sending():
            self.errand(self._send())

    async def _send(self) -> None:
        raise NotImplementedError


class LodgeScreen(_BankDayScreen):
    """The bank took the slip: its reference and its day; or its carrier did."""

    def body(self) -> ComposeResult:
        yield Label(f"The bank took {self._slip.number}", classes="title", markup=False)
        yield Field("Its reference", id="bank-reference", limit=40, note="as on its stamp")
        yield self._day()
        yield Field("Carrier", id="carrier-company", limit=60, note="if one fetched it")
        yield Field("Fetched by", id="carrier-person", limit=60, note="name or badge")
        yield Field("Seal", id="carrier-seal", limit=40)

    def following(self, field: Field) -> Field | None:
        if field.id == "carrier-company" and not field.value.strip():
            return None
        return super().following(field)

    def field_of(self, refusal: DomainError) -> Field | None:
        if refusal.code == "carrier_incomplete":
            return self.query_one(f"#carrier-{refusal.details['field']}", Field)
        for field in self.fields:
            if field.label == refusal.details.get("field"):
                return field
        return super().field_of(refusal)

    async def _send(self) -> None:
        desk, person = self.seat.desk, self.seat.person
        company, fetched_by, seal = (self.typed(f"carrier-{name}") for name in ("company", "person", "seal"))
        fetched = Carrier(company=company, person=fetched_by, seal=seal)
        deed = partial(
            lodge_deposit,
            desk,
            person,
            self._slip.number,
            self.typed("bank-reference"),
            on=self.typed("bank-day"),
            carrier=fetched if company or fetched_by or seal else None,
        )
        done = await self.seat.deed(deed)
        if done.slip.carrier is not None:
            self.errands.paper_waits()
        self.dismiss(done)


class CreditedScreen(_BankDayScreen):
    """What the bank credited: one sum, typed off its statement, or the cheques and bags that were ticked."""

    def __init__(self, seat: Seat, errands: Errands, slip: DepositSlip, cheques: Credited = ()) -> None:
        super().__init__(seat, errands, slip)
        self._cheques = cheques

    def body(self) -> ComposeResult:
        bags, what = len(self._bags), self._slip.number
        if self._cheques:
            what = f"{so_much(len(self._cheques) - bags, bags)} of {what}"
        yield Label(f"The bank credited {what}", classes="title", markup=False)
        if not self._cheques:
            yield Field("Its sum", id="bank-sum", pattern=AMOUNT, limit=AMOUNT_MAX, note="its statement's")
        if self._alone is not None:
            yield Field(
                "Its sum",
                id="cheque-sum",
                value=self.seat.shown(self._alone),
                pattern=AMOUNT,
                limit=AMOUNT_MAX,
                note="as credited",
            )
            yield Field("If it differs", id="bank-cause", limit=10, note="charge or error")
        for place, bag in enumerate(self._bags):
            field = Field(
                f"Bag {bag.number}",
                id=f"bag-{place}",
                value=self.seat.shown(bag.amount),
                pattern=AMOUNT,
                limit=AMOUNT_MAX,
                note="as counted there",
            )
            yield field
        if self._bags or self._alone is not None:
            yield Field("What it says", id="bag-reason", limit=200, note="if a sum differs")
        yield self._day()

    @property
    def _bags(self) -> list[CashBag]:
        named = {name for name, _ in self._cheques}
        return [bag for bag in self._slip.outstanding_bags if bag.number in named]

    def on_mount(self) -> None:
        if self._alone is not None:
            # Nearly always it is the cheque's own sum, and Enter is enough.
            self.query_one("#bank-day", Field).box.focus()
            self.say("Enter goes on. Up goes to its sum, where the bank credited another.")

    @property
    def _alone(self) -> Money | None:
        """What the cheque is over that alone is ticked: it may have been credited with another sum."""
        if len(self._cheques) != 1 or self._bags:
            return None
        return self._cheques[0][1]

    def field_of(self, refusal: DomainError) -> Field | None:
        if refusal.code == "reason_missing" or (refusal.code == "deposit_differs" and self._bags):
            return self.query_one("#bag-reason", Field)
        if refusal.code in ("deposit_differs", "bad_field") and self._alone is not None:
            return self.query_one("#bank-cause", Field)
        return super().field_of(refusal)

    async def _send(self) -> None:
        desk, person = self.seat.desk, self.seat.person
        counted = {bag.number: self.typed(f"bag-{place}") for place, bag in enumerate(self._bags)}
        if self._alone is not None:
            counted[self._cheques[0][0]] = self.typed("cheque-sum")
        told = CreditOrder(
            amount=None if self._cheques else self.typed("bank-sum"),
            cheques=[(name, counted.get(name, amount)) for name, amount in self._cheques],
            on=self.typed("bank-day"),
            reason=self.typed("bag-reason") if self._bags or self._alone is not None else "",
            cause=self._cause(),
            decimal_marks=self.seat.decimal_marks,
        )
        self.dismiss(await self.seat.deed(partial(confirm_deposit, desk, person, self._slip.number, told)))

    def _cause(self) -> str:
        """As a script names it; what is neither goes on as it is, to be refused."""
        typed = self.typed("bank-cause").lower() if self._alone is not None else ""
        return {"": "", "charge": Cause.CHARGE, "error": Cause.ERROR}.get(typed, typed)


class CreditedChequesScreen(LinesScreen[Credited]):
    """Answers the cheques that the bank's list has, each with its amount. None is ticked at first: the list says which."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["mark"]), Binding("enter", "accept", "OK")]
    KEYS: ClassVar[tuple[str, ...]] = ("mark", "accept", "back", "scroll")
    HAS_DRAFT: ClassVar[bool] = True

    def __init__(self, seat: Seat, errands: Errands, slip: DepositSlip) -> None:
        super().__init__(seat, errands)
        self._slip = slip
        self._ticked: frozenset[str] = frozenset()

    def body(self) -> ComposeResult:
        yield Label("", id="heading", markup=False)
        yield Listing(
            (
                Column(title="Dated", width=10),
                Column(title="Serial and bank", width=22),
                Column(title="Cheque drawer", flexible=True),
                Column(title="Amount", width=12, right=True),
            ),
            id="credited",
        )

    def on_mount(self) -> None:
        self._show()
        self.say("Space ticks what the bank credited with just this amount, Enter goes on.")

    def _show(self) -> None:
        waiting = self._slip.outstanding
        self.query_one(Listing).show(
            [
                Row(
                    key=cheque.cheque_id,
                    cells=(
                        cheque.dated.isoformat(),
                        f"{cheque.serial} {cheque.bank}",
                        cheque.drawer,
                        self.seat.shown(cheque.amount),
                    ),
                    marked=cheque.cheque_id in self._ticked,
                )
                for cheque in waiting
            ]
            + [
                Row(
                    key=bag.number,
                    cells=(
                        bag.sealed_on.isoformat(),
                        f"Bag {bag.number}",
                        "cash",
                        self.seat.shown(bag.amount),
                    ),
                    marked=bag.number in self._ticked,
                )
                for bag in self._slip.outstanding_bags
            ]
        )
        ticked = self._chosen
        amount = self.seat.shown_with_currency(
            total((amount for _, amount in ticked), self._slip.total.currency)
        )
        of, kind = len(waiting) + len(self._slip.outstanding_bags), "lines" if self._slip.bags else "cheques"
        heading = f" {self._slip.number}: {len(ticked)} of {of} {kind} credited, {amount}"
        self.query_one("#heading", Label).update(Text(heading, "bold"))

    @property
    def _chosen(self) -> Credited:
        cheques = [(cheque.cheque_id, cheque.amount) for cheque in self._slip.outstanding]
        bags = [(bag.number, bag.amount) for bag in self._slip.outstanding_bags]
        return tuple((name, amount) for name, amount in (*cheques, *bags) if name in self._ticked)

    def action_mark(self) -> None:
        """Tick the selected cheque or take its tick away, and go on to the next."""
        listing = self.query_one(Listing)
        if listing.selected is not None:
            self._ticked ^= {listing.selected}
            listing.move(1)
            self._show()

    def action_accept(self) -> None:
        if self._chosen:
            self.dismiss(self._chosen)
        else:
            self.refuse("No cheque is ticked. Space ticks those that the bank credited, Esc leaves it.")
