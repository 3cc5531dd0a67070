"""The program of a plan as NumPy code.

Gradients that pass through branches have two codes. The quick one multiplies on in all lanes, by a
gradient of 0 where the branch was not taken. Should a gradient come out as nan, because of 0 · ∞
there or for a reason of its own, the call is done again by the careful one, which has masks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from types import CodeType
from typing import Any

import numpy as np

from autograd.compiler.arguments import Leaf
from autograd.compiler.codegen import (
    VIEWS,
    Backward,
    Code,
    Forward,
    Work,
    backward_rounds,
    extent,
    forward_rounds,
    function_code,
    numbers_of,
    with_norms,
    with_runs,
)
from autograd.compiler.passes import (
    SHARED,
    VARYING,
    active_places,
    always_reached,
    everywhere,
    has_no_gaps,
)
from autograd.compiler.plan import Input, Plan

_BLOCK_BYTES = 2**21  # the buffers of a block of lanes stay in the cache of a processor
_FEWEST_LANES = 256  # below that, matrix products lose more than the cache gains
_FEWEST_LANES_ON_TAPE = 512  # below that, calls of functions cost more than what they compute
_MOST_BYTES = 2**29  # for the buffers of a block, however large the program


@dataclass
class LaneInput:
    """A leaf of an argument on its way into the lanes, where its numbers stand side by side.

    Attributes:
        index: its number among the leaves of all arguments.
        leaf: what it looks like.
        start: the place of the first number.
        views: names in the code that mean rows of it, or with None all of it; None where the code
            reads it in the lanes.
    """

    index: int
    leaf: Leaf
    start: int
    views: list[tuple[str, slice | None]] | None


class ArrayCode:
    """The NumPy code of a plan, in sections, and how much of a batch it works on at a time.

    Args:
        plan: the plan.
        careful: whether branches that were not taken have no part in the gradient at all.
        native: whether native code may run tapes, and runs of small steps.

    Attributes:
        listing: the code as text.
        makers, numbers: see `Code`.
        block: how many lanes it works on at a time.
        called: what names it has.
        functions: how many functions it takes in each lane, one time after the other.
        branches: whether a nan may come from a branch that was not taken.
    """

    def __init__(self, plan: Plan, careful: bool = False, native: bool = True) -> None:
        native = native and not careful
        self.plan, self.program = plan, plan.program
        if native:
            self.program = with_norms(with_runs(plan.program, plan.machine))
        self.native = native and self.program.native
        self.branches = plan.leaves_out and not careful
        self._write(careful)
        lane_bytes = 8 * max(1, self.program.sizes[VARYING]) * (2 if plan.wanted else 1)
        lane_bytes += self._written.kept_bytes
        if self._written.numbers:
            lane_bytes += 8 * len(self._written.numbers[VARYING].values)
        fewest = _FEWEST_LANES_ON_TAPE if self.program.tapes else _FEWEST_LANES
        most = max(1, _MOST_BYTES // (lane_bytes + self._written.scratch_bytes))
        self.block: int = min(max(fewest, _BLOCK_BYTES // lane_bytes), most)
        self.most_blocks = max(1, most // self.block)  # that should be in memory at a time
        self.called = {name for x in (self.once, self.first, self.end) for name in x.co_names}
        self.functions = [x[4] for x in self._written.work if x[1]]
        self._views: dict[str, Any] = {}
        self.makers, self.numbers = self._written.makers, self._written.numbers
        for out in self.program.outputs:
            if not isinstance(out, float):
                self._written.touch_both(*out)
        self._find_reads()
        self._find_outputs()

    def _write(self, careful: bool) -> None:
        """Write the code in sections: once, the first block of lanes, the others, at the end."""
        program = self.program
        shared, block = [list(program.stretches(space)) for space in (SHARED, VARYING)]
        numbers = numbers_of(program) if self.native else None
        code = self._written = Code(program, careful, numbers)
        code.keeps = self.plan.wanted
        forward = Forward(code)
        for rounds in shared:
            forward_rounds(forward, rounds)
        once = code.take_lines()
        forward.lift()
        for rounds in block:
            forward_rounds(forward, rounds)
        first = later = code.take_lines()
        end: list[str] = []
        code.keeps = False
        if self.plan.wanted:
            active = active_places(program, self.plan.active_inputs)
            always = always_reached(program) if careful else everywhere(program)
            lines, work = [], code.work
            for is_first in (False, True):
                code.work = work.copy()  # what the first block costs is what counts
                backward = Backward(code, active, always, is_first, not self.plan.batched)
                backward.seed()
                for rounds in reversed(block):
                    backward_rounds(backward, rounds)
                backward.finish_block()
                lines.append(code.take_lines())
            later, first = later + lines[0], first + lines[1]
            for rounds in reversed(shared):
                backward_rounds(backward, rounds)
            backward.finish()
            end = code.take_lines()
        titles = ("once", "per block of lanes", "at the end")
        self.listing = "\n".join(
            f"# {title}\n" + "\n".join(lines)
            for title, lines in zip(titles, (once, first, end), strict=True)
            if lines
        )
        self.once, self.first, self.end = [function_code(lines) for lines in (once, first, end)]
        self._later_lines = later

    @cached_property
    def later(self) -> CodeType:
        """The code for blocks of lanes after the first: most batches have none."""
        return function_code(self._later_lines)

    @property
    def work(self) -> list[Work]:
        """What the code costs, if NumPy runs all of it."""
        if self.program is self.plan.program:
            return self._written.work
        return ArrayCode(self.plan, native=False).work

    def _find_reads(self) -> None:
        """Note by what names the code reads leaves in the lanes, if it does not otherwise."""
        self.lane_inputs: list[LaneInput] = []
        for x in self.plan.inputs:
            if x.space == VARYING:
                start, views = int(x.places.flat[0]), self.names_within(VARYING, x)
                rows = views and [(name, self._rows(name, start, x.leaf.count)) for name in views]
                self.lane_inputs.append(LaneInput(x.index, x.leaf, start, rows))

    def _rows(self, name: str, start: int, count: int) -> slice | None:
        """Return which rows of a leaf a name means; None for all."""
        first, (stride,), (n,) = self._written.keys[name][2:5]
        stop = first - start + stride * n
        is_all = (stride, n) == (1, count)
        return None if is_all else slice(first - start, None if stop < 0 else stop, stride)

    def names_within(self, buffer: str, x: Input) -> Any:
        """Return the names of the views of a leaf, if by these alone the code reaches it."""
        if buffer not in self._views:
            keys = [x for x in self._written.names if x[0] in VIEWS and x[1] == buffer]
            names = np.array([self._written.names[key] for key in keys], dtype=object)
            self._views[buffer] = names, np.array([extent(key) for key in keys]).reshape(-1, 2).T
        names, (starts, stops) = self._views[buffer]
        first, stop = int(x.places.flat[0]), int(x.places.flat[-1]) + 1
        own = (starts < stop) & (first < stops)
        is_alone = (first <= starts[own]).all() and (stops[own] <= stop).all()
        is_whole = has_no_gaps(x.places) and not self._written.touched[buffer][first:stop].any()
        return names[own].tolist() if is_alone and is_whole else None

    def _find_outputs(self) -> None:
        """Note which rows of the lanes, and which shared numbers, make up the outputs."""
        self.constant_outputs: list[tuple[int, float]] = []
        self.copied_outputs: list[tuple[slice, str, slice]] = []
        placed: list[tuple[int, str, int]] = []
        for i, out in enumerate(self.program.outputs):
            if isinstance(out, float):
                self.constant_outputs.append((i, out))
            else:
                placed.append((i, *out))
        # side by side among the outputs as well as in the space
        side_by_side = groupby(
            enumerate(placed), lambda x: (x[1][1], x[1][2] - x[1][0], x[1][0] - x[0])
        )
        for _, group in side_by_side:
            run = [item for _, item in group]
            (i, space, place), n = run[0], len(run)
            self.copied_outputs.append((slice(i, i + n), space, slice(place, place + n)))
