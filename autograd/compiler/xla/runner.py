"""Calls of a plan as one function that XLA has compiled."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any

import jax
import numpy as np

from autograd.compiler.arraycode import ArrayCode
from autograd.compiler.codegen import Work
from autograd.compiler.plan import Plan
from autograd.compiler.runner import Runner
from autograd.compiler.xla.lowering import computed
from autograd.engine import OWN
from autograd.errors import TraceError, data_of


def refuse_own(plan: Plan) -> None:
    """Raise a TraceError if a plan has an operation that only Python can compute."""
    own = [op for step in plan.program.steps for op in step.operations() if op.name in OWN]
    if own:
        raise TraceError(
            f'backend="jax" cannot run {own[0].name}, a primitive of your own, since its '
            "functions are Python's: write it with autograd's functions, or use "
            'backend="numpy"'
        )


def captured_numbers(plan: Plan) -> list[float]:
    """Return the numbers of the nodes from outside."""
    return [data_of(node) for node, _ in plan.program.captured]


class XlaRunner:
    """Runs a plan on batches, compiled by XLA for each number of samples.

    Double precision is asked for call by call: JAX's own setting, which is for the whole process,
    stays as it is.

    Args:
        plan: the plan.
        dtype: "float64" or "float32".

    Raises:
        TraceError: it has an operation that only Python can compute.
    """

    def __init__(self, plan: Plan, dtype: str) -> None:
        self.plan, self.match, self.dtype = plan, plan.match, np.dtype(dtype)
        self.size = 0
        refuse_own(plan)
        self._function = jax.jit(partial(computed, plan), static_argnums=0)

    @property
    def listing(self) -> str:
        """The code as JAX has it, for the latest number of samples."""
        shapes = [
            jax.ShapeDtypeStruct(
                (self.size, *x.leaf.shape) if x.leaf.batched else x.leaf.shape, self.dtype
            )
            for x in self.plan.inputs
        ]
        with jax.enable_x64(self.dtype == np.float64):
            captured = jax.ShapeDtypeStruct((len(self.plan.program.captured),), self.dtype)
            return str(jax.make_jaxpr(partial(computed, self.plan, self.size))(captured, shapes))

    @cached_property
    def work(self) -> list[Work]:
        """What the program costs, as NumPy code would do it."""
        return ArrayCode(self.plan).work

    def run(self, size: int, arrays: Sequence[Any]) -> tuple[Any, Any]:
        """Run the code over a batch; give the value and, if wanted, the gradient.

        Args:
            size: the number of samples.
            arrays: an array, or a number, per leaf of the arguments.
        """
        self.size = size
        plan = self.plan
        leaves = [np.asarray(x, self.dtype) for x in arrays]
        captured = np.array(captured_numbers(plan), self.dtype)
        with jax.enable_x64(self.dtype == np.float64):
            own, aux, shared, lanes, is_bad = self._function(size, captured, leaves)
        if is_bad:
            Runner(plan).run(size, arrays)  # which finds out what is bad, and raises
        value = plan.value_of(np.asarray(own), None if aux is None else np.asarray(aux))
        if not plan.wanted:
            return value, None
        parts = [list(map(np.asarray, leaves)) for leaves in shared]
        by_lane = [None if x is None else np.asarray(x) for x in lanes]
        return value, plan.gradient_of(parts, by_lane)
