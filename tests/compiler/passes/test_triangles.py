"""Cholesky's factorisation is found however it is written, and gives what its rows would give."""

import random
from math import inf, nan

import numpy as np
import pytest
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd as ag
from autograd.compiler.passes import Factorisation

ROOTS = [ag.sqrt, lambda x: x**0.5]


def less_products(x, left, right, style):
    """Return x - ⟨left, right⟩ as students write it."""
    if style == "sum":
        return x - sum(a * b for a, b in zip(left, right, strict=True))
    if style == "dot":
        return x - ag.dot(left, right) if left else x
    for a, b in zip(left, right, strict=True):
        x = x - b * a
    return x


def by_rows(K, y, root, style):
    lower = []
    for i in range(len(K)):
        lower.append([])
        for j in range(i):
            lower[i].append(less_products(K[i][j], lower[i], lower[j][:j], style) / lower[j][j])
        lower[i].append(root(less_products(K[i][i], lower[i], lower[i], style)))
    return lower, [solved(lower, column, style) for column in y]


def by_columns(K, y, root, style):
    n = len(K)
    lower = [[None] * n for _ in K]
    for j in range(n):
        lower[j][j] = root(less_products(K[j][j], lower[j][:j], lower[j][:j], style))
        for i in range(j + 1, n):
            lower[i][j] = less_products(K[i][j], lower[j][:j], lower[i][:j], style) / lower[j][j]
    return [row[: i + 1] for i, row in enumerate(lower)], [
        solved(lower, column, style) for column in y
    ]


def by_pivots(K, y, root, _):
    a = [list(row) for row in (*K, *y)]
    for j in range(len(K)):
        a[j][j] = root(a[j][j])
        for i in range(j + 1, len(a)):
            a[i][j] = a[i][j] / a[j][j]
        for i in range(j + 1, len(a)):
            for k in range(j + 1, min(i + 1, len(K))):
                a[i][k] = a[i][k] - a[i][j] * a[k][j]
    return [row[: i + 1] for i, row in enumerate(a[: len(K)])], a[len(K) :]


def solved(lower, y, style):
    z = []
    for row, yi in zip(lower, y, strict=True):
        z.append(less_products(yi, row[: len(z)], z, style) / row[len(z)])
    return z


def solved_backwards(lower, z, style):
    n = len(lower)
    x = [None] * n
    for i in reversed(range(n)):
        column = [lower[k][i] for k in range(i + 1, n)]
        x[i] = less_products(z[i], column, x[i + 1 :], style) / lower[i][i]
    return x


WAYS = [by_rows, by_columns, by_pivots]


def loss_of(way, root, style, rng, is_solved=False, noise=0.0):
    weights = [rng.uniform(-1.0, 1.0) for _ in range(7)]

    def loss(K, y):
        if noise:  # sums that are written where they are used
            K = [
                [x + noise + ag.exp(-x) if i == j else x for j, x in enumerate(K[i])]
                for i in range(len(K))
            ]
        lower, zs = way(K, y, root, style)
        total = sum(ag.log(row[-1]) for row in lower)
        for z in zs:
            total = total + sum(0.5 * zi * zi for zi in z)
            if is_solved:
                x = solved_backwards(lower, z, style)
                total = total + sum(w * ag.sin(xi) for w, xi in zip(weights, x, strict=False))
        return total + sum(w * row[0] for w, row in zip(weights, lower, strict=False))

    return loss


def found(compiled):
    program = compiled._last.plan.program
    return [step.own.shape for step in program.steps if isinstance(step, Factorisation)]


def positive(rng, n):
    a = rng.normal(size=(n, n))
    return a @ a.T + np.eye(n)


def agrees(got, want):
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11)


def equals_eager(loss, K, y, structures):
    """Check what is found, and value and gradient."""
    compiled = ag.compile(loss, argnums=(0, 1))
    value, gradient = compiled.value_and_grad(K, y)
    assert found(compiled) == structures
    want, slopes = ag.value_and_grad(loss, (0, 1))(K, y)
    assert value == pytest.approx(want, rel=1e-12)
    agrees(gradient, slopes)


@given(
    st.sampled_from(WAYS),
    st.sampled_from(ROOTS),
    st.sampled_from(["sum", "dot", "chain"]),
    st.integers(4, 7),
    st.integers(0, 2),
    st.booleans(),
    st.sampled_from([0.0, 0.5]),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=examples(80))
def test_it_is_found_however_it_is_written(way, root, style, n, columns, is_solved, noise, seed):
    rng = np.random.default_rng(seed)
    loss = loss_of(way, root, style, random.Random(seed), is_solved, noise)
    K, y = positive(rng, n).tolist(), rng.normal(size=(columns, n)).tolist()
    compiled = ag.compile(loss, argnums=(0, 1) if columns else 0)
    value, gradient = compiled.value_and_grad(K, y)
    assert found(compiled) == [(n + columns, n)] + [(columns, n)] * bool(is_solved and columns)
    want, slopes = ag.value_and_grad(loss, (0, 1) if columns else 0)(K, y)
    assert value == pytest.approx(want, rel=1e-12)
    assert compiled(K, y) == pytest.approx(want, rel=1e-12)
    agrees(gradient, slopes)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("axes", "structures"),
    [((0, 0), [(7, 5), (2, 5)]), ((0, None), [(7, 5), (2, 5)]), ((None, 0), [(5, 5)])],
)
def test_samples_have_matrices_and_right_sides_of_their_own_or_share_them(axes, structures, way):
    rng = np.random.default_rng(0)
    loss = loss_of(way, ag.sqrt, "sum", random.Random(0), is_solved=True)
    args = np.array([positive(rng, 5) for _ in range(9)]), rng.normal(size=(9, 2, 5))
    given = [x if axis == 0 else x[0] for x, axis in zip(args, axes, strict=True)]
    compiled = ag.compile(loss, in_axes=axes, argnums=(0, 1), reduce="sum")
    value, gradients = compiled.value_and_grad(*given)
    assert found(compiled) == structures
    columns = [x if axis == 0 else [x] * 9 for x, axis in zip(given, axes, strict=True)]
    lanes = [ag.value_and_grad(loss, (0, 1))(*lane) for lane in zip(*columns, strict=True)]
    values, slopes = zip(*lanes, strict=True)
    assert value == pytest.approx(sum(values), rel=1e-12)
    for got, own, axis in zip(gradients, zip(*slopes, strict=True), axes, strict=True):
        agrees([got], [np.array(own) if axis == 0 else sum(own)])


def test_solutions_of_both_triangles_for_the_same_right_side():
    def loss(K, y):
        lower, (z,) = by_rows(K, [y], ag.sqrt, "sum")
        return ag.dot([*z, *solved_backwards(lower, y, "sum")], range(8))

    K, y = positive(np.random.default_rng(5), 4), [1.0, 2.0, 3.0, 4.0]
    equals_eager(loss, K, y, [(5, 4), (1, 4)])


@pytest.mark.parametrize("lanes", [False, True])
@pytest.mark.parametrize("pivot", range(4))
@pytest.mark.parametrize("number", [0.0, -1.0, nan, inf, -inf, 1e300])
def test_pivots_that_are_not_positive_give_what_the_rows_give(pivot, number, lanes):
    rng = np.random.default_rng(2)
    loss = loss_of(by_rows, ag.sqrt, "sum", random.Random(2), is_solved=True)
    K, y = positive(rng, 4), rng.normal(size=(1, 4))
    K[pivot, :] = K[:, pivot] = 0.0
    K[pivot, pivot] = number
    want, slopes = ag.value_and_grad(loss, (0, 1))(K, y)
    compiled = ag.compile(loss, in_axes=0 if lanes else None, argnums=(0, 1))
    value, gradient = compiled.value_and_grad(*((x[None] for x in (K, y)) if lanes else (K, y)))
    assert found(compiled)
    np.testing.assert_allclose(value, [want] if lanes else want, rtol=1e-12)
    agrees([x[0] for x in gradient] if lanes else gradient, slopes)


def spoilt(what):
    """Return a factorisation by rows that is wrong in one place, or read where it is not done."""

    def loss(K):
        lower, extra = [], 0.0
        for i in range(5):
            lower.append([])
            for j in range(i):
                other = lower[j][:j]
                if (what, i, j) == ("another row", 4, 2):
                    other = lower[j + 1][:j]
                if (what, i, j) == ("another column", 4, 2):
                    other = lower[j][1:j] + lower[j][:1]
                rest = K[i][j] - sum(a * b for a, b in zip(lower[i], other, strict=True))
                extra += rest if (what, i, j) == ("read inside", 3, 2) else 0.0
                if (what, i, j) == ("depends", 4, 3):
                    rest = rest * lower[1][0]
                lower[i].append(
                    rest / (lower[j][j] if (what, i, j) != ("another pivot", 4, 1) else lower[2][2])
                )
            own = [*lower[i][:-1], 0.5] if what == "a constant" and i == 3 else lower[i]
            lower[i].append(ag.sqrt(K[i][i] - sum(x * x for x in own)))
        return sum(ag.log(row[-1]) for row in lower) + extra

    return loss


@pytest.mark.parametrize(
    ("what", "sizes"),
    [
        ("", [(5, 5)]),
        ("another row", [(4, 4)]),
        ("another column", [(4, 4)]),
        ("another pivot", [(4, 4)]),
        ("depends", [(4, 4)]),
        ("read inside", []),
        ("a constant", []),
    ],
)
def test_what_is_one_index_off_is_not_found(what, sizes):
    rng = np.random.default_rng(3)
    K = positive(rng, 5) + 5.0 * np.eye(5)
    compiled = ag.compile(spoilt(what))
    value, gradient = compiled.value_and_grad(K)
    assert found(compiled) == sizes
    want, slopes = ag.value_and_grad(spoilt(what))(K)
    assert value == pytest.approx(want, rel=1e-12)
    agrees(gradient, slopes)


def test_one_after_the_other_and_each_in_turn():
    """The second matrix is made of what the first gives, and the second solution of the first."""

    def loss(K, y):
        lower, (z,) = by_rows(K, [y], ag.sqrt, "sum")
        again = solved(lower, z, "sum")
        other = [[sum(lower[i][k] * K[k][j] for k in range(i)) for j in range(4)] for i in range(4)]
        for i in range(4):
            other[i][i] = 9.0 + again[i] * again[i]
        last, _ = by_columns(other, [], ag.sqrt, "sum")
        return sum(ag.log(row[-1]) for row in last) + last[3][0] * again[2]

    rng = np.random.default_rng(4)
    K, y = positive(rng, 4) / 8.0 + np.eye(4), rng.normal(size=4)
    equals_eager(loss, K, y, [(5, 4), (4, 4)])


def test_the_listing_says_what_it_is():
    loss = loss_of(by_rows, ag.sqrt, "sum", random.Random(0), is_solved=True)
    compiled = ag.compile(loss)
    compiled.value_and_grad(positive(np.random.default_rng(0), 6), np.ones((1, 6)))
    for text in ("v1 = cholesky(K, y)", "solve(v1)", "= cholesky′(v1, ∂L/∂v1)", "solve′("):
        assert text in compiled.listing()
    assert {"cholesky (7×6)", "solve (1×6)"} < {step.what for step in compiled.cost.steps}


def test_a_branch_that_is_not_taken_gives_no_gradient():
    loss = loss_of(by_rows, ag.sqrt, "sum", random.Random(5), is_solved=True)

    def guarded(K, y):
        return ag.where(K[0][0] > 0.0, loss(K, y), y[0][0])

    rng = np.random.default_rng(5)
    K, y = np.array([positive(rng, 4) for _ in range(3)]), rng.normal(size=(3, 1, 4))
    K[1, 0, 0] = -1.0
    compiled = ag.compile(guarded, in_axes=0, argnums=(0, 1))
    _, gradients = compiled.value_and_grad(K, y)
    assert found(compiled)
    for i in range(3):
        agrees([x[i] for x in gradients], ag.grad(guarded, (0, 1))(K[i], y[i]))
