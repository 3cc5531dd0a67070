"""A program as equations with names: z1 = W1ᵀ x + b1, x1 = ReLU(z1), and so on to the loss.

An operation that only one other reads is written inside of that one, as far as the line can be
read. For a squared error:

    before   v1 = z2 - y    v2 = v1²    v3 = Σ v2    L = v3 / 2
    after    L = 1/2 Σ (z2 - y)²
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Any

from autograd import notation
from autograd.compiler.listing.equations import (
    CHOLESKY,
    INNER,
    ROW_SUMS,
    SOLVE,
    TAPE,
    Equation,
    equations_of,
    use_counts,
)
from autograd.compiler.listing.names import Naming, inputs_of
from autograd.compiler.listing.vectors import Piece, Use, Vector, Vectors
from autograd.compiler.passes import TAKE, Tape, active_places
from autograd.compiler.plan import Plan
from autograd.engine import TABLE
from autograd.engine import table as p
from autograd.notation import TEXT, Expression, Formula, is_number, summed, total

_LONGEST = 10  # symbols of an operation that is written inside of another line
_DEEPEST = 10  # operations that are written one inside of the other
_LONGEST_NAME = 12

_ACTIVATIONS = {*[TABLE[name] for name in p.ACTIVATIONS], p.softmax} - {p.softplus, p.log_sigmoid}


@dataclass(frozen=True)
class Line:
    """A line of the listing: what, how it is computed, and its size."""

    left: str
    right: str
    size: str = ""
    sign: str = "="


class Reading:
    """A plan, read as equations that have names.

    Attributes:
        shown: the equations that have lines of their own, in order.
        outputs: what the function returns.
    """

    def __init__(self, plan: Plan, name: str, arguments: Sequence[str]) -> None:
        self.plan, self.name, self.arguments = plan, name, arguments
        program = plan.program
        self.vectors = Vectors(program)
        inputs = inputs_of(program, plan.forms, arguments)
        self.naming = Naming(program, inputs, plan.forms, self.vectors)
        equations, self.outputs = equations_of(program, self.naming, self.vectors)
        self.by_vector = {equation.vector: equation for equation in equations}
        counts = use_counts(equations, self.outputs)
        self._expressions: dict[Equation, Expression] = {}
        self.shown = self._with_names(equations, counts)

    # --- names --------------------------------------------------------------------------------

    def _with_names(
        self, equations: Sequence[Equation], counts: dict[Vector, int]
    ) -> list[Equation]:
        """Name what has a line of its own; give that, in order."""
        into_layers = {
            x.operands[1].entire for x in equations if x.layer and isinstance(x.operands[1], Use)
        }
        bare = self._read_in_parts(equations)
        # in a loop x1, x2, … are x[t], as the entries of an x that is read in parts would be
        uses = [use for equation in equations for use in equation.uses if not use.entire]
        output = "h" if any(x.vector.name == "x" for use in uses for x in use.pieces) else "x"
        taken: set[str] = set()
        self.symbol = self._symbol()
        shown, layer, tapes, others = [], 0, 0, 0
        result = self._single_result()
        depths: dict[Vector, int] = {}  # of what is written inside of others
        for equation in equations:
            vector = equation.vector
            layer = equation.layer or layer
            if equation.layer:
                name = f"z{layer}"
            elif equation.op is TAPE:
                tapes += 1
                name = f"t{tapes}"
            elif layer and (vector in into_layers or self._is_activation(equation)):
                name = f"{output}{layer}"
            elif vector is result:
                name = self.symbol
            elif self._goes_inside(equation, counts, bare, depths):
                continue
            else:
                others += 1
                name = f"v{others}"
            while name in taken:
                others += 1
                name = f"v{others}"
            taken.add(name)
            vector.name = self.naming.unique(name)
            vector.layer = layer if name in (f"z{layer}", f"{output}{layer}") else 0
            shown.append(equation)
        if result is not None and result.name:
            self.symbol = result.name
        return shown

    def _symbol(self) -> str:
        """Choose a name for the result: L for a loss, else the name of the function."""
        if self.plan.reduce or "loss" in self.name.lower():
            return "L"
        return self.name if self.name.isidentifier() and len(self.name) <= _LONGEST_NAME else "f"

    def _single_result(self) -> Vector | None:
        (first, *more) = self.outputs or [0.0]
        if not isinstance(first, Use) or more[: self.plan.output_count - 1]:
            return None
        return first.entire

    def _is_activation(self, equation: Equation) -> bool:
        last = equation.vector in {x.entire for x in self.outputs if isinstance(x, Use)}
        if equation.op not in _ACTIVATIONS and not (last and equation.op.kind):
            return False  # softplus(z) in the middle is a part of the loss
        (first, *_) = equation.operands
        source = self.by_vector.get(first.whole) if isinstance(first, Use) and first.whole else None
        return bool(source and source.layer)

    def _read_in_parts(self, equations: Sequence[Equation]) -> set[Vector]:
        """Find what must have a name: something reads it in part, or for a matrix product."""
        bare: set[Vector] = set()
        returned = {piece.vector for use in self.returned_uses() for piece in use.pieces}
        for equation in equations:
            for use in equation.uses:
                source = self.by_vector.get(use.entire) if use.entire else None
                elsewhere = source is not None and source.space != equation.space
                is_block = equation.op in (TAPE, CHOLESKY, SOLVE)
                if not use.entire or elsewhere or equation.layer or is_block:
                    bare.update(piece.vector for piece in use.pieces)
            if equation.op in (p.dot, INNER) and equation.vector.size > 1:
                bare.update(piece.vector for piece in equation.pieces)
            if equation.part and (not equation.part.is_one or equation.vector in returned):
                bare.add(equation.vector)
        return bare

    def _goes_inside(
        self,
        equation: Equation,
        counts: dict[Vector, int],
        bare: set[Vector],
        depths: dict[Vector, int],
    ) -> bool:
        """Tell whether an equation is written inside of the one that reads it."""
        depth = 1 + max([depths.get(piece.vector, 0) for piece in equation.pieces], default=0)
        if equation.vector in bare or depth > _DEEPEST:
            return False
        term = self.expression(equation)
        if not isinstance(term, Formula) or not term.operands or equation.op in p.COMPARISONS:
            goes_inside = True
        else:
            goes_inside = counts[equation.vector] == 1 and term.count <= _LONGEST
        if goes_inside:
            depths[equation.vector] = depth
        return goes_inside

    # --- forward ------------------------------------------------------------------------------

    def formula(self, x: Use | float) -> Expression:
        """Write an operand: its name, or what it is."""
        if not isinstance(x, Use):
            return x
        equation = self.inside(x.entire)
        return self.expression(equation) if equation else x.formula

    def of_vector(self, x: Use | float) -> Formula:
        """Write an operand that is a vector; also one that has turned out to be a number."""
        found = self.formula(x)
        size = x.size if isinstance(x, Use) else 1
        return found if isinstance(found, Formula) else Formula(TEXT.formula(found), size=size)

    def expression(self, equation: Equation) -> Expression:
        """Write how an equation computes its vector; what it reads has its name by then."""
        found = self._expressions.get(equation)
        if found is None:
            found = self._expressions[equation] = self._expressed(equation)
        return found

    def _expressed(self, equation: Equation) -> Expression:
        op, operands, size = equation.op, equation.operands, equation.vector.size
        if op is p.dot:
            weights, inputs, _ = operands
            assert isinstance(weights, Use)
            assert isinstance(inputs, Use)
            if size == 1 and weights.one and inputs.size == inputs.count:  # the same for all inputs
                terms = [self.formula(weights) * summed(self.formula(inputs))]
                return total([*terms, self.formula(operands[2])])
            matrix = self.matrix(equation, transposed=False)
            terms = [
                Formula("matrix", [matrix, self.formula(operands[1])], size),
                self.formula(operands[2]),
            ]
            return total(terms)
        if op is INNER:
            both = Formula("inner", [self.formula(x) for x in operands[:2]], size)
            return total([both, self.formula(operands[2])])
        if op is p.fsum:
            return total([summed(self.formula(x)) for x in operands])
        if op in (p.softmax, p.log_softmax, p.logsumexp):
            z = self.of_vector(operands[0])
            whole = Formula(op.name, [z], 1 if op is p.logsumexp else z.size)
            return Formula(f"{whole}{equation.part}", size=size) if equation.part else whole
        if op is ROW_SUMS:
            (use,) = operands
            assert isinstance(use, Use)
            return Formula(op.name, [self.formula(use)], size)
        terms = [self.formula(x) for x in operands]
        if op in (CHOLESKY, SOLVE):
            return Formula(op.name, terms, size)
        if op is TAKE:
            index, table = terms
            is_symbol = isinstance(table, Formula) and not table.operands
            return Formula(f"{table if is_symbol else f'({table})'}[{index}]", size=size)
        if op in (p.total, p.excess):
            return summed(terms[0]) - float(op is p.excess)
        if op is p.mul and any(is_number(x, 0.0) for x in terms):  # nan for an infinite operand
            return Formula(op.name, sorted(terms, key=lambda x: isinstance(x, Formula)), size)
        if op is p.top:
            return terms[0] if getattr(terms[0], "size", 1) == 1 else Formula("max", terms, 1)
        found = op(*terms) if op is not p.where else choice(terms)
        if isinstance(found, Formula) and found.size < size:
            return Formula(found.op, found.operands, size)
        return found

    def matrix(self, equation: Equation, transposed: bool) -> Formula:
        """Write the matrix that a layer multiplies by, or its transpose."""
        use, size = equation.operands[0], equation.vector.size
        assert isinstance(use, Use)
        parts = [piece.vector for piece in use.pieces]
        whole = all(piece.is_whole for piece in use.pieces)
        if use.blocks:
            text, flipped = str(use), transposed == use.blocks[0].by_row
            parts = []
        elif whole and all(x.rows and x.by_row for x in parts):
            text, flipped = "; ".join(x.name for x in parts), transposed
        elif whole and all(x.rows for x in parts):
            text, flipped = " ".join(x.name for x in parts), not transposed
        else:
            text = TEXT.formula(self.formula(use)) if use.entire else str(use)
            flipped = transposed if size > 1 else not transposed
            text = f"({text})" if " " in text and text[0] != "[" else text
            parts = []
        if len(parts) > 1:
            text = f"[{text}]"
        return Formula(text + "ᵀ" * flipped, size=use.size)

    def forward(self, space: str) -> list[Line]:
        """Write the lines of what stands in a space."""
        return [self.line(equation) for equation in self.shown if equation.space == space]

    def line(self, equation: Equation) -> Line:
        """Write the line of an equation."""
        name = equation.vector.name
        if equation.tape:
            numbers = notation.count(equation.vector.size, "number")
            return Line(name, f"{numbers}, computed one by one on a tape", sign=":")
        return Line(name, TEXT.formula(self.expression(equation)), self.size_of(equation))

    def size_of(self, equation: Equation) -> str:
        """Write what goes in and what comes out."""
        n = equation.vector.size
        if equation.op in (p.dot, INNER):
            return f"({equation.terms}→{n})"
        if equation.op in (CHOLESKY, SOLVE):
            return f"({'×'.join(map(str, equation.vector.shape))})"
        return f"({n})" if n > 1 else ""

    def returned(self) -> str:
        """Say what the function returns, if it is not simply the result of the last line."""
        count = self.plan.output_count
        result, aux = self._several(self.outputs[:count]), self._several(self.outputs[count:])
        if aux:
            return f"returns {result}, and as aux {aux}"
        return "" if self.shown and result == self.shown[-1].vector.name else f"returns {result}"

    def inside(self, vector: Vector | None) -> Equation | None:
        """Return the equation of a vector that has no line of its own, and is written in others."""
        equation = self.by_vector.get(vector) if vector else None
        return equation if equation and not equation.vector.name else None

    def read_by(self, equation: Equation) -> Iterator[Piece]:
        """Return what an equation reads, and what those inside of it do."""
        for piece in equation.pieces:
            inner = self.inside(piece.vector)
            yield from self.read_by(inner) if inner else [piece]

    def returned_uses(self) -> Iterator[Use]:
        """Return what the function returns, without constants."""
        return (x for x in self.outputs if isinstance(x, Use))

    def _several(self, outputs: Sequence[Use | float]) -> str:
        """Write outputs, those of one vector together."""
        pieces: list[Piece] = []
        for x in outputs:
            if not isinstance(x, Use):
                pieces.append(Piece(Vector("", 1, value=x), 0, 0, 1))
                continue
            piece = x.pieces[0]
            last = pieces[-1] if pieces else None
            if last and last.vector is piece.vector and last.start + last.count == piece.start:
                pieces[-1] = Piece(last.vector, last.start, 1, last.count + 1)
            else:
                pieces.append(piece)
        return str(Use(tuple(pieces))) if pieces else ""

    def tapes(self) -> list[str]:
        """Say what runs on tapes, if anything does."""
        counts = Counter(map(_of_tape, self.plan.program.tapes))
        return [f"{n} × {text}" if n > 1 else text for text, n in counts.items()]

    # --- the gradient -------------------------------------------------------------------------

    @cached_property
    def active(self) -> dict[str, Any]:
        """Which places have a gradient that is wanted."""
        return active_places(self.plan.program, self.plan.active_inputs)


def choice(operands: Sequence[Expression]) -> Expression:
    """Write `where`; y · ln p stands for itself where it is kept from 0 · ∞."""
    condition, x, y = operands
    if not isinstance(condition, Formula):
        return x if condition else y
    if condition.operands:
        a, b = condition.operands
        if condition.op == "==" and is_number(b, -inf) and is_number(x, 0.0) and str(a) == str(y):
            return y  # the shift of a softmax, which is written out
        product = isinstance(x, Formula) and x.op == "*" and str(x.operands[0]) == str(a)
        if condition.op == ">" and is_number(b, 0.0) and is_number(y, 0.0) and product:
            return x
    return Formula("where", operands)


def _of_tape(tape: Tape) -> str:
    """Say what is on a tape."""
    depth: dict[int, int] = {}
    for place, operands in zip(tape.places, tape.operands, strict=True):
        depth[place] = 1 + max([depth.get(x, 0) for x in operands if isinstance(x, int)], default=0)
    levels = max(depth.values())
    return (
        f"{notation.count(len(tape.ops), 'row')} in {notation.count(levels, 'level')} run element "
        "by element on a tape: too little repeats"
    )
