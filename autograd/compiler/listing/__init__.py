"""A program in the language of the lecture: what `print(compiled)` shows, and what it costs.

Slots become vectors (`vectors.py`) with names (`names.py`), steps become equations
(`equations.py`), read as terms (`reading.py`) with their gradients (`gradient.py`), lines that
repeat become loops (`loops.py`), and all of it text (`text.py`), in notebooks with formulas
(`latex.py`); `cost.py` counts operations and bytes. Nothing here changes what is computed.
"""

from autograd.compiler.listing.cost import Cost, cost_of
from autograd.compiler.listing.equations import Equation
from autograd.compiler.listing.loops import stretches
from autograd.compiler.listing.reading import Line, Reading
from autograd.compiler.listing.text import listed, typeset
from autograd.compiler.listing.vectors import Vector

__all__ = [
    "Cost",
    "Equation",
    "Line",
    "Reading",
    "Vector",
    "cost_of",
    "listed",
    "stretches",
    "typeset",
]
