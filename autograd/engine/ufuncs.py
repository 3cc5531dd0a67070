"""NumPy's functions and operators on nodes; loaded when one is first applied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd.engine import primitives as p
from autograd.engine.primitives import TABLE
from autograd.numbers.arrays import elementwise

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


def apply_ufunc(ufunc: Any, inputs: Sequence[Any]) -> Any:
    """Apply the row that a NumPy function stands for, as in `np.exp(v)` and `array * v`.

    Raises:
        TypeError: the engine has no such operation.
    """
    name = ufunc.__name__
    op = TABLE.get(UFUNC_ROWS.get(name, name))
    if op is p.eq or op is p.ne:  # of Values it is not the row, but identity
        return elementwise(_equal if op is p.eq else _unequal, inputs)
    if op is None:
        raise TypeError(f"numpy.{name} has no rule for Values; build it from autograd's functions")
    return elementwise(op, inputs)


def _equal(a: Any, b: Any) -> Any:
    """Ask a node, wherever it stands: a NumPy scalar would ask NumPy, which asks here again."""
    return a == b if hasattr(a, "__rank__") else b == a


def _unequal(a: Any, b: Any) -> Any:
    return a != b if hasattr(a, "__rank__") else b != a
