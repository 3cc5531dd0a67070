"""Arrays of numbers not known yet: what a traced function gets for an array.

An operation on them is one row of the trace, however large they are:

    before   W @ x + b, W an array of 1,000 by 1,000
    after    p = W[...] * x[...]    s = fsum(p[...])    z = s + b

Nothing is made for each number, unless the function takes single ones: `z[0]` is a stand-in like
any other. What NumPy's functions do that has no such row, they do on an array of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from autograd.compiler.arguments import Leaf
from autograd.compiler.passes.tables import Table
from autograd.compiler.passes.trace import BITS, Trace, broadcast
from autograd.engine import Primitive, modes
from autograd.engine import table as p
from autograd.engine.ufuncs import row_of
from autograd.transforms.trees import NUMBER, as_array

# Functions of NumPy that put numbers in other places, and compute nothing.
_MOVES = {
    getattr(np, name)
    for name in (
        *("broadcast_to", "concatenate", "expand_dims", "flip", "hstack", "moveaxis", "ravel"),
        *("repeat", "reshape", "roll", "squeeze", "stack", "swapaxes", "tile", "transpose"),
        *("atleast_1d", "atleast_2d", "vstack", "rot90", "diagonal", "take"),
    )
}
_MOST_OPERANDS = 3  # a row of more is a sum or its like, and takes single numbers
_FEW = 4096  # numbers of an array that have a row each, as plain code may well take them one by one


class Array(NDArrayOperatorsMixin):
    """An array of rows of a trace, with the operators, functions and methods of NumPy's arrays.

    Args:
        trace: the trace.
        addresses: where each number stands in it.
    """

    __slots__ = ("_addresses", "_items", "_known", "_trace", "_writes")

    def __init__(self, trace: Trace, addresses: Any) -> None:
        self._trace, self._addresses, self._writes = trace, addresses, -1
        self._known: tuple[int, dict[Any, Any]] = -1, {}  # since that many writes

    @property  # type: ignore[misc]
    def __class__(self) -> type[Any]:
        """What `isinstance` asks for: code that tells arrays from lists is to go on doing so."""
        return np.ndarray

    # --- as arrays of NumPy have it -----------------------------------------------------------

    dtype = np.dtype(object)
    shape = property(lambda self: self._addresses.shape)
    ndim = property(lambda self: self._addresses.ndim)
    size = property(lambda self: self._addresses.size)
    T = property(lambda self: Array(self._trace, self._addresses.T))

    def __len__(self) -> int:
        return len(self._addresses)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._listed())

    def _listed(self) -> list[Any]:
        """Return its numbers or rows: the same list until numbers of an array are replaced."""
        if self._writes != self._trace.writes:
            if self.ndim == 1:
                self._items = self._trace.numbers(self._addresses)
            else:
                self._items = [self[i] for i in range(len(self))]
            self._writes = self._trace.writes
        return self._items

    def __getitem__(self, key: Any) -> Any:
        for k in key if isinstance(key, tuple) else (key,):
            if hasattr(k, "__rank__") or (isinstance(k, np.ndarray) and k.dtype == object):
                return self.objects()[key]  # an index that is not known yet
        found = self._addresses[key]
        if isinstance(found, np.ndarray):
            return Array(self._trace, found)
        return self._trace.number(int(found))

    def __setitem__(self, key: Any, value: Any) -> None:
        self._addresses[key] = _addresses(self._trace, value)
        self._trace.writes += 1

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self.objects(), dtype)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.objects(), name)

    def __repr__(self) -> str:
        return f"<array of {self.shape} stand-ins>"

    def tolist(self) -> Any:
        """Return the stand-ins of all numbers, in nested lists."""
        if self.ndim == 1:
            return self._listed().copy()
        return self.objects().tolist()

    def copy(self, *_: Any) -> Array:
        """Return an array that may be changed without changing this one."""
        return Array(self._trace, self._addresses.copy())

    __copy__ = __deepcopy__ = copy

    def reshape(self, *shape: Any, **how: Any) -> Array:
        """Arrange the numbers in another shape."""
        return Array(self._trace, self._addresses.reshape(*shape, **how))

    def transpose(self, *axes: Any) -> Array:
        """Put the axes in another order."""
        return Array(self._trace, self._addresses.transpose(*axes))

    def ravel(self, order: Any = "C") -> Array:
        """Arrange the numbers along one axis."""
        return Array(self._trace, self._addresses.ravel(order))

    def flatten(self, order: Any = "C") -> Array:
        """Return an array along one axis that may be changed without changing this one."""
        return self.ravel(order).copy()

    def dot(self, other: Any) -> Any:
        """Return the matrix product, or with a number the multiple."""
        return np.dot(self, other)

    def sum(self, axis: Any = None, dtype: Any = None, out: Any = None, **how: Any) -> Any:
        """Add up the numbers along axes, by default all of them."""
        if dtype is not None or out is not None or how:
            return self.objects().sum(axis, dtype, out, **how)
        axes = range(self.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        last = tuple(range(-len(axes), 0))
        rows = np.moveaxis(self._addresses, tuple(axes), last)
        shape = rows.shape[: self.ndim - len(axes)]
        return self._summed(rows.reshape(*shape, -1))

    def mean(self, axis: Any = None, **how: Any) -> Any:
        """Return the mean along axes, by default of all numbers."""
        if how:
            return self.objects().mean(axis, **how)
        total = self.sum(axis)
        return total / (self.size / max(1, getattr(total, "size", 1)))

    def _summed(self, addresses: Any) -> Any:
        """Add up along the last axis."""
        *shape, n = addresses.shape
        if not addresses.size or n == 1:
            return self._single(addresses).sum(-1)
        trace = self._trace
        row = trace.apply(p.fsum, (trace.select(addresses.reshape(-1, n)),))
        return self._made(row, tuple(shape))

    # --- operations ---------------------------------------------------------------------------

    def _once(self, x: Any, key: Any, made: Callable[[], Any]) -> Any:
        """Return what is made of an operand, the same until numbers of an array are replaced."""
        if type(x) is not Array:
            return made()
        writes = self._trace.writes
        if x._known[0] != writes:
            x._known = writes, {}
        known = x._known[1]
        if key not in known:
            known[key] = made()
        return known[key]

    def __elementwise__(self, op: Primitive, operands: Sequence[Any]) -> Any:
        """Apply a row of the table with broadcasting."""
        trace = self._trace
        if op is p.where and np.asarray(_without(operands[0])).dtype != object:
            branches = [_addresses(trace, x) for x in operands[1:]]
            taken = Array(trace, np.where(operands[0], *branches))
            return taken if modes.recording.get() else p.detached(taken)
        given = [_addresses(trace, x) for x in operands]
        shape = np.broadcast_shapes(*[x.shape for x in given])
        takes = [op is p.where, *[False] * (len(given) - 1)]  # a comparison
        fits = all(
            self._once(own, take, partial(trace.compares, x, take))
            for own, x, take in zip(operands, given, takes, strict=True)
        )
        if len(operands) > _MOST_OPERANDS or 0 in shape or not fits:
            return op(*map(_without, operands))

        def spread(x: Any) -> Any:
            return trace.select(x.reshape(()) if x.size == 1 else broadcast(x, shape).reshape(-1))

        rows = [
            self._once(own, shape, partial(spread, x))
            for own, x in zip(operands, given, strict=True)
        ]
        if all(x.__class__ is float for x in rows):
            return np.full(shape, op.float_forward(*rows))
        return self._made(trace.apply(op, tuple(rows)), shape)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **how: Any) -> Any:
        if method == "at":
            name = f"numpy.{ufunc.__name__}"
            raise ValueError(f"{name}.at finds its array read-only: write x[i] += y for each index")
        out = how.pop("out", None)
        op = row_of(ufunc)
        if method == "__call__" and not how and ufunc is np.matmul:
            result = self._product(*inputs)
        elif method == "__call__" and not how and op is not None:
            result = self.__elementwise__(op, inputs)
        elif method == "reduce" and ufunc is np.add and set(how) <= {"axis"}:
            result = inputs[0].sum(how.get("axis", 0))
        else:
            result = getattr(ufunc, method)(*map(_without, inputs), **how)
        if out is None:
            return result
        out[0][...] = result
        return out[0]

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """Do what a function of NumPy's does."""
        if function in (np.sum, np.mean):
            array, *rest = args
            return getattr(array, function.__name__)(*rest, **kwargs)
        if function is np.dot and {x.ndim for x in args if hasattr(x, "ndim")} <= {1, 2}:
            return self._product(*args)
        if function is np.einsum and set(kwargs) <= {"optimize"}:
            found = self._einsum(*args)
            if found is not None:
                return found
        if function in _MOVES and not {"out", "dtype"} & set(kwargs):
            first, *rest = args
            several = isinstance(first, (list, tuple))
            there = [_addresses(self._trace, x) for x in (first if several else [first])]
            moved = function(there if several else there[0], *rest, **kwargs)
            return Array(self._trace, moved)
        return function(*_each(args), **_each(kwargs))

    def _product(self, left: Any, right: Any) -> Any:
        """Return the product of matrices, or of stacks of these."""
        a, b = [_addresses(self._trace, x) for x in (left, right)]
        rows = a if a.ndim > 1 else a[None]
        columns = np.swapaxes(b, -1, -2) if b.ndim > 1 else b[None]
        if not (a.ndim and b.ndim) or rows.shape[-1] != columns.shape[-1]:
            return np.matmul(_without(left), _without(right))  # which says what is wrong
        pairs = rows[..., :, None, :], columns[..., None, :, :]
        shape = np.broadcast_shapes(*[x.shape for x in pairs])
        result = self._inner(shape, pairs, (left, right))
        if a.ndim == 1:
            result = result[..., 0, :]
        return result[..., 0] if b.ndim == 1 else result

    def _einsum(self, subscripts: Any, *arrays: Any) -> Any:
        """Return a sum of products of two arrays; None if it is not written as "ij,jk->ik"."""
        if not isinstance(subscripts, str) or len(arrays) != 2:
            return None
        takes, arrow, gives = subscripts.replace(" ", "").partition("->")
        letters = takes.split(",")
        if not arrow:
            gives = "".join(sorted(x for x in set(takes) if takes.count(x) == 1 and x != ","))
        if not all(x.isalpha() and len(set(x)) == len(x) for x in letters):
            return None
        over = [x for x in dict.fromkeys("".join(letters)) if x not in gives]
        given = [_addresses(self._trace, x) for x in arrays]
        if [x.ndim for x in given] != [len(x) for x in letters] or not over:
            return None
        axes = [*gives, *over]
        aligned = []
        for x, own in zip(given, letters, strict=True):
            there = [letter for letter in axes if letter in own]
            moved = x.transpose([own.index(letter) for letter in there])
            aligned.append(moved[tuple([slice(None) if y in own else None for y in axes])])
        shape = np.broadcast_shapes(*[x.shape for x in aligned])
        n = int(np.prod(shape[len(gives) :], dtype=int))
        pairs = [broadcast(x, shape).reshape(*shape[: len(gives)], n) for x in aligned]
        return self._inner(pairs[0].shape, pairs)

    def _inner(
        self, shape: tuple[int, ...], pairs: Sequence[Any], of: Sequence[Any] = (0, 0)
    ) -> Any:
        """Multiply, and add up along the last axis; `of` are the arrays of the factors, if any."""
        *outer, n = shape
        if 0 in shape or n == 1:
            left, right = [self._single(broadcast(x, shape)) for x in pairs]
            return (left * right).sum(-1)
        trace = self._trace
        flat = [
            self._once(own, (i, shape), lambda x=x: trace.select(_flat(broadcast(x, shape))))  # type: ignore[misc]
            for i, (own, x) in enumerate(zip(of, pairs, strict=True))
        ]
        return self._made(trace.apply(p.dot, (*flat, 0.0)), tuple(outer))

    def _made(self, row: Any, shape: tuple[int, ...]) -> Any:
        """Return the results of a row."""
        trace, row = self._trace, self._trace.result(row).row
        found = trace.addresses(row)
        if not shape:
            return trace.number(int(found))
        made = Array(trace, found.reshape(shape) if found.ndim else np.full(shape, found))
        if found.ndim:
            made._known = trace.writes, {shape: row}
        return made

    def _single(self, addresses: Any) -> Any:
        """Return an array of NumPy's with the stand-ins at some addresses."""
        numbers = self._trace.numbers(addresses.reshape(-1))
        return as_array(numbers, addresses.shape).view(Table)

    def objects(self) -> Any:
        """Return an array of NumPy's with the stand-ins, to read: writing to it would be lost."""
        objects = self._single(self._addresses)
        objects.flags.writeable = False
        return objects


def given(trace: Trace, leaf: Leaf) -> Any:
    """Enter the numbers of a leaf of the arguments as inputs; give what stands for them."""
    if leaf.spec == NUMBER:
        return trace.tracer(trace.input())
    if leaf.spec[0] != "array":
        return trace.tracers(trace.inputs(leaf.count))
    if leaf.count <= _FEW:
        rows = np.array(trace.inputs(leaf.count), np.int64)
        return Array(trace, rows.reshape(leaf.shape) << BITS)
    return Array(trace, trace.addresses(trace.input(leaf.count)).reshape(leaf.shape))


def _addresses(trace: Trace, x: Any) -> Any:
    """Return the addresses of what an array or a number has, of constants too."""
    if type(x) is Array and x._trace is trace:
        return x._addresses
    x = x.objects() if type(x) is Array else np.asarray(x)
    if x.dtype.kind in "fiub":  # of which constants there may be many alike
        distinct, which = np.unique(x.astype(np.float64).view(np.int64), return_inverse=True)
        numbers, which = distinct.view(np.float64).tolist(), which.reshape(x.shape)
    else:
        numbers, which = x.reshape(-1).tolist(), np.arange(x.size).reshape(x.shape)
    rows = [trace.operand(number, "an array") for number in numbers]
    return np.array([int(trace.addresses(row)) for row in rows], np.int64)[which]


def _flat(addresses: Any) -> Any:
    """Put all axes but the last into one."""
    *shape, n = addresses.shape
    count = int(np.prod(shape, dtype=int))
    if all(addresses.strides[i] == 0 or shape[i] == 1 for i in range(len(shape))):
        return broadcast(addresses[tuple([0] * len(shape))], (count, n))
    return addresses.reshape(count, n)


def _without(x: Any) -> Any:
    """Return an array of NumPy's for one of this kind; other things stay."""
    return x.objects() if type(x) is Array else x


def _each(tree: Any) -> Any:
    """Do so for everything in a structure."""
    if isinstance(tree, (list, tuple)):
        return type(tree)(map(_each, tree))
    if isinstance(tree, dict):
        return {key: _each(x) for key, x in tree.items()}
    return _without(tree)
