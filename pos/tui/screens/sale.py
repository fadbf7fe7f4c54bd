"""A sale as it grows: its lines, their serial numbers, the total with its tax; a dealer's cart is one too."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Label

from pos.domain.catalogue import LineOfSale
from pos.domain.errors import DomainError, Refused
from pos.domain.payment_mode import PayerKind
from pos.domain.voucher import shown_code
from pos.till.basket import Basket, add_item, add_serial, choose_bills, remove_line, set_quantity
from pos.till.enquiries import account_view
from pos.till.selling import OVERRIDE_ACT
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.items import ItemsScreen
from pos.tui.screens.paying import PayingScreen, ScanCame
from pos.tui.screens.price import PriceScreen
from pos.tui.seat import Seat
from pos.tui.widgets.account_heading import AccountHeading
from pos.tui.widgets.columns import Column, shown, spread
from pos.tui.widgets.listing import Listing, Row
from pos.tui.widgets.paying import payer_name

QUANTITY_DIGITS_MAX = 4


class SaleScreen(PayingScreen):
    """Items for a walk-in buyer, a dealer or, ``from_bills``, for a customer whose bills stand on the screen below.

    From bills Esc answers the basket, so that both are paid together.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["quantity", "price", "remove"])]
    KEYS: ClassVar[tuple[str, ...]] = (
        "items",
        "cash",
        "card",
        "cheque",
        "voucher",
        "ways",
        "quantity",
        "remove",
    )
    DEALER_KEYS: ClassVar[tuple[str, ...]] = ("items", "cash", "card", "cheque", "bank", "voucher", "ways")

    def __init__(
        self,
        seat: Seat,
        errands: Errands,
        basket: Basket,
        *,
        from_bills: bool = False,
        typed: str = "",
        said: str = "",
    ) -> None:
        super().__init__(seat, errands, basket)
        self._from_bills = from_bills
        self._typed = typed
        self._said = said

    def body(self) -> ComposeResult:
        if self._basket.view is not None:
            yield AccountHeading(self.seat, self._basket.view)
        else:
            yield Label(Text(f" {payer_name(self._basket)}", "bold"), id="heading", markup=False)
        yield Listing(
            (
                Column(title="Item", width=10),
                Column(title="Name", flexible=True),
                Column(title="Serials", width=8),
                Column(title="Qty", width=4, right=True),
                Column(title="Price", width=10, right=True),
                Column(title="Amount", width=12, right=True),
            ),
            id="lines",
        )
        yield Label("", id="sale-sums", markup=False)
        yield from self.foot()

    def on_mount(self) -> None:
        self.paint()
        self._select(len(self._basket.lines) - 1)
        self._tell(self._said or ("" if self._basket.lines else "Scan an item, or F4 finds one by name."))

    @property
    def all_keys(self) -> tuple[str, ...]:
        keys = self.DEALER_KEYS if self._is_dealer else self.KEYS
        # In front, where no key bar ends before it.
        return ("price", *keys) if self.seat.may(OVERRIDE_ACT) else keys

    @property
    def _is_dealer(self) -> bool:
        return self._basket.payer.kind is PayerKind.DEALER

    # --- what it shows ------------------------------------------------------------------------------------------

    def paint(self) -> None:
        basket = self._basket
        self.query_one("#lines", Listing).show(
            [self._row(place, line) for place, line in enumerate(basket.lines)]
        )
        to_pay, sale, tax = map(self.seat.shown, (basket.plan.to_pay, basket.sale, basket.tax))
        bills = f" Bills {to_pay}   " if basket.plan.parts else " "
        sums = f"{bills}Items {sale}, tax {tax} in it" if basket.lines else bills
        if basket.commission_kept:
            sums += f", less commission {self.seat.shown(basket.commission_kept)}"
        self.query_one("#sale-sums", Label).update(
            Text(spread(sums, f"{basket.payer.currency} ", self.app.size.width), no_wrap=True)
        )
        super().paint()

    def _row(self, place: int, line: LineOfSale) -> Row:
        if line.item.serial is None:
            serials = ""
        else:
            serials = f"{len(line.serials)} of {line.quantity}" if line.missing else "all"
        return Row(
            key=str(place),
            cells=(
                line.item.item,
                line.item.name,
                serials,
                str(line.quantity),
                f"{self.seat.shown(line.unit_price)}{'' if line.override is None else '*'}",
                self.seat.shown(line.amount),
            ),
            strong=line.missing > 0,
        )

    def typed_hint(self) -> str:
        return "Enter: item of that code,\n*  how many, F5 in cash"

    def idle_hint(self) -> str:
        if self._basket.is_empty and not self._basket.keeps_nothing:
            return "Type an amount: F5 or F8\ntops up the account."
        return ""

    # --- lines --------------------------------------------------------------------------------------------------

    def action_accept(self) -> None:
        if self._typed:
            typed, self._typed = self._typed, ""
            self.errand(self.scanned(typed, by_hand=True))
        else:
            super().action_accept()

    async def scanned(self, text: str, *, by_hand: bool = False) -> None:
        """An item by its code or bar code, or the serial number of a piece that still needs one."""
        before = self._basket
        try:
            after = await self.seat.look(partial(add_item, self.seat.desk, before, text))
        except DomainError as refusal:
            if refusal.code != "unknown_item":
                raise
            self._serial_scanned(text, by_hand=by_hand)
            return
        self._put(after, "is added")

    def _serial_scanned(self, text: str, *, by_hand: bool) -> None:
        place = self._place_without_serial()
        if place is not None:
            self._put(add_serial(self._basket, place, text), "has its number")
        elif by_hand or self._from_bills or self._basket.given or self._basket.lines:
            raise Refused("unknown_item", f"{self._as_shown(text)} is no item here. F4 finds items by name.")
        else:
            self.dismiss(ScanCame(text=text))

    def _as_shown(self, text: str) -> str:
        """What was scanned, by its end only where it may be a card's PIN."""
        secret = any(
            line.item.serial is not None and line.item.serial.is_secret for line in self._basket.lines
        )
        return shown_code(text) if secret else shown(text)

    def _place_without_serial(self) -> int | None:
        """The selected line if a piece of it misses its number, else the first that does."""
        missing = [place for place, line in enumerate(self._basket.lines) if line.missing]
        selected = self._selected()
        return selected if selected in missing else next(iter(missing), None)

    def _put(self, after: Basket, happened: str) -> None:
        before, self._basket = self._basket.lines, after
        changed = [place for place, line in enumerate(after.lines) if before[place : place + 1] != (line,)]
        self.paint()
        if changed:
            self._select(changed[0])
            self._tell(f"{after.lines[changed[0]].item.name} {happened}.")

    def _tell(self, text: str) -> None:
        """What happened, and the serial number that is wanted next."""
        place = self._place_without_serial()
        if place is not None:
            line = self._basket.lines[place]
            assert line.item.serial is not None
            text = f"{text} Scan {line.item.serial.label} {len(line.serials) + 1} of {line.quantity}."
        self.say(text.strip())

    def _selected(self) -> int | None:
        selected = self.query_one("#lines", Listing).selected
        return None if selected is None else int(selected)

    def _select(self, place: int) -> None:
        self.query_one("#lines", Listing).select(str(place))

    def action_quantity(self) -> None:
        place = self._selected()
        if place is None:
            self.refuse("There is no line yet. Scan an item, or press F4 to find one.")
        elif not self._typed.isdigit() or len(self._typed) > QUANTITY_DIGITS_MAX:
            self.refuse("Type how many first, then  *")
        else:
            typed, self._typed = self._typed, ""
            try:
                self._put(set_quantity(self._basket, place, int(typed)), f"times {int(typed)}")
            except DomainError as refusal:
                self.refused(refusal)
            self.paint()

    def action_price(self) -> None:
        """Another price for the selected line; what was typed is offered as that price."""
        place = self._selected()
        if place is None:
            self.refuse("There is no line yet. Scan an item, or press F4 to find one.")
        elif not self.seat.may(OVERRIDE_ACT):
            self.refuse("You may not change a price. Ask a supervisor.")
        else:
            typed, self._typed = self._typed, ""
            self.app.push_screen(
                PriceScreen(self.seat, self.errands, self._basket, place, typed=typed), self._priced
            )

    def _priced(self, basket: Basket | None) -> None:
        if basket is None:
            self.paint()
        else:
            self._put(basket, "has another price")

    def action_remove(self) -> None:
        place = self._selected()
        if place is None:
            self.refuse("There is no line to leave out.")
        else:
            name = self._basket.lines[place].item.name
            self._basket = remove_line(self._basket, place)
            self.paint()
            self._tell(f"{name} is left out.")

    def action_wipe_one(self) -> None:
        if self._typed:
            super().action_wipe_one()
        else:
            self.action_remove()

    def action_items(self) -> None:
        self.app.push_screen(ItemsScreen(self.seat, self.errands), self._item_found)

    def _item_found(self, code: str | None) -> None:
        if code is not None:
            self.errand(self.scanned(code))

    # --- paying and leaving -------------------------------------------------------------------------------------

    def part_typed(self, typed: str) -> None:
        self.refuse("Items are paid whole. A part is paid of bills only.")

    def action_back(self) -> None:
        """A customer's items go back to the bills with all that was given."""
        if self._from_bills and not self._typed:
            self.dismiss(self._basket)
        else:
            super().action_back()

    def leave(self) -> None:
        if self._from_bills:
            self.dismiss(self._basket)
        else:
            super().leave()

    def came_back(self) -> None:
        super().came_back()
        if self._is_dealer:
            self.errand(self._look_again())

    async def _look_again(self) -> None:
        seat, person = self.seat, self.seat.person
        number = self._basket.payer.account
        view = await seat.look(lambda: account_view(seat.desk, person, number))
        self._basket = choose_bills(self._basket, view=view, beside_items=True)
        self.query_one(AccountHeading).tell(view)
        self.paint()
