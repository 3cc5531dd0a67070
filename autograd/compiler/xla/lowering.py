"""A program as one function of arrays of JAX: its steps in order, and its gradient in reverse.

Nothing is written here but what the steps compute; `jax.jit` compiles it. The gradient is our own,
by the rules of the table, and not what JAX makes of the values: so it is right at the edges too.
For a layer of the lecture, with a column per lane:

    Z = W @ X + b; A = maximum(Z, 0)
    ...
    dZ = dA * above(Z, 0); dX = W.T @ dZ; dW = dZ @ X.T; db = sum(dZ)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import inf, isfinite
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

from autograd.compiler.codegen import ROWS, TERMS, result_letters, sides, strides_of
from autograd.compiler.passes import (
    SHARED,
    TAKE,
    VARYING,
    Ref,
    Step,
    Tape,
    active_places,
    always_reached,
    differentiable,
    everywhere,
    reached_from,
    refuse_slope_of_index,
)
from autograd.compiler.plan import Plan
from autograd.compiler.xla.loops import Scan, scan_of
from autograd.compiler.xla.loosen import loosened
from autograd.compiler.xla.numbers import Number, applied, array_of
from autograd.compiler.xla.places import Read, Space, joined
from autograd.compiler.xla.tapes import run_back, run_forward
from autograd.engine import table as p


class Results(NamedTuple):
    """What a call computes.

    Attributes:
        own: the numbers of the result; those of each lane side by side, if it is per lane.
        aux: those of what is handed through, each with its lanes; None if there is no such.
        shared: for each argument, the gradients of those of its leaves that have one for all lanes.
        lanes: for each argument, those of the others, side by side for each lane; or None.
        is_bad: whether a number is used as an index, but is none; None without indices.
    """

    own: Any
    aux: Any
    shared: list[list[Any]]
    lanes: list[Any]
    is_bad: Any


def computed(plan: Plan, size: int, captured: Any, leaves: Sequence[Any]) -> Results:
    """Run a plan on arrays of JAX.

    Args:
        plan: the plan.
        size: the number of samples.
        captured: the numbers of the nodes from outside.
        leaves: an array per leaf of the arguments.
    """
    return _Run(plan, size, captured, leaves).results()


class _Run:
    """One run of a plan, forward and back."""

    def __init__(self, plan: Plan, size: int, captured: Any, leaves: Sequence[Any]) -> None:
        self.plan, self.program, self.size = plan, loosened(plan.program), size
        self.dtype = captured.dtype
        sizes = self.program.sizes
        self.spaces = {SHARED: Space(sizes[SHARED], None), VARYING: Space(sizes[VARYING], size)}
        self.owners: dict[int, int] = {}  # by step, which array of its space it made
        self.scans: dict[int, Scan] = {}  # by the first step
        self.choices: dict[int, Read] = {}
        self.is_bad: Any = None
        if plan.wanted:
            self.active = active_places(self.program, plan.active_inputs)
            self.always = (always_reached if plan.leaves_out else everywhere)(self.program)
            self.reached = reached_from(self.program, self.program.outputs[:1])
        self._load(captured, leaves)
        self._forward()

    def _load(self, captured: Any, leaves: Sequence[Any]) -> None:
        """Bring what is given to its places."""
        for x in self.plan.inputs:
            array, count = leaves[x.index], x.leaf.count
            if not count:
                continue
            if x.space == VARYING:
                by_lane = array.reshape(self.size if x.leaf.batched else 1, count)
                array = jnp.broadcast_to(by_lane.T, (count, self.size))
            else:
                array = array.reshape(count)
            self.spaces[x.space].put(x.places.reshape(-1), array)
        program = self.program
        if program.captured:
            self.spaces[SHARED].put(np.array([place for _, place in program.captured]), captured)
        for where, space in self.spaces.items():
            constants = [(place, x) for name, place, x in program.constants if name == where]
            if constants:
                places, numbers = zip(*constants, strict=True)
                column = jnp.array(numbers, self.dtype)
                if space.lanes is not None:
                    column = jnp.broadcast_to(column[:, None], (len(places), self.size))
                space.put(np.array(places), column)

    # --- forward ----------------------------------------------------------------------------------

    def _forward(self) -> None:
        """Compute the steps, what all lanes share first."""
        for space in (SHARED, VARYING):
            if space == VARYING and self.program.lifts:
                shared, lifted = map(np.array, zip(*self.program.lifts, strict=True))
                self.lift = self.spaces[SHARED].read(shared, self.size)
                numbers = self.spaces[SHARED].value(self.lift)
                self.lifted = self.spaces[VARYING].put(lifted, numbers)
            for rounds in self.program.stretches(space):
                scan = scan_of(self, rounds)
                if scan is None:
                    for steps in rounds:
                        for step in steps:
                            self.compute(step)
                    continue
                self.scans[id(rounds[0][0])] = scan
                self.owners[id(rounds[0][0])] = self.spaces[space].put(*scan.forward())

    def compute(self, step: Step | Tape) -> None:
        """Compute a step."""
        self.owners[id(step)] = self.spaces[step.space].put(*self._step(step))

    def _step(self, step: Step | Tape) -> tuple[Any, Any]:
        """Return the places of the results of a step, and these."""
        if isinstance(step, Tape):
            return run_forward(step, self.spaces[step.space], self.dtype)
        places = np.arange(step.start, step.start + step.size)
        lanes = [self.size] * (step.space == VARYING)
        shape = (*step.axes[0], *lanes)
        if step.op is p.dot:
            result = self._dot(step)
        elif step.op is TAKE:
            result = self._take(step)
        elif step.op in (p.fsum, p.top, p.total, p.excess):
            ref, *_ = step.operands
            terms = self._value(step, ref, (*step.axes[0], *step.axes[1]))
            over = tuple(range(len(step.axes[0]), len(step.axes[0]) + len(step.axes[1])))
            result = _REDUCTIONS[step.op](terms, over)
        else:
            result = applied(step.op, self._numbers(step))
        result = jnp.asarray(result, self.dtype)
        return places, jnp.broadcast_to(result, shape).reshape(step.size, *lanes)

    def _read(self, step: Step, ref: Ref, shape: Sequence[int]) -> Read:
        """Find how to read an operand, in a shape and with the lanes of a step."""
        lanes = self.size if step.space == VARYING else None
        return self.spaces[ref.space].read(ref.places.reshape(shape), lanes)

    def _value(self, step: Step, ref: Any, shape: Sequence[int]) -> Any:
        return self.spaces[ref.space].value(self._read(step, ref, shape))

    def _numbers(self, step: Step) -> list[Any]:
        """Return the operands of an elementwise step for a rule."""
        return [
            Number(self._value(step, x, step.axes[0])) if isinstance(x, Ref) else x
            for x in step.operands
        ]

    def _dot(self, step: Step) -> Any:
        """Compute ⟨w, x⟩ + b for all rows."""
        left, right, bias = sides(step)
        out = result_letters(step)
        has_lanes = out[-1] in left.letters + right.letters
        own = out if has_lanes or step.space == SHARED else out[:-1]
        both = self._side(left), self._side(right)
        letters = f"{left.letters},{right.letters}->{own}"
        if step.missing is None:
            result = _einsum(letters, *both)
        else:  # terms that are not to count are 0 as long as all numbers are finite
            result = lax.cond(
                _are_finite(both),
                lambda: _einsum(letters, *both),
                lambda: _masked(letters, *both, [_present(step)]),
            )
        if own != out:
            result = result[..., None]
        if isinstance(bias, Ref):
            return result + self._value(step, bias, step.axes[0])
        return result + bias if bias else result

    def _side(self, side: Any) -> Any:
        space = self.spaces[side.space]
        return space.value(space.read(side.places))

    def _take(self, step: Step) -> Any:
        """Look entries of tables up."""
        index, table = step.operands
        assert isinstance(index, Ref)
        assert isinstance(table, Ref)
        number = self._value(step, index, (step.size,))
        count = table.places.shape[1]
        whole = number.astype(int)
        is_bad = jnp.any((whole != number) | (whole < -count) | (whole >= count))
        self.is_bad = is_bad if self.is_bad is None else self.is_bad | is_bad
        whole = jnp.where(whole < 0, whole + count, whole)
        space = self.spaces[table.space]
        needed, rows = space.found(table.places)
        first = rows[:, 0].reshape(-1, *[1] * (number.ndim - 1))
        if strides_of(rows) is None:
            chosen = jnp.asarray(rows)[np.arange(step.size).reshape(first.shape), whole]
        else:
            chosen = first + whole * int(rows[0, 1] - rows[0, 0] if count > 1 else 0)

        def put_together(*arrays: Any) -> Any:
            x = joined(arrays)
            if space.lanes is not None:
                return jnp.take_along_axis(x, chosen, 0, mode="clip")
            return x.at[chosen].get(mode="clip")

        read = self.choices[id(step)] = Read(table.places, needed, put_together)
        return space.value(read)

    # --- back -------------------------------------------------------------------------------------

    def _backward(self) -> None:
        """Give the gradient of the first output on, step by step in reverse."""
        program = self.program
        self._seed()
        for where in (VARYING, SHARED):
            space = self.spaces[where]
            if where == SHARED and program.lifts:
                lanes, shared = self.spaces[VARYING], self.spaces[SHARED]
                for to, terms in ((shared.slopes, lanes.slopes), (shared.reached, lanes.reached)):
                    total = lanes.total(terms, self.lifted)
                    if total is not None:
                        shared.give(to, self.lift, total)
            for rounds in reversed(list(program.stretches(where))):
                scan = self.scans.get(id(rounds[0][0]))
                if scan is None:
                    for steps in reversed(rounds):
                        for step in reversed(steps):
                            self.give_on(step)
                    continue
                owner = self.owners[id(rounds[0][0])]
                if space.slopes[owner]:
                    scan.back(owner)

    def give_on(self, step: Step | Tape) -> None:
        """Give the gradients of a step on to its operands, if it has been given some."""
        owner = self.owners[id(step)]
        if self.spaces[step.space].slopes[owner]:
            self._back(step, owner)

    def _seed(self) -> None:
        """Give the result its gradient with respect to itself."""
        out, plan, n = self.program.outputs[0], self.plan, self.size
        if isinstance(out, float):
            return
        where, place = out
        weight = 1.0
        if where == VARYING and plan.reduce == "mean":
            weight /= max(n, 1)
        elif where == SHARED and plan.batched:
            weight = float(n) if plan.reduce == "sum" else 1.0
        space = self.spaces[where]
        lanes = [n] * (where == VARYING)
        term = jnp.full((1, *lanes), weight, self.dtype)
        space.give(space.slopes, space.read(np.array([place])), term)

    def _wants(self, ref: Ref | float) -> bool:
        return isinstance(ref, Ref) and bool(self.active[ref.space][ref.places].any())

    def _back(self, step: Step | Tape, owner: int) -> None:
        """Give the gradients of a step on to its operands."""
        space, active, always = [x[step.space] for x in (self.spaces, self.active, self.always)]
        if isinstance(step, Tape):
            run_back(step, space, owner, active, always)
            return
        if not any(map(self._wants, differentiable(step.op, step.operands))):
            return
        rows = step.axes[0]
        shape = (*rows, *[self.size] * (step.space == VARYING))
        gradient = space.total(space.slopes, owner).reshape(shape)
        always = step.within(self.always).reshape(rows)
        mask = None
        if not always.all():
            mask = jnp.asarray(always.reshape(*rows, *[1] * (len(shape) - len(rows))))
            mask = jnp.broadcast_to(mask, shape)
            reached = space.total(space.reached, owner)
            mask = mask if reached is None else mask | (reached.reshape(shape) > 0.0)
        if step.op is p.where:
            self._back_where(step, gradient, mask)
            return
        if step.op is TAKE:
            self._back_take(step, gradient, mask)
            return
        if mask is not None:
            for ref in differentiable(step.op, step.operands):
                self._reach(step, ref, mask)
        if step.op is p.dot:
            self._back_dot(step, gradient, mask)
        elif step.op in (p.fsum, p.total, p.excess):
            ref, *_ = step.operands
            assert isinstance(ref, Ref)
            terms = (*rows, *step.axes[1])
            lanes = shape[len(rows) :]
            each = gradient.reshape(*rows, *[1] * len(step.axes[1]), *lanes)
            self._give(step, ref, terms, jnp.broadcast_to(each, (*terms, *lanes)))
        else:
            out = Number(space.arrays[owner].reshape(shape))
            wanted = list(map(self._wants, step.operands))
            given = step.op.local_derivatives(out, self._numbers(step), wanted)
            found = iter(map(array_of, given))
            for ref, want in zip(step.operands, wanted, strict=True):
                if want:
                    self._add(step, ref, gradient, next(found), mask)

    def _add(self, step: Step, ref: Any, gradient: Any, slope: Any, mask: Any) -> None:
        """Give gradient · slope to an operand of each element."""
        term = gradient if slope.__class__ is float and slope == 1.0 else gradient * slope
        if mask is not None and not (slope.__class__ is float and isfinite(slope)):
            term = jnp.where(mask, term, 0.0)
        self._give(step, ref, step.axes[0], term)

    def _give(self, step: Step, ref: Ref, shape: Sequence[int], term: Any) -> None:
        space = self.spaces[ref.space]
        space.give(space.slopes, self._read(step, ref, shape), term)

    def _reach(self, step: Step, ref: Any, mask: Any) -> None:
        """Note in which lanes an operand is reached, where that is not sure."""
        if not isinstance(ref, Ref) or self.always[ref.space][ref.places].all():
            return
        rows = step.axes[0]
        terms = step.axes[1] if ref.places.ndim == 2 else ()
        lanes = mask.shape[len(rows) :]
        each = mask.astype(self.dtype).reshape(*rows, *[1] * len(terms), *lanes)
        space = self.spaces[ref.space]
        read = self._read(step, ref, (*rows, *terms))
        space.give(space.reached, read, jnp.broadcast_to(each, (*rows, *terms, *lanes)))

    def _back_where(self, step: Step, gradient: Any, mask: Any) -> None:
        """Give each branch the gradient of the lanes it was taken in."""
        condition, *branches = step.operands
        test = self._value(step, condition, step.axes[0]) != 0.0
        for ref, here in zip(branches, (test, ~test), strict=True):
            self._reach(step, ref, here if mask is None else here & mask)
            if self._wants(ref):
                self._add(step, ref, jnp.where(here, gradient, 0.0), 1.0, None)

    def _back_take(self, step: Step, gradient: Any, mask: Any) -> None:
        """Give the entries of a table the gradients of where they were taken."""
        index, table = step.operands
        assert isinstance(table, Ref)
        if self._wants(index):
            refuse_slope_of_index()
        read, space = self.choices[id(step)], self.spaces[table.space]
        space.give(space.slopes, read, gradient)
        if not self.always[table.space][table.places].all():
            taken = jnp.ones_like(gradient) if mask is None else mask.astype(self.dtype)
            space.give(space.reached, read, taken)

    def _back_dot(self, step: Step, gradient: Any, mask: Any) -> None:
        """Give the gradients of ⟨w, x⟩ + b, of which each is a product, too."""
        left, right, bias = sides(step)
        out = result_letters(step)
        if self._wants(bias):
            self._add(step, bias, gradient, 1.0, None)
        pairs = [
            (side, f"{out},{other.letters}->{side.letters}", self._side(other))
            for side, other in ((left, right), (right, left))
            if self.active[side.space][side.places].any()
        ]
        masks = [] if mask is None else [(mask, out)]
        factors = [numbers for *_, numbers in pairs]
        if step.missing is not None:
            masks.append(_present(step))
            factors.append(gradient)

        def quick() -> list[Any]:
            return [_einsum(letters, gradient, numbers) for _, letters, numbers in pairs]

        def careful() -> list[Any]:  # a lane in which a row was not taken adds nothing to it
            return [_masked(letters, gradient, numbers, masks) for _, letters, numbers in pairs]

        terms = lax.cond(_are_finite(factors), quick, careful) if masks else quick()
        for (side, *_), term in zip(pairs, terms, strict=True):
            space = self.spaces[side.space]
            space.give(space.slopes, space.read(side.places), term)

    # --- the way out ------------------------------------------------------------------------------

    def results(self) -> Results:
        """Return what is asked for."""
        plan, outputs = self.plan, self.program.outputs
        own, aux = outputs[: plan.output_count], outputs[plan.output_count :]
        value = self._stacked(own)
        if plan.reduces:
            value = value.sum(axis=1) / (self.size if plan.reduce == "mean" else 1.0)
        elif not plan.batched:
            value = value[:, 0]
        if plan.wanted:
            self._backward()
        shared = [
            [self._slopes(SHARED, x.places.reshape(-1)).reshape(x.leaf.shape) for x in g.shared]
            for g in plan.gradients
        ]
        lanes = [
            None if g.lanes is None else self._slopes(VARYING, g.places).T for g in plan.gradients
        ]
        handed_on = self._stacked(aux) if plan.put_aux else None
        return Results(value, handed_on, shared, lanes, self.is_bad)

    def _stacked(self, outputs: Sequence[tuple[str, int] | float]) -> Any:
        """Return outputs with their lanes, one behind the other."""
        parts: list[Any] = []
        order: list[int] = []
        for where, space in self.spaces.items():
            own = [
                (i, x[1]) for i, x in enumerate(outputs) if x.__class__ is tuple and x[0] == where
            ]
            if own:
                numbers, places = zip(*own, strict=True)
                order += numbers
                parts.append(space.value(space.read(np.array(places), self.size)))
        constants = [(i, x) for i, x in enumerate(outputs) if x.__class__ is float]
        if constants:
            numbers, values = zip(*constants, strict=True)
            order += numbers
            column = jnp.array(values, self.dtype)[:, None]
            parts.append(jnp.broadcast_to(column, (len(values), self.size)))
        if not parts:
            return jnp.zeros((0, self.size), self.dtype)
        return joined(parts)[np.argsort(order)] if order != sorted(order) else joined(parts)

    def _slopes(self, where: str, places: Any) -> Any:
        """Return the gradients at places of inputs; 0 where none was given."""
        space = self.spaces[where]
        lanes = [self.size] * (where == VARYING)
        if not places.size or not self.size:  # a sum of nothing has the gradient 0
            return jnp.zeros((places.size, *lanes), self.dtype)
        read = space.read(places)
        totals = [space.total(space.slopes, i) for i in read.needed]
        arrays = [space.arrays[i] for i in read.needed]
        return read.of(
            *[jnp.zeros_like(x) if y is None else y for x, y in zip(arrays, totals, strict=True)]
        )


def _einsum(letters: str, left: Any, right: Any) -> Any:
    """Compute an `einsum`; a product of matrices over their rows as one with a transposed matrix.

    XLA takes up to three times as long for the former.
    """
    first, second, out = re.split(",|->", letters)
    if len(first) == len(second) == len(out) == 2 and first[0] == second[0] not in out:
        w, x = (left, right) if out[0] in first else (right, left)
        return lax.optimization_barrier(w.T) @ x
    return jnp.einsum(letters, left, right, precision=lax.Precision.HIGHEST)


def _are_finite(arrays: Sequence[Any]) -> Any:
    return jnp.all(jnp.stack([jnp.isfinite(jnp.sum(x)) for x in arrays]))


def _present(step: Step) -> tuple[Any, str]:
    """Return which terms of sums are there, and the letters of the axes."""
    rows, terms = step.axes
    return ~step.missing.reshape(*rows, *terms), ROWS[: len(rows)] + TERMS[: len(terms)]


def _masked(letters: str, x: Any, y: Any, masks: Sequence[tuple[Any, str]]) -> Any:
    """Compute an `einsum` of which only those products count where all masks are.

    Args:
        letters: as that of `einsum`.
        x: the first factor.
        y: the second.
        masks: arrays, each with its letters.
    """
    both, kept = letters.split("->")
    first, second = both.split(",")
    every = "".join(dict.fromkeys(first + second + "".join(own for _, own in masks)))

    def aligned(x: Any, own: str) -> Any:
        order = [i for i, _ in sorted(enumerate(own), key=lambda pair: every.index(pair[1]))]
        return jnp.expand_dims(x.transpose(order), [i for i, y in enumerate(every) if y not in own])

    terms = aligned(x, first) * aligned(y, second)
    for mask in masks:
        terms = jnp.where(aligned(*mask), terms, 0.0)
    over = [i for i, y in enumerate(every) if y not in kept]
    left = [y for y in every if y in kept]
    return terms.sum(axis=tuple(over)).transpose([left.index(y) for y in kept])


def _excess(terms: Any, over: tuple[int, ...]) -> Any:
    """Return sums less 1, of which a term that is 1 is left out, so that the rest is exact."""
    ones = (terms == 1.0).astype(terms.dtype)
    return jnp.fmin((terms - ones).sum(axis=over) + (ones.sum(axis=over) - 1.0), inf)


_REDUCTIONS: dict[Any, Any] = {
    p.fsum: lambda terms, over: terms.sum(axis=over),
    p.top: lambda terms, over: terms.max(axis=over, initial=jnp.finfo(terms.dtype).min),
    p.total: lambda terms, over: jnp.fmin(terms.sum(axis=over), inf),
    p.excess: _excess,
}
