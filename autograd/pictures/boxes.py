"""Boxes, arrows and clusters, and how they are written in DOT: the parts of every picture."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import log10
from typing import Any

from autograd import notation

# For each direction in which a graph may grow, the sides where edges leave and enter a box.
SIDES = {"LR": ("e", "w"), "RL": ("w", "e"), "TB": ("s", "n"), "BT": ("n", "s")}

# Kinds of boxes differ in shape, and in colours of different lightness: they stay apart in grey
# print and for the colour-blind.
INK = "#333333"
FAINT = "#808080"
LEAF = "#D6E8F7"
LEAF_BORDER = "#0B5394"
ACCENT = "#B8006B"
FONT_SIZE, SYMBOL_SIZE = 14, 18  # lengths are in points

MAX_NODES, MAX_EDGES = 2000, 5000  # seconds to lay out, and more than anybody can read

BARE = 'BORDER="0" CELLBORDER="0" CELLSPACING="0"'
FRAMED = 'BORDER="1" CELLBORDER="0" CELLSPACING="0"'

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\\": "\\\\"})
_CLUSTER_FILLS = ("#F4F4F4", "#FFFFFF")  # alternating, so that nested clusters stand out


@dataclass(frozen=True)
class Box:
    """A box of the picture.

    Attributes:
        key: its name in DOT, and the `id` of its element in an SVG.
        look: attributes of DOT.
        clusters: the titles of the frames around it, from the outermost to the innermost.
    """

    key: str
    look: Mapping[str, str]
    clusters: tuple[str, ...] = ()


@dataclass(frozen=True)
class Arrow:
    """An arrow from one box to another.

    Attributes:
        key: the `id` of its element in an SVG.
        tail: the key of the box where it begins.
        head: the key of the box where it ends, with a port if need be, as in "n3:p0".
        look: attributes of DOT.
    """

    key: str
    tail: str
    head: str
    look: Mapping[str, str] = field(default_factory=dict)


def write(
    boxes: Sequence[Box],
    arrows: Sequence[Arrow],
    rankdir: str = "LR",
    legend: str = "",
    in_order: bool = False,
    beside: bool = True,
) -> str:
    """Write a picture in DOT, of boxes in an order in which arrows, by and large, lead forwards.

    Under it stands the legend, a table in HTML as Graphviz knows it. With `in_order`, boxes side by
    side are not moved for fewer crossings of arrows: where every box has an arrow to each of the
    next, they are always as many. The arrows are straight then, and have room to spread. Where
    arrows lead up or down, they would cross titles above the boxes of frames, so with `beside`
    these stand beside.

    >>> print(write([Box("a", {}), Box("b", {})], [Arrow("e", "a", "b")]).splitlines()[-2].strip())
    a:e -> b:w [id=e]
    """
    import graphviz

    graph = graphviz.Digraph(
        graph_attr={
            "rankdir": rankdir,
            "nodesep": "0.2",
            "ranksep": "1.6" if in_order else "0.7",
            "bgcolor": "white",
            "fontname": "Helvetica",
            "fontsize": str(FONT_SIZE),
            **({"label": f"<{legend}>", "labeljust": "l"} if legend else {}),
            **({"mclimit": "0.01", "splines": "polyline"} if in_order else {}),
        },
        node_attr={"shape": "plain", "fontname": "Helvetica", "fontsize": str(FONT_SIZE)},
        edge_attr={"arrowsize": "0.7", "color": INK, "fontname": "Helvetica", "fontsize": "11"},
    )
    # graphviz-pure turns the order of what stands in frames round, unless arrows have labels
    turned = rankdir in ("LR", "RL") and not any("label" in arrow.look for arrow in arrows)
    if in_order and turned:
        inside = [box for box in boxes if box.clusters]
        boxes = [*(box for box in boxes if not box.clusters), *reversed(inside)]
    leave, enter = SIDES[rankdir]
    is_upright = rankdir in ("TB", "BT")
    titles = _write_clusters(graph, boxes, turned, beside and is_upright)
    for tail, title in _ways_to(titles, boxes, arrows):  # lest titles stand among their boxes
        graph.edge(f"{tail}:{leave}", f"{title}:{enter}", style="invis", weight="0")
    for arrow in arrows:
        look = dict(arrow.look)
        if is_upright and "label" in look:  # it would begin on its arrow
            look["label"] = f"\N{NO-BREAK SPACE}{look['label']}"
        graph.edge(f"{arrow.tail}:{leave}", f"{arrow.head}:{enter}", id=arrow.key, **look)
    return str(graph.source)


def _write_clusters(
    graph: Any, boxes: Iterable[Box], turned: bool, beside: bool
) -> dict[tuple[str, ...], str]:
    """Write the boxes, each into its innermost cluster, and that into the one around it.

    With `beside`, titles are boxes themselves; return the key of each.
    """
    graphs: dict[tuple[str, ...], Any] = {(): graph}
    titles: dict[tuple[str, ...], str] = {}
    for box in boxes:
        for depth in range(1, len(box.clusters) + 1):
            path = box.clusters[:depth]
            if path not in graphs:
                key = f"cluster{len(graphs)}"
                look = {
                    "id": key,
                    "label": "" if beside else text(path[-1]),
                    "labeljust": "l",
                    "style": "rounded,filled",
                    "color": FAINT,
                    "fillcolor": _CLUSTER_FILLS[(depth - 1) % 2],
                }
                graphs[path] = type(graph)(name=key, graph_attr=look)
                if beside:
                    titles[path] = f"t{len(graphs)}"
                    graphs[path].node(titles[path], label=text(path[-1]))
        graphs[box.clusters].node(box.key, id=box.key, **box.look)
    paths = reversed(graphs) if turned else graphs
    for path in sorted(paths, key=len, reverse=True)[:-1]:
        graphs[path[:-1]].subgraph(graphs[path])
    return titles


def _ways_to(
    titles: Mapping[tuple[str, ...], str], boxes: Iterable[Box], arrows: Iterable[Arrow]
) -> Iterable[tuple[str, str]]:
    """Return, for each frame that arrows enter, where they come from and the key of its title."""
    frames = {box.key: box.clusters for box in boxes}
    found: dict[tuple[str, str], None] = {}
    for arrow in arrows:
        around, outside = frames[arrow.head.split(":")[0]], frames[arrow.tail]
        for depth in range(1, len(around) + 1):
            if around[:depth] in titles and around[:depth] != outside[:depth]:
                found[arrow.tail, titles[around[:depth]]] = None
    return found


def bundle(n: int, what: str) -> dict[str, str]:
    """Return the look of an arrow for so many of something: the more, the thicker."""
    return {"penwidth": f"{1 + 0.7 * log10(n):.2f}", "edgetooltip": notation.count(n, what)}


# --- text in boxes ------------------------------------------------------------------------------


def text(written: str) -> str:
    """Escape text for Graphviz, which looks for tags, entities and escapes in it.

    >>> text("a < b")
    'a &lt; b'
    """
    return written.translate(_ESCAPES)


def tooltip(written: str) -> str:
    r"""Escape what a reader sees on pointing at a box: Graphviz looks for escapes in it twice.

    >>> len(text("\\")), len(tooltip("\\"))
    (2, 4)
    """
    return text(written).replace("\\", "\\\\")


def room(written: str, size: int = FONT_SIZE) -> int:
    """Return the width to ask for where Graphviz measures too little: it knows ASCII alone.

    >>> room("tanh"), room("⟨w, x⟩ + b")
    (0, 94)
    """
    if written.isascii():
        return 0
    ems = 0.0
    for c in written:
        if unicodedata.east_asian_width(c) in "WF":
            ems += 1.1
        elif c.isupper() or c in "mw…жмфшщыю":
            ems += 0.9
        elif not unicodedata.combining(c):
            ems += 0.6
    return round(ems * size) + 6


def cell(
    written: str, look: str = "", size: int = FONT_SIZE, font: str = "", width: int = 0
) -> str:
    """Lay out text in a cell of a table, with attributes of the cell and of the letters.

    >>> cell("data", 'ALIGN="LEFT"')
    '<TD ALIGN="LEFT">data</TD>'
    """
    width = max(width, room(written, size))
    wide = f' WIDTH="{width}"' if width else ""
    inside = text(written)
    if font or size != FONT_SIZE:
        points = f' POINT-SIZE="{size}"' if size != FONT_SIZE else ""
        inside = f"<FONT {f'{font}{points}'.strip()}>{inside}</FONT>" if inside else ""
    return f"<TD{' ' + look if look else ''}{wide}>{inside}</TD>"


def row(*cells: str) -> str:
    """Lay out cells side by side."""
    return f"<TR>{''.join(cells)}</TR>"


def table(rows: Iterable[str], look: str = f'{BARE} CELLPADDING="3"') -> str:
    """Lay out rows under each other."""
    return f"<TABLE {look}>{''.join(rows)}</TABLE>"


def field_row(word: str, written: str, colour: str | None = None) -> str:
    """Lay out a word and what it is, coloured or not."""
    shaded = f' BGCOLOR="{colour}"' if colour else ""
    return row(cell(word, 'ALIGN="LEFT"'), cell(written, f'ALIGN="RIGHT"{shaded}'))


def band(symbol: str) -> str:
    """Lay out the dark band over the rows of an operation."""
    look = f'COLSPAN="2" ALIGN="LEFT" BGCOLOR="{INK}"'
    return row(cell(symbol, look, SYMBOL_SIZE, 'COLOR="white"'))


def rounded(rows: Iterable[str]) -> str:
    """Lay out the rows of a leaf, in a frame with round corners."""
    look = f'{FRAMED} CELLPADDING="4" STYLE="ROUNDED" BGCOLOR="{LEAF}" COLOR="{LEAF_BORDER}"'
    return table([row(f"<TD>{table(rows)}</TD>")], look)


def framed(rows: Iterable[str]) -> str:
    """Lay out rows in a frame with sharp corners."""
    look = f'{FRAMED} COLOR="{INK}" BGCOLOR="white"'
    return table([row(f'<TD CELLPADDING="0">{table(rows)}</TD>')], look)


def line(written: str, bold: bool = False) -> str:
    """Lay out a line of text over both columns."""
    wide = f' WIDTH="{width}"' if (width := room(written)) else ""
    inside = f"<B>{text(written)}</B>" if bold else text(written)
    return row(f'<TD COLSPAN="2" ALIGN="LEFT"{wide}>{inside}</TD>')
