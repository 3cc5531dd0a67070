"""Random scalar programs, to run eagerly and compiled, and the tolerance within which these agree.

A program is plain data: rows of a primitive's name and its operands, which are places of earlier
values or constants. It is built in layers, so that there is something to group.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import oracles

import autograd as ag
from autograd import Value
from autograd.engine.graph import topological_order
from autograd.engine.primitives import TABLE

COMPARISONS = ("<", "<=", ">", ">=")
FEW = [name for name, row in oracles.ROWS.items() if isinstance(row.partials, tuple)]
MANY = ("dot", "fsum", "mean", "logsumexp", "softmax", "log_softmax")
CONSTANTS = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, -1.5)
SPECIAL = (math.nan, math.inf, -math.inf)

# An operand is a place, an int; or a constant, a float. The first of `where` is a comparison with
# its two operands.
Row = tuple[str, tuple[Any, ...]]


def narrow(count: int) -> Callable[[Any, Any], Any]:
    """Make a function in which nothing repeats: each number is of two among the last twenty."""
    rng = random.Random(0)
    names = ("+", "-", "*", "sin", "tanh", "atan", "maximum")
    rows = [(rng.choice(names), rng.randrange(1, 20), rng.randrange(1, 20)) for _ in range(count)]

    def f(x: Any, y: Any) -> Any:
        values = [x, y] * 10
        for name, i, j in rows:
            op, a, b = TABLE[name], values[-i], values[-j]
            values.append(0.9 * op(a, b) if len(op.partials) > 1 else op(a))
        return ag.mean(values[-20:])

    return f


def random_program(
    rng: Any, inputs: int, layers: int, tame: bool = True, special: bool = False
) -> list[Row]:
    """Make a program on places 0 ... inputs - 1.

    Args:
        rng: a `random.Random`.
        inputs: how many places there are at first.
        layers: how many groups of rows to add.
        tame: keep operands in the domain of their row, and results of a size to compute with.
        special: have constants that are nan or infinite, too.
    """
    rows: list[Row] = []
    constants = CONSTANTS + SPECIAL if special else CONSTANTS

    def add(name: str, *operands: Any) -> int:
        rows.append((name, operands))
        return inputs + len(rows) - 1

    def pick() -> Any:
        places = inputs + len(rows)
        if rng.random() < 0.12:
            return rng.choice(constants)
        if rng.random() < 0.5:
            return rng.randrange(places)
        return rng.randrange(max(0, places - 8), places)

    def inside(name: str, i: int, x: Any) -> Any:
        """Bring an operand into the domain of a row."""
        row = TABLE[name]
        lo, hi = row.domain[min(i, len(row.domain) - 1)]
        if not tame or isinstance(x, float):
            return x
        if (lo, hi) == (-1.0, 1.0):
            return add("*", add("tanh", x), 0.9)
        if lo > -math.inf:
            return add("+", add("softplus", x), lo + 0.25)
        return add("tanh", x) if name in ("exp", "sinh", "cosh", "tan", "**", "expm1") else x

    def one(name: str, operands: Sequence[Any]) -> None:
        place = add(name, *[inside(name, i, x) for i, x in enumerate(operands)])
        if tame and rng.random() < 0.5:
            add("atan", place)

    for _ in range(layers):
        kind = rng.random()
        width = rng.choice((1, 1, 2, 3, 5))
        if kind < 0.1:  # all pairs of vectors, of which some are windows on the same places
            n, first = rng.choice((1, 2, 3)), rng.randrange(inputs + len(rows))
            sides = []
            for count in (width, rng.choice((1, 2, 3))):
                last = inputs + len(rows) - n - count
                if rng.random() < 0.5 and first <= last:
                    sides.append([tuple(range(first + i, first + i + n)) for i in range(count)])
                else:
                    sides.append([tuple([pick() for _ in range(n)]) for _ in range(count)])
            bias = pick()
            for ws, xs in product(*sides):
                add("dot", *ws, *xs, bias if rng.random() < 0.8 else pick())
        elif kind < 0.2:  # neurons, on the same inputs
            n = rng.choice((1, 2, 3))
            xs = tuple([pick() for _ in range(n)])
            for ws in [tuple([pick() for _ in range(n)]) for _ in range(width)]:
                add("dot", *((*ws, *xs) if rng.random() < 0.8 else (*xs, *ws)), pick())
        elif kind < 0.4:
            name = rng.choice(MANY)
            n = rng.choice((1, 2, 3, 4))
            for _ in range(width):
                one(name, [pick() for _ in range(2 * n + 1 if name == "dot" else n)])
        elif kind < 0.55:
            for _ in range(width):
                add("where", (rng.choice(COMPARISONS), (pick(), pick())), pick(), pick())
        elif kind < 0.65:  # a chain in micrograd's style
            z = pick()
            for _ in range(rng.choice((1, 2, 4))):
                z = add("+", z, add("*", pick(), pick()))
        else:
            name = rng.choice(FEW)
            column = [pick() for _ in TABLE[name].partials]
            for _ in range(width):
                one(name, [x if rng.random() < 0.3 else pick() for x in column])
    return rows


def evaluated(
    rows: Sequence[Row],
    inputs: Sequence[Any],
    noise: Callable[[Any], Any] = lambda x: x,
    table: Mapping[str, Callable[..., Any]] = TABLE,
) -> list[Any]:
    """Run a program, by the operations of a table; give all its values.

    Equal rows are one node, as they are when compiled: to a sum of infinite gradients it makes a
    difference which of them are added up first.
    """
    values = list(inputs)
    known: dict[str, int] = {}
    place = list(range(len(inputs)))  # of the first row that is equal

    def get(x: Any) -> Any:
        return x if isinstance(x, float) else values[x]

    def same(x: Any) -> Any:
        return tuple(map(same, x)) if isinstance(x, tuple) else place[x] if type(x) is int else x

    for name, operands in rows:
        place.append(known.setdefault(repr((name, same(operands))), len(values)))
        if place[-1] < len(values):
            values.append(values[place[-1]])
            continue
        if name == "where":
            (test, sides), *branches = operands
            values.append(table["where"](table[test](*map(get, sides)), *map(get, branches)))
            continue
        values.append(noise(table[name](*map(get, operands))))
    return values


def size_of_terms(root: Value, wrt: Sequence[Value]) -> list[float]:
    """Give for each leaf the sum over all paths of the absolute terms of the chain rule."""
    size: dict[Value, float] = {root: 1.0}
    for node in reversed(topological_order((root,), Value.__edges__)):
        here = size.get(node, 0.0)
        for i, (parent, local) in enumerate(zip(node.parents, node.local_derivatives, strict=True)):
            if local is None:
                continue
            if node.op in ("softmax", "log_softmax") and i == 0:  # 1 - p has the terms 1 and p
                local = node.data if node.op == "softmax" else 1.0
            size[parent] = size.get(parent, 0.0) + here * abs(local)
    return [size.get(x, 0.0) for x in wrt]


def sums_so_far(weights: Any, values: Any, factors: Any) -> Any:
    """Sums of products of the values up to each position, of which each is longer by one."""
    columns = list(zip(*[[ag.exp(v) for v in line] for line in values], strict=True))
    own = [[ag.exp(w) for w in line[: t + 2]] for t, line in enumerate(weights)]
    return sum(
        factor * sum(a * b for a, b in zip(line, column, strict=False))
        for line, factor in zip(own, factors, strict=True)
        for column in columns
    )
