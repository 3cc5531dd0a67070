"""A number that remembers how it was made, and the backward pass over such numbers.

Read `graph.py` (the order of a graph), `primitives.py` (the table of operations with their
derivatives), `value.py` (the node) and `backward.py` (the chain rule): that is reverse-mode
differentiation whole. The rest is what is not usual: `modes.py`, `dispatch.py` (other kinds of
numbers), `operators.py` (which they share with Value), `higher_order.py` (a pass of nodes),
`copies.py`, `custom.py` (operations of users), `functions.py` (`exp` and its kin) and `speed.py`.
"""

from autograd.engine import modes, primitives
from autograd.engine.backward import sweep, zero_grad
from autograd.engine.graph import (
    edges_of,
    gradient_order,
    nodes_of,
    operands_of,
    operation_of,
    site_of,
    slopes_of,
    topological_order,
)
from autograd.engine.modes import described, detect_anomaly, no_grad
from autograd.engine.operators import Operators
from autograd.engine.primitives import REAL, TABLE, Interval, Primitive
from autograd.engine.speed import collector_paused
from autograd.engine.value import Value, equal, unequal

__all__ = [
    "REAL",
    "TABLE",
    "Interval",
    "Operators",
    "Primitive",
    "Value",
    "collector_paused",
    "custom",
    "described",
    "detect_anomaly",
    "edges_of",
    "equal",
    "functions",
    "gradient_order",
    "higher_order",
    "modes",
    "no_grad",
    "nodes_of",
    "operands_of",
    "operation_of",
    "primitives",
    "site_of",
    "slopes_of",
    "sweep",
    "topological_order",
    "unequal",
    "zero_grad",
]
