"""What is kept of a terminal's answer: the fields of a slip in our form, and never a card number (rule 44)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.card import CardSlip, slip_told, told_reason
from pos.domain.pan_guard import holds_card_number, wipe_card_number
from pos.domain.tender import read_details
from pos.settings import read_settings

PAN = "4111111111111111"


def slip(**told: str) -> CardSlip:
    return slip_told(told, card_terminal="POI-1", attempt_id="0197-77ab-cdef-012345678901")


@pytest.mark.parametrize(
    ("field", "told", "kept"),
    [
        ("last4", "411111 **** 1111", "1111"),
        ("last4", "************0042", "0042"),
        ("last4", "1111", "1111"),
        ("last4", PAN, "1111"),
        ("last4", "4111 1111 1111 1111", "1111"),
        ("last4", "**** 11", None),
        ("last4", "", None),
        ("auth_code", "A1B2C3", "A1B2C3"),
        ("auth_code", " 00 12-34 ", "001234"),
        ("auth_code", "7", None),
        ("auth_code", "", None),
        ("rrn", "000123456789", "000123456789"),
        ("rrn", "8815103231020966", "103231020966"),
        ("rrn", "oLkO001510323081009.9815103231020967", "103231020967"),
        ("rrn", "", "012345678901"),
        ("brand", "visa", "VISA"),
        ("brand", "  American   Express ", "AMERICAN EXPRESS"),
        ("brand", "\x1b[31mmc", "[31MMC"),
        ("brand", "a brand of many words and letters", "A BRAND OF MANY WORD"),
        ("brand", "", None),
        ("expires", "0929", "09/29"),
        ("expires", "2909", "09/29"),
        ("expires", "09/29", "09/29"),
        ("expires", "1305", "05/13"),
        ("expires", "1112", None),
        ("expires", "9999", None),
        ("expires", "soon", None),
    ],
)
def test_a_field_of_a_slip_is_kept_in_our_form_or_left_out(field: str, told: str, kept: str | None) -> None:
    """Rule 44: last 4, scheme, auth code, RRN, terminal id, expiry; each as far as the terminal says it."""
    assert getattr(slip(**{field: told}), field) == kept


@pytest.mark.parametrize("field", ["last4", "auth_code", "rrn", "brand", "expires"])
@pytest.mark.parametrize("told", [PAN, "4111 1111 1111 1111", f";{PAN}=29091010000", f"n={PAN}&x=1"])
def test_no_field_of_a_slip_holds_a_card_number(field: str, told: str) -> None:
    """Rule 44: whichever field a terminal puts it into."""
    assert not any(holds_card_number(value) for value in slip(**{field: told}).details().values())
    assert not holds_card_number(told_reason(told))


@pytest.mark.parametrize("code", ["debit_card", "credit_card"])
def test_a_whole_slip_is_what_the_settings_ask_of_a_keyed_one(code: str) -> None:
    told = {
        "auth_code": "A1B2C3",
        "last4": "**1111",
        "brand": "visa",
        "rrn": "000123456789",
        "expires": "0929",
    }
    details = slip(**told).details()

    assert read_details(read_settings().modes[code], details) == details


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Refused 05", "Refused 05"),
        ("356938035643809", "356938035643809"),
        ("8996501000000000015", "8996501000000000015"),
        ("4006381333931", "4006381333931"),
        ("541333 **** 9999", "541333 **** 9999"),
        (PAN, "************1111"),
        ("card 4111-1111-1111-1111 ok", "************1111"),
        (f"%B{PAN}^NAME^2909", "************1111"),
        ("4111 1111 1111 1111 12/28", "************1111"),
        (
            "\uff14\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11",
            "************1111",
        ),
    ],
)
def test_a_card_number_is_wiped_to_its_last_four_digits_and_its_neighbours_stay(text: str, kept: str) -> None:
    """Rule 44: an IMEI, an ICCID, an item code and a masked number are none."""
    assert wipe_card_number(text) == kept


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_stands_around_it_no_card_number_is_left(before: str, after: str) -> None:
    assert not holds_card_number(wipe_card_number(f"{before} {PAN} {after}"))
