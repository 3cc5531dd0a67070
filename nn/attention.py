"""Attention: vectors of a sequence that look at each other."""

from __future__ import annotations

import math
import random
from typing import Any, final

from autograd import dot, softmax
from nn.init import generator
from nn.layers import Layer, count
from nn.module import Module


@final
class Attention(Module):
    """Each vector of a sequence becomes a mixture of all, softmax(Q Kᵀ/√d) V in each head.

    A head has its own d of the numbers in each query, key and value, d = size/heads. What the heads
    give stands side by side, and a last layer mixes it. Source: Vaswani et al., arXiv:1706.03762.

    Args:
        size: the number of numbers in a vector.
        heads: the number of heads, a divisor of the size.
        causal: whether a vector looks at those before it and at itself only.
        seed: the seed, or the generator, to draw the weights with.

    Attributes:
        query, key, value: the layers that make these.
        output: the last layer.

    Raises:
        ValueError: a size is below 1, or not divided by the number of heads.

    >>> attention = Attention(4, heads=2, causal=True, seed=0)
    >>> attention
    Attention(4, heads=2, causal=True)
    >>> len(attention([[1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0]]))
    2
    """

    query: Layer
    key: Layer
    value: Layer
    output: Layer
    saved = ("size", "heads", "causal")

    def __init__(
        self,
        size: int,
        heads: int = 1,
        *,
        causal: bool = False,
        seed: int | random.Random | None = None,
    ) -> None:
        self.size, self.heads, self.causal = count("size", size), count("heads", heads), causal
        if self.size % self.heads:
            raise ValueError(f"{heads} heads cannot share vectors of {size} evenly")
        rng = generator(seed)
        self.query, self.key, self.value, self.output = [
            Layer(size, size, "linear", seed=rng) for _ in range(4)
        ]
        self.name_parameters()

    def __call__(self, x: Any) -> list[list[Any]]:
        """Return as many vectors as `x` has, each a list of `size` numbers or Values."""
        V = [self.value.vector(v) for v in x]
        mixed: list[list[Any]] = [[] for _ in V]
        for own, weights in zip(self._parts_of_heads(), self.weights(x), strict=True):
            for row, shares in zip(mixed, weights, strict=True):
                seen = V[: len(shares)]
                columns = zip(*[v[own] for v in seen], strict=True)
                row += [dot(shares, column) for column in columns]
        return [self.output.vector(row) for row in mixed]

    def weights(self, x: Any) -> list[list[list[Any]]]:
        """Return how much each vector of a list looks at each other.

        Returns:
            For each head a row per vector: numbers that sum to 1, one for each vector that it looks
            at, the first of the sequence first.

        >>> attention = Attention(2, causal=True)
        >>> [[len(row) for row in head] for head in attention.weights([[1.0, 2.0], [3.0, 4.0]])]
        [[1, 2]]
        """
        Q, K = [[layer.vector(v) for v in x] for layer in (self.query, self.key)]
        scale = 1.0 / math.sqrt(self.size // self.heads)
        return [
            [
                softmax([dot(q[own], k[own]) * scale for k in (K[: t + 1] if self.causal else K)])
                for t, q in enumerate(Q)
            ]
            for own in self._parts_of_heads()
        ]

    def example(self) -> list[list[float]]:
        """Return a sequence of two vectors."""
        return [[1.0] * self.size for _ in range(2)]

    def _parts_of_heads(self) -> list[slice]:
        """Return the part of a vector that each head has."""
        width = self.size // self.heads
        return [slice(start, start + width) for start in range(0, self.size, width)]
