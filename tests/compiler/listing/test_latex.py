"""A listing with formulas, as a notebook shows it."""

import re

import numpy as np
import pytest

import autograd as ag
from autograd.compiler.listing.latex import formula, prose


@pytest.mark.parametrize(
    ("line", "latex"),
    [
        ("z12 = W1ᵀ x + b1", r"z_{12} = W_{1}^{\top} x + b_{1}"),
        ("∂loss/∂x[0:3]", r"\frac{\partial \mathrm{loss}}{\partial x[0:3]}"),
        ("v1 · my_rate²", r"v_{1} \cdot  \mathrm{my\_rate}^{2}"),
        ("x^(−0.5) + y^3 + z^k", r"x^{-0.5} + y^{3} + z^{k}"),
        ("Σ y ⊙ Größe1", r"\sum  y \odot  \mathrm{Größe}_{1}"),
        ("(2→3)", r"(2\to 3)"),
        ("√x ≤ 1e−05", r"\surd x \le  1e-05"),
        ("5 % of {a}", r"5 \% \mathrm{of} \{a\}"),
    ],
)
def test_names_and_signs(line, latex):
    assert formula(line) == latex


def test_words():
    assert prose("hidden_1[0] & 5 %") == r"\text{hidden\_1[0] \& 5 \%}"


def test_a_notebook_shows_what_print_does():
    def loss(w, x, y):
        return (ag.tanh(ag.dot(w, x)) - y) ** 2

    compiled = ag.compile(loss, in_axes=(None, 0, 0), reduce="mean")
    assert compiled._repr_markdown_() is None
    compiled.value_and_grad([0.5, -1.0], np.ones((3, 2)), np.ones(3))
    shown = compiled._repr_markdown_()
    assert shown.startswith("**loss(w, x, y), the mean over the batch**\n\n$$\n\\begin{aligned}\n")
    assert r"z_{1} &= w^{\top} x && (2\to 1)" in shown
    assert r"\frac{\partial L}{\partial w} &= \frac{\partial L}{\partial z_{1}} " in shown
    printed = str(compiled).splitlines()
    blocks = re.findall(r"\$\$\n\\begin{aligned}\n(.*?)\n\\end{aligned}\n\$\$", shown, re.DOTALL)
    rows = [row for block in blocks for row in block.split(" \\\\\n")]
    assert len(rows) == sum(line.startswith("  ") for line in printed)
    assert shown.endswith(printed[-1])


def test_what_is_too_wide_for_formulas_is_shown_as_it_is_printed():
    def deep(x):
        for name in "a" * 9:
            x = ag.sin(x * x + len(name)) * ag.exp(x) + ag.tanh(x)
        return x

    compiled = ag.compile(deep)
    compiled.grad(0.5)
    assert compiled._repr_markdown_() == f"```text\n{compiled}\n```"
