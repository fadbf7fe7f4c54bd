"""MICR lines as readers send them: their symbols, the layouts of countries, and what could not be read (rule 43)."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.errors import Refused
from pos.domain.micr import MicrLayout, is_surely_micr, looks_like_micr, pattern_problem, read_micr
from pos.settings import read_settings
from tests.builders.tills import iccid, imei

LAYOUTS = read_settings().micr
UNICODE = str.maketrans("TAUD", "\u2446\u2447\u2448\u2449")
WRITTEN_AS = {
    "unicode": UNICODE,
    "punctuation": str.maketrans("TAUD", ":;<="),
    "letters A to D": str.maketrans("TAUD", "ABCD"),
    "small letters a to d": str.maketrans("TAUD", "abcd"),
    "letters T U D A": str.maketrans("", ""),
    "small letters t u d a": str.maketrans("TAUD", "taud"),
}

# As printed on cheques of the trade: T transit, A amount, U on-us, D dash.
CHEQUES = {
    "United States, personal": ("T021000021T 0123456789U 0101", "us", "021000021", "", "0123456789", "0101"),
    "United States, account with dashes": ("T011401533T 45D678901D2U 1234", "us", "011401533", "", "45-678901-2", "1234"),
    "United States, business": ("U001234U T122105155T 000456789U", "us", "122105155", "", "000456789", "001234"),
    "United States, amount printed": (
        "U001234U T091000019T 7700112233U A0000012550A", "us", "091000019", "", "7700112233", "001234",
    ),
    "India": ("U123456U 400002003T 012345U 31", "india", "002", "400003", "012345", "123456"),
    "Gulf, bank and branch in one": (
        "U000001U 033520101T 0190001234567U 01", "gulf", "033", "520101", "0190001234567", "000001",
    ),
    "Gulf, bank and branch apart": ("U000123U 01D0042T 012345678901U", "gulf", "01", "0042", "012345678901", "000123"),
    "any other": ("U0456U 123456T 987654U", "generic", "123456", "", "987654", "0456"),
}  # fmt: skip


@pytest.mark.parametrize("reader", WRITTEN_AS)
@pytest.mark.parametrize("name", CHEQUES)
def test_a_line_is_read_whatever_the_reader_sends_for_its_symbols(name: str, reader: str) -> None:
    """Rule 43: readers map the control symbols in their own ways; the raw line is kept beside the fields."""
    line, layout, bank, branch, account, serial = CHEQUES[name]
    sent = line.translate(WRITTEN_AS[reader])

    read = read_micr(f" {sent} ", LAYOUTS)

    assert read.raw == sent
    assert read.layout == layout
    expected = {"bank": bank, "branch": branch, "account": account, "serial": serial}
    assert read.fields == {key: value for key, value in expected.items() if value}
    assert looks_like_micr(sent)


@pytest.mark.parametrize(
    "sent", ["C1234567B 123456789012A 210987654321D", "<1234567; 123456789012: 210987654321="]
)
def test_a_line_in_cmc7_is_read(sent: str) -> None:
    read = read_micr(sent, LAYOUTS)

    assert read.layout == "cmc7"
    assert read.fields == {"serial": "1234567", "bank": "123456789012", "account": "210987654321"}


def test_blanks_between_fields_make_no_difference() -> None:
    apart = read_micr("T021000021T     0123456789U    0101", LAYOUTS)

    assert apart.fields == read_micr("T021000021T0123456789U0101", LAYOUTS).fields


@pytest.mark.parametrize("mark", ["?", "*", "!", "@"])
@pytest.mark.parametrize("name", CHEQUES)
def test_a_line_that_was_not_read_whole_is_refused(name: str, mark: str) -> None:
    """Rule 43: what the reader could not make out is never guessed."""
    line = CHEQUES[name][0]
    digit = re.search(r"[0-9]", line)
    assert digit is not None
    spoiled = line[: digit.start()] + mark + line[digit.end() :]

    with pytest.raises(Refused) as refusal:
        read_micr(spoiled, LAYOUTS)

    assert refusal.value.code == "micr_unreadable"
    assert "Read the cheque again, or type" in refusal.value.message
    assert looks_like_micr(spoiled), "a scan of it is no field's text"


@pytest.mark.parametrize("place", range(9))
def test_a_misread_digit_of_a_routing_number_is_noticed(place: int) -> None:
    routing = "021000021"
    wrong = routing[:place] + str((int(routing[place]) + 1) % 10) + routing[place + 1 :]

    with pytest.raises(Refused) as refusal:
        read_micr(f"T{wrong}T 0123456789U 0101", LAYOUTS)

    assert refusal.value.code == "micr_unreadable"
    assert "misread" in refusal.value.message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "TTTT",
        "T021000021T",
        "U12U",
        "hello",
        "0123456789",
        "T021000021T 0123456789U 0101 trailing words",
        "\x1b[2JT021000021T 0123456789U 0101",
        "T021000021T\n0123456789U 0101",
        "\u0662\u0661T021000021T 0123456789U 0101",
        "9" * 91,
    ],
)
def test_what_is_no_line_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        read_micr(text, LAYOUTS)

    assert refusal.value.code == "micr_unknown"
    assert not text.strip() or text.strip() not in refusal.value.message


@pytest.mark.parametrize(
    "text",
    [
        ";4111111111111111=25121010000000000000?",
        "%B4111111111111111^HADDAD/LINA^2512101?",
        "T4111111111111111U 0101",
        "T021000021T 4111111111111111U 0101",
        ":021000021: 4111 1111 1111 1111< 0101",
        "T021000021T 4111111?111111111U 0101",
    ],
)
def test_a_card_read_into_a_cheque_is_refused(text: str) -> None:
    """Rule 44: a long run is judged whole; a track looks like a line and is none."""
    with pytest.raises(Refused) as refusal:
        read_micr(text, LAYOUTS)

    assert refusal.value.code in {"card_number_refused", "micr_unreadable"}
    assert "4111" not in refusal.value.message


def test_a_dash_after_a_long_account_is_no_track() -> None:
    read = read_micr(":021000021: 123456789012=34< 0101", LAYOUTS)

    assert read.fields["account"] == "123456789012-34"


@pytest.mark.parametrize(
    "code", ["00012345", "0123456789", iccid(1), imei(1), "AB123456", "6271001000014", "BA-1001", "A1B2", ""]
)
def test_other_codes_are_no_lines_for_sure(code: str) -> None:
    assert not is_surely_micr(code)


def test_a_shop_reads_only_the_layouts_that_it_knows() -> None:
    indian = [layout for layout in LAYOUTS if layout.name == "india"]

    with pytest.raises(Refused):
        read_micr("T021000021T 0123456789U 0101", indian)
    assert read_micr("U123456U 400002003T 012345U 31", indian).layout == "india"


@pytest.mark.parametrize(
    ("pattern", "sound"),
    [
        (r"T(?P<bank>[0-9]{9})T (?P<serial>[0-9]+)", True),
        (r"(?P<bank>[0-9])(?P<serial2>[0-9])", True),
        (r"T(?P<bank>[0-9]{9})T", False),
        (r"(?P<bank>[0-9])(?P<serial>[0-9])(?P<pin>[0-9])", False),
        (r"(?P<bank>[0-9]", False),
    ],
)
def test_a_layout_has_the_groups_that_a_cheque_needs(pattern: str, sound: bool) -> None:
    assert (pattern_problem(pattern) == "") is sound


@given(
    st.from_regex(r"[0-9]{6}", fullmatch=True),
    st.from_regex(r"[0-9]{3}", fullmatch=True),
    st.sampled_from(sorted(WRITTEN_AS)),
)
def test_every_digit_of_a_field_is_kept(serial: str, bank: str, reader: str) -> None:
    layout = MicrLayout(name="one", font=LAYOUTS[0].font, pattern=r"U(?P<serial>[0-9]+)U(?P<bank>[0-9]+)T")

    read = read_micr(f"U{serial}U{bank}T".translate(WRITTEN_AS[reader]), [replace(layout)])

    assert read.fields == {"serial": serial, "bank": bank}
