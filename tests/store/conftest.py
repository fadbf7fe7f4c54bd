"""Books with a row in every table, made once; each test spoils a copy of its own."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from pos.domain.allocation import PaymentPolicy
from pos.domain.approval import ApprovalNeeded, Wanted
from pos.domain.approval_elsewhere import Elsewhere, GivenAnswer, RequestElsewhere
from pos.domain.carrier import Carrier
from pos.domain.cash_move import MoveKind
from pos.domain.commission import CommissionAt, CommissionRule, CommissionTerms
from pos.domain.correction import CorrectionPolicy
from pos.domain.dealer import DealerPolicy, DealerTerms
from pos.domain.dishonour_policy import DishonourPolicy
from pos.domain.ids import new_id
from pos.domain.ledger_delivery import Delivery, DeliveryState, DeliveryWay
from pos.domain.parked_entry import Settled
from pos.domain.payment_mode import ModeKind
from pos.domain.role import Role
from pos.domain.shop_bag import BagAtCentral, BagPaper
from pos.domain.voucher import VoucherReserved, VoucherTerms
from pos.machine import InlineRunner
from pos.store import sealed_keys
from pos.store.approvals import Approval, request_approval, use_approval, write_approval, write_declined
from pos.store.approvals_elsewhere import settle_answer, share_request, write_answer
from pos.store.ledger_deliveries import note_told
from pos.store.shop_bags import accepted_bags, bags_on_the_way, note_arrival, note_refused
from pos.till.accepted_bags import AcceptOrder, accept_bag, undo_accept_bag
from pos.till.approvals import approve
from pos.till.bank_receipts import verify_bank_receipt
from pos.till.card_totals import reconcile_cards
from pos.till.cash_bags import bag_cash
from pos.till.cash_moves import CashMoveOrder, move_cash, undo_cash_move
from pos.till.cash_office import open_shift
from pos.till.cheques_back import ReplaceOrder, ReturnOrder, replace_cheque
from pos.till.clearing import ClearOrder, clear_cheques
from pos.till.collections import collect
from pos.till.commissions import settle_commission
from pos.till.correction_entry import CorrectionOrder
from pos.till.corrections import void
from pos.till.counted import SlipOrder
from pos.till.day import close_day
from pos.till.deposit_credits import CreditOrder, confirm_deposit
from pos.till.deposits import deposit_cheques, lodge_deposit
from pos.till.desk import Desk, Memo
from pos.till.dishonour_plan import BounceOrder
from pos.till.dishonours import bounce_cheque
from pos.till.hand_over import accept_hand_over, hand_over, undo_hand_over
from pos.till.imports import RecordOrder, begin_run, import_record
from pos.till.ledger_batches import make_batches
from pos.till.ledger_delivery import note_delivery
from pos.till.mandates_elsewhere import MandatesDesk, note_heard
from pos.till.papers import reprint
from pos.till.parked_entries import SettleEntryOrder, settle_entry, waiting_entries
from pos.till.people import change_pin
from pos.till.post_dated import register_cheque
from pos.till.refunds import RefundOrder, confirm_refund, refund
from pos.till.representments import undo_bounce
from pos.till.safe import count_safe
from pos.till.shop_bags import BagOrder, recall_bag, send_bag
from pos.till.swaps import SwapOrder, swap_tender
from pos.till.take_payment import take_payment
from pos.till.transfers import MoveOrder, transfer
from pos.till.z_report import accept_difference
from tests.builders.across import FakeRefunds, elsewhere, paid_back, told_back
from tests.builders.bank_files import mandated, paid, returned, run, with_debits
from tests.builders.cards import FakeCards, ask, by_terminal
from tests.builders.signed import knows, signed, takes_offline
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    DEALER,
    NOW,
    OTHER_CASHIER,
    PINS,
    SUPERVISOR,
    TODAY,
    UNANSWERED,
    FakeVouchers,
    account,
    ask_for_documents,
    atm,
    bank_cash,
    bill,
    card,
    cash,
    cheque,
    clock_of,
    close_stores,
    closed,
    count,
    grant_limit,
    iccid,
    in_suspense,
    let_change_prices,
    make_till,
    marked_down,
    money,
    notes,
    opened,
    order,
    passport,
    pay,
    reserve,
    resolved,
    sale,
    stock,
    take_currencies,
    tell,
    voucher,
    wish,
)
from tests.builders.undoing import approved

OF_T2 = RequestElsewhere(
    central_id="T2:1:R-1",
    terminal="T2",
    request_id="R-1",
    act="refund",
    what="refund 6.000 KWD",
    digest="a1" * 32,
    requester="1001",
    reason=None,
    accounts=frozenset(),
    not_by=frozenset(),
    at=NOW,
    state=Elsewhere.OPEN,
    answer=None,
)
ANSWER = GivenAnswer(
    answer_id="ANSWER-1",
    central_id=OF_T2.central_id,
    digest=OF_T2.digest,
    approved=False,
    user="2002",
    terminal="T1",
    reason="No",
    ago=timedelta(0),
)


@pytest.fixture(scope="session")
def full_books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed shift and an open one, payments of many kinds, a reprint, a remembered line of a script.

    The first shift is a dealer's: a bank receipt and its commission, bill money, foreign notes, a note declared false, cash
    that needed a document, and three cheques, of which one bounced, another only by the bank's mistake. Eight receipts, a
    deposit slip, and the note of a later cheque; the last payment has a sale with a serial number, a card, a voucher that
    was held for it, and one that was taken while central did not answer; it brings written-off debt back, clears the rest
    of a bill and leaves money in suspense.
    """
    folder = tmp_path_factory.mktemp("books")
    desk = make_till(folder)
    stock(desk)
    tell(
        desk,
        accounts=[account(number, written_off=money("5")) for number in ("BA-7", "BA-8")],
        bills=[bill("7797", money("4.002"), of="BA-7"), bill("7799", money("1.004"), of="BA-8")],
    )
    # The period of the first shift is closed already: its entries are moved.
    usual, desk.policy = desk.policy, replace(desk.policy, closed_through=TODAY)
    seller = replace(DEALER, roles=DEALER.roles | CASHIER.roles)
    opened(desk, person=seller)
    grant_limit(desk, "5")
    earns = CommissionTerms(rules=[CommissionRule(percent=Decimal(5))], at=CommissionAt.SETTLEMENT)
    desk.policy = replace(
        desk.policy, dealers=DealerPolicy(standard=DealerTerms(commission=earns), classes={})
    )
    bought = pay(desk, bank_cash("5"), account="D-1", lines=[sale("SERVICE")], person=seller)
    verify_bank_receipt(desk, BACK_OFFICE, bought.receipt.receipt_number)
    settle_commission(desk, BACK_OFFICE, "D-1")
    take_currencies(desk, {"USD": "0.30675"})
    ask_for_documents(desk, "5")
    pay(desk, cash("1"), account="BA-1", person=seller)
    pay(
        desk,
        notes("50"),
        cash("40"),
        account=None,
        lines=[sale("SERVICE", 11)],
        identity=passport(name="Lina"),
        person=seller,
    )
    ask_for_documents(desk, None)
    desk.policy = replace(desk.policy, payments=PaymentPolicy(tolerance_minor=5))
    for amount, serial in (("3", "000901"), ("1", "000902"), ("1", "000903")):
        on = wish("7799", amount) if serial == "000902" else wish(account="BA-3", amount=amount)
        pay(desk, cheque(amount, serial=serial), allocate=[on], person=seller)
    count(
        desk,
        "54.665",
        cheques="5",
        cheque_count=3,
        trust="1",
        foreign={"USD": "50"},
        declared={"counterfeit": "5"},
        pieces=[("54.665", 1)],
        slips=[SlipOrder(mode="bank_cash", count=1, amount="5")],
        person=seller,
    )
    closed(desk, "A coin too many", person=seller)
    accept_difference(desk, BACK_OFFICE, 1, "A coin too many")
    bag_cash(desk, BACK_OFFICE, "B-1", "20")
    slip = deposit_cheques(desk, BACK_OFFICE).slip.number
    lodge_deposit(desk, BACK_OFFICE, slip, "NBK 1/7", carrier=Carrier(company="Gulf Armoured", person="4471"))
    confirm_deposit(desk, BACK_OFFICE, slip, CreditOrder(cheques=[("000901", "3"), ("B-1", "20")]))
    less = CreditOrder(cheques=[("000902", "0.9")], cause="bank_charge", reason="its tariff")
    approved(desk, lambda: confirm_deposit(desk, BACK_OFFICE, slip, less), SUPERVISOR)
    count_safe(desk, SUPERVISOR, "500")
    _between_tills(desk)
    close_day(desk, SUPERVISOR)
    desk.policy = usual
    memo = Memo(ref="a1", digest="d", encode=lambda _outcome: {})
    clock_of(desk).advance(hours=1)
    tell(desk, accounts=[replace(account("BA-1", "Zoë O'Brien"), dunning_stage=2)])
    thirty = [("20", 1), ("10", 1)]
    open_shift(desk, OTHER_CASHIER, "30", pieces=thirty, memo=memo)
    count(desk, "30", person=OTHER_CASHIER, pieces=thirty)
    hand_over(desk, OTHER_CASHIER, CASHIER.user)
    undo_hand_over(desk, CASHIER, "Still at lunch")
    hand_over(desk, OTHER_CASHIER, CASHIER.user)
    accept_hand_over(desk, CASHIER, "30")
    lend = CashMoveOrder(kind=MoveKind.LOAN, amount="5", pieces=[("5", 1)])
    lent = str(approved(desk, lambda: move_cash(desk, CASHIER, lend)).move.number)
    approved(desk, lambda: undo_cash_move(desk, CASHIER, lent, "Not needed"))
    taken = pay(desk, cheque("10", drawer="Lina"), cash("50"))
    desk.policy = replace(
        desk.policy, payments=PaymentPolicy(tolerance_minor=5, resolve_alone_up_to_minor=10_000)
    )
    reprint(desk, CASHIER, taken.receipt.receipt_number)
    change_pin(desk, OTHER_CASHIER, PINS[OTHER_CASHIER.user], "918273")
    with desk.till.transaction() as unit:
        wanted = Wanted(act="pay", digest="00", what="5.000 of BA-1")
        asked_for = request_approval(unit, wanted, requester="1001", reason=None, terminal="T1", at=NOW)
        given = Approval(approval_id="A-1", approver="2002", given=desk.moment, expires=NOW, terminal="T1")
        write_approval(unit, asked_for, given)
        use_approval(unit, "A-1", deed_id="x", at=NOW)
        share_request(unit, asked_for, at=NOW)
        write_answer(unit, OF_T2, ANSWER, at=NOW)
        settle_answer(unit, ANSWER.answer_id, "kept", at=NOW)
        again = request_approval(unit, wanted, requester="1001", reason=None, terminal="T1", at=NOW)
        write_declined(unit, again, decliner="2002", reason="No", terminal="T1", deed_id="y", at=NOW)
    let_change_prices(desk, Role.CASHIER, percent=20)
    knows(desk)
    takes_offline(desk)
    asked = order(
        desk,
        voucher("2"),
        voucher("1", signed("1")),
        by_terminal("10"),
        cash("6"),
        allocate=[wish("7798", "2"), wish("7796", "5"), wish("7797", "4"), in_suspense(amount="2")],
        lines=[sale("SIM-01", 1, iccid(1)), marked_down("CHARGER", "1")],
    )
    held = VoucherReserved(terms=VoucherTerms(value=money("2"), expires=date(2027, 12, 31)), approval=None)
    reserve(desk, asked, FakeVouchers(held, UNANSWERED))
    last = take_payment(desk, CASHIER, ask(desk, asked, FakeCards()))
    asyncio.run(reconcile_cards(desk, SUPERVISOR, FakeCards(), InlineRunner()))
    later = cheque("5", serial="000777", date=(TODAY + timedelta(days=9)).isoformat())
    note = register_cheque(
        desk, CASHIER, order(desk, later, allocate=[wish(account="BA-1", amount="5")])
    ).note
    swapped = ReplaceOrder(
        back=ReturnOrder(cheque=note.receipt_number),
        payment_event_id=new_id(desk.clock, desk.randomness),
        tenders=[replace(later, details={**later.details, "serial": "000778"})],
    )
    replace_cheque(desk, CASHIER, swapped)
    resolved(desk, last.receipt.receipt_number, "BA-3", reason="found")
    run = begin_run(desk, BACK_OFFICE, ModeKind.ATM, profile="records", file_digest="0" * 64)
    told = RecordOrder(mode="atm", amount="3", account="BA-1", details=atm("3").details)
    import_record(desk, BACK_OFFICE, run, told)
    _debit(desk)
    _correct(desk)
    # The moved entries are of a day that nobody counts any more.
    clock_of(desk).advance(days=1)
    (batch,) = make_batches(desk, BACK_OFFICE)
    refusal = Delivery(state=DeliveryState.REFUSED, way=DeliveryWay.BY_HAND, reason="Its period is closed")
    note_delivery(desk, BACK_OFFICE, batch.number, refusal)
    with desk.till.transaction() as unit:
        note_told(unit, batch.number, "409 batch_differs", at=desk.clock.now())
    close_stores(desk)
    return folder / "till.db"


def _between_tills(desk: Desk) -> None:
    """Bags that were sent, one of which came back; bags that were accepted, one not for long, one refused."""
    for bag in ("B-2", "B-3"):
        sent = send_bag(desk, SUPERVISOR, BagOrder(bag=bag, amount="10", contents="slips")).sent
    approved(desk, lambda: recall_bag(desk, SUPERVISOR, sent.paper.number, "No car came"), BACK_OFFICE)
    for counter in (1, 2):
        paper = BagPaper(number=f"S014-T5-A-TB-{counter:06d}", bag="X-1", amount=money("5"))
        told = AcceptOrder(
            paper=paper.number, bag="X-1", amount="5", check=paper.check, counted="4", reason="torn"
        )
        accept_bag(desk, SUPERVISOR, told)
    approved(desk, lambda: undo_accept_bag(desk, SUPERVISOR, paper.number, "Not here"), BACK_OFFICE)
    with desk.till.transaction() as unit:
        (first,) = bags_on_the_way(unit.connection)
        there = BagAtCentral(
            paper=first.paper,
            terminal="T1",
            state="accepted",
            is_told=True,
            acceptance="A-1",
            accepted_by="T9",
            accepted_at="2026-11-21T18:00:00Z",
            counted=money("10"),
        )
        note_arrival(unit, first.sending_id, there, at=NOW)
        note_refused(unit, accepted_bags(unit.connection, limit=9)[-1].acceptance_id, "T8 has it", at=NOW)


def _debit(desk: Desk) -> None:
    """A mandate by which a bill was collected, paid by a file and taken back by another."""
    with_debits(desk, fee=money("0.500"), fee_tax_rate=Decimal(5))
    mandated(desk, "M-77", "BA-3")
    tell(desk, bills=[bill("7751", money("3"), of="BA-3", due=TODAY)])
    asked = collect(desk, BACK_OFFICE, TODAY.isoformat()).items[0].item
    run(desk, paid(asked.reference, "3.000", account=""), name="paid.xml")
    run(desk, returned(asked.reference, "3.000", "AC04"), name="returned.xml")
    kept = MandatesDesk(
        till=desk.till, terminal=desk.identity.terminal, clock=desk.clock, randomness=desk.randomness
    )
    note_heard(kept, "M-77", 1)
    run(desk, returned("NOBODYS", "2.000"), name="parked.xml")
    parked = waiting_entries(desk, BACK_OFFICE)[0]
    sent = SettleEntryOrder(run=parked.run_id, number=1, how=Settled.SENT_BACK, reason="The bank's mistake")
    settle_entry(desk, BACK_OFFICE, sent)


def _correct(desk: Desk) -> None:
    """A sale that is voided and taken again with the same papers and piece; a refund that was paid; a transfer."""
    capped = CorrectionPolicy(alone_minor=dict.fromkeys(("refund", "transfer", "swap_tender"), 10**9))
    desk.policy = replace(desk.policy, corrections=capped)
    for first in (True, False):
        taken = pay(desk, card("2", "000000000901"), cash("3"), lines=[sale("SIM-01", 1, iccid(2))])
        undone = CorrectionOrder(receipt=taken.receipt.receipt_number, reason="other", text="Keyed twice")
        if first:
            with pytest.raises(ApprovalNeeded) as refusal:
                void(desk, CASHIER, undone)
            approve(desk, SUPERVISOR, str(refusal.value.details["request"]))
            void(desk, CASHIER, undone)
    swap_tender(
        desk,
        SUPERVISOR,
        SwapOrder(
            receipt=pay(desk, cash("6"), account="BA-2").receipt.receipt_number,
            payment_event_id=new_id(desk.clock, desk.randomness),
            tenders=[card("6", "000000000903")],
        ),
    )
    paid = pay(desk, card("4", "000000000902"), account="BA-2").receipt.receipt_number
    back = refund(desk, CASHIER, RefundOrder(receipt=paid, reason="billed_twice", amount="1"))
    confirm_refund(desk, BACK_OFFICE, back.receipt_number, "CARD-1")
    transfer(desk, CASHIER, MoveOrder(receipt=paid, reason="wrong_account", account="BA-3"))
    paid_back(desk, FakeRefunds(elsewhere(cash="2")), "1")
    _bounce(desk)


def _bounce(desk: Desk) -> None:
    """A cheque that its slip waits for no more, half of it paid back elsewhere; one that had cleared, with a refund on its
    way, bounced by mistake: it wrote off the rest of a bill and brought debt back, once more then.
    """
    rules = DishonourPolicy(fee=money("5"))
    cheques = replace(desk.policy.cheques, refund_hold_days=0, dishonour=rules)
    desk.policy = replace(desk.policy, cheques=cheques)
    told = told_back(elsewhere(cheque="1"), "0.500")
    bounce_cheque(desk, BACK_OFFICE, BounceOrder(cheque="000903", reason="refer_to_drawer", told=told))
    clear_cheques(desk, BACK_OFFICE, ClearOrder(cheques=["S014-T1-A-000005"]))
    clock_of(desk).advance(minutes=1)
    refund(desk, CASHIER, RefundOrder(receipt="S014-T1-A-000005", reason="billed_twice", amount="0.500"))
    approved(
        desk, lambda: bounce_cheque(desk, BACK_OFFICE, BounceOrder(cheque="000902", reason="account_closed"))
    )
    approved(desk, lambda: undo_bounce(desk, BACK_OFFICE, "000902"))


@pytest.fixture(autouse=True)
def quick_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    """A passphrase is stretched as it is, but for next to nothing; what it costs is tried with the commands."""
    monkeypatch.setitem(sealed_keys._COST, "n", 2)


@pytest.fixture
def books(full_books: Path, tmp_path: Path) -> Path:
    """A copy of the books, to be spoiled."""
    copy = tmp_path / "till.db"
    copy.write_bytes(full_books.read_bytes())
    copy.chmod(0o600)
    return copy
