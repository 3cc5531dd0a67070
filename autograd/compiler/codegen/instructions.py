"""Tapes as plain data: arrays of instructions, for a machine that follows one after the other.

Such a machine needs no code of its own for a program, only a branch for each kind of instruction.
It works on a memory in which the places of the tape's space come first, then two for its own use,
then the constants that the rows read. For a chain of the lecture's neurons with one input each:

    before   z1 = mul(w1, x)    a1 = relu(z1)    z2 = mul(w2, a1)    a2 = relu(z2)
    kinds    mul, relu
    after    (0, z1, w1, x, -)    (1, a1, z1, -, -)    (0, z2, w2, a1, -)    ...

where each name means a place, and - is a place that is not looked at. Rows of many operands, such
as sums, become several instructions on two. Nothing here depends on how the machine is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from math import inf
from typing import Any

import numpy as np

from autograd.compiler.passes import Operand, Program, Tape, differentiable
from autograd.engine import Primitive
from autograd.engine import table as p

MOST_OPERANDS = 3  # of an instruction
MANY = frozenset([p.dot, p.fsum, p.top, p.total, p.excess])  # of any number of operands

# An operation, and either None for its value, or whether each operand's gradient is wanted. The
# sum of one number is that number, and a dot is w · x + b of single ones.
Kind = tuple[Primitive, tuple[bool, ...] | None]


def arity(op: Primitive) -> int:
    """Return how many operands an operation has in an instruction."""
    if op in (p.where, p.dot):
        return MOST_OPERANDS
    return len(op.partials) if isinstance(op.partials, tuple) else 1 + (op in p.COMPARISONS)


@dataclass(frozen=True)
class Instructions:
    """What a machine does for a tape, forward or backward, in order.

    Attributes:
        kinds: the different kinds of instructions.
        rows: an array of int32, a row per instruction: its kind, the place of a result, and those
            of its operands. To follow (k, result, a, b, c) with `kinds[k] == (op, None)` is

                memory[result] = op(memory[a], memory[b], memory[c])

            and where it is (op, wanted), for each operand that is wanted, with the partial
            derivative with respect to it,

                gradients[a] += gradients[result] * slope(memory[result], memory[a], ...)

            but for `where`, whose branches get the gradient if they were taken, and 0 otherwise.
        fresh: the places whose gradient must be -0.0 before, since it is added to for the first
            time. There, -0.0 + x is x, whatever the sign of a zero.
    """

    kinds: tuple[Kind, ...]
    rows: Any
    fresh: Any


class Numbers:
    """Where operands stand in the memory.

    Args:
        tapes: all tapes of a space.
        size: the number of places of it.

    Attributes:
        values: what stands behind the places: two numbers that may be overwritten, and constants.

    >>> numbers = Numbers([Tape("V", (p.mul,), (1,), ((0, 2.5),))], 2)
    >>> numbers.values[-1], numbers.place(0), numbers.place(2.5)
    (2.5, 0, 7)
    """

    def __init__(self, tapes: Iterable[Tape], size: int) -> None:
        constants = {repr(x): x for x in (1.0, inf, p.LEAST)}  # by name, for 0.0 is not -0.0
        for tape in tapes:
            for operands in tape.operands:
                constants |= {repr(x): x for x in operands if x.__class__ is float}
        self.values = (0.0, 0.0, *constants.values())
        self.scratch = size, size + 1
        self._places = {name: size + 2 + i for i, name in enumerate(constants)}

    def place(self, x: Operand) -> int:
        """Return the place of an operand."""
        return x if isinstance(x, int) else self._places[repr(x)]


def numbers_of(program: Program) -> dict[str, Numbers]:
    """Return for each space where the operands on its tapes stand."""
    return {
        space: Numbers([tape for tape in program.tapes if tape.space == space], size)
        for space, size in program.sizes.items()
    }


def value_instructions(tape: Tape, numbers: Numbers) -> Instructions:
    """Return what computes the rows.

    Raises:
        ValueError: an operation has more operands than an instruction.

    >>> tape = Tape("V", (p.exp, p.dot), (2, 3), ((0,), (1, 2, 0.5)))
    >>> instructions = value_instructions(tape, Numbers([tape], 4))
    >>> [op.name for op, _ in instructions.kinds], instructions.rows.tolist()
    (['exp', 'dot'], [[0, 2, 0, 0, 0], [1, 3, 1, 2, 9]])
    """
    writer = _Writer(numbers)
    for op, place, operands in zip(tape.ops, tape.places, tape.operands, strict=True):
        if op in MANY:
            writer.many(op, place, operands)
        else:
            writer.write(op, None, place, operands)
    return writer.instructions()


def gradient_instructions(
    tape: Tape, flow: Iterable[tuple[int, Sequence[bool], Sequence[bool]]], numbers: Numbers
) -> Instructions:
    """Return what gives the gradients of the rows on.

    Args:
        tape: the rows.
        flow: what `gradient_flow` gives.
        numbers: where operands stand.

    Raises:
        ValueError: an operation has more operands than an instruction.

    >>> tape = Tape("V", (p.mul, p.exp), (2, 3), ((0, 1), (2,)))
    >>> written = np.array([False, False, False, True])
    >>> flow = gradient_flow(tape, written, np.array([False, True, True, True]))
    >>> instructions = gradient_instructions(tape, flow, Numbers([tape], 4))
    >>> [(op.name, wanted) for op, wanted in instructions.kinds], instructions.rows.tolist()
    ([('exp', (True,)), ('*', (False, True))], [[0, 3, 2, 2, 2], [1, 2, 0, 1, 0]])
    >>> instructions.fresh.tolist()
    [2, 1]
    """
    writer = _Writer(numbers)
    for i, wanted, fresh in flow:
        op, place, operands = tape.ops[i], tape.places[i], tape.operands[i]
        writer.fresh += compress(operands, fresh)
        if op not in MANY:
            writer.write(op, tuple(wanted), place, operands)
            continue
        terms = list(compress(operands, wanted))
        if op is p.dot:
            n = len(operands) // 2
            for k in range(n):
                if wanted[k] or wanted[k + n]:
                    pair = operands[k], operands[k + n]
                    writer.write(p.mul, (wanted[k], wanted[k + n]), place, pair)
            terms = [operands[-1]] if wanted[-1] else []
        for k in range(0, len(terms), 2):  # as to the operands of a sum of two
            one, *two = terms[k : k + 2]
            writer.write(p.add, (True, bool(two)), place, (one, *(two or [one])))
    return writer.instructions()


def gradient_flow(
    tape: Tape, written: Any, active: Any
) -> Iterator[tuple[int, list[bool], list[bool]]]:
    """Go from the last row to the first; give those whose gradient goes on to an operand.

    With the number of the row come two flags per operand: whether its gradient is wanted, and
    whether it is written for the first time, or else added to.

    Args:
        tape: the rows.
        written: for each place, whether its gradient has been written to; this is kept up.
        active: for each place, whether its gradient is wanted.
    """
    written, active = written.data, active.data
    for i in range(len(tape.ops) - 1, -1, -1):
        if not written[tape.places[i]]:
            continue
        operands = tape.operands[i]
        flows = differentiable(tape.ops[i], operands)
        skipped = len(operands) - len(flows)
        wanted, fresh = [False] * skipped, [False] * skipped
        for x in flows:
            here = x.__class__ is int and active[x]
            wanted.append(here)
            fresh.append(here and not written[x])
            if fresh[-1]:
                written[x] = True
        if True in wanted:
            yield i, wanted, fresh


class _Writer:
    """Writes instructions."""

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers
        self.kinds: dict[Kind, int] = {}
        self.flat: list[int] = []
        self.fresh: list[Any] = []

    def instructions(self) -> Instructions:
        """Return what has been written."""
        rows = np.array(self.flat, np.int32).reshape(-1, 2 + MOST_OPERANDS)
        return Instructions(tuple(self.kinds), rows, np.array(self.fresh, np.int32))

    def write(
        self,
        op: Primitive,
        wanted: tuple[bool, ...] | None,
        result: int,
        operands: tuple[Any, ...],
    ) -> None:
        """Write one instruction."""
        if len(operands) > MOST_OPERANDS:
            raise ValueError(f"{op.name} has {len(operands)} operands, not {MOST_OPERANDS} at most")
        if float in map(type, operands):
            operands = tuple(map(self.numbers.place, operands))
        kind = self.kinds.setdefault((op, wanted), len(self.kinds))
        self.flat += (kind, result, *(operands * MOST_OPERANDS)[:MOST_OPERANDS])

    def many(self, op: Primitive, out: int, operands: Sequence[Operand]) -> None:
        """Write a row of many operands, as instructions on two of them."""
        first, *others = [p.LEAST, *operands] if op is p.top else operands
        largest, term = self.numbers.scratch
        total: Operand | None = None

        def compute(op: Primitive, target: int, *operands: Operand) -> int:
            self.write(op, None, target, operands)
            return target

        def add(op: Primitive, x: Operand, y: Operand) -> None:
            nonlocal total
            product = compute(op, out if total is None else term, x, y)
            total = product if total is None else compute(p.add, out, total, product)

        if op is p.dot:
            n, so_far = len(operands) // 2, operands[-1]
            for pair in zip(operands[:n], operands[n:-1], strict=True):
                is_zero = so_far.__class__ is float and so_far == 0.0
                so_far = compute(p.mul, out, *pair) if is_zero else compute(op, out, *pair, so_far)
        elif op is p.excess:  # the largest, less 1, comes last
            for x in others:
                add(p.minimum, first, x)
                first = compute(p.maximum, largest, first, x)
            add(p.sub, first, 1.0)
        elif not others:
            compute(p.fsum, out, first)
        else:
            for x in others:
                first = compute(p.maximum if op is p.top else p.add, out, first, x)
        if op in (p.total, p.excess):  # infinite instead of nan
            compute(p.where, out, compute(p.eq, term, out, out), out, inf)
