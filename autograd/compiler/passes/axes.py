"""Find the directions along which a step repeats itself.

The rows of a step are those of some nest of loops. Where the places of all operands advance by a
fixed stride with each loop, the step works on arrays with an axis for each. For a filter that
slides over a picture of 28 by 28 pixels:

    before   z = ⟨w, x⟩, 676 rows of 9 terms: x[0, 1, 2, 28, 29, 30, ...], x[1, 2, 3, 29, ...], ...
    after    rows (26, 26), terms (3, 3): w with the strides (0, 0, 3, 1), x with (28, 1, 28, 1)

Nothing of this is kept in a program: it follows from the places.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import product
from typing import Any

import numpy as np

_MOST_AXES = 6


def common_axes(places: Sequence[Any]) -> tuple[int, ...] | None:
    """Return the lengths of axes along which all arrays of places have strides; None without such.

    Args:
        places: arrays whose first axis is the one to divide.

    >>> common_axes([np.array([1, 2, 3, 11, 12, 13]), np.array([5, 5, 5, 6, 6, 6])])
    (2, 3)
    >>> common_axes([np.array([1, 2, 4, 8])]) is None
    True
    """
    arrays = [x.reshape(len(x), -1) for x in places]
    axes: list[int] = []
    while len(arrays[0]) > 1:
        n = min(map(_regular, arrays))
        if len(arrays[0]) % n:
            return None
        blocks = [x.reshape(len(x) // n, n, x.shape[1]) for x in arrays]
        if any((x - x[:, :1] != x[0] - x[0, :1]).any() for x in blocks):
            return None
        axes.append(n)
        arrays = [x[:, 0] for x in blocks]
    return tuple(axes[::-1] or [1]) if len(axes) <= _MOST_AXES else None


def _regular(rows: Any) -> int:
    """Count the rows from the first on that are one step apart.

    >>> _regular(np.array([[1], [3], [5], [6]]))
    3
    """
    steps = np.diff(rows, axis=0)
    others = (steps != steps[0]).any(axis=1)
    return int(others.argmax()) + 1 if others.any() else len(rows)


def has_no_gaps(places: Any) -> bool:
    """Tell whether each of an array of places stands next to the one before it."""
    return bool((np.diff(places.reshape(-1)) == 1).all())


def joint_axes(places: Sequence[Any]) -> tuple[int, ...] | None:
    """Return axes that suit as many arrays of places as possible, the first ones above all.

    >>> joint_axes([np.array([1, 2, 4, 8]), np.array([1, 2, 5, 6]), np.array([0, 0, 1, 1])])
    (2, 2)
    """
    found: tuple[int, ...] | None = None
    suited: list[Any] = []
    for x in places:
        axes = common_axes([*suited, x])
        if axes:
            found = axes
            suited.append(x)
    return found


def product_axes(places: Sequence[Any]) -> tuple[int, ...] | None:
    """Return axes for rows of sums, of which each reads a row of every matrix of places.

    Where the places have no strides, it is enough if the rows are put together as in a nest of
    loops: then a copy of them has strides.

    >>> product_axes([np.array([[1, 4], [1, 4], [7, 8], [7, 8]]), np.array([[2], [9], [2], [9]])])
    (2, 2)
    """
    if not places:
        return None
    return common_axes(places) or common_axes([_numbered(x) for x in places])


def all_pairs(
    lefts: Sequence[Hashable], rights: Sequence[Hashable]
) -> list[tuple[int | None, int, int]] | None:
    """Fill up pairs to all pairs of several groups alike, if half of these are there at least.

    So the products of each position with those before it, a triangle, become a square.

    Returns:
        For each pair its index, or None if it is filled in, and the indices of a pair with the same
        left and of one with the same right.

    >>> all_pairs("abb", "xxy")
    [(0, 0, 0), (None, 0, 2), (1, 1, 0), (2, 1, 2)]
    >>> all_pairs("abc", "xyz") is None, all_pairs("aab", "xxx") is None  # none twice
    (True, True)
    """
    found = {pair: i for i, pair in enumerate(zip(lefts, rights, strict=True))}
    if len(found) < len(lefts):
        return None
    leader: dict[Any, Any] = {}  # of the group of a left or a right

    def lead(x: Any) -> Any:
        while leader.setdefault(x, x) != x:
            leader[x] = x = leader[leader[x]]
        return x

    for left, right in found:
        leader[lead((1, right))] = lead((0, left))
    groups: dict[Any, tuple[dict[Any, int], dict[Any, int]]] = {}
    for (left, right), i in found.items():
        rows, columns = groups.setdefault(lead((0, left)), ({}, {}))
        rows.setdefault(left, i)
        columns.setdefault(right, i)
    sizes = {(len(rows), len(columns)) for rows, columns in groups.values()}
    cells = sum([len(rows) * len(columns) for rows, columns in groups.values()])
    if len(sizes) > 1 or cells > 2 * len(found) or sizes == {(1, 1)}:
        return None
    return [
        (found.get((left, right)), i, j)
        for rows, columns in groups.values()
        for (left, i), (right, j) in product(rows.items(), columns.items())
    ]


def are_different(places: Any) -> bool:
    """Tell whether no place occurs twice. NumPy's `unique` takes its time with millions of them.

    >>> are_different(np.array([[3, 5], [4, 6]])), are_different(np.array([3, 5, 3]))
    (True, False)
    """
    if not places.size:
        return True
    first = places.min()
    found = np.zeros(places.max() - first + 1, dtype=bool)
    found[places - first] = True
    return bool(np.count_nonzero(found) == places.size)


def _numbered(places: Any) -> Any:
    """Number rows by what they are, in the order in which they first appear."""
    numbers: dict[bytes, int] = {}
    return np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in places])
