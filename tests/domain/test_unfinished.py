"""What was left unfinished, as one line that can be read again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.money import MAX_MINOR, Money, currency
from pos.domain.unfinished import WAYS_MAX, Unfinished, read_unfinished

WAYS = st.sampled_from(["cash", "cash 10.000", "cheque 5.000", "card", "internal_voucher 2.000"])


@given(
    st.sampled_from(["pay", "void", "reverse", "refund", "transfer", "swap_tender"]),
    st.integers(min_value=0, max_value=MAX_MINOR - 1),
    st.sampled_from(["KWD", "EUR", "JPY"]),
    st.lists(WAYS, max_size=8),
)
def test_what_was_left_reads_as_it_was_written(what: str, minor: int, code: str, ways: list[str]) -> None:
    left = Unfinished(what=what, subject="BA-1", shown=Money(minor, currency(code)), ways=tuple(ways))

    again = read_unfinished(left.line, "BA-1")

    assert again is not None
    assert (again.what, again.shown) == (what, left.shown)
    assert again.ways == tuple(ways[-WAYS_MAX:])
    assert len(left.line) <= 200


@pytest.mark.parametrize(
    "line", ["", "pay", "pay 5.000", "pay 5.000 XXX", "pay 5.00000 KWD", "PAY 5.000 KWD", "x"]
)
def test_a_line_of_another_form_says_nothing(line: str) -> None:
    assert read_unfinished(line, "BA-1") is None
