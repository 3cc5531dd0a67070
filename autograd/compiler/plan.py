"""A traced function made ready to run: its program as code.

A `Plan` belongs to one form of arguments. It holds what never changes: the program, its code, where
arguments go and where results come from.

Gradients that pass through branches have two codes. The quick one multiplies on in all lanes, by a
gradient of 0 where the branch was not taken. Should a gradient come out as nan, because of 0 · ∞
there or for a reason of its own, the call is done again by the careful one, which has masks.
"""

from __future__ import annotations

import copy
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, chain, groupby, islice
from types import CodeType
from typing import Any

import numpy as np

from autograd.compiler.arguments import Form, Leaf, assembler, leaves_of, matcher, spec_of
from autograd.compiler.codegen import (
    Backward,
    BadIndexError,
    Code,
    Forward,
    Work,
    function_code,
    machine_for,
    numbers_of,
)
from autograd.compiler.passes import (
    SHARED,
    VARYING,
    Trace,
    Tracer,
    active_places,
    always_reached,
    everywhere,
    grouped,
    has_branches,
    simplified,
    stand_ins,
)
from autograd.engine import OWN, Value, modes
from autograd.transforms import name_of, split_aux
from autograd.transforms.trees import NUMBER, described, flatten, paths

_BLOCK_BYTES = 2**21  # the buffers of a block of lanes stay in the cache of a processor
_FEWEST_LANES = 256  # below that, matrix products lose more than the cache gains
_FEWEST_LANES_ON_TAPE = 512  # below that, calls of functions cost more than what they compute
_MOST_BYTES = 2**29  # for the buffers of a block, however large the program


@dataclass(frozen=True)
class Options:
    """The options of `autograd.compile` that say what is computed.

    Attributes:
        argnums: which arguments to differentiate by.
        reduce: "sum" or "mean" over the batch, or None.
        fast_math: whether simplifying may change the sign of a zero or lose an infinity.
        has_aux: whether the function gives a pair of which only the first part is differentiated.
        check: whether to keep the trace as text, to compare it with another.
    """

    argnums: int | Sequence[int]
    reduce: str | None
    fast_math: bool
    has_aux: bool
    check: bool


@dataclass
class Input:
    """A leaf of an argument on its way into the code.

    Attributes:
        index: its number among the leaves of all arguments.
        leaf: what it looks like.
        space: where its numbers stand; in the lanes they do so one after the other.
        places: the place of each, in the shape of the leaf.
        views: names in the code that mean rows of it, or with None all of it.
        is_copied: whether the code reads it in the lanes too.
    """

    index: int
    leaf: Leaf
    space: str
    places: Any
    views: list[tuple[str, slice | None]] = field(default_factory=list)
    is_copied: bool = False

    @property
    def start(self) -> int:
        """The first place."""
        return int(self.places.flat[0])

    @property
    def stop(self) -> int:
        """The place after the last, in the lanes."""
        return self.start + self.leaf.count


class Plan:
    """One form of arguments: the program and its code.

    Args:
        f: the function.
        forms: the form of each argument.
        wanted: the places of the arguments to differentiate by; none for the value alone.
        options: what to compute.
    """

    def __init__(
        self, f: Callable[..., Any], forms: Sequence[Form], wanted: Sequence[int], options: Options
    ) -> None:
        self.reduce, self.forms, self.arguments = options.reduce, tuple(forms), tuple(wanted)
        leaves = [list(leaves_of(form)) for form in forms]
        self.batched = any(leaf.batched for own in leaves for leaf in own)
        # per lane, a gradient with respect to a shared argument differs from lane to lane
        self._all_lanes = self.batched and options.reduce is None
        self.reduces = self.batched and not self._all_lanes

        varying: list[bool] = []
        active: list[bool] = []
        for i, own in enumerate(leaves):
            for leaf in own:
                varying += [self._in_lanes(leaf, i in wanted)] * leaf.count
                active += [i in wanted] * leaf.count
        trace, rows = self._traced(f, forms, len(varying), options.has_aux)
        if wanted and self.output_spec != NUMBER:
            raise TypeError(
                f"a gradient needs a function that returns one number, but {name_of(f)} returns "
                f"{described(self.output_spec)}: compile autograd.jacobian of it instead"
            )
        trace, rows = simplified(trace, rows, options.fast_math)
        self.text = repr((trace.ops, trace.operands, rows)) if options.check else ""
        last_inputs = {end - 1 for end in accumulate(x.count for own in leaves for x in own)}
        machine = machine_for(trace.ops)
        self.program = grouped(trace, rows, varying, not wanted, last_inputs, machine)
        self.wanted, self.active_inputs = bool(wanted), active
        operations = set().union(*[step.operations() for step in self.program.steps])
        self.branches = bool(wanted) and has_branches(self.program)
        self.calls_users_own = any(op.name in OWN for op in operations)
        self.native = self.program.native
        self._write(careful=False)
        lane_bytes = 8 * max(1, self.program.sizes[VARYING]) * (2 if wanted else 1)
        lane_bytes += self.code.kept_bytes
        fewest = _FEWEST_LANES_ON_TAPE if self.program.tapes else _FEWEST_LANES
        most = max(1, _MOST_BYTES // (lane_bytes + self.code.scratch_bytes))
        self.block: int = min(max(fewest, _BLOCK_BYTES // lane_bytes), most)
        self.most_blocks = max(1, most // self.block)  # that should be in memory at a time

        self.match = matcher(forms)
        self._find_inputs()
        self._find_indices()
        self._find_outputs()
        starts = [0, *accumulate(map(len, leaves))]
        self.gradients: list[Gradient] = [
            Gradient(
                forms[i],
                self.inputs[starts[i] : starts[i + 1]],
                lambda leaf: self._in_lanes(leaf, wanted=True),
            )
            for i in wanted
        ]
        self.gradients_in_lanes = any(x.lanes is not None for x in self.gradients)
        self.single = not isinstance(options.argnums, (tuple, list))

    def _in_lanes(self, leaf: Leaf, wanted: bool) -> bool:
        return leaf.batched or (self._all_lanes and wanted)

    # --- from the function to the code --------------------------------------------------------

    def _traced(
        self, f: Callable[..., Any], forms: Sequence[Form], count: int, has_aux: bool
    ) -> tuple[Trace, list[int | float]]:
        """Run the function on stand-ins; give what it did, and the rows of its results."""
        trace = Trace()
        inputs = iter([trace.tracer(trace.input()) for _ in range(count)])
        token = modes.tracing.set(trace)
        try:
            result = f(*[stand_ins(spec_of(form), inputs) for form in forms])
        finally:
            modes.tracing.reset(token)
        aux: list[Any] = []
        self.put_aux: Callable[[Any, Any], Any] | None = None
        if has_aux:
            result, aux_tree = split_aux(f, result)
            aux, aux_spec = flatten(aux_tree, "the aux of the function")
            self.put_aux = assembler(aux_spec, lanes=self.batched)
        outputs, self.output_spec = flatten(result, "the result of the function")
        self.output_count = len(outputs)
        self.put_value = assembler(self.output_spec, lanes=self.batched and self.reduce is None)
        return trace, [_row_of(y, trace) for y in outputs + aux]

    def _write(self, careful: bool) -> None:
        """Write the code in sections: once, the first block of lanes, the others, at the end."""
        program = self.program
        shared = [step for step in program.steps if step.space == SHARED]
        block = [step for step in program.steps if step.space == VARYING]
        code = self.code = Code(program, careful, numbers_of(program) if self.native else None)
        code.keeps = self.wanted
        forward = Forward(code)
        for step in shared:
            forward.write(step)
        once = code.take_lines()
        forward.lift()
        for step in block:
            forward.write(step)
        first = later = code.take_lines()
        end: list[str] = []
        code.keeps = False
        if self.wanted:
            active = active_places(program, self.active_inputs)
            always = always_reached(program) if careful else everywhere(program)
            lines, work = [], code.work
            for is_first in (False, True):
                code.work = work.copy()  # what the first block costs is what counts
                backward = Backward(code, active, always, is_first)
                backward.seed()
                for step in reversed(block):
                    backward.write(step)
                backward.finish_block()
                lines.append(code.take_lines())
            later, first = later + lines[0], first + lines[1]
            for step in reversed(shared):
                backward.write(step)
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

    @cached_property
    def careful(self) -> Plan:
        """The same, but branches that were not taken have no part in the gradient at all."""
        plan = self._by_numpy(careful=True)
        plan.branches = False
        plan._find_inputs()
        return plan

    @property
    def work(self) -> list[Work]:
        """What the code costs, if NumPy runs all of it."""
        return (self._by_numpy(careful=False) if self.native else self).code.work

    def _by_numpy(self, careful: bool) -> Plan:
        """Write the code anew, in which the machine has no part."""
        plan = copy.copy(self)
        vars(plan).pop("later", None)
        plan.native = False
        plan._write(careful)
        return plan

    # --- the ways in and out ------------------------------------------------------------------

    def _find_inputs(self) -> None:
        """Note where the numbers of each leaf stand, and how the code reads them."""
        self.inputs: list[Input] = []
        places = np.array([place for _, place in self.program.inputs], dtype=np.intp)
        row = 0
        for index, leaf in enumerate([leaf for form in self.forms for leaf in leaves_of(form)]):
            space = self.program.inputs[row][0] if leaf.count else SHARED
            own = places[row : row + leaf.count].reshape(leaf.shape)
            self.inputs.append(Input(index, leaf, space, own))
            row += leaf.count
        self.lane_inputs = [x for x in self.inputs if x.space == VARYING]
        self._find_reads()

    def _find_indices(self) -> None:
        """Note which numbers of the arguments are indices of tables, and in which arguments."""
        indices = [index for index, _ in self.program.choices]
        found = {(index.space, i) for index in indices for i in index.places.tolist()}
        self.are_indices = [place in found for place in self.program.inputs]
        flags = iter(self.are_indices)
        counts = [sum(leaf.count for leaf in leaves_of(form)) for form in self.forms]
        self.with_index = [i for i, n in enumerate(counts) if sum(islice(flags, n))]

    def _find_reads(self) -> None:
        """Note by what names the code reads leaves in the lanes, and which it reads otherwise."""
        read = self.code.read_anywhere.copy()
        for out in self.program.outputs:
            if not isinstance(out, float) and out[0] == VARYING:
                read[out[1]] = True
        starts = [x.start for x in self.lane_inputs]
        for key, name in self.code.names.items():
            if key[:2] != ("rows", VARYING):
                continue
            first, stride, count = key[2:5]
            last = first + stride * (count - 1)
            x = self.lane_inputs[max(0, bisect_right(starts, first) - 1)] if starts else None
            if x and stride > 0 and x.start <= first and last < x.stop:
                rows = slice(first - x.start, last + 1 - x.start, stride)
                x.views.append((name, None if count == x.leaf.count else rows))
            else:
                read[min(first, last) : max(first, last) + 1] = True
        for x in self.lane_inputs:
            x.is_copied = bool(read[x.start : x.stop].any())

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

    def samples(self, size: int, arrays: Sequence[Any]) -> Iterator[list[Any]]:
        """Return the arguments of the function itself, for one sample after the other.

        Args:
            size: the number of samples.
            arrays: an array, or a number, per leaf of the arguments.
        """
        leaves = [leaf for form in self.forms for leaf in leaves_of(form)]
        for i in range(size):
            numbers = [
                np.ravel(array[i] if leaf.batched else array).astype(float).tolist()
                for leaf, array in zip(leaves, arrays, strict=True)
            ]
            own = map(_as_used, chain.from_iterable(numbers), self.are_indices)
            yield [stand_ins(spec_of(form), own) for form in self.forms]

    def refusal(self, bad: BadIndexError) -> Exception:
        """Return the error that says which argument has an index that is none, in which sample."""
        leaves = [leaf for form in self.forms for leaf in leaves_of(form)]
        names = [name for leaf in leaves for name in paths(leaf.spec, leaf.path)]
        called = dict(zip(self.program.inputs, names, strict=True))
        where = called.get(bad.place, "an index that is computed")
        here = f"{where} is {bad.number:g}{f' in sample {bad.lane}' if self.batched else ''}"
        if bad.number % 1.0 == 0.0:
            return IndexError(f"{here}, but it is an index of a table of {bad.count} entries")
        return TypeError(f"{here}, but it is an index, which must be an integer")


def _as_used(x: float, is_index: bool) -> float:
    return int(x) if is_index else x


def _row_of(y: Any, trace: Trace) -> int | float:
    """Return the row of a result, or the number if it is constant."""
    if isinstance(y, Tracer):
        return y.row_of_result()
    return trace.capture(y) if isinstance(y, Value) else float(y)


class Gradient:
    """How the gradient with respect to one argument is put together.

    Args:
        form: the form of the argument.
        inputs: its leaves.
        in_lanes: tells of a leaf whether its gradient differs from sample to sample.

    Attributes:
        put: makes it of the gradients with respect to `shared`, and of an array of the others.
        shared: the leaves of which all samples together have one gradient.
        lanes: where the numbers of the others stand in the lanes; None if there are no others.
        lane_count: how many these are.
    """

    def __init__(
        self, form: Form, inputs: Sequence[Input], in_lanes: Callable[[Leaf], bool]
    ) -> None:
        self.put = assembler(form, in_lanes)
        self.shared = [x for x in inputs if not in_lanes(x.leaf)]
        others = [x.places.reshape(-1) for x in inputs if in_lanes(x.leaf)]
        self.lanes = _compact(np.concatenate(others)) if others else None
        self.lane_count = sum(map(len, others))


def _compact(places: Any) -> Any:
    """Return the slice that means the same as places, where there is one."""
    if len(places) and (np.diff(places) == 1).all():
        return slice(places[0], places[-1] + 1)
    return places
