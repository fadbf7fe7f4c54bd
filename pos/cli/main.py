"""The command ``pos``: reads the common options, runs one command, turns every outcome into its exit code.

0 ok, 1 internal error, 2 usage, 3 refused by a rule, 4 not authorised, 5 store locked, 6 store damaged or findings,
7 central unreachable. Source: interface.md section 1.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import typer

from pos.cli import (
    approvals,
    card,
    central,
    cheques,
    counter,
    demo,
    doctor,
    enrolment,
    exports,
    imports,
    keys,
    ledger,
    mandates,
    operations,
    reports,
    shop,
    wire,
)
from pos.cli.faults import keep_faults_private, tell_fault
from pos.cli.output import Invocation, default_home, print_refusal
from pos.domain.arrival import refuse_cards_among
from pos.domain.errors import DomainError
from pos.store.database import StoreError
from pos.store.unit_of_work import CommitFailed, WriteFailed

INTERNAL, USAGE, INTERRUPTED, UNREACHABLE = 1, 2, 130, 7

UsageError: Any = typer.BadParameter.__bases__[0]
"""Typer carries its own copy of click, whose usage error has no public name."""

app = typer.Typer(
    name="pos",
    help="Counterfoil: the till of a telecom operator. Every command takes --home DIR, --config DIR and --json.",
    add_completion=False,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
)
app.command("demo")(demo.demo)
app.command("till")(counter.till)
app.command("training")(counter.training)
app.command("init")(shop.init)
app.command("fixture")(shop.fixture)
app.command("script")(counter.script)
app.command("find")(counter.find)
app.command("account")(counter.account)
app.command("bill")(counter.bill)
app.command("receipt")(counter.receipt)
app.command("confirm")(counter.confirm)
app.command("approvals")(approvals.approvals)
app.command("approve")(approvals.approve)
app.command("decline")(approvals.decline)
app.command("balance")(counter.balance)
app.command("report")(reports.report)
app.command("cheques")(cheques.cheques)
app.command("mandates")(mandates.mandates)
app.command("sync")(wire.sync)
app.command("outbox")(wire.outbox)
app.command("verify")(operations.verify)
app.command("backup")(operations.backup)
app.command("doctor")(doctor.doctor)
app.command("restore")(operations.restore)
app.command("enrol")(enrolment.enrol)
app.add_typer(card.app, name="card")
app.add_typer(imports.app, name="import")
app.add_typer(exports.app, name="export")
app.add_typer(ledger.app, name="gl")
app.add_typer(keys.app, name="keys")
app.add_typer(doctor.config_app, name="config")
app.add_typer(central.app, name="central")


@app.callback(invoke_without_command=True)
def without_command(context: typer.Context) -> None:
    """The screen, where no command is named."""
    if context.invoked_subcommand is None:
        counter.till(context)


@cache
def commands() -> Any:
    """The commands with their options, as read from the functions above: nearly all of a short command's own time."""
    return typer.main.get_command(app)


def main() -> NoReturn:
    """Entry of the console script."""
    keep_faults_private()
    try:
        code = run(sys.argv[1:])
    except Exception as fault:
        # Here, and not by our hook for faults: a library may have put its own in its place, which prints a fault's text.
        tell_fault(type(fault), fault, fault.__traceback__)
        code = INTERNAL
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command and answer its exit code."""
    try:
        invocation, rest = read_common(arguments)
        # The library below repeats what it does not understand, and a folder of that name would be made.
        refuse_cards_among([*arguments, str(invocation.home)], field="Argument")
    except typer.BadParameter as error:
        error.show()
        return USAGE
    except DomainError as error:
        print_refusal(error, as_json="--json" in arguments)
        return error.exit_code
    # The top command must not print a trace of locals: an argument may be a name.
    try:
        result = commands()(args=rest, obj=invocation, standalone_mode=False, prog_name="pos")
    except DomainError as error:
        invocation.refusal(error)
        return error.exit_code
    except StoreError as error:
        invocation.failure(error.code, error.message)
        return error.exit_code
    except (WriteFailed, CommitFailed) as failure:
        invocation.failure(
            "store_write_failed", f"The disk refuses what was to be written: {failure.reason}."
        )
        return INTERNAL
    except wire.CentralUnreachable as error:
        invocation.failure("central_unreachable", f"Central does not answer: {error}.")
        return UNREACHABLE
    except UsageError as error:
        error.show()
        return USAGE
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        return INTERNAL
    return result if isinstance(result, int) else 0


def read_common(arguments: list[str]) -> tuple[Invocation, list[str]]:
    """Take ``--json``, ``--home`` and ``--config`` out of the arguments, wherever they stand."""
    rest: list[str] = []
    values: dict[str, str] = {}
    as_json = False
    left = iter(arguments)
    for argument in left:
        name, equals, value = argument.partition("=")
        if argument == "--":
            rest += [argument, *left]
        elif argument == "--json":
            as_json = True
        elif name in ("--home", "--config"):
            found = value if equals else next(left, None)
            if not found:
                raise typer.BadParameter(f"{name} needs a folder.")
            values[name] = found
        else:
            rest.append(argument)
    home = values.get("--home")
    config = values.get("--config")
    return (
        Invocation(
            as_json=as_json,
            home=(Path(home) if home else default_home()).absolute(),
            home_given=home is not None,
            config=Path(config).absolute() if config else None,
        ),
        rest,
    )


if __name__ == "__main__":
    main()
