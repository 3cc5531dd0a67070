"""Operations on arrays of JAX, from the one table of rules.

A rule of the table is applied to `Number`s, which compute what they are asked for; under `jax.jit`
that makes the code. What JAX calls an operation is NumPy's name for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy import special

from autograd.compiler.codegen import expansion_of
from autograd.compiler.passes import StandIn
from autograd.engine import Primitive
from autograd.engine import table as p


def _above(a: Any, b: Any) -> Any:
    return jnp.where(jnp.greater(a, b), 1.0, jnp.where(jnp.less_equal(a, b), 0.0, jnp.nan))


def _div(a: Any, b: Any) -> Any:
    """Return a/b; XLA would make a/(b · b) of (a/b)/b, which may overflow."""
    return lax.optimization_barrier(jnp.divide(a, b))


def _add(a: Any, b: Any) -> Any:
    """Return a + b; XLA would make a of a + 0, and that of -0 is 0."""
    if b.__class__ is float and repr(b) == "0.0":
        return jnp.where(a == 0.0, 0.0, a)
    return jnp.add(a, b)


# By row, where it is not as NumPy has it, or not to be as XLA would have it.
_FUNCTIONS: dict[Primitive, Callable[..., Any]] = {
    p.add: _add,
    p.div: _div,
    p.above: _above,
    p.relu: lambda x: jnp.maximum(x, 0.0),
    p.sigmoid: jax.nn.sigmoid,
    p.log_sigmoid: jax.nn.log_sigmoid,
    p.erf: special.erf,
    p.erfc: special.erfc,
    p.xlogy: special.xlogy,
    p.log_of_denominator: jnp.log1p,
    p.log_of_total: jnp.log1p,
}


class Number(StandIn):
    """An array of JAX, with a Value's operators and methods, so that rules serve it."""

    __slots__ = ("array",)

    __rank__ = 4
    _where = "in a partial derivative that is compiled, since it serves all lanes at once"

    def __init__(self, array: Any) -> None:
        self.array = array

    @staticmethod
    def __apply__(op: Primitive, operands: Sequence[Any]) -> Any:
        return Number(applied(op, operands))


def array_of(x: Any) -> Any:
    """Return what stands for a number in operations of JAX: an array, or a float."""
    return x.array if isinstance(x, Number) else x


def applied(op: Primitive, operands: Sequence[Any]) -> Any:
    """Apply an operation to Numbers and floats; return an array, or a float."""
    function = _FUNCTIONS.get(op)
    if function is None and (expansion := expansion_of(op, operands)):
        return array_of(expansion(*operands))
    arrays = list(map(array_of, operands))
    if op is p.where:
        arrays[0] = arrays[0] if arrays[0].dtype == bool else arrays[0] != 0.0
    return (function or getattr(jnp, op.numpy))(*arrays)
