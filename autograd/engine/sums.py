"""Sums of products, which plain code makes by the thousand, kept as one node until somebody looks.

`sum(w * x for ...)` makes two nodes a term, and nobody ever sees most of them. So when a sum is
added to, the product that it ends with is written into it, if nothing else holds that product:

    before   s₁ = 0 + w₁·x₁    s₂ = s₁ + w₂·x₂    s₃ = s₂ + w₃·x₃      two nodes a term
    after    s₂ = 0 + w₁·x₁ + w₂·x₂               s₃ = s₂ + w₃·x₃      operands, slopes: two lists

A backward pass walks along the lists. Whoever else asks for the operands of such a sum gets the
graph as it was, made again by `written_out`. If `write_in` did nothing, every result would stay
what it is, but for the last digits of gradients, which would be added up in another order.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import accumulate
from typing import Any

# PyPy does not count who holds an object, and threads without a lock would write at the same time.
_counts = hasattr(sys, "getrefcount") and getattr(sys, "_is_gil_enabled", lambda: True)()
holders: Callable[[object], int] = sys.getrefcount if _counts else lambda _: -1


def _alone() -> int:
    """Return what `holders` says of a local variable, if only a slot of a node holds that, too."""
    slot = [object()]
    held = slot[0]
    return holders(held)


ALONE = _alone() if _counts else 0


def write_in(total: Any, product: Any) -> Any:
    """Write the product that a sum of two nodes ends with into the sum, if only the sum holds it.

    Args:
        total: the sum. If only it holds what it begins with, and products have been written into
            that, it takes these over.
        product: the row by which a product is made.

    Returns:
        A node to make another one of, since nothing holds it any more; or None.
    """
    first, last = total._a, total._b
    if last._primitive is not product or last._da is None or last._db is None:
        return None
    if last.name is not None or holders(last) != ALONE:
        return None
    if total._da is None:  # a number at the beginning, which has no edge
        total._a, total._da = [last._a, last._b], [last._da, last._db]
        total._b, total._db = (first, total.data, product), None
    elif first._da.__class__ is not list or first.name is not None or holders(first) != ALONE:
        total._a, total._da = [first, last._a, last._b], [1.0, last._da, last._db]
        total._b, total._db = (None, total.data, product), None
    elif total._db is not None:  # no other thread was faster
        operands, slopes = first._a, first._da
        operands.append(last._a)
        operands.append(last._b)
        slopes.append(last._da)
        slopes.append(last._db)
        total._a, total._b, total._da, total._db = operands, first._b, slopes, None
        return first
    return None


def written_out(node: Any, new_node: Callable[..., Any]) -> Any:
    """Return a node, after the nodes that are written into it have been made again.

    Each has the gradient of the node, which adds them up.
    """
    if node._da.__class__ is not list:
        return node
    kind, op, gradient = type(node), node._primitive, node.grad
    operands, slopes, (first, data, product) = iter(node._a), iter(node._da), node._b
    slope = None
    if first is None:
        first, slope = next(operands), next(slopes)
    terms = zip(operands, operands, slopes, slopes, strict=True)
    products = [new_node(kind, product, db * da, a, b, da, db) for a, b, da, db in terms]
    for last in products:
        last.grad = gradient
    sums = accumulate([last.data for last in products[1:-1]], initial=data)
    for last, data in zip(products[:-1], sums, strict=False):
        first, slope = new_node(kind, op, data, first, last, slope, 1.0), 1.0
        first.grad = gradient
    node._a, node._b, node._da, node._db = first, products[-1], slope, 1.0
    return node
