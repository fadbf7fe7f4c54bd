"""A cheque that another shop took is refused here as soon as central has told of it (rule 37)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from pos.domain.errors import Refused
from pos.till.post_dated import register_cheque
from sync.cheque_wire import read_known_cheque
from sync.wire_json import WireJsonError
from tests.builders.tills import CASHIER, TODAY, cheque, dump, order, pay, rows
from tests.builders.wire import Wire, make_wire

HEX = "ab" * 32


def taken_elsewhere(wire: Wire, serial: str = "000123", *, terminal: str = "T9", **parts: str) -> None:
    """Another shop's till took a cheque and central has it."""
    from pos.domain.cheque import ChequeIdentity
    from pos.domain.cheque_digest import ChequeDigest

    known = {"branch": "", "account": "", "dated": TODAY.isoformat()} | parts
    digest = ChequeDigest.of(
        ChequeIdentity(bank="001", branch=known["branch"], account=known["account"], serial=serial)
    )
    with wire.central.write() as connection:
        change = connection.execute(
            text("UPDATE change_counter SET value = value + 1 RETURNING value")
        ).scalar_one()
        payment = f"P-{serial}-{terminal}-{change}"
        connection.execute(
            text(
                "INSERT INTO payment (id, change_number, correlator_id, terminal, epoch, sequence, leg, receipt_number,"
                " account_id, currency, amount_minor, applied_minor, credit_minor, suspense_minor, other_minor, status,"
                " paid_at_utc, body, received_sha256)"
                " VALUES (:id, :change, :id, :terminal, 1, :change, 1, 'R-9', 'BA-1', 'KWD', 1, 0,"
                " 1, 0, 0, 'done', '2026-11-20T09:00:00+00:00', '{}', 'x')"
            ),
            {"id": payment, "change": change, "terminal": terminal},
        )
        connection.execute(
            text(
                "INSERT INTO cheque (payment_id, payment_event_id, identity, branch, account, dated, terminal, epoch, held,"
                " change_number) VALUES (:id, :id, :identity, :branch, :account, :dated, :terminal, 1, 0, :change)"
            ),
            {
                "id": payment,
                "identity": digest.identity,
                "branch": digest.branch,
                "account": digest.account,
                "dated": known["dated"],
                "terminal": terminal,
                "change": change,
            },
        )


async def test_a_cheque_of_another_shop_is_refused_here_once_it_is_told() -> None:
    """Rule 37: unique over all shops, as far as they have heard of each other."""
    wire = await make_wire()
    taken_elsewhere(wire, branch="07", account="77")
    before = dump(wire.desk, without=["audit", "chain_link", "counter"])

    assert (await wire.engine.pull()).cheques == 1
    for spelled in ({}, {"branch": "07"}, {"account": "77"}, {"branch": "07", "account": "77"}):
        with pytest.raises(Refused) as refusal:
            pay(wire.desk, cheque("5.000", **spelled))
        assert refusal.value.code == "cheque_taken_before"
        assert refusal.value.message.startswith("Cheque 000123 was taken already in another shop.")
        assert ("Type its branch and account" in refusal.value.message) is (len(spelled) < 2)

    assert dump(wire.desk, without=["audit", "chain_link", "counter"]) == before
    pay(wire.desk, cheque("5.000", branch="08"))
    pay(wire.desk, cheque("5.000", serial="000124"))


async def test_it_cannot_be_registered_for_later_either() -> None:
    wire = await make_wire()
    taken_elsewhere(wire)
    await wire.engine.pull()
    later = cheque("5.000", date=(TODAY + timedelta(days=9)).isoformat())

    with pytest.raises(Refused, match="in another shop"):
        register_cheque(wire.desk, CASHIER, order(wire.desk, later))
    assert rows(wire.desk, "post_dated_cheque") == []


async def test_what_this_till_took_itself_is_not_among_the_others_cheques() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "5.000", "N1-1", tender=cheque("5.000"))
    await wire.engine.push()

    assert (await wire.engine.pull()).cheques == 0
    with wire.desk.cache.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM known_cheque").scalar_one() == 0


async def test_an_earlier_enrolment_of_this_terminal_counts_as_another() -> None:
    """Its books may be gone with the machine."""
    wire = await make_wire()
    wire.desk.identity = replace(wire.desk.identity, epoch=2)
    wire.restart()
    taken_elsewhere(wire, terminal="T1")

    assert (await wire.engine.pull()).cheques == 1


async def test_only_what_changed_is_asked_for_again_and_what_is_too_old_is_left_out() -> None:
    wire = await make_wire()
    taken_elsewhere(wire, "000001", dated=(TODAY - timedelta(days=179)).isoformat())
    taken_elsewhere(wire, "000002", dated=(TODAY - timedelta(days=181)).isoformat())
    assert (await wire.engine.pull()).cheques == 1

    wire.network.requests.clear()
    assert (await wire.engine.pull()).cheques == 0
    (asked,) = [one for one in wire.network.requests if one.path.endswith("/knownCheque")]
    assert "change.gt" in asked.query

    wire.clock.advance(days=2)
    await wire.engine.pull()
    with wire.desk.cache.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM known_cheque").scalar_one() == 0


async def test_a_foreign_central_has_no_such_list_and_nothing_waits_for_it() -> None:
    wire = await make_wire(own=False)

    report = await wire.engine.pull()

    assert (report.problem, report.cheques) == (None, 0)
    assert not any("knownCheque" in one.path for one in wire.network.requests)


GOOD = {
    "id": "P-1",
    "identity": HEX,
    "branch": HEX,
    "account": "",
    "dated": "2026-11-20",
    "terminal": "T9",
    "epoch": 1,
}


def test_a_known_cheque_is_read() -> None:
    told = read_known_cheque({**GOOD, "more": "of a newer central"})

    assert (told.payment_id, told.digest.identity, told.digest.branch, told.digest.account) == (
        "P-1",
        HEX,
        HEX,
        "",
    )
    assert read_known_cheque({**GOOD, "terminal": None, "epoch": None}).terminal == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": ""},
        {"id": 1},
        {"identity": ""},
        {"identity": "AB" * 32},
        {"identity": HEX[:-1]},
        {"identity": 7},
        {"branch": "x"},
        {"account": ["x"]},
        {"dated": "yesterday"},
        {"dated": None},
        {"terminal": 1},
        {"epoch": "1"},
        {"epoch": True},
    ],
)
def test_what_is_no_digest_is_left_out(wrong: dict[str, object]) -> None:
    with pytest.raises(WireJsonError):
        read_known_cheque({**GOOD, **wrong})


async def test_a_row_that_cannot_be_read_costs_only_itself() -> None:
    wire = await make_wire()
    taken_elsewhere(wire, "000001")
    taken_elsewhere(wire, "000002")
    wire.told("UPDATE cheque SET identity = 'x' WHERE payment_id LIKE 'P-000001%'")

    report = await wire.engine.pull()

    assert (report.cheques, report.skipped, report.problem) == (1, 1, None)


async def test_a_cheque_that_another_shop_took_without_its_account_is_known_by_its_date() -> None:
    """Nothing that is typed here could tell it from another cheque of that number."""
    wire = await make_wire()
    taken_elsewhere(wire)
    await wire.engine.pull()
    whole = {"branch": "07", "account": "77"}

    with pytest.raises(Refused, match="in another shop"):
        pay(wire.desk, cheque("5.000", **whole))
    yesterday = (TODAY - timedelta(days=1)).isoformat()
    pay(wire.desk, cheque("5.000", date=yesterday, **whole))
