"""JSON on the wire: exact, strict, deterministic."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.money import MAX_MINOR, Money, currency
from sync.wire_json import BadField, WireJsonError, compact, dumps, loads, money_json, read_money


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "nul", "NaN", "Infinity", "-Infinity", '{"a":NaN}', '{"a":1,"a":1}', '{"b":{"a":1,"a":2}}',
        "01", "1.", "+1", "1e400", "1E-400", "1e99999999999999999999", "9" * 31, "1." + "0" * 200, "'a'",
        '"\\ud800"', '["\\udc00"]', '{"\\ud800":1}', "[" * 41 + "]" * 41, "[" * 100_000, '{"a":' * 41 + "1" + "}" * 41,
        "1 2", "\ufeff1", '"\x00"',
    ],
)  # fmt: skip
def test_what_is_no_strict_json_is_one_error(text: str) -> None:
    for form in (text, text.encode()):
        with pytest.raises(WireJsonError):
            loads(form)


@pytest.mark.parametrize(
    "raw", [b"\xff", b'"\xed\xa0\x80"', b'{"a":"\xc3"}', b'\xfe\xff\x00"', b" " * 10_000_001]
)
def test_bad_bytes_are_the_same_error(raw: bytes) -> None:
    with pytest.raises(WireJsonError):
        loads(raw)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("41.750", Decimal("41.750")),
        ("-0.50", Decimal("-0.50")),
        ("1e2", Decimal("1E+2")),
        ("9" * 30, int("9" * 30)),
        ("0.1000000000000000055511151231257827", Decimal("0.1000000000000000055511151231257827")),
        ('"\\ud83d\\ude00 O\'Brien محمد 李"', "😀 O'Brien محمد 李"),
        ("[" * 40 + "]" * 40, None),
        ("[" + "[]," * 100 + "[]]", None),
        ('{"a":[true,false,null]}', {"a": [True, False, None]}),
    ],
)
def test_good_neighbours_are_read_exactly(text: str, value: object) -> None:
    read = loads(text)
    if value is not None:
        assert (read, type(read)) == (value, type(value))
    assert loads(text.encode()) == read


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("41.750"), "41.750"),
        (Decimal("1E+2"), "100"),
        (Decimal("1E-7"), "0.0000001"),
        (Decimal("-0.000"), "-0.000"),
        (10**20, "100000000000000000000"),
        ({"b": 1, "a": [True, None]}, '{"b":1,"a":[true,null]}'),
        ((), "[]"),
        ({}, "{}"),
        ('محمد\u2028"\n', '"محمد\u2028\\"\\n"'),
    ],
)
def test_values_are_written_compactly_and_in_plain_digits(value: object, text: str) -> None:
    assert dumps(value) == text.encode()


@pytest.mark.parametrize("value", [1.5, Decimal("NaN"), Decimal("Infinity"), {1: 2}, b"x", {1, 2}, [0.0]])
def test_what_has_no_exact_form_is_never_written(value: object) -> None:
    with pytest.raises(TypeError):
        dumps(value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**29), 10**29)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.decimals(min_value=-(10**12), max_value=10**12, places=3, allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)


@given(value=JSON)
def test_what_is_written_is_read_again_and_written_the_same(value: Any) -> None:
    once = dumps(value)
    assert loads(once) == value
    assert dumps(loads(once)) == once


BLANKS = st.text(alphabet=" \t\r\n", max_size=2)
TOKENS = st.sampled_from(
    ['"a, b : [ c"', '" "', '""', '"é"', '"e1"', "true", "false", "null", "0", "12", "1.50", "0.0000000001"]
)


def bracketed(members: list[str]) -> st.SearchStrategy[str]:
    """An array or an object of ``members``, with blanks wherever JSON lets them be."""

    def placed(blanks: list[str], is_object: bool) -> str:
        before, behind = blanks
        told = (
            f'{before}"k{number}"{behind}:{before}{member}{behind}' if is_object else before + member + behind
            for number, member in enumerate(members)
        )
        return ("{%s}" if is_object else "[%s]") % (",".join(told) or before)

    return st.builds(placed, st.lists(BLANKS, min_size=2, max_size=2), st.booleans())


@given(
    st.recursive(TOKENS, lambda inner: st.lists(inner, max_size=3).flatmap(bracketed), max_leaves=8), BLANKS
)
def test_a_text_without_escapes_is_compact_as_it_is_written_anew(text: str, blank: str) -> None:
    text = blank + text + blank
    assert compact(text) == dumps(loads(text)).decode()


@pytest.mark.parametrize("text", ["1e2", "[1E2]", '{"a":-0}', "[-1.5]", '"\\u00e9"', '["\\/", 1]', '"\\n"'])
def test_a_text_that_must_be_written_anew_to_be_compact_is_not_guessed_at(text: str) -> None:
    assert compact(text) is None


@given(raw=st.binary(max_size=60) | st.text(max_size=60))
def test_nothing_but_wire_json_error_comes_of_reading(raw: bytes | str) -> None:
    with contextlib.suppress(WireJsonError):
        loads(raw)


@given(minor=st.integers(-MAX_MINOR, MAX_MINOR), unit=st.sampled_from(["KWD", "EUR", "JPY", "UYW"]))
def test_money_makes_the_round_trip_to_the_last_minor_unit(minor: int, unit: str) -> None:
    amount = Money(minor, currency(unit))
    written = dumps(money_json(amount))
    assert read_money(loads(written), field="totalAmount") == amount
    assert written == f'{{"unit":"{unit}","value":{amount.plain()}}}'.encode()


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("null", "a"),
        ("5", "a"),
        ("{}", "a.unit"),
        ('{"unit":"EUR"}', "a.value"),
        ('{"unit":"EUR","value":"5.00"}', "a.value"),
        ('{"unit":"EUR","value":true}', "a.value"),
        ('{"unit":"EUR","value":null}', "a.value"),
        ('{"unit":"EUR","value":5.001}', "a.value"),
        ('{"unit":"JPY","value":0.5}', "a.value"),
        ('{"unit":"EUR","value":10000000000000.01}', "a.value"),
        ('{"unit":"EUR","value":1e30}', "a.value"),
        ('{"unit":"EUR","value":0.30000000000000004}', "a.value"),
        ('{"unit":"eur","value":5}', "a.unit"),
        ('{"unit":"XXX","value":5}', "a.unit"),
        ('{"unit":978,"value":5}', "a.unit"),
    ],
)
def test_money_that_is_none_is_refused_by_field(text: str, field: str) -> None:
    with pytest.raises(BadField) as refusal:
        read_money(loads(text), field="a")
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ('{"unit":"EUR","value":5}', 500),
        ('{"unit":"EUR","value":5.5}', 550),
        ('{"unit":"EUR","value":5.5000000}', 550),
        ('{"unit":"EUR","value":-5.50}', -550),
        ('{"unit":"EUR","value":1e2}', 10000),
        ('{"unit":"KWD","value":41.750}', 41750),
        ('{"unit":"JPY","value":1200.0,"other":1}', 1200),
    ],
)
def test_money_of_any_sign_and_needless_zeros_is_read(text: str, minor: int) -> None:
    assert read_money(loads(text), field="a").minor == minor
