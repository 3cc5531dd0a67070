"""A small GPT in plain Python, on numbers of any kind, with documents to train it on.

It is the model of Karpathy's microgpt in our own words: one layer, four heads, 4,192 parameters,
and a loss of one document at a time. A number needs +, ×, ** and methods `relu` and `log`. What
depends on the kind of numbers, softmax and the choice of a row by a token, is handed in.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

Scalar = Any  # a number of any kind
Vector = Sequence[Scalar]
Matrix = Sequence[Vector]

LETTERS = "abcdefghijklmnopqrstuvwxyz"
BOUNDARY = len(LETTERS)  # the token before and after a document
VOCABULARY = len(LETTERS) + 1
LONGEST = 16  # tokens
CHANNELS = 16
HEADS = 4
CONSONANTS, VOWELS = "bcdfghjklmnprstvwyz", "aeiou"
STEPS, RATE, BETAS = 1000, 0.01, (0.85, 0.99)


def documents(count: int) -> list[str]:
    """Draw words that look like names; the same whenever asked.

    >>> documents(3)
    ['saluvomo', 'mefu', 'fanoyap']
    """
    rng = random.Random(0)
    names = []
    for _ in range(count):
        syllables = [rng.choice(CONSONANTS) + rng.choice(VOWELS) for _ in range(rng.randint(1, 4))]
        names.append("".join([*syllables, rng.choice(CONSONANTS) * rng.randint(0, 1)]))
    return names


def tokens_of(document: str) -> list[int]:
    """Return the tokens, with a boundary at either end.

    >>> tokens_of("cab")
    [26, 2, 0, 1, 26]
    """
    return [BOUNDARY, *map(LETTERS.index, document), BOUNDARY]


def drawn_parameters() -> list[list[list[float]]]:
    """Draw the matrices: of tokens, positions and logits; Q, K, V and O; and those of the MLP."""
    rng = random.Random(1)
    shapes = [(VOCABULARY, CHANNELS), (LONGEST, CHANNELS), (VOCABULARY, CHANNELS)]
    shapes += [(CHANNELS, CHANNELS)] * 4 + [(4 * CHANNELS, CHANNELS), (CHANNELS, 4 * CHANNELS)]
    return [[[rng.gauss(0.0, 0.08) for _ in range(n)] for _ in range(m)] for m, n in shapes]


# --- the model ------------------------------------------------------------------------------------


def inner(a: Vector, b: Vector) -> Scalar:
    """Add up the products of two vectors."""
    return sum(ai * bi for ai, bi in zip(a, b, strict=True))


def linear(W: Matrix, x: Vector) -> list[Scalar]:
    """Multiply a matrix with a vector."""
    return [inner(w, x) for w in W]


def normalised(x: Vector) -> list[Scalar]:
    """Divide a vector by its root mean square."""
    scale = (inner(x, x) * (1.0 / len(x)) + 1e-5) ** -0.5
    return [xi * scale for xi in x]


def added(a: Vector, b: Vector) -> list[Scalar]:
    """Add two vectors."""
    return [ai + bi for ai, bi in zip(a, b, strict=True)]


def surprises(
    softmax: Callable[[Vector], Vector],
    lookup: Callable[[Sequence[Any], Any], Any],
    parameters: Sequence[Matrix],
    tokens: Sequence[Any],
    targets: Sequence[Any],
) -> list[Scalar]:
    """Return the surprise at each token of a document, after those before it.

    Args:
        softmax: of a list of numbers.
        lookup: returns the entry of a table that belongs to a token.
        parameters: the matrices.
        tokens: all but the last.
        targets: all but the first.
    """
    of_token, of_position, W_logits, W_q, W_k, W_v, W_o, W_1, W_2 = parameters
    width = CHANNELS // HEADS
    keys: list[Vector] = []
    values: list[Vector] = []
    found: list[Scalar] = []
    for position, (token, target) in enumerate(zip(tokens, targets, strict=True)):
        x = normalised(added(lookup(of_token, token), of_position[position]))
        n = normalised(x)
        query = linear(W_q, n)
        keys.append(linear(W_k, n))
        values.append(linear(W_v, n))
        joined: list[Scalar] = []
        for start in range(0, CHANNELS, width):
            own = slice(start, start + width)
            scale = 1.0 / math.sqrt(width)
            weights = softmax([inner(query[own], key[own]) * scale for key in keys])
            columns = zip(*(value[own] for value in values), strict=True)
            joined += [inner(weights, column) for column in columns]
        x = added(x, linear(W_o, joined))
        hidden = [z.relu() for z in linear(W_1, normalised(x))]
        x = added(x, linear(W_2, hidden))
        found.append(-lookup(softmax(linear(W_logits, x)), target).log())
    return found


def mean(numbers: Vector) -> Scalar:
    """Return the mean: of its surprises, this is the loss of a document."""
    return sum(numbers) * (1.0 / len(numbers))


def softmax_of_data(z: Vector) -> list[Scalar]:
    """Compute softmax of numbers with `data` and a method `exp`."""
    top = max(zi.data for zi in z)
    powers = [(zi - top).exp() for zi in z]
    total = sum(powers)
    return [power / total for power in powers]


class Adam:
    """The rule by which the parameters move, numbers or arrays; its rate falls to zero."""

    def __init__(self, count: int) -> None:
        self._means: list[Any] = [0.0] * count
        self._squares: list[Any] = [0.0] * count
        self._step = 0

    def moves(self, gradients: Sequence[Any]) -> list[Any]:
        """Return what to subtract from each parameter."""
        rate = RATE * (1.0 - self._step / STEPS)
        self._step += 1
        a, b = BETAS
        moves = []
        for i, g in enumerate(gradients):
            mean = self._means[i] = a * self._means[i] + (1.0 - a) * g
            square = self._squares[i] = b * self._squares[i] + (1.0 - b) * g * g
            spread = (square / (1.0 - b**self._step)) ** 0.5
            moves.append(rate * mean / (1.0 - a**self._step) / (spread + 1e-8))
        return moves
