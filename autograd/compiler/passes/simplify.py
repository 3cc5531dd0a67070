"""Rewrite a trace into fewer and better rows, one small pass after the other.

What these passes do to the lecture's neuron, written as a sum over its inputs:

    before   p1 = w1 * x1    p2 = w2 * x2    s1 = b + p1    s2 = s1 + p2    a = relu(s2)
    after    z = dot(w1, w2, x1, x2, b)                                     a = relu(z)

Most sums of products come as one row, `SUM`, and are a dot in the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain, compress, groupby, islice
from math import nan
from operator import and_
from typing import Any

import numpy as np

from autograd.compiler.passes.axes import are_different
from autograd.compiler.passes.factors import Factors
from autograd.compiler.passes.shifts import note_shifts
from autograd.compiler.passes.tables import TAKE
from autograd.compiler.passes.trace import (
    BITS,
    DOTS,
    INDEX,
    PICK,
    SUM,
    Half,
    Operand,
    Part,
    Trace,
    Tracer,
    View,
)
from autograd.engine import Primitive
from autograd.engine import table as p


def simplified(
    trace: Trace, outputs: Sequence[Operand], fast_math: bool = False
) -> tuple[Trace, list[Operand]]:
    """Apply all passes; give the new trace and its outputs."""
    trace, outputs = _expanded(trace, outputs, fast_math)
    trace, outputs = _contracted(trace, outputs)
    note_shifts(trace, outputs)
    return _without_dead_rows(trace, outputs)


class _Pass:
    """A new trace being filled from an old one, and where each old row has gone.

    Args:
        trace: the old trace.
        settled: how many rows, from the first on, stay as they are.
        apart: inputs of which each number is to be an input of its own; nothing settled reads them.
    """

    def __init__(self, trace: Trace, settled: int = 0, apart: Collection[int] = ()) -> None:
        self.old, self.new, self.settled = trace, trace.beginning(settled), settled
        self.apart = apart
        self.place: list[Operand] = [*range(settled), *[nan] * (len(trace.ops) - settled)]
        self._owners = {row: value for value, row in trace.captured.items()}
        self._halves: dict[int, Half] = {}  # by the identity of the old one
        self.kept: dict[Operand, Any] = {}  # of blocks that are narrowed, where each number is then

    def rows(
        self, without: Sequence[bool] = ()
    ) -> Iterator[tuple[int, Primitive, tuple[Any, ...]]]:
        """Return the rows of operations, of inputs and views the new row is made on the way.

        Args:
            without: which rows not to go on with.
        """
        place, apart = self.place, self.apart
        ops, all_operands = self.old.ops, self.old.operands
        self._enter_inputs()
        for row in islice(self.old.order(), self.settled, None):
            op = ops[row]
            if op is None or (without and without[row]):
                continue
            operands = all_operands[row]
            if op is PICK and operands[0] in apart:
                place[row] = place[operands[0]] + int(operands[1])
            elif op is PICK or op.__class__ is View:
                self.carry_numbers(row, operands)
            else:
                yield row, op, operands

    def _enter_inputs(self) -> None:
        """Enter all inputs that are not settled, single numbers many at a time."""
        new, counts, owners, start = self.new, self.old.counts, self._owners, self.settled
        inputs = [row for row, op in enumerate(self.old.ops[start:], start) if op is None]
        for is_single, run in groupby(inputs, lambda row: row not in counts and row not in owners):
            rows = list(run)
            if is_single:
                for row, place in zip(rows, new.inputs(len(rows)), strict=True):
                    self.place[row] = place
                continue
            for row in rows:
                if row in owners:
                    self.place[row] = new.capture(owners[row])
                elif row in self.apart:
                    self.place[row] = new.inputs(counts[row]).start
                else:
                    self.place[row] = new.input(counts[row])

    def carry_numbers(self, row: int, operands: tuple[Operand, ...]) -> None:
        """Give numbers of blocks, or a view, their row in the new trace."""
        op, new = self.old.ops[row], self.new
        source: Any = operands[0]
        if op is PICK and self.old.ops[source] is None:  # as plain code has it all the time
            self.place[row] = new.one((int(self.place[source]) << BITS) + int(operands[1]))
            return
        moved = self.moved(operands)
        counts, own = [
            [t.counts.get(x, 1) if x.__class__ is int else 1 for x in xs]
            for t, xs in ((new, moved), (self.old, operands))
        ]
        if counts == own and all(map(new.is_source, moved)):
            if op is PICK:
                self.place[row] = new.one((int(moved[0]) << BITS) + int(moved[1]))
            else:
                assert isinstance(op, View)
                self.place[row] = new.view(op.at, moved, op)
            return
        which, index = indices(self.old, row)
        parts = [self.addresses(x).reshape(-1) for x in operands]
        starts = np.cumsum([0, *map(len, parts)])
        several = np.array([len(x) > 1 for x in parts])
        self.place[row] = new.select(
            np.concatenate(parts)[starts[which] + np.where(several[which], index, 0)]
        )

    def addresses(self, x: Operand) -> Any:
        """Return the address in the new trace of each number of an operand of the old one."""
        own = self.new.addresses(*self.moved((x,)))
        at = self.kept.get(x) if x.__class__ is int else None  # the row 2 is not the number 2.0
        return own if at is None else own.reshape(-1)[at]

    def taken(self, x: Operand, at: Any) -> Operand:
        """Return numbers of an operand of the old trace as an operand of the new one.

        Args:
            x: the operand.
            at: which numbers, a row for each of the result; None for it as it is.
        """
        (moved,) = self.moved((x,))
        if at is None or (at.shape[1] == 1 and moved.__class__ is float):
            return moved  # type: ignore[no-any-return]
        own = self.addresses(x)
        found = own[at].reshape(len(at), -1) if own.ndim else np.broadcast_to(own, at.shape)
        return self.new.select(found if found.shape[1] > 1 else found[:, 0])

    def moved(self, operands: Sequence[Any]) -> tuple[Any, ...]:
        """Return operands of the old trace as operands of the new one."""
        place = self.place
        return tuple(
            [
                place[x] if x.__class__ is int else x if x.__class__ is float else self.half(x)
                for x in operands
            ]
        )

    def half(self, half: Half) -> Half:
        """Return a half of the old trace for the new one."""
        found = self._halves.get(id(half))
        if found is None:
            found = self._halves[id(half)] = self.new.half(self.moved(half))
        return found

    def entered(self, op: Primitive, operands: tuple[Any, ...]) -> int:
        """Enter a row as it was, but for where its operands have gone."""
        if op in DOTS:
            return self.new.enter_dot(op, *operands)
        return self.new.apply(op, operands)

    def done(self, outputs: Sequence[Operand]) -> tuple[Trace, list[Operand]]:
        """Return the new trace and its outputs; rows are still parts of what they were."""
        for row, part in self.old.parts.items():
            place = self.place[row]
            if isinstance(place, int):
                self.new.parts.setdefault(place, part)
        found = list(self.moved(outputs))
        if self.old is not self.new:
            self.old.forget()
        return self.new, found


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
    apart = _taken_apart(trace)
    work = _Pass(trace, 0 if apart else _settled(trace, fast_math), apart)
    known: dict[Any, Any] = {}
    for row, op, operands in work.rows():
        moved = work.moved(operands)
        if op in DOTS:
            if _is_settled(work.new, op, moved, fast_math):
                work.place[row] = work.new.enter_dot(op, *moved)
            elif op is SUM:
                work.place[row] = _in_parts(work.new, moved, fast_math)
            else:
                work.place[row] = _simplest_dot(work.new, moved, fast_math)
        elif op in _RESULTS:
            work.place[row] = _written_out(work.new, op, moved, known)
        elif op is p.mean:
            total = _entered(work.new, p.fsum, moved)
            work.place[row] = _entered(work.new, p.div, (total, float(len(moved))))
        else:
            work.place[row] = _simplest(work.new, op, moved, fast_math)
    return work.done(outputs)


def _in_parts(trace: Trace, operands: tuple[Any, ...], fast_math: bool = False) -> Operand:
    """Write a sum with a row for each product, and one for each time that one is added."""
    left, right, bias = operands
    total: Operand | None = None if repr(bias) == "-0.0" else bias
    for pair in zip(left, right, strict=True):
        product = _simplest(trace, p.mul, pair, fast_math)
        both = total, product
        total = product if total is None else _simplest(trace, p.add, both, fast_math)  # type: ignore[arg-type]
    assert total is not None
    return total


def _taken_apart(trace: Trace) -> set[int]:
    """Find the inputs of many numbers that are read one by one, and in no other way."""
    if not trace.counts:
        return set()
    rows = zip(trace.ops, trace.operands, strict=True)
    picked = Counter([operands[0] for op, operands in rows if op is PICK])
    whole = {x for x, n in trace.counts.items() if trace.ops[x] is None and picked[x] == n}
    for row, op in enumerate(trace.ops if whole else ()):
        if op is not None and op is not PICK and op is not SUM:  # which reads single numbers
            read = trace.flat(row) if op is p.dot else trace.operands[row]
            if not whole.isdisjoint(read):  # of which 3.0 is not 3
                whole.difference_update([x for x in read if x.__class__ is int])
    return whole


def _settled(trace: Trace, fast_math: bool) -> int:
    """Count the rows before the first that may have to be written in another way, or elsewhere."""
    order = trace.order()
    end = len(order)
    if not isinstance(order, range):
        end = next(i for i, row in enumerate(order) if i != row)
    for row in compress(range(end), trace.ops):  # not the inputs
        op, operands = trace.ops[row], trace.operands[row]
        if op in _UNSETTLED:
            return row
        if op in DOTS:
            if not _is_settled(trace, op, operands, fast_math):
                return row
        elif float in map(type, operands) and op is not PICK:
            constants = [x for x in operands if x.__class__ is float]
            if fast_math or _CRITICAL.get(op) in constants or len(constants) == len(operands):
                return row
            if op is TAKE:
                return row
    return end


def _is_settled(
    trace: Trace, op: Primitive | None, operands: tuple[Any, ...], fast_math: bool
) -> bool:
    """Tell whether a sum of products stays as it is."""
    left, right, _ = operands
    if id(left) in trace.mixed or id(right) in trace.mixed:
        return False
    return not fast_math if op is SUM else len(left) > 1


def _simplest(
    trace: Trace, op: Primitive, operands: tuple[Operand, ...], fast_math: bool
) -> Operand:
    """Enter a row, if it is not needless."""
    if float in map(type, operands):
        return _with_constants(trace, op, operands, fast_math)
    return trace.enter(op, operands, operands)


def _with_constants(
    trace: Trace, op: Primitive, operands: tuple[Operand, ...], fast_math: bool
) -> Operand:
    """Enter a row of which some operands are constants, unless these make it needless."""
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
    if op is p.power and repr(operands[1]) == "2.0":  # and not row 2
        return _entered(trace, p.square, operands[:1])
    return _entered(trace, op, operands)


def _simplest_dot(trace: Trace, operands: tuple[Any, ...], fast_math: bool) -> Operand:
    """Enter a dot of one product, or with constants among the factors, if it is not needless.

    Factors 1, as derivatives of sums have them, are dropped, so that it joins the sums that it is
    part of.
    """
    bias: Operand
    left, right, bias = operands
    if not left:
        return bias
    if 1.0 in [x for x in (*left, *right) if x.__class__ is float]:
        pairs = zip(left, right, strict=True)
        terms = [_with_constants(trace, p.mul, pair, fast_math) for pair in pairs]
        terms += [bias] * (repr(bias) != "0.0")
        return _entered(trace, p.fsum, tuple(terms)) if len(terms) > 1 else terms[0]
    if len(left) == 1 and trace.width(left[0]) == 1 and repr(bias) == "0.0":
        return _simplest(trace, p.mul, (*left, *right), fast_math)
    return _entered(trace, p.dot, (*left, *right, bias))


def _entered(trace: Trace, op: Primitive, operands: tuple[Operand, ...]) -> Operand:
    """Add a row, or give its value where all operands are constants."""
    if set(map(type, operands)) == {float}:
        return float(op.float_forward(*operands))  # a comparison gives a bool
    return trace.apply(op, operands)


def _written_out(
    trace: Trace, op: Primitive, operands: tuple[Operand, ...], known: dict[Any, Any]
) -> Operand:
    """Enter the rows of a softmax or its kin, of the shift m and what Σ exp(x - m) is.

    These two are the same rows whatever the order of the operands, and `known` by these. Where a
    small r has to keep its digits, as it does on floats, that is 1 + r: see
    `autograd.numbers.floats`.
    """
    ordered = sorted(operands, key=lambda x: (x.__class__ is float, x))
    xs = [trace.tracer(x) if isinstance(x, int) else x for x in ordered]
    index = next(i for i, x in enumerate(ordered) if x is operands[0])
    total, finished = _RESULTS[op]
    key = total, *map(repr, ordered)
    if key not in known:
        shift = p.top(*xs)
        known[key] = shift, total(*[p.exp_shifted(x, shift) for x in xs])
    shift, inner = known[key]
    result = finished(xs[index], shift, inner)
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


_UNSETTLED = {*_RESULTS, p.mean}
_CRITICAL: dict[Primitive | None, float] = {p.mul: 1.0, p.div: 1.0, p.power: 2.0}


def _contracted(trace: Trace, outputs: Sequence[Operand]) -> tuple[Trace, list[Operand]]:
    """Turn chains of sums into one row: `dot` where products are added, else `fsum`.

        before   p1 = w1 * x1    s1 = b + p1    p2 = w2 * x2    s2 = s1 + p2
        after    s2 = dot(w1, w2, x1, x2, b)

    A sum or a product that something else uses too stays a row of its own. What a long sum takes
    away is part of it:

        before   s1 = 0 - w1 * x1    s2 = s1 - w2 * x2    s3 = s2 - w3 * x3
        after    s3 = 0 - dot(w1, w2, w3, x1, x2, x3)
    """
    uses = _uses(trace, outputs)
    is_sum = _sums(trace, uses)
    counts, absorbed = trace.counts, [False] * len(trace.ops)
    for row in compress(range(len(is_sum)), is_sum):
        terms = trace.operands[row]
        if trace.ops[row] in DOTS:
            terms = terms[-1:]
        for i, x in enumerate(terms):
            if x.__class__ is int and uses[x] == 1:
                op = trace.ops[x]
                fits = is_sum[x] and (i == 0 or op is not p.sub)
                fits = fits or op is p.mul or op is PICK or op.__class__ is View
                # what stands for one number is not to be computed for each of a block
                absorbed[x] = fits and (not counts or counts.get(x) == counts.get(row))
    _absorb_by_number(trace, uses, is_sum, absorbed)
    work = _Pass(trace, min([*flags, True].index(True) for flags in (is_sum, absorbed)))

    def is_dot(operands: tuple[Any, ...]) -> bool:
        left, _, bias = operands
        return len(left) > 1 and (bias.__class__ is float or not absorbed[bias])

    def taken(operands: Sequence[Operand], at: Any) -> tuple[Operand, ...]:
        return work.moved(operands) if at is None else tuple([work.taken(x, at) for x in operands])

    def taken_half(half: Half, at: Any) -> Half:
        return work.half(half) if at is None else work.new.half(taken(half, at))

    def terms_of(row: int) -> list[Term]:
        """Return the terms of a sum from left to right, with their signs."""
        terms: list[Term] = []
        stack: list[tuple[int, Any, Any]] = [(1, row, None)]
        while stack:
            sign, x, at = stack.pop()
            if x.__class__ is tuple:  # the factors of products
                left, right = [taken_half(y, at) for y in x]
                terms.append((sign, left, right))
                continue
            if x.__class__ is float or (not absorbed[x] and x != row):
                terms.append((sign, taken((x,), at), ()))
                continue
            op, operands = trace.ops[x], trace.operands[x]
            if op is p.mul:
                left, right = [work.new.half(taken((y,), at)) for y in operands]
                terms.append((sign, left, right))
            elif op is p.sub:
                stack += (-sign, operands[1], at), (sign, operands[0], at)
            elif op in DOTS:
                nothing = "0.0" if op is p.dot else "-0.0"
                stack.append((sign, operands[:2], at))
                stack += [(sign, operands[2], at)] * (repr(operands[2]) != nothing)
            elif op is PICK or op.__class__ is View:
                _, own = indices(trace, x)
                own = own.reshape(len(own) if own.ndim else 1, -1)
                at = own if at is None else own[at].reshape(len(at), -1)
                stack.append((sign, operands[0], at))
            else:
                if op is p.add and at is None:  # most sums grow by one term after the other
                    x = operands[0]
                    while x.__class__ is int and absorbed[x] and trace.ops[x] is p.add:
                        stack.append((sign, operands[1], None))
                        operands = trace.operands[x]
                        x = operands[0]
                stack += [(sign, y, at) for y in operands[::-1]]
        return terms

    for row, op, operands in work.rows(absorbed):
        if op is SUM and is_dot(operands):
            work.place[row] = _dot(work.new, *work.moved(operands))
        elif is_sum[row]:
            work.place[row] = _difference(work.new, terms_of(row))
        elif op is p.dot:
            work.place[row] = work.entered(op, work.moved(operands))
        else:
            work.place[row] = _entered(work.new, op, work.moved(operands))
    return work.done(outputs)


def _dot(trace: Trace, left: Half, right: Half, bias: Operand) -> int:
    """Add the row for a `SUM` of which nothing is a part of something else."""
    return trace.enter_dot(p.dot, left, right, bias or 0.0 if bias.__class__ is float else bias)


def _uses(trace: Trace, outputs: Sequence[Operand]) -> list[int]:
    """Count how often each row is read, by all that share a half once.

    An output is never done with.
    """
    operands = list(chain.from_iterable(trace.operands))
    halves = {id(x): x for x in operands if x.__class__ is tuple}
    read = chain(operands, outputs, outputs, *halves.values())
    rows = np.array([x for x in read if x.__class__ is int], np.intp)
    return np.bincount(rows, minlength=len(trace.ops)).tolist()  # type: ignore[no-any-return]


def indices(trace: Trace, row: int) -> tuple[Any, Any]:
    """Return of which operand a view, or a pick, takes each number, and which one of it that is."""
    op = trace.ops[row]
    at = op.at if isinstance(op, View) else np.array(int(trace.operands[row][1]))
    return at >> BITS, at & INDEX


def _absorb_by_number(
    trace: Trace, uses: Sequence[int], is_sum: Sequence[bool], absorbed: list[bool]
) -> None:
    """Absorb blocks whose numbers are each read once, by sums; views of others stay.

    before   p = W[...] * x[...]    s = fsum(p[0, 1, 2], p[3, 4, 5])
    after    s = dot(W[0, 1, 2], W[3, 4, 5], x[0, 1, 2], x[0, 1, 2])

    Args:
        trace: the rows.
        uses: how often each is read.
        is_sum: whether it is a sum.
        absorbed: whether it is part of one, so far; of views, whether a sum reads them and nothing
            else does.
    """
    readers: dict[int, list[int]] = {}
    several: set[Operand] = set()  # read along with others
    for row, op in enumerate(trace.ops if trace.counts or trace.reads_blocks else ()):
        if op is PICK or op.__class__ is View:
            source, *others = trace.operands[row]
            if op is not PICK and others:
                several |= {source, *others}
                absorbed[row] = False
            elif source.__class__ is int and trace.ops[source] is not None:
                readers.setdefault(source, []).append(row)
            else:
                absorbed[row] = False
    for source, rows in readers.items():
        once = uses[source] == len(rows) and source not in several
        if once and (is_sum[source] or trace.ops[source] is p.mul):
            read = [indices(trace, row)[1].reshape(-1) for row in rows]
            absorbed[source] = all(absorbed[row] for row in rows) and are_different(
                np.concatenate(read)
            )
        for row in rows:
            absorbed[row] = absorbed[row] and absorbed[source]


_FEWEST_TAKEN = 3  # terms in a row; where fewer are taken away, that is left as it was written


def _sums(trace: Trace, uses: Sequence[int]) -> list[bool]:
    """Tell which rows are sums: differences are, if they are part of a long one."""
    inner, sums = {p.add, p.sub, SUM}, {p.add, p.fsum, SUM}
    found = [op in sums for op in trace.ops]

    def before(row: int) -> int | None:
        """Find the sum that a row adds last terms to, or takes one away from."""
        first = trace.operands[row][-1 if trace.ops[row] is SUM else 0]
        is_part = isinstance(first, int) and trace.ops[first] in inner and uses[first] == 1
        return first if is_part else None

    parts = [row for row, op in enumerate(trace.ops) if op is p.sub and before(row) is not None]
    if trace.counts:  # the products of arrays
        for row, op in enumerate(trace.ops):
            if op is p.dot and trace.width(trace.flat(row)[0]) > 1:
                found[row] = True
    if len(parts) < _FEWEST_TAKEN - 1:
        return found
    firsts = {row: before(row) for row, op in enumerate(trace.ops) if op in inner}
    taken: dict[int | None, int] = {None: 0}  # first up to the row, then in the whole of the sum
    for row, first in firsts.items():
        taken[row] = (trace.ops[row] is p.sub) + taken[first]
    for row, first in reversed(firsts.items()):
        taken[first] = taken[row]
        if trace.ops[row] is p.sub and taken[row] >= _FEWEST_TAKEN:
            found[row] = True
    return found


# A sign, with a number that is added or taken away, or with the halves of products.
Term = tuple[int, tuple[Operand, ...], tuple[Operand, ...]]


def _difference(trace: Trace, terms: Sequence[Term]) -> Operand:
    """Add the rows for a sum of products and single terms, some of which are taken away."""
    if -1 not in [term[0] for term in terms]:
        return _summed(trace, terms)
    kept = [term for term in terms if term[0] > 0]
    taken = [term for term in terms if term[0] < 0]
    if list(terms[: len(kept)]) == kept or len(kept) == len(kept[0][1]) == 1:
        return _entered(trace, p.sub, (_summed(trace, kept), _summed(trace, taken)))
    # in their order, as what is left of two large terms may be small
    return _summed(trace, [x if x[0] > 0 else _negated(trace, x) for x in terms])


def _negated(trace: Trace, term: Term) -> Term:
    sign, left, right = term
    if trace.width(left[0]) > 1:
        left, right = (_summed(trace, [term]),), ()
    return -sign, trace.half([_entered(trace, p.neg, (x,)) for x in left]), right


def _summed(trace: Trace, terms: Sequence[Term]) -> Operand:
    """Add the row for a sum of products and single terms, whatever their signs."""
    pairs = [term[1:] for term in terms if term[2]]
    rest = [term[1][0] for term in terms if not term[2]]
    left, right = map(trace.joined, zip(*pairs, strict=True)) if pairs else ((), ())
    if (sum(map(trace.width, left)) if trace.reads_blocks else len(left)) < 2:
        rest = [x[0] if not y else _entered(trace, p.mul, (*x, *y)) for _, x, y in terms]
        left = right = ()
    if float in map(type, rest):
        constants = [x for x in rest if x.__class__ is float]
        if len(constants) > 1:
            others = [x for x in rest if x.__class__ is not float]
            rest = [*others, p.fsum.float_forward(*constants)]
        if left:  # to which a matrix product adds 0 anyway
            rest = [x for x in rest if x.__class__ is not float or x != 0.0]
    if not rest:
        bias: Operand = 0.0
    elif len(rest) == 1 and trace.width(rest[0]) == 1:
        bias = rest[0]
    elif len(rest) == 2 and trace.width(rest[0]) == trace.width(rest[1]) == 1:
        bias = _entered(trace, p.add, tuple(rest))
    else:
        bias = _entered(trace, p.fsum, tuple(rest))
    return trace.enter_dot(p.dot, left, right, bias) if left else bias


_NARROW = 8  # times fewer numbers are worth that what they read may be scattered


def _without_dead_rows(trace: Trace, outputs: Sequence[Operand]) -> tuple[Trace, list[Operand]]:
    """Drop rows that no output depends on, and numbers of blocks; inputs stay.

    before   z = dot(W[...], x[...])        y = tanh(z[0])
    after    z = dot(W[0, ...], x[...])     y = tanh(z)
    """
    needed, numbers = trace.depended_on(outputs)
    few = {x: own for x, own in numbers.items() if np.count_nonzero(own) * _NARROW <= len(own)}
    for row, own in few.items():
        needed[row] = needed[row] and bool(own.any())
    alive = [x or op is None for x, op in zip(needed, trace.ops, strict=True)]
    if all(alive) and not few:
        return trace, list(outputs)
    work = _Pass(trace, min(*few, [*alive, False].index(False), len(alive)))
    work.kept = {row: np.maximum(np.cumsum(own) - 1, 0) for row, own in few.items()}
    for row, op, operands in work.rows([not x for x in alive]):
        if row in few:
            at = np.flatnonzero(few[row])[:, None]
            taken = [work.taken(x, at if x in trace.counts else None) for x in trace.flat(row)]
            work.place[row] = work.new.apply(op, tuple(taken))
        else:
            work.place[row] = work.new.add(op, work.moved(operands))
    return work.done(outputs)


_FEWEST_OF_A_KIND = 4  # products; a sum of fewer is not worth a step of its own


def shared_first(
    trace: Trace, outputs: Sequence[Operand], factors: Factors
) -> tuple[Trace, list[Operand]]:
    """Part sums in which some products have a factor that the lanes share, and others have none.

        before   z = dot(w1, p1, w2, p2, x1, y1, x2, y2)    with w shared
        after    s = dot(w1, w2, x1, x2)    z = dot(p1, p2, y1, y2, s)

    The first is a product of matrices then.

    Args:
        trace: the rows.
        outputs: rows or constants.
        factors: those of its dots.
    """
    varying = factors.varying
    mixed: dict[int, list[bool]] = {}  # of each product, whether the lanes share no factor
    for row in compress(range(len(varying)), varying):
        if trace.ops[row] is not p.dot:
            continue
        halves = factors[row]
        if factors.varies(halves[0]) and factors.varies(halves[1]) and not trace.has_blocks([row]):
            differ = [[x.__class__ is int and varying[x] for x in half] for half in halves]
            alone = list(map(and_, *differ))
            if min(alone.count(True), alone.count(False)) >= _FEWEST_OF_A_KIND:
                mixed[row] = alone
    if not mixed:
        return trace, list(outputs)
    work = _Pass(trace, min(mixed))
    for row, op, operands in work.rows():
        moved = work.moved(operands)
        if row in mixed:
            left, right, total = moved
            for kind in (False, True):
                chosen = [x is kind for x in mixed[row]]
                own = [work.new.half(compress(half, chosen)) for half in (left, right)]
                total = work.new.enter_dot(p.dot, own[0], own[1], total)
            work.place[row] = total
        else:
            work.place[row] = work.new.add(op, moved)
    return work.done(outputs)
