"""A number that remembers how it was made, and the backward pass over such numbers.

Read `value.py` (the node), `graph.py` (its edges, and the order of a graph), `primitives.py` (what
an operation is) and `backward.py` (the chain rule): that is reverse-mode differentiation whole. The
operations with their derivatives stand in `table.py`, to look them up; `methods.py` and
`functions.py` are made from it. The rest is what is not usual: `modes.py`, `dispatch.py` (other
kinds of numbers), `operators.py` (which they share), `ufuncs.py` (NumPy's functions),
`higher_order.py` (a pass of nodes), `copies.py`, `custom.py` (operations of users), and for speed
alone `sums.py` and `speed.py`.
"""

from autograd.engine import modes, table
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
from autograd.engine.primitives import OWN, REAL, TABLE, Interval, Primitive
from autograd.engine.speed import collector_paused
from autograd.engine.value import Value

__all__ = ["OWN", "REAL", "TABLE", "Interval", "Operators", "Primitive", "Value"]
__all__ += ["collector_paused", "custom", "described", "detect_anomaly", "edges_of", "functions"]
__all__ += ["gradient_order", "higher_order", "modes", "no_grad", "nodes_of", "operands_of"]
__all__ += ["operation_of", "site_of", "slopes_of", "sums", "sweep", "table", "topological_order"]
__all__ += ["ufuncs", "zero_grad"]
