"""Vectors for symbols: a table that is learnt."""

from __future__ import annotations

import random
from typing import Any, final

from autograd import Value, take
from nn.init import generator
from nn.layers import count
from nn.module import Module


@final
class Embedding(Module):
    """A table with a vector for each symbol: e = W[token].

    Args:
        n_in: the number of symbols.
        n_out: the number of numbers in a vector.
        scale: the standard deviation of the normal distribution that they are drawn from.
        seed: the seed, or the generator, to draw them with.

    Attributes:
        w: the table, n_in lists of n_out Values.

    Raises:
        ValueError: a size is below 1.

    >>> table = Embedding(27, 4, seed=0)
    >>> table
    Embedding(27, 4)
    >>> table(25) is table.w[25]
    True
    """

    w: list[list[Value]]
    saved = ("n_in", "n_out")

    def __init__(
        self, n_in: int, n_out: int, *, scale: float = 1.0, seed: int | random.Random | None = None
    ) -> None:
        self.n_in, self.n_out = count("n_in", n_in), count("n_out", n_out)
        rng = generator(seed)
        self.w = [[Value(rng.gauss(0.0, scale)) for _ in range(n_out)] for _ in range(n_in)]
        self.name_parameters()

    def __call__(self, token: Any) -> Any:
        """Return the vector of a symbol, by its number from 0.

        Raises:
            IndexError: there is no such symbol.
            TypeError: it is no integer, but a list, say: see `Each`.
        """
        if isinstance(token, (list, tuple)):
            raise TypeError(f"{self!r} takes one token: for a list of them use Each({self!r})")
        return take(self.w, token)

    def example(self) -> int:
        """Return a token."""
        return 0

    def _summary_shape(self) -> str:
        return f"{self.n_in} → {self.n_out}"
