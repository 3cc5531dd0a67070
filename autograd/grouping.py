"""Re-roll a trace of scalars into steps on vectors.

Rows that apply the same operation at the same depth become one step, and a step's results stand
next to each other, so that what comes later can read them as one slice. For a layer of the lecture:

    before   z1 = dot(w11, w12, x1, x2, b1)    z2 = dot(w21, w22, x1, x2, b2)
    after    z = W x + b, one matrix product
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd import primitives as p
from autograd.primitives import Primitive
from autograd.tracing import Operand, Trace

SHARED, VARYING = "S", "V"  # one number for the whole batch, or one for each lane of it


@dataclass(frozen=True)
class Ref:
    """Where an operand of a step stands: a space, and places in it.

    `places` has one entry per element of the step, or for a sum a row of n entries per element.
    """

    space: str
    places: Any


@dataclass(frozen=True)
class Step:
    """One operation on vectors: `size` results from place `start` of `space` on.

    An operand is a `Ref`, or a float where all elements have the same constant.
    """

    op: Primitive
    space: str
    start: int
    size: int
    operands: tuple[Ref | float, ...]


@dataclass(frozen=True)
class Program:
    """A re-rolled trace: plain data.

    Attributes:
        steps: in an order in which each reads only what is there already.
        sizes: the number of places in each space.
        inputs: for each input of the trace its space and place.
        captured: nodes from outside, whose data fills the places after the inputs'.
        constants: (place, value) pairs of the shared space.
        lifts: (shared place, varying place) pairs, of which the second is a copy of the first.
        outputs: for each output its space and place, or a constant.
    """

    steps: tuple[Step, ...]
    sizes: dict[str, int]
    inputs: tuple[tuple[str, int], ...]
    captured: tuple[tuple[Any, int], ...]
    constants: tuple[tuple[int, float], ...]
    lifts: tuple[tuple[int, int], ...]
    outputs: tuple[tuple[str, int] | float, ...]


def grouped(trace: Trace, outputs: Sequence[Operand], varying_inputs: Sequence[bool]) -> Program:
    """Make the program of a simplified trace.

    Args:
        trace: the rows.
        outputs: rows or constants.
        varying_inputs: for each input, whether it differs from lane to lane.
    """
    n = len(trace.ops)
    varying = list(varying_inputs) + [False] * (n - len(varying_inputs))
    level = [0] * n
    groups: dict[Any, list[int]] = defaultdict(list)
    for row, (op, operands) in enumerate(zip(trace.ops, trace.operands, strict=True)):
        if op is None:
            continue
        rows = [x for x in operands if isinstance(x, int)]
        varying[row] = any(varying[x] for x in rows)
        level[row] = 1 + max(level[x] for x in rows)
        groups[_likeness(op, operands, level[row], varying)].append(row)
    return _Layout(trace, varying).program(
        [groups[key] for key in sorted(groups, key=lambda key: (key[0], groups[key][0]))], outputs
    )


def _likeness(
    op: Primitive, operands: Sequence[Operand], level: int, varying: Sequence[bool]
) -> tuple[Any, ...]:
    """Give what rows of one step have in common; the level first."""
    if op is p.dot:
        left, right = _factors(operands, varying)
        # neurons of one layer read the same inputs: that makes their step a matrix product
        inputs = tuple([x if isinstance(x, int) else repr(x) for x in right])  # 3 is not 3.0
        return level, op, inputs, _is_varying(left, varying), _kind(operands[-1], varying)
    kinds = tuple([_kind(x, varying) for x in operands]) if len(operands) <= 3 else len(operands)
    return level, op, kinds, _is_varying(operands, varying)


def _factors(
    operands: Sequence[Operand], varying: Sequence[bool]
) -> tuple[Sequence[Operand], Sequence[Operand]]:
    """Give the factors of a dot: first those that the lanes share, if only one half is shared."""
    k = len(operands) // 2
    left, right = operands[:k], operands[k:-1]
    if _is_varying(left, varying) and not _is_varying(right, varying):
        return right, left
    return left, right


def _is_varying(operands: Sequence[Operand], varying: Sequence[bool]) -> bool:
    return any(isinstance(x, int) and varying[x] for x in operands)


def _kind(x: Operand, varying: Sequence[bool]) -> str:
    return "constant" if not isinstance(x, int) else VARYING if varying[x] else SHARED


class _Layout:
    """Gives each row a place in its space: inputs first, then step after step."""

    def __init__(self, trace: Trace, varying: Sequence[bool]) -> None:
        self.trace, self.varying = trace, varying
        self.sizes = {SHARED: 0, VARYING: 0}
        self.places = np.zeros(len(trace.ops), dtype=np.intp)
        self.constants: dict[str, tuple[int, float]] = {}
        self.lifts: dict[int, int] = {}

    def take(self, space: str, count: int) -> int:
        """Take the next places of a space."""
        start = self.sizes[space]
        self.sizes[space] += count
        return start

    def space(self, row: int) -> str:
        return VARYING if self.varying[row] else SHARED

    def program(self, groups: Sequence[Sequence[int]], outputs: Sequence[Operand]) -> Program:
        trace = self.trace
        owners = {row: value for value, row in trace.captured.items()}
        inputs, captured = [], []
        for row, op in enumerate(trace.ops):
            if op is None:
                space = self.space(row)
                self.places[row] = place = self.take(space, 1)
                if row in owners:
                    captured.append((owners[row], place))
                else:
                    inputs.append((space, place))
        steps = tuple([self.step(rows) for rows in groups])
        where = [(self.space(x), int(self.places[x])) if isinstance(x, int) else x for x in outputs]
        return Program(
            steps,
            self.sizes,
            tuple(inputs),
            tuple(captured),
            tuple(self.constants.values()),
            tuple(self.lifts.items()),
            tuple(where),
        )

    def step(self, rows: Sequence[int]) -> Step:
        """Lay out one group of rows."""
        op = self.trace.ops[rows[0]]
        assert op is not None
        matrix = [self.trace.operands[row] for row in rows]
        space = self.space(rows[0])
        if op is p.dot:
            left, right = zip(*[_factors(x, self.varying) for x in matrix], strict=True)
            operands: tuple[Ref | float, ...] = (
                self.many(left),
                self.many(right),
                self.one([x[-1] for x in matrix]),
            )
        elif op in (p.fsum, p.top):
            operands = (self.many(matrix),)
        else:
            operands = tuple([self.one(column) for column in zip(*matrix, strict=True)])
        start = self.take(space, len(rows))
        self.places[list(rows)] = np.arange(start, start + len(rows))
        return Step(op, space, start, len(rows), operands)

    def ref_space(self, matrix: Sequence[Sequence[Operand]]) -> str:
        return VARYING if any(_is_varying(row, self.varying) for row in matrix) else SHARED

    def one(self, column: Sequence[Operand]) -> Ref | float:
        """Find one operand of each element."""
        first = column[0]
        if not isinstance(first, int) and all(repr(x) == repr(first) for x in column):
            return float(first)
        space = self.ref_space([column])
        return Ref(space, np.array([self.place(x, space) for x in column], dtype=np.intp))

    def many(self, matrix: Sequence[Sequence[Operand]]) -> Ref:
        """Find n operands of each element."""
        space = self.ref_space(matrix)
        return Ref(
            space, np.array([[self.place(x, space) for x in row] for row in matrix], dtype=np.intp)
        )

    def place(self, x: Operand, space: str) -> int:
        """Give the place of an operand; what is shared gets a varying copy where that is asked."""
        if isinstance(x, int):
            place = int(self.places[x])
            return place if self.space(x) == space else self.lift(place)
        place, _ = self.constants.setdefault(repr(x), (self.sizes[SHARED], x))
        if place == self.sizes[SHARED]:
            self.take(SHARED, 1)
        return place if space == SHARED else self.lift(place)

    def lift(self, place: int) -> int:
        """Give the varying copy of a shared place."""
        if place not in self.lifts:
            self.lifts[place] = self.take(VARYING, 1)
        return self.lifts[place]
