"""A process with our compiled functions in it, for `benchmarks.derivatives`.

They need NumPy, and a heap with NumPy in it would make every collection of garbage dearer for the
scalar code that the benchmark measures in its own process.

The forms are "scalar" and "dot", the tasks "gradient", "hvp" and "hessian".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import autograd
from benchmarks.problems import Problem, mlp
from benchmarks.serving import serve
from benchmarks.timing import seconds


def prepare(name: str, sizes: tuple[int, ...], form: str, task: str) -> Callable[[], Any]:
    """Make the function without arguments that does the task once; its first call compiles."""
    problem = Problem(name, sizes)
    if form == "scalar":
        f = problem.scalar(autograd.tanh)
    else:
        f = mlp(sizes, autograd.dot, autograd.tanh)
    x = np.array(problem.start())
    if task == "gradient":
        return partial(autograd.compile(f).grad, x)
    if task == "hvp":
        v = np.array(problem.direction())
        return partial(autograd.compile(lambda x, v: autograd.hvp(f, x, v)), x, v)
    # A row of the Hessian is its product with a unit vector. The program is that of one row, and
    # all rows are a batch.
    rows = autograd.compile(lambda x, unit: autograd.hvp(f, x, unit), in_axes=(None, 0))
    return partial(rows, x, np.eye(problem.n))


if __name__ == "__main__":
    serve(np.__version__, prepare, seconds)
