"""The table of operations: for each its value, its partial derivatives, its domain.

A rule is written once, with the rows themselves, and so it serves floats (the ordinary backward
pass), Values (a pass that is recorded, for higher derivatives) and arrays (compiled code). At a
kink it gives the subgradient of least norm. It reuses `out` only where that keeps full accuracy,
and prefers forms without cancellation: tanh' is 1/cosh², because 1 - tanh² has no correct digit
left at x = 19. Outside of the domain, where `out` is nan, a rule gives `out` itself, and so
derivatives of all orders are nan.
"""

from __future__ import annotations

import math
import operator
import sys
from math import inf, nan
from typing import Any

from autograd.engine.primitives import (
    POSITIVE,
    REAL,
    RECTIFIER,
    SIGMOIDAL,
    UNIT,
    Primitive,
    Rule,
)
from autograd.engine.primitives import (
    TABLE as TABLE,
)
from autograd.engine.speed import bind_to_floats
from autograd.numbers import floats as ieee


def _row(name: str, forward: Rule, *rules: Rule, **columns: Any) -> Primitive:
    """Enter a row with one rule per operand; without rules it has no derivatives."""
    TABLE[name] = row = Primitive(name, forward, rules or None, **columns)
    return row


def _many(name: str, forward: Rule, rule: Rule, **columns: Any) -> Primitive:
    """Enter a row with any number of operands, and one rule for all of them."""
    TABLE[name] = row = Primitive(name, forward, rule, **columns)
    return row


LEAST = -sys.float_info.max
_LOG2_E, _LOG10_E = 1.0 / math.log(2.0), 1.0 / math.log(10.0)
_ERF_SLOPE, _GELU_SLOPE = 2.0 / math.sqrt(math.pi), 2.0 * math.sqrt(2.0 / math.pi)

# --- comparisons, arithmetic and kinks ------------------------------------------------------------

# A comparison gives a bool, or under tracing a condition for `where`. Which branch `where` takes is
# settled when it is applied, and there its edges are made: see `autograd.engine.dispatch`.
lt = _row("<", operator.lt, numpy="less", doc="a < b.")
le = _row("<=", operator.le, numpy="less_equal", doc="a <= b.")
gt = _row(">", operator.gt, numpy="greater", doc="a > b.")
ge = _row(">=", operator.ge, numpy="greater_equal", doc="a >= b.")
eq = _row("==", operator.eq, numpy="equal")
ne = _row("!=", operator.ne, numpy="not_equal")
COMPARISONS = frozenset([lt, le, gt, ge, eq, ne])
where = _row("where", lambda condition, x, y: x if condition else y, numpy="where")

add = _row(
    "+", operator.add, lambda out, a, b: 1.0, lambda out, a, b: 1.0, numpy="add", doc="a + b."
)
sub = _row(
    "-",
    operator.sub,
    lambda out, a, b: 1.0,
    lambda out, a, b: -1.0,
    numpy="subtract",
    symbol="−",
    doc="a - b.",
)
mul = _row(
    "*",
    operator.mul,
    lambda out, a, b: b,
    lambda out, a, b: a,
    numpy="multiply",
    symbol="×",
    doc="a · b.",
)
div: Primitive = _row(
    "/",
    ieee.div,
    lambda out, a, b: div(1.0, b),
    lambda out, a, b: -div(out, b),
    numpy="divide",
    symbol="÷",
    doc="a / b; ±inf, or nan for 0/0, where b is 0.",
)
neg = _row("neg", operator.neg, lambda out, x: -1.0, numpy="negative", symbol="−", doc="-x.")

# `above` is 1 where a > b and 0 where a <= b: the derivative of relu, itself flat.
above = _row("above", ieee.above, lambda out, a, b: 0.0, lambda out, a, b: 0.0, symbol="[x > y]")
sign = _row(
    "sign",
    ieee.sign,
    lambda out, x: 0.0,
    numpy="sign",
    doc="""-1, 0 or 1 as x is below, at or above 0. d/dx = 0.

    >>> sign(-2.0)
    -1.0""",
)
absolute = _row(
    "abs",
    math.fabs,
    lambda out, x: sign(x),
    numpy="absolute",
    symbol="|x|",
    doc="""The absolute value. d/dx = sign(x), so 0 at 0.

    >>> abs(-2.0)
    2.0""",
)
maximum = _row(
    "maximum",
    ieee.maximum,
    lambda out, a, b: _led(a, b),
    lambda out, a, b: _led(b, a),
    numpy="maximum",
    symbol="max",
    doc="""The larger of two.

    The derivative is 1 towards the larger and 0 towards the smaller, ½ each where they are equal.

    >>> maximum(2.0, 3.0)
    3.0""",
)
minimum = _row(
    "minimum",
    ieee.minimum,
    lambda out, a, b: _led(b, a),
    lambda out, a, b: _led(a, b),
    numpy="minimum",
    symbol="min",
    doc="""The smaller of two.

    The derivative is 1 towards the smaller and 0 towards the larger, ½ each where they are equal.

    >>> minimum(2.0, 3.0)
    2.0""",
)
clip = _row(
    "clip",
    ieee.clip,
    lambda out, x, lo, hi: above(x, lo) * above(hi, x),
    lambda out, x, lo, hi: (1.0 - above(x, lo)) * above(hi, lo),
    lambda out, x, lo, hi: 1.0 - above(hi, maximum(x, lo)),
    numpy="clip",
)


def _led(a: Any, b: Any) -> Any:
    """Return 1 where a > b, 0 where a < b, ½ where they are equal."""
    return 0.5 * (above(a, b) + (1.0 - above(b, a)))


def _by_sign(out: Any, x: Any, positive: Any, otherwise: Any) -> Any:
    """Return `positive` where x > 0, `otherwise` where x <= 0, `out` where x is nan."""
    return where(gt(x, 0.0), positive, where(le(x, 0.0), otherwise, out))


# --- powers, exponentials and logarithms ----------------------------------------------------------

power: Primitive = _row(
    "**",
    ieee.power,
    # nan where the power is: b - 1 may round to an integer where b is none
    lambda out, a, b: where(eq(out, out), power_by_base(a, b), out),
    lambda out, a, b: power_by_exponent(a, b),
    domain=(POSITIVE, REAL),
    numpy="power",
    symbol="xʸ",
    doc="""a to the power b, which is also `a ** b`; nan, never complex, for a < 0 and a fraction b.

    ∂/∂a = b aᵇ⁻¹, ∂/∂b = aᵇ ln a.

    >>> pow(2.0, 10.0)
    1024.0""",
)
power_by_base: Primitive = _row(
    "power_by_base",
    ieee.power_by_base,
    lambda out, a, b: _finite_product(b, power_by_base(a, b - 1.0)),
    lambda out, a, b: _by_base_and_exponent(a, b),
    domain=(POSITIVE, REAL),
    expansion=lambda a, b: _expand_power_by_base(a, b),
    formula=lambda a, b: b * power(a, b - 1.0),
    symbol="y xʸ⁻¹",
)
power_by_exponent: Primitive = _row(
    "power_by_exponent",
    ieee.power_by_exponent,
    lambda out, a, b: _by_base_and_exponent(a, b),
    lambda out, a, b: xlogy(out, a),
    domain=(POSITIVE, REAL),
    expansion=lambda a, b: _expand_power_by_exponent(a, b),
    formula=lambda a, b: xlogy(power(a, b), a),
    symbol="xʸ ln x",
)
sqrt = _row(
    "sqrt",
    ieee.sqrt,
    lambda out, x: div(0.5, out + 0.0),
    domain=(POSITIVE,),
    numpy="sqrt",
    symbol="√",
    doc="""The square root; nan below 0. d/dx √x = 1/(2√x).

    >>> sqrt(9.0)
    3.0""",
)
cbrt = _row(
    "cbrt",
    math.cbrt,
    lambda out, x: div(div(1.0 / 3.0, out), out),
    numpy="cbrt",
    symbol="³√",
    doc="""The cube root. d/dx = 1/(3 x^⅔).

    >>> cbrt(-8.0)
    -2.0""",
)
square = _row(
    "square",
    lambda x: x * x,
    lambda out, x: 2.0 * x,
    numpy="square",
    symbol="x²",
    doc="""x². d/dx x² = 2x.

    >>> square(3.0)
    9.0""",
)
hypot = _row(
    "hypot",
    math.hypot,
    lambda out, a, b: cosine(a, b),
    lambda out, a, b: cosine(b, a),
    numpy="hypot",
    doc="""√(a² + b²), without overflow on the way.

    ∂/∂a = a/hypot, ∂/∂b = b/hypot; both 0 at the origin.

    >>> hypot(3.0, 4.0)
    5.0""",
)
cosine: Primitive = _row(
    "cosine",
    ieee.cosine,
    lambda out, a, b: cosine(b, a) * inversion(b, a),
    lambda out, a, b: -(out * inversion(b, a)),
    expansion=lambda a, b: _expand_cosine(a, b),
    formula=lambda a, b: div(a, hypot(a, b)),
    symbol="x/√(x² + y²)",
)
inversion: Primitive = _row(
    "inversion",
    ieee.inversion,
    lambda out, a, b: (inversion(b, a) - out) * (inversion(b, a) + out),
    lambda out, a, b: -2.0 * _finite_product(out, inversion(b, a)),
    expansion=lambda a, b: _expand_inversion(a, b),
    formula=lambda a, b: div(a, square(a) + square(b)),
    symbol="x/(x² + y²)",
)
exp = _row(
    "exp",
    ieee.exp,
    lambda out, x: out,
    numpy="exp",
    doc="""e to the power x. d/dx eˣ = eˣ.

    >>> exp(0.0)
    1.0""",
)
expm1 = _row(
    "expm1",
    ieee.expm1,
    lambda out, x: exp(x),
    numpy="expm1",
    symbol="eˣ − 1",
    doc="""eˣ - 1, accurate near 0. d/dx = eˣ.

    >>> expm1(1e-20)
    1e-20""",
)
log: Primitive = _row(
    "log",
    ieee.log,
    lambda out, x: _over(out, 1.0, x),
    domain=(POSITIVE,),
    numpy="log",
    symbol="ln",
    doc="""The natural logarithm; -inf at 0, nan below. d/dx ln x = 1/x.

    >>> log(1.0)
    0.0""",
)
log1p = _row(
    "log1p",
    ieee.log1p,
    lambda out, x: _over(out, 1.0, 1.0 + x),
    domain=((-1.0, inf),),
    numpy="log1p",
    symbol="ln(1 + x)",
    doc="""ln(1 + x), accurate near 0. d/dx = 1/(1 + x).

    >>> log1p(1e-20)
    1e-20""",
)
log2 = _row(
    "log2",
    ieee.log2,
    lambda out, x: _over(out, _LOG2_E, x),
    domain=(POSITIVE,),
    numpy="log2",
    symbol="log₂",
    doc="""The logarithm to base 2. d/dx = 1/(x ln 2).

    >>> log2(8.0)
    3.0""",
)
log10 = _row(
    "log10",
    ieee.log10,
    lambda out, x: _over(out, _LOG10_E, x),
    domain=(POSITIVE,),
    numpy="log10",
    symbol="log₁₀",
    doc="""The logarithm to base 10. d/dx = 1/(x ln 10).

    >>> log10(1000.0)
    3.0""",
)
xlogy: Primitive = _row(
    "xlogy",
    ieee.xlogy,
    lambda out, x, y: _off_origin(x, y, log(y)),
    lambda out, x, y: _off_origin(x, y, _over(out, x, y)),
    domain=(REAL, POSITIVE),
    symbol="x ln y",
    doc="""x ln y, and 0 where x = 0. ∂/∂x = ln y, ∂/∂y = x/y; both 0 at x = y = 0.

    >>> xlogy(0.0, 0.0)
    0.0""",
)


def _over(out: Any, scale: Any, x: Any) -> Any:
    """Return scale/x, and `out` where x < 0: outside of the domain; -0 is taken for 0."""
    return where(lt(x, 0.0), out, div(scale, x + 0.0))


def _off_origin(x: Any, y: Any, slope: Any) -> Any:
    """Return the slope of x ln y, and 0 where x = 0 and y <= 0."""
    return where(eq(x, 0.0), where(le(y, 0.0), 0.0, slope), slope)


def _by_base_and_exponent(a: Any, b: Any) -> Any:
    """Return the derivative of aᵇ with respect to a and b, aᵇ⁻¹ (1 + b ln a)."""
    slope = _finite_product(power(a + 0.0, b - 1.0), 1.0 + xlogy(b, a))
    return where(ge(a, 0.0), slope, log(a))


def _finite_product(x: Any, y: Any) -> Any:
    """Return x y, and 0 where that is 0 · ∞."""
    product = x * y
    return where(eq(product, product), product, where(eq(x + y, x + y), 0.0, product))


def _expand_power_by_base(a: Any, b: Any) -> Any:
    slope = power(a, b - 1.0)
    if b.__class__ is float and 0.0 < abs(b) < inf:
        return b * slope
    return where(eq(slope, 0.0), 0.0, where(eq(b, 0.0), 0.0, b * slope))


def _expand_power_by_exponent(a: Any, b: Any) -> Any:
    slope = xlogy(power(a + 0.0, b), a)
    at_zero = where(ge(b, 0.0), 0.0, slope)
    return where(gt(a, 0.0), slope, where(eq(a, 0.0), at_zero, nan))


def _expand_cosine(a: Any, b: Any) -> Any:
    size = absolute(a) + absolute(b)
    return where(eq(size, 0.0), 0.0, div(sign(a), hypot(1.0, div(b, a))))


def _expand_inversion(a: Any, b: Any) -> Any:
    size = absolute(a) + absolute(b)
    return where(eq(size + size, size), 0.0, div(1.0, a + b * div(b, a)))


# --- trigonometric and hyperbolic functions -------------------------------------------------------

sin = _row(
    "sin",
    ieee.sin,
    lambda out, x: cos(x),
    numpy="sin",
    doc="""The sine of x, in radians. d/dx sin x = cos x.

    >>> sin(0.0)
    0.0""",
)
cos: Primitive = _row(
    "cos",
    ieee.cos,
    lambda out, x: -sin(x),
    numpy="cos",
    doc="""The cosine of x, in radians. d/dx cos x = -sin x.

    >>> cos(0.0)
    1.0""",
)
tan = _row(
    "tan",
    ieee.tan,
    lambda out, x: 1.0 + out * out,
    numpy="tan",
    doc="""The tangent of x, in radians. d/dx tan x = 1 + tan² x.

    >>> tan(0.0)
    0.0""",
)
asin = _row(
    "asin",
    ieee.asin,
    lambda out, x: asin_slope(x),
    domain=(UNIT,),
    numpy="arcsin",
    symbol="arcsin",
    doc="""The arc sine, in radians; nan beyond ±1. d/dx = 1/√(1 - x²).

    >>> asin(0.0)
    0.0""",
)
acos = _row(
    "acos",
    ieee.acos,
    lambda out, x: -asin_slope(x),
    domain=(UNIT,),
    numpy="arccos",
    symbol="arccos",
    doc="""The arc cosine, in radians; nan beyond ±1. d/dx = -1/√(1 - x²).

    >>> acos(1.0)
    0.0""",
)
asin_slope: Primitive = _row(
    "asin_slope",
    ieee.asin_slope,
    lambda out, x: x * out * out * out,
    domain=(UNIT,),
    expansion=lambda x: div(1.0, sqrt((1.0 - x) * (1.0 + x))),
    formula=lambda x: div(1.0, sqrt(1.0 - square(x))),
    symbol="arcsin′",
)
atan = _row(
    "atan",
    math.atan,
    lambda out, x: inversion(1.0, x),
    numpy="arctan",
    symbol="arctan",
    doc="""The arc tangent, in radians. d/dx = 1/(1 + x²).

    >>> atan(0.0)
    0.0""",
)
atan2 = _row(
    "atan2",
    math.atan2,
    lambda out, y, x: inversion(x, y),
    lambda out, y, x: -inversion(y, x),
    numpy="arctan2",
    doc="""The angle of the point (x, y), in radians from -π to π.

    ∂/∂y = x/(x² + y²), ∂/∂x = -y/(x² + y²); both 0 at the origin.

    >>> atan2(0.0, 1.0)
    0.0""",
)
sinh = _row(
    "sinh",
    ieee.sinh,
    lambda out, x: cosh(x),
    numpy="sinh",
    doc="""The hyperbolic sine. d/dx sinh x = cosh x.

    >>> sinh(0.0)
    0.0""",
)
cosh: Primitive = _row(
    "cosh",
    ieee.cosh,
    lambda out, x: sinh(x),
    numpy="cosh",
    doc="""The hyperbolic cosine. d/dx cosh x = sinh x.

    >>> cosh(0.0)
    1.0""",
)
tanh: Primitive = _row(
    "tanh",
    math.tanh,
    lambda out, x: square(sech(x)),
    numpy="tanh",
    kind=SIGMOIDAL,
    doc="""The hyperbolic tangent, 2σ(2x) - 1: saturates at ±1. d/dx tanh x = 1 - tanh² x.

    >>> tanh(0.0)
    0.0""",
)
sech: Primitive = _row(
    "sech",
    ieee.sech,
    lambda out, x: -(out * tanh(x)),
    expansion=lambda x: div(1.0, cosh(x)),
)
asinh = _row(
    "asinh",
    math.asinh,
    lambda out, x: cosine(1.0, x),
    numpy="arcsinh",
    symbol="arsinh",
    doc="""The inverse hyperbolic sine. d/dx = 1/√(1 + x²).

    >>> asinh(0.0)
    0.0""",
)
acosh = _row(
    "acosh",
    ieee.acosh,
    lambda out, x: div(div(1.0, sqrt(x - 1.0)), sqrt(x + 1.0)),
    domain=((1.0, inf),),
    numpy="arccosh",
    symbol="arcosh",
    doc="""The inverse hyperbolic cosine; nan below 1. d/dx = 1/√(x² - 1).

    >>> acosh(1.0)
    0.0""",
)
atanh = _row(
    "atanh",
    ieee.atanh,
    lambda out, x: square(asin_slope(x)),
    domain=(UNIT,),
    numpy="arctanh",
    symbol="artanh",
    doc="""The inverse hyperbolic tangent; ±inf at ±1, nan beyond. d/dx = 1/(1 - x²).

    >>> atanh(0.0)
    0.0""",
)


# --- the error function and the activations -------------------------------------------------------

# Clipping keeps the product of a huge x with a tail that is exactly 0 from being nan, at every
# order; inside ±40 (±750 for silu) it changes nothing.
erf = _row(
    "erf",
    math.erf,
    lambda out, x: _slope_of_erf(clip(x, -40.0, 40.0)),
    doc="""The error function, 2/√π ∫₀ˣ exp(-t²) dt. d/dx = 2/√π exp(-x²).

    >>> erf(0.0)
    0.0""",
)
erfc = _row(
    "erfc",
    math.erfc,
    lambda out, x: -_slope_of_erf(clip(x, -40.0, 40.0)),
    doc="""1 - erf(x), accurate where that is small. d/dx = -2/√π exp(-x²).

    >>> erfc(0.0)
    1.0""",
)
sigmoid = _row(
    "sigmoid",
    ieee.sigmoid,
    lambda out, x: sigmoid_slope(x),
    kind=SIGMOIDAL,
    symbol="σ",
    doc="""The logistic function σ(x) = 1/(1 + e⁻ˣ): saturates at 0 and 1.

    d/dx σ = σ(x) σ(-x), which is σ (1 - σ).

    >>> sigmoid(0.0)
    0.5""",
)
sigmoid_slope: Primitive = _row(
    "sigmoid_slope",
    ieee.sigmoid_slope,
    lambda out, x: -(out * tanh(0.5 * x)),
    expansion=lambda x: _expand_sigmoid_slope(x),
    formula=lambda x: sigmoid(x) * (1.0 - sigmoid(x)),
    symbol="σ′",
)
softplus = _row(
    "softplus",
    ieee.softplus,
    lambda out, x: sigmoid(x),
    expansion=lambda x: maximum(x, 0.0) + log1p(exp(-absolute(x))),
    kind=RECTIFIER,
    doc="""ln(1 + eˣ), a smooth relu, accurate everywhere. d/dx = σ(x).

    >>> softplus(1000.0)
    1000.0""",
)
log_sigmoid = _row(
    "log_sigmoid",
    ieee.log_sigmoid,
    lambda out, x: sigmoid(-x),
    kind=SIGMOIDAL,
    symbol="ln σ",
    doc="""ln σ(x), without overflow. d/dx = σ(-x).

    >>> log_sigmoid(-1000.0)
    -1000.0""",
)
relu = _row(
    "relu",
    ieee.relu,
    lambda out, x: above(x, 0.0),
    kind=RECTIFIER,
    symbol="ReLU",
    doc="""max(x, 0). d/dx = 1 where x > 0, else 0.

    >>> relu(-2.0)
    0.0""",
)
leaky_relu = _row(
    "leaky_relu",
    ieee.leaky_relu,
    lambda out, x, slope: _by_sign(out, x, 1.0, slope),
    lambda out, x, slope: _by_sign(out, x, 0.0, x),
    expansion=lambda x, slope: where(gt(x, 0.0), x, slope * x),
    kind=RECTIFIER,
    symbol="leaky ReLU",
    doc="x where x > 0, else slope · x. d/dx = 1 where x > 0, else slope.",
)
elu = _row(
    "elu",
    ieee.elu,
    lambda out, x, alpha: _by_sign(out, x, 1.0, alpha * exp(x)),
    lambda out, x, alpha: _by_sign(out, x, 0.0, expm1(x)),
    expansion=lambda x, alpha: where(gt(x, 0.0), x, alpha * expm1(x)),
    kind=RECTIFIER,
    symbol="ELU",
    doc="x where x > 0, else alpha · (eˣ - 1). d/dx = 1 where x > 0, else alpha · eˣ.",
)
silu = _row(
    "silu",
    lambda x: maximum(x, -750.0) * sigmoid(x),
    lambda out, x: sigmoid(x) + clip(x, -750.0, 750.0) * sigmoid_slope(x),
    kind=RECTIFIER,
    symbol="SiLU",
    doc="""x σ(x), also called swish. d/dx = σ(x) (1 + x σ(-x)).

    >>> silu(0.0)
    0.0""",
)
gelu = _row(
    "gelu",
    lambda x: maximum(x, -40.0) * _normal_cdf(clip(x, -40.0, 40.0)),
    lambda out, x: _slope_of_gelu(clip(x, -40.0, 40.0)),
    kind=RECTIFIER,
    symbol="GELU",
    doc="x Φ(x), Φ the standard normal distribution function. d/dx = Φ(x) + x φ(x).",
)
gelu_tanh: Primitive = _row(
    "gelu_tanh",
    lambda x: maximum(x, -40.0) * sigmoid(_gelu_logit(clip(x, -40.0, 40.0))),
    lambda out, x: _slope_of_gelu_tanh(clip(x, -40.0, 40.0)),
    kind=RECTIFIER,
    symbol="GELU (tanh)",
)


def _slope_of_erf(x: Any) -> Any:
    return _ERF_SLOPE * exp(-square(x))


def _normal_cdf(x: Any) -> Any:
    return 0.5 * erfc(x * -math.sqrt(0.5))


def _slope_of_gelu(x: Any) -> Any:
    return _normal_cdf(x) + x * ((1.0 / math.sqrt(2.0 * math.pi)) * exp(-0.5 * x * x))


def _gelu_logit(x: Any) -> Any:
    """Return the z for which the tanh form of GELU is x σ(z): (1 + tanh u)/2 is σ(2u)."""
    return _GELU_SLOPE * (x + 0.044715 * x * x * x)


def _slope_of_gelu_tanh(x: Any) -> Any:
    z, slope = _gelu_logit(x), _GELU_SLOPE * (1.0 + 3 * 0.044715 * x * x)
    return sigmoid(z) + x * slope * sigmoid_slope(z)


def _expand_sigmoid_slope(x: Any) -> Any:
    e = exp(-absolute(x))
    return div(e, square(1.0 + e))


# --- any number of operands -----------------------------------------------------------------------

# `detached` is taken as a constant, and so is `top`, the largest: no less than any float, so that
# -inf less it is -inf. The operands of `dot` are n weights, n inputs and a bias. `softmax` and
# `log_softmax` give the share of the first operand.
detached = _row("detached", lambda x: x, expansion=lambda x: x, formula=lambda x: x)
top = _row("top", lambda *xs: max(LEAST, *xs))
dot = _many(
    "dot",
    ieee.dot,
    lambda out, *v: v[len(v) // 2 : -1] + v[: len(v) // 2] + (1.0,),
    symbol="⟨w, x⟩ + b",
)
fsum = _many(
    "fsum",
    ieee.fsum,
    lambda out, *xs: (1.0,) * len(xs),
    symbol="Σ",
    doc="""The sum as one node, rounded once, as `math.fsum` does.

    ∂/∂xᵢ = 1. The sum of nothing is 0.

    >>> fsum([0.1] * 10)
    1.0
    """,
)
mean = _many(
    "mean",
    ieee.mean,
    lambda out, *xs: (1.0 / len(xs),) * len(xs),
    doc="""The arithmetic mean as one node.

    ∂/∂xᵢ = 1/n.

    Raises:
        ValueError: there is nothing to take the mean of.

    >>> mean([1.0, 2.0, 6.0])
    3.0
    """,
)
logsumexp = _many(
    "logsumexp",
    ieee.logsumexp,
    lambda out, *xs: _slopes_of_logsumexp(out, *xs),
    symbol="ln Σ exp",
    doc="""ln Σ exp(xᵢ) as one node, without overflow.

    ∂/∂xᵢ = softmax(x)ᵢ.

    Raises:
        ValueError: `xs` is empty.

    >>> logsumexp([1000.0])
    1000.0
    """,
)
softmax = _many(
    "softmax",
    ieee.softmax,
    lambda out, *xs: tuple([out * d for d in _rest(*xs)]),
    doc="""exp(xᵢ)/Σⱼ exp(xⱼ) for each i: positive numbers that sum to 1, in the order of the xᵢ.

    ∂softmaxᵢ/∂xⱼ = softmaxᵢ (δᵢⱼ - softmaxⱼ). The first parent of result i is xᵢ.

    Raises:
        ValueError: `xs` is empty.

    >>> softmax([1000.0, 1000.0])
    [0.5, 0.5]
    """,
)
log_softmax = _many(
    "log_softmax",
    ieee.log_softmax,
    lambda out, *xs: _rest(*xs),
    symbol="ln softmax",
    doc="""ln softmax(x)ᵢ for each i, accurate where softmax itself rounds to 0 or 1.

    ∂log_softmaxᵢ/∂xⱼ = δᵢⱼ - softmaxⱼ. The first parent of result i is xᵢ.

    Raises:
        ValueError: `xs` is empty.

    >>> log_softmax([0.0, 1000.0])
    [-1000.0, 0.0]
    """,
)

# What compiled code makes these of, besides other rows. Of exponentials up to 1 of which one is 1,
# `total` is the sum and `excess` that of the others; inf where that is nan, as for an infinite
# operand. There slopes of what is made of the total t are nan, as they have 1/t in the form t/t².
# Where all exponentials are 0 the slope of `log_of_total` is 0, of `log_of_denominator` nan.
exp_shifted = _row(
    "exp_shifted",
    lambda x, shift: exp(x - shift),
    lambda out, x, shift: out,
    lambda out, x, shift: -out,
    expansion=lambda x, shift: exp(x - shift),
    formula=lambda x, shift: exp(x - shift),
)
total = _many(
    "total",
    lambda *xs: _or_infinite(ieee.fsum(*xs)),
    lambda out, *xs: (1.0,) * len(xs),
    formula=lambda *xs: fsum(*xs),
)
excess = _many(
    "excess",
    lambda *xs: _or_infinite(ieee.fsum(*xs, -1.0)),
    lambda out, *xs: (1.0,) * len(xs),
    formula=lambda *xs: fsum(*xs) - 1.0,
)
inverse_of_total = _row(
    "inverse_of_total",
    lambda t: ieee.div(1.0, t),
    lambda out, t: -out * div(t, t * t),
    domain=((0.0, 1e150),),
    expansion=lambda t: div(1.0, t),
    formula=lambda t: div(1.0, t),
)
log_of_total = _row(
    "log_of_total",
    ieee.log1p,
    lambda out, x: div(t := 1.0 + x, maximum(t * t, 1.0)),
    domain=((0.0, 1e150),),
    formula=lambda x: log1p(x),
)
log_of_denominator = _row(
    "log_of_denominator",
    ieee.log1p,
    lambda out, x: div(t := 1.0 + x, t * t),
    domain=((0.0, 1e150),),
    formula=lambda x: log1p(x),
)


def _or_infinite(x: float) -> float:
    return x if x == x else inf


def _shares(*xs: Any) -> tuple[Any, ...]:
    """Return softmax(xs).

    The shift by the largest keeps exp from overflowing. It cancels, so `top` passes no gradient.
    """
    shift = top(*xs)
    terms = [exp(x - shift) for x in xs]
    total = fsum(*terms)
    return tuple([div(term, total) for term in terms])


def _slopes_of_logsumexp(out: Any, *xs: Any) -> tuple[Any, ...]:
    """Return softmax(xs), and 0 for all where all are -inf."""
    return tuple([where(eq(out, -inf), 0.0, share) for share in _shares(*xs)])


def _rest(*xs: Any) -> tuple[Any, ...]:
    """Return 1 - p and every other -p; near p = 1 the sum of the others has the digits of 1 - p."""
    _, *others = _shares(*xs)
    return (fsum(*others), *[-share for share in others])


ACTIVATIONS = frozenset([name for name, row in TABLE.items() if row.kind])
RECTIFIERS = frozenset([name for name, row in TABLE.items() if row.kind == RECTIFIER])

bind_to_floats(Primitive, globals())
