"""Nested arguments: lists, tuples and dictionaries of numbers, and NumPy arrays.

A structure is taken apart into a flat list of leaves and a `Spec`, plain data that says how to
put it together again. Transforms work on the flat list and answer in the structure they got.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import prod
from typing import Any, TypeAlias

from autograd.errors import as_float

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
    """
    leaves: list[Any] = []
    return leaves, _flatten_into(leaves, tree, path)


def _flatten_into(leaves: list[Any], tree: Any, path: str) -> Spec:
    kind = tree.__class__
    if kind is float or hasattr(kind, "_rank"):
        leaves.append(tree)
        return NUMBER
    if isinstance(tree, dict):
        children = [_flatten_into(leaves, x, f"{path}[{key!r}]") for key, x in tree.items()]
        return "dict", tuple(tree), tuple(children)
    if isinstance(tree, (list, tuple)):
        spec = tuple([_flatten_into(leaves, x, f"{path}[{i}]") for i, x in enumerate(tree)])
        return ("list", spec) if isinstance(tree, list) else ("tuple", kind, spec)
    shape = getattr(tree, "shape", ())
    if shape != () and hasattr(tree, "reshape"):
        for i, x in enumerate(tree.reshape(-1).tolist()):
            _flatten_into(leaves, x, f"{path}.flat[{i}]")
        return "array", tuple(shape)
    leaves.append(as_float(tree, path))
    return NUMBER


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
    kind, *_, children = spec
    if kind == "array":
        return as_array([next(leaves) for _ in range(prod(children))], children)
    return _wrapped(spec, [_take(child, leaves) for child in children])


def as_array(leaves: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """Make an array of floats, or of objects where some leaf is a node."""
    import numpy as np

    if all(x.__class__ is float for x in leaves):
        return np.array(leaves, dtype=np.float64).reshape(shape)
    array = np.empty(len(leaves), dtype=object)
    array[:] = leaves
    return array.reshape(shape)


def paths(spec: Spec, path: str) -> list[str]:
    """Name each leaf by its path.

    >>> paths(("list", ("number", ("array", (2,)))), "args[0]")
    ['args[0][0]', 'args[0][1].flat[0]', 'args[0][1].flat[1]']
    """
    if spec == NUMBER:
        return [path]
    kind, *_, children = spec
    if kind == "array":
        return [f"{path}.flat[{i}]" for i in range(prod(children))]
    keys = spec[1] if kind == "dict" else range(len(children))
    return [
        name
        for key, child in zip(keys, children, strict=True)
        for name in paths(child, f"{path}[{key!r}]")
    ]


def outer(rows: Spec, columns: Spec, matrix: Sequence[Sequence[Any]]) -> Any:
    """Arrange a matrix as a structure of structures, `rows` outside and `columns` inside.

    Where an array meets a number or an array, the block is one array of their joint shape: the
    Jacobian of an array of shape (m,) by one of shape (n,) has shape (m, n).

    >>> outer(("list", ("number", "number")), "number", [[1.0], [2.0]])
    [1.0, 2.0]
    """
    return _outer(rows, columns, [list(row) for row in matrix])


def _outer(rows: Spec, columns: Spec, matrix: list[list[Any]]) -> Any:
    if _is_container(rows):
        blocks = [_outer(child, columns, matrix[part]) for child, part in _parts(rows)]
        return _wrapped(rows, blocks)
    if _is_container(columns):
        return _wrapped(
            columns,
            [_outer(rows, child, [row[part] for row in matrix]) for child, part in _parts(columns)],
        )
    if rows == NUMBER and columns == NUMBER:
        return matrix[0][0]
    shape = tuple(n for spec in (rows, columns) if spec != NUMBER for n in spec[1])
    return as_array([x for row in matrix for x in row], shape)


def _is_container(spec: Spec) -> bool:
    return bool(spec != NUMBER and spec[0] != "array")


def _parts(spec: Spec) -> Iterator[tuple[Spec, slice]]:
    """Give the children of a container, each with its place among the leaves."""
    start = 0
    for child in spec[-1]:
        size = len(paths(child, ""))
        yield child, slice(start, start + size)
        start += size


def _wrapped(spec: Spec, items: list[Any]) -> Any:
    """Make the outermost container of `spec` around `items`."""
    if spec[0] == "list":
        return items
    if spec[0] == "dict":
        return dict(zip(spec[1], items, strict=True))
    cls = spec[1]
    return cls(*items) if hasattr(cls, "_fields") else cls(items)  # a named tuple takes arguments
