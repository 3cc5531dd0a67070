"""The errors of the engine, its warning, and the conversions of what a user gives to floats."""

from __future__ import annotations

from typing import Any


class TraceError(TypeError):
    """A function cannot be compiled because it looks at a value that does not exist yet.

    While `autograd.compile` traces a function, its arguments stand for every value they may take;
    asking for one of them (`if v == 1`, `float(v)`, `{v}`) has no answer. Use `where` or `maximum`.
    """


class AnomalyError(ArithmeticError):
    """`detect_anomaly` met the first nan or infinity of a forward or backward pass."""


class GradientError(AssertionError):
    """`check_grads` found a derivative that is wrong."""


class MistakeWarning(UserWarning):
    """What is done is allowed, but hardly what is meant.

    `warnings.filterwarnings("ignore", category=autograd.MistakeWarning)` silences all of them.
    """


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
    if getattr(unmasked(x, what), "shape", None) == () and getattr(x, "dtype", x).kind in "fiub":
        return float(x)
    raise TypeError(f"{what} must be a real number, not {_describe(x, what)}")


def unmasked(x: Any, what: str) -> Any:
    """Return what is given; raise if numbers of it are masked, since nothing heeds a mask."""
    if hasattr(type(x), "filled") and x.mask.any():
        raise TypeError(f"{what} has masked numbers: give x.filled(0.0) or x.compressed() instead")
    return x


def data_of(node: Any) -> float:
    """Return the data of a node, which a user may have set to anything.

    Raises:
        TypeError: it is no real number; the message names the node.

    >>> from autograd import Value
    >>> w = Value(1.0, "w")
    >>> w.data = None
    >>> data_of(w)
    Traceback (most recent call last):
    TypeError: the data of the node 'w' must be a real number, not the NoneType None
    """
    data = node.data
    return data if data.__class__ is float else as_float(data, f"the data of {_called(node)}")


def grad_of(node: Any) -> float:
    """Return the gradient of a node; None, to which PyTorch resets gradients, is 0.

    Raises:
        TypeError: it is no real number; the message names the node.

    >>> from autograd import Value
    >>> w = Value(1.0)
    >>> w.grad = None
    >>> grad_of(w)
    0.0
    """
    grad = node.grad
    if isinstance(grad, float):
        return grad
    return 0.0 if grad is None else as_float(grad, f"the grad of {_called(node)}")


def _called(node: Any) -> str:
    if node.name:
        return f"the node {node.name!r}"
    return f"a node without a name, the result of {node.op}" if node.op else "a leaf without a name"


def _describe(x: Any, what: str) -> str:
    """Say what was given, and what to do instead where that is clear."""
    text = repr(x)
    shown = text if len(text) <= 40 else text[:37] + "..."
    kind = f"the {type(x).__name__} {shown}"
    if isinstance(x, complex):
        return f"{kind}; take .real, .imag or abs()"
    if hasattr(x, "to_numpy"):  # a table or a column of pandas and its kin
        return f"a {type(x).__name__}; make an array of it, with .to_numpy()"
    if hasattr(x, "__rank__"):
        return f"{kind}, which is a node already; its number is .data"
    if isinstance(x, (list, tuple)) or getattr(x, "shape", None):
        return f"{kind}; make one Value per element, as in [Value(x) for x in ...]"
    try:
        float(x)
        return f"{kind}; convert it first, with float({shown})"
    except (TypeError, ValueError):
        pass
    return kind + _BEFOREHAND * what.startswith("args[")


_BEFOREHAND = (
    "; arguments are numbers, or lists, tuples, dictionaries and arrays of them: fix anything else "
    "beforehand, as in functools.partial(f, mode='a')"
)
