"""Re-roll a trace of scalars into steps on vectors.

Rows that apply the same operation, and do not depend on each other, become one step. Its results
stand next to each other, so that what comes later can read them as one array. For a layer of the
lecture:

    before   z1 = dot(w11, w12, x1, x2, b1)    z2 = dot(w21, w22, x1, x2, b2)
    after    z = W x + b, one matrix product

Where a long program has no such repetition, as in a chain of neurons with one input each, rows go
on a tape, which computes them one after the other:

    before   z1 = w1 * x    a1 = relu(z1)    z2 = w2 * a1    a2 = relu(z2)    ...
    after    the same rows, each with a place for its result
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeGuard

import numpy as np

from autograd.compiler.passes.axes import common_axes, joint_axes, product_axes
from autograd.compiler.passes.schedule import scheduled
from autograd.compiler.passes.simplify import EXCESS
from autograd.compiler.passes.tables import TAKE
from autograd.compiler.passes.trace import Operand, Trace
from autograd.engine import Primitive
from autograd.engine import table as p

SHARED, VARYING = "S", "V"  # one number for the whole batch, or one for each lane of it

_FEW_STEPS = 32  # a program of so few steps has no tapes, so that its code can be read
_MOST_STEPS = 256  # nor has one of up to so many that are large on average
_LARGE = 4.0  # rows; steps of fewer read scattered places, and copy these first
_FEWEST_ROWS = 16  # fewer are as fast on a tape, which copies no operands and reuses places
_FEWEST_REGULAR = 4  # rows that read no scattered places
_MOST_GROUPS = 4096  # with more, code takes too long to write and to compile
_MOST_OPERANDS = 32  # a row of more is worth a step of its own
_FEWEST_PRODUCTS = 256  # of numbers, that are worth a matrix product of their own
# What sums of different length are filled up with; with None, it is their first term.
_NEUTRAL: dict[Primitive | None, float | None] = {p.fsum: -0.0, p.top: None, EXCESS: 0.0}
_NOWHERE = -1  # the place of a row that has none yet


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

    An operand is a `Ref`, or a float where all elements have the same constant. Sums have one `Ref`
    for all terms.
    """

    op: Primitive
    space: str
    start: int
    size: int
    operands: tuple[Ref | float, ...]

    def operations(self) -> set[Primitive]:
        """Give the different operations."""
        return {self.op}

    @cached_property
    def axes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The axes of its results, and those of the terms of each: see `axes.py`."""
        places = [ref.places for ref in self.operands if isinstance(ref, Ref)]
        sums = [x for x in places if x.ndim == 2]
        if self.op is TAKE:  # what is read is found by the code
            return (self.size,), ()
        if not sums:
            moving = [x for x in places if (x != x[0]).any()]
            return joint_axes(moving) or (self.size,), ()
        several = [x for x in sums if (x != x[0]).any()]
        rows = product_axes(several)
        terms = common_axes([x.T if (x != x[0]).any() else x[:1].T for x in sums])
        return rows or (self.size,), terms or (sums[0].shape[1],)


@dataclass(frozen=True)
class Tape:
    """Rows of one space that are computed one after the other.

    Attributes:
        space: where all operands and results stand.
        ops: the operation of each row.
        places: where its result goes; with no gradient to come, rows may have a place in turn.
        operands: places, and constants.
    """

    space: str
    ops: tuple[Primitive, ...]
    places: tuple[int, ...]
    operands: tuple[tuple[Operand, ...], ...]

    def operations(self) -> set[Primitive]:
        """Give the different operations."""
        return set(self.ops)


@dataclass(frozen=True)
class Program:
    """A re-rolled trace: plain data.

    Attributes:
        steps: in an order in which each reads only what is there already, the shared ones first.
        sizes: the number of places in each space.
        inputs: for each input of the trace its space and place.
        captured: nodes from outside, each with the place of its number among what the lanes share.
        constants: (space, place, value); no step writes there.
        lifts: (shared place, varying place) pairs, of which the second is a copy of the first.
        outputs: for each output its space and place, or a constant.

    Raises:
        ValueError: something is read that nothing has written.
    """

    steps: tuple[Step | Tape, ...]
    sizes: dict[str, int]
    inputs: tuple[tuple[str, int], ...]
    captured: tuple[tuple[Any, int], ...]
    constants: tuple[tuple[str, int, float], ...]
    lifts: tuple[tuple[int, int], ...]
    outputs: tuple[tuple[str, int] | float, ...]

    def __post_init__(self) -> None:
        ready = {space: np.zeros(size, dtype=bool) for space, size in self.sizes.items()}
        for space, place in self.inputs:
            ready[space][place] = True
        for _, place in self.captured:
            ready[SHARED][place] = True
        for space, place, _ in self.constants:
            ready[space][place] = True
        for step in self.steps:
            if step.space == SHARED:
                _check(step, ready)
        for shared, copy in self.lifts:
            _require(ready, SHARED, [shared], "a copy into the lanes")
            ready[VARYING][copy] = True
        for step in self.steps:
            if step.space == VARYING:
                _check(step, ready)
        for out in self.outputs:
            if not isinstance(out, float):
                _require(ready, out[0], [out[1]], "an output")


def _check(step: Step | Tape, ready: dict[str, Any]) -> None:
    """Raise unless a step reads only what is ready; then its results are."""
    if isinstance(step, Tape):
        here = ready[step.space].data
        for op, place, operands in zip(step.ops, step.places, step.operands, strict=True):
            for x in operands:
                if x.__class__ is int and not here[x]:
                    _require(ready, step.space, [x], op.name)
            here[place] = True
        return
    for ref in step.operands:
        if isinstance(ref, Ref):
            if len(ref.places) != step.size:
                raise ValueError(f"{step.op.name} has {step.size} rows, not {len(ref.places)}")
            _require(ready, ref.space, ref.places, step.op.name)
    if step.start + step.size > len(ready[step.space]):
        raise ValueError(f"{step.op.name} has results beyond the end of its space")
    ready[step.space][step.start : step.start + step.size] = True


def _require(ready: dict[str, Any], space: str, places: Any, what: str) -> None:
    if not ready[space][places].all():
        raise ValueError(f"{what} reads a place of {space} that nothing has written")


def grouped(
    trace: Trace,
    outputs: Sequence[Operand],
    varying_inputs: Sequence[bool],
    reuse: bool = False,
    last_inputs: Collection[int] = (),
) -> Program:
    """Make the program of a simplified trace.

    Args:
        trace: the rows.
        outputs: rows or constants.
        varying_inputs: for each input, whether it differs from lane to lane.
        reuse: whether a place may be given to another row when nobody needs the first any more;
            not if there is a gradient to come, which needs all values.
        last_inputs: the inputs after which there may be a gap; those that differ from lane to lane
            stand one after the other elsewhere.
    """
    n = len(trace.ops)
    varying = list(varying_inputs) + [False] * (n - len(varying_inputs))
    kinds: list[Any] = [None] * n
    for row, (op, operands) in enumerate(zip(trace.ops, trace.operands, strict=True)):
        if op is not None:
            varying[row] = True in [varying[x] for x in operands if x.__class__ is int]
            kinds[row] = _likeness(op, operands, varying, varying[row])
    arranged = list(_arranged(trace, scheduled(trace, kinds), varying))
    layout = _Layout(trace, varying, outputs, reuse)
    for few, rows in arranged:
        if not few and trace.ops[rows[0]] is p.dot:
            for neurons in layout.by_inputs(rows):
                layout.prepare_layer(neurons, last_inputs)
    return layout.program(arranged, outputs)


def _likeness(
    op: Primitive, operands: Sequence[Operand], varying: Sequence[bool], here: bool
) -> tuple[Any, ...]:
    """Give what rows of one step have in common."""
    if op is p.dot:
        sides = [_is_varying(x, varying) for x in _factors(operands, varying)]
        return op, len(operands), *sides, _kind(operands[-1], varying)
    if op is TAKE:
        index, *table = operands
        return op, len(table), _kind(index, varying), _is_varying(table, varying)
    if op in _NEUTRAL:
        return op, here
    if len(operands) > 3:
        return op, len(operands), here
    return op, here, *[_kind(x, varying) for x in operands]


def _arranged(
    trace: Trace, groups: Sequence[list[int]], varying: Sequence[bool]
) -> Iterator[tuple[bool, list[int]]]:
    """Put the shared groups first.

    Of a program in which little repeats, or which is long, small groups are put together. These are
    marked: they are for tapes.
    """
    rows_in_all = sum([len(rows) for rows in groups])
    little = len(groups) > _FEW_STEPS and rows_in_all < _LARGE * len(groups)
    long = little or len(groups) > _MOST_STEPS

    def small(rows: list[int]) -> bool:
        few = long and len(rows) < _FEWEST_ROWS and trace.ops[rows[0]] is not TAKE
        if not few or len(trace.operands[rows[0]]) > _MOST_OPERANDS:
            return False
        if len(rows) < _FEWEST_REGULAR or len(groups) > _MOST_GROUPS:
            return True
        return not _is_regular(trace, rows)

    loose: list[int] = []
    for lanes in (False, True):
        for rows in groups:
            if varying[rows[0]] is not lanes:
                continue
            if small(rows):
                loose += rows
                continue
            if loose:
                yield True, sorted(loose)
                loose = []
            yield False, rows
        if loose:
            yield True, sorted(loose)
            loose = []


def _is_regular(trace: Trace, rows: Sequence[int]) -> bool:
    """Tell whether rows, and most of what they read, were computed at regular intervals."""
    operands = zip(*[trace.operands[row] for row in rows], strict=False)
    columns = [rows, *[x for x in operands if float not in map(type, x)]]
    axes = [common_axes([np.array(x)]) for x in columns]
    by_rule = sum([len(rows) - 1 - len(x) for x in axes if x])  # numbers that others foretell
    return by_rule >= _FEWEST_REGULAR and 2 * sum(x is not None for x in axes) > len(axes)


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
    """Gives each row a place in its space: inputs first, then step after step.

    For a layer W x + b of parameters W and b, a neuron's bias stands after its weights, and a 1
    after the inputs. So the bias is a weight like the others, and the layer one matrix product.
    """

    def __init__(
        self, trace: Trace, varying: Sequence[bool], outputs: Sequence[Operand], reuse: bool
    ) -> None:
        self.trace, self.varying = trace, varying
        self.sizes = {SHARED: 0, VARYING: 0}
        self.places = [_NOWHERE] * len(trace.ops)
        self.constants: dict[tuple[str, str], tuple[str, int, float]] = {}
        self.ones: list[tuple[str, int, float]] = []
        self.layers: dict[int, tuple[int, ...]] = {}
        self.before_one: set[int] = set()
        self.lifts: dict[int, int] = {}
        self.reuse = reuse
        self.free: dict[str, list[int]] = {SHARED: [], VARYING: []}
        self.uses = _uses(trace, outputs) if reuse else []
        self.on_tape = bytearray(len(trace.ops))

    def take(self, space: str, count: int) -> int:
        """Take the next places of a space."""
        start = self.sizes[space]
        self.sizes[space] += count
        return start

    def space(self, row: int) -> str:
        return VARYING if self.varying[row] else SHARED

    def prepare_layer(self, rows: Sequence[int], last_inputs: Collection[int]) -> None:
        """Note that a step is a layer, if it is one."""
        operands = [self.trace.operands[row] for row in rows]
        (_, inputs), *_ = factors = [_factors(x, self.varying) for x in operands]
        neurons = [(*own, x[-1]) for (own, _), x in zip(factors, operands, strict=True)]
        parameters = [x for neuron in neurons for x in neuron if self.is_parameter(x)]
        if len(parameters) < len(neurons) * len(neurons[0]):
            return
        last = inputs[-1]
        if not isinstance(last, int) or not self.varying[last]:
            return
        # copying inputs into the lanes, to add the 1, is not worth it where there are many
        if self.trace.ops[last] is None and (last not in last_inputs or len(inputs) > len(rows)):
            return
        block = tuple(dict.fromkeys(parameters))
        if len(block) == len(parameters) and not any(x in self.layers for x in block):
            self.layers |= dict.fromkeys(block, block)
        if self.layers.get(parameters[0]) == block:
            self.before_one.add(last)

    def is_parameter(self, x: Operand) -> TypeGuard[int]:
        """Tell whether an operand is an input that the lanes share."""
        return isinstance(x, int) and not self.varying[x] and self.trace.ops[x] is None

    def input(self, row: int) -> None:
        """Give an input its place, and the other parameters of its layer theirs."""
        for x in self.layers.get(row, (row,)):
            self.places[x] = self.take(self.space(x), 1)
        self.one_after(row)

    def one_after(self, row: int) -> None:
        """Put a 1 after the place of a row, where a layer needs it."""
        if row in self.before_one:
            self.ones.append((VARYING, self.take(VARYING, 1), 1.0))

    def program(
        self, groups: Iterable[tuple[bool, list[int]]], outputs: Sequence[Operand]
    ) -> Program:
        trace = self.trace
        owners = {row: value for value, row in trace.captured.items()}
        inputs, captured = [], []
        for row, op in enumerate(trace.ops):
            if op is None and self.places[row] == _NOWHERE:  # not with a layer before
                self.input(row)
        for row, op in enumerate(trace.ops):
            if op is None and row in owners:
                captured.append((owners[row], self.places[row]))
            elif op is None:
                inputs.append((self.space(row), self.places[row]))
        steps: list[Step | Tape] = []
        for few, rows in groups:
            steps += [self.tape(rows)] if few else [self.step(x) for x in self.parted(rows)]
        where = [(self.space(x), self.places[x]) if isinstance(x, int) else x for x in outputs]
        return Program(
            tuple(steps),
            self.sizes,
            tuple(inputs),
            tuple(captured),
            (*self.constants.values(), *self.ones),
            tuple(self.lifts.items()),
            tuple(where),
        )

    def tape(self, rows: Sequence[int]) -> Tape:
        """Lay out rows that are computed one after the other."""
        space = self.space(rows[0])
        places, all_operands = self.places, []
        free = self.free[space]
        for row in rows:
            operands = self.trace.operands[row]
            all_operands.append(
                tuple([self.place(x, space) if x.__class__ is int else x for x in operands])
            )
            # not the place of an operand, which may still be read when the result is half done
            places[row] = free.pop() if free else self.take(space, 1)
            self.on_tape[row] = True
            self.release(operands)
        ops = tuple([self.trace.ops[row] for row in rows])
        return Tape(space, ops, tuple([places[row] for row in rows]), tuple(all_operands))  # type: ignore[arg-type]

    def release(self, operands: Sequence[Operand]) -> None:
        """Note that operands have been read; what is not needed again leaves its place."""
        if not self.reuse:
            return
        for x in operands:
            if x.__class__ is int:
                self.uses[x] -= 1
                if not self.uses[x] and self.on_tape[x]:
                    self.free[self.space(x)].append(self.places[x])

    def parted(self, rows: list[int]) -> Iterable[list[int]]:
        """Part a group of products that has no axes, if there are matrix products among them.

        Sums of different length are parted where filling them up would more than double the work.
        """
        op = self.trace.ops[rows[0]]
        if op in _NEUTRAL:
            by_length: dict[int, list[int]] = defaultdict(list)
            for row in rows:
                by_length[len(self.trace.operands[row])].append(row)
            terms = sum([n * len(part) for n, part in by_length.items()])
            return [rows] if max(by_length) * len(rows) <= 2 * terms else by_length.values()
        if op is not p.dot:
            return [rows]
        parts = self.by_inputs(rows)
        work = len(rows) * (len(self.trace.operands[rows[0]]) // 2)
        if len(parts) == 1 or work < _FEWEST_PRODUCTS * len(parts):
            return [rows]
        factors = [_factors(self.trace.operands[row], self.varying) for row in rows]
        places = [self.many(side).places for side in zip(*factors, strict=True)]
        return [rows] if product_axes(places) else parts

    def by_inputs(self, rows: Sequence[int]) -> list[list[int]]:
        """Put those rows of products together that read the same inputs, as neurons of a layer."""
        parts: dict[Any, list[int]] = defaultdict(list)
        for row in rows:
            _, inputs = _factors(self.trace.operands[row], self.varying)
            parts[tuple([x if isinstance(x, int) else repr(x) for x in inputs])].append(
                row
            )  # 3 is not 3.0
        return list(parts.values())

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
        elif op in _NEUTRAL:
            operands = self.terms(op, matrix)
        elif op is TAKE:
            operands = self.one([x[0] for x in matrix]), self.many([x[1:] for x in matrix])
        else:
            operands = tuple([self.one(column) for column in zip(*matrix, strict=True)])
        start = self.take(space, len(rows))
        for i, row in enumerate(rows):
            self.places[row] = start + i
            self.release(self.trace.operands[row])
        self.one_after(rows[-1])
        return Step(op, space, start, len(rows), operands)

    def terms(self, op: Primitive, matrix: list[tuple[Operand, ...]]) -> tuple[Ref | float, ...]:
        """Find the terms of sums; the 0 that `sum` in Python begins with stands apart."""
        begins: tuple[float, ...] = ()
        for i, x in enumerate(matrix[0]):
            is_begin = (
                op is p.fsum
                and x == 0.0
                and all(repr(row[i : i + 1]) == "(0.0,)" for row in matrix)
            )
            if is_begin and min(map(len, matrix)) > 1:
                matrix, begins = [(*row[:i], *row[i + 1 :]) for row in matrix], (0.0,)
                break
        longest = max(map(len, matrix))
        neutral = _NEUTRAL[op]
        filled = [
            (*row, *[row[0] if neutral is None else neutral] * (longest - len(row)))
            for row in matrix
        ]
        return self.many(filled), *begins

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
            place = self.places[x]
            return place if self.space(x) == space else self.lift(place)
        key = space, repr(x)
        if key not in self.constants:
            self.constants[key] = space, self.take(space, 1), x
        return self.constants[key][1]

    def lift(self, place: int) -> int:
        """Give the varying copy of a shared place."""
        if place not in self.lifts:
            self.lifts[place] = self.take(VARYING, 1)
        return self.lifts[place]


def _uses(trace: Trace, outputs: Sequence[Operand]) -> list[int]:
    """Count how often each row is read; an output is never done with."""
    uses = [0] * len(trace.ops)
    for operands in (*trace.operands, outputs):
        for x in operands:
            if x.__class__ is int:
                uses[x] += 1
    return uses
