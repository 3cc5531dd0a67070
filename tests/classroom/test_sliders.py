"""autograd.interactive: sliders that compute the graph again."""

import math
import random
import sys

import pytest
from graphs import neuron, ordered
from hypothesis import given
from hypothesis import strategies as st
from random_programs import evaluated, random_program

from autograd import Value, interactive, notation, relu, tanh, where
from autograd.classroom.sliders import recomputed
from autograd.engine.graph import topological_order


def leaves_of(root):
    return [x for x in topological_order((root,), Value.__edges__) if not x.op]


# --- computing again ----------------------------------------------------------------------------


@given(st.integers(0, 10**6))
def test_the_same_numbers_give_the_same_graph(seed):
    rng = random.Random(seed)
    inputs = [Value(rng.uniform(-2, 2), f"x{i}") for i in range(3)]
    rows = random_program(rng, 3, 6)
    root = [v for v in evaluated(rows, inputs) if isinstance(v, Value)][-1]
    again = recomputed(root, {})
    for old, new in zip(ordered(root), ordered(again), strict=True):
        assert old is not new
        assert (old.op, old.name) == (new.op, new.name)
        assert repr((old.data, old.local_derivatives)) == repr((new.data, new.local_derivatives))


def test_other_numbers_give_what_the_function_gives():
    def f(x, y):
        return tanh(x * y + 2) * x - relu(y) ** 2 / 3

    x, y = Value(0.5), Value(-1.5)
    again = recomputed(f(x, y), {x: 2.0, y: 0.25})
    assert again.data == f(Value(2.0), Value(0.25)).data
    assert (x.data, y.data, x.grad) == (0.5, -1.5, 0.0)


def test_a_branch_stays_taken():
    x = Value(2.0, "x")
    assert recomputed(where(x > 0, 3 * x, -x), {x: -1.0}).data == -3.0
    assert recomputed(where(x < 0, 3 * x, -x), {x: -1.0}).data == 1.0
    assert recomputed(where(x > 0, 7.0, x) + x, {x: 1.0}).data == 8.0


# --- the widget ---------------------------------------------------------------------------------


@pytest.fixture
def widgets():
    return pytest.importorskip("ipywidgets", reason="needs ipywidgets")


def test_a_slider_computes_the_graph_again_and_redraws(widgets):
    o = neuron()
    box = interactive(o)
    *sliders, picture = box.children
    assert isinstance(box, widgets.VBox)
    assert [slider.description for slider in sliders] == ["w", "x", "b"]
    assert [slider.value for slider in sliders] == [-3.0, 2.0, 6.88]
    assert "<b>o = 0.7064</b>" in picture.value
    assert picture.value.count("<svg") == 1
    sliders[0].value = -2.0
    w = Value(-2.0)
    expected = tanh(w * 2 + 6.88)
    expected.backward()
    assert f"<b>o = {notation.number(expected.data)}</b>" in picture.value
    assert f">{notation.number(w.grad)}<" in picture.value.replace("&#45;", "-")
    assert o.data == pytest.approx(0.7064, abs=1e-4)
    assert leaves_of(o)[0].grad == 0.0


def test_sliders_reach_beyond_the_number_to_both_sides(widgets):
    box = interactive(neuron())
    for slider in box.children[:-1]:
        assert isinstance(slider, widgets.FloatSlider)
        assert slider.max == -slider.min == max(2.0, 2 * abs(slider.value))


def test_the_leaves_can_be_chosen(widgets):  # noqa: ARG001
    o = neuron()
    b = next(x for x in leaves_of(o) if x.name == "b")
    slider, _ = interactive(o, wrt=[b]).children
    assert slider.description == "b"


def test_a_branch_that_stays_is_said_to(widgets):  # noqa: ARG001
    x = Value(2.0, "x")
    assert "keeps the branch" in interactive(where(x > 0, 3 * x, -x)).children[-1].value
    assert "keeps the branch" not in interactive(3 * x).children[-1].value


def test_names_are_text(widgets):  # noqa: ARG001
    x = Value(2.0, "<script>alert(1)</script>")
    y = x * 2
    y.name = "<img src=x>"
    picture = interactive(y).children[-1]
    assert "<script" not in picture.value
    assert "<img" not in picture.value


def test_what_cannot_have_sliders_is_refused(widgets):  # noqa: ARG001
    many = sum([Value(float(i)) for i in range(13)], Value(0.0))
    with pytest.raises(ValueError, match=r"there are 14 leaves, and at most 12 .*wrt=\[w, b\]"):
        interactive(many)
    x = Value(1.0, "x")
    with pytest.raises(TypeError, match=r"wrt must be a list of leaves, such as \[x\]"):
        interactive(tanh(x), wrt=x)
    with pytest.raises(ValueError, match="is no leaf of the graph to which gradients flow"):
        interactive(tanh(x), wrt=[Value(2.0, "other")])
    with pytest.raises(ValueError, match="there is no leaf to change"):
        interactive(where(x > 0, 1.0, x))
    with pytest.raises(TypeError, match="go from a Value"):
        interactive(math.pi)


def test_without_ipywidgets_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(ImportError, match=r'pip install "chainrule\[widgets\]"'):
        interactive(neuron())
