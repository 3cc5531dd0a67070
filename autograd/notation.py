"""How operations, operands, numbers and names are written where people read them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import islice

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
    "above": ("x", "y"),
    "clip": ("x", "low", "high"),
    "where": ("then", "else"),
}

_SYMMETRIC = {"+", "*", "maximum", "minimum", "hypot", "fsum", "mean", "logsumexp"}

# How an operation is written with its operands; one that is not listed is written f(x, y).
_APPLIED = {
    "+": "{} + {}",
    "-": "{} − {}",
    "*": "{} × {}",
    "/": "{} ÷ {}",
    "**": "{}^{}",
    "neg": "−{}",
    "square": "{}²",
    "expm1": "e^{} − 1",
    "log1p": "ln(1 + {})",
    "xlogy": "{} ln {}",
}
_LEADING = {"+", "-", "*", "/"}  # no parentheses around a negative number in front
_BRACKETED = {"abs": "|{}|", "above": "[{} > {}]", "where": "where(…, {}, {})"}

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


def applied(op: str, operands: Sequence[str], longest: int = 4) -> str:
    """Write an operation with its operands, of which a long list is cut.

    >>> applied("*", ["w", "-3"]), applied("sigmoid", ["z"]), applied("square", ["-2"])
    ('w × (-3)', 'σ(z)', '(-2)²')
    >>> applied("dot", ["w1", "w2", "x1", "x2", "b"])
    '⟨(w1, w2), (x1, x2)⟩ + b'
    """
    if op == "dot":
        n, bias = len(operands) // 2, operands[-1]
        w, x = [listed(part, longest) for part in (operands[:n], operands[n:-1])]
        return f"⟨({w}), ({x})⟩" + (f" + {_inside(bias)}" if bias != "0" else "")
    if op in _APPLIED:
        first = operands[0] if op in _LEADING else _inside(operands[0])
        return _APPLIED[op].format(first, *map(_inside, operands[1:]))
    if op in _BRACKETED:
        return _BRACKETED[op].format(*operands)
    return f"{symbol(op)}({listed(operands, longest)})"


def _inside(text: str) -> str:
    """Put a negative number into parentheses."""
    return f"({text})" if text.startswith(("-", "−")) else text


def listed(items: Sequence[str], longest: int) -> str:
    """List at most `longest` items, and the last.

    >>> listed(["a", "b", "c", "d", "e"], 3)
    'a, b, …, e'
    """
    if len(items) <= longest:
        return ", ".join(items)
    return ", ".join([*islice(items, longest - 1), "…", items[-1]])


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
