"""The values of the operations on NumPy arrays. Loaded when an array is first met.

Derivatives are not here: `engine/table.py` has the only rules, and they serve arrays too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
from scipy import special

from autograd.errors import unmasked
from autograd.numbers import erf_table as errorfunction


def _above(a: Any, b: Any) -> Any:
    """1 where a > b, 0 where a <= b, nan where either is nan."""
    return np.where(np.isnan(a) | np.isnan(b), np.nan, np.greater(a, b))


def _dot(*operands: Any) -> Any:
    n = len(operands) // 2
    return sum((w * x for w, x in zip(operands[:n], operands[n:-1], strict=True)), operands[-1])


def _shifted(xs: Sequence[Any]) -> tuple[Any, Any]:
    """Return m = max(xs) and r with Σ exp(x - m) = 1 + r, as `floats.py` does for floats."""
    rows = np.stack(np.broadcast_arrays(*xs))
    m = rows.max(axis=0)
    terms = np.exp(rows - m)
    np.put_along_axis(terms, rows.argmax(axis=0)[None], 0.0, axis=0)
    return m, np.where(np.isinf(m), 0.0, terms.sum(axis=0) + (m - m))


def _logsumexp(*xs: Any) -> Any:
    m, rest = _shifted(xs)
    return m + np.log1p(rest)


def _softmax(*xs: Any) -> Any:
    m, rest = _shifted(xs)
    return np.exp(xs[0] - m) / (1.0 + rest)


def _log_softmax(*xs: Any) -> Any:
    m, rest = _shifted(xs)
    return (xs[0] - m) - np.log1p(rest)


def _sigmoid(x: Any) -> Any:
    """SciPy's has no digits below -709."""
    return np.exp(x, out=special.expit(np.atleast_1d(x)), where=x < -709.0).reshape(np.shape(x))


# By row, where it is not as NumPy has it.
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "xlogy": special.xlogy,
    "erf": errorfunction.erf,
    "erfc": errorfunction.erfc,
    "sigmoid": _sigmoid,
    "log_sigmoid": special.log_expit,
    "relu": lambda x: np.maximum(x, 0.0),
    "above": _above,
    "dot": _dot,
    "fsum": lambda *xs: reduce(np.add, xs),
    "mean": lambda *xs: reduce(np.add, xs) / len(xs),
    "total": lambda *xs: np.fmin(reduce(np.add, xs), np.inf),
    "excess": lambda *xs: np.fmin(reduce(np.add, xs) - 1.0, np.inf),
    "log_of_total": np.log1p,
    "log_of_denominator": np.log1p,
    "logsumexp": _logsumexp,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "top": lambda *xs: reduce(np.maximum, xs, -sys.float_info.max),
}


def function_of(op: Any) -> Callable[..., Any] | None:
    """Return the function of arrays for a row; None where others or its `forward` serve."""
    return _FUNCTIONS.get(op.name) or (getattr(np, op.numpy) if op.numpy else None)


def evaluate(op: Any, operands: Sequence[Any]) -> Any:
    """Apply `op` to arrays of floats, elementwise, with broadcasting.

    >>> from autograd.engine import table
    >>> evaluate(table.log, [np.array([1.0, 0.0])]).tolist()
    [0.0, -inf]
    """
    function = function_of(op) or op.expansion or op.forward
    with np.errstate(all="ignore"):
        if op.name == "where":
            condition, *branches = operands
            return function(condition, *[np.asarray(x, dtype=np.float64) for x in branches])
        return function(*[np.asarray(x, dtype=np.float64) for x in operands])


def apply_to_arrays(op: Any, operands: Sequence[Any]) -> Any:
    """Apply `op` where some operand is an array: of floats, or of objects such as Values.

    A kind of array may say by its method `__elementwise__` how operations apply to it.
    """
    operands = [unmasked(x, f"operand of {op.name}") for x in operands]
    own = next((x for x in operands if hasattr(type(x), "__elementwise__")), None)
    if own is not None:
        return own.__elementwise__(op, operands)
    if all(np.asarray(x).dtype.kind in "fiub" for x in operands):
        return evaluate(op, operands)
    return elementwise(op, operands)


def elementwise(function: Callable[..., Any], operands: Sequence[Any]) -> Any:
    """Apply `function` to each element of object arrays, with broadcasting.

    The result is an object array, or one element where no operand has an axis.
    """
    with np.errstate(all="ignore"):
        return np.frompyfunc(function, len(operands), 1)(*[_boxed(x) for x in operands])


def _boxed(x: Any) -> Any:
    """Put a single node into an array without axes, so that NumPy does not ask it for its own."""
    if isinstance(x, np.ndarray):
        return x
    box = np.empty((), dtype=object)
    box[()] = x
    return box
