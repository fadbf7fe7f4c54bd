"""Money is a whole number of minor units; amounts are read by a grammar of our own (invariants 18 to 20)."""

import ast
import json
import re
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iso4217 import Currency as Published

from pos.domain.errors import Refused
from pos.domain.iso_currencies import EXPONENT_BY_CODE
from pos.domain.money import (
    MAX_MINOR,
    Currency,
    CurrencyMixed,
    Money,
    currency,
    parse_amount,
    parse_count,
    round_to_coin,
    split_by_weight,
    split_evenly,
    total,
    zero,
)
from tests.builders.tills import money

ROOT = Path(__file__).resolve().parents[2]
KWD, EUR, JPY = currency("KWD"), currency("EUR"), currency("JPY")
NO_MONEY = {"XAG", "XAU", "XPD", "XPT", "XBA", "XBB", "XBC", "XBD", "XDR", "XSU", "XUA", "XTS", "XXX"}

currencies = st.sampled_from([KWD, EUR, JPY, currency("CLF")])
minors = st.integers(min_value=-MAX_MINOR, max_value=MAX_MINOR)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        " 5 ",
        "5 ",
        "1\n",
        "1\t",
        "1\r",
        "1\x00",
        "+5",
        "-5",
        "-0",
        "−5",
        ".5",
        "5.",
        "1..5",
        "1.2.3",
        "1,234.5",
        "1.234,5",
        "1'000",
        "1 000",
        "1\u00a0000",
        "1_000",
        "1e5",
        "1E+1000000",
        "0x10",
        "NaN",
        "Infinity",
        "inf",
        "²",
        "5²",
        "½",
        "Ⅴ",
        "五",
        "٥",
        "۵",
        "५",
        "５",
        "５.５",
        "1٫5",
        "1،5",
        "1·5",
        "$5",
        "5 KWD",
        "5\u200b",
        "\ufeff5",
        "5\u202e",
        "abc",
        "1;5",
    ],
)
@pytest.mark.parametrize("code", ["KWD", "EUR", "JPY"])
def test_what_is_no_plain_amount_is_refused(text: str, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        parse_amount(text, currency(code), decimal_marks=".,")

    assert refusal.value.code == "bad_amount"


@pytest.mark.parametrize(
    ("text", "code", "refused_as"),
    [
        ("0", "KWD", "amount_not_positive"),
        ("0.000", "KWD", "amount_not_positive"),
        ("0.00", "EUR", "amount_not_positive"),
        ("0", "JPY", "amount_not_positive"),
        ("000", "JPY", "amount_not_positive"),
        ("1.0000", "KWD", "amount_too_precise"),
        ("1.2345", "KWD", "amount_too_precise"),
        ("1.005", "EUR", "amount_too_precise"),
        ("1.500", "EUR", "amount_too_precise"),
        ("1.5", "JPY", "amount_too_precise"),
        ("1.0", "JPY", "amount_too_precise"),
        ("1000000000000", "KWD", "amount_too_large"),
        ("1000000000000", "JPY", "amount_too_large"),
        ("6271001000014", "KWD", "amount_too_large"),
        ("8996500000000000014", "EUR", "amount_too_large"),
        ("1" * 25, "KWD", "amount_too_large"),
        ("1." + "0" * 22, "KWD", "amount_too_precise"),
        ("1." + "0" * 23, "KWD", "amount_too_large"),
        ("100000000000", "CLF", "amount_too_large"),
        ("1" * 1_000_000, "KWD", "amount_too_large"),
    ],
)
def test_an_amount_that_is_no_payment_is_refused(text: str, code: str, refused_as: str) -> None:
    with pytest.raises(Refused) as refusal:
        parse_amount(text, currency(code))

    assert refusal.value.code == refused_as
    assert text not in refusal.value.message or len(text) < 4


@pytest.mark.parametrize(
    ("text", "code", "minor"),
    [
        ("41.750", "KWD", 41_750),
        ("41.75", "KWD", 41_750),
        ("41.7", "KWD", 41_700),
        ("41", "KWD", 41_000),
        ("0.001", "KWD", 1),
        ("000041.750", "KWD", 41_750),
        ("999999999999.999", "KWD", 10**15 - 1),
        ("41.75", "EUR", 4_175),
        ("0.01", "EUR", 1),
        ("0.1", "EUR", 10),
        ("7", "EUR", 700),
        ("1200", "JPY", 1_200),
        ("1", "JPY", 1),
        ("999999999999", "JPY", 999_999_999_999),
        ("99999999999.9999", "CLF", 10**15 - 1),
    ],
)
def test_a_plain_amount_is_read_to_the_unit(text: str, code: str, minor: int) -> None:
    assert parse_amount(text, currency(code)) == Money(minor, currency(code))


@pytest.mark.parametrize(
    ("text", "marks", "minor"),
    [("1,5", ",", 1_500), ("1,5", ".,", 1_500), ("1.5", ".,", 1_500), ("1.5", ".", 1_500)],
)
def test_the_locales_decimal_mark_is_read(text: str, marks: str, minor: int) -> None:
    assert parse_amount(text, KWD, decimal_marks=marks) == Money(minor, KWD)


@pytest.mark.parametrize(("text", "marks"), [("1,5", "."), ("1,234", "."), ("1.5", ",")])
def test_another_locales_decimal_mark_is_refused(text: str, marks: str) -> None:
    with pytest.raises(Refused) as refusal:
        parse_amount(text, KWD, decimal_marks=marks)

    assert refusal.value.code == "bad_amount"


@pytest.mark.parametrize(("code", "example"), [("KWD", "12.000"), ("EUR", "12.00"), ("JPY", "12")])
def test_the_refusal_shows_how_an_amount_is_written_in_this_currency(code: str, example: str) -> None:
    with pytest.raises(Refused) as refusal:
        parse_amount("abc", currency(code))

    assert example in refusal.value.message
    assert parse_amount(example, currency(code)).plain() == example


def test_unless_the_locale_says_otherwise_the_decimal_mark_is_a_point() -> None:
    for read in (parse_amount, parse_count):
        assert read("1.5", KWD).minor == 1_500
        with pytest.raises(Refused):
            read("1,5", KWD)


def test_zero_is_a_count_and_no_payment() -> None:
    assert parse_count("0.000", KWD) == zero(KWD)


@given(st.text(max_size=30), currencies)
def test_whatever_is_typed_is_an_exact_amount_or_a_refusal(text: str, in_currency: Currency) -> None:
    try:
        read = parse_amount(text, in_currency, decimal_marks=".,")
    except Refused:
        return

    assert re.fullmatch(r"[0-9]{1,12}([.,][0-9]+)?", text)
    assert Fraction(read.minor, 10**in_currency.exponent) == Fraction(text.replace(",", "."))
    assert 0 < read.minor < MAX_MINOR


@given(st.integers(min_value=1, max_value=MAX_MINOR - 1), currencies)
def test_an_amount_survives_text_and_back(minor: int, in_currency: Currency) -> None:
    amount = Money(minor, in_currency)
    if minor >= 10 ** (12 + in_currency.exponent):
        return

    assert parse_amount(amount.plain(), in_currency) == amount
    assert str(amount) == f"{amount.plain()} {in_currency.code}"


@pytest.mark.parametrize("code", ["KWD", "EUR", "JPY"])
def test_the_largest_amounts_survive_text_and_back(code: str) -> None:
    most = min(MAX_MINOR, 10 ** (12 + currency(code).exponent)) - 1

    for minor in (most, most - 1, most // 3):
        assert parse_amount(Money(minor, currency(code)).plain(), currency(code)).minor == minor


@given(minors, currencies)
def test_the_plain_text_has_exactly_the_currencys_digits(minor: int, in_currency: Currency) -> None:
    """Rule 1: integer minor units, the exponent from ISO 4217."""
    plain = Money(minor, in_currency).plain()

    assert Fraction(plain) == Fraction(minor, 10**in_currency.exponent)
    fraction = plain.partition(".")[2]
    assert len(fraction) == in_currency.exponent


@given(minors, currencies)
def test_an_amount_survives_json_as_minor_units(minor: int, in_currency: Currency) -> None:
    assert json.loads(json.dumps(Money(minor, in_currency).minor)) == minor


def test_the_digits_of_every_currency_are_the_published_ones() -> None:
    published = {
        entry.code: entry.exponent
        for entry in Published
        if entry.exponent is not None and entry.code not in NO_MONEY
    }

    assert published == EXPONENT_BY_CODE


@pytest.mark.parametrize(
    "code", ["eur", "EURO", "XXX", "XAU", "", "KW", " KWD", "KWD ", "ＫＷＤ", "€", "123"]
)
def test_a_code_that_is_no_currency_is_refused(code: str) -> None:
    with pytest.raises(Refused) as refusal:
        currency(code)

    assert refusal.value.code == "unknown_currency"


@pytest.mark.parametrize("other", [EUR, JPY, Currency("KWD", 2)])
def test_currency_never_mixed(other: Currency) -> None:
    dinars, others = Money(5, KWD), Money(5, other)

    for mix in (
        lambda: dinars + others,
        lambda: dinars - others,
        lambda: dinars < others,
        lambda: dinars <= others,
        lambda: dinars > others,
        lambda: dinars >= others,
        lambda: max(dinars, others),
        lambda: total([dinars, others], KWD),
        lambda: total([others], KWD),
    ):
        with pytest.raises(CurrencyMixed):
            mix()
    assert dinars != others


@pytest.mark.parametrize("minor", [1.0, True, "1", None, Fraction(1)])
def test_only_a_whole_number_makes_money(minor: object) -> None:
    with pytest.raises(TypeError, match="whole minor units"):
        Money(minor, KWD)  # type: ignore[arg-type]


@given(minors, minors, currencies)
def test_sums_and_differences_are_exact(left: int, right: int, in_currency: Currency) -> None:
    one, other = Money(left, in_currency), Money(right, in_currency)

    assert (one + other).minor == left + right
    assert (one - other).minor == left - right
    assert (-one).minor == -left
    assert (one < other) is (left < right)
    assert (one >= other) is (left >= right)
    assert bool(one) is (left != 0)


@pytest.mark.parametrize(
    ("amount", "parts", "expected"),
    [
        (10_000, 3, [3_334, 3_333, 3_333]),
        (-10_000, 3, [-3_334, -3_333, -3_333]),
        (2, 3, [1, 1, 0]),
        (0, 2, [0, 0]),
        (7, 1, [7]),
    ],
)
def test_the_first_parts_take_the_remainder(amount: int, parts: int, expected: list[int]) -> None:
    assert [part.minor for part in split_evenly(Money(amount, EUR), parts)] == expected


@given(minors, st.lists(st.integers(min_value=0, max_value=10**6), min_size=1, max_size=12).filter(any))
def test_rounding_conserves(minor: int, weights: list[int]) -> None:
    """Rule 10: the parts of a split sum to the whole."""
    amount, whole = Money(minor, KWD), sum(weights)

    parts = split_by_weight(amount, weights)

    assert total(parts, KWD) == amount
    assert len(parts) == len(weights)
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part.minor - Fraction(minor * weight, whole)) < 1
        assert weight or not part
    assert [-part for part in parts] == split_by_weight(-amount, weights)


@pytest.mark.parametrize("weights", [[], [0], [0, 0], [1, -1], [-1], [3, -1]])
def test_nothing_to_split_by_is_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError):
        split_by_weight(money("1"), weights)


def test_no_parts_are_refused() -> None:
    with pytest.raises(ValueError):
        split_evenly(money("1"), 0)


@pytest.mark.parametrize(
    ("amount", "weights", "expected"),
    [
        (10, [1, 2], [3, 7]),
        (100, [1, 1, 4], [17, 17, 66]),
        (1, [1, 2], [0, 1]),
        (5, [1, 2, 3], [1, 2, 2]),
        (-5, [1, 2, 3], [-1, -2, -2]),
        (7, [0, 1, 0], [0, 7, 0]),
    ],
)
def test_the_largest_remainder_takes_what_is_left_and_of_equal_ones_the_first(
    amount: int, weights: list[int], expected: list[int]
) -> None:
    """Rule 10."""
    assert [part.minor for part in split_by_weight(Money(amount, EUR), weights)] == expected


@pytest.mark.parametrize(
    ("minor", "coin", "rounded"),
    [
        (41_752, 5, 41_750),
        (41_753, 5, 41_755),
        (41_750, 5, 41_750),
        (-41_752, 5, -41_750),
        (-41_753, 5, -41_755),
        (50, 100, 100),
        (-50, 100, -100),
        (49, 100, 0),
        (-49, 100, 0),
        (7, 1, 7),
        (7, 0, 7),
        (7, 2, 8),
        (-7, 2, -8),
        (8, 2, 8),
        (2, 5, 0),
    ],
)
def test_cash_is_rounded_to_the_nearest_coin(minor: int, coin: int, rounded: int) -> None:
    assert round_to_coin(Money(minor, KWD), coin) == Money(rounded, KWD)


@given(minors, st.sampled_from([1, 5, 10, 50, 100]))
def test_rounding_to_the_coin_is_symmetric_and_near(minor: int, coin: int) -> None:
    amount = Money(minor, KWD)

    rounded = round_to_coin(amount, coin)

    assert rounded.minor % coin == 0
    assert 2 * abs(rounded.minor - minor) <= coin
    assert round_to_coin(-amount, coin) == -rounded
    assert round_to_coin(rounded, coin) == rounded


# --- no float --------------------------------------------------------------------------------------------------

FLOAT_MAY_BE = {"monotonic_s", "sleep", "delay_s"}
"""Names of time, not of money."""


def name_of(node: ast.AST) -> str | None:
    """Of a function or an annotated field."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return node.name
    return node.target.id if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) else None


def floats_in(source: str) -> list[str]:
    """Where a program text makes, names or divides into a float."""
    tree = ast.parse(source)
    excused = {
        id(node) for owner in ast.walk(tree) if name_of(owner) in FLOAT_MAY_BE for node in ast.walk(owner)
    }
    found = []
    for node in ast.walk(tree):
        if id(node) in excused:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            found.append(f"{node.lineno}: the number {node.value}")
        if isinstance(node, ast.Name) and node.id == "float" and isinstance(node.ctx, ast.Load):
            found.append(f"{node.lineno}: float")
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.Div):
            found.append(f"{node.lineno}: a division that is not whole")
        if isinstance(node, ast.Name) and node.id == "round":
            found.append(f"{node.lineno}: round")
    return found


@pytest.mark.sweep(1)
@pytest.mark.parametrize(
    "module",
    sorted(
        path.relative_to(ROOT).as_posix()
        for folder in ("pos/domain", "pos/till")
        for path in (ROOT / folder).glob("*.py")
    ),
)
def test_no_float_on_money_path(module: str) -> None:
    """Rule 1: no float touches money."""
    assert floats_in((ROOT / module).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "planted",
    ["a = 0.1", "a = float('1')", "a = 1 / 2", "a /= 2", "def f(a: float) -> int: ...", "a = round(b)"],
)
def test_a_planted_float_is_found(planted: str) -> None:
    assert floats_in(planted)
