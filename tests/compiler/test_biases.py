"""The bias of a layer is one more weight, of an input that is 1."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag
from autograd import Value
from autograd.compiler import arraycode

RNG = np.random.default_rng(5)
W2, W3 = RNG.normal(size=(4, 2)), RNG.normal(size=(4, 4))
B, C = RNG.normal(size=4), RNG.normal(size=4)
X, Y = RNG.normal(size=(7, 2)), RNG.normal(size=(7, 4))


def layer(W, b, x, activation=ag.tanh):
    return [activation(ag.dot(w, x, bi)) for w, bi in zip(W, b, strict=True)]


def two_layers(W, b, v, c, x):
    return ag.fsum(layer(v, c, layer(W, b, x)))


def plain_sums(W, b, v, c, x):
    for weights, biases in ((W, b), (v, c)):
        x = [
            ag.tanh(sum((wi * xi for wi, xi in zip(w, x, strict=True)), bi))
            for w, bi in zip(weights, biases, strict=True)
        ]
    return sum(x)


def recurrent(W, b, x):
    return ag.fsum(layer(W, b, layer(W, b, layer(W, b, x))))


def two_readers(W, b, v, c, x):
    return ag.fsum([y * z for y, z in zip(layer(W, b, x), layer(v, c, x), strict=True)])


def skip(W, b, v, c, x):
    h = layer(W, b, x)
    return ag.fsum([y + z for y, z in zip(h, layer(v, c, h), strict=True)])


def rows_in_different_layers(W, b, x):
    first = layer(W[:2], b[:2], x[:2])
    return ag.fsum(layer(W[2:], b[2:], [*first]))


def biases_in_a_matrix(W, x):
    return ag.fsum(layer([w[:-1] for w in W], [w[-1] for w in W], x))


def part_of_the_inputs(W, b, x):
    return ag.fsum(layer(W, b, x[1:3])) * x[0]


def targets_beside(W, b, x, y):
    return ag.fsum([ag.square(u - v) for u, v in zip(layer(W, b, x), y, strict=True)])


def one_bias_for_all(W, b, x):
    return ag.fsum([ag.tanh(ag.dot(w, x, b)) for w in W])


def weight_as_bias(W, x):
    return ag.fsum([ag.tanh(ag.dot(w, x, w[0])) for w in W])


CASES = {
    "two layers": (two_layers, (W2, B, W3, C), (X,)),
    "plain sums": (plain_sums, (W2, B, W3, C), (X,)),
    "lists": (two_layers, (W2.tolist(), B.tolist(), [tuple(w) for w in W3], tuple(C)), (X,)),
    "recurrent": (recurrent, (W3, B), (Y,)),
    "two readers": (two_readers, (W2, B, W2 + 1.0, C), (X,)),
    "skip": (skip, (W2, B, W3, C), (X,)),
    "rows in different layers": (rows_in_different_layers, (W2, B), (X,)),
    "biases in a matrix": (biases_in_a_matrix, (np.c_[W2, B],), (X,)),
    "part of the inputs": (part_of_the_inputs, (W2, B), (Y,)),
    "targets beside": (targets_beside, (W2, B), (X, Y)),
    "one bias for all": (one_bias_for_all, (W2, 0.25), (X,)),
    "weight as bias": (weight_as_bias, (W2,), (X,)),
}


@pytest.mark.parametrize("blocks", ["one block", "three blocks"])
@pytest.mark.parametrize("reduce", [None, "sum", "mean"])
@pytest.mark.parametrize("name", CASES)
def test_layers_of_all_kinds(name, reduce, blocks, monkeypatch):
    if blocks == "three blocks":
        monkeypatch.setattr(arraycode, "_FEWEST_LANES", 3)
        monkeypatch.setattr(arraycode, "_BLOCK_BYTES", 0)
    f, parameters, batch = CASES[name]
    args = (*parameters, *batch)
    axes = (None,) * len(parameters) + (0,) * len(batch)
    every = tuple(range(len(args)))
    for argnums in (every, every[:1], every[1:2], every[1::2], every[-1:]):
        compiled = ag.compile(f, in_axes=axes, argnums=argnums, reduce=reduce)
        value, slopes = compiled.value_and_grad(*args)
        lanes = [
            ag.value_and_grad(f, argnums=argnums)(*parameters, *[x[i] for x in batch])
            for i in range(7)
        ]
        total = {"sum": np.sum, "mean": np.mean, None: np.array}[reduce]
        np.testing.assert_allclose(value, total([v for v, _ in lanes]), rtol=1e-12)
        for k, place in enumerate(argnums):
            want = np.array([numbers(slope[k]) for _, slope in lanes]) / (
                7 if reduce == "mean" else 1
            )
            in_lanes = not reduce or axes[place] == 0
            got = numbers(slopes[k], 7 if in_lanes else None)
            want = want if in_lanes else want.sum(axis=0)
            np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-13)


def numbers(tree, lanes=None):
    """Flatten a nest of numbers, or of arrays with a row per lane."""
    if isinstance(tree, (list, tuple)):
        parts = [numbers(x, lanes) for x in tree]
        return np.concatenate(parts, axis=-1)
    return np.reshape(tree, (lanes, -1) if lanes else -1)


def test_a_layer_is_one_product():
    f = ag.compile(
        two_layers, in_axes=(None, None, None, None, 0), argnums=(0, 1, 2, 3), reduce="sum"
    )
    f.value_and_grad(W2, B, W3, C, X)
    assert f.code.count(".dot(") == 5  # two forward, two for parameters, one for what is between
    assert "add(" not in f.code


def test_gradients_by_biases_alone_are_no_matrix_products():
    f = ag.compile(two_layers, in_axes=(None, None, None, None, 0), argnums=(1, 3), reduce="sum")
    f.grad(W2, B, W3, C, X)
    products = f.code.count(".dot(") + f.code.count("matmul(")
    assert products == 3  # two forward, one for what is between the layers


def test_many_inputs_are_not_copied_for_a_one():
    wide = RNG.normal(size=(2, 5))
    f = ag.compile(lambda W, b, x: ag.fsum(layer(W, b, x)), in_axes=(None, None, 0), reduce="sum")
    f.value_and_grad(wide, B[:2], RNG.normal(size=(3, 5)))
    assert "add(" in f.code.replace("add.reduce(", "")
    assert f._last.written.lane_inputs[0].views is not None


def test_nodes_from_outside_as_parameters():
    W, b = [[Value(w) for w in row] for row in W2], [Value(x) for x in B]
    f = ag.compile(lambda x: ag.fsum(layer(W, b, x)), in_axes=0, reduce="sum")
    want = ag.compile(
        lambda W, b, x: ag.fsum(layer(W, b, x)), in_axes=(None, None, 0), reduce="sum"
    )
    for _ in range(2):
        numbers_now = [[w.data for w in row] for row in W], [x.data for x in b]
        assert f(X) == pytest.approx(want(*numbers_now, X), rel=1e-14)
        W[1][1].data, b[3].data = 2.5, -1.5


def test_infinite_biases_and_inputs():
    b = np.array([np.inf, -np.inf, 0.0, np.nan])
    f = ag.compile(lambda W, b, x: layer(W, b, x, ag.relu), in_axes=(None, None, 0))
    got = f(W2, b, X)
    for i, row in enumerate(X):
        want = layer(W2, b, row, ag.relu)
        np.testing.assert_allclose([y[i] for y in got], want, rtol=1e-13)
