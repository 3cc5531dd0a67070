"""Primitives of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import wraps
from math import isfinite, nan
from pickle import PicklingError
from typing import Any

from autograd.engine.primitives import OWN, TABLE, Primitive
from autograd.errors import as_float


def primitive(
    forward: Callable[..., float],
    partials: Callable[..., Any] | Sequence[Callable[..., Any]],
    name: str | None = None,
) -> Callable[..., Any]:
    """Make a function that is one node of the graph, from its value and partial derivatives.

    Args:
        forward: the value, a function of any number of floats. Its parameters are the operands,
            except those with a default.
        partials: a function that returns the partial derivatives, a tuple with one for each
            operand (or the only one by itself); or a sequence with one function per operand. They
            take the operands, or the result and the operands if they have one parameter more.
            Written with autograd's functions and operators, they serve every order; with those of
            `math`, the first.
        name: what `Value.op` shows; that of `forward` if not given. To pickle a graph, its
            primitives need names of their own.

    Returns:
        A function of numbers, Values or arrays. An array goes to `forward` as a whole, and element
        by element if it cannot take that.

    Raises:
        ValueError: the name is that of a row of the engine's own; or, at the first call on Values,
            a partial derivative is not finite though the operands and the value are.
        TypeError: `forward` or a partial derivative is not a function; or from the function made:
            a wrong number of operands or of partial derivatives, or one of these or the value is
            no real number.

    >>> from autograd import Value
    >>> cube = primitive(lambda x: x * x * x, lambda x: 3 * x * x, name="cube")
    >>> x = Value(2.0)
    >>> y = cube(x)
    >>> y.backward()
    >>> y.data, y.op, x.grad
    (8.0, 'cube', 12.0)
    """
    functions = [*partials] if isinstance(partials, Sequence) else [partials]
    for what, function in [("forward", forward), *[("partials", rule) for rule in functions]]:
        if not callable(function):
            raise TypeError(f"{what} must be a function, not {function!r}")
    title = name if name is not None else str(getattr(forward, "__name__", "primitive"))
    if title in TABLE:
        raise ValueError(f"{title!r} is a primitive of the engine's own: choose another name")
    row = OWN[title] = _Own(title, forward, functions, isinstance(partials, Sequence))
    parameters = _parameters(forward)

    @wraps(forward)
    def apply(*operands: Any) -> Any:
        if parameters is not None:
            count, more = parameters
            if len(operands) < count or (len(operands) > count and not more):
                least = "at least " if more else ""
                raise TypeError(f"{title} takes {least}{count} operands, not {len(operands)}")
        return row(*operands)

    apply.__name__ = apply.__qualname__ = title
    return apply


class _Own(Primitive):
    """A row of a user's own: checks what the user's functions give. It is pickled by its name."""

    __slots__ = ("_checked", "_functions", "_separate", "_user_forward", "_with_result")

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        functions: Sequence[Callable[..., Any]],
        separate: bool,
    ) -> None:
        super().__init__(name, self._value, self._slopes)
        self._user_forward, self._functions, self._separate = forward, functions, separate
        count, more = _parameters(forward) or (nan, False)  # of which no rule has one more
        self._with_result = [_parameters(rule) == (count + 1, more) for rule in functions]
        self._checked = False

    def __reduce__(self) -> tuple[Callable[[str], Primitive], tuple[str]]:
        if OWN.get(self.name) is not self:
            raise PicklingError(
                f"another primitive has been called {self.name!r} since this one was made: give "
                "each a name of its own"
            )
        return super().__reduce__()

    def _value(self, *operands: Any) -> Any:
        """Return the value, of floats or arrays."""
        if any(hasattr(x, "__array_function__") and x.shape != () for x in operands):
            return _on_arrays(self._user_forward, operands)
        value = self._user_forward(*operands)
        return as_float(value, f"the value of the primitive {self.name!r}")

    def _slopes(self, out: Any, *operands: Any) -> list[Any]:
        """Return the partial derivatives, of floats or of what rules serve besides."""
        slopes = [
            rule(out, *operands) if takes_result else rule(*operands)
            for rule, takes_result in zip(self._functions, self._with_result, strict=True)
        ]
        if not self._separate and isinstance(slopes[0], (tuple, list)):
            slopes = list(slopes[0])
        if len(slopes) != len(operands):
            raise TypeError(
                f"the primitive {self.name!r} has {len(operands)} operands, but {len(slopes)} "
                "partial derivatives: give one for each operand, in order"
            )
        of_floats = out.__class__ is float
        for i, slope in enumerate(slopes):
            is_array = hasattr(slope, "__array_function__")
            if of_floats or not (is_array or hasattr(slope.__class__, "__rank__")):
                what = f"partial derivative {i} of the primitive {self.name!r}"
                slopes[i] = as_float(slope, what)
        if of_floats and not self._checked and all(map(isfinite, (out, *operands))):
            self._check(out, operands, slopes)
        return slopes

    def _check(self, out: float, operands: Sequence[float], slopes: Sequence[float]) -> None:
        """Raise at the first call if a partial derivative is not finite, where the rest is."""
        for i, slope in enumerate(slopes):
            if not isfinite(slope):
                raise ValueError(
                    f"partial derivative {i} of the primitive {self.name!r} is {slope} at "
                    f"{', '.join(map(repr, operands))}, where its value is {out!r}: check the "
                    "formula"
                )
        self._checked = True


def _parameters(function: Callable[..., Any]) -> tuple[int, bool] | None:
    """Count the operands of a function, and tell if it takes more; None where that is unknown."""
    import inspect  # here, since it takes as long to load as half of the package

    try:
        kinds = [
            x.kind for x in inspect.signature(function).parameters.values() if x.default is x.empty
        ]
    except (TypeError, ValueError):
        return None
    count = kinds.count(inspect.Parameter.POSITIONAL_ONLY)
    count += kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return count, inspect.Parameter.VAR_POSITIONAL in kinds


def _on_arrays(function: Callable[..., Any], operands: Sequence[Any]) -> Any:
    """Apply a function of floats to arrays: as a whole if it can, else element by element.

    What it makes of arrays counts only if that has their shape: a sum, say, is no elementwise
    result, and a function that tests its argument raises.
    """
    import numpy as np

    arrays = np.broadcast_arrays(*[np.asarray(x, dtype=np.float64) for x in operands])
    with suppress(Exception), np.errstate(all="ignore"):  # if it matters, it comes again below
        whole = function(*arrays)
        if whole.shape == arrays[0].shape:
            return np.asarray(whole, dtype=np.float64)
    each = np.frompyfunc(lambda *xs: as_float(function(*xs)), len(arrays), 1)
    return each(*[array.astype(object) for array in arrays]).astype(np.float64)
