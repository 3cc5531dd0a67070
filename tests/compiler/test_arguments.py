"""Arguments are taken apart, recognised when they come again, and put together as they were."""

from __future__ import annotations

from collections import namedtuple
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd as ag
from autograd import Value
from autograd.compiler.arguments import Leaf, assembler, leaves_of, matcher, taken_apart
from autograd.transforms.trees import flatten, size, unflatten

Pair = namedtuple("Pair", "first second")

NUMBERS = st.floats(-9.0, 9.0)
SHAPES = st.sampled_from([(0,), (1,), (3,), (2, 2), (0, 2), (1, 2, 1)])
ARRAYS = SHAPES.map(lambda shape: np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape))


def containers(children):
    return st.one_of(
        st.lists(children, max_size=3),
        st.lists(children, max_size=3).map(tuple),
        st.builds(Pair, children, children),
        st.dictionaries(st.sampled_from(["a", "b", 3]), children, max_size=3),
    )


TREES = st.recursive(NUMBERS | ARRAYS, containers, max_leaves=8)


def spec_of(form):
    """The structure of a form per sample, as `autograd.transforms.trees` has it."""
    if isinstance(form, Leaf):
        return form.spec
    return (*form[:-1], tuple([spec_of(child) for child in form[-1]]))


def is_same(a, b):
    """Tell whether structures are equal, with the types of their containers and numbers."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(is_same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(is_same, a, b))
    return np.shape(a) == np.shape(b) and np.array_equal(a, b)


def numbers_in(arrays):
    return np.concatenate([np.zeros(0), *[np.ravel(array) for array in arrays]])


@given(st.lists(TREES, max_size=3), TREES)
def test_shared_arguments_come_back_as_they_were(args, other):
    taken = [taken_apart(arg, None, f"args[{i}]") for i, arg in enumerate(args)]
    forms, arrays = [form for form, _ in taken], [x for _, own in taken for x in own]
    match = matcher(forms)
    size_, again = match(args)
    assert size_ == 1
    assert all(map(np.array_equal, arrays, again))
    for (form, own), arg in zip(taken, args, strict=True):
        assert spec_of(form) == flatten(arg, "arg")[1]
        assert is_same(assembler(form, lanes=False)([np.asarray(x) for x in own], None), arg)
        numbers = numbers_in(own)
        assert is_same(assembler(spec_of(form), lanes=False)(numbers, None), arg)
        assert is_same(unflatten(spec_of(form), numbers.tolist()), arg)
    if args and taken_apart(other, None, "args[0]")[0] != forms[0]:
        assert not matches(match, [other, *args[1:]])
    assert not matches(match, [*args, 1.0])


def matches(match, args):
    try:
        return match(args) is not None
    except (TypeError, ValueError):
        return False


@given(TREES, st.integers(0, 4))
def test_batches_come_back_as_they_were(tree, samples):
    # a list would be a batch itself
    tree = batched(tree, samples)
    form, arrays = taken_apart(tree, 0, "args[0]")
    leaves = list(leaves_of(form))
    assert all(leaf.batched for leaf in leaves)
    assert len(leaves) == len(arrays)
    assert size(spec_of(form)) == sum(leaf.count for leaf in leaves)
    found, again = matcher([form])([tree])
    assert found == (samples if leaves else 1)
    assert all(map(np.array_equal, arrays, again))
    columns = [x.reshape(samples, leaf.count) for x, leaf in zip(arrays, leaves, strict=True)]
    lanes = np.concatenate([np.zeros((samples, 0)), *columns], axis=1)
    assert is_same(assembler(form, lanes=True)(None, lanes), tree)
    if leaves and samples:
        longer = batched(tree, samples, lambda x: np.concatenate([x, x]))
        assert matcher([form])([longer])[0] == 2 * samples


def batched(tree, samples, change=lambda x: x):
    if isinstance(tree, dict):
        return {key: batched(x, samples, change) for key, x in tree.items()}
    if isinstance(tree, Pair):
        return Pair(*[batched(x, samples, change) for x in tree])
    if isinstance(tree, (list, tuple)):
        return tuple([batched(x, samples, change) for x in tree])
    if np.shape(tree)[:1] == (samples,) and change(tree) is not tree:
        return change(tree)
    return np.broadcast_to(tree, (samples, *np.shape(tree))).copy()


def test_lists_of_the_same_length_are_one_array():
    args = ([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], ([[7.0], [8.0]], [[9.0], [10.0]]))
    forms, arrays = zip(
        *[taken_apart(x, None, f"args[{i}]") for i, x in enumerate(args)], strict=True
    )
    assert [[array.tolist() for array in own] for own in arrays] == [[args[0]], [list(args[1])]]
    count, found = matcher(forms)(args)
    assert count == 1
    assert [x.tolist() for x in found] == [args[0], list(args[1])]
    for form, arg in zip(forms, args, strict=True):
        assert assembler(form, lanes=False)([np.array(arg)], None) == arg
        assert [leaf.path for leaf in leaves_of(form)] == [f"args[{args.index(arg)}]"]


@pytest.mark.parametrize(
    "tree", [[[1.0], [2.0, 3.0]], [[1.0], (2.0,)], [(1.0,), (2.0,)], [[1.0], 2.0], [[1.0], [[2.0]]]]
)
def test_other_lists_are_an_array_for_each_row(tree):
    form, arrays = taken_apart(tree, None, "args[0]")
    assert len(arrays) == len(tree)
    assert is_same(assembler(form, lanes=False)(arrays, None), tree)


@pytest.mark.parametrize(("bad", "shown"), [("4", "str '4'"), (None, "NoneType None")])
def test_what_is_no_number_is_refused_when_the_form_is_known_too(bad, shown):
    norm = ag.compile(lambda rows: sum(x * x for row in rows for x in row))
    assert norm.grad([[1.0, 2.0], [3.0, 4.0]]) == [[2.0, 4.0], [6.0, 8.0]]
    assert norm.grad([[1, 2], [3, 4]]) == [[2.0, 4.0], [6.0, 8.0]]
    assert norm.grad([[1.0, 2], [Fraction(3), np.float32(4.0)]]) == [[2.0, 4.0], [6.0, 8.0]]
    assert norm.grad([[1.0, 2.0], [3.0]]) == [[2.0, 4.0], [6.0]]
    assert norm([[1.0, 2.0], [Value(3.0), 4.0]]).op == "+"
    with pytest.raises(TypeError, match=rf"args\[0\]\[1\]\[1\] must be a real .* the {shown}"):
        norm.grad([[1.0, 2.0], [3.0, bad]])
