"""The factors of sums of products, each of the two halves once.

A neuron reads its weights for each position of a text, and an input is read by all neurons of a
layer. So there are far fewer halves than dots:

    before   dot(w1, w2, x1, x2, b)    dot(v1, v2, x1, x2, c)    dot(w1, w2, y1, y2, b)
    after    (w1, w2) (x1, x2) b       (v1, v2) (x1, x2) c       (w1, w2) (y1, y2) b
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd.compiler.passes.trace import Half, Operand, Trace, of_rows
from autograd.engine import table as p


class Factors:
    """The halves of the dots of a trace, first the one that the lanes share, if only one is.

    Halves that are equal are the same object.

    Args:
        trace: the rows.
        varying_inputs: for each number of the inputs, whether it differs from lane to lane.

    Attributes:
        varying: for each row, whether it differs from lane to lane.

    >>> trace = Trace()
    >>> w, x = trace.inputs(2), trace.inputs(2)
    >>> dots = [trace.add(p.dot, (*x, *w, b)) for b in (0.0, 1.0)]
    >>> factors = Factors(trace, [False, False, True, True])
    >>> factors[dots[0]], factors[dots[1]][0] is factors[dots[0]][0], factors.varying
    (((0, 1), (2, 3)), True, [False, False, True, True, True, True])
    >>> of_constants = trace.add(p.dot, (0.0, 1.0, *x, 0.0))
    >>> Factors(trace, [False, False, True, True])[of_constants]
    ((0.0, 1.0), (2, 3))
    """

    def __init__(self, trace: Trace, varying_inputs: Sequence[bool]) -> None:
        self._trace, self.varying = trace, [False] * len(trace.ops)
        self._halves: dict[Any, Half] = {}
        self._varies: dict[int, bool] = {}  # by identity
        self._of: dict[int, tuple[Half, Half]] = {}
        number = 0
        for row, (op, operands) in enumerate(zip(trace.ops, trace.operands, strict=True)):
            if op is None:
                self.varying[row] = number < len(varying_inputs) and varying_inputs[number]
                number += trace.counts.get(row, 1)
            elif op is p.dot:
                one_varies = any(map(self.varies, self[row]))
                self.varying[row] = one_varies or is_varying(operands[-1:], self.varying)
            else:
                self.varying[row] = is_varying(operands, self.varying)

    def __getitem__(self, row: int) -> tuple[Half, Half]:
        """Return the halves of a dot."""
        found = self._of.get(row)
        if found is None:
            operands = self._trace.operands[row]
            n = len(operands) // 2
            left, right = self._half(operands[:n]), self._half(operands[n:-1])
            is_first = self.varies(right) or not self.varies(left)
            found = self._of[row] = (left, right) if is_first else (right, left)
        return found

    def _half(self, operands: Half) -> Half:
        known: Any = operands
        if float in map(type, operands):  # 3 is not 3.0
            known = tuple([repr(x) if x.__class__ is float else x for x in operands])
        return self._halves.setdefault(known, operands)

    def varies(self, half: Half) -> bool:
        """Tell whether a half differs from lane to lane."""
        found = self._varies.get(id(half))
        if found is None:
            found = self._varies[id(half)] = is_varying(half, self.varying)
        return found


def is_varying(operands: Sequence[Operand | None], varying: Sequence[bool]) -> bool:
    """Tell whether one of the operands differs from lane to lane."""
    return True in of_rows(varying, operands)
