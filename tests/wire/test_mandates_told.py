"""Mandates told to central and to every other till: what one terminal registered, the others know, change and collect by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event

from pos.domain.errors import Refused
from pos.till.collections import preview_collection
from pos.till.mandates import MandateDeed, MandateOrder, keep_mandate, mandate_life, mandates
from sync import mandates as shared
from tests.builders.across import Shop, make_shop
from tests.builders.bank_files import IBAN, OTHER_IBAN, mandated, with_debits
from tests.builders.tills import BACK_OFFICE, TODAY, findings
from tests.builders.wire import Fault, Wire

SOON = (TODAY + timedelta(days=60)).isoformat()


async def synced(*tills: Wire) -> None:
    """Each tells and hears, twice: what the first told last reaches all."""
    for till in (*tills, *tills):
        till.clock.advance(seconds=60)
        await till.engine.push()
        assert (await till.engine.pull()).problem is None


def known(till: Wire) -> list[tuple[str, str, str, str]]:
    """Reference, account, state and bank account of every mandate that is not ended."""
    return [
        (one.mandate, one.account, str(one.state), one.bank.number)
        for one in mandates(till.desk, BACK_OFFICE)
    ]


def ordered(till: Wire, deed: MandateDeed, **more: str) -> None:
    keep_mandate(till.desk, BACK_OFFICE, MandateOrder(deed=deed, mandate="M-1", **more))


async def two() -> tuple[Shop, Wire, Wire]:
    shop = await make_shop("T1", "T2")
    return shop, shop.tills["T1"], shop.tills["T2"]


async def test_a_mandate_registered_in_one_shop_is_known_in_the_other() -> None:
    _, here, there = await two()
    mandated(here.desk)

    await synced(here, there)

    assert known(there) == known(here) == [("M-1", "BA-1", "active", IBAN)]
    (_, (step,)) = mandate_life(there.desk, BACK_OFFICE, "M-1")
    assert (step.elsewhere, step.operator) == ("T1", BACK_OFFICE.user)
    with pytest.raises(Refused) as refusal:
        mandated(there.desk)
    assert refusal.value.code == "mandate_known"
    assert findings(here.desk) == findings(there.desk) == []


async def test_what_is_changed_there_and_ended_here_is_so_at_both() -> None:
    _, here, there = await two()
    mandated(here.desk)
    await synced(here, there)

    ordered(there, MandateDeed.CHANGE, number=OTHER_IBAN)
    await synced(there, here)
    assert known(here) == [("M-1", "BA-1", "active", OTHER_IBAN)]

    ordered(here, MandateDeed.END, reason="pays in cash")
    await synced(here, there)
    assert known(here) == known(there) == []
    assert findings(here.desk) == findings(there.desk) == []


async def test_two_steps_at_once_end_the_same_at_both() -> None:
    """Central has the order: what arrives last holds."""
    _, here, there = await two()
    mandated(here.desk)
    await synced(here, there)

    ordered(here, MandateDeed.CHANGE, holder="Z. O'Brien")
    ordered(there, MandateDeed.CHANGE, number=OTHER_IBAN)
    await synced(here, there)

    assert known(here) == known(there) == [("M-1", "BA-1", "active", OTHER_IBAN)]
    assert [one.bank.holder for one in mandates(here.desk, BACK_OFFICE)] == ["Zoë O'Brien"]


async def test_what_was_ended_meanwhile_stays_ended() -> None:
    _, here, there = await two()
    mandated(here.desk)
    await synced(here, there)

    ordered(here, MandateDeed.END, reason="over")
    ordered(there, MandateDeed.CHANGE, number=OTHER_IBAN)
    await synced(here, there)

    assert known(here) == known(there) == []


async def test_a_reference_that_two_shops_gave_to_two_accounts_is_the_firsts() -> None:
    _, here, there = await two()
    mandated(here.desk)
    mandated(there.desk, account="BA-2")

    await synced(here, there)

    assert (known(here), known(there)) == ([("M-1", "BA-1", "active", IBAN)], [])
    mandate, steps = mandate_life(there.desk, BACK_OFFICE, "M-1")
    assert (mandate.account, str(mandate.state)) == ("BA-2", "ended")
    assert "for another account" in str(steps[-1].reason)
    assert findings(there.desk) == []


@pytest.mark.parametrize(
    "faults", [(Fault.LOST_ANSWER,) * 3, (Fault.FAILED_AFTER, Fault.TWICE, Fault.AWAY), (Fault.REFUSED,) * 4]
)
async def test_a_step_is_kept_once_whatever_becomes_of_the_answers(faults: Sequence[Fault]) -> None:
    _, here, there = await two()
    mandated(here.desk)
    here.network.script(*faults)
    for _ in range(6):
        here.clock.advance(seconds=600)
        await here.engine.push()
        await here.engine.pull()

    await synced(here, there)

    assert known(there) == [("M-1", "BA-1", "active", IBAN)]
    assert len(mandate_life(there.desk, BACK_OFFICE, "M-1")[1]) == 1
    assert len(mandate_life(here.desk, BACK_OFFICE, "M-1")[1]) == 1


async def test_a_step_whose_answer_was_lost_is_told_though_its_bank_details_were_purged_since() -> None:
    """What stands behind it would wait for ever."""
    _, here, there = await two()
    mandated(here.desk)
    here.network.script(Fault.LOST_ANSWER)
    await here.engine.push()
    with here.desk.till.transaction() as unit:
        unit.connection.exec_driver_sql("DELETE FROM mandate_person")
    mandated(here.desk, "M-2", "BA-2")

    await synced(here, there)

    assert [one[0] for one in known(there)] == ["M-1", "M-2"]


async def test_a_step_that_central_will_not_have_holds_back_no_other_mandate() -> None:
    _, here, there = await two()
    mandated(here.desk)
    mandated(here.desk, "M-2", "BA-2")
    here.network.script(Fault.BAD)

    await here.engine.push()
    await there.engine.pull()

    assert [one[0] for one in known(there)] == ["M-2"]
    await synced(here, there)
    assert sorted(one[0] for one in known(there)) == ["M-1", "M-2"]


async def test_a_till_asks_of_no_mandate_whether_central_heard_of_it_while_none_is_new() -> None:
    _, here, there = await two()
    mandated(here.desk)
    await synced(here, there)
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        here.clock.advance(seconds=60)
        await here.engine.push()
    finally:
        event.remove(Engine, "before_cursor_execute", note)

    assert asked
    assert [statement for statement in asked if "FROM mandate_step" in statement] == []


async def test_many_mandates_are_kept_a_page_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line breaks behind the first page: what it brought is kept, and all is asked for again."""
    monkeypatch.setattr(shared, "PAGE", 2)
    _, here, there = await two()
    for number in range(1, 6):
        mandated(here.desk, f"M-{number}", f"BA-{1 + number % 2}")
    await synced(here)
    there.network.fault_of = lambda request: (
        Fault.LOST_REQUEST if request.url.params.get("offset") == "2" else Fault.NONE
    )
    there.clock.advance(seconds=60)
    await there.engine.pull()
    assert [one[0] for one in known(there)] == ["M-2", "M-1"]

    there.network.heal()
    await synced(there)

    assert sorted(known(there)) == sorted(known(here))
    assert [len(mandate_life(there.desk, BACK_OFFICE, one[0])[1]) for one in known(there)] == [1] * 5


async def test_a_bill_is_collected_by_one_terminal() -> None:
    """Of two that know a mandate the one that registered it, or the one that the settings name."""
    _, here, there = await two()
    mandated(here.desk)
    await synced(here, there)

    def asked(till: Wire) -> int:
        return len(preview_collection(till.desk, BACK_OFFICE, SOON).items)

    assert (asked(here), asked(there)) == (1, 0)
    for till in (here, there):
        with_debits(till.desk, collected_by="T2")
    assert asked(there) == 1
    with pytest.raises(Refused) as refusal:
        asked(here)
    assert refusal.value.code == "not_collected_here"


async def test_a_till_without_a_central_of_ours_keeps_its_mandates_to_itself() -> None:
    shop = await make_shop("T1")
    here = shop.tills["T1"]
    here.addresses = replace(here.addresses, own=None)
    here.restart()
    mandated(here.desk)

    await here.engine.push()

    assert known(here) == [("M-1", "BA-1", "active", IBAN)]
    assert findings(here.desk) == []
