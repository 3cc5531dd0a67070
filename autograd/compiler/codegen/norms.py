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
    for i, (square, total) in enumerate(pairwise(program.steps)):
        product = _product(square, total)
        if product:
            steps[i : i + 2] = None, product
    if None not in steps:
        return program
    try:
        return replace(program, steps=tuple([step for step in steps if step]))
    except ValueError:  # something reads what nothing writes now
        return program


def _product(square: Step | Tape, total: Step | Tape) -> Step | None:
    """Return the product for squares and their sum, if that is what two steps are."""
    if not isinstance(square, Step) or not isinstance(total, Step) or square.op is not p.square:
        return None
    (x,), (squares, *first) = square.operands, total.operands
    if not isinstance(x, Ref) or not isinstance(squares, Ref):
        return None
    own = square.start + np.arange(square.size)
    is_sum = total.op is p.fsum and first and total.space == SHARED and total.size == 1
    if (
        is_sum
        and len(own) <= LONG_SUM
        and np.array_equal(squares.places[0], own)
        and has_no_gaps(x.places)
    ):
        terms = Ref(SHARED, x.places[None])
        return replace(total, op=p.dot, operands=(terms, terms, 0.0))
    return None
