"""Primitives of a user's own."""

import copy
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import exact

import autograd
from autograd import (
    TraceError,
    Value,
    check_grads,
    cos,
    exp,
    explain,
    grad,
    hessian,
    hvp,
    jvp,
    primitive,
    sin,
    where,
)
from autograd.engine import table as p
from autograd.engine.primitives import OWN, lookup

pytestmark = pytest.mark.usefixtures("own_primitives_forgotten")


def cube():
    return primitive(lambda x: x * x * x, lambda x: 3 * x * x, name="cube")


def module_level_cube(x):
    """x³."""
    return x**3


def nearly(rows):
    return tuple([pytest.approx(row, rel=1e-13, abs=1e-15) for row in rows])


# --- values and derivatives ----------------------------------------------------------------------


def test_one_node_of_the_graph():
    x = Value(2.0)
    y = cube()(x)
    assert (y.data, y.op, y.parents) == (8.0, "cube", (x,))
    assert y.local_derivatives == (12.0,)
    y.backward()
    assert x.grad == 12.0


@pytest.mark.parametrize("x", [2.0, 2, True + 1, np.float64(2.0), np.int64(2), np.array(2.0)])
def test_numbers_give_floats(x):
    result = cube()(x)
    assert result == 8.0
    assert type(result) is float


def test_numbers_of_numpy_stay_numbers():
    """Their `data` is a view of memory, not a float."""
    count = primitive(lambda *xs: float(len(xs)), lambda *xs: (0.0,) * len(xs), name="count")
    assert count(np.float64(1.0), np.float64(2.0)) == 2.0
    assert type(count(np.float64(1.0))) is float
    assert count(np.float64(1.0), Value(2.0)).parents[0].data == 1.0


PARTIALS = {
    "one function per operand": [lambda x, y: y * cos(x), lambda x, _: sin(x)],
    "a tuple of functions": (lambda x, y: y * cos(x), lambda x, _: sin(x)),
    "one function": lambda x, y: (y * cos(x), sin(x)),
    "one function that gives a list": lambda x, y: [y * cos(x), sin(x)],
    "with the result": lambda out, x, y: (y * cos(x), out / y),
    "some with the result": [lambda x, y: y * cos(x), lambda out, _, y: out / y],
    "with defaults": lambda x, y, one=1: (one * y * cos(x), sin(x)),
}


@pytest.mark.parametrize("partials", PARTIALS.values(), ids=PARTIALS)
@given(x=st.floats(-3, 3), y=st.floats(0.5, 3))
def test_partials_of_every_form(partials, x, y):
    f = primitive(lambda x, y: y * math.sin(x), partials, name="wave")
    a, b = Value(x), Value(y)
    f(a, b).backward()
    assert a.grad == pytest.approx(y * math.cos(x), rel=1e-14)
    assert b.grad == pytest.approx(math.sin(x), rel=1e-14, abs=1e-16)
    assert hessian(f, argnums=(0, 1))(x, y) == nearly(
        ((-y * math.sin(x), math.cos(x)), (math.cos(x), 0.0))
    )


@pytest.mark.parametrize("with_result", [False, True])
def test_any_number_of_operands(with_result):
    """√(Σ xᵢ²), with the derivative xᵢ over it."""

    def norm(*xs):
        return math.sqrt(sum(x * x for x in xs))

    def from_result(out, *xs):
        return [x / out for x in xs]

    def without(*xs):
        return tuple([x / autograd.fsum(x * x for x in xs) ** 0.5 for x in xs])

    f = primitive(norm, from_result if with_result else without)
    for n in (1, 2, 5):
        x = [1.0 + i for i in range(n)]
        size = norm(*x)
        assert f(*x) == size
        assert grad(lambda v: f(*v))(x) == pytest.approx([v / size for v in x])
        matrix = np.array(hessian(lambda v: f(*v))(x))
        want = np.eye(n) / size - np.outer(x, x) / size**3
        np.testing.assert_allclose(matrix, want, atol=1e-14)
    assert f(*[Value(1.0)] * 4).op == "norm"


def test_first_operands_and_any_number_more():
    f = primitive(
        lambda scale, *xs: scale * sum(xs),
        lambda out, scale, *xs: (out / scale, *[scale] * len(xs)),
        name="scaled_sum",
    )
    assert grad(f, argnums=(0, 1, 2))(2.0, 3.0, 4.0) == (7.0, 2.0, 2.0)
    with pytest.raises(TypeError, match=r"scaled_sum takes at least 1 operands, not 0"):
        f()


def test_one_operand_several_times_and_numbers_among_nodes():
    f = primitive(lambda x, y, z: x * y * z, lambda x, y, z: (y * z, x * z, x * y), name="volume")
    x = Value(3.0)
    y = f(x, 2, x)
    assert [v.data for v in y.parents] == [3.0, 2.0, 3.0]
    assert y.local_derivatives == (6.0, None, 6.0)
    y.backward()
    assert x.grad == 12.0


@pytest.mark.parametrize("order", range(1, 6))
def test_every_order(order):
    """Of x⁻¹: rules use operators that only Values have a method for."""
    f = primitive(lambda x: 1 / x, lambda x: -1 / x**2, name="inverse")
    derivative = f
    for _ in range(order):
        derivative = grad(derivative)
    want = math.factorial(order) * (-1) ** order / 1.3 ** (order + 1)
    assert derivative(1.3) == pytest.approx(want, rel=1e-13)


RULES = {
    "1 / x": (lambda x: math.log(x), lambda x: 1 / x, lambda x: -1 / x**2),
    "x ** y": (lambda x: 2.0**x, lambda x: math.log(2) * 2**x, lambda x: math.log(2) ** 2 * 2**x),
    "abs": (lambda x: x * abs(x) / 2, lambda x: abs(x), lambda x: math.copysign(1.0, x)),
    "signs": (lambda x: x**2, lambda x: (+x) - (-x), lambda _: 2.0),
    "an int": (lambda x: 3 * x, lambda _: 3, lambda _: 0.0),
    "a NumPy number": (lambda x: 3 * x, lambda _: np.float64(3.0), lambda _: 0.0),
    "NumPy functions": (np.sin, lambda x: np.cos(x), lambda x: -math.sin(x)),
    "a NumPy factor": (
        lambda x: x**2,
        lambda x: np.float64(2.0) * x,
        lambda _: 2.0,
    ),
    "comparisons": (
        lambda x: x * x if x > 0 else 0.0,
        lambda x: 2 * x if x > 0 and not x <= 0 and x >= 0 and not x < 0 else 0.0,
        lambda x: 2.0 if x > 0 else 0.0,
    ),
    "where": (
        lambda x: max(x, 0.0) ** 2,
        lambda x: where(x > 0, 2 * x, 0.0),
        lambda x: 2.0 if x > 0 else 0.0,
    ),
    "functions of many": (
        lambda x: x**2 + x,
        lambda x: autograd.fsum([x, x, 1]) * autograd.mean([1, x / x]),
        lambda _: 2.0,
    ),
    "its own result": (math.exp, lambda out, x: out + 0 * x, math.exp),
    "another primitive of one's own": (
        lambda x: x**4,
        lambda x: 4 * primitive(lambda x: x**3, lambda x: 3 * x**2, name="inner")(x),
        lambda x: 12 * x**2,
    ),
}


@pytest.mark.parametrize(("forward", "rule", "second"), RULES.values(), ids=RULES)
@pytest.mark.parametrize("x", [1.3, 0.4])
def test_rules_may_use_whatever_serves_floats_and_nodes(forward, rule, second, x):
    f = primitive(forward, rule, name="own")
    want = pytest.approx(second(x), rel=1e-13, abs=1e-15)
    assert hvp(f, x, 1.0) == want  # dual numbers
    assert grad(grad(f))(x) == want  # nodes
    assert jvp(grad(f), (x,), (1.0,))[1] == want
    np.testing.assert_allclose(  # dual numbers with many tangents
        hessian(lambda v: f(v[0]) * v[1])([x, 2.0]),
        [[2 * second(x), rule_at(rule, forward, x)], [rule_at(rule, forward, x), 0.0]],
        rtol=1e-13,
        atol=1e-15,
    )
    check_grads(lambda x: f(x) * f(2 * x), (x,))


def rule_at(rule, forward, x):
    return rule(forward(x), x) if rule.__code__.co_argcount == 2 else rule(x)


def test_rules_of_math_serve_the_first_order_and_refuse_the_second():
    f = primitive(math.sin, lambda x: math.cos(x), name="my_sin")
    assert grad(f)(0.3) == math.cos(0.3)
    assert jvp(f, (0.3,), (1.0,)) == (math.sin(0.3), math.cos(0.3))
    assert check_grads(f, (0.3,), order=1) == []
    for second in (grad(grad(f)), hessian(f), lambda x: hvp(f, x, 1.0)):
        with pytest.raises(TypeError, match=r"autograd"):
            second(0.3)


@given(x=st.one_of(st.floats(-4, -0.1), st.floats(0.1, 4)))
def test_against_mpmath(x):
    """The sine integral, Si'(x) = sin(x)/x."""
    f = primitive(lambda x: float(exact.si(x)), lambda x: sin(x) / x, name="Si")
    for order, derivative in enumerate((f, grad(f), grad(grad(f)), hessian(grad(f)))):
        want = float(exact.diff(exact.si, exact.mpf(x), order))
        assert derivative(x) == pytest.approx(want, rel=1e-12, abs=1e-12)


# --- arrays and the compiler ---------------------------------------------------------------------

FORWARDS = {
    "array-capable": lambda x, y: x * y + x,
    "of math": lambda x, y: math.fma(x, y, x) if hasattr(math, "fma") else math.fsum([x * y, x]),
    "with a branch": lambda x, y: x * y + x if x > 1e9 else x + x * y,
    "that adds up": lambda x, y: float(np.sum([x * y, x])),
    "that gives a sum": lambda x, y: np.sum(x * y + x),
    "that gives an int for floats": lambda x, y: int(x * y + x) if x * y % 1 == 0 else x * y + x,
}


@pytest.mark.parametrize("forward", FORWARDS.values(), ids=FORWARDS)
def test_arrays_go_through_as_a_whole_or_element_by_element(forward):
    f = primitive(forward, lambda x, y: (y + 1, x), name="own")
    x, y = np.array([[1.0, 2.0, 3.0]]), np.array([[2.0], [4.0]])
    for left, right in [(x, y), (x, 2.0), (2, y), (x, np.float64(2.0)), (x[0, :1], y[0])]:
        result = f(left, right)
        np.testing.assert_array_equal(result, left * right + left)
        assert result.dtype == np.float64
    assert f(np.array([1, 2]), 3).tolist() == [4.0, 8.0]
    assert f(np.zeros((0, 2)), 1.0).shape == (0, 2)


def test_object_arrays_hold_nodes():
    x = np.array([Value(1.0), Value(2.0)])
    y = cube()(x)
    assert y.dtype == object
    np.sum(y).backward()
    assert [v.grad for v in x] == [3.0, 12.0]


def test_values_on_arrays_are_quiet_at_poles():
    f = primitive(lambda x: 1 / x, lambda x: -1 / x**2, name="inverse")
    assert f(np.array([2.0, 0.0])).tolist() == [0.5, math.inf]


@pytest.mark.parametrize("forward", FORWARDS.values(), ids=FORWARDS)
def test_compiled(forward):
    f = primitive(forward, lambda x, y: (y + 1, x), name="own")
    compiled = autograd.compile(lambda x, y: f(x, y) * 2, in_axes=(0, None), argnums=(0, 1))
    x = np.array([1.0, 2.0, 3.0])
    value, (by_x, by_y) = compiled.value_and_grad(x, 4.0)
    np.testing.assert_allclose(value, 10 * x)
    np.testing.assert_allclose(by_x, [10.0] * 3)
    np.testing.assert_allclose(by_y, 2 * x)


@pytest.mark.parametrize(
    "rule", [lambda x: -1 / x**2, lambda out, x: -out / x, lambda out, _: -(out**2)]
)
def test_compiled_derivatives(rule):
    f = primitive(lambda x: 1 / x, rule, name="inverse")
    x = np.array([1.0, 2.0, -4.0])
    compiled = autograd.compile(lambda x: f(x) * x**2, in_axes=0)
    np.testing.assert_allclose(compiled.grad(x), np.ones(3), rtol=1e-15)
    second = autograd.compile(grad(grad(f)), in_axes=0)
    np.testing.assert_allclose(second(x), 2 / x**3, rtol=1e-14)


def test_compiling_a_rule_that_asks_for_a_value():
    f = primitive(lambda x: max(x, 0.0), lambda x: 1.0 if x > 0 else 0.0, name="ramp")
    with pytest.raises(TraceError, match="where"):
        autograd.compile(grad(f), in_axes=0)(np.ones(2))


@pytest.mark.parametrize(
    "rule",
    [
        lambda x: where(x == 0.0, 7.0 * exp(x), exp(x)),
        lambda x: where(0.0 == x, 7.0 * exp(x), exp(x)),  # noqa: SIM300
        lambda x: where(x != 0.0, exp(x), 7.0 * exp(x)),
    ],
)
def test_rules_that_compare_for_equality(rule):
    f = primitive(math.exp, rule, name="stepped")
    compiled = autograd.compile(lambda x: f(x), in_axes=0)
    for x, want in ((0.0, 7.0), (1.0, math.e)):
        assert grad(f)(x) == compiled.grad([x])[0] == want
        # on dual numbers, and on symbols of a second trace
        assert hessian(f)(x) == autograd.compile(grad(grad(f)))(x) == want
    for x, formula in ((0.0, "= 7 · exp(x) = 7"), (1.0, "= exp(x) = 2.718")):
        leaf = Value(x, "x")
        assert formula in str(explain(f(leaf), leaf))


def test_dual_numbers_have_no_hash():
    f = primitive(lambda x: x, lambda x: {0.0: 1.0}.get(x, x), name="looked_up")
    with pytest.raises(TypeError, match="unhashable type: 'Dual'"):
        hessian(f)(2.0)


# --- pictures, copies, pickles -------------------------------------------------------------------


def test_name_and_documentation_are_those_of_the_function():
    f = primitive(module_level_cube, lambda x: 3 * x * x)
    assert (f.__name__, f.__doc__) == ("module_level_cube", "x³.")
    assert f(Value(2.0)).op == "module_level_cube"
    g = primitive(module_level_cube, lambda x: 3 * x * x, name="g")
    assert (g.__name__, g.__qualname__, g(Value(1.0)).op) == ("g", "g", "g")


def test_a_forward_without_a_name_or_a_signature():
    class Double:
        def __call__(self, x):
            return 2 * x

    f = primitive(Double(), lambda _: 2.0)
    assert f(Value(3.0)).op == "primitive"
    f = primitive(max, lambda x, y: (where(x > y, 1.0, 0.0), where(x > y, 0.0, 1.0)), name="larger")
    assert grad(f, (0, 1))(3.0, 2.0) == (1.0, 0.0)


def test_copied_and_pickled():
    x = Value(2.0, "x")
    y = cube()(x) * 2
    for again in (copy.deepcopy(y), pickle.loads(pickle.dumps(y))):
        inner, _ = again.parents
        (leaf,) = inner.parents
        assert (again.data, inner.op, leaf.name) == (16.0, "cube", "x")
        again.backward(create_graph=True)
        leaf.grad_value.backward()
        assert leaf.grad == 24.0 + 24.0


def test_a_pickle_needs_the_primitive(run_python):
    code = """
import pickle, sys
from autograd import Value, primitive
if sys.argv[2] == "defined":
    primitive(lambda x: x * x * x, lambda x: 3 * x * x, name="cube")
try:
    y = pickle.loads(bytes.fromhex(sys.argv[1]))
    y.backward()
    print(y.parents[0].grad)
except LookupError as error:
    print(error)
"""
    blob = pickle.dumps(cube()(Value(2.0))).hex()
    assert run_python(code, blob, "defined").strip() == "12.0"
    assert "no primitive is called 'cube'" in run_python(code, blob, "missing")


def test_a_name_that_means_another_primitive_by_now_is_not_pickled():
    y = primitive(lambda x: 2 * x, lambda _: 2.0, name="scale")(Value(1.0))
    z = primitive(lambda x: 3 * x, lambda _: 3.0, name="scale")(Value(1.0))
    pickle.dumps(z)
    with pytest.raises(pickle.PicklingError, match=r"another primitive has been called 'scale'"):
        pickle.dumps(y)
    assert (y.data, grad(lambda _: y)(1.0)) == (2.0, 0.0)


def test_primitives_with_the_same_name_are_two():
    """As in a notebook whose cell is run again: what is there keeps its own rule."""
    double = primitive(lambda x: 2 * x, lambda _: 2.0, name="scale")
    triple = primitive(lambda x: 3 * x, lambda _: 3.0, name="scale")
    assert (grad(double)(1.0), grad(triple)(1.0)) == (2.0, 3.0)
    assert lookup("scale").forward(1.0) == 3.0


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tanh", "+", "dot", "where"])
def test_names_of_the_engine_are_taken(name):
    with pytest.raises(ValueError, match="is a primitive of the engine's own: choose another name"):
        primitive(lambda x: x, lambda _: 1.0, name=name)
    assert p.tanh is lookup("tanh")


@pytest.mark.parametrize(
    ("forward", "partials", "message"),
    [
        (3.0, lambda _: 1.0, r"forward must be a function, not 3\.0"),
        (lambda x: x, 1.0, r"partials must be a function, not 1\.0"),
        (lambda x: x, [1.0], r"partials must be a function, not 1\.0"),
        (lambda x: x, None, r"partials must be a function, not None"),
    ],
)
def test_what_is_no_function(forward, partials, message):
    with pytest.raises(TypeError, match=message):
        primitive(forward, partials, name="own")
    assert "own" not in OWN


def test_wrong_number_of_operands():
    f = cube()
    for operands in ((), (1.0, 2.0), (Value(1.0), 2.0)):
        with pytest.raises(TypeError, match=rf"cube takes 1 operands, not {len(operands)}"):
            f(*operands)


@pytest.mark.parametrize(
    ("partials", "count"),
    [
        (lambda x, y: (y,), 1),  # noqa: ARG005 - operands all the same
        (lambda x, y: (y, x, 1.0), 3),
        (lambda x, y: y, 1),  # noqa: ARG005
        ([lambda x, y: y], 1),  # noqa: ARG005
        ([], 0),
        (lambda x, y: (), 0),  # noqa: ARG005
        ([lambda x, y: (y, x), lambda x, y: 1.0, lambda x, y: 1.0], 3),  # noqa: ARG005
    ],
)
def test_wrong_number_of_partial_derivatives(partials, count):
    f = primitive(lambda x, y: x * y, partials, name="own")
    assert f(2.0, 3.0) == 6.0
    message = rf"the primitive 'own' has 2 operands, but {count} partial derivatives: give one for"
    with pytest.raises(TypeError, match=message):
        f(Value(2.0), 3.0)


@pytest.mark.parametrize("result", ["text", None, 1j, [1.0], Value(1.0), (1.0,)])
def test_a_value_that_is_no_real_number(result):
    f = primitive(lambda _: result, lambda _: 1.0, name="own")
    for x in (2.0, Value(2.0), np.array([1.0])):
        with pytest.raises(TypeError, match=r"must be a real number, not the"):
            f(x)
    with pytest.raises(TypeError, match=r"the value of the primitive 'own' must be a real number"):
        f(2.0)


@pytest.mark.parametrize("slope", ["text", None, 1j, Value(1.0), np.ones(2)])
def test_a_partial_derivative_that_is_no_real_number(slope):
    f = primitive(lambda x, y: x + y, lambda *_: (1.0, slope), name="own")
    with pytest.raises(
        TypeError, match=r"partial derivative 1 of the primitive 'own' must be a real number"
    ):
        f(Value(1.0), Value(2.0))


@pytest.mark.parametrize("slope", [math.nan, math.inf, -math.inf])
def test_a_partial_derivative_that_is_not_finite(slope):
    f = primitive(lambda x, y: x + y, lambda *_: (1.0, slope), name="own")
    message = rf"partial derivative 1 of the primitive 'own' is {slope} at 1\.0, 2\.0, where its "
    with pytest.raises(ValueError, match=message + r"value is 3\.0: check the formula"):
        f(Value(1.0), 2.0)


def test_only_the_first_partial_derivatives_must_be_finite():
    """A formula that was right once may well have a pole."""
    f = primitive(lambda x: math.sqrt(x), lambda out: 0.5 / out, name="root")
    g = primitive(math.sqrt, lambda x: 0.5 * x**-0.5 if x else math.inf, name="my_root")
    with pytest.raises(ValueError, match="is inf at 0"):
        g(Value(0.0))
    assert grad(g)(4.0) == 0.25
    assert grad(g)(0.0) == math.inf
    assert f(Value(4.0)).local_derivatives == (0.125,)  # one parameter: the operand


def test_where_nothing_is_finite_nothing_is_checked():
    f = primitive(lambda x: x * x, lambda x: x * math.nan, name="own")
    assert math.isnan(grad(f)(math.inf))
    with pytest.raises(ValueError, match=r"is nan at 1\.0"):
        grad(f)(1.0)


def test_an_error_of_the_function_is_its_own():
    f = primitive(math.log, lambda x: 1 / x, name="my_log")
    for x in (-1.0, Value(-1.0), np.array([1.0, -1.0])):
        with pytest.raises(ValueError, match=r"domain|positive"):
            f(x)
