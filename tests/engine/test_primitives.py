"""Every row of the table against an independent oracle: see `oracles`."""

import math
from itertools import pairwise

import pytest
from effort import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st
from limits import SPECIAL
from oracles import COMPARISONS, ORACLES, ROWS, TAILS, arity, check_number, check_row, exact

import autograd
from autograd import Value
from autograd.engine.primitives import TABLE, lookup

any_float = st.one_of(st.sampled_from(SPECIAL), st.floats())


def same(a, b):
    """Equal as IEEE-754 numbers, nan with nan, and 0 with -0 kept apart."""
    return (a != a and b != b) or (a == b and math.copysign(1.0, a) == math.copysign(1.0, b))


def test_every_row_of_the_table_has_an_oracle():
    assert set(ROWS) == set(ORACLES) | set(COMPARISONS) | {"where", "top", "detached"}


def test_every_name_is_that_of_its_row():
    assert all(row.name == name and lookup(name) is row for name, row in ROWS.items())
    assert repr(TABLE["tanh"]) == "<primitive tanh>"


@pytest.mark.parametrize("name", ORACLES)
def test_domain_is_that_of_the_oracle(name):
    assert ROWS[name].domain == tuple((d.lo, d.hi) for d in ORACLES[name].domains)


@pytest.mark.parametrize("name", ORACLES)
@settings(max_examples=10)
@given(data=st.data())
def test_the_oracle_itself_is_consistent(name, data):
    """Its partial derivatives are those of its value, by numerical differentiation."""
    oracle = ORACLES[name]
    point = [exact.mpf(x) for x in data.draw(oracle.operands(calm=True))]
    for i, partial in enumerate(oracle.partials(*point)):
        order = [int(i == j) for j in range(len(point))]
        difference = exact.diff(oracle.value, tuple(point), tuple(order))
        assert exact.almosteq(partial, difference, 1e-30, 1e-30)


@pytest.mark.parametrize("name", ORACLES)
@settings(max_examples=examples(60))
@given(data=st.data())
def test_value_and_derivatives(name, data):
    check_row(name, data.draw(ORACLES[name].operands()))


@pytest.mark.parametrize(
    ("name", "xs"), [(name, xs) for name, points in TAILS.items() for xs in points]
)
def test_value_and_derivatives_in_the_tails(name, xs):
    check_row(name, xs)


@pytest.mark.parametrize("name", ORACLES)
@settings(max_examples=examples(60))
@given(data=st.data())
def test_floats_and_values_take_the_same_rule(name, data):
    op = ROWS[name]
    xs = data.draw(st.tuples(*[any_float] * arity(name)))
    out = op(*xs)
    leaves = [Value(x) for x in xs]
    node = op(*leaves)
    node.backward()
    assert type(out) is float
    assert same(node.data, out)
    locals_ = op.local_derivatives(out, xs, [True] * len(xs))
    assert all(map(same, [0.0 + 1.0 * d for d in locals_], [leaf.grad for leaf in leaves]))
    assert all(map(same, node.local_derivatives, locals_))
    for i, x in enumerate(xs):  # numbers among the operands change nothing for the others
        mixed = op(*xs[:i], leaves[i], *xs[i + 1 :])
        assert same(mixed.data, out)
        assert same(mixed.local_derivatives[i], locals_[i])
        assert [j for j, d in enumerate(mixed.local_derivatives) if d is not None] == [i]
        assert mixed.parents[i] is leaves[i]
        assert same(x, mixed.parents[i].data)


@pytest.mark.parametrize("name", ORACLES)
@settings(max_examples=examples(60))
@given(data=st.data())
def test_nothing_raises_for_any_floats(name, data):
    """Not the value, nor the first and second derivatives; and all of them are floats."""
    xs = data.draw(st.tuples(*[any_float] * arity(name)))
    leaves = [Value(x) for x in xs]
    node = ROWS[name](*leaves)
    node.backward(create_graph=True)
    for first in [leaf.grad_value for leaf in leaves if leaf.grad_value is not None]:
        first.backward(create_graph=True)
        assert type(first.data) is float
    assert {type(v) for leaf in leaves for v in (leaf.data, leaf.grad)} == {float}
    assert type(node.data) is float


@pytest.mark.parametrize("name", ORACLES)
@settings(max_examples=examples(40))
@given(data=st.data())
def test_rules_bound_to_floats_are_the_rules(name, data):
    """What is bound once more, for speed, gives the same bits as the rule that Values take."""
    op = ROWS[name]
    xs = data.draw(st.tuples(*[any_float] * arity(name)))
    out = op.forward(*xs)
    leaves = [Value(x) for x in xs]
    node = op(*leaves)
    on_floats = op.local_derivatives(out, xs, [True] * len(xs))
    on_values = op.local_derivatives(node, leaves, [True] * len(xs))
    plain = [d.data if isinstance(d, Value) else d for d in on_values]
    assert all(map(same, plain, on_floats)), (plain, on_floats)


@given(a=any_float, b=any_float)
@example(a=0.0, b=-0.0)
def test_comparisons_are_those_of_floats(a, b):
    for name, method in COMPARISONS.items():
        want = getattr(a, method)(b)
        for x in (a, Value(a)):
            for y in (b, Value(b)):
                assert ROWS[name](x, y) is want


@given(xs=st.lists(st.floats(allow_nan=False), min_size=1, max_size=5))
def test_top_is_the_largest_without_a_gradient(xs):
    top = ROWS["top"]
    assert top(*xs) == max(xs)
    assert top(*map(Value, xs)) == max(xs)


# --- the tests' own test ----------------------------------------------------------------------

PLANTED = {
    "wrong sign": lambda d: -d,
    "missing factor": lambda d: 0.5 * d,
    "added constant": lambda d: d + 1.0,
    "last digits": lambda d: d * (1.0 + 1e-11),
    "zero": lambda d: 0.0 * d,
    "nan": lambda d: d * math.nan,
}


def check_rows(name, points):
    for xs in points:
        check_row(name, xs)


def plant(patch, op, i, fault):
    """Make the rule of the row for operand `i` wrong, wherever it is bound."""
    for attribute in ("partials", "float_partials"):
        patch.setattr(op, attribute, spoilt(getattr(op, attribute), i, fault))


def spoilt(rules, i, fault):
    if isinstance(rules, tuple):
        return (*rules[:i], lambda *xs: fault(rules[i](*xs)), *rules[i + 1 :])
    return lambda *xs: tuple(fault(d) if j == i else d for j, d in enumerate(rules(*xs)))


@pytest.mark.parametrize("fault", PLANTED)
@pytest.mark.parametrize("name", sorted(set(ORACLES) - {"sign", "above"}))  # slopes of 0
def test_a_wrong_rule_is_caught(name, fault, monkeypatch):
    points = {
        "clip": [(0.3, 0.1, 0.9), (0.3, 0.4, 0.9), (0.3, 0.1, 0.2)],
        "maximum": [(0.3, 0.1), (0.1, 0.3)],
        "minimum": [(0.3, 0.1), (0.1, 0.3)],
        "leaky_relu": [(-0.3, 0.1)],
        "elu": [(-0.3, 0.1)],
        "acosh": [(1.7,)],
    }.get(name, [(0.31, 0.47, 0.83, 0.22, 0.56)[: arity(name)]])
    check_rows(name, points)
    op = ROWS[name]
    for i in range(arity(name)):
        with monkeypatch.context() as patch:
            plant(patch, op, i, PLANTED[fault])
            with pytest.raises(AssertionError, match=f"∂.*operand {i}"):
                check_rows(name, points)


@pytest.mark.parametrize("name", ["sign", "above"])
def test_a_slope_planted_in_a_flat_row_is_caught(name, monkeypatch):
    plant(monkeypatch, ROWS[name], 0, lambda d: d + 1e-9)
    with pytest.raises(AssertionError, match="∂"):
        check_row(name, (0.31, 0.47)[: arity(name)])


def test_a_wrong_value_is_caught(monkeypatch):
    for attribute in ("forward", "float_forward"):
        monkeypatch.setattr(ROWS["tanh"], attribute, lambda x: math.tanh(x) * (1.0 + 2e-15))
    with pytest.raises(AssertionError, match=r"tanh\(0\.3,\)"):
        check_row("tanh", (0.3,))


def test_a_result_that_is_no_float_is_caught():
    with pytest.raises(AssertionError, match="is a int"):
        check_number("x", 1, exact.exp, [exact.zero], 1.0, 1.0)


@pytest.mark.parametrize("got", [math.nan, math.inf, 0.0, -1.0])
def test_nan_and_infinities_are_not_close_to_a_number(got):
    with pytest.raises(AssertionError):
        check_number("x", got, exact.exp, [exact.zero], 1e-12, 0.0, ill_conditioned=True)


# --- shares -------------------------------------------------------------------------------------


scores = st.lists(st.floats(-600, 600), min_size=1, max_size=8)


@given(xs=scores)
def test_softmax_lies_in_the_simplex(xs):
    shares = autograd.softmax(xs)
    assert all(0.0 <= p <= 1.0 for p in shares)
    assert math.fsum(shares) == pytest.approx(1.0, rel=1e-14)


@given(xs=scores)
def test_softmax_keeps_the_order(xs):
    shares = autograd.softmax(xs)
    by_score = sorted(range(len(xs)), key=xs.__getitem__)
    assert all(shares[i] <= shares[j] for i, j in pairwise(by_score))
