"""Every node of a graph as a box of its own, and every operand as an arrow."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from operator import attrgetter

from autograd import notation
from autograd.engine import Value, edges_of, topological_order
from autograd.pictures import colours
from autograd.pictures.boxes import (
    ACCENT,
    BARE,
    FAINT,
    FRAMED,
    INK,
    Arrow,
    Box,
    band,
    field_row,
    line,
    room,
    rounded,
    row,
    table,
    text,
    tooltip,
    write,
)

FIELDS = ("data", "grad", "local")

_SLOT = "#E4E4E4"
_LINE = 22  # the height of a row of text
_SLOT_SIZE = 12

_EMPTY = '<TD HEIGHT="20" WIDTH="20"></TD>'
_NUMBER = {
    "shape": "ellipse",
    "color": FAINT,
    "margin": "0.04,0.02",
    "width": "0.4",
    "height": "0.35",
}
_NOT_TAKEN = {"color": FAINT, "style": "dashed"}
# Neither of these makes a box or its place any other, so that pictures of steps do not jump.
_ACTIVE_BOX = {"shape": "box", "width": "0", "height": "0", "margin": "0"}
_ACTIVE = {"color": ACCENT, "penwidth": "4"}
_VIA = 6  # the length, in points, of the piece of a wire between its halves


def graph_source(
    order: Sequence[Value],
    roots: Collection[Value],
    *,
    show: Collection[str] = ("data", "grad"),
    rankdir: str = "LR",
    clusters: Mapping[Value, tuple[str, ...]] | None = None,
    active_nodes: Collection[Value] = (),
    active_edges: Collection[tuple[Value, int]] = (),
    legend: bool = False,
    backwards: bool = False,
    name_of: Callable[[Value], str | None] = attrgetter("name"),
    number_of: Callable[[Value, str], float | None] = getattr,
) -> str:
    """Write a graph in DOT.

    In the SVG that Graphviz makes of it, the element of the node at place i of `order` has the
    `id` "n<i>", and that of the edge to its parent at place k of `parents` has "e<i>_<k>". An edge
    that enters a frame passes between the leaves in it, in two halves: the first has the `id`
    "e<i>_<k>_", and the piece between them "v<i>_<k>". So it crosses no title, and the frames of
    layers stand side by side.

    Args:
        order: the nodes, parents before children. A parent that is not among them, and the edge
            to it, are left out.
        roots: the results among them.
        show: of "data" and "grad" what each node shows; with "local", each edge shows the local
            derivative.
        rankdir: as in `draw`.
        clusters: for nodes in frames, the titles of the frames, from the outermost inwards.
        active_nodes: nodes to highlight.
        active_edges: edges to highlight, each a node and the place of a parent.
        legend: whether the meaning of the colours stands under the picture.
        backwards: whether highlighted edges point to the operands, as gradients flow.
        name_of: gives the name that a node shows; by default, its own.
        number_of: gives the number that a node shows as "data" or "grad", or None to leave its
            place empty; by default, the node's own.

    >>> x = Value(2.0, "x")
    >>> y = x * x
    >>> source = graph_source([x, y], [y], show=["local"], active_edges=[(y, 1)])
    >>> "id=n1" in source, "id=e1_0" in source, source.count("penwidth=4")
    (True, True, 1)
    """
    keys = {node: f"n{i}" for i, node in enumerate(order)}
    variables = with_edge(order).union(roots)
    known = [number_of(node, "grad") for node in order] if "grad" in show else []
    grads = [x for x in known if x is not None]
    scale = colours.largest(grads)
    frames = clusters or {}
    slots = {x: slots_of(x, lambda x: (*frames.get(x, ()), name_of(x) or "")) for x in order}
    drawn = topological_order(
        [*roots, *order],
        lambda x: [x.parents[k] for k in reversed(slots[x]) if x.parents[k] in keys],
    )
    boxes, arrows = [], []
    active = set(active_nodes)
    for node in drawn:
        key, numbers = keys[node], {word: number_of(node, word) for word in FIELDS[:2]}
        look = node_look(
            node, name_of(node), numbers, node in variables, show, rankdir, scale, slots[node]
        )
        if node in active:
            look |= _ACTIVE if "shape" in look else _ACTIVE_BOX | _ACTIVE
        boxes.append(Box(key, look, frames.get(node, ())))
    bright = set(active_edges)
    beside = False
    for node in drawn:
        key, parents = keys[node], node.parents
        locals_ = node.local_derivatives if "local" in show else (None,) * len(parents)
        frame = frames.get(node, ())
        has_leaves = frame and any(not x.op and frames.get(x) == frame for x in parents)
        for k, parent in enumerate(parents):
            if parent not in keys:
                continue
            look = edge_look(node, k, locals_[k])
            if (node, k) in bright:
                look |= _ACTIVE | ({"dir": "back"} if backwards else {})
            place, tail = f"{key[1:]}_{k}", keys[parent]
            if has_leaves and frames.get(parent) != frame and (parent.op or parent in variables):
                half = {word: x for word, x in look.items() if word != "label"}
                boxes.append(Box(f"v{place}", _via_look(half, rankdir), frame))
                ends = {"dir": "back" if "dir" in look else "none"}
                arrows.append(Arrow(f"e{place}_", tail, f"v{place}", half | ends))
                look |= {"dir": "none"} if "dir" in look else {}
                tail = f"v{place}"
            elif frames.get(parent, ())[: len(frame)] != frame:
                beside = True  # what enters a frame crosses the titles above its boxes
            slot = f":p{k}" if len(parents) > 1 else ""
            arrows.append(Arrow(f"e{place}", tail, key + slot, look))
    return write(boxes, arrows, rankdir, colours.legend(grads) if legend else "", beside=beside)


def node_look(
    node: Value,
    name: str | None,
    numbers: Mapping[str, float | None],
    is_variable: bool,
    show: Collection[str],
    rankdir: str,
    scale: float,
    slots: Sequence[int],
) -> dict[str, str]:
    """Return the attributes in DOT of a node; a number that is None leaves a place empty."""
    rows = _rows(name, {word: x for word, x in numbers.items() if word in show}, scale)
    if node.op:
        look = {"label": f"<{_operation(node, rows, rankdir, slots)}>"}
    elif is_variable or node.name:
        look = {"label": f"<{rounded(rows or [row(_EMPTY)])}>"}
    else:
        look = number_look(notation.number(node.data))
    return look | {"tooltip": _tooltip(node.name or name or node.op, numbers)}


def slots_of(node: Value, path_of: Callable[[Value], Iterable[str]]) -> Sequence[int]:
    """Return the places of the operands in the order in which their slots stand.

    Of a share among many, that is the order of their paths: so the neurons before a cross-entropy
    need not stand in another, with that of the target first.
    """
    places = range(len(node.parents))
    if node.op not in notation.SHARES:
        return places
    return sorted(places, key=lambda k: natural(path_of(node.parents[k])))


def natural(path: Iterable[str]) -> list[object]:
    """Return what sorts a path with "layer10" after one with "layer9"."""
    return [
        (int(part) if part.isdecimal() else -1, part)
        for name in path
        for part in re.split(r"(\d+)", name)
    ]


def number_look(label: str) -> dict[str, str]:
    """Return the attributes in DOT of a number, or of several."""
    return {"label": label, **_NUMBER}


def edge_look(node: Value, k: int, local: float | None) -> dict[str, str]:
    """Return the attributes in DOT of the edge from the parent at place `k` to `node`."""
    if k == branch_not_taken(node):
        return dict(_NOT_TAKEN)
    return {} if local is None else {"label": notation.number(local)}


def _via_look(half: Mapping[str, str], rankdir: str) -> dict[str, str]:
    """Return the attributes in DOT of the piece between the halves of an edge.

    Graphviz ends both halves a little before it, so it is longer than the room that it takes.
    """
    sizes = str(_VIA), half.get("penwidth", "1")
    width, height = sizes if rankdir in ("LR", "RL") else sizes[::-1]
    look = f'WIDTH="{width}" HEIGHT="{height}" FIXEDSIZE="TRUE" BGCOLOR="{half.get("color", INK)}"'
    piece = table([row(f"<TD {look}></TD>")], f'{BARE} CELLPADDING="0"')
    nothing = {"shape": "none", "width": "0", "height": "0", "fixedsize": "true"}
    return nothing | {"label": f"<{piece}>"}


def with_edge(order: Iterable[Value]) -> set[Value]:
    """Return the parents along which gradients flow: a number among the operands has no edge."""
    return {parent for node in order for parent in edges_of(node)}


def branch_not_taken(node: Value) -> int | None:
    """Return the place, among the parents, of the branch that a `where` did not take."""
    if node.op != "where":
        return None
    x, y = node.local_derivatives
    if x is None and y is None:  # it took a number, which has no edge either
        first = node.parents[0]
        return int(not first.op and first.name is None and repr(first.data) == repr(node.data))
    return 0 if x is None else 1


# --- the look of a node -------------------------------------------------------------------------


def _operation(node: Value, rows: Sequence[str], rankdir: str, slots: Sequence[int]) -> str:
    """Lay out an operation: slots for its operands, beside its symbol over the rows."""
    horizontal = rankdir in ("LR", "RL")
    rows = [band(notation.label(notation.symbol(node.op))), *rows]
    roles = notation.roles(node.op, len(node.parents))
    if horizontal and len(roles) > len(rows):  # fill up, lest the rows be drawn apart
        rows.append(row(f'<TD HEIGHT="{_LINE * (len(roles) - len(rows))}"></TD>'))
    parts = [table(rows)]
    if len(roles) > 1:
        cells = [
            f'<TD PORT="p{i}" BGCOLOR="{_SLOT}" HEIGHT="{_SLOT_SIZE}" '
            f'WIDTH="{max(_SLOT_SIZE, room(roles[i]))}">{text(roles[i])}</TD>'
            for i in slots
        ]
        lines = [row(c) for c in cells] if horizontal else [row(*cells)]
        look = 'BORDER="0" CELLBORDER="0" CELLSPACING="1" CELLPADDING="2"'
        parts.insert(rankdir not in ("LR", "TB"), table(lines, look))
    cells = [f'<TD CELLPADDING="0">{part}</TD>' for part in parts]
    lines = [row(*cells)] if horizontal else [row(c) for c in cells]
    return table(lines, f'{FRAMED} COLOR="{INK}" BGCOLOR="white"')


def _rows(name: str | None, numbers: Mapping[str, float | None], scale: float) -> list[str]:
    """Lay out the name, and the fields with their values, in two columns."""
    shown = notation.label(name)
    rows = [line(shown, bold=True)] if shown else []
    for word, x in numbers.items():
        colour = colours.shade(x, scale) if word == "grad" and x is not None else None
        rows.append(field_row(word, "" if x is None else notation.number(x), colour))
    return rows


def _tooltip(name: str, numbers: Mapping[str, float | None]) -> str:
    """Write what a reader sees on pointing at a node: more of the name, and every digit."""
    digits = [f"{word}={x!r}" for word, x in numbers.items() if x is not None]
    return tooltip(" ".join([notation.label(name, longest=200), *digits]).lstrip())
