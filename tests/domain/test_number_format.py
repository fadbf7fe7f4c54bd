"""Amounts as people read them: every digit, in the marks and digits of a locale, and read back as the same amount."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.errors import Refused
from pos.domain.money import MAX_MINOR, Money, currency
from pos.domain.number_format import LOCALES, PLAIN, NumberFormat, number_format

LARGEST = MAX_MINOR - 1
CODES = ("JPY", "USD", "KWD")


def strict(text: str, numbers: NumberFormat, code: str) -> int:
    """Reads ``text`` as a person of that locale does who guesses nothing: groups of the right size, all the digits."""
    exponent = currency(code).exponent
    group, mark = re.escape(numbers.group_mark), re.escape(numbers.decimal_mark)
    latin = "".join(str(unicodedata.digit(sign)) if sign.isdigit() else sign for sign in text)
    further = numbers.further_digits
    whole = rf"(\d{{1,3}}|\d{{1,{further}}}(?:{group}\d{{{further}}})*{group}\d{{3}})" if group else r"(\d+)"
    found = re.fullmatch(rf"(-?){whole}" + (rf"{mark}(\d{{{exponent}}})" if exponent else ""), latin)
    assert found is not None, text
    fraction = found[3] if exponent else ""
    return int(found[1] + found[2].replace(numbers.group_mark, "") + fraction)


@given(
    minor=st.integers(-LARGEST, LARGEST),
    code=st.sampled_from(CODES),
    locale=st.sampled_from(["", *LOCALES]),
    native=st.booleans(),
)
def test_what_is_shown_is_read_back_as_the_amount(
    minor: int, code: str, locale: str, *, native: bool
) -> None:
    """Rule 1: an amount is its minor units in its currency, however it is written."""
    numbers = number_format(locale, native_digits=native)

    assert strict(numbers.shown(Money(minor, currency(code))), numbers, code) == minor


@pytest.mark.parametrize(
    ("locale", "native", "expected"),
    [
        ("", False, "1234567.890"),
        ("", True, "1234567.890"),
        ("en_US", False, "1,234,567.890"),
        ("en_IN", False, "12,34,567.890"),
        ("de_DE", False, "1.234.567,890"),
        ("de_CH", False, "1’234’567.890"),
        ("fr_FR", False, "1\u00a0234\u00a0567,890"),
        ("pt_BR", False, "1.234.567,890"),
        ("ar_KW", False, "1,234,567.890"),
        ("ar_MA", False, "1.234.567,890"),
        ("ar_KW", True, "١٬٢٣٤٬٥٦٧٫٨٩٠"),
        ("fa_IR", True, "۱٬۲۳۴٬۵۶۷٫۸۹۰"),
        ("hi_IN", True, "१२,३४,५६७.८९०"),
        ("de_DE", True, "1.234.567,890"),
    ],
)
def test_an_amount_is_written_as_its_locale_writes_it(locale: str, expected: str, *, native: bool) -> None:
    numbers = number_format(locale, native_digits=native)

    assert numbers.shown(Money(1_234_567_890, currency("KWD"))) == expected
    assert numbers.with_currency(Money(1_234_567_890, currency("KWD"))) == f"{expected} KWD"


@pytest.mark.parametrize(
    ("minor", "code", "expected"),
    [
        (0, "KWD", "0,000"),
        (5, "KWD", "0,005"),
        (-5, "KWD", "-0,005"),
        (999_999, "KWD", "999,999"),
        (1_000_000, "KWD", "1.000,000"),
        (-1_000_000, "KWD", "-1.000,000"),
        (999, "JPY", "999"),
        (1_000, "JPY", "1.000"),
        (LARGEST, "KWD", "999.999.999.999,999"),
    ],
)
def test_no_digit_is_lost_at_any_size(minor: int, code: str, expected: str) -> None:
    assert number_format("de_DE").shown(Money(minor, currency(code))) == expected


@pytest.mark.parametrize("locale", ["de", "DE_de", "en-IN", "xx_XX", " de_DE", "de_DE.UTF-8"])
def test_a_locale_that_is_none_of_the_table_is_refused(locale: str) -> None:
    with pytest.raises(Refused) as refusal:
        number_format(locale)

    assert refusal.value.code == "unknown_locale"
    assert "de_DE" in refusal.value.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "The items cost 1234.500, 10.000 was handed over.",
            "The items cost 1.234,500, 10,000 was handed over.",
        ),
        ("Cheque 5.000: final when the cheque is cleared", "Cheque 5,000: final when the cheque is cleared"),
        ("-5.000 over", "-5,000 over"),
        ("8996500000000000014 of 2026-11-21 at 10:15, 192.168.001.500", None),
        ("Receipt S014-T2-A-000123.000", None),
        (
            "100.00 USD at 0.307, and .500 and 5.000.000 and v1.2",
            "100,00 USD at 0,307, and .500 and 5.000.000 and v1.2",
        ),
        ("1.234,500", None),
        ("٥.000", None),
    ],
)
def test_amounts_in_a_text_are_written_as_the_others_and_nothing_else_is(
    text: str, expected: str | None
) -> None:
    assert number_format("de_DE").in_text(text, currency("KWD")) == (text if expected is None else expected)
    assert PLAIN.in_text(text, currency("KWD")) == text


@given(
    minor=st.integers(0, LARGEST),
    code=st.sampled_from(CODES),
    locale=st.sampled_from(LOCALES),
    native=st.booleans(),
)
def test_a_text_may_be_written_twice(minor: int, code: str, locale: str, *, native: bool) -> None:
    """What a screen has written is told once more by the message line."""
    numbers, amount = number_format(locale, native_digits=native), Money(minor, currency(code))
    said = f"Bill 7 of {amount.plain()}: paid."

    once = numbers.in_text(said, amount.currency)

    assert numbers.in_text(once, amount.currency) == once
    if amount.currency.exponent:
        assert once == f"Bill 7 of {numbers.shown(amount)}: paid."
    assert numbers.in_text(numbers.shown(amount), amount.currency) == numbers.shown(amount)
