"""A list with one selected row, marked by ``>`` so that it shows without colour. It paints only what fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual.geometry import Size
from textual.widget import Widget

from pos.tui.widgets.columns import Column, line, loose_signs, shown, widths

ROWS_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """``key`` is what the row stands for; ``marked`` rows carry a ``*``; ``strong`` ones are shown bold."""

    key: str
    cells: tuple[str, ...]
    marked: bool = False
    strong: bool = False


class Listing(Widget):
    """Keeps its selection by key when its rows are told anew. The screen moves it; it takes no focus."""

    can_focus = False

    def __init__(self, columns: Sequence[Column], *, id: str) -> None:
        super().__init__(id=id)
        self._columns = tuple(columns)
        self._rows: tuple[Row, ...] = ()
        self._place = 0
        self._first = 0
        self._headed = True
        self.selectable = True

    @property
    def rows(self) -> tuple[Row, ...]:
        return self._rows

    @property
    def selected(self) -> str | None:
        """The key of the selected row."""
        return self._rows[self._place].key if self._rows else None

    @property
    def place(self) -> int | None:
        """The place of the selected row, from 0."""
        return self._place if self._rows else None

    def show(self, rows: Sequence[Row]) -> None:
        """Show ``rows``; the selection stays on its key where that is still there."""
        before = self.selected
        self._rows = tuple(rows[:ROWS_MAX])
        places = [place for place, row in enumerate(self._rows) if row.key == before]
        self._place = places[0] if places else 0
        self.refresh()

    def select(self, key: str) -> None:
        """Put the selection on the row of ``key``."""
        for place, row in enumerate(self._rows):
            if row.key == key:
                self._place = place
        self.refresh()

    def move(self, by: int) -> bool:
        """Move the selection; False where it stays (the end of the list)."""
        before = self._place
        self._place = max(0, min(self._place + by, len(self._rows) - 1))
        self.refresh()
        return self._place != before

    def page(self, by: int) -> None:
        """Move by whole pages."""
        self.move(by * max(self._window() - 1, 1))

    def _window(self) -> int:
        return max(self.size.height - (1 if self._headed else 0), 1)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return container.width

    def render(self) -> Text:
        cells = [tuple(shown_cell(cell) for cell in row.cells) for row in self._rows]
        # Where names hold signs of no certain width, the column at the edge is left to them, so that no amount ends there.
        edge = 1 if any(loose_signs(cell) for row in cells for cell in row) else 0
        room = max(self.size.width - 3 - edge, 1)
        sizes = widths(self._columns, cells, room)
        window = self._window()
        self._first = max(0, min(self._first, self._place, max(len(self._rows) - window, 0)))
        self._first = max(self._first, self._place - window + 1)
        text = Text(no_wrap=True, overflow="crop", end="")
        if self._headed:
            text.append("   " + line(self._columns, sizes, [column.title for column in self._columns]), "dim")
        for place in range(self._first, min(self._first + window, len(self._rows))):
            row = self._rows[place]
            chosen = self.selectable and place == self._place
            lead = (">" if chosen else " ") + ("*" if row.marked else " ") + " "
            style = "bold reverse" if chosen else ("bold" if row.strong or row.marked else "")
            text.append("\n" if text else "")
            text.append(lead + line(self._columns, sizes, cells[place]), style)
        return text


def shown_cell(cell: str) -> str:
    """Blanks in front are an indent of ours and stay."""
    bare = cell.lstrip(" ")
    return cell[: len(cell) - len(bare)] + shown(bare)
