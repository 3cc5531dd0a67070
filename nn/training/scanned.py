"""The engine that has XLA run a whole epoch in one call, by JAX, on one or more devices.

What it compiles is the function of `compiled.py`, with the same gradient, and the rule of the
optimiser, which serves arrays of JAX as it does those of NumPy; `lax.scan` goes through the
minibatches. Validation, and a minibatch by itself, are left to NumPy.

Each device has all samples and all parameters, and takes its share of every minibatch. What they
find is added up once per step, and then all make the same step. So that the shares are alike,
minibatches are padded with samples of the weight 0:

    samples   5 9 2 7 0 4 5 5       weights   ⅙ ⅙ ⅙ ⅙ ⅙ ⅙ 0 0       loss   Σ w l
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import autograd
from nn.optim import Optimizer, write
from nn.training.compiled import MEAN, CompiledEngine
from nn.training.engines import Course

__all__ = ["Scanned"]

_SAME, _SHARED = PartitionSpec(), PartitionSpec(None, "data")  # (minibatch, sample of it, …)


@final
class Scanned(CompiledEngine):
    """Array code of XLA, for all minibatches of an epoch.

    Args:
        args: those of `Engine`.
        devices: how many devices share the work.

    Raises:
        ValueError: there are not so many.
    """

    name = "jax"

    def __init__(self, *args: Any, devices: int | None = None) -> None:
        super().__init__(*args)
        self._mesh = Mesh(np.array(_chosen(devices)), ("data",))

    def epoch(self, course: Course) -> Iterator[tuple[float, float, Any]]:
        """Train on minibatches in turn: see `Engine.epoch`.

        All steps are made before the first is given. If one has what is not finite, the epoch is
        done again, minibatch by minibatch.
        """
        before = self.rng.getstate()
        optimizer, rows = course.optimizer, course.rows
        with jax.enable_x64(True):
            theta, memory, losses, norms, outputs = jax.tree.map(
                np.asarray,
                self._function_of(optimizer)(
                    (self.theta(), optimizer.memory(rows)),
                    (self.constants, self.samples.X, self.targets[0]),
                    course.max_grad_norm,
                    np.array(course.rates),
                    self._padded(course.minibatches),
                ),
            )
        if not (np.isfinite(losses).all() and np.isfinite(norms).all()):
            self.rng.setstate(before)
            yield from super().epoch(course)
            return
        found = zip(course.minibatches, course.rates, losses.tolist(), norms.tolist(), strict=True)
        for i, (indices, optimizer.lr, loss, norm) in enumerate(found):
            yield loss, norm, outputs[i, : len(indices)] if len(outputs) else outputs
        optimizer.remember(rows, memory)
        write(self.params, theta)

    def _padded(self, minibatches: Sequence[Sequence[int]]) -> tuple[Any, Any, Any]:
        """Return the indices of the samples of all minibatches, their weights and their factors."""
        devices = self._mesh.size
        size = -(-max(map(len, minibatches)) // devices) * devices
        indices = np.zeros((len(minibatches), size), int)
        weights = np.zeros(indices.shape)
        drawn = [self.drawn(len(minibatch)) for minibatch in minibatches]
        factors = np.ones((*indices.shape, drawn[0].shape[1]))
        for i, minibatch in enumerate(minibatches):
            n = len(minibatch)
            indices[i, :n], indices[i, n:] = minibatch, minibatch[0]
            weights[i, :n], factors[i, :n] = 1.0 / n, drawn[i]
        return indices, weights, factors

    @cached_property
    def _functions(self) -> dict[Any, Any]:
        """What XLA has compiled."""
        return {}

    def _function_of(self, optimizer: Optimizer) -> Any:
        """Return what XLA compiles, for an optimiser with these options."""
        options = optimizer.options().items()
        key = self.traced, type(optimizer), *[(name, x) for name, x in options if name != "lr"]
        if key not in self._functions:
            function = jax.shard_map(
                partial(_epoch, _weighted(self.traced), optimizer.rule),
                mesh=self._mesh,
                in_specs=(_SAME, _SAME, _SAME, _SAME, _SHARED),
                out_specs=(_SAME, _SAME, _SAME, _SAME, _SHARED),
                check_vma=False,  # it would not see through a gradient that is our own
            )
            same = NamedSharding(self._mesh, _SAME)
            self._functions[key] = jax.jit(function, in_shardings=same, out_shardings=same)
        return self._functions[key]


def _chosen(devices: int | None) -> list[Any]:
    """Return so many devices: by default the first or, of several processes, all of theirs."""
    every, several = jax.devices(), jax.process_count() > 1
    if devices is None:
        devices = len(every) if several else 1
    if devices > len(every):
        raise ValueError(
            f"devices={devices}, but JAX has {len(every)} here, {every[0].platform}: set "
            f"XLA_FLAGS=--xla_force_host_platform_device_count={devices} in the environment to "
            "have a CPU act as so many"
        )
    if several and devices < len(every):
        raise ValueError(f"devices must be {len(every)}, all that the processes have")
    chosen: list[Any] = every[:devices]
    return chosen


def _weighted(traced: Any) -> Any:
    """Return the sum of the losses of samples with weights, and its gradient, for JAX."""

    def loss(weight: Any, *args: Any) -> tuple[Any, Any]:
        value, outputs = traced(*args)
        return weight * value, outputs

    options = {**MEAN, "in_axes": (0, *MEAN["in_axes"]), "reduce": "sum"}
    function = autograd.compile(loss, **options, backend="jax").jax
    return jax.value_and_grad(function, argnums=1, has_aux=True)


def _epoch(
    value_and_grad: Any,
    rule: Any,
    start: tuple[Any, Any],
    data: tuple[Any, Any, Any],
    max_norm: Any,
    rates: Any,
    shares: tuple[Any, Any, Any],
) -> tuple[Any, Any, Any, Any, Any]:
    """Make the steps of an epoch, on one of the devices.

    Returns:
        θ, the memory of the optimiser; the losses, the norms and this device's share of outputs.
    """
    constants, inputs, targets = data

    def step(state: tuple[Any, Any], minibatch: tuple[Any, Any]) -> tuple[Any, Any]:
        (theta, memory), (lr, (indices, weights, factors)) = state, minibatch
        (loss, outputs), gradient = value_and_grad(
            weights, theta, constants, factors, inputs[indices], targets[indices]
        )
        total = lax.psum(jnp.append(gradient, loss), "data")
        gradient, loss = total[:-1], total[-1]
        norm = jnp.sqrt(gradient @ gradient)
        gradient = jnp.where(norm > max_norm, gradient * (max_norm / norm), gradient)
        return rule(theta, gradient, lr, memory), (loss, norm, outputs)

    (theta, memory), measured = lax.scan(step, start, (rates, shares))
    return theta, memory, *measured
