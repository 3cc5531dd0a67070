"""Nested arguments: lists, tuples and dictionaries of numbers, and NumPy arrays.

A structure is taken apart into a flat list of leaves and a `Spec`, plain data that says how to
put it together again. Transforms work on the flat list and answer in the structure they got.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from math import prod
from typing import Any, TypeAlias

from autograd.errors import as_float, unmasked

# "number", ("array", shape), ("list", children), ("tuple", its type, children) or
# ("dict", keys, children). Equal specs mean structures of the same form.
Spec: TypeAlias = Any

NUMBER: Spec = "number"


def flatten(tree: Any, path: str) -> tuple[list[Any], Spec]:
    """Take a structure apart.

    Args:
        tree: a number, a node, an array, or a list, tuple or dictionary of such.
        path: what to call the structure in an error, such as "args[0]".

    Returns:
        The leaves, floats or nodes, from left to right, and the spec.

    Raises:
        TypeError: a leaf is no real number; the message has the path to it.

    >>> flatten({"w": [1, 2.5], "b": 3}, "args[0]")
    ([1.0, 2.5, 3.0], ('dict', ('w', 'b'), (('list', ('number', 'number')), 'number')))
    >>> flatten({"w": [1, "2.5"]}, "args[0]")
    Traceback (most recent call last):
    TypeError: args[0]["w"][1] must be a real number, not the str '2.5'; convert it first, ...
    """
    leaves: list[Any] = []
    return leaves, _flatten_into(leaves, tree, path)


def _flatten_into(leaves: list[Any], tree: Any, path: str) -> Spec:
    kind = tree.__class__
    if kind is float or hasattr(kind, "__rank__"):
        leaves.append(tree)
        return NUMBER
    if isinstance(tree, dict):
        children = [_flatten_into(leaves, x, _step(path, key)) for key, x in tree.items()]
        return "dict", tuple(tree), tuple(children)
    if isinstance(tree, (list, tuple)):
        spec = tuple([_flatten_into(leaves, x, f"{path}[{i}]") for i, x in enumerate(tree)])
        return ("list", spec) if isinstance(tree, list) else ("tuple", kind, spec)
    shape = getattr(tree, "shape", ())
    if shape != () and hasattr(tree, "reshape"):
        elements = unmasked(tree, path).reshape(-1).tolist()
        if not set(map(type, elements)) <= {float}:
            places = product(*map(range, shape))
            elements = [
                _as_leaf(x, _step(path, *place)) for x, place in zip(elements, places, strict=True)
            ]
        leaves += elements
        return "array", tuple(shape)
    leaves.append(_as_leaf(tree, path))
    return NUMBER


def _as_leaf(x: Any, path: str) -> Any:
    """Return a number as a float; a node as it is, also one in an array without axes."""
    if getattr(x, "shape", None) == () and x.dtype.kind == "O":
        x = x.item()
    return x if hasattr(x.__class__, "__rank__") else as_float(x, path)


def _step(path: str, *keys: Any) -> str:
    """Name an item by its key, or an element of an array by its place."""
    inside = ", ".join([f'"{key}"' if isinstance(key, str) else repr(key) for key in keys])
    return f"{path}[{inside}]"


def flatten_like(spec: Spec, tree: Any, path: str, model: str) -> list[Any]:
    """Take a structure apart that must have the form `spec`; give its leaves in that order.

    Args:
        spec: the form. The keys of a dictionary may come in any order.
        tree: the structure.
        path: what to call it in an error.
        model: what to call that which has the form `spec`.

    Raises:
        TypeError: a leaf is no real number, or the form is another; the message says where.

    >>> flatten_like(("dict", ("w", "b"), ("number", "number")), {"b": 1.0, "w": 2.0}, "v", "x")
    [2.0, 1.0]
    >>> flatten_like(("list", ("number", "number")), [1.0], "v", "x")
    Traceback (most recent call last):
    TypeError: v must be a list of 2, as x is, not a list of 1
    """
    leaves, own = flatten(tree, path)
    if own == spec:
        return leaves
    if _is_container(spec) and _is_container(own):
        (*kind, keys, children), (*own_kind, own_keys, _) = _keyed(spec), _keyed(own)
        if kind == own_kind and set(keys) == set(own_keys):
            return [
                leaf
                for key, child in zip(keys, children, strict=True)
                for leaf in flatten_like(child, tree[key], _step(path, key), _step(model, key))
            ]
    raise TypeError(f"{path} must be {described(spec)}, as {model} is, not {described(own)}")


def described(spec: Spec) -> str:
    """Say in words what the outermost form of a structure is.

    >>> described(("list", ("number", "number")))
    'a list of 2'
    """
    if spec == NUMBER:
        return "a number"
    if spec[0] == "array":
        return f"an array of shape {spec[1]}"
    if spec[0] == "dict":
        return f"a dict with the keys {list(spec[1])}"
    kind = "list" if spec[0] == "list" else spec[1].__name__
    return f"a {kind} of {len(spec[-1])}"


def unflatten(spec: Spec, leaves: Iterable[Any]) -> Any:
    """Put a structure together from its leaves.

    An array of floats is one of dtype float64, an array of nodes one of objects.

    >>> unflatten(("tuple", tuple, ("number", ("list", ("number",)))), [1.0, 2.0])
    (1.0, [2.0])
    """
    return _take(spec, iter(leaves))


def _take(spec: Spec, leaves: Iterator[Any]) -> Any:
    if spec == NUMBER:
        return next(leaves)
    if spec[0] == "array":
        return as_array([next(leaves) for _ in range(prod(spec[1]))], spec[1])
    return wrapped(spec, [_take(child, leaves) for child in spec[-1]])


def wrapped(spec: Spec, items: list[Any]) -> Any:
    """Make the outermost container of `spec` around `items`.

    >>> wrapped(("dict", ("w", "b"), ("number", "number")), [2.0, 1.0])
    {'w': 2.0, 'b': 1.0}
    """
    if spec[0] == "list":
        return items
    if spec[0] == "dict":
        return dict(zip(spec[1], items, strict=True))
    cls = spec[1]
    return cls(*items) if hasattr(cls, "_fields") else cls(items)  # a named tuple takes arguments


def as_array(leaves: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """Make an array of floats, or of objects where some leaf is a node.

    >>> as_array([1.0, 2.0], (2, 1)).tolist()
    [[1.0], [2.0]]
    """
    import numpy as np

    if all(x.__class__ is float for x in leaves):
        return np.array(leaves, dtype=np.float64).reshape(shape)
    array = np.empty(len(leaves), dtype=object)
    array[:] = leaves
    return array.reshape(shape)


def size(spec: Spec) -> int:
    """Count the leaves.

    >>> size(("list", ("number", ("array", (2, 3)))))
    7
    """
    if spec == NUMBER:
        return 1
    return prod(spec[1]) if spec[0] == "array" else sum(map(size, spec[-1]))


def paths(spec: Spec, path: str) -> list[str]:
    """Name each leaf by its path.

    >>> paths(("list", ("number", ("array", (2,)))), "args[0]")
    ['args[0][0]', 'args[0][1][0]', 'args[0][1][1]']
    """
    if spec == NUMBER:
        return [path]
    if spec[0] == "array":
        return [_step(path, *place) for place in product(*map(range, spec[1]))]
    *_, keys, children = _keyed(spec)
    return [
        name
        for key, child in zip(keys, children, strict=True)
        for name in paths(child, _step(path, key))
    ]


def outer(rows: Spec, columns: Spec, matrix: Sequence[Sequence[Any]]) -> Any:
    """Arrange a matrix as a structure of structures, `rows` outside and `columns` inside.

    Where an array meets a number or an array, the block is one array of their joint shape: the
    Jacobian of an array of shape (m,) by one of shape (n,) has shape (m, n).

    >>> outer(("list", ("number", "number")), "number", [[1.0], [2.0]])
    [1.0, 2.0]
    """
    return _outer(rows, columns, iter(matrix))


def _outer(rows: Spec, columns: Spec, matrix: Iterator[Sequence[Any]]) -> Any:
    if rows == NUMBER:
        return unflatten(columns, next(matrix))
    if rows[0] == "array":
        block = [next(matrix) for _ in range(prod(rows[1]))]
        return _stacked(rows[1], columns, block)
    return wrapped(rows, [_outer(child, columns, matrix) for child in rows[-1]])


def _stacked(shape: tuple[int, ...], columns: Spec, block: Sequence[Sequence[Any]]) -> Any:
    """Arrange rows of leaves as `columns`, with an array over the rows at each leaf."""
    if _is_container(columns):
        return wrapped(
            columns,
            [_stacked(shape, child, [row[own] for row in block]) for child, own in parts(columns)],
        )
    inner = () if columns == NUMBER else columns[1]
    return as_array([x for row in block for x in row], (*shape, *inner))


def parts(spec: Spec) -> Iterator[tuple[Spec, slice]]:
    """Return the children of a container, each with the place of its own leaves.

    >>> list(parts(("list", ("number", ("array", (2,))))))
    [('number', slice(0, 1, None)), (('array', (2,)), slice(1, 3, None))]
    """
    start = 0
    for child in spec[-1]:
        stop = start + size(child)
        yield child, slice(start, stop)
        start = stop


def _is_container(spec: Spec) -> bool:
    return bool(spec != NUMBER and spec[0] != "array")


def _keyed(spec: Spec) -> tuple[Any, ...]:
    """Return a container with its keys: a list and a tuple are keyed by place."""
    return spec if spec[0] == "dict" else (*spec[:-1], range(len(spec[-1])), spec[-1])
