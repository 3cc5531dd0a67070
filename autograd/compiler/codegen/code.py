"""The language that programs are lowered to: lines of NumPy code, and the arrays they name.

The rules of the table are applied to symbols here, which write down what they are asked to compute.
For the derivative of the lecture's neuron, relu(z), the rule asks for 1 where z > 0:

    before   above(z, 0.0)
    after    ceil(clip(Z, 0.0, 1.0, out=t), out=t)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod
from types import CodeType, FunctionType
from typing import Any

import numpy as np
from scipy import special

from autograd.compiler.codegen.instructions import Numbers
from autograd.compiler.passes import (
    SHARED,
    VARYING,
    Program,
    Ref,
    StandIn,
    Step,
)
from autograd.engine import Primitive
from autograd.engine import table as p
from autograd.numbers import erf_table as errorfunction
from autograd.numbers.arrays import function_of

# Rows that are a ufunc of NumPy or SciPy, or a function that is called like one.
UFUNCS: dict[Primitive, Any] = {
    **{
        op: function for op in p.TABLE.values() if isinstance(function := function_of(op), np.ufunc)
    },
    p.erf: errorfunction.erf,
    p.erfc: errorfunction.erfc,
    p.sigmoid: special.expit,
}


_HEAVISIDE = Primitive("heaviside", lambda x: np.ceil(np.clip(x, 0.0, 1.0)), None)
NONZERO = Primitive("nonzero", lambda x: x != 0.0, None)
NOT = Primitive("not", lambda x: not x, None)
AND = Primitive("and", lambda x, y: x and y, None)


def _expand_above(a: Any, b: Any) -> Any:
    if b.__class__ is float and b - b == 0.0:
        return _HEAVISIDE(a if b == 0.0 else a - b)
    return p.where(p.gt(a, b), 1.0, p.where(p.le(a, b), 0.0, np.nan))


# Rows that are a function of NumPy's with a constant.
_CALLS = {
    p.clip: "clip({}, {}, {}",
    p.relu: "maximum({}, 0.0",
    # 1 above 0, 0 below and at it, nan for nan: ten times as fast as NumPy's own heaviside
    _HEAVISIDE: "ceil(clip({0}, 0.0, 1.0, out={out})",
    NONZERO: "not_equal({}, 0.0",
    NOT: "logical_not({}",
    AND: "logical_and({}, {}",
}

# Functions of NumPy that are a handful of a processor's instructions or fewer for each number.
_SIMPLE = {
    *("add", "subtract", "multiply", "divide", "negative", "square", "sqrt", "absolute", "sign"),
    *("less", "less_equal", "greater", "greater_equal", "equal", "not_equal"),
    *("maximum", "minimum"),
}

# Rows for which NumPy has no single function, in terms of others.
_EXPANSIONS: dict[Primitive, Callable[..., Any]] = {
    **{op: op.expansion for op in p.TABLE.values() if op.expansion is not None},
    p.above: _expand_above,
    p.silu: p.silu.forward,
    p.gelu: p.gelu.forward,
    p.gelu_tanh: p.gelu_tanh.forward,
}


def expansion_of(op: Primitive, operands: Sequence[Any]) -> Callable[..., Any] | None:
    """Find how to write a row with others."""
    if op is p.where and not isinstance(operands[0], StandIn):
        return op.forward
    if op is p.power and operands[1].__class__ is float and operands[1] == 0.5:
        return _root
    return _EXPANSIONS.get(op)


def _root(x: Any, _: float) -> Any:
    """Return x to the power ½, which NumPy takes for the square root; at -inf and -0 it is not."""
    return p.where(p.eq(x, -np.inf), np.inf, p.sqrt(x) + 0.0)


class Symbol(StandIn):
    """An array of the generated code: its name, and whether it is a truth value.

    It has a Value's operators and methods, so that rules that use them serve here too.
    """

    __slots__ = ("code", "truth", "varying")

    __rank__ = 4
    _where = "in a partial derivative that is compiled, since it serves all lanes at once"
    name: str

    def __init__(self, code: Code, name: str, varying: bool, truth: bool = False) -> None:
        self.code, self.name, self.varying, self.truth = code, name, varying, truth

    @staticmethod
    def __apply__(op: Primitive, operands: Sequence[Any]) -> Any:
        code = next(x.code for x in operands if isinstance(x, Symbol))
        return code.compute(op, operands)


# What makes an array that code names, of the buffers and the number of lanes.
Maker = Callable[[dict[str, Any], int], Any]

# What a line costs: the step it is for, and whether in each lane; flops, those of them in matrix
# products, and those that are functions; how many numbers it reads and writes.
Work = tuple[Any, bool, int, int, int, int]


class Code:
    """Lines of code being written, and the arrays they name.

    `makers` says for each name how its array is made from the buffers, once the number of lanes is
    known.

    Args:
        program: what the code is for.
        is_flat: whether the results of a step are one row after the other, instead of an array with
            the step's axes.
        numbers: for each space, where the operands of instructions stand; None where NumPy runs
            the tapes. See `machine.py`.
    """

    def __init__(
        self,
        program: Program,
        is_flat: bool = False,
        numbers: dict[str, Numbers] | None = None,
    ) -> None:
        self.program, self.is_flat, self.numbers = program, is_flat, numbers
        self.lines: list[str] = []
        self.work: list[Work] = []  # what the lines cost
        self.writing: Any = None  # the step that they are for
        self.makers: dict[str, Maker] = {}
        self.names: dict[Any, str] = {}
        self.keys: dict[str, Any] = {}
        self.series_of: dict[str, tuple[Any, int]] = {}  # where what is kept stands in a series
        self.shape: tuple[int, ...] = ()
        self.varying = False
        self.scratch = 0
        self.free: dict[Any, list[str]] = {}
        self.busy: list[tuple[Any, str]] = []
        self.known: dict[Any, Symbol] = {}  # what has been computed in this step
        self.results: dict[Any, Symbol] = {}  # and by whole steps, by shape and meaning
        self.keeps = False  # whether the forward code is being written, and a backward one will be
        self.kept: dict[Any, Symbol] = {}
        self.copies: dict[Any, Any] = {}  # of factors of products, that were kept
        self.kept_bytes = 0  # per lane
        self.scratch_bytes = 0  # per lane
        self._step: Any = None
        self._meanings: dict[str, Any] = {}  # of scratch arrays: the operation and its operands
        self.functions: dict[Any, Any] = {}  # for the rows of tapes, by what these have in common
        # their backward code, by identity: a line, the places it writes to, and what it costs
        self.tapes: dict[int, tuple[str, list[int], list[Work]]] = {}
        self.ones = {
            place
            for space, place, number in program.constants
            if space == VARYING and number == 1.0
        }
        # for each place of a buffer, whether code reaches it otherwise than by the name of a view
        self.touched = {
            kind + space: np.zeros(size, dtype=bool)
            for space, size in program.sizes.items()
            for kind in ("", "d")
        }

    # --- names ------------------------------------------------------------------------------

    def name(self, key: Any, maker: Maker, prefix: str = "a") -> str:
        """Return the name of an array, or of what else code needs, made once for each key."""
        if key not in self.names:
            self.names[key] = name = f"{prefix}{len(self.names)}"
            self.makers[name], self.keys[name] = maker, key
        return self.names[key]

    def temporary(self, shape: tuple[int, ...], varying: bool, dtype: Any = np.float64) -> str:
        """Return a scratch array, which is free again after the step; `varying` adds the lanes."""
        kind = (shape, varying, dtype)
        pool = self.free.setdefault(kind, [])
        if not pool:
            self.scratch += 1
            self.scratch_bytes += 8 * prod(shape) * varying
            pool.append(
                self.name(
                    ("t", self.scratch),
                    lambda _, lanes: np.empty((*shape, lanes) if varying else shape, dtype),
                )
            )
        name = pool.pop()
        self.busy.append((kind, name))
        return name

    def begin_step(self, step: Step) -> Any:
        """Start on a step, whose results have the shape of its axes; give their places.

        The forward code keeps results for the backward code that are too dear to compute again.
        """
        shape = (step.size,) if self.is_flat else step.axes[0]
        self.begin(shape, step.space == VARYING, (step.space, step.start))
        return np.arange(step.start, step.start + step.size).reshape(shape)

    def begin(self, shape: tuple[int, ...], varying: bool, step: Any = None) -> None:
        """Start on results of this shape: scratch arrays are free, and nothing is known."""
        for kind, name in reversed(self.busy):  # so that a step takes the same ones every time
            self.free[kind].append(name)
        self.busy, self.known = [], {}
        self._step, self._meanings = step, {}
        self.shape, self.varying = shape, varying

    def emit(self, line: str) -> None:
        """Write one line."""
        self.lines.append(line)

    def count(
        self, lanes: bool, flops: int = 0, moved: int = 0, functions: int = 0, blas: int = 0
    ) -> None:
        """Note what a line costs, in each lane or for all lanes together."""
        self.work.append((self.writing, lanes, flops, blas, functions, moved))

    def take_lines(self) -> list[str]:
        """Return the lines written so far, and start a new section."""
        lines, self.lines = self.lines, []
        return lines

    def lift_names(self) -> tuple[str, str]:
        """Name the places that are copied from the shared space, and the places of the copies."""
        shared, lifted = map(np.array, zip(*self.program.lifts, strict=True))
        self.touch_both(SHARED, shared)
        return self.name("shared", lambda *_: shared), self.name("lifted", lambda *_: lifted)

    # --- loops ------------------------------------------------------------------------------

    def state(self) -> Any:
        """Return what `go_back` needs to forget what is written from now on."""
        own = self.results.copy(), self.kept.copy(), self.copies.copy()
        return *own, len(self.work), self.kept_bytes

    def go_back(self, state: Any) -> None:
        """Forget what has been written since."""
        self.results, self.kept, self.copies, count, self.kept_bytes = state
        del self.work[count:]

    def repeat_work(self, start: int, times: int) -> None:
        """Note that what the lines from `start` on cost is due so many times more."""
        self.work += self.work[start:] * times

    def series(self, names: Sequence[str], numbers: Sequence[int], over: range) -> Maker | None:
        """Find how to make the arrays that the rounds of a loop name at one place of the code.

        Args:
            names: what the rounds that are written call it.
            numbers: the numbers of these, one after the other as in `over`.
            over: the numbers of all rounds of the loop.

        Returns:
            What makes a list with an array for each round; None where they do not advance evenly.
        """
        if not all(name in self.keys for name in names):
            return None
        keys = [self.keys[name] for name in names]
        ahead = (over[0] - numbers[-1]) * over.step  # rounds from the last one written
        last, n = names[-1], len(over)
        kind, *_ = keys[-1]
        if {key[0] for key in keys} != {kind}:
            return None
        if kind in VIEWS and len({(key[1], *key[3:]) for key in keys}) == 1:
            rows = _advance([key[2] for key in keys])
            buffer = keys[-1][1]
            return (
                None
                if rows is None
                else lambda made, _: _views(made[last], made[buffer], rows, ahead, n)
            )
        if kind == "index" and len({key[2] for key in keys}) == 1:
            places = [self.makers[name]({}, 0) for name in names]
            step = _advance(places)
            return (
                None
                if step is None
                else lambda *_: [places[-1] + (ahead + i) * step for i in range(n)]
            )
        return self._kept_series(names, numbers, over) if kind == "kept" else None

    def _kept_series(
        self, names: Sequence[str], numbers: Sequence[int], over: range
    ) -> Maker | None:
        """Find how to make what each round keeps in the forward code, and in the backward code."""
        last = names[-1]
        if not self.keeps:
            key, _ = self.series_of.get(last, (None, 0))
            if [self.series_of.get(name) for name in names] != [(key, i) for i in numbers]:
                return None
            series = self.names.get(key)
            if series is None:  # the forward code has no loop
                return None
            return lambda made, _: [made[series][i] for i in over]
        own = dict(zip(numbers, names, strict=True))
        self.series_of |= {name: (("series", names, over), i) for i, name in own.items()}
        return lambda made, _: [
            made[own[i]] if i in own else np.empty_like(made[last]) for i in over
        ]

    # --- operands ---------------------------------------------------------------------------

    def rows(self, buffer: str, places: Any, column: bool = False) -> str:
        """Name the view of evenly spaced rows; `column` lets shared rows meet lanes."""
        first, stride = int(places[0]), int(places[1] - places[0]) if len(places) > 1 else 1
        stop = first + stride * len(places)
        index = slice(first, None if stop < 0 else stop, stride)

        def maker(buffers: dict[str, Any], _: int) -> Any:
            view = buffers[buffer][index]
            return view[:, None] if column else view

        return self.name(("rows", buffer, first, (stride,), (len(places),), column), maker)

    def array(self, buffer: str, places: Any, column: bool = False) -> str | None:
        """Name the view of rows at an array of places; None where these have no strides."""
        if places.ndim == 1 and even(places):
            return self.rows(buffer, places, column)
        strides = strides_of(places)
        if strides is None:
            return None
        if buffer == VARYING:
            self.touch(buffer, places)
        first, shape = int(places.flat[0]), places.shape

        def maker(buffers: dict[str, Any], _: int) -> Any:
            view = strided_view(buffers[buffer], first, shape, strides)
            return view[..., None] if column else view

        return self.name(("array", buffer, first, strides, shape, column), maker)

    def read(self, ref: Ref | float) -> Any:
        """Return the symbol for one operand of an elementwise step."""
        if not isinstance(ref, Ref):
            return ref
        column = self.varying and ref.space == SHARED
        places = ref.places.reshape(self.shape)
        name = self.array(ref.space, places, column)
        if name is None:
            name = self.gather(ref.space, places) + "[..., None]" * column
        return Symbol(self, name, ref.space == VARYING)

    def gather(self, space: str, places: Any) -> str:
        """Copy scattered rows into a scratch array."""
        target = self.temporary(places.shape, space == VARYING)
        self.take(space, places, target)
        return target

    def take(self, space: str, places: Any, target: str) -> None:
        """Copy scattered rows into an array."""
        self.touch(space, places)
        index = self.index(places)
        self.count(space == VARYING, moved=2 * places.size)
        self.emit(f"take({space}, {index}, 0, {target}, 'clip')")
        self._meanings[target] = "take", space, index

    def index(self, places: Any) -> str:
        """Name an array of places."""
        return self.name(("index", places.tobytes(), places.shape), lambda *_: places)

    def at(self, buffer: str, places: Any) -> str:
        """Write the choice of scattered rows."""
        self.touch(buffer, places)
        return f"{buffer}[{self.index(places)}]"

    def touch(self, buffer: str, places: Any) -> None:
        """Note that code reaches places otherwise than by the name of a view.

        What is an argument, or a gradient to hand out, has to stand there then.
        """
        if buffer in self.touched:
            self.touched[buffer][places] = True

    def touch_both(self, space: str, places: Any) -> None:
        """Note the same of the numbers at places of a space, and of the gradients there."""
        self.touch(space, places)
        self.touch("d" + space, places)

    def terms(self, space: str, places: Any) -> str:
        """Name the array of the terms of sums."""
        return self.array(space, places) or self.gather(space, places)

    def copy_of(self, ref: Ref) -> str:
        """Name a copy of the factors of sums, for code that hardly ever runs."""
        column = "[:, :, None]" * (self.varying and ref.space == SHARED)
        return self.at(ref.space, ref.places) + column

    def present(self, step: Step) -> str:
        """Name the truth values that tell which products of sums are not missing."""
        shown = ~step.missing[..., None] if self.varying else ~step.missing
        return self.name(("present", step.space, step.start), lambda *_: shown, prefix="present")

    # --- elementwise operations -------------------------------------------------------------

    def compute(self, op: Primitive, operands: Sequence[Any], out: str | None = None) -> Any:
        """Write an operation on symbols and constants; give the symbol of the result."""
        names = [x.name if isinstance(x, Symbol) else _literal(x) for x in operands]
        meaning = (op, *map(self._meaning, names))
        if out is None and (self.shape, meaning) in self.results:
            return self.results[self.shape, meaning]
        expansion = expansion_of(op, operands)
        if expansion:
            result = expansion(*operands)
            return self.copied(result, out) if out else result
        key = (op, *names)
        if out is None and key in self.known:
            return self.known[key]
        if out is None and (self._step, meaning) in self.kept:
            return self.kept[self._step, meaning]
        varying = any(isinstance(x, Symbol) and x.varying for x in operands)
        truth = op.partials is None and op in _TRUTHS
        shape = self.shape
        if out is None:
            if op is p.mul and "1.0" in names:
                return operands[1 - names.index("1.0")]
            if self.shape and self.varying and not varying:
                shape = (*shape, 1)
            if self.keeps and op in _DEAR and self._step is not None:
                target = self._array_to_keep(shape, varying, meaning)
            else:
                target = self.temporary(shape, varying, np.bool_ if truth else np.float64)
            self._meanings[target] = meaning
        else:
            target = out
        calls, functions = 1, 0
        if op is p.where:
            condition = operands[0]
            test = condition.name
            if not condition.truth:
                test = self.compute(NONZERO, [condition]).name
            self.emit(f"copyto({target}, {names[2]})")
            self.emit(f"copyto({target}, {names[1]}, where={test})")
        elif op is p.sigmoid and out is None:  # in a row that may multiply what is tiny
            (x,) = names
            calls, functions = 3, 2
            self.emit(f"numpy_exp({x}, out=expit({x}, out={target}), where=less({x}, -709.0))")
        elif op in _CALLS:
            calls += op is _HEAVISIDE
            self.emit(f"{_CALLS[op].format(*names, out=target)}, out={target})")
        elif op in UFUNCS:
            functions += is_function(op)
            self.emit(f"{UFUNCS[op].__name__}({', '.join(names)}, out={target})")
        else:
            functions = 1
            function = self.name(("op", op), lambda *_: op.forward)  # a user's own
            self.emit(f"{target}[...] = {function}({', '.join(names)})")
        n, read = prod(shape), [x.varying for x in operands if isinstance(x, Symbol)]
        moved = n * (2 * calls - 1 + read.count(varying))
        self.count(varying, n * calls, moved, n * functions)
        if varying and False in read:
            self.count(False, moved=n * read.count(False))
        symbol = Symbol(self, target, varying, truth)
        if out is None:
            self.known[key] = symbol
        return symbol

    def note_result(self, op: Primitive, operands: Sequence[Any], out: str) -> None:
        """Note what a step has computed, which the derivatives of others may ask for."""
        if op not in _TRUTHS:  # a result is a number, and no truth value
            names = [x.name if isinstance(x, Symbol) else _literal(x) for x in operands]
            meaning = (op, *map(self._meaning, names))
            self.results[self.shape, meaning] = Symbol(self, out, self.varying)

    def _meaning(self, name: str) -> Any:
        """Say what a name stands for that may stand for something else in another step."""
        return self._meanings.get(name.removesuffix("[..., None]"), name)

    def _array_to_keep(self, shape: tuple[int, ...], varying: bool, meaning: Any) -> str:
        """Name an array that is as good as scratch, but stays until the backward code."""
        key = self._step, meaning
        name = self.to_keep(key, shape, varying)
        self.kept[key] = Symbol(self, name, varying)
        return name

    def to_keep(self, key: Any, shape: tuple[int, ...], varying: bool) -> str:
        """Name an array of its own, whose memory counts."""
        self.kept_bytes += 8 * prod(shape) if varying else 0
        return self.name(
            ("kept", key), lambda _, lanes: np.empty((*shape, lanes) if varying else shape)
        )

    def copied(self, x: Any, out: str) -> Symbol:
        """Write a symbol or a constant into an array."""
        if not isinstance(x, Symbol):
            self.emit(f"copyto({out}, {_literal(x)})")
        elif x.truth or not self._retargeted(x.name, out):
            self.count(self.varying, moved=2 * prod(self.shape))
            self.emit(f"copyto({out}, {x.name})")
        return Symbol(self, out, True)

    def _retargeted(self, name: str, out: str) -> bool:
        """Let the last operation write to `out`, if it has just made that scratch array."""
        end, choice = f", out={name})", f"copyto({name}, "
        is_scratch = name in [busy for _, busy in self.busy]
        if not is_scratch or not self.lines or name in WORD.findall(out):
            return False
        once = [WORD.findall(line).count(name) == 1 for line in self.lines[-2:]]
        if self.lines[-1].endswith(end) and once[-1]:
            self.lines[-1] = self.lines[-1].removesuffix(end) + f", out={out})"
        elif all(once) and all(line.startswith(choice) for line in self.lines[-2:]):
            self.lines[-2:] = [line.replace(choice, f"copyto({out}, ") for line in self.lines[-2:]]
        else:
            return False
        self.known = {key: symbol for key, symbol in self.known.items() if symbol.name != name}
        return True


def _advance(values: Sequence[Any]) -> Any:
    """Return how far each value is from the one before it; None where that differs."""
    steps = [after - before for before, after in pairwise(values)]
    return steps[0] if all(np.array_equal(step, steps[0]) for step in steps) else None


def _views(view: Any, buffer: Any, rows: int, ahead: int, count: int) -> list[Any]:
    """Make views of a buffer, each so many rows on from the one before it.

    Args:
        view: one that the others follow, or go before.
        buffer: what they show.
        rows: how many rows.
        ahead: how many views after the given one the first one is.
        count: how many there are.
    """
    if not view.size:
        return [view] * count
    stride = rows * buffer.strides[0]
    start = view.ctypes.data - buffer.ctypes.data + ahead * stride
    views = np.ndarray((count, *view.shape), view.dtype, buffer, start, (stride, *view.strides))
    return [views[i, ...] for i in range(count)]  # of a view without axes, no number to write to


VIEWS = ("rows", "array", "view")  # the keys of views of a buffer


def extent(key: Any) -> tuple[int, int]:
    """Return from where to where there is a row in the view of a key.

    >>> extent(("rows", "S", 7, (-2,), (3,), False)), extent(("array", "S", 1, (3, 1), (2, 2)))
    ((3, 8), (1, 6))
    """
    first, *axes = key[2:]
    pairs = [x[:2] for x in axes] if key[0] == "view" else zip(axes[1], axes[0], strict=True)
    ways = [(n - 1) * stride for n, stride in pairs]
    return first + sum(x for x in ways if x < 0), first + sum(x for x in ways if x > 0) + 1


def is_function(op: Primitive) -> bool:
    """Tell whether a row is a function such as exp, that takes a processor many instructions."""
    return UFUNCS[op].__name__ not in _SIMPLE


_DEAR = {p.erfc, p.sigmoid}  # what a rule has in common with its derivative
_TRUTHS = {*p.COMPARISONS, NONZERO, NOT, AND}


WORD = re.compile(r"\w+")  # a name in a line

# A float among the arguments of a function, and how it is written as a part of a name.
FLOAT = re.compile(r"(?<![\w.])-?(?:\d+\.\d+(?:e[+-]\d+)?|\d+e[+-]\d+|inf|nan)\b")
_AS_NAME, _FROM_NAME = str.maketrans(".+-", "dpm"), str.maketrans("dpm", ".+-")


def function_code(lines: Sequence[str], parameters: str = "") -> CodeType:
    """Compile lines to the code of a function; `bound` gives it the meanings of all names.

    Floats become names such as "number_0d5", but for those in an assignment: that may be a call of
    a user's function, which is to have floats.
    """
    named = [
        line if "] = " in line else FLOAT.sub(lambda x: "number_" + x[0].translate(_AS_NAME), line)
        for line in lines or ["pass"]
    ]
    source = "\n ".join([f"def run({parameters}):", *named])
    module = compile(source, "<compiled function>", "exec")
    return next(code for code in module.co_consts if isinstance(code, CodeType))


def bound(code: CodeType, names: dict[str, Any]) -> FunctionType:
    """Make a function of code. Numbers in it become arrays, with which NumPy is done faster."""
    for name in code.co_names:
        if name.startswith("number_") and name not in names:
            number = name.removeprefix("number_").translate(_FROM_NAME)
            names[name] = np.array(float(number))
    return FunctionType(code, names)


def _literal(x: float) -> str:
    return repr(float(x)) if x - x == 0.0 else "nan" if x != x else "inf" if x > 0 else "-inf"


def even(places: Any) -> bool:
    """Tell whether places are evenly spaced, so that a slice reaches them."""
    if len(places) < 2:
        return True
    steps = np.diff(places)
    return bool(steps[0] != 0 and (steps == steps[0]).all())


def strides_of(places: Any) -> tuple[int, ...] | None:
    """Return the stride along each axis of an array of places, if it has such.

    >>> strides_of(np.array([[1, 2], [4, 5]]))
    (3, 1)
    """
    expected = first = int(places.flat[0])
    strides = []
    for axis, n in enumerate(places.shape):
        strides.append(int(places.take(min(1, n - 1), axis).flat[0]) - first)
        expected = np.add.outer(expected, strides[-1] * np.arange(n))
    return tuple(strides) if (expected == places).all() else None


def strided_view(array: Any, first: int, shape: Sequence[int], strides: Sequence[int]) -> Any:
    """Return the view of an array whose rows stand at `first` and with these strides from there.

    >>> strided_view(np.arange(10), 1, (2, 2), (3, 1)).tolist()
    [[1, 2], [4, 5]]
    """
    base = array[first:]
    unit = base.strides[0]
    return np.lib.stride_tricks.as_strided(
        base, (*shape, *base.shape[1:]), (*(unit * s for s in strides), *base.strides[1:])
    )
