"""How mathematics is written, in text and in LaTeX.

`words.py` has symbols, numbers and tables; `formulas.py` formulas of single numbers, with the names
of the nodes and the derivatives, which it reads from the table of operations; `terms.py` those of
vectors and matrices.
"""

from autograd.notation.formulas import (
    LATEX,
    PRODUCT,
    TEXT,
    Formula,
    Names,
    Style,
    definition,
    derivative,
)
from autograd.notation.words import (
    aligned,
    columns,
    count,
    label,
    number,
    numbered,
    roles,
    span,
    symbol,
)

__all__ = [
    "LATEX",
    "PRODUCT",
    "TEXT",
    "Formula",
    "Names",
    "Style",
    "aligned",
    "columns",
    "count",
    "definition",
    "derivative",
    "label",
    "number",
    "numbered",
    "roles",
    "span",
    "symbol",
    "terms",
]
