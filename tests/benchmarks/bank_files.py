"""How many entries of a bank's file a second are looked at, and carried out.

    ./run python -m tests.benchmarks.bank_files [--entries 2000] [--profile]

Three files, each of payments under references of their own: ``apart`` pays as many accounts as it has entries, one bill of
each; ``named`` is all of one account and names the bill each time; ``one`` is all of one account and names none, so the
bills are worked out. Seconds are of this process (CPU). ``--profile`` tells where they go.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from pos.domain.bank_file import BankEntry
from pos.store import cache as cached
from pos.store.times import utc_text
from pos.till.bank_runs import begin_file, carry_out, forecast
from pos.till.desk import Desk
from tests.builders.bank_files import file_of, numbered, paid
from tests.builders.tills import BACK_OFFICE, NOW, TODAY, account, bill, close_stores, make_till, money

AMOUNT = "1.000"


def apart(number: int) -> BankEntry:
    return paid(f"R-{number}", AMOUNT, account=f"BE-{number}", bill=f"E{number}")


def named(number: int) -> BankEntry:
    return paid(f"R-{number}", AMOUNT, account="BE-0", bill="E0")


def one(number: int) -> BankEntry:
    return paid(f"R-{number}", AMOUNT, account="BE-0")


FILES = (apart, named, one)


def till_with(folder: Path, entries: int) -> Desk:
    """A till in files, with an account and a bill for each entry, and one that all of them can pay."""
    desk = make_till(folder)
    with desk.cache.write() as connection:
        cached.put_accounts(connection, (account(f"BE-{number}") for number in range(entries + 1)))
        due = TODAY - timedelta(days=1)
        bills = [bill("E0", money("1000000.000"), of="BE-0", due=due)]
        bills += [
            bill(f"E{number}", money("1.500"), of=f"BE-{number}", due=due) for number in range(1, entries + 1)
        ]
        cached.put_bills(connection, bills, own={}, told_at_utc=utc_text(NOW))
    return desk


def measured(make: Callable[[int], BankEntry], entries: int, folder: Path) -> tuple[float, float]:
    """CPU seconds of the dry run, and of the run."""
    desk = till_with(folder, entries)
    told = numbered([make(number) for number in range(1, entries + 1)])
    file, sums = file_of(), (money(AMOUNT), money("0"))
    start = time.process_time()
    found = forecast(desk, BACK_OFFICE, file, told)
    looked = time.process_time()
    known = begin_file(desk, BACK_OFFICE, file, found, paid=sums[0], back=sums[1])
    done = sum(1 for _ in carry_out(desk, BACK_OFFICE, known, told))
    ended = time.process_time()
    assert done == found.entries == entries
    close_stores(desk)
    return looked - start, ended - looked


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--entries", type=int, default=2000)
    parser.add_argument("--file", choices=[make.__name__ for make in FILES])
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()
    for make in FILES:
        if asked.file not in (None, make.__name__):
            continue
        profile = cProfile.Profile()
        with tempfile.TemporaryDirectory() as folder:
            if asked.profile:
                profile.enable()
            looked, carried = measured(make, asked.entries, Path(folder))
            profile.disable()
        a_second = [asked.entries / seconds for seconds in (looked, carried)]
        print(f"{make.__name__:8} dry run {a_second[0]:8,.0f} entries/s   run {a_second[1]:8,.0f} entries/s")
        if asked.profile:
            pstats.Stats(profile).sort_stats("cumulative").print_stats(60)


if __name__ == "__main__":
    main()
