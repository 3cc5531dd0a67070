"""Values meet NumPy: scalars, arrays, ufuncs; and the rows of the table on arrays of floats."""

import itertools
import operator
import sys

import numpy as np
import pytest
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from limits import SPECIAL
from oracles import COMPARISONS, ORACLES, ROWS, SLOPES, TAILS, ULP, arity, wiggle
from oracles import exact as mp

import autograd
from autograd import MistakeWarning, Value
from autograd.numbers.arrays import evaluate

SCALARS = [np.float64(2.5), np.float32(2.5), np.float16(2.5), np.int64(2), np.uint8(2), np.bool_(1)]
OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
COMPARE = [operator.lt, operator.le, operator.gt, operator.ge]

# NumPy's functions, by row, and operands for them; clip is no ufunc, and sign has one for objects
UFUNCS = {
    name: getattr(np, row.numpy)
    for name, row in ROWS.items()
    if name in set(ORACLES) - {"clip", "sign"} and row.numpy
}
OPERANDS = {"acosh": [2.0, 3.0]}


def objects(*xs):
    """An object array of Values."""
    array = np.empty(len(xs), dtype=object)
    array[:] = [Value(x) for x in xs]
    return array


def is_array_of_values(result, shape):
    return (
        isinstance(result, np.ndarray)
        and result.dtype == object
        and result.shape == shape
        and all(type(v) is Value and type(v.data) is float for v in result.flat)
    )


# --- scalars ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "scalar", [*SCALARS, np.array(3.0), np.longdouble(1.5)], ids=lambda s: type(s).__name__
)
def test_value_of_a_numpy_scalar(scalar):
    assert type(Value(scalar).data) is float
    assert Value(scalar).data == float(scalar)


@pytest.mark.parametrize("op", OPERATORS, ids=lambda o: o.__name__)
@pytest.mark.parametrize("scalar", SCALARS, ids=lambda s: type(s).__name__)
def test_operators_with_a_numpy_scalar_on_either_side(op, scalar):
    number = float(scalar)
    for numpy_made, plain in (
        (op(Value(1.5), scalar), op(Value(1.5), number)),
        (op(scalar, Value(1.5)), op(number, Value(1.5))),
    ):
        assert type(numpy_made) is Value
        assert type(numpy_made.data) is float
        assert (numpy_made.data, numpy_made.op) == (plain.data, plain.op)
        assert numpy_made.local_derivatives == plain.local_derivatives


@pytest.mark.parametrize("two", [np.float64(2), np.longdouble(2), np.int64(2), np.array(2.0)])
def test_a_value_equals_no_numpy_scalar_and_says_so(two):
    v = Value(2.0)
    for compare in (lambda a, b: a == b, lambda a, b: not a != b):  # noqa: SIM202
        for pair in ((v, two), (two, v)):
            with pytest.warns(MistakeWarning, match=r"v\.data == "):
                assert not compare(*pair)


def test_equality_in_arrays_is_identity_too():
    v, w = Value(1.0), Value(1.0)
    array = np.array([v, w, v])
    assert (array == v).tolist() == (v == array).tolist() == [True, False, True]
    assert (array != np.array([v, v, w])).tolist() == [False, True, True]
    for compare in (lambda: array == 1.0, lambda: np.array([1.0, 1.0, 1.0]) == v):
        with pytest.warns(MistakeWarning):
            assert not compare().any()


def test_in_place_operators():
    total = np.float64(1.0)
    total += Value(2.0)
    assert type(total) is Value
    v = Value(2.0)
    v *= np.float64(3.0)
    assert type(v) is Value
    assert v.data == 6.0


@pytest.mark.parametrize("row", ["dot", "fsum", "mean", "logsumexp", "softmax", "log_softmax"])
def test_numpy_scalars_among_the_operands_of_many(row):
    x = Value(0.5)
    node = ROWS[row](x, np.float64(0.25), np.float32(0.5))
    assert type(node) is Value
    assert [type(v) for v in node.parents] == [Value] * 3
    assert type(node.data) is float


# --- arrays --------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", OPERATORS, ids=lambda o: o.__name__)
@pytest.mark.parametrize("dtype", [float, int, np.float32])
def test_operators_with_an_array_broadcast(op, dtype):
    array = np.array([[1, 2], [3, 4]], dtype=dtype)
    v = Value(1.5)
    for result, want in ((op(v, array), op(1.5, array)), (op(array, v), op(array, 1.5))):
        assert is_array_of_values(result, (2, 2))
        got = np.array([[x.data for x in row] for row in result])
        assert np.allclose(got, want, rtol=1e-6 if dtype is np.float32 else 1e-15)


@pytest.mark.parametrize("op", OPERATORS, ids=lambda o: o.__name__)
def test_operators_with_object_arrays(op):
    v, array = Value(1.5), objects(1.0, 2.0)
    assert is_array_of_values(op(v, array), (2,))
    assert is_array_of_values(op(array, v), (2,))
    assert is_array_of_values(op(array, array), (2,))
    assert is_array_of_values(op(array, np.array([1.0, 2.0])), (2,))
    assert [x.data for x in op(array, v)] == [op(1.0, 1.5), op(2.0, 1.5)]


def test_operators_in_place_on_object_arrays():
    v, array = Value(1.5), objects(1.0, 2.0)
    same = array
    same -= v
    assert same is array
    assert [x.data for x in array] == [-0.5, 0.5]
    sum(array).backward()
    assert v.grad == -2.0


@pytest.mark.parametrize("op", COMPARE, ids=lambda o: o.__name__)
def test_comparisons_with_an_array(op):
    array = np.array([1.0, 1.5, 2.0])
    assert list(op(Value(1.5), array)) == list(op(1.5, array))
    assert list(op(array, Value(1.5))) == list(op(array, 1.5))


def test_matrix_products_of_object_arrays():
    w, x = objects(1.0, 2.0), np.array([3.0, 4.0])
    for z in (w @ x, x @ w, np.dot(w, x), np.sum(w * x), (w * x).sum()):
        assert type(z) is Value
        assert z.data == 11.0
    m = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert is_array_of_values(m @ w, (2,))
    assert is_array_of_values(m.T @ w, (2,))


def test_a_total_of_a_single_value_is_the_value():
    for total in (np.sum, np.prod, np.max, np.min, np.mean):
        assert total(Value(2.0)).data == 2.0
        assert autograd.grad(lambda x, total=total: total(np.sin(x) @ x))(np.zeros(2)).shape == (2,)
        assert autograd.compile(lambda x, total=total: total(x * x))(3.0) == 9.0


def test_a_matrix_product_with_a_single_value_is_refused():
    for product in (lambda: np.ones(2) @ Value(1.0), lambda: Value(1.0) @ np.ones(2)):
        with pytest.raises(TypeError, match=r"^@ multiplies arrays, .* single Value: write \*"):
            product()


def test_the_deviation_of_an_array_has_its_gradient():
    x = np.array([1.0, 2.0, 4.0])
    assert objects(*x).var().data == x.var()
    expected = (x - x.mean()) / (3 * x.std())
    for transform in (autograd.grad, lambda f: autograd.compile(f).grad):
        np.testing.assert_allclose(transform(np.std)(x), expected, rtol=1e-12)


def test_a_float_array_does_not_swallow_a_value():
    with pytest.raises((TypeError, ValueError)) as caught:
        np.array([Value(1.0), 2.0], dtype=float)
    cause = caught.value.__cause__ or caught.value
    assert "autograd.exp" in str(cause)
    with pytest.raises(TypeError, match=r"autograd\.exp"):
        np.zeros(2)[0] = Value(1.0)


@pytest.mark.parametrize("array", [np.array([1.0, 2.0]), np.array([3.0]), np.zeros((0,))])
def test_no_value_holds_an_array(array):
    with pytest.raises(TypeError, match="one Value per element"):
        Value(array)


@pytest.mark.parametrize(
    "function",
    [
        autograd.exp,
        autograd.relu,
        autograd.gelu,
        autograd.leaky_relu,
        lambda x: autograd.gelu(x, approximate="tanh"),
        lambda x: autograd.clip(x, 0.0, 1.0),
        lambda x: autograd.where(True, x, 0.0),
        lambda x: autograd.maximum(x, 0.3),
        lambda x: autograd.pow(2.0, x),
    ],
)
def test_functions_of_arrays_are_arrays(function):
    floats, values = np.array([0.1, -0.5, 2.0]), objects(0.1, -0.5, 2.0)
    want = [function(x) for x in floats.tolist()]
    result = function(floats)
    assert isinstance(result, np.ndarray)
    assert result.dtype == float
    assert result.tolist() == pytest.approx(want, rel=1e-14)
    result = function(values)
    assert is_array_of_values(result, (3,))
    assert [v.data for v in result] == want


IN_DOUBLE = {
    **{
        function.__name__: function
        for function in (
            *(autograd.exp, autograd.tanh, autograd.relu, autograd.square, autograd.gelu),
            *(autograd.abs, autograd.sign, autograd.leaky_relu, autograd.cbrt, autograd.sigmoid),
            *(autograd.erf, autograd.softplus),
        )
    },
    "pow(x, -1)": lambda x: autograd.pow(x, -1),
    "pow(2, x)": lambda x: autograd.pow(2, x),
    "maximum": lambda x: autograd.maximum(x, 0),
    "clip": lambda x: autograd.clip(x, 0, 1),
    "hypot": lambda x: autograd.hypot(x, x),
    "atan2": lambda x: autograd.atan2(x, x),
    "where": lambda x: autograd.where(x > 0, x, x),
    "dot": lambda x: autograd.dot([x], [x], x),
    "fsum": lambda x: autograd.fsum([x, x]),
    "mean": lambda x: autograd.mean([x, x]),
    "logsumexp": lambda x: autograd.logsumexp([x, x]),
    "softmax": lambda x: autograd.softmax([x, x])[0],
}


@pytest.mark.parametrize("name", IN_DOUBLE)
def test_functions_of_arrays_compute_in_double_precision(name):
    """Whatever an array holds: NumPy itself would stay in, or go down to, a half."""
    for dtype in (bool, np.int8, np.uint8, np.int64, np.float16, np.float32):
        array = np.array([1, 1] if dtype is bool else [1, 127], dtype=dtype)
        result = IN_DOUBLE[name](array)
        assert result.dtype == np.float64, dtype
        want = [IN_DOUBLE[name](float(x)) for x in array]
        assert result.tolist() == pytest.approx(want, rel=1e-14), dtype


def test_where_on_arrays_of_values_chooses_per_element():
    x = objects(4.0, -4.0)
    y = autograd.where(x > 0, autograd.sqrt(x), -1.0 * x)  # and without a warning for √-4
    assert [v.data for v in y] == [2.0, 4.0]
    sum(y).backward()
    assert [v.grad for v in x] == [0.25, -1.0]


# --- ufuncs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", UFUNCS)
def test_a_ufunc_is_its_row(row):
    ufunc, op = UFUNCS[row], ROWS[row]
    numbers = OPERANDS.get(row, [0.4, 0.7])
    for mixed in itertools.product([Value, float], repeat=ufunc.nin):
        operands = [make(x) for make, x in zip(mixed, numbers, strict=False)]
        nodes = [x for x in operands if isinstance(x, Value)]
        if nodes:
            y = ufunc(*operands)
            assert (type(y), y.op, y.data) == (Value, row, op(*numbers[: ufunc.nin]))
            assert set(nodes) <= set(y.parents)
    arrays = [objects(*numbers), objects(*numbers[::-1])][: ufunc.nin]
    pairs = list(zip(numbers, numbers[::-1], strict=True))
    result = ufunc(*arrays)
    assert is_array_of_values(result, (2,))
    assert [v.data for v in result] == [op(*pair[: ufunc.nin]) for pair in pairs]
    sum(result).backward()
    assert any(v.grad != 0.0 for v in arrays[0])
    if ufunc.nin == 2:
        mixed = ufunc(arrays[0], Value(0.4))
        assert is_array_of_values(mixed, (2,))
        assert mixed[1].data == op(numbers[1], 0.4)


def test_ufuncs_under_another_name():
    v = Value(-0.4)
    assert np.absolute(v).op == np.fabs(v).op == np.fabs(objects(0.1))[0].op == "abs"
    assert np.true_divide(v, 2).op == "/"
    assert np.float_power(Value(2.0), 3).op == "**"
    assert np.sign(v).data == -1.0
    assert np.positive(objects(0.1))[0].data == 0.1


def test_scipy_ufuncs_of_a_value():
    special = pytest.importorskip("scipy.special")
    v = Value(0.4)
    assert special.expit(v).op == "sigmoid"
    assert special.log_expit(v).op == "log_sigmoid"
    assert special.erf(v).op == "erf"
    assert special.erfc(v).op == "erfc"
    assert special.xlogy(v, 2.0).op == "xlogy"


@pytest.mark.parametrize("ufunc", [np.floor, np.exp2, np.isnan, np.logaddexp, np.heaviside])
def test_a_ufunc_without_a_row_is_refused(ufunc):
    operands = [Value(1.0)] * ufunc.nin
    with pytest.raises(TypeError, match=f"numpy.{ufunc.__name__} has no rule for Values"):
        ufunc(*operands)


def test_ufunc_methods_and_outputs_are_refused():
    with pytest.raises(TypeError):
        np.add.accumulate(Value(1.0))
    with pytest.raises(TypeError):
        np.add(Value(1.0), 1.0, out=np.zeros(()))
    with pytest.raises(TypeError):
        np.add(Value(1.0), 1.0, where=False)


# --- the rows on arrays of floats ---------------------------------------------------------------

# Rows that NumPy or SciPy compute with more rounding than the float form, in proportion to the
# condition number: `erfc` squares its operand first, sums are added up in order.
ROUNDED_MORE = {"erfc", "fsum", "mean", "total", "excess"}


def on_arrays(name, lanes):
    """Value and partial derivatives of a row on arrays, one array per operand."""
    op = ROWS[name]
    out = evaluate(op, lanes)
    with np.errstate(all="ignore"):
        partials = op.local_derivatives(out, lanes, [True] * len(lanes))
    shape = np.broadcast_shapes(*[x.shape for x in lanes])
    return [np.broadcast_to(np.asarray(x, dtype=float), shape) for x in (out, *partials)]


def on_floats(name, xs):
    op = ROWS[name]
    out = op(*xs)
    return [out, *op.local_derivatives(out, xs, [True] * len(xs))]


def slack_of(name, i, xs):
    """The error that operands off by 4 ulp cause in the value (i = 0) or a derivative."""
    oracle = ORACLES[name]
    function = oracle.value if i == 0 else lambda *p: oracle.partials(*p)[i - 1]
    return wiggle(function, [mp.mpf(x) for x in xs])


def same_number(a, b, relative):
    smallest = sys.float_info.min  # below it, SciPy's erfc is 0
    return a == b or (a != a and b != b) or abs(a - b) <= max(relative * abs(b), smallest)


def check_lanes(name, points):
    """Assert that arrays give what floats give, to 8 ulp: each may be 4 ulp off.

    More is allowed where the row is ill-conditioned, and to the derivatives of rows of many.
    """
    oracle = ORACLES[name]
    got = on_arrays(name, [np.array(column) for column in zip(*points, strict=True)])
    ill_slopes = oracle.ill_slopes or oracle.sizes is not None
    for lane, xs in enumerate(points):
        for i, want in enumerate(on_floats(name, xs)):
            a = float(got[i][lane])
            if not same_number(a, want, 8 * ULP):
                ill = ill_slopes if i else oracle.ill_value or name in ROUNDED_MORE
                slack = 2 * slack_of(name, i, xs) if ill else 0
                assert abs(mp.mpf(a) - mp.mpf(want)) <= slack, (name, xs, i, a, want)


@pytest.mark.parametrize("name", ORACLES)
@settings(max_examples=examples(40))
@given(data=st.data())
def test_rows_on_arrays_equal_rows_on_floats(name, data):
    points = data.draw(st.lists(ORACLES[name].operands(), min_size=1, max_size=4))
    check_lanes(name, [xs for xs in points if len(xs) == len(points[0])])


@pytest.mark.parametrize(
    ("name", "xs"), [(name, xs) for name, points in TAILS.items() for xs in points]
)
def test_rows_on_arrays_in_the_tails(name, xs):
    check_lanes(name, [xs, xs])


@pytest.mark.parametrize("name", sorted(SLOPES))
def test_slopes_on_arrays_at_the_edges(name):
    """Nan, infinities and zeros are where they are on floats: other rows are in `test_numerics`."""
    points = list(itertools.product(SPECIAL, repeat=2))
    got = on_arrays(name, list(np.array(points).T))
    for lane, xs in enumerate(points):
        for i, want in enumerate(on_floats(name, xs)):
            assert same_number(float(got[i][lane]), want, 1e-9), (xs, i)


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons_on_arrays(name):
    a, b = map(np.array, zip(*itertools.product(SPECIAL, repeat=2), strict=True))
    got = evaluate(ROWS[name], [a, b])
    assert got.dtype == bool
    assert got.tolist() == [ROWS[name](x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True)]


@pytest.mark.parametrize("name", ORACLES)
def test_rows_on_arrays_broadcast(name):
    size = arity(name)
    corner = (1.31, 0.47, 0.83, 0.22, 0.56)[:size]
    lanes = [np.full([3 if j == i else 1 for j in range(size)], x) for i, x in enumerate(corner)]
    out = evaluate(ROWS[name], lanes)
    assert out.shape == (3,) * size
    assert float(out[(0,) * size]) == pytest.approx(ROWS[name](*corner), rel=1e-14, nan_ok=True)
