"""The sign and size of numbers in colour: blue above zero, orange below, and darker when larger.

Both hues of one size are equally light, and light enough for black text: in grey print the size
is still there, and the sign stands in the number itself. The colour-blind tell blue from orange.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

from autograd.pictures.boxes import BARE, cell, row, table

# A size falls into one of four classes, each a tenth of the next.
CLASSES = 4
_POSITIVE = ("#EAF1F8", "#CFE1F2", "#A5CBE9", "#6CA9DA")
_NEGATIVE = ("#FBEEE0", "#F8DBBB", "#F3C08A", "#E89A48")
_POSITIVE_LINE, _NEGATIVE_LINE = "#1F6FB2", "#C25A00"
_WIDTHS = (0.6, 1.0, 1.8, 3.0)
_NOT_A_NUMBER = "#FFE84D"


def largest(numbers: Iterable[float]) -> float:
    """Return the largest size among the finite `numbers`; 0 if there is none.

    >>> largest([1.0, -3.0, float("inf")])
    3.0
    """
    return max([abs(x) for x in numbers if isfinite(x)], default=0.0)


def shade(x: float, scale: float) -> str | None:
    """Return the colour of a number, where `scale` is the largest size in the picture.

    Zero has none; nan and infinity have one of their own.

    >>> shade(0.5, 0.5), shade(-0.5, 0.5), shade(0.0, 0.5)
    ('#6CA9DA', '#E89A48', None)
    """
    if not isfinite(x):
        return _NOT_A_NUMBER
    if x == 0.0:
        return None
    return (_POSITIVE if x > 0.0 else _NEGATIVE)[size_class(x, scale)]


def size_class(x: float, scale: float) -> int:
    """Return which size `x` has, from 0, tiny, to 3, at least a tenth of `scale`.

    >>> size_class(1.0, 1.0), size_class(-0.05, 1.0), size_class(1e-9, 1.0)
    (3, 2, 0)
    """
    return sum([abs(x) >= scale * 10.0**-k for k in range(1, CLASSES)])


def legend(numbers: Iterable[float]) -> str:
    """Lay out what the colours of all gradients of a picture mean; "" if there are none.

    >>> legend([0.0]), "nan" in legend([1.0]), "nan" in legend([float("inf")])
    ('', False, True)
    """
    numbers = list(numbers)
    scale, small, rows = largest(numbers), 11, []
    if scale:
        limits = [f"{scale * 10.0**-k:.2g}" for k in range(1, CLASSES)]
        names = [f"≥ {limits[0]}", *[f"≥ {limit}" for limit in limits[1:]], "smaller"]
        cells = [cell(name, size=small) for name in names]
        rows.append(row(cell("grad", 'ALIGN="LEFT"', small), *cells))
        for title, sign, colours in (("positive", "+", _POSITIVE), ("negative", "−", _NEGATIVE)):
            swatches = [cell(sign, f'BGCOLOR="{c}"', small, width=44) for c in reversed(colours)]
            rows.append(row(cell(title, 'ALIGN="LEFT"', small), *swatches))
    if not all(map(isfinite, numbers)):
        swatch = cell("grad nan or infinite", f'BGCOLOR="{_NOT_A_NUMBER}" COLSPAN="5"', small)
        rows.append(row(swatch))
    return table(rows, f'{BARE} CELLPADDING="2"') if rows else ""


def line(x: float, scale: float) -> dict[str, str]:
    """Return the attributes in DOT of an arrow that stands for a number.

    The larger the number, the thicker the line; it ends in a bar below zero.

    >>> line(-2.0, 2.0)
    {'color': '#C25A00', 'penwidth': '3.0', 'arrowhead': 'tee'}
    """
    if not isfinite(x):
        return {"style": "dotted"}
    colour, head = (_NEGATIVE_LINE, "tee") if x < 0.0 else (_POSITIVE_LINE, "normal")
    return {"color": colour, "penwidth": f"{_WIDTHS[size_class(x, scale)]}", "arrowhead": head}


def line_legend(scale: float) -> str:
    """Lay out what the lines of weights mean, where `scale` is the largest size of one."""
    small = 11
    texts = (
        (f"weights up to {scale:.4g}: the larger, the thicker", ""),
        ("positive, ending in an arrow", f'COLOR="{_POSITIVE_LINE}"'),
        ("negative, ending in a bar", f'COLOR="{_NEGATIVE_LINE}"'),
    )
    rows = [row(cell(written, 'ALIGN="LEFT"', small, font)) for written, font in texts]
    return table(rows, f'{BARE} CELLPADDING="2"')
