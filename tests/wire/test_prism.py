"""Every way to pay through an independent checker of the standard, which stands between the till's bodies and central.

Prism reads the TM Forum's own definition and refuses a request that is against it with 422, an answer with 500.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from pos.domain.correction import CorrectionKind
from pos.domain.leg import LegFacts, LegTarget
from pos.domain.money import zero
from pos.domain.payment_mode import PayerKind, Purpose
from pos.store.approvals import ApprovalFacts
from pos.store.corrections import PlacedFacts, RefundFacts
from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.central.schema.opening import open_central
from sync.refund_wire import refund_body
from sync.tmf676 import payment_body
from sync.wire_json import dumps, loads
from tests.central.central_builders import (
    BILL_SPEC,
    PAYMENT_SPEC,
    VOUCHER_HOLD,
    asked,
    bill,
    kwd,
    small_operator,
    voucher,
)
from tests.wire.leg_builders import DETAILS, HOLD, MODES, leg_of

ROOT = Path(__file__).resolve().parents[2]
PRISM = ROOT / ".peers" / "prism" / "node_modules" / ".bin" / "prism"
MEDIA = {"content-type": "application/json;charset=utf-8"}
START_S = 60


@pytest.fixture(scope="module")
def central_db(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('prism') / 'central.db'}"
    store = open_central(url)
    operator = small_operator()
    operator["bills"].append(bill("CB-9", "900.000"))
    operator["vouchers"] += [voucher(f"LOY-{number:04}-PAID", "10.000") for number in range(len(LEGS))] + [
        voucher(f"EXT-{number:04}-PAID", "10.000", issuer="City Gifts") for number in range(len(LEGS))
    ]
    load_fixture(store, operator)
    store.close()
    return url


@pytest.fixture(scope="module")
def central(central_db: str) -> Iterator[str]:
    """The bundled server, started as a person starts it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pos", "central", "serve", "--no-auth", "--db", central_db, "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def prism(central: str, tmf_specs: Path) -> Iterator[httpx.Client]:
    """Prism before central; it serves the definition's paths without their common beginning."""
    spec = tmf_specs / PAYMENT_SPEC
    if not PRISM.exists():
        pytest.skip("NOT TESTED through Prism: it is not in .peers/prism; .ci/peers brings it")
    if not spec.exists():
        pytest.skip(f"NOT TESTED through Prism: no {spec}; name its folder in TMF_SPECS")
    with _prism(spec, f"{central}/tmf-api/paymentManagement/v4", probe="/payment") as client:
        yield client


def _free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


@contextmanager
def _prism(spec: Path, upstream: str, *, probe: str) -> Iterator[httpx.Client]:
    port = _free_port()
    process = subprocess.Popen(
        [PRISM, "proxy", "--errors", "-h", "127.0.0.1", "-p", port, spec, upstream],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, headers=MEDIA) as client:
            _await(client, process, probe)
            yield client
    finally:
        process.kill()
        process.communicate()


def _await(client: httpx.Client, process: subprocess.Popen[bytes], probe: str) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            pytest.skip(
                f"NOT TESTED through Prism: it does not run here, and ended with {process.returncode}"
            )
        try:
            client.get(probe, params={"limit": "1"})
        except httpx.TransportError:
            time.sleep(0.2)
            continue
        return
    pytest.skip(f"NOT TESTED through Prism: it did not answer within {START_S} s")


def _every_leg() -> dict[str, LegFacts]:
    legs: dict[str, LegFacts] = {}
    for code, mode in MODES.by_code.items():
        for form, details in DETAILS[code].items():
            for payer, purposes in mode.accepts.items():
                for purpose in sorted(purposes) if payer is not PayerKind.WALK_IN else []:
                    number = len(legs) + 1
                    dealer = payer is PayerKind.DEALER
                    leg = leg_of(mode, details, purpose=purpose, dealer=dealer, number=number)
                    if leg.voucher_hold is not None:
                        leg = replace(leg, voucher_hold=f"{HOLD}-{number}")
                    legs[f"{code} {form}, {purpose} of a {payer}"] = leg
    return legs


LEGS = _every_leg()


def test_every_mode_is_posted_listed_read_and_undone_without_a_violation(
    prism: httpx.Client, central: str, central_db: str
) -> None:
    ids: dict[str, str] = {}
    for place, (name, leg) in enumerate(LEGS.items()):
        if leg.voucher_hold is not None:
            _hold(central, leg, place)
        answer = prism.post("/payment", content=payment_body(leg))
        assert answer.status_code == 201, (name, answer.text)
        assert "sl-violations" not in answer.headers, (name, answer.headers)
        made = loads(answer.content)
        ids[name] = made["id"]
        one = prism.get(f"/payment/{made['id']}")
        assert (one.status_code, one.content) == (200, answer.content), name
    listed = prism.get("/payment", params={"limit": "200"})
    assert listed.status_code == 200, listed.text
    rows = loads(listed.content)
    assert {row["correlatorId"] for row in rows} >= {leg.correlator_id for leg in LEGS.values()}
    assert {row["paymentMethod"]["name"] for row in rows} == set(MODES.by_code)
    for name, leg in LEGS.items():
        answer = prism.post("/refund", content=refund_body(_void(leg, ids[name])))
        assert answer.status_code == 201, (name, answer.text)
        assert "sl-violations" not in answer.headers, (name, answer.headers)
        one = prism.get(f"/refund/{loads(answer.content)['id']}")
        assert (one.status_code, one.content) == (200, answer.content), name
    listed = prism.get("/refund", params={"limit": "200"})
    assert listed.status_code == 200, listed.text
    assert len(loads(listed.content)) == len(LEGS)
    store = open_central(central_db)
    assert verify_central(store) == []
    store.close()


def _void(leg: LegFacts, payment_id: str) -> RefundFacts:
    """All of a leg that nothing has touched since."""
    return RefundFacts(
        correlator_id=f"C-{leg.correlator_id}",
        leg_correlator_id=leg.correlator_id,
        server_id=payment_id,
        payment_body=payment_body(leg),
        method_body=payment_body(leg),
        kind=CorrectionKind.VOID,
        amount=leg.amount,
        reason_code="wrong_amount",
        reason=None,
        corrected_at=leg.taken_at,
        receipt_number="S014-T2-AV-000001",
        terminal=leg.terminal,
        shift_id=leg.shift_id,
        bills={item.target_id: item.amount for item in leg.items if item.target is LegTarget.BILL},
        kept=() if leg.items else (_on_account(leg),),
        write_offs={},
        recovered=zero(leg.amount.currency),
        placed=(),
        operator="1001",
        taken_by="1001",
        approval=ApprovalFacts(
            request_id="R-1",
            requester="1001",
            approver="2002",
            terminal=leg.terminal,
            at=leg.taken_at,
            offline=True,
        ),
    )


def _on_account(leg: LegFacts) -> PlacedFacts:
    kept_as = next(iter(leg.kept_apart), Purpose.ACCOUNT)
    return PlacedFacts(account=leg.account, bill_id=None, kept_as=kept_as, amount=leg.amount)


def _hold(central: str, leg: LegFacts, place: int) -> None:
    external = "issuer" in leg.tender_details
    body = asked(
        str(leg.voucher_hold),
        f"{'EXT' if external else 'LOY'}-{place:04}-PAID",
        mode=leg.mode,
        paymentEventId=leg.payment_event_id,
        account=leg.account,
        amount=kwd("10.000"),
    )
    if external:
        body["issuer"] = leg.tender_details["issuer"]
    answer = httpx.post(f"{central}{VOUCHER_HOLD}", content=dumps(body), headers=MEDIA)
    assert answer.status_code == 201, answer.text


def test_split_legs_replays_and_a_walk_in_pass(prism: httpx.Client) -> None:
    cash, card = MODES.by_code["cash"], MODES.by_code["debit_card"]
    event = leg_of(
        card, DETAILS["debit_card"]["by reference"], purpose=Purpose.BILLS, dealer=False, number=901
    )
    rest = leg_of(cash, {}, purpose=Purpose.ACCOUNT, dealer=False, number=901)
    second = replace(rest, leg=2, correlator_id=f"{rest.payment_event_id}-2")
    walk_in = replace(
        leg_of(cash, {}, purpose=Purpose.ITEMS, dealer=False, number=902),
        account="WALK-IN",
        payer_account=None,
        payer_kind="walk_in",
    )
    for leg in (event, second, walk_in, event):
        answer = prism.post("/payment", content=payment_body(leg))
        assert answer.status_code == 201, answer.text
    assert answer.headers["x-idempotent-replay"] == "true"
    found = prism.get("/payment", params={"correlatorId": second.correlator_id})
    assert [row["correlatorId"] for row in loads(found.content)] == [second.correlator_id]


@pytest.mark.parametrize(
    ("leg", "status", "code"),
    [
        (
            leg_of(
                MODES.by_code["bank_cash"],
                DETAILS["bank_cash"]["by reference"],
                purpose=Purpose.ACCOUNT,
                dealer=False,
                number=903,
            ),
            400,
            "mode_not_for_payer",
        ),
        (
            replace(
                leg_of(
                    MODES.by_code["internal_voucher"],
                    DETAILS["internal_voucher"]["by reference"],
                    purpose=Purpose.BILLS,
                    dealer=False,
                    number=904,
                ),
                voucher_hold="H-404",
            ),
            409,
            "voucher_used",
        ),
    ],
)
def test_refusals_are_answers_of_the_standard_too(
    prism: httpx.Client, leg: LegFacts, status: int, code: str
) -> None:
    answer = prism.post("/payment", content=payment_body(leg))
    assert (answer.status_code, loads(answer.content)["code"]) == (status, code), answer.text


@pytest.mark.skipif(os.environ.get("SWEEPS") != "all", reason="a whole day: the gate takes it (SWEEPS=all)")
def test_a_whole_demonstration_day_passes_it_both_ways(
    prism: httpx.Client, tmf_specs: Path, tmp_path: Path
) -> None:
    """Between the till and central stands one for each API: what it finds in a request or an answer fails the day."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    port = _free_port()
    apis = f"http://127.0.0.1:{port}/tmf-api"
    before_payments = _prism(tmf_specs / PAYMENT_SPEC, f"{apis}/paymentManagement/v4", probe="/payment")
    before_bills = _prism(tmf_specs / BILL_SPEC, f"{apis}/customerBillManagement/v4", probe="/customerBill")
    with before_payments as payments, before_bills as bills:
        settings = tmp_path / "config" / "till.toml"
        written = settings.read_text("utf-8")
        for key, client in (("payment_url", payments), ("bill_url", bills)):
            assert f'{key} = ""' in written
            written = written.replace(f'{key} = ""', f'{key} = "{str(client.base_url).rstrip("/")}"')
        settings.write_text(written, "utf-8")
        options = ["--json", "--config", str(tmp_path / "config"), "--home", str(tmp_path / "home")]
        day = subprocess.run(
            [sys.executable, "-m", "pos", *options, "demo", "--headless", "--port", port],
            cwd=ROOT,
            capture_output=True,
            check=False,
        )

    steps = {told["step"]: told for told in map(json.loads, day.stdout.splitlines()) if "step" in told}
    assert (day.returncode, steps["done"]["ok"]) == (0, True), day.stderr.decode()[-500:]
    assert (steps["synced"]["parked"], steps["synced"]["waiting"]) == (0, 0)
    assert steps["synced"]["bills"] > 0


def test_prism_itself_is_awake(prism: httpx.Client) -> None:
    """It would let nothing wrong pass unnoticed."""
    answer = prism.post("/payment", content=dumps({"account": {"id": "BA-1"}, "totalAmount": kwd("1.000")}))
    assert answer.status_code == 422
    assert "paymentMethod" in answer.text
