"""A signed voucher from its issue to its redemption, over real processes: issued, taken without central, redeemed once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.builders.homes import (
    CASHIER,
    CASHIER_PIN,
    ROOT,
    SUPERVISOR,
    SUPERVISOR_PIN,
    ForkingPos,
    example_central,
    point_at,
)
from tests.builders.tills import put_settings

CAPS = {
    'offline_max_each = ""': 'offline_max_each = "20"',
    'offline_max_shift = ""': 'offline_max_shift = "20"',
    'issue_alone_up_to = ""': 'issue_alone_up_to = "10"',
}
ISSUE: dict[str, Any] = {
    "ref": "v1",
    "act": "issue_voucher",
    "value": {"amount": "10.000"},
    "expires": "2027-06-30",
    "residual": "credit",
}


def pay(ref: str, code: str) -> dict[str, Any]:
    return {
        "ref": ref,
        "act": "pay",
        "payer": {"kind": "subscriber", "account": "BA-1001"},
        "allocate": [{"bill": "7781", "amount": "6.750"}],
        "tenders": [{"mode": "internal_voucher", "amount": "6.750", "code": code}],
    }


def allow(home: Path) -> None:
    """The shop's own caps, as its supervisor would write them."""
    text = (ROOT / "config" / "till.toml").read_text(encoding="utf-8")
    for shipped, own in CAPS.items():
        assert text.count(shipped) == 1
        text = text.replace(shipped, own)
    put_settings(home, "till.toml", text)


def test_a_voucher_is_issued_taken_without_central_and_redeemed_when_it_is_back(
    pos: ForkingPos, home: Path, tmp_path: Path
) -> None:
    db_url = example_central(tmp_path / "central")
    allow(home)
    keys = pos.run("--json", "central", "voucher", "key", "make", "--db", db_url, pin=None)
    assert (keys.status, [line["state"] for line in keys.lines]) == (0, ["signs"])
    with pos.start("central", "serve", "--no-auth", "--db", db_url, "--port", "0", pin=None) as central:
        told = central.answer()
        point_at(home, f"http://{told['host']}:{told['port']}")
        issued, again = pos.script(home, [ISSUE, ISSUE], user=SUPERVISOR, pin=SUPERVISOR_PIN).lines
        assert (issued["ok"], issued["value"], again["replayed"], "code" in again) == (
            True,
            "10.000",
            True,
            False,
        )
        assert pos.run("--home", str(home), "sync", "--once", pin=None).status == 0

    shift = {"ref": "s1", "act": "open_shift", "float": {"amount": "0"}}
    altered = issued["code"][:-1] + ("A" if issued["code"][-1] != "A" else "B")
    _, forged, paid, twice = pos.script(
        home,
        [shift, pay("p0", altered), pay("p1", issued["code"]), pay("p2", issued["code"].lower())],
        user=CASHIER,
        pin=CASHIER_PIN,
    ).lines
    assert forged["error"]["code"] == "voucher_not_genuine"
    assert (paid["provisional"], paid["amount"], paid["credit"], paid["change"]) == (
        True,
        "10.000",
        "3.250",
        "0.000",
    )
    assert twice["error"]["code"] == "taken_before"
    [receipt] = [path for path in (home / "receipts").iterdir() if path.suffix == ".txt"]
    assert "PROVISIONAL" in receipt.read_text(encoding="utf-8")
    for kept in home.rglob("*"):
        assert not kept.is_file() or issued["code"][4:60].encode() not in kept.read_bytes(), kept

    with pos.start(
        "central", "serve", "--no-auth", "--db", db_url, "--port", str(told["port"]), pin=None
    ) as central:
        central.answer()
        synced = pos.run("--home", str(home), "--json", "sync", "--drain", "--timeout", "30", pin=None)
        assert (synced.status, synced.last["acknowledged"], synced.last["waiting"]) == (0, 1, 0)
        assert pos.run("--home", str(home), "verify", "--central", pin=None).status == 0
    assert pos.run("central", "verify", "--db", db_url, pin=None).status == 0

    key = keys.lines[0]["key"]
    gone = pos.run("--json", "central", "voucher", "key", "withdraw", key, "--db", db_url, pin=None)
    assert [line["state"] for line in gone.lines] == ["withdrawn"]
    twice_gone = pos.run("--json", "central", "voucher", "key", "withdraw", key, "--db", db_url, pin=None)
    assert (twice_gone.status, twice_gone.last["error"]["code"]) == (3, "unknown_key")
