"""The graph of a computation as a picture: `draw`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from autograd import dotting
from autograd.boxes import SIDES
from autograd.graph import topological_order
from autograd.value import Value

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

MAX_NODES, MAX_EDGES = 2000, 5000  # seconds to lay out, and more than anybody can read


class Drawing:
    """A picture of a graph. It displays itself in a notebook.

    Attributes:
        source: the graph in DOT, the language of Graphviz.
    """

    def __init__(self, source: str) -> None:
        self.source = source

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the picture to a file, complete or not at all, and return its path.

        Args:
            path: a name that ends in .svg, .png, .pdf or .dot. PDF needs Graphviz on the machine.
                A PNG has at most 8000 pixels a side, and of scripts Latin, Greek, Cyrillic and
                Hebrew; an SVG can be enlarged, and has the scripts of its viewer.

        Raises:
            ValueError: the name ends in something else.
            OSError: the folder does not exist, or the file cannot be written.
            RuntimeError: the program that draws is missing, or fails.

        >>> Drawing("digraph { a -> b }").save("graph.gif")
        Traceback (most recent call last):
        ValueError: cannot save a picture as 'graph.gif': end the name in .svg, .png, .pdf or .dot
        """
        from autograd import rendering

        return rendering.save(self.source, path)

    def __repr__(self) -> str:
        return '<Drawing; .save("graph.svg") writes it to a file>'

    def _repr_svg_(self) -> str:
        """Give Jupyter the picture."""
        from autograd import rendering

        return rendering.render(self.source, "svg").decode()


def draw(
    root: Value | Iterable[Value], *, show: Iterable[str] = ("data", "grad"), rankdir: str = "LR"
) -> Drawing:
    """Draw the graph of a computation, from its leaves to `root`.

    Leaves have round corners, operations a dark band with their symbol, numbers are ellipses.
    Several operands enter an operation in order, each through a slot of its own, which is named
    where the order matters. The edge from a branch that `where` did not take is dashed.

    Args:
        root: the result, or several.
        show: what is shown beside names and operations: in each node "data" and "grad", on each
            edge "local", the local derivative.
        rankdir: where the result is: "LR" at the right, "RL" left, "TB" bottom, "BT" top.

    Raises:
        TypeError: `root` is not a Value, or contains something that is none.
        ValueError: there is nothing to draw, or more than 2000 nodes or 5000 edges, or `show` or
            `rankdir` has an unknown word.

    >>> from autograd import Value
    >>> w, x = Value(2.0, "w"), Value(3.0, "x")
    >>> picture = draw(w * x)
    >>> "×" in picture.source
    True
    """
    roots = _as_roots(root)
    fields = _as_fields(show)
    if rankdir not in SIDES:
        raise ValueError(f"rankdir must be one of {', '.join(SIDES)}, not {rankdir!r}")
    order = topological_order(roots, lambda node: node.parents[::-1])
    edges = sum([len(node.parents) for node in order])
    if len(order) > MAX_NODES or edges > MAX_EDGES:
        raise ValueError(
            f"the graph has {len(order)} nodes and {edges} edges, and a picture can have "
            f"{MAX_NODES} and {MAX_EDGES}: draw a part of it, such as one neuron or one sample"
        )
    return Drawing(dotting.graph_source(order, roots, show=fields, rankdir=rankdir))


def _as_roots(root: Any) -> list[Value]:
    """Check what `draw` is to draw."""
    if isinstance(root, Value):
        return [root]
    if not isinstance(root, Iterable):
        raise TypeError(f"draw needs a Value, or a list of Values, not {root!r}")
    roots = list(root)
    if not roots:
        raise ValueError("draw needs at least one Value, and the list is empty")
    for i, value in enumerate(roots):
        if not isinstance(value, Value):
            raise TypeError(f"draw needs Values, and element {i} is {value!r}")
    return roots


def _as_fields(show: Iterable[str]) -> list[str]:
    """Check what the picture is to show."""
    wanted = [show] if isinstance(show, str) else list(show)
    for word in wanted:
        if word not in dotting.FIELDS:
            raise ValueError(f'show may contain "data", "grad" and "local", not {word!r}')
    return wanted
