"""Lower a tape: rows of a program that are computed one after the other.

Rows that are alike share a function: one of NumPy's where that will do, else one that is written
for them once. A tape is then a list of such functions, each with the lanes it reads and writes, and
one loop runs it. That costs less than code of its own for each row, which would have to be
compiled. Where `machine.py` is of use, it runs the tape instead. For a chain of the lecture's
neurons with one input each:

    before   z1 = mul(w1, x)    a1 = relu(z1)    z2 = mul(w2, a1)    a2 = relu(z2)
    after    multiply(w1, x, z1)    relu(z1, a1)    multiply(w2, a1, z2)    relu(z2, a2)

with `def relu(x0, y): maximum(x0, 0.0, out=y)`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import compress
from math import isfinite
from types import CodeType
from typing import Any

import numpy as np

from autograd.compiler.codegen import machine
from autograd.compiler.codegen.code import (
    AND,
    NONZERO,
    NOT,
    UFUNCS,
    Code,
    Symbol,
    Work,
    bound,
    expansion_of,
    function_code,
    is_function,
)
from autograd.compiler.codegen.instructions import (
    Instructions,
    gradient_flow,
    gradient_instructions,
    value_instructions,
)
from autograd.compiler.passes import VARYING, Operand, Tape
from autograd.engine import Primitive
from autograd.engine import table as p

# Constants of these are handed to the function; those of others are part of it.
_ARITHMETIC = {p.add, p.sub, p.mul, p.div}

_BY_KEYWORD = {p.maximum, p.minimum}  # NumPy takes `out` for these in no other way

# The name of a function and its arguments: constants, and the numbers of arrays of lanes. First
# come those of the values, then those of the gradients, then those of the marks of what is reached.
Instruction = tuple[str, tuple[Operand, ...]]


def forward_tape(code: Code, tape: Tape) -> None:
    """Write the call that computes the rows."""
    if code.numbers is not None:
        own = value_instructions(tape, code.numbers[tape.space])
        _emit(code, tape, partial(_on_machine, own, tape.space))
        return
    functions: dict[Any, tuple[str, list[Work], bool]] = code.functions
    instructions: list[Instruction] = []
    used: Counter[Any] = Counter()
    for op, place, operands in zip(tape.ops, tape.places, tape.operands, strict=True):
        key = tape.space, op, *[None if x.__class__ is int else repr(x) for x in operands]
        if key not in functions:
            functions[key] = _forward_function(code, tape.space, op, operands)
        name, _, takes_constants = functions[key]
        used[key] += 1
        if not takes_constants:
            operands = tuple([x for x in operands if x.__class__ is int])
        instructions.append((name, (*operands, place)))
    _count(code, used)
    _emit(code, tape, partial(_bound, instructions, (tape.space,)))


def backward_tape(code: Code, tape: Tape, written: Any, active: Any, always: Any) -> None:
    """Write the call that gives the gradients of the rows on, from the last to the first.

    Args:
        code: where to write.
        tape: the rows.
        written: for each place, whether its gradient has been written to; this is kept up.
        active: for each place, whether its gradient is wanted.
        always: for each place, whether the gradient reaches it whatever branches are taken.
    """
    if id(tape) in code.tapes:  # in the lanes, the code of later blocks is that of the first
        line, before, work = code.tapes[id(tape)]
        code.emit(line)
        code.work += work
        written[before] = True
        return
    if code.numbers is not None:
        flow = gradient_flow(tape, written, active)
        own = gradient_instructions(tape, flow, code.numbers[tape.space])
        line = _emit(code, tape, partial(_on_machine, own, tape.space))
        code.tapes[id(tape)] = line, own.fresh.tolist(), []
        return
    size = code.program.sizes[tape.space]
    functions: dict[Any, tuple[str, list[Work]]] = code.functions
    used: Counter[Any] = Counter()
    fresh_places: list[int] = []
    instructions: list[Instruction] = []
    sure, always = bool(always.all()), always.data
    for i, wanted, fresh in gradient_flow(tape, written, active):
        op, place, operands = tape.ops[i], tape.places[i], tape.operands[i]
        fresh_places += compress(operands, fresh)  # type: ignore[arg-type]
        masked, unsure = not (sure or always[place]), [False] * len(operands)
        if not sure:
            first = op is p.where  # no gradient goes to the condition
            unsure[first:] = [x.__class__ is int and not always[x] for x in operands[first:]]
        constants = [None if x.__class__ is int else op in _ARITHMETIC or repr(x) for x in operands]
        key = (tape.space, op, masked, *constants, *wanted, *fresh, *unsure)
        if key not in functions:
            row = _Row(code, tape.space, op, operands, op in _ARITHMETIC)
            functions[key] = row.backward(wanted, fresh, unsure, masked)
        used[key] += 1
        arguments = [x for x in operands if x.__class__ is int or op in _ARITHMETIC]
        arguments += [place, size + place]
        arguments += [size + x for x in compress(operands, wanted)]
        if masked:
            arguments.append(2 * size + place)
        if not sure:
            arguments += [2 * size + x for x in compress(operands, unsure)]
        instructions.append((functions[key][0], tuple(arguments)))
    buffers = tuple([kind + tape.space for kind in ("", "d", "m")[: 3 - sure]])
    work = _count(code, used)
    line = _emit(code, tape, partial(_bound, instructions, buffers))
    code.tapes[id(tape)] = line, fresh_places, work


def _count(code: Code, used: Counter[Any]) -> list[Work]:
    """Note what rows cost, of which so many use each function; give the same."""
    start = len(code.work)
    for key, n in used.items():
        for _, lanes, flops, blas, functions, moved in code.functions[key][1]:
            code.count(lanes, n * flops, n * moved, n * functions, n * blas)
    return code.work[start:]


def _forward_function(
    code: Code, space: str, op: Primitive, operands: Sequence[Operand]
) -> tuple[str, list[Work], bool]:
    """Return the function for a row: its name and cost, and whether it is handed constants."""
    row = _Row(code, space, op, operands, False)
    if op in UFUNCS and op not in _BY_KEYWORD and not expansion_of(op, row.operands):
        moved = 1 + len(row.parameters)
        work = [(None, row.varying, 1, 0, int(is_function(op)), moved)]
        return UFUNCS[op].__name__, work, True
    return *row.forward(), False


def _emit(code: Code, tape: Tape, maker: Callable[[dict[Any, Any], int], Any]) -> str:
    """Write the call that runs what `maker` makes for a number of lanes, and give it."""
    code.touch_both(tape.space, np.append(tape.places, tape.read))
    name = code.name(("tape", len(code.names)), maker, prefix="tape")
    code.makers["run"] = lambda *_: _run
    counts = Counter(op.name for op in tape.ops).most_common(4)
    listed = ", ".join(f"{count} {op}" for op, count in counts)
    more = ", ..." if len(tape.operations()) > len(counts) else ""
    line = f"run({name})  # {len(tape.ops)} rows, one by one: {listed}{more}"
    code.emit(line)
    return line


def _bound(
    instructions: Sequence[Instruction], buffers: tuple[str, ...], names: dict[Any, Any], _: int
) -> list[tuple[Any, tuple[Any, ...]]]:
    """Find the functions and the arrays that instructions name."""
    lanes = _lanes(buffers, names)
    return [
        (names[name], tuple([lanes[x] if x.__class__ is int else np.array(x) for x in arguments]))
        for name, arguments in instructions
    ]


def _on_machine(
    instructions: Instructions, space: str, names: dict[Any, Any], _: int
) -> list[tuple[Any, tuple[Any, ...]]]:
    """Hand instructions to the machine, as one."""
    return [machine.bound(instructions, names[f"memory of {space}"], names["d" + space])]


def _lanes(buffers: tuple[str, ...], names: dict[Any, Any]) -> list[Any]:
    """Return the rows of buffers as arrays, the same list for all tapes."""
    key = f"lanes of {' '.join(buffers)}"  # a key of another type would slow all names down
    if key not in names:
        arrays = [names[buffer] for buffer in buffers]
        names[key] = [array[i, ...] for array in arrays for i in range(len(array))]
    lanes: list[Any] = names[key]
    return lanes


def _run(instructions: Sequence[tuple[Any, tuple[Any, ...]]]) -> None:
    for function, arrays in instructions:
        function(*arrays)


class _Row:
    """Writes functions for rows that are alike. Their parameters are arrays of lanes."""

    def __init__(
        self,
        code: Code,
        space: str,
        op: Primitive,
        operands: Sequence[Operand],
        takes_constants: bool,
    ) -> None:
        self.code, self.op = code, op
        self.varying = space == VARYING
        self.parameters: list[str] = []
        self.operands: list[Any] = []
        for i, x in enumerate(operands):
            if x.__class__ is int:
                self.operands.append(self.parameter(f"x{i}"))
            elif takes_constants:
                self.operands.append(self.parameter(f"x{i}", varying=False))
            else:
                self.operands.append(x)

    def parameter(self, name: str, varying: bool = True, truth: bool = False) -> Symbol:
        """Add a parameter."""
        self.parameters.append(name)
        return Symbol(self.code, name, varying and self.varying, truth)

    def function(self, write: Any) -> tuple[str, list[Work]]:
        """Name the function that has the lines that `write` emits; say what it costs, too."""
        code = self.code
        before, work = code.take_lines(), code.work
        code.work = []
        code.begin((), self.varying)
        write()
        lines, code.lines = code.take_lines(), before
        own, code.work = code.work, work
        parameters = ", ".join(self.parameters)

        @cache
        def compiled() -> CodeType:
            return function_code(lines, parameters)

        key = ("function", parameters, *lines)
        return code.name(key, lambda names, _: bound(compiled(), names)), own

    # --- forward ----------------------------------------------------------------------------

    def forward(self) -> tuple[str, list[Work]]:
        """Write the function that computes the row."""
        out = self.parameter("y").name

        def write() -> None:
            if self.op is p.dot:
                self.dot(out)
            elif self.op is p.excess:
                self.excess(out)
            elif self.op in (p.fsum, p.total):
                self.reduced(p.add, out)
                if self.op is p.total:
                    self.code.emit(f"fmin({out}, inf, out={out})")
            elif self.op is p.top:
                self.operands = [p.LEAST, *self.operands]
                self.reduced(p.maximum, out)
            else:
                self.code.compute(self.op, self.operands, out)

        return self.function(write)

    def reduced(self, op: Primitive, out: str) -> None:
        """Write the sum of the operands, or the largest."""
        code, total = self.code, self.operands[0]
        if len(self.operands) == 1:
            code.copied(total, out)
        for x in self.operands[1:]:
            total = code.compute(op, [total, x], out)

    def excess(self, out: str) -> None:
        """Write the sum of all operands but the largest, plus the largest, less 1."""
        code, largest = self.code, self.operands[0]
        top, smaller = code.temporary((), self.varying), code.temporary((), self.varying)
        code.emit(f"{out}.fill(0.0)")
        for x in self.operands[1:]:
            term = code.compute(p.minimum, [largest, x], smaller)
            code.compute(p.add, [Symbol(code, out, self.varying), term], out)
            largest = code.compute(p.maximum, [largest, x], top)
        rest = code.compute(p.sub, [largest, 1.0], smaller)
        code.compute(p.add, [Symbol(code, out, self.varying), rest], out)
        code.emit(f"fmin({out}, inf, out={out})")

    def dot(self, out: str) -> None:
        """Write ⟨w, x⟩ + b, added up from b."""
        code, n, total = self.code, len(self.operands) // 2, self.operands[-1]
        term = code.temporary((), self.varying)
        for w, x in zip(self.operands[:n], self.operands[n:-1], strict=True):
            if total.__class__ is float and total == 0.0:
                total = code.compute(p.mul, [w, x], out)
            else:
                total = code.compute(p.add, [total, code.compute(p.mul, [w, x], term)], out)

    # --- backward ---------------------------------------------------------------------------

    def backward(
        self, wanted: Sequence[bool], fresh: Sequence[bool], unsure: Sequence[bool], masked: bool
    ) -> tuple[str, list[Work]]:
        """Write the function that gives the gradient of the row on to its operands.

        Args:
            wanted: for each operand, whether its gradient is wanted.
            fresh: whether that is written for the first time, or else added to.
            unsure: whether there are lanes in which no gradient may reach it; these are marked.
            masked: whether there are lanes in which no gradient may reach the row itself.
        """
        out, gradient = self.parameter("y"), self.parameter("g")
        places = range(len(self.operands))
        targets = {i: self.parameter(f"d{i}").name for i in places if wanted[i]}
        mask = self.parameter("m", truth=True) if masked else None
        marks = {i: self.parameter(f"m{i}").name for i in places if unsure[i]}
        code = self.code

        def give(i: int, slope: Any) -> None:
            nonlocal gradient
            share = gradient
            if mask is not None and not (slope.__class__ is float and isfinite(slope)):
                product = code.compute(p.mul, [gradient, slope])
                share, slope = code.compute(p.where, [mask, product, 0.0]), 1.0
            put(i, share, slope)

        def put(i: int, share: Any, slope: Any) -> None:
            target = targets[i]
            if not fresh[i]:
                term = code.compute(p.mul, [share, slope])
                code.count(self.varying, 1, 3)
                code.emit(f"add({target}, {term.name}, out={target})")
            elif slope.__class__ is float and slope == 1.0:
                code.copied(share, target)
            else:
                code.compute(p.mul, [share, slope], target)

        def mark(i: int, reached: Symbol) -> None:
            if i in marks:
                code.emit(f"logical_or({marks[i]}, {reached.name}, out={marks[i]})")

        def write_choice() -> None:
            test = self.operands[0]
            taken = test if test.truth else code.compute(NONZERO, [test])
            for i, here in ((1, taken), (2, code.compute(NOT, [taken]))):
                mark(i, here if mask is None else code.compute(AND, [here, mask]))
                if wanted[i]:
                    put(i, code.compute(p.where, [here, gradient, 0.0]), 1.0)

        def write() -> None:
            if self.op is p.where:
                write_choice()
                return
            if mask is not None:
                for i in places:
                    mark(i, mask)
            slopes = iter(self.op.local_derivatives(out, self.operands, wanted))
            for i in targets:
                give(i, next(slopes))

        return self.function(write)
