"""Line 1: shop, till, operator, shift, business date, the link to central, the queue, the time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from rich.text import Text
from textual.message import Message
from textual.widget import Widget

from pos.tui.widgets.columns import cut, shown, spread

OPERATOR_MIN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the line tells. ``online`` None: central was not asked yet; ``waiting`` None: not looked up yet.

    ``at_risk``: the money that central has not acknowledged, shown beside the queue while it does not answer.
    ``findings``: what the last check of the whole store found wrong. ``barred``: central answers, and takes
    nothing from this till. ``roster_left``: for how long people are still let in, where that is said.
    ``training``: nothing here is real.
    """

    shop: str
    terminal: str
    operator: str | None
    shift_number: int | None
    business_date: date | None
    online: bool | None
    since: datetime | None
    waiting: int | None
    parked: int
    at_risk: str
    stuck_papers: int
    clock_behind: bool
    open_cards: int
    findings: int
    now: datetime
    barred: bool = False
    roster_left: timedelta | None = None
    training: bool = False


class StatusLine(Widget):
    """Told by the app each second, and when it comes into view."""

    can_focus = False

    class CameIntoView(Message):
        """A screen with a status line came to the front."""

    def __init__(self) -> None:
        super().__init__(id="status")
        self._status: Status | None = None

    def on_mount(self) -> None:
        self.post_message(self.CameIntoView())

    def tell(self, status: Status) -> None:
        """Show ``status``."""
        if status != self._status:
            self._status = status
            self.refresh()

    def render(self) -> Text:
        if self._status is None:
            return Text("")
        return Text(status_text(self._status, self.size.width), no_wrap=True, overflow="crop")


def status_text(status: Status, width: int) -> str:
    """The line in ``width`` columns; the operator's name gives way first, then the money at risk."""
    where = f"SHOP {shown(status.shop)} TILL {shown(status.terminal)}"
    fixed = [f"TRAINING TILL {shown(status.terminal)}" if status.training else where]
    if status.operator is not None:
        fixed.append("{operator}")
        fixed.append("NO SHIFT" if status.shift_number is None else f"SHIFT {status.shift_number}")
    if status.business_date is not None:
        fixed.append(f"BD {status.business_date.day} {_MONTHS[status.business_date.month - 1]}")
    frame = " " + "  ".join(fixed)
    bare = len(frame.replace("{operator}", ""))
    end = _right(status, with_risk=True)
    if width - bare - len(end) - 1 < OPERATOR_MIN:
        end = _right(status, with_risk=False)
    room = width - bare - len(end) - 1
    operator = cut(shown(status.operator or "").upper(), max(room, 0))
    return spread(frame.replace("{operator}", operator), end, width)


def _right(status: Status, *, with_risk: bool) -> str:
    right = [_link(status)]
    if status.waiting is not None:
        risk = (
            f" {status.at_risk}"
            if with_risk and status.waiting and (status.online is False or status.barred)
            else ""
        )
        right.append(f"Q {status.waiting}{risk}")
    if status.findings:
        right.append(f"CHECK {status.findings}")
    if status.parked:
        right.append(f"PARKED {status.parked}")
    if status.stuck_papers:
        right.append(f"PAPER {status.stuck_papers}")
    if status.open_cards:
        right.append(f"CARD {status.open_cards}")
    hour = status.now.strftime("%H:%M")
    right.append(f"CLOCK? {hour}" if status.clock_behind else hour)
    return "  ".join(right) + " "


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def _link(status: Status) -> str:
    if status.training:
        return "NOT REAL"
    if status.roster_left is not None:
        return "SHUT" if status.roster_left < timedelta(0) else f"SHUTS IN {_spell(status.roster_left)}"
    if status.online is None:
        return "CONNECTING"
    if status.online and status.barred:
        return "NOT ENROLLED"
    if status.online:
        return "ONLINE"
    return "OFFLINE" if status.since is None else f"OFFLINE {_spell(status.now - status.since)}"


def _spell(passed: timedelta) -> str:
    minutes = max(int(passed.total_seconds() // 60), 0)
    if minutes >= 24 * 60:
        return f"{minutes // (24 * 60)}d {minutes // 60 % 24:02d}h"
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
