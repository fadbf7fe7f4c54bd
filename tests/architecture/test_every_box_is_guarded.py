"""Whatever is typed into is a box that keeps no card number: found in the code of the screens, not in a list beside it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual import widgets
from textual.widgets import Input, TextArea

from pos.tui.widgets.entry import Box

ROOT = Path(__file__).resolve().parents[2]
ENTRY = "pos/tui/widgets/entry.py"
"""Where the framework's own entry becomes one with the guard."""

TYPED_INTO = {
    name
    for name in vars(widgets)["__all__"]
    if isinstance(getattr(widgets, name), type) and issubclass(getattr(widgets, name), Input | TextArea)
}
"""Those of the framework's widgets that keep what is typed."""

GUARD = ("wipe_card_number", "action_submit", "action_cut", "action_copy", "_on_blur", "_on_key")


def made_or_derived(source: str, names: set[str]) -> Iterator[tuple[int, str]]:
    """Each place where one of ``names`` is made or derived from; to ask for one, or to hear of one, is no such place."""
    for node in ast.walk(ast.parse(source)):
        called = [node.func] if isinstance(node, ast.Call) else []
        called += node.bases if isinstance(node, ast.ClassDef) else []
        for one in called:
            name = one.attr if isinstance(one, ast.Attribute) else one.id if isinstance(one, ast.Name) else ""
            if name in names:
                yield one.lineno, name


def sources() -> dict[str, str]:
    return {
        path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
        for path in sorted((ROOT / "pos" / "tui").rglob("*.py"))
    }


def test_nothing_but_the_guarded_box_is_typed_into() -> None:
    """Rule 44: a screen that takes the framework's own entry fails here."""
    found = {path: list(made_or_derived(source, TYPED_INTO)) for path, source in sources().items()}

    assert {"Input", "TextArea", "MaskedInput"} <= TYPED_INTO
    assert [name for _, name in found.pop(ENTRY)] == ["Input"]
    assert {path: places for path, places in found.items() if places} == {}


def test_no_box_takes_its_guard_off() -> None:
    """Rule 44: what is derived from the box adds to it."""
    derived = [
        (path, node)
        for path, source in sources().items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id == "Box" for base in node.bases)
    ]

    assert len(derived) >= 1
    for path, node in derived:
        own = {one.name for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert own.isdisjoint(GUARD), f"{path}: {node.name} has a way of its own"
    assert all(name in vars(Box) for name in GUARD)


@pytest.mark.parametrize(
    "source", ["yield Input()", "class Own(TextArea): ...", "yield widgets.Input(id='x')", "MaskedInput('9')"]
)
def test_a_box_without_a_guard_is_found(source: str) -> None:
    assert list(made_or_derived(source, TYPED_INTO))


@pytest.mark.parametrize(
    "source", ["self.query_one(Input)", "def f(event: Input.Changed): ...", "Field('Name')"]
)
def test_what_only_asks_for_a_box_is_left_alone(source: str) -> None:
    assert not list(made_or_derived(source, TYPED_INTO))
