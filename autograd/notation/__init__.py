"""How mathematics is written, in text and in LaTeX.

`words.py` has symbols, numbers and tables; `formulas.py` formulas of single numbers, with the names
of the nodes and the derivatives, which it reads from the table of operations; `terms.py` those of
vectors and matrices.
"""
