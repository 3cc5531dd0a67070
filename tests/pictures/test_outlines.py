"""draw(…).text: the graph as a tree of lines."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import Value, dot, draw, fsum, notation, tanh


def text(root, **options):
    return draw(root, **options).text


def test_a_neuron():
    w, x, b = Value(-3.0, "w"), Value(2.0, "x"), Value(6.88, "b")
    o = tanh(w * x + b)
    o.name = "o"
    o.backward()
    expected = (
        "              data    grad\n"
        "tanh o      0.7064       1\n"
        "└─ +          0.88   0.501\n"
        "   ├─ ×         -6   0.501\n"
        "   │  ├─ w      -3   1.002\n"
        "   │  └─ x       2  -1.503\n"
        "   └─ b       6.88   0.501"
    )
    assert text(o) == expected


def test_a_shared_node_is_shown_once_and_referred_to_afterwards():
    x = Value(2.0, "x")
    y = tanh(x)
    assert text(y * y + x, show=()) == (
        "+\n├─ ×\n│  ├─ tanh [1]\n│  │  └─ x [2]\n│  └─ tanh [1] ↑\n└─ x [2] ↑"
    )


def test_roles_numbers_and_local_derivatives():
    x = Value(3.0, "x")
    assert text(x / 2, show=["local"]) == ("            local\n÷\n├─ num.: x    0.5\n└─ den.: 2")


def test_several_roots():
    a, b = Value(1.0, "a"), Value(2.0, "b")
    assert text([a, b, a], show=()) == "a [1]\nb\na [1] ↑"


def test_operands_in_the_middle_are_left_out():
    xs = [Value(float(i), f"x{i}") for i in range(1, 13)]
    assert text(fsum(xs), show=()).splitlines() == [
        "Σ",
        *[f"├─ x{i}" for i in range(1, 5)],
        "├─ … 4 more operands",
        *[f"├─ x{i}" for i in range(9, 12)],
        "└─ x12",
        "… and 4 more nodes of 13",
    ]
    assert "b: b" in text(dot(xs, xs, Value(1.0, "b")))


@pytest.mark.parametrize("count", [10, 20_000])
def test_a_deep_graph_is_cut_without_recursion(count):
    x = Value(1.0, "x")
    for _ in range(count):
        x = tanh(x)
    lines = text(x).splitlines()
    if count == 10:
        assert len(lines) == 12
        assert "…" not in text(x)
    else:
        assert len(lines) == 1 + 17 + 2
        assert lines[-2].strip() == "└─ …"
        assert lines[-1] == "… and 19,984 more nodes of 20,001"


def test_a_wide_graph_is_cut():
    y = Value(0.0)
    for i in range(100):
        y = y + tanh(Value(float(i), f"x{i}"))
    lines = text(fsum([y * i for i in range(1, 9)])).splitlines()
    assert len(lines) <= 64
    assert lines[-1].startswith("… and ")


@given(st.text(max_size=40))
@settings(max_examples=50, deadline=None)
def test_a_name_stays_on_its_line_and_numbers_stand_under_each_other(name):
    root = tanh(Value(0.5, name) * Value(0.25, "w"))
    lines = text(root, show=["data"]).split("\n")
    assert len(lines) == 5
    assert len({notation.columns(line) for line in lines}) == 1
    assert len(lines) == len(text(root, show=["data"]).splitlines())


def test_numbers_are_not_counted_and_looking_at_them_changes_nothing():
    x = Value(2.0, "x")
    y = (x * 3 + 1) * 0.5
    before = text(y)
    assert "more" not in before
    assert y.parents[0].parents[0].parents[1].data == 3
    assert text(y) == before
