"""copy, deepcopy and pickle of nodes and of whatever holds them."""

import copy
import math
import pickle

import pytest
from graphs import described, ordered
from oracles import ORACLES, ROWS, arity

import autograd
from autograd import Value, where

COPIES = {
    "deepcopy": copy.deepcopy,
    **{
        f"pickle {protocol}": lambda x, protocol=protocol: pickle.loads(pickle.dumps(x, protocol))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    },
}
copies = pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)


def graph():
    """A root with shared nodes, numbers, names, many-operand nodes and an untaken branch."""
    x, w = Value(0.5, "x"), Value(-1.5, "w")
    h = x * w
    h.name = "h"
    z = autograd.dot([h, 2.0], [h, w], 1)
    y = where(h < 0, z.tanh() + h, z.exp()) ** 2
    return y, [x, w]


@copies
def test_data_names_gradients_and_connections_are_kept(copied):
    y, _ = graph()
    y.backward()
    z = copied(y)
    assert described(z) == described(y)
    assert not set(ordered(z)) & set(ordered(y))


@copies
def test_a_copy_can_be_differentiated_and_the_original_is_not_touched(copied):
    y, leaves = graph()
    z = copied(y)
    z.backward()
    assert [leaf.grad for leaf in leaves] == [0.0, 0.0]
    y.backward()
    assert described(z) == described(y)


@copies
def test_a_copy_can_be_differentiated_twice(copied):
    y, (x, _) = graph()
    y.backward(create_graph=True)
    second = x.grad_value
    autograd.zero_grad([x])
    second.backward()
    z = copied(graph()[0])
    (cx,) = [v for v in ordered(z) if v.name == "x"]
    z.backward(create_graph=True)
    gradient = cx.grad_value
    autograd.zero_grad([cx])
    gradient.backward()
    assert cx.grad == x.grad


@copies
def test_a_number_operand_stays_a_constant(copied):
    x = Value(-2.0)
    y = copied(x**3)
    y.backward()
    leaf, three = y.parents
    assert (leaf.grad, three.data, three.grad) == (12.0, 3.0, 0.0)
    assert y.parents[1] is three
    y = x**3
    three = y.parents[1]
    z = copied(y)
    z.backward()
    assert (z.parents[0].grad, z.parents[1].grad) == (12.0, 0.0)


@copies
def test_a_leaf(copied):
    x = Value(0.1, "x")
    x.grad = 0.3
    y = copied(x)
    assert y is not x
    assert (type(y), y.data, y.grad, y.name, y.op, y.parents) == (Value, 0.1, 0.3, "x", "", ())


@copies
def test_nan_infinity_and_signed_zero(copied):
    for data in (math.nan, math.inf, -math.inf, -0.0, 5e-324):
        got = copied(Value(data)).data
        assert got == data or (got != got and data != data)
        assert math.copysign(1.0, got) == math.copysign(1.0, data)


@copies
def test_leaves_shared_by_several_roots_stay_shared(copied):
    w, x = Value(2.0, "w"), Value(3.0, "x")
    parts = {"roots": [w * x, (w + x).exp()], "w": w, "params": (w, x)}
    got = copied(parts)
    w2, x2 = got["params"]
    assert got["w"] is w2
    for root in got["roots"]:
        leaves = {v.name: v for v in ordered(root)}
        assert leaves["w"] is w2
        assert leaves["x"] is x2
    got["roots"][0].backward()
    assert (w2.grad, x2.grad, w.grad) == (3.0, 2.0, 0.0)


def test_deepcopy_of_inner_nodes_in_one_container():
    """In one deepcopy inner nodes stay shared as well."""
    x = Value(2.0)
    h = x * x
    y = h.exp()
    y2, h2 = copy.deepcopy([y, h])
    assert y2.parents == (h2,)
    h3, y3 = copy.deepcopy([h, y])
    assert y3.parents == (h3,)


def test_deepcopy_takes_what_the_memo_has():
    x = Value(2.0)
    y = x * x
    stand_in = Value(7.0)
    z = copy.deepcopy(y, {id(x): stand_in})
    assert z.parents == (stand_in, stand_in)


@copies
def test_objects_around_nodes(copied):
    class_like = {"w": [Value(1.0), Value(2.0)], "text": "t"}
    class_like["sum"] = sum(class_like["w"])
    got = copied(class_like)
    got["sum"].backward()
    assert [w.grad for w in got["w"]] == [1.0, 1.0]


@copies
@pytest.mark.parametrize("name", ORACLES)
def test_every_row(name, copied):
    leaves = [Value(x) for x in (0.31, 0.47, 0.83, 0.22, 0.56)[: arity(name)]]
    y = ROWS[name](*leaves)
    z = copied(y)
    assert described(z) == described(y)
    assert z.op == name


def test_shallow_copy_shares_the_parents():
    x = Value(2.0)
    y = x * 3
    y.name, y.grad = "y", 0.5
    z = copy.copy(y)
    assert z is not y
    assert (z.data, z.grad, z.name, z.op) == (6.0, 0.5, "y", "*")
    assert z.parents[0] is x
    assert z.local_derivatives == y.local_derivatives
    z.data = z.grad = 0.0
    assert (y.data, y.grad) == (6.0, 0.5)
    z.backward()
    assert x.grad == 3.0
    leaf = copy.copy(x)
    assert (leaf.data, leaf.grad, leaf.parents) == (2.0, 3.0, ())


def test_shallow_copy_of_a_node_with_many_operands():
    x = Value(2.0)
    z = copy.copy(autograd.dot([x], [3.0], 1))
    z.backward()
    assert (z.data, x.grad, len(z.parents)) == (7.0, 3.0, 3)


def test_a_copy_does_not_depend_on_the_mode():
    y, _ = graph()
    with autograd.no_grad():
        z = copy.deepcopy(y)
        u = pickle.loads(pickle.dumps(y))
    assert described(z) == described(u) == described(y)


def test_unpickling_in_a_fresh_process(run_python, tmp_path):
    y, _ = graph()
    y.backward()
    file = tmp_path / "graph.pickle"
    file.write_bytes(pickle.dumps([y, "and more"]))
    code = """
import pickle, sys
with open(sys.argv[1], "rb") as file:
    y, more = pickle.load(file)
print(repr(y), y.op, len(y.parents))
y.backward()
nodes = [y]
while nodes:
    node = nodes.pop()
    nodes += node.parents
    if node.name == "x":
        x = node
print(repr(x.grad), "numpy" in sys.modules)
"""
    (x,) = [v for v in ordered(y) if v.name == "x"]
    first = x.grad
    assert run_python(code, file) == f"{y!r} square 1\n{2 * first!r} False\n"


def test_an_unknown_primitive_is_named():
    """As when the code that defined a primitive of one's own has not run."""
    text = pickle.dumps(Value(1.0).tanh())
    assert b"tanh" in text
    with pytest.raises(LookupError, match=r"no primitive is called 'tnah'.*defined before"):
        pickle.loads(text.replace(b"tanh", b"tnah"))


def test_a_row_of_the_table_is_itself_when_copied():
    tanh = ROWS["tanh"]
    assert copy.copy(tanh) is copy.deepcopy(tanh) is pickle.loads(pickle.dumps(tanh)) is tanh


class Parameter(Value):
    """A leaf of a kind of its own."""

    __slots__ = ()


@pytest.mark.parametrize("copied", [*COPIES.values(), copy.copy], ids=[*COPIES, "copy"])
def test_a_leaf_of_a_subclass_keeps_its_class(copied):
    p = Parameter(2.0, "p")
    p.grad = 0.5
    q = copied(p)
    assert (type(q), q.data, q.grad, q.name) == (Parameter, 2.0, 0.5, "p")
