"""How a row of the table applies to whatever comes.

The methods of Value take a short way for what is usual: Values and floats, outside of any mode.
All else comes here: nodes of other kinds, arrays, numbers of other kinds, any number of operands,
the branches of `where`, `no_grad` and `detect_anomaly`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Any

from autograd.engine import modes
from autograd.engine.graph import new_node, new_unrecorded
from autograd.errors import as_float, data_of


def dispatch(op: Any, operands: Sequence[Any]) -> Any:
    """Apply `op` to operands that are not all floats.

    A kind of node says by its static method `__apply__` how operations apply to it; where kinds
    meet, that of the highest `__rank__` decides.
    """
    kind: Any
    rank, apply = 0, None
    for kind in set(map(type, operands)):
        if hasattr(kind, "__rank__"):
            if kind.__rank__ > rank:
                rank, apply = kind.__rank__, kind.__apply__
        elif hasattr(kind, "__array_function__"):  # a NumPy array, and not a NumPy scalar
            from autograd.numbers.arrays import apply_to_arrays

            return apply_to_arrays(op, operands)
    if apply is None:
        return op.float_forward(*[as_float(x, f"operand of {op.name}") for x in operands])
    return apply(op, operands)


def is_operand(x: Any) -> bool:
    """Tell a number, a node or an array from a string, say."""
    return any(hasattr(x, mark) for mark in ("__rank__", "__array_ufunc__", "real"))


def apply_to_values(kind: type[Any], op: Any, operands: Sequence[Any]) -> Any:
    """Apply `op` to Values and numbers, for a result of this kind."""
    if op.name == "where":
        return _choose(kind, op, *operands)
    if not all(k is float or hasattr(k, "__rank__") for k in set(map(type, operands))):
        what = f"operand of {op.name}"
        operands = [x if hasattr(x, "__rank__") else as_float(x, what) for x in operands]
    wanted = [x.__class__ is not float for x in operands]
    data = [x if x.__class__ is float else data_of(x) for x in operands]
    out = op.float_forward(*data)
    if op.partials is None:  # a comparison
        return out
    if not (modes.recording.get() or modes.tracing.get()):  # a trace reads outer nodes anew
        node = new_unrecorded(kind, out)
    elif isinstance(op.partials, tuple) and len(operands) <= 2:
        rest = iter(op.local_derivatives(out, data, wanted))
        edges = [next(rest) if want else None for want in wanted]
        node = new_node(kind, op, out, *operands, *[None] * (2 - len(operands)), *edges)
    else:
        varying = tuple(compress(operands, wanted))
        slopes = tuple(op.local_derivatives(out, data, wanted))
        node = new_node(kind, op, out, varying, tuple(operands), slopes)
    return modes.checked(node, op, operands)


def _choose(kind: type[Any], op: Any, condition: Any, x: Any, y: Any) -> Any:
    """Apply `where`: an edge to the branch taken; the other, which may be nan, has none."""
    if not isinstance(condition, (bool, int, float)) and not hasattr(condition, "dtype"):
        raise TypeError(
            f"the condition of where must be a comparison, such as v > 0, not {condition!r}"
        )
    x, y = [v if hasattr(v, "__rank__") else as_float(v, "branch of where") for v in (x, y)]
    taken = x if condition else y
    out = taken if taken.__class__ is float else data_of(taken)
    if not (modes.recording.get() or modes.tracing.get()):
        node = new_unrecorded(kind, out)
    elif condition:
        node = new_node(kind, op, out, x, y, None if x.__class__ is float else 1.0, None)
    else:
        node = new_node(kind, op, out, x, y, None, None if y.__class__ is float else 1.0)
    return modes.checked(node, op, (x, y))
