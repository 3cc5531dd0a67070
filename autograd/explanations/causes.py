"""Why one edge of a graph passes a gradient on badly: what `diagnosis.py` blames.

Every cause has a name, a sentence about the node, with its numbers, and an advice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite, isinf, nan
from typing import Any

from autograd import notation
from autograd.engine import (
    REAL,
    Interval,
    Value,
    nodes_of,
    operands_of,
    operation_of,
    site_of,
    topological_order,
)
from autograd.engine import table as p
from autograd.notation import TEXT, Names, definition

_LIMITED = {"sigmoid", "tanh", "softmax", "log_softmax", "logsumexp", "log_sigmoid", "atan"}
_LIMITED |= {"erf", "erfc"}
_SATURATED = 0.05  # a slope below this is that of a curve that has become flat
_LONGEST = 48  # characters of a formula; a longer one is only hinted at
_STEEP = 1e3  # a slope above this is that of a curve close to a pole

ADVICE = {
    "not connected": "use the Value itself, not its .data, .item() or a detached copy, outside of "
    "no_grad(); a comparison passes no gradient on either",
    "branch not taken": "only what where, maximum, minimum or clip chose gets a gradient; for the "
    "other side take other numbers, or a smooth function such as logsumexp",
    "clipped": "widen the bounds, or clip the gradient instead of the value",
    "dead": "scale the inputs, lower the learning rate or draw other weights, so that it becomes "
    "active; or take leaky_relu, elu or gelu; as a hinge loss, it cannot get smaller",
    "inactive": "scale the inputs, or draw smaller weights",
    "saturated": "scale the inputs, draw smaller weights, or take an activation that does not "
    "saturate, such as relu; in a loss, give logits to cross_entropy or binary_cross_entropy",
    "small slopes": "take an activation whose slope is about 1, such as relu, or fewer layers",
    "zero factor": "a product with 0 hides the other factor: draw the weights at random, and look "
    "whether an input is always 0",
    "small factors": "scale the inputs, or draw weights of another size",
    "large factors": "scale inputs and weights, lower the learning rate, or clip the gradient",
    "flat": "at a point where the slope is 0, such as a minimum, there is nothing to descend",
    "flat function": "a step has no slope anywhere: take a smooth function such as sigmoid",
    "cancelled": "nothing need be wrong: the ways in which the node acts on the result cancel out, "
    "as they do at an optimum or for a symmetric start",
    "domain edge": "keep the operand inside the domain: add a small number to it; where() protects "
    "only the branch that it does not take",
    "domain edge of log": "keep the operand above 0: add a small number to it, or take log1p, "
    "xlogy, softplus or logsumexp, made for this; where() protects only the branch that it does "
    "not take",
    "overflow": "numbers above 1.8e308 do not fit: subtract the largest before exp, or take "
    "logsumexp, softmax or log_sigmoid",
    "underflow": "numbers below 5e-324 are 0: too many small slopes or factors on the way",
    "not a number": "find out where the number comes from, and keep it out of the computation",
}


@dataclass(frozen=True)
class Finding:
    """One node that is to blame.

    Attributes:
        cause: what is wrong there, such as "dead relu" or "saturated sigmoid".
        node: the node.
        text: what happens there, with the numbers.
        factor: by what the gradient is multiplied there; nan if that has no meaning.
    """

    cause: str
    node: Value
    text: str
    factor: float

    @property
    def site(self) -> str | None:
        """The line that made the node, if `detect_anomaly` recorded it.

        >>> Finding("flat point", Value(1.0).square(), "", 0.0).site is None
        True
        """
        return site_of(self.node)

    @property
    def place(self) -> str:
        """The neuron that the node belongs to, by the names of its weights; "" if it has none.

        >>> import autograd
        >>> z = autograd.dot([Value(1.0, "layer2.neuron3.w1")], [Value(2.0)])
        >>> Finding("zero factor", autograd.tanh(z), "", 0.0).place
        'layer2.neuron3'
        """
        node: Any = self.node
        if node.op and node.op != "dot":
            node = operands_of(node)[0]
        if node.__class__ is float or node.op != "dot":
            return ""
        names = [x.name for x in operands_of(node) if x.__class__ is not float and x.name]
        return names[0].rpartition(".")[0] if names else ""


def advice(cause: str) -> str:
    """Return what helps against a cause.

    >>> advice("clipped")
    'widen the bounds, or clip the gradient instead of the value'
    """
    known = [key for key in ADVICE if cause.startswith(key)]
    return ADVICE[max(known, key=len)]


# --- what is to be said about a node --------------------------------------------------------------


def described(node: Value, names: Names) -> str:
    """Write what a node computes, with the numbers of its operands.

    >>> x = Value(-3.0, "x")
    >>> described(x.relu(), Names([]))
    'z₁ = ReLU(x) = 0, x = -3'
    """
    if not node.op:
        return f"{names.text(node)} = {TEXT.number(node.data)}"
    result = TEXT.number(node.data)
    formula = TEXT.formula(definition(node), names)
    if len(formula) > _LONGEST:
        return f"{names.text(node)} = {notation.symbol(node.op)} = {result}"
    operands = [x for x in dict.fromkeys(nodes_of(node)) if x in names]
    numbers = [f"{names.text(x)} = {TEXT.number(x.data)}" for x in operands]
    return ", ".join([f"{names.text(node)} = {formula} = {result}", *numbers])


def weak_edge(user: Value, parent: Value, local: float, names: Names) -> Finding:
    """Say why an edge passes little or nothing on."""
    op, i = user.op, _place(user, parent, local)
    operands = operands_of(user)
    x = getattr(operands[i], "data", operands[i])
    slope = f"its slope is {TEXT.number(local)}"
    cause, reason = f"small slopes of {op}", slope
    if op in p.RECTIFIERS and i == 0 and x <= 0.0:
        cause = "dead relu" if op == "relu" else f"inactive {op}"
        reason = f"at {TEXT.number(x)} {slope}"
    elif op in _LIMITED and abs(local) < _SATURATED:
        cause, reason = f"saturated {op}", f"the curve is flat there, {slope}"
    elif op == "clip" and i == 0:
        cause, reason = "clipped", f"{TEXT.number(x)} is outside of the bounds, where {slope}"
    elif op in ("maximum", "minimum", "clip") and local == 0.0:
        cause = "branch not taken"
        reason = f"{notation.symbol(op)} took the other operand, {TEXT.number(user.data)}"
    elif op in ("*", "dot", "/", "**", "xlogy"):
        cause = "zero factor" if local == 0.0 else "small factors"
        reason = f"{names.text(parent)} is multiplied by {_partner(user, i, local, names)}"
    elif op == "mean":
        cause, reason = "small factors", f"one of {len(operands)} in a mean"
    elif op in ("sign", "above"):
        cause, reason = "flat function", f"{slope} everywhere"
    elif local == 0.0:
        cause = "flat point"
    return Finding(cause, user, f"{described(user, names)}: {reason}", local)


def strong_edge(user: Value, parent: Value, local: float, names: Names) -> Finding:
    """Say why an edge makes a gradient grow."""
    slope = f"its slope with respect to {names.text(parent)} is {TEXT.number(local)}"
    near = operation_of(user) is p.div or any(x != REAL for x in _domains(user))
    is_edge = near and abs(local) > _STEEP
    cause = "domain edge" if is_edge else "large factors"
    reason = "close to the edge of its domain, " * is_edge
    return Finding(cause, user, f"{described(user, names)}: {reason}{slope}", local)


def bad_edge(user: Value, parent: Value, local: float, gradient: float, names: Names) -> Finding:
    """Say why an edge makes nan or infinity out of a finite gradient and finite operands."""
    if isfinite(local):
        text = f"{TEXT.factor(gradient)} · {TEXT.factor(local)} overflows"
        return Finding("overflow", user, f"{described(user, names)}: {text}", local)
    if constants := _spoilt_constants(user):
        return Finding("not a number", user, f"{described(user, names)}: {constants}", local)
    slope = f"its slope with respect to {names.text(parent)} is {TEXT.number(local)}"
    if gradient == 0.0 and isinf(local):
        slope += f", and 0 · {TEXT.number(local)} is nan"
    reason = _beyond(user)
    cause = "domain edge" if reason or isfinite(user.data) else "overflow"
    parts = [reason, slope] if reason else [slope]
    return Finding(cause, user, f"{described(user, names)}: {'; '.join(parts)}", local)


def sources(spoilt: Iterable[Value], names: Names) -> list[Finding]:
    """Say where numbers ceased to be finite, of which nodes have been computed that are not.

    >>> x = Value(-1.0, "x")
    >>> [finding] = sources([x.log() * 2], Names([x]))
    >>> finding.text
    'z₁ = ln(x) = nan, x = -1: ln is for numbers above 0, and -1 is outside'
    """
    order = topological_order(spoilt, nodes_of)
    return [
        _origin(node, names)
        for node in order
        if not isfinite(node.data) and has_finite_operands(node)
    ]


def has_finite_operands(node: Value) -> bool:
    """Tell whether all operands that are nodes have numbers to compute with.

    >>> has_finite_operands(Value(0.0).log()), has_finite_operands(Value(0.0).log() * 2)
    (True, False)
    """
    return all(isfinite(x.data) for x in nodes_of(node))


def _origin(node: Value, names: Names) -> Finding:
    """Say why a number is nan or infinite, none of whose operands that are nodes is."""
    cause, reason = "overflow", "the number is too large"
    if beyond := _beyond(node):
        cause, reason = "domain edge", beyond
    elif not node.op:
        cause, reason = "not a number", "it came in from outside"
    elif constants := _spoilt_constants(node):
        cause, reason = "not a number", constants
    return Finding(cause, node, f"{described(node, names)}: {reason}", nan)


def _beyond(node: Value) -> str:
    """Say which operand is at the edge of the domain or beyond; "" if none is."""
    op, operands = operation_of(node), [getattr(x, "data", x) for x in operands_of(node)]
    if op is p.div and operands[1] == 0.0:
        return "division by 0"
    if op is p.power:
        base, exponent = operands
        whole = exponent.is_integer() and exponent >= 1.0
        return "" if base > 0.0 or whole else f"the base {TEXT.number(base)} is not above 0"
    for x, (low, high) in zip(operands, _domains(node), strict=False):
        if not low < x < high and x == x:
            where = "at the edge" if x in (low, high) else "outside"
            edges = [edge for edge in (low, high) if isfinite(edge)]  # where a value may be
            closed = len(operands) == 1 and all(isfinite(op.forward(edge)) for edge in edges)
            numbers = _between(low, high, closed=closed)
            symbol = notation.symbol(node.op)
            return f"{symbol} is for numbers {numbers}, and {TEXT.number(x)} is {where}"
    return ""


def _between(low: float, high: float, *, closed: bool) -> str:
    """Write which numbers are in an interval that has edges."""
    if isinf(high):
        return f"from {low:g} on" if closed else f"above {low:g}"
    return f"from {low:g} to {high:g}" if closed else f"above {low:g} and below {high:g}"


def _spoilt_constants(node: Value) -> str:
    """Say with which constants a node computes that are nan or infinite; "" if there are none."""
    constants = [x for x in operands_of(node) if x.__class__ is float and not isfinite(x)]
    return f"it computes with {constants[0]}" if constants else ""


def _domains(node: Value) -> tuple[Interval, ...]:
    """Return the intervals on which the operands may be; none for any number of operands."""
    op = operation_of(node)
    return op.domain if op is not None and isinstance(op.partials, tuple) else ()


# --- helpers --------------------------------------------------------------------------------------


def _place(user: Value, parent: Value, local: float) -> int:
    """Find which operand an edge leads to."""
    operands, locals_ = operands_of(user), user.local_derivatives
    ways = [i for i, x in enumerate(operands) if x is parent]
    return next((i for i in ways if locals_[i] == local), ways[0])


def _partner(user: Value, i: int, local: float, names: Names) -> str:
    """Write what an operand is multiplied by, and its number."""
    operands, n = operands_of(user), len(operands_of(user)) // 2
    other: Any = None
    if user.op == "*":
        other = operands[1 - i]
    elif user.op == "dot" and i < 2 * n:
        other = operands[(i + n) % (2 * n)]
    known = isinstance(other, Value) and (other.op or other.name or other in names)
    return f"{names.text(other)} = {TEXT.number(local)}" if known else TEXT.number(local)
