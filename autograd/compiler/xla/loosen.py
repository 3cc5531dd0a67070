"""Put small steps that gather their operands on tapes, which XLA compiles as one loop.

NumPy runs a step in less time than its rows one by one. XLA compiles each step by itself, and takes
a tenth of a second for one whose operands stand anywhere:

    before   tape (700 rows)    sin (35)    tape (9 rows)    atan (34)    ...
    after    tape (800 rows)
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

from autograd.compiler.codegen import strides_of
from autograd.compiler.passes import TAKE, Program, Ref, Step, Tape

_LARGE = 1024  # operands; a step of more is worth being compiled
_MOST_OPERANDS = 64  # of a row


def loosened(program: Program) -> Program:
    """Return the program in which runs of small steps are one tape each, if most are irregular."""
    if not program.tapes:
        return program
    steps: list[Step | Tape] = []
    looped = {id(program.steps[i]) for x in program.loops for i in range(x.start, x.stop)}

    def kind(step: Step | Tape) -> tuple[str, bool]:
        return step.space, id(step) not in looped and _is_small(step)

    for (_, is_small), group in groupby(program.steps, kind):
        run = list(group)
        if is_small and 2 * sum(map(_is_irregular, run)) > len(run):
            steps.append(Tape.of(run))
        else:
            steps += run
    return replace(program, steps=tuple(steps))


def _is_small(step: Step | Tape) -> bool:
    if isinstance(step, Tape):
        return True
    refs = [x for x in step.operands if isinstance(x, Ref)]
    if step.op is TAKE or any(x.space != step.space for x in refs):  # a tape has one space
        return False
    operands: int = sum([x.places.size for x in refs])
    return operands <= min(_LARGE, _MOST_OPERANDS * step.size)


def _is_irregular(step: Step | Tape) -> bool:
    if isinstance(step, Tape):
        return True
    return any(strides_of(x.places) is None for x in step.operands if isinstance(x, Ref))
