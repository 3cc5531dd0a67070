"""Outputs for many samples at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import autograd
from autograd import Value, no_grad
from autograd.engine import modes
from autograd.errors import unmasked
from autograd.transforms import trees

_MANY = 100  # samples, from where on compiling takes less time than it saves


def outputs(f: Callable[[Any], Any], X: Iterable[Any], what: str = "") -> list[Any]:
    """Return what a function of one sample gives for each, floats for Values; record no graph.

    For many samples the function is compiled. If that is impossible, or if for the first or the
    last sample it gives something else than the function called as it stands, as it does where
    random numbers play a part, the function is called for each.

    Args:
        f: a function that gives a number, or a list, maybe of lists, of numbers.
        X: n samples; a DataFrame will do.
        what: the name of a function that is not to be differentiated or compiled.

    >>> w = Value(2.0)
    >>> outputs(lambda x: [w * x, w + x], [1.0, 2.0])
    [[2.0, 3.0], [4.0, 4.0]]
    """
    try:
        samples = list(rows(X))
    except TypeError as error:
        raise TypeError(f"X must be a list of samples, not {X!r}: {error}") from None
    is_watched = what and (modes.tracing.get() or modes.differentiating.get())
    if is_watched and any(isinstance(x, Value) for x in trees.flatten(samples, "X")[0]):
        raise TypeError(f"{what} gives plain numbers, without a derivative: call model(x) itself")
    with no_grad():
        if len(samples) >= _MANY:
            try:
                results = _by_sample(autograd.compile(f, in_axes=0)(samples))
                if all(_close(results[i], numbers(f(samples[i]))) for i in (0, -1)):
                    return results
            except Exception:  # what is wrong, if anything, the calls below will say
                pass
        return [_output(f, x, i) for i, x in enumerate(samples)]


def _output(f: Callable[[Any], Any], x: Any, i: int) -> Any:
    """Call a function of one sample; an error says which it was."""
    try:
        return numbers(f(x))
    except (TypeError, ValueError) as error:
        single = not hasattr(x, "__len__")
        error.add_note(
            f"X[{i}] is the number {x}: X must be a list of samples, and a single one is given as "
            "[x]"
            if single
            else f"this is about X[{i}]"
        )
        raise


def rows(table: Any) -> Any:
    """Return a table as something that is iterated over by row; a DataFrame is not.

    >>> rows([[1, 2], [3, 4]])
    [[1, 2], [3, 4]]
    """
    return table.to_numpy() if hasattr(table, "to_numpy") else unmasked(table, "it")


def entries(column: Any) -> Any:
    """Return targets as something that is iterated over by sample.

    Of a DataFrame with a single column these are its entries.

    >>> entries([1, 2])
    [1, 2]
    """
    array = rows(column)
    framed = array is not column and array.ndim == 2 and array.shape[1] == 1
    return array[:, 0] if framed else array


def numbers(output: Any) -> Any:
    """Return what a model returned, a number or nested lists, with floats for Values.

    >>> numbers([Value(1.0), [2.0]])
    [1.0, [2.0]]
    """
    if isinstance(output, list):
        return [numbers(v) for v in output]
    return output.data if isinstance(output, Value) else output


def listed(x: Any) -> Any:
    """Return an array as nested lists, and all else as it is."""
    return x.tolist() if hasattr(x, "tolist") else x


def _by_sample(batch: Any) -> list[Any]:
    """Turn a structure of arrays over the samples into a list of structures of numbers."""
    if isinstance(batch, list):
        return [list(row) for row in zip(*map(_by_sample, batch), strict=True)]
    rows: list[float] = batch.tolist()
    return rows


def _close(one: Any, other: Any) -> bool:
    """Tell whether results are the same but for rounding."""
    import numpy as np

    if isinstance(one, list):
        return len(one) == len(other) and all(map(_close, one, other))
    return bool(np.isclose(one, other, rtol=1e-6, atol=1e-9, equal_nan=True))
