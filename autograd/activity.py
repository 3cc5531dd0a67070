"""Which places of a program a gradient is wanted at, and which it reaches.

For the lecture's neuron with x given and w, b to be learned, the gradient is wanted at w, b, z and
a, and not at x; it reaches all of these whatever the numbers are, as there is no `where`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd import primitives as p
from autograd.grouping import SHARED, VARYING, Program, Ref, Step


def differentiable(step: Step) -> tuple[Ref | float, ...]:
    """Give the operands of a step to which a gradient flows."""
    if step.op is p.where:
        return step.operands[1:]
    return () if step.op.partials is None else step.operands


def always_reached(program: Program) -> dict[str, Any]:
    """Tell which places a gradient reaches whatever branches are taken."""
    always = {space: np.zeros(size, dtype=bool) for space, size in program.sizes.items()}
    out = program.outputs[0]
    if not isinstance(out, float):
        always[out[0]][out[1]] = True
    lifted = False
    for step in sorted(program.steps, key=lambda step: step.space == VARYING)[::-1]:
        if step.space == SHARED and not lifted:
            lifted = True
            for shared, copy in program.lifts:
                always[SHARED][shared] |= always[VARYING][copy]
        here = always[step.space][step.start : step.start + step.size]
        for ref in () if step.op is p.where else differentiable(step):
            if isinstance(ref, Ref):
                np.logical_or.at(always[ref.space], ref.places.T, here)
    for space, place in program.inputs:
        always[space][place] = True
    return always


def active_places(program: Program, inputs: Sequence[bool]) -> dict[str, Any]:
    """Tell for each place whether it depends on an input whose gradient is wanted."""
    active = {space: np.zeros(size, dtype=bool) for space, size in program.sizes.items()}
    for (space, place), wanted in zip(program.inputs, inputs, strict=True):
        active[space][place] = wanted
    for step in sorted(program.steps, key=lambda step: step.space == VARYING):
        if step.space == VARYING:
            for shared, lifted in program.lifts:
                active[VARYING][lifted] = active[SHARED][shared]
        active[step.space][step.start : step.start + step.size] = _depends(step, active)
    return active


def _depends(step: Step, active: dict[str, Any]) -> Any:
    result = np.zeros(step.size, dtype=bool)
    for ref in differentiable(step):
        if not isinstance(ref, float):
            result |= active[ref.space][ref.places].reshape(step.size, -1).any(axis=1)
    return result
