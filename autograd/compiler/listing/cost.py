"""What a compiled program costs: operations, bytes, and how much of it is matrix products.

What is counted is the NumPy code that runs, line by line as it is written, by these conventions:

- an operation on two numbers, such as +, ×, max or a comparison, is 1 flop; so is a function such
  as exp or tanh, which is counted a second time under `functions`, since it takes a processor some
  5 to 50 times as long;
- a product of matrices that adds up n terms is 2n flops for each number of the result. A bias that
  stands among the weights, so that it needs no addition of its own, is one of the terms;
- what is composed, such as gelu, counts as the operations that it runs as, and a derivative as
  those that compute it: what two of them have in common is computed once;
- a sum of n terms is n - 1 flops, and n if it is over the batch;
- a line reads each number of its operands once, and writes each number of its result, 8 bytes a
  number; so does one that only copies. What stays in a processor's cache is cheaper than that.

A layer with n inputs and m neurons, without biases, is 2nm flops forward and 4nm backward.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from operator import add
from typing import Any

from autograd import notation
from autograd.compiler.codegen import Work
from autograd.compiler.passes import SHARED, VARYING, Program

_BYTES = 8


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
        return Amount(*map(add, astuple(self), astuple(other)))

    def __mul__(self, n: int) -> Amount:
        return Amount(*[n * x for x in astuple(self)])


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
        """Return the cost for a batch."""
        return self.lane * samples + self.once


@dataclass(frozen=True)
class Cost:
    """What a call of a compiled function costs; `print` shows it step by step.

    Attributes:
        steps: the cost of each step of the program, of one in a loop that of all rounds.
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
            rows.append((step.what, *[f"{n:,}" for n in astuple(step.total(self.samples))]))
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


def cost_of(program: Program, work: Sequence[Work], samples: int) -> Cost:
    """Add up what a program costs, by what the lines of its code cost."""
    amounts: dict[Any, Amount] = defaultdict(Amount)
    for step, lanes, flops, blas, functions, moved in work:
        amounts[id(step), lanes] += Amount(flops, blas, functions, _BYTES * moved)
    costs = [
        _cost_of_rounds(steps, amounts)
        for space in (SHARED, VARYING)
        for rounds in program.stretches(space)
        for steps in zip(*rounds, strict=True)
    ]
    return Cost(tuple(costs), samples)


def _cost_of_rounds(steps: Sequence[Any], amounts: dict[Any, Amount]) -> StepCost:
    """Add up what a step costs in all rounds of a loop; of one alone, there is one round."""
    times = f"{len(steps)} × " if len(steps) > 1 else ""
    lane, once = [sum([amounts[id(x), own] for x in steps], Amount()) for own in (True, False)]
    return StepCost(f"{times}{steps[0].title}", lane, once)
