"""The counter's commands: the screen, the script, enquiries, receipts, balances."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pos.cli.output import Invocation
from pos.cli.person import PinOption, UserOption, reading, writing
from pos.domain.bill import OpenBill
from pos.domain.money import Money
from pos.domain.receipt import ReceiptFacts

if TYPE_CHECKING:
    from pos.till.desk import Desk
    from pos.till.enquiries import AccountView
    from pos.till.shop_bags import InTransit

LINE_MAX = 1_000_001
SAMPLE_PERSON = "User 1001, PIN 135790"
"""The cashier of every sample."""


def till(context: typer.Context) -> None:
    """The screen."""
    from pos.cli.screen import run_screen  # Textual loads only where a screen is shown.

    call: Invocation = context.obj
    run_screen(call)


def training(
    context: typer.Context,
    anew: Annotated[bool, typer.Option("--anew", help="Forget what was done there, and begin anew.")] = False,
    fixture: Annotated[
        Path | None, typer.Option("--fixture", help="People and accounts of your own in place of the sample.")
    ] = None,
    no_screen: Annotated[bool, typer.Option("--no-screen", help="Make it, and name its folder.")] = False,
) -> None:
    """Practise: a home of its own that nothing leaves, with every paper and the screen marked TRAINING."""
    from dataclasses import replace

    from pos.bootstrap.homes import real_machine
    from pos.bootstrap.training import training_home

    call: Invocation = context.obj
    folder = training_home(call.home, real_machine(), config=call.config, fixture=fixture, anew=anew)
    if no_screen:
        call.line({"ok": True, "home": str(folder)}, f"People practise in {folder}.")
        return
    from pos.cli.screen import run_screen  # Textual loads only where a screen is shown.

    hint = "TRAINING: nothing here is real." + ("" if fixture else f" {SAMPLE_PERSON}")
    run_screen(replace(call, home=folder), hint=hint)


def script(
    context: typer.Context,
    file: Annotated[str | None, typer.Argument(help="A file of JSON lines, or - for standard input.")] = None,
    user: UserOption = None,
    pin_fd: PinOption = None,
    hold: Annotated[bool, typer.Option("--hold", help="Keep reading standard input line by line.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of every act.")] = False,
) -> int:
    """Every act without a screen, one JSON object a line."""
    import json

    from pos.bootstrap.approvals_now import ApprovalsNow
    from pos.bootstrap.cards import make_cards
    from pos.bootstrap.ledger import LedgerNow
    from pos.bootstrap.paper import print_receipts
    from pos.bootstrap.wire import make_bills, make_refunds, make_vouchers
    from pos.till.script import Script
    from pos.till.script_acts import act_schema
    from pos.till.sign_in import end_session

    call: Invocation = context.obj
    if schema:
        print(json.dumps(act_schema(), indent=None if call.as_json else 2, ensure_ascii=False), flush=True)
        return 0
    if file is None:
        raise typer.BadParameter("Name a file of JSON lines, or - for standard input.")
    source = None if file == "-" else Path(file)
    if source is not None and not source.is_file():
        raise typer.BadParameter(f"There is no file {file}.")
    all_ok = True
    with writing(call, user, pin_fd) as (opened, person):
        cards = make_cards(opened)
        if cards is not None:
            cards.look_after()
        vouchers = make_vouchers(opened)
        acts = Script(
            opened.desk,
            person,
            vouchers=vouchers,
            cards=cards,
            refunds=make_refunds(opened),
            elsewhere=ApprovalsNow(opened),
            ledger=LedgerNow(opened),
            bills=make_bills(opened),
        )
        for line in _lines(source):
            answer = acts.run_line(line)
            all_ok = all_ok and answer["ok"] is True
            print(json.dumps(answer, ensure_ascii=False), flush=True)
            if hold:
                print_receipts(opened)
                vouchers.print_slips()
        print_receipts(opened)
        vouchers.print_slips()
        end_session(opened.desk, acts.person, why="script_ended")
    return 0 if all_ok else 3


def _lines(source: Path | None) -> Iterator[str]:
    """Lines as text, blank ones left out; a line beyond the limit is cut and will be refused as too long."""
    stream = sys.stdin.buffer if source is None else source.open("rb")
    try:
        while raw := stream.readline(LINE_MAX):
            while not raw.endswith(b"\n") and (more := stream.readline(LINE_MAX)):
                if more.endswith(b"\n"):
                    raw = raw[:LINE_MAX] + b"\n"
            if raw.strip():
                yield raw.decode("utf-8", "surrogateescape")
    finally:
        if source is not None:
            stream.close()


def find(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="Account, bill, phone, name, receipt or item.")],
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> None:
    """Look up accounts, bills, receipts and items."""
    from pos.till import enquiries
    from pos.till.known_accounts import nothing_found

    call: Invocation = context.obj
    with reading(call, user, pin_fd) as (opened, person):
        hits = enquiries.find(opened.desk, person, query)
        nothing = nothing_found(opened.desk, query)
        for hit in hits:
            account, item = hit.account, hit.item
            data = {
                "kind": str(hit.kind),
                "key": hit.key,
                "exact": hit.exact,
                "account": None if account is None else account.account,
                "name": None if account is None else account.name,
                "phone": None if account is None else account.phone,
                "told_at": None if account is None else account.told_at_utc,
            }
            name = "" if account is None else f"{account.account}  {account.name}  {account.phone}"
            if item is not None:
                data |= {"name": item.name, "price": item.price.plain(), "currency": item.price.currency.code}
                name = f"{item.name}  {item.price}"
            call.line(data, f"{hit.kind:8} {hit.key:20} {name}")
    if not hits:
        call.note(nothing)


def account(
    context: typer.Context,
    account_id: Annotated[str, typer.Argument(metavar="ID")],
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> None:
    """An account with its open bills."""
    from pos.till import enquiries

    call: Invocation = context.obj
    with reading(call, user, pin_fd) as (opened, person):
        view = enquiries.account_view(opened.desk, person, account_id)
    known = view.account
    data = {
        "account": known.account,
        "kind": str(known.kind),
        "name": known.name,
        "phone": known.phone,
        "status": known.status,
        "cash_only": known.cash_only,
        "dunning_stage": known.dunning_stage,
        "balance": view.balance.plain(),
        "overdue": view.overdue.plain(),
        "credit": view.credit.plain(),
        "advance": view.advance.plain(),
        "deposit": view.deposit.plain(),
        "written_off": view.written_off.plain(),
        **_dealer_json(view),
        "currency": known.currency.code,
        "told_at": view.told_at,
        "bills": [_bill_json(bill) for bill in view.bills],
    }
    rows = [
        f"  {bill.bill.bill_no:12} due {bill.bill.due_date}  {bill.open.plain():>12}" for bill in view.bills
    ]
    head = (
        f"{known.account}  {known.name}  {known.phone}\n"
        f"Balance {view.balance.plain()}  Overdue {view.overdue.plain()}  Credit {view.credit.plain()}  "
        f"{known.currency}  as of {view.told_at}"
    )
    dealer = [f"  {name.replace('_', ' ')}: {value}" for name, value in _dealer_json(view).items()]
    call.line(data, "\n".join([head, *dealer, *rows]))


def _dealer_json(view: AccountView) -> dict[str, object]:
    """What only a dealer's account has."""
    known = view.account
    if view.dealer is None:
        return {}
    return {
        "class": known.dealer_class,
        "credit_limit": None if known.credit_limit is None else known.credit_limit.plain(),
        "unverified_bank_receipts": view.unverified.plain(),
        "open_orders": view.dealer.open_orders.plain(),
        "left": view.dealer.left.plain(),
        "blocked": view.dealer.blocked,
    }


def _bill_json(bill: OpenBill) -> dict[str, object]:
    return {
        "bill": bill.bill.bill_no,
        "due": bill.bill.due_date.isoformat(),
        "state": str(bill.bill.state),
        "amount_due": bill.bill.amount_due.plain(),
        "open": bill.open.plain(),
        "disputed": bill.disputed.plain(),
        "currency": bill.open.currency.code,
    }


def bill(
    context: typer.Context,
    bill_no: Annotated[str, typer.Argument(metavar="NO")],
    rates: Annotated[bool, typer.Option("--rates", help="Show the applied rates behind each line.")] = False,
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> None:
    """A bill with its summary lines and, with --rates, the applied rates behind them."""
    from pos.till import enquiries

    call: Invocation = context.obj
    with reading(call, user, pin_fd) as (opened, person):
        view = enquiries.bill_view(opened.desk, person, bill_no)
    lines: list[dict[str, object]] = []
    texts = [f"Bill {view.bill.bill.bill_no}  account {view.bill.bill.account}  open {view.bill.open}"]
    for line in view.lines:
        entry: dict[str, object] = {
            "id": line.line_id,
            "name": line.name,
            "group": line.group,
            "parent": line.parent_id,
            "tax_included": line.tax_included.plain(),
        }
        texts.append(f"  {'  ' if line.parent_id else ''}{line.name:40} {line.tax_included.plain():>12}")
        if rates:
            behind = enquiries.rates_of_line(view, line)
            entry["rates"] = [
                {
                    "id": rate.rate_id,
                    "name": rate.name,
                    "kind": rate.kind,
                    "tax_included": rate.tax_included.plain(),
                }
                for rate in behind
            ]
            texts += [f"        {rate.name:36} {rate.tax_included.plain():>12}" for rate in behind]
        lines.append(entry)
    sums = view.sums
    data = {
        **_bill_json(view.bill),
        "account": view.bill.bill.account,
        "lines": lines,
        "sums": {
            "bill": sums.bill_total.plain(),
            "lines": sums.lines_total.plain(),
            "rates": sums.rates_total.plain(),
            "agree": sums.agree,
        },
        "told_at": view.told_at,
    }
    verdict = "sums agree" if sums.agree else f"sums differ by {sums.difference.plain()}"
    texts.append(
        f"  Bill {sums.bill_total.plain()}  lines {sums.lines_total.plain()}  rates {sums.rates_total.plain()}: {verdict}"
    )
    call.line(data, "\n".join(texts))


class ReceiptFormat(StrEnum):
    """The forms a receipt can be had in."""

    TEXT = "text"
    PDF = "pdf"
    ESCPOS = "escpos"
    JSON = "json"


def receipt(
    context: typer.Context,
    number: Annotated[str, typer.Argument(metavar="NUMBER")],
    format: Annotated[ReceiptFormat, typer.Option("--format")] = ReceiptFormat.TEXT,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write to this file; it must not exist yet.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why it is printed again.")] = None,
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> None:
    """Render a receipt again: text, pdf and escpos are counted and marked DUPLICATE; json shows the stored facts."""
    from pos.bootstrap.paper import labels_of, renderings
    from pos.till import papers
    from receipts.compose import compose

    call: Invocation = context.obj
    if format is ReceiptFormat.JSON:
        with reading(call, user, pin_fd) as (opened, person):
            facts = papers.show_receipt(opened.desk, person, number)
        _write(out, _facts_json(facts))
        return
    suffix = {"text": "txt", "pdf": "pdf", "escpos": "escpos"}[format]
    if suffix != "txt" and out is None:
        raise typer.BadParameter(f"The format {format} needs --out FILE.")
    if out is not None and (out.exists() or not out.parent.is_dir()):
        # The copy is counted before it is written, so what would stop the writing is looked for first.
        raise typer.BadParameter(f"{out} exists already, or its folder does not.")
    with writing(call, user, pin_fd) as (opened, person):
        again = papers.reprint(opened.desk, person, number, reason=reason, queue=False)
        content = renderings(opened.settings)[suffix](
            compose(again.facts, again.copy, labels_of(opened.settings))
        )
    _write(out, content)
    if out is not None:
        call.line(
            {"ok": True, "receipt": again.facts.receipt_number, "copy": again.copy.number, "file": str(out)},
            f"Receipt {again.facts.receipt_number}, duplicate {again.copy.number}: {out}",
        )


def _facts_json(facts: ReceiptFacts) -> bytes:
    import dataclasses
    import json

    def plain(value: object) -> object:
        match value:
            case Money() if value.currency != facts.total.currency:
                return {"amount": value.plain(), "currency": value.currency.code}
            case Money():
                return value.plain()
            case tuple() | list():
                return [plain(part) for part in value]
            case dict():
                return {key: plain(part) for key, part in value.items()}
            case None | bool() | int() | str():
                return value
            case _ if dataclasses.is_dataclass(value):
                fields = dataclasses.fields(value)
                return {field.name: plain(getattr(value, field.name)) for field in fields}
            case _:
                return str(value)

    found = plain(facts)
    assert isinstance(found, dict)
    found["currency"] = facts.total.currency.code
    return json.dumps(found, ensure_ascii=False).encode() + b"\n"


def _write(out: Path | None, content: bytes) -> None:
    if out is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    import os

    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise typer.BadParameter(f"{out} cannot be written: {error.strerror}.") from None
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def confirm(
    context: typer.Context,
    who: Annotated[
        str,
        typer.Argument(
            metavar="USER|clock|store",
            help="User number of the person you have seen; or the till's clock, or its last receipt.",
        ),
    ],
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> None:
    """A supervisor confirms who somebody is, that the till's clock is right, or that no receipt is missing in its store."""
    from pos.till.lost_mark import confirm_store
    from pos.till.shop_clock import confirm_clock
    from pos.till.sign_in import confirm_person

    call: Invocation = context.obj
    with writing(call, user, pin_fd) as (opened, person):
        if who == "clock":
            told = confirm_clock(opened.desk, person).at.isoformat(timespec="seconds")
            call.line({"ok": True, "clock": told}, f"The clock is taken to be right: {told}.")
            return
        if who == "store":
            last = confirm_store(opened.desk, person).last_receipt
            call.line(
                {"ok": True, "last_receipt": last}, f"The last receipt of this till is {last or 'none'}."
            )
            return
        seen = confirm_person(opened.desk, person, who)
    call.line({"ok": True, "user": seen.user}, f"User {seen.user} may sign in again.")


def balance(
    context: typer.Context,
    ledger_account: Annotated[
        str | None,
        typer.Argument(
            help="This account alone; one that cheques or bags lie in with those that make its balance."
        ),
    ] = None,
    user: UserOption = None,
    pin_fd: PinOption = None,
) -> None:
    """Balances of the ledger accounts."""
    from pos.cli.cheques import cheque_lines
    from pos.domain.posting import Ledger
    from pos.till import balances
    from pos.till.cheque_register import clearing_accounts
    from pos.till.shop_bags import in_transit

    call: Invocation = context.obj
    with reading(call, user, pin_fd) as (opened, person):
        accounts = opened.settings.gl_accounts
        for row in balances.ledger_balances(opened.desk, person):
            if ledger_account not in (None, row.ledger_account):
                continue
            known = accounts.get(row.ledger_account)
            code, name = ("", row.ledger_account) if known is None else (known.code, known.name)
            data = {
                "ledger_account": row.ledger_account,
                "code": code,
                "name": name,
                "debit": row.debit.plain(),
                "credit": row.credit.plain(),
                "balance": row.balance.plain(),
                "currency": row.balance.currency.code,
            }
            call.line(data, f"{code:6} {name:30} {row.balance.plain():>16} {row.balance.currency}")
        if ledger_account == Ledger.BAGS_IN_TRANSIT:
            _bag_lines(call, opened.desk, in_transit(opened.desk, person))
        if ledger_account is not None:
            for account in clearing_accounts(opened.desk, person, ledger_account):
                cheque_lines(call, opened.desk, account.cheques)
                if account.unexplained:
                    call.note(f"No cheque stands behind {account.unexplained}: run pos verify.")


def _bag_lines(call: Invocation, desk: Desk, found: InTransit) -> None:
    """The bags of this till that are on the way, the oldest first, then what the rest of the balance is."""
    today = desk.clock.now().date()
    for bag in found.on_the_way:
        paper, days = bag.paper, bag.days(today)
        data = {
            "paper": paper.number,
            "bag": paper.bag,
            "amount": paper.amount.plain(),
            "currency": paper.amount.currency.code,
            "sent_on": bag.sent_on.isoformat(),
            "days": days,
        }
        call.line(
            data, f"  {paper.number}  bag {paper.bag}, on the way for {days} d {paper.amount.plain():>16}"
        )
    for what, amount in (("arrived", found.arrived), ("accepted", -found.accepted)):
        if amount:
            data = {"what": what, "amount": amount.plain(), "currency": amount.currency.code}
            said = "sent and arrived" if what == "arrived" else "accepted of other tills"
            call.line(data, f"  {said} {amount.plain():>16}")
