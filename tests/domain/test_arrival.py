"""A card number is found wherever it stands in what comes in whole, and what a shop sends all day passes."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pos.domain.arrival import refuse_cards_among, refuse_cards_in
from pos.domain.errors import Refused
from pos.domain.pan_guard import may_hold_card_number
from pos.sample import iccid, imei
from sync.wire_json import dumps

CARD = "4111111111111111"

HELD: dict[str, tuple[object, str]] = {
    "text": (CARD, "body"),
    "number": (int(CARD), "body"),
    "value": ({"note": CARD}, "note"),
    "number of a field": ({"ref": 4111111111111111}, "ref"),
    "decimal": ({"value": Decimal("4111111111111111.0")}, "value"),
    "decimal with an exponent": ({"value": Decimal("4.11111111109e15")}, "value"),
    "key": ({CARD: 1}, "body"),
    "key within": ({"tender": {CARD: 1}}, "tender"),
    "deep": (
        {"tenders": [{"mode": "cash"}, {"slip": {"rrn": "4111 1111 1111 1111"}}]},
        "tenders[1].slip.rrn",
    ),
    "list": ({"serials": ["1", CARD]}, "serials[1]"),
    "security code": ({"note": "CVV 123"}, "note"),
    "security code by its field": ({"cvv": "123"}, "cvv"),
    "security code as a number": ({"card": {"CVC2": 1234}}, "card.CVC2"),
    "security code in a field of two words": ({"card": {"securityCode": "123"}}, "card.securityCode"),
    "security code in a field with a line": ({"card_verification_value": "123"}, "card_verification_value"),
    "security code in a list": ({"cvv": [None, "1 2 3"]}, "cvv"),
    "security code of a characteristic": (
        {"characteristic": [{"name": "cvv", "value": "123"}]},
        "characteristic[0].value",
    ),
}


@pytest.mark.parametrize(
    "body",
    [
        {"cvv": ""},
        {"cvv": None},
        {"cvvPresent": True},
        {"cvvResult": "M"},
        {"cvv": "not asked for"},
        {"code": "123"},
        {"countryCode": 414},
        {"cardCode": "VISA"},
        {"reasonCode": "1042"},
        {"name": "SIM card", "value": "123"},
    ],
    ids=lambda body: next(iter(body)),
)
def test_three_digits_are_a_security_code_only_where_a_name_says_so(body: object) -> None:
    refuse_cards_in(body, whole="body", written=json.dumps(body))
    refuse_cards_in(body, whole="body")


@pytest.mark.parametrize(("body", "where"), HELD.values(), ids=HELD)
def test_a_card_number_is_found_in_any_key_and_value(body: object, where: str) -> None:
    """Rule 44: nothing that comes in whole is read before it was looked at."""
    with pytest.raises(Refused) as refusal:
        refuse_cards_in(body, whole="body")

    assert (refusal.value.code, refusal.value.details) == ("card_number_refused", {"field": where})
    assert "4111" not in refusal.value.message


@pytest.mark.parametrize("body", [body for body, _ in HELD.values()], ids=list(HELD))
def test_the_look_at_the_whole_text_lets_none_of_them_through(body: object) -> None:
    assert may_hold_card_number(dumps(body).decode())


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


# What a card's number is made of, what hides one, and what a message has beside it.
PIECES = st.sampled_from(
    [
        CARD, "4111", "1111", "1", "4111 1111 1111", "-", " ", "/", "_", ":", "٤١١١", "x", "é", '"', "\\", "\n",
        "2026-11-22T10:15:00.000+03:00", "019abc39-2425-7607-9282-1961accbccf3", "%B", "^", ";", "=2812", "cvv", "CVC2",
        "123", "security code", "رمز الأمان", "DE89 3704 0044 0532 0130 00",
    ]
)  # fmt: skip
QUOTED = st.builds(json.dumps, st.lists(PIECES, max_size=4).map("".join), ensure_ascii=st.booleans())
NUMBERS = st.builds(
    "{}{}{}".format,
    st.integers(0, 10**17),
    st.sampled_from(["", ".5"]),
    st.sampled_from(["", "e-6", "e-9", "E3"]),
)
MEMBERS = st.builds(
    "{{{}:{}}}".format,
    QUOTED,
    QUOTED | NUMBERS | st.lists(NUMBERS, max_size=3).map(lambda some: f"[{','.join(some)}]"),
)
WRITTEN = st.lists(MEMBERS, max_size=3).map(lambda members: f"[{', '.join(members)}]")


@given(WRITTEN)
@example('{"value": 4111111111111.111}')
@example('{"value": 4111111111111111e-3}')
@example('{"a": "4111\\u00a01111 1111 1111"}')
@example('{"value": 4.11111111109e15}')
@example("[-41111111001E+5 ]")
def test_what_its_text_clears_holds_no_card_number(written: str) -> None:
    """One look at the whole may ask for more, and never for less."""
    if not may_hold_card_number(written):
        refuse_cards_in(json.loads(written, parse_float=Decimal), whole="body")


@pytest.mark.parametrize(
    "word",
    [
        "cvv", "CVV2", "cvc", "Cvc2", "cvn", "CVN2", "cav2", "Security Code", "card code", "card verification value",
        "Card Verification Code", "card verification number", "code de securite", "cryptogramme", "CRYPTOGRAMME visuel",
        "codigo de seguridad", "codigo de seguranca", "Sicherheitscode", "Kartenprufnummer", "prufnummer", "guvenlik kodu",
    ],
)  # fmt: skip
def test_the_text_of_a_security_code_asks_for_its_values(word: str) -> None:
    assert may_hold_card_number(json.dumps({"note": f"{word}: 123"}))


def test_what_a_shop_sends_most_is_cleared_by_its_text() -> None:
    told = {
        "correlatorId": "019abc39-2425-7607-9282-1961accbccf3-1",
        "receiptNumber": "S042-T1-00001234",
        "paymentDate": "2026-11-22T10:15:00.000000+03:00",
        "totalAmount": {"unit": "KWD", "value": 41.75},
    }
    assert not may_hold_card_number(json.dumps(told))


def test_words_that_follow_each_other_are_judged_together() -> None:
    refuse_cards_among(["pay", "4111", "--user", "1001"], field="Argument")
    for words in (["find", CARD], ["find", "4111", "1111", "1111", "1111"], [f"--home=/tmp/{CARD}"]):
        with pytest.raises(Refused):
            refuse_cards_among(words, field="Argument")
