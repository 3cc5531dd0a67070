"""Initial weights: random numbers, so scaled that signals keep their size from layer to layer.

Every function here is an `Initialiser`: it draws the weights of one neuron. Biases start at zero.
"""

from __future__ import annotations

import math
import operator
import random
from collections.abc import Sequence
from typing import Any, Protocol

from autograd.engine import table

__all__ = ["Initialiser", "he", "lecun", "uniform", "xavier"]


class Initialiser(Protocol):
    """A function that draws the weights of one neuron, as those of this module do."""

    def __call__(self, n_in: int, n_out: int, *, rng: random.Random) -> Sequence[float]:
        """Return weights for one neuron.

        Args:
            n_in: the number of inputs, so of weights.
            n_out: the number of neurons in the layer.
            rng: the source of randomness.
        """


def he(n_in: int, n_out: int, *, rng: random.Random) -> list[float]:  # noqa: ARG001 - one signature
    """Draw from the normal distribution with mean 0 and variance 2/n_in: for relu and its kin.

    A relu lets half of its inputs pass, which the 2 makes up for. Source: He et al.,
    arXiv:1502.01852.

    >>> len(he(3, 5, rng=random.Random(0)))
    3
    """
    return [rng.gauss(0.0, math.sqrt(2.0 / n_in)) for _ in range(n_in)]


def xavier(n_in: int, n_out: int, *, rng: random.Random) -> list[float]:
    """Draw evenly from ±√(6/(n_in + n_out)), so with variance 2/(n_in + n_out): for tanh, sigmoid.

    A compromise between keeping the size of the signals forward (1/n_in) and that of the gradients
    backward (1/n_out). Source: Glorot and Bengio, "Understanding the difficulty of training deep
    feedforward neural networks", AISTATS 2010.

    >>> all(abs(w) <= 1.0 for w in xavier(2, 4, rng=random.Random(0)))
    True
    """
    bound = math.sqrt(6.0 / (n_in + n_out))
    return [rng.uniform(-bound, bound) for _ in range(n_in)]


def lecun(n_in: int, n_out: int, *, rng: random.Random) -> list[float]:  # noqa: ARG001 - one signature
    """Draw from the normal distribution with mean 0 and variance 1/n_in.

    Source: LeCun, Bottou, Orr and Müller, "Efficient BackProp", 1998, section 4.6.

    >>> len(lecun(3, 5, rng=random.Random(0)))
    3
    """
    return [rng.gauss(0.0, math.sqrt(1.0 / n_in)) for _ in range(n_in)]


def uniform(n_in: int, n_out: int, *, rng: random.Random) -> list[float]:  # noqa: ARG001 - one signature
    """Draw evenly from -1 … 1, whatever the size of the layer, as micrograd does.

    >>> all(abs(w) <= 1.0 for w in uniform(100, 1, rng=random.Random(0)))
    True
    """
    return [rng.uniform(-1.0, 1.0) for _ in range(n_in)]


INITIALISERS: dict[str, Initialiser] = {f.__name__: f for f in (he, xavier, lecun, uniform)}


def resolve(init: str | Initialiser | None, activation: Any) -> Initialiser:
    """Return the function that `init` means.

    Args:
        init: a name, a function, or None for what suits the activation: he for relu and its kin,
            otherwise xavier.
        activation: the name of the activation, or your own function.

    Raises:
        ValueError: there is no initialisation of that name.
        TypeError: `init` is neither a name nor a function.

    >>> resolve(None, "relu") is he, resolve(None, "tanh") is xavier
    (True, True)
    """
    if init is None:
        return he if activation in table.RECTIFIERS else xavier
    if isinstance(init, str):
        if init not in INITIALISERS:
            raise ValueError(f"init must be one of {', '.join(INITIALISERS)}, not {init!r}")
        return INITIALISERS[init]
    if not callable(init):
        raise TypeError(f"init must be a name or a function, not {init!r}")
    return init


def generator(seed: int | random.Random | None) -> random.Random:
    """Return the source of randomness that `seed` means.

    An integer means a new one, a generator itself, and None one that nobody can repeat.

    Raises:
        TypeError: it is something else.

    >>> generator(7).random() == generator(7).random()
    True
    """
    if isinstance(seed, random.Random):
        return seed
    try:
        return random.Random(None if seed is None else operator.index(seed))
    except TypeError:
        raise TypeError(f"seed must be an integer, a random.Random or None, not {seed!r}") from None
