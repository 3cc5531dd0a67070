"""erf and erfc of many numbers, up to twice as fast as SciPy's.

SciPy chooses a formula for each number, and for numbers in no order a processor cannot foresee
which it will be: half the time goes into wrong guesses. Here all numbers take the same way. From
the nearest point a of a table to x it is one step of the midpoint rule, with its first correction.
With h = x - a and m = (x + a) / 2,

    erf x = erf a + 2/√π · h · exp(-m²) · (1 + (4m² - 2) h² / 24)

The points are so dense that what is left out, of the order of h⁵, is less than the rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from scipy import special

_DENSITY = 2048  # points of a table per unit
_LIMIT = 10  # where a table ends: erfc falls to 1e-45
_FEWEST = 10_000  # numbers; for fewer, the calls of functions cost more than what they compute
_PIECE = 2**14  # numbers that are worked on at a time, so that all stays in a processor's cache


def erf(x: Any, out: Any = None) -> Any:
    """Compute what `scipy.special.erf` does.

    >>> erf(np.linspace(-2.0, 2.0, 2001))[[0, 1000, 2000]].round(6).tolist()
    [-0.995322, 0.0, 0.995322]
    """
    if not _is_for_table(x, out):
        return special.erf(x, out=out)
    out = _by_table(x, out, math.erf, 1.0)
    return np.copysign(out, x, out=out)  # erf(-0) is -0


def erfc(x: Any, out: Any = None) -> Any:
    """Compute what `scipy.special.erfc` does.

    >>> erfc(np.linspace(-2.0, 2.0, 2001))[[0, 1000, 2000]].round(6).tolist()
    [1.995322, 1.0, 0.004678]
    """
    if not _is_for_table(x, out):
        return special.erfc(x, out=out)
    return _by_table(x, out, math.erfc, -1.0)


def _is_for_table(x: Any, out: Any) -> bool:
    """Tell whether all numbers are within the table, and so many that this way is faster."""
    whole = x.size >= _FEWEST and x.flags.c_contiguous and (out is None or out.flags.c_contiguous)
    return whole and bool(x.min() > -_LIMIT and x.max() < _LIMIT)  # false if there is a nan


@cache
def _table(function: Callable[[float], float]) -> Any:
    """Return the function's values at the points, those at negative points counted from the end."""
    points = range(-_LIMIT * _DENSITY, _LIMIT * _DENSITY + 1)
    values = np.array([function(i / _DENSITY) for i in points])
    return np.roll(values, -_LIMIT * _DENSITY)


def _by_table(x: Any, out: Any, function: Callable[[float], float], sign: float) -> Any:
    """Compute the function, of which the derivative is sign · 2/√π · exp(-x²)."""
    if out is None:
        out = np.empty(x.shape)
    xs, results, table = x.reshape(-1), out.reshape(-1), _table(function)
    scratch = np.empty((3, min(xs.size, _PIECE)))
    for start in range(0, xs.size, _PIECE):
        part = slice(start, start + _PIECE)
        _step(xs[part], results[part], table, sign, *scratch[:, : xs[part].size])
    return out


def _step(x: Any, result: Any, table: Any, sign: float, a: Any, h: Any, power: Any) -> None:
    """Step from the points next to x to x. All lengths are counted in distances of points."""
    unit = 1.0 / _DENSITY
    slope = sign * 2.0 / math.sqrt(math.pi) * unit
    np.multiply(x, _DENSITY, out=h)
    np.rint(h, out=a)
    np.add(h, a, out=power)
    np.subtract(h, a, out=h)
    np.multiply(power, power, out=power)
    np.multiply(power, -0.25 * unit**2, out=power)  # -m²
    values = table[a.astype(np.intp)]
    np.exp(power, out=a)
    np.multiply(a, h, out=a)
    np.multiply(h, h, out=h)
    np.multiply(power, -slope / 6.0 * unit**2, out=power)
    np.subtract(power, slope / 12.0 * unit**2, out=power)
    np.multiply(power, h, out=power)
    np.add(power, slope, out=power)
    np.multiply(power, a, out=power)
    np.add(values, power, out=result)
