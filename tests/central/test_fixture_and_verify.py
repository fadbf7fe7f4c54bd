"""Loading the operator's accounts and bills, and adding central's books up again."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from pos.domain.errors import Refused
from sync.central.app import make_app
from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.central.schema.opening import open_central
from sync.central.store.database import CentralStore
from sync.central.store.promises import StoreUnavailable
from sync.wire_json import loads
from tests.builders.central_stores import StoreKind, made_store
from tests.central.central_builders import (
    BASE_URL,
    BILL,
    BILL_SPEC,
    RATE,
    CountedRandomness,
    SteppingClock,
    bill,
    faults,
    item,
    kwd,
    line,
    payment,
    post,
    rate,
    read,
    small_operator,
)

ROOT = Path(__file__).resolve().parents[2]

ACCOUNT = "/counterfoil/v1/account"


async def test_a_bill_is_answered_as_issued_with_its_lines_and_extended_type(
    client: httpx.AsyncClient,
) -> None:
    shown = await read(client, f"{BILL}/CB-1")
    issued = small_operator()["bills"][0]
    assert shown["billSummaryLine"] == issued["billSummaryLine"]
    assert (shown["@type"], shown["@baseType"]) == ("CustomerBillWithSummary", "CustomerBill")
    assert (await client.get(shown["@schemaLocation"])).status_code == 200
    assert (await read(client, f"{BILL}/CB-2"))["@type"] == "CustomerBill"


async def test_loading_again_keeps_what_payments_did(client: httpx.AsyncClient, store: CentralStore) -> None:
    await post(client, payment("14.000", paymentItem=[item("CB-2", "4.000")]))
    fixture = small_operator()
    fixture["bills"][1] = bill("CB-2", "12.000")
    fixture["accounts"][0]["credit"] = "2.000"
    counts = load_fixture(store, fixture)
    assert counts == {
        "shop": 1, "accounts": 2, "dealers": 1, "bills": 2, "rates": 4, "items": 2, "users": 2, "vouchers": 5
    }  # fmt: skip
    shown = await read(client, f"{BILL}/CB-2")
    assert (shown["remainingAmount"], shown["state"]) == (kwd("8.000"), "partiallyPaid")
    assert (await read(client, f"{ACCOUNT}/BA-1"))["creditAmount"] == kwd("12.000")
    assert verify_central(store) == []


async def test_loading_the_same_again_changes_no_row(client: httpx.AsyncClient, store: CentralStore) -> None:
    seen = (await client.get(BILL)).headers["x-change-number"]
    load_fixture(store, small_operator())
    assert await read(client, BILL, **{"changeNumber.gt": seen}) == []
    assert await read(client, ACCOUNT, **{"change.gt": seen}) == []


def test_no_secret_of_a_fixture_is_kept_in_clear(store: CentralStore, tmp_path: Path) -> None:
    with store.write() as connection:
        kept = connection.execute(text("SELECT body FROM fixture_row ORDER BY kind")).scalars().all()
    assert any("1001" in body for body in kept)
    store.close()
    for file in tmp_path.glob("central.db*"):
        assert b"135790" not in file.read_bytes()
        assert b"LOY-4RFP" not in file.read_bytes()


@pytest.mark.parametrize("name", ["fixture-kwd.json", "fixture-eur.json"])
async def test_the_sample_operator_is_loaded_whole_and_conforms(
    store_kind: StoreKind, name: str, tmf_specs: Path
) -> None:
    fixture = loads((ROOT / "config" / "sample" / name).read_bytes())
    with made_store(store_kind) as store:
        load_fixture(store, fixture)
        assert verify_central(store) == []
        app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness())
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
            for path, key, definition in (
                (BILL, "bills", "CustomerBill"),
                (RATE, "rates", "AppliedCustomerBillingRate"),
            ):
                answer = await client.get(path, params={"limit": "200"})
                assert int(answer.headers["x-total-count"]) == len(fixture[key])
                assert faults(tmf_specs, BILL_SPEC, definition, *loads(answer.content)) == []


def _bent(change: str) -> dict[str, Any]:
    fixture = small_operator()
    first = fixture["bills"][0]
    lines = first["billSummaryLine"]
    match change:
        case "top lines":
            lines.append(line("L4", "0.001", rates=[]))
        case "rates":
            fixture["rates"].append(fixture["rates"][2] | {"id": "R-4"})
        case "parent":
            lines[1]["taxExcludedAmount"] = kwd("39.999")
        case "line against its rates":
            for at, amount in ((1, "39.000"), (2, "2.750")):
                lines[at] |= {"taxExcludedAmount": kwd(amount), "taxIncludedAmount": kwd(amount)}
        case "missing parent":
            lines[1]["parentLine"] = {"id": "L9"}
        case "circle":
            lines[0]["parentLine"] = {"id": "L2"}
        case "line in itself":
            lines.append(line("L4", "1.000", rates=[]) | {"taxAmount": kwd("0.050")})
            lines.append(line("L5", "-1.000", rates=[]) | {"taxAmount": kwd("-0.050")})
        case "rate on two lines":
            lines.append(line("L4", "0.000", rates=["R-2"]))
        case "unknown rate":
            lines[1]["appliedCustomerBillingRate"].append({"id": "R-8"})
    return fixture


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ("top lines", "bill_sums_differ", "-0.001 KWD"),
        ("rates", "bill_sums_differ", "0.250 KWD"),
        ("parent", "bill_sums_differ", "0.001 KWD"),
        ("line against its rates", "bill_sums_differ", "-1.000 KWD"),
        ("missing parent", "bill_lines_bad", "NCB-1"),
        ("circle", "bill_", "NCB-1"),
        ("line in itself", "bill_sums_differ", "-0.050 KWD"),
        ("rate on two lines", "bill_lines_bad", "twice"),
        ("unknown rate", "bill_lines_bad", "NCB-1"),
    ],
)
def test_a_bill_whose_sums_differ_is_refused_and_nothing_is_loaded(
    store_kind: StoreKind, change: str, code: str, says: str
) -> None:
    with made_store(store_kind) as store:
        with pytest.raises(Refused) as refusal:
            load_fixture(store, _bent(change))
        assert refusal.value.code.startswith(code)
        assert says in refusal.value.message
        assert "NCB-1" in refusal.value.message
        with store.read() as connection:
            assert connection.execute(text("SELECT count(*) FROM account")).scalar_one() == 0


@pytest.mark.parametrize(
    "rates",
    [
        [rate("R-4", "CB-1", "0.001")],
        [rate("R-1", "CB-1", "39.999")],
        [rate("R-1", "CB-2", "40.000")],
        [rate("R-1", "CB-1", "40.000", isBilled=False)],
    ],
    ids=["one more", "another sum", "on another bill", "taken off"],
)
async def test_rates_that_no_longer_make_up_a_kept_bill_are_refused(
    client: httpx.AsyncClient, store: CentralStore, rates: list[dict[str, object]]
) -> None:
    before = await read(client, RATE)

    with pytest.raises(Refused) as refusal:
        load_fixture(store, {"rates": rates})

    assert refusal.value.code in ("bill_sums_differ", "bill_lines_bad")
    assert await read(client, RATE) == before


async def test_a_bill_is_checked_against_the_rates_that_came_before_it(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    load_fixture(store, {"rates": [rate("R-5", "CB-5", "3.000", isDisputed=True)]})
    with pytest.raises(Refused, match=r"-1\.000 KWD") as refusal:
        load_fixture(store, {"bills": [bill("CB-5", "2.000")]})
    assert refusal.value.code == "bill_sums_differ"

    load_fixture(store, {"bills": [bill("CB-5", "3.000")]})

    assert (await read(client, f"{BILL}/CB-5"))["disputedAmount"] == kwd("3.000")


@pytest.mark.parametrize(
    ("key", "row", "says"),
    [
        ("bills", bill("CB-7", "1.000", category=7), "category: must be text"),
        ("bills", bill("CB-7", "1.000", billDate="2026-11-01"), "billDate: must be a date-time"),
        ("bills", bill("CB-7", "1.000", billDocument=[{"name": "x"}]), "billDocument[0].id: is missing"),
        (
            "bills",
            bill("CB-7", "1.000", **{"@schemaLocation": "a b"}),
            "@schemaLocation: must be an absolute",
        ),
        ("rates", rate("R-7", "CB-7", "1.000", date="2026-11-01"), "rate R-7: date: must be"),
        ("rates", rate("R-7", "CB-7", "1.000", characteristic=[{"name": "x"}]), "characteristic[0].value"),
        ("bills", {"id": "CB-7"}, "CB-7: billingAccount.id"),
        ("bills", bill("CB/7", "1.000"), "bills.id"),
        ("bills", bill("CB-7", "1.000") | {"amountDue": {"unit": "KWD", "value": "1"}}, "amountDue.value"),
        ("rates", {"id": "R-7", "isBilled": True}, "R-7: bill.id"),
        ("accounts", {"account": "B-7", "kind": "subscriber", "currency": "XXX"}, "accounts[0].currency"),
        ("accounts", {"account": "B-7", "kind": "king", "currency": "EUR"}, "accounts[0].kind"),
    ],
)
def test_a_bad_row_of_a_fixture_is_named(
    store: CentralStore, key: str, row: dict[str, Any], says: str
) -> None:
    with pytest.raises(Refused) as refusal:
        load_fixture(store, {key: [row]})
    assert refusal.value.code == "fixture_bad"
    assert says in refusal.value.message


async def test_a_bill_cannot_be_loaded_for_less_than_was_paid(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    await post(client, payment("9.000", paymentItem=[item("CB-2", "9.000")]))
    with pytest.raises(Refused, match=r"9\.000 KWD paid"):
        load_fixture(store, {"bills": [bill("CB-2", "8.000")]})
    load_fixture(store, {"bills": [bill("CB-2", "9.000")]})
    assert (await read(client, f"{BILL}/CB-2"))["state"] == "settled"


@pytest.mark.parametrize(
    ("tampering", "subject"),
    [
        ("UPDATE bill SET remaining_minor = 1 WHERE id = 'CB-2'", "bill"),
        ("UPDATE bill SET body = replace(body, '41.750', '41.751') WHERE id = 'CB-1'", "bill"),
        ("UPDATE rate SET body = replace(body, '40.000', '40.001') WHERE id = 'R-1'", "bill"),
        ("UPDATE rate SET body = 'x' WHERE id = 'R-1'", "bill"),
        ("UPDATE rate SET bill_id = 'CB-2' WHERE id = 'R-1'", "bill"),
        ("DELETE FROM applied_payment", "payment"),
        ("UPDATE payment SET credit_minor = credit_minor + 1, amount_minor = amount_minor + 1", "payment"),
        ("UPDATE payment SET body = replace(body, '14.000', '14.001')", "payment"),
        ("UPDATE account SET credit_minor = 0", "account"),
        ("UPDATE change_counter SET value = 0", "store"),
    ],
)
async def test_verify_names_what_was_tampered_with(
    client: httpx.AsyncClient, store: CentralStore, tampering: str, subject: str
) -> None:
    await post(client, payment("14.000", paymentItem=[item("CB-2", "4.000")]))
    assert verify_central(store) == []
    with store.write() as connection:
        connection.execute(text(tampering))
    assert subject in {finding.subject for finding in verify_central(store)}


def test_a_store_that_is_none_of_ours_is_refused(tmp_path: Path) -> None:
    noise = tmp_path / "noise.db"
    noise.write_bytes(b"this is no database, whatever its name says" * 100)
    foreign = tmp_path / "foreign.db"
    newer = tmp_path / "newer.db"
    for path, statement in (
        (foreign, "DROP TABLE central_version"),
        (newer, "UPDATE central_version SET version_num = '9999'"),
    ):
        store = open_central(f"sqlite:///{path}")
        with store.write() as connection:
            connection.execute(text(statement))
        store.close()
    for url in (
        f"sqlite:///{noise}",
        f"sqlite:///{foreign}",
        f"sqlite:///{newer}",
        f"sqlite:///{tmp_path}/no/such/folder/central.db",
        "central.db",
    ):
        with pytest.raises(StoreUnavailable):
            open_central(url)


@pytest.mark.kept_in("sqlite")
def test_the_store_keeps_its_promises_of_durability(store: CentralStore) -> None:
    with store.read() as connection:
        kept = [
            connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert kept == ["wal", 2, 1]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_nobody_but_its_owner_reads_the_store(tmp_path: Path) -> None:
    """Rule 44 and reliability.md 5.4: the store of central holds the private keys of vouchers."""
    path = tmp_path / "central.db"
    store = open_central(f"sqlite:///{path}")
    with store.write() as connection:
        connection.execute(text("UPDATE change_counter SET value = value + 1"))

    assert {mode_of(file) for file in tmp_path.iterdir()} == {0o600}
    assert {file.name for file in tmp_path.iterdir()} >= {"central.db", "central.db-wal"}
    store.close()


def test_a_store_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "central.db"
    open_central(f"sqlite:///{path}").close()
    path.chmod(0o644)

    open_central(f"sqlite:///{path}").close()

    assert mode_of(path) == 0o600


def test_a_fault_of_the_store_prints_no_value(store: CentralStore) -> None:
    with pytest.raises(SQLAlchemyError) as fault, store.write() as connection:
        connection.execute(text("INSERT INTO nothing VALUES (:name)"), {"name": "Aisha Al-Sabah"})

    assert "Aisha" not in str(fault.value)
