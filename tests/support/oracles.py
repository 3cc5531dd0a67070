"""What each primitive is, said a second time and independently, in 50-digit arithmetic.

`ORACLES` has one entry per differentiable row of the engine's table: the function and its partial
derivatives as textbooks have them, evaluated by mpmath. Nothing here uses the engine's own rules.

The accuracy asked for, `check_row`:

* a value within 4 ulp, a derivative within 1e-12 relative, of the exact one;
* where a row says that its value, or its derivatives, are ill-conditioned (they cancel, or amplify
  the rounding of an inner argument), the exact result for operands that are themselves off by
  4 ulp is right too;
* below the smallest normal float (2.2e-308) a derivative, or an ill-conditioned value, has no
  digits left to ask for; beyond 1e308 an infinity is right.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
from hypothesis import strategies as st

from autograd import Value
from autograd.engine.primitives import TABLE

ROWS = dict(TABLE)  # before any test defines primitives of its own
COMPARISONS = {
    "<": "__lt__",
    "<=": "__le__",
    ">": "__gt__",
    ">=": "__ge__",
    "==": "__eq__",
    "!=": "__ne__",
}

exact = mpmath.MPContext()
exact.dps = 50

ULP = 2.0**-52
TINY, HUGE = sys.float_info.min, 1e308


@dataclass(frozen=True)
class Domain:
    """An open interval on which an operand may lie; `calm` is a part without poles and tails."""

    lo: float
    hi: float
    calm: tuple[float, float]

    def anywhere(self) -> st.SearchStrategy[float]:
        """Normal floats: of everyday size, in the tails, and of any magnitude."""

        def within(bound: float) -> st.SearchStrategy[float]:
            return st.floats(
                max(-bound, self.lo),
                min(bound, self.hi),
                exclude_min=-bound <= self.lo,
                exclude_max=bound >= self.hi,
                allow_subnormal=False,
            )

        return st.one_of(within(4.0), within(45.0), within(1e300))

    def calmly(self) -> st.SearchStrategy[float]:
        """Points off the kinks, and 0.03 or more apart."""
        lo, hi = self.calm
        steps = int((hi - lo) / 0.0319)
        return st.integers(0, steps - 1).map(lambda k: lo + (k + 0.4937) * 0.0319)


REAL = Domain(-math.inf, math.inf, (-3.0, 3.0))
POSITIVE = Domain(0.0, math.inf, (0.2, 4.0))
UNIT = Domain(-1.0, 1.0, (-0.9, 0.9))
ABOVE_1 = Domain(1.0, math.inf, (1.2, 5.0))
COUNT = Domain(0.0, 1e150, (0.2, 4.0))
ABOVE_MINUS_1 = Domain(-1.0, math.inf, (-0.8, 4.0))


@dataclass(frozen=True)
class Oracle:
    """One primitive, independently.

    Attributes:
        value: the function, of mpmath numbers.
        partials: gives the list of all its partial derivatives.
        domains: the domain of each operand; of all operands if `sizes` is given.
        sizes: how many operands there may be, if that varies.
        ill_value: the value is ill-conditioned, see the head of this module.
        ill_slopes: the partial derivatives are.
        regular: tells whether the derivatives exist at a point: off kinks and poles.
    """

    value: Callable[..., Any]
    partials: Callable[..., list[Any]]
    domains: tuple[Domain, ...]
    sizes: tuple[int, ...] | None = None
    ill_value: bool = False
    ill_slopes: bool = False
    regular: Callable[..., bool] = lambda *_: True

    def operands(self, calm: bool = False) -> st.SearchStrategy[tuple[float, ...]]:
        """Points at which the value and its derivatives can be compared."""
        if self.sizes is None:
            points = st.tuples(*[d.calmly() if calm else d.anywhere() for d in self.domains])
        else:
            (domain,) = self.domains
            one = (
                domain.calmly() if calm else st.one_of(*[st.floats(-b, b) for b in (4, 720, 1e17)])
            )
            sizes = st.sampled_from(self.sizes[:3] if calm else self.sizes)
            points = sizes.flatmap(lambda n: st.tuples(*[one] * n))
        return points.filter(lambda xs: self.regular(*xs))


def one(
    value: Callable[..., Any],
    *partials: Callable[..., Any],
    domain: Domain | tuple[Domain, ...] = REAL,
    **options: Any,
) -> Oracle:
    """Make the oracle of a row with a fixed number of operands."""
    domains = domain if isinstance(domain, tuple) else (domain,) * len(partials)
    return Oracle(value, lambda *xs: [partial(*xs) for partial in partials], domains, **options)


def many(
    value: Callable[..., Any],
    partials: Callable[..., list[Any]],
    sizes: tuple[int, ...] = (1, 2, 3, 4, 6, 9),
    **options: Any,
) -> Oracle:
    """Make the oracle of a row with any number of operands."""
    return Oracle(value, partials, (REAL,), sizes, **options)


def _sum(xs: Iterable[Any]) -> Any:
    with exact.workprec(2200):  # enough bits for every float at once: the sum is not rounded
        total = sum(xs, exact.zero)
    return +total


# Beyond 1e5 the tails are below 10 to the power -43000, and mpmath would take long for all digits.
FAR = exact.mpf(10) ** 5


def _near(x: Any) -> Any:
    return min(max(x, -FAR), FAR)


def _fade(x: Any) -> Any:
    """exp(-|x|)."""
    return exact.exp(-min(abs(x), FAR))


def _sigmoid(x: Any) -> Any:
    e = _fade(x)
    return (e if x < 0 else 1) / (1 + e)


def _sigmoid_slope(x: Any) -> Any:
    return _fade(x) / (1 + _fade(x)) ** 2


def _softplus(x: Any) -> Any:
    return max(x, exact.zero) + exact.log1p(_fade(x))


def _sech(x: Any) -> Any:
    return 2 * _fade(x) / (1 + _fade(2 * x))


def _bell(x: Any) -> Any:
    """2/√π exp(-x²)."""
    return 2 / exact.sqrt(exact.pi) * _fade(x * x)


def _normal_pdf(x: Any) -> Any:
    return _fade(x * x / 2) / exact.sqrt(2 * exact.pi)


def _erfc(x: Any) -> Any:
    return exact.erfc(_near(x))


def _normal_cdf(x: Any) -> Any:
    return _erfc(-x / exact.sqrt(2)) / 2


def _gelu_logit(x: Any) -> Any:
    return 2 * exact.sqrt(2 / exact.pi) * (x + exact.mpf("0.044715") * x**3)


def _gelu_tanh_slope(x: Any) -> Any:
    z = _gelu_logit(x)
    dz = 2 * exact.sqrt(2 / exact.pi) * (1 + 3 * exact.mpf("0.044715") * x**2)
    return _sigmoid(z) + x * dz * _sigmoid(z) * _sigmoid(-z)


def _real_cbrt(x: Any) -> Any:
    return exact.sign(x) * exact.root(abs(x), 3)


def _shares(xs: Sequence[Any]) -> list[Any]:
    """softmax(xs)."""
    terms = [_fade(max(xs) - x) for x in xs]
    return [term / exact.fsum(terms) for term in terms]


def _logsumexp(*xs: Any) -> Any:
    top, *rest = sorted(xs, reverse=True)
    return top + exact.log1p(exact.fsum(_fade(top - x) for x in rest))


def _log_softmax(x: Any, *others: Any) -> Any:
    return -_logsumexp(exact.zero, *[y - x for y in others])


def _softmax_partials(x: Any, *others: Any) -> list[Any]:
    p, *rest = _shares((x, *others))
    return [p * exact.fsum(rest), *[-p * q for q in rest]]


def _log_softmax_partials(x: Any, *others: Any) -> list[Any]:
    _, *rest = _shares((x, *others))
    return [exact.fsum(rest), *[-q for q in rest]]


def _dot(*v: Any) -> Any:
    n = len(v) // 2
    return _sum([v[-1], *[v[i] * v[n + i] for i in range(n)]])


def _dot_partials(*v: Any) -> list[Any]:
    n = len(v) // 2
    return [*v[n : 2 * n], *v[:n], exact.one]


def _unit(*_: Any) -> Any:
    return exact.one


def _zero(*_: Any) -> Any:
    return exact.zero


def _distinct(*xs: float) -> bool:
    return len(set(xs)) == len(xs)


def _flag(condition: bool) -> Any:
    return exact.one if condition else exact.zero


ORACLES: dict[str, Oracle] = {
    # arithmetic
    "+": one(lambda a, b: a + b, _unit, _unit),
    "-": one(lambda a, b: a - b, _unit, lambda *_: -exact.one),
    "*": one(lambda a, b: a * b, lambda _, b: b, lambda a, _: a),
    "/": one(
        lambda a, b: a / b, lambda _, b: 1 / b, lambda a, b: -a / b**2, regular=lambda _, b: b != 0
    ),
    "neg": one(lambda x: -x, lambda *_: -exact.one),
    "**": one(
        lambda a, b: a**b,
        lambda a, b: b * a**b / a,
        lambda a, b: a**b * exact.log(a),
        domain=(POSITIVE, REAL),
    ),
    "power_by_base": one(
        lambda a, b: b * a**b / a,
        lambda a, b: b * (b - 1) * a**b / a**2,
        lambda a, b: a**b / a * (1 + b * exact.log(a)),
        domain=(POSITIVE, REAL),
        ill_slopes=True,
        # below, b brings back what is beyond the largest float
        regular=lambda _, b: b == 0 or abs(b) > 1e-150,
    ),
    "power_by_exponent": one(
        lambda a, b: a**b * exact.log(a),
        lambda a, b: a**b / a * (1 + b * exact.log(a)),
        lambda a, b: a**b * exact.log(a) ** 2,
        domain=(POSITIVE, REAL),
        ill_value=True,
        ill_slopes=True,
    ),
    # kinks
    "above": one(lambda a, b: _flag(a > b), _zero, _zero, regular=_distinct),
    "sign": one(exact.sign, _zero, regular=bool),
    "abs": one(abs, exact.sign, regular=bool),
    "maximum": one(max, lambda a, b: _flag(a > b), lambda a, b: _flag(b > a), regular=_distinct),
    "minimum": one(min, lambda a, b: _flag(a < b), lambda a, b: _flag(b < a), regular=_distinct),
    "clip": one(
        lambda x, lo, hi: min(max(x, lo), hi),
        lambda x, lo, hi: _flag(lo < x < hi),
        lambda x, lo, hi: _flag(x < lo < hi),
        lambda x, lo, hi: _flag(hi < x or hi < lo),
        regular=_distinct,
    ),
    # powers, exponentials, logarithms
    "sqrt": one(exact.sqrt, lambda x: 1 / (2 * exact.sqrt(x)), domain=POSITIVE),
    "cbrt": one(_real_cbrt, lambda x: 1 / (3 * _real_cbrt(x) ** 2), regular=lambda x: x != 0),
    "square": one(lambda x: x * x, lambda x: 2 * x),
    "exp": one(exact.exp, exact.exp),
    "expm1": one(exact.expm1, exact.exp),
    "log": one(exact.log, lambda x: 1 / x, domain=POSITIVE),
    "log1p": one(exact.log1p, lambda x: 1 / (1 + x), domain=ABOVE_MINUS_1),
    "log2": one(lambda x: exact.log(x, 2), lambda x: 1 / (x * exact.ln2), domain=POSITIVE),
    "log10": one(exact.log10, lambda x: 1 / (x * exact.ln10), domain=POSITIVE),
    "xlogy": one(
        lambda x, y: x * exact.log(y),
        lambda _, y: exact.log(y),
        lambda x, y: x / y,
        domain=(REAL, POSITIVE),
    ),
    "hypot": one(
        exact.hypot,
        lambda a, b: a / exact.hypot(a, b),
        lambda a, b: b / exact.hypot(a, b),
        regular=lambda a, b: a != 0 or b != 0,
    ),
    "cosine": one(
        lambda a, b: a / exact.hypot(a, b),
        lambda a, b: b * b / exact.hypot(a, b) ** 3,
        lambda a, b: -a * b / exact.hypot(a, b) ** 3,
        regular=lambda a, b: a != 0 or b != 0,
    ),
    # trigonometric and hyperbolic
    "sin": one(exact.sin, exact.cos),
    "cos": one(exact.cos, lambda x: -exact.sin(x)),
    "tan": one(exact.tan, lambda x: exact.sec(x) ** 2),
    "asin": one(exact.asin, lambda x: 1 / exact.sqrt((1 - x) * (1 + x)), domain=UNIT),
    "acos": one(exact.acos, lambda x: -1 / exact.sqrt((1 - x) * (1 + x)), domain=UNIT),
    "atan": one(exact.atan, lambda x: 1 / (1 + x * x)),
    "inversion": one(
        lambda a, b: a / (a * a + b * b),
        lambda a, b: (b * b - a * a) / (a * a + b * b) ** 2,
        lambda a, b: -2 * a * b / (a * a + b * b) ** 2,
        regular=lambda a, b: a != 0 or b != 0,
        ill_slopes=True,
    ),
    "atan2": one(
        exact.atan2,
        lambda y, x: x / (x * x + y * y),
        lambda y, x: -y / (x * x + y * y),
        regular=lambda y, x: y != 0 or x > 0,  # mpmath has no -0
    ),
    "sinh": one(exact.sinh, exact.cosh),
    "cosh": one(exact.cosh, exact.sinh),
    "sech": one(_sech, lambda x: -_sech(x) * exact.tanh(_near(x))),
    "tanh": one(lambda x: exact.tanh(_near(x)), lambda x: _sech(x) ** 2),
    "asin_slope": one(
        lambda x: 1 / exact.sqrt((1 - x) * (1 + x)),
        lambda x: x / exact.sqrt((1 - x) * (1 + x)) ** 3,
        domain=UNIT,
    ),
    "asinh": one(exact.asinh, lambda x: 1 / exact.sqrt(x * x + 1)),
    "acosh": one(exact.acosh, lambda x: 1 / exact.sqrt((x - 1) * (x + 1)), domain=ABOVE_1),
    "atanh": one(exact.atanh, lambda x: 1 / ((1 - x) * (1 + x)), domain=UNIT),
    # the error function and the activations
    "erf": one(lambda x: exact.erf(_near(x)), _bell),
    "erfc": one(_erfc, lambda x: -_bell(x)),
    "sigmoid": one(_sigmoid, _sigmoid_slope),
    "sigmoid_slope": one(
        _sigmoid_slope, lambda x: -_sigmoid_slope(x) * exact.tanh(_near(x) / 2), ill_value=True
    ),
    "softplus": one(_softplus, _sigmoid),
    "log_sigmoid": one(lambda x: -_softplus(-x), lambda x: _sigmoid(-x)),
    "relu": one(lambda x: max(x, exact.zero), lambda x: _flag(x > 0), regular=bool),
    "leaky_relu": one(
        lambda x, slope: x if x > 0 else slope * x,
        lambda x, slope: exact.one if x > 0 else slope,
        lambda x, _: exact.zero if x > 0 else x,
        regular=lambda x, _: x != 0,
    ),
    "elu": one(
        lambda x, alpha: x if x > 0 else alpha * exact.expm1(_near(x)),
        lambda x, alpha: exact.one if x > 0 else alpha * _fade(x),
        lambda x, _: exact.zero if x > 0 else exact.expm1(_near(x)),
        # below -708 exp(x) has lost digits that a large alpha shows
        regular=lambda x, _: x > -708 and x != 0,
    ),
    "silu": one(
        lambda x: x * _sigmoid(x),
        lambda x: _sigmoid(x) * (1 + x * _sigmoid(-x)),
        ill_value=True,
        ill_slopes=True,
    ),
    "gelu": one(
        lambda x: x * _normal_cdf(x),
        lambda x: _normal_cdf(x) + x * _normal_pdf(x),
        ill_value=True,
        ill_slopes=True,
    ),
    "gelu_tanh": one(
        lambda x: x * _sigmoid(_gelu_logit(x)), _gelu_tanh_slope, ill_value=True, ill_slopes=True
    ),
    # any number of operands
    "dot": many(_dot, _dot_partials, sizes=(1, 3, 5, 7, 9, 13), ill_value=True),
    "fsum": many(lambda *xs: _sum(xs), lambda *xs: [exact.one] * len(xs), sizes=(1, 2, 3, 5, 9)),
    "mean": many(lambda *xs: _sum(xs) / len(xs), lambda *xs: [exact.one / len(xs)] * len(xs)),
    "logsumexp": many(_logsumexp, lambda *xs: _shares(xs), ill_value=True),
    "softmax": many(lambda *xs: _shares(xs)[0], _softmax_partials, ill_value=True),
    "log_softmax": many(_log_softmax, _log_softmax_partials, ill_value=True),
    # what a softmax is compiled to
    "total": many(lambda *xs: _sum(xs), lambda *xs: [exact.one] * len(xs)),
    "excess": many(lambda *xs: _sum([*xs, -exact.one]), lambda *xs: [exact.one] * len(xs)),
    "exp_shifted": one(
        lambda x, m: exact.exp(x - m),
        lambda x, m: exact.exp(x - m),
        lambda x, m: -exact.exp(x - m),
        ill_value=True,
        ill_slopes=True,
    ),
    "inverse_of_total": one(lambda t: 1 / t, lambda t: -1 / t**2, domain=COUNT),
    "log_of_total": one(exact.log1p, lambda x: 1 / (1 + x), domain=COUNT),
    "log_of_denominator": one(exact.log1p, lambda x: 1 / (1 + x), domain=COUNT),
}


# Rows that are slopes of others: as accurate as slopes, and with edges that are seen there.
SLOPES = {"above", "power_by_base", "power_by_exponent", "cosine", "inversion"}

# Rows that softmax and its kin are compiled to: their edges are such that those of these are right.
PARTS = {"total", "excess", "exp_shifted", "inverse_of_total", "log_of_total", "log_of_denominator"}

_SCORES = [(1e3, 0.0), (0.0, 40.0), (40.0, 0.0), (0.0, 700.0), (700.0, 0.0, -700.0)]
_SCORES += [(3.0,), (1e5, 1e5)]

# Rules that subtract, or that reuse the result where it has rounded to its limit, fail here.
TAILS = {
    "tanh": [(x,) for x in (15.0, 16.5, 18.0, 19.0, 20.0, -15.0, -20.0, 300.0, 355.0, 1e-300)],
    "sigmoid": [(x,) for x in (30.0, 36.0, 40.0, -40.0, 700.0, -700.0, -708.0, 1e-20)],
    "log_sigmoid": [(x,) for x in (40.0, -40.0, 700.0, -700.0, 1e-20)],
    "softplus": [(x,) for x in (20.0, 21.0, 36.0, 40.0, -20.0, -36.0, -40.0, -700.0, 1e-20)],
    "silu": [(x,) for x in (-1.2784645, -40.0, 40.0, -700.0, 700.0, 1e-300)],
    "gelu": [(x,) for x in (-0.7517915, 8.0, -8.0, -20.0, -37.0, 37.0, 1e-300)],
    "gelu_tanh": [(x,) for x in (-0.7524614, 5.0, -5.0, -10.0, -20.0, 20.0, 1e-300)],
    "erf": [(x,) for x in (5.9, -5.9, 6.5, 26.0, 1e-300)],
    "erfc": [(x,) for x in (5.9, -5.9, 6.5, 26.0, 1e-300)],
    "expm1": [(x,) for x in (1e-20, -1e-20, -40.0, -745.0, 709.0)],
    "exp": [(x,) for x in (-708.0, 709.7, 1e-20)],
    "log1p": [(x,) for x in (1e-20, -1e-20, -1.0 + 2.0**-53, 1e300)],
    "log": [(x,) for x in (1.0 - 2.0**-53, 1.0 + 2.0**-52, 1e-300, 1e300)],
    "log2": [(x,) for x in (1.0 + 2.0**-52, 1e-300, 1e300)],
    "log10": [(x,) for x in (1.0 + 2.0**-52, 1e-300, 1e300)],
    "sqrt": [(x,) for x in (2.3e-308, 1e300)],
    "cbrt": [(x,) for x in (2.3e-308, 1e300, -1e300)],
    "sinh": [(x,) for x in (1e-300, 20.0, -710.0)],
    "cosh": [(x,) for x in (1e-300, 20.0, -710.0)],
    "sech": [(x,) for x in (1e-300, 20.0, -700.0, 1000.0)],
    "asinh": [(x,) for x in (1e-300, 1e300, -1e300, -1e8)],
    "acosh": [(x,) for x in (1.0 + 2.0**-52, 1e300, 1e8)],
    "atanh": [(x,) for x in (1e-300, 1.0 - 2.0**-53, -1.0 + 2.0**-53)],
    "asin": [(x,) for x in (1e-300, 1.0 - 2.0**-53, -1.0 + 2.0**-53)],
    "acos": [(x,) for x in (1e-300, 1.0 - 2.0**-53, -1.0 + 2.0**-53)],
    "atan": [(x,) for x in (1e-300, 1e16, -1e150)],
    "sin": [(x,) for x in (math.pi, 1e22, 1e300, 1e-300)],
    "cos": [(x,) for x in (math.pi / 2, 1e22, 1e300, 1e-300)],
    "tan": [(x,) for x in (math.pi / 2, math.pi, 1e22, 1e-300)],
    "atan2": [(1e-300, 1e-300), (1e300, -1e300), (-1e-300, 1e300), (1e150, 1e-150)],
    "hypot": [(1e-300, 1e-300), (1e300, -1e300), (3e-160, 4e-160), (1e200, 1e-200)],
    "**": [(1e-300, -1.0), (1e300, 1.02), (1.0 + 2.0**-52, 1e15), (0.5, -1022.0), (2.0, 1e-300)],
    "/": [(1e300, 1e300), (1e-300, 1e-300), (1e-160, 1e140), (1.0, 1e-300)],
    "xlogy": [(1e300, 1.0 + 2.0**-52), (1e-300, 1e-300), (-2.0, 1e300)],
    "logsumexp": [*_SCORES, (-1000.0, -1001.0), (0.0, -40.0), (-700.0,), (1e300, -1e300)],
    "softmax": _SCORES,
    "log_softmax": _SCORES,
    "fsum": [(1e16, 1.0, -1e16), (1e300, 1e-300, -1e300), (0.1,) * 10],
    "mean": [(1e16, 1.0, -1e16), (0.1,) * 10],
    "dot": [(1e150, -1e150, 1e150, 1e150, 0.0), (0.1, 0.2, 0.3, 0.4, -0.11)],
}


def arity(name: str) -> int:
    """How many operands the row takes; for one that takes any number, some number."""
    oracle = ORACLES[name]
    return len(oracle.domains) if oracle.sizes is None else 5


def agree(got: float, want: Any, relative: float, slack: Any = 0) -> bool:
    """Tell whether a float is close enough to an mpmath number: see the head of this module."""
    if abs(want) > HUGE:
        return abs(got) >= HUGE * (1 - relative) and (got > 0) == (want > 0)
    return math.isfinite(got) and abs(exact.mpf(got) - want) <= relative * abs(want) + slack


def wiggle(function: Callable[..., Any], xs: Sequence[Any]) -> Any:
    """How much the result moves, at most, when the operands move by 4 ulp each."""
    at, total = function(*xs), exact.zero
    for i, x in enumerate(xs):
        near = [function(*xs[:i], x * (1 + s * 4 * ULP), *xs[i + 1 :]) for s in (-1, 1)]
        total += max(abs(y - at) for y in near)
    return total


def check_row(name: str, xs: Sequence[float]) -> None:
    """Assert that the row's value and derivatives are those of its oracle."""
    op, oracle = ROWS[name], ORACLES[name]
    leaves = [Value(x) for x in xs]
    node = op(*leaves)
    node.backward()
    point = [exact.mpf(x) for x in xs]
    floor = TINY if oracle.ill_value or name in SLOPES else 4 * math.ulp(0.0)
    what = f"{name}{tuple(xs)}"
    relative = 1e-12 if name in SLOPES else 4 * ULP
    check_number(what, node.data, oracle.value, point, relative, floor, oracle.ill_value)
    for i, leaf in enumerate(leaves):
        check_number(
            f"∂{what}/∂operand {i}",
            leaf.grad,
            lambda *p, i=i: oracle.partials(*p)[i],
            point,
            1e-12,
            TINY,
            oracle.ill_slopes,
        )


def check_number(
    what: str,
    got: float,
    function: Callable[..., Any],
    point: Sequence[Any],
    relative: float,
    floor: float,
    ill_conditioned: bool = False,
) -> None:
    """Assert that one number is within the tolerance of `function(*point)`."""
    assert type(got) is float, f"{what} is a {type(got).__name__}"
    want = function(*point)
    if agree(got, want, relative, floor):
        return
    slack = wiggle(function, point) if ill_conditioned else 0
    assert agree(got, want, relative, slack + floor), (
        f"{what} = {got!r}, but exactly {exact.nstr(want, 25)}; off by "
        f"{exact.nstr(abs(exact.mpf(got) - want) / abs(want) if want else got, 3)} relative"
    )
