"""Scalar code that repeats in several directions: as the eager engine, in few steps."""

import itertools
import math

import numpy as np
import pytest
from random_programs import sums_so_far

import autograd as ag
from autograd import Value
from autograd.compiler import arraycode


def inner(w, x):
    return sum(a * b for a, b in zip(w, x, strict=True))


def windows(image, side, step=1):
    rows = range(0, len(image) - side + 1, step)
    columns = range(0, len(image[0]) - side + 1, step)
    return [
        [[x for row in image[i : i + side] for x in row[j : j + side]] for j in columns]
        for i in rows
    ]


def convolution(parameters, image):
    """Two filters with a bias, then a mean of overlapping pixels, twice."""
    filters, biases, second = parameters
    total = 0.0
    for w, b in zip(filters, biases, strict=True):
        z = [[ag.tanh(inner(w, x) + b) for x in line] for line in windows(image, 3)]
        for line in windows([[sum(x) / 4 for x in line] for line in windows(z, 2)], 2, 2):
            for x in line:
                total = total + inner(second, x) ** 2
    return total


def attention(parameters, xs):
    """Two heads, and what is later is not seen."""
    heads, out = parameters
    queries, keys, values = ([[inner(w, x) for w in W] for x in xs] for W in heads)
    total = 0.0
    for t in range(len(xs)):
        joined = []
        for own in (slice(0, 2), slice(2, 4)):
            scores = [inner(queries[t][own], k[own]) / math.sqrt(2) for k in keys[: t + 1]]
            weights = ag.softmax(scores)
            seen = [v[own] for v in values[: t + 1]]
            joined += [inner(weights, v) for v in zip(*seen, strict=True)]
        total = total + sum(ag.relu(inner(w, joined)) ** 2 for w in out)
    return total / len(xs)


def factorisation(parameters, matrix):
    us, vs = parameters
    return sum(
        (r - inner(u, v)) ** 2
        for u, line in zip(us, matrix, strict=True)
        for v, r in zip(vs, line, strict=True)
    )


def distances(parameters, masses):
    (places,) = parameters
    energy = 0.0
    for i, j in itertools.combinations(range(len(places)), 2):
        d = sum((a - b) ** 2 for a, b in zip(places[i], places[j], strict=True))
        energy = energy - masses[i] * masses[j] / ag.sqrt(d + 0.01)
    return energy


def towers(parameters, xs):
    """The same layer on several inputs, and another of the same size on one."""
    shared, other, biases = parameters
    y = [[inner(w, x) + b for w, b in zip(shared, biases, strict=True)] for x in xs[:-1]]
    y.append([inner(w, xs[-1]) for w in other])
    return sum(ag.sigmoid(z) for line in y for z in line)


def kinked(parameters, image):
    """A convolution of which some pixels are chosen by their sign."""
    (filters,) = parameters
    return sum(
        ag.where(z > 0, ag.log(z), z)
        for w in filters
        for line in windows(image, 2)
        for z in [inner(w, x) for x in line]
    )


def chain(parameters, s):
    """Neighbours in a ring."""
    couplings, fields = parameters
    energy = 0.0
    for i in range(len(s)):
        energy = energy - couplings[i] * s[i] * s[(i + 1) % len(s)] - fields[i] * s[i]
    return ag.softplus(energy)


def curvature(parameters, xs):
    """A second derivative of a network with two layers, at several points."""
    first, second, third = parameters

    def u(x):
        h = [ag.tanh(w * x) for w in first]
        return inner(third, [ag.tanh(inner(w, h)) for w in second])

    return sum(ag.grad(ag.grad(u))(x) ** 2 for x in xs)


PROGRAMS = {
    convolution: ([(2, 9), (2,), (4,)], (7, 7), 7),
    attention: ([(3, 4, 4), (3, 4)], (5, 4), 25),
    factorisation: ([(5, 3), (4, 3)], (5, 4), 4),
    distances: ([(6, 3)], (6,), 8),
    towers: ([(4, 3), (4, 3), (4,)], (3, 3), 6),
    kinked: ([(3, 4)], (4, 5), 8),
    chain: ([(7,), (7,)], (7,), 5),
    curvature: ([(4,), (4, 4), (4,)], (3,), 27),
}


def arguments(f, seed, samples):
    rng = np.random.default_rng(seed)
    shapes, sample, _ = PROGRAMS[f]
    return [rng.normal(size=shape) for shape in shapes], rng.normal(size=(samples, *sample))


def listed(x):
    return [*map(listed, x)] if np.ndim(x) else Value(float(x))


def eager(f, parameters, samples):
    """Compute the mean over the samples, and its gradient, node by node."""
    leaves = [listed(x) for x in parameters]
    root = sum(f(leaves, listed(x)) for x in samples) / len(samples)
    root.backward()

    def gradient(x):
        return [*map(gradient, x)] if isinstance(x, list) else x.grad

    return root.data, [np.array(gradient(x)) for x in leaves]


def agree(found, expected):
    (value, slopes), (value_there, slopes_there) = found, expected
    np.testing.assert_allclose(value, value_there, rtol=1e-11)
    size = max(np.abs(x).max() for x in slopes_there)
    for x, y in zip(slopes, slopes_there, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-11 * size)


@pytest.mark.parametrize("samples", [None, 1, 6])
@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_as_eager(f, samples):
    parameters, data = arguments(f, 1, samples or 1)
    if f is kinked and samples:
        data = np.abs(data)
    compiled = ag.compile(f, in_axes=(None, 0), reduce="mean") if samples else ag.compile(f)
    found = compiled.value_and_grad(parameters, data if samples else data[0])
    agree(found, eager(f, parameters, data))


@pytest.mark.parametrize("f", [convolution, attention, towers], ids=lambda f: f.__name__)
def test_the_gradient_by_each_sample(f):
    parameters, data = arguments(f, 3, 3)
    by_sample = ag.compile(f, in_axes=(None, 0)).grad(parameters, data)
    for i, sample in enumerate(data):
        _, expected = eager(f, parameters, [sample])
        for x, y in zip(by_sample, expected, strict=True):
            np.testing.assert_allclose(x[i], y, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_in_few_steps(f):
    parameters, data = arguments(f, 1, 2)
    compiled = ag.compile(f, in_axes=(None, 0), reduce="mean")
    compiled.value_and_grad(parameters, data)
    assert len(compiled.cost.steps) <= PROGRAMS[f][2]
    assert "tape" not in str(compiled.cost)


def test_one_direction_is_a_line_of_the_listing():
    parameters, data = arguments(factorisation, 1, 1)
    compiled = ag.compile(factorisation)
    compiled.value_and_grad(parameters, data[0])
    text = str(compiled)
    assert "z1 = ⟨W1, parameters[1]⟩   (3→20)" in text
    assert "/∂z1, parameters[1]⟩   (3×5)" in text
    assert "⟨" in ag.draw(compiled).source


def test_a_matrix_of_products_is_counted_as_one():
    parameters, data = arguments(factorisation, 1, 1)
    compiled = ag.compile(factorisation)
    compiled.value_and_grad(parameters, data[0])
    (product, *_) = compiled.cost.steps
    assert product.once.blas == product.once.flops == 3 * 2 * 5 * 4 * 3


def test_what_a_step_has_computed_is_not_computed_again():
    parameters, data = arguments(curvature, 1, 1)
    compiled = ag.compile(curvature)
    compiled.value_and_grad(parameters, data[0])
    lines = compiled.code.splitlines()
    assert sum(line.startswith("tanh(") for line in lines) == 2
    assert sum(line.startswith("cosh(") for line in lines) == 2


def causal(queries, keys):
    """Products of each position with those before it."""
    return sum(
        ag.tanh(inner(query, key)) * (t + 1)
        for t, query in enumerate(queries)
        for key in keys[: t + 1]
    )


@pytest.mark.parametrize("last", [1.0, math.inf, math.nan])
def test_what_fills_up_a_triangle_changes_nothing(last):
    queries, keys = np.random.default_rng(0).normal(size=(2, 5, 3))
    keys[-1, 0] = last
    compiled = ag.compile(causal, argnums=(0, 1))
    value, slopes = compiled.value_and_grad(queries, keys)
    leaves = listed([queries, keys])
    root = causal(*leaves)
    root.backward()
    np.testing.assert_allclose(value, root.data, rtol=1e-13)
    for found, own in zip(slopes, leaves, strict=True):
        expected = [[x.grad for x in line] for line in own]
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
    assert np.isfinite(slopes[0][:-1]).all()
    assert len(compiled.cost.steps) < 8


@pytest.mark.parametrize("bad", [1.0, math.inf, math.nan])
@pytest.mark.parametrize("place", [(0, 0, 1), (1, -1, 0), (2, 0)])
@pytest.mark.parametrize("axis", [None, 0])
def test_what_fills_up_sums_of_products_changes_nothing(bad, place, axis):
    rng = np.random.default_rng(0)
    arguments = rng.normal(size=(4, 5)), rng.normal(size=(5, 3)), rng.normal(size=4)
    arguments[place[0]][place[1:]] = bad
    compiled = ag.compile(sums_so_far, argnums=(0, 1, 2), in_axes=axis)
    batch = arguments if axis is None else [np.stack([x, x / 2.0]) for x in arguments]
    value, slopes = compiled.value_and_grad(*batch)
    assert compiled.code.count("(present") == 1
    leaves = [listed(x) for x in arguments]
    root = sums_so_far(*leaves)
    root.backward()
    if axis == 0:
        value, slopes = value[0], [slope[0] for slope in slopes]
    np.testing.assert_allclose(value, root.data, rtol=1e-13)
    for found, own in zip(slopes, leaves, strict=True):
        expected = np.vectorize(lambda x: x.grad)(own)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("samples", [3, 200])
def test_products_of_each_lane_are_matrix_products(samples):
    def f(w, xs):
        keys = [[a * b for a, b in zip(w, x, strict=True)] for x in xs]
        return sum(ag.tanh(inner(x, key)) for x in xs for key in keys)

    w, xs = np.linspace(-1.0, 1.0, 20), np.random.default_rng(0).normal(size=(samples, 16, 20))
    compiled = ag.compile(f, in_axes=(None, 0), reduce="mean")
    value, slopes = compiled.value_and_grad(w, xs)
    assert "product" in compiled.code
    with_keys = np.tanh(np.einsum("lar,r,lbr->lab", xs, w, xs))
    expected = np.einsum("lab,lar,lbr->r", 1.0 - with_keys**2, xs, xs) / samples
    np.testing.assert_allclose(value, with_keys.sum() / samples, rtol=1e-11)
    np.testing.assert_allclose(slopes, expected, rtol=1e-9)


def test_the_derivative_of_a_difference_reads_no_operands():
    def f(x):
        return sum(ag.exp(x[i] - x[i * i % 11]) for i in range(1, 11))

    x = np.linspace(-1.0, 1.0, 11)
    compiled = ag.compile(f)
    agree(compiled.value_and_grad(x), eager(lambda x, _: f(x), x, np.zeros(1)))
    forward, backward = compiled.code.split("# at the end")
    assert "take(S, " in forward
    assert "take(S, " not in backward


def test_copies_of_windows_count_when_memory_is_shared_out(monkeypatch):
    monkeypatch.setattr(arraycode, "_MOST_BYTES", 200_000)
    parameters, data = arguments(convolution, 1, 40)
    compiled = ag.compile(convolution, in_axes=(None, 0), reduce="mean")
    agree(compiled.value_and_grad(parameters, data), eager(convolution, parameters, data))
    own = compiled._last.written
    windows = 8 * 25 * 9
    assert own.block * (16 * own.program.sizes["V"] + windows) <= 200_000


def test_rows_that_read_different_steps_are_not_one_that_copies_what_it_reads():
    def f(w, xs):
        x = [wi * xi for wi, xi in zip(w, xs, strict=True)]
        y, z = [[g(a) for a in x] for g in (ag.sin, ag.cos)]
        return ag.fsum([ag.exp(a * b) for a, b in zip([*y, *z], [*x, *y[::-1]], strict=True)])

    rng = np.random.default_rng(0)
    w, xs = rng.normal(size=20), rng.normal(size=(3, 20))
    compiled = ag.compile(f, in_axes=(None, 0), reduce="mean")
    agree(compiled.value_and_grad(w, xs), eager(f, w, xs))
    assert "take(" not in compiled.code


def test_a_matrix_product_is_not_joined_with_a_few_sums_of_other_inputs():
    def f(W, v, x, y):
        return inner(v, y) * sum(ag.tanh(inner(w, x)) for w in W)

    W, v = np.ones((16, 16)).tolist(), [0.5] * 16
    compiled = ag.compile(f, in_axes=(None, None, 0, 0))
    compiled(W, v, np.ones((2, 16)), np.ones((2, 16)))
    assert [step.what for step in compiled.cost.steps][:2] == ["dot (16→16)", "dot (16→1)"]


def test_windows_are_copied_once_for_results_and_gradient():
    def f(filters, image):
        seen = [x for line in windows(image, 3) for x in line]
        return sum(inner(w, x) ** 2 for w in filters for x in seen)

    rng = np.random.default_rng(0)
    filters, images = rng.normal(size=(3, 9)), rng.normal(size=(40, 14, 14))
    compiled = ag.compile(f, in_axes=(None, 0), reduce="mean")
    _, gradient = compiled.value_and_grad(filters, images)
    sums = 1  # of the squares, which is a product with ones
    assert [compiled.code.count(x) for x in ("copyto(", ".dot(", "matmul(")] == [1, 2, sums]
    seen = np.lib.stride_tricks.sliding_window_view(images, (3, 3), axis=(1, 2)).reshape(-1, 9)
    expected = 2.0 * (filters @ seen.T) @ seen / len(images)
    np.testing.assert_allclose(gradient, expected, rtol=1e-11)
