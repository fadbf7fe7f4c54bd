"""The seat at the till: who sits there, in which shift, and the two ways a screen may ask for something."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from pos.domain.approval_elsewhere import ApprovalExchange
from pos.domain.demanded_bill import BillPress
from pos.domain.errors import NotAuthorised
from pos.domain.ids import new_id
from pos.domain.money import Money
from pos.domain.over_short import size_of, word_of
from pos.domain.payment_mode import ModeKind
from pos.domain.ports import CardTerminal, Runner
from pos.domain.refund_across import RefundDesk
from pos.domain.role import Person
from pos.domain.unfinished import Unfinished
from pos.domain.voucher import VoucherDesk
from pos.store.shifts import Shift
from pos.till.cash_office import current_shift
from pos.till.desk import Desk, note_refusals
from pos.till.gate import may_do
from pos.till.open_bills import catch_up
from pos.till.unfinished import abandon
from pos.tui.patience import Patience
from pos.tui.ports import (
    AskSyncState,
    BankFolder,
    BringBatches,
    NoBankFolder,
    NotAskedYet,
    Preview,
    VoucherIssue,
    bring_nothing,
)

Result = TypeVar("Result")


@dataclass(slots=True, kw_only=True)
class Habits:
    """What was last chosen and typed since the start, offered again: of each family its mode, of some fields the value."""

    mode: dict[ModeKind, str] = field(default_factory=dict)
    field: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Seat:
    """Handed to every screen. Only ``deed`` and ``look`` reach the stores, and both run off the screen's own loop.

    ``vouchers`` None: this till has no central to ask for vouchers. ``issuing`` None: nor to issue any.
    ``bills`` None: nor to make bills on demand.
    ``refunds`` None: nor to pay back what another terminal took; ``patience`` is the same, and may be left.
    ``approvals`` None: no other terminal can be asked for a second person. ``card_terminal`` None: slips are keyed.
    ``link`` says whether central answers. ``bring_batches`` leads to the accounting system,
    ``bank_folder`` to the files of banks.
    """

    desk: Desk
    runner: Runner
    preview: Preview
    vouchers: VoucherDesk | None = None
    issuing: VoucherIssue | None = None
    bills: BillPress | None = None
    refunds: RefundDesk | None = None
    patience: Patience | None = None
    approvals: ApprovalExchange | None = None
    card_terminal: CardTerminal | None = None
    link: AskSyncState = NotAskedYet
    bring_batches: BringBatches = bring_nothing
    bank_folder: BankFolder = field(default_factory=NoBankFolder)
    hint: str | None = None
    occupant: Person | None = None
    shift: Shift | None = None
    habits: Habits = field(default_factory=Habits)

    @property
    def person(self) -> Person:
        """Who is signed in. Raises NotAuthorised ``not_signed_in``."""
        if self.occupant is None:
            raise NotAuthorised("not_signed_in", "Sign in first.")
        return self.occupant

    @property
    def decimal_marks(self) -> str:
        """The marks that may stand in a typed amount."""
        return self.desk.policy.decimal_marks

    @property
    def owns_the_shift(self) -> bool:
        """Whether the open shift is this person's, so that money can be taken."""
        return (
            self.shift is not None and self.occupant is not None and self.shift.operator == self.occupant.user
        )

    def may(self, act: str) -> bool:
        """Whether to offer an act to the person."""
        return may_do(self.desk, act, self.person)

    def new_id(self) -> str:
        """An id for a deed that is being prepared."""
        return new_id(self.desk.clock, self.desk.randomness)

    def shown(self, amount: Money) -> str:
        """An amount as this shop writes it, without its currency. Every screen writes its amounts by this."""
        return self.desk.policy.numbers.shown(amount)

    def shown_with_currency(self, amount: Money) -> str:
        """The same with the currency's code."""
        return self.desk.policy.numbers.with_currency(amount)

    def over_or_short(self, difference: Money) -> str:
        """``0.500 short``, ``0.500 over`` or ``exact``: no person reads a sign."""
        word = word_of(difference)
        return word if not difference else f"{self.shown(size_of(difference))} {word}"

    def over_or_short_with_currency(self, difference: Money) -> str:
        """The same with the currency's code."""
        word = word_of(difference)
        return word if not difference else f"{self.shown_with_currency(size_of(difference))} {word}"

    def in_words(self, text: str) -> str:
        """What a rule or a receipt says, with its amounts as this shop writes them."""
        return self.desk.policy.numbers.in_text(text, self.desk.identity.currency)

    def as_typed(self, amount: Money) -> str:
        """An amount as this shop types it, to stand in a field."""
        return self.as_typed_text(amount.plain())

    def as_typed_text(self, plain: str) -> str:
        """A plain amount with the mark that is typed here."""
        return plain if "." in self.decimal_marks else plain.replace(".", self.decimal_marks[0])

    @property
    def offline(self) -> str:
        """Since when central does not answer, in words; empty where it does, or was not asked yet."""
        state = self.link()
        if state.online is not False:
            return ""
        return "OFFLINE" if state.since is None else f"OFFLINE since {self.clock_time(state.since)}"

    @property
    def central_now(self) -> RefundDesk | None:
        """Who is asked before money goes back; None while it is known to be silent: nobody waits for that."""
        return None if self.offline else self.patience

    def clock_time(self, moment: datetime) -> str:
        """A moment in the shop's own time: the hour, and the day where it is another."""
        now = self.desk.clock.now()
        here = moment.astimezone(now.tzinfo)
        return here.strftime("%H:%M" if here.date() == now.date() else "%Y-%m-%d %H:%M")

    async def deed(self, call: Callable[[], Result]) -> Result:
        """Carry out a deed, then bring the lists up to it. Raises what the deed raises."""
        result = await self.runner.till(call)
        await self.runner.cache(lambda: catch_up(self.desk))
        return result

    async def asked(self, deed: Awaitable[Result]) -> Result:
        """A deed that asks somebody else on its way, then the same. Raises what the deed raises."""
        result = await deed
        await self.runner.cache(lambda: catch_up(self.desk))
        return result

    async def look(self, call: Callable[[], Result]) -> Result:
        """Make an enquiry. What it is refused for is audited on the till's own lane."""
        try:
            return await self.runner.read(call)
        finally:
            if self.desk.unwritten:
                await self.runner.till(lambda: note_refusals(self.desk))

    async def tell_left(self, left: Unfinished) -> None:
        """Keep that something shown to a payer was left. It waits for nothing, and nothing waits for it."""
        person = self.person
        await self.runner.till(lambda: abandon(self.desk, person, left))

    async def see_shift(self) -> None:
        """Learn anew which shift is open here."""
        self.shift = await self.look(lambda: current_shift(self.desk))
