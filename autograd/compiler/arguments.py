"""The way into compiled code and back: nested arguments to arrays, arrays to nested results.

What an argument looks like is found out once, with care, by `taken_apart`. From then on a function
that is written for this one form, without a loop, tells whether a call has it and hands out the
arrays, and another puts results together. For arguments `([w1, w2], x)` with a batch of x the
first reads

    v0, v1 = args
    if v0.__class__ is not list or len(v0) != 2: return None
    ...
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from math import prod
from types import CodeType
from typing import Any, TypeAlias

import numpy as np

from autograd.errors import unmasked
from autograd.transforms.trees import NUMBER, Spec, described, flatten, paths, size, wrapped

_FLOAT = np.dtype(np.float64)
MUCH = 2**13  # numbers, that take longer to copy than to make views of


@dataclass(frozen=True)
class Leaf:
    """A part of an argument that reaches the code as one array.

    Attributes:
        path: what to call it in an error.
        spec: its structure per sample: a number, an array, or a list or tuple of numbers, or of
            lists of numbers of the same length, and so on.
        shape: the shape of the array per sample.
        batched: whether the array has one more axis in front, the batch.
    """

    path: str
    spec: Spec
    shape: tuple[int, ...]
    batched: bool

    @property
    def count(self) -> int:
        """The numbers per sample."""
        return prod(self.shape)

    @property
    def is_large(self) -> bool:
        """Whether to copy it takes longer than to make views of it."""
        return self.count >= MUCH

    @property
    def is_handed_over(self) -> bool:
        """Whether a gradient with respect to it is handed out as it is, and not as a copy."""
        return self.spec[0] == "array" and self.is_large


# A leaf, or ("list", children), ("tuple", its type, children) or ("dict", keys, children): a spec
# of `autograd.transforms.trees` that has leaves of this module in the place of numbers and arrays.
Form: TypeAlias = Any


class NodeGivenError(Exception):
    """An argument holds a node, or a function one that varies; `path` says where."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def leaves_of(form: Form) -> Iterator[Leaf]:
    """Return the leaves of a form from left to right."""
    if isinstance(form, Leaf):
        yield form
    else:
        for child in form[-1]:
            yield from leaves_of(child)


# --- taking apart ---------------------------------------------------------------------------------


def taken_apart(tree: Any, axes: Any, path: str) -> tuple[Form, list[Any]]:
    """Return the form of an argument, and an array of floats per leaf of it.

    Args:
        tree: the argument.
        axes: None where it is shared by all samples, 0 where its leading axis is the batch, or a
            structure of these, as far down as it is needed.
        path: what to call the argument in an error.

    Raises:
        TypeError: something is no real number, or `axes` has another structure.
        ValueError: an array is ragged, has no axis for the batch, or an axis is neither.
        NodeGivenError: something is a node.

    >>> form, arrays = taken_apart(([1.0, 2.0], 3), None, "args[0]")
    >>> [leaf.path for leaf in leaves_of(form)], [array.tolist() for array in arrays]
    (['args[0][0]', 'args[0][1]'], [[1.0, 2.0], 3.0])
    """
    arrays: list[Any] = []
    return _take(tree, axes, path, arrays), arrays


def _take(tree: Any, axes: Any, path: str, arrays: list[Any]) -> Form:
    several = isinstance(axes, (list, tuple, dict))
    if several:
        _check_prefix(tree, axes, path)
    elif axes is not None and (axes.__class__ is bool or axes != 0):
        raise ValueError(
            "in_axes must be 0, where the leading axis is the batch, or None where all samples "
            f"share the argument, not {axes!r} as for {path}"
        )
    if isinstance(tree, dict):
        children = [
            _take(x, axes[key] if several else axes, f"{path}[{key!r}]", arrays)
            for key, x in tree.items()
        ]
        return "dict", tuple(tree), tuple(children)
    sequence = isinstance(tree, (list, tuple))
    numbers = _numbers(tree, path) if sequence and axes is None else None
    # a list with an axis is a batch, but one with an entry for each item is a structure
    if numbers is None and sequence and (isinstance(tree, tuple) or several or axes is None):
        children = [
            _take(x, axes[i] if several else axes, f"{path}[{i}]", arrays)
            for i, x in enumerate(tree)
        ]
        row = children[0] if children and not several else None
        if isinstance(row, Leaf) and row.spec[0] == "list" and _are_alike(children):
            count = len(children)
            arrays[-count:] = [np.stack(arrays[-count:])]
            return Leaf(path, (*_kind(tree), (row.spec,) * count), (count, *row.shape), False)
        return (*_kind(tree), tuple(children))
    if numbers is not None:
        arrays.append(numbers)
        return Leaf(path, (*_kind(tree), (NUMBER,) * len(tree)), numbers.shape, batched=False)
    array = _real_array(tree, path)
    arrays.append(array)
    shape = array.shape
    if axes == 0:
        if not shape:
            raise ValueError(f"{path} is one number, but in_axes asks for a batch of them")
        shape = shape[1:]
    return Leaf(path, ("array", shape) if shape else NUMBER, shape, axes == 0)


def _are_alike(forms: Sequence[Form]) -> bool:
    """Tell whether forms are leaves that all samples share, of the same structure."""
    specs = {x.spec if isinstance(x, Leaf) and not x.batched else None for x in forms}
    return len(specs) == 1 and None not in specs


def _kind(tree: Any) -> tuple[Any, ...]:
    return ("list",) if isinstance(tree, list) else ("tuple", tree.__class__)


def _check_prefix(tree: Any, axes: Any, path: str) -> None:
    """Raise unless `axes` has entries for exactly what is in `tree`."""
    if isinstance(axes, dict):
        if isinstance(tree, dict) and set(tree) == set(axes):
            return
        wanted = f"a dict with the keys {list(axes)}"
    else:
        if isinstance(tree, (list, tuple)) and len(tree) == len(axes):
            return
        wanted = f"a list or tuple of {len(axes)}"
    if isinstance(tree, dict):
        given = f"a dict with the keys {list(tree)}"
    elif isinstance(tree, (list, tuple)):
        given = described((*_kind(tree), tree))
    else:
        given = f"of type {tree.__class__.__name__}"
    raise TypeError(
        f"in_axes has {axes!r} for {path}, so that must be {wanted}, but it is {given}: give "
        "in_axes the structure of the argument, or one entry for all of it"
    )


def _numbers(tree: Any, path: str) -> Any:
    """Return the array of a list or tuple of numbers, or None for what holds more than numbers."""
    nested = any(isinstance(x, (list, tuple, dict)) or getattr(x, "shape", ()) for x in tree)
    return None if nested or not tree else _real_array(list(tree), path)


def _real_array(x: Any, path: str) -> Any:
    """Return an array of floats."""
    try:
        array = np.asarray(unmasked(x, path))
    except ValueError:
        raise ValueError(
            f"{path} is ragged: all samples must have the same shape{_odd_one_out(x, path)}"
        ) from None
    if array.dtype.kind in "fiub":
        return np.asarray(array, dtype=np.float64)
    leaves, spec = flatten(x, path)  # raises where something is no number, with its path
    for leaf, place in zip(leaves, paths(spec, path), strict=True):
        if hasattr(leaf.__class__, "__rank__"):
            raise NodeGivenError(place)
    return np.array(leaves, dtype=np.float64).reshape(array.shape)


def _odd_one_out(x: Any, path: str) -> str:
    """Say which sample differs from the first, if that is to be seen."""
    try:
        shapes = [np.shape(sample) for sample in x]
    except ValueError:
        return ""
    odd = next((i for i, shape in enumerate(shapes) if shape != shapes[0]), None)
    if odd is None:
        return ""
    return f", but {path}[{odd}] has the shape {shapes[odd]} and {path}[0] {shapes[0]}"


# --- recognising what was taken apart before ------------------------------------------------------


def matcher(forms: Sequence[Form]) -> Callable[[Sequence[Any]], tuple[int, tuple[Any, ...]] | None]:
    """Write the function that takes arguments of these forms apart, fast.

    It gives the number of samples, 1 where there is no batch, and an array or a float per leaf. If
    the arguments are of another form, or need the care of `taken_apart`, it gives None, or raises a
    TypeError or ValueError.
    """
    names: dict[str, Any] = {
        "ndarray": np.ndarray,
        "asarray": lambda x: np.asarray(unmasked(x, "an argument")),
        "packed": _packed,
        "FLOAT": _FLOAT,
        "floats": _floats,
    }
    lines = [f"if len(args) != {len(forms)}: return None"]
    counted = False
    made = 0
    leaves: list[str] = []

    def new() -> str:
        nonlocal made
        made += 1
        return f"v{made - 1}"

    def unpack(source: str, children: Sequence[Form]) -> None:
        variables = [new() for _ in children]
        if variables:
            lines.append(f"{', '.join(variables)}, = {source}")
        for variable, child in zip(variables, children, strict=True):
            match(variable, child)

    def match_kind(v: str, spec: Spec, count: int) -> None:
        kind = "list" if spec[0] == "list" else f"K{len(names)}"
        if spec[0] == "tuple":
            names[kind] = spec[1]
        lines.append(f"if {v}.__class__ is not {kind} or len({v}) != {count}: return None")

    def match(v: str, form: Form) -> None:
        nonlocal counted
        if not isinstance(form, Leaf):
            if form[0] == "dict":
                keys = f"K{len(names)}"
                names[keys] = form[1]
                lines.append(f"if {v}.__class__ is not dict or tuple({v}) != {keys}: return None")
                unpack(f"{v}.values()", form[-1])
            else:
                match_kind(v, form, len(form[-1]))
                unpack(v, form[-1])
            return
        leaves.append(v)
        shape = repr(form.shape)
        if form.batched:
            lines.append(f"if {v}.__class__ is not ndarray: {v} = asarray({v})")
            if not counted:
                counted = True
                lines.append(f"if {v}.ndim != {len(form.shape) + 1}: return None")
                lines.append(f"n = len({v})")
            shape = f"(n, {', '.join(map(str, form.shape))})"
        elif form.spec == NUMBER:
            lines.append(f"if {v}.__class__ is not float: return None")
            return
        elif form.spec[0] == "array":
            lines.append(f"if {v}.__class__ is not ndarray: return None")
        else:
            match_kind(v, form.spec, form.shape[0])
            lines.append(f"{v} = packed({v}, {shape})")
        lines.append(f"if {v}.dtype is not FLOAT: {v} = floats({v})")
        lines.append(f"if {v}.shape != {shape}: return None")

    unpack("args", forms)
    lines.append(f"return {'n' if counted else '1'}, ({''.join(f'{v}, ' for v in leaves)})")
    exec(_code("match(args)", tuple(lines)), names)
    written: Callable[[Sequence[Any]], tuple[int, tuple[Any, ...]] | None] = names["match"]
    return written


@lru_cache(256)
def _code(head: str, lines: tuple[str, ...]) -> CodeType:
    """Compile a function: what is of one form often has a text that was compiled before."""
    return compile("\n    ".join([f"def {head}:", *lines]), f"<{head}>", "exec")


def _packed(tree: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """Make an array of nested lists, of floats by `struct`: several times as fast as NumPy."""
    rows = [tree]
    for count in shape[1:]:
        rows = list(chain.from_iterable(rows))
        if any(row.__class__ is not list or len(row) != count for row in rows):
            raise TypeError
    if rows[0][0].__class__ is not float:
        return np.array(tree)
    packed = struct.Struct(f"{shape[-1]}d").pack
    try:
        return np.frombuffer(b"".join([packed(*row) for row in rows])).reshape(shape)
    except struct.error:
        raise TypeError from None


def _floats(array: Any) -> Any:
    """Convert an array of other numbers."""
    if array.dtype.kind not in "fiub":
        raise TypeError
    return array.astype(np.float64)


# --- putting together -----------------------------------------------------------------------------


def assembler(form: Form, lanes: Callable[[Leaf], bool] | bool) -> Callable[[Any, Any], Any]:
    """Make the function that puts numbers together to a structure.

    It takes `d`, numbers that stand for all samples, and `e`, an array of those that differ from
    sample to sample, samples first. `d` is an array too, or for a form a list with an array per
    leaf, of which copies are made unless they are handed over; other arrays in what it makes are
    views.

    Args:
        form: a form, or a spec of `autograd.transforms.trees`.
        lanes: whether the numbers are of the second kind, or a function that tells it of a leaf.

    >>> import numpy as np
    >>> put = assembler(("list", (NUMBER, ("tuple", tuple, (NUMBER, NUMBER)))), lanes=False)
    >>> put(np.arange(3.0), None)
    [0.0, (1.0, 2.0)]
    """
    at = {"d": 0, "e": 0}
    names: dict[str, Any] = {"wrapped": wrapped}
    lines: list[str] = []

    def around(spec: Spec, items: str) -> str:
        if spec[0] == "list":
            return items
        names[f"K{len(names)}"] = spec
        return f"wrapped(K{len(names) - 1}, {items})"

    def put(spec: Spec, source: str) -> str:
        if isinstance(spec, Leaf):
            if lanes is True or (lanes and lanes(spec)):
                return put(spec.spec, "e")
            at["d"] += 1
            own, leaf, spec = f"d[{at['d'] - 1}]", spec, spec.spec
            if spec == NUMBER:
                return f"float({own})"
            if spec[0] == "array":
                return own if leaf.is_handed_over else f"{own}.copy()"
            return around(spec, f"{own}.tolist()")
        start, is_one = at[source], spec == NUMBER or spec[0] == "array"
        if is_one or (source == "d" and spec[-1] and all(child == NUMBER for child in spec[-1])):
            at[source] = stop = start + size(spec)
            if source == "d" and spec == NUMBER:
                return f"float(d[{start}])"
            if source == "d":
                own = f"d[{start}:{stop}]"
                return f"{own}.reshape({spec[1]})" if is_one else around(spec, f"{own}.tolist()")
            if spec == NUMBER:
                return f"e[:, {start}]"
            return f"e[:, {start}:{stop}].reshape(len(e), *{spec[1]})"
        parts = ", ".join([put(child, source) for child in spec[-1]])
        lines.append(f"v{len(lines)} = {around(spec, f'[{parts}]')}")
        return f"v{len(lines) - 1}"

    lines.append(f"return {put(form, 'e' if lanes is True else 'd')}")
    exec(_code("put(d, e)", tuple(lines)), names)
    written: Callable[[Any, Any], Any] = names["put"]
    return written
