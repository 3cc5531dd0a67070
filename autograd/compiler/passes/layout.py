"""Give each row of a trace a place, so that steps read and write arrays.

Inputs stand first, then what step after step computes. Rows that no array makes one step of are
parted, or filled up until one does:

    before   top(a, b)       top(a, b, c)         q1 · k1    q2 · k1    q2 · k2
    after    top(a, b, a)    top(a, b, c)         q1 · k1    q1 · k2    q2 · k1    q2 · k2

    before   p11 v1               p21 v1 + p22 v2
    after    p11 v1 + 0 v2        p21 v1 + p22 v2
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from math import prod
from typing import Any

import numpy as np

from autograd.compiler.arguments import MUCH
from autograd.compiler.passes.axes import (
    all_pairs,
    are_different,
    common_axes,
    has_no_gaps,
    product_axes,
)
from autograd.compiler.passes.factors import Factors, is_varying
from autograd.compiler.passes.program import (
    SHARED,
    VARYING,
    Factorisation,
    Program,
    Ref,
    Step,
    Substitution,
    Tape,
)
from autograd.compiler.passes.tables import TAKE
from autograd.compiler.passes.trace import (
    BITS,
    INDEX,
    PICK,
    Half,
    Operand,
    Part,
    Trace,
    View,
    broadcast,
    mapped,
)
from autograd.compiler.passes.triangles import Triangle
from autograd.engine import Primitive
from autograd.engine import table as p

Matrix = Sequence[Sequence[Any]]  # the operands of each row, or halves; None where one is missing

# What sums of different length are filled up with; with None, it is their first term.
NEUTRAL: dict[Primitive | None, float | None] = {
    p.fsum: -0.0,
    p.top: None,
    p.total: 0.0,
    p.excess: 0.0,
}

_FEWEST_PRODUCTS = 256  # of numbers, that are worth a matrix product of their own
_FEWEST_APART = 16  # operands of an elementwise step, that are worth one more step to have strides
_MOST_ORIGINS = 4  # steps to make of one
_NOWHERE = -1  # the place of a row that has none yet


class Layout:
    """Gives each row a place in its space: inputs first, then step after step.

    For a layer W x + b of parameters W and b, a neuron's bias stands after its weights, and a 1
    after the inputs. So the bias is a weight like the others, and the layer one matrix product.
    """

    def __init__(
        self, trace: Trace, factors: Factors, outputs: Sequence[Operand], reuse: bool
    ) -> None:
        self.trace, self.factors, self.varying = trace, factors, factors.varying
        self.sizes = {SHARED: 0, VARYING: 0}
        self.places: list[Any] = [_NOWHERE] * len(trace.ops)  # of a block, an array
        self.constants: dict[tuple[str, str], tuple[str, int, float]] = {}
        self.ones: list[tuple[str, int, float]] = []
        self.before_one: set[int] = set()  # addresses
        self.lifts: dict[int, int] = {}
        self.starts_of: dict[str, list[int]] = {SHARED: [], VARYING: []}  # of steps
        self.shown: dict[Any, Any] = {}  # the places of a view, by its row and the space
        self.grids: dict[Any, Any] = {}  # addresses of neurons
        self.reuse = reuse
        self.free: dict[str, list[int]] = {SHARED: [], VARYING: []}
        self.uses = trace.reads(outputs) if reuse else {}
        self.on_tape = bytearray(len(trace.ops))
        self.addresses = np.arange(len(trace.ops)) << BITS  # of rows of one number
        self.picks: dict[int, list[int]] = defaultdict(list)  # by the block
        picks = [row for row in trace.views() if trace.ops[row] is PICK]
        for row in picks:
            self.picks[trace.operands[row][0]].append(row)
        if picks:
            blocks, indices = np.array([trace.operands[row] for row in picks], dtype=np.intp).T
            self.addresses[picks] = (blocks << BITS) + indices
        # the numbers of all inputs are counted through
        self.inputs = [row for row, op in enumerate(trace.ops) if op is None]
        self.starts = np.cumsum([0, *[trace.counts.get(row, 1) for row in self.inputs]])
        self.first = np.full(len(trace.ops), _NOWHERE)
        self.first[self.inputs] = self.starts[:-1]
        self.is_parameter = (self.first != _NOWHERE) & ~np.array(self.varying, dtype=bool)
        self.layers: list[Any] = []  # the numbers of inputs that are its parameters
        self.layer = np.full(self.starts[-1], _NOWHERE)  # by number

    def take(self, space: str, count: int) -> int:
        """Take the next places of a space."""
        start = self.sizes[space]
        self.sizes[space] += count
        return start

    def space(self, row: int) -> str:
        """Return the space that a row stands in."""
        return VARYING if self.varying[row] else SHARED

    def prepare_layer(self, rows: Sequence[int], last_inputs: Collection[int]) -> None:
        """Note that a step is a layer, if it is one."""
        found = self.neurons(rows)
        if found is None:
            return
        neurons, (last, terms) = found
        owners = neurons >> BITS
        if not self.is_parameter[owners].all():
            return
        if last < 0 or not self.varying[last >> BITS]:
            return
        # copying inputs into the lanes, to add the 1, is not worth it where there are many
        number = self.first[last >> BITS] + (last & INDEX)
        is_input = self.first[last >> BITS] != _NOWHERE
        if is_input and (number not in last_inputs or terms > len(neurons)):
            return
        parameters = self.first[owners] + (neurons & INDEX)
        weights = parameters[:, :-1]
        if weights.size >= MUCH and has_no_gaps(weights):  # not to be copied for a bias each
            return
        parameters = parameters.reshape(-1)
        if not are_different(parameters):
            parameters = parameters[np.sort(np.unique(parameters, return_index=True)[1])]
        elif (self.layer[parameters] == _NOWHERE).all():
            self.layer[parameters] = len(self.layers)
            self.layers.append(parameters)
        layer = self.layer[parameters[0]]
        if layer != _NOWHERE and np.array_equal(self.layers[layer], parameters):
            self.before_one.add(last)

    def neurons(self, rows: Sequence[int]) -> tuple[Any, tuple[int, int]] | None:
        """Find parameters of neurons, and the last of what these read, and how much that is.

        They are told by their addresses. Neurons of a layer read the same, others give None.
        """
        trace, own = self.trace, []
        sums, inputs = self.sums(rows), self.factors[rows[0]][1]
        if not trace.has_blocks(rows):
            last = inputs[-1]
            mixed = any(b.__class__ is float or id(w) in trace.mixed for w, _, b in sums)
            if mixed or not isinstance(last, int):
                return None
            neurons = np.array([(*w, b) for w, _, b in sums])
            return self.addresses[neurons], (int(self.addresses[last]), len(inputs))
        for row, (weights, _, bias) in zip(rows, sums, strict=True):
            count = trace.counts.get(row, 1)
            read = [trace.grid((x,), count) for x in self.factors[row][1]]
            if any(x.strides[0] and (x != x[0]).any() for x in read):
                return None
            key = id(weights), repr(bias), count  # as in each round of a recurrence
            if key not in self.grids:
                self.grids[key] = trace.grid((*weights, bias), count)
            own.append(self.grids[key])
        return np.vstack(own), (int(read[-1][0, -1]), sum(x.shape[1] for x in read))

    def place_inputs(self) -> Any:
        """Give inputs their places, and the other parameters of a layer theirs; give them all."""
        lanes = np.repeat([self.varying[row] for row in self.inputs], np.diff(self.starts))
        before_one = {
            int(self.first[x >> BITS]) + (x & INDEX)
            for x in self.before_one
            if self.first[x >> BITS] != _NOWHERE
        }
        changes = np.flatnonzero((np.diff(lanes) != 0) | (np.diff(self.layer) != 0)) + 1
        stops = {*changes.tolist(), *[x + 1 for x in before_one], len(lanes)}
        places = np.full(len(lanes), _NOWHERE)
        start = 0
        for stop in sorted(stops):
            layer = self.layer[start] if start < stop else _NOWHERE
            own = np.arange(start, stop) if layer == _NOWHERE else self.layers[layer]
            if len(own) and places[own[0]] == _NOWHERE:  # not with a layer before
                space = VARYING if lanes[start] else SHARED
                places[own] = self.take(space, len(own)) + np.arange(len(own))
            if stop - 1 in before_one:
                self.ones.append((VARYING, self.take(VARYING, 1), 1.0))
            start = stop
        singles = places.tolist() if len(places) == len(self.inputs) else None
        for i, row in enumerate(self.inputs):
            if singles is not None and row not in self.trace.counts:
                self.places[row] = singles[i]
            else:
                self.placed(row, places[self.starts[i] : self.starts[i + 1]])
        return places

    def placed(self, row: int, places: Any) -> None:
        """Note the places of a row, an array of them, and of single numbers of it."""
        if row not in self.trace.counts:
            self.places[row] = int(places[0])
            return
        self.places[row] = places
        picks = self.picks.get(row, [])
        found = places[self.addresses[picks] & INDEX].tolist()
        for pick, place in zip(picks, found, strict=True):
            self.places[pick] = place

    def one_after(self, row: int) -> None:
        """Put a 1 after the last place of a row, where a layer needs it."""
        if (row << BITS) + self.trace.counts.get(row, 1) - 1 in self.before_one:
            self.ones.append((VARYING, self.take(VARYING, 1), 1.0))

    def program(
        self,
        groups: Iterable[tuple[bool, list[int]]],
        outputs: Sequence[Operand],
        native: bool,
        triangles: Mapping[int, Triangle],
    ) -> Program:
        """Lay out inputs and groups in order; make the program.

        Args:
            groups: the rows of each, and whether they go on a tape.
            outputs: rows or constants.
            native: whether native code is to run the tapes.
            triangles: the factorisations that groups of one row stand for.
        """
        trace = self.trace
        owners = {row: value for value, row in trace.captured.items()}
        places = self.place_inputs()
        captured = [(owners[row], self.places[row]) for row in self.inputs if row in owners]
        inputs: list[Ref] = []  # those from outside come last
        given = self.inputs[: len(self.inputs) - len(owners)]
        start = 0
        for varying, run in groupby(map(self.varying.__getitem__, given)):
            stop = start + sum(1 for _ in run)
            space = VARYING if varying else SHARED
            inputs.append(Ref(space, places[self.starts[start] : self.starts[stop]]))
            start = stop
        steps: list[Step | Tape] = []
        for few, rows in groups:
            if few:
                steps.append(self.tape(rows))
            elif rows[0] in triangles:
                steps.append(self.factorisation(triangles[rows[0]]))
            else:
                steps += [self.step(*x) for x in self.parted(rows)]
        where = [(self.space(x), self.places[x]) if isinstance(x, int) else x for x in outputs]
        return Program(
            tuple(steps),
            self.sizes,
            tuple(inputs),
            tuple(captured),
            (*self.constants.values(), *self.ones),
            tuple(self.lifts.items()),
            tuple(where),
            native,
        )

    def tape(self, rows: Sequence[int]) -> Tape:
        """Lay out rows that are computed one after the other."""
        space = self.space(rows[0])
        places, all_operands = self.places, []
        free = self.free[space]
        for row in rows:
            operands = self.trace.flat(row)
            all_operands.append(
                tuple([self.place(x, space) if x.__class__ is int else x for x in operands])
            )
            # not the place of an operand, which may still be read when the result is half done
            if places[row] == _NOWHERE:
                places[row] = free.pop() if free else self.take(space, 1)
            self.on_tape[row] = True
            self.release(row)
        ops = tuple([self.trace.ops[row] for row in rows])
        own = tuple([places[row] for row in rows])
        return Tape(space, ops, own, tuple(all_operands), self.parts(rows))  # type: ignore[arg-type]

    def factorisation(self, triangle: Triangle) -> Factorisation:
        """Lay out a factorisation, or solutions: a matrix, and then rows as those of a tape."""
        space, shape = self.space(triangle.rows[0]), (len(triangle.entries), triangle.pivots)
        own = np.arange(prod(shape)).reshape(shape) + self.take(space, prod(shape))
        given = own.copy()  # above the diagonal there is nothing
        for i, (entries, operands) in enumerate(zip(*triangle[:2], strict=True)):
            given[i, : len(operands)] = [self.place(x, space) for x in operands]
            for x, place in zip(entries, own[i].tolist(), strict=False):
                self.places[x] = place
        tape = self.tape(triangle.rows)
        rows = space, tape.ops, tape.places, tape.operands, ()
        if not triangle.matrix:
            return Factorisation(*rows, own, given)
        n = triangle.pivots
        first = self.places[triangle.matrix[0][0]]
        return Substitution(*rows, own, given, first + np.arange(n * n).reshape(n, n))

    def parts(self, rows: Sequence[int | None]) -> tuple[Part | None, ...]:
        """Tell what rows are of operations that have been written out."""
        parts: dict[Any, Part] = self.trace.parts
        counts: dict[Any, int] = self.trace.counts
        if not parts:
            return ()
        return tuple(
            [y for x in rows for y in ([None] * counts[x] if x in counts else [parts.get(x)])]
        )

    def release(self, row: int) -> None:
        """Note that operands have been read; what is not needed again leaves its place."""
        if not self.reuse:
            return
        for x in self.trace.flat(row):
            if x.__class__ is int:
                self.uses[x] -= 1
                if not self.uses[x] and self.on_tape[x]:
                    self.free[self.space(x)].append(self.places[x])

    def parted(self, rows: list[int]) -> Iterator[tuple[Sequence[int | None], Matrix]]:
        """Part a group where no array makes one step of it; give the operands of each row.

        A step may have rows more, which nobody reads: None stands for these.
        """
        op = self.trace.ops[rows[0]]
        parts = [rows]
        if op in NEUTRAL or op is p.dot:
            lengths = self.by_length(rows)
            count = self.trace.count
            terms = sum([count(part) * n for n, part in lengths.items()])
            parts = [rows] if max(lengths) * count(rows) <= 2 * terms else list(lengths.values())
            if op is p.dot and len(lengths) > 1:
                evened = self.evened(rows) if len(parts) == 1 else None
                if evened:
                    yield rows, evened
                    return
                parts = list(lengths.values())
        elif op is not TAKE and len(rows) >= _FEWEST_APART:
            parts = self.by_origin(rows)
        for part in parts:
            if op is p.dot:
                yield from self.products(part)
            else:
                yield part, [self.trace.operands[row] for row in part]

    def sums(self, rows: Sequence[int]) -> list[Any]:
        """Return the halves and the bias of each of some dots."""
        return [(*self.factors[row], self.trace.operands[row][-1]) for row in rows]

    def products(self, rows: list[int]) -> Iterator[tuple[Sequence[int | None], Matrix]]:
        """Part sums of as many products, or fill them up.

        Products with a matrix stand alone: copying its numbers to those of others takes longer.
        """
        parts = self.by_inputs(rows)
        if len(parts) > 1:
            pairs = self.filled(rows)
            if pairs:
                yield pairs
                return
            large, small = list[list[int]](), list[int]()
            for part in parts:
                if self.trace.count(part) * (self.trace.terms(part[0]) // 2) >= _FEWEST_PRODUCTS:
                    large.append(part)
                else:
                    small += part
            parts = [*large, small] if small else large
        yield from [(part, self.sums(part)) for part in parts]

    def evened(self, rows: Sequence[int]) -> Matrix | None:
        """Fill up sums of products of different length, if they have axes then.

        One factor of a product more is what the longest sums have there, and the other is missing.
        """
        if self.counts(rows):
            return None
        sums = self.sums(rows)
        most = max([len(left) for left, *_ in sums])
        for side in (1, 0):
            longest: dict[Operand, Half] = {}
            for x in sums:
                if len(x[side]) == most:
                    longest.setdefault(x[side][0], x[side])
            matrix: list[Any] = []
            for x in sums:
                n = len(x[side])
                whole = longest.get(x[side][0], ())
                is_part = whole[:n] == x[side] and repr(whole[:n]) == repr(x[side])  # 3 is not 3.0
                if not is_part or not self.are_placed(whole[n:]):
                    break
                other = *x[1 - side], *[None] * (most - n)
                matrix.append((other, whole, x[-1]) if side else (whole, other, x[-1]))
            else:
                if self.product_axes(matrix):
                    return matrix
        return None

    def product_axes(self, matrix: Matrix, counts: Sequence[int] = ()) -> tuple[int, ...] | None:
        """Return axes for sums of products, given by their halves."""
        left, right, _ = zip(*matrix, strict=True)
        return product_axes([self.many(half, counts).places for half in (left, right)])

    def are_placed(self, operands: Sequence[Operand]) -> bool:
        """Tell whether all are rows that have a place."""
        return all(x.__class__ is int and self.places[x] != _NOWHERE for x in operands)

    def filled(self, rows: Sequence[int]) -> tuple[Sequence[int | None], Matrix] | None:
        """Fill up products so that they have axes, if they have not, and that is little work."""
        sums, counts = self.sums(rows), self.counts(rows)
        if self.product_axes(sums, counts):
            return rows, sums
        if counts or len({repr(bias) for *_, bias in sums}) > 1:
            return None
        lefts, rights = [[id(x[side]) for x in sums] for side in (0, 1)]
        pairs = all_pairs(lefts, rights)
        if not pairs:
            return None
        matrix = [(sums[left][0], sums[right][1], sums[0][2]) for _, left, right in pairs]
        return [None if i is None else rows[i] for i, *_ in pairs], matrix

    def by_length(self, rows: list[int]) -> dict[int, list[int]]:
        """Put sums of as many operands together."""
        parts: dict[int, list[int]] = defaultdict(list)
        for row in rows:
            parts[self.trace.terms(row)].append(row)
        return parts

    def by_inputs(self, rows: Sequence[int]) -> list[list[int]]:
        """Put those rows of products together that read the same inputs, as neurons of a layer."""
        parts: dict[Any, list[int]] = defaultdict(list)
        for row in rows:
            parts[id(self.factors[row][1])].append(row)
        return list(parts.values())

    def by_origin(self, rows: list[int]) -> list[list[int]]:
        """Part rows that read what other steps have made, if fewer operands are scattered then."""
        operands = [self.trace.operands[row] for row in rows]
        columns = [x for x in zip(*operands, strict=True) if set(map(type, x)) == {int}]
        places = [self.singles(x, self.space(x[0])) for x in columns]
        if None in places:
            return [rows]
        found = np.array(places)
        starts = [self.starts_of[self.space(x[0])] for x in columns]
        origins = [np.searchsorted(*x, "right") for x in zip(starts, found, strict=True)]
        parts: dict[Any, list[int]] = defaultdict(list)
        for i, origin in enumerate(zip(*map(np.ndarray.tolist, origins), strict=True)):
            parts[origin].append(i)

        def scattered(part: list[int]) -> int:
            return len(part) * sum([common_axes([x[part]]) is None for x in found])

        if not 1 < len(parts) <= _MOST_ORIGINS:
            return [rows]
        saved = scattered([*range(len(rows))]) - sum(map(scattered, parts.values()))
        if saved < _FEWEST_APART * (len(parts) - 1):
            return [rows]
        return [[rows[i] for i in part] for part in parts.values()]

    def step(self, rows: Sequence[int | None], matrix: Matrix) -> Step:
        """Lay out one group of rows."""
        own = [row for row in rows if row is not None]
        op = self.trace.ops[own[0]]
        assert op is not None
        space = self.space(own[0])
        counts = self.counts(own)
        missing = None
        if op is p.dot:
            left, right, biases = zip(*matrix, strict=True)
            if any(None in x for x in _different((*left, *right))):
                halves = [[[y is None for y in x] for x in half] for half in (left, right)]
                missing = np.array(halves).any(axis=0)
            operands: tuple[Ref | float, ...] = (
                self.many(left, counts),
                self.many(right, counts),
                self.one(biases, counts),
            )
        elif op in NEUTRAL:
            operands = self.terms(op, matrix, counts)
        elif op is TAKE:
            operands = self.one([x[0] for x in matrix]), self.many([x[1:] for x in matrix])
        else:
            operands = tuple([self.one(column, counts) for column in zip(*matrix, strict=True)])
        size = sum(counts) if counts else len(rows)
        start = place = self.take(space, size)
        self.starts_of[space].append(start)
        for i, row in enumerate(rows):
            if counts:
                self.placed(own[i], np.arange(place, place + counts[i]))
                place += counts[i]
            elif row is not None:
                self.places[row] = start + i
                self.release(row)
        self.one_after(own[-1])
        is_filled = len(own) < len(rows) or missing is not None
        return Step(op, space, start, size, operands, is_filled, self.parts(rows), missing)

    def counts(self, rows: Sequence[int]) -> list[int]:
        """Return how many numbers there are in each of some rows; nothing if there is no block."""
        counts = self.trace.counts
        return [counts.get(row, 1) for row in rows] if self.trace.has_blocks(rows) else []

    def terms(
        self, op: Primitive, matrix: Matrix, counts: Sequence[int]
    ) -> tuple[Ref | float, ...]:
        """Find the terms of sums; the 0 that `sum` in Python begins with stands apart."""
        begins: tuple[float, ...] = ()
        for i, x in enumerate(matrix[0]):
            is_begin = (
                op is p.fsum
                and x == 0.0
                and all(repr(row[i : i + 1]) == "(0.0,)" for row in matrix)
            )
            if is_begin and min(map(len, matrix)) > 1:
                matrix, begins = [(*row[:i], *row[i + 1 :]) for row in matrix], (0.0,)
                break
        width = self.trace.width
        lengths = [sum(map(width, row)) if counts else len(row) for row in matrix]
        neutral = NEUTRAL[op]
        filled = [
            (*row, *[row[0] if neutral is None else neutral] * (max(lengths) - n))
            for row, n in zip(matrix, lengths, strict=True)
        ]
        return self.many(filled, counts), *begins

    def ref_space(self, matrix: Matrix) -> str:
        """Return the space where all operands can be read."""
        rows = _different(matrix)
        return VARYING if any(is_varying(row, self.varying) for row in rows) else SHARED

    def one(self, column: Sequence[Operand | None], counts: Sequence[int] = ()) -> Ref | float:
        """Find one operand of each element."""
        first = column[0]
        if isinstance(first, float) and all(repr(x) == repr(first) for x in column):
            return float(first)
        if counts:
            found = self.many([(x,) for x in column], counts)
            return Ref(found.space, found.places[:, 0])
        space = self.ref_space([column])
        places = self.singles(column, space) or [self.place(x, space) for x in column]
        return Ref(space, np.array(places, dtype=np.intp))

    def many(self, matrix: Matrix, counts: Sequence[int] = ()) -> Ref:
        """Find n operands of each element; `counts` says of how many elements a row is."""
        space = self.ref_space(matrix)
        if counts:
            blocks = [
                _side_by_side([self.of_block(x, space, n) for x in row])
                for row, n in zip(matrix, counts, strict=True)
            ]
            return Ref(space, blocks[0] if len(blocks) == 1 else np.vstack(blocks))
        numbers: dict[int, int] = {}
        which = [numbers.setdefault(id(row), len(numbers)) for row in matrix]
        operands = list(chain.from_iterable(_different(matrix)))
        found = self.singles(operands, space)
        if found is None:
            found = [self.place(x, space) for x in operands]
        places = np.array(found, dtype=np.intp).reshape(len(numbers), -1)
        return Ref(space, places[which] if len(numbers) < len(matrix) else places)

    def singles(self, operands: Sequence[Operand | None], space: str) -> list[int] | None:
        """Return the places of rows of one number that stand in a space; None if some do not."""
        if set(map(type, operands)) != {int}:
            return None
        if space == VARYING and False in map(self.varying.__getitem__, operands):  # type: ignore[arg-type]
            return None
        found = list(map(self.places.__getitem__, operands))  # type: ignore[arg-type]
        return found if set(map(type, found)) == {int} else None

    def of_block(self, x: Operand | None, space: str, count: int) -> Any:
        """Return the places of an operand of a block, a row for each number."""
        op = self.trace.ops[x] if isinstance(x, int) else None
        if not isinstance(op, View):
            return broadcast(np.reshape(self.all_places(x, space), (-1, 1)), (count, 1))
        if (x, space) not in self.shown:
            self.shown[x, space] = self.of_view(op, self.trace.operands[x], space)  # type: ignore[index]
        found = self.shown[x, space]
        return found.reshape(count, -1) if found.ndim == 1 else found

    def of_view(self, view: View, operands: Sequence[Operand], space: str) -> Any:
        """Return the places of the numbers of a view."""
        singles = self.singles(operands, space)
        if singles is not None:
            places = np.array(singles)
            return mapped(lambda at: places[at >> BITS], view.at)
        parts = [np.atleast_1d(self.all_places(y, space)) for y in operands]
        starts = np.cumsum([0, *map(len, parts)])
        places = np.concatenate(parts)
        return mapped(lambda at: places[starts[at >> BITS] + (at & INDEX)], view.at)

    def all_places(self, x: Operand | None, space: str) -> Any:
        """Return the place of a single number, or an array of those of a block."""
        places = self.places[x] if isinstance(x, int) else None
        if not isinstance(places, np.ndarray):
            return self.place(x, space)
        if self.space(x) == space:  # type: ignore[arg-type]
            return places
        return np.array([self.lift(place) for place in places.tolist()], dtype=np.intp)

    def place(self, x: Operand | None, space: str) -> int:
        """Return the place of an operand: what is shared gets a copy in the lanes if need be.

        What is missing is a 0 of its own.
        """
        if isinstance(x, int):
            place = self.places[x]
            return place if self.space(x) == space else self.lift(place)
        key = space, repr(x)
        if key not in self.constants:
            self.constants[key] = space, self.take(space, 1), 0.0 if x is None else x
        return self.constants[key][1]

    def lift(self, place: int) -> int:
        """Return the varying copy of a shared place."""
        if place not in self.lifts:
            self.lifts[place] = self.take(VARYING, 1)
        return self.lifts[place]


def _different(rows: Matrix) -> Collection[Sequence[Any]]:
    """Return each object once, in their order: halves are there again and again."""
    return {id(row): row for row in rows}.values()


def _side_by_side(columns: Sequence[Any]) -> Any:
    return columns[0] if len(columns) == 1 else np.hstack(columns)
