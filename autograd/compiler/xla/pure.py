"""A compiled function for the user's own code in JAX: pure, and with our gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import jax
import jax.export
import jax.numpy as jnp
import numpy as np

from autograd.compiler.arguments import Form, Leaf
from autograd.compiler.plan import Plan
from autograd.compiler.xla.lowering import Results, computed
from autograd.compiler.xla.runner import captured_numbers, refuse_own
from autograd.transforms.trees import NUMBER, Spec, wrapped


class Pure:
    """A compiled function, called like the original on arrays of JAX.

    Args:
        positional: puts arguments that are given by name in their places.
        forms_of: finds the form of each argument, given arrays of its shapes.
        planned: makes the plan of forms, with the places of those that gradients are taken of.
    """

    def __init__(
        self,
        positional: Callable[[Sequence[Any], dict[str, Any]], Sequence[Any]],
        forms_of: Callable[[Sequence[Any]], Sequence[Form]],
        planned: Callable[[Sequence[Form], Sequence[int]], Plan],
    ) -> None:
        self._positional, self._forms_of, self._planned = positional, forms_of, planned
        self._made: dict[Any, Callable[..., Any]] = {}

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Return the value of the function, in the precision that JAX is set to."""
        args = tuple(self._positional(given, named) if named else given)
        forms = tuple(self._forms_of(jax.tree.map(lambda x: np.zeros(np.shape(x)), args)))
        if forms not in self._made:
            self._made[forms] = _differentiable(forms, self._planned)
        leaves: list[Any] = []
        for arg, form in zip(args, forms, strict=True):
            _gather(leaves, arg, form)
        return self._made[forms](leaves)


def exported(plan: Plan, dtype: str) -> Any:
    """Export the value of a plan, for batches of any size: see `Compiled.stablehlo`."""
    refuse_own(plan)
    every = [x.leaf for x in plan.inputs]
    (batch,) = jax.export.symbolic_shape("batch")

    def value(*leaves: Any) -> Any:
        size = batch if plan.batched else 1
        return _built(
            plan, computed(plan, size, jnp.asarray(captured_numbers(plan), dtype), leaves)
        )

    with jax.enable_x64(dtype == "float64"):
        shapes = [(batch, *leaf.shape) if leaf.batched else leaf.shape for leaf in every]
        given = [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes]
        return jax.export.export(jax.jit(value))(*given)


def _gather(leaves: list[Any], tree: Any, form: Form) -> None:
    """Add the arrays of an argument to `leaves`, from left to right."""
    if isinstance(form, Leaf):
        leaves.append(jnp.asarray(tree, float))
    elif form[0] == "dict":
        for key, child in zip(form[1], form[-1], strict=True):
            _gather(leaves, tree[key], child)
    else:
        for x, child in zip(tree, form[-1], strict=True):
            _gather(leaves, x, child)


def _differentiable(
    forms: Sequence[Form], planned: Callable[[Sequence[Form], Sequence[int]], Plan]
) -> Callable[..., Any]:
    """Make the function of leaves, with the gradient that is its own."""
    plan = planned(forms, ())
    refuse_own(plan)

    def run(plan: Plan, leaves: Sequence[Any]) -> Results:
        sizes = [len(leaves[x.index]) for x in plan.inputs if x.leaf.batched]
        captured = jnp.asarray(captured_numbers(plan), float)
        return computed(plan, sizes[0] if sizes else 1, captured, leaves)

    def value(leaves: Sequence[Any]) -> Any:
        return _built(plan, run(plan, leaves))

    def forward(leaves: Sequence[Any]) -> tuple[Any, Any]:
        wanted = [i for i in range(len(forms)) if i not in plan.with_index]
        with_gradient = planned(forms, wanted)
        results = run(with_gradient, leaves)
        return _built(with_gradient, results), (_slopes(with_gradient, results), leaves)

    def backward(kept: Any, upstream: Any) -> Any:
        slopes, leaves = kept
        factor = upstream[0] if plan.put_aux else upstream
        given = []
        for slope, x, own in zip(slopes, leaves, plan.inputs, strict=True):
            if slope is None:
                given.append(jnp.zeros_like(x))
                continue
            share = slope * jnp.reshape(factor, (*jnp.shape(factor), *[1] * len(own.leaf.shape)))
            given.append(share.sum(axis=0) if share.ndim > x.ndim else share)
        return (given,)

    function: Any = jax.custom_vjp(value)
    function.defvjp(forward, backward)
    return function  # type: ignore[no-any-return]


def _slopes(plan: Plan, results: Results) -> list[Any]:
    """Return the gradient of each leaf, for each lane if the result is; None for an index."""
    found: list[Any] = [None] * len(plan.inputs)
    for gradient, shared, lanes in zip(plan.gradients, results.shared, results.lanes, strict=True):
        for x, slope in zip(gradient.shared, shared, strict=True):
            found[x.index] = slope
        at = 0
        for x in gradient.by_lane:
            part = lanes[:, at : at + x.leaf.count]
            found[x.index] = part.reshape(len(part), *x.leaf.shape)
            at += x.leaf.count
    return found


def _built(plan: Plan, results: Results) -> Any:
    """Put the value together in the structure of the function's result."""
    value = _put(plan.output_spec, results.own.T, [0])
    if plan.aux_spec is None:
        return value
    aux = results.aux.T if plan.batched else results.aux[:, 0]
    return value, _put(plan.aux_spec, aux, [0])


def _put(spec: Spec, numbers: Any, at: list[int]) -> Any:
    """Take a structure from the last axis of an array, from `at` on, which is moved along."""
    if spec == NUMBER or spec[0] == "array":
        shape = () if spec == NUMBER else spec[1]
        start, at[0] = at[0], at[0] + prod(shape)
        return numbers[..., start : at[0]].reshape(*numbers.shape[:-1], *shape)
    return wrapped(spec, [_put(child, numbers, at) for child in spec[-1]])
