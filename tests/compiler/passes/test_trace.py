"""What a function may do while it is traced, and what it is told if it may not."""

import math
from decimal import Decimal

import numpy as np
import pytest

import autograd as ag
from autograd import TraceError, Value
from autograd.compiler.passes.trace import Trace
from autograd.engine import table as p


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda v: v if v > 0 else -v, r"truth of a comparison .* use where\(.*\) or maximum"),
        (lambda v: max(v, 0.0), "truth of a comparison"),
        (lambda v: ag.where(v > 0 and v < 1, v, 0.0), "truth of a comparison .* & for `and`"),
        (lambda v: np.max(np.array([v, v])), "truth of a comparison"),
        (lambda v: v or 1.0, r"truth of v .* or fix a setting .* functools\.partial"),
        (lambda v: 1.0 if v == 1 else v * 0, r"truth of a comparison .* use where\(v == 1, x, y\)"),
        (lambda v: 1.0 if v != 0 else v, r"truth of a comparison .* use where\(v != 1, x, y\)"),
        (lambda v: 1.0 if 1.0 == v else v, "truth of a comparison"),  # noqa: SIM300
        (lambda v: 1.0 if np.float64(1.0) != v else v, "truth of a comparison"),
        (lambda v: 1.0 if v == 2 * v else v, "truth of a comparison"),
        (lambda v: 1.0 if v in (1.0, 2.0) else v, "truth of a comparison"),
        (lambda v: [0.0, 1.0, 2.0].index(v), "truth of a comparison"),
        (lambda v: np.array([v, v]) == 1.0, "truth of a comparison"),
        (lambda v: {0.0: 1.0, 1.0: 10.0}.get(v), r"v as a key .* as in where\(v == 1, x, y\)"),
        (lambda v: {Value(2.0): 1.0}.get(v), "v as a key or an element of a set"),
        (lambda v: {v, 2.0}, "v as a key or an element of a set .* by their id"),
        (lambda v: float(v), r"float\(v\) .* such as autograd.exp"),
        (lambda v: math.exp(v), r"float\(v\) .* such as autograd.exp"),
        (lambda v: int(v), r"int\(v\) .* compute with the node itself"),
        (lambda v: round(v), r"round\(v\) .* compute with the node itself"),
        (lambda v: sum(v for _ in range(v)), r"v as an index or a length .* functools\.partial"),
        (lambda v: [1.0, 2.0][v], "v as an index or a length"),
        (lambda v: v.data, "v.data .* compute with the node itself"),
        (lambda v: setattr(v, "data", 1.0), "v.data .* compute with the node itself"),
        (lambda v: v.item(), r"v.item\(\) .* compute with the node itself"),
        (lambda v: v.grad, "v.grad .* use autograd.grad inside the function"),
        (lambda v: ag.zero_grad([v]), "v.grad .* use autograd.grad inside the function"),
        (lambda v: (v * v).parents, "v.parents .* print or draw the compiled function"),
        (lambda v: v.local_derivatives, "v.local_derivatives .* print or draw the compiled"),
        (lambda v: v.backward(), r"v.backward\(\) .* use autograd.grad inside the function"),
        (lambda v: (v > 0) * v, r"\* is applied to a comparison, which .* only `where` takes"),
        (lambda v: ag.exp(v > 0), "exp is applied to a comparison"),
        (lambda v: ag.where(v, v, 0.0), "where needs a comparison, such as v > 0"),
        (lambda v: [v > 0], r"a comparison as a result .* return where\(condition, 1.0, 0.0\)"),
    ],
)
def test_what_a_trace_cannot_answer_names_the_line_and_the_remedy(f, message):
    line = f.__code__.co_firstlineno
    with pytest.raises(TraceError, match=message) as caught:
        ag.compile(f)(2.0)
    if "result" not in message:  # which is seen when the function has returned
        assert f"test_trace.py:{line} in" in str(caught.value)


def test_conditions_are_combined_as_bools_are():
    def f(x, y):
        both, either = (x > 1) & (x < y), (x < 1) | (y == 2)
        one = both ^ either, True ^ both, either ^ False
        several = both, either, True & both | (y > 3), False | either, *one
        return [ag.where(c, x, -y) for c in several]

    x, y = [0.0, 1.5, 2.0, 1.5], [2.0, 2.0, 3.0, 4.0]
    compiled = ag.compile(f, in_axes=0)
    assert np.array(compiled(x, y)).T.tolist() == [f(a, b) for a, b in zip(x, y, strict=True)]
    slopes = ag.compile(lambda x, y: sum(f(x, y)), in_axes=0, argnums=(0, 1)).grad(x, y)
    assert np.array(slopes).T.tolist() == [[5, -2], [5, -2], [3, -4], [3, -4]]


def test_the_contrary_of_conditions_on_arrays():
    def f(x):
        return ag.where(~(x > 0), x, 3.0 * x).sum()

    x = np.array([-1.0, 0.0, 2.0])
    assert ag.compile(f).grad(x).tolist() == ag.grad(f)(x).tolist() == [1.0, 1.0, 3.0]


def test_equality_is_a_condition():
    @ag.compile(in_axes=(None, 0))
    def chosen(w, t):
        return sum(ag.where(t == k, w[k], 0.0) for k in range(3))

    w, t = [5.0, 6.0, 7.0], [0, 1, 2]
    assert chosen(w, t).tolist() == w
    assert "equal(" in chosen.code
    assert np.array(chosen.grad(w, t)).tolist() == np.eye(3).tolist()
    assert [chosen.__wrapped__(w, k) for k in t] == w  # the same code on numbers


@pytest.mark.parametrize("one", [1, 1.0, True, np.float64(1), np.float32(1), np.array(1.0)])
def test_equality_with_numbers_of_every_kind_on_either_side(one):
    def f(t):
        picked = [t == one, one == t, t != one, one != t]
        return [ag.where(condition, 3.0 * t, -t) for condition in picked]

    compiled = ag.compile(f, in_axes=0)
    assert np.array(compiled([1.0, 2.0, math.nan])).T[:2].tolist() == [
        [3, 3, -1, -1],
        [-2, -2, 6, 6],
    ]


def test_equality_of_two_variables_and_of_one_with_a_value_from_outside():
    w = Value(2.0)
    f = ag.compile(lambda a, b: [ag.where(a == b, 1.0, 0.0), ag.where(w == a, 1.0, 0.0)])
    assert [f(2.0, 2.0), f(3.0, 3.0), f(2.0, 3.0)] == [[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]]
    w.data = 3.0
    assert f(2.0, 3.0) == [0.0, 0.0]


@pytest.mark.parametrize("other", [None, "a", b"a", [1.0], object()])
def test_what_is_no_number_equals_no_variable(other):
    f = ag.compile(lambda x: x if x == other or not x != other else 2 * x)  # noqa: SIM202
    assert f(1.0) == 2.0


@pytest.mark.parametrize("other", [1j, Decimal(1)])
def test_numbers_that_are_not_real_are_refused(other):
    with pytest.raises(TypeError, match="operand of == must be a real number"):
        ag.compile(lambda x: ag.where(x == other, x, 0.0))(1.0)


def test_derivatives_through_equality():
    def f(x):
        return ag.where(x == 2.0, x**3, x * x)

    for order, want in ((ag.grad, [2.0, 12.0]), (ag.hessian, [2.0, 12.0])):
        assert ag.compile(order(f), in_axes=0)([1.0, 2.0]).tolist() == want


def test_sweeps_over_a_trace_ask_no_variable_for_equality_or_a_hash():
    def f(v):
        return [v[0] * v[1], ag.where(v[0] != 1.0, v[1] ** 2, v[0]), v[0]]

    v = [2.0, 3.0]
    assert ag.compile(ag.jacobian(f))(v) == [[3.0, 2.0], [0.0, 6.0], [1.0, 0.0]]
    assert ag.compile(ag.hessian(lambda u: sum(f(u))))(v) == [[0.0, 1.0], [1.0, 2.0]]
    assert ag.compile(lambda u: ag.jvp(f, (u,), ([1.0, 0.0],))[1])(v) == [3.0, 0.0, 1.0]


def test_two_traces_do_not_mix():
    def outer(x):
        return ag.compile(lambda y: x * y)(3.0)

    with pytest.raises(TraceError, match=r"\* mixes variables of two functions .*test_trace.py"):
        ag.compile(outer)(2.0)


def test_numpy_functions_and_broadcasts_work():
    f = ag.compile(lambda x: [np.exp(x[0]), np.maximum(x[1], 0.0), (np.float64(2) * x[2])])
    assert f([0.0, -1.0, 4.0]) == [1.0, 0.0, 8.0]


def test_constant_conditions_choose_while_tracing():
    assert ag.compile(lambda x: ag.where(True, x, x / 0.0)).value_and_grad(2.0) == (2.0, 1.0)


def test_a_constant_inside_a_derivative_that_a_rule_compares():
    f = ag.compile(lambda x: x * ag.grad(lambda t: ag.where(t > 0, 2 * t, -t))(3.0))
    assert f.value_and_grad(5.0) == (10.0, 2.0)


@pytest.mark.parametrize(
    "op",
    [
        lambda x: x * x,
        lambda x: x + x * x,
        lambda x: 2 * x - 1.0,
        lambda x: sum(a * x for a in (x, x)),
        lambda x: (np.array([[x, 2.0]]) @ np.array([x, x]))[0],
        lambda x: ag.where(x > 0, ag.exp(x), x),
        lambda x: ag.where(True, x, 0.0),
        ag.grad(lambda y: y**3),
        ag.hessian(lambda y: y**3),
        ag.compile(lambda y: y**3),
    ],
)
@pytest.mark.parametrize("before", [False, True])
def test_no_grad_inside_detaches(op, before):
    """It does so as in the engine, also what is there already."""

    def f(x):
        y = op(x) if before else x
        with ag.no_grad():
            z = op(x)
        return y * z

    assert ag.compile(f).grad(3.0) == ag.grad(f)(3.0)
    assert ag.compile(ag.grad(f))(3.0) == ag.grad(f)(3.0)


@pytest.mark.parametrize(
    "op",
    [lambda w: 3.0 * w, lambda w: ag.where(True, 3.0 * w, w), lambda w: w.detach() * 3.0],
)
def test_what_no_grad_computes_of_outer_nodes_is_computed_anew_at_each_call(op):
    w = Value(2.0)

    def f(x):
        with ag.no_grad():
            y = op(w)
        return x * y

    compiled = ag.compile(f)
    assert compiled.value_and_grad(1.0) == (6.0, 6.0)
    w.data = 5.0
    assert compiled.value_and_grad(1.0) == (15.0, 15.0)


def test_no_grad_around_a_first_call_does_not_matter():
    f = ag.compile(lambda x: x * x + ag.exp(x) * x)
    with ag.no_grad():
        slope = f.grad(2.0)
    assert slope == f.grad(2.0) == ag.compile(f.__wrapped__).grad(2.0) > 4.0


def test_no_grad_inside_detaches_arrays():
    def f(W, x):
        with ag.no_grad():
            y = ag.where(np.array([True, False, True]), W @ x, W[:, 0])
        return y @ (W @ x)

    args = np.ones((3, 2)), np.array([1.0, 2.0])
    assert np.array_equal(ag.compile(f).grad(*args), ag.grad(f)(*args))


def test_detach_passes_no_gradient_on():
    f = ag.compile(lambda x: x.detach() * x)
    assert f.value_and_grad(3.0) == (9.0, 3.0)
    assert ag.compile(ag.hessian(lambda x: x.detach() * x))(3.0) == 0.0


def test_names_and_formats_do_not_ask_for_the_number():
    seen = []

    def f(x):
        seen.append((f"{x:.3f}", repr(ag.exp(x)), x.op))
        return x

    ag.compile(f)(1.0)
    assert seen == [("Tracer(input, row=0)", "Tracer(exp, row=1)", "")]


def test_equal_rows_are_one_and_unequal_ones_are_not():
    trace = Trace()
    x = trace.tracer(trace.input())
    assert (x + 1.0).row == (x + 1).row != (1.0 + x).row
    assert (x + 0.0).row != (x + (-0.0)).row
    assert p.add(x, float(x.row)).row != (x + x).row  # row 0 is not the constant 0.0
    assert (x * math.nan).row == (x * math.nan).row


def test_a_captured_value_is_one_input():
    trace, w = Trace(), Value(2.0)
    x = trace.tracer(trace.input())
    y = x * w + w
    assert list(trace.captured) == [w]
    assert [op and op.name for op in trace.ops] == [None, None, "*", "+"]
    assert y.__node__().__edges__()[1] is trace.node(trace.captured[w])
