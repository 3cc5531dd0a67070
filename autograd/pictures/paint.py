"""Pictures by Matplotlib: on paper, as PDF, and in films."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING, Any

from autograd.pictures.shapes import Shape, shapes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL.Image import Image

MOST_PIXELS = 8000  # a side: the memory that a picture takes grows with the square

_NARROWER = 0.88  # makes Matplotlib's letters as wide as Helvetica, for which pictures are laid out


def painted(svg: str, kind: str) -> bytes:
    """Return the picture of an SVG by Graphviz as a page of its own, "pdf", or as a "gif".

    >>> from autograd.pictures.render import render
    >>> [painted(render("digraph { a }", "svg").decode(), kind)[:4] for kind in ("pdf", "gif")]
    [b'%PDF', b'GIF8']
    """
    picture = shapes(svg)
    (left, low), *_, (right, high) = sorted(picture[0].points)
    figure = figure_of(right - left, high - low, MOST_PIXELS)
    paint(page_of(figure), picture, -left, -low, 1.0)
    return save_pages([figure]) if kind == "pdf" else gif([pixels(figure)])


def figure_of(width: float, height: float, most_pixels: int) -> Figure:
    """Return a figure of so many points, with two pixels for each if that is not too many."""
    from matplotlib.figure import Figure

    dpi = min(144.0, 72 * most_pixels / max(width, height))
    return Figure(figsize=(width / 72, height / 72), dpi=dpi)


def page_of(figure: Figure) -> Axes:
    """Return axes all over a figure, with the points of the paper as units, and y downwards."""
    axes = figure.add_axes((0, 0, 1, 1))
    width, height = figure.get_size_inches() * 72
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    return axes


def pixels(figure: Figure) -> Image:
    """Return what a figure looks like, in pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.frombytes("RGBA", canvas.get_width_height(), bytes(canvas.buffer_rgba()))


def gif(frames: Iterable[Image], seconds: float = 0.0) -> bytes:
    """Return frames as a GIF; several are shown again and again, each for so many seconds."""
    from PIL.Image import Quantize

    file = BytesIO()
    quick = Quantize.FASTOCTREE
    first, *rest = [frame.convert("RGB").quantize(method=quick) for frame in frames]
    look: dict[str, Any] = {"append_images": rest, "duration": 1000 * seconds, "loop": 0}
    first.save(file, "GIF", save_all=True, **look if rest else {})
    return file.getvalue()


def save_pages(figures: Iterable[Figure]) -> bytes:
    """Return a PDF with a page for each figure; the same figures give the same bytes."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_pdf import PdfPages

    file = BytesIO()
    embedded = rc_context({"pdf.fonttype": 42})
    with embedded, PdfPages(file, metadata={"CreationDate": None}) as sheets:
        for figure in figures:
            sheets.savefig(figure)
    return file.getvalue()


def paint(axes: Axes, picture: Iterable[Shape], x: float, y: float, scale: float) -> None:
    """Draw shapes, so many times as large, with their origin at (x, y) on a page: see `page_of`."""
    from matplotlib.patches import Ellipse, PathPatch
    from matplotlib.path import Path

    sides = {"start": "left", "middle": "center", "end": "right"}
    for shape in picture:
        points = [(x + scale * a, y + scale * b) for a, b in shape.points]
        if shape.kind == "text":
            axes.text(
                *points[0],
                shape.text,
                fontsize=scale * shape.width * _NARROWER,
                color=shape.fill,
                ha=sides[shape.anchor],
                weight="bold" if shape.is_bold else "normal",
            )
            continue
        look: dict[str, Any] = {
            "facecolor": shape.fill,
            "edgecolor": shape.stroke,
            "linewidth": scale * shape.width,
            "linestyle": "--" if shape.is_dashed else "-",
        }
        if shape.kind == "ellipse":
            (left, top), (right, bottom) = points
            middle = (left + right) / 2, (top + bottom) / 2
            axes.add_artist(Ellipse(middle, right - left, bottom - top, **look))
        else:
            way = Path.CURVE4 if shape.kind == "curve" else Path.LINETO
            codes = [Path.MOVETO, *[way] * (len(points) - 1)]
            axes.add_artist(PathPatch(Path(points, codes), **look))
