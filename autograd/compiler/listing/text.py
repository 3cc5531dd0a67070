"""What `print` shows of a compiled function: its program in the language of the lecture."""

from __future__ import annotations

from collections.abc import Sequence

from autograd import notation
from autograd.compiler.listing.cost import Cost
from autograd.compiler.listing.gradient import Adjoints
from autograd.compiler.listing.reading import Line, Reading
from autograd.compiler.passes import SHARED, VARYING
from autograd.compiler.plan import Plan

_MOST_ARGUMENTS = 12  # lines of each section, unless all are asked for
_MOST_LINES = 24

_OVER_BATCH = {"mean": "the mean over the batch", "sum": "the sum over the batch"}


def listed(reading: Reading, cost: Cost, is_full: bool = False) -> str:
    """Write a program.

    Args:
        reading: the program, read as equations.
        cost: what it costs.
        is_full: whether no lines are left out.
    """
    plan, name, arguments = reading.plan, reading.name, reading.arguments
    forward, backward = _titles(reading, [arguments[i] for i in plan.arguments])
    sections = [(f"{name}({', '.join(arguments)}){_kind(plan)}", _arguments(reading))]
    once = reading.forward(SHARED) if plan.batched else []
    if once:
        sections.append(("once for all samples", once))
    sections.append((forward, reading.forward(VARYING if plan.batched else SHARED)))
    if plan.arguments:
        sections.append((backward, Adjoints(reading).lines))
    text = []
    for i, (title, lines) in enumerate(sections):
        most = _MOST_LINES if i else _MOST_ARGUMENTS
        text.append(title)
        text += [f"  {line}" for line in _laid_out(lines if is_full else _shortened(lines, most))]
        if title == forward and (result := reading.returned()):
            text.append(f"  {result}")
    return "\n".join([*text, *reading.tapes(), f"cost of {cost.summary}"])


def _kind(plan: Plan) -> str:
    """Say what is done with the results of the samples."""
    if not plan.batched:
        return ""
    return f", {_OVER_BATCH[plan.reduce]}" if plan.reduce else ", for each sample"


def _titles(reading: Reading, wanted: Sequence[str]) -> tuple[str, str]:
    """Write the titles of the two passes."""
    plan = reading.plan
    backward = f"backward, by {', '.join(wanted)}"
    if not plan.batched:
        return "forward", backward
    backward += ", for each sample"
    if plan.reduce:
        backward += ", then averaged over the batch" if plan.reduce == "mean" else ""
        backward += ", then added up over the batch" if plan.reduce == "sum" else ""
    return "forward, for each sample", backward


def _arguments(reading: Reading) -> list[Line]:
    """Write where the numbers come from that have a name of their own, and sizes."""
    lines = []
    for vector in reading.naming.named:
        if vector.source or vector.shape:
            size = f"({'×'.join(map(str, vector.shape))})" if vector.shape else ""
            lines.append(Line(vector.name, vector.source, size, "=" if vector.source else ""))
    return lines


def _shortened(lines: list[Line], most: int) -> list[Line]:
    """Leave out the middle of many lines."""

    def gap(left_out: Sequence[Line]) -> Line:
        text = f"{notation.count(len(left_out), 'more line')}; .listing() has all"
        return Line("…", text, sign="")

    return notation.Cut(lines, most - 1).written(gap)


def _laid_out(lines: Sequence[Line]) -> list[str]:
    """Align the signs and the sizes of lines."""
    left = max([notation.columns(line.left) for line in lines], default=0)
    texts = [
        f"{line.left}{' ' * (left - notation.columns(line.left))} {line.sign or ' '} {line.right}"
        for line in lines
    ]
    widths = [notation.columns(text) for text in texts]
    common = max([w for w in widths if w <= _WIDEST], default=0)
    return [
        f"{text}{' ' * (common - width)}   {line.size}".rstrip()
        for line, text, width in zip(lines, texts, widths, strict=True)
    ]


_WIDEST = 60  # columns of a line that has its size under that of others
