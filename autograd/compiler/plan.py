"""A traced function made ready for a backend: its program, and what is around it.

A `Plan` belongs to one form of arguments. It holds what never changes, whoever runs it: the
program, where arguments go and where results come from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, chain, islice
from typing import Any

import numpy as np

from autograd.compiler.arguments import Form, Leaf, assembler, leaves_of, matcher
from autograd.compiler.codegen import BadIndexError, machine_for
from autograd.compiler.passes import (
    SHARED,
    Program,
    Table,
    Trace,
    Tracer,
    by_rounds,
    given,
    grouped,
    has_branches,
    has_no_gaps,
    simplified,
    stand_ins,
)
from autograd.engine import OWN, Value, modes
from autograd.errors import TraceError
from autograd.transforms import flatten_result, name_of, split_aux
from autograd.transforms.trees import NUMBER, Spec, as_array, described, flatten, paths


@dataclass(frozen=True)
class Options:
    """The options of `autograd.compile` that say what is computed.

    Attributes:
        argnums: the arguments with respect to which to differentiate.
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
class Input:
    """A leaf of an argument on its way into the program.

    Attributes:
        index: its number among the leaves of all arguments.
        leaf: what it looks like.
        space: where its numbers stand; in the lanes they do so one after the other.
        places: the place of each, in the shape of the leaf.
    """

    index: int
    leaf: Leaf
    space: str
    places: Any


class Plan:
    """One form of arguments: the program, and the ways into it and back.

    Args:
        f: the function.
        forms: the form of each argument.
        wanted: the places of the arguments whose gradients are wanted; none for the value alone.
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
        for i, own in enumerate(leaves):
            for leaf in own:
                varying += [self._in_lanes(leaf, i in wanted)] * leaf.count
        counts = [sum(leaf.count for leaf in own) for own in leaves]
        active = np.repeat([i in wanted for i in range(len(leaves))], counts)
        trace, rows = self._traced(f, forms, options.has_aux)
        if wanted and self.output_spec != NUMBER:
            raise TypeError(
                f"a gradient needs a function that returns one number, but {name_of(f)} returns "
                f"{described(self.output_spec)}: compile autograd.jacobian of it instead"
            )
        last_inputs = {end - 1 for end in accumulate(x.count for own in leaves for x in own)}

        def made(trace: Trace, rows: Sequence[int | float]) -> Program:
            trace, rows = simplified(trace, rows, options.fast_math)
            self.text = repr((trace.ops, trace.operands, rows)) if options.check else ""
            # what is for aux alone, or for nothing, is like a branch that the loss has not taken
            others = bool(wanted) and (options.has_aux or trace.reads_blocks)
            self.aside = others and not _is_all_for(rows[0], trace)
            self.machine = machine_for(trace.operations())
            return grouped(trace, rows, varying, not wanted, last_inputs, self.machine)

        program = None if options.check else by_rounds(trace, rows, made)
        self.program = program or made(trace, rows)
        self.wanted, self.active_inputs = bool(wanted), active
        operations = set().union(*[step.operations() for step in self.program.steps])
        self.branches = bool(wanted) and has_branches(self.program)
        self.leaves_out = self.branches or self.aside  # whether some rows may have no slope
        self.calls_users_own = any(op.name in OWN for op in operations)
        self.match = matcher(forms)
        self._find_inputs()
        self._find_indices()
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

    # --- from the function to the program -----------------------------------------------------

    def _traced(
        self, f: Callable[..., Any], forms: Sequence[Form], has_aux: bool
    ) -> tuple[Trace, list[int | float]]:
        """Run the function on stand-ins; give what it did, and the rows of its results."""
        trace = Trace()
        leaves = iter([given(trace, leaf) for form in forms for leaf in leaves_of(form)])
        tokens = modes.tracing.set(trace), modes.recording.set(True)  # within a `no_grad`, too
        try:
            result = f(*[stand_ins(form, leaves) for form in forms])
        except IndexError as error:
            if "only integers" in str(error):  # of an array that stands outside of the function
                raise TraceError(f"{error}; for a variable use take(array, v)") from error
            raise
        finally:
            modes.tracing.reset(tokens[0])
            modes.recording.reset(tokens[1])
        aux: list[Any] = []
        self.put_aux: Callable[[Any, Any], Any] | None = None
        self.aux_spec: Spec | None = None
        if has_aux:
            result, aux_tree = split_aux(f, result)
            aux, self.aux_spec = flatten(aux_tree, "the aux of the function")
            self.put_aux = assembler(self.aux_spec, lanes=self.batched)
        outputs, self.output_spec = flatten_result(f, result)
        self.is_number = self.output_spec == NUMBER and not has_aux
        self.output_count = len(outputs)
        self.put_value = assembler(self.output_spec, lanes=self.batched and self.reduce is None)
        return trace, [_row_of(y, trace) for y in outputs + aux]

    # --- the ways in and out ------------------------------------------------------------------

    def _find_inputs(self) -> None:
        """Note where the numbers of each leaf stand."""
        self.inputs: list[Input] = []
        runs = self.program.inputs
        places = np.concatenate([np.zeros(0, np.intp), *[x.places for x in runs]])
        stops = np.cumsum([len(x.places) for x in runs])
        start = 0
        for index, leaf in enumerate([leaf for form in self.forms for leaf in leaves_of(form)]):
            run = int(np.searchsorted(stops, start, "right"))
            space = runs[run].space if leaf.count else SHARED
            own = places[start : start + leaf.count].reshape(leaf.shape)
            self.inputs.append(Input(index, leaf, space, own))
            start += leaf.count

    def _find_indices(self) -> None:
        """Note which numbers of the arguments are indices of tables, and in which arguments."""
        are_indices = {space: np.zeros(n, bool) for space, n in self.program.sizes.items()}
        for index, _ in self.program.choices:
            are_indices[index.space][index.places] = True
        self.are_indices = [are_indices[x.space][x.places] for x in self.inputs]
        flags = iter(self.are_indices)
        counts = [len(list(leaves_of(form))) for form in self.forms]
        self.with_index = [i for i, n in enumerate(counts) if any(map(np.any, islice(flags, n)))]

    def value_of(self, own: Any, aux: Any) -> Any:
        """Put the value together in the structure of the function's result.

        Args:
            own: the numbers of the result; those of each lane side by side, if it is per lane.
            aux: those of what is handed through, each with its lanes.
        """
        by_lane = self.batched and not self.reduces
        value = self.put_value(None, own.T) if by_lane else self.put_value(own, None)
        if self.put_aux is None:
            return value
        return value, self.put_aux(None, aux.T) if self.batched else self.put_aux(aux[:, 0], None)

    def gradient_of(self, shared: Sequence[Any], lanes: Sequence[Any]) -> Any:
        """Put the gradient together in the structure of the arguments: see `Gradient.put`."""
        if self.single:
            return self.gradients[0].put(shared[0], lanes[0])
        together = zip(self.gradients, shared, lanes, strict=True)
        return tuple([x.put(own, by_lane) for x, own, by_lane in together])

    def samples(self, size: int, arrays: Sequence[Any]) -> Iterator[list[Any]]:
        """Return the arguments of the function itself, for one sample after the other.

        Args:
            size: the number of samples.
            arrays: an array, or a number, per leaf of the arguments.
        """
        for i in range(size):
            own = map(partial(_sample, i), self.inputs, self.are_indices, arrays)
            yield [stand_ins(form, own) for form in self.forms]

    def refusal(self, bad: BadIndexError) -> Exception:
        """Return the error that says which argument has an index that is none, in which sample."""
        leaves = [leaf for form in self.forms for leaf in leaves_of(form)]
        names = [name for leaf in leaves for name in paths(leaf.spec, leaf.path)]
        places = chain.from_iterable([(x.space, y) for y in x.places.flat] for x in self.inputs)
        called = dict(zip(places, names, strict=True))
        where = called.get(bad.place, "an index that is computed")
        here = f"{where} is {bad.number:g}{f' in sample {bad.lane}' if self.batched else ''}"
        if bad.number % 1.0 == 0.0:
            return IndexError(f"{here}, but it is an index of a table of {bad.count} entries")
        return TypeError(f"{here}, but it is an index, which must be an integer")


def _sample(i: int, x: Input, are_indices: Any, array: Any) -> Any:
    """Return what one sample has of a leaf, as the function takes it, with integers to index."""
    own = np.asarray(array[i] if x.leaf.batched else array, dtype=np.float64)
    pairs = zip(own.ravel().tolist(), are_indices.ravel().tolist(), strict=True)
    numbers = [int(y) if is_index else y for y, is_index in pairs]
    if x.leaf.spec == NUMBER:
        return numbers[0]
    return as_array(numbers, own.shape).view(Table) if x.leaf.spec[0] == "array" else numbers


def _row_of(y: Any, trace: Trace) -> int | float:
    """Return the row of a result, or the number if it is constant."""
    if isinstance(y, Tracer):
        return y.row_of_result()
    return trace.capture(y) if isinstance(y, Value) else float(y)


def _is_all_for(result: int | float, trace: Trace) -> bool:
    """Tell whether all numbers that are computed have a part in a result."""
    found, numbers = trace.depended_on([result])
    rows = [x or op is None for x, op in zip(found, trace.ops, strict=True)]
    return all(rows) and all(own.all() for own in numbers.values())


class Gradient:
    """How the gradient with respect to one argument is put together.

    Args:
        form: the form of the argument.
        inputs: its leaves.
        in_lanes: tells of a leaf whether its gradient differs from sample to sample.

    Attributes:
        put: makes it of the gradients with respect to `shared`, and of an array of the others.
        shared: the leaves of which all samples together have one gradient.
        by_lane: the others.
        lanes: where their numbers stand in the lanes; None if there are none.
        places: each of these places.
        lane_count: how many there are.
    """

    def __init__(
        self, form: Form, inputs: Sequence[Input], in_lanes: Callable[[Leaf], bool]
    ) -> None:
        self.put = assembler(form, in_lanes)
        self.shared = [x for x in inputs if not in_lanes(x.leaf)]
        self.by_lane = [x for x in inputs if in_lanes(x.leaf)]
        others = [x.places.reshape(-1) for x in self.by_lane]
        self.places = np.concatenate(others or [np.empty(0, np.intp)])
        self.lanes = _compact(self.places) if others else None
        self.lane_count = len(self.places)


def _compact(places: Any) -> Any:
    """Return the slice that means the same as places, where there is one."""
    if len(places) and has_no_gaps(places):
        return slice(places[0], places[-1] + 1)
    return places
