"""Payments of another terminal, to be paid back here: told and held by a central of the test's, or by the real one.

central = FakeRefunds(elsewhere(cash="10"))              # one payment of terminal T9
paid_back(desk, central, "4")                            # by a cashier who may alone
shop = await make_shop("T1", "T2", "T3")                 # three tills, one real central
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from pos.domain.correction import CorrectionPolicy, TakenPart, TakenPayment
from pos.domain.money import Money, total
from pos.domain.payment_mode import Purpose
from pos.domain.refund_across import (
    HeldPart,
    HoldOutcome,
    LegElsewhere,
    LookUpOutcome,
    RefundAsked,
    RefundDenied,
    RefundHeld,
    RefundUnanswered,
    TakenElsewhere,
)
from pos.domain.role import Person
from pos.machine import InlineRunner
from pos.store.cache import open_cache
from pos.till.bounce_across import with_told
from pos.till.correction_entry import Corrected
from pos.till.desk import Desk, Memo
from pos.till.dishonour_plan import BounceOrder
from pos.till.open_bills import catch_up
from pos.till.paid_back_elsewhere import undo
from pos.till.refund_across import pay_back
from pos.till.refunds import RefundOrder
from sync.refunds_elsewhere import CentralRefunds
from tests.builders.tills import CASHIER, NOW, make_till, money, opened
from tests.builders.undoing import Done
from tests.builders.wire import Network, Wire, make_wire

RECEIPT = "S014-T9-A-000007"
ALONE = CorrectionPolicy(alone_minor=dict.fromkeys(("void", "refund", "reverse", "transfer"), 10**9))


def elsewhere(
    *,
    taken_by: str = "1009",
    payer: str = "BA-1",
    kind: str = "subscriber",
    bill: str | None = None,
    number: str = RECEIPT,
    **amounts: str,
) -> TakenElsewhere:
    """A payment of T9: a leg for each way to pay (``cash="10"``), all of it on account, or on ``bill``."""
    legs = [
        LegElsewhere(
            leg=place,
            payment_id=f"P-{place}",
            account=payer,
            mode=mode,
            method_type="Cash" if mode == "cash" else "BankCard",
            amount=money(amount),
            may_go_back=money(amount),
        )
        for place, (mode, amount) in enumerate(amounts.items(), start=1)
    ]
    parts = [
        TakenPart(
            part_id=f"{leg.leg}-1",
            number=1,
            tender_id=leg.payment_id,
            leg=leg.leg,
            account=payer,
            bill_no=bill,
            bill_id=None if bill is None else f"CB-{bill}",
            purpose=Purpose.ACCOUNT if bill is None else Purpose.BILLS,
            amount=leg.amount,
            left=leg.amount,
            placed=False,
        )
        for leg in legs
    ]
    return TakenElsewhere(
        taken=TakenPayment(
            payment_event_id="E-9",
            receipt_number=number,
            shift_id="",
            taken_at=NOW,
            taken_by=taken_by,
            payer_kind=kind,
            payer_account=payer,
            amount=total((leg.amount for leg in legs), money("0").currency),
            tenders=(),
            parts=tuple(parts),
            corrected=False,
            voided=False,
            has_secrets=False,
            commission_credited=False,
        ),
        terminal="T9",
        legs=tuple(legs),
    )


def told_back(found: TakenElsewhere, amount: str) -> TakenElsewhere:
    """The same, with so much of its first leg paid back by somebody, off wherever it stood."""
    first, *others = found.legs
    back = replace(first, refunded=money(amount), may_go_back=first.may_go_back - money(amount))
    parts = tuple(
        replace(part, left=part.left - money(amount)) if part.leg == first.leg else part
        for part in found.taken.parts
    )
    return replace(found, legs=(back, *others), taken=replace(found.taken, parts=parts))


class FakeRefunds:
    """Central as a ``RefundDesk`` that knows one payment: ``answers`` to holds come in turn, then each is held as asked."""

    def __init__(
        self,
        found: TakenElsewhere | None = None,
        *answers: HoldOutcome,
        silent: bool = False,
        releases: bool = True,
    ) -> None:
        self.found = found
        self.answers = list(answers)
        self.silent = silent
        self.releases = releases
        self.looked: list[str] = []
        self.asked: list[RefundAsked] = []
        self.released: list[str] = []

    async def find(self, receipt_number: str) -> LookUpOutcome:
        self.looked.append(receipt_number)
        if self.silent:
            return RefundUnanswered(reason="timed out")
        if self.found is None or self.found.taken.receipt_number != receipt_number:
            return RefundDenied(code="refund_unknown_receipt", message="There is no such payment.")
        return self.found

    async def hold(self, asked: RefundAsked) -> HoldOutcome:
        self.asked.append(asked)
        if self.answers:
            return self.answers.pop(0)
        assert self.found is not None
        return RefundHeld(parts=tuple(self._part(payment_id, amount) for payment_id, amount in asked.legs))

    def _part(self, payment_id: str, amount: Money) -> HeldPart:
        assert self.found is not None
        (place,) = [part for part in self.found.taken.parts if part.tender_id == payment_id]
        return HeldPart(
            payment_id=payment_id,
            account=place.account,
            bill_no=place.bill_no,
            bill_id=place.bill_id,
            purpose=place.purpose,
            amount=amount,
        )

    async def release(self, hold_id: str) -> bool:
        if self.releases:
            self.released.append(hold_id)
        return self.releases


class AskedFirst:
    """``pay_back`` and ``undo`` over a central of the test's, as a script waits for them."""

    def __init__(self, desk: Desk, central: FakeRefunds) -> None:
        self.desk, self.central = desk, central

    def pay_back(self, person: Person, order: RefundOrder, *, memo: Memo) -> Corrected:
        return asyncio.run(pay_back(self.desk, person, order, self.central, InlineRunner(), memo=memo))

    def correct(self, person: Person, act: str, receipt: str, deed: Callable[[], Done]) -> Done:
        asking = undo(self.desk, person, act, receipt, deed, self.central, InlineRunner())
        return asyncio.run(asking)

    def knows_more(self, person: Person, order: BounceOrder) -> BounceOrder:
        return asyncio.run(with_told(self.desk, person, order, self.central, InlineRunner()))


UNANSWERED = RefundUnanswered(reason="timed out")
DENIED = RefundDenied(
    code="refund_more_than_left", message="Only 1.000 KWD of this way to pay may be paid back now."
)


def asked_back(
    amount: str | None = None, *, receipt: str = RECEIPT, reason: str = "billed_twice"
) -> RefundOrder:
    return RefundOrder(receipt=receipt, amount=amount, reason=reason)


def paid_back(
    desk: Desk,
    central: FakeRefunds | None,
    amount: str | None = None,
    *,
    receipt: str = RECEIPT,
    person: Person = CASHIER,
    reason: str = "billed_twice",
    memo: Memo | None = None,
) -> Corrected:
    """``pay_back``, with the lists brought up to it."""
    order = asked_back(amount, receipt=receipt, reason=reason)
    done = asyncio.run(pay_back(desk, person, order, central, InlineRunner(), memo=memo))
    catch_up(desk)
    return done


@dataclass(slots=True)
class Shop:
    """Several tills of one shop, by their terminal's name, and the central that they share."""

    tills: dict[str, Wire]

    def __getitem__(self, terminal: str) -> Wire:
        return self.tills[terminal]

    async def pay_back(self, terminal: str, receipt: str, amount: str | None = None) -> Corrected:
        wire = self.tills[terminal]
        order = asked_back(amount, receipt=receipt)
        central = CentralRefunds(wire.client)
        done = await pay_back(wire.desk, CASHIER, order, central, InlineRunner())
        catch_up(wire.desk)
        return done

    async def drain(self) -> None:
        """Everything is told, and every till knows what central knows."""
        for wire in self.tills.values():
            await wire.engine.drain(timeout_s=3_600)
        for wire in self.tills.values():
            await wire.clock.sleep(wire.engine.quiet_s())
            assert (await wire.engine.pull()).problem is None


async def make_shop(*terminals: str) -> Shop:
    """Tills with open shifts beside one central with an operator's data; one person may pay back alone."""
    first = await make_wire()
    tills = {"T1": first}
    first.desk.policy = replace(first.desk.policy, corrections=ALONE)
    for terminal in terminals:
        if terminal in tills:
            continue
        desk = make_till(clock=first.clock, seed=f"till {terminal}")
        desk = replace(
            desk,
            cache=open_cache(None),
            identity=replace(desk.identity, terminal=terminal),
            policy=replace(desk.policy, corrections=ALONE),
        )
        opened(desk)
        network = Network(first.network.app, first.clock)
        wire = Wire(desk, first.clock, first.central, network, first.retry, first.addresses)
        assert (await wire.engine.pull()).problem is None
        network.requests.clear()
        tills[terminal] = wire
    return Shop(tills)
