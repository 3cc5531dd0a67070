"""The graph of a computation as a picture: `draw`."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any

from autograd import rendering
from autograd.graph import topological_order
from autograd.value import Value

MAX_NODES = 2000
"""A larger graph would take the layout minutes, and nobody could read it."""

SHOWN = ("data", "grad")
# For each direction of growth, the side on which edges enter a node.
_ENTRY = {"LR": "w", "RL": "e", "TB": "n", "BT": "s"}

# --- notation -----------------------------------------------------------------------------------
# How a mathematician writes an operation, and the roles of its operands where these are not
# interchangeable. An operation that is not listed goes by its own name.

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")

_SYMBOLS = {
    "-": "−",
    "*": "×",
    "/": "÷",
    "neg": "−",
    "**": "xʸ",
    "sqrt": "√",
    "cbrt": "³√",
    "square": "x²",
    "expm1": "eˣ − 1",
    "log": "ln",
    "log1p": "ln(1 + x)",
    "log2": "log₂",
    "log10": "log₁₀",
    "xlogy": "x ln y",
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "asinh": "arsinh",
    "acosh": "arcosh",
    "atanh": "artanh",
    "abs": "|x|",
    "sigmoid": "σ",
    "log_sigmoid": "ln σ",
    "relu": "ReLU",
    "leaky_relu": "leaky ReLU",
    "elu": "ELU",
    "silu": "SiLU",
    "gelu": "GELU",
    "gelu_tanh": "GELU (tanh)",
    "above": "[x > y]",
    "maximum": "max",
    "minimum": "min",
    "dot": "⟨w, x⟩ + b",
    "fsum": "Σ",
    "logsumexp": "ln Σ exp",
    "log_softmax": "ln softmax",
}

_COMMUTATIVE = {"+", "*", "maximum", "minimum", "hypot", "fsum", "mean", "logsumexp"}

_ROLES = {
    "-": ("+", "−"),
    "/": ("num.", "den."),
    "**": ("base", "power"),
    "xlogy": ("x", "y"),
    "atan2": ("y", "x"),
    "leaky_relu": ("x", "slope"),
    "elu": ("x", "α"),
    "above": ("x", "y"),
    "clip": ("x", "low", "high"),
    "where": ("then", "else"),
}


def _roles(op: str, count: int) -> Sequence[str]:
    """Name the `count` operands of `op`; nothing for an operand that needs no name."""
    if op in _ROLES:
        return _ROLES[op]
    if op == "dot":
        indices = [str(i + 1).translate(_SUBSCRIPTS) for i in range(count // 2)]
        return [*(f"w{i}" for i in indices), *(f"x{i}" for i in indices), "b"]
    if op in ("softmax", "log_softmax"):
        return ["xᵢ", *[""] * (count - 1)]
    if op in _COMMUTATIVE or count == 1:
        return [""] * count
    return [str(i + 1) for i in range(count)]


# --- the picture --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawing:
    """A picture of a graph. It displays itself in a notebook.

    Attributes:
        source: the graph in DOT, the language of Graphviz.
    """

    source: str = field(repr=False)

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the picture to a file, complete or not at all, and return its path.

        Args:
            path: a name that ends in .svg, .png, .pdf or .dot. PDF needs Graphviz on the machine.

        Raises:
            ValueError: the name ends in something else.
            FileNotFoundError: the folder does not exist.
            RuntimeError: the program that draws is missing, or fails.

        >>> Drawing("digraph { a -> b }").save("graph.gif")
        Traceback (most recent call last):
        ValueError: cannot save a picture as 'graph.gif': end the name in .svg, .png, .pdf or .dot
        """
        return rendering.save(self.source, path)

    def _repr_svg_(self) -> str:
        """Give Jupyter the picture."""
        return rendering.render(self.source, "svg").decode()


def draw(
    root: Value | Iterable[Value],
    *,
    show: Iterable[str] = SHOWN,
    rankdir: str = "LR",
) -> Drawing:
    """Draw the graph of a computation, from its leaves to `root`.

    Leaves have round corners, operations a dark head with their symbol, constants are ellipses.
    Operands enter an operation in order, each through a slot of its own; the slots are named
    where the order matters. The edge from a branch that `where` did not take is dashed.

    Args:
        root: the result, or several.
        show: what to print in each node beside name and operation, of "data" and "grad".
        rankdir: where the result is: "LR" at the right, "RL" left, "TB" bottom, "BT" top.

    Raises:
        TypeError: `root` holds something that is not a Value.
        ValueError: there is nothing to draw, the graph has more than 2000 nodes, or `show` or
            `rankdir` has an unknown word.

    >>> from autograd import Value
    >>> w, x = Value(2.0, "w"), Value(3.0, "x")
    >>> picture = draw(w * x)
    >>> "×" in picture.source
    True
    """
    roots = _as_roots(root)
    fields = _as_fields(show)
    if rankdir not in _ENTRY:
        raise ValueError(f"rankdir must be one of {', '.join(_ENTRY)}, not {rankdir!r}")
    order = topological_order(roots, lambda node: node.parents)
    if len(order) > MAX_NODES:
        raise ValueError(
            f"the graph has {len(order)} nodes, and a picture of more than {MAX_NODES} is not "
            f"legible: draw a part of it, such as one neuron or one sample"
        )
    return Drawing(_dot(order, roots, fields, rankdir))


def _as_roots(root: Any) -> list[Value]:
    """Check the first argument of `draw`."""
    if isinstance(root, Value):
        return [root]
    if not isinstance(root, Iterable):
        raise TypeError(f"draw needs a Value, or a list of them, not {root!r}")
    roots = list(root)
    if not roots:
        raise ValueError("draw needs at least one Value: the list is empty")
    for i, value in enumerate(roots):
        if not isinstance(value, Value):
            raise TypeError(f"draw needs Values: element {i} of the list is {value!r}")
    return roots


def _as_fields(show: Iterable[str]) -> list[str]:
    """Check the argument `show`, and put it into order."""
    wanted = [show] if isinstance(show, str) else list(show)
    for word in wanted:
        if word not in SHOWN:
            raise ValueError(f'show may hold "data" and "grad", not {word!r}')
    return [word for word in SHOWN if word in wanted]


def _dot(order: Sequence[Value], roots: Sequence[Value], fields: Sequence[str], rankdir: str) -> str:
    """Write the graph in DOT. Nodes are numbered in their topological order: no id() gets in."""
    import graphviz

    names = {node: f"n{i}" for i, node in enumerate(order)}
    variables = _with_edge(order).union(roots)
    graph = graphviz.Digraph(
        graph_attr={"rankdir": rankdir, "nodesep": "0.2", "ranksep": "0.5", "bgcolor": "white"},
        node_attr={"shape": "plain", "fontname": "Helvetica", "fontsize": str(_FONT_SIZE)},
        edge_attr={"arrowsize": "0.7", "color": _INK},
    )
    for node in order:
        tooltip = graphviz.escape(f"{_text(node.name)} data {node.data!r}, grad {node.grad!r}")
        if node.op:
            label = _operation(node, fields, rankdir)
            graph.node(names[node], f"<{label}>", tooltip=tooltip)
        elif node in variables or node.name:
            graph.node(names[node], f"<{_leaf(node, fields)}>", tooltip=tooltip)
        else:
            graph.node(names[node], _number(node.data), _attributes=_CONSTANT, tooltip=tooltip)
    for node in order:
        idle = _branch_not_taken(node)
        for i, parent in enumerate(node.parents):
            port = f":p{i}:{_ENTRY[rankdir]}"
            style = _NOT_TAKEN if i == idle else {}
            graph.edge(names[parent], names[node] + port, _attributes=style)
    return str(graph.source)


def _with_edge(order: Iterable[Value]) -> set[Value]:
    """Return the parents along which a gradient can flow: not the numbers."""
    return {
        parent
        for node in order
        for parent, local in zip(node.parents, node.local_derivatives, strict=True)
        if local is not None
    }


def _branch_not_taken(node: Value) -> int | None:
    """Give the place among the parents of a `where` of the branch it did not take."""
    if node.op != "where":
        return None
    x, y = node.local_derivatives
    if x is None and y is None:  # it took a number
        number = node.parents[0]
        x = None if number.op or number.name or repr(number.data) != repr(node.data) else 1.0
    return 0 if x is None else 1


# --- the look of a node -------------------------------------------------------------------------
# Told apart by shape, and by colours that differ in lightness too: in grey print and to the
# colour-blind they stay apart.

_INK = "#333333"
_FAINT = "#8A8A8A"
_SLOT = "#E4E4E4"
_LEAF = "#D6E8F7"
_LEAF_BORDER = "#0B5394"
_FONT_SIZE = 14
_SYMBOL_SIZE = 18
_LINE = 20  # the height of a row, in points
_LONGEST = 32  # characters of a name

_CONSTANT = {
    "shape": "ellipse",
    "style": "filled",
    "fillcolor": "white",
    "color": _FAINT,
    "margin": "0.04,0.02",
    "width": "0.4",
    "height": "0.3",
}
_NOT_TAKEN = {"style": "dashed", "color": _FAINT}

_PLAIN = 'BORDER="0" CELLBORDER="0" CELLSPACING="0"'


def _leaf(node: Value, fields: Sequence[str]) -> str:
    """Write a leaf as a table with round corners."""
    return (
        f'<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3" STYLE="ROUNDED" '
        f'BGCOLOR="{_LEAF}" COLOR="{_LEAF_BORDER}"><TR><TD>'
        f'<TABLE {_PLAIN} CELLPADDING="2">{"".join(_rows(node, fields)) or _BLANK}</TABLE>'
        f"</TD></TR></TABLE>"
    )


def _operation(node: Value, fields: Sequence[str], rankdir: str) -> str:
    """Write an operation as a table: a slot for each operand, then the symbol over the rows."""
    roles = _roles(node.op, len(node.parents))
    vertical = rankdir in ("TB", "BT")
    rows = _rows(node, fields)
    if not vertical:  # as high as the slots, so that they do not stretch the rows
        spare = len(roles) - 1 - len(rows)
        rows += [f'<TR><TD HEIGHT="{spare * _LINE}"></TD></TR>'] * (spare > 0)
    symbol = _SYMBOLS.get(node.op, node.op)
    body = (
        f'<TABLE {_PLAIN}><TR><TD CELLPADDING="3" ALIGN="LEFT" BGCOLOR="{_INK}"{_width(symbol, 18)}>'
        f'<FONT COLOR="white" POINT-SIZE="{_SYMBOL_SIZE}"><B>{_html(symbol)}</B></FONT></TD></TR>'
        f'<TR><TD CELLPADDING="3"><TABLE {_PLAIN} CELLPADDING="2">{"".join(rows)}</TABLE></TD></TR></TABLE>'
    )
    return body
