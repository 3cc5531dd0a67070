"""The backward pass: the chain rule, applied once to every node.

The gradient of a node is the sum, over the nodes that use it, of their gradient times the local
derivative on the edge. Taken in reverse topological order, all users of a node come before it,
so its gradient is complete when its turn comes: one sweep computes all gradients.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable
from math import isfinite

from autograd import modes
from autograd import primitives as p
from autograd.errors import AnomalyError
from autograd.graph import topological_order
from autograd.value import Value, _listed


def backward(root: Value, seed: float) -> None:
    """Run the pass from `root`: see `Value.backward`."""
    paused = gc.isenabled()
    gc.disable()  # the pass makes no cycles, but many lists and floats would set the collector off
    try:
        order = topological_order((root,), Value._edges)
        for node in order:
            if node._primitive is not None:
                node.grad = 0.0
        root.grad += seed
        check = modes.anomaly.get()
        for node in reversed(order):
            gradient = node.grad
            da, db = node._da, node._db
            if db is not None:
                node._b.grad += gradient * db
                if da is not None:
                    node._a.grad += gradient * da
            elif da.__class__ is tuple:
                if gradient == 0.0 and isfinite(sum(da)):  # a dead neuron: it would add 0 n times
                    continue
                for parent, local in zip(node._a, da):  # noqa: B905 - hot, and equal
                    parent.grad += gradient * local
            elif da is not None:
                node._a.grad += gradient * da
            if check:
                _refuse_anomaly(node)
    finally:
        if paused:
            gc.enable()


def _refuse_anomaly(node: Value) -> None:
    """Raise if a parent's gradient has just become nan or infinite."""
    for parent in node._edges():
        if parent.grad - parent.grad != 0.0:
            site = getattr(node, "_site", "a line not recorded: create the node in detect_anomaly")
            raise AnomalyError(
                f"the gradient of {_listed((parent,))} became {parent.grad} in the pass through "
                f"{node.op}({_listed(node._operands())}) = {node.data!r}, whose own gradient is "
                f"{node.grad!r}; it was made at {site}"
            )


def recorded_backward(root: Value, seed: float) -> None:
    """Run the pass with nodes for gradients: see `Value.backward(create_graph=True)`.

    Each gradient is one `dot` node, of the local derivatives and the gradients of the users.
    """
    for node, gradient in adjoints(root, Value(seed)).items():
        if node._primitive is None:
            node.grad += gradient.data
            earlier = node.grad_value
            node._grad_value = gradient if earlier is None else earlier + gradient
        else:
            node.grad = gradient.data
            node._grad_value = gradient


def adjoints(root: Value, seed: Value) -> dict[Value, Value]:
    """Return the derivative of `root` with respect to each node it depends on, as a Value.

    The derivatives are computed by the same rules as ever, applied to the nodes themselves.
    """
    order = topological_order((root,), Value._edges)
    locals_: dict[Value, list[Value | float]] = {node: [] for node in order}
    upstream: dict[Value, list[Value]] = {node: [] for node in order}
    result: dict[Value, Value] = {}
    for node in reversed(order):
        gradient = seed if node is root else p.dot(*locals_[node], *upstream[node], 0.0)
        result[node] = gradient
        for parent, local in zip(node._edges(), _recorded_locals(node), strict=True):
            locals_[parent].append(local)
            upstream[parent].append(gradient)
    return result


def _recorded_locals(node: Value) -> list[Value | float]:
    """Return the local derivatives along the edges of `node`, as Values where they vary."""
    op = node._primitive
    if op is None:
        return []
    recorded = node._da if node._da.__class__ is tuple else (node._da, node._db)
    if op is p.where:  # its derivatives are 0 and 1: which is which was settled when it was made
        return [d for d in recorded if d is not None]
    operands = node._operands()
    wanted = [d is not None for d in node.local_derivatives]
    values = op.local_derivatives(node, operands, wanted)
    out = op.forward(*[x if x.__class__ is float else x.data for x in operands])
    now = [out, *[d if d.__class__ is float else d.data for d in values]]
    then = [node.data, *[d for d in recorded if d is not None]]
    if any(a != b and (a == a or b == b) for a, b in zip(now, then, strict=True)):
        raise RuntimeError(
            f"the data of {node!r}, or of an operand of it, was changed after it was computed: "
            f"{_listed(operands)}; compute it again before backward(create_graph=True)"
        )
    return values


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
        value._grad_value = None
