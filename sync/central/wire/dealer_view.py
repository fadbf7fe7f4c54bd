"""What a dealer's client sees and may touch: the same whether other dealers' data exist or not.

The dealer comes from the token alone. A collection says as SQL which of its rows are a dealer's to see; one that says
nothing shows a dealer nothing. Change numbers are not told, for they count what others do. A subscriber's bills and account
are everybody's, for everybody takes money on them: their figures show whatever anybody paid, but not who did.
Source: reliability.md 5.5 and invariant 47.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, text

from sync.central.wire.callers import ClientKind, caller
from sync.central.wire.errors import ApiError
from sync.central.wire.links import Links
from sync.central.wire.query import Collection, Column, ListQuery, Resource

COUNTS = frozenset(("changeNumber", "change"))
TILL_ALONE = (
    "terminal", "epoch", "sequence", "leg", "voucherHold", "voucherTaken", "replaces", "keptApart", "writeOff",
    "commission", "suspense", "held", "provisional", "clearsOverdue", "reconnect",
)  # fmt: skip
"""What only a till says of a payment: each acts on something that other clients do not see."""
BETWEEN = "\x1f"
"""Between whose a key is and the key, as stored: no key that comes in has it, so one client's is never another's."""


def dealer_asking() -> str | None:
    """The dealer whose client asks; None for anybody else."""
    asking = caller()
    return None if asking is None else asking.dealer


def own_keys() -> str:
    """What the keys of the caller's own begin with as they are stored; empty: tills, and whoever asks without a token.

    A till's are told apart by its own numbers; a dealer's are its clients' together, and everybody else's its name's.
    """
    asking = caller()
    if asking is None:
        return ""
    if asking.dealer is not None:
        return asking.dealer + BETWEEN
    return f"{BETWEEN}{asking.name}{BETWEEN}" if asking.kind is ClientKind.FOREIGN else ""


def as_seen(collection: Collection) -> Collection:
    """The collection as the caller may ask for it: by its own keys as it knows them.

    A dealer neither sees nor filters by what counts everybody's changes.
    """
    own = own_keys()
    if not own:
        return collection
    own_key = "replace(correlator_id, :own_keys, '')"
    columns, sorts = dict(collection.columns), dict(collection.sorts)
    if "correlatorId" in columns:
        columns["correlatorId"] = Column(own_key, stored="correlator_id", own=own)
    if "correlatorId" in sorts:
        sorts["correlatorId"] = own_key
    if dealer_asking() is None:
        return replace(collection, columns=columns, sorts=sorts)
    columns = {name: column for name, column in columns.items() if name not in COUNTS}
    sorts = {name: column for name, column in sorts.items() if name not in COUNTS}

    def compose(connection: Connection, rows: Sequence[Row[Any]], links: Links) -> list[Resource]:
        return [without_counts(resource) for resource in collection.compose(connection, rows, links)]

    return replace(
        collection,
        attributes=collection.attributes - COUNTS,
        columns=columns,
        sorts=sorts,
        compose=compose,
    )


def condition(collection: Collection) -> tuple[str, Mapping[str, object]]:
    """The SQL condition on the rows that the caller may see, with its values; empty: all."""
    dealer = dealer_asking()
    if dealer is None:
        return "", {}
    return collection.for_dealer or "1 = 0", {"of_dealer": dealer, "own_keys": own_keys()}


def narrowed(collection: Collection, query: ListQuery) -> ListQuery:
    """``query`` among those rows alone."""
    where, values = condition(collection)
    if not where:
        return replace(query, values={**query.values, "own_keys": own_keys()})
    return replace(query, where=(where, *query.where), values={**query.values, **values})


def without_counts(resource: Resource) -> Resource:
    """For a dealer: without what counts everybody's changes."""
    if dealer_asking() is None:
        return resource
    return {name: value for name, value in resource.items() if name not in COUNTS}


def stored_key(key: str | None) -> str | None:
    """A caller's own key of what it posts, as it is stored: no client's is another's."""
    return None if key is None else own_keys() + key


def shown_key(stored: str | None) -> str | None:
    """The key as its sender knows it, and as others are told it."""
    return None if stored is None else stored.rpartition(BETWEEN)[2]


def require_dealers_own(connection: Connection, body: Mapping[str, Any]) -> None:
    """A client that is no till says nothing that is a till's; a dealer's takes money from itself or a subscriber for such an
    account.

    Raises ApiError 403 ``till_alone`` or 422 ``unknown_account``, the same for another dealer's account as for none.
    """
    asking = caller()
    if asking is None or asking.kind is ClientKind.TERMINAL:
        return
    for name in TILL_ALONE:
        if name in body:
            raise ApiError(403, "till_alone", "Only a till says this of a payment.", field=name)
    dealer = asking.dealer
    if dealer is None:
        return
    for name in ("account", "payer"):
        named = body.get(name)
        if not isinstance(named, Mapping) or "id" not in named:
            continue
        seen = connection.execute(SEE_ACCOUNT, {"id": str(named["id"]), "of_dealer": dealer}).one_or_none()
        if seen is None:
            raise ApiError(422, "unknown_account", "There is no such account.", field=f"{name}.id")


SEEN_ACCOUNTS = "(SELECT account.id FROM account WHERE account.kind <> 'dealer' OR account.id = :of_dealer)"
"""For the conditions of the collections. What is of no known account is nobody's to see."""
SEE_ACCOUNT = text("SELECT id FROM account WHERE id = :id AND (kind <> 'dealer' OR id = :of_dealer)")
