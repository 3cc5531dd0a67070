"""Gradients that are not copied, sums over the lanes that are put off, slopes from results."""

import re

import numpy as np
import pytest

import autograd as ag
from autograd import Value
from autograd.compiler import arraycode


def agrees(f, parameters, samples):
    """Assert that the mean over samples, and its gradient, are as the eager engine has them."""
    compiled = ag.compile(f, in_axes=(None, 0), reduce="mean")
    value, slopes = compiled.value_and_grad(parameters, samples)
    leaves = [Value(x) for x in parameters]
    root = ag.mean([f(leaves, list(x)) for x in samples])
    root.backward()
    np.testing.assert_allclose(value, root.data, rtol=1e-12)
    np.testing.assert_allclose(slopes, [x.grad for x in leaves], rtol=1e-12)
    return compiled.code


def numbers(*shape):
    return np.random.default_rng(0).uniform(0.5, 1.5, shape)


def test_the_gradient_of_a_sum_is_that_of_its_terms():
    def f(w, x):
        return sum(ag.tanh(a * b) for a, b in zip(w, x, strict=True))

    code = agrees(f, numbers(5), numbers(3, 5))
    assert "copyto" not in code


def test_the_gradient_of_a_sum_of_squares_is_one_product():
    def f(w, x):
        z = [ag.sin(a * b) for a, b in zip(w, x, strict=True)]
        return ag.exp(sum(a * b for a, b in zip(z, z, strict=True)))

    code = agrees(f, numbers(5), numbers(3, 5))
    assert "add(" not in code


def taken_from_data(w, y):
    return [a - ag.tanh(b) for a, b in zip(y, w, strict=True)]


def taken_from_each_other(w, y):
    return [a * ag.sin(b) - ag.tanh(b) for a, b in zip(y, w, strict=True)]


def taken_and_added(w, y):
    return [ag.sin(b) + (a - ag.tanh(b)) for a, b in zip(y, w, strict=True)]


def taken_twice(w, y):
    z = [a - ag.tanh(b) for a, b in zip(y, w, strict=True)]
    return [x + (a - x) * b for x, a, b in zip(z, y, w, strict=True)]


def products_of_a_matrix(w, y):
    rows = [[a + 0.5 * b for a in y] for b in y]
    return [a - ag.dot(row, w) for a, row in zip(y, rows, strict=True)]


@pytest.mark.parametrize(
    ("residuals", "products"),
    [
        (taken_from_data, ["-2.0"]),
        (taken_from_each_other, ["2.0", "-1.0"]),
        (taken_and_added, ["2.0", "-1.0"]),
        (taken_twice, ["2.0", "-1.0", "-1.0"]),
        (products_of_a_matrix, ["-2.0"]),
    ],
)
def test_a_gradient_that_only_a_difference_reads_is_made_with_its_sign(residuals, products):
    def f(w, y):
        return sum(r**2 for r in residuals(w, y))

    w, y = numbers(2, 5)
    compiled = ag.compile(f)
    np.testing.assert_allclose(compiled.grad(w, y), ag.grad(f)(w, y), rtol=1e-12)
    lines = [x for x in compiled.code.split("at the end")[1].splitlines() if "multiply" in x]
    assert [x for line in lines for x in re.findall(r"-?\d\.0", line)] == products
    assert "copyto" not in compiled.code


def elementwise(z):
    return [ag.sin(a) for a in z]


def total(z):
    return [ag.fsum(z)] * len(z)


def scattered(z):
    return [ag.sin(z[i]) for i in (2, 0, 3, 1, 4)]


def repeated(z):
    return [ag.sin(z[i]) for i in (2, 0, 2, 1, 2)]


@pytest.mark.parametrize("others", [elementwise, total, scattered, repeated])
def test_a_gradient_that_more_is_added_to_is_copied_first(others):
    def f(w, x):
        z = [a * b for a, b in zip(w, x, strict=True)]
        y = [a + ag.exp(b) for a, b in zip(z, others(z), strict=True)]
        return ag.fsum([ag.tanh(a) for a in y])

    agrees(f, numbers(5), numbers(3, 5))


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(("odd", "sums"), [(None, 1), (0, 2), (3, 3), (7, 3)])
def test_what_each_step_adds_to_a_parameter_is_summed_at_once(sign, odd, sums, monkeypatch):
    monkeypatch.setattr(arraycode, "_FEWEST_LANES", 3)  # several blocks
    monkeypatch.setattr(arraycode, "_BLOCK_BYTES", 0)

    def f(w, x):
        h = x
        for t in range(10):
            h = [a + b if sign > 0 else a - b for a, b in zip(h, w, strict=True)]
            h = [ag.tanh(a) if t != odd else ag.sin(a * a) * a for a in h]
        return h[0] * h[1]

    code = agrees(f, numbers(2), numbers(8, 2))
    assert sum("add.reduce(" in line for line in code.splitlines()) <= sums


@pytest.mark.parametrize("op", [ag.tanh, ag.sigmoid])
@pytest.mark.parametrize("largest", [0.5, 3.0, 4.0, 7.5, 20.0, 800.0, np.inf, np.nan])
@pytest.mark.parametrize("samples", [100, 1000])
def test_slopes_keep_their_digits_where_results_are_near_1(op, largest, samples):
    x = np.append(np.linspace(-3.0, 3.0, samples), largest)
    slopes = ag.compile(lambda x: op(x), in_axes=0, reduce="sum").grad(x)
    np.testing.assert_allclose(slopes, [ag.grad(op)(a) for a in x], rtol=1e-12)


@pytest.mark.parametrize("b", [-0.5, -1.5, -300.5, -0.1, -1e-17, -2.0, 0.3, np.nan])
def test_slopes_of_powers_from_results_have_the_same_edges(b):
    edges = [0.0, -0.0, 5e-324, 1e-200, 0.3, 1.0, 2.5, 1e308, np.inf, -np.inf, -1.5, np.nan]
    slopes = ag.compile(lambda x: x**b, in_axes=0, reduce="sum").grad(np.array(edges))
    with np.errstate(all="ignore"):
        expected = [ag.grad(lambda x: x**b)(x) for x in edges]
    np.testing.assert_allclose(slopes, expected, rtol=1e-12)


def errors(w, x):
    return sum((b - ag.tanh(a)) ** 2 for a, b in zip(w, x, strict=True))


def errors_on_average(w, x):
    return errors(w, x) / len(w)


def errors_and_decay(w, x):
    return sum(a * b for a, b in zip(w, x, strict=True)) + 0.1 * sum(a**2 for a in w)


def errors_in_turn(w, x):
    for _ in range(12):
        w = [ag.sin(a) / errors(w, x) for a in w]
    return errors(w, x)


@pytest.mark.parametrize("f", [errors, errors_on_average, errors_and_decay, errors_in_turn])
def test_a_sum_of_squares_is_one_product(f):
    w, x = numbers(2, 40)
    compiled = ag.compile(f)
    value, slopes = compiled.value_and_grad(w, x)
    assert "square(" not in compiled.code
    np.testing.assert_allclose(value, f(w, x), rtol=1e-13)
    np.testing.assert_allclose(slopes, ag.grad(f)(w, x), rtol=1e-12)
    assert any(step.what == "square (40)" for step in compiled.cost.steps)


def both(squares):
    return sum(squares) * sum(ag.sqrt(y) for y in squares)


def largest(squares):
    return sum(squares), squares[0]


@pytest.mark.parametrize(("put_together", "has_aux"), [(both, False), (largest, True)])
def test_squares_that_more_than_a_sum_reads_are_computed(put_together, has_aux):
    def f(w):
        return put_together([a**2 for a in w])

    w = numbers(40)
    compiled = ag.compile(f, has_aux=has_aux)
    expected, slopes = ag.value_and_grad(f, has_aux=has_aux)(w)
    found, own = compiled.value_and_grad(w)
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    np.testing.assert_allclose(own, slopes, rtol=1e-12)
    assert "square(" in compiled.code
