"""Worksheets on paper: the pages of a PDF, drawn by Matplotlib alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from autograd.pictures.paint import page_of, paint, save_pages
from autograd.pictures.shapes import shapes

_SIDES = 595.0, 842.0  # A4, in points, as are all lengths here
_MARGIN = 45.0
_LINE, _LEAST, _MOST = 14.0, 16.0, 24.0  # between lines of text, and between rows of the table
_SIZE = 9.0  # of letters
_EM = 0.62  # the width of a letter in DejaVu Sans, Matplotlib's own, on the average


@dataclass(frozen=True)
class Page:
    """What stands on a page of a worksheet.

    Attributes:
        title: the title.
        subtitle: a line below.
        task: the lines of the task.
        svg: the picture, as Graphviz writes it.
        header: the titles of the columns.
        rows: the cells of the table, under them.
    """

    title: str
    subtitle: str
    task: Sequence[str]
    svg: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def pdf(pages: Iterable[Page]) -> bytes:
    """Draw each page on a sheet of A4, upright or across, whichever leaves the picture larger."""
    return save_pages(map(_drawn, pages))


def _drawn(page: Page) -> Any:
    """Draw a page as a figure."""
    from matplotlib.figure import Figure

    picture = shapes(page.svg)
    (left, bottom), *_, (right, top) = sorted(picture[0].points)
    wide, high = right - left, top - bottom
    columns = [[title, *cells] for title, *cells in zip(page.header, *page.rows, strict=True)]
    widths = [_SIZE * _EM * max(map(len, column)) + 10 for column in columns]
    below = 3 * _MARGIN + (len(page.task) + 3) * _LINE  # the title and the task
    layouts = []
    for width, height, is_across in ((*_SIDES, False), (*_SIDES[::-1], True)):
        table = max(sum(widths), 0.42 * width) if is_across else width - 2 * _MARGIN
        room_x = width - 2 * _MARGIN - is_across * (table + 15)
        room_y = height - below - (not is_across) * (len(page.rows) + 2) * _LEAST
        layouts.append((min(room_x / wide, room_y / high, 1.0), width, height, is_across, table))
    scale, width, height, is_across, table = max(layouts)

    figure = Figure(figsize=(width / 72, height / 72))
    axes = page_of(figure)
    axes.text(_MARGIN, _MARGIN + 12, page.title, fontsize=16, weight="bold")
    y = _MARGIN + 12 + 1.4 * _LINE
    axes.text(_MARGIN, y, page.subtitle, fontsize=_SIZE, color="0.4")
    y += 1.4 * _LINE
    for line in page.task:
        axes.text(_MARGIN, y, line, fontsize=_SIZE)
        y += _LINE
    paint(axes, picture, _MARGIN - scale * left, y - scale * bottom, scale)
    x = width - _MARGIN - table if is_across else _MARGIN
    y = y + 10 if is_across else y + scale * high + 10
    high = min((height - _MARGIN - y) / (len(page.rows) + 1), _MOST) * (len(page.rows) + 1)
    box: Any = x / width, 1.0 - (y + high) / height, table / width, high / height
    cells = axes.table([page.header, *page.rows], colWidths=widths, cellLoc="left", bbox=box)
    cells.auto_set_font_size(False)
    for (i, _), cell in cells.get_celld().items():
        cell.set(linewidth=0.6, edgecolor="0.5", facecolor="none" if i else "0.93")
        cell.set_text_props(fontsize=_SIZE, weight="normal" if i else "bold")
        cell.PAD = 5 * sum(widths) / (table * cell.get_width())  # a share of the width
    return figure
