"""Taking structures of numbers apart, and putting them together."""

import math
from collections import OrderedDict, defaultdict, namedtuple
from fractions import Fraction

import numpy as np
import pytest
from graphs import same_structure
from hypothesis import given
from hypothesis import strategies as st

from autograd import Value, exp, grad, mean
from autograd.transforms.trees import (
    NUMBER,
    described,
    flatten,
    flatten_like,
    outer,
    paths,
    size,
    unflatten,
    wrapped,
)

Point = namedtuple("Point", "x y")

numbers = st.floats(allow_nan=False)
arrays = st.lists(st.integers(0, 3), min_size=1, max_size=3).map(
    lambda shape: np.arange(math.prod(shape), dtype=float).reshape(shape)
)
keys = st.one_of(st.text("ab", max_size=3), st.integers(), st.tuples(st.integers()))
structures = st.recursive(
    numbers | arrays,
    lambda children: st.one_of(
        st.lists(children, max_size=3),
        st.lists(children, max_size=3).map(tuple),
        st.tuples(children, children).map(lambda pair: Point(*pair)),
        st.dictionaries(keys, children, max_size=3),
    ),
    max_leaves=8,
)


@given(structures)
def test_there_and_back(tree):
    leaves, spec = flatten(tree, "x")
    assert all(type(x) is float for x in leaves)
    assert size(spec) == len(leaves) == len(paths(spec, "x"))
    same_structure(unflatten(spec, leaves), tree)
    assert flatten_like(spec, tree, "y", "x") == leaves
    hash(spec)  # plain data, to look things up by


@given(structures)
def test_paths_lead_to_the_leaves(tree):
    leaves, spec = flatten(tree, "x")
    names = paths(spec, "x")
    assert len(set(names)) == len(names)
    assert [eval(name, {"x": tree}) for name in names] == leaves


@given(structures, structures)
def test_outer_is_a_structure_of_structures(rows, columns):
    (row_leaves, row_spec), (column_leaves, column_spec) = flatten(rows, "r"), flatten(columns, "c")
    m, n = len(row_leaves), len(column_leaves)
    matrix = [[float(n * i + j) for j in range(n)] for i in range(m)]
    result = outer(row_spec, column_spec, matrix)
    # an array block runs over its rows and then its columns, just as the lists in lists do
    blocks, _ = flatten(result, "b")
    assert sorted(blocks) == [float(i) for i in range(m * n)]
    if not any(isinstance(x, np.ndarray) for x in parts(rows)):
        same_structure(
            result, unflatten_each(row_spec, [unflatten(column_spec, r) for r in matrix])
        )


def parts(tree):
    if isinstance(tree, dict):
        tree = list(tree.values())
    return [tree] if not isinstance(tree, (list, tuple)) else [y for x in tree for y in parts(x)]


def unflatten_each(spec, items):
    """Put whole structures in the places of leaves; for specs without arrays."""
    if spec == NUMBER:
        return items.pop(0)
    return wrapped(spec, [unflatten_each(child, items) for child in spec[-1]])


def test_outer_of_arrays():
    matrix = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    two, three = ("array", (2,)), ("array", (1, 3))
    assert outer(two, three, matrix).shape == (2, 1, 3)
    assert outer(two, ("list", (NUMBER, ("array", (2,)))), matrix)[1].tolist() == [[2, 3], [5, 6]]
    assert outer(two, ("list", (NUMBER, ("array", (2,)))), matrix)[0].tolist() == [1, 4]
    assert outer(("tuple", tuple, (NUMBER, NUMBER)), three, matrix)[1].tolist() == [[4, 5, 6]]
    assert outer(("array", (0,)), ("dict", ("a",), (("array", (2,)),)), [])["a"].shape == (0, 2)
    assert outer(("array", (2,)), ("array", (0, 3)), [[], []]).shape == (2, 0, 3)


@pytest.mark.parametrize(
    ("tree", "leaves", "spec"),
    [
        (3, [3.0], NUMBER),
        (True, [1.0], NUMBER),
        (Fraction(1, 4), [0.25], NUMBER),
        (np.float32(0.5), [0.5], NUMBER),
        (np.array(2), [2.0], NUMBER),
        (np.longdouble(0.5), [0.5], NUMBER),
        (np.array([1, 2], dtype=np.int8), [1.0, 2.0], ("array", (2,))),
        (np.array([True]), [1.0], ("array", (1,))),
        (np.array([0.5], dtype=np.longdouble), [0.5], ("array", (1,))),
        (np.array([[1.0, 2.0], [3.0, 4.0]]).T, [1.0, 3.0, 2.0, 4.0], ("array", (2, 2))),
        ([np.float64(1), [2]], [1.0, 2.0], ("list", (NUMBER, ("list", (NUMBER,))))),
        (Point(1, 2), [1.0, 2.0], ("tuple", Point, (NUMBER, NUMBER))),
        (OrderedDict(b=1, a=2), [1.0, 2.0], ("dict", ("b", "a"), (NUMBER, NUMBER))),
        (defaultdict(list, a=2), [2.0], ("dict", ("a",), (NUMBER,))),
        ([], [], ("list", ())),
        ({}, [], ("dict", (), ())),
    ],
)
def test_numbers_of_all_kinds_become_floats(tree, leaves, spec):
    got, got_spec = flatten(tree, "x")
    assert (got, got_spec) == (leaves, spec)
    assert all(type(x) is float for x in got)


def test_nodes_stay_as_they_are():
    x, y = Value(1.0), Value(2.0)
    box = np.empty((), dtype=object)
    box[()] = x
    leaves, spec = flatten([x, np.array([y, 3]), box], "x")
    assert [leaves[0], leaves[1], leaves[3]] == [x, y, x]
    assert type(leaves[2]) is float
    again = unflatten(spec, leaves)
    assert again[0] is x
    assert again[1].dtype == object
    assert again[1].tolist() == [y, 3.0]


@pytest.mark.parametrize(
    ("tree", "path"),
    [
        ("a", r"x "),
        ([1, "a"], r"x\[1\] "),
        ({"w": [1, 2, 3, None]}, r'x\["w"\]\[3\] '),
        ({3: {(1, 2): 1j}}, r"x\[3\]\[\(1, 2\)\] "),
        (Point(1, {1}), r"x\[1\] "),
        (np.array([1, "a"]), r"x\[0\] "),
        (np.array([[1, 2], [3, None]], dtype=object), r"x\[1, 1\] "),
        ({"w": np.array([1j])}, r'x\["w"\]\[0\] '),
        (iter([1.0]), r"x "),
        (np.array([[1.0], [[2.0]]], dtype=object), r"x\[1, 0\] "),
    ],
)
def test_a_leaf_that_is_no_number_is_named_by_its_path(tree, path):
    with pytest.raises(TypeError, match=rf"^{path}must be a real number, not the "):
        flatten(tree, "x")


def test_tables_of_other_libraries_are_no_arrays():
    class Frame:  # has a shape, and is not an array
        shape = (2, 2)

    with pytest.raises(TypeError, match=r"^x must be a real number, not the Frame"):
        flatten(Frame(), "x")


@pytest.mark.parametrize(
    ("model", "tree", "message"),
    [
        (1.0, [1.0], r"v must be a number, as x is, not a list of 1"),
        ([1.0], 1.0, r"v must be a list of 1, as x is, not a number"),
        ([1.0], (1.0,), r"v must be a list of 1, as x is, not a tuple of 1"),
        ((1.0, 2.0), Point(1.0, 2.0), r"v must be a tuple of 2, as x is, not a Point of 2"),
        ([1.0, [2.0]], [1.0, [2.0, 3.0]], r"v\[1\] must be a list of 1, as x\[1\] is"),
        ({"a": 1.0}, {"b": 1.0}, r"v must be a dict with the keys \['a'\], .*, not .* \['b'\]"),
        ({"a": [1.0]}, {"a": 1.0}, r'v\["a"\] must be a list of 1, as x\["a"\] is, not a number'),
        (np.ones(2), np.ones((2, 1)), r"v must be an array of shape \(2,\), .* of shape \(2, 1\)"),
        (np.ones(2), [1.0, 1.0], r"v must be an array of shape \(2,\), as x is, not a list of 2"),
        ([1.0], ["a"], r"v\[0\] must be a real number"),
    ],
)
def test_another_structure_is_refused_where_it_differs(model, tree, message):
    _, spec = flatten(model, "x")
    with pytest.raises(TypeError, match=message):
        flatten_like(spec, tree, "v", "x")


def test_structures_in_words():
    for tree, words in [
        (1.0, "a number"),
        (np.ones((2, 3)), "an array of shape (2, 3)"),
        ([], "a list of 0"),
        ((1.0,), "a tuple of 1"),
        (Point(1.0, 2.0), "a Point of 2"),
        ({"a": 1.0, 2: 3.0}, "a dict with the keys ['a', 2]"),
    ]:
        assert described(flatten(tree, "x")[1]) == words


@pytest.mark.parametrize(
    "use", [grad(mean), grad(lambda x: x[0]), mean, exp, lambda x: Value(x[1])]
)
def test_masks_are_refused(use):
    """Nothing would heed them."""
    with pytest.raises(TypeError, match=r"masked numbers: give x\.filled\(0\.0\) or x\.comp"):
        use(np.ma.array([1.0, 2.0], mask=[False, True]))
    assert grad(lambda x: x[1])(np.ma.array([1.0, 2.0])).tolist() == [0.0, 1.0]
