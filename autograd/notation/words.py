"""How operations, operands, numbers and names are written where people read them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from math import isfinite

# How a mathematician writes an operation; one that is not listed goes by its own name.
_SYMBOLS = {
    "-": "−",
    "*": "×",
    "/": "÷",
    "neg": "−",
    "**": "xʸ",
    "sqrt": "√",
    "cbrt": "³√",
    "square": "x²",
    "expm1": "eˣ − 1",
    "log": "ln",
    "log1p": "ln(1 + x)",
    "log2": "log₂",
    "log10": "log₁₀",
    "xlogy": "x ln y",
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "asinh": "arsinh",
    "acosh": "arcosh",
    "atanh": "artanh",
    "abs": "|x|",
    "sigmoid": "σ",
    "log_sigmoid": "ln σ",
    "relu": "ReLU",
    "leaky_relu": "leaky ReLU",
    "elu": "ELU",
    "silu": "SiLU",
    "gelu": "GELU",
    "gelu_tanh": "GELU (tanh)",
    "above": "[x > y]",
    "power_by_base": "y xʸ⁻¹",
    "power_by_exponent": "xʸ ln x",
    "cosine": "x/√(x² + y²)",
    "inversion": "x/(x² + y²)",
    "asin_slope": "arcsin′",
    "sigmoid_slope": "σ′",
    "maximum": "max",
    "minimum": "min",
    "dot": "⟨w, x⟩ + b",
    "fsum": "Σ",
    "logsumexp": "ln Σ exp",
    "log_softmax": "ln softmax",
}

# The roles of operands that cannot be interchanged.
_ROLES = {
    "-": ("+", "−"),
    "/": ("num.", "den."),
    "**": ("base", "power"),
    "xlogy": ("x", "y"),
    "atan2": ("y", "x"),
    "leaky_relu": ("x", "slope"),
    "elu": ("x", "α"),
    **dict.fromkeys(
        ("above", "power_by_base", "power_by_exponent", "cosine", "inversion"), ("x", "y")
    ),
    "clip": ("x", "low", "high"),
    "where": ("then", "else"),
}

_SYMMETRIC = {"+", "*", "maximum", "minimum", "hypot", "fsum", "mean", "logsumexp"}

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def symbol(op: str) -> str:
    """Return the sign or name by which an operation is known.

    >>> symbol("*"), symbol("sigmoid"), symbol("tanh")
    ('×', 'σ', 'tanh')
    """
    return _SYMBOLS.get(op, op)


def roles(op: str, count: int) -> Sequence[str]:
    """Return what each of the `count` operands is to `op`; "" where they are interchangeable.

    >>> roles("/", 2), roles("*", 2)
    (('num.', 'den.'), ('', ''))
    >>> roles("dot", 5)
    ('w₁', 'w₂', 'x₁', 'x₂', 'b')
    """
    if op in _ROLES:
        return _ROLES[op]
    if op == "dot":
        n = range(1, count // 2 + 1)
        return (*[numbered("w", i) for i in n], *[numbered("x", i) for i in n], "b")
    if op in ("softmax", "log_softmax"):  # the share of the first among all
        return ("xᵢ", *[""] * (count - 1))
    if op in _SYMMETRIC or count == 1:
        return ("",) * count
    return tuple([str(i + 1) for i in range(count)])


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


def aligned(rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Lay out rows in columns, the first `left` of them flush left and the others flush right.

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
            cells.append(cell + gap if i < left else gap + cell)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
