"""Turn a program into straight-line NumPy code that works in place on buffers of its own.

Each space of the program is one array, a row per place; the varying one has a column per lane of
the batch. Steps become calls of NumPy functions on views of these arrays. The backward code is made
step by step in reverse, with the rules of the table applied to symbols, which write down what they
are asked to compute. For a layer of the lecture, with b as a column of W and a row of ones in X,
the code reads

    W.dot(X, out=Z); maximum(Z, 0.0, out=A)
    ...
    ceil(clip(Z, 0.0, 1.0, out=t), out=t); multiply(dA, t, out=dZ)
    W.T.dot(dZ, out=dX); dZ.dot(X.T, out=dW)
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import compress
from math import isfinite, prod
from typing import Any, NamedTuple

import numpy as np

from autograd.compiler.codegen.aliases import Aliases
from autograd.compiler.codegen.code import (
    AND,
    FLOAT,
    NONZERO,
    NOT,
    WORD,
    Code,
    Symbol,
    even,
    strides_of,
)
from autograd.compiler.codegen.norms import LONG_SUM
from autograd.compiler.codegen.product import (
    LANES,
    ROWS,
    TERMS,
    Factor,
    factor,
    multiply,
    scratch,
    strides_within,
    sum_of_rows,
)
from autograd.compiler.codegen.saturating import SLOPES
from autograd.compiler.codegen.tables import chosen_places, flat, forward_take
from autograd.compiler.codegen.tape import backward_tape, forward_tape
from autograd.compiler.codegen.triangles import backward_factorisation, forward_factorisation
from autograd.compiler.passes import (
    SHARED,
    TAKE,
    VARYING,
    Factorisation,
    Ref,
    Step,
    Tape,
    are_different,
    differentiable,
    has_no_gaps,
    refuse_slope_of_index,
)
from autograd.engine import Primitive
from autograd.engine import table as p


class Side(NamedTuple):
    """A factor of sums ⟨w, x⟩ + b: its space, and its places along the axes that it has.

    Each axis has a letter, and the lanes have one.
    """

    space: str
    places: Any
    letters: str


def sides(step: Step, ones: Collection[int] = ()) -> tuple[Side, Side, Ref | float]:
    """Return weights, inputs and bias of sums ⟨w, x⟩ + b.

    Where each bias stands after the weights, and one of the `ones` after the inputs, the bias is
    taken for a weight:

        before   ⟨w, x⟩ + b
        after    ⟨(w, b), (x, 1)⟩ + 0
    """
    left, right, bias = step.operands
    assert isinstance(left, Ref)
    assert isinstance(right, Ref)
    weights, inputs = left.places, right.places
    rows, terms = step.axes
    if isinstance(bias, Ref) and ends_before(right, ones):
        behind = bias.space == left.space and (bias.places == weights[:, -1] + 1).all()
        if behind and (inputs == inputs[0]).all():
            weights = np.hstack([weights, bias.places[:, None]])
            inputs = np.hstack([inputs, inputs[:, -1:] + 1])
            bias, terms = 0.0, (weights.shape[1],)
    both = [x.reshape(*rows, *terms) for x in (weights, inputs)]
    moves = [[bool((x != x.take([0], i)).any()) for i in range(len(rows))] for x in both]
    # what neither has, as where only the bias differs, the weights are said to have
    kept = [[w or not x for w, x in zip(*moves, strict=True)], moves[1]]
    weights, inputs = [
        x[tuple([slice(None) if keep else 0 for keep in has])]
        for x, has in zip(both, kept, strict=True)
    ]
    letters = [
        "".join(compress(ROWS, has)) + TERMS[: len(terms)] + LANES * (ref.space == VARYING)
        for ref, has in zip((left, right), kept, strict=True)
    ]
    return Side(left.space, weights, letters[0]), Side(right.space, inputs, letters[1]), bias


def ends_before(inputs: Ref, ones: Collection[int]) -> bool:
    """Tell whether one of the `ones` stands after inputs in the lanes."""
    return inputs.space == VARYING and int(inputs.places[0, -1]) + 1 in ones


class Forward:
    """Writes the code of the steps in order."""

    def __init__(self, code: Code) -> None:
        self.code = code

    def write(self, step: Step | Tape) -> None:
        """Write one step."""
        code = self.code
        code.writing = step
        if isinstance(step, Factorisation) and not code.is_flat:
            forward_factorisation(code, step)
            return
        if isinstance(step, Tape):
            if not code.keeps:  # rows leave their places to others
                code.results.clear()
            forward_tape(code, step)
            return
        out = code.array(step.space, code.begin_step(step))
        assert out is not None
        if step.op is p.dot:
            self.dot(step, out)
        elif step.op is TAKE:
            forward_take(code, step, out)
        elif step.op in (p.fsum, p.top, p.total, p.excess):
            ref, *first = step.operands
            assert isinstance(ref, Ref)
            places = ref.places.reshape(*code.shape, *step.axes[1])
            over = tuple(range(len(code.shape), places.ndim))
            terms = code.array(ref.space, places)
            if terms is None:  # of a copy, the first axes are those that NumPy sums over fastest
                places, over = np.moveaxis(places, over, range(len(over))), tuple(range(len(over)))
                terms = code.gather(ref.space, places)
            n, varying = places.size, step.space == VARYING
            is_row = step.size == 1 and n <= LONG_SUM and has_no_gaps(places)
            if is_row and not varying and step.op is p.fsum and first:  # a quarter of the time
                code.count(varying, n - 1, n + 1)
                ones = code.name(("ones", n), lambda *_: np.ones(n))
                code.emit(f"{code.array(ref.space, places.reshape(1, n))}.dot({ones}, out={out})")
            elif step.op is p.excess:
                code.count(varying, 4 * n, 7 * (n + step.size))
                self.excess(step, terms, places.shape, over, out)
            else:
                code.count(varying, n - step.size, n + step.size)
                function = "maximum" if step.op is p.top else "add"
                begin = f", False, {p.LEAST if step.op is p.top else 0.0}"
                begin *= step.op is p.top or len(first)
                if varying and over == (1,) and (first or step.op is p.total):
                    sum_of_rows(code, terms, places.shape[1], out)
                else:
                    code.emit(f"{function}.reduce({terms}, {over}, None, {out}{begin})")
                if step.op is p.total:
                    code.emit(f"fmin({out}, inf, out={out})")
        else:
            operands = [code.read(x) for x in step.operands]
            code.compute(step.op, operands, out)
            code.note_result(step.op, operands, out)

    def excess(
        self, step: Step, terms: str, shape: tuple[int, ...], over: tuple[int, ...], out: str
    ) -> None:
        """Write a sum less 1, of which a term that is 1 is left out, so that the rest is exact."""
        code, varying = self.code, step.space == VARYING
        ones, others = [code.temporary(shape, varying) for _ in range(2)]
        count = code.temporary(code.shape, varying)
        code.emit(f"floor({terms}, out={ones})")
        code.emit(f"subtract({terms}, {ones}, out={others})")
        code.emit(f"add.reduce({others}, {over}, None, {out})")
        code.emit(f"add.reduce({ones}, {over}, None, {count}, False, -1.0)")
        code.emit(f"fmin(add({out}, {count}, out={out}), inf, out={out})")

    def lift(self) -> None:
        """Copy what is shared into the lanes, where a step needs it there."""
        if self.code.program.lifts:
            shared, lifted = self.code.lift_names()
            self.code.emit(f"V[{lifted}] = S[{shared}][:, None]")

    def dot(self, step: Step, out: str) -> None:
        """Write ⟨w, x⟩ + b for all rows."""
        code = self.code
        left, right, bias = sides(step, code.ones)
        factors = [factor(code, *x) for x in (left, right)]
        results = _result(step, step.space, step.start)
        if step.space == VARYING and left.space == right.space == SHARED:
            total = scratch(code, ROWS[: len(step.axes[0])], step.axes[0])
            multiply(code, total, *factors)
            code.emit(f"copyto({results.view(code)}, {total.view(code)}[..., None])")
        else:
            multiply(code, results, *factors)
        if step.missing is not None:
            self.but_for_missing(step)
        if bias != 0.0:
            code.compute(p.add, [Symbol(code, out, code.varying), code.read(bias)], out)

    def but_for_missing(self, step: Step) -> None:
        """Correct sums of products of which some are not to count, where 0 · ∞ is not 0.

        That does not happen unless a result is infinite or nan.
        """
        code = self.code
        out = code.rows(step.space, np.arange(step.start, step.start + step.size))
        code.emit(f"if not isfinite(add.reduce({out}, None)):")
        numbers = [code.copy_of(ref) for ref in step.operands[:2] if isinstance(ref, Ref)]
        terms = f"where({code.present(step)}, multiply({', '.join(numbers)}), 0.0)"
        code.emit(f"    add.reduce({terms}, 1, None, {out})")


def _result(step: Step, buffer: str, first: int) -> Factor:
    """Return the results of a step, or their gradients, with its axes."""
    sizes, _ = step.axes
    return Factor(buffer, first, result_letters(step), sizes, strides_within(sizes))


def result_letters(step: Step) -> str:
    """Return a letter for each axis of the results of a step, and one for the lanes."""
    return ROWS[: len(step.axes[0])] + LANES * (step.space == VARYING)


class Known(NamedTuple):
    """What is known of gradients by the time a step is written."""

    written: dict[str, Any]
    at: dict[str, Any]

    def of(self, space: str) -> tuple[Any, Any]:
        """Return which gradients of a space have been written, and where they are read."""
        return self.written[space], self.at[space]


class Backward:
    """Writes the code of the steps in reverse, each adding to the gradients of its operands.

    What is differentiated is the program's first output.

    The first contribution to a gradient is written over what was there, later ones are added.
    For shared gradients that is so in the first block of lanes; later blocks add to them.

    Args:
        code: where to write.
        active: for each space, which places have a gradient that is wanted.
        always: for each space, which places are taken to be reached in all lanes. The others are
            reached where a branch was taken, and there is a mask to tell in which lanes that is.
        first: whether this is the code of the first block.
        is_alone: whether there is no batch, so that the gradient of the output by itself is 1.
    """

    def __init__(
        self,
        code: Code,
        active: dict[str, Any],
        always: dict[str, Any],
        first: bool,
        is_alone: bool = False,
    ) -> None:
        self.code = code
        self.active = active
        self.always = always
        self.written = {
            SHARED: np.full(code.program.sizes[SHARED], not first),
            VARYING: np.zeros(code.program.sizes[VARYING], dtype=bool),
        }
        self.first, self.is_alone = first, is_alone
        self.aliases = Aliases(code)
        self.places: Any = None  # of the results of the step that is written
        self.gradient: Symbol | None = None  # with respect to these
        self.latest: tuple[str, Any] = "", np.empty(0)  # a product: its line, the places it is for
        self.masked = not all(reached.all() for reached in always.values())
        self.mask: Symbol | None = None

    def state(self) -> Known:
        """Return what is known of gradients by now."""
        known = self.written, self.aliases.at
        return Known(*[{space: x.copy() for space, x in own.items()} for own in known])

    def seed(self) -> None:
        """Start a block: mark what is reached whatever branches are taken, the output above all."""
        code = self.code
        if self.masked:
            for space in (SHARED, VARYING) if self.first else (VARYING,):
                reached = self.always[space].reshape(-1, *[1] * (space == VARYING))
                name = code.name(("always", space), lambda *_, reached=reached: reached)
                code.emit(f"copyto(m{space}, {name})")
        out = code.program.outputs[0]
        if not isinstance(out, float):
            self.written[out[0]][out[1]] = True

    def finish_block(self) -> None:
        """Clear gradients that nothing was added to, and add up those of copies into the lanes."""
        program = self.code.program
        self.clear_inputs(VARYING)
        if program.lifts:
            shared, lifted = self.code.lift_names()
            places, copies = map(np.array, zip(*program.lifts, strict=True))
            self.clear_unwritten(VARYING, copies)
            self.clear_unwritten(SHARED, places)
            self.code.emit(f"dS[{shared}] += dV[{lifted}].sum(axis=1)")
            if self.masked and not self.always[SHARED][places].all():
                self.code.emit(f"mS[{shared}] |= mV[{lifted}].any(axis=1)")

    def finish(self) -> None:
        """Clear the gradients of shared inputs that nothing was added to."""
        self.clear_inputs(SHARED)

    def clear_inputs(self, space: str) -> None:
        """Clear the gradients of inputs that are wanted, but that nothing was added to."""
        own = [x.places for x in self.code.program.inputs if x.space == space]
        places = np.concatenate([np.zeros(0, np.intp), *own])
        self.clear_unwritten(space, places[self.active[space][places]])

    def wants(self, ref: Ref | float) -> bool:
        """Tell whether some operand at `ref` has a gradient that is wanted."""
        return isinstance(ref, Ref) and bool(self.active[ref.space][ref.places].any())

    def write(self, step: Step | Tape) -> None:
        """Write one step."""
        code = self.code
        code.writing = step
        if isinstance(step, Factorisation) and not code.is_flat:
            self.factorisation(step)
            return
        if isinstance(step, Tape):
            space = step.space
            self.aliases.settle(space, step.read)
            backward_tape(code, step, self.written[space], self.active[space], self.always[space])
            return
        places = np.arange(step.start, step.start + step.size)
        written = self.written[step.space][places]
        if not written.any() or not any(map(self.wants, differentiable(step.op, step.operands))):
            return
        self.clear_unwritten(step.space, places)
        places = self.places = code.begin_step(step)
        varying = step.space == VARYING
        if step.op is p.dot and not has_no_gaps(self.aliases.places(step.space, places)):
            self.aliases.settle(step.space, places)
        gradient = self.gradient = Symbol(code, self.aliases.array(step.space, places), varying)
        self.mask = None
        if not self.always[step.space][places].all():
            mask = str(code.array("m" + step.space, places))
            self.mask = Symbol(code, mask, varying, truth=True)
        if step.op is p.where:
            self.where(step, gradient)
            return
        if step.op is TAKE:
            self.choice(step, gradient)
            return
        if self.mask is not None:
            for ref in differentiable(step.op, step.operands):
                self.reach(ref, self.mask, step.missing)
        if step.missing is not None and code.is_flat:
            self.masked_dot(step, gradient)
        elif step.op is p.dot and self.mask is not None:
            self.dot_by_case(step, gradient)
        elif step.op is p.dot:
            self.dot(step, gradient)
        elif step.op in (p.fsum, p.total, p.excess):
            ref, *_ = step.operands
            assert isinstance(ref, Ref)
            self.add_sum(ref.space, ref.places.reshape(*code.shape, *step.axes[1]), gradient)
        elif step.op is p.sub and self.mask is None and all(map(self.is_scattered, step.operands)):
            self.add_difference(step, gradient)
        else:
            out = Symbol(code, str(code.array(step.space, places)), varying)
            start = len(code.lines)
            operands = [code.read(ref) for ref in step.operands]
            copies = code.lines[start:]
            del code.lines[start:]
            wanted = [self.wants(ref) for ref in step.operands]
            if step.op in SLOPES:
                slopes = iter([self.slope_from_result(step.op, out, operands[0])])
            else:
                slopes = iter(step.op.local_derivatives(out, operands, wanted))
            is_sole = wanted.count(True) == 1
            is_one = is_sole and self.is_output()
            for ref, want in zip(step.operands, wanted, strict=True):
                if want:
                    slope: Any = next(slopes)
                    is_symbol = isinstance(slope, Symbol)
                    if is_sole and not is_symbol and slope == -1.0 and self.is_negated(step):
                        slope = 1.0
                    self.add(ref, *((slope, 1.0) if is_one and is_symbol else (gradient, slope)))
            # the derivatives of a sum or a difference do not look at the operands
            read = {word for line in code.lines[start:] for word in WORD.findall(line)}
            code.lines[start:start] = [line for line in copies if line.split(", ")[3] in read]

    def factorisation(self, step: Factorisation) -> None:
        """Write the gradients of what is factorised, or of what solutions are of."""
        code, space = self.code, step.space
        if not (self.written[space] & self.active[space])[step.entries].any():
            return
        self.clear_unwritten(space, step.entries)
        self.aliases.settle(space, step.entries)
        self.gradient = self.mask = None
        for places, name in backward_factorisation(code, step):
            if self.wants(Ref(space, places)):
                code.shape = places.shape
                self.add(Ref(space, places), Symbol(code, name, code.varying), 1.0)

    def slope_from_result(self, op: Primitive, out: Symbol, x: Symbol) -> Symbol:
        """Write the slope of a function that its results tell as long as they are not near 1."""
        code = self.code
        target = code.temporary(code.shape, code.varying)
        function = code.name(("slope", op), lambda *_: SLOPES[op], prefix=f"slope_of_{op.name}")
        n = prod(code.shape)
        code.count(code.varying, 2 * n, 5 * n)
        code.emit(f"{function}({out.name}, {x.name}, {target})")
        return Symbol(code, target, code.varying)

    def where(self, step: Step, gradient: Symbol) -> None:
        """Write the gradients of the branches: each gets that of the lanes it was taken in."""
        code = self.code
        condition, *branches = step.operands
        test = code.read(condition)
        here = test if test.truth else code.compute(NONZERO, [test])
        for i, ref in enumerate(branches):
            if not isinstance(ref, Ref):
                continue
            if i:
                here = code.compute(NOT, [here])
            reached = here if self.mask is None else code.compute(AND, [here, self.mask])
            self.reach(ref, reached)
            if self.wants(ref):
                self.add(ref, code.compute(p.where, [here, gradient, 0.0]), 1.0)

    def choice(self, step: Step, gradient: Symbol) -> None:
        """Write the gradients of the entries of a table: each gets that of where it was taken."""
        code = self.code
        index, table = step.operands
        assert isinstance(table, Ref)
        if self.wants(index):
            refuse_slope_of_index()
        chosen = chosen_places(code, step)
        if not self.always[table.space][table.places].all():
            reached = chosen if self.mask is None else f"{chosen}[{self.mask.name}]"
            code.emit(f"put({flat(code, 'm' + table.space, table.places)}, {reached}, True)")
        self.clear_unwritten(table.space, table.places)
        self.aliases.settle(table.space, table.places)
        target = flat(code, "d" + table.space, table.places)
        # a copy of the gradient, which may stand in the target: of that, NumPy would make one
        code.emit(f"add.at({target}, {chosen}.reshape(-1), {gradient.name}.flatten())")
        code.count(step.space == VARYING, step.size, moved=3 * step.size)

    def reach(self, ref: Ref | float, reached: Symbol, missing: Any = None) -> None:
        """Note in which lanes the operands that only branches lead to are reached."""
        if not isinstance(ref, Ref):
            return
        places, elements = ref.places, np.arange(len(ref.places))
        if places.ndim == 2:
            elements = np.broadcast_to(elements[:, None], places.shape)
        unsure = ~self.always[ref.space][places]
        if missing is not None and places.ndim == 2:
            unsure &= ~missing
        if not unsure.any():
            return
        code, name = self.code, reached.name
        if ref.space == SHARED and code.varying:
            name = f"{name}.any(axis=1)"
        targets, sums = self.sums(places[unsure], elements[unsure], code.shape[0])
        code.emit(f"m{ref.space}[{targets}] |= ({sums} @ {name}) > 0.0")

    def dot_by_case(self, step: Step, gradient: Symbol) -> None:
        """Write the gradients of ⟨w, x⟩ + b where not all lanes are reached.

        The gradient is 0 in the others, so that they add nothing as long as all numbers are finite.
        """
        code = self.code
        sums = []
        for ref in step.operands[:2]:
            assert isinstance(ref, Ref)
            places = ref.places[0] if (ref.places == ref.places[0]).all() else ref.places
            sums.append(f"isfinite(add.reduce({code.terms(ref.space, places)}, None))")
        lines, written = code.take_lines(), self.written
        cases = []
        for write in (self.dot, self.masked_dot):
            code.known = {}
            self.written = {space: places.copy() for space, places in written.items()}
            write(step, gradient)
            cases.append([f"    {line}" for line in code.take_lines()])
        code.lines = [*lines, f"if {' and '.join(sums)}:", *cases[0], "else:", *cases[1]]

    def masked_dot(self, step: Step, gradient: Symbol) -> None:
        """Write the gradients of ⟨w, x⟩ + b where a lane in which it was not taken adds nothing.

        Nor does a product that is missing.
        """
        code = self.code
        left, right, bias = step.operands
        assert isinstance(left, Ref)
        assert isinstance(right, Ref)
        if self.wants(bias):
            self.add(bias, gradient, 1.0)
        for ref, other in ((left, right), (right, left)):
            if not self.wants(ref):
                continue
            numbers = code.terms(other.space, other.places)
            if code.varying and other.space == SHARED:
                numbers = f"{numbers}[:, :, None]"
            term = f"multiply({gradient.name}[:, None], {numbers})"
            if self.mask is not None:
                term = f"where({self.mask.name}[:, None], {term}, 0.0)"
            if step.missing is not None:
                term = f"where({code.present(step)}, {term}, 0.0)"
            if code.varying and ref.space == SHARED:
                term = f"{term}.sum(axis=2)"
            self.add_terms(ref.space, ref.places, term)

    def clear_unwritten(self, space: str, places: Any) -> None:
        """Set to zero those gradients among `places` that nothing has been written to."""
        missing = np.unique(places[~self.written[space][places]])
        if len(missing):
            self.written[space][missing] = True
            self.code.count(space == VARYING, moved=len(missing))
            runs = np.split(missing, np.flatnonzero(np.diff(missing) != 1) + 1)
            if len(runs) <= _MOST_RUNS:
                for run in runs:
                    self.code.emit(f"{self.code.rows('d' + space, run)}.fill(0.0)")
            else:
                self.code.emit(f"{self.code.at('d' + space, missing)} = 0.0")

    def add(self, ref: Any, gradient: Symbol, slope: Any) -> None:
        """Add gradient · slope to the gradients of one operand of each element."""
        code, space = self.code, ref.space
        places = ref.places.reshape(code.shape)
        if self.mask is not None and not (slope.__class__ is float and isfinite(slope)):
            term = code.compute(p.mul, [gradient, slope])
            gradient, slope = code.compute(p.where, [self.mask, term, 0.0]), 1.0
        lanes = space == SHARED and code.varying  # what the lanes share gets the sum over them
        places, over = _without_repeats(places)
        is_one = slope.__class__ is float and slope == 1.0
        if not over and not lanes:
            is_same = is_one and gradient is self.gradient
            if is_same and self.is_alias(space, places, self.places):
                return
            target = self.fresh(space, places)
            if not target:
                self.add_terms(space, places, code.compute(p.mul, [gradient, slope]).name)
            elif is_one:
                code.copied(gradient, target)
            else:
                code.compute(p.mul, [gradient, slope], target)
                self.latest = code.lines[-1], places
            return
        target = self.fresh(space, places)
        term = code.compute(p.mul, [gradient, slope]).name
        total = target or code.temporary(places.shape, varying=space == VARYING)
        self.sum_over(term, over, lanes, total, is_packed=not target or has_no_gaps(places))
        if not target:
            self.add_terms(space, places, total)

    def is_output(self) -> bool:
        """Tell whether the gradient of the step is that of the output by itself, which is 1."""
        out, varying = self.code.program.outputs[0], self.code.varying
        if not self.is_alone or varying or self.mask is not None or isinstance(out, float):
            return False
        return bool((self.aliases.places(SHARED, self.places) == out[1]).all())

    def is_negated(self, step: Step) -> bool:
        """Let the last line give the negative, if it has scaled the gradient of a step in place.

        before   multiply(2.0, a1, out=a2)
        after    multiply(-2.0, a1, out=a2)
        """
        lines, (line, written) = self.code.lines, self.latest
        read = self.aliases.places(step.space, self.places)
        own = [np.array_equal(x.reshape(-1), self.places.reshape(-1)) for x in (written, read)]
        negative, count = FLOAT.subn(lambda x: repr(-float(x[0])), line)
        if lines[-1:] != [line] or not all(own) or count != 1:
            return False
        lines[-1] = negative
        return True

    def sum_over(
        self, term: str, over: tuple[int, ...], lanes: bool, target: str, is_packed: bool = True
    ) -> None:
        """Write the sum over axes, and over the lanes where asked, into an array."""
        code = self.code
        code.count(code.varying, prod(code.shape), prod(code.shape))
        if over:
            axes = (*over, len(code.shape)) if lanes else over
            if code.varying and axes == (len(code.shape) - 1,):
                sum_of_rows(code, term, code.shape[-1], target)
            else:
                code.emit(f"add.reduce({term}, {axes}, None, {target})")
        elif is_packed:  # half the time of a sum
            ones = code.name(("ones",), lambda _, lanes: np.ones(lanes))
            code.emit(f"{term}.dot({ones}, out={target})")
        else:
            code.emit(f"add.reduce({term}, -1, None, {target})")

    def add_terms(self, space: str, places: Any, term: str) -> None:
        """Add an array to the gradients at an array of places."""
        code = self.code
        target = self.one_array(space, places)
        before = self.aliases.moved_home(space, places) if target else None
        self.aliases.settle(space, places)
        code.count(space == VARYING, places.size, 3 * places.size)
        if target:
            self.clear_unwritten(space, places)
            code.emit(f"add({before or target}, {term}, out={target})")
        else:
            self.add_up(space, places, _range(places.shape), term, places.shape)

    def is_scattered(self, x: Ref | float) -> bool:
        """Tell whether the gradients of an operand are added up by a sparse matrix."""
        if not isinstance(x, Ref) or (x.space == SHARED and self.code.varying):
            return False
        places = x.places.reshape(self.code.shape)
        several = bool(self.active[x.space][places].all()) and not _without_repeats(places)[1]
        return several and not are_different(places)

    def add_difference(self, step: Step, gradient: Symbol) -> None:
        """Add the gradient of differences to those of both operands at once."""
        places = np.array([ref.places for ref in step.operands if isinstance(ref, Ref)])
        rows, signs = np.arange(step.size), [[1], [-1]]
        self.add_up(step.space, places, rows, gradient.name, self.code.shape, signs)

    def sign(self, space: str, places: Any) -> str:
        """Choose how to write to gradients: the first time over what was there, later added."""
        if self.written[space][places].any():
            self.clear_unwritten(space, places)
            self.aliases.settle(space, places)
            return "+="
        self.written[space][places] = True
        return "="

    def add_up(
        self, space: str, places: Any, rows: Any, term: str, shape: Any, signs: Any = 1
    ) -> None:
        """Add rows of an array of a shape to gradients, of which several may go to one place."""
        code, active = self.code, self.active[space][places]
        rows, signs = [np.broadcast_to(x, places.shape)[active] for x in (rows, signs)]
        places = places[active]
        found, which = np.unique(places, return_inverse=True)
        most = np.bincount(which).max()
        limit = _MOST_GATHERED * (space == VARYING)
        is_gathered = most == 1 or most * len(found) <= 2 * len(places) <= limit
        is_gathered &= bool((signs == 1).all())
        sign = self.sign(space, found)
        target = code.rows("d" + space, found) if even(found) else None
        if not is_gathered:
            matrix = self.sums(places, rows, prod(shape), signs)[1]
            term = f"{matrix} @ {_in_rows(term, shape, space)}"
        elif target or most > 1 or not np.array_equal(rows, np.arange(prod(shape))):
            index = _gathered(which, rows, (most, len(found)), prod(shape))
            direct = target if sign == "=" else None
            term = self.gather_rows(space, term, shape, index, direct)
            if direct:
                return
        else:  # each row goes to a place of its own
            found, term = places, _in_rows(term, shape, space)
        there = f"{target}[...]" if target else code.at("d" + space, found)
        code.emit(f"{there} {sign} {term}")

    def gather_rows(self, space: str, term: str, shape: Any, index: Any, target: str | None) -> str:
        """Write sums of rows: their numbers stand in columns, and behind all is a row of zeros."""
        code, count, varying = self.code, prod(shape), space == VARYING
        target = target or code.temporary(index.shape[1:], varying)
        rows = _in_rows(term, shape, space)
        if (index == count).any():
            rows = code.name(
                ("zero behind", count, varying),
                lambda _, lanes: np.zeros((count + 1, lanes) if varying else count + 1),
            )
            own = code.array(rows, _range(shape))
            code.copied(Symbol(code, term, varying), str(own))
        if len(index) == 1:
            code.emit(f"take({rows}, {code.index(index[0])}, 0, {target}, 'clip')")
        else:
            terms = code.temporary(index.shape, varying)
            code.emit(f"take({rows}, {code.index(index)}, 0, {terms}, 'clip')")
            code.emit(f"add.reduce({terms}, (0,), None, {target})")
        return target

    def sums(self, places: Any, rows: Any, count: int, signs: Any = 1) -> tuple[str, str]:
        """Name the different ones of `places`, and the matrix that adds up their rows."""
        code = self.code
        targets, which = np.unique(places, return_inverse=True)
        weights = np.ones(places.size) * signs
        key = ("sums", which.tobytes(), rows.tobytes(), weights.tobytes(), count)
        matrix = code.name(key, lambda *_: _incidence(weights, which, rows, (len(targets), count)))
        return code.index(targets), matrix

    def fresh(self, space: str, places: Any) -> str | None:
        """Name the gradients at places if they can be written as one array for the first time."""
        is_fresh = not self.written[space][places].any()
        target = self.one_array(space, places) if is_fresh else None
        if target:
            self.written[space][places] = True
        return target

    def is_alias(self, space: str, places: Any, sources: Any) -> bool:
        """Let gradients be those at other places, if they are written for the first time."""
        known = self.written[space][places].any() or (space == VARYING) is not self.code.varying
        if known or not self.aliases.hold(space, places, sources):
            return False
        self.written[space][places] = True
        return True

    def one_array(self, space: str, places: Any) -> str | None:
        """Name the gradients at places if they stand as one array, each once."""
        if not are_different(places):
            return None
        return self.code.array("d" + space, places)

    def add_sum(self, space: str, places: Any, gradient: Symbol) -> None:
        """Add the gradient of a sum to that of each of its terms."""
        code, term = self.code, gradient.name
        rows, terms = len(code.shape), places.ndim - len(code.shape)
        if self.is_alias(space, places, self.places.reshape(*code.shape, *[1] * terms)):
            return
        if space == SHARED and code.varying:
            term = code.temporary(code.shape, varying=False)
            self.sum_over(gradient.name, (), True, term)
        each = f"{term}[{', '.join([':'] * rows + ['None'] * terms)}]"
        if fresh := self.fresh(space, places):
            code.count(space == VARYING, moved=places.size + prod(code.shape))
            code.emit(f"copyto({fresh}, {each})")
        elif self.one_array(space, places):
            self.add_terms(space, places, each)
        else:
            elements = _range((*code.shape, *[1] * terms))
            code.count(space == VARYING, places.size, 2 * places.size + elements.size)
            self.add_up(space, places, elements, term, code.shape)

    def dot(self, step: Step, gradient: Symbol) -> None:
        """Write the gradients of ⟨w, x⟩ + b, of which each is a product, too."""
        code = self.code
        # the gradient of a bias alone is not worth a matrix product
        left, right, bias = sides(step, code.ones if self.wants(step.operands[0]) else ())
        if self.wants(bias):
            self.add(bias, gradient, 1.0)
        first = int(self.aliases.places(step.space, self.places).flat[0])
        gradients = _result(step, "d" + step.space, first)
        pairs = [(left, right), (right, left)]
        x, y, _ = step.operands
        is_square = left.space == right.space and np.array_equal(x.places, y.places)  # type: ignore[union-attr]
        if is_square and self.is_output():
            x, code.shape = Ref(left.space, left.places), left.places.shape
            self.add(x, code.read(x), 2.0)
            return
        if is_square:
            twice = scratch(code, gradients.letters, gradients.sizes)  # the gradient of a square
            code.emit(f"multiply({gradients.view(code)}, 2.0, out={twice.view(code)})")
            gradients, pairs = twice, pairs[:1]
        for side, other in pairs:
            side, other = self.active_terms(side, other)
            space, places, letters = side
            if not self.active[space][places].any():
                continue
            is_fresh = self.fresh(space, places)
            if is_fresh:
                strides = strides_of(places)
                assert strides is not None
                target = Factor("d" + space, int(places.flat[0]), letters, places.shape, strides)
            else:
                target = scratch(code, letters, places.shape)
            multiply(code, target, gradients, factor(code, *other))
            if not is_fresh:
                self.add_terms(space, places, target.view(code))

    def active_terms(self, side: Side, other: Side) -> tuple[Side, Side]:
        """Leave out terms of which no gradient is wanted, as those of the data beside a state."""
        active = self.active[side.space][side.places]
        wanted = active.any(axis=tuple(range(active.ndim - 1)))
        axes = sum(x in TERMS for x in side.letters)
        if axes > 1 or not wanted.any() or wanted.sum() >= len(wanted) - 1:
            return side, other
        left, right = [Side(x.space, x.places[..., wanted], x.letters) for x in (side, other)]
        return left, right


def _without_repeats(places: Any) -> tuple[Any, tuple[int, ...]]:
    """Leave out the axes along which places are the same; tell which these were."""
    over = [
        i
        for i, n in enumerate(places.shape)
        if n > 1 and bool((places == places.take([0], i)).all())
    ]
    return places[tuple([0 if i in over else slice(None) for i in range(places.ndim)])], tuple(over)


def _range(shape: tuple[int, ...]) -> Any:
    return np.arange(prod(shape)).reshape(shape)


def _in_rows(term: str, shape: Any, space: str) -> str:
    """Write an array with one axis instead of several."""
    lanes = ", -1" * (space == VARYING)
    return term if len(shape) == 1 else f"{term}.reshape({prod(shape)}{lanes})"


def _gathered(which: Any, rows: Any, shape: tuple[int, int], none: int) -> Any:
    """Return an index of rows: those for the same place are in the same column.

    >>> _gathered(np.array([0, 2, 2]), np.array([5, 6, 7]), (2, 3), 9)
    array([[5, 9, 6],
           [9, 9, 7]])
    """
    order = np.argsort(which, kind="stable")
    nth = np.argsort(order) - np.searchsorted(which[order], which)
    index = np.full(shape, none)
    index[nth, which] = rows
    return index


_MOST_GATHERED = 2048  # rows of lanes, of which a copy takes less time than a sparse matrix
_MOST_RUNS = 4  # of rows that are cleared one by one


def _incidence(weights: Any, targets: Any, sources: Any, shape: tuple[int, int]) -> Any:
    """Make the sparse matrix that adds up rows: it is far faster than `numpy.add.at`."""
    from scipy import sparse

    return sparse.csr_array((weights, (targets, sources)), shape)
