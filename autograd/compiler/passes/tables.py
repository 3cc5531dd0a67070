"""Tables by index: entries that an integer chooses, which is not known yet.

A stand-in cannot be an index of Python's lists, which ask for a number. So the lists and arrays
among the arguments of a traced function are of the kinds here, which make a row of the choice:

    before   table[token], table a list of 3 numbers
    after    take(token, t1, t2, t3)
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from math import nan, prod
from typing import Any, NoReturn

import numpy as np

from autograd.compiler.arguments import Form, Leaf
from autograd.engine import Primitive
from autograd.engine import table as p
from autograd.engine.functions import Listed
from autograd.errors import TraceError
from autograd.transforms.trees import NUMBER, Spec, as_array, wrapped


def _taken(index: float, *entries: Any) -> Any:
    if index % 1.0:
        raise TypeError(f"an index must be an integer, not {index}")
    return entries[int(index)]


def _slopes(_: Any, index: Any, *entries: Any) -> tuple[Any, ...]:
    """Return 1 towards the entry that was taken; towards the index there is nothing to be had."""
    n = len(entries)
    counted = [p.where(p.eq(index, float(i - n)), 1.0, 0.0) for i in range(n)]  # from the end
    return nan, *[p.where(p.eq(index, float(i)), 1.0, x) for i, x in enumerate(counted)]


# An index, then the entries of a table, of which it tells one: from 0, or from the end below it.
TAKE = Primitive("take", _taken, _slopes)


def gathered(table: Any, index: Any) -> Any:
    """Return the entry of a table at an index that is not known yet.

    Args:
        table: numbers, or lists or arrays of equal shape.
        index: the stand-in for an integer.

    Raises:
        IndexError: the table is empty.
        ValueError: its entries have different lengths.
    """
    if isinstance(table, np.ndarray) and table.ndim > 1:
        columns = table.reshape(len(table), -1).T.tolist()
        return as_array([TAKE(index, *x) for x in columns], table.shape[1:]).view(Table)
    entries = table.tolist() if isinstance(table, np.ndarray) else list(table)
    if not entries:
        raise IndexError("a table without entries has none at any index")
    if not any(isinstance(x, (list, tuple, np.ndarray)) for x in entries):
        return TAKE(index, *entries)
    if len({len(x) if hasattr(x, "__len__") else -1 for x in entries}) > 1:
        raise ValueError("the entries of a table must have the same length, to be chosen from")
    if all(isinstance(x, np.ndarray) for x in entries):
        return gathered(np.stack(entries), index)
    return Listed([gathered(column, index) for column in zip(*entries, strict=True)])


def refuse_slope_of_index() -> NoReturn:
    """Raise, since an index has no derivative."""
    raise TraceError(
        "an index depends on what is differentiated with respect to, but has no "
        "derivative: use v.detach() as the index, if that is meant, or other argnums"
    )


def _comparison(ufunc: Any) -> Any:
    """Make an operator that gives conditions, where NumPy's asks for bools."""
    return lambda x, y: ufunc(x, y, dtype=object if x.dtype == object else None)


class Table(np.ndarray[Any, Any]):
    """An array that stand-ins for integers can index too, also along with slices and integers."""

    __lt__, __le__, __eq__ = map(_comparison, (np.less, np.less_equal, np.equal))
    __gt__, __ge__, __ne__ = map(_comparison, (np.greater, np.greater_equal, np.not_equal))

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist()) if self.ndim == 1 else super().__iter__()

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = True) -> Any:
        # a number is the stand-in itself, as of other arrays
        return array.view(Table) if array.ndim else array.item()

    def __getitem__(self, key: Any) -> Any:
        keys = key if isinstance(key, tuple) else (key,)
        for axis, k in enumerate(keys):
            if hasattr(k, "__gather__"):
                rest = (*keys[:axis], *keys[axis + 1 :])
                found = gathered(np.moveaxis(self, axis, 0), k)
                return found[rest] if rest else found
        first, *others = keys
        if isinstance(first, np.ndarray) and first.dtype == object:  # an array of stand-ins
            found = np.stack([np.asarray(self[k]) for k in first]).view(Table)
            return found[(*[slice(None)] * first.ndim, *others)] if others else found
        return super().__getitem__(key)


def stand_ins(form: Form | Spec, leaves: Iterator[Any]) -> Any:
    """Put an argument together whose lists and arrays can be indexed by stand-ins.

    Args:
        form: its form, or its structure as of `autograd.transforms.trees`.
        leaves: for each leaf of a form a stand-in or a number, or an array or list of these; for a
            structure single ones.
    """
    if isinstance(form, Leaf):
        leaf = next(leaves)
        if form.spec == NUMBER or form.spec[0] == "array":
            return leaf
        return stand_ins(form.spec, iter(leaf))
    if form == NUMBER:
        return next(leaves)
    if form[0] == "array":
        return as_array(list(islice(leaves, prod(form[1]))), form[1]).view(Table)
    items = [next(leaves) if child == NUMBER else stand_ins(child, leaves) for child in form[-1]]
    return Listed(items) if form[0] == "list" else wrapped(form, items)
