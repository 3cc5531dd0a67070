"""Why a gradient is what it is: `explain`, `paths`, `why` and the steps of both passes.

`region.py` is the backward pass beside a graph, and the part of a graph between two nodes.
`chain_rule.py` writes it out, `pathways.py` counts and lists its paths, `diagnosis.py` looks for
what is wrong, with the causes of `causes.py`; `steps.py` goes through both passes node by node.
"""

from autograd.explanations.chain_rule import explain
from autograd.explanations.diagnosis import why
from autograd.explanations.pathways import paths
from autograd.explanations.region import swept
from autograd.explanations.steps import (
    BackwardStep,
    ForwardStep,
    Graph,
    backward_steps,
    forward_steps,
)

__all__ = ["BackwardStep", "ForwardStep", "Graph", "backward_steps", "explain", "forward_steps"]
__all__ += ["paths", "swept", "why"]
