"""Bank files in the encodings, scripts and line ends that banks write: what is honest is read, whatever wrote it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pos.domain.bank_file import EntryKind
from pos.domain.errors import Refused
from pos.settings import read_settings
from tests.builders.bank_xml import entry, notice, read_file

PROFILES = read_settings().bank_profiles
WHY = "<RtrInf><Rsn><Cd>MD06</Cd></Rsn><AddtlInf>{}</AddtlInf></RtrInf>"
CSV = (
    "H;F-1;2026-11-21;EUR\n"
    "D;paid;E-1;M-1;BA-1;7781;10.00;2026-11-20;\n"
    "D;rejected;E-2;M-2;BA-2;;5.00;2026-11-20;AM04\n"
    "T;2;15.00\n"
)
FIXED = (
    "0F-1            20261121EUR\n"
    "500E-1                                M-1                 BA-1                00000000000100020261120    \n"
    "90000001000000000000001000\n"
)


@pytest.mark.parametrize(
    ("encoding", "declared", "words"),
    [
        ("utf-8", "UTF-8", "الحساب مغلق"),
        ("utf-8-sig", "UTF-8", "Счёт закрыт"),
        ("utf-16", "UTF-16", "الحساب مغلق"),
        ("utf-16-le", "UTF-16", "口座閉鎖"),
        ("utf-16-be", "UTF-16", "बंद"),
        ("latin-1", "ISO-8859-1", "Détenteur Müller"),
        ("iso8859-15", "ISO-8859-15", "Štefan €"),
        ("cp1252", "windows-1252", "Grüße – „Bank“"),
        ("cp1256", "windows-1256", "مغلق"),
    ],
)
def test_a_message_is_read_in_the_encoding_that_it_declares(
    tmp_path: Path, encoding: str, declared: str, words: str
) -> None:
    content = notice(entry("E-1"), entry("E-2", side="DBIT", more=WHY.format(words)))

    _, told = read_file(tmp_path, content.replace("UTF-8", declared).encode(encoding))

    assert [(one.kind, one.reference, one.reason_text) for one in told] == [
        (EntryKind.PAID, "E-1", ""),
        (EntryKind.RETURNED, "E-2", words),
    ]


@pytest.mark.parametrize(
    "content",
    [
        notice(entry("E-1", more=WHY.format("Müller"))).encode("latin-1"),
        notice(entry("E-1")).replace("UTF-8", "UTF-16").encode("utf-8"),
        notice(entry("E-1")).encode("utf-32"),
        notice(entry("E-1")).replace("UTF-8", "utf-7").encode("utf-7"),
    ],
)
def test_a_message_in_another_encoding_than_it_declares_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        read_file(tmp_path, content)
    assert refusal.value.code == "bad_file"


@pytest.mark.parametrize("ends", ["\r\n", "\r", "\n\n"])
def test_line_ends_of_any_system_are_read(tmp_path: Path, ends: str) -> None:
    plain = read_file(tmp_path, CSV, layout=PROFILES["csv"])[1]

    for content in (CSV.replace("\n", ends), CSV.replace("\n", ends, 2), CSV.rstrip("\n"), CSV + "\x1a"):
        assert read_file(tmp_path, content, layout=PROFILES["csv"])[1] == plain
    told = notice(entry("E-1", "E-2"))
    assert read_file(tmp_path, told.replace("\n", ends))[1] == read_file(tmp_path, told)[1]


@pytest.mark.parametrize(
    ("encoding", "write"),
    [
        ("utf-8", lambda text: text.encode("utf-8-sig")),
        ("ascii", lambda text: text.encode("utf-8-sig")),
        ("utf-16", lambda text: text.encode("utf-16")),
        ("utf-16", lambda text: b"\xfe\xff" + text.encode("utf-16-be")),
        ("cp1256", lambda text: text.encode("cp1256")),
    ],
)
def test_the_mark_before_a_text_is_no_part_of_its_first_line(
    tmp_path: Path, encoding: str, write: Callable[[str], bytes]
) -> None:
    layout = replace(PROFILES["csv"], encoding=encoding)

    file, told = read_file(tmp_path, write(CSV), layout=layout)

    assert (file.head.bank_file_id, [one.reference for one in told]) == ("F-1", ["E-1", "E-2"])


@pytest.mark.parametrize("content", [CSV.encode("utf-16-le"), CSV.encode("utf-16")[:-1], CSV.encode()])
def test_a_text_that_is_not_in_the_encoding_of_its_profile_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        read_file(tmp_path, content, layout=replace(PROFILES["csv"], encoding="utf-16"))
    assert refusal.value.code == "bad_file"


def test_blanks_that_a_system_cut_off_a_line_are_no_fault(tmp_path: Path) -> None:
    cut = "\n".join(line.rstrip() for line in FIXED.split("\n"))

    assert read_file(tmp_path, cut, layout=PROFILES["fixed"])[1] == read_file(
        tmp_path, FIXED, layout=PROFILES["fixed"]
    )[1]  # fmt: skip


@pytest.mark.parametrize("ends_at", [80, 90, 95, 100])
def test_a_line_that_ends_within_an_amount_or_a_day_is_refused(tmp_path: Path, ends_at: int) -> None:
    """A shorter number is another number."""
    lines = FIXED.split("\n")
    lines[1] = lines[1][:ends_at]

    with pytest.raises(Refused) as refusal:
        read_file(tmp_path, "\n".join(lines), layout=PROFILES["fixed"])
    assert refusal.value.code == "bad_file"


def test_a_file_with_more_entries_than_a_run_takes_is_refused_where_it_passes_them(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refusal:
        read_file(tmp_path, CSV.replace("T;2;15.00", "Q"), layout=PROFILES["csv"], entries_max=1)
    assert refusal.value.code == "too_many_entries"
