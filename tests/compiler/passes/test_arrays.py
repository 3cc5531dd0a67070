"""Functions of arrays: they compute the same when arrays are traced as blocks and when not."""

import copy

import numpy as np
import pytest

import autograd as ag
from autograd import TraceError
from autograd.compiler.arguments import Leaf
from autograd.compiler.passes.arrays import given
from autograd.compiler.passes.simplify import simplified
from autograd.compiler.passes.trace import Trace

RNG = np.random.default_rng(0)
W, X, B = RNG.normal(size=(5, 4)), RNG.normal(size=4), RNG.normal(size=5)
FIXED, MASK = RNG.normal(size=(3, 5)), np.eye(5, 4) > 0


@pytest.fixture(params=["blocks", "as they come"], autouse=True)
def kind(request, monkeypatch):
    """Small arrays are traced as large ones are, and as they usually are."""
    if request.param == "blocks":
        monkeypatch.setattr("autograd.compiler.passes.arrays._FEW", 0)
    return request.param


def changed(W):
    W = W.copy()
    W[0] = 1.0
    W[1, 1] = W[2, 2]
    W *= 2
    W[3] += W[4]
    return W


FUNCTIONS = {
    "layer": lambda W, x, b: ag.tanh(W @ x + b).sum(),
    "array on the right": lambda W, x, *_: (x @ W.T).sum() + (x.tolist() @ W.T)[1],
    "sums along axes": lambda W, x, b: (W * x).sum(1) @ b + (W**2).sum() + W.sum((0, 1)),
    "sum of Python": lambda W, x, b: sum((W * x).sum(axis=1) + b) - sum(W[1]),
    "einsum": lambda W, x, b: np.einsum("ij,j->i", W, x) @ b + np.einsum("ij,ij->", W, W),
    "einsum of matrices": lambda W, _, b: np.einsum("ij,jk", W, W.T).sum() + b[0],
    "einsum of three": lambda W, x, b: np.einsum("i,ij,j->", b, W, x),
    "matrix product": lambda W, x, b: (W @ W.T).mean() + x.mean() * b.mean(axis=0),
    "product of a product": lambda W, x, *_: (FIXED @ W @ x).sum() + (W.T @ (W @ x)) @ x,
    "stack of matrices": lambda W, x, b: (np.stack([W, 2 * W]) @ x).sum() + b[1],
    "np.dot": lambda W, x, b: np.dot(W, x) @ b + W.dot(x)[0] + np.dot(x, x),
    "reductions of numbers": lambda W, x, b: ag.logsumexp(W.T @ b) + ag.dot(W[1], x) + ag.mean(b),
    "softmax": lambda W, x, b: ag.dot(ag.softmax(W @ x), b),
    "functions of NumPy": lambda W, _, b: np.sum(np.exp(W) * np.arange(4.0)) + np.mean(b),
    "moved": lambda _, x, b: np.concatenate([x, b]) @ np.concatenate([b, np.stack([x, x])[0]]),
    "reversed": lambda W, _, b: ((b - b[::-1]) ** 2).sum() + W[::-1].T[1] @ b,
    "extremes": lambda W, _, b: np.maximum(W, 0.1).sum() + ag.clip(b, -1.0, 1.0).sum(),
    "choice": lambda W, *_: ag.where(W > 0, W, 0.5 * W).sum() + ag.where(MASK, W, 3 * W).sum(),
    "choice by products of one term": lambda W, x, b: (
        ag.where(W[:, :1] @ x[:1] > 0.1, b, 3 * b).sum() + ag.where(x[:1] <= x[:1, None], x, b[0])
    ).sum(),
    "rows": lambda W, x, *_: sum(w @ x for w in W) + (W[:, :2] @ W[:, 2:].T).sum(),
    "broadcasting": lambda W, x, b: (x[None] * b[:, None] + 1).sum() + np.hypot(W, x).sum(),
    "powers": lambda W, x, b: (2**W).sum() + (np.exp(W) ** x).sum() + b[0] ** 2,
    "difference of sums": lambda W, x, b: (
        3.0 + ((W + 1) * (W - x)).sum() - W.sum() - x.sum() - b[0]
    ),
    "sums of products taken away": lambda W, x, b: (
        b.sum() - (W @ x).sum() - x @ x - (W * W).sum() + x[0]
    ),
    "numbers used again": lambda W, x, b: (W @ x + b) @ (W @ x + b) + (W @ x).sum(),
    "product used again": lambda W, x, *_: (W * x).sum() * (W * x)[0, 0],
    "gradient inside": lambda W, x, b: ag.grad(lambda v: ag.tanh(W @ v + b).sum())(x) @ x,
    "gradient of a block inside": lambda W, x, b: ag.grad(lambda v: (np.exp(W) @ v) @ b)(x).sum(),
    "written to": lambda W, x, b: changed(W).sum() * W[0, 0] + (changed(W) @ x) @ b,
    "without a rule": lambda W, x, b: np.outer(b, x).sum() + np.trace(W @ W.T) + np.prod(x),
    "taken apart": lambda W, x, b: (
        sum(w * y for row in W for w, y in zip(row, x, strict=True)) * b[1] + W[2, 1]
    ),
    "taken apart, and whole": lambda W, x, b: (
        (W @ x) @ b + sum(ag.exp(y) for y in x[::-1]) * list(b)[1]
    ),
    "lists of results": lambda W, x, b: sum((W @ x + b).tolist()) + len(W) * W.size * x.ndim,
}


@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)
def test_values_and_gradients_are_those_of_numbers(f):
    value, gradient = ag.value_and_grad(f, (0, 1, 2))(W, X, B)
    compiled = ag.compile(f, argnums=(0, 1, 2))
    got, slopes = compiled.value_and_grad(W, X, B)
    for a, b in zip([got, compiled(W, X, B), *slopes], [value, value, *gradient], strict=True):
        np.testing.assert_allclose(a, np.asarray(b, float), rtol=1e-12, atol=1e-13)
    assert str(compiled)
    assert compiled.cost.steps


@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)
def test_batches_with_and_without_a_reduction(f):
    xs = np.stack([X, -X, X[::-1]])
    rows = [ag.value_and_grad(f, (0, 1))(W, x, B) for x in xs]
    values = np.array([value for value, _ in rows], float)
    by_weights, by_inputs = [np.array([s[i] for _, s in rows], float) for i in (0, 1)]
    each = ag.compile(f, argnums=(0, 1), in_axes=(None, 0, None))
    mean = ag.compile(f, argnums=(0, 1), in_axes=(None, 0, None), reduce="mean")
    for compiled, want in [
        (each, (values, by_weights, by_inputs)),
        (mean, (values.mean(), by_weights.mean(axis=0), by_inputs / 3)),
    ]:
        got, slopes = compiled.value_and_grad(W, xs, B)
        for a, b in zip((got, *slopes), want, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


UNREAD = {
    "one row": lambda W, x: (W @ x)[0],
    "most rows": lambda W, x: (W @ x)[[0, 2, 3, 4]].sum() - ag.logsumexp((W @ x)[2:]),
    "some rows": lambda W, x: (W @ x)[::2] @ ag.tanh(W @ x)[2:],
    "through an operation": lambda W, x: ag.sin(ag.exp(W @ x)[[0, 2, 0]]).sum(),
    "of a stack": lambda W, x: np.concatenate([W @ x, ag.sin(W @ x)])[[0, 7]] @ x[:2],
    "of a row that is computed": lambda W, x: (W * x)[2].sum() + (W * x)[3, 0],
    "of a product": lambda W, x: np.trace((W @ W.T)[2:, 2:]) * x[0] * x[1],
    "most of a product": lambda W, x: (W @ np.outer(x, x))[[0, 2, 3, 4]].sum(),
    "of none": lambda W, x: x[0] * W[0, 0] + 0.0 * len(ag.exp(W @ x)),
}


@pytest.mark.parametrize("f", UNREAD.values(), ids=UNREAD)
def test_what_nobody_reads_has_no_part_in_gradients(f):
    """A slope of 0 times an infinity would be nan."""
    weights = W.copy()
    weights[1, 0] = np.inf
    value, gradient = ag.value_and_grad(f, (0, 1))(weights, X)
    assert np.isfinite(np.asarray(gradient[1], float)).all()
    got, slopes = ag.compile(f, argnums=(0, 1)).value_and_grad(weights, X)
    for a, b in zip([got, *slopes], [value, *gradient], strict=True):
        np.testing.assert_allclose(a, np.asarray(b, float), rtol=1e-12, atol=1e-13)


def test_only_what_is_read_is_computed():
    W = RNG.normal(size=(100, 80))
    compiled = ag.compile(lambda W, x: ag.tanh(W @ x)[:2].sum(), argnums=1)
    compiled.grad(W, W[0])
    assert compiled.cost.flops < 10 * W[:2].size  # and not W.size


def test_second_derivatives():
    f = FUNCTIONS["layer"]
    hessian = ag.compile(ag.hessian(lambda x: f(W, x, B)))
    np.testing.assert_allclose(hessian(X), ag.hessian(lambda x: f(W, x, B))(X), rtol=1e-12)


def test_an_index_that_is_not_known_yet():
    row = ag.compile(lambda W, i: W[i] @ W[i, 1:2].repeat(4) + W[0, i], in_axes=(None, 0))
    want = [W[i] @ W[i, 1:2].repeat(4) + W[0, i] for i in (1, 3)]
    np.testing.assert_allclose(row(W, [1, 3]), want, rtol=1e-12)
    rows = ag.compile(lambda W, k: W[k].sum(), in_axes=(None, 0))
    np.testing.assert_allclose(rows(W, [[0, 1], [2, 2]]), [W[[0, 1]].sum(), W[[2, 2]].sum()])


def test_what_comes_looks_like_an_array():
    seen = []

    @ag.compile
    def f(W):
        seen.append(W)
        assert isinstance(W, np.ndarray)
        assert isinstance(W[0] + 1, np.ndarray)
        assert (W.shape, W.ndim, W.size, len(W), W.dtype) == ((5, 4), 2, 20, 5, object)
        assert np.asarray(W).shape == W.T.T.shape == (5, 4)
        assert W.reshape(-1).tolist()[5] is W[1, 1] is W.flatten()[5]
        assert str(W[0]) == "<array of (4,) stand-ins>"
        with pytest.raises(AttributeError, match="no attribute 'colour'"):
            W.colour  # noqa: B018
        with pytest.raises(ValueError, match="mismatch"):
            W @ np.ones(3)
        return W.sum()

    assert f(W) == pytest.approx(W.sum())
    with pytest.raises(TraceError, match="mixes variables of two functions"):
        ag.compile(lambda v: (seen[0] @ v).sum())(X)


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda x: copy.deepcopy([x])[0], lambda x: x.flatten()],
)
def test_copies_may_be_changed_alone(copied):
    def f(W):
        own = copied(W)
        own[0] = 0.0
        return W.sum() + own.sum()

    assert ag.compile(f)(W) == pytest.approx(f(W.copy()))
    assert (
        ag.compile(f).grad(W).tolist() == (1.0 + ag.grad(lambda W: copied(W)[1:].sum())(W)).tolist()
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda W: W.fill(0.0),
        lambda W: W.swapaxes(0, 1).put(0, 1.0),
        lambda W: np.add.at(W[0], [0, 0], 1.0),  # where x[[0, 0]] += 1 adds but once
        lambda W: np.fill_diagonal(W, 0.0),
    ],
)
def test_what_would_be_lost_is_not_written(change):
    with pytest.raises(ValueError, match="read-only"):
        ag.compile(lambda W: (change(W), W.sum())[1])(W)


def test_arrays_of_one_number():
    """Their products are no product of matrices, but numbers and arrays of the same shapes."""

    def f(W, b):
        square = W @ W
        square -= b
        sums = [square.sum(), W[0] @ W[0]]
        sums[0] -= b
        return sums[0] * sums[1] + sums[1]

    assert ag.compile(f, argnums=(0, 1)).value_and_grad(np.array([[3.0]]), 2.0) == (
        54.0,
        ([[90.0]], -18.0),
    )


def test_comparisons_are_for_where_alone():
    for f, message in [
        (lambda W: ((W > 0) * W).sum(), "only `where` takes"),
        (lambda W: ag.where(W, W, 0.0).sum(), "where needs a comparison"),
        (lambda W: 1.0 if W.any() else 0.0, "the truth of"),
    ]:
        with pytest.raises(TraceError, match=message):
            ag.compile(f)(W)


def entered(n):
    """Trace a network of n inputs and neurons; give its rows, also simplified."""
    trace = Trace()
    W, x, b = [given(trace, Leaf("", ("array", s), s, batched=False)) for s in [(n, n), (n,), (n,)]]
    output = (ag.tanh(W @ ag.relu(W @ x + b) + b) ** 2).sum()
    new, _ = simplified(trace, [output.row])
    return len(trace.ops), len(new.ops)


def test_no_row_is_made_for_a_number(kind):
    if kind == "blocks":
        small, large = entered(20), entered(40)
        assert small == large
        assert max(large) < 20


def test_numbers_read_one_by_one_are_inputs_of_their_own(kind):
    trace = Trace()
    x, y, z = [given(trace, Leaf("", ("array", (3,)), (3,), batched=False)) for _ in range(3)]
    assert [v.row for v in x[::-1].tolist()[::-1]] == [v.row for v in x] != [v.row for v in y]
    output = sum(a * b for a, b in zip(y, x, strict=True)) + z[0] * z[1] + (z * z).sum()
    new, _ = simplified(trace, [output.row])
    singles = [new.counts.get(row, 1) for row, op in enumerate(new.ops) if op is None]
    assert singles == ([1] * 6 + [3] if kind == "blocks" else [1] * 9)


@pytest.mark.parametrize("n", range(3))
def test_random_views_of_blocks(n):
    rng = np.random.default_rng(n)
    order, rows = rng.permutation(20), rng.integers(5, size=3)

    def f(W, x):
        moved = (W * x).reshape(-1)[order].reshape(4, 5)
        return (moved[:, rows] * ag.sin(moved[:, ::2])).sum() + moved[1] @ W[:, 1] - moved.sum()

    value, gradient = ag.value_and_grad(f, (0, 1))(W, X)
    got, slopes = ag.compile(f, argnums=(0, 1)).value_and_grad(W, X)
    for a, b in zip([got, *slopes], [value, *gradient], strict=True):
        np.testing.assert_allclose(a, np.asarray(b, float), rtol=1e-12, atol=1e-13)


def test_sums_of_parts_of_a_product_read_what_they_take():
    """Halves are known by their identities, which those that are let go of leave to others."""

    def means(W, x):
        y = W @ x
        return [ag.mean(y[k::8]) for k in range(8)]

    W, x = RNG.normal(size=(64, 50)), RNG.normal(size=50)
    want = (W @ x).reshape(8, 8).mean(axis=0)
    np.testing.assert_allclose(ag.compile(means)(W, x), want, rtol=1e-12, atol=1e-12)


def test_an_array_that_is_changed_gives_its_new_numbers():
    def f(x):
        before = sum(y * y for row in x for y in row)
        first = x[0]
        first[1] = 3.0 * x[1, 1]
        return before + sum(y * y for y in first) + sum(y for row in x for y in row)

    x = np.arange(6.0).reshape(2, 3)
    assert ag.compile(f)(x) == f(x.copy())
