"""grad, value_and_grad, jacobian, hessian, hvp, jvp and vjp, against closed forms and mpmath."""

import copy
import functools
import gc
import math
import random
import threading
from collections import OrderedDict, namedtuple
from decimal import Decimal
from itertools import pairwise

import graphs
import numpy as np
import pytest
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import ORACLES, ROWS, exact
from random_programs import evaluated, random_program, size_of_terms

import autograd
from autograd import (
    AnomalyError,
    MistakeWarning,
    Value,
    cos,
    detect_anomaly,
    dot,
    exp,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    log,
    maximum,
    no_grad,
    relu,
    sin,
    sqrt,
    value_and_grad,
    vjp,
    where,
)
from autograd.engine.backward import sweep
from autograd.transforms import derivatives as transforms

Point = namedtuple("Point", "x y")


def close(want, rel=1e-13):
    return pytest.approx(want, rel=rel, abs=0.0)


same_structure = functools.partial(graphs.same_structure, rel=1e-13)


def constant(result):
    def f(_):
        return result

    return f


# Every transform as a function of f that gives a derivative of order 1 at a number.
FIRST = {
    "grad": lambda f: grad(f),
    "value_and_grad": lambda f: lambda x: value_and_grad(f)(x)[1],
    "jacobian": lambda f: jacobian(f),
    "jvp": lambda f: lambda x: jvp(f, (x,), (1.0,))[1],
    "vjp": lambda f: lambda x: vjp(f, x)[1](1.0)[0],
}
SECOND = {"hessian": lambda f: hessian(f), "hvp": lambda f: lambda x: hvp(f, x, 1.0)}


@pytest.fixture(params=FIRST)
def first(request):
    return FIRST[request.param]


@pytest.fixture(params=SECOND)
def second(request):
    return SECOND[request.param]


# --- structures, in kind -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "args", "want"),
    [
        (lambda x: x**3, (2.0,), 12.0),
        (lambda x: x**3, (2,), 12.0),
        (lambda x: x**3, (np.float64(2.0),), 12.0),
        (lambda x: x**3, (np.array(2.0),), 12.0),
        (lambda v: v[0] * v[1], ([2.0, 5],), [5.0, 2.0]),
        (lambda v: v[0] * v[1], ((2.0, 5),), (5.0, 2.0)),
        (lambda v: v.x * v.y, (Point(2.0, 5),), Point(5.0, 2.0)),
        (lambda v: v["a"] * v["b"], ({"b": 2.0, "a": 5},), {"b": 5.0, "a": 2.0}),
        (lambda v: v[3] * v[(1, 2)], ({3: 2.0, (1, 2): 5.0},), {3: 5.0, (1, 2): 2.0}),
        (
            lambda v: v["w"][0][1] * v["w"][1][0] ** 2 + v["b"][0].y,
            ({"w": [[1.0, 2.0], (3.0,)], "b": (Point(1, 2),)},),
            {"w": [[0.0, 9.0], (12.0,)], "b": (Point(0.0, 1.0),)},
        ),
        (lambda v: v[0] * v[1], (np.array([2.0, 5.0]),), np.array([5.0, 2.0])),
        (lambda v: v[0] * v[1], (np.array([2, 5]),), np.array([5.0, 2.0])),
        (
            lambda v: (v @ v)[0, 1],
            (np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32),),
            np.array([[2.0, 5.0], [0.0, 2.0]]),
        ),
        (
            lambda v: sum(v["x"]) * v["k"],
            ({"x": np.array([1.0, 2.0]), "k": np.float64(3)},),
            {"x": np.array([3.0, 3.0]), "k": 3.0},
        ),
        (lambda v: np.sum(v), (np.ones((2, 3))[:, ::2],), np.ones((2, 2))),
        (constant(3.0), ([],), []),
        (constant(3.0), ({},), {}),
        (constant(3.0), ((),), ()),
        (constant(3.0), ({"a": [], "b": ((), {})},), {"a": [], "b": ((), {})}),
        (constant(3.0), (np.zeros((0, 2)),), np.zeros((0, 2))),
    ],
)
def test_gradient_has_the_structure_of_the_argument(f, args, want):
    before = copy.deepcopy(args)
    same_structure(grad(f)(*args), want)
    value, gradient = value_and_grad(f)(*args)
    same_structure(gradient, want)
    assert type(value) is float
    same_structure(vjp(f, *args)[1](1.0), (want,))
    same_structure(jacobian(f)(*args), want)
    same_structure(args, before)


def test_an_ordered_dict_comes_back_as_a_dict_in_its_order():
    got = grad(lambda v: v["b"] ** 2 + v["a"])(OrderedDict(b=3.0, a=1.0))
    assert list(got.items()) == [("b", 6.0), ("a", 1.0)]


def test_results_may_have_any_structure():
    def f(x, y):
        return {"sum": x + y, "rest": [x * y, (y, 1), np.array([x, 2.0])]}

    value, rate = jvp(f, (2.0, 5.0), (1.0, 0.0))
    same_structure(value, {"sum": 7.0, "rest": [10.0, (5.0, 1.0), np.array([2.0, 2.0])]})
    same_structure(rate, {"sum": 1.0, "rest": [5.0, (0.0, 0.0), np.array([1.0, 0.0])]})
    value_again, pullback = vjp(f, 2.0, 5.0)
    same_structure(value_again, value)
    weights = {"sum": 1.0, "rest": [10, (100.0, 7.0), np.array([1000.0, 7.0])]}
    assert pullback(weights) == (1051.0, 121.0)
    jac = jacobian(f, argnums=(0, 1))(2.0, 5.0)
    same_structure(jac["rest"][0], (5.0, 2.0))
    same_structure(jac["rest"][2], (np.array([1.0, 0.0]), np.array([0.0, 0.0])))


def test_jacobian_of_arrays_by_arrays_has_the_joint_shape():
    def f(v):
        return {"a": v["m"] @ v["x"], "b": v["x"][0] * 2, "c": [v["m"][1, 2]]}

    m, x = np.arange(6.0).reshape(2, 3), np.array([1.0, -2.0, 3.0])
    jac = jacobian(f)({"m": m, "x": x})
    np.testing.assert_array_equal(jac["a"]["m"], np.einsum("ij,k->ijk", np.eye(2), x))
    np.testing.assert_array_equal(jac["a"]["x"], m)
    np.testing.assert_array_equal(jac["b"]["x"], [2.0, 0.0, 0.0])
    np.testing.assert_array_equal(jac["c"][0]["m"], [[0, 0, 0], [0, 0, 1]])
    assert {block.dtype for block in (*jac["a"].values(), *jac["b"].values())} == {
        np.dtype("float64")
    }


def test_jacobian_backward_and_forward_give_the_same():
    """Wide ones are made of backward sweeps, tall ones of forward sweeps."""

    def f(v):
        return [v[0] * v[1], sin(v[0]), v[1] ** 3]

    tall = jacobian(f)([2.0, 5.0])
    assert tall == [[5.0, 2.0], [close(math.cos(2.0)), 0.0], [0.0, 75.0]]
    wide = [jacobian(lambda v, i=i: [f(v)[i]])([2.0, 5.0])[0] for i in range(3)]
    assert wide == [close(row) for row in tall]


def test_jacobian_without_inputs_or_outputs():
    assert jacobian(constant([]))([1.0, 2.0]) == []
    assert jacobian(constant([1.0, 2.0]))([]) == [[], []]
    assert jacobian(constant(np.zeros(0)))([1.0])[0].shape == (0,)
    assert jacobian(constant(np.ones(2)))(np.zeros((0, 3))).shape == (2, 0, 3)


def test_hessian_structures():
    def f(v):
        return v["a"] ** 2 * v["b"][0] + v["b"][1] ** 3

    got = hessian(f)({"a": 3.0, "b": (2.0, 5.0)})
    assert got == {
        "a": {"a": 4.0, "b": (6.0, 0.0)},
        "b": ({"a": 6.0, "b": (0.0, 0.0)}, {"a": 0.0, "b": (0.0, 30.0)}),
    }
    same_structure(
        hessian(f)({"a": 3.0, "b": np.array([2.0, 5.0])})["b"],
        {"a": np.array([6.0, 0.0]), "b": np.array([[0.0, 0.0], [0.0, 30.0]])},
    )
    assert hessian(constant(3.0))([]) == []
    assert hessian(constant(3.0))([1.0, 2.0]) == [[0.0, 0.0], [0.0, 0.0]]


def test_a_result_in_an_array_without_axes():
    assert grad(lambda x: np.array(x * x))(3.0) == 6.0
    assert grad(lambda v: np.sum(v * v))(np.array([1.0, 2.0])).tolist() == [2.0, 4.0]
    assert grad(lambda v: v.reshape(2, 2).T[0, 1] ** 2)(np.arange(4.0)).tolist() == [0, 0, 4, 0]


# --- argnums, has_aux, keywords ------------------------------------------------------------------


def product(x, y, z=1.0, *, scale=1.0):
    return x**2 * y * z * scale


@pytest.mark.parametrize(
    ("argnums", "want"),
    [
        (0, 60.0),
        (1, 45.0),
        (2, 18.0),
        (-1, 18.0),
        (-3, 60.0),
        ((0,), (60.0,)),
        ((2, 0), (18.0, 60.0)),
        ([0, -1], (60.0, 18.0)),
        ((), ()),
        (np.int64(1), 45.0),
    ],
)
def test_argnums(argnums, want):
    args = 3.0, 2.0, 5.0
    assert grad(product, argnums)(*args) == want
    assert value_and_grad(product, argnums=argnums)(*args) == (90.0, want)
    assert jacobian(product, argnums)(*args) == want


def test_argnums_of_a_hessian():
    assert hessian(product, argnums=-1)(3.0, 2.0, 5.0) == 0.0
    assert hessian(product, argnums=(0, 1))(3.0, 2.0, 5.0) == ((20.0, 30.0), (30.0, 0.0))


def test_keywords_are_handed_through():
    assert grad(product)(3.0, 2.0, scale=10.0) == 120.0
    assert hessian(product)(3.0, 2.0, z=2.0, scale=10.0) == 80.0
    assert jacobian(product, 1)(3.0, 2.0, scale=Value(10.0)) == 90.0


def test_other_arguments_are_handed_through_as_they_are():
    seen = []

    def f(x, *rest):
        seen.extend(rest)
        return x * x

    rest = ["text", None, {1, 2}, [1, "a"]]
    grad(f)(3.0, *rest)
    assert all(a is b for a, b in zip(seen, rest, strict=True))


@pytest.mark.parametrize("argnums", [1, -2, (0, 1), (0, -2), 5])
def test_argnums_without_an_argument(argnums):
    with pytest.raises(TypeError, match=r"argnums=.*, but f was called with 1 positional arg"):
        grad(named_f, argnums)(1.0)


def named_f(x):
    return x * x


named_f.__name__ = "f"


def test_argnums_that_are_no_places():
    with pytest.raises(TypeError, match=r"argnums must be an int or a tuple of ints, not 'x'"):
        grad(named_f, "x")(1.0)
    with pytest.raises(TypeError, match=r"not \(0, 1\.5\)"):
        grad(named_f, (0, 1.5))(1.0)
    with pytest.raises(ValueError, match=r"argnums=\(0, -2\) names an argument of product twice"):
        grad(product, (0, -2))(1.0, 2.0)
    with pytest.raises(TypeError, match=r"was called with 0 positional arguments"):
        grad(named_f)(x=1.0)


def with_aux(x, y=2.0):
    return x**2 * y, {"node": x * y, "list": [x, (1, "text")], "none": None, "array": np.array([y])}


def check_aux(aux):
    assert aux["node"] == 6.0
    assert type(aux["node"]) is float
    assert aux["list"] == [3.0, (1, "text")]
    assert aux["none"] is None
    assert aux["array"].tolist() == [2.0]


def test_has_aux():
    gradient, aux = grad(with_aux, has_aux=True)(3.0)
    assert gradient == 12.0
    check_aux(aux)
    (value, aux), gradient = value_and_grad(with_aux, has_aux=True)(3.0)
    assert (value, gradient) == (18.0, 12.0)
    check_aux(aux)
    jac, aux = jacobian(with_aux, has_aux=True)(3.0)
    assert jac == 12.0
    check_aux(aux)
    hess, aux = hessian(with_aux, has_aux=True)(3.0)
    assert hess == 4.0
    check_aux(aux)
    value, rate, aux = jvp(with_aux, (3.0,), (2.0,), has_aux=True)
    assert (value, rate) == (18.0, 24.0)
    check_aux(aux)
    value, pullback, aux = vjp(with_aux, 3.0, has_aux=True)
    assert (value, pullback(2.0)) == (18.0, (24.0,))
    check_aux(aux)


def test_numbers_in_named_tuples_and_arrays_of_aux():
    def f(v):
        return v[0] ** 2, [Point(v[0], "label"), v * 2.0, np.arange(2), np.array(["a"])]

    _, (point, nodes, ints, texts) = grad(f, has_aux=True)(np.array([3.0, 4.0]))
    assert point == Point(3.0, "label")
    same_structure(nodes, np.array([6.0, 8.0]))
    assert ints.dtype.kind == "i"
    assert texts.tolist() == ["a"]


def test_aux_keeps_what_depends_on_a_variable_of_a_function_around():
    def f(x):
        inner, aux = grad(lambda y: (y * y, [x * 3.0]), has_aux=True)(2.0)
        return inner + aux[0]

    assert grad(f)(1.0) == 3.0


def test_aux_may_be_a_tuple_or_a_structure_with_nodes_of_outside():
    w = Value(5.0)
    assert grad(lambda x: (x * w, (w, x)), has_aux=True)(2.0) == (5.0, (5.0, 2.0))


@pytest.mark.parametrize("result", [3.0, [1.0, 2.0], (1.0,), (1.0, 2.0, 3.0)])
def test_has_aux_without_a_pair(result):
    f = constant(result)
    with pytest.raises(TypeError, match=r"with has_aux, f must return a pair \(result, aux\)"):
        grad(f, has_aux=True)(1.0)


def test_transformed_functions_keep_name_and_documentation():
    def f(x):
        """The square."""
        return x * x

    for transform in (grad, value_and_grad, jacobian, hessian):
        assert (transform(f).__name__, transform(f).__doc__) == ("f", "The square.")


def test_functions_without_a_name():
    class Square:
        def __call__(self, x):
            return x * x

    assert grad(Square())(3.0) == 6.0
    assert grad(functools.partial(product, y=2.0))(3.0) == 12.0
    with pytest.raises(TypeError, match="Square was called with 1"):
        grad(Square(), 3)(1.0)


# --- what a result does not depend on ------------------------------------------------------------


def test_unconnected_results_give_zeros(first, second):
    for f in map(constant, (3.0, 3, Value(3.0), np.float64(3.0))):
        assert first(f)(2.0) == 0.0
        assert second(f)(2.0) == 0.0
        assert type(first(f)(2.0)) is type(second(f)(2.0)) is float


def test_unconnected_arguments_give_zeros():
    assert grad(lambda v: v[0] ** 2)([3.0, 4.0]) == [6.0, 0.0]
    assert jacobian(lambda v: [v[0], 1.0])([3.0, 4.0]) == [[1.0, 0.0], [0.0, 0.0]]
    assert jacobian(lambda v: [v[0], 1.0, v[0] * 2])([3.0, 4.0]) == [[1, 0], [0, 0], [2, 0]]
    assert hvp(lambda v: v[0] ** 3, [3.0, 4.0], [1.0, 1.0]) == [18.0, 0.0]
    assert grad(lambda _, y: y * y, argnums=(0, 1))(1.0, 3.0) == (0.0, 6.0)
    assert hessian(constant(Value(2.0) * 3.0))([1.0, 2.0]) == [[0.0, 0.0], [0.0, 0.0]]


def test_the_argument_itself_as_result(first, second):
    assert first(lambda x: x)(2.0) == 1.0
    assert second(lambda x: x)(2.0) == 0.0
    assert jacobian(lambda x: [x, x, 2 * x])(5.0) == [1.0, 1.0, 2.0]
    assert vjp(lambda x: [x, x], 5.0)[1]([1.0, 10.0]) == (11.0,)


def test_linear_functions_have_no_second_derivative(first, second):
    assert second(lambda x: 3 * x + 1)(2.0) == 0.0
    assert first(first(lambda x: 3 * x + 1))(2.0) == 0.0


# --- oracles: every row of the table, every order, every mode ------------------------------------

# One more derivative by argument i, in reverse or in forward mode, or through a whole Jacobian.


def reverse(f, i):
    return grad(f, argnums=i)


def forward(f, i):
    def derivative(*xs):
        return jvp(f, xs, tuple([1.0 if i == j else 0.0 for j in range(len(xs))]))[1]

    return derivative


def by_jacobian(f, i):
    return lambda *xs: jacobian(lambda v: [f(*v)])(xs)[0][i]


def by_vjp(f, i):
    return lambda *xs: vjp(f, *xs)[1](1.0)[i]


def by_hessian(f, i, j):
    return lambda *xs: hessian(lambda v: f(*v))(list(xs))[i][j]


def by_hvp(f, i, j):
    def derivative(*xs):
        unit = [1.0 if i == k else 0.0 for k in range(len(xs))]
        return hvp(lambda v: f(*v), list(xs), unit)[j]

    return derivative


def by_recorded_pass(f, i):
    def derivative(*xs):
        own = [1.0 * (x if isinstance(x, Value) else Value(x)) for x in xs]
        result = f(*own)
        autograd.zero_grad(own)  # of passes inside of f
        if isinstance(result, Value):  # it may be a constant by now
            result.backward(create_graph=True)
        return 0.0 if own[i].grad_value is None else own[i].grad_value

    return derivative


ONE = [reverse, forward, by_jacobian, by_vjp, by_recorded_pass]
TWO = [by_hessian, by_hvp]


def check_derivative(f, oracle, xs, path, got):
    """Assert one mixed derivative, with the error allowed that 1e-13 in the operands causes."""
    order = tuple(path.count(i) for i in range(len(xs)))
    points = [
        [exact.mpf(x) * (1 + s * (-1) ** i * exact.mpf(1e-13)) for i, x in enumerate(xs)]
        for s in (0, -1, 1)
    ]
    want, *near = [exact.diff(oracle, tuple(point), order) for point in points]
    slack = 10 * max(abs(y - want) for y in near) + 1e-11 * max(1.0, abs(want))
    assert abs(exact.mpf(got) - want) <= slack, (
        f"∂{path} of {f}{xs} is {got!r}, but exactly {exact.nstr(want, 20)}"
    )


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.partials is not None])
@settings(max_examples=examples(8))
@given(data=st.data())
def test_every_row_at_every_order(name, order, data):
    oracle = ORACLES[name]
    xs = data.draw(oracle.operands(calm=True))
    path = data.draw(st.tuples(*[st.integers(0, len(xs) - 1)] * order))
    derivative, left = ROWS[name], list(path)
    while left:
        if len(left) > 1 and data.draw(st.booleans()):
            derivative = data.draw(st.sampled_from(TWO))(derivative, left.pop(), left.pop())
        else:
            derivative = data.draw(st.sampled_from(ONE))(derivative, left.pop())
    got = derivative(*xs)
    check_derivative(name, oracle.value, xs, path, getattr(got, "data", got))


def test_a_wrong_second_derivative_is_caught(monkeypatch):
    """The test above can fail: with a rule that is right only at the first order."""
    row = ROWS["tanh"]

    def detached(out, x):
        return row.float_partials[0](*[v if isinstance(v, float) else v.data for v in (out, x)])

    monkeypatch.setattr(row, "partials", (detached,))
    check_derivative("tanh", exact.tanh, (0.5,), (0,), grad(row)(0.5))
    with pytest.raises(AssertionError, match="but exactly"):
        check_derivative("tanh", exact.tanh, (0.5,), (0, 0), grad(grad(row))(0.5))


# d/dx in each mode; of those in capitals, and of digits, the second derivative
MODES = {
    "r": grad,
    "f": lambda f: lambda x: jvp(f, (x,), (1.0,))[1],
    "v": lambda f: lambda x: vjp(f, x)[1](1.0)[0],
    "H": lambda f: hessian(f),
    "2": lambda f: lambda x: hvp(f, x, 1.0),
    "b": lambda f: by_recorded_pass(f, 0),
    "J": lambda f: lambda x: jacobian(jacobian(lambda v: [f(v[0])]))([x])[0][0][0],
}


@pytest.mark.parametrize(
    "modes",
    [
        *["r" * order for order in range(1, 7)],
        *["Hr", "rH", "2r", "r2", "Hf", "f2"],
        *["rfrfrf", "frfrfr", "ffffff", "HHH", "vHvH", "JJ2", "2rf2", "bbbbbb", "brbf", "Hb2"],
    ],
)
def test_derivatives_of_a_composition_in_mixed_modes(modes):
    f = lambda x: exp(sin(x))  # noqa: E731
    for mode in modes:
        f = MODES[mode](f)
    order = sum(1 if mode.islower() else 2 for mode in modes)
    want = exact.diff(lambda t: exact.exp(exact.sin(t)), exact.mpf(0.7), order)
    got = f(0.7)
    assert getattr(got, "data", got) == close(float(want), rel=1e-12 if order > 3 else 1e-13)


# --- Hessians ------------------------------------------------------------------------------------


def test_hessian_of_many_variables():
    """More than are swept at once; of Σ (xᵢ xᵢ₊₁)² + (Σ xᵢ)³ it is 6 Σ xᵢ far off the diagonal."""
    f = lambda v: sum((a * b) ** 2 for a, b in pairwise(v)) + autograd.fsum(v) ** 3  # noqa: E731
    x = np.linspace(-1.0, 1.5, 300)
    matrix = hessian(f)(x)
    np.testing.assert_allclose(matrix[0, 2:], 6 * x.sum(), rtol=1e-11)
    for v in (np.cos(x), np.arange(300.0)):
        np.testing.assert_allclose(matrix @ v, hvp(f, x, v), rtol=1e-10)


def test_the_function_runs_once():
    """Also where derivatives are recorded; a Hessian takes no second run."""
    runs = []

    def f(x):
        runs.append(x)
        return x**3

    for x in (2.0, Value(2.0)):
        for transform in (grad, value_and_grad, jacobian, hessian):
            runs.clear()
            transform(f)(x)
            assert len(runs) == 1
        runs.clear()
        hvp(f, x, 1.0)
        jvp(f, (x,), (1.0,))
        _, pullback = vjp(f, x)
        pullback(1.0)
        pullback(2.0)
        assert len(runs) == 3


# --- random programs over the table --------------------------------------------------------------

INPUTS = 3


def random_function(seed):
    rng = random.Random(seed)
    rows = random_program(rng, INPUTS, layers=6)
    return (lambda v: evaluated(rows, v)[-3:]), [rng.uniform(-2.0, 2.0) for _ in range(INPUTS)], rng


def finite(*numbers):
    return all(map(math.isfinite, numbers))


def terms(f, x):
    """The size of the terms that add up to the gradient of Σ |outputs|."""
    leaves = [Value(value) for value in x]
    root = f(leaves)
    return size_of_terms(root, leaves) if isinstance(root, Value) else [0.0] * len(x)


@settings(max_examples=examples(150))
@given(seed=st.integers(0, 2**32))
def test_jvp_and_vjp_are_adjoint(seed):
    """⟨w, J v⟩ = ⟨Jᵀ w, v⟩."""
    f, x, rng = random_function(seed)
    v = [rng.gauss(0, 1) for _ in x]
    value, rate = jvp(f, (x,), (v,))
    value_again, pullback = vjp(f, x)
    w = [rng.gauss(0, 1) for _ in value]
    (pulled,) = pullback(w)
    if not finite(*value, *rate, *pulled):
        return
    assert value == value_again
    size = terms(lambda v: dot(w, f(v)), x)
    left = math.fsum(a * b for a, b in zip(w, rate, strict=True))
    right = math.fsum(a * b for a, b in zip(pulled, v, strict=True))
    assert abs(left - right) <= 1e-12 * sum(s * abs(b) for s, b in zip(size, v, strict=True))


@settings(max_examples=examples(60))
@given(seed=st.integers(0, 2**32))
def test_all_ways_to_a_hessian_agree(seed):
    f, x, rng = random_function(seed)
    w = [rng.gauss(0, 1) for _ in f(x)]

    def total(v):
        return dot(w, f(v))

    matrix = np.array(hessian(total)(x))
    by_jacobian_of_grad = np.array(jacobian(grad(total))(x))
    if not finite(*grad(total)(x), *matrix.flat, *by_jacobian_of_grad.flat):
        return
    v = [rng.gauss(0, 1) for _ in x]
    sizes = np.array(
        [terms(lambda v, i=i: grad(total)(v)[i], x) for i in range(INPUTS)]  # of each second
    )
    slack = 1e-11 * (sizes + sizes.T) + 1e-300
    assert (np.abs(matrix - matrix.T) <= slack).all()
    assert (np.abs(matrix - by_jacobian_of_grad) <= slack).all()
    columns = np.column_stack([hvp(total, x, e) for e in np.eye(INPUTS).tolist()])
    assert (np.abs(matrix - columns) <= slack).all()
    # ⟨w, J v⟩ = ⟨Jᵀ w, v⟩ once more, one order higher, and forward over reverse over forward
    rate = np.array(jvp(grad(total), (x,), (v,))[1])
    assert (np.abs(rate - matrix @ v) <= slack @ np.abs(v)).all()
    recorded = np.array(grad(lambda z: jvp(total, (z,), (v,))[1])(x))
    assert (np.abs(recorded - matrix @ v) <= slack @ np.abs(v)).all()


@settings(max_examples=examples(60))
@given(seed=st.integers(0, 2**32))
def test_jacobian_rows_are_gradients(seed):
    f, x, _ = random_function(seed)
    jac = jacobian(f)(x)
    rows = [grad(lambda v, i=i: f(v)[i])(x) for i in range(len(jac))]
    tall = jacobian(lambda v: [*f(v), *f(v)])(x)  # forward
    size = [terms(lambda v, i=i: f(v)[i], x) for i in range(len(jac))]
    for i, row in enumerate(rows):
        for j, got in enumerate(row):
            np.testing.assert_equal(jac[i][j], got)
            if finite(got, tall[i][j]):
                assert abs(tall[i][j] - got) <= 1e-12 * size[i][j]


# --- nesting -------------------------------------------------------------------------------------


def test_perturbations_are_not_confused(first):
    """d/dx (x · d/dy (x + y)) is 1; taking both ε for one gives 2."""
    assert first(lambda x: x * first(lambda y: x + y)(1.0))(1.0) == 1.0
    assert first(lambda x: x * first(lambda y: x * y)(2.0))(3.0) == 6.0
    assert first(lambda x: x * first(lambda y: y * y)(x))(3.0) == 12.0
    assert first(lambda x: first(lambda y: x * y)(x))(3.0) == 1.0
    assert first(lambda x: first(lambda y: first(lambda z: x * y * z)(y))(x))(5.0) == 1.0


@pytest.mark.parametrize("inner", FIRST)
@pytest.mark.parametrize("outer", FIRST)
def test_perturbations_are_not_confused_between_modes(outer, inner):
    outer, inner = FIRST[outer], FIRST[inner]
    assert outer(lambda x: x * inner(lambda y: x + y)(1.0))(1.0) == 1.0
    assert outer(lambda x: inner(lambda y: sin(x * y))(2.0))(0.7) == close(
        math.cos(1.4) - 1.4 * math.sin(1.4)
    )


def test_functions_close_over_the_variables_of_those_around():
    def f(x):
        return grad(lambda y: grad(lambda z: x**2 * y**3 * z**4)(y))(x)

    # ∂/∂z gives 4 x² y⁶ at z = y for the total: ∂/∂y by y alone is 4·3 x² y² z³ → z = y first
    # d/dy [4 x² y³ y³] = 24 x² y⁵, at y = x: 24 x⁷
    assert f(2.0) == 24 * 2.0**7
    assert grad(f)(2.0) == 168 * 2.0**6


def test_hvp_inside_a_gradient_by_its_direction_and_by_its_point():
    def f(v):
        return v[0] ** 2 * v[1]

    x, v = [3.0, 2.0], [0.5, -1.0]
    # H = [[2 y, 2 x], [2 x, 0]]; ∂(H v)₀/∂v = first row, ∂(H v)₀/∂x = [2 v₁, 2 v₀]
    assert grad(lambda v: hvp(f, x, v)[0])(v) == [4.0, 6.0]
    assert grad(lambda x: hvp(f, x, v)[0])(x) == [-2.0, 1.0]
    assert grad(lambda s: hvp(f, [s * 3.0, 2.0], [s, 0.0])[1])(1.0) == 12.0


def test_jacobian_of_jacobian():
    def f(v):
        return [v[0] ** 2 * v[1], v[1] ** 3]

    assert jacobian(jacobian(f))([3.0, 2.0]) == [
        [[4.0, 6.0], [6.0, 0.0]],
        [[0.0, 0.0], [0.0, 12.0]],
    ]
    array = jacobian(jacobian(lambda v: np.array(f(v))))(np.array([3.0, 2.0]))
    assert (array.shape, array.dtype) == ((2, 2, 2), np.float64)
    assert array[0].tolist() == [[4.0, 6.0], [6.0, 0.0]]


def test_hessian_of_a_function_that_uses_grad():
    """Of the squared slope of sin: d²/dx² cos² x = -2 cos 2x."""
    slope_squared = lambda x: grad(sin)(x) ** 2  # noqa: E731
    assert hessian(slope_squared)(0.3) == close(-2 * math.cos(0.6))
    assert hvp(slope_squared, 0.3, 2.0) == close(-4 * math.cos(0.6))
    by_list = hessian(lambda v: grad(lambda u: sin(u[0]) * u[1] ** 2)(v)[0])([0.3, 2.0])
    np.testing.assert_allclose(
        by_list,
        [[-math.cos(0.3) * 4, -math.sin(0.3) * 4], [-math.sin(0.3) * 4, math.cos(0.3) * 2]],
        rtol=1e-13,
    )


def test_a_pullback_inside_another_function():
    """The cotangent may depend on the variable around, or the function, or both."""
    assert grad(lambda x: vjp(lambda y: y**2, 3.0)[1](x)[0])(5.0) == 6.0
    assert grad(lambda x: vjp(lambda y: y**2 * x, 3.0)[1](1.0)[0])(5.0) == 6.0
    assert grad(lambda x: vjp(lambda y: y**2 * x, x)[1](x)[0])(5.0) == 150.0
    _, pullback = vjp(lambda y: y**3, 2.0)
    assert grad(lambda x: pullback(x)[0] * x)(5.0) == 120.0
    assert pullback(1.0) == (12.0,)


def test_a_pullback_is_not_changed_by_its_calls():
    _, pullback = vjp(lambda x: x * x, 3.0)
    assert pullback(1.0) == (6.0,)
    (node,) = pullback(Value(2.0))
    assert isinstance(node, Value)
    assert node.data == 12.0
    assert pullback(1.0) == (6.0,)
    assert type(pullback(1.0)[0]) is float


def test_tangents_that_are_nodes_leave_the_value_a_number():
    value, rate = jvp(lambda x: x * x, (3.0,), (Value(2.0),))
    assert (value, type(value)) == (9.0, float)
    assert rate.data == 12.0


def test_gradient_of_a_function_that_runs_a_backward_pass():
    def slope(x):
        y = x**3
        y.backward(create_graph=True)
        return x.grad_value

    assert grad(slope)(2.0) == 12.0
    assert grad(grad(slope))(2.0) == 6.0
    assert hessian(slope)(2.0) == 6.0
    assert hvp(slope, 2.0, 3.0) == 18.0
    assert jvp(slope, (2.0,), (1.0,)) == (12.0, 12.0)


# --- nodes as arguments, nodes from outside ------------------------------------------------------


def test_gradient_by_a_node_is_a_node():
    x = Value(2.0, "x")
    slope = grad(lambda x: x**3)(x)
    assert isinstance(slope, Value)
    assert slope.data == 12.0
    slope.backward()
    assert x.grad == 12.0
    value, slopes = value_and_grad(lambda v: v[0] * v[1] ** 2)([x, 3.0])
    assert (value.data, slopes[0].data, slopes[1].data) == (18.0, 9.0, 12.0)


def test_second_derivatives_by_a_node_are_nodes(second):
    x = Value(2.0)
    curvature = second(lambda x: x**4)(x)
    assert curvature.data == 48.0
    curvature.backward()
    assert x.grad == 48.0


def test_jvp_and_vjp_by_a_node():
    x = Value(2.0)
    value, rate = jvp(lambda x: x**3, (x,), (1.0,))
    (rate * value).backward()
    assert x.grad == close(5 * 3 * 2.0**4)
    x = Value(2.0)
    value, pullback = vjp(lambda x: x**3, x)
    (slope,) = pullback(1.0)
    (slope * value).backward()
    assert x.grad == close(5 * 3 * 2.0**4)


def test_arrays_of_nodes():
    x = np.array([Value(2.0), Value(3.0)])
    gradient = grad(lambda v: v[0] ** 2 * v[1])(x)
    assert gradient.dtype == object
    (gradient[0] + gradient[1]).backward()
    assert [v.grad for v in x] == [2 * 3.0 + 2 * 2.0, 2 * 2.0]


def test_a_node_that_is_not_differentiated_by_counts_as_a_number():
    w = Value(3.0)
    assert grad(lambda x, w: x * x * w)(2.0, w) == 12.0
    assert type(grad(lambda x: x * x * w)(2.0)) is float


def test_nodes_from_outside_do_not_turn_results_into_nodes(first, second):
    w = Value(3.0, "w")
    inner = w * w  # a graph made before
    f = lambda x: x**2 * w + inner * x  # noqa: E731
    for result in (first(f)(2.0), second(f)(2.0)):
        assert type(result) is float
    assert (first(f)(2.0), second(f)(2.0)) == (21.0, 6.0)
    assert type(value_and_grad(f)(2.0)[0]) is float
    assert type(jvp(lambda x: [w, x], (2.0,), (1.0,))[0][0]) is float


def test_gradients_of_nodes_from_outside_are_left_alone(first, second):
    w, unused = Value(3.0), Value(1.0)
    inner = w * w
    inner.backward(create_graph=True)
    w.grad, unused.grad = 7.0, 8.0
    kept = w.grad_value, inner.grad_value
    f = lambda x: x**2 * w + inner * x + unused  # noqa: E731
    first(f)(2.0)
    second(f)(2.0)
    first(lambda y: first(f)(y))(2.0)
    jacobian(lambda v: [f(v[0]), f(v[1]), w])([2.0, 3.0])
    hessian(lambda v: f(v[0]) * w)([2.0, 3.0])
    assert (w.grad, unused.grad, inner.grad) == (7.0, 8.0, 1.0)
    assert (w.grad_value, inner.grad_value) == kept


def test_gradients_are_left_alone_when_the_pass_fails():
    w = Value(2.0)
    w.grad = 7.0
    with pytest.raises(AnomalyError), detect_anomaly():
        grad(lambda x: w * sqrt(x))(0.0)
    assert w.grad == 7.0
    assert gc.isenabled()


def test_stale_graphs_from_outside_do_not_matter_where_nothing_varies():
    """A node computed before a parameter changed is a number like any other, in every mode."""
    w = Value(2.0)
    stale = w * w
    w.data = 5.0
    for derivative in (*FIRST.values(), *SECOND.values()):
        assert derivative(lambda x: x**3 * stale)(Value(1.0)).data in (12.0, 24.0)
        assert derivative(lambda x: x**3 * stale)(1.0) in (12.0, 24.0)


def test_a_name_stays_with_its_variable():
    slope = grad(lambda x: x**3)(Value(2.0, "x"))
    names = {
        node.name for node in autograd.engine.graph.topological_order((slope,), lambda v: v.parents)
    }
    assert "x" in names
    assert grad(lambda x: float(x.name == "speed") * x)(Value(1.0, "speed")).data == 1.0


def test_the_kind_of_a_result_does_not_depend_on_the_function(first, second):
    """By a node even a constant derivative is one, so that backward() can be called on it."""
    x = Value(2.0)
    for f in (lambda x: 3 * x, constant(3.0), lambda x: x**3):
        for derivative in (first(f)(x), second(f)(x), value_and_grad(f)(x)[0]):
            assert isinstance(derivative, Value)
            derivative.backward()
    gradient = grad(lambda v: v[0] * 2)(np.array([x, Value(1.0)]))
    assert [v.data for v in gradient] == [2.0, 0.0]


def test_derivatives_belong_to_one_thread():
    """A function that runs in one thread is not around one that runs in another."""
    results = []

    def f(x):
        other = threading.Thread(target=lambda: results.append(grad(lambda y: y**2 * 3.0)(2.0)))
        other.start()
        other.join()
        return x * x

    assert grad(f)(3.0) == 6.0
    assert results == [12.0]


def test_a_function_that_fails_leaves_nothing_behind():
    def fails(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        grad(fails)(1.0)
    assert type(grad(lambda x: x * x)(1.0)) is float
    with no_grad(), pytest.raises(ZeroDivisionError):
        grad(fails)(1.0)


# --- modes ---------------------------------------------------------------------------------------


def test_no_grad_around_does_not_matter(first, second):
    with no_grad():
        assert first(lambda x: x**3)(2.0) == 12.0
        assert second(lambda x: x**3)(2.0) == 12.0
        assert grad(grad(lambda x: x**3))(2.0) == 12.0


def test_no_grad_around_makes_results_constant():
    x = Value(2.0)
    with no_grad():
        slope = grad(lambda x: x**3)(x)
        curvature = hessian(lambda x: x**3)(x)
    for result in (slope, curvature):
        assert result.data == 12.0
        assert result.parents == ()


def test_no_grad_inside_detaches(first):
    def f(x):
        with no_grad():
            factor = x * x
        return factor * x

    assert first(f)(3.0) == 9.0


def test_no_grad_between_two_derivatives_stops_the_outer_one(first):
    def f(x):
        with no_grad():
            slope = first(lambda y: y**3)(x)
        return slope * x

    assert first(f)(2.0) == 12.0


# --- branches and edge points --------------------------------------------------------------------


def test_where_takes_the_derivatives_of_its_branch(first, second):
    f = lambda x: where(x > 0.0, x**3, sqrt(-x))  # noqa: E731
    assert (first(f)(2.0), second(f)(2.0)) == (12.0, 12.0)
    assert first(f)(-4.0) == -0.25
    assert second(f)(-4.0) == close(-1 / 32)
    assert first(first(first(f)))(2.0) == 6.0


def test_python_branches(first, second):
    def f(x):
        return x**3 if x > 1.0 else x**2

    assert (first(f)(2.0), second(f)(2.0)) == (12.0, 12.0)
    assert (first(f)(1.0), second(f)(1.0)) == (2.0, 2.0)
    assert first(first(f))(2.0) == 12.0


def test_branches_in_a_hessian():
    f = lambda v: where(v[0] > v[1], v[0] ** 2 * v[1], log(v[1] - 5.0))  # noqa: E731
    assert hessian(f)([3.0, 2.0]) == [[4.0, 6.0], [6.0, 0.0]]
    assert jacobian(grad(f))([3.0, 2.0]) == [[4.0, 6.0], [6.0, 0.0]]


def test_kinks_take_the_least_subgradient(first, second):
    for f in (relu, abs):
        assert (first(f)(0.0), second(f)(0.0)) == (0.0, 0.0)
    assert grad(lambda v: maximum(v[0], v[1]))([1.0, 1.0]) == [0.5, 0.5]


def test_jacobian_rows_do_not_spoil_each_other():
    def wide(v):
        return [sqrt(v[0]), v[0] * v[1], log(v[2])]

    inf = math.inf
    want = [[inf, 0.0, 0.0], [3.0, 0.0, 0.0], [0.0, 0.0, inf]]
    assert jacobian(wide)([0.0, 3.0, 0.0]) == want
    tall = jacobian(lambda v: [*wide(v), v[1] ** 2])([0.0, 3.0, 0.0])
    assert tall == [*want, [0.0, 6.0, 0.0]]
    nested = jacobian(lambda v: jacobian(lambda u: [u[0] ** 1.5, u[1] ** 2])(v)[1])([0.0, 3.0])
    assert nested == [[0.0, 0.0], [0.0, 2.0]]


def test_hessian_columns_do_not_spoil_each_other():
    def f(v):
        return sqrt(v[0]) + v[1] ** 2 * v[2]

    want = [[-math.inf, 0.0, 0.0], [0.0, 4.0, 6.0], [0.0, 6.0, 0.0]]
    assert hessian(f)([0.0, 3.0, 2.0]) == want
    assert jacobian(grad(f))([0.0, 3.0, 2.0]) == want
    same_structure(hessian(f)(np.array([0.0, 3.0, 2.0])), np.array(want))


def test_zero_times_infinity_is_nan(first):
    """As in PyTorch, where the factors meet in one term of the chain rule."""
    assert math.isnan(first(lambda x: 0.0 * sqrt(x))(0.0))


def test_overflow_and_nan_pass_through(first):
    assert first(exp)(1000.0) == math.inf
    assert math.isnan(first(log)(-1.0))
    assert math.isnan(first(sin)(math.nan))
    assert grad(lambda x: 2 * x)(math.inf) == 2.0


def test_large_graphs():
    """No recursion: neither in depth nor in the number of variables."""

    def deep(x):
        for _ in range(5_000):
            x = x + 1e-5 * cos(x)
        return x

    slope = grad(deep)(0.5)
    assert jvp(deep, (0.5,), (1.0,))[1] == close(slope, rel=1e-10)
    assert hvp(deep, 0.5, 1.0) == close(hessian(deep)(0.5), rel=1e-10)
    wide = grad(lambda v: autograd.fsum(x * x for x in v))([1.0] * 20_000)
    assert wide == [2.0] * 20_000


# --- errors --------------------------------------------------------------------------------------


def test_a_leaf_that_is_no_real_number_is_named_by_its_path():
    what = "must be a real number, not the str '3'; convert it first, with float"
    with pytest.raises(TypeError, match=rf'args\[0\]\["w"\]\[3\] {what}'):
        grad(lambda v: v["b"])({"b": 1.0, "w": [1.0, 2.0, 3.0, "3"]})
    with pytest.raises(TypeError, match=rf"args\[1\]\[0\] {what}"):
        jvp(lambda x, _: x, (1.0, ["3"]), (1.0, [1.0]))
    with pytest.raises(TypeError, match=rf"args\[0\] {what}"):
        hvp(lambda x: x, "3", 1.0)
    for leaf, fix in (
        (Decimal("0.1"), r"; convert it first, with float\(Decimal"),
        ("square", "partial"),
    ):
        with pytest.raises(TypeError, match=rf"args\[0\] must be a real number, not the .*{fix}"):
            grad(lambda x: x)(leaf)


@pytest.mark.parametrize("result", ["text", None, 1j, [1.0, None]])
def test_a_result_that_is_no_real_number(result):
    f = constant(result)
    with pytest.raises(TypeError, match=r"the result of f(\[1\])? must be a real number"):
        jacobian(f)(1.0)


@pytest.mark.parametrize(
    "f", [lambda x: x.data**2, lambda x: x.item() + 1.0, lambda x: math.floor(x.data)]
)
def test_a_number_taken_out_of_a_node_is_a_mistake(f):
    message = r"<lambda> returned the number .* no Value, .*: compute with the argument itself"
    for call in (grad(f), value_and_grad(f), hessian(f), lambda x: hvp(f, x, 1.0)):
        with pytest.warns(MistakeWarning, match=message) as caught:
            call(2.5)
        assert caught[0].filename == __file__
    assert grad(lambda x: x * x.data)(3.0) == 3.0
    assert grad(lambda x: x if x > 5 else 1.0)(3.0) == 0.0  # a constant branch is none


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_copies_of_variables_do_not_cut_the_graph(copied):
    def f(d):
        own = copied(d["a"] * 2) + copied(d["a"])
        return own * copied(d)["b"].sum()

    at = {"a": 3.0, "b": np.array([1.0, 2.0])}
    for g in (grad(f), autograd.compile(f).grad, autograd.compile(grad(f))):
        slopes = g(at)
        assert (slopes["a"], slopes["b"].tolist()) == (9.0, [9.0, 9.0])
    assert grad(grad(lambda x: copied(x) ** 3))(2.0) == 12.0
    outer = Value(2.0)
    assert copied(outer) is not outer


def test_a_function_without_a_return():
    for transform in (grad, autograd.compile):
        with pytest.raises(TypeError, match=r"result of .* not None: is a return missing\?"):
            transform(constant(None))(1.0)


def test_a_partial_function_is_called_by_the_name_of_the_function_and_nothing_else_is():
    class Model:
        func = 7

        def __call__(self, *_):
            return None

    for f, name in ((functools.partial(Model(), 1.0), "Model"), (Model(), "Model")):
        with pytest.raises(TypeError, match=f"the result of {name} must be"):
            grad(f)(1.0)


@pytest.mark.parametrize(
    ("result", "what"),
    [
        ([1.0, 2.0], "a list of 2"),
        ((1.0,), "a tuple of 1"),
        ({"a": 1.0}, r"a dict with the keys \['a'\]"),
        (Point(1.0, 2.0), "a Point of 2"),
        (np.ones((2, 3)), r"an array of shape \(2, 3\)"),
    ],
)
def test_a_gradient_needs_one_number(result, what):
    f = constant(result)
    for call in (grad(f), value_and_grad(f), hessian(f), lambda x: hvp(f, x, 1.0)):
        with pytest.raises(TypeError, match=rf"f must return one number.*, not {what}: .*jacobian"):
            call(1.0)


def test_what_is_no_function_has_no_derivative():
    for transform in (grad, value_and_grad, jacobian, hessian):
        with pytest.raises(TypeError, match=r"is a function, not Value\(.*: a Value has backward"):
            transform(Value(1.0))(2.0)


def test_directions_and_cotangents_of_another_structure():
    primals = {"w": [1.0, 2.0], "b": 3.0}, 4.0
    with pytest.raises(TypeError, match=r"tangents must be a tuple of 2, as primals is, not a tu"):
        jvp(lambda _, x: x, primals, (1.0,))
    with pytest.raises(
        TypeError, match=r'tangents\[0\]\["w"\] must be a list of 2, as primals\[0\]'
    ):
        jvp(lambda _, x: x, primals, ({"w": [1.0], "b": 1.0}, 1.0))
    with pytest.raises(TypeError, match=r"v must be a list of 2, as x is, not a list of 1"):
        hvp(lambda x: x[0], [1.0, 2.0], [1.0])
    with pytest.raises(TypeError, match=r"v must be an array of shape \(2,\), as x is"):
        hvp(lambda x: x[0], np.ones(2), np.ones(3))
    _, pullback = vjp(lambda x: [x, x], 1.0)
    with pytest.raises(TypeError, match=r"the cotangent must be a list of 2, as the result of <la"):
        pullback(1.0)


def test_keys_of_a_direction_may_come_in_any_order():
    f = lambda v: v["a"] ** 2 * v["b"]["c"]  # noqa: E731
    x = {"a": 3.0, "b": {"c": 2.0, "d": 1.0}}
    assert hvp(f, x, {"b": {"d": 9.0, "c": 0.0}, "a": 1.0}) == {"a": 4.0, "b": {"c": 6.0, "d": 0.0}}
    _, pullback = vjp(lambda x: {"p": x, "q": 2 * x}, 1.0)
    assert pullback({"q": 10.0, "p": 1.0}) == (21.0,)


@pytest.mark.parametrize(
    ("primals", "tangents", "what"),
    [
        (3.0, (1.0,), "primals must be a tuple, such as .*, not a float"),
        (np.ones(2), (1.0, 1.0), "primals must be a tuple, such as .*, not a ndarray"),
        ((3.0,), 1.0, "tangents must be a tuple, such as .*, not a float"),
    ],
)
def test_jvp_takes_tuples(primals, tangents, what):
    with pytest.raises(TypeError, match=what):
        jvp(lambda *x: x[0], primals, tangents)
    assert jvp(lambda x: x * x, [3.0], [1.0]) == (9.0, 6.0)


# --- arguments that the function changes ---------------------------------------------------------


def changing(change):
    def f(v):
        result = v["b"] * v["b"]
        change(v)
        return result

    return f


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (
            lambda v: v["w"].__setitem__(1, v["w"][1] * 2),
            r'args\[0\]\["w"\]\[1\] in place: copy it',
        ),
        (lambda v: v["w"].append(1.0), r"the structure of args\[0\]"),
        (lambda v: v["w"].reverse(), r'args\[0\]\["w"\]\[0\] in place'),
        (lambda v: v.pop("w"), r"the structure of args\[0\]"),
        (lambda v: v["w"].__setitem__(0, "text"), r"args\[0\] in place"),
        (lambda v: setattr(v["w"][1], "data", 7.0), r'args\[0\]\["w"\]\[1\] in place'),
        (lambda v: setattr(v["w"][1], "data", math.nan), r'args\[0\]\["w"\]\[1\] in place'),
    ],
)
@pytest.mark.parametrize("number", [float, Value])
def test_a_function_that_changes_its_argument(change, what, number):
    f, x = changing(change), {"w": [number(1.0), number(2.0)], "b": 3.0}
    others = [lambda x: vjp(f, x), lambda x: jvp(f, (x,), (x,)), lambda x: hvp(f, x, x)]
    for call in (grad(f), jacobian(f), hessian(f), *others):
        with pytest.raises(RuntimeError, match=f"f changed {what}"):
            call(x)
    assert list(x) == ["w", "b"]
    assert len(x["w"]) == 2


def test_a_function_that_changes_an_array():
    def f(_, v):
        v[1, 0] = v[1, 0] * 2
        return np.sum(v)

    x = np.ones((2, 2))
    with pytest.raises(RuntimeError, match=r"f changed args\[1\]\[1, 0\] in place: copy it first"):
        grad(f, 1)(0.0, x)
    assert (x == 1).all()


def test_nan_in_an_argument_is_no_change():
    assert grad(lambda v: v[0] ** 2)([3.0, math.nan]) == [6.0, 0.0]
    with pytest.raises(RuntimeError, match="changed"):
        grad(changing(lambda v: setattr(v["w"][1], "data", 7.0)))({"w": [1.0, math.nan], "b": 1.0})


# --- inside a compiled function ------------------------------------------------------------------


def test_derivatives_by_numbers_within_a_compiled_function(first, second):
    f = autograd.compile(lambda x: first(lambda y: y**2 * x)(3.0) + second(lambda y: y**3)(x))
    assert f(2.0) == close(6 * 2.0 + 6 * 2.0)
    g = autograd.compile(lambda x: first(lambda y: y**2)(3.0) * x)
    assert g(2.0) == close(12.0)


# --- the cheaper way -----------------------------------------------------------------------------


def test_sweeps_over_numbers_are_not_recorded(monkeypatch):
    """Recording costs several times as much: it is for derivatives that are differentiated."""

    def refuse(*_):
        raise AssertionError("recorded")

    monkeypatch.setattr(transforms, "adjoints", refuse)
    monkeypatch.setattr(transforms, "recorded_edges", refuse)
    f = lambda v: [sin(v[0]) * v[1], v[1]]  # noqa: E731
    assert grad(lambda v: f(v)[0])([0.0, 2.0]) == [2.0, 0.0]
    assert jacobian(lambda v: [*f(v), 1.0])([0.0, 2.0]) == [[2.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    assert hessian(lambda v: f(v)[0])([0.0, 2.0]) == [[0.0, 1.0], [1.0, 0.0]]
    assert hvp(lambda v: f(v)[0], [0.0, 2.0], [1.0, 0.0]) == [0.0, 1.0]
    with pytest.raises(AssertionError, match="recorded"):
        grad(grad(sin))(0.0)


@pytest.mark.parametrize(("m", "n"), [(1, 5), (5, 1), (3, 3)])
def test_a_jacobian_takes_the_fewer_sweeps(m, n, monkeypatch):
    backward = []

    def counted(order):
        backward.append(order)
        sweep(order)

    monkeypatch.setattr(transforms, "sweep", counted)
    jacobian(lambda v: [sum(v) * (i + 1) for i in range(m)])([1.0] * n)
    assert len(backward) == (m if m <= n else 0)
