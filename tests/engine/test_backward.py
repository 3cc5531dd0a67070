"""The backward pass: accumulation, `where`, and random graphs against exact differences."""

import gc
import math
import re
from dataclasses import dataclass
from itertools import combinations

import pytest
from effort import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracles import ORACLES, ROWS, exact

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


def test_numbers_get_no_gradient_and_other_graphs_are_not_touched():
    a, other = Value(3.0), Value(4.0)
    unrelated = other * other
    y = 2 * a
    y.backward()
    assert y.parents[0].grad == 0.0
    assert (other.grad, unrelated.grad) == (0.0, 0.0)


def test_gradient_of_sums_of_zero_gradients():
    """A neuron that is dead passes exact zeros on, whatever its weights."""
    ws = [Value(2.0), Value(-3.0)]
    x = Value(1.0)
    z = autograd.dot(ws, [x, x], -5.0)
    z.relu().backward()
    assert (ws[0].grad, ws[1].grad, x.grad) == (0.0, 0.0, 0.0)


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


def test_gradients_are_floats():
    a = Value(3)
    y = a * 2
    y.backward(seed=1)
    assert type(a.grad) is type(y.grad) is float


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
# A program is a list of instructions; each makes one number of the numbers before it. Operands are
# squashed into the domain of the row first, by sin and an affine map, so that nothing overflows.

SQUASH = {  # offset and scale of the sine
    **dict.fromkeys(["log", "log2", "log10", "sqrt", "**", "cbrt", "hypot", "atan2"], (1.5, 1.0)),
    **dict.fromkeys(["xlogy", "/"], (1.5, 1.0)),
    **dict.fromkeys(["inverse_of_total", "log_of_total", "log_of_denominator"], (1.5, 1.0)),
    **dict.fromkeys(["asin", "acos", "atanh"], (0.0, 0.9)),
    "log1p": (0.5, 1.0),
    "acosh": (2.5, 1.0),
}
KINKED = {"above", "sign", "abs", "maximum", "minimum", "clip", "relu", "leaky_relu", "elu"}
SLOPES = {"power_by_base", "power_by_exponent"}  # met as derivatives of powers
SMOOTH = sorted(set(ORACLES) - KINKED - SLOPES)
ALL = {"smooth": [*SMOOTH, "where"], "kinked": ["where", *sorted(KINKED), "+", "*", "sin", "dot"]}


@dataclass(frozen=True)
class Step:
    """One instruction: the row, or "where", and the places of its operands."""

    row: str
    operands: tuple[int, ...]


@st.composite
def programs(draw, rows, leaves=3, longest=10):
    """Leaves and steps. Operands are drawn from all that exists, so nodes are shared; the last
    step adds up the results of all others, so that each of them matters.
    """
    xs = draw(st.tuples(*[st.integers(-40, 40).map(lambda k: k * 0.0317 + 0.011)] * leaves))
    steps = []
    for n in range(draw(st.integers(1, longest))):
        row = draw(st.sampled_from(rows))
        sizes = {"where": (4,)}.get(row) or (
            (len(ORACLES[row].domains),) if ORACLES[row].sizes is None else (1, 3, 5)
        )
        size = draw(st.sampled_from(sizes))
        place = st.integers(0, leaves + n - 1)
        steps.append(Step(row, tuple(draw(place) for _ in range(size))))
    return xs, [*steps, Step("fsum", tuple(range(leaves, leaves + len(steps))))]


def run(steps, xs, apply, choose):
    """Run a program on any kind of number; return all intermediate results."""
    numbers = list(xs)
    for step in steps:
        operands = [numbers[i] for i in step.operands]
        if step.row == "where":
            numbers.append(choose(*operands))
            continue
        offset, scale = SQUASH.get(step.row, (0.0, 1.0))
        squashed = [apply("sin", x) * scale + offset for x in operands]
        numbers.append(apply(step.row, *squashed))
    return numbers


def on_values(steps, leaves):
    return run(
        steps,
        leaves,
        lambda row, *v: ROWS[row](*v),
        lambda a, b, x, y: where(a > b, x, y),
    )


def on_exact(steps, xs):
    """Run a program, and drop the example if a kink is so near that rounding might cross it."""

    def apply(row, *v):
        if row in KINKED:
            assume(all(abs(a - b) > 1e-9 for a, b in combinations((0, *v), 2)))
        return ORACLES[row].value(*v)

    def choose(a, b, x, y):
        assume(a is b or abs(a - b) > 1e-9)
        return x if a > b else y

    return run(steps, xs, apply, choose)


def central_differences(steps, xs):
    """Gradient of the last number, to about 20 digits."""
    h = exact.mpf(10) ** -15
    point = [exact.mpf(x) for x in xs]
    gradient = []
    for i in range(len(xs)):
        up, down = [
            on_exact(steps, [x + s * h * (i == j) for j, x in enumerate(point)])[-1]
            for s in (1, -1)
        ]
        gradient.append(float((up - down) / (2 * h)))
    return gradient


@pytest.mark.parametrize("rows", ALL.values(), ids=ALL)
@settings(max_examples=examples(300))
@given(data=st.data())
def test_random_graphs_against_central_differences(rows, data):
    xs, steps = data.draw(programs(rows))
    leaves = [Value(x) for x in xs]
    numbers = on_values(steps, leaves)
    want = on_exact(steps, [exact.mpf(x) for x in xs])
    assert numbers[-1].data == pytest.approx(float(want[-1]), rel=1e-9, abs=1e-9)
    numbers[-1].backward()
    assert [leaf.grad for leaf in leaves] == pytest.approx(
        central_differences(steps, xs), rel=1e-9, abs=1e-9
    )


@settings(max_examples=40)
@given(program=programs([*SMOOTH, "where"], leaves=2, longest=5))
def test_second_derivatives_of_random_graphs(program):
    """The Hessian by differentiating the recorded pass, against differences of the exact value."""
    xs, steps = program
    leaves = [Value(x) for x in xs]
    on_values(steps, leaves)[-1].backward(create_graph=True)
    first = [leaf.grad_value for leaf in leaves]
    h = exact.mpf(10) ** -12
    for i, gradient in enumerate(first):
        zero_grad(leaves)
        if gradient is not None:
            gradient.backward()
        for j in range(2):
            want = 0
            for s, t in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                point = [exact.mpf(x) for x in xs]
                point[i] += s * h
                point[j] += t * h
                want += s * t * on_exact(steps, point)[-1] / (4 * h * h)
            assert leaves[j].grad == pytest.approx(float(want), rel=1e-8, abs=1e-8)


@settings(max_examples=50)
@given(program=programs([*ALL["smooth"], *KINKED]))
def test_recorded_pass_of_random_graphs_gives_the_same_gradients(program):
    xs, steps = program

    def gradients(create_graph):
        leaves = [Value(x) for x in xs]
        numbers = on_values(steps, leaves)
        numbers[-1].backward(create_graph=create_graph)
        return [v.grad for v in (*leaves, *numbers)]

    assert gradients(True) == pytest.approx(gradients(False), rel=1e-12, abs=1e-14)


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
    steps = [Step("+", (0, 1)), Step(row, (3, 0, 2)[:arity]), Step("*", (4, 3))]
    xs = (0.3, 0.5, 0.7)
    monkeypatch.setattr(ROWS[row], "float_partials", rules)
    leaves = [Value(x) for x in xs]
    on_values(steps, leaves)[-1].backward()
    got, want = [leaf.grad for leaf in leaves], central_differences(steps, xs)
    assert got != pytest.approx(want, rel=1e-9, abs=1e-9)
    monkeypatch.undo()
    leaves = [Value(x) for x in xs]
    on_values(steps, leaves)[-1].backward()
    assert [leaf.grad for leaf in leaves] == pytest.approx(want, rel=1e-9, abs=1e-9)
