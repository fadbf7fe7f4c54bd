"""What a refusal is held against: its code, the values behind it, and a text that a cashier can read out.

with refused("more_than_suspense", left="5.000", currency="KWD"):
    part_of(item, money("6"))
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pos.domain.errors import Refused


@contextmanager
def refused(code: str, **details: object) -> Iterator[None]:
    """The block is refused with ``code`` and with exactly these ``details``, in whole sentences."""
    with pytest.raises(Refused) as refusal:
        yield
    assert (refusal.value.code, refusal.value.details) == (code, details)
    assert reads_as_sentences(refusal.value.message), refusal.value.message


def reads_as_sentences(text: str) -> bool:
    """Whether each sentence begins with a capital letter or a number and ends with a mark, and none is shouted."""
    sentences = re.split(r"(?<=[.?]) ", text)
    return all(one and not one[0].islower() and not one.isupper() and one[-1] in ".?" for one in sentences)
