"""Run the rounds of a loop as one `scan` of JAX, and its gradient as another in reverse.

The steps of one round are all that XLA compiles. What they read is the same in all rounds, as the
weights, or has an entry for each, as the inputs, or was computed by rounds before. For the states
of a recurrent net, h[t] = tanh(W x[t] + U h[t−1]):

    scan over t:  (x[t], dh of later steps) and h[t−1]  →  h[t]
    and back:     dz = dh[t] ⊙ tanh′(z);  dx[t] = Wᵀ dz;  dW += dz x[t]ᵀ;  dh[t−1] += Uᵀ dz
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from autograd.compiler.codegen import Places, places_of
from autograd.compiler.passes import TAKE, VARYING, Step
from autograd.compiler.xla.places import Space

Rounds = Sequence[Sequence[Step]]


class Scan:
    """The rounds of a loop in one run of a plan.

    Args:
        run: the run, with its spaces.
        rounds: the steps of each.
        places: those that the rounds read and write, by space.

    Attributes:
        own: the places of the results.
        constant: by space, the places that are the same in all rounds.
        moving: by space, those that advance.
        earlier: the places of results of earlier rounds that the first round reads.
        distance: of how many rounds before.
        carried: which results are read by later rounds.
        which: of these, for each of the `earlier` ones.
        initial: the places of what the first rounds read of those before them.
        begins: how many rounds before, less 1, that is, and which of the carried ones.
    """

    def __init__(self, run: Any, rounds: Rounds, places: dict[str, Places]) -> None:
        self.run, self.steps, self.count = run, rounds[0], len(rounds)
        self.space = self.steps[0].space
        self.numbers = np.arange(self.count)[:, None]
        first = np.concatenate([np.arange(x.start, x.start + x.size) for x in self.steps])
        stride = rounds[1][0].start - rounds[0][0].start
        self.own = Places(first, np.full(len(first), stride))
        before = self._rounds_before(places[self.space])
        self.constant: dict[str, Any] = {}
        self.moving: dict[str, Places] = {}
        for space, every in places.items():
            outside = np.ones(len(every.first), bool)
            if space == self.space:
                outside = ~np.isin(every.first, first) & (before == 0)
            is_same = outside & (every.stride == 0)
            moves = outside & (every.stride != 0)
            if is_same.any():
                self.constant[space] = every.first[is_same]
            if moves.any():
                self.moving[space] = Places(every.first[moves], every.stride[moves])
        here = before > 0
        self.earlier, self.distance = places[self.space].first[here], before[here]
        sources = np.searchsorted(first, self.earlier + stride * self.distance)
        self.depth = int(self.distance.max(initial=0))
        self.carried, self.which = np.unique(sources, return_inverse=True)
        farthest = np.zeros(len(self.carried), np.intp)
        np.maximum.at(farthest, self.which, self.distance)
        self.begins = np.nonzero(np.arange(self.depth)[:, None] < farthest)
        age, which = self.begins
        self.initial = first[self.carried[which]] - stride * (age + 1)

    def _rounds_before(self, every: Places) -> Any:
        """Tell for places how many rounds before the loop wrote what is there; 0 if it did not."""
        stride = int(self.own.stride[0])
        table = np.full(stride, -1)
        table[self.own.first % stride] = self.own.first
        source = table[every.first % stride]
        distance = np.where(source >= 0, (source - every.first) // stride, 0)
        is_earlier = (every.stride == stride) & (distance > 0) & (distance < self.count)
        return np.where(is_earlier, distance, 0)

    @property
    def is_possible(self) -> bool:
        """Whether nothing else that the rounds read is written by them."""
        own, space = self.own.at(self.numbers), self.space
        read = [self.constant[space]] if space in self.constant else []
        read += [self.moving[space].at(self.numbers)] if space in self.moving else []
        return not any(np.isin(places, own).any() for places in read)

    # --- forward ----------------------------------------------------------------------------------

    def forward(self) -> tuple[Any, Any]:
        """Compute all rounds; return the places of the results, and these."""
        run = self.run
        self.constants = {space: run.spaces[space].read(x) for space, x in self.constant.items()}
        self.inputs = {
            space: run.spaces[space].read(x.at(self.numbers)) for space, x in self.moving.items()
        }
        self.known = {space: run.spaces[space].value(x) for space, x in self.constants.items()}
        self.given = {space: run.spaces[space].value(x) for space, x in self.inputs.items()}
        lanes = [run.size] * (self.space == VARYING)
        state = jnp.zeros((self.depth, len(self.carried), *lanes), run.dtype)
        if self.depth:
            self.start = run.spaces[self.space].read(self.initial)
            state = state.at[self.begins].set(run.spaces[self.space].value(self.start))

        def round_of(state: Any, given: Any) -> tuple[Any, Any]:
            read = state[self.distance - 1, self.which] if self.depth else state[:0, 0]
            local = self._round(given, read)
            for step in self.steps:
                local.compute(step)
            own = local.spaces[self.space]
            results = own.value(own.read(self.own.first))
            latest = results[self.carried][None]
            return jnp.concatenate([latest, state[:-1]])[: self.depth], (results, read)

        _, (self.results, self.read) = lax.scan(round_of, state, self.given, self.count)
        places = self.own.at(self.numbers).reshape(-1)
        return places, self.results.reshape(len(places), *lanes)

    def _round(self, given: Any, read: Any) -> Any:
        """Return a run of one round, with what it reads in the places of the first round."""
        local = copy(self.run)
        local.spaces = {x: Space(y.size, y.lanes) for x, y in self.run.spaces.items()}
        local.owners = {}
        self.owners: dict[Any, int] = {}
        for space, numbers in self.known.items():
            owner = local.spaces[space].put(self.constant[space], numbers)
            self.owners["constant", space] = owner
        for space, numbers in given.items():
            owner = local.spaces[space].put(self.moving[space].first, numbers)
            self.owners["moving", space] = owner
        if self.depth:
            self.owners["earlier"] = local.spaces[self.space].put(self.earlier, read)
        return local

    # --- back -------------------------------------------------------------------------------------

    def back(self, owner: int) -> None:
        """Give the gradients of all results on to what the rounds read."""
        run, spaces = self.run, self.run.spaces
        slopes = spaces[self.space].total(spaces[self.space].slopes, owner)
        slopes = slopes.reshape(self.results.shape)
        waiting = jnp.zeros((self.depth, len(self.carried), *slopes.shape[2:]), run.dtype)
        totals = {space: jnp.zeros_like(x) for space, x in self.known.items()}

        def round_of(state: Any, given: Any) -> tuple[Any, Any]:
            waiting, totals = state
            slope, results, read, inputs = given
            local = self._round(inputs, read)
            own = local.spaces[self.space]
            if self.depth:
                slope = slope.at[self.carried].add(waiting[0])
            start = 0
            for step in self.steps:
                stop = start + step.size
                places = np.arange(step.start, step.start + step.size)
                local.owners[id(step)] = own.put(places, results[start:stop])
                if run.reached[self.space][places].any():
                    own.give(own.slopes, own.read(places), slope[start:stop])
                start = stop
            for step in reversed(self.steps):
                local.give_on(step)

            def total(space: str, key: Any) -> Any:
                i = self.owners[key]
                found = local.spaces[space].total(local.spaces[space].slopes, i)
                return jnp.zeros_like(local.spaces[space].arrays[i]) if found is None else found

            if self.depth:
                waiting = jnp.concatenate([waiting[1:], jnp.zeros_like(waiting[:1])])
                earlier = total(self.space, "earlier")
                waiting = waiting.at[self.distance - 1, self.which].add(earlier)
            totals = {x: y + total(x, ("constant", x)) for x, y in totals.items()}
            return (waiting, totals), {x: total(x, ("moving", x)) for x in self.moving}

        given = slopes, self.results, self.read, self.given
        (waiting, totals), moving = lax.scan(round_of, (waiting, totals), given, reverse=True)
        for x, places in self.constant.items():
            self._give(x, places[None], totals[x][None])
        for x, own in self.moving.items():
            self._give(x, own.at(self.numbers), moving[x])
        if self.depth:
            self._give(self.space, self.initial[None], waiting[self.begins][None])

    def _give(self, where: str, places: Any, terms: Any) -> None:
        """Give gradients on, but for those of numbers that are only handed through.

        Args:
            where: the space.
            places: where the numbers stand, of which a gradient reaches all rows alike.
            terms: the gradients.
        """
        space, here = self.run.spaces[where], np.flatnonzero(self.run.reached[where][places[0]])
        if len(here):
            space.give(space.slopes, space.read(places[:, here]), terms[:, here])


def scan_of(run: Any, rounds: Rounds) -> Scan | None:
    """Return the scan of the rounds of a loop; None where they are not to be one.

    What is chosen by an index, and branches, are done round by round; so are operations of which
    the gradient reaches but a part.
    """
    if len(rounds) < _FEWEST or any(step.op is TAKE for step in rounds[0]):
        return None
    places = places_of(rounds)
    starts = [[step.start for step in steps] for steps in rounds[:2]]
    if places is None or len({b - a for a, b in zip(*starts, strict=True)} | {0}) != 2:
        return None
    for space, own in places.items() if run.plan.wanted else ():
        every = own.at(np.arange(len(rounds))[:, None])
        alike = [(x[space][every] == x[space][every[0]]).all() for x in (run.active, run.reached)]
        if not all(alike) or (run.plan.branches and not run.always[space][every].all()):
            return None
    reached = [step.within(run.reached) for step in rounds[0]] if run.plan.aside else []
    if any(x.any() and not x.all() for x in reached):
        return None
    scan = Scan(run, rounds, places)
    return scan if scan.is_possible else None


_FEWEST = 6  # rounds
