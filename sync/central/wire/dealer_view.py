"""What a dealer's client or till sees and may touch: the same whether other dealers' data exist or not.

The dealer comes from the token alone. A collection says as SQL which of its rows are a dealer's to see; one that says
nothing shows a dealer nothing. A dealer's system is told no change numbers, for they count what others do; a till has to
know by them which of its own payments a figure holds. A subscriber's bills and account are everybody's, for everybody
takes money on them: their figures show whatever anybody paid, but not who did.
Source: reliability.md 5.5 and invariant 47.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, text

from pos.domain.payment_mode import ModeKind
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
    """The dealer whose client or till asks; None for anybody else."""
    asking = caller()
    return None if asking is None else asking.dealer


def hides_counts() -> bool:
    """Whether a dealer's system asks, which is not told how much others do."""
    asking = caller()
    return asking is not None and asking.kind is ClientKind.DEALER


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
    columns, sorts = dict(collection.columns), dict(collection.sorts)
    for name, stored in collection.keys.items():
        own_key = f"replace({stored}, :own_keys, '')"
        if name in columns:
            columns[name] = Column(own_key, stored=stored, own=own)
        if name in sorts:
            sorts[name] = own_key
    if not hides_counts():
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
        return collection.for_operator, {"own_keys": own_keys(), "between": BETWEEN}
    return collection.for_dealer or "1 = 0", {"of_dealer": dealer, "own_keys": own_keys()}


def narrowed(collection: Collection, query: ListQuery) -> ListQuery:
    """``query`` among those rows alone."""
    where, values = condition(collection)
    if not where:
        return replace(query, values={**query.values, **values})
    return replace(query, where=(where, *query.where), values={**query.values, **values})


def without_counts(resource: Resource) -> Resource:
    """For a dealer: without what counts everybody's changes."""
    if not hides_counts():
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
    account. A dealer's till has the cash already: an account that nobody here knows refuses it no more than anybody's till,
    as walk-in buyers and payers who are not known have none.

    Raises ApiError 403 ``till_alone`` or 422 ``unknown_account``, for a system the same for another dealer's account as for
    none.
    """
    asking = caller()
    if asking is None:
        return
    for name in TILL_ALONE:
        if name in body and asking.kind is not ClientKind.TERMINAL:
            raise ApiError(403, "till_alone", "Only a till says this of a payment.", field=name)
    dealer = asking.dealer
    if dealer is None:
        return
    # Nobody but a dealer pays by what its bank has still to confirm.
    takes_of_nobody = asking.kind is ClientKind.TERMINAL and not _waits_for_bank(body)
    for name in ("account", "payer"):
        named = body.get(name)
        if not isinstance(named, Mapping) or "id" not in named:
            continue
        account = {"id": str(named["id"]), "of_dealer": dealer}
        if takes_of_nobody:
            refused = connection.execute(SEE_OTHERS, account).one_or_none() is not None
        else:
            refused = connection.execute(SEE_ACCOUNT, account).one_or_none() is None
        if refused:
            raise ApiError(422, "unknown_account", "There is no such account.", field=f"{name}.id")


def _waits_for_bank(body: Mapping[str, Any]) -> bool:
    return str(body.get("instrument", "")).startswith(f"{ModeKind.BANK_RECEIPT}|")


def require_own_payment(connection: Connection, payment_id: str) -> None:
    """A dealer's till acts on what its dealer's tills took, and on nothing else.

    Raises ApiError 422 ``unknown_payment``, as for one that there is not.
    """
    if not is_own_payment(connection, payment_id):
        raise ApiError(422, "unknown_payment", "No payment has this id.", field="payment.id")


def is_own_payment(connection: Connection, payment_id: str) -> bool:
    """Whether whoever asks may act on it: anybody but a dealer on any."""
    dealer = dealer_asking()
    if dealer is None:
        return True
    found = connection.execute(TAKEN_BY_OWN_TILL, {"id": payment_id, "of_dealer": dealer})
    return found.one_or_none() is not None


def is_of_own_till(connection: Connection, terminal: str | None) -> bool:
    """Whether whoever asks may know what this terminal did: anybody but a dealer of any. None: no terminal did it."""
    dealer = dealer_asking()
    if dealer is None or terminal is None:
        return True
    return connection.execute(OWN_TILL, {"id": terminal, "of_dealer": dealer}).one_or_none() is not None


def require_seen_account(connection: Connection, account_id: str, *, field: str) -> None:
    """A dealer puts money on no other dealer's account. Raises ApiError 422 ``unknown_account``."""
    dealer = dealer_asking()
    if dealer is None:
        return
    if connection.execute(SEE_ACCOUNT, {"id": account_id, "of_dealer": dealer}).one_or_none() is None:
        raise ApiError(422, "unknown_account", "There is no such account.", field=field)


def require_not_anothers(connection: Connection, account_id: str, *, field: str) -> None:
    """A dealer's till says something of no other dealer's account; of one that nobody keeps here it may.

    Raises ApiError 422 ``unknown_account``.
    """
    asked = {"id": account_id, "of_dealer": dealer_asking()}
    if asked["of_dealer"] is not None and connection.execute(SEE_OTHERS, asked).one_or_none() is not None:
        raise ApiError(422, "unknown_account", "There is no such account.", field=field)


OF_OWN_TILLS = "terminal IN (SELECT till.id FROM terminal AS till WHERE till.dealer = :of_dealer)"
OF_OWN_PAYMENTS = (
    "payment_id IN (SELECT paid.id FROM payment AS paid"
    " WHERE paid.dealer = :of_dealer OR paid.account_id = :of_dealer)"
)
OF_OPERATORS_TILLS = "terminal NOT IN (SELECT till.id FROM terminal AS till WHERE till.dealer IS NOT NULL)"
"""For the conditions of the collections."""
TAKEN_BY_OWN_TILL = text(f"SELECT id FROM payment WHERE id = :id AND {OF_OWN_TILLS}")
OF_SEEN_ACCOUNT = (
    "EXISTS (SELECT 1 FROM account AS seen WHERE seen.id = account_id"
    " AND (seen.kind <> 'dealer' OR seen.id = :of_dealer))"
)
"""For the conditions of the collections. What is of no known account is nobody's to see.

Each row asks for its own account: a list of all that are seen would be made of every account for a single bill.
"""
OF_SEEN_BILL = f"(bill.dealer = :of_dealer OR {OF_SEEN_ACCOUNT})"
"""The same for bills: what walk-in buyers owe stands on no account, and is its till's dealer's."""
OWN_TILL = text("SELECT id FROM terminal WHERE id = :id AND dealer = :of_dealer")
SEE_ACCOUNT = text("SELECT id FROM account WHERE id = :id AND (kind <> 'dealer' OR id = :of_dealer)")
SEE_OTHERS = text("SELECT id FROM account WHERE id = :id AND kind = 'dealer' AND id <> :of_dealer")
