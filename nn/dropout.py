"""Dropout: numbers left out at random while a network is trained, so that none is relied upon.

What is left out is told from outside. So training draws the same by both engines, and compiled code
takes the draws as one more argument, with its own for each sample.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, final

from autograd import no_grad
from autograd.errors import as_float
from nn.containers import mapped
from nn.init import generator
from nn.module import Module

Source = Callable[[float], Any]


@final
class Dropout(Module):
    """A share p of the numbers set to 0, the others divided by 1 - p, while `fit` trains.

    At all other times it gives back what it gets. In a training loop of your own, `dropping` has it
    act. Source: Srivastava et al., JMLR 15, 2014.

    Args:
        p: the share, from 0 to below 1; an attribute, too.

    Raises:
        ValueError: `p` is no such share.
        TypeError: it is no number.

    >>> drop = Dropout(0.5)
    >>> drop([1.0, 2.0, 3.0, 4.0])
    [1.0, 2.0, 3.0, 4.0]
    >>> with dropping(drop, seed=3):
    ...     drop([1.0, 2.0, 3.0, 4.0])
    [0.0, 4.0, 0.0, 8.0]
    """

    p: float
    saved = ("p",)

    def __init__(self, p: float = 0.5) -> None:
        self.p = as_float(p, "p")
        if not 0.0 <= self.p < 1.0:
            raise ValueError(f"p must be from 0 to below 1, not {p}")
        self._factor: Source | None = None

    def __call__(self, x: Any) -> Any:
        """Return a number, or nested lists of such, with a share of them set to 0."""
        factor = self._factor
        return x if factor is None else mapped(lambda v: v * factor(self.p), x)

    def act(self, source: Source | None) -> None:
        """Take factors from a source from now on, or with None, leave numbers as they are.

        A source gives a factor for a share p: 0, or 1/(1 - p) with the chance 1 - p.
        """
        self._factor = source


@contextmanager
def dropping(
    model: Module, seed: int | random.Random | None = None, source: Source | None = None
) -> Iterator[None]:
    """Have the `Dropout` in a model act inside of a `with` block.

    Args:
        model: the model.
        seed: the seed, or the generator, to draw with.
        source: where factors come from instead; see `Dropout.act`.

    >>> from nn import Layer, Sequential
    >>> model = Sequential(Layer(2, 8), Dropout(0.25))
    >>> with dropping(model, seed=0):
    ...     sum(y.op == "*" for y in model([1.0, 2.0]))
    8
    """
    drops = _drops(model)
    source = source or factors(generator(seed))
    try:
        for drop in drops:
            drop.act(source)
        yield
    finally:
        for drop in drops:
            drop.act(None)


def factors(rng: random.Random) -> Source:
    """Return what draws factors.

    >>> factor = factors(random.Random(0))
    >>> factor(0.5), factor(0.0)
    (2.0, 1.0)
    """
    return lambda p: 0.0 if rng.random() < p else 1.0 / (1.0 - p)


def rates_of(model: Module, x: Any) -> Sequence[float]:
    """Return the share p of each factor that the `Dropout` in a model takes for one sample.

    >>> rates_of(Dropout(0.5), [1.0, 2.0])
    [0.5, 0.5]
    """
    rates: list[float] = []

    def counted(p: float) -> float:
        rates.append(p)
        return 1.0

    if _drops(model):
        with no_grad(), dropping(model, source=counted):
            model(x)
    return rates


def _drops(model: Module) -> list[Dropout]:
    return [part for part in Module.modules(model) if isinstance(part, Dropout)]
