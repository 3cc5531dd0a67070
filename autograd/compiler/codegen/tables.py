"""Lower choices by index: the places of the entries are found, and read or added to all at once.

For the lecture's table of vectors e = E[token], with a column per lane, the code reads

    find(token, places); take(E, places, None, e)
    ...
    add.at(dE, places, de)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.compiler.codegen.code import Code
from autograd.compiler.passes import VARYING, Ref, Step


class BadIndexError(Exception):
    """An index is no integer, or there is no such entry.

    Attributes:
        place: the space and the place where it stands.
        lane: the lane in which it does.
        number: the index.
        count: the number of entries in the table.
    """

    def __init__(self, place: tuple[str, int], lane: int, number: float, count: int) -> None:
        super().__init__(place, lane, number, count)
        self.place, self.lane, self.number, self.count = place, lane, number, count


class Finder:
    """Finds where the entries stand that are chosen.

    Args:
        index: where the index of each element stands.
        table: where the entries to choose from stand, a row for each element.
        lanes: the number of lanes if the entries differ from lane to lane, else None.

    Attributes:
        distinct: where the different ones among the indices stand.
    """

    def __init__(self, index: Ref, table: Ref, lanes: int | None = None) -> None:
        self._space, (size, self._count) = index.space, table.places.shape
        self.distinct, which = np.unique(index.places, return_inverse=True)
        self._which = None if len(self.distinct) == 1 else which
        places = (table.places - table.places.min()) * (1 if lanes is None else lanes)
        by_lane = 0 if lanes is None else np.arange(lanes)
        strides = np.diff(places)
        stride = int(strides.flat[0]) if self._count > 1 else 0
        self._entries: Any = None
        self._starts: Any = places[:, :1] + by_lane
        if (strides != stride).any():  # scattered entries are looked up in turn
            self._entries, stride = places.reshape(-1), 1
            self._starts = self._count * np.arange(size)[:, None]
        self._steps = stride * np.arange(self._count)  # from the first entry to each
        self._size, self._by_lane = size, by_lane

    def __call__(self, numbers: Any, out: Any) -> None:
        """Write the places in the array of `flat`.

        Args:
            numbers: the different indices, maybe with a column per lane.
            out: the array to write to, a row for each element.

        Raises:
            BadIndexError: a number is no index.
        """
        index = self._found(numbers.reshape(len(self.distinct), -1))
        out = out.reshape(self._size, -1)
        np.add(index if self._which is None else index.take(self._which, 0), self._starts, out=out)
        if self._entries is not None:
            np.add(self._entries[out], self._by_lane, out=out)

    def _found(self, numbers: Any) -> Any:
        """Return how far from the first entry those at these indices stand."""
        index, count = numbers.astype(np.intp), self._count
        whole = np.equal(index, numbers)
        if np.logical_and.reduce(whole, None):
            try:
                return self._steps.take(index)
            except IndexError:
                pass
        bad = ~whole | (index < -count) | (index >= count)
        lane, i = np.argwhere(bad.T)[0]
        place = self._space, int(self.distinct[i])
        raise BadIndexError(place, int(lane), float(numbers[i, lane]), count) from None


def forward_take(code: Code, step: Step, out: str) -> None:
    """Write the choice of entries into `out`."""
    index, table = step.operands
    assert isinstance(index, Ref)
    assert isinstance(table, Ref)

    def finder(_: Any, lanes: int) -> Finder:
        return Finder(index, table, lanes if table.space == VARYING else None)

    find = code.name(("find", step.space, step.start), finder, prefix="find")
    numbers = code.terms(index.space, np.unique(index.places))
    chosen = chosen_places(code, step)
    code.emit(f"{find}({numbers}, {chosen})")
    code.emit(f"take({flat(code, table.space, table.places)}, {chosen}, None, {out}, 'clip')")
    varying = step.space == VARYING
    code.count(varying, moved=2 * step.size)
    code.count(index.space == VARYING, moved=len(np.unique(index.places)))
    code.kept_bytes += 8 * step.size * code.keeps * (step.space == VARYING)


def chosen_places(code: Code, step: Step) -> str:
    """Name the array of the places that the forward code finds for a step."""

    def maker(_: Any, lanes: int) -> Any:
        return np.empty((step.size, lanes) if step.space == VARYING else step.size, np.intp)

    return code.name(("chosen", step.space, step.start), maker)


def flat(code: Code, buffer: str, places: Any) -> str:
    """Write the rows from the first to the last of these places, with all lanes, side by side."""
    rows = code.rows(buffer, np.arange(places.min(), places.max() + 1))
    return rows + ".reshape(-1)" * buffer.endswith(VARYING)
