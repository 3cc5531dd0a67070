"""`compile`: a scalar function, traced once, run as array code over a whole batch."""

from __future__ import annotations

import builtins
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cached_property, update_wrapper
from math import prod
from types import CodeType, FunctionType
from typing import Any

import numpy as np
from scipy import special

from autograd.activity import active_places
from autograd.emitting import Code
from autograd.errors import TraceError
from autograd.grouping import SHARED, VARYING, grouped
from autograd.lowering import Backward, Forward
from autograd.simplifying import simplified
from autograd.structure import NUMBER, Spec, flatten, parts, unflatten, wrapped
from autograd.structure import size as count_leaves
from autograd.tracing import Trace, Tracer, current
from autograd.transforms import split_aux

_TRACES_KEPT = 32
_WIDTHS_KEPT = 4  # sets of buffers, for different numbers of lanes
_BLOCK_BYTES = 2**21  # the buffers of a block of lanes stay in the cache of a processor
_FEWEST_LANES = 256  # below that, matrix products lose more than the cache gains

_NAMES = {name: getattr(np, name) for name in dir(np) if not name.startswith("_")} | {
    name: getattr(special, name) for name in ("erf", "erfc", "expit", "log_expit", "xlogy")
}
_NAMES["__builtins__"] = builtins  # NumPy imports when some functions are first called


class Compiled:
    """A function that has been compiled; it is called like the original, on arrays.

    `print` shows the code for the structure of arguments that was used last.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        in_axes: Any,
        argnums: int | Sequence[int],
        reduce: str | None,
        fast_math: bool,
        check: bool,
        has_aux: bool,
    ) -> None:
        self._f = f
        self._in_axes = in_axes
        self._argnums = argnums
        self._reduce = reduce
        self._fast_math = fast_math
        self._check = check
        self._has_aux = has_aux
        self._plans: OrderedDict[Any, _Plan] = OrderedDict()
        self._latest: dict[bool, _Plan] = {}
        self._lock = threading.Lock()
        update_wrapper(self, f)

    def __call__(self, *args: Any) -> Any:
        """Give the value of the function: per lane, or reduced over the batch."""
        return self._run(args, with_grad=False)[0]

    def value_and_grad(self, *args: Any) -> tuple[Any, Any]:
        """Give the value and the gradient with respect to `argnums`."""
        return self._run(args, with_grad=True)

    def grad(self, *args: Any) -> Any:
        """Give the gradient with respect to `argnums`."""
        value, gradient = self._run(args, with_grad=True)
        return (gradient, value[1]) if self._has_aux else gradient

    def __str__(self) -> str:
        if not self._plans:
            return f"<compiled {self.__name__}: not called yet>"  # type: ignore[attr-defined]
        return next(reversed(self._plans.values())).listing

    def _run(self, args: Sequence[Any], with_grad: bool) -> tuple[Any, Any]:
        plan = self._latest.get(with_grad)
        arrays = None if plan is None else plan.recognised(args)
        if plan is None or arrays is None:
            plan, arrays = self._plan_for(args, with_grad)
        return plan.run(arrays)

    def _plan_for(self, args: Sequence[Any], with_grad: bool) -> tuple[_Plan, list[Any]]:
        """Find the plan for a structure of arguments, or make it; give the arrays too."""
        axes = self._axes(args)
        arguments = [
            _Argument(arg, axis, f"args[{i}]")
            for i, (arg, axis) in enumerate(zip(args, axes, strict=True))
        ]
        key = (with_grad, *[(argument.spec, argument.axis) for argument in arguments])
        with self._lock:
            plan = self._plans.get(key)
            if plan is None:
                plan = self._plans[key] = self._plan(arguments, with_grad)
                if len(self._plans) > _TRACES_KEPT:
                    self._plans.popitem(last=False)
            self._plans.move_to_end(key)
            self._latest[with_grad] = plan
        _check_batch(arguments)
        return plan, [array for argument in arguments for array in argument.arrays]

    def _axes(self, args: Sequence[Any]) -> list[int | None]:
        axes = self._in_axes
        if not isinstance(axes, (tuple, list)):
            axes = [axes] * len(args)
        if len(axes) != len(args):
            raise TypeError(
                f"in_axes has {len(axes)} entries, but the call has {len(args)} arguments"
            )
        return list(axes)

    def _plan(self, arguments: Sequence[_Argument], with_grad: bool) -> _Plan:
        places = [self._argnums] if isinstance(self._argnums, int) else list(self._argnums)
        for place in places:
            if not -len(arguments) <= place < len(arguments):
                raise TypeError(
                    f"argnums={self._argnums!r}, but the call has {len(arguments)} arguments"
                )
        wanted = [place % len(arguments) for place in places] if with_grad else []
        single = isinstance(self._argnums, int)

        def make() -> _Plan:
            return _Plan(
                self._f, arguments, wanted, single, self._reduce, self._fast_math, self._has_aux
            )

        plan = make()
        if self._check:
            again = make()
            if again.listing != plan.listing:
                raise TraceError(
                    f"{self.__name__} was traced twice with different results: it depends on "  # type: ignore[attr-defined]
                    "random numbers or on something that changes; pass that as an argument"
                )
        return plan


class _Argument:
    """An argument as arrays: its structure per sample, and an array per number or array in it."""

    def __init__(self, tree: Any, axis: int | None, path: str) -> None:
        if axis not in (None, 0):
            raise ValueError(
                f"in_axes must be None or 0 for each argument, not {axis!r} for {path}"
            )
        self.axis = axis
        self.arrays: list[Any] = []
        self.names: list[str] = []
        self.spec = self._take(tree, path)

    def _take(self, tree: Any, path: str) -> Spec:
        if isinstance(tree, dict):
            children = [self._take(x, f"{path}[{key!r}]") for key, x in tree.items()]
            return "dict", tuple(tree), tuple(children)
        if isinstance(tree, tuple) or (isinstance(tree, list) and self.axis is None):
            spec = tuple([self._take(x, f"{path}[{i}]") for i, x in enumerate(tree)])
            return ("list", spec) if isinstance(tree, list) else ("tuple", type(tree), spec)
        array = _real_array(tree, path)
        self.arrays.append(array)
        self.names.append(path)
        shape = array.shape
        if self.axis == 0:
            if not shape:
                raise ValueError(f"{path} is one number, but in_axes asks for a batch of them")
            shape = shape[1:]
        return ("array", shape) if shape else NUMBER


def _real_array(x: Any, path: str) -> Any:
    """Give an array of floats."""
    try:
        array = np.asarray(x)
    except ValueError:
        raise ValueError(f"{path} is ragged: all samples must have the same shape") from None
    if array.dtype.kind not in "fiub":
        return np.array(flatten(x, path)[0], dtype=np.float64)  # raises, with the path
    return np.asarray(array, dtype=np.float64)


class _Plan:
    """One structure of arguments: the program, its code, and buffers for it to work on."""

    def __init__(
        self,
        f: Callable[..., Any],
        arguments: Sequence[_Argument],
        wanted: Sequence[int],
        single: bool,
        reduce: str | None,
        fast_math: bool,
        has_aux: bool,
    ) -> None:
        self.reduce, self.wanted, self.single = reduce, wanted, single
        self.batched = any(argument.axis == 0 for argument in arguments)
        self.sizes = [count_leaves(argument.spec) for argument in arguments]
        self.specs = [argument.spec for argument in arguments]
        varying: list[bool] = []
        active: list[bool] = []
        for i, (argument, size) in enumerate(zip(arguments, self.sizes, strict=True)):
            # per lane, a gradient by a shared argument differs from lane to lane
            lanes = argument.axis == 0 or (self.batched and reduce is None and i in wanted)
            varying += [lanes] * size
            active += [i in wanted] * size
        trace = Trace()
        leaves = iter([trace.tracer(trace.input()) for _ in varying])
        token = current.set(trace)
        try:
            result = f(*[unflatten(spec, leaves) for spec in self.specs])
        finally:
            current.reset(token)
        aux: list[Any] = []
        self.aux_spec: Spec | None = None
        if has_aux:
            result, aux_tree = split_aux(f, result)
            aux, self.aux_spec = flatten(aux_tree, "the aux of the function")
        outputs, self.output_spec = flatten(result, "the result of the function")
        if wanted and self.output_spec != NUMBER:
            raise TypeError("a gradient needs a function that returns one number")
        rows = [y._row_of_result() if isinstance(y, Tracer) else float(y) for y in (*outputs, *aux)]
        trace, rows = simplified(trace, rows, fast_math)
        self.program = grouped(trace, rows, varying)
        self.lock = threading.Lock()
        self.widths: OrderedDict[int, _Buffers] = OrderedDict()
        sizes = self.program.sizes
        self.shared = {
            "S": np.zeros(sizes[SHARED]),
            "dS": np.zeros(sizes[SHARED]),
            "mS": np.zeros(sizes[SHARED], dtype=bool),
        }
        for place, value in self.program.constants:
            self.shared["S"][place] = value
        self._write(active)
        row_bytes = 8 * max(1, sizes[VARYING]) * (2 if wanted else 1)
        self.block = max(_FEWEST_LANES, _BLOCK_BYTES // row_bytes)
        self._find_inputs(arguments)

    def _find_inputs(self, arguments: Sequence[_Argument]) -> None:
        """Note where the numbers of each argument stand, and of each array in it."""
        self.places: list[tuple[str, int]] = []
        # the shape per sample, where a shared array is copied to, and whether there is a batch
        self.loads: list[tuple[Any, Any, bool]] = []
        self.batches: list[tuple[int, int, int, list[tuple[str, slice]]]] = []
        row = 0
        for argument in arguments:
            inputs = self.program.inputs[row:]
            self.places.append(inputs[0] if inputs else (SHARED, 0))
            for array in argument.arrays:
                shape = array.shape[1:] if argument.axis == 0 else array.shape
                count = prod(shape)
                space, place = self.program.inputs[row] if count else (SHARED, 0)
                target: Any = None
                if space == SHARED:
                    target = self.shared["S"][place : place + count].reshape(shape)
                else:
                    self.batches.append((len(self.loads), place, count, self._views(place, count)))
                self.loads.append((shape, target, argument.axis == 0))
                row += count
        self.copies_inputs = self.code.reads_anywhere or self._reads_inputs_directly()

    def _views(self, start: int, count: int) -> list[tuple[str, slice]]:
        """Find the names in the code that are slices of one array in the lanes."""
        return [
            (name, slice(key[2] - start, key[2] - start + key[3] * key[4], key[3]))
            for key, name in self.code.names.items()
            if key[:2] == ("rows", "V")
            and key[3] > 0
            and start <= key[2]
            and key[2] + key[3] * (key[4] - 1) < start + count
        ]

    def _reads_inputs_directly(self) -> bool:
        """Tell whether an input is read in the lanes, and not by a name bound to its array."""
        inputs = sum(count for _, _, count, _ in self.batches)  # they stand first in the lanes
        bound = {name for *_, views in self.batches for name, _ in views}
        first_read = [
            min(key[2], key[2] + key[3] * (key[4] - 1))
            for key, name in self.code.names.items()
            if key[:2] == ("rows", "V") and name not in bound
        ]
        outputs = [
            out[1] for out in self.program.outputs if out.__class__ is tuple and out[0] == VARYING
        ]
        return any(place < inputs for place in first_read + outputs)

    # --- writing the code -------------------------------------------------------------------

    def _write(self, active_inputs: Sequence[bool]) -> None:
        """Write the code in sections: once, the first block of lanes, the others, at the end."""
        program = self.program
        shared = [step for step in program.steps if step.space == SHARED]
        block = [step for step in program.steps if step.space == VARYING]
        code = self.code = Code(program)
        forward = Forward(code)
        for step in shared:
            forward.write(step)
        once = code.take_lines()
        forward.lift()
        for step in block:
            forward.write(step)
        first = later = code.take_lines()
        end: list[str] = []
        if self.wanted:
            active = active_places(program, active_inputs)
            lines = []
            for is_first in (False, True):
                backward = Backward(code, active, is_first)
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
        self.once, self.first, self.end = [_compiled(lines) for lines in (once, first, end)]
        self._later_lines = later

    @cached_property
    def later(self) -> CodeType:
        """The code for blocks of lanes after the first: most batches have none."""
        return _compiled(self._later_lines)

    def _bound(self, lanes: int) -> _Buffers:
        """Give the buffers for a number of lanes, with the code bound to them."""
        if lanes not in self.widths:
            self.widths[lanes] = _Buffers(self, lanes)
            if len(self.widths) > _WIDTHS_KEPT:
                self.widths.popitem(last=False)
        return self.widths[lanes]

    # --- running it -------------------------------------------------------------------------

    def recognised(self, args: Sequence[Any]) -> list[Any] | None:
        """Give the arrays of arguments that have this plan's structure, and None for others."""
        if len(args) != len(self.specs):
            return None
        arrays: list[Any] = []
        for arg, spec in zip(args, self.specs, strict=True):
            if not _collect(arg, spec, arrays):
                return None
        size = -1
        for array, (shape, _, batched) in zip(arrays, self.loads, strict=True):
            if array.__class__ is not np.ndarray or array.dtype != np.float64:
                return None
            if not batched:
                if array.shape != shape:
                    return None
            elif array.shape[1:] == shape and size in (-1, len(array)):
                size = len(array)
            else:
                return None
        return arrays

    def run(self, arrays: Sequence[Any]) -> tuple[Any, Any]:
        """Run the code over the batch; give the value and, if wanted, the gradient."""
        with self.lock, np.errstate(all="ignore"):
            return self._run(arrays)

    def _run(self, arrays: Sequence[Any]) -> tuple[Any, Any]:
        program, shared = self.program, self.shared
        values = shared["S"]
        for node, place in program.captured:
            values[place] = node.data
        size = 1
        for array, (_, target, batched) in zip(arrays, self.loads, strict=True):
            if batched:
                size = len(array)
            if target is not None:
                target[...] = array
        batches = [
            (
                arrays[i].reshape(size, count)
                if self.loads[i][2]
                else np.broadcast_to(arrays[i].reshape(count), (size, count)),
                place,
                views,
            )
            for i, place, count, views in self.batches
        ]
        outputs = np.empty((len(program.outputs), size))
        lane_gradients = {
            i: np.empty((size, self.sizes[i])) for i in self.wanted if self.places[i][0] == VARYING
        }
        weight = 1.0 / size if self.reduce == "mean" and size else 1.0
        block = min(self.block, size) or 1
        buffers = self._bound(block)
        buffers.once()
        if self.wanted:
            out = program.outputs[0]  # what follows is aux
        for start in range(0, max(size, 1), block):
            stop = min(start + block, size)
            if stop - start != buffers.lanes:
                buffers = self._bound(stop - start)
            lanes = buffers.values
            for data, place, views in batches:
                columns = data[start:stop].T
                if buffers.copies_inputs:
                    lanes[place : place + len(columns)] = columns
                buffers.bind(views, columns)
            if self.wanted and not isinstance(out, float):
                if out[0] == VARYING:
                    buffers.gradients[out[1]] = weight
                elif not start:
                    shared["dS"][out[1]] = size if self.reduce == "sum" and self.batched else 1.0
            (buffers.later if start else buffers.first)()
            for i, where in enumerate(program.outputs):
                if isinstance(where, float):
                    outputs[i, start:stop] = where
                else:
                    outputs[i, start:stop] = (lanes if where[0] == VARYING else values)[where[1]]
            for i, result in lane_gradients.items():
                place = self.places[i][1]
                result[start:stop] = buffers.gradients[place : place + self.sizes[i]].T
        if not self.wanted:
            return self._reduced(outputs), None
        buffers.end()
        if not size:  # a sum of nothing has the gradient 0, whatever the slopes are
            shared["dS"].fill(0.0)
        results = []
        for i in self.wanted:
            place = self.places[i][1]
            data = lane_gradients.get(i)
            if data is None:
                data = shared["dS"][place : place + self.sizes[i]].copy()
            results.append(_restored(self.specs[i], data))
        return self._reduced(outputs), results[0] if self.single else tuple(results)

    def _reduced(self, outputs: Any) -> Any:
        """Give the result in the structure of the function's, per lane or reduced."""
        lanes = outputs.T if self.batched else outputs[:, 0]
        if self.aux_spec is not None:
            count = count_leaves(self.output_spec)
            aux = _restored(self.aux_spec, lanes[..., count:])
            outputs, lanes = outputs[:count], lanes[..., :count]
        if not self.batched or self.reduce is None:
            value = _restored(self.output_spec, lanes)
        else:
            total = np.add.reduce(outputs, axis=1)
            if self.reduce == "mean":
                total /= outputs.shape[1] or np.nan
            value = _restored(self.output_spec, total)
        return value if self.aux_spec is None else (value, aux)


class _Buffers:
    """The arrays for a number of lanes, and the code bound to them."""

    def __init__(self, plan: _Plan, lanes: int) -> None:
        n = plan.program.sizes[VARYING]
        self.lanes = lanes
        self.values = np.zeros((n, lanes))
        self.gradients = np.zeros((n, lanes) if plan.wanted else (0, lanes))
        buffers = {**plan.shared, "V": self.values, "dV": self.gradients}
        buffers["mV"] = np.zeros((n, lanes), dtype=bool)
        names = {**_NAMES, **buffers}
        for name, maker in plan.code.makers.items():
            names[name] = maker(buffers, lanes)
        self._plan, self._names = plan, names
        self.once, self.first, self.end = [
            FunctionType(section, names) for section in (plan.once, plan.first, plan.end)
        ]
        self.copies_inputs = plan.copies_inputs

    @cached_property
    def later(self) -> Callable[[], None]:
        """The code for blocks of lanes after the first."""
        return FunctionType(self._plan.later, self._names)

    def bind(self, views: Sequence[tuple[str, slice]], columns: Any) -> None:
        """Let names in the code stand for the columns of an array from outside."""
        for name, part in views:
            self._names[name] = columns[part]


def _compiled(lines: Sequence[str]) -> CodeType:
    """Compile lines to the code of a function that reads its names from its globals."""
    source = "\n".join(["def run():", *[f" {line}" for line in lines or ["pass"]]])
    module = compile(source, "<compiled function>", "exec")
    return next(code for code in module.co_consts if isinstance(code, CodeType))


def _collect(tree: Any, spec: Spec, arrays: list[Any]) -> bool:
    """Collect the arrays of a structure; tell whether it is that of `spec`."""
    if spec == NUMBER or spec[0] == "array":
        arrays.append(tree)
        return True
    kind = tree.__class__
    children = spec[-1]
    if spec[0] == "list":
        if kind is not list or len(tree) != len(children):
            return False
    elif spec[0] == "tuple":
        if kind is not spec[1] or len(tree) != len(children):
            return False
    else:
        if kind is not dict or tuple(tree) != spec[1]:
            return False
        tree = tree.values()
    return all(_collect(x, child, arrays) for x, child in zip(tree, children, strict=True))


def _check_batch(arguments: Sequence[_Argument]) -> None:
    """Raise unless all batched arguments have the same number of samples."""
    sizes = {
        name: len(array)
        for argument in arguments
        if argument.axis == 0
        for name, array in zip(argument.names, argument.arrays, strict=True)
    }
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} has {size}" for name, size in sizes.items())
        raise ValueError(f"the batched arguments have different numbers of samples: {listed}")


def _restored(spec: Spec, data: Any) -> Any:
    """Give the structure of `spec` with the numbers in the last axis of `data`; the batch first."""
    if spec == NUMBER:
        return data[..., 0] if data.ndim > 1 else float(data[0])
    if spec[0] == "array":
        return data.reshape((*data.shape[:-1], *spec[1]))
    return wrapped(spec, [_restored(child, data[..., own]) for child, own in parts(spec)])
