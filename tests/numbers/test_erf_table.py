"""erf and erfc from a table: to a few units in the last place, and as SciPy does at the edges."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from autograd.numbers import erf_table as errorfunction

MANY = errorfunction._FEWEST
ROWS = [("erf", 2.0), ("erfc", 8.0)]  # with the error that is allowed, in units of 2**-52


def many(numbers: Any) -> Any:
    """Repeat numbers until they are so many that they are looked up."""
    return np.resize(np.asarray(numbers, dtype=float), MANY)


@pytest.mark.parametrize(("name", "units"), ROWS)
@pytest.mark.parametrize(
    ("low", "high"), [(-10, -2), (-2, 0), (-1e-3, 1e-3), (-1e-200, 1e-200), (0, 2), (2, 5), (5, 10)]
)
def test_the_exact_value_is_near(name: str, units: float, low: float, high: float) -> None:
    x = np.random.default_rng(7).uniform(low, high, MANY)
    got = getattr(errorfunction, name)(x)
    with mpmath.workdps(40):
        for i in range(0, MANY, 4):
            exact = getattr(mpmath, name)(mpmath.mpf(x[i]))
            assert abs(mpmath.mpf(got[i]) - exact) <= units * 2**-52 * abs(exact), x[i]


@pytest.mark.parametrize(("name", "units"), ROWS)
@given(x=st.floats(-9.99, 9.99))
def test_any_number_is_near_what_python_says(name: str, units: float, x: float) -> None:
    got = getattr(errorfunction, name)(many([x]))
    assert np.all(got == got[0])
    assert got[0] == pytest.approx(getattr(math, name)(x), rel=(units + 1) * 2**-52, abs=5e-324)


@pytest.mark.parametrize("name", ["erf", "erfc"])
def test_zeros_keep_their_signs(name: str) -> None:
    got = getattr(errorfunction, name)(many([0.0, -0.0]))[:2]
    expected = [getattr(math, name)(x) for x in (0.0, -0.0)]
    assert [math.copysign(1.0, y) for y in got] == [math.copysign(1.0, y) for y in expected]
    assert list(got) == expected


@pytest.mark.parametrize("name", ["erf", "erfc"])
@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf, 10.0, -10.0, 26.5, 1e300])
def test_one_number_beyond_the_table_is_no_harm(name: str, odd: float) -> None:
    x = np.linspace(-3.0, 3.0, MANY)
    x[77] = odd
    expected = getattr(special, name)(x)
    assert np.allclose(getattr(errorfunction, name)(x), expected, 1e-14, 0.0, equal_nan=True)
    assert repr(getattr(errorfunction, name)(x)[77]) == repr(expected[77])


@pytest.mark.parametrize("name", ["erf", "erfc"])
@pytest.mark.parametrize("size", [0, 1, MANY - 1, MANY, *(2**14 + np.array([-1, 0, 1])), 40_001])
def test_all_sizes(name: str, size: int) -> None:
    x = np.random.default_rng(size).normal(size=size)
    expected = getattr(special, name)(x)
    out = np.full(size, np.nan)
    assert getattr(errorfunction, name)(x, out=out) is out
    assert np.allclose(out, expected, 1e-14, 0.0)
    assert np.array_equal(getattr(errorfunction, name)(x), out)


@pytest.mark.parametrize("name", ["erf", "erfc"])
def test_arrays_with_axes_and_gaps(name: str) -> None:
    x = np.random.default_rng(3).normal(size=(64, 96))
    function, expected = getattr(errorfunction, name), getattr(special, name)(x)
    out = np.zeros((64, 192))
    function(x, out=out[:, ::2])
    assert np.allclose(out[:, ::2], expected, 1e-14, 0.0)
    assert not out[:, 1::2].any()
    assert np.allclose(function(x), expected, 1e-14, 0.0)
    assert np.allclose(function(x[:, ::2]), expected[:, ::2], 1e-14, 0.0)
    assert np.allclose(function(x.T), expected.T, 1e-14, 0.0)
    assert function(np.float64(0.5)) == getattr(special, name)(0.5)
