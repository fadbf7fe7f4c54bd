"""What is sold: the tax within the price, serial numbers read as what they are, quantities (domain.md rules 8, 9, 44)."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.catalogue import (
    QUANTITY_MAX,
    AdvanceTax,
    Item,
    LineOfSale,
    SerialKind,
    TaxSum,
    read_line,
    read_serial,
    sale_total,
    shown_serial,
    tax_sums,
)
from pos.domain.errors import Refused
from pos.domain.money import Money, currency, total
from tests.builders.refusals import refused
from tests.builders.tills import iccid, imei, money

KWD = currency("KWD")


def item(
    price: Money, rate: str = "5", *, category: str = "VAT", serial: SerialKind | None = None, code: str = "X"
) -> Item:
    return Item(
        item=code,
        name="Thing",
        price=price,
        tax_category=category,
        tax_rate=Decimal(rate),
        serial=serial,
        ean=None,
    )


def line(price: Money, rate: str = "5", quantity: int = 1, category: str = "VAT") -> LineOfSale:
    return LineOfSale(item=item(price, rate, category=category), quantity=quantity, serials=())


# --- tax -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "code", "rate", "quantity", "tax"),
    [
        ("105.000", "KWD", "5", 1, "5.000"),
        ("5.000", "KWD", "5", 1, "0.238"),
        ("5.000", "KWD", "5", 2, "0.476"),
        ("11.50", "EUR", "15", 1, "1.50"),
        ("119", "JPY", "19", 1, "19"),
        ("100", "JPY", "10", 1, "9"),
        ("1.00", "EUR", "0", 3, "0.00"),
        ("1.00", "EUR", "100", 1, "0.50"),
        ("1.00", "EUR", "7.7", 1, "0.07"),
        ("10.00", "EUR", "5.5", 1, "0.52"),
        ("1000000.00", "EUR", "0.0001", 1, "1.00"),
    ],
)
def test_the_tax_is_within_the_price(price: str, code: str, rate: str, quantity: int, tax: str) -> None:
    sold = line(money(price, code), rate, quantity)

    assert sold.tax.plain() == tax
    assert sold.amount.minor == money(price, code).minor * quantity


@pytest.mark.parametrize(
    ("minor", "rate", "tax"), [(1, "100", 1), (3, "100", 2), (21, "100", 11), (7, "40", 2)]
)
def test_half_a_minor_unit_of_tax_counts_as_a_whole_one(minor: int, rate: str, tax: int) -> None:
    """1 of 100 % holds 0.5; 3 hold 1.5; 21 hold 10.5; 7 of 40 % hold exactly 2."""
    assert line(Money(minor, KWD), rate).tax.minor == tax


def test_a_line_is_taxed_as_a_whole_not_piece_by_piece() -> None:
    piece = line(money("0.004"), "20")

    assert piece.tax.minor == 1
    assert line(money("0.004"), "20", quantity=3).tax.minor == 2


@pytest.mark.parametrize(
    ("advance", "rate", "tax"),
    [(None, "5", "0.238"), (AdvanceTax.ON_RECEIPT, "5", "0.238"), (AdvanceTax.ON_USE, "0", "0.000")],
)
def test_an_advance_is_taxed_when_it_is_received_or_when_it_is_used(
    advance: AdvanceTax | None, rate: str, tax: str
) -> None:
    """Rule 8."""
    sold = LineOfSale(item=replace(item(money("5")), advance=advance))

    assert (sold.rate_text, sold.tax.plain(), sold.amount) == (rate, tax, money("5"))


rates = st.decimals(min_value=0, max_value=100, places=4)
prices = st.integers(min_value=0, max_value=10**9)
codes = st.sampled_from(["JPY", "EUR", "KWD"])


@given(minor=prices, rate=rates, quantity=st.integers(1, QUANTITY_MAX), code=codes)
def test_the_tax_is_never_more_than_the_price_and_right_to_half_a_minor_unit(
    minor: int, rate: Decimal, quantity: int, code: str
) -> None:
    sold = line(Money(minor, currency(code)), str(rate), quantity)

    assert 0 <= sold.tax.minor <= sold.amount.minor
    exact = sold.amount.minor * rate / (100 + rate)
    assert abs(exact - sold.tax.minor) <= Decimal("0.5") + Decimal("1e-9")


@given(
    parts=st.lists(
        st.tuples(
            prices, st.sampled_from(["0", "5", "15.5"]), st.sampled_from(["A", "B"]), st.integers(1, 9)
        ),
        min_size=1,
        max_size=8,
    ),
    code=codes,
)
def test_the_sums_of_each_rate_conserve_what_the_lines_hold(
    parts: list[tuple[int, str, str, int]], code: str
) -> None:
    in_currency = currency(code)
    lines = [
        line(Money(minor, in_currency), rate, quantity, category) for minor, rate, category, quantity in parts
    ]

    sums = tax_sums(lines)

    assert total((one.net + one.tax for one in sums), in_currency) == sale_total(lines, in_currency)
    assert total((one.tax for one in sums), in_currency) == total((one.tax for one in lines), in_currency)
    keys = [(one.category, one.rate_text) for one in sums]
    assert keys == list(dict.fromkeys((category, rate) for _, rate, category, _ in parts))


def test_rates_and_categories_stay_apart_in_the_order_of_the_lines() -> None:
    lines = [
        line(money("10.500"), "5"),
        line(money("2"), "0", category="exempt"),
        line(money("1.050"), "5"),
        line(money("3"), "0"),
    ]

    assert tax_sums(lines) == [
        TaxSum(category="VAT", rate_text="5", net=money("11"), tax=money("0.550")),
        TaxSum(category="exempt", rate_text="0", net=money("2"), tax=money("0")),
        TaxSum(category="VAT", rate_text="0", net=money("3"), tax=money("0")),
    ]


def test_no_lines_have_no_tax() -> None:
    assert tax_sums([]) == []
    assert sale_total([], KWD) == money("0")


# --- serial numbers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "typed", "kept"),
    [
        (SerialKind.IMEI, "356938035643809", "356938035643809"),
        (SerialKind.IMEI, "35-693803-564380-9", "356938035643809"),
        (SerialKind.IMEI, "35 693803 564380 9", "356938035643809"),
        (SerialKind.IMEI, "490154203237518", "490154203237518"),
        (SerialKind.IMEI, "861536030196001", "861536030196001"),
        (SerialKind.IMEI, "013977000272744", "013977000272744"),
        (SerialKind.IMEI, imei(7), imei(7)),
        (SerialKind.ICCID, "8996500000000000014", "8996500000000000014"),
        (SerialKind.ICCID, "8991101200003204510", "8991101200003204510"),
        (SerialKind.ICCID, "8991101200003204514", "8991101200003204514"),
        (SerialKind.ICCID, "89 4411 0068 4260 4100 14", "89441100684260410014"),
        (SerialKind.ICCID, iccid(1), iccid(1)),
    ],
)
def test_a_real_serial_number_is_read(kind: SerialKind, typed: str, kept: str) -> None:
    """An ICCID of 19 digits may come without its check digit; of 20 digits the last one is it."""
    assert read_serial(kind, typed) == kept


@pytest.mark.parametrize(
    ("kind", "typed"),
    [
        (SerialKind.IMEI, "356938035643808"),
        (SerialKind.IMEI, "35693803564380"),
        (SerialKind.IMEI, "3569380356438090"),
        (SerialKind.IMEI, "35693803564380X"),
        (SerialKind.IMEI, ""),
        (SerialKind.IMEI, "٣٥٦٩٣٨٠٣٥٦٤٣٨٠٩"),
        (SerialKind.IMEI, "３５６９３８０３５６４３８０９"),
        (SerialKind.IMEI, "356938035643809\n"),
        (SerialKind.IMEI, "8996500000000000014"),
        (SerialKind.ICCID, "8896500000000000014"),
        (SerialKind.ICCID, "899650000000000001"),
        (SerialKind.ICCID, "899650000000000001400"),
        (SerialKind.ICCID, "89965000000000000148"),
        (SerialKind.ICCID, "356938035643809"),
        (SerialKind.ICCID, "89'; drop table sale_serial"),
        (SerialKind.ICCID, "8" * 100_000),
    ],
)
def test_what_is_no_serial_number_is_refused(kind: SerialKind, typed: str) -> None:
    with pytest.raises(Refused) as refusal:
        read_serial(kind, typed)

    assert refusal.value.code == "bad_serial"
    assert len(typed) < 6 or typed.strip() not in str(refusal.value.as_json())


@pytest.mark.parametrize("typed", ["AB12CD34", "12345678", "abcd1234efgh5678", "AB12-CD34", "AB 12 CD 34"])
def test_the_pin_of_a_card_has_8_to_16_letters_and_digits(typed: str) -> None:
    assert read_serial(SerialKind.VOUCHER_PIN, typed) == typed.replace("-", "").replace(" ", "")


@pytest.mark.parametrize("typed", ["AB12CD3", "AB12CD34EF56GH789", "AB12CD3\u00e9", "AB12_CD34", ""])
def test_other_signs_or_another_length_are_no_pin(typed: str) -> None:
    with refused("bad_serial", kind="voucher_pin"):
        read_serial(SerialKind.VOUCHER_PIN, typed)


def test_whoever_reads_a_pin_wrong_types_it_again_and_any_other_number_is_scanned_again() -> None:
    for kind, how in ((SerialKind.VOUCHER_PIN, "Type it again."), (SerialKind.IMEI, "Scan it again.")):
        with pytest.raises(Refused, match=how):
            read_serial(kind, "1")


def test_of_a_secret_number_only_the_end_is_shown() -> None:
    """Rule 58."""
    assert shown_serial(SerialKind.VOUCHER_PIN, "AB12CD34EF").endswith("34EF")
    assert "AB12" not in shown_serial(SerialKind.VOUCHER_PIN, "AB12CD34EF")
    assert shown_serial(SerialKind.IMEI, imei(7)) == imei(7)
    assert shown_serial(None, "AB12CD34EF") == "AB12CD34EF"


@pytest.mark.parametrize(
    "typed", ["378282246310005", "371449635398431", "341111111111111", "3782 822463 10005"]
)
def test_a_card_of_15_digits_is_no_imei(typed: str) -> None:
    with pytest.raises(Refused) as refusal:
        read_serial(SerialKind.IMEI, typed)

    assert refusal.value.code == "card_number_refused"
    assert "378" not in str(refusal.value.as_json())


@given(number=st.integers(0, 999_999))
def test_every_imei_with_its_check_digit_is_read_and_with_another_is_not(number: int) -> None:
    good = imei(number)
    assert read_serial(SerialKind.IMEI, good) == good

    other = good[:-1] + str((int(good[-1]) + 1) % 10)
    with pytest.raises(Refused):
        read_serial(SerialKind.IMEI, other)


# --- lines ---------------------------------------------------------------------------------------------------

SIM = item(money("5"), serial=SerialKind.ICCID, code="SIM-01")
CABLE = item(money("1.250"), code="CABLE")


@pytest.mark.parametrize("quantity", [1, 2, QUANTITY_MAX])
def test_a_thing_sold_by_count_costs_its_price_times_that(quantity: int) -> None:
    assert read_line(CABLE, quantity, []).amount.minor == 1_250 * quantity


@pytest.mark.parametrize("quantity", [0, -1, QUANTITY_MAX + 1, 10**12])
def test_a_quantity_out_of_range_is_refused(quantity: int) -> None:
    for thing in (CABLE, SIM):
        with pytest.raises(Refused) as refusal:
            read_line(thing, quantity, [])
        assert refusal.value.code == "bad_quantity"


@pytest.mark.parametrize(
    ("thing", "quantity", "serials", "code"),
    [
        (SIM, 1, [], "serials_needed"),
        (SIM, 2, [iccid(1)], "serials_needed"),
        (SIM, 1, [iccid(1), iccid(2)], "serials_needed"),
        (SIM, 2, [iccid(1), iccid(1)], "serial_named_twice"),
        (SIM, 2, [iccid(1), " ".join(iccid(1))], "serial_named_twice"),
        (SIM, 1, ["1"], "bad_serial"),
        (SIM, 1, [imei(1)], "bad_serial"),
        (CABLE, 1, [iccid(1)], "serial_not_needed"),
    ],
)
def test_each_piece_has_the_number_it_needs_and_no_other(
    thing: Item, quantity: int, serials: list[str], code: str
) -> None:
    with pytest.raises(Refused) as refusal:
        read_line(thing, quantity, serials)

    assert refusal.value.code == code


def test_a_line_knows_which_serial_numbers_it_still_lacks_and_shows_those_it_has() -> None:
    assert LineOfSale(item=CABLE, quantity=3).missing == 0
    assert LineOfSale(item=SIM, quantity=3, serials=(iccid(1),)).missing == 2
    assert LineOfSale(item=SIM, quantity=2, serials=(iccid(2), iccid(1))).missing == 0
    assert LineOfSale(item=SIM, serials=(iccid(2), iccid(1))).shown_serials == (iccid(2), iccid(1))
    secret = replace(SIM, serial=SerialKind.VOUCHER_PIN)
    [shown] = LineOfSale(item=secret, serials=("AB12CD34EF",)).shown_serials
    assert (shown[-4:], "AB12" in shown) == ("34EF", False)


@pytest.mark.parametrize("kind", list(SerialKind))
def test_the_refusal_names_the_number_as_the_counter_does(kind: SerialKind) -> None:
    told = {SerialKind.ICCID: "no ICCID:", SerialKind.IMEI: "no IMEI:", SerialKind.VOUCHER_PIN: "no PIN:"}
    with pytest.raises(Refused, match=told[kind]):
        read_serial(kind, "1")


@pytest.mark.parametrize(
    ("quantity", "told"), [(1, "scan 1 serial number [(]"), (2, "scan 2 serial numbers [(]")]
)
def test_the_refusal_says_how_many_serial_numbers_are_wanted(quantity: int, told: str) -> None:
    with pytest.raises(Refused, match=told):
        read_line(SIM, quantity, [])


def test_serials_are_kept_as_read_in_their_order() -> None:
    read = read_line(SIM, 2, [f" {iccid(2)} ", iccid(1)])

    assert read.serials == (iccid(2), iccid(1))
    assert read.amount == money("10")
