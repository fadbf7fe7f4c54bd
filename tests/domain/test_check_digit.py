"""Check digits of account numbers (domain.md rule 28)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.check_digit import CheckDigit, is_mistyped
from tests.builders.tills import with_check_digit

BODIES = st.text("0123456789", min_size=5, max_size=11)


def with_mod97(letters: str, digits: str) -> str:
    """The number with the two digits that make it leave 1."""
    plain = "".join(str(int(character, 36)) for character in f"{letters}{digits}00")
    return f"{letters}{digits}{98 - int(plain) % 97:02d}"


@given(BODIES)
def test_a_right_number_is_not_mistyped(body: str) -> None:
    """Rule 28: account numbers have check digits."""
    assert not is_mistyped(with_check_digit(body), CheckDigit.LUHN)
    assert not is_mistyped(f"BA-{with_check_digit(body)}", CheckDigit.LUHN)
    assert not is_mistyped(with_mod97("BA", body), CheckDigit.MOD97)


@given(BODIES, st.data())
def test_one_wrong_digit_is_told(body: str, data: st.DataObject) -> None:
    """Rule 28: a mistyped number is told from an unknown one."""
    place = data.draw(st.integers(0, len(body) - 1))
    other = str((int(body[place]) + data.draw(st.integers(1, 9))) % 10)
    for check, number in (
        (CheckDigit.LUHN, with_check_digit(body)),
        (CheckDigit.MOD97, with_mod97("", body)),
    ):
        assert is_mistyped(number[:place] + other + number[place + 1 :], check)


@given(BODIES, st.data())
def test_two_digits_that_changed_places_are_told_by_mod97(body: str, data: st.DataObject) -> None:
    """Rule 28."""
    number = with_mod97("", body)
    place = data.draw(st.integers(0, len(number) - 2))
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    assert is_mistyped(swapped, CheckDigit.MOD97) == (swapped != number)


@pytest.mark.parametrize(
    "text", ["", "BA-1", "1234", "Zoë O'Brien", "123/456789", "+96555510001x", "李伟12345"]
)
@pytest.mark.parametrize("check", [CheckDigit.LUHN, CheckDigit.MOD97])
def test_what_is_no_account_number_is_not_mistyped(text: str, check: CheckDigit) -> None:
    """Rule 28, the good neighbour."""
    assert not is_mistyped(text, check)


def test_a_shop_without_check_digits_tells_nothing() -> None:
    assert not is_mistyped("123456789", CheckDigit.NONE)
