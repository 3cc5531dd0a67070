"""The functions, for floats, Values and NumPy arrays alike.

Each mirrors the function of the same name in `math`, NumPy or PyTorch. None raises for a real
number: outside its domain it gives nan, at a pole an infinity, as IEEE-754 does. Each returns
what it is given: a float for numbers, a Value for a Value, an array for an array.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import compress
from operator import mul
from typing import Any

from autograd.engine import primitives as p
from autograd.engine.graph import new_node
from autograd.engine.modes import active
from autograd.engine.primitives import Primitive
from autograd.engine.value import Value

Operand = Any  # a number, a Value, or an array of either


def exp(x: Operand) -> Operand:
    """e to the power x.

    d/dx eˣ = eˣ.

    >>> exp(0.0)
    1.0
    """
    return Value.exp(x)


def expm1(x: Operand) -> Operand:
    """eˣ - 1, accurate near 0.

    d/dx = eˣ.

    >>> expm1(1e-20)
    1e-20
    """
    return Value.expm1(x)


def log(x: Operand) -> Operand:
    """The natural logarithm; -inf at 0, nan below.

    d/dx ln x = 1/x.

    >>> log(1.0)
    0.0
    """
    return Value.log(x)


def log1p(x: Operand) -> Operand:
    """ln(1 + x), accurate near 0.

    d/dx = 1/(1 + x).

    >>> log1p(1e-20)
    1e-20
    """
    return Value.log1p(x)


def log2(x: Operand) -> Operand:
    """The logarithm to base 2.

    d/dx = 1/(x ln 2).

    >>> log2(8.0)
    3.0
    """
    return Value.log2(x)


def log10(x: Operand) -> Operand:
    """The logarithm to base 10.

    d/dx = 1/(x ln 10).

    >>> log10(1000.0)
    3.0
    """
    return Value.log10(x)


def sqrt(x: Operand) -> Operand:
    """The square root; nan below 0.

    d/dx √x = 1/(2√x).

    >>> sqrt(9.0)
    3.0
    """
    return Value.sqrt(x)


def cbrt(x: Operand) -> Operand:
    """The cube root.

    d/dx = 1/(3 x^⅔).

    >>> cbrt(-8.0)
    -2.0
    """
    return Value.cbrt(x)


def square(x: Operand) -> Operand:
    """x².

    d/dx x² = 2x.

    >>> square(3.0)
    9.0
    """
    return Value.square(x)


def sin(x: Operand) -> Operand:
    """The sine of x, in radians.

    d/dx sin x = cos x.

    >>> sin(0.0)
    0.0
    """
    return Value.sin(x)


def cos(x: Operand) -> Operand:
    """The cosine of x, in radians.

    d/dx cos x = -sin x.

    >>> cos(0.0)
    1.0
    """
    return Value.cos(x)


def tan(x: Operand) -> Operand:
    """The tangent of x, in radians.

    d/dx tan x = 1 + tan² x.

    >>> tan(0.0)
    0.0
    """
    return Value.tan(x)


def asin(x: Operand) -> Operand:
    """The arc sine, in radians; nan beyond ±1.

    d/dx = 1/√(1 - x²).

    >>> asin(0.0)
    0.0
    """
    return Value.asin(x)


def acos(x: Operand) -> Operand:
    """The arc cosine, in radians; nan beyond ±1.

    d/dx = -1/√(1 - x²).

    >>> acos(1.0)
    0.0
    """
    return Value.acos(x)


def atan(x: Operand) -> Operand:
    """The arc tangent, in radians.

    d/dx = 1/(1 + x²).

    >>> atan(0.0)
    0.0
    """
    return Value.atan(x)


def sinh(x: Operand) -> Operand:
    """The hyperbolic sine.

    d/dx sinh x = cosh x.

    >>> sinh(0.0)
    0.0
    """
    return Value.sinh(x)


def cosh(x: Operand) -> Operand:
    """The hyperbolic cosine.

    d/dx cosh x = sinh x.

    >>> cosh(0.0)
    1.0
    """
    return Value.cosh(x)


def tanh(x: Operand) -> Operand:
    """The hyperbolic tangent, 2σ(2x) - 1: saturates at ±1.

    d/dx tanh x = 1 - tanh² x.

    >>> tanh(0.0)
    0.0
    """
    return Value.tanh(x)


def asinh(x: Operand) -> Operand:
    """The inverse hyperbolic sine.

    d/dx = 1/√(1 + x²).

    >>> asinh(0.0)
    0.0
    """
    return Value.asinh(x)


def acosh(x: Operand) -> Operand:
    """The inverse hyperbolic cosine; nan below 1.

    d/dx = 1/√(x² - 1).

    >>> acosh(1.0)
    0.0
    """
    return Value.acosh(x)


def atanh(x: Operand) -> Operand:
    """The inverse hyperbolic tangent; ±inf at ±1, nan beyond.

    d/dx = 1/(1 - x²).

    >>> atanh(0.0)
    0.0
    """
    return Value.atanh(x)


def erf(x: Operand) -> Operand:
    """The error function, 2/√π ∫₀ˣ exp(-t²) dt.

    d/dx = 2/√π exp(-x²).

    >>> erf(0.0)
    0.0
    """
    return Value.erf(x)


def erfc(x: Operand) -> Operand:
    """1 - erf(x), accurate where that is small.

    d/dx = -2/√π exp(-x²).

    >>> erfc(0.0)
    1.0
    """
    return Value.erfc(x)


def sigmoid(x: Operand) -> Operand:
    """The logistic function σ(x) = 1/(1 + e⁻ˣ): saturates at 0 and 1.

    d/dx σ = σ(x) σ(-x), which is σ (1 - σ).

    >>> sigmoid(0.0)
    0.5
    """
    return Value.sigmoid(x)


def log_sigmoid(x: Operand) -> Operand:
    """ln σ(x), without overflow.

    d/dx = σ(-x).

    >>> log_sigmoid(-1000.0)
    -1000.0
    """
    return Value.log_sigmoid(x)


def softplus(x: Operand) -> Operand:
    """ln(1 + eˣ), a smooth relu, accurate everywhere.

    d/dx = σ(x).

    >>> softplus(1000.0)
    1000.0
    """
    return Value.softplus(x)


def relu(x: Operand) -> Operand:
    """max(x, 0).

    d/dx = 1 where x > 0, else 0.

    >>> relu(-2.0)
    0.0
    """
    return Value.relu(x)


def silu(x: Operand) -> Operand:
    """x σ(x), also called swish.

    d/dx = σ(x) (1 + x σ(-x)).

    >>> silu(0.0)
    0.0
    """
    return Value.silu(x)


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


def abs(x: Operand) -> Operand:
    """The absolute value.

    d/dx = sign(x), so 0 at 0.

    >>> abs(-2.0)
    2.0
    """
    return Value.abs(x)


def sign(x: Operand) -> Operand:
    """-1, 0 or 1 as x is below, at or above 0.

    d/dx = 0.

    >>> sign(-2.0)
    -1.0
    """
    return Value.sign(x)


def pow(a: Operand, b: Operand) -> Operand:
    """a to the power b, which is also `a ** b`; nan, never complex, for a < 0 and a fraction b.

    ∂/∂a = b aᵇ⁻¹, ∂/∂b = aᵇ ln a.

    >>> pow(2.0, 10.0)
    1024.0
    """
    return Value.pow(a, b)


def atan2(y: Operand, x: Operand) -> Operand:
    """The angle of the point (x, y), in radians from -π to π.

    ∂/∂y = x/(x² + y²), ∂/∂x = -y/(x² + y²); both 0 at the origin.

    >>> atan2(0.0, 1.0)
    0.0
    """
    return Value.atan2(y, x)


def hypot(a: Operand, b: Operand) -> Operand:
    """√(a² + b²), without overflow on the way.

    ∂/∂a = a/hypot, ∂/∂b = b/hypot; both 0 at the origin.

    >>> hypot(3.0, 4.0)
    5.0
    """
    return Value.hypot(a, b)


def maximum(a: Operand, b: Operand) -> Operand:
    """The larger of two.

    The derivative is 1 towards the larger and 0 towards the smaller, ½ each where they are equal.

    >>> maximum(2.0, 3.0)
    3.0
    """
    return Value.maximum(a, b)


def minimum(a: Operand, b: Operand) -> Operand:
    """The smaller of two.

    The derivative is 1 towards the smaller and 0 towards the larger, ½ each where they are equal.

    >>> minimum(2.0, 3.0)
    2.0
    """
    return Value.minimum(a, b)


def clip(x: Operand, lo: Operand, hi: Operand) -> Operand:
    """x limited to lo ... hi.

    d/dx = 1 strictly between the bounds, else 0.

    >>> clip(5.0, 0.0, 1.0)
    1.0
    """
    return p.clip(x, lo, hi)


def where(condition: Any, x: Operand, y: Operand) -> Operand:
    """x where the condition holds, else y.

    The branch that is not taken contributes nothing to a gradient, even if it is nan.

    Args:
        condition: a comparison such as `v > 0`, a bool, or an array of bools.
        x: the result where it holds.
        y: the result elsewhere.

    Raises:
        TypeError: the condition is a Value.

    >>> where(2.0 > 1.0, 3.0, 4.0)
    3.0
    """
    return p.where(condition, x, y)


def xlogy(x: Operand, y: Operand) -> Operand:
    """x ln y, and 0 where x = 0.

    ∂/∂x = ln y, ∂/∂y = x/y; both 0 at x = y = 0.

    >>> xlogy(0.0, 0.0)
    0.0
    """
    return Value.xlogy(x, y)


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


def fsum(xs: Iterable[Operand]) -> Operand:
    """The sum as one node, rounded once, as `math.fsum` does.

    ∂/∂xᵢ = 1. The sum of nothing is 0.

    >>> fsum([0.1] * 10)
    1.0
    """
    return _apply_to_many(p.fsum, tuple(xs))


def mean(xs: Iterable[Operand]) -> Operand:
    """The arithmetic mean as one node.

    ∂/∂xᵢ = 1/n.

    Raises:
        ValueError: there is nothing to take the mean of.

    >>> mean([1.0, 2.0, 6.0])
    3.0
    """
    return _apply_to_many(p.mean, _some(xs, "mean"))


def logsumexp(xs: Iterable[Operand]) -> Operand:
    """ln Σ exp(xᵢ) as one node, without overflow.

    ∂/∂xᵢ = softmax(x)ᵢ.

    Raises:
        ValueError: `xs` is empty.

    >>> logsumexp([1000.0])
    1000.0
    """
    return _apply_to_many(p.logsumexp, _some(xs, "logsumexp"))


def softmax(xs: Iterable[Operand]) -> list[Operand]:
    """exp(xᵢ)/Σⱼ exp(xⱼ) for each i: positive numbers that sum to 1, in the order of the xᵢ.

    ∂softmaxᵢ/∂xⱼ = softmaxᵢ (δᵢⱼ - softmaxⱼ). The first parent of result i is xᵢ.

    Raises:
        ValueError: `xs` is empty.

    >>> softmax([1000.0, 1000.0])
    [0.5, 0.5]
    """
    return [_apply_to_many(p.softmax, v) for v in _each_first(_some(xs, "softmax"))]


def log_softmax(xs: Iterable[Operand]) -> list[Operand]:
    """ln softmax(x)ᵢ for each i, accurate where softmax itself rounds to 0 or 1.

    ∂log_softmaxᵢ/∂xⱼ = δᵢⱼ - softmaxⱼ. The first parent of result i is xᵢ.

    Raises:
        ValueError: `xs` is empty.

    >>> log_softmax([0.0, 1000.0])
    [-1000.0, 0.0]
    """
    return [_apply_to_many(p.log_softmax, v) for v in _each_first(_some(xs, "log_softmax"))]


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


def _some(xs: Iterable[Operand], name: str) -> tuple[Operand, ...]:
    """Refuse nothing."""
    xs = tuple(xs)
    if not xs:
        raise ValueError(f"{name} of no numbers is undefined: give at least one")
    return xs


def _each_first(xs: tuple[Operand, ...]) -> list[tuple[Operand, ...]]:
    """Bring each element to the front in turn."""
    return [(x, *xs[:i], *xs[i + 1 :]) for i, x in enumerate(xs)]
