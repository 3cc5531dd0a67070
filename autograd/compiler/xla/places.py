"""The numbers of a space as arrays of JAX, and how operands are read from them.

Every step makes an array. A read puts together what operands need, of one or of several arrays, by
slices and reshapes wherever places have strides. For the weights of a layer whose places are
0 1 2, 4 5 6 (the biases are between):

    before   places [[0, 1, 2], [4, 5, 6]] of an array x
    after    reshape(pad(x), (2, 4))[:, :3]

A read is linear, and JAX knows the transpose of what merely moves numbers: that is how gradients go
back to where the numbers came from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from autograd.compiler.codegen import strides_of

_MOST_SLICES = 32  # of windows that overlap; an axis with more is gathered


class Read(NamedTuple):
    """How to read numbers.

    Attributes:
        places: where they stand.
        needed: which arrays of the space have them.
        of: the function of these arrays that puts what is read together.
        rows: where that is rows of one array, which; otherwise None.
    """

    places: Any
    needed: tuple[int, ...]
    of: Callable[..., Any]
    rows: Any = None


Terms = dict[Any, tuple[Any, Any]]  # what has been given to an array: to which rows, and how much


class Space:
    """The numbers of a space; each array has a row per place, and a column per lane if `lanes`.

    Attributes:
        arrays: what has been computed so far.
        slopes: for each of them the gradients given to it, which `total` adds up.
        reached: likewise in how many ways a gradient has reached it, where that is not sure.
        given: for each place, whether a gradient has been given to it.
    """

    def __init__(self, size: int, lanes: int | None) -> None:
        self.size, self.lanes = size, lanes
        self.arrays: list[Any] = []
        self.slopes: list[Terms] = []
        self.reached: list[Terms] = []
        self.given = np.zeros(size, dtype=bool)
        self._owners = np.full(size, -1)
        self._offsets = np.zeros(size, dtype=np.intp)

    def put(self, places: Any, array: Any) -> int:
        """Add an array, whose rows are the numbers at `places`; return which one it is."""
        self._owners[places] = len(self.arrays)
        self._offsets[places] = np.arange(places.size).reshape(places.shape)
        self.arrays.append(array)
        self.slopes.append({})
        self.reached.append({})
        return len(self.arrays) - 1

    def is_known(self, places: Any) -> Any:
        """Tell which places have been computed."""
        return self._owners[places] >= 0

    def found(self, places: Any) -> tuple[tuple[int, ...], Any]:
        """Return which arrays have the places, and the rows of these, one behind the other."""
        owners = self._owners[places]
        needed = np.unique(owners)
        starts = np.zeros(len(self.arrays), dtype=np.intp)
        starts[needed] = np.cumsum([0, *[len(self.arrays[i]) for i in needed[:-1]]])
        return tuple(needed.tolist()), starts[owners] + self._offsets[places]

    def read(self, places: Any, lanes: int | None = None) -> Read:
        """Find how to read an array of places; with `lanes`, what these share is repeated."""
        needed, rows = self.found(places)

        def put_together(*arrays: Any) -> Any:
            x = viewed(joined(arrays), rows)
            if lanes is not None and self.lanes is None:
                x = jnp.broadcast_to(x[..., None], (*places.shape, lanes))
            return x

        return Read(places, needed, put_together, rows if len(needed) == 1 else None)

    def value(self, read: Read) -> Any:
        """Read."""
        return read.of(*[self.arrays[i] for i in read.needed])

    def give(self, to: list[Terms], read: Read, term: Any) -> None:
        """Add a term to `slopes` or to `reached`, at the places of a read."""
        self.given[read.places] = True
        if read.rows is not None:
            if self.lanes is None and term.ndim > read.rows.ndim:
                term = term.sum(axis=-1)
            _add(to[read.needed[0]], read.rows, term)
            return
        parts = jax.linear_transpose(read.of, *[self.arrays[i] for i in read.needed])(term)
        for i, part in zip(read.needed, parts, strict=True):
            _add(to[i], np.arange(len(part)), part)

    def total(self, of: list[Terms], i: int) -> Any:
        """Return the sum of what was given to an array, or None.

        Single numbers for rows that are all different are put side by side, which is quicker than
        a sum of arrays that are mostly zeros.
        """
        terms = sorted(of[i].values(), key=lambda term: list(term[0].flat[:1]))  # by the first row
        like = self.arrays[i]
        if not terms:
            return None
        rows = np.concatenate([rows.reshape(-1) for rows, _ in terms])
        if self.lanes is None and len(terms) > 1 and len(np.unique(rows)) == rows.size:
            missing = np.setdiff1d(np.arange(len(like)), rows)
            parts = [term.reshape(-1) for _, term in terms]
            parts += [jnp.zeros(missing.size, like.dtype)] * bool(missing.size)
            return viewed(joined(parts), np.argsort(np.concatenate([rows, missing])))
        shares = [
            jax.linear_transpose(lambda x, rows=rows: viewed(x, rows), like)(term)[0]
            for rows, term in terms
        ]
        return sum(shares[1:], shares[0])


def _add(terms: Terms, rows: Any, term: Any) -> None:
    """Add a term to those of an array; those for the same rows are one."""
    key = rows.shape, rows.tobytes()
    terms[key] = rows, terms[key][1] + term if key in terms else term


def joined(arrays: Sequence[Any]) -> Any:
    """Return arrays one behind the other."""
    return arrays[0] if len(arrays) == 1 else jnp.concatenate(arrays)


def viewed(x: Any, rows: Any) -> Any:
    """Return the rows of an array, in the shape of `rows`.

    >>> viewed(jnp.arange(8), np.array([[1, 2], [4, 5], [7, 7]])).tolist()
    [[1, 2], [4, 5], [7, 7]]
    """
    if rows.size == len(x) and (rows.reshape(-1) == np.arange(rows.size)).all():
        return x.reshape(*rows.shape, *x.shape[1:])
    strides = strides_of(rows) if rows.size else None
    if strides is None or min(strides) < 0:
        return x.at[rows].get(mode="promise_in_bounds")
    moving = [i for i, n in enumerate(rows.shape) if n > 1 and strides[i]]
    moving.sort(key=lambda i: strides[i], reverse=True)
    spans = [(rows.shape[i], strides[i]) for i in moving]
    if all(outer >= n * s for (_, outer), (n, s) in pairwise(spans)):
        x = _sliced(x[int(rows.flat[0]) :], spans)
        x = x.transpose(*np.argsort(moving), *range(len(moving), x.ndim))
        still = [i for i in range(rows.ndim) if i not in moving]
        return jnp.broadcast_to(jnp.expand_dims(x, still), (*rows.shape, *x.shape[len(moving) :]))
    axis = min(moving, key=lambda i: rows.shape[i])  # windows overlap: one after the other
    if rows.shape[axis] > _MOST_SLICES:
        return x.at[rows].get(mode="promise_in_bounds")
    parts = [viewed(x, rows.take(i, axis)) for i in range(rows.shape[axis])]
    return jnp.stack(parts, axis)


def _sliced(x: Any, spans: Sequence[tuple[int, int]]) -> Any:
    """Return an axis for each pair of a length and a stride, the largest stride first."""
    for axis, (n, stride) in enumerate(spans):
        if axis == len(spans) - 1:
            return lax.slice_in_dim(x, 0, (n - 1) * stride + 1, stride, axis)
        missing = n * stride - x.shape[axis]
        if missing > 0:
            x = jnp.pad(x, [(0, missing * (i == axis)) for i in range(x.ndim)])
        x = lax.slice_in_dim(x, 0, n * stride, 1, axis)
        x = x.reshape(*x.shape[:axis], n, stride, *x.shape[axis + 1 :])
    return x[0]
