"""What docs/listening.md tells people who write a listener is so."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from sync.central.hub.event_types import TYPES_OF
from sync.central.hub.listener_client import ITS_OWN_FAULT
from sync.central.store.database import CentralStore
from sync.wire_json import loads
from tests.central.hub_builders import HUB_KEY, Central, Listener, central_over, listen, quiet
from tests.central.refund_builders import paid

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "listening.md").read_text("utf-8")
IsCentral = Callable[[dict[str, str], bytes, list[str], int], bool]


@pytest.fixture
def is_central() -> IsCentral:
    """The guide's own code."""
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    found: IsCentral = names["is_central"]
    return found


@pytest.fixture
async def central(store: CentralStore) -> AsyncIterator[Central]:
    async with central_over(store) as opened:
        yield opened


async def test_its_check_takes_what_central_sends_and_nothing_else(
    central: Central, is_central: IsCentral
) -> None:
    listener = Listener(central.clock)
    await listen(central.client)
    async with central.telling(localhost=listener):
        await paid(central.client)
        await quiet()
    [heard] = listener.heard
    keys = [key["publicKey"] for key in loads((await central.client.get(HUB_KEY)).content)]
    headers, now_s = dict(heard.headers), int(central.clock.now().timestamp())
    other = "whpk_" + "A" * 43 + "="

    assert is_central(headers, heard.body, keys, now_s)
    assert is_central(headers, heard.body, [other, *keys], now_s + 299)
    assert not is_central(headers, heard.body.replace(b"10.000", b"90.000"), keys, now_s)
    assert not is_central({**headers, "webhook-id": "evt-1"}, heard.body, keys, now_s)
    assert not is_central({**headers, "webhook-timestamp": str(now_s + 1)}, heard.body, keys, now_s)
    assert not is_central(headers, heard.body, [other], now_s)
    assert not is_central(headers, heard.body, keys, now_s + 301)


def test_it_names_every_event_and_no_other() -> None:
    assert set(re.findall(r"\b[A-Z]\w+Event\b", GUIDE)) == {
        one for of_api in TYPES_OF.values() for one in of_api
    }


def test_it_names_what_is_the_listeners_own_fault() -> None:
    (named,) = re.findall(r"No connection, no answer, ((?:[0-9]{3}, )+)", GUIDE)

    assert {int(status) for status in named.strip(", ").split(", ")} == ITS_OWN_FAULT
