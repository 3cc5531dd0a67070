"""The backward pass: the chain rule, applied once to every node.

The gradient of a node is the sum, over the nodes that use it, of their gradient times the local
derivative on the edge. Taken in reverse topological order, all users of a node come before it,
so its gradient is complete when its turn comes: one sweep computes all gradients.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from math import isclose, isfinite
from typing import Any

from autograd import modes
from autograd import primitives as p
from autograd.errors import AnomalyError
from autograd.graph import topological_order
from autograd.value import Value, described


def backward(root: Value, seed: float) -> None:
    """Run the pass from `root`: see `Value.backward`."""
    with collector_paused():
        order = topological_order((root,), Value._edges)
        for node in order:
            if node._primitive is not None:
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
            _refuse_anomaly(node)


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the garbage collector: a pass makes no cycles, but enough objects to set it off."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _refuse_anomaly(node: Value) -> None:
    """Raise if a parent's gradient has just become nan or infinite."""
    for parent in node._edges():
        if not isfinite(parent.grad):
            site = getattr(node, "_site", "a line not recorded: create the node in detect_anomaly")
            raise AnomalyError(
                f"the gradient of {described((parent,))} became {parent.grad} in the pass through "
                f"{node.op}({described(node._operands())}) = {node.data!r}, whose own gradient is "
                f"{node.grad!r}; it was made at {site}"
            )


def recorded_backward(root: Value, seed: float) -> None:
    """Run the pass with nodes for gradients: see `Value.backward(create_graph=True)`."""
    order = topological_order((root,), Value._edges)
    for node, gradient in adjoints(order, {root: Value(seed)}).items():
        if node._primitive is None:
            node.grad += gradient.data
            earlier = node.grad_value
            node._grad_value = gradient if earlier is None else earlier + gradient
        else:
            node.grad = gradient.data
            node._grad_value = gradient


def adjoints(order: Sequence[Value], seeds: dict[Value, Any]) -> dict[Value, Any]:
    """Return the gradient of each node in `order` as a node that can be differentiated again.

    Each is one `dot` of local derivatives and gradients of the users: the chain rule. The local
    derivatives come from the rules of the table, applied to the nodes themselves.

    Args:
        order: nodes in topological order; parents that are not among them get no gradient.
        seeds: the gradients that come from outside, of the roots.
    """
    terms: dict[Value, list[tuple[Any, Any]]] = {node: [] for node in order}
    gates: dict[Value, list[Any]] = {node: [] for node in order}
    result: dict[Value, Any] = {}
    for node in reversed(order):
        seed = seeds.get(node, 0.0)
        locals_, upstream = zip(*terms[node], strict=True) if terms[node] else ((), ())
        result[node] = gradient = p.dot(*locals_, *upstream, seed) if locals_ else seed
        # a traced node that only branches of `where` lead to is reached only where one was taken
        ways = [] if node in seeds or None in gates[node] else gates[node]
        reached = reduce(p.maximum, ways) if ways else None
        for parent, local, gate in recorded_edges(node):
            if parent in terms:
                if reached is not None:
                    gate = reached if gate is None else reached * gate
                terms[parent].append(gated(local, gradient, gate))
                gates[parent].append(gate)
    return result


def gated(local: Any, rate: Any, gate: Any = None) -> tuple[Any, Any]:
    """Give the factors of a term of the chain rule: nothing where the gate is 0, not even nan."""
    return (local, rate) if gate is None else (1.0, p.where(p.gt(gate, 0.0), local * rate, 0.0))


def recorded_edges(node: Value) -> list[tuple[Value, Any, Any]]:
    """Return the edges of `node` as parents with local derivatives, as nodes where they vary.

    The third entry is the gate of a traced branch of `where`, 1 where it is taken; else None.

    Raises:
        RuntimeError: the data of the node or of a parent was changed since the node was made.
    """
    op, edges = node._primitive, node._edges()
    if op is None or not edges:
        return []
    if node._rank > Value._rank:
        traced: list[tuple[Value, Any, Any]] = node._traced_edges()  # type: ignore[attr-defined]
        return traced
    wanted = [d is not None for d in node.local_derivatives]
    operands = [x if want else _plain(x) for x, want in zip(node._operands(), wanted, strict=True)]
    recorded = [d for d in node.local_derivatives if d is not None]
    if op is p.where:  # 1 towards the branch taken: settled when it was made
        values, out = recorded, edges[0].data
    else:
        values = op.local_derivatives(node, operands, wanted)
        out = op.float_forward(*map(_plain, operands))
    same = out == node.data or (out != out and node.data != node.data)
    # a user's rule may round differently on nodes than it did on floats
    if not same or not all(map(_close, map(_plain, values), recorded)):
        raise RuntimeError(
            f"cannot record the derivative of {node!r}: its data, or that of an operand "
            f"({described(operands)}), was changed after it was computed; compute it again"
        )
    return [(parent, local, None) for parent, local in zip(edges, values, strict=True)]


def _close(a: float, b: float) -> bool:
    return isclose(a, b, rel_tol=1e-9) or (a != a and b != b)


def _plain(x: Any) -> float:
    """Give the number of a node or a number."""
    number: float = x if x.__class__ is float else x.data
    return number


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
