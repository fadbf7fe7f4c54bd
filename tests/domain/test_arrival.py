"""A card number is found wherever it stands in what comes in whole, and what a shop sends all day passes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.arrival import refuse_cards_among, refuse_cards_in
from pos.domain.errors import Refused
from pos.sample import iccid, imei

CARD = "4111111111111111"

HELD: dict[str, tuple[object, str]] = {
    "text": (CARD, "body"),
    "number": (int(CARD), "body"),
    "value": ({"note": CARD}, "note"),
    "number of a field": ({"ref": 4111111111111111}, "ref"),
    "decimal": ({"value": Decimal("4111111111111111.0")}, "value"),
    "key": ({CARD: 1}, "body"),
    "key within": ({"tender": {CARD: 1}}, "tender"),
    "deep": (
        {"tenders": [{"mode": "cash"}, {"slip": {"rrn": "4111 1111 1111 1111"}}]},
        "tenders[1].slip.rrn",
    ),
    "list": ({"serials": ["1", CARD]}, "serials[1]"),
    "security code": ({"note": "CVV 123"}, "note"),
}


@pytest.mark.parametrize(("body", "where"), HELD.values(), ids=HELD)
def test_a_card_number_is_found_in_any_key_and_value(body: object, where: str) -> None:
    """Rule 44: nothing that comes in whole is read before it was looked at."""
    with pytest.raises(Refused) as refusal:
        refuse_cards_in(body, whole="body")

    assert (refusal.value.code, refusal.value.details) == ("card_number_refused", {"field": where})
    assert "4111" not in refusal.value.message


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        True,
        {"act": "pay", "ref": "p1", "payer": {"kind": "subscriber", "account": "BA-1001"}, "tenders": []},
        {"serials": [iccid(1, calling_code="965"), imei(1)], "quantity": 2, "price": "41.750"},
        {"id": "019abc39-2425-7607-9282-1961accbccf3", "at": "2026-11-22T10:15:00.000+03:00"},
        {"totalAmount": {"unit": "KWD", "value": Decimal("999999999999.999")}, "epoch": 3, "ok": False},
        {"groups": ["4111", "1111", "1111", "1111"]},
    ],
)
def test_what_a_shop_sends_passes(body: object) -> None:
    refuse_cards_in(body, whole="body")


def test_a_body_however_deep_or_wide_is_walked_to_its_end() -> None:
    deep: Any = CARD
    for _ in range(50_000):
        deep = [deep]

    with pytest.raises(Refused) as refusal:
        refuse_cards_in(deep, whole="body")

    assert len(str(refusal.value.details["field"])) == 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-999, 999) | st.text("abc 12", max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abcd", max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(JSON, JSON, st.sampled_from([CARD, int(CARD), {CARD: None}, ["x", "4111-1111-1111-1111"]]))
def test_nothing_beside_it_hides_a_card_number(before: object, after: object, held: object) -> None:
    refuse_cards_in([before, after], whole="body")

    with pytest.raises(Refused):
        refuse_cards_in({"a": before, "held": [held], "z": after}, whole="body")


def test_words_that_follow_each_other_are_judged_together() -> None:
    refuse_cards_among(["pay", "4111", "--user", "1001"], field="Argument")
    for words in (["find", CARD], ["find", "4111", "1111", "1111", "1111"], [f"--home=/tmp/{CARD}"]):
        with pytest.raises(Refused):
            refuse_cards_among(words, field="Argument")
