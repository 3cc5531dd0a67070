"""Both passes as a page to play, in one file that needs nothing else: `animate`."""

from __future__ import annotations

import html
import json
import re
import xml.etree.ElementTree as ET
from functools import reduce
from importlib.resources import files
from math import isfinite
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograd import notation
from autograd.classroom.movie import film
from autograd.engine import Value
from autograd.explanations import Graph, swept
from autograd.files import write_atomically
from autograd.pictures import frames_of, graph_source
from autograd.pictures.render import render

if TYPE_CHECKING:
    from os import PathLike

MAX_NODES, MAX_EDGES = 800, 2000  # more than anybody can follow, and seconds to lay out

_SVG = "{http://www.w3.org/2000/svg}"
_HEIGHT = 860  # pixels, in a notebook that runs no scripts
_FIT = (
    "window.addEventListener('message', (event) => { if (event.source === this.contentWindow) "
    "this.style.height = event.data.height + 'px'; }); this.contentWindow.postMessage('', '*');"
)


class Animation:
    """The page that `animate` makes. It displays itself in a notebook.

    Attributes:
        html: the page.
        path: the file it was written to, or None.
    """

    def __init__(self, page: str, path: Path | None) -> None:
        self.html = page
        self.path = path

    def __repr__(self) -> str:
        size = f"{len(self.html.encode()) / 1000:.0f} kB"
        where = "not written to a file" if self.path is None else f"in {str(self.path)!r}"
        return f"<Animation, {size}, {where}>"

    def _repr_html_(self) -> str:
        """Give Jupyter the page, in a frame of its own that is as high as the page asks for."""
        return (
            f'<iframe srcdoc="{html.escape(self.html)}" sandbox="allow-scripts" '
            f'title="Animation of both passes" onload="{html.escape(_FIT)}" '
            f'style="width: 100%; height: {_HEIGHT}px; border: 0"></iframe>'
        )


def animate(root: Value, path: str | PathLike[str] | None = None) -> Animation:
    """Write a page that plays the forward pass, then the backward pass, on the graph of `root`.

    It is one file that any browser opens, without a network. It plays, pauses, and steps in both
    directions, by buttons, a slider and keys; each step has its formula in symbols and in
    numbers. A click on a node shows its gradient as a sum over all paths to the result. The
    gradients are those that `root.backward()` gives to a graph without earlier ones; the graph's
    own are neither read nor changed.

    Args:
        root: the result.
        path: where to write, a name that ends in .html; an existing file is replaced. If None,
            the page is only shown, in a notebook. A name that ends in .gif or .mp4 gets a film
            instead, one and a half seconds a step, for slides; MP4 needs ffmpeg on the machine.

    Raises:
        TypeError: `root` is not a Value.
        ValueError: the graph has more than 800 nodes or 2000 edges, or 200 nodes for a film, or
            `path` another ending.
        OSError: the folder does not exist, or the file cannot be written.
        RuntimeError: the program that makes MP4 is missing.

    >>> from autograd import Value, tanh
    >>> animate(tanh(Value(-3.0, "w") * Value(2.0, "x")))
    <Animation, ... kB, not written to a file>
    """
    suffix = ".html" if path is None else Path(path).suffix.lower()
    if suffix not in (".html", ".htm", ".gif", ".mp4"):
        raise ValueError(
            f"an animation is a page or a film: end the name {str(path)!r} in .html, .gif or .mp4"
        )
    graph = Graph(root)
    edges = sum([len(node.parents) for node in graph.order])
    if len(graph.order) > MAX_NODES or edges > MAX_EDGES:
        raise ValueError(
            f"the graph has {len(graph.order)} nodes and {edges} edges, and an animation can have "
            f"{MAX_NODES} and {MAX_EDGES}: animate a part of it, such as one neuron or the loss of "
            f"one sample"
        )
    svg = _picture(graph)
    title = html.escape(f"{graph.names[root]}: the forward and the backward pass")
    page = filled("animation.html", title=title, svg=svg, data=_as_json(_data(graph)))
    if path is not None:
        write_atomically(path, page if suffix in (".html", ".htm") else film(graph, svg, suffix))
    return Animation(page, None if path is None else Path(path))


def filled(page: str, **parts: str) -> str:
    """Return the text of a file of this room, with the parts that its places are named after."""
    template = files("autograd.classroom").joinpath(page).read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)


# --- the data -----------------------------------------------------------------------------------


def _data(graph: Graph) -> dict[str, Any]:
    """Return what the page has to know: nodes are numbered in the order of the graph."""
    place = {node: i for i, node in enumerate(graph.order)}
    direct = _direct(graph)
    nodes = [
        {
            "name": graph.names[node],
            "op": node.op,
            "number": node in graph.numbers,
            "data": node.data,
            "parents": [place[x] for x in node.parents],
            "locals": node.local_derivatives,
            "symbols": [graph.local(node, x) for x in node.parents],
            "direct": direct[node],
            "formula": graph.formula(node) if node.op else "",
            "numbers": graph.formula_in_numbers(node) if node.op else "",
        }
        for node in graph.order
    ]
    backward = [
        [place[node]]
        + [
            [k, edge.contribution, edge.sum_before, edge.running_sum]
            for k, edge in zip(_places(node), edges, strict=True)
        ]
        for node, _, edges in swept(graph.differentiable, 1.0, {})
        if edges
    ]
    return {
        "nodes": nodes,
        "seed": 1.0,
        "differentiable": [place[node] for node in graph.differentiable],
        "forward": [place[node] for node in graph.order if node.op],
        "backward": backward,
    }


def _direct(graph: Graph) -> dict[Value, list[int]]:
    """Return the places of the operands of each node that reach it by more than one edge or way.

    Their local derivative is a part of the derivative of the node with respect to them.
    """
    place = {node: i for i, node in enumerate(graph.order)}
    below: dict[Value, int] = {}  # a bit for each node that gradients flow to from this one
    found: dict[Value, list[int]] = {}
    for node in graph.order:
        edges = _places(node)
        reached = {k: below[node.parents[k]] | 1 << place[node.parents[k]] for k in edges}
        below[node] = reduce(or_, reached.values(), 0)
        found[node] = [
            k
            for k in edges
            if any(reached[other] >> place[node.parents[k]] & 1 for other in edges if other != k)
        ]
    return found


def _places(node: Value) -> list[int]:
    """Return the places, among the parents, of those along which gradients flow."""
    return [k for k, local in enumerate(node.local_derivatives) if local is not None]


def _as_json(data: Any) -> str:
    """Write JSON that can stand inside an element `script`; nan and infinity become text."""

    def plain(x: Any) -> Any:
        if isinstance(x, float) and not isfinite(x):
            return str(x)
        if isinstance(x, dict):
            return {key: plain(value) for key, value in x.items()}
        return [plain(y) for y in x] if isinstance(x, (list, tuple)) else x

    text = json.dumps(plain(data), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


# --- the picture --------------------------------------------------------------------------------


def _picture(graph: Graph) -> str:
    """Draw the graph once, with room in each node for every number that it will show."""
    widest = dict.fromkeys(graph.order, 1.0)  # not 0, so that each gradient has a cell to colour
    for _, _, edges in swept(graph.differentiable, 1.0, {}):
        for node, x in [(edge.parent, edge.running_sum) for edge in edges]:
            if x and len(notation.number(x)) > len(notation.number(widest[node])):
                widest[node] = x
    clusters, name_of = frames_of(graph.order, graph.names)
    source = graph_source(
        graph.order,
        [graph.root],
        show=("data", "grad", "local"),
        clusters=clusters,
        name_of=name_of,
        number_of=lambda node, word: node.data if word == "data" else widest[node],
    )
    svg = ET.fromstring(render(source, "svg"))
    for element in svg.iter():
        element.tag = element.tag.removeprefix(_SVG)
        element.tail = None
        if element.tag != "text":
            element.text = None
        for key in [key for key in element.attrib if key.startswith("{")]:
            del element.attrib[key]
        for key, default in (*_DEFAULTS.items(), ("stroke", "none")):
            if element.get(key) == default:
                del element.attrib[key]
        for key in {"d", "points", "x", "y"} & set(element.attrib):
            element.set(key, re.sub(r"-?\d+\.\d+", _rounded, element.attrib[key]))
    svg.attrib |= _DEFAULTS
    for group in svg.iter("g"):
        for title in group.findall("title"):
            group.remove(title)
    _join_edges(svg)
    for group in svg.iter("g"):
        if group.get("class") == "node":
            _prepare(group)
    return ET.tostring(svg, encoding="unicode")


# What all texts have in common stands once, at the top.
_DEFAULTS = {"font-family": "Helvetica,sans-Serif", "font-size": "14.00", "text-anchor": "start"}


def _rounded(match: re.Match[str]) -> str:
    """Round a coordinate to a tenth of a point, which is less than a pixel."""
    return f"{float(match[0]):.1f}".removesuffix(".0")


def _join_edges(svg: ET.Element) -> None:
    """Make one path of the halves of an edge."""
    (graph,) = svg.findall("g")
    groups = {group.get("id", ""): group for group in graph.iter("g")}
    for key in [key for key in groups if key.endswith("_")]:
        (first,), (second,) = [groups[half].findall("path") for half in (key, key[:-1])]
        start, rest = second.attrib["d"][1:].split("C", 1)
        second.set("d", f"{first.attrib['d']}C{start} {start} {start}C{rest}")
        graph.remove(groups[key])
        graph.remove(groups[f"v{key[1:-1]}"])


def _prepare(group: ET.Element) -> None:
    """Mark, in the picture of a node, where the page writes and colours."""
    shapes = _merged(group.findall("./g/a/*") or list(group))
    for child in list(group):
        group.remove(child)
    group.extend([_ring(shapes), *shapes])
    texts = [shape for shape in shapes if shape.tag == "text"]
    if len(texts) == 1:  # a number
        return
    data, grad = texts[-3], texts[-1]
    cell = shapes[shapes.index(grad) - 1]
    cell.set("class", "cell")
    right = max(_coordinates(cell)[::2]) - 3  # the padding of a cell
    for text, look in ((data, "data"), (grad, "grad")):
        text.attrib |= {"class": look, "text-anchor": "end", "x": f"{right:.2f}"}


def _merged(shapes: list[ET.Element]) -> list[ET.Element]:
    """Draw a filled shape and the frame around it, which Graphviz draws twice, in one."""
    result = shapes[:1]
    for shape in shapes[1:]:
        outlines = [x.get("d") or x.get("points") or "" for x in (result[-1], shape)]
        if shape.get("fill") == "none" and outlines[0] == outlines[1] != "":
            result[-1].set("stroke", shape.get("stroke", "none"))
        else:
            result.append(shape)
    return result


def _ring(shapes: list[ET.Element]) -> ET.Element:
    """Make the frame around a node that shows when something happens to it."""
    numbers = [_coordinates(shape) for shape in shapes if shape.tag != "text"]
    xs, ys = [[x for part in numbers for x in part[axis::2]] for axis in (0, 1)]
    x, y, gap = min(xs), min(ys), 4
    look = {
        "class": "ring",
        "x": f"{x - gap:.2f}",
        "y": f"{y - gap:.2f}",
        "width": f"{max(xs) - x + 2 * gap:.2f}",
        "height": f"{max(ys) - y + 2 * gap:.2f}",
        "rx": "8",
    }
    return ET.Element("rect", look)


def _coordinates(shape: ET.Element) -> list[float]:
    """Return the coordinates of a polygon, path or ellipse, x and y in turn."""
    if shape.tag == "ellipse":
        x, y, rx, ry = [float(shape.attrib[key]) for key in ("cx", "cy", "rx", "ry")]
        return [x - rx, y - ry, x + rx, y + ry]
    written = shape.get("points") or shape.attrib["d"]
    return [float(x) for x in re.findall(r"-?[\d.]+", written)]
