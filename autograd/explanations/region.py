"""The backward pass beside a graph, and the part of a graph between a node and a result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from autograd.engine import Value, edges_of, gradient_order, slopes_of, topological_order


class Edge(NamedTuple):
    """What one step of the backward pass does along one edge.

    Attributes:
        parent: the node at the other end, an operand of the step's node.
        local: the local derivative, of the step's node with respect to the parent.
        contribution: upstream gradient × local derivative.
        sum_before: the gradient of the parent so far.
        running_sum: the same with this contribution.
    """

    parent: Value
    local: float
    contribution: float
    sum_before: float
    running_sum: float


def swept(
    order: Sequence[Value], seed: float, gradients: dict[Value, float]
) -> Iterator[tuple[Value, float, tuple[Edge, ...]]]:
    """Run the backward pass beside the graph, node by node, in the order of `backward()`.

    `give_on` in `engine/graph.py` does the same on the nodes themselves, too fast to watch.

    The order is topological, the root last; other nodes get no gradient. The sums are kept in
    `gradients`. Each node comes with its gradient, and with what that gives on.

    >>> a = Value(3.0)
    >>> [(gradient, len(edges)) for _, gradient, edges in swept([a, a * a], 1.0, {})]
    [(1.0, 2), (6.0, 0)]
    """
    gradients.update(dict.fromkeys(order, 0.0))
    for root in order[-1:]:
        gradients[root] += seed
    for node in reversed(order):
        upstream = gradients[node]
        edges = []
        for parent, local in local_edges(node):
            if parent in gradients:
                contribution, before = upstream * local, gradients[parent]
                gradients[parent] = after = before + contribution
                edges.append(Edge(parent, local, contribution, before, after))
        yield node, upstream, tuple(edges)


class Region:
    """All paths from `wrt` to `root`, as a graph, with the gradients along them.

    Every user of a node in the region that `root` depends on is in the region too, so the
    gradients of its nodes follow from the region alone. They are added up in the order in which
    `backward()` does it, and are equal to its gradients bit for bit. No `grad` is touched.

    Attributes:
        order: the nodes, each after its parents: the first is `wrt`, the last `root`. It is empty
            if `root` does not depend on `wrt`.
        gradients: ∂root/∂node for each of them.
        uses: for each of them, the nodes that use it, each with the local derivative; one that
            uses it twice, as in a × a, is there twice.

    Raises:
        TypeError: `root` or `wrt` is not a Value.

    >>> a = Value(3.0)
    >>> region = Region(a * a + 1, a)
    >>> [node.op for node in region.order], region.gradient
    (['', '*', '+'], 6.0)
    """

    def __init__(self, root: Value, wrt: Value) -> None:
        for what, x in (("root", root), ("wrt", wrt)):
            if not isinstance(x, Value) or x.__rank__ != Value.__rank__:
                raise TypeError(f"{what} must be a Value, not {x!r}")
        self.root, self.wrt = root, wrt
        inside = {wrt}
        order = gradient_order(root)
        for node in order:
            if not inside.isdisjoint(edges_of(node)):
                inside.add(node)
        self.order = [node for node in order if node in inside] if root in inside else []
        self.gradients: dict[Value, float] = {}
        self.uses: dict[Value, list[tuple[Value, float]]] = {node: [] for node in self.order}
        for node, _, edges in swept(self.order, 1.0, self.gradients):
            for edge in edges:
                self.uses[edge.parent].append((node, edge.local))

    @property
    def gradient(self) -> float:
        """∂root/∂wrt; 0 if `root` does not depend on `wrt`.

        >>> Region(Value(1.0), Value(2.0)).gradient
        0.0
        """
        return self.gradients.get(self.wrt, 0.0)

    @cached_property
    def computed(self) -> list[Value]:
        """The nodes in the order in which Python computes them, operands from left to right."""
        order = topological_order((self.root,), lambda node: edges_of(node)[::-1])
        return [node for node in order if node in self.gradients]

    def steps(self, node: Value) -> dict[Value, float]:
        """Return ∂user/∂node for each user of a node, where one that uses it twice is there once.

        >>> a = Value(3.0)
        >>> b = a * a
        >>> Region(b, a).steps(a) == {b: 6.0}
        True
        """
        steps: dict[Value, float] = {}
        for user, local in self.uses[node]:
            steps[user] = steps[user] + local if user in steps else local
        return steps


def local_edges(node: Value) -> list[tuple[Value, Any]]:
    """Return the edges along which gradients flow, in the order in which `backward()` takes them.

    >>> a, b = Value(3.0), Value(5.0)
    >>> local_edges(a * b) == [(a, 5.0), (b, 3.0)]
    True
    """
    return list(zip(edges_of(node), slopes_of(node), strict=True))
