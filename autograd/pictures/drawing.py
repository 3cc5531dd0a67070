"""The graph of a computation as a picture: `draw`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from autograd.engine import Value, collector_paused, nodes_of, operands_of, topological_order
from autograd.errors import data_of
from autograd.files import write_atomically
from autograd.pictures.boxes import MAX_EDGES, MAX_NODES, SIDES
from autograd.pictures.group_boxes import collapsed_source, node_frames
from autograd.pictures.groups import LEVELS, collapsed
from autograd.pictures.membership import membership
from autograd.pictures.model import model_picture
from autograd.pictures.nodes import FIELDS, graph_source, with_edge
from autograd.pictures.outlines import outline
from autograd.pictures.render import FORMATS, render

if TYPE_CHECKING:
    from autograd.compiler import Compiled

_LEGIBLE_NODES, _LEGIBLE_EDGES = 60, 120


class HasParameters(Protocol):
    """A model, such as those of `nn`, or your own."""

    def named_parameters(self) -> Iterable[tuple[str, Value]]:
        """Return the parameters and their names, paths such as "layer1.neuron2.w3"."""


class Drawing:
    """A picture of a graph. It displays itself in a notebook.

    Attributes:
        source: the graph in DOT, the language of Graphviz.
        text: the graph as a tree in Unicode, to print in a terminal; of a large graph the part
            next to the result.
    """

    def __init__(self, source: str, text: str = "") -> None:
        self.source = source
        self.text = text

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the picture to a file, complete or not at all, and return its path.

        Args:
            path: a name that ends in .svg, .png, .gif, .pdf, .tex or .dot. The fifth is TikZ,
                for the command input of LaTeX. A PNG or GIF has at most 8000 pixels a side, and of
                scripts Latin, Greek, Cyrillic and Hebrew; an SVG can be enlarged, and has the
                scripts of its viewer.

        Raises:
            ValueError: the name ends in something else.
            OSError: the folder does not exist, or the file cannot be written.
            RuntimeError: the program that draws is missing, or fails.

        >>> Drawing("digraph { a -> b }").save("graph.jpg")
        Traceback (most recent call last):
        ValueError: cannot save a picture as 'graph.jpg': end the name in .svg, .png, ...
        """
        path = Path(path)
        kind = path.suffix.lower().removeprefix(".")
        if kind not in FORMATS:
            raise ValueError(
                f"cannot save a picture as {str(path)!r}: end the name in "
                ".svg, .png, .gif, .pdf, .tex or .dot"
            )
        write_atomically(path, render(self.source, kind))
        return path

    def __repr__(self) -> str:
        return '<Drawing; .save("graph.svg") writes it to a file>'

    def __str__(self) -> str:
        return self.text

    def _repr_svg_(self) -> str:
        """Give Jupyter the picture."""
        return render(self.source, "svg").decode()


def draw(
    root: Value | Iterable[Value] | HasParameters | Compiled,
    *,
    collapse: str = "auto",
    show: Iterable[str] = ("data", "grad"),
    rankdir: str = "LR",
    legend: bool = True,
) -> Drawing:
    """Draw the graph of a computation, from its leaves to `root`, or a model.

    Leaves have round corners, operations a dark band with their symbol, numbers are ellipses.
    Several operands enter an operation in order, each through a slot of its own, which is named
    where the order matters. The edge from a branch that `where` did not take is dashed. Gradients
    are blue above zero, orange below, and darker the larger they are.

    Parameters whose names are paths, as `nn` gives them, stand in frames, one for each neuron,
    layer and sample. A large graph is collapsed until it can be read: then one box, with a double
    outline, is a neuron, a layer or a module, with its shape and counts, or many operations of the
    same kind.

    A model is drawn as its neurons with the weights between them or, if these are many, as its
    layers. The numbers are those of its parameters. Networks of `nn`, also such as are too wide for
    boxes, have a picture of circles and wires: `nn.plot.network`.

    A compiled function is drawn as the steps on vectors that the last call made it into.

    Args:
        root: the result, or several; or a model, which has `named_parameters()`; or what
            `autograd.compile` gave.
        collapse: what becomes one box: "none" (every node has its own), "neuron", "layer" or
            "module"; or "auto", the first of these that a reader can take in. What no name tells to
            belong to one is put together by operation and depth; but a module has the operations
            between its layers, such as the softmax of attention.
        show: what is shown beside names and operations: in each node "data" and "grad", on each
            edge "local", the local derivative.
        rankdir: where the result is: "LR" at the right, "RL" left, "TB" bottom, "BT" top.
        legend: whether the meaning of the colours, if there are any, is explained.

    Raises:
        TypeError: `root` is none of these, or contains something that is no Value, or the data of a
            node is no number.
        ValueError: there is nothing to draw, or `collapse`, `show` or `rankdir` is unknown,
            or `collapse` is "none" for more than 2000 nodes or boxes, or 5000 edges.

    >>> from autograd import Value
    >>> w, x = Value(2.0, "w"), Value(3.0, "x")
    >>> picture = draw(w * x)
    >>> "×" in picture.source
    True
    """
    fields = _as_fields(show)
    if collapse not in ("auto", "none", *LEVELS):
        raise ValueError(
            f'collapse must be "auto", "none", "neuron", "layer" or "module", not {collapse!r}'
        )
    if rankdir not in SIDES:
        raise ValueError(f"rankdir must be one of {', '.join(SIDES)}, not {rankdir!r}")
    compiling = sys.modules.get("autograd.compiler.compiled")  # loaded if anything is compiled
    if compiling is not None and isinstance(root, compiling.Compiled):
        from autograd.pictures.program import program_picture

        return Drawing(*program_picture(root, collapse, rankdir))
    if hasattr(root, "named_parameters"):
        return Drawing(*model_picture(root, collapse, fields, rankdir, legend))
    roots = _as_roots(root)
    with collector_paused():
        order = topological_order(roots, lambda node: nodes_of(node)[::-1])
        for node in order:
            data_of(node)  # raises where that is no number
        variables = with_edge(order).union(roots)
        known = [node for node in order if node.op or node.name or node in variables]
        text = outline(roots, fields, len(known), variables)
        if _is_drawn_in_full(order, collapse):
            every = topological_order(roots, lambda node: node.parents[::-1])
            members = membership(every)
            source = graph_source(
                every,
                roots,
                show=fields,
                rankdir=rankdir,
                clusters=node_frames(every, members),
                name_of=members.short_name,
                legend=legend,
            )
        else:
            members = membership(known)
            found = collapsed(known, variables, members, collapse)
            source = collapsed_source(found, members, known, fields, rankdir, legend)
    return Drawing(source, text)


def _is_drawn_in_full(order: Sequence[Value], collapse: str) -> bool:
    """Tell whether every node is to have a box of its own."""
    if collapse != "none" and (collapse != "auto" or len(order) > _LEGIBLE_NODES):
        return False
    nodes, edges = len(order), sum([len(operands_of(node)) for node in order])
    if collapse == "none" and (nodes > MAX_NODES or edges > MAX_EDGES):
        raise ValueError(
            f"the graph has {nodes} nodes and {edges} edges, and without collapsing a picture can "
            f'have {MAX_NODES} and {MAX_EDGES}: leave `collapse` at "auto", or draw a part'
        )
    return collapse == "none" or (nodes <= _LEGIBLE_NODES and edges <= _LEGIBLE_EDGES)


def _as_roots(root: Any) -> list[Value]:
    """Check what `draw` is to draw."""
    if isinstance(root, Value):
        return [root]
    if not isinstance(root, Iterable):
        raise TypeError(f"draw needs Values, a model or a compiled function, not {root!r}")
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
        if word not in FIELDS:
            raise ValueError(f'show may contain "data", "grad" and "local", not {word!r}')
    return wanted
