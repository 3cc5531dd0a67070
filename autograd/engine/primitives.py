"""The table of primitives: for each operation its value, its partial derivatives, its domain.

A row is all that the engine knows about an operation. The value takes floats and never raises: as
IEEE-754 does, it gives nan or an infinity. There is one rule per operand, a function of the result
`out` and of the operands that gives the partial derivative. A rule is written once, with the rows
themselves, and so it serves floats (the ordinary backward pass), Values (a pass that is recorded,
for higher derivatives) and arrays (compiled code). At a kink it gives the subgradient of least
norm. It reuses `out` only where that keeps full accuracy, and prefers forms without cancellation:
tanh' is 1/cosh², because 1 - tanh² has no correct digit left at x = 19. Outside of the domain,
where `out` is nan, a rule gives `out` itself, and so derivatives of all orders are nan.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from itertools import compress
from math import inf, nan
from typing import Any

from autograd.engine.dispatch import dispatch
from autograd.engine.speed import bind_to_floats
from autograd.numbers import floats as ieee

Interval = tuple[float, float]
Rule = Callable[..., Any]
Partials = tuple[Rule, ...] | Rule | None

REAL: Interval = (-inf, inf)
POSITIVE: Interval = (0.0, inf)
UNIT: Interval = (-1.0, 1.0)

TABLE: dict[str, Primitive] = {}
OWN: dict[str, Primitive] = {}  # those that users add, with `autograd.primitive`


class Primitive:
    """One row of the table. Calling it applies the operation to floats, Values or arrays.

    Attributes:
        name: the operation's name, which is also `Value.op`.
        forward: the value, as a function of floats.
        partials: a tuple with one rule `(out, *operands)` per operand; or, for an operation on any
            number of operands, one rule that gives a tuple of all partial derivatives; or None for
            an operation without derivatives, such as a comparison.
        float_forward, float_partials: the same for floats alone, quicker: see `speed.py`.
        domain: one open interval per operand, or for all operands, on which the operation is real
            and, kinks aside, differentiable.
        expansion: the value written with other rows, for arrays and for compiled code alike; None
            where NumPy or SciPy has the function, or `forward` serves arrays as it is.
        formula: how people write it, with other rows, where the row is there for accuracy alone.
    """

    __slots__ = (
        "domain",
        "expansion",
        "float_forward",
        "float_partials",
        "formula",
        "forward",
        "name",
        "partials",
    )

    def __init__(
        self,
        name: str,
        forward: Rule,
        partials: Partials,
        domain: Sequence[Interval] = (REAL,),
        expansion: Rule | None = None,
        formula: Rule | None = None,
    ) -> None:
        self.name = name
        self.forward = self.float_forward = forward
        self.partials = self.float_partials = partials
        self.domain = tuple(domain)
        self.expansion = expansion
        self.formula = formula

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __reduce__(self) -> tuple[Callable[[str], Primitive], tuple[str]]:
        return lookup, (self.name,)

    def __call__(self, *operands: Any) -> Any:
        """Apply the operation: floats give a float, a Value gives a Value, an array an array."""
        for x in operands:
            if x.__class__ is not float:
                return dispatch(self, operands)
        return self.float_forward(*operands)

    def local_derivatives(
        self, out: Any, operands: Sequence[Any], wanted: Sequence[bool]
    ) -> list[Any]:
        """Return ∂out/∂operand for those operands that are `wanted`."""
        rules = self.float_partials if out.__class__ is float else self.partials
        if isinstance(rules, tuple):
            return [rule(out, *operands) for rule in compress(rules, wanted)]
        return [] if rules is None else list(compress(rules(out, *operands), wanted))


def lookup(name: str) -> Primitive:
    """Return the row called `name`.

    Raises:
        LookupError: there is no such row.

    >>> lookup("tanh")
    <primitive tanh>
    """
    row = TABLE.get(name) or OWN.get(name)
    if row is None:
        raise LookupError(
            f"no primitive is called {name!r}; one of your own must be defined before it is used"
        )
    return row


def _row(
    name: str,
    forward: Rule,
    *rules: Rule,
    domain: tuple[Interval, ...] = (REAL,),
    expansion: Rule | None = None,
    formula: Rule | None = None,
) -> Primitive:
    """Enter a row with one rule per operand; without rules it has no derivatives."""
    domain *= len(rules) // len(domain) or 1
    TABLE[name] = row = Primitive(name, forward, rules or None, domain, expansion, formula)
    return row


def _many(name: str, forward: Rule, rule: Rule) -> Primitive:
    """Enter a row with any number of operands."""
    TABLE[name] = row = Primitive(name, forward, rule)
    return row


_LOG2_E, _LOG10_E = 1.0 / math.log(2.0), 1.0 / math.log(10.0)
_ERF_SLOPE, _GELU_SLOPE = 2.0 / math.sqrt(math.pi), 2.0 * math.sqrt(2.0 / math.pi)

# --- comparisons, arithmetic and kinks ------------------------------------------------------------

# A comparison gives a bool, or under tracing a condition for `where`. Which branch `where` takes is
# settled when it is applied, and there its edges are made: see `autograd.engine.dispatch`.
lt, le = _row("<", operator.lt), _row("<=", operator.le)
gt, ge = _row(">", operator.gt), _row(">=", operator.ge)
eq, ne = _row("==", operator.eq), _row("!=", operator.ne)
COMPARISONS = frozenset([lt, le, gt, ge, eq, ne])
where = _row("where", lambda condition, x, y: x if condition else y)

add = _row("+", operator.add, lambda out, a, b: 1.0, lambda out, a, b: 1.0)
sub = _row("-", operator.sub, lambda out, a, b: 1.0, lambda out, a, b: -1.0)
mul = _row("*", operator.mul, lambda out, a, b: b, lambda out, a, b: a)
div: Primitive = _row("/", ieee.div, lambda out, a, b: div(1.0, b), lambda out, a, b: -div(out, b))
neg = _row("neg", operator.neg, lambda out, x: -1.0)

# `above` is 1 where a > b and 0 where a <= b: the derivative of relu, itself flat.
above = _row("above", ieee.above, lambda out, a, b: 0.0, lambda out, a, b: 0.0)
sign = _row("sign", ieee.sign, lambda out, x: 0.0)
absolute = _row("abs", math.fabs, lambda out, x: sign(x))
maximum = _row("maximum", ieee.maximum, lambda out, a, b: _led(a, b), lambda out, a, b: _led(b, a))
minimum = _row("minimum", ieee.minimum, lambda out, a, b: _led(b, a), lambda out, a, b: _led(a, b))
clip = _row(
    "clip",
    ieee.clip,
    lambda out, x, lo, hi: above(x, lo) * above(hi, x),
    lambda out, x, lo, hi: (1.0 - above(x, lo)) * above(hi, lo),
    lambda out, x, lo, hi: 1.0 - above(hi, maximum(x, lo)),
)


def _led(a: Any, b: Any) -> Any:
    """Give 1 where a > b, 0 where a < b, ½ where they are equal."""
    return 0.5 * (above(a, b) + (1.0 - above(b, a)))


def _by_sign(out: Any, x: Any, positive: Any, otherwise: Any) -> Any:
    """Give `positive` where x > 0, `otherwise` where x <= 0, `out` where x is nan."""
    return where(gt(x, 0.0), positive, where(le(x, 0.0), otherwise, out))


# --- powers, exponentials and logarithms ----------------------------------------------------------

power: Primitive = _row(
    "**",
    ieee.power,
    # nan where the power is: b - 1 may round to an integer where b is none
    lambda out, a, b: where(eq(out, out), power_by_base(a, b), out),
    lambda out, a, b: power_by_exponent(a, b),
    domain=(POSITIVE, REAL),
)
power_by_base: Primitive = _row(
    "power_by_base",
    ieee.power_by_base,
    lambda out, a, b: _finite_product(b, power_by_base(a, b - 1.0)),
    lambda out, a, b: _by_base_and_exponent(a, b),
    domain=(POSITIVE, REAL),
    expansion=lambda a, b: _expand_power_by_base(a, b),
    formula=lambda a, b: b * power(a, b - 1.0),
)
power_by_exponent: Primitive = _row(
    "power_by_exponent",
    ieee.power_by_exponent,
    lambda out, a, b: _by_base_and_exponent(a, b),
    lambda out, a, b: xlogy(out, a),
    domain=(POSITIVE, REAL),
    expansion=lambda a, b: _expand_power_by_exponent(a, b),
    formula=lambda a, b: xlogy(power(a, b), a),
)
sqrt = _row("sqrt", ieee.sqrt, lambda out, x: div(0.5, out + 0.0), domain=(POSITIVE,))
cbrt = _row("cbrt", math.cbrt, lambda out, x: div(div(1.0 / 3.0, out), out))
square = _row("square", lambda x: x * x, lambda out, x: 2.0 * x)
hypot = _row("hypot", math.hypot, lambda out, a, b: cosine(a, b), lambda out, a, b: cosine(b, a))
cosine: Primitive = _row(
    "cosine",
    ieee.cosine,
    lambda out, a, b: cosine(b, a) * inversion(b, a),
    lambda out, a, b: -(out * inversion(b, a)),
    expansion=lambda a, b: _expand_cosine(a, b),
    formula=lambda a, b: div(a, hypot(a, b)),
)
inversion: Primitive = _row(
    "inversion",
    ieee.inversion,
    lambda out, a, b: (inversion(b, a) - out) * (inversion(b, a) + out),
    lambda out, a, b: -2.0 * _finite_product(out, inversion(b, a)),
    expansion=lambda a, b: _expand_inversion(a, b),
    formula=lambda a, b: div(a, square(a) + square(b)),
)
exp = _row("exp", ieee.exp, lambda out, x: out)
expm1 = _row("expm1", ieee.expm1, lambda out, x: exp(x))
log: Primitive = _row("log", ieee.log, lambda out, x: _over(out, 1.0, x), domain=(POSITIVE,))
log1p = _row("log1p", ieee.log1p, lambda out, x: _over(out, 1.0, 1.0 + x), domain=((-1.0, inf),))
log2 = _row("log2", ieee.log2, lambda out, x: _over(out, _LOG2_E, x), domain=(POSITIVE,))
log10 = _row("log10", ieee.log10, lambda out, x: _over(out, _LOG10_E, x), domain=(POSITIVE,))
xlogy: Primitive = _row(
    "xlogy",
    ieee.xlogy,
    lambda out, x, y: _off_origin(x, y, log(y)),
    lambda out, x, y: _off_origin(x, y, _over(out, x, y)),
    domain=(REAL, POSITIVE),
)


def _over(out: Any, scale: Any, x: Any) -> Any:
    """Give scale/x, and `out` where x < 0: outside of the domain; -0 is taken for 0."""
    return where(lt(x, 0.0), out, div(scale, x + 0.0))


def _off_origin(x: Any, y: Any, slope: Any) -> Any:
    """Give the slope of x ln y, and 0 where x = 0 and y <= 0."""
    return where(eq(x, 0.0), where(le(y, 0.0), 0.0, slope), slope)


def _by_base_and_exponent(a: Any, b: Any) -> Any:
    """Give the derivative of aᵇ by a and b, aᵇ⁻¹ (1 + b ln a)."""
    slope = _finite_product(power(a + 0.0, b - 1.0), 1.0 + xlogy(b, a))
    return where(ge(a, 0.0), slope, log(a))


def _finite_product(x: Any, y: Any) -> Any:
    """Give x y, and 0 where that is 0 · ∞."""
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

sin = _row("sin", ieee.sin, lambda out, x: cos(x))
cos: Primitive = _row("cos", ieee.cos, lambda out, x: -sin(x))
tan = _row("tan", ieee.tan, lambda out, x: 1.0 + out * out)
asin = _row("asin", ieee.asin, lambda out, x: asin_slope(x), domain=(UNIT,))
acos = _row("acos", ieee.acos, lambda out, x: -asin_slope(x), domain=(UNIT,))
asin_slope: Primitive = _row(
    "asin_slope",
    ieee.asin_slope,
    lambda out, x: x * out * out * out,
    domain=(UNIT,),
    expansion=lambda x: div(1.0, sqrt((1.0 - x) * (1.0 + x))),
    formula=lambda x: div(1.0, sqrt(1.0 - square(x))),
)
atan = _row("atan", math.atan, lambda out, x: inversion(1.0, x))
atan2 = _row(
    "atan2",
    math.atan2,
    lambda out, y, x: inversion(x, y),
    lambda out, y, x: -inversion(y, x),
)
sinh = _row("sinh", ieee.sinh, lambda out, x: cosh(x))
cosh: Primitive = _row("cosh", ieee.cosh, lambda out, x: sinh(x))
tanh: Primitive = _row("tanh", math.tanh, lambda out, x: square(sech(x)))
sech: Primitive = _row(
    "sech",
    ieee.sech,
    lambda out, x: -(out * tanh(x)),
    expansion=lambda x: div(1.0, cosh(x)),
)
asinh = _row("asinh", math.asinh, lambda out, x: cosine(1.0, x))
acosh = _row(
    "acosh",
    ieee.acosh,
    lambda out, x: div(div(1.0, sqrt(x - 1.0)), sqrt(x + 1.0)),
    domain=((1.0, inf),),
)
atanh = _row("atanh", ieee.atanh, lambda out, x: square(asin_slope(x)), domain=(UNIT,))


# --- the error function and the activations -------------------------------------------------------

# Clipping keeps the product of a huge x with a tail that is exactly 0 from being nan, at every
# order; inside ±40 (±750 for silu) it changes nothing.
erf = _row("erf", math.erf, lambda out, x: _slope_of_erf(clip(x, -40.0, 40.0)))
erfc = _row("erfc", math.erfc, lambda out, x: -_slope_of_erf(clip(x, -40.0, 40.0)))
sigmoid = _row("sigmoid", ieee.sigmoid, lambda out, x: sigmoid_slope(x))
sigmoid_slope: Primitive = _row(
    "sigmoid_slope",
    ieee.sigmoid_slope,
    lambda out, x: -(out * tanh(0.5 * x)),
    expansion=lambda x: _expand_sigmoid_slope(x),
    formula=lambda x: sigmoid(x) * sigmoid(-x),
)
softplus = _row(
    "softplus",
    ieee.softplus,
    lambda out, x: sigmoid(x),
    expansion=lambda x: maximum(x, 0.0) + log1p(exp(-absolute(x))),
)
log_sigmoid = _row("log_sigmoid", ieee.log_sigmoid, lambda out, x: sigmoid(-x))
relu = _row("relu", ieee.relu, lambda out, x: above(x, 0.0))
leaky_relu = _row(
    "leaky_relu",
    ieee.leaky_relu,
    lambda out, x, slope: _by_sign(out, x, 1.0, slope),
    lambda out, x, slope: _by_sign(out, x, 0.0, x),
    expansion=lambda x, slope: where(gt(x, 0.0), x, slope * x),
)
elu = _row(
    "elu",
    ieee.elu,
    lambda out, x, alpha: _by_sign(out, x, 1.0, alpha * exp(x)),
    lambda out, x, alpha: _by_sign(out, x, 0.0, expm1(x)),
    expansion=lambda x, alpha: where(gt(x, 0.0), x, alpha * expm1(x)),
)
silu = _row(
    "silu",
    lambda x: maximum(x, -750.0) * sigmoid(x),
    lambda out, x: sigmoid(x) + clip(x, -750.0, 750.0) * sigmoid_slope(x),
)
gelu = _row(
    "gelu",
    lambda x: maximum(x, -40.0) * _normal_cdf(clip(x, -40.0, 40.0)),
    lambda out, x: _slope_of_gelu(clip(x, -40.0, 40.0)),
)
gelu_tanh: Primitive = _row(
    "gelu_tanh",
    lambda x: maximum(x, -40.0) * sigmoid(_gelu_logit(clip(x, -40.0, 40.0))),
    lambda out, x: _slope_of_gelu_tanh(clip(x, -40.0, 40.0)),
)


def _slope_of_erf(x: Any) -> Any:
    return _ERF_SLOPE * exp(-square(x))


def _normal_cdf(x: Any) -> Any:
    return 0.5 * erfc(x * -math.sqrt(0.5))


def _slope_of_gelu(x: Any) -> Any:
    return _normal_cdf(x) + x * ((1.0 / math.sqrt(2.0 * math.pi)) * exp(-0.5 * x * x))


def _gelu_logit(x: Any) -> Any:
    """Give the z for which the tanh form of GELU is x σ(z): (1 + tanh u)/2 is σ(2u)."""
    return _GELU_SLOPE * (x + 0.044715 * x * x * x)


def _slope_of_gelu_tanh(x: Any) -> Any:
    z, slope = _gelu_logit(x), _GELU_SLOPE * (1.0 + 3 * 0.044715 * x * x)
    return sigmoid(z) + x * slope * sigmoid_slope(z)


def _expand_sigmoid_slope(x: Any) -> Any:
    e = exp(-absolute(x))
    return div(e, square(1.0 + e))


# --- any number of operands -----------------------------------------------------------------------

# `top` is the largest, taken as a constant. The operands of `dot` are n weights, n inputs and a
# bias. `softmax` and `log_softmax` give the share of the first operand.
top = _row("top", lambda *xs: max(xs))
dot = _many("dot", ieee.dot, lambda out, *v: v[len(v) // 2 : -1] + v[: len(v) // 2] + (1.0,))
fsum = _many("fsum", ieee.fsum, lambda out, *xs: (1.0,) * len(xs))
mean = _many("mean", ieee.mean, lambda out, *xs: (1.0 / len(xs),) * len(xs))
logsumexp = _many("logsumexp", ieee.logsumexp, lambda out, *xs: _slopes_of_logsumexp(out, *xs))
softmax = _many("softmax", ieee.softmax, lambda out, *xs: tuple([out * d for d in _rest(*xs)]))
log_softmax = _many("log_softmax", ieee.log_softmax, lambda out, *xs: _rest(*xs))


def _shares(*xs: Any) -> tuple[Any, ...]:
    """Give softmax(xs).

    The shift by the largest keeps exp from overflowing. It cancels, so `top` passes no gradient.
    """
    shift = top(*xs)
    terms = [exp(x - shift) for x in xs]
    total = fsum(*terms)
    return tuple([div(term, total) for term in terms])


def _slopes_of_logsumexp(out: Any, *xs: Any) -> tuple[Any, ...]:
    """Give softmax(xs), and 0 for all where all are -inf."""
    return tuple([where(eq(out, -inf), 0.0, share) for share in _shares(*xs)])


def _rest(*xs: Any) -> tuple[Any, ...]:
    """Give 1 - p and every other -p; near p = 1 the sum of the others has the digits of 1 - p."""
    _, *others = _shares(*xs)
    return (fsum(*others), *[-share for share in others])


bind_to_floats(Primitive, globals())
