"""The graph: how a node keeps its edges, and the one order in which everything walks along them.

Only here and in `methods.py`, which makes most nodes, is it known how a node keeps its edges. All
else asks `operands_of(node)`, `edges_of(node)` and their kin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import isfinite
from typing import Any, TypeVar

from autograd.engine.sums import write_in, written_out

N = TypeVar("N")

_new = object.__new__


class Node:
    """A number that knows its operation and its operands. `Value` has the arithmetic.

    The kinds of number that operations apply to, of which this is one, have `__rank__` and
    `__apply__`: see `dispatch.py`.
    """

    # How a node keeps its edges. `_a` and `_b` are its operands; `_da` and `_db` the local
    # derivatives towards them, or None where there is no edge: a number, or the branch that
    # `where` did not take. A node with any number of operands has tuples instead: `_b` of all
    # operands, `_a` of those with an edge and `_da` of the local derivatives towards these.
    # A sum with products written into it has lists there: see `sums.py`.
    # So most nodes are one object: quick to make, and quick to walk for the garbage collector. A
    # leaf has none of these, but what was computed under `no_grad` has an `_a` of 0.0 for a mark.
    __slots__ = ("_a", "_b", "_da", "_db", "_grad", "_primitive", "_site", "data", "grad", "name")

    __rank__ = 1

    data: float
    grad: float
    name: str | None
    _primitive: Any
    _a: Any
    _b: Any
    _da: Any
    _db: float | None
    _grad: Any
    _site: str

    def __edges__(self) -> tuple[Any, ...]:
        """Return the parents along which gradients flow: see `edges_of`."""
        node = written_out(self, new_node)
        if node._da.__class__ is tuple:
            return node._a  # type: ignore[no-any-return]
        edges = (node._a, node._da), (node._b, node._db)
        return tuple([operand for operand, slope in edges if slope is not None])


def _passed_on_to(node: Node) -> Sequence[Any]:
    """Return the same for a pass on numbers, for which a sum takes in the product it ends with."""
    da, db = node._da, node._db
    if db is None:
        kind = da.__class__
        if kind is float:
            return (node._a,)
        return () if da is None else node._a if kind is tuple or kind is list else (node._a,)
    if da is None:
        return (node._b,)
    if node._a._da.__class__ is list and node._a._primitive is node._primitive:
        write_in(node, node._a._b[-1])
    return (node._a, node._b) if node._db is not None else node._a


def new_node(
    kind: type[Any],
    op: Any,
    data: float,
    a: Any = None,
    b: Any = None,
    da: Any = None,
    db: Any = None,
) -> Any:
    """Make a node: see `Node` for what the operands and the local derivatives are."""
    node = _new(kind)
    node.data = data
    node.grad = 0.0
    node.name = None
    node._primitive = op
    node._a = a
    node._b = b
    node._da = da
    node._db = db
    return node


def kept_edges(node: Node) -> tuple[Any, Any, Any, Any]:
    """Return the edges of a node as it keeps them, and as `new_node` takes them."""
    written_out(node, new_node)
    return node._a, node._b, node._da, node._db


def operation_of(node: Node) -> Any:
    """Return the row of the table that made a node; None for a leaf."""
    return node._primitive


def new_unrecorded(kind: type[Any], data: float) -> Any:
    """Make the result of an operation that is not recorded."""
    return new_node(kind, None, data, 0.0)


def is_recorded(node: Node) -> bool:
    """Tell a leaf or the result of an operation from the result of one under `no_grad`."""
    return node._primitive is not None or node._a is None


def operands_of(node: Node) -> tuple[Any, ...]:
    """Return the operands as they are: nodes, and numbers as floats."""
    if written_out(node, new_node)._da.__class__ is tuple:
        return node._b  # type: ignore[no-any-return]
    if node._b is not None:
        return node._a, node._b
    return () if node._primitive is None else (node._a,)


def nodes_of(node: Node) -> list[Any]:
    """Return the operands that are nodes, whether or not gradients flow to them.

    >>> from autograd import Value
    >>> x = Value(1.0)
    >>> nodes_of(x + 2.0) == [x]
    True
    """
    return [x for x in operands_of(node) if x.__class__ is not float]


def edges_of(node: Any) -> tuple[Any, ...]:
    """Return the parents along which gradients flow, in the order in which passes take them.

    >>> from autograd import Value
    >>> a, b = Value(3.0), Value(5.0)
    >>> edges_of(a * b) == (a, b)
    True
    """
    return node.__edges__()  # type: ignore[no-any-return]


def slopes_of(node: Node) -> Sequence[float]:
    """Return the local derivatives that were recorded towards `edges_of(node)`.

    >>> from autograd import Value
    >>> slopes_of(Value(3.0) * Value(5.0))
    [5.0, 3.0]
    """
    da, db = written_out(node, new_node)._da, node._db
    return da if da.__class__ is tuple else [d for d in (da, db) if d is not None]


def all_slopes_of(node: Node) -> tuple[float | None, ...]:
    """Return the local derivative towards each operand; None where there is no edge."""
    if written_out(node, new_node)._da.__class__ is not tuple:
        return (node._da, node._db)[: len(operands_of(node))]
    if len(node._da) == len(node._b):
        return node._da  # type: ignore[no-any-return]
    slopes, varying = iter(node._da), set(node._a)
    return tuple([next(slopes) if x in varying else None for x in node._b])


def set_operands(node: Node, operands: tuple[Any, ...]) -> None:
    """Put nodes where numbers are among the operands."""
    if node._da.__class__ is tuple:
        node._b = operands
    else:
        node._a, node._b = operands


def site_of(node: Node) -> str | None:
    """Return the line of code that a node was made at, if that was noted."""
    return getattr(node, "_site", None)


def note_site(node: Node, site: str) -> None:
    """Note the line of code that a node was made at."""
    node._site = site


def topological_order(roots: Iterable[N], parents: Callable[[N], Sequence[N]]) -> list[N]:
    """Return every node that `roots` depend on, each once, each after all of its parents.

    A depth-first search in post-order: a node is listed when all of its parents have been. It
    keeps its own stack, so depth is bounded by memory and not by Python's recursion limit.

    Args:
        roots: the nodes to start from.
        parents: gives the parents of a node that count: all of them to draw a graph, only those
            along which gradients flow to differentiate it. The last is visited first.

    >>> topological_order("c", {"a": "", "b": "a", "c": "ba"}.get)
    ['a', 'b', 'c']
    """
    order: list[N] = []
    seen: set[N] = set()
    stack: list[Any] = list(roots)[::-1]
    push, pop = stack.append, stack.pop
    while stack:
        node = pop()
        if node is None:  # the marker: the node under it has had all its parents listed
            order.append(pop())
        elif node not in seen:
            seen.add(node)
            above = parents(node)
            if seen.issuperset(above):  # a leaf, or a neuron after its neighbours
                order.append(node)
            else:
                push(node)
                push(None)
                stack.extend(above)
    return order


def keep_gradient(node: Node, gradient: Any) -> None:
    """Keep the gradient of a node as a node: see `Value.grad_value`; None forgets it."""
    node._grad = gradient


def gradient_order(root: Node) -> list[Any]:
    """Return all that gradients flow to from `root`, and itself, in topological order."""
    return topological_order((root,), Node.__edges__)


def pass_order(root: Node) -> list[Any]:
    """Return the same for a pass on numbers, in which no node is made for its sake."""
    return topological_order((root,), _passed_on_to)


def clear_inner(order: Iterable[Node]) -> None:
    """Set the gradients of all nodes but the leaves to zero, and those that are None."""
    for node in order:
        if node._primitive is not None or node.grad is None:  # as PyTorch writes 0
            node.grad = 0.0


def give_on(order: Sequence[Node], after_each: Callable[[Node], None] | None = None) -> None:
    """Give each node's gradient on to its parents, from the last of `order` to the first."""
    for node in reversed(order):
        gradient = node.grad
        da, db = node._da, node._db
        if db is not None:
            if da is not None:
                node._a.grad += gradient * da
            node._b.grad += gradient * db
        elif da.__class__ is tuple or da.__class__ is list:
            if gradient == 0.0 and isfinite(sum(da)):  # a dead neuron: it would add 0 n times
                continue
            for parent, local in zip(node._a, da):  # noqa: B905 - hot, and equal
                parent.grad += gradient * local
        elif da is not None:
            node._a.grad += gradient * da
        if after_each is not None:
            after_each(node)
