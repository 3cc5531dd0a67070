"""Tapes as arrays of instructions, followed by the simplest machine there is."""

import random
from itertools import compress

import numpy as np
import pytest

from autograd.compiler.codegen import (
    Numbers,
    gradient_flow,
    gradient_instructions,
    value_instructions,
)
from autograd.compiler.passes import Tape
from autograd.engine import Primitive
from autograd.engine import table as p

INPUTS, ROWS = 4, 40
SIZE = INPUTS + ROWS
ARITIES = {op: len(op.partials) for op in (p.add, p.mul, p.sin, p.maximum, p.clip, p.hypot)}
ARITIES |= {p.gt: 2, p.eq: 2, p.where: 3}
MANY = (p.dot, p.fsum, p.top, p.total, p.excess)


def shares(op, out, xs, gradient):
    """Give what of a gradient goes to each operand, and None where it goes nowhere."""
    if op is p.where:
        return [None, gradient if xs[0] else 0.0, 0.0 if xs[0] else gradient]
    slopes = op.local_derivatives(out, xs, [True] * len(xs))
    return [gradient * slope for slope in slopes] or [None] * len(xs)


def follow(instructions, memory, gradients):
    """Do what instructions say, on lists of floats."""
    for place in instructions.fresh:
        gradients[place] = -0.0
    for kind, result, *places in instructions.rows.tolist():
        op, wanted = instructions.kinds[kind]
        xs = [memory[x] for x in places[: ARITIES.get(op, {p.fsum: 1, p.dot: 3}.get(op, 2))]]
        if wanted is None:
            memory[result] = float(op(*xs))
        else:
            own = shares(op, memory[result], xs, gradients[result])
            for x, share in compress(zip(places, own, strict=False), wanted):
                gradients[x] += share


def tape_of(rng):
    """Draw rows that read from any before, and constants."""
    ops, operands = [], []
    for place in range(INPUTS, SIZE):
        op = rng.choice([*ARITIES, *MANY])
        pairs = 2 * rng.randrange(1, 4) + 1
        count = ARITIES.get(op, pairs if op is p.dot else rng.randrange(1, 5))
        read = [rng.randrange(place) for _ in range(count)]
        constants = [rng.choice((0.5, -0.0, 0.0, 1.5)) for _ in read]
        mixed = [x if rng.random() < 0.8 else c for x, c in zip(read, constants, strict=True)]
        ops.append(op)
        operands.append(tuple(mixed))
    return Tape("V", tuple(ops), tuple(range(INPUTS, SIZE)), tuple(operands))


@pytest.mark.parametrize("seed", range(30))
def test_they_compute_what_the_rows_do(seed):
    rng = random.Random(seed)
    tape = tape_of(rng)
    numbers = Numbers([tape], SIZE)
    values = [rng.uniform(0.2, 1.5) for _ in range(INPUTS)]
    memory = [*values, *[np.nan] * ROWS, *numbers.values]
    follow(value_instructions(tape, numbers), memory, [])

    rows = list(zip(tape.ops, tape.places, tape.operands, strict=True))
    for op, _, operands in rows:
        values.append(float(op(*[x if isinstance(x, float) else values[x] for x in operands])))
    assert memory[:SIZE] == pytest.approx(values, rel=1e-12, nan_ok=True)

    want = [None] * (SIZE - 1) + [1.0]
    for op, place, operands in reversed(rows):
        xs = [x if isinstance(x, float) else values[x] for x in operands]
        for x, share in zip(
            operands, shares(op, values[place], xs, want[place] or 0.0), strict=True
        ):
            if isinstance(x, int) and None not in (share, want[place]):
                want[x] = (want[x] or 0.0) + share
    written = np.arange(SIZE) == SIZE - 1
    gradients = [np.nan] * (SIZE - 1) + [1.0]
    flow = gradient_flow(tape, written, np.ones(SIZE, dtype=bool))
    follow(gradient_instructions(tape, flow, numbers), memory, gradients)
    for place in range(SIZE):
        assert written[place] == (want[place] is not None)
        if written[place]:
            assert gradients[place] == pytest.approx(want[place], rel=1e-12, nan_ok=True)


def test_only_gradients_that_are_wanted_are_given_on():
    tape = Tape("V", (p.mul, p.dot), (2, 3), ((0, 1), (2, 0, 1, 2, 0.5)))
    written = np.array([False, False, False, True])
    active = np.array([True, False, True, True])
    flow = gradient_flow(tape, written, active)
    instructions = gradient_instructions(tape, flow, Numbers([tape], 4))
    given = [
        (instructions.kinds[kind][0].name, *instructions.kinds[kind][1], result, *places[:2])
        for kind, result, *places in instructions.rows.tolist()
    ]
    assert given == [
        ("*", True, False, 3, 2, 1),
        ("*", True, True, 3, 0, 2),
        ("*", True, False, 2, 0, 1),
    ]
    assert written.tolist() == [True, False, True, True]
    assert instructions.fresh.tolist() == [2, 0]


def test_an_operation_of_too_many_operands_is_refused():
    own = Primitive("four", lambda *xs: sum(xs), (lambda *_: 1.0,) * 4)
    tape = Tape("V", (own,), (4,), ((0, 1, 2, 3),))
    with pytest.raises(ValueError, match="four has 4 operands, not 3 at most"):
        value_instructions(tape, Numbers([tape], 5))
