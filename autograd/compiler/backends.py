"""Who runs a program: the backends of `compile`, loaded when one is first asked for.

What all of them share lies above: the program of a `Plan`, which is plain data, and the one table
of rules, which serves whatever stands for numbers. A backend makes a runner of a plan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np

from autograd.compiler import runner
from autograd.compiler.codegen import Work
from autograd.compiler.plan import Plan
from autograd.extras import imported


class Runner(Protocol):
    """Runs a plan on batches.

    Attributes:
        plan: the plan.
        match: tells whether arguments are of the form that the plan is for: see `matcher`.
        size: the number of samples of the latest batch.
    """

    plan: Plan
    match: Callable[[Sequence[Any]], tuple[int, tuple[Any, ...]] | None]
    size: int

    @property
    def listing(self) -> str:
        """The code as text."""

    @property
    def work(self) -> list[Work]:
        """What it costs."""

    def run(self, size: int, arrays: Sequence[Any]) -> tuple[Any, Any]:
        """Run the code over a batch; give the value and, if wanted, the gradient.

        Args:
            size: the number of samples.
            arrays: an array, or a number, per leaf of the arguments.
        """


class Backend(NamedTuple):
    """A backend: its name, what numbers it computes with, and what makes a runner of a plan."""

    name: str
    dtype: str
    runner_of: Callable[[Plan], Runner]


def backend_of(name: str, dtype: Any) -> Backend:
    """Find a backend.

    Raises:
        ValueError: there is no such backend, or it does not compute in such numbers.
        ImportError: it needs a library that is not installed.
    """
    try:
        given, dtype = dtype, np.dtype(dtype).name  # NumPy's types of numbers will do
    except TypeError:
        given = dtype
    if dtype not in ("float64", "float32"):
        raise ValueError(f'dtype must be "float64" or "float32", not {given!r}')
    if name == "jax":
        imported("jax", "jax", 'backend="jax"')
        from autograd.compiler.xla.runner import XlaRunner

        return Backend(name, dtype, partial(XlaRunner, dtype=dtype))
    if name != "numpy":
        raise ValueError(f'backend must be "numpy" or "jax", not {name!r}')
    if dtype != "float64":
        raise ValueError('backend="numpy" computes in double precision: ask for backend="jax"')
    return Backend(name, dtype, runner.Runner)
