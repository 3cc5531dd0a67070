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

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from itertools import chain, compress
from typing import Any

import numpy as np

from autograd.compiler.passes.axes import common_axes
from autograd.compiler.passes.factors import Factors, is_varying
from autograd.compiler.passes.layout import NEUTRAL, Layout
from autograd.compiler.passes.program import SHARED, VARYING, Program
from autograd.compiler.passes.schedule import scheduled
from autograd.compiler.passes.simplify import shared_first
from autograd.compiler.passes.tables import TAKE
from autograd.compiler.passes.trace import PICK, Half, Operand, Trace, View
from autograd.compiler.passes.triangles import Triangle, with_triangles
from autograd.engine import table as p

_FEW_STEPS = 32  # a program of so few steps has no tapes, so that its code can be read
_MOST_STEPS = 256  # nor has one of up to so many that are large on average
_LARGE = 4.0  # rows; steps of fewer read scattered places, and copy these first
_FEWEST_ROWS = 16  # fewer are as fast on a tape, which copies no operands and reuses places
_FEWEST_ON_MACHINE = 48  # rows, which take NumPy 8 µs each; fewer are not worth loading the machine
_FEWEST_ON_TAPE = 8  # fewer are steps of their own, which may repeat as those of a recurrence do
_FEWEST_REGULAR = 4  # rows that read no scattered places
_MOST_GROUPS = 4096  # with more, code takes too long to write and to compile
_MOST_OPERANDS = 32  # a row of more is worth a step of its own


def grouped(
    trace: Trace,
    outputs: Sequence[Operand],
    varying_inputs: Sequence[bool],
    reuse: bool = False,
    last_inputs: Collection[int] = (),
    is_machine_there: Callable[[], bool] | None = None,
) -> Program:
    """Make the program of a simplified trace.

    Args:
        trace: the rows.
        outputs: rows or constants.
        varying_inputs: for each number of the inputs, whether it differs from lane to lane.
        reuse: whether a place may be given to another row when nobody needs the first any more;
            not if there is a gradient to come, which needs all values.
        last_inputs: the inputs, counted by number, after which there may be a gap; those that
            differ from lane to lane stand one after the other elsewhere.
        is_machine_there: tells whether native code can run tapes; it is asked only if that is of
            use. None where it cannot.
    """
    factors = Factors(trace, varying_inputs)
    parted, outputs = shared_first(trace, outputs, factors)
    if parted is not trace:
        factors = Factors(parted, varying_inputs)
    trace, outputs, triangles = with_triangles(parted, outputs, factors.varying)
    if triangles:
        factors = Factors(trace, varying_inputs)
        for triangle in triangles:  # all its rows stand in one space, also y - 0 of a shared y
            for row in triangle.rows:
                factors.varying[row] = factors.varying[triangle.rows[-1]]
    kinds, numbers = [-1] * len(trace.ops), dict[Any, int]()
    for row in compress(range(len(kinds)), trace.ops):
        kinds[row] = numbers.setdefault(_likeness(trace, row, factors), len(numbers))
    by_last = {triangle.rows[-1]: triangle for triangle in triangles}
    for row in by_last:
        kinds[row] = -2 - row  # like no other
    computed = _computed(trace, triangles)
    groups = scheduled(computed, kinds)
    are_loose, native = _sorted_out(trace, groups, by_last, is_machine_there)
    arranged = list(_arranged(groups, are_loose, factors.varying))
    layout = Layout(trace, factors, outputs, reuse)
    for few, rows in arranged:
        if not few and trace.ops[rows[0]] is p.dot and rows[0] not in by_last:
            for neurons in layout.by_inputs(rows):
                layout.prepare_layer(neurons, last_inputs)
    return layout.program(arranged, outputs, native, by_last)


def _computed(trace: Trace, triangles: Sequence[Triangle]) -> Trace:
    """Leave views and the like out: what reads them reads what they show.

    A factorisation is one row, its last, for all of its own.
    """
    views = trace.views()
    if not views and not triangles:
        return trace
    shown: dict[int, list[int]] = {x: [own.rows[-1]] for own in triangles for x in own.rows}
    for row in views:
        read = [x for x in trace.operands[row] if isinstance(x, int) and trace.ops[x]]
        if read:
            shown[row] = list(chain.from_iterable([shown.get(x, [x]) for x in read]))
    only = Trace()
    only.ops, only.operands = trace.ops.copy(), _each(trace, shown) if shown else trace.operands
    for triangle in triangles:
        for row in triangle.rows[:-1]:
            only.ops[row], only.operands[row] = None, ()
        own = chain.from_iterable([shown.get(x, [x]) for x in triangle.sources])
        only.operands[triangle.rows[-1]] = tuple(own)
    for row in views:
        only.ops[row] = None  # as if it were an input
    return only


def _each(trace: Trace, shown: Mapping[int, Sequence[int]]) -> list[tuple[Any, ...]]:
    """Return what rows read, and halves: what is shown in the place of rows that only show it."""
    halves: dict[int, Half] = {}

    def of(operands: Sequence[Any]) -> tuple[Any, ...]:
        if shown.keys().isdisjoint(operands):
            return tuple(operands)
        own = [shown.get(x, (x,)) for x in operands if x.__class__ is int]
        return tuple(dict.fromkeys(chain.from_iterable(own)))

    def of_row(operands: Sequence[Any]) -> tuple[Any, ...]:
        if tuple not in map(type, operands):
            return of(operands)
        left, right, bias = operands
        halves.update({id(x): of(x) for x in (left, right) if id(x) not in halves})
        return halves[id(left)], halves[id(right)], *of((bias,))

    return list(map(of_row, trace.operands))


def _likeness(trace: Trace, row: int, factors: Factors) -> tuple[Any, ...] | None:
    """Return what rows of one step have in common."""
    op, operands, varying = trace.ops[row], trace.operands[row], factors.varying
    here = varying[row]
    if op is PICK or op.__class__ is View:
        return None
    if op is p.dot:
        left, right = factors[row]
        return op, factors.varies(left), factors.varies(right), _kind(operands[-1], varying)
    if op is TAKE:
        index, *table = operands
        return op, len(table), _kind(index, varying), is_varying(table, varying)
    if op in NEUTRAL:
        return op, here
    if len(operands) > 3:
        return op, len(operands), here
    return op, here, *[varying[x] if x.__class__ is int else None for x in operands]


def _sorted_out(
    trace: Trace,
    groups: Sequence[list[int]],
    whole: Container[int],
    is_machine_there: Callable[[], bool] | None,
) -> tuple[list[bool], bool]:
    """Tell which groups go on tapes, and whether native code is to run these.

    They do in a program in which little repeats, or which is long. If many do, or most of the work
    is in rows that read scattered places, native code runs these, and all others of that kind.
    Rows that are `whole` stand for many.
    """
    lengths, steps = list(map(trace.count, groups)), trace.scale * len(groups)
    little = steps > _FEW_STEPS and sum(lengths) < _LARGE * len(groups)
    long = little or steps > _MOST_STEPS

    def is_loose(rows: list[int], native: bool) -> bool:
        op, few = trace.ops[rows[0]], len(rows) < _FEWEST_ROWS
        if rows[0] in whole or op is TAKE or trace.has_blocks(rows):
            return False
        if trace.terms(rows[0]) > _MOST_OPERANDS:
            return native and len(rows) == 1 and not _is_regular(trace, rows)
        if not few and (op is p.dot or not native):
            return False
        if len(rows) < _FEWEST_REGULAR or (few and steps > _MOST_GROUPS):
            return True
        return not _is_regular(trace, rows)

    by_numpy = [long and is_loose(rows, native=False) for rows in groups]
    if is_machine_there is not None and steps > _FEW_STEPS:
        are_loose = [is_loose(rows, native=True) for rows in groups]
        work = [n * trace.terms(rows[0]) for n, rows in zip(lengths, groups, strict=True)]
        most = 2 * sum(compress(work, are_loose)) > sum(work)
        count = sum(compress(lengths, are_loose if most else by_numpy))
        if count >= _FEWEST_ON_MACHINE and is_machine_there():
            return are_loose, True
    return by_numpy, False


def _arranged(
    groups: Sequence[list[int]], are_loose: Sequence[bool], varying: Sequence[bool]
) -> Iterator[tuple[bool, list[int]]]:
    """Put the shared groups first, and those together that go on a tape; these are marked."""
    loose: list[list[int]] = []

    def together() -> Iterator[tuple[bool, list[int]]]:
        rows = sorted(chain.from_iterable(loose))
        if len(rows) < _FEWEST_ON_TAPE and len(groups) <= _MOST_GROUPS:
            yield from [(False, own) for own in loose]
        elif rows:
            yield True, rows
        loose.clear()

    for lanes in (False, True):
        for rows, is_loose in zip(groups, are_loose, strict=True):
            if varying[rows[0]] is not lanes:
                continue
            if is_loose:
                loose.append(rows)
                continue
            yield from together()
            yield False, rows
        yield from together()


def _is_regular(trace: Trace, rows: Sequence[int]) -> bool:
    """Tell whether rows, and most of what they read, were computed at regular intervals.

    A single row is regular if its operands are.
    """
    own = trace.operands[rows[0]]
    read: Iterable[Sequence[Operand]] = own[:2] if trace.ops[rows[0]] is p.dot else [own]
    if len(rows) > 1:
        read = [rows, *zip(*map(trace.flat, rows), strict=False)]
    columns = [x for x in read if float not in map(type, x)]
    axes = [common_axes([np.array(list(map(trace.address, x)))]) for x in columns]
    pairs = zip(columns, axes, strict=True)
    by_rule = sum([len(x) - 1 - len(y) for x, y in pairs if y])  # numbers that others foretell
    return by_rule >= _FEWEST_REGULAR and 2 * sum(x is not None for x in axes) > len(axes)


def _kind(x: Operand, varying: Sequence[bool]) -> str:
    return "constant" if not isinstance(x, int) else VARYING if varying[x] else SHARED
