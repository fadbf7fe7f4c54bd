"""``pos import``: a bank's records line by line, each told when it is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.builders.homes import SUPERVISOR, SUPERVISOR_PIN, Ended, ForkingPos

SLIP = {"trace": "004711", "atm": "A7", "date": "2026-11-20"}
BACK_OFFICE = ("--user", "4001", "--pin-fd", "3")


def record(amount: str = "20.000", account: str = "BA-1001", **more: str) -> dict[str, str]:
    return {"amount": amount, "account": account, **SLIP, **more}


def bring_in(
    pos: ForkingPos, home: Path, *lines: object, kind: str = "atm", more: tuple[str, ...] = ()
) -> Ended:
    file = home.parent / "records.jsonl"
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    file.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    command = ("--home", str(home), "--json", "import", kind, str(file), "--profile", "records")
    return pos.run(*command, *BACK_OFFICE, *more, pin="619405")


@pytest.fixture
def slip_home(pos: ForkingPos, home: Path) -> Path:
    """A home where the slip of ``SLIP`` was taken."""
    tender: dict[str, Any] = {"mode": "atm", "amount": "20.000", **SLIP}
    taken = pos.script(
        home,
        [
            {"ref": "o", "act": "open_shift", "float": {"amount": "0"}},
            {
                "ref": "p",
                "act": "pay",
                "payer": {"kind": "subscriber", "account": "BA-1001"},
                "allocate": [{"bill": "7781", "amount": "20.000"}],
                "tenders": [tender],
            },
        ],
        user=SUPERVISOR,
        pin=SUPERVISOR_PIN,
    )
    assert taken.status == 0, taken
    return home


def test_each_record_is_told_with_what_became_of_it(pos: ForkingPos, slip_home: Path) -> None:
    lines = [record(), record(trace="5", amount="3.000"), record(trace="04711")]

    ended = bring_in(pos, slip_home, *lines)

    assert ended.status == 0
    assert [(row["line"], row["state"], row["known"]) for row in ended.lines] == [
        (1, "matched", False),
        (2, "waiting", False),
        (3, "matched", True),
    ]
    assert ended.lines[0]["receipt"].endswith("-000001")
    assert "1 known, 1 matched, 1 waiting" in ended.err
    assert pos.run("--home", str(slip_home), "--json", "verify").status == 0


def test_a_line_that_is_refused_stops_no_other_and_ends_with_3(pos: ForkingPos, slip_home: Path) -> None:
    lines = [
        "no json",
        '{"amount":"1","amount":"2"}',
        {"amount": 20, "account": "BA-1001", **SLIP},
        record(mode="cash"),
        record(account="D-12", mode="direct_debit"),
        record(trace="4111 1111 1111 1111"),
        record(),
    ]

    ended = bring_in(pos, slip_home, *lines)

    assert ended.status == 3
    assert [row.get("error", {}).get("code") for row in ended.lines] == [
        "bad_line", "bad_line", "bad_line", "bad_line", "bad_line", "card_number_refused", None,
    ]  # fmt: skip
    assert "4111" not in ended.err + json.dumps(ended.lines)


def test_a_dry_run_writes_nothing(pos: ForkingPos, slip_home: Path) -> None:
    for _ in range(2):
        ended = bring_in(pos, slip_home, record(amount="21.000"), more=("--dry-run",))

        assert [(row["state"], row["differs_in"], row["known"], row["record"]) for row in ended.lines] == [
            ("differs", ["amount"], False, None)
        ]


def test_a_dealers_direct_debit_is_refused_in_a_file(pos: ForkingPos, home: Path) -> None:
    """Rule 50: direct debit is for subscribers only, in files as at the counter."""
    debit = {"amount": "5.000", "mandate": "M-1", "reference": "R-1", "date": "2026-11-20"}

    ended = bring_in(
        pos, home, {**debit, "account": "D-12"}, {**debit, "account": "BA-1001"}, kind="direct-debit"
    )

    assert [row.get("error", {}).get("code") or row["state"] for row in ended.lines] == [
        "mode_not_for_payer",
        "waiting",
    ]


def test_a_cashier_imports_nothing(pos: ForkingPos, home: Path) -> None:
    file = home.parent / "records.jsonl"
    file.write_text(json.dumps(record()) + "\n")

    ended = pos.run(
        *("--home", str(home), "--json", "import", "atm", str(file), "--user", "1001", "--pin-fd", "3"),
        pin="135790",
    )

    assert (ended.status, ended.lines[-1]["error"]["code"]) == (4, "not_allowed")


# --- profiles --------------------------------------------------------------------------------------------------------

ATM_CSV = (
    "H;F-1;2026-11-21;KWD\n"
    "D;004711;A7;2026-11-20;BA-1001;7781;20.000\n"
    "D;000005;A7;2026-11-20;BA-1001;;3.000\n"
    "T;2;23.000\n"
)
ATM_FIXED = (
    "0F-2            20261121KWD\n"
    "5000000004711A7      20261120BA-1001             7781                000000000020000\n"
    "5000000000005A7      20261120BA-1001                                 000000000003000\n"
    "90000002000000000000023000\n"
)


def bring_in_file(pos: ForkingPos, home: Path, content: str, profile: str, *more: str) -> Ended:
    file = home.parent / "atm.txt"
    file.write_text(content, encoding="ascii")
    command = ("--home", str(home), "--json", "import", "atm", str(file), "--profile", profile)
    return pos.run(*command, *BACK_OFFICE, *more, pin="619405")


@pytest.mark.parametrize(("content", "profile"), [(ATM_CSV, "atm_csv"), (ATM_FIXED, "atm_fixed")])
def test_an_atms_file_is_matched_with_the_slips_that_were_taken(
    pos: ForkingPos, slip_home: Path, content: str, profile: str
) -> None:
    looked_at = bring_in_file(pos, slip_home, content, profile, "--dry-run")
    carried_out = bring_in_file(pos, slip_home, content, profile)
    again = bring_in_file(pos, slip_home, content, profile)

    assert [
        [(row["entry"], row["state"], row["known"]) for row in one.lines]
        for one in (looked_at, carried_out, again)
    ] == [
        [(1, "matched", False), (2, "waiting", False)],
        [(1, "matched", False), (2, "waiting", False)],
        [(1, "matched", True), (2, "waiting", True)],
    ]


@pytest.mark.parametrize(
    ("content", "profile", "code"),
    [
        (ATM_CSV.replace("T;2", "T;3"), "atm_csv", "sums_differ"),
        (ATM_CSV.replace("23.000", "24.000"), "atm_csv", "sums_differ"),
        (ATM_CSV.replace("T;2;23.000\n", ""), "atm_csv", "bad_file"),
        (ATM_FIXED.replace("23000\n", "22000\n"), "atm_fixed", "sums_differ"),
        (ATM_FIXED.replace("003000\n", "003\n"), "atm_fixed", "bad_file"),
        (ATM_CSV, "csv", "unknown_profile"),
    ],
)
def test_an_atms_file_that_is_not_whole_does_nothing(
    pos: ForkingPos, slip_home: Path, content: str, profile: str, code: str
) -> None:
    refused = bring_in_file(pos, slip_home, content, profile)

    assert refused.lines[-1]["error"]["code"] == code
    again = bring_in_file(pos, slip_home, ATM_CSV, "atm_csv")
    assert [row["known"] for row in again.lines] == [False, False]


def test_a_bad_entry_of_an_atms_file_stops_no_other(pos: ForkingPos, slip_home: Path) -> None:
    content = ATM_CSV.replace("000005", "4111111111111111").replace(
        "T;2;23.000", "D;6;A7;2026-11-20;BA-1001;;1.000\nT;3;24.000"
    )

    ended = bring_in_file(pos, slip_home, content, "atm_csv")

    assert ended.status == 3
    assert [row.get("state") or row["error"]["code"] for row in ended.lines] == [
        "matched",
        "card_number_refused",
        "waiting",
    ]
    assert "4111" not in str(ended)
