"""The table of primitives: each operation's value, its partial derivatives and its domain.

A row is all that the engine knows about an operation. `forward` takes floats and never raises:
it gives inf or nan as IEEE-754 does. `partials` holds one function per operand, of the result
`out` and the operands; it is written once, with the rows themselves, and so it serves floats
(the ordinary backward pass), Values (a backward pass that is itself recorded, for higher
derivatives) and arrays (compiled code). At a kink it is the subgradient of least norm.

A rule reuses the result `out` only where that keeps full accuracy, and prefers forms without
cancellation: tanh' is 1/cosh² because 1 - out² has no correct digit left at x = 19.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import compress
from math import copysign, inf, nan
from operator import add as _add
from operator import eq as _eq
from operator import ge as _ge
from operator import gt as _gt
from operator import le as _le
from operator import lt as _lt
from operator import mul as _mul
from operator import neg as _neg
from operator import sub as _sub
from typing import Any

from autograd.errors import as_float

Interval = tuple[float, float]
REAL: Interval = (-inf, inf)
POSITIVE: Interval = (0.0, inf)
UNIT: Interval = (-1.0, 1.0)

TABLE: dict[str, Primitive] = {}


class Primitive:
    """One row of the table. Calling it applies it to floats, Values or arrays.

    Attributes:
        name: the operation's name, which is also `Value.op`.
        forward: the value, a function of floats; where `array` is None, of arrays too.
        partials: one function `(out, *operands)` per operand, giving that partial derivative; or,
            for an operation on any number of operands, one function that gives all of them; or
            None for a comparison, which has no derivative.
        domain: an open interval per operand on which the operation is real and differentiable
            almost everywhere; one interval for all operands where their number varies.
        array: the function of `autograd.arrays` that computes the value on arrays.
    """

    __slots__ = ("array", "domain", "forward", "name", "partials")

    def __init__(
        self,
        name: str,
        forward: Callable[..., float],
        partials: tuple[Callable[..., Any], ...] | Callable[..., Sequence[Any]] | None,
        domain: tuple[Interval, ...] = (REAL,),
        array: str | None = None,
    ) -> None:
        self.name = name
        self.forward = forward
        self.partials = partials
        self.domain = domain
        self.array = array

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __reduce__(self) -> tuple[Callable[[str], Primitive], tuple[str]]:
        return lookup, (self.name,)

    def __call__(self, *operands: Any) -> Any:
        """Apply the operation: floats give a float, Values a Value, arrays an array."""
        for x in operands:
            if x.__class__ is not float:
                return _dispatch(self, operands)
        return self.forward(*operands)

    def local_derivatives(
        self, out: Any, operands: Sequence[Any], wanted: Sequence[bool]
    ) -> list[Any]:
        """Return ∂out/∂operand for those operands that are `wanted`."""
        rules = self.partials
        if isinstance(rules, tuple):
            return [rule(out, *operands) for rule in compress(rules, wanted)]
        return [] if rules is None else list(compress(rules(out, *operands), wanted))


def lookup(name: str) -> Primitive:
    """Return the row called `name`.

    >>> lookup("tanh")
    <primitive tanh>
    """
    try:
        return TABLE[name]
    except KeyError:
        raise LookupError(
            f"no primitive is called {name!r}; one of your own must be defined before it is used"
        ) from None


def _row(name: str, *fields: Any, **options: Any) -> Primitive:
    """Enter one row into the table."""
    TABLE[name] = row = Primitive(name, *fields, **options)
    return row


def _dispatch(op: Primitive, operands: Sequence[Any]) -> Any:
    """Apply `op` to operands that are not all floats.

    A kind of operand (Value, a traced variable, ...) says how operations apply to it by a static
    method `_apply`; among several kinds, that of the highest `_rank` decides.
    """
    rank, apply = 0, None
    for kind in set(map(type, operands)):
        if hasattr(kind, "_rank"):
            if kind._rank > rank:
                rank, apply = kind._rank, kind._apply
        elif hasattr(kind, "__array_function__"):  # a NumPy array, and not a NumPy scalar
            from autograd.arrays import apply_to_arrays

            return apply_to_arrays(op, operands)
    if apply is None:
        return op.forward(*[as_float(x, f"operand of {op.name}") for x in operands])
    return apply(op, operands)


# --- floats as IEEE-754 has them: Python's own functions raise instead ---------------------------


def _total(
    function: Callable[[float], float], poles: dict[float, float] | None = None
) -> Callable[[float], float]:
    """Make an increasing function of `math` total: its limit at a pole or on overflow, else nan."""
    limits = poles or {}

    def forward(x: float) -> float:
        try:
            return function(x)
        except ValueError:
            return limits.get(x, nan)
        except OverflowError:
            return copysign(inf, x)

    return forward


def _div(a: float, b: float) -> float:
    try:
        return a / b
    except ZeroDivisionError:
        return nan if a == 0.0 or a != a else copysign(inf, a) * copysign(1.0, b)


def _pow(a: float, b: float) -> float:
    try:
        return math.pow(a, b)
    except (ValueError, OverflowError):
        if a < 0.0 and not b.is_integer():
            return nan
        return copysign(inf, a) if b % 2.0 == 1.0 else inf


def _sigmoid(x: float) -> float:
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)
    return e / (1.0 + e)


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-math.fabs(x)))


def _relu(x: float) -> float:
    return x if x > 0.0 else 0.0 if x <= 0.0 else x


def _sign(x: float) -> float:
    return float((x > 0.0) - (x < 0.0)) if x == x else x


def _maximum(a: float, b: float) -> float:
    return a if a > b or a != a else b


def _minimum(a: float, b: float) -> float:
    return a if a < b or a != a else b


def _above(a: float, b: float) -> float:
    return 1.0 if a > b else 0.0 if a <= b else nan


def _xlogy(x: float, y: float) -> float:
    return 0.0 if x == 0.0 and y == y else x * log.forward(y)


def _dot(*operands: float) -> float:
    n = len(operands) // 2
    return sum(map(_mul, operands[:n], operands[n:]), operands[-1])


def _fsum(*xs: float) -> float:
    try:
        return math.fsum(xs)
    except (ValueError, OverflowError):  # opposite infinities, or a sum beyond the largest float
        return sum(xs)


def _shifted(xs: Sequence[float]) -> tuple[float, float]:
    """Return m = max(xs) and r with Σ exp(x - m) = 1 + r, so that small r keeps its digits."""
    if any(x != x for x in xs):
        return nan, nan
    top = max(range(len(xs)), key=xs.__getitem__)
    m = xs[top]
    if math.isinf(m):
        return m, 0.0
    return m, math.fsum([math.exp(x - m) for i, x in enumerate(xs) if i != top])


def _logsumexp(*xs: float) -> float:
    m, rest = _shifted(xs)
    return m + math.log1p(rest)


def _log_softmax(*xs: float) -> float:
    m, rest = _shifted(xs)
    return (xs[0] - m) - math.log1p(rest)


def _softmax(*xs: float) -> float:
    m, rest = _shifted(xs)
    return math.exp(xs[0] - m) / (1.0 + rest)


# --- helpers of the rules: written with rows, so they too serve floats, Values and arrays ---------


def _by_sign(x: Any, positive: Any, otherwise: Any) -> Any:
    """Give `positive` where x > 0, `otherwise` where x <= 0, and nan where x is nan."""
    return where(gt(x, 0.0), positive, where(le(x, 0.0), otherwise, x))


def _over_square(a: Any, r: Any) -> Any:
    """Give a / r², and 0 at r = 0; in two divisions, since r² may overflow."""
    return where(eq(r, 0.0), 0.0, div(div(a, r), r))


def _shares(xs: Sequence[Any]) -> list[Any]:
    """Give softmax(xs); an element -inf has share 0, even where all are."""
    total = logsumexp(*xs)
    return [where(eq(x, -inf), 0.0, exp(x - total)) for x in xs]


def _softmax_partials(out: Any, *xs: Any) -> list[Any]:
    _, *rest = _shares(xs)
    # p (1 - p) as p Σ of the other shares: the difference has no digits left where p is near 1.
    return [out * fsum(*rest), *[-out * p for p in rest]]


def _log_softmax_partials(*xs: Any) -> list[Any]:
    _, *rest = _shares(xs)
    return [fsum(*rest), *[-p for p in rest]]


def _normal_cdf(x: Any) -> Any:
    return 0.5 * erfc(x * -math.sqrt(0.5))


def _gelu_angle(x: Any) -> Any:
    """2u for the tanh form of GELU, which is x (1 + tanh u) / 2 = x σ(2u)."""
    return _GELU_SLOPE * (x + 0.044715 * x * x * x)


_GELU_SLOPE = 2.0 * math.sqrt(2.0 / math.pi)
_LN2, _LN10 = math.log(2.0), math.log(10.0)
_NORMAL_PEAK = 1.0 / math.sqrt(2.0 * math.pi)
_ERF_SLOPE = 2.0 / math.sqrt(math.pi)

# --- the table ----------------------------------------------------------------------------------

TWO_REAL = (REAL, REAL)

# Arithmetic: the operators + - * / ** and unary -.
add: Primitive = _row("+", _add, (lambda out, a, b: 1.0, lambda out, a, b: 1.0), TWO_REAL)
sub: Primitive = _row("-", _sub, (lambda out, a, b: 1.0, lambda out, a, b: -1.0), TWO_REAL)
mul: Primitive = _row("*", _mul, (lambda out, a, b: b, lambda out, a, b: a), TWO_REAL)
div: Primitive = _row(
    "/", _div, (lambda out, a, b: div(1.0, b), lambda out, a, b: -div(out, b)), TWO_REAL, "divide"
)
neg: Primitive = _row("neg", _neg, (lambda out, x: -1.0,))
power: Primitive = _row(
    "**",
    _pow,
    (
        lambda out, a, b: where(eq(b, 0.0), 0.0, b * power(a, b - 1.0)),
        # out log a, with the limit 0 at a = 0 for every b >= 0, b = 0 included
        lambda out, a, b: where(eq(a, 0.0), where(lt(b, 0.0), -out, 0.0), xlogy(out, a)),
    ),
    (POSITIVE, REAL),
    "power",
)

# Comparisons give a bool, or under tracing a condition for `where`.
lt: Primitive = _row("<", _lt, None, TWO_REAL)
le: Primitive = _row("<=", _le, None, TWO_REAL)
gt: Primitive = _row(">", _gt, None, TWO_REAL)
ge: Primitive = _row(">=", _ge, None, TWO_REAL)
eq: Primitive = _row("==", _eq, None, TWO_REAL)
# The first operand of `where` is a comparison. Its edges are chosen, not computed: see `Value`.
where: Primitive = _row("where", lambda c, x, y: x if c else y, None, (REAL, *TWO_REAL), "where")

# Powers, exponentials and logarithms.
sqrt: Primitive = _row(
    "sqrt", _total(math.sqrt), (lambda out, x: div(0.5, out),), (POSITIVE,), "sqrt"
)
cbrt: Primitive = _row(
    "cbrt", math.cbrt, (lambda out, x: div(1.0, 3.0 * out * out),), (REAL,), "cbrt"
)
square: Primitive = _row("square", lambda x: x * x, (lambda out, x: 2.0 * x,))
exp: Primitive = _row("exp", _total(math.exp), (lambda out, x: out,), (REAL,), "exp")
expm1: Primitive = _row("expm1", _total(math.expm1), (lambda out, x: exp(x),), (REAL,), "expm1")
log: Primitive = _row(
    "log",
    _total(math.log, {0.0: -inf}),
    (lambda out, x: where(lt(x, 0.0), nan, div(1.0, x)),),
    (POSITIVE,),
    "log",
)
log1p: Primitive = _row(
    "log1p",
    _total(math.log1p, {-1.0: -inf}),
    (lambda out, x: where(lt(x, -1.0), nan, div(1.0, 1.0 + x)),),
    ((-1.0, inf),),
    "log1p",
)
log2: Primitive = _row(
    "log2",
    _total(math.log2, {0.0: -inf}),
    (lambda out, x: where(lt(x, 0.0), nan, div(1.0 / _LN2, x)),),
    (POSITIVE,),
    "log2",
)
log10: Primitive = _row(
    "log10",
    _total(math.log10, {0.0: -inf}),
    (lambda out, x: where(lt(x, 0.0), nan, div(1.0 / _LN10, x)),),
    (POSITIVE,),
    "log10",
)
xlogy: Primitive = _row(
    "xlogy",
    _xlogy,
    (
        lambda out, x, y: where(eq(x, 0.0), where(le(y, 0.0), 0.0, log(y)), log(y)),
        lambda out, x, y: where(eq(x, 0.0), 0.0, where(lt(y, 0.0), nan, div(x, y))),
    ),
    (REAL, POSITIVE),
    "xlogy",
)

# Trigonometric and hyperbolic functions.
sin: Primitive = _row("sin", _total(math.sin), (lambda out, x: cos(x),), (REAL,), "sin")
cos: Primitive = _row("cos", _total(math.cos), (lambda out, x: -sin(x),), (REAL,), "cos")
tan: Primitive = _row("tan", _total(math.tan), (lambda out, x: 1.0 + out * out,), (REAL,), "tan")
asin: Primitive = _row(
    "asin",
    _total(math.asin),
    (lambda out, x: div(1.0, sqrt((1.0 - x) * (1.0 + x))),),
    (UNIT,),
    "arcsin",
)
acos: Primitive = _row(
    "acos",
    _total(math.acos),
    (lambda out, x: div(-1.0, sqrt((1.0 - x) * (1.0 + x))),),
    (UNIT,),
    "arccos",
)
atan: Primitive = _row(
    "atan", math.atan, (lambda out, x: div(1.0, 1.0 + x * x),), (REAL,), "arctan"
)
atan2: Primitive = _row(
    "atan2",
    math.atan2,
    (
        lambda out, y, x: _over_square(x, hypot(y, x)),
        lambda out, y, x: -_over_square(y, hypot(y, x)),
    ),
    TWO_REAL,
    "arctan2",
)
sinh: Primitive = _row("sinh", _total(math.sinh), (lambda out, x: cosh(x),), (REAL,), "sinh")
_positive_cosh = _total(math.cosh)
cosh: Primitive = _row(
    "cosh", lambda x: _positive_cosh(math.fabs(x)), (lambda out, x: sinh(x),), (REAL,), "cosh"
)
tanh: Primitive = _row(
    "tanh", math.tanh, (lambda out, x: square(div(1.0, cosh(x))),), (REAL,), "tanh"
)
asinh: Primitive = _row(
    "asinh", math.asinh, (lambda out, x: div(1.0, hypot(1.0, x)),), (REAL,), "arcsinh"
)
acosh: Primitive = _row(
    "acosh",
    _total(math.acosh),
    (lambda out, x: div(1.0, sqrt(x - 1.0) * sqrt(x + 1.0)),),
    ((1.0, inf),),
    "arccosh",
)
atanh: Primitive = _row(
    "atanh",
    _total(math.atanh, {1.0: inf, -1.0: -inf}),
    (lambda out, x: where(gt(absolute(x), 1.0), nan, div(1.0, (1.0 - x) * (1.0 + x))),),
    (UNIT,),
    "arctanh",
)
hypot: Primitive = _row(
    "hypot",
    math.hypot,
    (
        lambda out, a, b: where(eq(out, 0.0), 0.0, div(a, out)),
        lambda out, a, b: where(eq(out, 0.0), 0.0, div(b, out)),
    ),
    TWO_REAL,
    "hypot",
)

# The error function and the activations.
erf: Primitive = _row("erf", math.erf, (lambda out, x: _ERF_SLOPE * exp(-(x * x)),), (REAL,), "erf")
erfc: Primitive = _row(
    "erfc", math.erfc, (lambda out, x: -_ERF_SLOPE * exp(-(x * x)),), (REAL,), "erfc"
)
sigmoid: Primitive = _row(
    "sigmoid", _sigmoid, (lambda out, x: out * sigmoid(-x),), (REAL,), "sigmoid"
)
softplus: Primitive = _row("softplus", _softplus, (lambda out, x: sigmoid(x),), (REAL,), "softplus")
log_sigmoid: Primitive = _row(
    "log_sigmoid", lambda x: -_softplus(-x), (lambda out, x: sigmoid(-x),), (REAL,), "log_sigmoid"
)
relu: Primitive = _row("relu", _relu, (lambda out, x: above(x, 0.0),), (REAL,), "relu")
leaky_relu: Primitive = _row(
    "leaky_relu",
    lambda x, slope: x if x > 0.0 else slope * x,
    (
        lambda out, x, slope: _by_sign(x, 1.0, slope),
        lambda out, x, slope: _by_sign(x, 0.0, x),
    ),
    TWO_REAL,
    "leaky_relu",
)
elu: Primitive = _row(
    "elu",
    lambda x, alpha: x if x > 0.0 else alpha * math.expm1(x),
    (
        lambda out, x, alpha: _by_sign(x, 1.0, alpha * exp(x)),
        lambda out, x, alpha: _by_sign(x, 0.0, expm1(x)),
    ),
    TWO_REAL,
    "elu",
)
# Beyond ±750 (silu) and ±40 (gelu) the tails are exactly 0 or 1; the clipping only keeps their
# product with an infinite x from being nan.
silu: Primitive = _row(
    "silu",
    lambda x: maximum(x, -750.0) * sigmoid(x),
    (lambda out, x: sigmoid(x) * (1.0 + clip(x, -750.0, 750.0) * sigmoid(-x)),),
)
gelu: Primitive = _row(
    "gelu",
    lambda x: maximum(x, -40.0) * _normal_cdf(x),
    (lambda out, x: _normal_cdf(x) + clip(x, -40.0, 40.0) * (_NORMAL_PEAK * exp(-0.5 * x * x)),),
)
gelu_tanh: Primitive = _row(
    "gelu_tanh",
    lambda x: maximum(x, -40.0) * sigmoid(_gelu_angle(x)),
    (
        lambda out, x: (
            sigmoid(_gelu_angle(x))
            + clip(x, -40.0, 40.0)
            * (_GELU_SLOPE * (1.0 + 0.134145 * square(clip(x, -40.0, 40.0))))
            * (sigmoid(_gelu_angle(x)) * sigmoid(-_gelu_angle(x)))
        ),
    ),
)

# Kinks. `above` is 1 where a > b and 0 where a <= b: the derivative of relu, and flat itself.
above: Primitive = _row(
    "above", _above, (lambda out, a, b: 0.0, lambda out, a, b: 0.0), TWO_REAL, "above"
)
absolute: Primitive = _row("abs", math.fabs, (lambda out, x: sign(x),), (REAL,), "abs")
sign: Primitive = _row("sign", _sign, (lambda out, x: 0.0,), (REAL,), "sign")
maximum: Primitive = _row(
    "maximum",
    _maximum,
    (
        lambda out, a, b: 0.5 * (above(a, b) + (1.0 - above(b, a))),
        lambda out, a, b: 0.5 * (above(b, a) + (1.0 - above(a, b))),
    ),
    TWO_REAL,
    "maximum",
)
minimum: Primitive = _row(
    "minimum",
    _minimum,
    (
        lambda out, a, b: 0.5 * (above(b, a) + (1.0 - above(a, b))),
        lambda out, a, b: 0.5 * (above(a, b) + (1.0 - above(b, a))),
    ),
    TWO_REAL,
    "minimum",
)
clip: Primitive = _row(
    "clip",
    lambda x, lo, hi: _minimum(_maximum(x, lo), hi),
    (
        lambda out, x, lo, hi: above(x, lo) * above(hi, x),
        lambda out, x, lo, hi: (1.0 - above(x, lo)) * above(hi, lo),
        lambda out, x, lo, hi: 1.0 - above(hi, maximum(x, lo)),
    ),
    (REAL, REAL, REAL),
    "clip",
)

# Operations on any number of operands. The operands of `dot` are n weights, n inputs and a bias.
# `softmax` and `log_softmax` give the first operand's share among all of them.
dot: Primitive = _row(
    "dot",
    _dot,
    lambda out, *v: [*v[len(v) // 2 : -1], *v[: len(v) // 2], 1.0],
    array="dot",
)
fsum: Primitive = _row("fsum", _fsum, lambda out, *xs: [1.0] * len(xs), array="fsum")
mean: Primitive = _row(
    "mean",
    lambda *xs: _fsum(*xs) / len(xs),
    lambda out, *xs: [1.0 / len(xs)] * len(xs),
    array="mean",
)
logsumexp: Primitive = _row(
    "logsumexp",
    _logsumexp,
    lambda out, *xs: [where(eq(x, -inf), 0.0, exp(x - out)) for x in xs],
    array="logsumexp",
)
softmax: Primitive = _row("softmax", _softmax, _softmax_partials, array="softmax")
log_softmax: Primitive = _row(
    "log_softmax", _log_softmax, lambda out, *xs: _log_softmax_partials(*xs), array="log_softmax"
)
