"""Which places of a program a gradient is wanted at, and which it reaches.

For the lecture's neuron with x given and w, b to be learned, the gradient is wanted at w, b, z and
a, and not at x; it reaches all of these whatever the numbers are, as there is no `where`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd.compiler.passes.program import SHARED, VARYING, Program
from autograd.engine import table as p


def active_places(program: Program, inputs: Any) -> dict[str, Any]:
    """Tell for each place whether it depends on an input whose gradient is wanted.

    Args:
        program: the program.
        inputs: for each number of the inputs, whether it is.
    """
    active = _nowhere(program)
    start = 0
    for ref in program.inputs:
        active[ref.space][ref.places] = inputs[start : start + len(ref.places)]
        start += len(ref.places)
    for space in (SHARED, VARYING):
        if space == VARYING:
            for shared, lifted in program.lifts:
                active[VARYING][lifted] = active[SHARED][shared]
        for step in program.steps:
            if step.space == space:
                step.activate(active)
    return active


def always_reached(program: Program) -> dict[str, Any]:
    """Tell which places a gradient reaches whatever branches are taken; an input counts as such.

    It is that of the first output; the others are what is handed through.
    """
    always = reached_from(program, program.outputs[:1])
    for ref in program.inputs:
        always[ref.space][ref.places] = True
    return always


def reached_from(program: Program, outputs: Sequence[Any]) -> dict[str, Any]:
    """Tell which places the gradient of outputs reaches whatever branches are taken."""
    always = _nowhere(program)
    for out in outputs:
        if not isinstance(out, float):
            always[out[0]][out[1]] = True
    for space in (VARYING, SHARED):
        if space == SHARED:
            for shared, copy in program.lifts:
                always[SHARED][shared] |= always[VARYING][copy]
        for step in reversed(program.steps):
            if step.space == space:
                step.reach(always)
    return always


def has_branches(program: Program) -> bool:
    """Tell whether there is a choice, of which the gradient goes to what was computed for it."""
    if program.is_filled or any(p.where in step.operations() for step in program.steps):
        return True
    if not program.choices:
        return False
    given = _nowhere(program)
    for ref in program.inputs:
        given[ref.space][ref.places] = True
    return not all(given[table.space][table.places].all() for _, table in program.choices)


def everywhere(program: Program) -> dict[str, Any]:
    """Take all places for reached: right as long as no number is infinite or nan.

    The gradient is 0 in the lanes of a branch that was not taken, and only 0 · ∞ is not 0 then.
    """
    return {space: np.ones(size, dtype=bool) for space, size in program.sizes.items()}


def _nowhere(program: Program) -> dict[str, Any]:
    return {space: np.zeros(size, dtype=bool) for space, size in program.sizes.items()}
