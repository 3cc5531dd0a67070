"""What stands in a picture: its boxes, frames and arrows as Graphviz renders them."""

import re
import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path

import matplotlib
import matplotlib.path
import numpy as np
from matplotlib.ft2font import FT2Font
from matplotlib.transforms import Bbox

from autograd.pictures import render

SVG = "{http://www.w3.org/2000/svg}"


def parts(picture, kind="node"):
    """The texts of each node, cluster or edge, by its id; pieces of wires are no nodes."""
    root = ET.fromstring(render.render(picture.source, "svg"))
    return {
        group.get("id"): [text.text for text in group.iter(f"{SVG}text")]
        for group in root.iter(f"{SVG}g")
        if group.get("class") == kind and not group.get("id").startswith("v")
    }


def luminance(colour):
    """The relative luminance of "#rrggbb" or "rgb(r, g, b)", by the guidelines for web content."""
    is_hex = colour.startswith("#")
    parts = re.findall(r"[0-9A-Fa-f]{2}" if is_hex else r"\d+", colour)[:3]
    shares = [int(x, 16 if is_hex else 10) / 255 for x in parts]
    r, g, b = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in shares]
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(first, second):
    """The contrast of two colours, by the same."""
    dark, light = sorted(map(luminance, (first, second)))
    return (light + 0.05) / (dark + 0.05)


def arrows(picture):
    """The arrows as (from, to, look), by the first lines of the boxes."""
    first = {key: texts[0] for key, texts in parts(picture).items()}
    found = re.findall(r"^\t(\w+):e -> (\w+)[:\w]* \[(.*)\]$", picture.source, re.MULTILINE)
    assert len(found) == picture.source.count(" -> ")
    return [(first[tail], first[head], look) for tail, head, look in found]


def ends(picture):
    """The arrows as pairs of the first lines of boxes, sorted."""
    return sorted((tail, head) for tail, head, _ in arrows(picture))


@cache
def helvetica(style):
    """The widths of the ASCII characters in Helvetica, in ems."""
    path = Path(matplotlib.get_data_path(), "fonts", "pdfcorefonts", f"Helvetica{style}.afm")
    metrics = re.findall(r"^C (\d+) ; WX (\d+) ;", path.read_text(encoding="latin-1"), re.MULTILINE)
    return {chr(int(code)): int(width) / 1000 for code, width in metrics}


def width_of(text):
    """How wide a text of the picture is: others than ASCII as in a font that is a little wider."""
    size = float(text.get("font-size"))
    widths = helvetica("-Bold" if text.get("font-weight") == "bold" else "")
    font = FT2Font(str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")))
    font.set_size(100, 72)
    total = 0.0
    for c in text.text:
        if c in widths:
            total += widths[c]
        else:
            total += 0.9 * font.load_char(ord(c)).linearHoriAdvance / 65536 / 100
    return total * size


def crossed_titles(picture):
    """The titles of frames that an arrow passes through."""
    root = ET.fromstring(render.render(picture.source, "svg"))
    kinds = {"cluster": [], "node": [], "edge": []}
    for group in root.iter(f"{SVG}g"):
        kinds.get(group.get("class"), []).append(group)
    beside = [group for group in kinds["node"] if group.find(f".//{SVG}polygon") is None]
    titles = {}
    for text in [x for group in kinds["cluster"] + beside for x in group.iter(f"{SVG}text")]:
        x, y, width = float(text.get("x")), float(text.get("y")), width_of(text)
        left = x - width / 2 if text.get("text-anchor") == "middle" else x
        titles[text.text] = Bbox([[left, y - 10], [left + width, y + 2]])
    ways = []
    for group in kinds["edge"]:
        numbers = re.findall(r"-?[\d.]+", group.find(f".//{SVG}path").get("d"))
        points = np.reshape([*map(float, numbers)], (-1, 2))
        ways.append(matplotlib.path.Path(points, [1, *[4] * (len(points) - 1)]))  # Bézier curves
    return {
        title
        for title, box in titles.items()
        if any(way.intersects_bbox(box, False) for way in ways)
    }


def texts_inside(picture):
    """Check that every text of a box, ellipses apart, is inside of a shape of it; count them."""
    checked = 0
    for group in ET.fromstring(render.render(picture.source, "svg")).iter(f"{SVG}g"):
        if group.get("class") != "node" or group.find(f".//{SVG}ellipse") is not None:
            continue
        outlines = [
            [
                tuple(map(float, point.split(",")))
                for point in re.findall(r"-?[\d.]+,-?[\d.]+", path)
            ]
            for shape in group.iter()
            if (path := shape.get("points") or shape.get("d"))
        ]
        for text in group.iter(f"{SVG}text") if outlines else ():  # titles of frames have none
            x, y, width = float(text.get("x")), float(text.get("y")), width_of(text)
            assert any(
                min(px for px, _ in outline) <= x
                and x + width <= max(px for px, _ in outline)
                and min(py for _, py in outline) <= y - 0.6 * float(text.get("font-size"))
                and y <= max(py for _, py in outline)
                for outline in outlines
            ), text.text
            checked += 1
    return checked
