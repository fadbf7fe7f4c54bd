"""The keys of a home changed for others, so that a crash at any moment leaves a till that verifies and sells.

The new keys are first written beside those in force, then the store names them, then they take their places. A start that
finds the store naming a key beside its place puts it there; one that the store does not name never was.
"""

from __future__ import annotations

from functools import partial

from pos.bootstrap.homes import OpenTill
from pos.bootstrap.key_files import place_next, settle_keys
from pos.domain.role import Person
from pos.store.high_water import HighWater
from pos.store.till_keys import NewestKey
from pos.till.change_keys import change_keys


def rotate_keys(till: OpenTill, person: Person, *, reason: str | None = None) -> NewestKey:
    """Go on under a new key of the chain and a new one of the signature; the former ones stay to verify what was.

    Raises NotAuthorised or ApprovalNeeded. Raises OSError where the disk refuses: what the store names then holds.
    """
    folder = till.paths.keys
    make = partial(place_next, folder, randomness=till.machine.randomness)
    changed = change_keys(till.desk, person, make, reason=reason)
    keys = changed.keys
    till.desk.till.go_on_under(keys, HighWater(till.paths.high_water, keys.chain, keys.former.values()))
    settle_keys(folder, changed.named)
    return changed.named
