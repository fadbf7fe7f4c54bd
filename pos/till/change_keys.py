"""A change of the terminal's keys: the deed that names the new ones, by an admin with another admin's approval.

The link that lists the change is still made under the former key, so that who keeps that key's chain sees where it ends.
Source: reliability.md 5.1 and 5.5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pos.domain.role import Person
from pos.domain.signature import public_key_of
from pos.store.till_keys import NewestKey, TillKeys, fingerprint_of, newest_key
from pos.store.times import utc_text
from pos.till.approvals import require_second
from pos.till.desk import Deed, Desk, perform

ACT = "keys"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysChanged:
    """The keys from now on, and what the store says of them."""

    keys: TillKeys
    named: NewestKey


def change_keys(
    desk: Desk, person: Person, make: Callable[[NewestKey], TillKeys], *, reason: str | None = None
) -> KeysChanged:
    """Go on under other keys. ``make`` has them on the disk, beside those that there are, when it returns.

    Raises NotAuthorised or ApprovalNeeded. Where the store does not take it, the keys are as they were.
    """

    def work(deed: Deed) -> KeysChanged:
        before = newest_key(deed.unit.connection)
        assert before is not None, "a store that can be sold on names its key"
        require_second(
            deed, ACT, {"change": "rotate", "after": before.number}, f"other keys after key {before.number}"
        )
        keys = make(before)
        named = NewestKey(
            number=before.number + 1,
            # This deed's own link is the last one under the former key.
            from_chain_no=deed.unit.chain.end[0] + 2,
            fingerprint=fingerprint_of(keys.chain),
            public_key=public_key_of(keys.sign).hex(),
        )
        deed.subject = f"key {named.number} from link {named.from_chain_no}, {named.fingerprint[:16]}"
        deed.unit.insert(
            "chain_key",
            {
                "number": named.number,
                "from_chain_no": named.from_chain_no,
                "fingerprint": named.fingerprint,
                "public_key": named.public_key,
                "at_utc": utc_text(deed.at),
            },
        )
        return KeysChanged(keys=keys, named=named)

    return perform(desk, person, ACT, work, alone=True, reason=reason, subject="rotate")
