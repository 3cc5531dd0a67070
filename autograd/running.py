"""A traced function made ready to run: its program as code, and arrays for the code to work on.

A `Plan` belongs to one form of arguments. It holds what never changes: the program, its code, where
arguments go and where results come from. A `Workspace` is a set of arrays for a number of samples,
with the code bound to them. A call takes one that nobody uses and puts it back when it is done, so
threads do not wait for each other, and what an interrupted call leaves behind is never used again.

Gradients that pass through branches have two codes. The quick one multiplies on in all lanes, by a
gradient of 0 where the branch was not taken. Should a gradient come out as nan, because of 0 · ∞
there or for a reason of its own, the call is done again by the careful one, which has masks.
"""

from __future__ import annotations

import builtins
import copy
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, groupby
from math import isnan
from types import CodeType
from typing import Any

import numpy as np
from scipy import special

from autograd import errorfunction
from autograd import primitives as p
from autograd.activity import active_places, always_reached, everywhere
from autograd.arguments import Form, Leaf, assembler, leaves_of, matcher, spec_of
from autograd.collector import collector_paused
from autograd.emitting import Code, bound, function_code
from autograd.grouping import SHARED, VARYING, Tape, grouped
from autograd.lowering import Backward, Forward
from autograd.simplifying import simplified
from autograd.structure import NUMBER, described, flatten, unflatten
from autograd.tracing import Trace, Tracer, current
from autograd.transforms import name_of, split_aux
from autograd.value import Value

_SIZES_KEPT = 4  # numbers of samples for which workspaces are kept
_SPARE_KEPT = 4  # workspaces for each, for as many threads
_BLOCK_BYTES = 2**21  # the buffers of a block of lanes stay in the cache of a processor
_FEWEST_LANES = 256  # below that, matrix products lose more than the cache gains
_FEWEST_LANES_ON_TAPE = 512  # below that, calls of functions cost more than what they compute
_MOST_BYTES = 2**29  # for the buffers of a block, however large the program

_NAMES = {name: getattr(np, name) for name in dir(np) if not name.startswith("_")} | {
    name: getattr(special, name) for name in ("expit", "log_expit", "xlogy")
}
_NAMES |= {"erf": errorfunction.erf, "erfc": errorfunction.erfc}
# what `numpy.clip` calls in the end, at half its cost for a small batch
_NAMES["clip"] = (np._core if hasattr(np, "_core") else np.core).umath.clip
_NAMES["__builtins__"] = builtins  # NumPy imports when some functions are first called


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


@dataclass(frozen=True)
class _Input:
    """A leaf of an argument on its way into the code.

    Attributes:
        index: its number among the leaves of all arguments.
        leaf: what it looks like.
        space: where its numbers stand.
        start: the place of the first of them there.
    """

    index: int
    leaf: Leaf
    space: str
    start: int


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
        # per lane, a gradient by a shared argument differs from lane to lane
        self._all_lanes = self.batched and options.reduce is None

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
        self.program = grouped(trace, rows, varying, reuse=not wanted)
        self.wanted, self.active_inputs = bool(wanted), active
        self.branches = bool(wanted) and any(p.where in x.operations() for x in self.program.steps)
        self.size = 0  # of the latest batch
        self._write(careful=False)
        lane_bytes = 8 * max(1, self.program.sizes[VARYING]) * (2 if wanted else 1)
        lane_bytes += self.code.kept_bytes
        on_tape = any(isinstance(step, Tape) for step in self.program.steps)
        fewest = _FEWEST_LANES_ON_TAPE if on_tape else _FEWEST_LANES
        most = max(1, _MOST_BYTES // lane_bytes)
        self.block = min(max(fewest, _BLOCK_BYTES // lane_bytes), most)
        self._sizes_kept = max(1, min(_SIZES_KEPT, most // self.block))

        self.match = matcher(forms)
        self._find_inputs()
        self._find_outputs()
        starts = [0, *accumulate(map(len, leaves))]
        self.gradients = [
            _Gradient(
                self.inputs[starts[i] : starts[i + 1]],
                assembler(forms[i], lambda leaf: self._in_lanes(leaf, wanted=True)),
            )
            for i in wanted
        ]
        self.single = not isinstance(options.argnums, (tuple, list))
        self._spare: dict[int, deque[Workspace]] = {}
        self._lock = threading.RLock()

    def _in_lanes(self, leaf: Leaf, wanted: bool) -> bool:
        return leaf.batched or (self._all_lanes and wanted)

    # --- from the function to the code --------------------------------------------------------

    def _traced(
        self, f: Callable[..., Any], forms: Sequence[Form], count: int, has_aux: bool
    ) -> tuple[Trace, list[int | float]]:
        """Run the function on stand-ins; give what it did, and the rows of its results."""
        trace = Trace()
        inputs = iter([trace.tracer(trace.input()) for _ in range(count)])
        token = current.set(trace)
        try:
            result = f(*[unflatten(spec_of(form), inputs) for form in forms])
        finally:
            current.reset(token)
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
        code = self.code = Code(program)
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
            lines = []
            for is_first in (False, True):
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
        plan = copy.copy(self)
        vars(plan).pop("later", None)
        plan.branches, plan._spare = False, {}
        plan._write(careful=True)
        plan._find_inputs()
        return plan

    # --- the ways in and out ------------------------------------------------------------------

    def _find_inputs(self) -> None:
        """Note where the numbers of each leaf stand, and the names in the code that mean them."""
        self.inputs: list[_Input] = []
        row = 0
        for index, leaf in enumerate([leaf for form in self.forms for leaf in leaves_of(form)]):
            space, start = self.program.inputs[row] if leaf.count else (SHARED, 0)
            self.inputs.append(_Input(index, leaf, space, start))
            row += leaf.count
        self.lane_inputs = [x for x in self.inputs if x.space == VARYING]
        self.views = [self._views(x.start, x.leaf.count) for x in self.lane_inputs]
        self.copies_inputs = self.code.reads_anywhere or self._reads_inputs_directly()

    def _views(self, start: int, count: int) -> list[tuple[str, slice]]:
        """Find the names in the code that are slices of one array in the lanes."""
        return [
            (name, slice(key[2] - start, key[2] - start + key[3] * key[4], key[3]))
            for key, name in self.code.names.items()
            if key[:2] == ("rows", VARYING)
            and key[3] > 0
            and start <= key[2]
            and key[2] + key[3] * (key[4] - 1) < start + count
        ]

    def _reads_inputs_directly(self) -> bool:
        """Tell whether an input is read in the lanes, and not by a name bound to its array."""
        inputs = sum(x.leaf.count for x in self.lane_inputs)  # they stand first in the lanes
        bound = {name for views in self.views for name, _ in views}
        first_read = [
            min(key[2], key[2] + key[3] * (key[4] - 1))
            for key, name in self.code.names.items()
            if key[:2] == ("rows", VARYING) and name not in bound
        ]
        outputs = [
            out[1] for out in self.program.outputs if out.__class__ is tuple and out[0] == VARYING
        ]
        return any(place < inputs for place in first_read + outputs)

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

    # --- running it ---------------------------------------------------------------------------

    def run(self, size: int, arrays: Sequence[Any]) -> tuple[Any, Any]:
        """Run the code over a batch; give the value and, if wanted, the gradient.

        Args:
            size: the number of samples.
            arrays: an array, or a number, per leaf of the arguments.
        """
        self.size = size
        spare = self._spare.get(size)
        try:
            workspace = spare.pop() if spare else Workspace(self, size)
        except IndexError:  # another thread was faster
            workspace = Workspace(self, size)
        with np.errstate(all="ignore"):
            result = workspace.run(arrays)
        may_be_nan = workspace.may_be_nan
        if spare is None:
            with self._lock:
                spare = self._spare.setdefault(size, deque(maxlen=_SPARE_KEPT))
                if len(self._spare) > self._sizes_kept:
                    del self._spare[next(iter(self._spare))]
        spare.append(workspace)
        if may_be_nan:
            with self._lock:
                careful = self.careful
            return careful.run(size, arrays)
        return result


def _row_of(y: Any, trace: Trace) -> int | float:
    """Give the row of a result, or the number if it is constant."""
    if isinstance(y, Tracer):
        return y._row_of_result()
    return trace.capture(y) if isinstance(y, Value) else float(y)


class _Gradient:
    """How the gradient by one argument is put together."""

    def __init__(self, inputs: Sequence[_Input], put: Callable[[Any, Any], Any]) -> None:
        self.put = put
        self.shared = _range([x for x in inputs if x.space == SHARED])
        self.lanes = _range([x for x in inputs if x.space == VARYING])


def _range(inputs: Sequence[_Input]) -> slice:
    """Give the places of an argument's leaves in a space, where they stand side by side."""
    start = inputs[0].start if inputs else 0
    return slice(start, start + sum(x.leaf.count for x in inputs))


class Workspace:
    """The arrays for a number of samples, and the code bound to them.

    Attributes:
        may_be_nan: whether the latest gradient has a nan that may come from a branch not taken.
    """

    def __init__(self, plan: Plan, size: int) -> None:
        self.plan, self.size, self.may_be_nan = plan, size, False
        program = plan.program
        count = program.sizes[SHARED]
        self.values, self.slopes = np.zeros(count), np.zeros(count)
        for place, number in program.constants:
            self.values[place] = number
        shared = {"S": self.values, "dS": self.slopes, "mS": np.zeros(count, dtype=bool)}
        blocks = -(-size // plan.block)
        self.block = -(-size // blocks) if size else 1
        with collector_paused():  # a long tape makes many objects, and no garbage
            self.full = _Lanes(plan, shared, min(self.block, size))
            self.rest = _Lanes(plan, shared, size % self.block) if size % self.block else self.full
        self.targets = [
            (self.values[x.start : x.start + x.leaf.count].reshape(x.leaf.shape), x.index)
            for x in plan.inputs
            if x.space == SHARED
        ]
        self.captured = [node for node, _ in program.captured]
        self.captured_places = np.array([place for _, place in program.captured], dtype=np.intp)
        if plan.wanted:
            self._seed(program.outputs[0])

    def _seed(self, out: tuple[str, int] | float) -> None:
        """Write the gradient of the result by itself; no code ever changes it."""
        if isinstance(out, float):
            return
        space, place = out
        if space == VARYING:
            weight = 1.0 / self.size if self.plan.reduce == "mean" and self.size else 1.0
            self.full.slopes[place] = self.rest.slopes[place] = weight
        else:
            summed = self.plan.reduce == "sum" and self.plan.batched
            self.slopes[place] = self.size if summed else 1.0

    def run(self, arrays: Sequence[Any]) -> tuple[Any, Any]:
        """Run the code; give the value and, if wanted, the gradient."""
        plan, size, full = self.plan, self.size, self.full
        for target, index in self.targets:
            target[...] = arrays[index]
        if self.captured:
            self.values[self.captured_places] = [node.data for node in self.captured]
        columns = [_columns(arrays[x.index], x.leaf, size) for x in plan.lane_inputs]
        outputs = np.empty((len(plan.program.outputs), size))
        for i, number in plan.constant_outputs:
            outputs[i] = number
        lane_slopes = [
            np.empty((size, part.lanes.stop - part.lanes.start)) for part in plan.gradients
        ]
        full.once()
        for start in range(0, size or 1, self.block):
            stop = start + self.block
            lanes = full if stop <= size else self.rest
            for data, x, views in zip(columns, plan.lane_inputs, plan.views, strict=True):
                part = data if size == lanes.count else data[:, start:stop]
                if plan.copies_inputs:
                    lanes.values[x.start : x.start + x.leaf.count] = part
                lanes.bind(views, part)
            (lanes.later if start else lanes.first)()
            for where, space, places in plan.copied_outputs:
                source = lanes.values if space == VARYING else self.values[:, None]
                outputs[where, start:stop] = source[places]
            for result, gradient in zip(lane_slopes, plan.gradients, strict=True):
                if result.size:
                    result[start:stop] = lanes.slopes[gradient.lanes].T
        value = self._value(outputs)
        if not plan.wanted:
            return value, None
        full.end()
        if not size:  # a sum of nothing has the gradient 0, whatever the slopes are
            self.slopes.fill(0.0)
        shared_slopes = [self.slopes[gradient.shared] for gradient in plan.gradients]
        self.may_be_nan = plan.branches and any(
            isnan(part.sum()) for part in shared_slopes + lane_slopes
        )
        results = [
            gradient.put(own.copy(), by_lane)
            for gradient, own, by_lane in zip(
                plan.gradients, shared_slopes, lane_slopes, strict=True
            )
        ]
        return value, results[0] if plan.single else tuple(results)

    def _value(self, outputs: Any) -> Any:
        """Give the result in the structure of the function's, per lane or reduced."""
        plan = self.plan
        own = outputs[: plan.output_count]
        if not plan.batched:
            value = plan.put_value(own[:, 0], None)
        elif plan.reduce is None:
            value = plan.put_value(None, own.T)
        else:
            total = np.add.reduce(own, 1)
            if plan.reduce == "mean":
                total /= self.size or np.nan
            value = plan.put_value(total, None)
        if plan.put_aux is None:
            return value
        aux = outputs[plan.output_count :]
        return value, plan.put_aux(None, aux.T) if plan.batched else plan.put_aux(aux[:, 0], None)


def _columns(array: Any, leaf: Leaf, size: int) -> Any:
    """Give the numbers of a leaf as the lanes have them: a row per number, a column per sample."""
    if not leaf.batched:
        return np.broadcast_to(np.reshape(array, (leaf.count, 1)), (leaf.count, size))
    return array.T if array.ndim == 2 else array.reshape(size, leaf.count).T


class _Lanes:
    """The arrays for a number of lanes, and the code bound to them."""

    def __init__(self, plan: Plan, shared: dict[str, Any], lanes: int) -> None:
        n = plan.program.sizes[VARYING]
        self.count = lanes
        self.values = np.zeros((n, lanes))
        self.slopes = np.zeros((n, lanes) if plan.wanted else (0, lanes))
        buffers = {**shared, "V": self.values, "dV": self.slopes}
        buffers["mV"] = np.zeros((n, lanes), dtype=bool)
        names = {**_NAMES, **buffers}
        for name, maker in plan.code.makers.items():
            names[name] = maker(names, lanes)
        self._plan, self._names = plan, names
        self.once, self.first, self.end = [
            bound(section, names) for section in (plan.once, plan.first, plan.end)
        ]

    @cached_property
    def later(self) -> Callable[[], None]:
        """The code for blocks of lanes after the first."""
        return bound(self._plan.later, self._names)

    def bind(self, views: Sequence[tuple[str, slice]], columns: Any) -> None:
        """Let names in the code stand for the columns of an array from outside."""
        for name, part in views:
            self._names[name] = columns[part]
