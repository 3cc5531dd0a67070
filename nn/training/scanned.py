"""The engine that has XLA run a whole epoch in one call, by JAX, on one or more devices.

What it compiles is the function of `compiled.py`, with the same gradient, and the rule of the
optimiser, which serves arrays of JAX as it does those of NumPy; `lax.scan` goes through the
minibatches. One more call validates. A minibatch by itself is left to NumPy.

Each device has all parameters, and its share of every minibatch. What they find is added up once
per step, and then all make the same step. So that the shares are alike, minibatches are padded with
samples of the weight 0:

    samples   5 9 2 7 0 4 5 5       weights   ⅙ ⅙ ⅙ ⅙ ⅙ ⅙ 0 0       loss   Σ w l
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import inf, prod
from typing import Any, TypeAlias, final

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import autograd
from autograd import Value
from nn.optim import Optimizer
from nn.training.compiled import MEAN, CompiledEngine
from nn.training.engines import Course

_SAME, _SHARED = PartitionSpec(), PartitionSpec(None, "data")  # (minibatch, sample of it, …)

Added: TypeAlias = Callable[[Any], Any]  # adds up what the devices have


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
    _epochs: dict[Any, Any]  # what XLA has compiled, by the options of the optimiser
    _validation: tuple[Any, ...]  # and for the samples held out, with these

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
        indices, weights = self._padded(course.minibatches)
        factors = self.kept(*weights.shape)
        for own, minibatch in zip(factors, course.minibatches, strict=True):
            own[: len(minibatch)] = self.drawn(len(minibatch))
        with jax.enable_x64(True):
            theta, memory, losses, norms, outputs = jax.tree.map(
                np.asarray,
                self._epoch_of(optimizer, course.max_grad_norm)(
                    (self.theta(), optimizer.memory(rows)),
                    self.constants,
                    np.array(course.rates),
                    self._shares(self.samples.X, self.targets[0], indices, weights, factors),
                ),
            )
        if not (np.isfinite(losses).all() and np.isfinite(norms).all()):
            self.rng.setstate(before)
            yield from super().epoch(course)
            return
        found = zip(course.minibatches, course.rates, losses.tolist(), norms.tolist(), strict=True)
        for i, (minibatch, optimizer.lr, loss, norm) in enumerate(found):
            yield loss, norm, outputs[i, : len(minibatch)] if len(outputs) else outputs
        optimizer.remember(rows, memory)
        self.leave(theta)

    def evaluate(self) -> tuple[float, Any]:
        """Return the mean loss and the outputs of the samples held out, for the model as it is."""
        with jax.enable_x64(True):
            if not self._validation:
                n = len(self.held_out)
                indices, weights = self._padded([range(n)])
                factors = self.kept(*weights.shape)
                samples = self.held_out.X, self.targets[1]
                shares = self._shares(*samples, indices, weights, factors)
                function = self._on_devices(self._validated, 2, 1)
                self._validation = function, jax.tree.map(jnp.asarray, shares)
            function, shares = self._validation
            loss, outputs = jax.tree.map(np.asarray, function(self.theta(), self.constants, shares))
        if not np.isfinite(loss):
            return super().evaluate()
        return float(loss), outputs[0, : len(self.held_out)] if len(outputs) else outputs

    def _compile(self, params: list[Value]) -> None:
        """Make the function of θ, whose sum over samples has weights.

        For XLA, the numbers of θ have another order, in which those of a matrix stand side by side:
        first all weights, then all biases, or whatever the attributes of the layers are called.
        """
        super()._compile(params)
        names = {p: name.rpartition(".")[2] for name, p in self.model.named_parameters()}
        kinds = [names[p].rstrip("0123456789_") for p in params]
        self._order = np.argsort(kinds, kind="stable")
        places, traced = np.argsort(self._order).tolist(), self.traced

        def loss(weight: Any, theta: Any, *args: Any) -> tuple[Any, Any]:
            value, outputs = traced([theta[i] for i in places], *args)
            return weight * value, outputs

        options = {**MEAN, "in_axes": (0, *MEAN["in_axes"]), "reduce": "sum"}
        self._weighted = autograd.compile(loss, **options, backend="jax").jax
        self._epochs, self._validation = {}, ()

    def _epoch_of(self, optimizer: Optimizer, max_norm: float) -> Any:
        """Return what XLA compiles, for an optimiser with these options."""
        options = optimizer.options().items()
        key = max_norm, type(optimizer), *[(name, x) for name, x in options if name != "lr"]
        if key not in self._epochs:
            function = partial(self._steps, optimizer.rule, max_norm)
            self._epochs[key] = self._on_devices(function, 3, 4)
        return self._epochs[key]

    # --- what a device does -----------------------------------------------------------------------

    def _steps(
        self, rule: Any, max_norm: float, added: Added, start: Any, constants: Any, *given: Any
    ) -> tuple[Any, Any, Any, Any, Any]:
        """Make the steps of an epoch, given their learning rates and this device's shares.

        Returns:
            θ, the memory of the optimiser; the losses, the norms and its share of the outputs.
        """
        value_and_grad = jax.value_and_grad(self._weighted, argnums=1, has_aux=True)

        def step(state: tuple[Any, Any], minibatch: tuple[Any, Any]) -> tuple[Any, Any]:
            (theta, memory), (lr, (weights, *samples)) = state, minibatch
            (loss, outputs), gradient = value_and_grad(weights, theta, constants, *samples)
            loss, gradient = added((loss, gradient))
            norm = jnp.sqrt(gradient @ gradient)
            if max_norm < inf:
                gradient = jnp.where(norm > max_norm, gradient * (max_norm / norm), gradient)
            return rule(theta, gradient, lr, memory), (loss, norm, outputs)

        def put(order: Any, state: Any) -> Any:
            return jax.tree.map(lambda x: x[order] if len(x) == len(order) else x, state)

        end, measured = lax.scan(step, put(self._order, start), given)
        return *put(np.argsort(self._order), end), *measured

    def _validated(
        self, added: Added, theta: Any, constants: Any, shares: list[Any]
    ) -> tuple[Any, Any]:
        """Return the loss of samples, a single minibatch, and its share of the outputs."""
        weights, *samples = [x[0] for x in shares]
        loss, outputs = self._weighted(weights, theta[self._order], constants, *samples)
        return added(loss), jax.tree.map(lambda x: x[None], outputs)

    # --- what a device gets -----------------------------------------------------------------------

    def _padded(self, minibatches: Sequence[Sequence[int]]) -> tuple[Any, Any]:
        """Return the indices of the samples of all minibatches, and their weights."""
        devices = self._mesh.size
        size = -(-max(map(len, minibatches)) // devices) * devices
        indices = np.zeros((len(minibatches), size), int)
        weights = np.zeros(indices.shape)
        for i, minibatch in enumerate(minibatches):
            n = len(minibatch)
            indices[i, :n], indices[i, n:] = minibatch, minibatch[0]
            weights[i, :n] = 1.0 / n
        return indices, weights

    def _shares(self, X: Any, targets: Any, indices: Any, weights: Any, factors: Any) -> list[Any]:
        """Return weights, factors, inputs and targets, of which each device has its share only."""
        _nothing()  # any call of JAX lets go of arrays that it has had before
        return [
            *[self._shared(x.shape, x) for x in (weights, factors)],
            *[self._shared((*indices.shape, *x.shape[1:]), x, indices) for x in (X, targets)],
        ]

    def _shared(self, shape: tuple[int, ...], x: Any, indices: Any = None) -> Any:
        """Return x, or its samples at indices, as an array (minibatch, sample of it, …)."""

        def own(at: Any) -> Any:
            if indices is None:
                return x[at]
            picked = _aligned((*indices[at].shape, *x.shape[1:]))
            return np.take(np.asarray(x, float), indices[at], axis=0, out=picked, mode="clip")

        if self._mesh.size == 1:
            return own(...)
        sharing = NamedSharding(self._mesh, _SHARED)
        return jax.make_array_from_callback(shape, sharing, lambda at: own(at[:2]))

    def _on_devices(self, function: Any, given: int, found: int) -> Any:
        """Compile a function for all devices, each with its share of some samples.

        Args:
            function: it takes a function that adds up what devices have, and the arguments.
            given: how many arguments are the same for all; the last is what has a share for each.
            found: likewise how many results.
        """
        if self._mesh.size == 1:
            return jax.jit(partial(function, lambda x: x))
        spread = jax.shard_map(
            partial(function, partial(lax.psum, axis_name="data")),
            mesh=self._mesh,
            in_specs=(*[_SAME] * given, _SHARED),
            out_specs=(*[_SAME] * found, _SHARED),
            check_vma=False,  # it would not see through a gradient that is our own
        )
        everywhere, share = [NamedSharding(self._mesh, x) for x in (_SAME, _SHARED)]
        places = (*[everywhere] * given, share)
        return jax.jit(spread, in_shardings=places, out_shardings=everywhere)


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


_nothing = jax.jit(lambda: 0)


def _aligned(shape: tuple[int, ...]) -> Any:
    """Return an empty array where JAX takes it as it stands; elsewhere it would make a copy."""
    count = prod(shape)
    room = np.empty(count + 8)
    start = -room.ctypes.data % 64 // 8
    return room[start : start + count].reshape(shape)
