"""What a shop allows in a sale: whose prices may be changed for which reason, and which goods wait for final money.

Source: domain.md rule 58; the settings ``[items]`` of ``config/till.toml``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from pos.domain.errors import Refused
from pos.domain.payment_event import PaymentEvent
from pos.domain.role import Role

OVERRIDE_REASONS = ("display_piece", "damaged", "price_match", "goodwill")


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPolicy:
    """``override_max_percent``: how far each role may move a price; a role that is not named, not at all.

    ``pins_need_final_money``: a card's PIN is not handed over for money that may still be refused by a bank.
    """

    override_reasons: tuple[str, ...] = OVERRIDE_REASONS
    override_max_percent: Mapping[Role, int] = field(default_factory=lambda: {Role.SUPERVISOR: 100})
    pins_need_final_money: bool = True

    def max_percent(self, roles: Collection[Role]) -> int:
        """The furthest that any of ``roles`` may move a price."""
        return max((self.override_max_percent.get(role, 0) for role in roles), default=0)

    def require_reason(self, reason: str) -> str:
        """The reason's code. Raises Refused ``unknown_reason``."""
        if reason not in self.override_reasons:
            raise Refused(
                "unknown_reason",
                f"Choose a reason: {', '.join(map(reason_text, self.override_reasons))}.",
                allowed=list(self.override_reasons),
            )
        return reason


def reason_text(code: str) -> str:
    """A reason as people read it."""
    return code.replace("_", " ")


def require_final_money(event: PaymentEvent, policy: ItemPolicy) -> None:
    """Raises Refused ``goods_held`` where a secret number is paid for with money that is not final (rule 58)."""
    if not policy.pins_need_final_money:
        return
    for tender, item in _paid_secrets(event):
        if not event.tenders[tender].mode.final_at_once:
            mode = event.tenders[tender].mode
            raise Refused(
                "goods_held",
                f"{item} is handed over only for money that is final, and this is final {mode.final_when}. "
                "Sell it in a payment of its own, in cash or by card.",
                mode=mode.code,
            )


def _paid_secrets(event: PaymentEvent) -> Iterable[tuple[int, str]]:
    """Each tender that paid for an item with a secret number, by its place, and the item's name."""
    for part in event.funded:
        if part.allocation.sale_line is not None:
            item = event.sale[part.allocation.sale_line].item
            if item.serial is not None and item.serial.is_secret:
                yield part.tender, item.name
