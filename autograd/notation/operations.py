"""How each operation is written: its pattern in a formula, and what its operands are.

There is one language, that of the lecture, for `explain`, for the listings of compiled functions,
for steps and for pictures: σ, ReLU, tanh, ln, arcsin, and ln softmax; products with · and, element
by element, with ⊙; slopes such as σ′(z) and [z > 0]. Signs of operations are those of mathematics;
a number is written as Python reads it, -0.5.
"""

from __future__ import annotations

from collections.abc import Sequence

from autograd.engine import TABLE
from autograd.notation.words import numbered

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

SHARES = {"softmax", "log_softmax"}  # of several operands they are the share of the first
_SYMMETRIC = {"+", "*", "maximum", "minimum", "hypot", "fsum", "mean", "logsumexp"}

# How tightly a formula binds. An operand that binds less than it has to is put in parentheses, and
# a number with a sign always is.
OPPOSITE, SUM, TOTAL, QUOTIENT, PRODUCT, POWER, ATOM = range(1, 8)

# For each operation how tightly it binds, how tightly its operands must, and the pattern. Besides
# those of the table there are "⊙", a product of vectors; "Σ", the sum of a vector's elements;
# "part", such a sum over a number; "inner", "matrix" and "outer", products; and "∂", a derivative.
Pattern = tuple[int, tuple[int, ...], str]

TEXT_PATTERNS: dict[str, Pattern] = {
    "+": (SUM, (OPPOSITE, SUM), "%s + %s"),
    "-": (SUM, (OPPOSITE, TOTAL), "%s − %s"),
    "neg": (OPPOSITE, (TOTAL,), "−%s"),
    "*": (PRODUCT, (QUOTIENT, TOTAL), "%s · %s"),
    "⊙": (PRODUCT, (QUOTIENT, TOTAL), "%s ⊙ %s"),
    "/": (QUOTIENT, (PRODUCT, POWER), "%s/%s"),
    "part": (TOTAL, (POWER, TOTAL), "1/%s %s"),
    "Σ": (TOTAL, (TOTAL,), "Σ %s"),
    "inner": (ATOM, (0, 0), "⟨%s, %s⟩"),
    "matrix": (PRODUCT, (0, QUOTIENT), "%s %s"),
    "outer": (PRODUCT, (QUOTIENT, ATOM), "%s %sᵀ"),
    "∂": (QUOTIENT, (0, 0), "∂%s/∂%s"),
    "**": (POWER, (ATOM, ATOM), "%s^%s"),
    "square": (POWER, (ATOM,), "%s²"),
    "sqrt": (POWER, (ATOM,), "√%s"),
    "cbrt": (POWER, (ATOM,), "³√%s"),
    "expm1": (SUM, (0,), "exp(%s) − 1"),
    "log1p": (ATOM, (SUM,), "ln(1 + %s)"),
    "xlogy": (PRODUCT, (QUOTIENT, 0), "%s · ln(%s)"),
    "abs": (ATOM, (0,), "|%s|"),
    "above": (ATOM, (0, 0), "[%s > %s]"),
    "<": (0, (0, 0), "%s < %s"),
    "<=": (0, (0, 0), "%s ≤ %s"),
    ">": (0, (0, 0), "%s > %s"),
    ">=": (0, (0, 0), "%s ≥ %s"),
    "==": (0, (0, 0), "%s = %s"),
    "!=": (0, (0, 0), "%s ≠ %s"),
}

LATEX_PATTERNS: dict[str, Pattern] = {
    **TEXT_PATTERNS,
    "-": (SUM, (OPPOSITE, TOTAL), "%s - %s"),
    "neg": (OPPOSITE, (TOTAL,), "-%s"),
    "*": (PRODUCT, (QUOTIENT, TOTAL), r"%s \cdot %s"),
    "/": (PRODUCT, (0, 0), r"\frac{%s}{%s}"),
    "∂": (PRODUCT, (0, 0), r"\frac{\partial %s}{\partial %s}"),
    "**": (POWER, (ATOM, 0), "{%s}^{%s}"),
    "square": (POWER, (ATOM,), "{%s}^{2}"),
    "sqrt": (ATOM, (0,), r"\sqrt{%s}"),
    "cbrt": (ATOM, (0,), r"\sqrt[3]{%s}"),
    "exp": (POWER, (0,), "e^{%s}"),
    "expm1": (SUM, (0,), "e^{%s} - 1"),
    "log1p": (ATOM, (SUM,), r"\ln(1 + %s)"),
    "xlogy": (PRODUCT, (QUOTIENT, 0), r"%s \cdot \ln(%s)"),
    "log2": (ATOM, (0,), r"\log_{2}(%s)"),
    "log10": (ATOM, (0,), r"\log_{10}(%s)"),
    "sigmoid": (ATOM, (0,), r"\sigma(%s)"),
    "log_sigmoid": (TOTAL, (0,), r"\ln \sigma(%s)"),
}
LATEX_FUNCTIONS = {"exp", "ln", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh"}
LATEX_FUNCTIONS |= {"tanh", "max", "min"}


def symbol(op: str) -> str:
    """Return the sign or name by which an operation is known.

    >>> symbol("*"), symbol("sigmoid"), symbol("tanh")
    ('×', 'σ', 'tanh')
    """
    row = TABLE.get(op)
    return row.symbol if row is not None else op


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
    if op in SHARES:
        return ("xᵢ", *[""] * (count - 1))
    if op in _SYMMETRIC or count == 1:
        return ("",) * count
    return tuple([str(i + 1) for i in range(count)])
