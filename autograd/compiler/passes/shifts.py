"""Find largest numbers that cancel, as in a softmax that is written out, and pass no gradient.

To keep exp from overflowing, such code takes the largest of its numbers away. With m' = m + s for m

    e_i = exp(x_i - m)   is   exp(-s) e_i       t = Σ e_i   is   exp(-s) t

but e_i / t and m + log t are as before: neither depends on m. So the maxima become one row, `top`,
by which nothing is differentiated:

    before   m1 = maximum(x1, x2)    m = maximum(m1, x3)    e1 = exp(x1 - m) ...
    after    m = top(x1, x2, x3)                            e1 = exp(x1 - m) ...

Where all numbers are -inf, m + log t is then -inf as that of `logsumexp`, and not nan.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush

from autograd.compiler.passes.trace import Operand, Trace
from autograd.engine import Primitive
from autograd.engine import table as p

# How a row x changes with s: it becomes x + a s, or x exp(b s), for the pair (a, b)
Change = tuple[float, float]

_FIXED = 0.0, 0.0
_LINEAR = {p.add, p.sub, p.neg, p.fsum}


def note_shifts(trace: Trace, outputs: Sequence[Operand]) -> None:
    """Put `top` in the place of maxima that cancel. What these were made of may be dead then."""
    if p.maximum not in trace.ops:
        return
    rows = list(zip(trace.ops, trace.operands, strict=True))
    taken_away = {x[1] for op, x in rows if op is p.sub and isinstance(x[1], int)}
    maxima = [row for row, (op, _) in enumerate(rows) if op is p.maximum]
    if taken_away.isdisjoint(maxima):
        return
    readers: list[list[int]] = [[] for _ in rows]
    for row in range(len(rows)):
        for x in set(trace.flat(row)):
            if isinstance(x, int):
                readers[x].append(row)
    asked_for = {x for x in outputs if isinstance(x, int)}
    numbers: dict[int, list[Operand]] = {}  # of which a row is the largest
    for row in maxima:
        own: list[Operand] = []
        for x in trace.operands[row]:
            is_part = isinstance(x, int) and x in numbers and readers[x] == [row]
            own += numbers[x] if is_part and x not in asked_for else [x]
        numbers[row] = own
    for row in taken_away.intersection(maxima):
        if _cancels(trace, row, readers, asked_for):
            trace.ops[row], trace.operands[row] = p.top, tuple(numbers[row])


def _cancels(
    trace: Trace, shift: int, readers: Sequence[Sequence[int]], asked_for: set[int]
) -> bool:
    """Tell whether no output depends on a row, by going through all that reads it."""
    changes: dict[int, Change] = {shift: (1.0, 0.0)}
    waiting = [shift]
    while waiting:
        row = heappop(waiting)
        if row != shift:
            if row in changes:
                continue
            operands = trace.flat(row)
            own = [changes.get(x, _FIXED) if isinstance(x, int) else _FIXED for x in operands]
            change = _change(trace.ops[row], operands, own)
            if change is None or row in trace.counts:
                return False
            changes[row] = change
        if changes[row] != _FIXED:
            if row in asked_for:
                return False
            for x in readers[row]:
                heappush(waiting, x)
    return True


def _change(
    op: Primitive | None, operands: Sequence[Operand], own: Sequence[Change]
) -> Change | None:
    """Return how a row changes if its operands change so; None if it is in no such way."""
    added, scaled = zip(*own, strict=True)
    if op is p.exp or op is p.log:
        return None if own[0][op is p.exp] else own[0][::-1]
    if op in _LINEAR and not any(scaled):
        if op is p.neg:
            return -added[0], 0.0
        return (added[0] - added[1] if op is p.sub else sum(added)), 0.0
    if any(added):
        return None
    if op is p.mul:
        return 0.0, sum(scaled)
    if op is p.div:
        return 0.0, scaled[0] - scaled[1]
    if op is p.power and operands[1].__class__ is float:
        return 0.0, scaled[0] * operands[1]
    if op is p.dot:
        n = len(own) // 2
        terms = {a + b for a, b in zip(scaled[:n], scaled[n:-1], strict=True)}
        operands, scaled = operands[-1:], scaled[-1:]
    elif op in _LINEAR:
        terms = set()
    else:
        return None
    terms |= {b for x, b in zip(operands, scaled, strict=True) if x.__class__ is int or x != 0.0}
    return (0.0, terms.pop()) if len(terms) == 1 else None
