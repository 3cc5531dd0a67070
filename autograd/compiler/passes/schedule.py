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

from autograd.compiler.passes.trace import Trace

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
    ops = trace.ops
    reads: list[Sequence[Any]] = [
        [x for x in operands if x.__class__ is int and ops[x] is not None] if operands else ()
        for operands in trace.operands
    ]  # which are not inputs
    by_depth = _by_depth(trace, kinds, reads)
    if len(by_depth) > _MANY or len(trace.ops) > _LARGE * len(by_depth):
        return by_depth
    return min(by_depth, _by_need(trace, kinds, reads), key=len)


def _by_depth(
    trace: Trace, kinds: Sequence[Hashable], reads: Sequence[Sequence[int]]
) -> list[list[int]]:
    """Put rows together that are at the same depth, counted from the inputs."""
    depth = [0] * len(trace.ops)
    groups: dict[Any, list[int]] = defaultdict(list)
    for row, (op, operands) in enumerate(zip(trace.ops, reads, strict=True)):
        if op is not None:
            depth[row] = 1 + max([depth[x] for x in operands], default=0)
            groups[depth[row], kinds[row]].append(row)
    return [rows for _, rows in sorted(groups.items(), key=lambda x: (x[0][0], x[1][0]))]


def _by_need(
    trace: Trace, kinds: Sequence[Hashable], reads: Sequence[Sequence[int]]
) -> list[list[int]]:
    """Put rows together that are needed at the same time.

    They wait for each other. With them go all that are needed later, if these have nothing to wait
    for either.
    """
    times = _latest_times(reads)
    readers: list[list[int]] = [[] for _ in trace.ops]
    missing = list(map(len, reads))  # operands that are not there yet
    waiting: dict[tuple[int, Hashable], list[int]] = defaultdict(list)
    for row, (op, operands) in enumerate(zip(trace.ops, reads, strict=True)):
        if op is None:
            continue
        for x in operands:
            readers[x].append(row)
        waiting[times[row], kinds[row]].append(row)
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
        for row in group:
            for reader in readers[row]:
                missing[reader] -= 1
                if not missing[reader]:
                    key = times[reader], kinds[reader]
                    unready[key] -= 1
                    if not unready[key]:
                        note(key)
    return groups


def _latest_times(reads: Sequence[Sequence[int]]) -> list[int]:
    """Tell for each row when it is needed at the latest: at 0, the end, or at a time before."""
    times = [0] * len(reads)
    for row in range(len(reads) - 1, -1, -1):
        time = times[row] - 1
        for x in reads[row]:
            if times[x] > time:
                times[x] = time
    return times
