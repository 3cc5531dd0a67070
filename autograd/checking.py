"""Checks of derivatives against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from autograd import primitives as p
from autograd.errors import GradientError
from autograd.graph import topological_order
from autograd.structure import flatten, paths, unflatten
from autograd.transforms import grad, hvp, jvp, vjp
from autograd.value import Value, described

if TYPE_CHECKING:
    from random import Random

_STEP = 2e-3  # in units of a variable's size; the error of the difference falls as its 4th power
_SMALLEST = 1e-2  # the size a variable near zero is taken to have
_NUDGE = 1e-7  # across so little, a smooth function hardly changes, and a jump or a kink shows
_TOLERANCE = 1e-6  # of a derivative against a difference
_AGREEMENT = 1e-9  # of two derivatives with each other

Point = list[float]


def check_grads(
    f: Callable[..., Any],
    args: tuple[Any, ...],
    order: int = 2,
    *,
    rng: Random | int = 0,
) -> list[str]:
    """Check the derivatives of `f` at `args`, in both modes, against finite differences.

    A random direction is compared first, and each coordinate where that fails. Every order checks
    the derivative of the one before, order 2 the product with the Hessian.

    Args:
        f: a function of any structure.
        args: its arguments.
        order: how many orders to check, at least 1.
        rng: the source of random directions, or a seed for one.

    Returns:
        The kinks met, by name. Across a kink a difference means nothing, so there the derivative
        is not compared; where all is smooth the list is empty.

    Raises:
        GradientError: a derivative is wrong; the message has analytic and numeric values.
        TypeError: `args` is not a tuple, or an argument is no real number.
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
    source = _random(rng) if isinstance(rng, int) else rng
    x, spec = flatten(args, "args")
    names = paths(spec, "args")
    outputs = _outputs(f, spec)
    kinks: list[str] = []
    for level in range(1, order + 1):
        check = _Check(outputs, x, names, level, source)
        kinks += check.run()
        outputs = check.gradient
    return list(dict.fromkeys(kinks))


def _random(seed: int) -> Random:
    import random  # here, since few who import the package check derivatives

    return random.Random(seed)


def _outputs(f: Callable[..., Any], spec: Any) -> Callable[[Any], list[Any]]:
    """Make `f` a function of a flat list that gives a flat list."""

    def outputs(leaves: Any) -> list[Any]:
        return flatten(f(*unflatten(spec, leaves)), "the result of f")[0]

    return outputs


class _Check:
    """The check of one order: of the derivative of `outputs`, a function from list to list.

    Outputs are weighted at random and added up, so that there is one gradient to check.
    """

    def __init__(
        self,
        outputs: Callable[[Any], list[Any]],
        x: Point,
        names: Sequence[str],
        level: int,
        source: Random,
    ) -> None:
        self.outputs, self.x, self.names, self.level = outputs, x, names, level
        self.sizes = [max(abs(value), _SMALLEST) for value in x]
        self.direction = [source.uniform(-1.0, 1.0) * size for size in self.sizes]
        self.values, self.pullback = vjp(outputs, x)
        self.weights = [source.uniform(0.5, 1.5) for _ in self.values]

    def total(self, x: Any) -> Any:
        """Give the weighted sum of the outputs."""
        return p.dot(*self.weights, *self.outputs(x), 0.0)

    def gradient(self, x: Any) -> list[Any]:
        """Give the gradient of the weighted sum, a function to check in turn."""
        result: list[Any] = grad(self.total)(x)
        return result

    def run(self) -> list[str]:
        """Compare, and give the kinks met."""
        (gradient,) = self.pullback(self.weights)
        if not all(map(isfinite, gradient)):
            return self._examine(gradient)
        slope = p.fsum(*[g * v for g, v in zip(gradient, self.direction, strict=True)])
        size = sum(abs(g * v) for g, v in zip(gradient, self.direction, strict=True))
        _, rates = jvp(self.outputs, (self.x,), (self.direction,))
        self._agree("forward mode", p.dot(*self.weights, *rates, 0.0), slope, size)
        if self.level == 1:
            self._check_accumulation(gradient)
        product = p.fsum(*hvp(self.total, self.x, self.direction))
        recorded = p.fsum(*jvp(self.gradient, (self.x,), (self.direction,))[1])
        self._agree("the Hessian product", product, recorded, abs(product) + abs(recorded))
        if self._wrong(slope, self.direction):
            return self._examine(gradient)
        return []

    def _agree(self, what: str, a: float, b: float, size: float) -> None:
        """Raise if two ways to the same derivative differ; `size` is that of the terms."""
        if abs(a - b) > _AGREEMENT * (size + abs(a)):
            raise GradientError(
                f"order {self.level}: {what} gives {a!r}, where reverse mode gives {b!r}"
            )

    def _check_accumulation(self, gradient: Sequence[float]) -> None:
        """Raise unless two calls of `backward()` add the gradient twice."""
        leaves = [Value(value) for value in self.x]
        root = self.total(leaves)
        if isinstance(root, Value):
            root.backward()
            root.backward()
        for name, leaf, expected in zip(self.names, leaves, gradient, strict=True):
            if abs(leaf.grad - 2.0 * expected) > _AGREEMENT * abs(expected):
                raise GradientError(
                    f"calling backward() twice gives {name} the gradient {leaf.grad!r}, not twice "
                    f"{expected!r}: a gradient is kept too long, or not added up"
                )

    def _moved(self, direction: Sequence[float], t: float) -> Point:
        return [value + t * d for value, d in zip(self.x, direction, strict=True)]

    def _numeric(self, direction: Sequence[float], step: float) -> float:
        """Give the slope of the weighted sum along a direction, by differences of fourth order."""
        near, far = [
            self._at(self._moved(direction, t)) - self._at(self._moved(direction, -t))
            for t in (step, 2.0 * step)
        ]
        return (8.0 * near - far) / (12.0 * step)

    def _at(self, x: Point) -> float:
        value: float = p.dot(*self.weights, *vjp(self.outputs, x)[0], 0.0)
        return value

    def _wrong(self, slope: float, direction: Sequence[float]) -> bool:
        """Tell whether a slope differs from the numeric one by more than that can be off."""
        coarse, fine = self._numeric(direction, _STEP), self._numeric(direction, _STEP / 2.0)
        size = abs(slope) + abs(fine)
        rounding = 1e-9 * sum(abs(w * y) for w, y in zip(self.weights, self.values, strict=True))
        allowed = _TOLERANCE * size + rounding + min(abs(coarse - fine), 1e-3 * size)
        return not abs(slope - fine) <= allowed

    def _examine(self, gradient: Sequence[float]) -> list[str]:
        """Compare coordinate by coordinate: name the kinks, or raise with a table."""
        kinks: list[str] = []
        rows, failed = [], False
        for i, (name, size, slope) in enumerate(zip(self.names, self.sizes, gradient, strict=True)):
            axis = [size if i == j else 0.0 for j in range(len(self.x))]
            numeric = self._numeric(axis, _STEP / 2.0) / size
            note = ""
            if self._wrong(slope * size, axis):
                here = self._kinks(axis)
                kinks += here
                failed = failed or not here
                note = f"kink: {here[0]}" if here else "<-- wrong"
            rows.append((name, f"{slope:.10g}", f"{numeric:.10g}", f"{slope - numeric:.2g}", note))
        if failed:
            raise GradientError(
                f"derivatives of order {self.level} are wrong:\n"
                + _table([("argument", "analytic", "numeric", "difference", ""), *rows])
            )
        return kinks

    def _kinks(self, direction: Sequence[float]) -> list[str]:
        """Name the nodes whose value or slope jumps at the point, along a direction."""
        below, above = [self._graph(self._moved(direction, t)) for t in (-_NUDGE, _NUDGE)]
        if [node.op for node in below] != [node.op for node in above]:
            return ["a branch in Python: the graph differs on either side"]
        jumping = {
            node
            for node, left, right in zip(self._graph(self.x), below, above, strict=False)
            if node.op and any(map(_jumps, _profile(left), _profile(right)))
        }
        # a node that jumps only because a parent does is not the cause
        causes = [node for node in jumping if jumping.isdisjoint(node.parents)]
        return sorted(f"{node.op} at {described(node.parents)}" for node in causes)

    def _graph(self, x: Point) -> list[Value]:
        """Give the nodes of the graph at a point, with the arguments named."""
        leaves = [Value(value, name) for name, value in zip(self.names, x, strict=True)]
        root = self.total(leaves)
        if not isinstance(root, Value):
            return []
        return topological_order((root,), lambda node: node.parents[::-1])


def _profile(node: Value) -> list[float]:
    """Give what jumps at a kink: the value and the local derivatives, 0 where there is no edge."""
    return [node.data, *[local or 0.0 for local in node.local_derivatives]]


def _jumps(a: float, b: float) -> bool:
    return not abs(a - b) <= 1e-3 * max(1.0, min(abs(a), abs(b)))


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Set rows of text in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
