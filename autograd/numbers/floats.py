"""Python's `math`, made total: like IEEE-754, these give nan or an infinity and never raise."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from math import copysign, fabs, inf, nan
from operator import mul


def _total(
    function: Callable[[float], float], poles: dict[float, float] | None = None
) -> Callable[[float], float]:
    """Return nan outside the domain, the limit at a pole, and an infinity for an overflow."""
    limits = poles or {}

    def forward(x: float) -> float:
        try:
            return function(x)
        except ValueError:
            return limits.get(x, nan)
        except OverflowError:
            return copysign(inf, x)

    return forward


exp = _total(math.exp)
expm1 = _total(math.expm1)
log = _total(math.log, {0.0: -inf})
log1p = _total(math.log1p, {-1.0: -inf})
log2 = _total(math.log2, {0.0: -inf})
log10 = _total(math.log10, {0.0: -inf})
sqrt = _total(math.sqrt)
sin = _total(math.sin)
cos = _total(math.cos)
tan = _total(math.tan)
asin = _total(math.asin)
acos = _total(math.acos)
sinh = _total(math.sinh)
acosh = _total(math.acosh)
atanh = _total(math.atanh, {1.0: inf, -1.0: -inf})
_cosh = _total(math.cosh)


def cosh(x: float) -> float:
    """The hyperbolic cosine, which overflows to +inf on both sides."""
    return _cosh(fabs(x))


def sech(x: float) -> float:
    """1/cosh(x), which underflows to 0."""
    return 1.0 / cosh(x)


def div(a: float, b: float) -> float:
    """a / b."""
    try:
        return a / b
    except ZeroDivisionError:
        return nan if a == 0.0 or a != a else copysign(inf, a) * copysign(1.0, b)


def power(a: float, b: float) -> float:
    """a to the power b, real or nan."""
    try:
        return math.pow(a, b)
    except (ValueError, OverflowError):
        if a < 0.0 and not b.is_integer():
            return nan
        return copysign(inf, a) if b % 2.0 == 1.0 else inf


def power_by_base(a: float, b: float) -> float:
    """The derivative b aᵇ⁻¹ of a power, and 0 where that is 0 · ∞ or b is 0."""
    p = power(a, b - 1.0)
    return b * p if b != 0.0 != p else 0.0


def power_by_exponent(a: float, b: float) -> float:
    """The derivative aᵇ ln a of a power, and 0 where a = 0 <= b; nan for a < 0."""
    return 0.0 if a == 0.0 <= b else xlogy(power(a + 0.0, b), a) if a >= 0.0 else nan


def xlogy(x: float, y: float) -> float:
    """x ln y, and 0 where x = 0."""
    return 0.0 if x == 0.0 and y == y else x * log(y)


def cosine(a: float, b: float) -> float:
    """a/√(a² + b²), and 0 at the origin."""
    if a == 0.0:
        return a if b == b else b
    return copysign(1.0, a) / math.hypot(1.0, b / a)


def inversion(a: float, b: float) -> float:
    """a/(a² + b²), and 0 at the origin."""
    size = fabs(a) + fabs(b)
    if size + size == size:  # 0 or infinite
        return 0.0
    if a == 0.0:
        return a if b == b else b
    return 1.0 / (a + b * (b / a))


def asin_slope(x: float) -> float:
    """1/√(1 - x²)."""
    return div(1.0, sqrt((1.0 - x) * (1.0 + x)))


def above(a: float, b: float) -> float:
    """1 where a > b, 0 where a <= b."""
    return 1.0 if a > b else 0.0 if a <= b else nan


def sign(x: float) -> float:
    """-1, 0 or 1."""
    return float((x > 0.0) - (x < 0.0)) if x == x else x


def maximum(a: float, b: float) -> float:
    """The larger; nan if either is."""
    return a if a > b or a != a else b


def minimum(a: float, b: float) -> float:
    """The smaller; nan if either is."""
    return a if a < b or a != a else b


def clip(x: float, lo: float, hi: float) -> float:
    """x limited to lo ... hi."""
    return minimum(maximum(x, lo), hi)


def relu(x: float) -> float:
    """max(x, 0)."""
    return x if x > 0.0 else 0.0 if x <= 0.0 else x


def leaky_relu(x: float, slope: float) -> float:
    """x above 0, slope · x below."""
    return x if x > 0.0 else slope * x


def elu(x: float, alpha: float) -> float:
    """x above 0, alpha (eˣ - 1) below."""
    return x if x > 0.0 else alpha * math.expm1(x)


def sigmoid(x: float) -> float:
    """1/(1 + e⁻ˣ), by whichever form does not overflow."""
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)
    return e / (1.0 + e)


def sigmoid_slope(x: float) -> float:
    """σ(x) σ(-x)."""
    e = math.exp(-x if x > 0.0 else x)
    d = 1.0 + e
    return e / (d * d)


def softplus(x: float) -> float:
    """ln(1 + eˣ)."""
    return max(x, 0.0) + math.log1p(math.exp(-fabs(x)))


def log_sigmoid(x: float) -> float:
    """ln σ(x)."""
    return -softplus(-x)


def dot(*operands: float) -> float:
    """⟨w, x⟩ + b for n weights, n inputs and b, added up from b as a loop would."""
    n = len(operands) // 2
    return sum(map(mul, operands[n:-1], operands), operands[-1])  # `map` ends with the n inputs


def fsum(*xs: float) -> float:
    """The sum, rounded once."""
    try:
        return math.fsum(xs)
    except (ValueError, OverflowError):  # opposite infinities, or more than the largest float
        return sum(xs)


def mean(*xs: float) -> float:
    """The arithmetic mean."""
    return fsum(*xs) / len(xs)


def _shifted(xs: Sequence[float]) -> tuple[float, float]:
    """Return m = max(xs) and r with Σ exp(x - m) = 1 + r, so that a small r keeps its digits."""
    if any(x != x for x in xs):
        return nan, nan
    top = max(range(len(xs)), key=xs.__getitem__)
    m = xs[top]
    if math.isinf(m):
        return m, 0.0
    return m, math.fsum([math.exp(x - m) for i, x in enumerate(xs) if i != top])


def logsumexp(*xs: float) -> float:
    """ln Σ exp(x)."""
    m, rest = _shifted(xs)
    return m + math.log1p(rest)


def softmax(*xs: float) -> float:
    """The share of the first in Σ exp(x)."""
    m, rest = _shifted(xs)
    return exp(xs[0] - m) / (1.0 + rest)


def log_softmax(*xs: float) -> float:
    """The logarithm of the share of the first in Σ exp(x)."""
    m, rest = _shifted(xs)
    return (xs[0] - m) - math.log1p(rest)
