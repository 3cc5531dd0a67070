"""Sums of products are kept as one node; nothing but time and memory may show it."""

import copy
import gc
import pickle
import sys

import numpy as np
import pytest
from effort import examples
from graphs import ordered
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import Value, explain

MODULE = sys.modules["autograd.engine.methods"]

held = pytest.mark.skipif(not hasattr(sys, "getrefcount"), reason="nobody counts who holds what")


def leaves(*numbers):
    return [Value(x, f"v{i}") for i, x in enumerate(numbers)]


def products(a, b):
    return (x * y for x, y in zip(a, b, strict=True))


def described(root):
    """Describe a graph, node by node: all that a student can see of it.

    Gradients are the same but for their last digits: they are added up in another order.
    """
    order = ordered(root)
    place = {node: i for i, node in enumerate(order)}
    return [
        (
            n.op,
            n.data,
            pytest.approx(n.grad, rel=1e-9, abs=1e-9),
            n.name,
            n.local_derivatives,
            [place[p] for p in n.parents],
        )
        for n in order
    ]


def as_written(monkeypatch):
    """Make sums take no products in."""
    monkeypatch.setattr(MODULE, "write_in", lambda *_: None)


# A program: in each step two earlier results are chosen, what to do with them, and which of the
# results so far are let go, so that only later nodes hold them.
STEPS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 30), st.sampled_from("*+++srn"), st.booleans()),
    min_size=1,
    max_size=25,
)


def run(steps):
    """Run a program; return its result, and what is still held."""
    start = leaves(0.5, -1.25, 3.0)
    results = list(start)
    for i, j, what, lets_go in steps:
        x, y = results[i % len(results)], results[j % len(results)]
        if what == "*":
            z = x * y
        elif what == "+":
            z = x + y
        elif what == "s":
            z = sum(products(start, results[-3:]))
        elif what == "r":
            z = x + y * start[0] + start[1] * start[2]
        else:
            z = (x * y).tanh()
        if lets_go and len(results) > 3:
            del results[-1]
        x = y = None
        results.append(z)
    return results[-1], results


@given(STEPS, st.booleans())
@settings(max_examples=examples(100), deadline=None)
def test_a_program_has_the_graph_and_the_gradients_as_if_nothing_were_written_in(steps, is_early):
    def seen():
        root, results = run(steps)
        if is_early:  # somebody looks before the pass
            described(results[len(results) // 2])
        root.backward()
        root.backward()
        once_more = root + results[0] * results[1]
        once_more.backward(seed=0.5)
        return [described(node) for node in (once_more, *results)]

    with pytest.MonkeyPatch.context() as monkeypatch:
        as_written(monkeypatch)
        expected = seen()
    assert seen() == expected


@held
def test_a_sum_of_products_is_a_node_or_three():
    a, b = leaves(*map(float, range(50))), leaves(*map(float, range(50)))
    gc.collect()
    before = sum(type(x) is Value for x in gc.get_objects())
    total = sum(products(a, b))
    assert sum(type(x) is Value for x in gc.get_objects()) - before <= 3
    total.backward()
    assert sum(type(x) is Value for x in gc.get_objects()) - before == 1
    assert [x.grad for x in a] == [y.data for y in b]
    assert len(ordered(total)) == 100 + 2 * 50 + 1


def test_what_somebody_holds_stays_where_it_is():
    a, b = leaves(1.0, 2.0, 3.0), leaves(4.0, 5.0, 6.0)
    own = list(products(a, b))
    sums = [0 + own[0]]
    for product in own[1:]:
        sums.append(sums[-1] + product)
    more = sums[-1] + a[0] * b[0]
    (more + a[1] * b[1]).backward()
    assert [s.parents[1] for s in sums] == own
    assert [s.parents[0] for s in sums[1:]] == sums[:-1]
    assert more.parents[0] is sums[-1]
    assert [node.grad for node in own + sums] == [1.0] * 6


def test_a_sum_that_others_use_too_has_the_gradients_of_all():
    a, b = leaves(2.0, 3.0)
    first = 0 + a * b + a * b
    second = first + a * b
    third = first + b * b + a * b
    (first * second * third).backward()
    assert first.grad == 18.0 * 27.0 + 12.0 * 27.0 + 12.0 * 18.0
    assert (second.grad, third.grad) == (12.0 * 27.0, 12.0 * 18.0)


def test_arrays_of_nodes_keep_theirs():
    a, b = np.array(leaves(1.0, 2.0, 3.0)), np.array(leaves(4.0, 5.0, 6.0))
    sums = np.cumsum(a * b)
    further = sums + a * a
    assert [s.data for s in sums] == [4.0, 14.0, 32.0]
    assert [s.data for s in further] == [5.0, 18.0, 41.0]
    further[2].backward()
    assert [s.grad for s in sums] == [1.0, 1.0, 1.0]


def test_a_change_of_data_comes_too_late():
    a, b = leaves(2.0, 3.0)
    start = Value(10.0)
    total = start + a * b + b * b + a * a
    a.data = b.data = start.data = 100.0
    partial_sums, node = [], total
    while node.op:
        partial_sums.append((node.data, node.parents[1].data, node.parents[1].local_derivatives))
        node = node.parents[0]
    assert partial_sums == [
        (29.0, 4.0, (2.0, 2.0)),
        (25.0, 9.0, (3.0, 3.0)),
        (16.0, 6.0, (3.0, 2.0)),
    ]


def test_a_constant_at_the_beginning_has_no_gradient():
    a, b = leaves(2.0, 3.0)
    total = 5.0 + a * b
    constant = total.parents[0]
    longer = total + b * b + a * a
    longer.backward()
    assert total.parents[0] is constant
    assert constant.grad == 0.0
    assert total.local_derivatives == (None, 1.0)


def test_a_second_pass_goes_through_what_the_first_one_wrote_in():
    a, b = leaves(2.0, 3.0)
    total = sum(products([a, b, a], [b, b, a]))
    longer = total + a * a
    (total * (a * b)).backward()
    assert (total.grad, a.grad) == (6.0, 19.0 * 3.0 + 6.0 * (3.0 + 4.0))
    (total - b).backward()
    (total.relu() + b * b).backward()
    (longer * 2.0).backward()
    assert (total.grad, longer.grad) == (2.0, 2.0)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_a_copy_is_whole(copied):
    a, b = leaves(2.0, 3.0)
    total = sum(products([a, b, a], [b, b, a]))
    total.backward()
    assert described(copied(total)) == described(total)


def test_the_chain_rule_is_explained_term_by_term():
    a, b = leaves(2.0, 3.0)
    total = a * b + b * b + a * a
    total.backward()
    assert "2" in str(explain(total, a))
    total.backward(create_graph=True)
    assert a.grad_value.data == 7.0
