"""Every row of the table at the edges, up to its second derivative, in every way to compute it.

What is right there, `limits` says, but for the policies and conventions in `CHOSEN`.
"""

import itertools
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from limits import SPECIAL, Path, accepted, is_right
from oracles import ORACLES, PARTS, ROWS, SLOPES, TINY, ULP, arity

import autograd
from autograd import Value
from autograd.compiler.passes import group as grouping
from autograd.engine import table as p
from autograd.numbers.arrays import evaluate

SIGNED = (0.0, -0.0, inf, -inf, nan, 1.0, -2.5)
EXTREME = (1e200, 1e-200, 5e-324, 2.5)
PAIRS = [
    *itertools.product(SIGNED, SIGNED),
    *itertools.product(EXTREME, (3e200, -2e-200, 1e-323, -1.5)),
]
EXPONENTS = (*SIGNED, -1.0, 0.5, 2.0, 3.0)
SCORES = [
    *itertools.product((0.0, -inf, inf, nan, 1000.0, -1e16), repeat=2),
    *[(1e200, 0.0), (-1e200, 1e200), (1e16, 1e16), (-745.0, 5e-324)],
]
OTHER_PAIRS = {
    "**": [
        *itertools.product((*SIGNED, -1.0, -2.0), EXPONENTS),
        *itertools.product(EXTREME, (0.0, 1.0, -1.0, 0.5, 2.0, 3.0, -2.5)),
    ],
    "clip": [
        *itertools.permutations((0.0, 1.0, -1.0)),
        *itertools.permutations((nan, -inf, 2.5)),
        *[(x, -1.0, 1.0) for x in (1.0, -1.0, 0.5, 7.0, inf, -inf, 1e200, 5e-324)],
        *[(0.5, 2.0, 2.0), (3.0, 2.0, 2.0), (2.0, 2.0, 2.0)],
    ],
    "dot": [*itertools.product((0.0, inf, nan, -2.0), (0.0, inf, 3.0), (-inf, nan, 1.5))],
    "logsumexp": SCORES,
    "softmax": SCORES,
    "log_softmax": SCORES,
}
THREE_SCORES = [
    *[(-inf, 0.0, nan), (-inf, -inf, inf), (-inf, 2.0, -3.0), (-inf, -inf, -inf), (0.5, 0.5, -inf)],
    *[(1000.0, 0.0, -1000.0), (nan, -inf, inf)],
]


NAMES = [name for name in ORACLES if name not in SLOPES | PARTS]


def groups(name: str) -> list[list[tuple[float, ...]]]:
    """Give the points for a row, in lists of points with as many operands."""
    if arity(name) == 1:
        return [[(x,) for x in SPECIAL]]
    return [
        OTHER_PAIRS.get(name, PAIRS),
        *([THREE_SCORES] if OTHER_PAIRS.get(name) is SCORES else []),
    ]


VALUE, REST = (), None
LIMIT = "limit"


@dataclass(frozen=True)
class Choice:
    """Where another result is right than the limit.

    Attributes:
        rows: their names.
        holds: tells whether the choice holds at given operands.
        wanted: gives what is right there, by path; for `REST`, by all other paths.
        why: the reason.
    """

    rows: str
    holds: Callable[..., bool]
    wanted: Callable[..., dict[Path | None, Any]]
    why: str


CHOICES = [
    # a later one goes before; first, the subgradient of least norm
    Choice("abs sign", lambda x: x == 0, lambda x: {REST: 0.0}, "kink: least norm"),
    Choice(
        "maximum minimum",
        lambda a, b: a == b,
        lambda a, b: {VALUE: a, (0,): 0.5, (1,): 0.5, REST: 0.0},
        "tie: least norm",
    ),
    Choice(
        "clip",
        lambda x, lo, hi: x in (lo, hi) or lo == hi,
        lambda x, lo, hi: {
            VALUE: min(max(x, lo), hi),
            (1,): float(x <= lo < hi),
            (2,): float(max(x, lo) >= hi),
            REST: 0.0,
        },
        "tie: least norm for x, and a bound gets the rest",
    ),
    Choice("hypot", lambda a, b: a == b == 0, lambda a, b: {REST: 0.0}, "no direction: least norm"),
    Choice(
        "atan2",
        lambda y, x: x == y == 0,
        lambda y, x: {VALUE: math.atan2(y, x), REST: 0.0},
        "no direction: least norm, and the value as in C",
    ),
    Choice(
        "logsumexp",
        lambda *xs: all(x == -inf for x in xs),
        lambda *xs: {VALUE: -inf, REST: 0.0},
        "no shares of nothing: least norm",
    ),
    Choice(
        "**",
        lambda a, b: a == b == 0,
        lambda a, b: {VALUE: 1.0, (1,): 0.0, (1, 1): 0.0},
        "0 to the power 0 is 1, and 0 to any power from 0 on has slope 0",
    ),
    Choice("xlogy", lambda x, y: y < 0, lambda x, y: {(0, 0): 0.0}, "linear in x, whatever ln y"),
    Choice(
        "xlogy",
        lambda x, y: x == 0 and y <= 0,
        lambda x, y: {REST: 0.0},
        "0 counts for more than the logarithm, as in SciPy",
    ),
    # C's mathematics
    Choice(
        "**",
        lambda a, b: a == 0 and math.copysign(1.0, a) < 0 and b == -1,
        lambda a, b: {VALUE: -inf, (0, 0): -inf},
        "-0 is below 0 for whole odd powers, as for 1/x",
    ),
    Choice(
        "**",
        lambda a, b: a == -inf and math.isfinite(b) and not (b.is_integer() and b),
        lambda a, b: {VALUE: math.pow(a, b), (0,): 0.0, (0, 0): 0.0},
        "any power of -inf is real in C",
    ),
    Choice(
        "**",
        lambda a, b: a < 0 and math.isinf(b) and math.pow(a, b) != 0,
        lambda a, b: {(0,): b * math.pow(a, b)},
        "b - 1 is b, both even",
    ),
    Choice(
        "atan2",
        lambda y, x: math.isinf(x) and math.isinf(y),
        lambda y, x: {VALUE: math.atan2(y, x)},
        "the diagonal, as in C",
    ),
    Choice(
        "sin cos tan", lambda x: math.isinf(x), lambda x: {REST: nan}, "oscillates, without a limit"
    ),
    # ∞ · 0 and ∞/∞, which IEEE-754 does not decide even where a limit does
    Choice(
        "**",
        lambda a, b: a == 1 and math.isinf(b),
        lambda a, b: {(0, 1): nan, (1, 0): nan},
        "b ln a",
    ),
    Choice("xlogy", lambda x, y: math.isinf(x) and y == 1, lambda x, y: {VALUE: nan}, "x ln y"),
    Choice(
        "elu",
        lambda x, alpha: x == -inf and math.isinf(alpha),
        lambda x, alpha: {(0,): nan, (0, 0): nan},
        "alpha exp(x)",
    ),
    Choice("dot", lambda w, x, b: w * x != w * x, lambda w, x, b: {VALUE: nan}, "w x"),
    Choice(
        "logsumexp softmax log_softmax",
        lambda *xs: inf in xs,
        lambda *xs: {VALUE: LIMIT, REST: nan},
        "the shares",
    ),
    Choice("softmax log_softmax", lambda *xs: xs[0] == inf, lambda *xs: {VALUE: nan}, "the share"),
    # where differences of mpmath's numbers are not exactly 0
    Choice(
        "atan2", lambda y, x: abs(y) == abs(x), lambda y, x: {(0, 1): 0.0, (1, 0): 0.0}, "y² - x²"
    ),
    Choice(
        "atan2",
        lambda y, x: 0.0 < max(abs(x), abs(y)) < 1e-320,
        lambda y, x: {(0, 1): nan, (1, 0): nan},
        "a difference of the reciprocals of subnormal numbers, which are infinite",
    ),
]


def from_the_left(name: str, xs: Sequence[float]) -> tuple[float, ...]:
    """Take a kink at 0 from the left: of least norm, for a slope from 0 to 1."""
    return (-0.0, *xs[1:]) if name in ("relu", "leaky_relu", "elu") and xs[0] == 0.0 else tuple(xs)


def paths_of(count: int) -> list[Path]:
    """Give the derivatives to look at: up to the second, of one operand up to the third."""
    orders = 4 if count == 1 else 3
    return [path for n in range(orders) for path in itertools.product(range(count), repeat=n)]


@cache
def right(name: str) -> list[list[dict[Path, list[Any]]]]:
    """Give what is right for each group of points: for each point, by path."""
    choices = [choice for choice in CHOICES if name in choice.rows.split()]
    result = []
    for points in groups(name):
        paths = paths_of(len(points[0]))
        rows = []
        for xs in points:
            wanted: dict[Any, Any] = {}
            for choice in choices:
                if choice.holds(*xs):
                    wanted |= choice.wanted(*xs)
            by_path = {path: wanted.get(path, wanted.get(REST, LIMIT)) for path in paths}
            limits = [path for path, x in by_path.items() if x == LIMIT]
            rows.append(
                {path: [x] for path, x in by_path.items()}
                | accepted(name, from_the_left(name, xs), limits)
            )
        result.append(rows)
    return result


# --- the ways to compute -----------------------------------------------------------------------

Numbers = dict[Path, Sequence[float]]  # for each point, by path


def recorded(op: Any, points: Sequence[Sequence[float]]) -> Numbers:
    """Differentiate by backward passes that are recorded."""
    count = len(points[0])
    numbers: dict[Path, list[float]] = {path: [] for path in paths_of(count)}
    for xs in points:
        leaves = [Value(x) for x in xs]
        nodes = {VALUE: op(*leaves)}
        numbers[VALUE].append(nodes[VALUE].data)
        for n in range(max(map(len, numbers))):
            for path in itertools.product(range(count), repeat=n):
                autograd.zero_grad(leaves)
                node = nodes.get(path)
                if node is not None:
                    node.backward(create_graph=True)
                for i, leaf in enumerate(leaves):
                    numbers[*path, i].append(leaf.grad)
                    nodes[*path, i] = leaf.grad_value
    return numbers


def plain(op: Any, points: Sequence[Sequence[float]]) -> Numbers:
    """Differentiate by plain backward passes; second derivatives by dual numbers."""
    count = len(points[0])
    numbers: dict[Path, list[float]] = {path: [] for path in paths_of(count) if len(path) < 3}
    for xs in points:
        leaves = [Value(x) for x in xs]
        node = op(*leaves)
        node.backward()
        numbers[VALUE].append(op(*xs))
        hessian = autograd.hessian(lambda v: op(*v))(list(xs))
        for i, leaf in enumerate(leaves):
            numbers[i,].append(leaf.grad)
            for j in range(count):
                numbers[i, j].append(hessian[i][j])
    return numbers


def compiled(op: Any, points: Sequence[Sequence[float]]) -> Numbers:
    """Compile the value and each derivative but the highest, with their gradients."""
    count = len(points[0])
    numbers: dict[Path, Any] = {}
    for path in paths_of(count):
        if len(path) == 2 + (count == 1):
            continue
        f = lambda v: op(*v)  # noqa: E731
        for i in path:
            f = partial(lambda f, i, v: autograd.grad(f)(v)[i], f, i)
        numbers[path], slopes = autograd.compile(f, in_axes=0).value_and_grad(points)
        numbers |= {(*path, i): slopes[:, i] for i in range(count)}
    return numbers


def on_machine(op: Any, points: Sequence[Sequence[float]]) -> Numbers:
    """Do the same by the instructions that native code follows."""
    pytest.importorskip("numba", reason="the machine is made by Numba, of the extra `native`")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "_FEW_STEPS", -1)
        patch.setattr(grouping, "_MOST_STEPS", -1)
        patch.setattr(grouping, "_FEWEST_ON_MACHINE", 0)
        return compiled(op, points)


def by_xla(op: Any, points: Sequence[Sequence[float]]) -> Numbers:
    """Compile the value and its gradient with XLA, that of all rows at once."""
    pytest.importorskip("jax", reason="JAX is not installed")
    return everything_by_xla()[op.name, len(points[0])]


@cache
def everything_by_xla() -> dict[tuple[str, int], Numbers]:
    """Compute all rows at all their points; a sum of the values has the gradients of each."""
    cases = [(name, list(points)) for name in NAMES for points in groups(name)]
    most = max(len(points) for _, points in cases)
    args = [points + points[-1:] * (most - len(points)) for _, points in cases]

    def f(*args):
        values = [ROWS[name](*xs) for (name, _), xs in zip(cases, args, strict=True)]
        return autograd.fsum(values), values

    numbers = tuple(range(len(args)))
    compiled = autograd.compile(f, in_axes=0, argnums=numbers, has_aux=True, backend="jax")
    (_, values), slopes = compiled.value_and_grad(*map(np.array, args))
    return {
        (name, len(points[0])): {
            VALUE: values[i][: len(points)],
            **{(k,): slopes[i][: len(points), k] for k in range(len(points[0]))},
        }
        for i, (name, points) in enumerate(cases)
    }


# Where neither operands nor results are subnormal, but what they come from is: here, σ(-710)
BEYOND_XLA = {("silu", (-710.0,))}


def is_beyond_xla(name: str, xs: Sequence[float]) -> bool:
    """Tell where XLA computes with a subnormal number, which it takes for 0 on most processors."""
    return any(0.0 < math.fabs(x) < 2.3e-308 for x in xs) or (name, tuple(xs)) in BEYOND_XLA


def on_arrays(op: Any, points: Sequence[Sequence[float]]) -> Numbers:
    """Apply the row and its rules to arrays."""
    lanes = list(np.array(points).T)
    out = evaluate(op, lanes)
    with np.errstate(all="ignore"):
        slopes = op.local_derivatives(out, lanes, [True] * len(lanes))
    return {VALUE: out, **{(i,): np.broadcast_to(d, out.shape) for i, d in enumerate(slopes)}}


def check(name: str, way: Callable[..., Numbers]) -> None:
    """Assert that all numbers are right, and that all ways choose the same where several are."""
    faults = []
    for points, wanted in zip(groups(name), right(name), strict=True):
        numbers = way(ROWS[name], points)
        first = numbers if way is recorded else chosen(name, len(points[0]))
        for path, column in numbers.items():
            relative = 1e-12 if path else 64 * ULP if ORACLES[name].ill_value else 4 * ULP
            # the derivatives of a share are differences of shares
            slack = 4 * ULP if len(path) == 2 and ORACLES[name].sizes else TINY
            for k, (xs, got) in enumerate(zip(points, column, strict=True)):
                if way is by_xla and is_beyond_xla(name, xs):
                    continue
                allowed = wanted[k][path]
                if len(allowed) > 1:
                    is_nan = first[path][k] != first[path][k]
                    allowed = [x for x in allowed if (x != x) == is_nan]
                if not is_right(float(got), allowed, relative, slack):
                    shown = ", ".join({str(float(x)) for x in allowed})
                    faults.append(f"∂{path} of {name}{xs} is {got}, not {shown}")
    assert not faults, f"{len(faults)} faults: " + "\n".join(faults[:20])


@cache
def chosen(name: str, count: int) -> Numbers:
    """Give the numbers of the recorded passes."""
    (points,) = [points for points in groups(name) if len(points[0]) == count]
    return recorded(ROWS[name], points)


@pytest.mark.parametrize(
    "way", [recorded, plain, compiled, on_machine, by_xla, on_arrays], ids=lambda way: way.__name__
)
@pytest.mark.parametrize("name", NAMES)
def test_edges(name, way):
    check(name, way)


@pytest.mark.parametrize(
    ("name", "rule", "fault"),
    [
        ("log", lambda out, x: p.where(p.lt(x, 0.0), nan, p.div(1.0, x)), "∂(0, 0) of log(-inf,)"),
        ("log", lambda out, x: p.div(1.0, x), "∂(0,) of log(-1.0,)"),
        ("asin", lambda out, x: p.div(1.0, p.sqrt((1.0 - x) * (1.0 + x))), "∂(0, 0) of asin(1.0,)"),
        ("atanh", lambda out, x: p.div(1.0, (1.0 - x) * (1.0 + x)), "∂(0, 0) of atanh(1e-200,)"),
        ("erf", lambda out, x: 2.0 / math.pi**0.5 * p.exp(-(x * x)), "∂(0, 0) of erf(inf,)"),
        ("sigmoid", lambda out, x: out * p.sigmoid(-x), "∂(0, 0) of sigmoid(1e-16,)"),
        ("cbrt", lambda out, x: p.div(1.0, 3.0 * out * out), "∂(0, 0) of cbrt(0.0,)"),
        ("relu", lambda out, x: p.where(p.gt(x, 0.0), 1.0, 0.0), "∂(0,) of relu(nan,)"),
    ],
)
@pytest.mark.parametrize("way", [recorded, compiled], ids=lambda way: way.__name__)
def test_a_rule_that_fails_at_an_edge_is_caught(name, rule, fault, way, monkeypatch):
    chosen(name, 1)
    for attribute in ("partials", "float_partials"):
        monkeypatch.setattr(ROWS[name], attribute, (rule,))
    with pytest.raises(AssertionError, match=re.escape(fault)):
        check(name, way)


@pytest.mark.parametrize("b", EXPONENTS)
def test_edges_of_powers_with_a_constant_exponent(b):
    both = zip(groups("**")[0], right("**")[0], strict=True)
    points, wanted = zip(
        *[((a,), want) for (a, exponent), want in both if exponent is b], strict=True
    )
    for path, column in compiled(lambda a: ROWS["**"](a, b), list(points)).items():
        for (a,), want, got in zip(points, wanted, column, strict=True):
            assert len(path) > 2 or is_right(float(got), want[path], 1e-12), (path, a, b, got)


# --- the public spelling of the same points ---------------------------------------------------


def gradients(function, *xs):
    leaves = [Value(x) for x in xs]
    node = function(*leaves)
    node.backward()
    return node.data, tuple(leaf.grad for leaf in leaves)


@pytest.mark.parametrize(
    ("function", "xs", "value", "slopes"),
    [
        (lambda x: x**3, (-2.0,), -8.0, (12.0,)),
        (lambda x: x**0, (0.0,), 1.0, (0.0,)),
        (lambda x: x**1, (0.0,), 0.0, (1.0,)),
        (lambda x: x**0.5, (0.0,), 0.0, (inf,)),
        (lambda x: x**-1, (0.0,), inf, (-inf,)),
        (lambda a, b: a**b, (0.0, 0.0), 1.0, (0.0, 0.0)),
        (lambda b: 2**b, (3.0,), 8.0, (pytest.approx(8 * math.log(2)),)),
        (lambda x: 1 / x, (0.0,), inf, (-inf,)),
        (lambda x: x.relu(), (0.0,), 0.0, (0.0,)),
        (abs, (0.0,), 0.0, (0.0,)),
        (lambda x: x.sqrt(), (0.0,), 0.0, (inf,)),
        (lambda x: x.log(), (0.0,), -inf, (inf,)),
        (lambda x: autograd.maximum(x, x), (3.0,), 3.0, (1.0,)),
        (lambda x: autograd.clip(x, 0, 1), (1.0,), 1.0, (0.0,)),
        (lambda x: autograd.gelu(x, approximate="tanh"), (1000.0,), 1000.0, (1.0,)),
        (lambda x: autograd.xlogy(x, x), (0.0,), 0.0, (0.0,)),
        (lambda x: autograd.softmax([x, -inf])[0], (0.0,), 1.0, (0.0,)),
        (lambda x: autograd.hypot(x, 0), (0.0,), 0.0, (0.0,)),
    ],
)
def test_operators_methods_and_functions(function, xs, value, slopes):
    assert gradients(function, *xs) == (value, slopes)


# --- far tails, and zero times infinity --------------------------------------------------------


@pytest.mark.parametrize("x", [-1e300, -1e5, -800.0, 800.0, 1e5, 1e300])
@pytest.mark.parametrize(
    ("row", "flat"),
    [
        *[(row, 1) for row in ("tanh", "sech", "sigmoid")],
        *[(row, 2) for row in ("relu", "softplus", "log_sigmoid", "silu", "gelu", "gelu_tanh")],
    ],
)
def test_far_tails_are_flat_at_every_order(row, flat, x):
    """From order `flat` on, the derivative is exactly 0: no overflow on the way makes it nan."""
    derivative = ROWS[row]
    for order in range(1, 5):
        derivative = autograd.grad(derivative)
        if order >= flat:
            assert derivative(x) == 0.0
    assert autograd.hessian(ROWS[row])(x) == 0.0


@pytest.mark.parametrize("create_graph", [False, True])
def test_zero_times_an_infinite_local_derivative_is_nan(create_graph):
    x = Value(0.0)
    (0.0 * x.sqrt()).backward(create_graph=create_graph)
    assert math.isnan(x.grad)
    x = Value(0.0)
    (x.sqrt()).backward(seed=0.0, create_graph=create_graph)
    assert math.isnan(x.grad)
