"""Nothing leaves this program past the encoder of its target (reliability.md section 4)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [path for folder in ("pos", "sync", "receipts") for path in sorted((ROOT / folder).rglob("*.py"))]

ENCODER = "pos/domain/encode.py"
OWNERS: dict[str, frozenset[str]] = {
    # Spreadsheets: whoever writes cells by a library of its own writes formulas.
    "csv.writer": frozenset(),
    "csv.DictWriter": frozenset(),
    "openpyxl": frozenset(),
    "xlsxwriter": frozenset(),
    # Faults: the stock ways to tell them show the values of variables, or what an exception says.
    "traceback": frozenset({ENCODER}),
    "rich.traceback": frozenset(),
    "faulthandler": frozenset(),
    # Logs: one formatter, which masks and escapes.
    "logging.basicConfig": frozenset({"pos/cli/faults.py"}),
    "logging.StreamHandler": frozenset({"pos/cli/faults.py"}),
    "logging.FileHandler": frozenset(),
    "logging.Formatter": frozenset({"pos/cli/faults.py"}),
}
PRINTERS = ("pos/cli/", "pos/sample.py")
"""The command line answers on standard output; everybody else would spoil the screen."""


def used_names(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported and every dotted name that is read."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"


@cache
def uses() -> dict[str, set[str]]:
    """Where each name is used; not asked before a test runs, for it takes seconds and every worker collects all tests."""
    found: dict[str, set[str]] = {}
    for path in SOURCES:
        for name in used_names(ast.parse(path.read_text("utf-8"))):
            found.setdefault(name, set()).add(path.relative_to(ROOT).as_posix())
    return found


@pytest.mark.parametrize(("name", "owners"), OWNERS.items())
def test_only_the_encoders_write_what_others_open(name: str, owners: frozenset[str]) -> None:
    assert uses().get(name, set()) <= owners


def test_only_the_command_line_prints() -> None:
    printing = {
        path.relative_to(ROOT).as_posix()
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }

    assert {path for path in printing if not path.startswith(PRINTERS)} == set()
    assert "pos/cli/output.py" in printing


def test_the_screen_never_shows_the_values_of_a_fault() -> None:
    app = (ROOT / "pos" / "tui" / "app.py").read_text("utf-8")

    assert "def _fatal_error" in app
    assert "show_locals" not in "".join(path.read_text("utf-8") for path in SOURCES)
    assert "pos/tui/app.py" in uses()["pos.domain.encode.crash_lines"]
