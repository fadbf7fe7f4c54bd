"""Ids sort by time and never repeat."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.errors import Refused
from pos.domain.ids import check_id, new_id, time_ordered_id
from tests.builders.tills import NOW, SeededRandomness, SettableClock

UNIX = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
moments = st.integers(0, 2**41).map(lambda at_ms: EPOCH + timedelta(milliseconds=at_ms))
ten_bytes = st.binary(min_size=10, max_size=10)


@given(moments, ten_bytes)
def test_an_id_is_a_uuid_of_version_7(at: datetime, random: bytes) -> None:
    made = uuid.UUID(time_ordered_id(at, random))

    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert abs((made.int >> 80) - (at - UNIX) // timedelta(milliseconds=1)) <= 1


@given(moments, ten_bytes, ten_bytes, st.integers(min_value=2, max_value=10**9))
def test_a_later_id_sorts_later(at: datetime, one: bytes, other: bytes, later_ms: int) -> None:
    assert time_ordered_id(at, one) < time_ordered_id(at + timedelta(milliseconds=later_ms), other)


def test_two_ids_of_one_moment_differ() -> None:
    clock, chance = SettableClock(NOW), SeededRandomness()

    made = {new_id(clock, chance) for _ in range(500)}

    assert len(made) == 500


def test_our_own_id_is_an_id() -> None:
    made = new_id(SettableClock(NOW), SeededRandomness())

    assert check_id(made, field="Payment") == made


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "019AA3D0-0000-7000-8000-000000000000",
        "019aa3d0-0000-7000-8000-000000000000\n",
        "' or 1=1",
        "a" * 36,
    ],
)
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        check_id(text, field="Payment")

    assert refusal.value.code == "bad_reference"
