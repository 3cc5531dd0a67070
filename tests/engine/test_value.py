"""The node itself: construction, operators, identity, printing, parents."""

import math
import operator
import pickle
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from graphs import KINDS
from hypothesis import given
from hypothesis import strategies as st

import autograd
import nn
from autograd import MistakeWarning, Value, explain
from autograd.engine.primitives import lookup

finite = st.floats(-1e6, 1e6)
OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
NUMBERS = [3, True, Fraction(1, 2), np.float64(0.5), np.int64(3)]
COMPARE = [operator.lt, operator.le, operator.gt, operator.ge]


def shown(error):
    return str(error.value)


# --- construction -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_", "data"),
    [(2, 2.0), (2.5, 2.5), (True, 1.0), (-0.0, -0.0), (Fraction(1, 4), 0.25), (10**22, 1e22)],
)
def test_data_is_a_float(given_, data):
    v = Value(given_)
    assert type(v.data) is float
    assert v.data == data
    assert (v.grad, type(v.grad), v.name) == (0.0, float, None)


def test_name_is_positional_or_keyword():
    assert Value(1.0, "x").name == Value(1.0, name="x").name == "x"
    v = Value(data=1.0)
    v.name = "later"
    assert "later" in repr(v)


def test_a_float_subclass_becomes_a_float():
    class Celsius(float):
        pass

    assert type(Value(Celsius(3.0)).data) is float
    assert type((Value(1.0) * Celsius(3.0)).data) is float


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ("3", r"data must be a real number, not the str '3'.*float\('3'\)"),
        (1j, r"data must be a real number, not the complex 1j.*\.real"),
        ([1], r"data must be a real number, not the list \[1\].*one Value per element"),
        ((1, 2), r"not the tuple \(1, 2\).*one Value per element"),
        ([0.0] * 1000, r"not the list \[0\.0, 0\.0.*\.\.\."),
        (None, r"not the NoneType None"),
        ({}, r"not the dict \{\}"),
        (b"3", r"not the bytes b'3'"),
        (Decimal("0.5"), r"not the Decimal"),
        (Value(1.0), r"not the Value .*, which is a node already; its number is \.data"),
        (object, r"not the type"),
    ],
    ids=lambda x: type(x).__name__,
)
def test_what_is_no_number_is_named(given_, message):
    with pytest.raises(TypeError, match=message) as error:
        Value(given_)
    assert "Value(data)" in shown(error)
    assert len(shown(error)) < 250


@pytest.mark.parametrize("x", [10**400, 10**5000, Fraction(10**400)], ids=["long", "longer", "q"])
def test_a_number_too_large_for_a_float_is_a_type_error(x):
    """Also an int with more digits than Python is willing to print."""
    for use in (Value, lambda x: Value(1.0) * x):
        with pytest.raises(TypeError, match="too large for a float"):
            use(x)


def test_unknown_attributes_are_refused():
    with pytest.raises(AttributeError):
        Value(1.0).gard = 2.0


# --- operators --------------------------------------------------------------------------------


@pytest.mark.parametrize("op", OPERATORS, ids=lambda o: o.__name__)
@pytest.mark.parametrize("number", [3, 2.5, True, Fraction(1, 2)], ids=lambda n: type(n).__name__)
def test_operators_with_numbers_on_either_side(op, number):
    v = Value(1.5)
    right, left = op(v, number), op(number, v)
    assert type(right) is Value
    assert type(left) is Value
    assert right.data == op(1.5, float(number))
    assert left.data == op(float(number), 1.5)
    assert right.parents[0] is v
    assert left.parents[1] is v
    assert (right.parents[1].data, left.parents[0].data) == (float(number), float(number))
    assert type(right.data) is type(left.data) is float


@pytest.mark.parametrize("op", OPERATORS, ids=lambda o: o.__name__)
def test_operators_with_values(op):
    a, b = Value(1.5), Value(2.5)
    c = op(a, b)
    assert c.data == op(1.5, 2.5)
    assert c.parents == (a, b)
    assert op(a, a).parents == (a, a)


@given(a=finite, b=finite)
def test_operators_agree_with_floats(a, b):
    for op in OPERATORS[:3]:
        want = op(a, b)
        for x, y in ((Value(a), Value(b)), (Value(a), b), (a, Value(b))):
            assert op(x, y).data == want


@pytest.mark.parametrize(
    ("expression", "data", "slopes"),
    [
        (lambda a, b: a**b, 8.0, (12.0, 8 * math.log(2))),
        (lambda a, b: a**3 + 0 * b, 8.0, (12.0, 0.0)),
        (lambda a, b: 2**b + 0 * a, 8.0, (0.0, 8 * math.log(2))),
        (lambda a, b: 2.0**b + 0 * a, 8.0, (0.0, 8 * math.log(2))),
        (lambda a, b: pow(a, b), 8.0, (12.0, 8 * math.log(2))),
        (lambda a, b: a**-1 + 0 * b, 0.5, (-0.25, 0.0)),
        (lambda a, b: a**0.5 + 0 * b, math.sqrt(2), (0.5 / math.sqrt(2), 0.0)),
        (lambda a, b: a**True + 0 * b, 2.0, (1.0, 0.0)),
    ],
)
def test_powers(expression, data, slopes):
    a, b = Value(2.0), Value(3.0)
    y = expression(a, b)
    y.backward()
    assert y.data == pytest.approx(data)
    assert (a.grad, b.grad) == pytest.approx(slopes)


def test_pow_with_a_modulus_is_refused():
    with pytest.raises(TypeError):
        pow(Value(2.0), 3, 5)


def test_signs():
    v = Value(-1.5)
    assert (-v).data == 1.5
    assert (-v).op == "neg"
    assert +v is v
    assert abs(v).data == v.abs().data == 1.5


def test_in_place_operators_make_new_nodes():
    v = w = Value(2.0)
    w += 1
    w -= 0.5
    w *= 2
    w /= 4
    w **= 2
    assert w.data == 1.5625
    assert v.data == 2.0
    w.backward()
    assert v.grad == 1.25


def test_sum_and_math_prod_work():
    vs = [Value(1.0), Value(2.0), Value(3.0)]
    assert sum(vs).data == 6.0
    assert math.prod(vs).data == 6.0
    assert sum(vs).op == "+"


@pytest.mark.parametrize("op", [*OPERATORS, *COMPARE], ids=lambda o: o.__name__)
@pytest.mark.parametrize("other", ["3", None, [1.0], (1.0,), {}, 1j, object], ids=str)
def test_operators_with_anything_else_are_type_errors(op, other):
    with pytest.raises(TypeError):
        op(Value(1.0), other)
    with pytest.raises(TypeError):
        op(other, Value(1.0))


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (autograd.exp, ("3",)),
        (autograd.exp, (None,)),
        (autograd.exp, ([1.0],)),
        (autograd.exp, (1j,)),
        (autograd.gelu, ("3",)),
        (autograd.pow, ("3", 2.0)),
        (autograd.pow, (2.0, "3")),
        (autograd.pow, (Value(2.0), "3")),
        (autograd.maximum, (2.0, "3")),
        (autograd.maximum, (Value(2.0), "3")),
        (autograd.maximum, ("3", Value(2.0))),
        (autograd.minimum, (Value(2.0), None)),
        (autograd.hypot, (Value(2.0), [1.0])),
        (autograd.atan2, (2.0, 1j)),
        (autograd.xlogy, (2.0, "3")),
        (autograd.leaky_relu, (2.0, "3")),
        (autograd.elu, (Value(2.0), "3")),
        (autograd.clip, (Value(2.0), 0.0, "3")),
        (autograd.where, (True, Value(1.0), "3")),
        (autograd.dot, ([Value(1.0)], ["3"])),
        (autograd.fsum, (["3"],)),
        (autograd.mean, ([Value(1.0), "3"],)),
        (autograd.logsumexp, ([1.0, "3"],)),
        (autograd.softmax, (["3"],)),
    ],
)
def test_functions_name_an_operand_that_is_no_number(function, arguments):
    with pytest.raises(TypeError, match=r"must be a real number, not the (str '3'|\w+ )"):
        function(*arguments)


@pytest.mark.parametrize("number", NUMBERS, ids=lambda n: type(n).__name__)
def test_functions_of_all_kinds_of_numbers_are_floats(number):
    x = float(number)
    for got, want in (
        (autograd.exp(number), autograd.exp(x)),
        (autograd.pow(2, number), 2.0**x),
        (autograd.pow(number, 2), x**2),
        (autograd.maximum(number, 0), max(x, 0.0)),
        (autograd.hypot(number, number), math.hypot(x, x)),
        (autograd.clip(number, 0, number), x),
        (autograd.where(number > 0, number, 0), x),
        (autograd.fsum([number, number]), 2 * x),
        (autograd.mean([number]), x),
        (autograd.dot([number], [2], number), 3 * x),
        (autograd.logsumexp([number]), x),
        (autograd.softmax([number])[0], 1.0),
        (autograd.log_softmax([number])[0], 0.0),
        (autograd.gelu(number), autograd.gelu(x)),
    ):
        assert type(got) is float
        assert got == want


@pytest.mark.parametrize("number", NUMBERS, ids=lambda n: type(n).__name__)
def test_functions_mix_values_with_all_kinds_of_numbers(number):
    v, x = Value(0.5), float(number)
    for got, want in (
        (autograd.maximum(v, number), max(0.5, x)),
        (autograd.maximum(number, v), max(0.5, x)),
        (autograd.pow(v, number), 0.5**x),
        (autograd.pow(number, v), x**0.5),
        (autograd.clip(v, number, 9), max(0.5, x)),
        (autograd.where(True, v, number), 0.5),
        (autograd.fsum([v, number]), 0.5 + x),
        (autograd.dot([v], [number]), 0.5 * x),
    ):
        assert type(got) is Value
        assert type(got.data) is float
        assert got.data == want


def test_sums_of_nothing():
    assert autograd.fsum([]) == 0.0
    assert type(autograd.fsum([])) is float
    assert autograd.dot([], []) == 0.0
    assert autograd.dot([], [], Value(2.0)).data == 2.0
    for function in (autograd.mean, autograd.logsumexp, autograd.softmax, autograd.log_softmax):
        with pytest.raises(
            TypeError, match=r"takes a list of numbers, such as \[x, y\], not Value"
        ):
            function(Value(1.0))
        with pytest.raises(ValueError, match=function.__name__):
            function([])


def test_functions_of_many_take_iterators():
    vs = [Value(1.0), Value(2.0)]
    assert autograd.fsum(iter(vs)).data == 3.0
    assert autograd.mean(v for v in vs).data == 1.5
    assert autograd.dot(iter(vs), iter(vs)).data == 5.0
    assert len(autograd.softmax(iter(vs))) == 2


def test_dot_names_the_lengths():
    with pytest.raises(ValueError, match="not 2 and 1"):
        autograd.dot([1.0, 2.0], [1.0])


def test_gelu_names_the_approximation():
    with pytest.raises(ValueError, match="'sigmoid'"):
        autograd.gelu(Value(1.0), approximate="sigmoid")


def test_where_refuses_a_value_as_its_condition():
    with pytest.raises(TypeError, match="v > 0"):
        autograd.where(Value(1.0), 1.0, 2.0)
    with pytest.raises(TypeError, match="v > 0"):
        autograd.where(Value(1.0), Value(1.0), 2.0)
    with pytest.raises(TypeError, match=r"where is -2: for ~c write where\(c, y, x\)"):
        autograd.where(~int(Value(1.0) > 0), 1.0, 2.0)  # of a bool, Python 3.12 warns


# --- methods and functions --------------------------------------------------------------------


UNARY = [
    *("exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "square", "sin", "cos"),
    *("tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "atanh", "erf", "erfc"),
    *("sigmoid", "log_sigmoid", "softplus", "relu", "silu", "gelu", "abs", "sign"),
]


@pytest.mark.parametrize("name", UNARY)
def test_methods_and_functions_are_the_same(name):
    x, y = Value(0.4), Value(0.4)
    by_method, by_function = getattr(x, name)(), getattr(autograd, name)(y)
    number = getattr(autograd, name)(0.4)
    assert type(number) is float
    assert by_method.data == by_function.data == number
    assert by_method.op == by_function.op == name
    assert by_method.local_derivatives == by_function.local_derivatives
    assert by_method.parents == (x,)
    assert by_function.parents == (y,)


def test_every_function_of_the_contract_exists():
    names = (
        "exp expm1 log log1p log2 log10 sqrt cbrt square sin cos tan asin acos atan atan2 sinh "
        "cosh tanh asinh acosh atanh erf erfc sigmoid log_sigmoid softplus relu leaky_relu elu "
        "silu gelu abs sign pow hypot maximum minimum clip where xlogy dot fsum mean logsumexp "
        "softmax log_softmax no_grad zero_grad detect_anomaly Value"
    )
    assert set(names.split()) <= set(dir(autograd))
    assert all(hasattr(autograd, name) for name in autograd.__all__)


# --- comparisons and identity -----------------------------------------------------------------


@given(a=st.floats(), b=st.floats())
def test_comparisons_look_at_the_data(a, b):
    for op in COMPARE:
        for x, y in ((Value(a), Value(b)), (Value(a), b), (a, Value(b))):
            assert op(x, y) is op(a, b)


def test_comparisons_with_ints():
    assert Value(2.0) < 3
    assert Value(2.0).__gt__(1)
    assert Value(2.0) <= 2
    assert not Value(2.0) > 10**400


def test_equality_is_identity():
    a, b = Value(1.0), Value(1.0)
    assert a == a
    assert a != b
    assert a != None  # noqa: E711
    assert a not in ["a", b"a", [1.0], object()]
    assert len({a, b, a}) == 2
    assert {a: 1, b: 2}[a] == 1
    assert a in [b, a]
    assert b not in [a]


@pytest.mark.parametrize(
    "compare",
    [
        lambda v: v == 1,
        lambda v: 1.0 == v,  # noqa: SIM300
        lambda v: not v != True,  # noqa: E712, SIM202
        lambda v: v == Fraction(1),
        lambda v: v == Decimal(1),
        lambda v: v in (1.0, 2.0),
        lambda v: autograd.where(v == 1, 1.0, 0.0),
        lambda v: autograd.grad(lambda x: x if x == 1 else 0.0 * x)(v.data),
        lambda v: autograd.compile(lambda x: x if v == 1 else 0.0 * x)(1.0),
    ],
)
def test_a_value_equals_no_number_and_says_so(compare):
    with pytest.warns(MistakeWarning, match=r"equals no number.*as in v\.data == ") as caught:
        assert not compare(Value(1.0))
    assert {warning.filename for warning in caught} == {__file__}


def test_the_hash_is_that_of_a_plain_object():
    assert Value.__hash__ is object.__hash__  # in C, so that walks of the graph are quick


# --- as a number ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "convert",
    [float, math.exp, math.sqrt, math.isnan, complex, math.floor, math.fsum],
)
def test_a_value_does_not_turn_into_a_float_silently(convert):
    argument = [Value(1.0)] if convert is math.fsum else Value(1.0)
    with pytest.raises(TypeError, match=r"autograd\.exp.*\.item\(\)"):
        convert(argument)


@pytest.mark.parametrize("convert", [int, round, lambda v: round(v, 2)])
def test_rounding_names_the_data(convert):
    with pytest.raises(
        TypeError, match=r"cut the graph.*: round the data, as in round\(v\.data, 2\)"
    ):
        convert(Value(1.0))


@pytest.mark.parametrize("op", [operator.and_, operator.or_, operator.xor])
def test_what_joins_comparisons_says_so(op):
    """As in `v > 0 & v < 1`, where brackets are missing."""
    v = Value(2.0)
    for expression in (lambda: op(v, 1), lambda: op(0, v), lambda: op(v, v), lambda: ~v):
        with pytest.raises(TypeError, match=r"for comparisons, in brackets: \(v > 0\) & \(w < 1\)"):
            expression()


@pytest.mark.parametrize("op", [operator.floordiv, operator.mod, divmod])
@pytest.mark.parametrize("operands", [(Value(7.0), 2), (7.0, Value(2.0)), (Value(7.0), Value(2.0))])
def test_floor_and_remainder_say_what_to_write(op, operands):
    with pytest.raises(
        TypeError, match=r"write v\.data // 2 .* v - 2 \* \(v\.data // 2\) for v % 2"
    ):
        op(*operands)


@pytest.mark.parametrize("convert", [operator.index, list, len])
def test_other_conversions_are_type_errors(convert):
    with pytest.raises(TypeError):
        convert(Value(1.0))


@pytest.mark.parametrize("test", [bool, operator.not_, lambda v: v and 1, lambda v: 1 if v else 0])
def test_truth_is_refused(test):
    with pytest.raises(TypeError, match=r"v\.data != 0"):
        test(Value(1.0))


def test_format():
    v = Value(1.23456, "w")
    assert f"{v:.3f}" == "1.235"
    assert f"{v:>8.1f}" == "     1.2"
    assert f"{v:e}" == "1.234560e+00"
    assert f"{v}" == str(v) == repr(v)
    with pytest.raises(ValueError, match="format"):
        f"{v:q}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Value(2.0), "Value(data=2.0, grad=0.0)"),
        (Value(1 / 3), "Value(data=0.333333, grad=0.0)"),
        (Value(2.0, "x"), "Value(data=2.0, grad=0.0, name='x')"),
        (Value(2.0) * 3, "Value(data=6.0, grad=0.0, op='*')"),
        (Value(math.nan), "Value(data=nan, grad=0.0)"),
        (Value(1e300), "Value(data=1e+300, grad=0.0)"),
        (Value(-math.inf), "Value(data=-inf, grad=0.0)"),
    ],
)
def test_repr(value, text):
    assert repr(value) == text


# --- parents ----------------------------------------------------------------------------------


def test_parents_of_a_leaf():
    v = Value(1.0)
    assert (v.parents, v.op, v.local_derivatives) == ((), "", ())


def test_parents_keep_order_and_multiplicity():
    a, b = Value(1.0), Value(2.0)
    assert (a - b).parents == (a, b)
    assert (b - a).parents == (b, a)
    assert (a * a).parents == (a, a)
    assert autograd.fsum([a, b, a]).parents == (a, b, a)
    assert autograd.clip(a, b, a).parents == (a, b, a)
    assert autograd.where(True, a, b).parents == (a, b)
    assert autograd.where(False, a, a).parents == (a, a)


@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=5), st.floats())
def test_dot_takes_its_row_at_once(pairs, bias):
    ws, xs = [Value(w) for w, _ in pairs], [Value(x) for _, x in pairs]
    quick = autograd.dot(ws, xs, Value(bias))
    row = lookup("dot")(*ws, *xs, Value(bias))
    assert (repr(quick.data), quick.op, quick.parents[:-1]) == (repr(row.data), "dot", (*ws, *xs))
    assert repr(quick.local_derivatives) == repr(row.local_derivatives)


@pytest.mark.parametrize("three", [3, 3.0, Fraction(3)])
def test_numbers_of_any_kind_among_the_operands_of_dot(three):
    x = Value(2.0)
    mixed = autograd.dot([x, three], [4.0, x], 1)
    mixed.backward()
    assert mixed.data == 15.0
    assert mixed.local_derivatives == (4.0, None, None, 3.0, None)
    assert x.grad == 7.0


def constants_of(node):
    return [v for v, d in zip(node.parents, node.local_derivatives, strict=True) if d is None]


@pytest.mark.parametrize(
    "make",
    [
        lambda v: v + 3,
        lambda v: 3 + v,
        lambda v: v**3,
        lambda v: 3 / v,
        lambda v: autograd.clip(v, 3, 3),
        lambda v: autograd.dot([v, 3], [3, v], 3),
        lambda v: autograd.fsum([3, v, 3]),
        lambda v: autograd.where(True, v, 3),
        lambda v: autograd.where(False, v, 3),
        lambda v: autograd.leaky_relu(v, 3),
    ],
)
def test_a_number_operand_is_one_and_the_same_constant_leaf(make):
    v = Value(2.0)
    node = make(v)
    before = node.local_derivatives
    first, second = node.parents, node.parents
    assert all(x is y for x, y in zip(first, second, strict=True))
    assert node.local_derivatives == before
    assert any(x is v for x in first)
    numbers = [x for x in first if x is not v]
    assert numbers
    assert len({id(x) for x in numbers}) == len(numbers)
    assert all((x.data, x.op, x.parents) == (3.0, "", ()) for x in numbers)
    node.backward()
    assert all(x.grad == 0.0 for x in numbers)


def test_parents_asked_for_survive_the_passes():
    v = Value(2.0)
    node = v * 3.0
    three = node.parents[1]
    node.backward()
    node.backward(create_graph=True)
    assert node.parents[1] is three


def test_parents_cannot_be_assigned():
    v = Value(2.0) * 3
    for name in ("parents", "op", "_prev", "_op", "local_derivatives", "grad_value"):
        with pytest.raises(AttributeError):
            setattr(v, name, ())


# --- detach -----------------------------------------------------------------------------------


def test_detach_cuts():
    a = Value(2.0, "a")
    b = a * 3
    d = b.detach()
    assert (d.data, d.op, d.parents, d.grad) == (6.0, "", (), 0.0)
    assert a.detach().name == "a"
    assert a.detach() is not a
    (d * a).backward()
    assert (a.grad, d.grad, b.grad) == (6.0, 2.0, 0.0)


# --- code written for micrograd ---------------------------------------------------------------


def test_micrograds_readme():
    a = Value(-4.0)
    b = Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    assert f"{g.data:.4f}" == "24.7041"
    g.backward()
    assert f"{a.grad:.4f}" == "138.8338"
    assert f"{b.grad:.4f}" == "645.5773"


def test_micrograds_sanity_check():
    x = Value(-4.0)
    z = 2 * x + 2 + x
    q = z.relu() + z * x
    h = (z * z).relu()
    y = h + q + q * x
    y.backward()
    assert (y.data, x.grad) == (-20.0, 46.0)


def test_micrograds_drawing_code_runs():
    """Its `trace` and the names that `draw_dot` builds."""

    def trace(root):
        nodes, edges = set(), set()

        def build(v):
            if v not in nodes:
                nodes.add(v)
                for child in v._prev:
                    edges.add((child, v))
                    build(child)

        build(root)
        return nodes, edges

    a = Value(2.0)
    root = (a * 3 + a).relu()
    nodes, edges = trace(root)
    labels = sorted("{ data %.4f | grad %.4f }" % (n.data, n.grad) for n in nodes)  # noqa: UP031
    assert labels[0] == "{ data 2.0000 | grad 0.0000 }"
    assert len({str(id(n)) + n._op for n in nodes}) == len(nodes) == 5
    assert len(edges) == 5
    assert trace(root) == (nodes, edges)


def test_names_are_labels_in_karpathys_lecture():
    a, b = Value(2.0, label="a"), Value(-3.0, "b")
    e = a * b
    e.label = "e"
    assert [v.name for v in (a, b, e)] == [v.label for v in (a, b, e)] == ["a", "b", "e"]
    assert Value(1.0).label == ""
    with pytest.raises(TypeError, match="name must be a str, not 3"):
        Value(1.0, label=3)


@pytest.mark.parametrize("two", [2, 2.0, np.int64(2), np.float32(2.0), np.array(2)])
def test_a_square_is_an_operation_of_one_operand(two):
    x = Value(-3.0, "x")
    y = x**two
    y.backward(create_graph=True)
    assert (y.data, y.op, y.parents, x.grad) == (9.0, "square", (x,), -6.0)
    assert str(explain(y, x)).splitlines()[-1] == "  ∂z₁/∂x = 2 · x = -6"
    x.grad_value.backward()
    assert x.grad == -6.0 + 2.0
    assert [(x**k).op for k in (3, 1, -2, Value(2.0))] == ["**"] * 4


def test_micrograds_loss_and_update():
    ws = list(map(Value, [0.5, -0.25]))
    losses = [(1 + -yi * (ws[0] * xi + ws[1])).relu() for xi, yi in ((1.0, 1), (2.0, -1))]
    total = sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(w * w for w in ws)
    for w in ws:
        w.grad = 0
    total.backward()
    for w in ws:
        w.data -= 0.1 * w.grad
    assert [w.data for w in ws] == pytest.approx([0.44999, -0.249995])


# --- subclasses -------------------------------------------------------------------------------


class Parameter(Value):
    """A leaf of a kind of its own, with a slot more."""

    __slots__ = ("frozen",)

    def __init__(self, data, name=None):
        super().__init__(data, name)
        self.frozen = False


@pytest.mark.parametrize("op", OPERATORS, ids=lambda o: o.__name__)
def test_subclasses_take_part_in_operations(op):
    p, v = Parameter(2.0, "p"), Value(3.0)
    for x, y in ((p, v), (v, p), (p, p), (p, 3.0), (3.0, p)):
        node = op(x, y)
        plain = op(*[Value(z.data) if isinstance(z, Value) else z for z in (x, y)])
        assert type(node) is Value
        assert node.data == plain.data
        assert node.local_derivatives == plain.local_derivatives
        p.grad = 0.0
        node.backward()
        slopes = zip(node.parents, node.local_derivatives, strict=True)
        assert p.grad == sum(slope for parent, slope in slopes if parent is p)


@pytest.mark.parametrize("make", KINDS)
def test_subclasses_take_part_in_functions(make):
    p = Parameter(0.5)
    node = make(p)
    assert type(node) is Value
    assert p in node.parents
    node.backward()
    node.backward(create_graph=True)


# --- data changed later -----------------------------------------------------------------------


def test_data_changed_after_the_forward_pass_is_not_differentiated():
    a, b = Value(2.0), Value(3.0)
    h = a * b
    y = h.exp()
    a.data, b.data, h.data, y.data = 10.0, 20.0, 30.0, 40.0
    y.backward()
    assert h.grad == math.exp(6.0)
    assert (a.grad, b.grad) == (3 * math.exp(6.0), 2 * math.exp(6.0))


def test_pickle_of_a_leaf_is_small():
    assert len(pickle.dumps(Value(1.0))) < 150


USES = {
    "v * 2": lambda v: v * 2,
    "2 - v": lambda v: 2 - v,
    "v + v": lambda v: (v + v).backward(),  # which is text, until somebody looks
    "v + w": lambda v: v + Value(1.0),
    "-v": lambda v: -v,
    "v > 0": lambda v: v > 0,
    "1 < v": lambda v: Value(1.0) < v,
    "exp": autograd.exp,
    "where": lambda v: autograd.where(True, v, 0.0),
    "dot": lambda v: autograd.dot([v], [Value(1.0)]),
    "dot with a number": lambda v: autograd.dot([1.0], [v]),
    "fsum": lambda v: autograd.fsum([v, v]),
    "softmax": lambda v: autograd.softmax([v, 1.0]),
    "backward": lambda v: v.backward(),
    "grad": lambda v: autograd.grad(lambda x: x * v)(2.0),
    "compile": lambda v: autograd.compile(lambda x: x * v)(2.0),
    "draw": autograd.draw,
    "SGD": lambda v: nn.SGD([v], lr=0.1).step(),
}


@pytest.mark.parametrize("bad", ["a", "1.5", None, [1.0]], ids=repr)
@pytest.mark.parametrize("use", USES)
def test_data_that_is_no_number_is_refused_by_name_where_it_is_used(use, bad):
    v = Value(1.0, "v")
    v.data = bad
    assert repr(v) == f"Value(data={bad!r}, grad=0.0, name='v')"
    with pytest.raises(TypeError, match="the data of the node 'v' must be a real number, not the"):
        USES[use](v)


def test_a_bad_parameter_of_a_model_is_named():
    model = nn.MLP(2, [2, 1], seed=0)
    model.layers[0].neurons[0].w[0].data = "a"
    for use in (
        lambda: model([1.0, 2.0]),
        lambda: nn.fit(model, [[1.0, 2.0]], [1.0], loss="mse_loss", progress=False),
        model.state_dict,
    ):
        with pytest.raises(TypeError, match=r"data of the node 'layer1\.neuron1\.w1' must be"):
            use()


def test_data_of_other_real_numbers_is_taken():
    v = Value(1.0)
    for number in (2, True, Fraction(1, 2)):
        v.data = number
        assert (v * 3.0).data == 3.0 * number
        assert autograd.compile(lambda x: x * v)(3.0) == 3.0 * number


# --- grad set to None ---------------------------------------------------------------------------


def test_a_gradient_of_none_is_zero():
    w = Value(2.0, "w")
    w.grad = None
    assert repr(w) == "Value(data=2.0, grad=None, name='w')"
    (w * w).backward()
    assert w.grad == 4.0
    w.grad = None
    (w * w).backward(create_graph=True)
    assert w.grad == 4.0
    w.grad = None
    assert autograd.grad(lambda x: x * w)(3.0) == 2.0
    assert w.grad is None


def test_a_gradient_of_none_is_zero_for_optimisers_and_pictures():
    model = nn.MLP(2, [3, 1], seed=0)
    before = model.state_dict()
    for p in model.parameters():
        p.grad = None
    nn.SGD(model.parameters(), lr=0.1).step()
    assert nn.clip_grad_norm(model.parameters(), 1.0) == 0.0
    assert model.state_dict() == before
    root = model([1.0, 2.0])
    for collapse in ("none", "neuron", "layer", "module"):
        assert autograd.draw(root, collapse=collapse).source
    assert autograd.draw(root).text
