"""Make the program of a long trace from a few of its rounds, where it repeats itself.

In the trace of a recurrence the same rows follow each other again and again, and what they read
stays the same or is a fixed distance on: a row of the round before, the next input. What the passes
make of 16 rounds and of 17 tells how each place moves with a further round, and so what they would
make of a thousand:

    before   a trace of 1,000 rounds of 80 rows
    after    programs of 16, 17 and 18 rounds, and by these the one of 1,000:
             z[t] = W x[t] + U h[t-1] + b    h[t] = tanh(z[t])    for t = 2 … 1000

So the passes see no more rows of a long sequence than of a short one. What 16 and 17 rounds
foretell of 18 has to be what the passes make of it; where it is not, they see all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from itertools import accumulate, chain
from math import prod
from typing import Any, NamedTuple

import numpy as np

from autograd.compiler.passes.program import VARYING, Program
from autograd.compiler.passes.trace import BITS, PICK, Operand, Trace, View, distinct

_ROUNDS = 16  # that stay of a trace: enough for a step of their rows; then one and two more
_FEWEST = 128  # rounds of a trace that are worth it
_EDGE = 3  # rounds at each end that rows outside may read
_LONGEST, _MOST_TRIES = 4096, 32  # rows of a round, and periods that are looked into


class Period(NamedTuple):
    """Rows that repeat: `rounds` of `length` rows, from `start` on.

    They move on through numbers of the inputs, which are in these `ranges`.
    """

    start: int
    length: int
    rounds: int
    ranges: set[tuple[int, int]]


class _IrregularError(Exception):
    """Something does not go on as it began."""


def by_rounds(
    trace: Trace,
    outputs: Sequence[Operand],
    made: Callable[[Trace, Sequence[Operand]], Program],
) -> Program | None:
    """Return the program of a trace with a long period; None for others.

    Args:
        trace: the rows, which stay as they are.
        outputs: rows or constants.
        made: applies the passes to a trace and its outputs.
    """
    period = _period(trace)
    if period is None:
        return None
    try:
        traces = [_shortened(trace, outputs, period, _ROUNDS + i) for i in range(3)]
        if not _is_needed_alike(*traces[0], period):
            return None
        first, second, third = [made(*x) for x in traces]
        places = [x.places + ((x.space == VARYING) << BITS) for x in first.inputs]
        advance = np.diff(np.concatenate(places))
        if (
            all((advance[low:high] == 1).all() for low, high in period.ranges)
            and _form(_given(first)) == _form(_given(second))
            and _form(_parts(_continued(first, second, 2))) == _form(_parts(third))
        ):
            return _continued(first, second, period.rounds - _ROUNDS)
    except (_IrregularError, ValueError, IndexError):  # as where it reads what nothing has written
        pass
    return None


# --- the period of a trace ------------------------------------------------------------------------


def _period(trace: Trace) -> Period | None:
    """Find the rounds that most of a trace consists of."""
    kinds = [
        (op.at.shape, distinct(op.at).shape) if isinstance(op, View) else op for op in trace.ops
    ]
    inputs = [row for row, op in enumerate(kinds) if op is None]
    counts = [trace.counts.get(row, 1) for row in inputs]
    numbers = dict(zip(inputs, accumulate(counts, initial=0), strict=False))
    for row in trace.captured.values():  # which are not among the arguments
        numbers.pop(row, None)
    computed, tries = len(kinds) - len(inputs), 0
    middle = len(kinds) - computed // 2  # of what is computed: inputs come first
    for n in range(1, min(_LONGEST, computed // _FEWEST) + 1):
        if kinds[middle] != kinds[middle + n]:
            continue
        if kinds[middle : middle + 3 * n] != kinds[middle + n : middle + 4 * n]:
            continue
        if None in kinds[middle : middle + n]:  # each round captures a node of its own
            continue
        few = _Rounds(trace, kinds, middle, n, 4).period(numbers)  # mostly it is none
        found = _Rounds(trace, kinds, middle, n, len(kinds)).period(numbers) if few else None
        if found and found.rounds >= _FEWEST and 2 * found.rounds * n > computed:
            return found
        tries += 1
        if tries == _MOST_TRIES:
            break
    return None


class _Rounds:
    """Rounds of n rows, of which one begins in the middle of a trace, as far as they are regular.

    Args:
        trace: the rows.
        kinds: the kind of each.
        middle: where a round begins.
        n: how many rows it has.
        most: how many rounds to look at before this one, and from it on.

    Attributes:
        first, stop: the rounds of these that are regular.
        read: what is read, with the number in its round of the row that does: the numbers of rows,
            or of constants, by round, and the round with which they begin.
        indices: likewise indices in blocks.
    """

    def __init__(self, trace: Trace, kinds: Sequence[Any], middle: int, n: int, most: int) -> None:
        self.trace, self.n, self.anchor = trace, n, min(most, middle // n)
        self.begin = middle - self.anchor * n
        self.first, self.stop = 0, self.anchor + min(most, (len(kinds) - middle) // n)
        self.read: list[tuple[int, Any, int]] = []
        self.indices: list[tuple[int, Any, int]] = []
        self._constants: dict[str, int] = {}
        self._halves: set[tuple[int, ...]] = set()
        own = slice(self.begin, self.begin + self.stop * n)
        for marks in (map(hash, kinds[own]), map(len, trace.operands[own])):
            self._keep(np.fromiter(marks, np.int64).reshape(-1, n), 0, order=1)
        for i in range(n):
            if self.stop - self.first > _EDGE:
                self._look_at(i)

    def _keep(self, values: Any, first: int, order: int) -> None:
        """Keep the rounds around the anchor in which numbers are the same, or advance evenly."""
        changes = np.diff(values, order, axis=0)
        uneven = np.flatnonzero(changes.any(axis=tuple(range(1, changes.ndim)))) + first
        at = int(np.searchsorted(uneven, self.anchor))
        if at < len(uneven):
            self.stop = min(self.stop, int(uneven[at]) + order)
        if at:
            self.first = max(self.first, int(uneven[at - 1]) + 1)

    def _look_at(self, i: int) -> None:
        """Note what row number i of each round reads."""
        trace, n, first = self.trace, self.n, self.first
        rows = range(self.begin + first * n + i, self.begin + self.stop * n, n)
        op, columns = trace.ops[rows[0]], list(zip(*[trace.operands[x] for x in rows], strict=True))
        at = []
        if op is PICK:
            at = list(map(int, columns.pop()))
        elif op.__class__ is View:
            at = [distinct(trace.ops[x].at) for x in rows]  # type: ignore[union-attr]
        if at:
            self.indices.append((i, np.array(at, np.int64), first))
            self._keep(self.indices[-1][1], first, order=2)
        for column in columns:
            if column[0].__class__ is not tuple:
                self._note(i, column, first)
            elif (key := tuple(map(id, column))) not in self._halves:
                self._halves.add(key)
                self._keep([len(x) for x in column], first, order=1)
                since, own = self.first, column[self.first - first : self.stop - first]
                for x in zip(*own, strict=True) if any(x is not own[0] for x in own) else ():
                    self._note(i, x, since)

    def _note(self, i: int, column: Sequence[Any], first: int) -> None:
        """Note an operand of row number i of each round."""
        known = self._constants
        if set(map(type, column)) != {int}:
            column = [
                x if x.__class__ is int else -1 - known.setdefault(repr(x), len(known))
                for x in column
            ]
        values = np.array(column, np.int64)
        self._keep(values, first, order=2)
        self.read.append((i, values, first))

    def period(self, numbers: Mapping[int, int]) -> Period | None:
        """Return the period, if what the rows read makes it one.

        A row reads what that of the round before reads, or the row a round later, or a number of
        the inputs that is as far on as in all rounds. And no round can do without the one before.

        Args:
            numbers: how many numbers of the inputs come before each.
        """
        n, start, ops = self.n, self.begin + self.first * self.n, self.trace.ops
        if self.stop - self.first <= _EDGE:
            return None
        ranges: set[tuple[int, int]] = set()
        is_read = np.zeros(2 * n + 1, np.int64)  # across the beginning of a row
        for i, values, first in self.read:
            own = values[self.first - first : self.stop - first].tolist()
            ahead, source = own[1] - own[0], own[0] - start
            if not ahead:
                continue
            if numbers.keys() >= set(own):
                at = [numbers[x] for x in own]
                if np.diff(at, 2).any():
                    return None
                ranges.add((min(at), max(at) + self.trace.counts.get(own[0], 1) - 1))
            elif ahead != n or source < -_EDGE * n:
                return None
            elif source < i:
                is_read[source % n + 1] += 1
                is_read[source % n + 1 + min(i - source, n)] -= 1
        for i, values, first in self.indices:
            at = values[self.first - first : self.stop - first]
            if (at[1] != at[0]).any():
                operands = [self.trace.operands[start + i + k] for k in (0, n)]
                source, *others = operands[0]
                if len(others) > (ops[start + i] is PICK) or operands[1][0] != source:
                    return None
                if source not in numbers:
                    return None
                ranges.add((numbers[source] + int(at.min()), numbers[source] + int(at.max())))
        is_read = np.cumsum(is_read)
        if not (is_read[:n] + is_read[n : 2 * n]).all():
            return None
        return Period(start + _EDGE * n, n, self.stop - self.first - _EDGE, ranges)


def _shortened(
    trace: Trace, outputs: Sequence[Operand], period: Period, rounds: int
) -> tuple[Trace, list[Operand]]:
    """Leave out all rounds but so many."""
    start, n, count, _ = period
    cut, left_out = start + rounds * n, (count - rounds) * n

    def moved(x: Operand) -> Operand:
        if x.__class__ is float or x < start + _EDGE * n:
            return x
        if x < start + (count - _EDGE) * n:
            raise _IrregularError
        return x - left_out

    return trace.without(range(cut, cut + left_out), moved), list(map(moved, outputs))


def _is_needed_alike(trace: Trace, outputs: Sequence[Operand], period: Period) -> bool:
    """Tell whether an output depends on the same of each round, but for the last ones.

    If it does not, as where numbers are handed on from place to place, what a round is for depends
    on how many there are.
    """
    found, numbers = trace.depended_on(outputs)
    needed = [(x, *numbers.get(row, ())) for row, x in enumerate(found)]
    stop = period.start + (_ROUNDS - _EDGE) * period.length
    rounds = [needed[i : i + period.length] for i in range(period.start, stop, period.length)]
    return all(x == rounds[0] for x in rounds)


# --- the program ----------------------------------------------------------------------------------


def _continued(a: Program, b: Program, more: int) -> Program:
    """Return the program of so many rounds more than `a`, of which `b` has one more."""
    shared, lanes, loops, sizes, constants, lifts, outputs = [
        _longer(x, y, more) for x, y in zip(_parts(a), _parts(b), strict=True)
    ]
    program = replace(
        a,
        steps=shared + lanes,
        sizes=dict(sizes),
        constants=constants,
        lifts=lifts,
        outputs=outputs,
    )
    program.__dict__["loops"] = loops  # which are known
    return program


def _given(x: Program) -> tuple[Any, ...]:
    """Return what stays: where inputs stand."""
    return x.inputs, tuple([place for _, place in x.captured])


def _parts(x: Program) -> tuple[Any, ...]:
    """Return what moves on with the rounds."""
    steps = [tuple([step for step in x.steps if step.space == space]) for space in x.sizes]
    return *steps, x.loops, tuple(x.sizes.items()), x.constants, x.lifts, x.outputs


def _form(x: Any) -> tuple[Any, list[int]]:
    """Return what something is without its integers, and these.

    >>> _form((3, 0.5))[1], _form((3, 0.5))[0] == _form((4, 0.5))[0] != _form((3, -0.5))[0]
    ([3], True)
    """
    of = x.__class__
    if of is int or of is np.intp:  # as in an array
        return int, [int(x)]
    if of is np.ndarray:
        if x.dtype != np.intp:
            raise _IrregularError
        return (of, x.shape), x.ravel().tolist()
    if isinstance(x, tuple) or is_dataclass(x):
        parts = [_form(y) for y in _held(x)]
        return (of, *[form for form, _ in parts]), [y for _, own in parts for y in own]
    return (None, repr(x) if of is float else None, x), []


def _held(x: Any) -> Sequence[Any]:
    return x if isinstance(x, tuple) else [getattr(x, field.name) for field in fields(x)]


def _built(form: Any, numbers: Any, at: int = 0) -> tuple[Any, int]:
    """Make something of its form and of integers, from one on; return the next one, too."""
    if form is int:
        return int(numbers[at]), at + 1
    of, *own = form
    if of is None:
        return own[1], at
    if of is np.ndarray:
        end = at + prod(own[0])
        return numbers[at:end].reshape(own[0]), end
    parts = []
    for part in own:
        x, at = _built(part, numbers, at)
        parts.append(x)
    return tuple(parts) if of is tuple else of(*parts), at


def _longer(a: Any, b: Any, more: int) -> Any:
    """Continue what a further round makes `b` of, by so many rounds.

    >>> _longer((7, (0, 5, 7, 9, 3)), (9, (0, 5, 7, 9, 11, 4)), 3)
    (13, (0, 5, 7, 9, 11, 13, 15, 6))
    """
    (form, now), (other, then) = _form(a), _form(b)
    if form == other:
        return _built(form, np.array(now) + more * (np.array(then) - now))[0]
    if a.__class__ is not b.__class__ or form is int or form[0] is None:
        raise _IrregularError
    if isinstance(a, np.ndarray):
        axis = int(np.argmax(np.not_equal(a.shape, b.shape)))
        rows, others = [tuple(np.moveaxis(x, axis, 0)) for x in (a, b)]
        return np.moveaxis(np.array(_longer(rows, others, more)), 0, axis)
    if len(_held(a)) != len(_held(b)):
        return _with_rounds(_held(a), _held(b), more)
    parts = [_longer(x, y, more) for x, y in zip(_held(a), _held(b), strict=True)]
    return tuple(parts) if a.__class__ is tuple else a.__class__(*parts)


def _with_rounds(a: Sequence[Any], b: Sequence[Any], more: int) -> tuple[Any, ...]:
    """Continue what has so many elements more with a further round, somewhere inside."""
    n = len(b) - len(a)
    own = [(form, np.array(numbers)) for form, numbers in map(_form, a)]
    even = longest = end = 0  # how many in a row advance evenly, the most that do, and their end
    for i, (x, y, z) in enumerate(zip(own, own[n:], own[2 * n :], strict=False) if n > 0 else ()):
        even = even + 1 if x[0] == y[0] == z[0] and (z[1] - y[1] == y[1] - x[1]).all() else 0
        if even > longest:
            longest, end = even, i + 1 + 2 * n
    if longest < max(n, 1):
        raise _IrregularError
    first = [_longer(x, y, more) for x, y in zip(a[:end], b[:end], strict=True)]
    last = [_longer(x, y, more) for x, y in zip(a[end:], b[end + n :], strict=True)]
    added = []
    for x, y in zip(first[-2 * n : -n], first[-n:], strict=True):
        (_, before), (form, latest) = _form(x), _form(y)
        ahead = np.arange(1, more + 1)[:, None] * (np.array(latest) - before)
        added.append([_built(form, row)[0] for row in latest + ahead])
    return *first, *chain.from_iterable(zip(*added, strict=True)), *last
