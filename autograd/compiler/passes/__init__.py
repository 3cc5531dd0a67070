"""From a function to a program: each pass makes the next form of it.

`trace.py` records the operations on stand-ins, `arrays.py` those on arrays of them, `tables.py`
choices by index; `simplify.py` writes some of them out in others; `shifts.py` finds maxima that
cancel, and `triangles.py` Cholesky's factorisation; `schedule.py` orders rows so that equal
operations stand together, `group.py` makes steps of these, for which `layout.py` gives each row a
place; `factors.py` keeps what these look up in dots again and again; `axes.py` finds the directions
in which a step repeats itself, and `loops.py` the steps that repeat, as those of a recurrence. Of a
long one, `period.py` shows these passes a few rounds, and continues what they make of it. The
result is plain data, in `program.py`; `activity.py` says which of its steps a derivative has to go
through. No code is written here.
"""

from autograd.compiler.passes.activity import (
    active_places,
    always_reached,
    everywhere,
    has_branches,
    reached_from,
)
from autograd.compiler.passes.arrays import given
from autograd.compiler.passes.axes import are_different, common_axes, has_no_gaps
from autograd.compiler.passes.group import grouped
from autograd.compiler.passes.loops import loops_of
from autograd.compiler.passes.period import by_rounds
from autograd.compiler.passes.program import (
    SHARED,
    VARYING,
    Factorisation,
    Program,
    Ref,
    Step,
    Substitution,
    Tape,
    differentiable,
)
from autograd.compiler.passes.simplify import simplified
from autograd.compiler.passes.tables import TAKE, Table, refuse_slope_of_index, stand_ins
from autograd.compiler.passes.trace import Operand, Part, StandIn, Trace, Tracer

__all__ = [
    "SHARED",
    "TAKE",
    "VARYING",
    "Factorisation",
    "Operand",
    "Part",
    "Program",
    "Ref",
    "StandIn",
    "Step",
    "Substitution",
    "Table",
    "Tape",
    "Trace",
    "Tracer",
    "active_places",
    "always_reached",
    "are_different",
    "by_rounds",
    "common_axes",
    "differentiable",
    "everywhere",
    "given",
    "grouped",
    "has_branches",
    "has_no_gaps",
    "loops_of",
    "reached_from",
    "refuse_slope_of_index",
    "simplified",
    "stand_ins",
]
