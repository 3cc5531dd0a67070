"""Both passes as a film, GIF or MP4, for slides and papers on the screen."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import compress
from operator import not_
from pathlib import Path
from typing import TYPE_CHECKING

from autograd import notation
from autograd.engine import Value
from autograd.explanations import BackwardStep, ForwardStep, Graph, backward_steps, forward_steps
from autograd.pictures import colours, shapes
from autograd.pictures.paint import figure_of, gif, page_of, paint, pixels

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_NODES = 200
_SECONDS = 1.5  # that a step stays
_MOST_PIXELS = 1600
_FORWARD, _BACKWARD, _LATER = "#00695f", "#b8006b", "#b0b0b0"
_SIZE, _LINE, _EM = 10.0, 13.0, 6.1  # of the letters under the picture, in points


def film(graph: Graph, svg: str, suffix: str) -> bytes:
    """Return the film of both passes, ".gif" or ".mp4", from the picture that `animate` prepares.

    Raises:
        ValueError: the graph has more than 200 nodes.
        RuntimeError: the program that makes MP4 is missing.
    """
    from PIL.Image import alpha_composite

    if len(graph.order) > MAX_NODES:
        raise ValueError(
            f"the graph has {len(graph.order)} nodes, and a film can have {MAX_NODES}: save the "
            f"animation as .html, or animate a part of it"
        )
    if suffix == ".mp4" and shutil.which("ffmpeg") is None:
        raise RuntimeError(
            "MP4 is made by the program ffmpeg, which is not on the search path: install it "
            "(https://ffmpeg.org), or save as .gif or .html, which do not need it"
        )
    scenes = list(_scenes(graph, svg))
    texts = [text.splitlines() for text, _ in scenes]
    (left, bottom), *_, (right, top) = sorted(scenes[0][1][0].points)
    wide = max(right - left, _EM * max([len(line) for lines in texts for line in lines]) + 20)
    high = top - bottom + _LINE * (max(map(len, texts)) + 2)
    figure = figure_of(wide, high, _MOST_PIXELS)
    place = -left + (wide - right + left) / 2, -bottom, 1.0
    # What stays as it is in all scenes is painted once, under the rest.
    is_fixed = [len(set(column)) == 1 for column in zip(*[p for _, p in scenes], strict=True)]
    paint(page_of(figure), compress(scenes[0][1][1:], is_fixed[1:]), *place)
    fixed, frames = pixels(figure), []
    figure.patch.set_alpha(0.0)
    for lines, (_, picture) in zip(texts, scenes, strict=True):
        figure.clear()
        axes = page_of(figure)
        paint(axes, compress(picture, map(not_, is_fixed)), *place)
        for i, line in enumerate(lines):
            y = top - bottom + _LINE * (i + 1)
            axes.text(10, y, line, fontsize=_SIZE, family="monospace")
        frames.append(alpha_composite(fixed, pixels(figure)))
    return gif(frames, _SECONDS) if suffix == ".gif" else _mp4(frames)


def _mp4(frames: Sequence[Image]) -> bytes:
    """Have ffmpeg make a film, with frames as often, and sides as even, as players expect."""
    width, height = frames[0].size
    raw = f"-f rawvideo -pixel_format rgba -video_size {width}x{height} -framerate {1 / _SECONDS}"
    how = "-vf fps=10,crop=trunc(iw/2)*2:trunc(ih/2)*2 -pix_fmt yuv420p"
    pixels = b"".join([frame.tobytes() for frame in frames])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "film.mp4")
        command = ["ffmpeg", *raw.split(), "-i", "-", *how.split(), str(file)]
        subprocess.run(command, input=pixels, capture_output=True, check=True)
        return file.read_bytes()


def _scenes(graph: Graph, svg: str) -> Iterator[tuple[str, list[shapes.Shape]]]:
    """Go through both passes: what is written and what is drawn at each step."""
    known = {node for node in graph.order if not node.op}
    yield "the leaves have their numbers", _scene(graph, svg, known, {}, None)
    for step in forward_steps(graph.root):
        known.add(step.node)
        if step.node.op:
            yield str(step), _scene(graph, svg, known, {}, step)
    seed = dict.fromkeys(graph.differentiable, 0.0) | {graph.root: 1.0}
    yield (
        f"backward: {graph.ratio(graph.root, graph.root)} = 1",
        _scene(graph, svg, known, seed, None),
    )
    for back in backward_steps(graph.root):
        if back.edges:
            yield str(back), _scene(graph, svg, known, back.gradients(), back)


def _scene(
    graph: Graph,
    svg: str,
    known: Iterable[Value],
    gradients: Mapping[Value, float],
    step: ForwardStep | BackwardStep | None,
) -> list[shapes.Shape]:
    """Draw what is known after a step, with its node and edges in the colour of the pass."""
    picture = ET.fromstring(svg)
    parts = {group.get("id"): group for group in picture.iter("g")}
    scale = colours.largest(gradients.values())
    colour = _BACKWARD if isinstance(step, BackwardStep) else _FORWARD
    for i, node in enumerate(graph.order):
        for part in parts[f"n{i}"]:
            kind, grad = part.get("class"), gradients.get(node)
            if kind == "data":
                part.text = notation.number(node.data) if node in known else ""
            elif kind == "grad":
                part.text = "" if grad is None else notation.number(grad)
            elif kind == "cell":
                part.set("fill", (grad is not None and colours.shade(grad, scale)) or "none")
            elif kind == "ring" and step is not None and node is step.node:
                part.attrib |= {"stroke": colour, "stroke-width": "4"}
    if step is not None:
        i = graph.order.index(step.node)
        for k, local in enumerate(step.node.local_derivatives):
            if isinstance(step, ForwardStep) or local is not None:
                _highlight(parts[f"e{i}_{k}"], colour, isinstance(step, BackwardStep))
    return shapes.shapes(ET.tostring(picture, encoding="unicode"))


def _highlight(edge: ET.Element, colour: str, backwards: bool) -> None:
    """Draw an edge in a colour; backwards, with its head at the operand instead."""
    (path,), (head,) = edge.findall("path"), edge.findall("polygon")
    path.attrib |= {"stroke": colour, "stroke-width": "3"}
    head.attrib |= {"stroke": colour, "fill": colour}
    if backwards:
        tip = head.attrib["points"].split()[1]
        x, y = [float(number) for number in path.attrib["d"][1:].split("C")[0].split(",")]
        path.set("d", f"{path.attrib['d']}C{tip} {tip} {tip}")
        head.set("points", f"{x},{y} {x + 9},{y - 4} {x + 9},{y + 4} {x},{y}")
