"""The pull: accounts, bills, lines and rates into the cache, only what changed, from our central and from others."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest

from pos.domain.bill import check_sums, group_rates
from pos.domain.catalogue import AdvanceTax, Item, SerialKind
from pos.domain.payment_mode import PayerKind
from pos.store import cache as cached
from pos.store.items import item_by_code
from pos.till.enquiries import bill_view
from sync.central.operating.fixture import load_fixture
from sync.wire_json import dumps, loads
from tests.builders.tills import CASHIER, money
from tests.builders.wire import (
    Fault,
    ForeignServer,
    Wire,
    applied,
    foreign_bill,
    foreign_client,
    make_wire,
    unfilled_wire,
)
from tests.central.central_builders import kwd, rate, shop_item

pytestmark = pytest.mark.usefixtures("central_kept_in")


def row_counts(wire: Wire) -> dict[str, int]:
    return {
        table: int(str(wire.look(f"SELECT count(*) FROM {table}")))
        for table in ("account", "bill", "bill_line", "rate")
    }


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of ten, and rates paged as a whole: 23 accounts and bills are three pages."""
    monkeypatch.setattr("sync.inbound.PAGE", 10)
    monkeypatch.setattr("sync.inbound.ONE_BY_ONE_MAX", 5)


async def test_the_first_pull_fills_accounts_bills_lines_and_rates() -> None:
    wire = unfilled_wire(accounts=3, bills_each=2)

    report = await wire.engine.pull()

    assert (report.accounts, report.bills, report.rates, report.skipped, report.problem) == (
        3,
        6,
        12,
        0,
        None,
    )
    assert row_counts(wire) == {"account": 3, "bill": 6, "bill_line": 6, "rate": 12}
    with wire.desk.cache.read() as connection:
        account = cached.account_by_id(connection, "BA-2")
        bill = cached.bill_by_number(connection, "N2-1")
        rates = cached.rates_of_bill(connection, "2-1")
        told_at = cached.marker(connection, "told_at")
    assert account is not None
    assert (account.kind, account.name, account.phone) == (
        PayerKind.SUBSCRIBER,
        "Holder of BA-2",
        "+96550000001",
    )
    assert bill is not None
    assert (bill.bill_id, bill.account, bill.remaining, bill.seen_change) == (
        "2-1",
        "BA-2",
        money("10.000"),
        1,
    )
    assert [line.rate_ids for line in bill.lines] == [("R2-1a", "R2-1b")]
    assert check_sums(bill, rates).agree
    assert told_at is not None


async def test_more_than_a_page_of_everything_is_pulled_whole() -> None:
    wire = unfilled_wire(accounts=230, bills_each=1)
    report = await wire.engine.pull()
    assert (report.accounts, report.bills, report.rates) == (230, 230, 460)
    assert row_counts(wire) == {"account": 230, "bill": 230, "bill_line": 230, "rate": 460}


def marker_of_bills(wire: Wire) -> str:
    return str(wire.look("SELECT value FROM marker WHERE name = 'bills'"))


async def test_the_second_pull_asks_only_for_changes() -> None:
    wire = await make_wire(accounts=3, bills_each=2)

    idle = await wire.engine.pull()
    assert (idle.accounts, idle.bills, idle.rates) == (0, 0, 0)
    assert len(wire.network.requests) == 7, (
        "the announcement, accounts, items, voucher keys, cheques, bills, mandates"
    )

    known = marker_of_bills(wire)
    wire.told(
        "UPDATE bill SET remaining_minor = 2500, change_number = (SELECT value FROM change_counter) WHERE id = '2-1'"
    )
    changed = await wire.engine.pull()
    assert (changed.accounts, changed.bills, changed.rates) == (0, 1, 0)
    assert wire.open_minor("N2-1") == 2_500
    queries = [request.query for request in wire.network.requests if request.path.endswith("customerBill")]
    assert [query["changeNumber.gt"] for query in queries] == ["1", known]


async def test_bills_without_rates_are_not_asked_for_at_every_pull() -> None:
    wire = unfilled_wire(accounts=50)
    wire.told("DELETE FROM rate WHERE id <> 'R1-1a'")
    await wire.engine.pull()
    wire.network.requests.clear()
    wire.told(
        "UPDATE bill SET change_number = (SELECT value FROM change_counter) WHERE id IN ('1-1', '2-1', '3-1')"
    )

    await wire.engine.pull()
    await wire.engine.pull()

    asked = [request.query for request in wire.network.requests if request.path.endswith("BillingRate")]
    assert asked == [], "the rates of a bill are as issued: central told them all"


@pytest.mark.usefixtures("small_pages")
async def test_a_bill_that_changes_while_it_is_paged_is_not_lost() -> None:
    """Two bills change after the first page was read: the one behind it and the one still to come."""
    wire = unfilled_wire(accounts=23)
    pages = 0

    def change(request: httpx.Request) -> None:
        nonlocal pages
        if not request.url.path.endswith("/customerBill"):
            return
        pages += 1
        if pages == 2:
            wire.told(
                "UPDATE bill SET remaining_minor = 1000, "
                "change_number = (SELECT value FROM change_counter) WHERE id IN ('1-1', '9-1')"
            )

    wire.network.before = change
    await wire.engine.pull()
    assert (wire.open_minor("N1-1"), wire.open_minor("N9-1")) == (10_000, 1_000)

    again = await wire.engine.pull()

    assert again.bills == 2
    assert (wire.open_minor("N1-1"), wire.open_minor("N9-1")) == (1_000, 1_000)


@pytest.mark.usefixtures("small_pages")
async def test_an_account_that_changes_while_it_is_paged_is_not_lost() -> None:
    wire = unfilled_wire(accounts=23)
    pages = 0

    def change(request: httpx.Request) -> None:
        nonlocal pages
        if not request.url.path.endswith("/account"):
            return
        pages += 1
        if pages == 2:
            wire.told(
                "UPDATE account SET credit_minor = 700, "
                "change_number = (SELECT value FROM change_counter) WHERE id IN ('BA-1', 'BA-9')"
            )

    wire.network.before = change
    await wire.engine.pull()
    await wire.engine.pull()
    assert (wire.credit_minor("BA-1"), wire.credit_minor("BA-9")) == (700, 700)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("broken", range(1, 8))
async def test_a_pull_that_breaks_off_is_begun_again_and_loses_nothing(broken: int) -> None:
    wire = unfilled_wire(accounts=23)
    wire.network.script(*[Fault.NONE] * broken, Fault.CUT_OFF)
    report = await wire.engine.pull()
    assert report.problem is not None
    assert wire.look("SELECT count(*) FROM marker WHERE name = 'told_at'") == 0

    report = await wire.engine.pull()

    assert report.problem is None
    assert row_counts(wire) == {"account": 23, "bill": 23, "bill_line": 23, "rate": 46}


@pytest.mark.parametrize(
    "fault", [Fault.REFUSED, Fault.LOST_ANSWER, Fault.BUSY, Fault.AWAY, Fault.FAILED, Fault.GARBAGE, Fault.REDIRECTED]
)  # fmt: skip
async def test_a_pull_never_raises_for_the_network(fault: Fault) -> None:
    wire = await make_wire()
    before = row_counts(wire)
    wire.network.fault_of = lambda _request: fault
    report = await wire.engine.pull()
    assert report.problem is not None or fault is Fault.GARBAGE
    assert row_counts(wire) == before


async def test_accounts_without_a_change_number_are_not_taken() -> None:
    """A proxy strips the header, say: which of our own payments the credits contain could not be told."""

    class Stripping(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            answer = await central.handle_async_request(request)
            answer.headers.pop("x-change-number", None)
            return answer

    wire = await make_wire()
    central = wire.network.leads_to
    wire.pay("BA-1", "2.500")
    wire.network.script(Fault.LOST_ANSWER)
    await wire.engine.drain(timeout_s=60)
    wire.network.leads_to = Stripping()
    report = await wire.engine.pull()
    assert report.problem == "central told accounts without its change number"
    assert wire.credit_minor("BA-1") == 2_500


# --- rows that cannot be read --------------------------------------------------------------------------------


class Editing(httpx.AsyncBaseTransport):
    """Central whose lists of one kind hold rows more."""

    def __init__(self, wire: Wire, name: str, extra: list[Any]) -> None:
        self._carrier, self._name, self._extra = wire.network.leads_to, name, extra

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._carrier.handle_async_request(request)
        await answer.aread()
        if request.url.path.rpartition("/")[2] != self._name:
            return answer
        found = [*self._extra, *loads(answer.content)]
        headers = {**answer.headers, "x-total-count": str(len(found))}
        del headers["content-length"]
        return httpx.Response(200, headers=headers, content=dumps(found))


GOOD_ACCOUNT = {"id": "BA-77", "kind": "subscriber", "name": "Zoë", "currency": "KWD"}
STRANGE: list[Any] = [None, 7, "text", [], {}, {"id": ""}, {"id": 5}, {"id": None}]


@pytest.mark.parametrize(
    "row",
    [
        *STRANGE,
        {**GOOD_ACCOUNT, "kind": "emperor"},
        {**GOOD_ACCOUNT, "kind": ["subscriber"]},
        {**GOOD_ACCOUNT, "currency": "KW"},
        {**GOOD_ACCOUNT, "currency": 414},
        {**GOOD_ACCOUNT, "currency": None},
        {**GOOD_ACCOUNT, "name": ["Zoë"]},
        {**GOOD_ACCOUNT, "name": {"first": "Zoë"}},
        {**GOOD_ACCOUNT, "name": 5},
        {**GOOD_ACCOUNT, "phone": 96550000001},
        {**GOOD_ACCOUNT, "creditAmount": {"unit": "KWD", "value": "1.000"}},
        {**GOOD_ACCOUNT, "creditAmount": {"unit": "EUR", "value": 1}},
        {**GOOD_ACCOUNT, "creditAmount": 1},
        {**GOOD_ACCOUNT, "dunningStage": 10**29},
        {**GOOD_ACCOUNT, "dunningStage": "two"},
        {**GOOD_ACCOUNT, "dunningStage": -1},
        {**GOOD_ACCOUNT, "dealerClass": 5},
        {**GOOD_ACCOUNT, "creditLimit": 500},
        {**GOOD_ACCOUNT, "creditLimit": {"unit": "EUR", "value": 5}},
        {**GOOD_ACCOUNT, "creditLimit": {"unit": "KWD", "value": -5}},
        {**GOOD_ACCOUNT, "id": "BA-" + "7" * 38},
        {**GOOD_ACCOUNT, "id": "BA-\x1b[2J"},
        {**GOOD_ACCOUNT, "id": " BA-77"},
        {**GOOD_ACCOUNT, "formerAccounts": "OLD-1"},
        {**GOOD_ACCOUNT, "formerAccounts": [5]},
        {**GOOD_ACCOUNT, "formerAccounts": ["OLD-1"] * 21},
    ],
    ids=lambda row: repr(row)[-60:],
)
async def test_an_account_that_cannot_be_read_is_skipped_and_counted(row: object) -> None:
    wire = unfilled_wire()
    wire.network.leads_to = Editing(wire, "account", [row])
    report = await wire.engine.pull()
    assert (report.problem, report.skipped, report.accounts, report.bills) == (None, 1, 3, 3)


async def test_an_account_with_a_name_that_a_terminal_would_obey_is_kept_harmless() -> None:
    wire = unfilled_wire()
    hostile = {**GOOD_ACCOUNT, "name": "\x1b]0;owned\x07[@click=app.quit]Evil", "dunningStage": 2}
    wire.network.leads_to = Editing(wire, "account", [hostile])
    report = await wire.engine.pull()
    assert (report.skipped, report.accounts) == (0, 4)
    name = str(wire.look("SELECT name FROM account WHERE account = 'BA-77'"))
    assert "\x1b" not in name
    assert "\x07" not in name
    assert name.endswith("Evil")


GOOD_ITEM: dict[str, Any] = {
    "id": "SIM-77",
    "name": "SIM",
    "price": kwd("5.000"),
    "taxCategory": "VAT",
    "taxRate": 5,
    "serial": "iccid",
    "ean": "6271001000014",
}


def sell(wire: Wire, *items: dict[str, object]) -> None:
    """Central's staff put these on sale."""
    load_fixture(wire.central, {"items": list(items)})


async def test_items_are_pulled_and_then_only_what_changed() -> None:
    wire = unfilled_wire()
    sell(wire, shop_item("SIM-01", "5.000", serial="iccid"), shop_item("RTR-01", "25.000", tax_rate="7.5"))
    report = await wire.engine.pull()
    assert (report.items, report.skipped, report.problem) == (2, 0, None)
    sell(wire, shop_item("SIM-01", "5.000", serial="iccid"), shop_item("RTR-01", "24.000", tax_rate="7.5"))
    assert (await wire.engine.pull()).items == 1
    assert (await wire.engine.pull()).items == 0
    with wire.desk.cache.read() as connection:
        assert item_by_code(connection, "SIM-01") == Item(
            item="SIM-01",
            name="Item SIM-01",
            price=money("5.000"),
            tax_category="VAT",
            tax_rate=Decimal("5"),
            serial=SerialKind.ICCID,
            ean=None,
        )
        router = item_by_code(connection, "RTR-01")
    assert router is not None
    assert (router.price, router.tax_rate) == (money("24.000"), Decimal("7.5"))


async def test_an_advance_sold_by_pins_reaches_the_till_as_such() -> None:
    wire = unfilled_wire()
    sell(wire, shop_item("PPD-05", "5.000", serial="voucher_pin", advance="on_use"))
    await wire.engine.pull()
    with wire.desk.cache.read() as connection:
        card = item_by_code(connection, "PPD-05")
    assert card is not None
    assert (card.serial, card.advance) == (SerialKind.VOUCHER_PIN, AdvanceTax.ON_USE)


async def test_a_withdrawn_item_is_taken_off_sale_and_may_come_back() -> None:
    wire = unfilled_wire()
    sell(wire, shop_item("SIM-01", "5.000", ean="6271001000014"), shop_item("RTR-01", "25.000"))
    await wire.engine.pull()
    sell(
        wire,
        shop_item("SIM-01", "5.000", ean="6271001000014", withdrawn=True),
        shop_item("SIM-02", "6.000", ean="6271001000014"),
    )
    report = await wire.engine.pull()
    assert (report.items, report.skipped, report.problem) == (2, 0, None)
    with wire.desk.cache.read() as connection:
        found = item_by_code(connection, "6271001000014")
        assert item_by_code(connection, "SIM-01") is None
    assert found is not None
    assert found.item == "SIM-02"
    sell(wire, shop_item("SIM-01", "5.500"))
    await wire.engine.pull()
    with wire.desk.cache.read() as connection:
        assert item_by_code(connection, "SIM-01") is not None


async def test_a_till_that_never_had_a_withdrawn_item_does_not_sell_it() -> None:
    wire = unfilled_wire()
    sell(wire, shop_item("SIM-01", "5.000", withdrawn=True), shop_item("RTR-01", "25.000"))
    await wire.engine.pull()
    assert wire.look("SELECT count(*) FROM item") == 1


async def test_a_withdrawn_item_goes_whatever_else_is_said_of_it() -> None:
    wire = unfilled_wire()
    plain = wire.network.leads_to
    wire.network.leads_to = Editing(wire, "item", [GOOD_ITEM])
    await wire.engine.pull()
    wire.network.leads_to = plain
    wire.network.leads_to = Editing(wire, "item", [{"id": "SIM-77", "withdrawn": True, "price": "?"}])
    report = await wire.engine.pull()
    assert (report.items, report.skipped) == (1, 0)
    assert wire.look("SELECT count(*) FROM item") == 0


@pytest.mark.usefixtures("small_pages")
async def test_more_than_a_page_of_items_is_pulled_whole() -> None:
    wire = unfilled_wire()
    sell(wire, *(shop_item(f"IT-{number:02}", "1.000") for number in range(23)))
    assert (await wire.engine.pull()).items == 23
    assert wire.look("SELECT count(*) FROM item") == 23


@pytest.mark.parametrize(
    "row",
    [
        *STRANGE,
        {**GOOD_ITEM, "id": "SIM-" + "7" * 40},
        {**GOOD_ITEM, "id": "SIM-\x1b[2J"},
        {**GOOD_ITEM, "name": None},
        {**GOOD_ITEM, "name": ["SIM"]},
        {**GOOD_ITEM, "price": None},
        {**GOOD_ITEM, "price": {"unit": "KWD", "value": "5"}},
        {**GOOD_ITEM, "price": {"unit": "KWD", "value": -5}},
        {**GOOD_ITEM, "price": {"unit": "KWD", "value": 10**20}},
        {**GOOD_ITEM, "taxCategory": 5},
        {**GOOD_ITEM, "taxRate": "5"},
        {**GOOD_ITEM, "taxRate": True},
        {**GOOD_ITEM, "taxRate": -1},
        {**GOOD_ITEM, "taxRate": 10**29},
        {**GOOD_ITEM, "taxRate": Decimal("5.00001")},
        {**GOOD_ITEM, "serial": "vin"},
        {**GOOD_ITEM, "serial": ["imei"]},
        {**GOOD_ITEM, "advance": "later"},
        {**GOOD_ITEM, "advance": True},
        {**GOOD_ITEM, "ean": 6271001000014},
        {**GOOD_ITEM, "withdrawn": "yes"},
        {**GOOD_ITEM, "withdrawn": True, "id": None},
        {**GOOD_ITEM, "ean": "٦٢٧١٠٠١٠٠٠٠١٤"},
    ],
    ids=lambda row: repr(row)[-60:],
)
async def test_an_item_that_cannot_be_read_is_skipped_and_counted(row: object) -> None:
    wire = unfilled_wire()
    wire.network.leads_to = Editing(wire, "item", [row, GOOD_ITEM])
    report = await wire.engine.pull()
    assert (report.problem, report.skipped, report.items, report.bills) == (None, 1, 1, 3)


async def test_a_dealers_class_and_limit_come_with_its_account() -> None:
    wire = unfilled_wire()
    dealer = {
        "account": "D-12",
        "name": "Gulf",
        "currency": "KWD",
        "class": "gold",
        "credit_limit": "500.000",
    }
    load_fixture(wire.central, {"dealers": [dealer]})
    await wire.engine.pull()
    with wire.desk.cache.read() as connection:
        told = cached.account_by_id(connection, "D-12")
        subscriber = cached.account_by_id(connection, "BA-1")
    assert told is not None
    assert subscriber is not None
    assert (told.kind, told.dealer_class, told.credit_limit) == (PayerKind.DEALER, "gold", money("500.000"))
    assert (subscriber.dealer_class, subscriber.credit_limit) == ("", None)


async def test_an_account_is_found_by_the_numbers_it_had_before() -> None:
    """Rule 28: as central tells them, through the pull."""
    wire = unfilled_wire()
    moved = {"account": "BA-12", "kind": "subscriber", "name": "Mia", "currency": "KWD", "customer": "C-12"}
    load_fixture(wire.central, {"accounts": [{**moved, "former": ["OLD-9", "OLD-8"]}]})
    await wire.engine.pull()
    with wire.desk.cache.read() as connection:
        found = [
            [row.account for row in cached.accounts_of_number(connection, number, 9)]
            for number in ("OLD-9", "OLD-8", "C-12", "OLD", "OLD-99")
        ]
    assert found == [["BA-12"], ["BA-12"], ["BA-12"], [], []]

    load_fixture(wire.central, {"accounts": [{**moved, "former": ["OLD-9"]}]})
    await wire.engine.pull()
    with wire.desk.cache.read() as connection:
        assert cached.accounts_of_number(connection, "OLD-8", 9) == []


HUGE_BILL = {**foreign_bill("9-1", "10.000"), "remainingAmount": {"unit": "KWD", "value": 10**20}}


@pytest.mark.parametrize("row", [*STRANGE, HUGE_BILL], ids=lambda row: repr(row)[-60:])
async def test_a_bill_that_cannot_be_read_is_skipped_and_counted(row: object) -> None:
    wire = unfilled_wire()
    wire.network.leads_to = Editing(wire, "customerBill", [row])
    report = await wire.engine.pull()
    assert (report.problem, report.skipped, report.bills, report.rates) == (None, 1, 3, 6)


@pytest.mark.parametrize("row", STRANGE, ids=repr)
async def test_a_rate_that_cannot_be_read_is_skipped_and_counted(row: object) -> None:
    wire = unfilled_wire()
    wire.network.leads_to = Editing(wire, "appliedCustomerBillingRate", [row])
    report = await wire.engine.pull()
    assert (report.problem, report.skipped, report.bills, report.rates) == (None, 3, 3, 6)


# --- a foreign server ----------------------------------------------------------------------------------------


def beside(server: ForeignServer) -> Wire:
    """A till whose whole world is a foreign server."""
    wire = unfilled_wire(own=False)
    wire.network.leads_to = server
    return wire


def foreign_world(count: int = 3, **manners: Any) -> ForeignServer:
    server = ForeignServer(**manners)
    for number in range(count):
        server.bills.append(foreign_bill(f"F{number}", "10.000", account=f"F-{number % 2}"))
        server.rates += [
            rate(f"FR{number}a", f"F{number}", "6.000"),
            rate(f"FR{number}b", f"F{number}", "4.500"),
            rate(f"FR{number}c", f"F{number}", "-0.500", type="appliedBillingCredit"),
        ]
    return server


async def test_bills_of_a_foreign_server_bring_their_accounts_and_lines_are_grouped_from_rates() -> None:
    wire = beside(foreign_world())

    report = await wire.engine.pull()

    assert (report.accounts, report.bills, report.rates, report.problem) == (0, 3, 9, None)
    with wire.desk.cache.read() as connection:
        account = cached.account_by_id(connection, "F-1")
        rates = cached.rates_of_bill(connection, "F0")
        bill = cached.bill_by_number(connection, "NF0")
    assert account is not None
    assert (account.name, account.currency.code, account.kind) == (
        "Al-Salem Trading",
        "KWD",
        PayerKind.SUBSCRIBER,
    )
    assert bill is not None
    assert (bill.lines, bill.seen_change) == ((), None)
    assert bill_view(wire.desk, CASHIER, "NF0").lines == group_rates(rates)
    wire.pay("F-0", "10.000", "NF0")
    assert wire.open_minor("NF0") == 0


async def test_a_server_that_is_named_as_central_but_has_nothing_of_ours_is_a_foreign_one() -> None:
    wire = unfilled_wire()
    wire.network.leads_to = foreign_world()
    report = await wire.engine.pull()
    assert (report.bills, report.rates, report.problem) == (3, 9, None)
    assert {request.path for request in wire.network.requests} >= {"/counterfoil/v1"}
    assert wire.look("SELECT count(*) FROM marker WHERE name = 'bills'") == 0


FOREIGN_MANNERS: dict[str, dict[str, Any]] = {
    "counts": {},
    "206": {"status": 206},
    "counts nothing": {"counts": False},
    "counts nothing, 416 at the end": {"counts": False, "beyond": 416},
    "small pages": {"page_max": 7},
    "small pages, counts nothing": {"page_max": 7, "counts": False},
    "no paging": {"pages": False},
    "no paging, counts nothing": {"pages": False, "counts": False},
    "no filters": {"filters": False},
    "no filters, small pages, counts nothing": {"filters": False, "page_max": 7, "counts": False},
}


@pytest.mark.parametrize("manners", FOREIGN_MANNERS.values(), ids=FOREIGN_MANNERS.keys())
async def test_every_bill_and_rate_is_pulled_whatever_the_servers_manners(manners: dict[str, Any]) -> None:
    server = foreign_world(20, **manners)
    wire = beside(server)

    report = await wire.engine.pull()

    assert report.problem is None
    counts = row_counts(wire)
    assert (counts["bill"], counts["rate"], counts["account"]) == (20, 60, 2)
    server.requests.clear()
    await wire.engine.pull()
    assert server.asked_for("appliedCustomerBillingRate") == 0


async def test_a_server_that_refuses_the_question_by_bill_is_asked_for_all_rates() -> None:
    server = foreign_world(3)
    server.refused = {"bill.id": 400}
    wire = beside(server)
    report = await wire.engine.pull()
    assert (report.problem, report.rates) == (None, 9)
    assert server.asked_for("appliedCustomerBillingRate") == 2


async def test_a_server_without_rates_still_brings_its_bills() -> None:
    server = foreign_world(3)
    server.refused = {"appliedCustomerBillingRate": 404}
    wire = beside(server)
    report = await wire.engine.pull()
    assert (report.bills, report.problem) == (3, "404 60 no")
    assert row_counts(wire)["bill"] == 3


async def test_an_account_that_is_known_is_not_overwritten_by_a_bill() -> None:
    server = foreign_world(1)
    wire = beside(server)
    await wire.engine.pull()
    server.bills[0]["billingAccount"] = {"id": "F-0", "name": "Another name"}
    server.bills[0]["remainingAmount"] = kwd("4.000")
    await wire.engine.pull()
    assert wire.look("SELECT name FROM account WHERE account = 'F-0'") == "Al-Salem Trading"
    assert wire.open_minor("NF0") == 4_000


async def test_a_foreign_client_looks_for_bills_only_where_it_is_told() -> None:
    server = foreign_world(1)
    server.bills[0]["appliedPayment"] = [applied("P-9", "3.000")]
    page = await foreign_client(server).bills(offset=0, limit=10, changed_after=None)
    assert str(server.requests[0].url) == "http://foreign.test/bills/customerBill?offset=0&limit=10"
    assert len(getattr(page, "rows", ())) == 1
