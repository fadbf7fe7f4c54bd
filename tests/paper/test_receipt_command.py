"""``pos receipt NUMBER --format escpos`` writes what a receipt printer takes, counted and marked as any duplicate."""

from __future__ import annotations

from pathlib import Path

from tests.builders.homes import CASHIER, example_home, forking_pos
from tests.paper.escpos_reader import read

PERSON = ("--user", CASHIER, "--pin-fd", "3")


def test_a_receipt_is_written_for_a_receipt_printer_and_counted_as_a_duplicate(tmp_path: Path) -> None:
    home, out = example_home(tmp_path / "home"), tmp_path / "receipt.escpos"
    payment = {
        "ref": "a2",
        "act": "pay",
        "payer": {"kind": "subscriber", "account": "BA-1001"},
        "tenders": [{"mode": "cash", "amount": "5.000"}],
    }
    with forking_pos() as pos:
        taken = pos.script(home, [{"ref": "a1", "act": "open_shift", "float": {"amount": "20.000"}}, payment])
        number = str(taken.last["receipt"])
        wanted = ("--home", str(home), "--json", "receipt", number, "--format", "escpos")

        on_screen = pos.run(*wanted, *PERSON)
        in_a_file = pos.run(*wanted, "--out", str(out), *PERSON)

    assert on_screen.status == 2, "these bytes would steer a terminal"
    assert in_a_file.last["copy"] == 1, "what was refused was not counted"
    told = read(out.read_bytes()).text("cp1252").splitlines()
    assert "DUPLICATE 1" in told[1]
    assert any(line.strip() == number for line in told)
