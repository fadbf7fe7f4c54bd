"""Vouchers: held at central before the payment, used by it or let go, and the code kept nowhere (3.5, rule 46; 39)."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pos.domain.errors import NotAuthorised, Refused
from pos.domain.payment_event import Overpayment
from pos.domain.voucher import VoucherAsked, VoucherOutcome, VoucherRefused, code_mark
from pos.machine import InlineRunner
from pos.store.leg_facts import leg_facts
from pos.store.outbox import unsent
from pos.store.vouchers import holds_to_release, mark_reserved
from pos.till.desk import Desk
from pos.till.payment_order import TenderOrder
from pos.till.script import Script
from pos.till.take_payment import take_payment
from pos.till.vouchers import abandon_all, has_vouchers, let_go
from tests.builders.tills import (
    AUDITOR,
    CASHIER,
    CHAIN_KEY,
    OTHER_CASHIER,
    UNANSWERED,
    FakeVouchers,
    cash,
    close_stores,
    findings,
    make_till,
    money,
    opened,
    order,
    pay,
    release,
    reopened,
    reserve,
    rows,
    sale,
    stock,
    voucher,
    wish,
)
from tests.till.books import refused

CODE = "LOYAL-2026-TXWP"
DENIED = VoucherRefused(code="voucher_not_usable", message="This voucher cannot be used.")


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    stock(desk)
    opened(desk)
    return desk


def states(desk: Desk) -> list[str]:
    return [str(row["state"]) for row in rows(desk, "voucher_hold")]


def audited(desk: Desk) -> list[tuple[object, ...]]:
    return [(row["act"], row["result"], row["reason_code"]) for row in rows(desk, "audit")]


# --- held, then used -----------------------------------------------------------------------------------------------


def test_a_voucher_is_held_and_then_pays_a_bill(desk: Desk) -> None:
    central = FakeVouchers(approval="AP-77")
    asked = order(desk, voucher("10", CODE), allocate=[wish("7781", "10")])

    (hold,) = reserve(desk, asked, central)
    (told,) = central.asked
    assert (told.hold_id, told.payment_event_id, told.terminal, told.mode) == (
        hold.hold_id,
        asked.payment_event_id,
        "T1",
        "internal_voucher",
    )
    assert (told.code, told.issuer, told.account, told.amount) == (CODE, None, "BA-1", money("10"))
    assert states(desk) == ["reserved"]
    assert rows(desk, "payment_event") == []

    receipt = take_payment(desk, CASHIER, asked).receipt

    (tender,) = rows(desk, "tender")
    assert (tender["voucher_hold"], json.loads(str(tender["details_json"]))) == (
        hold.hold_id,
        {"code": "...TXWP"},
    )
    assert [(line.amount, line.details) for line in receipt.tenders] == [
        (money("10"), (("code", "...TXWP"),))
    ]
    assert receipt.notes == ()
    assert receipt.provisional == ()
    assert audited(desk)[-2:] == [("hold_voucher", "ok", None), ("pay", "ok", None)]
    assert findings(desk) == []
    with desk.till.read() as connection:
        (row,) = unsent(connection, 10)
        leg = leg_facts(connection, row, desk.identity, desk.modes, "x")
    assert (leg.voucher_hold, leg.tender_details) == (hold.hold_id, {"code": "...TXWP", "auth_code": "AP-77"})


def test_an_outside_voucher_is_asked_for_with_its_issuer(desk: Desk) -> None:
    central = FakeVouchers()

    reserve(desk, order(desk, voucher("5", "GIFT 77", issuer="SODEXO"), account="D-1"), central)

    assert [(asked.mode, asked.issuer, asked.account) for asked in central.asked] == [
        ("external_voucher", "SODEXO", "D-1")
    ]


def test_a_payment_without_vouchers_asks_central_for_nothing(desk: Desk) -> None:
    central = FakeVouchers()
    asked = order(desk, cash("5"))

    assert not has_vouchers(desk, asked)
    assert has_vouchers(desk, order(desk, cash("5"), voucher("5")))
    assert reserve(desk, asked, central) == []
    assert central.asked == []


def test_several_vouchers_are_each_held(desk: Desk) -> None:
    central = FakeVouchers()
    asked = order(
        desk, voucher("10", CODE), cash("1"), voucher("5", "OTHER-1"), allocate=[wish("7781", "16")]
    )

    holds = reserve(desk, asked, central)
    take_payment(desk, CASHIER, asked)

    assert [hold.amount for hold in holds] == [money("10"), money("5")]
    assert {row["voucher_hold"] for row in rows(desk, "tender")} == {None, *(hold.hold_id for hold in holds)}
    assert findings(desk) == []


def test_what_the_payment_does_not_need_of_a_voucher_is_forfeited_and_the_receipt_says_so(desk: Desk) -> None:
    asked = order(desk, voucher("5.005", CODE), account="BA-5", allocate=[wish("7798")])
    reserve(desk, asked, FakeVouchers(value=money("20")))

    receipt = take_payment(desk, CASHIER, asked).receipt

    assert receipt.notes == ("Loyalty voucher of 20.000: 14.995 not used is forfeited.",)
    assert receipt.total == money("5.005")


def test_the_last_minor_unit_counts_and_nothing_is_said_where_all_was_used(desk: Desk) -> None:
    notes = []
    for code, value in (("LOYAL-1", "2.001"), ("LOYAL-2", "2")):
        asked = order(desk, voucher("2", code), allocate=[wish("7781")])
        (hold,) = reserve(desk, asked, FakeVouchers(value=money(value)))
        notes.append((hold.left.plain(), take_payment(desk, CASHIER, asked).receipt.notes))

    assert notes == [("0.001", ("Loyalty voucher of 2.001: 0.001 not used is forfeited.",)), ("0.000", ())]


def test_a_voucher_gives_no_change_and_no_credit(desk: Desk) -> None:
    for choice in (None, Overpayment.CREDIT, Overpayment.CHANGE):
        asked = order(desk, voucher("6", CODE), account="BA-5", overpayment=choice)
        reserve(desk, asked, FakeVouchers())
        refusal = refused(desk, lambda asked=asked: take_payment(desk, CASHIER, asked))  # type: ignore[misc]
        assert refusal.code in ("mode_not_for_purpose", "change_not_possible")
        release(desk, asked.payment_event_id, FakeVouchers())


# --- not held, not taken -------------------------------------------------------------------------------------------


def test_a_voucher_that_nobody_asked_for_is_not_taken(desk: Desk) -> None:
    refusal = refused(desk, lambda: pay(desk, voucher("5", CODE)))

    assert refusal.code == "voucher_not_checked"
    assert CODE not in str(refusal.as_json())


@pytest.mark.parametrize(
    "other",
    [
        voucher("5.001", CODE),
        voucher("4.999", CODE),
        voucher("5", "LOYAL-2026-TXWQ"),
        voucher("5", CODE, issuer="SODEXO"),
    ],
)
def test_a_hold_serves_the_very_voucher_and_amount_it_was_asked_for(desk: Desk, other: TenderOrder) -> None:
    asked = order(desk, voucher("5", CODE), allocate=[wish("7781")])
    reserve(desk, asked, FakeVouchers())

    refusal = refused(desk, lambda: take_payment(desk, CASHIER, replace(asked, tenders=[other])))

    assert refusal.code == "voucher_not_checked"


def test_a_hold_serves_no_other_payment(desk: Desk) -> None:
    reserve(desk, order(desk, voucher("5", CODE)), FakeVouchers())

    assert refused(desk, lambda: pay(desk, voucher("5", CODE))).code == "voucher_not_checked"


@pytest.mark.parametrize("end", ["asked", "refused", "abandoned", "released"])
def test_only_a_hold_that_is_reserved_serves(desk: Desk, end: str) -> None:
    asked = order(desk, voucher("5", CODE))
    match end:
        case "asked":
            with pytest.raises(KeyboardInterrupt):
                reserve(desk, asked, Crashing())
        case "refused":
            with pytest.raises(Refused):
                reserve(desk, asked, FakeVouchers(DENIED))
        case "abandoned":
            reserve(desk, asked, FakeVouchers())
            release(desk, asked.payment_event_id, FakeVouchers(releases=False))
        case "released":
            reserve(desk, asked, FakeVouchers())
            release(desk, asked.payment_event_id, FakeVouchers())
    assert states(desk) == [end]

    assert refused(desk, lambda: take_payment(desk, CASHIER, asked)).code == "voucher_not_checked"


def test_a_voucher_that_was_used_is_not_taken_again(desk: Desk) -> None:
    first = order(desk, voucher("5", CODE), allocate=[wish("7781")])
    reserve(desk, first, FakeVouchers())
    number = take_payment(desk, CASHIER, first).receipt.receipt_number
    second = order(desk, voucher("5", "loyal 2026 txwp"), allocate=[wish("7781")])
    central = FakeVouchers()

    for deed in (lambda: reserve(desk, second, central), lambda: take_payment(desk, CASHIER, second)):
        refusal = refused(desk, deed)
        assert refusal.code in ("taken_before", "voucher_not_checked")
        assert refusal.details.get("receipt", number) == number
    assert central.asked == []


def test_a_payment_that_was_booked_is_told_again_and_no_voucher_is_asked_for(desk: Desk) -> None:
    """After a fault at the commit it is sent again, to learn whether it was booked."""
    asked = order(desk, voucher("5", CODE), allocate=[wish("7781")])
    reserve(desk, asked, FakeVouchers())
    booked = take_payment(desk, CASHIER, asked)
    central = FakeVouchers()

    reserve(desk, asked, central)
    again = take_payment(desk, CASHIER, asked)

    assert (again.replayed, again.receipt) == (True, booked.receipt)
    assert central.asked == []


def test_one_voucher_is_not_in_a_payment_twice(desk: Desk) -> None:
    central = FakeVouchers()
    asked = order(desk, voucher("5", CODE), voucher("5", CODE.lower()), allocate=[wish("7781", "10")])

    reserve(desk, asked, central)

    assert len(central.asked) == 1
    assert refused(desk, lambda: take_payment(desk, CASHIER, asked)).code == "named_twice"


# --- what central answers ------------------------------------------------------------------------------------------


def test_a_refusal_is_told_in_centrals_words_and_holds_nothing(desk: Desk) -> None:
    asked = order(desk, voucher("5", CODE))

    with pytest.raises(Refused) as refusal:
        reserve(desk, asked, FakeVouchers(DENIED))

    assert (refusal.value.code, refusal.value.message) == (
        "voucher_not_usable",
        "This voucher cannot be used.",
    )
    assert refusal.value.details == {}
    assert states(desk) == ["refused"]
    assert rows(desk, "payment_event") == []


def test_a_voucher_worth_less_says_what_it_is_worth(desk: Desk) -> None:
    worth = replace(DENIED, code="voucher_worth_less", value=money("3.500"))

    with pytest.raises(Refused) as refusal:
        reserve(desk, order(desk, voucher("5", CODE)), FakeVouchers(worth))

    assert refusal.value.details == {"value": "3.500", "currency": "KWD"}


def test_centrals_words_cannot_write_on_the_terminal(desk: Desk) -> None:
    with pytest.raises(Refused) as refusal:
        reserve(
            desk,
            order(desk, voucher("5", CODE)),
            FakeVouchers(replace(DENIED, message="\x1b]0;x\x07No" * 500)),
        )

    assert "\x1b" not in refusal.value.message
    assert len(refusal.value.message) <= 300


def test_without_an_answer_it_is_not_taken_and_is_to_be_let_go(desk: Desk) -> None:
    central = FakeVouchers(UNANSWERED)

    with pytest.raises(Refused) as refusal:
        reserve(desk, order(desk, voucher("5", CODE)), central)

    assert refusal.value.code == "voucher_needs_central"
    assert states(desk) == ["abandoned"]
    with desk.till.read() as connection:
        assert holds_to_release(connection) == [central.asked[0].hold_id]


@pytest.mark.parametrize(
    ("answer", "code"), [(DENIED, "voucher_not_usable"), (UNANSWERED, "voucher_needs_central")]
)
def test_what_central_did_not_grant_is_audited_beside_the_asking(
    desk: Desk, answer: VoucherOutcome, code: str
) -> None:
    with pytest.raises(Refused):
        reserve(desk, order(desk, voucher("5", CODE)), FakeVouchers(answer))

    assert audited(desk)[-2:] == [("hold_voucher", "ok", None), ("hold_voucher", "refused", code)]
    assert findings(desk) == []


def test_a_till_without_central_takes_no_vouchers(desk: Desk) -> None:
    with pytest.raises(Refused) as refusal:
        reserve(desk, order(desk, voucher("5", CODE)), None)

    assert refusal.value.code == "voucher_needs_central"
    assert states(desk) == ["abandoned"]


def test_after_no_answer_the_same_payment_may_ask_again_once_the_first_is_let_go(desk: Desk) -> None:
    central = FakeVouchers(UNANSWERED)
    asked = order(desk, voucher("5", CODE), allocate=[wish("7781")])
    with pytest.raises(Refused):
        reserve(desk, asked, central)
    release(desk, asked.payment_event_id, central)

    (hold,) = reserve(desk, asked, central)

    assert len({one.hold_id for one in central.asked}) == 2
    assert hold.hold_id == central.asked[1].hold_id
    assert take_payment(desk, CASHIER, asked).receipt.total == money("5")
    assert states(desk) == ["released", "used"]


def test_the_same_order_again_uses_the_hold_it_has(desk: Desk) -> None:
    central = FakeVouchers()
    asked = order(desk, voucher("5", CODE), allocate=[wish("7781")])

    first, again = reserve(desk, asked, central), reserve(desk, asked, central)

    assert first == again
    assert len(central.asked) == 1
    assert states(desk) == ["reserved"]


def test_a_held_voucher_is_not_held_for_another_amount(desk: Desk) -> None:
    central = FakeVouchers()
    asked = order(desk, voucher("5", CODE))
    reserve(desk, asked, central)

    with pytest.raises(Refused) as refusal:
        reserve(desk, replace(asked, tenders=[voucher("6", CODE)]), central)

    assert refusal.value.code == "voucher_held_otherwise"
    assert len(central.asked) == 1
    assert states(desk) == ["reserved"]


def test_the_same_code_of_another_issuer_is_another_voucher(desk: Desk) -> None:
    tenders = [voucher("1", "GIFT-77", issuer=issuer) for issuer in ("SODEXO", "EDENRED")]
    for tender in [*tenders, voucher("1", "GIFT-77")]:
        asked = order(desk, tender, allocate=[wish("7781")])
        reserve(desk, asked, FakeVouchers())
        take_payment(desk, CASHIER, asked)

    again = order(desk, voucher("1", "gift 77", issuer="sodexo"), allocate=[wish("7781")])
    assert refused(desk, lambda: reserve(desk, again, FakeVouchers())).code == "taken_before"
    assert findings(desk) == []


def test_what_a_lost_answer_left_is_let_go_before_the_voucher_is_asked_for_again(desk: Desk) -> None:
    """Central holds it for the payment that was left; it would refuse the next one."""
    central = FakeVouchers()
    left = order(desk, voucher("5", CODE))
    reserve(desk, left, central)
    release(desk, left.payment_event_id, None)
    other = order(desk, voucher("7", "OTHER-1"))
    reserve(desk, other, central)
    release(desk, other.payment_event_id, None)
    assert states(desk) == ["abandoned", "abandoned"]

    asked = order(desk, voucher("5", CODE), allocate=[wish("7781")])
    reserve(desk, asked, central)

    assert states(desk) == ["released", "abandoned", "reserved"]
    assert take_payment(desk, CASHIER, asked).receipt.total == money("5")


# --- who, and with what --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "tender", "code"),
    [
        ("BA-1", voucher("0", CODE), "amount_not_positive"),
        ("BA-1", voucher("5,0", CODE), "bad_amount"),
        ("BA-1", voucher("5", ""), "field_missing"),
        ("BA-1", voucher("5", "4111 1111 1111 1111"), "card_number_refused"),
        ("BA-1", voucher("5", "x" * 41), "voucher_not_genuine"),
        ("BA-1", voucher("5", "x" * 201), "text_too_long"),
        ("BA-1", TenderOrder(mode="external_voucher", amount="5", details={"code": CODE}), "field_missing"),
        ("BA-404", voucher("5", CODE), "unknown_account"),
        (None, voucher("5", CODE), "mode_not_for_payer"),
    ],
)
def test_what_cannot_be_paid_is_not_asked_for(
    desk: Desk, account: str | None, tender: TenderOrder, code: str
) -> None:
    central = FakeVouchers()

    refusal = refused(desk, lambda: reserve(desk, order(desk, tender, account=account), central))

    assert refusal.code == code
    assert central.asked == []


def test_who_may_not_take_payments_holds_no_voucher(desk: Desk) -> None:
    central = FakeVouchers()
    asked = order(desk, voucher("5", CODE))

    assert isinstance(refused(desk, lambda: reserve(desk, asked, central, AUDITOR)), NotAuthorised)
    assert refused(desk, lambda: reserve(desk, asked, central, OTHER_CASHIER)).code == "shift_of_other"
    assert central.asked == []


def test_without_a_shift_no_voucher_is_held() -> None:
    desk = make_till()
    central = FakeVouchers()

    assert (
        refused(desk, lambda: reserve(desk, order(desk, voucher("5", CODE)), central)).code == "no_open_shift"
    )
    assert central.asked == []


# --- let go --------------------------------------------------------------------------------------------------------


def test_a_payment_that_does_not_come_lets_go_of_all_its_vouchers_and_no_others(desk: Desk) -> None:
    central = FakeVouchers()
    gone = order(desk, voucher("5", CODE), voucher("6", "OTHER-1"))
    stays = order(desk, voucher("7", "OTHER-2"), allocate=[wish("7781")])
    reserve(desk, gone, central)
    (kept,) = reserve(desk, stays, central)

    release(desk, gone.payment_event_id, central)

    assert states(desk) == ["released", "released", "reserved"]
    assert kept.hold_id not in central.released
    assert take_payment(desk, CASHIER, stays).receipt.total == money("7")


def test_what_central_does_not_hear_now_is_let_go_later(desk: Desk) -> None:
    asked = order(desk, voucher("5", CODE))
    (hold,) = reserve(desk, asked, FakeVouchers())

    release(desk, asked.payment_event_id, FakeVouchers(releases=False))
    assert states(desk) == ["abandoned"]
    with desk.till.read() as connection:
        assert holds_to_release(connection) == [hold.hold_id]

    release(desk, asked.payment_event_id, None)
    assert states(desk) == ["abandoned"]
    release(desk, asked.payment_event_id, FakeVouchers())
    assert states(desk) == ["released"]
    with desk.till.read() as connection:
        assert holds_to_release(connection) == []


def test_a_voucher_that_was_used_is_never_let_go(desk: Desk) -> None:
    central = FakeVouchers()
    asked = order(desk, voucher("5", CODE), allocate=[wish("7781")])
    reserve(desk, asked, central)
    take_payment(desk, CASHIER, asked)

    release(desk, asked.payment_event_id, central)

    assert abandon_all(desk) == 0
    assert central.released == []
    assert states(desk) == ["used"]
    assert findings(desk) == []


def test_an_answer_that_comes_after_the_customer_left_holds_nothing(desk: Desk) -> None:
    """Esc while central is asked: the hold is let go before its answer arrives."""
    asked = order(desk, voucher("5", CODE))

    class Late(FakeVouchers):
        async def reserve(self, one: VoucherAsked) -> VoucherOutcome:
            await let_go(desk, asked.payment_event_id, self, InlineRunner())
            return await super().reserve(one)

    central = Late()
    reserve(desk, asked, central)

    assert states(desk) == ["released"]
    assert refused(desk, lambda: take_payment(desk, CASHIER, asked)).code == "voucher_not_checked"


class Crashing(FakeVouchers):
    """The power goes while central is asked."""

    async def reserve(self, asked: VoucherAsked) -> VoucherOutcome:
        self.asked.append(asked)
        raise KeyboardInterrupt


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[Desk]:
    desk = make_till(tmp_path)
    opened(desk)
    yield desk
    close_stores(desk)


@pytest.mark.parametrize("answered", [False, True])
def test_what_a_crash_left_held_is_let_go_at_the_next_start(on_disk: Desk, answered: bool) -> None:
    used = order(on_disk, voucher("5", "USED-0001"), allocate=[wish("7781")])
    reserve(on_disk, used, FakeVouchers())
    take_payment(on_disk, CASHIER, used)
    lost = order(on_disk, voucher("5", CODE))
    if answered:
        reserve(on_disk, lost, FakeVouchers())
    else:
        with pytest.raises(KeyboardInterrupt):
            reserve(on_disk, lost, Crashing())

    again = reopened(on_disk)

    assert abandon_all(again) == 1
    assert abandon_all(again) == 0
    assert states(again) == ["used", "abandoned"]
    with again.till.read() as connection:
        assert len(holds_to_release(connection)) == 1
    assert findings(again) == []
    close_stores(again)


def test_an_answer_after_the_start_changes_nothing(on_disk: Desk) -> None:
    asked = order(on_disk, voucher("5", CODE))
    central = Crashing()
    with pytest.raises(KeyboardInterrupt):
        reserve(on_disk, asked, central)
    abandon_all(on_disk)
    told = asyncio.run(FakeVouchers().reserve(central.asked[0]))

    with on_disk.till.transaction() as unit:
        mark_reserved(unit.connection, central.asked[0].hold_id, told, at=on_disk.clock.now())  # type: ignore[arg-type]

    assert states(on_disk) == ["abandoned"]


# --- the code is kept nowhere --------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [CODE, "loyal-2026-txwp", "LOYAL 2026 TXWP"])
def test_no_voucher_code_anywhere(on_disk: Desk, tmp_path: Path, code: str) -> None:
    """Paid, refused and left: the files, the receipt and what goes to central hold its end only."""
    asked = order(on_disk, voucher("5", code), allocate=[wish("7781")])
    reserve(on_disk, asked, FakeVouchers())
    receipt = take_payment(on_disk, CASHIER, asked).receipt
    for central in (FakeVouchers(DENIED), FakeVouchers(UNANSWERED)):
        with pytest.raises(Refused):
            reserve(on_disk, order(on_disk, voucher("5", code)), central)
    with pytest.raises(Refused):
        pay(on_disk, voucher("5", code))
    with on_disk.till.read() as connection:
        told = [
            leg_facts(connection, row, on_disk.identity, on_disk.modes, "x") for row in unsent(connection, 9)
        ]
    line = {
        "ref": "v1",
        "act": "pay",
        "payer": {"kind": "subscriber", "account": "BA-1"},
        "tenders": [{"mode": "internal_voucher", "amount": "5", "code": code}],
    }
    answers = [Script(on_disk, CASHIER).run_line(json.dumps(line))]

    kept = (
        b"".join(path.read_bytes() for path in tmp_path.iterdir()) + repr((receipt, told, answers)).encode()
    )

    assert b"till.db-wal" in b" ".join(path.name.encode() for path in tmp_path.iterdir())
    assert b"...TXWP" in kept
    plain = "LOYAL2026TXWP"
    for shape in (
        code,
        code.upper(),
        code.lower(),
        plain,
        plain.lower(),
        plain[-5:],
        "2026-TXWP",
        "2026 TXWP",
    ):
        assert shape.encode() not in kept, shape
    assert hashlib.sha256(plain.encode()).hexdigest().encode() not in kept, (
        "a digest without a key is soon tried out"
    )
    assert code_mark(CHAIN_KEY, code, None).encode() in kept


def test_the_codes_of_short_vouchers_are_not_kept_whole(on_disk: Desk, tmp_path: Path) -> None:
    asked = order(on_disk, voucher("5", "QZX7"), allocate=[wish("7781")])
    reserve(on_disk, asked, FakeVouchers())
    take_payment(on_disk, CASHIER, asked)

    assert b"QZX7" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


# --- a dealer ------------------------------------------------------------------------------------------------------


def test_a_dealer_pays_items_and_tops_up_by_voucher(desk: Desk) -> None:
    asked = order(desk, voucher("8", CODE), account="D-1", lines=[sale("SERVICE")])
    reserve(desk, asked, FakeVouchers())

    receipt = take_payment(desk, CASHIER, asked).receipt

    assert (receipt.total, receipt.credit) == (money("8"), money("3"))
    assert findings(desk) == []


def test_a_code_lies_in_the_books_as_a_keyed_mark(desk: Desk) -> None:
    asked = order(desk, voucher("5", CODE), allocate=[wish("7781")])
    reserve(desk, asked, FakeVouchers())
    take_payment(desk, CASHIER, asked)

    mark = code_mark(CHAIN_KEY, CODE, None)
    assert [row["code_mark"] for row in rows(desk, "voucher_hold")] == [mark]
    assert [row["instrument"] for row in rows(desk, "instrument")] == [f"voucher|{mark}"]
