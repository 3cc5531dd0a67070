"""Gradients of shared numbers that step after step adds to: the sums over the lanes are put off.

A recurrence reads its parameters at each time. The gradients of what is computed of them stay
where they are, at a fixed distance from each other, so that one sum over all times is enough:

    before   add.reduce(d49, -1, None, t)    add(dW, t, out=dW)    add.reduce(d48, -1, None, t) ...
    after    add.reduce(d, (0, -1), None, dW)    d the view of d0, d1, ...
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from autograd.compiler.passes import VARYING, Program, Ref, Step

_FEWEST = 4  # steps that read the same numbers


class PutOff(NamedTuple):
    """A sum that is put off: at which places, over which axes, and a factor; and of what."""

    places: Any
    over: tuple[int, ...]
    slope: float
    sources: Any

    @property
    def key(self) -> Any:
        """What those have in common that are one sum."""
        return self.places.tobytes(), self.places.shape, self.over, self.slope


class Totals:
    """The sums over lanes that are put off to the end of a block.

    Args:
        program: tells which shared numbers many steps read.
    """

    def __init__(self, program: Program) -> None:
        self._readers: Counter[bytes] = Counter()
        for step in program.steps:
            if isinstance(step, Step) and step.space == VARYING:
                alone = [ref.places for ref in step.shared if ref.places.ndim == 1]  # not weights
                self._readers.update({places.tobytes() for places in alone})
        self.waiting: list[PutOff] = []

    def is_often_read(self, ref: Ref) -> bool:
        """Tell whether many steps read the same shared numbers."""
        return self._readers[ref.places.tobytes()] >= _FEWEST

    def put_off(self, places: Any, over: tuple[int, ...], slope: float, sources: Any) -> None:
        """Note that the gradients at `sources`, times a slope, are to be summed over some axes."""
        self.waiting.append(PutOff(places, over, slope, sources))

    def taken(self) -> Iterator[tuple[Any, tuple[int, ...], float, Any]]:
        """Return what was put off: the places, and the axes to sum over of those of the sources."""
        groups: dict[Any, list[PutOff]] = {}
        for x in self.waiting:
            groups.setdefault(x.key, []).append(x)
        for same in groups.values():
            places, over, slope, _ = same[0]
            for each in map(np.stack, _runs([x.sources for x in same])):
                yield places, (0, *[axis + 1 for axis in over], each.ndim), slope, each
        self.waiting = []


def _runs(arrays: list[Any]) -> list[list[Any]]:
    """Part arrays of places into runs of which each is as far from the one before it.

    >>> [len(run) for run in _runs([np.array([x, x + 2]) for x in (0, 3, 6, 7, 9)])]
    [3, 2]
    """
    runs, last = [arrays[:1]], None
    for before, array in pairwise(arrays):
        distance = _distance(before, array)
        if distance is not None and (len(runs[-1]) == 1 or distance == last):
            runs[-1].append(array)
        else:
            runs.append([array])
        last = distance
    return runs


def _distance(a: Any, b: Any) -> int | None:
    """Return how far all places of one array are from those of another; None where that differs."""
    if a.shape != b.shape:
        return None
    distance = b - a
    return int(distance.flat[0]) if (distance == distance.flat[0]).all() else None
