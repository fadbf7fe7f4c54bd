"""No card number is kept, and nothing that a telecom counter scans all day is taken for one (domain.md rule 44)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.errors import Refused
from pos.domain.ids import time_ordered_id
from pos.domain.pan_guard import holds_card_number, is_card_number, refuse_card_number
from pos.sample import ean13, iccid, imei
from tests.builders.tills import NOW

# The schemes' own test numbers.
CARDS = {
    "Visa": "4111111111111111",
    "Visa 13": "4222222222222",
    "Visa 19": "4000000000000000006",
    "Visa debit": "4012888888881881",
    "Mastercard": "5555555555554444",
    "Mastercard 2-series": "2223003122003222",
    "Mastercard 2-series end": "2720990000000007",
    "American Express": "378282246310005",
    "American Express 34": "343434343434343",
    "Diners Club": "30569309025904",
    "Diners Club 36": "36227206271667",
    "Discover": "6011111111111117",
    "Discover 65": "6500000000000002",
    "JCB": "3530111333300000",
    "UnionPay": "6200000000000005",
    "UnionPay 19": "6205500000000000004",
    "Maestro": "6759649826438453",
    "RuPay": "6073849700004947",
    "Mir": "2200000000000004",
    "Troy": "9792030394440796",
}


def with_luhn(stem: str) -> str:
    doubled = [int(digit) * (1 if place % 2 else 2) for place, digit in enumerate(reversed(stem))]
    return stem + str(-sum(value - 9 if value > 9 else value for value in doubled) % 10)


def in_digits_of(zero: str, text: str) -> str:
    """``text`` with its ASCII digits written in the script whose zero is given."""
    return "".join(chr(ord(zero) + int(sign)) if sign in "0123456789" else sign for sign in text)


def grouped(number: str, separator: str, size: int = 4) -> str:
    return separator.join(number[place : place + size] for place in range(0, len(number), size))


@pytest.mark.parametrize("number", CARDS.values(), ids=CARDS)
def test_a_card_number_is_known(number: str) -> None:
    """Rule 44: a payment card's number is refused wherever it is typed."""
    assert is_card_number(number)
    assert holds_card_number(number)


@pytest.mark.parametrize("number", CARDS.values(), ids=CARDS)
@pytest.mark.parametrize("separator", [" ", "-", ".", "/", "_", "  ", "\u00a0", "\u2009", "\u202f"])
def test_separators_hide_no_card_number(number: str, separator: str) -> None:
    assert holds_card_number(f"paid by {grouped(number, separator)} today")


@pytest.mark.parametrize("zero", ["\uff10", "\u0660", "\u06f0", "\u0966", "\u0e50", "\U0001d7ce"])
@pytest.mark.parametrize("number", list(CARDS.values())[:6])
def test_no_scripts_digits_hide_a_card_number(number: str, zero: str) -> None:
    assert holds_card_number(in_digits_of(zero, number))
    assert holds_card_number(in_digits_of(zero, grouped(number, " ")))


@pytest.mark.parametrize(
    "text",
    [
        ";4111111111111111=25121010000000000000?",
        "%B4111111111111111^LEE/ANN^25121010000000000000?",
        "4111111111111111=2512",
        "card no.4111111111111111.",
        "(4111111111111111)",
        "x4111111111111111y",
        "4111 1111 1111 1111 12/28",
        "4111-1111-1111-1111 12/2028 123",
        "3782 822463 10005 12/28 1234",
        "4111111111111111 123",
    ],
)
def test_a_card_number_is_found_in_its_surroundings(text: str) -> None:
    assert holds_card_number(text)


def test_the_refusal_holds_no_digit_of_the_card() -> None:
    with pytest.raises(Refused) as refusal:
        refuse_card_number("4111 1111 1111 1111", field="Reference")

    told = str(refusal.value.as_json())
    assert refusal.value.code == "card_number_refused"
    assert "4111" not in told
    assert "1111" not in told


# --- what passes -----------------------------------------------------------------------------------------------

digits = st.text("0123456789", min_size=1)


@given(st.integers(min_value=0, max_value=999_999))
def test_the_samples_serials_pass(number: int) -> None:
    assert not holds_card_number(imei(number))
    assert not holds_card_number(iccid(number, calling_code="965"))
    assert not holds_card_number(iccid(number, calling_code="49"))


TYPE_ALLOCATIONS = st.sampled_from(["01", "35", "86", "99", "44", "49", "52", "91", "98"])


@given(TYPE_ALLOCATIONS, st.text("0123456789", min_size=12, max_size=12))
def test_a_phones_imei_passes(body: str, rest: str) -> None:
    number = with_luhn(body + rest)

    assert len(number) == 15
    assert not holds_card_number(number)
    assert not holds_card_number(f"{number[:2]}-{number[2:8]}-{number[8:14]}-{number[14]}")


@given(st.text("0123456789", min_size=16, max_size=16))
def test_a_sims_iccid_passes(rest: str) -> None:
    assert not holds_card_number(with_luhn("89" + rest))
    assert not holds_card_number(with_luhn("89" + rest + "0"))


@given(st.text("0123456789", min_size=12, max_size=12))
def test_an_item_code_passes(stem: str) -> None:
    assert not holds_card_number(ean13(stem))


@pytest.mark.parametrize(
    "text",
    [
        "KW81CBKU0000000000001234560101",
        "DE89370400440532013000",
        "GB29 NWBK 6016 1331 9268 19",
        "FR14 2004 1010 0505 0001 3M02 606",
        "NL91ABNA0417164300",
        "DE89 3704 0044 0532 0130 00",
        "DE21 4111 1111 1111 1111 00",
        "KW81 CBKU 0000 0000 0000 1234 5601 01",
    ],
)
def test_an_iban_passes(text: str) -> None:
    assert not holds_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "⑈000123⑈ ⑆001042⑆ 0077123456⑈",
        "C000123C A011000015A 0123456789C",
        "000123 001042 00771234567890123",
        "+965 5551 0001",
        "0096555510001",
        "+49 151 55520006",
        "+1 (212) 555-0100",
        "2026-11-21T10:15:00",
        "S014-T1-A-000001",
        "INV/2026/11/000123456789",
        "123456789012",
        "000000000000",
        "",
        "no digits",
    ],
)
def test_everyday_numbers_pass(text: str) -> None:
    assert not holds_card_number(text)


@given(st.integers(min_value=1, max_value=999_999), st.integers(min_value=1, max_value=999))
def test_our_own_receipt_numbers_pass(counter: int, shop: int) -> None:
    assert not holds_card_number(f"S{shop:03d}-T1-A-{counter:06d}")


@given(st.binary(min_size=10, max_size=10))
def test_our_own_ids_pass(random: bytes) -> None:
    made = time_ordered_id(NOW, random)

    assert not holds_card_number(made)
    assert not holds_card_number(f"{made}-1")


@given(st.text("0123456789", min_size=20, max_size=40))
def test_a_run_too_long_for_a_card_is_judged_whole(run: str) -> None:
    assert not holds_card_number(run)


@given(st.sampled_from(sorted(CARDS.values())), st.integers(0, 18), st.integers(1, 9))
def test_one_wrong_digit_makes_it_no_card_number(number: str, place: int, step: int) -> None:
    place %= len(number)
    wrong = number[:place] + str((int(number[place]) + step) % 10) + number[place + 1 :]

    assert not is_card_number(wrong)


@pytest.mark.parametrize(
    "number", ["0000000000000000", "1234567812345670", "9999999999999995", "8999999999999999999"]
)
def test_a_luhn_number_of_no_scheme_passes(number: str) -> None:
    assert with_luhn(number[:-1]) == number
    assert not is_card_number(number)
