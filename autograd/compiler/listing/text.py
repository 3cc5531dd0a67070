"""What `print` shows of a compiled function: its program in the language of the lecture."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from autograd import notation
from autograd.compiler.listing.cost import Cost
from autograd.compiler.listing.gradient import Adjoints
from autograd.compiler.listing.latex import formula, prose
from autograd.compiler.listing.loops import rolled
from autograd.compiler.listing.reading import Line, Reading
from autograd.compiler.passes import SHARED, VARYING
from autograd.compiler.plan import Plan

_MOST_ARGUMENTS = 12  # lines of each section, unless all are asked for
_MOST_LINES = 24

_OVER_BATCH = {"mean": "the mean over the batch", "sum": "the sum over the batch"}


def listed(reading: Reading, cost: Cost, is_full: bool = False) -> str:
    """Write a program, and what it costs; a full one with no lines left out."""
    lines = []
    for title, rows, result in _sections(reading, is_full):
        lines += [title, *[f"  {line}" for line in _laid_out(rows)]]
        lines += [f"  {result}"] * bool(result)
    return "\n".join([*lines, *reading.tapes(), f"cost of {cost.summary}"])


def typeset(reading: Reading, cost: Cost) -> str:
    """Write a program in Markdown with formulas, as a notebook shows it."""
    parts: list[str] = []
    text = listed(reading, cost)
    if max(map(notation.columns, text.split("\n"))) > _WIDEST_FORMULA:
        return f"```text\n{text}\n```"
    for i, (title, rows, result) in enumerate(_sections(reading, is_full=False)):
        parts.append(_plain(title) if i else f"**{_plain(title)}**")
        if rows:
            lines = " \\\\\n".join([_aligned(row, is_formula=i > 0) for row in rows])
            parts.append(f"$$\n\\begin{{aligned}}\n{lines}\n\\end{{aligned}}\n$$")
        parts += [_plain(result)] * bool(result)
    return "\n\n".join([*parts, *map(_plain, reading.tapes()), _plain(f"cost of {cost.summary}")])


def _aligned(row: Line, is_formula: bool) -> str:
    """Write a line in LaTeX, with its sign under that of the line before."""
    if not row.right:
        return rf"&{prose(row.left)}"
    right = formula(row.right) if is_formula and row.sign in ("=", "+=") else prose(row.right)
    return f"{formula(row.left)} &{row.sign} {right} && {formula(row.size)}".rstrip(" &")


def _plain(text: str) -> str:
    """Keep Markdown from reading signs in a text."""
    return re.sub(r"([\\`*_{}\[\]<>#|$~])", r"\\\1", text)


def _sections(reading: Reading, is_full: bool) -> Iterator[tuple[str, list[Line], str]]:
    """Write the parts of a program: title, lines, and what is returned."""
    plan, name, arguments = reading.plan, reading.name, reading.arguments
    forward, backward = _titles(reading, [arguments[i] for i in plan.arguments])

    def kept(rows: list[Line], most: int) -> list[Line]:
        rows = rolled(rows)
        return rows if is_full else _shortened(rows, most)

    title = f"{name}({', '.join(arguments)}){_kind(plan)}"
    yield title, kept(_arguments(reading), _MOST_ARGUMENTS), ""
    once = reading.forward(SHARED) if plan.batched else []
    if once:
        yield "once for all samples", kept(once, _MOST_LINES), ""
    rows = reading.forward(VARYING if plan.batched else SHARED)
    yield forward, kept(rows, _MOST_LINES), reading.returned()
    if plan.arguments:
        yield backward, kept(Adjoints(reading).lines, _MOST_LINES), ""


def _kind(plan: Plan) -> str:
    """Say what is done with the results of the samples."""
    if not plan.batched:
        return ""
    return f", {_OVER_BATCH[plan.reduce]}" if plan.reduce else ", for each sample"


def _titles(reading: Reading, wanted: Sequence[str]) -> tuple[str, str]:
    """Write the titles of the two passes."""
    plan = reading.plan
    backward = f"backward, with respect to {', '.join(wanted)}"
    if not plan.batched:
        return "forward", backward
    backward += ", for each sample"
    if plan.reduce:
        how = "averaged" if plan.reduce == "mean" else "added up"
        backward += f", then {how} over the batch"
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
    left = max([notation.columns(line.left) for line in lines if line.right], default=0)
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
_WIDEST_FORMULA = 110  # columns of the text of a line that a page has room for as a formula
