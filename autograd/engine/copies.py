"""Copies and pickles of a graph of any depth, without recursion; a row is pickled by its name.

What a transform differentiates with respect to has no copies while its function runs: they would
cut the graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd.engine import modes
from autograd.engine.graph import (
    Node,
    kept_edges,
    new_node,
    nodes_of,
    operation_of,
    topological_order,
)


def copy_node(node: Node) -> Any:
    """Copy one node, which keeps its operands."""
    return node if modes.is_variable(node) else _with_operands(node, *kept_edges(node))


def _with_operands(node: Node, a: Any, b: Any, da: Any, db: Any) -> Any:
    """Copy one node, with other operands."""
    copy = new_node(type(node), operation_of(node), node.data, a, b, da, db)
    copy.grad, copy.name = node.grad, node.name
    return copy


def deepcopy_graph(root: Node, memo: dict[int, Any]) -> Any:
    """Copy `root` and all that it depends on, except what `memo` says is copied already."""
    copies: dict[Any, Any] = {}
    for node in topological_order((root,), nodes_of):
        copy = node if modes.is_variable(node) else memo.get(id(node))
        if copy is None:
            a, b, da, db = kept_edges(node)
            a, b = _translated(a, copies), _translated(b, copies)
            copy = memo[id(node)] = _with_operands(node, a, b, da, db)
        copies[node] = copy
    return copies[root]


def reduce_graph(root: Node) -> tuple[Any, ...]:
    """Describe `root` for pickle: its leaves as objects, so that roots share them, then rows."""
    if operation_of(root) is None:
        return _leaf, (type(root), root.data, root.grad, root.name)
    order = topological_order((root,), nodes_of)
    leaves = [node for node in order if operation_of(node) is None]
    inner = [node for node in order if operation_of(node) is not None]
    places: dict[Any, int] = {node: i for i, node in enumerate(leaves + inner)}
    rows = []
    for node in inner:
        a, b, da, db = kept_edges(node)
        a, b = _translated(a, places), _translated(b, places)
        rows.append((operation_of(node), node.data, a, b, node.grad, node.name, da, db))
    return _graph, (type(root), leaves, rows)


def _leaf(kind: type[Any], data: float, grad: float, name: str | None) -> Any:
    """Make a leaf again."""
    leaf = kind(data, name)
    leaf.grad = grad
    return leaf


def _graph(kind: type[Any], leaves: list[Any], rows: Sequence[tuple[Any, ...]]) -> Any:
    """Make the graph again, and give its root."""
    nodes: dict[Any, Any] = dict(enumerate(leaves))
    for op, data, a, b, grad, name, da, db in rows:
        node = new_node(kind, op, data, _translated(a, nodes), _translated(b, nodes), da, db)
        node.grad, node.name = grad, name
        nodes[len(nodes)] = node
    return nodes[len(nodes) - 1]


def _translated(operand: Any, table: dict[Any, Any]) -> Any:
    """Replace nodes, or places of nodes, in an operand by what `table` has for them."""
    if operand.__class__ is tuple:
        return tuple([_translated(x, table) for x in operand])
    return operand if operand is None or operand.__class__ is float else table[operand]
