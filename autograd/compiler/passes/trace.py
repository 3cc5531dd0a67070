"""Tracing: run a function once on stand-ins, and keep what it did as plain data.

A `Tracer` stands for every value a variable may take. Operations on tracers compute nothing; they
add a row to a `Trace`. Equal rows are entered once, so what the trace holds is a graph in which no
operation appears twice on the same operands. For the lecture's neuron the trace reads

    w1  w2  x1  x2  b        z = dot(w1, w2, x1, x2, b)        a = relu(z)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from typing import Any, NamedTuple

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
from autograd.errors import TraceError, as_float
from autograd.transforms.trees import Spec

Operand = int | float  # the number of a row, or a constant


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
        operands: the operands of each row: numbers of earlier rows, and constants.
        captured: leaves from outside that the function uses, with their rows. Their data is read
            anew at each call, so a compiled model sees its parameters change.
        parts: what rows are of operations that have been written out.
    """

    def __init__(self) -> None:
        self.ops: list[Primitive | None] = []
        self.operands: list[tuple[Operand, ...]] = []
        self.captured: dict[Value, int] = {}
        self.parts: dict[int, Part] = {}
        self._rows: dict[Any, int] = {}
        self._tracers: dict[int, Tracer] = {}
        self._nodes: dict[int, Row] = {}

    def tracer(self, row: int) -> Tracer:
        """Return the stand-in for a row, always the same one."""
        tracer = self._tracers.get(row)
        if tracer is None:
            tracer = self._tracers[row] = Tracer(self, row)
        return tracer

    def node(self, row: int) -> Row:
        """Give a row as a node of the graph, always the same one."""
        node = self._nodes.get(row)
        if node is None:
            node = self._nodes[row] = Row(self, row)
        return node

    def add(self, op: Primitive, operands: tuple[Operand, ...]) -> int:
        """Add an operation, even if the same is there already, and give its row."""
        self.ops.append(op)
        self.operands.append(operands)
        return len(self.ops) - 1

    def input(self) -> int:
        """Add an input, and give its row."""
        self.ops.append(None)
        self.operands.append(())
        return len(self.ops) - 1

    def constant(self, x: float) -> Tracer:
        """Return a stand-in for a constant."""
        return self.tracer(self.add(p.mul, (x, 1.0)))

    def put_together(self, spec: Spec, leaves: Iterable[Any]) -> Any:
        """Put a structure together for the traced function: stand-ins may index what is in it."""
        return stand_ins(spec, iter(leaves))

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

    def apply(self, op: Primitive, operands: tuple[Operand, ...]) -> int:
        """Add an operation, unless the same is there already, and give its row."""
        # by repr, a constant is apart from the row of that number, and 0.0 from -0.0
        known: Any = operands
        if float in map(type, operands):
            known = tuple([repr(x) if x.__class__ is float else x for x in operands])
        return self.enter(op, operands, known)

    def enter(self, op: Primitive, operands: tuple[Operand, ...], known: Any) -> int:
        """Add an operation, unless one is `known` by these operands, and give its row."""
        key = op, known
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = self.add(op, operands)
        return row


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
        trace, number = self._trace, self._number
        op = trace.ops[number]
        if op is None or (op.partials is None and op is not p.where):
            return ()
        operands = trace.operands[number][op is p.where :]
        return tuple([trace.node(x) for x in operands if isinstance(x, int)])

    def recorded_edges(self) -> list[tuple[Any, Any, Any]]:
        """Return `autograd.engine.higher_order.recorded_edges` of a row."""
        trace, number = self._trace, self._number
        op = trace.ops[number]
        if op is None:
            return []
        parents = self.__edges__()
        operands = [trace.tracer(x) if isinstance(x, int) else x for x in trace.operands[number]]
        wanted = [isinstance(x, Tracer) for x in operands]
        if op is p.where:
            gates = p.where(operands[0], 1.0, 0.0), p.where(operands[0], 0.0, 1.0)
            taken = compress(gates, wanted[1:])
            return [(x, 1.0, gate) for x, gate in zip(parents, taken, strict=True)]
        locals_ = op.local_derivatives(trace.tracer(number), operands, wanted)
        return [(x, local, None) for x, local in zip(parents, locals_, strict=True)]


class StandIn(Value):
    """A node that stands for numbers not known yet, and refuses to be taken for one of them.

    `==` and `!=` are conditions, as `<` and its kin are. So there is no identity for sets and
    dictionaries to go by: inside of the engine, a sweep keeps `Row`s instead.

    Raises:
        TraceError: something asks for the number: `if v > 0`, `float(v)`, `v.item()`, `{1: x}[v]`.
    """

    __slots__ = ()

    _where = "while the function is compiled, since a variable stands for all its values"

    def _refuse(self, what: str, fix: str) -> TraceError:
        return TraceError(f"{what} has no answer {self._where}: {fix}, at {modes.caller()}")

    __eq__, __ne__ = Operators.__eq__, Operators.__ne__

    def __hash__(self) -> int:
        fix = "choose by comparing, as in where(v == 1, x, y), or keep nodes by their id"
        raise self._refuse("v as a key or an element of a set", fix)

    def __bool__(self) -> bool:
        raise self._refuse("the truth of a comparison", "use where(condition, x, y) or maximum")

    def __float__(self) -> float:
        raise self._refuse("float(v)", "use the functions of autograd, such as autograd.exp")

    def __int__(self) -> int:
        raise self._refuse("int(v)", "compute with the node itself")

    def __round__(self, ndigits: int | None = None) -> float:
        raise self._refuse("round(v)", "compute with the node itself")

    def __index__(self) -> int:
        raise self._refuse(
            "v as an index or a length", "use take(xs, v), or pass a number of Python's own"
        )

    def item(self) -> float:
        """Refuse: there is no number yet."""
        raise self._refuse("v.item()", "compute with the node itself")

    data = _refused("v.data", "compute with the node itself")
    grad = _refused("v.grad", "use autograd.grad inside the function")

    def backward(self, *_: object, **__: object) -> None:
        """Refuse: a derivative inside is taken by `autograd.grad`."""
        raise self._refuse("v.backward()", "use autograd.grad inside the function")


def _recorded(op: Primitive, general: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Make an operator with a short way for two rows of a trace: plain code does little else."""

    def method(x: Any, y: Any) -> Any:
        known = y.__class__ is Tracer and y._trace is x._trace
        if not known or x._primitive in p.COMPARISONS or y._primitive in p.COMPARISONS:
            return general(x, y)
        trace: Trace = x._trace
        rows = x.row, y.row
        return trace.tracer(trace.enter(op, rows, rows))

    return method


class Tracer(StandIn):
    """A row of a trace, while a function is traced."""

    __slots__ = ("_trace", "row")

    __add__ = _recorded(p.add, Value.__add__)
    __sub__ = _recorded(p.sub, Value.__sub__)
    __mul__ = _recorded(p.mul, Value.__mul__)
    __truediv__ = _recorded(p.div, Value.__truediv__)

    __rank__ = 3
    _trace: Trace
    row: int

    def __init__(self, trace: Trace, row: int) -> None:
        self._trace = trace
        self.row = row
        self._primitive = trace.ops[row]
        self.name = None

    @staticmethod
    def __apply__(op: Primitive, operands: Sequence[Any]) -> Any:
        trace = next(x._trace for x in operands if x.__class__ is Tracer)
        if op is p.where and operands[0].__class__ is not Tracer:
            return operands[1] if operands[0] else operands[2]
        rows: list[Operand] = []
        takes_comparison = op is p.where  # as its first operand
        for x in operands:
            if x.__class__ is Tracer:
                if x._trace is not trace:
                    raise TraceError(
                        f"{op.name} mixes variables of two functions that are being compiled: pass "
                        f"the outer one's to the inner as an argument, at {modes.caller()}"
                    )
                if (x._primitive in p.COMPARISONS) is not takes_comparison:
                    raise TraceError(
                        f"where needs a comparison, such as v > 0, at {modes.caller()}"
                        if takes_comparison
                        else f"{op.name} is applied to a comparison, which under tracing only "
                        f"`where` takes, at {modes.caller()}"
                    )
                rows.append(x.row)
            elif isinstance(x, Value):
                rows.append(trace.capture(x))
            else:
                rows.append(as_float(x, f"operand of {op.name}"))
            takes_comparison = False
        return trace.tracer(trace.apply(op, tuple(rows)))

    def __bool__(self) -> bool:
        op = self._primitive
        if op is p.eq or op is p.ne:  # which `in` and `index` ask for, too
            raise self._refuse(
                "the truth of a comparison",
                f"use where(v {op.name} 1, x, y)",
            )
        return super().__bool__()

    def __node__(self) -> Row:
        return self._trace.node(self.row)

    def __fresh__(self) -> Tracer:
        return self._trace.tracer(self._trace.add(p.mul, (self.row, 1.0)))

    def row_of_result(self) -> int:
        """Return the row, for a result of the function."""
        if self._primitive in p.COMPARISONS:
            raise self._refuse("a comparison as a result", "return where(condition, 1.0, 0.0)")
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
        op = self._trace.ops[self.row]
        return f"Tracer({'input' if op is None else op.name}, row={self.row})"
