"""The networks of `benchmarks.compiler`: as scalar code, and in NumPy by hand.

The scalar code is that of a user: neurons, a loss of one sample. By hand means matrices, the whole
batch at once, and derivatives that somebody worked out on paper.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.special import erf

import autograd

Scalar = Any  # a number of any kind
Array = Any
Result = tuple[float, list[Array]]  # the loss, and its gradient by W1, b1, W2, b2, ...


@dataclass(frozen=True)
class Network:
    """A network with a batch: the mean of a loss and its gradient are asked for.

    With one output the loss is the squared error, with several it is the cross-entropy of their
    softmax.

    Attributes:
        sizes: the inputs, and the neurons of each layer.
        samples: how many there are in the batch.
        activation: of the layers but the last, "relu" or "gelu".
    """

    sizes: tuple[int, ...]
    samples: int
    activation: str = "relu"

    def __str__(self) -> str:
        return f"{'-'.join(map(str, self.sizes))} ×{self.samples:,}"

    def parameters(self) -> list[tuple[Array, Array]]:
        """Draw W, a row per neuron, and b for each layer; the same whenever asked."""
        rng = np.random.default_rng(0)
        return [
            (rng.normal(0.0, math.sqrt(2.0 / n), (m, n)), rng.normal(0.0, 0.1, m))
            for n, m in pairwise(self.sizes)
        ]

    def batch(self) -> tuple[Array, Array]:
        """Draw inputs, a row per sample, and targets: a number, or 1 at the class and 0 else."""
        rng = np.random.default_rng(1)
        x = rng.normal(size=(self.samples, self.sizes[0]))
        outputs = self.sizes[-1]
        if outputs == 1:
            return x, rng.normal(size=self.samples)
        return x, np.eye(outputs)[rng.integers(outputs, size=self.samples)]


# --- scalar code ----------------------------------------------------------------------------------


def neuron(w: Sequence[Scalar], b: Scalar, x: Sequence[Scalar]) -> Scalar:
    """Compute ⟨w, x⟩ + b as one operation."""
    return autograd.dot(w, x, b)


def micrograd_neuron(w: Sequence[Scalar], b: Scalar, x: Sequence[Scalar]) -> Scalar:
    """Compute ⟨w, x⟩ + b as micrograd does, a product and a sum at a time."""
    return sum((wi * xi for wi, xi in zip(w, x, strict=True)), b)


def scalar_loss(network: Network, neuron: Callable[..., Scalar]) -> Callable[..., Scalar]:
    """Make the loss of one sample, as a function of parameters, input and target."""
    activation: Any = getattr(autograd, network.activation)

    def loss(parameters: Any, x: Sequence[Scalar], y: Any) -> Scalar:
        for W, b in parameters[:-1]:
            x = [activation(neuron(w, bi, x)) for w, bi in zip(W, b, strict=True)]
        W, b = parameters[-1]
        z = [neuron(w, bi, x) for w, bi in zip(W, b, strict=True)]
        if len(z) == 1:
            return autograd.square(z[0] - y)
        return autograd.logsumexp(z) - autograd.dot(y, z)

    return loss


# --- by hand --------------------------------------------------------------------------------------


def relu_by_hand(z: Array) -> tuple[Array, Array]:
    """Give the activation and its derivative."""
    return np.maximum(z, 0.0), z > 0.0


def gelu_by_hand(z: Array) -> tuple[Array, Array]:
    """Give the activation and its derivative."""
    below = 0.5 * (1.0 + erf(z * math.sqrt(0.5)))
    return z * below, below + z * (np.exp(-0.5 * z * z) * (1.0 / math.sqrt(2.0 * math.pi)))


def squared_error_by_hand(z: Array, y: Array) -> tuple[float, Array]:
    """Give the mean loss and its derivative."""
    error = z[:, 0] - y
    return float(np.mean(error * error)), (error * (2.0 / len(y)))[:, None]


def cross_entropy_by_hand(z: Array, y: Array) -> tuple[float, Array]:
    """Give the mean loss and its derivative."""
    z = z - z.max(axis=1, keepdims=True)
    powers = np.exp(z)
    total = powers.sum(axis=1, keepdims=True)
    loss = float(np.mean(np.log(total[:, 0]) - (y * z).sum(axis=1)))
    return loss, (powers / total - y) * (1.0 / len(y))


def by_hand(network: Network, layers: Sequence[tuple[Array, Array]], X: Array, y: Array) -> Result:
    """Compute the mean loss and its gradient.

    Args:
        network: which network it is.
        layers: W, a column per neuron, and b for each layer.
        X: the inputs, a row per sample.
        y: the targets.
    """
    activate = relu_by_hand if network.activation == "relu" else gelu_by_hand
    inputs, slopes = [X], []
    for W, b in layers[:-1]:
        a, slope = activate(inputs[-1] @ W + b)
        inputs.append(a)
        slopes.append(slope)
    W, b = layers[-1]
    z = inputs[-1] @ W + b
    loss, d = (squared_error_by_hand if z.shape[1] == 1 else cross_entropy_by_hand)(z, y)
    gradient = [inputs[-1].T @ d, d.sum(axis=0)]
    for (W, _), x, slope in zip(layers[:0:-1], inputs[-2::-1], slopes[::-1], strict=True):
        d = d @ W.T
        d *= slope
        gradient = [x.T @ d, d.sum(axis=0), *gradient]
    return loss, gradient
