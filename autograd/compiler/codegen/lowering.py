"""Turn a program into straight-line NumPy code that works in place on buffers of its own.

Each space of the program is one array, a row per place; the varying one has a column per lane of
the batch. Steps become calls of NumPy functions on views of these arrays. The backward code is made
step by step in reverse, with the rules of the table applied to symbols, which write down what they
are asked to compute. For a layer of the lecture, with b as a column of W and a row of ones in X,
the code reads

    W.dot(X, out=Z); maximum(Z, zeros, out=A)
    ...
    ceil(clip(Z, 0.0, 1.0, out=t), out=t); multiply(dA, t, out=dZ)
    W.T.dot(dZ, out=dX); dZ.dot(X.T, out=dW)
"""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np

from autograd.compiler.codegen.code import (
    AND,
    NONZERO,
    NOT,
    Code,
    Symbol,
    affine,
    even,
    packed,
    product,
)
from autograd.compiler.codegen.tables import chosen_places, flat, forward_take
from autograd.compiler.codegen.tape import backward_tape, forward_tape
from autograd.compiler.passes import (
    EXCESS,
    SHARED,
    TAKE,
    VARYING,
    Ref,
    Step,
    Tape,
    differentiable,
)
from autograd.engine import table as p
from autograd.errors import TraceError


def _same_rows(ref: Ref) -> bool:
    return bool((ref.places == ref.places[0]).all())


def _operands(step: Step, code: Code, folds: bool = True) -> tuple[Ref, Ref, Ref | float]:
    """Give weights, inputs and bias of a sum ⟨w, x⟩ + b.

    Where each bias stands after the weights, and a 1 after the inputs, a bias that `folds` is taken
    for a weight:

        before   ⟨w, x⟩ + b
        after    ⟨(w, b), (x, 1)⟩ + 0
    """
    left, right, bias = step.operands
    assert isinstance(left, Ref)
    assert isinstance(right, Ref)
    if not folds or not isinstance(bias, Ref) or not _same_rows(right) or right.space != VARYING:
        return left, right, bias
    one = int(right.places[0, -1]) + 1
    behind = bias.space == left.space and (bias.places == left.places[:, -1] + 1).all()
    if not behind or one not in code.ones:
        return left, right, bias
    ones = np.full((step.size, 1), one)
    weights = Ref(left.space, np.hstack([left.places, bias.places[:, None]]))
    return weights, Ref(VARYING, np.hstack([right.places, ones])), 0.0


class Forward:
    """Writes the code of the steps in order."""

    def __init__(self, code: Code) -> None:
        self.code = code

    def write(self, step: Step | Tape) -> None:
        """Write one step."""
        code = self.code
        if isinstance(step, Tape):
            forward_tape(code, step)
            return
        code.begin((step.size,), step.space == VARYING, (step.space, step.start))
        out = code.rows(step.space, np.arange(step.start, step.start + step.size))
        if step.op is p.dot:
            self.dot(step, out)
        elif step.op is EXCESS:
            self.excess(step, out)
        elif step.op is TAKE:
            forward_take(code, step, out)
        elif step.op in (p.fsum, p.top):
            (ref,) = step.operands
            assert isinstance(ref, Ref)
            function = "add" if step.op is p.fsum else "maximum"
            code.emit(f"{function}.reduce({code.matrix(ref)}, 1, None, {out})")
        else:
            code.compute(step.op, [code.read(x) for x in step.operands], out)

    def excess(self, step: Step, out: str) -> None:
        """Write a sum less 1, of which a term that is 1 is left out, so that the rest is exact."""
        code, varying = self.code, step.space == VARYING
        (ref,) = step.operands
        assert isinstance(ref, Ref)
        terms = code.matrix(ref)
        ones = code.temporary(ref.places.shape, varying, np.bool_)
        others = code.temporary(ref.places.shape, varying)
        count = code.temporary((step.size,), varying)
        code.emit(f"equal({terms}, 1.0, out={ones})")
        code.emit(f"subtract({terms}, {ones}, out={others})")
        code.emit(f"add.reduce({others}, 1, None, {out})")
        code.emit(f"add.reduce({ones}, 1, float64, {count})")
        code.emit(f"add({out}, subtract({count}, 1.0, out={count}), out={out})")

    def lift(self) -> None:
        """Copy what is shared into the lanes, where a step needs it there."""
        if self.code.program.lifts:
            shared, lifted = self.code.lift_names()
            self.code.emit(f"V[{lifted}] = S[{shared}][:, None]")

    def dot(self, step: Step, out: str) -> None:
        """Write ⟨w, x⟩ + b: a matrix product where all elements read the same inputs."""
        code = self.code
        left, right, bias = _operands(step, code)
        if _same_rows(right) and left.space == SHARED and right.space == step.space:
            inputs = Ref(right.space, right.places[0])
            x = code.read_many(inputs)
            code.emit(product(code.matrix(left), x, out, left, inputs))
        else:
            signs = ["mnl" if ref.space == VARYING else "mn" for ref in (left, right)]
            factors = f"{signs[0]},{signs[1]}", f"{code.matrix(left)}, {code.matrix(right)}"
            if step.space == VARYING and left.space == right.space == SHARED:
                total = code.temporary((step.size,), varying=False)
                code.emit(f"einsum('{factors[0]}->m', {factors[1]}, out={total})")
                code.emit(f"copyto({out}, {total}[:, None])")
            else:
                result = "ml" if step.space == VARYING else "m"
                code.emit(f"einsum('{factors[0]}->{result}', {factors[1]}, out={out})")
        if bias != 0.0:
            code.compute(p.add, [Symbol(code, out, True), code.read(bias)], out)


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
    """

    def __init__(
        self, code: Code, active: dict[str, Any], always: dict[str, Any], first: bool
    ) -> None:
        self.code = code
        self.active = active
        self.always = always
        self.written = {
            SHARED: np.full(code.program.sizes[SHARED], not first),
            VARYING: np.zeros(code.program.sizes[VARYING], dtype=bool),
        }
        self.first = first
        self.masked = not all(reached.all() for reached in always.values())
        self.mask: Symbol | None = None

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
        places = np.array([at for where, at in self.code.program.inputs if where == space], np.intp)
        self.clear_unwritten(space, places[self.active[space][places]])

    def wants(self, ref: Ref | float) -> bool:
        """Tell whether some operand at `ref` has a gradient that is wanted."""
        return isinstance(ref, Ref) and bool(self.active[ref.space][ref.places].any())

    def write(self, step: Step | Tape) -> None:
        """Write one step."""
        code = self.code
        if isinstance(step, Tape):
            space = step.space
            backward_tape(code, step, self.written[space], self.active[space], self.always[space])
            return
        places = np.arange(step.start, step.start + step.size)
        written = self.written[step.space][places]
        if not written.any() or not any(map(self.wants, differentiable(step.op, step.operands))):
            return
        code.begin((step.size,), step.space == VARYING, (step.space, step.start))
        self.clear_unwritten(step.space, places)
        varying = step.space == VARYING
        gradient = Symbol(code, code.rows("d" + step.space, places), varying)
        self.mask = None
        if not self.always[step.space][places].all():
            self.mask = Symbol(code, code.rows("m" + step.space, places), varying, truth=True)
        if step.op is p.where:
            self.where(step, gradient)
            return
        if step.op is TAKE:
            self.choice(step, gradient)
            return
        if self.mask is not None:
            for ref in differentiable(step.op, step.operands):
                self.reach(ref, self.mask)
        if step.op is p.dot and self.mask is not None:
            self.dot_by_case(step, gradient)
        elif step.op is p.dot:
            self.dot(step, gradient)
        elif step.op in (p.fsum, EXCESS):
            (ref,) = step.operands
            assert isinstance(ref, Ref)
            self.add_sum(ref, gradient)
        else:
            out = Symbol(code, code.rows(step.space, places), step.space == VARYING)
            operands = [code.read(ref) for ref in step.operands]
            wanted = [self.wants(ref) for ref in step.operands]
            slopes = iter(step.op.local_derivatives(out, operands, wanted))
            for ref, want in zip(step.operands, wanted, strict=True):
                if want:
                    self.add(ref, gradient, next(slopes))

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
            raise TraceError(
                "an index depends on what is differentiated with respect to, but has no "
                "derivative: use v.detach() as the index, if that is meant, or other argnums"
            )
        chosen = chosen_places(code, step)
        if not self.always[table.space][table.places].all():
            reached = chosen if self.mask is None else f"{chosen}[{self.mask.name}]"
            code.emit(f"put({flat(code, 'm' + table.space)}, {reached}, True)")
        self.clear_unwritten(table.space, table.places)
        target = flat(code, "d" + table.space)
        code.emit(f"add.at({target}, {chosen}.reshape(-1), {gradient.name}.reshape(-1))")

    def reach(self, ref: Ref | float, reached: Symbol) -> None:
        """Note in which lanes the operands that only branches lead to are reached."""
        if not isinstance(ref, Ref):
            return
        places, elements = ref.places, np.arange(len(ref.places))
        if places.ndim == 2:
            elements = np.broadcast_to(elements[:, None], places.shape)
        unsure = ~self.always[ref.space][places]
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
            if _same_rows(ref):
                numbers = code.read_many(Ref(ref.space, ref.places[0]))
            else:
                numbers = code.matrix(ref)
            sums.append(f"isfinite(add.reduce({numbers}, None))")
        lines, written = code.take_lines(), self.written
        cases = []
        for write in (self.dot, self.masked_dot):
            code.known = {}
            self.written = {space: places.copy() for space, places in written.items()}
            write(step, gradient)
            cases.append([f"    {line}" for line in code.take_lines()])
        code.lines = [*lines, f"if {' and '.join(sums)}:", *cases[0], "else:", *cases[1]]

    def masked_dot(self, step: Step, gradient: Symbol) -> None:
        """Write the gradients of ⟨w, x⟩ + b where a lane in which it was not taken adds nothing."""
        code = self.code
        left, right, bias = step.operands
        assert isinstance(left, Ref)
        assert isinstance(right, Ref)
        assert self.mask is not None
        if self.wants(bias):
            self.add(bias, gradient, 1.0)
        for ref, other in ((left, right), (right, left)):
            if not self.wants(ref):
                continue
            factor = code.matrix(other)
            if code.varying and other.space == SHARED:
                factor = f"{factor}[:, :, None]"
            term = f"multiply({gradient.name}[:, None], {factor})"
            term = f"where({self.mask.name}[:, None], {term}, 0.0)"
            if code.varying and ref.space == SHARED:
                term = f"{term}.sum(axis=2)"
            self.add_matrix(ref, term)

    def clear_unwritten(self, space: str, places: Any) -> None:
        """Set to zero those gradients among `places` that nothing has been written to."""
        missing = np.unique(places[~self.written[space][places]])
        if len(missing):
            self.written[space][missing] = True
            runs = np.split(missing, np.flatnonzero(np.diff(missing) != 1) + 1)
            if len(runs) <= _MOST_RUNS:
                for run in runs:
                    self.code.emit(f"{self.code.rows('d' + space, run)}.fill(0.0)")
            else:
                self.code.emit(f"d{space}[{self.code.index(missing)}] = 0.0")

    def add(self, ref: Any, gradient: Symbol, slope: Any) -> None:
        """Add gradient · slope to the gradients of one operand of each element."""
        code, space, places = self.code, ref.space, ref.places
        if self.mask is not None and not (slope.__class__ is float and isfinite(slope)):
            term = code.compute(p.mul, [gradient, slope])
            gradient, slope = code.compute(p.where, [self.mask, term, 0.0]), 1.0
        buffer = "d" + space
        if space == SHARED and code.varying:  # what the lanes share gets the sum over them
            term = code.compute(p.mul, [gradient, slope])
            if even(places) and not self.written[space][places].any():
                self.written[space][places] = True
                self.sum_over_lanes(term, code.rows(buffer, places), ref)
                return
            total = code.temporary((code.shape[0],), varying=False)
            self.sum_over_lanes(term, total)
            self.add_rows(buffer, space, places, total)
            return
        fresh = not self.written[space][places].any()
        if even(places) and fresh:
            self.written[space][places] = True
            target = code.rows(buffer, places)
            if slope.__class__ is float and slope == 1.0:
                code.copied(gradient, target)
            else:
                code.compute(p.mul, [gradient, slope], target)
        else:
            self.add_rows(buffer, space, places, code.compute(p.mul, [gradient, slope]).name)

    def sum_over_lanes(self, term: Symbol, target: str, *refs: Ref) -> None:
        """Write the sum over the lanes of each row into `target`, which stands at `refs`."""
        if packed(*refs):  # half the time of a sum
            ones = self.code.name(("ones",), lambda _, lanes: np.ones(lanes))
            self.code.emit(product(term.name, ones, target))
        else:
            self.code.emit(f"add.reduce({term.name}, 1, None, {target})")

    def add_rows(self, buffer: str, space: str, places: Any, term: str) -> None:
        """Add an array to gradients, whatever their places."""
        code = self.code
        self.clear_unwritten(space, places)
        if even(places):
            target = code.rows(buffer, places)
            code.emit(f"add({target}, {term}, out={target})")
            return
        if len(np.unique(places)) == places.size:
            code.emit(f"{buffer}[{code.index(places)}] += {term}")
        else:
            self.add_up(buffer, places, np.arange(places.size), term)

    def add_up(self, buffer: str, places: Any, rows: Any, term: str) -> None:
        """Add rows of an array to gradients, of which several may go to the same place."""
        targets, sums = self.sums(places.reshape(-1), rows.reshape(-1), rows.max() + 1)
        self.code.emit(f"{buffer}[{targets}] += {sums} @ {term}")

    def sums(self, places: Any, rows: Any, count: int) -> tuple[str, str]:
        """Name the different ones of `places`, and the matrix that adds up their rows."""
        code = self.code
        targets, which = np.unique(places, return_inverse=True)
        key = ("sums", places.tobytes(), rows.tobytes(), count)
        shape = len(targets), count
        return code.index(targets), code.name(key, lambda *_: _incidence(which, rows, shape))

    def fresh_matrix(self, ref: Ref) -> str | None:
        """Name the gradients at `ref` if they can be written as one array for the first time."""
        fresh = not self.written[ref.space][ref.places].any()
        target = self.one_array(ref) if fresh else None
        if target:
            self.written[ref.space][ref.places] = True
        return target

    def one_array(self, ref: Ref) -> str | None:
        """Name the gradients at `ref` if they stand as one array, each once."""
        strides = affine(ref.places)
        if strides is None or len(np.unique(ref.places)) != ref.places.size:
            return None
        return self.code.strided("d" + ref.space, ref.places, strides)

    def add_sum(self, ref: Ref, gradient: Symbol) -> None:
        """Add the gradient of a sum to that of each of its terms."""
        code, term = self.code, gradient.name
        if ref.space == SHARED and code.varying:
            term = code.temporary((code.shape[0],), varying=False)
            self.sum_over_lanes(gradient, term)
        fresh = self.fresh_matrix(ref)
        target = fresh or self.matrix_to_add_to(ref)
        if fresh:
            code.emit(f"copyto({fresh}, {term}[:, None])")
        elif target:
            code.emit(f"add({target}, {term}[:, None], out={target})")
        else:
            elements = np.broadcast_to(np.arange(code.shape[0])[:, None], ref.places.shape)
            self.add_up("d" + ref.space, ref.places, elements, term)

    def add_matrix(self, ref: Ref, term: str) -> None:
        """Add an array, of a row per element, to the gradients of the operands of a sum."""
        target = self.matrix_to_add_to(ref)
        if target:
            self.code.emit(f"add({target}, {term}, out={target})")
        else:
            lanes = ", -1" if ref.space == VARYING else ""
            rows = np.arange(ref.places.size)
            self.add_up(
                "d" + ref.space, ref.places, rows, f"{term}.reshape({ref.places.size}{lanes})"
            )

    def matrix_to_add_to(self, ref: Ref) -> str | None:
        """Name the gradients at `ref` if they are one array, and clear those not written yet."""
        self.clear_unwritten(ref.space, ref.places.reshape(-1))
        return self.one_array(ref)

    def dot(self, step: Step, gradient: Symbol) -> None:
        """Write the gradients of ⟨w, x⟩ + b: outer products and the transposed matrix product."""
        code = self.code
        # the gradient of a bias alone is not worth a matrix product
        left, right, bias = _operands(step, code, folds=self.wants(step.operands[0]))
        if self.wants(bias):
            self.add(bias, gradient, 1.0)
        if _same_rows(right) and left.space == SHARED and right.space == step.space:
            m, n = left.places.shape
            inputs = Ref(right.space, right.places[0])
            if self.wants(left):
                fresh = self.fresh_matrix(left)
                outer = fresh or code.temporary((m, n), varying=False)
                x = code.read_many(inputs)
                if step.space == VARYING:
                    gaps = (left, inputs) if fresh else (inputs,)
                    code.emit(product(gradient.name, f"{x}.T", outer, *gaps))
                else:
                    code.emit(f"multiply.outer({gradient.name}, {x}, out={outer})")
                if not fresh:
                    self.add_matrix(left, outer)
            if self.wants(inputs):
                weights = f"{code.matrix(left)}.T"
                if even(inputs.places) and not self.written[inputs.space][inputs.places].any():
                    self.written[inputs.space][inputs.places] = True
                    target = code.rows("d" + inputs.space, inputs.places)
                    code.emit(product(weights, gradient.name, target, left, inputs))
                else:
                    term = code.temporary((n,), step.space == VARYING)
                    code.emit(product(weights, gradient.name, term, left, inputs))
                    self.add_rows("d" + inputs.space, inputs.space, inputs.places, term)
            return
        signs = {SHARED: "mn", VARYING: "mnl"}
        result = "ml" if step.space == VARYING else "m"
        for ref, other in ((left, right), (right, left)):
            if self.wants(ref):
                fresh = self.fresh_matrix(ref)
                term = fresh or code.temporary(ref.places.shape, ref.space == VARYING)
                code.emit(
                    f"einsum('{result},{signs[other.space]}->{signs[ref.space]}', "
                    f"{gradient.name}, {code.matrix(other)}, out={term})"
                )
                if not fresh:
                    self.add_matrix(ref, term)


_MOST_RUNS = 4  # of rows that are cleared one by one


def _incidence(targets: Any, sources: Any, shape: tuple[int, int]) -> Any:
    """Make the sparse matrix that adds up rows: it is far faster than `numpy.add.at`."""
    from scipy import sparse

    return sparse.csr_array((np.ones(targets.size), (targets, sources)), shape)
