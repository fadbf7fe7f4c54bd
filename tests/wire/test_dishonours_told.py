"""Bounced cheques told to central: both ends agree on bills, the charge, collection and who is cash-only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from pos.bootstrap.wire import compare_with_central
from pos.domain.allocation import PaymentPolicy
from pos.domain.correction import CorrectionPolicy
from pos.domain.money import Money
from pos.domain.payment_mode import PayerKind
from pos.store import cache as cached
from pos.store.cache import CachedAccount
from pos.till.dishonour_plan import BounceOrder
from pos.till.dishonours import preview_bounce
from pos.till.enquiries import account_view
from pos.till.open_bills import catch_up, catch_up_all
from pos.till.refunds import RefundOrder, confirm_refund, refund
from pos.till.transfers import MoveOrder, transfer
from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.central.store.database import next_change
from sync.wire_json import dumps, loads
from tests.builders.bounces import (
    bounced,
    bounced_by_two,
    by_mistake,
    cleared,
    count_of_cash,
    days_later,
    lodged,
    sent_again,
    terms,
    with_fee,
)
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    SUPERVISOR,
    card,
    cash,
    cheque,
    closed,
    count,
    findings,
    opened,
    pay,
    rows,
    sale,
    stock,
    wish,
)
from tests.builders.undoing import open_bills
from tests.builders.wire import Fault, Wire, make_wire
from tests.central.central_builders import PAYMENT_SPEC, account, faults

HOUR_S = 3_600
NOTICE = "S014-T1-A-DN-000001"


async def shop(*, own: bool = True) -> Wire:
    """A till whose shop charges a fee, and its central."""
    wire = await make_wire(own=own)
    wire.desk.policy = replace(wire.desk.policy, cheques=with_fee("5"))
    return wire


def taken_here(wire: Wire, amount: str = "6", serial: str = "000123", *, bill: str | None = None) -> str:
    """The receipt of a cheque of a counted shift; another one is open then."""
    parts = [] if bill is None else [wish(bill)]
    receipt = pay(wire.desk, cheque(amount, serial), account="BA-1", allocate=parts).receipt.receipt_number
    count(wire.desk, count_of_cash(wire.desk), cheques=amount, cheque_count=1)
    closed(wire.desk)
    opened(wire.desk)
    catch_up(wire.desk)
    return receipt


def at_central(wire: Wire, bill_no: str) -> int:
    """What central says remains of a bill."""
    with wire.central.read() as connection:
        found = connection.execute(
            text("SELECT remaining_minor FROM bill WHERE bill_no = :no"), {"no": bill_no}
        )
        return int(found.scalar_one())


def account_of(wire: Wire, number: str) -> CachedAccount:
    """An account as the till knows it."""
    with wire.desk.cache.read() as connection:
        found = cached.account_by_id(connection, number)
    assert found is not None
    return found


async def agree(wire: Wire) -> None:
    """Everything is told, and nothing differs between the books, the cache and central."""
    await wire.engine.drain(timeout_s=HOUR_S)
    assert (await wire.engine.pull()).problem is None
    catch_up_all(wire.desk)
    assert set(wire.states()) == {"acknowledged"}
    assert findings(wire.desk) == []
    assert verify_central(wire.central) == []


async def synced(wire: Wire, *, told: bool) -> None:
    if told:
        await wire.engine.drain(timeout_s=HOUR_S)
        await wire.engine.pull()


@pytest.mark.parametrize("told", [True, False])
async def test_a_bounce_is_the_same_at_both_ends(told: bool) -> None:
    wire = await shop()
    before = wire.open_minor("N1-1")
    receipt = taken_here(wire)
    await synced(wire, told=told)
    lodged(wire.desk, receipt)

    bounced(wire.desk, receipt)
    here = open_bills(wire.desk)
    await agree(wire)

    assert open_bills(wire.desk) == here
    assert (here["N1-1"], here[NOTICE]) == (before, 5_000)
    assert at_central(wire, NOTICE) == 5_000


@pytest.mark.parametrize("told", [True, False])
async def test_the_charge_is_paid_once_wherever_central_heard_of_it(told: bool) -> None:
    wire = await shop()
    receipt = taken_here(wire)
    lodged(wire.desk, receipt)
    bounced(wire.desk, receipt)
    await synced(wire, told=told)

    pay(wire.desk, cash("5"), account="BA-1", allocate=[wish(NOTICE)])
    catch_up(wire.desk)
    assert open_bills(wire.desk)[NOTICE] == 0
    await agree(wire)

    assert open_bills(wire.desk)[NOTICE] == 0
    assert at_central(wire, NOTICE) == 0


@pytest.mark.parametrize("told", [True, False])
async def test_a_cheque_sent_again_and_bounced_again_is_the_same_at_both_ends(told: bool) -> None:
    wire = await shop()
    receipt = taken_here(wire)
    before = wire.open_minor("N1-1")
    cleared(wire.desk, receipt, "6")
    await synced(wire, told=told)
    bounced_by_two(wire.desk, receipt)
    await synced(wire, told=told)

    sent_again(wire.desk, receipt)
    await agree(wire)
    assert wire.open_minor("N1-1") == before

    cleared(wire.desk, receipt, "6")
    await agree(wire)
    bounced_by_two(wire.desk, receipt)
    await agree(wire)
    assert (wire.open_minor("N1-1"), open_bills(wire.desk)[NOTICE]) == (before + 6_000, 5_000)


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("paid", [True, False])
async def test_a_mistake_of_the_bank_leaves_both_ends_as_before(told: bool, paid: bool) -> None:
    """Rule 35: fee, count and collection are reversed at central as well."""
    wire = await shop()
    terms(wire.desk, cash_only_after=1)
    receipt = taken_here(wire)
    cleared(wire.desk, receipt, "6")
    before, credit = wire.open_minor("N1-1"), wire.credit_minor("BA-1")
    bounced_by_two(wire.desk, receipt)
    if paid:
        pay(wire.desk, cash("5"), account="BA-1", allocate=[wish(NOTICE)])
        catch_up(wire.desk)
    await synced(wire, told=told)

    by_mistake(wire.desk, receipt)
    await agree(wire)

    assert (wire.open_minor("N1-1"), open_bills(wire.desk)[NOTICE]) == (before, 0)
    assert wire.credit_minor("BA-1") == credit + (5_000 if paid else 0)
    assert not account_of(wire, "BA-1").cash_only


def fails(wire: Wire, path: str, fault: Fault) -> None:
    """Until the network is healed, whatever is posted there meets ``fault``."""
    wire.network.fault_of = lambda request: fault if request.url.path.endswith(path) else Fault.NONE


async def test_a_payment_on_a_charge_waits_until_central_has_heard_of_the_charge() -> None:
    """Central would take it for a payment on a bill that it does not know."""
    wire = await shop()
    receipt = taken_here(wire, bill="N2-1")
    await synced(wire, told=True)
    lodged(wire.desk, receipt)
    bounced(wire.desk, receipt)
    pay(wire.desk, cash("5"), account="BA-1", allocate=[wish(NOTICE)])
    catch_up(wire.desk)
    fails(wire, "/dishonour", Fault.FAILED)

    await wire.engine.push()
    assert wire.states()[-1] == "waiting"

    wire.network.heal()
    await agree(wire)
    assert at_central(wire, NOTICE) == 0


async def test_a_payment_on_a_charge_that_central_refused_waits_with_it_for_a_person() -> None:
    wire = await shop()
    receipt = taken_here(wire)
    await synced(wire, told=True)
    lodged(wire.desk, receipt)
    bounced(wire.desk, receipt)
    pay(wire.desk, cash("5"), account="BA-1", allocate=[wish(NOTICE)])
    pay(wire.desk, cash("1"), account="BA-1", allocate=[wish("N1-1")])
    fails(wire, "/dishonour", Fault.BAD)

    report = await wire.engine.drain(timeout_s=HOUR_S)

    assert (report.parked, report.waiting) == (1, 0)
    assert wire.states()[-3:] == ["parked", "waiting", "acknowledged"]


async def test_another_till_hears_of_the_charge_and_of_cash_only() -> None:
    """Rule 41: at all tills, through central."""
    wire = await shop()
    terms(wire.desk, cash_only_after=1)
    receipt = taken_here(wire)
    lodged(wire.desk, receipt)
    bounced(wire.desk, receipt)
    await agree(wire)
    with wire.desk.cache.write() as connection:
        for table in ("bill", "account", "marker"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    with wire.desk.till.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM dishonour").scalar_one() == 1

    assert (await wire.engine.pull()).problem is None

    account = account_of(wire, "BA-1")
    assert account.cash_only
    assert account.cash_only_until is not None
    assert account.cash_only_until.isoformat() == "2027-11-21"
    assert open_bills(wire.desk)[NOTICE] == 5_000


async def beside(wire: Wire) -> tuple[int, int, str]:
    """What central has open of the bill N1-1, given up of BA-1's debt, and says of its state."""
    with wire.central.read() as connection:
        debt = connection.execute(
            text("SELECT written_off_minor, status FROM account WHERE id = 'BA-1'")
        ).one()
    return at_central(wire, "N1-1"), debt.written_off_minor, debt.status


@pytest.mark.parametrize("told", [True, False])
async def test_what_a_cheque_wrote_off_and_brought_back_follows_it_at_both_ends(told: bool) -> None:
    """Rules 6, 14 and 18: a rest within the tolerance and written-off debt, undone and done anew as often as it goes on."""
    wire = await make_wire(tolerance="0.005")
    payments = PaymentPolicy(tolerance_minor=5)
    wire.desk.policy = replace(wire.desk.policy, cheques=with_fee("5", represent_max=9), payments=payments)
    load_fixture(wire.central, {"accounts": [account("BA-1", status="written_off", written_off="6.000")]})
    await wire.engine.pull()
    opened_here = wire.open_minor("N1-1")
    amount = Money(opened_here - 5, wire.desk.identity.currency).plain()
    assert opened_here - 5 > 6_000
    wished = [wish("N1-1", amount)]
    receipt = pay(wire.desk, cheque(amount, "000123"), account="BA-1", allocate=wished).receipt.receipt_number
    count(wire.desk, count_of_cash(wire.desk), cheques=amount, cheque_count=1)
    closed(wire.desk)
    opened(wire.desk)
    catch_up(wire.desk)
    await agree(wire)
    assert await beside(wire) == (0, 0, "recovered")
    lodged(wire.desk, receipt)
    for again in (sent_again, by_mistake, sent_again):
        bounced(wire.desk, receipt)
        catch_up(wire.desk)
        if told:
            await agree(wire)
            assert await beside(wire) == (opened_here, 6_000, "written_off")
        assert here_beside(wire) == (opened_here, 6_000)
        again(wire.desk, receipt)
        if told:
            await agree(wire)
            assert await beside(wire) == (0, 0, "recovered")
        assert here_beside(wire) == (0, 0)
        if again is sent_again:
            lodged(wire.desk, receipt)
    await agree(wire)
    assert (await beside(wire), here_beside(wire)) == ((0, 0, "recovered"), (0, 0))


@pytest.mark.parametrize("tolerance", ["0.005", ""])
async def test_a_rest_that_cash_wrote_off_stays_written_off_once_when_a_cheque_on_the_bill_bounces(
    tolerance: str,
) -> None:
    """Rules 6 and 14: only what the cheque paid is open again, also where central clears nothing."""
    wire = await make_wire(tolerance=tolerance)
    payments = PaymentPolicy(tolerance_minor=5)
    wire.desk.policy = replace(wire.desk.policy, cheques=with_fee("5"), payments=payments)
    receipt = taken_here(wire, "9", bill="N1-1")
    pay(wire.desk, cash("0.995"), account="BA-1", allocate=[wish("N1-1", "0.995")])
    await agree(wire)
    lodged(wire.desk, receipt)

    bounced(wire.desk, receipt)

    assert wire.open_minor("N1-1") == 9_000
    await agree(wire)
    assert wire.open_minor("N1-1") == 9_000
    assert at_central(wire, "N1-1") == (9_000 if tolerance else 9_005)


def here_beside(wire: Wire) -> tuple[int, int]:
    """What the till has open of the bill N1-1, and given up of BA-1's debt."""
    return open_bills(wire.desk)["N1-1"], account_view(wire.desk, CASHIER, "BA-1").written_off.minor


async def bounced_thrice(wire: Wire, count: int = 3) -> list[str]:
    """Receipts of cheques that all came back, and central knows of each."""
    receipts = [taken_here(wire, "1", f"00020{place}") for place in range(count)]
    for receipt in receipts:
        lodged(wire.desk, receipt)
        bounced(wire.desk, receipt)
    await agree(wire)
    return receipts


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize(("count", "cash_only"), [(3, False), (4, True)])
async def test_cash_only_follows_the_bounces_that_stand_at_both_ends(
    count: int, cash_only: bool, told: bool
) -> None:
    """Rules 35 and 41: the first of them undone, whichever had made the account cash-only."""
    wire = await shop()
    receipts = await bounced_thrice(wire, count)
    assert account_of(wire, "BA-1").cash_only

    by_mistake(wire.desk, receipts[0])
    catch_up(wire.desk)
    if told:
        await agree(wire)

    assert account_of(wire, "BA-1").cash_only is cash_only
    await agree(wire)
    assert account_of(wire, "BA-1").cash_only is cash_only
    with wire.central.read() as connection:
        kept = connection.execute(text("SELECT cash_only FROM account WHERE id = 'BA-1'")).scalar_one()
    assert kept == 0, "what the bounces make of it is reckoned, not kept"


async def test_what_bounced_elsewhere_counts_here() -> None:
    """Rule 41: a customer's score is one, whichever terminal took the cheques."""
    wire = await shop()
    await bounced_thrice(wire, 2)
    receipt = taken_here(wire, "1", "000209")
    lodged(wire.desk, receipt)
    forget_own_bounces(wire)

    seen = preview_bounce(wire.desk, BACK_OFFICE, BounceOrder(cheque=receipt, reason="insufficient_funds"))

    assert seen.counted == 3
    assert seen.cash_only_until is not None
    assert "Account BA-1: bounced cheque number 3." in seen.words()


def forget_own_bounces(wire: Wire) -> None:
    """As if another terminal had booked them: only central knows."""
    with wire.desk.cache.write() as connection:
        told = connection.exec_driver_sql("SELECT bounces FROM account WHERE account = 'BA-1'").scalar_one()
        renamed = [[f"elsewhere-{one[0]}", *one[1:]] for one in loads(told.encode())]
        connection.exec_driver_sql(
            "UPDATE account SET bounces = ? WHERE account = 'BA-1'", (dumps(renamed).decode(),)
        )


def stage_at_central(wire: Wire, stage: int | None = None) -> int:
    """Where collection of BA-1 stands at central; ``stage`` moves it there first."""
    with wire.central.write() as connection:
        if stage is not None:
            connection.execute(
                text("UPDATE account SET dunning_stage = :stage, change_number = :change WHERE id = 'BA-1'"),
                {"stage": stage, "change": next_change(connection)},
            )
        return int(
            connection.execute(text("SELECT dunning_stage FROM account WHERE id = 'BA-1'")).scalar_one()
        )


async def in_collection(wire: Wire) -> str:
    """The receipt of a cheque that bounced: it had been paid at stage 2, and put collection back there from 0."""
    stage_at_central(wire, 2)
    await wire.engine.pull()
    receipt = taken_here(wire)
    lodged(wire.desk, receipt)
    stage_at_central(wire, 0)
    await agree(wire)
    bounced(wire.desk, receipt)
    await agree(wire)
    assert (stage_at_central(wire), account_of(wire, "BA-1").dunning_stage) == (2, 2)
    return receipt


@pytest.mark.parametrize(("moved_to", "left_at"), [(None, 0), (0, 0), (3, 3), (1, 1)])
async def test_a_stage_that_moved_on_since_the_bounce_is_left_when_it_is_undone(
    moved_to: int | None, left_at: int
) -> None:
    """Rule 35: only what still is as the bounce left it is put back, and the answer says which it was."""
    wire = await shop()
    receipt = await in_collection(wire)
    stage_at_central(wire, moved_to)
    await wire.engine.pull()

    by_mistake(wire.desk, receipt)
    catch_up(wire.desk)

    assert account_of(wire, "BA-1").dunning_stage == left_at
    await agree(wire)
    assert (stage_at_central(wire), account_of(wire, "BA-1").dunning_stage) == (left_at, left_at)
    with wire.central.read() as connection:
        assert connection.execute(text("SELECT put_back FROM dishonour_stage")).scalar_one() == (
            moved_to is None
        )


async def bounced_of_walk_in() -> Wire:
    """A walk-in buyer's cheque of 2.500 came back."""
    wire = await shop()
    terms(wire.desk, cash_only_after=1)
    stock(wire.desk)
    receipt = pay(
        wire.desk, cheque("2.500"), account=None, payer=PayerKind.WALK_IN, lines=[sale("CHARGER", 2)]
    ).receipt.receipt_number
    count(wire.desk, count_of_cash(wire.desk), cheques="2.500", cheque_count=1)
    closed(wire.desk)
    lodged(wire.desk, receipt)
    bounced(wire.desk, receipt)
    return wire


@pytest.mark.parametrize("told", [True, False])
async def test_what_a_walk_in_buyer_pays_on_the_charge_is_taken_at_central(told: bool) -> None:
    wire = await bounced_of_walk_in()
    opened(wire.desk)
    await synced(wire, told=told)

    pay(wire.desk, cash("3"), account=None, payer=PayerKind.WALK_IN, allocate=[wish(NOTICE, "3")])
    await agree(wire)
    pay(wire.desk, card("4.500"), account=None, payer=PayerKind.WALK_IN, allocate=[wish(NOTICE)])
    await agree(wire)

    assert (at_central(wire, NOTICE), open_bills(wire.desk)[NOTICE]) == (0, 0)


async def test_walk_in_buyers_are_not_counted_as_one_at_central() -> None:
    """Rule 41: they share one account and have nothing to do with one another."""
    wire = await bounced_of_walk_in()
    await wire.engine.drain(timeout_s=HOUR_S)
    with wire.central.read() as connection:
        assert connection.execute(text("SELECT counts FROM dishonour")).scalars().all() == [0]


async def test_a_server_of_another_kind_is_told_a_plain_refund() -> None:
    wire = await shop(own=False)
    receipt = taken_here(wire)
    lodged(wire.desk, receipt)
    bounced(wire.desk, receipt)
    await wire.engine.drain(timeout_s=HOUR_S)
    assert set(wire.states()) == {"acknowledged"}
    told = {row["kind"]: row["server_id"] for row in rows(wire.desk, "outbox") if row["kind"] != "payment"}
    assert told["dishonour"] == "not-told"
    assert told["refund"] != "not-told"


async def test_a_bounce_is_a_refund_by_the_standard(tmf_specs: Path) -> None:
    wire = await shop()
    receipt = taken_here(wire)
    lodged(wire.desk, receipt)
    bounced(wire.desk, receipt)
    sent_again(wire.desk, receipt)
    await agree(wire)
    posted = [one for one in wire.network.requests if one.method == "POST" and one.path.endswith("/refund")]
    bodies = [loads(one.body) for one in posted]
    assert faults(tmf_specs, PAYMENT_SPEC, "Refund_Create", *bodies) == []
    assert [(body["kind"], body["chequeState"]) for body in bodies] == [
        ("dishonour", "dishonoured"),
        ("reinstatement", "represented"),
    ]
    assert bodies[0]["paymentMethod"]["@type"] == "Check"


async def test_a_cheque_that_clears_when_it_is_sent_again_brings_service_back() -> None:
    """Rule 16: final is final, also the second time; the bounce between had taken the asking back."""
    wire = await shop()
    load_fixture(wire.central, {"accounts": [account("BA-1", status="suspended", dunning_stage=3)]})
    await wire.engine.pull()
    receipt = taken_here(wire, "10")
    cleared(wire.desk, receipt, "10")
    await agree(wire)
    assert taken_back(wire) == [False]
    bounced_by_two(wire.desk, receipt)
    await agree(wire)
    assert taken_back(wire) == [True]
    sent_again(wire.desk, receipt)
    cleared(wire.desk, receipt, "10")

    await agree(wire)

    assert taken_back(wire) == [False]


def taken_back(wire: Wire) -> list[bool]:
    """Of each reconnection that central asked for, whether it was taken back."""
    with wire.central.read() as connection:
        found = connection.execute(text("SELECT taken_back_at FROM reconnection"))
        return [row[0] is not None for row in found]


# --- money that had left its leg -------------------------------------------------------------------------------------


async def of_two_accounts(
    wire: Wire, amount: str = "10", parts: Sequence[tuple[str, str]] = (("N1-1", "6"), ("N2-1", "4"))
) -> str:
    """The receipt of a cheque for bills of two accounts, 6 of BA-1 and 4 of BA-2 where nothing else is said, which has
    cleared.
    """
    wire.desk.policy = replace(
        wire.desk.policy, corrections=CorrectionPolicy(alone_minor={"refund": 10**9, "transfer": 10**9})
    )
    wished = [wish(bill, part) for bill, part in parts]
    receipt = pay(wire.desk, cheque(amount), account="BA-1", allocate=wished).receipt.receipt_number
    count(wire.desk, count_of_cash(wire.desk), cheques=amount, cheque_count=1)
    closed(wire.desk)
    opened(wire.desk)
    cleared(wire.desk, receipt, amount)
    await synced(wire, told=True)
    return receipt


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("moved", ["6", "10"])
async def test_a_cheque_counts_again_also_where_nothing_of_it_stood_at_the_bounce(
    told: bool, moved: str
) -> None:
    """What was moved or paid back wholly before is no part of the bounce, and its leg counts again all the same."""
    wire = await shop()
    receipt = await of_two_accounts(wire)
    days_later(wire.desk, 60)
    paper = refund(
        wire.desk, SUPERVISOR, RefundOrder(receipt=receipt, amount=moved, reason="wrong_account")
    ).receipt_number
    confirm_refund(wire.desk, BACK_OFFICE, paper, "BANK 1")
    await synced(wire, told=told)
    bounced_by_two(wire.desk, receipt)
    await synced(wire, told=told)

    sent_again(wire.desk, receipt)
    await agree(wire)
    assert await compare_with_central(wire.desk, wire.client) == []

    cleared(wire.desk, receipt, "10")
    bounced_by_two(wire.desk, receipt)
    await agree(wire)
    by_mistake(wire.desk, receipt)
    await agree(wire)
    assert await compare_with_central(wire.desk, wire.client) == []


async def test_a_leg_of_which_nothing_stood_is_told_once_whatever_gets_lost() -> None:
    wire = await shop()
    receipt = await of_two_accounts(wire)
    days_later(wire.desk, 60)
    refund(wire.desk, SUPERVISOR, RefundOrder(receipt=receipt, amount="7", reason="wrong_account"))
    bounced_by_two(wire.desk, receipt)
    fails(wire, "/dishonour", Fault.LOST_ANSWER)
    await wire.engine.push()
    by_mistake(wire.desk, receipt)
    await wire.engine.push()
    wire.network.heal()

    await agree(wire)

    with wire.central.read() as connection:
        told = connection.execute(text("SELECT undone_correlator_id IS NOT NULL FROM dishonour_leg"))
        assert told.scalars().all() == [1]


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("amount", ["2", "6", "9"])
async def test_money_that_was_moved_in_part_counts_again_with_its_cheque(told: bool, amount: str) -> None:
    wire = await shop()
    receipt = await of_two_accounts(wire)
    transfer(
        wire.desk,
        SUPERVISOR,
        MoveOrder(receipt=receipt, account="BA-3", amount=amount, reason="wrong_account"),
    )
    await synced(wire, told=told)
    bounced_by_two(wire.desk, receipt)
    await synced(wire, told=told)

    sent_again(wire.desk, receipt)
    assert findings(wire.desk) == []

    await agree(wire)
    assert await compare_with_central(wire.desk, wire.client) == []


@pytest.mark.parametrize("told", [True, False])
async def test_a_rest_stays_written_off_whose_leg_was_paid_back_wholly_before_its_cheque_bounced(
    told: bool,
) -> None:
    """The bounce takes nothing off that leg, and so opens nothing beside it, at either end."""
    wire = await make_wire(tolerance="0.005")
    payments = PaymentPolicy(tolerance_minor=5)
    wire.desk.policy = replace(wire.desk.policy, cheques=with_fee("5"), payments=payments)
    load_fixture(wire.central, {"accounts": [account("BA-1", status="written_off", written_off="6.000")]})
    await wire.engine.pull()
    paid = Money(wire.open_minor("N1-1") - 5, wire.desk.identity.currency)
    whole = paid + Money(4_000, paid.currency)
    receipt = await of_two_accounts(wire, whole.plain(), [("N2-1", "4"), ("N1-1", paid.plain())])
    days_later(wire.desk, 60)
    back = RefundOrder(receipt=receipt, amount=paid.plain(), reason="wrong_account")
    paper = refund(wire.desk, SUPERVISOR, back).receipt_number
    confirm_refund(wire.desk, BACK_OFFICE, paper, "BANK 1")
    catch_up(wire.desk)
    await synced(wire, told=told)
    assert here_beside(wire) == (paid.minor, 0)

    for again in (by_mistake, sent_again):
        bounced_by_two(wire.desk, receipt)
        catch_up(wire.desk)
        assert here_beside(wire) == (paid.minor, 0)
        await agree(wire)
        assert (await beside(wire))[:2] == here_beside(wire)
        again(wire.desk, receipt)
        await agree(wire)
        assert (await beside(wire))[:2] == here_beside(wire)
