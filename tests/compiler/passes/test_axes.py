"""Axes are found where places advance by strides, and nowhere else."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd.compiler.passes.axes import common_axes, joint_axes, product_axes


def places(first, sizes, strides):
    result = np.array(first)
    for size, stride in zip(sizes, strides, strict=True):
        result = np.add.outer(result, stride * np.arange(size))
    return result


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(-9, 9)), min_size=1, max_size=4),
    st.lists(st.integers(-9, 9), min_size=4, max_size=4),
)
def test_all_arrays_have_strides_along_common_axes(axes, others):
    sizes = [size for size, _ in axes]
    one = places(5, sizes, [stride for _, stride in axes]).reshape(-1)
    two = places(7, sizes, others[: len(sizes)]).reshape(-1)
    found = common_axes([one, two])
    if found is not None:
        assert math.prod(found) == len(one)
        for x in (one, two):
            x = x.reshape(found)
            strides = [x.take([min(1, n - 1)], i).flat[0] - x.flat[0] for i, n in enumerate(found)]
            assert (x == places(x.flat[0], found, strides)).all()


@pytest.mark.parametrize(
    ("sizes", "one", "two"),
    [
        ((6,), (1,), (0,)),
        ((2, 3), (10, 1), (0, 2)),
        ((26, 26), (28, 1), (0, 0)),
        ((4, 2, 3), (0, 12, 1), (5, 0, 1)),
    ],
)
def test_nested_loops_are_found(sizes, one, two):
    rows = [places(0, sizes, strides).reshape(-1) for strides in (one, two)]
    assert common_axes(rows) == sizes


@pytest.mark.parametrize("rows", [[1, 2, 4, 8], [1, 2, 3, 5, 6], [0, 1, 5, 6, 10, 12]])
def test_what_is_irregular_has_no_axes(rows):
    assert common_axes([np.array(rows)]) is None
    assert joint_axes([np.array(rows)]) is None


def test_pairs_are_found_whatever_their_places():
    left, right = np.array([[3, 1], [4, 1], [5, 9]]), np.array([[2, 6], [5, 3]])
    assert product_axes([np.repeat(left, 2, axis=0), np.tile(right, (3, 1))]) == (3, 2)
    assert product_axes([np.repeat(left, 2, axis=0)[:5], np.tile(right, (3, 1))[:5]]) is None
