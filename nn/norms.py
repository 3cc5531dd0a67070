"""Normalisation: vectors brought to one size, whatever the layers before make of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, final

from autograd import Value, dot, mean
from autograd.errors import as_float
from nn.layers import count, inputs_of
from nn.module import Module


class Norm(Module):
    """What the normalisations have in common."""

    w: list[Value]
    saved = ("size", "eps")

    def __init__(self, size: int, eps: float = 1e-5) -> None:
        self.size, self.eps = count("size", size), as_float(eps, "eps")
        self.w = [Value(1.0) for _ in range(self.size)]
        self.name_parameters()

    def __call__(self, x: Any) -> list[Any]:
        """Return a list of `size` numbers or Values, normalised.

        Raises:
            ValueError: there are not so many; for a sequence of vectors see `Each`.
            TypeError: `x` is not a list of numbers.
        """
        return self.normalised(inputs_of(x, self.size, self))

    @abstractmethod
    def normalised(self, x: Sequence[Any]) -> list[Any]:
        """Return a vector of the right length, normalised."""

    def inverse_root(self, x: Sequence[Any]) -> Any:
        """Return 1/√(mean(x²) + eps)."""
        return (dot(x, x) * (1.0 / len(x)) + self.eps) ** -0.5

    def example(self) -> list[float]:
        """Return a vector, all of it 1."""
        return [1.0] * self.size

    def _summary_shape(self) -> str:
        return f"{self.size} → {self.size}"


@final
class LayerNorm(Norm):
    """A vector with mean 0 and variance 1, then scaled and shifted: w (x - μ)/√(σ² + eps) + b.

    Source: Ba et al., arXiv:1607.06450.

    Args:
        size: the number of numbers in a vector.
        eps: what keeps the root from 0.

    Attributes:
        w: the scales, which begin at 1.
        b: the shifts, which begin at 0.

    Raises:
        ValueError: the size is below 1.
        TypeError: it is no integer.

    >>> [round(y.data, 3) for y in LayerNorm(3)([1.0, 2.0, 3.0])]
    [-1.225, 0.0, 1.225]
    """

    b: list[Value]

    def __init__(self, size: int, eps: float = 1e-5) -> None:
        super().__init__(size, eps)
        self.b = [Value(0.0) for _ in self.w]
        self.name_parameters()

    def normalised(self, x: Sequence[Any]) -> list[Any]:
        """Return the vector, normalised."""
        middle = mean(x)
        apart = [v - middle for v in x]
        scale = self.inverse_root(apart)
        return [w * (v * scale) + b for w, v, b in zip(self.w, apart, self.b, strict=True)]


@final
class RMSNorm(Norm):
    """A vector divided by its root mean square, then scaled: w x/√(mean(x²) + eps).

    Source: Zhang and Sennrich, arXiv:1910.07467. Arguments and errors are those of `LayerNorm`.

    >>> [round(y.data, 3) for y in RMSNorm(2)([1.0, 7.0])]
    [0.2, 1.4]
    """

    def normalised(self, x: Sequence[Any]) -> list[Any]:
        """Return the vector, normalised."""
        scale = self.inverse_root(x)
        return [w * (v * scale) for w, v in zip(self.w, x, strict=True)]
