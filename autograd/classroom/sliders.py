"""A graph to play with in a notebook: `interactive`."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Any

from autograd import notation
from autograd.engine import Value, operation_of
from autograd.engine.functions import where
from autograd.explanations import Graph
from autograd.extras import imported
from autograd.pictures import draw
from autograd.pictures.nodes import branch_not_taken

MAX_SLIDERS = 12  # that fit beside a picture
_SMALL = 50  # nodes: a graph that is redrawn while a slider moves, not only when it rests


def interactive(root: Value, wrt: Iterable[Value] | None = None) -> Any:
    """Make a widget for notebooks: sliders for leaves, and the graph redrawn for what they say.

    Moving a slider computes the recorded operations again, with their gradients, on a new graph;
    `root` and its leaves stay as they are. What was decided when the graph was recorded stays
    decided: the branch that a `where` or an `if` took, and how often a loop ran.

    Args:
        root: the result.
        wrt: the leaves that get a slider; by default, all to which gradients flow.

    Returns:
        An `ipywidgets.VBox`. It displays itself; its children are the sliders and the picture.

    Raises:
        ImportError: ipywidgets is missing.
        TypeError: `root` is not a Value.
        ValueError: there is no leaf to change, or more than 12; or one
            of `wrt` is not such a leaf.

    >>> from autograd import Value, tanh
    >>> w, x = Value(-3.0, "w"), Value(2.0, "x")
    >>> box = interactive(tanh(w * x))  # doctest: +SKIP
    """
    ipywidgets = imported("ipywidgets", "widgets", "interactive")
    graph = Graph(root)
    leaves = _leaves(graph, wrt)
    sliders = {leaf: _slider(ipywidgets, graph, leaf) for leaf in leaves}
    picture = ipywidgets.HTML()
    decided = any(node.op == "where" for node in graph.order)

    def redraw(_: Any = None) -> None:
        result = recomputed(root, {leaf: slider.value for leaf, slider in sliders.items()})
        result.backward()
        svg = draw(result)._repr_svg_()
        text = f"{html.escape(graph.names[root])} = {notation.number(result.data)}"
        note = "<p>Each <code>where</code> keeps the branch that it took at first.</p>" * decided
        picture.value = (
            f"<p><b>{text}</b></p>{note}"
            f'<div style="overflow-x: auto">{svg[svg.index("<svg") :]}</div>'
        )

    for slider in sliders.values():
        slider.observe(redraw, names="value")
    redraw()
    return ipywidgets.VBox([*sliders.values(), picture])


def _leaves(graph: Graph, wrt: Iterable[Value] | None) -> list[Value]:
    """Return the leaves that get a slider."""
    reached = set(graph.differentiable)
    known = [node for node in graph.order if not node.op and node in reached]
    if isinstance(wrt, Value):
        raise TypeError(f"wrt must be a list of leaves, such as [{wrt.name or 'w'}]")
    leaves = known if wrt is None else list(wrt)
    for leaf in leaves:
        if leaf not in known:
            raise ValueError(f"{leaf!r} is no leaf of the graph to which gradients flow")
    if not leaves:
        raise ValueError("there is no leaf to change: the result does not depend on any Value")
    if len(leaves) > MAX_SLIDERS:
        raise ValueError(
            f"there are {len(leaves)} leaves, and at most {MAX_SLIDERS} can have a slider: choose "
            f"some, as in interactive(root, wrt=[w, b])"
        )
    return leaves


def _slider(ipywidgets: Any, graph: Graph, leaf: Value) -> Any:
    """Make a slider that goes as far to both sides of 0 as twice the number, and 2 at least."""
    reach = max(2.0, 2.0 * abs(leaf.data))
    return ipywidgets.FloatSlider(
        value=leaf.data,
        min=-reach,
        max=reach,
        step=reach / 200,
        description=graph.names[leaf],
        readout_format=".4g",
        continuous_update=len(graph.order) <= _SMALL,
    )


def recomputed(root: Value, data: Mapping[Value, float]) -> Value:
    """Compute a graph again, for other numbers in some of its leaves.

    Args:
        root: the result.
        data: the numbers of the leaves that change.

    Returns:
        The result, on a graph of its own, in which nodes have the names that they had.

    >>> x = Value(2.0, "x")
    >>> recomputed(x * x + 1, {x: 3.0}).data
    10.0
    """
    new: dict[Value, Any] = {}
    for node in Graph(root).order:
        if operation_of(node) is None:
            new[node] = Value(data.get(node, node.data), node.name)
            continue
        operands = [
            new[x] if x.name or local is not None or x.op else x.data
            for x, local in zip(node.parents, node.local_derivatives, strict=True)
        ]
        if node.op == "where":
            new[node] = where(branch_not_taken(node) == 1, *operands)
        else:
            new[node] = operation_of(node)(*operands)
        new[node].name = node.name
    result: Value = new[root]
    return result
