"""Arrays for compiled code to work on, and the code bound to them.

A call hands its arrays to a `Workspace`, which belongs to a number of samples. Block by block of
lanes it brings the numbers to where the code reads them, runs the code, and collects the results.
What can be known before is worked out when the workspace is made, since a call of a small program
takes little longer than its NumPy calls.
"""

from __future__ import annotations

import builtins
from array import array
from collections.abc import Callable, Sequence
from contextvars import Context
from functools import cached_property, partial
from math import isnan
from typing import Any, TypeAlias

import numpy as np
from scipy import special

from autograd.compiler.arguments import Leaf
from autograd.compiler.arraycode import ArrayCode
from autograd.compiler.codegen import (
    BadIndexError,
    bound,
    native_functions,
    strided_view,
    strides_of,
)
from autograd.compiler.passes import SHARED, VARYING
from autograd.compiler.plan import Input
from autograd.engine import collector_paused
from autograd.errors import data_of
from autograd.numbers import erf_table as errorfunction

_ALL = slice(None)

# What names in the code mean, other than those of arrays.
NAMES = {name: getattr(np, name) for name in dir(np) if not name.startswith("_")} | {
    name: getattr(special, name) for name in ("expit", "log_expit", "xlogy")
}
NAMES |= {"erf": errorfunction.erf, "erfc": errorfunction.erfc}
# what NumPy's functions of these names call in the end, at half their cost for a small batch
NAMES["clip"] = np._core.umath.clip  # type: ignore[attr-defined]
NAMES["take"] = np.ndarray.take
NAMES["numpy_exp"] = np.exp  # itself: a native function takes no `where`
NAMES["__builtins__"] = builtins  # NumPy imports when some functions are first called


class Workspace:
    """The arrays for a number of samples, and the code bound to them.

    Args:
        code: what to run.
        size: the number of samples.

    Attributes:
        may_be_nan: whether the latest gradient has a nan that may come from a branch not taken.
    """

    def __init__(self, code: ArrayCode, size: int) -> None:
        plan = code.plan
        self.code, self.plan, self.size, self.may_be_nan = code, plan, size, False
        program = plan.program
        count = program.sizes[SHARED]
        memory = _with_constants(code, SHARED)
        self.values: Any = memory[:count]
        self.slopes: Any = np.zeros(count)
        shared = {"S": self.values, "dS": self.slopes, f"memory of {SHARED}": memory}
        shared["mS"] = np.zeros(count, dtype=bool)
        self.blocks = -(-size // code.block)
        self.block = -(-size // self.blocks) if size else 1
        shared |= native_functions(code.called, [n * size for n in code.functions])
        with collector_paused():  # a long tape makes many objects, and no garbage
            self.full = _Lanes(code, shared, min(self.block, size))
            left_over = size % self.block
            self.rest = _Lanes(code, shared, left_over) if left_over else self.full
        self._shown: list[tuple[dict[str, Any], str]] = []
        self._find_ways_in()
        self._find_ways_out()
        if plan.wanted:
            self._seed(program.outputs[0])
        self.context = Context()
        self.context.run(np.seterr, all="ignore")

    def _find_ways_in(self) -> None:
        """Find where arguments go that all lanes share, and which the code reads as they are."""
        program = self.plan.program
        self.targets: list[tuple[Any, int]] = []
        self.scattered: list[tuple[Any, int]] = []
        self.borrowed: list[tuple[int, list[_View]]] = []
        for x in self.plan.inputs:
            if x.space == SHARED and x.leaf.count:
                views = self._views_of(SHARED, x)
                if views is not None:
                    self.borrowed.append((x.index, views))
                    continue
                view = view_at(self.values, x.places)
                if view is None:
                    self.scattered.append((x.places, x.index))
                else:
                    self.targets.append((view, x.index))
        self.captured = [node for node, _ in program.captured]
        self.captured_places = np.array([place for _, place in program.captured], dtype=np.intp)

    def _find_ways_out(self) -> None:
        """Find the arrays that results are copied from."""
        plan = self.plan
        for lanes in (self.full, self.rest):
            lanes.outputs = [
                (where, lanes.values[places] if space == VARYING else self.values[places][:, None])
                for where, space, places in self.code.copied_outputs
            ]
        self.row: Any = None  # of results that add up to the value, which is one number
        out = plan.program.outputs[0] if plan.is_number and self.blocks <= 1 else 0.0
        if not isinstance(out, float) and (out[0] == VARYING) is plan.reduces is plan.batched:
            self.row = (self.full.values if plan.batched else self.values[:, None])[out[1]]
        self.divisor = float(self.size) or np.nan
        self.no_lane_slopes = [None] * len(plan.gradients)
        self.slope_views = [
            [view_at(self.slopes, x.places) for x in gradient.shared] for gradient in plan.gradients
        ]
        self.lent: list[tuple[list[Any], int, tuple[int, ...], list[_View]]] = []
        self.made: list[tuple[list[Any], int, Callable[[], Any]]] = []
        for own, gradient in zip(self.slope_views, plan.gradients, strict=True):
            for i, x in enumerate(gradient.shared):
                is_new, here = x.leaf.is_handed_over, own[i]
                views = self._views_of("d" + SHARED, x) if is_new else None
                if views is not None:
                    self.lent.append((own, i, x.leaf.shape, views))
                elif here is None:
                    self.made.append((own, i, partial(self.slopes.take, x.places)))
                elif is_new:
                    self.made.append((own, i, here.copy))
        self._given = [x[:2] for x in self.lent] + [x[:2] for x in self.made]
        self._has_loans = bool(self.borrowed or self._given)
        if self.code.branches:  # inputs stand first, side by side, so that one sum sees them all
            places = [x.places for x in plan.inputs if x.space == SHARED and x.places.size]
            self.of_inputs = self.slopes[: max([0, *[own.max() + 1 for own in places]])]

    def _views_of(self, buffer: str, x: Input) -> list[_View] | None:
        """Find the views by which alone the code reaches a large leaf; None where it does not."""
        found = self.code.names_within(buffer, x) if x.leaf.is_large else None
        if found is None:
            return None
        used = self.code.called.union(self.code.later.co_names if self.blocks > 1 else ())
        views = []
        for lanes in {id(x): x for x in (self.full, self.rest)}.values():
            start = lanes.names[buffer][x.places.flat[0] :].ctypes.data
            for name in used.intersection(found):
                view = lanes.names[name]
                layout = view.shape, view.ctypes.data - start, view.strides
                views.append((lanes.names, name, *layout))
                self._shown.append((lanes.names, name))
        return views

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
        """Run the code; give the value and, if wanted, the gradient.

        Floating-point errors are ignored. In a context of its own that is the setting once and for
        all, and need not be made and undone by each call. But functions of the user's own are to
        find the context that they are called from.
        """
        if self.plan.calls_users_own:
            with np.errstate(all="ignore"):
                return self._run(arrays)
        return self.context.run(self._run, arrays)

    def _run(self, arrays: Sequence[Any]) -> tuple[Any, Any]:
        plan, full = self.plan, self.full
        if self._has_loans:
            for index, views in self.borrowed:
                _show(np.ascontiguousarray(arrays[index]), views)
            for own, i, shape, views in self.lent:
                own[i] = np.empty(shape)
                _show(own[i], views)
        for target, index in self.targets:
            target[...] = arrays[index]
        for places, index in self.scattered:
            self.values[places] = arrays[index]
        if self.captured:
            try:  # not by NumPy, which takes the text "1.5" for a number
                numbers = array("d", [node.data for node in self.captured])
            except TypeError:
                numbers = array("d", map(data_of, self.captured))
            self.values[self.captured_places] = np.frombuffer(numbers)
        outputs = None
        if self.row is None:
            outputs = np.empty((len(plan.program.outputs), self.size))
        lane_slopes = self._new_lane_slopes() if plan.gradients_in_lanes else self.no_lane_slopes
        full.once()
        if self.blocks <= 1:
            full.load(arrays, _ALL)
            full.first()
            self._collect(full, outputs, lane_slopes)
        else:
            self._run_blocks(arrays, outputs, lane_slopes)
        value = self._value(outputs)
        gradient = None
        if plan.wanted:
            full.end()
            gradient = self._gradient(lane_slopes)
        if self._has_loans:
            for own, i in self._given:  # what is the caller's may be large
                own[i] = None
            for names, name in self._shown:
                names[name] = None
        return value, gradient

    def _new_lane_slopes(self) -> list[Any]:
        """Make the arrays for gradients that differ from sample to sample."""
        return [
            None if x.lanes is None else np.empty((self.size, x.lane_count))
            for x in self.plan.gradients
        ]

    def _run_blocks(self, arrays: Sequence[Any], outputs: Any, lane_slopes: Sequence[Any]) -> None:
        """Run the code over one block of lanes after the other."""
        for start in range(0, self.size, self.block):
            part = slice(start, start + self.block)
            lanes = self.full if part.stop <= self.size else self.rest
            lanes.load(arrays, part)
            try:
                (lanes.later if start else lanes.first)()
            except BadIndexError as bad:
                bad.lane += start
                raise
            own_slopes = [None if x is None else x[part] for x in lane_slopes]
            self._collect(lanes, outputs[:, part], own_slopes)

    def _collect(self, lanes: _Lanes, outputs: Any, lane_slopes: Sequence[Any]) -> None:
        """Copy what is in the lanes to the results; the arguments are done with."""
        lanes.release()
        if outputs is not None:
            for i, number in self.code.constant_outputs:
                outputs[i] = number
            for where, source in lanes.outputs:
                outputs[where] = source
        if self.plan.gradients_in_lanes:
            for result, x in zip(lane_slopes, self.plan.gradients, strict=True):
                if result is not None:
                    result[...] = lanes.slopes[x.lanes].T

    def _value(self, outputs: Any) -> Any:
        """Return the result in the structure of the function's, per lane or reduced."""
        plan = self.plan
        if outputs is None:
            if not plan.batched:
                return self.row.item()
            total = float(np.add.reduce(self.row))
            return total / self.divisor if plan.reduce == "mean" else total
        own = outputs[: plan.output_count]
        if not plan.batched:
            own = own[:, 0]
        elif plan.reduces:
            own = np.add.reduce(own, 1)
            if plan.reduce == "mean":
                own /= self.divisor
        return plan.value_of(own, outputs[plan.output_count :])

    def _gradient(self, lane_slopes: Sequence[Any]) -> Any:
        """Return the gradient in the structure of the arguments."""
        plan = self.plan
        if not self.size:  # a sum of nothing has the gradient 0, whatever the slopes are
            self.slopes.fill(0.0)
            for own, i, *_ in self.lent:
                own[i].fill(0.0)
        for own, i, made in self.made:
            own[i] = made()
        if self.code.branches:
            parts = [self.of_inputs, *[x for x in lane_slopes if x is not None]]
            parts += [own[i] for own, i, *_ in self.lent]
            self.may_be_nan = any(isnan(np.add.reduce(part, None)) for part in parts)
        return plan.gradient_of(self.slope_views, lane_slopes)


# A name in the code, and what it means: a view of an array by shape, offset and strides in bytes.
_View: TypeAlias = tuple[dict[str, Any], str, tuple[int, ...], int, tuple[int, ...]]


def _show(array: Any, views: Sequence[_View]) -> None:
    """Let names mean views of an array without gaps."""
    for names, name, shape, offset, strides in views:
        names[name] = np.ndarray(shape, np.float64, array, offset, strides)


class _Lanes:
    """The arrays for a number of lanes, and the code bound to them."""

    def __init__(self, code: ArrayCode, shared: dict[str, Any], lanes: int) -> None:
        program, plan = code.program, code.plan
        n = program.sizes[VARYING]
        memory = _with_constants(code, VARYING, lanes)
        self.values: Any = memory[:n]
        self.slopes = np.zeros((n, lanes) if plan.wanted else (0, lanes))
        marks = np.zeros((n, lanes), dtype=bool)
        names = {**NAMES, **shared, "V": self.values, "dV": self.slopes, "mV": marks}
        names[f"memory of {VARYING}"] = memory
        for name, maker in code.makers.items():
            names[name] = maker(names, lanes)
        self.outputs: list[tuple[Any, Any]] = []
        self._inputs = [
            (
                x.index,
                _columns_of(x.leaf, lanes),
                self.values[x.start : x.start + x.leaf.count] if x.views is None else None,
                x.views or (),
            )
            for x in code.lane_inputs
        ]
        self._view_names = [name for *_, views in self._inputs for name, _ in views]
        self._code, self.names = code, names
        self.once, self.first, self.end = [
            bound(section, names) for section in (code.once, code.first, code.end)
        ]

    @cached_property
    def later(self) -> Callable[[], None]:
        """The code for blocks of lanes after the first: most batches have none."""
        return bound(self._code.later, self.names)

    def load(self, arrays: Sequence[Any], part: slice) -> None:
        """Bring the inputs of a part of the samples to where the code reads them."""
        for index, columns_of, target, views in self._inputs:
            columns = columns_of(arrays[index], part)
            if target is not None:
                target[...] = columns
            for name, rows in views:
                self.names[name] = columns[rows] if rows else columns

    def release(self) -> None:
        """Let go of the caller's arrays, which may be large; the next call brings its own."""
        for name in self._view_names:
            self.names[name] = None


def _with_constants(code: ArrayCode, space: str, *lanes: int) -> Any:
    """Make the array for the values of a space, with constants in their places and behind all."""
    size = code.program.sizes[space]
    behind = code.numbers[space].values if code.numbers else ()
    values = np.zeros((size + len(behind), *lanes))
    for where, place, number in code.program.constants:
        if where == space:
            values[place] = number
    for i, number in enumerate(behind):
        values[size + i] = number
    return values


def _columns_of(leaf: Leaf, lanes: int) -> Callable[[Any, slice], Any]:
    """Return what makes a matrix of a leaf and a part of the samples, with a row per number."""
    count = leaf.count
    if not leaf.batched:
        return lambda array, _: np.broadcast_to(np.reshape(array, (count, 1)), (count, lanes))
    if not leaf.shape:
        return lambda array, part: array[None, part]
    if len(leaf.shape) == 1:
        return lambda array, part: array[part].T
    return lambda array, part: array[part].reshape(-1, count).T


def view_at(array: Any, places: Any) -> Any:
    """Return the view of a flat array with what stands at places, or None where there is no such.

    >>> view_at(np.arange(10), np.array([[1, 2], [4, 5]])).tolist()
    [[1, 2], [4, 5]]
    """
    if not places.size:
        return np.empty(places.shape)
    strides = strides_of(places)
    if strides is None:
        return None
    return strided_view(array, int(places.flat[0]), places.shape, strides)
