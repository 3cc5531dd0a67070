"""What operations compute on plain numbers; no derivative is here.

`floats.py` has the floats, with an answer for every number, infinity and nan; `arrays.py` the same
functions on NumPy arrays; `erf_table.py` the error function of arrays, faster than SciPy's.
"""

__all__ = ["arrays", "erf_table", "floats"]
