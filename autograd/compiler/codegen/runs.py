"""Runs of small steps, which the machine does in less time than NumPy takes for its calls.

A call of NumPy takes a microsecond and more however little there is to do, the machine some
nanoseconds a row. So steps that follow each other are written as the rows that they consist of:

    before   P F (4→16)    tape (28 rows)    / (8)    * (32)    - (16)    - (16)    P F (4→16)   ...
    after    tape (4,029 rows)

Only the code is written so: the program of a plan keeps its steps. In the lanes, sums of many
products stay what they are; and a loop has all of its rounds in a run or none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain, groupby

from autograd.compiler.passes import SHARED, TAKE, VARYING, Program, Ref, Step, Tape
from autograd.engine import table as p

# How many numbers the steps of a run read on average, and a row of a sum of products in the lanes,
# whose numbers count half there. In chains of 70 equal steps, the machine takes these parts of
# NumPy's time for value and gradient, with one lane / in a batch of 32 / of 200: for layers of 8
# tanh 0.2 / 0.4 / 0.8, of 12 0.4 / 0.6 / 1.1, of 16 0.5 / 0.8 / 1.3; for 32 products alone
# 0.2 / 0.4 / 1.2, for 64 0.2 / 0.7 / 1.4; for 32 tanh 0.2 / 0.7 / 1.7, for 64 0.4 / 1.1 / 1.9.
_MOST, _MOST_PRODUCTS = {SHARED: 160, VARYING: 40}, 12
_MOST_OPERANDS = 32  # of a row
_FEWEST = 4  # steps of a run: to call the machine takes the time of two
_FEWEST_TO_LOAD = 64  # steps in runs that are worth loading the machine


def with_runs(program: Program, is_machine_there: Callable[[], bool] | None) -> Program:
    """Return the program with a tape for each run, if native code is there to run it.

    Args:
        program: the program of a plan.
        is_machine_there: tells it, and is asked only if that is of use. None where it cannot be.
    """
    loaded = program.native
    if not loaded and (is_machine_there is None or len(program.steps) < _FEWEST_TO_LOAD):
        return program
    steps: list[Step | Tape] = []
    copies, size = dict(program.lifts), program.sizes[VARYING] - len(program.lifts)
    joined = 0
    stretches = [
        list(chain.from_iterable(rounds))
        for space in (SHARED, VARYING)
        for rounds in program.stretches(space)
    ]
    for (_, is_small), group in groupby(stretches, _kind):
        run = list(chain.from_iterable(group))
        if is_small and _is_worth_it(run):
            joined += len(run)
            steps.append(Tape.of(run, lambda x: copies.setdefault(x, size + len(copies))))
        else:
            steps += run
    if not loaded and (joined < _FEWEST_TO_LOAD or not is_machine_there or not is_machine_there()):
        return program
    sizes = program.sizes | {VARYING: size + len(copies)}
    return replace(
        program, steps=tuple(steps), sizes=sizes, lifts=tuple(copies.items()), native=True
    )


def _kind(steps: Sequence[Step | Tape]) -> tuple[str, bool]:
    return steps[0].space, all(map(_is_small, steps))


def _is_small(step: Step | Tape) -> bool:
    """Tell whether a step belongs to a run: it may be twice as large as the average has to be."""
    if not isinstance(step, Step):
        return step.__class__ is Tape
    if step.op is TAKE or step.missing is not None:
        return False
    most = _MOST_PRODUCTS if _is_for_blas(step) else _MOST_OPERANDS
    return _numbers(step) <= 2 * _MOST[step.space] and _numbers_read(step) <= most * step.size


def _is_worth_it(run: Sequence[Step | Tape]) -> bool:
    numbers = [_numbers(step) for step in run if isinstance(step, Step)]
    return len(run) >= _FEWEST and sum(numbers) <= _MOST[run[0].space] * len(numbers)


def _numbers(step: Step) -> float:
    return _numbers_read(step) / (2 if _is_for_blas(step) else 1)


def _is_for_blas(step: Step) -> bool:
    return step.op is p.dot and step.space == VARYING


def _numbers_read(step: Step) -> int:
    """Return how many numbers a step reads in the operand of which it reads most."""
    return max([x.places.size for x in step.operands if isinstance(x, Ref)], default=step.size)
