"""Fewer and better rows: what each pass does to a trace."""

import math
import random
from itertools import pairwise
from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import autograd as ag
from autograd.compiler.passes import trace as tracing
from autograd.compiler.passes.simplify import simplified
from autograd.compiler.passes.trace import Trace, Tracer
from autograd.engine import table as p
from tests.support.effort import examples


def made(f, n, fast_math=False):
    """Trace `f` on n inputs; give the simplified trace, and the outputs."""
    trace = Trace()
    y = f(*[trace.tracer(trace.input()) for _ in range(n)])
    ys = y if isinstance(y, list) else [y]
    return simplified(trace, [y.row if isinstance(y, Tracer) else y for y in ys], fast_math)


def rows(f, n, fast_math=False):
    """Give the simplified rows as text, and the outputs."""
    new, outputs = made(f, n, fast_math)
    text = [f"{op.name}{new.flat(row)}" for row, op in enumerate(new.ops) if op]
    return text, outputs


def plain_code(rng, xs):
    """Do what plain code does with products, of which it holds some; all is read by what comes out.

    What is dropped before anybody reads it has no row in one way, and in the other one that counts.
    """
    held = list(xs)

    def one():
        return rng.choice(held)

    def products():
        return ((one(), one()) for _ in range(rng.randrange(1, 5)))

    def grown():
        total = one()
        for a, b in products():
            total = total + a * b if rng.random() < 0.8 else total - a * b
            if rng.random() < 0.2:
                held.append(total)
        return total

    def of_a_list():
        terms = [a * b for a, b in products()]
        held.extend(rng.sample(terms, rng.randrange(len(terms))))
        return sum(terms)

    def cumulative():
        pairs = list(products())
        held.extend([sum(a * b for a, b in pairs[: i + 1]) for i in range(len(pairs))])
        return held[-1]

    ways = [
        *[grown, of_a_list, cumulative],
        lambda: sum((a * b for a, b in products()), rng.choice([0, 0.0, 1.5, one()])),
        lambda: one() * one() + one() * one(),
        lambda: one() + one() + one() * one() + one() * one(),
        lambda: one() + rng.choice([1.0, 2.0, one()]) * one() + one(),
        lambda: 0.5 * one() + one() * 3 + one() * 1.0,
        lambda: one() * one(),
        lambda: ag.exp(one()) - one(),
        lambda: ag.dot([one(), one()], [one(), 1.0], one()),
    ]
    for _ in range(rng.randrange(1, 12)):
        held.append(rng.choice(ways)())
    return held


@example(293, False)  # where a factor 3.0 and row 3 stand in one place
@given(st.integers(0, 2**32), st.booleans())
@settings(max_examples=examples(800), deadline=None)
def test_sums_kept_without_rows_compute_what_a_row_for_each_operation_does(seed, fast_math):
    def f(*xs):
        return plain_code(random.Random(seed), xs)

    numbers = [0.5, -1.25, 2.0, -0.75]
    expected = f(*numbers)
    if fast_math and not np.isfinite(expected).all():
        return
    for alone in (tracing.ALONE, math.inf):  # the second as if nobody counted references
        with mock.patch.object(tracing, "ALONE", alone):
            found = ag.compile(f, fast_math=fast_math)(*numbers)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


DOT = ["dot(0, 1, 2, 3, 4)"]


@pytest.mark.parametrize(
    "f",
    [
        lambda u, v, x, y, b: ag.dot([u, v], [x, y], b),
        lambda u, v, x, y, b: sum((w * z for w, z in zip((u, v), (x, y), strict=True)), b),
        lambda u, v, x, y, b: ag.fsum([u * x, v * y, b]),
        lambda u, v, x, y, b: u * x + v * y + b,
        lambda u, v, x, y, b: b + (u * x + v * y),
        lambda u, v, x, y, b: 0.0 + u * x + v * y + b,
        lambda u, v, x, y, b: u * x + (v * y + b),
    ],
)
def test_sums_of_products_become_one_dot(f):
    assert rows(f, 5)[0] == DOT


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda u, v, x, y: 0.0 - u * x - v * y - u, ["dot(0, 1, 2, 3, 0)", "-(0.0, 4)"]),
        (lambda u, v, x, y: u - v - x - y, ["fsum(1, 2, 3)", "-(0, 4)"]),
        (lambda u, v, x, y: u - v + x - y - v, ["neg(1,)", "neg(3,)", "fsum(0, 4, 2, 5, 4)"]),
        (lambda u, v, x, y: u - v + x - v * y - y, [
            "neg(1,)", "neg(3,)", "*(4, 3)", "fsum(0, 4, 2, 6, 5)",
        ]),
        # what is small because two large terms nearly cancel stays as it is
        (lambda u, v, x, y: ag.fsum([u - v, x - y, u - y]), [
            "-(0, 1)", "-(2, 3)", "-(0, 3)", "fsum(4, 5, 6)",
        ]),
        (lambda u, v, x, y: u - v - (x + y), ["-(0, 1)", "+(2, 3)", "-(4, 5)"]),
    ],
)  # fmt: skip
def test_long_differences_are_sums(f, expected):
    assert rows(f, 4)[0] == expected


def test_a_dot_with_factors_1_is_part_of_the_sums_around_it():
    def f(w, x, y, z, b):
        first = ag.dot([w, 1.0], [x, y * z])
        return ag.dot([1.0, z], [first, y], b)

    assert rows(f, 5)[0] == ["dot(0, 2, 3, 1, 3, 2, 4)"]
    assert rows(lambda x, y: ag.dot([1.0], [x], y), 2)[0] == ["+(0, 1)"]
    assert rows(lambda x: ag.dot([1.0], [x]), 1)[1] == [0]


def test_a_power_of_two_is_a_square():
    assert rows(lambda x: x**2 + x**3, 1)[0] == ["square(0,)", "**(0, 3.0)", "+(1, 2)"]
    assert rows(lambda *xs: 2.0 ** xs[2], 3)[0] == ["**(2.0, 2)"]  # the third input, row 2


def test_a_dot_of_one_product_is_a_product():
    assert rows(lambda w, x: ag.dot([w], [x]), 2)[0] == ["*(0, 1)"]
    assert rows(lambda w, x: ag.dot([w], [x], 2.0), 2)[0] == ["dot(0, 1, 2.0)"]


def micrograd_layer(W, x, b):
    return [
        sum((wi * xi for wi, xi in zip(w, x, strict=True)), c).relu()
        for w, c in zip(W, b, strict=True)
    ]


def loop_layer(W, x, b):
    result = []
    for w, z in zip(W, b, strict=True):
        for wi, xi in zip(w, x, strict=True):
            z = z + wi * xi
        result.append(z.relu())
    return result


def fsum_layer(W, x, b):
    zs = [ag.fsum([wi * xi for wi, xi in zip(w, x, strict=True)]) for w in W]
    return [(z + c).relu() for z, c in zip(zs, b, strict=True)]


@pytest.mark.parametrize("layer", [micrograd_layer, loop_layer, fsum_layer])
@pytest.mark.parametrize("method", ["__call__", "grad"])
def test_a_layer_in_any_style_compiles_to_the_same_code(layer, method):
    def network(layer):
        return ag.compile(
            lambda W, b, x: ag.fsum(layer(W, layer(W, x, b), b)),
            in_axes=(None, None, 0),
            reduce="mean",
        )

    def dot_layer(W, x, b):
        return [ag.dot(w, x, c).relu() for w, c in zip(W, b, strict=True)]

    rng = np.random.default_rng(0)
    args = rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=(5, 3))
    one, other = network(layer), network(dot_layer)
    np.testing.assert_array_equal(getattr(one, method)(*args), getattr(other, method)(*args))
    assert one.code == other.code
    assert ".dot(" in one.code


def test_rows_stand_in_the_order_in_which_their_results_were_made():
    def f(u, v, x, y):
        products, sums = [u * v, x * y], [u * x + v * y, u * y + v * x]
        return [z.exp() for z in reversed(products + sums)]

    first = ["*(0, 1)", "*(2, 3)", "dot(0, 1, 2, 3, 0.0)", "dot(0, 1, 3, 2, 0.0)"]
    assert rows(f, 4)[0][:4] == first


@pytest.mark.skipif(not tracing.ALONE, reason="nobody counts who holds what")
def test_a_sum_of_products_is_one_row_of_the_trace():
    trace = Trace()
    xs = [trace.tracer(trace.input()) for _ in range(9)]
    held = [x * x for x in xs]
    for total in (sum(x * y for x, y in pairwise(xs)), sum(held, xs[0])):
        assert total.row == len(trace.ops) - 1
    assert [op.name for op in trace.ops[9:]] == ["sum", "sum"]


def test_a_sum_or_product_with_other_users_stays():
    def f(u, v, x, y):
        s = u * x + v * y
        return [s + u, s * v]

    assert rows(f, 4)[0] == ["dot(0, 1, 2, 3, 0.0)", "+(4, 0)", "*(4, 1)"]


def test_few_products_are_no_dot():
    assert rows(lambda a, b, c: a * b + c, 3)[0] == ["*(0, 1)", "+(3, 2)"]
    assert rows(lambda a, b, c: a + b + c, 3)[0] == ["fsum(0, 1, 2)"]
    assert rows(lambda a, b: a + b, 2)[0] == ["+(0, 1)"]


def test_the_first_row_is_no_constant_zero():
    assert rows(lambda x, y: x + x * y + 0.5 * y, 2)[0] == ["dot(0, 0.5, 1, 1, 0)"]
    _, (one, other) = rows(lambda x, y: [sum([x * y, y * y], begin) for begin in (0.0, x)], 2)
    assert one != other


def test_constants_are_computed():
    def f(x):
        tape = x._trace
        three = tape.variable(3.0)
        return [p.where(p.gt(three, 0.0), x, -x), three * 2.0, ag.fsum([1.0, x, 2.0, x])]

    text, outputs = rows(f, 1)
    assert outputs[1] == 6.0
    assert outputs[2].__class__ is int
    assert "fsum(0, 0, 3.0)" in text


def test_factors_and_divisors_of_one_go():
    text, outputs = rows(lambda x: [1.0 * x, x * 1.0, x / 1.0, 1.0 / x], 1)
    assert text == ["/(1.0, 0)"]
    assert outputs[:3] == [0, 0, 0]


def test_zero_terms_and_products_go_with_fast_math_alone():
    def f(x):
        return [x + 0.0, 0.0 * x]

    assert rows(f, 1)[0] == ["+(0, 0.0)", "*(0.0, 0)"]
    assert rows(f, 1, fast_math=True) == ([], [0, 0.0])


def test_dead_rows_go_and_inputs_stay():
    trace = Trace()
    x, y = [trace.tracer(trace.input()) for _ in range(2)]
    z = ag.exp(ag.sin(x))
    ag.tan(z + y)
    new, outputs = simplified(trace, [z.row])
    assert [op and op.name for op in new.ops] == [None, None, "sin", "exp"]
    assert outputs == [3]


def test_softmaxes_share_their_exponentials():
    text, _ = rows(lambda a, b, c: [*ag.softmax([a, b, c]), *ag.log_softmax([c, b, a])], 3)
    names = [row.partition("(")[0] for row in text]
    once = ("top", "total", "excess", "inverse_of_total", "log_of_denominator")
    assert [names.count(name) for name in (*once, "exp_shifted", "*")] == [1, 1, 1, 1, 1, 3, 3]


def test_a_dot_of_nothing_is_its_bias():
    assert rows(lambda x: ag.dot([], [], x), 1) == ([], [0])


@pytest.mark.parametrize(("shared", "own", "steps"), [(4, 4, 2), (6, 5, 2), (3, 6, 1), (6, 3, 1)])
@pytest.mark.parametrize("is_layer", [False, True])
def test_products_that_the_lanes_share_a_factor_of_are_a_sum_of_their_own(
    shared, own, steps, is_layer
):
    rng = np.random.default_rng(shared)

    def energy(w, x, apart):
        terms = [w[i] * x[i] for i in range(shared)]
        terms += [x[i] * x[(i + apart) % 8] for i in range(own)]
        return 0.5 + apart * ag.fsum(terms[::2] + terms[1::2])

    def f(w, v, x):
        return energy(w, x, 1) * (energy(v, x, 2) if is_layer else 3.0)

    w, v, x = rng.normal(size=8), rng.normal(size=8), rng.normal(size=(5, 8))
    compiled = ag.compile(f, in_axes=(None, None, 0), argnums=(0, 1, 2), reduce="sum")
    value, gradient = compiled.value_and_grad(w, v, x)
    assert sum("dot" in step.what for step in compiled.cost.steps) == steps
    values, slopes = zip(*[ag.value_and_grad(f, (0, 1, 2))(w, v, xi) for xi in x], strict=True)
    assert value == pytest.approx(sum(values), rel=1e-12)
    for got, own, is_shared in zip(gradient, zip(*slopes, strict=True), (1, 1, 0), strict=True):
        np.testing.assert_allclose(got, sum(own) if is_shared else own, rtol=1e-12, atol=1e-13)
