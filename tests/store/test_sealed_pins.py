"""A PIN that waits for its paper is sealed: no copy of the store gives it away, and none stands in for another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.store.database import StoreError
from pos.store.sealed_pins import open_pin, pin_place, seal_pin

MARKS, OTHER = b"k" * 32, b"o" * 32
PLACE = pin_place("E-1", 1, 0)


@given(pin=st.text(max_size=40), nonce=st.binary(min_size=12, max_size=12))
def test_a_pin_comes_out_as_it_went_in(pin: str, nonce: bytes) -> None:
    kept = seal_pin(MARKS, pin, PLACE, nonce=nonce)

    assert open_pin(MARKS, kept, PLACE) == pin
    assert len(pin) < 4 or pin not in kept


def test_a_pin_of_before_is_as_it_was_kept() -> None:
    assert open_pin(MARKS, "1234567890", PLACE) == "1234567890"


@pytest.mark.parametrize("place", [pin_place("E-1", 1, 1), pin_place("E-2", 1, 0)])
def test_a_pin_is_good_in_its_own_place_only(place: str) -> None:
    kept = seal_pin(MARKS, "1234567890", PLACE, nonce=b"n" * 12)

    with pytest.raises(StoreError):
        open_pin(MARKS, kept, place)


@pytest.mark.parametrize("change", [lambda kept: kept[:-2] + "00", lambda kept: "s1:zz", lambda kept: "s1:"])
def test_an_altered_pin_is_told(change: object) -> None:
    kept = seal_pin(MARKS, "1234567890", PLACE, nonce=b"n" * 12)

    with pytest.raises(StoreError) as fault:
        open_pin(MARKS, change(kept), PLACE)  # type: ignore[operator]
    assert fault.value.code == "store_altered"


def test_another_homes_key_opens_nothing() -> None:
    with pytest.raises(StoreError):
        open_pin(OTHER, seal_pin(MARKS, "1234567890", PLACE, nonce=b"n" * 12), PLACE)
