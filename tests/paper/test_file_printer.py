"""A paper in a folder is there whole or not at all, and only the till's own user may read it."""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pos.domain.ports import PrinterUnavailable
from receipts.printer import FilePrinter

NAME = "S01-T02-A-000042.pdf"


def test_a_paper_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "papers"

    FilePrinter(folder).put(name=NAME, content=b"paper")

    assert (folder / NAME).read_bytes() == b"paper"
    assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert os.listdir(folder) == [NAME]


def test_a_folder_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    folder.chmod(0o755)

    FilePrinter(folder).put(name=NAME, content=b"paper")

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_printing_again_replaces_the_paper(tmp_path: Path) -> None:
    printer = FilePrinter(tmp_path / "papers")

    printer.put(name=NAME, content=b"first, and longer")
    printer.put(name=NAME, content=b"second")

    assert (tmp_path / "papers" / NAME).read_bytes() == b"second"
    assert os.listdir(tmp_path / "papers") == [NAME]


HOSTILE_NAMES = [
    "",
    "../S01.pdf",
    "/etc/passwd",
    "S01/../../x",
    "S01\x00.pdf",
    "S01.pdf\n",
    "S01 .pdf",
    ".S01.pdf",
    "-S01.pdf",
    "s01.pdf",
    "Ｓ01.pdf",
    "S" * 81,
    "S01\\x.pdf",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_name_that_is_no_number_is_refused_and_writes_nothing(tmp_path: Path, name: str) -> None:
    printer = FilePrinter(tmp_path / "papers")

    with pytest.raises(ValueError, match="name"):
        printer.put(name=name, content=b"paper")

    assert [path.name for path in tmp_path.rglob("*")] == ["papers"]


def test_a_folder_that_vanished_is_told_and_not_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    printer = FilePrinter(folder)
    folder.rmdir()

    with pytest.raises(PrinterUnavailable):
        printer.put(name=NAME, content=b"paper")

    assert not folder.exists()


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    folder.write_text("a file")

    with pytest.raises(PrinterUnavailable):
        FilePrinter(folder).put(name=NAME, content=b"paper")


def test_a_link_in_the_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "papers").symlink_to(elsewhere)

    with pytest.raises(PrinterUnavailable):
        FilePrinter(tmp_path / "papers").put(name=NAME, content=b"paper")

    assert os.listdir(elsewhere) == []


def test_a_link_in_the_place_of_the_paper_is_replaced_and_its_target_stays(tmp_path: Path) -> None:
    printer = FilePrinter(tmp_path / "papers")
    target = tmp_path / "target"
    target.write_bytes(b"untouched")
    for name in (NAME, f".{NAME}.part"):
        (tmp_path / "papers" / name).symlink_to(target)

    printer.put(name=NAME, content=b"paper")

    assert target.read_bytes() == b"untouched"
    assert not (tmp_path / "papers" / NAME).is_symlink()
    assert (tmp_path / "papers" / NAME).read_bytes() == b"paper"


def test_a_disk_that_is_full_in_the_middle_leaves_the_old_paper_whole(tmp_path: Path) -> None:
    printer = FilePrinter(tmp_path / "papers")
    printer.put(name=NAME, content=b"old")

    with room_for(1_000), pytest.raises(PrinterUnavailable):
        printer.put(name=NAME, content=b"n" * 5_000)

    assert (tmp_path / "papers" / NAME).read_bytes() == b"old"
    assert os.listdir(tmp_path / "papers") == [NAME]


def test_what_a_dead_machine_left_half_written_does_not_stand_in_the_way(tmp_path: Path) -> None:
    printer = FilePrinter(tmp_path / "papers")
    (tmp_path / "papers" / f".{NAME}.part").write_bytes(b"hal")

    printer.put(name=NAME, content=b"paper")

    assert os.listdir(tmp_path / "papers") == [NAME]


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """The kernel refuses every write past ``size`` bytes of a file, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
