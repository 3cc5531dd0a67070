"""Pictures in TikZ: every shape is there, every sign is LaTeX's own, and LaTeX takes it."""

import re
import shutil
import subprocess

import pytest

from autograd import Value, draw, notation, tanh, where
from autograd.engine import table
from autograd.pictures.render import render
from autograd.pictures.shapes import shapes
from autograd.pictures.tikz import as_tex
from nn import MLP

LATEX = shutil.which("pdflatex")
HAS_TIKZ = LATEX and not subprocess.run(["kpsewhich", "tikz.sty"], capture_output=True).returncode


def pictures():
    w, x = Value(-3.0, r"α_1 & 50%$#{}~^\<>|"), Value(2.0, "x")
    y = where(x > 0, tanh(w * x), w)
    y.backward()
    return [draw(y), draw(MLP(2, [3, 1], seed=0)), draw(tanh(MLP(2, [2, 1], seed=0)([1.0, 2.0])))]


@pytest.mark.parametrize("picture", pictures())
def test_every_shape_is_a_command(picture, tmp_path):
    written = picture.save(tmp_path / "graph.tex").read_text(encoding="utf-8")
    commands = re.findall(r"^\\(?:path|node)\[.*;$", written, re.MULTILINE)
    found = shapes(render(picture.source, "svg").decode())
    assert len(commands) == len(found) - 1  # without the background
    assert written.isascii()
    plain = re.sub(r"\\[{}]", "", written)
    assert plain.count("{") == plain.count("}")
    assert written.count(" .. controls ") > 10
    assert written.count("cycle") == sum(shape.kind == "polygon" for shape in found) - 1


def test_colours_widths_and_dashes():
    x = Value(-2.0, "x")
    written = render(draw(where(x > 0, x * 3.0, x)).source, "tex").decode()
    assert written.count("dashed") == 1
    assert "fill={rgb,255:red,214;green,232;blue,247}" in written
    assert "text=white" in written
    assert "line width=" in render(draw(MLP(2, [3, 1], seed=0)).source, "tex").decode()


def test_the_signs_of_all_operations_are_known():
    for op in table.TABLE:
        for text in (notation.symbol(op), *notation.roles(op, 3)):
            assert as_tex(text).isascii(), text
    assert as_tex("λ̂漢") == "$\\lambda$̂漢"


@pytest.mark.skipif(not HAS_TIKZ, reason="needs LaTeX with TikZ")
def test_latex_takes_it(tmp_path):
    lines = [r"\documentclass{article}\usepackage{tikz}\begin{document}"]
    for i, picture in enumerate(pictures()):
        picture.save(tmp_path / f"{i}.tex")
        lines.append(rf"\input{{{i}.tex}}\clearpage")
    (tmp_path / "all.tex").write_text("\n".join([*lines, r"\end{document}"]), encoding="utf-8")
    command = [LATEX, "-halt-on-error", "-interaction=nonstopmode", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout
    assert "Output written on all.pdf" in done.stdout
