"""NumPy's functions and operators on nodes; loaded when one is first applied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd.engine import table as p
from autograd.numbers.arrays import elementwise

_ROWS = {
    **{op.numpy: op for op in p.TABLE.values() if op.numpy},
    "fabs": p.absolute,
    "float_power": p.power,
    "expit": p.sigmoid,  # SciPy's
    "log_expit": p.log_sigmoid,
    "xlogy": p.xlogy,
    "erf": p.erf,
    "erfc": p.erfc,
}


def row_of(ufunc: Any) -> Any:
    """Return the row that a NumPy function stands for, or None."""
    return _ROWS.get(ufunc.__name__)


def apply_ufunc(ufunc: Any, inputs: Sequence[Any]) -> Any:
    """Apply the row that a NumPy function stands for, as in `np.exp(v)` and `array * v`.

    Raises:
        TypeError: the engine has no such operation.
    """
    own = next((x for x in inputs if hasattr(type(x), "__elementwise__")), None)
    if own is not None:
        return own.__array_ufunc__(ufunc, "__call__", *inputs)
    op = row_of(ufunc)
    if op is p.eq or op is p.ne:  # of Values it is not the row, but identity
        same = op.forward  # of the node: a NumPy scalar would ask NumPy, and that here again
        return elementwise(
            lambda a, b: same(a, b) if hasattr(a, "__rank__") else same(b, a), inputs
        )
    if ufunc.__name__ == "matmul":
        raise TypeError("@ multiplies arrays, but one of the two is a single Value: write * there")
    if op is None:
        raise TypeError(
            f"numpy.{ufunc.__name__} has no rule for Values; build it from autograd's functions"
        )
    return elementwise(op, inputs)
