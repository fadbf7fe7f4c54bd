"""The sample shop's direct debit: a mandate, what the bank is asked for, and the file in which it says that it is paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from pos.bootstrap.homes import OpenTill
from pos.domain.bank_file import EntryPlan
from pos.domain.money import Money, parse_amount
from pos.domain.money import currency as currency_of
from pos.domain.role import Person
from pos.fixture import Fixture
from pos.till.bank_runs import FileToRun, begin_file, carry_out, forecast
from pos.till.collections import Collection, collect
from pos.till.open_bills import catch_up
from sync.files.bank_file import open_bank_file

BANK_ACCOUNT = "KW81CBKU0000000000001234560101"
PROFILE = "csv"
FILE_BILLS = 9
"""So many bills does the file pay that lies in a demonstration's folder."""


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
    paid = [
        (one.item.reference, one.mandate.mandate, one.item.account, one.item.bill_no, one.item.amount)
        for one in made.items
    ]
    return _write(folder / "direct-debits.csv", "SAMPLE-1", till.desk.clock.now().date(), paid)


def lay_down_bank_file(folder: Path, shop: Fixture, today: date) -> Path:
    """A file to try on the screen: debits of some open bills that the bank says are paid, and one of nobody's account."""
    own = currency_of(shop.shop.currency)
    whole = [bill for bill in shop.bills if bill["remainingAmount"] == bill["amountDue"]]
    paid = []
    for place, bill in enumerate(whole[-FILE_BILLS:], start=1):
        account, amount = bill["billingAccount"]["id"], parse_amount(str(bill["amountDue"]["value"]), own)
        paid.append((f"DD-{place}", f"M-{account}", account, bill["billNo"], amount))
    paid.append((f"DD-{FILE_BILLS + 1}", "M-NOBODY", "BA-NOBODY", "", paid[0][-1]))
    folder.mkdir(mode=0o700, exist_ok=True)
    return _write(folder / "bank-today.csv", "SAMPLE-2", today, paid)


def _write(path: Path, name: str, day: date, paid: Sequence[tuple[str, str, str, str, Money]]) -> Path:
    """Reference, mandate, account, bill and amount of each that is paid on ``day``."""
    lines = [f"H;{name};{day.isoformat()};{paid[0][-1].currency.code}"]
    lines += [
        f"D;paid;{reference};{mandate};{account};{bill_no};{amount.plain()};{day.isoformat()};"
        for reference, mandate, account, bill_no, amount in paid
    ]
    total = Money(sum(amount.minor for *_, amount in paid), paid[0][-1].currency)
    lines.append(f"T;{len(paid)};{total.plain()}")
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
