"""Making a home, and the fixture format."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from pos.cli.output import Invocation
from pos.cli.person import CodeOption, read_code


def init(
    context: typer.Context,
    terminal: Annotated[str, typer.Option("--terminal", help="The terminal's name, such as T2.")],
    central: Annotated[str, typer.Option("--central", help="Address of central.")],
    fixture: Annotated[
        Path, typer.Option("--fixture", help="A fixture file: shop, people, accounts, bills.")
    ],
    code: CodeOption = None,
) -> None:
    """Make a home and enrol it."""
    from pos.bootstrap.homes import NewHome, check_new_home, make_home, real_machine
    from pos.bootstrap.wire import enrol, tls_of
    from pos.fixture import read_fixture
    from pos.settings import keep_rights, read_settings

    call: Invocation = context.obj
    settings = read_settings(option=call.config, home=call.home, maker=True)
    known = read_fixture(fixture)
    check_new_home(call.home, terminal, central, known)
    one_time = read_code(code)
    machine = real_machine()
    key = None
    if one_time is not None:
        key = asyncio.run(
            enrol(central, terminal, one_time, randomness=machine.randomness, tls=tls_of(settings))
        )
    new = NewHome(
        terminal=terminal, central_url=central, epoch=1 if key is None else key.epoch, fixture=known, key=key
    )
    identity = make_home(call.home, new, machine=machine, settings=settings)
    keep_rights(settings, call.home)
    call.line(
        {
            "ok": True,
            "home": str(call.home),
            "terminal": identity.terminal,
            "epoch": identity.epoch,
            "series": identity.series,
            "shop": identity.shop.shop,
            "currency": identity.currency.code,
        },
        f"Home {call.home} made: shop {identity.shop.shop}, terminal {identity.terminal}, {identity.currency}.",
    )


def fixture(
    context: typer.Context,
    example: Annotated[bool, typer.Option("--example", help="Print a worked fixture.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print its JSON schema.")] = False,
) -> None:
    """A worked fixture, or its JSON schema."""
    from pos.fixture import example_fixture, fixture_schema
    from sync.wire_json import dumps

    if example == schema:
        raise typer.BadParameter("Choose --example or --schema.")
    call: Invocation = context.obj
    if schema:
        print(
            json.dumps(fixture_schema(), indent=None if call.as_json else 2, ensure_ascii=False), flush=True
        )
    else:
        print(dumps(example_fixture()).decode(), flush=True)
