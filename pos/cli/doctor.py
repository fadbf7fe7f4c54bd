"""How a home is, and by which settings it works: ``pos doctor`` and ``pos config show``. They name nobody."""

from __future__ import annotations

import json

import typer

from pos.bootstrap.homes import real_machine
from pos.cli.output import Invocation
from pos.settings import read_settings


def doctor(context: typer.Context) -> int:
    """Look at everything that this till stands on, also beside an open screen; 0 where nothing is bad."""
    from pos.bootstrap.doctor import Health, examine

    call: Invocation = context.obj
    seen: list[Health] = []
    codes: list[int] = []
    for sign in examine(call.home, real_machine(), config=call.config):
        seen.append(sign.health)
        codes.append(sign.exit_code)
        do = f" {sign.do}" if sign.do else ""
        call.line(
            {
                "ok": sign.health is not Health.BAD,
                "about": sign.about,
                "state": str(sign.health),
                "says": sign.says,
                "do": sign.do or None,
            },
            f"{sign.health:4}  {sign.about:8}  {sign.says}{'.' if do and sign.says[-1] != '.' else ''}{do}",
        )
    bad, look = seen.count(Health.BAD), seen.count(Health.LOOK)
    call.line({"ok": not bad, "bad": bad, "look": look}, f"{bad} bad, {look} to look at.")
    # A damaged store is told before everything else that is bad.
    return max(codes)


config_app = typer.Typer(help="The settings of a till.", no_args_is_help=True)


@config_app.callback()
def config() -> None:
    """The settings that hold here."""


@config_app.command("show")
def show(context: typer.Context) -> None:
    """Every setting that holds, with the file that it came from; secrets are masked."""
    from pos.bootstrap.settings_shown import shown_settings

    call: Invocation = context.obj
    for one in shown_settings(read_settings(option=call.config, home=call.home)):
        source = None if one.source is None else str(one.source)
        call.line(
            {"file": one.file, "key": one.key, "value": one.value, "source": source},
            f"{one.file}: {one.key} = {json.dumps(one.value, ensure_ascii=False)}  ({source or 'default'})",
        )
