"""Recurrent networks: a state that goes from one vector of a sequence to the next."""

from __future__ import annotations

import math
import random
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, final

from autograd import sigmoid, tanh
from nn.init import generator
from nn.layers import Layer, count
from nn.module import Module


class Recurrent(Module):
    """What recurrent networks have in common. The weights are drawn from ±1/√n_out.

    Attributes:
        inputs: the layer that looks at the inputs, with n_out neurons for each gate.
        hidden: the layer that looks at the outputs of the step before, likewise.
    """

    gates: ClassVar[int]
    kept: ClassVar[int] = 1  # vectors in the state
    inputs: Layer
    hidden: Layer
    saved = ("n_in", "n_out")

    def __init__(self, n_in: int, n_out: int, *, seed: int | random.Random | None = None) -> None:
        self.n_in, self.n_out = count("n_in", n_in), count("n_out", n_out)
        bound, rng = 1.0 / math.sqrt(self.n_out), generator(seed)

        def evenly(n_in: int, n_out: int, *, rng: random.Random) -> list[float]:  # noqa: ARG001
            return [rng.uniform(-bound, bound) for _ in range(n_in)]

        self.inputs, self.hidden = [
            Layer(n, self.gates * self.n_out, "linear", init=evenly, seed=rng)
            for n in (self.n_in, self.n_out)
        ]
        self.name_parameters()

    def __call__(self, x: Any) -> list[list[Any]]:
        """Return the outputs of each step: a vector of n_out Values for each vector in x.

        Those have n_in numbers or Values. The first step begins with zeros.
        """
        state, outputs = self.start(), []
        for v in x:
            state = self.step(v, state)
            outputs.append(state[0])
        return outputs

    def start(self) -> list[list[Any]]:
        """Return the state before the first step: vectors of zeros, for the outputs the first."""
        return [[0.0] * self.n_out for _ in range(self.kept)]

    @abstractmethod
    def step(self, x: Any, state: list[list[Any]]) -> list[list[Any]]:
        """Return the state after a step, from a vector of n_in numbers and the state before."""

    def example(self) -> Any:
        """Return a sequence of two vectors."""
        return [[1.0] * self.n_in for _ in range(2)]

    def _gates(self, layer: Layer, x: Any) -> list[list[Any]]:
        """Compute a layer, and part its outputs by gates."""
        z, n = layer.vector(x), self.n_out
        return [z[start : start + n] for start in range(0, len(z), n)]


def _gate(function: Callable[[Any], Any], own: Sequence[Any], past: Sequence[Any]) -> list[Any]:
    """Return σ(W x + b + U h + c) from what the inputs and the outputs before give to it."""
    return [function(a + b) for a, b in zip(own, past, strict=True)]


@final
class RNN(Recurrent):
    """The simple recurrent network: h' = tanh(W x + b + U h + c).

    Args:
        n_in: the number of inputs at each step.
        n_out: the number of outputs at each step.
        seed: the seed, or the generator, to draw the weights with.

    Raises:
        ValueError: a size is below 1.

    >>> [len(h) for h in RNN(2, 3, seed=0)([[1.0, 2.0], [3.0, 4.0]])]
    [3, 3]
    """

    gates = 1

    def step(self, x: Any, state: list[list[Any]]) -> list[list[Any]]:
        """Return h'."""
        (own,), (past,) = self._gates(self.inputs, x), self._gates(self.hidden, state[0])
        return [_gate(tanh, own, past)]


@final
class GRU(Recurrent):
    """The gated recurrent unit: h' = (1 - z) n + z h.

    The gates r and z are σ(W x + b + U h + c), and n = tanh(W x + b + r (U h + c)), each with
    weights of its own, in this order. Source: Cho et al., arXiv:1406.1078. Arguments are those of
    `RNN`.

    >>> [len(h) for h in GRU(2, 3, seed=0)([[1.0, 2.0], [3.0, 4.0]])]
    [3, 3]
    """

    gates = 3

    def step(self, x: Any, state: list[list[Any]]) -> list[list[Any]]:
        """Return h'."""
        (h,) = state
        own, past = self._gates(self.inputs, x), self._gates(self.hidden, h)
        r, z = [_gate(sigmoid, *pair) for pair in zip(own[:2], past[:2], strict=True)]
        n = [tanh(a + ri * b) for a, ri, b in zip(own[2], r, past[2], strict=True)]
        return [[(1.0 - zi) * ni + zi * hi for zi, ni, hi in zip(z, n, h, strict=True)]]


@final
class LSTM(Recurrent):
    """Long short-term memory: c' = f c + i g and h' = o tanh(c').

    The gates i, f and o are σ(W x + b + U h + c), and g = tanh(W x + b + U h + c), each with
    weights of its own, in the order i, f, g, o. The state is (h, c). Source: Hochreiter and
    Schmidhuber, Neural Computation 9, 1997. Arguments are those of `RNN`.

    >>> [len(h) for h in LSTM(2, 3, seed=0)([[1.0, 2.0], [3.0, 4.0]])]
    [3, 3]
    """

    gates = 4
    kept = 2

    def step(self, x: Any, state: list[list[Any]]) -> list[list[Any]]:
        """Return h' and c'."""
        h, c = state
        own, past = self._gates(self.inputs, x), self._gates(self.hidden, h)
        functions = (sigmoid, sigmoid, tanh, sigmoid)
        i, f, g, o = map(_gate, functions, own, past)
        c = [fi * ci + ii * gi for fi, ci, ii, gi in zip(f, c, i, g, strict=True)]
        return [[oi * tanh(ci) for oi, ci in zip(o, c, strict=True)], c]
