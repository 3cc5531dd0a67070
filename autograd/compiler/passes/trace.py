"""Tracing: run a function once on stand-ins, and keep what it did as plain data.

A `Tracer` stands for every value a variable may take. Operations on tracers compute nothing; they
add a row to a `Trace`. Equal rows are entered once, so what the trace holds is a graph in which no
operation appears twice on the same operands. For the lecture's neuron the trace reads

    w1  w2  x1  x2  b        z = dot(w1, w2, x1, x2, b)        a = relu(z)

Plain code adds up products by the thousand, and nobody ever looks at most of them. So a product,
and a sum that ends with one, has no row before something else reads it. What has been added up by
then is one row:

    before   p1 = w1 * x1    s1 = b + p1    p2 = w2 * x2    s2 = s1 + p2
    after    s2 = sum((w1, w2), (x1, x2), b)

A row may also stand for many numbers at once, one operation on arrays: a block. Its operands are
single rows, blocks of as many numbers, and views, which are numbers of any rows in any order. So a
whole layer, with W and x one row each, is

    p = W[...] * x[...]        z = fsum(p[...])        a = relu(z)
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, compress, islice
from typing import Any, NamedTuple

import numpy as np

from autograd.compiler.arguments import NodeGivenError
from autograd.compiler.passes.tables import gathered, stand_ins
from autograd.engine import (
    Operators,
    Primitive,
    Value,
    edges_of,
    modes,
    nodes_of,
    operands_of,
    operation_of,
    topological_order,
)
from autograd.engine import table as p
from autograd.engine.sums import ALONE, holders
from autograd.errors import TraceError, as_float
from autograd.transforms.trees import Spec

_new = object.__new__
_modes = modes.active  # not empty while a mode such as `no_grad` is on somewhere

Operand = int | float  # the number of a row, or a constant

# The address of a number: its row in the high bits, below them its index in the row. Constants have
# negative rows.
BITS = 32
INDEX = (1 << BITS) - 1

# One number of a block; its operands are the block and, as a constant, the index.
PICK = Primitive("pick", lambda x, _: x, None)

# One factor of each product of a sum. A dot has two halves and a bias as its operands, here and in
# all passes; a half that many dots read is one object.
Half = tuple[Operand, ...]

# A sum of products as plain code writes it: like a dot, but of rows. The bias is what the sum
# begins with, or -0.0 if that is the first product.
SUM = Primitive("sum", p.dot.forward, p.dot.partials)
DOTS = {SUM, p.dot}


class View(Primitive):
    """Numbers of other rows: a block, or where each of its numbers takes several, a matrix.

    Attributes:
        at: for each its address, with the number of an operand in the place of the row.
    """

    __slots__ = ("at",)

    def __init__(self, at: Any) -> None:
        super().__init__("view", lambda *x: x, None)
        self.at = at


class Part(NamedTuple):
    """What a row is of an operation that has been written out in others.

    Attributes:
        op: the operation, or `top` for the row that reads all operands.
        whole: a number for what is computed of the same operands.
        element: which of the results the row is.
    """

    op: Primitive
    whole: int
    element: int = 0


class Trace:
    """A program of scalars, row by row.

    Attributes:
        ops: the operation of each row; None for an input.
        operands: the operands of each row: numbers of earlier rows, and constants, or halves.
        counts: how many numbers a row stands for, where it is not one.
        reads_blocks: whether rows read blocks as such, and so may be blocks, too.
        time: how many results have been made, with a row or without.
        times: when the result that a row stands for was made, which may be earlier than the row.
        spare: a product that nothing holds any more, to make another of.
        writes: how often numbers of an array have been replaced by others.
        captured: leaves from outside that the function uses, with their rows. Their data is read
            anew at each call, so a compiled model sees its parameters change.
        parts: what rows are of operations that have been written out.
        mixed: the halves in which there are constants, by identity.
        scale: how many times as many rows the trace has that it stands for.
    """

    def __init__(self) -> None:
        self.ops: list[Primitive | None] = []
        self.operands: list[tuple[Any, ...]] = []
        self.time = 0
        self.times = array("q")
        self.spare: Product | None = None
        self.writes = 0
        self.counts: dict[int, int] = {}
        self.reads_blocks = False
        self.captured: dict[Value, int] = {}
        self.parts: dict[int, Part] = {}
        self._halves: dict[Any, Half] = {}
        self.mixed: set[int] = set()
        self.scale = 1.0
        self._rows: defaultdict[Any, dict[Any, int]] = defaultdict(dict)  # by operation
        self._stand_ins: dict[int, Any] = {}  # by the address of a number of an array
        self._nodes: dict[int, Row] = {}
        self._constants: dict[str, int] = {}
        self._numbers: list[float] = []
        self._written: dict[int, list[tuple[Operand, ...]]] = {}

    def tracer(self, row: int) -> Tracer:
        """Return a stand-in for a row."""
        op = self.ops[row]
        if op is PICK:
            op = self.ops[int(self.operands[row][0])]
        tracer = _new(Condition if op in p.COMPARISONS else Tracer)
        tracer._trace, tracer.row, tracer.name, tracer._primitive = self, row, None, op
        return tracer

    def result(self, row: int) -> Tracer:
        """Return a stand-in for what an operation gives: within `no_grad` it is a constant."""
        if _modes and not modes.recording.get() and self.ops[row] not in p.COMPARISONS:
            row = self.enter(p.detached, (row,), (row,))
        return self.tracer(row)

    def tracers(self, rows: Iterable[int]) -> list[Tracer]:
        """Return a stand-in for each row."""
        numbers = list(rows)  # in memory of their own, as they outlive the stand-ins
        return list(map(self.tracer, numbers))

    def node(self, row: int) -> Row:
        """Give a row as a node of the graph, always the same one."""
        node = self._nodes.get(row)
        if node is None:
            node = self._nodes[row] = Row(self, row)
        return node

    def add(self, op: Primitive, operands: tuple[Any, ...]) -> int:
        """Add an operation, even if the same is there already, and give its row."""
        row = len(self.ops)
        self.ops.append(op)
        self.operands.append(operands)
        self.time += 1
        self.times.append(self.time)
        if self.reads_blocks:
            read = self.flat(row)
            count = max([self.counts.get(x, 1) for x in read if x.__class__ is int], default=1)
            if count > 1 and op is not PICK:
                self.counts[row] = count
        return row

    def input(self, count: int = 1) -> int:
        """Add an input of one number or more, and give its row."""
        row = self.inputs(1).start
        if count != 1:
            self.counts[row] = count
        return row

    def inputs(self, count: int) -> range:
        """Add so many inputs of one number, and give their rows."""
        return self._add_many(None, [()] * count)

    def _add_many(self, op: Primitive | None, operands: Sequence[tuple[Operand, ...]]) -> range:
        start, count = len(self.ops), len(operands)
        self.ops += [op] * count
        self.operands += operands
        self.times.extend(range(self.time + 1, self.time + count + 1))
        self.time += count
        return range(start, start + count)

    def variable(self, x: Any) -> Tracer:
        """Return a stand-in of its own for a number or a node, to differentiate with respect to."""
        return self.tracer(self.add(p.mul, (self.operand(x, "a derivative"), 1.0)))

    def put_together(self, spec: Spec, leaves: Iterable[Any]) -> Any:
        """Put a structure together for the traced function: stand-ins may index what is in it."""
        return stand_ins(spec, iter(leaves))

    # --- blocks -------------------------------------------------------------------------------

    def addresses(self, x: Operand) -> Any:
        """Return the address of each number of an operand: of a single one in an array of no axis.

        >>> trace = Trace()
        >>> x = trace.input(3)
        >>> trace.select(trace.addresses(x)[::-1]), trace.select(trace.addresses(x)[1])
        (1, 2)
        >>> trace.ops[1].at.tolist(), trace.operands[2]
        ([2, 1, 0], (0, 1.0))
        """
        if x.__class__ is not int:
            return np.array(self._of_constant(float(x)) << BITS)
        op = self.ops[x]
        if op is PICK:
            row, i = self.operands[x]
            return np.array((int(row) << BITS) + int(i))
        if op.__class__ is View:
            own = self.operands[x]
            rows = [y if y.__class__ is int else self._of_constant(y) for y in own]
            starts = np.array(rows, np.int64) << BITS
            return mapped(lambda at: starts[at >> BITS] + (at & INDEX), op.at)
        start = np.int64(x) << BITS
        return start + np.arange(self.counts[x]) if x in self.counts else np.array(start)

    def _of_constant(self, x: float) -> int:
        """Return what stands for a constant in the place of a row."""
        number = self._constants.setdefault(repr(x), len(self._constants))
        if number == len(self._numbers):
            self._numbers.append(x)
        return ~number

    def address(self, x: Operand) -> int:
        """Return the address of a single number."""
        is_row = x.__class__ is int and self.ops[x] is not PICK and x not in self.counts
        return int(x) << BITS if is_row else int(self.addresses(x))

    def select(self, addresses: Any) -> Operand:
        """Return the operand with the numbers at these addresses, of up to two axes."""
        few = distinct(addresses)
        if few.size == 1 and addresses.ndim < 2:
            return self.one(int(few.flat[0]))
        self.reads_blocks = True
        rows, index = few >> BITS, few & INDEX
        first = int(rows.flat[0])
        if (rows == first).all():
            own = [first]
            count = self.counts.get(first, 1)
            whole = addresses.ndim == 1 and count == few.size
            if whole and (index == np.arange(count)).all():
                return first
        else:
            flat = rows.reshape(-1)
            if (flat[1:] > flat[:-1]).all():  # as of an array that is an argument
                numbers, which = flat, np.arange(flat.size)
            else:
                numbers, which = np.unique(flat, return_inverse=True)
            own = numbers.tolist()
            index += which.reshape(rows.shape) << BITS
        operands = tuple([x if x >= 0 else self._numbers[~x] for x in own])
        views = self._rows[View]
        key = tuple(own), addresses.shape, few.shape, index.tobytes()
        row = views.get(key)
        if row is None:
            row = views[key] = self.view(broadcast(index, addresses.shape), operands)
        return row

    def view(self, at: Any, operands: tuple[Operand, ...], op: View | None = None) -> int:
        """Add a view, and give its row."""
        row = self.add(op or View(at), operands)
        self.reads_blocks = True
        self.counts.pop(row, None)
        if len(at) != 1:
            self.counts[row] = len(at)
        return row

    def one(self, address: int) -> Operand:
        """Return the operand that is a single number."""
        row = address >> BITS
        if row < 0:
            return self._numbers[~row]
        if row not in self.counts:
            return row
        return self.enter(PICK, (row, float(address & INDEX)), address)

    def number(self, address: int) -> Any:
        """Return the stand-in for a single number, always the same, or the constant that it is."""
        found = self._stand_ins.get(address)
        if found is None:
            x = self.one(address)
            found = self._stand_ins[address] = self.tracer(x) if x.__class__ is int else x
        return found

    def numbers(self, addresses: Any) -> list[Any]:
        """Return `number` of each address of an array of one axis, which is often read again."""
        own, known = addresses.tolist(), self._stand_ins
        try:
            return list(map(known.__getitem__, own))
        except KeyError:
            self._pick(addresses)
            return list(map(self.number, own))

    def _pick(self, addresses: Any) -> None:
        """Enter numbers of one block all at once, if they are such and not there yet."""
        rows = np.unique(addresses >> BITS).tolist()
        if len(rows) > 1 or rows[0] not in self.counts:
            return
        entered = self._rows[PICK]
        new = [x for x in dict.fromkeys(addresses.tolist()) if x not in entered]
        added = self._add_many(PICK, [(rows[0], float(x & INDEX)) for x in new])
        entered.update(zip(new, added, strict=True))
        self._stand_ins.update(zip(new, map(self.tracer, added), strict=True))

    def operand(self, x: Any, what: str) -> Operand:
        """Return what stands for a number or a node; `what` is to do with it."""
        if isinstance(x, Tracer):
            if x._trace is not self:
                raise TraceError(
                    f"{what} mixes variables of two functions that are being compiled: pass "
                    f"the outer one's to the inner as an argument, at {modes.caller()}"
                )
            return x.row
        return self.capture(x) if isinstance(x, Value) else as_float(x, f"operand of {what}")

    def compares(self, addresses: Any, wanted: bool) -> bool:
        """Tell whether all numbers are comparisons, or none is, as `wanted`."""
        rows = distinct(addresses) >> BITS
        same = rows.size and (rows == rows.flat[0]).all()
        rows = [int(rows.flat[0])] if same else np.unique(rows).tolist()
        return all((row >= 0 and self.ops[row] in p.COMPARISONS) is wanted for row in rows)

    def operations(self) -> set[Primitive | None]:
        """Return the different operations, but for what only shows numbers of other rows."""
        return {x for x in {*self.ops} if x is not PICK and x.__class__ is not View}

    def is_source(self, x: Operand) -> bool:
        """Tell whether an operand has numbers of its own."""
        op = self.ops[x] if x.__class__ is int else None
        return op is not PICK and op.__class__ is not View

    def width(self, x: Operand | None) -> int:
        """Return how many numbers of an operand each number of a block takes."""
        op = self.ops[x] if x.__class__ is int else None
        return op.at.shape[1] if op.__class__ is View and op.at.ndim == 2 else 1

    def terms(self, row: int) -> int:
        """Return how many operands there are for each number of a row."""
        if self.reads_blocks:
            return sum(map(self.width, self.flat(row)))
        operands = self.operands[row]
        return 2 * len(operands[0]) + 1 if self.ops[row] in DOTS else len(operands)

    def flat(self, row: int) -> tuple[Operand, ...]:
        """Return the operands of a row, those of its halves one after the other."""
        operands = self.operands[row]
        if self.ops[row] in DOTS:
            return *operands[0], *operands[1], operands[2]
        return operands

    def reads(self, outputs: Iterable[Operand]) -> Counter[int]:
        """Count how often each row is read; an output is never done with."""
        read = chain(*map(self.flat, range(len(self.ops))), outputs)
        return Counter([x for x in read if x.__class__ is int])

    def count(self, rows: Sequence[int]) -> int:
        """Return how many numbers there are in rows."""
        counts = self.counts
        return sum([counts.get(row, 1) for row in rows]) if counts else len(rows)

    def has_blocks(self, rows: Sequence[int]) -> bool:
        """Tell whether some rows are blocks, or take numbers together."""
        return self.reads_blocks and any(
            row in self.counts or any(self.width(x) > 1 for x in self.flat(row)) for row in rows
        )

    def views(self) -> list[int]:
        """Return the rows that only show numbers of others."""
        if not self.counts and not self.reads_blocks:
            return []
        return [row for row, op in enumerate(self.ops) if op is PICK or op.__class__ is View]

    def operands_of(self, row: int) -> tuple[Primitive | None, tuple[Operand, ...]]:
        """Return the operation of a single number and its operands, each a single one too."""
        op, operands, i = self.ops[row], self.flat(row), 0
        if op is PICK:
            row, i = int(operands[0]), int(operands[1])
            op = self.ops[row]
        elif not any(self.width(x) > 1 for x in operands):
            return op, operands
        if op is None:
            return op, ()
        if row not in self._written:
            rows = self.grid(self.flat(row), self.counts.get(row, 1)).tolist()
            self._written[row] = [tuple(map(self.one, addresses)) for addresses in rows]
        return op, self._written[row][i]

    def grid(self, operands: Sequence[Operand], count: int) -> Any:
        """Return the addresses of the operands of each of so many numbers."""
        own = [self.addresses(x) for x in operands]
        columns = [x if x.ndim == 2 else x.reshape(-1, 1) for x in own]
        rows = [broadcast(x, (count, x.shape[1])) for x in columns]
        return rows[0] if len(rows) == 1 else np.hstack(rows)

    def depended_on(self, outputs: Iterable[Operand]) -> tuple[list[bool], dict[int, Any]]:
        """Tell of each row whether one of some outputs depends on it, and of blocks which numbers.

        >>> trace = Trace()
        >>> x, y = trace.input(), trace.select(trace.addresses(trace.input(2))[::-1])
        >>> z = trace.apply(p.exp, (y,))
        >>> trace.depended_on([trace.select(trace.addresses(z)[1])])
        ([False, True, True, True, True], {3: array([False,  True])})
        """
        ops, found, halves = self.ops, [False] * len(self.ops), set[int]()
        counts = self.counts.items()
        numbers = {x: np.zeros(n, bool) for x, n in counts if ops[x] and self.is_source(x)}
        shown = {x for x in (self.views() if numbers else ()) if ops[x] is not PICK}
        shown = {x for x in shown if not numbers.keys().isdisjoint(self.operands[x])} | {*numbers}
        for x in outputs:
            if x.__class__ is int:
                found[x] = True
        for row in range(len(found) - 1, -1, -1):
            if not found[row]:
                continue
            own, operands = numbers.get(row), self.operands[row]
            if ops[row] is PICK and operands[0] in numbers:
                numbers[operands[0]][int(operands[1])] = True
            elif shown and self.is_source(row):
                every = own is None or bool(own.all())
                for x in [x for x in self.flat(row) if x.__class__ is int and x in shown]:
                    at = self.addresses(x)
                    at = distinct(at if every or len(at) == 1 else at[own])
                    for y in numbers.keys() & {*(at >> BITS).flat}:
                        numbers[y][at[at >> BITS == y] & INDEX] = True
                    if every:
                        shown.discard(x)
            for x in operands:
                if x.__class__ is int:
                    found[x] = True
                elif x.__class__ is tuple and id(x) not in halves:
                    halves.add(id(x))
                    for y in x:
                        if y.__class__ is int:
                            found[y] = True
        return found, numbers

    def beginning(self, count: int) -> Trace:
        """Return a trace of the first rows, to go on with another way; nothing goes on here."""
        first = Trace()
        first.ops, first.operands = self.ops[:count], self.operands[:count]
        first.times = self.times[:count]
        first.time = self.time
        first.counts = {row: n for row, n in self.counts.items() if row < count}
        first.captured = {node: row for node, row in self.captured.items() if row < count}
        first.reads_blocks, first.scale = self.reads_blocks, self.scale
        first._halves, first.mixed = self._halves, self.mixed
        first._rows, self._rows, self._stand_ins = self._rows, first._rows, {}
        for op, rows in first._rows.items():
            first._rows[op] = _entered_before(count, rows)
        return first

    def without(self, rows: range, moved: Callable[[Any], Any]) -> Trace:
        """Return a trace without some rows; `moved` tells what later ones read then."""
        rest, kept = Trace(), [slice(rows.start), slice(rows.stop, None)]
        numbers = {
            x: x - len(rows) * (x >= rows.stop) for x in {*self.counts, *self.captured.values()}
        }

        def half(x: Any) -> Any:
            return rest.half(map(moved, x)) if x.__class__ is tuple else moved(x)

        rest._halves, rest.mixed = self._halves.copy(), self.mixed.copy()
        rest.ops = [op for own in kept for op in self.ops[own]]
        later = [tuple(map(half, operands)) for operands in self.operands[kept[1]]]
        rest.operands = self.operands[kept[0]] + later
        rest.times, rest.time = self.times[kept[0]] + self.times[kept[1]], self.time
        rest.counts = {numbers[row]: n for row, n in self.counts.items() if row not in rows}
        rest.captured = {node: numbers[row] for node, row in self.captured.items()}
        rest.reads_blocks = self.reads_blocks
        rest.scale = (len(self.ops) - self.ops.count(None)) / (len(rest.ops) - rest.ops.count(None))
        for op, own in self._rows.items():
            rest._rows[op] = _entered_before(rows.start, own)
        return rest

    def forget(self) -> None:
        """Let go of all rows: stand-ins that somebody may still have are of no use any more."""
        self.ops, self.operands, self.times = [], [], array("q")
        self._rows, self._stand_ins, self._nodes = defaultdict(dict), {}, {}
        self._halves, self.mixed = {}, set()

    # --- what is there already ----------------------------------------------------------------

    def capture(self, value: Value) -> int:
        """Return the row of a node from outside, made of the leaves that it was computed from."""
        row = self.captured.get(value)
        return self._captured_graph(value)[value] if row is None else row

    def _captured_graph(self, root: Value) -> dict[Value, int]:
        """Return the rows of all nodes that `root` was computed from, and its own.

        What the function computes from outer nodes alone, such as a penalty on weights it does not
        take as arguments, is recorded as nodes, since no stand-in takes part.
        """
        rows: dict[Any, int] = {}
        for node in topological_order([root], nodes_of):
            if modes.is_variable(node):
                raise NodeGivenError("the closure")
            op = operation_of(node)
            if not nodes_of(node):
                if node not in self.captured:
                    self.captured[node] = self.input()
                rows[node] = self.captured[node]
            elif op is p.where:  # which branch is taken has been decided
                taken: list[Operand] = [*map(rows.__getitem__, edges_of(node))] or [node.data]
                rows[node] = self.apply(p.mul, (*taken, 1.0))
            else:
                operands = [rows.get(x, x) for x in operands_of(node)]
                rows[node] = self.apply(op, tuple(operands))
        return rows

    def half(self, operands: Iterable[Operand]) -> Half:
        """Return a half of sums of products, always the same object."""
        own = tuple(operands)
        if float not in map(type, own):
            return self.half_of_rows(own)
        half = self._halves.setdefault(_by_repr(own), own)
        self.mixed.add(id(half))
        return half

    def joined(self, halves: Sequence[Half]) -> Half:
        """Return halves, as `half` gives them, one after the other as one."""
        return halves[0] if len(halves) == 1 else self.half(chain.from_iterable(halves))

    def half_of_rows(self, rows: Half) -> Half:
        """Return a half without constants."""
        return self._halves.setdefault(rows, rows)

    def apply(self, op: Primitive, operands: tuple[Operand, ...]) -> int:
        """Add an operation, unless the same is there already, and give its row."""
        if op is p.dot:
            n = len(operands) // 2
            return self.enter_dot(
                op, self.half(operands[:n]), self.half(operands[n:-1]), operands[-1]
            )
        known = _by_repr(operands) if float in map(type, operands) else operands
        return self.enter(op, operands, known)

    def enter_dot(self, op: Primitive, left: Half, right: Half, bias: Operand) -> int:
        """Add a sum of products, unless the same is there already, and give its row."""
        known = id(left), id(right), repr(bias) if bias.__class__ is float else bias
        return self.enter(op, (left, right, bias), known)

    def enter(self, op: Primitive, operands: tuple[Any, ...], known: Any) -> int:
        """Add an operation, unless one is `known` by these operands, and give its row."""
        rows = self._rows[op]
        row = rows.get(known)
        if row is None:
            row = rows[known] = self.add(op, operands)
        return row

    def order(self) -> Sequence[int]:
        """Return the rows in the order in which their results were made; operands come first."""
        times = np.frombuffer(self.times, np.int64)
        if (times[1:] > times[:-1]).all():
            return range(len(times))
        return np.argsort(times, kind="stable").tolist()  # type: ignore[no-any-return]


def _by_repr(operands: tuple[Operand, ...]) -> tuple[Any, ...]:
    """Tell a constant from the row of that number, and 0.0 from -0.0."""
    return tuple([repr(x) if x.__class__ is float else x for x in operands])


def _entered_before(row: int, known: dict[Any, int]) -> dict[Any, int]:
    """Return those of the known rows that come before a row; they are in order.

    >>> _entered_before(5, {"a": 1, "b": 4, "c": 7})
    {'a': 1, 'b': 4}
    """
    return dict(islice(known.items(), bisect_left(list(known.values()), row)))


def mapped(function: Callable[[Any], Any], array: Any) -> Any:
    """Apply a function to each number of an array, but only once where an axis repeats one."""
    return broadcast(function(distinct(array)), array.shape)


def broadcast(array: Any, shape: tuple[int, ...]) -> Any:
    """Return `np.broadcast_to`, which takes its time even if there is nothing to do."""
    return array if array.shape == shape else np.broadcast_to(array, shape)


def of_rows(table: Sequence[Any], operands: Sequence[Operand | None]) -> Sequence[Any]:
    """Return what a table by row has of the operands that are rows.

    >>> of_rows("abc", (2, 0.5, 1))
    ['c', 'b']
    """
    return [table[x] for x in operands if x.__class__ is int]


def distinct(array: Any) -> Any:
    """Leave out what an axis without a stride repeats."""
    if 0 not in array.strides:
        return array
    return array[tuple([slice(1 if stride == 0 else None) for stride in array.strides])]


def _refused(what: str, fix: str) -> Any:
    """Make an attribute that can be neither read nor written."""

    def refuse(self: StandIn, *_: object) -> Any:
        raise self._refuse(what, fix)

    return property(refuse, refuse)


class Row:
    """A row of a trace as a node of the graph, equal to itself: what sweeps walk and keep."""

    __slots__ = ("_number", "_trace")

    def __init__(self, trace: Trace, number: int) -> None:
        self._trace, self._number = trace, number

    def __edges__(self) -> tuple[Row, ...]:
        trace = self._trace
        op, operands = trace.operands_of(self._number)
        if op is None or (op.partials is None and op is not p.where):
            return ()
        operands = operands[op is p.where :]
        return tuple([trace.node(x) for x in operands if isinstance(x, int)])

    def recorded_edges(self) -> list[tuple[Any, Any, Any]]:
        """Return `autograd.engine.higher_order.recorded_edges` of a row."""
        trace, number = self._trace, self._number
        op, rows = trace.operands_of(number)
        if op is None:
            return []
        parents = self.__edges__()
        operands = [trace.tracer(x) if isinstance(x, int) else x for x in rows]
        wanted = [isinstance(x, Tracer) for x in operands]
        if op is p.where:
            gates = p.where(operands[0], 1.0, 0.0), p.where(operands[0], 0.0, 1.0)
            taken = compress(gates, wanted[1:])
            return [(x, 1.0, gate) for x, gate in zip(parents, taken, strict=True)]
        locals_ = op.local_derivatives(trace.tracer(number), operands, wanted)
        return [(x, local, None) for x, local in zip(parents, locals_, strict=True)]


_AS_FLOAT = "use the functions of autograd, such as autograd.exp, and arrays of dtype=object"
_SETTING = "or fix a setting before compiling, as in functools.partial(f, n=3)"


class StandIn(Value):
    """A node that stands for numbers not known yet, and refuses to be taken for one of them.

    `==` and `!=` are conditions, as `<` and its kin are. So there is no identity for sets and
    dictionaries to go by: inside of the engine, a sweep keeps `Row`s instead.

    Raises:
        TraceError: something asks for the number: `if v > 0`, `float(v)`, `v.item()`, `{1: x}[v]`.
    """

    __slots__ = ()

    _where = "while the function is compiled, since a variable stands for all its values"

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self

    def _refuse(self, what: str, fix: str) -> TraceError:
        return TraceError(f"{what} has no answer {self._where}: {fix}, at {modes.caller()}")

    __eq__, __ne__ = Operators.__eq__, Operators.__ne__

    def __hash__(self) -> int:
        fix = "choose by comparing, as in where(v == 1, x, y), or keep nodes by their id"
        raise self._refuse("v as a key or an element of a set", fix)

    def __bool__(self) -> bool:
        fix = "use where(condition, x, y) or maximum, and & for `and`, | for `or`"
        raise self._refuse("the truth of a comparison", fix)

    def __float__(self) -> float:
        raise self._refuse("float(v)", _AS_FLOAT)

    def __int__(self) -> int:
        raise self._refuse("int(v)", "compute with the node itself")

    def __round__(self, ndigits: int | None = None) -> float:
        raise self._refuse("round(v)", "compute with the node itself")

    def __index__(self) -> int:
        raise self._refuse("v as an index or a length", f"use take(xs, v), {_SETTING}")

    def item(self) -> float:
        """Refuse: there is no number yet."""
        raise self._refuse("v.item()", "compute with the node itself")

    data = _refused("v.data", "compute with the node itself")
    grad = _refused("v.grad", "use autograd.grad inside the function")
    parents = _prev = _refused("v.parents", "print or draw the compiled function")
    local_derivatives = _refused("v.local_derivatives", "print or draw the compiled function")

    def backward(self, *_: object, **__: object) -> None:
        """Refuse: a derivative inside is taken by `autograd.grad`."""
        raise self._refuse("v.backward()", "use autograd.grad inside the function")


def _recorded(op: Primitive, general: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Make an operator with a short way for stand-ins and numbers, as plain code has them."""

    def method(x: Any, y: Any) -> Any:
        trace: Trace = x._trace
        of = y.__class__
        if of in _OF_ONE_NUMBER and y._trace is trace:
            known = rows = x.row, y.row
        elif of is float or of is int:
            b = y if of is float else as_float(y)
            rows = x.row, b
            known = rows[0], repr(b)
        else:
            return general(x, y)
        return trace.result(trace.enter(op, rows, known))

    return method


def _reflected(op: Primitive, general: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Make the operator for a number on the left in that way."""

    def method(y: Any, x: Any) -> Any:
        of = x.__class__
        if (of is not float and of is not int) or y.__class__ is Condition:
            return general(y, x)
        trace: Trace = y._trace
        a, row = x if of is float else as_float(x), y.row
        return trace.result(trace.enter(op, (a, row), (repr(a), row)))

    return method


class Tracer(StandIn):
    """A row of a trace, while a function is traced."""

    __slots__ = ("_trace", "row")

    __sub__, __rsub__ = _recorded(p.sub, Value.__sub__), _reflected(p.sub, Value.__rsub__)
    __truediv__ = _recorded(p.div, Value.__truediv__)
    __rtruediv__ = _reflected(p.div, Value.__rtruediv__)
    __rmul__ = _reflected(p.mul, Value.__rmul__)
    _plus, _plus_left = _recorded(p.add, Value.__add__), _reflected(p.add, Value.__radd__)
    _times = _recorded(p.mul, Value.__mul__)

    __rank__ = 3
    _trace: Trace
    row: int

    def __mul__(self, y: Any) -> Any:
        """Return self · y, which has no row yet, if both are rows of one trace."""
        trace: Trace = self._trace
        of = y.__class__
        if (of is not Tracer and of not in _OF_ONE_NUMBER) or y._trace is not trace or _modes:
            return self._times(y)
        node = trace.spare
        if node is None:
            node = _new(Product)
            node._trace = trace
        else:
            trace.spare = None
        node.name = None
        node._da = trace.time = trace.time + 1
        node._a = self.row
        node._b = y.row
        return node

    def __add__(self, y: Any) -> Any:
        """Return self + y, which has no row yet if it ends with a product that has none."""
        if y.__class__ is not Product or y._trace is not self._trace or _modes:
            return self._plus(y)
        return Total.ending_with(y, self)

    def __radd__(self, x: Any) -> Any:
        """Return x + self; `sum` begins with 0."""
        of = x.__class__
        if self.__class__ is Product and (of is int or of is float) and not _modes:
            return Total.ending_with(self, x if of is float else as_float(x))
        return self._plus_left(x)

    @staticmethod
    def __apply__(op: Primitive, operands: Sequence[Any]) -> Any:
        for x in operands:
            if isinstance(x, Tracer):
                trace: Trace = x._trace
                break
        if op is p.where and not isinstance(operands[0], Tracer):
            taken = operands[1] if operands[0] else operands[2]
            if isinstance(taken, Tracer) and not modes.recording.get():
                return trace.result(taken.row)
            return taken
        rows: list[Operand] = []
        takes_comparison = op is p.where  # as its first operand
        for x in operands:
            if x.__class__ is Tracer and not takes_comparison and x._trace is trace:  # mostly
                rows.append(x.row)
                continue
            rows.append(trace.operand(x, op.name))
            if isinstance(x, Tracer) and (x.__class__ is Condition) is not takes_comparison:
                raise TraceError(
                    f"where needs a comparison, such as v > 0, at {modes.caller()}"
                    if takes_comparison
                    else f"{op.name} is applied to a comparison, which under tracing only "
                    f"`where` takes, at {modes.caller()}"
                )
            takes_comparison = False
        return trace.result(trace.apply(op, tuple(rows)))

    def __bool__(self) -> bool:
        raise self._refuse("the truth of v", f"use where(v != 0, x, y), {_SETTING}")

    def __node__(self) -> Row:
        return self._trace.node(self.row)

    def __fresh__(self) -> Tracer:
        return self._trace.variable(self)

    def row_of_result(self) -> int:
        """Return the row, for a result of the function."""
        return self.row

    def detach(self) -> Any:
        """Return the same number, taken as a constant."""
        return p.detached(self)

    def __gather__(self, table: Any) -> Any:
        """Return the entry of a table that this is the index of."""
        return gathered(table, self)

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __repr__(self) -> str:
        op = self._primitive
        return f"Tracer({'input' if op is None else op.name}, row={self.row})"


class Condition(Tracer):
    """A comparison, which only `where` takes, and `&`, `|`, `^` and `~` make another one of."""

    __slots__ = ()

    __add__, __sub__ = Value.__add__, Value.__sub__
    __mul__, __truediv__ = Value.__mul__, Value.__truediv__

    def __and__(self, other: Any) -> Any:
        return p.where(self, p.where(other, 1.0, 0.0), 0.0) > 0

    def __or__(self, other: Any) -> Any:
        return p.where(self, 1.0, p.where(other, 1.0, 0.0)) > 0

    def __xor__(self, other: Any) -> Any:
        return p.where(self, p.where(other, 0.0, 1.0), p.where(other, 1.0, 0.0)) > 0

    def __invert__(self) -> Any:
        return p.where(self, 0.0, 1.0) > 0

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __bool__(self) -> bool:
        op = self._primitive
        if op is p.eq or op is p.ne:  # which `in` and `index` ask for, too
            raise self._refuse("the truth of a comparison", f"use where(v {op.name} 1, x, y)")
        return StandIn.__bool__(self)

    def row_of_result(self) -> int:
        """Refuse: a result is a number."""
        raise self._refuse("a comparison as a result", "return where(condition, 1.0, 0.0)")


class Product(Tracer):
    """A product that has no row until somebody asks for it, and then becomes a `Tracer`.

    `_a` and `_b` are its operands, and `_da` is the time at which it was made.
    """

    __slots__ = ()

    _primitive = p.mul

    @property
    def row(self) -> int:  # type: ignore[override]
        """The row, which is made when it is first asked for."""
        return _settled(self, p.mul, self._trace.apply(p.mul, (self._a, self._b)))


class Total(Tracer):
    """A sum that ends with a product: it too has no row until somebody asks for it.

    `_a` is what it begins with, a number or a stand-in, and `_b` the product that it ends with.
    When that has been written in, `_a` is a list of what the sum begins with, a number or a row,
    and of the factors of one product after the other, and `_b` is None.
    """

    __slots__ = ()

    _primitive = p.add

    @property
    def row(self) -> int:  # type: ignore[override]
        """The row, which is made when it is first asked for."""
        if self._b is not None:
            self.write_in()
        if self.__class__ is not Total:
            return self.row
        terms, trace = self._a, self._trace
        left, right = [trace.half_of_rows(tuple(terms[i::2])) for i in (1, 2)]
        return _settled(self, SUM, trace.enter_dot(SUM, left, right, terms[0]))

    @staticmethod
    def ending_with(last: Product, first: Any) -> Total:
        """Return what it begins with, a number or a stand-in, plus a product without a row."""
        node = _new(Total)
        trace = node._trace = last._trace
        node.name = None
        node._da = trace.time = trace.time + 1
        node._a, node._b = first, last
        return node

    def __add__(self, y: Any) -> Any:
        """Return self + y; if y is a product that has no row, it may be written in later."""
        trace: Trace = self._trace
        if y.__class__ is not Product or y._trace is not trace or _modes:
            return self._plus(y)
        first, last = self._a, self._b
        if (  # as in most steps of a long sum
            last.__class__ is Product
            and first.__class__ is Total
            and first._b is None
            and holders(first) == ALONE
        ):
            self._a = terms = first._a
            terms.append(last._a)
            terms.append(last._b)
            if holders(last) == ALONE:
                trace.spare = last
            self._b = None
            first._a, first._b = self, y
            first._da = trace.time = trace.time + 1
            return first
        first = last = None  # held by the sum alone
        if self._b is not None:
            self.write_in()
        return Total.ending_with(y, self)

    def write_in(self) -> None:
        """Write the product that the sum ends with into it, if that has no row.

        It takes the terms over of the sum that it begins with, if nothing else holds that.
        """
        first, last = self._a, self._b
        of, held = first.__class__, holders(last)
        if last.__class__ is not Product or held < ALONE:  # where nobody counts who holds it
            a = first if of is float else first.row
            _settled(self, p.add, self._trace.apply(p.add, (a, last.row)))
            return
        if of is Total and first._b is None and holders(first) == ALONE:
            self._a = terms = first._a
        else:
            if of is Product:
                terms = [-0.0, first._a, first._b]
            else:
                terms = [first if of is float else first.row]
            self._a = terms
        terms.append(last._a)
        terms.append(last._b)
        self._b = None
        if held == ALONE:
            self._trace.spare = last


_OF_ONE_NUMBER = {Tracer, Product, Total}


def _settled(node: Any, op: Primitive, row: int) -> int:
    """Give a stand-in that had none its row."""
    times = node._trace.times
    times[row] = min(node._da, times[row])  # that of its result, which was made before
    node.__class__ = Tracer
    node.row, node._primitive, node._a, node._b = row, op, None, None
    return row
