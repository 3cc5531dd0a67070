"""autograd.forward_steps and backward_steps: step for step what the engine does."""

import html
import math
import random
import re
import struct
import xml.etree.ElementTree as ET

import pytest
from graphs import neuron, ordered
from hypothesis import given
from hypothesis import strategies as st
from pictures import SVG
from random_programs import evaluated, random_program

from autograd import (
    Value,
    backward_steps,
    dot,
    exp,
    forward_steps,
    fsum,
    notation,
    relu,
    sqrt,
    tanh,
    where,
    zero_grad,
)
from autograd.engine.backward import sweep
from autograd.engine.graph import topological_order
from autograd.explanations.steps import WHOLE


def bits(x):
    """The bits of a float, so that 0.0 and -0.0 differ and nan equals nan."""
    return b"nan" if x != x else struct.pack("d", x)


def random_roots(seed, special=False):
    """Results of a random program, with shared nodes and every kind of operation."""
    rng = random.Random(seed)
    inputs = [Value(rng.uniform(-2, 2)) for _ in range(4)]
    rows = random_program(rng, len(inputs), 12, tame=not special, special=special)
    results = [v for v in evaluated(rows, inputs) if isinstance(v, Value)]
    return [results[-1], fsum(results[-5:])]


# --- the backward pass --------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.booleans(), st.sampled_from([1.0, -2.5, 0.0, math.nan]))
def test_every_step_equals_the_sweep_of_the_engine_to_the_last_bit(seed, special, upstream):
    for root in random_roots(seed, special):
        order = topological_order((root,), Value.__edges__)
        zero_grad(order)
        steps = list(backward_steps(root, upstream))
        assert [step.node for step in steps] == order[::-1]
        for node in order:
            assert node.grad == 0.0  # nothing has been written into the graph
        root.grad += upstream
        for step in steps:
            node = step.node
            assert bits(step.upstream) == bits(node.grad)
            assert [edge.parent for edge in step.edges] == list(node.__edges__())
            before = {edge.parent: edge.parent.grad for edge in step.edges}
            sweep((node,))
            for edge in step.edges:
                assert bits(edge.sum_before) == bits(before[edge.parent])
                assert bits(edge.contribution) == bits(step.upstream * edge.local)
                before[edge.parent] = edge.running_sum
            for parent, running_sum in before.items():
                assert bits(parent.grad) == bits(running_sum)
            if step.index % 5 == 0:
                gradients = step.gradients()
                assert all(bits(gradients[x]) == bits(x.grad) for x in order)
        ends = [bits(x.grad) for x in order]
        zero_grad(order)
        root.backward(upstream)
        assert [bits(x.grad) for x in order] == ends


def test_a_shared_node_gets_a_running_sum():
    a = Value(3.0, "a")
    y = a * a + exp(a)
    steps = {step.node: step for step in backward_steps(y)}
    product, growth = y.parents
    contributions = [
        edge for node in (growth, product) for edge in steps[node].edges if edge.parent is a
    ]
    assert sorted(edge.contribution for edge in contributions) == [3.0, 3.0, math.exp(3.0)]
    assert steps[a].upstream == 3.0 + 3.0 + math.exp(3.0)
    assert steps[a].edges == ()


def test_each_node_is_visited_once():
    x = Value(1.0)
    for _ in range(50):
        x = x * x  # 2**50 paths
    steps = list(backward_steps(x))
    assert len(steps) == 51
    assert steps[-1].upstream == 2.0**50


def test_no_gradient_goes_to_numbers_and_to_branches_not_taken():
    x, y = Value(2.0, "x"), Value(0.0, "y")
    (first, second, last) = backward_steps(where(x > 0, 3 * x, sqrt(y)))
    assert [step.node.op for step in (first, second, last)] == ["where", "*", ""]
    assert [len(step.edges) for step in (first, second, last)] == [1, 1, 0]
    assert last.upstream == 3.0


def test_the_text_of_a_backward_step():
    texts = [str(step) for step in backward_steps(neuron())]
    title, header, *rows = [re.split(" {2,}", line) for line in texts[2].splitlines()]
    assert title == ["backward step 3 of 6: z₁ = w · x, with the gradient ∂o/∂z₁ = 0.501"]
    columns = ["local derivative", "upstream · local = contribution", "running sum"]
    assert header == ["parent", *columns]
    assert rows == [
        ["w", "x = 2", "0.501 · 2 = 1.002", "0 + 1.002 = 1.002"],
        ["x", "w = -3", "0.501 · (-3) = -1.503", "0 + (-1.503) = -1.503"],
    ]
    assert texts[5] == "backward step 6 of 6: b is a leaf, with the gradient ∂o/∂b = 0.501"


def test_a_long_table_is_cut():
    n = 40
    z = dot([Value(1.0)] * n, [Value(2.0)] * n, Value(0.0, "b"))
    step = next(backward_steps(z))
    assert len(step.edges) == 2 * n + 1
    assert str(step).endswith("\n… and 61 more")
    assert len(str(step).splitlines()) == 23


@pytest.mark.parametrize("steps", [backward_steps, forward_steps])
def test_steps_need_a_value(steps):
    with pytest.raises(TypeError, match=r"steps go from a Value, not from 3\.0"):
        steps(3.0)


def test_the_seed_must_be_a_number():
    with pytest.raises(TypeError, match="seed must be a real number"):
        backward_steps(Value(1.0), "1")


# --- pictures -----------------------------------------------------------------------------------


def seen(picture):
    """The texts of each node of a rendered picture, and what is highlighted in it."""
    tree = ET.fromstring(picture._repr_svg_())
    groups = {g.get("id"): g for g in tree.iter(f"{SVG}g") if g.get("class") in ("node", "edge")}
    texts = {key: [text.text for text in group.iter(f"{SVG}text")] for key, group in groups.items()}
    bright = {
        key
        for key, group in groups.items()
        if any(element.get("stroke-width") == "4" for element in group.iter())
    }
    return texts, bright


def test_the_picture_of_a_backward_step_has_running_sums_and_what_is_served_highlighted():
    a = Value(3.0, "a")
    y = a * a + 2 * a
    a.grad = 77.0  # from an earlier pass: of no concern
    second = list(backward_steps(y))[1]
    assert second.node.op == "*"
    texts, bright = seen(second.picture)
    active = second.node.parents.index(a)
    (at,) = [key for key, shown in texts.items() if shown[:1] == ["a"]]
    assert texts[at] == ["a", "data", "3", "grad", notation.number(second.gradients()[a])]
    (box,) = [key for key in bright if key.startswith("n")]
    assert texts[box][:2] == ["×", second_name(second)]
    number = box.removeprefix("n")
    assert bright - {box} == {f"e{number}_{edge}" for edge in edge_places(second)}
    assert texts[f"e{number}_{active}"] == [notation.number(second.edges[0].local)]


def second_name(step):
    return re.search(r": (\S+) = ", str(step))[1]


def edge_places(step):
    locals_ = step.node.local_derivatives
    return [k for k, local in enumerate(locals_) if local is not None]


def test_the_picture_of_a_forward_step_leaves_later_results_empty():
    steps = list(forward_steps(neuron()))
    texts, bright = seen(steps[2].picture)
    assert texts["n2"] == ["×", "z₁", "data", "-6"]
    assert texts["n4"] == ["+", "z₂", "data"]
    assert texts["n3"] == ["b", "data", "6.88"]
    assert bright == {"n2", "e2_0", "e2_1"}


def test_of_a_large_graph_the_neighbours_are_drawn():
    y = Value(1.0, "x")
    for _ in range(WHOLE):
        y = tanh(y)
    step = list(backward_steps(y))[100]
    texts, bright = seen(step.picture)
    assert sorted(key[0] for key in texts) == ["e", "e", "n", "n", "n"]
    assert bright == {"n1", "e1_0"}


def test_a_step_displays_itself():
    step = list(backward_steps(neuron()))[2]
    shown = step._repr_html_()
    assert shown.count("<svg") == 1
    assert "<?xml" not in shown
    assert shown.endswith(f"<pre>{html.escape(str(step))}</pre>")


def test_a_step_with_too_many_neighbours_displays_its_table():
    n = 250
    step = next(backward_steps(dot([Value(1.0)] * n, [Value(2.0) for _ in range(n)])))
    with pytest.raises(ValueError, match=r"has 252 neighbours.*can show 100: print the step"):
        step.picture  # noqa: B018
    assert step._repr_html_() == f"<pre>{html.escape(str(step))}</pre>"


def test_names_are_text_in_what_a_notebook_shows():
    x = Value(1.0, "<script>alert(1)</script>")
    for step in (*forward_steps(x * 2), *backward_steps(x * 2)):
        assert "<script" not in step._repr_html_()
        assert "&lt;script&gt;" in step._repr_html_()


# --- the forward pass ---------------------------------------------------------------------------


@given(st.integers(0, 10**6))
def test_forward_steps_compute_every_node_from_those_before(seed):
    for root in random_roots(seed):
        known = set()
        for step in forward_steps(root):
            assert known.issuperset(step.operands)
            node = step.node
            if node._primitive is not None and node.op != "where":
                again = node._primitive.float_forward(*[x.data for x in step.operands])
                assert bits(again) == bits(step.result)
            known.add(node)
        assert step.node is root
        assert known == set(ordered(root))


def test_nameless_nodes_get_names_that_nobody_has():
    x = Value(1.0, "z1")
    texts = [str(step) for step in forward_steps(relu(x * 2))]
    assert texts[2].endswith(": z₂ = z₁ · 2 = 1 · 2 = 2")
    assert texts[3].endswith(": z₃ = ReLU(z₂) = ReLU(2) = 2")


def test_a_deep_graph_can_be_stepped_through(depth, run_python):
    code = """
import sys
from autograd import Value, backward_steps
x = y = Value(1.0)
for _ in range(int(sys.argv[1])):
    y = y + 0.0
for step in backward_steps(y):
    pass
print(step.upstream, step.index)
"""
    assert run_python(code, depth) == f"1.0 {depth}\n"


def test_steps_say_how_to_be_seen():
    y = Value(2.0, "x") * 3 + 1
    assert repr(forward_steps(y)) == "<5 forward steps: for step in …: print(step)>"
    steps = backward_steps(y)
    assert repr(steps) == "<3 backward steps: for step in …: print(step)>"
    assert iter(steps) is steps
    assert len(list(steps)) == 3
