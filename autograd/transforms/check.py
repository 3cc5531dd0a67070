"""Checks of derivatives against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import copysign, inf, isfinite, ulp
from typing import TYPE_CHECKING, Any, NamedTuple

from autograd.engine import Value, described, gradient_order, topological_order
from autograd.engine import table as p
from autograd.errors import GradientError
from autograd.transforms.derivatives import grad, hvp, jvp, vjp
from autograd.transforms.trees import flatten, paths, unflatten

if TYPE_CHECKING:
    from random import Random

# Steps and the like are in units of a variable's size: its amount, or this if it is near 0.
_SMALLEST = 1e-2
# Most functions are settled at the first step, where truncation and rounding are both small. Near
# a kink or a pole smaller ones do not cross it.
_STEPS = tuple([1.873e-3 * 0.1**k for k in range(13)])  # seldom a pole's distance to the digit
_NUDGE = 1e-7  # across so little, a smooth function hardly changes, and a jump or a kink shows
_TOLERANCE = 1e-7  # of a derivative against a difference
_CRUDE = 1e-3  # a difference that is less sure than this says nothing
_AGREEMENT = 1e-9  # of two derivatives with each other
_ROUNDING = 1e-12  # what a few thousand operations may lose of the size of their terms
_UNDERFLOW = 1e-180  # products of smaller numbers may be lost
_ROWS = 20  # of the table in a message

Point = Sequence[float]
Scalar = Callable[[Any], Any]  # a function of a list with one number as result


def check_grads(
    f: Callable[..., Any], args: tuple[Any, ...], order: int = 2, *, rng: Random | int = 0
) -> list[str]:
    """Check the derivatives of `f` at `args`, in both modes, against finite differences.

    Each order checks the derivatives of those of the order before, the second also the product with
    the Hessian. They are compared along a random direction and, where that fails, one by one.

    Args:
        f: a function of any structure.
        args: its arguments.
        order: how many orders to check, at least 1.
        rng: the source of random directions, or a seed for one.

    Returns:
        The kinks met, by name, and operations whose value is not finite. Across these a difference
        means nothing, so the derivative is not compared there. Where all is smooth the list is
        empty.

    Raises:
        GradientError: a derivative is wrong; the message has analytic and numeric values.
        TypeError: `args` is not a tuple, or an argument or the result is no real number.
        ValueError: `order` is below 1.

    >>> from autograd import relu, sin
    >>> check_grads(lambda x: sin(x) * x, (2.0,))
    []
    >>> check_grads(relu, (0.0,), order=1)
    ['relu at args[0]=0.0']
    """
    if not isinstance(args, tuple):
        raise TypeError(f"args must be a tuple, such as (x,), not a {type(args).__name__}")
    if order < 1:
        raise ValueError(f"order must be at least 1, not {order}")
    import random  # here, since few who import the package check derivatives

    source = random.Random(rng) if isinstance(rng, int) else rng
    leaves, spec = flatten(args, "args")
    x = [leaf.data if isinstance(leaf, Value) else leaf for leaf in leaves]

    def outputs(leaves: Any) -> list[Any]:
        return flatten(f(*unflatten(spec, leaves)), "the result of f")[0]

    result, _ = vjp(f, *unflatten(spec, x))
    check = _Check(outputs, paths(flatten(result, "f")[1], "f"), x, paths(spec, "args"), source)
    kinks = check.run()
    check.check_passes()
    while check.level < order and all(map(isfinite, check.gradient)):
        check = check.next()
        kinks += check.run()
    return list(dict.fromkeys(kinks))


@dataclass
class _Check:
    """The check of one order: of the derivatives of `outputs`, a function from list to list.

    The gradient checked is that of a sum of the outputs with random weights. It is a function to
    check in turn.
    """

    outputs: Callable[[Any], list[Any]]
    output_names: Sequence[str]
    x: Point
    names: Sequence[str]
    source: Random
    level: int = 1
    before: _Check | None = None

    def __post_init__(self) -> None:
        draw = self.source.uniform
        self.sizes = [max(abs(value), _SMALLEST) for value in self.x]
        self.direction = [copysign(draw(0.5, 1.0), draw(-1.0, 1.0)) * size for size in self.sizes]
        self.weights = [draw(0.5, 1.5) for _ in self.output_names]
        self.values, pullback = vjp(self.outputs, self.x)
        self.gradient: list[float] = pullback(self.weights)[0]

    def next(self) -> _Check:
        """Return the check of the derivatives of the gradient, if that can be recorded."""
        names, level = [f"∂/∂{name}" for name in self.names], self.level + 1
        try:
            self._check_recorded_pass()
            return _Check(grad(self.total), names, self.x, self.names, self.source, level, self)
        except RuntimeError as error:
            raise GradientError(f"derivatives of order {level} are refused: {error}") from error

    def total(self, x: Any) -> Any:
        """Return the weighted sum of the outputs."""
        return p.dot(*self.weights, *self.outputs(x), 0.0)

    def run(self) -> list[str]:
        """Compare along the direction, then one by one if that fails; give the kinks met."""
        if not all(map(isfinite, [*self.values, *self.gradient])):
            return self._examine()
        terms = [slope * v for slope, v in zip(self.gradient, self.direction, strict=True)]
        slope = p.fsum(*terms)
        doubt = _ROUNDING * _terms(self.total, self.x)
        for way, other in self._other_ways().items():
            if not abs(other - slope) <= _AGREEMENT * sum(map(abs, [*terms, other])) + doubt:
                return self._examine(
                    f": along a random direction {way} gives {other!r}, and reverse mode {slope!r}"
                )
        if _compare(self.total, self.x, self.direction, slope)[0]:
            return []
        return self._examine()

    def _other_ways(self) -> dict[str, float]:
        """Return the slope along the direction as it comes out by other ways than the gradient."""
        rates = {"forward mode": jvp(self.outputs, (self.x,), (self.direction,))[1]}
        if self.before is not None:
            rates["the Hessian product"] = hvp(self.before.total, self.x, self.direction)
        return {way: p.dot(*self.weights, *rate, 0.0) for way, rate in rates.items()}

    def _examine(self, disagreement: str = "") -> list[str]:
        """Compare derivative by derivative: name the kinks, or raise with a table."""
        kinks: list[str] = []
        rows: list[tuple[str, ...]] = []
        failed = bool(disagreement)
        for k, (output_name, value) in enumerate(zip(self.output_names, self.values, strict=True)):

            def output(x: Any, k: int = k) -> Any:
                return self.outputs(x)[k]

            (slopes,) = vjp(output, self.x)[1](1.0)
            columns = zip(self.names, slopes, self.sizes, strict=True)
            for i, (name, slope, size) in enumerate(columns):
                axis = [size if i == j else 0.0 for j in range(len(self.x))]
                right, numeric = _compare(output, self.x, axis, slope * size)
                found = [] if right else _kinks(output, self.x, self.names, axis)
                if not (right or found or isfinite(value)):
                    found = [f"{output_name} = {value}"]
                kinks += found
                failed = failed or not (right or found)
                note = "" if right else f"kink: {found[0]}" if found else "<-- wrong"
                numbers = slope, numeric / size, slope - numeric / size
                rows.append((output_name, name, *[f"{number:.10g}" for number in numbers], note))
        if failed:
            raise GradientError(
                f"derivatives of order {self.level} are wrong{disagreement}\n{_table(rows)}"
            )
        return kinks

    def check_passes(self) -> None:
        """Raise unless passes by `backward()` add up, each in proportion to its seed."""
        leaves = [Value(value) for value in self.x]
        root = self.total(leaves)
        if isinstance(root, Value):
            with _grads_kept(root):
                root.backward()
                root.backward(seed=2.0)
                self._require_gradient("backward() and backward(seed=2)", leaves, 3.0)

    def _check_recorded_pass(self) -> None:
        """Raise unless `backward(create_graph=True)` gives the gradient."""
        leaves = [Value(value) for value in self.x]
        root = self.total(leaves)
        if isinstance(root, Value):
            with _grads_kept(root):
                root.backward(create_graph=True)
                self._require_gradient("backward(create_graph=True)", leaves, 1.0)
                for leaf in leaves:
                    leaf.grad = 0.0 if leaf.grad_value is None else leaf.grad_value.data
                self._require_gradient("backward(create_graph=True)", leaves, 1.0)

    def _require_gradient(self, passes: str, leaves: Sequence[Value], factor: float) -> None:
        doubt = _ROUNDING * _terms(self.total, self.x)
        rows = zip(self.names, self.sizes, leaves, self.gradient, strict=True)
        for name, size, leaf, slope in rows:
            difference, want = leaf.grad - factor * slope, factor * slope
            if isfinite(want) and not abs(difference) <= _AGREEMENT * abs(want) + doubt / size:
                raise GradientError(
                    f"{passes} give {name} the gradient {leaf.grad!r}, and vjp gives {slope!r} for "
                    "a seed of 1: a gradient or a seed is lost, or kept too long"
                )


# --- finite differences ---------------------------------------------------------------------------


class _Estimate(NamedTuple):
    """A slope by differences, and how far it may be off."""

    slope: float
    change: float  # with the step
    noise: float  # by rounding, which grows as the step shrinks
    step: float

    @property
    def doubt(self) -> float:
        doubt = self.change + self.noise
        return doubt if isfinite(doubt) else inf

    def rank(self) -> tuple[bool, float]:
        """Put the surest first: of those that have settled in proportion; else by amount.

        Near a pole large steps give small slopes, and by amount these would win. Where the slope
        vanishes, none settles.
        """
        size = abs(self.slope)
        settled = self.doubt <= _CRUDE * size < inf
        return not settled, self.doubt / size if settled else self.doubt


def _compare(f: Scalar, x: Point, direction: Sequence[float], slope: float) -> tuple[bool, float]:
    """Tell whether a slope is right, as far as differences are sure, and give theirs."""
    estimates = []
    for step in _STEPS:
        estimates.append(estimate := _estimate(f, x, direction, step))
        scale = abs(slope) + abs(estimate.slope) + estimate.change
        if estimate.doubt <= _TOLERANCE * abs(estimate.slope) or estimate.noise > _CRUDE * scale:
            break
    best = min(estimates, key=_Estimate.rank)
    size = abs(slope) + abs(best.slope)
    sure = isfinite(slope) and (best.noise <= _CRUDE * size or best.step > 1e-9)
    # a slope that vanishes at the point is compared on the scale of those nearby
    scale = max([size, *[abs(x.slope) for x in estimates if isfinite(x.slope)][:1]])
    allowed = _TOLERANCE * scale + min(best.change, _CRUDE * size) + best.noise + _UNDERFLOW
    return sure and abs(slope - best.slope) <= allowed, best.slope


def _estimate(f: Scalar, x: Point, direction: Sequence[float], step: float) -> _Estimate:
    """Return the slope of `f` along a direction by a difference of fourth order."""
    half, one, two = [
        vjp(f, _moved(x, direction, t))[0] - vjp(f, _moved(x, direction, -t))[0]
        for t in (0.5 * step, step, 2.0 * step)
    ]
    coarse, fine = (8.0 * one - two) / (12.0 * step), (8.0 * half - one) / (6.0 * step)
    terms = max(_terms(f, x), _terms(f, _moved(x, direction, 2.0 * step)))
    return _Estimate(fine, abs(coarse - fine), 4.0 * ulp(1.0) * terms / step, step)


def _moved(x: Point, direction: Sequence[float], t: float) -> list[float]:
    return [value + t * v for value, v in zip(x, direction, strict=True)]


def _terms(f: Scalar, x: Point) -> float:
    """Return Σ |node · ∂f/∂node|: by so many units in the last place may rounding move the value.

    A small difference of large numbers is less sure than its own digits tell.
    """
    root = f([Value(value) for value in x])
    terms = [_UNDERFLOW]
    if isinstance(root, Value):
        with _grads_kept(root) as nodes:
            root.backward()
            terms += [abs(node.data * node.grad) for node in nodes]
    return sum(filter(isfinite, terms))


@contextmanager
def _grads_kept(root: Value) -> Iterator[list[Value]]:
    """Let passes run, and then give the nodes that `f` uses from outside their gradients back."""
    nodes = gradient_order(root)
    kept = [(node, node.grad, node.grad_value) for node in nodes if not node.op]
    try:
        yield nodes
    finally:
        for node, grad, grad_value in kept:
            node.grad, node._grad = grad, grad_value


# --- kinks ----------------------------------------------------------------------------------------


def _kinks(f: Scalar, x: Point, names: Sequence[str], direction: Sequence[float]) -> list[str]:
    """Name the nodes whose value or slope jumps at the point, along a direction."""
    below, here, above = [_graph(f, _moved(x, direction, t), names) for t in (-_NUDGE, 0.0, _NUDGE)]
    ops = [[node.op for node in graph] for graph in (below, here, above)]
    if not ops[0] == ops[1] == ops[2]:
        return ["a branch in Python: the graph is another one nearby"]
    jumping = {
        node
        for left, node, right in zip(below, here, above, strict=True)
        if node.op and _is_kink(left, node, right)
    }
    # a node that jumps only because a parent does is not the cause
    causes = [node for node in jumping if jumping.isdisjoint(node.parents)]
    return sorted({f"{node.op} at {described(node.parents)}" for node in causes})


def _graph(f: Scalar, x: Point, names: Sequence[str]) -> list[Value]:
    """Return the nodes of the graph at a point, with the arguments named."""
    root = f([Value(value, name) for name, value in zip(names, x, strict=True)])
    roots = (root,) if isinstance(root, Value) else ()
    return topological_order(roots, lambda node: node.parents[::-1])


def _is_kink(left: Value, node: Value, right: Value) -> bool:
    """Tell whether the value is not finite, or jumps, or a local derivative does."""
    values = [x.data for x in (left, node, right)]
    slopes = [[slope or 0.0 for slope in x.local_derivatives] for x in (left, node, right)]
    return not all(map(isfinite, values)) or any(
        _jumps(a, b) or _jumps(b, c) for a, b, c in [values, *zip(*slopes, strict=True)]
    )


def _jumps(a: float, b: float) -> bool:
    same = a == b or (a != a and b != b)
    return not same and not abs(a - b) <= 1e-3 * max(1.0, min(abs(a), abs(b)))


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Set rows of text in columns; of many, only those with a note."""
    from autograd import notation  # here, since few who import the package check derivatives

    title = ("derivative of", "wrt", "analytic", "numeric", "difference", "")
    shown = rows if len(rows) <= _ROWS else [row for row in rows if row[-1]][:_ROWS]
    more = [f"... and {len(rows) - len(shown)} more"] * (len(shown) < len(rows))
    return "\n".join([notation.aligned([title, *shown], left=range(len(title))), *more])
