"""The backward pass with nodes for gradients, so that they can be differentiated again.

It is the chain rule of `backward.py`, written with the rows of the table: the gradient of a
node is a `dot` of local derivatives and of the gradients of its users. The local derivatives come
from the same rules, applied to the nodes themselves instead of to their numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import isclose
from typing import Any

from autograd.engine import modes
from autograd.engine import table as p
from autograd.engine.graph import (
    edges_of,
    gradient_order,
    keep_gradient,
    operands_of,
    operation_of,
    slopes_of,
)
from autograd.errors import grad_of

Node = Any  # a Value, or while a function is traced the `passes.trace.Row` of a stand-in

# A parent, the local derivative towards it, and the gate of a traced branch of `where`: 1 where it
# is taken, 0 elsewhere. Other edges have None.
RecordedEdge = tuple[Node, Any, Any]


def recorded_backward(root: Any, seed: Any) -> None:
    """Run the pass with nodes for gradients: see `Value.backward(create_graph=True)`."""
    for node, gradient in adjoints(gradient_order(root), {root: seed}).items():
        if operation_of(node) is None:
            node.grad = grad_of(node) + gradient.data
            earlier = node.grad_value
            keep_gradient(node, gradient if earlier is None else earlier + gradient)
        else:
            node.grad = gradient.data
            keep_gradient(node, gradient)


def adjoints(order: Sequence[Node], seeds: dict[Node, Any]) -> dict[Node, Any]:
    """Return the gradient of each node in `order` as a node that can be differentiated again.

    Parents that are not in this topological order get none; `seeds` come from outside, at roots.
    """
    terms: dict[Node, list[tuple[Any, Any]]] = {node: [] for node in order}
    gates: dict[Node, list[Any]] = {node: [] for node in order}
    result: dict[Node, Any] = {}
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
    """Return the factors of a term of the chain rule: nothing where the gate is 0, not even nan."""
    return (local, rate) if gate is None else (1.0, p.where(p.gt(gate, 0.0), local * rate, 0.0))


def recorded_edges(node: Node) -> list[RecordedEdge]:
    """Return the edges of `node` with the local derivatives as nodes where they vary.

    Raises:
        RuntimeError: the data of the node or of a parent was changed since the node was made, or
            a rule of the user's own gives something else for nodes than it gave for numbers.
    """
    if hasattr(node, "recorded_edges"):  # a row of a trace
        own: list[RecordedEdge] = node.recorded_edges()
        return own
    op, parents = operation_of(node), edges_of(node)
    if op is None or not parents:
        return []
    wanted = [d is not None for d in node.local_derivatives]
    operands = [
        x if want else _number(x) for x, want in zip(operands_of(node), wanted, strict=True)
    ]
    numbers = list(map(_number, operands))
    recorded = slopes_of(node)
    if op is p.where:  # 1 towards the branch taken: settled when it was made
        locals_, out = recorded, parents[0].data
    else:
        locals_, out = op.local_derivatives(node, operands, wanted), op.float_forward(*numbers)
    same = out == node.data or (out != out and node.data != node.data)
    if same and all(map(_close, map(_number, locals_), recorded)):
        return [(parent, local, None) for parent, local in zip(parents, locals_, strict=True)]
    if same and all(map(_close, op.local_derivatives(out, numbers, wanted), recorded)):
        raise RuntimeError(
            f"cannot record the derivative of {node!r}: the partial derivatives of {op.name!r} at "
            f"{modes.described(numbers)} are {modes.described(recorded)} for numbers, but "
            f"{modes.described(locals_)} for Values; write them with autograd's functions"
        )
    raise RuntimeError(
        f"cannot record the derivative of {node!r}: its data, or that of an operand "
        f"({modes.described(operands)}), was changed after it was computed; compute it again"
    )


def recorded_numbers(node: Node) -> list[RecordedEdge]:
    """Return the edges of `node` with the local derivatives as numbers, as they were recorded."""
    return [(x, d, None) for x, d in zip(edges_of(node), slopes_of(node), strict=True)]


def _close(a: float, b: float) -> bool:
    """Compare, with room for a rule that rounds differently on nodes than it did on floats."""
    return isclose(a, b, rel_tol=1e-9) or (a != a and b != b)


def _number(x: Any) -> float:
    """Return the number of a node or a number."""
    number: float = x if x.__class__ is float else x.data
    return number
