"""Tables for notebooks."""

from __future__ import annotations

import html
from collections.abc import Collection, Sequence


def html_table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: Collection[str],
    caption: str = "",
) -> str:
    """Write a table in HTML.

    Args:
        head: the titles of the columns.
        rows: rows of as many cells.
        numbers: the titles of the columns that are aligned to the right.
        caption: what stands above.

    >>> html_table(["name", "n"], [["a & b", "1"]], numbers=["n"])
    '<table>...<td style="text-align: left">a &amp; b</td><td style="text-align: right">1</td>...'
    """
    sides = ["right" if title in numbers else "left" for title in head]

    def row(cells: Sequence[str], tag: str) -> str:
        return "".join(
            f'<{tag} style="text-align: {side}">{html.escape(cell)}</{tag}>'
            for cell, side in zip(cells, sides, strict=True)
        )

    body = "".join(f"<tr>{row(cells, 'td')}</tr>" for cells in rows)
    above = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    return f"<table>{above}<thead><tr>{row(head, 'th')}</tr></thead><tbody>{body}</tbody></table>"
