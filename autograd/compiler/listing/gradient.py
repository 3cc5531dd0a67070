"""The gradient of a program as equations: the lines of the forward pass in reverse.

For a layer, z1 = W1ᵀ x + b1 and x1 = ReLU(z1), these are the equations of back-propagation:

    ∂L/∂z1 = ∂L/∂x1 ⊙ ReLU′(z1)    ∂L/∂W1 = x (∂L/∂z1)ᵀ    ∂L/∂b1 = ∂L/∂z1    ∂L/∂x = W1 ∂L/∂z1
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from autograd.compiler.listing.equations import (
    CHOLESKY,
    INNER,
    ROW_SUMS,
    SOLVE,
    TAPE,
    Equation,
)
from autograd.compiler.listing.loops import rolled_sum
from autograd.compiler.listing.reading import Line, Reading, choice
from autograd.compiler.listing.vectors import Use, Vector
from autograd.compiler.passes import TAKE, differentiable
from autograd.engine import table as p
from autograd.notation import TEXT, Expression, Formula, is_number, slope, summed, total


class Adjoints:
    """Writes the gradient of a reading, from the result to the arguments."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.lines: list[Line] = []
        self.terms: dict[Vector, list[Expression]] = defaultdict(list)
        self.in_parts: set[Vector] = set()
        first_reader: dict[Vector, Equation] = {}
        for equation in reading.shown:
            for piece in reading.read_by(equation):
                first_reader.setdefault(piece.vector, equation)
        self._last_term: dict[Equation, list[Vector]] = defaultdict(list)
        for vector in reading.naming.named:
            if vector in first_reader and self.wants(vector):
                self._last_term[first_reader[vector]].append(vector)
        (output, *_) = reading.outputs
        if isinstance(output, Use):
            self.give(output, 1.0)
        for equation in reversed(reading.shown):
            self.add(equation)

    def wants(self, vector: Vector) -> bool:
        """Tell whether the gradient with respect to a vector is wanted."""
        return vector.value is None and self.reading.vectors.is_any(vector, self.reading.active)

    def partial(self, of: object) -> Formula:
        """Write ∂L/∂of."""
        size = of.size if isinstance(of, (Vector, Use)) else 1
        name = of.name if isinstance(of, Vector) else str(of)
        return Formula("∂", [Formula(self.reading.symbol), Formula(name)], size)

    def result(self, equation: Equation) -> Expression:
        """Write the vector of an equation: its name, or how it is computed."""
        vector = equation.vector
        if vector.name:
            return Formula(vector.name, size=vector.size)
        return self.reading.expression(equation)

    def add(self, equation: Equation) -> None:
        """Write the gradient with respect to a vector, and give it on to what that is made of."""
        vector = equation.vector
        if self.terms[vector] or vector in self.in_parts:
            is_result = vector.name == self.reading.symbol
            if not is_result:
                self.write(vector)
            self.pass_on(equation, 1.0 if is_result else self.partial(vector))
        for x in self._last_term[equation]:
            self.write(x)

    def write(self, vector: Vector) -> None:
        """Write the line of a gradient, where all of its terms are known."""
        if self.terms[vector]:
            sign = "+=" if vector in self.in_parts else "="
            shape = "×".join(map(str, vector.shape))
            right = self.sum_of(self.terms[vector])
            size = f"({shape})" if shape else ""
            self.lines.append(Line(str(self.partial(vector)), right, size, sign))

    def sum_of(self, terms: Sequence[Expression]) -> str:
        """Write a sum, over rounds if there are such."""
        by_round = rolled_sum(list(map(TEXT.formula, terms)))
        if len(by_round) == len(terms):
            return TEXT.formula(total(terms))
        return " + ".join(by_round).replace("+ −", "− ")

    def give(self, use: Use, term: Expression) -> None:
        """Add a term to the gradient of what an operand reads."""
        if is_number(term, 0.0):
            return
        vector = use.entire
        if vector:
            if vector.size == 1:
                term = summed(term)
            equation = self.reading.inside(vector)
            if equation:
                self.pass_on(equation, term)
            elif self.wants(vector):
                self.terms[vector].append(term)
            return
        if use.one:
            term = summed(term)
        size = "" if use.size == 1 else f"({use.size})"
        self.lines.append(Line(str(self.partial(use)), TEXT.formula(term), size, "+="))
        self.in_parts.update(piece.vector for piece in use.pieces)

    def pass_on(self, equation: Equation, gradient: Expression) -> None:
        """Give the gradient with respect to an equation's vector on to its operands."""
        reading, op, operands = self.reading, equation.op, equation.operands
        wanted = [
            isinstance(x, Use) and any(self.wants(piece.vector) for piece in x.pieces)
            for x in operands
        ]
        if True not in wanted:
            return
        if op in _SPECIAL:
            terms = _SPECIAL[op](self, equation, gradient)
        else:
            symbols, out = [reading.formula(x) for x in operands], self.result(equation)
            flows = differentiable(op, operands)
            wanted = [want and x in flows for want, x in zip(wanted, operands, strict=True)]
            terms = [
                gradient * slope(op, out, symbols, i) if want else 0.0
                for i, want in enumerate(wanted)
            ]
        for x, want, term in zip(operands, wanted, terms, strict=True):
            if want:
                assert isinstance(x, Use)
                self.give(x, term)


_Terms = Sequence[Expression]


def _through_dot(adjoints: Adjoints, equation: Equation, gradient: Expression) -> _Terms:
    """∂L/∂W = x (∂L/∂z)ᵀ, ∂L/∂x = W ∂L/∂z, ∂L/∂b = ∂L/∂z."""
    reading = adjoints.reading
    weights, inputs, _bias = equation.operands
    assert isinstance(weights, Use)
    x, matrix = reading.formula(inputs), reading.matrix(equation, transposed=True)
    symbol = weights.entire
    if equation.vector.size == 1 and not (symbol and symbol.rows):
        by_weights = gradient * x
        by_inputs = gradient * reading.formula(weights)
    else:
        by_row = symbol is None or symbol.by_row or not symbol.rows
        by_weights = Formula("outer", [gradient, x] if by_row else [x, gradient], weights.size)
        by_inputs = Formula("matrix", [matrix, gradient], getattr(x, "size", 1))
    return by_weights, by_inputs, gradient


def _through_inner(adjoints: Adjoints, equation: Equation, gradient: Expression) -> _Terms:
    """∂L/∂w = ⟨∂L/∂z, x⟩, ∂L/∂x = ⟨∂L/∂z, w⟩, ∂L/∂b = ∂L/∂z."""
    w, x = [adjoints.reading.formula(operand) for operand in equation.operands[:2]]
    uses = [x for x in equation.operands[:2] if isinstance(x, Use)]
    both = [Formula("inner", [gradient, y], use.size) for y, use in zip((x, w), uses, strict=True)]
    return *both, gradient


def _through_sum(_adjoints: Adjoints, equation: Equation, gradient: Expression) -> _Terms:
    return [gradient] * len(equation.operands)


def _through_softmax(adjoints: Adjoints, equation: Equation, gradient: Expression) -> _Terms:
    """∂L/∂z = p ⊙ (g − Σ p ⊙ g), of g = ∂L/∂p; of ln p it is g − (Σ g) · softmax(z)."""
    if equation.part:
        return _through_part(adjoints, equation, gradient)
    if equation.op is p.softmax:
        out = adjoints.result(equation)
        return [out * (gradient - summed(out * gradient))]
    z = adjoints.reading.of_vector(equation.operands[0])
    return [gradient - summed(gradient) * Formula("softmax", [z])]


def _through_part(adjoints: Adjoints, equation: Equation, gradient: Expression) -> _Terms:
    """∂p_i/∂z = p_i · (onehot(i) − softmax(z)), ∂(ln p_i)/∂z = onehot(i) − softmax(z)."""
    z, piece = adjoints.reading.of_vector(equation.operands[0]), equation.part
    assert piece is not None
    if not piece.is_one:
        by = Formula(f"(∂{equation.vector.name}/∂{z})ᵀ", size=z.size)
        return [Formula("matrix", [by, gradient], z.size)]
    others = Formula(f"onehot({piece.start})", size=z.size) - Formula("softmax", [z])
    if equation.op is p.softmax:
        gradient = gradient * adjoints.result(equation)
    return [gradient * others]


def _through_logsumexp(adjoints: Adjoints, equation: Equation, gradient: Expression) -> _Terms:
    z = adjoints.reading.of_vector(equation.operands[0])
    return [gradient * Formula("softmax", [z])]


def _through_row_sums(_adjoints: Adjoints, equation: Equation, gradient: Expression) -> _Terms:
    (use,) = equation.operands
    assert isinstance(use, Use)
    return [Formula("repeated", [gradient], use.size)]


def _through_choice(adjoints: Adjoints, equation: Equation, gradient: Expression) -> _Terms:
    condition, x, y = [adjoints.reading.formula(z) for z in equation.operands]
    chosen = choice([condition, x, y])
    if chosen is x or chosen is y:  # the other is a guard
        return 0.0, *[gradient if branch is chosen else 0.0 for branch in (x, y)]
    size = equation.vector.size
    return (
        0.0,
        Formula("where", [condition, gradient, 0.0], size),
        Formula("where", [condition, 0.0, gradient], size),
    )


def _through_take(adjoints: Adjoints, equation: Equation, gradient: Expression) -> _Terms:
    """∂L/∂E = onehot(i) (∂L/∂E[i])ᵀ."""
    index, table = equation.operands
    assert isinstance(table, Use)
    size = equation.vector.size
    here = Formula(f"onehot({adjoints.reading.formula(index)})", size=table.size // size)
    if size == 1:
        return 0.0, gradient * here
    return 0.0, Formula("outer", [here, gradient], table.size)


def _through_tape(_adjoints: Adjoints, equation: Equation, _gradient: Expression) -> _Terms:
    back = Formula(f"{equation.vector.name}, run from its end to its beginning")
    return [back] * len(equation.operands)


def _through_triangle(adjoints: Adjoints, equation: Equation, gradient: Expression) -> _Terms:
    own = adjoints.result(equation)
    uses = [x for x in equation.operands if isinstance(x, Use)]
    return [Formula(f"{equation.op.name}′", [own, gradient], x.size) for x in uses]


_SPECIAL: dict[Any, Callable[[Adjoints, Equation, Expression], _Terms]] = {
    p.dot: _through_dot,
    INNER: _through_inner,
    p.fsum: _through_sum,
    p.total: _through_sum,
    p.excess: _through_sum,
    p.softmax: _through_softmax,
    p.log_softmax: _through_softmax,
    p.logsumexp: _through_logsumexp,
    ROW_SUMS: _through_row_sums,
    p.where: _through_choice,
    TAKE: _through_take,
    TAPE: _through_tape,
    CHOLESKY: _through_triangle,
    SOLVE: _through_triangle,
}
