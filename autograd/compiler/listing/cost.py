"""What a compiled program costs: operations, bytes, and how much of it is matrix products.

The counts are of the program, by these conventions:

- an operation on two numbers, such as +, ×, max or a comparison, is 1 flop; so is a function such
  as exp or tanh, which is counted a second time under `functions`, since it takes a processor some
  5 to 50 times as long;
- ⟨w, x⟩ + b of n terms is 2n flops, and ⟨w, x⟩ too; a sum of n terms is n - 1;
- what is composed, such as gelu, counts as the operations that it runs as;
- the gradient of ⟨w, x⟩ + b is 2n flops by w and 2n by x; that of another operation is what its
  rule computes, and a product with the gradient of the result; each further term that is added to
  a gradient is 1, and so is each sample's to a sum over the batch;
- a step reads each of its operands once and writes each result once, 8 bytes a number. What stays
  in a processor's cache from one step to the next is cheaper than that.

For a layer with n inputs and m neurons the matrix products are 2nm flops forward and 4nm backward.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd import notation
from autograd.compiler.codegen import Code, Side, Symbol, is_matrix_product, result_letters, sides
from autograd.compiler.passes import (
    EXCESS,
    SHARED,
    TAKE,
    VARYING,
    Program,
    Ref,
    Step,
    Tape,
    active_places,
    differentiable,
)
from autograd.engine import Primitive
from autograd.engine import table as p

_BYTES = 8
_CALLS = re.compile(r"(\w+)\(")

# Functions of NumPy and SciPy that are a handful of a processor's instructions or fewer.
_SIMPLE = {
    *("add", "subtract", "multiply", "divide", "negative", "square", "sqrt", "absolute", "fabs"),
    *("maximum", "minimum", "clip", "ceil", "sign", "isnan", "copyto"),
    *("less", "less_equal", "greater", "greater_equal", "equal", "not_equal"),
    *("logical_and", "logical_or", "logical_not"),
}


@dataclass(frozen=True)
class Amount:
    """How much something costs.

    Attributes:
        flops: operations on numbers.
        blas: those of them in matrix products, which BLAS computes.
        functions: those of them that are exp, tanh and the like.
        moved: bytes read and written, if nothing stayed in a cache.
    """

    flops: int = 0
    blas: int = 0
    functions: int = 0
    moved: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.flops + other.flops,
            self.blas + other.blas,
            self.functions + other.functions,
            self.moved + other.moved,
        )

    def __mul__(self, n: int) -> Amount:
        return Amount(self.flops * n, self.blas * n, self.functions * n, self.moved * n)


@dataclass(frozen=True)
class StepCost:
    """What one step costs, forward and, if there is a gradient, backward.

    Attributes:
        what: the operation, and how many numbers it takes and gives.
        lane: for each sample.
        once: however many samples there are.
    """

    what: str
    lane: Amount = Amount()
    once: Amount = Amount()

    def total(self, samples: int) -> Amount:
        """Give the cost for a batch."""
        return self.lane * samples + self.once


@dataclass(frozen=True)
class Cost:
    """What a call of a compiled function costs; `print` shows it step by step.

    Attributes:
        steps: the cost of each step of the program.
        samples: the size of the batch of the latest call.

    >>> import autograd
    >>> f = autograd.compile(lambda w, x: autograd.tanh(autograd.dot(w, x)), in_axes=(None, 0))
    >>> _ = f([1.0, 2.0, 3.0], [[1.0, 0.0, 2.0]] * 10)
    >>> f.cost.flops, f.cost.lane.flops, f.cost.functions
    (70, 7, 10)
    >>> print(f.cost)
    step        flops  in BLAS  functions  bytes
    dot (3→1)      60      60          0    344
    tanh (1)       10       0         10    160
    a batch of 10: 70 flops, 86 % in BLAS; 10 functions; 504 bytes moved
    """

    steps: tuple[StepCost, ...]
    samples: int

    @property
    def lane(self) -> Amount:
        """The cost of each sample."""
        return sum([step.lane for step in self.steps], Amount())

    @property
    def once(self) -> Amount:
        """The cost that does not depend on the size of the batch."""
        return sum([step.once for step in self.steps], Amount())

    @property
    def total(self) -> Amount:
        """The cost of the latest batch."""
        return self.lane * self.samples + self.once

    @property
    def flops(self) -> int:
        """The operations for the latest batch."""
        return self.total.flops

    @property
    def functions(self) -> int:
        """Those of them that are exp, tanh and the like."""
        return self.total.functions

    @property
    def bytes(self) -> int:
        """The bytes read and written for the latest batch, if nothing stayed in a cache."""
        return self.total.moved

    @property
    def blas_share(self) -> float:
        """The share of the operations that is in matrix products, which BLAS computes."""
        return self.total.blas / self.total.flops if self.flops else 0.0

    @property
    def summary(self) -> str:
        """The cost of the latest batch in one line."""
        share = f"{100.0 * self.blas_share:.0f} % in BLAS"
        words = [f"{notation.count(self.flops, 'flop')}, {share}"]
        words += [notation.count(self.functions, "function")] if self.functions else []
        what = f"a batch of {self.samples:,}" if self.lane.moved else "a call"
        return f"{what}: {'; '.join([*words, size(self.bytes)])} moved"

    def __str__(self) -> str:
        head = ("step", "flops", "in BLAS", "functions", "bytes")
        rows: list[tuple[str, ...]] = [head]
        for step in self.steps:
            x = step.total(self.samples)
            rows.append((step.what, *[f"{n:,}" for n in (x.flops, x.blas, x.functions, x.moved)]))
        return f"{notation.aligned(rows)}\n{self.summary}"


def size(n: int) -> str:
    """Write a number of bytes.

    >>> size(504), size(1234567)
    ('504 bytes', '1.2 MB')
    """
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= scale:
            return f"{n / scale:.1f} {unit}"
    return notation.count(n, "byte")


def cost_of(program: Program, wanted: Sequence[bool] | None, samples: int) -> Cost:
    """Count what a program costs.

    Args:
        program: the program.
        wanted: for each input, whether the gradient by it is wanted; None for the value alone.
        samples: the size of the batch.
    """
    counter = _Counter(program)
    costs = [counter.forward(step) for step in program.steps]
    if wanted is not None:
        active = active_places(program, wanted)
        for i in range(len(costs) - 1, -1, -1):
            costs[i] = _added(costs[i], counter.backward(program.steps[i], active))
    names = map(_named, program.steps)
    return Cost(tuple(map(StepCost, names, *zip(*costs, strict=True))) if costs else (), samples)


_Pair = tuple[Amount, Amount]  # for each sample, and once


def _added(a: _Pair, b: _Pair) -> _Pair:
    return a[0] + b[0], a[1] + b[1]


class _Counter:
    """Counts what steps cost. Elementwise operations are lowered to code, of which calls count."""

    def __init__(self, program: Program) -> None:
        self.code = Code(program)
        self.written = {space: np.zeros(n, dtype=bool) for space, n in program.sizes.items()}
        for out in program.outputs[:1]:
            if not isinstance(out, float):
                self.written[out[0]][out[1]] = True
        self.known: dict[Any, Amount] = {}

    # --- forward ------------------------------------------------------------------------------

    def forward(self, step: Step | Tape) -> _Pair:
        """Count the forward pass of a step."""
        if isinstance(step, Tape):
            rows = zip(step.ops, step.operands, strict=True)
            work = _total(Counter([self.of_row(op, operands) for op, operands in rows]))
            moved = sum([len(_places(x)) + 1 for x in step.operands])
            return _placed(step.space, work + Amount(moved=_BYTES * moved))
        if step.op is p.dot:
            flops = 2 * step.operands[0].places.size  # type: ignore[union-attr]
            work = Amount(flops, flops * _in_blas(step)[0])
        else:
            work = self.of_row(step.op, step.operands) * step.size
        result = _placed(step.space, work + Amount(moved=_BYTES * step.size))
        for ref in _read(step):
            if isinstance(ref, Ref):
                result = _added(result, _placed(ref.space, _moved(ref)))
        return result

    def of_row(self, op: Primitive, operands: Sequence[Any]) -> Amount:
        """Count one row of a step, or of a tape."""
        if op is p.dot:
            return Amount(len(operands) // 2 * 2)
        if op is TAKE:
            return Amount()
        if op in (p.fsum, p.top, EXCESS):
            places = [x.places.shape[1] if isinstance(x, Ref) else 1 for x in operands]
            return Amount(sum(places) - 1)
        key = op, *[repr(x) if x.__class__ is float else None for x in operands]
        if key not in self.known:
            self.code.begin((), True)
            symbols = self.symbols(operands)
            if op is p.where and isinstance(symbols[0], Symbol):
                symbols[0].truth = True
            self.code.compute(op, symbols, "y")
            self.known[key] = self.counted()
        return self.known[key]

    def symbols(self, operands: Sequence[Any]) -> list[Any]:
        """Give operands of a rule."""
        return [
            x if x.__class__ is float else Symbol(self.code, f"x{i}", True)
            for i, x in enumerate(operands)
        ]

    def counted(self) -> Amount:
        """Count the calls in the lines that have been written."""
        flops = functions = 0
        for line in self.code.take_lines():
            if line.startswith("copyto") and "where=" not in line:
                continue
            names = _CALLS.findall(line) or [""]
            flops += len(names)
            functions += sum(name not in _SIMPLE for name in names)
        return Amount(flops, 0, functions)

    # --- backward -----------------------------------------------------------------------------

    def backward(self, step: Step | Tape, active: dict[str, Any]) -> _Pair:
        """Count the backward pass of a step, if a gradient reaches it."""
        if isinstance(step, Tape):
            return self.tape(step, active)
        here = self.written[step.space][step.start : step.start + step.size]
        flows = differentiable(step.op, step.operands)
        wanted = [False] * (len(step.operands) - len(flows))
        wanted += [self.wants(x, active) for x in flows]
        if not here.any() or not any(wanted):
            return Amount(), Amount()
        result = _placed(step.space, Amount(moved=_BYTES * step.size))
        if step.op is p.dot:
            flops = 2 * step.operands[0].places.size  # type: ignore[union-attr]
            for want, blas in zip(wanted, _in_blas(step)[1:], strict=False):
                work = Amount(flops, flops * blas)
                result = _added(result, _placed(step.space, work * want))
        elif step.op not in (p.fsum, EXCESS, TAKE):
            work = self.slopes(step.op, step.operands, wanted) * step.size
            result = _added(result, _placed(step.space, work))
        factors = sides(step)[:2] if step.op is p.dot else ()
        for i, (ref, want) in enumerate(zip(_read(step), wanted, strict=True)):
            if isinstance(ref, Ref):
                if step.op not in (p.fsum, EXCESS, TAKE):
                    result = _added(result, _placed(ref.space, _moved(ref)))
                if want:
                    result = _added(result, self.added_up(ref, step, factors[i : i + 1]))
        return result

    def wants(self, ref: Any, active: dict[str, Any]) -> bool:
        return isinstance(ref, Ref) and bool(active[ref.space][ref.places].any())

    def slopes(self, op: Primitive, operands: Sequence[Any], wanted: Sequence[bool]) -> Amount:
        """Count the local derivatives of one row, and their products with the gradient."""
        constants = [repr(x) if x.__class__ is float else None for x in operands]
        key = op, "slopes", *constants, *wanted
        if key not in self.known:
            self.code.begin((), True)
            symbols = self.symbols(operands)
            gradient = Symbol(self.code, "g", True)
            if op is p.where:
                work = Amount(sum(wanted))
            else:
                out = Symbol(self.code, "y", True)
                for slope in op.local_derivatives(out, symbols, wanted):
                    self.code.compute(p.mul, [gradient, slope])
                work = self.counted()
            self.known[key] = work
        return self.known[key]

    def added_up(self, ref: Ref, step: Step, factor: Sequence[Side]) -> _Pair:
        """Count what it takes to add terms to the gradients at `ref`, and note that they are.

        What several rows have in common as a `factor` gets the sum over these in one product.
        """
        places = (factor[0] if factor else ref).places.reshape(-1)
        written = self.written[ref.space]
        distinct = np.unique(places)
        terms = len(places) - int((~written[distinct]).sum())
        written[distinct] = True
        moved = Amount(moved=_BYTES * (len(distinct) + terms))
        if ref.space == SHARED and step.space == VARYING:
            # the sum over the lanes is inside of a matrix product
            return Amount(0 if factor else len(places)), moved
        return _placed(ref.space, moved + Amount(terms))

    def tape(self, tape: Tape, active: dict[str, Any]) -> _Pair:
        """Count the backward pass of a tape."""
        written, here = self.written[tape.space].data, active[tape.space].data
        slopes: Counter[Amount] = Counter()
        flops = moved = 0
        for i in range(len(tape.ops) - 1, -1, -1):
            op, operands = tape.ops[i], tape.operands[i]
            if not written[tape.places[i]]:
                continue
            flows = differentiable(op, operands)
            wanted = [False] * (len(operands) - len(flows))
            wanted += [x.__class__ is int and here[x] for x in flows]
            targets: list[Any] = [x for x, want in zip(operands, wanted, strict=True) if want]
            if not targets:
                continue
            if op is p.dot:
                flops += sum(wanted[:-1])
            elif op not in (p.fsum, EXCESS):
                slopes[self.slopes(op, operands, wanted)] += 1
            for x in targets:
                flops += written[x]
                written[x] = True
            moved += 1 + len(_places(operands)) + len(targets)
        return _placed(tape.space, _total(slopes) + Amount(flops, moved=_BYTES * moved))


def _total(amounts: Counter[Amount]) -> Amount:
    """Add up amounts, each as often as it was counted."""
    return sum([amount * n for amount, n in amounts.items()], Amount())


def _in_blas(step: Step) -> tuple[bool, bool, bool]:
    """Tell whether BLAS computes a dot, and the gradients by its two factors."""
    (_, _, left), (_, _, right), _ = sides(step)
    out = result_letters(step)
    return (
        is_matrix_product(out, left, right),
        is_matrix_product(left, out, right),
        is_matrix_product(right, out, left),
    )


def _placed(space: str, amount: Amount) -> _Pair:
    return (amount, Amount()) if space == VARYING else (Amount(), amount)


def _read(step: Step) -> Sequence[Ref | float]:
    """Give the operands; of a table, as many entries as are taken."""
    index, *tables = step.operands
    if step.op is not TAKE:
        return step.operands
    return index, *[Ref(x.space, x.places[:, 0]) for x in tables if isinstance(x, Ref)]


def _moved(ref: Ref) -> Amount:
    return Amount(moved=_BYTES * len(np.unique(ref.places)))


def _places(operands: Sequence[Any]) -> list[int]:
    return [x for x in operands if x.__class__ is int]


def _named(step: Step | Tape) -> str:
    """Say what a step does, and how many numbers it takes and gives."""
    if isinstance(step, Tape):
        return f"tape ({notation.count(len(step.ops), 'row')})"
    name = notation.label(step.op.name)
    if step.op is p.dot:
        return f"{name} ({step.operands[0].places.shape[1]}→{step.size})"  # type: ignore[union-attr]
    return f"{name} ({step.size})"
