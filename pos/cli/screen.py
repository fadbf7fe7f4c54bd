"""Starting the screen: hands the app its desk, its paper and its wire, and runs them in one loop."""

from __future__ import annotations

from functools import partial

import typer

from pos.bootstrap.bank_files import BankFileWays, FilesFolder
from pos.bootstrap.cards import card_terminal_of, keep_looking_after
from pos.bootstrap.homes import OpenTill, open_till, real_machine
from pos.bootstrap.ledger import bring_batches
from pos.bootstrap.paper import (
    open_drawer_in_background,
    print_in_background,
    print_slips,
    print_voucher,
    receipt_text,
    voucher_text,
)
from pos.bootstrap.whole_check import check_in_background, keep_checking
from pos.bootstrap.wire import make_client, make_engine
from pos.cli.output import Invocation
from pos.domain.errors import Refused
from pos.domain.ports import Runner
from pos.domain.voucher import VoucherIssued
from pos.machine import ThreadRunner
from pos.till.sign_in import end_session
from pos.tui.app import TillApp
from pos.tui.ports import NotAskedYet, VoucherIssue
from sync.approvals_elsewhere import CentralApprovals
from sync.client import CentralClient
from sync.demanded_bills import CentralBills
from sync.refunds_elsewhere import CentralRefunds
from sync.vouchers import CentralVouchers


def run_screen(call: Invocation, *, hint: str | None = None) -> None:
    """Run the till's screen until the person leaves it; the exit code is the app's. ``hint`` stands on the sign-in."""
    runner = ThreadRunner()
    try:
        with open_till(call.home, machine=real_machine(), config=call.config) as till:
            client = _client_or_none(call, till)
            engine = None if client is None else make_engine(till, client, runner=runner)
            terminal = card_terminal_of(till)
            app = TillApp(
                till.desk,
                runner,
                preview=partial(receipt_text, till),
                after_commit=partial(_print_all, till, runner, client),
                lock_after_s=till.settings.till.sign_in.idle_lock_minutes * 60,
                sync_state=NotAskedYet if engine is None else engine.now,
                keep_syncing=None if engine is None else engine.keep_syncing,
                vouchers=None if client is None else CentralVouchers(client),
                issuing=None if client is None else _issuing(till, runner, client),
                bills=None if client is None else CentralBills(client),
                refunds=None if client is None else CentralRefunds(client),
                approvals=None if client is None else CentralApprovals(client),
                sessions=None if engine is None else engine.sessions,
                card_terminal=terminal,
                keep_cards=None if terminal is None else partial(keep_looking_after, till, terminal, runner),
                keep_checking=partial(
                    keep_checking, till, check=partial(check_in_background, till, call.config)
                ),
                open_drawer=partial(open_drawer_in_background, till, runner),
                bring_batches=partial(bring_batches, till, runner=runner),
                bank_folder=FilesFolder(BankFileWays.of(till)),
                hint=hint,
            )
            code = app.run(mouse=False)
            # What is under way ends first: the books have one writer.
            runner.close()
            if app.seat.occupant is not None:
                end_session(till.desk, app.seat.occupant, why="program_ended")
    finally:
        runner.close()
    if code:
        raise typer.Exit(code)


def _issuing(till: OpenTill, runner: Runner, client: CentralClient) -> VoucherIssue:
    """The way to a new voucher: signed by central, printed here."""

    async def print_slip(voucher: VoucherIssued) -> str | None:
        return await print_voucher(till, voucher, runner)

    return VoucherIssue(
        press=CentralVouchers(client), slip_text=partial(voucher_text, till), print_slip=print_slip
    )


async def _print_all(till: OpenTill, runner: Runner, client: CentralClient | None) -> None:
    """Receipts first, for somebody waits for them; then the slips of new vouchers, for which central is asked."""
    await print_in_background(till, runner)
    if client is not None:
        await print_slips(till, CentralVouchers(client), runner)


def _client_or_none(call: Invocation, till: OpenTill) -> CentralClient | None:
    """A till without a central works offline for ever, and says so."""
    try:
        return make_client(till)
    except Refused as refusal:
        call.note(refusal.message)
        return None
