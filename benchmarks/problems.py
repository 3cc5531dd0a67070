"""The functions of `benchmarks.derivatives`, each in plain scalar code and in vectorised code.

No library of derivatives is imported here: this file also runs where HIPS autograd is installed,
whose import name is ours. Numbers may be of any kind; who has a tanh of its own hands it in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

POINTS = 8  # of the network's training set


@dataclass(frozen=True)
class Problem:
    """A function of n numbers, and the point at which it is differentiated.

    Attributes:
        name: "rosenbrock" or "mlp".
        sizes: the number of variables, or the sizes of the layers, the inputs first.
    """

    name: str
    sizes: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name} {'-'.join(map(str, self.sizes))}"

    @property
    def n(self) -> int:
        """The number of variables."""
        if self.name == "rosenbrock":
            return self.sizes[0]
        return sum((n + 1) * m for n, m in pairwise(self.sizes))

    def start(self) -> list[float]:
        """Return the point."""
        if self.name == "rosenbrock":
            return [0.3 * math.sin(i) for i in range(self.n)]
        return [0.5 * math.sin(1.7 * i) for i in range(self.n)]

    def direction(self) -> list[float]:
        """Return a vector to multiply the Hessian with."""
        return [math.cos(i) for i in range(self.n)]

    def scalar(self, tanh: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Return the function in plain scalar code."""
        return rosenbrock if self.name == "rosenbrock" else mlp(self.sizes, weighted_sum, tanh)

    def vectorised(self, np: Any) -> Callable[[Any], Any]:
        """Return the function in the code of the module `np`, which is NumPy or like it."""
        if self.name == "rosenbrock":
            return lambda x: np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
        return vectorised_mlp(self.sizes, np)


def rosenbrock(x: Sequence[Any]) -> Any:
    """Compute Rosenbrock's function of any number of variables."""
    return sum(100.0 * (b - a**2) ** 2 + (1.0 - a) ** 2 for a, b in pairwise(x))


def training_set(sizes: Sequence[int]) -> tuple[list[list[float]], list[float]]:
    """Make inputs and targets."""
    rows = [[math.sin(3 * i + 7 * j) for j in range(sizes[0])] for i in range(POINTS)]
    return rows, [math.cos(i) for i in range(POINTS)]


def weighted_sum(weights: Sequence[Any], x: Sequence[Any], bias: Any) -> Any:
    """Compute the pre-activation of a neuron, one product after the other."""
    z = bias
    for w, xi in zip(weights, x, strict=True):
        z = z + w * xi
    return z


def mlp(
    sizes: Sequence[int], neuron: Callable[[Any, Any, Any], Any], tanh: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    """Return the squared error of a tanh network with one output, as a function of its parameters.

    Args:
        sizes: of the layers, the inputs first.
        neuron: computes ⟨w, x⟩ + b.
        tanh: the activation of the hidden layers.
    """
    rows, targets = training_set(sizes)

    def loss(parameters: Sequence[Any]) -> Any:
        numbers = iter(parameters)
        layers = [
            [([next(numbers) for _ in range(n)], next(numbers)) for _ in range(m)]
            for n, m in pairwise(sizes)
        ]
        total = 0.0
        for row, target in zip(rows, targets, strict=True):
            x: Sequence[Any] = row
            for layer in layers[:-1]:
                x = [tanh(neuron(weights, x, bias)) for weights, bias in layer]
            ((weights, bias),) = layers[-1]
            total = total + (neuron(weights, x, bias) - target) ** 2
        return total * (1.0 / POINTS)

    return loss


def vectorised_mlp(sizes: Sequence[int], np: Any) -> Callable[[Any], Any]:
    """Return the same error in vectorised code."""
    rows, targets = training_set(sizes)
    inputs, wanted = np.array(rows), np.array(targets)

    def loss(parameters: Any) -> Any:
        x, start = inputs, 0
        for n, m in pairwise(sizes):
            layer = parameters[start : start + (n + 1) * m].reshape((m, n + 1))
            start += (n + 1) * m
            z = np.dot(x, layer[:, :n].T) + layer[:, n]
            x = np.tanh(z)
        return np.mean((z[:, 0] - wanted) ** 2)

    return loss
