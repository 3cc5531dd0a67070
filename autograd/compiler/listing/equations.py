"""The equations of a program: its steps, read as operations on named vectors.

A step of a program is one operation on all rows of a level. Where it works on several vectors, it
is parted into one equation for each. Of what was written out for the sake of speed, rows say what
they are part of, as those of the softmax of the lecture do:

    before   m = top(z)    e = exp(z - m)    t = Σ e    p = e · 1/t
    after    p = softmax(z)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd.compiler.listing.names import Naming
from autograd.compiler.listing.vectors import Piece, Use, Vector, Vectors
from autograd.compiler.passes import TAKE, Factorisation, Part, Program, Ref, Step, Tape
from autograd.engine import Primitive
from autograd.engine import table as p

_MOST_PARTS = 8  # of a step; one of more is shown as it is
_SHORT_TAPE = 256  # rows; a longer tape is one equation

# Operations on a whole vector that the program has in parts. Their value is never asked for.
ROW_SUMS = Primitive("row sums", lambda: None, None)
TAPE = Primitive("tape", lambda: None, None)
CHOLESKY = Primitive("cholesky", lambda: None, None)
INNER = Primitive("inner", lambda: None, None)


@dataclass(eq=False)
class Equation:
    """One vector, and how it is computed.

    Attributes:
        vector: the result.
        op: the operation. `dot` has the operands W, x, b, and so has `INNER`, where not all rows
            read the same x; `fsum` has one for each part of the sum.
        operands: what it reads, and constants.
        space: where the result stands.
        layer: the number of the layer whose pre-activation it is; 0 for all else.
        part: the elements of a softmax or a log-softmax that are computed, if not all are.
        tape: the rows that it stands for, if these are computed one by one.
        terms: how many products each number is the sum of, for `dot` and `INNER`.
    """

    vector: Vector
    op: Primitive
    operands: tuple[Use | float, ...]
    space: str
    layer: int = 0
    part: Piece | None = None
    tape: Tape | None = None
    terms: int = 0

    @property
    def uses(self) -> Iterator[Use]:
        """What it reads, without the constants."""
        return (x for x in self.operands if isinstance(x, Use))

    @property
    def pieces(self) -> Iterator[Piece]:
        """The pieces of vectors in what it reads."""
        return (piece for use in self.uses for piece in use.pieces)


def equations_of(
    program: Program, naming: Naming, vectors: Vectors
) -> tuple[list[Equation], list[Use | float]]:
    """Read the equations of a program, and its outputs."""
    found: list[Equation] = []
    wholes: dict[int, Use] = {}
    for i, step in enumerate(program.steps):
        layer = naming.layers.get(i, (0, 0))
        if isinstance(step, Factorisation):
            own = Vector("", step.own.size, rows=len(step.own), by_row=True)
            given = tuple(_whole(vectors, step.space, step.given[step.lower]))
            vectors.own(own, step.space, step.own.reshape(-1))
            found.append(Equation(own, CHOLESKY, given, step.space))
        elif isinstance(step, Tape):
            found += _tape(step, vectors, wholes)
        elif step.op is p.dot:
            found.append(_dot(step, vectors, *layer))
        else:
            found += _step(step, vectors, wholes)
    outputs = [
        x if isinstance(x, float) else vectors.use(x[0], np.array([x[1]])) for x in program.outputs
    ]
    return _alive(found, outputs), outputs


# --- from steps to equations ----------------------------------------------------------------------


def _step(step: Step, vectors: Vectors, wholes: dict[int, Use]) -> Iterator[Equation]:
    """Read a step that is neither a dot nor a tape, part by part."""
    in_rows = step.op in (p.fsum, p.top, p.total, p.excess)
    starts = {0}
    for ref in step.operands:
        if isinstance(ref, Ref) and (in_rows or ref.places.ndim == 1):
            runs = range(step.size) if in_rows else vectors.runs(ref.space, ref.places)
            starts.update(runs)
    kinds = [x and x[:2] for x in step.parts]
    starts.update([i for i in range(1, len(kinds)) if kinds[i] != kinds[i - 1]])
    parts = sorted(starts) if len(starts) <= _MOST_PARTS else [0]
    read = []
    for start, stop in zip(parts, [*parts[1:], step.size], strict=True):
        operands: list[Use | float] = []
        for x in step.operands:
            if isinstance(x, Ref):
                places = x.places[start:stop]
                if step.op is TAKE:  # one entry of the table after the other
                    places = places.T
                if in_rows and stop == start + 1:
                    places = _without_filling(step.op, vectors, x.space, places[0])
                use = vectors.use(x.space, places.reshape(-1))
                is_sum = step.op is p.fsum and stop == start + 1
                operands += _terms(use) if is_sum else [use]
            elif step.op is not p.fsum:  # of which that is the 0 that it begins with
                operands.append(x)
        op = ROW_SUMS if step.op is p.fsum and stop > start + 1 else step.op
        read.append((start, stop, op, operands))
    for start, stop, op, operands in read:
        vector = Vector("", stop - start)
        vectors.own(vector, step.space, np.arange(step.start + start, step.start + stop))
        equation = Equation(vector, *_sum_of_elements(op, operands), step.space)
        yield _as_asked_for(equation, step.parts[start:stop], wholes)


def _without_filling(op: Primitive, vectors: Vectors, space: str, places: Any) -> Any:
    """Leave out what a sum is filled up with to be as long as others."""
    n = len(places)
    if op is p.top:
        others = np.flatnonzero(places != places[0])
        return places[: others[-1] + 1 if len(others) else 1]
    while n > 1 and vectors.use(space, places[n - 1 : n]).pieces[0].vector.value == 0.0:
        n -= 1
    return places[:n]


def _terms(use: Use) -> list[Use | float]:
    """Part what a sum reads into its terms; a sum in Python begins with a 0, which is left out."""
    terms: list[Use | float] = []
    for piece in use.pieces:
        if piece.vector.value != 0.0:
            is_repeated = piece.step == 0 and piece.count > 1
            one = Use((Piece(piece.vector, piece.start, 0, 1),)) if is_repeated else Use((piece,))
            terms += [one] * (piece.count if is_repeated else 1)
    return terms


def _sum_of_elements(
    op: Primitive, operands: Sequence[Use | float]
) -> tuple[Primitive, tuple[Use | float, ...]]:
    """Turn v[0] + v[1] into the sum of v, if that is all of v."""
    if op is p.add and all(isinstance(x, Use) and x.one for x in operands):
        first, second = [x.one for x in operands]  # type: ignore[union-attr]
        assert first is not None
        assert second is not None
        both = {first.start, second.start} == {0, 1} and first.count == second.count == 1
        if both and first.vector is second.vector and first.vector.size == 2:
            return p.fsum, (Use((Piece(first.vector, 0, 1, 2),)),)
    return op, tuple(operands)


def _dot(step: Step, vectors: Vectors, layer: int, weights: int) -> Equation:
    """Read a product with a matrix or with one vector, or inner products of several vectors."""
    left, right, bias = step.operands
    assert isinstance(left, Ref)
    assert isinstance(right, Ref)
    if weights:
        left, right = right, left
    is_matrix = bool((right.places == right.places[0]).all())
    both = (left.places.reshape(-1), right.places[0])
    if not is_matrix:
        both = (np.unique(left.places), np.unique(right.places))
    operands = (
        vectors.use(left.space, both[0]),
        vectors.use(right.space, both[1]),
        vectors.use(bias.space, bias.places) if isinstance(bias, Ref) else bias,
    )
    vector = Vector("", step.size)
    vectors.own(vector, step.space, np.arange(step.start, step.start + step.size))
    op, terms = p.dot if is_matrix else INNER, left.places.shape[1]
    return Equation(vector, op, operands, step.space, layer, terms=terms)


def _tape(tape: Tape, vectors: Vectors, wholes: dict[int, Use]) -> Iterator[Equation]:
    """Read a tape row by row, or a long one as one equation."""
    if len(tape.ops) <= _SHORT_TAPE:
        yield from _rows(tape, vectors, wholes)
        return
    written: set[int] = set()
    read: dict[int, None] = {}
    for place, operands in zip(tape.places, tape.operands, strict=True):
        read.update({x: None for x in operands if isinstance(x, int) and x not in written})
        written.add(place)
    uses = tuple(_whole(vectors, tape.space, np.array(list(read)))) if read else ()
    vector = Vector("", len(tape.ops))
    vectors.own(vector, tape.space, np.array(tape.places))
    yield Equation(vector, TAPE, uses, tape.space, tape=tape)


def _whole(vectors: Vectors, space: str, places: Any) -> Iterator[Use]:
    """Return the vectors that are read, each as a whole."""
    for x in dict.fromkeys(piece.vector for piece in vectors.use(space, places).pieces):
        if x.value is None:
            yield Use((Piece(x, 0, 1, x.size),))


def _rows(tape: Tape, vectors: Vectors, wholes: dict[int, Use]) -> Iterator[Equation]:
    """Read the rows of a tape."""
    space = tape.space

    def use(operands: Sequence[Any]) -> list[Use | float]:
        """Read operands, of which several are one vector of the sum that they stand in."""
        pieces: list[Use | float] = []
        run: list[int] = []
        for x in (*operands, None):
            if x.__class__ is int:
                run.append(x)
                continue
            if run:
                pieces.append(vectors.use(space, np.array(run)))
                run = []
            if x is not None:
                pieces.append(x)
        return pieces

    for i, (op, place, operands) in enumerate(
        zip(tape.ops, tape.places, tape.operands, strict=True)
    ):
        n = len(operands) // 2
        if op is p.fsum:
            read = [y for x in use(operands) if isinstance(x, Use) for y in _terms(x)]
            read += [x for x in operands if x.__class__ is float and x != 0.0]
        elif op is p.dot:
            halves = [_one_use(use(x)) for x in (operands[:n], operands[n:-1])]
            read = [*halves, *use(operands[-1:])]
        elif op in (p.top, p.total, p.excess):
            read = [_one_use(use(operands))]
        else:
            read = [use([x])[0] for x in operands]
        vector = Vector("", 1)
        vectors.own(vector, space, np.array([place]))
        equation = Equation(vector, *_sum_of_elements(op, read), space, terms=n)
        yield _as_asked_for(equation, tape.parts[i : i + 1], wholes)


def _one_use(parts: Sequence[Use | float]) -> Use:
    """Put what is read side by side, constants included."""
    pieces: list[Piece] = []
    for x in parts:
        pieces += x.pieces if isinstance(x, Use) else [Piece(Vector("", 1, value=x), 0, 0, 1)]
    return Use(tuple(pieces))


# --- what belongs together ------------------------------------------------------------------------


def _as_asked_for(
    equation: Equation, parts: Sequence[Part | None], wholes: dict[int, Use]
) -> Equation:
    """Put what the function asked for in the place of the last step that it is written out in.

    The parts are what elements are of operations written out, whose operands are noted in `wholes`.
    """
    own = [x for x in parts if x]
    if not own or len(own) < len(parts) or len({x[:2] for x in own}) > 1:
        return equation
    op, whole, first = own[0]
    elements = np.array([x.element for x in own])
    if op is p.top:
        (z,) = equation.operands
        assert isinstance(z, Use)
        wholes[whole] = z
    elif whole in wholes and len(set(np.diff(elements))) <= 1:
        z = wholes[whole]
        piece = Piece(Vector("", z.count), first, int(np.diff(elements)[:1].sum()), len(own))
        equation.op, equation.operands = op, (z,)
        equation.part = None if op is p.logsumexp or piece.is_whole else piece
    return equation


def _alive(equations: Sequence[Equation], outputs: Sequence[Use | float]) -> list[Equation]:
    """Leave out what no output depends on any more."""
    needed = {piece.vector for x in outputs if isinstance(x, Use) for piece in x.pieces}
    alive = []
    for equation in reversed(equations):
        if equation.vector in needed:
            alive.append(equation)
            needed.update(piece.vector for piece in equation.pieces)
    return alive[::-1]


def use_counts(equations: Sequence[Equation], outputs: Sequence[Use | float]) -> Counter[Vector]:
    """Count how often each vector is read; an output counts twice."""
    counts: Counter[Vector] = Counter()
    for equation in equations:
        counts.update(piece.vector for piece in equation.pieces)
    for x in outputs:
        if isinstance(x, Use):
            counts.update([piece.vector for piece in x.pieces] * 2)
    return counts
