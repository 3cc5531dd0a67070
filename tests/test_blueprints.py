"""draw(compiled): arguments, steps on vectors and their result as boxes."""

import re

import numpy as np
import pytest
from pictures import ends, parts

import autograd as ag
from autograd import Value, dot, draw, fsum, grad, sin, tanh
from autograd.blueprints import _reads, _written
from autograd.grouping import Tape
from autograd.primitives import TABLE
from nn import MLP


def loss(W, b, x, y):
    h = [tanh(dot(list(w), list(x), b_i)) for w, b_i in zip(W, b, strict=True)]
    return (fsum(h) - y) ** 2


def test_arguments_steps_and_result():
    compiled = ag.compile(loss, in_axes=(None, None, 0, 0), reduce="mean")
    compiled(np.ones((4, 3)), np.ones(4), np.ones((10, 3)), np.ones(10))
    picture = draw(compiled)
    boxes = {texts[0]: texts[1:] for texts in parts(picture).values()}
    assert [boxes[name] for name in "Wbxy"] == [["4 × 3"], ["4"], ["batch × 3"], ["batch"]]
    assert boxes["W x + b"] == ["3 → 4", "per sample"]
    assert boxes["tanh"] == ["4 numbers", "per sample"]
    assert boxes["result"] == ["mean over the batch"]
    found = ends(picture)
    for edge in (("W", "W x + b"), ("b", "W x + b"), ("x", "W x + b"), ("W x + b", "tanh")):
        assert edge in found
    assert any(tail == "y" for tail, _ in found)
    assert sum(head == "result" for _, head in found) == 1
    assert picture.text == str(compiled)


def test_what_does_not_depend_on_the_sample_says_so():
    compiled = ag.compile(lambda w, x: tanh(w) * x, in_axes=(None, 0))
    compiled(0.5, [1.0, 2.0])
    boxes = {texts[0]: texts[1:] for texts in parts(draw(compiled)).values()}
    assert boxes["tanh"] == ["1 number", "once for all samples"]
    assert boxes["×"] == ["1 number", "per sample"]
    assert ends(draw(compiled)) == [("tanh", "×"), ("w", "tanh"), ("x", "×"), ("×", "result")]


def test_values_from_outside():
    w = Value(2.0, "w")
    compiled = ag.compile(lambda x: tanh(w * x))
    compiled(1.0)
    assert ("from outside", "×") in ends(draw(compiled))
    assert ["from outside", "1 number"] in parts(draw(compiled)).values()


def test_structures_have_names():
    compiled = ag.compile(lambda p, x: p["w"] * x[0] + p["b"])
    compiled({"w": 1.0, "b": 2.0}, [3.0])
    names = [texts[0] for texts in parts(draw(compiled)).values()]
    assert any(name.startswith("p[") and "w" in name for name in names)
    assert any(name.startswith("x") for name in names)


def test_a_long_program_is_drawn_in_stretches():
    def f(x):
        for _ in range(300):
            x = tanh(x[0] * 0.5 + sin(x[1])), sin(x[0] - x[1])
        return x[0]

    compiled = ag.compile(f)
    compiled([1.0, 2.0])
    boxes = parts(draw(compiled))
    assert len(boxes) <= 30
    total = sum(
        int(found[1].replace(",", ""))
        for texts in boxes.values()
        for text in texts
        if (found := re.fullmatch(r"([\d,]+) operations", text))
    )
    assert total == 300 * 6 - 2


def test_what_a_tape_computes_itself_comes_from_nowhere_else():
    tape = Tape("V", (TABLE["tanh"], TABLE["+"]), (5, 3), ((3,), (5, 4)))
    assert list(_reads(tape)) == [("V", [3, 4])]
    assert _written(tape) == [5, 3]


def test_every_step_on_request():
    compiled = ag.compile(grad(lambda x: fsum([tanh(v * v) for v in x])))
    compiled([1.0] * 20)
    assert len(parts(draw(compiled, collapse="none"))) >= len(parts(draw(compiled)))


def test_a_model():
    model = MLP(3, [4, 1], "tanh", seed=0)
    compiled = ag.compile(lambda x: model(x), in_axes=0)
    compiled(np.ones((5, 3)))
    assert [texts[1:] for texts in parts(draw(compiled)).values() if texts[0] == "W x + b"] == [
        ["3 → 4", "per sample"]
    ]


def test_it_must_have_been_called():
    with pytest.raises(ValueError, match="call it once, then draw it"):
        draw(ag.compile(tanh))
