"""Signals in corrections: how many, how soon, how close to the cap, for whom, and what came before and after."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from statistics import median_high

from pos.domain.correction import CorrectionKind
from pos.domain.money import total
from pos.domain.signals import Looked, Signal, SignalCode, SignalPolicy, SignalRow, Takings, Undone

A_DAY = timedelta(days=1)


def correction_signals(seen: Looked, policy: SignalPolicy) -> Iterator[Signal]:
    """Every signal that corrections give, however few rows it stands on."""
    back = [one for one in seen.undone if not one.kind.moves]
    # A payment whose tenders were keyed anew stands as it was.
    undone = [one for one in back if not one.swapped]
    yield from _above_peers(undone, list(seen.takings), policy)
    yield from _while_offline(undone, list(seen.takings), policy)
    soon = timedelta(minutes=policy.soon_minutes)
    yield from _by_user(
        SignalCode.SOON_AFTER, (one for one in undone if one.at - one.taken_at <= soon), f"within {soon}"
    )
    yield from _by_user(SignalCode.UNDER_CAP, (one for one in seen.undone if _is_just_under(one, policy)))
    yield from _split(seen.undone)
    yield from _asked_then_smaller(seen)
    yield from _for_one_account(undone)
    yield from _moved_to_one(seen.undone)
    yield from _reprinted(undone, seen, policy)
    yield from _cash_then_cheque(back, seen, policy)
    yield from _by_user(SignalCode.COMMISSION, (one for one in undone if one.commission))
    yield from _by_user(SignalCode.SWAPPED, (one for one in back if one.swapped))


def _by_user(code: SignalCode, undone: Iterable[Undone], said: str = "") -> Iterator[Signal]:
    of_user: dict[str, list[Undone]] = defaultdict(list)
    for one in undone:
        of_user[one.user].append(one)
    for user, found in of_user.items():
        yield Signal(code=code, people=(user,), count=len(found), rows=_rows(found), said=said)


def _rows(undone: Iterable[Undone]) -> tuple[SignalRow, ...]:
    return tuple(one.row for one in undone)


# --- against the others -------------------------------------------------------------------------------------------


def _above_peers(
    undone: Sequence[Undone], takings: Sequence[Takings], policy: SignalPolicy
) -> Iterator[Signal]:
    """Shares in hundredths of a per cent, of the payments and of the money; those who take nothing have none."""
    shares: dict[tuple[str, str], tuple[int, int]] = {}
    of_user: dict[tuple[str, str], list[Undone]] = defaultdict(list)
    for one in undone:
        of_user[(one.user, one.amount.currency.code)].append(one)
    for took in takings:
        key = (took.user, took.amount.currency.code)
        own = of_user.get(key, [])
        sum_minor = total((one.amount for one in own), took.amount.currency).minor
        shares[key] = (
            len(own) * 10_000 // max(took.count, 1),
            sum_minor * 10_000 // max(took.amount.minor, 1),
        )
    for (user, code), own_share in shares.items():
        peers = [share for (other, of_code), share in shares.items() if of_code == code and other != user]
        medians = [median_high(share[place] for share in peers) if peers else 0 for place in (0, 1)]
        above = [
            share >= policy.peers_percent * 100 and share > policy.peers_times * middle
            for share, middle in zip(own_share, medians, strict=True)
        ]
        if any(above):
            found = of_user[(user, code)]
            said = (
                f"{_percent(own_share[0])} of the payments and {_percent(own_share[1])} of the money in {code}; "
                f"the others {_percent(medians[0])} and {_percent(medians[1])}"
            )
            yield Signal(
                code=SignalCode.ABOVE_PEERS, people=(user,), count=len(found), rows=_rows(found), said=said
            )


def _percent(hundredths: int) -> str:
    return f"{hundredths // 100}.{hundredths % 100:02} %"


def _while_offline(
    undone: Sequence[Undone], takings: Sequence[Takings], policy: SignalPolicy
) -> Iterator[Signal]:
    """A till that is always told late has nothing to show: what is undone is held against what is taken."""
    taken: dict[str, tuple[int, int]] = {}
    for took in takings:
        count, count_late = taken.get(took.user, (0, 0))
        taken[took.user] = (count + took.count, count_late + took.late)
    for user in {one.user for one in undone}:
        own = [one for one in undone if one.user == user]
        late = [one for one in own if one.late]
        payments, payments_late = taken.get(user, (0, 0))
        if payments and len(late) * payments > policy.offline_times * payments_late * len(own):
            said = f"{len(late)} of {len(own)} corrections, {payments_late} of {payments} payments"
            yield Signal(
                code=SignalCode.OFFLINE, people=(user,), count=len(late), rows=_rows(late), said=said
            )


# --- around the cap -----------------------------------------------------------------------------------------------


def _is_just_under(one: Undone, policy: SignalPolicy) -> bool:
    least = one.cap_minor * (100 - policy.under_cap_percent)
    return one.alone and one.cap_minor > 0 and least <= one.amount.minor * 100 <= one.cap_minor * 100


def _split(undone: Iterable[Undone]) -> Iterator[Signal]:
    parts: dict[tuple[str, str, CorrectionKind], list[Undone]] = defaultdict(list)
    for one in undone:
        if one.alone and one.cap_minor > 0:
            parts[(one.user, one.of_receipt, one.kind)].append(one)
    split: dict[str, list[list[Undone]]] = defaultdict(list)
    for (user, _, _), found in parts.items():
        if len(found) > 1 and sum(one.amount.minor for one in found) > found[0].cap_minor:
            split[user].append(found)
    for user, payments in split.items():
        rows = tuple(one.row for found in payments for one in found)
        yield Signal(code=SignalCode.SPLIT, people=(user,), count=len(payments), rows=rows)


def _asked_then_smaller(seen: Looked) -> Iterator[Signal]:
    asked = [one for one in seen.asked if not one.done and one.subject is not None]

    def follows(one: Undone) -> bool:
        return one.alone and any(
            request.user == one.user
            and request.subject == one.of_receipt
            and timedelta(0) < one.at - request.at <= A_DAY
            for request in asked
        )

    yield from _by_user(SignalCode.ASKED_THEN_SMALLER, (one for one in seen.undone if follows(one)))


# --- for whom -----------------------------------------------------------------------------------------------------


def _for_one_account(undone: Iterable[Undone]) -> Iterator[Signal]:
    of_account: dict[tuple[str, str], list[Undone]] = defaultdict(list)
    for one in undone:
        if not one.nobody:
            of_account[(one.user, one.account)].append(one)
    for (user, account), found in of_account.items():
        yield Signal(
            code=SignalCode.ONE_ACCOUNT,
            people=(user,),
            count=len(found),
            rows=_rows(found),
            said=f"account {account}",
        )


def _moved_to_one(undone: Iterable[Undone]) -> Iterator[Signal]:
    """Counted by the accounts that it came from."""
    moved: dict[tuple[str, str], list[Undone]] = defaultdict(list)
    for one in undone:
        if one.kind is CorrectionKind.TRANSFER and one.to_account is not None:
            moved[(one.user, one.to_account)].append(one)
    for (user, account), found in moved.items():
        yield Signal(
            code=SignalCode.MOVED_TO_ONE,
            people=(user,),
            count=len({one.account for one in found}),
            rows=_rows(found),
            said=f"to account {account}",
        )


# --- before and after ---------------------------------------------------------------------------------------------


def _reprinted(undone: Sequence[Undone], seen: Looked, policy: SignalPolicy) -> Iterator[Signal]:
    printed: dict[str, list[datetime]] = defaultdict(list)
    for copy in seen.reprints:
        printed[copy.receipt].append(copy.at)
    within = timedelta(hours=policy.reprint_hours)

    def follows(one: Undone) -> bool:
        return any(timedelta(0) <= one.at - at <= within for at in printed.get(one.of_receipt, ()))

    yield from _by_user(SignalCode.REPRINTED, (one for one in undone if follows(one)))


def _cash_then_cheque(back: Sequence[Undone], seen: Looked, policy: SignalPolicy) -> Iterator[Signal]:
    cheques: dict[str, list[datetime]] = defaultdict(list)
    for paid in seen.paid:
        if paid.by_cheque:
            cheques[paid.account].append(paid.at)
    within = timedelta(hours=policy.cheque_hours)

    def leads(one: Undone) -> bool:
        return one.cash.minor > 0 and any(
            timedelta(0) <= at - one.at <= within for at in cheques.get(one.account, ())
        )

    yield from _by_user(SignalCode.CASH_THEN_CHEQUE, (one for one in back if leads(one)))
