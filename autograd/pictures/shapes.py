"""The shapes of a picture as Graphviz laid it out: what is drawn where, for other languages."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass

_SVG = "{http://www.w3.org/2000/svg}"

_KINDS = {"polyline": "line", "path": "curve"}

Point = tuple[float, float]


@dataclass(frozen=True)
class Shape:
    """A part of a picture. Lengths are in points; y grows downwards.

    Attributes:
        kind: "polygon", which is closed; "line"; "curve", of cubic Bézier curves that follow each
            other; "ellipse"; or "text".
        points: the corners; of a curve its start, and for each piece two control points and its
            end; of an ellipse the corners of the box around it; of a text where it stands.
        fill: the colour of the inside, or of the text, as "#rrggbb" or a name; "none" if empty.
        stroke: likewise, of the line.
        width: of the line; of a text, the size of its letters.
        is_dashed: whether the line is.
        text: what is written, or "".
        anchor: which part of the text stands at its point: "start", "middle" or "end".
        is_bold: whether the text is.
    """

    kind: str
    points: tuple[Point, ...]
    fill: str
    stroke: str
    width: float = 1.0
    is_dashed: bool = False
    text: str = ""
    anchor: str = "start"
    is_bold: bool = False


def shapes(svg: str) -> list[Shape]:
    """Read the shapes of an SVG that Graphviz wrote, the lowest first; the first is the background.

    >>> from autograd.pictures.render import render
    >>> [shape.kind for shape in shapes(render("digraph { a -> b }", "svg").decode())]
    ['polygon', 'ellipse', 'text', 'ellipse', 'text', 'curve', 'polygon']
    """
    return list(_shapes(ET.fromstring(svg)))


def _shapes(svg: ET.Element) -> Iterator[Shape]:
    for element in svg.iter():
        get, kind = element.get, element.tag.removeprefix(_SVG)
        fill, stroke = [
            get(key, "none").replace("transparent", "none") for key in ("fill", "stroke")
        ]
        width, is_dashed = float(get("stroke-width", "1")), get("stroke-dasharray") is not None
        if kind == "text":
            yield Shape(
                kind,
                ((float(get("x", "0")), float(get("y", "0"))),),
                "black" if fill == "none" else fill,
                "none",
                float(get("font-size", "14")),
                text=element.text or "",
                anchor=get("text-anchor", "start"),
                is_bold=get("font-weight") == "bold",
            )
        elif kind == "ellipse":
            x, y, rx, ry = [float(element.attrib[key]) for key in ("cx", "cy", "rx", "ry")]
            yield Shape(kind, ((x - rx, y - ry), (x + rx, y + ry)), fill, stroke, width, is_dashed)
        elif kind == "rect":
            x, y, w, h = [float(element.attrib[key]) for key in ("x", "y", "width", "height")]
            corners = ((x, y), (x + w, y), (x + w, y + h), (x, y + h), (x, y))
            yield Shape("polygon", corners, fill, stroke, width, is_dashed)
        elif kind in ("polygon", "polyline", "path"):
            numbers = re.findall(r"-?[\d.]+", get("points") or element.attrib["d"])
            points = tuple(zip(*[map(float, numbers)] * 2, strict=True))
            yield Shape(_KINDS.get(kind, kind), points, fill, stroke, width, is_dashed)
