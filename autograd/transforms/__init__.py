"""Functions that turn a function into its derivatives: `grad` and its kin.

Read `derivatives.py`; it goes through arguments that are lists and dicts of numbers by `trees.py`,
and forward by the dual numbers of `dual.py`. `check.py` compares derivatives with finite
differences.
"""

from autograd.transforms.check import check_grads
from autograd.transforms.derivatives import (
    argument_places,
    flatten_result,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    name_of,
    split_aux,
    value_and_grad,
    vjp,
)

__all__ = ["argument_places", "check_grads", "flatten_result", "grad", "hessian", "hvp"]
__all__ += ["jacobian", "jvp", "name_of", "split_aux", "trees", "value_and_grad", "vjp"]
