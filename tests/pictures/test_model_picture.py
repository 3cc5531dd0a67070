"""draw(model): neurons and weights of a small one, layers of a large one."""

import re
import xml.etree.ElementTree as ET

import pytest
from pictures import SVG, arrows, crossed_titles, ends, parts

from autograd import Value, draw, tanh
from autograd.pictures import colours, render
from nn import MLP, Layer, Module, Neuron, cross_entropy, mse_loss


def test_neurons_and_weights():
    model = MLP(2, [3, 1], "tanh", seed=0)
    picture = draw(model)
    boxes = parts(picture)
    assert sorted(texts[0] for texts in boxes.values()) == sorted(
        ["x1", "x2", "neuron1", "neuron2", "neuron3", "neuron1"]
    )
    titles = sorted(texts[0] for texts in parts(picture, "cluster").values())
    assert titles == ["layer1: 2 → 3, tanh", "layer2: 3 → 1"]
    weights = {}
    for tail, head, look in arrows(picture):
        weights.setdefault((tail, head), []).append(re.search(r'label="?(-?[\d.]+)', look)[1])
    for j, x in enumerate(("x1", "x2")):
        for i, neuron in enumerate(model.layers[0].neurons):
            assert f"{neuron.w[j].data:.4g}" in weights[x, f"neuron{i + 1}"]
    assert sum(map(len, weights.values())) == 6 + 3


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
@pytest.mark.parametrize("sizes", [(2, 4, 2), (3, 3, 2), (3, 4, 4, 1), (6, 5, 4, 2), (8, 7, 1)])
def test_neurons_and_inputs_stand_in_order(sizes, rankdir):
    picture = draw(MLP(sizes[0], sizes[1:], seed=0), collapse="neuron", rankdir=rankdir)
    names, places = {}, {}
    for group in ET.fromstring(render.render(picture.source, "svg")).iter(f"{SVG}g"):
        if group.get("class") == "node":
            first = group.find(f".//{SVG}text")
            names[group.get("id")] = first.text
            places[group.get("id")] = float(first.get("y" if rankdir == "LR" else "x"))
    layers = re.findall(
        r"^\tsubgraph cluster\d \{$.*?^\t\}$", picture.source, re.DOTALL | re.MULTILINE
    )
    columns = [re.findall(r"^\t\t(g\d+) \[", layer, re.MULTILINE) for layer in layers]
    columns.append([key for key, name in names.items() if name[0] == "x"])
    assert sorted(map(len, columns)) == sorted(sizes)
    for column in columns:
        seen = [names[key] for key in sorted(column, key=places.get)]
        kind = seen[0].rstrip("0123456789")
        assert seen == [f"{kind}{i}" for i in range(1, len(column) + 1)]
    assert crossed_titles(picture) == set()


@pytest.mark.parametrize("collapse", ["neuron", "none"])
def test_where_arrows_lead_down_they_cross_no_titles_of_frames(collapse):
    model = MLP(2, [2, 1], "tanh", seed=0)
    xs = [[Value(0.3, "x1"), Value(j, "x2")] for j in (0.1, 0.2)]
    losses = [mse_loss(model(x), 0.5) for x in xs]
    for root in (model, losses[0], losses[0] + losses[1]):  # with samples in frames, the last
        assert crossed_titles(draw(root, collapse=collapse, rankdir="TB")) == set()


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
@pytest.mark.parametrize("collapse", ["neuron", "none"])
def test_neurons_before_a_cross_entropy_stand_in_order_whichever_the_target_is(collapse, rankdir):
    model = MLP(2, [2, 4], seed=0)
    picture = draw(cross_entropy(model([1.0, 2.0]), 2), collapse=collapse, rankdir=rankdir)
    places = {}
    for text in ET.fromstring(render.render(picture.source, "svg")).iter(f"{SVG}text"):
        if text.text.startswith("neuron"):  # the last four in the picture are of the last layer
            across, along = ("y", "x") if rankdir == "LR" else ("x", "y")
            places[float(text.get(along)), float(text.get(across))] = text.text.split(":")[0]
    last = sorted(places)[-4:]
    seen = [places[place] for place in sorted(last, key=lambda place: place[1])]
    assert seen == ["neuron1", "neuron2", "neuron3", "neuron4"]


def test_arrows_tell_sign_and_size_of_weights():
    neuron = Neuron(3, seed=0)
    for parameter, weight in zip(neuron.w, (2.0, -2.0, 0.001), strict=True):
        parameter.data = weight
    first, second, third = [look for _, _, look in arrows(draw(neuron))]
    assert "arrowhead=normal" in first
    assert "arrowhead=tee" in second
    lines = [re.search(r'color="(#\w+)"', look)[1] for look in (first, second)]
    assert lines[0] != lines[1]
    widths = [float(re.search(r"penwidth=([\d.]+)", look)[1]) for look in (first, second, third)]
    assert widths[0] == widths[1] > widths[2]
    assert "ending in a bar" in draw(neuron).source
    assert "ending in a bar" not in draw(neuron, legend=False).source
    assert colours.line(float("nan"), 1.0) == {"style": "dotted"}


def test_layers_of_a_larger_model():
    model = MLP(64, [32, 16, 10], seed=0)
    picture = draw(model)
    assert ends(picture) == [("layer1", "layer2"), ("layer2", "layer3"), ("x1 … x64", "layer1")]
    (first,) = [texts for texts in parts(picture).values() if texts[0] == "layer1"]
    assert first[1:3] == ["64 → 32, ReLU", "2,080 parameters"]
    assert "weights up to" not in picture.source  # an arrow stands for many
    assert "64 inputs" in [t for texts in parts(picture).values() for t in texts]
    assert picture.text == (
        "layer1  64 → 32, ReLU  2,080 parameters\n"
        "layer2  32 → 16, ReLU    528 parameters\n"
        "layer3  16 → 10          170 parameters"
    )


@pytest.mark.parametrize(("sizes", "collapse"), [([4, 4, 1], "neuron"), ([8, 8, 2], "layer")])
def test_neurons_are_drawn_while_their_wires_can_be_told_apart(sizes, collapse):
    model = MLP(2, sizes, seed=0)
    assert draw(model).source == draw(model, collapse=collapse).source


def test_every_node_of_a_model():
    model = MLP(1, [1, 1], "tanh", seed=0)
    picture = draw(model, collapse="none")
    texts = list(parts(picture).values())
    assert ["w1", "data", f"{model.layers[0].neurons[0].w[0].data:.4g}", "grad", "0"] in texts
    assert sum("tanh" in t for t in texts) == 1
    assert ["x1", "data", "grad"] in [[t for t in row if t.strip()] for row in texts]


def test_a_parameter_that_nothing_uses_is_among_the_nodes():
    class Idle(Module):
        def __init__(self):
            self.used, self.idle = Value(2.0), Value(3.0)

        def __call__(self, x):
            return self.used * x[0]

    names = [texts[0] for texts in parts(draw(Idle(), collapse="none")).values()]
    assert sorted(names) == ["idle", "used", "x1", "×"]


def test_gradients_appear_after_a_backward_pass():
    model = MLP(2, [2, 1], "tanh", seed=0)
    assert "grad" not in draw(model).source
    mse_loss(model([1.0, 2.0]), 3.0).backward()
    assert "grad" in draw(model).source
    assert "grad" not in draw(model, show=["data"]).source


def test_drawing_changes_nothing_in_the_model():
    model = MLP(2, [2, 1], "tanh", seed=0)
    mse_loss(model([1.0, 2.0]), 3.0).backward()
    before = [(p.data, p.grad, p.name) for p in model.parameters()]
    first = draw(model).source
    assert [(p.data, p.grad, p.name) for p in model.parameters()] == before
    assert draw(model).source == first


def test_a_layer_with_softmax():
    picture = draw(Layer(2, 3, "softmax", seed=0))
    assert sorted(t[0] for t in parts(picture).values() if "neuron" in t[0]) == [
        "neuron1",
        "neuron2",
        "neuron3",
    ]
    assert sum(head == "softmax" for _, head, _ in arrows(picture)) == 3


class Residual(Module):
    def __init__(self):
        self.inner = MLP(1, [2, 1], "tanh", seed=0)
        self.gain = Value(2.0)

    def __call__(self, x):
        return self.gain * self.inner(x) + x[0]


def test_your_own_module():
    picture = draw(Residual(), collapse="layer")
    found = ends(picture)
    assert ("layer1", "layer2") in found
    assert ("layer2", "×") in found
    assert ("gain", "×") in found
    assert "inner.layer1  1 → 2, tanh  4 parameters" in picture.text


class Bare:
    """It has parameters, and cannot be called."""

    def named_parameters(self):
        for layer in (1, 2):
            for name in ("w.0", "w.1", "b"):
                yield f"layers.{layer}.neurons.0.{name}", Value(1.0)


def test_a_model_that_cannot_be_called_has_no_arrows():
    picture = draw(Bare(), collapse="layer")
    assert arrows(picture) == []
    texts = sorted(parts(picture).values())
    assert [t[:3] for t in texts] == [
        ["layers.1", "2 → 1", "3 parameters"],
        ["layers.2", "2 → 1", "3 parameters"],
    ]


class Holder:
    def __init__(self, *pairs):
        self.pairs = pairs

    def named_parameters(self):
        return iter(self.pairs)


def test_what_is_no_model():
    with pytest.raises(TypeError, match=r"parameters are Values, and fc\.w is 2\.0"):
        draw(Holder(("fc.w", 2.0)))
    with pytest.raises(ValueError, match="Holder has no parameters"):
        draw(Holder())


@pytest.mark.parametrize("name", ["<b>.w", "a.b.c.d.w1", "layer1.neuron1.<script>", "x y.w", "w"])
def test_any_names_can_be_drawn(name):
    assert parts(draw(Holder((name, Value(1.0)), ("other.w", tanh(Value(2.0))))))
