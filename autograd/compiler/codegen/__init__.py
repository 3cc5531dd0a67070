"""From a program to NumPy code.

`code.py` writes lines and knows how arrays are laid out, `lowering.py` writes the forward and the
backward pass by it, `product.py` the sums of products in these, `tables.py` the choices by index,
`triangles.py` the factorisations, `loops.py` the steps of a recurrence, once for all rounds, and
`tape.py` those that run row by row; `instructions.py` makes these plain data, which `machine.py`
runs in native code, and `runs.py` makes tapes of small steps for that; `kernels.py` has functions
and products by lanes, and `native.py` has Numba make and keep native code. In the backward pass
`aliases.py` saves copies of gradients, and `saturating.py` functions whose slopes the results tell.
"""

from autograd.compiler.codegen.code import (
    VIEWS,
    Code,
    Symbol,
    Work,
    bound,
    expansion_of,
    extent,
    function_code,
    strided_view,
    strides_of,
)
from autograd.compiler.codegen.instructions import (
    Instructions,
    Numbers,
    arity,
    gradient_flow,
    gradient_instructions,
    numbers_of,
    value_instructions,
)
from autograd.compiler.codegen.kernels import functions as native_functions
from autograd.compiler.codegen.loops import (
    Places,
    backward_rounds,
    forward_rounds,
    places_of,
)
from autograd.compiler.codegen.lowering import Backward, Forward, result_letters, sides
from autograd.compiler.codegen.machine import for_operations as machine_for
from autograd.compiler.codegen.norms import with_norms
from autograd.compiler.codegen.product import ROWS, TERMS
from autograd.compiler.codegen.runs import with_runs
from autograd.compiler.codegen.tables import BadIndexError

__all__ = [
    "ROWS",
    "TERMS",
    "VIEWS",
    "Backward",
    "BadIndexError",
    "Code",
    "Forward",
    "Instructions",
    "Numbers",
    "Places",
    "Symbol",
    "Work",
    "arity",
    "backward_rounds",
    "bound",
    "expansion_of",
    "extent",
    "forward_rounds",
    "function_code",
    "gradient_flow",
    "gradient_instructions",
    "machine_for",
    "native_functions",
    "numbers_of",
    "places_of",
    "result_letters",
    "sides",
    "strided_view",
    "strides_of",
    "value_instructions",
    "with_norms",
    "with_runs",
]
