"""The functions in native code are those of NumPy and SciPy, to the last digits but one."""

import numpy as np
import pytest
from scipy.special import expit

import autograd as ag
from autograd.compiler.codegen import kernels

pytest.importorskip("numba", reason="Numba is of the extra `native`")

ULPS = 5  # 2.5 of ours, 0.5 of NumPy's or 2 of SciPy's
EDGES = [0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, 1e-310, 0.625, 709.78, 709.79, 710.47, 711.0]
EDGES += [-708.4, -708.5, -740.0, -744.4, -745.1, -745.2, -750.0, 1e300, -1e300]
TRUE = {"exp": np.exp, "tanh": np.tanh, "cosh": np.cosh}
TRUE["expit"] = lambda x: np.where(x < -709.0, np.exp(x), expit(x))  # SciPy's is 0 too early


@pytest.fixture
def native(monkeypatch):
    monkeypatch.setattr(kernels, "_FEWEST_FUNCTIONS", 0)


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize("name", sorted(kernels.FUNCTIONS))
@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 400.0])
def test_a_function_is_right_to_the_last_digits(name, scale):
    x = np.random.default_rng(0).normal(0.0, scale, 4000)
    (function,) = kernels.functions([name], [1]).values()
    with np.errstate(over="ignore", under="ignore"):
        expected = TRUE[name](x)
        np.testing.assert_allclose(function(x), expected, rtol=ULPS * 2.0**-53, atol=5e-324)
        np.testing.assert_array_equal(function(x[::2]), function(x)[::2])


def test_few_numbers_at_once_are_left_to_numpy_however_often():
    assert kernels.functions(["exp"], [100] * 1000) == {}
    assert list(kernels.functions(["exp"], [1000] * 100)) == ["exp"]


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize("name", sorted(kernels.FUNCTIONS))
def test_a_function_has_the_infinities_zeros_and_nans_of_numpy(name):
    (function,) = kernels.functions([name], [1]).values()
    for x in EDGES:
        with np.errstate(all="ignore"):
            expected, found = TRUE[name](x), function(x)
        assert found == pytest.approx(expected, rel=1e-15, abs=5e-324, nan_ok=True), x
        assert np.signbit(found) == np.signbit(expected) or np.isnan(x), x


@pytest.mark.parametrize(
    "function",
    [ag.exp, ag.sigmoid, ag.silu, ag.softplus, ag.log_sigmoid, ag.tanh, ag.sinh, ag.cosh, ag.gelu],
)
def test_values_and_slopes_are_those_without_them(monkeypatch, function):
    x = np.append(np.linspace(-4.0, 4.0, 99), -720.0)

    def results():
        compiled = ag.compile(lambda x: ag.fsum(map(function, x)), in_axes=0)
        return compiled.value_and_grad(np.tile(x, (2, 1)))

    expected = results()
    monkeypatch.setattr(kernels, "_FEWEST_FUNCTIONS", 0)
    for found, own in zip(results(), expected, strict=True):
        np.testing.assert_allclose(found, own, rtol=1e-13, atol=1e-300)


def test_they_stand_in_for_numpys_where_that_is_worth_loading_numba(monkeypatch):
    taken = []
    monkeypatch.setattr(kernels, "_ufunc", lambda name: taken.append(name) or getattr(np, name))
    compiled = ag.compile(lambda x: ag.fsum([ag.tanh(xi) for xi in x]), in_axes=0)
    compiled(np.ones((1, 100)))
    assert not taken
    compiled(np.ones((100, 100)))
    assert taken == ["tanh"]
