"""Choose an order of rows in which as many as possible of one kind are computed together.

Rows that are alike need not be at the same depth to be one step: what counts is that none of them
depends on another. For two chains, of which one is longer:

    before   a1 = exp(x)    a2 = tanh(a1)             b1 = neg(y)    b2 = exp(b1)    b3 = tanh(b2)
    after    b1 = neg(y)    a1, b2 = exp(x, b1)       a2, b3 = tanh(a1, b2)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from heapq import heappop, heappush
from typing import Any

from autograd.compiler.passes.trace import Operand, Trace

_MANY = 16384  # groups; with so many, most are small, and go on tapes
_LARGE = 4096  # rows of a group, beside whose work one group more is nothing


def scheduled(trace: Trace, kinds: Sequence[Hashable]) -> list[list[int]]:
    """Return the rows in groups of one kind, each after all groups that it depends on.

    Rows of one depth go together; or where this makes many groups, and it makes fewer, those that
    are needed at the same time.

    Args:
        trace: the rows.
        kinds: the kind of each row; what it is for inputs does not matter.

    >>> from autograd.engine import table as p
    >>> trace = Trace()
    >>> x, y = trace.input(), trace.input()
    >>> a = trace.add(p.exp, (x,))
    >>> b = trace.add(p.exp, (trace.add(p.neg, (y,)),))
    >>> _ = trace.add(p.tanh, (a,)), trace.add(p.tanh, (b,))
    >>> scheduled(trace, trace.ops)
    [[3], [2, 4], [5, 6]]
    """
    order, reads = _graph(trace)
    by_depth, deepest = _by_depth(kinds, order, reads)
    many = len(by_depth) > _MANY or len(trace.ops) > _LARGE * len(by_depth)
    if many or len(by_depth) == deepest:  # no fewer can be, as each waits for the one before
        return by_depth
    return min(by_depth, _by_need(kinds, order, reads), key=len)


def _graph(trace: Trace) -> tuple[list[int], list[Sequence[int]]]:
    """Return the nodes of a graph, in order, and what each number of a node reads.

    These are the rows, but for the inputs, and halves of dots, numbered on from the rows.
    """
    ops, order, halves = trace.ops, list[int](), dict[int, int]()
    reads: list[Sequence[int]] = [()] * len(ops)

    def computed(operands: Sequence[Operand]) -> list[int]:
        return [x for x in operands if x.__class__ is int and ops[x] is not None]

    for row, (op, operands) in enumerate(zip(ops, trace.operands, strict=True)):
        if op is None:
            continue
        reads[row] = own = computed(operands)
        for half in [x for x in operands if x.__class__ is tuple]:
            if id(half) not in halves:
                halves[id(half)] = len(reads)
                order.append(len(reads))
                reads.append(computed(half))
            own += [halves[id(half)]] if reads[halves[id(half)]] else []  # not all inputs
        order.append(row)
    return order, reads


def _by_depth(
    kinds: Sequence[Hashable], order: Sequence[int], reads: Sequence[Sequence[int]]
) -> tuple[list[list[int]], int]:
    """Put rows together that are at the same depth, counted from the inputs; give the deepest."""
    depth, count = [0] * len(reads), len(kinds)
    groups: dict[Any, list[int]] = defaultdict(list)
    for node in order:
        here = 0
        for x in reads[node]:
            if depth[x] > here:
                here = depth[x]
        if node < count:
            here += 1
            groups[here, kinds[node]].append(node)
        depth[node] = here
    by_depth = sorted(groups.items(), key=lambda x: (x[0][0], x[1][0]))
    return [rows for _, rows in by_depth], max(depth, default=0)


def _by_need(
    kinds: Sequence[Hashable], order: Sequence[int], reads: Sequence[Sequence[int]]
) -> list[list[int]]:
    """Put rows together that are needed at the same time.

    They wait for each other. With them go all that are needed later, if these have nothing to wait
    for either.
    """
    times = _latest_times(len(kinds), order, reads)
    readers: list[list[int]] = [[] for _ in reads]
    missing = list(map(len, reads))  # operands that are not there yet
    waiting: dict[tuple[int, Hashable], list[int]] = defaultdict(list)
    for node in order:
        for x in reads[node]:
            readers[x].append(node)
        if node < len(kinds):
            waiting[times[node], kinds[node]].append(node)
    unready = {key: sum([missing[row] > 0 for row in rows]) for key, rows in waiting.items()}
    complete: list[tuple[int, int, Hashable]] = []  # by time, and then by the first row
    by_kind: dict[Hashable, list[tuple[int, Hashable]]] = defaultdict(list)

    def note(key: tuple[int, Hashable]) -> None:
        heappush(complete, (key[0], waiting[key][0], key[1]))
        by_kind[key[1]].append(key)

    for key, count in unready.items():
        if not count:
            note(key)
    groups = []
    while complete:
        kind = heappop(complete)[2]
        group = sorted([row for key in by_kind.pop(kind, ()) for row in waiting[key]])
        if not group:  # went with rows that were needed before
            continue
        groups.append(group)
        there = group.copy()
        for node in there:  # with the halves that are there now
            for reader in readers[node]:
                missing[reader] -= 1
                if missing[reader]:
                    continue
                if reader >= len(kinds):
                    there.append(reader)
                else:
                    key = times[reader], kinds[reader]
                    unready[key] -= 1
                    if not unready[key]:
                        note(key)
    return groups


def _latest_times(count: int, order: Sequence[int], reads: Sequence[Sequence[int]]) -> list[int]:
    """Tell when each of so many rows is needed at the latest: at 0, the end, or a time before."""
    times = [0] * len(reads)
    for node in reversed(order):
        time = times[node] - (node < count)
        for x in reads[node]:
            if times[x] > time:
                times[x] = time
    return times
