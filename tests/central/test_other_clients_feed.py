"""What other clients than tills pay in and back is fed to the general ledger by central, under a shop of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from pos.bootstrap.policy import ledger_rules
from pos.domain.errors import Refused
from pos.domain.ledger_feed import LedgerBatch
from pos.domain.payment_mode import PaymentModes
from pos.settings import read_settings
from sync.central.ledger.batches import told_batches
from sync.central.ledger.other_clients import OtherClients, make_batches, require_shop
from sync.central.operating.verify import verify_central
from sync.central.store.database import CentralStore
from sync.wire_json import loads
from tests.central.central_builders import item, payment, post
from tests.central.refund_builders import post_refund, refund

NEXT_DAY = datetime(2026, 11, 22, 6, tzinfo=UTC)
AT_NOON = "2026-11-21T12:00:00Z"


def clients(**more: object) -> OtherClients:
    settings = read_settings()
    told = {"shop": "ONLINE", "zone": UTC, "closed_through": None, "modes": settings.modes, **more}
    return OtherClients(rules=ledger_rules(settings), **told)  # type: ignore[arg-type]


def make(store: CentralStore, at: datetime = NEXT_DAY, **more: object) -> list[LedgerBatch]:
    return make_batches(store, clients(**more), at=at)


def sides(batch: LedgerBatch) -> dict[tuple[str, str], str]:
    """Each line by deed and account: debits as they are, credits with a minus."""
    return {
        (line.event, line.ledger_account): line.debit.plain()
        if line.debit.minor
        else f"-{line.credit.plain()}"
        for line in batch.lines
    }


async def paid(
    client: httpx.AsyncClient, amount: str, method: str, name: str = "", at: str = AT_NOON, **more: Any
) -> str:
    body = payment(amount, paymentDate=at, **more)
    body["paymentMethod"] = {
        "@type": method,
        "@baseType": "PaymentMethod",
        **({"name": name} if name else {}),
    }
    answer = await post(client, body)
    assert answer.status_code == 201, answer.text
    return str(loads(answer.content)["id"])


async def test_payments_of_other_clients_are_one_balanced_batch_a_day(
    store: CentralStore, client: httpx.AsyncClient
) -> None:
    await paid(client, "12.000", "TokenizedCard", "credit_card", paymentItem=[item("CB-1", "10.000")])
    await paid(client, "5.000", "Cash", account={"id": "NOBODY"})
    await paid(client, "3.000", "Carrier pigeon")
    await paid(client, "2.000", "DirectDebit", account={"id": "D-12"})

    (batch,) = make(store)

    assert (batch.number, batch.shop, batch.business_date) == (
        "ONLINE-central-A-20261121-01",
        "ONLINE",
        date(2026, 11, 21),
    )
    assert (batch.entries, str(batch.delivered_by)) == (4, "central")
    assert sides(batch) == {
        ("payment", "card_receivable"): "12.000",
        ("payment", "cash_in_till"): "5.000",
        ("payment", "bank_differences"): "3.000",
        ("payment", "direct_debit_clearing"): "2.000",
        ("payment", "receivable"): "-10.000",
        ("payment", "customer_credit"): "-5.000",
        ("payment", "suspense"): "-5.000",
        ("payment", "dealer_account"): "-2.000",
    }
    assert all(total.debit == total.credit for total in batch.totals)
    with store.read() as connection:
        assert list(told_batches(connection)) == [batch]
    assert list(verify_central(store)) == []


async def test_what_came_later_of_the_day_is_a_supplement_and_nothing_new_makes_none(
    store: CentralStore, client: httpx.AsyncClient
) -> None:
    first = await paid(client, "12.000", "Cash", paymentItem=[item("CB-1", "10.000")])
    (batch,) = make(store)
    assert make(store) == []
    await post_refund(client, refund(first, "4.000", refundDate=AT_NOON))

    (supplement,) = make(store)

    assert (supplement.number, supplement.sequence, supplement.entries) == (
        "ONLINE-central-A-20261121-02",
        batch.sequence + 1,
        1,
    )
    assert sides(supplement)["refund", "refunds_payable"] == "-4.000"
    assert {event for event, _ in sides(supplement)} == {"refund"}
    assert make(store) == []


async def test_what_a_till_told_is_in_the_till_s_own_batches_alone(
    store: CentralStore, client: httpx.AsyncClient
) -> None:
    of_a_till: dict[str, Any] = {
        "terminal": "T2",
        "epoch": 1,
        "sequence": 7,
        "leg": 1,
        "receiptNumber": "S014-T2-A-000001",
    }
    await paid(client, "5.000", "Cash", "cash", **of_a_till)
    await paid(client, "7.000", "Cash", "cash", terminal="T2")

    (batch,) = make(store)

    assert sides(batch) == {("payment", "cash_in_till"): "7.000", ("payment", "customer_credit"): "-7.000"}


async def test_a_day_ends_where_its_shop_says_and_a_closed_period_moves_it_on(
    store: CentralStore, client: httpx.AsyncClient
) -> None:
    await paid(client, "5.000", "Cash")
    late = datetime(2026, 11, 21, 20, tzinfo=UTC)

    assert make(store, late) == []
    (batch,) = make(store, late, zone=ZoneInfo("Asia/Tokyo"), closed_through=date(2026, 11, 30))

    assert (batch.business_date, batch.accounting_date) == (date(2026, 11, 21), date(2026, 12, 1))


async def test_a_shop_that_has_tills_is_not_theirs(store: CentralStore, client: httpx.AsyncClient) -> None:
    await paid(client, "5.000", "Cash")
    make(store)

    with store.write() as connection:
        connection.exec_driver_sql("UPDATE ledger_batch SET terminal = 'T1'")
    with pytest.raises(Refused) as refusal:
        make(store)

    assert refusal.value.code == "shop_of_tills"


@pytest.mark.parametrize(
    ("other", "code"),
    [({"shop": "WEB"}, "other_shop"), ({"zone": ZoneInfo("Asia/Kuwait")}, "other_time_zone")],
)
async def test_what_was_fed_is_fed_under_no_other_shop_and_by_no_other_days(
    store: CentralStore, client: httpx.AsyncClient, other: dict[str, Any], code: str
) -> None:
    await paid(client, "5.000", "Cash", at="2026-11-20T22:30:00Z")
    await paid(client, "7.000", "Cash")
    first = make(store)

    with pytest.raises(Refused) as refusal:
        make(store, **other)

    assert refusal.value.code == code
    assert make(store) == []
    with store.read() as connection:
        assert list(told_batches(connection)) == first


async def test_a_supplement_leaves_what_was_batched_on_the_account_that_it_was_posted_to(
    store: CentralStore, client: httpx.AsyncClient
) -> None:
    await paid(client, "5.000", "Cash", "cash")
    make(store)
    await paid(client, "7.000", "Cash", "cash")
    cash = PaymentModes(
        by_code={"cash": replace(read_settings().modes.by_code["cash"], ledger_account="card_receivable")}
    )

    (supplement,) = make(store, modes=cash)

    assert sides(supplement) == {
        ("payment", "card_receivable"): "7.000",
        ("payment", "customer_credit"): "-7.000",
    }


async def test_a_day_that_was_not_over_is_batched_once_it_is(
    store: CentralStore, client: httpx.AsyncClient
) -> None:
    await paid(client, "7.000", "Cash", at="2026-11-22T01:00:00Z")
    await paid(client, "5.000", "Cash", at="2026-11-23T01:00:00Z")
    await paid(client, "3.000", "Cash")
    (first,) = make(store)
    set_back = datetime(2026, 11, 1, tzinfo=UTC)

    assert make(store, set_back) == []
    (second,) = make(store, datetime(2026, 11, 23, tzinfo=UTC))
    await paid(client, "2.000", "Cash", at="2026-11-22T23:00:00Z")
    later = make(store, datetime(2026, 11, 24, tzinfo=UTC))

    assert [(one.number, one.sequence, one.totals[0].debit.plain()) for one in (first, second, *later)] == [
        ("ONLINE-central-A-20261121-01", 1, "3.000"),
        ("ONLINE-central-A-20261122-01", 2, "7.000"),
        ("ONLINE-central-A-20261122-02", 3, "2.000"),
        ("ONLINE-central-A-20261123-01", 4, "5.000"),
    ]


async def test_a_till_that_comes_to_their_shop_later_does_not_stop_them(
    store: CentralStore, client: httpx.AsyncClient
) -> None:
    await paid(client, "5.000", "Cash")
    make(store)
    with store.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO ledger_batch SELECT 'ONLINE-T1-A-20261121-01', 'T1', shop, business_date, delivered_by, digest,"
            " body, told_at, change_number + 1000000 FROM ledger_batch"
        )
    await paid(client, "7.000", "Cash")

    (supplement,) = make(store)

    assert supplement.number == "ONLINE-central-A-20261121-02"


@pytest.mark.parametrize("shop", ["ON-LINE", "", "=1+1", "a/b"])
def test_a_shop_of_other_clients_has_a_plain_number_without_a_dash(shop: str) -> None:
    with pytest.raises(Refused) as refusal:
        require_shop(shop)

    assert refusal.value.code == "bad_shop"
