"""Copies and pickles of a graph of any depth, without recursion; a row is pickled by its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from autograd.engine.graph import topological_order
from autograd.engine.primitives import OWN, TABLE, Primitive

if TYPE_CHECKING:
    from autograd.engine.value import Value


def _linked(node: Value) -> tuple[Value, ...]:
    """Give the operands that are nodes, with or without an edge."""
    return tuple([x for x in node._operands() if x.__class__ is not float])


def lookup(name: str) -> Primitive:
    """Return the row called `name`.

    Raises:
        LookupError: there is no such row.

    >>> lookup("tanh")
    <primitive tanh>
    """
    row = TABLE.get(name) or OWN.get(name)
    if row is None:
        raise LookupError(
            f"no primitive is called {name!r}; one of your own must be defined before it is used"
        )
    return row


def copy_node(node: Value) -> Value:
    """Copy one node, which keeps its operands."""
    return _with_operands(node, node._a, node._b)


def _with_operands(node: Value, a: Any, b: Any) -> Value:
    """Copy one node, with other operands."""
    copy = object.__new__(type(node))
    copy.data, copy.grad, copy.name = node.data, node.grad, node.name
    copy._primitive, copy._a, copy._b = node._primitive, a, b
    copy._da, copy._db = node._da, node._db
    return copy


def deepcopy_graph(root: Value, memo: dict[int, Any]) -> Value:
    """Copy `root` and all that it depends on, except what `memo` says is copied already."""
    copies: dict[Any, Value] = {}
    for node in topological_order((root,), _linked):
        copy = memo.get(id(node))
        if copy is None:
            a, b = _translated(node._a, copies), _translated(node._b, copies)
            copy = memo[id(node)] = _with_operands(node, a, b)
        copies[node] = copy
    return copies[root]


def reduce_graph(root: Value) -> tuple[Any, ...]:
    """Describe `root` for pickle: its leaves as objects, so that roots share them, then rows."""
    if root._primitive is None:
        return _leaf, (type(root), root.data, root.grad, root.name)
    order = topological_order((root,), _linked)
    leaves = [node for node in order if node._primitive is None]
    inner = [node for node in order if node._primitive is not None]
    places: dict[Any, int] = {node: i for i, node in enumerate(leaves + inner)}
    rows = [
        (
            node._primitive,
            node.data,
            _translated(node._a, places),
            _translated(node._b, places),
            node.grad,
            node.name,
            node._da,
            node._db,
        )
        for node in inner
    ]
    return _graph, (leaves, rows)


def _leaf(kind: type[Value], data: float, grad: float, name: str | None) -> Value:
    """Make a leaf again."""
    leaf = kind(data, name)
    leaf.grad = grad
    return leaf


def _graph(leaves: list[Value], rows: Sequence[tuple[Any, ...]]) -> Value:
    """Make the graph again, and give its root."""
    from autograd.engine.value import _node

    nodes: dict[Any, Value] = dict(enumerate(leaves))
    for op, data, a, b, grad, name, da, db in rows:
        node = _node(op, data, _translated(a, nodes), _translated(b, nodes), da, db)
        node.grad, node.name = grad, name
        nodes[len(nodes)] = node
    return nodes[len(nodes) - 1]


def _translated(operand: Any, table: dict[Any, Any]) -> Any:
    """Replace nodes, or places of nodes, in an operand by what `table` has for them."""
    if operand.__class__ is tuple:
        return tuple([_translated(x, table) for x in operand])
    return operand if operand is None or operand.__class__ is float else table[operand]
