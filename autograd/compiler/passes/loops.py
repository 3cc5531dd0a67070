"""Find the steps that a program repeats: a recurrence is a loop.

Where the same operations follow each other again and again, and the places of their operands and
results advance by a fixed distance with each round, they are one round and a number of times. For a
recurrent net, whose first state is 0, with xₜ the input and hₜ the state at time t:

    before   z1 = W x1 + b          h1 = tanh(z1)
             z2 = W x2 + U h1 + b   h2 = tanh(z2)
             z3 = W x3 + U h2 + b   h3 = tanh(z3)   ...
    after    z1 = W x1 + b          h1 = tanh(z1)
             for t = 2 … 1000:
                 z[t] = W x[t] + U h[t−1] + b       h[t] = tanh(z[t])

Nothing of this is kept in a program: like the axes of a step, it follows from the places. So code
is written for one round instead of a thousand, and a listing shows one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_FEWEST_ROUNDS = 4
_LONGEST_ROUND = 256  # steps
_MOST_PERIODS = 8  # that are tried from one step on


@dataclass(frozen=True)
class Loop:
    """Steps of a program that repeat.

    Attributes:
        start: the first of them.
        period: how many there are in a round.
        count: how many rounds there are.

    >>> list(Loop(1, 2, 3).rounds())
    [range(1, 3), range(3, 5), range(5, 7)]
    """

    start: int
    period: int
    count: int

    @property
    def stop(self) -> int:
        """The step after the last."""
        return self.start + self.period * self.count

    def rounds(self) -> Iterator[range]:
        """Return the numbers of the steps of each round."""
        return (range(i, i + self.period) for i in range(self.start, self.stop, self.period))


def loops_of(steps: Sequence[Any]) -> tuple[Loop, ...]:
    """Find the loops of a program, none inside of another.

    A round begins so that the last one is whole: what is different is mostly the beginning, where
    there is no state yet.

    Args:
        steps: those of a program, of which no two tapes are of one kind.
    """
    numbers: dict[Any, int] = {}
    kinds = [numbers.setdefault(step.kind, len(numbers)) for step in steps]
    following = _following(kinds)
    found, i = [], 0
    while i < len(steps):
        for period in _periods(following, i):
            length = _length(steps, kinds, i, period)
            if length >= _FEWEST_ROUNDS * period:
                rounds, rest = divmod(length, period)
                found.append(Loop(i + rest, period, rounds))
                i += length
                break
        else:
            i += 1
    return tuple(found)


def _following(kinds: Sequence[int]) -> list[int]:
    """Tell for each step which is the next one of its kind; itself if there is no such."""
    following = list(range(len(kinds)))
    latest: dict[int, int] = {}
    for i in range(len(kinds) - 1, -1, -1):
        following[i] = latest.get(kinds[i], i)
        latest[kinds[i]] = i
    return following


def _periods(following: Sequence[int], start: int) -> Iterator[int]:
    """Return how far apart the rounds may be, if one begins with this step."""
    i = start
    for _ in range(_MOST_PERIODS):
        i, before = following[i], i
        if i == before or i - start > _LONGEST_ROUND:
            return
        yield i - start


def _length(steps: Sequence[Any], kinds: Sequence[int], start: int, period: int) -> int:
    """Tell how many steps from one on have a fixed distance from those a period before them."""
    fewest = (_FEWEST_ROUNDS - 1) * period
    if kinds[start : start + fewest] != kinds[start + period : start + period + fewest]:
        return 0
    distances: deque[Any] = deque(maxlen=period + 1)
    for i in range(start + period, len(steps)):
        if kinds[i] != kinds[i - period]:
            return i - start
        distances.append(_distances(steps[i - period], steps[i]))
        if len(distances) > period and not _are_equal(distances[0], distances[-1]):
            return i - start
    return len(steps) - start


def _distances(before: Any, after: Any) -> list[Any]:
    """Tell how far the places of a step are from those of one of its kind."""
    pairs = zip(before.operands, after.operands, strict=True)
    own = after.start - before.start
    return [own, *[y.places - x.places for x, y in pairs if not isinstance(x, float)]]


def _are_equal(left: Sequence[Any], right: Sequence[Any]) -> bool:
    return all(map(np.array_equal, left, right))
