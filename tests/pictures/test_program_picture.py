"""draw(compiled): arguments, the equations of the listing and their result as boxes."""

import re

import numpy as np
import pytest
from pictures import ends, parts

import autograd as ag
from autograd import Value, dot, draw, fsum, grad, sin, tanh
from nn import MLP


def loss(W, b, x, y):
    h = [tanh(dot(list(w), list(x), b_i)) for w, b_i in zip(W, b, strict=True)]
    return (fsum(h) - y) ** 2


def test_arguments_steps_and_result():
    compiled = ag.compile(loss, in_axes=(None, None, 0, 0), reduce="mean")
    compiled(np.ones((4, 3)), np.ones(4), np.ones((10, 3)), np.ones(10))
    picture = draw(compiled)
    boxes = {texts[0]: texts[1:] for texts in parts(picture).values()}
    assert boxes == {
        "W": ["4 × 3"],
        "b": ["4"],
        "x": ["batch × 3"],
        "y": ["batch"],
        "z1 = W x + b": ["3 → 4", "per sample"],
        "x1 = tanh(z1)": ["4", "per sample"],
        "L = (Σ x1 − y)²": ["1 number", "per sample"],
        "result": ["mean over the batch"],
    }
    assert "<B>result</B>" in picture.source
    assert ends(picture) == [
        ("L = (Σ x1 − y)²", "result"),
        ("W", "z1 = W x + b"),
        ("b", "z1 = W x + b"),
        ("x", "z1 = W x + b"),
        ("x1 = tanh(z1)", "L = (Σ x1 − y)²"),
        ("y", "L = (Σ x1 − y)²"),
        ("z1 = W x + b", "x1 = tanh(z1)"),
    ]
    assert picture.text == str(compiled)
    assert list(parts(picture, "cluster").values()) == [["layer 1"]]


def test_what_does_not_depend_on_the_sample_says_so():
    compiled = ag.compile(lambda w, x: tanh(w) * x, in_axes=(None, 0))
    compiled(0.5, [1.0, 2.0])
    boxes = {texts[0]: texts[1:] for texts in parts(draw(compiled)).values()}
    assert boxes["v1 = tanh(w)"] == ["1 number", "once for all samples"]
    assert boxes["f = v1 · x"] == ["1 number", "per sample"]
    assert ends(draw(compiled)) == [
        ("f = v1 · x", "result"),
        ("v1 = tanh(w)", "f = v1 · x"),
        ("w", "v1 = tanh(w)"),
        ("x", "f = v1 · x"),
    ]


def test_values_from_outside():
    w = Value(2.0, "w")
    compiled = ag.compile(lambda x: tanh(w * x))
    compiled(1.0)
    assert ("w", "f = tanh(w · x)") in ends(draw(compiled))
    assert ["w", "number"] in parts(draw(compiled)).values()


def test_structures_have_names():
    compiled = ag.compile(lambda p, x: p["w"] * x[0] + p["b"])
    compiled({"w": 1.0, "b": 2.0}, [3.0])
    boxes = list(parts(draw(compiled)).values())
    for box in (["w", 'p["w"]', "number"], ["b", 'p["b"]', "number"], ["x", "number"]):
        assert box in boxes


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


def test_every_step_on_request():
    compiled = ag.compile(grad(lambda x: fsum([tanh(v * v) for v in x])))
    compiled([1.0] * 20)
    assert len(parts(draw(compiled, collapse="none"))) >= len(parts(draw(compiled)))


def test_many_arguments_are_drawn_in_stretches():
    compiled = ag.compile(lambda p: fsum([x * x for x in p.values()]))
    compiled.value_and_grad({f"k{i}": 1.0 for i in range(3000)})
    boxes = list(parts(draw(compiled)).values())
    assert len(boxes) <= 30
    assert ["k0 … k124", "125 numbers"] in boxes
    with pytest.raises(ValueError, match="has 3002 arguments and lines, and without collapsing"):
        draw(compiled, collapse="none")


def test_a_model():
    model = MLP(3, [4, 1], "tanh", seed=0)
    compiled = ag.compile(lambda x: model(x), in_axes=0)
    compiled(np.ones((5, 3)))
    assert [texts[1:] for texts in parts(draw(compiled)).values() if "→" in str(texts)] == [
        ["3 → 4", "per sample"],
        ["4 → 1", "per sample"],
    ]
    assert sorted(parts(draw(compiled), "cluster").values()) == [["layer 1"], ["layer 2"]]


def test_it_must_have_been_called():
    with pytest.raises(ValueError, match="call it once"):
        draw(ag.compile(tanh))
