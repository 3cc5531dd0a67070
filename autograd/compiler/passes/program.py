"""A re-rolled program as plain data: steps on arrays of places, and rows that run one by one.

For a layer of the lecture with weights at the places 0 to 5, inputs at 0 to 2 of the lanes:

    Step(dot, "V", start=3, size=2, operands=(Ref("S", [[0, 1, 2], [3, 4, 5]]),
                                              Ref("V", [[0, 1, 2], [0, 1, 2]]), 0.0))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np

from autograd import notation
from autograd.compiler.passes.axes import common_axes, joint_axes, product_axes
from autograd.compiler.passes.loops import Loop, loops_of
from autograd.compiler.passes.tables import TAKE
from autograd.compiler.passes.trace import Operand, Part
from autograd.engine import Primitive
from autograd.engine import table as p

SHARED, VARYING = "S", "V"  # one number for the whole batch, or one for each lane of it

Row = tuple[Primitive, int, tuple[Operand, ...]]  # the operation, the place of the result, operands


@dataclass(frozen=True)
class Ref:
    """Where an operand of a step stands: a space, and places in it.

    `places` has one entry per element of the step, or for a sum a row of n entries per element.
    """

    space: str
    places: Any


@dataclass(frozen=True)
class Step:
    """One operation on vectors: `size` results from place `start` of `space` on.

    An operand is a `Ref`, or a float where all elements have the same constant. Sums have one `Ref`
    for all terms. Where a step `is_filled`, nobody reads some of its results, or terms of its sums
    are `missing`; they are there for the sake of its axes. Of an operation that has been written
    out, `parts` tell what the results are; it may be empty if there is no such.
    """

    op: Primitive
    space: str
    start: int
    size: int
    operands: tuple[Ref | float, ...]
    is_filled: bool = False
    parts: tuple[Part | None, ...] = ()
    missing: Any = None

    @property
    def title(self) -> str:
        """What it does, and how many numbers it takes and gives."""
        terms = self.operands[0].places.shape[1] if self.op is p.dot else None  # type: ignore[union-attr]
        size = self.size if terms is None else f"{terms}→{self.size}"
        return f"{notation.label(self.op.name)} ({size})"

    @property
    def kind(self) -> Any:
        """What it has in common with a step that is the same one in another round of a loop."""
        operands = [x if isinstance(x, float) else (x.space, x.places.shape) for x in self.operands]
        missing = None if self.missing is None else self.missing.tobytes()
        return self.op, self.space, self.size, self.is_filled, missing, repr(operands)

    @property
    def shared(self) -> list[Ref]:
        """The operands that all lanes share."""
        return [x for x in self.operands if isinstance(x, Ref) and x.space == SHARED]

    def operations(self) -> set[Primitive]:
        """Return the different operations."""
        return {self.op}

    def rows(self, lift: Callable[[int], int] | None = None) -> Iterator[Row]:
        """Return its rows; `lift` gives the copy in the lanes of a place that these share."""
        columns: list[Any] = []
        for x in self.operands:
            own = x.places.reshape(self.size, -1).tolist() if isinstance(x, Ref) else [[x]]
            if isinstance(x, Ref) and x.space != self.space:
                assert lift is not None
                own = [list(map(lift, row)) for row in own]
            columns.append(own if isinstance(x, Ref) else own * self.size)
        for i, row in enumerate(zip(*columns, strict=True)):
            yield self.op, self.start + i, tuple(chain.from_iterable(row))

    def check(self, ready: dict[str, Any]) -> None:
        """Raise unless it reads only places that are `ready`; then its results are."""
        for ref in self.operands:
            if isinstance(ref, Ref):
                if len(ref.places) != self.size:
                    raise ValueError(f"{self.op.name} has {self.size} rows, not {len(ref.places)}")
                _require(ready, ref.space, ref.places, self.op.name)
        if self.start + self.size > len(ready[self.space]):
            raise ValueError(f"{self.op.name} has results beyond the end of its space")
        self.within(ready)[...] = True

    def activate(self, active: dict[str, Any]) -> None:
        """Mark those results that depend on a place that is `active`."""
        here = np.zeros(self.size, dtype=bool)
        for ref in differentiable(self.op, self.operands):
            if isinstance(ref, Ref):
                here |= active[ref.space][ref.places].reshape(self.size, -1).any(axis=1)
        self.within(active)[...] = here

    def reach(self, always: dict[str, Any]) -> None:
        """Mark the operands that a gradient `always` reaches, as it does the result."""
        if self.op not in (p.where, TAKE):  # which branch, or which entry, is not known
            for ref in differentiable(self.op, self.operands):
                if isinstance(ref, Ref):
                    rows, here = ref.places.T, self.within(always)
                    if self.missing is not None and rows.ndim == 2:
                        here = here & ~self.missing.T
                    np.logical_or.at(always[ref.space], rows, here)

    def within(self, spaces: dict[str, Any]) -> Any:
        """Return what `spaces` say of the results."""
        return spaces[self.space][self.start : self.start + self.size]

    @cached_property
    def axes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The axes of its results, and those of the terms of each: see `axes.py`."""
        places = [ref.places for ref in self.operands if isinstance(ref, Ref)]
        sums = [x for x in places if x.ndim == 2]
        if self.op is TAKE:  # what is read is found by the code
            return (self.size,), ()
        if not sums:
            moving = [x for x in places if (x != x[0]).any()]
            return joint_axes(moving) or (self.size,), ()
        several = [x for x in sums if (x != x[0]).any()]
        rows = product_axes(several)
        terms = common_axes([x.T if (x != x[0]).any() else x[:1].T for x in sums])
        return rows or (self.size,), terms or (sums[0].shape[1],)


@dataclass(frozen=True)
class Tape:
    """Rows of one space that are computed one after the other, with the methods of a `Step`.

    Attributes:
        space: where all operands and results stand.
        ops: the operation of each row.
        places: where its result goes; with no gradient to come, rows may have a place in turn.
        operands: places, and constants.
        parts: as those of a `Step`.
    """

    space: str
    ops: tuple[Primitive, ...]
    places: tuple[int, ...]
    operands: tuple[tuple[Operand, ...], ...]
    parts: tuple[Part | None, ...] = ()
    is_filled = False

    @property
    def title(self) -> str:
        """What it is, and of how many rows."""
        return f"tape ({notation.count(len(self.ops), 'row')})"

    @property
    def kind(self) -> Any:
        """What no other step has."""
        return id(self)

    @cached_property
    def read(self) -> Any:
        """The places that rows read, of one row after the other."""
        operands = chain.from_iterable(self.operands)
        return np.array([x for x in operands if x.__class__ is int], np.intp)

    @staticmethod
    def of(steps: Iterable[Step | Tape], lift: Callable[[int], int] | None = None) -> Tape:
        """Return a tape of all rows of steps of one space, for code; `lift` is as in `Step.rows`.

        >>> steps = [Step(p.exp, "S", 1 + i, 1, (Ref("S", np.array([i])),)) for i in (0, 1)]
        >>> Tape.of(steps).operands
        ((0,), (1,))
        """
        steps = list(steps)
        rows = [row for step in steps for row in step.rows(lift)]
        return Tape(steps[0].space, *map(tuple, zip(*rows, strict=True)))

    def rows(self, _: Callable[[int], int] | None = None) -> Iterator[Row]:
        """Return its rows."""
        return zip(self.ops, self.places, self.operands, strict=True)

    def operations(self) -> set[Primitive]:
        """Return the different operations."""
        return set(self.ops)

    def check(self, ready: dict[str, Any]) -> None:
        """Raise unless each row reads only places that are `ready`; then its result is."""
        here = ready[self.space].data
        for op, place, operands in zip(self.ops, self.places, self.operands, strict=True):
            for x in operands:
                if x.__class__ is int and not here[x]:
                    _require(ready, self.space, [x], op.name)
            here[place] = True

    def activate(self, active: dict[str, Any]) -> None:
        """Mark the results of rows that depend on a place that is `active`."""
        here = active[self.space].data
        for op, place, operands in zip(self.ops, self.places, self.operands, strict=True):
            flows = differentiable(op, operands)
            here[place] = True in [here[x] for x in flows if x.__class__ is int]

    def reach(self, always: dict[str, Any]) -> None:
        """Mark the operands that a gradient `always` reaches, as it does the result of the row."""
        here = always[self.space].data
        for i in range(len(self.ops) - 1, -1, -1):
            if self.ops[i] is not p.where and here[self.places[i]]:
                for x in differentiable(self.ops[i], self.operands[i]):
                    if x.__class__ is int:
                        here[x] = True


@dataclass(frozen=True)
class Factorisation(Tape):
    """Rows that factorise a matrix as K = L Lᵀ, and solve L z = y, which LAPACK does in one go.

    They are those of a tape, for those who have no use for that.

    Attributes:
        own: the places of L, a matrix, in further rows those of solutions; above the diagonal
            nobody reads what is there.
        given: in the same shape the places of what is factorised, and of the right sides.
    """

    own: Any = None
    given: Any = None
    verb = "cholesky"

    @property
    def title(self) -> str:
        """What it does, and how large the matrix is, or how many solutions of what size."""
        return f"{self.verb} ({'×'.join(map(str, self.own.shape))})"

    @property
    def entries(self) -> Any:
        """The places of L and the solutions, one after the other."""
        return self.own[self.lower]

    @property
    def lower(self) -> tuple[Any, Any]:
        """The indices of what is not above the diagonal."""
        return np.tril_indices_from(self.own)


@dataclass(frozen=True)
class Substitution(Factorisation):
    """Rows that solve Lᵀ x = z, from the last of x to the first: `own` has a row for each x.

    Attributes:
        matrix: the places of L, above the diagonal of what nobody reads.
    """

    matrix: Any = None
    verb = "solve"

    @property
    def lower(self) -> tuple[Any, Any]:
        """The indices of what there is: all."""
        rows, columns = np.indices(self.own.shape).reshape(2, -1)
        return rows, columns


def differentiable(op: Primitive, operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return those operands of a step or of a row to which a gradient flows."""
    if op is p.where:
        return operands[1:]
    return () if op.partials is None else operands


@dataclass(frozen=True)
class Program:
    """A re-rolled trace: plain data.

    Attributes:
        steps: in an order in which each reads only what is there already, the shared ones first.
        sizes: the number of places in each space.
        inputs: where the numbers of the inputs stand, in their order, run by run of one space.
        captured: nodes from outside, each with the place of its number among what the lanes share.
        constants: (space, place, value); no step writes there.
        lifts: (shared place, varying place) pairs, of which the second is a copy of the first.
        outputs: for each output its space and place, or a constant.
        native: whether native code is to run the tapes.

    Raises:
        ValueError: something is read that nothing has written.
    """

    steps: tuple[Step | Tape, ...]
    sizes: dict[str, int]
    inputs: tuple[Ref, ...]
    captured: tuple[tuple[Any, int], ...]
    constants: tuple[tuple[str, int, float], ...]
    lifts: tuple[tuple[int, int], ...]
    outputs: tuple[tuple[str, int] | float, ...]
    native: bool = False

    @cached_property
    def loops(self) -> tuple[Loop, ...]:
        """The steps that repeat, with all operands and results a fixed distance on."""
        return loops_of(self.steps)

    def stretches(self, space: str) -> Iterator[list[Sequence[Any]]]:
        """Return the steps of a space in order: the rounds of each loop, and the others alone."""
        begins = {loop.start: loop for loop in self.loops}
        i = 0
        while i < len(self.steps):
            rounds = begins[i].rounds() if i in begins else [range(i, i + 1)]
            found: list[Sequence[Any]] = [self.steps[own.start : own.stop] for own in rounds]
            i += sum(map(len, found))
            if found[0][0].space == space:
                yield found

    @property
    def choices(self) -> list[tuple[Ref, Ref]]:
        """The index and the table of each step that takes entries of a table."""
        return [x.operands for x in self.steps if isinstance(x, Step) and x.op is TAKE]  # type: ignore[misc]

    @property
    def is_filled(self) -> bool:
        """Whether some steps have results that nobody reads."""
        return any(step.is_filled for step in self.steps)

    @property
    def tapes(self) -> list[Tape]:
        """The rows that are computed one by one."""
        return [step for step in self.steps if step.__class__ is Tape]

    def __post_init__(self) -> None:
        ready = {space: np.zeros(size, dtype=bool) for space, size in self.sizes.items()}
        for ref in self.inputs:
            ready[ref.space][ref.places] = True
        for _, place in self.captured:
            ready[SHARED][place] = True
        for space, place, _ in self.constants:
            ready[space][place] = True
        for step in self.steps:
            if step.space == SHARED:
                step.check(ready)
        for shared, copy in self.lifts:
            _require(ready, SHARED, [shared], "a copy into the lanes")
            ready[VARYING][copy] = True
        for step in self.steps:
            if step.space == VARYING:
                step.check(ready)
        for out in self.outputs:
            if not isinstance(out, float):
                _require(ready, out[0], [out[1]], "an output")


def _require(ready: dict[str, Any], space: str, places: Any, what: str) -> None:
    if not ready[space][places].all():
        raise ValueError(f"{what} reads a place of {space} that nothing has written")
