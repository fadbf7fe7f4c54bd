"""The sample shop's direct debit: a mandate, what the bank is asked for, and the file in which it says that it is paid."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pos.bootstrap.homes import OpenTill
from pos.domain.bank_file import EntryPlan
from pos.domain.role import Person
from pos.till.bank_runs import FileToRun, begin_file, carry_out, forecast
from pos.till.collections import Collection, collect
from pos.till.open_bills import catch_up
from sync.files.bank_file import open_bank_file

BANK_ACCOUNT = "KW81CBKU0000000000001234560101"
PROFILE = "csv"


def mandate_act(account: str, holder: str) -> Mapping[str, str]:
    """The act that registers the sample's mandate."""
    return {
        "act": "mandate",
        "deed": "register",
        "mandate": f"M-{account}",
        "account": account,
        "holder": holder,
        "bank_account": BANK_ACCOUNT,
    }


def collect_all(till: OpenTill, person: Person, by: str) -> Collection:
    """What is due by the day ``by`` is asked of the bank."""
    return collect(till.desk, person, by)


def paid_by_the_bank(till: OpenTill, made: Collection, folder: Path) -> Path:
    """The bank's answer: all of it is paid today, in the layout that is shipped for CSV."""
    today, code = till.desk.clock.now().date().isoformat(), made.amount.currency.code
    lines = [f"H;SAMPLE-1;{today};{code}"]
    lines += [
        f"D;paid;{one.item.reference};{one.mandate.mandate};{one.item.account};{one.item.bill_no};"
        f"{one.item.amount.plain()};{today};"
        for one in made.items
    ]
    lines.append(f"T;{len(made.items)};{made.amount.plain()}")
    path = folder / "direct-debits.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def bring_in(till: OpenTill, person: Person, path: Path) -> list[EntryPlan]:
    """Carry the bank's file out, as ``pos import direct-debit`` does."""
    desk = till.desk
    with open_bank_file(
        path,
        layout=till.settings.bank_profiles[PROFILE],
        shop=desk.identity.currency,
        bytes_max=till.settings.till.direct_debit.bytes_max,
        folder=till.paths.home,
    ) as file:
        to_run = FileToRun(digest=file.digest, name=file.name, profile=file.profile, head=file.head)
        found = forecast(desk, person, to_run, file.read())
        run = begin_file(desk, person, to_run, found, paid=file.paid, back=file.back)
        done = list(carry_out(desk, person, run, file.read()))
    catch_up(desk)
    return done
