"""A machine in native code that follows the instructions of tapes; Numba makes it, if that is here.

The machine is a loop that serves all programs, and a function for each kind of instruction. These
are written by applying the rows and the rules of the table to scalars, which write down what they
are asked to compute. For the derivative of the lecture's neuron, relu(z):

    before   kind (relu, (True,)), which is gradients[a] += gradients[r] * above(memory[a], 0.0)
    after    x0, g = memory[a + k], gradients[r + k]
             t0 = x0 > 0.0
             t1 = x0 <= 0.0
             t2 = 0.0 if t1 else nan
             t3 = 1.0 if t0 else t2
             t4 = g * t3
             gradients[a + k] += t4

for all lanes k. A function follows all instructions of its kind that stand together. It is
compiled when a program first needs it, and is kept on disk.

The numbers are those of the eager engine, to 2 units in the last place; those of NumPy differ from
both by up to 4, in tanh, σ, erfc and what is made of these. A dot is added up from its bias, term
by term. Masks are left to NumPy, and so are the tapes of a program with operations of the user's
own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib.util import find_spec
from itertools import compress, product
from math import nan
from typing import Any

import numpy as np

from autograd.compiler.codegen import kernels, native
from autograd.compiler.codegen.instructions import MANY, MOST_OPERANDS, Instructions, Kind, arity
from autograd.compiler.passes import TAKE, StandIn
from autograd.engine import Primitive
from autograd.engine import table as p

# Rows that C has and NumPy has not, or `kernels.py` for lanes; and how to write further ones.
_CALLS = {p.erf: "math.erf", p.erfc: "math.erfc", p.sigmoid: "expit"}
_CALLS |= {op: op.name for op in (p.exp, p.tanh, p.cosh)}
_FORMS: dict[Primitive, Callable[..., Any]] = {
    **{op: op.expansion for op in p.TABLE.values() if op.expansion is not None},
    p.above: lambda x, y: p.where(p.gt(x, y), 1.0, p.where(p.le(x, y), 0.0, nan)),
    p.clip: lambda x, lo, hi: p.minimum(p.maximum(x, lo), hi),
    p.dot: lambda w, x, b: w * x + b,
    p.fsum: lambda x: x,
    p.gelu: p.gelu.forward,
    p.gelu_tanh: p.gelu_tanh.forward,
    p.log_of_denominator: p.log1p,
    p.log_of_total: p.log1p,
    p.log_sigmoid: lambda x: p.minimum(x, 0.0) - p.log1p(p.exp(-p.absolute(x))),
    p.relu: lambda x: p.maximum(x, 0.0),
    p.silu: p.silu.forward,
    p.xlogy: lambda x, y: p.where(p.eq(x, 0.0), p.where(p.eq(y, y), 0.0, y), x * p.log(y)),
}
_OPERATORS = {p.add, p.sub, p.mul, p.div, *p.COMPARISONS}
_NAMES = "abc"  # of the places of operands

# The loop, and what Numba does to call a function of which the address is known.
_LOOP = """
from math import inf, nan

@intrinsic
def call(context, address, rows, count, lanes, memory, gradients):
    def code(context, builder, signature, args):
        integer, number = ir.IntType(64), ir.DoubleType().as_pointer()
        kinds = [ir.IntType(32).as_pointer(), integer, integer, number, number]
        function = ir.FunctionType(ir.VoidType(), kinds).as_pointer()
        cast = [x if y is integer else builder.inttoptr(x, y) for x, y in zip(args[1:], kinds)]
        builder.call(builder.inttoptr(args[0], function), cast)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 6), code

def follow(functions, starts, rows, fresh, lanes, memory, gradients):
    for x in fresh:
        start = x * lanes
        for k in range(lanes):
            gradients[start + k] = -0.0
    for i in range(len(functions)):
        call(
            functions[i], rows.ctypes.data + starts[i] * rows.strides[0], starts[i + 1] - starts[i],
            lanes, memory.ctypes.data, gradients.ctypes.data,
        )
"""
# A while loop costs less than a for loop, where there is one lane.
_KIND = """
def {name}(rows, count, lanes, memory, gradients):  # of {op}
    for i in range(0, {width} * count, {width}):
        r, a = rows[i + 1] * lanes, rows[i + 2] * lanes
        b, c = rows[i + 3] * lanes, rows[i + 4] * lanes
        k = 0
        while k < lanes:
            {lines}
            k += 1
"""


def for_operations(ops: Iterable[Primitive | None]) -> Callable[[], bool] | None:
    """Return what tells whether the machine is there; None where it cannot be or knows not all.

    To tell it for sure takes Numba as long to load as many a program takes to run.
    """
    known = {op for op, _ in kinds()} | MANY | {None, TAKE}  # inputs, and what is on no tape
    return native.is_there if find_spec("numba") is not None and known.issuperset(ops) else None


def bound(instructions: Instructions, memory: Any, gradients: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return the function that follows instructions, and what to call it with.

    Args:
        instructions: what to do.
        memory: the numbers, a row per place, and maybe a column per lane.
        gradients: likewise.
    """
    rows = instructions.rows
    starts = np.flatnonzero(np.diff(rows[:, 0], prepend=-1, append=-1))
    addresses = np.array([function(kind).address for kind in instructions.kinds], np.int64)
    lanes = memory[0].size
    arrays = memory.reshape(-1), gradients.reshape(-1)
    functions = addresses[rows[starts[:-1], 0]]
    return loop(), (functions, starts, rows, instructions.fresh, lanes, *arrays)


# --- what Numba compiles --------------------------------------------------------------------------


@cache
def loop() -> Any:
    """Compile the loop."""
    from numba import njit

    integers, numbers = "int64[::1], int64[::1], int32[:, ::1], int32[::1]", "float64[::1]"
    signature = f"void({integers}, int64, {numbers}, {numbers})"
    return native.kept(lambda keep: njit(signature, cache=keep, nogil=True)(_code("follow")))


@cache
def function(kind: Kind) -> Any:
    """Compile the function for a kind; it has an `address`."""
    from numba import cfunc, types

    rows, numbers = types.CPointer(types.int32), types.CPointer(types.float64)
    signature = types.void(rows, types.int64, types.int64, numbers, numbers)
    code = _code(f"kind_{kinds().index(kind)}")
    return native.kept(lambda keep: cfunc(signature, cache=keep, error_model="numpy")(code))


def _code(name: str) -> Any:
    return getattr(native.module("machine", _source()), name)


# --- the code of the machine ----------------------------------------------------------------------


@cache
def kinds() -> list[Kind]:
    """Return all kinds of instructions that the machine knows."""
    known = [op for op in p.TABLE.values() if op.numpy or op in _CALLS or op in _FORMS]
    values: list[Kind] = [(op, None) for op in known]
    return values + [
        (op, wanted)
        for op in known
        if op is p.where or (op not in MANY and op.partials is not None)
        for wanted in product((False, True), repeat=arity(op))
        if any(wanted) and not (op is p.where and wanted[0])
    ]


@cache
def _source() -> str:
    """Write the functions."""
    lines = [kernels.SOURCE, _LOOP]
    for i, kind in enumerate(kinds()):
        own = f"\n{' ' * 12}".join(_Lines().of(kind))
        form = {"op": kind[0].name, "width": 2 + MOST_OPERANDS, "lines": own}
        lines.append(_KIND.format(name=f"kind_{i}", **form))
    return "\n".join([*lines, ""])


class _Scalar(StandIn):
    """A number in a function of the machine, or a truth value."""

    __slots__ = ("lines", "truth")

    __rank__ = 4
    name: str

    def __init__(self, lines: _Lines, name: str, truth: bool = False) -> None:
        self.lines, self.name, self.truth = lines, name, truth

    @staticmethod
    def __apply__(op: Primitive, operands: Sequence[Any]) -> Any:
        lines = next(x.lines for x in operands if isinstance(x, _Scalar))
        return lines.compute(op, operands)


class _Lines:
    """Writes what a function does in each lane."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.known: dict[str, _Scalar] = {}

    def of(self, kind: Kind) -> list[str]:
        """Write the lines for a kind."""
        op, wanted = kind
        xs = [_Scalar(self, f"x{k}") for k in range(arity(op))]
        result, gradient = _Scalar(self, "y"), _Scalar(self, "g")
        if wanted is None:
            self.lines.append(f"memory[r + k] = {_name(op(*xs))}")
        else:
            if op is p.where:
                shares = [p.where(xs[0], gradient, 0.0), p.where(xs[0], 0.0, gradient)]
                shares = list(compress(shares, wanted[1:]))
            else:
                shares = [gradient * x for x in op.local_derivatives(result, xs, wanted)]
            for name, share in zip(compress(_NAMES, wanted), shares, strict=True):
                self.lines.append(f"gradients[{name} + k] += {_name(share)}")
        read = {word for line in self.lines for word in re.findall(r"\w+", line)}
        sources = {f"x{k}": f"memory[{_NAMES[k]} + k]" for k in range(len(xs))}
        sources |= {"y": "memory[r + k]", "g": "gradients[r + k]"}
        return [f"{x} = {source}" for x, source in sources.items() if x in read] + self.lines

    def compute(self, op: Primitive, operands: Sequence[Any]) -> Any:
        """Write an operation on scalars and constants; give the scalar of the result."""
        form = op.forward if op is p.where and not isinstance(operands[0], _Scalar) else None
        form = form or _FORMS.get(op)
        if form:
            return form(*operands)
        names = [_name(x) for x in operands]
        if op is p.where:
            test = names[0] if operands[0].truth else f"{names[0]} != 0.0"
            text = f"{names[1]} if {test} else {names[2]}"
        elif op in _OPERATORS:
            text = f" {op.name} ".join(names)
        else:
            text = f"{_CALLS.get(op, f'np.{op.numpy}')}({', '.join(names)})"
        if text not in self.known:
            self.known[text] = _Scalar(self, f"t{len(self.known)}", op in p.COMPARISONS)
            self.lines.append(f"{self.known[text].name} = {text}")
        return self.known[text]


def _name(x: Any) -> str:
    return x.name if isinstance(x, _Scalar) else repr(float(x))
