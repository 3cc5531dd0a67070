"""Which rows, and which factors of sums of products, differ from lane to lane.

A neuron reads its weights for each position of a text, and an input is read by all neurons of a
layer. So there are far fewer halves than dots: this is asked of each half once.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, compress

from autograd.compiler.passes.trace import Half, Operand, Trace, of_rows
from autograd.engine import table as p


class Factors:
    """The halves of the dots of a trace, first the one that the lanes share, if only one is.

    Args:
        trace: the rows.
        varying_inputs: for each number of the inputs, whether it differs from lane to lane.

    Attributes:
        varying: for each row, whether it differs from lane to lane.

    >>> trace = Trace()
    >>> w, x = trace.inputs(2), trace.inputs(2)
    >>> row = trace.apply(p.dot, (*x, *w, 0.0))
    >>> factors = Factors(trace, [False, False, True, True])
    >>> factors[row], factors.varying
    (((0, 1), (2, 3)), [False, False, True, True, True])
    """

    def __init__(self, trace: Trace, varying_inputs: Sequence[bool]) -> None:
        self.varying = [False] * len(trace.ops)
        self._varies: dict[int, bool] = {}  # by identity
        self._of: dict[int, tuple[Half, Half]] = {}
        inputs = [row for row, op in enumerate(trace.ops) if op is None]
        numbers = accumulate([trace.counts.get(row, 1) for row in inputs], initial=0)
        for row, number in zip(inputs, numbers, strict=False):
            self.varying[row] = number < len(varying_inputs) and varying_inputs[number]
        for row in compress(range(len(trace.ops)), trace.ops):
            op, operands = trace.ops[row], trace.operands[row]
            if op is p.dot:
                left, right, _ = operands
                first, second = self.varies(left), self.varies(right)
                self._of[row] = (left, right) if second or not first else (right, left)
                self.varying[row] = first or second or is_varying(operands[2:], self.varying)
            else:
                self.varying[row] = is_varying(operands, self.varying)

    def __getitem__(self, row: int) -> tuple[Half, Half]:
        """Return the halves of a dot."""
        return self._of[row]

    def varies(self, half: Half) -> bool:
        """Tell whether a half differs from lane to lane."""
        found = self._varies.get(id(half))
        if found is None:
            found = self._varies[id(half)] = is_varying(half, self.varying)
        return found


def is_varying(operands: Sequence[Operand | None], varying: Sequence[bool]) -> bool:
    """Tell whether one of the operands differs from lane to lane."""
    return True in of_rows(varying, operands)
