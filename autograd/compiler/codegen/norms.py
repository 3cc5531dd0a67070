"""Sums of squares, which BLAS computes as one product of what is squared with itself.

    before   square (600)    fsum (1)
    after    dot (600→1)

As with runs, only the code is written so: the program of a plan keeps its steps.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from autograd.compiler.passes import SHARED, Program, Ref, Step, Tape, has_no_gaps
from autograd.engine import table as p

LONG_SUM = 4096  # terms, of which one after the other is not as exact as NumPy's way by halves


def with_norms(program: Program) -> Program:
    """Return the program with products for sums of squares, unless something else reads these."""
    steps: list[Step | Tape | None] = [*program.steps]
    for i, (x, y) in enumerate(pairwise(program.steps)):
        if isinstance(x, Step) and x.op is p.square and isinstance(y, Step) and _is_sum(y, x):
            (terms,) = [Ref(SHARED, ref.places[None]) for ref in x.shared]
            steps[i : i + 2] = None, replace(y, op=p.dot, operands=(terms, terms, 0.0))
    if None not in steps:
        return program
    try:
        return replace(program, steps=tuple([step for step in steps if step]))
    except ValueError:  # something reads what nothing writes now
        return program


def _is_sum(total: Step, squares: Step) -> bool:
    """Tell whether a step is the sum of all results of another, of shared numbers side by side."""
    own = squares.start + np.arange(squares.size)
    is_long = 1 < len(own) <= LONG_SUM and total.op is p.fsum and len(total.operands) > 1
    refs = [*total.shared, *squares.shared]
    is_own = is_long and total.space == SHARED and np.array_equal(refs[0].places, own[None])
    return is_own and has_no_gaps(refs[1].places)
