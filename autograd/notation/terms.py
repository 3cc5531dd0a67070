"""Expressions on vectors: symbols, operations, derivatives, and how they are written.

The rules of the table are applied to symbols here. What they give is what a reader wants to see,
not what a processor has to compute: special values at single points, such as the limit of x ln x at
0, are left out, and a derivative that would be long has a name, such as gelu'(z).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import fsum
from typing import Any, TypeAlias

from autograd.engine import Primitive, Value
from autograd.engine import table as p
from autograd.notation import words as notation
from autograd.notation.formulas import ATOM, POWER, PRODUCT, SUM, TEXT

# What people call an activation; it goes by the name of its function.
ACTIVATIONS = {
    *("relu", "leaky_relu", "elu", "silu", "gelu", "gelu_tanh", "tanh", "sigmoid", "log_sigmoid"),
    "softplus",
}
_OF_VECTORS = {"softmax", "log_softmax", "logsumexp"}
_MOST_TERMS = 8  # of a sum
_LONGEST_RULE = 5  # symbols of a derivative that is written out; of one operand's function, 3

Operand: TypeAlias = "Term | float"


class Term:
    """A symbol, or an operation on terms and numbers.

    Args:
        op: the name of the operation, as in the table, or "Σ", the sum of the elements, "softmax"
            and "log_softmax" of a whole vector, "inner", "matrix" or "outer" product; the text of a
            symbol; or "inside", for a term that rules are to take for a symbol.
        operands: none for a symbol.
        size: how many numbers it stands for.
        binds: how tightly a symbol binds, as in `autograd.notation.formulas`.

    Attributes:
        count: how many symbols and numbers are in it.
    """

    __slots__ = ("binds", "count", "op", "operands", "size")

    __rank__ = 6

    def __init__(
        self, op: str, operands: Sequence[Operand] = (), size: int = 1, binds: int = ATOM
    ) -> None:
        self.op, self.operands, self.size, self.binds = op, tuple(operands), size, binds
        counts = [x.count if isinstance(x, Term) else 1 for x in operands]
        self.count: int = 1 if op == "inside" else sum(counts) or 1

    @staticmethod
    def __apply__(op: Primitive, operands: Sequence[Any]) -> Any:
        operands = [x if isinstance(x, Term) else float(x) for x in operands]
        return applied(op.name, operands) if op.formula is None else op.formula(*operands)

    # Rules of a user's own may use any operator; those of Value serve every kind of node. But `==`
    # is identity: a symbol is no number in particular, and special values are left out.
    __add__, __radd__ = Value.__add__, Value.__radd__
    __sub__, __rsub__ = Value.__sub__, Value.__rsub__
    __mul__, __rmul__ = Value.__mul__, Value.__rmul__
    __truediv__, __rtruediv__ = Value.__truediv__, Value.__rtruediv__
    __pow__, __rpow__ = Value.__pow__, Value.__rpow__
    __neg__, __pos__, __abs__ = Value.__neg__, Value.__pos__, Value.__abs__
    __lt__, __le__, __gt__, __ge__ = Value.__lt__, Value.__le__, Value.__gt__, Value.__ge__

    def __str__(self) -> str:
        return written(self)[0]


# --- operations on terms --------------------------------------------------------------------------


def applied(op: str, operands: Sequence[Operand]) -> Operand:
    """Apply an operation of the table, elementwise; give the simplest form.

    >>> x = Term("x")
    >>> print(applied("*", [2.0, applied("neg", [x])]))
    −2 · x
    """
    if not any(isinstance(x, Term) for x in operands):
        row = p.TABLE.get(op)
        if row is not None:
            return float(row.float_forward(*operands))
    simpler = _SIMPLER.get(op)
    found = simpler(*operands) if simpler else None
    if found is not None:
        return found
    return Term(op, operands, max([x.size for x in operands if isinstance(x, Term)], default=1))


def times(a: Operand, b: Operand) -> Operand:
    """Multiply."""
    return applied("*", [a, b])


def total(terms: Sequence[Operand]) -> Operand:
    """Add up; of many terms the middle is left out.

    >>> print(total([Term("a"), applied("neg", [Term("b")]), 0.0]))
    a − b
    >>> print(total([Term(f"x{i}") for i in range(1000)]))
    x0 + x1 + x2 + x3 + [… 994 more …] + x998 + x999
    """
    if len(terms) > _MOST_TERMS:
        constant = fsum([x for x in terms if not isinstance(x, Term)])
        terms = [*[x for x in terms if isinstance(x, Term)], *[constant] * (constant != 0.0)]
    if len(terms) > _MOST_TERMS:
        terms = [*terms[:4], Term(TEXT.gap(len(terms) - 6)), *terms[-2:]]
    result: Operand = 0.0
    for term in terms:
        result = applied("+", [result, term])
    return result


def summed(x: Operand) -> Operand:
    """Add up the elements.

    >>> print(summed(applied("*", [Term("y", size=3), Term("v", size=3)])))
    Σ y ⊙ v
    """
    if not isinstance(x, Term) or x.size == 1:
        return x
    if x.op == "neg":
        return applied("neg", [summed(x.operands[0])])
    return Term("Σ", [x])


def inside(x: Operand) -> Operand:
    """Give a term that rules take for a symbol."""
    return Term("inside", [x], x.size) if isinstance(x, Term) and x.operands else x


def opened(x: Operand) -> Operand:
    """Undo `inside`, all the way down."""
    if not isinstance(x, Term) or not x.operands:
        return x
    if x.op == "inside":
        return x.operands[0]
    operands = [opened(y) for y in x.operands]
    return applied(x.op, operands) if x.op in _SIMPLER else Term(x.op, operands, x.size, x.binds)


def derivative(op: Primitive, out: Operand, operands: Sequence[Operand], i: int) -> Operand:
    """Give ∂out/∂operand i, from the rule of the table.

    >>> z, a = Term("z", size=4), Term("a", size=4)
    >>> print(derivative(p.tanh, a, [z], 0), derivative(p.exp, a, [z], 0), sep="; ")
    tanh'(z); a
    """
    symbols = [inside(x) for x in operands]
    longest = 3 if len(operands) == 1 else _LONGEST_RULE
    slope: Operand | None = None
    if op.name not in ACTIVATIONS:
        wanted = [k == i for k in range(len(operands))]
        try:
            (slope,) = op.local_derivatives(inside(out), symbols, wanted)
        except Exception:  # a user's own rule may be for numbers and nodes only
            slope = None
    if slope is None or (isinstance(slope, Term) and slope.count > longest):
        size = max([x.size for x in symbols if isinstance(x, Term)], default=1)
        name = function_name(op.name)
        name = name if name.isidentifier() else op.name
        return Term(f"{name}'" if len(operands) == 1 else f"∂{i + 1}{name}", operands, size)
    return opened(slope)


def _simpler_sum(a: Operand, b: Operand) -> Operand | None:
    if a == 0.0 and not isinstance(a, Term):
        return b
    if b == 0.0 and not isinstance(b, Term):
        return a
    if isinstance(b, Term) and b.op == "neg":
        return applied("-", [a, b.operands[0]])
    if isinstance(a, Term) and a.op == "neg":
        return applied("-", [b, a.operands[0]])
    for x, y in ((b, a), (a, b)):
        if isinstance(x, Term) and x.op == "*":
            factor, rest = x.operands
            if not isinstance(factor, Term) and factor < 0.0:
                return applied("-", [y, times(-factor, rest)])
    if a == 1.0 and not isinstance(a, Term) and isinstance(b, Term) and b.op == "-":
        x, y = b.operands
        if y == 1.0:
            return x
    # 1 where a > b, 0 where a < b, ½ where they are equal
    if isinstance(a, Term) and a.op == "above" and isinstance(b, Term) and b.op == "-":
        one, other = b.operands
        if one == 1.0 and isinstance(other, Term) and other.op == "above":
            return Term("share", a.operands, a.size)
    return None


def _simpler_difference(a: Operand, b: Operand) -> Operand | None:
    if not isinstance(b, Term):
        return a if b == 0.0 else None
    if a == 0.0 and not isinstance(a, Term):
        return applied("neg", [b])
    return applied("+", [a, b.operands[0]]) if b.op == "neg" else None


def _simpler_product(a: Operand, b: Operand) -> Operand | None:
    if isinstance(a, Term) and not isinstance(b, Term):
        return times(b, a)
    if not isinstance(b, Term):
        return None
    if not isinstance(a, Term):
        if a in (1.0, -1.0):
            return b if a == 1.0 else applied("neg", [b])
        if a == 0.0:
            return 0.0
        if a == 0.5 and b.op == "share":
            return Term("above", b.operands, b.size)
        if b.op == "neg":
            return times(-a, b.operands[0])
        if b.op == "*" and not isinstance(b.operands[0], Term):
            return times(a * b.operands[0], b.operands[1])
        return None
    if a is b:
        return applied("square", [a])
    for x, y in ((a, b), (b, a)):
        if x.op == "neg":
            return applied("neg", [times(x.operands[0], y)])
    if b.op == "*" and not isinstance(b.operands[0], Term):
        return times(b.operands[0], times(a, b.operands[1]))
    if a.op == "*" and not isinstance(a.operands[0], Term):
        return times(a.operands[0], times(a.operands[1], b))
    if b.op == "/" and not isinstance(b.operands[0], Term):
        return applied("/", [times(a, b.operands[0]), b.operands[1]])
    return None


def _simpler_quotient(a: Operand, b: Operand) -> Operand | None:
    if isinstance(a, Term) and a.op == "neg":
        return applied("neg", [applied("/", [a.operands[0], b])])
    return a if b == 1.0 and not isinstance(b, Term) else None


def _simpler_opposite(x: Operand) -> Operand | None:
    if not isinstance(x, Term):
        return -x
    if x.op == "-":
        return applied("-", x.operands[::-1])
    if x.op == "*" and not isinstance(x.operands[0], Term):
        return times(-x.operands[0], x.operands[1])
    return x.operands[0] if x.op == "neg" else None


def _simpler_log1p(x: Operand) -> Operand | None:
    if isinstance(x, Term) and x.op == "-" and x.operands[1] == 1.0:
        return applied("log", [x.operands[0]])
    return None


def _simpler_power(a: Operand, b: Operand) -> Operand | None:
    if isinstance(b, Term):
        return None
    if b == 2.0:
        return applied("square", [a])
    return a if b == 1.0 else 1.0 if b == 0.0 else None


def _simpler_choice(condition: Operand, x: Operand, y: Operand) -> Operand | None:
    """Leave out what a rule says of single points, and that it is nan outside of its domain."""
    if not isinstance(condition, Term):
        return x if condition else y
    if condition.op == "<" and isinstance(x, Term) and (x.op == "inside" or not x.operands):
        return y  # x is the result, nan where y is not the slope
    if condition.op == "==":  # which only rules use
        a, b = condition.operands
        return x if a is b else y
    return None


_SIMPLER: dict[str, Callable[..., Operand | None]] = {
    "+": _simpler_sum,
    "-": _simpler_difference,
    "*": _simpler_product,
    "/": _simpler_quotient,
    "neg": _simpler_opposite,
    "**": _simpler_power,
    "log1p": _simpler_log1p,
    "where": _simpler_choice,
}


# --- writing --------------------------------------------------------------------------------------


def written(x: Operand) -> tuple[str, int]:
    """Write a term, and say how tightly it binds: see `autograd.notation.formulas`."""
    if not isinstance(x, Term):
        shown = notation.number(x).replace("-", "−")
        return shown, 0 if shown[0] == "−" else PRODUCT if "e" in shown else ATOM
    if not x.operands:
        return x.op, x.binds
    if x.op in _WRITERS:
        return _WRITERS[x.op](*x.operands)
    if x.op in TEXT.patterns:
        binds, least, pattern = TEXT.patterns[x.op]
        return pattern % tuple(map(_within, x.operands, least)), binds
    arguments = ", ".join([written(y)[0] for y in x.operands])
    return f"{function_name(x.op)}({arguments})", ATOM


def function_name(op: str) -> str:
    """Return the name by which an operation is called.

    >>> function_name("relu"), function_name("log")
    ('relu', 'ln')
    """
    return op if op in ACTIVATIONS | _OF_VECTORS else notation.symbol(op)


def _within(x: Operand, least: int) -> str:
    text, binds = written(x)
    return text if binds >= least else f"({text})"


def _write_product(a: Operand, b: Operand) -> tuple[str, int]:
    if not isinstance(a, Term) and a < 0.0:
        return f"−{_within(times(-a, b), PRODUCT)}", 0
    vectors = isinstance(a, Term) and isinstance(b, Term) and a.size > 1 and b.size > 1
    sign = "⊙" if vectors else "·"
    if isinstance(b, Term) and b.op == "Σ":
        return f"{_within(a, PRODUCT)} {sign} {written(b)[0]}", SUM
    return f"{_within(a, PRODUCT)} {sign} {_within(b, PRODUCT)}", PRODUCT


def _write_quotient(a: Operand, b: Operand) -> tuple[str, int]:
    if isinstance(a, Term) and a.op == "Σ" and not isinstance(b, Term):
        return f"1/{_within(b, POWER)} {written(a)[0]}", SUM
    above = _within(a, PRODUCT)
    above = f"({above})" if above[0] == "∂" and "/" in above else above
    return f"{above} / {_within(b, POWER)}", PRODUCT


def _write_terms(sign: str) -> Callable[..., tuple[str, int]]:
    def write(a: Operand, b: Operand) -> tuple[str, int]:
        first, binds = written(a)
        in_front = binds >= SUM or (isinstance(a, Term) and a.op in ("neg", "*"))
        first = first if in_front else f"({first})"
        return f"{first} {sign} {_within(b, SUM if sign == '+' else PRODUCT)}", SUM

    return write


def _write_opposite(x: Operand) -> tuple[str, int]:
    text, binds = written(x)
    is_sum = isinstance(x, Term) and x.op == "Σ"
    return f"−{text}" if binds >= PRODUCT or is_sum else f"−({text})", 0


def _write_sum_of_elements(x: Operand) -> tuple[str, int]:
    return f"Σ {_within(x, PRODUCT)}", SUM


def _write_comparison(sign: str) -> Callable[..., tuple[str, int]]:
    return lambda a, b: (f"{_within(a, SUM)} {sign} {_within(b, SUM)}", 0)


def _write_choice(condition: Operand, x: Operand, y: Operand) -> tuple[str, int]:
    return f"where({', '.join([written(z)[0] for z in (condition, x, y)])})", ATOM


def _write_matrix_product(matrix: Operand, vector: Operand) -> tuple[str, int]:
    return f"{written(matrix)[0]} {_within(vector, PRODUCT)}", PRODUCT


def _write_outer_product(a: Operand, b: Operand) -> tuple[str, int]:
    return f"{_within(a, PRODUCT)} {_within(b, ATOM)}ᵀ", PRODUCT


_WRITERS: dict[str, Callable[..., tuple[str, int]]] = {
    "+": _write_terms("+"),
    "-": _write_terms("−"),
    "*": _write_product,
    "/": _write_quotient,
    "neg": _write_opposite,
    "Σ": _write_sum_of_elements,
    "where": _write_choice,
    "inner": lambda w, x: (f"⟨{written(w)[0]}, {written(x)[0]}⟩", ATOM),
    "matrix": _write_matrix_product,
    "outer": _write_outer_product,
    **{sign: _write_comparison(sign) for sign in ("<", ">")},
    "<=": _write_comparison("≤"),
    ">=": _write_comparison("≥"),
    "==": _write_comparison("="),
    "!=": _write_comparison("≠"),
}
