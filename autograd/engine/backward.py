"""The backward pass: the chain rule, applied once to every node.

The gradient of a node is the sum, over the nodes that use it, of their gradient times the local
derivative on the edge. Taken in reverse topological order, all users of a node come before it,
so its gradient is complete when its turn comes: one sweep computes all gradients.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite

from autograd.engine import modes
from autograd.engine.graph import topological_order
from autograd.engine.speed import collector_paused
from autograd.engine.value import Value
from autograd.errors import data_of


def backward(root: Value, seed: float) -> None:
    """Run the pass from `root`: see `Value.backward`."""
    with collector_paused():
        order = topological_order((root,), Value._edges)
        if not isinstance(root.data, float):  # a sum of texts, say, comes this far
            for node in order:
                data_of(node)
        for node in order:
            if node._primitive is not None or node.grad is None:  # as PyTorch writes 0
                node.grad = 0.0
        root.grad += seed
        sweep(order)


def sweep(order: Sequence[Value]) -> None:
    """Give each node's gradient on to its parents, from the last of `order` to the first."""
    check = modes.anomaly.get()
    for node in reversed(order):
        gradient = node.grad
        da, db = node._da, node._db
        if db is not None:
            if da is not None:
                node._a.grad += gradient * da
            node._b.grad += gradient * db
        elif da.__class__ is tuple:
            if gradient == 0.0 and isfinite(sum(da)):  # a dead neuron: it would add 0 n times
                continue
            for parent, local in zip(node._a, da):  # noqa: B905 - hot, and equal
                parent.grad += gradient * local
        elif da is not None:
            node._a.grad += gradient * da
        if check:
            modes.refuse_anomaly(node)


def zero_grad(values: Iterable[Value]) -> None:
    """Set the gradient of each of `values` to zero.

    >>> from autograd import Value
    >>> x = Value(3.0)
    >>> (x * x).backward()
    >>> zero_grad([x])
    >>> x.grad
    0.0
    """
    for value in values:
        value.grad = 0.0
        value._grad = None
