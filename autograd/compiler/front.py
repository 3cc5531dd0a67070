"""The public face of the compiler; NumPy and SciPy are loaded when a function is compiled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any


def compile(
    f: Callable[..., Any] | None = None,
    *,
    in_axes: Any = None,
    argnums: int | Sequence[int] = 0,
    reduce: str | None = None,
    backend: str = "numpy",
    fast_math: bool = False,
    check: bool = False,
    has_aux: bool = False,
) -> Any:
    """Compile a scalar function into array code that runs over a whole batch.

    The function is traced once per structure of arguments. Its sums of products become matrix
    products, equal operations become one operation on vectors, and the batch becomes an axis. The
    results are those of the eager engine to the last few bits.

    A Value that the function uses from outside is read anew at each call, as a shared argument is,
    and so is what was computed from it. But `if w > 0` on such a Value is decided once and for all.
    Called with Values, the result is that of the function itself, a node of the graph, so `grad`
    and other transforms may be applied to it; with a batch, Values are refused.

    Args:
        f: a function of numbers, or of nested lists, tuples, dictionaries and arrays of numbers. An
            array reaches it as an array of nodes, so `W @ x` and `.T` work. Without `f`, the
            result is a decorator.
        in_axes: as in `jax.vmap`: for each argument 0, if its leading axis is the batch, or None,
            if it is shared by all samples; or one of these for all arguments. An argument that is
            a structure may have a structure of these, such as `({"w": None, "x": 0},)`.
        argnums: the argument, or arguments, that `grad` and `value_and_grad` differentiate by.
        reduce: "sum" or "mean" over the batch, or None for a result per sample.
        backend: "numpy".
        fast_math: also simplify where that changes the sign of a zero or loses an infinity.
        check: trace twice, and refuse a function whose trace depends on anything but its arguments.
        has_aux: the function returns a pair (result, aux), of which only the result is reduced and
            differentiated; aux, such as the outputs of a network, is handed through per sample.

    Returns:
        A function that is called like `f`, on arrays. Its methods `grad` and `value_and_grad` give
        the gradient: of the reduced result, or with `reduce=None` per sample, the batch first.
        With `has_aux` these give, as in JAX, (result, aux), (gradient, aux), and
        ((result, aux), gradient). `print` lists its program, in the language
        of the lecture; `code` is the NumPy code, `cost` what it costs.

    Raises:
        TraceError: at the first call, if the function asks for a value, as in `if v > 0`, `v in xs`
            or `table[v]`; the message has the line and the remedy, such as `where(v == 1, x, y)`.
        TypeError: an argument is not made of real numbers.
        ValueError: an option is unknown, or the batch is ragged.

    >>> import autograd as ag
    >>> loss = ag.compile(lambda w, x: ag.tanh(w * x), in_axes=(None, 0), reduce="mean")
    >>> value, slope = loss.value_and_grad(0.0, [1.0, 2.0, 3.0])
    >>> value, slope
    (0.0, 2.0)

    A network's loss and gradient, with its outputs from the same pass:

    >>> def squared_error(w, x, y):
    ...     output = ag.dot(w, x)
    ...     return (output - y) ** 2, output
    >>> loss = ag.compile(squared_error, in_axes=(None, 0, 0), reduce="mean", has_aux=True)
    >>> (value, outputs), slope = loss.value_and_grad([1.0, 2.0], [[1, 0], [0, 1]], [0, 0])
    >>> value, outputs.tolist(), slope
    (2.5, [1.0, 2.0], [1.0, 2.0])
    """
    if f is None:
        return partial(
            compile,
            in_axes=in_axes,
            argnums=argnums,
            reduce=reduce,
            backend=backend,
            fast_math=fast_math,
            check=check,
            has_aux=has_aux,
        )
    if reduce not in (None, "sum", "mean"):
        raise ValueError(f'reduce must be None, "sum" or "mean", not {reduce!r}')
    if backend != "numpy":
        raise ValueError(f'backend must be "numpy", not {backend!r}')
    from autograd.compiler.compiled import Compiled
    from autograd.compiler.plan import Options

    return Compiled(f, in_axes, Options(argnums, reduce, fast_math, has_aux, check))
