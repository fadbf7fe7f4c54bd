"""An amount in the largest text there is: three rows high where it fits, plain where it would be cut."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.renderables.digits import Digits
from textual.widget import Widget

from pos.domain.number_format import NO_BREAK_SPACE

_DRAWN_AS_BLANKS = str.maketrans({NO_BREAK_SPACE: " ", "\u2019": " "})


class BigAmount(Widget):
    """A label and an amount; the amount stands to the right of its label."""

    can_focus = False

    def __init__(self, label: str, *, id: str) -> None:
        super().__init__(id=id)
        self.label = label
        self.amount = ""

    def tell(self, amount: str, label: str | None = None) -> None:
        """Show ``amount``, as the seat writes it, under another ``label`` if given."""
        self.amount = amount
        self.label = self.label if label is None else label
        self.refresh()

    @property
    def label_width(self) -> int:
        return max(len(self.label) + 2, 12)

    def render(self) -> Text:
        text = Text(no_wrap=True, overflow="crop", end="")
        # A blank groups large digits as well as any mark that they lack.
        drawn = self.amount.translate(_DRAWN_AS_BLANKS)
        large = bool(drawn) and not set(drawn) - set("0123456789.,- ")
        if not large or self.label_width + Digits.get_width(drawn) > self.size.width:
            text.append(f"\n{self.label:<{self.label_width}}{self.amount}", "bold")
            return text
        segments = Digits(drawn).render(Style(bold=True))
        rows = "".join(segment.text for segment in segments if isinstance(segment, Segment)).split("\n")[:3]
        for place, row in enumerate(rows):
            label = self.label if place == 1 else ""
            text.append(("\n" if place else "") + f"{label:<{self.label_width}}")
            text.append(row.rstrip(), "bold")
        return text
