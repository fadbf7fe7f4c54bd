"""Where a script's acts are carried out: who is signed in, and whom this till can ask about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pos.domain.demanded_bill import BillDemanded
from pos.domain.errors import Refused
from pos.domain.ledger_delivery import Delivery
from pos.domain.role import Person
from pos.domain.voucher import VoucherIssued
from pos.store.cards import CardAttempt
from pos.till.approvals_elsewhere import Answered
from pos.till.correction_entry import Corrected
from pos.till.desk import Desk, Memo
from pos.till.dishonour_plan import BounceOrder
from pos.till.payment_order import PaymentOrder
from pos.till.refunds import RefundOrder, refund
from pos.till.voucher_issue import IssueOrder

Answer = Mapping[str, object]
Done = TypeVar("Done")


class VouchersNow(Protocol):
    """Has vouchers held at central, and waits for the answer: a script takes one line after the other."""

    def reserve(self, person: Person, order: PaymentOrder) -> None:
        """As ``reserve_vouchers``."""
        ...

    def let_go(self, payment_event_id: str) -> None:
        """As ``let_go``."""
        ...

    def issue(self, person: Person, order: IssueOrder, *, asked_by: str, memo: Memo) -> VoucherIssued:
        """As ``issue_voucher``."""
        ...


class BillsNow(Protocol):
    """Has central make a bill, and waits for its answer."""

    def demand(self, person: Person, account: str, *, asked_by: str, memo: Memo) -> BillDemanded:
        """As ``demand_bill``."""
        ...


class CardsNow(Protocol):
    """Asks the connected card terminal, and waits for its answer."""

    def ask(self, person: Person, order: PaymentOrder, ref: str) -> PaymentOrder:
        """As ``ask_cards``."""
        ...

    def ask_again(self, person: Person, attempt_id: str) -> CardAttempt:
        """As ``ask_again``."""
        ...

    def let_go(self, payment_event_id: str) -> None:
        """As ``let_go_cards``."""
        ...


class RefundsNow(Protocol):
    """Pays back what was taken here or at another terminal, and waits for central's answer."""

    def pay_back(self, person: Person, order: RefundOrder, *, memo: Memo) -> Corrected:
        """As ``pay_back``."""
        ...

    def correct(self, person: Person, act: str, receipt: str, deed: Callable[[], Done]) -> Done:
        """As ``paid_back_elsewhere.undo``."""
        ...

    def knows_more(self, person: Person, order: BounceOrder) -> BounceOrder:
        """As ``bounce_across.with_told``."""
        ...


class ApprovalsElsewhere(Protocol):
    """Asks and answers second persons at other terminals, and waits for central's answer."""

    def answer(
        self, person: Person, central_id: str, *, declined: str | None = None, memo: Memo | None = None
    ) -> Answered:
        """As ``answer_elsewhere``."""
        ...

    def bring(self) -> None:
        """Tell central what is asked, and hear what was answered."""
        ...


class LedgerNow(Protocol):
    """Brings batches to the accounting system, and waits for its answers."""

    def bring(self, person: Person, number: str | None) -> Sequence[tuple[str, Delivery | str]]:
        """Those that wait, or the one of ``number``: what is to be noted of each, or why it could not be brought."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Who sits at which desk.

    ``vouchers`` None: this till has no central to check them with. ``cards`` None: no card terminal is connected.
    ``refunds`` None: only what was taken here is paid back. ``approvals`` None: no other terminal can be asked.
    ``ledger`` None: no batch can be brought from here. ``bills`` None: this till has no central to make them.
    """

    desk: Desk
    person: Person
    vouchers: VouchersNow | None
    cards: CardsNow | None
    refunds: RefundsNow | None
    approvals: ApprovalsElsewhere | None
    ledger: LedgerNow | None = None
    bills: BillsNow | None = None

    def undone(self, act: str, receipt: str, deed: Callable[[], Done]) -> Done:
        """Carry out what undoes a payment; central is asked first what of it was paid back elsewhere."""
        return deed() if self.refunds is None else self.refunds.correct(self.person, act, receipt, deed)

    def pay_back(self, order: RefundOrder, memo: Memo) -> Corrected:
        """Pay back what was taken here, and at another terminal where central can be asked."""
        if self.refunds is None:
            return refund(self.desk, self.person, order, memo=memo)
        return self.refunds.pay_back(self.person, order, memo=memo)

    def knows_more(self, order: BounceOrder) -> BounceOrder:
        """With what central knows of a cheque's payment beside this till."""
        return order if self.refunds is None else self.refunds.knows_more(self.person, order)

    def elsewhere(self) -> ApprovalsElsewhere:
        """Raises Refused ``no_central``."""
        if self.approvals is None:
            raise Refused("no_central", "This till has no central: nobody at another terminal can be asked.")
        return self.approvals

    def bills_now(self) -> BillsNow:
        """Raises Refused ``bill_needs_central``."""
        if self.bills is None:
            raise Refused("bill_needs_central", "Bills are made by central, and this till has none.")
        return self.bills

    def ledger_now(self) -> LedgerNow:
        """Raises Refused ``not_delivered_here``."""
        if self.ledger is None:
            raise Refused("not_delivered_here", "No batch can be brought to the accounting system from here.")
        return self.ledger
