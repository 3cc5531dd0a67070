"""Primitives of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from math import isfinite
from typing import Any

from autograd.errors import as_float
from autograd.primitives import OWN, TABLE, Primitive
from autograd.value import apply_to_many


def primitive(
    forward: Callable[..., float],
    partials: Callable[..., Any] | Sequence[Callable[..., Any]],
    name: str | None = None,
) -> Callable[..., Any]:
    """Make a function that is one node of the graph, from its value and partial derivatives.

    Args:
        forward: the value, a function of any number of floats.
        partials: a function that returns the partial derivatives, a tuple with one for each
            operand (or the only one by itself); or a sequence with one function per operand. They
            take the operands, or the result and the operands if they have one parameter more.
            Written with autograd's functions and operators, they serve every order.
        name: what `Value.op` shows; that of `forward` if not given.

    Returns:
        A function of numbers, Values or arrays.

    Raises:
        ValueError: the name is that of a row of the engine's own; or, at the first call, a partial
            derivative is not finite though the operands and the value are.
        TypeError: from the function made: a wrong number of operands or of partial derivatives,
            or a value that is no real number.

    >>> from autograd import Value
    >>> cube = primitive(lambda x: x * x * x, lambda x: 3 * x * x, name="cube")
    >>> x = Value(2.0)
    >>> y = cube(x)
    >>> y.backward()
    >>> y.data, y.op, x.grad
    (8.0, 'cube', 12.0)
    """
    title = name if name is not None else str(getattr(forward, "__name__", "primitive"))
    if title in TABLE:
        raise ValueError(f"{title!r} is a primitive of the engine's own: choose another name")
    arity = _arity(forward)
    rules = list(partials) if isinstance(partials, Sequence) else [partials]
    with_result = [_takes_result(rule, arity) for rule in rules]
    checked = False

    def value(*operands: Any) -> Any:
        result = forward(*operands)
        if result.__class__ is float or hasattr(result, "__array_function__"):
            return result
        return as_float(result, f"the value of the primitive {title!r}")

    def rule(out: Any, *operands: Any) -> tuple[Any, ...]:
        nonlocal checked
        results = [
            rule(out, *operands) if with_out else rule(*operands)
            for rule, with_out in zip(rules, with_result, strict=True)
        ]
        if not isinstance(partials, Sequence) and isinstance(results[0], (tuple, list)):
            results = list(results[0])
        if len(results) != len(operands):
            raise TypeError(
                f"the primitive {title!r} has {len(operands)} operands, but {len(results)} partial "
                "derivatives: give one for each operand, in order"
            )
        if not checked and out.__class__ is float:
            checked = True
            _refuse_infinite(title, out, operands, results)
        return tuple(results)

    row = OWN[title] = Primitive(title, value, rule)

    @wraps(forward)
    def apply(*operands: Any) -> Any:
        if arity is not None and len(operands) != arity:
            raise TypeError(f"{title} takes {arity} operands, not {len(operands)}")
        return apply_to_many(row, operands)

    apply.__name__ = apply.__qualname__ = title
    return apply


def _arity(function: Callable[..., Any]) -> int | None:
    """Count the parameters of a function; None where any number is allowed or it does not tell."""
    import inspect  # here, since it takes as long to load as half of the package

    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(x.kind is x.VAR_POSITIONAL for x in parameters):
        return None
    return sum(x.kind in (x.POSITIONAL_ONLY, x.POSITIONAL_OR_KEYWORD) for x in parameters)


def _takes_result(rule: Callable[..., Any], arity: int | None) -> bool:
    """Tell whether a rule takes the result before the operands."""
    count = _arity(rule)
    return arity is not None and count == arity + 1


def _refuse_infinite(
    title: str, out: float, operands: Sequence[Any], partials: Sequence[Any]
) -> None:
    """Raise if a partial derivative is not finite where everything else is."""
    if not isfinite(out) or not all(map(isfinite, operands)):
        return
    for i, partial in enumerate(partials):
        if not isfinite(as_float(partial, f"partial derivative {i} of {title!r}")):
            raise ValueError(
                f"partial derivative {i} of the primitive {title!r} is {partial} at "
                f"{', '.join(map(repr, operands))}, where its value is {out!r}: check the formula"
            )
