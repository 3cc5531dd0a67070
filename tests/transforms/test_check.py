"""check_grads: it finds planted faults, and raises no false alarms."""

import math
import random

import numpy as np
import pytest
from effort import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_programs import evaluated, random_program

import autograd
from autograd import (
    GradientError,
    Value,
    check_grads,
    cos,
    dot,
    exp,
    jacobian,
    log,
    maximum,
    primitive,
    relu,
    sin,
    sqrt,
    tanh,
    where,
)
from autograd.engine import backward as backward_module
from autograd.engine import higher_order as recording_module
from autograd.engine import table as p
from autograd.engine.dispatch import _choose
from autograd.engine.functions import _apply_to_many
from autograd.engine.higher_order import adjoints
from autograd.engine.primitives import TABLE
from autograd.transforms import derivatives as transforms_module
from autograd.transforms.dual import Dual

pytestmark = pytest.mark.usefixtures("own_primitives_forgotten")


# --- faults in primitives of a user's own --------------------------------------------------------

# Each has the value, the wrong rule and a point. The right rule stands in the comment.
WRONG_RULES = {
    "wrong sign": (math.cos, lambda x: sin(x), (0.7,)),  # -sin x
    "partials swapped": (lambda x, y: x / y, lambda x, y: (-x / y**2, 1 / y), (0.7, 2.0)),
    "one of several wrong": (
        lambda x, y, z: x * y * z,
        lambda x, y, z: (y * z, x * z, x + y),
        (0.7, 2.0, 3.0),
    ),
    "zero": (math.exp, lambda x: 0 * x, (0.7,)),
    "branch not taken": (
        lambda x: x**2 if x > 0 else -x,
        lambda x: where(x > 0, -1.0, 2 * x),
        (0.7,),
    ),
    "threshold in the wrong place": (
        lambda x: max(x, 0.0),
        lambda x: where(x > 1, 1.0, 0.0),
        (0.7,),
    ),
    "operand instead of result": (
        lambda x: 1 / (1 + math.exp(-x)),
        lambda out, x: x * (1 - out),
        (0.7,),
    ),
    "result instead of operand": (lambda x: x**2, lambda out, x: 2 * out + 0 * x, (0.7,)),
    "a part in a million": (math.exp, lambda x: 1.000001 * exp(x), (0.7,)),
    "in the last of many operands": (
        lambda *xs: sum(i * x for i, x in enumerate(xs)),
        lambda *xs: [*range(len(xs) - 1), 0.0],
        tuple([1.0] * 6),
    ),
    "second derivative, wrong sign": (math.cos, lambda x: p.mul(-1.0, odd(x)), (0.7,)),
    "second derivative, detached": (math.exp, lambda x: exp(number(x)), (0.7,)),
    "second derivative, factor": (
        lambda x: x**3,
        lambda x: number(x) * 3 * x,  # once detached: 3 x instead of 6 x
        (0.7,),
    ),
    "mixed second derivative": (
        lambda x, y: x * y**2,
        lambda x, y: (number(y) ** 2, 2 * x * y),
        (0.7, 2.0),
    ),
}


def number(x):
    """Detach."""
    while not isinstance(x, float):
        x = x.primal if isinstance(x, Dual) else x.data
    return x


odd = primitive(math.sin, lambda x: -cos(x), name="sine_with_a_wrong_sign")


@pytest.mark.parametrize(("forward", "rule", "x"), WRONG_RULES.values(), ids=WRONG_RULES)
@pytest.mark.parametrize("seed", range(3))
def test_a_wrong_rule_is_found(forward, rule, x, seed):
    f = primitive(forward, rule, name="wrong")
    with pytest.raises(GradientError, match=r"derivatives of order [12] are wrong"):
        check_grads(f, x, rng=seed)
    with pytest.raises(GradientError, match="are wrong"):  # and so inside a program
        check_grads(lambda *v: sin(f(*[u * 1.1 for u in v])) * 3 + tanh(v[0]), x, rng=seed)


@pytest.mark.parametrize("name", [name for name in WRONG_RULES if name.startswith("second")])
def test_what_is_wrong_at_the_second_order_only_passes_the_first(name):
    forward, rule, x = WRONG_RULES[name]
    f = primitive(forward, rule, name="wrong")
    assert check_grads(f, x, order=1) == []
    with pytest.raises(GradientError, match="derivatives of order 2 are wrong"):
        check_grads(f, x, order=2)


def test_what_is_wrong_at_the_third_order_only_passes_the_second():
    slope = primitive(math.exp, lambda x: exp(number(x)), name="slope")
    f = primitive(math.exp, lambda x: slope(x), name="f")
    assert check_grads(f, (0.7,), order=2) == []
    with pytest.raises(GradientError, match="derivatives of order 3 are wrong"):
        check_grads(f, (0.7,), order=3)


def test_a_rule_that_was_right_once():
    """It is not finite, or wrong, from the second call on."""
    for later in (math.nan, math.inf, 0.0):
        calls = []

        def rule(x, calls=calls, later=later):
            calls.append(x)
            return 2 * x if len(calls) == 1 else later + 0 * x

        f = primitive(lambda x: x**2, rule, name="wrong")
        f(Value(0.7))
        with pytest.raises(GradientError, match=r"f +args\[0\] .*<-- wrong"):
            check_grads(f, (0.7,), order=1)


def test_a_rule_that_differs_between_floats_and_nodes():
    def rule(x):
        return cos(x) if isinstance(x, float) else -cos(x)

    f = primitive(math.sin, rule, name="wrong")
    assert check_grads(f, (0.7,), order=1) == []
    with pytest.raises(GradientError):
        check_grads(f, (0.7,))


# --- faults in the engine ------------------------------------------------------------------------


def program(v):
    """Nodes used twice, an operand twice in one, branches, and every kind of node."""
    a = sin(v[0] * v[1])
    b = a * a + v[2]
    c = dot([a, b, v[0]], [v[1], v[1], b], a)
    d = where(c > -100.0, c / b, exp(c))
    return [p.tanh(d) + a, relu(v[2]) * autograd.logsumexp([a, b, d]) - v[0], -d]


POINT = ([0.7, -1.3, 2.1],)


def plant_sweep(monkeypatch, sweep):
    monkeypatch.setattr(backward_module, "sweep", sweep)
    monkeypatch.setattr(transforms_module, "sweep", sweep)


def edges(node):
    slopes = [d for d in node.local_derivatives if d is not None]
    return zip(node.__edges__(), slopes, strict=True)


def sweeping(name, given):
    """Plant a sweep after which a parent's gradient is what is given for (it, upstream, slope)."""

    def plant(monkeypatch):
        def sweep(order):
            for node in reversed(order):
                for parent, slope in edges(node):
                    parent.grad = given(parent.grad, node.grad, slope)

        plant_sweep(monkeypatch, sweep)

    plant.__name__ = name
    return plant


def parents_as_a_set(monkeypatch):
    def sweep(order):
        for node in reversed(order):
            for parent, slope in dict(edges(node)).items():
                parent.grad += node.grad * slope

    plant_sweep(monkeypatch, sweep)


def wrong_order_of_the_sweep(monkeypatch):
    correct = backward_module.sweep
    plant_sweep(monkeypatch, lambda order: correct([*order[:-3], *reversed(order[-3:])]))


def seed_forgotten_in_the_sweep(monkeypatch):
    correct = backward_module.sweep

    def sweep(order):
        if order:
            order[-1].grad = 1.0
        correct(order)

    plant_sweep(monkeypatch, sweep)


def stale_interior_gradients(monkeypatch):
    def backward(root, seed):
        order = autograd.engine.graph.topological_order((root,), Value.__edges__)
        root.grad += seed  # without setting the others to zero first
        backward_module.sweep(order)

    monkeypatch.setattr(backward_module, "backward", backward)


def seed_forgotten_in_backward(monkeypatch):
    correct = backward_module.backward
    monkeypatch.setattr(backward_module, "backward", lambda root, _: correct(root, 1.0))


def leaves_forget_earlier_passes(monkeypatch):
    correct = backward_module.backward

    def backward(root, seed):
        for node in autograd.engine.graph.topological_order((root,), Value.__edges__):
            node.grad = 0.0
        correct(root, seed)

    monkeypatch.setattr(backward_module, "backward", backward)


def seed_forgotten_in_the_recorded_pass(monkeypatch):
    correct = recording_module.recorded_backward
    monkeypatch.setattr(
        recording_module, "recorded_backward", lambda root, _: correct(root, Value(2.0))
    )


def edge_dropped(monkeypatch):
    def apply(op, operands):
        node = _apply_to_many(op, operands)
        if node.op == "logsumexp":
            node._a, node._da = node._a[:-1], node._da[:-1]
        return node

    monkeypatch.setattr("autograd.engine.functions._apply_to_many", apply)


def branch_not_taken(monkeypatch):
    def choose(op, make, condition, x, y):
        node = _choose(op, make, condition, x, y)
        node._da, node._db = node._db, node._da
        return node

    monkeypatch.setattr("autograd.engine.dispatch._choose", choose)


def rule_of_dot_without_bias(monkeypatch):
    def rule(_, *v):
        n = len(v) // 2
        return (*v[n:-1], *v[:n], 0.0)

    monkeypatch.setattr(TABLE["dot"], "float_partials", rule)
    monkeypatch.setattr(TABLE["dot"], "partials", rule)


def duals_keep_the_last_term(monkeypatch):
    correct = Dual.__apply__

    def apply(op, operands):
        result = correct(op, operands)
        moving = [x for x in operands if isinstance(x, Dual)]
        if len(moving) > 1 and isinstance(result, Dual):
            last = [
                x.primal if x is not moving[-1] and isinstance(x, Dual) else x for x in operands
            ]
            return correct(op, last)
        return result

    monkeypatch.setattr(Dual, "__apply__", staticmethod(apply))


def duals_do_not_move(monkeypatch):
    correct = Dual.__apply__

    def apply(op, operands):
        result = correct(op, operands)
        return Dual(result.primal, 0.0 * result.tangent) if isinstance(result, Dual) else result

    monkeypatch.setattr(Dual, "__apply__", staticmethod(apply))


def rates_of_local_derivatives_forgotten(monkeypatch):
    correct = transforms_module._local_rates
    monkeypatch.setattr(
        transforms_module, "_local_rates", lambda *args: [None for _ in correct(*args)]
    )


def forward_mode_with_a_wrong_sign(monkeypatch):
    correct = transforms_module.gated
    monkeypatch.setattr(
        transforms_module, "gated", lambda local, rate, *gate: correct(-local, rate, *gate)
    )


def adjoints_that_are_constants(monkeypatch):
    def detached(order, seeds):
        return {node: number(x) for node, x in adjoints(order, seeds).items()}

    monkeypatch.setattr(transforms_module, "adjoints", detached)


def recorded_edge_with_a_wrong_sign(monkeypatch):
    correct = recording_module.recorded_edges

    def wrong(node):
        found = correct(node)
        return [(x, -local if len(found) > 2 else local, gate) for x, local, gate in found]

    monkeypatch.setattr(recording_module, "recorded_edges", wrong)


FAULTS = [
    sweeping("assign_instead_of_add", lambda _, upstream, slope: upstream * slope),
    parents_as_a_set,
    sweeping("local_derivatives_only", lambda grad, _, slope: grad + slope),
    wrong_order_of_the_sweep,
    sweeping("negative_gradients_stop", lambda grad, up, slope: grad + max(up, 0.0) * slope),
    seed_forgotten_in_the_sweep,
    stale_interior_gradients,
    seed_forgotten_in_backward,
    leaves_forget_earlier_passes,
    seed_forgotten_in_the_recorded_pass,
    edge_dropped,
    branch_not_taken,
    rule_of_dot_without_bias,
    duals_keep_the_last_term,
    duals_do_not_move,
    rates_of_local_derivatives_forgotten,
    forward_mode_with_a_wrong_sign,
    adjoints_that_are_constants,
    recorded_edge_with_a_wrong_sign,
]


@pytest.mark.parametrize("plant", FAULTS, ids=[plant.__name__ for plant in FAULTS])
@pytest.mark.parametrize("seed", range(2))
def test_a_fault_in_the_engine_is_found(plant, seed, monkeypatch):
    assert check_grads(program, POINT, rng=seed) == []
    with monkeypatch.context() as planted:
        plant(planted)
        with pytest.raises(GradientError):
            check_grads(program, POINT, rng=seed)
    assert check_grads(program, POINT, rng=seed) == []


# --- no false alarms -----------------------------------------------------------------------------

SMOOTH = {
    "polynomial": lambda v: v[0] ** 3 - 2 * v[0] * v[1] + v[2],
    "products": lambda v: v[0] * v[1] * v[2] * v[0],
    "constant": lambda _: 3.0,
    "linear": lambda v: dot([1.0, -2.0, 3.0], v, 0.5),
    "quotient": lambda v: v[0] / (1.0 + v[1] ** 2),
    "oscillation": lambda v: sin(5 * v[0]) * cos(v[1]) + v[2],
    "tanh": lambda v: [tanh(x) for x in v],
    "neuron": lambda v: tanh(dot(v, [0.3, -0.2, 0.5], 0.1)) ** 2,
    "cancellation": lambda v: sin(v[0]) ** 2 + cos(v[0]) ** 2 - 1.0,
    "large and small terms": lambda v: (1e8 + v[0]) - 1e8 + 1e-6 * v[1] ** 2,
    "several": lambda v: {"a": v[0] * v[1], "b": (v[2] ** 2, [1.0])},
    "softmax": lambda v: autograd.softmax(v),
    "distance": lambda v: autograd.hypot(v[0], 1.0) + autograd.hypot(v[1], v[2] + 1e4),
    "nothing": lambda _: [],
}


@pytest.mark.parametrize("f", SMOOTH.values(), ids=SMOOTH)
@settings(max_examples=examples(30))
@given(
    x=st.lists(st.floats(-2, 2), min_size=3, max_size=3),
    scale=st.sampled_from([0.0, 1e-12, 1e-6, 1e-3, 1.0, 10.0, 100.0]),
    seed=st.integers(0, 2**32),
)
def test_smooth_functions_pass_at_every_scale(f, x, scale, seed):
    assert check_grads(f, ([value * scale for value in x],), rng=seed) == []


@pytest.mark.parametrize("f", [log, sqrt, lambda x: 1 / x, lambda x: x**-1.5, lambda x: x * log(x)])
@settings(max_examples=examples(100))
@given(exponent=st.floats(-12, 12), seed=st.integers(0, 2**32))
def test_functions_with_a_pole_at_zero_pass_near_it(f, exponent, seed):
    assert check_grads(f, (10.0**exponent,), rng=seed) == []


@pytest.mark.parametrize("f", [relu, abs, lambda x: autograd.elu(x) * x, autograd.leaky_relu])
@settings(max_examples=examples(100))
@given(exponent=st.floats(-6, 2), sign=st.sampled_from([-1.0, 1.0]), seed=st.integers(0, 2**32))
def test_points_near_a_kink_pass(f, exponent, sign, seed):
    assert check_grads(f, (sign * 10.0**exponent,), rng=seed) == []


@settings(max_examples=examples(150))
@given(seed=st.integers(0, 2**32))
def test_random_programs_pass(seed):
    """With kinks and poles in them, which may be named; a gradient of nan is not all right."""
    rng = random.Random(seed)
    rows = random_program(rng, 3, layers=6)
    x = [rng.uniform(-2.0, 2.0) for _ in range(3)]

    def f(v):
        return evaluated(rows, v)[-3:]

    assume(not any(math.isnan(slope) for row in jacobian(f)(x) for slope in row))
    assert isinstance(check_grads(f, (x,), rng=seed), list)


@pytest.mark.parametrize(
    ("name", "xs"),
    [
        (name, tuple([(lo + hi) / 2 for lo, hi in calm]))
        for name, calm in [
            (name, [(max(lo, -2.0) + 0.3, min(hi, 2.5) - 0.1) for lo, hi in row.domain])
            for name, row in TABLE.items()
            if isinstance(row.partials, tuple)
        ]
    ],
)
def test_every_row_of_the_table_passes(name, xs):
    xs = tuple([x + 0.07 * i for i, x in enumerate(xs)])
    assert check_grads(TABLE[name], xs, order=3) == []


def test_structures_numbers_and_arrays_as_arguments():
    def f(x, v, n):
        return x * v["w"][0] + np.sum(v["m"] @ v["m"]) * n

    assert check_grads(f, (2, {"w": (3.0,), "m": np.ones((2, 2))}, np.int64(3))) == []
    assert check_grads(lambda: 3.0, ()) == []
    assert check_grads(lambda x: x * x, (Value(3.0),)) == []


def test_many_variables():
    rng = random.Random(0)
    x = [rng.gauss(0, 1) for _ in range(150)]
    assert check_grads(lambda v: autograd.logsumexp(v) * dot(v[1:], v[:-1]), (x,)) == []
    double = primitive(lambda x: 2 * x, lambda _: 2.1, name="wrong")
    with pytest.raises(GradientError) as caught:
        check_grads(lambda v: autograd.fsum([*v, double(v[77])]), (x,))
    message = str(caught.value)
    assert message.count("args[0][77]") == 1  # of a large table only what is wrong
    assert message.endswith("... and 149 more")


def test_a_large_table_is_cut():
    wrong = primitive(lambda x: 2 * x, lambda _: 2.1, name="wrong")
    with pytest.raises(GradientError) as caught:
        check_grads(lambda v: autograd.fsum(map(wrong, v)), ([1.0] * 25,))
    lines = str(caught.value).splitlines()
    assert len(lines) == 2 + 20 + 1
    assert lines[-1] == "... and 5 more"


def test_third_order():
    assert check_grads(program, POINT, order=3) == []


# --- kinks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "args", "kinks"),
    [
        (relu, (0.0,), ["relu at args[0]=0.0"]),
        (lambda x: relu(x - 3.0), (3.0,), ["relu at 0.0"]),
        (lambda x: relu(x - 3.0), (3.0 + 1e-12,), ["relu at 1.00008890058234"]),
        (lambda v: relu(v["a"][1]), ({"a": (1.0, 0.0)},), ['relu at args[0]["a"][1]=0.0']),
        (lambda x: abs(x) + x, (0.0,), []),  # half the sum of both slopes is that of abs, 0
        (lambda x: autograd.leaky_relu(x, 0.1), (0.0,), ["leaky_relu at args[0]=0.0, 0.1"]),
        (lambda x, y: maximum(x, 2 * y), (2.0, 1.0), []),  # likewise, along any direction
        (lambda x: autograd.clip(x, -1.0, 2.0), (2.0,), ["clip at args[0]=2.0, -1.0, 2.0"]),
        (lambda x: autograd.sign(x) * 3, (0.0,), ["sign at args[0]=0.0"]),
        (lambda x: where(x > 1.0, x, 3 * x), (1.0,), ["where at args[0]=1.0, 3.0"]),
        (
            lambda x: x if x > 1.0 else 3 * x,
            (1.0,),
            ["a branch in Python: the graph is another one nearby"],
        ),
        (lambda x: [abs(x), relu(x)], (0.0,), ["relu at args[0]=0.0"]),  # abs is right
        (sqrt, (0.0,), ["sqrt at args[0]=0.0"]),
        (autograd.cbrt, (0.0,), ["cbrt at args[0]=0.0"]),
        (lambda x: 1 / x, (0.0,), ["/ at 1.0, args[0]=0.0"]),
        (log, (-1.0,), ["log at args[0]=-1.0"]),
        (lambda x: exp(x) * 0.5, (1000.0,), ["exp at args[0]=1000.0"]),
        (lambda x: [x, math.nan], (1.0,), ["f[1] = nan"]),
        (lambda x: tanh(relu(x) * 2.0 + x) ** 2 + relu(x), (0.0,), ["relu at args[0]=0.0"]),
        (
            lambda x, y: relu(x) + relu(y),
            (0.0, 0.0),
            ["relu at args[0]=0.0", "relu at args[1]=0.0"],
        ),
    ],
)
def test_kinks_are_named(f, args, kinks):
    found = check_grads(f, args, order=1)
    assert len(found) == len(kinks)
    for got, want in zip(found, kinks, strict=True):
        assert got.startswith(want)


def test_kinks_of_higher_orders_are_named():
    assert check_grads(lambda x: relu(x) * x, (0.0,), order=1) == []
    assert check_grads(lambda x: relu(x) * x, (0.0,), order=2) == [
        "above at args[0]=0.0, 0.0",
        "relu at args[0]=0.0",
    ]
    assert check_grads(relu, (0.0,)) == ["relu at args[0]=0.0", "above at args[0]=0.0, 0.0"]


def wrong_square():
    return primitive(lambda x: x**2, lambda x: 3 * x, name="wrong")


def test_a_fault_elsewhere_is_found_in_spite_of_a_kink():
    wrong = wrong_square()
    for f, args in [
        (lambda v: relu(v[0]) + wrong(v[1]), ([0.0, 1.0],)),
        (lambda v: [relu(v), wrong(v + 1.0)], (0.0,)),  # the same argument, another result
        (lambda v: {"a": sqrt(v[0]), "b": wrong(v[1])}, ([0.0, 1.0],)),
        (lambda x: relu(x - 1.0) + wrong(x), (3.0,)),  # the kink is not near
        (lambda x: where(x > 1.0, wrong(x), 0.0), (1.5,)),
    ]:
        with pytest.raises(GradientError, match="<-- wrong"):
            check_grads(f, args)


def test_kinks_and_faults_stand_in_one_table():
    wrong = wrong_square()
    with pytest.raises(GradientError) as caught:
        check_grads(lambda v: [relu(v["a"]), wrong(v["b"]) + v["a"]], ({"a": 0.0, "b": 2.0},))
    title, head, *rows = str(caught.value).splitlines()
    assert title == "derivatives of order 1 are wrong"
    assert head.split() == ["derivative", "of", "wrt", "analytic", "numeric", "difference"]
    assert [row.split()[:4] for row in rows] == [
        ["f[0]", 'args[0]["a"]', "0", "0.5"],
        ["f[0]", 'args[0]["b"]', "0", "0"],
        ["f[1]", 'args[0]["a"]', "1", "1"],
        ["f[1]", 'args[0]["b"]', "6", "4"],
    ]
    assert rows[0].endswith('kink: relu at args[0]["a"]=0.0')
    assert rows[3].endswith("<-- wrong")
    assert "<--" not in rows[1] + rows[2]


def test_the_table_names_second_derivatives():
    f = primitive(lambda x, y: x * y**2, lambda x, y: (number(y) ** 2, 2 * x * y), name="wrong")
    with pytest.raises(GradientError) as caught:
        check_grads(f, (3.0, 2.0))
    message = str(caught.value)
    assert message.startswith("derivatives of order 2 are wrong")
    rows = [line.split() for line in message.splitlines()[1:]]
    assert [row[:2] for row in rows if row[-1] == "wrong"] == [["∂/∂args[0]", "args[1]"]]


def test_two_ways_that_differ_are_both_in_the_message(monkeypatch):
    forward_mode_with_a_wrong_sign(monkeypatch)
    with pytest.raises(
        GradientError, match=r"along a random direction forward mode gives -?[\d.]+, and reverse"
    ):
        check_grads(sin, (0.7,))


# --- its own arguments ---------------------------------------------------------------------------


def test_order_says_how_far_it_looks():
    calls = []

    def rule(x):
        calls.append(type(x))
        return 2 * x

    f = primitive(lambda x: x**2, rule, name="own")
    check_grads(f, (0.7,), order=1)
    assert set(calls) == {float}
    check_grads(f, (0.7,), order=2)
    assert set(calls) == {float, Value, Dual}


@pytest.mark.parametrize("order", [0, -1])
def test_order_must_be_positive(order):
    with pytest.raises(ValueError, match=f"order must be at least 1, not {order}"):
        check_grads(sin, (0.7,), order=order)


@pytest.mark.parametrize("args", [0.7, [0.7], np.ones(2)])
def test_args_is_a_tuple(args):
    with pytest.raises(TypeError, match=r"args must be a tuple, such as \(x,\), not a "):
        check_grads(sin, args)


def test_arguments_and_results_are_real_numbers():
    with pytest.raises(TypeError, match=r'args\[1\]\["w"\] must be a real number'):
        check_grads(lambda x, v: x, (1.0, {"w": "a"}))  # noqa: ARG005
    with pytest.raises(TypeError, match=r"the result of .*<lambda> must be a real number"):
        check_grads(lambda x: "a", (1.0,))  # noqa: ARG005


def test_rng_is_a_seed_or_a_generator():
    """The same seed gives the same directions; a generator goes on."""

    def points(rng):
        seen = []

        def f(x):
            seen.append(x.data if isinstance(x, Value) else x)
            return x * x

        check_grads(f, (0.7,), order=1, rng=rng)
        return seen

    assert points(3) == points(3) == points(random.Random(3))
    assert points(3) != points(4)
    generator = random.Random(3)
    assert points(generator) != points(generator)
    assert points(np.random.default_rng(3)) == points(np.random.default_rng(3))


def test_the_global_random_state_is_left_alone():
    random.seed(7)
    state = random.getstate()
    check_grads(program, POINT)
    assert random.getstate() == state


def test_gradients_of_nodes_from_outside_are_left_alone():
    w = Value(3.0)
    inner = w * w
    inner.backward(create_graph=True)
    w.grad = 7.0
    kept = w.grad_value
    check_grads(lambda x: x * w * inner, (2.0,))
    with pytest.raises(GradientError):
        check_grads(lambda x: wrong_square()(x) * w, (2.0,))
    assert (w.grad, w.grad_value, w.data) == (7.0, kept, 3.0)
    v = Value(2.0)
    check_grads(lambda x: x * x, (v,))
    assert (v.grad, v.grad_value) == (0.0, None)


def test_an_error_of_the_function_is_its_own():
    def fails(x):
        if isinstance(x, Value) and x.op:
            raise RuntimeError("my own")
        return x * x

    def changes(v):
        v[0] = 1.0
        return v[1]

    with pytest.raises(RuntimeError, match=r"changes? .*args|copy it first"):
        check_grads(changes, ([1.0, 2.0],))
    with pytest.raises(GradientError, match="derivatives of order 2 are refused: my own"):
        check_grads(fails, (2.0,))
