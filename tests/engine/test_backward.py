"""The backward pass: accumulation, `where`, and random graphs against exact differences."""

import gc
import itertools
import math
import operator
import random
import re
from itertools import combinations

import pytest
from effort import examples
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from oracles import COMPARISONS, ORACLES, ROWS, exact
from random_programs import evaluated, random_program, size_of_terms

import autograd
from autograd import Value, where, zero_grad

# --- accumulation -----------------------------------------------------------------------------


def test_worked_example_of_the_lecture():
    """f(x, y) = 1.5 x² + y² + 2 has gradient (3x, 2y)."""
    x, y = Value(-1.5), Value(0.5)
    (1.5 * x**2 + y**2 + 2).backward()
    assert (x.grad, y.grad) == (-4.5, 1.0)


@pytest.mark.parametrize("create_graph", [False, True])
def test_leaves_accumulate_and_inner_nodes_do_not(create_graph):
    a = Value(1.0)
    b = 2 * a
    c = 2 * b
    c.backward(create_graph=create_graph)
    assert (a.grad, b.grad, c.grad) == (4.0, 2.0, 1.0)
    c.backward(create_graph=create_graph)
    assert (a.grad, b.grad, c.grad) == (8.0, 2.0, 1.0)


def test_two_roots_accumulate_in_a_shared_leaf():
    a = Value(3.0)
    h = a * a
    y, z = h + 1, h.exp() * 0
    y.backward()
    z.backward()
    assert a.grad == 6.0
    assert h.grad == 0.0


def test_backward_from_an_inner_node_leaves_its_users_alone():
    a = Value(3.0)
    h = a * a
    y = 5 * h
    y.backward()
    h.backward()
    assert (y.grad, h.grad, a.grad) == (1.0, 1.0, 36.0)


def test_backward_on_a_leaf():
    a = Value(3.0)
    a.backward()
    assert a.grad == 1.0
    a.backward(seed=2.5)
    assert a.grad == 3.5


def test_seed():
    a = Value(3.0)
    y = a * a
    y.backward(seed=-0.5)
    assert (a.grad, y.grad) == (-3.0, -0.5)
    y.backward(2)
    assert a.grad == 9.0
    assert type(a.grad) is float


@pytest.mark.parametrize("seed", ["1", None, [1.0], Value(1.0)])
def test_a_seed_that_is_no_number_is_named(seed):
    with pytest.raises(TypeError, match="seed must be a real number"):
        Value(1.0).backward(seed=seed)


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_node_used_many_times(create_graph):
    a = Value(3.0)
    (a * a + a * a + a).backward(create_graph=create_graph)
    assert a.grad == 13.0
    b = Value(2.0)
    autograd.dot([b, b], [b, b], b).backward(create_graph=create_graph)
    assert b.grad == 9.0
    c = Value(2.0)
    autograd.fsum([c, c, c]).backward(create_graph=create_graph)
    assert c.grad == 3.0


def test_a_node_used_at_different_depths():
    a = Value(0.5)
    h = a
    for _ in range(5):
        h = h * a + a
    h.backward()
    assert a.grad == pytest.approx(sum(k * 0.5 ** (k - 1) for k in range(1, 7)))


def test_zero_gradient_times_an_infinite_weight_is_nan():
    w, x = Value(math.inf), Value(-1.0)
    z = autograd.dot([w], [x], 0.0)
    z.relu().backward()
    assert math.isnan(x.grad)
    assert w.grad == 0.0


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("create_graph", [True, False])
def test_the_collector_is_left_as_it_was(enabled, create_graph):
    was = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        (Value(1.0) * 2).backward(create_graph=create_graph)
        assert gc.isenabled() is enabled
        with autograd.detect_anomaly(), pytest.raises(autograd.AnomalyError):
            (Value(1.0) * 2).backward(seed=math.inf, create_graph=create_graph)
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if was else gc.disable)()


def test_zero_grad():
    a, b = Value(3.0), Value(4.0)
    (a * b).backward()
    zero_grad(v for v in [a, b])
    assert (a.grad, b.grad) == (0.0, 0.0)
    (a * b).backward()
    assert (a.grad, b.grad) == (4.0, 3.0)
    zero_grad([])


@pytest.mark.parametrize("single", [Value(3.0, "w"), 3.0])
def test_zero_grad_of_what_is_no_list(single):
    with pytest.raises(
        TypeError, match=rf"takes a list of Values, such as \[w, b\], not {re.escape(repr(single))}"
    ):
        zero_grad(single)
    with pytest.raises(TypeError, match=r"such as \[w, b\], not of 'w'$"):
        zero_grad({"w": single})


@pytest.mark.parametrize("option", ["retain_graph", "gradient", "inputs"])
def test_options_of_pytorch_are_answered(option):
    x = Value(3.0)
    with pytest.raises(
        TypeError, match=rf"not {option}: a graph is always kept, so leave out retain_graph"
    ):
        (x * x).backward(**{option: True})
    assert x.grad == 0.0


# --- where ------------------------------------------------------------------------------------


@pytest.mark.parametrize("create_graph", [False, True])
def test_where_passes_the_gradient_to_the_branch_taken(create_graph):
    for condition, slopes in ((True, (1.0, 0.0)), (False, (0.0, 1.0))):
        a, b = Value(2.0), Value(3.0)
        y = where(condition, a, b)
        assert (y.op, y.data) == ("where", 2.0 if condition else 3.0)
        y.backward(create_graph=create_graph)
        assert (a.grad, b.grad) == slopes


def test_where_with_the_same_node_in_both_branches():
    a = Value(2.0)
    where(True, a, a).backward()
    assert a.grad == 1.0


def test_nested_where():
    x = Value(-2.0)
    bad = x.log()
    y = where(x > 0, bad, where(x > -1, bad * 2, where(x < -1, x * x, bad + bad)))
    y.backward()
    assert (y.data, x.grad) == (4.0, -4.0)
    assert bad.grad == 0.0


def test_a_node_in_a_taken_and_an_untaken_branch():
    x = Value(2.0)
    h = x * x
    y = where(x > 0, h, h.log()) + where(x > 0, (-h).sqrt(), h)
    zero_grad([x])
    y.backward()
    assert math.isnan(y.data)
    assert math.isnan(h.grad)  # √ of a negative number is in the taken branch of the second
    x = Value(2.0)
    h = x * x
    y = where(x > 0, h, h.log()) + where(x < 0, (-h).sqrt(), h)
    y.backward()
    assert (h.grad, x.grad) == (2.0, 8.0)


def test_where_that_takes_a_number_has_no_edges():
    x = Value(2.0)
    y = where(x > 3, x, 7.0)
    y.backward()
    assert (y.data, y.grad, x.grad) == (7.0, 1.0, 0.0)
    y.backward(create_graph=True)
    assert (x.grad, x.grad_value) == (0.0, None)


def test_stale_gradients_behind_an_untaken_branch_are_not_read():
    """An inner node that a pass does not reach keeps what it had; no leaf gets it."""
    x = Value(2.0)
    inside = x * 3
    inside.backward()
    zero_grad([x])
    where(x > 0, x, inside).backward()
    assert x.grad == 1.0


# --- random graphs ----------------------------------------------------------------------------

KINKED = {"above", "sign", "abs", "maximum", "minimum", "clip", "relu", "leaky_relu", "elu"}


def exactly(name):
    """Make a row of exact numbers; it drops what is at an edge, or so near that rounding counts."""
    oracle = ORACLES[name]

    def apply(*v):
        v = [exact.mpf(x) for x in v]
        near = name in KINKED and any(abs(a - b) < 1e-9 for a, b in combinations((0, *v), 2))
        inside = all(d.lo < x < d.hi for x, d in zip(v, oracle.domains, strict=False))
        if near or not inside or not oracle.regular(*v):
            reject()
        return oracle.value(*v)

    return apply


def compared(method):
    def apply(a, b):
        if a is not b and abs(a - b) < 1e-9:
            reject()
        return getattr(operator, method)(a, b)

    return apply


EXACT = {name: exactly(name) for name in ORACLES}
EXACT |= {name: compared(method) for name, method in COMPARISONS.items()}
EXACT["where"] = lambda condition, x, y: x if condition else y


@st.composite
def programs(draw, layers=6):
    """Random rows, numbers to run them on, and weights: all results are added up, so all matter."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    rows = random_program(rng, 3, layers)
    return rows, [rng.uniform(-2, 2) for _ in "abc"], [rng.gauss(0, 1) for _ in (*"abc", *rows)]


def on_values(rows, xs, weights):
    leaves = [Value(x) for x in xs]
    numbers = evaluated(rows, leaves)
    if not all(abs(getattr(x, "data", x)) < 1e50 for x in numbers):
        reject()
    return leaves, autograd.dot(weights, numbers)


def differences(rows, xs, weights, path):
    """A derivative of the sum, to about 20 digits."""
    h = exact.mpf(10) ** -15
    total = exact.zero
    for signs in itertools.product((1, -1), repeat=len(path)):
        point = [exact.mpf(x) for x in xs]
        for i, sign in zip(path, signs, strict=True):
            point[i] += sign * h
        numbers = evaluated(rows, point, table=EXACT)
        total += math.prod(signs) * exact.fdot(zip(weights, numbers, strict=True))
    return total / (2 * h) ** len(path)


def check_gradient(root, leaves, program, path=()):
    """Compare with differences, to the rounding of the terms that are added up."""
    for i, (leaf, size) in enumerate(zip(leaves, size_of_terms(root, leaves), strict=True)):
        want = differences(*program, (*path, i))
        assert abs(exact.mpf(leaf.grad) - want) <= 1e-12 * (1.0 + size)


@settings(max_examples=examples(600))
@given(program=programs())
def test_random_graphs_against_central_differences(program):
    leaves, root = on_values(*program)
    root.backward()
    check_gradient(root, leaves, program)


@settings(max_examples=40)
@given(program=programs(layers=2))
def test_second_derivatives_of_random_graphs(program):
    leaves, root = on_values(*program)
    root.backward(create_graph=True)
    for i, gradient in enumerate([leaf.grad_value for leaf in leaves]):
        zero_grad(leaves)
        if gradient is not None:
            gradient.backward()
            check_gradient(gradient, leaves, program, (i,))


@settings(max_examples=50)
@given(program=programs())
def test_recorded_pass_of_random_graphs_gives_the_same_gradients(program):
    gradients = []
    for create_graph in (False, True):
        leaves, root = on_values(*program)
        root.backward(create_graph=create_graph)
        gradients.append([v.grad for v in leaves])
    sizes = size_of_terms(root, leaves)
    for plain, recorded, size in zip(*gradients, sizes, strict=True):
        assert abs(plain - recorded) <= 1e-13 * size


# --- the tests' own test ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "rules"),
    [
        ("tanh", (lambda out, _: 1.0 + out * out,)),  # the misprint of the lecture
        ("sin", (lambda _, x: math.cos(x) * (1 + 1e-6),)),
        ("*", (lambda *v: v[-1], lambda *v: v[-1])),
        ("softmax", lambda out, *xs: (out * (1 - out), *[-out] * (len(xs) - 1))),
    ],
)
def test_a_wrong_rule_is_caught_on_graphs(row, rules, monkeypatch):
    arity = 2 if row == "*" else 1 if isinstance(rules, tuple) else 3
    rows = [("+", (0, 1)), (row, (3, 0, 2)[:arity]), ("*", (4, 3))]
    program = rows, [0.3, 0.5, 0.7], [0.0] * 5 + [1.0]
    monkeypatch.setattr(ROWS[row], "float_partials", rules)
    leaves, root = on_values(*program)
    root.backward()
    with pytest.raises(AssertionError):
        check_gradient(root, leaves, program)
    monkeypatch.undo()
    leaves, root = on_values(*program)
    root.backward()
    check_gradient(root, leaves, program)
