"""Behaviour at the edge points: every row is checked eagerly, recorded, and on arrays."""

import math
from dataclasses import dataclass
from math import inf, nan

import numpy as np
import pytest
from oracles import ROWS

import autograd
from autograd import Value, where
from autograd.numbers.arrays import evaluate


@dataclass(frozen=True)
class Const:
    """An operand that is a number, not a Value."""

    data: float


@dataclass(frozen=True)
class Point:
    """One edge point: the row, its operands, and what must come out.

    Attributes:
        row: name in the table.
        operands: floats, which become Values, or numbers that stay numbers (`Const`).
        value: the result.
        gradients: towards the operands that are Values; None where nothing is asked for.
        relative: the error allowed.
    """

    row: str
    operands: tuple
    value: float
    gradients: tuple
    relative: float = 0.0

    def __str__(self):
        shown = (f"const {x.data}" if isinstance(x, Const) else str(x) for x in self.operands)
        return f"{self.row}({', '.join(shown)})"


def unary(row, *points):
    return [Point(row, (x,), value, (slope,)) for x, value, slope in points]


POINTS = [
    *unary("relu", (0.0, 0.0, 0.0), (nan, nan, nan), (inf, inf, 1.0), (-inf, 0.0, 0.0)),
    *unary("abs", (0.0, 0.0, 0.0), (nan, nan, nan), (inf, inf, 1.0), (-inf, inf, -1.0)),
    *unary("sqrt", (0.0, 0.0, inf), (-1.0, nan, nan), (inf, inf, 0.0), (-inf, nan, nan)),
    # ties
    Point("maximum", (2.0, 2.0), 2.0, (0.5, 0.5)),
    Point("minimum", (2.0, 2.0), 2.0, (0.5, 0.5)),
    Point("maximum", (0.0, 0.0), 0.0, (0.5, 0.5)),
    Point("minimum", (-inf, -inf), -inf, (0.5, 0.5)),
    Point("maximum", (2.0, Const(2.0)), 2.0, (0.5,)),
    Point("maximum", (inf, -inf), inf, (1.0, 0.0)),
    Point("maximum", (nan, 1.0), nan, (nan, nan)),
    Point("minimum", (1.0, nan), nan, (nan, nan)),
    # powers
    Point("**", (0.0, 0.0), 1.0, (0.0, 0.0)),
    Point("**", (0.0, 1.0), 0.0, (1.0, 0.0)),
    Point("**", (0.0, 0.5), 0.0, (inf, 0.0)),
    Point("**", (0.0, -1.0), inf, (-inf, -inf)),
    Point("**", (0.0, 2.0), 0.0, (0.0, 0.0)),
    Point("**", (0.0, Const(0.0)), 1.0, (0.0,)),
    Point("**", (0.0, Const(1.0)), 0.0, (1.0,)),
    Point("**", (0.0, Const(2.0)), 0.0, (0.0,)),
    Point("**", (0.0, Const(0.5)), 0.0, (inf,)),
    Point("**", (0.0, Const(-1.0)), inf, (-inf,)),
    Point("**", (-2.0, Const(3.0)), -8.0, (12.0,)),
    Point("**", (-2.0, Const(2.0)), 4.0, (-4.0,)),
    Point("**", (-2.0, Const(-1.0)), -0.5, (-0.25,)),
    Point("**", (-2.0, 3.0), -8.0, (12.0, nan)),
    Point("**", (-2.0, 2.5), nan, (nan, nan)),
    Point("**", (-2.0, Const(2.5)), nan, (nan,)),
    Point("**", (-2.0, Const(1e-20)), nan, (nan,)),
    Point("**", (-2.0, 0.0), 1.0, (0.0, nan)),
    Point("**", (nan, Const(0.0)), 1.0, (0.0,)),
    Point("**", (Const(2.0), 3.0), 8.0, (8.0 * math.log(2.0),), 1e-15),
    Point("**", (Const(0.0), 2.0), 0.0, (0.0,)),
    Point("**", (10.0, Const(400.0)), inf, (inf,)),
    Point("**", (-10.0, Const(401.0)), -inf, (inf,)),
    # logarithms and exponentials
    *unary("log", (0.0, -inf, inf), (-1.0, nan, nan), (inf, inf, 0.0), (-inf, nan, nan)),
    *unary("log2", (0.0, -inf, inf), (-1.0, nan, nan), (inf, inf, 0.0)),
    *unary("log10", (0.0, -inf, inf), (-1.0, nan, nan), (inf, inf, 0.0)),
    *unary("log1p", (-1.0, -inf, inf), (-2.0, nan, nan), (inf, inf, 0.0)),
    *unary("exp", (1000.0, inf, inf), (-1000.0, 0.0, 0.0), (inf, inf, inf), (-inf, 0.0, 0.0)),
    *unary("expm1", (1000.0, inf, inf), (-1000.0, -1.0, 0.0), (-inf, -1.0, 0.0)),
    *unary("sinh", (1000.0, inf, inf), (-1000.0, -inf, inf)),
    *unary("cosh", (1000.0, inf, inf), (-1000.0, inf, -inf)),
    # saturation
    *unary("softplus", (1000.0, 1000.0, 1.0), (-1000.0, 0.0, 0.0), (inf, inf, 1.0)),
    *unary("log_sigmoid", (1000.0, -0.0, 0.0), (-1000.0, -1000.0, 1.0), (-inf, -inf, 1.0)),
    *unary("sigmoid", (1000.0, 1.0, 0.0), (-1000.0, 0.0, 0.0), (inf, 1.0, 0.0), (-inf, 0.0, 0.0)),
    *unary("tanh", (1000.0, 1.0, 0.0), (-1000.0, -1.0, 0.0), (inf, 1.0, 0.0), (-inf, -1.0, 0.0)),
    *unary("erf", (1000.0, 1.0, 0.0), (-inf, -1.0, 0.0)),
    *unary("erfc", (1000.0, 0.0, 0.0), (-inf, 2.0, 0.0)),
    *unary("atan", (inf, math.pi / 2, 0.0), (-inf, -math.pi / 2, 0.0)),
    *unary("silu", (1000.0, 1000.0, 1.0), (-1000.0, -0.0, 0.0), (-inf, -0.0, 0.0), (inf, inf, 1.0)),
    # GELU
    Point("gelu", (1.0,), 0.841344746068543, (1.083315470587686,), 1e-15),
    Point("gelu_tanh", (1.0,), 0.841191990608277, (1.082964083845783,), 1e-15),
    *unary("gelu", (1000.0, 1000.0, 1.0), (-1000.0, -0.0, 0.0), (-inf, -0.0, 0.0), (inf, inf, 1.0)),
    *unary("gelu_tanh", (1000.0, 1000.0, 1.0), (-1000.0, -0.0, 0.0), (-inf, -0.0, 0.0)),
    *unary("gelu_tanh", (inf, inf, 1.0)),
    # many operands
    Point("softmax", (1000.0, 0.0), 1.0, (0.0, 0.0)),
    Point("softmax", (0.0, 1000.0), 0.0, (0.0, 0.0)),
    Point("softmax", (-inf, 0.0), 0.0, (0.0, 0.0)),
    Point("softmax", (0.0, -inf), 1.0, (0.0, 0.0)),
    Point("log_softmax", (0.0, -inf), 0.0, (0.0, 0.0)),
    Point("log_softmax", (0.0, 1000.0), -1000.0, (1.0, -1.0)),
    Point("log_softmax", (-inf, 0.0), -inf, (1.0, -1.0)),
    Point("logsumexp", (-inf, -inf), -inf, (0.0, 0.0)),
    Point("logsumexp", (-inf,), -inf, (0.0,)),
    Point("logsumexp", (-inf, 0.0), 0.0, (0.0, 1.0)),
    Point("logsumexp", (1000.0, 0.0), 1000.0, (1.0, 0.0)),
    Point("logsumexp", (-3.0, -inf, -3.0), -3.0 + math.log(2.0), (0.5, 0.0, 0.5), 1e-15),
    Point("logsumexp", (1e16, 1e16), 1e16, (0.5, 0.5), 1e-15),
    Point("softmax", (1e16, 1e16), 0.5, (0.25, -0.25), 1e-15),
    Point("log_softmax", (1e16, 1e16), -math.log(2.0), (0.5, -0.5), 1e-15),
    Point("softmax", (-1e300, 1e300), 0.0, (0.0, -0.0)),
    Point("fsum", (inf, 1.0), inf, (1.0, 1.0)),
    Point("fsum", (inf, -inf), nan, (1.0, 1.0)),
    Point("fsum", (1.7e308, 1.7e308), inf, (1.0, 1.0)),
    Point("mean", (-inf, 1.0), -inf, (0.5, 0.5)),
    Point("dot", (0.0, inf, 1.0), nan, (inf, 0.0, 1.0)),
    Point("dot", (1e300, 1e300, 1.0), inf, (1e300, 1e300, 1.0)),
    # at the origin
    Point("xlogy", (0.0, 0.0), 0.0, (0.0, 0.0)),
    Point("xlogy", (0.0, 2.0), 0.0, (math.log(2.0), 0.0), 1e-15),
    Point("xlogy", (1.0, 0.0), -inf, (-inf, inf)),
    Point("xlogy", (1.0, -1.0), nan, (nan, nan)),
    Point("xlogy", (0.0, nan), nan, (nan, None)),
    Point("atan2", (0.0, 0.0), 0.0, (0.0, 0.0)),
    Point("atan2", (-0.0, 0.0), -0.0, (0.0, 0.0)),
    Point("hypot", (0.0, 0.0), 0.0, (0.0, 0.0)),
    Point("hypot", (-0.0, 0.0), 0.0, (0.0, 0.0)),
    *unary("cbrt", (0.0, 0.0, inf), (inf, inf, 0.0), (-inf, -inf, 0.0)),
    # bounds
    Point("clip", (1.0, Const(-1.0), Const(1.0)), 1.0, (0.0,)),
    Point("clip", (-1.0, Const(-1.0), Const(1.0)), -1.0, (0.0,)),
    Point("clip", (0.5, Const(-1.0), Const(1.0)), 0.5, (1.0,)),
    Point("clip", (7.0, Const(-1.0), Const(1.0)), 1.0, (0.0,)),
    Point("clip", (nan, Const(-1.0), Const(1.0)), nan, (nan,)),
    Point("clip", (inf, Const(-1.0), Const(1.0)), 1.0, (0.0,)),
    Point("clip", (1.0, -1.0, 1.0), 1.0, (0.0, 0.0, None)),
    *unary("sign", (0.0, 0.0, 0.0), (3.0, 1.0, 0.0), (-3.0, -1.0, 0.0)),
    Point("leaky_relu", (0.0, Const(0.1)), 0.0, (0.1,)),
    Point("leaky_relu", (nan, Const(0.1)), nan, (nan,)),
    Point("elu", (-1000.0, Const(2.0)), -2.0, (0.0,)),
    Point("elu", (1000.0, Const(2.0)), 1000.0, (1.0,)),
    Point("elu", (nan, Const(2.0)), nan, (nan,)),
    # outside the domain
    *unary("atanh", (2.0, nan, nan), (-2.0, nan, nan), (1.0, inf, inf), (-1.0, -inf, inf)),
    *unary("asin", (2.0, nan, nan), (-2.0, nan, nan), (1.0, math.pi / 2, inf)),
    *unary("acos", (2.0, nan, nan), (-2.0, nan, nan), (1.0, 0.0, -inf)),
    *unary("acosh", (0.5, nan, nan), (-2.0, nan, nan), (1.0, 0.0, inf), (inf, inf, 0.0)),
    *unary("sin", (inf, nan, nan), (-inf, nan, nan)),
    *unary("cos", (inf, nan, nan), (-inf, nan, nan)),
    *unary("tan", (inf, nan, nan), (-inf, nan, nan)),
    # division
    Point("/", (1.0, 0.0), inf, (inf, -inf)),
    Point("/", (0.0, 0.0), nan, (inf, nan)),
    Point("/", (-1.0, 0.0), -inf, (inf, inf)),
    Point("/", (1.0, -0.0), -inf, (-inf, -inf)),
    Point("/", (nan, 0.0), nan, (inf, nan)),
    Point("/", (1.0, inf), 0.0, (0.0, -0.0)),
    Point("/", (inf, inf), nan, (0.0, nan)),
    Point("/", (1e300, 1e-300), inf, (1e300, -inf), 1e-15),
    # arithmetic overflows and indeterminate forms
    Point("*", (0.0, inf), nan, (inf, 0.0)),
    Point("*", (1e300, 1e300), inf, (1e300, 1e300)),
    Point("-", (inf, inf), nan, (1.0, -1.0)),
]


def close(got, want, relative):
    """Equal within `relative`; nan equals nan, and the sign of a zero value counts."""
    if math.isnan(want) or math.isinf(want) or relative == 0.0:
        return got == want or (math.isnan(got) and math.isnan(want))
    return abs(got - want) <= relative * abs(want)


def check_point(point, value, gradients):
    assert close(value, point.value, point.relative), value
    if point.value == 0.0:
        assert math.copysign(1.0, value) == math.copysign(1.0, point.value), "sign of zero"
    assert len(gradients) == len(point.gradients)
    for got, want in zip(gradients, point.gradients, strict=True):
        assert want is None or close(got, want, point.relative), gradients


def made(point):
    """Apply the row to the point's operands; give the result and the leaves."""
    operands = [x.data if isinstance(x, Const) else Value(x) for x in point.operands]
    return ROWS[point.row](*operands), [x for x in operands if isinstance(x, Value)]


points = pytest.mark.parametrize("point", POINTS, ids=str)


@points
def test_eager(point):
    node, leaves = made(point)
    node.backward()
    check_point(point, node.data, [leaf.grad for leaf in leaves])


@points
def test_recorded(point):
    node, leaves = made(point)
    node.backward(create_graph=True)
    check_point(point, node.data, [leaf.grad_value.data for leaf in leaves])
    check_point(point, node.data, [leaf.grad for leaf in leaves])


@points
def test_on_arrays(point):
    """The point sits between ordinary lanes, so a lane that leaks into another is seen too."""
    op = ROWS[point.row]
    lanes = [np.array([0.5, x.data if isinstance(x, Const) else x, 0.25]) for x in point.operands]
    out = evaluate(op, lanes)
    wanted = [not isinstance(x, Const) for x in point.operands]
    with np.errstate(all="ignore"):
        partials = op.local_derivatives(out, lanes, wanted)
    at_point = [float(np.broadcast_to(d, (3,))[1]) for d in partials]
    check_point(point, float(out[1]), at_point)


# --- the public spelling of the same points ---------------------------------------------------


def gradients(function, *xs):
    leaves = [Value(x) for x in xs]
    node = function(*leaves)
    node.backward()
    return node.data, tuple(leaf.grad for leaf in leaves)


@pytest.mark.parametrize(
    ("function", "xs", "value", "slopes"),
    [
        (lambda x: x**3, (-2.0,), -8.0, (12.0,)),
        (lambda x: x**0, (0.0,), 1.0, (0.0,)),
        (lambda x: x**1, (0.0,), 0.0, (1.0,)),
        (lambda x: x**0.5, (0.0,), 0.0, (inf,)),
        (lambda x: x**-1, (0.0,), inf, (-inf,)),
        (lambda a, b: a**b, (0.0, 0.0), 1.0, (0.0, 0.0)),
        (lambda b: 2**b, (3.0,), 8.0, (pytest.approx(8 * math.log(2)),)),
        (lambda x: 1 / x, (0.0,), inf, (-inf,)),
        (lambda x: x.relu(), (0.0,), 0.0, (0.0,)),
        (abs, (0.0,), 0.0, (0.0,)),
        (lambda x: x.sqrt(), (0.0,), 0.0, (inf,)),
        (lambda x: x.log(), (0.0,), -inf, (inf,)),
        (lambda x: autograd.maximum(x, x), (3.0,), 3.0, (1.0,)),
        (lambda x: autograd.clip(x, 0, 1), (1.0,), 1.0, (0.0,)),
        (lambda x: autograd.gelu(x, approximate="tanh"), (1000.0,), 1000.0, (1.0,)),
        (lambda x: autograd.xlogy(x, x), (0.0,), 0.0, (0.0,)),
        (lambda x: autograd.softmax([x, -inf])[0], (0.0,), 1.0, (0.0,)),
        (lambda x: autograd.hypot(x, 0), (0.0,), 0.0, (0.0,)),
    ],
)
def test_operators_methods_and_functions(function, xs, value, slopes):
    assert gradients(function, *xs) == (value, slopes)


def test_floats_take_the_same_edges():
    assert autograd.exp(1000) == inf
    assert autograd.log(0) == -inf
    assert math.isnan(autograd.sqrt(-1))
    assert math.isnan(autograd.pow(-2, 2.5))
    assert autograd.pow(0, -1) == inf


# --- where, and zero times infinity ------------------------------------------------------------


def test_where_ignores_the_branch_not_taken():
    assert gradients(lambda x: where(x > 0, x, (-x).sqrt()), 1.0) == (1.0, (1.0,))


@pytest.mark.parametrize("x", [-1e300, -1e5, -800.0, 800.0, 1e5, 1e300])
@pytest.mark.parametrize(
    ("row", "flat"),
    [
        *[(row, 1) for row in ("tanh", "sech", "sigmoid")],
        *[(row, 2) for row in ("relu", "softplus", "log_sigmoid", "silu", "gelu", "gelu_tanh")],
    ],
)
def test_far_tails_are_flat_at_every_order(row, flat, x):
    """From order `flat` on, the derivative is exactly 0: no overflow on the way makes it nan."""
    derivative = ROWS[row]
    for order in range(1, 5):
        derivative = autograd.grad(derivative)
        if order >= flat:
            assert derivative(x) == 0.0
    assert autograd.hessian(ROWS[row])(x) == 0.0


@pytest.mark.parametrize("create_graph", [False, True])
def test_node_behind_the_branch_not_taken_has_gradient_zero(create_graph):
    x = Value(1.0)
    inside = -x
    root = inside.sqrt()
    where(x > 0, x, root).backward(create_graph=create_graph)
    assert math.isnan(root.data)
    assert (x.grad, inside.grad, root.grad) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize("create_graph", [False, True])
def test_zero_times_an_infinite_local_derivative_is_nan(create_graph):
    x = Value(0.0)
    (0.0 * x.sqrt()).backward(create_graph=create_graph)
    assert math.isnan(x.grad)
    x = Value(0.0)
    (x.sqrt()).backward(seed=0.0, create_graph=create_graph)
    assert math.isnan(x.grad)


def test_where_cuts_the_zero_times_infinity():
    assert gradients(lambda x: where(x > 0, x.sqrt(), 0.0), 0.0) == (0.0, (0.0,))


def test_softmax_of_extremes_has_finite_gradients():
    for xs in ([1000.0, 0.0], [-inf, 0.0]):
        for i in range(2):
            value, slopes = gradients(lambda *v, i=i: autograd.softmax(v)[i], *xs)
            assert 0.0 <= value <= 1.0
            assert all(map(math.isfinite, slopes))
