"""Compiled functions give what the eager engine gives: values, gradients, second derivatives."""

from __future__ import annotations

import contextvars
import decimal
import gc
import itertools
import math
import random
import weakref

import numpy as np
import oracles
import pytest
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from random_programs import MANY, evaluated, random_program, size_of_terms

import autograd as ag
from autograd import TraceError, Value
from autograd.compiler import arguments, arraycode
from autograd.compiler.passes import group as grouping
from autograd.engine.primitives import TABLE

nan, inf = math.nan, math.inf
LANES = (0, 1, 2, 3, 7)
SEEDS = st.integers(0, 2**32)


@pytest.fixture(autouse=True, scope="module")
def small_blocks():
    """Let an array of a few numbers be large, and a batch take several blocks, and one over."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arguments, "MUCH", 5)
        patch.setattr(arraycode, "_FEWEST_LANES", 3)
        patch.setattr(arraycode, "_FEWEST_LANES_ON_TAPE", 3)
        patch.setattr(arraycode, "_BLOCK_BYTES", 0)
        yield


@pytest.fixture(
    scope="module",
    params=[(10**9, 0, 10**9), (0, 10**9, 10**9), (0, 3, 10**9), (0, 10**9, 0)],
    ids=["in steps", "on tapes", "on tapes in part", "on the machine"],
)
def path(request):
    """Put the rows into steps, or on tapes, whatever the length of the program."""
    steps, rows, rows_on_machine = request.param
    if not rows_on_machine:
        pytest.importorskip("numba", reason="the machine is made by Numba, of the extra `native`")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "_FEW_STEPS", steps)
        patch.setattr(grouping, "_MOST_STEPS", steps)
        patch.setattr(grouping, "_FEWEST_ROWS", rows)
        patch.setattr(grouping, "_FEWEST_ON_MACHINE", rows_on_machine)
        patch.setattr(grouping, "_FEWEST_ON_TAPE", 1)
        yield


# --- random programs ------------------------------------------------------------------------------


class Case:
    """A random program with random arguments, and what the eager engine makes of each lane.

    How far the compiled results may be off is measured: the eager program is run again with each
    of its results wrong by some ulp, which shows how much it amplifies rounding; and it is 1e-12
    of the sum of absolute terms at least. Where such noise makes the difference between a finite
    and an infinite result, nothing is asked.
    """

    def __init__(self, rng, layers, tame=True, special=False):
        self.sizes = [rng.choice((1, 2, 4)) for _ in range(rng.choice((1, 2, 3)))]
        self.axes = [rng.choice((None, 0)) for _ in self.sizes]
        self.batched = 0 in self.axes
        self.lanes = rng.choice(LANES) if self.batched else 1
        n = sum(self.sizes)
        self.rows = random_program(rng, n, layers, tame, special)
        self.out = n + len(self.rows) - 1
        number = numbers_from(rng, special)
        self.args = [
            np.array([number() for _ in range(size * (self.lanes if axis == 0 else 1))]).reshape(
                (self.lanes, size) if axis == 0 else (size,)
            )
            for size, axis in zip(self.sizes, self.axes, strict=True)
        ]
        lanes = np.concatenate(
            [np.broadcast_to(x, (self.lanes, x.shape[-1])) for x in self.args], axis=1
        )
        self.values, self.slopes, sizes = self.eager(lanes)
        noise = random.Random(0)
        noisy = [self.eager(lanes, lambda y: shaken(y, noise))[:2] for _ in range(4)]
        with np.errstate(all="ignore"):
            self.value_slack, self.slope_slack = [
                30 * np.max([np.abs(x[i] - at) for x in noisy], axis=0) + 1e-12 * size + 1e-300
                for i, (at, size) in enumerate(
                    [(self.values, np.abs(self.values)), (self.slopes, sizes)]
                )
            ]
            self.unstable = [
                np.any([np.isfinite(x[i]) != np.isfinite(at) for x in noisy], axis=0)
                for i, at in enumerate([self.values, self.slopes])
            ]

    def function(self, *args):
        return evaluated(self.rows, [x for arg in args for x in arg])[self.out]

    def eager(self, lanes, noise=lambda x: x):
        """Give the value, the gradient and the sizes of its terms, lane by lane."""
        values = np.empty(len(lanes))
        slopes, sizes = np.zeros(lanes.shape), np.zeros(lanes.shape)
        for i, lane in enumerate(lanes):
            leaves = [Value(x) for x in lane]
            y = evaluated(self.rows, leaves, noise)[self.out]
            values[i] = y.data if isinstance(y, Value) else y
            if isinstance(y, Value):
                y.backward()
                slopes[i], sizes[i] = [x.grad for x in leaves], size_of_terms(y, leaves)
        return values, slopes, sizes

    def check(self, reduce, argnums, backend="numpy"):
        compiled = ag.compile(
            self.function, in_axes=self.axes, argnums=argnums, reduce=reduce, backend=backend
        )
        value, slopes = compiled.value_and_grad(*self.args)
        agrees(self, value, self.values, self.value_slack, self.unstable[0], reduce, True)
        again = compiled(*self.args)
        agrees(self, again, self.values, self.value_slack, self.unstable[0], reduce, True)
        starts = np.cumsum([0, *self.sizes])
        assert len(slopes) == len(argnums)
        for i, slope in zip(argnums, slopes, strict=True):
            part = np.s_[:, starts[i] : starts[i + 1]]
            shared = self.axes[i] is None
            agrees(
                self,
                slope,
                self.slopes[part],
                self.slope_slack[part],
                self.unstable[1][part],
                reduce,
                shared,
            )


def numbers_from(rng, special):
    edges = (0.0, -0.0, 1.0, -1.0, 0.5, 1000.0, -1000.0, nan, -inf)
    return (lambda: rng.choice(edges)) if special else (lambda: rng.uniform(-2.0, 2.0))


def shaken(y, rng):
    """Make a result wrong by some ulp: of its own, or of the terms that cancel in it."""
    if not isinstance(y, Value):
        return y
    ulps = rng.choice((-4, -2, 2, 4)) * 2.0**-52
    return y * (1.0 + ulps) + (ulps if y.op in MANY[3:] else 0.0)


def agrees(case, got, want, slack, unstable, reduce, summed):
    """Assert that a result is that of the lanes; `summed` if `reduce` acts on it as a sum."""
    got = np.asarray(got)
    with np.errstate(all="ignore"):
        if not case.batched:
            want, slack, unstable = want[0], slack[0], unstable[0]
        elif reduce is not None:
            weight = 1.0 / len(want) if reduce == "mean" and len(want) else 1.0
            want, slack = want * weight, slack * weight
            if summed:
                slack = slack.sum(axis=0) + 1e-12 * np.abs(want).sum(axis=0)
                unstable = unstable.any(axis=0)
                empty = nan if reduce == "mean" and want.ndim == 1 else 0.0
                want = want.sum(axis=0) if len(want) else np.full(want.shape[1:], empty)
        assert got.shape == want.shape
        same = (got == want) | (np.isnan(got) & np.isnan(want)) | (np.abs(got - want) <= slack)
    assert (same | unstable).all(), f"{got} is not {want} within {slack}"


@pytest.mark.usefixtures("path")
@settings(max_examples=examples(250))
@given(SEEDS, st.sampled_from([1, 2, 4, 8]), st.booleans())
def test_values_and_gradients_of_random_programs(seed, layers, tame):
    rng = random.Random(seed)
    case = Case(rng, layers, tame)
    places = range(len(case.sizes))
    argnums = tuple(sorted(rng.sample(places, rng.randint(1, len(places)))))
    case.check(rng.choice((None, "sum", "mean")), argnums)


@pytest.mark.usefixtures("path")
@settings(max_examples=examples(100))
@given(SEEDS)
def test_nan_and_infinities_among_the_numbers(seed):
    rng = random.Random(seed)
    case = Case(rng, rng.choice((1, 2)), tame=False, special=True)
    # infinities of both signs, or with a nan, are outside of what softmax and its kin define
    if not any(name in MANY[3:] for name, _ in case.rows):
        case.check(None, tuple(range(len(case.sizes))))


@pytest.mark.usefixtures("path")
@settings(max_examples=examples(12))
@given(SEEDS, st.booleans())
def test_random_programs_by_xla(seed, special):
    pytest.importorskip("jax", reason="JAX is not installed")
    rng = random.Random(seed)
    case = Case(rng, rng.choice((2, 4)), tame=not special, special=special)
    if not (special and any(name in MANY[3:] for name, _ in case.rows)):
        reduce = None if special else rng.choice((None, "sum", "mean"))
        case.check(reduce, tuple(range(len(case.sizes))), backend="jax")


def lane(tree, i):
    if isinstance(tree, dict):
        return {key: lane(x, i) for key, x in tree.items()}
    return type(tree)(lane(x, i) for x in tree) if isinstance(tree, (list, tuple)) else tree[i]


@pytest.mark.usefixtures("path")
@settings(max_examples=examples(40))
@given(SEEDS)
def test_compositions_with_transforms(seed):
    rng = random.Random(seed)
    n = rng.choice((1, 2, 3))
    rows = random_program(rng, n, rng.choice((1, 2, 3)))
    points = np.array([[rng.uniform(-2, 2) for _ in range(n)] for _ in range(4)])
    v = [rng.uniform(-1, 1) for _ in range(n)]

    def f(x):
        return evaluated(rows, list(x))[-1]

    def slope_norm(x):
        return ag.fsum([s * s for s in ag.grad(f)(x)])

    for derivative in (
        ag.grad(f),
        ag.hessian(f),
        ag.grad(slope_norm),
        ag.jacobian(lambda x: [f(x), slope_norm(x)]),
        lambda x: ag.hvp(f, list(x), v),
        lambda x: ag.jvp(f, (list(x),), (v,)),
    ):
        batch = ag.compile(derivative, in_axes=0)(points)
        for i, x in enumerate(points):
            assert_close(lane(batch, i), derivative(list(x)))
        assert_close(ag.compile(derivative)(list(points[0])), derivative(list(points[0])))
    slopes = ag.compile(slope_norm, in_axes=0).grad(points)
    for got, x in zip(slopes, points, strict=True):
        assert_close(got, ag.grad(slope_norm)(list(x)))


def assert_close(got, want):
    got, want = np.asarray(got, float), np.asarray(want, float)
    scale = 1.0 + np.abs(want[np.isfinite(want)]).max(initial=0.0)
    np.testing.assert_allclose(got, want, rtol=0.0, atol=1e-9 * scale)


# --- the edge points, one by one ------------------------------------------------------------------

EDGES = (0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, 2.5, 20.0, -38.0, 1000.0, -1000.0, inf, -inf, nan)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("constants", [False, True], ids=["operands", "constants"])
@pytest.mark.parametrize(
    "name", [name for name, row in oracles.ROWS.items() if isinstance(row.partials, tuple)]
)
def test_each_row_at_the_edge_points(name, constants):
    """One lane each, so that a nan in one must not reach another."""
    row = TABLE[name]
    arity = len(row.partials)
    points = np.array(np.meshgrid(*[EDGES] * arity)).reshape(arity, -1).T
    if constants:  # all operands but one
        for rest in itertools.product(EDGES[::2], repeat=arity - 1):
            check_lanes(lambda x, rest=rest: row(x[0], *rest), np.array(EDGES)[:, None])
            check_lanes(lambda x, rest=rest: row(*rest, x[0]), np.array(EDGES)[:, None])
    else:
        check_lanes(lambda x: row(*x), points)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("name", MANY)
def test_each_sum_at_the_edge_points(name):
    rng = random.Random(0)
    points = np.array([[rng.choice(EDGES) for _ in range(3)] for _ in range(200)])
    if name in MANY[3:]:  # beyond what these define
        least = (points == -inf).any(axis=1)
        odd = least & ((points == inf) | np.isnan(points)).any(axis=1)
        points = points[~odd & ~(points == -inf).all(axis=1)]
    # a sum of terms up to 1000 that cancel
    check_lanes(lambda x: TABLE[name](*x), points, slack=1e-12)


def check_lanes(f, points, slack=0.0):
    """Assert that each lane is as the eager engine has it, but for `slack` in the value."""
    values, slopes = ag.compile(f, in_axes=0).value_and_grad(points)
    for point, value, slope in zip(points, values, slopes, strict=True):
        leaves = [Value(x) for x in point]
        y = f(leaves)
        y.backward()
        sizes = size_of_terms(y, leaves)
        assert same(value, y.data, 1e-12 * abs(y.data) + slack), (
            f"at {point}: {value} is not {y.data}"
        )
        for got, x, size in zip(slope, leaves, sizes, strict=True):
            assert same(got, x.grad, 1e-12 * size), f"at {point}: {slope} has not {x.grad}"


def same(a, b, slack):
    return (math.isnan(a) and math.isnan(b)) or a == b or abs(a - b) <= slack + 1e-300


@pytest.mark.usefixtures("path")
def test_shares_keep_their_digits_near_1():
    x = np.array([[0.0, -40.0, -50.0], [700.0, 650.0, 0.0], [-inf, -inf, -inf]])
    want = [math.log1p(math.exp(-40.0) + math.exp(-50.0)), 700.0 + math.exp(-50.0), -inf]
    np.testing.assert_allclose(ag.compile(ag.logsumexp, in_axes=0)(x), want, rtol=1e-14)
    slopes = ag.compile(ag.logsumexp, in_axes=0).grad(x)
    np.testing.assert_allclose(slopes[2], 0.0, atol=0.0)
    first = ag.compile(lambda x: ag.log_softmax(x)[0], in_axes=0)(x)
    np.testing.assert_allclose(first[:2], [-want[0], -math.exp(-50.0)], rtol=1e-14)


# --- branches -------------------------------------------------------------------------------------


def nested(x, w):
    inner = ag.where(x[1] > 0, ag.log(x[0] * x[1]), w[0])
    return ag.where(x[0] > 0, inner, ag.where(x[1] > 0, w[1], ag.log(x[0])))


def neurons(x, w):
    zs = [ag.dot(w, [ag.log(x[0]), s * x[1]], s) for s in (0.5, 2.0)]
    return ag.where(x[0] > 0, ag.fsum([ag.relu(z) for z in zs]), 1.0)


def in_one_step(x, _):
    return ag.where(x[0] > 0, ag.atan(abs(x[1])), 2.0) * ag.atan(abs(x[0]))


def unreached_dot(x, w):
    return ag.where(x[0] > 0, x[1], ag.dot([w[0], ag.log(x[0])], [ag.sqrt(x[0]), w[1]]))


BRANCHES = {
    "elementwise": lambda x, _: ag.where(x[0] > 0, x[0], ag.sqrt(-x[0])),
    "dot": unreached_dot,
    "sum": lambda x, w: ag.where(x[0] > 0, ag.fsum([ag.log(x[0]), x[0], x[0] * w[0]]), x[1]),
    "shared operands": lambda x, w: ag.where(x[0] > 0, ag.log(w[0] - 1.0), w[1] * x[1]),
    "shared by branches": lambda x, _: ag.where(x[0] > 0, ag.sqrt(x[0]) * 2, ag.sqrt(-x[0]) * 3),
    "nested": nested,
    "untaken and zero": lambda x, _: ag.where(x[0] > 0, ag.sqrt(x[0]) * 0.0, 1.0),
    "taken elsewhere": lambda x, _: ag.where(x[0] > 0, ag.sqrt(x[0]), 0.0) + ag.tanh(x[0]),
    "reached in the same step": in_one_step,
    "neurons": neurons,
    "an infinite constant slope": lambda x, _: ag.where(x[0] > 0, x[1], x[0] / -0.0),
    "of shared numbers": lambda x, w: ag.where(w[0] > 0, w[0], ag.sqrt(w[0])) * x[0],
    "shared reached by lanes": lambda x, w: ag.where(x[0] > 9, ag.sqrt(w[0] * 0.0), 1.0) + x[0],
}


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("reduce", [None, "sum"])
@pytest.mark.parametrize("name", BRANCHES)
def test_a_branch_not_taken_adds_nothing(name, reduce):
    f = BRANCHES[name]
    points = np.array([(a, b) for a in (1.5, -1.5, 0.0) for b in (0.5, -0.5, 0.0)])
    w = np.array([0.75, -2.0])
    want = []
    for point in points:
        x, ws = [Value(a) for a in point], [Value(a) for a in w]
        f(x, ws).backward()
        want.append([v.grad for v in (*x, *ws)])
    want = np.array(want)
    by_x, by_w = ag.compile(f, in_axes=(0, None), argnums=(0, 1), reduce=reduce).grad(points, w)
    np.testing.assert_allclose(by_x, want[:, :2], rtol=1e-14)
    shared = want[:, 2:] if reduce is None else want[:, 2:].sum(axis=0)
    np.testing.assert_allclose(by_w, shared, rtol=1e-14)
    inside = ag.compile(ag.grad(f, argnums=(0, 1)), in_axes=(0, None))(points, w)
    np.testing.assert_allclose(np.concatenate(inside, axis=1), want, rtol=1e-14)


def test_a_branch_not_taken_adds_nothing_to_a_large_array():
    def f(W, x):
        return sum(ag.where(y > 0.0, ag.sqrt(y), y) for y in list(W @ np.asarray(x)))

    rng = np.random.default_rng(0)
    W, X = rng.normal(size=(140, 140)), rng.normal(size=(3, 140))
    X[1] = 0.0  # where the root has no slope
    z = X @ W.T
    slopes = np.where(z > 0.0, 0.5 / np.sqrt(np.abs(z) + (z == 0.0)), 1.0)
    gradient = ag.compile(f, in_axes=(None, 0), reduce="sum").grad(W, X)
    np.testing.assert_allclose(gradient, slopes.T @ X, rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("path")
def test_masks_are_used_only_where_a_gradient_would_be_nan():
    f = ag.compile(lambda x: ag.where(x > 0, ag.sqrt(x), x * x), in_axes=0)
    np.testing.assert_array_equal(f.grad(np.array([4.0, 16.0])), [0.25, 0.125])
    runner = f._last
    assert "careful" not in vars(runner)  # its code is not even written
    np.testing.assert_array_equal(f.grad(np.array([4.0, -3.0])), [0.25, -6.0])
    assert "careful" in vars(runner)
    np.testing.assert_array_equal(f.grad(np.array([math.nan, 1.0])), [math.nan, 0.5])


def test_zero_times_infinity_is_nan_but_for_branches():
    assert math.isnan(ag.compile(lambda x: 0.0 * ag.sqrt(x)).grad(0.0))
    neuron = ag.compile(lambda w, x: ag.dot(w, x, 1.0), in_axes=(None, 0), reduce="sum")
    value, _ = neuron.value_and_grad([0.0], [[-inf], [2.0]])  # a product with a single number
    assert math.isnan(value)


# --- groups ---------------------------------------------------------------------------------------


def test_a_constant_is_not_the_row_of_that_number():
    """3.0 == 3, and both are operands."""
    f = ag.compile(
        lambda x: [x[3] - x[0], 3.0 - x[0], ag.dot([x[1]], [x[3]]), ag.dot([x[1]], [3.0])]
    )
    assert f([1.0, 2.0, 5.0, 7.0]) == [6.0, 2.0, 14.0, 6.0]


def test_the_first_input_is_not_the_constant_zero():
    f = ag.compile(lambda x, y: x + x * y + 0.5 * y)
    assert f(3.0, 5.0) == 3.0 + 15.0 + 2.5


@pytest.mark.usefixtures("path")
def test_what_is_known_of_a_row_is_not_known_of_the_next_one_at_its_place():
    def f(x):
        for g in (ag.sigmoid, ag.tanh, ag.silu):
            rows = (ag.sin, ag.cos, ag.tanh, ag.atan, ag.square, ag.erf)
            x = [g(row(y)) for row, y in zip(rows, x, strict=True)]
        return sum(x)

    x = [0.3, -0.7, 0.9, 1.4, 0.5, -0.4]
    np.testing.assert_allclose(ag.compile(f)(x), f(x), rtol=1e-14)


def test_a_product_that_is_written_in_both_orders():
    def f(x, y):
        return [ag.dot(x, y), ag.dot(y, [-0.9, x[1]]), ag.dot(y, x)]

    x, y = np.array([[1.0, 2.0], [3.0, 4.0]]), [0.5, -2.0]
    got = ag.compile(f, in_axes=(0, None))(x, y)
    np.testing.assert_allclose(np.transpose(got), [f(row, y) for row in x], rtol=1e-14)


@pytest.mark.usefixtures("path")
def test_groups_of_elements_with_different_constants():
    f = ag.compile(
        lambda x: [c * ag.tanh(x + k) for k, c in enumerate((0.5, -0.0, 3.0))], in_axes=0
    )
    x = np.array([0.1, -2.0])
    want = [0.5 * np.tanh(x), -0.0 * np.tanh(x + 1), 3 * np.tanh(x + 2)]
    np.testing.assert_allclose(f(x), want, rtol=1e-15)


@pytest.mark.usefixtures("path")
def test_dot_of_what_is_shared_with_a_bias_that_is_not():
    def f(w, x):
        return ag.dot(w, [w[1], w[0]], x)

    compiled = ag.compile(f, in_axes=(None, 0), argnums=(0, 1), reduce="sum")
    value, (by_w, by_x) = compiled.value_and_grad([2.0, 3.0], [1.0, -1.0, 5.0, 0.0])
    assert value == 4 * 12 + 5
    assert (by_w, by_x.tolist()) == ([24.0, 16.0], [1.0] * 4)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("n", [0, 1])
def test_short_sums(n):
    def f(x):
        return ag.dot([x] * n, [2.0] * n, x) + ag.fsum([x] * n) + ag.mean([x])

    value, slope = ag.compile(f, in_axes=0).value_and_grad([1.0, -2.0])
    assert value.tolist() == [2.0 + 3 * n, -4.0 - 6 * n]
    assert slope.tolist() == [2.0 + 3 * n] * 2


@pytest.mark.parametrize(("name", "call", "times"), [("gelu", "erfc(", 1), ("silu", "expit(", 1)])
def test_what_a_rule_and_its_derivative_have_in_common_is_computed_once(
    name, call, times, monkeypatch
):
    monkeypatch.setattr(grouping, "_FEWEST_ROWS", 8)
    function = getattr(ag, name)

    def f(w, x):
        ys = [function(x[2] * w), function(x[0]), function(x[1])]
        return ag.fsum([function(y * x[i]) for i, y in ((2, ys[1]), (0, ys[0]), (1, ys[2]))])

    layer = ag.compile(lambda x: ag.fsum([function(xi) for xi in x]), in_axes=0)
    layer.value_and_grad(np.ones((2, 20)))
    assert layer.code.count(call) == times
    w, x = 0.75, np.random.default_rng(0).normal(size=(7, 3))
    want = [ag.value_and_grad(f, argnums=(0, 1))(w, list(row)) for row in x]
    value, (by_w, by_x) = ag.compile(f, in_axes=(None, 0), argnums=(0, 1)).value_and_grad(w, x)
    np.testing.assert_allclose(value, [v for v, _ in want], rtol=1e-13)
    np.testing.assert_allclose(by_w, [slope[0] for _, slope in want], rtol=1e-12)
    np.testing.assert_allclose(by_x, [slope[1] for _, slope in want], rtol=1e-12)


# --- structures -----------------------------------------------------------------------------------


def test_results_that_are_constants_arguments_and_repetitions():
    x = np.array([1.0, -2.0, 3.0, 4.0])
    result = ag.compile(lambda x: {"a": [2 * x, 2 * x], "b": (x, 7.0)}, in_axes=0)(x)
    assert {k: [y.tolist() for y in v] for k, v in result.items()} == {
        "a": [(2 * x).tolist()] * 2,
        "b": [x.tolist(), [7.0] * 4],
    }
    assert isinstance(result["b"], tuple)
    value, slope = ag.compile(lambda _: 3.0, in_axes=0, reduce="sum").value_and_grad(x)
    assert (value, slope.tolist()) == (12.0, [0.0] * 4)


def test_gradients_have_the_structure_of_the_argument():
    def f(tree, x):
        return tree["w"][0] * x["a"] + (tree["M"] @ np.array([1.0, 2.0])).sum() + x["b"][0]

    tree = {"w": [2.0, 5.0], "M": np.ones((3, 2)), "unused": (1.0,)}
    x = {"a": np.array([1.0, 2.0]), "b": (np.array([0.0, 1.0]),)}
    compiled = ag.compile(f, in_axes=(None, 0), argnums=(0, 1), reduce="mean")
    value, (by_tree, by_x) = compiled.value_and_grad(tree, x)
    assert value == 3.0 + 9.0 + 0.5
    assert by_tree["w"] == [1.5, 0.0]
    assert by_tree["M"].tolist() == [[1.0, 2.0]] * 3
    assert by_tree["unused"] == (0.0,)
    assert by_x["a"].tolist() == [1.0, 1.0]
    assert by_x["b"][0].tolist() == [0.5, 0.5]


# --- aux ------------------------------------------------------------------------------------------


def loss_and_outputs(w, x, y):
    hidden = [ag.relu(ag.dot(row, x)) for row in w]
    score = ag.where(x[0] > 0, ag.fsum(hidden), ag.sqrt(-x[0]))
    return ag.square(score - y), {"hidden": hidden, "score": score, "w": (w[0][0], 3.0)}


def lanes_of_aux():
    """Give arguments, and by the eager engine the results and gradients per lane."""
    w = np.array([[0.5, -1.0], [2.0, 1.0], [-1.0, 0.25]])
    x = np.array([[1.0, 2.0], [0.5, -1.0], [-1.0, 0.0], [3.0, 0.1], [-2.0, 0.1]])
    y = np.array([0.5, -1.0, 2.0, 0.0, 1.0])
    eager = ag.value_and_grad(loss_and_outputs, has_aux=True)
    return (w, x, y), [eager(w, list(row), t) for row, t in zip(x, y, strict=True)]


@pytest.mark.parametrize("reduce", [None, "sum", "mean"])
def test_aux_is_handed_through_per_sample(reduce):
    args, want = lanes_of_aux()
    f = ag.compile(loss_and_outputs, in_axes=(None, 0, 0), reduce=reduce, has_aux=True)
    how = {None: np.array, "sum": lambda x: np.sum(x, axis=0), "mean": lambda x: np.mean(x, axis=0)}
    value = how[reduce]([loss for (loss, _), _ in want])
    slope = how[reduce]([slope for _, slope in want])
    hidden, scores = (
        np.array([aux[name] for (_, aux), _ in want]).T for name in ("hidden", "score")
    )
    (got, aux), by_w = f.value_and_grad(*args)
    again, aux_of_call = f(*args)
    by_w_alone, aux_of_grad = f.grad(*args)
    for result in (got, again):
        np.testing.assert_allclose(result, value, rtol=1e-14)
    for result in (by_w, by_w_alone):
        np.testing.assert_allclose(result, slope, rtol=1e-14)
    for result in (aux, aux_of_call, aux_of_grad):
        np.testing.assert_allclose(result["hidden"], hidden, rtol=1e-14)
        np.testing.assert_allclose(result["score"], scores, rtol=1e-14)
        assert [x.tolist() for x in result["w"]] == [[0.5] * 5, [3.0] * 5]


def test_aux_without_a_batch_and_with_an_empty_one():
    (w, x, y), want = lanes_of_aux()
    (value, aux), slope = ag.compile(loss_and_outputs, has_aux=True).value_and_grad(w, x[0], y[0])
    np.testing.assert_allclose(value, want[0][0][0])
    np.testing.assert_allclose(slope, want[0][1])
    assert aux == want[0][0][1]
    f = ag.compile(loss_and_outputs, in_axes=(None, 0, 0), reduce="sum", has_aux=True)
    (value, aux), slope = f.value_and_grad(w, x[:0], y[:0])
    assert (value, aux["score"].shape, slope.tolist()) == (0.0, (0,), np.zeros((3, 2)).tolist())


def test_aux_takes_no_part_in_the_gradient():
    f = ag.compile(lambda x: (ag.square(x), ag.exp(ag.square(x))), in_axes=0, has_aux=True)
    (_, aux), slope = f.value_and_grad([1.0, 2.0])
    np.testing.assert_allclose(aux, np.exp([1.0, 4.0]))
    assert slope.tolist() == [2.0, 4.0]
    f = ag.compile(lambda x: (ag.log(x[0]), ag.log(x[1])), has_aux=True)  # both in one step
    assert f.value_and_grad([1.0, 0.0]) == ((0.0, -np.inf), [1.0, 0.0])

    def parted(w, x):  # the products with w go into a sum of their own
        loss = ag.dot([*w, *x], [*x, *x])
        return ag.square(loss), loss

    f = ag.compile(parted, in_axes=(None, 0), argnums=1, reduce="sum", has_aux=True)
    w, x = np.arange(9.0), np.ones((2, 9))
    (_, aux), slope = f.value_and_grad(w, x)
    assert aux.tolist() == [45.0, 45.0]
    np.testing.assert_allclose(slope, 90.0 * (w + 2.0 * x))


def test_a_function_without_the_aux_it_promises():
    with pytest.raises(TypeError, match=r"with has_aux, <lambda> must return a pair"):
        ag.compile(lambda x: x, has_aux=True)(1.0)


# --- errors ---------------------------------------------------------------------------------------


def test_wrong_options_are_named():
    with pytest.raises(ValueError, match='reduce must be None, "sum" or "mean", not \'max\''):
        ag.compile(abs, reduce="max")
    with pytest.raises(ValueError, match='"numpy" or "jax", not \'torch\''):
        ag.compile(abs, backend="torch")
    with pytest.raises(ValueError, match='backend="numpy" computes in double precision'):
        ag.compile(abs, dtype="float32")
    with pytest.raises(ValueError, match='dtype must be "float64" or "float32", not \'int\''):
        ag.compile(abs, backend="jax", dtype="int")
    with pytest.raises(TypeError, match=r"but <lambda> returns a list of 2: .*jacobian"):
        ag.compile(lambda x: [x, x]).grad(1.0)


# --- calls ----------------------------------------------------------------------------------------


def test_one_trace_for_each_structure_of_arguments():
    traces = []

    @ag.compile(in_axes=(None, 0))
    def f(w, x):
        traces.append(1)
        return w[0] * x

    for k in (1, 2, 5):
        assert f([2.0], np.ones(k)).tolist() == [2.0] * k
        assert f([2.0], [1.0] * k).tolist() == [2.0] * k
    assert len(traces) == 1
    assert f([2.0, 3.0], np.ones(2)).tolist() == [2.0, 2.0]
    assert f.grad([2.0], np.ones(2))[0].tolist() == [1.0, 1.0]
    assert len(traces) == 3
    for n in range(1, 60):
        f([1.0] * n, np.ones(1))
    assert len(f._runners) <= 32


def test_no_argument_is_changed_or_kept():
    x = np.array([1.0, 2.0, 3.0, 4.0])
    f = ag.compile(lambda x: x, in_axes=0)
    result = f(x)
    x[0] = 9.0
    assert result.tolist() == [1.0, 2.0, 3.0, 4.0]
    slope = ag.compile(lambda w, x: w * x, in_axes=(None, 0), reduce="sum").grad
    first = slope(2.0, x)
    slope(2.0, 2 * x)
    assert (first, x.tolist()) == (18.0, [9.0, 2.0, 3.0, 4.0])


def test_values_from_outside_are_read_at_each_call():
    w = Value(2.0)
    f = ag.compile(lambda x: x * w, in_axes=0, reduce="sum")
    assert f([1.0, 2.0]) == 6.0
    w.data = 5.0
    assert f.value_and_grad([1.0, 2.0])[0] == 15.0
    assert w.grad == 0.0


def test_what_is_computed_from_outside_alone_is_computed_anew():
    w = [Value(2.0), Value(-3.0)]
    before = w[0] * w[1]

    def f(x):
        penalty = ag.fsum([ag.square(v) for v in w]) + ag.dot(w, [1.0, w[0]], before)
        return x * ag.where(w[0] > 0, ag.exp(w[0]), 7.0) + penalty * ag.where(w[0] > 0, 3.0, w[1])

    compiled = ag.compile(f, in_axes=0, reduce="sum")
    for a, b in ((2.0, -3.0), (0.5, 4.0)):
        w[0].data, w[1].data = a, b
        penalty = 3.0 * (a * a + b * b + a + b * a + a * b)
        value, slope = compiled.value_and_grad([1.0, 2.0])
        assert value == pytest.approx(3.0 * math.exp(a) + 2.0 * penalty)
        assert slope == pytest.approx([math.exp(a)] * 2)


def test_check_refuses_randomness():
    rng = random.Random(0)
    with pytest.raises(TraceError, match="<lambda> was traced twice with different results"):
        ag.compile(lambda x: x * rng.random(), check=True)(1.0)
    assert ag.compile(lambda x: 2 * x, check=True)(1.0) == 2.0


def test_an_interrupted_call_leaves_the_object_usable():
    calls = []

    def forward(x):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return 2.0 * x

    double = ag.primitive(forward, lambda _: 2.0, name="interrupted double")
    f = ag.compile(lambda w, x: double(w * x), in_axes=(None, 0), reduce="sum")
    x = np.arange(8.0)
    with pytest.raises(KeyboardInterrupt):
        f.value_and_grad(1.0, x)
    assert f.value_and_grad(1.0, x) == (56.0, 56.0)


@pytest.mark.parametrize("size", [1, 23], ids=["one block", "many blocks"])
@pytest.mark.parametrize("n", [2, 30])
def test_a_batch_is_let_go_of_after_the_call(n, size):
    """It may be large, and a compiled function may live as long as the program."""

    def f(w, x):
        return sum((ag.tanh(ag.dot(row, x, row[0])) for row in w), 0.0)

    compiled = ag.compile(f, in_axes=(None, 0), reduce="mean")
    x = np.ones((size, n))
    alive = weakref.ref(x)
    compiled.value_and_grad(np.ones((4, n)), x)
    del x
    gc.collect()
    assert alive() is None


def test_a_primitive_of_the_users_own_finds_the_context_of_the_call():
    setting = contextvars.ContextVar("setting", default="none")
    seen = []

    def forward(x):
        seen.append((setting.get(), decimal.getcontext().prec))
        setting.set("inside")
        return 2.0 * x

    double = ag.primitive(forward, lambda _: 2.0, name="double in a context")
    f = ag.compile(lambda x: ag.exp(double(x)), in_axes=0)
    f(np.ones(3))
    seen.clear()
    setting.set("outside")
    with decimal.localcontext(prec=50), np.errstate(all="raise"):
        assert f(np.array([1.0, 1000.0]))[1] == inf
        assert np.geterr()["over"] == "raise"
    assert seen[0] == ("outside", 50)
    assert setting.get() == "inside"


def test_an_argument_of_no_numbers_has_a_batch_all_the_same():
    f = ag.compile(lambda _, w: 2.0 * w, in_axes=(0, None), argnums=(0, 1), reduce="mean")
    value, (by_x, by_w) = f.value_and_grad(np.ones((4, 0)), 3.0)
    assert (value, by_x.shape, by_w) == (6.0, (4, 0), 2.0)


# --- primitives of a user's own -------------------------------------------------------------------


def own_primitives():
    return {
        "operators": ag.primitive(
            lambda x: x * x * x / 2, lambda x: 3 * x**2 / 2.0 + abs(x) - abs(x), name="c_operators"
        ),
        "of math": ag.primitive(lambda x: math.exp(x), lambda out, _: out, name="c_math"),
        "branches": ag.primitive(
            lambda x: x if x > 0 else 0.1 * x, lambda x: ag.where(x > 0, 1.0, 0.1), name="c_branch"
        ),
        "a constant": ag.primitive(lambda _: 7.0, lambda _: 0, name="c_constant"),
        "a reduction": ag.primitive(
            lambda x: x.sum() if hasattr(x, "sum") else x, lambda _: 1.0, name="c_reduction"
        ),
        "two": lambda x: two(x, 3.0) + two(2.0, x) + two(x, x),
        "many": lambda x: many(x, x, 1.0) + many(x) + many(2.0, x, x, x, x),
    }


two = ag.primitive(lambda a, b: a / b, [lambda _, b: 1 / b, lambda a, b: -a / b**2], name="c_two")
many = ag.primitive(
    lambda *xs: sum(x * x for x in xs), lambda *xs: [2 * x for x in xs], name="c_many"
)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("lanes", [0, 1, 4])
@pytest.mark.parametrize("name", own_primitives())
def test_primitives_of_a_users_own(name, lanes):
    f = own_primitives()[name]
    x = np.array([0.5, -1.0, 2.0, -0.25])[:lanes]
    values, slopes = ag.compile(f, in_axes=0).value_and_grad(x)
    want = [ag.value_and_grad(f)(float(a)) for a in x]
    np.testing.assert_allclose(values, [v for v, _ in want], rtol=1e-14)
    np.testing.assert_allclose(slopes, [s for _, s in want], rtol=1e-14)
    curvatures = ag.compile(ag.hessian(f), in_axes=0)(x)
    np.testing.assert_allclose(curvatures, [ag.hessian(f)(float(a)) for a in x], rtol=1e-14)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            lambda x: math.cos(x),
            r"float\(v\) has no answer in a partial derivative .* autograd.exp",
        ),
        (lambda x: 1.0 if x > 0 else 0.0, "truth of a comparison .* where.*test_results.py"),
    ],
)
def test_partial_derivatives_that_ask_for_a_number(rule, message):
    f = ag.primitive(lambda x: x, rule, name="c_asks")
    with pytest.raises(TraceError, match=message):
        ag.compile(f).grad(1.0)


# --- size -----------------------------------------------------------------------------------------


def test_a_long_chain_compiles():
    def f(x):
        for _ in range(3000):
            x = ag.sin(x)
        return x

    value, slope = ag.compile(f).value_and_grad(1.0)
    assert_close([value, slope], ag.value_and_grad(f)(1.0))
