"""A tender's own fields: known ones only, needed ones present, each cleaned in its manner."""

from collections.abc import Mapping
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pos.domain.errors import Refused
from pos.domain.payment_mode import FieldKind
from pos.domain.tender import instrument_of, plain_reference, read_date, read_details
from pos.settings import read_settings
from tests.builders.tills import HONEST_NAMES, money

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
        ("cheque", {**GOOD, "date": "2026-11-210"}, "text_too_long"),
        ("cheque", {**GOOD, "branch": "\t"}, "bad_reference"),
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


@pytest.mark.parametrize("branch", ["X", "XX", "0"])
def test_a_field_of_a_letter_or_two_is_kept(branch: str) -> None:
    assert read_details(MODES["cheque"], {**GOOD, "branch": branch})["branch"] == branch


@pytest.mark.parametrize(
    ("text", "compared"),
    [
        ("000123", "123"),
        ("K7-020991", "K720991"),
        ("A-0007/x", "A7X"),
        ("x12", "X12"),
        ("0X12", "X12"),
        ("A-000", "A0"),
        ("000", "0"),
        ("- / -", ""),
        ("", ""),
    ],
)
def test_a_reference_is_compared_without_case_blanks_signs_and_leading_zeros(
    text: str, compared: str
) -> None:
    """Rule 47. The form is kept with every tender, so it is never another."""
    assert plain_reference(text) == compared


def test_a_paper_is_known_by_its_kind_and_the_fields_that_tell_it_from_others() -> None:
    """Rule 49. The form is kept with every tender and compared at central, so it is never another."""
    slip = {"trace": "004711", "atm": "ATM-09", "date": "2026-11-21"}

    assert instrument_of(MODES["atm"], slip, money("5")) == "atm|4711|ATM9|2026-11-21"
    assert instrument_of(MODES["atm"], {}, money("5")) == "atm|||"
    assert instrument_of(MODES["cash"], {}, money("5")) is None


def test_a_date_is_written_year_month_day() -> None:
    assert read_date(" 2026-11-21 ", field="Date").isoformat() == "2026-11-21"


# --- the fields of every mode (interface.md section 2) -------------------------------------------------------------

DATE = {"date": "2026-11-21"}
SLIP = {"auth_code": "A1B2C3", "last4": "1111", "brand": "VISA", "rrn": "000123456789", "card_terminal": "T7"}
BANK = {"bank": "001", "branch": "042", "reference": "K7-20991", **DATE}
WHOLE: Mapping[str, Mapping[str, str]] = {
    "cash": {},
    "cheque": {
        "serial": "000123",
        "bank": "001",
        "branch": "042",
        "account": "KW81CBKU0000000000001234560101",
        "drawer": "محمد العنزي",
        **DATE,
        "kind": "personal",
    },
    "debit_card": {**SLIP, "expires": "09/27"},
    "credit_card": {**SLIP, "expires": "09/27"},
    "bank_cash": BANK,
    "bank_cheque": {**BANK, "serial": "000123", "drawer": "AT&T [NL] Ltd"},
    "direct_debit": {"mandate": "M-2024/77", "reference": "R-1", **DATE},
    "internal_voucher": {"code": "LOYAL-2026-TXWP"},
    "external_voucher": {"code": "SODEXO 4711", "issuer": "Sodexo"},
    "atm": {"trace": "004711", "atm": "ATM-09", **DATE},
}
NOT_NEEDED = {
    "cheque": {"branch", "account", "drawer", "date", "kind"},
    "debit_card": {"expires"},
    "credit_card": {"expires"},
    "bank_cheque": {"drawer"},
}
EVERY_FIELD = [(mode, name) for mode, fields in WHOLE.items() for name in fields]


def test_these_are_all_modes_with_all_their_fields() -> None:
    assert set(WHOLE) == set(MODES.by_code)
    for code, mode in MODES.by_code.items():
        assert {field.name for field in mode.fields} == set(WHOLE[code])


@pytest.mark.parametrize("mode", WHOLE)
def test_every_field_of_a_mode_is_taken_as_it_is(mode: str) -> None:
    assert read_details(MODES[mode], WHOLE[mode]) == WHOLE[mode]


@pytest.mark.parametrize(("mode", "field"), EVERY_FIELD)
def test_a_field_may_be_left_out_only_where_it_is_not_needed(mode: str, field: str) -> None:
    without = {name: value for name, value in WHOLE[mode].items() if name != field}
    if field in NOT_NEEDED.get(mode, ()):
        assert read_details(MODES[mode], without) == without
        return

    with pytest.raises(Refused) as refusal:
        read_details(MODES[mode], without)

    assert (refusal.value.code, refusal.value.details["field"]) == ("field_missing", field)


@pytest.mark.parametrize("mode", WHOLE)
@pytest.mark.parametrize("name", ["pan", "card_number", "cvv", "track2", "CODE", ""])
def test_a_field_that_the_mode_has_not_is_refused(mode: str, name: str) -> None:
    with pytest.raises(Refused) as refusal:
        read_details(MODES[mode], {**WHOLE[mode], name: "1"})

    assert refusal.value.code == "unknown_field"
    assert refusal.value.details["allowed"] == sorted(WHOLE[mode])


CARD_NUMBERS = ["4111111111111111", "4111 1111 1111 1111", "378282246310005", "5555-5555-5555-4444"]
TRACK = ";4111111111111111=25121010000000000000?"


@pytest.mark.parametrize(("mode", "field"), EVERY_FIELD)
@pytest.mark.parametrize("number", [*CARD_NUMBERS, TRACK])
def test_no_field_of_any_mode_takes_a_card_number(mode: str, field: str, number: str) -> None:
    with pytest.raises(Refused) as refusal:
        read_details(MODES[mode], {**WHOLE[mode], field: number})

    assert refusal.value.code in ("card_number_refused", "text_too_long")
    limit = next(one.limit for one in MODES[mode].fields if one.name == field)
    if len(number) <= limit:
        assert refusal.value.code == "card_number_refused"
    assert "4111" not in str(refusal.value.as_json())
    assert "3782" not in str(refusal.value.as_json())


@pytest.mark.parametrize(
    ("mode", "field", "honest"),
    [
        ("cheque", "account", "KW81CBKU0000000000001234560101"),
        ("cheque", "account", "DE89370400440532013000"),
        ("cheque", "account", "0012345678"),
        ("bank_cash", "reference", "356938035643809"),
        ("bank_cash", "reference", "8996500000000000014"),
        ("bank_cash", "reference", "4006381333931"),
        ("bank_cash", "reference", "20261121-000042/7"),
        ("direct_debit", "mandate", "KW-81-CBKU-0000000000001234560101"),
        ("atm", "trace", "000000"),
        ("internal_voucher", "code", "8996500000000000014"),
        *[("bank_cheque", "drawer", name) for name in HONEST_NAMES],
    ],
)
def test_an_honest_number_or_name_is_kept(mode: str, field: str, honest: str) -> None:
    assert read_details(MODES[mode], {**WHOLE[mode], field: honest})[field] == honest


@pytest.mark.parametrize(
    ("field", "good"),
    [
        ("auth_code", "AB"),
        ("auth_code", "000000"),
        ("auth_code", "a1b2c3d4e5f6"),
        ("last4", "0000"),
        ("rrn", "0"),
        ("rrn", "A12345678901"),
        ("expires", "0927"),
        ("expires", "12/30"),
        ("expires", "2027-09"),
    ],
)
@pytest.mark.parametrize("mode", ["debit_card", "credit_card"])
def test_what_stands_on_a_card_slip_is_taken(mode: str, field: str, good: str) -> None:
    assert read_details(MODES[mode], {**WHOLE[mode], field: good})[field] == good


@pytest.mark.parametrize(
    ("field", "bad", "hint"),
    [
        ("auth_code", "A", "letters and digits"),
        ("auth_code", "A1-B2", "letters and digits"),
        ("auth_code", "A1 B2", "letters and digits"),
        ("last4", "111", "last four digits"),
        ("last4", "11a1", "last four digits"),
        ("last4", "-111", "last four digits"),
        ("rrn", "00012345-789", "as on the slip"),
        ("expires", "13/27", "09/27"),
        ("expires", "00/27", "09/27"),
        ("expires", "9/27", "09/27"),
        ("expires", "2027-13", "09/27"),
        ("expires", "20279", "09/27"),
    ],
)
@pytest.mark.parametrize("mode", ["debit_card", "credit_card"])
def test_what_cannot_stand_on_a_card_slip_is_refused_with_a_hint(
    mode: str, field: str, bad: str, hint: str
) -> None:
    with pytest.raises(Refused) as refusal:
        read_details(MODES[mode], {**WHOLE[mode], field: bad})

    assert (refusal.value.code, refusal.value.details["field"]) == ("bad_field", field)
    assert hint in refusal.value.message


@pytest.mark.parametrize("mode", [code for code in WHOLE if "date" in WHOLE[code]])
@pytest.mark.parametrize("bad", ["21/11/2026", "2026-11-31", "tomorrow", "20261121", "2026-W47-6"])
def test_a_date_of_any_mode_is_a_day_of_the_calendar(mode: str, bad: str) -> None:
    with pytest.raises(Refused) as refusal:
        read_details(MODES[mode], {**WHOLE[mode], "date": bad})

    assert refusal.value.code in ("bad_date", "text_too_long")


# --- one paper, one slip (rules 47, 49) ----------------------------------------------------------------------------


def instrument(mode: str, amount: str = "5", **other: str) -> str | None:
    return instrument_of(MODES[mode], {**WHOLE[mode], **other}, money(amount))


def test_cash_and_cheques_have_no_instrument() -> None:
    """A cheque's identity is its own matter: there zeros in front count (rule 37)."""
    assert instrument("cash") is None
    assert instrument("cheque") is None


@pytest.mark.parametrize("mode", [code for code in WHOLE if MODES[code].identity])
def test_every_field_of_the_identity_makes_a_difference_and_no_other(mode: str) -> None:
    for field in MODES[mode].fields:
        other = "2026-11-20" if field.kind is FieldKind.DATE else "7"
        differs = instrument(mode, **{field.name: other}) != instrument(mode)
        assert differs == (field.name in MODES[mode].identity), field.name
    assert (instrument(mode, "6") != instrument(mode)) == ("amount" in MODES[mode].identity)


@pytest.mark.parametrize(
    ("mode", "written"),
    [
        ("bank_cash", {"reference": "k7-20991"}),
        ("bank_cash", {"reference": "K7 20991"}),
        ("bank_cash", {"reference": "K7/20991"}),
        ("bank_cash", {"reference": "00K7-20991"}),
        ("bank_cash", {"bank": "1", "branch": "0042"}),
        ("debit_card", {"rrn": "123456789", "auth_code": "a1b2c3", "card_terminal": "t7"}),
        ("debit_card", {"last4": "2222", "brand": "Mastercard", "expires": "01/30"}),
        ("atm", {"trace": "4711", "atm": "atm 09"}),
        ("atm", {"trace": "47 11", "atm": "ATM-9"}),
        ("bank_cash", {"reference": "K7-020991"}),
        ("bank_cash", {"reference": "K 7 - 2 0 9 9 1"}),
        ("direct_debit", {"mandate": "m 2024-77", "reference": "r1"}),
    ],
)
def test_the_same_paper_is_met_however_it_is_written(mode: str, written: dict[str, str]) -> None:
    assert instrument(mode, **written) == instrument(mode)


@pytest.mark.parametrize(
    ("mode", "neighbour"),
    [
        ("bank_cash", {"reference": "K7-20992"}),
        ("bank_cash", {"reference": "K7-209910"}),
        ("bank_cash", {"bank": "0010"}),
        ("bank_cash", {"bank": "001042", "branch": ""}),
        ("bank_cash", {"bank": "0010", "branch": "42"}),
        ("debit_card", {"rrn": "1234567890"}),
        ("debit_card", {"rrn": "7", "auth_code": "A1B2C3123456789"}),
        ("atm", {"trace": "47110"}),
        ("bank_cash", {"reference": "K7-209-0991"}),
        ("bank_cash", {"branch": "0"}),
        ("bank_cash", {"branch": "420"}),
    ],
)
def test_a_neighbour_is_another_paper(mode: str, neighbour: dict[str, str]) -> None:
    assert instrument(mode, **neighbour) != instrument(mode)


def test_modes_of_one_kind_share_their_papers_and_kinds_do_not() -> None:
    assert instrument("debit_card") == instrument("credit_card")
    assert instrument("bank_cash") == instrument("bank_cheque")
    kinds = {instrument(mode) for mode in ("debit_card", "bank_cash", "direct_debit", "atm")}
    assert len(kinds) == 4
    same = {"mandate": "1", "reference": "2", "trace": "1", "atm": "2"}
    assert instrument("direct_debit", **same) != instrument("atm", **same)


def test_the_amount_of_a_bank_receipt_counts_to_the_last_digit() -> None:
    assert instrument("bank_cash", "10") == instrument("bank_cheque", "10.000")
    assert instrument("bank_cash", "10") != instrument("bank_cash", "10.001")
    assert instrument("bank_cash", "10") != instrument("bank_cash", "1000")


def test_a_blank_between_digits_makes_no_other_paper() -> None:
    assert instrument("bank_cash", reference="10 0500") == instrument("bank_cash", reference="100500")


@given(days=st.sets(st.dates(), min_size=2, max_size=2))
@example(days={date(2026, 1, 11), date(2026, 11, 1)})
def test_papers_of_two_days_are_two(days: set[date]) -> None:
    one, other = (instrument("direct_debit", date=day.isoformat()) for day in days)

    assert one != other


@pytest.mark.parametrize(
    ("mode", "field"),
    [(code, name) for code, mode in MODES.by_code.items() for name in mode.identity if name in WHOLE[code]],
)
def test_what_a_paper_is_known_by_holds_a_letter_or_a_digit(mode: str, field: str) -> None:
    with pytest.raises(Refused) as refusal:
        read_details(MODES[mode], {**WHOLE[mode], field: "- / -"})

    assert refusal.value.code in ("bad_field", "bad_date")
