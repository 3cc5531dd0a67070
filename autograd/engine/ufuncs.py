"""Rows of the table on NumPy arrays, and NumPy's functions on nodes; loaded when first needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd.engine.graph import Operation
from autograd.engine.primitives import EXPANSIONS, TABLE
from autograd.numbers.arrays import FUNCTIONS

# NumPy's name of a ufunc where it is not also the name of a row.
UFUNC_ROWS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "power": "**",
    "float_power": "**",
    "negative": "neg",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
    "absolute": "abs",
    "fabs": "abs",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arctan2": "atan2",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "expit": "sigmoid",
    "log_expit": "log_sigmoid",
}


def evaluate(op: Operation, operands: Sequence[Any]) -> Any:
    """Apply `op` to arrays of floats, elementwise, with broadcasting.

    >>> from autograd.engine import primitives
    >>> evaluate(primitives.log, [np.array([1.0, 0.0])]).tolist()
    [0.0, -inf]
    """
    function = FUNCTIONS.get(op.name) or EXPANSIONS.get(op.name, op.forward)
    with np.errstate(all="ignore"):
        if op.name == "where":
            condition, *branches = operands
            return function(condition, *[np.asarray(x, dtype=np.float64) for x in branches])
        return function(*[np.asarray(x, dtype=np.float64) for x in operands])


def apply_to_arrays(op: Operation, operands: Sequence[Any]) -> Any:
    """Apply `op` where some operand is an array: of floats, or of objects such as Values."""
    if all(np.asarray(x).dtype.kind in "fiub" for x in operands):
        return evaluate(op, operands)
    return elementwise(op, operands)


def elementwise(function: Callable[..., Any], operands: Sequence[Any]) -> Any:
    """Apply `function` to each element of object arrays, with broadcasting.

    The result is an object array, or one element where no operand has an axis.
    """
    with np.errstate(all="ignore"):
        return np.frompyfunc(function, len(operands), 1)(*[_boxed(x) for x in operands])


def _equal(a: Any, b: Any) -> Any:
    """Ask a node, wherever it stands: a NumPy scalar would ask NumPy, which asks here again."""
    return a == b if hasattr(a, "__rank__") else b == a


def _unequal(a: Any, b: Any) -> Any:
    return a != b if hasattr(a, "__rank__") else b != a


def _boxed(x: Any) -> Any:
    """Put a single node into an array without axes, so that NumPy does not ask it for its own."""
    if isinstance(x, np.ndarray):
        return x
    box = np.empty((), dtype=object)
    box[()] = x
    return box


def apply_ufunc(ufunc: Any, inputs: Sequence[Any]) -> Any:
    """Apply the row that a NumPy function stands for, as in `np.exp(v)` and `array * v`.

    Raises:
        TypeError: the engine has no such operation.
    """
    name = ufunc.__name__
    op = TABLE.get(UFUNC_ROWS.get(name, name))
    if name in ("equal", "not_equal"):  # of Values it is not the row, but identity
        return elementwise(_equal if name == "equal" else _unequal, inputs)
    if op is None:
        raise TypeError(f"numpy.{name} has no rule for Values; build it from autograd's functions")
    return elementwise(op, inputs)
