"""Reads a PDF back with a program that is not ours."""

from __future__ import annotations

import shutil
import subprocess

import pytest


def text_of(pdf: bytes) -> str:
    """The words of ``pdf`` in their places. Fails if the reader complains; skips the test where there is no reader."""
    return _read("pdftotext", "-layout", "-", "-", pdf=pdf)


def fonts_of(pdf: bytes) -> list[list[str]]:
    """For each font its name and whether it is embedded: ``["AAAAAA+DejaVuSansMono", "yes"]``."""
    lines = _read("pdffonts", "-", pdf=pdf).splitlines()[2:]
    return [[line.split()[0], line.split()[-5]] for line in lines]


def page_sizes_of(pdf: bytes) -> list[tuple[float, float]]:
    """Width and height of every page in points."""
    lines = _read("pdfinfo", "-f", "1", "-l", "99", "-", pdf=pdf).splitlines()
    sizes = [line.split() for line in lines if line.startswith("Page ") and "size:" in line]
    return [(float(words[3]), float(words[5])) for words in sizes]


def _read(program: str, *arguments: str, pdf: bytes) -> str:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is missing (Debian package poppler-utils): NO PDF WAS READ BACK")
    read = subprocess.run([path, *arguments], input=pdf, capture_output=True, check=True, timeout=60)
    assert read.stderr == b"", f"{program} found fault with the PDF: {read.stderr.decode()}"
    return read.stdout.decode()
