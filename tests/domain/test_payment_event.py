"""A payment event balances: tenders less change = allocations = legs = journal (invariants 13 to 15, 21)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.allocation import Wish
from pos.domain.bill import BillState, OpenBill, open_on
from pos.domain.catalogue import LINES_MAX, Item, LineOfSale, SerialKind
from pos.domain.errors import Refused
from pos.domain.money import Money, currency, total
from pos.domain.payment_event import (
    MAX_ALLOCATIONS,
    MAX_TENDERS,
    Overpayment,
    PaymentAsked,
    PaymentEvent,
    TenderOffered,
    compose,
)
from pos.domain.payment_mode import PayerKind
from pos.domain.posting import is_balanced, sum_of
from pos.settings import read_settings
from tests.builders.tills import TODAY, bill, money

MODES = read_settings().modes
KWD = currency("KWD")


def tender(text: str, mode: str = "cash") -> TenderOffered:
    return TenderOffered(mode=MODES[mode], amount=money(text), details={})


def open_bill(bill_no: str, text: str, *, due: int = 0, of: str = "BA-1") -> OpenBill:
    return open_on(bill(bill_no, money(text), of=of, due=TODAY + timedelta(days=due)), [])


BILLS = (open_bill("1", "10", due=-5), open_bill("2", "20"))


def ask(
    *tenders: TenderOffered,
    bills: Sequence[OpenBill] = BILLS,
    wishes: Sequence[Wish] = (),
    overpayment: Overpayment | None = None,
    payer: PayerKind = PayerKind.SUBSCRIBER,
    account: str = "BA-1",
) -> PaymentEvent:
    return compose(
        PaymentAsked(
            payer_kind=payer,
            payer_account=account,
            tenders=tenders,
            wishes=wishes,
            overpayment=overpayment,
            bills={entry.bill.bill_no: entry for entry in bills},
        )
    )


def paid(event: PaymentEvent) -> list[tuple[str | None, str]]:
    return [(part.bill_no, part.amount.plain()) for part in event.allocations]


def test_an_exact_payment_settles_its_bills() -> None:
    event = ask(tender("30"))

    assert paid(event) == [("1", "10.000"), ("2", "20.000")]
    assert (event.amount, event.change, event.credit) == (money("30"), money("0"), money("0"))


def test_an_underpayment_leaves_the_exact_rest() -> None:
    event = ask(tender("12.345"))

    assert paid(event) == [("1", "10.000"), ("2", "2.345")]
    assert event.allocations[1].open_after == money("17.655")


def test_cash_over_the_bills_comes_back_as_change() -> None:
    event = ask(tender("50"))

    assert event.change == money("20")
    assert event.amount == money("30")
    assert event.tenders[0].net == money("30")


def test_cash_over_the_bills_is_kept_as_credit_by_choice() -> None:
    event = ask(tender("50"), overpayment=Overpayment.CREDIT)

    assert event.change == money("0")
    assert paid(event) == [("1", "10.000"), ("2", "20.000"), (None, "20.000")]
    assert event.credit == money("20")


def test_change_that_cannot_be_given_is_refused_where_the_payer_asked_for_it() -> None:
    with pytest.raises(Refused) as refusal:
        ask(tender("50", "cheque"), overpayment=Overpayment.CHANGE)

    assert refusal.value.code == "change_not_possible"


@pytest.mark.parametrize("choice", [None, Overpayment.CREDIT])
def test_overpayment_is_credit_not_lost_where_a_cheque_is_over_the_bills(choice: Overpayment | None) -> None:
    """Rule 6: overpayment is never silently kept: change or credit."""
    event = ask(tender("50", "cheque"), overpayment=choice)

    assert event.change == money("0")
    assert event.credit == money("20")


def test_one_minor_unit_too_much_is_credit_too() -> None:
    assert ask(tender("30.001", "cheque")).credit == Money(1, KWD)
    assert ask(tender("30.001"), overpayment=Overpayment.CREDIT).credit == Money(1, KWD)
    assert ask(tender("30.001")).change == Money(1, KWD)


def test_change_comes_out_of_the_cash_and_the_rest_of_a_cheque_is_credit() -> None:
    """Rule 5: change only in cash, and only from cash."""
    event = ask(tender("15"), tender("25", "cheque"), bills=[open_bill("1", "30")])

    assert [(part.mode.code, part.change.plain()) for part in event.tenders] == [
        ("cheque", "0.000"),
        ("cash", "10.000"),
    ]


def test_change_is_never_more_than_the_cash_and_a_whole_cash_tender_is_not_taken_to_be_given_back() -> None:
    with pytest.raises(Refused) as refusal:
        ask(tender("5"), tender("35", "cheque"))

    assert refusal.value.code == "tender_not_needed"
    assert refusal.value.details["amount"] == "5.000"


def test_of_two_cash_tenders_the_last_gives_the_change() -> None:
    event = ask(tender("25"), tender("10"))

    assert [(part.amount.plain(), part.change.plain()) for part in event.tenders] == [
        ("25.000", "0.000"),
        ("10.000", "5.000"),
    ]


def test_a_second_cash_tender_that_is_not_needed_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        ask(tender("30"), tender("10"))

    assert refusal.value.code == "tender_not_needed"


def test_a_cheque_pays_before_the_cash_whatever_was_typed_first() -> None:
    event = ask(tender("10"), tender("20", "cheque"))

    assert [part.mode.code for part in event.tenders] == ["cheque", "cash"]
    assert [(part.tender, part.allocation.bill_no, part.amount.plain()) for part in event.funded] == [
        (0, "1", "10.000"),
        (0, "2", "10.000"),
        (1, "2", "10.000"),
    ]


def test_the_payer_chooses_the_bill() -> None:
    assert paid(ask(tender("20"), wishes=[Wish(bill_no="2")])) == [("2", "20.000")]


def test_the_choice_of_bills_leaves_the_others_open_and_the_rest_is_change() -> None:
    event = ask(tender("25"), wishes=[Wish(bill_no="2")])

    assert paid(event) == [("2", "20.000")]
    assert event.change == money("5")


def test_the_default_order_leaves_bills_of_others_alone() -> None:
    event = ask(tender("10"), bills=[open_bill("7", "10", due=-90, of="BA-7"), open_bill("1", "10")])

    assert paid(event) == [("1", "10.000")]


def test_another_accounts_bill_can_be_named() -> None:
    event = ask(tender("10"), bills=[open_bill("7", "10", of="BA-7")], wishes=[Wish(bill_no="7")])

    assert event.accounts == ("BA-7",)
    assert event.legs[0].account == "BA-7"


def test_each_tender_and_account_is_one_leg() -> None:
    event = ask(
        tender("8", "cheque"),
        tender("12"),
        bills=[open_bill("1", "5"), open_bill("2", "5"), open_bill("7", "10", of="BA-7")],
        wishes=[Wish(bill_no="1"), Wish(bill_no="2"), Wish(bill_no="7")],
    )

    assert [(leg.tender, leg.account, leg.amount.plain()) for leg in event.legs] == [
        (0, "BA-1", "8.000"),
        (1, "BA-1", "2.000"),
        (1, "BA-7", "10.000"),
    ]


def test_nothing_open_needs_a_choice_before_money_is_kept() -> None:
    with pytest.raises(Refused) as refusal:
        ask(tender("5"), bills=[])

    assert refusal.value.code == "nothing_to_pay"


@pytest.mark.parametrize("mode", ["cash", "cheque"])
def test_nothing_open_is_credit_by_choice(mode: str) -> None:
    event = ask(tender("5", mode), bills=[], overpayment=Overpayment.CREDIT)

    assert paid(event) == [(None, "5.000")]


def test_all_of_it_as_change_is_no_payment() -> None:
    with pytest.raises(Refused) as refusal:
        ask(tender("5"), bills=[], overpayment=Overpayment.CHANGE)

    assert refusal.value.code == "nothing_to_pay"


@pytest.mark.parametrize("mode", ["cash", "cheque"])
def test_a_dealers_money_tops_up_the_dealer_account(mode: str) -> None:
    event = ask(tender("100", mode), bills=[], payer=PayerKind.DEALER, account="D-1")

    assert paid(event) == [(None, "100.000")]
    assert event.change == money("0")
    assert {(part.ledger_account, part.account) for part in event.lines if part.credit} == {
        ("dealer_account", "D-1")
    }


def test_a_dealer_pays_no_bills() -> None:
    with pytest.raises(Refused) as refusal:
        ask(tender("10"), wishes=[Wish(bill_no="1")], payer=PayerKind.DEALER, account="D-1")

    assert refusal.value.code == "mode_not_for_purpose"


@pytest.mark.parametrize(
    ("mode", "payer", "code"),
    [
        ("bank_cash", PayerKind.SUBSCRIBER, "mode_not_for_payer"),
        ("direct_debit", PayerKind.DEALER, "mode_not_for_payer"),
        ("atm", PayerKind.WALK_IN, "mode_not_for_payer"),
    ],
)
def test_the_acceptance_matrix_is_enforced(mode: str, payer: PayerKind, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        ask(tender("10", mode), payer=payer)

    assert refusal.value.code == code


@pytest.mark.parametrize(("account", "pays"), [("BA-1", True), ("WALK-IN", False)])
def test_a_walk_in_buyer_pays_the_own_charges_alone(account: str, pays: bool) -> None:
    """The bills here are of BA-1."""
    if pays:
        event = ask(tender("10"), payer=PayerKind.WALK_IN, account=account)
        assert event.allocations[0].bill_no == "1"
        return
    with pytest.raises(Refused) as refusal:
        ask(tender("10"), wishes=[Wish(bill_no="1")], payer=PayerKind.WALK_IN, account=account)
    assert refusal.value.code == "mode_not_for_purpose"


def test_a_mode_that_the_shop_switched_off_is_refused() -> None:
    off = replace(MODES["debit_card"], available=False)

    with pytest.raises(Refused) as refusal:
        ask(TenderOffered(mode=off, amount=money("10"), details={}))

    assert refusal.value.code == "mode_not_available"


def test_a_mode_for_bills_only_cannot_be_kept_as_credit() -> None:
    with pytest.raises(Refused) as refusal:
        ask(tender("50", "atm"), overpayment=Overpayment.CREDIT)

    assert refusal.value.code == "mode_not_for_purpose"


def test_no_tender_is_no_payment() -> None:
    with pytest.raises(Refused) as refusal:
        ask()

    assert refusal.value.code == "no_tender"


def test_tenders_have_a_limit() -> None:
    with pytest.raises(Refused) as refusal:
        ask(*[tender("1")] * (MAX_TENDERS + 1))

    assert refusal.value.code == "too_many_tenders"


def test_allocations_have_a_limit() -> None:
    with pytest.raises(Refused) as refusal:
        ask(tender("1"), wishes=[Wish(bill_no=str(place)) for place in range(MAX_ALLOCATIONS + 1)])

    assert refusal.value.code == "too_many_allocations"


@pytest.mark.parametrize(
    ("tenders", "choice", "lines"),
    [
        (
            [tender("50")],
            None,
            [
                ("cash_in_till", None, "30.000", "0.000"),
                ("receivable", "BA-1", "0.000", "30.000"),
            ],
        ),
        (
            [tender("50", "cheque")],
            None,
            [
                ("cheques_in_hand", None, "50.000", "0.000"),
                ("receivable", "BA-1", "0.000", "30.000"),
                ("customer_credit", "BA-1", "0.000", "20.000"),
            ],
        ),
    ],
)
def test_the_event_posts_what_came_in_against_what_it_was_for(
    tenders: list[TenderOffered], choice: Overpayment | None, lines: list[tuple[str, str | None, str, str]]
) -> None:
    event = ask(*tenders, overpayment=choice)

    assert [
        (part.ledger_account, part.account, part.debit.plain(), part.credit.plain()) for part in event.lines
    ] == lines


def composed(asked: PaymentAsked) -> tuple[PaymentEvent | None, str]:
    """The event, or the code of its refusal."""
    try:
        return compose(asked), ""
    except Refused as refusal:
        return None, refusal.code


minor = st.integers(min_value=1, max_value=200_000)
tender_lists = st.lists(st.tuples(st.sampled_from(["cash", "cheque"]), minor), min_size=1, max_size=5)
bill_lists = st.lists(
    st.tuples(minor, st.integers(-60, 60), st.sampled_from([BillState.SENT, BillState.ON_HOLD])), max_size=6
)


@given(
    tenders=tender_lists,
    bills=bill_lists,
    choice=st.sampled_from([None, Overpayment.CHANGE, Overpayment.CREDIT]),
    part=st.none() | minor,
)
def test_whatever_is_handed_over_balances_or_is_refused(
    tenders: list[tuple[str, int]],
    bills: list[tuple[int, int, BillState]],
    choice: Overpayment | None,
    part: int | None,
) -> None:
    open_bills = {
        str(place): open_on(
            bill(str(place), Money(owed, KWD), due=TODAY + timedelta(days=due), state=state), []
        )
        for place, (owed, due, state) in enumerate(bills)
    }
    wishes = [Wish(bill_no="0", amount=Money(part, KWD))] if part and bills else []
    handed_over = sum(amount for _, amount in tenders)
    cash_handed_over = sum(amount for mode, amount in tenders if mode == "cash")

    asked = PaymentAsked(
        payer_kind=PayerKind.SUBSCRIBER,
        payer_account="BA-1",
        tenders=[
            TenderOffered(mode=MODES[mode], amount=Money(amount, KWD), details={}) for mode, amount in tenders
        ],
        wishes=wishes,
        overpayment=choice,
        bills=open_bills,
    )
    event, refused_as = composed(asked)
    if event is None:
        assert refused_as in {
            "nothing_to_pay",
            "tender_not_needed",
            "change_not_possible",
            "bill_on_hold",
            "more_than_open",
            "not_enough_tendered",
        }
        return

    assert sum(entry.amount.minor for entry in event.tenders) == handed_over
    assert event.amount.minor + event.change.minor == handed_over
    assert 0 <= event.change.minor <= cash_handed_over
    for entry in event.tenders:
        assert 0 <= entry.change.minor < entry.amount.minor
        assert entry.mode.gives_change or not entry.change
    assert total((entry.amount for entry in event.allocations), KWD) == event.amount
    assert total((entry.amount for entry in event.funded), KWD) == event.amount
    assert total((entry.amount for entry in event.legs), KWD) == event.amount
    assert all(entry.amount.minor > 0 for entry in event.allocations)
    assert is_balanced(event.lines)
    assert sum_of(event.lines, KWD) == event.amount
    for place, taken in enumerate(event.tenders):
        funded = total((entry.amount for entry in event.funded if entry.tender == place), KWD)
        assert funded == taken.net
    for allocation in event.allocations:
        if allocation.bill_no is not None:
            assert allocation.amount <= open_bills[allocation.bill_no].open
            assert open_bills[allocation.bill_no].bill.state is not BillState.ON_HOLD
    if choice is Overpayment.CREDIT:
        assert not event.change
    elif event.credit:
        assert cash_handed_over == 0, "cash that is not needed is change, or is handed back"


# --- a sale beside bills -------------------------------------------------------------------------------------------


def sold(
    text: str, quantity: int = 1, rate: str = "5", serial: SerialKind | None = None, code: str = "X"
) -> LineOfSale:
    price = Money(0, KWD) if text == "0" else money(text)
    thing = Item(
        item=code,
        name="Thing",
        price=price,
        tax_category="VAT",
        tax_rate=Decimal(rate),
        serial=serial,
        ean=None,
    )
    return LineOfSale(item=thing, quantity=quantity, serials=())


def sale_asked(
    *tenders: TenderOffered,
    sale: Sequence[LineOfSale],
    payer: PayerKind = PayerKind.SUBSCRIBER,
    wishes: Sequence[Wish] = (),
    overpayment: Overpayment | None = None,
    bills: Sequence[OpenBill] = BILLS,
) -> PaymentAsked:
    account = {PayerKind.SUBSCRIBER: "BA-1", PayerKind.DEALER: "D-1", PayerKind.WALK_IN: "WALK-IN"}[payer]
    return PaymentAsked(
        payer_kind=payer,
        payer_account=account,
        tenders=tenders,
        wishes=wishes,
        overpayment=overpayment,
        bills={} if payer is PayerKind.WALK_IN else {entry.bill.bill_no: entry for entry in bills},
        sale=sale,
    )


def sell(
    *tenders: TenderOffered,
    sale: Sequence[LineOfSale],
    payer: PayerKind = PayerKind.SUBSCRIBER,
    wishes: Sequence[Wish] = (),
    overpayment: Overpayment | None = None,
) -> PaymentEvent:
    return compose(sale_asked(*tenders, sale=sale, payer=payer, wishes=wishes, overpayment=overpayment))


def parts(event: PaymentEvent) -> list[tuple[str | int | None, str]]:
    """What was paid: a bill's number, a line's place, None for credit."""
    return [
        (part.sale_line if part.bill_no is None else part.bill_no, part.amount.plain())
        for part in event.allocations
    ]


@pytest.mark.parametrize("payer", PayerKind)
def test_a_sale_is_paid_line_by_line_and_what_is_over_is_change(payer: PayerKind) -> None:
    event = sell(tender("10"), sale=[sold("2"), sold("1.5", 3)], payer=payer)

    assert parts(event) == [(0, "2.000"), (1, "4.500")]
    assert (event.amount, event.change, event.credit) == (money("6.5"), money("3.5"), money("0"))
    assert [leg.amount for leg in event.legs] == [money("6.5")]


def test_a_sale_pays_no_bills_by_itself() -> None:
    event = sell(tender("50", "cheque"), sale=[sold("2")])

    assert parts(event) == [(0, "2.000"), (None, "48.000")]


def test_a_sale_and_bills_are_one_event() -> None:
    event = sell(
        tender("20"), sale=[sold("2")], wishes=[Wish(bill_no="1"), Wish(bill_no="2", amount=money("3"))]
    )

    assert parts(event) == [("1", "10.000"), ("2", "3.000"), (0, "2.000")]
    assert event.change == money("5")


def test_what_the_sale_takes_is_not_there_for_the_bills() -> None:
    with pytest.raises(Refused) as refusal:
        sell(tender("11.999"), sale=[sold("2")], wishes=[Wish(bill_no="1", amount=money("10"))])
    assert refusal.value.code == "not_enough_tendered"

    event = sell(tender("11.999"), sale=[sold("2")], wishes=[Wish(bill_no="1")])
    assert parts(event) == [("1", "9.999"), (0, "2.000")]


def test_no_line_is_bought_in_part() -> None:
    with pytest.raises(Refused) as refusal:
        sell(tender("1.999"), sale=[sold("2")])

    assert refusal.value.code == "not_enough_tendered"
    assert refusal.value.details == {"asked": "2.000", "tendered": "1.999", "currency": "KWD"}


def test_a_gift_in_a_sale_needs_no_money() -> None:
    event = sell(tender("2"), sale=[sold("0"), sold("2"), sold("0", 5)], payer=PayerKind.WALK_IN)

    assert parts(event) == [(1, "2.000")]
    assert len(event.sale) == 3


def test_gifts_alone_are_no_payment() -> None:
    with pytest.raises(Refused) as refusal:
        sell(tender("2"), sale=[sold("0")], payer=PayerKind.WALK_IN)

    assert refusal.value.code == "nothing_to_pay"


def test_a_sale_has_a_limit_of_lines() -> None:
    assert len(sell(tender("100"), sale=[sold("1")] * LINES_MAX).sale) == LINES_MAX

    with pytest.raises(Refused) as refusal:
        sell(tender("101"), sale=[sold("1")] * (LINES_MAX + 1))

    assert refusal.value.code == "too_many_lines"


@pytest.mark.parametrize("choice", [None, Overpayment.CREDIT, Overpayment.CHANGE])
def test_a_walk_in_buyer_leaves_nothing_behind(choice: Overpayment | None) -> None:
    event = sell(tender("5"), sale=[sold("2")], payer=PayerKind.WALK_IN, overpayment=choice)
    assert (event.change, event.credit) == (money("3"), money("0"))

    with pytest.raises(Refused) as refusal:
        sell(tender("2.001", "debit_card"), sale=[sold("2")], payer=PayerKind.WALK_IN, overpayment=choice)
    assert refusal.value.code == "change_not_possible"
    assert "exact" in refusal.value.message


@pytest.mark.parametrize("payer", [PayerKind.SUBSCRIBER, PayerKind.DEALER])
def test_a_card_over_the_items_is_credit_of_a_customer(payer: PayerKind) -> None:
    event = sell(tender("5", "debit_card"), sale=[sold("2")], payer=payer)

    assert parts(event) == [(0, "2.000"), (None, "3.000")]


def test_vouchers_pay_the_bills_and_the_rest_pays_the_items() -> None:
    event = sell(
        tender("10"),
        tender("10", "internal_voucher"),
        sale=[sold("4")],
        wishes=[Wish(bill_no="1")],
    )

    funded = [
        (event.tenders[part.tender].mode.code, part.allocation.bill_no, part.amount.plain())
        for part in event.funded
    ]
    assert funded == [("internal_voucher", "1", "10.000"), ("cash", None, "4.000")]
    assert event.change == money("6")


@pytest.mark.parametrize("mode", ["internal_voucher", "external_voucher", "atm", "direct_debit"])
def test_what_pays_bills_only_buys_no_items(mode: str) -> None:
    with pytest.raises(Refused) as refusal:
        sell(tender("2", mode), sale=[sold("2")])
    assert refusal.value.code == "mode_not_for_purpose"

    with pytest.raises(Refused) as refusal:
        sell(
            tender("3", mode), tender("11"), sale=[sold("13")], wishes=[Wish(bill_no="1", amount=money("1"))]
        )
    assert refusal.value.code == "mode_not_for_purpose", "not even a part of one"


def test_a_sale_posts_revenue_and_tax_beside_the_bills() -> None:
    event = sell(tender("12.100", "credit_card"), sale=[sold("2.100")], wishes=[Wish(bill_no="1")])

    assert [
        (line.ledger_account, (line.debit - line.credit).plain(), line.account) for line in event.lines
    ] == [
        ("card_receivable", "12.100", None),
        ("receivable", "-10.000", "BA-1"),
        ("item_revenue", "-2.000", None),
        ("output_tax", "-0.100", None),
    ]


modes_of_subscribers = ["cash", "cheque", "debit_card", "internal_voucher", "atm", "direct_debit"]


@given(
    tenders=st.lists(st.tuples(st.sampled_from(modes_of_subscribers), minor), min_size=1, max_size=5),
    owed=st.lists(minor, max_size=3),
    items=st.lists(st.tuples(st.integers(0, 90_000), st.integers(1, 3)), max_size=3),
    choice=st.sampled_from([None, Overpayment.CHANGE, Overpayment.CREDIT]),
    payer=st.sampled_from(PayerKind),
)
def test_whatever_is_bought_and_paid_balances_or_is_refused(
    tenders: list[tuple[str, int]],
    owed: list[int],
    items: list[tuple[int, int]],
    choice: Overpayment | None,
    payer: PayerKind,
) -> None:
    open_bills = [open_on(bill(str(place), Money(amount, KWD)), []) for place, amount in enumerate(owed)]
    wishes = [Wish(bill_no=entry.bill.bill_no) for entry in open_bills]
    sale = [sold(Money(price, KWD).plain() if price else "0", quantity) for price, quantity in items]
    offered = [
        TenderOffered(mode=MODES[mode], amount=Money(amount, KWD), details={}) for mode, amount in tenders
    ]
    asked = sale_asked(
        *offered,
        sale=sale,
        payer=payer,
        wishes=wishes if payer is PayerKind.SUBSCRIBER else (),
        overpayment=choice,
        bills=open_bills,
    )
    event, refused_as = composed(asked)
    if event is None:
        assert refused_as in {
            "nothing_to_pay",
            "tender_not_needed",
            "change_not_possible",
            "not_enough_tendered",
            "mode_not_for_purpose",
            "mode_not_for_payer",
        }
        return

    cash_in = sum(amount for mode, amount in tenders if mode == "cash")
    assert event.amount.minor + event.change.minor == sum(amount for _, amount in tenders)
    assert 0 <= event.change.minor <= cash_in
    assert total((part.amount for part in event.allocations), KWD) == event.amount
    assert is_balanced(event.lines)
    assert sum_of(event.lines, KWD) == event.amount
    by_line = {part.sale_line: part.amount for part in event.allocations if part.sale_line is not None}
    assert by_line == {place: line.amount for place, line in enumerate(sale) if line.amount}
    for place, taken in enumerate(event.tenders):
        own = [part for part in event.funded if part.tender == place]
        assert total((part.amount for part in own), KWD) == taken.net
        assert {part.allocation.purpose for part in own} <= taken.mode.accepts[payer]
    if payer is PayerKind.WALK_IN:
        assert event.credit == money("0")
