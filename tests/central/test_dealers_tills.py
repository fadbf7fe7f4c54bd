"""A dealer's till knows its dealer's alone, by its token; it acts on what the dealer's tills took, and on nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from pos.domain.errors import Refused
from pos.domain.ledger_feed import Deliverer
from sync.central.access.gate import NEEDS
from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.central.schema.opening import open_central
from sync.central.store.database import CentralStore
from sync.central.tills.people import list_people
from sync.central.tills.terminals import list_terminals, make_terminal_code
from sync.central.wire.callers import USUAL_SCOPES, ClientKind, Scope
from sync.central.wire.links import (
    ACCOUNT_PATH,
    APPROVAL_PATH,
    BILL_PATH,
    CHARGE_PATH,
    COMMISSION_PATH,
    DISHONOUR_PATH,
    ENROLMENT_PATH,
    HEAD_PATH,
    LEDGER_BATCH_PATH,
    MANDATE_PATH,
    OUTCOME_PATH,
    PAYMENT_PATH,
    PERSON_CHANGE_PATH,
    PERSON_PATH,
    REFUND_HOLD_PATH,
    REFUND_PATH,
    REFUNDABLE_PATH,
    SESSION_PATH,
    SHIFT_TOTAL_PATH,
    SHOP_BAG_PATH,
    TERMINAL_PATH,
    TRANSFER_PATH,
    VOUCHER_HOLD_PATH,
    VOUCHER_PATH,
)
from sync.ledger.wire import told_batch
from sync.wire_json import dumps, loads
from tests.builders.ledger import batch_of_a_day
from tests.central.auth_builders import OtherRandomness, guarded, public_of
from tests.central.central_builders import SteppingClock, item, kwd, payment, voucher_payment
from tests.central.central_builders import asked as voucher_asked
from tests.central.refund_builders import refund
from tests.central.test_approvals import ID, answer, asked
from tests.central.test_dealer_isolation import OTHER, OWN, operator, party
from tests.central.test_outcomes import outcome
from tests.central.test_people import change
from tests.central.test_shift_totals import total
from tests.central.test_shop_bags import step
from tests.central.test_terminal_keys import signed_in
from tests.central.test_voucher_issuing import wanted

JSON = {"content-type": "application/json"}
KEYS = {
    name: Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)
    for n, name in enumerate(("T1", "T8", "T9"), 1)
}
OWNERS: Mapping[str, str | None] = {"T1": None, "T8": OWN, "T9": OTHER}


class Till:
    """A till that has its token."""

    def __init__(self, server: httpx.AsyncClient, terminal: str, token: dict[str, str]) -> None:
        self.server, self.terminal, self.token = server, terminal, token

    async def get(self, path: str, **asked: str) -> httpx.Response:
        return await self.server.get(path, params=asked, headers=self.token)

    async def rows(self, path: str, **asked: str) -> Any:
        found = await self.get(path, **asked)
        assert found.status_code == 200, found.text
        return loads(found.content)

    async def tell(self, path: str, body: Mapping[str, object], method: str = "POST") -> tuple[int, Any]:
        """The status, and the id of what was made or the code of the refusal."""
        told = await self.server.request(method, path, content=dumps(body), headers={**JSON, **self.token})
        said = loads(told.content) if told.content else {}
        return told.status_code, said.get("code", said.get("id"))

    async def take(self, sequence: int, account: str = "BA-1", bill: str = "CB-1", **more: Any) -> str:
        """The id of a payment that it took."""
        status, payment_id = await self.tell(PAYMENT_PATH, self.leg(sequence, account, bill, **more))
        assert status == 201, payment_id
        return str(payment_id)

    def leg(self, sequence: int, account: str = "BA-1", bill: str = "CB-1", **more: Any) -> dict[str, Any]:
        told: dict[str, Any] = {
            "terminal": self.terminal,
            "epoch": 1,
            "sequence": sequence,
            "leg": 1,
            "correlatorId": f"c-{sequence}",
            "paymentEventId": f"E-{sequence}",
            "receiptNumber": f"R-{self.terminal}-{sequence}",
            "account": {"id": account},
            "payer": party(account),
            "paymentItem": [item(bill, "1.000")],
        }
        return payment("1.000", **{**told, **more})


@asynccontextmanager
async def tills_of(
    store: CentralStore, *names: str, clock: SteppingClock | None = None
) -> AsyncIterator[list[Till]]:
    clock = clock or SteppingClock()
    load_fixture(store, operator(with_other="T9" in names))
    async with guarded(store, clock) as server:
        found = []
        for number, name in enumerate(names):
            code = make_terminal_code(
                store,
                name,
                clock=clock,
                randomness=OtherRandomness(3_000_000 + 1_000 * number),
                dealer=OWNERS[name],
            )
            body = {"terminal": name, "code": code, "publicKey": public_of(KEYS[name])}
            assert (await server.post(ENROLMENT_PATH, content=dumps(body), headers=JSON)).status_code == 201
            found.append(
                Till(server, name, await signed_in(server, clock, f"{name}:1", KEYS[name], jti=name))
            )
        yield found


async def test_a_terminal_stays_whose_it_is(empty_store: CentralStore) -> None:
    def code(terminal: str, dealer: str | None) -> None:
        make_terminal_code(
            empty_store, terminal, clock=SteppingClock(), randomness=OtherRandomness(6_000_000), dealer=dealer
        )

    async with tills_of(empty_store, "T1", "T8", "T9"):
        refusals = []
        for terminal, dealer in (("T1", OWN), ("T8", None), ("T8", OTHER), ("T7", "D-404"), ("T7", "BA-1")):
            with pytest.raises(Refused) as refused:
                code(terminal, dealer)
            refusals.append(refused.value.code)
        code("T8", OWN)
    assert refusals == ["terminal_of_another"] * 3 + ["unknown_dealer"] * 2
    with empty_store.read() as connection:
        assert {one.terminal: one.dealer for one in list_terminals(connection)} == OWNERS


async def test_a_dealers_till_takes_money_for_its_dealer_and_sees_no_other(empty_store: CentralStore) -> None:
    async with tills_of(empty_store, "T1", "T8", "T9") as (operators, own, other):
        taken = [await till.take(1) for till in (operators, own, other)]
        again = await own.tell(PAYMENT_PATH, own.leg(1))
        reused = await own.tell(PAYMENT_PATH, own.leg(2, correlatorId="c-1"))
        (shown,) = await own.rows(PAYMENT_PATH)
        everything = await operators.rows(PAYMENT_PATH)
        (bill,) = await own.rows(BILL_PATH, id="CB-1")
        accounts = {row["id"] for row in await own.rows(ACCOUNT_PATH)}
        page = await own.get(PAYMENT_PATH, correlatorId="c-1")
    assert (again, reused) == ((201, taken[1]), (422, "key_reused"))
    assert (shown["id"], shown["correlatorId"]) == (taken[1], "c-1")
    assert "changeNumber" in shown
    assert "x-change-number" in page.headers
    assert [row["id"] for row in loads(page.content)] == [taken[1]]
    assert {row["id"] for row in everything} == set(taken)
    assert [entry["payment"]["id"] for entry in bill["appliedPayment"]] == [taken[1]]
    assert accounts == {"BA-1", "BA-2", OWN}
    with empty_store.read() as connection:
        whose = connection.execute(text("SELECT terminal, dealer FROM payment")).all()
    assert {row.terminal: row.dealer for row in whose} == OWNERS
    assert verify_central(empty_store) == []


async def test_a_dealers_till_takes_money_of_whoever_has_no_account(empty_store: CentralStore) -> None:
    """Walk-in buyers, and payers whom nobody knows, stand on accounts of the shop's own."""
    sold = {"@referredType": "ProductOffering"}
    async with tills_of(empty_store, "T8", "T9") as (own, other):
        walk_in: dict[str, Any] = {
            "payer": {**party("WALK-IN"), "role": "walk_in"},
            "paymentItem": [{"item": {"id": "SIM-1", **sold}, "totalAmount": {"unit": "KWD", "value": 1}}],
        }
        nobodys: dict[str, Any] = {"keptApart": [{"as": "suspense", "amount": kwd("0.600")}]}
        cleared: dict[str, Any] = {"clearsOverdue": ["c-3", "c-4"]}
        taken = [
            await own.take(1, "WALK-IN", **walk_in),
            await own.take(2, "SUSPENSE", paymentItem=[item("CB-404", "0.400")], **nobodys),
            await own.take(3, "BA-404", paymentItem=[item("CB-404", "1.000")], **cleared),
        ]
        assert await own.tell(PAYMENT_PATH, own.leg(3, "BA-404", "CB-404", **cleared)) == (201, taken[2])
        assert {row["id"] for row in await own.rows(PAYMENT_PATH)} == set(taken)
        assert await other.rows(PAYMENT_PATH) == []
    assert verify_central(empty_store) == []


async def test_a_dealers_till_undoes_what_its_dealers_tills_took_alone(empty_store: CentralStore) -> None:
    async with tills_of(empty_store, "T1", "T8", "T9") as (operators, own, other):
        taken = {till.terminal: await till.take(1) for till in (operators, own, other)}
        for terminal in ("T1", "T9"):
            payment_id = taken[terminal]
            assert await own.tell(REFUND_PATH, refund(payment_id, "1.000")) == (422, "unknown_payment")
            for asked_by in ({"payment.id": payment_id}, {"receiptNumber": f"R-{terminal}-1"}):
                assert (await own.get(REFUNDABLE_PATH, **asked_by)).status_code == 404
            held = await own.tell(REFUND_HOLD_PATH, hold(payment_id, f"R-{terminal}-1"))
            assert held == (409, "refund_unknown_receipt")
        moved = refund(taken["T8"], "1.000", kind="transfer", placed=[placed(OTHER)])
        assert await own.tell(REFUND_PATH, moved) == (422, "unknown_account")
        status, held_id = await own.tell(REFUND_HOLD_PATH, hold(taken["T8"], "R-T8-1"))
        assert (status, held_id) == (201, "RH-1")
        status, _ = await own.tell(REFUND_PATH, refund(taken["T8"], "1.000", refundHold="RH-1"))
        assert status == 201
        assert [row["payment"]["id"] for row in await own.rows(REFUND_PATH)] == [taken["T8"]]
        assert await other.rows(REFUND_PATH) == []


def hold(payment_id: str, receipt: str) -> dict[str, object]:
    legs = [{"payment": {"id": payment_id}, "amount": {"unit": "KWD", "value": 1}}]
    return {"id": "RH-1", "terminal": "T8", "operator": "1001", "receiptNumber": receipt, "legs": legs}


def placed(account: str) -> dict[str, object]:
    return {"account": account, "as": "account", "amount": {"unit": "KWD", "value": 1}}


async def test_a_dealers_till_tells_of_a_walk_in_buyers_cheque_and_charge(empty_store: CentralStore) -> None:
    """The charge is its dealer's till's to see and to take money on; one at another dealer's is not."""
    sold = {"id": "SIM-1", "@referredType": "ProductOffering"}
    async with tills_of(empty_store, "T1", "T8", "T9") as tills:
        charged = {}
        for till in tills:
            walk_in: dict[str, Any] = {
                "payer": {**party("WALK-IN"), "role": "walk_in"},
                "paymentItem": [{"item": sold, "totalAmount": {"unit": "KWD", "value": 1}}],
            }
            paid = await till.take(1, "WALK-IN", **walk_in)
            told = bounce(till, paid, account="WALK-IN", bill=f"CH-{till.terminal}")
            status, _ = await till.tell(DISHONOUR_PATH, told)
            charged[till.terminal] = (status, {row["id"] for row in await till.rows(BILL_PATH)})
            undone = {**told, "correlatorId": "told-undone", "state": "undone"}
            if till.terminal == "T9":
                assert (await till.tell(DISHONOUR_PATH, undone))[0] == 201
        everybodys = {"CB-1", "CB-2", "CB-OTHER", "CB-OWN"}
        assert charged["T8"] == (201, {*charged["T8"][1] & everybodys, "CH-T8"})
        assert charged["T9"] == (201, {*charged["T9"][1] & everybodys, "CH-T9"})
        own = tills[1]
        for sequence, named in ((2, "CH-T8"), (3, "CH-T1"), (4, "CH-T9")):
            await own.take(sequence, "WALK-IN", named, payer={**party("WALK-IN"), "role": "walk_in"})
        (bill,) = await own.rows(BILL_PATH, id="CH-T8")
        assert [entry["appliedAmount"]["value"] for entry in bill["appliedPayment"]] == [1]
    with empty_store.read() as connection:
        open_of = connection.execute(
            text("SELECT id, dealer, remaining_minor FROM bill WHERE id LIKE 'CH-%'")
        )
        assert {tuple(row) for row in open_of} == {
            ("CH-T1", None, 5_000),
            ("CH-T8", OWN, 4_000),
            ("CH-T9", OTHER, 0),
        }
    assert verify_central(empty_store) == []


async def test_a_dealers_till_ends_nothing_that_is_anothers_and_hears_no_more_than_of_nothing(
    empty_store: CentralStore,
) -> None:
    """By the ids of holds and bounces, should it have come by one."""
    async with tills_of(empty_store, "T1", "T8", "T9") as (operators, own, other):
        issued = await operators.server.post(
            VOUCHER_PATH,
            content=dumps(wanted(residual="new_voucher") | {"terminal": "T1"}),
            headers={**JSON, **operators.token},
        )
        voucher = voucher_asked(code=loads(issued.content)["code"], terminal="T9")
        assert (await other.tell(VOUCHER_HOLD_PATH, voucher))[0] == 201
        taken, own_taken = await other.take(1), await own.take(1)
        asked_for = {**hold(taken, "R-T9-1"), "terminal": "T9"}
        assert (await other.tell(REFUND_HOLD_PATH, asked_for))[0] == 201
        bounced = bounce(other, await other.take(2))
        assert (await other.tell(DISHONOUR_PATH, bounced))[0] == 201

        for till, ids in ((own, ("H-1", "RH-1")), (own, ("H-404", "RH-404"))):
            said = [
                (await till.server.request(method, f"{path}/{one}{below}", headers=till.token)).status_code
                for method, path, one, below in (
                    ("DELETE", VOUCHER_HOLD_PATH, ids[0], ""),
                    ("GET", VOUCHER_HOLD_PATH, ids[0], "/rest"),
                    ("DELETE", VOUCHER_HOLD_PATH, ids[0], "/rest"),
                    ("DELETE", REFUND_HOLD_PATH, ids[1], ""),
                )
            ]
            assert said == [204, 404, 204, 204]
        undone = {**bounce(own, own_taken), "correlatorId": "u", "state": "undone"}
        for dishonour in (bounced["dishonour"], "DH-404"):
            told = await own.tell(DISHONOUR_PATH, {**undone, "dishonour": dishonour})
            assert told == (422, "unknown_dishonour")

        assert (await other.tell(REFUND_HOLD_PATH, asked_for))[0] == 200
        assert (await other.tell(VOUCHER_HOLD_PATH, voucher))[0] == 200
        (standing,) = await other.rows(DISHONOUR_PATH)
        assert standing["state"] == "dishonoured"
    assert verify_central(empty_store) == []


async def test_a_bounce_is_told_of_no_other_dealers_account(empty_store: CentralStore) -> None:
    """Neither whom it counts against, nor whom it charges, nor who is collected from again."""
    async with tills_of(empty_store, "T8", "T9") as (own, _):
        paid = await own.take(1)
        for more in (
            {"account": {"id": OTHER}},
            {"charge": {**bounce(own, paid)["charge"], "account": OTHER}},
            {"collection": [{"account": OTHER, "status": "active", "stage": 2}]},
        ):
            refused = await own.tell(DISHONOUR_PATH, {**bounce(own, paid), **more})
            assert refused == (422, "unknown_account")
        assert (await own.tell(DISHONOUR_PATH, bounce(own, paid)))[0] == 201


MANDATE: dict[str, Any] = {
    "correlatorId": "M-told",
    "mandate": "M-1",
    "account": {"id": "BA-1"},
    "state": "active",
    "signedOn": "2026-01-05",
    "registeredAt": "2026-01-05T07:15:00+00:00",
    "holder": "Zoë O'Brien",
    "bankAccount": "NL91ABNA0417164300",
    "bic": "",
    "terminal": "T1",
    "operator": "4001",
    "decidedAt": "2026-11-21T10:15:00+03:00",
}
CHARGE: dict[str, Any] = {
    "correlatorId": "CH-9",
    "id": "CH-9",
    "billNo": "S014-T1-A-DF-000001",
    "account": {"id": "BA-1"},
    "reference": "R-1",
    "returnedAmount": kwd("0"),
    "feeAmount": kwd("5.000"),
    "feeTaxAmount": kwd("0"),
    "date": "2026-11-21",
    "terminal": "T1",
}


def bounce(till: Till, paid: str, *, account: str = "BA-1", bill: str = "CH-1") -> dict[str, Any]:
    """What a till tells of a cheque that bounced, with a fee of 5.000 as a bill."""
    return {
        "correlatorId": "told",
        "dishonour": f"DH-{till.terminal}",
        "state": "dishonoured",
        "payment": {"id": paid},
        "reasonCode": "insufficient_funds",
        "payorsFault": True,
        "bankDate": "2026-11-21",
        "receiptNumber": f"DN-{till.terminal}",
        "ofReceipt": f"R-{till.terminal}-1",
        "terminal": till.terminal,
        "charge": {
            "id": bill,
            "billNo": f"N-{bill}",
            "account": account,
            "date": "2026-11-21",
            "recoveredAmount": kwd("0"),
            "feeAmount": kwd("5.000"),
            "feeTaxAmount": kwd("0.238"),
        },
    }


async def test_what_is_the_operators_a_dealers_till_does_not(empty_store: CentralStore) -> None:
    async with tills_of(empty_store, "T8", "T9") as (own, _):
        payment_id = await own.take(1)
        for path in (VOUCHER_PATH, TRANSFER_PATH, COMMISSION_PATH, CHARGE_PATH, MANDATE_PATH):
            assert await own.tell(path, {"terminal": "T8"}) == (403, "operator_alone")
        assert await own.tell(OUTCOME_PATH, outcome(payment_id)) == (403, "operator_alone")
        on_others = own.leg(2, OTHER, "CB-OTHER")
        assert await own.tell(PAYMENT_PATH, on_others) == (422, "unknown_account")


async def test_people_and_second_persons_are_those_of_a_dealers_own_tills(empty_store: CentralStore) -> None:
    async with tills_of(empty_store, "T1", "T8", "T9") as (operators, own, other):
        for till in (operators, own, other):
            told = {"terminal": till.terminal, "epoch": 1, "changes": [change("D-1", act="known")]}
            assert (await till.tell(PERSON_CHANGE_PATH, told))[0] == 201
        out = {"terminal": "T8", "epoch": 1, "changes": [change("D-2", active=False)]}
        assert (await own.tell(PERSON_CHANGE_PATH, out))[0] == 201
        active = {}
        for till in (operators, own, other):
            (person,) = await till.rows(PERSON_PATH, id="1001", sort="-active")
            assert person["id"] == (await till.rows(f"{PERSON_PATH}/1001"))["id"] == "1001"
            active[till.terminal] = person["active"]
            assert {row["terminal"] for row in await till.rows(PERSON_CHANGE_PATH, user="1001")} == {
                till.terminal
            }
        assert active == {"T1": True, "T8": False, "T9": True}

        signed = {"terminal": "T8", "secondsAgo": 1}
        assert (await own.tell(f"{SESSION_PATH}/1001", signed, "PUT"))[0] == 200
        assert [(await till.get(f"{SESSION_PATH}/1001")).status_code for till in (operators, own, other)] == [
            404,
            200,
            404,
        ]

        assert (await own.tell(APPROVAL_PATH, asked(terminal="T8")))[0] == 201
        assert [len(await till.rows(APPROVAL_PATH)) for till in (operators, own, other)] == [0, 1, 0]
        for till in (operators, other):
            given = answer(terminal=till.terminal)
            assert await till.tell(f"{APPROVAL_PATH}/{ID}/answer", given) == (404, "not_found")
            closed = await till.server.delete(f"{APPROVAL_PATH}/{ID}", headers=till.token)
            assert closed.status_code == 204
        assert len(await own.rows(APPROVAL_PATH)) == 1
    with empty_store.read() as connection:
        assert {one.user for one in list_people(connection)} >= {f"{OWN}\x1f1001", f"{OTHER}\x1f1001", "1001"}


async def test_a_dealers_till_hears_how_far_its_dealers_tills_are_alone(empty_store: CentralStore) -> None:
    async with tills_of(empty_store, "T1", "T8", "T9") as (operators, own, other):
        for till in (operators, own, other):
            head = {"terminal": till.terminal, "epoch": 1, "chainNumber": 3, "mark": "ABC"}
            assert (await till.tell(HEAD_PATH, head))[0] == 201
            assert (await till.tell(SHIFT_TOTAL_PATH, total(terminal=till.terminal)))[0] == 201
        for terminal, heard in (("T1", 0), ("T8", 1), ("T9", 0)):
            assert len(await own.rows(HEAD_PATH, terminal=terminal)) == heard
            assert (await own.get(f"{TERMINAL_PATH}/{terminal}")).status_code == (200 if heard else 404)
        assert [row["terminal"] for row in await own.rows(SHIFT_TOTAL_PATH)] == ["T8"]
        assert len(await operators.rows(SHIFT_TOTAL_PATH)) == 3


async def test_a_dealers_till_hears_of_its_dealers_batches_for_the_ledger_alone(
    empty_store: CentralStore,
) -> None:
    """By what central has of its own a till knows which it has still to tell."""
    async with tills_of(empty_store, "T1", "T8", "T9") as (operators, own, other):
        batch = batch_of_a_day(delivered_by=Deliverer.CENTRAL)
        told = replace(batch, terminal="T8", number=batch.number.replace("-T1-", "-T8-"))
        assert await own.tell(LEDGER_BATCH_PATH, told_batch(told)) == (201, told.number)
        heard = [len(await till.rows(LEDGER_BATCH_PATH, terminal="T8")) for till in (operators, own, other)]
    assert heard == [1, 1, 0]


async def test_a_bag_is_accepted_by_a_till_of_whom_it_was_sent_from(empty_store: CentralStore) -> None:
    """A dealer's shop may have the number of an operator's: what its tills tell of the other's bag leaves that as it is."""
    async with tills_of(empty_store, "T1", "T8", "T9") as tills:
        operators, own, _ = tills
        for sender in tills:
            paper = f"S014-{sender.terminal}-A-TB-000001"
            about = {"id": f"S-{sender.terminal}", "terminal": sender.terminal, "paper": paper}
            assert (await sender.tell(SHOP_BAG_PATH, step("sent", **about)))[0] == 201
            for till in tills:
                if till is not sender:
                    mine = step("accepted", of=f"A-{till.terminal}", by=till.terminal, paper=paper)
                    assert await till.tell(SHOP_BAG_PATH, mine) == (409, "bag_not_here")
        unknown = step("accepted", by="T8", paper="S014-T1-A-TB-000002")
        assert await own.tell(SHOP_BAG_PATH, unknown) == (409, "bag_not_here")
        found = await operators.rows(SHOP_BAG_PATH)
        assert [len(await till.rows(SHOP_BAG_PATH)) for till in tills] == [3, 1, 1]
    assert {row["state"] for row in found} == {"on_the_way"}


async def test_a_dealers_till_sees_no_mandate_and_no_charge(empty_store: CentralStore) -> None:
    """They have the bank accounts of the operator's subscribers."""
    async with tills_of(empty_store, "T1", "T8") as (operators, own):
        assert await operators.tell(MANDATE_PATH, MANDATE) == (201, "M1")
        assert await operators.tell(CHARGE_PATH, CHARGE) == (201, "CH-9")
        for path, one in ((MANDATE_PATH, "M1"), (CHARGE_PATH, "CH-9")):
            assert len(await operators.rows(path)) == 1
            assert await own.rows(path) == []
            assert (await own.get(f"{path}/{one}")).status_code == 404
        assert await operators.tell(MANDATE_PATH, {**MANDATE, "terminal": "T8"}) == (403, "other_terminal")


async def test_no_till_tells_a_batch_or_a_total_in_anothers_name(empty_store: CentralStore) -> None:
    batch = batch_of_a_day(delivered_by=Deliverer.CENTRAL)
    async with tills_of(empty_store, "T1", "T8", "T9") as (operators, own, other):
        for till in (own, other):
            assert await till.tell(LEDGER_BATCH_PATH, told_batch(batch)) == (403, "other_terminal")
            part = {**told_batch(batch), "linesFrom": 1}
            assert await till.tell(LEDGER_BATCH_PATH, part) == (403, "other_terminal")
            assert await till.tell(SHIFT_TOTAL_PATH, total(terminal="T1")) == (403, "other_terminal")
            unnamed = {name: value for name, value in told_batch(batch).items() if name != "terminal"}
            assert await till.tell(LEDGER_BATCH_PATH, unnamed) == (400, "bad_field")
        assert (await operators.tell(LEDGER_BATCH_PATH, told_batch(batch)))[0] == 201
        (kept,) = await operators.rows(LEDGER_BATCH_PATH)
    assert kept["terminal"] == "T1"


async def test_a_dealers_till_takes_a_voucher_and_gives_its_rest(empty_store: CentralStore) -> None:
    async with tills_of(empty_store, "T1", "T8", "T9") as (operators, own, other):

        async def told(till: Till, path: str, body: dict[str, Any]) -> dict[str, Any]:
            answered = await till.server.post(path, content=dumps(body), headers={**JSON, **till.token})
            assert answered.status_code == 201, answered.text
            found: dict[str, Any] = loads(answered.content)
            return found

        issued = await told(operators, VOUCHER_PATH, wanted(residual="new_voucher") | {"terminal": "T1"})
        held = voucher_asked(code=issued["code"], terminal="T8")
        await told(own, VOUCHER_HOLD_PATH, held)
        for till in (operators, other):
            taken = await till.tell(VOUCHER_HOLD_PATH, {**held, "id": "H-2", "terminal": till.terminal})
            assert taken[0] == 409
        paid = await told(own, PAYMENT_PATH, voucher_payment(terminal="T8"))
        rest = await own.rows(f"{VOUCHER_HOLD_PATH}/H-1/rest")
        assert (rest["value"]["value"], rest["code"] != issued["code"]) == (12, True)
        again = {"paymentEventId": "E-3", "terminal": "T8"}
        await told(own, VOUCHER_HOLD_PATH, voucher_asked("H-3", rest["code"], **again))
        let_go = await own.server.delete(f"{VOUCHER_HOLD_PATH}/H-3", headers=own.token)
        assert let_go.status_code == 204
        undone = refund(paid["id"], "8.000", kind="tender_cancellation", reasonCode="wrong_mode")
        assert (await own.tell(REFUND_PATH, undone))[0] == 201
    assert verify_central(empty_store) == []


READ_BY_TILLS = sorted(
    path
    for (method, path), need in NEEDS.items()
    if method == "GET"
    and "{" not in path
    and isinstance(need, Scope)
    and need in USUAL_SCOPES[ClientKind.TERMINAL]
)


@pytest.mark.kept_in("sqlite")
async def test_a_dealers_till_is_told_the_same_whether_another_dealer_is_there_or_not(tmp_path: Path) -> None:
    told = []
    for names in (("T8", "T1"), ("T8", "T1", "T9")):
        store = open_central(f"sqlite:///{tmp_path / str(len(names))}.db")
        async with tills_of(store, *names) as (own, _, *others):
            for sequence in (1, 2):
                await own.take(sequence)
                for other in others:
                    await other.take(sequence, OTHER, "CB-OTHER")
                    await other.tell(SHIFT_TOTAL_PATH, total(terminal="T9"))
                    told_people = {"terminal": "T9", "epoch": 1, "changes": [change(f"D-{sequence}")]}
                    await other.tell(PERSON_CHANGE_PATH, told_people)
                    await other.tell(APPROVAL_PATH, asked(terminal="T9"))
            asked_for: dict[str, dict[str, str]] = {path: {} for path in READ_BY_TILLS}
            asked_for[HEAD_PATH] = {"terminal": "T9"}
            asked_for[REFUNDABLE_PATH] = {"receiptNumber": "R-T9-1"}
            told.append({path: plain(await own.get(path, **more)) for path, more in asked_for.items()})
        store.close()
    assert told[0] == told[1]
    assert {status for status, _, _ in told[0].values()} == {200, 404}


def plain(found: httpx.Response) -> tuple[int, Any, str | None]:
    """Without how much is done at central, and when: more is done at the one that has another dealer."""
    left_out = {
        "changeNumber",
        "change",
        "id",
        "href",
        "statusDate",
        "lastUpdate",
        "paymentDate",
        "correlatorId",
    }

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: without(one) for name, one in value.items() if name not in left_out}
        return [without(one) for one in value] if isinstance(value, list) else value

    return found.status_code, without(loads(found.content)), found.headers.get("x-total-count")
