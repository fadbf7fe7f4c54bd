"""The same payment again within minutes: beside the key, which catches a double Enter, a person is asked.

Source: domain.md rule 24.
"""

from __future__ import annotations

from collections.abc import Sequence

from pos.domain.errors import NeedsConfirmation
from pos.domain.money import Money
from pos.domain.payment_mode import PaymentMode
from pos.store.cache import CachedAccount
from pos.store.payments import same_tender_before
from pos.store.times import local, utc_text
from pos.till.desk import Deed


def possible_double(
    deed: Deed, payer: CachedAccount, tenders: Sequence[tuple[PaymentMode, Money]]
) -> NeedsConfirmation | None:
    """The warning ``possible_double``: this account has just brought one of ``tenders``, as much and in the same way.

    Buyers whom nobody knows share one account, and buy the same all day: they are not asked about.
    """
    within = deed.desk.policy.double_within
    if not within or deed.desk.policy.is_anybody(payer.kind, payer.account):
        return None
    since = utc_text(deed.at - within)
    for mode, amount in tenders:
        before = same_tender_before(deed.unit.connection, payer.account, mode.code, amount, since)
        if before is not None:
            receipt, at, offset_min = before
            return NeedsConfirmation(
                "possible_double",
                f"{mode.label} of {amount.plain()} was taken from this account at {local(at, offset_min):%H:%M}, "
                f"receipt {receipt}: it may be the same payment.",
                receipt=receipt,
                mode=mode.code,
            )
    return None
