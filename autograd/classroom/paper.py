"""Worksheets on paper: the pages of a PDF, drawn by Matplotlib alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autograd.pictures.paint import page_of, paint, save_pages
from autograd.pictures.shapes import shapes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
    step = min((height - _MARGIN - y) / (len(page.rows) + 1), _MOST)
    _tabulate(
        axes, [page.header, *page.rows], [w * table / sum(widths) for w in widths], x, y, step
    )
    return figure


def _tabulate(
    axes: Axes,
    rows: Sequence[Sequence[str]],
    widths: Sequence[float],
    x: float,
    y: float,
    step: float,
) -> None:
    """Draw a table with lines around its cells; the first row has its titles."""
    edges = [x + sum(widths[:k]) for k in range(len(widths) + 1)]
    bottom = y + step * len(rows)
    axes.fill_between([x, edges[-1]], y, y + step, color="0.93", linewidth=0)
    axes.hlines([y + step * k for k in range(len(rows) + 1)], x, edges[-1], "0.5", linewidth=0.6)
    axes.vlines(edges, y, bottom, "0.5", linewidth=0.6)
    for i, row in enumerate(rows):
        for left, cell in zip(edges, row, strict=False):
            middle, weight = y + step * (i + 0.5), "bold" if i == 0 else "normal"
            axes.text(left + 5, middle, cell, va="center_baseline", fontsize=_SIZE, weight=weight)
