"""The engine that has XLA run a whole epoch in one call, by JAX.

What it compiles is the function of `compiled.py`, with the same gradient, and the rule of the
optimiser, which serves arrays of JAX as it does those of NumPy; `lax.scan` goes through the
minibatches. Validation, and a minibatch by itself, are left to NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, partial
from itertools import chain
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import autograd
from nn.optim import Optimizer, write
from nn.training.compiled import MEAN, CompiledEngine
from nn.training.engines import Course

__all__ = ["Scanned"]


@final
class Scanned(CompiledEngine):
    """Array code of XLA, for all minibatches of an epoch."""

    name = "jax"

    def epoch(self, course: Course) -> Iterator[tuple[float, float, Any]]:
        """Train on minibatches in turn: see `Engine.epoch`.

        All steps are made before the first is given. If one has what is not finite, the epoch is
        done again, minibatch by minibatch.
        """
        before = self.rng.getstate()
        optimizer, rows = course.optimizer, course.rows
        with jax.enable_x64(True):
            theta, memory, measured = self._function_of(optimizer)(
                (self.theta(), optimizer.memory(rows)),
                (self.constants, self.samples.X, self.targets[0]),
                *self._minibatches(course),
                course.max_grad_norm,
            )
        losses, norms, outputs = zip(*map(_one_by_one, measured), strict=True)
        losses, norms, outputs = [list(chain.from_iterable(x)) for x in (losses, norms, outputs)]
        if not np.isfinite([losses, norms]).all():
            self.rng.setstate(before)
            yield from super().epoch(course)
            return
        for optimizer.lr, *found in zip(course.rates, losses, norms, outputs, strict=True):
            yield tuple(found)
        optimizer.remember(rows, list(map(np.asarray, memory)))
        write(self.params, np.asarray(theta))

    def _minibatches(self, course: Course) -> tuple[Any, Any]:
        """Return the indices, the factors of Dropout and the rates of all minibatches alike.

        Beside these stand those of the last one, if it has fewer samples; otherwise None.
        """
        factors = [self.drawn(len(indices)) for indices in course.minibatches]
        each = course.minibatches, factors, course.rates
        is_odd = len(course.minibatches[-1]) < len(course.minibatches[0])
        alike = tuple([np.array(x[: len(x) - is_odd]) for x in each])
        return alike, tuple([np.array(x[-1]) for x in each]) if is_odd else None

    @cached_property
    def _functions(self) -> dict[Any, Any]:
        """What XLA has compiled."""
        return {}

    def _function_of(self, optimizer: Optimizer) -> Any:
        """Return what XLA compiles, for an optimiser with these options."""
        options = optimizer.options().items()
        key = self.traced, type(optimizer), *[(name, x) for name, x in options if name != "lr"]
        if key not in self._functions:
            loss = autograd.compile(self.traced, **MEAN, backend="jax").jax
            function = partial(_epoch, jax.value_and_grad(loss, has_aux=True), optimizer.rule)
            self._functions[key] = jax.jit(function)
        return self._functions[key]


def _epoch(
    value_and_grad: Any,
    rule: Any,
    start: tuple[Any, Any],
    data: tuple[Any, Any, Any],
    alike: Any,
    rest: Any,
    max_grad_norm: Any,
) -> tuple[Any, Any, list[Any]]:
    """Make the steps of an epoch; return θ, the memory of the optimiser, and what was measured."""
    constants, inputs, targets = data

    def step(state: tuple[Any, Any], minibatch: tuple[Any, Any, Any]) -> tuple[Any, Any]:
        (theta, memory), (indices, factors, lr) = state, minibatch
        (loss, outputs), gradient = value_and_grad(
            theta, constants, factors, inputs[indices], targets[indices]
        )
        norm = jnp.sqrt(gradient @ gradient)
        gradient = jnp.where(norm > max_grad_norm, gradient * (max_grad_norm / norm), gradient)
        return rule(theta, gradient, lr, memory), (loss, norm, outputs)

    (theta, memory), measured = lax.scan(step, start, alike)
    parts = [measured]
    if rest is not None:
        (theta, memory), last = step((theta, memory), rest)
        parts.append(jax.tree.map(lambda x: x[None], last))
    return theta, memory, parts


def _one_by_one(measured: Any) -> tuple[list[float], list[float], list[Any]]:
    """Return losses, norms and outputs for one minibatch after the other."""
    losses, norms, outputs = measured  # no outputs is an empty list
    each = list(np.asarray(outputs)) if hasattr(outputs, "shape") else [outputs] * len(losses)
    return losses.tolist(), norms.tolist(), each
