"""The parts of the README that the program makes itself: the picture, the table of keys, the table of views.

``python -m tests.readme_parts`` writes them anew; a test compares what is committed with what the program makes.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import tempfile
from datetime import datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from pos.bootstrap.homes import NewHome, OpenTill, make_home, open_till
from pos.bootstrap.paper import receipt_text
from pos.fixture import read_fixture
from pos.machine import InlineRunner
from pos.settings import sample_folder
from pos.till.open_bills import catch_up
from pos.tui.app import TillApp
from pos.tui.keys import markdown_table
from sync.engine import SyncState
from tests.builders.tills import SettableClock, machine
from tests.tui.counter import Counter

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "till.svg"
README = ROOT / "README.md"
CASHIER, PIN = "1001", "135790"

VIEWS = (
    "v_payment v_tender v_allocation v_sale_line v_journal v_receipt v_shift v_cheque v_cheque_replacement "
    "v_post_dated v_cash_move v_deposit_slip v_deposit_cheque v_deposit_carrier v_bank_receipt v_commission v_refund "
    "v_transfer v_approval v_outbox v_audit v_card_attempt v_imported_record v_mandate v_bank_file v_bank_entry "
    "v_dishonour v_ledger_batch v_ledger_batch_line v_z_report v_day v_safe_count v_hand_over "
    "v_sent_bag v_accepted_bag"
).split()
CACHE_VIEWS = ("v_bill", "v_account")


def sample_home(folder: Path) -> OpenTill:
    """The sample shop in ``folder``, on a clock that stands and with seeded randomness."""
    ports = machine(SettableClock(datetime(2026, 11, 21, 10, 15, tzinfo=ZoneInfo("Asia/Kuwait"))))
    fixture = read_fixture(sample_folder() / "fixture-kwd.json")
    make_home(
        folder,
        NewHome(terminal="T2", central_url="http://127.0.0.1:8676", epoch=1, fixture=fixture),
        machine=ports,
    )
    return open_till(folder, machine=ports)


async def picture(till: OpenTill) -> str:
    """The screen after a cash payment with change, as SVG."""
    online = SyncState(online=True, since=till.desk.clock.now())
    app = TillApp(till.desk, InlineRunner(), preview=partial(receipt_text, till), sync_state=lambda: online)
    async with app.run_test(size=(80, 24)) as pilot:
        person = Counter(till.desk, app, pilot)
        await person.settle()
        await person.write(CASHIER)
        await person.press("enter")
        await person.write(PIN)
        await person.press("enter")
        await person.write("20")
        await person.press("enter")
        await person.open("BA-1001")
        await person.write("50")
        await person.press("f5", "enter")
        catch_up(till.desk)
        # The picture asks nobody for a font: a reader's machine has one of fixed width.
        return (
            re.sub(r"\s*@font-face \{.*?\}", "", app.export_screenshot(title="pos demo"), flags=re.DOTALL)
            + "\n"
        )


def view_table(till: OpenTill) -> str:
    """Every documented view with its columns."""
    rows = ["| file | view | columns |", "|---|---|---|"]
    for path, names in ((till.paths.till_db, VIEWS), (till.paths.cache_db, CACHE_VIEWS)):
        connection = sqlite3.connect(path)
        try:
            for name in names:
                columns = [row[0] for row in connection.execute(f"SELECT * FROM {name} LIMIT 0").description]
                rows.append(f"| `{path.name}` | `{name}` | {', '.join(columns)} |")
        finally:
            connection.close()
    return "\n".join(rows)


def with_parts(readme: str, parts: dict[str, str]) -> str:
    """``readme`` with each part between its marks."""
    for name, text in parts.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        readme, found = pattern.subn(lambda mark, text=text: f"{mark[1]}\n{text}\n\n{mark[2]}", readme)  # type: ignore[misc]
        assert found == 1, f"the README has no place for {name}"
    return readme


def made(folder: Path) -> tuple[str, str]:
    """The picture and the README as they should be."""
    with sample_home(folder / "home") as till:
        svg = asyncio.run(picture(till))
        readme = with_parts(
            README.read_text(encoding="utf-8"), {"keys": markdown_table(), "views": view_table(till)}
        )
    return svg, readme


def main() -> None:
    """Write the parts."""
    with tempfile.TemporaryDirectory() as folder:
        svg, readme = made(Path(folder))
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(svg, encoding="utf-8")
    README.write_text(readme, encoding="utf-8")


if __name__ == "__main__":
    main()
