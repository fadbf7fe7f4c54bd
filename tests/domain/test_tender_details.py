"""A tender's own fields: known ones only, needed ones present, each cleaned in its manner."""

import pytest

from pos.domain.errors import Refused
from pos.domain.tender import read_date, read_details
from pos.settings import read_settings
from tests.builders.tills import HONEST_NAMES

MODES = read_settings().modes
GOOD = {"serial": "000123", "bank": "001"}


def test_fields_are_kept_in_the_modes_order_and_empty_ones_left_out() -> None:
    read = read_details(
        MODES["cheque"], {"drawer": " Lina ", "bank": "001", "branch": "  ", "serial": "000123"}
    )

    assert list(read.items()) == [("serial", "000123"), ("bank", "001"), ("drawer", "Lina")]


@pytest.mark.parametrize("name", HONEST_NAMES)
def test_an_honest_drawer_survives_unchanged(name: str) -> None:
    assert read_details(MODES["cheque"], {**GOOD, "drawer": name})["drawer"] == name


@pytest.mark.parametrize("serial", ["000123", "0", "A-0001/7", "OI0l1"])
def test_a_serial_is_text_not_a_number(serial: str) -> None:
    assert read_details(MODES["cheque"], {**GOOD, "serial": serial})["serial"] == serial


@pytest.mark.parametrize(
    ("mode", "raw", "code"),
    [
        ("cash", {"serial": "1"}, "unknown_field"),
        ("cheque", {**GOOD, "pan": "1"}, "unknown_field"),
        ("cheque", {**GOOD, "\x1b[2J": "1"}, "unknown_field"),
        ("cheque", {"bank": "001"}, "field_missing"),
        ("cheque", {"serial": "   ", "bank": "001"}, "field_missing"),
        ("cheque", {**GOOD, "serial": "1" * 21}, "text_too_long"),
        ("cheque", {**GOOD, "serial": "1" * 1_000_000}, "text_too_long"),
        ("cheque", {**GOOD, "serial": "٠٠١"}, "bad_reference"),
        ("cheque", {**GOOD, "serial": "００１"}, "bad_reference"),
        ("cheque", {**GOOD, "serial": "12\n34"}, "bad_reference"),
        ("cheque", {**GOOD, "serial": "12\x00"}, "bad_reference"),
        ("cheque", {**GOOD, "account": "4111 1111 1111 1111"}, "card_number_refused"),
        ("cheque", {**GOOD, "drawer": "Lina 4111111111111111"}, "card_number_refused"),
        ("cheque", {**GOOD, "drawer": "\x1bp\x00"}, "bad_text"),
        ("cheque", {**GOOD, "drawer": "x" * 81}, "text_too_long"),
        ("cheque", {**GOOD, "date": "21.11.2026"}, "bad_date"),
        ("cheque", {**GOOD, "date": "20261121"}, "bad_date"),
        ("cheque", {**GOOD, "date": "2026-W47-6"}, "bad_date"),
        ("cheque", {**GOOD, "date": "2026-02-30"}, "bad_date"),
        ("cheque", {**GOOD, "date": "2026-13-01"}, "bad_date"),
        ("cheque", {**GOOD, "date": "２０２６-11-21"}, "bad_reference"),
    ],
)
def test_a_field_that_cannot_be_kept_is_refused(mode: str, raw: dict[str, str], code: str) -> None:
    with pytest.raises(Refused) as refusal:
        read_details(MODES[mode], raw)

    assert refusal.value.code == code
    for value in raw.values():
        assert len(value) < 6 or value not in refusal.value.message


def test_a_date_is_written_year_month_day() -> None:
    assert read_date(" 2026-11-21 ", field="Date").isoformat() == "2026-11-21"
