"""The backward pass: the chain rule, applied once to every node.

The gradient of a node is the sum, over the nodes that use it, of their gradient times the local
derivative on the edge. Taken in reverse topological order, all users of a node come before it,
so its gradient is complete when its turn comes: one sweep computes all gradients.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from autograd.engine import modes
from autograd.engine.graph import Node, clear_inner, give_on, keep_gradient, pass_order
from autograd.engine.speed import collector_paused
from autograd.errors import data_of


def backward(root: Node, seed: float) -> None:
    """Run the pass from `root`: see `Value.backward`."""
    with collector_paused():
        order = pass_order(root)
        if not isinstance(root.data, float):  # a sum of texts, say, comes this far
            for node in order:
                data_of(node)
        clear_inner(order)
        root.grad += seed
        sweep(order)


def sweep(order: Sequence[Node]) -> None:
    """Give each node's gradient on to its parents, from the last of `order` to the first."""
    give_on(order, modes.refuse_anomaly if modes.anomaly.get() else None)


def zero_grad(values: Iterable[Any]) -> None:
    """Set the gradient of each of `values` to zero.

    Raises:
        TypeError: `values` is no list, nor anything like one, or holds what is no Value.

    >>> from autograd import Value
    >>> x = Value(3.0)
    >>> (x * x).backward()
    >>> zero_grad([x])
    >>> x.grad
    0.0
    """
    if not isinstance(values, Iterable):  # a single Value
        raise TypeError(f"zero_grad takes a list of Values, such as [w, b], not {values!r}")
    for value in values:
        if not hasattr(value, "grad"):
            raise TypeError(f"zero_grad takes a list of Values, such as [w, b], not of {value!r}")
        value.grad = 0.0
        keep_gradient(value, None)
