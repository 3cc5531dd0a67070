"""Dual numbers: a value with its rate of change, for sweeps that carry tangents forward.

A dual number is a + ȧ ε with ε² = 0. The rules of the table, applied to dual numbers, give local
derivatives together with their own rates of change, which is what a Hessian product needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd import primitives as p
from autograd.primitives import Primitive


class Dual:
    """A primal and its tangent: two floats, or a float and an array of n tangents.

    >>> (Dual(3.0, 1.0) * Dual(3.0, 1.0)).tangent
    6.0
    """

    __slots__ = ("primal", "tangent")

    _rank = 2

    def __init__(self, primal: float, tangent: Any) -> None:
        self.primal = primal
        self.tangent = tangent

    @staticmethod
    def _apply(op: Primitive, operands: Sequence[Any]) -> Any:
        if op is p.where:
            return operands[1] if operands[0] else operands[2]
        moving = [isinstance(x, Dual) for x in operands]
        primals = [x.primal if move else x for x, move in zip(operands, moving, strict=True)]
        out = op.float_forward(*primals)
        if op.partials is None:
            return out
        slopes = iter(op.local_derivatives(out, primals, moving))
        tangent: Any = 0.0
        for x in operands:
            if isinstance(x, Dual):
                tangent = tangent + next(slopes) * x.tangent
        return Dual(out, tangent)

    def __add__(self, other: Any) -> Any:
        return p.add(self, other)

    def __radd__(self, other: Any) -> Any:
        return p.add(other, self)

    def __sub__(self, other: Any) -> Any:
        return p.sub(self, other)

    def __rsub__(self, other: Any) -> Any:
        return p.sub(other, self)

    def __mul__(self, other: Any) -> Any:
        return p.mul(self, other)

    def __rmul__(self, other: Any) -> Any:
        return p.mul(other, self)

    def __neg__(self) -> Any:
        return p.neg(self)
