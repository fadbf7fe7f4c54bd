"""Days of a shop drawn by chance: payments in many ways, sales, corrections, cash moves, counts, and what the bank does.

desk = random_days(acts=200)          # several business dates, the last one counted
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from pos.domain.cash_move import MoveKind
from pos.domain.correction import CorrectionPolicy
from pos.domain.dishonour_policy import DishonourPolicy
from pos.domain.errors import DomainError
from pos.domain.payment_event import Overpayment
from pos.domain.shop_bag import BagPaper
from pos.till.accepted_bags import AcceptOrder, accept_bag
from pos.till.bank_receipts import reject_bank_receipt, unblock_dealer, verify_bank_receipt
from pos.till.cash_bags import bag_cash
from pos.till.cash_moves import CashMoveOrder, move_cash
from pos.till.correction_entry import CorrectionOrder
from pos.till.corrections import reverse, void
from pos.till.day import close_day
from pos.till.deposit_credits import CreditOrder, confirm_deposit
from pos.till.deposits import deposit_cheques, lodge_deposit
from pos.till.desk import Desk
from pos.till.dishonour_plan import BounceOrder
from pos.till.dishonours import bounce_cheque
from pos.till.hand_over import accept_hand_over, hand_over
from pos.till.open_bills import catch_up
from pos.till.refunds import RefundOrder, refund
from pos.till.safe import count_safe
from pos.till.shop_bags import BagOrder, recall_bag, send_bag
from pos.till.take_payment import take_payment
from pos.till.transfers import MoveOrder, transfer
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    OTHER_CASHIER,
    SUPERVISOR,
    bank_cash,
    card,
    cash,
    cheque,
    clock_of,
    closed,
    count,
    grant_limit,
    in_suspense,
    make_till,
    money,
    notes,
    opened,
    order,
    pay,
    resolved,
    rows,
    sale,
    stock,
    take_currencies,
    wish,
)
from tests.builders.undoing import approved

ACTS_A_DAY = 40
SUBSCRIBERS = ("BA-1", "BA-3", "BA-4", "BA-5")


class RandomShop:
    """A till with whatever chance of a seed makes of it. ``done`` counts what was carried out, by name."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.desk = make_till(seed=str(seed))
        stock(self.desk)
        grant_limit(self.desk, "100000")
        policy = self.desk.policy
        acts = ("void", "reverse", "refund", "transfer", "reallocate", "swap_tender")
        self.desk.policy = replace(
            policy,
            corrections=CorrectionPolicy(alone_minor=dict.fromkeys(acts, 10**9)),
            cheques=replace(policy.cheques, dishonour=DishonourPolicy(fee=money("5"))),
            payments=replace(policy.payments, resolve_alone_up_to_minor=10**9),
            cash_moves=replace(policy.cash_moves, safe_alone_minor=10**9, paid_alone_minor=10**9),
        )
        self.receipts: list[str] = []
        self.unknown: list[str] = []
        self.paper = 100_000

    def run(self, acts: int) -> Desk:
        """Shift after shift, a day each, until so many acts were carried out; the last one is counted."""
        while self.done.total() < acts:
            take_currencies(self.desk, {"USD": "0.30675"}, valid_on=clock_of(self.desk).now().date())
            opened(self.desk, "500")
            self._deed("open_shift", lambda: None)
            until = min(self.done.total() + ACTS_A_DAY, acts)
            for _ in range(8 * ACTS_A_DAY):
                if self.done.total() >= until:
                    break
                self._one()
            self._close()
            self._bank()
            clock_of(self.desk).advance(days=1)
        catch_up(self.desk)
        return self.desk

    def _one(self) -> None:
        clock_of(self.desk).advance(minutes=self.chance.randrange(1, 5))
        deeds: dict[Callable[[], object], int] = {
            self._pay_cash: 6,
            self._pay_card: 3,
            self._pay_cheque: 3,
            self._pay_split: 2,
            self._pay_notes: 1,
            self._sell: 4,
            self._suspense: 1,
            self._dealer: 2,
            self._correct: 4,
            self._resolve: 1,
            self._move_cash: 2,
        }
        deed = self.chance.choices(list(deeds), weights=list(deeds.values()))[0]
        self._deed(deed.__name__.strip("_"), deed)

    def _deed(self, name: str, deed: Callable[[], object]) -> None:
        try:
            deed()
        except DomainError:
            return
        self.done[name] += 1
        if self.done.total() % 20 == 0:
            catch_up(self.desk)

    def _amount(self) -> str:
        return f"{self.chance.randrange(1, 12_000) * 5 / 1000:.3f}"

    def _number(self) -> str:
        self.paper += 7
        return str(self.paper)

    def _taken(self, *tenders: object, account: str | None = None, **more: object) -> None:
        asked = order(
            self.desk,
            *tenders,  # type: ignore[arg-type]
            account=account or self.chance.choice(SUBSCRIBERS),
            confirmed=("possible_double", "near_duplicate"),
            overpayment=Overpayment.CREDIT,
            **more,  # type: ignore[arg-type]
        )
        self.receipts.append(take_payment(self.desk, CASHIER, asked).receipt.receipt_number)

    def _pay_cash(self) -> None:
        self._taken(cash(self._amount()))

    def _pay_card(self) -> None:
        self._taken(card(self._amount(), f"{int(self._number()):012d}"))

    def _pay_cheque(self) -> None:
        self._taken(cheque(self._amount(), serial=self._number()), account=self.chance.choice(SUBSCRIBERS))

    def _pay_split(self) -> None:
        self._taken(card(self._amount(), f"{int(self._number()):012d}"), cash(self._amount()))

    def _pay_notes(self) -> None:
        self._taken(notes(str(self.chance.choice((5, 10, 50)))))

    def _suspense(self) -> None:
        self._taken(cash(self._amount()), allocate=[in_suspense(f"Envelope {self._number()}")])
        self.unknown.append(self.receipts.pop())

    def _sell(self) -> None:
        quantity = self.chance.randrange(1, 6)
        taken = pay(
            self.desk,
            cash("50"),
            account=None,
            lines=[sale(self.chance.choice(("CHARGER", "SERVICE")), quantity)],
        )
        self.receipts.append(taken.receipt.receipt_number)

    def _dealer(self) -> None:
        amount = self._amount()
        slip = bank_cash(amount, f"K{self._number()}")
        on = [wish(account="D-1", amount=amount)]
        receipt = pay(self.desk, slip, account="D-1", allocate=on).receipt.receipt_number
        if self.chance.random() < 0.8:
            verify_bank_receipt(self.desk, BACK_OFFICE, receipt)
        else:
            reject_bank_receipt(self.desk, BACK_OFFICE, receipt, "not_found")
            unblock_dealer(self.desk, BACK_OFFICE, "D-1", "They brought another")

    def _correct(self) -> None:
        receipt = self.chance.choice(self.receipts[-12:])
        undone = CorrectionOrder(receipt=receipt, reason="wrong_account")
        match self.chance.randrange(4):
            case 0:
                void(self.desk, CASHIER, undone)
            case 1:
                reverse(self.desk, CASHIER, undone)
            case 2:
                refund(
                    self.desk, CASHIER, RefundOrder(receipt=receipt, reason="billed_twice", amount="0.500")
                )
            case _:
                to = self.chance.choice(SUBSCRIBERS)
                transfer(self.desk, CASHIER, MoveOrder(receipt=receipt, reason="wrong_account", account=to))

    def _resolve(self) -> None:
        resolved(
            self.desk,
            self.unknown.pop(0) if self.unknown else "none",
            self.chance.choice(SUBSCRIBERS),
            reason="found",
        )

    def _move_cash(self) -> None:
        kind, reason = self.chance.choice(
            (("pickup", None), ("loan", None), ("paid_out", "postage"), ("paid_in", "found"))
        )
        move_cash(
            self.desk,
            CASHIER,
            CashMoveOrder(
                kind=MoveKind(kind),
                amount=f"{self.chance.randrange(1, 30)}",
                reason=reason,
                text="For the shop",
            ),
        )

    def _close(self) -> None:
        """Counted, now and then over or short."""
        held = {
            row["ledger_account"]: row["minor"]
            for row in rows(
                self.desk,
                "(SELECT ledger_account, sum(debit_minor - credit_minor) AS minor FROM journal_line "
                "GROUP BY ledger_account)",
            )
        }
        (cheques,) = rows(
            self.desk,
            "(SELECT count(*) AS number, coalesce(sum(cheque.amount_minor), 0) AS minor FROM cheque "
            "JOIN tender USING (tender_id) JOIN payment_event USING (payment_event_id) WHERE shift_id = "
            "(SELECT shift_id FROM shift ORDER BY number DESC LIMIT 1) AND 'received' = (SELECT state FROM cheque_event "
            "WHERE cheque_event.cheque_id = cheque.cheque_id ORDER BY number DESC LIMIT 1))",
        )
        (foreign,) = rows(
            self.desk,
            "(SELECT coalesce(sum(foreign_minor), 0) AS minor FROM tender JOIN payment_event USING (payment_event_id) "
            "WHERE foreign_currency = 'USD' AND shift_id = (SELECT shift_id FROM shift ORDER BY number DESC LIMIT 1))",
        )
        differs = self.chance.choice((0, 0, 0, 5, -250))
        amount = max(0, int(str(held["cash_in_till"])) + differs)
        count(
            self.desk,
            f"{amount / 1000:.3f}",
            cheques=f"{int(str(cheques['minor'])) / 1000:.3f}",
            cheque_count=int(str(cheques["number"])),
            foreign={"USD": f"{int(str(foreign['minor'])) / 100:.2f}"} if foreign["minor"] else {},
        )
        if self.chance.random() < 0.3:
            self._hand_over(f"{amount / 1000:.3f}")
        else:
            closed(self.desk, "miscounted")
        self.done["close_shift"] += 1

    def _hand_over(self, counted: str) -> None:
        """The last hour of the day is another person's."""
        hand_over(self.desk, CASHIER, OTHER_CASHIER.user, "miscounted")
        accept_hand_over(self.desk, OTHER_CASHIER, counted)
        count(self.desk, counted, person=OTHER_CASHIER)
        closed(self.desk, person=OTHER_CASHIER)
        self.done["hand_over"] += 1

    def _bank(self) -> None:
        """The back office: cash and cheques to the bank, its credit, and now and then a cheque back."""
        counted = f"{self.chance.randrange(1, 400)}"
        self._deed("count_safe", lambda: count_safe(self.desk, BACK_OFFICE, counted, "as found"))
        self._deed("close_day", lambda: close_day(self.desk, BACK_OFFICE))
        self._deed("bag_cash", lambda: bag_cash(self.desk, BACK_OFFICE, f"B-{self._number()}", "10"))

        def between_tills() -> None:
            sent = send_bag(self.desk, BACK_OFFICE, BagOrder(bag=f"T-{self._number()}", amount="10")).sent
            back = partial(recall_bag, self.desk, BACK_OFFICE, sent.paper.number, "no car")
            approved(self.desk, back, SUPERVISOR)
            send_bag(self.desk, BACK_OFFICE, BagOrder(bag=sent.paper.bag))

        def from_another_till() -> None:
            number = f"{self.desk.identity.shop.shop}-T99-A-TB-{self._number()}"
            paper = BagPaper(number=number, bag="X-1", amount=money("10"))
            counted = self.chance.choice(("10", "9.500"))
            told = AcceptOrder(
                paper=number, bag="X-1", amount="10", check=paper.check, counted=counted, reason="as found"
            )
            accept_bag(self.desk, BACK_OFFICE, told)

        self._deed("bag_sent", between_tills)
        self._deed("bag_accepted", from_another_till)

        def banked() -> None:
            slip = deposit_cheques(self.desk, BACK_OFFICE).slip
            lodge_deposit(self.desk, BACK_OFFICE, slip.number, f"NBK {self._number()}")
            confirm_deposit(self.desk, BACK_OFFICE, slip.number, CreditOrder(amount=slip.total.plain()))

        self._deed("deposit", banked)
        credited = [row["serial"] for row in rows(self.desk, "v_cheque") if row["state"] == "credited"]
        if credited and self.chance.random() < 0.5:
            bounce = BounceOrder(cheque=str(self.chance.choice(credited)), reason="insufficient_funds")
            self._deed("bounce", lambda: bounce_cheque(self.desk, BACK_OFFICE, bounce))


def random_days(acts: int, seed: int = 1) -> RandomShop:
    """A shop after so many acts."""
    shop = RandomShop(seed)
    shop.run(acts)
    return shop
