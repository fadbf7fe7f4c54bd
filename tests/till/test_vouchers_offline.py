"""Vouchers while central does not answer: taken on their signature, within the shop's caps (3.5, rules 46 and 51)."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from pos.domain.errors import Refused
from pos.domain.signed_voucher import VoucherKey
from pos.domain.voucher import Residual, VoucherRefused, code_digest
from pos.domain.voucher_policy import PreauthorisedRange
from pos.store.leg_facts import leg_facts
from pos.store.outbox import unsent
from pos.till.desk import Desk
from pos.till.payment_order import TenderOrder
from pos.till.take_payment import PaymentTaken, take_payment
from tests.builders.signed import OTHER_PRIVATE_KEY, key_of, knows, signed, takes_offline
from tests.builders.tills import (
    CASHIER,
    NOW,
    TODAY,
    UNANSWERED,
    FakeVouchers,
    cash,
    clock_of,
    dump,
    findings,
    make_till,
    money,
    opened,
    order,
    release,
    reserve,
    rows,
    stock,
    voucher,
    wish,
)


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    stock(desk)
    opened(desk)
    knows(desk)
    takes_offline(desk)
    return desk


def silent() -> FakeVouchers:
    return FakeVouchers(UNANSWERED, UNANSWERED, UNANSWERED)


def take(
    desk: Desk, *tenders: TenderOrder, bill: str = "7781", central: FakeVouchers | None = None
) -> PaymentTaken:
    asked = order(desk, *tenders, allocate=[wish(bill)])
    reserve(desk, asked, central or silent())
    return take_payment(desk, CASHIER, asked)


def refusal(desk: Desk, *tenders: TenderOrder, central: FakeVouchers | None = None) -> str:
    asked = order(desk, *tenders, allocate=[wish("7781")])
    with pytest.raises(Refused) as refused:
        reserve(desk, asked, central or silent())
    return refused.value.code


# --- taken ---------------------------------------------------------------------------------------------------------


def test_a_signed_voucher_is_taken_while_central_does_not_answer_and_the_receipt_says_provisional(
    desk: Desk,
) -> None:
    code = signed("10")

    receipt = take(desk, voucher("10", code)).receipt

    assert receipt.provisional == ("Loyalty voucher 10.000: final when central has redeemed it",)
    (tender,) = rows(desk, "tender")
    assert tender["voucher_hold"] is None
    (taken,) = rows(desk, "voucher_offline")
    assert (taken["digest"], taken["amount_minor"], taken["value_minor"], taken["issuer"]) == (
        code_digest(code),
        10_000,
        10_000,
        None,
    )
    assert findings(desk) == []
    with desk.till.read() as connection:
        (row,) = unsent(connection, 10)
        leg = leg_facts(connection, row, desk.identity, desk.modes, "x")
    assert leg.voucher_hold is None
    assert leg.voucher_taken is not None
    assert (leg.voucher_taken.digest, leg.voucher_taken.amount) == (code_digest(code), money("10"))
    assert leg.provisional == "when central has redeemed it"


def test_a_till_without_any_central_takes_a_signed_voucher_too(desk: Desk) -> None:
    asked = order(desk, voucher("10", signed()), allocate=[wish("7781")])
    (hold,) = reserve(desk, asked, None)

    assert hold.offline is not None
    assert take_payment(desk, CASHIER, asked).receipt.total == money("10")


def test_the_code_of_a_voucher_taken_offline_stands_nowhere(desk: Desk) -> None:
    code = signed()
    take(desk, voucher("10", code))

    books = json.dumps(dump(desk))
    assert code[4:40] not in books
    assert code[-40:-4] not in books


def test_while_central_answers_its_word_is_taken_and_nothing_is_provisional(desk: Desk) -> None:
    receipt = take(desk, voucher("10", signed()), central=FakeVouchers()).receipt

    assert receipt.provisional == ()
    assert rows(desk, "voucher_offline") == []


def test_what_central_refuses_is_not_taken_on_its_signature(desk: Desk) -> None:
    used = VoucherRefused(code="voucher_not_valid", message="This voucher is not valid here.")
    asked = order(desk, voucher("10", signed()), allocate=[wish("7781")])
    with pytest.raises(Refused):
        reserve(desk, asked, FakeVouchers(used))

    with pytest.raises(Refused) as refused:
        take_payment(desk, CASHIER, asked)
    assert refused.value.code == "voucher_not_checked"


def test_an_answer_that_comes_later_overrules_the_silence_before_it(desk: Desk) -> None:
    """The same payment is tried again, and now central says no: what was silent before allows nothing any more."""
    used = VoucherRefused(code="voucher_not_valid", message="This voucher is not valid here.")
    asked = order(desk, voucher("10", signed()), allocate=[wish("7781")])
    reserve(desk, asked, silent())
    clock_of(desk).advance(seconds=60)
    with pytest.raises(Refused):
        reserve(desk, asked, FakeVouchers(used))

    with pytest.raises(Refused) as refused:
        take_payment(desk, CASHIER, asked)
    assert refused.value.code == "voucher_not_checked"


def test_within_a_minute_central_is_not_waited_for_again(desk: Desk) -> None:
    """The cashier says PROVISIONAL and presses Enter once more: nobody stands there for another silence."""
    central = silent()
    asked = order(desk, voucher("10", signed()), allocate=[wish("7781")])
    (first,) = reserve(desk, asked, central)
    clock_of(desk).advance(seconds=59)
    (second,) = reserve(desk, asked, central)

    assert first == second
    assert (len(central.asked), central.released) == (1, [])
    assert take_payment(desk, CASHIER, asked).receipt.total == money("10")


def test_another_payment_asks_central_anew(desk: Desk) -> None:
    central = silent()
    reserve(desk, order(desk, voucher("10", signed()), allocate=[wish("7781")]), central)
    reserve(desk, order(desk, voucher("10", signed()), allocate=[wish("7781")]), central)

    assert len(central.asked) == 2


def test_without_being_asked_for_it_is_not_taken(desk: Desk) -> None:
    asked = order(desk, voucher("10", signed()), allocate=[wish("7781")])

    with pytest.raises(Refused) as refused:
        take_payment(desk, CASHIER, asked)
    assert refused.value.code == "voucher_not_checked"


def test_it_is_taken_once_at_this_till(desk: Desk) -> None:
    """Rule 46: single use, also while nobody can be asked."""
    code = signed("5")
    take(desk, voucher("5", code))

    assert refusal(desk, voucher("5", code.lower())) == "taken_before"
    assert take(desk, voucher("5", signed("5", number=2))).receipt.total == money("5")


def test_what_was_asked_for_and_not_answered_is_let_go_at_central(desk: Desk) -> None:
    central = silent()
    asked = order(desk, voucher("10", signed()), allocate=[wish("7781")])
    reserve(desk, asked, central)
    take_payment(desk, CASHIER, asked)
    assert [row["state"] for row in rows(desk, "voucher_hold")] == ["abandoned"]

    release(desk, asked.payment_event_id, central)

    assert central.released == [central.asked[0].hold_id]


# --- not taken: the voucher ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("online", [False, True])
def test_an_altered_one_is_not_genuine_whether_central_answers_or_not(desk: Desk, online: bool) -> None:
    code = signed()
    altered = code[:100] + ("A" if code[100] != "A" else "B") + code[101:]
    central = FakeVouchers() if online else silent()

    assert refusal(desk, voucher("10", altered), central=central) == "voucher_not_genuine"
    assert refusal(desk, voucher("10", code[:-1]), central=central) == "voucher_not_genuine"
    assert central.asked == []


@pytest.mark.parametrize(
    ("key", "code"),
    [(key_of(OTHER_PRIVATE_KEY), "voucher_key_unknown"), (key_of(withdrawn=True), "voucher_key_withdrawn")],
)
def test_a_key_that_does_not_count_here_is_centrals_to_judge(key: VoucherKey, code: str) -> None:
    desk = make_till()
    opened(desk)
    knows(desk, key)
    takes_offline(desk)

    assert refusal(desk, voucher("10", signed())) == code
    assert take(desk, voucher("10", signed()), central=FakeVouchers()).receipt.total == money("10")


def test_a_key_once_withdrawn_stays_so(desk: Desk) -> None:
    knows(desk, key_of(withdrawn=True))
    knows(desk, key_of())

    assert refusal(desk, voucher("10", signed())) == "voucher_key_withdrawn"


def test_it_expires_at_the_shops_midnight_and_not_at_that_of_utc(desk: Desk) -> None:
    """Rule 46: expiry is in shop time. Kuwait is three hours before UTC: 23:59 there is still the day before 21:00 UTC."""
    last_second = datetime(TODAY.year, TODAY.month, TODAY.day, 23, 59, 59, tzinfo=ZoneInfo("Asia/Kuwait"))
    clock_of(desk).set(last_second)
    assert last_second.astimezone(ZoneInfo("UTC")).date() == TODAY
    code = signed("5", expires=TODAY)
    assert take(desk, voucher("5", code)).receipt.total == money("5")

    clock_of(desk).advance(seconds=1)
    after_midnight = clock_of(desk).now()
    assert after_midnight.astimezone(ZoneInfo("UTC")).date() == TODAY
    assert refusal(desk, voucher("5", signed("5", number=2, expires=TODAY))) == "voucher_expired"
    tomorrow = TODAY + timedelta(days=1)
    assert take(desk, voucher("5", signed("5", number=3, expires=tomorrow))).receipt.total == money("5")


def test_one_bound_to_an_account_serves_that_one_only(desk: Desk) -> None:
    """Rule 46: bound account."""
    assert refusal(desk, voucher("10", signed(account="BA-2"))) == "voucher_not_for_account"
    assert take(desk, voucher("10", signed(account="BA-1"))).receipt.total == money("10")


def test_it_pays_no_more_than_it_is_worth(desk: Desk) -> None:
    assert refusal(desk, voucher("10.001", signed("10"))) == "voucher_value_exceeded"
    assert take(desk, voucher("10", signed("10"))).receipt.total == money("10")


def test_a_typed_code_needs_central_whatever_the_shop_allows(desk: Desk) -> None:
    assert refusal(desk, voucher("10", "LOYAL-1")) == "voucher_needs_central"


def test_what_would_become_a_new_voucher_needs_central_and_all_of_it_does_not(desk: Desk) -> None:
    code = signed("10", residual=Residual.NEW_VOUCHER)

    assert refusal(desk, voucher("9.999", code)) == "voucher_needs_central"
    assert take(desk, voucher("10", code)).receipt.total == money("10")


# --- not taken: the caps of rule 51 ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("each", "shift"), [(None, "50"), ("20", None), (None, None)])
def test_by_default_none_is_taken_without_central(desk: Desk, each: str | None, shift: str | None) -> None:
    """Rule 51: a cap that was not set is no permission."""
    takes_offline(desk, each=each, shift=shift)

    assert refusal(desk, voucher("10", signed())) == "voucher_needs_central"


def test_one_voucher_is_taken_up_to_its_cap(desk: Desk) -> None:
    """Rule 51: offline limit per item."""
    takes_offline(desk, each="7.500")

    assert refusal(desk, voucher("7.501", signed())) == "voucher_over_offline_cap"
    assert take(desk, voucher("7.500", signed())).receipt.total == money("7.500")


def test_the_cap_counts_what_comes_in_as_credit(desk: Desk) -> None:
    takes_offline(desk, each="9.999")

    assert refusal(desk, voucher("5", signed("10", residual=Residual.CREDIT))) == "voucher_over_offline_cap"


def test_a_shift_takes_vouchers_up_to_its_cap(desk: Desk) -> None:
    """Rule 51: offline limit per shift total."""
    takes_offline(desk, shift="12")
    take(desk, voucher("7", signed("7", number=1)))

    assert refusal(desk, voucher("5.001", signed("6", number=2))) == "voucher_over_shift_cap"
    assert take(desk, voucher("5", signed("5", number=3))).receipt.total == money("5")


def test_two_vouchers_of_one_payment_count_together(desk: Desk) -> None:
    """Rule 51: the cap of the shift is not passed by handing over two at once."""
    takes_offline(desk, shift="12")

    assert (
        refusal(desk, voucher("7", signed("7", number=1)), voucher("6", signed("6", number=2)))
        == "voucher_over_shift_cap"
    )
    both = take(desk, voucher("7", signed("7", number=1)), voucher("5", signed("5", number=2)))
    assert both.receipt.total == money("12")


def test_after_so_many_hours_without_central_none_is_taken(desk: Desk) -> None:
    """Rule 51: hours since the last sync."""
    takes_offline(desk, hours=4)
    clock_of(desk).advance(hours=4)
    assert take(desk, voucher("5", signed("5", number=1))).receipt.total == money("5")

    clock_of(desk).advance(seconds=1)

    assert refusal(desk, voucher("5", signed("5", number=2))) == "voucher_offline_too_long"


def test_other_money_is_not_counted_against_the_cap(desk: Desk) -> None:
    takes_offline(desk, shift="10")
    take(desk, cash("20"))
    take(desk, voucher("9", "LOYAL-1"), central=FakeVouchers())

    assert take(desk, voucher("10", signed())).receipt.total == money("10")


# --- vouchers of others ----------------------------------------------------------------------------------------------

RANGE = PreauthorisedRange(
    issuer="City Gifts", first="CG-0100", last="CG-0199", value=money("5"), expires=date(2027, 1, 31)
)


def test_another_issuers_voucher_needs_its_issuer(desk: Desk) -> None:
    assert refusal(desk, voucher("5", "CG-0123", issuer="City Gifts")) == "voucher_needs_central"


@pytest.mark.parametrize(
    ("code", "issuer"),
    [
        ("CG-0099", "City Gifts"),
        ("CG-0200", "City Gifts"),
        ("CG-01234", "City Gifts"),
        ("CG-0123", "Bonus & Co"),
    ],
)
def test_a_code_outside_of_what_an_issuer_allowed_needs_it_too(desk: Desk, code: str, issuer: str) -> None:
    takes_offline(desk, preauthorised=(RANGE,))

    assert refusal(desk, voucher("5", code, issuer=issuer)) == "voucher_needs_central"


@pytest.mark.parametrize("code", ["CG-0100", "cg 0123", "CG0199"])
def test_a_code_within_what_its_issuer_allowed_is_taken(desk: Desk, code: str) -> None:
    takes_offline(desk, preauthorised=(RANGE,))

    receipt = take(desk, voucher("5", code, issuer="city  GIFTS")).receipt

    assert receipt.provisional == ("Third-party voucher 5.000: final when central has redeemed it",)
    assert [row["issuer"] for row in rows(desk, "voucher_offline")] == ["city  GIFTS"]
    assert findings(desk) == []


def test_a_range_is_good_for_its_value_until_its_day(desk: Desk) -> None:
    takes_offline(desk, preauthorised=(RANGE,))
    assert refusal(desk, voucher("5.001", "CG-0100", issuer="City Gifts")) == "voucher_value_exceeded"

    clock_of(desk).set(NOW.replace(year=2027, month=2, day=1))
    takes_offline(desk, preauthorised=(RANGE,), hours=720 * 24)

    assert refusal(desk, voucher("5", "CG-0100", issuer="City Gifts")) == "voucher_expired"
