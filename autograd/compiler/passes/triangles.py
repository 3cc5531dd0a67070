"""Find Cholesky's factorisation K = L Lᵀ among the rows of a trace, and what is solved with L.

The solutions of L z = y are further rows of L, quotients by the same pivots:

    p0 = √k00        l10 = k10 / p0    p1 = √(k11 - l10²)    l20 = k20 / p0    ...
    z0 = y0 / p0     z1 = (y1 - z0 · l10) / p1               z2 = (y2 - z0 · l20 - z1 · l21) / p2

Those of Lᵀ x = z begin with the last pivot. Whatever their order, as other rows these would be
steps for each pivot; together they are one each, a `Factorisation` and a `Substitution`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

from autograd.compiler.passes.trace import Operand, Trace, View
from autograd.engine import table as p

_FEWEST_PIVOTS = 4  # a smaller matrix is as fast in steps

_Entries = tuple[int, ...]
_Pairs = list[tuple[Operand, Operand]]


class Triangle(NamedTuple):
    """A factorisation among the rows of a trace, or solutions of Lᵀ x = z.

    Attributes:
        entries: the rows of L, each up to its pivot, and then the solutions of L z = y; or those of
            Lᵀ x = z alone.
        given: what is factorised, in the same shape, and the right sides.
        rows: all rows that compute the entries, which stand together.
        matrix: for solutions of Lᵀ x = z, the rows of L.
    """

    entries: list[_Entries]
    given: list[tuple[Operand, ...]]
    rows: list[int]
    matrix: list[_Entries]

    @property
    def pivots(self) -> int:
        """How many pivots there are."""
        return len(self.entries[-1])

    @property
    def sources(self) -> list[int]:
        """The rows that it reads."""
        return [x for x in dict.fromkeys(chain(*self.given, *self.matrix)) if isinstance(x, int)]


def with_triangles(
    trace: Trace, outputs: Sequence[Operand], varying: Sequence[bool]
) -> tuple[Trace, list[Operand], list[Triangle]]:
    """Find the factorisations; give the trace with the rows of each of them standing together.

    Args:
        trace: the rows.
        outputs: rows or constants.
        varying: for each row, whether it differs from lane to lane.
    """
    candidates, found = _candidates(trace), []
    if not candidates:
        return trace, list(outputs), []
    order, at = list(range(len(trace.ops))), list(range(len(trace.ops)))
    owner: dict[int, Triangle] = {}
    reads = trace.reads(outputs)
    for candidate in candidates:
        if any(x[-1] not in owner for x in candidate.matrix):
            continue
        triangle = candidate.triangle(candidate.others)
        first = min([at[row] for row in triangle.rows])
        stop = 1 + max([at[row] for row in triangle.rows])
        later = _dependent(trace, order[first:stop], triangle, owner)
        whole = candidate.whole(reads, later, varying)
        if whole is None:
            continue
        own = set(whole.rows)
        others = [x for x in order[first:stop] if x not in own]
        window = [x for x in others if x not in later]
        window += whole.rows + [x for x in others if x in later]
        order[first:stop] = window
        for i, row in enumerate(window, first):
            at[row] = i
        found.append(whole)
        owner |= dict.fromkeys(whole.rows, whole)
    return _in_order(trace, outputs, order, at, found)


def _dependent(
    trace: Trace, rows: Sequence[int], triangle: Triangle, owner: dict[int, Triangle]
) -> set[int]:
    """Find which of some rows depend on an entry: of another triangle all do, or none does."""
    later: set[Any] = set(chain(*triangle.entries))
    for row in rows:
        other = owner.get(row)
        operands = trace.flat(row) if other is None else other.sources
        if any(x.__class__ is int and x in later for x in operands):
            later.add(row)
    return later


def _in_order(
    trace: Trace,
    outputs: Sequence[Operand],
    order: Sequence[int],
    at: Sequence[int],
    triangles: Sequence[Triangle],
) -> tuple[Trace, list[Operand], list[Triangle]]:
    """Put the rows of a trace in another order."""

    def moved(operands: Sequence[Any]) -> tuple[Any, ...]:
        return tuple([at[x] if x.__class__ is int else x for x in operands])

    def moved_row(operands: Sequence[Any]) -> tuple[Any, ...]:
        return tuple([new.half(moved(x)) if x.__class__ is tuple else x for x in moved(operands)])

    new = Trace()
    new.ops = [trace.ops[row] for row in order]
    new.operands = [moved_row(trace.operands[row]) for row in order]
    new.counts = {at[row]: n for row, n in trace.counts.items()}
    new.captured = {node: at[row] for node, row in trace.captured.items()}
    new.parts = {at[row]: part for row, part in trace.parts.items()}
    new.reads_blocks = trace.reads_blocks
    own = [
        Triangle(
            list(map(moved, x.entries)),
            list(map(moved, x.given)),
            list(moved(x.rows)),
            list(map(moved, x.matrix)),
        )
        for x in triangles
    ]
    return new, list(moved(outputs)), own


# --- finding them ---------------------------------------------------------------------------------


class _Factorised:
    """Quotients by the same pivots, which may be one step: L, and solutions of L z = y.

    Attributes:
        pivots: the rows that are divided by.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.pivots: list[int] = []
        self.before: list[_Entries] = []  # the entries before each pivot
        self.column: dict[Operand, int] = {}  # of each entry
        self.begun: dict[_Entries, None] = {(): None}  # the beginnings of rows of entries
        self.given: dict[int, Operand] = {}  # for each entry, what the products are taken from
        self.inner: dict[int, list[int]] = {}  # for each entry, the rows on the way to it

    @property
    def needed(self) -> list[_Entries]:
        """The rows of entries that must all be there: those of L."""
        return [(*x, pivot) for x, pivot in zip(self.before, self.pivots, strict=True)]

    @property
    def others(self) -> list[_Entries]:
        """The rows of entries of which each may be there: quotients by all pivots."""
        return [x for x in self.begun if len(x) == len(self.pivots)]

    @property
    def matrix(self) -> list[_Entries]:
        """For solutions of Lᵀ x = z, the rows of L."""
        return []

    def factors(self, j: int) -> Sequence[int]:
        """Return the entries of L by which those before are multiplied, for the pivot j."""
        return self.before[j]

    def triangle(self, others: Sequence[_Entries]) -> Triangle:
        """Put it together, with these of the other rows."""
        entries = [*self.needed, *others]
        own = set(chain(*entries))
        rows = sorted(own.union(*[self.inner[x] for x in own]))
        given = [tuple([self.given[x] for x in row]) for row in entries]
        return Triangle(entries, given, rows, self.matrix)

    def whole(
        self, reads: Counter[Any], later: set[int], varying: Sequence[bool]
    ) -> Triangle | None:
        """Return it without what is not to be had in one go; None if too much is not.

        Args:
            reads: how often each row is read.
            later: the rows that depend on entries.
            varying: for each row, whether it differs from lane to lane.
        """
        trace, others, here = self.trace, self.others, varying[self.pivots[0]]

        def fits(x: int) -> bool:
            given = self.given[x]
            if varying[x] is not here or any(inside[y] != reads[y] for y in self.inner[x]):
                return False
            return given.__class__ is not int or not (
                given in later or given in trace.counts or trace.ops[given].__class__ is View
            )

        while True:
            triangle = self.triangle(others)
            inside = Counter(chain(*map(trace.flat, triangle.rows)))
            kept = [row for row in others if all(map(fits, row))]
            if len(kept) == len(others):
                is_whole = triangle.entries and all(map(fits, chain(*self.needed)))
                return triangle if is_whole else None
            others = kept

    def add_quotient(self, row: int, j: int, x: Operand) -> bool:
        """Add x over the pivot j, if it is an entry of a row that has been begun."""
        others = self.factors(j)
        places = {y: k for k, y in enumerate(others)}
        found: Any = None
        for given, pairs, inner in _peeled(self.trace, x):
            sides = [pair if pair[0] in places else pair[::-1] for pair in pairs]
            factors = {places[y]: z for y, z in sides if isinstance(y, int) and y in places}
            before: Any = tuple(map(factors.get, range(len(others))))
            if len(pairs) == len(others) and before in self.begun:
                found, self.given[row], self.inner[row] = before, given, inner
        if found is not None:
            self.begun[*found, row] = None
        return found is not None

    def add_pivot(self, row: int, x: Operand) -> bool:
        """Add the root of x, if it is the next pivot."""
        found: Any = None
        for given, pairs, inner in _peeled(self.trace, x):
            own = [u for u, v in pairs if u.__class__ is v.__class__ is int and u == v]
            before: Any = tuple(sorted(own, key=lambda u: self.column.get(u, -1)))
            if len(own) == len(pairs) == len(self.pivots) and before in self.begun:
                found, self.given[row], self.inner[row] = before, given, inner
        if found is not None:
            self.before.append(found)
            self.pivots.append(row)
        return found is not None


class _Solutions(_Factorised):
    """Solutions of Lᵀ x = z, the last of x first, for the L of a factorisation."""

    def __init__(self, of: _Factorised) -> None:
        super().__init__(of.trace)
        self.pivots, self.before, self.of = of.pivots, of.before, of

    @property
    def needed(self) -> list[_Entries]:
        """None."""
        return []

    @property
    def others(self) -> list[_Entries]:
        """The solutions."""
        return [x[::-1] for x in super().others]

    @property
    def matrix(self) -> list[_Entries]:
        """The rows of L."""
        return self.of.needed

    def factors(self, j: int) -> Sequence[int]:
        """Return the column of L below the pivot, the last entry first."""
        return [row[j] for row in self.before[:j:-1]]


def _candidates(trace: Trace) -> list[_Factorised]:
    """Find what looks like a factorisation, in the order of the first pivots, and its solutions."""
    found: dict[_Factorised, _Solutions] = {}
    owner: dict[Any, tuple[_Factorised, int]] = {}  # of pivots and entries, and the pivot's number
    if {p.sqrt, p.power}.isdisjoint(trace.ops):
        return []
    roots = {p.sqrt, p.power, p.div}
    for row in [row for row, op in enumerate(trace.ops) if op in roots]:
        if row in trace.counts:
            continue
        op, operands = trace.ops[row], trace.operands[row]
        if op is p.sqrt or (op is p.power and repr(operands[1]) == "0.5"):
            pairs = [x for _, x, _ in _peeled(trace, operands[0])][-1]
            known = dict.fromkeys([owner[u][0] for u, _ in pairs if u in owner])
            candidate = next((x for x in known if x.add_pivot(row, operands[0])), None)
            if candidate is None:
                candidate = _Factorised(trace)
                candidate.add_pivot(row, operands[0])
                found[candidate] = _Solutions(candidate)
            owner[row] = candidate, len(candidate.pivots) - 1
        elif op is p.div and operands[1] in owner:
            candidate, j = owner[operands[1]]
            if candidate.pivots[j] != operands[1]:
                continue
            found[candidate].add_quotient(row, j, operands[0])
            if candidate.add_quotient(row, j, operands[0]):
                owner[row], candidate.column[row] = (candidate, j), j
    large = [both for both in found.items() if len(both[0].pivots) >= _FEWEST_PIVOTS]
    return [y for x, solutions in large for y in (x, solutions) if y is x or y.others]


def _peeled(trace: Trace, x: Operand) -> Iterator[tuple[Operand, _Pairs, list[int]]]:
    """Take products away from what they are taken away from; give what is left and the products.

    With them come the rows on the way.
    """
    pairs: _Pairs = []
    inner: list[int] = []
    yield x, pairs, inner
    while x.__class__ is int and trace.ops[x] is p.sub:
        row = x
        x, taken = trace.operands[row]
        inner = [*inner, row]
        pairs = [*pairs]
        while taken.__class__ is int:
            op, operands = trace.ops[taken], trace.operands[taken]
            inner.append(taken)
            if op is p.square:
                pairs.append((operands[0], operands[0]))
            elif op is p.mul:
                pairs.append((operands[0], operands[1]))
            elif op is p.dot:
                pairs += zip(*operands[:2], strict=True)
            elif op is not p.add or 0.0 not in [y for y in operands if y.__class__ is float]:
                return
            taken = operands[-1] if op in (p.dot, p.add) else 0.0
            if op is p.add and taken.__class__ is float:
                taken = operands[0]
        if taken != 0.0:
            return
        yield x, pairs, inner
