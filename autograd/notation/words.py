"""How numbers, counts, labels, lists and tables are written where people read them."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Sequence
from math import isfinite
from typing import Any

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def numbered(letter: str, i: int) -> str:
    """Write a letter with an index.

    >>> numbered("v", 12)
    'v₁₂'
    """
    return letter + str(i).translate(_SUBSCRIPTS)


def number(x: float) -> str:
    """Round to four significant digits.

    >>> number(0.70641932), number(-3.0), number(1234567.0)
    ('0.7064', '-3', '1.235e+06')
    """
    return f"{x:.4g}"


def span(numbers: Sequence[float]) -> str:
    """Write the least and the largest of the finite numbers, and what others there are.

    >>> span([0.5, -1.0, 2.0]), span([3.0, 3.0]), span([1.0, float("nan")])
    ('-1 … 2', '3', '1, nan')
    """
    finite = [x for x in numbers if isfinite(x)]
    ends = dict.fromkeys([number(min(finite)), number(max(finite))]) if finite else {}
    others = dict.fromkeys([number(x) for x in numbers if not isfinite(x)])
    return ", ".join(filter(None, [" … ".join(ends), *others]))


def count(n: int, what: str) -> str:
    """Write how many of something there are.

    >>> count(1, "sample"), count(12345, "parameter")
    ('1 sample', '12,345 parameters')
    """
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def label(name: object, longest: int = 32) -> str:
    r"""Return a name with what cannot be printed escaped, cut to at most `longest` characters.

    >>> label("two\nlines"), label("a very long name", longest=10), label(None)
    ('two\\nlines', 'a very lo…', '')
    """
    text = "" if name is None else str(name)
    shown = "".join(
        [c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: longest + 1]]
    )
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def columns(text: str) -> int:
    """Return how many columns of a terminal text takes up.

    >>> columns("θ = 漢")
    6
    """
    return sum(
        [
            0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")
            for c in text
        ]
    )


def aligned(rows: Sequence[Sequence[str]], left: Collection[int] = (0,)) -> str:
    """Lay out rows in columns, those at the places `left` flush left and the others flush right.

    >>> print(aligned([("x", "1"), ("long", "-2.5")]))
    x        1
    long  -2.5
    """
    widths = [max(map(columns, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = []
        for i, (cell, width) in enumerate(zip(row, widths, strict=True)):
            gap = " " * (width - columns(cell))
            cells.append(cell + gap if i in left else gap + cell)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


class Cut:
    """A list of which `longest` items are kept, from both of its ends.

    A gap stands for two items at least: for one it would take as much room as that.

    Attributes:
        head, left_out, tail: its parts.

    >>> Cut(range(100), 3).joined(", ", str, lambda left_out: f"… {len(left_out)} more …")
    '0, 1, … 97 more …, 99'
    """

    def __init__(self, items: Sequence[Any], longest: int) -> None:
        n = len(items)
        before, after = (n, n) if n <= longest + 1 else ((longest + 1) // 2, n - longest // 2)
        self.head, self.left_out, self.tail = items[:before], items[before:after], items[after:]

    @property
    def kept(self) -> list[Any]:
        """What is not left out."""
        return [*self.head, *self.tail]

    def written(
        self, gap: Callable[[Any], Any], write: Callable[[Any], Any] = lambda x: x
    ) -> list[Any]:
        """Write each item, as it is by default, and for those left out what `gap` makes of them."""
        middle = [gap(self.left_out)] if self.left_out else []
        return [*map(write, self.head), *middle, *map(write, self.tail)]

    def joined(self, sign: str, write: Callable[[Any], str], gap: Callable[[Any], str]) -> str:
        """Write the items in one line."""
        return sign.join(self.written(gap, write))
