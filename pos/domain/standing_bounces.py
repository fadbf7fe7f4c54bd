"""What the bounces that stand make of an account: until when it is cash-only, and from which stage it is collected.

Reckoned from the bounces each time, at the till as at central, so that undoing any of them, in any order, leaves what the
others make of it. Source: domain.md rules 17, 35, 41.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from pos.domain.dishonour_policy import cash_only_until


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePutBack:
    """Collection of an account stood at ``before``, and a bounce wanted it at ``to`` or further."""

    before: int
    to: int

    @property
    def after(self) -> int:
        return max(self.before, self.to)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingBounce:
    """A bounce that nobody has undone, as it concerns one account.

    ``rule`` makes it cash-only: the how-many-eth bounce, within and for how many months; None: it does not count against
    the account. ``stage`` None: it changed nothing of how it is collected from.
    """

    bounce_id: str
    on: date
    rule: tuple[int, int, int] | None
    stage: StagePutBack | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnBounce:
    """A bounce of this till's own books, as it concerns one account. ``to``: the stage it puts collection back to.

    ``applied_change``: central's change number by which it knew of it; None: it has not said.
    """

    bounce_id: str
    on: date
    rule: tuple[int, int, int] | None
    to: int | None
    undone: bool
    applied_change: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """The stage that an account is collected from, and the bounces that stand, the oldest first.

    ``put_back`` False: the stage had moved on since the bounce that was undone, and was left as it is.
    """

    stage: int
    bounces: tuple[StandingBounce, ...] = ()
    put_back: bool = True


def counted(bounces: Iterable[StandingBounce]) -> list[date]:
    """The days of the bounces that count against the account."""
    return [bounce.on for bounce in bounces if bounce.rule is not None]


def cash_only_by(bounces: Sequence[StandingBounce]) -> date | None:
    """Until when these bounces make their account cash-only; None: they do not."""
    return max((until for one in bounces if (until := until_by(one, bounces)) is not None), default=None)


def until_by(bounce: StandingBounce, bounces: Iterable[StandingBounce]) -> date | None:
    """What one of the account's ``bounces`` does by its rule, with those of its day and before."""
    if bounce.rule is None:
        return None
    return cash_only_until(bounce.rule, [day for day in counted(bounces) if day <= bounce.on], bounce.on)


def with_bounce(stood: Collected, bounce: StandingBounce, to: int | None) -> Collected:
    """One more bounce; it puts collection back to ``to``, where that is further than where it stands (rule 17)."""
    stage = None if to is None else StagePutBack(before=stood.stage, to=to)
    return Collected(
        stage=stood.stage if stage is None else stage.after,
        bounces=(*stood.bounces, replace(bounce, stage=stage)),
    )


def without_bounce(stood: Collected, bounce_id: str) -> Collected:
    """As if that bounce, which stands, had never been. What a later one found by it, that one finds no more.

    Only what still is as the bounces left it is put back: a stage that moved on since stays.
    """
    place = next(at for at, one in enumerate(stood.bounces) if one.bounce_id == bounce_id)
    gone, kept = stood.bounces[place].stage, list(stood.bounces[:place])
    if gone is None or gone.before == gone.after:
        return Collected(stage=stood.stage, bounces=(*kept, *stood.bounces[place + 1 :]))
    was, now, untouched = gone.after, gone.before, True
    for later in stood.bounces[place + 1 :]:
        stage = later.stage
        if stage is not None and untouched:
            untouched = stage.before == was
            if untouched:
                was, stage = stage.after, replace(stage, before=now)
                now = stage.after
        kept.append(replace(later, stage=stage))
    untouched = untouched and stood.stage == was
    return Collected(stage=now if untouched else stood.stage, bounces=tuple(kept), put_back=untouched)


def with_own(told: Collected, own: Iterable[OwnBounce], seen_change: int | None) -> Collected:
    """An account as central ``told`` it, with what of this till's ``own`` bounces, the oldest first, it cannot hold yet.

    ``seen_change``: the change number as of which it was told. A bounce that was undone before central told of it left
    nothing, so only one that it told is undone.
    """
    stood = told
    for one in own:
        is_there = any(bounce.bounce_id == one.bounce_id for bounce in stood.bounces)
        held = (
            one.applied_change is not None and seen_change is not None and one.applied_change <= seen_change
        )
        if is_there and one.undone:
            stood = without_bounce(stood, one.bounce_id)
        elif not (is_there or one.undone or held):
            stood = with_bounce(
                stood, StandingBounce(bounce_id=one.bounce_id, on=one.on, rule=one.rule), one.to
            )
    return stood
