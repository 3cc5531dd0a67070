"""Tapes by a loop of XLA that follows instructions, so that no row is compiled by itself.

What is compiled grows with the kinds of instructions, not with their number. Their arrays are data:

    for kind, result, a, b, c in instructions:
        memory[result] = functions[kind](memory[a], memory[b], memory[c])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from autograd.compiler.codegen import (
    Numbers,
    arity,
    gradient_flow,
    gradient_instructions,
    value_instructions,
)
from autograd.compiler.passes import Tape
from autograd.compiler.xla.numbers import Number, applied, array_of
from autograd.compiler.xla.places import Space
from autograd.engine import Primitive
from autograd.engine import table as p


def run_forward(tape: Tape, space: Space, dtype: Any) -> tuple[Any, Any]:
    """Compute the rows; return the places of their results, and these."""
    numbers = Numbers([tape], space.size)
    instructions = value_instructions(tape, numbers)
    memory = _Memory(space, numbers, instructions.rows, dtype)
    functions = [_value(op) for op, _ in instructions.kinds]

    def follow(i: Any, x: Any) -> Any:
        kind, place, *operands = _instruction(memory.rows, i)
        result = lax.switch(kind, functions, *[_at(x, place) for place in operands])
        return lax.dynamic_update_index_in_dim(x, result, place, 0)

    found = lax.fori_loop(0, len(memory.rows), follow, memory.values)
    places = np.unique(tape.places)
    return places, found[memory.local(places)]


def run_back(tape: Tape, space: Space, owner: int, active: Any, always: Any) -> None:
    """Give the gradients of the rows on, from the last to the first.

    Args:
        tape: the rows.
        space: where they stand.
        owner: which of its arrays has the results.
        active: for each place, whether its gradient is wanted.
        always: for each place, whether the gradient reaches it whatever branches are taken. If
            there are others, it is noted where those are reached, and only from there given on.
    """
    numbers = Numbers([tape], space.size)
    given = space.given.copy()
    flow = gradient_flow(tape, given, active)
    instructions = gradient_instructions(tape, flow, numbers)
    if not len(instructions.rows):
        return
    gradient, ways = space.total(space.slopes, owner), space.total(space.reached, owner)
    memory = _Memory(space, numbers, instructions.rows, gradient.dtype)
    own = np.unique(tape.places)
    slopes = jnp.zeros_like(memory.values)
    is_here = np.isin(own, memory.used)
    here = memory.local(own[is_here])
    slopes = slopes.at[here].set(gradient[is_here])
    masked = not always.all()
    reached = jnp.zeros(slopes.shape if masked else 0, bool)
    if masked:
        sure = always[own[is_here]].reshape(-1, *[1] * (slopes.ndim - 1))
        more = False if ways is None else ways[is_here] > 0.0
        reached = reached.at[here].set(sure | more)
    functions = [_slopes(op, wanted or (), masked) for op, wanted in instructions.kinds]

    def follow(i: Any, state: tuple[Any, Any]) -> tuple[Any, Any]:
        slopes, reached = state
        kind, result, *operands = _instruction(memory.rows, i)
        read = [_at(memory.values, place) for place in (result, *operands)]
        mask = _at(reached, result) if masked else True
        given = lax.switch(kind, functions, _at(slopes, result), mask, *read)
        for place, (term, is_reached) in zip(operands, given, strict=True):
            slopes = lax.dynamic_update_index_in_dim(slopes, _at(slopes, place) + term, place, 0)
            if masked:
                is_reached |= _at(reached, place)
                reached = lax.dynamic_update_index_in_dim(reached, is_reached, place, 0)
        return slopes, reached

    slopes, reached = lax.fori_loop(0, len(memory.rows), follow, (slopes, reached))
    operands = memory.used[memory.rows[:, 2:]]
    are_targets = np.zeros(operands.shape, bool)
    for kind, (_, wanted) in enumerate(instructions.kinds):
        are_targets[memory.rows[:, 0] == kind, : len(wanted or ())] = wanted
    targets = np.setdiff1d(operands[are_targets], own)
    if targets.size:
        read = space.read(targets)
        space.give(space.slopes, read, slopes[memory.local(targets)])
        if masked:
            space.give(space.reached, read, reached[memory.local(targets)].astype(slopes.dtype))


class _Memory:
    """The memory of a machine, of which only those places are here that instructions name.

    Attributes:
        used: these places.
        rows: the instructions, with the index among them in the place of a place.
        values: the numbers there; 0 where nothing has been computed yet.
    """

    def __init__(self, space: Space, numbers: Numbers, rows: Any, dtype: Any) -> None:
        self.used, places = np.unique(rows[:, 1:], return_inverse=True)
        self.rows = np.hstack([rows[:, :1], places.reshape(len(rows), -1).astype(np.int32)])
        behind = self.used >= space.size
        start = np.zeros(len(self.used))
        start[behind] = np.array(numbers.values)[self.used[behind] - space.size]
        column = jnp.asarray(start, dtype)
        if space.lanes is not None:
            column = jnp.broadcast_to(column[:, None], (len(start), space.lanes))
        known = self.used[~behind]
        known = known[space.is_known(known)]
        if known.size:
            column = column.at[self.local(known)].set(space.value(space.read(known)))
        self.values = column

    def local(self, places: Any) -> Any:
        """Return where places are."""
        return np.searchsorted(self.used, places)


def _instruction(rows: Any, i: Any) -> list[Any]:
    row = _at(jnp.asarray(rows), i)
    return [row[k] for k in range(rows.shape[1])]


def _at(x: Any, i: Any) -> Any:
    return lax.dynamic_index_in_dim(x, i, 0, keepdims=False)


def _value(op: Primitive) -> Callable[..., Any]:
    """Make the function for instructions that compute a value."""

    def compute(*memory: Any) -> Any:
        operands = memory[: arity(op)]
        if op is p.fsum:  # of one number
            return operands[0]
        if op is p.dot:  # of one product
            return operands[0] * operands[1] + operands[2]
        result = applied(op, list(map(Number, operands)))
        return jnp.asarray(result, memory[0].dtype)

    return compute


def _slopes(op: Primitive, wanted: Sequence[bool], masked: bool) -> Callable[..., Any]:
    """Make the function for instructions that give a gradient on to operands.

    It takes the gradient, whether it is reached, the result and the operands; and gives for each
    operand what to add to its gradient, and whether that is reached.
    """

    def compute(gradient: Any, mask: Any, out: Any, *memory: Any) -> Any:
        operands = memory[: arity(op)]
        given = [(jnp.full_like(gradient, -0.0), jnp.zeros_like(mask))] * len(memory)
        if op is p.where:
            for i, taken in (1, operands[0] != 0.0), (2, operands[0] == 0.0):
                if wanted[i]:
                    is_reached = taken & mask if masked else mask
                    given[i] = jnp.where(taken, gradient, 0.0), is_reached
            return given
        slopes = op.local_derivatives(Number(out), list(map(Number, operands)), wanted)
        for i, slope in zip(compress(range(len(wanted)), wanted), slopes, strict=True):
            term = gradient * array_of(slope)
            given[i] = jnp.where(mask, term, 0.0) if masked else term, mask
        return given

    return compute
