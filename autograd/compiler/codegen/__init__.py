"""From a program to NumPy code.

`code.py` writes lines and knows how arrays are laid out, `lowering.py` writes the forward and the
backward pass by it, `product.py` the sums of products in these, `tables.py` the choices by index,
`tape.py` the steps that run row by row, and `instructions.py` these as plain data.
"""

from autograd.compiler.codegen.code import (
    Code,
    Symbol,
    Work,
    bound,
    expansion_of,
    function_code,
    strided_view,
    strides_of,
)
from autograd.compiler.codegen.instructions import (
    Instructions,
    Numbers,
    gradient_flow,
    gradient_instructions,
    value_instructions,
)
from autograd.compiler.codegen.lowering import Backward, Forward, result_letters, sides
from autograd.compiler.codegen.tables import BadIndexError

__all__ = [
    "Backward",
    "BadIndexError",
    "Code",
    "Forward",
    "Instructions",
    "Numbers",
    "Symbol",
    "Work",
    "bound",
    "expansion_of",
    "function_code",
    "gradient_flow",
    "gradient_instructions",
    "result_letters",
    "sides",
    "strided_view",
    "strides_of",
    "value_instructions",
]
