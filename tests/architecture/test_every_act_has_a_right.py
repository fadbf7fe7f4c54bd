"""Whatever can be done has its row in the table of rights: found in the code itself, not in a list beside it.

A new deed, act of the script, command or key without a row fails here (reliability.md section 2, invariant 44).
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from pos.cli.main import app
from pos.domain.role import ACTS, NOTED, Grant
from pos.settings import read_settings
from pos.till.script_acts import ACTS as ACTS_OF_THE_SCRIPT
from pos.till.script_acts import AVAILABLE
from pos.tui.keys import KEYS, MENU, OFFICE, RIGHTS

ROOT = Path(__file__).resolve().parents[2]
TABLE = read_settings().permissions

CHECKED_WITH_THE_SETTINGS = {"mode.act"}
"""A right that a way to pay wants besides: settings refuse one that is none."""

KEPT = {"one.act", "request.act"}
"""Acts that were checked before they were kept."""

OF_THE_MACHINE = """
    demo till training init fixture sync outbox verify backup doctor config.show keys.show keys.check keys.backup
    export.support central.*
""".split()
"""Commands that act for nobody and show no personal data (interface.md section 1)."""


@dataclass(frozen=True)
class Asked:
    """One place in the code that names an act."""

    where: str
    act: str


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / "pos").rglob("*.py")):
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text("utf-8"))


@cache
def takers_of_acts() -> dict[str, int]:
    """The functions of till and seat with a parameter ``act: str``: they ask for a right or write the audit, and which
    of their arguments it is."""
    found = {}
    for path, tree in modules():
        for function in [
            one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
        ]:
            named = [*function.args.args, *function.args.kwonlyargs]
            texts = [
                one.arg
                for one in named
                if one.annotation is not None and ast.unparse(one.annotation) == "str"
            ]
            if path.startswith(("pos/till/", "pos/tui/seat")) and "act" in texts:
                own = [one.arg for one in named if one.arg != "self"]
                found[function.name] = own.index("act")
    return found


def acts_asked() -> Iterator[Asked]:
    """Every act that the code names where a right is asked for or an audit row is written."""
    for path, tree in modules():
        for function in [
            node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]:
            for call in [node for node in ast.walk(function) if isinstance(node, ast.Call)]:
                argument = act_of(call)
                if argument is not None:
                    for act in values_of(argument, function, path):
                        yield Asked(where=f"{path}:{call.lineno}", act=act)


def act_of(call: ast.Call) -> ast.expr | None:
    """The argument of ``call`` that is an act, also where the call is put off by ``partial``."""
    arguments, name = list(call.args), name_of(call.func)
    if name == "partial" and arguments:
        name = name_of(arguments.pop(0))
    takers = takers_of_acts()
    if name not in takers:
        return None
    for keyword in call.keywords:
        if keyword.arg == "act":
            return keyword.value
    return arguments[takers[name]] if len(arguments) > takers[name] else None


def name_of(called: ast.expr) -> str:
    if isinstance(called, ast.Attribute):
        return called.attr
    return called.id if isinstance(called, ast.Name) else ""


def values_of(
    argument: ast.expr, function: ast.FunctionDef | ast.AsyncFunctionDef, path: str
) -> Iterator[str]:
    """The acts that ``argument`` may be."""
    match argument:
        case ast.Constant(value=str(act)):
            yield act
        case ast.IfExp(body=body, orelse=other):
            yield from values_of(body, function, path)
            yield from values_of(other, function, path)
        case ast.Attribute() if ast.unparse(argument) in CHECKED_WITH_THE_SETTINGS | KEPT:
            return
        case ast.Name(id=name):
            yield from values_of_name(name, function, path)
        case _:
            raise AssertionError(f"{path}:{argument.lineno}: which act is {ast.unparse(argument)}?")


def values_of_name(name: str, function: ast.FunctionDef | ast.AsyncFunctionDef, path: str) -> Iterator[str]:
    arguments = function.args
    if name in {one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}:
        # Its own callers name it; a default is one more.
        for default in (*arguments.defaults, *(one for one in arguments.kw_defaults if one is not None)):
            if isinstance(default, ast.Name) and default.id.isupper():
                yield from constant(default.id, path)
        return
    assigned = [
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        and any(isinstance(to, ast.Name) and to.id == name for to in node.targets)
    ]
    if assigned:
        for value in assigned:
            if isinstance(value, ast.Constant | ast.IfExp | ast.Name):
                yield from values_of(value, function, path)
        return
    yield from constant(name, path)


def constant(name: str, path: str) -> Iterator[str]:
    found = getattr(importlib.import_module(path.removesuffix(".py").replace("/", ".")), name, None)
    assert isinstance(found, str), f"{path}: which act is {name}?"
    yield found


def test_every_act_that_the_code_names_has_a_row() -> None:
    """Invariant 44: a new act without a row fails here."""
    asked = set(acts_asked())

    assert {one for one in asked if one.act not in {*TABLE.grants, *NOTED}} == set()
    assert {"pay", "close_shift", "reprint", "enquire", "unlock", "session_end"} <= {one.act for one in asked}
    assert len(asked) > 40


def test_the_table_and_the_known_acts_are_the_same() -> None:
    assert TABLE.grants.keys() == ACTS.keys()
    assert not ACTS.keys() & NOTED


@pytest.mark.sweep(1)
@pytest.mark.parametrize("act", sorted(ACTS_OF_THE_SCRIPT))
def test_every_act_of_the_script_may_be_done_by_somebody(act: str) -> None:
    assert any(grant.allows_deed for grant in TABLE.grants[act].values())


def test_what_the_script_can_do_is_an_act_of_it() -> None:
    assert AVAILABLE <= ACTS_OF_THE_SCRIPT


def test_every_key_and_command_of_the_screen_says_which_right_it_wants() -> None:
    known = {key.id for key in KEYS} | {entry.act for entry in (*MENU, *OFFICE)}

    assert RIGHTS.keys() == known
    assert {right for right in RIGHTS.values() if right} <= TABLE.grants.keys()


def commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{before}{name}.")
        else:
            yield f"{before}{name}", command


def test_every_command_acts_for_a_person_or_is_the_machines_own() -> None:
    """Invariant 44: a new command asks who it is for, or is named here as the machine's."""
    found = list(commands(typer.main.get_command(app)))
    assert len(found) > 20
    for name, command in found:
        of_the_machine = name in OF_THE_MACHINE or f"{name.split('.')[0]}.*" in OF_THE_MACHINE
        asks_who = {"user", "pin_fd"} <= {one.name for one in command.params}
        # Sending again what central refused is a person's; looking at what waits is not.
        assert asks_who is not of_the_machine or name == "outbox", name


def test_no_right_but_the_six_grants() -> None:
    assert {grant for row in TABLE.grants.values() for grant in row.values()} <= set(Grant)
