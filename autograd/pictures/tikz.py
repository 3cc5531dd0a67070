"""A picture in TikZ, for lecture notes and slides in LaTeX."""

from __future__ import annotations

import unicodedata

from autograd.pictures.shapes import Point, Shape, shapes

_HEAD = r"""% \usepackage{tikz} in the preamble, and \input{this file} where it is to stand.
\begin{tikzpicture}[x=1bp, y=-1bp, line join=round, every node/.style={inner sep=0pt}]
"""
_TAIL = "\\end{tikzpicture}\n"

_ANCHORS = {"start": "base west", "middle": "base", "end": "base east"}
# Their own characters in LaTeX, and the signs of the pictures that no rule below finds.
_SIGNS = {"&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}"}
_SIGNS |= {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_SIGNS |= {"<": "$<$", ">": "$>$", "|": "$|$", "\N{NO-BREAK SPACE}": "~", "…": r"\ldots{}"}
_SIGNS |= {"·": r"$\cdot$", "−": "$-$", "×": r"$\times$", "÷": r"$\div$", "√": r"$\surd$"}
_SIGNS |= {"⟨": r"$\langle$", "⟩": r"$\rangle$", "→": r"$\to$", "∞": r"$\infty$", "′": "$'$"}
_SIGNS |= {"≥": r"$\geq$", "≤": r"$\leq$", "≠": r"$\neq$", "∂": r"$\partial$", "⁻": "$^{-}$"}
_CAPITALS = {"GAMMA", "DELTA", "THETA", "XI", "PI", "SIGMA", "UPSILON", "PHI", "PSI", "OMEGA"}


def tikz(svg: str) -> str:
    r"""Write the picture of an SVG by Graphviz in TikZ, as a file for the command input of LaTeX.

    >>> from autograd.pictures.render import render
    >>> print(tikz(render("digraph { a }", "svg").decode()).splitlines()[2])
    \path[draw=black] (27,-18) ellipse[x radius=27bp, y radius=18bp];
    """
    _, *parts = shapes(svg)  # without the background
    return _HEAD + "".join([f"{_command(shape)};\n" for shape in parts]) + _TAIL


def _command(shape: Shape) -> str:
    points = [*map(_point, shape.points)]
    if shape.kind == "text":
        size = f"{shape.width:g}"
        font = rf"\fontsize{{{size}}}{{{size}}}\sffamily" + r"\bfseries" * shape.is_bold
        look = [f"anchor={_ANCHORS[shape.anchor]}", f"font={font}", *_colour("text", shape.fill)]
        return rf"\node[{', '.join(look)}] at {points[0]} {{{as_tex(shape.text)}}}"
    look = [*_colour("fill", shape.fill), *_colour("draw", shape.stroke)]
    if shape.stroke != "none" and shape.width != 1.0:
        look.append(f"line width={shape.width:g}bp")
    look += ["dashed"] * shape.is_dashed
    if shape.kind == "ellipse":
        (left, top), (right, bottom) = shape.points
        middle = _point(((left + right) / 2, (top + bottom) / 2))
        radii = f"x radius={(right - left) / 2:g}bp, y radius={(bottom - top) / 2:g}bp"
        way = f"{middle} ellipse[{radii}]"
    elif shape.kind == "curve":
        pieces = zip(*[iter(points[1:])] * 3, strict=True)
        way = points[0] + "".join([f" .. controls {a} and {b} .. {c}" for a, b, c in pieces])
    else:
        way = " -- ".join([*points, *["cycle"] * (shape.kind == "polygon")])
    return rf"\path[{', '.join(look)}] {way}"


def _point(point: Point) -> str:
    return f"({point[0]:g},{point[1]:g})"


def _colour(what: str, colour: str) -> list[str]:
    """Write an option that sets a colour; none if there is no colour."""
    if colour == "none":
        return []
    if not colour.startswith("#"):
        return [f"{what}={colour}"] if (what, colour) != ("text", "black") else []
    red, green, blue = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return [f"{what}={{rgb,255:red,{red};green,{green};blue,{blue}}}"]


def as_tex(text: str) -> str:
    r"""Write text for LaTeX, with mathematical signs as any of its programs knows them.

    >>> as_tex("∂L/∂w₁ = 2σ²")
    '$\\partial$L/$\\partial$w$_{1}$ = 2$\\sigma$$^{2}$'
    """
    return "".join(map(_sign, text))


def _sign(c: str) -> str:
    if c in _SIGNS:
        return _SIGNS[c]
    kind, *codes = unicodedata.decomposition(c).split() or [""]
    if kind in ("<sub>", "<super>"):
        base = "".join([_sign(chr(int(code, 16))) for code in codes]).strip("$")
        return f"${'_' if kind == '<sub>' else '^'}{{{base}}}$"
    script, _, name = unicodedata.name(c, "").partition(" LETTER ")
    if script == "GREEK SMALL" and " " not in name:
        return rf"$\{name.lower().replace('lamda', 'lambda')}$"
    if script == "GREEK CAPITAL" and name in _CAPITALS:
        return rf"$\{name.capitalize()}$"
    return c  # LuaLaTeX and XeLaTeX know it, if the font does
