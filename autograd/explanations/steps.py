"""The two passes in slow motion: `forward_steps` and `backward_steps`."""

from __future__ import annotations

import html
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from autograd import notation
from autograd.engine import Value, gradient_order, topological_order
from autograd.errors import as_float
from autograd.explanations.region import Edge, swept
from autograd.notation import TEXT, Names, definition, derivative

if TYPE_CHECKING:
    from autograd.pictures import Drawing

S = TypeVar("S")

WHOLE = 200  # nodes: of a larger graph, a picture shows the neighbours of the step's node
MAX_NEIGHBOURS = 100
_ROWS = 20  # of a table: what a person reads


def forward_steps(root: Value) -> Iterator[ForwardStep]:
    """Go through the computation of `root`, one step per node, operands before results.

    Nothing is computed again: the steps show the numbers that the graph has recorded.

    Args:
        root: the result.

    Raises:
        TypeError: `root` is not a Value.

    >>> from autograd import Value, tanh
    >>> o = tanh(Value(-3.0, "w") * Value(2.0, "x") + 7)
    >>> for step in forward_steps(o):
    ...     print(step)
    forward step 1 of 6: w = -3
    forward step 2 of 6: x = 2
    forward step 3 of 6: z₁ = w · x = (-3) · 2 = -6
    forward step 4 of 6: 7 is a number
    forward step 5 of 6: z₂ = z₁ + 7 = (-6) + 7 = 1
    forward step 6 of 6: z₃ = tanh(z₂) = tanh(1) = 0.7616
    """
    graph = Graph(root)
    steps = (ForwardStep(node, i, graph) for i, node in enumerate(graph.order))
    return Steps("forward", len(graph.order), steps)


def backward_steps(root: Value, seed: float = 1.0) -> Iterator[BackwardStep]:
    """Go through the backward pass from `root`, one step per node, in the order of `backward()`.

    The gradients are kept beside the graph, whose own `grad` the steps neither read nor change.
    Every sum starts at 0; so at the end they are the gradients of `root` alone, to the last bit
    those of `root.backward(seed)` after `zero_grad`.

    Args:
        root: the result to differentiate.
        seed: the derivative of the final result with respect to `root`.

    Raises:
        TypeError: `root` is not a Value, or `seed` not a number.

    >>> from autograd import Value
    >>> x = Value(3.0, "x")
    >>> for step in backward_steps(x.sin() * x):
    ...     print(step)
    backward step 1 of 3: z₂ = z₁ · x, with the gradient ∂z₂/∂z₂ = 1
    parent  local derivative  upstream · local = contribution         running sum
    z₁                 x = 3                        1 · 3 = 3           0 + 3 = 3
    x            z₁ = 0.1411              1 · 0.1411 = 0.1411  0 + 0.1411 = 0.1411
    backward step 2 of 3: z₁ = sin(x), with the gradient ∂z₂/∂z₁ = 3
    parent  local derivative  upstream · local = contribution               running sum
    x         cos(x) = -0.99                3 · (-0.99) = -2.97  0.1411 + (-2.97) = -2.829
    backward step 3 of 3: x is a leaf, with the gradient ∂z₂/∂x = -2.829
    """
    graph, seed = Graph(root), as_float(seed, "seed")
    steps = (
        BackwardStep(node, upstream, edges, i, seed, graph)
        for i, (node, upstream, edges) in enumerate(swept(graph.differentiable, seed, {}))
    )
    return Steps("backward", len(graph.differentiable), steps)


class Steps(Iterator[S]):
    """The steps of a pass, each made when it is asked for; in a prompt they say how to be seen."""

    def __init__(self, name: str, count: int, steps: Iterator[S]) -> None:
        self._text = f"<{notation.count(count, f'{name} step')}: for step in …: print(step)>"
        self._steps = steps

    def __next__(self) -> S:
        return next(self._steps)

    def __repr__(self) -> str:
        return self._text


class Graph:
    """A graph in the order in which its steps go, and what its nodes are called in them."""

    def __init__(self, root: Value) -> None:
        if not isinstance(root, Value):
            raise TypeError(f"steps go from a Value, not from {root!r}")
        self.root = root
        self.order = topological_order((root,), lambda node: node.parents[::-1])
        self.differentiable = gradient_order(root)

    @cached_property
    def numbers(self) -> set[Value]:
        """The nodes that are mere numbers: leaves without a name, to which no gradient flows."""
        variables = set(self.differentiable)
        return {x for x in self.order if not (x.op or x.name or x in variables)}

    @cached_property
    def _names(self) -> Names:
        return Names([x for x in self.order if x not in self.numbers])

    @cached_property
    def names(self) -> dict[Value, str]:
        """Name every node: a number by its digits, the others as in `explain`."""
        names, numbers = self._names, self.numbers
        return {x: notation.number(x.data) if x in numbers else names.text(x) for x in self.order}

    def ratio(self, of: Value, by: Value) -> str:
        """Write the derivative of a node by another."""
        return f"∂{self.names[of]}/∂{self.names[by]}"

    def formula(self, node: Value) -> str:
        """Write an operation in symbols."""
        return TEXT.formula(definition(node), self._names)

    def formula_in_numbers(self, node: Value) -> str:
        """Write an operation in numbers."""
        return TEXT.formula(definition(node, in_numbers=True), self._names)

    def local(self, node: Value, parent: Value) -> str:
        """Write a local derivative in symbols; "" where it is a number, or too long to be read."""
        once = node.parents.count(parent) == 1
        formula = derivative(node, parent) if once else None
        return "" if formula is None else TEXT.formula(formula, self._names)

    def picture(
        self,
        node: Value,
        places: Iterable[int],
        show: Collection[str],
        number_of: Callable[[Value, str], float | None],
        backwards: bool,
    ) -> Drawing:
        """Draw the graph with a node, and its edges to parents at some places, highlighted."""
        from autograd.pictures import Drawing, frames_of, graph_source

        order = self.order
        if len(order) > WHOLE:
            near = {node, *node.parents}
            order = [x for x in order if x in near or node in x.parents]
            if len(order) > MAX_NEIGHBOURS:
                raise ValueError(
                    f"{self.names[node]} has {len(order) - 1} neighbours, and the picture of a "
                    f"step can show {MAX_NEIGHBOURS}: print the step instead"
                )
        clusters, name_of = frames_of(order, self.names)
        return Drawing(
            graph_source(
                order,
                [x for x in order if x is self.root],
                show=show,
                clusters=clusters,
                active_nodes=[node],
                active_edges=[(node, k) for k in places],
                backwards=backwards,
                name_of=name_of,
                number_of=number_of,
            )
        )


class _Step:
    """What the steps of both passes have in common: they can be seen."""

    @property
    def picture(self) -> Drawing:
        """The graph after this step, with the node and the edges that it goes along highlighted.

        A number not yet computed has an empty place, and a gradient is shown as far as it is summed
        up. Of a graph with more than 200 nodes, there are the step's node, its operands and users.

        Raises:
            ValueError: these are more than 100.
        """
        return self._drawn()

    def _drawn(self) -> Drawing:
        raise NotImplementedError

    def _repr_html_(self) -> str:
        """Give Jupyter the picture, where there can be one, over the text."""
        text = f"<pre>{html.escape(str(self))}</pre>"
        try:
            svg = self.picture._repr_svg_()
        except ValueError:  # too large
            return text
        return f'<div style="overflow-x: auto">{svg[svg.index("<svg") :]}</div>{text}'


@dataclass(frozen=True, eq=False)
class ForwardStep(_Step):
    """One step of the forward pass. It draws itself in a notebook; `print` shows it as text.

    Attributes:
        node: the node computed in this step; a leaf comes as it is.
        index: how many steps came before.
    """

    node: Value
    index: int
    _graph: Graph = field(repr=False)

    @property
    def operands(self) -> tuple[Value, ...]:
        """The nodes computed before, from which this one is."""
        return self.node.parents

    @property
    def result(self) -> float:
        """The number computed in this step."""
        return self.node.data

    def _drawn(self) -> Drawing:
        graph = self._graph
        known = {node for node in graph.order if not node.op}
        known.update(graph.order[: self.index + 1])

        def number_of(node: Value, word: str) -> float | None:
            return node.data if word == "data" and node in known else None

        return graph.picture(self.node, range(len(self.operands)), ["data"], number_of, False)

    def __str__(self) -> str:
        graph, node = self._graph, self.node
        name, data = graph.names[node], notation.number(node.data)
        if node.op:
            what = f"{name} = {graph.formula(node)} = {graph.formula_in_numbers(node)} = {data}"
        else:
            what = f"{name} is a number" if name == data else f"{name} = {data}"
        return f"forward step {self.index + 1} of {len(graph.order)}: {what}"


@dataclass(frozen=True, eq=False)
class BackwardStep(_Step):
    """One step of the backward pass. It draws itself in a notebook; `print` shows its table.

    Attributes:
        node: the node whose gradient is complete, and is given on to its parents.
        upstream: that gradient, of the root with respect to the node.
        edges: what goes to each parent, in the order of the operands and with multiplicity. A
            number among the operands, and a branch that `where` did not take, get nothing.
        index: how many steps came before.
    """

    node: Value
    upstream: float
    edges: tuple[Edge, ...]
    index: int
    _seed: float = field(repr=False)
    _graph: Graph = field(repr=False)

    def gradients(self) -> dict[Value, float]:
        """Return the gradients of all nodes after this step, as far as they are summed up."""
        gradients: dict[Value, float] = {}
        for _ in islice(swept(self._graph.differentiable, self._seed, gradients), self.index + 1):
            pass
        return gradients

    def _drawn(self) -> Drawing:
        gradients = self.gradients()

        def number_of(node: Value, word: str) -> float | None:
            return node.data if word == "data" else gradients.get(node)

        places = [k for k, local in enumerate(self.node.local_derivatives) if local is not None]
        return self._graph.picture(self.node, places, ["data", "grad", "local"], number_of, True)

    def __str__(self) -> str:
        graph, node, number = self._graph, self.node, notation.number
        name = graph.names[node]
        what = f"{name} = {graph.formula(node)}" if node.op else f"{name} is a leaf"
        title = (
            f"backward step {self.index + 1} of {len(graph.differentiable)}: {what}, with the "
            f"gradient {graph.ratio(graph.root, node)} = {number(self.upstream)}"
        )
        if not self.edges:
            return title
        rows = [("parent", "local derivative", "upstream · local = contribution", "running sum")]
        for parent, local, contribution, before, after in self.edges[:_ROWS]:
            symbols = graph.local(node, parent)
            rows.append(
                (
                    graph.names[parent],
                    f"{symbols} = {number(local)}" if symbols else number(local),
                    f"{TEXT.factor(self.upstream)} · {TEXT.factor(local)} = {number(contribution)}",
                    f"{number(before)} + {TEXT.factor(contribution)} = {number(after)}",
                )
            )
        more = len(self.edges) - _ROWS
        rest = f"\n… and {more} more" if more > 0 else ""
        return f"{title}\n{notation.aligned(rows)}{rest}"
