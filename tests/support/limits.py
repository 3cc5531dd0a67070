"""What a row and its derivatives are at any floats: mpmath's numbers, or the limits they tend to.

A derivative is a quotient of differences of the oracle's, with digits enough for all of its own. At
an infinity, a pole, or the edge of the domain it is the limit, which shows in two points on the
way: from one to the next the number stays, or it grows, or it shrinks. Where several operands are
on the way they take it at different speeds, and if the results differ there is no limit: nan.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import inf, nan
from typing import Any

from oracles import ORACLES, TINY, Domain, agree, exact

Path = tuple[int, ...]  # the operands to differentiate with respect to, one after the other

SPECIAL = (
    *(0.0, -0.0, inf, -inf, nan, 1e200, -1e200, 1e-200, -1e-200, 5e-324, -5e-324),
    *(1e16, -1e16, 1e-16, -1e-16, 1.0, -1.0, 1.0 - 2.0**-53, 1.0 + 2.0**-52, 2.0**-53 - 1.0),
    *(0.5, -0.5, 2.5, -2.5, 3.0, -3.0, -710.0, 1000.0, -1000.0),
)

STAND_INS = (-1.3, -0.3, 0.7, 1.9, 3.7)  # for nan
NEGLIGIBLE = exact.mpf(10) ** -10000


def accepted(name: str, xs: Sequence[float], paths: Iterable[Path]) -> dict[Path, list[Any]]:
    """Give the results that are right, by path: mostly one.

    With a nan among the operands nan is right, and so is a number that does not depend on it. Where
    the value or a lower derivative has no limit, or where the order of differentiation matters, nan
    is right too.
    """
    if all(x == x for x in xs):
        lower = {path[:n] for path in paths for n in range(len(path) + 1)}
        limits = {path: limit(name, xs, path) for path in lower | {path[::-1] for path in paths}}
        wanted = {}
        for path in paths:
            first, second = limits[path], limits[path[::-1]]
            exists = all(limits[path[:n]] == limits[path[:n]] for n in range(len(path) + 1))
            wanted[path] = [first] if exists and _same(first, second) else [first, second, nan]
        return wanted
    choices = [
        [y + 0.01 * i for y in STAND_INS if d.lo < y < d.hi] if x != x else [x]
        for i, (x, d) in enumerate(zip(xs, domains_of(name, xs), strict=True))
    ]
    wanted = {}
    for path in paths:
        first, *others = [limit(name, ys, path) for ys in itertools.product(*choices)]
        wanted[path] = [nan, first] if all(_same(first, other) for other in others) else [nan]
    return wanted


def is_right(got: float, wanted: Sequence[Any], relative: float, slack: float = TINY) -> bool:
    """Tell whether a float is one of the results that are right."""
    for want in wanted:
        if want != want or want in (inf, -inf):
            if got == want or (got != got and want != want):
                return True
        elif agree(got, want, relative, slack):
            return True
    return False


def domains_of(name: str, xs: Sequence[float]) -> Sequence[Domain]:
    """Give the domain of each operand."""
    oracle = ORACLES[name]
    return oracle.domains if oracle.sizes is None else oracle.domains * len(xs)


def limit(name: str, xs: Sequence[float], path: Path = ()) -> Any:
    """Give a derivative at a point without nan, or its limit; the value, for the empty path."""
    ways = _ways(name, xs)
    moving = [i for i, (_, direction, _) in enumerate(ways) if direction]
    size = max([abs(math.log10(abs(x))) for x in xs if x and math.isfinite(x)], default=0.0)
    pace = int(45 + 1.5 * size)  # zeros of a number on its way
    speeds = [[1] * len(xs)]
    if len(moving) > 1:
        speeds += [[2 if i == j else 1 for j in range(len(xs))] for i in moving]
    finest = max(size, 2 * pace * (1 + (len(moving) > 1))) if moving else size
    differences = max(0, len(path) - 1)
    digits = 110 + finest + differences * (30 + finest * min(2, len(xs)))
    with exact.workdps(int(digits)):
        found = []
        for speed in speeds:
            numbers = [
                _derivative(
                    name,
                    [
                        start + direction * exact.mpf(10) ** (power * pace * v * time)
                        if direction
                        else start
                        for (start, direction, power), v in zip(ways, speed, strict=True)
                    ],
                    path,
                )
                for time in ((1, 2) if moving else (1,))
            ]
            found.append(_trend(*numbers) if moving else numbers[0])
        return found[0] if all(_same(found[0], other) for other in found) else nan


def _ways(name: str, xs: Sequence[float]) -> list[tuple[Any, int, int]]:
    """Give start, direction and the sign of the exponent, for x = start + direction · 10^±n.

    A zero is only on the way where the oracle has no derivative there, or where another operand is
    infinite; its sign says where from.
    """
    is_regular = ORACLES[name].regular(*xs) and all(map(math.isfinite, xs))
    ways = []
    for x, domain in zip(xs, domains_of(name, xs), strict=True):
        if math.isinf(x):
            way = exact.zero, int(math.copysign(1.0, x)), 1
        elif x in (domain.lo, domain.hi):
            way = exact.mpf(x), 1 if x == domain.lo else -1, -1
        elif x == 0.0 and not is_regular:
            way = exact.zero, int(math.copysign(1.0, x)), -1
        else:
            way = exact.mpf(x), 0, -1
        ways.append(way)
    return ways


def _derivative(name: str, point: Sequence[Any], path: Path) -> Any:
    """Give a derivative by differences of the oracle's first ones; nan where it is not real."""
    steps = []
    for i, x in enumerate(point if len(path) > 1 else ()):
        domain = domains_of(name, point)[i]
        distances = [abs(x - y) for y in (0.0, domain.lo, domain.hi) if math.isfinite(y) and x != y]
        distances += [min(abs(y), 1 / abs(y)) for j, y in enumerate(point) if y and j != i]
        steps.append(exact.ldexp(min([*distances, exact.one]), -100))

    def difference(at: Sequence[Any], rest: Path) -> Any:
        if not rest:
            return _evaluated(name, at, exact.prec)[1][path[0]]
        i, h = rest[0], steps[rest[0]]
        low, high = [
            difference((*at[:i], at[i] + step, *at[i + 1 :]), rest[1:]) for step in (-h, h)
        ]
        return (high - low) / (2 * h)

    try:
        value, slopes = _evaluated(name, tuple(point), exact.prec)
        result = difference(tuple(point), path[1:]) if path else value
    except ZeroDivisionError:
        return nan
    if isinstance(value, exact.mpc) or isinstance(result, exact.mpc):
        return nan
    if len(path) > 1:
        rounding = abs(slopes[path[0]]) * exact.mpf(10) ** (10 - exact.dps)
        for i in path[1:]:
            rounding /= steps[i]
        return result if abs(result) > rounding else exact.zero
    return result


@lru_cache(maxsize=200)
def _evaluated(name: str, point: tuple[Any, ...], _: int) -> tuple[Any, list[Any]]:
    """Evaluate an oracle, once for all paths."""
    return ORACLES[name].value(*point), ORACLES[name].partials(*point)


def _trend(a: Any, b: Any) -> Any:
    """Give the limit of what is a, and further on b."""
    if a != a or b != b:
        return nan
    if exact.almosteq(a, b, 1e-20, 0):
        return b
    if abs(b) < abs(a) or abs(b) < NEGLIGIBLE:
        return exact.zero
    return inf if b > 0 else -inf


def _same(a: Any, b: Any) -> bool:
    if any(x != x or x in (inf, -inf) for x in (a, b)):
        return bool(a == b or (a != a and b != b))
    return a is b or bool(exact.almosteq(a, b, 1e-15, 0))
