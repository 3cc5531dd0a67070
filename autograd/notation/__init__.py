"""How mathematics is written, in text and in LaTeX.

`words.py` has numbers, lists and tables; `operations.py` the language, operation by operation;
`names.py` the names of nodes; `styles.py` writes; `formulas.py` has the formulas themselves, and
the derivatives, which it reads from the table of operations.
"""

from autograd.notation.formulas import (
    Expression,
    Formula,
    definition,
    derivative,
    is_number,
    slope,
    summed,
    total,
)
from autograd.notation.names import Names
from autograd.notation.operations import SHARES, roles, symbol
from autograd.notation.styles import LATEX, TEXT, Style
from autograd.notation.words import Cut, aligned, columns, count, label, number, numbered, span

__all__ = ["LATEX", "SHARES", "TEXT", "Cut", "Expression", "Formula", "Names", "Style", "aligned"]
__all__ += ["columns", "count", "definition", "derivative", "is_number", "label", "number"]
__all__ += ["numbered", "roles", "slope", "span", "summed", "symbol", "total"]
