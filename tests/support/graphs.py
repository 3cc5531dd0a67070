"""Graphs that many tests look at, how they are looked at, and structures of numbers compared."""

import numpy as np
import pytest

import autograd
from autograd import Value, tanh, where
from autograd.engine import topological_order


def ordered(*roots):
    """All nodes of a graph, operands first, as `draw` numbers them."""
    return topological_order(roots, lambda node: node.parents[::-1])


def described(root):
    """All there is to see of a graph, node by node, as text: there nan equals nan."""
    order = ordered(root)
    place = {node: i for i, node in enumerate(order)}
    return [
        repr((v.data, v.grad, v.name, v.op, v.local_derivatives, [place[x] for x in v.parents]))
        for v in order
    ]


def neuron(backward=False):
    """Micrograd's neuron of one input; its gradients, on request, are there already."""
    w, x, b = Value(-3.0, "w"), Value(2.0, "x"), Value(6.88, "b")
    o = tanh(w * x + b)
    o.name = "o"
    if backward:
        o.backward()
    return o


# Every kind of node, of a value at 0.5 or nearby.
KINDS = [
    lambda v: v + v,
    lambda v: v * 2.0,
    lambda v: 2 - v,
    lambda v: v**3,
    lambda v: 2**v,
    lambda v: -v,
    lambda v: abs(v),
    lambda v: v.exp(),
    lambda v: v.maximum(1.0),
    autograd.gelu,
    lambda v: autograd.dot([v], [v], v),
    lambda v: autograd.dot([v], [1.0]),
    lambda v: autograd.fsum([v, v]),
    lambda v: autograd.softmax([v, v])[0],
    lambda v: autograd.clip(v, 0.0, 1.0),
    lambda v: where(v > 0, v, 0.0),
    lambda v: where(v < 0, v, 0.0),
    lambda v: sum([v, v]),
]


def same_structure(a, b, rel=0.0):
    """Assert that two structures are equal, types and dtypes included."""
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            same_structure(a[key], b[key], rel)
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same_structure(x, y, rel)
    elif isinstance(a, np.ndarray):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_allclose(a, b, rtol=rel)
    else:
        assert a == pytest.approx(b, rel=rel, abs=0.0)
