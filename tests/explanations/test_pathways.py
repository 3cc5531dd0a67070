"""paths: counts and products against brute force, and graphs with more paths than atoms."""

import math
import random
from itertools import islice

import pytest
import random_programs
from hypothesis import given
from hypothesis import strategies as st

import autograd as ag
from autograd import Value, paths
from autograd.explanations.pathways import MAX_LISTED
from autograd.explanations.region import local_edges


def enumerated(root, wrt):
    """All paths by plain recursion, as lists of local derivatives from `wrt` up."""
    if root is wrt:
        return [[]]
    return [
        [*path, local] for parent, local in local_edges(root) for path in enumerated(parent, wrt)
    ]


def ladder(levels, x):
    for _ in range(levels):
        x = x * 0.5 + x * 0.5
    return x


@given(st.integers(0, 10**6))
def test_paths_are_those_of_brute_force(seed):
    rng = random.Random(seed)
    leaves = [Value(rng.uniform(-1, 1), f"x{i}") for i in range(3)]
    rows = random_programs.random_program(rng, 3, 3)
    values = [x for x in random_programs.evaluated(rows, leaves) if isinstance(x, Value)]
    root, wrt = values[-1], rng.choice(values)
    expected = enumerated(root, wrt)
    found = paths(root, wrt)
    assert found.count == len(expected)
    assert found.multiplications == sum(max(0, len(path) - 1) for path in expected)
    listed = list(found)
    assert sorted(map(repr, (list(path.local_derivatives) for path in listed))) == sorted(
        map(repr, expected)
    )
    for path in listed:
        assert path.nodes[0] is wrt
        assert path.nodes[-1] is root
        for before, after, local in zip(
            path.nodes, path.nodes[1:], path.local_derivatives, strict=False
        ):
            assert (before, local) in local_edges(after)
    total = math.fsum(path.product for path in listed)
    size = math.fsum(abs(path.product) for path in listed)
    if math.isfinite(size):
        assert total == pytest.approx(found.value, rel=1e-12, abs=1e-12 * size)
    root.backward()
    if wrt is not root and expected:
        assert found.value == wrt.grad or (math.isnan(found.value) and math.isnan(wrt.grad))
    assert str(found)


def test_a_ladder_of_a_thousand_levels():
    x = Value(0.5, "x")
    found = paths(ladder(1000, x), x)
    assert found.count == 2**1000
    assert found.multiplications == 2**1000 * 1999
    assert found.edges == 4000
    assert found.value == 1.0
    first = list(islice(found, 100))
    assert len({path.nodes for path in first}) == 100
    text = str(found)
    assert "1.072e+301 paths lead from x to z₃₀₀₀" in text
    assert "path by path takes 6.787e+287 years" in text
    assert len(text.splitlines()) < MAX_LISTED + 12


def test_a_chain_has_one_path():
    x = Value(0.5, "x")
    node = x
    for _ in range(20_000):
        node = ag.sin(node)
    found = paths(node, x)
    assert (found.count, found.edges) == (1, 20_000)
    (path,) = found
    assert len(path.nodes) == 20_001
    end = "z₂₀₀₀₀"
    assert str(found).startswith(f"1 path leads from x to {end}, and its product is ∂{end}/∂x.")
    assert path.product == found.value
    assert "[… 19994 more …]" in str(found)


def test_the_table():
    a = Value(3.0, "a")
    b = a * a
    b.name = "b"
    c = b + a
    c.name = "c"
    assert str(paths(c, a)).splitlines() == [
        "3 paths lead from a to c, and ∂c/∂a is the sum of their products.",
        "path       product of local derivatives",
        "a → b → c  1 · 3 = 3",
        "a → b → c  1 · 3 = 3",
        "a → c      1",
        "sum        7",
        "",
        "                                   multiplications",
        "path by path, ∂c/∂a                              2",
        "path by path, for all leaves                     2",
        "one sweep backward, for all nodes                4",
    ]
    many = ag.fsum([a] * 25)
    lines = str(paths(many, a)).splitlines()
    assert lines[MAX_LISTED + 2].startswith("… 15 more")


def test_no_path_and_the_result_itself():
    a, b = Value(3.0, "a"), Value(2.0, "b")
    none, itself = paths(a, b), paths(a, a)
    assert (none.count, none.value, list(none)) == (0, 0.0, [])
    assert str(none) == "No path leads from b to a, so ∂a/∂b is 0."
    assert (itself.count, itself.value, itself.multiplications) == (1, 1.0, 0)
    assert [path.nodes for path in itself] == [(a,)]
    assert str(itself) == "a is the result itself, so ∂a/∂a is 1."
    with pytest.raises(TypeError, match="wrt must be a Value"):
        paths(a, 2.0)
