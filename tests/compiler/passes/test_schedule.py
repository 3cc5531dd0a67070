"""Groups of a schedule are of one kind, and in an order in which they can be computed."""

import random

from hypothesis import given
from hypothesis import strategies as st

from autograd.compiler.passes.schedule import scheduled
from autograd.compiler.passes.trace import Trace
from autograd.engine import table as p


@given(st.integers(0, 2**32), st.integers(1, 40))
def test_each_group_reads_what_is_there(seed, count):
    rng = random.Random(seed)
    trace = Trace()
    for _ in range(3):
        trace.input()
    for _ in range(count):
        op = rng.choice((p.exp, p.neg, p.tanh, p.add, p.dot))
        operands = [rng.randrange(len(trace.ops)) for _ in range({p.add: 2, p.dot: 5}.get(op, 1))]
        if op is p.dot:
            operands = [tuple(operands[:2]), tuple(operands[2:4]), operands[4]]
        trace.add(op, tuple(operands))
    groups = scheduled(trace, trace.ops)
    assert sorted(row for rows in groups for row in rows) == list(range(3, 3 + count))
    there = {0, 1, 2}
    for rows in groups:
        assert rows == sorted(rows)
        assert len({trace.ops[row] for row in rows}) == 1
        assert all(x in there for row in rows for x in trace.flat(row))
        there.update(rows)


def chains(*names):
    """Record a chain of operations for each list of names, all from one input."""
    trace = Trace()
    x = trace.input()
    for chain in names:
        row = x
        for name in chain:
            row = trace.add(p.TABLE[name], (row,))
    return trace


def test_rows_wait_for_others_of_their_kind():
    trace = chains(["exp", "tanh"], ["neg", "exp", "tanh"], ["sin", "neg", "exp", "tanh"])
    assert len(scheduled(trace, trace.ops)) == 4


def test_what_is_there_early_does_not_wait_for_its_turn():
    trace = chains(["exp", "tanh", "exp", "tanh"], ["exp", "tanh"])
    assert len(scheduled(trace, trace.ops)) == 4


def test_of_two_orders_the_shorter_is_taken():
    # as late as possible, the first two would stand apart from the third
    trace = Trace()
    x = trace.input()
    first, second, third = [trace.add(p.exp, (trace.add(p.mul, (x, c)),)) for c in (1.0, 2.0, 3.0)]
    trace.add(p.add, (trace.add(p.add, (first, second)), third))
    assert [len(rows) for rows in scheduled(trace, trace.ops)] == [3, 3, 1, 1]
