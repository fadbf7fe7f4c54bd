"""Strings from outside, both sides: the hostile is refused or made harmless, the honest survives unchanged."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.errors import Refused
from pos.domain.text_guard import MAX_COMBINING_RUN, clean_entry, clean_foreign, clean_reference, fold
from tests.builders.tills import HONEST_NAMES

HONEST = [
    *HONEST_NAMES,
    "Müller",
    "Zoë Çelik",
    "محمد",
    "José-María Núñez d'Ávila",
    "Παύλος Ιωάννου",
    "Ирина Ёлкина",
    "שרה כהן",
    "مُحَمَّد",
    "นางสาวน้ำฝน",
    "Nguyễn Thị Ánh",
    "हिन्दी नाम",
    "क्\u200dष",
    "می\u200cخواهم",
    "👨\u200d👩\u200d👧\u200d👦",
    "👩🏽\u200d🚀",
    "🏳\ufe0f\u200d🌈",
    "김민준",
    "AT&T [NL] Ltd",
    "[/] & Sons",
    "=SUM(A1)",
    "50% off; 'quoted' \"twice\" \\ /",
    "{{7*7}} ${x}",
    "<b>bold</b>",
    "a b",
    "x",
    "",
]

HOSTILE = {
    "a window title": "\x1b]0;owned\x07",
    "the clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "a cleared screen in C1": "\x9b2J",
    "the cash drawer": "\x1bp\x00",
    "a printer set-up": "\x1d(",
    "NUL": "a\x00b",
    "bell": "a\x07",
    "delete": "a\x7f",
    "new line": "a\nb",
    "carriage return": "a\rb",
    "tab": "a\tb",
    "next line": "a\x85b",
    "line separator": "a\u2028b",
    "paragraph separator": "a\u2029b",
    "right-to-left override": "a\u202egnp.exe",
    "left-to-right embedding": "a\u202ab",
    "pop": "a\u202cb",
    "isolate": "a\u2066b\u2069",
    "left-to-right mark": "a\u200eb",
    "right-to-left mark": "a\u200fb",
    "arabic letter mark": "a\u061cb",
    "zero width space": "a\u200bb",
    "word joiner": "a\u2060b",
    "byte order mark": "\ufeffa",
    "soft hyphen": "a\u00adb",
    "lone surrogate": "a\ud800b",
    "private use": "a\ue000b",
    "unassigned": "a\u0378b",
    "not a character": "a\uffffb",
    "a joiner alone": "\u200d",
    "a joiner in front": "\u200dab",
    "a joiner at the end": "ab\u200c",
    "a joiner between digits": "1\u200d2",
    "two joiners": "a\u200d\u200db",
    "a tower of marks": "e" + "\u0301" * 500,
    "a small tower of marks": "x" + "\u0316" * (MAX_COMBINING_RUN + 1),
}


@pytest.mark.parametrize("text", HONEST)
def test_an_honest_name_survives_entry_unchanged(text: str) -> None:
    assert clean_entry(text, field="Name", limit=80) == text


@pytest.mark.parametrize("text", HONEST)
def test_an_honest_name_from_a_server_survives_unchanged(text: str) -> None:
    assert clean_foreign(text, limit=80) == text


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_entry_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        clean_entry(text, field="Name", limit=1_000)

    assert refusal.value.code == "bad_text"
    assert refusal.value.details == {"field": "Name"}
    assert refusal.value.message.isascii()
    assert refusal.value.message.isprintable()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_name_from_a_server_becomes_harmless(text: str) -> None:
    cleaned = clean_foreign(text, limit=1_000)

    assert clean_entry(cleaned, field="Name", limit=1_000) == cleaned
    assert len(cleaned) <= len(text)


@given(st.text(max_size=60))
def test_whatever_a_server_tells_is_harmless_when_cleaned(text: str) -> None:
    cleaned = clean_foreign(text, limit=40)

    assert len(cleaned) <= 40
    assert clean_foreign(cleaned, limit=40) == cleaned
    assert not [
        character
        for character in cleaned
        if unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp")
        or unicodedata.bidirectional(character)
        in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    ]


@given(st.text(max_size=60))
def test_what_is_kept_of_an_entry_is_what_was_typed(text: str) -> None:
    try:
        kept = clean_entry(text, field="Name", limit=40)
    except Refused:
        return

    assert kept == unicodedata.normalize("NFC", text).strip(" ")
    assert clean_foreign(kept, limit=40) == kept


def test_an_entry_is_kept_in_one_form() -> None:
    assert clean_entry("Zoe\u0308", field="Name", limit=10) == "Zoë"


def test_blanks_at_the_ends_go() -> None:
    assert clean_entry("  Ann  Lee ", field="Name", limit=10) == "Ann  Lee"


@pytest.mark.parametrize("length", [11, 41, 1_000_000])
def test_an_entry_that_is_too_long_is_refused_before_anything_else(length: int) -> None:
    for clean in (clean_entry, clean_reference):
        with pytest.raises(Refused) as refusal:
            clean("x" * length, field="Name", limit=10)

        assert refusal.value.code == "text_too_long"


def test_a_servers_text_is_cut() -> None:
    assert clean_foreign("x" * 1_000_000, limit=10) == "x" * 10


@pytest.mark.parametrize(
    "text", ["000123", "K7-20991", "a b", "A/1.2_3", "{}", "'; drop table x--", "../../x"]
)
def test_a_reference_keeps_every_sign(text: str) -> None:
    assert clean_reference(f" {text} ", field="Reference", limit=40) == text


@pytest.mark.parametrize(
    "text", ["", " ", "é", "٠٠١", "１２", "a\tb", "a\nb", "a\u00a0b", "\x1b[2J", "a\x7f", "李", "a\n"]
)
def test_a_reference_of_other_signs_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        clean_reference(text, field="Reference", limit=40)

    assert refusal.value.code == "bad_reference"


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("muller", "Müller"),
        ("MULLER", "Müller"),
        ("gross", "Groß"),
        ("zoe celik", "Zoë Çelik"),
        ("παυλος", "Παύλος"),
        ("nguyen thi anh", "Nguyễn Thị Ánh"),
        ("محمد", "مُحَمَّد"),
        ("елкина", "Ёлкина"),
        ("李伟", "李伟"),
        ("gulf", "Ｇｕｌｆ"),
    ],
)
def test_a_name_is_found_without_accents_and_case(query: str, name: str) -> None:
    assert fold(name) == fold(query)
