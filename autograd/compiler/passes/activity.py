"""Which places of a program a gradient is wanted at, and which it reaches.

For the lecture's neuron with x given and w, b to be learned, the gradient is wanted at w, b, z and
a, and not at x; it reaches all of these whatever the numbers are, as there is no `where`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd.compiler.passes.program import SHARED, VARYING, Program, Ref, Step, Tape
from autograd.compiler.passes.tables import TAKE
from autograd.engine import Primitive
from autograd.engine import table as p


def differentiable(op: Primitive, operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """Give those operands of a step or of a row to which a gradient flows."""
    if op is p.where:
        return operands[1:]
    return () if op.partials is None else operands


def active_places(program: Program, inputs: Sequence[bool]) -> dict[str, Any]:
    """Tell for each place whether it depends on an input whose gradient is wanted."""
    active = _nowhere(program)
    for (space, place), wanted in zip(program.inputs, inputs, strict=True):
        active[space][place] = wanted
    for space in (SHARED, VARYING):
        if space == VARYING:
            for shared, lifted in program.lifts:
                active[VARYING][lifted] = active[SHARED][shared]
        for step in program.steps:
            if step.space != space:
                continue
            if isinstance(step, Tape):
                here = active[space].data
                for op, place, operands in zip(step.ops, step.places, step.operands, strict=True):
                    places = [x for x in differentiable(op, operands) if x.__class__ is int]
                    here[place] = True in [here[x] for x in places]
            else:
                active[space][step.start : step.start + step.size] = _depends(step, active)
    return active


def _depends(step: Step, active: dict[str, Any]) -> Any:
    result = np.zeros(step.size, dtype=bool)
    for ref in differentiable(step.op, step.operands):
        if not isinstance(ref, float):
            result |= active[ref.space][ref.places].reshape(step.size, -1).any(axis=1)
    return result


def always_reached(program: Program) -> dict[str, Any]:
    """Tell which places a gradient reaches whatever branches are taken; an input counts as such."""
    always = _nowhere(program)
    for out in program.outputs:
        if not isinstance(out, float):
            always[out[0]][out[1]] = True
    for space in (VARYING, SHARED):
        if space == SHARED:
            for shared, copy in program.lifts:
                always[SHARED][shared] |= always[VARYING][copy]
        for step in reversed(program.steps):
            if step.space != space:
                continue
            if isinstance(step, Tape):
                _reach_from_tape(step, always[space].data)
            elif step.op is not p.where:
                here = always[space][step.start : step.start + step.size]
                for ref in () if step.op is TAKE else differentiable(step.op, step.operands):
                    if isinstance(ref, Ref):
                        np.logical_or.at(always[ref.space], ref.places.T, here)
    for space, place in program.inputs:
        always[space][place] = True
    return always


def _reach_from_tape(tape: Tape, always: Any) -> None:
    for i in range(len(tape.ops) - 1, -1, -1):
        op = tape.ops[i]
        if op is not p.where and always[tape.places[i]]:
            for x in differentiable(op, tape.operands[i]):
                if x.__class__ is int:
                    always[x] = True


def has_branches(program: Program) -> bool:
    """Tell whether there are numbers that were computed but that a gradient may not reach."""
    if program.is_filled or any(p.where in step.operations() for step in program.steps):
        return True
    given = _nowhere(program)
    for space, place in program.inputs:
        given[space][place] = True
    tables: list[Any] = [
        step.operands[1] for step in program.steps if isinstance(step, Step) and step.op is TAKE
    ]
    return not all(given[table.space][table.places].all() for table in tables)


def everywhere(program: Program) -> dict[str, Any]:
    """Take all places for reached: right as long as no number is infinite or nan.

    The gradient is 0 in the lanes of a branch that was not taken, and only 0 · ∞ is not 0 then.
    """
    return {space: np.ones(size, dtype=bool) for space, size in program.sizes.items()}


def _nowhere(program: Program) -> dict[str, Any]:
    return {space: np.zeros(size, dtype=bool) for space, size in program.sizes.items()}
