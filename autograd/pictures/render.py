"""From DOT to a picture, by a Graphviz program that runs beside Python."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from collections.abc import Callable

from autograd.pictures.paint import MOST_PIXELS, painted
from autograd.pictures.tikz import tikz

FORMATS = ("svg", "png", "gif", "pdf", "tex", "dot")

# The fonts that graphviz-pure draws PNGs with have no angle brackets ⟨ ⟩; ‹ › look much alike.
_PNG_GLYPHS = str.maketrans("\u27e8\u27e9", "\u2039\u203a")
# Twice as many pixels as points, so that text is sharp on a projector; but the picture of a large
# graph is scaled down.
_PNG_OPTIONS = ("-Tpng", "-Gdpi=144", f"-Gsize={MOST_PIXELS / 144}")


def render(source: str, kind: str) -> bytes:
    """Lay out a graph and return the picture as the content of a file.

    Args:
        source: the graph, in DOT.
        kind: one of `FORMATS`; "tex" is for LaTeX, and "dot" the source itself.

    Raises:
        ValueError: there is no such format.
        RuntimeError: the program that draws it is missing, or fails.

    >>> render("digraph { a -> b }", "png")[1:4]
    b'PNG'
    """
    if kind not in FORMATS:
        raise ValueError(f"a picture can be {', '.join(FORMATS)}, not {kind!r}")
    if kind == "dot":
        return source.encode()
    if kind == "png":
        return _run(_graphviz_pure(), source.translate(_PNG_GLYPHS), *_PNG_OPTIONS)
    svg = _layout(source).encode() if _layout else _run(_graphviz_pure(), source, "-Tsvg")
    if kind in ("gif", "pdf"):
        return painted(svg.decode(), kind)
    return tikz(svg.decode()).encode() if kind == "tex" else svg


_layout: Callable[[str], str] | None = None


def set_layout(layout: Callable[[str], str] | None) -> None:
    """Have the SVG of every picture made by a function: in a browser, no program can run.

    Args:
        layout: what makes an SVG of a source in DOT; None for the program that pip installs.

    >>> set_layout(lambda source: "<svg/>")
    >>> render("digraph { a -> b }", "svg")
    b'<svg/>'
    >>> set_layout(None)
    """
    global _layout
    _layout = layout


def _graphviz_pure() -> str:
    """Find the program that pip installs: beside this interpreter, else on the search path."""
    name = "graphviz-pure"
    program = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    if program is None:
        raise RuntimeError(f"pictures are drawn by {name}: install it with `pip install {name}`")
    return program


def _run(program: str, source: str, *options: str) -> bytes:
    """Give the program the source, and return what it draws."""
    try:
        done = subprocess.run([program, *options], input=source.encode(), capture_output=True)
    except OSError as error:
        raise RuntimeError(f"{program} does not start: {error}") from error
    if done.returncode != 0:
        message = done.stderr.decode(errors="replace").strip()
        raise RuntimeError(
            f"{program} failed with exit status {done.returncode}: {message or 'no message'}"
        )
    return done.stdout
