"""What an operation is: a row of the table, which stands in `table.py`.

A row is all that the engine knows about an operation. The value takes floats and never raises: as
IEEE-754 does, it gives nan or an infinity. There is one rule per operand, a function of the result
`out` and of the operands that gives the partial derivative:

    exp = _row("exp", ieee.exp, lambda out, x: out)
    mul = _row("*", operator.mul, lambda out, a, b: b, lambda out, a, b: a)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress
from math import inf
from typing import Any

from autograd.engine.dispatch import dispatch

Interval = tuple[float, float]
Rule = Callable[..., Any]
Partials = tuple[Rule, ...] | Rule | None

REAL: Interval = (-inf, inf)
POSITIVE: Interval = (0.0, inf)
UNIT: Interval = (-1.0, 1.0)

RECTIFIER, SIGMOIDAL = "rectifier", "sigmoidal"  # kinds of activations

TABLE: dict[str, Primitive] = {}
OWN: dict[str, Primitive] = {}  # those that users add, with `autograd.primitive`


class Primitive:
    """One row of the table. Calling it applies the operation to floats, Values or arrays.

    Attributes:
        name: the operation's name, which is also `Value.op`.
        forward: the value, as a function of floats.
        partials: a tuple with one rule `(out, *operands)` per operand; or, for an operation on any
            number of operands, one rule that gives a tuple of all partial derivatives; or None for
            an operation without derivatives, such as a comparison.
        float_forward, float_partials: the same for floats alone, quicker: see `speed.py`.
        domain: one open interval per operand, on which the operation is real and, kinks aside,
            differentiable.
        expansion: the value written with other rows, for arrays and for compiled code alike; None
            where NumPy or SciPy has the function, or `forward` serves arrays as it is.
        formula: how people write it, with other rows, where the row is there for accuracy alone.
        numpy: the name of NumPy's function, if it has one.
        kind: of activations, which kind; otherwise empty.
        symbol: how a mathematician writes it, if not by its name.
        doc: what it is, its derivative and an example, for `help`.
    """

    __slots__ = (
        "doc",
        "domain",
        "expansion",
        "float_forward",
        "float_partials",
        "formula",
        "forward",
        "kind",
        "name",
        "numpy",
        "partials",
        "symbol",
    )

    def __init__(
        self,
        name: str,
        forward: Rule,
        partials: Partials,
        domain: tuple[Interval, ...] = (REAL,),
        expansion: Rule | None = None,
        formula: Rule | None = None,
        numpy: str = "",
        kind: str = "",
        symbol: str = "",
        doc: str = "",
    ) -> None:
        count = len(partials) if isinstance(partials, tuple) else 1
        self.name, self.symbol = name, symbol or name
        self.numpy, self.kind, self.doc = numpy, kind, doc
        self.forward = self.float_forward = forward
        self.partials = self.float_partials = partials
        self.domain = domain * (count if len(domain) == 1 else 1)
        self.expansion, self.formula = expansion, formula

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __reduce__(self) -> tuple[Callable[[str], Primitive], tuple[str]]:
        return lookup, (self.name,)

    def __call__(self, *operands: Any) -> Any:
        """Apply the operation: floats give a float, a Value gives a Value, an array an array."""
        for x in operands:
            if x.__class__ is not float:
                return dispatch(self, operands)
        return self.float_forward(*operands)

    def local_derivatives(
        self, out: Any, operands: Sequence[Any], wanted: Sequence[bool]
    ) -> list[Any]:
        """Return ∂out/∂operand for those operands that are `wanted`."""
        rules = self.float_partials if out.__class__ is float else self.partials
        if isinstance(rules, tuple):
            return [rule(out, *operands) for rule in compress(rules, wanted)]
        return [] if rules is None else list(compress(rules(out, *operands), wanted))


def lookup(name: str) -> Primitive:
    """Return the row called `name`.

    Raises:
        LookupError: there is no such row.

    >>> lookup("tanh")
    <primitive tanh>
    """
    row = TABLE.get(name) or OWN.get(name)
    if row is None:
        raise LookupError(
            f"no primitive is called {name!r}; one of your own must be defined before it is used"
        )
    return row
