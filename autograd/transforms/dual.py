"""Dual numbers: a value with its rate of change, for sweeps that carry tangents forward.

A dual number is a + ȧ ε with ε² = 0. The rules of the table, applied to dual numbers, give local
derivatives together with their own rates of change, which is what a Hessian product needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd.engine import Operators, Primitive, Value
from autograd.engine import table as p
from autograd.errors import as_float


class Dual(Operators):
    """A primal and its tangent: two floats, or a float and an array of n tangents.

    A sweep backward keeps here the adjoint, the gradient with respect to it, and how that changes.

    >>> (Dual(3.0, 1.0) ** 2).tangent
    6.0
    """

    __slots__ = ("adjoint", "adjoint_rate", "primal", "tangent")

    __rank__ = 2

    def __init__(self, primal: float, tangent: Any) -> None:
        self.primal = primal
        self.tangent = tangent
        self.adjoint = 0.0
        self.adjoint_rate: Any = 0.0

    @staticmethod
    def __apply__(op: Primitive, operands: Sequence[Any]) -> Any:
        if op is p.where:
            return operands[1] if operands[0] else operands[2]
        moving = [x.__class__ is Dual for x in operands]
        primals = [
            x.primal if move else _constant(op, x) for x, move in zip(operands, moving, strict=True)
        ]
        out = op.float_forward(*primals)
        if op.partials is None:
            return out
        slopes = iter(op.local_derivatives(out, primals, moving))
        tangent: Any = 0.0
        for x, move in zip(operands, moving, strict=True):
            if move:
                tangent = tangent + next(slopes) * x.tangent
        return Dual(out, tangent)


def _constant(op: Primitive, x: Any) -> float:
    """Return an operand that does not move as a float."""
    if x.__class__ is float:
        return x
    number: float = x.data if isinstance(x, Value) else as_float(x, f"operand of {op.name}")
    return number
