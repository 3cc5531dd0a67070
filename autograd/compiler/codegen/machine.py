"""A machine in native code that follows the instructions of tapes; Numba makes it, if that is here.

The machine is a loop that serves all programs, and a function for each kind of instruction. These
are written by applying the rows and the rules of the table to scalars, which write down what they
are asked to compute. For the derivative of the lecture's neuron, relu(z):

    before   kind (relu, 0), which is gradients[t] += gradients[r] * above(memory[a], 0.0)
    after    x0, g = memory[a + k], gradients[r + k]
             t0 = x0 > 0.0
             t1 = x0 <= 0.0
             t2 = 0.0 if t1 else nan
             t3 = 1.0 if t0 else t2
             t4 = g * t3
             gradients[t + k] += t4

for all lanes k. A function is compiled when a program first needs it, and is kept on disk.

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
from math import nan
from typing import Any

import numpy as np

from autograd.compiler.codegen import kernels, native
from autograd.compiler.codegen.instructions import MANY, Instructions, Kind, arity
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
def call(context, address, t, r, a, b, c, lanes, memory, gradients):
    def code(context, builder, signature, args):
        address, *numbers, memory, gradients = args
        integer, pointer = ir.IntType(64), ir.DoubleType().as_pointer()
        signature = ir.FunctionType(ir.VoidType(), [integer] * 6 + [pointer] * 2)
        function = builder.inttoptr(address, signature.as_pointer())
        arrays = [builder.inttoptr(x, pointer) for x in (memory, gradients)]
        builder.call(function, [*numbers, *arrays])
        return context.get_dummy_value()

    return types.void(*[types.uint64] * 9), code

def follow(rows, functions, fresh, lanes, memory, gradients):
    for x in fresh:
        start = np.uint64(x) * lanes
        gradients[start : start + lanes] = -0.0
    for i in range(len(rows)):
        t, r = np.uint64(rows[i, 1]) * lanes, np.uint64(rows[i, 2]) * lanes
        a, b, c = np.uint64(rows[i, 3]), np.uint64(rows[i, 4]), np.uint64(rows[i, 5])
        call(
            functions[rows[i, 0]], t, r, a * lanes, b * lanes, c * lanes, lanes,
            np.uint64(memory.ctypes.data), np.uint64(gradients.ctypes.data),
        )
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
    functions = np.array([function(kind).address for kind in instructions.kinds], np.uint64)
    lanes = np.uint64(memory[0].size)
    arrays = memory.reshape(-1), gradients.reshape(-1)
    return loop(), (instructions.rows, functions, instructions.fresh, lanes, *arrays)


# --- what Numba compiles --------------------------------------------------------------------------


@cache
def loop() -> Any:
    """Compile the loop."""
    from numba import njit

    signature = "void(int32[:, ::1], uint64[::1], int32[::1], uint64, float64[::1], float64[::1])"
    return native.kept(lambda keep: njit(signature, cache=keep, nogil=True)(_code("follow")))


@cache
def function(kind: Kind) -> Any:
    """Compile the function for a kind; it has an `address`."""
    import numba

    pointer = numba.types.CPointer(numba.types.float64)
    signature = numba.types.void(*[numba.types.uint64] * 6, pointer, pointer)
    code = _code(f"kind_{kinds().index(kind)}")
    return native.kept(lambda keep: numba.cfunc(signature, cache=keep, error_model="numpy")(code))


def _code(name: str) -> Any:
    return getattr(native.module("machine", _source()), name)


# --- the code of the machine ----------------------------------------------------------------------


@cache
def kinds() -> list[Kind]:
    """Return all kinds of instructions that the machine knows."""
    known = [op for op in p.TABLE.values() if op.numpy or op in _CALLS or op in _FORMS]
    values: list[Kind] = [(op, None) for op in known]
    return values + [
        (op, i)
        for op in known
        if op is p.where or (op is not p.dot and op.partials is not None)
        for i in range(op is p.where, arity(op))
    ]


@cache
def _source() -> str:
    """Write the functions."""
    lines = [kernels.SOURCE, _LOOP]
    for i, kind in enumerate(kinds()):
        lines += [
            f"def kind_{i}(t, r, a, b, c, lanes, memory, gradients):  # of {kind[0].name}",
            "    for k in range(lanes):",
            *[f"        {line}" for line in _Lines().of(kind)],
        ]
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
        op, i = kind
        xs = [_Scalar(self, f"x{k}") for k in range(arity(op))]
        result, gradient = _Scalar(self, "y"), _Scalar(self, "g")
        if i is None:
            last = f"memory[t + k] = {_name(op(*xs))}"
        else:
            if op is p.where:
                share = p.where(xs[0], *[gradient if i == k else 0.0 for k in (1, 2)])
            elif op is p.fsum:
                share = gradient
            else:
                wanted = [k == i for k in range(len(xs))]
                (slope,) = op.local_derivatives(result, xs, wanted)
                share = gradient * slope
            last = f"gradients[t + k] += {_name(share)}"
        self.lines.append(last)
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
