"""Large graphs as few boxes, and which neuron, layer and sample a node belongs to."""

import itertools
import random

import pytest
from graphs import ordered
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import ends, parts
from random_programs import evaluated, random_program

from autograd import Value, dot, fsum, sigmoid, softplus, square, tanh
from autograd.pictures.drawing import draw
from autograd.pictures.groups import MOST_ARROWS, MOST_BOXES, collapsed
from autograd.pictures.membership import Membership, membership, path_of
from autograd.pictures.nodes import with_edge
from nn import MLP, Layer, Neuron, binary_cross_entropy, cross_entropy, mse_loss


def titles(picture):
    return sorted(
        " ".join(texts).replace("\xa0", " ") for texts in parts(picture, "cluster").values()
    )


def heads(picture):
    """The first line of each box."""
    return sorted(texts[0] for texts in parts(picture).values())


def batch_loss(sizes=(3, 1), count=50, loss=mse_loss, n_in=2):
    rng = random.Random(0)
    model = MLP(n_in, list(sizes), "tanh", seed=0)
    X = [[rng.gauss(0, 1) for _ in range(n_in)] for _ in range(count)]
    outputs = [model(x) for x in X]
    if isinstance(outputs[0], list):
        return loss(outputs, [rng.randrange(sizes[-1]) for _ in X])
    return loss(outputs, [float(rng.random() > 0.5) for _ in X])


# --- who belongs where --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("layer1.neuron2.w3", ("layer1", "neuron2")),
        ("layers.0.neurons.3.w.1", ("layers.0", "neurons.3")),
        ("neuron1.b", ("neuron1",)),
        ("encoder.gain", ("encoder",)),
        ("w1", ()),
        ("v1.0", ()),
        ("3.5", ()),
        ("", ()),
        ("a..b", ()),
        ("a sentence. with dots", ()),
    ],
)
def test_paths_are_read_from_names(name, path):
    assert path_of(name) == path


def test_a_neuron_has_its_parameters_its_sum_and_its_activation():
    model = MLP(2, [3, 1], "tanh", seed=0)
    loss = mse_loss(model([1.0, 2.0]), 0.5)
    order = ordered(loss)
    found = membership(order)
    for layer in model.layers:
        for neuron in layer.neurons:
            path = tuple(neuron.b.name.split(".")[:-1])
            ops = [node.op for node in order if node.op and found.paths.get(node) == path]
            assert ops == (["dot", "tanh"] if layer is model.layers[0] else ["dot"])
            assert all(found.paths[p] == path for p in neuron.parameters())
    assert {node.op for node in order if node.op and node not in found.paths} == {"-", "square"}
    assert found.samples == {}


def test_a_neuron_written_out_is_found_too():
    w = [Value(0.5, f"layer1.neuron1.w{i}") for i in (1, 2, 3)]
    b = Value(0.1, "layer1.neuron1.b")
    xs = [Value(1.0, f"x{i}") for i in (1, 2, 3)]
    for z in (w[0] * xs[0] + w[1] * xs[1] + w[2] * xs[2] + b, sum(map(Value.__mul__, w, xs)) + b):
        y = sigmoid(z)
        order = ordered(square(y - 1))
        found = membership(order)
        outside = [n.op for n in order if n.op and n not in found.paths]
        assert outside == ["-", "square"]
        assert found.activations == {("layer1", "neuron1"): "sigmoid"}


def test_functions_in_the_loss_are_no_activations():
    model = Neuron(1, "linear", seed=0)
    model.w[0].name, model.b.name = "neuron1.w1", "neuron1.b"
    z = model([2.0])
    for loss in (softplus(z) - z, square(z), z * z, tanh(z) + sigmoid(z)):
        found = membership(ordered(loss))
        assert [n.op for n in found.paths if n.op] == ["dot"]
        assert found.activations == {}


def test_a_penalty_on_weights_belongs_to_no_neuron():
    w, v = Value(1.0, "neuron1.w1"), Value(1.0, "neuron1.w2")
    assert not [n for n in membership(ordered(square(w) + w * v)).paths if n.op]


def test_softmax_belongs_to_the_layer():
    layer = Layer(2, 3, "softmax", seed=0)
    found = membership(ordered(*layer([1.0, 2.0])))
    assert [n.op for n in found.paths if n.op] == ["dot"] * 3
    model = MLP(2, [2, 3], output="softmax", seed=0)
    found = membership(ordered(*model([1.0, 2.0])))
    assert [path for n, path in found.paths.items() if n.op == "softmax"] == [("layer2",)] * 3


def test_samples_are_numbered_and_what_joins_them_is_in_none():
    order = ordered(batch_loss(count=3))
    found = membership(order)
    assert sorted(set(found.samples.values())) == [1, 2, 3]
    assert [n.op for n in order if n.op and n not in found.samples] == ["mean"]


def test_a_recurrent_network_has_no_samples():
    w, u = Value(0.5, "cell.neuron1.w1"), Value(0.3, "cell.neuron1.w2")
    h = Value(0.0, "h")
    for x in (1.0, 2.0, 3.0):
        h = tanh(dot([w], [x], 0.0) + u * h)
    assert membership(ordered(h)).samples == {}


# --- frames around single nodes -----------------------------------------------------------------


def test_every_node_stands_in_the_frame_of_its_neuron_and_layer():
    picture = draw(MLP(2, [2, 1], "tanh", seed=0)([1.0, 2.0]))
    assert titles(picture) == [
        "layer1: 2 → 2, tanh",
        "layer2: 2 → 1",
        "neuron1: 2 → 1",
        "neuron1: 2 → 1, tanh",
        "neuron2: 2 → 1, tanh",
    ]
    assert heads(picture).count("w1") == 3  # the frames say the rest of the name
    assert "layer1.neuron1.w1 data=" in picture.source


def test_each_sample_has_a_frame_and_the_weights_stand_outside():
    picture = draw(batch_loss((1,), 2, n_in=1))
    assert titles(picture) == [
        *["layer1: 1 → 1"] * 3,
        *["neuron1: 1 → 1"] * 3,
        "sample 1",
        "sample 2",
    ]


# --- collapsed ----------------------------------------------------------------------------------


def test_neurons():
    picture = draw(batch_loss(count=1), collapse="neuron")
    neurons = [t for t in heads(picture) if "neuron" in t]
    assert neurons == ["neuron1", "neuron1", "neuron2", "neuron3"]
    assert titles(picture) == ["layer1: 2 → 3, tanh", "layer2: 3 → 1"]
    assert [a for a in ends(picture) if a[0] == "neuron2"] == [("neuron2", "neuron1")]
    boxes = parts(picture).values()
    assert sum("4 parameters" in texts and "3 → 1" in texts for texts in boxes) == 1
    assert sum("3 parameters" in texts and "2 → 1, tanh" in texts for texts in boxes) == 3


def test_layers():
    loss = batch_loss()
    loss.backward()
    picture = draw(loss, collapse="layer")
    assert heads(picture) == ["100 variables", "50 numbers", "layer1", "layer2", "mean", "x²", "−"]
    assert ends(picture) == [
        ("100 variables", "layer1"),
        ("50 numbers", "−"),
        ("layer1", "layer2"),
        ("layer2", "−"),
        ("x²", "mean"),
        ("−", "x²"),
    ]
    (layer,) = [texts for texts in parts(picture).values() if texts[0] == "layer1"]
    weights = [p for n, p in ((n.name or "", n) for n in ordered(loss)) if n.startswith("layer1.")]
    assert layer[1:4] == ["2 → 3, tanh", "9 parameters", "50 samples"]
    for i, word in ((4, "data"), (6, "grad")):
        numbers = [getattr(p, word) for p in weights]
        assert layer[i : i + 2] == [word, f"{min(numbers):.4g} … {max(numbers):.4g}"]
    (minus,) = [texts for texts in parts(picture).values() if texts[0] == "−"]
    assert minus[1] == "50 operations"


def test_modules():
    picture = draw(batch_loss((4, 3, 1)), collapse="module")
    (model,) = [texts for texts in parts(picture).values() if texts[0] == "model"]
    assert model[1:4] == ["2 → 4 → 3 → 1, tanh", "31 parameters", "50 samples"]
    w = Value(1.0, "encoder.layer1.neuron1.w1"), Value(2.0, "decoder.layer1.neuron1.w1")
    picture = draw(w[1] * tanh(w[0] * 3.0), collapse="module")
    assert [t for t in heads(picture) if t != "3"] == ["decoder", "encoder"]


def test_auto_shows_as_much_as_can_be_read():
    small, medium, large = batch_loss(count=1), batch_loss((12, 1), 1), batch_loss((16, 16, 1), 30)
    assert draw(small).source == draw(small, collapse="none").source
    assert draw(medium).source == draw(medium, collapse="neuron").source
    assert draw(large).source == draw(large, collapse="layer").source


def scalar_network(sizes, count):
    rng = random.Random(0)
    W = [
        [[Value(rng.gauss(0, 1)) for _ in range(n + 1)] for _ in range(m)]
        for n, m in itertools.pairwise(sizes)
    ]

    def output(x):
        for layer in W:
            x = [tanh(sum(w * v for w, v in zip(ws, x, strict=False)) + ws[-1]) for ws in layer]
        return x[0]

    return sum((output([rng.random()] * sizes[0]) - rng.random()) ** 2 for _ in range(count))


def test_a_loss_of_sixty_thousand_nodes_without_names():
    loss = scalar_network([2, 16, 16, 1], 90)
    assert len(ordered(loss)) > 60_000
    picture = draw(loss)
    assert [t for t in heads(picture) if t in "×+tanh−"] == [
        *["+"] * 4,
        *["tanh"] * 3,
        "×",
        "×",
        "×",
        "−",
    ]
    assert [texts[:2] for texts in parts(picture).values() if texts[0] == "tanh"] == [
        ["tanh", "1,440 operations"],
        ["tanh", "1,440 operations"],
        ["tanh", "90 operations"],
    ]
    assert len(parts(picture)) <= MOST_BOXES


def test_a_deep_chain(depth):
    x = Value(1.0, "x")
    for _ in range(depth // 4):
        x = tanh(x * 0.5) - 1.0 + x.detach()
    picture = draw(x)
    assert len(parts(picture)) <= MOST_BOXES
    (texts,) = [t for t in parts(picture).values() if f"{depth:,} deep" in t]
    assert f"{depth:,} operations" in texts


def test_a_turn_of_a_loop_may_repeat_something_itself():
    x = Value(1.0, "x")
    for _ in range(15):
        x = sigmoid(tanh(square(tanh(square(x)))))
    boxes = list(parts(draw(x)).values())
    assert [texts[0] for texts in boxes] == ["x", "x², tanh, σ"]


@given(st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_groups_partition_the_graph_and_links_count_every_edge_between_them(seed):
    rows = random_program(random.Random(seed), 3, layers=8)
    values = evaluated(rows, [Value(0.5, "x"), Value(0.25), Value(2.0, "y")])
    roots = [root for root in values if isinstance(root, Value)]
    order = ordered(*roots)
    found = collapsed(order, with_edge(order).union(roots), Membership(), "layer")
    members = [x for g in found.groups if g.kind != "numbers" for x in g.members]
    assert len(members) == len(set(members))
    group_of = {x: i for i, g in enumerate(found.groups) if g.kind != "numbers" for x in g.members}
    assert all(node in group_of for node in order if node.op)
    crossing = sum(group_of.get(p) != group_of[n] for n in order for p in n.parents)
    assert sum(link.count for link in found.links) == crossing


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_any_large_graph_gives_a_legible_picture(seed):
    rng = random.Random(seed)
    nodes = [
        Value(rng.random(), rng.choice([None, f"v{i}", f"{'abcdefghijkl'[i % 12]}{i}"]))
        for i in range(50)
    ]
    for _ in range(2000):
        a, b = rng.choice(nodes[-80:]), rng.choice(nodes[-80:])
        nodes.append(rng.choice([a * b, a + b, tanh(a), a - b, fsum([a, b, a]), a * 2.0]))
    picture = draw(nodes[-3:])
    assert len(parts(picture)) <= MOST_BOXES
    assert picture.source.count(" -> ") <= MOST_ARROWS
    assert picture.source == draw(nodes[-3:]).source


@pytest.mark.parametrize("loss", [cross_entropy, binary_cross_entropy])
def test_looking_at_the_parents_before_makes_no_difference(loss):
    sizes = (8, 3) if loss is cross_entropy else (8, 1)
    first, second = batch_loss(sizes, loss=loss), batch_loss(sizes, loss=loss)
    ordered(second)
    for level in ("neuron", "layer", "module"):
        assert draw(first, collapse=level).source == draw(second, collapse=level).source


def test_nan_and_infinity_in_a_range_are_named():
    values = [Value(x, "v") for x in (1.0, float("nan"), 3.0, float("-inf"))]
    boxes = parts(draw(fsum(values), collapse="layer", show=["data"]))
    assert ["v", "4 variables", "data", "1 … 3, nan, -inf"] in boxes.values()
