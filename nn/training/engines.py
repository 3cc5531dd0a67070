"""The engines of a training: what computes the loss of samples, and its gradient.

Here is the one that runs the scalar code as it stands; `compiled.py` has the one that compiles it
first. For the same parameters and samples they give the same numbers, but for rounding.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, NamedTuple, final

import numpy as np

import autograd
from autograd import Value, fsum, no_grad
from nn.dropout import dropping
from nn.forward import numbers
from nn.module import Module
from nn.optim import Array, Optimizer, clipped, read, write
from nn.training.samples import Samples

Loss = Callable[[Any, Any], Any]


class Course(NamedTuple):
    """What an epoch does.

    Attributes:
        minibatches: the indices of the samples of each.
        rates: the learning rate for each.
        optimizer: makes the steps.
        rows: which of its parameters are trained: see `Optimizer.trained`.
        max_grad_norm: the greatest norm of the gradient.
    """

    minibatches: Sequence[Sequence[int]]
    rates: Sequence[float]
    optimizer: Optimizer
    rows: Any
    max_grad_norm: float


class Engine(ABC):
    """What computes the loss of samples, and its gradient, in one training.

    Args:
        model: the model.
        loss: the loss of one sample, of the output and the target.
        samples: the samples to train on.
        held_out: those to validate with, maybe none.
        rng: the source of what `Dropout` leaves out.
    """

    name: ClassVar[str]
    _theta: Array | None = None  # as long as it is known
    _is_settled = True

    def __init__(
        self,
        model: Module,
        loss: Loss,
        samples: Samples,
        held_out: Samples,
        rng: random.Random | None = None,
    ) -> None:
        self.model, self.loss = model, loss
        self.samples, self.held_out = samples, held_out
        self.rng = rng or random.Random(0)
        self.params: list[Value] = []

    def begin(self, params: list[Value]) -> None:
        """Get ready to train these parameters, which others may have changed since the last epoch.

        Raises:
            TraceError: this engine cannot do it.
        """
        self.params, self._theta = params, None

    def take(self, samples: Samples) -> None:
        """Go on with these samples, a part of those to train on.

        Raises:
            TraceError: this engine cannot do it.
        """
        self.samples = samples

    @abstractmethod
    def gradient(self, theta: Array, indices: Sequence[int]) -> tuple[float, Any, Array]:
        """Compute the gradient of a minibatch.

        Args:
            theta: the numbers of the n parameters that are trained.
            indices: which samples the minibatch has.

        Returns:
            The mean loss; the outputs, one per sample; and n derivatives of that loss.
        """

    def epoch(self, course: Course) -> Iterator[tuple[float, float, Any]]:
        """Train on minibatches in turn; give the loss, the norm of the gradient and the outputs.

        The step is made when the next one is asked for, so that there is none with what is not
        finite; the model has the new parameters at the end.
        """
        optimizer, theta = course.optimizer, self.theta()
        for indices, optimizer.lr in zip(course.minibatches, course.rates, strict=True):
            loss, outputs, gradient = self.gradient(theta, indices)
            gradient, norm = clipped(gradient, course.max_grad_norm)
            yield loss, norm, outputs
            theta = optimizer.updated(theta, gradient, course.rows)
        self.leave(theta)

    def theta(self) -> Array:
        """Return the numbers of the parameters that are trained."""
        if self._theta is None:
            self._theta = read(self.params)
        return self._theta

    def leave(self, theta: Array) -> None:
        """Go on from these numbers, at the end of an epoch; `settle` gives them to the model."""
        self._theta, self._is_settled = theta, False

    def settle(self) -> None:
        """Give the model what the last epoch left, unless it has had it."""
        if not self._is_settled:
            write(self.params, self.theta())
            self._is_settled = True

    @abstractmethod
    def evaluate(self) -> tuple[float, Any]:
        """Return the mean loss and the outputs of the samples held out, for the model as it is."""


@final
class EagerEngine(Engine):
    """The engine as it is: a node for every number.

    >>> from nn import MLP, mse_loss
    >>> from nn.training.samples import checked
    >>> import numpy as np
    >>> model = MLP(1, [1])
    >>> engine = EagerEngine(model, mse_loss, checked([[1.0], [3.0]], [0.0, 0.0]), Samples([], []))
    >>> engine.begin(model.parameters())
    >>> loss, outputs, gradient = engine.gradient(np.array([2.0, 0.0]), [0, 1])
    >>> loss, outputs, gradient.tolist()
    (20.0, [2.0, 6.0], [20.0, 8.0])
    """

    name = "eager"

    def gradient(self, theta: Array, indices: Sequence[int]) -> tuple[float, Any, Array]:
        """Compute the gradient of a minibatch.

        Up to 16 samples share a graph, so that one backward pass visits each parameter once for
        all of them: that takes two thirds of the time of a pass per sample. More would hardly be
        faster, and the memory that a graph takes stays bounded for any batch size.
        """
        write(self.params, theta)
        autograd.zero_grad(self.params)
        total = 0.0
        outputs: list[Any] = []
        for start in range(0, len(indices), 16):
            part = indices[start : start + 16]
            with dropping(self.model, self.rng):
                nodes = [self.model(x) for x in self.samples.inputs(part)]
            loss = needs_value(
                fsum([self.loss(v, self.samples.y[i]) for v, i in zip(nodes, part, strict=True)])
            )
            loss.backward(1.0 / len(indices))
            total += loss.data
            outputs += map(numbers, nodes)
        return total / len(indices), outputs, np.array([p.grad for p in self.params])

    def evaluate(self) -> tuple[float, Any]:
        """Return the mean loss and the outputs of the samples held out, for the model as it is."""
        self.settle()
        with no_grad():
            outputs = [self.model(x) for x in self.held_out.inputs(range(len(self.held_out)))]
            total = fsum(map(self.loss, outputs, self.held_out.y))
        return numbers(total) / len(outputs), [numbers(output) for output in outputs]


def needs_value(loss: Any) -> Value:
    """Check that what a loss returned is a node."""
    if not isinstance(loss, Value):
        raise TypeError(
            f"loss must return a Value that depends on the output of the model, not {loss}"
        )
    return loss
