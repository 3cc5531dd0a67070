"""The graph of a computation as a picture: `draw`."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from autograd import notation
from autograd.graph import topological_order
from autograd.value import Value

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

MAX_NODES, MAX_EDGES = 2000, 5000  # seconds to lay out, and more than anybody can read

FIELDS = ("data", "grad")

# For each direction in which a graph may grow, the sides where edges leave and enter a node.
_SIDES = {"LR": ("e", "w"), "RL": ("w", "e"), "TB": ("s", "n"), "BT": ("n", "s")}


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
    root: Value | Iterable[Value], *, show: Iterable[str] = FIELDS, rankdir: str = "LR"
) -> Drawing:
    """Draw the graph of a computation, from its leaves to `root`.

    Leaves have round corners, operations a dark band with their symbol, numbers are ellipses.
    Several operands enter an operation in order, each through a slot of its own, which is named
    where the order matters. The edge from a branch that `where` did not take is dashed.

    Args:
        root: the result, or several.
        show: what each node shows beside name and operation, of "data" and "grad".
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
    if rankdir not in _SIDES:
        raise ValueError(f"rankdir must be one of {', '.join(_SIDES)}, not {rankdir!r}")
    order = topological_order(roots, lambda node: node.parents[::-1])
    edges = sum([len(node.parents) for node in order])
    if len(order) > MAX_NODES or edges > MAX_EDGES:
        raise ValueError(
            f"the graph has {len(order)} nodes and {edges} edges, and a picture can have "
            f"{MAX_NODES} and {MAX_EDGES}: draw a part of it, such as one neuron or one sample"
        )
    return Drawing(_dot(order, roots, fields, rankdir))


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
    """Check what each node is to show."""
    wanted = [show] if isinstance(show, str) else list(show)
    for word in wanted:
        if word not in FIELDS:
            raise ValueError(f'show may contain "data" and "grad", not {word!r}')
    return [word for word in FIELDS if word in wanted]


def _dot(
    order: Sequence[Value], roots: Iterable[Value], fields: Sequence[str], rankdir: str
) -> str:
    """Write the graph in DOT, with nodes numbered in their order, so that it is reproducible."""
    import graphviz

    graph = graphviz.Digraph(
        graph_attr={"rankdir": rankdir, "nodesep": "0.2", "ranksep": "0.7", "bgcolor": "white"},
        node_attr={"shape": "plain", "fontname": "Helvetica", "fontsize": str(_FONT_SIZE)},
        edge_attr={"arrowsize": "0.7", "color": _INK},
    )
    keys = {node: f"n{i}" for i, node in enumerate(order)}
    variables = _with_edge(order).union(roots)
    for node, key in keys.items():
        if node.op:
            look = {"label": f"<{_operation(node, fields, rankdir)}>"}
        elif node in variables or node.name:
            look = {"label": f"<{_leaf(node, fields)}>"}
        else:
            look = {"label": notation.number(node.data), **_NUMBER}
        graph.node(key, tooltip=_tooltip(node), **look)
    leave, enter = _SIDES[rankdir]
    for node, key in keys.items():
        parents, idle = node.parents, _branch_not_taken(node)
        for i, parent in enumerate(parents):
            slot = f":p{i}" if len(parents) > 1 else ""
            look = _NOT_TAKEN if i == idle else {}
            graph.edge(f"{keys[parent]}:{leave}", f"{key}{slot}:{enter}", **look)
    return str(graph.source)


def _with_edge(order: Iterable[Value]) -> set[Value]:
    """Return the parents along which gradients flow: a number among the operands has no edge."""
    return {
        parent
        for node in order
        for parent, local in zip(node.parents, node.local_derivatives, strict=True)
        if local is not None
    }


def _branch_not_taken(node: Value) -> int | None:
    """Return the place, among the parents, of the branch that a `where` did not take."""
    if node.op != "where":
        return None
    x, y = node.local_derivatives
    if x is None and y is None:  # it took a number, which has no edge either
        first = node.parents[0]
        return int(not first.op and first.name is None and repr(first.data) == repr(node.data))
    return 0 if x is None else 1


# --- the look of a node -------------------------------------------------------------------------
# Kinds of nodes differ in shape, and in colours of different lightness: they stay apart in grey
# print and for the colour-blind.

_INK = "#333333"
_FAINT = "#808080"
_SLOT = "#E4E4E4"
_LEAF = "#D6E8F7"
_LEAF_BORDER = "#0B5394"
_FONT_SIZE, _SYMBOL_SIZE = 14, 18  # lengths are in points
_LINE = 22  # the height of a row of text
_SLOT_SIZE = 12

_NUMBER = {
    "shape": "ellipse",
    "color": _FAINT,
    "margin": "0.04,0.02",
    "width": "0.4",
    "height": "0.35",
}
_NOT_TAKEN = {"color": _FAINT, "style": "dashed"}

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\\": "\\\\"})
_BARE = 'BORDER="0" CELLBORDER="0" CELLSPACING="0"'
_FRAMED = 'BORDER="1" CELLBORDER="0" CELLSPACING="0"'


def _leaf(node: Value, fields: Sequence[str]) -> str:
    """Lay out a leaf: rows in a frame with round corners."""
    rows = _rows(node, fields) or ['<TR><TD HEIGHT="20" WIDTH="20"></TD></TR>']
    return (
        f'<TABLE {_FRAMED} CELLPADDING="2" STYLE="ROUNDED" BGCOLOR="{_LEAF}" '
        f'COLOR="{_LEAF_BORDER}"><TR><TD><TABLE {_BARE} CELLPADDING="3">{"".join(rows)}</TABLE>'
        f"</TD></TR></TABLE>"
    )


def _operation(node: Value, fields: Sequence[str], rankdir: str) -> str:
    """Lay out an operation: slots for its operands, beside its symbol over the rows."""
    horizontal = rankdir in ("LR", "RL")
    symbol = notation.label(notation.symbol(node.op))
    rows = [
        f'<TR><TD COLSPAN="2" ALIGN="LEFT" BGCOLOR="{_INK}" '
        f'WIDTH="{_room(symbol, _SYMBOL_SIZE)}">'
        f'<FONT COLOR="white" POINT-SIZE="{_SYMBOL_SIZE}">{_text(symbol)}</FONT></TD></TR>',
        *_rows(node, fields),
    ]
    roles = notation.roles(node.op, len(node.parents))
    if horizontal and len(roles) > len(rows):  # fill up, lest the rows be drawn apart
        rows.append(f'<TR><TD HEIGHT="{_LINE * (len(roles) - len(rows))}"></TD></TR>')
    parts = [f'<TABLE {_BARE} CELLPADDING="3">{"".join(rows)}</TABLE>']
    if len(roles) > 1:
        cells = [
            f'<TD PORT="p{i}" BGCOLOR="{_SLOT}" HEIGHT="{_SLOT_SIZE}" '
            f'WIDTH="{max(_SLOT_SIZE, _room(role))}">{_text(role)}</TD>'
            for i, role in enumerate(roles)
        ]
        slots = "</TR><TR>".join(cells) if horizontal else "".join(cells)
        parts.insert(
            0 if rankdir in ("LR", "TB") else 1,
            f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="1" CELLPADDING="2"><TR>{slots}</TR>'
            f"</TABLE>",
        )
    cells = [f'<TD CELLPADDING="0">{part}</TD>' for part in parts]
    content = ("" if horizontal else "</TR><TR>").join(cells)
    return f'<TABLE {_FRAMED} COLOR="{_INK}" BGCOLOR="white"><TR>{content}</TR></TABLE>'


def _rows(node: Value, fields: Sequence[str]) -> list[str]:
    """Lay out the name, and the fields with their values, in two columns."""
    rows = []
    if name := notation.label(node.name):
        rows.append(
            f'<TR><TD COLSPAN="2" ALIGN="LEFT" WIDTH="{_room(name)}"><B>{_text(name)}</B></TD></TR>'
        )
    for word in fields:
        value = notation.number(getattr(node, word))
        rows.append(f'<TR><TD ALIGN="LEFT">{word}</TD><TD ALIGN="RIGHT">{value}</TD></TR>')
    return rows


def _tooltip(node: Value) -> str:
    """Write what a reader sees on pointing at a node: more of the name, and every digit."""
    name = notation.label(node.name, longest=200) or notation.label(node.op)
    text = _text(f"{name} data={node.data!r} grad={node.grad!r}".lstrip())
    return text.replace("\\", "\\\\")  # escapes in a tooltip are looked for twice


def _text(text: str) -> str:
    """Write text for Graphviz, which looks for tags, entities and escapes in it."""
    return text.translate(_ESCAPES)


def _room(text: str, size: int = _FONT_SIZE) -> int:
    """Return the width to ask for where Graphviz measures too little: it knows ASCII alone."""
    if text.isascii():
        return 0
    ems = 0.0
    for c in text:
        if unicodedata.east_asian_width(c) in "WF":
            ems += 1.1
        elif c.isupper() or c in "mw…":
            ems += 0.9
        elif not unicodedata.combining(c):
            ems += 0.6
    return round(ems * size) + 6
