"""The errors of the engine, and the one conversion from what a user passes to a float."""

from __future__ import annotations

from typing import Any


class TraceError(TypeError):
    """A function cannot be compiled because it looks at a value that does not exist yet.

    While `autograd.compile` traces a function, its arguments stand for every value they may
    take; asking for one of them (`if v > 0`, `float(v)`) has no answer. Use `where` or `maximum`.
    """


class AnomalyError(ArithmeticError):
    """`detect_anomaly` met the first nan or infinity of a forward or backward pass."""


class GradientError(AssertionError):
    """`check_grads` found a derivative that is wrong."""


def as_float(x: Any, what: str = "operand") -> float:
    """Return the real number `x` as a float; `what` names it in the error.

    Ints, floats, fractions, NumPy scalars and zero-dimensional arrays are real numbers.

    Raises:
        TypeError: `x` is anything else; the message says what was given.

    >>> as_float(3)
    3.0
    >>> as_float("3")
    Traceback (most recent call last):
    TypeError: operand must be a real number, not the str '3'; convert it first, with float('3')
    """
    if x.__class__ is float or (x.__class__ is int and x.bit_length() < 1024):
        return float(x)
    from numbers import Real  # slow to load, and only numbers of other kinds come this far

    if isinstance(x, Real):
        try:
            return float(x)
        except OverflowError:
            raise TypeError(f"{what} is too large for a float, which ends at 1.8e308") from None
    # a NumPy scalar that is not registered as real, such as a bool, or an array without axes
    if getattr(x, "shape", None) == () and getattr(x, "dtype", x).kind in "fiub":
        return float(x)
    raise TypeError(f"{what} must be a real number, not {_describe(x)}")


def _describe(x: Any) -> str:
    """Say what was given, and what to do instead where that is clear."""
    text = repr(x)
    shown = text if len(text) <= 40 else text[:37] + "..."
    kind = f"the {type(x).__name__} {shown}"
    if isinstance(x, str):
        return f"{kind}; convert it first, with float({shown})"
    if isinstance(x, complex):
        return f"{kind}; take .real, .imag or abs()"
    if isinstance(x, (list, tuple)) or hasattr(x, "shape"):
        return f"{kind}; make one Value per element, as in [Value(x) for x in ...]"
    return kind
