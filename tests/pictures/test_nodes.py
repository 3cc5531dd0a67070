"""The DOT of every node: ids in the SVG, highlights, local derivatives, frames, colours."""

import itertools
import math
import re
import xml.etree.ElementTree as ET

import graphs
import pytest
from pictures import SVG, luminance

from autograd import Value
from autograd.pictures import colours, draw, render
from autograd.pictures.boxes import ACCENT
from autograd.pictures.nodes import graph_source
from nn import MLP, Neuron


def neuron():
    return graphs.ordered(graphs.neuron(backward=True))


def elements(source):
    """The groups of the rendered picture, by their id."""
    root = ET.fromstring(render.render(source, "svg"))
    return {group.get("id"): group for group in root.iter(f"{SVG}g") if group.get("class")}


def texts(group):
    return [text.text for text in group.iter(f"{SVG}text")]


def colours_of(group, attribute):
    found = [element.get(attribute) for element in group.iter()]
    return {colour.upper() for colour in found if colour}


def test_every_node_and_edge_is_found_in_the_svg_by_its_place():
    order = neuron()
    found = elements(graph_source(order, order[-1:]))
    for i, node in enumerate(order):
        assert found[f"n{i}"].get("class") == "node"
        assert texts(found[f"n{i}"])[-1] == f"{node.grad:.4g}"
        for k, parent in enumerate(node.parents):
            assert found[f"e{i}_{k}"].get("class") == "edge"
            ends = found[f"e{i}_{k}"].find(f"{SVG}title").text
            assert re.match(rf"n{order.index(parent)}:e->n{i}(:p{k})?:w$", ends)
    assert len([key for key in found if key.startswith("e")]) == 5


def test_highlights_are_on_what_is_active_and_move_nothing():
    order = neuron()
    product = next(node for node in order if node.op == "*")
    i = order.index(product)
    plain = elements(graph_source(order, order[-1:]))
    bright = elements(
        graph_source(order, order[-1:], active_nodes=[product], active_edges=[(product, 1)])
    )
    marked = {
        key for key, g in bright.items() if key != "graph0" and ACCENT in colours_of(g, "stroke")
    }
    assert marked == {f"n{i}", f"e{i}_1"}

    def places(found):
        return [(t.text, t.get("x"), t.get("y")) for t in found["graph0"].iter(f"{SVG}text")]

    assert places(plain) == places(bright)


def test_edges_carry_local_derivatives_where_there_are_any():
    x = Value(2.0, "x")
    y = x * 3
    order = [*y.parents, y]
    found = elements(graph_source(order, [y], show=["local"]))
    assert [texts(found[key]) for key in ("e2_0", "e2_1", "n0")] == [["3"], [], ["x"]]
    assert texts(elements(graph_source(order, [y]))["e2_0"]) == []


def test_highlighted_edges_of_a_backward_pass_point_to_the_operands():
    order = neuron()
    i, product = next((i, node) for i, node in enumerate(order) if node.op == "*")
    tips = {}
    for backwards in (False, True):
        picture = graph_source(order, order[-1:], active_edges=[(product, 1)], backwards=backwards)
        head = elements(picture)[f"e{i}_1"].find(f"{SVG}polygon").get("points")
        tips[backwards] = [float(point.split(",")[0]) for point in head.split()]
    assert max(tips[True]) < min(tips[False])


def extents(source):
    """The left, top, right and bottom of each frame, by the first word of its title."""
    root = ET.fromstring(render.render(source, "svg"))
    found = {}
    for group in root.iter(f"{SVG}g"):
        if group.get("class") == "cluster":
            numbers = re.findall(r"(-?[\d.]+),(-?[\d.]+)", group.find(f"{SVG}path").get("d"))
            xs, ys = zip(*[map(float, pair) for pair in numbers], strict=True)
            word = texts(group)[0].split(":")[0]
            found.setdefault(word, []).append((min(xs), min(ys), max(xs), max(ys)))
    return found


@pytest.mark.parametrize("show", [("data", "grad"), ("data", "local")])
@pytest.mark.parametrize("sizes", [(2, 3, 1), (3, 4, 4, 1)])
def test_layers_stand_side_by_side_and_their_neurons_in_order(sizes, show):
    model = MLP(sizes[0], sizes[1:], seed=0)
    frames = extents(draw(model([1.0] * sizes[0]), collapse="none", show=show).source)
    layers = [frames[f"layer{k}"][0] for k in range(1, len(sizes))]
    for before, after in itertools.pairwise(layers):
        assert before[2] < after[0]
    for left, _, right, _ in layers:
        tops = [
            (top, k)
            for k in range(1, max(sizes) + 1)
            for x, top, _, _ in frames.get(f"neuron{k}", [])
            if left < x < right
        ]
        assert tops == sorted(tops)


def test_an_edge_enters_a_frame_in_two_halves_that_meet():
    neuron = Neuron(1, "tanh", seed=0)
    z = neuron([Value(2.0, "x")]).parents[0]
    order = graphs.ordered(z)
    frames = {node: ("neuron",) for node in order if node.name != "x"}
    i, k = len(order) - 1, [x.name for x in z.parents].index("x")
    found = elements(graph_source(order, [z], clusters=frames))
    ways = [
        [float(x) for x in re.findall(r"(-?[\d.]+),", found[key].find(f"{SVG}path").get("d"))]
        for key in (f"e{i}_{k}_", f"e{i}_{k}")
    ]
    piece = found[f"v{i}_{k}"].find(f"{SVG}polygon").get("points")
    xs = [float(point.split(",")[0]) for point in piece.split()]
    assert min(xs) < ways[0][-1] < ways[1][0] < max(xs)
    assert found[f"e{i}_{k}_"].find(f"{SVG}polygon") is None  # one arrowhead, at the slot


def test_frames_are_nested_and_titled():
    order = neuron()
    frames = dict.fromkeys(order[:-1], ("layer <1>", "neuron\\N"))
    source = graph_source(order, order[-1:], clusters=frames)
    found = extents(source)
    assert found.keys() == {"layer <1>", "neuron\\N"}
    (outer,), (inner,) = found.values()
    assert outer[0] < inner[0] < inner[2] < outer[2]
    assert outer[1] < inner[1] < inner[3] < outer[3]
    inside = []
    for group in [x for x in elements(source).values() if x.get("class") == "node"]:
        x, y = [float(group.find(f".//{SVG}text").get(axis)) for axis in "xy"]
        inside.append(inner[0] < x < inner[2] and inner[1] < y < inner[3])
    assert sorted(inside) == [False] + [True] * 5


def test_colour_tells_sign_and_size_of_gradients():
    leaves = [Value(0.0, name) for name in "abcdef"]
    for leaf, grad in zip(leaves, (1.0, -1.0, 0.05, -1e-9, 0.0, float("nan")), strict=True):
        leaf.grad = grad
    found = elements(graph_source(leaves, leaves))
    fills = [colours_of(found[f"n{i}"], "fill") for i in range(6)]
    for fill, grad in zip(fills, [leaf.grad for leaf in leaves], strict=True):
        shade = colours.shade(grad, 1.0)
        assert (shade in fill) if shade else len(fill) == 2
    assert len({frozenset(fill) for fill in fills}) == 6
    hidden = elements(graph_source(leaves, leaves, show=["data"]))
    assert len({frozenset(colours_of(hidden[f"n{i}"], "fill")) for i in range(6)}) == 1


def test_colours_are_told_apart_in_grey_and_legible():
    sizes = [1e-9, 5e-3, 0.05, 1.0]
    for sign in (1.0, -1.0):
        greys = [luminance(colours.shade(sign * size, 1.0)) for size in sizes]
        assert greys == sorted(greys, reverse=True)
        assert all(a - b > 0.08 for a, b in itertools.pairwise(greys))
        assert all((grey + 0.05) / 0.05 > 7.0 for grey in greys)  # black text: level AAA
    for size in sizes:
        a, b = [luminance(colours.shade(sign * size, 1.0)) for sign in (1.0, -1.0)]
        assert abs(a - b) < 0.05


def test_the_legend_is_small_and_no_node():
    order = neuron()
    source = graph_source(order, order[-1:], legend=True)
    found = elements(source)
    assert sum(key.startswith("n") for key in found) == len(order)
    everything = texts(found["graph0"])
    for word in ("positive", "negative", "≥ 0.15", "smaller"):
        assert everything.count(word) == 1
    for node in order:
        node.grad = 0.0
    assert "positive" not in graph_source(order, order[-1:], legend=True)
    order[0].grad = math.inf
    assert "nan or infinite" in graph_source(order, order[-1:], legend=True)
