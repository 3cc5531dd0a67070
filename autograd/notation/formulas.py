"""Formulas: what a node or a line of a program computes, and how it is differentiated.

A formula of a derivative is not written down anywhere. It is what the rule of the table gives when
it is applied to formulas in place of numbers, so it cannot differ from what the engine computes.
What it gives is made simpler, to what a reader wants to see and not what a processor computes: the
forms that are accurate in the tails become those of textbooks, and special values at single points,
such as the limit of x ln x at 0, are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import fsum
from typing import Any, TypeAlias

from autograd.engine import TABLE, Operators, Primitive, Value, operands_of, operation_of
from autograd.engine import table as p
from autograd.errors import as_float
from autograd.notation.operations import symbol
from autograd.notation.styles import TEXT
from autograd.notation.words import Cut, numbered

MAX_SYMBOLS = 12  # of a derivative that is written out
_OF_VECTORS = 5  # likewise, of a derivative between vectors; of a function of one operand, 3
_MOST_TERMS = 8  # of a sum of vectors


class Formula(Operators):
    """A symbol, or an operation on formulas and numbers.

    Operations apply to formulas, and give the simplest form. Where the numbers that formulas stand
    for are known, they decide conditions.

    Args:
        op: for an operation its name, as in `autograd.notation.operations`; for a symbol its text,
            or the node or the formula that it stands for.
        operands: none for a symbol.
        size: how many numbers it stands for; by default as many as the largest operand.
        value: the number that it stands for, if that is known.

    Attributes:
        count: how many symbols and numbers are in it.

    >>> x, y = Formula("x", size=3), Formula("y", size=3)
    >>> print(-(x * -2.0) * y + 0.0)
    2 · x ⊙ y
    >>> p.sigmoid(Formula("x", value=3.0)).value == Value(3.0).sigmoid().data
    True
    """

    __slots__ = ("count", "op", "operands", "size", "value")

    __rank__ = 5

    def __init__(
        self,
        op: str | Value | Formula,
        operands: Sequence[Expression] = (),
        size: int | None = None,
        value: float | None = None,
    ) -> None:
        self.op: Any = op
        self.operands = tuple(operands)
        self.size: int = size or max([getattr(x, "size", 1) for x in operands], default=1)
        self.value = value
        self.count: int = sum([getattr(x, "count", 1) for x in operands]) or 1

    @staticmethod
    def __apply__(op: Primitive, operands: Sequence[Any]) -> Any:
        if op is p.top:  # by which softmax shifts its operands, and which cancels
            return 0.0
        if op is p.where:
            return _choice(*operands)
        operands = [x if isinstance(x, Formula) else as_float(x) for x in operands]
        if op.formula is not None:
            return op.formula(*operands)
        values = [getattr(x, "value", x) for x in operands]
        value = None if None in values else op.float_forward(*values)
        if op.partials is None and value is not None:  # a comparison
            return value
        simpler = _SIMPLER.get(op.name)
        found = simpler(*operands) if simpler else None
        return Formula(op.name, operands, value=value) if found is None else found

    def __str__(self) -> str:
        return TEXT.formula(self)


Expression: TypeAlias = "Formula | float"


def is_number(x: Any, number: float) -> bool:
    """Tell a constant from a formula, which compares as its number does."""
    return x.__class__ is float and x == number


def _is(x: Any, op: str) -> bool:
    return isinstance(x, Formula) and x.op == op


def _same(x: Any, y: Any) -> bool:
    """Tell whether two are one: one object, one symbol, or one number."""
    if x is y or (y.__class__ is float and is_number(x, y)):
        return True
    if not (isinstance(x, Formula) and isinstance(y, Formula)) or x.operands or y.operands:
        return False
    return x.op is y.op or (isinstance(x.op, str) and x.op == y.op)


# --- simpler forms --------------------------------------------------------------------------------


def _sum(a: Any, b: Any) -> Any:
    if is_number(a, 0.0):
        return b
    if is_number(b, 0.0):
        return a
    if _is(b, "neg"):
        return a - b.operands[0]
    if _is(a, "neg"):
        return b - a.operands[0]
    if is_number(a, 1.0) and _is(b, "-") and is_number(b.operands[1], 1.0):
        return b.operands[0]
    return None


def _difference(a: Any, b: Any) -> Any:
    if is_number(b, 0.0):
        return a
    if is_number(a, 0.0):
        return -b
    return a + b.operands[0] if _is(b, "neg") else None


def _product(a: Any, b: Any) -> Any:
    if b.__class__ is float:
        return b * a
    if a.__class__ is float:
        if a in (0.0, 1.0):
            return b if a else 0.0
        if a < 0.0:
            return -(-a * b)
        if a == 0.5 and (found := _larger(b)):
            return p.above(*found)
    if _same(a, b):
        return p.square(a)
    if _is(b, "neg"):
        return -(a * b.operands[0])
    if _is(a, "neg"):
        return -(a.operands[0] * b)
    if _is(b, "*") and b.operands[0].__class__ is float:  # numbers first
        return (b.operands[0] * a) * b.operands[1]
    if _is(a, "*") and a.operands[0].__class__ is float:
        return a.operands[0] * (a.operands[1] * b)
    if _is(b, "/") and b.operands[0].__class__ is float:
        return p.div(a * b.operands[0], b.operands[1])
    return None


def _larger(x: Any) -> Any:
    """Find a and b in [a > b] + (1 − [b > a]), which is 1 where they are equal, and 2 or 0."""
    if not (_is(x, "+") and _is(x.operands[0], "above") and _is(x.operands[1], "-")):
        return None
    a, b = x.operands[0].operands
    is_whole = is_number(x.operands[1].operands[0], 1.0) and _is(x.operands[1].operands[1], "above")
    return (a, b) if is_whole and x.value != 1.0 else None


def _quotient(a: Any, b: Any) -> Any:
    if _is(a, "neg"):
        return -p.div(a.operands[0], b)
    if _is(a, "/"):
        return p.div(a.operands[0], a.operands[1] * b)
    if _is(a, "Σ") and b.__class__ is float:
        return Formula("part", [b, a], value=a.value)
    return a if is_number(b, 1.0) else None


def _opposite(x: Any) -> Any:
    if _is(x, "-"):
        return x.operands[1] - x.operands[0]
    return x.operands[0] if _is(x, "neg") else None


def _power(a: Any, b: Any) -> Any:
    if is_number(b, 0.0):
        return 1.0
    return a if is_number(b, 1.0) else p.square(a) if is_number(b, 2.0) else None


def _choice(condition: Any, x: Any, y: Any) -> Any:
    """Leave out what a rule says of single points, and that it is nan outside of its domain."""
    if not isinstance(condition, Formula):
        return x if condition else y
    if condition.op == "<" and isinstance(x, Formula) and not x.operands:
        return y  # x is the result, nan where y is not the slope
    if condition.op == "==":  # which only rules use
        a, b = condition.operands
        return x if a is b else y
    return Formula("where", [condition, x, y])


def _clip(x: Any, low: Any, high: Any) -> Any:
    """Leave out a guard for very large numbers."""
    known = isinstance(x, Formula) and x.value is not None
    return x if known and low < x < high else None


_SIMPLER: dict[str, Callable[..., Any]] = {
    "+": _sum,
    "-": _difference,
    "*": _product,
    "/": _quotient,
    "neg": _opposite,
    "**": _power,
    "where": _choice,
    "clip": _clip,
    "dot": lambda *v: total([*map(p.mul, v[: len(v) // 2], v[len(v) // 2 : -1]), v[-1]]),
    "fsum": lambda x, *others: None if others else x,
    "log1p": lambda x: (
        p.log(x.operands[0]) if _is(x, "-") and is_number(x.operands[1], 1.0) else None
    ),
    "square": lambda x: 1.0 - p.square(p.tanh(x.operands[0])) if _is(x, "sech") else None,
}


# --- nodes ----------------------------------------------------------------------------------------


def definition(node: Value, in_numbers: bool = False) -> Formula:
    """Return how a node is computed, as it was written: its operation on its operands or numbers.

    >>> w, x = Value(2.0, "w"), Value(-3.0, "x")
    >>> node = (w * x).tanh().parents[0]
    >>> print(definition(node), definition(node, in_numbers=True), sep="; ")
    w · x; 2 · (-3)
    """
    op = operation_of(node)
    operands: list[Any] = list(map(_operand, operands_of(node)))
    if in_numbers:
        operands = [getattr(x, "value", x) for x in operands]
    if op is p.where:  # whose condition is not kept
        operands = [Formula("…"), *operands]
    if op is p.dot:
        n = len(operands) // 2
        pairs = zip(operands[:n], operands[n:-1], strict=True)
        terms: list[Any] = [Formula("*", pair) for pair in pairs]
        terms += [operands[-1]] * (not n or not is_number(operands[-1], 0.0))
        return Formula("fsum", terms, value=node.data)
    return Formula(op.name, operands, value=node.data)


def derivative(node: Value, parent: Value) -> Formula | None:
    """Return ∂node/∂parent as a formula, the sum over all operands that are `parent`.

    Returns:
        None if it is a constant, or too long to be read.

    >>> x = Value(3.0, "x")
    >>> print(derivative(x ** 3, x))
    3 · x²
    """
    op = operation_of(node)
    operands = operands_of(node)
    if op is None or op.partials is None:
        return None
    wanted = [x is parent for x in operands]
    if op is p.dot:  # whose rule picks operands: there may be very many
        found = list(map(_operand, op.local_derivatives(node, operands, wanted)))
    elif len(operands) > MAX_SYMBOLS:
        return None
    else:
        found = _slopes(op, Formula(node, value=node.data), list(map(_operand, operands)), wanted)
    result = total(found)
    return result if isinstance(result, Formula) and result.count <= MAX_SYMBOLS else None


def _operand(x: Any) -> Expression:
    """Return an operand as a symbol; a number stands for itself."""
    return x if x.__class__ is float else Formula(x, value=x.data)


def _slopes(
    op: Primitive, out: Expression, operands: Sequence[Expression], wanted: Sequence[bool]
) -> list[Any]:
    """Apply the rules; give nothing if those of a user's own are for numbers and nodes only."""
    try:
        slopes = op.local_derivatives(out, operands, wanted)
    except Exception:
        if op.name in TABLE:
            raise
        return []
    return [_with_result(x, op, operands, out) for x in slopes]


def _with_result(x: Any, op: Primitive, operands: Sequence[Expression], out: Any) -> Any:
    """Write the result where a slope has the operation itself for an operand."""
    if not isinstance(x, Formula) or not x.operands:
        return x
    inner = [
        out if _is(y, op.name) and all(map(_same, y.operands, operands)) else y  # type: ignore[union-attr]
        for y in x.operands
    ]
    return Formula(x.op, inner, x.size, x.value)


# --- vectors --------------------------------------------------------------------------------------


def total(terms: Sequence[Expression]) -> Expression:
    """Add up; of many terms the middle is left out.

    >>> print(total([Formula("a"), -Formula("b"), 0.0]))
    a − b
    >>> print(total([Formula(f"x{i}") for i in range(1000)]))
    x0 + x1 + x2 + x3 + [… 992 more …] + x996 + x997 + x998 + x999
    """
    if len(terms) > _MOST_TERMS:
        constant = fsum([x for x in terms if isinstance(x, float)])
        terms = [*[x for x in terms if isinstance(x, Formula)], *[constant] * (constant != 0.0)]
    result: Expression = 0.0
    for term in Cut(terms, _MOST_TERMS).written(lambda cut: Formula(TEXT.gap(cut))):
        result = result + term
    return result


def summed(x: Expression) -> Expression:
    """Add up the elements.

    >>> print(summed(-Formula("y", size=3) * Formula("v", size=3)))
    −Σ y ⊙ v
    """
    if not isinstance(x, Formula) or x.size == 1:
        return x
    return -summed(x.operands[0]) if x.op == "neg" else Formula("Σ", [x], size=1)


def slope(op: Primitive, out: Expression, operands: Sequence[Expression], i: int) -> Expression:
    """Return ∂out/∂operand i, element by element; one that would be long has a name.

    >>> z, a = Formula("z", size=4), Formula("a", size=4)
    >>> print(slope(p.tanh, a, [z], 0), slope(p.exp, a, [z], 0), sep="; ")
    tanh′(z); a
    """
    if isinstance(out, float):  # a constant, whatever the operands: b · a^(b − 1) with b = 0
        return 0.0
    symbols = list(map(_standing_for, operands))
    longest = _OF_VECTORS if len(operands) > 1 else 3
    wanted = [k == i for k in range(len(operands))]
    named = bool(op.kind)
    found = [] if named else _slopes(op, _standing_for(out), symbols, wanted)
    if found and getattr(found[0], "count", 1) <= longest:
        opened: Expression = _opened(found[0])
        return opened
    name = symbol(op.name)
    name = name if name.isidentifier() else f"({name})"
    return Formula(f"{name}′" if len(operands) == 1 else f"{numbered('∂', i + 1)}{name}", operands)


def _standing_for(x: Expression) -> Expression:
    """Return a symbol, which rules do not look into."""
    return Formula(x, size=x.size) if isinstance(x, Formula) else x


def _opened(x: Any) -> Any:
    """Put in place of symbols the formulas that they stand for."""
    if not isinstance(x, Formula):
        return x
    if not x.operands:
        return x.op if isinstance(x.op, Formula) else x
    operands = list(map(_opened, x.operands))
    return TABLE[x.op](*operands) if x.op in _SIMPLER else Formula(x.op, operands, x.size)
