"""The functions, for floats, Values and NumPy arrays alike.

Each mirrors the function of the same name in `math`, NumPy or PyTorch. None raises for a real
number: outside its domain it gives nan, at a pole an infinity, as IEEE-754 does. Each returns
what it is given: a float for numbers, a Value for a Value, an array for an array. What `help` says
of those that are made from a row stands there, in `table.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import compress
from operator import index as as_index
from operator import mul
from types import FunctionType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from autograd.engine import table as p
from autograd.engine.graph import Node, new_node
from autograd.engine.modes import active
from autograd.engine.primitives import Primitive
from autograd.engine.value import Value

__all__ = ["acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "clip", "cos"]
__all__ += ["cosh", "dot", "elu", "erf", "erfc", "exp", "expm1", "fsum", "gelu", "hypot"]
__all__ += ["leaky_relu", "log", "log1p", "log2", "log10", "log_sigmoid", "log_softmax"]
__all__ += ["logsumexp", "maximum", "mean", "minimum", "relu", "sigmoid", "sign", "silu", "sin"]
__all__ += ["sinh", "softmax", "softplus", "sqrt", "square", "take", "tan", "tanh", "where"]
__all__ += ["xlogy"]

if TYPE_CHECKING:
    from numpy import ndarray

    Array = ndarray[Any, Any]

Operand = Any  # a number, a Value, or an array of either
N = TypeVar("N", bound=Node)


class Unary(Protocol):
    """A function of a number of any kind, or of an array of them."""

    @overload
    def __call__(self, x: N, /) -> N: ...
    @overload
    def __call__(self, x: float, /) -> float: ...
    @overload
    def __call__(self, x: Array, /) -> Array: ...


class Binary(Protocol):
    """A function of two numbers of any kind, or of arrays of them."""

    @overload
    def __call__(self, x: N, y: N | float, /) -> N: ...
    @overload
    def __call__(self, x: float, y: N, /) -> N: ...
    @overload
    def __call__(self, x: float, y: float, /) -> float: ...
    @overload
    def __call__(self, x: Any, y: Any, /) -> Any: ...


@overload
def _function(op: Primitive, method: Callable[[Value], Value]) -> Unary: ...
@overload
def _function(op: Primitive, method: Callable[[Value, float], Value]) -> Binary: ...
def _function(op: Primitive, method: Any) -> Any:
    """Return a copy of a method, to be a function: with a home, names and a help of its own."""
    rule: Any = op.partials[0]  # type: ignore[index]
    names = rule.__code__.co_varnames[1 : rule.__code__.co_argcount]  # after the result
    code = method.__code__
    code = code.replace(co_varnames=names + code.co_varnames[len(names) :])
    function = FunctionType(code, method.__globals__, method.__name__, None, method.__closure__)
    function.__annotations__ = dict.fromkeys((*names, "return"), "Operand")
    function.__qualname__, function.__module__, function.__doc__ = method.__name__, __name__, op.doc
    return function


exp = _function(p.exp, Value.exp)
expm1 = _function(p.expm1, Value.expm1)
log = _function(p.log, Value.log)
log1p = _function(p.log1p, Value.log1p)
log2 = _function(p.log2, Value.log2)
log10 = _function(p.log10, Value.log10)
sqrt = _function(p.sqrt, Value.sqrt)
cbrt = _function(p.cbrt, Value.cbrt)
square = _function(p.square, Value.square)
sin = _function(p.sin, Value.sin)
cos = _function(p.cos, Value.cos)
tan = _function(p.tan, Value.tan)
asin = _function(p.asin, Value.asin)
acos = _function(p.acos, Value.acos)
atan = _function(p.atan, Value.atan)
sinh = _function(p.sinh, Value.sinh)
cosh = _function(p.cosh, Value.cosh)
tanh = _function(p.tanh, Value.tanh)
asinh = _function(p.asinh, Value.asinh)
acosh = _function(p.acosh, Value.acosh)
atanh = _function(p.atanh, Value.atanh)
erf = _function(p.erf, Value.erf)
erfc = _function(p.erfc, Value.erfc)
sigmoid = _function(p.sigmoid, Value.sigmoid)
log_sigmoid = _function(p.log_sigmoid, Value.log_sigmoid)
softplus = _function(p.softplus, Value.softplus)
relu = _function(p.relu, Value.relu)
silu = _function(p.silu, Value.silu)
abs = _function(p.absolute, Value.abs)
sign = _function(p.sign, Value.sign)
pow = _function(p.power, Value.pow)
atan2 = _function(p.atan2, Value.atan2)
hypot = _function(p.hypot, Value.hypot)
maximum = _function(p.maximum, Value.maximum)
minimum = _function(p.minimum, Value.minimum)
xlogy = _function(p.xlogy, Value.xlogy)


@overload
def gelu(x: N, approximate: str = "none") -> N: ...
@overload
def gelu(x: float, approximate: str = "none") -> float: ...
@overload
def gelu(x: Any, approximate: str = "none") -> Any: ...
def gelu(x: Operand, approximate: str = "none") -> Operand:
    """The Gaussian error linear unit x Φ(x), Φ the standard normal distribution function.

    d/dx = Φ(x) + x φ(x). Source: Hendrycks and Gimpel, arXiv:1606.08415.

    Args:
        x: the operand.
        approximate: "none" for the exact form with erf, "tanh" for x (1 + tanh u)/2 with
            u = √(2/π) (x + 0.044715 x³).

    Raises:
        ValueError: `approximate` is neither.

    >>> round(gelu(1.0), 6), round(gelu(1.0, approximate="tanh"), 6)
    (0.841345, 0.841192)
    """
    if approximate == "none":
        return Value.gelu(x)
    if approximate == "tanh":
        return p.gelu_tanh(x)
    raise ValueError(f'approximate must be "none" or "tanh", not {approximate!r}')


def leaky_relu(x: Operand, slope: Operand = 0.01) -> Operand:
    """x where x > 0, else slope · x.

    d/dx = 1 where x > 0, else slope.

    >>> leaky_relu(-2.0, slope=0.1)
    -0.2
    """
    return Value.leaky_relu(x, slope)


def elu(x: Operand, alpha: Operand = 1.0) -> Operand:
    """x where x > 0, else alpha · (eˣ - 1).

    d/dx = 1 where x > 0, else alpha · eˣ. Source: Clevert et al., arXiv:1511.07289.

    >>> elu(-1e-20)
    -1e-20
    """
    return Value.elu(x, alpha)


def clip(x: Operand, lo: Operand, hi: Operand) -> Operand:
    """x limited to lo ... hi.

    d/dx = 1 strictly between the bounds, else 0.

    >>> clip(5.0, 0.0, 1.0)
    1.0
    """
    return p.clip(x, lo, hi)


@overload
def where(condition: Any, x: float, y: float) -> float: ...
@overload
def where(condition: Any, x: Value | float, y: Value | float) -> Value: ...
@overload
def where(condition: Any, x: Any, y: Any) -> Any: ...
def where(condition: Any, x: Operand, y: Operand) -> Operand:
    """x where the condition holds, else y.

    The branch that is not taken contributes nothing to a gradient, even if it is nan.

    Args:
        condition: a comparison such as `v > 0`, a bool, or an array of bools.
        x: the result where it holds.
        y: the result elsewhere.

    Raises:
        TypeError: the condition is a Value, or `~` of a bool, which is -1 or -2.

    >>> where(2.0 > 1.0, 3.0, 4.0)
    3.0
    """
    if condition.__class__ is int and condition < 0:
        raise TypeError(f"the condition of where is {condition}: for ~c write where(c, y, x)")
    return p.where(condition, x, y)


def take(table: Any, index: Any) -> Any:
    """The entry of a table at an index: `table[index]`, also for an index that is not known yet.

    In a function that `compile` traces, an index among the arguments stands for all integers it may
    be. A list or an array that is an argument too takes it as it is, in `table[index]`, and so does
    what `softmax` and `log_softmax` give. Any other list, such as one that was computed, needs this
    function. The derivative goes to the entry that was taken. An index has none: a Value is
    refused, since its own derivative would be lost.

    Args:
        table: a list or an array, of numbers or of rows of equal shape.
        index: an integer, below 0 to count from the end; a float such as 3.0 will do.

    Raises:
        TypeError: the index is a Value, or no integer.
        IndexError: there is no such entry.

    >>> take([[1.0, 2.0], [3.0, 4.0]], 1)
    [3.0, 4.0]
    """
    if hasattr(index, "__gather__"):
        return index.__gather__(table)
    if hasattr(index, "__rank__"):
        raise TypeError(
            f"{index!r} is no index, since its derivative would be lost: take int(v.item()), if it "
            "has none that matters"
        )
    try:
        whole = isinstance(index, float) and index.is_integer()
        index = int(index) if whole else as_index(index)
    except TypeError:
        raise TypeError(f"an index must be an integer, not {index!r}") from None
    if not -len(table) <= index < len(table):
        raise IndexError(f"there is no entry {index} in a table of {len(table)}")
    return table[index]


class Listed(list[Any]):
    """A list that stand-ins for integers can index too."""

    def __getitem__(self, key: Any) -> Any:
        if key.__class__ is int:
            return super().__getitem__(key)
        return Listed(super().__getitem__(key)) if isinstance(key, slice) else take(self, key)


@overload
def dot(ws: Iterable[float], xs: Iterable[float], bias: float = 0.0) -> float: ...  # type: ignore[overload-overlap]
@overload
def dot(
    ws: Iterable[Value | float], xs: Iterable[Value | float], bias: Value | float = 0.0
) -> Value: ...
@overload
def dot(ws: Iterable[Any], xs: Iterable[Any], bias: Any = 0.0) -> Any: ...
def dot(ws: Iterable[Operand], xs: Iterable[Operand], bias: Operand = 0.0) -> Operand:
    """⟨w, x⟩ + b as one node, with 2n + 1 parents: the pre-activation of a neuron.

    ∂/∂wᵢ = xᵢ, ∂/∂xᵢ = wᵢ, ∂/∂b = 1.

    Args:
        ws: n weights.
        xs: n inputs.
        bias: the intercept.

    Raises:
        ValueError: there are not as many weights as inputs.

    >>> dot([1.0, 2.0], [3.0, 4.0], 0.5)
    11.5
    """
    ws, xs = tuple(ws), tuple(xs)
    if len(ws) != len(xs):
        raise ValueError(f"dot needs as many weights as inputs, not {len(ws)} and {len(xs)}")
    operands = (*ws, *xs, bias)
    if active:
        return p.dot(*operands)
    try:  # value and rule of the row at once: networks spend most of their time here
        w, x = [v.data for v in ws], [v.data for v in xs]
        out = sum(map(mul, w, x), bias.data)
    except (AttributeError, TypeError):  # not all of them are Values
        return _apply_to_mixture(p.dot, operands)
    return new_node(Value, p.dot, out, operands, operands, (*x, *w, 1.0))


class Reduction(Protocol):
    """A function of the numbers in a sequence."""

    @overload
    def __call__(self, xs: Iterable[float]) -> float: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, xs: Iterable[Value | float]) -> Value: ...
    @overload
    def __call__(self, xs: Iterable[Any]) -> Any: ...


class Shares(Protocol):
    """A function of the numbers in a sequence, with a result for each of them."""

    @overload
    def __call__(self, xs: Iterable[float]) -> list[float]: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, xs: Iterable[Value | float]) -> list[Value]: ...
    @overload
    def __call__(self, xs: Iterable[Any]) -> list[Any]: ...


def _reduction(op: Primitive, of_nothing: bool = False) -> Reduction:
    """Make the function for a row with any number of operands."""

    def function(xs: Iterable[Operand]) -> Operand:
        return _apply_to_many(op, _listed(xs, op, of_nothing))

    return _titled(op, function)  # type: ignore[no-any-return]


def _shares(op: Primitive) -> Shares:
    """Make the function for a row that gives the share of its first operand."""

    def function(xs: Iterable[Operand]) -> list[Operand]:
        operands = _listed(xs, op)
        each_first = [(x, *operands[:i], *operands[i + 1 :]) for i, x in enumerate(operands)]
        shares = [_apply_to_many(op, v) for v in each_first]
        return Listed(shares) if hasattr(shares[0], "__gather__") else shares

    return _titled(op, function)  # type: ignore[no-any-return]


def _titled(op: Primitive, function: Any) -> Any:
    """Give the function for a row its name and its help."""
    function.__name__ = function.__qualname__ = op.name
    function.__doc__ = op.doc
    return function


def _apply_to_many(op: Primitive, operands: tuple[Operand, ...]) -> Operand:
    """Apply a row with any number of operands: a short way for Values."""
    if active or not operands:
        return op(*operands)
    try:
        data = [x.data for x in operands]
        out = op.float_forward(*data)
        slopes = op.float_partials(out, *data)  # type: ignore[operator,misc]
    except (AttributeError, TypeError):  # not all of them are Values
        return _apply_to_mixture(op, operands)
    return new_node(Value, op, out, operands, operands, slopes)


def _apply_to_mixture(op: Primitive, operands: tuple[Operand, ...]) -> Operand:
    """Apply a row with any number of operands: a short way for Values and floats."""
    if set(map(type, operands)) != _VALUES_AND_FLOATS:
        return op(*operands)
    wanted = [x.__class__ is Value for x in operands]
    data = [x.data if x.__class__ is Value else x for x in operands]
    try:
        out = op.float_forward(*data)
        slopes = compress(op.float_partials(out, *data), wanted)  # type: ignore[operator,misc]
    except TypeError:  # the data of a node has been set to what is no number
        return op(*operands)
    return new_node(Value, op, out, tuple(compress(operands, wanted)), operands, tuple(slopes))


_VALUES_AND_FLOATS = {Value, float}


def _listed(xs: Iterable[Operand], op: Primitive, of_nothing: bool = False) -> tuple[Operand, ...]:
    """Return the operands; refuse what is not a list, and an empty one where that means nothing."""
    if not hasattr(xs, "__iter__"):
        raise TypeError(f"{op.name} takes a list of numbers, such as [x, y], not {xs!r}")
    operands = tuple(xs)
    if not (operands or of_nothing):
        raise ValueError(f"{op.name} of no numbers is undefined: give at least one")
    return operands


fsum, mean = _reduction(p.fsum, of_nothing=True), _reduction(p.mean)
logsumexp, softmax, log_softmax = (
    _reduction(p.logsumexp),
    _shares(p.softmax),
    _shares(p.log_softmax),
)

__test__ = {name: row.doc for name, row in p.TABLE.items()}  # their examples, for doctest
