"""A compiled function as a picture: its arguments, and the steps on vectors that it became."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from math import log10
from typing import Any

import numpy as np

from autograd import notation
from autograd import primitives as p
from autograd.boxes import Arrow, Box, band, framed, line, rounded, write
from autograd.compiling import Compiled
from autograd.grouping import SHARED, VARYING, Ref, Step, Tape
from autograd.running import Plan

_MOST_STEPS = 24
_MOST_KINDS = 4  # operations that are named


def program_picture(compiled: Compiled, collapse: str, rankdir: str) -> tuple[str, str]:
    """Draw the program of a compiled function; give the DOT, and its code as text.

    Args:
        compiled: the function. It has a program for each structure of arguments that it was called
            with; the last one is drawn.
        collapse: "none" gives each step a box of its own. Otherwise, if there are too many to read,
            each box is a stretch of them.
        rankdir: as in `draw`.

    Raises:
        ValueError: it has not been called yet.
    """
    plan = next(reversed(compiled._plans.values()), None)
    if plan is None:
        raise ValueError(
            "a compiled function gets its program when it is called: call it once, then draw it"
        )
    return _Blueprint(plan, compiled).drawn(collapse, rankdir), str(compiled)


class _Blueprint:
    """The boxes of a program, and who has written each of its places."""

    def __init__(self, plan: Plan, compiled: Compiled) -> None:
        self.plan, self.program = plan, plan.program
        self.boxes: list[Box] = []
        self.counts: Counter[tuple[int, int]] = Counter()  # numbers that go from box to box
        self.writers = {s: np.full(n, -1) for s, n in self.program.sizes.items()}
        self.lifts = {lifted: place for place, lifted in self.program.lifts}
        self._add_inputs(compiled)

    def drawn(self, collapse: str, rankdir: str) -> str:
        """Add the steps and the result, and write the picture in DOT."""
        steps = self.program.steps
        size = 1 if collapse == "none" else max(1, -(-len(steps) // _MOST_STEPS))
        for i in range(0, len(steps), size):
            rows = _step_rows(steps[i : i + size])
            if self.plan.batched:
                lanes = any(step.space == VARYING for step in steps[i : i + size])
                rows.append(line("per sample" if lanes else "once for all samples"))
            box = self._add(framed(rows))
            for step in steps[i : i + size]:
                for space, places in _reads(step):
                    self._link(space, places, box)
                self.writers[step.space][_written(step)] = box
        rows = [line("result", bold=True)]
        if self.plan.reduce:
            rows.append(line(f"{self.plan.reduce} over the batch"))
        box = self._add(rounded(rows))
        for output in self.program.outputs:
            if isinstance(output, tuple):
                self._link(output[0], [output[1]], box)
        arrows = [
            Arrow(
                f"a{i}",
                self.boxes[tail].key,
                self.boxes[head].key,
                {
                    "penwidth": f"{1 + 0.7 * log10(n):.2f}",
                    "edgetooltip": notation.count(n, "number"),
                },
            )
            for i, ((tail, head), n) in enumerate(self.counts.items())
        ]
        return write(self.boxes, arrows, rankdir)

    def _add(self, label: str) -> int:
        """Add a box, and give its place."""
        self.boxes.append(Box(f"s{len(self.boxes)}", {"label": f"<{label}>"}))
        return len(self.boxes) - 1

    def _add_inputs(self, compiled: Compiled) -> None:
        """Add the arguments, and what the function uses from outside."""
        names = list(inspect.signature(compiled).parameters)
        for x in self.plan.inputs:
            _, place, rest = re.split(r"args\[(\d+)\]", x.leaf.path, maxsplit=1)
            name = names[int(place)] if int(place) < len(names) else f"args[{place}]"
            shape = [*["batch"] * x.leaf.batched, *map(str, x.leaf.shape)]
            rows = [
                line(notation.label(name + rest), bold=True),
                line(" × ".join(shape) or "number"),
            ]
            places = slice(x.start, x.start + x.leaf.count)
            self.writers[x.space][places] = self._add(rounded(rows))
        if captured := self.program.captured:
            rows = [line("from outside", bold=True), line(notation.count(len(captured), "number"))]
            self.writers[SHARED][[place for _, place in captured]] = self._add(rounded(rows))

    def _link(self, space: str, places: Sequence[int], head: int) -> None:
        """Note where the numbers that a box reads come from; a constant comes from nowhere."""
        for place in places:
            tail = int(self.writers[space][place])
            if tail < 0 and space == VARYING and place in self.lifts:
                tail = int(self.writers[SHARED][self.lifts[place]])
            if tail not in (-1, head):
                self.counts[tail, head] += 1


def _reads(step: Step | Tape) -> Iterator[tuple[str, Sequence[int]]]:
    """Give the places that a step reads, each once, by space."""
    if isinstance(step, Tape):
        written: set[int] = set()
        read: set[int] = set()
        for place, operands in zip(step.places, step.operands, strict=True):
            read |= {x for x in operands if isinstance(x, int)} - written
            written.add(place)
        yield step.space, sorted(read)
        return
    for x in step.operands:
        if isinstance(x, Ref):
            yield x.space, np.unique(np.asarray(x.places)).tolist()


def _written(step: Step | Tape) -> Any:
    """Give the places that a step writes."""
    if isinstance(step, Tape):
        return list(step.places)
    return slice(step.start, step.start + step.size)


def _step_rows(steps: Sequence[Step | Tape]) -> list[str]:
    """Lay out one step, or a stretch of steps."""
    (first, *more) = steps
    if not more and isinstance(first, Step):
        symbol = "W x + b" if _is_matrix(first) and first.size > 1 else first.op.name
        return [band(notation.label(notation.symbol(symbol))), line(_shape(first))]
    kinds: Counter[str] = Counter()
    for step in steps:
        for op in step.ops if isinstance(step, Tape) else [step.op]:
            kinds[notation.label(notation.symbol(op.name))] += 1
    names = [name for name, _ in kinds.most_common(_MOST_KINDS)]
    names += ["…"] * (len(kinds) > len(names))
    return [band(", ".join(names)), line(notation.count(sum(kinds.values()), "operation"))]


def _sums(step: Step) -> list[Any]:
    """Give the places of operands that are many for each result, as in a sum."""
    return [x.places for x in step.operands if isinstance(x, Ref) and np.ndim(x.places) == 2]


def _is_matrix(step: Step) -> bool:
    """Tell whether a step multiplies a matrix by a vector: all its rows read the same numbers."""
    return step.op is p.dot and any(len(np.unique(x, axis=0)) == 1 for x in _sums(step))


def _shape(step: Step) -> str:
    """Write how many numbers a step takes and gives."""
    sums = _sums(step)
    if not sums:
        return notation.count(step.size, "number")
    n = np.shape(sums[0])[1]
    return f"{n} → {step.size}" if _is_matrix(step) else f"{step.size} × {n} → {step.size}"
