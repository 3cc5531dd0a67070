"""The one order in which everything walks the graph: parents before children."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

Node = TypeVar("Node")


def topological_order(
    roots: Iterable[Node], parents: Callable[[Node], Sequence[Node]]
) -> list[Node]:
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
    order: list[Node] = []
    seen: set[Node] = set()
    stack: list[Any] = list(roots)[::-1]
    push, pop = stack.append, stack.pop
    while stack:
        node = pop()
        if node is None:  # the marker: the node under it has had all its parents listed
            order.append(pop())
        elif node not in seen:
            seen.add(node)
            above = parents(node)
            if len(above) > 2 and seen.issuperset(above):  # a neuron after its neighbours
                order.append(node)
            else:
                push(node)
                push(None)
                stack.extend(above)
    return order
