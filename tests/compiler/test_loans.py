"""Large arguments are read where they are, and large gradients written where they are to be."""

from __future__ import annotations

import threading
import tracemalloc
import weakref

import numpy as np
import pytest

import autograd as ag
from autograd.compiler import arguments, arraycode

N, M, LANES = 6, 5, 10
RNG = np.random.default_rng(3)
W, V, B = RNG.normal(size=(N, M)), RNG.normal(size=(N, N)), RNG.normal(size=N)
STACK = RNG.normal(size=(8, N, N))
X = RNG.normal(size=(LANES, M))


@pytest.fixture(autouse=True)
def small_limits(monkeypatch):
    """Let an array of a few numbers be large, and a batch of a few lanes take several blocks."""
    monkeypatch.setattr(arguments, "MUCH", N * M)
    monkeypatch.setattr(arraycode, "_FEWEST_LANES", 4)
    monkeypatch.setattr(arraycode, "_BLOCK_BYTES", 0)


def net(p, x):
    return ag.fsum([ag.tanh(z) for z in p[1] @ np.array([ag.tanh(z) for z in p[0] @ x + p[2]])])


def choice(p, x):
    """Choose rows of a table by an index, and some scattered numbers besides."""
    i = [0, 2, 2, 5][len(p) % 4]
    return ag.fsum(p[1][i] * p[0][:, 0]) + p[1][5, 3] * p[1][2, 4] * ag.fsum(x)


def looked_up(p, x):
    (table,) = p
    return ag.fsum([ag.tanh(e) for e in table[x]])


def deep(p, x):
    (stack,) = p
    h = np.append(x, 1.0)
    for matrix in stack:
        h = np.array([ag.tanh(z) for z in matrix @ h])
    return ag.fsum(h)


def recurrent(p, x):
    h = [0.0] * N
    for xi in x:
        h = [ag.tanh(z + xi) for z in p[1] @ np.array(h) + p[0][:, 0]]
    return ag.fsum(h)


def sliding(p, x):
    windows = [p[1][i : i + 2, j : j + 2].reshape(-1) for i in range(5) for j in range(5)]
    return ag.fsum([ag.tanh(ag.dot(x[:4], window)) for window in windows])


def branching(p, x):
    h = [ag.where(z > 0.0, ag.log(abs(z)), z * z) for z in p[0] @ x]
    return ag.fsum(p[1] @ np.array(h))


def on_tape(p, x):
    y = x[0]
    for row in p[0]:
        for w in row:
            y = ag.sin(y * w) + w / (1.0 + y * y)
    return y


def own_output(p, _):
    return p[0][2, 3]


def untouched(p, x):
    return x[0] * p[2][0]


PROGRAMS = {
    net: [W, V, B],
    choice: [W, V, B],
    deep: [STACK],
    recurrent: [W, V, B],
    sliding: [W, V, B],
    branching: [W, V, B],
    on_tape: [W, V, B],
    own_output: [W, V, B],
    untouched: [W, V, B],
}
FORMS = {
    "as it is": np.array,
    "Fortran": np.asfortranarray,
    "every other": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "backwards": lambda a: a[::-1].copy()[::-1],
    "single": lambda a: a.astype(np.float32),
    "swapped bytes": lambda a: a.astype(">f8"),
    "not aligned": lambda a: np.frombuffer(b"." + a.tobytes(), offset=1).reshape(a.shape),
    "part of a larger one": lambda a: np.stack([a + 1.0, a, a - 1.0])[1],
}


def by_samples(f, p, xs):
    """Return the mean value and gradient by the eager engine."""
    found = [ag.value_and_grad(f)(p, x) for x in xs]
    values, gradients = zip(*found, strict=True)
    return np.mean(values), [np.mean(own, axis=0) for own in zip(*gradients, strict=True)]


def assert_same(found, expected):
    (value, gradient), (expected_value, expected_gradient) = found, expected
    assert value == pytest.approx(expected_value, rel=1e-9)
    for own, other in zip(gradient, expected_gradient, strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-9, atol=1e-12)


def mean(f):
    return ag.compile(f, in_axes=(None, 0), reduce="mean")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_arguments_of_any_form(f, form):
    p = [FORMS[form](a) for a in PROGRAMS[f]]
    for a in p:
        a.flags.writeable = False
    before = [a.copy() for a in p]
    compiled = mean(f)
    for xs in (X, X[:3], X):  # three blocks, of which the last is shorter, or one
        assert_same(compiled.value_and_grad(p, xs), by_samples(f, p, xs))
    alone = ag.compile(f).value_and_grad(p, X[0])
    assert_same(alone, by_samples(f, p, X[:1]))
    assert all(map(np.array_equal, p, before))


def test_a_table():
    table, tokens = np.array(V), np.array([0, 5, 5, 2])
    found = mean(looked_up).value_and_grad([table], tokens)
    assert_same(found, by_samples(looked_up, [table], tokens.tolist()))


@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_an_empty_batch(reduce):
    def f(p, _):
        return ag.fsum([ag.tanh(w) for w in p.reshape(-1)])

    assert not ag.compile(f, in_axes=(None, 0), reduce=reduce).grad(W, X[:0]).any()


def test_lists():
    p = [W.tolist(), V.tolist(), B.tolist()]
    value, gradient = mean(net_of_lists).value_and_grad(p, X)
    expected = mean(net).value_and_grad([W, V, B], X)
    assert type(gradient[0][0]) is list
    assert_same((value, gradient), expected)


def net_of_lists(p, x):
    return net([np.array(own) for own in p], x)


def test_one_array_as_several_arguments():
    def f(a, b, x):
        return ag.fsum(a @ np.array([ag.tanh(z) for z in b @ x]))

    compiled = ag.compile(f, in_axes=(None, None, 0), reduce="sum", argnums=(0, 1))
    square = np.array(V)
    value, gradient = compiled.value_and_grad(square, square, square)
    expected = compiled.value_and_grad(square.copy(), square.copy(), square.copy())
    assert_same((value, gradient), expected)
    gradient[0][...] = 0.0
    np.testing.assert_array_equal(gradient[1], expected[1][1])
    np.testing.assert_array_equal(square, V)


def test_results_stay_as_they_were():
    compiled, p = mean(net), [W.copy(), V.copy(), B.copy()]
    kept, copies = [], []
    for i in range(6):
        _, gradient = compiled.value_and_grad(p, X[: LANES - i % 2])
        kept.append(gradient)
        copies.append([own.copy() for own in gradient])
        for a, own in zip(p, gradient, strict=True):
            a -= 0.1 * own
    for own, copy in zip(kept, copies, strict=True):
        assert all(map(np.array_equal, own, copy))
    for own in kept[0]:
        own[...] = np.nan  # it is the caller's own, who may write to it
    assert_same(compiled.value_and_grad(p, X), by_samples(net, p, X))
    bases = [id(own if own.base is None else own.base) for gradient in kept for own in gradient]
    assert len({*bases}) == len(bases)


def test_a_parameter_that_is_also_a_result():
    def f(p, x):
        return net(p, x), p[0]

    compiled = ag.compile(f, has_aux=True)
    p = [W.copy(), V, B]
    (_, aux), _ = compiled.value_and_grad(p, X[0])
    p[0][...] = 0.0
    np.testing.assert_array_equal(aux, W)


def test_threads():
    compiled = mean(net)
    compiled.value_and_grad([W, V, B], X)
    failed = []

    def run(seed):
        rng = np.random.default_rng(seed)
        for _ in range(30):
            p, xs = [rng.normal(size=a.shape) for a in (W, V, B)], X[: rng.integers(1, LANES)]
            first = compiled.value_and_grad(p, xs)
            second = mean_of(p, xs)
            compiled.value_and_grad([a + 1.0 for a in p], xs)
            if not all(map(np.allclose, first[1], second)):
                failed.append(seed)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def mean_of(p, xs):
    """Return the gradient of the network by hand."""
    h = np.tanh(xs @ p[0].T + p[2])
    dy = (1.0 - np.tanh(h @ p[1].T) ** 2) / len(xs)
    dz = dy @ p[1] * (1.0 - h * h)
    return dz.T @ xs, dy.T @ h, dz.sum(axis=0)


def test_an_exception_in_the_middle():
    fails = []

    def forward(x):
        if fails:
            raise fails.pop()
        return x + 0.0

    own = ag.primitive(forward, lambda _: 1.0, name="fails at times")

    def f(p, x):
        return net(p, x) * own(p[0][0, 0])

    compiled = ag.compile(f)
    _, first = compiled.value_and_grad([W, V, B], X[0])
    kept = [a.copy() for a in first]
    fails.append(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        compiled.value_and_grad([W + 1.0, V, B], X[0])
    found = compiled.value_and_grad([W + 1.0, V, B], X[0])
    assert_same(found, by_samples(f, [W + 1.0, V, B], X[:1]))
    assert all(map(np.array_equal, first, kept))


def test_nothing_is_copied_or_kept():
    f = mean(lambda p, x: ag.fsum([ag.tanh(z) for z in p @ x]))
    p, xs = np.ones((500, 600)), np.ones((LANES, 600))
    f.value_and_grad(p, xs)
    tracemalloc.start()
    gradient = f.grad(p, xs)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert gradient.nbytes < most < 1.1 * gradient.nbytes
    given, got = weakref.ref(p), weakref.ref(gradient)
    del p, gradient
    assert given() is None
    assert got() is None
