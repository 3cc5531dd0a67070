"""`compile`: a scalar function, traced once, run as array code over a whole batch."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any

import numpy as np
from scipy import special

from autograd.errors import TraceError
from autograd.grouping import SHARED, VARYING, Program, Step, grouped
from autograd.lowering import Backward, Code, Forward
from autograd.simplifying import simplified
from autograd.structure import NUMBER, Spec, flatten, unflatten, wrapped
from autograd.structure import size as count_leaves
from autograd.tracing import Trace, Tracer, current

_TRACES_KEPT = 32
_WIDTHS_KEPT = 4  # sets of buffers, for different numbers of lanes
_BLOCK_BYTES = 2**20  # the buffers of one block of lanes stay in the cache of a processor
_FEWEST_LANES = 64

_NAMES = {name: getattr(np, name) for name in dir(np) if not name.startswith("_")} | {
    name: getattr(special, name) for name in ("erf", "erfc", "expit", "log_expit", "xlogy")
}


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
    ) -> None:
        self._f = f
        self._in_axes = in_axes
        self._argnums = argnums
        self._reduce = reduce
        self._fast_math = fast_math
        self._check = check
        self._plans: OrderedDict[Any, _Plan] = OrderedDict()
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
        return self._run(args, with_grad=True)[1]

    def __str__(self) -> str:
        if not self._plans:
            return f"<compiled {self.__name__}: not called yet>"  # type: ignore[attr-defined]
        return next(reversed(self._plans.values())).listing

    def _run(self, args: Sequence[Any], with_grad: bool) -> tuple[Any, Any]:
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
            else:
                self._plans.move_to_end(key)
        return plan.run(arguments)

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
            return _Plan(self._f, arguments, wanted, single, self._reduce, self._fast_math)

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
        outputs, self.output_spec = flatten(result, "the result of the function")
        if wanted and self.output_spec != NUMBER:
            raise TypeError("a gradient needs a function that returns one number")
        rows = [y._row if isinstance(y, Tracer) else float(y) for y in outputs]
        trace, rows = simplified(trace, rows, fast_math)
        self.program = grouped(trace, rows, varying)
        self.lock = threading.Lock()
        self.widths: OrderedDict[int, Any] = OrderedDict()
        self._write(active)
        sizes = self.program.sizes
        self.shared = {
            "S": np.zeros(sizes[SHARED]),
            "dS": np.zeros(sizes[SHARED]),
            "mS": np.zeros(sizes[SHARED], dtype=bool),
        }
        for place, value in self.program.constants:
            self.shared["S"][place] = value
        row_bytes = 8 * max(1, sizes[VARYING]) * (2 if wanted else 1)
        self.block = max(_FEWEST_LANES, _BLOCK_BYTES // row_bytes)
        # where each argument's numbers stand: contiguous, since inputs are laid out in order
        starts = np.cumsum([0, *self.sizes])[:-1]
        self.places = [
            self.program.inputs[start] if size else (SHARED, 0)
            for start, size in zip(starts, self.sizes, strict=True)
        ]

    # --- writing the code -------------------------------------------------------------------

    def _write(self, active_inputs: Sequence[bool]) -> None:
        """Write the code in three sections: before, for each block of lanes, and after."""
        program = self.program
        first = [step for step in program.steps if step.space == SHARED]
        block = [step for step in program.steps if step.space == VARYING]
        code = self.code = Code(program)
        forward = Forward(code)
        for step in first:
            forward.write(step)
        sections = [code.take_lines()]
        forward.lift()
        for step in block:
            forward.write(step)
        if not self.wanted:
            sections += [code.take_lines(), []]
        else:
            backward = Backward(code, _active(program, active_inputs))
            backward.seed()
            for step in reversed(block):
                backward.write(step)
            backward.finish_block()
            sections.append(code.take_lines())
            for step in reversed(first):
                backward.write(step)
            sections.append(code.take_lines())
        self.listing = "\n".join(
            f"# {title}\n" + "\n".join(lines)
            for title, lines in zip(
                ("once", "per block of lanes", "at the end"), sections, strict=True
            )
            if lines
        )
        self.sections = [
            compile(
                "\n".join(["def run():", *[f" {line}" for line in lines or ["pass"]]]),
                "<compiled>",
                "exec",
            )
            for lines in sections
        ]

    def _bound(self, lanes: int) -> Any:
        """Give the buffers for a number of lanes, and the three sections bound to them."""
        if lanes in self.widths:
            self.widths.move_to_end(lanes)
            return self.widths[lanes]
        n = self.program.sizes[VARYING]
        buffers = {
            **self.shared,
            "V": np.zeros((n, lanes)),
            "dV": np.zeros((n, lanes)),
            "mV": np.zeros((n, lanes), dtype=bool),
        }
        names = {**_NAMES, **buffers}
        for name, maker in self.code.makers.items():
            names[name] = maker(buffers, lanes)
        functions = []
        for section in self.sections:
            space = dict(names)
            exec(section, space)
            functions.append(space["run"])
        self.widths[lanes] = buffers, functions
        if len(self.widths) > _WIDTHS_KEPT:
            self.widths.popitem(last=False)
        return self.widths[lanes]

    # --- running it -------------------------------------------------------------------------

    def run(self, arguments: Sequence[_Argument]) -> tuple[Any, Any]:
        """Run the code over the batch; give the value and, if wanted, the gradient."""
        size = _batch_size(arguments) if self.batched else 1
        with self.lock, np.errstate(all="ignore"):
            return self._run(arguments, size)

    def _run(self, arguments: Sequence[_Argument], size: int) -> tuple[Any, Any]:
        program, shared = self.program, self.shared
        values = shared["S"]
        for node, place in program.captured:
            values[place] = node.data
        flat = [_flat(argument, size) for argument in arguments]
        varying = []
        for data, (space, start), count in zip(flat, self.places, self.sizes, strict=True):
            if not count:
                continue
            if space == SHARED:
                values[start : start + count] = data
            else:
                varying.append((start, count, data))
        outputs = np.empty((len(program.outputs), size))
        gradients = {
            i: np.empty((size, self.sizes[i])) for i in self.wanted if self.places[i][0] == VARYING
        }
        weight = 1.0 / size if self.reduce == "mean" and size else 1.0
        block = min(self.block, max(size, 1))
        run_first, _, run_last = self._bound(block)[1]
        run_first()
        if self.wanted:
            shared["dS"].fill(0.0)
            shared["mS"].fill(False)
            (out,) = program.outputs
            if not isinstance(out, float) and out[0] == SHARED:
                shared["dS"][out[1]] = size if self.reduce == "sum" and self.batched else 1.0
        for start in range(0, size, block):
            stop = min(start + block, size)
            buffers, (_, run_block, _) = self._bound(stop - start)
            lanes = buffers["V"]
            for place, count, data in varying:
                lanes[place : place + count] = (
                    data[:, None] if data.ndim == 1 else data[start:stop].T
                )
            if self.wanted and not isinstance(out, float) and out[0] == VARYING:
                buffers["dV"][out[1]] = weight
            run_block()
            for i, where in enumerate(program.outputs):
                if isinstance(where, float):
                    outputs[i, start:stop] = where
                else:
                    outputs[i, start:stop] = (lanes if where[0] == VARYING else values)[where[1]]
            for i, result in gradients.items():
                place = self.places[i][1]
                result[start:stop] = buffers["dV"][place : place + self.sizes[i]].T
        if self.wanted:
            run_last()
        value = self._reduced(outputs)
        if not self.wanted:
            return value, None
        parts = []
        for i in self.wanted:
            if i in gradients:
                parts.append(_restored(self.specs[i], gradients[i]))
            else:
                place = self.places[i][1]
                parts.append(
                    _restored(self.specs[i], shared["dS"][place : place + self.sizes[i]].copy())
                )
        return value, parts[0] if self.single else tuple(parts)

    def _reduced(self, outputs: Any) -> Any:
        """Give the result in the structure of the function's, per lane or reduced."""
        if not self.batched:
            return _restored(self.output_spec, outputs[:, 0])
        if self.reduce is None:
            return _restored(self.output_spec, outputs.T)
        total = outputs.sum(axis=1) if self.reduce == "sum" else outputs.mean(axis=1)
        return _restored(self.output_spec, total)


def _active(program: Program, inputs: Sequence[bool]) -> dict[str, Any]:
    """Tell for each place whether it depends on an input whose gradient is wanted."""
    active = {space: np.zeros(size, dtype=bool) for space, size in program.sizes.items()}
    for (space, place), wanted in zip(program.inputs, inputs, strict=True):
        active[space][place] = wanted
    for step in sorted(program.steps, key=lambda step: step.space == VARYING):
        if step.space == VARYING:
            for shared, lifted in program.lifts:
                active[VARYING][lifted] = active[SHARED][shared]
        active[step.space][step.start : step.start + step.size] = _depends(step, active)
    return active


def _depends(step: Step, active: dict[str, Any]) -> Any:
    result = np.zeros(step.size, dtype=bool)
    for ref in step.operands:
        if not isinstance(ref, float):
            result |= active[ref.space][ref.places].reshape(step.size, -1).any(axis=1)
    return result


def _batch_size(arguments: Sequence[_Argument]) -> int:
    """Give the size of the batch, on which all batched arguments must agree."""
    sizes = {
        name: len(array)
        for argument in arguments
        if argument.axis == 0
        for name, array in zip(argument.names, argument.arrays, strict=True)
    }
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} has {size}" for name, size in sizes.items())
        raise ValueError(f"the batched arguments have different numbers of samples: {listed}")
    return next(iter(sizes.values()))


def _flat(argument: _Argument, size: int) -> Any:
    """Give an argument's numbers in one array: a row per sample if it is a batch."""
    if argument.axis == 0:
        parts = [array.reshape(size, -1) for array in argument.arrays]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
    parts = [array.reshape(-1) for array in argument.arrays]
    return parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else np.empty(0)


def _restored(spec: Spec, data: Any) -> Any:
    """Give the structure of `spec` with the numbers in the last axis of `data`; the batch first."""
    if spec == NUMBER:
        return data[..., 0] if data.ndim > 1 else float(data[0])
    kind, *_, children = spec
    if kind == "array":
        return data.reshape((*data.shape[:-1], *children))
    parts, start = [], 0
    for child in children:
        count = count_leaves(child)
        parts.append(_restored(child, data[..., start : start + count]))
        start += count
    return wrapped(spec, parts)
