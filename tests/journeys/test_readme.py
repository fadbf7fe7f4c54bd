"""The README says what the program does: its picture, its keys and its views are the program's own."""

from __future__ import annotations

from pathlib import Path

from tests.readme_parts import PICTURE, README, made


def test_the_picture_the_keys_and_the_views_in_the_readme_are_the_programs_own(tmp_path: Path) -> None:
    svg, readme = made(tmp_path)

    assert README.read_text(encoding="utf-8") == readme, "run: python -m tests.readme_parts"
    assert PICTURE.read_text(encoding="utf-8") == svg, "run: python -m tests.readme_parts"
