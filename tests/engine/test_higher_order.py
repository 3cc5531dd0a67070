"""Recorded backward passes: what they leave, and what they refuse.

Their numbers are those of mpmath: see `tests/transforms/test_derivatives.py`.
"""

import math

import pytest

import autograd
from autograd import Value, primitive, where, zero_grad


def derivative(node, leaves, path):
    """Differentiate `node` with respect to leaves[i] for each i of `path` in turn."""
    for i in path:
        zero_grad(leaves)
        node.backward(create_graph=True)
        node = leaves[i].grad_value
        if node is None:  # not connected
            return 0.0
    return node.data


# --- grad_value -------------------------------------------------------------------------------


def test_grad_stays_a_float_next_to_grad_value():
    x = Value(3.0)
    y = x * x
    y.backward(create_graph=True)
    assert (type(x.grad), x.grad) == (float, 6.0)
    assert isinstance(x.grad_value, Value)
    assert x.grad_value.data == 6.0
    assert y.grad_value.data == y.grad == 1.0


def test_grad_value_accumulates_in_leaves_and_is_that_of_the_last_pass_inside():
    a = Value(1.0)
    b = 2 * a
    c = 2 * b
    for _ in range(2):
        c.backward(create_graph=True)
    assert (a.grad, a.grad_value.data) == (8.0, 8.0)
    assert (b.grad, b.grad_value.data) == (2.0, 2.0)
    assert (c.grad, c.grad_value.data) == (1.0, 1.0)


def test_accumulated_grad_value_can_be_differentiated():
    x = Value(2.0)
    (x**3).backward(create_graph=True)
    (x**2).backward(create_graph=True)
    total = x.grad_value
    zero_grad([x])
    total.backward()
    assert x.grad == 6 * 2.0 + 2.0


def test_seed_of_a_recorded_pass():
    x = Value(3.0)
    (x * x).backward(seed=0.5, create_graph=True)
    assert (x.grad, x.grad_value.data) == (3.0, 3.0)


def test_each_adjoint_is_one_dot_node():
    x, w = Value(2.0, "x"), Value(0.5, "w")
    h = x * w
    y = h.tanh() * h + x
    y.backward(create_graph=True)
    for node in (x, w, h):
        assert node.grad_value.op == "dot"
    # h has two uses, so ⟨local derivatives, adjoints of the users⟩ + 0 has 2·2 + 1 parents
    locals_, adjoints = h.grad_value.parents[:2], h.grad_value.parents[2:4]
    assert len(h.grad_value.parents) == 5
    assert sorted(v.data for v in locals_) == pytest.approx(
        sorted([math.tanh(1.0), 1 / math.cosh(1.0) ** 2])
    )
    assert all(v.op in ("dot", "") or v is y.grad_value for v in adjoints)


def test_looking_at_the_parents_changes_no_derivative():
    """A number turned into a constant leaf, because it was asked for, is still a constant."""

    def second(look):
        x = Value(-2.0)
        y = x**3
        if look:
            assert [v.data for v in y.parents] == [-2.0, 3.0]
        with autograd.detect_anomaly():  # ∂/∂exponent is nan: nobody should compute it
            y.backward(create_graph=True)
            gradient = x.grad_value
            zero_grad([x])
            gradient.backward()
        return x.grad

    assert second(look=False) == -12.0
    assert second(look=True) == -12.0


def test_gradient_does_not_flow_into_constants():
    x = Value(2.0)
    y = 3.0 * x
    three, _ = y.parents
    y.backward()
    assert (three.grad, x.grad) == (0.0, 3.0)
    y.backward(create_graph=True)
    assert three.grad == 0.0
    assert three.grad_value is None


# --- changed data -----------------------------------------------------------------------------


def recorded(function, *xs):
    leaves = [Value(x, f"x{i}") for i, x in enumerate(xs)]
    return function(*leaves), leaves


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * x,
        lambda x: 3.0 * x,
        lambda x: x + 1.0,
        lambda x: x.exp(),
        lambda x: -x,
        lambda x: autograd.dot([x], [2.0], 1.0),
        lambda x: autograd.fsum([x, x]),
        lambda x: autograd.clip(x, -5.0, 5.0),
        lambda x: autograd.relu(x) + 0.0,
        lambda x: where(x > 0, x, 0.0),
    ],
)
def test_changed_data_of_a_leaf_is_noticed(function):
    y, (x,) = recorded(function, 2.0)
    x.data = 2.5
    with pytest.raises(RuntimeError, match=r"x0=2\.5.*changed after it was computed"):
        y.backward(create_graph=True)


@pytest.mark.parametrize("is_root", [False, True])
def test_changed_data_of_an_inner_node_is_noticed(is_root):
    h = Value(2.0) * 2.0
    y = h.tanh()
    (y if is_root else h).data = 0.1
    with pytest.raises(RuntimeError, match=r"changed after it was computed"):
        y.backward(create_graph=True)


@pytest.mark.usefixtures("own_primitives_forgotten")
def test_a_rule_that_is_another_for_values_is_told_from_changed_data():
    def rule(x):
        return 3.0 if isinstance(x, float) else 2.0 * x

    square = primitive(lambda x: x * x, rule, name="square of mine")
    x = Value(1.0, "x")
    y = square(x)
    message = r"'square of mine' at 1\.0 are 3\.0 for numbers, but 2\.0 for Values"
    with pytest.raises(RuntimeError, match=message):
        y.backward(create_graph=True)
    x.data = 1.5
    with pytest.raises(RuntimeError, match="changed after it was computed"):
        y.backward(create_graph=True)


def test_data_changed_back_is_fine():
    y, (x,) = recorded(lambda x: x * x, 2.0)
    x.data = 2.5
    x.data = 2.0
    y.backward(create_graph=True)
    assert x.grad_value.data == 4.0


def test_a_refused_pass_leaves_no_gradient():
    y, (x,) = recorded(lambda x: (x * x).tanh(), 2.0)
    x.data = 2.5
    with pytest.raises(RuntimeError):
        y.backward(create_graph=True)
    assert (x.grad, x.grad_value, y.grad) == (0.0, None, 0.0)


def test_changed_data_does_not_matter_to_the_plain_pass():
    y, (x,) = recorded(lambda x: x * x, 2.0)
    x.data = 100.0
    y.backward()
    assert x.grad == 4.0
