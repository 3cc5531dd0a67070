"""Rewrite a trace into fewer and better rows, one small pass after the other.

What these passes do to the lecture's neuron, written as a sum over its inputs:

    before   p1 = w1 * x1    p2 = w2 * x2    s1 = b + p1    s2 = s1 + p2    a = relu(s2)
    after    z = dot(w1, w2, x1, x2, b)                                     a = relu(z)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import nan
from typing import Any

from autograd.compiler.passes.tables import TAKE
from autograd.compiler.passes.trace import Operand, Part, Trace, Tracer
from autograd.engine import Primitive
from autograd.engine import table as p


def simplified(
    trace: Trace, outputs: Sequence[Operand], fast_math: bool = False
) -> tuple[Trace, list[Operand]]:
    """Apply all passes; give the new trace and its outputs."""
    trace, outputs = _expanded(trace, outputs, fast_math)
    trace, outputs = _contracted(trace, outputs)
    return _without_dead_rows(trace, outputs)


class _Pass:
    """A new trace being filled from an old one, and where each old row has gone."""

    def __init__(self, trace: Trace) -> None:
        self.old, self.new = trace, Trace()
        self.place: list[Operand] = [nan] * len(trace.ops)
        self._owners = {row: value for value, row in trace.captured.items()}

    def rows(self) -> Iterator[tuple[int, Primitive, tuple[Operand, ...]]]:
        """Return the rows of operations; inputs get their rows in the new trace on the way."""
        new, place = self.new, self.place
        for row, (op, operands) in enumerate(zip(self.old.ops, self.old.operands, strict=True)):
            if op is not None:
                yield row, op, operands
            elif row in self._owners:
                place[row] = new.capture(self._owners[row])
            else:
                place[row] = new.input()

    def moved(self, operands: Sequence[Operand]) -> tuple[Operand, ...]:
        """Return operands of the old trace as operands of the new one."""
        place = self.place
        return tuple([place[x] if x.__class__ is int else x for x in operands])

    def done(self, outputs: Sequence[Operand]) -> tuple[Trace, list[Operand]]:
        """Return the new trace and its outputs; rows are still parts of what they were."""
        for row, part in self.old.parts.items():
            place = self.place[row]
            if isinstance(place, int):
                self.new.parts.setdefault(place, part)
        return self.new, list(self.moved(outputs))


def _expanded(
    trace: Trace, outputs: Sequence[Operand], fast_math: bool
) -> tuple[Trace, list[Operand]]:
    """Write softmax and its kin with simpler rows, and drop factors and divisors 1.

    With `fast_math`, terms 0 and products with 0 go too, whatever the other operand is.

    The softmax of each of n numbers is a row of n operands, n² in all. Written out, they share the
    n exponentials and one sum:

        before   p_i = softmax(x_i | x_1 ... x_n)
        after    m = max(x)    e_i = exp(x_i - m)    t = Σ e_i    u = 1/t    p_i = e_i u
    """
    work = _Pass(trace)
    for row, op, operands in work.rows():
        moved = work.moved(operands)
        if op in _RESULTS:
            work.place[row] = _written_out(work.new, op, moved)
        elif op is p.mean:
            total = _entered(work.new, p.fsum, moved)
            work.place[row] = _entered(work.new, p.div, (total, float(len(moved))))
        elif op is p.dot and len(moved) == 1:
            work.place[row] = moved[0]
        elif float in map(type, moved):
            work.place[row] = _with_constants(work.new, op, moved, fast_math)
        else:
            work.place[row] = work.new.apply(op, moved)
    return work.done(outputs)


def _with_constants(
    trace: Trace, op: Primitive, operands: tuple[Operand, ...], fast_math: bool
) -> Operand:
    """Enter a row of which some operands are constants, unless these make it needless.

    Factors 1 in a dot, as derivatives of sums have them, are dropped, so that it joins the sums
    that it is part of.
    """
    if op is p.dot and 1.0 in [x for x in operands[:-1] if x.__class__ is float]:
        n = len(operands) // 2
        pairs = zip(operands[:n], operands[n:-1], strict=True)
        terms = [_with_constants(trace, p.mul, pair, fast_math) for pair in pairs]
        terms += [operands[-1]] * (repr(operands[-1]) != "0.0")
        return _entered(trace, p.fsum, tuple(terms)) if len(terms) > 1 else terms[0]
    if op is p.dot and len(operands) == 3 and repr(operands[2]) == "0.0":
        op, operands = p.mul, operands[:2]
    if op is TAKE and operands[0].__class__ is float:
        return TAKE.forward(*operands)  # type: ignore[no-any-return]
    constants = [x for x in operands if x.__class__ is float]
    others = [x for x in operands if x.__class__ is not float]
    divided = op is p.div and operands[1].__class__ is float
    by_one = constants == [1.0] and (op is p.mul or divided)
    if by_one or (fast_math and op is p.add and constants == [0.0]):
        return others[0]
    if fast_math and op is p.mul and constants == [0.0]:
        return 0.0
    if op is p.power and operands[1] == 2.0:
        return _entered(trace, p.square, operands[:1])
    return _entered(trace, op, operands)


def _entered(trace: Trace, op: Primitive, operands: tuple[Operand, ...]) -> Operand:
    """Add a row, or give its value where all operands are constants."""
    if all(x.__class__ is float for x in operands):
        return float(op.float_forward(*operands))  # a comparison gives a bool
    return trace.apply(op, operands)


def _written_out(trace: Trace, op: Primitive, operands: tuple[Operand, ...]) -> Operand:
    """Enter the rows of a softmax or its kin, of the shift m and what Σ exp(x - m) is.

    These two are the same rows whatever the order of the operands. Where a small r has to keep its
    digits, as it does on floats, that is 1 + r: see `autograd.numbers.floats`.
    """
    ordered = sorted(operands, key=lambda x: (x.__class__ is float, x))
    xs = [trace.tracer(x) if isinstance(x, int) else x for x in ordered]
    index = next(i for i, x in enumerate(ordered) if x is operands[0])
    shift = p.top(*xs)
    total, finished = _RESULTS[op]
    result = finished(xs[index], shift, total(*[p.exp_shifted(x, shift) for x in xs]))
    if not isinstance(result, Tracer):
        return float(result)
    trace.parts[shift.row] = Part(p.top, shift.row)
    trace.parts[result.row] = Part(op, shift.row, index)
    return result.row


_RESULTS: dict[Primitive, tuple[Primitive, Callable[..., Any]]] = {
    p.logsumexp: (p.excess, lambda _, shift, r: shift + p.log_of_total(r)),
    p.softmax: (p.total, lambda x, shift, t: p.exp_shifted(x, shift) * p.inverse_of_total(t)),
    p.log_softmax: (p.excess, lambda x, shift, r: (x - shift) - p.log_of_denominator(r)),
}


def _contracted(trace: Trace, outputs: Sequence[Operand]) -> tuple[Trace, list[Operand]]:
    """Turn chains of sums into one row: `dot` where products are added, else `fsum`.

        before   p1 = w1 * x1    s1 = b + p1    p2 = w2 * x2    s2 = s1 + p2
        after    s2 = dot(w1, w2, x1, x2, b)

    A sum or a product that something else uses too stays a row of its own. What a long sum takes
    away is part of it:

        before   s1 = 0 - w1 * x1    s2 = s1 - w2 * x2    s3 = s2 - w3 * x3
        after    s3 = 0 - dot(w1, w2, w3, x1, x2, x3)
    """
    uses = [0] * len(trace.ops)
    for operands in (*trace.operands, outputs, outputs):
        for x in operands:
            if isinstance(x, int):
                uses[x] += 1
    is_sum = _sums(trace, uses)
    inside = [False] * len(trace.ops)  # whether the last user of a row is a sum
    for row, operands in enumerate(trace.operands):
        for i, x in enumerate(operands):
            if isinstance(x, int):
                inside[x] = is_sum[row] and (i == 0 or trace.ops[x] is not p.sub)
    absorbed = [
        (is_sum[row] or op is p.mul) and uses[row] == 1 and inside[row]
        for row, op in enumerate(trace.ops)
    ]
    work = _Pass(trace)

    def terms_of(row: int) -> list[tuple[int, tuple[Operand, ...]]]:
        """Return the terms of a sum from left to right, with their signs: pairs, or singles."""
        terms: list[tuple[int, tuple[Operand, ...]]] = []
        stack: list[tuple[int, Operand]] = [(1, row)]
        while stack:
            sign, x = stack.pop()
            if x.__class__ is float or (not absorbed[x] and x != row):  # type: ignore[index]
                terms.append((sign, work.moved((x,))))
                continue
            op, operands = trace.ops[x], trace.operands[x]  # type: ignore[index]
            if op is p.mul:
                terms.append((sign, work.moved(operands)))
            elif op is p.sub:
                stack += (-sign, operands[1]), (sign, operands[0])
            else:
                stack += [(sign, y) for y in operands[::-1]]
        return terms

    for row, op, operands in work.rows():
        if is_sum[row] and not absorbed[row]:
            work.place[row] = _difference(work.new, terms_of(row))
        elif not absorbed[row]:
            work.place[row] = _entered(work.new, op, work.moved(operands))
    return work.done(outputs)


_FEWEST_TAKEN = 3  # terms in a row; where fewer are taken away, that is left as it was written


def _sums(trace: Trace, uses: Sequence[int]) -> list[bool]:
    """Tell which rows are sums: differences are, if they are part of a long one."""
    inner = {p.add, p.sub}

    def before(row: int) -> int | None:
        """Find the sum that a row adds a last term to, or takes one away from."""
        first = trace.operands[row][0]
        is_part = isinstance(first, int) and trace.ops[first] in inner and uses[first] == 1
        return first if is_part else None  # type: ignore[return-value]

    parts = [row for row, op in enumerate(trace.ops) if op is p.sub and before(row) is not None]
    if len(parts) < _FEWEST_TAKEN - 1:
        return [op is p.add or op is p.fsum for op in trace.ops]
    taken = [0] * len(trace.ops)  # first up to the row, then in the whole of the sum
    for row, op in enumerate(trace.ops):
        if op in inner:
            first = before(row)
            taken[row] = (op is p.sub) + (0 if first is None else taken[first])
    for row in range(len(trace.ops) - 1, -1, -1):
        if trace.ops[row] in inner and (first := before(row)) is not None:
            taken[first] = taken[row]
    return [
        op is p.add or op is p.fsum or (op is p.sub and taken[row] >= _FEWEST_TAKEN)
        for row, op in enumerate(trace.ops)
    ]


def _difference(trace: Trace, terms: Sequence[tuple[int, tuple[Operand, ...]]]) -> Operand:
    """Add the rows for a sum of products and single terms, some of which are taken away."""
    kept = [term for sign, term in terms if sign > 0]
    taken = [term for sign, term in terms if sign < 0]
    if not taken:
        return _summed(trace, kept)
    if len(kept) == 1:
        return _entered(trace, p.sub, (_summed(trace, kept), _summed(trace, taken)))
    # in their order, as what is left of two large terms may be small
    return _summed(
        trace,
        [x if sign > 0 else (_entered(trace, p.neg, x[:1]), *x[1:]) for sign, x in terms],
    )


def _summed(trace: Trace, terms: Sequence[tuple[Operand, ...]]) -> Operand:
    """Add the row for a sum of products and single terms."""
    products = [term for term in terms if len(term) == 2]
    rest = [term[0] for term in terms if len(term) == 1]
    if len(products) < 2:
        rest = [x[0] if len(x) == 1 else _entered(trace, p.mul, x) for x in terms]
        products = []
    constants = [x for x in rest if x.__class__ is float]
    if len(constants) > 1:
        rest = [x for x in rest if x.__class__ is not float] + [p.fsum.float_forward(*constants)]
    if products:  # to which a matrix product adds 0 anyway
        rest = [x for x in rest if x.__class__ is not float or x != 0.0]
    if not rest:
        bias: Operand = 0.0
    elif len(rest) == 1:
        bias = rest[0]
    elif len(rest) == 2:
        bias = _entered(trace, p.add, tuple(rest))
    else:
        bias = _entered(trace, p.fsum, tuple(rest))
    if not products:
        return bias
    left, right = zip(*products, strict=True)
    return _entered(trace, p.dot, (*left, *right, bias))


def _without_dead_rows(trace: Trace, outputs: Sequence[Operand]) -> tuple[Trace, list[Operand]]:
    """Drop rows that no output depends on; inputs stay."""
    alive = [op is None for op in trace.ops]
    for x in outputs:
        if isinstance(x, int):
            alive[x] = True
    for row in range(len(trace.ops) - 1, -1, -1):
        if alive[row]:
            for x in trace.operands[row]:
                if isinstance(x, int):
                    alive[x] = True
    if all(alive):
        return trace, list(outputs)
    work = _Pass(trace)
    for row, op, operands in work.rows():
        if alive[row]:
            work.place[row] = work.new.add(op, work.moved(operands))
    return work.done(outputs)
