"""Calls of a plan as one function that XLA has compiled."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from itertools import accumulate, pairwise
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from autograd.compiler.arraycode import ArrayCode
from autograd.compiler.codegen import Work
from autograd.compiler.plan import Plan
from autograd.compiler.runner import Runner
from autograd.compiler.xla.lowering import computed
from autograd.compiler.xla.places import joined
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
        self._function = jax.jit(self._results, static_argnums=0)
        shapes = [[x.leaf.shape for x in g.shared] for g in plan.gradients]
        ends = [0, *accumulate(prod(shape) for own in shapes for shape in own)]
        pairs = iter(pairwise(ends))
        self._shared = [[(slice(*next(pairs)), shape) for shape in own] for own in shapes]
        self._own = slice(ends[-1], None)

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
        self.size, plan = size, self.plan
        leaves = [x if x.__class__ is np.ndarray else np.asarray(x) for x in arrays]
        if self.dtype != np.float64:
            leaves = [x.astype(self.dtype) for x in leaves]
        captured = np.array(captured_numbers(plan), self.dtype) if plan.program.captured else None
        with jax.enable_x64(self.dtype == np.float64):
            numbers, aux, lanes, is_bad = self._function(size, captured, leaves)
        if is_bad is not None and is_bad:
            Runner(plan).run(size, arrays)  # which finds out what is bad, and raises
        numbers = np.asarray(numbers)
        own = numbers[self._own]
        if plan.batched and not plan.reduces:
            own = own.reshape(plan.output_count, size)
        value = plan.value_of(own, None if aux is None else np.asarray(aux))
        if not plan.wanted:
            return value, None
        parts = [
            [np.array(numbers[at]).reshape(shape) for at, shape in own] for own in self._shared
        ]
        by_lane = [None if x is None else np.asarray(x) for x in lanes]
        return value, plan.gradient_of(parts, by_lane)

    def _results(self, size: int, captured: Any, leaves: Sequence[Any]) -> tuple[Any, ...]:
        """Compute the gradients that all lanes share, and the value, as one array; and the rest.

        An array costs a call some microseconds more than its numbers do.
        """
        if captured is None:
            captured = jnp.zeros(0, self.dtype)
        own, aux, shared, lanes, is_bad = computed(self.plan, size, captured, leaves)
        parts = [*[x for leaves in shared for x in leaves], own]
        return joined([x.reshape(-1) for x in parts]), aux, lanes, is_bad
